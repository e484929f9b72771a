use crate::access::COMMANDS;
use crate::catalog::policy::Policy;
use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::spots;

declare_rule! {
    /// Finds policies that ask for a second factor, beside others that do not.
    ///
    /// ## Why it matters
    ///
    /// Permissive policies are joined by OR: a row that one of them lets through is through. A claim `aal2`
    /// that only one of them asks for keeps nobody out. `as restrictive` makes it a condition of all.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// create policy "mfa" on public.notes to authenticated using ((select auth.jwt() ->> 'aal') = 'aal2');
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// create policy "mfa" on public.notes as restrictive to authenticated
    ///   using ((select auth.jwt() ->> 'aal') = 'aal2');
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make the question for the second factor a policy of its own, `as restrictive`.
    "mfa-check-not-restrictive" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a policy beside the one that asks for MFA does not ask",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let asks = |policy: &Policy| {
        policy.expressions().any(|expr| expr.any(&|part| told(part) == Some(Told::Claim("aal"))))
    };
    let found = spots(cx, |table, policy, part| {
        if !policy.permissive || told(part) != Some(Told::Claim("aal")) {
            return None;
        }
        let meets = |other: &&Policy| {
            let command = COMMANDS.into_iter().any(|(command, _)| {
                policy.covers(command) && other.covers(command) && !policy.excludes(other, table, command)
            });
            let role = cx
                .catalog
                .api_roles()
                .any(|role| cx.catalog.policy_binds(policy, role) && cx.catalog.policy_binds(other, role));
            command && role
        };
        let mut others = table.policies.values().filter(|other| other.name != policy.name).filter(meets);
        let restricted = others.clone().any(|other| !other.permissive && asks(other));
        others.find(|other| other.permissive && !asks(other) && !restricted)
    });
    for spot in found {
        let message = format!(
            "{} asks for a second factor in vain: policy {} lets rows through without",
            spot.subject(),
            spot.seen.name.delimited()
        );
        let found = spot.report(out, message);
        found.label(spot.seen.name_span, "does not ask for it");
        found.help("make it a policy of its own, `as restrictive`");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy mfa on public.a for update to authenticated using ((auth.jwt() ->> 'aal') = 'aal2');
             --                                                                ^^^^^^^^^^ warning: policy \"mfa\" on public.a asks for a second factor in vain: policy \"own\"
             create policy own on public.a to authenticated using (owner = auth.uid());
             create policy none on public.a for update to anon using (false);
             create table public.b (id int, owner uuid);
             alter table public.b enable row level security;
             create policy own on public.b for select to authenticated using (owner = auth.uid());
             create policy mfa on public.b for delete to authenticated using ((auth.jwt() ->> 'aal') = 'aal2');
             create table public.c (id int, owner uuid);
             alter table public.c enable row level security;
             create policy own on public.c to authenticated using (owner = auth.uid());
             create policy mfa on public.c as restrictive to authenticated using ((auth.jwt() ->> 'aal') = 'aal2');
             create table public.d (id int, owner uuid);
             alter table public.d enable row level security;
             create policy own on public.d to authenticated using (owner = auth.uid() and (auth.jwt() ->> 'aal') = 'aal2');",
        );
    }
}
