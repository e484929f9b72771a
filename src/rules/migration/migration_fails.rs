use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds statements that PostgreSQL refuses.
    ///
    /// ## Why it matters
    ///
    /// The Supabase CLI runs each migration in one transaction: a single statement that is refused
    /// rolls back the whole file and stops `supabase db push`, `supabase db reset` and every
    /// preview branch, often at the moment of a release.
    ///
    /// Objects that are made twice, drops that other objects stand in the way of, values that do
    /// not become another type, foreign keys to what is no key, changes that the server does not
    /// allow: they are found as far as the migrations before tell for certain what there is. The
    /// analysis leaves the statement out and goes on as if the file had been mended.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// create table public.notes (id bigint primary key, title text);
    /// ```
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, title text);
    /// create view public.titles with (security_invoker = on) as select title from public.notes;
    /// alter table public.notes drop column title;
    /// ```
    ///
    /// ```sql,bad
    /// create type public.mood as enum ('good', 'bad');
    /// create table public.notes (id bigint primary key, mood text);
    /// alter table public.notes alter column mood type public.mood;
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// create table if not exists public.notes (id bigint primary key, title text);
    /// drop table public.notes;
    /// create table public.notes (id bigint primary key);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Each finding says what PostgreSQL would say, and mostly the statement to write. A file that
    /// no database has run yet can be mended in place; one that some have run needs a look at what
    /// they have.
    "migration-fails" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "PostgreSQL refuses the statement",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn an_empty_search_path_finds_no_tables() {
        check(&RULE, "
create table a (id int);
create function f() returns bigint language sql set search_path = '' as $$ select count(*) from a $$;
--                                                                                              ^ error: the search_path that the function sets does not lead to a
create function g() returns bigint language sql set search_path = '' as $$ select count(*) from public.a $$;
create function i() returns bigint language sql set search_path = '' as $$ select count(*) from pg_index $$;
create function h() returns bigint language sql set search_path = public as $$ select max(id) from a $$;
");
    }

    #[test]
    fn claims_of_another_type_are_for_another_rule() {
        check(
            &RULE,
            "
create table a (id uuid);
alter table a enable row level security;
create policy p on a using (id = auth.jwt() ->> 'org');
create policy q on a using (id = auth.jwt() ->> 'org'::uuid);
",
        );
    }

    #[test]
    fn what_reads_a_column_keeps_its_type() {
        check(&RULE, "
create table a (id int, title varchar(9));
create policy p on a using (title = 'x');
  alter table a alter column title type text;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: cannot change the type of column public.a.title because policy p
");
    }
}
