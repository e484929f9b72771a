//! What `pg_graphql` describes to whom.

use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::diagnostic::Identity;
use crate::rule::{CatalogCx, Findings};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

/// Reports the project's tables and views that a role sees: those of which it may read a column.
pub(super) fn report_visible(cx: &CatalogCx<'_>, role: &str, out: &mut Findings) {
    let catalog = cx.catalog;
    if !catalog.extensions.contains_key("pg_graphql") {
        return;
    }
    let (role, whom) = (
        Ident::from(role),
        if role == "anon" { "anyone with the project's public API key" } else { "every signed-in user" },
    );
    let mut report = |kind: &'static str, name: &QName, span: Option<Span>| {
        let Some(span) = span.filter(|_| !catalog.may_have_changed(name, Aspect::Grants)) else { return };
        out.report(span, Identity::new(kind, name), format!("GraphQL describes {name} to {whom}"))
            .note(format!("{role} holds SELECT on it"))
            .help(format!(
                "drop extension pg_graphql; -- or: revoke select on {} from {role};",
                name.quoted()
            ));
    };
    for table in catalog.own_tables().filter(|table| catalog.can_use_namespace(&role, &table.name.schema)) {
        if catalog.can_on_any_column(&role, &table.acl, &table.columns, Privilege::Select) {
            report("table", &table.name, table.name_span);
        }
    }
    for view in catalog.own_views().filter(|view| catalog.can_use_namespace(&role, &view.name.schema)) {
        if catalog.can_on_any_column(&role, &view.acl, &view.columns, Privilege::Select) {
            report("view", &view.name, view.name_span);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules;
    use crate::testing::check;

    const RULES: [(&str, &str, &str); 2] = [
        ("graphql-visible-to-anon", "anon", "anyone with the project's public API key"),
        ("graphql-visible-to-authenticated", "authenticated", "every signed-in user"),
    ];

    #[test]
    fn select_makes_visible() {
        for (rule, role, whom) in RULES {
            check(
                rules::named(rule),
                &format!(
                    "
                     create table public.todos (id bigint, note text);
                     --           ^^^^^^^^^^^^ info: GraphQL describes public.todos to {whom}
                     alter table public.todos enable row level security;
                     create table public.part (id bigint, note text);
                     --           ^^^^^^^^^^^ info: public.part
                     revoke all on public.part from {role};
                     grant select (id) on public.part to {role};
                     create view public.v as select 1 as n;
                     --          ^^^^^^^^ info: public.v
                     create table public.closed (id bigint);
                     revoke select on public.closed from {role};
                     create schema private;
                     create table private.t (id bigint);"
                ),
            );
        }
    }

    #[test]
    fn without_the_extension_nothing_is() {
        let sql = "drop extension pg_graphql; create table public.todos (id bigint);";
        RULES.into_iter().for_each(|(rule, ..)| check(rules::named(rule), sql));
    }
}
