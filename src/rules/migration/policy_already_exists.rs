use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds policies that are made twice.
    ///
    /// ## Why it matters
    ///
    /// `create policy` has neither `or replace` nor `if not exists`: a second policy of the same
    /// name on a table fails, and its whole file is rolled back. Where it does not, because the
    /// first was never made in that database, two databases have different policies of one name.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create policy "owners read" on public.notes for select using (owner = (select auth.uid()));
    /// create policy "owners read" on public.notes for select to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create policy "owners read" on public.notes for select using (owner = (select auth.uid()));
    /// drop policy if exists "owners read" on public.notes;
    /// create policy "owners read" on public.notes for select to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Drop the old one first, in the same file:
    /// `drop policy if exists "owners read" on public.notes;`. Or change it:
    /// `alter policy "owners read" on public.notes to authenticated;`.
    "policy-already-exists" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "a policy of that name exists already",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
