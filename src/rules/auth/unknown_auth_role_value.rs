use crate::catalog::gap::Aspect;
use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, report_each, spots, text};
use crate::rules::fold_many;
use crate::rules::rls::policy_for_bypassrls_role::is_inert;
use crate::sql::expr::Expr;
use crate::sql::name::Ident;

declare_rule! {
    /// Finds policies that ask for a role that no request can have.
    ///
    /// ## Why it matters
    ///
    /// A request of the Data API runs as `anon`, `authenticated`, `service_role`, or a role that was
    /// granted to `authenticator`. `auth.role() = 'admin'` is never true: what an application calls a role is
    /// a claim of its own, or a column of a table.
    ///
    /// `service_role` is above policies: a policy that asks for it is never looked at when it is true. That is
    /// an info.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// alter table public.notes enable row level security;
    /// create policy "admins" on public.notes using ((select auth.role()) = 'admin');
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// alter table public.notes enable row level security;
    /// create policy "admins" on public.notes to authenticated
    ///   using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
    /// ```
    ///
    /// ## How to fix
    ///
    /// Ask for what the application itself calls a role: a claim of `app_metadata`, or a row in a table
    /// of members. Leave out a condition that asks for `service_role`.
    "unknown-auth-role-value" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a policy asks for a role that no request has",
        sources: &["pgrls:SEC037"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Roles]);
    let is_known = |name: &str| cx.catalog.api_roles().any(|role| role.name == *name);
    let asked = |part| asked_roles(part).into_iter().find(|name| !name.is_empty() && !is_known(name));
    let (mut service, unknown): (Vec<_>, Vec<_>) =
        spots(cx, |_, _, part| asked(part)).into_iter().partition(|spot| spot.seen == "service_role");
    // What is for service_role alone is policy-for-bypassrls-role's.
    service.retain(|spot| !is_inert(cx, spot.table, spot.policy));
    let before = out.list.len();
    for spot in unknown.iter().filter(|spot| !doubts.concern(&spot.table.name)) {
        let role = Ident::new(spot.seen);
        let message = format!("{} asks for the role {}, which no request has", spot.subject(), role.quoted());
        let found = spot.report(out, message);
        found.note("never true").help(
            "ask for what the application itself calls a role: a claim of app_metadata, or a table of members",
        );
    }
    fold_many(out, before, "policies", |count| format!("{count} policies ask for roles that no request has"));
    report_each(
        out,
        &service,
        |spot| format!("{} asks for service_role, which no policy holds back", spot.subject()),
        |count| format!("{count} policies ask for service_role, which no policy holds back"),
        |finding| {
            finding
                .severity(Severity::Info)
                .note("has no effect")
                .help("leave it out: service_role reaches every row");
        },
    );
}

/// The constants that the role of the request is compared with.
fn asked_roles(expr: &Expr) -> Vec<&str> {
    let pairs = compared(expr).into_iter().filter(|(role, _)| told(role) == Some(Told::Role));
    pairs.filter_map(|(_, name)| text(name)).collect()
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
             create policy p1 on public.a using (auth.role() = 'admin');
             --                                  ^^^^^^^^^^^ warning: policy \"p1\" on public.a asks for the role admin, which
             create policy p2 on public.a using ((auth.jwt() ->> 'role') in ('authenticated', 'supabase_admin'));
             --                                   ^^^^^^^^^^ warning: supabase_admin
             create policy p3 on public.a using (ok or auth.role() = any (array['editor']));
             --                                        ^^^^^^^^^^^ warning: editor
             create policy p4 on public.a using ((select auth.role()) = 'service_role' or owner = auth.uid());
             --                                  ^^^^^^^^^^^^^^^^^^^^ info: asks for service_role
             create policy p8 on public.a using ((select auth.role()) = 'service_role');
             create policy p5 on public.a using (auth.role() in ('anon', 'authenticated'));
             create policy p6 on public.a using (auth.jwt() -> 'app_metadata' ->> 'role' = 'admin');
             create policy p7 on public.a using (auth.role() = org_id);",
        );
    }

    #[test]
    fn roles_of_the_project_are_known() {
        policy(
            "create role editor; grant editor to authenticator;
             create policy p1 on public.a using (auth.role() = 'editor');",
        );
    }
}
