use crate::access::authority::is_guarded;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, Constraint, ForeignKey, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{ReferentialAction, TriggerEvent};

declare_rule! {
    /// Finds foreign keys that are to let go of a row that is deleted and whose column must have a value.
    ///
    /// ## Why it matters
    ///
    /// `on delete set null` writes null into the column when the row that it refers to is deleted. Where the
    /// column is `not null`, that fails, and so does the DELETE: "null value in column "author_id" violates
    /// not-null constraint". A user who has written one comment can no longer be deleted, by the
    /// dashboard neither, and nobody sees why until the first one asks for it.
    ///
    /// ```sql,bad
    /// create table public.comments (
    ///   id bigint primary key,
    ///   author_id uuid not null references auth.users (id) on delete set null
    /// );
    /// ```
    ///
    /// ```sql,good
    /// create table public.comments (
    ///   id bigint primary key,
    ///   author_id uuid references auth.users (id) on delete set null
    /// );
    /// ```
    ///
    /// `on delete set default` counts as well where the column has no default. Keys of several columns are
    /// found if all of them must have a value, and a trigger before UPDATE that minds the column keeps the rule
    /// silent.
    ///
    /// ## How to fix
    ///
    /// Let the column be null, `alter table public.comments alter column author_id drop not null;`, or have
    /// the rows go with the one that they belong to: `on delete cascade`.
    "set-null-on-not-null" {
        group: Group::Convention,
        severity: Severity::Warning,
        summary: "a column that must have a value is set to null when a row is deleted",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Shape]);
    for table in cx.catalog.own_tables().filter(|table| !doubts.concern(&table.name)) {
        let told_above = |constraint: &Constraint| table.is_partition && constraint.inherited;
        for (constraint, key) in table.foreign_keys().filter(|(constraint, _)| !told_above(constraint)) {
            let columns: Vec<&Column> =
                key.columns.iter().filter_map(|attnum| table.column_at(*attnum)).collect();
            let fails = |column: &&Column| {
                column.not_null.value
                    && is_emptied(key, column)
                    && !is_guarded(cx.workload, table, column.attnum, TriggerEvent::Update)
            };
            if columns.iter().all(fails) {
                report(cx, table, constraint, key, &columns, out);
            }
        }
    }
}

/// Whether a column has no value once the row that the key refers to is deleted.
fn is_emptied(key: &ForeignKey, column: &Column) -> bool {
    match key.on_delete {
        ReferentialAction::SetNull => true,
        ReferentialAction::SetDefault => column.default.is_none(),
        _ => false,
    }
}

fn report(
    cx: &CatalogCx<'_>,
    table: &Table,
    constraint: &Constraint,
    key: &ForeignKey,
    columns: &[&Column],
    out: &mut Findings,
) {
    let Some(first) = columns.first() else { return };
    let place = constraint.history.created.span().or(table.name_span);
    let (Some(span), Some(referenced)) = (place, cx.catalog.tables.get(&key.references)) else { return };
    let (name, column) = (table.name.quoted(), first.name.quoted());
    let message = format!(
        "a row of {} that {} refers to by {column} cannot be deleted: {column} is then to be null, and must not be",
        referenced.name, table.name
    );
    let found = out.report(span, Identity::part("column", &table.name, first.name.as_str()), message);
    found.note("is to let go of it");
    if let Some(place) = first.not_null.origin.span() {
        found.label(place, "must have a value");
    }
    let is_key = table.primary_key().is_some_and(|key| key.contains(&first.attnum));
    found.help(match is_key {
        true => "make the foreign key again with on delete cascade: the column is a part of the primary key".to_string(),
        false => format!(
            "alter table {name} alter column {column} drop not null; -- or make the foreign key again with on delete \
             cascade, if the rows are to go as well"
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const PARENT: &str = "create table public.lists (id bigint primary key, part int, unique (id, part));\n";

    fn tables(text: &str) {
        check(&RULE, &format!("{PARENT}{text}"));
    }

    #[test]
    fn what_is_set_to_null_must_be_able_to() {
        tables(
            "
             create table public.a (list_id bigint not null references public.lists on delete set null);
             --                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: a row of public.lists that public.a refers to by list_id cannot be deleted: list_id is then to be null, and must not be
             create table public.b (list_id bigint not null references public.lists on delete set default);
             --                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: cannot be deleted
             create table public.c (list_id bigint references public.lists on delete set null);
             --                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: cannot be deleted
             alter table public.c alter column list_id set not null;",
        );
    }

    #[test]
    fn what_has_another_value_or_none_is_fine() {
        tables(
            "
             create table public.a (list_id bigint references public.lists on delete set null);
             create table public.b (list_id bigint not null default 0 references public.lists on delete set default);
             create table public.c (list_id bigint not null references public.lists on delete cascade);
             create table public.d (list_id bigint not null references public.lists on delete set null);
             alter table public.d alter column list_id drop not null;
             create table public.e (list_id bigint not null, part int, foreign key (list_id, part) references public.lists (id, part) on delete set null (part));
             create table public.f (list_id bigint not null references public.lists on delete set null);
             create function public.keep() returns trigger language plpgsql as $$ begin new.list_id := coalesce(new.list_id, 0); return new; end $$;
             create trigger keep before update on public.f for each row execute function public.keep();",
        );
    }
}
