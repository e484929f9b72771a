//! Indexes.

use crate::catalog::origin::History;
use crate::source::Span;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;

#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub oid: Oid,
    pub name: Ident,
    pub history: History,
    /// Where its name stands in the statement that made it; else the statement.
    pub name_span: Option<Span>,
    pub method: Ident,
    pub unique: bool,
    pub primary: bool,
    /// False where a partitioned table's index lacks one of a partition (ON ONLY).
    pub valid: bool,
    pub nulls_not_distinct: bool,
    /// The constraint that it serves, by name.
    pub constraint: Option<Ident>,
    pub keys: Vec<IndexKey>,
    pub include: Vec<i16>,
    pub predicate: Option<Expr>,
    /// The index of the partitioned table that this one belongs to.
    pub parent: Option<Oid>,
    /// `name=value`
    pub options: Vec<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexKey {
    pub value: IndexKeyValue,
    /// As written, where it was.
    pub operator_class: Option<String>,
    pub collation: Option<String>,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IndexKeyValue {
    Column(i16),
    Expr(Expr),
}

impl IndexKey {
    pub fn column(attnum: i16) -> Self {
        Self {
            value: IndexKeyValue::Column(attnum),
            operator_class: None,
            collation: None,
            descending: false,
            nulls_first: false,
        }
    }

    pub fn attnum(&self) -> Option<i16> {
        match self.value {
            IndexKeyValue::Column(attnum) => Some(attnum),
            IndexKeyValue::Expr(_) => None,
        }
    }
}

impl Index {
    /// The key columns in order, `None` for expressions, INCLUDE left out.
    pub fn columns(&self) -> Vec<Option<i16>> {
        self.keys.iter().map(IndexKey::attnum).collect()
    }
}
