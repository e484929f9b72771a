use crate::access::opening::Way;
use crate::access::{describe, reach};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds policies that choose the rows that may be changed, and check nothing about what becomes
    /// of them.
    ///
    /// ## Why it matters
    ///
    /// USING looks at the row before a change, WITH CHECK at the row after it. With
    /// `with check (true)` a user who may change a row may write anything into it, another owner or
    /// team as well: `update todos set user_id = '…'` puts a todo into somebody else's list. In a
    /// policy for all commands WITH CHECK alone decides about new rows, too: anybody adds rows in
    /// anybody's name.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos to authenticated
    ///   using ((select auth.uid()) = user_id) with check (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Own todos" on public.todos to authenticated using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// Without WITH CHECK the condition of USING holds for the new row as well. The finding is an
    /// error where requests without a user can add rows that way. A restrictive policy that checks
    /// new rows makes it silent.
    ///
    /// ## How to fix
    ///
    /// Repeat the condition of USING in WITH CHECK, or leave WITH CHECK out when the policy is made.
    "with-check-true-scoped-using" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "rows are chosen before a change and not checked after it",
        sources: &["splinter:0024", "pgrls:SEC020"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force() {
        let Some(opened) = cx.rights.opening(Way::LooseCheck, table, policy) else { continue };
        let more = match opened.access.is_empty() {
            true => String::new(),
            false => format!("; {}", describe(&opened.access, "it")),
        };
        let message = format!(
            "policy {} on {} checks no row after a change: who may change a row may give it to somebody else{more}",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(opened.clause.span, object, message);
        found.note("true for every new row").reach(reach(&cx.rights.passed_by(table, policy)));
        if opened.anonymous_writes() {
            found.severity(Severity::Error);
        }
        if let Some(using) = &policy.using {
            found.label(using.span, "holds for the row before the change alone");
        }
        found.label(policy.name_apart_from(opened.clause.span), "the policy is created here");
        let (name, on) = (policy.name.quoted(), table.name.quoted());
        found.help(format!(
            "alter policy {name} on {on} with check (…); -- the condition of USING, or a stricter one"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid, done boolean", text);
    }

    #[test]
    fn any_check_that_is_always_true_counts() {
        policies(
            "
             create policy all_of_it on public.a using (user_id = auth.uid()) with check (1 = 1);
             --                                                                           ^^^^^ error: may give it to somebody else; anyone with the project's public API key can add rows to it",
        );
        policies(
            "
             create policy own on public.a for select using (user_id = auth.uid());
             create policy p on public.a for update using (user_id = auth.uid()) with check (true);
             --                                                                              ^^^^ warning: policy \"p\" on public.a checks no row after a change
             create policy q on public.a for update to authenticated using (not done)
               with check (auth.uid() is not null);
             --            ^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"q\"",
        );
    }

    #[test]
    fn what_is_checked_elsewhere_or_cannot_happen_is_silent() {
        policies(
            "
             create policy p on public.a for update using (true) with check (true);
             create policy q on public.a for update using (false) with check (true);
             create policy r on public.a for update using (user_id = auth.uid());
             create policy s on public.a for insert with check (true);
             create policy t on public.a for update using (user_id = auth.uid()) with check (done);",
        );
        policies(
            "
             create policy p on public.a for update using (user_id = auth.uid()) with check (true);
             create policy fence on public.a as restrictive for update using (true) with check (user_id = auth.uid());",
        );
        policies(
            "
             revoke update on public.a from anon, authenticated;
             create policy p on public.a for update using (user_id = auth.uid()) with check (true);",
        );
    }
}
