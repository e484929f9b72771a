//! Rules that say that PostgreSQL refuses something, by execution: what they claim is run, and what is
//! refused for their reason is to be claimed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::server::{Server, Verdict};
use super::turn;
use crate::harness::Folder;

/// The objects that a rule's findings are about, by the name that `part` takes out of them.
fn found(sql: &str, rule: &str, part: &str) -> BTreeSet<String> {
    let answer = Folder::project(sql).run(&["check", "--format", "json", "."]);
    let report: Value = serde_json::from_str(&answer.out).expect("the report is JSON");
    let findings = report["findings"].as_array().expect("it has findings");
    let of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
    of_rule.filter_map(|finding| finding["object"][part].as_str().map(str::to_owned)).collect()
}

/// How many statements a session is told at once: it answers while it reads.
const CHUNK: usize = 60;

/// The SQLSTATE with which each of these statements is refused, after others that are not.
fn refused(prepared: &[String], tried: &[String]) -> Vec<Option<String>> {
    let mut session = Server::get().session();
    let mut states = Vec::new();
    for chunk in tried.chunks(CHUNK) {
        let all: Vec<String> = prepared.iter().chain(chunk).cloned().collect();
        for (at, verdict) in session.run(&all).into_iter().enumerate() {
            let state = match verdict {
                Verdict::Accepted => None,
                Verdict::Refused { state, .. } => Some(state),
            };
            match at < prepared.len() {
                true => assert_eq!(state, None, "{}", all[at]),
                false => states.push(state),
            }
        }
    }
    states
}

#[test]
#[allow(clippy::print_stdout, clippy::use_debug)]
fn claims_of_another_type_are_refused() {
    let _turn = turn();
    let claims = [
        "(auth.jwt() ->> 'key')",
        "(select auth.jwt() ->> 'key')",
        "(auth.jwt() -> 'app_metadata' ->> 'key')",
        "(auth.jwt() -> 'key')",
        "((select auth.jwt()) -> 'app_metadata' -> 'key')",
        "(auth.jwt() #>> '{app_metadata,key}')",
        "(current_setting('request.jwt.claims', true)::json ->> 'key')",
        "(auth.jwt() ->> 'key')::uuid",
        "(auth.jwt() -> 'key')::text",
        "(auth.jwt() -> 'key')::int",
    ];
    let others = [
        "id",
        "owner",
        "org",
        "email",
        "ok",
        "born",
        "money",
        "'admin'",
        "'true'",
        "'7'",
        "true",
        "7",
        "7.5",
        "null",
        "auth.uid()",
        "auth.email()",
        "org::text",
        "owner::text",
        "lower(email)",
        "array['a']::text[]",
    ];
    let forms: [fn(&str, &str) -> String; 5] = [
        |claim, other| format!("{claim} = {other}"),
        |claim, other| format!("{other} <> {claim}"),
        |claim, other| format!("{claim} in ({other})"),
        |claim, other| format!("{other} in (select {claim})"),
        |claim, other| format!("{claim} is not distinct from {other}"),
    ];
    let columns = "id bigint, owner uuid, org int, email text, ok boolean, born date, money numeric";
    let table = |name: &str| {
        [
            format!("create table public.{name} ({columns})"),
            format!("alter table public.{name} enable row level security"),
        ]
    };
    let mut policies = Vec::new();
    for claim in claims {
        for other in others {
            policies.extend(forms.iter().map(|form| form(claim, other)));
        }
    }
    let name = |at: usize| format!("p{at}");
    let policy = |at: usize, table: &str| {
        format!("create policy {} on public.{table} using ({})", name(at), policies[at])
    };
    let tried: Vec<String> = (0..policies.len()).map(|at| policy(at, "a")).collect();
    // A table with a thousand policies would be asked about all of them together.
    let each = (0..policies.len()).flat_map(|at| {
        let own = format!("a{at}");
        table(&own).into_iter().chain([policy(at, &own)])
    });
    let sql = each.map(|statement| statement + ";\n").collect::<String>();
    let claimed = found(&sql, "jwt-type-mismatch", "part");
    let mut missed = Vec::new();
    for (at, state) in refused(&table("a"), &tried).into_iter().enumerate() {
        let is_claimed = claimed.contains(&name(at));
        // No such operator, no such conversion, no JSON.
        let is_mismatch = matches!(state.as_deref(), Some("42883" | "42846" | "42804" | "22P02"));
        assert!(is_mismatch || !is_claimed, "{} is claimed to be refused: {state:?}", policies[at]);
        // What is cast is a value like any other.
        if is_mismatch && !is_claimed && !policies[at].contains("key')::") {
            missed.push(policies[at].as_str());
        }
    }
    println!("{} claims; {} refused and untold, such as {:?}", claimed.len(), missed.len(), missed.first());
    assert!(claimed.len() > tried.len() / 4, "only {} claims", claimed.len());
    assert!(missed.len() < claimed.len() / 4, "untold: {missed:#?}");
}

#[test]
#[allow(clippy::print_stdout, clippy::use_debug)]
fn what_no_search_path_finds_fails_when_it_is_called() {
    let _turn = turn();
    let paths = [
        "''",
        "pg_catalog",
        "public",
        "public, extensions",
        "app",
        "app, public, extensions",
        "pg_catalog, pg_temp",
    ];
    let bodies = [
        "delete from todos;",
        "update todos set title = 'x' where id = 1;",
        "insert into public.todos (id) values (1);",
        "perform helper();",
        "perform public.helper();",
        "perform gen_random_bytes(8);",
        "perform extensions.gen_random_bytes(8);",
        "perform 'sad'::mood;",
        "perform 'sad'::public.mood;",
        "perform now(), gen_random_uuid(), jsonb_build_object('a', 1);",
        "with todos as (select 1 as id) select count(*) into n from todos;",
        "for r in select * from todos loop null; end loop;",
        "for r in select t.id from public.todos t loop null; end loop;",
        "n := (select count(*) from todos);",
        "if exists (select from todos) then null; end if;",
        "perform count(*) from pg_class;",
        "create temp table mood (id int); insert into mood values (1); drop table mood;",
        "perform m.id from public.todos m, lateral (select m.id) x;",
        "perform set_config('search_path', 'public', true); delete from todos;",
        "execute 'delete from public.todos';",
        "perform title from public.todos order by helper();",
        "insert into notes values (1);",
        "perform id from app.notes where id in (select id from todos);",
        "delete from public.todos using notes where notes.id = todos.id;",
    ];
    let mut prepared: Vec<String> = [
        "create extension if not exists pgcrypto with schema extensions",
        "create schema app",
        "create table public.todos (id bigint, title text)",
        "create table app.notes (id bigint)",
        "create type public.mood as enum ('sad')",
        "create function public.helper() returns int language sql as $$ select 1 $$",
    ]
    .map(String::from)
    .into();
    let (mut calls, mut stories) = (Vec::new(), Vec::new());
    for body in bodies {
        for path in paths {
            let name = format!("f{}", calls.len());
            let function = format!(
                "create function public.{name}() returns void language plpgsql set search_path = {path} as \
                 $$ declare n int; r record; begin {body} end $$"
            );
            stories.push(format!("search_path = {path}: {body}"));
            prepared.push(function);
            calls.push(format!("select public.{name}()"));
        }
    }
    let sql = format!("{};", prepared.join(";\n"));
    let claimed = found(&sql, "empty-search-path-unqualified-ref", "name");
    let mut missed = Vec::new();
    for (at, state) in refused(&prepared, &calls).into_iter().enumerate() {
        let is_claimed = claimed.contains(&format!("f{at}"));
        let is_missing = matches!(state.as_deref(), Some("42P01" | "42883" | "42704"));
        assert!(is_missing || !is_claimed, "claimed to fail: {state:?} for {}", stories[at]);
        if is_missing && !is_claimed {
            missed.push(stories[at].as_str());
        }
    }
    println!("{} claims; {} fail and are untold: {missed:#?}", claimed.len(), missed.len());
    assert!(claimed.len() > calls.len() / 4, "only {} claims", claimed.len());
    assert!(missed.len() < claimed.len() / 8, "untold: {missed:#?}");
}

#[test]
fn a_check_sees_the_table_as_it_was() {
    let _turn = turn();
    let prepared = [
        "create table public.folders (id bigint, owner uuid)",
        "insert into public.folders values (1, '00000000-0000-0000-0000-00000000000a')",
        "alter table public.folders enable row level security",
        "create policy read on public.folders for select using (true)",
        "create policy own on public.folders for update using (exists (select from public.folders f where f.id = folders.id and f.owner = auth.uid()))",
    ]
    .map(String::from);
    let sql = format!("{};", prepared.join(";\n"));
    assert_eq!(found(&sql, "self-referencing-update-check", "part"), BTreeSet::from(["own".to_string()]));
    let user =
        r#"select set_config('request.jwt.claims', '{"sub": "00000000-0000-0000-0000-00000000000a"}', true)"#;
    let role = "set local role authenticated";
    let change = "update public.folders set id = 2 where id = 1";
    let tried = [
        user,
        role,
        change,
        "reset role",
        "alter policy own on public.folders with check (true)",
        role,
        change,
    ];
    let states = refused(&prepared, &tried.map(String::from));
    let states: Vec<_> = states.iter().map(Option::as_deref).collect();
    assert_eq!(states, [None, None, Some("42501"), None, None, None, None]);
}
