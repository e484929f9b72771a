use crate::access::{Access, Lineage, describe, grant_spans, in_words, reach};
use crate::catalog::gap::Aspect;
use crate::catalog::view::View;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds materialised views that the Data API serves.
    ///
    /// ## Why it matters
    ///
    /// A materialised view is filled with the rights of its owner and holds a copy. Row level
    /// security cannot be switched on for it: whoever may read it reads all of it. A nightly copy of
    /// `orders` for a dashboard hands every customer's orders to anyone with the project's public API
    /// key, although the policies of `orders` are right.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create materialized view public.big_orders as select * from public.orders where total > 100;
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create schema private;
    /// create materialized view private.big_orders as select * from public.orders where total > 100;
    /// ```
    ///
    /// It is an error where the view copies rows of a table with row level security that its readers
    /// may not all read, and a warning where it holds sums, or what they may read anyway.
    /// A copy of `auth.users` is for `auth-users-exposed`.
    ///
    /// ## How to fix
    ///
    /// Move it to a schema that the API does not serve, or revoke it:
    /// `revoke all on public.big_orders from anon, authenticated;`
    "materialized-view-exposed" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "materialised view is served by the Data API",
        sources: &["splinter:0016", "pgrls:SEC054", "pgrls:VIEW003"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut lineage = Lineage::new(cx.catalog);
    for view in cx.catalog.own_views().filter(|view| view.materialized) {
        let unclear = [Aspect::Views, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&view.name, *aspect));
        let readers: Vec<_> = cx.catalog.view_access(view).iter().filter_map(Access::reading).collect();
        if !readers.is_empty() && !unclear {
            report(cx, &mut lineage, view, &readers, out);
        }
    }
}

fn report(
    cx: &CatalogCx<'_>,
    lineage: &mut Lineage<'_>,
    view: &View,
    readers: &[Access<'_>],
    out: &mut Findings,
) {
    let Some(span) = view.name_span else { return };
    let shown = cx.rights.shown_to(readers[0].role, view);
    if shown.iter().any(|shown| shown.table.name.schema == "auth" && shown.table.name.name == "users") {
        return;
    }
    let hidden = |table| readers.iter().any(|access| !cx.catalog.reads_all_rows(table, access.role));
    let past: Vec<_> = shown.iter().filter(|shown| shown.table.rls.value && hidden(shown.table)).collect();
    let names: Vec<String> = past.iter().map(|shown| shown.table.name.to_string()).collect();
    let whom = describe(readers, &format!("materialised view {}", view.name));
    let leaks = !past.is_empty() && !view.is_summary();
    let message = match past.as_slice() {
        [] => whom,
        _ if leaks => format!("{whom}, past the row level security of {}", in_words(&names, "and")),
        _ => format!("{whom}, with sums over rows of {} that they may not read", in_words(&names, "and")),
    };
    let found = out.report(span, Identity::new("view", &view.name), message);
    if leaks {
        found.severity(Severity::Error);
    }
    found.note("holds a copy that no policy protects").reach(reach(readers));
    found.extent(names).extent(lineage.private(view));
    found.label_each(past.iter().map(|shown| (shown.span, format!("{} is read here", shown.table.name))));
    for grant in grant_spans(readers, &view.acl, &view.columns).into_iter().take(3) {
        found.label(grant, "granted here");
    }
    found.help(format!("revoke all on {} from anon, authenticated;", view.name.quoted()));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn copies_are_errors_and_sums_are_warnings() {
        check(
            &RULE,
            "
             create table public.orders (id bigint, user_id uuid, total int);
             alter table public.orders enable row level security;
             create policy own on public.orders using (user_id = auth.uid());
             create table public.posts (id bigint, body text);
             alter table public.posts enable row level security;
             create policy everybody on public.posts for select using (true);
             create materialized view public.all_orders as select * from public.orders;
             --                       ^^^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read every row of materialised view public.all_orders, past the row level security of public.orders
             create materialized view public.per_user as select user_id, sum(total) from public.orders group by 1;
             --                       ^^^^^^^^^^^^^^^ warning: with sums over rows of public.orders that they may not read
             create materialized view public.both as select user_id, count(*) from public.orders group by 1 union all select null, count(*) from public.orders;
             --                       ^^^^^^^^^^^ warning: with sums over rows of public.orders that they may not read
             create materialized view public.beside as select id, (select count(*) from public.posts) from public.orders;
             --                       ^^^^^^^^^^^^^ error: past the row level security of public.orders
             create materialized view public.titles as select id from public.posts;
             --                       ^^^^^^^^^^^^^ warning: can read every row of materialised view public.titles
             create materialized view public.one as select 1 as n;
             --                       ^^^^^^^^^^ warning: every row of materialised view public.one
             ",
        );
    }

    #[test]
    fn what_nobody_reads_and_auth_users_are_silent() {
        check(
            &RULE,
            "
             create schema private;
             create materialized view private.a as select 1 as n;
             grant select on private.a to anon;
             create materialized view public.b as select 1 as n;
             revoke all on public.b from anon, authenticated;
             create materialized view public.members as select id, email from auth.users;
             create view public.plain as select 1 as n;",
        );
    }
}
