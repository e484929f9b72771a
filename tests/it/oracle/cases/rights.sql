-- case: table grants
create table t (a int, b int); revoke all on t from anon, authenticated; grant select, insert on t to anon; grant all on table t to authenticated with grant option; grant update on t to public; revoke insert on t from service_role; revoke grant option for select on t from authenticated;
-- case: column grants
create table t (a int, b int, c int); revoke all on t from anon; grant select (a, b), update (c) on t to anon; grant all (a) on t to authenticated; grant insert (a) on t to public; revoke select (b) on t from anon; alter table t rename c to cc; grant select (a) on t to service_role with grant option; alter table t drop column b;
-- case: table revokes take columns along
create table t (a int, b int); revoke all on t from anon; grant select (a), update (b) on t to anon; revoke select on t from anon; grant select (b) on t to authenticated; revoke all on t from authenticated;
-- case: all tables in schema
create schema app; create table app.a (x int); create view app.v as select 1 as x; create materialized view app.m as select 1 as x; create sequence app.s; create function app.f() returns int language sql as 'select 1'; create procedure app.p() language sql as ''; grant usage on schema app to anon, authenticated; grant select on all tables in schema app to anon; grant all on all sequences in schema app to authenticated; revoke execute on all functions in schema app from public; grant execute on all routines in schema app to anon; grant execute on all procedures in schema app to authenticated; create table app.late (x int); revoke select on all tables in schema app, public from anon;
-- case: schema privileges
create schema app; grant all on schema app to anon with grant option; grant usage on schema app to public; revoke create on schema app from anon; revoke all on schema public from public; grant create on schema public to authenticated; revoke usage on schema public from anon;
-- case: function privileges
create function f(int) returns int language sql as 'select 1'; create function g() returns int language sql as 'select 1'; revoke all on function f from public; revoke execute on function g() from public, anon; grant execute on function f(integer) to authenticated; revoke execute on function f(int) from service_role; create procedure p() language sql as ''; revoke all on procedure p() from public; revoke all on routine p from anon;
-- case: sequence privileges
create table t (id serial); create sequence s; revoke all on sequence t_id_seq from anon; grant usage on sequence s to public; grant select on s to anon; revoke update on sequence s from authenticated; grant usage, select on all sequences in schema public to anon;
-- case: revokes through PUBLIC
create table t (a int); grant select on t to public; revoke all on t from anon; create function f() returns int language sql as 'select 1'; revoke execute on function f() from anon, authenticated;
-- case: everything is revoked, also from the owner
create table t (a int); revoke all on t from postgres, anon, authenticated, service_role, public; create table u (a int); revoke all on u from postgres; grant select on u to postgres;
-- case: granted by
create table t (a int); grant select on t to authenticated with grant option granted by postgres; grant select on t to current_user; grant update on t to session_user;
-- case: default privileges for a schema
create schema app; alter default privileges in schema app grant select on tables to anon; alter default privileges in schema app grant execute on functions to anon; alter default privileges in schema app grant usage on sequences to anon, authenticated; alter default privileges in schema app grant usage on types to anon; create table app.t (id serial); create function app.f() returns int language sql as 'select 1'; create view app.v as select 1 as a; create type app.e as enum ('a');
-- case: default privileges everywhere
alter default privileges revoke execute on functions from public; alter default privileges grant select on tables to anon; alter default privileges grant usage on schemas to authenticated; create schema app; create table app.t (a int); create function app.f() returns int language sql as 'select 1'; create function f() returns int language sql as 'select 1';
-- case: default privileges per schema cannot take away PUBLIC
create schema app; alter default privileges in schema app revoke execute on functions from public; create function app.f() returns int language sql as 'select 1';
-- case: default privileges of the platform are revoked
alter default privileges in schema public revoke all on tables from anon, authenticated; alter default privileges in schema public revoke execute on functions from anon; alter default privileges for role postgres in schema public revoke all on sequences from anon, authenticated, service_role; create table t (id serial); create function f() returns int language sql as 'select 1'; create view v as select 1 as a;
-- case: default privileges for another role
alter default privileges for role supabase_admin in schema public revoke all on tables from anon; alter default privileges for user supabase_admin grant select on tables to anon; create table t (a int); set role supabase_admin; create table u (a int); reset role; create table v (a int);
-- case: default privileges come and go
create schema app; alter default privileges in schema app grant all on tables to anon; alter default privileges in schema app revoke all on tables from anon; alter default privileges grant execute on functions to anon; alter default privileges revoke execute on functions from anon; alter default privileges revoke execute on functions from public; alter default privileges grant execute on functions to public;
-- case: default privileges with grant option
alter default privileges in schema public grant select on tables to anon with grant option; create table t (a int); alter default privileges in schema public revoke grant option for select on tables from anon; create table u (a int);
-- case: default privileges of several schemas
create schema a; create schema b; alter default privileges for role postgres in schema a, b grant select, insert on tables to authenticated, anon; alter default privileges in schema a revoke insert on tables from anon; create table a.t (x int); create table b.t (x int); drop schema b cascade;
-- case: default privileges of routines
create schema app; alter default privileges in schema app grant execute on routines to anon; create procedure app.p() language sql as ''; create aggregate app.a (int) (sfunc = int4pl, stype = int);
-- case: owners change
create table t (id serial primary key, g int generated always as identity); create view v as select 1 as a; create materialized view m as select 1 as a; create sequence s; create function f() returns int language sql as 'select 1'; create schema app; create type e as enum ('a'); create domain d as int; create type c as (a int);
alter table t owner to supabase_admin; alter view v owner to supabase_admin; alter materialized view m owner to supabase_admin; alter sequence s owner to supabase_admin; alter function f owner to supabase_admin; alter schema app owner to supabase_admin; alter type e owner to supabase_admin; alter domain d owner to supabase_admin; alter type c owner to supabase_admin;
-- case: owners change back and grants move along
create table t (a int); grant select on t to supabase_admin; alter table t owner to supabase_admin; alter table t owner to current_user; create function f() returns int language sql as 'select 1'; revoke all on function f from public; alter function f owner to service_role; alter function f owner to postgres;
-- case: SET ROLE makes owners
set role supabase_admin; create table t (id serial primary key); create function f() returns int language sql as 'select 1'; create view v as select 1 as a; reset role; create table u (a int); set local role authenticated; reset role; create schema authorization supabase_admin; set session authorization supabase_admin; create table w (a int); reset session authorization; create table x (a int);
-- case: roles (cluster)
create role a; create role b login password 'x' createdb createrole noinherit replication bypassrls connection limit 4; create user c; create group d; create role e with superuser valid until '2030-01-01'; create role "My Role" in role a role c; alter role a login; alter user c nologin bypassrls; alter role b nocreatedb inherit noreplication nobypassrls; alter role e rename to f; drop role d; drop role if exists nothing;
-- case: membership (cluster)
create role a; create role b in role a; create role c; create role d role c; grant a to c with admin option; grant b, a to d; revoke a from d; grant anon to a; grant a to authenticator; revoke admin option for a from c; create role e admin c; alter group a add user d; alter group a drop user d;
-- case: privileges through membership (cluster)
create role staff; create table t (a int, b int); revoke all on t from anon, authenticated; grant select, update (b) on t to staff; grant staff to authenticated; create schema app; create table app.u (a int); grant usage on schema app to staff; grant insert on app.u to staff; create function f() returns int language sql as 'select 1'; revoke all on function f from public, anon, authenticated; grant execute on function f to staff;
-- case: membership without inheritance (cluster)
create role staff noinherit; create role boss; create table t (a int); revoke all on t from anon, authenticated; grant select on t to boss; grant boss to staff; grant staff to authenticated; alter role anon noinherit; grant boss to anon;
-- case: settings of roles (cluster)
create role a; alter role a set search_path = app, public; alter role a set statement_timeout = '5s'; alter role a reset statement_timeout; alter role anon set statement_timeout = 1000; alter role authenticator set pgrst.db_schemas = 'public, app'; alter role authenticator reset lock_timeout; alter role authenticated reset all; alter role a set work_mem to default; alter role a set role to 'anon'; alter role a in database postgres set lock_timeout = '1s';
-- case: settings of the database (cluster)
alter database postgres set app.x = 'y'; alter database postgres set timezone to 'UTC'; alter database postgres set statement_timeout = '60s'; alter database postgres reset timezone;
-- case: default privileges of a new role (cluster)
create role app_owner; grant create on schema public to app_owner; alter default privileges for role app_owner in schema public grant select on tables to anon; grant app_owner to postgres; set role app_owner; create table t (a int); reset role; create table u (a int); alter table u owner to app_owner;
-- case: a role is renamed in policies and grants (cluster)
create role a; create table t (x int); grant select on t to a; create policy p on t to a using (true); alter role a rename to b; alter table t owner to b;
-- case: a role in a DO block (cluster)
do $$ begin if not exists (select 1 from pg_roles where rolname = 'app') then create role app nologin; end if; if exists (select from pg_catalog.pg_roles where rolname = 'nobody_here') then drop role nobody_here; end if; end $$; do $$ begin create role app; exception when duplicate_object then raise notice 'x'; end $$;
-- case: the API roles are changed by grants (cluster)
grant authenticated to anon; create table t (a int); revoke all on t from anon; revoke authenticated from authenticator; grant service_role to authenticated;
-- case: policies of every kind
create table t (a int, u uuid, b bool); alter table t enable row level security; create policy a on t; create policy b on t for select using (true); create policy c on t for insert with check (a > 0); create policy d on t for update using (b) with check (a > 0); create policy e on t for delete to authenticated, anon using (u = auth.uid()); create policy f on t as restrictive for all to public using (a = 1); create policy g on t as permissive to service_role, public using (b); create policy h on t to current_user using (true); create policy i on t for update to authenticated using ((select auth.uid()) = u);
-- case: ALTER POLICY
create table t (a int, b int); create policy p on t for select to anon using (a = 1); alter policy p on t to authenticated; alter policy p on t using (b = 2); alter policy p on t rename to q; create policy r on t; alter policy r on t with check (a > b); alter policy r on t to public; alter policy r on t to anon, authenticated using (true);
-- case: what policies refer to
create schema app; create table org (id int primary key, owner uuid); create table member (org int, u uuid, role text); create view app.mine as select * from member; create function app.is_member(int) returns bool language sql stable as 'select true'; create table t (id int, org int, u uuid, "Odd" text);
create policy a on t using (org in (select m.org from member m where m.u = auth.uid())); create policy b on t using (exists (select 1 from org o join member m on m.org = o.id where o.id = t.org and m.role = 'admin')); create policy c on t using (app.is_member(org)); create policy d on t using (exists (select 1 from app.mine where mine.org = t.org)); create policy e on t using (u = (auth.jwt() ->> 'sub')::uuid and current_setting('x', true) is not null); create policy f on t using (t.* is not null); create policy g on t using (coalesce("Odd", 'x') like any (array['a', 'b'])); create policy h on t using ((with w as (select org from member) select true from w where w.org = t.org limit 1));
-- case: policy expressions with hidden dependencies
create extension citext; create type e as enum ('a', 'b'); create table t (a citext, b e, c text, d jsonb, k uuid); create policy a on t using (a = 'x'); create policy b on t using (b = 'a'); create policy c on t using (c::e = 'b'::e); create policy d on t using (extensions.uuid_generate_v4() = k); create policy f on t using ((d -> 'x' ->> 'y')::int > 3); create policy g on t using (row(c, k) is distinct from row('x', null)); create policy h on t using (c = any (string_to_array('a,b', ',')));
-- case: policies on storage and realtime
create policy a on storage.objects for select to authenticated using (bucket_id = 'x' and (storage.foldername(name))[1] = auth.uid()::text); create policy b on storage.buckets for select using (true); create policy c on realtime.messages for select to authenticated using (realtime.topic() = 'x'); insert into storage.buckets (id, name, public) values ('x', 'x', true), ('y', 'why', false) on conflict (id) do nothing; update storage.buckets set public = false where id = 'x';
-- case: publications
create table a (x int primary key); create table b (x int primary key, y text); create schema app; create table app.c (x int primary key); create publication p for table a, b where (x > 0); create publication q for all tables; create publication r for tables in schema app, table a; create publication s for table a (x); alter publication s drop table a; alter publication s add table a; alter publication s set table a, b; alter publication p drop table a; alter publication s add tables in schema app; alter publication r drop tables in schema app; alter publication q rename to qq; alter publication p owner to supabase_admin; create table app.d (x int); drop table b; drop publication r; alter publication s set (publish = 'insert');
-- case: the realtime publication
create table a (x int primary key); create table b (x int primary key); alter publication supabase_realtime add table a, only b; alter publication supabase_realtime drop table b; alter table a rename to aa;
-- case: the realtime publication is made anew
create table a (x int primary key); begin; drop publication if exists supabase_realtime; create publication supabase_realtime; commit; alter publication supabase_realtime add table a;
-- case: publications of partitions
create table t (a int primary key) partition by list (a); create table t1 partition of t default; create publication p for table t; create publication q for table t1; create publication s for tables in schema public;
-- case: roles with odd names own and are granted (cluster)
create role "Read Only"; create role "user"; create table t (a int); grant select on t to "Read Only"; create policy p on t to "Read Only", "user" using (true); create schema s authorization "Read Only"; alter table t owner to "user"; alter default privileges for role "user" in schema public grant select on tables to "Read Only"; create function f() returns int language sql as 'select 1'; alter function f owner to "Read Only"; create view v as select 1 as a; alter view v owner to "user"; create publication pub; create type e as enum ('a'); alter type e owner to "Read Only"; create sequence q; alter sequence q owner to "user";
-- case: REASSIGN OWNED
create schema app; set role service_role; reset role; create table app.t (a int); alter table app.t owner to service_role; reassign owned by service_role to postgres;
-- case: drop owned (cluster)
create role a; create table t (a int); grant select on t to a; create policy p on t to a, anon using (true); create policy q on t to a using (true); alter default privileges in schema public grant select on tables to a; drop owned by a; drop role a;
-- case: a role that owns things and holds rights is dropped (cluster)
create role a; create role b in role a; create schema s authorization a; create table t (x int, y int); grant select (x) on t to a; grant usage on schema public to a; create function f() returns int language sql as 'select 1'; grant execute on function f() to a with grant option; alter function f() owner to b; create type m as enum ('x'); alter type m owner to a; create publication p; alter publication p owner to b; create sequence q; grant usage on sequence q to a; alter default privileges grant select on tables to b; alter default privileges for role a in schema public grant select on tables to anon; grant a to anon;
reassign owned by b to postgres; drop owned by a, b cascade; drop role a, b;
