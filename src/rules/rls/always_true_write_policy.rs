use crate::map::IndexMap;

use crate::access::opening::{Opening, Way};
use crate::access::{Access, describe, in_words, reach};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::rules::clauses::{FOR_VISITORS, is_for_visitors};
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand};

declare_rule! {
    /// Finds policies that let every row be added, changed or deleted.
    ///
    /// ## Why it matters
    ///
    /// Policies are joined with `or`: one `using (true)` opens the table to each role that the
    /// policy is for, whatever the other policies say. A policy without `to` is for everybody:
    /// whoever has the public API key can send `DELETE /rest/v1/todos?id=gt.0` and empty the table.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Allow everything" on public.todos for all using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Users change their own todos" on public.todos for update to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// It is an error when requests without a signed-in user can write, and a warning when only
    /// signed-in users can, or when a policy lets rows be added and no more, and its name or TO says that
    /// everybody may, as with a form. Not only the word `true` counts, but every expression that is true for
    /// each row: `1 = 1`, `(select true)`, `id is not distinct from id`. Silent are policies for
    /// `service_role` and other roles that requests do not have, restrictive policies and those
    /// that a restrictive one narrows, and commands that no such role has the privilege for.
    ///
    /// Other rules say more about some of these policies, and speak alone: one with a real `using` and
    /// `with check (true)` is `with-check-true-scoped-using`'s, `… or true` is `always-true-branch`'s, a
    /// policy for the server is `service-policy-open-to-public`'s, and one beside a policy for the
    /// caller's own rows is `broad-policy-defeats-scoped-policy`'s.
    ///
    /// An UPDATE or DELETE that names rows finds those alone that a policy for SELECT shows. Where
    /// these are not all, the finding says so: it is an error where strangers can read some, and an info where
    /// nobody can read any.
    ///
    /// The policies of a table that open it to the same callers are one finding. Where many tables are open
    /// to all signed-in users, that is told once.
    ///
    /// ## How to fix
    ///
    /// Say whose rows may be written: `using ((select auth.uid()) = user_id)`. A policy for the
    /// server is not needed at all: the service key is above row level security.
    "always-true-write-policy" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "policy lets every row be written",
        sources: &["splinter:0024", "pgrls:SEC008", "pgrls:SEC028"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const CHANGES: [PolicyCommand; 2] = [PolicyCommand::Update, PolicyCommand::Delete];

/// A policy that opens writing, and what it comes to.
struct Open<'a> {
    table: &'a Table,
    policy: &'a Policy,
    access: Vec<Access<'a>>,
    /// Whether an UPDATE or DELETE finds only rows that the caller can read.
    of_readers: bool,
    is_drop_box: bool,
    severity: Severity,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut tables: IndexMap<_, Vec<Open<'_>>> = IndexMap::default();
    // Of channels it is realtime-messages-open that speaks.
    let of_tables = cx.policies_in_force().filter(|(table, _)| table.name.schema != "realtime");
    for (table, policy) in of_tables {
        if let Some(open) = open(cx, table, policy) {
            let roles: Vec<&Ident> = open.access.iter().map(|access| &access.role.name).collect();
            tables.entry((table.oid, open.severity, open.of_readers, roles)).or_default().push(open);
        }
    }
    let (shared, rest): (Vec<_>, Vec<_>) = tables.into_values().partition(|opens| opens[0].is_to_signed_in());
    let before = out.list.len();
    shared.iter().for_each(|opens| report(cx, opens, out));
    if shared.len() > MANY {
        fold(cx, &shared, before, out);
    }
    rest.iter().for_each(|opens| report(cx, opens, out));
}

fn open<'a>(cx: &CatalogCx<'a>, table: &'a Table, policy: &'a Policy) -> Option<Open<'a>> {
    match cx.rights.way(table, policy) {
        Some(way @ Way::Always) => {
            let opened = cx.rights.opening(way, table, policy)?;
            let is_drop_box = is_drop_box(&opened, policy);
            let is_error = opened.anonymous_writes() && !is_drop_box;
            let severity = if is_error { Severity::Error } else { Severity::Warning };
            opened.writes().then_some(Open {
                table,
                policy,
                access: opened.access,
                of_readers: false,
                is_drop_box,
                severity,
            })
        }
        Some(_) => None,
        None => {
            let always = |command: &PolicyCommand| policy.opens(*command, cx.catalog);
            let commands: Vec<PolicyCommand> = CHANGES.into_iter().filter(always).collect();
            let access = cx.rights.opened_to_readers_by(table, policy, &commands);
            if access.is_empty() {
                return None;
            }
            let reads = |access: &&Access<'_>| {
                let select = cx.access(table, access.role, PolicyCommand::Select);
                select.is_some_and(|cell| cell.reach != Reach::None)
            };
            let readers: Vec<Access<'_>> = access.iter().filter(reads).cloned().collect();
            let (access, severity) = match readers.is_empty() {
                true => (access, Severity::Info),
                false if readers.iter().any(|access| access.role.name == "anon") => {
                    (readers, Severity::Error)
                }
                false => (readers, Severity::Warning),
            };
            Some(Open { table, policy, access, of_readers: true, is_drop_box: false, severity })
        }
    }
}

/// Whether a policy only lets rows be added, and says that it is for everybody: a form, a newsletter.
fn is_drop_box(opened: &Opening<'_>, policy: &Policy) -> bool {
    let changes = |access: &Access<'_>| access.commands().iter().any(|command| CHANGES.contains(command));
    is_for_visitors(policy) && !opened.access.iter().any(changes)
}

impl Open<'_> {
    /// Whether it lets every signed-in user write, and nobody else.
    fn is_to_signed_in(&self) -> bool {
        let roles: Vec<&str> = self.access.iter().map(|access| access.role.name.as_str()).collect();
        self.severity == Severity::Warning && !self.of_readers && roles == ["authenticated"]
    }

    fn help(&self, catalog: &Catalog) -> String {
        let help = help(catalog, self.table, self.policy);
        if self.is_drop_box { format!("{FOR_VISITORS}; otherwise: {help}") } else { help }
    }

    /// The clause that lets every row through.
    fn clause(&self, cx: &CatalogCx<'_>) -> Option<&Clause> {
        self.policy.clauses().find(|clause| cx.rights.lets_all_through(self.table, self.policy, clause))
    }

    /// What these callers can do by it.
    fn effect(&self, access: &[Access<'_>]) -> String {
        format!("{}{}", describe(access, &self.table.name.to_string()), self.which())
    }

    /// Which rows are meant, where these are not all.
    fn which(&self) -> &'static str {
        if self.of_readers { " that they can read" } else { "" }
    }

    fn note(&self) -> String {
        if self.severity == Severity::Info {
            return "true for every row; that they can read none is all that protects them".to_string();
        }
        let everybody = self.policy.roles.value == [Grantee::Public];
        let whom = if everybody { ", whoever asks" } else { "" };
        match (self.table.name.schema.as_str(), self.table.name.name.as_str()) {
            ("storage", "objects") => format!("true for every file of every bucket{whom}"),
            _ => format!("true for every row{whom}"),
        }
    }
}

/// What policies of a table open together, by role.
fn together<'a>(opens: &[Open<'a>]) -> Vec<Access<'a>> {
    let mut all: IndexMap<&Ident, Access<'a>> = IndexMap::default();
    for access in opens.iter().flat_map(|open| &open.access) {
        let known = all.entry(&access.role.name).or_insert_with(|| access.clone());
        known.privileges = known.privileges.union(access.privileges);
    }
    all.into_values().collect()
}

fn fold(cx: &CatalogCx<'_>, tables: &[Vec<Open<'_>>], before: usize, out: &mut Findings) {
    let first = &tables[0][0];
    let message = format!(
        "{} tables let every signed-in user write rows that are not theirs, {} the first of them: {} policies are true for \
         every row",
        tables.len(),
        first.table.name,
        tables.iter().map(Vec::len).sum::<usize>()
    );
    if let Some(habit) = out.fold(before, "policies", message, |one| one.message.clone()) {
        habit.help(format!(
            "right where all users are staff that work on the same rows, and nobody else can sign up; otherwise, table by \
             table: {}",
            help(cx.catalog, first.table, first.policy)
        ));
    }
}

fn report(cx: &CatalogCx<'_>, opens: &[Open<'_>], out: &mut Findings) {
    let Some(first) = opens.first() else { return };
    let before = out.list.len();
    opens.iter().for_each(|open| report_one(cx, open, out));
    if opens.len() == 1 {
        return;
    }
    let names: Vec<String> = opens.iter().map(|open| open.policy.name.delimited()).collect();
    let message = format!("policies {}: {}", in_words(&names, "and"), first.effect(&together(opens)));
    if let Some(found) = out.fold(before, "policies", message, |one| one.note.clone().unwrap_or_default()) {
        found.object = Identity::new("table", &first.table.name);
        found
            .what(format!("{}{}", first.severity, first.which()))
            .help(format!("for each of them, as for the first: {}", first.help(cx.catalog)));
    }
}

fn report_one(cx: &CatalogCx<'_>, open: &Open<'_>, out: &mut Findings) {
    let Some(clause) = open.clause(cx) else { return };
    let (table, policy) = (open.table, open.policy);
    let message = format!("policy {}: {}", policy.name.delimited(), open.effect(&open.access));
    let object = Identity::part("policy", &table.name, policy.name.as_str());
    let found = out.report(clause.span, object, message);
    found.severity(open.severity).note(open.note()).reach(reach(&open.access));
    found.label(policy.name_apart_from(clause.span), "the policy is created here");
    found.help(open.help(cx.catalog));
}

fn help(catalog: &Catalog, table: &Table, policy: &Policy) -> String {
    let (name, on) = (policy.name.quoted(), table.name.quoted());
    let to = if policy.binds_anonymous() { "to authenticated " } else { "" };
    let clause = if policy.command.value == PolicyCommand::Insert || policy.using.is_none() {
        "with check"
    } else {
        "using"
    };
    let change = |condition: &str| {
        let both = policy.with_check.is_some() && clause == "using";
        let rest = if both { format!(" with check ({condition})") } else { String::new() };
        format!("alter policy {name} on {on} {to}{clause} ({condition}){rest};")
    };
    match (table.name.schema.as_str(), table.name.name.as_str(), table.owner_column(catalog)) {
        ("storage", "objects", _) => change("bucket_id = '…' and (select auth.uid()::text) = owner_id"),
        (_, _, Some(owner)) => change(&format!("(select auth.uid()) = {}", owner.name.quoted())),
        // Which rows are whose only the author knows.
        _ => format!("{} -- in place of … the rows that a user may write", change("…")),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint, user_id uuid, done boolean);\n\
                         alter table public.a enable row level security;\n\
                         create policy \"read\" on public.a for select using (true);\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn constants_are_folded() {
        for always in ["true", "1=1", "'a'='a'", "not false", "(select true)"] {
            let carets = "^".repeat(always.len());
            policy(&format!(
                "
                 create policy p on public.a for delete using ({always});
                 --                                            {carets} error: policy \"p\": anyone with the project's public API key can delete every row of public.a
                "
            ));
        }
        policy("create policy p on public.a for all using (user_id is null or user_id = auth.uid());");
        policy("create policy p on public.a for all to authenticated using (auth.role() = 'authenticated');");
    }

    #[test]
    fn each_command_has_its_clause() {
        policy(
            "
             create policy p1 on public.a for insert with check (true);
             --                                                  ^^^^ error: can add rows to public.a
            ",
        );
        policy(
            "
             create policy p2 on public.a for update using (true);
             --                                             ^^^^ error: can change every row
            ",
        );
        policy(
            "
             create policy p3 on public.a for update using (true) with check (user_id = auth.uid());
             --                                             ^^^^ warning: every signed-in user can change every row
            ",
        );
        policy(
            "
             create policy p4 on public.a using (true);
             --                                  ^^^^ error: can read, change and delete every row of public.a, and add new ones
            ",
        );
    }

    #[test]
    fn policies_of_a_table_are_one_finding() {
        policy(
            "
             create policy add on public.a for insert to authenticated with check (true);
             --                                                                    ^^^^ warning: policies \"add\" and \"change\": every signed-in user can change every row of public.a and add new ones
             create policy change on public.a for update to authenticated using (true);
             create policy remove on public.a for delete using (true);
             --                                                 ^^^^ error: policy \"remove\": anyone with the project's public API key can delete every row
            ",
        );
    }

    #[test]
    fn many_tables_are_one_finding() {
        let table = |number: u8| {
            format!(
                "create table public.t{number} (id int); alter table public.t{number} enable row level security;
                 create policy open on public.t{number} to authenticated using (true);\n"
            )
        };
        let tables: String = (1..=10).map(table).collect();
        policy(&format!(
            "
             create policy open on public.a to authenticated using (true);
             --                                                     ^^^^ warning: 11 tables let every signed-in user write rows that are not theirs, public.a the first of them: 11 policies are true for every row
             {tables}"
        ));
    }

    #[test]
    fn help_keeps_what_is_right() {
        let help = |text: &str| {
            let bench = crate::testing::Bench::new(&format!(
                "{TABLE}create role members; grant members to authenticated;\n{text}"
            ));
            let found = bench.run(&RULE, &RULE.options.defaults());
            found.iter().filter_map(|found| found.help.clone()).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            help("create policy p on public.a using (true) with check (true);"),
            "alter policy p on public.a to authenticated using ((select auth.uid()) = user_id) \
             with check ((select auth.uid()) = user_id);"
        );
        assert_eq!(
            help("create policy p on public.a to members using (true);"),
            "alter policy p on public.a using ((select auth.uid()) = user_id);"
        );
        assert_eq!(
            help(
                "alter table public.a drop column user_id;
                 create policy p on public.a for insert to authenticated with check (true);"
            ),
            "alter policy p on public.a with check (…); -- in place of … the rows that a user may write"
        );
    }

    #[test]
    fn comparing_a_value_with_itself_is_always_true() {
        policy(
            "
             create policy p on public.a for delete using (user_id is not distinct from user_id);
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: can delete every row
             create policy q on public.a for delete using (random() is not distinct from random());
             create policy r on public.a for update using (user_id is not distinct from auth.uid());
             create policy s on public.a for delete using (user_id = user_id);",
        );
    }

    #[test]
    fn a_missing_clause_grants_nothing() {
        policy(
            "
             create policy p1 on public.a for insert;
             create policy p2 on public.a for update with check (true);
             create policy p3 on public.a for delete;
             create policy p4 on public.a for select using (true);
             create policy p5 on public.a;",
        );
    }

    #[test]
    fn roles_decide() {
        policy(
            "
             create policy p1 on public.a to service_role using (true);
             create policy p2 on public.a to postgres, dashboard_user using (true);
             create policy p3 on public.a to authenticated using (true);
             --                                                   ^^^^ warning: policies \"p3\" and \"p5\": every signed-in user can read, change
             create policy p4 on public.a for insert to anon with check (true);
             --                                                          ^^^^ warning: anyone with the project's public API key can add rows
             create role members;
             grant members to authenticated;
             create policy p5 on public.a for delete to members using (true);
             create role batch bypassrls;
             create policy p6 on public.a to batch using (true);",
        );
    }

    #[test]
    fn restrictive_policies_are_no_hole_and_narrow_others() {
        policy(
            "
             create policy fence on public.a as restrictive for delete using (user_id = auth.uid());
             create policy open on public.a for delete using (true);
             create policy half on public.a as restrictive for update to anon using (false);
             create policy change on public.a for update using (true);
             --                                                 ^^^^ warning: every signed-in user can change every row
             create policy nothing on public.a as restrictive for insert with check (true);",
        );
    }

    #[test]
    fn privileges_decide_what_is_real() {
        policy(
            "
             revoke insert, update, delete on public.a from anon;
             create policy p on public.a using (true);
             --                                 ^^^^ warning: every signed-in user can also change and delete every row",
        );
        policy(
            "
             revoke insert, update, delete on public.a from anon, authenticated;
             create policy p on public.a using (true);",
        );
        check(
            &RULE,
            "-- explicit
             create table public.a (id bigint);
             alter table public.a enable row level security;
             create policy p on public.a using (true);",
        );
    }

    #[test]
    fn who_reads_no_row_changes_none_by_name() {
        let table = "create table public.a (id bigint, user_id uuid);
                     alter table public.a enable row level security;";
        check(
            &RULE,
            &format!(
                "{table}
                 create policy p on public.a for delete to authenticated using (true);
                 --                                                             ^^^^ info: every signed-in user can delete every row of public.a that they can read"
            ),
        );
        check(
            &RULE,
            &format!(
                "{table}
                 create policy own on public.a for select using (user_id = auth.uid());
                 create policy p on public.a for update using (true);
                 --                                            ^^^^ warning: every signed-in user can change every row of public.a that they can read"
            ),
        );
        check(
            &RULE,
            &format!(
                "{table}
                 create policy seen on public.a for select using (id > 0);
                 create policy p on public.a for update using (true);
                 --                                            ^^^^ error: anyone with the project's public API key can change every row of public.a that they can read"
            ),
        );
    }

    #[test]
    fn the_end_of_the_history_counts() {
        policy(
            "
             create policy gone on public.a using (true);
             drop policy gone on public.a;
             create policy repaired on public.a for update using (true);
             alter policy repaired on public.a using (user_id = auth.uid());
             create policy spoiled on public.a for delete using (user_id = auth.uid());
             -- file: 2.sql
             alter policy spoiled on public.a using (true);
             --                                      ^^^^ error: policy \"spoiled\"",
        );
        check(
            &RULE,
            "
             create table public.off (id bigint);
             create policy p on public.off using (true);",
        );
    }

    #[test]
    fn managed_tables_count_and_hidden_ones_do_not() {
        check(
            &RULE,
            "
             create policy p on storage.objects for insert to authenticated with check (true);
             --                                                                         ^^^^ warning: can add rows to storage.objects
             create policy q on storage.objects for insert to authenticated with check (bucket_id = 'avatars');
             create schema private;
             create table private.a (id bigint);
             alter table private.a enable row level security;
             create policy p on private.a using (true);",
        );
    }

    #[test]
    fn what_was_not_read_may_have_dropped_it() {
        policy(
            "
             create policy p on public.a using (true);
             do $$ declare p text; begin
               for p in select name from public.policy_list loop
                 execute 'drop policy ' || p;
               end loop;
             end $$;",
        );
    }

    #[test]
    fn a_form_for_everybody_is_meant() {
        check(
            &RULE,
            r#"create table public.a (id bigint, title text);
             alter table public.a enable row level security;
             create policy "Anyone can subscribe" on public.a for insert with check (true);
             --                                                                      ^^^^ warning: anyone with the project's public API key can add rows
             create policy "drop box" on public.a for insert to anon with check (true);
             --                                                                  ^^^^ warning: can add rows
             create policy "Anyone can do it" on public.a for all using (true);
             --                                                          ^^^^ error: every row"#,
        );
    }
}
