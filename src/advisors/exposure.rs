//! Views, functions, extensions and what the two APIs show.

use serde_json::json;

use super::{Lint, ROLES, Row, is_readable, is_served, is_system};
use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::function::{Function, FunctionKind};
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Table, TableKind};
use crate::catalog::view::View;
use crate::diagnostic::Identity;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::{FunctionBody, Privilege};

const USERS_EXPOSED: Lint = Lint::new("auth_users_exposed", "ERROR", "SECURITY");
const DEFINER_VIEW: Lint = Lint::new("security_definer_view", "ERROR", "SECURITY");
const MATERIALIZED_VIEW: Lint = Lint::new("materialized_view_in_api", "WARN", "SECURITY");
const FOREIGN_TABLE: Lint = Lint::new("foreign_table_in_api", "WARN", "SECURITY");
const EXTENSION_IN_PUBLIC: Lint = Lint::new("extension_in_public", "WARN", "SECURITY");
const MUTABLE_PATH: Lint = Lint::new("function_search_path_mutable", "WARN", "SECURITY");
const GRAPHQL: [Lint; 2] = [
    Lint::new("pg_graphql_anon_table_exposed", "WARN", "SECURITY"),
    Lint::new("pg_graphql_authenticated_table_exposed", "WARN", "SECURITY"),
];
const DEFINER_FUNCTION: [Lint; 2] = [
    Lint::new("anon_security_definer_function_executable", "WARN", "SECURITY"),
    Lint::new("authenticated_security_definer_function_executable", "WARN", "SECURITY"),
];

pub(super) fn rows(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    let views = catalog.doubts(&[Aspect::Views, Aspect::Grants]);
    let grants = catalog.doubts(&[Aspect::Grants]);
    let functions = catalog.doubts(&[Aspect::Functions]);
    let rights = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    for view in catalog.views.values().filter(|view| view.extension.is_none() && !views.concern(&view.name)) {
        if is_served(catalog, &view.name) && is_readable(catalog, &view.acl) {
            rows.extend(users_exposed(catalog, view));
            rows.extend(served_view(view));
        }
        let kind = if view.materialized { "materialized view" } else { "view" };
        rows.extend(graphql(catalog, &view.name, &view.acl, &view.columns, kind, view.name_span));
    }
    for table in
        catalog.tables.values().filter(|table| table.extension.is_none() && !grants.concern(&table.name))
    {
        rows.extend(foreign_table(catalog, table));
        let kind = match table.kind {
            TableKind::Ordinary => "table",
            TableKind::Foreign => "foreign table",
            TableKind::Partitioned => continue,
        };
        rows.extend(graphql(catalog, &table.name, &table.acl, &table.columns, kind, table.name_span));
    }
    for function in catalog.functions.values().filter(|function| function.extension.is_none()) {
        if !functions.concern(&function.name) {
            rows.extend(mutable_path(function));
        }
        if !rights.concern(&function.name) {
            rows.extend(definer_functions(catalog, function));
        }
    }
    rows.extend(extensions_in_public(catalog));
    rows
}

/// A view over `auth.users` that the API serves and that reads it with the rights of its owner.
fn users_exposed(catalog: &Catalog, view: &View) -> Option<Row> {
    let users = catalog.table(&QName::new("auth", "users"))?;
    let mut reads = false;
    view.query.as_ref()?.walk_relations(&mut |relation| reads |= relation.target == Some(users.oid));
    if !reads || !view.materialized && view.security_invoker() && users.rls.value {
        return None;
    }
    let reader =
        ROLES.into_iter().find(|role| catalog.can(&Ident::new(role), &view.acl, Privilege::Select))?;
    let (schema, name) = (&view.name.schema, &view.name.name);
    Some(USERS_EXPOSED.row(
        &format!("{schema}_{name}"),
        json!({"schema": schema.as_str(), "name": name.as_str(), "type": "view", "exposed_to": [reader]}),
        format!("View/Materialized View \"{name}\" in the public schema may expose `auth.users` data to anon or authenticated roles."),
        Identity::new("view", &view.name),
        view.name_span,
    ))
}

fn served_view(view: &View) -> Option<Row> {
    let (schema, name) = (&view.name.schema, &view.name.name);
    let (lint, kind, detail) = if view.materialized {
        let detail =
            format!("Materialized view `{schema}.{name}` is selectable by anon or authenticated roles");
        (MATERIALIZED_VIEW, "materialized view", detail)
    } else if view.security_invoker() {
        return None;
    } else {
        (
            DEFINER_VIEW,
            "view",
            format!("View `{schema}.{name}` is defined with the SECURITY DEFINER property"),
        )
    };
    Some(lint.row(
        &format!("{schema}_{name}"),
        json!({"schema": schema.as_str(), "name": name.as_str(), "type": kind}),
        detail,
        Identity::new("view", &view.name),
        view.name_span,
    ))
}

fn foreign_table(catalog: &Catalog, table: &Table) -> Option<Row> {
    let served = table.kind == TableKind::Foreign
        && is_served(catalog, &table.name)
        && is_readable(catalog, &table.acl);
    let (schema, name) = (&table.name.schema, &table.name.name);
    served.then(|| {
        FOREIGN_TABLE.row(
            &format!("{schema}_{name}"),
            json!({"schema": schema.as_str(), "name": name.as_str(), "type": "foreign table"}),
            format!("Foreign table `{schema}.{name}` is accessible over APIs"),
            Identity::new("table", &table.name),
            table.name_span,
        )
    })
}

/// What GraphQL shows of its schema: it asks for no more than one column that can be read.
fn graphql(
    catalog: &Catalog,
    name: &QName,
    acl: &Acl,
    columns: &[Column],
    kind: &str,
    place: Option<Span>,
) -> Vec<Row> {
    if !catalog.extensions.contains_key("pg_graphql") || is_system(&name.schema) {
        return Vec::new();
    }
    let shown = |role: &str| catalog.can_on_any_column(&Ident::new(role), acl, columns, Privilege::Select);
    let (schema, relation) = (&name.schema, &name.name);
    let details = [
        format!(
            "{kind} `{schema}.{relation}` is visible in the GraphQL schema because the `anon` role can `SELECT` it. Revoke `SELECT` from `anon` if it should not be discoverable without signing in."
        ),
        format!(
            "{kind} `{schema}.{relation}` is visible in the GraphQL schema to signed-in users because the `authenticated` role can `SELECT` it. Revoke `SELECT` from `authenticated` if it should not be discoverable to every account."
        ),
    ];
    let object = if kind.ends_with("view") { "view" } else { "table" };
    let row = |(lint, detail): (&Lint, String)| {
        let metadata = json!({"schema": schema.as_str(), "name": relation.as_str(), "type": kind});
        lint.row(&format!("{schema}_{relation}"), metadata, detail, Identity::new(object, name), place)
    };
    let told = ROLES.iter().zip(GRAPHQL.iter().zip(details)).filter(|(role, _)| shown(role));
    told.map(|(_, told)| row(told)).collect()
}

fn mutable_path(function: &Function) -> Option<Row> {
    let settled = function.kind == FunctionKind::Aggregate
        || matches!(function.body, Some(FunctionBody::Statements { .. }));
    if settled || is_system(&function.name.schema) || function.config.contains_key("search_path") {
        return None;
    }
    let body = match &function.body {
        Some(FunctionBody::Text(body)) => &*body.text,
        _ => return None,
    };
    let (schema, name) = (&function.name.schema, &function.name.name);
    Some(MUTABLE_PATH.row(
        &format!("{schema}_{name}_{:x}", md5::compute(body.as_bytes())),
        json!({"schema": schema.as_str(), "name": name.as_str(), "type": "function"}),
        format!("Function `{schema}.{name}` has a role mutable search_path"),
        Identity::new("function", &function.name),
        function.name_span,
    ))
}

/// Triggers cannot be called.
fn definer_functions(catalog: &Catalog, function: &Function) -> Vec<Row> {
    if !function.security_definer.value || function.is_trigger() || !is_served(catalog, &function.name) {
        return Vec::new();
    }
    let (schema, name) = (&function.name.schema, &function.name.name);
    let arguments = function.identity_arguments(catalog);
    let called = ROLES.iter().zip(&DEFINER_FUNCTION);
    called
        .filter(|(role, _)| catalog.can_execute(&Ident::new(role), function))
        .map(|(role, lint)| {
            lint.row(
                &format!("{schema}_{name}_{arguments}"),
                json!({"schema": schema.as_str(), "name": name.as_str(), "arguments": arguments, "language": function.language.as_str(), "security_definer": true}),
                format!("Function `{schema}.{name}({arguments})` can be executed by the `{role}` role as a `SECURITY DEFINER` function via `/rest/v1/rpc/{name}`. Revoke `EXECUTE` or switch it to `SECURITY INVOKER` if that is not intentional."),
                Identity::new("function", &function.name),
                function.name_span,
            )
        })
        .collect()
}

fn extensions_in_public(catalog: &Catalog) -> impl Iterator<Item = Row> {
    let public = catalog.extensions.values().filter(|it| it.schema.value == "public" && it.name != "plpgsql");
    public.map(|extension| {
        let name = &extension.name;
        EXTENSION_IN_PUBLIC.row(
            name,
            json!({"schema": "public", "name": name.as_str(), "type": "extension"}),
            format!("Extension `{name}` is installed in the public schema. Move it to another schema."),
            Identity::plain("extension", name.to_string()),
            extension.name_span,
        )
    })
}
