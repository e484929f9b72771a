//! Owners: ALTER … OWNER TO.

use crate::catalog::acl::{Acl, AclEntry, Grantee};
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::depend::Object;
use crate::catalog::origin::Origin;
use crate::catalog::table::Column;
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
            of_object(catalog, &Object::Function(oid), &owner, origin);
        }
        ObjectKind::Schema
        | ObjectKind::Publication
        | ObjectKind::EventTrigger
        | ObjectKind::ForeignServer => {
            let name = &object.name.name;
            let (known, found) = match object.kind {
                ObjectKind::Schema => {
                    (catalog.namespaces.contains_key(name), Object::Namespace(name.clone()))
                }
                ObjectKind::Publication => {
                    (catalog.publications.contains_key(name), Object::Publication(name.clone()))
                }
                ObjectKind::EventTrigger => {
                    (catalog.event_triggers.contains_key(name), Object::EventTrigger(name.clone()))
                }
                _ => (catalog.servers.contains_key(name), Object::Server(name.clone())),
            };
            if !known {
                return Err(missing());
            }
            of_object(catalog, &found, &owner, origin);
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

/// Gives an object of any kind another owner. What has none of its own is left.
pub(super) fn of_object(catalog: &mut Catalog, object: &Object, owner: &Ident, origin: Origin) {
    match object {
        Object::Table(oid) => of_relation(catalog, Relation::Table(*oid), owner, origin),
        Object::View(oid) => of_relation(catalog, Relation::View(*oid), owner, origin),
        Object::Sequence(oid) => of_relation(catalog, Relation::Sequence(*oid), owner, origin),
        Object::Type(oid) => of_type(catalog, *oid, owner, origin),
        Object::Function(oid) => {
            if let Some(function) = catalog.functions.get_mut(oid) {
                function.history.touch(origin);
                change(&mut function.owner, &mut function.acl, owner);
            }
        }
        Object::Namespace(name) => {
            if let Some(namespace) = catalog.namespaces.get_mut(name) {
                namespace.history.touch(origin);
                change(&mut namespace.owner, &mut namespace.acl, owner);
            }
        }
        Object::Publication(name) => {
            if let Some(publication) = catalog.publications.get_mut(name) {
                publication.history.touch(origin);
                publication.owner = owner.clone();
            }
        }
        Object::EventTrigger(name) => {
            if let Some(trigger) = catalog.event_triggers.get_mut(name) {
                trigger.history.touch(origin);
                trigger.owner = owner.clone();
            }
        }
        Object::Server(name) => {
            if let Some(server) = catalog.servers.get_mut(name) {
                server.history.touch(origin);
                server.owner = owner.clone();
            }
        }
        _ => {}
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

/// Every list of grants on an object, with the object.
pub(super) fn granted(catalog: &Catalog) -> impl Iterator<Item = (Object, &Acl)> {
    let list = catalog.namespaces.values().map(|it| (Object::Namespace(it.name.clone()), &it.acl));
    list.chain(catalog.tables.values().map(|it| (Object::Table(it.oid), &it.acl)))
        .chain(catalog.tables.values().flat_map(|it| of_columns(it.oid, &it.columns)))
        .chain(catalog.views.values().map(|it| (Object::View(it.oid), &it.acl)))
        .chain(catalog.views.values().flat_map(|it| of_columns(it.oid, &it.columns)))
        .chain(catalog.sequences.values().map(|it| (Object::Sequence(it.oid), &it.acl)))
        .chain(catalog.functions.values().map(|it| (Object::Function(it.oid), &it.acl)))
        .chain(catalog.types.values().map(|it| (Object::Type(it.oid), &it.acl)))
}

fn of_columns(oid: Oid, columns: &[Column]) -> impl Iterator<Item = (Object, &Acl)> {
    columns.iter().map(move |column| (Object::Column(oid, column.attnum), &column.acl))
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
