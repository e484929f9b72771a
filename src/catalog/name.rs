//! Names that are resolved.

use std::fmt;

use crate::sql::name::Ident;

/// An object's full name. "Schema" here is PostgreSQL's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    pub schema: Ident,
    pub name: Ident,
}

impl QName {
    pub fn new(schema: impl Into<Ident>, name: impl Into<Ident>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// As `regclass::text` prints it with an empty `search_path`: quoted where needed, objects of
    /// `pg_catalog` bare.
    pub fn quoted(&self) -> String {
        if self.schema == "pg_catalog" {
            self.name.quoted()
        } else {
            format!("{}.{}", self.schema.quoted(), self.name.quoted())
        }
    }
}

/// For messages: as SQL can take it, objects of `pg_catalog` with their schema.
impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema.quoted(), self.name.quoted())
    }
}
