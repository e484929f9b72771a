//! Settings as `proconfig` and `pg_db_role_setting` store them.

use crate::catalog::{Catalog, Running, Session};
use crate::sql::name::Ident;
use crate::sql::statement::{SettingChange, SettingValue};

/// Settings that are lists of names: each value is quoted where a name would be.
const NAME_LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A setting's name as the server spells it.
pub(crate) fn stored_name(name: &Ident) -> Ident {
    match name.as_str() {
        "datestyle" => "DateStyle".into(),
        "intervalstyle" => "IntervalStyle".into(),
        "timezone" => "TimeZone".into(),
        _ => name.clone(),
    }
}

/// The values of SET as one text: `search_path = ''` is `""`, two names are joined by a comma.
pub(crate) fn stored_value(name: &str, values: &[String]) -> String {
    let is_list = NAME_LISTS.contains(&name);
    let word = |value: &String| if is_list { Ident::new(value).quoted() } else { value.clone() };
    values.iter().map(word).collect::<Vec<_>>().join(", ")
}

impl Session {
    /// SET and RESET in a migration: `search_path` and the role decide what later statements mean.
    pub(in crate::catalog) fn set(&mut self, change: &SettingChange) {
        self.assign(change);
        if let Some(after) = &mut self.running.after {
            after.assign(change);
        }
    }

    /// SET LOCAL: what was set before comes back when the transaction ends.
    pub(in crate::catalog) fn set_local(&mut self, change: &SettingChange) {
        if self.running.after.is_none() {
            self.running.after = Some(Box::new(Self { running: Running::default(), ..self.clone() }));
        }
        self.assign(change);
    }

    /// What is set after RESET ALL, which leaves the role as it is (manual, RESET).
    pub(super) fn reset(&self) -> Self {
        Self { role: self.role.clone(), ..Self::default() }
    }

    fn assign(&mut self, change: &SettingChange) {
        let default = Self::default();
        match (change.name.as_str(), &change.value) {
            ("", _) => *self = Self { running: std::mem::take(&mut self.running), ..self.reset() },
            ("search_path", SettingValue::Values(values)) => {
                self.search_path = values.iter().filter(|name| !name.is_empty()).map(Ident::new).collect();
            }
            ("search_path", SettingValue::Default) => self.search_path = default.search_path,
            ("role" | "session_authorization", SettingValue::Values(values)) => match values.as_slice() {
                [role] if role != "none" => self.role = Ident::new(role),
                _ => self.role = default.role,
            },
            ("role" | "session_authorization", SettingValue::Default) => self.role = default.role,
            ("check_function_bodies", SettingValue::Values(values)) => {
                self.check_function_bodies = values.iter().all(|value| value != "false" && value != "off");
            }
            ("storage.allow_delete_query", _) => self.may_delete_stored = true,
            _ => {}
        }
    }
}

impl Catalog {
    /// The value that a change stores; `None` where it takes the setting away.
    pub(crate) fn stored_setting(&self, change: &SettingChange) -> Option<String> {
        match &change.value {
            SettingValue::Values(values) => Some(stored_value(&change.name, values)),
            SettingValue::Default => None,
            SettingValue::FromCurrent if change.name == "search_path" => Some(self.current_search_path()),
            SettingValue::FromCurrent => None,
        }
    }

    /// `search_path` as SHOW prints it.
    fn current_search_path(&self) -> String {
        if self.session.search_path == Session::default().search_path {
            return "\"$user\", public, extensions".into();
        }
        self.session.search_path.iter().map(Ident::quoted).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_quoted() {
        let stored = |name: &str, values: &[&str]| {
            stored_value(name, &values.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(stored("search_path", &[""]), "\"\"");
        assert_eq!(stored("search_path", &["public", "pg_temp"]), "public, pg_temp");
        assert_eq!(stored("search_path", &["public, pg_temp"]), "\"public, pg_temp\"");
        assert_eq!(stored("search_path", &["$user"]), "\"$user\"");
        assert_eq!(stored("statement_timeout", &["5s"]), "5s");
    }
}
