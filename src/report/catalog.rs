//! The catalog in the words of PostgreSQL's own, so that a real server's can be compared with it.
//!
//! What the platform brings is left out unless the migrations changed it, and so is what belongs to
//! extensions. Texts that only the server's own printer can produce are told by their presence.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::depend::References;
use crate::catalog::function::{Function, FunctionKind};
use crate::catalog::index::Index;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::role::Publication;
use crate::catalog::table::{Column, Constraint, ConstraintKind, Table, TableKind};
use crate::catalog::trigger::{FunctionRef, Trigger};
use crate::catalog::types::{UserType, UserTypeKind};
use crate::catalog::view::View;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{
    ObjectKind, Persistence, PolicyCommand, Privilege, ReferentialAction, ReplicaIdentity, TriggerEvent,
    TriggerTiming, Volatility,
};

/// The lists, and the fields that identify an object in each.
const LISTS: [(&str, &[&str]); 24] = [
    ("schemas", &["schema"]),
    ("roles", &["role"]),
    ("db_settings", &["setting"]),
    ("extensions", &["extension"]),
    ("tables", &["schema", "table"]),
    ("columns", &["schema", "table", "column"]),
    ("constraints", &["schema", "table", "constraint"]),
    ("indexes", &["schema", "table", "index"]),
    ("policies", &["schema", "table", "policy"]),
    ("views", &["schema", "view"]),
    ("sequences", &["schema", "sequence"]),
    ("functions", &["schema", "function", "identity_args"]),
    ("triggers", &["schema", "table", "trigger"]),
    ("types", &["schema", "type"]),
    ("grants", &["kind", "schema", "object", "column", "role"]),
    ("api_access", &["schema", "object", "role"]),
    ("default_privileges", &["owner", "schema", "kind", "role"]),
    ("publications", &["publication"]),
    ("event_triggers", &["event_trigger"]),
    ("rules", &["schema", "table", "rule"]),
    ("foreign_servers", &["server"]),
    ("buckets", &["bucket"]),
    ("declared_buckets", &["bucket"]),
    ("cron_jobs", &["job", "schedule", "command"]),
];

/// Schemas that extensions fill with tables, types and more.
const EXTENSION_SCHEMAS: [&str; 14] = [
    "cron",
    "dbdev",
    "graphql",
    "net",
    "pgmq",
    "pgroonga",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "repack",
    "tiger",
    "tiger_data",
    "topology",
    "vault",
];

/// Roles that extensions make.
const EXTENSION_ROLES: [&str; 4] =
    ["pgsodium_keyholder", "pgsodium_keyiduser", "pgsodium_keymaker", "pgtle_admin"];

/// The rows of one list by their key, which is also their order.
pub type Rows = BTreeMap<Vec<String>, Value>;

/// What the migrations made, changed and removed.
pub fn to_json(catalog: &Catalog) -> Value {
    beyond(&rows(&Catalog::supabase(catalog.exposure)), catalog)
}

/// What a catalog has beyond the rows of another.
pub fn beyond(fresh: &BTreeMap<&'static str, Rows>, catalog: &Catalog) -> Value {
    let now = rows(catalog);
    let mut out = Map::new();
    let mut removed = Map::new();
    for (list, keys) in LISTS {
        let (now, fresh) = (&now[list], &fresh[list]);
        let mut made = Vec::new();
        for (key, row) in now {
            match fresh.get(key) {
                Some(platform) if platform == row => {}
                Some(_) => {
                    let mut row = row.clone();
                    row["changed_baseline"] = true.into();
                    made.push(row);
                }
                None => made.push(row.clone()),
            }
        }
        out.insert(list.into(), made.into());
        let gone = fresh.iter().filter(|(key, row)| !now.contains_key(*key) && !is_in_extension_schema(row));
        let gone: Vec<Value> = gone.map(|(_, row)| key_fields(row, keys)).collect();
        if !gone.is_empty() {
            removed.insert(list.into(), gone.into());
        }
    }
    out.insert("removed_baseline".into(), removed.into());
    out.into()
}

/// Every row that the format has for a catalog, the platform's among them.
pub fn rows(catalog: &Catalog) -> BTreeMap<&'static str, Rows> {
    let mut dump = Dump { catalog, lists: BTreeMap::new() };
    for (list, _) in LISTS {
        dump.lists.insert(list, Rows::new());
    }
    dump.schemas();
    dump.roles();
    dump.tables();
    dump.views();
    dump.sequences();
    dump.functions();
    dump.types();
    dump.default_privileges();
    dump.publications();
    dump.rest();
    dump.lists
}

fn key_fields(row: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_string(), row[key].clone())).collect::<Map<_, _>>().into()
}

fn is_in_extension_schema(row: &Value) -> bool {
    row["schema"].as_str().is_some_and(|schema| EXTENSION_SCHEMAS.contains(&schema))
}

/// Schemas that are nobody's business: the server's and the migration history's.
fn is_hidden(schema: &str) -> bool {
    schema.starts_with("pg_") || schema == "information_schema" || schema == "supabase_migrations"
}

struct Dump<'c> {
    catalog: &'c Catalog,
    lists: BTreeMap<&'static str, Rows>,
}

impl Dump<'_> {
    fn push(&mut self, list: &'static str, row: Value) {
        if row["schema"].as_str().is_some_and(is_hidden) {
            return;
        }
        let is_kept = ["functions", "grants", "policies", "triggers"].contains(&list);
        if !is_kept && is_in_extension_schema(&row) {
            return;
        }
        let (_, keys) = LISTS[LISTS.iter().position(|(name, _)| *name == list).unwrap_or_default()];
        let text = |key: &&str| row[key].as_str().unwrap_or_default().to_string();
        let key = keys.iter().map(text).collect();
        if let Some(rows) = self.lists.get_mut(list) {
            rows.insert(key, row);
        }
    }

    fn schemas(&mut self) {
        for namespace in self.catalog.namespaces.values().filter(|namespace| namespace.extension.is_none()) {
            let acl: Vec<Value> = namespace
                .acl
                .entries
                .iter()
                .flat_map(|entry| entry.privileges.iter().map(move |privilege| (entry, privilege)))
                .map(|(entry, privilege)| {
                    json!({
                        "role": grantee(&entry.grantee),
                        "priv": privilege.keyword(),
                        "grantable": entry.grantable.contains(privilege),
                    })
                })
                .collect();
            let row = json!({
                "schema": namespace.name.as_str(),
                "owner": namespace.owner.quoted(),
                "acl": sorted(acl),
                "comment": namespace.comment,
            });
            self.push("schemas", row);
        }
    }

    fn roles(&mut self) {
        let is_listed = |role: &str| !EXTENSION_ROLES.contains(&role) && !role.starts_with("pg_");
        for role in self.catalog.roles.values().filter(|role| is_listed(&role.name)) {
            let member_of = role.member_of.keys().filter(|role| !EXTENSION_ROLES.contains(&role.as_str()));
            let row = json!({
                "role": role.name.as_str(),
                "superuser": role.superuser,
                "inherit": role.inherit,
                "createrole": role.createrole,
                "createdb": role.createdb,
                "login": role.login,
                "replication": role.replication,
                "bypassrls": role.bypassrls,
                "config": set(role.config.iter().map(|(name, value)| format!("{name}={value}"))),
                "member_of": set(member_of.map(Ident::quoted)),
            });
            self.push("roles", row);
        }
    }

    fn tables(&mut self) {
        let catalog = self.catalog;
        for table in catalog.tables.values() {
            for policy in table.policies.values() {
                self.policy(table, policy);
            }
            for trigger in table.triggers.values() {
                self.trigger(&table.name, trigger);
            }
            for rule in &table.rules {
                self.rule(&table.name, rule);
            }
            if table.extension.is_some() {
                continue;
            }
            let kind = match table.kind {
                TableKind::Ordinary => "table",
                TableKind::Partitioned => "partitioned",
                TableKind::Foreign => "foreign",
            };
            let row = json!({
                "schema": table.name.schema.as_str(),
                "table": table.name.name.as_str(),
                "kind": kind,
                "owner": table.owner.value.quoted(),
                "persistence": persistence(table.persistence),
                "rls": table.rls.value,
                "force_rls": table.forced_rls.value,
                "is_partition": table.is_partition,
                "parents": set(table.parents.iter().filter_map(|oid| catalog.relation_words(*oid))),
                "has_partition_key": table.kind == TableKind::Partitioned,
                "has_partition_bound": table.is_partition,
                "replica_identity": match table.replica_identity {
                    ReplicaIdentity::Default => "default",
                    ReplicaIdentity::Nothing => "nothing",
                    ReplicaIdentity::Full => "full",
                    ReplicaIdentity::Index => "index",
                },
                "of_type": table.of_type.as_ref().map(QName::quoted),
                "options": set(table.options.iter().cloned()),
                "server": table.server.as_deref(),
                "comment": table.comment,
            });
            self.push("tables", row);
            for (at, column) in table.columns.iter().enumerate() {
                let row = json!({
                    "schema": table.name.schema.as_str(),
                    "table": table.name.name.as_str(),
                    "column": column.name.as_str(),
                    "position": at + 1,
                    "attnum": column.attnum,
                    "type": column.data_type.value.display(catalog),
                    "notnull": column.not_null.value,
                    "has_default": column.default.is_some(),
                    "has_generated": column.generated.is_some(),
                    "identity": column.identity.map(|identity| {
                        if identity.always { "always" } else { "by default" }
                    }),
                    "collation": column.collation,
                    "inherited": column.inherited,
                    "comment": column.comment,
                });
                self.push("columns", row);
            }
            for constraint in table.constraints.values() {
                self.constraint(table, constraint);
            }
            for index in table.indexes.values() {
                self.index(&table.name, &table.columns, index);
            }
            let (grant_kind, letter) = match table.kind {
                TableKind::Ordinary => ("table", "r"),
                TableKind::Partitioned => ("table", "p"),
                TableKind::Foreign => ("foreign table", "f"),
            };
            self.relation_rights(
                grant_kind,
                letter,
                &table.name,
                &table.owner.value,
                &table.acl,
                &table.columns,
            );
        }
    }

    fn constraint(&mut self, table: &Table, constraint: &Constraint) {
        let names = |attnums: &[i16]| texts(&table.column_names(attnums));
        let key = match &constraint.kind {
            ConstraintKind::ForeignKey(key) => Some(key),
            _ => None,
        };
        let other = key.and_then(|key| self.catalog.tables.get(&key.references));
        let (kind, columns) = match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => ("primary key", names(columns)),
            ConstraintKind::Unique { columns } => ("unique", names(columns)),
            ConstraintKind::ForeignKey(key) => ("foreign key", names(&key.columns)),
            ConstraintKind::Exclude { columns } => ("exclude", names(columns)),
            ConstraintKind::Check { columns, .. } => {
                let mut columns = names(columns);
                columns.sort();
                ("check", columns)
            }
        };
        let row = json!({
            "schema": table.name.schema.as_str(),
            "table": table.name.name.as_str(),
            "constraint": constraint.name.as_str(),
            "type": kind,
            "columns": columns,
            "ref_schema": other.map(|other| other.name.schema.as_str()),
            "ref_table": other.map(|other| other.name.name.as_str()),
            "ref_columns": key.zip(other).map(|(key, other)| {
                texts(&other.column_names(&key.referenced_columns))
            }),
            "on_delete": key.map(|key| action(key.on_delete)),
            "on_update": key.map(|key| action(key.on_update)),
            "deferrable": constraint.deferrable,
            "initially_deferred": constraint.initially_deferred,
            "validated": constraint.validated.value,
            "index": constraint.has_index().then(|| constraint.name.as_str()),
            "inherited": constraint.inherited,
        });
        self.push("constraints", row);
    }

    fn index(&mut self, on: &QName, columns: &[Column], index: &Index) {
        let name = |attnum: i16| {
            columns.iter().find(|column| column.attnum == attnum).map(|column| column.name.to_string())
        };
        let keys: Vec<Option<String>> =
            index.columns().into_iter().map(|attnum| attnum.and_then(name)).collect();
        let include: Vec<String> = index.include.iter().filter_map(|attnum| name(*attnum)).collect();
        let row = json!({
            "schema": on.schema.as_str(),
            "table": on.name.as_str(),
            "index": index.name.as_str(),
            "method": index.method.as_str(),
            "unique": index.unique,
            "primary": index.primary,
            "valid": index.valid,
            "nulls_not_distinct": index.nulls_not_distinct,
            "constraint": index.constraint.as_deref(),
            "columns": keys,
            "include": (!include.is_empty()).then_some(include),
            "has_predicate": index.predicate.is_some(),
            "inherited": index.parent.is_some(),
            "comment": index.comment,
        });
        self.push("indexes", row);
    }

    fn policy(&mut self, table: &Table, policy: &Policy) {
        let mut references = References::default();
        for expr in policy.expressions() {
            references.add_expr(self.catalog, expr);
        }
        references.relations.swap_remove(&table.oid);
        let own = references.columns.iter().filter(|(relation, _)| *relation == table.oid);
        let columns = own.filter_map(|(_, attnum)| table.column_at(*attnum));
        let relations = references.relations.iter().filter_map(|oid| self.catalog.relation_words(*oid));
        let row = json!({
            "schema": table.name.schema.as_str(),
            "table": table.name.name.as_str(),
            "policy": policy.name.as_str(),
            "cmd": match policy.command.value {
                PolicyCommand::All => "ALL",
                PolicyCommand::Select => "SELECT",
                PolicyCommand::Insert => "INSERT",
                PolicyCommand::Update => "UPDATE",
                PolicyCommand::Delete => "DELETE",
            },
            "permissive": policy.permissive,
            "roles": set(policy.roles.value.iter().map(grantee)),
            "has_using": policy.using.is_some(),
            "has_with_check": policy.with_check.is_some(),
            "columns": set(columns.map(|column| column.name.to_string())),
            "relations": set(relations),
            "functions": called(self.catalog, &references),
            "comment": policy.comment,
        });
        self.push("policies", row);
    }

    fn trigger(&mut self, on: &QName, trigger: &Trigger) {
        let event = |event: &TriggerEvent| match event {
            TriggerEvent::Insert => "INSERT".to_string(),
            TriggerEvent::Update => "UPDATE".to_string(),
            TriggerEvent::Delete => "DELETE".to_string(),
            TriggerEvent::Truncate => "TRUNCATE".to_string(),
        };
        let row = json!({
            "schema": on.schema.as_str(),
            "table": on.name.as_str(),
            "trigger": trigger.name.as_str(),
            "function": self.catalog.function_words(&trigger.function),
            "timing": match trigger.timing {
                TriggerTiming::Before => "before",
                TriggerTiming::After => "after",
                TriggerTiming::InsteadOf => "instead of",
            },
            "level": if trigger.for_each_row { "row" } else { "statement" },
            "events": set(trigger.events.iter().map(event)),
            "enabled": trigger.enabled,
            "constraint": trigger.constraint.is_some(),
            "inherited": trigger.inherited,
            "comment": trigger.comment,
        });
        self.push("triggers", row);
    }

    fn rule(&mut self, on: &QName, rule: &Ident) {
        let row = json!({
            "schema": on.schema.as_str(),
            "table": on.name.as_str(),
            "rule": rule.as_str(),
        });
        self.push("rules", row);
    }

    fn views(&mut self) {
        let catalog = self.catalog;
        for view in catalog.views.values() {
            for trigger in view.triggers.values() {
                self.trigger(&view.name, trigger);
            }
            for rule in &view.rules {
                self.rule(&view.name, rule);
            }
            if view.extension.is_none() {
                self.view(view);
            }
        }
    }

    fn view(&mut self, view: &View) {
        let mut references = match &view.query {
            Some(query) => References::of_query(self.catalog, query),
            None => References::default(),
        };
        references.relations.swap_remove(&view.oid);
        let depends_on = references.relations.iter().filter_map(|oid| self.catalog.relation_words(*oid));
        let kind = if view.materialized { "materialized view" } else { "view" };
        let row = json!({
            "schema": view.name.schema.as_str(),
            "view": view.name.name.as_str(),
            "kind": kind,
            "owner": view.owner.quoted(),
            "options": set(view.options.iter().cloned()),
            "security_invoker": view.security_invoker(),
            "security_barrier": view.option_is_on("security_barrier"),
            "populated": view.populated,
            "depends_on": set(depends_on),
            "comment": view.comment,
        });
        self.push("views", row);
        for (at, column) in view.columns.iter().enumerate() {
            let row = json!({
                "schema": view.name.schema.as_str(),
                "table": view.name.name.as_str(),
                "column": column.name.as_str(),
                "position": at + 1,
            });
            self.push("columns", row);
        }
        for index in view.indexes.values() {
            self.index(&view.name, &view.columns, index);
        }
        let letter = if view.materialized { "m" } else { "v" };
        self.relation_rights(kind, letter, &view.name, &view.owner, &view.acl, &view.columns);
    }

    fn sequences(&mut self) {
        let catalog = self.catalog;
        for sequence in catalog.sequences.values().filter(|sequence| sequence.extension.is_none()) {
            let owned_by = sequence.owned_by.and_then(|(oid, attnum)| {
                let table = catalog.tables.get(&oid)?;
                Some(format!("{}.{}", table.name.quoted(), table.column_at(attnum)?.name))
            });
            let row = json!({
                "schema": sequence.name.schema.as_str(),
                "sequence": sequence.name.name.as_str(),
                "owner": sequence.owner.quoted(),
                "type": sequence.data_type.display(catalog),
                "start": sequence.start,
                "increment": sequence.increment,
                "owned_by": owned_by,
            });
            if sequence.persistence == Persistence::Temporary {
                continue;
            }
            self.push("sequences", row);
            self.grants("sequence", &sequence.name, None, &sequence.owner, &sequence.acl);
        }
    }

    fn functions(&mut self) {
        let catalog = self.catalog;
        for function in catalog.functions.values().filter(|function| function.extension.is_none()) {
            let identity = function.identity_arguments(catalog);
            let inputs = function.inputs().map(|argument| argument.data_type.display_bare(catalog));
            let config = function.config.iter().map(|(name, value)| format!("{name}={}", value.value));
            let row = json!({
                "schema": function.name.schema.as_str(),
                "function": function.name.name.as_str(),
                "identity_args": identity,
                "arg_types": inputs.collect::<Vec<_>>(),
                "returns": function.result(catalog),
                "kind": match function.kind {
                    FunctionKind::Function => "function",
                    FunctionKind::Procedure => "procedure",
                    FunctionKind::Aggregate => "aggregate",
                    FunctionKind::Window => "window",
                },
                "language": function.language.as_str(),
                "security_definer": function.security_definer.value,
                "volatility": match function.volatility {
                    Volatility::Immutable => "immutable",
                    Volatility::Stable => "stable",
                    Volatility::Volatile => "volatile",
                },
                "strict": function.strict,
                "leakproof": function.leakproof,
                "parallel": function.parallel,
                "config": set(config),
                "owner": function.owner.quoted(),
                "anon_execute": self.may_execute("anon", function),
                "authenticated_execute": self.may_execute("authenticated", function),
                "comment": function.comment,
            });
            self.push("functions", row);
            let signature = QName { schema: function.name.schema.clone(), name: Ident::default() };
            let object = format!("{}({identity})", function.name.name);
            self.grants("function", &signature, Some(&object), &function.owner, &function.acl);
        }
    }

    fn may_execute(&self, role: &str, function: &Function) -> bool {
        self.catalog.can_execute(&role.into(), function)
    }

    fn types(&mut self) {
        for user_type in self.catalog.types.values().filter(|user_type| user_type.extension.is_none()) {
            self.user_type(user_type);
        }
    }

    fn user_type(&mut self, user_type: &UserType) {
        let mut row = json!({
            "schema": user_type.name.schema.as_str(),
            "type": user_type.name.name.as_str(),
            "kind": "range",
            "labels": null,
            "base": null,
            "notnull": false,
            "has_default": false,
            "check_count": 0,
            "attributes": null,
            "owner": user_type.owner.quoted(),
            "comment": user_type.comment,
        });
        match &user_type.kind {
            UserTypeKind::Enum { labels } => {
                row["kind"] = "enum".into();
                row["labels"] = if labels.is_empty() { Value::Null } else { json!(labels) };
            }
            UserTypeKind::Domain(domain) => {
                row["kind"] = "domain".into();
                row["base"] = domain.base.display(self.catalog).into();
                row["notnull"] = domain.not_null.into();
                row["has_default"] = domain.has_default.into();
                row["check_count"] = domain.checks.len().into();
            }
            UserTypeKind::Composite { attributes } => {
                let attribute = |attribute: &crate::catalog::types::Attribute| {
                    json!({
                        "name": attribute.name.as_str(),
                        "type": attribute.data_type.display(self.catalog),
                    })
                };
                row["kind"] = "composite".into();
                if !attributes.is_empty() {
                    row["attributes"] = attributes.iter().map(attribute).collect();
                }
            }
            UserTypeKind::Range => {}
            UserTypeKind::Base | UserTypeKind::Multirange { .. } => return,
        }
        self.push("types", row);
    }

    /// The grants on a table or view, and what the roles of the API can do with it.
    fn relation_rights(
        &mut self,
        kind: &str,
        letter: &str,
        name: &QName,
        owner: &Ident,
        acl: &Acl,
        columns: &[Column],
    ) {
        self.grants(kind, name, None, owner, acl);
        for column in columns {
            self.grant_rows("column", name, &name.name, Some(&column.name), owner, &column.acl);
        }
        for role in ["anon", "authenticated", "service_role"] {
            let ident = Ident::new(role);
            let privileges = self.catalog.effective(&ident, acl);
            let row = json!({
                "schema": name.schema.as_str(),
                "object": name.name.as_str(),
                "role": role,
                "relkind": letter,
                "schema_usage": self.catalog.can_use_namespace(&ident, &name.schema),
                "select": privileges.contains(Privilege::Select),
                "insert": privileges.contains(Privilege::Insert),
                "update": privileges.contains(Privilege::Update),
                "delete": privileges.contains(Privilege::Delete),
                "any_column_select": self.catalog.can_on_any_column(&ident, acl, columns, Privilege::Select),
            });
            self.push("api_access", row);
        }
    }

    fn grants(&mut self, kind: &str, name: &QName, object: Option<&str>, owner: &Ident, acl: &Acl) {
        self.grant_rows(kind, name, object.unwrap_or(&name.name), None, owner, acl);
    }

    fn grant_rows(
        &mut self,
        kind: &str,
        name: &QName,
        object: &str,
        column: Option<&Ident>,
        owner: &Ident,
        acl: &Acl,
    ) {
        let owner = Grantee::Role(owner.clone());
        for entry in acl.entries.iter().filter(|entry| entry.grantee != owner) {
            let row = json!({
                "kind": kind,
                "schema": name.schema.as_str(),
                "object": object,
                "column": column.map(Ident::as_str),
                "role": grantee(&entry.grantee),
                "privileges": privileges(entry.privileges),
                "grantable": !entry.grantable.is_empty(),
            });
            self.push("grants", row);
        }
    }

    fn default_privileges(&mut self) {
        for defaults in &self.catalog.default_privileges {
            let kind = match defaults.kind {
                ObjectKind::Table => "tables",
                ObjectKind::Sequence => "sequences",
                ObjectKind::Function => "functions",
                ObjectKind::Type => "types",
                _ => "schemas",
            };
            for entry in &defaults.acl.entries {
                let row = json!({
                    "owner": defaults.owner.quoted(),
                    "schema": defaults.schema.as_deref(),
                    "kind": kind,
                    "role": grantee(&entry.grantee),
                    "privileges": privileges(entry.privileges),
                });
                self.push("default_privileges", row);
            }
        }
    }

    fn publications(&mut self) {
        for publication in self.catalog.publications.values() {
            let tables = if publication.all_tables { Vec::new() } else { self.published(publication) };
            let row = json!({
                "publication": publication.name.as_str(),
                "all_tables": publication.all_tables,
                "owner": publication.owner.quoted(),
                "tables": tables,
            });
            self.push("publications", row);
        }
    }

    /// The tables of a publication as `pg_publication_tables` lists them: those of its schemas, and
    /// partitions in place of the partitioned table, or the other way round.
    fn published(&self, publication: &Publication) -> Vec<Value> {
        let catalog = self.catalog;
        let mut tables: BTreeMap<&QName, bool> = BTreeMap::new();
        for table in catalog.tables.values() {
            let in_schema = publication.schemas.contains(&table.name.schema)
                && table.persistence == Persistence::Permanent
                && table.kind != TableKind::Foreign;
            let own = publication.tables.get(&table.oid).map(|published| published.has_filter);
            let Some(has_filter) = own.or(in_schema.then_some(false)) else { continue };
            if publication.via_root {
                if !self.is_published_above(publication, table) {
                    tables.insert(&table.name, has_filter);
                }
                continue;
            }
            let mut open = vec![table];
            while let Some(table) = open.pop() {
                if table.kind == TableKind::Partitioned {
                    open.extend(table.children.iter().filter_map(|oid| catalog.tables.get(oid)));
                } else {
                    tables.entry(&table.name).or_insert(has_filter);
                }
            }
        }
        let row = |(name, has_filter): (&QName, bool)| {
            json!({
                "schema": name.schema.as_str(),
                "table": name.name.as_str(),
                "has_filter": has_filter,
            })
        };
        tables.into_iter().map(row).collect()
    }

    /// Whether a publication has what a partition is a part of.
    fn is_published_above(&self, publication: &Publication, table: &Table) -> bool {
        let mut parent = table.parents.first().filter(|_| table.is_partition);
        while let Some(above) = parent.and_then(|oid| self.catalog.tables.get(oid)) {
            if publication.tables.contains_key(&above.oid) || publication.schemas.contains(&above.name.schema)
            {
                return true;
            }
            parent = above.parents.first().filter(|_| above.is_partition);
        }
        false
    }

    /// The short lists.
    fn rest(&mut self) {
        let catalog = self.catalog;
        for (name, value) in &catalog.database_settings {
            self.push("db_settings", json!({ "setting": format!("{name}={value}") }));
        }
        for extension in catalog.extensions.values() {
            let row =
                json!({ "extension": extension.name.as_str(), "schema": extension.schema.value.as_str() });
            // An extension in `pg_catalog` is no part of the server.
            let is_listed = !is_in_extension_schema(&row);
            if let Some(rows) = self.lists.get_mut("extensions").filter(|_| is_listed) {
                rows.insert(vec![extension.name.to_string()], row);
            }
        }
        for trigger in catalog.event_triggers.values() {
            let row = json!({
                "event_trigger": trigger.name.as_str(),
                "event": trigger.event.as_str(),
                "tags": set(trigger.tags.iter().cloned()),
                "function": catalog.function_words(&trigger.function),
                "owner": trigger.owner.quoted(),
                "enabled": trigger.enabled,
            });
            self.push("event_triggers", row);
        }
        for server in catalog.servers.values() {
            let row = json!({
                "server": server.name.as_str(),
                "wrapper": server.wrapper.as_str(),
                "owner": server.owner.quoted(),
            });
            self.push("foreign_servers", row);
        }
        for bucket in catalog.buckets.values() {
            let row = json!({ "bucket": bucket.id, "name": bucket.name, "public": bucket.public });
            // Seeds and config.toml make some where they are used, which is not in every database.
            self.push(if bucket.migrated { "buckets" } else { "declared_buckets" }, row);
        }
        for job in &catalog.cron_jobs {
            let row = json!({ "job": job.name, "schedule": job.schedule, "command": job.command });
            self.push("cron_jobs", row);
        }
    }
}

/// The names of the functions that something calls. One that the catalog cannot tell from its
/// overloads still has their name; one of `pg_catalog` is not recorded.
fn called(catalog: &Catalog, references: &References) -> Vec<String> {
    let known = references.functions.iter().filter_map(|oid| catalog.functions.get(oid));
    let unknown = references.unknown_functions.iter().filter_map(|name| match &name.schema {
        Some(schema) if *schema == "pg_catalog" => None,
        Some(schema) => Some(QName { schema: schema.clone(), name: name.name.clone() }),
        None => {
            let mut names =
                ["public", "extensions"].map(|schema| QName::new(schema, name.name.clone())).into_iter();
            names.find(|name| catalog.functions_named(name).next().is_some())
        }
    });
    set(known.map(|function| function.name.quoted()).chain(unknown.map(|name| name.quoted())))
}

impl Catalog {
    /// A relation's name as `regclass::text` prints it.
    fn relation_words(&self, oid: Oid) -> Option<String> {
        let table = self.tables.get(&oid).map(|table| &table.name);
        let view = || self.views.get(&oid).map(|view| &view.name);
        let sequence = || self.sequences.get(&oid).map(|sequence| &sequence.name);
        let composite = || self.types.get(&oid).map(|user_type| &user_type.name);
        table.or_else(view).or_else(sequence).or_else(composite).map(QName::quoted)
    }

    /// A function's name as `regproc::text` prints it.
    fn function_words(&self, function: &FunctionRef) -> String {
        let known = function.oid.and_then(|oid| self.functions.get(&oid));
        let name = known.map_or(&function.name, |known| &known.name);
        if name.schema == "pg_catalog" { name.name.quoted() } else { name.quoted() }
    }
}

fn set(items: impl Iterator<Item = String>) -> Vec<String> {
    items.collect::<BTreeSet<_>>().into_iter().collect()
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_cached_key(Value::to_string);
    rows
}

/// A role as `regrole::text` prints it.
fn grantee(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Public => "public".into(),
        Grantee::Role(role) => role.quoted(),
    }
}

fn texts(names: &[Ident]) -> Vec<String> {
    names.iter().map(Ident::to_string).collect()
}

fn privileges(privileges: Privileges) -> Vec<String> {
    set(privileges.iter().map(|privilege| privilege.keyword().to_string()))
}

fn persistence(persistence: Persistence) -> &'static str {
    match persistence {
        Persistence::Permanent => "permanent",
        Persistence::Unlogged => "unlogged",
        Persistence::Temporary => "temp",
    }
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "no action",
        ReferentialAction::Restrict => "restrict",
        ReferentialAction::Cascade => "cascade",
        ReferentialAction::SetNull => "set null",
        ReferentialAction::SetDefault => "set default",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::platform::Exposure;
    use crate::testing::Bench;

    fn replay(text: &str) -> Value {
        to_json(&Bench::new(text).catalog)
    }

    fn only<'a>(out: &'a Value, list: &str) -> &'a Value {
        assert_eq!(out[list].as_array().map(Vec::len), Some(1), "{list}: {}", out[list]);
        &out[list][0]
    }

    #[test]
    fn a_fresh_project_has_nothing_to_tell() {
        for exposure in [Exposure::Exposed, Exposure::Explicit] {
            let out = to_json(&Catalog::supabase(exposure));
            for (list, _) in LISTS {
                assert_eq!(out[list], json!([]), "{list}");
            }
            assert_eq!(out["removed_baseline"], json!({}));
        }
    }

    /// The numbers are those of a real server with the platform's objects.
    #[test]
    fn the_platform_is_complete() {
        let expected = [
            ("api_access", 114, 114),
            ("columns", 356, 356),
            ("constraints", 123, 123),
            ("db_settings", 2, 2),
            ("default_privileges", 63, 60),
            ("event_triggers", 6, 6),
            ("extensions", 5, 5),
            ("functions", 45, 45),
            ("grants", 256, 256),
            ("indexes", 119, 119),
            ("publications", 2, 2),
            ("roles", 16, 16),
            ("schemas", 9, 9),
            ("sequences", 3, 3),
            ("tables", 38, 38),
            ("triggers", 5, 5),
            ("types", 15, 15),
        ];
        let exposed = rows(&Catalog::supabase(Exposure::Exposed));
        let explicit = rows(&Catalog::supabase(Exposure::Explicit));
        for (list, with, without) in expected {
            assert_eq!((exposed[list].len(), explicit[list].len()), (with, without), "{list}");
        }
        let key = ["auth", "one_time_tokens", "one_time_tokens_user_id_fkey"].map(str::to_string);
        assert_eq!(
            exposed["constraints"][key.as_slice()],
            json!({
                "schema": "auth", "table": "one_time_tokens", "constraint": "one_time_tokens_user_id_fkey",
                "type": "foreign key", "columns": ["user_id"], "ref_schema": "auth", "ref_table": "users",
                "ref_columns": ["id"], "on_delete": "cascade", "on_update": "no action",
                "deferrable": false, "initially_deferred": false, "validated": true, "index": null,
                "inherited": false,
            })
        );
    }

    #[test]
    fn tables_with_all_that_hangs_on_them() {
        let out = replay(
            "create table orders (
               id bigint primary key, owner uuid references auth.users on delete cascade,
               total numeric(10, 2) not null default 0, label varchar(20)[] check (label <> '{}'));
             alter table orders enable row level security;
             create index on orders (lower(label[1]), total) include (owner) where total > 0;
             create policy own on orders for select to authenticated
               using (owner = auth.uid() and exists (select 1 from storage.objects o where o.owner = orders.owner));",
        );
        let table = only(&out, "tables");
        assert_eq!((&table["rls"], &table["owner"]), (&json!(true), &json!("postgres")));
        let types: Vec<&str> =
            out["columns"].as_array().into_iter().flatten().filter_map(|row| row["type"].as_str()).collect();
        assert_eq!(types, ["bigint", "character varying(20)[]", "uuid", "numeric(10,2)"]);
        let names: Vec<&str> = out["constraints"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row["constraint"].as_str())
            .collect();
        assert_eq!(names, ["orders_label_check", "orders_owner_fkey", "orders_pkey"]);
        let index = &out["indexes"][0];
        assert_eq!(index["index"], "orders_lower_total_owner_idx");
        assert_eq!((&index["columns"], &index["include"]), (&json!([null, "total"]), &json!(["owner"])));
        let policy = only(&out, "policies");
        assert_eq!(policy["columns"], json!(["owner"]));
        assert_eq!(policy["relations"], json!(["storage.objects"]));
        assert_eq!(policy["functions"], json!(["auth.uid"]));
        assert_eq!(out["grants"].as_array().map(Vec::len), Some(3));
        assert_eq!(out["api_access"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn functions_views_types_and_sequences() {
        let out = replay(
            "create type mood as enum ('sad', 'ok');
             create domain positive as int not null check (value > 0);
             create type pair as (a mood, b timestamptz(3));
             create sequence s as int start 5;
             create view v with (security_invoker) as select id from auth.users;
             create function f(a mood, variadic rest text[] default '{}') returns table (\"Id\" uuid, n bigint)
               language sql stable security definer set search_path = '' as $$ select null, 1 $$;
             create procedure p(inout x int) language sql as 'select x';",
        );
        assert_eq!(out["types"][0]["labels"], json!(["sad", "ok"]));
        assert_eq!(
            out["types"][1]["attributes"][1],
            json!({"name": "b", "type": "timestamp(3) with time zone"})
        );
        assert_eq!(
            (&out["types"][2]["base"], &out["types"][2]["check_count"]),
            (&json!("integer"), &json!(1))
        );
        assert_eq!(
            (&only(&out, "sequences")["start"], &only(&out, "sequences")["type"]),
            (&json!(5), &json!("integer"))
        );
        let view = only(&out, "views");
        assert_eq!((&view["security_invoker"], &view["depends_on"]), (&json!(true), &json!(["auth.users"])));
        let function = &out["functions"][0];
        assert_eq!(function["identity_args"], "a public.mood, VARIADIC rest text[]");
        assert_eq!(function["returns"], "TABLE(\"Id\" uuid, n bigint)");
        assert_eq!(function["arg_types"], json!(["public.mood", "text[]"]));
        assert_eq!(function["config"], json!(["search_path=\"\""]));
        assert_eq!((&function["anon_execute"], &function["security_definer"]), (&json!(true), &json!(true)));
        assert_eq!(out["functions"][1]["identity_args"], "INOUT x integer");
        assert_eq!(out["functions"][1]["returns"], json!(null));
    }

    #[test]
    fn changes_of_the_platform_are_marked() {
        let out = replay(
            "create role staff; grant usage on schema public to staff;
             create policy p on storage.objects for insert to authenticated with check (bucket_id = 'x');
             alter default privileges in schema public revoke select on tables from anon;
             create publication mine for tables in schema public; create table t (a int);
             drop extension \"uuid-ossp\";",
        );
        assert_eq!(only(&out, "schemas")["changed_baseline"], true);
        assert_eq!(out["roles"][0]["member_of"][8], "staff");
        assert_eq!(
            (&out["roles"][0]["role"], &out["roles"][0]["changed_baseline"]),
            (&json!("postgres"), &json!(true))
        );
        assert_eq!(out["roles"][1]["changed_baseline"], json!(null));
        assert_eq!(only(&out, "policies")["table"], "objects");
        assert_eq!(only(&out, "tables")["table"], "t");
        assert_eq!(only(&out, "default_privileges")["role"], "anon");
        assert_eq!(only(&out, "publications")["tables"][0]["table"], "t");
        assert_eq!(out["removed_baseline"]["extensions"], json!([{"extension": "uuid-ossp"}]));
    }
}
