//! The system catalogs and views that migrations ask, made of the model. A column that the model
//! cannot fill reads as unknown.

use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::function::FunctionKind;
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::name::QName;
use crate::catalog::table::{ConstraintKind, Table, TableKind};
use crate::catalog::types::UserTypeKind;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::PolicyCommand;

type Row = Vec<(Ident, Value)>;

/// The rows of a system catalog or view; `None` for any other relation.
pub(super) fn rows(catalog: &Catalog, name: &ObjectName) -> Option<Vec<Row>> {
    let schema = name.schema.as_deref().unwrap_or("pg_catalog");
    Some(match (schema, name.name.as_str()) {
        ("pg_catalog", "pg_policies") => policies(catalog, false),
        ("pg_catalog", "pg_policy") => policies(catalog, true),
        ("pg_catalog", "pg_tables") => tables(catalog),
        ("pg_catalog", "pg_class") => classes(catalog),
        ("pg_catalog", "pg_namespace") => catalog
            .namespaces
            .values()
            .map(|namespace| {
                row([
                    ("oid", Value::Object(Object::Namespace(namespace.name.clone()))),
                    ("nspname", Value::text(&namespace.name)),
                    ("nspowner", Value::Object(Object::Role(namespace.owner.clone()))),
                ])
            })
            .collect(),
        ("information_schema", "schemata") => catalog
            .namespaces
            .values()
            .map(|namespace| row([("schema_name", Value::text(&namespace.name))]))
            .collect(),
        ("pg_catalog", "pg_proc") => functions(catalog),
        ("information_schema", "routines") => routines(catalog),
        ("pg_catalog", "pg_type") => types(catalog),
        ("pg_catalog", "pg_enum") => enums(catalog),
        ("pg_catalog", "pg_constraint") => constraints(catalog),
        ("information_schema", "table_constraints") => table_constraints(catalog),
        ("pg_catalog", "pg_indexes") => indexes(catalog),
        ("pg_catalog", "pg_trigger") => triggers(catalog, false),
        ("information_schema", "triggers") => triggers(catalog, true),
        ("pg_catalog", "pg_publication") => {
            catalog.publications.keys().map(|name| row([("pubname", Value::text(name))])).collect()
        }
        ("pg_catalog", "pg_publication_tables") => published(catalog),
        ("pg_catalog", "pg_roles" | "pg_authid" | "pg_user") => roles(catalog),
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
        ("pg_catalog", "pg_depend") => members(catalog),
        ("pg_catalog", "pg_event_trigger") => {
            catalog.event_triggers.keys().map(|name| row([("evtname", Value::text(name))])).collect()
        }
        ("pg_catalog", "pg_views") => views(catalog, false),
        ("pg_catalog", "pg_matviews") => views(catalog, true),
        ("information_schema", "tables") => information_tables(catalog),
        ("information_schema", "views") => views(catalog, false),
        ("information_schema", "columns") => columns(catalog),
        ("pg_catalog", "pg_attribute") => attributes(catalog),
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
                    ("jobid", Value::Unknown),
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

/// The rows of `pg_depend` that tie an extension's members to it; others are not modelled.
fn members(catalog: &Catalog) -> Vec<Row> {
    let functions =
        catalog.functions.values().map(|member| (Object::Function(member.oid), &member.extension));
    let tables = catalog.tables.values().map(|member| (Object::Relation(member.oid), &member.extension));
    let views = catalog.views.values().map(|member| (Object::Relation(member.oid), &member.extension));
    let types = catalog.types.values().map(|member| (Object::Type(member.oid), &member.extension));
    let all = functions.chain(tables).chain(views).chain(types);
    all.filter_map(|(object, extension)| {
        let extension = Value::Object(Object::Extension(extension.clone()?));
        Some(row([
            ("classid", Value::Unknown),
            ("refclassid", Value::Unknown),
            ("objid", Value::Object(object)),
            ("refobjid", extension),
            ("deptype", Value::text("e")),
        ]))
    })
    .collect()
}

fn row<const N: usize>(fields: [(&str, Value); N]) -> Row {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn yes_no(value: bool) -> Value {
    Value::text(if value { "YES" } else { "NO" })
}

fn policies(catalog: &Catalog, raw: bool) -> Vec<Row> {
    let all =
        catalog.tables.values().flat_map(|table| table.policies.values().map(move |policy| (table, policy)));
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
        let clause = |there: bool| if there { Value::Unknown } else { Value::Null };
        if raw {
            row([
                ("polname", Value::text(&policy.name)),
                ("polrelid", Value::Object(Object::Relation(table.oid))),
                ("polcmd", Value::text(short)),
                ("polpermissive", Value::Bool(policy.permissive)),
                ("polqual", clause(policy.using.is_some())),
                ("polwithcheck", clause(policy.with_check.is_some())),
            ])
        } else {
            row([
                ("schemaname", Value::text(&table.name.schema)),
                ("tablename", Value::text(&table.name.name)),
                ("policyname", Value::text(&policy.name)),
                ("permissive", Value::text(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" })),
                ("roles", Value::List(names.collect())),
                ("cmd", Value::text(long)),
                ("qual", clause(policy.using.is_some())),
                ("with_check", clause(policy.with_check.is_some())),
            ])
        }
    })
    .collect()
}

fn tables(catalog: &Catalog) -> Vec<Row> {
    let ordinary = catalog.tables.values().filter(|table| table.kind != TableKind::Foreign);
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

fn class(name: &QName, object: Object, kind: &str, owner: &Ident, rls: bool, forced: bool) -> Row {
    row([
        ("oid", Value::Object(object)),
        ("relname", Value::text(&name.name)),
        ("relnamespace", Value::Object(Object::Namespace(name.schema.clone()))),
        ("relkind", Value::text(kind)),
        ("relowner", Value::Object(Object::Role(owner.clone()))),
        ("relrowsecurity", Value::Bool(rls)),
        ("relforcerowsecurity", Value::Bool(forced)),
        ("relispartition", Value::Unknown),
        ("relpersistence", Value::Unknown),
    ])
}

fn classes(catalog: &Catalog) -> Vec<Row> {
    let mut list = Vec::new();
    for table in catalog.tables.values() {
        let kind = match table.kind {
            TableKind::Ordinary => "r",
            TableKind::Partitioned => "p",
            TableKind::Foreign => "f",
        };
        let object = Object::Relation(table.oid);
        let owner = &table.owner.value;
        list.push(class(&table.name, object, kind, owner, table.rls.value, table.forced_rls.value));
        for index in table.indexes.values() {
            let name = QName { schema: table.name.schema.clone(), name: index.name.clone() };
            list.push(class(&name, Object::Index(index.oid), "i", owner, false, false));
        }
    }
    for view in catalog.views.values() {
        let kind = if view.materialized { "m" } else { "v" };
        list.push(class(&view.name, Object::Relation(view.oid), kind, &view.owner, false, false));
    }
    for sequence in catalog.sequences.values() {
        let object = Object::Relation(sequence.oid);
        list.push(class(&sequence.name, object, "S", &sequence.owner, false, false));
    }
    list
}

fn functions(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.functions.values();
    all.map(|function| {
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
            ("prolang", Value::Unknown),
            ("prorettype", Value::Unknown),
            ("prosrc", Value::Unknown),
        ])
    })
    .collect()
}

fn routines(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.functions.values().filter(|function| function.kind != FunctionKind::Aggregate);
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
        ])
    })
    .collect()
}

fn types(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.types.values();
    all.map(|user_type| {
        let kind = match user_type.kind {
            UserTypeKind::Enum { .. } => "e",
            UserTypeKind::Domain(_) => "d",
            UserTypeKind::Composite { .. } => "c",
            UserTypeKind::Range => "r",
            UserTypeKind::Base => "b",
        };
        row([
            ("oid", Value::Object(Object::Type(user_type.oid))),
            ("typname", Value::text(&user_type.name.name)),
            ("typnamespace", Value::Object(Object::Namespace(user_type.name.schema.clone()))),
            ("typtype", Value::text(kind)),
        ])
    })
    .collect()
}

fn enums(catalog: &Catalog) -> Vec<Row> {
    let mut list = Vec::new();
    for user_type in catalog.types.values() {
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

fn constraints(catalog: &Catalog) -> Vec<Row> {
    each_constraint(catalog, |table, name, kind| {
        let references = match kind {
            ConstraintKind::ForeignKey(key) => Value::Object(Object::Relation(key.references)),
            _ => Value::Unknown,
        };
        row([
            ("conname", Value::text(name)),
            ("conrelid", Value::Object(Object::Relation(table.oid))),
            ("contype", Value::text(constraint_kind(kind).0)),
            ("connamespace", Value::Object(Object::Namespace(table.name.schema.clone()))),
            ("confrelid", references),
        ])
    })
}

fn table_constraints(catalog: &Catalog) -> Vec<Row> {
    each_constraint(catalog, |table, name, kind| {
        row([
            ("constraint_schema", Value::text(&table.name.schema)),
            ("constraint_name", Value::text(name)),
            ("table_schema", Value::text(&table.name.schema)),
            ("table_name", Value::text(&table.name.name)),
            ("constraint_type", Value::text(constraint_kind(kind).1)),
        ])
    })
}

fn each_constraint(catalog: &Catalog, row: impl Fn(&Table, &Ident, &ConstraintKind) -> Row) -> Vec<Row> {
    let mut list = Vec::new();
    for table in catalog.tables.values() {
        list.extend(
            table.constraints.values().map(|constraint| row(table, &constraint.name, &constraint.kind)),
        );
    }
    list
}

fn indexes(catalog: &Catalog) -> Vec<Row> {
    let on_tables =
        catalog.tables.values().flat_map(|table| table.indexes.keys().map(|name| (&table.name, name)));
    let on_views = catalog.views.values().flat_map(|view| view.indexes.keys().map(|name| (&view.name, name)));
    on_tables
        .chain(on_views)
        .map(|(on, name)| {
            row([
                ("schemaname", Value::text(&on.schema)),
                ("tablename", Value::text(&on.name)),
                ("indexname", Value::text(name)),
                ("indexdef", Value::Unknown),
            ])
        })
        .collect()
}

fn triggers(catalog: &Catalog, information: bool) -> Vec<Row> {
    let on_tables = catalog
        .tables
        .values()
        .flat_map(|table| table.triggers.keys().map(move |name| (table.oid, &table.name, name)));
    on_tables
        .map(|(oid, on, name)| {
            if information {
                row([
                    ("trigger_schema", Value::text(&on.schema)),
                    ("trigger_name", Value::text(name)),
                    ("event_object_schema", Value::text(&on.schema)),
                    ("event_object_table", Value::text(&on.name)),
                ])
            } else {
                row([
                    ("tgname", Value::text(name)),
                    ("tgrelid", Value::Object(Object::Relation(oid))),
                    ("tgisinternal", Value::Bool(false)),
                ])
            }
        })
        .collect()
}

fn published(catalog: &Catalog) -> Vec<Row> {
    let mut list = Vec::new();
    for publication in catalog.publications.values() {
        let named = catalog.tables.values().filter(|table| {
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

fn roles(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.roles.values();
    all.map(|role| {
        row([
            ("oid", Value::Object(Object::Role(role.name.clone()))),
            ("rolname", Value::text(&role.name)),
            ("usename", Value::text(&role.name)),
            ("rolsuper", Value::Bool(role.superuser)),
            ("rolbypassrls", Value::Bool(role.bypassrls)),
            ("rolcanlogin", Value::Bool(role.login)),
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

fn information_tables(catalog: &Catalog) -> Vec<Row> {
    let entry = |name: &QName, kind: &str| {
        row([
            ("table_schema", Value::text(&name.schema)),
            ("table_name", Value::text(&name.name)),
            ("table_type", Value::text(kind)),
        ])
    };
    let tables = catalog.tables.values().map(|table| {
        entry(&table.name, if table.kind == TableKind::Foreign { "FOREIGN" } else { "BASE TABLE" })
    });
    let views = catalog.views.values().filter(|view| !view.materialized);
    tables.chain(views.map(|view| entry(&view.name, "VIEW"))).collect()
}

fn columns(catalog: &Catalog) -> Vec<Row> {
    let mut list = Vec::new();
    for table in catalog.tables.values() {
        for column in &table.columns {
            list.push(row([
                ("table_schema", Value::text(&table.name.schema)),
                ("table_name", Value::text(&table.name.name)),
                ("column_name", Value::text(&column.name)),
                ("is_nullable", yes_no(!column.not_null.value)),
                ("column_default", if column.default.is_some() { Value::Unknown } else { Value::Null }),
                ("data_type", information_type(catalog, column)),
                ("udt_name", Value::Unknown),
            ]));
        }
    }
    for view in catalog.views.values() {
        for column in &view.columns {
            list.push(row([
                ("table_schema", Value::text(&view.name.schema)),
                ("table_name", Value::text(&view.name.name)),
                ("column_name", Value::text(&column.name)),
                ("is_nullable", yes_no(true)),
                ("data_type", Value::Unknown),
            ]));
        }
    }
    list
}

/// `information_schema.columns.data_type`: without modifiers, `ARRAY` and `USER-DEFINED` where the
/// type is no built-in scalar.
fn information_type(catalog: &Catalog, column: &crate::catalog::table::Column) -> Value {
    use crate::catalog::types::TypeRef;
    let data_type = &column.data_type.value;
    match &data_type.base {
        _ if data_type.array => Value::text("ARRAY"),
        TypeRef::Builtin(_) => {
            let plain = crate::catalog::types::DataType { modifiers: Vec::new(), ..data_type.clone() };
            Value::text(plain.display(catalog))
        }
        TypeRef::User(_) | TypeRef::Row(_) => Value::text("USER-DEFINED"),
        TypeRef::Unknown(_) => Value::Unknown,
    }
}

fn attributes(catalog: &Catalog) -> Vec<Row> {
    let mut list = Vec::new();
    for table in catalog.tables.values() {
        list.extend(table.columns.iter().map(|column| {
            row([
                ("attrelid", Value::Object(Object::Relation(table.oid))),
                ("attname", Value::text(&column.name)),
                ("attnum", Value::Number(i64::from(column.attnum))),
                ("attnotnull", Value::Bool(column.not_null.value)),
                ("attisdropped", Value::Bool(false)),
            ])
        }));
    }
    list
}
