use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{FunctionBody, StatementKind};
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds functions that look names up along the `search_path` of whoever calls them.
    ///
    /// A body that says `todos` means the first `todos` on the path, and the caller sets the path.
    /// In a `security definer` function, which runs with its owner's rights, a caller who may
    /// create objects anywhere can slip in a table or function of their own. In others it makes the
    /// function fail or read another table, which is an info.
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
    /// `create or replace function` forgets a path that `alter function … set search_path` had set.
    ///
    /// Silent are aggregates, functions of extensions, bodies that are bound when they are made
    /// (`begin atomic`, `return …`), and functions in SQL of one SELECT that run as the caller:
    /// PostgreSQL copies those into the query, and could not if they set a path.
    "function-search-path-mutable" {
        group: Group::Function,
        severity: Severity::Warning,
        summary: "function looks names up along its caller's search_path",
        sources: &["splinter:0011"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for function in cx.catalog.own_functions() {
        let fixed = function.config.contains_key("search_path");
        let routine = cx.workload.routines.get(&function.oid);
        let unclear = cx.catalog.may_have_changed(&function.name, Aspect::Functions);
        if fixed || unclear || !looks_names_up(function) || is_copied_into_queries(function, routine) {
            continue;
        }
        let Some(span) = function.name_span else { continue };
        let signature = function.signature(cx.catalog);
        let keyword = if function.kind == FunctionKind::Procedure { "procedure" } else { "function" };
        let definer = function.security_definer.value;
        let rights = if definer { " runs with its owner's rights, and" } else { ":" };
        let message = format!(
            "{keyword} {}{rights} its caller's search_path decides which tables and functions it means",
            function.name
        );
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.note("no search_path is set").what(signature.clone());
        if definer {
            found.label(function.security_definer.origin.span(), "runs with its owner's rights");
        } else {
            found.severity(Severity::Info);
        }
        let help = if routine.is_some_and(Routine::names_schemas) {
            format!("alter {keyword} {signature} set search_path = '';")
        } else {
            format!(
                "alter {keyword} {signature} set search_path = public, extensions, pg_temp; or '' with every name in \
                 the body written in full, such as public.todos"
            )
        };
        found.help(help);
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
        routine.complete && matches!(routine.statements.as_slice(), [only] if matches!(only.kind, StatementKind::Query(_)))
    });
    let rows = !matches!(function.returns, Returns::Nothing);
    function.language == "sql" && !function.security_definer.value && rows && one_query
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn definer_and_invoker() {
        check(
            &RULE,
            "
             create function public.f() returns void language plpgsql security definer as $$ begin end $$;
             --              ^^^^^^^^ warning: function public.f runs with its owner's rights, and its caller's search_path decides
             create function public.g() returns void language plpgsql as $$ begin end $$;
             --              ^^^^^^^^ info: function public.g: its caller's search_path decides which tables
             create function public.h() returns trigger language plpgsql as $$ begin new.id = 1; return new; end $$;
             --              ^^^^^^^^ info: function public.h
             create procedure public.p() language plpgsql security definer as $$ begin end $$;
             --               ^^^^^^^^ warning: procedure public.p
             create function public.s() returns bigint language sql security definer as $$ select count(*) from auth.users $$;
             --              ^^^^^^^^ warning: function public.s
             create function public.f(a int) returns void language plpgsql security definer set search_path = '' as $$ begin end $$;",
        );
    }

    #[test]
    fn any_path_that_is_set_counts_until_it_is_lost() {
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
             create function public.f() returns void language plpgsql security definer set search_path = '' as $$ begin end $$;
             --              ^^^^^^^^ warning: public.f
             alter function public.f() reset search_path;
             create function public.i() returns void language plpgsql set search_path = '' as $$ begin end $$;
             alter function public.i() security definer;
             create function public.gone() returns void language plpgsql security definer as $$ begin end $$;
             drop function public.gone();
             -- file: 2.sql
             create or replace function public.e() returns void language plpgsql security definer as $$ begin end $$;
             --                         ^^^^^^^^ warning: public.e",
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
             create function public.add() returns void language sql as $$ insert into public.t values (1) $$;
             --              ^^^^^^^^^^ info: public.add",
        );
    }
}
