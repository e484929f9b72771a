use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds policies that read a column that is not there.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL refuses to make the policy, and with it the whole file: the deployment stops
    /// there. A column that was renamed or dropped before is the usual reason.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner_id uuid);
    /// create policy own on public.notes for select using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner_id uuid);
    /// create policy own on public.notes for select using (owner_id = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write the name that the column has by then, or make the column before the policy.
    "policy-unknown-column" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy reads a column that is not there",
        sources: &["pgrls:HYG001"],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
