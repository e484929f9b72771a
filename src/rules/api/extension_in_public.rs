use crate::catalog::apply::extension::is_relocatable;
use crate::catalog::function::Function;
use crate::catalog::origin::Origin;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds extensions whose functions, types and tables are in the schema `public`.
    ///
    /// Their names mix with the project's own, and the Data API serves `public`: functions of the
    /// extension that take named arguments or none become endpoints that anybody can call. Supabase
    /// has the schema `extensions` for them, where queries find them as well.
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
    "extension-in-public" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "extension is in the schema public",
        sources: &["splinter:0014"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

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
        let so = if callable { ": anybody can call functions of it through the Data API" } else { ", among the project's own tables and functions" };
        let message = format!("extension {name} is in the schema public{so}");
        let help = if moves {
            let fixed = |function: &Function| {
                let path = function.search_path();
                path.is_some_and(|path| path.iter().any(|name| *name == "public") && !path.iter().any(|name| *name == "extensions"))
            };
            let mut help = format!("alter extension {name} set schema extensions;");
            if let Some(function) = cx.catalog.own_functions().find(|function| fixed(function)) {
                help.push_str(&format!(
                    " -- first add extensions to the search_path of functions that set one without it and use {name}, perhaps {}",
                    function.name
                ));
            }
            help
        } else {
            format!("create extension {name} with schema extensions; -- it cannot be moved later, only dropped and created anew")
        };
        let note = if extension.schema_given { "put into public" } else { "goes to public, the first schema of the search_path" };
        out.report(span, Identity::plain("extension", extension.name.as_str()), message)
            .note(note)
            .label(extension.schema.origin.span().filter(|place| !place.contains(span)), "moved to public here")
            .help(help);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

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
}
