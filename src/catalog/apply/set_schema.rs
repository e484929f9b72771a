//! SET SCHEMA.

use crate::catalog::apply::rename::{note_constraints_of, rename_typed_tables, touch_relation};
use crate::catalog::apply::{Applied, Misfit, collation, comment, extension};
use crate::catalog::misfit::{Reason, SqlState};
use crate::catalog::name::QName;
use crate::catalog::origin::{Origin, Tracked};
use crate::catalog::types::DataType;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, ObjectRef};

pub(super) fn apply(
    catalog: &mut Catalog,
    object: &ObjectRef,
    if_exists: bool,
    schema: &Ident,
    origin: Origin,
) -> Applied {
    match set(catalog, object, schema, origin) {
        Err(Misfit { reason: Reason::Missing { kind, .. }, .. }) if if_exists && kind == object.kind => {
            Ok(())
        }
        done => done,
    }
}

fn set(catalog: &mut Catalog, object: &ObjectRef, schema: &Ident, origin: Origin) -> Applied {
    let missing = || comment::missing(object);
    let moved = match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence => {
            let (old, relation) = catalog.resolve_relation(&object.name).ok_or_else(missing)?;
            catalog.require_namespace(schema)?;
            move_relation(catalog, &old, relation, schema, origin)?
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let oid = catalog.resolve_type(&object.name).ok_or_else(missing)?;
            catalog.require_namespace(schema)?;
            move_type(catalog, oid, schema, origin)?
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            let oid = catalog.resolve_routine(object)?;
            catalog.require_namespace(schema)?;
            move_function(catalog, oid, schema, origin)?;
            None
        }
        ObjectKind::Extension => {
            catalog.require_namespace(schema)?;
            return move_extension(catalog, object, schema, origin);
        }
        ObjectKind::Collation => {
            catalog.require_namespace(schema)?;
            return collation::rename(catalog, object, |old| QName { schema: schema.clone(), ..old.clone() });
        }
        _ => None,
    };
    if let Some(name) = moved {
        note_constraints_of(catalog, |other| *other == name);
    }
    Ok(())
}

/// Moves a relation. Indexes follow their table, and so do the sequences that its columns own.
fn move_relation(
    catalog: &mut Catalog,
    old: &QName,
    relation: Relation,
    schema: &Ident,
    origin: Origin,
) -> Result<Option<QName>, Misfit> {
    if old.schema == *schema {
        return Ok(None);
    }
    let new = QName { schema: schema.clone(), name: old.name.clone() };
    if !catalog.is_relation_name_free(&new) {
        return Err(Misfit::exists(ObjectKind::Table, new));
    }
    catalog.rename_relation(old, new.clone());
    touch_relation(catalog, relation, &new.name, origin);
    if let Relation::Table(oid) = relation {
        let owned = catalog
            .sequences
            .values()
            .filter(|sequence| sequence.owned_by.is_some_and(|(table, _)| table == oid))
            .map(|sequence| sequence.name.clone());
        for sequence in owned.collect::<Vec<_>>() {
            let new = QName { schema: schema.clone(), name: sequence.name.clone() };
            catalog.rename_relation(&sequence, new);
        }
    }
    Ok(Some(new))
}

fn move_type(
    catalog: &mut Catalog,
    oid: Oid,
    schema: &Ident,
    origin: Origin,
) -> Result<Option<QName>, Misfit> {
    let Some(user_type) = catalog.types.get_mut(&oid) else { return Ok(None) };
    let old = user_type.name.clone();
    if old.schema == *schema {
        return Ok(None);
    }
    let new = QName { schema: schema.clone(), name: old.name.clone() };
    user_type.history.touch(origin);
    if !catalog.is_name_free(&new) {
        return Err(Misfit::exists(ObjectKind::Type, new));
    }
    rename_typed_tables(catalog, &old, &new);
    catalog.rename_type(oid, new.clone());
    Ok(Some(new))
}

fn move_function(catalog: &mut Catalog, oid: Oid, schema: &Ident, origin: Origin) -> Applied {
    let Some(function) = catalog.functions.get(&oid) else { return Ok(()) };
    if function.name.schema == *schema {
        return Ok(());
    }
    let new = QName { schema: schema.clone(), name: function.name.name.clone() };
    let inputs: Vec<DataType> = function.inputs().map(|argument| argument.data_type.clone()).collect();
    if catalog.function_taking(&new, &inputs).is_some() {
        return Err(Misfit::exists(ObjectKind::Function, new));
    }
    catalog.rename_function(oid, new);
    if let Some(function) = catalog.functions.get_mut(&oid) {
        function.history.touch(origin);
    }
    Ok(())
}

/// Moves a relocatable extension with all that it made in its schema.
fn move_extension(catalog: &mut Catalog, object: &ObjectRef, schema: &Ident, origin: Origin) -> Applied {
    let name = &object.name.name;
    let Some(found) = catalog.extensions.get_mut(name) else { return Err(comment::missing(object)) };
    let old = found.schema.value.clone();
    if old == *schema {
        return Ok(());
    }
    if extension::is_relocatable(name) == Some(false) {
        return Err(Misfit::refused(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("extension {name} does not support SET SCHEMA"),
        ));
    }
    found.schema = Tracked::new(schema.clone(), origin);
    found.history.touch(origin);
    let is_member = |member: &QName, of: Option<&Ident>| of == Some(name) && member.schema == old;
    let tables = catalog.tables.values().map(|table| (&table.name, table.extension.as_ref()));
    let views = catalog.views.values().map(|view| (&view.name, view.extension.as_ref()));
    let sequences = catalog.sequences.values().map(|sequence| (&sequence.name, sequence.extension.as_ref()));
    let relations = tables.chain(views).chain(sequences).filter(|(member, of)| is_member(member, *of));
    let relations: Vec<QName> = relations.map(|(member, _)| member.clone()).collect();
    let types = catalog.types.values().filter(|one| is_member(&one.name, one.extension.as_ref()));
    let types: Vec<(Oid, QName)> = types.map(|one| (one.oid, one.name.clone())).collect();
    let functions = catalog.functions.values().filter(|one| is_member(&one.name, one.extension.as_ref()));
    let functions: Vec<(Oid, QName)> = functions.map(|one| (one.oid, one.name.clone())).collect();
    let moved = |member: &QName| QName { schema: schema.clone(), name: member.name.clone() };
    for member in relations {
        catalog.rename_relation(&member, moved(&member));
    }
    for (oid, member) in types {
        catalog.rename_type(oid, moved(&member));
    }
    for (oid, member) in functions {
        catalog.rename_function(oid, moved(&member));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn a_table_takes_its_indexes_and_sequences_along() {
        let bench = Bench::new(
            "create schema app;
             create table t (id serial primary key);
             create type mood as enum ('ok');
             create function f(m mood) returns int language sql as 'select 1';
             alter table t set schema app;
             alter type mood set schema app;
             alter function f(app.mood) set schema app;
             alter extension \"uuid-ossp\" set schema app;
             alter extension pg_net set schema app;",
        );
        assert_eq!(bench.reasons().len(), 1);
        for name in ["t", "t_pkey", "t_id_seq"] {
            assert!(bench.catalog.relation(&QName::new("app", name)).is_some(), "{name}");
            assert!(bench.catalog.relation(&QName::new("public", name)).is_none(), "{name}");
        }
        assert_eq!(bench.catalog.functions_named(&QName::new("app", "f")).count(), 1);
        assert_eq!(bench.catalog.functions_named(&QName::new("app", "uuid_generate_v4")).count(), 1);
    }
}
