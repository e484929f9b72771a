use crate::access::COMMANDS;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;

declare_rule! {
    /// Finds restrictive policies with nothing to restrict: no permissive policy lets a row through
    /// in the commands and for the roles that they are for.
    ///
    /// ## Why it matters
    ///
    /// A restrictive policy opens nothing, it only takes away from what permissive ones open. With
    /// restrictive policies alone every request finds an empty table and cannot add a row, and no
    /// error says why.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes as restrictive to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// A restrictive policy for all commands is fine beside a permissive one for some of them, and
    /// one that is never true is a lock and meant to be.
    ///
    /// ## How to fix
    ///
    /// Create the policy again without `as restrictive`, or add a permissive one.
    "only-restrictive-policies" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a restrictive policy has nothing to restrict",
        sources: &["pgrls:SEC012"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let before = out.list.len();
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| !policy.permissive) {
        let is_lock = policy.clauses().all(|clause| cx.rights.lets_none_through(table, policy, clause));
        if is_lock || !narrows_nothing(cx, table, policy) {
            continue;
        }
        let message = format!(
            "restrictive policy {} on {} lets no row through by itself, and no permissive policy does for it to narrow",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(policy.name_span, object, message);
        found.note("restrictive: only takes away");
        found.help(format!(
            "drop policy {} on {}; and create it again without AS RESTRICTIVE, or add a permissive policy",
            policy.name.quoted(),
            table.name.quoted()
        ));
    }
    fold_many(out, before, "policies", |count| {
        format!(
            "{count} restrictive policies let no row through by themselves, and no permissive policy does for them to narrow"
        )
    });
}

/// Whether a request could use one of its commands, and no permissive policy is for that command and
/// role.
fn narrows_nothing(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let mut could = false;
    for access in cx.catalog.table_access(table) {
        if !cx.catalog.policy_binds(policy, access.role) {
            continue;
        }
        for (command, privilege) in COMMANDS {
            could |= access.privileges.contains(privilege) && policy.covers(command);
            let opens = |other: &Policy| {
                other.permissive && other.covers(command) && cx.catalog.policy_binds(other, access.role)
            };
            if policy.covers(command) && table.policies.values().any(opens) {
                return false;
            }
        }
    }
    could
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid", text);
    }

    #[test]
    fn commands_and_roles_are_told_apart() {
        policies(
            "
             create policy read on public.a for select to authenticated using (true);
             create policy p on public.a as restrictive for delete using (user_id = auth.uid());
             --            ^ warning: restrictive policy \"p\" on public.a lets no row through by itself
             create policy q on public.a as restrictive to anon using (id > 0);
             --            ^ warning: \"q\"
             create policy r on public.a as restrictive using (user_id = auth.uid());",
        );
    }

    #[test]
    fn locks_and_closed_tables_are_silent() {
        policies("create policy lock on public.a as restrictive using (false);");
        policies(
            "revoke all on public.a from anon, authenticated;
             create policy p on public.a as restrictive using (id > 0);",
        );
        policies("create policy p on public.a as restrictive to service_role using (id > 0);");
    }
}
