use crate::access::COMMANDS;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds restrictive policies that restrict nothing: they are true for every row and each role
    /// that they are for.
    ///
    /// ## Why it matters
    ///
    /// A restrictive policy is a fence around what permissive ones open. One that is always true
    /// looks like a fence in the list of policies, and lets through whatever comes.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes using ((select auth.uid()) = user_id);
    /// create policy "Second factor" on public.notes as restrictive to authenticated using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes using ((select auth.uid()) = user_id);
    /// create policy "Second factor" on public.notes as restrictive to authenticated
    ///   using ((select auth.jwt()) ->> 'aal' = 'aal2');
    /// ```
    ///
    /// `auth.role() = 'authenticated'` in a policy `to authenticated` is always true, too.
    ///
    /// ## How to fix
    ///
    /// Write the condition that it was to hold, or drop it.
    "restrictive-policy-noop" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a restrictive policy restricts nothing",
        sources: &["pgrls:SEC031"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| !policy.permissive) {
        let mut bound =
            cx.catalog.api_roles().filter(|role| cx.catalog.policy_binds(policy, role)).peekable();
        let Some(clause) = policy.clauses().next() else { continue };
        if bound.peek().is_none() || !bound.all(|role| lets_all_through(cx, table, policy, role)) {
            continue;
        }
        let message = format!(
            "restrictive policy {} on {} holds nothing back: it is true for every row",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(clause.span, object, message);
        found.note("always true for the roles that it is for");
        found.label(policy.name_apart_from(clause.span), "the policy is created here");
        found.help("write the condition that it was to hold, or drop it");
    }
}

fn lets_all_through(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, role: &Role) -> bool {
    let mut gates = COMMANDS.iter().flat_map(|(command, _)| policy.gates(*command));
    gates.all(|clause| {
        cx.rights.clause(table, policy, clause, role).reach == Reach::All
            && cx.rights.hidden_from(role, &clause.value).is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_is_true_for_its_roles() {
        check(
            &RULE,
            "create table public.a (id bigint primary key, user_id uuid);
             alter table public.a enable row level security;
             create policy p on public.a as restrictive using (1 = 1);
             --                                                ^^^^^ warning: restrictive policy \"p\" on public.a holds nothing back
             create policy q on public.a as restrictive to authenticated using (auth.uid() is not null);
             --                                                                 ^^^^^^^^^^^^^^^^^^^^^^ warning: \"q\"
             create policy r on public.a as restrictive for insert with check (id is not null);
             --                                                                ^^^^^^^^^^^^^^ warning: \"r\"",
        );
    }

    #[test]
    fn a_fence_for_one_role_or_command_is_one() {
        check(
            &RULE,
            "create table public.a (id bigint primary key, user_id uuid);
             alter table public.a enable row level security;
             create policy p on public.a as restrictive using (auth.uid() is not null);
             create policy q on public.a as restrictive using (true) with check (user_id = auth.uid());
             create policy r on public.a as restrictive using (false);
             create policy s on public.a as restrictive to service_role using (true);
             create policy t on public.a as restrictive;
             create policy u on public.a using (true);
             create table public.closed (id bigint);
             alter table public.closed enable row level security;
             create policy v on public.a as restrictive using (not exists (select 1 from public.closed));",
        );
    }
}
