-- case: ALTER TABLE of a view
create view v as select 1 as a, 2 as b, 3 as c; create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table v add column z int; alter table v drop column c; alter table v alter b set not null;
alter table v alter b drop not null; alter table v alter c type bigint; alter table v add check (b > 0);
alter table v add unique (a); alter table v add primary key (a);
alter table v add foreign key (b) references o; alter table v add exclude using btree (a with =);
alter table v validate constraint ck; alter table v alter constraint ck deferrable;
alter table v enable row level security; alter table v disable row level security;
alter table v force row level security; alter table v no force row level security; alter table v inherit other;
alter table v no inherit other; alter table v of ty; alter table v not of; alter table v set logged;
alter table v replica identity full; alter table v enable trigger all; alter table v enable trigger tr;
alter table v alter a set statistics 100; alter table v alter a set storage plain;
alter table v alter a set (n_distinct=5); alter table v set without cluster; alter table v set without oids;
alter table v set tablespace pg_default; alter table v alter b set compression default;
-- case: ALTER TABLE of a materialized view
create materialized view v as select 1 as a, 2 as b, 3 as c; create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table v add column z int; alter table v drop column c; alter table v alter b set default 1;
alter table v alter b drop default; alter table v alter b set not null; alter table v alter b drop not null;
alter table v alter c type bigint; alter table v add check (b > 0); alter table v add unique (a);
alter table v add primary key (a); alter table v add foreign key (b) references o;
alter table v add exclude using btree (a with =); alter table v validate constraint ck;
alter table v alter constraint ck deferrable; alter table v enable row level security;
alter table v disable row level security; alter table v force row level security;
alter table v no force row level security; alter table v inherit other; alter table v no inherit other;
alter table v of ty; alter table v not of; alter table v set logged; alter table v enable trigger all;
alter table v enable trigger tr; alter table v set without oids;
-- case: ALTER TABLE of a sequence
create sequence s; create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table s add column z int; alter table s drop column c; alter table s alter b set default 1;
alter table s alter b drop default; alter table s alter b set not null; alter table s alter b drop not null;
alter table s alter c type bigint; alter table s add check (b > 0); alter table s add unique (a);
alter table s add primary key (a); alter table s add foreign key (b) references o;
alter table s add exclude using btree (a with =); alter table s validate constraint ck;
alter table s alter constraint ck deferrable; alter table s enable row level security;
alter table s disable row level security; alter table s force row level security;
alter table s no force row level security; alter table s inherit other; alter table s no inherit other;
alter table s of ty; alter table s not of; alter table s set (fillfactor = 70);
alter table s reset (fillfactor); alter table s replica identity full; alter table s enable trigger all;
alter table s enable trigger tr; alter table s alter a set statistics 100;
alter table s alter a set storage plain; alter table s alter a set (n_distinct=5);
alter table s set without cluster; alter table s set without oids; alter table s set tablespace pg_default;
alter table s alter b set compression default;
-- case: ALTER TABLE of an index
create table t (a int not null, b int); create index i on t (a); create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table i add column z int; alter table i drop column c; alter table i alter b set default 1;
alter table i alter b drop default; alter table i alter b set not null; alter table i alter b drop not null;
alter table i alter c type bigint; alter table i add check (b > 0); alter table i add unique (a);
alter table i add primary key (a); alter table i add foreign key (b) references o;
alter table i add exclude using btree (a with =); alter table i validate constraint ck;
alter table i alter constraint ck deferrable; alter table i enable row level security;
alter table i disable row level security; alter table i force row level security;
alter table i no force row level security; alter table i inherit other; alter table i no inherit other;
alter table i of ty; alter table i not of; alter table i set logged; alter table i replica identity full;
alter table i enable trigger all; alter table i enable trigger tr; alter table i alter a set storage plain;
alter table i alter a set (n_distinct=5); alter table i set without cluster; alter table i set without oids;
alter table i alter b set compression default;
-- case: ALTER TABLE of a composite type
create type c as (a int, b int, c int); create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table c add column z int; alter table c drop column c; alter table c alter b set default 1;
alter table c alter b drop default; alter table c alter b set not null; alter table c alter b drop not null;
alter table c alter c type bigint; alter table c add check (b > 0); alter table c add unique (a);
alter table c add primary key (a); alter table c add foreign key (b) references o;
alter table c add exclude using btree (a with =); alter table c validate constraint ck;
alter table c alter constraint ck deferrable; alter table c enable row level security;
alter table c disable row level security; alter table c force row level security;
alter table c no force row level security; alter table c inherit other; alter table c no inherit other;
alter table c of ty; alter table c not of; alter table c set (fillfactor = 70);
alter table c reset (fillfactor); alter table c set logged; alter table c replica identity full;
alter table c enable trigger all; alter table c enable trigger tr; alter table c owner to postgres;
alter table c alter a set statistics 100; alter table c alter a set storage plain;
alter table c alter a set (n_distinct=5); alter table c set without cluster; alter table c set without oids;
alter table c set tablespace pg_default; alter table c alter b set compression default;
alter table c rename to xx;
-- case: ALTER TABLE of a partitioned table
create table p (a int not null, b int, c int) partition by range (a); create table o (a int primary key); create table other (a int, b int, c int); create type ty as (a int, b int, c int);
alter table p inherit other; 
-- case: the word for another kind
create table t (a int primary key, b int); create view v as select a from t; create materialized view m as select a from t;
create sequence s; create index i on t (b); create type c as (a int); create schema x;
alter view t set (security_barrier); alter view m owner to postgres; alter view t alter a set default 1; alter view t rename to z;
alter materialized view v owner to postgres; alter materialized view v rename to z; alter materialized view t set schema x;
alter index t set (fillfactor = 70); alter index v rename to w; alter sequence t increment 2; alter sequence i owner to postgres;
alter sequence t rename to z; alter sequence v set schema x; alter view w set schema x; alter table c rename to z;
alter table i set schema x; alter table s rename column a to b; alter view t rename column b to c; 
-- case: comments and grants
create table t (a int); create view v as select a from t; create materialized view m as select a from t; create sequence s; create index i on t (a);
comment on table v is 'x'; comment on view t is 'x'; comment on view m is 'x'; comment on materialized view v is 'x'; comment on sequence t is 'x';
comment on index t is 'x'; comment on table s is 'x'; comment on table t is 'x'; comment on view v is 'x'; comment on materialized view m is 'x';
grant usage on sequence t to anon; grant select on i to anon; grant usage on t to anon; grant execute on v to anon; grant delete (a) on t to anon;
grant select on s to anon; grant select, usage on sequence s to authenticated; grant insert (a), select (a) on v to anon;
create function f() returns int language sql as 'select 1'; grant select on function f() to anon;
-- case: what only tables have
create table t (a int primary key); create view v as select a from t; create materialized view m as select a from t; create sequence s;
create function f() returns trigger language plpgsql as 'begin return new; end'; create type c as (a int);
create policy p on v using (true); create policy p on m using (true); create index on v (a); create index on s (a); create index on c (a);
create trigger g before insert on v for each row execute function f(); create trigger g after insert on m execute function f();
create trigger g instead of insert on t for each row execute function f(); create trigger g before truncate on v execute function f();
create constraint trigger g after insert on v for each row execute function f(); create trigger g after insert on v execute function f();
create trigger h instead of insert on v for each row execute function f(); create index on m (a);
truncate v; truncate m; refresh materialized view v; create table u () inherits (v); create table w partition of m default;
-- case: TRUNCATE
create table t (a int primary key); create table u (a int references t); create table z (a int primary key);
truncate missing; truncate t; truncate u, t; truncate t cascade; truncate only u; truncate z, nothing;
do $$ begin truncate t; exception when feature_not_supported then create table x (a int); end $$;
-- case: an element of an array beside another type (differs)
create table f (id int, name text, owner uuid); create policy p on f using ((storage.foldername(name))[1] = auth.uid());
create policy q on f using ((storage.foldername(name))[1] = auth.uid()::text);
