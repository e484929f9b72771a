//! What a finding lets requests do, in a form that can be compared: each deed is a role and a privilege, as in
//! `anon delete`, or one on a column, as in `anon select(email)`.

use std::collections::BTreeSet;
use std::fmt;

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

/// That these callers can read columns: `anon select(phone)`.
pub fn column_reach(
    access: &[Access<'_>],
    columns: impl Iterator<Item = impl fmt::Display> + Clone,
) -> Vec<String> {
    let of = |access: &Access<'_>| {
        let role = access.role.name.clone();
        columns.clone().map(move |column| format!("{}({column})", deed(&role, Privilege::Select)))
    };
    access.iter().flat_map(of).collect()
}

/// Whether it is about one column.
pub fn is_of_column(deed: &str) -> bool {
    deed.ends_with(')')
}

/// `anon can read and delete; authenticated can delete`
pub fn reach_in_words(reach: &BTreeSet<String>) -> String {
    let parts = |deed| match str::find(deed, " select(") {
        Some(at) => Some((&deed[..at], &deed[at + 1..])),
        None => deed.rsplit_once(' '),
    };
    let deeds: Vec<(&str, &str)> = reach.iter().filter_map(|deed| parts(deed.as_str())).collect();
    let mut roles: Vec<&str> = deeds.iter().map(|(role, _)| *role).collect();
    roles.dedup();
    let of = |role: &str| {
        let does = |(privilege, verb): &(Privilege, &'static str)| {
            reach.contains(&deed(role, *privilege)).then_some(*verb)
        };
        let mut verbs: Vec<String> = VERBS.iter().filter_map(does).map(str::to_string).collect();
        let columns = deeds
            .iter()
            .filter(|(by, _)| *by == role)
            .filter_map(|(_, what)| what.strip_prefix("select(")?.strip_suffix(')'));
        let columns: Vec<&str> = columns.collect();
        if !columns.is_empty() && !reach.contains(&deed(role, Privilege::Select)) {
            verbs.push(format!("read {}", in_words(&columns, "and")));
        }
        format!("{role} can {}", in_words(&verbs, "and"))
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
