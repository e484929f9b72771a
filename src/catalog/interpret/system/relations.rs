//! The relations, and their columns.

use crate::catalog::acl::Acl;
use crate::catalog::gap::Aspect;
use crate::catalog::interpret::system::rights::acl;
use crate::catalog::interpret::system::types::type_oid;
use crate::catalog::interpret::system::{Row, Wanted, row, yes_no};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Identity, Table, TableKind};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::catalog::{Catalog, Relation};
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, Persistence};

pub(super) fn tables(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let tables = wanted.tables(catalog, "tablename", "").into_iter();
    let ordinary = tables.filter(|table| table.kind != TableKind::Foreign);
    ordinary
        .map(|table| {
            row([
                ("schemaname", Value::text(&table.name.schema)),
                ("tablename", Value::text(&table.name.name)),
                ("tableowner", Value::text(&table.owner.value)),
                ("hasindexes", Value::Bool(!table.indexes.is_empty())),
                ("hastriggers", Value::Bool(!table.triggers.is_empty())),
                ("rowsecurity", Value::Bool(table.rls.value)),
            ])
        })
        .collect()
}

pub(super) fn class(name: &QName, object: Object, kind: &str, owner: &Ident) -> Row {
    row([
        ("oid", Value::Object(object)),
        ("relname", Value::text(&name.name)),
        ("relnamespace", Value::Object(Object::Namespace(name.schema.clone()))),
        ("relkind", Value::text(kind)),
        ("relowner", Value::Object(Object::Role(owner.clone()))),
    ])
}

/// The columns of `pg_class` that say something of tables alone.
pub(super) fn of_no_table() -> Row {
    row([
        ("relrowsecurity", Value::Bool(false)),
        ("relforcerowsecurity", Value::Bool(false)),
        ("relispartition", Value::Bool(false)),
        ("relpersistence", Value::text("p")),
    ])
}

pub(super) fn classes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut list = Vec::new();
    let named = || wanted.in_schemas(catalog, "relname", |qname| catalog.relation(qname));
    let all = || {
        let tables =
            catalog.tables.keys().flat_map(|oid| [Relation::Table(*oid), Relation::Index { on: *oid }]);
        let views = catalog.views.keys().map(|oid| Relation::View(*oid));
        tables.chain(views).chain(catalog.sequences.keys().map(|oid| Relation::Sequence(*oid))).collect()
    };
    let known: Vec<Relation> = match wanted.relation("oid") {
        Some(oid) if catalog.views.contains_key(&oid) => vec![Relation::View(oid)],
        Some(oid) => vec![Relation::Table(oid)],
        None => named().unwrap_or_else(all),
    };
    let granted = |name: &QName, list: &Acl, kind, owner: &Ident| {
        let is_known = !catalog.may_have_changed(name, Aspect::Grants);
        (Ident::constant("relacl"), if is_known { acl(list, kind, owner) } else { Value::Unknown })
    };
    for relation in known {
        match relation {
            Relation::Table(oid) => list.extend(catalog.tables.get(&oid).map(|table| {
                let mut class = table_class(table);
                class.push(granted(&table.name, &table.acl, ObjectKind::Table, &table.owner.value));
                class
            })),
            Relation::View(oid) => list.extend(catalog.views.get(&oid).map(|view| {
                let kind = if view.materialized { "m" } else { "v" };
                let mut class = class(&view.name, Object::Relation(oid), kind, &view.owner);
                class.extend(of_no_table());
                class.push(granted(&view.name, &view.acl, ObjectKind::Table, &view.owner));
                class
            })),
            Relation::Sequence(oid) => list.extend(catalog.sequences.get(&oid).map(|sequence| {
                let owner = &sequence.owner;
                let mut class = class(&sequence.name, Object::Relation(oid), "S", owner);
                class.extend(of_no_table());
                class.push(granted(&sequence.name, &sequence.acl, ObjectKind::Sequence, owner));
                class
            })),
            Relation::Index { on } => {
                let Some(table) = catalog.tables.get(&on) else { continue };
                for index in wanted.named(&table.indexes, "relname") {
                    let name = QName { schema: table.name.schema.clone(), name: index.name.clone() };
                    list.push(class(&name, Object::Index(index.oid), "i", &table.owner.value));
                }
            }
            Relation::Composite(oid) => list.extend(catalog.types.get(&oid).map(|user_type| {
                let mut class = class(&user_type.name, Object::Relation(oid), "c", &user_type.owner);
                class.extend(of_no_table());
                class
            })),
        }
    }
    list
}

pub(super) fn table_class(table: &Table) -> Row {
    let kind = match table.kind {
        TableKind::Ordinary => "r",
        TableKind::Partitioned => "p",
        TableKind::Foreign => "f",
    };
    let persistence = match table.persistence {
        Persistence::Permanent => "p",
        Persistence::Unlogged => "u",
        Persistence::Temporary => "t",
    };
    let mut class = class(&table.name, Object::Relation(table.oid), kind, &table.owner.value);
    class.extend(row([
        ("relrowsecurity", Value::Bool(table.rls.value)),
        ("relforcerowsecurity", Value::Bool(table.forced_rls.value)),
        ("relispartition", Value::Bool(table.is_partition)),
        ("relpersistence", Value::text(persistence)),
    ]));
    class
}

pub(super) fn views(catalog: &Catalog, materialized: bool) -> Vec<Row> {
    let all = catalog.views.values().filter(|view| view.materialized == materialized);
    all.map(|view| {
        row([
            ("schemaname", Value::text(&view.name.schema)),
            ("viewname", Value::text(&view.name.name)),
            ("matviewname", Value::text(&view.name.name)),
            ("table_schema", Value::text(&view.name.schema)),
            ("table_name", Value::text(&view.name.name)),
            ("viewowner", Value::text(&view.owner)),
        ])
    })
    .collect()
}

pub(super) fn information_tables(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let entry = |name: &QName, kind: &str| {
        row([
            ("table_schema", Value::text(&name.schema)),
            ("table_name", Value::text(&name.name)),
            ("table_type", Value::text(kind)),
        ])
    };
    let tables = wanted.tables(catalog, "table_name", "").into_iter().map(|table| {
        entry(&table.name, if table.kind == TableKind::Foreign { "FOREIGN" } else { "BASE TABLE" })
    });
    let views = wanted.views(catalog, "table_name").into_iter().filter(|view| !view.materialized);
    tables.chain(views.map(|view| entry(&view.name, "VIEW"))).collect()
}

pub(super) fn columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let tables =
        wanted.tables(catalog, "table_name", "").into_iter().map(|table| (&table.name, &table.columns));
    let views = wanted.views(catalog, "table_name").into_iter().filter(|view| !view.materialized);
    let mut list = Vec::new();
    for (name, columns) in tables.chain(views.map(|view| (&view.name, &view.columns))) {
        for column in columns.iter().filter(|column| wanted.admits("column_name", &column.name)) {
            let (udt_schema, udt_name) = underlying_name(catalog, &column.data_type.value);
            let generated = if column.generated.is_some() { "ALWAYS" } else { "NEVER" };
            let identity = column.identity.map_or(Value::Null, |identity| {
                Value::text(if identity.always { "ALWAYS" } else { "BY DEFAULT" })
            });
            list.push(row([
                ("table_schema", Value::text(&name.schema)),
                ("table_name", Value::text(&name.name)),
                ("column_name", Value::text(&column.name)),
                ("is_nullable", yes_no(!column.not_null.value)),
                ("column_default", if column.default.is_some() { Value::Something } else { Value::Null }),
                ("data_type", information_type(catalog, &column.data_type.value)),
                ("udt_schema", udt_schema),
                ("udt_name", udt_name),
                ("is_identity", yes_no(column.identity.is_some())),
                ("identity_generation", identity),
                ("is_generated", Value::text(generated)),
                ("character_maximum_length", maximum_length(column)),
                ("ordinal_position", Value::Number(i64::from(column.attnum))),
            ]));
        }
    }
    list
}

/// The type below a domain; any other as it is.
pub(super) fn underlying<'t>(catalog: &'t Catalog, data_type: &'t DataType) -> &'t DataType {
    let TypeRef::User(oid) = &data_type.base else { return data_type };
    match catalog.types.get(oid).map(|user_type| &user_type.kind) {
        Some(UserTypeKind::Domain(domain)) if !data_type.array => underlying(catalog, &domain.base),
        _ => data_type,
    }
}

/// `udt_schema` and `udt_name`: the internal name of a type, with an underscore before it for arrays.
pub(super) fn underlying_name(catalog: &Catalog, data_type: &DataType) -> (Value, Value) {
    let data_type = underlying(catalog, data_type);
    let name = match &data_type.base {
        TypeRef::Builtin(name) => Some(QName::new("pg_catalog", name.clone())),
        TypeRef::User(oid) => catalog.types.get(oid).map(|user_type| user_type.name.clone()),
        TypeRef::Row(_) | TypeRef::Unknown(_) => None,
    };
    let mark = if data_type.array { "_" } else { "" };
    match name {
        Some(QName { schema, name }) => (Value::text(&schema), Value::text(format!("{mark}{name}"))),
        None => (Value::Something, Value::Something),
    }
}

/// The length of `varchar(n)` and `char(n)`.
pub(super) fn maximum_length(column: &Column) -> Value {
    let data_type = &column.data_type.value;
    let is_limited = !data_type.array && ["varchar", "bpchar"].iter().any(|name| data_type.is_builtin(name));
    match data_type.modifiers.first() {
        Some(length) if is_limited => Value::Number(*length),
        _ => Value::Null,
    }
}

/// `information_schema.columns.data_type`: without modifiers, `ARRAY` and `USER-DEFINED` where the
/// type is no built-in scalar.
pub(super) fn information_type(catalog: &Catalog, data_type: &DataType) -> Value {
    let data_type = underlying(catalog, data_type);
    match &data_type.base {
        _ if data_type.array => Value::text("ARRAY"),
        TypeRef::Builtin(_) => {
            let plain = DataType { modifiers: Vec::new(), ..data_type.clone() };
            Value::text(plain.display(catalog))
        }
        TypeRef::User(_) | TypeRef::Row(_) => Value::text("USER-DEFINED"),
        TypeRef::Unknown(_) => Value::Unknown,
    }
}

pub(super) fn attributes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let of = wanted.relation("attrelid");
    let tables = wanted.tables(catalog, "", "attrelid").into_iter().map(|table| (table.oid, &table.columns));
    let views = catalog.views.values().filter(|view| of.is_none_or(|oid| oid == view.oid));
    let mut list = Vec::new();
    for (oid, columns) in tables.chain(views.map(|view| (view.oid, &view.columns))) {
        let columns = columns.iter().filter(|column| wanted.admits("attname", &column.name));
        list.extend(columns.map(|column| {
            let identity = match column.identity {
                Some(Identity { always: true }) => "a",
                Some(Identity { always: false }) => "d",
                None => "",
            };
            row([
                ("attrelid", Value::Object(Object::Relation(oid))),
                ("attname", Value::text(&column.name)),
                ("attnum", Value::Number(i64::from(column.attnum))),
                ("attnotnull", Value::Bool(column.not_null.value)),
                ("attisdropped", Value::Bool(false)),
                ("atttypid", type_oid(&column.data_type.value)),
                ("atttypmod", type_modifier(&column.data_type.value)),
                ("attidentity", Value::text(identity)),
                ("attgenerated", Value::text(if column.generated.is_some() { "s" } else { "" })),
                ("atthasdef", Value::Bool(column.default.is_some() || column.generated.is_some())),
            ])
        }));
    }
    list
}

/// How PostgreSQL keeps `(10, 2)` is not modelled, only that there is nothing of it.
fn type_modifier(data_type: &DataType) -> Value {
    if data_type.modifiers.is_empty() { Value::Number(-1) } else { Value::Something }
}

pub(super) fn published(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut list = Vec::new();
    for publication in catalog.publications.values() {
        let tables = wanted.tables(catalog, "tablename", "").into_iter();
        let named = tables.filter(|table| {
            publication.all_tables
                || publication.tables.contains_key(&table.oid)
                || publication.schemas.contains(&table.name.schema)
        });
        list.extend(named.map(|table| {
            row([
                ("pubname", Value::text(&publication.name)),
                ("schemaname", Value::text(&table.name.schema)),
                ("tablename", Value::text(&table.name.name)),
            ])
        }));
    }
    list
}
