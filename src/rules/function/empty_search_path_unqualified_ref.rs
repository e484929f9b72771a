use crate::access::in_words;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::StatementKind;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds names in function bodies that the function's own `search_path` does not lead to.
    ///
    /// ## Why it matters
    ///
    /// With `set search_path = ''`, which is advised for `security definer` functions, every name outside of
    /// `pg_catalog` needs its schema. PL/pgSQL looks only when it runs: the migration passes, and the first
    /// call fails with `relation "todos" does not exist`. What extensions bring counts, too:
    /// `gen_random_bytes` is in `extensions`.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language plpgsql security definer
    ///   set search_path = '' as $$ begin return (select count(*) from todos); end $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language plpgsql security definer
    ///   set search_path = '' as $$ begin return (select count(*) from public.todos); end $$;
    /// ```
    ///
    /// Only names are told that another schema of the project has: what a function makes for itself, CTEs,
    /// variables and fields of records are not among them.
    ///
    /// ## How to fix
    ///
    /// Write the schema before the name: `public.todos`, `extensions.gen_random_bytes(16)`.
    "empty-search-path-unqualified-ref" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a name in a function is on no schema of its search_path",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    let existence = cx.catalog.doubts(&[Aspect::Existence]);
    for function in cx.catalog.own_functions().filter(|function| !doubts.concern(&function.name)) {
        let (Some(path), Some(routine)) = (function.search_path(), cx.workload.routines.get(&function.oid))
        else {
            continue;
        };
        // Bodies in SQL were looked into when the function was made.
        if function.language != "plpgsql" || changes_path(routine) || existence.concern(&function.name) {
            continue;
        }
        let missed = routine.missed(cx.catalog, &path);
        let Some((first, rest)) = missed.split_first() else { continue };
        let path = if path.is_empty() {
            "empty".to_string()
        } else {
            in_words(&path.iter().map(Ident::quoted).collect::<Vec<_>>(), "and")
        };
        let message = format!(
            "{} {} fails where it names {} without its schema: its search_path is {path}",
            function.noun(),
            function.name,
            first.name
        );
        let found = out.report(first.span, Identity::new("function", &function.name), message);
        if routine.catches_errors() {
            found.severity(Severity::Warning);
        }
        found.what(function.signature(cx.catalog)).help(format!("write {}", first.meant.quoted()));
        found.label_each(rest.iter().map(|missed| (missed.span, format!("and {}", missed.name))));
        found.label(function.config.get("search_path").and_then(|set| set.origin.span()), "set here");
    }
}

/// Whether a body sets another path while it runs.
fn changes_path(routine: &Routine) -> bool {
    let mut found = routine
        .statements
        .iter()
        .any(|statement| matches!(statement.kind, StatementKind::Set(_) | StatementKind::SetLocal(_)));
    routine.walk(&mut |part| found |= matches!(part, Expr::Call(call) if call.name.name == "set_config"));
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    fn function(text: &str) {
        check(
            &RULE,
            &format!(
                "create extension if not exists pgcrypto with schema extensions;
                 create table public.todos (id bigint, title text);
                 create type public.mood as enum ('sad');
                 create function public.helper() returns int language sql as $$ select 1 $$;\n{text}"
            ),
        );
    }

    #[test]
    fn a_table_that_is_wanted_may_be_there() {
        function(
            "
             alter table public.messages add column kind text;
             create function public.f() returns bigint language plpgsql set search_path = 'public' as $$
             begin return (select count(*) from messages); end $$;",
        );
        function(
            "
             create function public.f() returns bigint language plpgsql set search_path = 'public' as $$
             begin return (select count(*) from messages); end $$;
             --                                 ^^^^^^^^ error: public.f fails where it names messages
            ",
        );
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a() returns void language plpgsql set search_path = '' as $$
             begin
               delete from todos where title = 'x';
             --            ^^^^^ error: function public.a fails where it names todos without its schema: its search_path is empty
               perform helper();
             end $$;
             create function public.b() returns text language plpgsql set search_path = '' as $$
             begin
               return encode(gen_random_bytes(8), 'hex');
             --              ^^^^^^^^^^^^^^^^ error: names gen_random_bytes
             end $$;
             create function public.c() returns text language plpgsql set search_path = public as $$
             begin
               return encode(gen_random_bytes(8), 'hex');
             --              ^^^^^^^^^^^^^^^^ error: its search_path is public
             end $$;
             create function public.d() returns text language plpgsql set search_path = '' as $$
             begin
               return 'sad'::mood;
             --              ^^^^ error: names mood
             end $$;
             create function public.e() returns void language plpgsql set search_path = '' as $$
             begin
               delete from todos;
             --            ^^^^^ warning: function public.e fails where it names todos
             exception when others then null;
             end $$;",
        );
    }

    #[test]
    fn what_needs_no_schema_is_silent() {
        function(
            "
             create function public.a(todos text) returns void language plpgsql set search_path = '' as $$
             declare r record; n int := 0; helper text;
             begin
               with todos as (select 1 as id) select count(*) into n from todos;
               for r in select t.id, t.title from public.todos t loop
                 raise notice '% %', r.id, upper(r.title);
               end loop;
               create temporary table mood (id int);
               insert into mood select x.id from public.todos x join lateral (select x.id) todos on true;
               perform public.helper(), now(), gen_random_uuid(), jsonb_build_object('a', 1), coalesce(n, 1);
               perform extensions.gen_random_bytes(8), 'sad'::public.mood, n::text, count(*) from pg_class;
               drop table mood;
             end $$;
             create function public.b() returns void language plpgsql set search_path = public, extensions as $$
             begin
               delete from todos; perform helper(), gen_random_bytes(8), 'sad'::mood;
             end $$;
             create function public.c() returns void language plpgsql set search_path = '' as $$
             begin
               perform set_config('search_path', 'public', true);
               delete from todos;
             end $$;
             create function public.d() returns void language plpgsql as $$ begin delete from todos; end $$;
             create function public.e() returns void language plpgsql set search_path = '' as $$
             begin
               delete from nowhere_known;
             end $$;
             create type public.input as (title text, helper int);
             create function public.g(given public.input) returns int language plpgsql set search_path = '' as $$
             begin
               return helper(given);
             end $$;
             create function public.f() returns trigger language plpgsql set search_path = '' as $$
             begin
               insert into public.todos as todos (id) values (new.id) on conflict do nothing;
               update public.todos set title = excluded_title.title from (select 'x' as title) excluded_title where todos.id = 1;
               return new;
             end $$;",
        );
    }
}
