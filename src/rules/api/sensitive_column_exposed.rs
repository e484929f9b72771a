use crate::access::{Access, column_reach, describe, reach};
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, Table, TableKind};
use crate::diagnostic::Identity;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds columns with passwords, tokens, addresses and the like in tables that the Data API
    /// serves without row level security.
    ///
    /// ## Why it matters
    ///
    /// The public API key is in every browser that opens the app. One request to
    /// `/rest/v1/customers?select=email,reset_token` copies every address, and the tokens with which
    /// the accounts can be taken over. What was readable must be taken for read: tokens need to be
    /// made anew even after the table is closed.
    ///
    /// ```sql,bad
    /// create table public.customers (id bigint primary key, email text, reset_token text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.customers (id bigint primary key, email text, reset_token text);
    /// alter table public.customers enable row level security;
    /// ```
    ///
    /// Columns are told by their names: whole names and last words such as `password`, `api_key`,
    /// `email`, `phone`, `iban`. Foreign keys, booleans and times are left out.
    /// `rls-disabled-on-exposed-table` tells what can be done with the table as a whole.
    ///
    /// ## How to fix
    ///
    /// Enable row level security on the table. Where rows are public, move such columns to a table of
    /// their own, or grant the others alone:
    /// `revoke select on public.customers from anon, authenticated;` and then
    /// `grant select (id) on public.customers to anon, authenticated;`.
    "sensitive-column-exposed" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "sensitive column can be read through the Data API",
        sources: &["splinter:0023"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// More columns than these are counted.
const MOST_NAMED: usize = 3;

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables().filter(|table| !table.rls.value && table.kind != TableKind::Foreign)
    {
        let doubtful = [Aspect::Rls, Aspect::Grants, Aspect::Shape];
        if doubtful.iter().any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect)) {
            continue;
        }
        let readers: Vec<_> = cx.catalog.table_access(table).iter().filter_map(Access::reading).collect();
        let columns: Vec<&Column> = table
            .possibly_sensitive_columns()
            .filter(|column| readers.iter().any(|access| reads(cx.catalog, table, column, access)))
            .collect();
        report(table, &columns, &readers, out);
    }
}

fn reads(catalog: &Catalog, table: &Table, column: &Column, access: &Access<'_>) -> bool {
    let one = std::slice::from_ref(column);
    catalog.can_on_any_column(&access.role.name, &table.acl, one, Privilege::Select)
}

fn report(table: &Table, columns: &[&Column], readers: &[Access<'_>], out: &mut Findings) {
    let Some(first) = columns.first() else { return };
    let Some(span) = first.name_span.or(table.name_span) else { return };
    let mut names: Vec<String> = columns.iter().take(MOST_NAMED).map(|column| column.name.quoted()).collect();
    if columns.len() > MOST_NAMED {
        names.push(format!("{} more", columns.len() - MOST_NAMED));
    }
    let names = crate::access::in_words(&names, "and");
    let whom = describe(readers, &table.name.to_string());
    let message = whom.replacen("can read every row of", &format!("can read {names} of every row of"), 1);
    let found = out.report(span, Identity::part("column", &table.name, first.name.as_str()), message);
    found.note("no row level security protects it").reach(reach(readers));
    found.reach(column_reach(readers, columns.iter().map(|column| &column.name)));
    let others = columns.iter().skip(1).filter_map(|column| Some((column.name_span?, "so can this be")));
    found.label_each(others);
    found.help(format!("alter table {} enable row level security;", table.name.quoted()));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn columns_of_open_tables() {
        check(
            &RULE,
            "
             create table public.accounts (id bigint, password text, \"apiKey\" text);
             --                                       ^^^^^^^^ error: anyone with the project's public API key can read password and \"apiKey\" of every row of public.accounts
             create table public.members (id bigint, ssn text, a_email text, b_email text, c_email text);
             --                                      ^^^ error: every signed-in user can read ssn, a_email, b_email and 1 more of every row of public.members
             revoke all on public.members from anon;
             create table public.visits (id bigint, session_id text);
             --                                     ^^^^^^^^^^ error: can read session_id of every row
             ",
        );
    }

    #[test]
    fn closed_tables_keys_and_flags_are_silent() {
        check(
            &RULE,
            "
             create table public.taxes (id uuid primary key, rate numeric);
             create table public.order_taxes (order_id bigint, tax_id uuid references public.taxes);
             create table public.links (order_id bigint, tax_id uuid);
             create table public.flags (id bigint, two_factor boolean, email timestamptz, email_count int);
             create table public.closed (id bigint, email text);
             alter table public.closed enable row level security;
             create table public.server (id bigint, email text);
             revoke all on public.server from anon, authenticated;
             create table public.written (id bigint, email text);
             revoke select on public.written from anon, authenticated;
             create table public.some (id bigint, email text);
             revoke select on public.some from anon, authenticated;
             grant select (id) on public.some to anon;
             create schema private;
             create table private.people (id bigint, email text);
             grant all on private.people to anon;",
        );
    }
}
