//! The checks of other tools, for whoever comes from one and asks what covers them here.

use crate::rule::Rule;
use crate::rules;

/// The tools, and what is to be known about the names of their checks.
pub(crate) const TOOLS: [(&str, &str); 3] = [
    ("splinter", "Supabase's advisors, `supabase db advisors`, with the names that they print."),
    ("pgrls", "By its codes, as of 0.57."),
    ("squawk", "Only what rls-lint looks for as well; squawk's other checks are about locks and style."),
];

/// splinter's checks in their order, from 0001 on, as of its release with 0029.
#[rustfmt::skip]
const SPLINTER: [&str; 29] = [
    "unindexed_foreign_keys", "auth_users_exposed", "auth_rls_initplan", "no_primary_key", "unused_index",
    "multiple_permissive_policies", "policy_exists_rls_disabled", "rls_enabled_no_policy", "duplicate_index",
    "security_definer_view", "function_search_path_mutable", "auth_allow_anonymous_sign_ins",
    "rls_disabled_in_public", "extension_in_public", "rls_references_user_metadata",
    "materialized_view_in_api", "foreign_table_in_api", "unsupported_reg_types",
    "insecure_queue_exposed_in_api", "table_bloat", "fkey_to_auth_unique", "extension_versions_outdated",
    "sensitive_columns_exposed", "rls_policy_always_true", "public_bucket_allows_listing",
    "pg_graphql_anon_table_exposed", "pg_graphql_authenticated_table_exposed",
    "anon_security_definer_function_executable", "authenticated_security_definer_function_executable",
];

/// pgrls's checks: the letters of their codes, and the last number, as of 0.57.
const PGRLS: [(&str, usize); 4] = [("SEC", 55), ("PERF", 5), ("HYG", 4), ("VIEW", 4)];

/// Those that ask a running server for what no migration holds.
const OF_A_SERVER: [(&str, &str); 3] = [
    ("splinter:0005", "how often an index was used"),
    ("splinter:0020", "how full the pages of a table are"),
    ("pgrls:PERF005", "how often a table was read as a whole"),
];

/// The usual name of a check: `splinter:0005` for `splinter:unused_index` and
/// `splinter:0005_unused_index` too.
pub(crate) fn id(asked: &str) -> Option<String> {
    let (tool, check) = asked.split_once(':')?;
    if tool.eq_ignore_ascii_case("splinter") {
        let check = check.to_lowercase();
        let (digits, name) = check.split_at(check.bytes().take_while(u8::is_ascii_digit).count());
        let number = if digits.is_empty() {
            SPLINTER.iter().position(|known| *known == name)? + 1
        } else {
            digits.parse().ok()?
        };
        return Some(format!("splinter:{number:04}"));
    }
    if tool.eq_ignore_ascii_case("squawk") {
        return Some(format!("squawk:{}", check.to_lowercase()));
    }
    tool.eq_ignore_ascii_case("pgrls").then(|| format!("pgrls:{}", check.to_uppercase()))
}

/// The rules that cover a check.
pub(crate) fn covering(id: &str) -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().copied().filter(move |rule| rule.sources.contains(&id))
}

/// The checks of a tool, in order.
pub(crate) fn checks(tool: &str) -> Vec<String> {
    match tool {
        "splinter" => (1..=SPLINTER.len()).map(|number| format!("splinter:{number:04}")).collect(),
        "pgrls" => PGRLS
            .iter()
            .flat_map(|(letters, last)| (1..=*last).map(move |number| format!("pgrls:{letters}{number:03}")))
            .collect(),
        _ => {
            let sources = rules::ALL.iter().flat_map(|rule| rule.sources);
            let mut own: Vec<_> = sources
                .filter(|source| source.split_once(':').is_some_and(|(of, _)| of == tool))
                .map(ToString::to_string)
                .collect();
            own.sort();
            own.dedup();
            own
        }
    }
}

/// A check as people know it: splinter's with its name.
pub(crate) fn shown(id: &str) -> String {
    let number = id.strip_prefix("splinter:").and_then(|number| number.parse::<usize>().ok());
    match number.and_then(|number| SPLINTER.get(number.checked_sub(1)?)) {
        Some(name) => format!("{id} ({name})"),
        None => id.to_string(),
    }
}

/// What a check asks a running server for, where no migration can answer.
pub(crate) fn asks_a_server(id: &str) -> Option<&'static str> {
    OF_A_SERVER.iter().find(|(known, _)| *known == id).map(|(_, what)| *what)
}

/// Why no rule covers a check of this name; nothing if no tool has it.
pub(crate) fn uncovered(id: &str) -> Option<String> {
    let (tool, _) = id.split_once(':')?;
    checks(tool).iter().any(|known| known == id).then(|| match asks_a_server(id) {
        Some(what) => format!(
            "no rule covers {}: it asks a running database {what}, which migrations do not say",
            shown(id)
        ),
        None => format!("no rule covers {}", shown(id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_have_one_name_each() {
        for asked in ["splinter:0005", "splinter:5", "SPLINTER:unused_index", "splinter:0005_unused_index"] {
            assert_eq!(id(asked).as_deref(), Some("splinter:0005"), "{asked}");
        }
        assert_eq!(id("pgrls:sec001").as_deref(), Some("pgrls:SEC001"));
        assert_eq!(id("Squawk:prefer-timestamptz").as_deref(), Some("squawk:prefer-timestamptz"));
        assert_eq!(id("no-primary-key"), None);
        assert_eq!(id("eugene:E1"), None);
    }

    #[test]
    fn what_cannot_be_covered_says_why() {
        let said = |id| uncovered(id).unwrap_or_default();
        assert!(said("splinter:0005").ends_with("how often an index was used, which migrations do not say"));
        assert_eq!(said("splinter:0012"), "no rule covers splinter:0012 (auth_allow_anonymous_sign_ins)");
        assert_eq!(said("pgrls:SEC055"), "no rule covers pgrls:SEC055");
        for unknown in ["splinter:0000", "splinter:0030", "pgrls:SEC056", "pgrls:SEC1", "pgrls:X", "squawk:x"]
        {
            assert_eq!(uncovered(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_the_rules_cover_is_known() {
        for source in rules::ALL.iter().flat_map(|rule| rule.sources) {
            assert!(uncovered(source).is_some(), "{source}");
        }
    }

    /// `not_covered.txt` lists what is to be covered and is not yet. `UPDATE=1` takes out what is.
    #[test]
    fn every_check_that_migrations_can_answer_is_covered() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules/peers/not_covered.txt");
        let listed = std::fs::read_to_string(path).expect("the list is text");
        let missing: Vec<_> = ["splinter", "pgrls"]
            .into_iter()
            .flat_map(checks)
            .filter(|check| asks_a_server(check).is_none() && covering(check).next().is_none())
            .collect();
        for check in &missing {
            assert!(listed.lines().any(|line| line == check), "no rule covers {check}");
        }
        let expected: String = missing.iter().map(|check| format!("{check}\n")).collect();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, expected).expect("the list is written");
        } else {
            assert_eq!(listed, expected, "UPDATE=1 cargo test takes out what is covered now");
        }
        for (check, _) in OF_A_SERVER {
            assert!(covering(check).next().is_none(), "{check} is covered");
        }
    }
}
