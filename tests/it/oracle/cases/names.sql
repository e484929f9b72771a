-- case: search_path decides where things are made
create schema app; set search_path = app, public; create table t (id serial primary key, a int unique); create function f() returns int language sql as 'select 1'; create view v as select * from t; create type e as enum ('x'); create index on t (a); create sequence s; create table u (a e, b e[]);
-- case: search_path ends with the file
create schema app; set search_path = app; create table t (a int);
-- file
create table t (b int); create table app.u (c int);
-- case: SET LOCAL and set_config
create schema app; set local search_path to app; create table a (x int);
-- file
select set_config('search_path', 'app', false); create table b (x int); select pg_catalog.set_config('search_path', '', false); create table public.c (x int);
-- case: the first schema that exists
set search_path = nothing, "$user", public; create table t (a int); create schema postgres; create table u (a int);
-- case: an object shadows another
create schema app; create table public.t (id int primary key); create table app.t (id int primary key); set search_path = app, public; create table x (a int references t); create view v as select * from t; create table public.z (a int references public.t); alter table t add b int; drop table t cascade; alter table t add c int;
-- case: reset of the search_path
create schema app; set search_path = app; reset search_path; create table a (x int); set search_path = app; set search_path to default; create table b (x int); set search_path = app; reset all; create table c (x int);
-- case: CREATE SCHEMA with elements
create schema app create table t (a int primary key) create view v as select a from t create index i on t (a); create schema if not exists app; create schema authorization anon;
-- case: rename and drop schemas
create schema a; create table a.t (id serial primary key); create function a.f() returns int language sql as 'select 1'; create type a.e as enum ('x'); create table public.u (x a.e, y int references a.t); alter schema a rename to b; create schema c; create table c.t (a int); create view public.v as select * from c.t; drop schema c cascade; drop schema if exists nothing;
-- case: SET SCHEMA of everything
create schema app; create table t (id serial primary key, a int unique, g int generated always as identity); create index on t (a); create view v as select * from t; create materialized view m as select 1 as a; create sequence s; create function f(int) returns int language sql as 'select 1'; create type e as enum ('x'); create domain d as int; create type c as (a int); create aggregate agg (int) (sfunc = int4pl, stype = int); create procedure p() language sql as '';
alter table t set schema app; alter view v set schema app; alter materialized view m set schema app; alter sequence s set schema app; alter function f set schema app; alter type e set schema app; alter domain d set schema app; alter type c set schema app; alter aggregate agg (int) set schema app; alter procedure p set schema app;
-- case: SET SCHEMA of a partitioned table leaves partitions
create schema app; create table t (a int primary key) partition by list (a); create table t1 partition of t default; alter table t set schema app;
-- case: names are bound when a view is made
create schema app; create table t (a int); create view v as select * from t; alter table t rename to old; create table t (a int); create table app.t (a int); drop table t;
-- case: policies follow what they were bound to
create table m (u uuid); create table t (a uuid); create policy p on t using (a in (select u from m)); alter table m rename to members; alter table members rename u to user_id; create table m (u uuid); create schema app; alter table members set schema app; alter table t rename to things; alter policy p on things rename to q;
-- case: functions are bound in policies and triggers
create schema app; create function ok() returns bool language sql as 'select true'; create function app.ok(int) returns bool language sql as 'select true'; create table t (a int); create policy p on t using (ok()); create policy q on t using (app.ok(a)); alter function ok() rename to fine; alter function app.ok(int) set schema public; create function tf() returns trigger language plpgsql as 'begin return new; end'; create trigger tr after insert on t for each row execute function tf(); alter function tf rename to tf2;
-- case: quoted schema names
create schema "My App"; create table "My App"."T" (id serial primary key, "E" int); create type "My App"."Mood" as enum ('a'); alter table "My App"."T" add m "My App"."Mood", add ms "My App"."Mood"[]; create view "V" as select * from "My App"."T"; create function "My App"."F"("A b" "My App"."Mood") returns setof "My App"."T" language sql as 'select * from "My App"."T"'; set search_path = "My App"; create table "U" (a int);
-- case: reserved words as names
create table "user" ("order" int primary key, "group" text, "table" int references "user"); create index on "user" ("group"); create view "all" as select "order" from "user"; create policy "select" on "user" using ("group" = 'x'); create function "do"() returns int language sql as 'select 1';
-- case: unicode and escapes in names
create table "tést ""q"" 🙂" (U&"d\0061ta" int, "a.b" int unique); create index on "tést ""q"" 🙂" ("a.b");
-- case: drop and make again under the same name
create table t (a int primary key); drop table t; create table t (b int primary key); create policy p on t using (true); drop policy p on t; create policy p on t for select using (true); drop policy if exists q on t; create or replace view v as select 1 as x; drop view v; create view v as select 2 as y; create function f() returns int language sql as 'select 1'; drop function f; create function f() returns text language sql as 'select ''x''';
-- case: default names move on after drops
create table t (a int, b int); create index on t (a); create index on t (a); drop index t_a_idx; create index on t (a); create index on t (a); alter table t add check (a > 0); alter table t add check (a > 1); alter table t drop constraint t_a_check; alter table t add check (a > 2);
-- case: index names from expressions
create table t (a text, b text, j jsonb, n int); create index on t (lower(a)); create index on t (lower(a), lower(b)); create index on t ((a || b)); create index on t ((j->>'x')); create index on t ((n::text)); create index on t (coalesce(a, b)); create index on t (upper(lower(a)), n); create index on t ((n + 1)) where n > 0; create index on t ((case when n > 0 then 1 end)); create index on t (substring(a from 1 for 3)); create index on t (greatest(n, 2));
-- case: index methods and options
create table t (a int, b text, c int[], d tsvector, e jsonb); create extension pg_trgm with schema extensions; create index on t using hash (a); create index on t using gin (c); create index on t using gin (b gin_trgm_ops); create index i on t using brin (a) with (pages_per_range = 4); create index on t using gist (d); create index on t using gin (e jsonb_path_ops); create index on t (a desc nulls last, b collate "C" text_pattern_ops); create unique index if not exists i on t (a); create unique index on t (a) nulls not distinct; create index on t (a) include (b, c); create index on t using gin (to_tsvector('english', b)); create index on t using spgist (b);
-- case: indexes change
create table t (a int, b int); create index i on t (a); alter index i set (fillfactor = 70); alter index i rename to k; alter index k reset (fillfactor); comment on index k is 'x'; create index j on t (b); drop index j, k; drop index if exists j; reindex table t;
-- case: concurrent indexes
create table t (a int, b int); create index i on t (a);
-- file
create index concurrently on t (b);
create unique index concurrently if not exists j on t (a);
drop index concurrently i;
-- case: relations share their names
create table t (a int); create index i on t (a); create sequence s; create view if_not as select 1 as x; create table if not exists i (b int); create type c as (x int); create table if not exists c (y int);
-- case: BEGIN and COMMIT in a file
begin;
create table t (a int);
commit;
create table u (a int);
-- case: statements that change nothing
create table t (a int); insert into t values (1); update t set a = 2; delete from t; truncate t; select 1; analyze t; lock table t; set statement_timeout = 0; explain select 1; notify x; values (1); table t; prepare q as select 1; deallocate q; show search_path;
-- case: a temporary table shadows
create table t (a int); create temp table t (a int); alter table t add b int; alter table public.t add c int; drop table t; alter table t add d int;
-- case: the name of an exclusion on an expression
create table t (a int, r int4range, exclude using gist (int4range(a, a + 1) with &&, r with &&));
-- case: SET LOCAL ends with its transaction
create schema later; create schema first; begin; set local search_path = later; create table a (id int); commit; create table b (id int); begin; set search_path = first; set local search_path = later; create table c (id int); commit; create table d (id int); begin; set local search_path = later; set search_path = public; create table e (id int); commit; create table f (id int);
begin; select set_config('search_path', 'later', true); create table g (id int); commit; create table h (id int);
-- case: a role outlives its file (cluster)
create role app_owner; grant app_owner to postgres; grant create, usage on schema public to app_owner; set role app_owner; create table a (id int);
-- file
create table b (id int); reset role; create table c (id int);
-- file
create table d (id int);
