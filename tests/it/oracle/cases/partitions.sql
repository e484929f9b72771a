-- case: range partitions
create table t (id int, at date not null, primary key (id, at)) partition by range (at);
create table t1 partition of t for values from ('2020-01-01') to ('2021-01-01'); create table t2 partition of t default;
-- case: list and hash partitions
create table l (a text, b int) partition by list (a); create table l1 partition of l for values in ('x'); create table h (a int) partition by hash (a); create table h0 partition of h for values with (modulus 2, remainder 0);
-- case: partition with its own columns options
create table t (id int, a int) partition by list (a); create table t1 partition of t (id not null default 4, constraint c check (id > 0), unique (id)) for values in (1);
-- case: sub-partitions
create table t (a int, b int, unique (a, b)) partition by list (a); create table t1 partition of t for values in (1) partition by list (b); create table t11 partition of t1 for values in (1);
create index on t (b); alter table t add c int default 1 not null; alter table t add constraint pos check (c > 0);
-- case: partitions inherit indexes made later
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create index on t (b); create unique index named on t (a, b); create index on only t (a);
-- case: partitions inherit constraints made later
create table p (id int primary key); create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); alter table t add primary key (a); alter table t add constraint u unique (a, b); alter table t add foreign key (b) references p on delete cascade; alter table t add check (b > 0);
-- case: attach a table
create table t (a int not null, b int, unique (a)) partition by list (a); create index on t (b); create table t1 (a int not null, b int); alter table t attach partition t1 for values in (1);
-- case: attach a table with matching indexes
create table p (id int primary key); create table t (a int not null, b int references p, primary key (a), check (b > 0)) partition by list (a); create index i on t (b);
create table t1 (a int primary key, b int references p, constraint t_b_check check (b > 0)); create index own on t1 (b); alter table t attach partition t1 for values in (1);
-- case: attach a table with other column order
create table t (a int not null, b int, c int, unique (a, c)) partition by list (a); create table t1 (c int, dropped int, b int, a int not null); alter table t1 drop column dropped; create index on t (b, c); alter table t attach partition t1 default;
-- case: detach
create table p (id int primary key); create table t (a int not null, b int references p, primary key (a), check (b > 0)) partition by list (a); create index i on t (b); create table t1 partition of t for values in (1); alter table t detach partition t1;
-- case: detach keeps triggers away
create function f() returns trigger language plpgsql as 'begin return new; end'; create table t (a int) partition by list (a); create table t1 partition of t for values in (1); create table t2 partition of t for values in (2);
create trigger r after insert on t for each row execute function f(); create trigger s after insert on t for each statement execute function f(); create table t3 partition of t default; alter table t detach partition t1;
-- case: triggers of partitions are renamed and dropped with the parent's
create function f() returns trigger language plpgsql as 'begin return new; end'; create table t (a int) partition by list (a); create table t1 partition of t for values in (1);
create trigger r after insert on t for each row execute function f(); create trigger q before update on t for each row execute function f(); alter trigger r on t rename to r2; drop trigger q on t; alter table t disable trigger r2;
-- case: attach gives triggers
create function f() returns trigger language plpgsql as 'begin return new; end'; create table t (a int) partition by list (a); create trigger r after insert or update on t for each row execute function f(); create table t1 (a int); alter table t attach partition t1 for values in (1);
-- case: ON ONLY index and attach index
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create index i on only t (b); create index i1 on t1 (b); alter index i attach partition i1;
-- case: ON ONLY index waits for all partitions
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create table t2 partition of t for values in (2); create index i on only t (b); create index i1 on t1 (b); alter index i attach partition i1;
-- case: index on partitions finds an equal one
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create index mine on t1 (b); create index i on t (b); create index j on t (b);
-- case: ADD PRIMARY KEY on ONLY
create table t (a int not null, b int) partition by list (a); alter table only t add constraint pk primary key (a); create table t1 partition of t for values in (1);
-- case: dump style partitions
create table t (a int not null, b text) partition by list (a); create table t1 (a int not null, b text); alter table only t attach partition t1 for values in (1); alter table only t add constraint t_pkey primary key (a); alter table only t1 add constraint t1_pkey primary key (a); create index i on only t using btree (b); create index t1_b_idx on t1 using btree (b); alter index t_pkey attach partition t1_pkey; alter index i attach partition t1_b_idx;
-- case: drop a partitioned table
create table t (a int) partition by list (a); create table t1 partition of t for values in (1); create table u (a int) partition by list (a); create table u1 partition of u default; drop table t; drop table u1;
-- case: drop and rename columns of partitioned tables
create table t (a int, b int, c int, c2 int) partition by list (a); create table t1 partition of t for values in (1); create index on t (b); alter table t rename b to bb; alter table t drop column c; alter table t alter c2 type bigint; alter table t alter bb set not null; alter table only t alter bb set default 4;
-- case: drop index and constraint of partitioned tables
create table t (a int, b int, unique (a)) partition by list (a); create table t1 partition of t for values in (1); create index i on t (b); drop index i; alter table t drop constraint t_a_key; alter table t add check (b > 0); alter table t drop constraint t_b_check;
-- case: a foreign key to a partitioned table
create table t (a int primary key) partition by list (a); create table t1 partition of t for values in (1); create table u (x int references t on delete cascade); create table t2 partition of t for values in (2);
-- case: attach to and detach from a referenced table
create table t (a int primary key) partition by list (a); create table u (x int constraint fk references t); create table t1 (a int not null); alter table t attach partition t1 for values in (1); create table t2 partition of t for values in (2); alter table t detach partition t2;
-- case: both sides are partitioned
create table t (a int primary key) partition by list (a); create table t1 partition of t for values in (1); create table u (x int references t) partition by list (x); create table u1 partition of u for values in (1);
-- case: row level security stays per partition
create table t (a int) partition by list (a); create table t1 partition of t for values in (1); alter table t enable row level security; create policy p on t using (a = 1);
-- case: partition key on an expression
create table t (a timestamptz, b text) partition by range (date_trunc('day', a at time zone 'utc'), b); create table t1 partition of t for values from (minvalue, minvalue) to (maxvalue, maxvalue);
-- case: partitions of serial and identity
create table t (a int, id serial, b int generated always as (a + 1) stored) partition by list (a); create table t1 partition of t for values in (1);
-- case: partitions in another schema
create schema parts; create table t (a int primary key, b int) partition by list (a); create table parts.t1 partition of t for values in (1); create index on t (b);
-- case: inheritance
create table a (x int primary key, y int not null default 3, check (y > 0)); create table b (z int) inherits (a); create table c (x int, w int) inherits (a);
alter table a add v int default 1, alter y drop not null, drop constraint a_y_check; alter table a rename x to xx;
-- case: multiple inheritance
create table a (x int, y text); create table b (x int, z text); create table c (w int) inherits (a, b);
-- case: INHERIT and NO INHERIT
create table a (x int not null, check (x > 0)); create table b (x int not null, constraint a_x_check check (x > 0), y int); alter table b inherit a; create table c () inherits (a); alter table c no inherit a;
-- case: drop with ONLY
create table a (x int, y int check (y > 0)); create table b (z int) inherits (a); alter table only a drop column x; alter table only a drop constraint a_y_check;
-- case: NO INHERIT checks
create table a (x int check (x > 0) no inherit); create table b () inherits (a); alter table a add constraint c check (x < 9) no inherit; alter table a add check (x <> 3);
-- case: drop an inheritance parent
create table a (x int); create table b (z int) inherits (a); create table c () inherits (b); drop table a cascade;
-- case: types and defaults of inherited columns
create table a (x int, y int); create table b () inherits (a); alter table a alter x type bigint, alter y set default 4, alter x set not null; alter table only a alter y set not null;
-- case: publish_via_partition_root
create table t (a int primary key) partition by list (a); create table t1 partition of t default; create publication r for table t with (publish_via_partition_root);
-- case: a type change names the indexes of partitions anew
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create index on t (b); alter table t rename b to bb; alter table t alter bb type bigint;
-- case: type changes and indexes of partitions under other names
create table t (a int, b int, primary key (a), unique (a, b)) partition by list (a); create table t1 (a int not null, b int, constraint own unique (a, b)); create index mine on t1 (b); create table t2 (a int not null, b int) partition by list (a); create table t21 partition of t2 default;
create index on t (b); alter table t attach partition t1 for values in (1); alter table t attach partition t2 for values in (2, 3); alter table t21 rename to leaf; create index extra on t1 (b, a); create index lower_b on t ((b + 1)) include (a);
alter table t alter b type bigint;
-- case: checks and columns come from several parents and go with the last
create table p (x int, y int, constraint c check (x > 0), constraint d check (y > 0)); create table q (x int, constraint c check (x > 0)); create table b () inherits (p, q); create table e (x int, constraint c check (x > 0)) inherits (p); create table g () inherits (e);
alter table p drop constraint c; alter table p drop constraint d; alter table p drop column x; alter table only p drop column y; alter table b no inherit q;
-- case: children that leave one of two parents
create table p (x int, constraint c check (x > 0)); create table q (x int, z int, constraint c check (x > 0)); create table b () inherits (p, q); alter table b no inherit p; create table e () inherits (b); alter table e no inherit b; alter table q drop column z;
-- case: constraints of nested partitions go with the whole's
create table t (a int, b int check (b > 0), constraint u unique (a)) partition by list (a); create table t1 partition of t for values in (1, 2) partition by list (a); create table t11 partition of t1 for values in (1); create table o (a int primary key); alter table t add constraint f foreign key (a) references o;
alter table t drop constraint u; alter table t drop constraint t_b_check; alter table t drop constraint f;
-- case: partitioned tables with partition root and schemas in publications
create schema s; create table t (a int primary key) partition by list (a); create table s.t1 partition of t for values in (1); create table s.u (a int);
create publication p for tables in schema s with (publish_via_partition_root = true); create publication q for table t, s.t1 with (publish_via_partition_root); alter publication q set (publish_via_partition_root = off); create publication r for table s.t1 where (a > 0); alter publication r set (publish = 'insert', publish_via_partition_root = on); alter publication r add table s.u;
