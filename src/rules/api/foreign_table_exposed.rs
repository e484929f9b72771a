use crate::access::{describe, grant_spans, reach};
use crate::catalog::gap::Aspect;
use crate::catalog::table::TableKind;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds foreign tables that the Data API serves.
    ///
    /// ## Why it matters
    ///
    /// A foreign table passes queries on to another system, such as Stripe or a second database, with
    /// the credentials that the server keeps. Row level security cannot be switched on for it: the
    /// grants alone decide. A table of Stripe customers in `public` shows all of them to anyone with
    /// the project's public API key.
    ///
    /// ```sql,bad
    /// create extension postgres_fdw schema extensions;
    /// create server billing foreign data wrapper postgres_fdw;
    /// create foreign table public.customers (id text, email text) server billing;
    /// ```
    ///
    /// ```sql,good
    /// create extension postgres_fdw schema extensions;
    /// create server billing foreign data wrapper postgres_fdw;
    /// create schema private;
    /// create foreign table private.customers (id text, email text) server billing;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Create it in a schema that the API does not serve, and reach it through a function that checks
    /// who asks; or revoke it: `revoke all on public.customers from anon, authenticated;`
    "foreign-table-exposed" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "foreign table is served by the Data API",
        sources: &["splinter:0017", "pgrls:SEC053"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables().filter(|table| table.kind == TableKind::Foreign) {
        let access = cx.catalog.table_access(table);
        let Some(span) = table.name_span.filter(|_| !access.is_empty()) else { continue };
        if cx.catalog.may_have_changed(&table.name, Aspect::Grants) {
            continue;
        }
        let message = describe(&access, &format!("foreign table {}", table.name));
        let found = out.report(span, Identity::new("table", &table.name), message);
        found.note("row level security cannot protect it").reach(reach(&access));
        for grant in grant_spans(&access, &table.acl, &table.columns).into_iter().take(3) {
            found.label(grant, "granted here");
        }
        found.help(format!("revoke all on {} from anon, authenticated;", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn grants_decide() {
        check(
            &RULE,
            "
             create extension postgres_fdw schema extensions;
             create server far foreign data wrapper postgres_fdw;
             create foreign table public.customers (id text) server far;
             --                   ^^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read, change and delete every row of foreign table public.customers, and add new ones
             create foreign table public.closed (id text) server far;
             revoke all on public.closed from anon, authenticated;
             create schema private;
             create foreign table private.customers (id text) server far;
             create table public.near (id text);",
        );
    }
}
