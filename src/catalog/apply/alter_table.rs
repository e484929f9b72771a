//! ALTER TABLE, and ALTER VIEW, INDEX, SEQUENCE … where they share its grammar.

use crate::catalog::acl::Acl;
use crate::catalog::apply::constraint::{self, Pending};
use crate::catalog::apply::data_type::serial_type;
use crate::catalog::apply::table::{self, column_mut};
use crate::catalog::apply::{Applied, Misfit, index, owner, partition, sequence, trigger, user_type};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{Origin, Tracked};
use crate::catalog::table::{Column, Constraint, ConstraintKind, Identity, Table, TableKind};
use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    AlterAction, AlterTable, ConstraintDef, ConstraintKind as Written, ObjectKind, ObjectRef, Persistence,
    SequenceOptions,
};

pub(super) fn alter(catalog: &mut Catalog, statement: &AlterTable, origin: Origin) -> Applied {
    if statement.kind == ObjectKind::Type {
        return user_type::alter_composite(catalog, statement, origin);
    }
    let Some((_, relation)) = catalog.resolve_relation(&statement.name) else {
        if !statement.if_exists {
            return Err(Misfit::missing(statement.kind, &statement.name));
        }
        if let Some(enabled) = statement.actions.iter().find(|action| action.value == AlterAction::EnableRls)
        {
            let name = catalog.creation_name(&statement.name);
            catalog.early_rls.insert(name, Origin::Statement(enabled.span));
        }
        return Ok(());
    };
    let keys = match relation {
        Relation::Table(oid) => new_foreign_keys(catalog, oid, statement),
        _ => Vec::new(),
    };
    let mut actions: Vec<_> = statement.actions.iter().collect();
    actions.sort_by_key(|action| pass(&action.value));
    for action in actions {
        let place = Origin::Statement(action.span);
        let done = match relation {
            Relation::Table(oid) => alter_one(catalog, oid, statement, &action.value, origin, place),
            Relation::View(oid) => alter_view(catalog, oid, statement, &action.value, origin),
            Relation::Index { on } => alter_index(catalog, on, &statement.name, &action.value, origin),
            Relation::Sequence(_) | Relation::Composite(_) => {
                change_owner(catalog, statement, &action.value, origin)
            }
        };
        done?;
    }
    if let Relation::Table(oid) = relation {
        for (column, definition) in keys {
            constraint::expect_key(catalog, oid, definition, column);
        }
    }
    Ok(())
}

/// The foreign keys that a statement adds, with the column that each is written with.
fn new_foreign_keys<'a>(
    catalog: &Catalog,
    oid: Oid,
    statement: &'a AlterTable,
) -> Vec<(Option<&'a Ident>, &'a ConstraintDef)> {
    let is_new = |name: &Ident| catalog.tables.get(&oid).is_some_and(|table| table.column(name).is_none());
    let mut keys = Vec::new();
    for action in &statement.actions {
        match &action.value {
            AlterAction::AddConstraint(definition) => keys.push((None, definition)),
            AlterAction::AddColumn { column, .. } if is_new(&column.name) => {
                keys.extend(column.constraints.iter().map(|definition| (Some(&column.name), definition)));
            }
            _ => {}
        }
    }
    keys.retain(|(_, definition)| matches!(definition.kind, Written::ForeignKey(_)));
    keys
}

/// The pass in which PostgreSQL does an action: what drops comes first, then types, new columns,
/// constraints with an index, others, and the rest. It decides made-up names.
fn pass(action: &AlterAction) -> u8 {
    match action {
        AlterAction::DropColumn { .. }
        | AlterAction::DropConstraint { .. }
        | AlterAction::DropDefault { .. }
        | AlterAction::DropNotNull { .. }
        | AlterAction::DropIdentity { .. }
        | AlterAction::DropExpression { .. } => 0,
        AlterAction::SetType { .. } => 1,
        AlterAction::AddColumn { .. } => 2,
        AlterAction::SetNotNull { .. } => 3,
        AlterAction::AddConstraint(definition) => match definition.kind {
            Written::Unique { .. } | Written::Exclude { .. } => 4,
            _ => 5,
        },
        AlterAction::SetDefault { .. }
        | AlterAction::AddIdentity { .. }
        | AlterAction::SetIdentity { .. } => 5,
        _ => 6,
    }
}

fn change_owner(
    catalog: &mut Catalog,
    statement: &AlterTable,
    action: &AlterAction,
    origin: Origin,
) -> Applied {
    let AlterAction::OwnerTo(role) = action else { return Ok(()) };
    let object =
        ObjectRef { kind: statement.kind, name: statement.name.clone(), part: None, signature: None };
    owner::set(catalog, &object, role, origin)
}

/// One action. `origin` is the statement, `place` the action's part of it.
fn alter_one(
    catalog: &mut Catalog,
    oid: Oid,
    statement: &AlterTable,
    action: &AlterAction,
    origin: Origin,
    place: Origin,
) -> Applied {
    let name = &statement.name;
    {
        let Some(table) = catalog.tables.get_mut(&oid) else { return Ok(()) };
        match action {
            AlterAction::EnableRls => table.rls.set(true, place),
            AlterAction::DisableRls => table.rls.set(false, place),
            AlterAction::ForceRls => table.forced_rls.set(true, place),
            AlterAction::NoForceRls => table.forced_rls.set(false, place),
            AlterAction::ReplicaIdentity { kind } => table.replica_identity = *kind,
            AlterAction::SetOptions(options) => {
                // Those of the TOAST table are not the table's.
                let own: Vec<String> =
                    options.iter().filter(|option| !option.starts_with("toast.")).cloned().collect();
                set_options(&mut table.options, &own);
            }
            AlterAction::ResetOptions(names) => reset_options(&mut table.options, names),
            // Said of a partitioned table it means nothing.
            AlterAction::SetLogged(logged) if table.kind != TableKind::Partitioned => {
                table.persistence = if *logged { Persistence::Permanent } else { Persistence::Unlogged };
            }
            AlterAction::NotOf => table.of_type = None,
            _ => {}
        }
        table.history.touch(place);
    }
    match action {
        AlterAction::AddColumn { column, if_not_exists } => {
            let exists = catalog.tables.get(&oid).is_some_and(|table| table.column(&column.name).is_some());
            if exists {
                let misfit = || Misfit::exists_part(ObjectKind::Column, &column.name, name);
                return if *if_not_exists { Ok(()) } else { Err(misfit()) };
            }
            if catalog.tables.get(&oid).is_some_and(|table| table.last_attnum >= table::MAX_COLUMNS) {
                return Err(table::too_many_columns().at(column.name_span));
            }
            expect_same_type_in_children(catalog, oid, column)?;
            let mut pending = Vec::new();
            table::add_column(catalog, oid, column, origin, &mut pending);
            for child in children(catalog, oid) {
                add_column_to_child(catalog, oid, child, column, origin);
            }
            // They reach the children's columns.
            constraint::add_all(catalog, oid, &pending, origin);
            let added = catalog.tables.get(&oid).and_then(|table| table.column(&column.name));
            let misfit = added.and_then(|added| catalog.why_not_filled(oid, added));
            catalog.unfit.extend(misfit.map(|misfit| misfit.at(column.span)));
            Ok(())
        }
        AlterAction::DropColumn { name: column, if_exists, cascade } => {
            if column_mut(catalog, oid, column).is_some_and(|column| column.inherited) {
                return Err(Misfit::refused(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("cannot drop inherited column {name}.{column}"),
                ));
            }
            expect_not_partition_key(catalog, oid, column, "drop")?;
            if statement.only {
                for child in children(catalog, oid) {
                    if let Some(column) = column_mut(catalog, child, column) {
                        column.local = true;
                    }
                }
            }
            drop_column(catalog, oid, column, *if_exists, *cascade)
        }
        AlterAction::SetDefault { column, default } => {
            expect_plain(catalog, oid, column)?;
            with_column(catalog, oid, name, column, |catalog| {
                constraint::set_default(catalog, oid, column, Some(default), !statement.only, place);
            })
        }
        AlterAction::DropDefault { column } => {
            expect_plain(catalog, oid, column)?;
            with_column(catalog, oid, name, column, |catalog| {
                constraint::set_default(catalog, oid, column, None, !statement.only, place);
            })
        }
        AlterAction::SetNotNull { column } => with_column(catalog, oid, name, column, |catalog| {
            let found = catalog.tables.get(&oid).and_then(|table| table.column(column));
            let misfit = found.and_then(|found| catalog.why_not_set(oid, found.attnum));
            catalog.unfit.extend(misfit);
            if statement.only {
                if let Some(column) = column_mut(catalog, oid, column).filter(|column| !column.not_null.value)
                {
                    column.not_null.set(true, place);
                }
            } else {
                constraint::set_not_null(catalog, oid, column, place);
            }
        }),
        AlterAction::DropNotNull { column } => {
            expect_may_be_null(catalog, oid, column)?;
            with_column(catalog, oid, name, column, |catalog| {
                drop_not_null(catalog, oid, column, place);
            })
        }
        AlterAction::SetType { column, data_type, collation, using } => {
            catalog.expect_type(data_type);
            let data_type = catalog.resolve_data_type(data_type);
            let collation = collation.as_ref().map(|name| constraint::collation_name(catalog, name));
            expect_not_partition_key(catalog, oid, column, "change the type of")?;
            expect_no_generated(catalog, oid, column)?;
            let found = catalog.tables.get(&oid).and_then(|table| table.column(column));
            if let Some(attnum) = found.map(|found| found.attnum) {
                match why_not_cast(catalog, oid, column, &data_type, using.is_some()) {
                    Some(misfit) => catalog.unfit.push(misfit),
                    None => catalog.expect_free_type(oid, attnum)?,
                }
            }
            with_column(catalog, oid, name, column, |catalog| {
                set_type(catalog, oid, column, &Tracked::new(data_type, place), collation.as_deref());
                index::rebuild(catalog, oid, column, origin);
            })
        }
        AlterAction::AddIdentity { column, always, options } => {
            expect_no_default(catalog, oid, column)?;
            with_column(catalog, oid, name, column, |catalog| {
                constraint::add_identity(catalog, oid, column, *always, options, place);
            })
        }
        AlterAction::SetIdentity { column, always, options } => {
            with_column(catalog, oid, name, column, |catalog| {
                set_identity(catalog, oid, column, *always, options, place);
            })
        }
        AlterAction::DropIdentity { column, .. } => with_column(catalog, oid, name, column, |catalog| {
            drop_identity(catalog, oid, column);
        }),
        AlterAction::DropExpression { column, if_exists } => {
            if !if_exists {
                expect_generated(catalog, oid, column)?;
            }
            with_column(catalog, oid, name, column, |catalog| {
                drop_expression(catalog, oid, column);
            })
        }
        AlterAction::AddConstraint(definition) => {
            let pending = Pending { only: statement.only, ..Pending::new(None, definition) };
            if let Written::Unique { primary: true, .. } = definition.kind {
                // `ADD PRIMARY KEY` of a dump may stand beside NOT NULL already said.
                return constraint::add(catalog, oid, &pending, origin);
            }
            if let (Some(new), Some(table)) = (&definition.name, catalog.tables.get(&oid))
                && !table.constraints.get(new).is_some_and(|constraint| constraint.inherited)
            {
                constraint::expect_new(table, new)?;
            }
            constraint::add_all(catalog, oid, &[pending], origin);
            Ok(())
        }
        AlterAction::DropConstraint { name: constraint, if_exists, cascade } => {
            if constraint_mut(catalog, oid, constraint).is_some_and(|constraint| constraint.inherited) {
                return Err(Misfit::refused(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("cannot drop inherited constraint {constraint} on {name}"),
                ));
            }
            if statement.only {
                for child in children(catalog, oid) {
                    if let Some(own) = constraint_mut(catalog, child, constraint) {
                        own.local = true;
                    }
                }
            }
            drop_constraint(catalog, oid, name, constraint, *if_exists, *cascade)
        }
        AlterAction::ValidateConstraint { name: constraint } => {
            let Some(found) = constraint_mut(catalog, oid, constraint) else {
                return Err(Misfit::missing_part(ObjectKind::Constraint, constraint, name));
            };
            found.validated.set(true, place);
            Ok(())
        }
        AlterAction::AlterConstraint { name: constraint, deferrable, initially_deferred } => {
            if let Some(found) = constraint_mut(catalog, oid, constraint) {
                found.deferrable = *deferrable || *initially_deferred;
                found.initially_deferred = *initially_deferred;
            }
            Ok(())
        }
        AlterAction::AttachPartition { partition: child } => {
            let child = table_oid(catalog, child)?;
            partition::may_join(catalog, oid, child)?;
            partition::join(catalog, oid, child, place);
            Ok(())
        }
        AlterAction::DetachPartition { partition: child } => {
            let (child_name, child) = (child, table_oid(catalog, child)?);
            let table = catalog.tables.get(&oid);
            if table.is_some_and(|it| it.kind == TableKind::Partitioned && !it.children.contains(&child)) {
                let why = format!("{child_name} is not a partition of {name}");
                return Err(Misfit::refused(SqlState::UNDEFINED_TABLE, why).about(child_name));
            }
            partition::leave(catalog, oid, child);
            Ok(())
        }
        AlterAction::Inherit { parent } => {
            let parent = table_oid(catalog, parent)?;
            partition::may_inherit(catalog, parent, oid)?;
            partition::inherit(catalog, parent, oid);
            Ok(())
        }
        AlterAction::NoInherit { parent } => {
            let (parent_name, parent) = (parent, table_oid(catalog, parent)?);
            if catalog.tables.get(&oid).is_some_and(|table| !table.parents.contains(&parent)) {
                let why = format!("{parent_name} is not a parent of {name}");
                return Err(Misfit::refused(SqlState::UNDEFINED_TABLE, why).about(name));
            }
            partition::leave(catalog, parent, oid);
            Ok(())
        }
        AlterAction::OfType { name: of_type } => {
            let of_type = catalog.resolve_type(of_type).and_then(|oid| catalog.types.get(&oid));
            let of_type = of_type.map(|user_type| user_type.name.clone());
            if let Some(table) = catalog.tables.get_mut(&oid) {
                table.of_type = of_type;
            }
            Ok(())
        }
        AlterAction::EnableTrigger { name, enabled } => {
            trigger::set_enabled(catalog, oid, name.as_ref(), *enabled, place)
        }
        AlterAction::OwnerTo(_) => change_owner(catalog, statement, action, origin),
        _ => Ok(()),
    }
}

/// What ALTER TYPE … CASCADE does to a table of the type.
pub(super) fn follow_type(catalog: &mut Catalog, oid: Oid, action: &AlterAction, origin: Origin) -> Applied {
    match action {
        AlterAction::AddColumn { column, .. } => {
            table::add_column(catalog, oid, column, origin, &mut Vec::new());
            Ok(())
        }
        AlterAction::DropColumn { name, .. } => drop_column(catalog, oid, name, true, true),
        AlterAction::SetType { column, data_type, collation, .. } => {
            let data_type = catalog.resolve_data_type(data_type);
            let collation = collation.as_ref().map(|name| constraint::collation_name(catalog, name));
            set_type(catalog, oid, column, &Tracked::new(data_type, origin), collation.as_deref());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn children(catalog: &Catalog, oid: Oid) -> Vec<Oid> {
    catalog.tables.get(&oid).map(|table| table.children.clone()).unwrap_or_default()
}

fn table_oid(catalog: &Catalog, name: &ObjectName) -> Result<Oid, Misfit> {
    match catalog.resolve_relation(name) {
        Some((_, Relation::Table(oid))) => Ok(oid),
        _ => Err(Misfit::missing(ObjectKind::Table, name)),
    }
}

fn column_refused(catalog: &Catalog, oid: Oid, state: SqlState, why: &str, column: &Ident) -> Misfit {
    let Some(table) = catalog.tables.get(&oid).map(|table| &table.name) else {
        return Misfit::refused(state, why);
    };
    Misfit::refused(state, format!("{why} {table}.{}", column.quoted())).about(table)
}

fn expect_not_partition_key(catalog: &Catalog, oid: Oid, column: &Ident, what: &str) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let attnum = table.column(column).map(|column| column.attnum);
    if attnum.is_none() || !table.partition_key.iter().flatten().any(|key| *key == attnum) {
        return Ok(());
    }
    let why = format!("cannot {what} a column of the partition key,");
    Err(column_refused(catalog, oid, SqlState::INVALID_TABLE_DEFINITION, &why, column))
}

/// Refuses to give a default to a column, or take it away, that has its values from elsewhere.
fn expect_plain(catalog: &Catalog, oid: Oid, column: &Ident) -> Applied {
    let Some(found) = catalog.tables.get(&oid).and_then(|table| table.column(column)) else { return Ok(()) };
    let (why, help) = if found.identity.is_some() {
        let help = "write `alter column … drop identity` to make it a plain column";
        ("an identity column has no default:", help)
    } else if found.generated.is_some() {
        let help = "write `alter column … drop expression` to make it a plain column";
        ("a generated column has no default:", help)
    } else {
        return Ok(());
    };
    Err(column_refused(catalog, oid, SqlState::SYNTAX_ERROR, why, column).helped_by(help))
}

fn expect_may_be_null(catalog: &Catalog, oid: Oid, column: &Ident) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let Some(found) = table.column(column) else { return Ok(()) };
    if found.identity.is_some() {
        let why = "an identity column cannot be null:";
        return Err(column_refused(catalog, oid, SqlState::SYNTAX_ERROR, why, column));
    }
    if table.primary_key().is_some_and(|key| key.contains(&found.attnum)) {
        let why = "a column of the primary key cannot be null:";
        return Err(column_refused(catalog, oid, SqlState::INVALID_TABLE_DEFINITION, why, column));
    }
    Ok(())
}

/// What a column has to be like before it becomes an identity column.
fn expect_no_default(catalog: &Catalog, oid: Oid, column: &Ident) -> Applied {
    let Some(found) = catalog.tables.get(&oid).and_then(|table| table.column(column)) else { return Ok(()) };
    let (why, help) = if !found.not_null.value {
        ("an identity column has to be NOT NULL first:", "write `alter column … set not null` before")
    } else if found.identity.is_some() {
        ("it is an identity column already:", "leave it out")
    } else if found.default.is_some() {
        ("an identity column has no default:", "write `alter column … drop default` before")
    } else {
        return Ok(());
    };
    let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    Err(column_refused(catalog, oid, state, why, column).helped_by(help))
}

fn expect_generated(catalog: &Catalog, oid: Oid, column: &Ident) -> Applied {
    let found = catalog.tables.get(&oid).and_then(|table| table.column(column));
    if found.is_none_or(|found| found.generated.is_some()) {
        return Ok(());
    }
    let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    Err(column_refused(catalog, oid, state, "it is no generated column:", column))
}

/// A column that a generated one is computed from keeps its type.
fn expect_no_generated(catalog: &Catalog, oid: Oid, column: &Ident) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let Some(attnum) = table.column(column).map(|column| column.attnum) else { return Ok(()) };
    let reads = |generated: &Expr| constraint::columns_read(generated, oid).contains(&attnum);
    let Some(other) = table.columns.iter().find(|other| other.generated.as_deref().is_some_and(reads)) else {
        return Ok(());
    };
    let why = format!(
        "cannot change the type of column {}.{} because the generated column {} reads it",
        table.name,
        column.quoted(),
        other.name.quoted()
    );
    Err(Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, why)
        .about(&table.name)
        .beside(other.origin.span())
        .helped_by("drop the generated column before, and add it again after"))
}

/// Why a column cannot get another type: its values or its default do not become it of themselves.
fn why_not_cast(
    catalog: &Catalog,
    oid: Oid,
    column: &Ident,
    to: &DataType,
    has_using: bool,
) -> Option<Misfit> {
    let table = catalog.tables.get(&oid).filter(|table| table.kind != TableKind::Foreign)?;
    let found = table.column(column).filter(|found| found.generated.is_none() && !found.inherited)?;
    if catalog.is_in_doubt(&table.name.name) {
        return None;
    }
    let place = format!("{}.{}", table.name, column.quoted());
    let fits = |from: &DataType| catalog.is_assignable(from, to) != Some(false);
    let from = &found.data_type.value;
    if !has_using && !fits(from) {
        let (from, to) = (from.display(catalog), to.display(catalog));
        let why = format!("column {place} of type {from} cannot be cast automatically to {to}");
        let misfit = Misfit::refused(SqlState::DATATYPE_MISMATCH, why).about(&table.name);
        return Some(
            misfit.helped_by("say how each value is turned into the new type: alter column … type … using …"),
        );
    }
    let default = catalog.type_of_default(found).filter(|default| !fits(default))?;
    let (default, to) = (default.display(catalog), to.display(catalog));
    let why =
        format!("the default of column {place}, of type {default}, cannot be cast automatically to {to}");
    let misfit = Misfit::refused(SqlState::DATATYPE_MISMATCH, why).about(&table.name);
    Some(misfit.helped_by("drop the default before, and set it again after: USING is for the values alone"))
}

fn constraint_mut<'c>(catalog: &'c mut Catalog, oid: Oid, name: &Ident) -> Option<&'c mut Constraint> {
    catalog.tables.get_mut(&oid)?.constraints.get_mut(name)
}

/// Does something to a column that has to be there.
fn with_column(
    catalog: &mut Catalog,
    oid: Oid,
    table: &ObjectName,
    column: &Ident,
    change: impl FnOnce(&mut Catalog),
) -> Applied {
    if catalog.tables.get(&oid).and_then(|table| table.column(column)).is_none() {
        return Err(Misfit::missing_part(ObjectKind::Column, column, table));
    }
    change(catalog);
    Ok(())
}

/// A new column merges with that of a child that has one of its name, which must be of the same type.
fn expect_same_type_in_children(
    catalog: &Catalog,
    oid: Oid,
    new: &crate::sql::statement::ColumnDef,
) -> Applied {
    let Some(written) = &new.data_type else { return Ok(()) };
    let serial = serial_type(&written.name).map(DataType::builtin);
    let data_type = serial.unwrap_or_else(|| catalog.resolve_data_type(written));
    let is_known = |data_type: &DataType| !matches!(data_type.base, TypeRef::Unknown(_));
    for child in children(catalog, oid) {
        let Some(table) = catalog.tables.get(&child) else { continue };
        match table.column(&new.name) {
            Some(own)
                if is_known(&data_type)
                    && is_known(&own.data_type.value)
                    && own.data_type.value != data_type =>
            {
                let (child, column) = (table.name.quoted(), new.name.quoted());
                let why = format!("child table {child} has different type for column {column}");
                return Err(Misfit::refused(SqlState::DATATYPE_MISMATCH, why).about(&table.name));
            }
            _ => expect_same_type_in_children(catalog, child, new)?,
        }
    }
    Ok(())
}

/// Gives a child the column that its parent has got. A serial column's sequence stays the parent's,
/// checks come with those of the parent, and keys with the indexes of partitions.
fn add_column_to_child(
    catalog: &mut Catalog,
    parent: Oid,
    child: Oid,
    definition: &crate::sql::statement::ColumnDef,
    origin: Origin,
) {
    let name = &definition.name;
    let Some(column) = catalog.tables.get(&parent).and_then(|table| table.column(name)).cloned() else {
        return;
    };
    let Some(table) = catalog.tables.get_mut(&child) else { return };
    if let Some(own) = table.column_mut(name) {
        own.inherited = true;
    } else {
        let identity = column.identity.filter(|_| table.is_partition);
        let plain =
            Column { inherited: true, local: false, identity, acl: Acl::default(), comment: None, ..column };
        table.push_column(plain);
        let generated = definition.constraints.iter();
        let generated = generated.filter(|constraint| matches!(constraint.kind, Written::Generated(_)));
        let pending: Vec<_> = generated.map(|definition| Pending::new(Some(name), definition)).collect();
        constraint::add_all(catalog, child, &pending, origin);
    }
    for grandchild in children(catalog, child) {
        add_column_to_child(catalog, child, grandchild, definition, origin);
    }
}

fn drop_expression(catalog: &mut Catalog, oid: Oid, name: &Ident) {
    if let Some(column) = column_mut(catalog, oid, name) {
        column.generated = None;
    }
    for child in children(catalog, oid) {
        drop_expression(catalog, child, name);
    }
}

fn drop_not_null(catalog: &mut Catalog, oid: Oid, name: &Ident, place: Origin) {
    if let Some(column) = column_mut(catalog, oid, name) {
        column.not_null.set(false, place);
    }
    for child in children(catalog, oid) {
        drop_not_null(catalog, child, name, place);
    }
}

fn set_type(
    catalog: &mut Catalog,
    oid: Oid,
    name: &Ident,
    data_type: &Tracked<DataType>,
    collation: Option<&str>,
) {
    if let Some(column) = column_mut(catalog, oid, name) {
        column.data_type = data_type.clone();
        column.collation = collation.map(str::to_string);
        let at = Some((oid, column.attnum));
        let mut sequences = catalog.sequences.values_mut();
        if let Some(own) = sequences.find(|sequence| sequence.identity && sequence.owned_by == at) {
            own.data_type = data_type.value.clone();
        }
    }
    for child in children(catalog, oid) {
        set_type(catalog, child, name, data_type, collation);
    }
}

fn set_identity(
    catalog: &mut Catalog,
    oid: Oid,
    name: &Ident,
    always: Option<bool>,
    options: &SequenceOptions,
    place: Origin,
) {
    let Some(column) = column_mut(catalog, oid, name) else { return };
    if let Some(always) = always {
        column.identity = column.identity.map(|_| Identity { always });
    }
    let at = Some((oid, column.attnum));
    let mut sequences = catalog.sequences.values_mut();
    if let Some(own) = sequences.find(|sequence| sequence.identity && sequence.owned_by == at) {
        sequence::set_counting(own, options, place);
    }
}

fn drop_identity(catalog: &mut Catalog, oid: Oid, name: &Ident) {
    let Some(column) = column_mut(catalog, oid, name) else { return };
    column.identity = None;
    let attnum = column.attnum;
    let owned = catalog
        .sequences
        .values()
        .find(|sequence| sequence.identity && sequence.owned_by == Some((oid, attnum)));
    if let Some(sequence) = owned.map(|sequence| sequence.oid) {
        catalog.remove_sequence(sequence);
    }
}

/// Drops a column, and that of the children which have it from nowhere else.
fn drop_column(catalog: &mut Catalog, oid: Oid, name: &Ident, if_exists: bool, cascade: bool) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let Some(attnum) = table.column(name).map(|column| column.attnum) else {
        let missing = || Misfit::missing_part(ObjectKind::Column, name, &table.name);
        return if if_exists { Ok(()) } else { Err(missing()) };
    };
    catalog.drop_column_dependents(oid, attnum, cascade)?;
    let children = children(catalog, oid);
    let Some(found) = catalog.tables.get_mut(&oid) else { return Ok(()) };
    found.columns.retain(|column| column.attnum != attnum);
    for child in children {
        let was_local = column_mut(catalog, child, name).is_none_or(|column| column.local);
        partition::disinherit_column(catalog, child, name);
        let is_alone = column_mut(catalog, child, name).is_some_and(|column| !column.inherited);
        if is_alone && !was_local {
            drop_column(catalog, child, name, true, cascade)?;
        }
    }
    Ok(())
}

fn drop_constraint(
    catalog: &mut Catalog,
    oid: Oid,
    table: &ObjectName,
    name: &Ident,
    if_exists: bool,
    cascade: bool,
) -> Applied {
    if let Some(table) = catalog.tables.get(&oid)
        && let Some(at) = table.constraint_trigger(name)
    {
        // CASCADE does not help (measured).
        let trigger = &table.triggers[at];
        let why = format!("cannot drop constraint {name} because trigger {} requires it", trigger.name);
        return Err(Misfit::refused(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, why)
            .about(&table.name)
            .beside(trigger.history.created.span())
            .helped_by("drop the trigger, and its constraint goes with it"));
    }
    let Some(constraint) = catalog.tables.get(&oid).and_then(|table| table.constraints.get(name)).cloned()
    else {
        let missing = || Misfit::missing_part(ObjectKind::Constraint, name, table);
        return if if_exists { Ok(()) } else { Err(missing()) };
    };
    if matches!(constraint.kind, ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }) {
        match cascade {
            true => drop_references(catalog, oid, constraint.columns()),
            false => expect_no_reference(catalog, oid, &constraint)?,
        }
    }
    let names =
        catalog.tables.get(&oid).map(|table| table.column_names(constraint.columns())).unwrap_or_default();
    remove_constraint(catalog, oid, name);
    if let ConstraintKind::ForeignKey(key) = &constraint.kind {
        remove_for_partitions(catalog, oid, &key.columns, key.references);
    }
    drop_in_children(catalog, oid, &constraint, &names);
    Ok(())
}

/// Drops what the children have of a constraint that is gone, and nowhere else from.
fn drop_in_children(catalog: &mut Catalog, oid: Oid, constraint: &Constraint, names: &[Ident]) {
    for child in children(catalog, oid) {
        let same = catalog.tables.get(&child).and_then(|child| same_in_child(child, constraint, names));
        let Some(same) = same else { continue };
        let was_local = constraint_mut(catalog, child, &same).is_none_or(|own| own.local);
        if matches!(constraint.kind, ConstraintKind::Check { .. }) {
            partition::disinherit_constraint(catalog, child, &same);
            let is_inherited = constraint_mut(catalog, child, &same).is_some_and(|own| own.inherited);
            if was_local || is_inherited {
                continue;
            }
        }
        remove_constraint(catalog, child, &same);
        drop_in_children(catalog, child, constraint, names);
    }
}

/// Removes what a foreign key to a partitioned table brought for its partitions.
fn remove_for_partitions(catalog: &mut Catalog, oid: Oid, columns: &[i16], parent: Oid) {
    for partition in children(catalog, parent) {
        let Some(table) = catalog.tables.get(&oid) else { return };
        let name = table
            .foreign_keys()
            .find(|(constraint, key)| {
                constraint.inherited && key.references == partition && key.columns == columns
            })
            .map(|(constraint, _)| constraint.name.clone());
        if let Some(name) = name {
            catalog.remove_constraint(oid, &name);
            remove_for_partitions(catalog, oid, columns, partition);
        }
    }
}

/// Removes a constraint and the index that serves it.
fn remove_constraint(catalog: &mut Catalog, oid: Oid, name: &Ident) {
    let Some(constraint) = catalog.remove_constraint(oid, name) else { return };
    if !constraint.has_index() {
        return;
    }
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    table.indexes.swap_remove(name);
    let schema = table.name.schema.clone();
    catalog.unregister_index(&schema, name);
}

fn same_in_child(child: &Table, constraint: &Constraint, names: &[Ident]) -> Option<Ident> {
    let inherited = child.constraints.values().filter(|own| own.inherited);
    let mut same = inherited.filter(|own| {
        std::mem::discriminant(&own.kind) == std::mem::discriminant(&constraint.kind)
            && match &constraint.kind {
                ConstraintKind::Check { .. } => own.name == constraint.name,
                _ => child.column_names(own.columns()) == names,
            }
    });
    same.next().map(|own| own.name.clone())
}

/// Refuses to drop a key that foreign keys need, and no other key could serve.
fn expect_no_reference(catalog: &Catalog, oid: Oid, constraint: &Constraint) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let columns = constraint.columns();
    if table.indexes.values().filter(|index| index.is_key_of(columns)).count() != 1 {
        return Ok(());
    }
    let is_same = |key: &[i16]| key.len() == columns.len() && key.iter().all(|one| columns.contains(one));
    let mut referring = catalog
        .tables
        .values()
        .flat_map(|other| other.foreign_keys().map(move |(constraint, key)| (&other.name, constraint, key)));
    let found = referring
        .find(|(_, own, key)| key.references == oid && !own.inherited && is_same(&key.referenced_columns));
    let Some((other, own, _)) = found else { return Ok(()) };
    let why = format!(
        "cannot drop constraint {} on {} because constraint {} on {other} depends on it",
        constraint.name.quoted(),
        table.name,
        own.name.quoted()
    );
    let misfit = Misfit::refused(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, why);
    Err(misfit.about(&table.name).beside(own.history.created.span()))
}

/// Foreign keys that need a key which is dropped with CASCADE.
fn drop_references(catalog: &mut Catalog, oid: Oid, columns: &[i16]) {
    let referring: Vec<(Oid, Ident)> = catalog
        .tables
        .values()
        .flat_map(|table| table.foreign_keys().map(move |(constraint, key)| (table.oid, constraint, key)))
        .filter(|(_, _, key)| key.references == oid && key.referenced_columns == columns)
        .map(|(table, constraint, _)| (table, constraint.name.clone()))
        .collect();
    for (table, name) in referring {
        catalog.remove_constraint(table, &name);
    }
}

fn alter_view(
    catalog: &mut Catalog,
    oid: Oid,
    statement: &AlterTable,
    action: &AlterAction,
    origin: Origin,
) -> Applied {
    let Some(view) = catalog.views.get_mut(&oid) else { return Ok(()) };
    view.history.touch(origin);
    match action {
        AlterAction::SetOptions(options) => set_options(&mut view.options, options),
        AlterAction::ResetOptions(names) => reset_options(&mut view.options, names),
        AlterAction::OwnerTo(_) => return change_owner(catalog, statement, action, origin),
        _ => {}
    }
    Ok(())
}

fn alter_index(
    catalog: &mut Catalog,
    on: Oid,
    name: &ObjectName,
    action: &AlterAction,
    origin: Origin,
) -> Applied {
    match action {
        AlterAction::AttachPartition { partition } => {
            let Some((child, Relation::Index { on: child_table })) = catalog.resolve_relation(partition)
            else {
                return Err(Misfit::missing(ObjectKind::Index, partition));
            };
            let parent = catalog
                .tables
                .get(&on)
                .and_then(|table| table.indexes.get(&name.name))
                .map(|index| index.oid);
            if let Some(table) = catalog.tables.get_mut(&child_table)
                && let Some(index) = table.indexes.get_mut(&child.name)
            {
                index.parent = parent;
                index.history.touch(origin);
                let constraint = index.constraint.clone();
                if let Some(constraint) = constraint.and_then(|name| table.constraints.get_mut(&name)) {
                    constraint.inherited = true;
                }
            }
            validate_when_complete(catalog, on, &name.name);
            Ok(())
        }
        AlterAction::SetOptions(options) => {
            if let Some(index) =
                catalog.tables.get_mut(&on).and_then(|table| table.indexes.get_mut(&name.name))
            {
                set_options(&mut index.options, options);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// An index made with ON ONLY becomes valid when each partition has its share.
fn validate_when_complete(catalog: &mut Catalog, on: Oid, name: &Ident) {
    let Some(table) = catalog.tables.get(&on) else { return };
    let Some(index) = table.indexes.get(name).map(|index| index.oid) else { return };
    let complete = table
        .children
        .iter()
        .filter_map(|child| catalog.tables.get(child))
        .all(|child| child.indexes.values().any(|own| own.parent == Some(index)));
    if complete && let Some(index) = catalog.tables.get_mut(&on).and_then(|table| table.indexes.get_mut(name))
    {
        index.valid = true;
    }
}

fn option_name(option: &str) -> &str {
    option.split('=').next().unwrap_or(option)
}

/// Sets `name=value` options, each in the place of an older one.
pub(super) fn set_options(options: &mut Vec<String>, new: &[String]) {
    for option in new {
        options.retain(|old| option_name(old) != option_name(option));
        options.push(option.clone());
    }
}

fn reset_options(options: &mut Vec<String>, names: &[Ident]) {
    options.retain(|option| !names.iter().any(|name| option_name(option) == name.as_str()));
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check_noted, check_refused, check_shapes};

    #[test]
    fn the_constraint_of_a_trigger_goes_with_it() {
        check_refused(
            "create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end';
             create constraint trigger c after insert on t for each row execute function f();
             alter table t rename constraint c to d;",
            &[
                ("alter table t drop constraint d cascade;", "cannot drop constraint d because trigger c requires it"),
                ("alter table t add constraint d check (a > 0);", "constraint d on public.t exists already"),
                ("alter table t drop constraint c;", "constraint c on t is not made by any statement before this one"),
            ],
        );
    }

    #[test]
    fn columns_come_change_and_go() {
        check_shapes(&[
            (
                "create table t (a int, b text); alter table t drop column a, add column c int not null default 1;
                 alter table t alter b type varchar(3), alter b set not null, alter c drop default;",
                "t",
                &["2 b character varying(3) not null", "3 c integer not null"],
            ),
            (
                "create table t (a int); alter table t add column if not exists a text, drop column if exists z;
                 alter table if exists missing add column x int;",
                "t",
                &["1 a integer"],
            ),
            (
                "create table t (a int not null); alter table t alter a add generated by default as identity;",
                "t",
                &["1 a integer not null identity"],
            ),
            (
                "create table p (a int); create table c () inherits (p); alter table p add column b int;",
                "c",
                &["1 a integer inherited", "2 b integer inherited"],
            ),
        ]);
    }

    #[test]
    fn a_column_takes_what_is_on_it_alone() {
        check_shapes(&[
            (
                "create table t (a int unique, b int, check (a > b), check (b > 0)); create index i on t (a, b);
                 alter table t drop column a;",
                "t",
                &["2 b integer", "t_b_check check (b)"],
            ),
            (
                "create table o (id int primary key); create table t (a int references o);
                 alter table o drop column id cascade;",
                "t",
                &["1 a integer"],
            ),
        ]);
        check_refused(
            "create table o (id int primary key); create table t (a int references o);",
            &[(
                "alter table o drop column id;",
                "cannot drop column public.o.id because constraint t_a_fkey on public.t depends on it",
            )],
        );
    }

    #[test]
    fn switches_are_remembered() {
        check_shapes(&[
            (
                "create table t (a int); alter table t enable row level security, force row level security;",
                "t",
                &["1 a integer", "rls", "forced rls"],
            ),
            (
                "create table t (a int); alter table t enable row level security;
                 alter table t force row level security; alter table t disable row level security;",
                "t",
                &["1 a integer", "forced rls"],
            ),
        ]);
        let bench = Bench::new("create view v as select 1 as a; alter view v set (security_invoker = on);");
        let view = bench.catalog.views.values().find(|view| view.name.name == "v").expect("v is made");
        assert!(view.security_invoker());
    }

    #[test]
    fn types_change_where_values_and_defaults_become_them() {
        check_noted(
            "create type mood as enum ('ok'); create type other as enum ('ok');
             create table t (a text, b int, c text default 'ok', d mood default 'ok', e text default now(),
               f varchar(9), g int default 0, h int generated always as (1) stored, tags text[] default '{}');",
            &[
                ("alter table t alter a type varchar(9);", None),
                ("alter table t alter a type uuid using a::uuid;", None),
                (
                    "alter table t alter a type uuid;",
                    Some("column public.t.a of type text cannot be cast automatically to uuid"),
                ),
                (
                    "alter table t alter f type jsonb;",
                    Some("column public.t.f of type character varying(9) cannot be cast automatically to jsonb"),
                ),
                (
                    "alter table t alter b type boolean;",
                    Some("column public.t.b of type integer cannot be cast automatically to boolean"),
                ),
                ("alter table t alter b type bigint;", None),
                ("alter table t alter b type text;", None),
                (
                    "alter table t alter d type other;",
                    Some("column public.t.d of type public.mood cannot be cast automatically to public.other"),
                ),
                (
                    "alter table t alter c type mood using c::mood;",
                    Some("the default of column public.t.c, of type text, cannot be cast automatically to public.mood"),
                ),
                ("alter table t alter c drop default, alter c type mood using c::mood;", None),
                ("alter table t alter c type mood using c::mood, alter c drop default;", None),
                ("alter table t alter d type text; alter table t alter d type mood using d::mood;", None),
                ("alter table t alter e type timestamptz using e::timestamptz;", None),
                (
                    "alter table t alter g type boolean using g > 0;",
                    Some("the default of column public.t.g, of type integer, cannot be cast automatically to boolean"),
                ),
                (
                    "alter table t alter tags type jsonb using to_jsonb(tags);",
                    Some("the default of column public.t.tags, of type text[], cannot be cast automatically to jsonb"),
                ),
                ("create cast (text as uuid) with inout as assignment; alter table t alter a type uuid;", None),
                ("do $$ begin alter table t alter a type uuid; exception when others then null; end $$;", None),
            ],
        );
    }

    #[test]
    fn keys_have_what_refers_to_them() {
        check_noted(
            "create table o (id uuid primary key, n int, m int unique, k int); create unique index on o (k) where k > 0;
             create table bare (a int); create table two (a int, b int, primary key (a, b));
             create table t (a int, u uuid, x text); create view v as select 1 as a;",
            &[
                ("alter table t add foreign key (u) references o;", None),
                ("alter table t add foreign key (a) references o (m);", None),
                (
                    "alter table t add foreign key (a) references o (n);",
                    Some("no unique key of public.o has the columns that a foreign key refers to (n)"),
                ),
                (
                    "alter table t add foreign key (a) references o (k);",
                    Some("no unique key of public.o has the columns that a foreign key refers to (k)"),
                ),
                ("create table s (a int references bare);", Some("table public.bare has no primary key to refer to")),
                (
                    "create table s (a int references two);",
                    Some("a foreign key of public.s refers to public.two with another number of columns"),
                ),
                (
                    "create table s (a text references o);",
                    Some("column public.s.a is of type text, and public.o.id, which it refers to, of type uuid"),
                ),
                (
                    "alter table t add column o int references o;",
                    Some("column public.t.o is of type integer, and public.o.id, which it refers to, of type uuid"),
                ),
                ("alter table t add column if not exists a int references bare;", None),
                ("create table s (id int primary key, up int references s, other bigint references s (id));", None),
                ("create table s (like o including all, up uuid references s (id));", None),
                ("alter table t add foreign key (a) references t (u), add unique (u), alter a type uuid using null;", None),
                ("create table s (id uuid references auth.users (id));", None),
                (
                    "create table s (id int references auth.users (id));",
                    Some("column public.s.id is of type integer, and auth.users.id, which it refers to, of type uuid"),
                ),
                (
                    "alter table t add foreign key (u) references o; alter table o drop constraint o_pkey;",
                    Some("cannot drop constraint o_pkey on public.o because constraint t_u_fkey on public.t depends on it"),
                ),
                (
                    "alter table t add foreign key (u) references o; alter table o add unique (id);
                     alter table t drop constraint t_u_fkey; alter table o drop constraint o_pkey;",
                    None,
                ),
                ("alter table t add foreign key (a) references v;", Some("public.v is not a table, and foreign keys refer to tables alone")),
            ],
        );
    }

    #[test]
    fn columns_are_altered_where_they_may_be() {
        check_refused(
            "create table t (id int generated always as identity, k int primary key, g int generated always as (1) stored,
               d int not null default 0, n int);
             create table p (a int, b int) partition by range (a); create table c (a int);",
            &[
                ("alter table t alter id set default 1;", "an identity column has no default: public.t.id"),
                ("alter table t alter g set default 1;", "a generated column has no default: public.t.g"),
                ("alter table t alter k drop not null;", "a column of the primary key cannot be null: public.t.k"),
                (
                    "alter table t alter d add generated always as identity;",
                    "an identity column has no default: public.t.d",
                ),
                (
                    "alter table t alter n add generated always as identity;",
                    "an identity column has to be NOT NULL first: public.t.n",
                ),
                ("alter table t add primary key (n);", "table public.t has a primary key already"),
                ("alter table p drop column a;", "cannot drop a column of the partition key, public.p.a"),
                (
                    "alter table p alter a type bigint;",
                    "cannot change the type of a column of the partition key, public.p.a",
                ),
                ("alter table c no inherit t;", "t is not a parent of c"),
                (
                    "drop sequence t_id_seq;",
                    "cannot drop sequence public.t_id_seq because identity column public.t.id requires it",
                ),
            ],
        );
        check_noted(
            "create table t (d int not null default 0, n int);",
            &[
                ("alter table t alter d drop default, alter d add generated always as identity;", None),
                ("alter table t alter n set not null, alter n add generated always as identity;", None),
                ("alter table t alter n drop not null;", None),
            ],
        );
    }
}
