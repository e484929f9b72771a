//! The checks of other tools, for whoever comes from one and asks what covers them here.

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
const OF_A_SERVER: [(&str, &str); 4] = [
    ("splinter:0005", "how often an index was used"),
    ("splinter:0020", "how full the pages of a table are"),
    ("splinter:0022", "which versions of an extension are installed and available"),
    ("pgrls:PERF005", "how often a table was read as a whole"),
];

/// The usual name of a check: `splinter:0005` for `splinter:unused_index` and
/// `splinter:0005_unused_index` too.
pub(super) fn id(asked: &str) -> Option<String> {
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
    tool.eq_ignore_ascii_case("pgrls").then(|| format!("pgrls:{}", check.to_uppercase()))
}

/// Why no rule covers a check of this name; nothing if no tool has it.
pub(super) fn uncovered(id: &str) -> Option<String> {
    let (tool, check) = id.split_once(':')?;
    let shown = if tool == "splinter" {
        let at = check.parse::<usize>().ok()?.checked_sub(1)?;
        format!("{id} ({})", SPLINTER.get(at)?)
    } else {
        let (letters, number) = check.split_at(check.find(|c: char| c.is_ascii_digit())?);
        let number: usize = number.parse().ok().filter(|_| number.len() == 3)?;
        let known = |(known, last): &(&str, usize)| *known == letters && (1..=*last).contains(&number);
        PGRLS.iter().any(known).then(|| id.to_string())?
    };
    Some(match OF_A_SERVER.iter().find(|(known, _)| *known == id) {
        Some((_, what)) => {
            format!("no rule covers {shown}: it asks a running database {what}, which migrations do not say")
        }
        None => format!("no rule covers {shown}"),
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
        assert_eq!(id("no-primary-key"), None);
        assert_eq!(id("squawk:x"), None);
    }

    #[test]
    fn what_cannot_be_covered_says_why() {
        let said = |id| uncovered(id).unwrap_or_default();
        assert!(said("splinter:0005").ends_with("how often an index was used, which migrations do not say"));
        assert_eq!(said("splinter:0012"), "no rule covers splinter:0012 (auth_allow_anonymous_sign_ins)");
        assert_eq!(said("pgrls:SEC055"), "no rule covers pgrls:SEC055");
        for unknown in ["splinter:0000", "splinter:0030", "pgrls:SEC056", "pgrls:SEC1", "pgrls:X"] {
            assert_eq!(uncovered(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_the_rules_cover_is_known() {
        for source in crate::rules::ALL.iter().flat_map(|rule| rule.sources) {
            assert!(uncovered(source).is_some(), "{source}");
        }
    }
}
