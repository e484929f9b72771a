use crate::access::{Read, reach};
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Link, Node, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::Clause;

declare_rule! {
    /// Finds policies that let through the rows of everybody but the caller.
    ///
    /// ## Why it matters
    ///
    /// `auth.uid() <> user_id` is mostly a comparison the wrong way round. Each user reaches what
    /// belongs to all others, and not what is theirs.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes to authenticated
    ///   using ((select auth.uid()) <> user_id);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// A condition that asks more of the rows, `user_id <> auth.uid() and published`, chooses among
    /// the rows of others and is silent, and so are restrictive policies.
    ///
    /// ## How to fix
    ///
    /// Compare with `=`.
    "negated-identity-predicate" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a policy lets through the rows of all others",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| policy.permissive) {
        let accesses = cx.catalog.table_access(table);
        let mut bound = accesses.iter().filter(|access| cx.catalog.policy_binds(policy, access.role));
        let Some(clause) = bound.find_map(|access| inverted(cx, table, policy, access.role)) else {
            continue;
        };
        report(cx, table, policy, clause, out);
    }
}

/// The clause that is true for each row but those of the caller.
fn inverted<'a>(cx: &CatalogCx<'_>, table: &Table, policy: &'a Policy, role: &Role) -> Option<&'a Clause> {
    policy.clauses().find(|clause| {
        let Read { conditions, node, reach } = cx.rights.clause(table, policy, clause, role);
        let atoms = node.atoms();
        let is_own = |at: &usize| matches!(conditions.atoms[*at].link, Link::Own(_));
        let about_caller = |at: &usize| is_own(at) || conditions.atoms[*at].link == Link::Caller;
        let excludes_own = |at: &usize| {
            let both = Node::all([node.clone(), Node::Atom(*at)]);
            is_own(at) && conditions.is_never(&both)
        };
        reach == Reach::Some && atoms.iter().all(about_caller) && atoms.iter().any(excludes_own)
    })
}

fn report(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, clause: &Clause, out: &mut Findings) {
    let message = format!(
        "policy {} on {} lets a user through to the rows of all others, and not to their own",
        policy.name.delimited(),
        table.name
    );
    let object = Identity::part("policy", &table.name, policy.name.as_str());
    let found = out.report(clause.span, object, message);
    found.note("true where the row is not the caller's").reach(reach(&cx.rights.passed_by(table, policy)));
    found.label(policy.name_apart_from(clause.span), "the policy is created here");
    found.help("compare with = if each user is to reach rows of their own");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid, open boolean", text);
    }

    #[test]
    fn every_form_of_not_equal() {
        for negated in [
            "auth.uid() <> user_id",
            "not (user_id = (select auth.uid()))",
            "user_id is distinct from auth.uid() and auth.uid() is not null",
            "user_id not in (auth.uid())",
        ] {
            let carets = "^".repeat(negated.len());
            policies(&format!(
                "
                 create policy p on public.a for select to authenticated using ({negated});
                 --                                                             {carets} warning: policy \"p\" on public.a lets a user through to the rows of all others"
            ));
        }
    }

    #[test]
    fn conditions_on_rows_and_fences_are_silent() {
        policies(
            "
             create policy p on public.a for select using (auth.uid() <> user_id and open);
             create policy q on public.a for select using (auth.uid() = user_id);
             create policy r on public.a as restrictive for select using (auth.uid() <> user_id);
             create policy s on public.a for select using (auth.uid() <> '00000000-0000-0000-0000-000000000000');
             create policy t on public.a for select to anon using (auth.uid() <> user_id);",
        );
    }
}
