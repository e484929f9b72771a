//! Row level security and its policies.

use serde_json::json;

use super::tables::table_metadata;
use super::{Lint, ROLES, Row, array_text, is_readable, is_served, is_system};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Bucket;
use crate::catalog::table::{Table, TableKind};
use crate::diagnostic::Identity;
use crate::sql::expr::{Expr, Literal};
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand};
use crate::workload::Workload;
use crate::workload::identity::caller_calls_unwrapped;

const CALL_PER_ROW: Lint = Lint::new("auth_rls_initplan", "WARN", "PERFORMANCE");
const SEVERAL_PERMISSIVE: Lint = Lint::new("multiple_permissive_policies", "WARN", "PERFORMANCE");
const WITHOUT_RLS: Lint = Lint::new("policy_exists_rls_disabled", "ERROR", "SECURITY");
const WITHOUT_POLICY: Lint = Lint::new("rls_enabled_no_policy", "INFO", "SECURITY");
const RLS_DISABLED: Lint = Lint::new("rls_disabled_in_public", "ERROR", "SECURITY");
const QUEUE_EXPOSED: Lint = Lint::new("insecure_queue_exposed_in_api", "ERROR", "SECURITY");
const USER_METADATA: Lint = Lint::new("rls_references_user_metadata", "ERROR", "SECURITY");
const ALWAYS_TRUE: Lint = Lint::new("rls_policy_always_true", "WARN", "SECURITY");
const BUCKET_LISTING: Lint = Lint::new("public_bucket_allows_listing", "WARN", "SECURITY");

const COMMANDS: [(PolicyCommand, &str); 4] = [
    (PolicyCommand::Select, "SELECT"),
    (PolicyCommand::Insert, "INSERT"),
    (PolicyCommand::Update, "UPDATE"),
    (PolicyCommand::Delete, "DELETE"),
];

pub(super) fn rows(catalog: &Catalog, workload: &Workload) -> Vec<Row> {
    let mut rows = Vec::new();
    let rls = catalog.doubts(&[Aspect::Rls]);
    let rights = catalog.doubts(&[Aspect::Rls, Aspect::Grants]);
    let policies = catalog.doubts(&[Aspect::Rls, Aspect::Policies]);
    // Queues belong to the extension, which this lint does not mind.
    for queue in catalog.tables.values().filter(|table| table.name.schema == "pgmq") {
        if !rights.concern(&queue.name) {
            rows.extend(queue_exposed(catalog, queue));
        }
    }
    for table in catalog.tables.values().filter(|table| table.extension.is_none()) {
        let name = &table.name;
        if !policies.concern(name) && (!is_system(&name.schema) || name.schema == "realtime") {
            rows.extend(calls_per_row(table));
        }
        if is_system(&name.schema) || rls.concern(name) {
            continue;
        }
        if !policies.concern(name) {
            rows.extend(several_permissive(catalog, table));
            rows.extend(policies_and_switch(table));
            rows.extend(
                table.policies.values().filter_map(|policy| user_metadata(catalog, workload, table, policy)),
            );
            rows.extend(table.policies.values().filter_map(|policy| always_true(table, policy)));
        }
        if !rights.concern(name) {
            rows.extend(rls_disabled(catalog, table));
        }
    }
    rows.extend(bucket_listing(catalog));
    rows
}

fn policy_object(table: &Table, policy: &Policy) -> Identity {
    Identity::part("policy", &table.name, policy.name.to_string())
}

fn calls_per_row(table: &Table) -> Vec<Row> {
    let (schema, name) = (&table.name.schema, &table.name.name);
    let asking = table.policies.values().filter(|policy| {
        table.rls.value && policy.expressions().any(|expr| !caller_calls_unwrapped(expr).is_empty())
    });
    asking
        .map(|policy| Row {
            // The key is not spelled as the name is.
            cache_key: format!("auth_rls_init_plan_{schema}_{name}_{}", policy.name),
            ..CALL_PER_ROW.row(
                "",
                table_metadata(&table.name),
                format!(
                    "Table `{schema}.{name}` has a row level security policy `{}` that re-evaluates current_setting() or auth.<function>() for each row. This produces suboptimal query performance at scale. Resolve the issue by replacing `auth.<function>()` with `(select auth.<function>())`. See [docs](https://supabase.com/docs/guides/database/postgres/row-level-security#call-functions-with-select) for more info.",
                    policy.name
                ),
                policy_object(table, policy),
                policy.name_span,
            )
        })
        .collect()
}

/// For each role of requests and each command.
fn several_permissive(catalog: &Catalog, table: &Table) -> Vec<Row> {
    let mut rows = Vec::new();
    if table.kind != TableKind::Ordinary || !table.rls.value {
        return rows;
    }
    let (schema, name) = (&table.name.schema, &table.name.name);
    for role in catalog.api_roles().filter(|role| !role.bypassrls) {
        for (command, word) in COMMANDS {
            let mut names: Vec<&str> = table
                .policies
                .values()
                .filter(|policy| {
                    policy.permissive && policy.covers(command) && names_role(policy, &role.name)
                })
                .map(|policy| policy.name.as_str())
                .collect();
            names.sort_unstable();
            if names.len() > 1 {
                let listed = array_text(&names);
                rows.push(SEVERAL_PERMISSIVE.row(
                    &format!("{schema}_{name}_{}_{word}", role.name),
                    table_metadata(&table.name),
                    format!("Table `{schema}.{name}` has multiple permissive policies for role `{}` for action `{word}`. Policies include `{listed}`", role.name),
                    Identity::new("table", &table.name),
                    table.policies.values().next().map(|policy| policy.name_span),
                ));
            }
        }
    }
    rows
}

/// By its own name or as one of everybody; membership does not count.
fn names_role(policy: &Policy, role: &Ident) -> bool {
    policy.roles.value.iter().any(|grantee| match grantee {
        Grantee::Public => true,
        Grantee::Role(named) => named == role,
    })
}

fn policies_and_switch(table: &Table) -> Option<Row> {
    if table.kind != TableKind::Ordinary || table.rls.value != table.policies.is_empty() {
        return None;
    }
    let (schema, name) = (&table.name.schema, &table.name.name);
    let mut names: Vec<&str> = table.policies.keys().map(Ident::as_str).collect();
    names.sort_unstable();
    let (lint, detail) = if table.rls.value {
        (WITHOUT_POLICY, format!("Table `{schema}.{name}` has RLS enabled, but no policies exist"))
    } else {
        (
            WITHOUT_RLS,
            format!(
                "Table `{schema}.{name}` has RLS policies but RLS is not enabled on the table. Policies include {}.",
                array_text(&names)
            ),
        )
    };
    let object = Identity::new("table", &table.name);
    Some(lint.row(&format!("{schema}_{name}"), table_metadata(&table.name), detail, object, table.name_span))
}

fn rls_disabled(catalog: &Catalog, table: &Table) -> Option<Row> {
    let open = table.kind == TableKind::Ordinary
        && !table.rls.value
        && is_served(catalog, &table.name)
        && is_readable(catalog, &table.acl);
    open.then(|| without_rls(&RLS_DISABLED, table))
}

fn without_rls(lint: &Lint, table: &Table) -> Row {
    let (schema, name) = (&table.name.schema, &table.name.name);
    Row {
        // Queues have the key of other tables.
        cache_key: format!("rls_disabled_in_public_{schema}_{name}"),
        ..lint.row(
            "",
            table_metadata(&table.name),
            format!("Table `{schema}.{name}` is public, but RLS has not been enabled."),
            Identity::new("table", &table.name),
            table.name_span,
        )
    }
}

fn queue_exposed(catalog: &Catalog, table: &Table) -> Option<Row> {
    let open = table.name.name.starts_with("q_")
        && table.kind == TableKind::Ordinary
        && !table.rls.value
        && catalog.is_exposed("pgmq_public")
        && is_readable(catalog, &table.acl);
    open.then(|| without_rls(&QUEUE_EXPOSED, table))
}

fn user_metadata(catalog: &Catalog, workload: &Workload, table: &Table, policy: &Policy) -> Option<Row> {
    let reads_claims = |expr: &Expr| {
        let Some(found) = workload.user_metadata(catalog, expr) else { return false };
        let mut is_call = false;
        expr.walk(&mut |part| is_call |= matches!(part, Expr::Call(call) if call.span == found.span));
        is_call && found.through.is_empty()
    };
    if !policy.expressions().any(reads_claims) {
        return None;
    }
    let (schema, name) = (&table.name.schema, &table.name.name);
    Some(USER_METADATA.row(
        &format!("{schema}_{name}_{}", policy.name),
        table_metadata(&table.name),
        format!("Table `{schema}.{name}` has a row level security policy `{}` that references Supabase Auth `user_metadata`. `user_metadata` is editable by end users and should never be used in a security context.", policy.name),
        policy_object(table, policy),
        policy.name_span,
    ))
}

/// The constants that splinter takes for true, as the server prints them.
fn true_text(clause: &Clause) -> Option<&'static str> {
    let is_one = |expr: &Expr| matches!(expr, Expr::Literal(Literal::Number(number)) if number == "1");
    match &clause.value {
        Expr::Literal(Literal::Bool(true)) => Some("true"),
        Expr::Op { op, left: Some(left), right } if op == "=" && is_one(left) && is_one(right) => {
            Some("(1 = 1)")
        }
        _ => None,
    }
}

/// An absent clause lets nothing through by itself.
fn always_true(table: &Table, policy: &Policy) -> Option<Row> {
    let command = policy.command.value;
    let names_a_role = || ROLES.iter().any(|role| names_role(policy, &Ident::new(role)));
    if table.kind != TableKind::Ordinary || !table.rls.value || !policy.permissive || !names_a_role() {
        return None;
    }
    let (using, check) = (policy.using.as_ref(), policy.with_check.as_ref());
    let changes = matches!(command, PolicyCommand::Update | PolicyCommand::Delete | PolicyCommand::All);
    let adds = matches!(command, PolicyCommand::Update | PolicyCommand::All);
    let using_is_true = using.is_some_and(|clause| true_text(clause).is_some());
    let check_is_true = match check {
        Some(clause) => true_text(clause).is_some(),
        None => adds && using_is_true,
    };
    if !(changes && using_is_true || check_is_true) {
        return None;
    }
    let open_using = changes && (using_is_true || using.is_none());
    let open = match (open_using, check_is_true) {
        (true, true) => " (both USING and WITH CHECK are always true)",
        (true, false) => " (USING clause is always true)",
        _ => " (WITH CHECK clause is always true)",
    };
    let roles: Vec<String> = policy
        .roles
        .value
        .iter()
        .map(|grantee| match grantee {
            Grantee::Public => "-".to_string(),
            Grantee::Role(role) => role.quoted(),
        })
        .collect();
    let word = COMMANDS.iter().find(|(known, _)| *known == command).map_or("ALL", |(_, word)| word);
    let (schema, name) = (&table.name.schema, &table.name.name);
    // Only constants are known as the server prints them.
    let text = |clause: Option<&Clause>| clause.map(|clause| true_text(clause).unwrap_or("…"));
    Some(ALWAYS_TRUE.row(
        &format!("{schema}_{name}_{}", policy.name),
        json!({
            "schema": schema.as_str(), "name": name.as_str(), "type": "table", "policy_name": policy.name.as_str(),
            "command": word, "roles": roles, "qual": text(using), "with_check": text(check),
            "permissive_using": open_using, "permissive_with_check": check_is_true,
        }),
        format!("Table `{schema}.{name}` has an RLS policy `{}` for `{word}` that allows unrestricted access{open}. This effectively bypasses row-level security for {}.", policy.name, roles.join(", ")),
        policy_object(table, policy),
        policy.name_span,
    ))
}

/// Public buckets whose files a policy lets everybody list.
fn bucket_listing(catalog: &Catalog) -> Vec<Row> {
    let objects =
        catalog.tables.values().find(|table| table.name.schema == "storage" && table.name.name == "objects");
    let Some(objects) = objects.filter(|table| !catalog.may_have_changed(&table.name, Aspect::Policies))
    else {
        return Vec::new();
    };
    let listing = |policy: &&Policy| {
        policy.permissive
            && policy.covers(PolicyCommand::Select)
            && ROLES.iter().any(|role| names_role(policy, &Ident::new(role)))
    };
    let public = catalog.buckets.values().filter(|bucket| bucket.public && bucket.migrated);
    public
        .filter_map(|bucket| {
            let broad = objects.policies.values().filter(listing).filter(|policy| opens(policy, bucket));
            let mut names: Vec<&str> = broad.map(|policy| policy.name.as_str()).collect();
            names.sort_unstable();
            (!names.is_empty()).then(|| bucket_row(bucket, &names))
        })
        .collect()
}

/// Whether a policy asks for nothing but the bucket.
fn opens(policy: &Policy, bucket: &Bucket) -> bool {
    let Some(clause) = &policy.using else { return false };
    let names_bucket = match &clause.value {
        Expr::Op { op, left: Some(left), right } if op == "=" => {
            let is_id = matches!(left.uncast(), Expr::Column(column) if column.path.last().is_some_and(|name| *name == "bucket_id"));
            let same = matches!(right.uncast(), Expr::Literal(Literal::String(text)) if *text == bucket.id);
            is_id && same
        }
        _ => false,
    };
    names_bucket || true_text(clause).is_some()
}

fn bucket_row(bucket: &Bucket, names: &[&str]) -> Row {
    let noun = if names.len() == 1 { "policy" } else { "policies" };
    BUCKET_LISTING.row(
        &bucket.id,
        json!({
            "schema": "storage", "name": bucket.name, "type": "bucket", "bucket_id": bucket.id,
            "bucket_name": bucket.name, "policy_names": names, "policy_count": names.len(),
        }),
        format!("Public bucket `{}` has {} broad SELECT {noun} on `storage.objects` ({}), allowing clients to list all files. Public buckets don't need this for object URL access and it may expose more data than intended.", bucket.name, names.len(), names.join(", ")),
        Identity::plain("bucket", bucket.id.clone()),
        bucket.origin.span(),
    )
}
