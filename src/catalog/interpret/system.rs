//! The system catalogs and views that migrations ask, made of the model. A column that the model
//! cannot fill reads as unknown.

use std::cell::RefCell;

use crate::map::IndexMap;
use rustc_hash::FxHashMap;

use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::bind::is_builtin_function;
use crate::catalog::consequence::Space;
use crate::catalog::depend::Object as Depended;
use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::index::Index;
use crate::catalog::interpret::query::Record as Row;
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Constraint, ConstraintKind, Identity, Table, TableKind};
use crate::catalog::trigger::Trigger;
use crate::catalog::types::{DataType, TypeRef, UserType, UserTypeKind};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    Clause, FunctionBody, ObjectKind, Persistence, PolicyCommand, Privilege, ReferentialAction, TriggerEvent,
    TriggerTiming, Volatility,
};

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

fn policies(catalog: &Catalog, wanted: &Wanted, printed: Option<&Printed>, raw: bool) -> Vec<Row> {
    let name = if raw { "polname" } else { "policyname" };
    let tables = wanted.tables(catalog, "tablename", "polrelid").into_iter();
    let all = tables
        .flat_map(|table| wanted.named(&table.policies, name).into_iter().map(move |policy| (table, policy)));
    all.map(|(table, policy)| {
        let names = policy.roles.value.iter().map(|role| match role {
            Grantee::Public => Value::text("public"),
            Grantee::Role(role) => Value::text(role),
        });
        let (long, short) = match policy.command.value {
            PolicyCommand::All => ("ALL", "*"),
            PolicyCommand::Select => ("SELECT", "r"),
            PolicyCommand::Insert => ("INSERT", "a"),
            PolicyCommand::Update => ("UPDATE", "w"),
            PolicyCommand::Delete => ("DELETE", "d"),
        };
        let clause = |clause: &Option<Clause>, is_check: bool| match (clause, printed) {
            (None, _) => Value::Null,
            (Some(_), None) => Value::Something,
            (Some(clause), Some(printed)) => {
                let print = || catalog.printed_expression(table.oid, &clause.value);
                let mut printed = printed.borrow_mut();
                let text = printed.entry((table.oid, policy.name.clone(), is_check));
                text.or_insert_with(|| print().map_or(Value::Something, Value::text)).clone()
            }
        };
        if raw {
            row([
                ("polname", Value::text(&policy.name)),
                ("polrelid", Value::Object(Object::Relation(table.oid))),
                ("polcmd", Value::text(short)),
                ("polpermissive", Value::Bool(policy.permissive)),
                ("polqual", clause(&policy.using, false)),
                ("polwithcheck", clause(&policy.with_check, true)),
            ])
        } else {
            row([
                ("schemaname", Value::text(&table.name.schema)),
                ("tablename", Value::text(&table.name.name)),
                ("policyname", Value::text(&policy.name)),
                ("permissive", Value::text(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" })),
                ("roles", Value::List(names.collect())),
                ("cmd", Value::text(long)),
                ("qual", clause(&policy.using, false)),
                ("with_check", clause(&policy.with_check, true)),
            ])
        }
    })
    .collect()
}

/// What is granted on an object: null where nothing was ever granted or revoked, of which nothing is kept.
fn acl(acl: &Acl, kind: ObjectKind, owner: &Ident) -> Value {
    let start = Acl::built_in(kind, owner);
    let or_null = acl.same_rights(&start);
    Value::Acl { items: acl_items(if or_null { &start } else { acl }), or_null }
}

/// The rows of `aclexplode()`. PUBLIC has the number 0.
pub(super) fn acl_items(acl: &Acl) -> Vec<Value> {
    let entries = acl.entries.iter().flat_map(|entry| {
        let told = entry.privileges.iter().filter(|privilege| *privilege != Privilege::Maintain);
        told.map(move |privilege| (entry, privilege))
    });
    let items = entries.map(|(entry, privilege)| {
        let grantee = match &entry.grantee {
            Grantee::Public => Value::Number(0),
            Grantee::Role(role) => Value::Object(Object::Role(role.clone())),
        };
        Value::Record(row([
            ("grantor", Value::Something),
            ("grantee", grantee),
            ("privilege_type", Value::text(privilege.keyword())),
            ("is_grantable", Value::Bool(entry.grantable.contains(privilege))),
        ]))
    });
    items.collect()
}

fn tables(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn class(name: &QName, object: Object, kind: &str, owner: &Ident) -> Row {
    row([
        ("oid", Value::Object(object)),
        ("relname", Value::text(&name.name)),
        ("relnamespace", Value::Object(Object::Namespace(name.schema.clone()))),
        ("relkind", Value::text(kind)),
        ("relowner", Value::Object(Object::Role(owner.clone()))),
    ])
}

/// The columns of `pg_class` that say something of tables alone.
fn of_no_table() -> Row {
    row([
        ("relrowsecurity", Value::Bool(false)),
        ("relforcerowsecurity", Value::Bool(false)),
        ("relispartition", Value::Bool(false)),
        ("relpersistence", Value::text("p")),
    ])
}

fn classes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn table_class(table: &Table) -> Row {
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

/// The functions of the wanted name; all where none is wanted.
fn functions_wanted<'c>(catalog: &'c Catalog, wanted: &Wanted, name: &str) -> Vec<&'c Function> {
    match wanted.in_schemas(catalog, name, |qname| Some(catalog.functions_named(qname).collect::<Vec<_>>())) {
        Some(named) => named.into_iter().flatten().collect(),
        None => catalog.functions.values().collect(),
    }
}

/// The name of a result's type, as `regtype` prints it.
fn returned(catalog: &Catalog, function: &Function) -> Value {
    match &function.returns {
        Returns::Type(data_type) | Returns::SetOf(data_type) => Value::text(data_type.display(catalog)),
        Returns::Nothing => Value::text("void"),
        Returns::Table => Value::Something,
    }
}

/// The types of a function's inputs, as `oidvectortypes()` prints them.
fn input_types(catalog: &Catalog, function: &Function) -> String {
    let types: Vec<String> = function.inputs().map(|input| input.data_type.display(catalog)).collect();
    types.join(", ")
}

fn functions(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = functions_wanted(catalog, wanted, "proname").into_iter();
    // Of PostgreSQL's own functions, what they are called.
    let built_in = wanted.text("proname").filter(|name| is_builtin_function(name)).map(|name| {
        row([
            ("proname", Value::text(name)),
            ("pronamespace", Value::Object(Object::Namespace("pg_catalog".into()))),
        ])
    });
    let own = all.map(|function| {
        let kind = match function.kind {
            FunctionKind::Function => "f",
            FunctionKind::Procedure => "p",
            FunctionKind::Aggregate => "a",
            FunctionKind::Window => "w",
        };
        let config: Vec<Value> = function
            .config
            .iter()
            .map(|(name, value)| Value::text(format!("{name}={}", value.value)))
            .collect();
        row([
            ("oid", Value::Object(Object::Function(function.oid))),
            ("proname", Value::text(&function.name.name)),
            ("pronamespace", Value::Object(Object::Namespace(function.name.schema.clone()))),
            ("prokind", Value::text(kind)),
            ("prosecdef", Value::Bool(function.security_definer.value)),
            ("proconfig", if config.is_empty() { Value::Null } else { Value::List(config) }),
            ("proowner", Value::Object(Object::Role(function.owner.clone()))),
            ("pronargs", i64::try_from(function.inputs().count()).map_or(Value::Unknown, Value::Number)),
            ("prolang", Value::Something),
            ("prorettype", returned(catalog, function)),
            (
                "proacl",
                match catalog.may_have_changed(&function.name, Aspect::Execute) {
                    true => Value::Unknown,
                    false => acl(&function.acl, ObjectKind::Function, &function.owner),
                },
            ),
            ("proargtypes", Value::text(input_types(catalog, function))),
            ("prosrc", source(function)),
            ("provolatile", Value::text(volatility(function))),
            ("proretset", Value::Bool(matches!(function.returns, Returns::SetOf(_) | Returns::Table))),
        ])
    });
    own.chain(built_in).collect()
}

/// The text of a body.
fn source(function: &Function) -> Value {
    match &function.body {
        Some(FunctionBody::Text(body)) => Value::text(&*body.text),
        _ => Value::Something,
    }
}

fn volatility(function: &Function) -> &'static str {
    match function.volatility {
        Volatility::Immutable => "i",
        Volatility::Stable => "s",
        Volatility::Volatile => "v",
    }
}

fn routines(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = functions_wanted(catalog, wanted, "routine_name").into_iter();
    let all = all.filter(|function| function.kind != FunctionKind::Aggregate);
    all.map(|function| {
        let kind = if function.kind == FunctionKind::Procedure { "PROCEDURE" } else { "FUNCTION" };
        row([
            ("routine_schema", Value::text(&function.name.schema)),
            ("routine_name", Value::text(&function.name.name)),
            ("specific_schema", Value::text(&function.name.schema)),
            ("routine_type", Value::text(kind)),
            (
                "security_type",
                Value::text(if function.security_definer.value { "DEFINER" } else { "INVOKER" }),
            ),
            ("routine_definition", source(function)),
            ("external_language", Value::text(function.language.to_uppercase())),
        ])
    })
    .collect()
}

fn types(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn implied_types(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn enums(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn constraint_kind(kind: &ConstraintKind) -> (&'static str, &'static str) {
    match kind {
        ConstraintKind::PrimaryKey { .. } => ("p", "PRIMARY KEY"),
        ConstraintKind::Unique { .. } => ("u", "UNIQUE"),
        ConstraintKind::ForeignKey(_) => ("f", "FOREIGN KEY"),
        ConstraintKind::Check { .. } => ("c", "CHECK"),
        ConstraintKind::Exclude { .. } => ("x", "EXCLUDE"),
    }
}

fn constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn domain_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn action(action: ReferentialAction) -> (&'static str, &'static str) {
    match action {
        ReferentialAction::NoAction => ("a", "NO ACTION"),
        ReferentialAction::Restrict => ("r", "RESTRICT"),
        ReferentialAction::Cascade => ("c", "CASCADE"),
        ReferentialAction::SetNull => ("n", "SET NULL"),
        ReferentialAction::SetDefault => ("d", "SET DEFAULT"),
    }
}

fn foreign_keys(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn numbers(attnums: &[i16]) -> Value {
    Value::List(attnums.iter().map(|attnum| Value::Number(i64::from(*attnum))).collect())
}

fn table_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn check_constraints(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn constraint_columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn key_columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn index_rows(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn indexed_columns(index: &Index) -> Value {
    let keys = index.columns().into_iter().map(Option::unwrap_or_default);
    numbers(&keys.chain(index.include.iter().copied()).collect::<Vec<_>>())
}

fn each_constraint<T>(
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

fn indexes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

/// Each trigger with what it stands on.
fn each_trigger<'c>(
    catalog: &'c Catalog,
    wanted: &Wanted,
    name: &str,
    (on, identity): (&str, &str),
) -> Vec<(Oid, &'c QName, &'c Trigger)> {
    let tables = wanted.tables(catalog, on, identity).into_iter();
    let tables = tables.map(|table| (table.oid, &table.name, &table.triggers));
    let views = wanted.views(catalog, on).into_iter();
    let views = views.filter(|view| wanted.relation(identity).is_none_or(|oid| oid == view.oid));
    let all = tables.chain(views.map(|view| (view.oid, &view.name, &view.triggers)));
    all.flat_map(|(oid, on, triggers)| {
        wanted.named(triggers, name).into_iter().map(move |trigger| (oid, on, trigger))
    })
    .collect()
}

fn triggers(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = each_trigger(catalog, wanted, "tgname", ("", "tgrelid")).into_iter();
    all.map(|(oid, _, trigger)| {
        let function =
            trigger.function.oid.map_or(Value::Something, |oid| Value::Object(Object::Function(oid)));
        row([
            ("tgname", Value::text(&trigger.name)),
            ("tgrelid", Value::Object(Object::Relation(oid))),
            ("tgisinternal", Value::Bool(false)),
            ("tgenabled", Value::text(trigger.enabled.to_string())),
            ("tgfoid", function),
        ])
    })
    .collect()
}

/// A row for each event; those of TRUNCATE are not listed there (measured).
fn information_triggers(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = each_trigger(catalog, wanted, "trigger_name", ("event_object_table", "")).into_iter();
    all.flat_map(|(_, on, trigger)| {
        let events = trigger.events.iter().filter_map(|event| match event {
            TriggerEvent::Insert => Some("INSERT"),
            TriggerEvent::Update => Some("UPDATE"),
            TriggerEvent::Delete => Some("DELETE"),
            TriggerEvent::Truncate => None,
        });
        let timing = match trigger.timing {
            TriggerTiming::Before => "BEFORE",
            TriggerTiming::After => "AFTER",
            TriggerTiming::InsteadOf => "INSTEAD OF",
        };
        events.map(move |event| {
            row([
                ("trigger_schema", Value::text(&on.schema)),
                ("trigger_name", Value::text(&trigger.name)),
                ("event_object_schema", Value::text(&on.schema)),
                ("event_object_table", Value::text(&on.name)),
                ("event_manipulation", Value::text(event)),
                ("action_timing", Value::text(timing)),
                ("action_orientation", Value::text(if trigger.for_each_row { "ROW" } else { "STATEMENT" })),
            ])
        })
    })
    .collect()
}

fn published(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn roles(catalog: &Catalog, is_listed: fn(&Role) -> bool) -> Vec<Row> {
    let all = catalog.roles.values().filter(|role| is_listed(role));
    all.map(|role| {
        row([
            ("oid", Value::Object(Object::Role(role.name.clone()))),
            ("rolname", Value::text(&role.name)),
            ("usename", Value::text(&role.name)),
            ("rolsuper", Value::Bool(role.superuser)),
            ("rolbypassrls", Value::Bool(role.bypassrls)),
            ("rolcanlogin", Value::Bool(role.login)),
            ("rolinherit", Value::Bool(role.inherit)),
            ("rolcreaterole", Value::Bool(role.createrole)),
            ("rolcreatedb", Value::Bool(role.createdb)),
            ("rolreplication", Value::Bool(role.replication)),
        ])
    })
    .collect()
}

fn views(catalog: &Catalog, materialized: bool) -> Vec<Row> {
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

/// What roles may do with whole tables and views, a row for each privilege.
fn table_grants(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let tables = wanted.tables(catalog, "table_name", "").into_iter().map(|table| (&table.name, &table.acl));
    let views = wanted.views(catalog, "table_name").into_iter().filter(|view| !view.materialized);
    let all = tables.chain(views.map(|view| (&view.name, &view.acl)));
    all.flat_map(|(name, acl)| {
        let entries = acl.entries.iter().flat_map(|entry| {
            let told = entry.privileges.iter().filter(|privilege| *privilege != Privilege::Maintain);
            told.map(move |privilege| (entry, privilege))
        });
        entries.map(move |(entry, privilege)| {
            let grantee = match &entry.grantee {
                Grantee::Public => Value::text("PUBLIC"),
                Grantee::Role(role) => Value::text(role),
            };
            row([
                ("grantee", grantee),
                ("table_schema", Value::text(&name.schema)),
                ("table_name", Value::text(&name.name)),
                ("privilege_type", Value::text(privilege.keyword())),
                ("is_grantable", yes_no(entry.grantable.contains(privilege))),
            ])
        })
    })
    .collect()
}

fn information_tables(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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

fn columns(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
fn underlying<'t>(catalog: &'t Catalog, data_type: &'t DataType) -> &'t DataType {
    let TypeRef::User(oid) = &data_type.base else { return data_type };
    match catalog.types.get(oid).map(|user_type| &user_type.kind) {
        Some(UserTypeKind::Domain(domain)) if !data_type.array => underlying(catalog, &domain.base),
        _ => data_type,
    }
}

/// `udt_schema` and `udt_name`: the internal name of a type, with an underscore before it for arrays.
fn underlying_name(catalog: &Catalog, data_type: &DataType) -> (Value, Value) {
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
fn maximum_length(column: &Column) -> Value {
    let data_type = &column.data_type.value;
    let is_limited = !data_type.array && ["varchar", "bpchar"].iter().any(|name| data_type.is_builtin(name));
    match data_type.modifiers.first() {
        Some(length) if is_limited => Value::Number(*length),
        _ => Value::Null,
    }
}

/// `information_schema.columns.data_type`: without modifiers, `ARRAY` and `USER-DEFINED` where the
/// type is no built-in scalar.
fn information_type(catalog: &Catalog, data_type: &DataType) -> Value {
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

fn attributes(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
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
                ("attidentity", Value::text(identity)),
                ("attgenerated", Value::text(if column.generated.is_some() { "s" } else { "" })),
                ("atthasdef", Value::Bool(column.default.is_some() || column.generated.is_some())),
            ])
        }));
    }
    list
}

/// The identity of a type.
pub(super) fn type_oid(data_type: &DataType) -> Value {
    match &data_type.base {
        TypeRef::User(oid) if !data_type.array => Value::Object(Object::Type(*oid)),
        TypeRef::Unknown(_) => Value::Something,
        _ => Value::Object(Object::Builtin(DataType { modifiers: Vec::new(), ..data_type.clone() })),
    }
}
