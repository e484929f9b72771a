use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::index::{Index, IndexKey};
use crate::catalog::table::{ConstraintKind, Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep;
use crate::sql::name::Ident;

declare_rule! {
    /// Finds tables without a primary key.
    ///
    /// ## Why it matters
    ///
    /// Without one, rows cannot be told apart: an update through the Data API that is meant for one
    /// note changes every note with the same text, Realtime cannot say which row changed, and
    /// logical replication refuses updates and deletes. Partitions are reported with their
    /// partitioned table. A table for one row of settings, all of which have defaults, is silent.
    ///
    /// ```sql,bad
    /// create table public.notes (body text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint generated always as identity primary key, body text);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make the column that tells rows apart the key,
    /// `alter table public.notes add primary key (slug);`, or add one: `alter table public.notes
    /// add column id bigint generated always as identity primary key;`.
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
        let unique = identifying(table);
        let note = unique.as_ref().map_or_else(
            || "no column or group of columns identifies a row".to_string(),
            |unique| {
                format!(
                    "{} could be the key: unique and never null",
                    in_words(&names(table, &unique.columns), "and")
                )
            },
        );
        out.report(
            span,
            Identity::new("table", &table.name),
            format!("table {} has no primary key", table.name),
        )
        .note(note)
        .help(help(table, unique.as_ref()));
    }
}

/// A partition is told with its partitioned table, which may leave the key to the partitions.
fn is_keyless(catalog: &Catalog, table: &Table) -> bool {
    let keyless = table.primary_key().is_none() && !table.is_partition && !upkeep::holds_one_row(table);
    match table.kind {
        TableKind::Ordinary => keyless,
        TableKind::Partitioned => keyless && (table.children.is_empty() || !all_have_keys(catalog, table)),
        TableKind::Foreign => false,
    }
}

fn all_have_keys(catalog: &Catalog, table: &Table) -> bool {
    let has_key =
        |partition: &Table| partition.primary_key().is_some() || partition.kind == TableKind::Foreign;
    table.children.iter().filter_map(|child| catalog.tables.get(child)).all(has_key)
}

/// Columns that identify rows although they are no primary key.
struct Unique<'a> {
    columns: Vec<i16>,
    /// Their index, where it can become that of the key.
    index: Option<&'a Index>,
}

/// The first unique constraint or index over columns that are never null.
fn identifying(table: &Table) -> Option<Unique<'_>> {
    let is_filled = |attnum: &i16| table.column_at(*attnum).is_some_and(|column| column.not_null.value);
    let constrained = table.constraints.values().find_map(|constraint| match &constraint.kind {
        ConstraintKind::Unique { columns } if columns.iter().all(is_filled) => {
            Some(Unique { columns: columns.clone(), index: None })
        }
        _ => None,
    });
    let indexed = || {
        table
            .indexes
            .values()
            .filter(|index| index.unique && index.valid && index.predicate.is_none())
            .find_map(|index| {
                let columns: Vec<i16> = index.columns().into_iter().collect::<Option<_>>()?;
                // PostgreSQL takes the index of a plain order only, and none of a partitioned table.
                let is_plain = |key: &IndexKey| {
                    key.operator_class.is_none()
                        && key.collation.is_none()
                        && !key.descending
                        && !key.nulls_first
                };
                let fits = table.kind == TableKind::Ordinary && index.keys.iter().all(is_plain);
                columns.iter().all(is_filled).then_some(Unique { columns, index: fits.then_some(index) })
            })
    };
    constrained.or_else(indexed)
}

fn names(table: &Table, columns: &[i16]) -> Vec<String> {
    table.column_names(columns).iter().map(Ident::quoted).collect()
}

/// What identifies rows already can become the key.
fn help(table: &Table, unique: Option<&Unique<'_>>) -> String {
    let name = table.name.quoted();
    match (unique, table.column("id")) {
        (Some(Unique { index: Some(index), .. }), _) => {
            format!("alter table {name} add primary key using index {};", index.name.quoted())
        }
        (Some(Unique { columns, .. }), _) => {
            format!("alter table {name} add primary key ({});", names(table, columns).join(", "))
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
    fn settings_of_one_row_need_no_key() {
        check(
            &RULE,
            "create schema basejump;
             create table basejump.config (enable_teams boolean default true, provider text default 'stripe');
             create table public.user_settings (user_id uuid, theme text default 'dark');
             --           ^^^^^^^^^^^^^^^^^^^^ info: public.user_settings
             create table public.flags (a boolean default true);
             --           ^^^^^^^^^^^^ info: public.flags",
        );
    }

    #[test]
    fn the_help_takes_what_is_there() {
        let told = |text: &str| {
            let mut found = Bench::new(text).run(&RULE, &RULE.options.defaults());
            let found = found.remove(0);
            (found.note.unwrap_or_default(), found.help.unwrap_or_default())
        };
        let key = |text: &str| {
            told(&format!("create table public.a (a int not null, b text not null, c int, id int); {text}"))
        };
        let nothing = "no column or group of columns identifies a row".to_string();
        assert_eq!(
            told("create table public.a (code text not null unique, id int);"),
            (
                "code could be the key: unique and never null".into(),
                "alter table public.a add primary key (code);".into()
            )
        );
        let both = "a and b could be the key: unique and never null".to_string();
        assert_eq!(
            key("create unique index of_both on public.a (a, b) include (c);"),
            (both.clone(), "alter table public.a add primary key using index of_both;".into())
        );
        let listed = "alter table public.a add primary key (a, b);".to_string();
        for text in ["(a desc, b)", "(a, b text_pattern_ops)", "(a, b collate \"C\")", "(a nulls first, b)"] {
            assert_eq!(
                key(&format!("create unique index on public.a {text};")),
                (both.clone(), listed.clone()),
                "{text}"
            );
        }
        for text in ["(a, c)", "(a, lower(b))", "(a) where b = 'x'"] {
            let by_id = "alter table public.a add primary key (id);".to_string();
            assert_eq!(
                key(&format!("create unique index on public.a {text};")),
                (nothing.clone(), by_id),
                "{text}"
            );
        }
        assert_eq!(
            told(
                "create table public.p (a int not null, b int not null) partition by list (a);
                 create unique index on public.p (a, b);"
            ),
            (both, "alter table public.p add primary key (a, b);".into())
        );
    }
}
