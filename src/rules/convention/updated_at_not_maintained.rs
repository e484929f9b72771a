use serde::Deserialize;

use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::{self, Globs, Names};
use crate::sql::statement::TriggerEvent;

declare_rule! {
    /// Finds columns like `updated_at` that no trigger sets.
    ///
    /// A default fills the column when a row is made. When it is changed nothing happens by itself:
    /// each query, in each client, would have to set the column, and the first that forgets makes it a
    /// lie.
    ///
    /// A trigger counts when it runs before each update and is `moddatetime`, or a function that
    /// assigns the column of `new`. A function that cannot be read has the benefit of the doubt. What
    /// a project does nowhere is reported once.
    ///
    /// Options: `names`, the names of such columns; `append-only` and `exempt`, patterns of tables.
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
        let is_exempt =
            options.exempt.match_name(&table.name) || options.append_only.match_name(&table.name);
        table.rules.is_empty() && !is_exempt
    };
    let column = |table| {
        let found: Option<&Column> = options.names.column(table);
        found.filter(|column| upkeep::is_time(column) && column.generated.is_none()).map(|column| (table, column))
    };
    let subjects = upkeep::kept_tables(cx).into_iter().filter(is_subject).filter_map(column);
    let (kept, left): (Vec<_>, Vec<_>) = subjects
        .partition(|(table, column)| upkeep::is_set_by_trigger(cx, table, column, TriggerEvent::Update));
    if upkeep::is_habit(left.len(), kept.len()) {
        let places: Vec<_> =
            left.iter().filter_map(|(table, column)| column.name_span.or(table.name_span)).collect();
        let all = left.len() + kept.len();
        let message = format!("no trigger sets updated_at on {} of the {all} tables that have it", left.len());
        if let Some(finding) = upkeep::report_habit(out, &places, "updated_at", message) {
            finding.note("keeps its value when the row is changed").help(
                "create extension moddatetime with schema extensions; and for each table: create trigger … before \
                 update on … for each row execute function extensions.moddatetime (updated_at);",
            );
        }
        return;
    }
    for (table, column) in left {
        let Some(span) = column.name_span.or(table.name_span) else { continue };
        let message = format!(
            "no trigger sets {}.{}: it keeps its value when the row is changed",
            table.name, column.name
        );
        out.report(span, Identity::part("column", &table.name, column.name.to_string()), message)
            .note("is set when the row is made, at best")
            .label(table.name_span, "no trigger of this table sets it")
            .help(format!(
                "create trigger {} before update on {} for each row execute function extensions.moddatetime ({});",
                crate::sql::name::Ident::new(format!("{}_{}", table.name.name, column.name)).quoted(),
                table.name.quoted(),
                column.name.quoted()
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

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
