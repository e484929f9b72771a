//! Who reaches which rows, by execution: policies are generated, what `rls-lint access` claims of
//! them is compared with what anonymous and signed-in callers can do in a real PostgreSQL.
//!
//! `ACCESS_SETS=5000 cargo test rights` generates so many sets of policies, `ACCESS_SEED=7` others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::generate::Random;
use super::server::Server;
use super::turn;
use crate::harness::Folder;

/// How many sets are tried unless `ACCESS_SETS` says otherwise.
const SETS: usize = 160;

/// Sets in one database.
const BATCH: usize = 40;

const USERS: [&str; 3] = [
    "00000000-0000-0000-0000-00000000000a",
    "00000000-0000-0000-0000-00000000000b",
    "00000000-0000-0000-0000-00000000000c",
];

/// Who tries: the role, the user and the claims.
const CALLERS: [(&str, Option<usize>); 3] =
    [("anon", None), ("authenticated", Some(0)), ("authenticated", Some(1))];

/// What all sets share: members of teams, projects of users, and functions of many kinds.
const SHARED: &str = "
create schema app;
grant usage on schema app to anon, authenticated;
create table app.members (user_id uuid, team int, role text);
create table app.projects (id int primary key, owner uuid);
create table app.hidden (team int);
grant select on app.members, app.projects to anon, authenticated;
revoke all on app.hidden from anon, authenticated;
create table app.mine (team int, user_id uuid);
alter table app.mine enable row level security;
create policy own on app.mine for select using (user_id = auth.uid());
create table app.behind (team int);
alter table app.behind enable row level security;
create policy of_team on app.behind using (exists (select 1 from app.mine m where m.team = behind.team));
create table app.sealed (team int);
alter table app.sealed enable row level security;
create table app.fenced (team int);
alter table app.fenced enable row level security;
create policy open on app.fenced for select using (true);
create policy fence on app.fenced as restrictive using (auth.uid() is not null);
grant select on app.mine, app.behind, app.sealed, app.fenced to anon, authenticated;
create function app.of_mine() returns setof int language sql stable security definer
  as $$ select team from app.mine $$;
create function app.me() returns uuid language sql stable as $$ select auth.uid() $$;
create function app.is_member(wanted int) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select 1 from app.members m where m.user_id = auth.uid() and m.team = wanted) $$;
create function app.is_member_too(wanted int) returns boolean language plpgsql stable security definer as $$
declare me uuid := auth.uid();
begin
  if me is null then return false; end if;
  return exists (select 1 from app.members where user_id = me and team = wanted);
end $$;
create function app.role_in(wanted int) returns text language plpgsql stable as $$
declare found_role text;
begin
  select m.role into found_role from app.members m where m.team = wanted and m.user_id = auth.uid();
  return found_role;
end $$;
create function app.is_admin() returns boolean language sql stable
  as $$ select exists (select 1 from app.members where user_id = auth.uid() and role = 'admin') $$;
create function app.my_teams() returns setof int language sql stable
  as $$ select team from app.members where user_id = auth.uid() $$;
create function app.my_teams_too() returns setof int language plpgsql stable as $$
begin return query select m.team from app.members m where m.user_id = auth.uid(); end $$;
create function app.all_teams() returns setof int language sql stable as $$ select team from app.members $$;
create function app.team_list() returns int[] language sql stable
  as $$ select array_agg(team) from app.members where user_id = auth.uid() $$;
create function app.teams_or_none() returns int[] language sql stable
  as $$ select coalesce(array_agg(m.team), '{}') from app.members m where m.user_id = auth.uid() $$;
create function app.yes(anything int) returns boolean language sql immutable strict as $$ select true $$;
create function app.yes_volatile() returns boolean language sql as $$ select true $$;
create function app.who() returns text language sql stable security definer as $$ select current_user::text $$;
create function app.loops(wanted int) returns boolean language plpgsql stable as $$
begin
  for i in 1..3 loop if i = wanted then return true; end if; end loop;
  return false;
end $$;
create function app.either(a boolean, b boolean) returns boolean language sql immutable as $$ select $1 or b $$;
create function app.closed() returns boolean language sql stable as $$ select true $$;
revoke execute on function app.closed() from public, anon, authenticated;
";

const ROWS_SHARED: &str = "
insert into app.members values
  ('00000000-0000-0000-0000-00000000000a', 1, 'admin'), ('00000000-0000-0000-0000-00000000000a', 2, 'member'),
  ('00000000-0000-0000-0000-00000000000b', 2, 'member'), ('00000000-0000-0000-0000-00000000000c', 3, 'admin'),
  (null, 4, 'member'), ('00000000-0000-0000-0000-00000000000b', null, 'admin');
insert into app.projects values (1, '00000000-0000-0000-0000-00000000000a'),
  (2, '00000000-0000-0000-0000-00000000000b'), (3, null);
insert into app.mine select team, user_id from app.members;
insert into app.behind select generate_series(1, 5);
insert into app.sealed select generate_series(1, 5);
insert into app.fenced select generate_series(1, 5);
";

/// The rows of each table, without their ids: owner, editor, team, project, flag, level, tags, note.
const ROWS: [&str; 10] = [
    "'00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', 1, 1, true, 1, '{}', 'a'",
    "'00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000c', 2, 2, false, 2, null, 'abc'",
    "null, '00000000-0000-0000-0000-00000000000a', null, 3, null, 3, '{00000000-0000-0000-0000-00000000000a}', null",
    "'00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-00000000000c', 3, null, true, 4, \
     '{00000000-0000-0000-0000-00000000000b,00000000-0000-0000-0000-00000000000c}', 'b@example.com'",
    "null, '00000000-0000-0000-0000-00000000000c', 4, 3, true, 1, '{}', '00000000-0000-0000-0000-00000000000b'",
    "'00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000a', 2, null, false, 5, null, 'anon'",
    "null, '00000000-0000-0000-0000-00000000000b', null, 1, false, 2, null, '00000000-0000-0000-0000-00000000000a'",
    "'00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000b', 1, 2, null, 0, \
     '{00000000-0000-0000-0000-00000000000a,00000000-0000-0000-0000-00000000000b}', ''",
    "'00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-00000000000a', 5, null, null, 9, '{}', 'zzz'",
    "null, '00000000-0000-0000-0000-00000000000c', null, null, null, 7, '{null}', 'a'",
];

const COLUMNS: &str = "owner, editor, team, project, flag, level, tags, note";

const CONSTANTS: &[&str] = &[
    "true",
    "false",
    "null::boolean",
    "1 = 1",
    "'a' = 'a'",
    "'a' = 'b'",
    "not false",
    "1 in (1, 2)",
    "3 between 1 and 2",
    "3 between symmetric 5 and 1",
    "(select true)",
    "exists (select 1)",
    "'1'::int = '01'::int",
    "1.5::int = 2",
    "exists (select 1 where null)",
    "exists (select 1 from app.members where false)",
    "exists (select count(*) from app.members where false)",
    "app.yes(1)",
    "app.yes(null)",
    "app.yes_volatile()",
    "random() >= 0",
    "coalesce(null, true)",
    "1 not in (2, null)",
    "'t'::boolean",
    "'abc'::varchar(1) = 'a'",
];

const OF_ROWS: &[&str] = &[
    "flag",
    "not flag",
    "flag is true",
    "flag is not false",
    "flag is not true",
    "flag is unknown",
    "level = 1",
    "level > 2",
    "level <= 2",
    "2 >= level",
    "level = level",
    "team = team",
    "team <> team",
    "level <> level",
    "owner is null",
    "owner is not null",
    "editor is not null",
    "note like 'a%'",
    "team between 1 and 2",
    "coalesce(flag, false)",
    "level in (1, 2, 3)",
    "level = any (array[1, 2])",
    "level <> all (array[1, 2])",
    "team is distinct from 1",
    "team is not distinct from team",
    "case when flag then true else level > 2 end",
    "nullif(team, 1) is null",
    "team = any ('{1,2}')",
    "case level when 1 then flag when 2 then true end",
    "flag = true",
    "flag <> false",
    "level < 3 or level >= 3",
    "team < 3 or team >= 3",
    "app.yes(level)",
    "app.yes(team)",
    "app.either(flag, not flag)",
    "app.either(b => flag, a => level is null)",
    "app.loops(level)",
    "(select flag)",
    "exists (select 1 where flag)",
    "exists (select 1 from app.members m where m.team = t.team)",
    "team in (select app.all_teams())",
    "team not in (select m.team from app.members m)",
    "coalesce(team, 1) = 1",
    "(flag is null) = false",
    "tags is null",
    "cardinality(tags) > 0",
    "(team, level) = (1, 1)",
    "row(team, owner) is null",
    "row(team, owner) is not null",
    "team > all (select m.team from app.members m where m.team < 0)",
];

const OF_CALLERS: &[&str] = &[
    "auth.uid() is null",
    "auth.uid() is not null",
    "(select auth.uid()) is not null",
    "auth.role() = 'authenticated'",
    "auth.role() = 'anon'",
    "auth.role() <> 'anon'",
    "auth.role() = 'service_role'",
    "current_user = 'anon'",
    "current_setting('role') = 'service_role'",
    "current_setting('role', true) = 'anon'",
    "current_user::text = auth.role()",
    "app.who() = 'postgres'",
    "app.who() = current_user::text",
    "app.is_admin()",
    "not app.is_admin()",
    "auth.email() is not null",
    "auth.jwt() ->> 'role' = 'authenticated'",
    "(select auth.jwt() ->> 'sub') is null",
    "auth.jwt() -> 'app_metadata' ->> 'kind' = 'staff'",
    "auth.uid() is not distinct from app.me()",
    "exists (select 1 from app.members m where m.user_id = auth.uid())",
    "coalesce(auth.uid()::text, '') = ''",
    "auth.uid() = auth.uid()",
    "not exists (select 1 from app.members m where m.user_id = auth.uid())",
    "(select m.role from app.members m where m.user_id = auth.uid() and m.role = 'admin' limit 1) = 'admin'",
    "coalesce((select m.role from app.members m where m.user_id = auth.uid() limit 1), 'none') in ('none', 'x')",
    "lower(coalesce(auth.jwt() ->> 'role', '')) in ('admin', 'authenticated')",
    "upper(auth.role()) = 'ANON'",
];

const OWN: &[&str] = &[
    "owner = auth.uid()",
    "(select auth.uid()) = owner",
    "auth.uid() in (owner, editor)",
    "owner is not distinct from auth.uid()",
    "owner is distinct from auth.uid()",
    "owner <> auth.uid()",
    "auth.uid() = any (tags)",
    "tags @> array[auth.uid()]",
    "owner::text = (auth.jwt() ->> 'sub')",
    "note = auth.uid()::text",
    "coalesce(owner, auth.uid()) = auth.uid()",
    "coalesce(auth.uid(), editor) = editor",
    "note = auth.email()",
    "owner = app.me()",
    "owner in (select auth.uid())",
    "exists (select 1 where owner = auth.uid())",
    "array[owner] @> array[auth.uid()]",
    "auth.uid() = any (array[owner, editor])",
    "array[owner, editor] && array[auth.uid()]",
    "case when owner = auth.uid() then true else false end",
    "coalesce(owner = auth.uid(), false)",
    "owner not in (select auth.uid())",
    "editor = auth.uid()",
    "owner = (select auth.uid() where level > 1)",
    "tags <@ array[auth.uid()]",
    "lower(note) = lower(auth.email())",
    "auth.uid() not in (owner, editor)",
    "owner = coalesce(auth.uid(), owner)",
];

const OF_TEAMS: &[&str] = &[
    "exists (select 1 from app.members m where m.team = t.team and m.user_id = auth.uid())",
    "exists (select 1 from app.members m where m.team = team and m.user_id = auth.uid())",
    "team in (select m.team from app.members m where m.user_id = auth.uid())",
    "team in (select m.team from app.members m where m.user_id = auth.uid() or m.role = 'admin')",
    "team not in (select m.team from app.members m where m.user_id = auth.uid())",
    "auth.uid() in (select m.user_id from app.members m where m.team = t.team)",
    "(select m.role from app.members m where m.user_id = auth.uid() and m.team = t.team) = 'admin'",
    "(select count(*) from app.members m where m.user_id = auth.uid() and m.team = t.team) > 0",
    "(select count(*) from app.members m where m.user_id = auth.uid() and m.team = t.team) = 0",
    "exists (select 1 from app.members x, app.members y where y.user_id = auth.uid() and x.team = t.team)",
    "exists (select 1 from app.members x join app.members y on x.team = y.team where y.user_id = auth.uid() and x.team = t.team)",
    "exists (select 1 from app.members x left join app.members y on y.user_id = auth.uid() where x.team = t.team)",
    "exists (select 1 from app.members m where m.team = t.team and m.user_id = auth.uid() or t.flag)",
    "app.is_member(team)",
    "app.is_member(wanted => team)",
    "(select app.is_member(team))",
    "not app.is_member(team)",
    "app.is_member_too(team)",
    "app.role_in(team) = 'admin'",
    "app.role_in(team) in ('admin', 'member')",
    "app.role_in(team) is null",
    "team in (select app.my_teams())",
    "team in (select app.my_teams_too())",
    "team in (select * from app.my_teams())",
    "team = any (app.team_list())",
    "team = any (coalesce(app.team_list(), '{}'))",
    "team = any (coalesce(app.team_list(), '{4}'))",
    "team = any (app.teams_or_none())",
    "(select array_agg(m.team) from app.members m where m.user_id = auth.uid()) @> array[team]",
    "team = any (array(select app.my_teams()))",
    "team = (auth.jwt() -> 'app_metadata' ->> 'team')::int",
    "project in (select p.id from app.projects p where p.owner = auth.uid())",
    "exists (select 1 from app.projects p where p.id = t.project and p.owner = auth.uid())",
    "(select p.owner from app.projects p where p.id = t.project) = auth.uid()",
    "array[team] && array(select m.team from app.members m where m.user_id = auth.uid())",
    "array[team] @> array(select m.team from app.members m where m.user_id = auth.uid())",
    "team in (select m.team from app.members m where m.user_id = auth.uid() union select 4)",
    "team in (select m.team from app.members m where m.user_id = auth.uid() union all select app.my_teams())",
    "team in (with w as (select * from app.members where user_id = auth.uid()) select w.team from w)",
    "team in (select w.team from (select * from app.members where user_id = auth.uid()) w)",
    "exists (select 1 from app.members m where m.team = t.team having count(*) = 0)",
    "exists (select 1 from app.mine m where m.team = t.team)",
    "team in (select m.team from app.mine m)",
    "team not in (select m.team from app.mine m)",
    "not exists (select 1 from app.mine m where m.team = t.team)",
    "team in (select b.team from app.behind b)",
    "exists (select 1 from app.behind b join app.members m on m.team = b.team where m.team = t.team)",
    "exists (select 1 from app.members m left join app.sealed s on s.team = m.team where m.team = t.team)",
    "exists (select 1 from app.members m where m.team in (select team from app.sealed))",
    "team <> all (select team from app.sealed)",
    "(select m.team from app.mine m where m.team = t.team limit 1) is null",
    "(select count(*) from app.sealed s where s.team = t.team) = 0",
    "team in (select app.of_mine())",
    "team in (select team from app.fenced)",
    "exists (select 1 from app.sealed union all select 1 from app.fenced where team = t.team)",
];

const REFUSED: &[&str] =
    &["team in (select h.team from app.hidden h)", "app.closed()", "true or app.closed()"];

fn expression(random: &mut Random, depth: usize) -> String {
    let atom = depth == 0 || random.one_in(3);
    if atom {
        return match random.below(40) {
            0..5 => random.pick(CONSTANTS),
            5..13 => random.pick(OF_ROWS),
            13..18 => random.pick(OF_CALLERS),
            18..29 => random.pick(OWN),
            29..39 => random.pick(OF_TEAMS),
            _ => random.pick(REFUSED),
        }
        .to_string();
    }
    let one = expression(random, depth - 1);
    match random.below(10) {
        0..4 => format!("({one}) and ({})", expression(random, depth - 1)),
        4..7 => format!("({one}) or ({})", expression(random, depth - 1)),
        7 => format!("not ({one})"),
        8 => format!(
            "({one}) {}",
            random.pick(&["is true", "is not true", "is not false", "is false", "is null"])
        ),
        _ => format!(
            "case when {one} then {} else {} end",
            expression(random, depth - 1),
            expression(random, depth - 1)
        ),
    }
}

/// The statements that make one set: a table, its rights and policies, and often a view on it.
fn set(random: &mut Random, at: usize) -> String {
    let schema = format!("s{at}");
    let mut sql = format!(
        "create schema {schema};
create table {schema}.t (id int primary key, owner uuid, editor uuid not null, team int, project int, flag boolean,
  level int not null, tags uuid[], note text);\n"
    );
    let who = |random: &mut Random| random.pick(&["anon", "authenticated", "public", "anon, authenticated"]);
    let usage = if random.one_in(12) { "authenticated" } else { "public" };
    let _ = writeln!(sql, "grant usage on schema {schema} to {usage};");
    if random.one_in(4) {
        for privilege in ["select", "insert", "update", "delete"] {
            if !random.one_in(4) {
                let _ = writeln!(sql, "grant {privilege} on {schema}.t to {};", who(random));
            }
        }
        if random.one_in(2) {
            let all = format!("select (id, {COLUMNS})");
            let privilege = random.pick(&["select (id, note)", "update (id, note)", &all]);
            let _ = writeln!(sql, "grant {privilege} on {schema}.t to {};", who(random));
        }
    } else {
        let _ = writeln!(sql, "grant select, insert, update, delete on {schema}.t to anon, authenticated;");
    }
    if !random.one_in(15) {
        let _ = writeln!(sql, "alter table {schema}.t enable row level security;");
    }
    for policy in 0..random.below(6) {
        let kind = if random.one_in(5) { "restrictive" } else { "permissive" };
        let command =
            random.pick(&["all", "all", "all", "select", "select", "insert", "update", "update", "delete"]);
        let _ =
            write!(sql, "create policy p{policy} on {schema}.t as {kind} for {command} to {}", who(random));
        let depth = [0, 0, 1, 1, 2, 3][random.below(6)];
        if command != "insert" && !(command == "update" && random.one_in(8)) {
            let _ = write!(sql, " using ({})", expression(random, depth));
        }
        if command == "insert" || matches!(command, "all" | "update") && random.one_in(2) {
            let _ = write!(sql, " with check ({})", expression(random, depth));
        }
        sql += ";\n";
    }
    if random.one_in(2) {
        let option = if random.one_in(2) { " with (security_invoker = true)" } else { "" };
        let filter = match random.below(3) {
            0 => String::new(),
            _ => format!(" where {}", expression(random, 1)),
        };
        let all = format!("id, {COLUMNS}");
        let columns = random.pick(&["*", &all]);
        let _ = writeln!(sql, "create view {schema}.v{option} as select {columns} from {schema}.t{filter};");
        let _ = writeln!(sql, "grant select, insert, update, delete on {schema}.v to anon, authenticated;");
    }
    sql
}

/// Tries every command as a caller and tells what came of it; all is undone.
const PROBE: &str = "
create function public.probe(relation text, base text, who text, claims text, candidates text[]) returns jsonb
language plpgsql as $probe$
declare result jsonb := '{}'; ids jsonb; at int; command text; name text;
begin
  for name, command in values
    ('select', format('select jsonb_agg(id) from %s', relation)),
    ('delete', format('delete from %s where id is not null', relation)),
    ('blind delete', format('delete from %s', relation)),
    ('blind update', format('update %s set note = ''probe''', relation))
  loop
    begin
      perform set_config('request.jwt.claims', claims, true), set_config('role', who, true);
      if name = 'select' then execute command into ids; else execute command; end if;
      perform set_config('role', 'postgres', true);
      if name = 'blind update' then
        execute format('select jsonb_agg(id) from %s where note = ''probe''', base) into ids;
      elsif name <> 'select' then
        execute format('select jsonb_agg(i) from generate_series(1, 10) i where not exists (select from %s where id = i)', base) into ids;
      end if;
      raise exception using errcode = 'PT000';
    exception when sqlstate 'PT000' then
      result := result || jsonb_build_object(name, coalesce(ids, '[]'));
    when others then
      result := result || jsonb_build_object(name, sqlstate);
    end;
  end loop;
  for at in 1..10 loop
    for name, command in values
      ('update ' || at, format('update %s set note = note || ''x'' where id = %s', relation, at)),
      ('insert ' || at, format('insert into %s (id, owner, editor, team, project, flag, level, tags, note) values (%s, %s)', relation, at + 100, candidates[at])),
      ('return ' || at, format('insert into %s (id, owner, editor, team, project, flag, level, tags, note) values (%s, %s) returning id', relation, at + 100, candidates[at])),
      ('change ' || at, format('update %s set (owner, editor, team, project, flag, level, tags, note) = row(%s)', relation, candidates[at]))
    loop
      begin
        perform set_config('request.jwt.claims', claims, true), set_config('role', who, true);
        execute command;
        get diagnostics ids = row_count;
        raise exception using errcode = 'PT000';
      exception when sqlstate 'PT000' then
        result := result || jsonb_build_object(name, ids);
      when others then
        result := result || jsonb_build_object(name, sqlstate);
      end;
    end loop;
  end loop;
  return result;
end $probe$;
";

fn claims(user: Option<usize>) -> String {
    match user {
        None => r#"{"role":"anon","iss":"supabase"}"#.to_string(),
        Some(user) => {
            let id = USERS[user];
            let (name, team) = (["a", "b", "c"][user], user + 1);
            format!(
                r#"{{"role":"authenticated","sub":"{id}","email":"{name}@example.com","app_metadata":{{"team":{team},"kind":"staff"}}}}"#
            )
        }
    }
}

/// Runs a batch and gives the failed claims, and counts the cells by what is claimed.
fn run(
    server: &Server,
    random: &mut Random,
    count: usize,
    cells: &mut BTreeMap<String, usize>,
) -> Vec<String> {
    let sets: Vec<String> = (0..count).map(|at| set(random, at)).collect();
    let migration = format!("{SHARED}{}", sets.concat());
    let schemas: Vec<String> = (0..count).map(|at| format!("\"s{at}\"")).collect();
    let config = format!("[api]\nschemas = [{}]\n", schemas.join(", "));
    let folder =
        Folder::new(&[("supabase/config.toml", &config), ("supabase/migrations/1_sets.sql", &migration)]);
    let answer = folder.run(&["access", "--format", "json", "."]);
    let claimed: Value = serde_json::from_str(&answer.out)
        .unwrap_or_else(|error| panic!("no JSON: {error}\n{}\n{migration}", answer.err));
    let mut script = format!("{migration}{ROWS_SHARED}{PROBE}");
    for at in 0..count {
        let rows: Vec<String> =
            ROWS.iter().enumerate().map(|(id, row)| format!("({}, {row})", id + 1)).collect();
        let _ = writeln!(script, "insert into s{at}.t (id, {COLUMNS}) values {};", rows.join(", "));
    }
    let candidates: Vec<String> = ROWS.iter().map(|row| format!("$row${row}$row$")).collect();
    let candidates = candidates.join(", ");
    for (at, set) in sets.iter().enumerate() {
        for name in ["t", "v"] {
            if name == "v" && !set.contains("create view") {
                continue;
            }
            for (caller, (role, user)) in CALLERS.into_iter().enumerate() {
                let claims = claims(user);
                let _ = writeln!(
                    script,
                    "select jsonb_build_object('set', {at}, 'name', '{name}', 'caller', {caller}, 'did', \
                     public.probe('s{at}.{name}', 's{at}.t', '{role}', '{claims}', array[{candidates}]));"
                );
            }
        }
    }
    let out = server.run_in_fresh(&script).unwrap_or_else(|error| panic!("{error}\n{migration}"));
    let mut failures = Vec::new();
    for line in out.lines().filter(|line| line.starts_with('{')) {
        let probed: Value = serde_json::from_str(line).expect("a probe tells JSON");
        let at = number(&probed["set"]);
        let (role, user) = CALLERS[number(&probed["caller"])];
        let name = probed["name"].as_str().expect("it has a name");
        let relation = claimed["projects"][0]["relations"]
            .as_array()
            .expect("relations are a list")
            .iter()
            .find(|relation| relation["schema"] == *format!("s{at}") && relation["name"] == *name)
            .expect("each relation is in the matrix");
        let row =
            relation["roles"].as_array().expect("roles are a list").iter().find(|row| row["role"] == *role);
        let row = row.expect("each role is in the matrix");
        if user != Some(1) {
            for command in ["select", "insert", "update", "delete"] {
                let word = row[command]["rows"].as_str().expect("a cell has rows");
                *cells.entry(word.to_string()).or_default() += 1;
            }
        }
        let check = Check { row, did: &probed["did"], user };
        let wrong = check.wrong();
        if !wrong.is_empty() {
            let did = &probed["did"];
            let title = format!("as {role} {user:?} in {name}: {}", wrong.join("; "));
            failures.push(format!("{title}\nwhat happened: {did}\n{}", sets[at]));
        }
    }
    failures
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("it is a number")).expect("it is small")
}

struct Check<'a> {
    row: &'a Value,
    did: &'a Value,
    user: Option<usize>,
}

impl Check<'_> {
    /// Whether the caller's id or address stands in one of these columns of a row; in any, where
    /// none are named.
    fn is_own(&self, row: usize, columns: &Value) -> bool {
        let Some(user) = self.user else { return false };
        let values: Vec<&str> = split(ROWS[row]);
        let named: Vec<&str> = columns.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let address = format!("'{}@example.com'", ["a", "b", "c"][user]);
        COLUMNS.split(", ").zip(values).any(|(column, value)| {
            (named.is_empty() || named.contains(&column)) && (value.contains(USERS[user]) || value == address)
        })
    }

    fn is_of_tenant(&self, row: usize) -> bool {
        let Some(user) = self.user else { return false };
        let values = split(ROWS[row]);
        let teams: &[&str] = [&["1", "2"][..], &["2"], &["3"]][user];
        let project = [&["1"][..], &["2"], &[]][user];
        // The claim of the token names a team as well.
        let claim = (user + 1).to_string();
        teams.contains(&values[2]) || project.contains(&values[3]) || values[2] == claim
    }

    /// Compares what is claimed of a set of rows with those that were reached.
    fn compare(
        &self,
        what: &str,
        claim: &Value,
        columns: &Value,
        reached: &BTreeSet<usize>,
    ) -> Option<String> {
        let claim = claim.as_str().expect("a claim is a word");
        let holds = match claim {
            "none" => reached.is_empty(),
            "own" => reached.iter().all(|row| self.is_own(*row, columns)),
            "tenant" => reached.iter().all(|row| self.is_own(*row, &Value::Null) || self.is_of_tenant(*row)),
            "all" => reached.len() == ROWS.len(),
            _ => true,
        };
        (!holds).then(|| format!("{what}: claimed {claim}, reached {reached:?}"))
    }

    fn listed(&self, what: &str) -> BTreeSet<usize> {
        let ids = self.did[what].as_array();
        ids.into_iter().flatten().map(|id| number(id) - 1).collect()
    }

    /// The rows with which one of ten attempts succeeded.
    fn succeeded(&self, what: &str) -> BTreeSet<usize> {
        let done =
            |at: &usize| self.did[format!("{what} {}", at + 1)].as_u64().is_some_and(|count| count > 0);
        (0..ROWS.len()).filter(done).collect()
    }

    fn wrong(&self) -> Vec<String> {
        let cell = |command: &str| &self.row[command];
        let owner = |command: &str| &self.row[command]["owner_columns"];
        let any = &Value::Null;
        let mut list = vec![
            self.compare("select", &cell("select")["rows"], owner("select"), &self.listed("select")),
            self.compare("delete", &cell("delete")["rows"], owner("delete"), &self.listed("delete")),
            self.compare(
                "delete without WHERE",
                &cell("delete")["without_condition"],
                any,
                &self.listed("blind delete"),
            ),
            self.compare("insert", &cell("insert")["rows"], owner("insert"), &self.succeeded("insert")),
            self.compare("insert returning", &cell("insert")["returning"], any, &self.succeeded("return")),
        ];
        // A row that the command may touch is refused where its new form may not be.
        let update = cell("update");
        let all_new = update["new_rows"] == "all";
        let mut touched = self.succeeded("update");
        let mut blind = self.listed("blind update");
        if !all_new {
            let refused = |at: &usize| self.did[format!("update {}", at + 1)] == "42501";
            if update["rows"] == "all" {
                touched.extend((0..ROWS.len()).filter(refused));
            }
            if update["without_condition"] == "all" && self.did["blind update"] == "42501" {
                blind.extend(0..ROWS.len());
            }
        }
        list.push(self.compare("update", &update["rows"], owner("update"), &touched));
        list.push(self.compare("update without WHERE", &update["without_condition"], any, &blind));
        let changed = self.succeeded("change");
        if update["new_rows"] != "all" {
            list.push(self.compare("new rows of update", &update["new_rows"], any, &changed));
        }
        // An error inside of the server, such as that of PostgreSQL 15 about a policy `f() = f()`
        // whose operands read no row, says nothing about rights.
        let broken = self.did.as_object().into_iter().flatten().any(|(_, did)| did == "XX000");
        if broken { Vec::new() } else { list.into_iter().flatten().collect() }
    }
}

/// The values of a row, commas in quotes left alone.
fn split(row: &str) -> Vec<&str> {
    let (mut values, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in row.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            ',' if !quoted => {
                values.push(row[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    values.push(row[start..].trim());
    values
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_claim_about_rights_is_wrong() {
    let _turn = turn();
    let server = Server::get();
    let sets = setting("ACCESS_SETS", SETS);
    let seed = setting("ACCESS_SEED", 1);
    let next = AtomicUsize::new(0);
    let all = Mutex::new((BTreeMap::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let batch = next.fetch_add(1, Ordering::Relaxed);
                    let enough = all.lock().expect("no thread has panicked").1.len() >= 10;
                    if batch * BATCH >= sets || enough {
                        break;
                    }
                    let mut random = Random((seed * 1_000_000 + batch) as u64);
                    let mut cells = BTreeMap::new();
                    let failures = run(server, &mut random, BATCH.min(sets - batch * BATCH), &mut cells);
                    let mut all = all.lock().expect("no thread has panicked");
                    all.1.extend(failures);
                    for (word, count) in cells {
                        *all.0.entry(word).or_insert(0) += count;
                    }
                }
            });
        }
    });
    let (cells, failures) = all.into_inner().expect("no thread has panicked");
    let counts: Vec<String> = cells.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let _ = writeln!(std::io::stderr(), "cells: {}", counts.join(", "));
    assert!(failures.is_empty(), "{} claims are wrong:\n\n{}", failures.len(), failures.join("\n"));
    for word in ["none", "own", "tenant", "some", "all"] {
        assert!(cells.contains_key(word), "nothing is claimed to be {word}: {cells:?}");
    }
    let unknown = cells.get("unknown").copied().unwrap_or_default();
    let total: usize = cells.values().sum();
    assert!(unknown * 10 <= total, "{unknown} of {total} cells are not known");
}
