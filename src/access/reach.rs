//! What a finding lets requests do, in a form that can be compared: each deed is a role and a privilege,
//! as in `anon delete`.

use std::collections::BTreeSet;

use crate::access::{Access, in_words};
use crate::catalog::role::Role;
use crate::sql::statement::Privilege;

const VERBS: [(Privilege, &str); 5] = [
    (Privilege::Select, "read"),
    (Privilege::Insert, "add"),
    (Privilege::Update, "change"),
    (Privilege::Delete, "delete"),
    (Privilege::Execute, "call it"),
];

/// All that these callers can do.
pub fn reach(access: &[Access<'_>]) -> Vec<String> {
    let of = |access: &Access<'_>| -> Vec<String> {
        access.privileges.iter().map(|privilege| deed(&access.role.name, privilege)).collect()
    };
    access.iter().flat_map(of).collect()
}

/// One thing that each of these roles can do.
pub fn reach_of<'r>(roles: impl IntoIterator<Item = &'r Role>, privilege: Privilege) -> Vec<String> {
    roles.into_iter().map(|role| deed(&role.name, privilege)).collect()
}

pub fn deed(role: &str, privilege: Privilege) -> String {
    format!("{role} {}", privilege.keyword().to_lowercase())
}

/// `anon can read and delete; authenticated can delete`
pub fn reach_in_words(reach: &BTreeSet<String>) -> String {
    let deeds: Vec<(&str, &str)> = reach.iter().filter_map(|deed| deed.rsplit_once(' ')).collect();
    let mut roles: Vec<&str> = deeds.iter().map(|(role, _)| *role).collect();
    roles.dedup();
    let of = |role: &str| {
        let does = |(privilege, verb): &(Privilege, &'static str)| {
            reach.contains(&deed(role, *privilege)).then_some(*verb)
        };
        format!("{role} can {}", in_words(&VERBS.iter().filter_map(does).collect::<Vec<_>>(), "and"))
    };
    roles.into_iter().map(of).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_told_by_role() {
        let reach = ["anon delete", "authenticated execute", "anon select", "anon update"];
        assert_eq!(
            reach_in_words(&reach.map(str::to_string).into()),
            "anon can read, change and delete; authenticated can call it"
        );
    }
}
