use crate::access::COMMANDS;
use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::Severity;
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::Same;

declare_rule! {
    /// Finds policies for everybody that let through nobody but signed-in users.
    ///
    /// ## Why it matters
    ///
    /// A policy without `to` is for all roles. If its condition needs a user, PostgreSQL still works
    /// it out for each row of each request without one, and says no each time. `to authenticated`
    /// stops there at once, and keeps such requests out should the condition ever let null through.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// All such policies of a project are one finding.
    ///
    /// ## How to fix
    ///
    /// `alter policy "Own notes" on public.notes to authenticated;`
    "policy-without-to-clause" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "a policy for everybody needs a signed-in user",
        sources: &["pgrls:SEC003"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let same = Same {
        policies: cx.policies_in_force().filter(|(table, policy)| needs_user(cx, table, policy)).collect(),
        one: "is for everybody and lets through signed-in users alone",
        many: "policies are for everybody and let through signed-in users alone",
        note: "no TO clause",
        like: "this one, too",
    };
    same.report(out, |table, policy| {
        format!("alter policy {} on {} to authenticated;", policy.name.quoted(), table.name.quoted())
    });
}

/// Whether it is for PUBLIC, never true without a user, and true for some with one.
fn needs_user(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let reaches = |name: &str| {
        let role = cx.catalog.api_roles().find(|role| role.name == *name)?;
        let reach = cx.rights.policy(table, policy, role);
        let covered = COMMANDS.iter().filter(|(command, _)| policy.covers(*command));
        Some(covered.map(|(command, _)| reach.of(*command)).any(|reach| reach != Reach::None))
    };
    policy.permissive
        && policy.roles.value == [Grantee::Public]
        && reaches("anon") == Some(false)
        && reaches("authenticated") == Some(true)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn a_condition_that_needs_a_user() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid, open boolean);
             alter table public.a enable row level security;
             create policy p on public.a using (user_id = auth.uid());
             --            ^ info: 2 policies are for everybody and let through signed-in users alone
             create policy q on public.a for insert with check (auth.role() = 'authenticated');
             create policy r on public.a using (open);
             create policy s on public.a to authenticated using (user_id = auth.uid());
             create policy t on public.a using (false);
             create policy u on public.a using (auth.role() = 'service_role');
             create policy v on public.a as restrictive using (user_id = auth.uid());",
        );
    }
}
