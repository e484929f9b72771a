use crate::access::opening::Way;
use crate::access::{describe, reach};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::auth::inverted_auth_check::inverted;
use crate::rules::auth::null_tolerant_identity::takes_row_for_caller;

declare_rule! {
    /// Finds policies that ask who is signed in, and are true for every row when nobody is.
    ///
    /// ## Why it matters
    ///
    /// Without a user `auth.uid()` is null, and a condition that takes null for a yes lets everybody
    /// with the public API key read the table: `coalesce(auth.uid() = user_id, true)` hides the
    /// notes of others from signed-in users and shows them all to those who are not signed in.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes for select
    ///   using (coalesce((select auth.uid()) = user_id, true));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes for select to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// The condition is worked out in SQL's three truth values, with the functions that it calls put
    /// in their places. A policy that names the role, `auth.role() = 'anon'` or `to anon`, with
    /// nothing that depends on a user is open on purpose. `auth.uid() is null or …` is
    /// `inverted-auth-check`'s, and `coalesce(auth.uid(), user_id)` `null-tolerant-identity`'s.
    ///
    /// ## How to fix
    ///
    /// Compare and leave it at that: a comparison with null lets no row through. `to authenticated`
    /// keeps those who are not signed in away from the policy.
    "anonymous-read-leak" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy is true for every row when nobody is signed in",
        sources: &["pgrls:SEC038"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force() {
        let Some(mut opened) = cx.rights.opening(Way::NobodySignedIn, table, policy) else { continue };
        // Other rules point at the very branch.
        if inverted(policy).is_some() || takes_row_for_caller(cx, table, policy) {
            continue;
        }
        opened.access.retain(|access| access.role.name == "anon");
        let message = format!(
            "policy {} is true when nobody is signed in: {}",
            policy.name.delimited(),
            describe(&opened.access, &table.name.to_string())
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(opened.clause.span, object, message);
        found.note("without a user auth.uid() is null, and this is true").reach(reach(&opened.access));
        found.label(policy.name_apart_from(opened.clause.span), "the policy is created here");
        let (name, on) = (policy.name.quoted(), table.name.quoted());
        found.help(format!(
            "alter policy {name} on {on} to authenticated; -- and let null be no yes in the condition"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid not null, open boolean", text);
    }

    #[test]
    fn null_is_worked_out() {
        for leak in [
            "coalesce(auth.uid() = user_id, true)",
            "auth.uid() is distinct from user_id",
            "case when auth.uid() is not null then auth.uid() = user_id else true end",
            "not coalesce(auth.uid() <> user_id, false)",
            "(auth.email() = 'a@example.com') is not false",
        ] {
            let carets = "^".repeat(leak.len());
            policies(&format!(
                "
                 create policy p on public.a for select using ({leak});
                 --                                            {carets} error: policy \"p\" is true when nobody is signed in: anyone with the project's public API key can read every row of public.a"
            ));
        }
        policies(
            "
             create function open_to(who uuid) returns boolean language plpgsql as $$ begin return who = '00000000-0000-0000-0000-000000000000'; end $$;
             create function allowed(who uuid) returns boolean language sql stable as $$ select coalesce(open_to(who), true) $$;
             create policy p on public.a using (allowed(auth.uid()));
             --                                 ^^^^^^^^^^^^^^^^^^^ error: can read, change and delete every row",
        );
    }

    #[test]
    fn what_is_public_on_purpose_or_not_open_is_silent() {
        policies(
            "
             create policy a on public.a for select using (true);
             create policy b on public.a for select using (auth.role() in ('anon', 'authenticated'));
             create policy c on public.a for select using (auth.uid() = user_id);
             create policy d on public.a for select to authenticated using (auth.uid() is null or open);
             create policy e on public.a for select using (auth.uid() <> user_id);
             create policy g on public.a for select using (auth.uid() is null or auth.uid() = user_id);
             create policy h on public.a for select using (coalesce(auth.uid(), user_id) = user_id);
             create policy f on public.a for select using (auth.uid() is not distinct from user_id);",
        );
        policies(
            "
             create policy a on public.a for select using (coalesce(auth.uid() = user_id, true));
             create policy b on public.a as restrictive for select using (open);",
        );
    }
}
