use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds extensions that are made in one version.
    ///
    /// ## Why it matters
    ///
    /// A platform offers the versions that it ships: when Supabase updates its image, `create
    /// extension vector version '0.5.0'` fails there ("extension has no installation script"), and with
    /// it the migration, on every new branch and colleague's machine. Until then the project stays
    /// without the security fixes of later versions.
    ///
    /// ```sql,bad
    /// create extension pg_trgm with schema extensions version '1.5';
    /// ```
    ///
    /// ```sql,good
    /// create extension pg_trgm with schema extensions;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Leave the version out, and the server takes its own. What is installed already is updated with
    /// `alter extension pg_trgm update;`.
    "extension-version-pinned" {
        group: Group::Migration,
        severity: Severity::Info,
        summary: "an extension is held to one version",
        sources: &["splinter:0022"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for extension in cx.catalog.extensions.values() {
        let (Some(version), Some(span)) = (&extension.version, extension.name_span) else { continue };
        let name = extension.name.quoted();
        let message = format!(
            "extension {name} is held to version {version}: it fails where the server does not ship that, and gets no fixes"
        );
        out.report(span, Identity::plain("extension", extension.name.to_string()), message)
            .note("its version is written here")
            .help(format!(
                "leave the version out; and for databases that have it: alter extension {name} update;"
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn only_extensions_that_stay_count() {
        check(
            &RULE,
            "create extension pg_trgm with schema extensions version '1.5';
             drop extension pg_trgm;
             create extension if not exists citext version '1.6' schema extensions;
             --                             ^^^^^^ info: extension citext is held to version 1.6
             create extension if not exists pgcrypto version '1.3';",
        );
    }
}
