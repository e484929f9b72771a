use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds entries of `rls-lint-baseline.json` that no longer occur.
    ///
    /// ## Why it matters
    ///
    /// The baseline keeps findings silent that were there before. An entry for what was mended since
    /// would keep it silent if it came back: a table that got its row level security and lost it again
    /// would pass unseen.
    ///
    /// ```sql,bad
    /// -- the baseline holds rls-disabled-on-exposed-table on table public.todos
    /// create table public.todos (id bigint primary key);
    /// alter table public.todos enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// -- the baseline holds rls-disabled-on-exposed-table on table public.todos
    /// create table public.todos (id bigint primary key);
    /// ```
    ///
    /// ## How to fix
    ///
    /// `rls-lint baseline --prune` takes them out. To keep a check from passing before that is done,
    /// use `--baseline-strict`, or `stale-baseline: error` in `rls-lint.yaml`.
    "stale-baseline" {
        group: Group::Migration,
        severity: Severity::Info,
        summary: "the baseline holds what no longer occurs",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
