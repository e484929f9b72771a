use crate::map::IndexSet;

use crate::access::{Access, Lineage, Shown, describe, grant_spans, in_words, reach};
use crate::catalog::Catalog;
use crate::catalog::acl::Privileges;
use crate::catalog::gap::Aspect;
use crate::catalog::index::{Index, IndexKey, IndexKeyValue};
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::sensitive::words;
use crate::catalog::table::{Column, Table};
use crate::catalog::view::{View, sums_up};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::names_principal;
use crate::rules::mend;
use crate::rules::vault::{self, VAULT};
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, QueryBody, Target};
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds views that the Data API serves and that read tables with the rights of their owner.
    ///
    /// ## Why it matters
    ///
    /// A view belongs to the role that made it, which is above row level security (RLS). Unless it
    /// says `security_invoker = true`, whoever may read the view reads what the owner can: the
    /// policies of the tables behind it do not count. A customer who asks for `/rest/v1/big_orders`
    /// gets the orders of all customers, although the policies of `orders` are right. A view that
    /// shows the rows of one table as they are can be written, too, and the writes go past the
    /// policies in the same way.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create view public.big_orders as select * from public.orders where total > 100;
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create view public.big_orders with (security_invoker = true) as
    ///   select * from public.orders where total > 100;
    /// ```
    ///
    /// `create or replace view` without `with (…)` takes `security_invoker` away again:
    /// `replaced-view-lost-security-invoker` reports that.
    ///
    /// It is an error, too, where strangers can write through it to a table that they cannot reach by itself, as one
    /// of a schema that is not served, or read past policies, or read the secrets of the vault. It is a warning where nothing leaks today: no table
    /// behind the view has RLS, its policies
    /// let those who read the view read every row, or those that its WHERE shows, anyway, or the view
    /// itself, or one that it reads through, chooses rows by who asks (`where user_id = auth.uid()`); or nobody can write through
    /// it and it says what it is for. It does so with `security_invoker = false`, or where
    /// `grant select on public.profile_cards to anon, authenticated` names all who can read it and
    /// it shows chosen columns or rows, none of them called `email` or the like. That such a grant
    /// names signed-in users only tells little where tables are joined: the author may have expected
    /// that the policies hold. So it is where it shows sums over many rows, and neither a key of these nor a
    /// person. What says both is an info. Views that read no table are silent, and those that show
    /// `auth.users` alone are for `auth-users-exposed`.
    ///
    /// ## How to fix
    ///
    /// `alter view public.big_orders set (security_invoker = true);` makes the policies of the
    /// caller hold. Readers then need a policy that lets them see the rows of the tables behind it.
    /// If only the server needs the view, revoke it from `anon` and `authenticated`.
    "definer-view-exposed" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "view shows rows past row level security",
        sources: &["splinter:0010", "pgrls:VIEW001"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut lineage = Lineage::new(cx.catalog);
    for view in cx.catalog.own_views().filter(|view| !view.materialized && !view.security_invoker()) {
        // That is for replaced-view-lost-security-invoker to say.
        if view.lost_security_invoker().is_some() {
            continue;
        }
        let unclear = [Aspect::Views, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&view.name, *aspect));
        let mut access = cx.catalog.view_access(view);
        // A write calls no function of the target list.
        if !view.is_updatable() {
            access.retain(|access| may_call_all(cx.catalog, access.role, view));
        }
        let Some(first) = access.first().filter(|_| !unclear) else { continue };
        if let Some(secrets) = vault::shown_by(cx.catalog, &mut lineage, view) {
            report_secrets(cx, view, &access, secrets, out);
            continue;
        }
        // A view with its owner's rights shows the same to all who may read it.
        let mut shown = cx.rights.shown_to(first.role, view);
        // What the platform keeps is the worst to show, and few tables are named.
        shown.sort_by_key(|shown| shown.table.history.created != Origin::Platform);
        if !shown.is_empty() {
            report(cx, &mut lineage, view, &access, &shown, out);
        }
    }
}

/// Reports a view that gives out what the vault keeps.
fn report_secrets(cx: &CatalogCx<'_>, view: &View, access: &[Access<'_>], secrets: Span, out: &mut Findings) {
    let readers: Vec<_> = access.iter().filter_map(Access::reading).collect();
    let asks = view.query.as_ref().is_some_and(|query| cx.workload.asks_for_caller(query));
    let Some(span) = view.name_span.filter(|_| !readers.is_empty() && !asks) else { return };
    let what = describe(&readers, &format!("view {}", view.name));
    out.report(
        span,
        Identity::new("view", &view.name),
        format!("{what}, with the decrypted secrets of {VAULT}"),
    )
    .note("reads with the rights of its owner")
    .reach(reach(&readers))
    .label(secrets, "the vault is read here")
    .help(format!(
        "revoke all on {} from anon, authenticated; -- and make new secrets of those that it gave out",
        view.name.quoted()
    ));
}

fn report(
    cx: &CatalogCx<'_>,
    lineage: &mut Lineage<'_>,
    view: &View,
    access: &[Access<'_>],
    shown: &[Shown<'_>],
    out: &mut Findings,
) {
    let Some(span) = view.name_span else { return };
    let Judged { severity, message, blamed, through } = judge(cx, view, access, shown);
    // That is for auth-users-exposed to say.
    let of_users = |shown: &Shown<'_>| shown.table.name.schema == "auth" && shown.table.name.name == "users";
    if blamed.iter().all(of_users) && !through.iter().any(Access::can_write) {
        return;
    }
    let found = out.report(span, Identity::new("view", &view.name), message);
    found.severity(severity).note("reads with the rights of its owner").reach(reach(&through));
    found.extent(blamed.iter().map(|shown| &shown.table.name)).extent(lineage.private(view));
    found.label_each(blamed.iter().map(|shown| (shown.span, format!("{} is read here", shown.table.name))));
    for grant in grant_spans(access, &view.acl, &view.columns).into_iter().take(3) {
        found.label(grant, "granted here");
    }
    let mut help = help(cx.catalog, view, access, &blamed);
    if severity != Severity::Error && !view.says_owners_rights() && is_statistic(cx.catalog, view) {
        help = format!(
            "if the figures are for all who can read the view, say so: alter view {} set (security_invoker = false); otherwise: {help}",
            view.name.quoted()
        );
    }
    let makes_invoker = format!("alter view {} set (security_invoker = true);", view.name.quoted());
    if help.split(" -- ").next() == Some(&*makes_invoker)
        && let Some((place, text)) = mend::as_invoker(cx, view)
    {
        found.edit(place, text);
    }
    found.help(help);
}

fn help(catalog: &Catalog, view: &View, access: &[Access<'_>], blamed: &[Shown<'_>]) -> String {
    let revoke = format!("revoke all on {} from anon, authenticated;", view.name.quoted());
    // What the platform keeps from callers, they cannot read with their own rights either.
    if blamed.iter().all(|shown| shown.table.name.schema == "auth") {
        return revoke;
    }
    let may_read = |table: &Table| {
        let can = |access: &Access<'_>| {
            catalog.can_on_any_column(&access.role.name, &table.acl, &table.columns, Privilege::Select)
        };
        access.iter().any(can)
    };
    if blamed.iter().any(|shown| shown.stored) {
        return format!("{revoke} -- a materialised view keeps what it shows, and no policy protects that");
    }
    if let Some(refused) = blamed.iter().find(|shown| !may_read(shown.table)) {
        return format!(
            "{revoke} -- unless the view is there to show a part of {}, which they may not read themselves: then make \
             sure that it shows nothing else",
            refused.table.name
        );
    }
    // A view that shows what another one reads hands on what that one's rights let it see.
    let readers: IndexSet<String> = blamed.iter().map(|shown| shown.view.name.quoted()).collect();
    let alter: Vec<String> =
        readers.iter().map(|name| format!("alter view {name} set (security_invoker = true);")).collect();
    let alter = alter.join(" ");
    let shows_rows = |policy: &Policy| {
        let binds = |access: &Access<'_>| catalog.policy_binds(policy, access.role);
        policy.permissive && policy.covers(PolicyCommand::Select) && access.iter().any(binds)
    };
    let is_closed = |table: &Table| table.rls.value && !table.policies.values().any(shows_rows);
    let closed: Vec<Shown<'_>> = blamed.iter().filter(|shown| is_closed(shown.table)).copied().collect();
    if closed.is_empty() {
        return format!("{alter} -- it then shows each user the rows that the tables' policies allow");
    }
    format!(
        "keep the view as it is if its own conditions are to decide who sees which rows; otherwise first give {} a \
         policy for SELECT, without which the view would be empty, and then: {alter}",
        names(&closed)
    )
}

/// How bad it is, and the sentence.
struct Judged<'a> {
    severity: Severity,
    message: String,
    /// The tables that it is about.
    blamed: Vec<Shown<'a>>,
    /// What can be done through the view.
    through: Vec<Access<'a>>,
}

fn judge<'a>(cx: &CatalogCx<'_>, view: &View, access: &[Access<'a>], shown: &[Shown<'a>]) -> Judged<'a> {
    let keep = |wanted: &dyn Fn(&Shown<'_>) -> bool| -> Vec<Shown<'a>> {
        shown.iter().filter(|shown| wanted(shown)).copied().collect()
    };
    let bypassed = keep(&|shown| is_bypassed(cx.catalog, shown));
    let unasked = cx.workload.read_unasked(cx.catalog, view);
    let unguarded = keep(&|shown| is_bypassed(cx.catalog, shown) && unasked.contains(&shown.table.oid));
    let leaking: Vec<_> = unguarded.iter().filter(|shown| leaks(cx, access, shown)).copied().collect();
    let done_through = |shown: &[Shown<'_>]| {
        let written = written_through(cx.catalog, view, access, shown);
        if written.is_empty() { access.iter().filter_map(Access::reading).collect() } else { written }
    };
    let through: Vec<_> = done_through(&bypassed);
    let is_written = through.iter().any(Access::can_write);
    let warning = |message, blamed, through| Judged { severity: Severity::Warning, message, blamed, through };
    let skips = |but: &str| {
        format!("view {} does not apply the row level security of {}: {but}", view.name, names(&bypassed))
    };
    // What its readers cannot come to by themselves needs no policies to be closed. Those of what an extension
    // brings are not known.
    let is_closed = |shown: &Shown<'_>| {
        !shown.table.rls.value && shown.table.extension.is_none() && leaks(cx, access, shown)
    };
    let closed = keep(&|shown| unasked.contains(&shown.table.oid) && is_closed(shown));
    let opened = written_through(cx.catalog, view, access, &closed);
    if bypassed.is_empty() && opened.iter().any(Access::can_write) {
        let what = describe(&opened, &format!("view {}", view.name));
        let message = format!("{what}, and so of {}, which they cannot reach by themselves", names(&closed));
        return Judged { severity: Severity::Error, message, blamed: closed, through: opened };
    }
    if bypassed.is_empty() {
        let message = format!(
            "view {} reads {} with its owner's rights: policies that you add later will not apply to what the view shows",
            view.name,
            names(shown)
        );
        return warning(message, shown.to_vec(), done_through(shown));
    }
    if unguarded.is_empty() {
        let message = skips("who sees which rows is up to the conditions in the view alone");
        return warning(message, bypassed, through);
    }
    if leaking.is_empty() && !is_written {
        let message =
            skips("its readers may read all of that today, but stricter policies will not apply to the view");
        return warning(message, bypassed, through);
    }
    let blamed = if leaking.is_empty() { bypassed } else { leaking };
    let what = describe(&through, &format!("view {}", view.name));
    let statistic = is_statistic(cx.catalog, view);
    let message = match statistic {
        true => format!("{what}, with sums over rows of {} that they may not read", names(&blamed)),
        false => format!("{what}, past the row level security of {}", names(&blamed)),
    };
    if !is_written {
        let published = statistic || cx.catalog.is_published(view, access);
        let severity = match (view.says_owners_rights(), published) {
            (true, true) => Severity::Info,
            (false, false) => Severity::Error,
            _ => Severity::Warning,
        };
        return Judged { severity, message, blamed, through };
    }
    Judged { severity: Severity::Error, message, blamed, through }
}

/// Whether a view's rows are sums over many, and show neither a key of what it reads nor who somebody is.
fn is_statistic(catalog: &Catalog, view: &View) -> bool {
    let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else { return false };
    let lists = |part: &Expr| match part {
        Expr::Call(call) if call.aggregate => {
            let name = call.name.name.as_str();
            matches!(name, "array_agg" | "string_agg") || name.starts_with("json")
        }
        _ => false,
    };
    let told_apart = |part: &Expr| matches!(part, Expr::Column(column) if tells_apart(catalog, column));
    view.is_summary()
        && select.targets.iter().all(|target| {
            !target.expr.any(&lists) && (sums_up(&target.expr) || !target.expr.any(&told_apart))
        })
}

/// Whether a column tells one row, person or group from the others.
fn tells_apart(catalog: &Catalog, column: &ColumnRef) -> bool {
    let Some(name) = column.path.last().filter(|_| !column.star) else { return true };
    let name = words(name);
    let is_key = match column.target {
        Target::Column { relation, attnum, .. } => catalog.tables.get(&relation).is_some_and(|table| {
            let of_it = |key: &IndexKey| matches!(key.value, IndexKeyValue::Column(at) if at == attnum);
            let alone = |index: &Index| index.unique && matches!(index.keys.as_slice(), [key] if of_it(key));
            table.indexes.values().any(alone) || table.column_at(attnum).is_some_and(Column::is_sensitive)
        }),
        _ => false,
    };
    is_key || names_principal(&name) || name == "id" || name.ends_with("user_id") || name.ends_with("name")
}

/// What can be done with the rows of the one table behind a view that can be written: what both the
/// caller may do with the view and its owner with the table. Empty where nobody can write.
fn written_through<'a>(
    catalog: &Catalog,
    view: &View,
    access: &[Access<'a>],
    bypassed: &[Shown<'_>],
) -> Vec<Access<'a>> {
    let [shown] = bypassed else { return Vec::new() };
    if !view.is_updatable() || shown.view.oid != view.oid {
        return Vec::new();
    }
    let mut owners = catalog.effective(&view.owner, &shown.table.acl);
    if !takes_new_rows(view, shown.table) {
        owners = owners.without(Privileges::of(&[Privilege::Insert]));
    }
    let passed =
        |access: &Access<'a>| Access { privileges: access.privileges.intersection(owners), ..access.clone() };
    let passed: Vec<_> = access.iter().map(passed).collect();
    if passed.iter().any(Access::can_write) { passed } else { Vec::new() }
}

/// Whether a view shows every column that a new row of its table must have a value for.
fn takes_new_rows(view: &View, table: &Table) -> bool {
    let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else { return false };
    let shows = |attnum: i16| {
        select.targets.iter().any(|column| match &column.expr {
            Expr::Column(column) if column.star => true,
            Expr::Column(column) => {
                matches!(column.target, Target::Column { attnum: shown, .. } if shown == attnum)
            }
            _ => false,
        })
    };
    let is_required = |column: &&Column| {
        column.not_null.value
            && column.default.is_none()
            && column.identity.is_none()
            && column.generated.is_none()
    };
    table.columns.iter().filter(is_required).all(|column| shows(column.attnum))
}

/// Whether a role may call the functions that a view and those behind it call: these run with the
/// rights of who asks, and reading the view fails at the first that may not.
fn may_call_all(catalog: &Catalog, role: &Role, view: &View) -> bool {
    let mut refused = false;
    let (mut seen, mut pending) = (vec![view.oid], vec![view]);
    while let Some(view) = pending.pop() {
        let Some(query) = &view.query else { continue };
        query.walk(&mut |expr| {
            let Expr::Call(call) = expr else { return };
            let function = call.target.and_then(|oid| catalog.functions.get(&oid));
            refused |= function.is_some_and(|function| !catalog.can_execute(&role.name, function));
        });
        query.walk_relations(&mut |relation| {
            let inner = relation.target.and_then(|oid| catalog.views.get(&oid));
            if let Some(inner) = inner.filter(|inner| !inner.materialized && !seen.contains(&inner.oid)) {
                seen.push(inner.oid);
                pending.push(inner);
            }
        });
    }
    !refused
}

/// Whether a table has policies that its view's owner is above.
fn is_bypassed(catalog: &Catalog, shown: &Shown<'_>) -> bool {
    shown.table.rls.value && catalog.is_above_policies(&shown.view.owner, shown.table)
}

/// Whether one who reads the view may not read all that it shows of the table directly.
fn leaks(cx: &CatalogCx<'_>, access: &[Access<'_>], shown: &Shown<'_>) -> bool {
    let Shown { table, view, stored, .. } = *shown;
    let reads_it_anyway = |role: &Role| {
        cx.catalog.reads_all_rows(table, role)
            || !stored
                && cx.catalog.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select)
                && cx.rights.shows_what_is_readable(view, table, role)
    };
    access.iter().filter_map(Access::reading).any(|access| !reads_it_anyway(access.role))
}

fn names(shown: &[Shown<'_>]) -> String {
    let names: Vec<_> = shown.iter().map(|shown| shown.table.name.to_string()).collect();
    match names.as_slice() {
        [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", names.len() - 3),
        _ => in_words(&names, "and"),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check, mended};

    const TABLES: &str = "create table public.orders (id bigint, user_id uuid, total int);\n\
                          alter table public.orders enable row level security;\n\
                          create policy own on public.orders for select using (user_id = auth.uid());\n\
                          create table public.open (id bigint);\n";

    fn view(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn what_is_offered_makes_it_silent() {
        let policy = "create policy own on public.orders for select using (user_id = auth.uid());";
        let text = format!("{TABLES} {policy} create view public.v as select id from public.orders;");
        let mended = mended(&RULE, &text);
        assert!(
            mended.ends_with(
                "create view public.v with (security_invoker = on) as select id from public.orders;"
            ),
            "{mended}"
        );
        check(&RULE, &mended);
        for view in ["create view public.v (id) as", "create view public.v with (security_barrier) as"] {
            let text = format!("{TABLES} {policy} {view} select id from public.orders;");
            assert_eq!(crate::testing::mended(&RULE, &text), text);
        }
    }

    #[test]
    fn the_vault_gives_its_secrets_to_nobody() {
        check(
            &RULE,
            "
             create view public.keys as select name, decrypted_secret from vault.decrypted_secrets;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read every row of view public.keys, with the decrypted secrets of vault.decrypted_secrets
             create view public.names as select name from vault.decrypted_secrets;
             create view public.as_caller with (security_invoker) as select * from vault.decrypted_secrets;
             create schema private;
             create view private.inner_keys as select decrypted_secret as key from vault.decrypted_secrets;
             create view public.passed as select key from private.inner_keys;
             --          ^^^^^^^^^^^^^ error: of view public.passed, with the decrypted secrets
             create view public.address as
               select decrypted_secret from vault.decrypted_secrets where name = 'project_url';
             create view public.mine as
               select decrypted_secret from vault.decrypted_secrets where name = auth.uid()::text;
             create view public.for_server as select * from vault.decrypted_secrets;
             revoke all on public.for_server from anon, authenticated;",
        );
    }

    #[test]
    fn reads_and_writes_are_told_apart() {
        view(
            "
             create view public.all_orders as select * from public.orders;
             --          ^^^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read, change and delete every row of view public.all_orders, and add new ones, past the row level security of public.orders
             create view public.sums as select user_id, sum(total) from public.orders group by user_id;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read every row of view public.sums, past
             create view public.read_only as select * from public.orders;
             --          ^^^^^^^^^^^^^^^^ error: every signed-in user can read every row of view public.read_only, past
             revoke all on public.read_only from anon, authenticated;
             grant select on public.read_only to authenticated;",
        );
    }

    #[test]
    fn sums_that_name_nobody_are_meant_as_often_as_not() {
        view(
            "
             create view public.revenue as select sum(total), count(*) filter (where total > 9) from public.orders;
             --          ^^^^^^^^^^^^^^ warning: can read every row of view public.revenue, with sums over rows of public.orders that they may not read
             create view public.sizes as select total > 100 as large, count(*) from public.orders group by 1;
             --          ^^^^^^^^^^^^ warning: with sums over rows of public.orders
             create view public.stated with (security_invoker = false) as select max(total) from public.orders;
             --          ^^^^^^^^^^^^^ info: with sums over rows of public.orders
             create table public.names (id bigint primary key, tag text);
             alter table public.names enable row level security;
             create view public.by_key as select id, count(*) from public.names group by id;
             --          ^^^^^^^^^^^^^ error: past the row level security of public.names
             create view public.listed as select tag, array_agg(id) from public.names group by tag;
             --          ^^^^^^^^^^^^^ error: past the row level security of public.names
             create view public.beside as select tag, (select count(*) from public.orders) from public.names limit 9;
             --          ^^^^^^^^^^^^^ error: past the row level security of public.names and public.orders
             create view public.running as select tag, sum(id) over (order by id) from public.names limit 9;
             --          ^^^^^^^^^^^^^^ error: past the row level security of public.names",
        );
        assert!(help("create view public.v as select count(*) from public.orders;").starts_with(
            "if the figures are for all who can read the view, say so: alter view public.v set (security_invoker = false); \
             otherwise: alter view public.v set (security_invoker = true);"
        ));
    }

    #[test]
    fn what_is_stored_no_view_can_protect() {
        let stored = "create schema private; create materialized view private.m as select id, total from public.orders;
                      create view public.v as select id from private.m;";
        let revoke = "revoke all on public.v from anon, authenticated; -- a materialised view keeps what it shows, and no policy \
                      protects that";
        assert_eq!(help(stored), revoke);
    }

    #[test]
    fn options_of_the_last_statement_count() {
        view(
            "
             create view public.v1 with (security_invoker = on) as select * from public.orders;
             create view public.v2 with (security_invoker) as select * from public.orders;
             create view public.v3 as select * from public.orders;
             alter view public.v3 set (security_invoker = true);
             create view public.v4 with (security_invoker = true) as select id from public.orders;
             create view public.v5 with (security_invoker = false) as select distinct total from public.orders;
             --          ^^^^^^^^^ warning: past the row level security of public.orders
             -- file: 2.sql
             create or replace view public.v4 as select id from public.orders;",
        );
    }

    #[test]
    fn rows_are_only_added_through_a_view_that_shows_what_they_need() {
        view(
            "
             create table public.notes (id bigint generated always as identity, owner uuid not null, body text);
             alter table public.notes enable row level security;
             create view public.bodies as select body from public.notes;
             --          ^^^^^^^^^^^^^ error: can read, change and delete every row of view public.bodies, past
             create view public.owned as select owner, body from public.notes;
             --          ^^^^^^^^^^^^ error: every row of view public.owned, and add new ones, past",
        );
    }

    #[test]
    fn rows_that_are_out_of_reach_are_not_written_through_a_view() {
        let table = "create schema private; create table private.tokens (id bigint primary key, token text);";
        check(
            &RULE,
            &format!(
                "{table}
                 create view public.tokens as select * from private.tokens;
                 --          ^^^^^^^^^^^^^ error: anyone with the project's public API key can read, change and delete every row of view public.tokens, and add new ones, and so of private.tokens, which they cannot reach by themselves"
            ),
        );
        check(
            &RULE,
            &format!(
                "{table}
                 create view public.tokens as select * from private.tokens;
                 --          ^^^^^^^^^^^^^ warning: view public.tokens reads private.tokens with its owner's rights
                 revoke insert, update, delete on public.tokens from anon, authenticated;"
            ),
        );
    }

    #[test]
    fn what_leaks_nothing_today_is_a_warning() {
        view(
            "
             create view public.mine as select * from public.orders where user_id = (select auth.uid());
             --          ^^^^^^^^^^^ warning: who sees which rows is up to the conditions in the view alone
             create view public.of_open as select * from public.open;
             --          ^^^^^^^^^^^^^^ warning: policies that you add later will not apply
             create table public.posts (id bigint);
             alter table public.posts enable row level security;
             create policy read on public.posts for select using (true);
             create view public.counts as select count(*) from public.posts;
             --          ^^^^^^^^^^^^^ warning: its readers may read all of that today
             create view public.copies as select * from public.posts;
             --          ^^^^^^^^^^^^^ error: change and delete every row of view public.copies",
        );
        view(
            "
             create function public.me() returns uuid language sql stable as $$ select auth.uid() $$;
             create view public.mine as select * from public.orders where user_id = public.me();
             --          ^^^^^^^^^^^ warning: up to the conditions in the view alone",
        );
    }

    #[test]
    fn rows_that_the_policies_show_anyway_do_not_leak() {
        view(
            "
             create table public.posts (id bigint, user_id uuid, published boolean not null, title text);
             alter table public.posts enable row level security;
             create policy read on public.posts for select using (published or user_id = auth.uid());
             create view public.titles as select distinct p.title from public.posts p where p.published and p.id > 9;
             --          ^^^^^^^^^^^^^ warning: its readers may read all of that today
             create view public.with_orders as select p.title, o.total from public.posts p join public.orders o using (id) where p.published;
             --          ^^^^^^^^^^^^^^^^^^ error: past the row level security of public.orders
             create view public.either as select distinct title from public.posts where published or id > 9;
             --          ^^^^^^^^^^^^^ error: past the row level security of public.posts
             create view public.twice as select p.title from public.posts p join public.posts o using (id) where p.published;
             --          ^^^^^^^^^^^^ error: past the row level security of public.posts
             create view public.inner_query as select distinct q.title from (select * from public.posts) q where q.published;
             --          ^^^^^^^^^^^^^^^^^^ error: past the row level security of public.posts",
        );
        view(
            "
             create table public.posts (id bigint, user_id uuid, published boolean not null, title text);
             alter table public.posts enable row level security;
             create policy read on public.posts for select to authenticated using (published or user_id = auth.uid());
             create view public.titles as select distinct title from public.posts where published;
             --          ^^^^^^^^^^^^^ error: past the row level security of public.posts",
        );
    }

    #[test]
    fn what_is_granted_by_name_to_all_readers_is_meant_for_them() {
        view(
            "
             create table public.profiles (id uuid, user_id uuid, username text, email text, is_public bool);
             alter table public.profiles enable row level security;
             create policy own on public.profiles for select using (user_id = auth.uid());
             alter default privileges in schema public revoke all on tables from anon, authenticated;
             create view public.cards as select id, username from public.profiles;
             --          ^^^^^^^^^^^^ warning: anyone with the project's public API key can read every row of view public.cards, past the row level security of public.profiles
             grant select on public.cards to anon, authenticated;
             create view public.stated with (security_invoker = off) as select id, username from public.profiles;
             --          ^^^^^^^^^^^^^ info: anyone with the project's public API key can read every row of view public.stated
             grant select on public.stated to anon, authenticated;
             create view public.members as select id, username from public.profiles;
             --          ^^^^^^^^^^^^^^ warning: every signed-in user can read every row
             grant select on public.members to authenticated;
             create view public.listed as select p.*, o.id as order_id from public.profiles p, public.orders o where p.is_public;
             --          ^^^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant select on public.listed to anon;
             create view public.newest as select p.id, o.id as order_id from public.profiles p, public.orders o where p.is_public;
             --          ^^^^^^^^^^^^^ warning: anyone with the project's public API key can read every row
             grant select on public.newest to anon;
             create view public.totals as select p.id, o.total from public.profiles p, public.orders o;
             --          ^^^^^^^^^^^^^ error: every signed-in user can read every row
             grant select on public.totals to authenticated;
             create view public.all_rows as select * from public.profiles;
             --          ^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant select on public.all_rows to anon;
             create view public.both as select id from public.profiles union all select id::text::uuid from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant select on public.both to anon, authenticated;",
        );
    }

    #[test]
    fn what_comes_with_others_is_not_granted_by_name() {
        view(
            "
             create view public.sums as select distinct total from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant select on public.sums to authenticated;
             create view public.most as select distinct total from public.orders;
             --          ^^^^^^^^^^^ warning: every signed-in user can read every row
             revoke all on public.most from anon;
             grant select on public.most to authenticated;
             create view public.least as select distinct total from public.orders;
             --          ^^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant all on public.least to anon, authenticated;
             create view public.ids as select id from public.orders;
             --          ^^^^^^^^^^ error: can read, change and delete every row
             grant select on public.ids to anon, authenticated;",
        );
        view(
            "
             create view public.sums as select distinct total from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read every row
             grant select on all tables in schema public to anon, authenticated;",
        );
    }

    #[test]
    fn what_cannot_leak_is_silent() {
        view(
            "
             create view public.numbers as select 1 as n;
             create schema private;
             create view private.v as select * from public.orders;
             create view public.revoked as select * from public.orders;
             revoke all on public.revoked from anon, authenticated;
             create temp view scratch as select * from public.orders;
             create materialized view public.stored as select * from public.orders;
             create view public.gone as select * from public.orders;
             drop view public.gone;
             create view private.inner_view with (security_invoker = true) as select * from public.orders;
             create view public.over_invoker as select * from private.inner_view;",
        );
        check(
            &RULE,
            "-- explicit
             create table public.orders (id bigint);
             alter table public.orders enable row level security;
             create view public.v as select * from public.orders;",
        );
    }

    #[test]
    fn conditions_far_from_the_top_count() {
        view(
            "
             create schema private;
             create view private.own as select * from public.orders where user_id = auth.uid();
             create view public.sums as select sum(total) from private.own;
             --          ^^^^^^^^^^^ warning: up to the conditions in the view alone
             create view public.gated as
             --          ^^^^^^^^^^^^ warning: up to the conditions in the view alone
               with who as (select auth.uid() as id)
               select total from public.orders where user_id = (select id from who) limit 10;
             create view public.by_role as select total from public.orders where current_user = 'postgres' limit 10;
             --          ^^^^^^^^^^^^^^ warning: up to the conditions in the view alone
             create view public.marked as select total, user_id = auth.uid() as mine from public.orders limit 10;
             --          ^^^^^^^^^^^^^ error: can read every row of view public.marked",
        );
    }

    #[test]
    fn a_view_between_may_choose_the_rows() {
        view(
            "
             create view public.one as select id, user_id, total from public.orders;
             revoke all on public.one from anon, authenticated;
             create view public.two as select o.* from public.one o where o.user_id = auth.uid();
             --          ^^^^^^^^^^ warning: up to the conditions in the view alone
             create view public.three as select * from public.two;
             --          ^^^^^^^^^^^^ warning: up to the conditions in the view alone
             create view public.both as select id from public.two union all
             --          ^^^^^^^^^^^ warning: up to the conditions in the view alone
               select o.id from public.orders o where o.user_id = auth.uid();
             create view public.around as select id from public.two union all select id from public.one;
             --          ^^^^^^^^^^^^^ error: can read every row of view public.around, past the row level security of public.orders
             create view public.beside as select t.id from public.two t join public.one o on o.id > t.id;
             --          ^^^^^^^^^^^^^ error: can read every row of view public.beside",
        );
    }

    /// What is advised about the last view of a text.
    fn help(text: &str) -> String {
        let found = Bench::new(&format!("{TABLES}{text}")).run(&RULE, &RULE.options.defaults());
        found.last().and_then(|last| last.help.clone()).unwrap_or_default()
    }

    #[test]
    fn the_help_names_the_view_that_reads_the_table() {
        let own = "alter view public.v set (security_invoker = true); -- it then shows each user the rows that the \
                   tables' policies allow";
        assert_eq!(help("create view public.v as select id from public.orders;"), own);
        assert_eq!(
            help(
                "create schema private; create view private.rows as select * from public.orders;
                 create view public.v as select distinct total from private.rows;"
            ),
            own.replace("public.v", "private.rows")
        );
    }

    #[test]
    fn a_table_without_policies_would_leave_the_view_empty() {
        let tables = "create table public.t (id bigint primary key, user_id uuid);
             alter table public.t enable row level security;
             create policy add on public.t for insert with check (true);";
        let own = "create view public.v as select id from public.t where user_id = (select auth.uid());";
        let advice = "keep the view as it is if its own conditions are to decide who sees which rows; otherwise first \
                      give public.t a policy for SELECT, without which the view would be empty, and then: alter view \
                      public.v set (security_invoker = true);";
        assert_eq!(help(&format!("{tables}{own}")), advice);
        let policy = "create policy own on public.t to authenticated using (user_id = (select auth.uid()));";
        assert!(help(&format!("{tables}{policy}{own}")).starts_with("alter view public.v set"));
    }

    #[test]
    fn what_the_platform_keeps_comes_first() {
        let tables =
            "create table public.a (id uuid primary key); alter table public.a enable row level security;
             create table public.b (id uuid primary key); alter table public.b enable row level security;
             create table public.c (id uuid primary key); alter table public.c enable row level security;";
        let sessions = "create view public.m as
             --          ^^^^^^^^ error: past the row level security of auth.sessions, public.a, public.b and 1 more
             select a.id, s.ip from public.a join public.b using (id) join public.c using (id)
             join auth.sessions s on s.user_id = a.id;";
        view(&format!("{tables}\n             {sessions}"));
        assert!(help(&format!("{tables}{sessions}")).contains("a part of auth.sessions"));
        let text = format!("{tables}{sessions}");
        let bench = Bench::new(&text);
        let found = bench.run(&RULE, &RULE.options.defaults());
        assert_eq!(found[0].labels[0].text, "auth.sessions is read here");
    }

    #[test]
    fn users_are_for_another_rule_unless_they_can_be_written() {
        view(
            "
             create view public.members as select id, email from auth.users limit 10;
             create view public.both as select u.email, o.total from auth.users u join public.orders o on o.user_id = u.id;
             --          ^^^^^^^^^^^ error: past the row level security of auth.users and public.orders",
        );
    }

    #[test]
    fn functions_are_called_with_the_rights_of_who_asks() {
        view(
            "
             create function public.rate() returns int language sql security definer as $$ select 2 $$;
             revoke execute on function public.rate() from public, anon;
             create view public.sums as select distinct total * public.rate() as sum from public.orders;
             --          ^^^^^^^^^^^ error: every signed-in user can read every row of view public.sums
             create view public.over_sums as select distinct sum from public.sums;
             --          ^^^^^^^^^^^^^^^^ error: every signed-in user can read every row of view public.over_sums
             create function public.cost() returns int language sql as $$ select 2 $$;
             revoke execute on function public.cost() from public, anon, authenticated, service_role;
             create view public.closed as select sum(total) * public.cost() from public.orders;",
        );
    }

    #[test]
    fn views_on_views_are_followed() {
        view(
            "
             create schema private;
             create view private.inner_view as select * from public.orders;
             create view public.outer_view as select distinct total from private.inner_view;
             --          ^^^^^^^^^^^^^^^^^ error: past the row level security of public.orders",
        );
    }
}
