-- case: SET … FROM CURRENT (differs)
-- The value is the server's own, which nobody can know.
create function d() returns int language sql set work_mem from current as 'select 1';
-- case: views on system views (differs)
-- System views are no relations of the catalog.
create view v as select * from pg_catalog.pg_tables;
