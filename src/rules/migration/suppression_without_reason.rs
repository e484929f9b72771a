use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds `rls-lint: allow(…)` comments that do not say why.
    ///
    /// ## Why it matters
    ///
    /// Whoever reads the comment later cannot tell a decision from a way to make a check pass. An open
    /// table of prices and an open table of payslips look the same then.
    ///
    /// ```sql,bad
    /// -- rls-lint: allow(no-primary-key)
    /// create table public.audit (happened_at timestamptz not null default now());
    /// ```
    ///
    /// ```sql,good
    /// -- rls-lint: allow(no-primary-key) rows are only ever appended
    /// create table public.audit (happened_at timestamptz not null default now());
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write the reason behind the parenthesis. The rule-set `strict` asks for one; with another, switch
    /// the rule on in `rls-lint.yaml`.
    "suppression-without-reason" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a comment allows a finding and does not say why",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
