use rustc_hash::FxHashMap;

use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;

declare_rule! {
    /// Finds columns that by their name hold ids of another table, and have no foreign key.
    ///
    /// ## Why it matters
    ///
    /// Without a foreign key nothing keeps the id of a project that was deleted out of `tasks`, or one
    /// that never was. Such rows are shown to nobody, or in the wrong place, and a policy that joins
    /// by the column lets through what it should not when the id is given out again. The Data API
    /// also finds its embeddings by foreign keys: `select=*,projects(*)` fails without one.
    ///
    /// ```sql,bad
    /// create table public.projects (id bigint primary key);
    /// create table public.tasks (id bigint primary key, project_id bigint);
    /// ```
    ///
    /// ```sql,good
    /// create table public.projects (id bigint primary key);
    /// create table public.tasks (id bigint primary key, project_id bigint references public.projects (id));
    /// ```
    ///
    /// The other table is one of the same schema, called as the column without `_id`, in the singular or
    /// plural, with a primary key of one column of the same type. Columns with a twin `project_type`
    /// beside them, which say of which table the id is, are silent. The rule is part of the rule-set
    /// `strict` only: a name is no proof.
    ///
    /// ## How to fix
    ///
    /// `alter table public.tasks add foreign key (project_id) references public.projects (id);`, after
    /// the rows that do not fit are gone.
    "missing-foreign-key" {
        group: Group::Convention,
        severity: Severity::Info,
        summary: "an id of another table is not a foreign key",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Shape]);
    let by_name: FxHashMap<(&Ident, &str), &Table> = cx
        .catalog
        .own_tables()
        .filter(|table| table.kind == TableKind::Ordinary)
        .map(|table| ((&table.name.schema, table.name.name.as_str()), table))
        .collect();
    let subjects =
        cx.catalog.own_tables().filter(|table| !table.is_partition && table.kind != TableKind::Foreign);
    for table in subjects.filter(|table| !doubts.concern(&table.name)) {
        for column in table.columns.iter().filter(|column| is_plain(table, column)) {
            let Some(stem) = column.name.strip_suffix("_id") else { continue };
            let named = |name: String| by_name.get(&(&table.name.schema, name.as_str())).copied();
            let target = names(stem).into_iter().find_map(named);
            if let Some(target) = target.filter(|target| target.oid != table.oid && fits(column, target)) {
                report(table, column, target, out);
            }
        }
    }
}

/// No foreign key, no key by itself, and no column beside it that says of which table it is.
fn is_plain(table: &Table, column: &Column) -> bool {
    let is_key = |columns: &[i16]| columns.contains(&column.attnum);
    let twin = column.name.strip_suffix("_id").map(|stem| format!("{stem}_type"));
    !table.foreign_keys().any(|(_, key)| is_key(&key.columns))
        && table.primary_key() != Some([column.attnum].as_slice())
        && twin.is_none_or(|twin| table.column(&twin).is_none())
}

fn names(stem: &str) -> Vec<String> {
    let mut names = vec![stem.to_string(), format!("{stem}s"), format!("{stem}es")];
    names.extend(stem.strip_suffix('y').map(|root| format!("{root}ies")));
    names
}

/// Whether a column can hold the key of a table.
fn fits(column: &Column, target: &Table) -> bool {
    let Some([attnum]) = target.primary_key() else { return false };
    target.column_at(*attnum).is_some_and(|key| key.data_type.value == column.data_type.value)
}

fn report(table: &Table, column: &Column, target: &Table, out: &mut Findings) {
    let Some(span) = column.name_span.or(table.name_span) else { return };
    let (own, name) = (&table.name, column.name.quoted());
    let message = format!("{name} of {own} looks like an id of {}, and nothing keeps it one", target.name);
    let key = target.primary_key().map(|key| target.column_names(key)).unwrap_or_default();
    let key = key.first().map(Ident::quoted).unwrap_or_default();
    out.report(span, Identity::part("column", own, column.name.to_string()), message)
        .note("no foreign key")
        .label(target.name_span, "this table has a key of the same type")
        .help(format!(
            "alter table {} add foreign key ({name}) references {} ({key});",
            own.quoted(),
            target.name.quoted()
        ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn name_and_type_must_fit() {
        check(
            &RULE,
            "create table public.projects (id uuid primary key);
             create table public.category (id int primary key, parent_id int);
             create table public.companies (id int primary key, category_id bigint);
             create table public.tasks (
               id int primary key, project_id uuid, company_id int, category_id int references public.category,
               --                  ^^^^^^^^^^ info: project_id of public.tasks looks like an id of public.projects
               --                                   ^^^^^^^^^^ info: public.companies
               other_id int
             );
             create table public.notes (id int primary key, project_id uuid, project_type text, tasks_id uuid);
             create schema private;
             create table private.logs (id int primary key, project_id uuid);
             create table public.settings (project_id uuid primary key);",
        );
    }
}
