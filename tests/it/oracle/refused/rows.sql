-- case: NOT NULL for rows that are there (differs)
create table t (id uuid primary key default gen_random_uuid(), name text not null, kind text check (kind in ('a', 'b')), n int);
insert into t (name) values ('x'); alter table t add column a text not null; alter table t alter n set not null;
alter table t add column if not exists b int not null; alter table t add c int; alter table t alter c set not null; alter table t add d int not null default 1;
update t set c = 1, n = 2; alter table t alter c set not null; alter table t alter n set not null; alter table t rename to u;
alter table u add e int not null; do $$ begin alter table u add f int not null; end $$; alter table u add g serial, add h int generated always as identity;
create table v (id serial primary key, a int, b text); insert into v (a) values (1), (2); alter table v alter b set not null;
alter table v alter b type int using 1; alter table v alter b set not null;
-- case: keys that are given
create table t (slug text unique, id serial primary key); insert into t (slug) values ('a'), ('b') on conflict (slug) do nothing;
alter table t add c int not null; alter table t add c int not null default 1;
-- case: rows that are not there any more
create table t (a int primary key, b int); insert into t values (1, null); delete from t; alter table t add c text not null; alter table t alter b set not null;
insert into t values (1, null, 'x'); insert into t (a, b, c) values (2, 3, 'y'); truncate t; alter table t add d text not null;
create table u (a int); do $$ begin insert into u values (1); delete from u; end $$; alter table u add b int not null; insert into u values (1, null);
-- case: rows that were never there
create table t (a int, b text); insert into t select 1, 'x' where false; alter table t add c text not null;
create function f() returns trigger language plpgsql as 'begin return null; end'; create table w (a int, b int);
create trigger f before insert on w for each row execute function f(); insert into w values (1, null); alter table w add c text not null;
insert into t (a, nothing) values (1, 2);
