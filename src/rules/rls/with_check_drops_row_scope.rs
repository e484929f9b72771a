use crate::access::{Access, reach};
use crate::catalog::policy::Policy;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Reach, equivalent};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::is_watched_by_trigger;
use crate::sql::expr::Expr;
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds policies that hold the rows before a change to the caller, and the rows after it to
    /// something else.
    ///
    /// ## Why it matters
    ///
    /// WITH CHECK replaces USING for the new row. `using (user_id = auth.uid()) with check (title <>
    /// '')` says whose rows may be changed, and no longer whose they are afterwards: a user sets
    /// `user_id` to somebody else, or with a policy for all commands adds rows in their name.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid, title text);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos to authenticated
    ///   using ((select auth.uid()) = user_id) with check (title <> '');
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid, title text);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos to authenticated
    ///   using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id and title <> '');
    /// ```
    ///
    /// Silent where a restrictive policy checks the new row, where the caller may not write the
    /// column, and where a trigger before UPDATE sets or looks at it.
    ///
    /// ## How to fix
    ///
    /// Repeat the condition of USING in WITH CHECK, joined with `and`.
    "with-check-drops-row-scope" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "rows are held to the caller before a change and not after it",
        sources: &["pgrls:SEC040"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| policy.permissive) {
        let (Some(using), Some(check)) = (&policy.using, &policy.with_check) else { continue };
        if !drops_scope(cx, table, policy) || lets_some_do_more(cx, &using.value, &check.value) {
            continue;
        }
        let message = format!(
            "policy {} on {} holds rows to the caller in USING and not in WITH CHECK: who may change a row may give it \
             to somebody else",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(check.span, object, message);
        found.note("all that holds for the row after the change");
        found.reach(reach(&cx.rights.passed_by(table, policy)));
        found.label(using.span, "holds for the row before the change alone");
        found.label(policy.name_apart_from(check.span), "the policy is created here");
        found.help("repeat the condition of USING in WITH CHECK, joined with AND");
    }
}

/// Whether WITH CHECK asks for what USING asks, or for who the caller is: administrators may do more.
fn lets_some_do_more(cx: &CatalogCx<'_>, using: &Expr, check: &Expr) -> bool {
    let Expr::Or(branches) = check else { return false };
    let (alike, others): (Vec<&Expr>, Vec<&Expr>) =
        branches.iter().partition(|branch| equivalent(using, branch));
    !alike.is_empty() && others.iter().all(|branch| cx.workload.knows_caller(branch))
}

/// Whether a policy holds rows to a caller before a change and not after it.
pub(in crate::rules) fn drops_scope(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let accesses = cx.catalog.table_access(table);
    policy.with_check.is_some() && accesses.iter().any(|access| loses_scope(cx, table, policy, access))
}

fn loses_scope(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, access: &Access<'_>) -> bool {
    let reach = cx.rights.policy(table, policy, access.role);
    let Some(cell) = cx.access(table, access.role, PolicyCommand::Update) else { return false };
    let writable = |name: &crate::sql::name::Ident| {
        table.column(name).is_some_and(|column| {
            let one = std::slice::from_ref(column);
            cx.catalog.can_on_any_column(&access.role.name, &table.acl, one, Privilege::Update)
        })
    };
    let is_watched = |column: &Column| is_watched_by_trigger(cx, table, column);
    policy.covers(PolicyCommand::Update)
        && cx.catalog.policy_binds(policy, access.role)
        && matches!(reach.using, Some(Reach::Own | Reach::Tenant))
        && reach.check == Some(Reach::Some)
        && cell.new_rows == Some(Reach::Some)
        && (cell.owner_columns.is_empty() || cell.owner_columns.iter().any(writable))
        && !cell.owner_columns.iter().filter_map(|name| table.column(name)).any(is_watched)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    fn policies(text: &str) {
        check(
            &RULE,
            &format!(
                "create table public.a (id bigint, user_id uuid, open boolean);
                 alter table public.a enable row level security;
                 create policy read on public.a for select using (user_id = auth.uid());\n{text}"
            ),
        );
    }

    #[test]
    fn what_becomes_of_a_row_counts() {
        policies(
            "
             create policy p on public.a for update using (user_id = auth.uid()) with check (open);
             --                                                                              ^^^^ warning: policy \"p\" on public.a holds rows to the caller in USING and not in WITH CHECK",
        );
    }

    #[test]
    fn a_scope_of_its_own_or_another_guard_is_silent() {
        policies(
            "
             create policy p on public.a for update using (user_id = auth.uid()) with check (user_id = auth.uid() and open);
             create policy q on public.a for update using (open) with check (user_id = auth.uid());",
        );
        policies(
            "
             create policy p on public.a for update using (user_id = auth.uid()) with check (open);
             create policy fence on public.a as restrictive for update using (true) with check (user_id = auth.uid());",
        );
        policies(
            "
             create table staff (id uuid);
             create function is_admin() returns boolean language plpgsql stable security definer as $$
             begin return exists (select 1 from staff where id = auth.uid()); end $$;
             create policy p on public.a for update using (user_id = auth.uid()) with check (user_id = auth.uid() or is_admin());",
        );
        policies(
            "
             revoke update on public.a from anon, authenticated;
             grant update (open) on public.a to authenticated;
             create policy p on public.a for update using (user_id = auth.uid()) with check (open);",
        );
        policies(
            "
             create function keep() returns trigger language plpgsql as $$ begin new.user_id := old.user_id; return new; end $$;
             create trigger keep before update on public.a for each row execute function keep();
             create policy p on public.a for update using (user_id = auth.uid()) with check (open);",
        );
        policies(
            "
             create function keep() returns trigger language plpgsql as $$ begin
               if new.user_id <> old.user_id then raise exception 'no'; end if; return new; end $$;
             create trigger keep before update on public.a for each row execute function keep();
             create policy p on public.a for update using (user_id = auth.uid()) with check (open);",
        );
    }
}
