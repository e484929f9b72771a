use crate::catalog::table::TableKind;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds tables without a primary key.
    ///
    /// Without one, rows cannot be told apart: updates through the Data API may hit more than one,
    /// Realtime cannot say which row changed, and logical replication refuses updates and deletes.
    ///
    /// ```sql,bad
    /// create table public.notes (body text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint generated always as identity primary key, body text);
    /// ```
    "no-primary-key" {
        group: Group::Performance,
        severity: Severity::Info,
        summary: "table has no primary key",
        sources: &["splinter:0004"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables() {
        let keyless = table.kind == TableKind::Ordinary && table.primary_key().is_none();
        let Some(span) = table.name_span.filter(|_| keyless) else { continue };
        out.report(span, Identity::new("table", &table.name), format!("table {} has no primary key", table.name))
            .note("no column or group of columns identifies a row")
            .help(format!(
                "alter table {} add column id bigint generated always as identity primary key;",
                table.name.quoted()
            ));
    }
}
