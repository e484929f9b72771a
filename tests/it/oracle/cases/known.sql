-- case: SET … FROM CURRENT (differs)
-- The value is the server's own, which nobody can know.
create function d() returns int language sql set work_mem from current as 'select 1';
-- case: views on system views (differs)
-- System views are no relations of the catalog.
create view v as select * from pg_catalog.pg_tables;
-- case: a star in a sub-select (differs)
-- Which columns the star stood for is not kept; PostgreSQL drops the view with any of them.
create table t (a int, b int); create view v as select s.a from (select * from t) s; alter table t drop column b cascade;
