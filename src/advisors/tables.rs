//! Tables, their keys, indexes and columns.

use serde_json::json;

use super::{Lint, Row, array_text, is_readable, is_served, is_system};
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::index::Index;
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Constraint, ConstraintKind, Table, TableKind};
use crate::catalog::types::{Attribute, DataType, TypeRef, UserType, UserTypeKind};
use crate::diagnostic::Identity;
use crate::source::Span;
use crate::sql::name::Ident;

const UNINDEXED_KEY: Lint = Lint::new("unindexed_foreign_keys", "INFO", "PERFORMANCE");
const NO_PRIMARY_KEY: Lint = Lint::new("no_primary_key", "INFO", "PERFORMANCE");
const DUPLICATE_INDEX: Lint = Lint::new("duplicate_index", "WARN", "PERFORMANCE");
const REG_TYPE: Lint = Lint::new("unsupported_reg_types", "WARN", "SECURITY");
const KEY_TO_AUTH: Lint = Lint::new("fkey_to_auth_unique", "ERROR", "SECURITY");
const SENSITIVE_COLUMNS: Lint = Lint::new("sensitive_columns_exposed", "ERROR", "SECURITY");

pub(super) fn rows(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    let shape = catalog.doubts(&[Aspect::Shape]);
    let indexes = catalog.doubts(&[Aspect::Indexes, Aspect::Shape]);
    let rights = catalog.doubts(&[Aspect::Grants, Aspect::Rls]);
    for table in catalog.tables.values().filter(|table| table.extension.is_none()) {
        if !shape.concern(&table.name) {
            rows.extend(reg_types(&table.name, &table.columns, &table.indexes));
            rows.extend(keys_to_auth(catalog, table));
            if !is_system(&table.name.schema) {
                rows.extend(no_primary_key(table));
            }
            if !rights.concern(&table.name) {
                rows.extend(sensitive_columns(catalog, table));
            }
        }
        if !is_system(&table.name.schema) && !indexes.concern(&table.name) {
            rows.extend(unindexed_keys(table));
            if table.kind == TableKind::Ordinary {
                rows.extend(duplicate_indexes(&table.name, "table", table.indexes.values()));
            }
        }
    }
    for view in catalog.views.values().filter(|view| view.extension.is_none()) {
        if !shape.concern(&view.name) {
            rows.extend(reg_types(&view.name, &view.columns, &view.indexes));
        }
        if !is_system(&view.name.schema) && !indexes.concern(&view.name) {
            rows.extend(duplicate_indexes(&view.name, "materialized view", view.indexes.values()));
        }
    }
    for own in catalog.types.values().filter(|own| own.extension.is_none() && !shape.concern(&own.name)) {
        rows.extend(reg_attributes(own));
    }
    rows
}

fn foreign_keys(table: &Table) -> impl Iterator<Item = (&Constraint, &crate::catalog::table::ForeignKey)> {
    table.constraints.values().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some((constraint, key)),
        _ => None,
    })
}

/// Included columns count and any predicate does; another order of the same columns does not.
fn unindexed_keys(table: &Table) -> Vec<Row> {
    let serves = |index: &Index, columns: &[i16]| {
        let all: Vec<Option<i16>> =
            index.columns().into_iter().chain(index.include.iter().copied().map(Some)).collect();
        index.valid
            && all.len() >= columns.len()
            && all.iter().zip(columns).all(|(key, own)| *key == Some(*own))
    };
    let (schema, name) = (&table.name.schema, &table.name.name);
    foreign_keys(table)
        .filter(|(_, key)| !table.indexes.values().any(|index| serves(index, &key.columns)))
        .map(|(constraint, key)| {
            let own = &constraint.name;
            UNINDEXED_KEY.row(
                &format!("{schema}_{name}_{own}"),
                json!({"schema": schema.as_str(), "name": name.as_str(), "type": "table", "fkey_name": own.as_str(), "fkey_columns": key.columns}),
                format!("Table `{schema}.{name}` has a foreign key `{own}` without a covering index. This can lead to suboptimal query performance."),
                Identity::part("constraint", &table.name, own.to_string()),
                constraint.history.created.span(),
            )
        })
        .collect()
}

fn no_primary_key(table: &Table) -> Option<Row> {
    let has_key = table.indexes.values().any(|index| index.primary);
    let (schema, name) = (&table.name.schema, &table.name.name);
    (table.kind == TableKind::Ordinary && !has_key).then(|| {
        NO_PRIMARY_KEY.row(
            &format!("{schema}_{name}"),
            table_metadata(&table.name),
            format!("Table `{schema}.{name}` does not have a primary key"),
            Identity::new("table", &table.name),
            table.name_span,
        )
    })
}

pub(super) fn table_metadata(name: &QName) -> serde_json::Value {
    json!({"schema": name.schema.as_str(), "name": name.name.as_str(), "type": "table"})
}

/// Indexes that differ in nothing but their name.
fn duplicate_indexes<'a>(name: &QName, kind: &str, indexes: impl Iterator<Item = &'a Index>) -> Vec<Row> {
    let is_twin = |one: &Index, other: &Index| {
        one.unique == other.unique
            && one.include == other.include
            && one.nulls_not_distinct == other.nulls_not_distinct
            && one.options == other.options
            && one.finds_the_same_as(other)
    };
    let mut groups: Vec<Vec<&Index>> = Vec::new();
    for index in indexes {
        match groups.iter_mut().find(|group| is_twin(group[0], index)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let (schema, table) = (&name.schema, &name.name);
    groups
        .into_iter()
        .filter(|group| group.len() > 1)
        .map(|group| {
            let mut names: Vec<&str> = group.iter().map(|index| index.name.as_str()).collect();
            names.sort_unstable();
            let last = group[group.len() - 1];
            let listed = array_text(&names);
            DUPLICATE_INDEX.row(
                &format!("{schema}_{table}_{listed}"),
                json!({"schema": schema.as_str(), "name": table.as_str(), "type": kind, "indexes": names}),
                format!(
                    "Table `{schema}.{table}` has identical indexes {listed}. Drop all except one of them"
                ),
                Identity::part("index", name, last.name.to_string()),
                last.name_span,
            )
        })
        .collect()
}

/// Columns of a relation, and of the indexes on them.
fn reg_types(name: &QName, columns: &[Column], indexes: &crate::map::IndexMap<Ident, Index>) -> Vec<Row> {
    let mut rows = Vec::new();
    for column in columns {
        let holding = indexes.values().filter(|index| {
            index.columns().contains(&Some(column.attnum)) || index.include.contains(&column.attnum)
        });
        for relation in std::iter::once(&name.name).chain(holding.map(|index| &index.name)) {
            let object = Identity::part("column", name, column.name.to_string());
            let data_type = &column.data_type.value;
            rows.extend(reg_row((&name.schema, relation), &column.name, data_type, object, column.name_span));
        }
    }
    rows
}

/// The attributes of a composite type, which is a relation to PostgreSQL.
fn reg_attributes(composite: &UserType) -> Vec<Row> {
    let UserTypeKind::Composite { attributes } = &composite.kind else { return Vec::new() };
    let name = &composite.name;
    let row = |attribute: &Attribute| {
        let object = Identity::new("type", name);
        let place = composite.history.created.span();
        reg_row((&name.schema, &name.name), &attribute.name, &attribute.data_type, object, place)
    };
    attributes.iter().filter_map(row).collect()
}

fn reg_row(
    (schema, relation): (&Ident, &Ident),
    column: &Ident,
    data_type: &DataType,
    object: Identity,
    place: Option<Span>,
) -> Option<Row> {
    let data_type = reg_type(data_type)?;
    Some(REG_TYPE.row(
        &format!("{schema}_{relation}_{column}"),
        json!({"schema": schema.as_str(), "name": relation.as_str(), "column": column.as_str(), "type": "table"}),
        format!("Table `{schema}.{relation}` has a column `{column}` with unsupported reg* type `{data_type}`."),
        object,
        place,
    ))
}

fn reg_type(data_type: &DataType) -> Option<&Ident> {
    match &data_type.base {
        TypeRef::Builtin(name) if !data_type.array && data_type.names_system_objects() => Some(name),
        _ => None,
    }
}

fn keys_to_auth(catalog: &Catalog, table: &Table) -> Vec<Row> {
    let (schema, name) = (&table.name.schema, &table.name.name);
    let is_to_unique = |key: &crate::catalog::table::ForeignKey| {
        let Some(there) = catalog.tables.get(&key.references) else { return false };
        let primary =
            there.indexes.values().any(|index| index.primary && index.is_key_of(&key.referenced_columns));
        there.name.schema == "auth" && !primary
    };
    let own = foreign_keys(table).filter(|(constraint, _)| constraint.history.created.span().is_some());
    own.filter(|(_, key)| is_to_unique(key))
        .map(|(constraint, _)| {
            let own = &constraint.name;
            KEY_TO_AUTH.row(
                &format!("{schema}_{name}_{own}"),
                json!({"schema": schema.as_str(), "name": name.as_str(), "foreign_key": own.as_str()}),
                format!("Table `{schema}`.`{name}` has a foreign key `{own}` referencing an auth unique constraint"),
                Identity::part("constraint", &table.name, own.to_string()),
                constraint.history.created.span(),
            )
        })
        .collect()
}

/// Names of columns that splinter takes for secrets.
#[rustfmt::skip]
const SENSITIVE: [&str; 67] = [
    "password", "passwd", "pwd", "passphrase", "secret", "secret_key", "private_key", "api_key", "apikey", "auth_key",
    "token", "jwt", "access_token", "refresh_token", "oauth_token", "session_token", "bearer_token", "auth_code",
    "session_id", "session_key", "session_secret", "recovery_code", "backup_code", "verification_code", "otp",
    "two_factor", "2fa_secret", "2fa_code", "ssn", "social_security", "social_security_number", "driver_license",
    "drivers_license", "license_number", "passport_number", "passport_id", "national_id", "tax_id", "credit_card",
    "card_number", "cvv", "cvc", "cvn", "bank_account", "account_number", "routing_number", "iban", "swift_code",
    "bic", "health_record", "medical_record", "patient_id", "insurance_number", "health_insurance",
    "medical_insurance", "treatment", "mac_address", "macaddr", "imei", "device_uuid", "pgp_key", "gpg_key",
    "ssh_key", "certificate", "license_key", "activation_key", "facial_recognition",
];

fn sensitive_columns(catalog: &Catalog, table: &Table) -> Option<Row> {
    let exposed = table.kind == TableKind::Ordinary
        && !table.rls.value
        && is_served(catalog, &table.name)
        && is_readable(catalog, &table.acl);
    let pattern = |column: &Column| column.name.to_lowercase().replace('-', "_");
    let mut found: Vec<&Column> = table
        .columns
        .iter()
        .filter(|column| exposed && SENSITIVE.contains(&pattern(column).as_str()))
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let first = found.first()?;
    let columns: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    let mut patterns: Vec<String> = found.iter().map(|column| pattern(column)).collect();
    patterns.sort();
    patterns.dedup();
    let (schema, name) = (&table.name.schema, &table.name.name);
    Some(SENSITIVE_COLUMNS.row(
        &format!("{schema}_{name}"),
        json!({"schema": schema.as_str(), "name": name.as_str(), "type": "table", "sensitive_columns": columns, "matched_patterns": patterns}),
        format!("Table `{schema}.{name}` is exposed via API without RLS and contains potentially sensitive column(s): {}. This may lead to data exposure.", columns.join(", ")),
        Identity::new("table", &table.name),
        first.name_span,
    ))
}
