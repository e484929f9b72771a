use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds `security definer` functions in which a temporary table of the caller hides one of the project.
    ///
    /// ## Why it matters
    ///
    /// Unless `search_path` says `pg_temp` itself, PostgreSQL looks there first for tables and types. A caller
    /// who may make temporary tables then decides what a bare name in the function means. The Data API makes
    /// none, but direct connections do.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language sql security definer
    ///   set search_path = public as $$ select count(*) from todos $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key);
    /// create function public.count_todos() returns bigint language sql security definer
    ///   set search_path = public, pg_temp as $$ select count(*) from todos $$;
    /// ```
    ///
    /// Bodies that write every name in full have nothing that can be hidden, whatever the path says.
    ///
    /// ## How to fix
    ///
    /// Write every name with its schema and `set search_path = ''`, or put `pg_temp` at the end of the
    /// path.
    "definer-pg-temp-shadowing" {
        group: Group::Function,
        severity: Severity::Info,
        summary: "temporary tables of the caller come first in a function",
        sources: &["pgrls:SEC015"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    let definer = |function: &&Function| function.security_definer.value && !doubts.concern(&function.name);
    for function in cx.catalog.own_functions().filter(definer) {
        let (Some(path), Some(span)) = (function.config.get("search_path"), function.name_span) else {
            continue;
        };
        let Some(routine) = cx.workload.routines.get(&function.oid) else { continue };
        let is_last =
            function.search_path().is_some_and(|names| names.last().is_some_and(|name| *name == "pg_temp"));
        let mut bare = None;
        routine.walk_relations(&mut |relation| {
            if relation.name.schema.is_none() && relation.target.is_some() {
                bare.get_or_insert(relation);
            }
        });
        let Some(relation) = bare.filter(|_| !is_last) else { continue };
        let signature = function.signature(cx.catalog);
        let message = format!(
            "a temporary table of the caller can take the place of {} in {} {}, which runs with its owner's rights",
            relation.name.name.quoted(),
            function.noun(),
            function.name
        );
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.label(relation.name.span, "named without its schema");
        found.help(format!(
            "alter {} {signature} set search_path = {}, pg_temp;",
            function.noun(),
            path.value
        ));
        found.what(signature);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table public.t (id int);
             create function public.a() returns bigint language sql security definer set search_path = public as $$ select count(*) from t $$;
             --              ^^^^^^^^ info: a temporary table of the caller can take the place of t in function public.a
             create function public.b() returns bigint language sql security definer set search_path = public as $$ select count(*) from public.t $$;
             create function public.c() returns bigint language sql security definer set search_path = public, pg_temp as $$ select count(*) from t $$;
             create function public.d() returns bigint language sql set search_path = public as $$ select count(*) from t $$;
             create function public.e() returns bigint language sql security definer set search_path = '' as $$ select count(*) from public.t $$;",
        );
    }
}
