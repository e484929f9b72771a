use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds `rls-lint: allow(…)` comments and overrides in `rls-lint.yaml` that silence nothing.
    ///
    /// ## Why it matters
    ///
    /// A comment that allows a finding should go when the finding does: otherwise it silences the
    /// next one, which nobody has looked at. A table whose open policy was once allowed for a demo
    /// stays unwatched for good. Comments whose last day is over, that name no known rule or that
    /// cannot be read are found as well. A comment for a rule that is switched off is left alone.
    ///
    /// Of overrides, the patterns are found that match no file, and the rules that are switched off, or made
    /// milder, where they find nothing. It takes a run over all projects below the configuration file.
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
    /// Delete the comment or the override, or correct the name of the rule or the pattern in it.
    "unused-suppression" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a comment or an override allows what is not there",
        sources: &["squawk:unused-ignore"],
        options: Options::NONE,
        check: Check::Engine,
    }
}
