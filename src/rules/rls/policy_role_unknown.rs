use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds policies for roles that are not there.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL refuses to make the policy, and with it the whole file: the table that the file
    /// makes is not there, or not protected.
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
    ///
    /// ## How to fix
    ///
    /// Correct the name, or create the role in an earlier migration or in `supabase/roles.sql`.
    /// Roles that are made elsewhere can be named in `rls-lint.yaml` under `known-roles`.
    "policy-role-unknown" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy is for a role that is not there",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
