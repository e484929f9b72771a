//! DROP OWNED and REASSIGN OWNED.

use crate::catalog::Catalog;
use crate::catalog::acl::{Grantee, Privileges};
use crate::catalog::apply::{Applied, Misfit, default_privileges, owner};
use crate::catalog::depend::Object;
use crate::catalog::origin::Origin;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, RoleName};

/// DROP OWNED: what the roles own goes, what was granted to them is revoked, default privileges
/// included, and policies name them no more.
pub(super) fn drop(catalog: &mut Catalog, names: &[RoleName], cascade: bool, origin: Origin) -> Applied {
    let roles = roles(catalog, names)?;
    catalog.drop_objects(objects_of(catalog, &roles), cascade, Some(origin))?;
    catalog.default_privileges.retain(|row| !roles.contains(&row.owner));
    for acl in owner::acls(catalog) {
        for role in &roles {
            acl.revoke(&Grantee::Role(role.clone()), Privileges::ALL, false);
        }
    }
    default_privileges::forget_idle(catalog);
    for table in catalog.tables.values_mut() {
        let is_theirs = |grantee: &Grantee| matches!(grantee, Grantee::Role(role) if roles.contains(role));
        let before = table.policies.len();
        table.policies.retain(|_, policy| {
            let named = policy.roles.value.iter().any(is_theirs);
            policy.roles.value.retain(|grantee| !is_theirs(grantee));
            if named {
                policy.history.touch(origin);
            }
            !policy.roles.value.is_empty()
        });
        if table.policies.len() < before {
            table.history.touch(origin);
        }
    }
    Ok(())
}

/// REASSIGN OWNED: default privileges stay with the old owner.
pub(super) fn reassign(catalog: &mut Catalog, names: &[RoleName], to: &RoleName, origin: Origin) -> Applied {
    let roles = roles(catalog, names)?;
    let to = catalog.role_ident(to).ok_or_else(|| Misfit::missing(ObjectKind::Role, "public"))?;
    catalog.require_role(&to)?;
    for object in objects_of(catalog, &roles) {
        owner::of_object(catalog, &object, &to, origin);
    }
    Ok(())
}

/// Something that keeps a role from being dropped, in words.
pub(super) fn dependent_on(catalog: &Catalog, role: &Ident) -> Option<String> {
    if let Some(object) = objects_of(catalog, std::slice::from_ref(role)).first() {
        return Some(catalog.describe(object));
    }
    let grantee = Grantee::Role(role.clone());
    let granted = owner::granted(catalog).find(|(_, acl)| acl.entry(&grantee).is_some());
    if let Some((object, _)) = granted {
        return Some(format!("a privilege on {}", catalog.describe(&object)));
    }
    let defaults = catalog.default_privileges.iter();
    if defaults.into_iter().any(|row| row.owner == *role || row.acl.entry(&grantee).is_some()) {
        return Some("a default privilege".into());
    }
    let mut tables = catalog.tables.values();
    tables.find_map(|table| {
        let policy = table.policies.values().find(|policy| policy.roles.value.contains(&grantee))?;
        Some(catalog.describe(&Object::Policy(table.oid, policy.name.clone())))
    })
}

fn roles(catalog: &Catalog, names: &[RoleName]) -> Result<Vec<Ident>, Misfit> {
    catalog.require_roles(names)?;
    Ok(names.iter().filter_map(|name| catalog.role_ident(name)).collect())
}

/// What some roles own, apart from the members of extensions.
fn objects_of(catalog: &Catalog, roles: &[Ident]) -> Vec<Object> {
    let owned = |owner: &Ident, extension: Option<&Ident>| extension.is_none() && roles.contains(owner);
    let mut list = Vec::new();
    let namespaces = catalog.namespaces.values();
    list.extend(
        namespaces
            .filter(|namespace| owned(&namespace.owner, namespace.extension.as_ref()))
            .map(|namespace| Object::Namespace(namespace.name.clone())),
    );
    list.extend(
        catalog
            .tables
            .values()
            .filter(|table| owned(&table.owner.value, table.extension.as_ref()))
            .map(|table| Object::Table(table.oid)),
    );
    list.extend(
        catalog
            .views
            .values()
            .filter(|view| owned(&view.owner, view.extension.as_ref()))
            .map(|view| Object::View(view.oid)),
    );
    list.extend(
        catalog
            .sequences
            .values()
            .filter(|sequence| owned(&sequence.owner, sequence.extension.as_ref()))
            .map(|sequence| Object::Sequence(sequence.oid)),
    );
    list.extend(
        catalog
            .functions
            .values()
            .filter(|function| owned(&function.owner, function.extension.as_ref()))
            .map(|function| Object::Function(function.oid)),
    );
    list.extend(
        catalog
            .types
            .values()
            .filter(|user_type| owned(&user_type.owner, user_type.extension.as_ref()))
            .map(|user_type| Object::Type(user_type.oid)),
    );
    list.extend(
        catalog
            .publications
            .values()
            .filter(|publication| owned(&publication.owner, None))
            .map(|publication| Object::Publication(publication.name.clone())),
    );
    list.extend(
        catalog
            .event_triggers
            .values()
            .filter(|trigger| owned(&trigger.owner, None))
            .map(|trigger| Object::EventTrigger(trigger.name.clone())),
    );
    list.extend(
        catalog
            .servers
            .values()
            .filter(|server| owned(&server.owner, None))
            .map(|server| Object::Server(server.name.clone())),
    );
    list
}

#[cfg(test)]
mod tests {
    use crate::catalog::acl::Grantee;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    const STAFF: &str = "create role staff; create schema hall authorization staff; create table t (a int);
        grant select on t to staff; create policy p on t to staff, anon using (true);
        create policy q on t to staff using (true);
        alter default privileges in schema public grant select on tables to staff;
        create table hall.desk (a int); alter table hall.desk owner to staff;";

    #[test]
    fn what_a_role_owns_and_may_do_goes() {
        let bench = Bench::new(&format!("{STAFF} drop owned by staff; drop role staff;"));
        assert_eq!(bench.reasons(), [""; 0]);
        let table = bench.catalog.table(&QName::new("public", "t")).expect("it is postgres's");
        assert!(table.acl.entry(&Grantee::role("staff")).is_none());
        assert_eq!(table.policies["p"].roles.value, [Grantee::role("anon")]);
        assert_eq!(table.policies.len(), 1);
        assert!(bench.catalog.table(&QName::new("hall", "desk")).is_none());
        assert!(!bench.catalog.namespaces.contains_key("hall"));
        let staff = Grantee::role("staff");
        assert!(!bench.catalog.default_privileges.iter().any(|row| row.acl.entry(&staff).is_some()));
    }

    #[test]
    fn what_others_keep_there_stops_it() {
        let bench = Bench::new(&format!("{STAFF} create table hall.mine (a int); drop owned by staff;"));
        assert_eq!(bench.reasons().len(), 1);
        assert!(bench.catalog.namespaces.contains_key("hall"));
        let bench = Bench::new(&format!("{STAFF} reassign owned by staff to postgres; drop owned by staff;"));
        assert_eq!(bench.reasons(), [""; 0]);
        assert!(bench.catalog.table(&QName::new("hall", "desk")).is_some());
    }

    #[test]
    fn a_role_that_is_needed_stays() {
        let bench = Bench::new(&format!("{STAFF} drop role staff;"));
        assert_eq!(bench.reasons()[0], "role staff cannot be dropped because schema hall depends on it");
        let bench = Bench::new("create role a; create role b; grant a to b; drop role a, b;");
        assert_eq!(bench.reasons(), [""; 0]);
    }
}
