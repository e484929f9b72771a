use crate::map::IndexMap;

use crate::catalog::origin::Origin;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;

declare_rule! {
    /// Finds roles that can become the owner of tables with row level security.
    ///
    /// ## Why it matters
    ///
    /// Policies do not hold for the owner of a table unless it says FORCE ROW LEVEL SECURITY. A role
    /// that can take on the owner's reads and changes every row, and can drop the policies. In a
    /// Supabase project `postgres` owns nearly everything and is nobody's role but the migrations',
    /// hence this rule is not in the recommended set.
    ///
    /// ```sql,bad
    /// create role app_owner;
    /// create role app login;
    /// grant app_owner to app;
    /// create table public.orders (id bigint primary key);
    /// alter table public.orders enable row level security;
    /// alter table public.orders owner to app_owner;
    /// ```
    ///
    /// ```sql,good
    /// create role app_owner;
    /// create role app login;
    /// create table public.orders (id bigint primary key);
    /// alter table public.orders enable row level security;
    /// alter table public.orders owner to app_owner;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Revoke the membership, or `alter table public.orders force row level security;`
    "role-reaches-owner" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "role can become the owner of protected tables",
        sources: &["pgrls:SEC048"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut owners: IndexMap<&Ident, usize> = IndexMap::default();
    for table in cx.catalog.own_tables().filter(|table| table.rls.value && !table.forced_rls.value) {
        *owners.entry(&table.owner.value).or_default() += 1;
    }
    for role in cx.catalog.roles.values() {
        if role.superuser
            || role.bypassrls
            || role.history.created == Origin::Platform && role.name != "anon" && role.name != "authenticated"
        {
            continue;
        }
        for (owner, grant) in cx.catalog.roles_within_reach(&role.name) {
            let (Some(tables), Some(grant)) = (owners.get(&owner), grant) else { continue };
            let tables = if *tables == 1 { "a table".to_string() } else { format!("{tables} tables") };
            let message = format!(
                "role {} can become {}, the owner of {tables} with row level security, which does not hold for owners",
                role.name.quoted(),
                owner.quoted()
            );
            out.report(grant, Identity::plain("role", role.name.as_str()), message)
                .note("makes it a member")
                .what(owner.as_str())
                .help(format!("revoke {} from {};", owner.quoted(), role.name.quoted()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn owners_of_protected_tables() {
        check(
            &RULE,
            "
             create role app_owner;
             create role app;
             create table public.t (id int);
             alter table public.t enable row level security;
             alter table public.t owner to app_owner;
             grant app_owner to app;
          -- ^^^^^^^^^^^^^^^^^^^^^^ warning: role app can become app_owner, the owner of a table with row level security
             create role forced_owner;
             create table public.forced (id int);
             alter table public.forced enable row level security;
             alter table public.forced force row level security;
             alter table public.forced owner to forced_owner;
             grant forced_owner to app;",
        );
    }
}
