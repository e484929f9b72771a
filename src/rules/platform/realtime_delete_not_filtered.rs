use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds tables in Realtime whose primary key tells something, and is sent with each DELETE.
    ///
    /// ## Why it matters
    ///
    /// A deleted row cannot be asked whether a policy shows it. Realtime sends the primary key of each
    /// to every subscriber of the table who holds SELECT, whatever its policies say. From the deletes
    /// of a table with the key `(user_id, post_id)` everybody learns who no longer likes what.
    ///
    /// ```sql,bad
    /// create table public.likes (user_id uuid references auth.users, post_id bigint, primary key (user_id, post_id));
    /// alter table public.likes enable row level security;
    /// alter publication supabase_realtime add table public.likes;
    /// ```
    ///
    /// ```sql,good
    /// create table public.likes (id bigint primary key, user_id uuid references auth.users, post_id bigint);
    /// alter table public.likes enable row level security;
    /// alter publication supabase_realtime add table public.likes;
    /// ```
    ///
    /// Reported are keys with a user beside another column, and with columns such as `email`.
    ///
    /// ## How to fix
    ///
    /// Give the table a key that tells nothing, take it out of the publication, or mark rows as deleted
    /// with an UPDATE, which policies filter.
    "realtime-delete-not-filtered" {
        group: Group::Platform,
        severity: Severity::Info,
        summary: "keys of deleted rows are sent to every subscriber",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_rls(&[Aspect::Shape, Aspect::Grants]) {
        let Some(published) = cx.catalog.published_at("supabase_realtime", table) else { continue };
        if cx.catalog.table_access(table).is_empty() {
            continue;
        }
        let telling = telling(cx.catalog, table);
        let (Some(first), Some(span)) = (telling.first(), published.span().or(table.name_span)) else {
            continue;
        };
        let names: Vec<String> = telling.iter().map(|column| column.name.quoted()).collect();
        let message = format!(
            "Realtime sends {} of each row that is deleted from {} to every subscriber, whatever its policies say",
            crate::access::in_words(&names, "and"),
            table.name
        );
        out.report(span, Identity::new("table", &table.name), message)
            .note("its changes are sent")
            .label(first.name_span, "this is part of the primary key")
            .help("mark rows as deleted with an UPDATE, which policies filter, or give the table a key that tells nothing");
    }
}

/// The columns of the primary key that tell something about a person.
fn telling<'a>(catalog: &Catalog, table: &'a Table) -> Vec<&'a Column> {
    let key = table.primary_key().unwrap_or_default();
    let owner = table.owner_column(catalog).filter(|owner| key.len() > 1 && key.contains(&owner.attnum));
    if owner.is_some() {
        return key.iter().filter_map(|at| table.column_at(*at)).collect();
    }
    table.sensitive_columns().filter(|column| key.contains(&column.attnum)).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn keys_that_tell_something() {
        check(
            &RULE,
            "
             create table public.likes (user_id uuid references auth.users, post_id bigint, primary key (user_id, post_id));
             alter table public.likes enable row level security;
             alter publication supabase_realtime add table public.likes;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: Realtime sends user_id and post_id of each row that is deleted from public.likes
             create table public.subscribers (email text primary key);
             alter table public.subscribers enable row level security;
             alter publication supabase_realtime add table public.subscribers;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: sends email
             create table public.messages (id uuid primary key, user_id uuid);
             alter table public.messages enable row level security;
             alter table public.messages replica identity full;
             alter publication supabase_realtime add table public.messages;
             create table public.private_likes (user_id uuid, post_id bigint, primary key (user_id, post_id));
             alter table public.private_likes enable row level security;",
        );
    }
}
