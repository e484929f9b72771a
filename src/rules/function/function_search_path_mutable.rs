use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::rules::mend;
use crate::source::Span;
use crate::sql::statement::{FunctionBody, StatementKind};
use crate::workload::routine::{Brought, LooksUp, Routine};

declare_rule! {
    /// Finds functions that do not say in which schemas the names in their body are to be found.
    ///
    /// ## Why it matters
    ///
    /// The setting `search_path` lists those schemas. A body that says `todos` means the first
    /// `todos` on the list, and unless the function sets the list itself, whoever calls it does. In
    /// a `security definer` function, which runs with its owner's rights, a caller who may create
    /// objects anywhere can slip in a table or function of their own, and has it run as the owner.
    /// In others it makes the function fail or read another table, which is an info. So it is where
    /// all names are in full: operators such as `=` have none, and mean what a schema before
    /// `pg_catalog` says.
    ///
    /// ```sql,bad
    /// create function public.count_todos() returns bigint language plpgsql security definer as $$
    /// begin
    ///   return (select count(*) from todos);
    /// end $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.count_todos() returns bigint language plpgsql security definer
    ///   set search_path = '' as $$
    /// begin
    ///   return (select count(*) from public.todos);
    /// end $$;
    /// ```
    ///
    /// A `security definer` function that lost its path when it was replaced is left to
    /// `replace-drops-function-settings`.
    ///
    /// Silent are aggregates, functions of extensions, bodies whose names are settled when they are
    /// made (`begin atomic`, `return …`) or that look nothing up, and of the functions that run as
    /// the caller those that write every name in full and those of a single SELECT in SQL:
    /// PostgreSQL may copy these into the query, which is faster, and could not if they set a path.
    ///
    /// Many of them are told once, at the first.
    ///
    /// ## How to fix
    ///
    /// Write the schema before each name in the body, and `set search_path = ''` in the function's
    /// head, or afterwards: `alter function public.count_todos() set search_path = '';`.
    /// `create or replace function` forgets a path that was set afterwards.
    "function-search-path-mutable" {
        group: Group::Function,
        severity: Severity::Warning,
        summary: "function does not fix its search_path",
        sources: &["splinter:0011"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let brought = Brought::of(cx.catalog);
    let mut found = Vec::new();
    for function in cx.catalog.own_functions() {
        // What lost its path is told by replace-drops-function-settings.
        let lost = function.security_definer.value && function.lost_search_path().is_some();
        let fixed = lost || function.config.contains_key("search_path");
        let routine = cx.workload.routines.get(&function.oid);
        let unclear = cx.catalog.may_have_changed(&function.name, Aspect::Functions);
        if fixed || unclear || !looks_names_up(function) || is_copied_into_queries(function, routine) {
            continue;
        }
        let looks_up =
            routine.map_or(LooksUp::Names, |routine| routine.looks_up(cx.catalog, function, &brought));
        let definer = function.security_definer.value;
        if looks_up == LooksUp::Nothing || looks_up == LooksUp::BuiltIns && !definer {
            continue;
        }
        if let Some(span) = function.name_span {
            found.push(Unfixed { function, span, in_full: looks_up == LooksUp::BuiltIns });
        }
    }
    let (warnings, infos): (Vec<_>, Vec<_>) = found.into_iter().partition(Unfixed::is_risky);
    for list in [&warnings, &infos] {
        let before = out.list.len();
        list.iter().for_each(|unfixed| report(cx, unfixed, out));
        if list.len() > MANY {
            fold(list, before, out);
        }
    }
}

/// A function that does not fix its search_path.
struct Unfixed<'a> {
    function: &'a Function,
    span: Span,
    /// Whether its names are in full, so that only operators and built-in functions are looked up.
    in_full: bool,
}

impl Unfixed<'_> {
    /// Whether a caller can make its names mean what is run with the rights of its owner.
    fn is_risky(&self) -> bool {
        self.function.security_definer.value && !self.in_full
    }

    /// `function public.count_todos`
    fn subject(&self) -> String {
        format!("{} {}", self.function.noun(), self.function.name)
    }
}

fn fold(list: &[Unfixed<'_>], before: usize, out: &mut Findings) {
    let risky = list[0].is_risky();
    let (rights, meaning) = if risky {
        (
            "run with their owner's rights and ",
            "a caller who sets another one can make names in them mean other tables and functions",
        )
    } else {
        ("", "depending on who calls them, names in them may mean others, or none")
    };
    let message = format!(
        "{} functions {rights}do not fix their search_path, {} the first of them: {meaning}",
        list.len(),
        list[0].function.name
    );
    let Some(habit) = out.fold(before, "functions", message, |one| format!("and {}", one.object)) else {
        return;
    };
    habit.what(if risky { "definer" } else { "invoker" }).help(
        "for each: alter function … set search_path = public, extensions, pg_temp; -- or '' with every name in the \
         body written in full, such as public.todos",
    );
}

fn report(cx: &CatalogCx<'_>, unfixed: &Unfixed<'_>, out: &mut Findings) {
    let Unfixed { function, span, in_full } = *unfixed;
    let definer = function.security_definer.value;
    let (signature, keyword, subject) = (function.signature(cx.catalog), function.noun(), unfixed.subject());
    let message = if in_full {
        format!(
            "{subject} runs with its owner's rights and does not fix its search_path: a caller who puts a schema before \
             pg_catalog can make operators and built-in functions in it mean others"
        )
    } else if definer {
        format!(
            "{subject} runs with its owner's rights and does not fix its search_path: a caller who sets another one can make \
             names in it mean other tables and functions"
        )
    } else {
        format!(
            "{subject} does not fix its search_path: depending on who calls it, names in it may mean other tables \
             and functions, or none"
        )
    };
    let found = out.report(span, Identity::new("function", &function.name), message);
    found.note("has no `set search_path`").what(signature.clone());
    if definer {
        found.extent(["the rights of its owner"]);
        found.label(function.security_definer.origin.span(), "runs with its owner's rights");
    }
    if !in_full {
        found.extent(["names without a schema"]);
    }
    if !unfixed.is_risky() {
        found.severity(Severity::Info);
    }
    found.help(if in_full {
        format!("alter {keyword} {signature} set search_path = '';")
    } else {
        format!(
            "alter {keyword} {signature} set search_path = public, extensions, pg_temp; -- or '' with every name in \
             the body written in full, such as public.todos"
        )
    });
    // Clauses may follow the body; every name in it is written in full.
    if in_full
        && let Some(statement) = mend::statement(cx, &function.history, span)
        && !mend::names(cx.sources.text(statement), "search_path")
    {
        found.edit(mend::behind(statement), " set search_path = ''");
    }
}

fn looks_names_up(function: &Function) -> bool {
    let ordinary = !matches!(function.kind, FunctionKind::Aggregate | FunctionKind::Window);
    ordinary && matches!(function.body, Some(FunctionBody::Text(_)))
}

/// Whether the planner may put the body in place of the call (`inline_function`): SQL of one
/// SELECT, with the caller's rights.
fn is_copied_into_queries(function: &Function, routine: Option<&Routine>) -> bool {
    let one_query = routine.is_some_and(|routine| {
        routine.complete
            && matches!(routine.statements.as_slice(), [only] if matches!(only.kind, StatementKind::Query(_)))
    });
    let rows = !matches!(function.returns, Returns::Nothing);
    function.language == "sql" && !function.security_definer.value && rows && one_query
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check, mended};

    #[test]
    fn what_is_offered_makes_it_silent() {
        let text = "create function public.s() returns bigint language sql security definer as $$ select count(*) from auth.users $$;";
        let mended = mended(&RULE, text);
        assert!(mended.ends_with("auth.users $$ set search_path = '';"), "{mended}");
        check(&RULE, &mended);
        let open = "create function public.p() returns void language plpgsql security definer as $$ begin delete from todos; end $$;";
        assert_eq!(crate::testing::mended(&RULE, open), open);
    }

    #[test]
    fn many_are_one_finding() {
        let function = |number: u8| {
            format!(
                "create function public.f{number}() returns void language plpgsql security definer as $$ begin delete from todos; end $$;\n"
            )
        };
        let functions: String = (2..=11).map(function).collect();
        check(
            &RULE,
            &format!(
                "
                 create function public.f1() returns void language plpgsql security definer as $$ begin delete from todos; end $$;
                 --              ^^^^^^^^^ warning: 11 functions run with their owner's rights and do not fix their search_path, public.f1 the first
                 {functions}
                 create function public.g() returns bigint language plpgsql as $$ begin return (select count(*) from todos); end $$;
                 --              ^^^^^^^^ info: function public.g does not fix its search_path"
            ),
        );
    }

    #[test]
    fn definer_and_invoker() {
        check(
            &RULE,
            "
             create function public.f() returns void language plpgsql security definer as $$ begin perform g(); end $$;
             --              ^^^^^^^^ warning: function public.f runs with its owner's rights and does not fix its search_path: a caller who sets another one can
             create function public.g() returns bigint language plpgsql as $$ begin return (select count(*) from todos); end $$;
             --              ^^^^^^^^ info: function public.g does not fix its search_path: depending on who calls it
             create function public.h() returns trigger language plpgsql as $$ begin perform g(); return new; end $$;
             --              ^^^^^^^^ info: function public.h
             create procedure public.p() language plpgsql security definer as $$ begin delete from todos; end $$;
             --               ^^^^^^^^ warning: procedure public.p
             create function public.s() returns bigint language sql security definer as $$ select count(*) from auth.users $$;
             --              ^^^^^^^^ info: function public.s runs with its owner's rights and does not fix its search_path: a caller who puts a schema before pg_catalog
             create function public.f(a int) returns void language plpgsql security definer set search_path = '' as $$ begin end $$;",
        );
    }

    #[test]
    fn any_path_that_is_set_counts_and_one_that_a_replacement_lost_is_another_rules() {
        check(
            &RULE,
            "
             create function public.a() returns void language plpgsql security definer set search_path = '' as $$ begin end $$;
             create function public.b() returns void language plpgsql security definer set search_path to public, pg_temp as $$ begin end $$;
             create function public.c() returns void language plpgsql security definer set search_path from current as $$ begin end $$;
             create function public.d() returns void language plpgsql security definer as $$ begin end $$;
             alter function public.d() set search_path = '';
             create function public.e() returns void language plpgsql security definer as $$ begin end $$;
             alter function public.e() set search_path = '';
             create function public.f() returns void language plpgsql security definer set search_path = '' as $$ begin delete from todos; end $$;
             --              ^^^^^^^^ warning: public.f
             alter function public.f() reset search_path;
             create function public.i() returns void language plpgsql set search_path = '' as $$ begin end $$;
             alter function public.i() security definer;
             create function public.gone() returns void language plpgsql security definer as $$ begin end $$;
             drop function public.gone();
             -- file: 2.sql
             create or replace function public.e() returns void language plpgsql security definer as $$ begin delete from todos; end $$;",
        );
    }

    #[test]
    fn what_has_no_use_for_a_path_is_silent() {
        check(
            &RULE,
            "
             create function public.inlined(a int) returns int language sql immutable as $$ select a + 1 $$;
             create function public.rows() returns setof bigint language sql stable as $$ select id from todos $$;
             create function public.atomic() returns bigint language sql security definer
               begin atomic select count(*) from auth.users; end;
             create function public.returned(a int) returns int language sql return a + 1;
             create function public.step(state int, item int) returns int language sql immutable as $$ select state + item $$;
             create aggregate public.total(int) (sfunc = public.step, stype = int);
             create extension pg_trgm with schema extensions;",
        );
    }

    #[test]
    fn several_statements_are_not_copied() {
        check(
            &RULE,
            "
             create table public.t (id int);
             create function public.add() returns void language sql as $$ insert into t values (1) $$;
             --              ^^^^^^^^^^ info: public.add",
        );
    }

    #[test]
    fn names_in_full_need_no_path() {
        check(
            &RULE,
            "
             create table public.t (id int, at timestamptz);
             create type public.mood as enum ('sad', 'ok');
             create function public.touch() returns trigger language plpgsql as $$ begin new.at = now(); return new; end $$;
             create function public.empty() returns void language plpgsql as $$ begin end $$;
             create function public.full() returns bigint language plpgsql as $$
             declare m public.mood := 'ok'::public.mood; r public.t%rowtype; i public.t.id%type; n int;
             begin return (select count(*) from public.t); end $$;
             create function public.cast_bare() returns text language plpgsql as $$ begin return 'ok'::mood; end $$;
             --              ^^^^^^^^^^^^^^^^ info: public.cast_bare
             create function public.declared() returns void language plpgsql as $$ declare m mood; begin end $$;
             --              ^^^^^^^^^^^^^^^ info: public.declared
             create function public.row_bare() returns void language plpgsql as $$ declare r t%rowtype; begin end $$;
             --              ^^^^^^^^^^^^^^^ info: public.row_bare
             create function public.dynamic(q text) returns void language plpgsql as $$ begin execute q; end $$;
             --              ^^^^^^^^^^^^^^ info: public.dynamic
             create function public.near(a text) returns boolean language plpgsql as $$ begin return a <-> 'x' < 1; end $$;
             --              ^^^^^^^^^^^ info: public.near",
        );
    }

    #[test]
    fn what_looks_nothing_up_needs_no_path() {
        check(
            &RULE,
            "create table public.t (id int, s text);
             create function public.f() returns trigger language plpgsql security definer as $$
             begin if new.user_id is null then new.user_id := auth.uid(); end if; return new; end $$;
             create function public.compares() returns trigger language plpgsql security definer as $$
             --              ^^^^^^^^^^^^^^^ info: can make operators and built-in functions in it mean others
             begin if new.s = 'a' then delete from public.t; end if; return new; end $$;
             create function public.calls() returns trigger language plpgsql security definer as $$
             --              ^^^^^^^^^^^^ info: operators and built-in functions
             begin new.at := now(); return new; end $$;
             create function public.joins() returns setof int language sql security definer as $$
             --              ^^^^^^^^^^^^ info: operators and built-in functions
             select t.id from public.t join public.t u using (id) $$;
             create function public.among() returns trigger language plpgsql security definer as $$
             --              ^^^^^^^^^^^^ info: operators and built-in functions
             begin if new.s in ('a', 'b') then return null; end if; return new; end $$;
             create function public.bare() returns trigger language plpgsql security definer as $$
             --              ^^^^^^^^^^^ warning: names in it mean other tables
             begin delete from t; return new; end $$;",
        );
    }

    #[test]
    fn only_what_is_of_a_type_of_an_extension_takes_its_operators() {
        check(
            &RULE,
            "create extension citext with schema extensions;
             create table public.t (id int, s text, name extensions.citext);
             create function public.other() returns trigger language plpgsql as $$
             begin if new.s = 'a' then delete from public.t where s = 'b'; end if; return new; end $$;
             create function public.field() returns trigger language plpgsql as $$
             --              ^^^^^^^^^^^^ info: public.field
             begin if new.name = 'a' then delete from public.t; end if; return new; end $$;
             create function public.argument(a extensions.citext) returns void language plpgsql as $$
             --              ^^^^^^^^^^^^^^^ info: public.argument
             begin delete from public.t where a = 'x'; end $$;
             create function public.variable() returns void language plpgsql as $$
             --              ^^^^^^^^^^^^^^^ info: public.variable
             declare a extensions.citext; begin delete from public.t where s = a; end $$;",
        );
    }

    #[test]
    fn a_text_that_is_executed_is_read_where_it_says_all() {
        check(
            &RULE,
            "create table public.c (a int);
             create materialized view public.m as select a from public.c;
             create function public.is_set(n text) returns boolean language plpgsql as $$
             declare r boolean;
             begin execute format('select %I from public.c limit 1', n) into r; return r; end $$;
             create function public.in_order(n text) returns boolean language plpgsql as $$
             begin execute format('delete from %2$I.%1$I where s like ''a%%'' and s = %L', n, n); return true; end $$;",
        );
        check(
            &RULE,
            "
             create function public.bare(n text) returns void language plpgsql as $$
             --              ^^^^^^^^^^^ info: public.bare
             begin execute format('delete from %I', n); end $$;
             create function public.pasted(n text) returns void language plpgsql as $$
             --              ^^^^^^^^^^^^^ info: public.pasted
             begin execute format('delete from public.%s', n); end $$;
             create function public.half(n text) returns void language plpgsql as $$
             --              ^^^^^^^^^^^ info: public.half
             begin execute 'delete from public.c'; execute n; end $$;",
        );
    }

    #[test]
    fn a_refresh_names_its_view() {
        check(
            &RULE,
            "create materialized view public.m as select 1 as a;
             create function public.again() returns void language plpgsql security definer as $$
             begin refresh materialized view public.m; end $$;
             create function public.bare() returns void language plpgsql security definer as $$
             --              ^^^^^^^^^^^ warning: public.bare
             begin refresh materialized view m; end $$;",
        );
    }

    #[test]
    fn the_help_is_sql() {
        let help = |body: &str| {
            let text = format!(
                "create function public.f(a text) returns void language plpgsql security definer as $$ {body} $$;"
            );
            let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
            found[0].help.clone().unwrap_or_default()
        };
        let bare = "alter function public.f(text) set search_path = public, extensions, pg_temp; -- or '' with every name in \
                    the body written in full, such as public.todos";
        assert_eq!(help("begin delete from todos; end"), bare);
        assert_eq!(help("begin perform now(); end"), "alter function public.f(text) set search_path = '';");
    }
}
