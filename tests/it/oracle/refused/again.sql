-- case: a column
create table t (a int); alter table t add n int default nope(), add m int;
alter table t add n text; alter table t add n text; alter table t add column if not exists m uuid;
-- case: a table
create table t (a int references missing (id), n nothing); alter table t enable row level security;
create policy p on t using (true); create index i on t (a); comment on table t is 'x';
create table if not exists t (b int, a int primary key); create index i on t (b);
create table t (c int);
-- case: a table that others lean on
create table t (a int primary key references missing (id)); create table u (a int references t);
create view v as select a from t; create function f() returns setof t language sql as 'select * from t';
create table t (a int primary key); create table u (a int references t);
create view v as select a from t; create function f() returns setof t language sql as 'select * from t';
-- case: a policy
create table t (a int); create policy p on t to nobody using (true); create policy q on t using (nope = a);
create policy p on t to authenticated using (a > 0); create policy p on t using (true);
create policy r on t using (true); alter policy r on t rename to q;
-- case: a trigger
create table t (a int); create function n() returns int language sql as 'select 1';
create trigger g before insert on t for each row execute function missing();
create trigger h before insert on t for each row execute function n();
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger g before update on t for each row execute function f();
create trigger h before update on t for each row execute function f(); create trigger h before update on t for each row execute function f();
-- case: a constraint
create table t (a int, b int); alter table t add constraint c check (a > missing) not valid;
alter table t add constraint k foreign key (a) references nothing (id);
alter table t add constraint c check (b > 0) not valid; alter table t add constraint k unique (b);
alter table t add constraint c check (b > 1);
-- case: a primary key
create table t (a int); alter table t add b nope primary key; alter table t add b int; alter table t add primary key (a); alter table t add primary key (a);
-- case: an index
create table t (a int); create index i on t (lower(a::text), (missing)); create index i on t (a); create index i on t (a);
-- case: a view
create table t (a int, b int); create view v as select c from t; create view v as select a from t;
create or replace view w as select a, missing from t; create or replace view w with (security_invoker = on) as select b from t;
create view w as select a from t;
-- case: a materialized view
create table t (a int, b int); create materialized view v as select c from t;
create materialized view if not exists v as select a from t; create materialized view v as select b from t;
-- case: a function
create function f(a int) returns nope language sql as 'select 1'; create function f(a int) returns int language sql as 'select 1';
create function f(int) returns text language sql as 'select 1::text'; create or replace function f(int) returns text language sql as 'select 1::text';
-- case: a type
create type c as (a nope); create type c as (a int, b int); create domain d as nope; create domain d as int; create type d as enum ('a');
-- case: a sequence
create table t (a int); create sequence q owned by t.b;
create sequence q; create sequence q;
-- case: what takes the name of something else
create table t (a int references missing); create view t as select 1 as a; create view t as select 1 as a;
create table u (a int, b int default nope()); create sequence u; create table w (a int); alter table w rename to u;
create table x (a int references missing); alter table w rename to x; alter table x rename a to z;
-- case: what a handler takes leaves nothing
create table t (a int);
do $$ begin create policy p on t to nobody using (true); exception when others then null; end $$;
do $$ begin alter table t add b int default nope(); exception when undefined_function then null; end $$;
do $$ begin create index i on t (missing); exception when undefined_column then null; end $$;
create policy p on t using (true); alter table t add b text; create index i on t (a); create index i on t (b);
-- case: blocks
create table t (a int);
do $$ begin alter table t add b int; create table u (a int references missing); end $$;
do $$ begin
  if not exists (select from information_schema.columns where table_name = 't' and column_name = 'b') then
    alter table t add b text;
  end if;
end $$;
create table u (a int); alter table t add b text;
-- case: what needs a column that is not there (differs)
create table t (a int, b int); alter table t add n int default nope(), add m int;
create index on t (n); create index on t ((m + 1)); create policy p on t using (n = 1); alter table t add unique (m, a); comment on column t.n is 'x';
alter table t alter n set not null; alter table t drop column m; insert into t (a, n) values (1, 2); update t set m = 1;
create table u (x int references t (n)); alter table t drop column if exists m; insert into t (a) values (1);
alter table t add column if not exists n text, add unique (n); create index on t (n); comment on column t.n is 'y'; create policy q on t using (a = 1);
-- case: loops over arrays that are empty or null
create table t (a int);
do $$ declare missing text[] := array[]::text[]; name text; begin foreach name in array missing loop drop table t; end loop; if array_length(missing, 1) is not null or array_upper(missing, 1) > 0 then raise exception 'missing'; end if; if cardinality(string_to_array('', ',')) = 0 then alter table t add b int; end if; end $$;
do $$ declare missing text[] := '{}'; begin for i in 1..array_length(missing, 1) loop drop table t; end loop; end $$;
do $$ declare missing text[]; name text; begin foreach name in array missing loop drop table t; end loop; end $$;
do $$ declare missing text[]; begin for i in 1..array_length(missing, 1) loop drop table t; end loop; exception when null_value_not_allowed then alter table t add c int; end $$;
