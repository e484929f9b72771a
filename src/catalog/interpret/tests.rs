//! What code that runs while migrating leaves in the catalog.

use crate::catalog::gap::{Touch, Whose};
use crate::testing::Bench;

/// What there is in `public`, on a line each, and then the gaps with what they touch.
fn state(sql: &str) -> Vec<String> {
    let bench = Bench::new(sql);
    for migration in &bench.migrations {
        assert!(migration.errors.is_empty(), "the test's SQL is broken: {:?}", migration.errors);
    }
    let catalog = &bench.catalog;
    let mut lines = Vec::new();
    for table in catalog.tables.values().filter(|table| table.name.schema == "public") {
        let columns: Vec<_> = table.columns.iter().map(|column| column.name.to_string()).collect();
        let mut line = format!("{}({})", table.name.name, columns.join(", "));
        if table.rls.value {
            line += " rls";
        }
        table.policies.keys().for_each(|name| line += &format!(" policy {name}"));
        let indexes = table.indexes.values().filter(|index| index.constraint.is_none());
        indexes.for_each(|index| line += &format!(" index {}", index.name));
        table.constraints.keys().for_each(|name| line += &format!(" constraint {name}"));
        lines.push(line);
    }
    let types = catalog.types.values().filter(|found| found.name.schema == "public");
    lines.extend(types.map(|found| format!("type {}", found.name.name)));
    lines.extend(
        catalog.cron_jobs.iter().map(|job| {
            format!("job {}: {}: {}", job.name.as_deref().unwrap_or("-"), job.schedule, job.command)
        }),
    );
    let queues = catalog.tables.values().filter(|table| table.name.name.starts_with("q_"));
    lines.extend(queues.map(|table| format!("queue {}", table.name)));
    let buckets = catalog.buckets.values().filter(|bucket| bucket.migrated);
    lines.extend(buckets.map(|bucket| format!("bucket {} public {}", bucket.id, bucket.public)));
    let touch = |touch: &Touch| match &touch.whose {
        Whose::One(object) => format!(" {:?} of {object}", touch.aspect),
        Whose::Of(schema) => format!(" {:?} of schema {schema}", touch.aspect),
        Whose::All => format!(" {:?} of anything", touch.aspect),
        Whose::AllToCome => format!(" {:?} of anything to come", touch.aspect),
    };
    lines.extend(catalog.failures.iter().map(|failure| format!("fails: {}", failure.misfit)));
    lines.extend(catalog.gaps.iter().map(|gap| {
        let touches: String = gap.touches.iter().map(touch).collect();
        format!("gap: {}:{touches}", gap.reason)
    }));
    lines
}

/// Each text, and what it leaves.
fn check(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        assert_eq!(state(sql), *expected, "{sql}");
    }
}

/// The body of a DO block, after the tables `a` and `b`.
fn check_blocks(cases: &[(&str, &[&str])]) {
    for (body, expected) in cases {
        let sql = format!("create table a (id int); create table b (id int);\ndo $do$ {body} $do$;");
        assert_eq!(state(&sql), *expected, "{body}");
    }
}

#[test]
fn what_rows_do_not_name_is_told_once_for_all_of_them() {
    let loops = |query: &str, made: &str| {
        format!(
            "declare r record; begin for r in {query} loop execute format('create table %I (id int)', {made}); end loop; end"
        )
    };
    let filtered = loops(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname = any (array[format('%s', 'a'), 'x' || c.relname])",
        "r.relname || '_of'",
    );
    let joined = loops(
        "select t.tablename, p.policyname from pg_tables t left join pg_policies p on p.tablename = t.tablename and p.policyname = concat('own', 'er')
         where t.schemaname = 'public' and coalesce(p.policyname, lower('NONE')) = lower('NONE')",
        "r.tablename || '_bare'",
    );
    let variable = "declare wanted text := 'a'; r record; begin
        for r in select wanted || '_1' as name from pg_tables t where t.schemaname = 'public' and t.tablename = concat(wanted, '') loop
          execute format('create table %I (id int)', r.name); wanted := 'b'; end loop;
        for r in select wanted || '_2' as name from pg_tables t where t.schemaname = 'public' and t.tablename = concat(wanted, '') loop
          execute format('create table %I (id int)', r.name); end loop; end";
    check_blocks(&[
        (&filtered, &["a(id)", "b(id)", "a_of(id)"]),
        // What a LEFT JOIN does not find is not known.
        (
            &joined,
            &[
                "a(id)",
                "b(id)",
                "gap: the block runs SQL that is only known when it runs: Existence of anything",
            ],
        ),
        (variable, &["a(id)", "b(id)", "a_1(id)", "b_2(id)"]),
    ]);
}

#[test]
fn a_function_that_is_made_anew_gives_something_else() {
    let function = |value: &str| {
        format!(
            "create or replace function named(n int) returns text language sql immutable as 'select ''{value}'' || n'"
        )
    };
    let make = "execute format('create table %I (id int)', named(1));";
    let block = format!(
        "begin {make} alter table a add column n int; execute format('create table %I (id int)', named(1) || named(2));
         execute $f${}$f$; {make} end",
        function("y")
    );
    let sql = format!("create table a (id int); {}; do $do$ {block} $do$;", function("x"));
    assert_eq!(state(&sql), ["a(id, n)", "x1(id)", "x1x2(id)", "y1(id)"]);
}

#[test]
fn what_sql_is_for_may_be_told_without_its_text() {
    check_blocks(&[
        (
            "declare r record; begin for r in select oid from pg_proc where proname like 'a\\_%' escape '\\' loop
             execute replace(pg_get_functiondef(r.oid), 'x', 'y'); end loop; end",
            &["a(id)", "b(id)"],
        ),
        (
            "declare d text; begin d := pg_get_functiondef(current_setting('x')::oid); execute replace(d, 'x', 'y'); end",
            &["a(id)", "b(id)", "gap: SQL that is only known when it runs: Functions of anything"],
        ),
        ("declare n int; begin execute current_setting('x') into n; end", &["a(id)", "b(id)"]),
        (
            "declare r record; begin for r in select c.table_name from information_schema.columns c join
             information_schema.tables t on c.table_schema = t.table_schema and c.table_name = t.table_name
             where t.table_schema = 'public' and c.column_name = 'id' and c.table_name like 'a%'
             loop execute format('alter table %I add x int', r.table_name); end loop; end",
            &["a(id, x)", "b(id)"],
        ),
    ]);
}

#[test]
fn a_block_that_raises_fails() {
    check_blocks(&[
        (
            "begin raise exception 'run this by hand'; end",
            &["a(id)", "b(id)", "fails: the block raises an exception, \"run this by hand\""],
        ),
        ("begin raise exception 'never mind'; exception when others then null; end", &["a(id)", "b(id)"]),
        (
            "begin update a set id = 1; if not found then raise exception 'no rows'; end if; end",
            &["a(id)", "b(id)"],
        ),
        (
            "declare n int; begin select count(*) into n from a; if n = 0 then raise exception 'empty'; end if; end",
            &["a(id)", "b(id)"],
        ),
        (
            "begin if to_regclass('public.a') is null then raise exception 'no table'; end if; end",
            &["a(id)", "b(id)"],
        ),
    ]);
}

#[test]
fn guards_that_ask_the_catalogs_are_decided() {
    check_blocks(&[
        (
            "begin if not exists (select 1 from pg_tables where tablename = 'a') then drop table b; end if; end",
            &["a(id)", "b(id)"],
        ),
        (
            "begin if exists (select from information_schema.columns where table_name = 'a' and
             column_name = 'id') then alter table a rename column id to key; else drop table b; end if; end",
            &["a(key)", "b(id)"],
        ),
        (
            "begin if to_regclass('public.c') is null then create table c (id int); end if; end",
            &["a(id)", "b(id)", "c(id)"],
        ),
        (
            "begin if not exists (select 1 from pg_type where typname = 'mood') then
             create type mood as enum ('sad'); end if; end",
            &["a(id)", "b(id)", "type mood"],
        ),
        (
            "begin perform 1 from pg_class where relname = 'a'; if found then drop table b; end if; end",
            &["a(id)"],
        ),
        (
            "declare n int; begin select count(*) into n from pg_policies where tablename = 'a';
             if n = 0 then create policy p on a using (true); end if; end",
            &["a(id) policy p", "b(id)"],
        ),
        (
            "begin if not exists (select 1 from pg_extension where extname = 'nothing') then return; end if;
             drop table a; end",
            &["a(id)", "b(id)"],
        ),
    ]);
}

#[test]
fn a_key_is_found_by_its_column() {
    let tables = "create table a (id int primary key); create table b (a_id int references a);";
    let block = "do $$ begin
      if exists (select 1 from information_schema.table_constraints tc
                 join information_schema.key_column_usage kcu on tc.constraint_name = kcu.constraint_name
                 where tc.table_name = 'b' and kcu.column_name = 'a_id' and tc.constraint_type = 'FOREIGN KEY')
      then
        execute (select 'alter table b drop constraint ' || quote_ident(tc.constraint_name)
                 from information_schema.table_constraints tc
                 join information_schema.key_column_usage kcu on tc.constraint_name = kcu.constraint_name
                 where tc.table_name = 'b' and kcu.column_name = 'a_id' limit 1);
      end if; end $$;";
    check(&[(&format!("{tables}{block}"), &["a(id) constraint a_pkey", "b(a_id)"])]);
}

#[test]
fn what_is_there_is_not_null_even_where_its_text_is_not_known() {
    check(&[
        (
            "create table a (id int); create index i on a (id);
             do $$ declare def text; begin
               select pg_get_indexdef(c.oid) into def from pg_class c where c.relname = 'i';
               if def is null then create index j on a (id); end if;
             end $$;",
            &["a(id) index i"],
        ),
        (
            "create table a (id int); create policy p on a using (id > 0);
             do $$ declare rec record; stmt text; begin
               for rec in select polname, (polqual is not null) as reads from pg_policy loop
                 stmt := format('alter policy %I on a', rec.polname);
                 if rec.reads then stmt := stmt || ' using (true)'; end if;
                 execute stmt;
               end loop;
             end $$;",
            &["a(id) policy p"],
        ),
    ]);
}

#[test]
fn handlers_take_what_does_not_fit() {
    let twice = "create policy p on a using (true); create policy p on a using (true);";
    check_blocks(&[
        (
            "begin create policy p on a using (true); exception when duplicate_object then null; end",
            &["a(id) policy p", "b(id)"],
        ),
        (
            // As in PostgreSQL, nothing is left of what the block did before the error.
            &format!("begin {twice} exception when duplicate_object then null; end"),
            &["a(id)", "b(id)"],
        ),
        (&format!("begin begin {twice} exception when others then drop table b; end; end"), &["a(id)"]),
        ("begin drop table c; exception when undefined_table then drop table b; end", &["a(id)"]),
        (
            "begin alter publication supabase_realtime add table a;
             alter publication supabase_realtime add table a;
             exception when duplicate_object then null; end",
            &["a(id)", "b(id)"],
        ),
        (
            "begin alter table a add x int; raise exception 'no'; exception when others then drop table b; end",
            &["a(id)"],
        ),
        (
            &format!("begin {twice} exception when undefined_table then null; end"),
            &["a(id) policy p", "b(id)", "fails: policy \"p\" on public.a exists already"],
        ),
        (
            "begin drop function missing(); exception when sqlstate '42883' then null; end",
            &["a(id)", "b(id)"],
        ),
    ]);
}

#[test]
fn a_handler_that_may_have_taken_an_error_leaves_a_gap() {
    let gap = "gap: the block runs this only on a condition that needs the database: Existence of public.c";
    let perhaps: &[&str] = &["a(id)", "b(id)", gap];
    check_blocks(&[
        ("begin perform 1 / 0; exception when division_by_zero then create table c (id int); end", perhaps),
        (
            "declare x int; begin select id into strict x from a; exception when no_data_found then create table c (id int); end",
            perhaps,
        ),
        (
            "declare e text := current_user; begin raise exception using errcode = e;
             exception when no_data_found then drop table b; when others then create table c (id int); end",
            &[
                "a(id)",
                "b(id)",
                "gap: the block runs this only on a condition that needs the database: Existence of public.b",
                gap,
            ],
        ),
        (
            "begin insert into a values (1); exception when undefined_table then create table c (id int); end",
            &["a(id)", "b(id)"],
        ),
    ]);
}

#[test]
fn loops_are_unrolled() {
    check_blocks(&[
        (
            "declare t text; begin foreach t in array array['a', 'b'] loop
             execute format('alter table %I enable row level security', t); end loop; end",
            &["a(id) rls", "b(id) rls"],
        ),
        (
            "declare r record; begin for r in select tablename from pg_tables where schemaname = 'public' loop
             execute 'alter table public.' || quote_ident(r.tablename) || ' enable row level security';
             end loop; end",
            &["a(id) rls", "b(id) rls"],
        ),
        (
            "declare t text; begin for t in select unnest(array['a', 'b']) loop
             if t = 'b' then exit; end if;
             execute format('create policy %I on %I using (true)', t || '_own', t); end loop; end",
            &["a(id) policy a_own", "b(id)"],
        ),
        (
            "declare t text; begin foreach t in array array['a', 'b'] loop
             continue when t = 'a'; execute format('drop table %I', t); end loop; drop table a; end",
            &[],
        ),
        (
            "declare t text; begin foreach t in array array['a', 'b'] loop
             if t = 'a' then return; end if; end loop; drop table a; end",
            &["a(id)", "b(id)"],
        ),
        (
            "declare r record; begin for r in select tablename, count(*) as n from pg_policies
             group by tablename having count(*) > 1 loop execute format('drop table %I', r.tablename);
             end loop; end",
            &["a(id)", "b(id)"],
        ),
    ]);
}

#[test]
fn text_for_execute_is_put_together() {
    check_blocks(&[
        ("begin execute 'drop table a'; end", &["b(id)"]),
        ("begin execute format('drop table %I.%I', 'public', 'a'); end", &["b(id)"]),
        ("begin execute format('drop table %2$I', 'a', 'b'); end", &["a(id)"]),
        (
            "declare list text; begin
             select string_agg(format('%I', tablename), ', ') into list from pg_tables
             where schemaname = 'public'; execute 'drop table ' || list; end",
            &[],
        ),
        (
            "declare names text[]; begin select array_agg(tablename) into names from pg_tables
             where schemaname = 'public'; execute 'drop table ' || array_to_string(names, ', '); end",
            &[],
        ),
        ("begin execute concat_ws(' ', 'drop', 'table', lower('A')); end", &["b(id)"]),
        (
            "begin execute 'alter table public.a add column ' || current_setting('x') || ' int'; end",
            &["a(id)", "b(id)", "gap: SQL that is only known when it runs: Shape of public.a"],
        ),
        ("begin execute 'select ' || current_setting('x'); end", &["a(id)", "b(id)"]),
    ]);
}

#[test]
fn a_condition_on_rows_leaves_a_gap_for_what_may_change() {
    let reason = "gap: the block runs this only on a condition that needs the database:";
    let (shape, rls) = (format!("{reason} Shape of public.a"), format!("{reason} Rls of public.a"));
    let index = format!("{reason} Indexes of public.b");
    let table = format!("{reason} Existence of public.b");
    check_blocks(&[
        (
            "begin if exists (select 1 from a) then alter table a add column x int; end if; end",
            &["a(id)", "b(id)", &shape],
        ),
        (
            "begin if (select count(*) from a) > 1 then alter table a enable row level security;
             else create index i on b (id); end if; end",
            &["a(id)", "b(id)", &rls, &index],
        ),
        ("begin if exists (select 1 from a) then update a set id = 1; end if; end", &["a(id)", "b(id)"]),
        (
            "begin if exists (select 1 from a) then create table if not exists b (id int);
             drop table if exists c; drop policy if exists p on a; end if; end",
            &["a(id)", "b(id)"],
        ),
        (
            "begin if exists (select 1 from a) then return; end if; drop table b; end",
            &["a(id)", "b(id)", &table],
        ),
        (
            "begin if exists (select 1 from a) then alter table a disable trigger all; end if; end",
            &["a(id)", "b(id)"],
        ),
        (
            "begin if 1 = 2 then drop table b; elsif exists (select 1 from a) then null;
             else alter table a enable row level security; end if; end",
            &["a(id)", "b(id)", &rls],
        ),
    ]);
}

#[test]
fn functions_that_are_called_run() {
    let make = "create table a (id int);
      create function secure(t text) returns void language plpgsql as $$ begin
        execute format('alter table public.%I enable row level security', t); end $$;
      create function fill() returns void language plpgsql as $$ begin
        insert into a values (1); update a set id = 2; end $$;
      create function all_of_it() returns void language sql as $$ select secure('a'); $$;";
    check(&[
        (&format!("{make} select secure('a');"), &["a(id) rls"]),
        (&format!("{make} select all_of_it();"), &["a(id) rls"]),
        (&format!("{make} do $$ begin perform public.secure('a'); end $$;"), &["a(id) rls"]),
        (&format!("{make} select fill();"), &["a(id)"]),
        (&format!("{make} select fill(), secure(t) from (values ('a')) as list (t);"), &["a(id) rls"]),
        (
            &format!("{make} select secure(t.t) from auth.users as t;"),
            &["a(id)", "gap: SQL that is only known when it runs: Rls of schema public"],
        ),
    ]);
}

#[test]
fn temporary_tables_end_with_their_file() {
    check(&[
        ("create temp table t (id int); alter table t add x int; drop table t;", &[]),
        ("create table t (id int); create temp table t (id int); alter table t add x int;", &["t(id)"]),
        (
            "create table t (id int); create temp table t (id int);
             -- file: 2_next.sql
             alter table t add x int;",
            &["t(id, x)"],
        ),
    ]);
}

#[test]
fn queries_are_joined_as_their_conditions_allow() {
    let found = |query: &str| {
        format!(
            "declare r record; begin for r in {query} loop execute format('alter table %I add x int', r.t); end loop; end"
        )
    };
    let all = ["a(id, x)", "b(id, x)"];
    let columns = "information_schema.columns c join information_schema.tables t using (table_name)";
    check_blocks(&[
        (
            &found(
                "select c.table_name as t from information_schema.columns c, information_schema.tables i
                 where i.table_schema = 'public' and c.table_name = i.table_name and c.table_schema = i.table_schema",
            ),
            &all,
        ),
        (
            &found(
                "with x as (select relname as t from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)
                 select t from x",
            ),
            &all,
        ),
        // Of what is on the right of a LEFT JOIN, nothing is known where there is none.
        (
            &found(
                "select c.relname as t from pg_class c left join pg_index i on i.indrelid = c.oid
                 where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and i.indisunique",
            ),
            &["a(id)", "b(id)", "gap: the block runs SQL that is only known when it runs: Shape of anything"],
        ),
        // How USING pairs columns is not followed, nor which row comes first.
        (
            &found(&format!("select table_name as t from {columns} where c.table_schema = 'public'")),
            &["a(id)", "b(id)", "gap: the block runs SQL that is only known when it runs: Shape of anything"],
        ),
        (
            &found("select tablename as t from pg_tables where schemaname = 'public' order by tablename limit 1"),
            &["a(id)", "b(id)", "gap: the block runs SQL that is only known when it runs: Shape of anything"],
        ),
    ]);
}

#[test]
fn functions_that_only_decide_give_values() {
    let functions =
        "create table a (id int); create function one(x int) returns int language sql as 'select x + 1';
        create function two(x int) returns text language plpgsql as $$ begin if x > 1 then return 'y'; end if;
        return 'z'; end $$; create function rows() returns text language plpgsql as $$ declare x text; begin
        select name into x from storage.buckets; return x; end $$;";
    let added = |value: &str| {
        format!("{functions} do $$ begin execute format('alter table a add %I int', {value}); end $$;")
    };
    check(&[
        (&added("two(one(1))"), &["a(id, y)"]),
        (&added("public.two(0)"), &["a(id, z)"]),
        (&added("rows()"), &["a(id)", "gap: SQL that is only known when it runs: Shape of public.a"]),
    ]);
}

#[test]
fn jobs_queues_and_buckets() {
    let cron = "create extension pg_cron;";
    check(&[
        (
            &format!("{cron} select cron.schedule('tidy', '0 0 * * *', 'select 1');"),
            &["job tidy: 0 0 * * *: select 1"],
        ),
        (
            &format!(
                "{cron} create function plan(every text default '1 second') returns text language plpgsql as $$
                 declare id bigint; begin
                 begin perform cron.unschedule('tidy'); exception when others then null; end;
                 id := cron.schedule(command => 'select 1', job_name => 'tidy', schedule => plan.every);
                 return id::text; end $$; select plan();"
            ),
            &["job tidy: 1 second: select 1"],
        ),
        (
            &format!(
                "{cron} select cron.schedule('tidy', '0 0 * * *', 'select 1');
                 select cron.unschedule('tidy');"
            ),
            &[],
        ),
        (
            &format!(
                "{cron} select cron.schedule('tidy', '0 0 * * *', format('select %L', current_setting('x')));
                 do $$ begin if exists (select 1 from cron.job where jobname = 'tidy') then
                 perform cron.unschedule('tidy'); end if; end $$;"
            ),
            &[],
        ),
        (
            &format!(
                "{cron} select cron.schedule('tidy', '0 0 * * *', 'select 1');
                 select cron.unschedule(jobid) from cron.job where jobname = 'tidy';"
            ),
            &[],
        ),
        (
            &format!(
                "{cron} select cron.schedule('tidy', '0 0 * * *', 'select 1');
                 do $$ declare id bigint; begin
                   select jobid into id from cron.job where jobname = 'tidy';
                   perform cron.alter_job(job_id := id, command := 'select 2');
                   perform cron.alter_job(id, '1 0 * * *');
                 end $$;"
            ),
            &["job tidy: 1 0 * * *: select 2"],
        ),
        (
            &format!("{cron} select cron.schedule('tidy', '0 0 * * *', 'select ' || current_setting('x'));"),
            &["job tidy: 0 0 * * *: ?"],
        ),
        ("create extension pgmq; select pgmq.create('Jobs');", &["queue pgmq.q_jobs"]),
        ("create extension pgmq; select pgmq.create('jobs'); select pgmq.drop_queue('jobs');", &[]),
        ("select vault.create_secret(current_setting('x'), 'key');", &[]),
        (
            "insert into storage.buckets (id, name, public) values ('a', 'a', true);",
            &["bucket a public true"],
        ),
        (
            "insert into storage.buckets (id, name, public) values ('a', 'a', true);
             update storage.buckets set public = false where id = 'a';",
            &["bucket a public false"],
        ),
        (
            "insert into storage.buckets (id, name) values ('a', 'a');
             set storage.allow_delete_query = 'true'; delete from storage.buckets where id = 'a';",
            &[],
        ),
        (
            "insert into storage.buckets (id, name) values ('a', 'a'); delete from storage.buckets;
             delete from storage.objects where bucket_id = 'a';",
            &[
                "bucket a public false",
                "fails: Supabase's storage takes DELETE on storage.buckets from its API only",
                "fails: Supabase's storage takes DELETE on storage.objects from its API only",
            ],
        ),
    ]);
}

#[test]
fn a_block_that_cannot_be_read_is_refused_by_postgresql_too() {
    check_blocks(&[(
        "begin execute 'drop tabel a'; end",
        &["a(id)", "b(id)", "gap: the text that EXECUTE runs is not valid SQL:"],
    )]);
}

#[test]
fn a_text_says_that_it_is_about_calling_functions_whatever_its_names() {
    check_blocks(&[(
        "declare r record; begin
           for r in select oid::regprocedure as sig from pg_proc where random() < 0.5 loop
             execute format('revoke all on function %s from anon', r.sig);
           end loop;
         end",
        &["a(id)", "b(id)", "gap: the block runs SQL that is only known when it runs: Execute of anything"],
    )]);
}

#[test]
fn a_text_says_whether_it_only_drops_policies() {
    let gap = |aspect: &str| format!("gap: SQL that is only known when it runs: {aspect}");
    for (text, left) in [
        ("drop policy if exists %I on public.%I", "PoliciesGone of schema public"),
        ("drop policy p on a; create policy p on a for select using (%s)", "Policies of anything"),
        ("alter policy %I on a using (true)", "Policies of anything"),
        ("%s policy p on a", "Policies of anything"),
        ("grant select on a to %I", "Grants of anything Execute of anything"),
        (
            "alter default privileges grant select on tables to %I",
            "Grants of anything to come Execute of anything to come",
        ),
        ("grant staff to %I", "Grants of anything to come Execute of anything to come"),
        ("grant usage, select on sequence public.%I to anon", ""),
        ("revoke connect on database %I from anon", ""),
        ("create role %I", ""),
        ("comment on table a is %L", ""),
        (
            "grant usage on sequence s to anon; grant select on a to %I",
            "Grants of anything Execute of anything",
        ),
    ] {
        let block = format!("begin execute format('{text}', now()::text, now()::text); end");
        check_blocks(&[(&block, &["a(id)", "b(id)", gap(left).trim_end()])]);
    }
    check_blocks(&[(
        "begin if now() > '2025-01-01' then drop policy p on a; alter default privileges grant select on tables to anon; end if; end",
        &[
            "a(id)",
            "b(id)",
            "gap: the block runs this only on a condition that needs the database: Grants of anything to come Execute of anything to come",
        ],
    )]);
}

#[test]
fn a_text_says_in_which_schema_its_tables_are() {
    let block = |text: &str| {
        format!(
            "create schema audit; create table a (id int);
             do $$ begin execute format('{text}', to_char(now(), 'YYYY')); end $$;"
        )
    };
    check(&[
        (
            &block("alter table audit.events_%s enable row level security"),
            &["a(id)", "gap: SQL that is only known when it runs: Rls of schema audit"],
        ),
        (
            &block("create table if not exists audit.%I partition of audit.events"),
            &["a(id)", "gap: SQL that is only known when it runs: Existence of schema audit"],
        ),
        (
            &block("create trigger t before truncate on audit.%I for each statement execute function f()"),
            &["a(id)", "gap: SQL that is only known when it runs: Shape of schema audit"],
        ),
        (
            &block("alter table %I enable row level security"),
            &["a(id)", "gap: SQL that is only known when it runs: Rls of anything"],
        ),
        (
            &block("drop policy p on audit.%I; alter table a disable row level security"),
            &["a(id)", "gap: SQL that is only known when it runs: Rls of anything PoliciesGone of anything"],
        ),
    ]);
}

#[test]
fn functions_are_told_by_their_result() {
    let catalog = crate::testing::Bench::new(
        "create function public.touch() returns trigger language plpgsql security definer as $$ begin return new; end $$;
         create function public.ping() returns integer language sql security definer as $$ select 1 $$;
         do $$ declare r record; begin
           for r in select oid::regprocedure as sig from pg_proc
             where pronamespace = 'public'::regnamespace and prosecdef and pg_get_function_result(oid) = 'trigger'
           loop
             execute format('revoke all on function %s from public, anon', r.sig);
           end loop;
         end $$;",
    )
    .catalog;
    let can_call = |name: &str| {
        let function = catalog.own_functions().find(|function| function.name.name == *name);
        function.is_some_and(|function| catalog.can_execute(&"anon".into(), function))
    };
    assert_eq!((can_call("touch"), can_call("ping")), (false, true));
}

#[test]
fn a_role_is_made_whatever_its_password() {
    let catalog = crate::testing::Bench::new(
        "do $$ declare secret text := nullif(current_setting('app.secret', true), ''); begin
           if secret is null then secret := 'only here'; end if;
           if not exists (select from pg_roles where rolname = 'worker') then
             execute format('create role worker login password %L noinherit', secret);
           end if;
           execute format('alter role worker set search_path to %L', secret);
         end $$;
         create table jobs (id int); grant select on jobs to worker;",
    )
    .catalog;
    let role = &catalog.roles["worker"];
    assert!(role.login && !role.inherit);
    assert_eq!(catalog.failures, []);
    assert_eq!(catalog.gaps.len(), 1, "what it is set to is not known");
}
