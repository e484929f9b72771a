use crate::access::{in_words, reach_of};
use crate::catalog::gap::Aspect;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds tables whose changes Realtime sends to callers, and that no row level security protects.
    ///
    /// ## Why it matters
    ///
    /// Realtime sends a change to a subscriber who may read the row. Without row level security, the
    /// right to SELECT is all that is asked: every subscriber gets every change of the table, as it
    /// happens, from a schema that the Data API does not even serve.
    ///
    /// ```sql,bad
    /// create schema chat;
    /// create table chat.messages (id bigint primary key, body text);
    /// grant usage on schema chat to authenticated;
    /// grant select on chat.messages to authenticated;
    /// alter publication supabase_realtime add table chat.messages;
    /// ```
    ///
    /// ```sql,good
    /// create schema chat;
    /// create table chat.messages (id bigint primary key, body text);
    /// alter table chat.messages enable row level security;
    /// grant usage on schema chat to authenticated;
    /// grant select on chat.messages to authenticated;
    /// alter publication supabase_realtime add table chat.messages;
    /// ```
    ///
    /// What the Data API serves without row level security is for `rls-disabled-on-exposed-table`,
    /// which says that every row can be read at any time.
    ///
    /// ## How to fix
    ///
    /// `alter table chat.messages enable row level security;`, and a policy for SELECT.
    "realtime-table-without-rls" {
        group: Group::Platform,
        severity: Severity::Error,
        summary: "Realtime sends changes of an unprotected table",
        sources: &["pgrls:SEC051"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let catalog = cx.catalog;
    for table in catalog.own_tables().filter(|table| !table.rls.value) {
        let Some(published) = catalog.published_at("supabase_realtime", table) else { continue };
        let unclear =
            [Aspect::Rls, Aspect::Grants].iter().any(|aspect| catalog.may_have_changed(&table.name, *aspect));
        if unclear || !catalog.table_access(table).is_empty() {
            continue;
        }
        let reads = |role: &&Role| {
            catalog.can_use_namespace(&role.name, &table.name.schema)
                && catalog.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select)
        };
        let readers: Vec<_> = catalog.api_roles().filter(reads).collect();
        let roles: Vec<String> = readers.iter().map(|role| role.name.quoted()).collect();
        let Some(span) = published.span().or(table.name_span).filter(|_| !roles.is_empty()) else { continue };
        let message =
            format!("{} can get every change of {} from Realtime", in_words(&roles, "and"), table.name);
        out.report(span, Identity::new("table", &table.name), message)
            .note("its changes are sent")
            .reach(reach_of(readers, Privilege::Select))
            .label(table.name_span, "row level security is never enabled")
            .help(format!("alter table {} enable row level security;", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_is_published_beside_the_data_api() {
        check(
            &RULE,
            "
             create schema chat;
             create table chat.messages (id bigint primary key);
             create table chat.safe (id bigint primary key);
             alter table chat.safe enable row level security;
             create table chat.closed (id bigint primary key);
             create table chat.unpublished (id bigint primary key);
             create table public.served (id bigint primary key);
             grant usage on schema chat to anon;
             grant select on chat.messages, chat.safe, chat.unpublished to anon;
             alter publication supabase_realtime add table chat.messages, chat.safe, chat.closed, public.served;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: anon can get every change of chat.messages from Realtime
             ",
        );
    }
}
