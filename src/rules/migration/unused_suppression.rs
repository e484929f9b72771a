use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds `rls-lint: allow(…)` comments that silence nothing.
    ///
    /// ## Why it matters
    ///
    /// A comment that allows a finding should go when the finding does: otherwise it silences the
    /// next one, which nobody has looked at. A table whose open policy was once allowed for a demo
    /// stays unwatched for good. Comments whose last day is over, that name no known rule or that
    /// cannot be read are found as well. A comment for a rule that is switched off is left alone.
    ///
    /// ```sql,bad
    /// -- rls-lint: allow(no-primary-key) rows are never changed
    /// create table public.audit (id bigint primary key);
    /// ```
    ///
    /// ```sql,good
    /// -- rls-lint: allow(no-primary-key) rows are never changed
    /// create table public.audit (happened_at timestamptz not null default now());
    /// ```
    ///
    /// ## How to fix
    ///
    /// Delete the comment, or correct the name of the rule in it.
    "unused-suppression" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a comment allows what is not there",
        sources: &["squawk:unused-ignore"],
        options: Options::NONE,
        check: Check::Engine,
    }
}
