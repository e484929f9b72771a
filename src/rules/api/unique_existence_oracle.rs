use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds unique indexes through which users can tell what others have stored.
    ///
    /// ## Why it matters
    ///
    /// Uniqueness is checked past row level security. Where users add rows of their own to `accounts`
    /// and `email` must be unique, an error tells whether somebody else has that address, although
    /// nobody can read it.
    ///
    /// ```sql,bad
    /// create table public.accounts (id uuid primary key, user_id uuid not null, email text unique);
    /// alter table public.accounts enable row level security;
    /// create policy own on public.accounts to authenticated using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.accounts (id uuid primary key, user_id uuid not null, email text, unique (user_id, email));
    /// alter table public.accounts enable row level security;
    /// create policy own on public.accounts to authenticated using (user_id = (select auth.uid()));
    /// ```
    ///
    /// Indexes with the owner's column, and over `uuid` alone, are silent. The rule is not in the
    /// recommended set: user names and slugs have to be unique among all.
    ///
    /// ## How to fix
    ///
    /// Make it unique for each owner: `unique (user_id, email)`.
    "unique-existence-oracle" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "unique index tells what others have stored",
        sources: &["pgrls:SEC035"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(user) = cx.catalog.roles.get("authenticated") else { return };
    for table in cx.catalog.own_tables().filter(|table| table.rls.value) {
        let Some(owner) = table.owner_column(cx.catalog) else { continue };
        let unclear = [Aspect::Shape, Aspect::Indexes]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect));
        let reach = |command| cx.access(table, user, command).map(|cell| cell.reach);
        let adds_own = reach(PolicyCommand::Insert) == Some(Reach::Own);
        if !unclear && adds_own && reach(PolicyCommand::Select) != Some(Reach::All) {
            of_table(table, owner.attnum, out);
        }
    }
}

fn of_table(table: &Table, owner: i16, out: &mut Findings) {
    let primary = table.primary_key().unwrap_or_default();
    for index in table.indexes.values().filter(|index| index.unique) {
        let keys: Option<Vec<i16>> = index.keys.iter().map(|key| key.attnum()).collect();
        let Some(keys) = keys.filter(|keys| keys != primary && !keys.contains(&owner)) else { continue };
        let columns: Vec<_> = keys.iter().filter_map(|at| table.column_at(*at)).collect();
        if columns.iter().all(|column| column.data_type.value.is_builtin("uuid")) {
            continue;
        }
        let Some(span) = index.history.created.span() else { continue };
        let names: Vec<String> = columns.iter().map(|column| column.name.quoted()).collect();
        let message = format!(
            "who adds rows to {} learns whether another user has the same {}, which policies hide",
            table.name,
            crate::access::in_words(&names, "and")
        );
        let by_owner = table.column_at(owner).map_or(String::new(), |owner| owner.name.quoted());
        out.report(span, Identity::part("index", &table.name, index.name.as_str()), message)
            .note("checked past row level security")
            .extent(&names)
            .help(format!("make it unique for each owner: unique ({by_owner}, {})", names.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_is_unique_among_all() {
        check(
            &RULE,
            "
             create table public.accounts (id uuid primary key, user_id uuid not null, email text, number text, code uuid unique, unique (user_id, number));
             alter table public.accounts enable row level security;
             create policy own on public.accounts to authenticated using (user_id = (select auth.uid()));
             create unique index by_email on public.accounts (email);
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: who adds rows to public.accounts learns whether another user has the same email
             create table public.names (id uuid primary key, user_id uuid not null, name text unique);
             alter table public.names enable row level security;
             create policy own on public.names for insert to authenticated with check (user_id = (select auth.uid()));
             create policy everybody on public.names for select using (true);",
        );
    }
}
