use crate::access::opening::Way;
use crate::access::{describe, in_words, reach};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds policies that make others useless: one holds a command to the caller's rows, the other
    /// lets every row through.
    ///
    /// ## Why it matters
    ///
    /// Permissive policies are joined with `or`. "Users update their own todos" looks like
    /// protection, and is none as long as another policy for the same command and role is true for
    /// each row: every user can change the todos of all others.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Users read" on public.todos for select to authenticated using (true);
    /// create policy "Own todos" on public.todos for update to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// create policy "Update" on public.todos for update to authenticated using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Users read" on public.todos for select to authenticated using (true);
    /// create policy "Own todos" on public.todos for update to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// It is an error where rows can be changed or deleted, or added by requests without a user, a
    /// warning where signed-in users can add rows, and an info where all of them read what another
    /// policy holds to its owner. A policy that everybody reads by is
    /// `always-true-read-policy`'s affair.
    ///
    /// ## How to fix
    ///
    /// Drop the broad policy, or make it restrictive if it was to narrow the other one.
    "broad-policy-defeats-scoped-policy" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy makes the protection of another one useless",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force() {
        let Some(opened) = cx.rights.opening(Way::DefeatsScoped, table, policy) else { continue };
        let scoped: Vec<_> = cx.rights.defeated(table, policy, &opened.access).collect();
        let names: Vec<String> = scoped.iter().map(|policy| policy.name.delimited()).collect();
        let message = format!(
            "policy {} takes the effect from {}: {}",
            policy.name.delimited(),
            in_words(&names, "and"),
            describe(&opened.access, &table.name.to_string())
        );
        let changes = opened.access.iter().any(|access| {
            access.privileges.contains(Privilege::Update) || access.privileges.contains(Privilege::Delete)
        });
        let severity = match (opened.writes(), changes || opened.anonymous_writes()) {
            (false, _) => Severity::Info,
            (true, true) => Severity::Error,
            (true, false) => Severity::Warning,
        };
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(opened.clause.span, object, message);
        found.severity(severity).note("true for every row").reach(reach(&opened.access));
        found.label(policy.name_apart_from(opened.clause.span), "the policy is created here");
        found.label_each(
            scoped.iter().map(|policy| (policy.name_span, "this one would hold it to rows of the caller")),
        );
        let (name, on) = (policy.name.quoted(), table.name.quoted());
        found.help(format!("drop policy {name} on {on}; -- or repeat the condition of the other one"));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid", text);
    }

    #[test]
    fn true_and_signed_in_are_broad() {
        policies(
            "
             create policy own on public.a using (user_id = auth.uid());
             create policy read on public.a for select using (true);
             create policy broad on public.a for delete to authenticated using (true);
             --                                                                 ^^^^ error: policy \"broad\" takes the effect from \"own\": every signed-in user can delete every row
             create policy signed_in on public.a for update using ((select auth.role()) = 'authenticated');
             --                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: every signed-in user can change every row
             create policy add on public.a for insert to authenticated with check (true);
             --                                                                    ^^^^ warning: every signed-in user can add rows",
        );
        policies(
            "
             create policy own on public.a using (user_id = auth.uid());
             create policy signed_in on public.a for select using (auth.uid() is not null);
             --                                                    ^^^^^^^^^^^^^^^^^^^^^^ info: takes the effect from \"own\": every signed-in user can read every row",
        );
    }

    #[test]
    fn commands_and_roles_must_meet() {
        policies(
            "
             create policy own on public.a for update to authenticated using (user_id = auth.uid());
             create policy read on public.a for select using (true);
             create policy add on public.a for insert with check (true);
             create policy anonymous on public.a for update to anon using (true);
             create policy fence on public.a as restrictive for delete using (user_id = auth.uid());
             create policy broad on public.a for delete using (true);
             create policy admins on public.a using (auth.jwt() -> 'app_metadata' ->> 'role' = 'admin');",
        );
    }
}
