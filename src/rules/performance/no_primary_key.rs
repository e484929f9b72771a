use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{ConstraintKind, Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;

declare_rule! {
    /// Finds tables without a primary key.
    ///
    /// Without one, rows cannot be told apart: updates through the Data API may hit more than one,
    /// Realtime cannot say which row changed, and logical replication refuses updates and deletes.
    /// Partitions are reported with their partitioned table.
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
    let doubts = cx.catalog.doubts(&[Aspect::Shape]);
    for table in cx.catalog.own_tables().filter(|table| is_keyless(cx.catalog, table)) {
        let Some(span) = table.name_span.filter(|_| !doubts.concern(&table.name)) else { continue };
        out.report(span, Identity::new("table", &table.name), format!("table {} has no primary key", table.name))
            .note("no column or group of columns identifies a row")
            .help(help(table));
    }
}

/// A partition is told with its partitioned table, which may leave the key to the partitions.
fn is_keyless(catalog: &Catalog, table: &Table) -> bool {
    let keyless = table.primary_key().is_none() && !table.is_partition;
    match table.kind {
        TableKind::Ordinary => keyless,
        TableKind::Partitioned => keyless && (table.children.is_empty() || !all_have_keys(catalog, table)),
        TableKind::Foreign => false,
    }
}

fn all_have_keys(catalog: &Catalog, table: &Table) -> bool {
    let has_key = |partition: &Table| partition.primary_key().is_some() || partition.kind == TableKind::Foreign;
    table.children.iter().filter_map(|child| catalog.tables.get(child)).all(has_key)
}

/// What identifies rows already can become the key.
fn help(table: &Table) -> String {
    let is_filled = |attnum: &i16| table.column_at(*attnum).is_some_and(|column| column.not_null.value);
    let unique = table.constraints.values().find_map(|constraint| match &constraint.kind {
        ConstraintKind::Unique { columns } if columns.iter().all(is_filled) => Some(columns),
        _ => None,
    });
    let name = table.name.quoted();
    match (unique, table.column("id")) {
        (Some(columns), _) => {
            let columns: Vec<String> = table.column_names(columns).iter().map(Ident::quoted).collect();
            format!("alter table {name} add primary key ({});", columns.join(", "))
        }
        (None, Some(_)) => format!("alter table {name} add primary key (id);"),
        (None, None) => {
            format!("alter table {name} add column id bigint generated always as identity primary key;")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn a_key_may_come_later_and_go_again() {
        check(
            &RULE,
            "create table public.a (id int);
             alter table public.a add primary key (id);
             create table public.b (id int not null);
             create unique index b_id on public.b (id);
             alter table public.b add constraint b_key primary key using index b_id;
             create table public.c (id int primary key);
             --           ^^^^^^^^ info: table public.c has no primary key
             alter table public.c drop constraint c_pkey;
             create table public.d (like public.a including all);
             create table public.e (like public.a);
             --           ^^^^^^^^ info: public.e",
        );
    }

    #[test]
    fn partitions_are_told_with_their_table() {
        check(
            &RULE,
            "create table public.p (id int, at date) partition by range (at);
           --^^^^^^^^ info: public.p
             create table public.p1 partition of public.p for values from ('2025-01-01') to ('2026-01-01');
             create table public.q (id int, at date, primary key (id, at)) partition by range (at);
             create table public.q1 partition of public.q for values from ('2025-01-01') to ('2026-01-01');
             create table public.r (id int, at date) partition by range (at);
             create table public.r1 partition of public.r (primary key (id))
               for values from ('2025-01-01') to ('2026-01-01');",
        );
    }

    #[test]
    fn inheritance_does_not_pass_keys_on() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (note text) inherits (public.a);
             --           ^^^^^^^^ info: public.b
             create temp table c (id int);",
        );
    }

    #[test]
    fn the_help_takes_what_is_there() {
        let text = "create table public.a (code text not null unique, id int);";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found[0].help.as_deref(), Some("alter table public.a add primary key (code);"));
    }
}
