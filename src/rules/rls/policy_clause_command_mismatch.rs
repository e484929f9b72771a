use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds policies with a clause that their command cannot have.
    ///
    /// ## Why it matters
    ///
    /// New rows are tested by `with check` alone, so an INSERT policy has no `using`. Rows that are
    /// read or deleted are tested by `using` alone, so SELECT and DELETE policies have no
    /// `with check`. PostgreSQL refuses the statement, and with it the whole file: the deployment
    /// stops there.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create policy add_own on public.notes for insert using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create policy add_own on public.notes for insert with check (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give an INSERT policy its condition as `with check (…)`, a SELECT or DELETE policy as
    /// `using (…)`.
    "policy-clause-command-mismatch" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy has a clause that its command cannot have",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
