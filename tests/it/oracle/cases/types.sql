-- case: enums
create type e as enum ('a', 'b'); create type empty as enum (); create table t (x e default 'a', y e[]);
-- file
alter type e add value 'c'; alter type e add value 'd' before 'a'; alter type e add value if not exists 'b'; alter type e add value 'f' after 'a'; alter type e rename value 'b' to 'bee'; alter type e rename to mood; alter type mood owner to supabase_admin;
-- case: domains
create domain d as int; create domain e as text not null default 'x' check (value <> '') constraint named check (length(value) < 9); create domain n as numeric(5,2); create domain dd as d check (value > 0); create domain c as text collate "C"; create table t (a d, b e, c dd, f n);
alter domain d set not null; alter domain d set default 4; alter domain d add constraint x check (value < 10) not valid; alter domain d validate constraint x; alter domain e drop constraint named; alter domain e drop default; alter domain e drop not null; alter domain d rename constraint x to y; alter domain d rename to dom; alter domain e drop constraint if exists nothing;
-- case: domain default null
create domain d as int default null; create domain e as text null check (value = 'x'); create domain f as int default 3; alter domain f set default null;
-- case: composite types
create type c as (a int, b varchar(9)); alter type c add attribute d text, drop attribute a; alter type c rename attribute b to bb; alter type c alter attribute d type int; create type n as (x c, y c[]); create table t (v n); comment on column c.bb is 'x'; alter type c rename to cc;
-- case: shell and base types
create type later; create function later_in(cstring) returns later language internal immutable strict as 'textin'; create function later_out(later) returns cstring language internal immutable strict as 'textout'; create type later (input = later_in, output = later_out, like = text);
-- case: drop types cascades
create type e as enum ('a'); create domain d as e; create type c as (x e); create table t (a e, b int, f d); create function fn(e) returns int language sql as 'select 1'; create function g() returns e language sql as 'select ''a''::e'; drop type e cascade;
-- case: drop domains and composites
create domain d as int; create type c as (x int); create table t (a d, b c, k int); drop domain d cascade; drop type c cascade; drop type if exists nothing; drop domain if exists nothing;
-- case: a column becomes an enum
create type status as enum ('on', 'off'); create table t (s text default 'on', u status); alter table t alter s drop default, alter s type status using s::status; alter table t alter s set default 'on'; alter type status rename to status_old; create type status as enum ('on', 'off', 'gone'); alter table t alter s drop default; alter table t alter s type status using s::text::status; alter table t drop column u; drop type status_old;
-- case: row types of tables
create table p (a int); create table t (x p, y p[], z public.p); alter table p rename to q; alter table q add b int; create function f(q) returns q language sql as 'select $1';
-- case: types of extensions
create extension citext with schema extensions; create extension hstore with schema public; create extension ltree; create table t (a citext, b extensions.citext[], c hstore, d public.hstore, e ltree); alter extension citext set schema public;
-- case: extensions by default go to the first schema
create extension if not exists unaccent; create extension if not exists pgcrypto; create schema app; set search_path = app, extensions; create extension hstore; create extension citext with schema app cascade; create extension earthdistance with schema extensions cascade;
-- case: drop extension
create extension citext; create extension hstore schema extensions; create table t (a citext, b int); drop extension citext cascade; drop extension hstore; drop extension if exists nothing; drop extension "uuid-ossp";
-- case: sequences
create sequence a; create sequence b start 5 increment by -2 minvalue -100 maxvalue 10 cycle; create sequence c as smallint; create table t (x int, y int); create sequence d owned by t.x; create sequence if not exists a; alter sequence a owned by t.y; alter sequence c start with 9 increment 3; alter sequence b as int; alter sequence d owned by none; alter sequence c rename to cc; drop sequence a; drop sequence if exists nothing; create sequence e increment -1; alter sequence e restart with -5;
-- case: sequence in a default
create sequence s; create table t (a int default nextval('s'), b bigint default nextval('public.s'::regclass)); alter sequence s owned by t.a; alter table t alter b drop default; alter table t drop column a;
-- case: drop a sequence with its default
create sequence s; create table t (a int default nextval('s')); drop sequence s cascade;
-- case: sequences by hand as pg_dump writes them
create table public.t (id integer not null, name text); create sequence public.t_id_seq as integer start with 1 increment by 1 no minvalue no maxvalue cache 1; alter sequence public.t_id_seq owned by public.t.id; alter table only public.t alter column id set default nextval('public.t_id_seq'::regclass); alter table only public.t add constraint t_pkey primary key (id); alter table public.t add n2 bigint not null; alter table public.t alter column n2 add generated by default as identity ( sequence name public.u_seq start with 1 increment by 1 no minvalue no maxvalue cache 1 );
-- case: casts, operators and collations pass by
create function eq(text, int) returns bool language sql immutable as 'select true'; create operator === (leftarg = text, rightarg = int, function = eq); create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table t (a text); create type w as (a int); create function tow(int) returns w language sql as 'select row($1)::w'; create cast (int as w) with function tow(int); create text search configuration mine (copy = simple);
-- case: operator class and family
create table t (a int); create operator family fam using btree; create function cmp(int, int) returns int language sql immutable as 'select 0'; alter operator family fam using btree rename to fam2; drop operator family fam2 using btree;
-- case: collations of a project
create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table t (a text collate nocase);
-- case: a column is added to a composite type with typed tables
create type person as (name text, age int); create table people of person;
alter type person add attribute email text cascade; alter type person rename attribute age to years cascade; alter type person drop attribute name cascade; alter type person alter attribute email type varchar(9) cascade;
-- case: collations are renamed, moved and dropped
create schema s; create collation s.one from "C"; create collation if not exists s.one from "C"; create collation two (locale = 'C'); create table t (a text collate s.one, b text collate two, c text collate "C"); create index i on t (c collate two); create table u (like t); create type ct as (a text collate s.one); create table w of ct; create table v () inherits (t);
alter collation s.one rename to uno; alter schema s rename to s2; alter collation two set schema s2; alter table t alter b type text; alter table t alter c type varchar collate s2.uno; drop collation s2.two cascade;
-- case: typed tables drop and rename
create type person as (name text, age int, note text); create table people of person (primary key (name)); create table others of person; create index on people (age);
alter type person add attribute a int cascade, drop attribute age cascade; alter type person rename to human; alter type human rename attribute note to memo cascade; alter table others not of; alter type human add attribute z text collate "C" cascade;
-- case: range types
create type r as range (subtype = float8); create table t (a r, b r[]); alter type r rename to fr; create type r2 as range (subtype = text, multirange_type_name = r2s); create table u (a r2s);
-- case: names of range types, and what goes with them
create schema s; create type price_range as range (subtype = numeric(10, 2)); create type s."My range" as range (subtype = text, collation = "C"); create type a234567890123456789012345678901234567890123456789012345678901 as range (subtype = int); create type d as range (subtype = date, multirange_type_name = s.ds); create table t (a price_range, b price_multirange, c s."My multirange", x s.ds); create view v as select price_range(1, 2) as r, price_multirange(price_range(1, 3)) as m; create function f(price_range) returns price_multirange language sql as 'select null::public.price_multirange';
create domain p as price_range check (not isempty(value)); alter type price_range owner to service_role; comment on type d is 'days'; alter type d set schema s; drop type price_range cascade; drop type a234567890123456789012345678901234567890123456789012345678901; revoke execute on function public.d(date, date) from public;
