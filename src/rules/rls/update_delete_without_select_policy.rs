use crate::access::in_words;
use crate::catalog::acl::Grantee;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds policies for UPDATE and DELETE on tables that the role has no policy for SELECT on.
    ///
    /// ## Why it matters
    ///
    /// A statement that looks for rows, as each request with a filter does, finds only rows that a policy for
    /// SELECT shows. Without one, UPDATE and DELETE touch no row, and there is no error: the app says that all
    /// went well.
    ///
    /// ```sql,bad
    /// create table public.drafts (id bigint primary key, user_id uuid);
    /// alter table public.drafts enable row level security;
    /// create policy "Users change their drafts" on public.drafts for update to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.drafts (id bigint primary key, user_id uuid);
    /// alter table public.drafts enable row level security;
    /// create policy "Users change their drafts" on public.drafts for update to authenticated
    ///   using (user_id = (select auth.uid()));
    /// create policy "Users see their drafts" on public.drafts for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add a policy for SELECT with the same condition.
    "update-delete-without-select-policy" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "UPDATE and DELETE touch no row without a policy for SELECT",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_rls(&[Aspect::Policies]) {
        let (mut roles, mut commands, mut policies) = (Vec::new(), Vec::new(), Vec::<&Policy>::new());
        for role in cx.catalog.api_roles() {
            let binds = |policy: &&Policy| policy.permissive && cx.catalog.policy_binds(policy, role);
            let reads = |policy: &Policy| policy.covers(PolicyCommand::Select);
            let readable =
                cx.catalog.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select);
            if !readable || table.policies.values().filter(binds).any(reads) {
                continue;
            }
            for command in [PolicyCommand::Update, PolicyCommand::Delete] {
                // What lets all rows through is another rule's.
                let hits = |reach| !matches!(reach, Reach::None | Reach::Unknown | Reach::All);
                if !cx.access(table, role, command).is_some_and(|cell| hits(cell.blind)) {
                    continue;
                }
                let word = format!("{command:?}").to_uppercase();
                if !commands.contains(&word) {
                    commands.push(word);
                }
                let name = role.name.quoted();
                if !roles.contains(&name) {
                    roles.push(name);
                }
                for policy in table.policies.values().filter(binds).filter(|policy| policy.covers(command)) {
                    if policies.iter().all(|known| known.name != policy.name) {
                        policies.push(policy);
                    }
                }
            }
        }
        // A policy that is for all is seldom meant for those without a user.
        let names_role = |policy: &&Policy| !policy.roles.value.contains(&Grantee::Public);
        if roles != ["anon"] || policies.iter().any(names_role) {
            report(table, &roles, &commands, &policies, out);
        }
    }
}

fn report(table: &Table, roles: &[String], commands: &[String], policies: &[&Policy], out: &mut Findings) {
    let Some((first, others)) = policies.split_first() else { return };
    let message = format!(
        "{} of {} by {} touches no row and gives no error: no policy lets them see rows, so that a filter finds none",
        in_words(commands, "and"),
        table.name,
        in_words(roles, "and"),
    );
    let finding = out.report(first.name_span, Identity::new("table", &table.name), message);
    finding.note("has no effect on rows that are not seen").extent(commands).extent(roles);
    finding.label_each(others.iter().map(|policy| (policy.name_span, "nor has this one")));
    let condition = first.using.as_ref().map_or("…".to_string(), |_| "… the same condition …".to_string());
    finding.help(format!(
        "create policy … on {} for select to {} using ({condition});",
        table.name.quoted(),
        roles.join(", ")
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn rows_that_are_not_seen_are_not_changed() {
        check(
            &RULE,
            "
             create table a (id int primary key, owner uuid);
             alter table a enable row level security;
             create policy change on a for update to authenticated using (owner = auth.uid());
             --            ^^^^^^ warning: UPDATE and DELETE of public.a by authenticated touches no row and gives no error
             create policy remove on a for delete using (owner = auth.uid());
             create policy see on a for select to anon using (true);
             create table b (id int primary key, owner uuid);
             alter table b enable row level security;
             create policy change on b for update to authenticated using (owner = auth.uid());
             create policy see on b for select using (owner = auth.uid());
             create table c (id int primary key, owner uuid);
             alter table c enable row level security;
             create policy all_of_it on c using (owner = auth.uid());
             create policy of_server on c for delete to service_role using (true);
             create policy see on c for select to authenticated using (owner = auth.uid());
             create table e (id int primary key, open boolean);
             alter table e enable row level security;
             create policy change on e for update using (open);
             create policy see on e for select to authenticated using (open);
             create table d (id int primary key, owner uuid);
             alter table d enable row level security;
             revoke select on d from anon, authenticated;
             create policy remove on d for delete using (owner = auth.uid());",
        );
    }
}
