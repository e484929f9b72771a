//! Constraints and column attributes, of CREATE and ALTER TABLE alike.

use std::borrow::Cow;

use crate::catalog::apply::index::{self, NewIndex};
use crate::catalog::apply::table::{column_mut, is_kept_default, own_sequence};
use crate::catalog::apply::{Applied, Misfit, sequence};
use crate::catalog::bind::Binder;
use crate::catalog::index::IndexKey;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::register::columns_part;
use crate::catalog::table::{Constraint, ConstraintKind, ForeignKey, Identity, Table, TableKind};
use crate::catalog::types::TypeRef;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::{Expr, Oid, Target};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{self, ConstraintDef, ConstraintKind as Written, ObjectKind, SequenceOptions};

/// A constraint that waits until the table has its columns.
pub(super) struct Pending<'a> {
    /// The column that it was written with.
    pub(super) column: Option<Ident>,
    pub(super) definition: &'a ConstraintDef,
    /// Whether it is for this table and not for its partitions: ALTER TABLE ONLY.
    pub(super) only: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(column: Option<&Ident>, definition: &'a ConstraintDef) -> Self {
        Self { column: column.cloned(), definition, only: false }
    }
}

/// Adds the constraints of a new table in PostgreSQL's order, which decides made-up names: checks,
/// then those with an index, the primary key first, then foreign keys.
pub(super) fn add_all(catalog: &mut Catalog, oid: Oid, pending: &[Pending<'_>], origin: Origin) {
    let rank = |kind: &Written| match kind {
        Written::Unique { primary: true, .. } => 1,
        Written::Unique { .. } | Written::Exclude { .. } => 2,
        Written::ForeignKey(_) => 3,
        _ => 0,
    };
    let mut items: Vec<&Pending<'_>> = pending.iter().collect();
    items.sort_by_key(|item| rank(&item.definition.kind));
    let mut done: Vec<&Pending<'_>> = Vec::new();
    for item in items {
        if done.iter().any(|earlier| is_same_index(earlier, item)) {
            continue;
        }
        done.push(item);
        // It takes the name of whichever has one.
        let mut named = Cow::Borrowed(item.definition);
        if named.name.is_none() {
            let same = pending.iter().filter(|other| is_same_index(item, other));
            if let Some(name) = same.filter_map(|other| other.definition.name.as_ref()).next() {
                named.to_mut().name = Some(name.clone());
            }
        }
        let item = Pending { column: item.column.clone(), definition: &named, only: item.only };
        if let Err(misfit) = add(catalog, oid, &item, origin) {
            catalog.record_misfit(item.definition.span, misfit);
        }
    }
}

/// Whether two keys that one statement writes ask for the same index: then they are one constraint.
fn is_same_index(one: &Pending<'_>, other: &Pending<'_>) -> bool {
    let index = |item: &Pending<'_>| match &item.definition.kind {
        Written::Unique { columns, include, nulls_not_distinct, using_index: None, .. } => {
            let mut columns = columns.clone();
            if columns.is_empty() {
                columns.extend(item.column.clone());
            }
            let definition = item.definition;
            let initially_deferred = definition.initially_deferred;
            let deferrable = definition.deferrable || initially_deferred;
            Some((columns, include.clone(), *nulls_not_distinct, deferrable, initially_deferred))
        }
        _ => None,
    };
    index(one).is_some_and(|one| index(other) == Some(one))
}

/// Adds one constraint.
pub(super) fn add(catalog: &mut Catalog, oid: Oid, pending: &Pending<'_>, origin: Origin) -> Applied {
    let Pending { column, definition, .. } = pending;
    let column = column.as_ref();
    match &definition.kind {
        Written::NotNull { column: named } => {
            if let Some(name) = named.as_ref().or(column) {
                set_not_null(catalog, oid, name, Origin::Statement(definition.span));
            }
            Ok(())
        }
        // It may read columns that stand after its own.
        Written::Generated(expr) => {
            let bound = bind(catalog, oid, expr);
            catalog.expect_no_query(oid, &bound, "a generated column");
            if column.and_then(|name| column_mut(catalog, oid, name)).is_some_and(|column| !column.inherited)
            {
                catalog.expect_immutable(oid, &bound, "a generated column", definition.span);
            }
            if let Some(column) = column.and_then(|name| column_mut(catalog, oid, name)) {
                column.generated = Some(Box::new(bound));
            }
            Ok(())
        }
        Written::Null | Written::Default(_) | Written::Identity { .. } => Ok(()),
        Written::Check(expr) => add_check(catalog, oid, definition, expr, column, origin),
        Written::Unique { .. } => add_unique(catalog, oid, pending, origin),
        Written::ForeignKey(key) => add_foreign_key(catalog, oid, definition, key, column, origin),
        Written::Exclude { .. } => add_exclude(catalog, oid, definition, origin),
    }
}

/// Binds an expression about a table's rows.
pub(super) fn bind(catalog: &mut Catalog, oid: Oid, expr: &Expr) -> Expr {
    let mut bound = expr.clone();
    let mut binder = Binder::for_relation(catalog, oid);
    binder.expr(&mut bound);
    let unfit = binder.into_unfit();
    catalog.unfit.extend(unfit);
    bound
}

/// The columns of a relation that a bound expression reads, in order, each once.
pub(crate) fn columns_read(expr: &Expr, oid: Oid) -> Vec<i16> {
    let mut columns = Vec::new();
    expr.walk(&mut |part| {
        if let Expr::Column(column) = part
            && let Target::Column { relation, attnum, .. } = column.target
            && relation == oid
            && !columns.contains(&attnum)
        {
            columns.push(attnum);
        }
    });
    columns
}

/// Makes an expression that one table got from another speak of its own columns.
pub(super) fn rebind(catalog: &Catalog, expr: &mut Expr, from: Oid, to: Oid) {
    match expr {
        Expr::Column(column) => match &mut column.target {
            Target::Column { relation, attnum, .. } if *relation == from => {
                let name = catalog.tables.get(&from).and_then(|table| table.column_at(*attnum));
                let to_table = catalog.tables.get(&to);
                let own = name.and_then(|column| to_table.and_then(|table| table.column(&column.name)));
                (*relation, *attnum) = (to, own.map_or(0, |own| own.attnum));
            }
            Target::Row { relation, .. } if *relation == from => *relation = to,
            _ => {}
        },
        other => other.each_child_mut(&mut |child| rebind(catalog, child, from, to)),
    }
}

fn add_check(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &ConstraintDef,
    expr: &Expr,
    column: Option<&Ident>,
    origin: Origin,
) -> Applied {
    let expr = bind(catalog, oid, expr);
    catalog.expect_no_query(oid, &expr, "a check constraint");
    let mut columns = columns_read(&expr, oid);
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let name = match &definition.name {
        Some(name) => name.clone(),
        None => {
            let named = match (columns.as_slice(), column) {
                ([only], _) => table.column_at(*only).map(|column| column.name.clone()),
                (_, Some(column)) if columns.is_empty() => Some(column.clone()),
                _ => None,
            };
            // Only a single column enters the name, however the check was written.
            let part = if columns.len() == 1 { named.unwrap_or_default() } else { Ident::default() };
            catalog.choose_constraint_name(&table.name.schema, &table.name.name, &part, "check", &[])
        }
    };
    columns.sort_unstable();
    let children = table.children.clone();
    let mut constraint =
        build(definition, name, ConstraintKind::Check { expr, columns: columns.clone() }, origin);
    constraint.no_inherit = definition.no_inherit;
    if let Some(existing) = table.constraints.get(&constraint.name) {
        if existing.inherited {
            return Ok(());
        }
        return Err(Misfit::exists(ObjectKind::Constraint, constraint.name));
    }
    if !definition.no_inherit
        && let Some(child) = descendant_with_other(catalog, oid, &constraint.name)
    {
        return Err(Misfit::exists(ObjectKind::Constraint, format!("{} on {child}", constraint.name)));
    }
    catalog.insert_constraint(oid, constraint.clone());
    if !definition.no_inherit {
        for child in children {
            inherit_check(catalog, oid, child, &constraint);
        }
    }
    Ok(())
}

/// A table below that has a constraint of this name which is no check: the two cannot be one.
fn descendant_with_other(catalog: &Catalog, oid: Oid, name: &Ident) -> Option<QName> {
    catalog.tables.get(&oid)?.children.iter().find_map(|child| {
        let table = catalog.tables.get(child)?;
        let own = table.constraints.get(name);
        match own.is_some_and(|own| !matches!(own.kind, ConstraintKind::Check { .. })) {
            true => Some(table.name.clone()),
            false => descendant_with_other(catalog, *child, name),
        }
    })
}

/// Gives a child its parent's check, and its own children in turn.
pub(super) fn inherit_check(catalog: &mut Catalog, parent: Oid, oid: Oid, check: &Constraint) {
    let mut copy = check_for(catalog, parent, oid, check);
    (copy.inherited, copy.local) = (true, false);
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    let children = table.children.clone();
    if let Some(existing) = table.constraints.get_mut(&copy.name) {
        existing.inherited = true;
    } else {
        catalog.insert_constraint(oid, copy.clone());
    }
    for child in children {
        inherit_check(catalog, oid, child, &copy);
    }
}

/// A check of one table as another has it.
pub(super) fn check_for(catalog: &Catalog, from: Oid, to: Oid, check: &Constraint) -> Constraint {
    let mut copy = check.clone();
    if let (ConstraintKind::Check { expr, columns }, Some(old), Some(new)) =
        (&mut copy.kind, catalog.tables.get(&from), catalog.tables.get(&to))
    {
        rebind(catalog, expr, from, to);
        let names = old.column_names(columns);
        *columns = names.iter().filter_map(|name| new.column(name)).map(|column| column.attnum).collect();
        columns.sort_unstable();
    }
    copy
}

fn build(definition: &ConstraintDef, name: Ident, kind: ConstraintKind, origin: Origin) -> Constraint {
    let place = match origin {
        Origin::Statement(_) => Origin::Statement(definition.span),
        Origin::Platform => origin,
    };
    Constraint {
        name,
        kind,
        history: History::new(place),
        deferrable: definition.deferrable || definition.initially_deferred,
        initially_deferred: definition.initially_deferred,
        validated: Tracked::new(!definition.not_valid, place),
        inherited: false,
        local: true,
        no_inherit: false,
        comment: None,
    }
}

/// The numbers of named columns.
fn attnums(catalog: &Catalog, oid: Oid, names: &[Ident]) -> Result<Vec<i16>, Misfit> {
    let table = catalog
        .tables
        .get(&oid)
        .ok_or_else(|| Misfit::refused(SqlState::UNDEFINED_TABLE, "the table is gone"))?;
    names
        .iter()
        .map(|name| {
            let missing = || Misfit::missing_part(ObjectKind::Column, name, &table.name);
            table.column(name).map(|column| column.attnum).ok_or_else(missing)
        })
        .collect()
}

fn add_unique(catalog: &mut Catalog, oid: Oid, pending: &Pending<'_>, origin: Origin) -> Applied {
    let Pending { column, definition, only } = pending;
    let Written::Unique { primary, columns, include, nulls_not_distinct, using_index } = &definition.kind
    else {
        return Ok(());
    };
    if let Some(index) = using_index {
        return use_index(catalog, oid, definition, *primary, index, origin);
    }
    let mut names = columns.clone();
    if names.is_empty() {
        names.extend(column.clone());
    }
    let keys = attnums(catalog, oid, &names)?;
    if let Some(at) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        let why = format!("column {} stands twice in a unique or primary key", names[at].quoted());
        return Err(Misfit::refused(SqlState::DUPLICATE_COLUMN, why).at(definition.span));
    }
    let include_keys = attnums(catalog, oid, include)?;
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    if *primary {
        expect_no_primary_key(table)?;
    }
    let (schema, table_name) = (table.name.schema.clone(), table.name.name.clone());
    let name = match &definition.name {
        Some(name) => name.clone(),
        None if *primary => catalog.choose_index_constraint_name(&schema, &table_name, "", "pkey"),
        None => {
            let parts = index::distinct_parts(names.iter().chain(include).map(Ident::as_str));
            let part = columns_part(parts.iter().map(String::as_str));
            catalog.choose_index_constraint_name(&schema, &table_name, &part, "key")
        }
    };
    if !catalog.is_relation_name_free(&QName { schema, name: name.clone() }) {
        return Err(Misfit::exists(ObjectKind::Index, name));
    }
    expect_new(table, &name)?;
    index::expect_partition_key(catalog, oid, &keys, definition.span);
    let kind = unique_kind(*primary, keys.clone());
    let constraint = build(definition, name.clone(), kind, origin);
    let place = constraint.history.created;
    if *primary {
        for key in &names {
            set_not_null(catalog, oid, key, place);
        }
    }
    catalog.insert_constraint(oid, constraint);
    let mut new = NewIndex::unique(name.clone(), keys, place);
    new.primary = *primary;
    new.include = include_keys;
    new.nulls_not_distinct = *nulls_not_distinct;
    new.constraint = Some(name.clone());
    catalog.expect_access(oid, "btree", false, &new.keys, definition.span);
    new.span = Some(definition.span);
    new.valid = !(*only && index::has_partitions(catalog, oid));
    index::insert(catalog, oid, new);
    if !only {
        index::spread(catalog, oid, &name, origin);
    }
    Ok(())
}

/// Whether a table has no constraint of this name yet.
pub(super) fn expect_new(table: &Table, name: &Ident) -> Applied {
    let by_trigger = || table.constraint_trigger(name).map(|at| &table.triggers[at].history);
    match table.constraints.get(name).map(|constraint| &constraint.history).or_else(by_trigger) {
        Some(there) => {
            Err(Misfit::exists_part(ObjectKind::Constraint, name, &table.name).beside(there.created.span()))
        }
        None => Ok(()),
    }
}

fn expect_no_primary_key(table: &Table) -> Applied {
    let Some(old) =
        table.constraints.values().find(|it| matches!(it.kind, ConstraintKind::PrimaryKey { .. }))
    else {
        return Ok(());
    };
    let why = format!("table {} has a primary key already", table.name);
    Err(Misfit::refused(SqlState::INVALID_TABLE_DEFINITION, why)
        .about(&table.name)
        .beside(old.history.created.span())
        .helped_by("drop the old key first, or write `unique`"))
}

/// Notes what a foreign key that is made refers to in vain: columns that are no key, or are of
/// another type. All that the statement makes is there by then.
pub(super) fn expect_key(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &ConstraintDef,
    column: Option<&Ident>,
) {
    if let Some(misfit) = why_not_refer(catalog, oid, definition, column) {
        catalog.unfit.push(misfit.at(definition.span));
    }
}

fn why_not_refer(
    catalog: &Catalog,
    oid: Oid,
    definition: &ConstraintDef,
    column: Option<&Ident>,
) -> Option<Misfit> {
    let Written::ForeignKey(key) = &definition.kind else { return None };
    let from = catalog.tables.get(&oid)?;
    let (to_name, to) = match catalog.resolve_relation(&key.references)? {
        (name, Relation::Table(oid)) => (name, catalog.tables.get(&oid)?),
        _ => return None,
    };
    if catalog.is_in_doubt(&from.name.name) || catalog.is_in_doubt(&to_name.name) {
        return None;
    }
    let refused = |state, why: String| Some(Misfit::refused(state, why).about(&to_name));
    let names: Vec<&Ident> =
        if key.columns.is_empty() { column.into_iter().collect() } else { key.columns.iter().collect() };
    let columns = names.iter().map(|name| from.column(name)).collect::<Option<Vec<_>>>()?;
    // Of the platform's and extensions' tables not every key is known.
    let is_own = to.history.created != Origin::Platform && to.extension.is_none();
    let referenced = if key.referenced_columns.is_empty() {
        match to.primary_key() {
            Some(key) => key.to_vec(),
            None if is_own => {
                let why = format!("table {to_name} has no primary key to refer to");
                return refused(SqlState::UNDEFINED_OBJECT, why).map(|misfit| {
                    misfit.helped_by("give that table a primary key first, or name a unique column")
                });
            }
            None => return None,
        }
    } else {
        let named = key.referenced_columns.iter().map(|name| Some(to.column(name)?.attnum));
        named.collect::<Option<Vec<_>>>()?
    };
    if columns.len() != referenced.len() {
        let why =
            format!("a foreign key of {} refers to {} with another number of columns", from.name, to_name);
        return refused(SqlState::INVALID_FOREIGN_KEY, why);
    }
    let list = || to.column_names(&referenced).iter().map(Ident::quoted).collect::<Vec<_>>().join(", ");
    let serving = || to.indexes.values().filter(|index| index.is_key_of(&referenced));
    if is_own && serving().next().is_none() {
        let why =
            format!("no unique key of {to_name} has the columns that a foreign key refers to ({})", list());
        return refused(SqlState::INVALID_FOREIGN_KEY, why)
            .map(|misfit| misfit.helped_by("make them unique first: alter table … add unique (…)"));
    }
    if serving().any(|index| index.keys.iter().any(|key| key.operator_class.is_some())) {
        return None;
    }
    columns.iter().zip(&referenced).find_map(|(column, attnum)| {
        let other = to.column_at(*attnum)?;
        let (own, key) = (&column.data_type.value, &other.data_type.value);
        (catalog.can_refer(own, key) == Some(false)).then_some(())?;
        let why = format!(
            "column {}.{} is of type {}, and {to_name}.{}, which it refers to, of type {}",
            from.name,
            column.name.quoted(),
            own.display(catalog),
            other.name.quoted(),
            key.display(catalog)
        );
        refused(SqlState::DATATYPE_MISMATCH, why)
            .map(|misfit| misfit.helped_by("give both columns the same type"))
    })
}

pub(super) fn unique_kind(primary: bool, columns: Vec<i16>) -> ConstraintKind {
    if primary { ConstraintKind::PrimaryKey { columns } } else { ConstraintKind::Unique { columns } }
}

/// ADD CONSTRAINT … USING INDEX: the index becomes the constraint's, and takes its name.
fn use_index(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &ConstraintDef,
    primary: bool,
    index: &Ident,
    origin: Origin,
) -> Applied {
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let Some(found) = table.indexes.get(index) else {
        return Err(Misfit::missing(ObjectKind::Index, index));
    };
    let refused = |state, why: &str| Err(Misfit::refused(state, format!("{why}: {index} on {}", table.name)));
    if table.kind == TableKind::Partitioned {
        let state = SqlState::FEATURE_NOT_SUPPORTED;
        return refused(state, "a partitioned table's constraint cannot use an index");
    }
    if found.constraint.is_some() {
        let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
        return refused(state, "the index serves a constraint already");
    }
    let is_plain = found.keys.iter().all(|key| key.attnum().is_some() && !key.descending);
    if !found.unique || !is_plain || found.predicate.is_some() {
        let state = SqlState::WRONG_OBJECT_TYPE;
        return refused(state, "the index is not unique, or not one of all rows by their columns");
    }
    if primary {
        expect_no_primary_key(table)?;
    }
    let columns: Vec<i16> = found.columns().into_iter().flatten().collect();
    let names = table.column_names(&columns);
    let schema = table.name.schema.clone();
    let name = definition.name.clone().unwrap_or_else(|| index.clone());
    expect_new(table, &name)?;
    if name != *index {
        if !catalog.is_relation_name_free(&QName { schema: schema.clone(), name: name.clone() }) {
            return Err(Misfit::exists(ObjectKind::Index, name));
        }
        let old = QName { schema: schema.clone(), name: index.clone() };
        catalog.rename_relation(&old, QName { schema, name: name.clone() });
    }
    let constraint = build(definition, name.clone(), unique_kind(primary, columns), origin);
    let place = constraint.history.created;
    if primary {
        for column in &names {
            set_not_null(catalog, oid, column, place);
        }
    }
    catalog.insert_constraint(oid, constraint);
    if let Some(index) = catalog.tables.get_mut(&oid).and_then(|table| table.indexes.get_mut(&name)) {
        index.constraint = Some(name.clone());
        index.primary = primary;
        index.history.touch(origin);
    }
    Ok(())
}

fn add_exclude(catalog: &mut Catalog, oid: Oid, definition: &ConstraintDef, origin: Origin) -> Applied {
    let Written::Exclude { method, keys, include, predicate } = &definition.kind else { return Ok(()) };
    let include_keys = attnums(catalog, oid, include)?;
    let Some(table) = catalog.tables.get(&oid).map(|table| table.name.clone()) else { return Ok(()) };
    let (keys, mut parts) = index::read_keys(catalog, oid, keys, &table)?;
    let (schema, table_name) = (table.schema, table.name);
    let name = match &definition.name {
        Some(name) => name.clone(),
        None => {
            parts.extend(include.iter().map(ToString::to_string));
            let parts = index::distinct_parts(parts.iter().map(String::as_str));
            let part = columns_part(parts.iter().map(String::as_str));
            catalog.choose_index_constraint_name(&schema, &table_name, &part, "excl")
        }
    };
    let kind = ConstraintKind::Exclude { columns: keys.iter().filter_map(IndexKey::attnum).collect() };
    let constraint = build(definition, name.clone(), kind, origin);
    let place = constraint.history.created;
    catalog.insert_constraint(oid, constraint);
    let mut new = NewIndex::unique(name.clone(), Vec::new(), place);
    new.unique = false;
    new.method = method.clone();
    catalog.expect_access(oid, method, false, &keys, definition.span);
    new.keys = keys;
    new.include = include_keys;
    new.predicate = predicate.as_ref().map(|predicate| bind(catalog, oid, predicate));
    new.constraint = Some(name);
    new.span = Some(definition.span);
    index::insert(catalog, oid, new);
    Ok(())
}

fn add_foreign_key(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &ConstraintDef,
    key: &statement::ForeignKey,
    column: Option<&Ident>,
    origin: Origin,
) -> Applied {
    let mut names = key.columns.clone();
    if names.is_empty() {
        names.extend(column.cloned());
    }
    let columns = attnums(catalog, oid, &names)?;
    let references = match catalog.resolve_relation(&key.references) {
        Some((_, Relation::Table(references))) => references,
        Some((found, _)) => {
            let why = format!("{found} is not a table, and foreign keys refer to tables alone");
            return Err(Misfit::refused(SqlState::WRONG_OBJECT_TYPE, why).about(&found));
        }
        None => {
            return Err(catalog.blame_schema(Misfit::missing(ObjectKind::Table, &key.references)));
        }
    };
    let referenced_columns = if key.referenced_columns.is_empty() {
        catalog.tables.get(&references).and_then(|table| table.primary_key()).unwrap_or_default().to_vec()
    } else {
        attnums(catalog, references, &key.referenced_columns)?
    };
    let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
    let name = match &definition.name {
        Some(name) => name.clone(),
        None => {
            let part = columns_part(names.iter().map(Ident::as_str));
            catalog.choose_constraint_name(&table.name.schema, &table.name.name, &part, "fkey", &[])
        }
    };
    expect_new(table, &name)?;
    let children = if table.kind == TableKind::Partitioned { table.children.clone() } else { Vec::new() };
    let kind = ConstraintKind::ForeignKey(ForeignKey {
        columns,
        references,
        referenced_columns,
        on_delete: key.on_delete,
        on_update: key.on_update,
    });
    let constraint = build(definition, name, kind, origin);
    catalog.insert_constraint(oid, constraint.clone());
    let partitions = match catalog.tables.get(&references) {
        Some(table) if table.kind == TableKind::Partitioned => table.children.clone(),
        _ => Vec::new(),
    };
    for partition in partitions {
        refer_to_partition(catalog, oid, &constraint, references, partition);
    }
    for child in children {
        inherit_foreign_key(catalog, oid, child, &constraint);
    }
    Ok(())
}

/// A foreign key to a partitioned table is repeated for each of its partitions, on the table that
/// refers to it.
pub(super) fn refer_to_partition(
    catalog: &mut Catalog,
    oid: Oid,
    constraint: &Constraint,
    parent: Oid,
    partition: Oid,
) {
    let (Some(table), Some(from), Some(to)) =
        (catalog.tables.get(&oid), catalog.tables.get(&parent), catalog.tables.get(&partition))
    else {
        return;
    };
    let mut copy = constraint.clone();
    copy.inherited = true;
    let ConstraintKind::ForeignKey(key) = &mut copy.kind else { return };
    key.references = partition;
    let names = from.column_names(&key.referenced_columns);
    key.referenced_columns =
        names.iter().filter_map(|name| to.column(name)).map(|column| column.attnum).collect();
    let part = columns_part(table.column_names(&key.columns).iter().map(Ident::as_str));
    copy.name = catalog.choose_constraint_name(&table.name.schema, &table.name.name, &part, "fkey", &[]);
    let partitions = to.children.clone();
    catalog.insert_constraint(oid, copy.clone());
    for inner in partitions {
        refer_to_partition(catalog, oid, &copy, partition, inner);
    }
}

/// Gives a partition its parent's foreign key, and its own partitions in turn.
pub(super) fn inherit_foreign_key(catalog: &mut Catalog, parent: Oid, child: Oid, constraint: &Constraint) {
    let (Some(from), Some(to)) = (catalog.tables.get(&parent), catalog.tables.get(&child)) else { return };
    let mut copy = constraint.clone();
    copy.inherited = true;
    let ConstraintKind::ForeignKey(key) = &mut copy.kind else { return };
    key.columns = from
        .column_names(&key.columns)
        .iter()
        .filter_map(|name| to.column(name))
        .map(|column| column.attnum)
        .collect();
    let children = to.children.clone();
    let same = to.constraints.values().find(|own| match (&own.kind, &copy.kind) {
        (ConstraintKind::ForeignKey(own), ConstraintKind::ForeignKey(new)) => own == new,
        _ => false,
    });
    match same.map(|same| same.name.clone()) {
        Some(name) => {
            if let Some(own) =
                catalog.tables.get_mut(&child).and_then(|table| table.constraints.get_mut(&name))
            {
                own.inherited = true;
            }
        }
        None => {
            if to.constraints.contains_key(&copy.name) {
                let part = match &copy.kind {
                    ConstraintKind::ForeignKey(key) => {
                        columns_part(to.column_names(&key.columns).iter().map(Ident::as_str))
                    }
                    _ => String::new(),
                };
                copy.name =
                    catalog.choose_constraint_name(&to.name.schema, &to.name.name, &part, "fkey", &[]);
            }
            catalog.insert_constraint(child, copy.clone());
        }
    }
    for grandchild in children {
        inherit_foreign_key(catalog, child, grandchild, &copy);
    }
}

pub(super) fn set_not_null(catalog: &mut Catalog, oid: Oid, name: &Ident, origin: Origin) {
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    if let Some(column) = table.column_mut(name).filter(|column| !column.not_null.value) {
        column.not_null.set(true, origin);
    }
    for child in table.children.clone() {
        set_not_null(catalog, child, name, origin);
    }
}

/// Sets or drops a default. The constant NULL is none, unless the type has a length or precision:
/// then PostgreSQL stores the call that would enforce it.
pub(super) fn set_default(
    catalog: &mut Catalog,
    oid: Oid,
    name: &Ident,
    expr: Option<&Expr>,
    recurse: bool,
    origin: Origin,
) {
    let column = catalog.tables.get(&oid).and_then(|table| table.column(name));
    let kept = expr
        .filter(|expr| column.is_some_and(|column| is_kept_default(catalog, &column.data_type.value, expr)));
    let bound = kept.map(|expr| Tracked::new(bind(catalog, oid, expr), origin));
    if let Some(bound) = &bound {
        catalog.expect_no_query(oid, &bound.value, "a default");
    }
    if let (Some(expr), Some(column)) = (kept, column_mut(catalog, oid, name)) {
        let data_type = column.data_type.value.clone();
        catalog.note_new_label(&data_type, expr);
        let name = catalog.tables.get(&oid).map(|table| table.name.clone());
        let misfit = name
            .zip(bound.as_ref())
            .and_then(|(name, bound)| catalog.is_no_default(&data_type, &name, &bound.value));
        catalog.unfit.extend(misfit);
    }
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    if let Some(column) = table.column_mut(name) {
        column.default = bound.map(Box::new);
    }
    if recurse {
        for child in table.children.clone() {
            set_default(catalog, child, name, expr, true, origin);
        }
    }
}

pub(super) fn add_identity(
    catalog: &mut Catalog,
    oid: Oid,
    name: &Ident,
    always: bool,
    options: &SequenceOptions,
    origin: Origin,
) {
    let Some(column) = column_mut(catalog, oid, name) else { return };
    column.identity = Some(Identity { always });
    if !column.not_null.value {
        column.not_null.set(true, origin);
    }
    let internal = match &column.data_type.value.base {
        TypeRef::Builtin(name) => name.clone(),
        _ => "int8".into(),
    };
    own_sequence(catalog, oid, name, &internal, true, origin);
    let made = catalog.sequences.last().map(|(oid, sequence)| (*oid, sequence.name.clone()));
    let Some((sequence, old)) = made else { return };
    if let Some(written) = &options.sequence_name {
        let new = QName {
            schema: written.schema.clone().unwrap_or_else(|| old.schema.clone()),
            name: written.name.clone(),
        };
        if new != old && catalog.is_relation_name_free(&new) {
            catalog.rename_relation(&old, new);
        }
    }
    if let Some(sequence) = catalog.sequences.get_mut(&sequence) {
        sequence.increment = options.increment.unwrap_or(1);
        sequence.start = sequence::start(options);
    }
}

/// A collation as `regcollation::text` prints it.
pub(super) fn collation_name(catalog: &Catalog, name: &ObjectName) -> String {
    match catalog.resolve_collation(name) {
        Some(own) => own.quoted(),
        None => match name.schema.as_ref().filter(|schema| **schema != "pg_catalog") {
            Some(schema) => QName { schema: schema.clone(), name: name.name.clone() }.quoted(),
            None => name.name.quoted(),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_refused, check_shapes};

    #[test]
    fn names_are_made_up_as_postgresql_does() {
        check_shapes(&[(
            "create table o (id int primary key, x int, y int, unique (x, y));
             create table t (a int primary key, b int unique, c int references o, d int check (d > 0),
               check (a > b), check (d < 9), unique (a, b), foreign key (b, d) references o (x, y));",
            "t",
            &[
                "1 a integer not null",
                "2 b integer",
                "3 c integer",
                "4 d integer",
                "t_d_check check (d)",
                "t_check check (a, b)",
                "t_d_check1 check (d)",
                "t_pkey primary key (a)",
                "t_b_key unique (b)",
                "t_a_b_key unique (a, b)",
                "t_c_fkey foreign key (c) to o (id)",
                "t_b_d_fkey foreign key (b, d) to o (x, y)",
            ],
        )]);
    }

    #[test]
    fn constraints_are_added_later() {
        check_shapes(&[
            (
                "create table t (a int); alter table t add primary key (a);",
                "t",
                &["1 a integer not null", "t_pkey primary key (a)"],
            ),
            (
                "create table t (a int, b int); create unique index i on t (a);
                 alter table t add constraint k unique using index i;",
                "t",
                &["1 a integer", "2 b integer", "k unique (a)"],
            ),
            (
                "create table t (a int); alter table t add constraint c check (a > 0) not valid;",
                "t",
                &["1 a integer", "c check (a) not valid"],
            ),
            (
                "create table t (a int); alter table t add constraint c check (a > 0) not valid;
                 alter table t validate constraint c;",
                "t",
                &["1 a integer", "c check (a)"],
            ),
        ]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check_refused(
            "create table o (id int); create table t (a int primary key, b int constraint c check (b > 0));",
            &[
                ("alter table t add constraint c check (a > 0);", "constraint c on public.t exists already"),
                (
                    "alter table t add unique (missing);",
                    "column public.t.missing is not made by any statement before this one",
                ),
                (
                    "alter table t add foreign key (b) references missing;",
                    "table public.missing is not made by any statement before this one",
                ),
            ],
        );
    }
}
