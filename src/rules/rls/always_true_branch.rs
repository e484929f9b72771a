use crate::access::opening::Way;
use crate::access::{describe, reach};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;

declare_rule! {
    /// Finds conditions of which one branch is always true: `… or true`.
    ///
    /// ## Why it matters
    ///
    /// One branch of an OR that is true for each row makes all others meaningless. It is mostly left
    /// over from a test: `using (user_id = auth.uid() or true)` reads as if todos were private, and
    /// shows those of everybody.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos for select
    ///   using ((select auth.uid()) = user_id or true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos for select to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// `1 = 1`, `not false` and `id is not null` of a primary key are always true as well. It is an
    /// error where requests without a user can write because of it.
    ///
    /// ## How to fix
    ///
    /// Take the branch out, or write `using (true)` if the rows are public.
    "always-true-branch" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "one branch of a condition is always true",
        sources: &["pgrls:SEC011"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let before = out.list.len();
    for (table, policy) in cx.policies_in_force() {
        let mut deeds = Vec::new();
        let (clause, effect, anonymous_writes) = match cx.rights.opening(Way::TrueBranch, table, policy) {
            Some(opened) if !opened.access.is_empty() => {
                let effect = describe(&opened.access, &table.name.to_string());
                deeds = reach(&opened.access);
                (opened.clause, effect, opened.anonymous_writes())
            }
            Some(opened) => (opened.clause, "no new row is checked".to_string(), false),
            None if cx.rights.way(table, policy).is_some() => continue,
            // A restrictive policy that is always true is a finding of its own.
            None => {
                let has_branch = |clause: &&crate::sql::statement::Clause| {
                    cx.rights.has_true_branch(&clause.value)
                        && (policy.permissive || !cx.rights.lets_all_through(table, policy, clause))
                };
                let Some(clause) = policy.clauses().find(has_branch) else { continue };
                (clause, "the conditions beside it decide nothing".to_string(), false)
            }
        };
        let message = format!(
            "policy {} on {} has a branch that is always true: {effect}",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(clause.span, object, message);
        if anonymous_writes {
            found.severity(Severity::Error);
        }
        found.note("one side of OR is true for every row, whoever asks").reach(deeds);
        found.label(policy.name_apart_from(clause.span), "the policy is created here");
        found.help("take the branch out; or write using (true) if the rows are public");
    }
    fold_many(out, before, "policies", |count| format!("{count} policies have a branch that is always true"));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn wherever_it_stands() {
        check(
            &RULE,
            "create table public.a (id bigint primary key, user_id uuid, open boolean);
             alter table public.a enable row level security;
             create policy p on public.a for select using (user_id = auth.uid() or 1 = 1);
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"p\" on public.a has a branch that is always true: anyone with the project's public API key can read every row of public.a
             create policy q on public.a for update using (user_id = auth.uid() or id is not null);
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: can change every row
             create policy r on public.a for select using (open and (user_id = auth.uid() or true));
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: the conditions beside it decide nothing
             create policy s on public.a for update using (open) with check (user_id = auth.uid() or true);
             --                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"s\"",
        );
    }

    #[test]
    fn a_condition_or_a_constant_alone_is_no_branch() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid, open boolean);
             alter table public.a enable row level security;
             create policy p on public.a for select using (true);
             create policy q on public.a for select using (true or 1 = 1);
             create policy r on public.a for select using (open or user_id = auth.uid());
             create policy s on public.a as restrictive for select using (open or true);
             create policy t on public.a for select to anon using (open or auth.uid() is null);",
        );
    }
}
