-- case: guards on pg_policies
create table t (a int);
do $$ begin if not exists (select 1 from pg_policies where schemaname = 'public' and tablename = 't' and policyname = 'p') then create policy p on t using (true); end if; end $$;
do $$ begin if not exists (select 1 from pg_policies where tablename = 't' and policyname = 'p') then create policy q on t using (true); else drop policy p on t; create policy r on t using (a = 1); end if; end $$;
-- case: guards on pg_type
do $$ begin if not exists (select 1 from pg_type where typname = 'mood') then create type mood as enum ('a'); end if; end $$;
do $$ begin if not exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'mood' and n.nspname = 'public') then create type mood as enum ('b'); end if; if not exists (select from pg_type where typname = 'other' and typtype = 'e') then create type other as enum ('x'); end if; end $$;
-- case: guards on pg_constraint
create table t (a int);
do $$ begin if not exists (select 1 from pg_constraint where conname = 'c') then alter table t add constraint c check (a > 0); end if; if not exists (select 1 from pg_constraint where conrelid = 'public.t'::regclass and contype = 'p') then alter table t add primary key (a); end if; if not exists (select 1 from pg_constraint where conname = 'c' and conrelid = 't'::regclass) then alter table t add constraint d check (a > 0); end if; end $$;
-- case: guards on pg_class and to_regclass
create table t (a int); create view v as select 1 as x;
do $$ begin if exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relname = 't' and c.relkind = 'r') then alter table t add b int; end if; if to_regclass('public.nothing') is null then create table nothing (a int); end if; if to_regclass('v') is not null then create table w (a int); end if; if not exists (select 1 from pg_class where relname = 'v' and relkind = 'v') then drop view v; end if; end $$;
-- case: guards on information_schema
create table t (a int); create schema app;
do $$ begin if not exists (select 1 from information_schema.columns where table_schema = 'public' and table_name = 't' and column_name = 'b') then alter table t add b int; end if; if exists (select 1 from information_schema.tables where table_name = 'nothing') then drop table t; end if; if exists (select 1 from information_schema.table_constraints where constraint_name = 'none' and table_name = 't') then drop table t; end if; if exists (select from information_schema.schemata where schema_name = 'app') then create table app.x (y int); end if; if (select data_type from information_schema.columns where table_name = 't' and column_name = 'a') = 'integer' then alter table t alter a type bigint; end if; end $$;
-- case: guards on indexes, triggers, functions and extensions
create table t (a int); create index i on t (a); create function f() returns trigger language plpgsql as 'begin return new; end';
do $$ begin if exists (select 1 from pg_indexes where schemaname = 'public' and indexname = 'i') then drop index i; end if; if not exists (select 1 from pg_trigger where tgname = 'tr') then create trigger tr before insert on t for each row execute function f(); end if; if not exists (select 1 from pg_trigger where tgname = 'tr' and tgrelid = 'public.t'::regclass) then create trigger tr2 before insert on t for each row execute function f(); end if; if exists (select 1 from pg_proc where proname = 'f') then create function g() returns int language sql as 'select 1'; end if; if exists (select 1 from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.proname = 'h') then create table bad (a int); end if; if not exists (select 1 from pg_extension where extname = 'citext') then create extension citext; end if; if exists (select 1 from pg_available_extensions where name = 'hstore') then create extension hstore with schema extensions; end if; end $$;
-- case: guards on publications
create table t (a int primary key);
do $$ begin if not exists (select 1 from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 't') then alter publication supabase_realtime add table t; end if; if not exists (select 1 from pg_publication where pubname = 'mine') then create publication mine; end if; if not exists (select 1 from pg_publication_tables where pubname = 'supabase_realtime' and tablename = 't') then create table bad (x int); end if; end $$;
-- case: guards on tables, sequences, views and enum labels
create table t (a serial); create type e as enum ('a', 'b');
do $$ begin if exists (select 1 from pg_tables where schemaname = 'public' and tablename = 't' and rowsecurity = false) then alter table t enable row level security; end if; if exists (select 1 from pg_sequences where sequencename = 't_a_seq') then create table s (a int); end if; if not exists (select 1 from pg_views where viewname = 'v') then create view v as select 1 as a; end if; if not exists (select 1 from pg_enum where enumlabel = 'c' and enumtypid = 'e'::regtype) then alter type e add value 'c'; end if; if not exists (select 1 from pg_enum en join pg_type ty on ty.oid = en.enumtypid where ty.typname = 'e' and en.enumlabel = 'a') then alter type e add value 'bad'; end if; if exists (select 1 from pg_matviews where matviewname = 'm') then drop table t; end if; end $$;
-- case: handlers
create type e as enum ('a'); create table t (a int primary key); create policy p on t using (true);
do $$ begin create type e as enum ('b'); exception when duplicate_object then null; end $$;
do $$ begin create type f as enum ('b'); exception when duplicate_object then null; end $$;
do $$ begin create policy p on t using (false); exception when duplicate_object then create policy p2 on t using (true); end $$;
do $$ begin alter table t add column a int; exception when duplicate_column then raise notice 'there'; end $$;
do $$ begin create table t (b int); exception when duplicate_table then null; end $$;
do $$ begin alter table t add constraint t_pkey primary key (a); exception when others then null; end $$;
do $$ begin create table x (a int); create table t (a int); exception when others then create table y (a int); end $$;
do $$ begin alter table nothing add b int; exception when undefined_table then create table z (a int); end $$;
do $$ begin drop function nothing(); exception when undefined_function then null; when others then create table bad (a int); end $$;
do $$ begin alter table t drop column nothing; exception when undefined_column or undefined_table then null; end $$;
-- case: handlers undo the block
create table t (a int);
do $$ begin create table u (a int); begin alter table t add b int; alter table t add a int; exception when duplicate_column then alter table t add c int; end; create table v (a int); end $$;
-- case: raise is handled
do $$ begin create table a (x int); raise exception 'no'; exception when raise_exception then create table b (x int); end $$; do $$ begin begin raise exception 'x' using errcode = 'P0001'; exception when sqlstate 'P0001' then create table c (x int); end; raise notice 'done %', 1; end $$;
-- case: EXECUTE with format
create table t (a int);
do $$ declare name text := 'My Table'; s constant text := 'public'; begin execute format('create table %I.%I (id int, %I text default %L)', s, name, 'a b', 'it''s'); execute 'alter table ' || quote_ident(name) || ' add c int'; execute format('comment on table %s is %L', 't', 'x'); execute format($f$ create policy %1$I on %2$I using (%3$s) $f$, 'pol', 't', 'a = 1'); execute 'alter table t enable row level security'; end $$;
-- case: loops over arrays
create table a (x int); create table b (x int);
do $$ declare t text; begin foreach t in array array['a', 'b'] loop execute format('alter table %I enable row level security', t); execute format('create policy %I on %I for select using (true)', t || '_read', t); end loop; end $$;
do $$ declare r record; begin for r in select unnest(array['a', 'b']) as name loop execute 'alter table ' || r.name || ' add y int'; end loop; for r in select * from (values ('a', 'int'), ('b', 'text')) as v (tab, typ) loop execute format('alter table %I add z %s', r.tab, r.typ); end loop; for i in 1..3 loop execute format('create table n%s (x int)', i); end loop; for i in reverse 2..1 loop execute 'alter table n' || i || ' add y int'; end loop; end $$;
-- case: loops over catalog queries
create table a (x int); create table b (x int); create view v as select 1 as x; create policy p on a using (true); create policy q on a using (true); create policy r on b using (true); create function f(int) returns int language sql as 'select 1'; create function f(text) returns int language sql as 'select 1';
do $$ declare r record; begin for r in select tablename from pg_tables where schemaname = 'public' loop execute format('alter table public.%I enable row level security', r.tablename); end loop; for r in select policyname, tablename from pg_policies where schemaname = 'public' and tablename = 'a' loop execute format('drop policy if exists %I on public.%I', r.policyname, r.tablename); end loop; for r in select oid::regprocedure as sig from pg_proc where proname = 'f' and pronamespace = 'public'::regnamespace loop execute 'drop function ' || r.sig; end loop; for r in select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name loop execute format('alter table %I add made_at timestamptz default now()', r.table_name); end loop; end $$;
-- case: loops over functions of a schema
create function f(a int, b text default 'x') returns int language sql security definer as 'select 1'; create function g() returns int language sql security definer as 'select 1'; create procedure p() language sql as '';
do $$ declare r record; begin for r in select n.nspname, p.proname, pg_get_function_identity_arguments(p.oid) as args from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.prosecdef and p.proname in ('f', 'g') loop execute format('alter function %I.%I(%s) set search_path = %L', r.nspname, r.proname, r.args, ''); execute format('revoke execute on function %I.%I(%s) from anon', r.nspname, r.proname, r.args); end loop; end $$;
-- case: variables and branches
create table t (a int);
do $$ declare n int; present boolean; name text; kind text := 'b'; begin select count(*) into n from pg_policies where tablename = 't'; if n = 0 then create policy none on t using (true); elsif n > 5 then drop table t; else create table bad (x int); end if; select exists (select 1 from pg_tables where tablename = 't') into present; if present then alter table t add b int; end if; name := 'x' || 'y'; execute 'create table ' || name || ' (a int)'; case kind when 'a' then create table ka (x int); when 'b' then create table kb (x int); else null; end case; case when n > 3 then create table bad2 (x int); else create table good (x int); end case; perform 1 from pg_tables where tablename = 't'; if found then create table found_it (x int); end if; end $$;
-- case: while, exit, continue and return
do $$ declare i int := 0; begin while i < 3 loop i := i + 1; continue when i = 2; execute 'create table w' || i || ' (x int)'; end loop; loop i := i - 1; exit when i < 1; end loop; if i = 0 then create table zero (x int); return; end if; create table bad (x int); end $$;
-- case: nested blocks and shadowed variables
do $$ <<outer_block>> declare n text := 'a'; begin declare n text := 'b'; begin execute 'create table in_' || n || ' (x int)'; execute 'create table out_' || outer_block.n || ' (x int)'; end; execute 'create table last_' || n || ' (x int)'; end $$;
-- case: constraint names are looked up and dropped
create table t (a int check (a > 0), b int unique); create table p (id int primary key); alter table t add c int references p;
do $$ declare c text; begin select conname into c from pg_constraint where conrelid = 't'::regclass and contype = 'c'; execute format('alter table t drop constraint %I', c); for c in select conname from pg_constraint where conrelid = 'public.t'::regclass and contype = 'f' loop execute 'alter table t drop constraint ' || quote_ident(c); end loop; end $$;
-- case: column kinds are looked up
create table t (a int, b text default 'x', c int not null);
do $$ begin if exists (select 1 from information_schema.columns where table_name = 't' and column_name = 'c' and is_nullable = 'NO') then alter table t alter c drop not null; end if; if exists (select 1 from pg_attribute where attrelid = 't'::regclass and attname = 'a' and not attisdropped) then alter table t rename a to aa; end if; if exists (select 1 from information_schema.columns where table_name = 't' and column_name = 'b' and column_default is not null) then alter table t alter b drop default; end if; end $$;
-- case: string functions in blocks
do $$ declare t text; begin foreach t in array string_to_array('x,y', ',') loop execute 'create table ' || upper(t) || '_' || lower('AB') || ' (a int)'; execute format('create table %s (a int)', replace('z_' || t, 'z', 'zz')); execute concat('create table ', 'c_', t, ' (a int)'); execute 'create table ' || left('abcdef', 2) || length(t)::text || t || ' (a int)'; end loop; end $$;
-- case: row types and arrays in blocks
create table t (a int); create policy one on t using (true); create policy two on t using (true);
do $$ declare names text[] := array['k1', 'k2']; p pg_policies%rowtype; r record; begin for p in select * from pg_policies where tablename = 't' order by policyname loop execute format('alter policy %I on t rename to %I', p.policyname, p.policyname || '_new'); end loop; for i in 1..array_length(names, 1) loop execute 'create table ' || names[i] || ' (x int)'; end loop; names := array_append(names, 'k3'); execute 'create table ' || names[3] || ' (x int)'; select array_agg(tablename order by tablename) into names from pg_tables where schemaname = 'public' and tablename like 'k%'; end $$;
-- case: DROP ALL policies by a helper
create table a (x int); create policy p on a using (true); create policy q on a for insert with check (true);
create function drop_policies(tab regclass) returns void language plpgsql as $$ declare r record; begin for r in select polname from pg_policy where polrelid = tab loop execute format('drop policy %I on %s', r.polname, tab); end loop; end $$; select drop_policies('a'); drop function drop_policies;
-- case: owners and grants in blocks
create table t (a int); create function f() returns int language sql as 'select 1';
do $$ declare r text; begin foreach r in array array['anon', 'authenticated'] loop execute format('revoke all on all tables in schema public from %I', r); execute format('grant select on t to %I', r); end loop; execute 'revoke all on function f() from public'; grant usage on schema public to service_role; end $$;
-- case: settings in blocks
create schema app; do $$ begin set search_path = app; create table t (a int); perform set_config('search_path', 'public', true); create table u (a int); end $$; create table v (a int);
-- case: language SQL text in other quotes
do 'begin create table a (x int); end'; do language plpgsql $body$ begin execute $q$create table b (x text default '$$')$q$; end $body$; do $$begin create table c(x int);end$$ language plpgsql;
-- case: cursors and dynamic loops
create table a (x int); create table b (x int);
do $$ declare r record; q text := 'select tablename from pg_tables where schemaname = ''public'''; c cursor for select tablename from pg_tables where schemaname = 'public'; begin for r in execute q loop execute format('alter table %I add y int', r.tablename); end loop; for r in c loop execute format('alter table %I add z int', r.tablename); end loop; for r in execute 'select $1 as n' using 'dyn' loop execute 'create table ' || r.n || ' (x int)'; end loop; end $$;
-- case: EXECUTE INTO
create table t (a int);
do $$ declare n int; yes bool; begin execute 'select count(*) from pg_tables where tablename = ''t''' into n; if n = 1 then create table one (x int); end if; execute format('select exists (select 1 from pg_class where relname = %L)', 'nope') into yes; if not yes then create table no (x int); end if; end $$;
-- case: checks of types and functions by name
create type e as enum ('a'); create function f(int) returns int language sql as 'select 1';
do $$ begin if to_regtype('public.e') is not null then create table a (x int); end if; if to_regprocedure('public.f(int)') is not null then create table b (x int); end if; if to_regproc('nothing') is null then create table c (x int); end if; if to_regnamespace('app') is null then create schema app; end if; if to_regrole('anon') is not null then create table app.d (x int); end if; if 'public.f'::regproc is not null then create table g (x int); end if; end $$;
-- case: a rolled back block
begin;
create table t (a int);
rollback;
create table u (a int);
-- case: defaults and names of arguments of a called procedure
create procedure make(n int, prefix text default 't') language plpgsql as $$ begin for i in 1..n loop execute 'create table ' || prefix || i || ' (x int)'; end loop; end $$; call make(2); call make(prefix => 'named', n => 1);
-- case: functions called with names and defaults
create function make(t text, n int default 2, prefix text default lower('T_'), variadic cols text[] default '{a}') returns void language plpgsql as $$ declare c text; begin execute format('create table %I ()', prefix || t || n); foreach c in array cols loop execute format('alter table %I add column %I int', prefix || t || n, c); end loop; end $$;
create function plain(t text, n int default 2, prefix text default lower('U_')) returns void language plpgsql as $$ begin execute format('create table %I ()', prefix || t || n); end $$;
create function secure(tab regclass, role text default 'anon') returns void language plpgsql as $$ begin execute format('alter table %s enable row level security', tab); execute format('create policy %I on %s to %I using (true)', 'for ' || role, tab, role); end $$;
do $$ begin perform make('x'); perform plain(n => 3, t => 'y'); perform plain('z', prefix => 'p_'); perform make('w', 1, 'q_', 'c', 'd'); perform make('v', 1, 'q_', variadic array['e', 'f']); end $$;
select plain('s', prefix := 'r_'); select secure('t_x2'), secure(tab => 'u_y3', role => 'authenticated'), secure(role => 'service_role', tab => 'q_w1'::regclass);
-- case: overloads told apart by names and defaults
create function f(a int) returns void language plpgsql as $$ begin create table f_a (); end $$; create function f(b text) returns void language plpgsql as $$ begin create table f_b (); end $$; create function f(a int, c int) returns void language plpgsql as $$ begin create table f_ac (); end $$;
select f(b => 'x'); select f(a => 1, c => 2);
-- case: loops over functions by result, rights and signature
create function f(a int, b text) returns int language sql as 'select 1';
create function g() returns trigger language plpgsql security definer as $$ begin return new; end $$;
create function h(x uuid[]) returns setof text language sql security definer as 'select 1::text';
revoke execute on function h(uuid[]) from anon, public;
create table t (a int); create table u (b int); revoke all on u from anon; create view v as select a from t;
do $$
declare r record; s text;
begin
  for r in select p.oid::regprocedure as sig from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public' and p.prorettype::regtype::text <> 'trigger' and has_function_privilege('anon', p.oid, 'EXECUTE')
  loop execute format('revoke all on function %s from public, anon', r.sig); end loop;
  for s in select format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) from pg_proc p join pg_namespace n on p.pronamespace = n.oid where n.nspname = 'public'
  loop execute 'alter function ' || s || ' set search_path = public'; end loop;
  for r in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'v') and has_table_privilege('anon', format('%I.%I', n.nspname, c.relname), 'select')
  loop execute format('comment on column public.%I.a is %L', r.relname, 'read by anon'); end loop;
end $$;
-- case: WITH in the query of a loop
create table t (a int, b text); create table u (b text); create view w as select 1 as b;
do $$ declare r record; begin for r in with found as (select c.table_name from information_schema.columns c join information_schema.tables i on i.table_schema = c.table_schema and i.table_name = c.table_name where c.table_schema = 'public' and i.table_type = 'BASE TABLE' and c.column_name = 'b'), named (n) as (select table_name from found) select n from named order by n loop execute format('alter table public.%I enable row level security', r.n); end loop; end $$;
-- case: catalogs joined in any order
create table t (a int constraint a_check check (a > 0), b int constraint b_check check (b > 0)); create table u (a int constraint a_check check (a > 0));
do $$ declare r record; k record; begin for r in select i.table_name, c.column_name from information_schema.columns c, information_schema.tables i where i.table_schema = 'public' and c.table_schema = i.table_schema and c.table_name = i.table_name loop for k in select con.conname from pg_constraint con join pg_class cls on cls.oid = con.conrelid join pg_namespace ns on ns.oid = cls.relnamespace where ns.nspname = 'public' and cls.relname = r.table_name and con.contype = 'c' and con.conname = any (array[format('%s_check', r.column_name), 'x']) loop execute format('alter table public.%I drop constraint %I', r.table_name, k.conname); execute format('alter table public.%I add constraint %I check (%I > 1)', r.table_name, 'new_' || k.conname, r.column_name); end loop; end loop; end $$;
-- case: catalogs joined from the left
create table t (a int primary key); create table u (a int); create unique index on u (a);
do $$ declare r record; begin for r in select c.relname, i.indisunique from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indrelid = c.oid where n.nspname = 'public' and c.relkind = 'r' loop execute format('alter table %I enable row level security', r.relname); end loop; end $$;
-- case: functions that a block asks
create table short (name text, email text); create function width(c text) returns int language sql immutable as $$ select case when c like '%mail' then 320 else 64 end $$; create function half(c text) returns int language plpgsql as $$ declare n int := width(c); begin if n > 100 then return 100; end if; return n * 2; end $$;
do $$ declare r record; begin for r in select column_name from information_schema.columns where table_schema = 'public' and table_name = 'short' loop execute format('alter table short add constraint %I check (length(%I) <= %s) not valid', r.column_name || '_' || public.width(r.column_name), r.column_name, least(half(r.column_name), width(r.column_name))); end loop; end $$;
-- case: definitions of functions are rewritten in a block
create schema private; create table private.notes (a int); create table notes (a int);
create function f(x int, y text default 'a') returns setof int language sql stable security definer set search_path = public, private as $f$ select a from public.notes where a = x $f$;
create function g() returns void language plpgsql as $f$ begin perform f(1); end $f$;
create procedure p(inout x int) language plpgsql as $f$ begin x := (select count(*) from public.notes); end $f$;
do $$ declare r record; begin for r in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.prokind = 'f' and pg_get_functiondef(p.oid) ilike '%public.notes%' loop execute replace(replace(pg_get_functiondef(r.oid), 'public.notes', 'private.notes'), 'STABLE', 'IMMUTABLE'); end loop; end $$;
do $$ declare old text; new text; begin old := pg_get_functiondef('public.g()'::regprocedure); new := replace(old, 'perform f(1)', 'perform f(2)'); if new = old then raise exception 'not found'; end if; execute replace(new, 'RETURNS void', 'RETURNS void SECURITY DEFINER'); end $$;
-- case: the text of a constraint
create type mood as enum ('ok', 'bad'); create schema app; create table app.org (id uuid primary key, code int unique);
create function is_fine(t text, n int) returns boolean language sql immutable as 'select true';
create table t (
  id uuid primary key, a text, b varchar(20), c char(3), d int, e bigint, f numeric(10,2), g double precision, h boolean,
  i mood, j jsonb, k text[], l date, m timestamptz, n date, o smallint, p uuid references app.org, q int references app.org (code) on delete set null on update cascade,
  check (char_length(a) <= 100), check (char_length(b) > 0), check (length(c) = 3), check (a in ('x', 'y''z')), check (b in ('x', 'y')),
  check (c in ('x', 'y')), check (i in ('ok', 'bad')), check (i = 'ok'), check (d in (1, 2)), check (e in (1, 2)), check (f in (1, 2.5)),
  check (o in (1, 2)), check (a = 'x'), check (b = 'x'), check (c <> 'x'), check (d > 0), check (e > -1), check (f >= 0), check (f > 0.5), check (g < 1),
  check (g < 0.5), check (d between 1 and 5), check (d not between 1 and 5), check (a is null or b is not null and d = 1), check (not h), check (h is true),
  check (h is not false or h = true), check (jsonb_typeof(j) = 'object'), check (octet_length(j::text) <= 100), check (j ->> 'x' = 'y'), check (j ? 'x'),
  check (array_length(k, 1) > 0), check (cardinality(k) < 5), check (k <@ array['a', 'b']), check (l < n), check (l > '2020-01-01'), check (m < now()), check (l <= current_date),
  check (a ~ '^[a-z]+$'), check (b ~* 'x'), check (c ~ 'x'), check (a like '%@%'), check (a not ilike 'x%'), check (lower(a) = a), check (trim(b) <> ''),
  check (a is distinct from 'x'), check (d + e > f), check (d * 2 < 10), check (a || b <> ''), check (coalesce(a, '') <> ''), check (num_nonnulls(a, b) = 1),
  check (is_fine(a, d)), check (is_fine(b, 1)), check (position('@' in a) > 1), check (extract(dow from l) < 5), check (a = any (array['x', 'y'])), check (b = any (array['x', 'y'])),
  check (a not in ('x', 'y')), check (d not in (3)), check (a in ('x')), check (e = 5000000000), check (f = -1.5), check ((a is null) = (b is null)), check (a::int > 0), check (d::text <> ''), check (i::text <> 'x'),
  check (d % 2 = 0), check (g > d), check (a = b), check (b::text = 'x'), check (f::numeric(5,1) > 1), check (a <> 'x'::text),
  r real, check (r >= 0 and r <= 1.5), check (r < g), check (g = r), check (d > r), check (r * 2 > 1), check (extract(epoch from (m - now()))::integer > 5), check (l - n > 3),
  unique (a, b), unique nulls not distinct (c), unique (d) include (e), unique (f) deferrable initially deferred
);
alter table t add check (a > 'x') not valid, add check (b < 'z') no inherit;
create schema said;
do $$ declare r record; begin
  for r in select conname, pg_get_constraintdef(oid) as def from pg_constraint where conrelid = 't'::regclass loop
    execute format('create table said.%I ()', r.conname);
    execute format('comment on table said.%I is %L', r.conname, r.def);
  end loop;
end $$;
-- case: the texts of policies and indexes
create table t (id uuid primary key, owner uuid, a text, b varchar, c jsonb, d int);
create policy one on t for select using (auth.uid() = owner); create policy two on t for all using ((select auth.uid()) = owner and a <> 'x') with check (true);
create policy three on t for insert with check (auth.role() = 'authenticated' or d in (1, 2)); create policy four on t using (((select auth.jwt()) ->> 'role') = 'x');
create index i1 on t (a, b desc); create unique index i2 on t (lower(a)) where d > 0; create index i3 on t using gin (c jsonb_path_ops);
create index i4 on t (d desc nulls last) include (a); create index i5 on t ((a || b)); create index i6 on t (a nulls first) where b = 'x' and a is not null;
do $$ declare r record; begin
  for r in select policyname, qual, with_check from pg_policies where tablename = 't' loop
    execute format('comment on policy %I on t is %L', r.policyname, concat(r.qual, ' / ', r.with_check));
  end loop;
  for r in select indexname, indexdef from pg_indexes where tablename = 't' loop
    execute format('comment on index %I is %L', r.indexname, r.indexdef);
  end loop;
end $$;
-- case: constraints found by what they say and use
create table a (id int primary key, status text check (status in ('x', 'y')), b int references a, u int unique);
create table b (id int primary key, a int constraint to_a references a (u), n int check (n > 0));
do $$ declare r record; name text; begin
  select conname into name from pg_constraint where conrelid = 'a'::regclass and contype = 'c' and pg_get_constraintdef(oid) ilike '%status%';
  if name is not null then execute format('alter table a drop constraint %I', name); end if;
  for r in select tc.table_name, tc.constraint_name from information_schema.table_constraints tc
    join information_schema.constraint_column_usage ccu on ccu.constraint_name = tc.constraint_name
    where tc.constraint_type = 'FOREIGN KEY' and ccu.table_name = 'a' and ccu.column_name = 'u' loop
    execute format('alter table %I drop constraint %I', r.table_name, r.constraint_name);
  end loop;
  for r in select c.conname from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
    where c.conrelid = 'b'::regclass and a.attname = 'n' and c.contype = 'c' loop
    execute format('alter table b rename constraint %I to %I', r.conname, 'was_' || r.conname);
  end loop;
  if exists (select from information_schema.check_constraints where constraint_name = 'was_b_n_check' and check_clause like '%n > 0%') then
    alter table b add column found int;
  end if;
end $$;
-- case: grants and keys that blocks ask for
create table t (a int, b int, c int, primary key (b, a)); create view v as select 1 as x; revoke all on v from anon;
create function key_of(entity oid) returns text[] stable language sql as $$
  select coalesce(array_agg(pa.attname::text order by pa.attnum), array[]::text[]) from pg_index pi
  join pg_attribute pa on pi.indrelid = pa.attrelid and pa.attnum = any (pi.indkey) where indrelid = $1 and indisprimary $$;
create function uses_t() returns int language sql as 'select a from public.t';
do $$ declare r record; begin
  if key_of('t'::regclass) <> array[]::text[] then comment on table t is 'has a key'; end if;
  for r in select distinct grantee, table_name from information_schema.role_table_grants where table_schema = 'public' and grantee in ('anon', 'PUBLIC') loop
    execute format('revoke all on %I from %I', r.table_name, r.grantee);
  end loop;
  for r in select p.oid::regprocedure as name from pg_proc p where p.prokind <> 'a' and pg_get_functiondef(p.oid) ilike '%public.t%' loop
    execute format('comment on function %s is ''found''', r.name);
  end loop;
end $$;
-- case: errors are handled by their codes
do $$ begin raise sqlstate '22012'; exception when division_by_zero then create table a (x int); end $$;
do $$ begin begin raise exception 'x' using errcode = 'P0002'; exception when no_data_found then create table b (x int); end; end $$;
do $$ begin raise exception 'x' using errcode = '42P07'; exception when duplicate_table then create table c (x int); end $$;
do $$ begin raise exception 'x' using errcode = '22023'; exception when duplicate_object then null; when data_exception then create table d (x int); end $$;
do $$ begin raise unique_violation using message = 'x'; exception when sqlstate '23505' then create table e (x int); end $$;
do $$ begin raise exception using errcode = 'check_violation'; exception when sqlstate '23000' then create table f (x int); end $$;
do $$ begin raise exception 'x' using errcode = 'PT403'; exception when no_data_found then null; when sqlstate 'PT403' then create table g (x int); end $$;
do $$ begin begin raise assert_failure; exception when others then create table bad (x int); end; exception when assert_failure then create table h (x int); end $$;
do $$ begin begin raise division_by_zero; exception when others then raise; end; exception when division_by_zero then create table i (x int); end $$;
do $$ begin begin alter table a add x int; exception when others then raise; end; exception when duplicate_column then create table j (x int); end $$;
do $$ begin raise exception 'x' using errcode = 'P0' || '002'; exception when no_data_found then create table k (x int); end $$;
-- case: what is granted decides
create schema app; create table t (a int); create function app.f() returns int language sql as 'select 1'; create function g() returns int language sql as 'select 1'; create function h() returns int language sql as 'select 1';
revoke all on function g() from anon, authenticated; revoke all on table t from anon;
do $$ declare r record; begin for r in select p.oid::regprocedure as f from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.proname in ('g', 'h') and exists (select 1 from aclexplode(p.proacl) a where a.grantee = 'authenticated'::regrole::oid and a.privilege_type = 'EXECUTE') loop execute format('revoke all on function %s from public', r.f); end loop; end $$;
do $$ declare r record; begin for r in select p.oid::regprocedure as f from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where p.pronamespace = 'app'::regnamespace and a.grantee = 0 loop execute format('revoke all on function %s from public', r.f); end loop; for r in select (aclexplode(c.relacl)).grantee::regrole::text as who from pg_class c where c.oid = 't'::regclass loop if r.who = 'authenticated' then revoke insert on t from authenticated; elsif r.who = 'anon' then drop table t; end if; end loop; end $$;
-- case: comments decide
create table t (a int, b int); comment on column t.b is 'x';
do $$ begin if obj_description('t'::regclass) is null then comment on table t is 'y'; end if; if obj_description('t'::regclass, 'pg_class') = 'y' then alter table t add c int; end if; if col_description('t'::regclass, 2) is null then alter table t add bad int; end if; end $$;
-- case: arrays by their text
do $$ declare x text; names text[] := '{a,b}'; begin foreach x in array names loop execute format('create table %I (x int)', x); end loop; foreach x in array '{c,d}'::text[] loop execute format('create table %I (x int)', x); end loop; end $$;
-- case: guards on what a policy says
create table public.t(a int); create policy p on t to authenticated using (true); create policy q on t using (true);
do $$ begin if exists (select 1 from pg_policies where tablename='t' and policyname='p' and roles='{public}') then drop policy p on public.t; end if; if exists (select 1 from pg_policies where tablename='t' and policyname='q' and roles='{public}') then alter policy q on public.t rename to r; end if; end $$;
-- file
alter policy p on public.t using (a = 1);
-- case: guards on the source and volatility of functions
create function public.f() returns int language sql as 'select 1'; create function public.g() returns int language sql stable as 'select 2 /* legacy */';
do $$ begin if exists (select 1 from pg_proc where proname='f' and prosrc like '%legacy%') then drop function public.f(); end if; if exists (select 1 from pg_proc where proname='g' and prosrc like '%legacy%' and provolatile = 's') then drop function public.g(); end if; end $$; grant execute on function public.f() to anon;
-- case: guards on the types of columns
create type mood as enum ('ok'); create domain mail as text; create table t(old_id int, m mood, e mail, tags text[], v varchar(10), i int generated always as identity, g int generated always as (1) stored);
do $$ begin if exists (select 1 from information_schema.columns where table_name='t' and column_name='old_id' and udt_name='text') then alter table t drop column old_id; else alter table t rename column old_id to legacy_id; end if;
if exists (select 1 from information_schema.columns where table_name='t' and column_name='m' and udt_name='mood') then alter table t rename m to mm; end if;
if exists (select 1 from information_schema.columns where table_name='t' and column_name='e' and data_type='text') then alter table t rename e to ee; end if;
if exists (select 1 from information_schema.columns where table_name='t' and column_name='tags' and udt_name='_text') then alter table t rename tags to tt; end if;
if exists (select 1 from information_schema.columns where table_name='t' and column_name='i' and is_identity='NO') then alter table t drop column i; end if;
if exists (select 1 from information_schema.columns where table_name='t' and column_name='g' and is_generated='ALWAYS') then alter table t rename g to gg; end if;
if exists (select 1 from pg_attribute where attrelid='public.t'::regclass and attname='v' and atttypid='varchar'::regtype) then alter table t rename v to vv; end if;
if exists (select 1 from pg_attribute where attrelid='t'::regclass and attname='legacy_id' and atttypid='bigint'::regtype) then alter table t drop legacy_id; end if;
if exists (select 1 from pg_attribute where attrelid='t'::regclass and attname='i' and attidentity='a' and atttypid::regtype::text='integer') then alter table t alter i set generated by default; end if; end $$;
-- case: guards on publications and roles
create table public.messages(id int primary key);
do $$ begin if exists (select 1 from pg_publication where pubname='supabase_realtime' and puballtables) then raise notice 'x'; else alter publication supabase_realtime add table public.messages; end if; if not exists (select 1 from pg_user where usename='postgres') then create table wrong(a int); end if; if exists (select 1 from pg_user where usename='anon') then create table wrong(a int); end if; if exists (select 1 from pg_roles where rolname='anon' and rolcreaterole) then create table wrong(a int); end if; end $$;
-- case: guards on what foreign keys do, and on partitions
create table p(id int primary key); create table c(p int references p, q int references p on delete cascade); create table w(a int) partition by list (a); create table w1 partition of w for values in (1);
do $$ begin if exists (select 1 from pg_constraint where conname='c_p_fkey' and confdeltype <> 'c') then alter table c drop constraint c_p_fkey; end if; if exists (select 1 from information_schema.referential_constraints where constraint_name='c_q_fkey' and delete_rule='NO ACTION') then alter table c drop constraint c_q_fkey; end if; if exists (select 1 from pg_class where relname='p' and relispartition) then drop table p; end if; if exists (select 1 from pg_class where relname='w1' and relispartition and relpersistence='p') then alter table w detach partition w1; end if; end $$;
-- case: triggers and constraints that stand elsewhere than on tables
create table t(a int); create view v as select a from t; create function f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger v_ins instead of insert or update on v for each row execute function f(); create domain d as int; alter domain d add constraint d_ok check (value > 0); create type pair as (a int, b int);
do $$ begin if not exists (select 1 from pg_trigger where tgname='v_ins') then create trigger v_ins instead of insert on v for each row execute function f(); end if; if not exists (select 1 from information_schema.triggers where trigger_name='v_ins' and event_manipulation='UPDATE' and action_timing='INSTEAD OF') then create table wrong(a int); end if; if not exists (select 1 from pg_constraint where conname='d_ok') then alter domain d add constraint d_ok check (value > 0); end if; if not exists (select 1 from pg_class where relname='pair' and relkind='c') then create type pair as (a int); end if; if not exists (select 1 from pg_type where typname='t') then create table wrong(a int); end if; if exists (select 1 from pg_trigger where tgname='v_ins' and tgenabled='D') then drop view v; end if; end $$;
-- case: what PostgreSQL has by itself
do $$ begin if to_regtype('jsonb') is not null then create table docs(d jsonb); else create table docs(d text); end if; if not exists (select 1 from pg_proc where proname='gen_random_uuid') then create table wrong(a int); end if; if not exists (select 1 from pg_type where typname='uuid') then create table wrong(a int); end if; if not exists (select 1 from pg_namespace where nspname='pg_catalog') then create table wrong(a int); end if; if to_regproc('gen_random_uuid') is null then create table wrong(a int); end if; end $$; create index on docs using gin(d);
-- case: columns of views and materialised views
create table t(a int); create materialized view mv as select a from t; create view v as select a from t;
do $$ begin if not exists (select 1 from pg_attribute where attrelid='public.mv'::regclass and attname='a') then drop materialized view mv; end if; if exists (select 1 from information_schema.columns where table_name='mv') then drop materialized view mv; end if; if not exists (select 1 from pg_attribute where attrelid='public.v'::regclass and attname='a' and not attisdropped) then drop view v; end if; end $$; create index on mv(a);
-- case: aggregates over what is distinct
create table t(a int); create policy a on t for select using (true); create policy b on t for select using (true);
do $$ begin if (select count(distinct cmd) from pg_policies where tablename='t') = 1 then alter table t rename a to b; end if; end $$;
-- case: labels of loops and blocks
do $$ begin <<outr>> for i in 1..3 loop for j in 1..3 loop continue outr when j = 2; execute format('create table c%s_%s(a int)', i, j); end loop; end loop; <<out2>> for i in 1..3 loop loop exit out2 when i = 2; execute format('create table d%s(a int)', i); exit; end loop; end loop; <<b>> begin create table e(a int); exit b; create table wrong(a int); end; end $$;
-- case: a condition that is a function which changes something
create table a(c1 int); create function addcol(t text, c text) returns boolean language plpgsql as $$ begin execute format('alter table %I add column %I int', t, c); return true; end $$;
do $$ begin if addcol('a','c2') then raise notice 'added'; end if; end $$; create index on a(c2);
-- case: functions that no extension brings, by a join
create extension pg_trgm; create function f() returns int language sql as 'select 1';
do $$ declare n text; begin for n in select p.oid::regprocedure::text from pg_proc p join pg_namespace s on p.pronamespace = s.oid where s.nspname = 'public' and not exists (select 1 from pg_depend d join pg_extension e on d.refobjid = e.oid where d.objid = p.oid and e.extname = 'pg_trgm') loop execute format('revoke all on function %s from public, anon', n); end loop; end $$;
-- case: guards on what policies are for, on sequences and on members (cluster)
create table t (a int generated by default as identity, b serial); alter table t enable row level security; create sequence s; create role dock_worker; create role dock; grant dock to dock_worker;
create policy p on t to authenticated using (true); create policy q on t to anon, service_role using (true); create policy r on t using (true); create policy u on t to service_role using (true);
do $$ declare r record; begin for r in select t.relname as tbl, p.polname as pol from pg_policy p join pg_class t on t.oid = p.polrelid where p.polroles @> array[(select oid from pg_roles where rolname = 'service_role')] loop execute format('drop policy %I on %I', r.pol, r.tbl); end loop; end $$;
do $$ declare r record; begin for r in select policyname from pg_policies where roles && array['authenticated', 'anon']::name[] loop execute format('alter policy %I on t rename to %I', r.policyname, r.policyname || '_kept'); end loop; if exists (select 1 from pg_policy where polroles = '{0}') then alter policy r on t rename to for_all; end if; end $$;
do $$ declare r record; begin for r in select sequence_name from information_schema.sequences where sequence_schema = 'public' loop execute format('grant select on sequence public.%I to anon', r.sequence_name); end loop; end $$;
do $$ declare r record; begin for r in select m.rolname from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid where g.rolname = 'dock' loop execute format('revoke dock from %I', r.rolname); execute format('grant select on t to %I', r.rolname); end loop; end $$;
-- case: a table with the type of another one's column
create table people (id uuid primary key, name text); create domain code as text; create table coded (a code, n numeric);
do $$ declare id_type text; begin select format_type(a.atttypid, a.atttypmod) into id_type from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relname = 'people' and a.attname = 'id'; execute format('create table likes (by %s references people, at %s, n %s)', id_type, (select format_type(atttypid, null) from pg_attribute where attrelid = 'coded'::regclass and attname = 'a'), (select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'coded'::regclass and attname = 'n')); end $$;
