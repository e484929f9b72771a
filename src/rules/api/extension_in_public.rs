use crate::access::in_words;
use crate::catalog::apply::extension::is_relocatable;
use crate::catalog::function::{Function, FunctionKind};
use crate::catalog::origin::Origin;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;
use crate::sql::statement::FunctionBody;
use crate::workload::routine::{Members, Uses};

declare_rule! {
    /// Finds extensions whose functions, types and tables are in the schema `public`.
    ///
    /// ## Why it matters
    ///
    /// Their names mix with the project's own, and the Data API serves `public`: functions of the
    /// extension that take named arguments or none become endpoints that anybody can call. With
    /// `http` in `public`, for example, strangers can make the database send requests to addresses
    /// that only it can reach.
    ///
    /// ```sql,bad
    /// create extension pg_trgm;
    /// ```
    ///
    /// ```sql,good
    /// create extension pg_trgm with schema extensions;
    /// ```
    ///
    /// Silent are extensions that cannot be moved any more, such as `postgis`, unless the statement
    /// itself says `schema public`, and those that choose their schema themselves.
    ///
    /// ## How to fix
    ///
    /// Supabase has the schema `extensions` for them, where queries find them as well: write
    /// `with schema extensions`, or move what is there already with
    /// `alter extension pg_trgm set schema extensions;`.
    "extension-in-public" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "extension is in the schema public",
        sources: &["splinter:0014"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// More functions than these are counted.
const MOST_NAMED: usize = 3;

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for extension in cx.catalog.extensions.values() {
        let of_project = extension.history.created != Origin::Platform && extension.schema.value == "public";
        let Some(span) = extension.name_span.filter(|_| of_project) else { continue };
        let moves = is_relocatable(&extension.name).unwrap_or(false);
        // pg_net is said to be in public by every dump, and has its objects elsewhere.
        if (!moves && !extension.schema_given) || extension.name == "pg_net" {
            continue;
        }
        let name = extension.name.quoted();
        let of_it = |function: &&Function| {
            function.extension.as_ref() == Some(&extension.name) && function.name.schema == "public"
        };
        // Requests name the arguments that they give.
        let by_request = |function: &Function| {
            !function.is_trigger() && function.inputs().all(|argument| argument.name.is_some())
        };
        let callable = cx.catalog.functions.values().filter(of_it).any(by_request);
        let so = if callable {
            ": anybody can call functions of it through the Data API"
        } else {
            ", among the project's own tables and functions"
        };
        let message = format!("extension {name} is in the schema public{so}");
        let help = if moves {
            move_away(cx, &extension.name)
        } else {
            format!(
                "create extension {name} with schema extensions; -- it cannot be moved later, only dropped and created anew"
            )
        };
        let note = if extension.schema_given {
            "put into public"
        } else {
            "goes to public, the first schema of the search_path"
        };
        out.report(span, Identity::plain("extension", extension.name.as_str()), message)
            .note(note)
            .label(
                extension.schema.origin.span().filter(|place| !place.contains(span)),
                "moved to public here",
            )
            .help(help);
    }
}

/// What moves an extension to `extensions`, and first whatever would no longer find it there.
fn move_away(cx: &CatalogCx<'_>, extension: &Ident) -> String {
    let members = Members::of(cx.catalog, extension);
    let mut statements = Vec::new();
    let (mut also, mut in_full) = (Vec::new(), Vec::new());
    for function in cx.catalog.own_functions() {
        let Some(routine) = cx.workload.routines.get(&function.oid) else { continue };
        let path = function.search_path().unwrap_or_default();
        let has = |schema: &str| path.iter().any(|name| *name == *schema);
        let cut_off = has("public") && !has("extensions");
        let Uses { bare, in_full: qualified } = match matches!(function.body, Some(FunctionBody::Text(_))) {
            true => routine.uses(cx.catalog, &members),
            false => Uses::default(),
        };
        if qualified {
            in_full.push(function.name.to_string());
        }
        if !bare || !cut_off {
            continue;
        }
        if statements.len() == MOST_NAMED {
            also.push(function.name.to_string());
            continue;
        }
        let keyword = if function.kind == FunctionKind::Procedure { "procedure" } else { "function" };
        let path: Vec<String> = path.iter().chain([&Ident::from("extensions")]).map(Ident::quoted).collect();
        let signature = function.signature(cx.catalog);
        statements.push(format!("alter {keyword} {signature} set search_path = {};", path.join(", ")));
    }
    statements.push(format!("alter extension {} set schema extensions;", extension.quoted()));
    let help = statements.join(" ");
    let mut first = Vec::new();
    if !also.is_empty() {
        first.push(format!("add extensions to the search_path of {} as well", listed(&also)));
    }
    if !in_full.is_empty() {
        first.push(format!("name its functions and types without public in {}", listed(&in_full)));
    }
    if first.is_empty() { help } else { format!("first {}; then: {help}", first.join(", and ")) }
}

/// The first few of many names.
fn listed(names: &[String]) -> String {
    match names.split_at_checked(MOST_NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => in_words(names, "and"),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn the_schema_that_it_ends_in_counts() {
        check(
            &RULE,
            "
             create extension if not exists pg_trgm;
             --                             ^^^^^^^ warning: extension pg_trgm is in the schema public
             create extension moddatetime;
             --               ^^^^^^^^^^^ warning: extension moddatetime is in the schema public, among
             create extension citext with schema public;
             --               ^^^^^^ warning: citext
             create extension hstore schema extensions;
             create extension unaccent;
             alter extension unaccent set schema extensions;
             create extension ltree;
             drop extension ltree;",
        );
    }

    #[test]
    fn what_the_project_cannot_choose_is_silent() {
        check(
            &RULE,
            "
             create extension if not exists \"uuid-ossp\";
             create extension if not exists pgcrypto;
             create extension if not exists postgis;
             create extension if not exists pg_cron;
             drop extension if exists pg_net;
             create extension if not exists pg_net with schema public;
             create extension if not exists plpgsql;",
        );
        check(
            &RULE,
            "
             create extension postgis schema public;
             --               ^^^^^^^ warning: postgis",
        );
    }

    #[test]
    fn operators_of_trigrams_are_looked_up_as_well() {
        let text = "create extension pg_trgm; create table public.t (e text);
             create function public.s(q text) returns setof public.t language sql set search_path = public
               as $$ select * from t where e % q $$;";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(
            found[0].help.as_deref(),
            Some(
                "alter function public.s(text) set search_path = public, extensions; alter extension pg_trgm set schema extensions;"
            )
        );
    }

    #[test]
    fn the_help_mends_the_functions_that_would_not_find_it() {
        let text = "create extension citext;
             create table public.names (name citext, plain text);
             create function public.none() returns trigger language plpgsql security definer set search_path = public as $$
             begin return new; end $$;
             create function public.cast_it(x text) returns boolean language plpgsql set search_path = public, pg_temp as $$
             begin return x::citext = 'a'; end $$;
             create function public.free(x text) returns boolean language plpgsql as $$ begin return x::citext = 'a'; end $$;
             create function public.safe(x text) returns boolean language plpgsql set search_path = public, extensions as $$
             begin return x::citext = 'a'; end $$;
             create function public.declared() returns void language plpgsql set search_path = public as $$
             declare x citext; begin end $$;
             create function public.compared(x text) returns bigint language sql set search_path = public as $$
             select count(*) from names where name = x $$;
             create function public.other(x text) returns bigint language sql set search_path = public as $$
             select count(*) from names where plain = x $$;
             create function public.in_full(x text) returns boolean language plpgsql set search_path = '' as $$
             begin return x::public.citext = 'a'; end $$;";
        let help = |text: &str| {
            let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
            found[0].help.clone().unwrap_or_default()
        };
        assert_eq!(
            help(text),
            "first name its functions and types without public in public.in_full; then: \
             alter function public.cast_it(text) set search_path = public, pg_temp, extensions; \
             alter function public.declared() set search_path = public, extensions; \
             alter function public.compared(text) set search_path = public, extensions; \
             alter extension citext set schema extensions;"
        );
        let fourth =
            "create function public.fourth() returns void language plpgsql set search_path = public as $$
             declare x citext[]; begin end $$;";
        assert!(
            help(&format!("{text}{fourth}"))
                .contains("add extensions to the search_path of public.fourth as well")
        );
    }
}
