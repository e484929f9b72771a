use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::Same;

declare_rule! {
    /// Finds permissive policies that are never true: they allow nothing, and forbid nothing either.
    ///
    /// ## Why it matters
    ///
    /// Where no policy is true, nothing is allowed anyway. `using (false)` in a permissive policy
    /// reads like a lock, but the next permissive policy opens the table as if it were not there.
    ///
    /// ```sql,bad
    /// create table public.audit (id bigint primary key);
    /// alter table public.audit enable row level security;
    /// create policy "Nobody deletes" on public.audit for delete using (false);
    /// ```
    ///
    /// ```sql,good
    /// create table public.audit (id bigint primary key);
    /// alter table public.audit enable row level security;
    /// create policy "Nobody deletes" on public.audit as restrictive for delete using (false);
    /// ```
    ///
    /// A policy counts if no role and no row can make it true: `1 = 2`, `user_id = null`.
    ///
    /// All such policies of a project are one finding.
    ///
    /// ## How to fix
    ///
    /// Drop it, or make it restrictive: then it holds whatever policies come later.
    "constant-false-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "a permissive policy is never true",
        sources: &["pgrls:SEC010"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let never = |(table, policy): &(&Table, &Policy)| {
        policy.permissive
            && policy.clauses().next().is_some()
            && policy.clauses().all(|clause| cx.rights.lets_none_through(table, policy, clause))
            && cx.catalog.policy_binds_requests(policy)
    };
    let same = Same {
        policies: cx.policies_in_force().filter(never).collect(),
        one: "is never true: it allows nothing, and stops no other policy from allowing it",
        many: "permissive policies are never true: they allow nothing, and stop no other policy from allowing it",
        note: "never true",
        like: "nor is this one",
    };
    same.report(out, |table, policy| {
        format!(
            "drop policy {} on {}; or create it AS RESTRICTIVE, which no other policy opens",
            policy.name.quoted(),
            table.name.quoted()
        )
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn constants_are_folded() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid);
             alter table public.a enable row level security;
             create policy p on public.a for delete using (false);
             --            ^ info: 2 permissive policies are never true
             create policy q on public.a for update using (user_id = null);
             create policy r on public.a using (user_id = auth.uid()) with check (false);
             create policy s on public.a as restrictive using (false);
             create policy t on public.a to service_role using (false);
             create policy u on public.a using (auth.role() = 'service_role');
             create policy v on public.a for insert;",
        );
    }
}
