use crate::access::opening::Way;
use crate::access::{describe, reach};
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds policies for writing that ask for nothing but a signed-in user, on tables whose rows
    /// belong to users.
    ///
    /// ## Why it matters
    ///
    /// `auth.role() = 'authenticated'` and `auth.uid() is not null` are true for each user and each
    /// row. Whoever signs up, and that may be anybody, can change the rows of all others or add rows
    /// in their names.
    ///
    /// ```sql,bad
    /// create table public.comments (id bigint primary key, user_id uuid, body text);
    /// alter table public.comments enable row level security;
    /// create policy "Signed-in users write" on public.comments for insert
    ///   with check ((select auth.role()) = 'authenticated');
    /// ```
    ///
    /// ```sql,good
    /// create table public.comments (id bigint primary key, user_id uuid, body text);
    /// alter table public.comments enable row level security;
    /// create policy "Users write comments of their own" on public.comments for insert to authenticated
    ///   with check ((select auth.uid()) = user_id);
    /// ```
    ///
    /// Tables without a column that says whose a row is are shared, and silent. `to authenticated`
    /// with `using (true)` is found by `always-true-write-policy`.
    ///
    /// ## How to fix
    ///
    /// Compare the owner with the caller: `(select auth.uid()) = user_id`.
    "authenticated-only-write-predicate" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "any signed-in user can write the rows of others",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force() {
        let Some(opened) = cx.rights.opening(Way::SignedIn, table, policy) else { continue };
        let Some(owner) = table.owner_column(cx.catalog).filter(|_| opened.writes()) else { continue };
        let message = format!(
            "policy {} asks for a signed-in user and not for {}: {}",
            policy.name.delimited(),
            owner.name.quoted(),
            describe(&opened.access, &table.name.to_string())
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(opened.clause.span, object, message);
        found.note("true for every row and every user").reach(reach(&opened.access));
        found.label(policy.name_apart_from(opened.clause.span), "the policy is created here");
        found.label(owner.name_span, "says whose a row is");
        found.help(help(table, policy, &owner.name.quoted()));
    }
}

fn help(table: &Table, policy: &crate::catalog::policy::Policy, owner: &str) -> String {
    let condition = format!("((select auth.uid()) = {owner})");
    let clauses: Vec<String> = [("using", &policy.using), ("with check", &policy.with_check)]
        .into_iter()
        .filter(|(_, clause)| clause.is_some())
        .map(|(word, _)| format!("{word} {condition}"))
        .collect();
    format!("alter policy {} on {} {};", policy.name.quoted(), table.name.quoted(), clauses.join(" "))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn every_form_of_being_signed_in() {
        for signed_in in [
            "auth.role() = 'authenticated'",
            "auth.uid() is not null",
            "(select auth.uid()) is not null and true",
            "auth.jwt() ->> 'role' = 'authenticated'",
            "auth.uid() is not null or auth.uid() = user_id",
        ] {
            let carets = "^".repeat(signed_in.len());
            check(
                &RULE,
                &format!(
                    "create table public.a (id bigint, user_id uuid);
                     alter table public.a enable row level security;
                     create policy p on public.a for insert with check ({signed_in});
                     --                                                 {carets} warning: policy \"p\" asks for a signed-in user and not for user_id: every signed-in user can add rows to public.a"
                ),
            );
        }
    }

    #[test]
    fn shared_tables_and_real_conditions_are_silent() {
        check(
            &RULE,
            "create table public.shared (id bigint, title text);
             alter table public.shared enable row level security;
             create policy p on public.shared using (auth.role() = 'authenticated');
             create table public.a (id bigint, user_id uuid, open boolean);
             alter table public.a enable row level security;
             create policy p on public.a for select using (auth.uid() is not null);
             create policy q on public.a for update using (auth.uid() is not null and open);
             create policy r on public.a for insert to authenticated with check (true);",
        );
    }
}
