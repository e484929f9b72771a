use crate::access::authority::{Authority, Decision, is_filled_at_sign_up, is_guarded, may_set};
use crate::access::in_words;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege, TriggerEvent};

declare_rule! {
    /// Finds memberships and roles that users can give to themselves.
    ///
    /// ## Why it matters
    ///
    /// Policies of other tables ask whether the caller has a row here: as a member of that team, with that
    /// role. A policy for INSERT that only asks whether the row is the caller's own leaves the team and the
    /// role to whoever sends the request. One request makes an outsider a member of any team whose id is
    /// known, or an admin.
    ///
    /// ```sql,bad
    /// create table public.members (team_id bigint, user_id uuid, primary key (team_id, user_id));
    /// alter table public.members enable row level security;
    /// create policy "Users join" on public.members for insert to authenticated
    ///   with check (user_id = (select auth.uid()));
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = (select auth.uid())));
    /// ```
    ///
    /// ```sql,good
    /// create table public.invitations (team_id bigint, email text);
    /// create table public.members (team_id bigint, user_id uuid, primary key (team_id, user_id));
    /// alter table public.members enable row level security;
    /// create policy "Invited users join" on public.members for insert to authenticated
    ///   with check (user_id = (select auth.uid()) and exists (select 1 from public.invitations i
    ///     where i.team_id = members.team_id and i.email = (select auth.jwt() ->> 'email')));
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = (select auth.uid())));
    /// ```
    ///
    /// Triggers that look at the column before the row is added keep the rule silent. It is a warning where the
    /// groups themselves are shown to everybody, whoever asks: to join them may be the point.
    ///
    /// ## How to fix
    ///
    /// Have WITH CHECK ask for an invitation, or drop the policy and add members in a function with SECURITY
    /// DEFINER that checks who may.
    "membership-self-join" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "users can make themselves members or admins",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let authority = Authority::of(cx.catalog, cx.workload, cx.rights);
    for table in cx.tables_with_rls(&[Aspect::Policies, Aspect::Shape]) {
        if authority.columns(table).next().is_none() {
            continue;
        }
        for policy in
            table.policies.values().filter(|policy| policy.permissive && policy.covers(PolicyCommand::Insert))
        {
            let free = free_columns(cx, &authority, table, policy);
            if !free.is_empty() {
                report(cx, table, policy, &free, out);
            }
        }
    }
}

/// The columns that a policy leaves to who adds a row, and that policies decide by.
pub(super) fn chosen(
    cx: &CatalogCx<'_>,
    authority: &Authority<'_>,
    table: &Table,
    policy: &Policy,
) -> Vec<Ident> {
    let adds = policy.permissive && policy.covers(PolicyCommand::Insert);
    let free = if adds { free_columns(cx, authority, table, policy) } else { Vec::new() };
    free.into_iter().map(|(name, _)| name).collect()
}

/// Whether a column leads to groups that are shown to whoever adds a row by a policy, member or not: to join
/// such a group is for everybody.
pub(in crate::rules) fn leads_to_open_groups(cx: &CatalogCx<'_>, table: &Table, column: &Ident) -> bool {
    let Some(column) = table.column(column) else { return false };
    let key = table.foreign_keys().find(|(_, key)| *key.columns == [column.attnum]);
    let Some(groups) = key.and_then(|(_, key)| cx.catalog.tables.get(&key.references)) else { return false };
    let shows = |policy: &&Policy| policy.permissive && policy.covers(PolicyCommand::Select);
    let mut showing = groups.policies.values().filter(shows).peekable();
    groups.rls.value
        && showing.peek().is_some()
        && showing.all(|policy| {
            let followed = policy.using.as_ref().map(|using| cx.rights.followed(groups, policy, using));
            !policy.covers(PolicyCommand::Insert)
                && followed.is_some_and(|using| !cx.workload.knows_caller(using))
        })
}

/// The columns that policies decide by and that this one leaves to the caller, with what they decide.
fn free_columns<'a>(
    cx: &CatalogCx<'_>,
    authority: &'a Authority<'a>,
    table: &Table,
    policy: &Policy,
) -> Vec<(Ident, &'a [Decision<'a>])> {
    let roles = cx.catalog.api_roles().filter(|role| cx.adds_own_rows(table, policy, role));
    let mut free: Vec<(Ident, &[Decision<'_>])> = Vec::new();
    for role in roles {
        let checks = cx.asked_of_new_rows(table, policy, role);
        let asks_others = |expr: &&Expr| {
            expr.any(&|part| matches!(part, Expr::Sublink(sublink) if sublink.is_correlated()))
        };
        if checks.iter().any(asks_others) {
            continue;
        }
        let one_row_each = cx.access(table, role, PolicyCommand::Insert).is_some_and(|cell| {
            cell.owner_columns
                .iter()
                .filter_map(|name| table.column(name))
                .any(|column| table.is_key(column.attnum))
        });
        if one_row_each && is_filled_at_sign_up(cx.catalog, cx.workload, table) {
            continue;
        }
        for (attnum, decisions) in authority.columns(table) {
            let Some(column) = table.column_at(attnum) else { continue };
            let chosen = may_set(cx.catalog, table, attnum, &role.name, Privilege::Insert)
                && !policy.mentions(table, attnum, &checks)
                && !is_guarded(cx.workload, table, attnum, TriggerEvent::Insert);
            if chosen && free.iter().all(|(name, _)| *name != column.name) {
                free.push((column.name.clone(), decisions));
            }
        }
    }
    free
}

fn report(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &Policy,
    free: &[(Ident, &[Decision<'_>])],
    out: &mut Findings,
) {
    let Some(clause) = policy.gates(PolicyCommand::Insert).next() else { return };
    let names: Vec<String> = free.iter().map(|(name, _)| name.quoted()).collect();
    let decisions: Vec<&Decision<'_>> = free.iter().flat_map(|(_, list)| *list).collect();
    let Some(first) = decisions.first() else { return };
    let message = format!(
        "policy {} lets users choose {} in rows of {} that they add for themselves, and policy {} on {} decides by it",
        policy.name.delimited(),
        in_words(&names, "and"),
        table.name,
        first.policy.name.delimited(),
        first.table.name,
    );
    let finding =
        out.report(clause.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    finding.note("asks whose row it is, and no more");
    finding.label(policy.name_apart_from(clause.span), "the policy is created here");
    let say = |decision: &&Decision<'_>| {
        (
            decision.span,
            format!("policy {} on {} decides by it", decision.policy.name.delimited(), decision.table.name),
        )
    };
    finding.label_each(decisions.iter().map(say));
    finding.extent(names).extent(decisions.iter().map(|decision| &decision.table.name));
    if free.iter().all(|(column, _)| leads_to_open_groups(cx, table, column)) {
        finding.severity(Severity::Warning);
    }
    finding.help(
        "ask for an invitation in WITH CHECK, or drop the policy and add rows in a function with `security definer` \
         that checks who may",
    );
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table members (team int, who uuid, role text, primary key (team, who));
         alter table members enable row level security;
         create table docs (id int primary key, team int, owner uuid);
         alter table docs enable row level security;
         create function my_teams() returns setof int language sql stable security definer
           as $$ select team from public.members where who = auth.uid() $$;
         create function has_role(wanted uuid, needed text) returns boolean language sql stable security definer
           as $$ select exists (select 1 from public.members m where m.who = wanted and m.role = needed) $$;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn groups_that_are_shown_to_all_may_be_joined() {
        let circles = |shown: &str| {
            format!(
                "create table circles (id int primary key, open boolean, creator uuid);
                 alter table circles enable row level security;
                 create policy shown on circles for select using ({shown});
                 create table joined (circle int references circles, who uuid, primary key (circle, who));
                 alter table joined enable row level security;
                 create policy seen on docs for select using (team in (select j.circle from joined j where j.who = auth.uid()));
                 create policy joins on joined for insert with check (who = auth.uid());\n"
            )
        };
        let found = "                 --                                                   ^^^^^^^^^^^^^^^^";
        policies(&format!("\n{}{found} warning: lets users choose circle\n", circles("open")));
        policies(&format!(
            "\n{}{found} error: lets users choose circle\n",
            circles("open or creator = auth.uid()")
        ));
    }

    #[test]
    fn groups_and_roles_are_followed_through_helpers() {
        policies(
            "
             create policy docs_of_team on docs for select using (team in (select my_teams()));
             create policy docs_of_admin on docs for delete using (has_role(auth.uid(), 'admin'));
             create policy joins on members for insert with check (who = auth.uid());
             --                                                    ^^^^^^^^^^^^^^^^ error: policy \"joins\" lets users choose team and role in rows of public.members that they add for themselves, and policy \"docs_of_team\" on public.docs decides by it",
        );
        policies(
            "
             create policy docs_of_admin on docs for delete using (
               (select m.role from members m where m.who = auth.uid() and m.team = docs.team) = 'admin');
             create policy joins on members for insert to authenticated with check (who = auth.uid() and role = 'member');
             --                                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: lets users choose team in rows",
        );
    }

    #[test]
    fn what_something_checks_is_silent() {
        let reads = "create policy docs_of_team on docs for select using (
                       exists (select 1 from members m where m.who = auth.uid() and m.team = docs.team));";
        for checked in [
            "create policy joins on members for insert with check (who = auth.uid() and team in (select team from invitations));
             create table invitations (team int);",
            "create policy joins on members for insert with check (who = auth.uid() and exists (
               select 1 from teams t where t.id = members.team and t.owner = auth.uid()));
             create policy by_role on docs for update using (has_role(auth.uid(), 'admin'));
             create table teams (id int primary key, owner uuid);",
            "create policy joins on members for insert with check (who = auth.uid());
             create policy fence on members as restrictive for insert with check (team = 1);",
            "create policy joins on members for insert with check (who = auth.uid());
             create function guard() returns trigger language plpgsql as $$ begin
               if new.team <> 1 then raise exception 'no'; end if; return new; end $$;
             create trigger guard before insert on members for each row execute function guard();",
            "create policy joins on members for insert with check (who = auth.uid());
             revoke insert on members from anon, authenticated;
             grant insert (who) on members to authenticated;",
            "create policy joins on members for insert to service_role with check (who = auth.uid());",
            "create policy joins on members for insert with check (has_role(auth.uid(), 'admin'));",
        ] {
            policies(&format!("{reads}\n{checked}"));
        }
    }

    #[test]
    fn an_object_of_the_caller_proves_nothing() {
        check(
            &RULE,
            "
             create table chats (id uuid primary key default gen_random_uuid(), owner uuid, status text);
             create table messages (id int primary key, chat uuid references chats);
             alter table chats enable row level security;
             alter table messages enable row level security;
             create policy own on chats using (owner = auth.uid());
             create policy of_chat on messages using (chat in (select id from chats where owner = auth.uid()));
             create policy of_open on messages for delete using (
               exists (select 1 from chats c where c.id = chat and c.owner = auth.uid() and c.status = 'open'));",
        );
    }

    #[test]
    fn a_row_that_sign_up_makes_is_there_already() {
        let profiles = "create table profiles (id uuid primary key references auth.users, role text);
             alter table profiles enable row level security;
             create policy own on profiles for insert with check (id = auth.uid());
             create policy docs_of_admin on docs for delete using (
               exists (select 1 from profiles p where p.id = auth.uid() and p.role = 'admin'));\n";
        policies(&format!(
            "{profiles}
             create function sign_up() returns trigger language plpgsql security definer as $$ begin
               insert into public.profiles (id) values (new.id); return new; end $$;
             create trigger sign_up after insert on auth.users for each row execute function sign_up();"
        ));
    }
}
