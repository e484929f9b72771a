use crate::catalog::origin::Origin;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds roles of the project that are above row level security.
    ///
    /// ## Why it matters
    ///
    /// No policy holds for a role with BYPASSRLS. Whoever gets its password, or a token that names it,
    /// reads and changes every row of every table that it was granted, and no policy written later
    /// changes that.
    ///
    /// ```sql,bad
    /// create role reporting with login bypassrls;
    /// ```
    ///
    /// ```sql,good
    /// create role reporting with login;
    /// create table public.orders (id bigint primary key);
    /// alter table public.orders enable row level security;
    /// grant select on public.orders to reporting;
    /// create policy "Reporting reads all" on public.orders for select to reporting using (true);
    /// ```
    ///
    /// It is an error where requests have the role, such as `authenticated`: then no policy holds for them.
    /// `service_role` and `postgres` are above row level security from the beginning.
    ///
    /// ## How to fix
    ///
    /// `alter role reporting nobypassrls;`, and a policy for the role on the tables that it needs.
    "bypassrls-role" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "role is above row level security",
        sources: &["pgrls:SEC016"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let is_platforms = |role: &Role| matches!(role.name.as_str(), "service_role" | "postgres");
    let above = cx.catalog.roles.values().filter(|role| role.bypassrls && !role.superuser);
    for role in above.filter(|role| !is_platforms(role)) {
        let Origin::Statement(span) = role.bypassrls_origin else { continue };
        let message = format!("role {} reads and changes rows past every policy", role.name.quoted());
        let found = out.report(span, Identity::plain("role", role.name.as_str()), message);
        found.note("BYPASSRLS").help(format!(
            "alter role {} nobypassrls; -- and a policy for it where it needs one",
            role.name.quoted()
        ));
        if cx.catalog.api_roles().any(|other| other.name == role.name) {
            found.severity(Severity::Error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn the_last_word_counts() {
        check(
            &RULE,
            "
             create role a bypassrls;
          -- ^^^^^^^^^^^^^^^^^^^^^^^ warning: role a reads and changes rows past every policy
             create role b bypassrls;
             alter role b nobypassrls;
             create role c;
             alter role c with bypassrls;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: role c
             create role d;
             alter role d with login;",
        );
    }

    #[test]
    fn requests_past_all_policies_are_an_error() {
        check(
            &RULE,
            "
             alter role authenticated bypassrls;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: role authenticated reads and changes rows past every policy
             alter role service_role with nologin bypassrls;",
        );
    }
}
