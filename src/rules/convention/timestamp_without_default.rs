use serde::Deserialize;

use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::{self, Globs, Names};
use crate::sql::statement::TriggerEvent;

declare_rule! {
    /// Finds columns like `created_at` that may stay empty or mean another time.
    ///
    /// ## Why it matters
    ///
    /// Without a default the column is null unless each insert thinks of it; without NOT NULL it
    /// can be emptied. A query for the rows of the last week then misses those rows, and nobody
    /// notices. A `timestamp` without time zone holds what the clock on the wall showed, in a zone
    /// that nobody wrote down: browsers then show it hours off.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, created_at timestamp);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, created_at timestamptz not null default now());
    /// ```
    ///
    /// Where the column is NOT NULL and has no default, an insert that forgets it fails: that is an
    /// info, and none for an `updated_at`, which a trigger should set. A column that a trigger
    /// fills needs neither default nor NOT NULL; an `updated_at` may be null until a trigger sets
    /// it at the first change. What most tables of a project do is reported once.
    ///
    /// ## How to fix
    ///
    /// Set the default, fill what is empty, then forbid it:
    /// `alter table public.notes alter column created_at set default now();`,
    /// `update public.notes set created_at = now() where created_at is null;`,
    /// `alter table public.notes alter column created_at set not null;`. A `timestamp` becomes a
    /// `timestamptz` with `alter column created_at type timestamptz using created_at at time zone
    /// 'UTC'`, if UTC is what was meant.
    ///
    /// ## Options
    ///
    /// - `created`: the names of columns that keep when a row was made.
    /// - `updated`: the names of columns that keep when it was changed.
    /// - `exempt`: patterns of tables to leave alone.
    "timestamp-without-default" {
        group: Group::Convention,
        severity: Severity::Warning,
        summary: "created_at or updated_at may be null, has no default or no time zone",
        sources: &["squawk:prefer-timestamptz"],
        options: Options::of::<TimestampWithoutDefault>(),
        check: Check::Catalog(check),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TimestampWithoutDefault {
    created: Names,
    updated: Names,
    exempt: Globs,
}

impl Default for TimestampWithoutDefault {
    fn default() -> Self {
        Self { created: Names::created(), updated: Names::updated(), exempt: Globs::default() }
    }
}

/// What a column lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    NotNull,
    Default,
    Zone,
}

/// A finding about many tables names no more columns than these.
const MOST_NAMED: usize = 3;

const LACKS: [Lack; 3] = [Lack::Default, Lack::NotNull, Lack::Zone];

impl Lack {
    fn words(self) -> &'static str {
        match self {
            Self::NotNull => "may be null",
            Self::Default => "has no default",
            Self::Zone => "has no time zone",
        }
    }

    fn of_many(self, columns: &str) -> String {
        match self {
            Self::NotNull => format!("let {columns} be null"),
            Self::Default => format!("have no default for {columns}"),
            Self::Zone => format!("keep {columns} without a time zone"),
        }
    }

    /// The action of ALTER TABLE that mends it, once no row has a null.
    fn mended(self, column: &str) -> String {
        match self {
            Self::NotNull => format!("alter column {column} set not null"),
            Self::Default => format!("alter column {column} set default now()"),
            Self::Zone => {
                format!("alter column {column} type timestamptz using {column} at time zone 'utc'")
            }
        }
    }
}

/// The statement without which `set not null` fails where rows have nulls already.
fn filled(table: &str, columns: &[String]) -> String {
    let set = match columns {
        [] => return String::new(),
        [one] => format!("{one} = now()"),
        many => {
            let values = many.iter().map(|column| format!("{column} = coalesce({column}, now())"));
            values.collect::<Vec<_>>().join(", ")
        }
    };
    let null: Vec<_> = columns.iter().map(|column| format!("{column} is null")).collect();
    format!("update {table} set {set} where {}; ", null.join(" or "))
}

/// A table with the columns that are meant, and what each of them lacks.
struct Subject<'a> {
    table: &'a Table,
    columns: Vec<(&'a Column, Vec<Lack>)>,
}

impl Subject<'_> {
    fn lacking(&self, lack: Lack) -> impl Iterator<Item = String> {
        let columns = self.columns.iter().filter(move |(_, lacks)| lacks.contains(&lack));
        columns.map(|(column, _)| column.name.quoted())
    }

    /// Whether inserts that forget a column fail, and nothing else is wrong.
    fn fails_loudly(&self) -> bool {
        self.columns.iter().all(|(column, lacks)| *lacks == [Lack::Default] && column.not_null.value)
    }

    /// The table with the columns that lack this, and no other lack.
    fn only(&self, lack: Lack) -> Option<Self> {
        let lacking = self.columns.iter().filter(|(_, lacks)| lacks.contains(&lack));
        let columns: Vec<_> = lacking.map(|(column, _)| (*column, vec![lack])).collect();
        (!columns.is_empty()).then_some(Self { table: self.table, columns })
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let options: &TimestampWithoutDefault = cx.options();
    let tables = upkeep::kept_tables(cx).into_iter().filter(|table| !options.exempt.match_name(&table.name));
    let mut subjects: Vec<Subject<'_>> = tables
        .map(|table| subject(cx, table, options))
        .filter(|subject| !subject.columns.is_empty())
        .collect();
    for lack in LACKS {
        let lacking: Vec<Subject<'_>> = subjects.iter().filter_map(|subject| subject.only(lack)).collect();
        if upkeep::is_habit(lacking.len(), subjects.len() - lacking.len()) {
            let mut names: Vec<String> = subjects.iter().flat_map(|subject| subject.lacking(lack)).collect();
            names.sort_unstable();
            names.dedup();
            names.truncate(MOST_NAMED);
            let message = format!(
                "{} of {} tables {}",
                lacking.len(),
                subjects.len(),
                lack.of_many(&names.join(" or "))
            );
            let loud = lacking.iter().all(Subject::fails_loudly);
            let before = out.list.len();
            lacking.iter().for_each(|subject| report(subject, out));
            if let Some(habit) = upkeep::fold_tables(out, before, lack.words(), message) {
                habit.severity(if loud { Severity::Info } else { RULE.severity });
                let column = names.first().map_or("…", String::as_str);
                let filled = if lack == Lack::NotNull {
                    filled("…", names.get(..1).unwrap_or_default())
                } else {
                    String::new()
                };
                habit.help(format!("{filled}alter table … {};", lack.mended(column)));
            }
            let columns = subjects.iter_mut().flat_map(|subject| &mut subject.columns);
            columns.for_each(|(_, lacks)| lacks.retain(|other| *other != lack));
        }
    }
    for subject in &mut subjects {
        subject.columns.retain(|(_, lacks)| !lacks.is_empty());
        report(subject, out);
    }
}

fn subject<'a>(cx: &CatalogCx<'_>, table: &'a Table, options: &TimestampWithoutDefault) -> Subject<'a> {
    let is_meant = |column: &&Column| {
        let named = options.created.has(column) || options.updated.has(column);
        named && upkeep::is_time(column) && column.generated.is_none()
    };
    let lacks = |column: &'a Column| {
        let is_set = |event| upkeep::is_set_by_trigger(cx, table, column, event);
        // Null until the first change is what some mean by `updated_at`.
        let is_filled =
            is_set(TriggerEvent::Insert) || options.updated.has(column) && is_set(TriggerEvent::Update);
        // An insert that forgets it fails, and that no trigger sets it is what
        // `updated-at-not-maintained` says.
        let is_told = options.updated.has(column) && column.not_null.value;
        let has = |lack: &Lack| match lack {
            Lack::NotNull => !column.not_null.value && !is_filled,
            Lack::Default => column.default.is_none() && !is_filled && !is_told,
            Lack::Zone => column.data_type.value.is_builtin("timestamp"),
        };
        (column, LACKS.into_iter().filter(has).collect())
    };
    Subject { table, columns: table.columns.iter().filter(is_meant).map(lacks).collect() }
}

fn report(subject: &Subject<'_>, out: &mut Findings) {
    let table = subject.table;
    let Some((first, lacks)) = subject.columns.first() else { return };
    let Some(span) = first.name_span.or(table.name_span) else { return };
    let said: Vec<String> = subject
        .columns
        .iter()
        .map(|(column, lacks)| {
            let words: Vec<&str> = lacks.iter().map(|lack| lack.words()).collect();
            format!("{} {}", column.name.quoted(), words.join(" and "))
        })
        .collect();
    let actions: Vec<String> = subject
        .columns
        .iter()
        .flat_map(|(column, lacks)| lacks.iter().map(|lack| lack.mended(&column.name.quoted())))
        .collect();
    let (name, nullable) = (table.name.quoted(), subject.lacking(Lack::NotNull).collect::<Vec<_>>());
    let finding = out.report(
        span,
        Identity::new("table", &table.name),
        format!("in {}, {}", table.name, said.join(", and ")),
    );
    finding.extent(&said);
    if subject.fails_loudly() {
        finding.severity(Severity::Info);
    }
    let words: Vec<&str> = lacks.iter().map(|lack| lack.words()).collect();
    finding.note(words.join(" and ")).help(format!(
        "{}alter table {name} {};",
        filled(&name, &nullable),
        actions.join(", ")
    ));
    for (column, lacks) in &subject.columns[1..] {
        let words: Vec<&str> = lacks.iter().map(|lack| lack.words()).collect();
        finding.label(column.name_span, words.join(" and "));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn each_lack_is_named() {
        check(
            &RULE,
            "create table public.a (id int primary key, created_at timestamptz not null default now());
             create table public.b (id int primary key, created_at timestamptz default now());
             --                                         ^^^^^^^^^^ warning: in public.b, created_at may be null
             create table public.c (id int primary key, created_at timestamptz not null);
             --                                         ^^^^^^^^^^ info: in public.c, created_at has no default
             create table public.d (id int primary key, created_at timestamp not null default now());
             --                                         ^^^^^^^^^^ warning: in public.d, created_at has no time zone
             create table public.e (id int primary key, born timestamptz);
             create table public.f (id int primary key, updated_at timestamptz not null);
             create table public.g (id int primary key, created_at timestamptz not null, updated_at timestamptz);
             --                                         ^^^^^^^^^^ warning: in public.g, created_at has no default, and updated_at has
             create table public.h (id int primary key, updated_at timestamp not null);
             --                                         ^^^^^^^^^^ warning: in public.h, updated_at has no time zone",
        );
    }

    #[test]
    fn a_table_is_one_finding() {
        let text = "create table public.a (id int primary key, created_at timestamptz, updated_at timestamp);
             --                            ^^^^^^^^^^ warning: created_at has no default and may be null, and updated_at";
        check(&RULE, text);
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(
            found[0].help.as_deref(),
            Some(
                "update public.a set created_at = coalesce(created_at, now()), updated_at = coalesce(updated_at, now()) \
                 where created_at is null or updated_at is null; \
                 alter table public.a alter column created_at set default now(), alter column created_at set not null, \
                 alter column updated_at set default now(), alter column updated_at set not null, alter column \
                 updated_at type timestamptz using updated_at at time zone 'utc';"
            )
        );
    }

    #[test]
    fn later_statements_and_triggers_fill() {
        check(
            &RULE,
            "create table public.a (id int primary key, created_at timestamptz);
             alter table public.a alter column created_at set default now(), alter column created_at set not null;
             create table public.b (id int primary key, created_at timestamptz);
             create function public.stamp() returns trigger language plpgsql as $$
             begin new.created_at := now(); return new; end $$;
             create trigger t before insert on public.b for each row execute function public.stamp();
             create table public.c (id int primary key, updated_at timestamptz);
             create trigger t before update on public.c for each row execute function moddatetime (updated_at);",
        );
    }

    #[test]
    fn a_habit_is_told_once_and_the_rest_apart() {
        check(
            &RULE,
            "create table public.a (id int primary key, created_at timestamptz default now());
             --                            ^^^^^^^^^^ warning: 6 of 6 tables let created_at be null
             create table public.b (id int primary key, created_at timestamptz default now());
             create table public.c (id int primary key, created_at timestamptz default now());
             create table public.d (id int primary key, created_at timestamptz default now());
             create table public.e (id int primary key, created_at timestamptz default now());
             create table public.f (id int primary key, created_at timestamp default now());
             --                                         ^^^^^^^^^^ warning: in public.f, created_at has no time zone",
        );
    }

    #[test]
    fn a_habit_of_loud_failures_is_an_info() {
        let tables: String = ["b", "c", "d", "e", "f"]
            .map(|name| {
                format!("create table public.{name} (id int primary key, created_at timestamptz not null);\n")
            })
            .concat();
        check(
            &RULE,
            &format!(
                "
                 create table public.a (id int primary key, created_at timestamptz not null);
                 --                                         ^^^^^^^^^^ info: 6 of 6 tables have no default for created_at
                 {tables}"
            ),
        );
    }
}
