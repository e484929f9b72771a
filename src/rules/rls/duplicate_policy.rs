use crate::access::Read;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::Clause;

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
    for (table, policy) in cx.policies_in_force() {
        let is_older = |other: &&Policy| other.history.created < policy.history.created;
        let mut older = table.policies.values().filter(is_older);
        let Some(twin) = older.find(|other| is_twin(cx, table, policy, other)) else { continue };
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
}

fn is_twin(cx: &CatalogCx<'_>, table: &Table, one: &Policy, other: &Policy) -> bool {
    let roles = |policy: &Policy| {
        let mut roles = policy.roles.value.clone();
        roles.sort();
        roles.dedup();
        roles
    };
    one.permissive == other.permissive
        && one.command.value == other.command.value
        && roles(one) == roles(other)
        && same(cx, table, [one, other], |policy| policy.using.as_ref())
        && same(cx, table, [one, other], |policy| policy.with_check.as_ref().or(policy.using.as_ref()))
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
    use super::RULE;
    use crate::testing::check;

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
}
