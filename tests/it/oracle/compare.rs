//! What a database has beyond a fresh project, reduced to what a static tool can know, and how it
//! differs from `rls-lint catalog`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The rows of each list.
pub(super) type Dump = BTreeMap<String, Vec<Value>>;

/// The lists: their keys, and the fields that are compared. A field `has_x` stands for `x`.
const LISTS: &[(&str, &[&str], &[&str])] = &[
    ("schemas", &["schema"], &["owner", "acl", "comment"]),
    (
        "roles",
        &["role"],
        &[
            "superuser",
            "inherit",
            "createrole",
            "createdb",
            "login",
            "replication",
            "bypassrls",
            "config",
            "member_of",
        ],
    ),
    ("db_settings", &["setting"], &[]),
    ("extensions", &["extension"], &["schema"]),
    (
        "tables",
        &["schema", "table"],
        &[
            "kind",
            "owner",
            "persistence",
            "rls",
            "force_rls",
            "is_partition",
            "parents",
            "has_partition_key",
            "has_partition_bound",
            "replica_identity",
            "of_type",
            "options",
            "server",
            "comment",
        ],
    ),
    (
        "columns",
        &["schema", "table", "column"],
        &[
            "position",
            "attnum",
            "type",
            "notnull",
            "has_default",
            "has_generated",
            "identity",
            "collation",
            "inherited",
            "comment",
        ],
    ),
    (
        "constraints",
        &["schema", "table", "constraint"],
        &[
            "type",
            "columns",
            "ref_schema",
            "ref_table",
            "ref_columns",
            "on_delete",
            "on_update",
            "deferrable",
            "initially_deferred",
            "validated",
            "index",
            "inherited",
        ],
    ),
    (
        "indexes",
        &["schema", "table", "index"],
        &[
            "method",
            "unique",
            "primary",
            "valid",
            "nulls_not_distinct",
            "constraint",
            "columns",
            "include",
            "has_predicate",
            "inherited",
            "comment",
        ],
    ),
    (
        "policies",
        &["schema", "table", "policy"],
        &[
            "cmd",
            "permissive",
            "roles",
            "has_using",
            "has_with_check",
            "columns",
            "relations",
            "functions",
            "comment",
        ],
    ),
    (
        "views",
        &["schema", "view"],
        &[
            "kind",
            "owner",
            "options",
            "security_invoker",
            "security_barrier",
            "populated",
            "depends_on",
            "comment",
        ],
    ),
    ("sequences", &["schema", "sequence"], &["owner", "type", "start", "increment", "owned_by"]),
    (
        "functions",
        &["schema", "function", "identity_args"],
        &[
            "arg_types",
            "returns",
            "kind",
            "language",
            "security_definer",
            "volatility",
            "strict",
            "leakproof",
            "parallel",
            "config",
            "owner",
            "anon_execute",
            "authenticated_execute",
            "comment",
        ],
    ),
    (
        "triggers",
        &["schema", "table", "trigger"],
        &["function", "timing", "level", "events", "enabled", "constraint", "inherited", "comment"],
    ),
    (
        "types",
        &["schema", "type"],
        &[
            "kind",
            "labels",
            "base",
            "notnull",
            "has_default",
            "check_count",
            "attributes",
            "owner",
            "comment",
        ],
    ),
    ("grants", &["kind", "schema", "object", "column", "role"], &["privileges", "grantable"]),
    (
        "api_access",
        &["schema", "object", "role"],
        &["relkind", "schema_usage", "select", "insert", "update", "delete", "any_column_select"],
    ),
    ("default_privileges", &["owner", "schema", "kind", "role"], &["privileges"]),
    ("publications", &["publication"], &["all_tables", "owner", "tables"]),
    ("event_triggers", &["event_trigger"], &["event", "tags", "function", "owner", "enabled"]),
    ("rules", &["schema", "table", "rule"], &[]),
    ("foreign_servers", &["server"], &["wrapper", "owner"]),
    ("buckets", &["bucket"], &["name", "public"]),
    ("cron_jobs", &["job", "schedule", "command"], &[]),
];

/// Fields whose order means nothing, and for which null is the empty set.
const SETS: [&str; 13] = [
    "config",
    "member_of",
    "options",
    "roles",
    "privileges",
    "relations",
    "functions",
    "depends_on",
    "events",
    "tags",
    "acl",
    "parents",
    "tables",
];

/// The role that runs migrations. On the platform it is no superuser, and a member of roles it makes.
const OWNER: &str = "postgres";

/// Made by the scripts of extensions, which a static tool does not read.
const EXTENSION_SCHEMAS: [&str; 14] = [
    "cron",
    "net",
    "pgmq",
    "pgtle",
    "pgsodium",
    "pgsodium_masks",
    "vault",
    "topology",
    "tiger",
    "tiger_data",
    "repack",
    "pgroonga",
    "dbdev",
    "graphql",
];
const EXTENSION_ROLES: [&str; 4] =
    ["pgtle_admin", "pgsodium_keyiduser", "pgsodium_keyholder", "pgsodium_keymaker"];

type Key = Vec<String>;
type Rows = BTreeMap<Key, Value>;

/// What `rls-lint catalog --format json` is to print.
pub(super) struct Expected {
    lists: BTreeMap<&'static str, Rows>,
    removed: BTreeMap<&'static str, BTreeSet<Key>>,
    has_maintain: bool,
}

impl Expected {
    /// What differs from a fresh project, in the fields that are compared.
    pub(super) fn new(full: &Dump, fresh: &Dump) -> Self {
        let mut lists = BTreeMap::new();
        let mut removed = BTreeMap::new();
        for (list, keys, fields) in LISTS {
            let mut now = reduce(full, list, keys, fields);
            let before = reduce(fresh, list, keys, fields);
            let is_extensions =
                |key: &Key| keys[0] == "schema" && EXTENSION_SCHEMAS.contains(&key[0].as_str());
            let gone = before.keys().filter(|key| !now.contains_key(*key) && !is_extensions(key));
            removed.insert(*list, gone.cloned().collect());
            // Where an extension cannot be installed, what the baseline makes in its place is its own.
            let is_stand_in =
                |key: &Key| *list == "functions" && is_extensions(key) && before.contains_key(key);
            now.retain(|key, row| before.get(key) != Some(row) && !is_stand_in(key));
            for (key, row) in &mut now {
                row["changed_baseline"] = before.contains_key(key).into();
            }
            lists.insert(*list, now);
        }
        Self { lists, removed, has_maintain: has_maintain(fresh) }
    }

    /// What differs from a fresh project, from the rows that are new and those that are gone.
    pub(super) fn changes(now: &Dump, gone: &Dump, has_maintain: bool) -> Self {
        Self { has_maintain, ..Self::new(now, gone) }
    }

    /// What is missing, extra or different, a line each.
    pub(super) fn differences(&self, actual: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        for (list, keys, _) in LISTS {
            let expected = &self.lists[list];
            let mut actual_rows = rows(&actual[list], keys);
            if !self.has_maintain {
                actual_rows.retain(|_, row| without_maintain(row));
            }
            if *list == "roles" && !expected.contains_key(&vec![OWNER.to_string()]) {
                actual_rows.remove(&vec![OWNER.to_string()]);
            }
            for (key, row) in expected {
                let Some(actual) = actual_rows.get(key) else {
                    lines.push(format!("{list} {}: missing {row}", key.join(".")));
                    continue;
                };
                for (field, expected) in row.as_object().into_iter().flatten() {
                    let is_platform_only = *list == "roles"
                        && key == &[OWNER]
                        && ["superuser", "member_of"].contains(&field.as_str());
                    let actual = canonical(list, field, &actual[field]);
                    if *expected != actual && !is_platform_only {
                        lines.push(format!(
                            "{list} {}: {field} is {expected}, replayed as {actual}",
                            key.join(".")
                        ));
                    }
                }
            }
            for (key, row) in actual_rows.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                lines.push(format!("{list} {}: extra {row}", key.join(".")));
            }
            let gone: BTreeSet<Key> = rows(&actual["removed_baseline"][list], keys).into_keys().collect();
            if gone != self.removed[list] {
                lines.push(format!("{list}: removed {:?}, replayed as {gone:?}", self.removed[list]));
            }
        }
        lines
    }
}

/// How much of a list is equal.
pub(super) struct Share {
    pub(super) list: &'static str,
    pub(super) equal: usize,
    /// Those of either side.
    pub(super) objects: usize,
}

impl Expected {
    /// How much of each list is equal, by its differences.
    pub(super) fn shares(&self, differences: &[String]) -> Vec<Share> {
        let share = |(list, rows): (&&'static str, &Rows)| {
            let of_list = differences.iter().filter_map(|line| line.strip_prefix(&format!("{list} ")));
            let extra = of_list.clone().filter(|line| line.contains(": extra {")).count();
            let unequal: BTreeSet<&str> = of_list.filter_map(|line| line.split(": ").next()).collect();
            let objects = rows.len() + extra;
            Share { list, equal: objects - unequal.len(), objects }
        };
        self.lists.iter().map(share).collect()
    }
}

/// Whether tables can be granted the privilege that PostgreSQL 17 brought.
pub(super) fn has_maintain(fresh: &Dump) -> bool {
    fresh["grants"].iter().any(|row| {
        canonical("grants", "privileges", &row["privileges"])
            .as_array()
            .is_some_and(|privileges| privileges.contains(&json!("MAINTAIN")))
    })
}

/// The rows that count, with the fields that are compared.
fn reduce(dump: &Dump, list: &str, keys: &[&str], fields: &[&str]) -> Rows {
    let none = Vec::new();
    let is_view = |row: &Value| {
        let mut views = dump.get("views").unwrap_or(&none).iter();
        views.any(|view| view["schema"] == row["schema"] && view["view"] == row["table"])
    };
    let mut out = Rows::new();
    for row in dump.get(list).unwrap_or(&none) {
        let schema = row["schema"].as_str().unwrap_or_default();
        let is_kept = ["functions", "grants", "policies", "triggers"].contains(&list);
        let is_extensions = !row["extension"].is_null() && list != "extensions"
            || EXTENSION_ROLES.contains(&row["role"].as_str().unwrap_or_default());
        if is_extensions || schema == "supabase_migrations" || !is_kept && EXTENSION_SCHEMAS.contains(&schema)
        {
            continue;
        }
        let fields = if list == "columns" && is_view(row) { &["position"] } else { fields };
        let reduced = fields.iter().map(|field| {
            let mut value = canonical(list, field, &field_of(row, field));
            if let ("check", "columns", Some(columns)) =
                (row["type"].as_str().unwrap_or_default(), *field, value.as_array_mut())
            {
                columns.sort_by_cached_key(Value::to_string);
            }
            ((*field).to_string(), value)
        });
        out.insert(key_of(row, keys), reduced.collect::<Map<_, _>>().into());
    }
    out
}

/// A field that is compared, from a row as the server gives it.
fn field_of(row: &Value, field: &str) -> Value {
    if field == "tables" && row["all_tables"] == true {
        return Value::Null;
    }
    if let Some(known) = row.get(field) {
        return known.clone();
    }
    match field.strip_prefix("has_") {
        Some(text) => (!row[text].is_null()).into(),
        None if field == "check_count" => row["checks"].as_array().map_or(0, Vec::len).into(),
        None => Value::Null,
    }
}

/// A value without what means nothing: the order of sets, and how an empty one is written.
fn canonical(list: &str, field: &str, value: &Value) -> Value {
    if (field.starts_with("has_") || field == "changed_baseline") && value.is_null() {
        return false.into();
    }
    let is_set = SETS.contains(&field) || list == "policies" && field == "columns";
    if !is_set {
        return value.clone();
    }
    let mut items = value.as_array().cloned().unwrap_or_default();
    for item in &mut items {
        if field == "tables" {
            let has_filter = item.get("has_filter").cloned().unwrap_or((!item["filter"].is_null()).into());
            *item = json!({"schema": item["schema"], "table": item["table"], "has_filter": has_filter});
        }
    }
    items.sort_by_cached_key(Value::to_string);
    // A policy keeps a role as often as it was said.
    items.dedup();
    items.into()
}

fn key_of(row: &Value, keys: &[&str]) -> Key {
    keys.iter().map(|key| row[*key].as_str().unwrap_or_default().to_string()).collect()
}

fn rows(list: &Value, keys: &[&str]) -> Rows {
    list.as_array().into_iter().flatten().map(|row| (key_of(row, keys), row.clone())).collect()
}

/// Takes the privilege that PostgreSQL 17 brought out of a row; false if nothing is left of it.
fn without_maintain(row: &mut Value) -> bool {
    let Some(privileges) = row["privileges"].as_array_mut() else { return true };
    let was_empty = privileges.is_empty();
    privileges.retain(|privilege| privilege != "MAINTAIN");
    was_empty || !privileges.is_empty()
}
