//! Owners: ALTER … OWNER TO.

use crate::catalog::acl::{Acl, AclEntry, Grantee};
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::origin::Origin;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, ObjectRef, RoleName};

/// ALTER … OWNER TO, for everything but what ALTER TABLE takes.
pub(super) fn set(catalog: &mut Catalog, object: &ObjectRef, owner: &RoleName, origin: Origin) -> Applied {
    let Some(owner) = catalog.role_ident(owner) else {
        return Err(Misfit::missing(ObjectKind::Role, "public"));
    };
    catalog.require_role(&owner)?;
    let missing = || Misfit::missing(object.kind, &object.name);
    match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => {
            let (_, relation) = catalog.resolve_relation(&object.name).ok_or_else(missing)?;
            of_relation(catalog, relation, &owner, origin);
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let oid = catalog.resolve_type(&object.name).ok_or_else(missing)?;
            of_type(catalog, oid, &owner, origin);
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            let oid = catalog.resolve_routine(object)?;
            if let Some(function) = catalog.functions.get_mut(&oid) {
                function.history.touch(origin);
                change(&mut function.owner, &mut function.acl, &owner);
            }
        }
        ObjectKind::Schema => {
            let namespace = catalog.namespaces.get_mut(&object.name.name).ok_or_else(missing)?;
            namespace.history.touch(origin);
            change(&mut namespace.owner, &mut namespace.acl, &owner);
        }
        ObjectKind::Publication => {
            let publication = catalog.publications.get_mut(&object.name.name).ok_or_else(missing)?;
            publication.history.touch(origin);
            publication.owner = owner;
        }
        ObjectKind::EventTrigger => {
            let trigger = catalog.event_triggers.get_mut(&object.name.name).ok_or_else(missing)?;
            trigger.history.touch(origin);
            trigger.owner = owner;
        }
        ObjectKind::ForeignServer => {
            let server = catalog.servers.get_mut(&object.name.name).ok_or_else(missing)?;
            server.history.touch(origin);
            server.owner = owner;
        }
        _ => {}
    }
    Ok(())
}

/// ALTER TABLE … OWNER TO and its like on views and sequences. Sequences that belong to a table's
/// columns change hands with it.
pub(super) fn of_relation(catalog: &mut Catalog, relation: Relation, owner: &Ident, origin: Origin) {
    match relation {
        Relation::Table(oid) => {
            if let Some(table) = catalog.tables.get_mut(&oid) {
                table.history.touch(origin);
                change(&mut table.owner.value, &mut table.acl, owner);
                table.owner.origin = origin;
                let columns = table.columns.iter_mut();
                columns.for_each(|column| {
                    column.acl.entries.retain(|entry| entry.grantee != Grantee::Role(owner.clone()))
                });
            }
            let owned = catalog.sequences.values_mut();
            for sequence in owned.filter(|sequence| sequence.owned_by.is_some_and(|(table, _)| table == oid))
            {
                sequence.history.touch(origin);
                change(&mut sequence.owner, &mut sequence.acl, owner);
            }
        }
        Relation::View(oid) => {
            if let Some(view) = catalog.views.get_mut(&oid) {
                view.history.touch(origin);
                change(&mut view.owner, &mut view.acl, owner);
            }
        }
        Relation::Sequence(oid) => {
            if let Some(sequence) = catalog.sequences.get_mut(&oid) {
                sequence.history.touch(origin);
                change(&mut sequence.owner, &mut sequence.acl, owner);
            }
        }
        Relation::Composite(oid) => of_type(catalog, oid, owner, origin),
        // The server warns, and leaves an index with its table's owner.
        Relation::Index { .. } => {}
    }
}

fn of_type(catalog: &mut Catalog, oid: Oid, owner: &Ident, origin: Origin) {
    if let Some(user_type) = catalog.types.get_mut(&oid) {
        user_type.history.touch(origin);
        change(&mut user_type.owner, &mut user_type.acl, owner);
    }
}

/// Puts the new owner in the old one's place, in the grants as well (`aclnewowner`).
fn change(owner: &mut Ident, acl: &mut Acl, new: &Ident) {
    let old = std::mem::replace(owner, new.clone());
    if old == *new {
        return;
    }
    let entries = std::mem::take(&mut acl.entries);
    for entry in entries {
        let grantee = match entry.grantee {
            Grantee::Role(role) if role == old => Grantee::Role(new.clone()),
            other => other,
        };
        match acl.entries.iter_mut().find(|existing| existing.grantee == grantee) {
            Some(existing) => {
                existing.privileges = existing.privileges.union(entry.privileges);
                existing.grantable = existing.grantable.union(entry.grantable);
            }
            None => acl.entries.push(AclEntry { grantee, ..entry }),
        }
    }
}

/// Every owner there is, to be changed.
pub(super) fn owners(catalog: &mut Catalog) -> impl Iterator<Item = &mut Ident> {
    let Catalog {
        namespaces,
        tables,
        views,
        sequences,
        functions,
        types,
        publications,
        event_triggers,
        servers,
        default_privileges,
        ..
    } = catalog;
    let list = namespaces.values_mut().map(|object| &mut object.owner);
    list.chain(tables.values_mut().map(|object| &mut object.owner.value))
        .chain(views.values_mut().map(|object| &mut object.owner))
        .chain(sequences.values_mut().map(|object| &mut object.owner))
        .chain(functions.values_mut().map(|object| &mut object.owner))
        .chain(types.values_mut().map(|object| &mut object.owner))
        .chain(publications.values_mut().map(|object| &mut object.owner))
        .chain(event_triggers.values_mut().map(|object| &mut object.owner))
        .chain(servers.values_mut().map(|object| &mut object.owner))
        .chain(default_privileges.iter_mut().map(|object| &mut object.owner))
}

/// Every list of grants there is, to be changed.
pub(super) fn acls(catalog: &mut Catalog) -> impl Iterator<Item = &mut Acl> {
    let Catalog { namespaces, tables, views, sequences, functions, types, default_privileges, .. } = catalog;
    let list = namespaces.values_mut().map(|object| &mut object.acl);
    let tables = tables.values_mut().flat_map(|table| {
        std::iter::once(&mut table.acl).chain(table.columns.iter_mut().map(|column| &mut column.acl))
    });
    let views = views.values_mut().flat_map(|view| {
        std::iter::once(&mut view.acl).chain(view.columns.iter_mut().map(|column| &mut column.acl))
    });
    list.chain(tables)
        .chain(views)
        .chain(sequences.values_mut().map(|object| &mut object.acl))
        .chain(functions.values_mut().map(|object| &mut object.acl))
        .chain(types.values_mut().map(|object| &mut object.acl))
        .chain(default_privileges.iter_mut().map(|object| &mut object.acl))
}

#[cfg(test)]
mod tests {
    use crate::catalog::acl::Grantee;
    use crate::catalog::name::QName;
    use crate::sql::statement::Privilege;
    use crate::testing::Bench;

    #[test]
    fn the_new_owner_takes_the_place_of_the_old_one() {
        let catalog = Bench::new(
            "create table t (id serial); alter table t owner to supabase_admin;
             create function f() returns int language sql as 'select 1';
             alter function f() owner to supabase_admin; create schema s; alter schema s owner to supabase_admin;",
        )
        .catalog;
        let (admin, postgres) = (Grantee::role("supabase_admin"), Grantee::role("postgres"));
        let table = catalog.table(&QName::new("public", "t")).expect("t is made");
        assert_eq!(table.owner.value, "supabase_admin");
        assert!(table.acl.granted(&admin).contains(Privilege::Maintain));
        assert!(table.acl.granted(&postgres).is_empty());
        let sequence = catalog.sequences.values().find(|sequence| sequence.name.name == "t_id_seq");
        assert_eq!(sequence.expect("it comes with the column").owner, "supabase_admin");
        let function = catalog.functions_named(&QName::new("public", "f")).next().expect("f is made");
        assert_eq!(function.owner, "supabase_admin");
        assert_eq!(catalog.namespaces["s"].owner, "supabase_admin");
        assert!(catalog.namespaces["s"].acl.granted(&admin).contains(Privilege::Create));
    }
}
