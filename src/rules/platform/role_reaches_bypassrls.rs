use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds roles that can become one that is above row level security.
    ///
    /// ## Why it matters
    ///
    /// A member of a role can take it on with SET ROLE. A reporting user that was made a member of
    /// `service_role` for one grant is one statement away from every row; a role that `authenticator`
    /// may become can be asked for by a token.
    ///
    /// ```sql,bad
    /// create role reporting login;
    /// grant service_role to reporting;
    /// ```
    ///
    /// ```sql,good
    /// create role reporting login;
    /// grant usage on schema public to reporting;
    /// ```
    ///
    /// Memberships of a fresh project, such as that of `postgres`, are silent.
    ///
    /// ## How to fix
    ///
    /// Grant the role what it needs by name, and take the membership back:
    /// `revoke service_role from reporting;`
    "role-reaches-bypassrls" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "role can become one that is above row level security",
        sources: &["pgrls:SEC029"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let above = |role: &Role| role.bypassrls || role.superuser;
    for role in cx.catalog.roles.values().filter(|role| !above(role)) {
        let reached = cx.catalog.roles_within_reach(&role.name);
        let target = reached.iter().find(|(name, _)| cx.catalog.roles.get(*name).is_some_and(above));
        let Some((target, Some(grant))) = target.map(|(name, grant)| (name, *grant)) else { continue };
        let is_request = role.name == "anon" || role.name == "authenticated";
        let message = format!(
            "role {} can become {}, which is above row level security",
            role.name.quoted(),
            target.quoted()
        );
        let found = out.report(grant, Identity::plain("role", role.name.as_str()), message);
        found.note("makes it a member").what(target.as_str());
        if is_request {
            found.severity(Severity::Error);
        }
        found.help(format!(
            "revoke {} from {}; -- and grant by name what it needs",
            target.quoted(),
            role.name.quoted()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn members_of_members_count() {
        check(
            &RULE,
            "
             create role a;
             grant service_role to a;
          -- ^^^^^^^^^^^^^^^^^^^^^^^ warning: role a can become service_role
             create role b;
             create role c;
             grant a to c;
          -- ^^^^^^^^^^^^ warning: role c can become service_role
             grant service_role to authenticated;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: role authenticated can become service_role
             create role d bypassrls;
             grant b to anon;
             grant b to d;",
        );
    }
}
