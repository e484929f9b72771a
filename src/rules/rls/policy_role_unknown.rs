use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds policies for roles that are not there.
    ///
    /// PostgreSQL refuses to make the policy, and with it the whole file. Roles that neither Supabase has
    /// nor a migration or `supabase/roles.sql` makes can be named in `rls-lint.yaml` under `known-roles`.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// create policy everyone on public.notes for select to authenticatd using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// create role editor;
    /// create policy everyone on public.notes for select to authenticated, editor using (true);
    /// ```
    "policy-role-unknown" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy is for a role that is not there",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
