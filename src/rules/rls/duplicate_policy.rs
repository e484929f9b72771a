use crate::access::Read;
use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::map::IndexMap;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;
use crate::sql::statement::{Clause, PolicyCommand};

declare_rule! {
    /// Finds policies that say the same as another one of their table.
    ///
    /// ## Why it matters
    ///
    /// Whoever tightens one of the two believes that the table is tighter, and the other still lets
    /// everything through. Each of them is worked out for each row, besides.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes for select using ((select auth.uid()) = user_id);
    /// create policy "Users see their notes" on public.notes for select
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes for select using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// Not the text is compared but what it means: `a = 1 and b` is `b and 1 = a`, and WITH CHECK
    /// that repeats USING is no WITH CHECK.
    ///
    /// ## How to fix
    ///
    /// Drop one of them.
    "duplicate-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "two policies of a table say the same",
        sources: &["pgrls:HYG003"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let before = out.list.len();
    for table in cx.tables_with_policies().filter(|table| table.policies.len() > 1) {
        let mut alike: IndexMap<Shape, Vec<&Policy>> = IndexMap::default();
        for policy in table.policies.values() {
            alike.entry(Shape::of(cx, table, policy)).or_default().push(policy);
        }
        for (policy, others) in alike.values().flat_map(|all| all.iter().map(move |policy| (policy, all))) {
            let mut older = others.iter().filter(|other| other.history.created < policy.history.created);
            let Some(twin) = older.find(|other| says_the_same(cx, table, [policy, other])) else { continue };
            report(table, policy, twin, out);
        }
    }
    fold_many(out, before, "policies", |count| format!("{count} policies say the same as others"));
}

fn report(table: &Table, policy: &Policy, twin: &Policy, out: &mut Findings) {
    let message = format!(
        "policy {} on {} says the same as {}",
        policy.name.delimited(),
        table.name,
        twin.name.delimited()
    );
    let object = Identity::part("policy", &table.name, policy.name.as_str());
    let found = out.report(policy.name_span, object, message);
    found.note("the same again").label(twin.name_span, "says it already");
    found.help(format!("drop policy {} on {};", policy.name.quoted(), table.name.quoted()));
}

/// What twins have in common before their conditions are compared.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    permissive: bool,
    command: PolicyCommand,
    roles: Vec<Grantee>,
    atoms: [Vec<usize>; 2],
}

/// Of more policies on one table than these, only conditions over the same atoms are compared.
const MANY: usize = 64;

impl Shape {
    fn of(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> Self {
        let mut roles = policy.roles.value.clone();
        roles.sort();
        roles.dedup();
        let atoms = |part: Option<&Clause>| {
            let part = part.filter(|_| table.policies.len() > MANY);
            let mut atoms = part.map_or_else(Vec::new, |clause| {
                cx.rights.clause_of_anyone(table, policy, clause).node.atoms()
            });
            atoms.sort_unstable();
            atoms
        };
        let atoms = [using(policy), check_of(policy)].map(atoms);
        Self { permissive: policy.permissive, command: policy.command.value, roles, atoms }
    }
}

fn using(policy: &Policy) -> Option<&Clause> {
    policy.using.as_ref()
}

/// WITH CHECK, or USING in the place of one.
fn check_of(policy: &Policy) -> Option<&Clause> {
    policy.with_check.as_ref().or(policy.using.as_ref())
}

fn says_the_same(cx: &CatalogCx<'_>, table: &Table, policies: [&Policy; 2]) -> bool {
    same(cx, table, policies, using) && same(cx, table, policies, check_of)
}

/// Whether the same expression of two policies, if they have it, says the same.
fn same(
    cx: &CatalogCx<'_>,
    table: &Table,
    policies: [&Policy; 2],
    part: fn(&Policy) -> Option<&Clause>,
) -> bool {
    let [one, other] =
        policies.map(|policy| part(policy).map(|clause| cx.rights.clause_of_anyone(table, policy, clause)));
    match (one, other) {
        (None, None) => true,
        (Some(Read { conditions, node: one, .. }), Some(Read { node: other, .. })) => {
            conditions.implies(&one, &other) && conditions.implies(&other, &one)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{MANY, RULE};
    use crate::testing::{Bench, check};

    #[test]
    fn meaning_counts_and_not_the_text() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid, open boolean);
             alter table public.a enable row level security;
             create policy p on public.a for update using (open and user_id = auth.uid());
             create policy q on public.a for update using ((select auth.uid()) = user_id and open is true)
             --            ^ info: policy \"q\" on public.a says the same as \"p\"
               with check (user_id = auth.uid() and open);
             create policy r on public.a for update to anon, authenticated using (open);
             create policy s on public.a for update to authenticated, anon using (not (not open));
             --            ^ info: policy \"s\" on public.a says the same as \"r\"
             create policy t on public.a for update to authenticated using (open);
             create policy u on public.a for select to authenticated using (open);
             create policy v on public.a as restrictive for select to authenticated using (open);
             create policy w on public.a for select using (random() < 0.5);
             create policy x on public.a for select using (random() < 0.5);",
        );
    }

    #[test]
    fn one_among_many_is_found() {
        let mut sql =
            "create table public.a (id bigint); alter table public.a enable row level security;".to_string();
        for number in 0..=MANY {
            sql += &format!("create policy p{number} on public.a for select using (id = {number});\n");
        }
        sql += "create policy twin on public.a for select using (3 = id);";
        let found = Bench::new(&sql).run(&RULE, &RULE.options.defaults());
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["policy \"twin\" on public.a says the same as \"p3\""]);
    }
}
