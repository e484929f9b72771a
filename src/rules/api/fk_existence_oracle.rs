use crate::catalog::gap::Aspect;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds foreign keys through which anonymous callers can tell whether a hidden row exists.
    ///
    /// ## Why it matters
    ///
    /// A foreign key is checked past row level security. Who may add rows that refer to `invoices`
    /// learns from the error, or from its absence, which numbers exist, although no policy shows a
    /// single invoice.
    ///
    /// ```sql,bad
    /// create table public.invoices (id bigint primary key);
    /// alter table public.invoices enable row level security;
    /// create table public.complaints (invoice_id bigint references public.invoices);
    /// alter table public.complaints enable row level security;
    /// create policy add on public.complaints for insert to anon with check (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.invoices (id bigint primary key);
    /// alter table public.invoices enable row level security;
    /// create table public.complaints (invoice_id bigint references public.invoices);
    /// alter table public.complaints enable row level security;
    /// create policy add on public.complaints for insert to authenticated with check (true);
    /// ```
    ///
    /// Keys of type `uuid` cannot be guessed and are silent. The rule is not in the recommended set.
    ///
    /// ## How to fix
    ///
    /// Let anonymous callers add rows through a function that answers the same in both cases, or use
    /// keys that cannot be guessed.
    "fk-existence-oracle" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "foreign key tells whether a hidden row exists",
        sources: &["pgrls:SEC047"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(anon) = cx.catalog.roles.get("anon") else { return };
    for table in cx.catalog.own_tables() {
        let unclear = cx.catalog.may_have_changed(&table.name, Aspect::Shape);
        if unclear || !writes(cx, table, anon) {
            continue;
        }
        for (constraint, key) in table.foreign_keys() {
            let Some(parent) =
                cx.catalog.tables.get(&key.references).filter(|parent| parent.oid != table.oid)
            else {
                continue;
            };
            let guessable = key.columns.iter().filter_map(|at| table.column_at(*at));
            let guessable = guessable.clone().all(|column| !column.data_type.value.is_builtin("uuid"));
            if !guessable || !parent.rls.value || cx.catalog.reads_all_rows(parent, anon) {
                continue;
            }
            let Some(span) = constraint.history.created.span() else { continue };
            let message = format!(
                "anyone who adds rows to {} learns which rows of {} exist, which policies hide",
                table.name, parent.name
            );
            out.report(span, Identity::part("constraint", &table.name, constraint.name.as_str()), message)
                .note("checked past row level security")
                .extent([&parent.name])
                .help(
                    "let anonymous callers add rows through a function, or use keys that cannot be guessed",
                );
        }
    }
}

fn writes(cx: &CatalogCx<'_>, table: &Table, role: &Role) -> bool {
    let adds = cx.access(table, role, PolicyCommand::Insert);
    adds.is_some_and(|cell| cell.reach != Reach::None && cell.reach != Reach::Unknown)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn keys_that_can_be_guessed() {
        check(
            &RULE,
            "
             create table public.invoices (id bigint primary key);
             alter table public.invoices enable row level security;
             create table public.people (id uuid primary key);
             alter table public.people enable row level security;
             create table public.posts (id bigint primary key);
             alter table public.posts enable row level security;
             create policy everybody on public.posts for select using (true);
             create table public.open (invoice bigint references public.invoices, person uuid references public.people, post bigint references public.posts);
             --                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^ info: anyone who adds rows to public.open learns which rows of public.invoices exist
             create table public.closed (invoice bigint references public.invoices);
             alter table public.closed enable row level security;",
        );
    }
}
