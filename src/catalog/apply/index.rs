//! CREATE INDEX, and the indexes that constraints, LIKE and partitions bring.

use crate::catalog::apply::constraint::{bind, collation_name, columns_read, rebind, unique_kind};
use crate::catalog::apply::{Applied, Misfit, partition, transaction};
use crate::catalog::bind::column_name;
use crate::catalog::index::{Index, IndexKey, IndexKeyValue};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::register::columns_part;
use crate::catalog::table::{Constraint, TableKind};
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Oid, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{self, CreateIndex, IndexKeyValue as Written, ObjectKind};

/// An index to be made.
#[derive(Clone, Debug)]
pub(super) struct NewIndex {
    pub(super) name: Ident,
    pub(super) origin: Origin,
    pub(super) span: Option<Span>,
    pub(super) method: Ident,
    pub(super) unique: bool,
    pub(super) primary: bool,
    pub(super) valid: bool,
    pub(super) nulls_not_distinct: bool,
    pub(super) constraint: Option<Ident>,
    pub(super) keys: Vec<IndexKey>,
    pub(super) include: Vec<i16>,
    pub(super) predicate: Option<Expr>,
    pub(super) parent: Option<Oid>,
    pub(super) options: Vec<String>,
}

impl NewIndex {
    /// A unique btree over columns.
    pub(super) fn unique(name: Ident, keys: Vec<i16>, origin: Origin) -> Self {
        Self {
            name,
            origin,
            span: None,
            method: "btree".into(),
            unique: true,
            primary: false,
            valid: true,
            nulls_not_distinct: false,
            constraint: None,
            keys: keys.into_iter().map(IndexKey::column).collect(),
            include: Vec::new(),
            predicate: None,
            parent: None,
            options: Vec::new(),
        }
    }
}

/// Adds an index to a table or materialised view and registers its name.
pub(super) fn insert(catalog: &mut Catalog, on: Oid, new: NewIndex) {
    let oid = catalog.next_oid();
    let index = Index {
        oid,
        name: new.name.clone(),
        history: History::new(new.origin),
        name_span: new.span,
        method: new.method,
        unique: new.unique,
        primary: new.primary,
        valid: new.valid,
        nulls_not_distinct: new.nulls_not_distinct,
        constraint: new.constraint,
        keys: new.keys,
        include: new.include,
        predicate: new.predicate,
        parent: new.parent,
        options: new.options,
        old_names: Vec::new(),
        comment: None,
    };
    let schema = match (catalog.tables.get_mut(&on), catalog.views.get_mut(&on)) {
        (Some(table), _) => {
            table.indexes.insert(new.name.clone(), index);
            table.name.schema.clone()
        }
        (None, Some(view)) => {
            view.indexes.insert(new.name.clone(), index);
            view.name.schema.clone()
        }
        (None, None) => return,
    };
    catalog.register_index(on, &schema, &new.name);
}

pub(super) fn create(catalog: &mut Catalog, statement: &CreateIndex, origin: Origin) -> Applied {
    if statement.concurrently {
        transaction::expect_none(catalog, "CREATE INDEX CONCURRENTLY")?;
    }
    let Some((table_name, relation)) = catalog.resolve_relation(&statement.table) else {
        return Err(Misfit::missing(ObjectKind::Table, &statement.table));
    };
    let (Relation::Table(on) | Relation::View(on)) = relation else {
        return Err(Misfit::missing(ObjectKind::Table, &statement.table));
    };
    let schema = table_name.schema.clone();
    if let Some(name) = &statement.name {
        let qname = QName { schema: schema.clone(), name: name.clone() };
        if !catalog.is_relation_name_free(&qname) {
            return if statement.if_not_exists {
                Ok(())
            } else {
                Err(Misfit::exists(ObjectKind::Index, qname))
            };
        }
    }
    let (keys, mut parts) = read_keys(catalog, on, &statement.keys, &table_name)?;
    let include: Vec<i16> = statement
        .include
        .iter()
        .map(|name| attnum(catalog, on, name, &table_name))
        .collect::<Result<_, _>>()?;
    parts.extend(statement.include.iter().map(ToString::to_string));
    let name = match &statement.name {
        Some(name) => name.clone(),
        None => {
            let parts = distinct_parts(parts.iter().map(String::as_str));
            let part = columns_part(parts.iter().map(String::as_str));
            catalog.choose_relation_name(&schema, &table_name.name, &part, "idx")
        }
    };
    let new = NewIndex {
        span: statement.name_span.or(origin.span()),
        method: statement.method.clone(),
        unique: statement.unique,
        valid: !(statement.only && has_partitions(catalog, on)),
        nulls_not_distinct: statement.nulls_not_distinct,
        keys,
        include,
        predicate: statement.predicate.as_ref().map(|predicate| bind(catalog, on, predicate)),
        options: statement.options.clone(),
        ..NewIndex::unique(name.clone(), Vec::new(), origin)
    };
    let expressions = new.keys.iter().filter_map(|key| match &key.value {
        IndexKeyValue::Expr(expr) => Some(expr),
        IndexKeyValue::Column(_) => None,
    });
    for expr in expressions.chain(&new.predicate) {
        let Some(span) = origin.span() else { break };
        catalog.expect_immutable(on, expr, "an index", span);
        catalog.expect_no_query(on, expr, "an index");
    }
    if let Some(span) = origin.span() {
        catalog.expect_access(on, &new.method, new.unique, &new.keys, span);
    }
    if let (true, Some(span)) = (new.unique, origin.span()) {
        let columns: Vec<i16> = new.keys.iter().filter_map(IndexKey::attnum).collect();
        expect_partition_key(catalog, on, &columns, span);
    }
    insert(catalog, on, new);
    if !statement.only {
        spread(catalog, on, &name, origin);
    }
    Ok(())
}

/// Notes a unique index of a partitioned table that lacks a column of the partition key: no
/// partition could hold it for the whole.
pub(super) fn expect_partition_key(catalog: &mut Catalog, on: Oid, keys: &[i16], span: Span) {
    let Some(table) = catalog.tables.get(&on) else { return };
    let lacks = |attnum: &i16| !keys.contains(attnum);
    let Some(attnum) = table.partition_key.iter().flatten().flatten().copied().find(lacks) else { return };
    let Some(column) = table.column_at(attnum) else { return };
    let why = format!(
        "a unique key of {} has to include column {}, which it is partitioned by",
        table.name,
        column.name.quoted()
    );
    let misfit = Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, why).about(&table.name).at(span);
    catalog.unfit.push(misfit.helped_by("add the column to the key"));
}

/// The keys of an index, and what each adds to a made-up name.
pub(super) fn read_keys(
    catalog: &mut Catalog,
    on: Oid,
    written: &[statement::IndexKey],
    table: &QName,
) -> Result<(Vec<IndexKey>, Vec<String>), Misfit> {
    let mut keys = Vec::new();
    let mut parts = Vec::new();
    for key in written {
        let value = match &key.value {
            Written::Column(name) => {
                parts.push(name.to_string());
                IndexKeyValue::Column(attnum(catalog, on, name, table)?)
            }
            Written::Expr(expr) => {
                let part = column_name(expr);
                parts.push(if part == "?column?" { "expr".to_string() } else { part.to_string() });
                let bound = bind(catalog, on, expr);
                lone_column(&bound).map_or(IndexKeyValue::Expr(bound), IndexKeyValue::Column)
            }
        };
        keys.push(IndexKey {
            value,
            operator_class: key.operator_class.as_ref().map(|class| class.name.to_string()),
            collation: key.collation.as_ref().map(|name| collation_name(catalog, name)),
            descending: key.descending,
            nulls_first: key.nulls_first.unwrap_or(key.descending),
        });
    }
    Ok((keys, parts))
}

/// The column that an expression is, which PostgreSQL then keeps as one (`ComputeIndexAttrs`).
fn lone_column(expr: &Expr) -> Option<i16> {
    match expr {
        Expr::Column(ColumnRef { target: Target::Column { attnum, depth: 0, .. }, .. }) => Some(*attnum),
        Expr::Other("collate", parts) => lone_column(parts.first()?),
        _ => None,
    }
}

fn attnum(catalog: &Catalog, on: Oid, name: &Ident, table: &QName) -> Result<i16, Misfit> {
    let (columns, complete) = catalog.columns_of(on).unwrap_or((&[], true));
    match columns.iter().find(|column| column.name == *name) {
        Some(column) => Ok(column.attnum),
        // A view's hidden column: it is there, its number is not known.
        None if !complete => Ok(0),
        None => Err(Misfit::missing_part(ObjectKind::Column, name, table)),
    }
}

/// Parts of an index's made-up name: one that stands there already gets a number
/// (`ChooseIndexColumnNames`).
pub(super) fn distinct_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for part in parts {
        let mut name = part.to_string();
        let mut number = 0;
        while list.contains(&name) {
            number += 1;
            name = format!("{part}{number}");
        }
        list.push(name);
    }
    list
}

pub(super) fn has_partitions(catalog: &Catalog, oid: Oid) -> bool {
    let table = catalog.tables.get(&oid);
    table.is_some_and(|table| table.kind == TableKind::Partitioned && !table.children.is_empty())
}

/// Gives each partition its share of a partitioned table's index.
pub(super) fn spread(catalog: &mut Catalog, on: Oid, name: &Ident, origin: Origin) {
    let Some(table) = catalog.tables.get(&on).filter(|table| table.kind == TableKind::Partitioned) else {
        return;
    };
    for partition in table.children.clone() {
        adopt(catalog, on, name, partition, origin);
    }
}

/// Gives one partition its share of an index: an equal one that it has, or a new one.
pub(super) fn adopt(catalog: &mut Catalog, parent: Oid, name: &Ident, partition: Oid, origin: Origin) {
    let (Some(from), Some(to)) = (catalog.tables.get(&parent), catalog.tables.get(&partition)) else {
        return;
    };
    let Some(index) = from.indexes.get(name) else { return };
    let mapped = map_index(catalog, index, parent, partition);
    let parent_index = index.oid;
    let equal = to.indexes.values().find(|own| {
        own.parent.is_none()
            && own.columns() == mapped.columns()
            && own.unique == mapped.unique
            && own.nulls_not_distinct == mapped.nulls_not_distinct
            && own.method == mapped.method
            && own.include == mapped.include
            && own.predicate.is_some() == mapped.predicate.is_some()
            && own.columns().iter().all(Option::is_some)
            && (mapped.constraint.is_none() || own.constraint.is_some())
    });
    if let Some(own) = equal.map(|own| own.name.clone()) {
        if let Some(table) = catalog.tables.get_mut(&partition) {
            let Some(index) = table.indexes.get_mut(&own) else { return };
            index.parent = Some(parent_index);
            if let Some(constraint) = &index.constraint
                && let Some(constraint) = table.constraints.get_mut(constraint)
            {
                constraint.inherited = true;
            }
        }
        spread(catalog, partition, &own, origin);
        return;
    }
    let constraint =
        index.constraint.as_ref().and_then(|constraint| from.constraints.get(constraint)).cloned();
    let own_name = derived_name(catalog, partition, &mapped);
    add_copy(catalog, partition, mapped, own_name.clone(), constraint, Some(parent_index), origin, true);
    spread(catalog, partition, &own_name, origin);
}

/// A change of a column's type makes its indexes again. A partition's share of one is made by the
/// whole's, under a name made up anew, for which the columns' present names count.
pub(super) fn rebuild(catalog: &mut Catalog, on: Oid, column: &Ident, origin: Origin) {
    let Some(table) = catalog.tables.get(&on) else { return };
    let Some(attnum) = table.column(column).map(|column| column.attnum) else { return };
    let reads = |expr: &Expr| columns_read(expr, on).contains(&attnum);
    let mut names = partition::in_order_of_constraints(table);
    names.retain(|name| {
        let Some(index) = table.indexes.get(name) else { return false };
        index.columns().contains(&Some(attnum))
            || index.include.contains(&attnum)
            || index.predicate.iter().any(reads)
            || index.keys.iter().any(|key| matches!(&key.value, IndexKeyValue::Expr(expr) if reads(expr)))
    });
    let is_partitioned = table.kind == TableKind::Partitioned;
    for name in names {
        if let Some(index) = catalog.tables.get_mut(&on).and_then(|table| table.indexes.get_mut(&name)) {
            index.old_names.clear();
        }
        if is_partitioned {
            remove_shares(catalog, on, &name);
            spread(catalog, on, &name, origin);
        }
    }
}

/// Removes what the partitions have of an index.
fn remove_shares(catalog: &mut Catalog, on: Oid, name: &Ident) {
    let Some(table) = catalog.tables.get(&on) else { return };
    let Some(index) = table.indexes.get(name).map(|index| index.oid) else { return };
    for partition in table.children.clone() {
        let shares = catalog.tables.get(&partition).map(|table| &table.indexes);
        let share = shares.and_then(|shares| shares.values().find(|own| own.parent == Some(index)));
        let Some(share) = share.map(|share| share.name.clone()) else { continue };
        remove_shares(catalog, partition, &share);
        catalog.remove_index_and_constraint(partition, &share);
    }
}

/// LIKE … INCLUDING INDEXES: one index of the source under a new name.
pub(super) fn copy(
    catalog: &mut Catalog,
    source: Oid,
    name: &Ident,
    oid: Oid,
    origin: Origin,
    with_comment: bool,
) {
    let Some(from) = catalog.tables.get(&source) else { return };
    let Some(index) = from.indexes.get(name) else { return };
    let mut mapped = map_index(catalog, index, source, oid);
    if !with_comment {
        mapped.comment = None;
    }
    let constraint =
        index.constraint.as_ref().and_then(|constraint| from.constraints.get(constraint)).cloned();
    let own_name = derived_name(catalog, oid, &mapped);
    add_copy(catalog, oid, mapped, own_name, constraint, None, origin, false);
}

#[expect(clippy::too_many_arguments, reason = "two callers, and each value is one of their decisions")]
fn add_copy(
    catalog: &mut Catalog,
    oid: Oid,
    mapped: Index,
    name: Ident,
    constraint: Option<Constraint>,
    parent: Option<Oid>,
    origin: Origin,
    inherited: bool,
) {
    let columns: Vec<i16> = mapped.columns().into_iter().flatten().collect();
    if let Some(mut constraint) = constraint {
        constraint.name = name.clone();
        constraint.kind = match constraint.kind {
            crate::catalog::table::ConstraintKind::Exclude { .. } => {
                crate::catalog::table::ConstraintKind::Exclude { columns: columns.clone() }
            }
            _ => unique_kind(mapped.primary, columns.clone()),
        };
        constraint.history = History::new(origin);
        constraint.validated = Tracked::new(true, origin);
        constraint.inherited = inherited;
        constraint.comment = None;
        catalog.insert_constraint(oid, constraint);
        if mapped.primary {
            let names =
                catalog.tables.get(&oid).map(|table| table.column_names(&columns)).unwrap_or_default();
            for column in &names {
                crate::catalog::apply::constraint::set_not_null(catalog, oid, column, origin);
            }
        }
    }
    // A partition's share of an index has none of its own.
    let comment = mapped.comment.filter(|_| parent.is_none());
    let new = NewIndex {
        name: name.clone(),
        origin,
        span: origin.span(),
        method: mapped.method,
        unique: mapped.unique,
        primary: mapped.primary,
        valid: mapped.valid,
        nulls_not_distinct: mapped.nulls_not_distinct,
        constraint: mapped.constraint.map(|_| name.clone()),
        keys: mapped.keys,
        include: mapped.include,
        predicate: mapped.predicate,
        parent,
        options: mapped.options,
    };
    insert(catalog, oid, new);
    if let Some(index) = catalog.tables.get_mut(&oid).and_then(|table| table.indexes.get_mut(&name)) {
        index.comment = comment;
    }
}

/// The index with the other table's column numbers.
fn map_index(catalog: &Catalog, index: &Index, from: Oid, to: Oid) -> Index {
    let mut mapped = index.clone();
    let exprs = mapped.keys.iter_mut().filter_map(|key| match &mut key.value {
        IndexKeyValue::Expr(expr) => Some(expr),
        IndexKeyValue::Column(_) => None,
    });
    for expr in exprs.chain(&mut mapped.predicate) {
        rebind(catalog, expr, from, to);
    }
    let (Some(from), Some(to)) = (catalog.tables.get(&from), catalog.tables.get(&to)) else { return mapped };
    let map = |attnum: i16| {
        let name = from.column_at(attnum).map(|column| &column.name);
        name.and_then(|name| to.column(name)).map_or(0, |column| column.attnum)
    };
    for key in &mut mapped.keys {
        if let IndexKeyValue::Column(attnum) = &mut key.value {
            *attnum = map(*attnum);
        }
    }
    for key in &mut mapped.keys {
        if let IndexKeyValue::Expr(expr) = &mut key.value {
            rebind(catalog, expr, from.oid, to.oid);
        }
    }
    if let Some(predicate) = &mut mapped.predicate {
        rebind(catalog, predicate, from.oid, to.oid);
    }
    mapped.include = mapped.include.iter().map(|attnum| map(*attnum)).collect();
    mapped.old_names.iter_mut().for_each(|(attnum, _)| *attnum = map(*attnum));
    mapped
}

/// The name that PostgreSQL makes up for a copied index.
fn derived_name(catalog: &Catalog, oid: Oid, index: &Index) -> Ident {
    let Some(table) = catalog.tables.get(&oid) else { return index.name.clone() };
    let (schema, table_name) = (&table.name.schema, &table.name.name);
    if index.primary {
        return catalog.choose_index_constraint_name(schema, table_name, "", "pkey");
    }
    let name_of = |attnum: i16| {
        let old = index.old_names.iter().find(|(renamed, _)| *renamed == attnum).map(|(_, name)| name);
        old.or_else(|| table.column_at(attnum).map(|column| &column.name)).map(Ident::to_string)
    };
    let mut parts: Vec<String> = index
        .keys
        .iter()
        .map(|key| match &key.value {
            IndexKeyValue::Column(attnum) => name_of(*attnum).unwrap_or_else(|| "expr".to_string()),
            IndexKeyValue::Expr(expr) => match column_name(expr) {
                name if name == "?column?" => "expr".to_string(),
                name => name.to_string(),
            },
        })
        .collect();
    parts.extend(index.include.iter().filter_map(|attnum| name_of(*attnum)));
    let part = columns_part(distinct_parts(parts.iter().map(String::as_str)).iter().map(String::as_str));
    match &index.constraint {
        Some(_) if !index.unique => catalog.choose_index_constraint_name(schema, table_name, &part, "excl"),
        Some(_) => catalog.choose_index_constraint_name(schema, table_name, &part, "key"),
        None => catalog.choose_relation_name(schema, table_name, &part, "idx"),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_refused, check_shapes};

    #[test]
    fn names_keys_and_flags() {
        check_shapes(&[
            (
                "create table t (a int, b text, c jsonb);
                 create index on t (a); create index on t (a); create unique index on t (a, b);
                 create index on t (lower(b)); create index on t using gin (c);
                 create index named on t (b) include (a) where a > 0;
                 create index if not exists named on t (a);",
                "t",
                &[
                    "1 a integer",
                    "2 b text",
                    "3 c jsonb",
                    "index t_a_idx btree (a)",
                    "index t_a_idx1 btree (a)",
                    "index t_a_b_idx btree (a, b) unique",
                    "index t_lower_idx btree (…)",
                    "index t_c_idx gin (c)",
                    "index named btree (b) include (a) where",
                ],
            ),
            (
                "create materialized view v as select 1 as a; create unique index on v (a);",
                "v",
                &["1 a integer", "index v_a_idx btree (a) unique"],
            ),
            (
                "create table t (a int, b int); create index i on t (a, b); alter table t drop column a;",
                "t",
                &["2 b integer"],
            ),
            (
                "create table t (a int); create index i on t (a); alter index i rename to j;
                 alter table t rename column a to z;",
                "t",
                &["1 z integer", "index j btree (z)"],
            ),
        ]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check_refused(
            "create table t (a int); create index i on t (a);",
            &[
                ("create index i on t (a);", "index public.i exists already"),
                (
                    "create index on missing (a);",
                    "table public.missing is not made by any statement before this one",
                ),
                ("create index on t (z);", "column public.t.z is not made by any statement before this one"),
            ],
        );
    }
}
