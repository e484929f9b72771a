use serde::Deserialize;

use crate::catalog::table::{Column, Table};
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::{self, Exempt, Globs, Names, Wanted};

declare_rule! {
    /// Finds tables that do not keep when a row was made.
    ///
    /// ## Why it matters
    ///
    /// The time of a row is asked for sooner or later: to sort a list, to find what broke on
    /// Tuesday, to delete what is old, to answer who signed up before the price rose. It cannot be
    /// added for the rows that are there by then.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, body text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (
    ///   id bigint primary key,
    ///   body text,
    ///   created_at timestamptz not null default now()
    /// );
    /// ```
    ///
    /// A column counts by its name, or when it is filled with the current time by default. Join
    /// tables, whose columns are all part of keys, are exempt, and so are those for one row of
    /// settings. What many tables lack is reported once.
    ///
    /// ## How to fix
    ///
    /// `alter table public.notes add column created_at timestamptz not null default now();` is
    /// quick on a table of any size. Rows that are there already get the time of the change.
    ///
    /// ## Options
    ///
    /// - `names`: the accepted names.
    /// - `exempt`: patterns of tables that need none, such as `countries` or `private.*`.
    /// - `exempt-join-tables`: whether join tables need none; true by default.
    /// - `min-columns`: tables with fewer columns need none; 0 by default.
    "missing-created-at" {
        group: Group::Convention,
        severity: Severity::Warning,
        summary: "table does not keep when a row was made",
        sources: &[],
        options: Options::of::<MissingCreatedAt>(),
        check: Check::Catalog(check),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct MissingCreatedAt {
    names: Names,
    exempt: Globs,
    exempt_join_tables: bool,
    min_columns: usize,
}

impl Default for MissingCreatedAt {
    fn default() -> Self {
        Self { names: Names::made(), exempt: Globs::default(), exempt_join_tables: true, min_columns: 0 }
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let options: &MissingCreatedAt = cx.options();
    let exempt = Exempt {
        names: &options.exempt,
        join_tables: options.exempt_join_tables,
        min_columns: options.min_columns,
    };
    let keeps =
        |table: &Table| options.names.column(table).is_some() || table.columns.iter().any(tells_creation);
    let subjects = upkeep::kept_tables(cx).into_iter().filter(|table| !exempt.has(table));
    let (having, lacking): (Vec<&Table>, Vec<&Table>) = subjects.partition(|table| keeps(table));
    let wanted = Wanted {
        column: "created_at",
        keeps: "when a row was made",
        exemption: "exempt tables by this rule's options",
    };
    wanted.report(&having, &lacking, |_| None, out);
}

/// Whether a new row has the time in it, under whatever name but those of a last change.
fn tells_creation(column: &Column) -> bool {
    upkeep::is_time(column)
        && !Names::changed().has(column)
        && column.default.as_ref().is_some_and(|default| upkeep::is_now(&default.value))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{check, check_options};

    #[test]
    fn names_and_defaults_tell() {
        check(
            &RULE,
            "create table public.a (id int primary key, created_at timestamptz);
             create table public.b (id int primary key, \"createdAt\" timestamp);
             create table public.c (id int primary key, inserted_at timestamptz);
             create table public.d (id int primary key, joined_at timestamptz default now());
             create table public.e (id int primary key, joined_at timestamptz default timezone('utc', now()));
             create table public.f (id int primary key, updated_at timestamptz default now());
             --           ^^^^^^^^ warning: table public.f does not keep when a row was made
             create table public.g (id int primary key, due_at timestamptz);
             --           ^^^^^^^^ warning: public.g",
        );
    }

    #[test]
    fn later_columns_and_inherited_ones_count() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             alter table public.a add column created_at timestamptz;
             create table public.b (note text) inherits (public.a);
             create table public.c (like public.a);
             create table public.p (id int, created_at timestamptz) partition by range (created_at);
             create table public.p1 partition of public.p for values from ('2025-01-01') to ('2026-01-01');
             create table public.d (id int primary key, created_at timestamptz);
             --           ^^^^^^^^ warning: public.d
             alter table public.d drop column created_at;",
        );
    }

    #[test]
    fn join_tables_temporary_and_managed_ones_are_exempt() {
        check(
            &RULE,
            "create table public.a (id int primary key, created_at timestamptz);
             create table public.pair (x int references public.a, y int references public.a, primary key (x, y));
             create temp table t (id int);
             create table auth.mine (id int);",
        );
    }

    #[test]
    fn settings_of_one_row_are_exempt() {
        check(
            &RULE,
            "create table public.config (teams boolean default true, provider text default 'stripe');
             create table public.app (id bool primary key default true check (id), title text);
             create table public.site (id int primary key check (id = 1), title text);
             create table public.pages (id int primary key check (id > 1), title text);
             --           ^^^^^^^^^^^^ warning: public.pages
             create table public.user_config (user_id uuid, theme text default 'dark');
             --           ^^^^^^^^^^^^^^^^^^ warning: public.user_config",
        );
    }

    #[test]
    fn options_change_what_counts() {
        let text = "create table public.a (id int primary key, born timestamptz, note text);
             create table public.kinds (id int primary key, name text);
             create table private.b (id int primary key, x int, y int);";
        let text = format!("create schema private;\n{text}");
        check_options(&RULE, "{names: [born], exempt: ['private.*'], min-columns: 3}", &text);
    }

    #[test]
    fn a_habit_is_told_once() {
        check(
            &RULE,
            "create table public.a (id int primary key);
           --^^^^^^^^ warning: 6 of 7 tables do not keep when a row was made
             create table public.b (id int primary key);
             create table public.c (id int primary key);
             create table public.d (id int primary key);
             create table public.e (id int primary key);
             create table public.f (id int primary key);
             create table public.g (id int primary key, created_at timestamptz);",
        );
    }
}
