use rustc_hash::FxHashSet;

use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::{Sources, Span};
use crate::sql::expr::Oid;

declare_rule! {
    /// Finds tables that have row level security (RLS) and no policy: the Data API shows no row of
    /// them, and accepts none.
    ///
    /// ## Why it matters
    ///
    /// That is right for tables that only the server uses, and a puzzle when a policy was
    /// forgotten: the app shows an empty list, and no request fails with an error.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Users see their own todos" on public.todos for select to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// Say that the API has no business there, and the rule is silent:
    ///
    /// ```sql,good
    /// create table public.webhook_events (id bigint primary key);
    /// alter table public.webhook_events enable row level security;
    /// revoke all on public.webhook_events from anon, authenticated;
    /// ```
    ///
    /// It is silent, too, when a comment on the table, above it or below the switch says so
    /// (`-- server only`), when a `security definer` function or a view is there to reach the rows,
    /// and on partitions, which are reached through their table.
    ///
    /// ## How to fix
    ///
    /// Make a policy for each thing that users of the app may do, or, if that is nothing,
    /// `revoke all on public.webhook_events from anon, authenticated;`.
    "rls-without-policies" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "no policy lets the Data API see or write a row",
        sources: &["splinter:0008", "pgrls:SEC009"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// Words of a comment that say that the table is closed on purpose.
const CLOSED: &[&str] = &[
    "server",
    "service",
    "backend",
    "internal",
    "private",
    "deny",
    "denied",
    "no access",
    "no polic",
    "locked",
];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let reached = reached_otherwise(cx);
    for table in cx.catalog.own_tables() {
        let closed = table.rls.value && table.policies.is_empty() && !table.is_partition;
        let unclear = [Aspect::Policies, Aspect::Rls, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect));
        if !closed || unclear || reached.contains(&table.oid) || is_on_purpose(cx, table) {
            continue;
        }
        let Some(span) = table.name_span else { continue };
        let message = format!(
            "{} has row level security and no policy: through the Data API it looks empty, and nothing can be added",
            table.name
        );
        let name = table.name.quoted();
        out.report(span, Identity::new("table", &table.name), message)
            .note("no policy for this table")
            .label(table.rls.origin.span(), "row level security is enabled here")
            .help(format!(
                "revoke all on {name} from anon, authenticated; -- if only the server uses it; otherwise create a policy"
            ));
    }
}

/// The tables that views and functions with their owner's rights are there to reach.
fn reached_otherwise(cx: &CatalogCx<'_>) -> FxHashSet<Oid> {
    let mut reached = FxHashSet::default();
    for function in cx.catalog.own_functions().filter(|function| function.security_definer.value) {
        if let Some(routine) = cx.workload.routines.get(&function.oid) {
            routine.walk_relations(&mut |relation| reached.extend(relation.target));
        }
    }
    for view in cx.catalog.own_views() {
        for access in cx.catalog.view_access(view) {
            reached.extend(cx.rights.shown_to(access.role, view).iter().map(|shown| shown.table.oid));
        }
    }
    reached
}

fn is_on_purpose(cx: &CatalogCx<'_>, table: &Table) -> bool {
    let closes = |comment: &str| {
        let comment = comment.to_lowercase();
        CLOSED.iter().any(|word| comment.contains(word))
    };
    let above = table.history.created.span().map(|span| comment_above(cx.sources, span));
    let below = table.rls.origin.span().map(|span| comment_below(cx.sources, span));
    let says_so = table.comment.iter().chain(&above).chain(&below).any(|comment| closes(comment));
    says_so || cx.catalog.table_access(table).is_empty()
}

/// The lines of comment right above a statement.
fn comment_above(sources: &Sources, statement: Span) -> String {
    let before = &sources.get(statement.file).text[..statement.start as usize];
    let lines: Vec<&str> =
        before.trim_end().lines().rev().take_while(|line| line.trim_start().starts_with("--")).collect();
    lines.join(" ")
}

/// The lines of comment right below a statement.
fn comment_below(sources: &Sources, statement: Span) -> String {
    let behind = &sources.get(statement.file).text[statement.end as usize..];
    let lines = behind.trim_start_matches([';', ' ', '\r', '\n']).lines();
    lines.take_while(|line| line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn a_policy_of_any_kind_or_none() {
        check(
            &RULE,
            "-- file: 1.sql
             create table public.a (id bigint);
             --           ^^^^^^^^ info: public.a has row level security and no policy
             alter table public.a enable row level security;
             create table public.b (id bigint);
             alter table public.b enable row level security;
             create policy fence on public.b as restrictive using (id = 1);
             create table public.c (id bigint);
             --           ^^^^^^^^ info: public.c has row level security and no policy
             alter table public.c enable row level security;
             create policy gone on public.c using (true);
             create table public.off (id bigint);
             -- file: 2.sql
             drop policy gone on public.c;",
        );
    }

    #[test]
    fn the_help_is_sql() {
        let text = "create table public.a (id bigint); alter table public.a enable row level security;";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        let help = "revoke all on public.a from anon, authenticated; -- if only the server uses it; otherwise create a policy";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    #[test]
    fn closed_on_purpose_is_silent() {
        check(
            &RULE,
            "
             create table public.revoked (id bigint);
             alter table public.revoked enable row level security;
             revoke all on public.revoked from anon, authenticated;
             create table public.said (id bigint);
             alter table public.said enable row level security;
             comment on table public.said is 'Rate limits. Service role only.';
             -- written and read by the server only
             create table public.commented (id bigint);
             alter table public.commented enable row level security;
             create table public.explained (id bigint);
             alter table public.explained enable row level security;
             -- No policies: users must not have access to this table.
             create schema private;
             create table private.jobs (id bigint);
             alter table private.jobs enable row level security;
             create table public.counters (id bigint, n int);
             alter table public.counters enable row level security;
             create function public.count_up() returns void language plpgsql security definer set search_path = '' as $$
             begin update public.counters set n = n + 1; end $$;
             create table public.scores (id bigint, n int);
             alter table public.scores enable row level security;
             create view public.best as select max(n) as best from public.scores;",
        );
        check(
            &RULE,
            "-- explicit
             create table public.a (id bigint);
             alter table public.a enable row level security;",
        );
    }

    #[test]
    fn an_invoker_function_does_not_open_it() {
        check(
            &RULE,
            "
             create table public.counters (id bigint, n int);
             --           ^^^^^^^^^^^^^^^ info: public.counters
             alter table public.counters enable row level security;
             create function public.count_up() returns void language sql as $$ update public.counters set n = n + 1 $$;",
        );
    }

    #[test]
    fn partitions_are_reached_through_their_table() {
        check(
            &RULE,
            "
             create table public.orders (id bigint, at date) partition by range (at);
             alter table public.orders enable row level security;
             create policy own on public.orders using (id = 1);
             create table public.orders_1 partition of public.orders for values from ('2025-01-01') to ('2026-01-01');
             alter table public.orders_1 enable row level security;",
        );
    }
}
