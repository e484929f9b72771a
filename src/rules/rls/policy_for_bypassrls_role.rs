use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::Severity;
use crate::predicate::{Caller, Conditions, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::Same;

declare_rule! {
    /// Finds policies that let nobody through but roles that need no policy, such as `service_role`.
    ///
    /// ## Why it matters
    ///
    /// `service_role` and `postgres` are above row level security. A policy for them does nothing,
    /// and whoever reads it may take it for what lets the server in, or write the next one without
    /// `to service_role`. A condition such as `auth.role() = 'service_role'` in a policy for
    /// everybody is worked out for each request besides, and never true.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, total numeric);
    /// alter table public.orders enable row level security;
    /// create policy "Server" on public.orders using ((select auth.role()) = 'service_role');
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, total numeric);
    /// alter table public.orders enable row level security;
    /// -- the server uses the service key and needs no policy
    /// ```
    ///
    /// All such policies of a project are one finding.
    ///
    /// ## How to fix
    ///
    /// Drop it. A policy that lets others through as well, `auth.role() = 'service_role' or …`,
    /// needs only what comes after the `or`.
    "policy-for-bypassrls-role" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "a policy is for roles that need none",
        sources: &["pgrls:SEC023"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let same = Same {
        policies: cx.policies_in_force().filter(|(table, policy)| is_inert(cx, table, policy)).collect(),
        one: "lets nobody through but roles above row level security: it does nothing",
        many: "policies let nobody through but roles above row level security: they do nothing",
        note: "does nothing",
        like: "nor does this one",
    };
    same.report(out, |table, policy| {
        format!(
            "drop policy {} on {}; -- service_role and postgres are above policies and need none",
            policy.name.quoted(),
            table.name.quoted()
        )
    });
}

/// Whether all that can come through it are roles that policies do not bind.
pub(in crate::rules) fn is_inert(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let is_above = |grantee: &Grantee| match grantee {
        Grantee::Public => false,
        Grantee::Role(name) => {
            cx.catalog.roles.get(name).is_some_and(|role| role.bypassrls || role.superuser)
        }
    };
    if policy.roles.value.iter().all(is_above) {
        return true;
    }
    let lets_none = |reach: Option<Reach>| reach.is_none_or(|reach| reach == Reach::None);
    let mut bound = cx.catalog.api_roles().filter(|role| cx.catalog.policy_binds(policy, role)).peekable();
    policy.permissive
        && bound.peek().is_some()
        && bound.all(|role| {
            let reach = cx.rights.policy(table, policy, role);
            lets_none(reach.using) && lets_none(reach.check)
        })
        && lets_service_role_through(cx, policy)
}

fn lets_service_role_through(cx: &CatalogCx<'_>, policy: &Policy) -> bool {
    let mut conditions = Conditions::new(Caller::Role("service_role"), cx.rights);
    policy.expressions().any(|expr| {
        let node = conditions.read(expr);
        conditions.is_always(&node)
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn named_in_to_or_in_the_condition() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid);
             alter table public.a enable row level security;
             create policy p on public.a to service_role using (true);
             --            ^ info: 4 policies let nobody through but roles above row level security
             create policy q on public.a using (current_setting('role') = 'service_role');
             create policy r on public.a using (auth.jwt() ->> 'role' = 'service_role') with check (auth.role() = 'service_role');
             create policy s on public.a to service_role, postgres using (user_id is null);",
        );
    }

    #[test]
    fn who_lets_others_through_or_nobody_at_all_is_silent() {
        check(
            &RULE,
            "create role reporting;
             create table public.a (id bigint, user_id uuid);
             alter table public.a enable row level security;
             create policy p on public.a using (auth.role() = 'service_role' or user_id = auth.uid());
             create policy q on public.a to service_role, authenticated using (true);
             create policy r on public.a to reporting using (true);
             create policy s on public.a using (false);
             create policy t on public.a to anon using (user_id = auth.uid());
             create policy u on public.a as restrictive using (auth.role() = 'service_role');",
        );
    }
}
