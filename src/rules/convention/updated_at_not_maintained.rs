use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::{self, Globs, Names, Touch};
use crate::sql::name::Ident;
use crate::sql::statement::TriggerEvent;

declare_rule! {
    /// Finds columns like `updated_at` that no trigger sets.
    ///
    /// ## Why it matters
    ///
    /// A default fills the column when a row is made. When it is changed nothing happens by itself:
    /// each query, in each client, would have to set the column, and the first that forgets makes
    /// it a lie. A client that fetches what changed since its last visit then never sees the
    /// change.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, updated_at timestamptz not null default now());
    /// ```
    ///
    /// ```sql,good
    /// create extension moddatetime with schema extensions;
    /// create table public.notes (id bigint primary key, updated_at timestamptz not null default now());
    /// create trigger notes_updated_at before update on public.notes
    ///   for each row execute function extensions.moddatetime (updated_at);
    /// ```
    ///
    /// A trigger counts when it runs before each update and is `moddatetime`, or a function that
    /// assigns the column of `new`, or of what it returns in its place. A function that cannot be
    /// read has the benefit of the doubt. A table that only functions of the project can update,
    /// each of which sets the column, is fine as well. What many tables lack is reported once.
    ///
    /// ## How to fix
    ///
    /// Let a trigger set it: `create trigger notes_updated_at before update on public.notes for
    /// each row execute function extensions.moddatetime (updated_at);`.
    ///
    /// ## Options
    ///
    /// - `names`: the names of such columns.
    /// - `append-only`: patterns of tables whose rows are written once, such as `*_log`.
    /// - `exempt`: patterns of other tables to leave alone.
    "updated-at-not-maintained" {
        group: Group::Convention,
        severity: Severity::Warning,
        summary: "no trigger sets updated_at",
        sources: &[],
        options: Options::of::<UpdatedAtNotMaintained>(),
        check: Check::Catalog(check),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct UpdatedAtNotMaintained {
    names: Names,
    append_only: Globs,
    exempt: Globs,
}

impl Default for UpdatedAtNotMaintained {
    fn default() -> Self {
        Self { names: Names::updated(), append_only: Globs::append_only(), exempt: Globs::default() }
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let options: &UpdatedAtNotMaintained = cx.options();
    let is_subject = |table: &&Table| {
        let is_exempt = options.exempt.match_name(&table.name) || options.append_only.match_name(&table.name);
        table.rules.is_empty() && !is_exempt
    };
    let column = |table| {
        let found: Option<&Column> = options.names.column(table);
        found
            .filter(|column| upkeep::is_time(column) && column.generated.is_none())
            .map(|column| (table, column))
    };
    let subjects = upkeep::kept_tables(cx).into_iter().filter(is_subject).filter_map(column);
    let (kept, left): (Vec<_>, Vec<_>) = subjects.partition(|(table, column)| {
        upkeep::is_set_by_trigger(cx, table, column, TriggerEvent::Update)
            || upkeep::is_set_by_functions(cx, table, column)
    });
    let mut touches: FxHashMap<&Ident, Touch> = FxHashMap::default();
    for (_, column) in &left {
        touches.entry(&column.name).or_insert_with(|| upkeep::touch(cx, &column.name));
    }
    let before = out.list.len();
    for (table, column) in &left {
        let Some(span) = column.name_span.or(table.name_span) else { continue };
        let message = format!(
            "no trigger sets {}.{}: when a row is changed it keeps its value, unless the query sets it",
            table.name,
            column.name.quoted()
        );
        out.report(span, Identity::part("column", &table.name, column.name.to_string()), message)
            .note("changes only where a query sets it")
            .label(table.name_span, "no trigger of this table sets it")
            .help(touches[&column.name].trigger(table));
    }
    if upkeep::is_habit(left.len(), kept.len()) {
        let all = left.len() + kept.len();
        let message =
            format!("no trigger sets updated_at on {} of the {all} tables that have it", left.len());
        let Touch { first, call, .. } = &touches[&left[0].1.name];
        let first = if first.is_empty() { String::new() } else { format!("{first}and ") };
        if let Some(habit) = upkeep::fold_tables(out, before, "updated_at", message) {
            habit.help(format!(
                "{first}for each table: create trigger … before update on … for each row execute function {call};",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TOUCH: &str = "create function public.touch() returns trigger language plpgsql as $$
        begin new.updated_at = now(); return new; end $$;
        create function public.other() returns trigger language plpgsql as $$
        begin new.slug := 'x'; return new; end $$;\n";

    fn with_functions(text: &str) {
        check(&RULE, &format!("{TOUCH}{text}"));
    }

    #[test]
    fn a_function_must_assign_the_column_before_each_update() {
        with_functions(
            "create table public.a (id int primary key, slug text, updated_at timestamptz);
             create trigger t before insert or update on public.a for each row execute function public.touch();
             create table public.b (id int primary key, slug text, updated_at timestamptz);
             --                                                    ^^^^^^^^^^ warning: no trigger sets public.b.updated_at
             create trigger t before update on public.b for each row execute function public.other();
             create table public.c (id int primary key, slug text, updated_at timestamptz);
             --                                                    ^^^^^^^^^^ warning: public.c.updated_at
             create trigger t before insert on public.c for each row execute function public.touch();
             create table public.d (id int primary key, slug text, updated_at timestamptz);
             --                                                    ^^^^^^^^^^ warning: public.d.updated_at
             create trigger t after update on public.d for each row execute function public.touch();
             create table public.e (id int primary key, slug text, updated_at timestamptz);
             --                                                    ^^^^^^^^^^ warning: public.e.updated_at
             create trigger t before update on public.e for each row execute function public.touch();
             alter table public.e disable trigger t;",
        );
    }

    #[test]
    fn moddatetime_and_what_cannot_be_read_count() {
        with_functions(
            "create extension moddatetime with schema extensions;
             create table public.a (id int primary key, updated_at timestamptz);
             create trigger t before update on public.a for each row execute procedure moddatetime (updated_at);
             create table public.b (id int primary key, updated_at timestamptz);
             create function public.dark() returns trigger language plv8 as $$ return NEW; $$;
             create trigger t before update on public.b for each row execute function public.dark();
             create table public.c (id int primary key, updated_at timestamptz);
             create function public.whole() returns trigger language plpgsql as $$
             begin new := public.stamped(new); return new; end $$;
             create trigger t before update on public.c for each row execute function public.whole();
             create table public.d (id int primary key, updated_at timestamptz);
             create function public.selected() returns trigger language plpgsql as $$
             begin select now() into new.updated_at; return new; end $$;
             create trigger t before update on public.d for each row execute function public.selected();",
        );
    }

    /// The function that Hasura writes.
    const COPY: &str =
        "create function public.set_current_timestamp_updated_at() returns trigger language plpgsql as $$
        declare _new record;
        begin _new := new; _new.updated_at = now(); return _new; end $$;\n";

    #[test]
    fn the_row_may_be_changed_in_a_copy() {
        let tables = "create table public.t (id int primary key, updated_at timestamptz);
             create trigger t_updated_at before update on public.t
               for each row execute function public.set_current_timestamp_updated_at();
             create table public.u (id int primary key, updated_at timestamptz);
             --                                         ^^^^^^^^^^ warning: no trigger sets public.u.updated_at
             create function public.copied() returns trigger language plpgsql as $$
             declare row record;
             begin row := new; row.id = 1; return row; end $$;
             create trigger t before update on public.u for each row execute function public.copied();
             create table public.v (id int primary key, updated_at timestamptz);
             --                                         ^^^^^^^^^^ warning: no trigger sets public.v.updated_at
             create function public.lost() returns trigger language plpgsql as $$
             declare row record;
             begin row := new; row.updated_at = now(); return new; end $$;
             create trigger t before update on public.v for each row execute function public.lost();
             create table public.w (id int primary key, updated_at timestamptz);
             create trigger t before update on public.w
               for each row execute function public.set_current_timestamp_updated_at();";
        let text = format!("{COPY}{tables}");
        check(&RULE, &text);
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let help = "create trigger u_updated_at before update on public.u for each row execute function \
                    public.set_current_timestamp_updated_at();";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    #[test]
    fn a_second_update_after_the_first_counts() {
        check(
            &RULE,
            "create table public.a (id int primary key, updated_at timestamptz);
             create function public.again() returns trigger language plpgsql as $$
             begin update public.a set updated_at = now() where id = new.id; return null; end $$;
             create trigger t after update of id on public.a for each row execute function public.again();",
        );
    }

    #[test]
    fn functions_that_alone_may_update_can_maintain_it() {
        check(
            &RULE,
            "create schema private;
             create table private.a (id int primary key, n int, updated_at timestamptz);
             create table private.b (id int primary key, n int, updated_at timestamptz);
             --                                                 ^^^^^^^^^^ warning: no trigger sets private.b.updated_at
             create table public.c (id int primary key, n int, updated_at timestamptz);
             --                                                ^^^^^^^^^^ warning: public.c.updated_at
             create table public.d (id int primary key, n int, updated_at timestamptz);
             alter table public.d enable row level security;
             create function private.bump() returns void language plpgsql as $$ begin
               update private.a set n = n + 1, updated_at = now();
               insert into private.b values (1) on conflict (id) do update set updated_at = now();
               update private.b set n = n + 1;
               update public.c set n = n + 1, updated_at = now();
               update public.d set n = n + 1, updated_at = now();
             end $$;",
        );
    }

    #[test]
    fn the_help_runs_as_it_stands() {
        let help = |text: &str| {
            let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
            found[0].help.clone().unwrap_or_default()
        };
        let table = "create table public.a (id int primary key, updated_at timestamptz);";
        assert_eq!(
            help(table),
            "create extension if not exists moddatetime with schema extensions; create trigger a_updated_at \
             before update on public.a for each row execute function extensions.moddatetime (updated_at);"
        );
        assert_eq!(
            help(&format!("create extension moddatetime with schema public; {table}")),
            "create trigger a_updated_at before update on public.a for each row execute function \
             public.moddatetime (updated_at);"
        );
        assert_eq!(
            help(&format!(
                "{TOUCH}{table} create table public.b (like public.a); create table public.c (like public.a);
                 create trigger t before update on public.b for each row execute function public.touch();
                 create trigger t before update on public.c for each row execute function public.touch();"
            )),
            "create trigger a_updated_at before update on public.a for each row execute function public.touch();"
        );
    }

    #[test]
    fn generated_columns_rules_and_other_types_are_left_alone() {
        check(
            &RULE,
            "create table public.a (id int primary key, x date, updated_at date generated always as (x) stored);
             create table public.b (id int primary key, updated_at timestamptz);
             create rule r as on update to public.b do also notify b;
             create table public.c (id int primary key, updated bool);
             create table public.price_history (id int primary key, updated_at timestamptz);",
        );
    }

    #[test]
    fn a_habit_is_told_once() {
        check(
            &RULE,
            "create table public.a (id int primary key, updated_at timestamptz);
             --                            ^^^^^^^^^^ warning: no trigger sets updated_at on 6 of the 6 tables that have it
             create table public.b (id int primary key, updated_at timestamptz);
             create table public.c (id int primary key, updated_at timestamptz);
             create table public.d (id int primary key, updated_at timestamptz);
             create table public.e (id int primary key, updated_at timestamptz);
             create table public.f (id int primary key, updated_at timestamptz);",
        );
    }
}
