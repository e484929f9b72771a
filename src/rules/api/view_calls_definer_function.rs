use crate::access::{Access, describe, reach};
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Call, Expr, Query, QueryBody};

declare_rule! {
    /// Finds views of the Data API that call a `security definer` function which reads protected
    /// tables.
    ///
    /// ## Why it matters
    ///
    /// `security_invoker` makes a view read tables with the rights of the caller, and stops at the
    /// functions that the view calls: one with `security definer` reads with the rights of its owner,
    /// past row level security, and the view passes on what it gives. The view looks safe and shows
    /// the salaries of all.
    ///
    /// ```sql,bad
    /// create table public.staff (id bigint primary key, user_id uuid, salary int);
    /// alter table public.staff enable row level security;
    /// create function public.all_staff() returns setof public.staff language sql security definer
    ///   set search_path = '' as 'select * from public.staff';
    /// create view public.overview with (security_invoker = true) as select * from public.all_staff();
    /// ```
    ///
    /// ```sql,good
    /// create table public.staff (id bigint primary key, user_id uuid, salary int);
    /// alter table public.staff enable row level security;
    /// create function public.my_staff() returns setof public.staff language sql security definer
    ///   set search_path = '' as 'select * from public.staff where user_id = auth.uid()';
    /// create view public.overview with (security_invoker = true) as select * from public.my_staff();
    /// ```
    ///
    /// Silent where the view or the function asks who the caller is, and where readers of the view may
    /// read all of the table anyway.
    ///
    /// ## How to fix
    ///
    /// Choose the rows by the caller in the function, or make it `security invoker`.
    "view-calls-definer-function" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "view reads past row level security through a function",
        sources: &["pgrls:VIEW004"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for view in cx.catalog.own_views() {
        let readers: Vec<_> = cx.catalog.view_access(view).iter().filter_map(Access::reading).collect();
        let unclear = [Aspect::Views, Aspect::Grants, Aspect::Execute]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&view.name, *aspect));
        let Some(query) = view.query.as_ref().filter(|_| !readers.is_empty() && !unclear) else { continue };
        if cx.workload.asks_for_caller(query) {
            continue;
        }
        let calls = shown_calls(query).into_iter();
        let shown: Vec<_> = calls.filter_map(|call| shows(cx, &readers, call)).collect();
        report(cx, view, &readers, &shown, out);
    }
}

/// The calls whose results a query shows: those of its target list and of FROM. In a condition, a
/// function only chooses rows.
fn shown_calls(query: &Query) -> Vec<&Call> {
    let mut calls = Vec::new();
    query.walk_queries(&mut |query| {
        let QueryBody::Select(select) = &query.body else { return };
        let mut shown: Vec<&Expr> = select.targets.iter().map(|target| &target.expr).collect();
        select.from.iter().for_each(|item| item.each_own_expression(&mut |expr| shown.push(expr)));
        for expr in shown {
            expr.walk(&mut |part| {
                if let Expr::Call(call) = part {
                    calls.push(&**call);
                }
            });
        }
    });
    calls
}

/// What a call shows with the rights of a function's owner.
struct Shown<'a> {
    call: &'a Call,
    function: &'a Function,
    /// The protected tables that it reads whoever asks, one at least.
    tables: Vec<&'a Table>,
}

fn shows<'a>(cx: &CatalogCx<'a>, readers: &[Access<'_>], call: &'a Call) -> Option<Shown<'a>> {
    let catalog = cx.catalog;
    let function = catalog.functions.get(&call.target?).filter(|function| function.security_definer.value)?;
    let routine = cx.workload.routines.get(&function.oid)?;
    let unclear = catalog.may_have_changed(&function.name, Aspect::Functions);
    if unclear || cx.workload.knows_caller(&Expr::Call(Box::new(call.clone()))) {
        return None;
    }
    // Functions are called with the rights of who asks, also in a view.
    let may_call = |access: &&Access<'_>| catalog.can_execute(&access.role.name, function);
    let callers: Vec<&Access<'_>> = readers.iter().filter(may_call).collect();
    let mut tables = Vec::new();
    routine.walk_relations(&mut |relation| {
        tables.extend(relation.target.and_then(|oid| catalog.tables.get(&oid)))
    });
    let hidden = |table: &&Table| {
        table.rls.value
            && catalog.is_above_policies(&function.owner, table)
            && callers.iter().any(|access| !catalog.reads_all_rows(table, access.role))
    };
    tables.retain(hidden);
    (!tables.is_empty()).then_some(Shown { call, function, tables })
}

fn report(cx: &CatalogCx<'_>, view: &View, readers: &[Access<'_>], shown: &[Shown<'_>], out: &mut Findings) {
    let Some(Shown { call, function, tables }) = shown.first() else { return };
    let whom = describe(readers, &format!("view {}", view.name));
    let message = format!(
        "{whom}, which shows what {} reads past the row level security of {}",
        function.name, tables[0].name
    );
    let found = out.report(call.span, Identity::new("view", &view.name), message);
    found.reach(reach(readers));
    for Shown { function, tables, .. } in shown {
        found.extent(tables.iter().map(|table| format!("{} by {}", table.name, function.name)));
    }
    found.note("runs with the rights of its owner").what(function.name.to_string());
    found.label(function.security_definer.origin.span(), "because of this");
    found.help(format!(
        "choose the rows by auth.uid() in {}, or let it run with the rights of the caller: alter function {} security invoker;",
        function.name,
        function.signature(cx.catalog)
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "
             create table public.staff (id bigint, user_id uuid, salary int);
             alter table public.staff enable row level security;
             create policy own on public.staff for select using (user_id = auth.uid());
             create table public.posts (id bigint);
             alter table public.posts enable row level security;
             create policy everybody on public.posts for select using (true);
             create function public.total() returns bigint language sql security definer as 'select sum(salary) from public.staff';
             create function public.mine() returns setof public.staff language sql security definer
               as 'select * from public.staff where user_id = auth.uid()';
             create function public.count_posts() returns bigint language sql security definer as 'select count(*) from public.posts';
             create function public.as_caller() returns bigint language sql as 'select count(*) from public.staff';";

    #[test]
    fn functions_are_followed() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create view public.sums with (security_invoker = true) as select public.total() as total;
             --                                                               ^^^^^^^^^^^^^^ warning: anyone with the project's public API key can read every row of view public.sums, which shows what public.total reads past the row level security of public.staff
             "
            ),
        );
    }

    #[test]
    fn callers_and_public_rows_are_silent() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create view public.a with (security_invoker = true) as select id from public.mine();
             create view public.b with (security_invoker = true) as select public.count_posts() as n;
             create view public.c with (security_invoker = true) as select public.as_caller() as n;
             create view public.d as select public.total() as n where auth.uid() is not null;
             create view public.f with (security_invoker = true) as select id from public.posts where id < public.total();
             create schema private;
             create view private.e as select public.total() as n;"
            ),
        );
    }
}
