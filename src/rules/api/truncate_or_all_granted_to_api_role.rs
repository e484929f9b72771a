use crate::map::IndexMap;

use crate::access::in_words;
use crate::catalog::acl::{Grantee, Privileges};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds grants of TRUNCATE, TRIGGER and REFERENCES to the roles of the API.
    ///
    /// ## Why it matters
    ///
    /// TRUNCATE empties a table whatever its policies say: row level security is not asked. The Data
    /// API has no request for it, but a function that runs SQL for the caller has, and nothing in an
    /// app needs these rights.
    ///
    /// ```sql,bad
    /// create table public.todos (id bigint primary key);
    /// grant all on public.todos to anon, authenticated;
    /// ```
    ///
    /// ```sql,good
    /// create table public.todos (id bigint primary key);
    /// grant select, insert, update, delete on public.todos to anon, authenticated;
    /// ```
    ///
    /// A dump writes such grants for every table: there is one finding for the project, which points
    /// at each. What Supabase grants to new tables by itself is not reported.
    ///
    /// ## How to fix
    ///
    /// `revoke truncate, trigger, references on all tables in schema public from anon, authenticated;`
    "truncate-or-all-granted-to-api-role" {
        group: Group::Api,
        severity: Severity::Info,
        summary: "role of the API may truncate tables",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const NEEDLESS: Privileges =
    Privileges::of(&[Privilege::Truncate, Privilege::Trigger, Privilege::References]);

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut grants: IndexMap<Span, Vec<String>> = IndexMap::default();
    let mut roles: Vec<Ident> = Vec::new();
    for table in cx.catalog.own_tables() {
        if !cx.catalog.is_exposed(&table.name.schema)
            || cx.catalog.may_have_changed(&table.name, Aspect::Grants)
        {
            continue;
        }
        for entry in &table.acl.entries {
            let named = match &entry.grantee {
                Grantee::Public => Some(Ident::new("public")),
                Grantee::Role(name) => {
                    cx.catalog.api_roles().find(|role| role.name == *name).map(|role| role.name.clone())
                }
            };
            let needless = !entry.privileges.without(entry.by_default).intersection(NEEDLESS).is_empty();
            let (Some(role), Some(span), true) = (named, entry.origin.span(), needless) else { continue };
            let tables = grants.entry(span).or_default();
            if !tables.contains(&table.name.to_string()) {
                tables.push(table.name.to_string());
            }
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    grants.sort_unstable_keys();
    let names: Vec<String> = roles.iter().map(Ident::quoted).collect();
    let all: crate::map::IndexSet<&String> = grants.values().flatten().collect();
    let message = |tables: &[&String]| {
        let what = match tables {
            [one] => (*one).clone(),
            many => format!("{} tables", many.len()),
        };
        let who = in_words(&names, "and");
        format!("{who} may TRUNCATE or put triggers on {what}, which row level security does not prevent")
    };
    let before = out.list.len();
    for (span, tables) in &grants {
        let of_grant: Vec<&String> = tables.iter().collect();
        out.report(*span, Identity::plain("grant", tables.join(", ")), message(&of_grant))
            .note("more than an app needs")
            .extent(&names)
            .help(format!(
                "revoke truncate, trigger, references on all tables in schema public from {};",
                names.join(", ")
            ));
    }
    if grants.len() > 1 {
        let all: Vec<&String> = all.into_iter().collect();
        out.fold(before, "grants", message(&all), |_| "so is this");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn one_finding_for_all() {
        check(
            &RULE,
            "
             create table public.a (id int);
             create table public.b (id int);
             grant all on public.a to anon;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: anon and authenticated may TRUNCATE or put triggers on 2 tables
             grant truncate on public.b to authenticated;
             grant all on public.b to service_role;",
        );
    }

    #[test]
    fn what_rows_need_and_defaults_are_silent() {
        let texts = [
            "create table public.a (id int); grant select, insert, update, delete on public.a to anon;",
            "create table public.a (id int); grant all on public.a to anon;
             revoke truncate, trigger, references on all tables in schema public from anon;",
            "alter default privileges in schema public grant all on tables to anon; create table public.a (id int);",
            "create schema private; create table private.a (id int); grant all on private.a to anon;",
        ];
        for text in texts {
            assert_eq!(Bench::new(text).run(&RULE, &RULE.options.defaults()), [], "{text}");
        }
    }
}
