use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::graphql;

declare_rule! {
    /// Finds tables and views whose names and columns GraphQL tells every signed-in user.
    ///
    /// ## Why it matters
    ///
    /// `pg_graphql` describes to a caller all that the caller holds SELECT on. Row level security hides
    /// rows and not this description: each user can list the tables of the back office.
    ///
    /// ```sql,bad
    /// create extension if not exists pg_graphql with schema graphql;
    /// create table public.todos (id bigint primary key);
    /// ```
    ///
    /// ```sql,good
    /// create extension if not exists pg_graphql with schema graphql;
    /// create table public.todos (id bigint primary key);
    /// revoke all on public.todos from authenticated;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Drop the extension if the app does not use GraphQL: `drop extension pg_graphql;`. Otherwise
    /// revoke what authenticated does not need.
    "graphql-visible-to-authenticated" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "GraphQL describes the relation to authenticated",
        sources: &["splinter:0027"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    graphql::report_visible(cx, "authenticated", out);
}
