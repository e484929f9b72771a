use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, report_each, spots, text};
use crate::sql::expr::Expr;

declare_rule! {
    /// Finds policies that ask `auth.role()` whether somebody is signed in.
    ///
    /// ## Why it matters
    ///
    /// `to authenticated` says the same, and PostgreSQL then does not look at the policy at all for
    /// others. Supabase calls `auth.role()` deprecated: a policy that has it and no `to` is easily read
    /// as one for everybody, and the call is made for each row.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// alter table public.notes enable row level security;
    /// create policy "read" on public.notes for select using (auth.role() = 'authenticated');
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// alter table public.notes enable row level security;
    /// create policy "read" on public.notes for select to authenticated using (true);
    /// ```
    ///
    /// A policy that treats both roles, each in its own way, is left alone.
    ///
    /// ## How to fix
    ///
    /// Name the role in the policy's head: `create policy … to authenticated using (…)`.
    "deprecated-auth-role-check" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "a policy asks for the role instead of naming it",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, policy, part| {
        let asked = asked_role(part)?;
        // Both roles in one policy are told apart on purpose.
        let both = policy
            .expressions()
            .any(|expr| expr.any(&|other| asked_role(other).is_some_and(|role| role != asked)));
        (!both).then_some(asked)
    });
    report_each(
        out,
        &found,
        |spot| format!("{} asks auth.role() for a role that its TO clause can name", spot.subject()),
        |count| format!("{count} policies ask auth.role() for a role that their TO clauses can name"),
        |finding| {
            finding.note("deprecated").help("name the role: create policy … to authenticated using (…)");
        },
    );
}

/// `authenticated` or `anon`, where a comparison asks `auth.role()` for it.
fn asked_role(expr: &Expr) -> Option<&str> {
    let pairs = compared(expr);
    let asked = pairs.into_iter().find(|(role, name)| {
        told(role) == Some(Told::Role)
            && text(name).is_some_and(|name| name == "authenticated" || name == "anon")
    });
    asked.and_then(|(_, name)| text(name))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (auth.role() = 'authenticated');
             --                                  ^^^^^^^^^^^ info: policy \"p1\" on public.a asks auth.role()
             create policy p2 on public.a using (ok and (select auth.role()) in ('anon'));
             --                                         ^^^^^^^^^^^^^^^^^^^^ info: \"p2\"
             create policy p3 on public.a using ('authenticated'::text = (auth.jwt() ->> 'role'));
             --                                                           ^^^^^^^^^^ info: \"p3\"
             create policy p4 on public.a using (case when auth.role() = 'anon' then ok when auth.role() = 'authenticated' then true end);
             create policy p5 on public.a using (auth.role() = 'service_role');
             create policy p6 on public.a to authenticated using (org_id = 'authenticated');",
        );
    }
}
