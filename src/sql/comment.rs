//! Comments, for suppressions.

use crate::source::Span;

/// A comment: its place holds the dashes or the stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub span: Span,
    /// What stands between the marks, trimmed.
    pub text: String,
    /// The statement that it belongs to: the one it stands in or trails on the same line, else the
    /// next one. An index into [`crate::sql::Migration::statements`]; `None` after the last statement.
    pub statement: Option<usize>,
}
