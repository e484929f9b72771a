//! CREATE SCHEMA.

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::origin::{History, Origin};
use crate::catalog::role::Namespace;
use crate::sql::name::Ident;
use crate::sql::statement::{CreateSchema, ObjectKind};

impl Catalog {
    /// Whether there is such a schema; the server's own are not listed.
    pub(super) fn require_namespace(&self, name: &Ident) -> Applied {
        if self.namespaces.contains_key(name) || name.starts_with("pg_") || *name == "information_schema" {
            Ok(())
        } else {
            Err(Misfit::missing(ObjectKind::Schema, name))
        }
    }
}

pub(super) fn create(catalog: &mut Catalog, create: &CreateSchema, origin: Origin) -> Applied {
    let owner = create.authorization.as_ref().and_then(|role| catalog.role_ident(role));
    let name = match (&create.name, &owner) {
        (Some(name), _) => name.value.clone(),
        (None, Some(owner)) => owner.clone(),
        (None, None) => return Ok(()),
    };
    let owner = owner.unwrap_or_else(|| catalog.session.role.clone());
    catalog.require_role(&owner)?;
    if catalog.namespaces.contains_key(&name) {
        return if create.if_not_exists { Ok(()) } else { Err(Misfit::exists(ObjectKind::Schema, name)) };
    }
    let namespace = Namespace {
        acl: catalog.initial_acl(ObjectKind::Schema, &owner, &name),
        name: name.clone(),
        history: History::new(origin),
        owner: owner.clone(),
        comment: None,
        extension: None,
    };
    catalog.namespaces.insert(name.clone(), namespace);
    // The elements stand in the new schema and belong to its owner.
    let session = catalog.session.clone();
    catalog.session.search_path.insert(0, name);
    catalog.session.role = owner;
    let applied = create.elements.iter().try_for_each(|element| catalog.try_apply(element));
    catalog.session = session;
    applied
}

#[cfg(test)]
mod tests {
    use crate::catalog::acl::Grantee;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn a_new_schema_is_closed_to_the_api() {
        let catalog = Bench::new(
            "create schema app authorization supabase_admin create table t (a int);
             create schema if not exists app; create table t (a int);",
        )
        .catalog;
        assert_eq!(catalog.namespaces["app"].owner, "supabase_admin");
        assert!(!catalog.can_use_namespace(&"anon".into(), &"app".into()));
        let inner = catalog.table(&QName::new("app", "t")).expect("the schema's element is made");
        assert_eq!(inner.owner.value, "supabase_admin");
        assert!(inner.acl.granted(&Grantee::role("anon")).is_empty());
        assert!(catalog.table(&QName::new("public", "t")).is_some());
        assert_eq!(catalog.gaps, []);
    }
}
