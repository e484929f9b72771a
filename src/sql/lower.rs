//! The parser's nodes to our statements: the one place that knows `pg_query`'s tree.

use std::ops::Range;

use crate::sql::expr::Expr;
use crate::sql::statement::Statement;
use crate::sql::token::Code;

/// Why a piece of text is no statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    /// The server's words, without "ERROR:".
    pub(super) message: String,
    /// The token that it stopped at, as offsets in the code.
    pub(super) at: Range<usize>,
}

/// Parses and lowers the one statement that stands in a range of the code, without its semicolon.
/// `Ok(None)`: there is nothing but blanks and comments.
pub(super) fn statement(code: Code<'_>, range: Range<usize>) -> Result<Option<Statement>, ParseError> {
    let _ = (code, range);
    Ok(None)
}

/// Parses and lowers the expression that stands in a range of the code.
pub(super) fn expression(code: Code<'_>, range: Range<usize>) -> Option<Expr> {
    let _ = (code, range);
    None
}
