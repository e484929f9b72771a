use crate::catalog::origin::Origin;
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
    for role in cx.catalog.roles.values().filter(|role| role.bypassrls && !role.superuser) {
        let Origin::Statement(span) = role.bypassrls_origin else { continue };
        let message = format!("role {} reads and changes rows past every policy", role.name.quoted());
        out.report(span, Identity::plain("role", role.name.as_str()), message).note("BYPASSRLS").help(
            format!(
                "alter role {} nobypassrls; -- and a policy for it where it needs one",
                role.name.quoted()
            ),
        );
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
}
