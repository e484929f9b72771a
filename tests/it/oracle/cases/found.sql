-- case: SET UNLOGGED means nothing to a partitioned table
create table t (a int) partition by hash (a); alter table t set unlogged;
-- case: DEFAULT NULL is kept where it is fitted into a length or a domain
create domain d as varchar(20) default null; create domain e as int default null;
create table t (a d default null, b e default null, c varchar(3) default null, f d[] default null, g text default null);
alter table t alter b drop default; alter domain e set default null; alter table t alter b set default null;
-- case: a column that is included too gets a number in the name
create table t (a int, b int); alter table t add unique nulls not distinct (a) include (a, b, a);
-- case: equal keys of one statement are one constraint
create table t (a int unique unique, b text constraint n unique, unique (a), primary key (b));
create table u (a int primary key, constraint v unique (a), b int constraint first unique constraint second unique);
create table w (a int unique nulls not distinct unique, b int primary key, unique (b) deferrable);
alter table w add column c int unique constraint c unique;
alter table w add unique (a), add constraint x unique (a);
-- case: a generated column reads columns that stand after it
create table t (a boolean generated always as (b is null) stored, b text, c int, exclude using btree (a with =));
alter table t drop column b cascade;
-- case: a published table brings those that inherit from it
create table t (a int primary key); create table u () inherits (t); create table v () inherits (u);
create table p (a int primary key) partition by list (a); create table p1 partition of p default;
create publication one for table t, p; create publication two for table only t;
alter publication two set table only t; alter publication one drop table u; alter publication supabase_realtime add table u where (a > 1);
-- case: default privileges in a schema whose name needs quotes
create schema "Side"; alter default privileges in schema "Side" grant select on tables to anon;
-- case: a new column that is the primary key is NOT NULL in children too
create table t (a int); create table u () inherits (t); alter table t add column c int unique primary key;
-- case: what is copied speaks of the copy's own columns
create table t (z int, a int, b boolean generated always as (a is null) stored, c int, check (a > 0), check (c > a));
create index on t (c) where a > 1; create index on t ((a + c));
create table u (like t including all); alter table t drop column a cascade; alter table u drop column c cascade;
create table v (a int, b int generated always as (a + 1) stored, c int); create table w (x int) inherits (v);
alter table w no inherit v; alter table v drop column a cascade; alter table w rename a to aa; alter table w drop column aa cascade;
-- case: names that are refused change nothing
create table t (a int primary key, b int constraint n check (b > 0)); create unique index i on t (b); create table u () inherits (t);
alter table u add constraint m unique (a); alter table u no inherit t;
do $$ begin alter index t_pkey rename to n; exception when duplicate_object then null; end $$;
do $$ begin alter table t add constraint t_pkey unique using index i; exception when duplicate_table or duplicate_object then null; end $$;
alter table u inherit t;
do $$ begin alter table t add constraint m check (true); exception when duplicate_object then null; end $$;
-- case: a new generated column is generated in children too
create table t (a int); create table u () inherits (t); alter table t add column b boolean generated always as (a is null) stored;
-- case: a new serial column has one sequence for the parent and its children
create table t (a int); create table u () inherits (t); alter table t add column b bigserial; alter table t add column c int not null default 1 check (c > 0);
create table p (a int) partition by list (a); create table p1 partition of p default; alter table p add column b serial, add column c int default 2, add unique (a, c);
-- case: OR REPLACE of a partitioned table's trigger replaces those of its partitions
create table p (id int primary key, a text) partition by list (id); create table p1 partition of p default;
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger n after update of id on p1 for each statement execute function touch(); comment on trigger n on p1 is 'kept';
do $$ begin create trigger n before insert on p for each row execute function touch(); exception when duplicate_object then null; end $$;
create or replace trigger n before insert on p for each row when (new.a is null) execute function touch();
-- case: a partition's index has no comment of the whole's
create table t (a int primary key) partition by range (a); comment on index t_pkey is 'said'; create table u partition of t default;
-- case: the star of one relation takes none of another's columns
create table t (id int, a int); create table u (id int primary key, a text) partition by list (id);
create view v as select x.id as one, y.* from t as x cross join u as y; alter table t drop column a restrict;
-- case: blocks find constraint triggers among the constraints
create function f() returns trigger language plpgsql as 'begin return new; end';
create table t (a int); create domain d as text; create domain e as text;
create constraint trigger t_a_check after insert on t deferrable for each row execute function f();
do $$ begin if exists (select 1 from pg_constraint where conname = 't_a_check' and contype = 't' and conrelid = 't'::regclass) then drop domain d; end if; end $$;
alter table t add check (a > 0);
-- case: a partitioned table goes with a type of its key
create type kind as enum ('low', 'mid'); create table t (a kind not null, unique (a)) partition by list (a);
create table u partition of t default; create view v as select a from t; drop type kind cascade;
-- case: a trigger may be called what it is called
create function f() returns trigger language plpgsql as 'begin return new; end'; create table t (a int);
create trigger n before insert on t for each row execute function f(); alter trigger n on t rename to n;
-- case: copies of an index are named by the names its columns had
create table t (a int, b int, primary key (a)) partition by range (a); create index on t (b desc) include (a);
alter table t rename column b to c; alter table t rename column a to d; create table u partition of t default;
create table v (like t including all); alter table t rename column c to e; create table w (like t including all);
-- case: a new column is of the type that a child has for it
create table t (a int); create table u (c text) inherits (t); create table v (d numeric(5, 2)) inherits (t);
do $$ begin alter table t add column c int; exception when others then null; end $$;
do $$ begin alter table t add column d numeric(6, 2); exception when others then null; end $$;
do $$ begin alter table t add column c serial; exception when others then null; end $$;
alter table t add column c text;
-- case: a key of ONLY the partitioned table leaves the partitions to their own, as dumps write them
create table p (id int not null, day date not null) partition by range (day); create table p1 (id int not null, day date not null);
alter table only p attach partition p1 for values from ('2024-01-01') to ('2025-01-01');
alter table only p add constraint p_pkey primary key (id, day); alter table only p add unique (day, id);
alter table only p1 add constraint p1_pkey primary key (id, day); alter index p_pkey attach partition p1_pkey;
create table q (id int, day date) partition by range (day); alter table only q add unique (day);
-- case: keys that treat nulls otherwise are not the same
create table p (a int not null, unique nulls not distinct (a)) partition by list (a); create table q (a int primary key);
alter table p attach partition q default;
-- case: children lose the expression, too
create table t (a int, b boolean generated always as (a is null) stored); create table u () inherits (t);
alter table t alter b drop expression;
-- case: a comment may be on the type of a table's rows
create table t (a int); create view v as select 1 as a; comment on type t is 'said'; comment on type v is 'said';
-- case: a constraint trigger keeps its name when its constraint is renamed
create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end';
create constraint trigger trg after insert on t for each row execute function f();
alter table t rename constraint trg to other;
alter table t add constraint trg check (a > 0);
create constraint trigger second after insert on t for each row execute function f();
alter table t rename constraint second to third;
drop trigger second on t;
alter table t add constraint third check (a > 1);
do $$ begin
  if exists (select 1 from pg_constraint where conname = 'other' and contype = 't') then create table found (id int); end if;
end $$;
alter trigger trg on t rename to last;
-- case: the checks of a new table are valid, also where those are not that it got them from
create table u (a int); alter table u add check (a > 0) not valid;
create table c () inherits (u); create table l (like u including all);
create table p (a int) partition by range (a); alter table p add constraint pc check (a > 1) not valid;
create table p1 partition of p for values from (1) to (5);
create table q (a int, constraint u_a_check check (a > 0)); alter table q inherit u;
alter table u add constraint later check (a > 2) not valid;
