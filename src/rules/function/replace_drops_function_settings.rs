use crate::catalog::function::{Function, Loss, Lost};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::workload::routine::{Brought, LooksUp};

declare_rule! {
    /// Finds functions that lost `set search_path` or `security definer` when they were replaced.
    ///
    /// ## Why it matters
    ///
    /// `create or replace function` keeps who may call the function, and nothing else: what the new statement
    /// does not say is as for a new function, also what `alter function` had set.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language sql security definer
    ///   set search_path = '' as $$ select count(*) from public.todos $$;
    /// create or replace function public.count_todos() returns bigint language sql security definer
    ///   as $$ select count(*) + 1 from todos $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language sql security definer
    ///   set search_path = '' as $$ select count(*) from public.todos $$;
    /// create or replace function public.count_todos() returns bigint language sql security definer
    ///   set search_path = '' as $$ select count(*) + 1 from public.todos $$;
    /// ```
    ///
    /// A lost `security definer` is a warning: the function now runs with the rights of the caller, who may
    /// have fewer. Where the new statement says `security invoker`, it is meant.
    ///
    /// ## How to fix
    ///
    /// Repeat every attribute in the statement that replaces, or set it again: `alter function
    /// public.count_todos() set search_path = '';`.
    "replace-drops-function-settings" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a replacement forgot a setting of the function",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    let brought = Brought::of(cx.catalog);
    for function in cx.catalog.own_functions().filter(|function| !doubts.concern(&function.name)) {
        let Some(span) = function.name_span else { continue };
        let object = Identity::new("function", &function.name);
        let signature = function.signature(cx.catalog);
        let noun = function.noun();
        let routine = cx.workload.routines.get(&function.oid);
        let looks_up =
            routine.map_or(LooksUp::Names, |routine| routine.looks_up(cx.catalog, function, &brought));
        let matters = function.security_definer.value && looks_up != LooksUp::Nothing;
        if let Some((loss, path)) = function.lost_search_path().filter(|_| matters) {
            let names_matter = looks_up == LooksUp::Names;
            let mean = if names_matter {
                "a caller who sets another path can make names in it mean other tables and functions"
            } else {
                "a caller who puts a schema before pg_catalog can make operators and built-in functions in it mean others"
            };
            let message = format!(
                "{noun} {} lost its search_path when it was replaced, and runs with its owner's rights: {mean}",
                function.name
            );
            let path = if path == "\"\"" { "''" } else { path };
            out.report(span, object.clone(), message)
                .what(format!("{signature} search_path"))
                .note("does not say `set search_path`")
                .label(loss.had.span(), "it was set here")
                .severity(if names_matter { Severity::Error } else { Severity::Info })
                .help(format!("alter {noun} {signature} set search_path = {path};"));
        }
        let needs_no_rights = routine.is_some_and(|routine| routine.needs_no_rights(cx.catalog));
        if let Some(loss) = lost_definer(function).filter(|_| !needs_no_rights) {
            let message = format!(
                "{noun} {} ran with its owner's rights until it was replaced, and now runs with those of its caller",
                function.name
            );
            out.report(span, object, message)
                .severity(Severity::Warning)
                .what(format!("{signature} security definer"))
                .note("does not say `security definer`")
                .label(loss.had.span(), "it was a security definer function")
                .help(format!("say which is meant: alter {noun} {signature} security definer; or `security invoker` where it is made"));
        }
    }
}

/// How a function came to run with the caller's rights, where no statement says so.
fn lost_definer(function: &Function) -> Option<&Loss> {
    let loss = function.lost.iter().rev().find(|loss| loss.what == Lost::SecurityDefiner)?;
    let is_said = function.security_definer.origin != loss.by;
    (!function.security_definer.value && !is_said).then_some(loss)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn whose_rights_it_has_is_nothing_to_a_body_that_touches_the_new_row_alone() {
        check(
            &RULE,
            "
             create table public.t (id int, edited_at timestamptz);
             create function public.stamp() returns trigger language plpgsql security definer as $$ begin return new; end $$;
             create or replace function public.stamp() returns trigger language plpgsql as $$ begin new.edited_at := now(); return new; end $$;
             create function public.count() returns trigger language plpgsql security definer as $$ begin return new; end $$;
             create or replace function public.count() returns trigger language plpgsql as $$ begin delete from public.t; return new; end $$;
             --                         ^^^^^^^^^^^^ warning: function public.count ran with its owner's rights
             create function public.call() returns trigger language plpgsql security definer as $$ begin return new; end $$;
             create or replace function public.call() returns trigger language plpgsql as $$ begin perform public.other(); return new; end $$;
             --                         ^^^^^^^^^^^ warning: function public.call ran with its owner's rights
            ",
        );
    }

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table public.t (id int);
             create function public.a() returns bigint language sql security definer set search_path = 'public' as $$ select count(*) from t $$;
             create or replace function public.a() returns bigint language sql security definer as $$ select count(*) from t $$;
             --                         ^^^^^^^^ error: function public.a lost its search_path
             create function public.b() returns bigint language sql security definer as $$ select 1 $$;
             alter function public.b() set search_path = '';
             create or replace function public.b() returns bigint language sql as $$ select count(*) from public.t $$;
             --                         ^^^^^^^^ warning: function public.b ran with its owner's rights
             create procedure public.c() language sql security definer set search_path = '' as $$ select 1 $$;
             create or replace procedure public.c() language sql security invoker as $$ select 2 $$;
             create function public.d() returns int language sql security definer set search_path = '' as $$ select 1 $$;
             create or replace function public.d() returns int language sql security definer as $$ select 2 $$;
             alter function public.d() set search_path = '';
             create function public.g() returns int language sql security definer set search_path = '' as $$ select 1 $$;
             create or replace function public.g() returns int language sql security definer as $$ select 2 $$;
             create function public.e() returns int language sql set search_path = '' as $$ select 1 $$;
             create or replace function public.e() returns int language sql as $$ select 2 $$;
             create function public.f() returns int language sql security definer set search_path = '' as $$ select 1 $$;
             create or replace function public.f() returns int language sql as $$ select 2 $$;
             create or replace function public.f() returns int language sql security definer set search_path = '' as $$ select 3 $$;",
        );
    }
}
