//! The system catalogs and views that migrations ask, made of the model. A column that the model
//! cannot fill reads as unknown.

mod constraints;
mod relations;
mod rights;
mod routines;
mod types;

use std::cell::RefCell;

use crate::map::IndexMap;
use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::consequence::Space;
use crate::catalog::depend::Object as Depended;
use crate::catalog::interpret::query::Record as Row;
use crate::catalog::interpret::system::constraints::{
    check_constraints, constraint_columns, constraints, foreign_keys, index_rows, indexes, key_columns,
    table_constraints,
};
use crate::catalog::interpret::system::relations::{
    attributes, classes, columns, information_tables, published, tables, views,
};
pub(super) use crate::catalog::interpret::system::rights::acl_items;
use crate::catalog::interpret::system::rights::{acl, memberships, policies, roles, table_grants};
use crate::catalog::interpret::system::routines::{functions, information_triggers, routines, triggers};
pub(super) use crate::catalog::interpret::system::types::type_oid;
use crate::catalog::interpret::system::types::{enums, types};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::name::QName;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::ObjectKind;

/// Columns that a query compares with values known beforehand. Rows that differ may be left out, and
/// are where that saves going through the whole catalog.
#[derive(Default)]
pub(super) struct Wanted(pub(super) Vec<(Ident, Value)>);

/// What policies say, as a server prints it: by table, policy, and whether it is the WITH CHECK.
pub(super) type Printed = RefCell<FxHashMap<(Oid, Ident, bool), Value>>;

/// Columns that hold it.
pub(super) const CONDITIONS: [&str; 4] = ["polqual", "polwithcheck", "qual", "with_check"];

/// Columns by which rows are found without going through the whole catalog.
const INDEXED: [&str; 20] = [
    "attrelid",
    "conname",
    "conrelid",
    "constraint_name",
    "enumtypid",
    "event_object_table",
    "indexname",
    "indrelid",
    "nspname",
    "objid",
    "oid",
    "polrelid",
    "proname",
    "relname",
    "rolname",
    "routine_name",
    "table_name",
    "tablename",
    "tgrelid",
    "typname",
];

impl Wanted {
    /// Whether it spares going through the whole catalog.
    pub(super) fn is_narrow(&self) -> bool {
        self.0.iter().any(|(name, _)| INDEXED.contains(&name.as_str()))
    }

    fn get(&self, column: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| *name == *column).map(|(_, value)| value)
    }

    fn text(&self, column: &str) -> Option<&str> {
        match self.get(column) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn relation(&self, column: &str) -> Option<Oid> {
        match self.get(column) {
            Some(Value::Object(Object::Relation(oid))) => Some(*oid),
            _ => None,
        }
    }

    /// The tables whose name or identity is wanted; all where neither is.
    fn tables<'c>(&self, catalog: &'c Catalog, name: &str, identity: &str) -> Vec<&'c Table> {
        match self.get(identity) {
            Some(Value::Object(Object::Relation(oid))) => {
                return catalog.tables.get(oid).into_iter().collect();
            }
            // An index, or something else that is no table.
            Some(Value::Object(_)) => return Vec::new(),
            _ => {}
        }
        let named = self.in_schemas(catalog, name, |qname| catalog.table(qname));
        named.unwrap_or_else(|| catalog.tables.values().collect())
    }

    /// The views whose name is wanted; all where none is.
    fn views<'c>(&self, catalog: &'c Catalog, name: &str) -> Vec<&'c View> {
        let named = self.in_schemas(catalog, name, |qname| catalog.view(qname));
        named.unwrap_or_else(|| catalog.views.values().collect())
    }

    /// What has the name that a column is wanted to hold, in the wanted schema or in any; `None` where no
    /// name is wanted.
    fn in_schemas<T>(
        &self,
        catalog: &Catalog,
        column: &str,
        find: impl Fn(&QName) -> Option<T>,
    ) -> Option<Vec<T>> {
        let name = Ident::new(self.text(column)?);
        let find = |schema: Ident| find(&QName { schema, name: name.clone() });
        Some(match self.get(schema_beside(column)) {
            Some(Value::Text(schema)) => find(Ident::new(schema)).into_iter().collect(),
            Some(Value::Object(Object::Namespace(schema))) => find(schema.clone()).into_iter().collect(),
            _ => catalog.namespaces.keys().cloned().filter_map(find).collect(),
        })
    }

    /// Whether a name may be the wanted one.
    fn admits(&self, column: &str, name: &Ident) -> bool {
        self.text(column).is_none_or(|wanted| *name == *wanted)
    }

    /// The entries of a map with the wanted name; all where none is wanted.
    fn named<'m, T>(&self, map: &'m IndexMap<Ident, T>, column: &str) -> Vec<&'m T> {
        match self.text(column) {
            Some(name) => map.get(name).into_iter().collect(),
            None => map.values().collect(),
        }
    }
}

/// The column that holds the schema of what another one names.
fn schema_beside(column: &str) -> &'static str {
    match column {
        "event_object_table" => "event_object_schema",
        "indexname" | "tablename" => "schemaname",
        "proname" => "pronamespace",
        "relname" => "relnamespace",
        "routine_name" => "routine_schema",
        "table_name" => "table_schema",
        "typname" => "typnamespace",
        _ => "",
    }
}

/// The rows of a system catalog or view; `None` for any other relation.
/// [`CONDITIONS`] hold values only where it is given what was printed.
pub(super) fn rows(
    catalog: &Catalog,
    name: &ObjectName,
    wanted: &Wanted,
    printed: Option<&Printed>,
) -> Option<Vec<Row>> {
    let mut rows = all_rows(catalog, name, wanted, printed)?;
    if catalog.has_failing() {
        rows.retain(|row| !is_never_made(catalog, row));
    }
    Some(rows)
}

/// Columns that hold the schema of what a row is about.
const SCHEMAS: [&str; 4] = ["event_object_schema", "routine_schema", "schemaname", "table_schema"];

/// Columns that hold the name of a relation in that schema.
const RELATIONS: [&str; 5] = ["event_object_table", "matviewname", "table_name", "tablename", "viewname"];

/// Whether PostgreSQL has no such row: the statement that was to make what it is about fails.
fn is_never_made(catalog: &Catalog, row: &Row) -> bool {
    let text = |columns: &[&str]| {
        row.iter().find_map(|(column, value)| match value {
            Value::Text(text) if columns.contains(&column.as_str()) => Some(Ident::new(text)),
            _ => None,
        })
    };
    let named = |name| Some(QName { schema: text(&SCHEMAS)?, name });
    let routine = || text(&["routine_name"]).and_then(named);
    if routine().is_some_and(|name| catalog.lacks(Space::Routine, &name)) {
        return true;
    }
    let objects = row.iter().filter_map(|(_, value)| match value {
        Value::Object(object) => made(catalog, object),
        _ => None,
    });
    let relation = text(&RELATIONS).and_then(named).and_then(|name| catalog.relation_named(&name));
    let held: Vec<Depended> = objects.chain(relation).collect();
    let of_table = held.iter().filter_map(|object| match object {
        Depended::Table(oid) => catalog.tables.get(oid),
        _ => None,
    });
    let part = |table: &Table| {
        let column = text(&["attname", "column_name"]).and_then(|name| table.column(&name));
        let column = column.map(|column| Depended::Column(table.oid, column.attnum));
        let constraint = text(&["conname", "constraint_name"]);
        let constraint = constraint.map(|name| Depended::Constraint(table.oid, name));
        let policy = text(&["polname", "policyname"]).map(|name| Depended::Policy(table.oid, name));
        let trigger = text(&["tgname", "trigger_name"]).map(|name| Depended::Trigger(table.oid, name));
        let index = text(&["indexname"]).map(|name| Depended::Index(table.oid, name));
        [column, constraint, policy, trigger, index]
            .into_iter()
            .flatten()
            .any(|part| catalog.is_never_made(&part))
    };
    held.iter().any(|object| catalog.is_never_made(object)) || of_table.into_iter().any(part)
}

/// The object of the catalog that a value stands for.
fn made(catalog: &Catalog, object: &Object) -> Option<Depended> {
    Some(match object {
        Object::Relation(oid) if catalog.views.contains_key(oid) => Depended::View(*oid),
        Object::Relation(oid) => Depended::Table(*oid),
        Object::Function(oid) => Depended::Function(*oid),
        Object::Type(oid) => Depended::Type(*oid),
        _ => return None,
    })
}

fn all_rows(
    catalog: &Catalog,
    name: &ObjectName,
    wanted: &Wanted,
    printed: Option<&Printed>,
) -> Option<Vec<Row>> {
    let schema = name.schema.as_deref().unwrap_or("pg_catalog");
    Some(match (schema, name.name.as_str()) {
        ("pg_catalog", "pg_policies") => policies(catalog, wanted, printed, false),
        ("pg_catalog", "pg_policy") => policies(catalog, wanted, printed, true),
        ("pg_catalog", "pg_tables") => tables(catalog, wanted),
        ("pg_catalog", "pg_class") => classes(catalog, wanted),
        ("pg_catalog", "pg_namespace") => namespaces(catalog, wanted),
        ("information_schema", "schemata") => {
            let own = catalog.namespaces.keys().map(Ident::as_str);
            own.chain(SERVER_SCHEMAS).map(|name| row([("schema_name", Value::text(name))])).collect()
        }
        ("pg_catalog", "pg_proc") => functions(catalog, wanted),
        ("information_schema", "routines") => routines(catalog, wanted),
        ("pg_catalog", "pg_type") => types(catalog, wanted),
        ("pg_catalog", "pg_enum") => enums(catalog, wanted),
        ("pg_catalog", "pg_constraint") => constraints(catalog, wanted),
        ("information_schema", "table_constraints") => table_constraints(catalog, wanted),
        ("information_schema", "key_column_usage") => key_columns(catalog, wanted),
        ("information_schema", "check_constraints") => check_constraints(catalog, wanted),
        ("information_schema", "constraint_column_usage") => constraint_columns(catalog, wanted),
        ("information_schema", "referential_constraints") => foreign_keys(catalog, wanted),
        ("pg_catalog", "pg_index") => index_rows(catalog, wanted),
        ("pg_catalog", "pg_indexes") => indexes(catalog, wanted),
        ("pg_catalog", "pg_trigger") => triggers(catalog, wanted),
        ("information_schema", "triggers") => information_triggers(catalog, wanted),
        ("pg_catalog", "pg_publication") => catalog
            .publications
            .values()
            .map(|publication| {
                row([
                    ("pubname", Value::text(&publication.name)),
                    ("pubowner", Value::Object(Object::Role(publication.owner.clone()))),
                    ("puballtables", Value::Bool(publication.all_tables)),
                    ("pubviaroot", Value::Bool(publication.via_root)),
                ])
            })
            .collect(),
        ("pg_catalog", "pg_publication_tables") => published(catalog, wanted),
        ("pg_catalog", "pg_roles" | "pg_authid") => roles(catalog, |_| true),
        ("pg_catalog", "pg_auth_members") => memberships(catalog),
        ("pg_catalog", "pg_user") => roles(catalog, |role| role.login),
        ("pg_catalog", "pg_extension") => catalog
            .extensions
            .values()
            .map(|extension| {
                row([
                    ("oid", Value::Object(Object::Extension(extension.name.clone()))),
                    ("extname", Value::text(&extension.name)),
                    ("extnamespace", Value::Object(Object::Namespace(extension.schema.value.clone()))),
                ])
            })
            .collect(),
        ("pg_catalog", "pg_depend") => members(catalog, wanted)?,
        ("pg_catalog", "pg_event_trigger") => {
            catalog.event_triggers.keys().map(|name| row([("evtname", Value::text(name))])).collect()
        }
        ("pg_catalog", "pg_views") => views(catalog, false),
        ("pg_catalog", "pg_matviews") => views(catalog, true),
        ("information_schema", "role_table_grants" | "table_privileges") => table_grants(catalog, wanted),
        ("information_schema", "tables") => information_tables(catalog, wanted),
        ("information_schema", "views") => views(catalog, false),
        ("information_schema", "columns") => columns(catalog, wanted),
        ("pg_catalog", "pg_attribute") => attributes(catalog, wanted),
        ("pg_catalog", "pg_sequences") => catalog
            .sequences
            .values()
            .map(|sequence| {
                row([
                    ("schemaname", Value::text(&sequence.name.schema)),
                    ("sequencename", Value::text(&sequence.name.name)),
                ])
            })
            .collect(),
        ("information_schema", "sequences") => catalog
            .sequences
            .values()
            .filter(|sequence| !sequence.identity)
            .map(|sequence| {
                row([
                    ("sequence_schema", Value::text(&sequence.name.schema)),
                    ("sequence_name", Value::text(&sequence.name.name)),
                ])
            })
            .collect(),
        ("cron", "job") => catalog
            .cron_jobs
            .iter()
            .map(|job| {
                row([
                    (
                        "jobid",
                        job.name.clone().map_or(Value::Something, |name| Value::Object(Object::Job(name))),
                    ),
                    ("jobname", job.name.as_ref().map_or(Value::Null, Value::text)),
                    ("schedule", Value::text(&job.schedule)),
                    ("command", Value::text(&job.command)),
                ])
            })
            .collect(),
        ("storage", "buckets") => catalog
            .buckets
            .values()
            .map(|bucket| {
                row([
                    ("id", Value::text(&bucket.id)),
                    ("name", Value::text(&bucket.name)),
                    ("public", Value::Bool(bucket.public)),
                ])
            })
            .collect(),
        _ => return None,
    })
}

/// Schemas that PostgreSQL has by itself.
const SERVER_SCHEMAS: [&str; 3] = ["information_schema", "pg_catalog", "pg_toast"];

fn namespaces(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let is_wanted = |name: &Ident| match wanted.get("oid") {
        Some(Value::Object(Object::Namespace(wanted))) => wanted == name,
        _ => true,
    };
    let own = wanted.named(&catalog.namespaces, "nspname").into_iter();
    let own = own.filter(|namespace| is_wanted(&namespace.name)).map(|namespace| {
        row([
            ("oid", Value::Object(Object::Namespace(namespace.name.clone()))),
            ("nspname", Value::text(&namespace.name)),
            ("nspowner", Value::Object(Object::Role(namespace.owner.clone()))),
            ("nspacl", acl(&namespace.acl, ObjectKind::Schema, &namespace.owner)),
        ])
    });
    let of_server = SERVER_SCHEMAS.map(Ident::constant).into_iter();
    let of_server = of_server
        .filter(|name| wanted.admits("nspname", name) && is_wanted(name))
        .map(|name| row([("nspname", Value::text(&name)), ("oid", Value::Object(Object::Namespace(name)))]));
    own.chain(of_server).collect()
}

/// The rows of `pg_depend` that tie an extension's members to it; `None` where others are asked for, which are
/// not modelled.
fn members(catalog: &Catalog, wanted: &Wanted) -> Option<Vec<Row>> {
    let of_extension = matches!(wanted.get("refobjid"), Some(Value::Object(Object::Extension(_))));
    if wanted.text("deptype") != Some("e") && !of_extension {
        return None;
    }
    let tied = |object: Object| {
        let extension = extension_of(catalog, &object)?.clone();
        Some(row([
            ("classid", Value::Unknown),
            ("refclassid", Value::Unknown),
            ("objid", Value::Object(object)),
            ("refobjid", Value::Object(Object::Extension(extension))),
            ("deptype", Value::text("e")),
        ]))
    };
    if let Some(Value::Object(object)) = wanted.get("objid") {
        return Some(tied(object.clone()).into_iter().collect());
    }
    let functions = catalog.functions.keys().map(|oid| Object::Function(*oid));
    let relations = catalog.tables.keys().chain(catalog.views.keys()).map(|oid| Object::Relation(*oid));
    let types = catalog.types.keys().map(|oid| Object::Type(*oid));
    Some(functions.chain(relations).chain(types).filter_map(tied).collect())
}

/// The extension that an object is a member of.
fn extension_of<'c>(catalog: &'c Catalog, object: &Object) -> Option<&'c Ident> {
    let of_table = |oid| catalog.tables.get(oid).map(|table| &table.extension);
    let of_view = |oid| catalog.views.get(oid).map(|view| &view.extension);
    let extension = match object {
        Object::Function(oid) => &catalog.functions.get(oid)?.extension,
        Object::Relation(oid) => of_table(oid).or_else(|| of_view(oid))?,
        Object::Type(oid) => &catalog.types.get(oid)?.extension,
        _ => return None,
    };
    extension.as_ref()
}

fn row<const N: usize>(fields: [(&'static str, Value); N]) -> Row {
    fields.into_iter().map(|(name, value)| (Ident::constant(name), value)).collect()
}

fn yes_no(value: bool) -> Value {
    Value::text(if value { "YES" } else { "NO" })
}
