//! What is told of two states, as a person reads it.

use super::*;
use crate::catalog::platform::Exposure;
use crate::testing::Bench;

/// What a second file changes about the rights that the first one gives.
fn told_of(first: &str, second: &str) -> Vec<String> {
    let base = Bench::new(first);
    let head = Bench::new(&format!("{first}\n-- file: 2_change.sql\n{second}"));
    let (known, found) = (Workload::of(&base.catalog), Workload::of(&head.catalog));
    let (was, is) = (
        Rights::explained(&base.catalog, &known).with_passages(),
        Rights::explained(&head.catalog, &found).with_passages(),
    );
    let file = FileId(u32::try_from(base.sources.len()).expect("they are few"));
    let files = [file].into_iter().collect();
    let mut kept = Kept::default();
    for (was, is) in base.migrations.iter().zip(&head.migrations) {
        kept.add(was.file, is.file, was.places.iter().zip(&is.places));
    }
    let history = || History {
        steps: head.migrations.last().expect("there are two").places.iter().copied().map(Cause::at).collect(),
        weight: 1,
        until: Box::new(|count| {
            let (new, old) = head.migrations.split_last().expect("there are two");
            let mut catalog = Catalog::supabase(Exposure::Exposed);
            old.iter().for_each(|migration| catalog.apply_file(&migration.statements));
            catalog.apply_file(&new.statements[..count]);
            catalog
        }),
    };
    let found = compare(
        Side { rights: &was, workload: &known, catalog: &base.catalog, sources: &base.sources },
        Side { rights: &is, workload: &found, catalog: &head.catalog, sources: &head.sources },
        &New { files: &files, kept: &kept, history: &history },
    );
    let found = found.changes;
    found
        .iter()
        .map(|change| {
            let place = change.cause.map_or("nowhere", |cause| head.sources.text(cause.place));
            format!("{}: {} [{place}]", change.class.word(), change.message)
        })
        .collect()
}

const NOTES: &str = "create table notes (id int primary key, owner uuid, team int);
        alter table notes enable row level security;
        create policy own on notes to authenticated using (owner = auth.uid());";

#[test]
fn what_is_widened_is_dangerous() {
    assert_eq!(
        told_of(NOTES, "create policy shared on notes for select to authenticated using (true);"),
        ["dangerous: authenticated can now read all rows of public.notes (was: own rows) [true]"]
    );
    assert_eq!(
        told_of(NOTES, "alter table notes disable row level security;"),
        [
            "dangerous: anon can now read, change and delete all rows of public.notes, and add new ones (was: no rows) [disable row level security]",
            "dangerous: authenticated can now read, change and delete all rows of public.notes, and add new ones (was: own rows) [disable row level security]",
        ]
    );
}

#[test]
fn what_is_lost_is_breaking_and_what_is_held_tighter_is_safe() {
    assert_eq!(
        told_of(NOTES, "drop policy own on notes;"),
        [
            "breaking: authenticated can no longer read, add, change or delete rows of public.notes (was: own rows) [drop policy own on notes]"
        ]
    );
    assert_eq!(
        told_of(
            "create table t (id int, owner uuid); alter table t enable row level security;
                     create policy p on t for select to authenticated using (true);",
            "alter policy p on t using (owner = auth.uid());"
        ),
        ["safe: authenticated can no longer read all rows of public.t (now: own rows) [owner = auth.uid()]"]
    );
}

#[test]
fn new_and_renamed_relations() {
    assert_eq!(
        told_of("select 1;", "create table leak (id int);"),
        [
            "dangerous: anon and authenticated can read, change and delete all rows of public.leak, and add new ones (new table) [create table leak (id int)]"
        ]
    );
    assert_eq!(
        told_of(NOTES, "alter table notes rename to pages;"),
        ["breaking: public.notes is now called public.pages [alter table notes rename to pages]"]
    );
    assert_eq!(
        told_of(NOTES, "drop table notes;"),
        [
            "breaking: public.notes is gone: authenticated could read, add, change and delete rows of it [drop table notes]"
        ]
    );
}

#[test]
fn a_view_that_forgets_to_ask_as_the_caller() {
    let view = format!("{NOTES} create view v with (security_invoker = on) as select id from notes;");
    assert_eq!(
        told_of(&view, "create or replace view v as select id from notes;"),
        [
            "dangerous: anon can now read, change and delete all rows of public.v, and add new ones (was: no rows) [create or replace view v as select id from notes]",
            "dangerous: authenticated can now read, change and delete all rows of public.v, and add new ones (was: own rows) [create or replace view v as select id from notes]",
        ]
    );
}

const DOCS: &str = "create table docs (id int primary key, owner uuid, body text);
        alter table docs enable row level security;
        create policy own on docs to authenticated using (owner = auth.uid());
        create policy all_delete on docs for delete to authenticated using (true);";

#[test]
fn functions_that_open_every_row() {
    let wipe = "create function wipe() returns void language sql security definer as $$ delete from docs where true $$";
    assert_eq!(
        told_of(DOCS, &format!("{wipe};")),
        [
            "dangerous: anon can now delete all rows of public.docs through public.wipe(), which runs with its owner's rights (was: no rows) [create function wipe() returns void language sql security definer as $$ delete from docs where true $$]",
            "review: anon and authenticated can call public.wipe(), which runs with its owner's rights (new function) [create function wipe() returns void language sql security definer as $$ delete from docs where true $$]",
        ]
    );
    let all = "create function all_docs() returns setof docs language sql security definer as $$ select * from docs $$";
    let closed =
        format!("{DOCS} {all}; revoke execute on function all_docs from public, anon, authenticated;");
    assert_eq!(
        told_of(&closed, "grant execute on function all_docs to authenticated;"),
        [
            "dangerous: authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: own rows) [grant execute on function all_docs to authenticated]"
        ]
    );
    assert_eq!(
        told_of(
            DOCS,
            &format!(
                "{all}; revoke execute on function all_docs from public, anon, authenticated;
                    grant execute on function all_docs to authenticated;"
            )
        ),
        [
            "dangerous: authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: own rows) [grant execute on function all_docs to authenticated]"
        ]
    );
    let mine = all.replace("from docs", "from docs where owner = auth.uid()");
    assert_eq!(
        told_of(&format!("{DOCS} {mine};"), &format!("{};", all.replace("create", "create or replace"))),
        [format!(
            "dangerous: anon and authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: what it let them) [{}]",
            all.replace("create", "create or replace")
        )]
    );
    let some = "create function bodies() returns table (b text) language plpgsql security definer as $$ begin return query select body from docs; end $$";
    assert_eq!(
        told_of(DOCS, &format!("{some}; revoke execute on function bodies from public, authenticated;")),
        [format!(
            "dangerous: anon can now read body of all rows of public.docs through public.bodies(), which runs with its owner's rights (was: no rows) [{some}]"
        )]
    );
}

#[test]
fn functions_that_open_nothing_new() {
    let all = "create function all_docs() returns setof docs language sql security definer as $$ select * from docs $$;";
    let dangers = |first: &str, second: &str| {
        told_of(first, second).into_iter().filter(|told| told.starts_with("dangerous")).collect::<Vec<_>>()
    };
    // What another function or a view gave.
    let other = all.replace("all_docs", "list_docs");
    assert_eq!(dangers(&format!("{DOCS} {all}"), &other), [""; 0]);
    assert_eq!(dangers(&format!("{DOCS} create view v as select * from docs;"), all), [""; 0]);
    assert_eq!(dangers(&format!("{DOCS} {all}"), "alter function all_docs() rename to list_docs;"), [""; 0]);
    assert_eq!(dangers(&format!("{DOCS} {all}"), "alter table docs rename to papers;"), [""; 0]);
    // What everybody reads.
    let open = "create policy open on docs for select using (true);";
    assert_eq!(dangers(&format!("{DOCS} {open}"), all), [""; 0]);
    // What only another form of it may be.
    let looped = "create function all_docs() returns setof docs language plpgsql security definer as $$
            declare r docs; begin for r in select * from docs loop return next r; end loop; end $$;";
    assert_eq!(dangers(&format!("{DOCS} {looped}"), &all.replace("create", "create or replace")), [""; 0]);
    // What nobody calls, and what comes with the table.
    let closed = format!("{all} revoke execute on function all_docs from public, anon, authenticated;");
    assert_eq!(dangers(DOCS, &closed), [""; 0]);
    assert_eq!(dangers("select 1;", &format!("{DOCS} {all}")), [""; 0]);
    // An owner that policies bind.
    let forced =
        "alter table docs force row level security; create role plain; grant select on docs to plain;";
    assert_eq!(
        dangers(&format!("{DOCS} {forced}"), &format!("{all} alter function all_docs() owner to plain;")),
        [""; 0]
    );
}

#[test]
fn who_can_call_a_function_is_told_where_it_is_made_so() {
    let made = "create function everyone() returns int language sql security definer as $$ select 1 $$";
    assert_eq!(
        told_of("select 1;", &format!("{made}; revoke execute on function everyone() from public, anon;")),
        [format!(
            "review: authenticated can call public.everyone(), which runs with its owner's rights (new function) [{made}]"
        )]
    );
}

#[test]
fn the_same_condition_in_other_words_is_no_change() {
    let docs = "create table members (user_id uuid, team_id int);
            create table docs (id int primary key, team_id int, owner_id uuid);
            alter table docs enable row level security; alter table members enable row level security;
            create policy m on members for select to authenticated using (user_id = (select auth.uid()));
            create policy p on docs for select to authenticated
              using (team_id in (select team_id from members where user_id = (select auth.uid())));
            create policy u on docs for update to authenticated using (owner_id = auth.uid());
            create policy d on docs for delete to authenticated using (owner_id = auth.uid());";
    for condition in [
        "team_id in (select m.team_id from members m where m.user_id = (select auth.uid()))",
        "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = (select auth.uid()))",
    ] {
        assert_eq!(told_of(docs, &format!("alter policy p on docs using ({condition});")), [""; 0]);
    }
    // Whether the one follows from the other is not known.
    let roles = docs.replace("user_id uuid, team_id int", "user_id uuid, team_id int, role text");
    assert_eq!(
        told_of(
            &roles,
            "alter policy p on docs using (team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a'));"
        ),
        [
            "review: authenticated may now read other rows of public.docs (tenant rows, as before) [team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a')]",
            "review: authenticated may now change and delete other rows of public.docs (own rows, as before) [team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a')]"
        ]
    );
    let own = docs.replace(
        "team_id in (select team_id from members where user_id = (select auth.uid()))",
        "owner_id = auth.uid()",
    );
    assert_eq!(
        told_of(&own, "alter policy p on docs using (coalesce(auth.uid(), owner_id) = owner_id);"),
        [""; 0]
    );
}

#[test]
fn a_view_with_sub_selects_that_no_longer_asks() {
    assert_eq!(
            told_of(
                &format!(
                    "{NOTES} create view v with (security_invoker = true) as
                       select id, (select jsonb_agg(x) from jsonb_array_elements('[]'::jsonb) x) as tags from notes;"
                ),
                "alter view v reset (security_invoker);"
            ),
            [
                "dangerous: anon can now read, change and delete all rows of public.v, and add new ones (was: no rows) [alter view v reset (security_invoker)]",
                "dangerous: authenticated can now read, change and delete all rows of public.v, and add new ones (was: own rows) [alter view v reset (security_invoker)]",
            ]
        );
}

#[test]
fn a_view_that_is_not_followed_no_longer_asks() {
    let orders = "create table orders (id int primary key, owner uuid, total int, item int);
        alter table orders enable row level security;
        create policy own on orders for select to authenticated using (owner = auth.uid());
        create table items (id int primary key, name text);
        alter table items enable row level security;
        create policy all_read on items for select using (true);";
    for (query, what) in [
        (
            "select o.id, o.total, i.name from orders o join items i on i.id = o.item",
            "dangerous: anon and authenticated can now read id and total of public.orders",
        ),
        (
            "select o.id, row_number() over (order by o.total) as rank from orders o",
            "dangerous: anon and authenticated can now read id of public.orders",
        ),
        (
            "select sum(total) as total from orders",
            "review: anon and authenticated can now read what is computed from total of public.orders",
        ),
    ] {
        let told = told_of(
            &format!("{orders} create view v with (security_invoker) as {query};"),
            "alter view v set (security_invoker = false);",
        );
        let line = format!(
            "{what} through public.v with the rights of its owner (not known which rows) [alter view v set (security_invoker = false)]"
        );
        assert!(told.contains(&line), "{query}: {told:#?}");
    }
}

#[test]
fn what_many_statements_do_has_places_all_the_same() {
    let mut change = String::new();
    for at in 0..40 {
        change.push_str(&format!(
            "create function f{at}() returns int language sql security definer as $$ select {at} $$;
             grant execute on function f{at}() to authenticated;"
        ));
    }
    let told = told_of("select 1;", &change);
    assert_eq!(told.len(), 40);
    assert!(!told.iter().any(|line| line.ends_with("[nowhere]")), "{told:#?}");
}

#[test]
fn a_helper_that_finds_nothing_breaks_what_asks_it() {
    let base = "create table members (team int, who uuid, role text, primary key (team, who));
        alter table members enable row level security;
        create table posts (id int primary key, team int);
        alter table posts enable row level security;
        create function is_admin(t int) returns boolean language sql stable security definer set search_path = '' as
          $$ select exists (select 1 from public.members m where m.team = t and m.who = auth.uid() and m.role = 'admin') $$;
        create policy by_team on posts for select to authenticated using (is_admin(team));";
    for (change, lost) in [
        ("alter table members drop column role;", "column role of public.members"),
        ("alter table members rename column role to rank;", "column role of public.members"),
        ("alter table members rename to memberships;", "public.members"),
        ("drop table members;", "public.members"),
    ] {
        let told = told_of(base, change);
        let line = format!(
            "breaking: each call of public.is_admin(integer) fails now, without {lost}; policies of public.posts ask it [{}]",
            change.trim_end_matches(';')
        );
        assert!(told.contains(&line), "{change}: {told:#?}");
        assert!(!told.iter().any(|line| line.contains("rows of public.posts")), "{change}: {told:#?}");
    }
    let mended = "alter table members rename column role to rank;
        create or replace function is_admin(t int) returns boolean language sql stable security definer set search_path = '' as
          $$ select exists (select 1 from public.members m where m.team = t and m.who = auth.uid() and m.rank = 'admin') $$;";
    assert!(!told_of(base, mended).iter().any(|line| line.contains("fails now")));
}

#[test]
fn columns_count() {
    let some = format!(
        "{NOTES} revoke select on notes from authenticated; grant select (id, owner) on notes to authenticated;"
    );
    assert_eq!(
        told_of(&some, "grant select on notes to authenticated;"),
        [
            "review: authenticated can now read all columns of public.notes (was: id and owner) [grant select on notes to authenticated]"
        ]
    );
}

#[test]
fn nothing_changes() {
    assert_eq!(
        told_of(NOTES, "alter table notes add column title text; create index on notes (owner);"),
        [""; 0]
    );
    assert_eq!(
        told_of(
            NOTES,
            "drop policy own on notes; create policy mine on notes to authenticated using (auth.uid() = owner);"
        ),
        [""; 0]
    );
}

#[test]
fn the_statement_that_did_it_is_cited() {
    assert_eq!(
        told_of(NOTES, "revoke all on notes from authenticated; truncate notes;"),
        [
            "breaking: authenticated can no longer read, add, change or delete rows of public.notes (was: own rows) [revoke all on notes from authenticated]"
        ]
    );
    assert_eq!(
        told_of(
            NOTES,
            "revoke delete on notes from authenticated;
                 revoke insert on notes from authenticated;
                 comment on table notes is 'notes';"
        ),
        [
            "breaking: authenticated can no longer add rows to public.notes (was: own rows) [revoke insert on notes from authenticated]",
            "breaking: authenticated can no longer delete rows of public.notes (was: own rows) [revoke delete on notes from authenticated]",
        ]
    );
    assert_eq!(
        told_of(
            "select 1;",
            "create table t (id int); alter table t enable row level security;
                 create view v as select id from t;
                 revoke all on v from authenticated; grant select on v to anon;"
        )[0],
        "dangerous: anon can read, change and delete all rows of public.v, and add new ones (new view) [create view v as select id from t]"
    );
    assert_eq!(
        told_of(NOTES, "drop table notes; comment on schema public is 'no notes here';"),
        [
            "breaking: public.notes is gone: authenticated could read, add, change and delete rows of it [drop table notes]"
        ]
    );
}

#[test]
fn a_table_behind_a_view_of_the_caller_is_closed() {
    let view = format!("{NOTES} create view v with (security_invoker) as select id from notes;");
    assert_eq!(
        told_of(&view, "revoke all on notes from authenticated;")[1],
        "breaking: authenticated can no longer read, add, change or delete rows of public.v (was: own rows) [revoke all on notes from authenticated]"
    );
}

/// A table of a schema that the Data API does not serve.
const CORE: &str = "create schema core; grant usage on schema core to anon, authenticated;
        create table core.accounts (id int primary key, owner uuid, name text);
        alter table core.accounts enable row level security;
        grant select, update on core.accounts to authenticated;
        create policy own on core.accounts to authenticated using (owner = auth.uid());
        create function rename_account(account int, new_name text) returns void language plpgsql as $$ begin
            update core.accounts set name = new_name where id = account; end $$;";

#[test]
fn functions_with_their_callers_rights_come_to_what_is_not_served() {
    let lists = format!(
        "{CORE} create function accounts() returns setof core.accounts language sql as
            'select * from core.accounts';"
    );
    assert_eq!(
        told_of(&lists, "alter policy own on core.accounts using (true);"),
        [
            "dangerous: authenticated can now read and change all rows of core.accounts through public.accounts and public.rename_account (was: own rows) [true]"
        ]
    );
    assert_eq!(
        told_of(
            &lists,
            "grant select on core.accounts to anon; alter table core.accounts disable row level security;"
        )[0],
        "dangerous: anon can now read all rows of core.accounts through public.accounts (was: no rows) [disable row level security]"
    );
    // Through a helper, and a view that asks for the rights of who calls.
    let behind = format!(
        "{CORE} create function core.list() returns setof core.accounts language sql as
            'select * from core.accounts';
            create view core.names with (security_invoker) as select name from core.accounts;
            grant select on core.names to authenticated;
            create function names() returns setof text language sql as 'select name from core.names';
            create function helped() returns bigint language sql as 'select count(*) from core.list()';"
    );
    assert_eq!(
        told_of(&behind, "alter policy own on core.accounts using (true);")[0],
        "dangerous: authenticated can now read and change all rows of core.accounts through public.helped, public.names and 1 more function (was: own rows) [true]"
    );
}

#[test]
fn a_function_that_asks_who_calls_may_give_less() {
    let asks = format!(
        "{CORE} create function mine() returns setof core.accounts language sql as
            'select * from core.accounts where owner = auth.uid()';
            create function one(account int) returns json language plpgsql as $$ begin
                if auth.uid() is null then raise exception 'no'; end if;
                return (select to_json(a) from core.accounts a where id = account); end $$;
            drop function rename_account;"
    );
    assert_eq!(
        told_of(&asks, "alter policy own on core.accounts using (true);"),
        [
            "review: authenticated can now read all rows of core.accounts as far as public.mine and public.one let them (was: own rows) [true]"
        ]
    );
}

#[test]
fn a_new_way_to_what_is_not_served_opens_it() {
    let open = "create schema core; grant usage on schema core to authenticated;
            create table core.settings (id int primary key); grant select on core.settings to authenticated;";
    assert_eq!(
        told_of(
            open,
            "create function settings() returns setof core.settings language sql as 'select * from core.settings';"
        ),
        [
            "dangerous: authenticated can now read all rows of core.settings through public.settings (was: no rows) [create function settings() returns setof core.settings language sql as 'select * from core.settings']"
        ]
    );
    assert_eq!(
            told_of(
                "create schema core; grant usage on schema core to authenticated;",
                "create table core.settings (id int primary key); grant select on core.settings to authenticated;
                 create function settings() returns setof core.settings language sql as 'select * from core.settings';"
            ),
            [
                "review: authenticated can read all rows of core.settings through public.settings (new table) [create table core.settings (id int primary key)]"
            ]
        );
    // What it chooses may be what is meant.
    let some = "create function settings(n int) returns setof core.settings language sql as
        'select * from core.settings where id = n';";
    let told = told_of(open, some);
    assert!(told[0].starts_with("review: authenticated can now read all rows"), "{told:?}");
    let view =
        "create view v with (security_invoker) as select id from core.settings; revoke all on v from anon;
        revoke insert, update, delete on v from authenticated;";
    assert_eq!(
        told_of(open, view),
        [
            "dangerous: authenticated can read all rows of public.v (new view) [create view v with (security_invoker) as select id from core.settings]"
        ]
    );
    // A table that is new with it is opened on purpose, and one that was open is as open as before.
    assert!(told_of("select 1;", &format!("{open} {view}"))[0].starts_with("review"));
    let again = format!("{open} create view w with (security_invoker) as select id from core.settings;");
    assert!(told_of(&again, view)[0].starts_with("review"), "{:?}", told_of(&again, view));
}

#[test]
fn what_no_caller_comes_to_is_not_told() {
    let definer = CORE.replace("language plpgsql as", "language plpgsql security definer as");
    let closed =
        format!("{CORE} revoke execute on function rename_account from public, anon, authenticated;");
    let text = CORE.replace(
        "update core.accounts set name = new_name where id = account;",
        "execute 'update core.' || new_name || ' set name = null';",
    );
    for base in [definer, closed, text] {
        assert_eq!(told_of(&base, "alter policy own on core.accounts using (true);"), [""; 0], "{base}");
    }
}

#[test]
fn a_fence_that_falls_is_reviewed_where_rows_stay_own() {
    let members = "create table members (team int, who uuid);";
    let team = "team in (select m.team from members m where m.who = auth.uid())";
    let aal = "(auth.jwt() ->> 'aal') = 'aal2'";
    let fence = |condition: &str| {
        format!(
            "{members} {NOTES} create policy fence on notes as restrictive to authenticated using ({condition});"
        )
    };
    let own =
        |condition: &str| NOTES.replace("owner = auth.uid()", &format!("owner = auth.uid() and {condition}"));
    let can = "authenticated may now read, change and delete more rows of public.notes, and add more (own rows, as before)";
    for (base, change, why) in [
        (fence(aal), "drop policy fence on notes;", "restrictive policy fence no longer holds them back"),
        (fence(team), "drop policy fence on notes;", "restrictive policy fence no longer holds them back"),
        (
            fence(team),
            "alter policy fence on notes to anon;",
            "restrictive policy fence no longer holds them back",
        ),
        (
            fence("team = 1"),
            "alter policy fence on notes using (team = 1 or team = 2);",
            "restrictive policy fence asks something else",
        ),
        (
            own(aal),
            "alter policy own on notes using (owner = auth.uid());",
            "how they signed in is no longer asked",
        ),
    ] {
        let place = change.trim_end_matches(';');
        let told = told_of(&base, change);
        let [told] = told.as_slice() else { panic!("{change}: {told:?}") };
        assert!(told.starts_with(&format!("review: {can}: {why} [")), "{told}");
        assert!(place.contains(told.rsplit('[').next().unwrap_or("?").trim_end_matches(']')), "{told}");
    }
    // What is the caller's own in any case is theirs to see.
    assert_eq!(
        told_of(&own("team = 1"), "alter policy own on notes using (owner = auth.uid());"),
        [
            "review: authenticated can now change and delete more rows of public.notes, and add more (own rows, as before) [owner = auth.uid()]",
            "safe: authenticated can now read more rows of public.notes (own rows, as before) [owner = auth.uid()]",
        ]
    );
    // The same under another name, or in the policy itself.
    for same in [
        format!(
            "drop policy fence on notes; create policy other on notes as restrictive to authenticated using ({aal});"
        ),
        format!(
            "drop policy fence on notes; alter policy own on notes using (owner = auth.uid() and {aal});"
        ),
    ] {
        assert_eq!(told_of(&fence(aal), &same), [""; 0], "{same}");
    }
}

#[test]
fn rows_that_policies_decide_by_are_reviewed() {
    let teams = "create table teams (id int primary key); alter table teams enable row level security;
            create table members (id int primary key, team int, who uuid, note text);
            alter table members enable row level security;
            create policy sees on members for select to authenticated using (who = auth.uid());
            create policy members_see on teams for select to authenticated
              using (id in (select m.team from members m where m.who = auth.uid()));";
    let joins = "create policy joins on members for insert to authenticated with check (who = auth.uid());";
    assert_eq!(
        told_of(teams, joins),
        [
            "review: authenticated can now add own rows to public.members (was: no rows; policies on public.teams decide by team) [who = auth.uid()]"
        ]
    );
    let noted = format!(
        "revoke insert on members from authenticated; grant insert (who, note) on members to authenticated; {joins}"
    );
    assert!(told_of(teams, &noted)[0].starts_with("safe: authenticated can now add own rows"));
}

#[test]
fn a_weak_restrictive_policy_holds_rows_to_nobody() {
    let notes = |fence: &str| {
        format!(
            "{NOTES} alter table notes add deleted_at timestamptz, add open bool;
                revoke insert, update, delete on notes from authenticated;
                create policy fence on notes as restrictive to authenticated using ({fence});"
        )
    };
    let told_with = |fence: &str, change: &str| told_of(&notes(fence), change);
    let shared = "create policy shared on notes for select to authenticated using (true);";
    for (fence, message) in [
        (
            "auth.jwt() ->> 'aal' = 'aal2'",
            "dangerous: authenticated can now read all rows of public.notes: only how they signed in is asked (was: own rows) [true]",
        ),
        (
            "deleted_at is null",
            "dangerous: authenticated can now read all rows of public.notes: only whether a row is deleted is asked (was: own rows) [true]",
        ),
        (
            "deleted_at is null and (auth.jwt() ->> 'is_anonymous')::bool is false",
            "dangerous: authenticated can now read all rows of public.notes: only how they signed in and whether a row is deleted is asked (was: own rows) [true]",
        ),
        (
            "auth.uid() is not null",
            "dangerous: authenticated can now read all rows of public.notes (was: own rows) [true]",
        ),
        (
            "open",
            "review: authenticated can now read some rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
        ),
        (
            "auth.jwt() -> 'app_metadata' ->> 'role' = 'admin'",
            "review: authenticated can now read some rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
        ),
        (
            "auth.jwt() ->> 'aal' = 'aal2' and team::text = auth.jwt() ->> 'team'",
            "review: authenticated can now read tenant rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
        ),
    ] {
        assert_eq!(told_with(fence, shared), [message], "{fence}");
    }
    let open = format!("{} {shared}", notes("auth.jwt() ->> 'aal' = 'aal2'"));
    assert_eq!(told_of(&open, "alter policy fence on notes using (deleted_at is null);").len(), 1);
    assert_eq!(
        told_of(
            &open,
            "alter policy fence on notes using (auth.jwt() ->> 'aal' = 'aal2' and deleted_at is null);"
        ),
        [
            "safe: authenticated can now read fewer rows of public.notes (some rows, as before) [auth.jwt() ->> 'aal' = 'aal2' and deleted_at is null]"
        ]
    );
}

#[test]
fn new_rows_that_only_a_session_is_asked_for() {
    let notes = format!(
        "{NOTES} create policy mfa on notes as restrictive to authenticated
                using (auth.jwt() ->> 'aal' = 'aal2') with check (auth.jwt() ->> 'aal' = 'aal2');"
    );
    assert_eq!(
        told_of(
            &notes,
            "create policy p on notes for update to authenticated using (true) with check (true);"
        ),
        [
            "review: authenticated can now turn the rows of public.notes that they change into any: only how they signed in is asked (was: into own rows) [true]"
        ]
    );
}

#[test]
fn columns_that_a_view_of_the_caller_reads_count() {
    let view = "create table notes (id int primary key, owner uuid, title text, secret text);
            alter table notes enable row level security; revoke all on notes from anon;
            create policy own on notes to authenticated using (owner = auth.uid());
            create view v with (security_invoker) as select id, title from notes;";
    let grants =
        "revoke select on notes from authenticated; grant select (id, title) on notes to authenticated;";
    let of_table = "breaking: authenticated can now read id and title of public.notes (was: all columns) [grant select (id, title) on notes to authenticated]";
    assert_eq!(told_of(view, grants), [of_table]);
    let all = view.replace("id, title from", "* from");
    assert_eq!(
        told_of(&all, grants),
        [
            of_table,
            "breaking: authenticated can no longer read, change or delete rows of public.v (was: own rows) [revoke select on notes from authenticated]",
        ]
    );
    let joined =
        view.replace("from notes;", "from notes where id in (select id from notes join notes n using (id));");
    assert_eq!(
        told_of(&joined, grants)[1..],
        [
            "review: it is not known which rows of public.v authenticated can read (was: own rows) [grant select (id, title) on notes to authenticated]",
            "review: it is not known which rows of public.v authenticated can change and delete, and which they can add (was: own rows) [revoke select on notes from authenticated]",
        ]
    );
}

#[test]
fn rows_of_one_kind_are_compared() {
    let table = "create table t (id int primary key, owner uuid, team int, open bool, done bool);
            create table m (who uuid, team int); revoke all on m from anon, authenticated;
            grant select on m to authenticated; alter table t enable row level security;
            revoke all on t from anon; revoke insert, update, delete on t from authenticated;";
    let told_of = |using: &str, change: &str| {
        told_of(&format!("{table} create policy p on t for select using ({using});"), change)
    };
    assert_eq!(
        told_of("owner = auth.uid()", "alter policy p on t using (owner = auth.uid() and not done);"),
        [
            "safe: authenticated can now read fewer rows of public.t (own rows, as before) [owner = auth.uid() and not done]"
        ]
    );
    assert_eq!(
        told_of("open", "alter policy p on t using (open or done);"),
        ["review: authenticated can now read more rows of public.t (some rows, as before) [open or done]"]
    );
    assert_eq!(
        told_of("open", "create policy q on t for select using (done);"),
        ["review: authenticated can now read more rows of public.t (some rows, as before) [done]"]
    );
    assert_eq!(
        told_of("open", "alter policy p on t using (done);"),
        ["review: authenticated can now read other rows of public.t (some rows, as before) [done]"]
    );
    assert_eq!(
        told_of("random() < 0.5 and open", "alter policy p on t using (open and random() < 0.5);"),
        [""; 0]
    );
    assert_eq!(
        told_of("open", "alter table t rename column open to public;"),
        [
            "breaking: column open of public.t is now called public [alter table t rename column open to public]"
        ]
    );
}

#[test]
fn to_lose_a_policy_for_select_is_no_gain() {
    let notes = "create table notes (id int primary key, open bool);
            alter table notes enable row level security; revoke all on notes from anon;
            create function unread(int) returns bool language plpgsql
                as 'begin for i in 1..2 loop return true; end loop; return false; end';
            create policy few on notes for select using (unread(id));
            create policy rest on notes for select using (open);
            create policy change on notes for update using (open) with check (open);";
    assert_eq!(
        told_of(notes, "drop policy rest on notes;"),
        [
            "review: authenticated can now read and change fewer rows of public.notes (not known which, as before) [drop policy rest on notes]",
        ]
    );
}

#[test]
fn what_rows_may_become() {
    let notes = format!(
        "{NOTES} drop policy own on notes;
            create policy read on notes for select to authenticated using (owner = auth.uid());
            create policy change on notes for update to authenticated using (owner = auth.uid());"
    );
    assert_eq!(
        told_of(&notes, "alter policy change on notes with check (true);"),
        [
            "review: authenticated can now turn the rows of public.notes that they change into any (was: into own rows) [true]"
        ]
    );
}

#[test]
fn what_no_condition_holds_back_is_to_be_reviewed() {
    let notes = "create table notes (id int primary key, owner uuid);
            alter table notes enable row level security; revoke all on notes from anon;
            create policy seen on notes for select to authenticated using (owner = auth.uid());";
    assert_eq!(
        told_of(notes, "create policy p on notes for delete to authenticated using (true);"),
        [
            "review: authenticated can now delete all rows of public.notes with a statement that has no condition (was: no rows) [true]",
            "safe: authenticated can now delete own rows of public.notes (was: no rows) [true]",
        ]
    );
    assert_eq!(
        told_of(
            notes,
            "create policy p on notes for update to authenticated using (owner = auth.uid()) with check (true);"
        ),
        [
            "review: authenticated can now turn the rows of public.notes that they change into any (was: into no rows) [true]",
            "safe: authenticated can now change own rows of public.notes (was: no rows) [owner = auth.uid()]",
        ]
    );
    let own = "create policy p on notes for update to authenticated using (owner = auth.uid());";
    assert_eq!(
        told_of(notes, own),
        ["safe: authenticated can now change own rows of public.notes (was: no rows) [owner = auth.uid()]"]
    );
    assert_eq!(
            told_of(
                "select 1;",
                &format!(
                    "{notes} create policy p on notes for delete to authenticated using (true);
                     create policy q on notes for update to authenticated using (owner = auth.uid()) with check (true);"
                )
            ),
            [
                "review: authenticated can turn the rows of public.notes that they change into any (new table) [true]",
                "review: authenticated can delete all rows of public.notes with a statement that has no condition (new table) [true]",
                "safe: authenticated can read, change and delete own rows of public.notes (new table) [owner = auth.uid()]",
            ]
        );
}

#[test]
fn who_can_call_a_function_is_access() {
    let wipe = "create function wipe(int) returns void language sql security definer as 'select 1';";
    let closed = format!("{wipe} revoke execute on function wipe from public, anon, authenticated;");
    assert_eq!(
        told_of("select 1;", wipe),
        [
            "review: anon and authenticated can call public.wipe(integer), which runs with its owner's rights (new function) [create function wipe(int) returns void language sql security definer as 'select 1']"
        ]
    );
    assert_eq!(told_of("select 1;", &closed), [""; 0]);
    let invoker = wipe.replace(" security definer", "");
    assert_eq!(told_of("select 1;", &invoker), [""; 0]);
    assert_eq!(
        told_of(&closed, "grant execute on function wipe to anon; select 1;"),
        [
            "review: anon can now call public.wipe(integer), which runs with its owner's rights (was: nobody) [grant execute on function wipe to anon]"
        ]
    );
    assert_eq!(
        told_of(wipe, "select 1; revoke execute on function wipe from public, anon;"),
        [
            "breaking: anon can no longer call public.wipe(integer) [revoke execute on function wipe from public, anon]"
        ]
    );
    assert_eq!(
        told_of(&invoker, "alter function wipe security definer;"),
        [
            "review: public.wipe(integer), which anon and authenticated can call, now runs with its owner's rights (was: the caller's) [alter function wipe security definer]"
        ]
    );
    assert_eq!(
        told_of(wipe, "drop function wipe;"),
        ["breaking: public.wipe(integer) is gone: anon and authenticated could call it [drop function wipe]"]
    );
    let trigger = "create function touch() returns trigger language plpgsql security definer as 'begin return new; end';";
    assert_eq!(told_of("select 1;", trigger), [""; 0]);
}

#[test]
fn what_takes_the_old_name_is_new() {
    let rename = "alter table notes rename to pages; create view notes with (security_invoker) as select id, owner from pages;";
    assert_eq!(
        told_of(NOTES, rename),
        [
            "breaking: public.notes is now called public.pages [alter table notes rename to pages]",
            "safe: authenticated can read, change and delete own rows of public.notes, and add such rows (new view) [create view notes with (security_invoker) as select id, owner from pages]",
        ]
    );
    let swap = "create table a (id int); create table b (id text);
            alter table a enable row level security; alter table b enable row level security;";
    let told =
        told_of(swap, "alter table a rename to c; alter table b rename to a; alter table c rename to b;");
    assert_eq!(told.len(), 2, "{told:?}");
    let block =
        "do $$ begin for i in 1..3 loop execute format('create table t%s (id int)', i); end loop; end $$;";
    assert_eq!(told_of(block, "select 1;"), [""; 0]);
    assert_eq!(
        told_of(NOTES, "create schema app; alter table notes set schema app;"),
        [
            "breaking: public.notes is now called app.notes, which the Data API does not serve [alter table notes set schema app]",
            "breaking: authenticated can no longer read, add, change or delete rows of app.notes (was: own rows) [alter table notes set schema app]",
        ]
    );
}

#[test]
fn a_function_that_takes_rows_of_a_renamed_table_is_the_same() {
    let pay = format!(
        "{NOTES} create function pay(notes) returns void language sql security definer as 'select 1';"
    );
    assert_eq!(
        told_of(&pay, "alter table notes rename to pages;"),
        ["breaking: public.notes is now called public.pages [alter table notes rename to pages]"]
    );
}

#[test]
fn a_copy_is_as_dangerous_as_a_view() {
    assert_eq!(
        told_of(NOTES, "create materialized view copied as select id from notes;"),
        [
            "dangerous: anon and authenticated can read all rows of public.copied (new view) [create materialized view copied as select id from notes]"
        ]
    );
}

#[test]
fn a_view_that_shows_other_relations_is_not_compared_by_its_rows() {
    let view = format!("{NOTES} create table secrets (note text); create view v as select id from notes;");
    let told = told_of(&view, "drop view v; create view v as select n.id, s.note from notes n, secrets s;");
    assert!(
        told.iter().any(|one| one.starts_with("review: it is not known which rows of public.v")),
        "{told:?}"
    );
    assert!(!told.iter().any(|one| one.contains("fewer")), "{told:?}");
}

#[test]
fn what_a_view_shows_more_is_told() {
    let people = "create table people (id int primary key, owner uuid, nick text, bio text, email text, phone text);
            alter table people enable row level security; revoke all on people from anon;
            create policy own on people to authenticated using (owner = auth.uid());
            create table secrets (id int primary key, note text); alter table secrets enable row level security;
            create table posts (id int primary key, title text); alter table posts enable row level security;
            create policy all_of_them on posts for select using (true);
            create view v as select id, nick from people; revoke all on v from anon, authenticated;
            grant select on v to authenticated;";
    let told = |query: &str| told_of(people, &format!("select 1; create or replace view v as {query};"));
    let place = |query: &str| format!("[create or replace view v as {query}]");
    let through = "through public.v (all rows)";
    for (query, expected) in [
        ("select id, nick from people", None),
        ("select id, nick, bio from people", Some("review: authenticated can now read bio of public.people")),
        (
            "select id, nick, bio, email from people",
            Some("dangerous: authenticated can now read bio and email of public.people"),
        ),
        (
            "select id, nick, email is null as mute from people",
            Some("review: authenticated can now read what is computed from email of public.people"),
        ),
        (
            "select id, nick, (select note from secrets limit 1) as note from people",
            Some("review: authenticated can now read note of public.secrets"),
        ),
        // Whoever reads the view reads all of these anyway.
        ("select id, nick, (select title from posts limit 1) as title from people", None),
        (
            "select id, nick, (select raw_user_meta_data from auth.users u where u.id = owner) as data from people",
            Some("dangerous: authenticated can now read raw_user_meta_data of auth.users"),
        ),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|words| format!("{words} {through} {}", place(query))).collect();
        assert_eq!(told(query), expected, "{query}");
    }
    // A table more is for few where nobody was granted the view by name.
    let unnamed = people.replace("revoke all on v from anon, authenticated;", "revoke all on v from anon;");
    let unnamed = unnamed.replace("grant select on v to authenticated;", "");
    let join = "create or replace view v as select p.id, nick, note from people p join secrets using (id);";
    let shown = |project: &str| {
        told_of(project, join).iter().find_map(|one| Some(one.split_once(" through ")?.0.to_string()))
    };
    assert_eq!(
        shown(&unnamed).as_deref(),
        Some("dangerous: authenticated can now read note of public.secrets")
    );
    let public = format!("{people} grant select on v to anon;");
    assert_eq!(
        shown(&public).as_deref(),
        Some("review: anon and authenticated can now read note of public.secrets")
    );
    let own = "select id, nick, email from people where owner = auth.uid()";
    assert_eq!(
        told(own),
        [
            format!(
                "safe: authenticated can no longer read all rows of public.v (now: own rows) {}",
                place(own)
            ),
            format!(
                "safe: authenticated can now read email of public.people through public.v (own rows) {}",
                place(own)
            ),
        ]
    );
    let invoker = "create or replace view v with (security_invoker) as select id, nick, email from people;";
    assert!(!told_of(people, invoker).iter().any(|one| one.contains("through")));
}

#[test]
fn what_may_no_longer_be_done_with_own_rows_has_its_reasons() {
    let base = "create table notes (id int primary key, owner uuid, status text);
        alter table notes enable row level security;
        create policy see on notes for select to authenticated using (owner = auth.uid() and status <> 'x');
        create policy edit on notes for update to authenticated using (owner = auth.uid() and status = 'draft');";
    assert_eq!(
        told_of(base, "alter policy edit on notes using (owner = auth.uid());"),
        [
            "review: authenticated can now change more rows of public.notes (own rows, as before) [owner = auth.uid()]"
        ]
    );
    let told = told_of(base, "alter policy see on notes using (owner = auth.uid());");
    // What could not be seen could not be changed.
    assert!(told[0].starts_with("review: authenticated can now change more rows"), "{told:?}");
    assert!(told[1].starts_with("safe: authenticated can now read more rows"), "{told:?}");
}

#[test]
fn columns_for_few_are_opened_by_a_grant() {
    let people = "create table people (id int primary key, name text, email text, city text);
        alter table people enable row level security; create policy p on people for select using (true);
        revoke all on people from anon, authenticated; grant select (id, name) on people to authenticated;";
    let of = |columns: &str, was: &str| {
        format!("authenticated can now read {columns} of public.people (was: {was}) [")
    };
    let told = |first: &str, grant: &str| {
        told_of(first, &format!("grant select {grant} on people to authenticated;"))
    };
    let email = told(people, "(email)");
    assert!(
        email[0].starts_with(&format!("dangerous: {}", of("id, name and email", "id and name"))),
        "{email:?}"
    );
    assert!(told(people, "")[0].starts_with(&format!("dangerous: {}", of("all columns", "id and name"))));
    assert!(told(people, "(city)")[0].starts_with("review: "));
    let own = people.replace("using (true)", "using (name = auth.uid()::text)");
    assert!(told(&own, "(email)")[0].starts_with("review: "), "these are the rows of whoever asks");
}

#[test]
fn columns_of_what_nobody_asked_for_may_have_other_names() {
    let closed =
        "create table notes (id int primary key, text text); revoke all on notes from anon, authenticated;";
    assert_eq!(told_of(closed, "alter table notes rename column text to body;"), [""; 0]);
    let both = "alter table notes rename to pages; alter table pages rename column owner to author;";
    let told = told_of(NOTES, both);
    assert!(
        told.iter().any(|one| one
            == "breaking: column owner of public.pages is now called author [alter table pages rename column owner to author]"),
        "{told:?}"
    );
}

#[test]
fn truncate_asks_no_policy() {
    let f = |rights: &str| {
        format!("create function wipe() returns void language sql {rights} as 'truncate notes';")
    };
    let by = |how: &str, who: &str, was: &str| {
        format!(
            "dangerous: {who} can now delete all rows of public.notes through public.wipe(), {how} (was: {was})"
        )
    };
    let told = told_of(NOTES, &f("security definer set search_path = public"));
    assert!(told[0].starts_with(&by("which runs with its owner's rights", "anon", "no rows")), "{told:?}");
    let told = told_of(NOTES, &f(""));
    let how = "which empties it by TRUNCATE, and policies do not hold that back";
    assert!(told[0].starts_with(&by(how, "anon", "no rows")), "{told:?}");
    assert!(told[1].starts_with(&by(how, "authenticated", "own rows")), "{told:?}");
    let revoked = format!("{NOTES} revoke truncate on notes from anon, authenticated;");
    assert_eq!(told_of(&revoked, &f("")), [""; 0]);
    let changed = format!("{NOTES} create function wipe() returns void language sql as 'select 1';");
    let told = told_of(&changed, &f("").replace("create", "create or replace"));
    assert!(
        told[0]
            .ends_with("[create or replace function wipe() returns void language sql  as 'truncate notes']"),
        "{told:?}"
    );
}

#[test]
fn what_has_another_name_is_shown_as_before() {
    let people = format!("{NOTES} create view v as select id, owner from notes;");
    let told = told_of(
        &people,
        "alter table notes rename to pages; alter table pages rename column owner to author; alter view v rename to w;",
    );
    assert!(!told.iter().any(|one| one.contains("through")), "{told:?}");
    let told = told_of(
        &people,
        "drop view v; create view v as select * from (select id from notes) n natural join notes;",
    );
    assert_eq!(told.iter().filter(|one| one.contains("through")).count(), 1, "{told:?}");
}

#[test]
fn a_new_view_that_shows_more_than_its_table_is_dangerous() {
    assert_eq!(
        told_of(
            "select 1;",
            "create table notes (id int primary key, owner uuid);
                 alter table notes enable row level security;
                 create policy own on notes to authenticated using (owner = auth.uid());
                 create view v as select id from notes; revoke all on v from anon;
                 revoke insert, update, delete on v from authenticated;"
        ),
        [
            "dangerous: authenticated can read all rows of public.v (new view) [create view v as select id from notes]",
            "safe: authenticated can read, change and delete own rows of public.notes, and add such rows (new table) [owner = auth.uid()]",
        ]
    );
    let open = "create table posts (id int primary key); alter table posts enable row level security;
            create policy all_of_them on posts for select using (true);";
    let view =
        "create view v as select id from posts; revoke insert, update, delete on v from anon, authenticated;";
    assert_eq!(
        told_of(open, view),
        [
            "review: anon and authenticated can read all rows of public.v (new view) [create view v as select id from posts]"
        ]
    );
}
