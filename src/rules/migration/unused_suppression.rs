use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds `rls-lint: allow(…)` comments that silence nothing.
    ///
    /// A comment that allows a finding should go when the finding does: otherwise it silences the next
    /// one, which nobody has looked at. Comments that name no known rule or cannot be read are found
    /// as well. A comment for a rule that is switched off is left alone.
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
    "unused-suppression" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a comment allows what is not there",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
