//! The columns of system catalogs and of the information schema.

use crate::catalog::bind::result::OutputColumn;
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::sql::name::{Ident, ObjectName};

/// A relation in each line, with the columns that it has in PostgreSQL 15 (measured) or that came in 16 to 18 (release
/// notes): what none of these has is refused by all of them.
const COLUMNS: &str = include_str!("system.txt");

/// A relation of the system whose columns are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemRelation {
    name: &'static str,
    columns: &'static str,
}

impl SystemRelation {
    pub(super) fn named(name: &ObjectName) -> Option<Self> {
        let schema = name.schema.as_ref().map_or("pg_catalog", Ident::as_str);
        let is_it = |known: &Self| {
            known.name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')) == Some(&*name.name)
        };
        all().find(is_it)
    }

    /// The columns, under the names that an alias gives to the first of them.
    pub(super) fn columns(self, aliases: &[Ident]) -> Vec<OutputColumn> {
        let names = self.columns.split(' ').enumerate();
        let column = |(at, name): (usize, &str)| OutputColumn {
            name: aliases.get(at).cloned().unwrap_or_else(|| Ident::new(name)),
            data_type: None,
        };
        names.map(column).collect()
    }

    /// That it lacks a column, and which other relation has one of that name.
    pub(super) fn lacks(self, column: &Ident) -> Misfit {
        let has = |known: &Self| known.columns.split(' ').any(|name| *column == *name);
        // `pg_policies` for `pg_policy`.
        let stem = &self.name[..self.name.len() - 1];
        let other =
            all().find(|known| known.name.starts_with(stem) && has(known)).or_else(|| all().find(has));
        let meant = other.map(|other| format!("; {} has one", other.name)).unwrap_or_default();
        let (schema, name) = self.name.split_once('.').unwrap_or_default();
        let why = format!("{} has no column {column}{meant}", self.name);
        Misfit::refused(SqlState::UNDEFINED_COLUMN, why).about(QName::new(schema, name))
    }
}

fn all() -> impl Iterator<Item = SystemRelation> {
    COLUMNS.lines().filter_map(|line| {
        let (name, columns) = line.split_once(": ")?;
        Some(SystemRelation { name, columns })
    })
}
