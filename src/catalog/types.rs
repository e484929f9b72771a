//! Data types, built in and made by migrations.

use crate::catalog::acl::Acl;
use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

/// The type of a column, argument or result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    pub base: TypeRef,
    /// `(10, 2)` as written.
    pub modifiers: Vec<i64>,
    pub array: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeRef {
    /// A type of `pg_catalog` by its internal name: `int4`, `timestamptz`.
    Builtin(Ident),
    /// A type that the catalog holds.
    User(Oid),
    /// The row type of a relation.
    Row(Oid),
    /// Nothing that the catalog knows, as written.
    Unknown(String),
}

impl DataType {
    pub fn builtin(name: &str) -> Self {
        Self { base: TypeRef::Builtin(Ident::new(name)), modifiers: Vec::new(), array: false }
    }

    /// Whether it is this built-in type, by internal name, and no array of it.
    pub fn is_builtin(&self, name: &str) -> bool {
        !self.array && matches!(&self.base, TypeRef::Builtin(builtin) if *builtin == *name)
    }
}

/// A type that a migration, the platform or an extension made.
#[derive(Clone, Debug, PartialEq)]
pub struct UserType {
    pub oid: Oid,
    pub name: QName,
    pub kind: UserTypeKind,
    pub history: History,
    pub owner: Ident,
    pub acl: Acl,
    pub comment: Option<String>,
    /// The extension that it belongs to.
    pub extension: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum UserTypeKind {
    Enum {
        labels: Vec<String>,
    },
    Domain(Domain),
    Composite {
        attributes: Vec<Attribute>,
    },
    Range,
    /// A base type, as extensions make them.
    Base,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    pub base: DataType,
    pub not_null: bool,
    pub has_default: bool,
    /// Names of its CHECK constraints.
    pub checks: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: Ident,
    pub data_type: DataType,
}
