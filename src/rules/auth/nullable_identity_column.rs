use crate::map::IndexMap;

use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, own_column, spots};
use crate::rules::upkeep::{fold_tables, is_habit};
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::statement::ReferentialAction;

declare_rule! {
    /// Finds tables whose policies ask whose a row is, of a column that may be null.
    ///
    /// ## Why it matters
    ///
    /// A row without an owner is nobody's: no user finds it, and no policy that compares with `auth.uid()`
    /// ever lets it through. It also invites `or owner is null`, which gives such rows to everybody.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid not null);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// A column whose foreign key sets it to null when the user is deleted means to be nullable, and is
    /// left alone.
    ///
    /// ## How to fix
    ///
    /// Give the rows that have none an owner, then `alter table … alter column … set not null;`.
    "nullable-identity-column" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "the column that says whose a row is may be null",
        sources: &["pgrls:SEC030"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Shape]);
    let mut columns: IndexMap<(Oid, i16), (&Table, &Column, Span)> = IndexMap::default();
    let found = spots(cx, |table, _, part| {
        let pairs = compared(part);
        pairs.into_iter().find_map(|(side, who)| {
            let column = own_column(table, side).filter(|_| told(who) == Some(Told::Id))?;
            is_loose(table, column).then_some(column)
        })
    });
    for spot in found.iter().filter(|spot| !doubts.concern(&spot.table.name)) {
        columns.entry((spot.table.oid, spot.seen.attnum)).or_insert((spot.table, spot.seen, spot.places[0]));
    }
    let columns: Vec<_> = columns.into_values().filter(|(_, column, _)| column.name_span.is_some()).collect();
    let before = out.list.len();
    for (table, column, place) in &columns {
        let Some(span) = column.name_span else { continue };
        let name = column.name.quoted();
        let message = format!("{name} says whose a row of {} is, and may be null", table.name);
        let found = out.report(span, Identity::part("column", &table.name, column.name.as_str()), message);
        found.label(*place, "a policy asks for it here");
        found.help(format!("alter table {} alter column {name} set not null;", table.name.quoted()));
    }
    if is_habit(columns.len(), 0) {
        let message = format!("in {} tables the column that says whose a row is may be null", columns.len());
        if let Some(habit) = fold_tables(out, before, "owner", message) {
            habit.help("alter table … alter column … set not null;");
        }
    }
}

/// Whether a column may be null without meaning to.
fn is_loose(table: &Table, column: &Column) -> bool {
    let set_null = table.foreign_keys().any(|(_, key)| {
        key.columns == [column.attnum] && matches!(key.on_delete, ReferentialAction::SetNull)
    });
    !column.not_null.value && !set_null && table.history.created.span().is_some()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table public.a (id bigint primary key, owner uuid, author uuid not null, \"User\" uuid,
             --                                            ^^^^^ info: owner says whose a row of public.a is, and may be null
               gone uuid references auth.users on delete set null);
             alter table public.a enable row level security;
             create policy p1 on public.a using ((select auth.uid()) = owner);
             create policy p2 on public.a for insert with check (owner = auth.uid());
             create policy p3 on public.a using (author = auth.uid() or gone = auth.uid());
             create policy p4 on public.a using (exists (select 1 from public.b where b.owner = auth.uid() and b.id = a.id));
             create table public.b (id bigint primary key, owner uuid);
             alter table public.b enable row level security;",
        );
    }

    #[test]
    fn habits_are_told_once() {
        let table = |n: usize| {
            let caret =
                if n == 0 { "--                               ^^^^^ info: in 12 tables\n" } else { "" };
            format!(
                "create table public.t{n:02} (id int, owner uuid);\n{caret}alter table public.t{n:02} enable row level security;\n\
                 create policy p on public.t{n:02} using (owner = auth.uid());\n"
            )
        };
        check(&RULE, &(0..12).map(table).collect::<String>());
    }
}
