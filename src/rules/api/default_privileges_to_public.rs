use crate::access::in_words;
use crate::catalog::acl::{Grantee, Privileges};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{ObjectKind, Privilege};

declare_rule! {
    /// Finds default privileges that open every new table to PUBLIC.
    ///
    /// ## Why it matters
    ///
    /// PUBLIC means every role there is and will be. Each table that a later migration makes can then
    /// be read or changed by the roles of the API and by every role of a reporting tool, and a REVOKE
    /// from `anon` and `authenticated` does not take it back.
    ///
    /// ```sql,bad
    /// alter default privileges in schema public grant select on tables to public;
    /// ```
    ///
    /// ```sql,good
    /// alter default privileges in schema public grant select on tables to authenticated;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Grant to the roles that need it, and take the default back:
    /// `alter default privileges in schema public revoke select on tables from public;`
    "default-privileges-to-public" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "new tables are granted to PUBLIC",
        sources: &["pgrls:SEC044"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const ROWS: Privileges = Privileges::of(&[
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Truncate,
]);

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for row in cx.catalog.default_privileges.iter().filter(|row| row.kind == ObjectKind::Table) {
        let Some(entry) = row.acl.entry(&Grantee::Public) else { continue };
        let rights = entry.privileges.intersection(ROWS);
        let Some(span) = entry.origin.span().filter(|_| !rights.is_empty()) else { continue };
        let words: Vec<&str> = rights.iter().map(Privilege::keyword).collect();
        let place = row.schema.as_ref().map_or(String::new(), |schema| format!(" in {schema}"));
        let message =
            format!("every role there is holds {} on each new table{place}", in_words(&words, "and"));
        let place =
            row.schema.as_ref().map_or(String::new(), |schema| format!("in schema {} ", schema.quoted()));
        let name = row.schema.as_ref().map_or("", |schema| schema.as_str());
        out.report(span, Identity::plain("schema", name), message)
            .note("granted to PUBLIC")
            .what(row.owner.as_str())
            .extent(&words)
            .help(format!(
                "alter default privileges for role {} {place}revoke {} on tables from public;",
                row.owner.quoted(),
                words.join(", ").to_lowercase()
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_holds_in_the_end() {
        check(
            &RULE,
            "
             alter default privileges in schema public grant select, insert on tables to public;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: every role there is holds SELECT and INSERT on each new table in public
             create schema a;
             alter default privileges in schema a grant all on tables to public;
             alter default privileges in schema a revoke all on tables from public;
             alter default privileges in schema a grant execute on functions to public;
             alter default privileges in schema a grant references on tables to public;
             alter default privileges in schema a grant select on tables to anon;",
        );
    }
}
