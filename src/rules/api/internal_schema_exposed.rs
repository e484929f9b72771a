use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::origin::Origin;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::name::Ident;

declare_rule! {
    /// Finds schemas among those of the Data API that are not made for it.
    ///
    /// ## Why it matters
    ///
    /// What the API serves is reachable with the public API key as far as grants go. Schemas such as
    /// `auth`, `vault` and `private` are where an app keeps what must not be: one grant that was
    /// harmless inside the database then publishes it.
    ///
    /// ```sql,bad
    /// alter role authenticator set pgrst.db_schemas = 'public, auth';
    /// ```
    ///
    /// ```sql,good
    /// alter role authenticator set pgrst.db_schemas = 'public, api';
    /// ```
    ///
    /// It is an error where a role of the API holds rights on a table of the schema without row level
    /// security, and an info for `storage`: it stood in `config.toml` as older versions of the CLI made
    /// it, and its files have an API of their own.
    ///
    /// ## How to fix
    ///
    /// Take the schema out of `[api] schemas` in `supabase/config.toml`, and put what callers need
    /// behind a view or a function of a schema that is made for them.
    "internal-schema-exposed" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "Data API serves an internal schema",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// Schemas of the platform and of its extensions, and names that say what they are for.
#[rustfmt::skip]
const INTERNAL: &[&str] = &[
    "auth", "storage", "vault", "realtime", "extensions", "graphql", "net", "cron", "pgmq", "pgsodium",
    "pgbouncer", "supabase_functions", "supabase_migrations", "pg_catalog", "information_schema",
    "private", "internal", "secret", "secrets",
];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for schema in cx.catalog.api.schemas.iter().filter(|schema| INTERNAL.contains(&schema.as_str())) {
        // Where the caller of the linter says what is served, there is no place to point at.
        if let Some(span) = cx.catalog.api.exposed_at.get(schema) {
            report(cx.catalog, schema, *span, out);
        }
    }
}

fn report(catalog: &Catalog, schema: &Ident, span: Span, out: &mut Findings) {
    let open: Vec<String> = catalog
        .tables
        .values()
        .filter(|table| {
            table.name.schema == *schema && !table.rls.value && !catalog.table_access(table).is_empty()
        })
        .map(|table| table.name.to_string())
        .collect();
    let message = match open.as_slice() {
        [] => format!(
            "the Data API serves the schema {schema}, which is not made for it: a grant is all it takes to publish what is in there"
        ),
        [.., _] if open.len() > 3 => {
            format!(
                "the Data API serves the schema {schema}, and callers hold rights on {} and {} more",
                open[..3].join(", "),
                open.len() - 3
            )
        }
        _ => format!(
            "the Data API serves the schema {schema}, and callers hold rights on {}",
            in_words(&open, "and")
        ),
    };
    let found = out.report(span, Identity::plain("schema", schema.as_str()), message);
    found.note("served here").extent(&open);
    if !open.is_empty() {
        found.severity(Severity::Error);
    } else if *schema == "storage" {
        found.severity(Severity::Info);
    }
    let by_platform =
        catalog.namespaces.get(schema).is_none_or(|known| known.history.created == Origin::Platform);
    found.help(match (by_platform, schema.as_str()) {
        (_, "storage") => "take it out: files are reached through the Storage API".to_string(),
        (true, _) => {
            "take it out: what callers need of it belongs into a view or a function of public".to_string()
        }
        _ => "take it out, or keep what callers may see in a schema of another name".to_string(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn grants_decide_how_bad_it_is() {
        check(
            &RULE,
            "
             create schema private;
             create schema internal;
             create schema api;
             create table private.keys (id bigint, key text);
             grant usage on schema private to anon;
             grant select on private.keys to anon;
             create table internal.jobs (id bigint);
             alter role authenticator set pgrst.db_schemas = 'public, api, graphql_public';
             alter role anon set pgrst.db_schemas = 'auth';",
        );
        check(
            &RULE,
            "
             create schema internal;
             create table internal.jobs (id bigint);
             alter role authenticator set pgrst.db_schemas = 'public, internal';
             --                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: the Data API serves the schema internal, which is not made for it
             create table public.t (id bigint);",
        );
        check(
            &RULE,
            "
             alter role authenticator set pgrst.db_schemas = 'public, storage';
             --                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: the Data API serves the schema storage
             create table public.t (id bigint);",
        );
        check(
            &RULE,
            "
             create schema private;
             create table private.keys (id bigint, key text);
             grant usage on schema private to anon;
             grant select on private.keys to anon;
             alter role authenticator set pgrst.db_schemas = public, private;
             --                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: the Data API serves the schema private, and callers hold rights on private.keys
             ",
        );
    }
}
