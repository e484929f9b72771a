use crate::map::{IndexMap, IndexSet};
use rustc_hash::FxHashSet;

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds tables where one command of one role has to pass several permissive policies.
    ///
    /// ## Why it matters
    ///
    /// Permissive policies are joined by OR: each of them runs for each row until one lets it
    /// through. A page of a list then pays for all of them, row by row; and whoever reads one
    /// policy does not see that another opens the same rows.
    ///
    /// Two that say for whom they are, and differ in it, cost nothing. Neither do restrictive ones
    /// count, nor policies for roles that no request has. Where one of them is `true`, PostgreSQL
    /// leaves out the others, so that nothing runs at all. And policies that each want another text
    /// in one column, as those of Storage want another `bucket_id`, never let the same row through.
    ///
    /// A `for all` policy beside one for `select`, as admins and readers often have, is reported as
    /// information: to merge them, the first must be split into its commands.
    ///
    /// ```sql,bad
    /// create table public.posts (id bigint primary key, author uuid, published boolean);
    /// alter table public.posts enable row level security;
    /// create policy "published" on public.posts for select using (published);
    /// create policy "own" on public.posts for select using (author = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.posts (id bigint primary key, author uuid, published boolean);
    /// alter table public.posts enable row level security;
    /// create policy "published" on public.posts for select to anon using (published);
    /// create policy "published or own" on public.posts for select to authenticated
    ///   using (published or author = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Say with `to` for whom each policy is. Where one role still has several for a command, join
    /// them to one with `or`.
    "multiple-permissive-policies" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "several permissive policies run for each row",
        sources: &["splinter:0006"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const COMMANDS: [(PolicyCommand, &str); 4] = [
    (PolicyCommand::Select, "SELECT"),
    (PolicyCommand::Insert, "INSERT"),
    (PolicyCommand::Update, "UPDATE"),
    (PolicyCommand::Delete, "DELETE"),
];

/// More policies than these are counted and not named.
const MOST_NAMED: usize = 4;

/// What commands share: the policies that run, by their place on the table, for which roles, and how many
/// of them for the role that has most.
type Crowd = (Vec<usize>, Vec<Ident>, usize);

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    let roles = Roles::of(cx.catalog);
    let mut found = Vec::new();
    for table in cx.catalog.tables.values().filter(|table| table.rls.value && table.policies.len() > 1) {
        if doubts.concern(&table.name) {
            continue;
        }
        let mut crowds: IndexMap<Crowd, Vec<PolicyCommand>> = IndexMap::default();
        for (command, _) in COMMANDS {
            if let Some(crowd) = roles.crowd(cx.rights, table, command) {
                crowds.entry(crowd).or_default().push(command);
            }
        }
        for ((policies, roles, most), commands) in crowds {
            let policies = policies.iter().filter_map(|at| table.policies.get_index(*at));
            let policies: Vec<&Policy> = policies.map(|(_, policy)| policy).collect();
            found.push(Meeting { table, policies, roles, most, commands });
        }
    }
    let (infos, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(Meeting::is_short);
    for list in [&warnings, &infos] {
        let before = out.list.len();
        list.iter().for_each(|meeting| report(meeting, out));
        if list.len() > MANY {
            fold(list, before, out);
        }
    }
}

/// Policies that run beside each other.
struct Meeting<'a> {
    table: &'a Table,
    policies: Vec<&'a Policy>,
    roles: Vec<Ident>,
    /// How many of the policies run for the role that has most.
    most: usize,
    commands: Vec<PolicyCommand>,
}

impl Meeting<'_> {
    fn words(&self) -> Vec<&'static str> {
        COMMANDS
            .iter()
            .filter(|(command, _)| self.commands.contains(command))
            .map(|(_, word)| *word)
            .collect()
    }

    /// Whether some are for all commands and some for one.
    fn is_mixed(&self) -> bool {
        let mut policies = self.policies.iter();
        policies.clone().any(|policy| is_for_all(policy)) && !policies.all(|policy| is_for_all(policy))
    }

    /// The one that lets through nobody but `service_role`.
    fn for_service(&self) -> Option<&Policy> {
        self.policies.iter().copied().find(|policy| is_for_service_role(policy))
    }

    /// What an admin and a reader may do cannot be said shorter.
    fn is_short(&self) -> bool {
        self.is_mixed()
            && self.policies.len() == 2
            && self.commands == [PolicyCommand::Select]
            && self.for_service().is_none()
    }

    /// The policies, oldest first: the last one to come made it a crowd.
    fn by_age(&self) -> Vec<&Policy> {
        let mut policies = self.policies.clone();
        policies.sort_by_key(|policy| policy.history.created);
        policies
    }
}

fn fold(list: &[Meeting<'_>], before: usize, out: &mut Findings) {
    let tables: IndexSet<Oid> = list.iter().map(|meeting| meeting.table.oid).collect();
    let message = format!(
        "several permissive policies run for each row of {} tables, {} the first of them",
        tables.len(),
        list[0].table.name
    );
    if let Some(habit) = out.fold(before, "policies", message, |one| one.message.clone()) {
        habit.what(if list[0].is_short() { "read" } else { "" }).help(
            "for each table and command: say with TO whom each policy is for, so that they no longer meet; or make them \
             one, their conditions joined by OR",
        );
    }
}

/// The roles that requests have, with those whose policies hold for them.
struct Roles(Vec<(Ident, Vec<Grantee>)>);

impl Roles {
    fn of(catalog: &Catalog) -> Self {
        let with_groups = |name: &Ident| {
            let roles = catalog.inherited_roles(name).into_iter().map(Grantee::Role);
            (name.clone(), roles.chain([Grantee::Public]).collect())
        };
        let subject = catalog.api_roles().filter(|role| !role.bypassrls && !role.superuser);
        Self(subject.map(|role| with_groups(&role.name)).collect())
    }

    /// The permissive policies that share a command of some role, and these roles.
    fn crowd(&self, rights: &Rights<'_>, table: &Table, command: PolicyCommand) -> Option<Crowd> {
        let policies = table.policies.values().enumerate();
        let at_work: Vec<(usize, &Policy)> =
            policies.filter(|(_, policy)| policy.permissive && policy.covers(command)).collect();
        let mut crowded = vec![false; table.policies.len()];
        let mut names = Vec::new();
        let mut most = 0;
        for (name, groups) in &self.0 {
            let holds = |policy: &Policy| policy.roles.value.iter().any(|role| groups.contains(role));
            let own: Vec<(usize, &Policy)> =
                at_work.iter().filter(|(_, policy)| holds(policy)).copied().collect();
            let is_silenced = own.iter().any(|(_, policy)| rights.silences_others(table, policy, command));
            let meets_another = |(at, policy): &&(usize, &Policy)| {
                own.iter().any(|(other_at, other)| other_at != at && !policy.excludes(other, table, command))
            };
            let meeting: Vec<usize> = own.iter().filter(meets_another).map(|(at, _)| *at).collect();
            if !is_silenced && !meeting.is_empty() {
                names.push(name.clone());
                most = most.max(meeting.len());
                meeting.into_iter().for_each(|at| crowded[at] = true);
            }
        }
        let together: Vec<usize> = (0..crowded.len()).filter(|at| crowded[*at]).collect();
        (!names.is_empty()).then_some((together, names, most))
    }
}

fn report(meeting: &Meeting<'_>, out: &mut Findings) {
    let Meeting { table, policies, roles, most, .. } = meeting;
    let (by_age, words) = (meeting.by_age(), meeting.words());
    let Some((last, earlier)) = by_age.split_last() else { return };
    let names: Vec<String> = by_age.iter().take(MOST_NAMED).map(|policy| policy.name.delimited()).collect();
    let more = match by_age.len() - names.len() {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let message = format!(
        "{}{most} policies run for each row when {} {} on {}: {}{more}",
        if *most < by_age.len() { "up to " } else { "" },
        listed(roles.iter().map(Ident::quoted)),
        if roles.len() == 1 {
            format!("does {}", listed(words.iter().map(ToString::to_string)))
        } else {
            format!("do {}", listed(words.iter().map(ToString::to_string)))
        },
        table.name,
        names.join(", "),
    );
    let finding: &mut Diagnostic = out.report(last.name_span, Identity::new("table", &table.name), message);
    finding.note("this one runs beside the others").what(words.join(" ").to_lowercase());
    finding.extent(by_age.iter().map(|policy| policy.in_words())).extent(roles.iter().map(Ident::quoted));
    finding.label_each(earlier.iter().rev().map(|policy| (policy.name_span, "this one runs, too")));
    if let Some(policy) = meeting.for_service() {
        finding.help(format!(
            "service_role passes by all policies, so this one does nothing but run: drop policy {} on {};",
            policy.name.quoted(),
            table.name.quoted()
        ));
    } else {
        let joined = if meeting.is_mixed() {
            format!(
                "split the FOR ALL policy into one for each command, and make those for {} one, their conditions joined \
                 by OR",
                listed(words.iter().map(ToString::to_string))
            )
        } else {
            "make them one, their conditions joined by OR".to_string()
        };
        let apart = if can_be_told_apart(policies) {
            "say with TO whom each policy is for, so that they no longer meet; or "
        } else {
            ""
        };
        finding.help(format!("{apart}{joined}"));
        if meeting.is_short() {
            finding.severity(Severity::Info);
        }
    }
}

fn is_for_all(policy: &Policy) -> bool {
    policy.command.value == PolicyCommand::All
}

/// Whether a TO for those policies that have none may keep them all apart: no two of the others are
/// for the same role already.
fn can_be_told_apart(policies: &[&Policy]) -> bool {
    let named =
        policies.iter().map(|policy| &policy.roles.value).filter(|roles| !roles.contains(&Grantee::Public));
    let mut seen: FxHashSet<&Grantee> = FxHashSet::default();
    named.flatten().all(|role| seen.insert(role))
}

/// Whether it lets nobody through but `service_role`, which needs no policy.
fn is_for_service_role(policy: &Policy) -> bool {
    policy.clauses().next().is_some()
        && policy.expressions().all(|expr| {
            use crate::sql::expr::{Expr, Literal};
            let is_name = |expr: &Expr| {
                matches!(expr.uncast(), Expr::Literal(Literal::String(text)) if text == "service_role")
            };
            matches!(expr, Expr::Op { op, left: Some(left), right }
                if op == "=" && (is_name(left) || is_name(right)))
        })
}

fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    fn policies(text: &str) {
        check(
            &RULE,
            &format!(
                "create table public.t (id int, a uuid);
                 alter table public.t enable row level security;\n{text}"
            ),
        );
    }

    #[test]
    fn many_tables_are_one_finding() {
        let table = |number: u8| {
            format!(
                "create table public.t{number} (id int); alter table public.t{number} enable row level security;
                 create policy one on public.t{number} for delete using (id > 0);
                 create policy two on public.t{number} for delete using (id < 0);\n"
            )
        };
        let tables: String = (1..=10).map(table).collect();
        policies(&format!(
            "create policy one on public.t for delete using (id > 0);
             create policy two on public.t for delete using (a is null);
             --            ^^^ warning: several permissive policies run for each row of 11 tables, public.t the first of them
             {tables}"
        ));
    }

    #[test]
    fn a_command_is_one_finding_for_all_roles() {
        policies(
            "create policy one on public.t for select using (id > 0);
             create policy two on public.t for select using (a is null);
             --            ^^^ warning: 2 policies run for each row when anon and authenticated do SELECT on public.t: \"one\", \"two\"",
        );
    }

    #[test]
    fn roles_with_different_policies_are_not_added_up() {
        policies(
            "create policy one on public.t for select using (id > 0);
             create policy two on public.t for select to authenticated using (a is null);
             create policy three on public.t for select to anon using (a = 1);
             --            ^^^^^ warning: up to 2 policies run for each row when anon and authenticated do SELECT on public.t: \"one\", \"two\", \"three\"",
        );
    }

    #[test]
    fn commands_with_the_same_policies_are_told_together() {
        policies(
            "create policy one on public.t for all to authenticated using (id > 0);
             create policy two on public.t using (a is null);
             --            ^^^ warning: when authenticated does SELECT, INSERT, UPDATE and DELETE on public.t",
        );
    }

    #[test]
    fn roles_must_meet() {
        policies(
            "create policy one on public.t for select to anon using (id > 0);
             create policy two on public.t for select to authenticated using (id > 0);
             create policy three on public.t for select to service_role using (id > 0);
             create policy four on public.t for select to postgres using (id > 0);",
        );
        policies(
            "create role editor;
             grant editor to authenticated;
             create policy one on public.t for select to editor using (id > 0);
             create policy two on public.t for select to authenticated using (id > 0);
             --            ^^^ warning: when authenticated does SELECT",
        );
        policies(
            "create role customer;
             grant customer to authenticator;
             create policy one on public.t for select to customer using (id > 0);
             create policy two on public.t for select to customer using (id > 0);
             --            ^^^ warning: when customer does SELECT",
        );
    }

    #[test]
    fn beside_true_nothing_runs() {
        policies(
            "create policy one on public.t for select using (true);
             create policy two on public.t for select using (a is null);
             create policy three on public.t for insert with check (a is null);
             create policy four on public.t for insert with check (true);",
        );
        policies(
            "create policy one on public.t for select to anon using (true);
             create policy two on public.t for select using (a is null);
             create policy three on public.t for select to authenticated using (id > 0);
             --            ^^^^^ warning: when authenticated does SELECT on public.t: \"two\", \"three\"
             create policy four on public.t for update using (true) with check (a is null);
             create policy five on public.t for update using (id > 0);
             --            ^^^^ warning: do UPDATE",
        );
    }

    #[test]
    fn restrictive_policies_do_not_count() {
        policies(
            "create policy one on public.t for select using (true);
             create policy two on public.t as restrictive for select using (true);
             create policy three on public.t as restrictive for select using (true);",
        );
    }

    #[test]
    fn row_level_security_must_be_on() {
        check(
            &RULE,
            "create table public.t (id int);
             create policy one on public.t using (id > 0);
             create policy two on public.t using (id > 0);",
        );
    }

    #[test]
    fn admins_beside_readers_are_information() {
        policies(
            "create policy readers on public.t for select using (id > 0);
             create policy admins on public.t for all using (a is null);
             --            ^^^^^^ info: do SELECT on public.t",
        );
    }

    #[test]
    fn policies_for_rows_of_their_own_never_meet() {
        check(
            &RULE,
            "create policy a on storage.objects for select using (bucket_id = 'a' and name = 'x');
             create policy b on storage.objects for select using (bucket_id = 'b');
             create policy c on storage.objects for insert with check (bucket_id = 'c' and name = 'x');
             create policy d on storage.objects for insert with check (bucket_id = 'd');
             create policy e on storage.objects for insert with check (bucket_id = 'd' and name = 'y');
             --            ^ warning: 2 policies run for each row when anon and authenticated do INSERT on storage.objects: \"d\", \"e\"",
        );
    }

    /// What is advised about the policies of one table.
    fn help(text: &str) -> String {
        let table = "create table public.t (id int, a uuid); alter table public.t enable row level security;";
        let found = Bench::new(&format!("{table}{text}")).run(&RULE, &RULE.options.defaults());
        found.first().and_then(|found| found.help.clone()).unwrap_or_default()
    }

    #[test]
    fn a_policy_for_all_is_never_merged_into_one_for_a_command() {
        let split = "split the FOR ALL policy into one for each command, and make those for SELECT one, their conditions \
                     joined by OR";
        let to = "say with TO whom each policy is for, so that they no longer meet; or ";
        let three = "create policy a on public.t using (a is null);
             create policy b on public.t for select using (id = 1);
             create policy c on public.t for select using (id = 2);";
        assert_eq!(help(three), format!("{to}{split}"));
        let two = "create policy a on public.t to authenticated using (a is null);
             create policy b on public.t for select to authenticated using (id = 1);";
        assert_eq!(help(two), split);
    }

    #[test]
    fn roles_that_meet_already_need_no_to() {
        let join = "make them one, their conditions joined by OR";
        let to = "say with TO whom each policy is for, so that they no longer meet; or ";
        let policies = |one: &str, other: &str| {
            help(&format!(
                "create policy a on public.t for select {one} using (id = 1);
                 create policy b on public.t for select {other} using (id = 2);"
            ))
        };
        assert_eq!(policies("to authenticated", "to anon, authenticated"), join);
        assert_eq!(policies("to authenticated", ""), format!("{to}{join}"));
        assert_eq!(policies("", ""), format!("{to}{join}"));
    }

    #[test]
    fn a_policy_for_service_role_can_go() {
        policies(
            "create policy own on public.t for insert with check (id > 0);
             create policy service on public.t for insert with check (auth.role() = 'service_role');
             --            ^^^^^^^ warning: \"own\", \"service\"",
        );
    }
}
