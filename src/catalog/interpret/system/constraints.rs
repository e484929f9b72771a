//! Constraints and indexes.

use crate::catalog::index::Index;
use crate::catalog::interpret::system::{Row, Wanted, row};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::table::{Constraint, ConstraintKind, Table};
use crate::catalog::types::UserTypeKind;
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::statement::ReferentialAction;

pub(super) fn constraint_kind(kind: &ConstraintKind) -> (&'static str, &'static str) {
    match kind {
        ConstraintKind::PrimaryKey { .. } => ("p", "PRIMARY KEY"),
        ConstraintKind::Unique { .. } => ("u", "UNIQUE"),
        ConstraintKind::ForeignKey(_) => ("f", "FOREIGN KEY"),
        ConstraintKind::Check { .. } => ("c", "CHECK"),
        ConstraintKind::Exclude { .. } => ("x", "EXCLUDE"),
    }
}

pub(super) fn constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    if wanted.text("conname").is_some_and(|name| !catalog.may_have_constraint(name)) {
        return Vec::new();
    }
    let mut rows = each_constraint(catalog, wanted, ("conname", ""), |table, constraint| {
        let (references, referenced) = match &constraint.kind {
            ConstraintKind::ForeignKey(key) => {
                (Value::Object(Object::Relation(key.references)), numbers(&key.referenced_columns))
            }
            _ => (Value::Number(0), Value::Null),
        };
        let (deleted, updated) = match &constraint.kind {
            ConstraintKind::ForeignKey(key) => (action(key.on_delete).0, action(key.on_update).0),
            _ => (" ", " "),
        };
        row([
            ("oid", Value::Object(Object::Constraint(table.oid, constraint.name.clone()))),
            ("conname", Value::text(&constraint.name)),
            ("conrelid", Value::Object(Object::Relation(table.oid))),
            ("contype", Value::text(constraint_kind(&constraint.kind).0)),
            ("connamespace", Value::Object(Object::Namespace(table.name.schema.clone()))),
            ("conkey", numbers(constraint.columns())),
            ("convalidated", Value::Bool(constraint.validated.value)),
            ("condeferrable", Value::Bool(constraint.deferrable)),
            ("condeferred", Value::Bool(constraint.initially_deferred)),
            ("contypid", Value::Number(0)),
            ("confrelid", references),
            ("confkey", referenced),
            ("confdeltype", Value::text(deleted)),
            ("confupdtype", Value::text(updated)),
        ])
    });
    rows.extend(domain_constraints(catalog, wanted));
    for table in wanted.tables(catalog, "", "conrelid") {
        let names = table.triggers.values().filter_map(|trigger| trigger.constraint.as_ref());
        rows.extend(names.filter(|name| wanted.admits("conname", name)).map(|name| {
            row([
                ("oid", Value::Something),
                ("conname", Value::text(name)),
                ("conrelid", Value::Object(Object::Relation(table.oid))),
                ("contype", Value::text("t")),
                ("connamespace", Value::Object(Object::Namespace(table.name.schema.clone()))),
                ("conkey", Value::Null),
                ("convalidated", Value::Bool(true)),
                ("condeferrable", Value::Unknown),
                ("confrelid", Value::Unknown),
                ("confkey", Value::Null),
            ])
        }));
    }
    rows
}

/// The checks of domains.
pub(super) fn domain_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    if wanted.relation("conrelid").is_some() {
        return Vec::new();
    }
    let mut list = Vec::new();
    for user_type in catalog.types.values() {
        let UserTypeKind::Domain(domain) = &user_type.kind else { continue };
        list.extend(domain.checks.iter().filter(|name| wanted.admits("conname", name)).map(|name| {
            row([
                ("oid", Value::Something),
                ("conname", Value::text(name)),
                ("conrelid", Value::Number(0)),
                ("contypid", Value::Object(Object::Type(user_type.oid))),
                ("contype", Value::text("c")),
                ("connamespace", Value::Object(Object::Namespace(user_type.name.schema.clone()))),
            ])
        }));
    }
    list
}

/// What happens to rows that refer to another, as `pg_constraint` and `information_schema` have it.
pub(super) fn action(action: ReferentialAction) -> (&'static str, &'static str) {
    match action {
        ReferentialAction::NoAction => ("a", "NO ACTION"),
        ReferentialAction::Restrict => ("r", "RESTRICT"),
        ReferentialAction::Cascade => ("c", "CASCADE"),
        ReferentialAction::SetNull => ("n", "SET NULL"),
        ReferentialAction::SetDefault => ("d", "SET DEFAULT"),
    }
}

pub(super) fn foreign_keys(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut rows = each_constraint(catalog, wanted, ("constraint_name", ""), |table, constraint| {
        let ConstraintKind::ForeignKey(key) = &constraint.kind else { return Row::new() };
        row([
            ("constraint_schema", Value::text(&table.name.schema)),
            ("constraint_name", Value::text(&constraint.name)),
            ("delete_rule", Value::text(action(key.on_delete).1)),
            ("update_rule", Value::text(action(key.on_update).1)),
        ])
    });
    rows.retain(|row| !row.is_empty());
    rows
}

/// Numbers of columns.
pub(super) fn numbers(attnums: &[i16]) -> Value {
    Value::List(attnums.iter().map(|attnum| Value::Number(i64::from(*attnum))).collect())
}

pub(super) fn table_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    each_constraint(catalog, wanted, ("constraint_name", "table_name"), |table, constraint| {
        row([
            ("constraint_schema", Value::text(&table.name.schema)),
            ("constraint_name", Value::text(&constraint.name)),
            ("table_schema", Value::text(&table.name.schema)),
            ("table_name", Value::text(&table.name.name)),
            ("constraint_type", Value::text(constraint_kind(&constraint.kind).1)),
        ])
    })
}

/// Those of NOT NULL, which have no names of their own before PostgreSQL 18, are left out.
pub(super) fn check_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut rows = each_constraint(catalog, wanted, ("constraint_name", ""), |table, constraint| {
        let text = match &constraint.kind {
            ConstraintKind::Check { .. } => catalog.constraint_definition(table, constraint),
            _ => return Row::new(),
        };
        let clause = text.map(|text| text.trim_start_matches("CHECK ").to_string());
        row([
            ("constraint_schema", Value::text(&table.name.schema)),
            ("constraint_name", Value::text(&constraint.name)),
            ("check_clause", clause.map_or(Value::Something, Value::text)),
        ])
    });
    rows.retain(|row| !row.is_empty());
    rows
}

/// The columns that constraints use: of foreign keys, those that they refer to.
pub(super) fn constraint_columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut list = Vec::new();
    each_constraint(catalog, wanted, ("constraint_name", ""), |table, constraint| {
        let (used, attnums) = match &constraint.kind {
            ConstraintKind::ForeignKey(key) => {
                (catalog.tables.get(&key.references), key.referenced_columns.as_slice())
            }
            _ => (Some(table), constraint.columns()),
        };
        for column in used.iter().flat_map(|used| &used.columns) {
            if let Some(used) = used.filter(|_| attnums.contains(&column.attnum)) {
                list.push(row([
                    ("table_schema", Value::text(&used.name.schema)),
                    ("table_name", Value::text(&used.name.name)),
                    ("column_name", Value::text(&column.name)),
                    ("constraint_schema", Value::text(&table.name.schema)),
                    ("constraint_name", Value::text(&constraint.name)),
                ]));
            }
        }
    });
    list
}

/// The columns of keys; those of checks are not listed there.
pub(super) fn key_columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut list = Vec::new();
    for table in wanted.tables(catalog, "table_name", "") {
        for constraint in wanted.named(&table.constraints, "constraint_name") {
            let columns: &[i16] = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => columns,
                ConstraintKind::ForeignKey(key) => &key.columns,
                ConstraintKind::Check { .. } | ConstraintKind::Exclude { .. } => &[],
            };
            for (position, attnum) in (1..).zip(columns) {
                let column = table.columns.iter().find(|column| column.attnum == *attnum);
                list.push(row([
                    ("constraint_schema", Value::text(&table.name.schema)),
                    ("constraint_name", Value::text(&constraint.name)),
                    ("table_schema", Value::text(&table.name.schema)),
                    ("table_name", Value::text(&table.name.name)),
                    ("column_name", column.map_or(Value::Unknown, |column| Value::text(&column.name))),
                    ("ordinal_position", Value::Number(position)),
                ]));
            }
        }
    }
    list
}

pub(super) fn each_constraint<T>(
    catalog: &Catalog,
    wanted: &Wanted,
    (name, table): (&str, &str),
    mut visit: impl FnMut(&Table, &Constraint) -> T,
) -> Vec<T> {
    if wanted.text(name).is_some_and(|name| !catalog.may_have_constraint(name)) {
        return Vec::new();
    }
    let mut list = Vec::new();
    for table in wanted.tables(catalog, table, "conrelid") {
        let constraints = wanted.named(&table.constraints, name).into_iter();
        list.extend(constraints.map(|constraint| visit(table, constraint)));
    }
    list
}

pub(super) fn index_rows(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let tables = wanted.tables(catalog, "", "indrelid").into_iter().map(|table| (table.oid, &table.indexes));
    let of = wanted.relation("indrelid");
    let views = catalog.views.values().filter(|view| of.is_none_or(|oid| oid == view.oid));
    let views = views.map(|view| (view.oid, &view.indexes));
    let all = tables.chain(views).flat_map(|(on, indexes)| indexes.values().map(move |index| (on, index)));
    all.map(|(on, index)| {
        row([
            ("indexrelid", Value::Object(Object::Index(index.oid))),
            ("indrelid", Value::Object(Object::Relation(on))),
            ("indisunique", Value::Bool(index.unique)),
            ("indisprimary", Value::Bool(index.primary)),
            ("indkey", indexed_columns(index)),
            ("indisvalid", Value::Bool(index.valid)),
            ("indisready", Value::Bool(true)),
        ])
    })
    .collect()
}

/// The columns of an index, 0 for expressions.
pub(super) fn indexed_columns(index: &Index) -> Value {
    let keys = index.columns().into_iter().map(Option::unwrap_or_default);
    numbers(&keys.chain(index.include.iter().copied()).collect::<Vec<_>>())
}

pub(super) fn indexes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let named: Option<Vec<Oid>> =
        wanted.in_schemas(catalog, "indexname", |qname| match catalog.relation(qname) {
            Some(Relation::Index { on }) => Some(on),
            _ => None,
        });
    let tables: Vec<&Table> = match &named {
        Some(on) => on.iter().filter_map(|oid| catalog.tables.get(oid)).collect(),
        None => wanted.tables(catalog, "tablename", ""),
    };
    let views: Vec<&View> = match &named {
        Some(on) => on.iter().filter_map(|oid| catalog.views.get(oid)).collect(),
        None => catalog.views.values().collect(),
    };
    let on_tables = tables.iter().flat_map(|table| {
        let indexes = wanted.named(&table.indexes, "indexname").into_iter();
        indexes.map(|index| (&table.name, &index.name, catalog.index_definition(table, index)))
    });
    let on_views = views.iter().flat_map(|view| {
        wanted.named(&view.indexes, "indexname").into_iter().map(|index| (&view.name, &index.name, None))
    });
    on_tables
        .chain(on_views)
        .map(|(on, name, definition)| {
            row([
                ("schemaname", Value::text(&on.schema)),
                ("tablename", Value::text(&on.name)),
                ("indexname", Value::text(name)),
                ("indexdef", definition.map_or(Value::Something, Value::text)),
            ])
        })
        .collect()
}
