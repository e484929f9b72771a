use crate::access::{Access, reach};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::mend;

declare_rule! {
    /// Finds views that read with the caller's rights until `create or replace view` left that out.
    ///
    /// ## Why it matters
    ///
    /// A new definition takes the options of its own statement alone. `create or replace view`
    /// without `with (security_invoker = true)` turns a view that respected row level security into
    /// one that shows every row to everybody, and nothing says so: the change looked like a new
    /// column.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create view public.totals with (security_invoker = true) as select total from public.orders;
    /// create or replace view public.totals as select total, id from public.orders;
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid, total numeric);
    /// alter table public.orders enable row level security;
    /// create view public.totals with (security_invoker = true) as select total from public.orders;
    /// create or replace view public.totals with (security_invoker = true) as
    ///   select total, id from public.orders;
    /// ```
    ///
    /// It is a warning where no table behind the view has row level security. Views that the API does
    /// not serve, and those that read no table, are silent; `definer-view-exposed` says nothing about
    /// what is reported here.
    ///
    /// ## How to fix
    ///
    /// `alter view public.totals set (security_invoker = true);`, and repeat the option in each
    /// definition to come.
    "replaced-view-lost-security-invoker" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "new definition of a view took security_invoker away",
        sources: &["splinter:0010", "pgrls:VIEW001"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for view in cx.catalog.own_views() {
        let (Some(was), Some(span)) = (view.lost_security_invoker(), view.name_span) else { continue };
        let unclear = [Aspect::Views, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&view.name, *aspect));
        let access = cx.catalog.view_access(view);
        let Some(first) = access.first().filter(|_| !unclear) else { continue };
        let shown = cx.rights.shown_to(first.role, view);
        if shown.is_empty() {
            continue;
        }
        let above = shown.iter().find(|shown| {
            shown.table.rls.value && cx.catalog.is_above_policies(&shown.view.owner, shown.table)
        });
        let name = &view.name;
        let how = if view.says_owners_rights() {
            "turns security_invoker off"
        } else {
            "leaves security_invoker out"
        };
        let message = match above {
            Some(shown) => format!(
                "this definition of view {name} {how}: it now shows rows past the row level security of {}",
                shown.table.name
            ),
            None => {
                format!("this definition of view {name} {how}: it now reads with the rights of its owner")
            }
        };
        let found = out.report(span, Identity::new("view", name), message);
        found
            .note("without security_invoker")
            .reach(access.iter().filter_map(Access::reading).flat_map(|access| reach(&[access])))
            .label(was, "it read with the caller's rights since this statement");
        if let Some(shown) = above {
            found.label(shown.span, format!("{} is read here", shown.table.name));
        } else {
            found.severity(Severity::Warning);
        }
        found.help(format!("alter view {} set (security_invoker = true);", name.quoted()));
        if let Some((place, text)) = mend::as_invoker(cx, view) {
            found.edit(place, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules;
    use crate::testing::{Bench, check, mended};

    const TABLES: &str =
        "create table orders (id bigint, user_id uuid); alter table orders enable row level security;
             create table open (id bigint);";

    #[test]
    fn what_was_on_and_is_not_any_more() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create view v with (security_invoker = on) as select id from orders;
             create or replace view v as select id, user_id from orders;
             --                     ^ error: this definition of view public.v leaves security_invoker out: it now shows rows past the row level security of public.orders
             create view altered as select id from orders;
             alter view altered set (security_invoker);
             create or replace view altered as select id from orders;
             --                     ^^^^^^^ error: view public.altered
             create view harmless with (security_invoker = on) as select id from open;
             create or replace view harmless as select id from open;
             --                     ^^^^^^^^ warning: it now reads with the rights of its owner
             "
            ),
        );
    }

    #[test]
    fn what_is_offered_makes_it_silent() {
        let text = format!(
            "{TABLES} create view v with (security_invoker = on) as select id from orders;
             create or replace view v -- the new one
               as select id, user_id from orders;"
        );
        let mended = mended(&RULE, &text);
        assert!(
            mended.contains("create or replace view v with (security_invoker = on) -- the new one"),
            "{mended}"
        );
        check(&RULE, &mended);
    }

    #[test]
    fn what_is_given_back_or_was_never_on_is_silent() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create view v with (security_invoker = on) as select id from orders;
             create or replace view v as select id, user_id from orders;
             alter view v set (security_invoker = true);
             create view again with (security_invoker = on) as select id from orders;
             create or replace view again with (security_barrier) as select id from orders;
             create or replace view again with (security_invoker = true) as select id from orders;
             create view never as select id from orders;
             create or replace view never as select id from orders;
             create view reset with (security_invoker = on) as select id from orders;
             alter view reset reset (security_invoker);
             create or replace view reset as select id from orders;
             create view dropped with (security_invoker = on) as select id from orders;
             drop view dropped;
             create view dropped as select id from orders;
             create schema private;
             create view private.v with (security_invoker = on) as select id from orders;
             create or replace view private.v as select id from orders;
             create view one with (security_invoker = on) as select 1 as id;
             create or replace view one as select 1 as id;"
            ),
        );
    }

    #[test]
    fn the_general_rule_leaves_it_to_this_one() {
        let text = format!(
            "{TABLES} create view v with (security_invoker = on) as select id from orders;
             create or replace view v as select id from orders;"
        );
        let general = rules::find("definer-view-exposed").expect("it is a rule");
        let bench = Bench::new(&text);
        assert_eq!(bench.run(general, &general.options.defaults()), []);
        assert_eq!(bench.run(&RULE, &RULE.options.defaults()).len(), 1);
    }
}
