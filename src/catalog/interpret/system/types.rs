//! Types.

use crate::catalog::interpret::system::{Row, Wanted, row};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::types::{DataType, TypeRef, UserType, UserTypeKind};
use crate::catalog::{Catalog, Relation};
use crate::sql::name::Ident;

pub(super) fn types(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let named =
        wanted.in_schemas(catalog, "typname", |qname| catalog.types.get(catalog.type_names.get(qname)?));
    let all = named.unwrap_or_else(|| catalog.types.values().collect()).into_iter();
    let own = all.map(|user_type| {
        let kind = match user_type.kind {
            UserTypeKind::Enum { .. } => "e",
            UserTypeKind::Domain(_) => "d",
            UserTypeKind::Composite { .. } => "c",
            UserTypeKind::Range => "r",
            UserTypeKind::Multirange { .. } => "m",
            UserTypeKind::Base => "b",
        };
        row([
            ("oid", Value::Object(Object::Type(user_type.oid))),
            ("typname", Value::text(&user_type.name.name)),
            ("typnamespace", Value::Object(Object::Namespace(user_type.name.schema.clone()))),
            ("typtype", Value::text(kind)),
        ])
    });
    own.chain(implied_types(catalog, wanted)).collect()
}

/// Of the types that nobody makes, those with the wanted name: PostgreSQL's own, and the rows of a relation.
pub(super) fn implied_types(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let entry = |name: &Ident, schema: Ident, oid: Value, kind: &str| {
        row([
            ("oid", oid),
            ("typname", Value::text(name)),
            ("typnamespace", Value::Object(Object::Namespace(schema))),
            ("typtype", Value::text(kind)),
        ])
    };
    let Some(name) = wanted.text("typname").map(Ident::new) else { return Vec::new() };
    let built_in = catalog
        .type_in(&"pg_catalog".into(), &name)
        .map(|data_type| entry(&name, "pg_catalog".into(), type_oid(&data_type), "b"));
    let relations = wanted.in_schemas(catalog, "typname", |qname| match catalog.relation(qname)? {
        Relation::Table(_) | Relation::View(_) => Some(qname.schema.clone()),
        _ => None,
    });
    let rows = relations.into_iter().flatten();
    built_in.into_iter().chain(rows.map(|schema| entry(&name, schema, Value::Something, "c"))).collect()
}

pub(super) fn enums(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let mut list = Vec::new();
    let types: Vec<&UserType> = match wanted.get("enumtypid") {
        Some(Value::Object(Object::Type(oid))) => catalog.types.get(oid).into_iter().collect(),
        _ => catalog.types.values().collect(),
    };
    for user_type in types {
        if let UserTypeKind::Enum { labels } = &user_type.kind {
            list.extend(labels.iter().map(|label| {
                row([
                    ("enumtypid", Value::Object(Object::Type(user_type.oid))),
                    ("enumlabel", Value::text(label)),
                ])
            }));
        }
    }
    list
}

/// The identity of a type.
pub(in crate::catalog::interpret) fn type_oid(data_type: &DataType) -> Value {
    match &data_type.base {
        TypeRef::User(oid) if !data_type.array => Value::Object(Object::Type(*oid)),
        TypeRef::Unknown(_) => Value::Something,
        _ => Value::Object(Object::Builtin(DataType { modifiers: Vec::new(), ..data_type.clone() })),
    }
}
