use crate::access::{Access, describe, grant_spans, reach};
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::mend;

declare_rule! {
    /// Finds tables that the Data API serves and that no row level security (RLS) protects.
    ///
    /// ## Why it matters
    ///
    /// The public API key is in every browser that opens the app. With RLS off, the grants alone
    /// decide what it can do, and Supabase grants every new table of `public` to everybody: whoever
    /// copies the key from the page can fetch `/rest/v1/todos`, change every row and delete them
    /// all.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key, task text);
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key, task text, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy "Users see their own todos" on public.todos for select to authenticated
    ///   using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// A table counts when the Data API serves its schema (`[api] schemas` in `config.toml`) and a
    /// role of requests holds SELECT, INSERT, UPDATE or DELETE on it. Partitions and tables that
    /// inherit count one by one:
    /// the RLS of the parent does not hold when one is asked for by its own
    /// name. A table that has policies says so: without RLS they have no effect.
    /// A table that is dropped and made anew starts without RLS, whatever the one before had.
    ///
    /// ## How to fix
    ///
    /// `alter table public.todos enable row level security;`, and a policy for each thing that
    /// users of the app may do. A table that only the server uses needs no policy: the service key
    /// is above row level security.
    "rls-disabled-on-exposed-table" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "table is open to the Data API without row level security",
        sources: &["splinter:0013", "splinter:0007", "pgrls:SEC001", "pgrls:SEC032", "pgrls:SEC041", "pgrls:SEC043", "pgrls:SEC049"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// Statements of one kind that are pointed at.
const LABELS: usize = 3;

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables() {
        let access = open_to(cx.catalog, table);
        if !access.is_empty() {
            report(cx, table, &access, out);
        }
    }
}

/// Who reaches a table that has no row level security, as far as that is certain.
pub(super) fn open_to<'a>(catalog: &'a Catalog, table: &Table) -> Vec<Access<'a>> {
    let unclear =
        [Aspect::Rls, Aspect::Grants].iter().any(|aspect| catalog.may_have_changed(&table.name, *aspect));
    if table.rls.value || table.kind == TableKind::Foreign || unclear {
        return Vec::new();
    }
    catalog.table_access(table)
}

fn report(cx: &CatalogCx<'_>, table: &Table, access: &[Access<'_>], out: &mut Findings) {
    let catalog = cx.catalog;
    let switched_off = table.rls.origin.span().filter(|_| table.rls.origin != table.history.created);
    let Some(span) = switched_off.or(table.name_span) else { return };
    let note = if switched_off.is_some() {
        "row level security is switched off here"
    } else {
        "row level security is never enabled"
    };
    let message = describe(access, &table.name.to_string());
    let found = out.report(span, Identity::new("table", &table.name), message);
    found.note(note).label(table.name_span, "table created here").reach(reach(access));
    if let Some(dropped) = catalog.dropped_rls(&table.name) {
        found.label(dropped.span(), "the table before had row level security, which is dropped here with it");
    }
    if let Some(early) = catalog.early_rls(&table.name).filter(|_| switched_off.is_none()) {
        found.label(early.span(), "the table is not there yet, so that this enables nothing");
    }
    for grant in grant_spans(access, &table.acl, &table.columns).into_iter().take(LABELS) {
        found.label(grant, "granted here");
    }
    for policy in table.policies.values().take(LABELS) {
        found.label(policy.name_span, "this policy has no effect while row level security is off");
    }
    let mut parents = table.parents.iter().filter_map(|oid| catalog.tables.get(oid));
    if let Some(parent) = parents.find(|parent| parent.rls.value) {
        found.label(parent.rls.origin.span(), format!("that of {} does not hold here", parent.name));
    }
    if switched_off.is_none()
        && let Some(statement) = mend::statement(cx, &table.history, span)
    {
        // It may have another name later.
        let enable = format!(";\nalter table {} enable row level security", cx.sources.text(span));
        found.edit(mend::behind(statement), enable);
    }
    let mut help = format!("alter table {} enable row level security;", table.name.quoted());
    if table.policies.is_empty() && !table.is_partition {
        help.push_str(" -- and a policy for each thing that users of the app may do");
    }
    found.help(help);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{check, mended};

    #[test]
    fn what_is_offered_makes_it_silent() {
        let text = "create table todos (id bigint);\n             alter table todos rename to tasks;";
        let mended = mended(&RULE, text);
        assert!(
            mended
                .starts_with("create table todos (id bigint);\nalter table todos enable row level security;")
        );
        check(&RULE, &mended);
        let dynamic = "do $$ begin execute 'create table public.todos (id bigint)'; end $$;";
        assert_eq!(crate::testing::mended(&RULE, dynamic), dynamic);
    }

    #[test]
    fn says_what_the_grants_allow() {
        check(
            &RULE,
            "
             create table public.todos (id bigint);
             --           ^^^^^^^^^^^^ error: anyone with the project's public API key can read, change and delete every row of public.todos, and add new ones
             create table members (id bigint);
             --           ^^^^^^^ error: every signed-in user can read, change
             revoke all on members from anon;
             create table inbox (id bigint);
             --           ^^^^^ error: anyone with the project's public API key can add rows to public.inbox
             revoke select, update, delete on inbox from anon, authenticated;
             create table closed (id bigint);
             revoke all on closed from anon, authenticated;",
        );
    }

    #[test]
    fn policies_that_have_no_effect_are_counted() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             --           ^^^^^^^^ error: and add new ones
             create policy one on public.a using (true);
             create table public.b (id bigint);
             --           ^^^^^^^^ error: and add new ones
             create policy one on public.b for select using (true);
             create policy two on public.b for delete using (id = 1);",
        );
    }

    #[test]
    fn the_last_file_decides() {
        check(
            &RULE,
            "-- file: 1_create.sql
             create table public.later (id bigint);
             create table public.off_again (id bigint);
             alter table public.off_again enable row level security;
             create table public.gone (id bigint);
             create table public.old_name (id bigint);
             --           ^^^^^^^^^^^^^^^ error: public.new_name
             create table public.on_again (id bigint);
             alter table public.on_again disable row level security;
             -- file: 2_change.sql
             alter table public.later enable row level security;
             alter table public.off_again disable row level security;
             --                           ^^^^^^^^^^^^^^^^^^^^^^^^^^ error: public.off_again
             drop table public.gone;
             alter table public.old_name rename to new_name;
             alter table public.on_again enable row level security;",
        );
    }

    #[test]
    fn a_table_made_anew_has_lost_what_the_one_before_had() {
        let bench = crate::testing::Bench::new(
            "create table public.todos (id bigint);
             alter table public.todos enable row level security;
             drop table public.todos;
             create table public.todos (id bigint, title text);",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        let labels: Vec<_> = finding.labels.iter().map(|label| bench.sources.text(label.span)).collect();
        assert_eq!(labels, ["drop table public.todos"]);
    }

    #[test]
    fn what_comes_too_early_is_told() {
        let bench = crate::testing::Bench::new(
            "alter table if exists public.todos enable row level security;
             create table public.todos (id bigint);",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        let labels: Vec<_> = finding.labels.iter().map(|label| bench.sources.text(label.span)).collect();
        assert_eq!(labels, ["enable row level security"]);
    }

    #[test]
    fn a_copy_and_a_partition_have_their_own_switch() {
        check(
            &RULE,
            "
             create table public.orders (id bigint, at date) partition by range (at);
             alter table public.orders enable row level security;
             create table public.orders_1 partition of public.orders for values from ('2025-01-01') to ('2026-01-01');
             --           ^^^^^^^^^^^^^^^ error: public.orders_1
             create table public.orders_2 partition of public.orders for values from ('2026-01-01') to ('2027-01-01');
             alter table public.orders_2 enable row level security;
             create table public.orders_3 partition of public.orders for values from ('2027-01-01') to ('2028-01-01');
             revoke all on public.orders_3 from anon, authenticated;
             create table public.copied (like public.orders including all);
             --           ^^^^^^^^^^^^^ error: public.copied
             create table public.open_parent (id bigint, at date) partition by range (at);
             --           ^^^^^^^^^^^^^^^^^^ error: public.open_parent
             create table public.places (id bigint);
             alter table public.places enable row level security;
             create table public.cities () inherits (public.places);
             --           ^^^^^^^^^^^^^ error: public.cities",
        );
    }

    #[test]
    fn what_requests_cannot_reach_is_silent() {
        check(
            &RULE,
            "
             create schema private;
             create table private.jobs (id bigint);
             grant all on private.jobs to anon;
             create temp table scratch (id bigint);
             create view public.numbers as select 1 as n;
             create table auth.extra (id bigint);
             create extension postgis schema public;
             create extension postgres_fdw schema extensions;
             create server elsewhere foreign data wrapper postgres_fdw;
             create foreign table public.far (id bigint) server elsewhere;",
        );
        check(
            &RULE,
            "-- explicit
             create table public.todos (id bigint);
             create table public.shared (id bigint);
             --           ^^^^^^^^^^^^^ error: every signed-in user can read every row of public.shared
             grant select on public.shared to authenticated;
             create table public.by_column (id bigint, name text);
             --           ^^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read
             grant select (name) on public.by_column to anon;
             create table public.for_server (id bigint);
             grant all on public.for_server to service_role;
             create table public.taken_back (id bigint);
             grant all on public.taken_back to anon;
             revoke all on public.taken_back from anon;",
        );
        check(
            &RULE,
            "-- exposed: api
             create schema api;
             create table public.todos (id bigint);
             create table api.hidden (id bigint);
             grant all on api.hidden to anon;
             create schema other;
             -- file: 2.sql
             create table api.notes (id bigint);
             grant select on api.notes to anon;",
        );
        check(
            &RULE,
            "-- exposed: api
             create schema api;
             grant usage on schema api to anon;
             create table api.notes (id bigint);
             --           ^^^^^^^^^ error: can read every row of api.notes
             grant select on api.notes to anon;",
        );
    }

    #[test]
    fn roles_of_tokens_are_roles_of_requests() {
        check(
            &RULE,
            "-- explicit
             create role analyst nologin;
             grant analyst to authenticator;
             create table public.sales (id bigint);
             --           ^^^^^^^^^^^^ error: a request with the role analyst can read every row
             grant select on public.sales to analyst;
             create role batch nologin;
             create table public.runs (id bigint);
             grant select on public.runs to batch;
             create table public.everybody (id bigint);
             --           ^^^^^^^^^^^^^^^^ error: anyone with the project's public API key can read
             grant select on public.everybody to public;",
        );
    }

    #[test]
    fn an_event_trigger_may_switch_it_on() {
        check(
            &RULE,
            "
             create table public.before (id bigint);
             --           ^^^^^^^^^^^^^ error: public.before
             create function private_auto() returns event_trigger language plpgsql security definer as $$
             declare cmd record;
             begin
               for cmd in select * from pg_event_trigger_ddl_commands()
                 where command_tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') and schema_name = 'public'
               loop
                 execute format('alter table if exists %s enable row level security', cmd.object_identity);
               end loop;
             end $$;
             create event trigger ensure_rls on ddl_command_end
               when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') execute function private_auto();
             create table public.after (id bigint);",
        );
    }

    #[test]
    fn what_was_not_read_may_have_switched_it_on() {
        check(
            &RULE,
            "
             create table public.todos (id bigint);
             do $$ declare t text; begin
               for t in select name from public.table_list loop
                 execute 'alter table ' || t || ' enable row level security';
               end loop;
             end $$;",
        );
        check(
            &RULE,
            "
             create table public.todos (id bigint);
             do $$ declare t text; begin
               foreach t in array array['todos'] loop
                 execute format('alter table public.%I enable row level security', t);
               end loop;
             end $$;",
        );
    }
}
