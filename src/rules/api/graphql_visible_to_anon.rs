use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::graphql;

declare_rule! {
    /// Finds tables and views whose names and columns GraphQL tells anyone with the project's public API key.
    ///
    /// ## Why it matters
    ///
    /// `pg_graphql` describes to a caller all that the caller holds SELECT on. Row level security hides
    /// rows and not this description: anyone can list what a competitor's app keeps, column by column.
    ///
    /// ```sql,bad
    /// create extension if not exists pg_graphql with schema graphql;
    /// create table public.todos (id bigint primary key);
    /// ```
    ///
    /// ```sql,good
    /// create extension if not exists pg_graphql with schema graphql;
    /// create table public.todos (id bigint primary key);
    /// revoke all on public.todos from anon;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Drop the extension if the app does not use GraphQL: `drop extension pg_graphql;`. Otherwise
    /// revoke what anon does not need.
    "graphql-visible-to-anon" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "GraphQL describes the relation to anon",
        sources: &["splinter:0026"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    graphql::report_visible(cx, "anon", out);
}
