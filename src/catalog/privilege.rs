//! Who can do what in the end: grants by name, through PUBLIC and through membership.
//!
//! Row level security is not looked at.

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::function::Function;
use crate::catalog::table::Column;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

impl Catalog {
    /// The role itself and those whose privileges it has without asking: it is their member, and
    /// inherits.
    pub fn inherited_roles(&self, role: &Ident) -> Vec<Ident> {
        let mut found = vec![role.clone()];
        let mut at = 0;
        while let Some(name) = found.get(at) {
            // The database's owner is a member without being listed (PostgreSQL manual, section
            // 22.5).
            let unlisted = (*name == "postgres").then(|| Ident::new("pg_database_owner"));
            let listed = self.roles.get(name).filter(|member| member.inherit);
            for name in listed.into_iter().flat_map(|member| member.member_of.keys().cloned()).chain(unlisted)
            {
                if !found.contains(&name) {
                    found.push(name);
                }
            }
            at += 1;
        }
        found
    }

    /// Whether the other role is among the [`Self::inherited_roles`].
    pub fn inherits(&self, role: &Ident, other: &Ident) -> bool {
        role == other || self.is_member(role) && self.inherited_roles(role).contains(other)
    }

    /// Whether a role is a member of any other.
    fn is_member(&self, role: &Ident) -> bool {
        *role == "postgres" || self.roles.get(role).is_some_and(|role| !role.member_of.is_empty())
    }

    /// The roles that a role can take on with SET ROLE, through others as well, with the statement
    /// that made it or one between them a member. What the platform arranges has none.
    pub fn roles_within_reach(&self, role: &Ident) -> IndexMap<Ident, Option<Span>> {
        let mut found: IndexMap<Ident, Option<Span>> = IndexMap::default();
        let mut pending = vec![(role.clone(), None)];
        while let Some((name, grant)) = pending.pop() {
            let Some(member) = self.roles.get(&name) else { continue };
            for (next, origin) in &member.member_of {
                // The membership of the role itself is the first to blame.
                let grant = grant.or(origin.span());
                if next != role && !found.contains_key(next) {
                    found.insert(next.clone(), grant);
                    pending.push((next.clone(), grant));
                }
            }
        }
        found
    }

    fn is_superuser(&self, role: &Ident) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser)
    }

    /// What a role can do with an object of these grants.
    pub fn effective(&self, role: &Ident, acl: &Acl) -> Privileges {
        if self.is_superuser(role) {
            return Privileges::ALL;
        }
        let applies = |grantee: &Grantee| match grantee {
            Grantee::Public => true,
            Grantee::Role(name) => self.inherits(role, name),
        };
        let granted = acl.entries.iter().filter(|entry| applies(&entry.grantee));
        let granted = granted.fold(Privileges::NONE, |sum, entry| sum.union(entry.privileges));
        if !self.is_member(role) {
            return granted.union(predefined(role));
        }
        self.inherited_roles(role).iter().map(predefined).fold(granted, Privileges::union)
    }

    /// Whether a role has a privilege on an object of these grants.
    pub fn can(&self, role: &Ident, acl: &Acl, privilege: Privilege) -> bool {
        self.effective(role, acl).contains(privilege)
    }

    /// Whether a role has a privilege on the whole relation or at least on one of its columns.
    pub fn can_on_any_column(
        &self,
        role: &Ident,
        acl: &Acl,
        columns: &[Column],
        privilege: Privilege,
    ) -> bool {
        self.held(role, acl, columns).contains(privilege)
    }

    /// What a role can do with a relation, be it with one of its columns only.
    pub fn held(&self, role: &Ident, acl: &Acl, columns: &[Column]) -> Privileges {
        let of_columns = columns.iter().filter(|column| !column.acl.entries.is_empty());
        let each = of_columns.map(|column| self.effective(role, &column.acl));
        each.fold(self.effective(role, acl), Privileges::union)
    }

    /// Whether a role can name what is in a schema. One that the catalog does not know is the
    /// server's own, which everybody uses.
    pub fn can_use_namespace(&self, role: &Ident, name: &Ident) -> bool {
        let Some(namespace) = self.namespaces.get(name) else { return true };
        let reads_all = || {
            let all = ["pg_read_all_data", "pg_write_all_data"];
            all.iter().any(|all| self.inherits(role, &Ident::from(*all)))
        };
        self.can(role, &namespace.acl, Privilege::Usage) || reads_all()
    }

    /// Whether a role may call a function, its schema aside.
    pub fn can_execute(&self, role: &Ident, function: &Function) -> bool {
        self.can(role, &function.acl, Privilege::Execute)
    }
}

/// What a predefined role can do with every table (PostgreSQL manual, section 22.5).
fn predefined(role: &Ident) -> Privileges {
    match role.as_str() {
        "pg_read_all_data" => Privileges::of(&[Privilege::Select]),
        "pg_write_all_data" => Privileges::of(&[Privilege::Insert, Privilege::Update, Privilege::Delete]),
        "pg_maintain" => Privileges::of(&[Privilege::Maintain]),
        _ => Privileges::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::catalog::origin::Origin;
    use crate::catalog::platform::Exposure;

    #[test]
    fn public_and_membership_count() {
        let mut catalog = Catalog::supabase(Exposure::Exposed);
        let mut acl = Acl::default();
        acl.grant(&Grantee::Public, Privileges::of(&[Privilege::Select]), false, Origin::Platform);
        acl.grant(
            &Grantee::role("authenticated"),
            Privileges::of(&[Privilege::Insert]),
            false,
            Origin::Platform,
        );
        let (anon, postgres, authenticator) = ("anon".into(), "postgres".into(), "authenticator".into());
        assert!(catalog.can(&anon, &acl, Privilege::Select));
        assert!(!catalog.can(&anon, &acl, Privilege::Insert));
        assert!(catalog.can(&postgres, &acl, Privilege::Insert));
        assert!(!catalog.can(&authenticator, &acl, Privilege::Insert), "it does not inherit");
        assert!(catalog.can(&"supabase_admin".into(), &acl, Privilege::Truncate));
        catalog
            .roles
            .get_mut("anon")
            .expect("anon is there")
            .member_of
            .insert("authenticated".into(), Origin::Platform);
        assert!(catalog.can(&anon, &acl, Privilege::Insert));
    }

    #[test]
    fn the_platform_keeps_its_tables_from_the_api() {
        let catalog = Catalog::supabase(Exposure::Exposed);
        let anon = Ident::new("anon");
        let users = catalog.table(&QName::new("auth", "users")).expect("auth.users is there");
        assert!(!catalog.can(&anon, &users.acl, Privilege::Select));
        let objects = catalog.table(&QName::new("storage", "objects")).expect("storage.objects is there");
        assert!(catalog.can(&anon, &objects.acl, Privilege::Select));
        assert!(catalog.can_use_namespace(&anon, &"auth".into()));
        assert!(!catalog.can_use_namespace(&anon, &"vault".into()));
    }
}
