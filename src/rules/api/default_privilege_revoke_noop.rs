use std::cmp::Reverse;

use crate::access::in_words;
use crate::catalog::acl::Grantee;
use crate::catalog::revocation::LeftByDefault;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;
use crate::sql::statement::ObjectKind;

declare_rule! {
    /// Finds `alter default privileges … revoke` that leaves new objects as open as before.
    ///
    /// ## Why it matters
    ///
    /// Who writes such a statement counts on it for every function and table to come. Default
    /// privileges of one schema can only add to what holds everywhere, so that
    /// `in schema public revoke execute on functions from public` changes nothing: each new function
    /// can be executed by everybody. Nor does a REVOKE from PUBLIC take what Supabase grants new
    /// objects of `public` by name, or one for another role what migrations make as `postgres`.
    ///
    /// ```sql,bad
    /// alter default privileges in schema public revoke execute on functions from public;
    /// ```
    ///
    /// ```sql,good
    /// alter default privileges revoke execute on functions from public;
    /// alter default privileges in schema public revoke execute on functions from anon, authenticated;
    /// ```
    ///
    /// ## How to fix
    ///
    /// For functions, run both statements of the good example. For tables the second form is enough:
    /// PUBLIC never holds anything on new tables.
    "default-privilege-revoke-noop" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "default privileges keep what was to be revoked",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut all = cx.catalog.left_by_default_revokes();
    // One statement may name several roles, and be run in a loop for more: what tells most stands first.
    all.sort_by_key(|left| (left.span, left.key.owner != cx.catalog.session.role, Reverse(left.roles.len())));
    all.dedup_by_key(|left| left.span);
    let mut told: Vec<(&LeftByDefault<'_>, usize)> = Vec::new();
    for left in &all {
        let Some(noun) = noun(left.key.kind) else { continue };
        let schema = left.key.schema.clone().unwrap_or_else(|| "public".into());
        if !cx.catalog.is_exposed(&schema) {
            continue;
        }
        match told.iter().find(|(first, _)| says_all_of(first, left)) {
            Some((_, at)) => drop(out.list[*at].label(left.span, "nor does this")),
            None => {
                told.push((left, out.list.len()));
                report(cx, noun, &schema, left, out);
            }
        }
    }
}

/// Whether what is said of one is said of another as well: that everybody keeps what a schema cannot take.
fn says_all_of(one: &LeftByDefault<'_>, other: &LeftByDefault<'_>) -> bool {
    let is_of_everybody = |left: &LeftByDefault<'_>| left.through.contains(&Grantee::Public);
    (one.key.kind, &one.key.schema, &one.key.owner) == (other.key.kind, &other.key.schema, &other.key.owner)
        && one.key.schema.is_some()
        && is_of_everybody(one)
        && is_of_everybody(other)
        && other.roles.iter().all(|role| one.roles.iter().any(|known| known.name == role.name))
}

fn noun(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::Table => Some("tables"),
        ObjectKind::Function => Some("functions"),
        _ => None,
    }
}

fn report(cx: &CatalogCx<'_>, noun: &str, schema: &Ident, left: &LeftByDefault<'_>, out: &mut Findings) {
    let roles: Vec<String> = left.roles.iter().map(|role| role.name.quoted()).collect();
    let who = in_words(&roles, "and");
    let migrates = &cx.catalog.session.role;
    let everybody = left.through.contains(&Grantee::Public);
    let rights: Vec<&str> = left.privileges.iter().map(|privilege| privilege.keyword()).collect();
    let rights = rights.join(", ").to_lowercase();
    let in_schema =
        format!("alter default privileges in schema {} revoke {rights} on {noun}", schema.quoted());
    let globally = format!("alter default privileges revoke {rights} on {noun} from public;");
    let (why, help) = if left.key.owner != *migrates {
        let owner = left.key.owner.quoted();
        (
            format!("the statement is about what {owner} makes, and migrations run as {migrates}"),
            format!("{in_schema} from {};", grantee(left)),
        )
    } else if everybody && left.key.schema.is_some() {
        (
            "that everybody (PUBLIC) may is no default of the schema, and cannot be taken there".to_string(),
            globally,
        )
    } else if everybody {
        ("everybody (PUBLIC) may".to_string(), globally)
    } else {
        (
            format!("Supabase grants {noun} of this schema to {who} by name"),
            format!("{in_schema} from {};", roles.join(", ")),
        )
    };
    let message = format!("new {noun} in {schema} are still open to {who}: {why}");
    out.report(left.span, Identity::plain("schema", schema.as_str()), message)
        .note("does not change what new objects start with")
        .what(format!("{noun} {} {}", left.key.owner, left.key.grantee))
        .extent(roles)
        .extent(left.privileges.iter().map(|privilege| privilege.keyword()))
        .help(help);
}

fn grantee(left: &LeftByDefault<'_>) -> String {
    match &left.key.grantee {
        Grantee::Public => left.roles.iter().map(|role| role.name.quoted()).collect::<Vec<_>>().join(", "),
        Grantee::Role(role) => role.quoted(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    fn messages(text: &str) -> Vec<String> {
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        found.into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn what_a_schema_cannot_take_is_told_once() {
        let found = messages(
            "alter default privileges in schema public revoke execute on functions from public;
             alter default privileges in schema public revoke execute on functions from anon;",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("still open to anon and authenticated"));
    }

    #[test]
    fn a_schema_cannot_take_what_holds_everywhere() {
        check(
            &RULE,
            "
             alter default privileges in schema public revoke execute on functions from public;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: new functions in public are still open to anon and authenticated: that everybody (PUBLIC) may is no default of the schema
             ",
        );
        check(
            &RULE,
            "-- explicit
             alter default privileges in schema public revoke execute on functions from anon;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: new functions in public are still open to anon: that everybody (PUBLIC) may
             ",
        );
    }

    #[test]
    fn names_are_taken_by_name() {
        let expected = "new functions in public are still open to anon and authenticated: Supabase grants functions of \
                        this schema to anon and authenticated by name";
        assert_eq!(messages("alter default privileges revoke execute on functions from public;"), [expected]);
        let tables = "alter default privileges in schema public revoke all on tables from public;";
        assert!(
            messages(tables)[0].starts_with("new tables in public are still open to anon and authenticated")
        );
        let everywhere = "alter default privileges revoke all on tables from anon;";
        assert!(messages(everywhere)[0].starts_with("new tables in public are still open to anon:"));
        let other = "alter default privileges for role supabase_admin in schema public revoke all on tables from anon;";
        assert!(messages(other)[0].ends_with("what supabase_admin makes, and migrations run as postgres"));
    }

    #[test]
    fn statements_of_one_mistake_are_not_said_twice() {
        let text = "alter default privileges revoke execute on functions from public;
             alter default privileges revoke execute on functions from anon;";
        assert_eq!(messages(text).len(), 1);
    }

    #[test]
    fn a_statement_for_several_roles_is_one_finding() {
        let text = "alter default privileges for role supabase_admin, postgres in schema public
               revoke execute on functions from anon, authenticated, public;";
        let messages = messages(text);
        assert_eq!(messages.len(), 1);
        let start =
            "new functions in public are still open to anon and authenticated: that everybody (PUBLIC) may";
        assert!(messages[0].starts_with(start), "{messages:?}");
    }

    #[test]
    fn what_works_is_silent() {
        for text in [
            "alter default privileges revoke execute on functions from public;
             alter default privileges in schema public revoke execute on functions from anon, authenticated;",
            "alter default privileges in schema public revoke execute on functions from public;
             alter default privileges in schema public revoke execute on functions from anon;
             alter default privileges revoke execute on functions from public;",
            "alter default privileges in schema public revoke all on tables from anon, authenticated;",
            "alter default privileges in schema public revoke all on tables from anon, public;",
            "alter default privileges in schema public revoke all on tables from anon;
             alter default privileges in schema public grant select on tables to anon;",
            "create schema private; alter default privileges in schema private revoke all on functions from public;",
            "alter default privileges in schema public revoke all on sequences from public;",
            "-- explicit
             alter default privileges revoke execute on functions from public;",
        ] {
            assert_eq!(messages(text), [""; 0], "{text}");
        }
    }
}
