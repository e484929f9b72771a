use crate::map::IndexMap;

use crate::access::evaluation::{Evaluation, Object};
use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::denied::{Denial, denials};
use crate::source::Span;
use crate::sql::statement::Clause;

declare_rule! {
    /// Finds policies that read a table which the role of the request may not read.
    ///
    /// ## Why it matters
    ///
    /// A policy runs with the rights of the caller. A sub-select from a table without SELECT makes the whole
    /// statement fail with `permission denied for table` (42501). Most often that is `auth.users`, which no
    /// request may read.
    ///
    /// ```sql,bad
    /// create table public.reports (id bigint primary key, email text);
    /// alter table public.reports enable row level security;
    /// create policy "Own reports" on public.reports for select to authenticated
    ///   using (email = (select u.email from auth.users u where u.id = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.reports (id bigint primary key, user_id uuid);
    /// alter table public.reports enable row level security;
    /// create policy "Own reports" on public.reports for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// A table of which no policy lets the role see a row is no better: the sub-select finds nothing, and the
    /// policy lets nobody through. That is a warning.
    ///
    /// ```sql,bad
    /// create table public.members (team_id bigint, user_id uuid);
    /// alter table public.members enable row level security;
    /// create table public.reports (id bigint primary key, team_id bigint);
    /// alter table public.reports enable row level security;
    /// create policy "Reports of my teams" on public.reports for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = (select auth.uid())));
    /// ```
    ///
    /// It is a warning as well where only requests without a signed-in user fail, and an info where these would be
    /// given no row anyway: they get an error in place of an empty list.
    ///
    /// ## How to fix
    ///
    /// Take from the token what it says: `(select auth.uid())`, `(select auth.jwt() ->> 'email')`. Read the
    /// rest in a function with SECURITY DEFINER, which has the rights of its owner, and answers for the caller
    /// alone.
    "policy-reads-unreadable-table" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "policy reads a table that the role may not read",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for denial in denials(cx, Evaluation::lacks_select) {
        report(cx, &denial, out);
    }
    for blind in blind_policies(cx) {
        blind.report(out);
    }
}

/// Policies that let nobody through, because they ask a table of which the role sees no row.
struct Blind<'a> {
    asked: &'a Table,
    role: &'a Role,
    policies: Vec<(&'a Table, &'a Policy, Span)>,
}

fn blind_policies<'a>(cx: &CatalogCx<'a>) -> Vec<Blind<'a>> {
    let mut found: IndexMap<_, Blind<'a>> = IndexMap::default();
    // Strangers are seldom meant to get through.
    for role in cx.catalog.api_roles().filter(|role| role.name != "anon") {
        for (table, policy) in cx.policies_in_force().filter(|(_, policy)| policy.permissive) {
            let lets_none =
                |clause: &&Clause| cx.rights.clause(table, policy, clause, role).reach == Reach::None;
            let of_nobody = |clause: &&Clause| cx.rights.lets_none_through(table, policy, clause);
            if !cx.catalog.policy_binds(policy, role) || !policy.clauses().all(|clause| lets_none(&clause)) {
                continue;
            }
            let asked = policy.clauses().filter(|clause| !of_nobody(clause)).find_map(|clause| {
                let hidden = cx.rights.hidden_from(role, &clause.value);
                hidden.into_iter().find(|(hidden, _)| cx.catalog.can_read(&role.name, Object::Table(hidden)))
            });
            let Some((asked, span)) = asked else { continue };
            let blind = found.entry((asked.oid, &role.name));
            blind.or_insert(Blind { asked, role, policies: Vec::new() }).policies.push((table, policy, span));
        }
    }
    found.into_values().collect()
}

impl Blind<'_> {
    fn report(&self, out: &mut Findings) {
        let (asked, role) = (&self.asked.name, self.role.name.quoted());
        let Some(((table, policy, span), others)) = self.policies.split_first() else { return };
        let more = match others.len() {
            0 => String::new(),
            1 => ", and neither does 1 more policy".to_string(),
            count => format!(", and neither do {count} more policies"),
        };
        let message = format!(
            "policy {} on {} lets no row through for {role}: it asks {asked}, of which no policy lets them see \
             rows{more}",
            policy.name.delimited(),
            table.name,
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let finding = out.report(*span, object, message);
        finding.severity(Severity::Warning).note("finds nothing").what(format!("{asked} {role}"));
        finding.label(policy.name_apart_from(*span), "the policy is created here");
        finding.label_each(others.iter().map(|(_, _, span)| (*span, "nor does this")));
        finding.extent(self.policies.iter().map(|(table, policy, _)| policy.on(&table.name)));
        finding.help(format!(
            "give {asked} a policy for SELECT, or read it in a function with `security definer set search_path = ''` that answers for the caller alone"
        ));
    }
}

fn report(cx: &CatalogCx<'_>, denial: &Denial<'_>, out: &mut Findings) {
    let (table, policy, reached) = (denial.table(), denial.policy(), denial.reached());
    let read = reached.object.name();
    let kind = if matches!(reached.object, Object::View(_)) { "view" } else { "table" };
    let roles = denial.roles();
    let through: Vec<String> = reached.through.iter().map(|step| step.name.to_string()).collect();
    let through =
        if through.is_empty() { String::new() } else { format!(" through {}", through.join(" and ")) };
    let reader = reached.reader.role.quoted();
    let message = format!(
        "{} fail with \"permission denied for {kind} {}\": policy {} reads {read}{through} with the rights of {}{}",
        denial.requests(),
        read.name,
        policy.name.delimited(),
        if roles.contains(&reader) { "the request" } else { &reader },
        denial.more(),
    );
    let finding =
        out.report(reached.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    finding.what(read.to_string()).note("SELECT is not granted").severity(denial.severity(cx));
    denial.label(finding, "reads");
    let definer = "read it in a function with `security definer set search_path = ''` that answers for the caller alone";
    let others_read = cx.catalog.can_read(&"authenticated".into(), reached.object);
    let for_all = denial.policy().roles.value.contains(&Grantee::Public);
    finding.help(if denial.is_of_anonymous() && for_all && others_read {
        denial.keep_from_anonymous()
    } else if !denial.is_of_anonymous() && read.schema == "auth" && read.name == "users" {
        format!("take the id or address from the token, (select auth.uid()) or (select auth.jwt() ->> 'email'); else {definer}")
    } else {
        definer.to_string()
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create schema private;
         create table private.staff (id uuid, role text, secret text);
         create table a (id int primary key, owner uuid);
         alter table a enable row level security;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn sub_selects_need_select() {
        policies(
            "
             create policy p on a for select to authenticated using (owner in (select id from auth.users));
             --                                                                               ^^^^^^^^^^ error: requests of authenticated for rows of public.a fail with \"permission denied for table users\": policy \"p\" reads auth.users with the rights of the request
             create policy q on a for update using (exists (select 1 from private.staff s where s.id = auth.uid()));
             --                                                           ^^^^^^^^^^^^^ error: requests of anon and authenticated to change rows of public.a fail with \"permission denied for table staff\"",
        );
    }

    #[test]
    fn without_a_user_it_is_a_warning_where_rows_are_lost() {
        policies(
            "
             grant select on private.staff to authenticated;
             create policy q on a for insert with check (exists (select 1 from private.staff s where s.id = auth.uid()));
             --                                                                ^^^^^^^^^^^^^ info: requests of anon to add rows to public.a fail",
        );
        policies(
            "
             grant select on private.staff to authenticated;
             create policy o on a for select to anon using (exists (select 1 from private.staff s where s.role = 'open'));
             --                                                                   ^^^^^^^^^^^^^ warning: requests of anon for rows of public.a fail
             ",
        );
        policies(
            "
             grant select on private.staff to authenticated;
             create policy r on a for select using (owner is null or exists (select 1 from private.staff s where s.role = 'x'));
             --                                                                            ^^^^^^^^^^^^^ warning: requests of anon for rows of public.a fail",
        );
    }

    #[test]
    fn columns_count_that_are_read() {
        policies(
            "
             grant select (id, role) on private.staff to anon, authenticated;
             create policy p on a for select using (exists (select 1 from private.staff s where s.id = auth.uid()));
             create policy q on a for update using (exists (select * from private.staff s where s.id = auth.uid()));
             --                                                           ^^^^^^^^^^^^^ error: policy \"q\" reads private.staff with the rights of the request, and so does 1 more policy
             create policy r on a for delete using (exists (select from private.staff s where s.secret = 'x'));",
        );
    }

    #[test]
    fn views_and_functions_read_as_their_owner_or_as_the_caller() {
        policies(
            "
             create view by_owner as select * from private.staff;
             create view by_caller with (security_invoker) as select * from private.staff;
             create function as_owner() returns boolean language sql stable security definer
               as $$ select exists (select 1 from private.staff) $$;
             create function as_caller() returns boolean language sql stable
               as $$ select exists (select 1 from private.staff) $$;
             create policy p on a for select using (exists (select 1 from by_owner) and as_owner());
             create policy q on a for insert with check (exists (select 1 from by_caller));
             --                                                                ^^^^^^^^^ error: policy \"q\" reads private.staff through public.by_caller
             create policy r on a for update using (as_caller());
             --                                     ^^^^^^^^^^^ error: policy \"r\" reads private.staff through public.as_caller
             create table b (id int);
             alter table b enable row level security;
             create policy p on b using (id = 1 or as_caller());
             create view closed as select * from private.staff;
             revoke select on closed from authenticated;
             create policy s on a for delete to authenticated using (exists (select 1 from closed));
             --                                                                            ^^^^^^ error: permission denied for view closed",
        );
    }

    #[test]
    fn tables_that_show_nothing_let_nobody_through() {
        policies(
            "
             create table members (team int, user_id uuid);
             alter table members enable row level security;
             create policy add on members for insert with check (user_id = auth.uid());
             create policy p on a for select using (id in (select team from members where user_id = auth.uid()));
             --                                                             ^^^^^^^ warning: policy \"p\" on public.a lets no row through for authenticated: it asks public.members, of which no policy lets them see rows, and neither does 1 more policy
             create policy q on a for update to authenticated using (exists (select 1 from members m where m.team = a.id));
             create policy r on a for delete using (owner = auth.uid() or exists (select 1 from members m where m.team = a.id));
             create table teams (id int, user_id uuid);
             alter table teams enable row level security;
             create policy own on teams for select using (user_id = auth.uid());
             create policy s on a for insert with check (exists (select 1 from teams t where t.id = a.id));",
        );
    }

    #[test]
    fn what_is_not_known_is_silent() {
        policies(
            "
             create policy p on a for select using (exists (select 1 from private.staff));
             do $$ begin execute 'grant select on private.staff to ' || current_setting('x.y'); end $$;",
        );
    }
}
