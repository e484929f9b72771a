use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds statements about objects that no migration makes.
    ///
    /// ## Why it matters
    ///
    /// A table that was made in the dashboard, a name with a typing error, a file that runs before
    /// the one that it builds on: on a database that has only these migrations
    /// (`supabase db reset`, a preview branch, a colleague's machine), the statement fails, and its
    /// whole file is rolled back. Objects of Supabase's own schemas and those of extensions are
    /// known or left alone. Statements that need the same object are one finding, at the first of
    /// them.
    ///
    /// ```sql,bad
    /// alter table public.made_by_hand enable row level security;
    /// ```
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// create index on public.notes (titel);
    /// ```
    ///
    /// ```sql,good
    /// create table public.made_by_migration (id bigint primary key);
    /// alter table public.made_by_migration enable row level security;
    /// drop table if exists public.made_by_hand;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Correct the name, or let an earlier migration make the object. `supabase db pull` writes a
    /// migration for what was made in the dashboard.
    "unknown-object" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "the statement needs an object that no migration makes",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, check};

    #[test]
    fn a_missing_table_is_told_once() {
        let bench = Bench::new(
            "alter table notes enable row level security;
             create policy a on public.notes using (true);
             create policy b on notes using (true);
             create index on notes (id);
             comment on table notes is 'x';
             drop table tags;",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the migration fails here: table public.notes is not made by any statement before this one \
                 (4 more statements fail for this)",
                "the migration fails here: table public.tags is not made by any statement before this one",
            ]
        );
        assert!(found[0].help.is_some());
    }

    #[test]
    fn what_one_statement_lacks_is_told_once() {
        let bench = Bench::new(
            "create table a (id int);
             create view v as select a.one, a.two, b.id from a join b on a.three = b.id;
             create index on a (two);
             create index on a (two, one);
             create index on a (four);",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the migration fails here: table public.b is not made by any statement before this one, and neither are \
                 column public.a.three, column public.a.one and column public.a.two (2 more statements fail for this)",
                "the migration fails here: column public.a.four is not made by any statement before this one",
            ]
        );
    }

    #[test]
    fn an_extension_makes_its_types_and_schemas() {
        let bench = Bench::new("create table a (id int, place geography, near extensions.vector(3));");
        let found = bench.run(&RULE, &RULE.options.defaults());
        let help = found[0].help.as_deref();
        assert_eq!(
            help,
            Some("create extension if not exists postgis with schema extensions; -- in an earlier migration")
        );
    }

    #[test]
    fn what_no_schema_has_is_missing_whatever_the_search_path() {
        check(
            &RULE,
            "
             create function a() returns bigint language sql set search_path = public as $$ select count(*) from doctors $$;
             --                                                                                                  ^^^^^^^ error: table public.doctors is not made by any statement before this one",
        );
    }

    #[test]
    fn a_name_that_the_platform_has_as_well_is_missing() {
        check(
            &RULE,
            "
             create function a() returns bigint language sql set search_path = public as $$ select count(*) from users $$;
             --                                                                                                  ^^^^^ error: table public.users is not made by any statement before this one",
        );
    }

    #[test]
    fn a_column_is_missing_with_its_table() {
        check(
            &RULE,
            "
alter table notes add column done boolean;
--          ^^^^^ error: table public.notes is not made by any statement before this one (2 more statements fail for this)
comment on column notes.done is 'x';
comment on column public.notes.title is 'y';
",
        );
    }

    #[test]
    fn a_history_without_its_beginning_is_told_once() {
        let bench = Bench::new(
            "drop table a; drop table b; drop table c; drop table d; drop table e; drop table f; drop table f;",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "7 statements need 6 objects that no statement before them makes: the first migration that fails is \
              1_test.sql, for table public.a"
            ]
        );
        assert_eq!(found[0].instances.len(), 7, "each statement is pointed at");
    }

    #[test]
    fn what_comes_after_does_not_change_the_fingerprint() {
        let prints = ["drop table notes;", "drop table notes; drop table notes;"]
            .map(|sql| Bench::new(sql).run(&RULE, &RULE.options.defaults())[0].fingerprint());
        assert_eq!(prints[0], prints[1]);
    }

    #[test]
    fn names_in_queries_are_looked_up() {
        check(
            &RULE,
            "
create table a (id int);
create view v as select a.id, b.id as other from a join b on a.id = b.id;
--                                                      ^ error: table public.b is not made
create view w as select id, name from a;
--                          ^^^^ error: column public.a.name is not made
create index on a ((lower(title)));
--                        ^^^^^ error: column public.a.title is not made
create view x as select c.id as key from a c order by key, c.ctid;
create view y as with n as (select id as num from a) select n.num from n group by num;
",
        );
    }

    #[test]
    fn bodies_in_sql_are_looked_into() {
        check(&RULE, "
create table a (id int, owner uuid);
create function f() returns bigint language sql as $$ select count(*) from b $$;
--                                                                         ^ error: table public.b is not made
create function g(who uuid) returns setof a language sql as $$ select * from a where ownr = who $$;
--                                                                                   ^^^^ error: column public.a.ownr
create function h(n int) returns int language sql as $$ select case n when 0 then 0 else h(n - 1) end $$;
create function i() returns bigint language plpgsql as $$ begin return (select count(*) from b); end $$;
set check_function_bodies = false;
create function j() returns bigint language sql as $$ select count(*) from c $$;
");
    }

    #[test]
    fn what_may_be_there_is_left_alone() {
        check(&RULE, "
create table a (id int);
create view v as select * from auth.new_table;
create view w as select * from pg_stat_activity;
drop table supabase_functions.hooks;
grant usage on schema supabase_functions to anon;
create view x as select value from json_each('{}') as e (k);
comment on function now() is 'x';
drop table if exists gone;
do $$ begin alter table gone add column x int; exception when undefined_table then null; end $$;
do $$ begin if exists (select from pg_class where relname = current_setting('x')) then drop table gone; end if; end $$;
");
    }

    #[test]
    fn nothing_is_certain_after_sql_that_is_not_known() {
        check(&RULE, "do $$ begin execute current_setting('app.sql'); end $$; drop table a;");
    }
}
