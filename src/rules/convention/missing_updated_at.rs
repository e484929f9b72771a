use serde::Deserialize;

use crate::catalog::table::Table;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::{self, Exempt, Globs, Names, Wanted};

declare_rule! {
    /// Finds tables that do not keep when a row was changed last.
    ///
    /// ## Why it matters
    ///
    /// Caches, synchronisation and support all ask which of two copies is the newer one. A mobile
    /// app that was offline, for example, can only fetch what changed since yesterday if rows say
    /// when they changed; without it, it fetches everything, or misses changes.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, body text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (
    ///   id bigint primary key,
    ///   body text,
    ///   updated_at timestamptz not null default now()
    /// );
    /// ```
    ///
    /// Tables whose rows are written once need no such column: they are known by their names. Join
    /// tables, whose columns are all part of keys, are exempt, and so are those for one row of
    /// settings. What many tables lack is reported once.
    ///
    /// ## How to fix
    ///
    /// Add the column, `updated_at timestamptz not null default now()`, and a trigger that sets it
    /// at each update, such as `extensions.moddatetime`.
    ///
    /// ## Options
    ///
    /// - `names`: the accepted names.
    /// - `append-only`: patterns of tables whose rows are written once, such as `*_log`.
    /// - `exempt`: patterns of other tables that need none, such as `private.*`.
    /// - `exempt-join-tables`: whether join tables need none; true by default.
    /// - `min-columns`: tables with fewer columns need none; 0 by default.
    "missing-updated-at" {
        group: Group::Convention,
        severity: Severity::Warning,
        summary: "table does not keep when a row was changed",
        sources: &[],
        options: Options::of::<MissingUpdatedAt>(),
        check: Check::Catalog(check),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct MissingUpdatedAt {
    names: Names,
    append_only: Globs,
    exempt: Globs,
    exempt_join_tables: bool,
    min_columns: usize,
}

impl Default for MissingUpdatedAt {
    fn default() -> Self {
        Self {
            names: Names::changed(),
            append_only: Globs::append_only(),
            exempt: Globs::default(),
            exempt_join_tables: true,
            min_columns: 0,
        }
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let options: &MissingUpdatedAt = cx.options();
    let exempt = Exempt {
        names: &options.exempt,
        join_tables: options.exempt_join_tables,
        min_columns: options.min_columns,
    };
    let is_subject = |table: &&Table| !exempt.has(table) && !options.append_only.match_name(&table.name);
    let subjects = upkeep::kept_tables(cx).into_iter().filter(is_subject);
    let (having, lacking): (Vec<&Table>, Vec<&Table>) =
        subjects.partition(|table| options.names.column(table).is_some());
    let wanted = Wanted {
        column: "updated_at",
        keeps: "when a row was changed last",
        exemption: "name tables whose rows do not change in this rule's options",
    };
    let touch = upkeep::touch(cx, &wanted.column.into());
    wanted.report(&having, &lacking, |table| Some(touch.trigger(table)), out);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check, check_options};

    #[test]
    fn names_tell() {
        check(
            &RULE,
            "create table public.a (id int primary key, updated_at timestamptz);
             create table public.b (id int primary key, \"updatedAt\" timestamp);
             create table public.c (id int primary key, last_modified timestamptz);
             create table public.d (id int primary key, created_at timestamptz default now());
             --           ^^^^^^^^ warning: table public.d does not keep when a row was changed last",
        );
    }

    #[test]
    fn what_is_only_appended_to_needs_none() {
        let text = "create table public.error_log (id int primary key, at timestamptz);
             create table public.user_events (id int primary key, at timestamptz);
             create table public.audit_entries (id int primary key, at timestamptz);
             create table public.price_history (id int primary key, at timestamptz);";
        check(&RULE, text);
        check_options(
            &RULE,
            "{append-only: ['payments']}",
            "create table public.payments (id int primary key);
             create table public.error_log (id int primary key);
             --           ^^^^^^^^^^^^^^^^ warning: public.error_log",
        );
    }

    #[test]
    fn join_tables_partitions_and_temporary_ones_are_exempt() {
        check(
            &RULE,
            "create table public.a (id int primary key, updated_at timestamptz);
             create table public.pair (x int references public.a, y int references public.a, primary key (x, y));
             create table public.p (id int, updated_at timestamptz) partition by hash (id);
             create table public.p1 partition of public.p for values with (modulus 1, remainder 0);
             create temp table t (id int);",
        );
    }

    #[test]
    fn many_are_told_once_even_where_most_do_better() {
        let having = (0..20)
            .map(|n| format!("create table public.h{n} (id int primary key, updated_at timestamptz);"));
        let lacking = (0..11).map(|n| format!("create table public.l{n} (id int primary key);"));
        let text: Vec<String> = having.chain(lacking).collect();
        let found = Bench::new(&text.join("\n")).run(&RULE, &RULE.options.defaults());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "11 of 31 tables do not keep when a row was changed last");
    }

    #[test]
    fn a_habit_is_told_once() {
        check(
            &RULE,
            "create table public.a (id int primary key);
           --^^^^^^^^ warning: 6 of 6 tables do not keep when a row was changed last
             create table public.b (id int primary key);
             create table public.c (id int primary key);
             create table public.d (id int primary key);
             create table public.e (id int primary key);
             create table public.f (id int primary key);",
        );
    }
}
