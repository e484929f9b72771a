-- case: SET … FROM CURRENT (differs)
-- The value is the server's own, which nobody can know.
create function d() returns int language sql set work_mem from current as 'select 1';
-- case: defaults and names of arguments of a called procedure (differs)
-- The values of defaults are not kept, and arguments are bound by their place.
create procedure make(n int, prefix text default 't') language plpgsql as $$ begin for i in 1..n loop execute 'create table ' || prefix || i || ' (x int)'; end loop; end $$; call make(2); call make(prefix => 'named', n => 1);
-- case: the name of an exclusion on an expression (differs)
-- Only the columns of an exclusion constraint are kept.
create table t (a int, r int4range, exclude using gist (int4range(a, a + 1) with &&, r with &&));
-- case: options of an identity column's sequence are changed (differs)
-- ALTER COLUMN … SET START and its kin are read without their values.
create table t (c int generated always as identity); alter table t alter column c set start with 42 set increment by 2;
-- case: collations of a project (differs)
-- Collations are not modelled, so their schema is not known.
create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table t (a text collate nocase);
-- case: a serial column's sequence is dropped (differs)
-- A sequence does not lead to the default that takes from it.
create table t (b serial); drop sequence t_b_seq cascade;
-- case: range types (differs)
-- The constructor functions of range and multirange types are not modelled.
create type r as range (subtype = float8); create table t (a r, b r[]); alter type r rename to fr; create type r2 as range (subtype = text, multirange_type_name = r2s); create table u (a r2s);
-- case: publish_via_partition_root (differs)
-- The options of publications are not kept.
create table t (a int primary key) partition by list (a); create table t1 partition of t default; create publication r for table t with (publish_via_partition_root);
-- case: views on the row types of functions (differs)
-- The columns of a composite type that a query takes apart are not recorded.
create type ct as (m int, n int); create function k() returns setof ct language sql as 'select 1, 2'; create view v10 as select * from k() with ordinality as o; create view v11 as select (k()).*;
-- case: views on system views (differs)
-- System views are no relations of the catalog.
create view v as select * from pg_catalog.pg_tables;
-- case: constants that are relations (differs)
-- A constant of type regclass is a text.
create table u (a int); create view v as select 'u'::regclass as reg;
-- case: a type change names the indexes of partitions anew (differs)
-- PostgreSQL makes the partitions' indexes again, with names from the columns' present names.
create table t (a int, b int) partition by list (a); create table t1 partition of t for values in (1); create index on t (b); alter table t rename b to bb; alter table t alter bb type bigint;
-- case: drop inherited columns (differs)
-- Whether a child wrote an inherited column itself is not kept.
create table a (x int, y int); create table b (z int) inherits (a); create table c (y int) inherits (a); alter table a drop column x; alter table a drop column y; 
-- case: REASSIGN OWNED (differs)
-- REASSIGN OWNED is not followed.
create schema app; set role service_role; reset role; create table app.t (a int); alter table app.t owner to service_role; reassign owned by service_role to postgres;
-- case: drop owned (cluster) (differs)
-- DROP OWNED is a gap that may touch everything.
create role a; create table t (a int); grant select on t to a; create policy p on t to a, anon using (true); create policy q on t to a using (true); alter default privileges in schema public grant select on tables to a; drop owned by a; drop role a;
-- case: a column is added to a composite type with typed tables (differs)
-- Typed tables do not follow their type.
create type person as (name text, age int); create table people of person;
alter type person add attribute email text cascade; alter type person rename attribute age to years cascade; alter type person drop attribute name cascade; alter type person alter attribute email type varchar(9) cascade;
-- case: WITH ORDINALITY (differs)
-- The number that it adds to the columns of a function is not kept.
create view v9 as select * from unnest(array[1, 2]) with ordinality;
-- case: a star in a sub-select (differs)
-- Which columns the star stood for is not kept; PostgreSQL drops the view with any of them.
create table t (a int, b int); create view v as select s.a from (select * from t) s; alter table t drop column b cascade;
