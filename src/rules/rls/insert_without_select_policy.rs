use crate::access::in_words;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds tables that a role may add rows to and see none of.
    ///
    /// ## Why it matters
    ///
    /// To return a new row, as `insert().select()` asks for, PostgreSQL applies the policies for SELECT. Without
    /// one the whole insert fails with `new row violates row-level security policy` (42501), which reads as if
    /// the policy for INSERT were wrong. For contact forms and logs that is how it should be.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid);
    /// alter table public.orders enable row level security;
    /// create policy "Users order" on public.orders for insert to authenticated
    ///   with check (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid);
    /// alter table public.orders enable row level security;
    /// create policy "Users order" on public.orders for insert to authenticated
    ///   with check (user_id = (select auth.uid()));
    /// create policy "Users see their orders" on public.orders for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add a policy for SELECT, or insert without `.select()`. Revoke SELECT where nobody is to read, and the
    /// rule is silent.
    "insert-without-select-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "an insert that returns its row fails without a policy for SELECT",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_rls(&[Aspect::Policies]) {
        let mut roles = Vec::new();
        let mut first: Option<&Policy> = None;
        for role in cx.catalog.api_roles() {
            let binds = |policy: &&Policy| policy.permissive && cx.catalog.policy_binds(policy, role);
            let readable =
                cx.catalog.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select);
            let sees =
                table.policies.values().filter(binds).any(|policy| policy.covers(PolicyCommand::Select));
            let adds = cx.access(table, role, PolicyCommand::Insert);
            let adds = adds.is_some_and(|cell| !matches!(cell.reach, Reach::None | Reach::Unknown));
            if !readable || sees || !adds {
                continue;
            }
            roles.push(role.name.quoted());
            first = first.or_else(|| {
                table.policies.values().filter(binds).find(|policy| policy.covers(PolicyCommand::Insert))
            });
        }
        let Some(policy) = first else { continue };
        let message = format!(
            "{} can add rows to {} and see none: an insert that asks for the new row fails",
            in_words(&roles, "and"),
            table.name,
        );
        let object = Identity::new("table", &table.name);
        let finding = out.report(policy.name_span, object, message);
        finding.note("no policy for SELECT beside it").extent(&roles);
        finding.help(format!(
            "add a policy for SELECT, or insert without `.select()`; where nobody is to read: revoke select on {} from {};",
            table.name.quoted(),
            roles.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn rows_that_are_not_seen_are_not_returned() {
        check(
            &RULE,
            "
             create table a (id int primary key, owner uuid);
             alter table a enable row level security;
             create policy add on a for insert with check (true);
             --            ^^^ info: anon can add rows to public.a and see none
             create policy see on a for select to authenticated using (owner = auth.uid());
             create table b (id int primary key);
             alter table b enable row level security;
             create policy add on b for insert with check (true);
             revoke select on b from anon, authenticated;
             create table c (id int primary key);
             alter table c enable row level security;
             create policy all_of_it on c using (id = 1) with check (true);",
        );
    }
}
