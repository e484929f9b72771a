use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds forms of policies and row level security that other statements have and these have not.
    ///
    /// ## Why it matters
    ///
    /// `create policy if not exists`, `create or replace policy` and `alter table … enable rls` look as
    /// if they were SQL, and are often suggested. PostgreSQL refuses them and with them the whole
    /// file: the deployment stops, or, where a file is run by hand and the error is overlooked, the
    /// table stays without its policy.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create policy if not exists "own notes" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// drop policy if exists "own notes" on public.notes;
    /// create policy "own notes" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// Other statements that cannot be parsed are found by `syntax-error`.
    ///
    /// ## How to fix
    ///
    /// Drop the policy first: `drop policy if exists "own notes" on public.notes;`. The switch is called
    /// `enable row level security`.
    "unsupported-policy-syntax" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "policies have no such form",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
