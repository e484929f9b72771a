use crate::access::Access;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::QueryBody;

declare_rule! {
    /// Finds views that choose rows of a protected table by a condition of their own, and say nothing
    /// of `security_barrier`.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL may ask the conditions of a query before those of the view that it reads. A caller
    /// who can make functions writes one that notes its argument, calls it in WHERE, and sees the rows
    /// that the view leaves out. Callers of the Data API cannot make functions, hence this rule is not
    /// in the recommended set.
    ///
    /// ```sql,bad
    /// create table public.staff (id bigint primary key, left_at date, salary int);
    /// alter table public.staff enable row level security;
    /// create view public.active as select id, salary from public.staff where left_at is null;
    /// ```
    ///
    /// ```sql,good
    /// create table public.staff (id bigint primary key, left_at date, salary int);
    /// alter table public.staff enable row level security;
    /// create view public.active with (security_barrier = true) as
    ///   select id, salary from public.staff where left_at is null;
    /// ```
    ///
    /// Views with `security_invoker` are silent: the conditions of policies always come first.
    ///
    /// ## How to fix
    ///
    /// `alter view public.active set (security_barrier = true);`
    "view-not-security-barrier" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "conditions of a view can be asked after those of a query",
        sources: &["pgrls:VIEW002"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for view in cx.catalog.own_views().filter(|view| !view.materialized && !view.security_invoker()) {
        let filters = view
            .query
            .as_ref()
            .is_some_and(|query| matches!(&query.body, QueryBody::Select(select) if select.filter.is_some()));
        let readers: Vec<_> = cx.catalog.view_access(view).iter().filter_map(Access::reading).collect();
        let unclear = cx.catalog.may_have_changed(&view.name, Aspect::Views);
        let (Some(reader), Some(span)) = (readers.first(), view.name_span) else { continue };
        if view.option_is_on("security_barrier") || !filters || unclear {
            continue;
        }
        let shown = cx.rights.shown_to(reader.role, view);
        if let Some(shown) = shown.iter().find(|shown| shown.table.rls.value) {
            let message = format!(
                "the condition of view {} does not hide rows of {} from a query that calls functions",
                view.name, shown.table.name
            );
            out.report(span, Identity::new("view", &view.name), message)
                .note("without security_barrier")
                .label(shown.span, format!("{} is read here", shown.table.name))
                .help(format!("alter view {} set (security_barrier = true);", view.name.quoted()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn conditions_over_protected_tables() {
        check(
            &RULE,
            "
             create table public.staff (id bigint, left_at date);
             alter table public.staff enable row level security;
             create table public.open (id bigint);
             create view public.a as select id from public.staff where left_at is null;
             --          ^^^^^^^^ info: the condition of view public.a does not hide rows of public.staff
             create view public.b with (security_barrier) as select id from public.staff where left_at is null;
             create view public.c with (security_invoker) as select id from public.staff where left_at is null;
             create view public.d as select id from public.staff;
             create view public.e as select id from public.open where id > 1;",
        );
    }
}
