//! PostgreSQL's own parser, called so that it says where it stopped.
//!
//! `pg_query::parse` drops the position of a syntax error, so its C function is called here. This
//! is the only module with `unsafe` code.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};

use pg_query::protobuf::ParseResult;
use prost::Message;

/// What a text is to be read as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Statements = 0,
    /// An expression as PL/pgSQL writes it: what may follow SELECT.
    Expression = 2,
}

/// Why a text could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The server's words, without "ERROR:".
    pub(super) message: String,
    /// The byte that it stopped at, where it says so.
    pub(super) at: Option<usize>,
}

#[repr(C)]
struct CError {
    message: *mut c_char,
    function: *mut c_char,
    file: *mut c_char,
    line: c_int,
    cursor: c_int,
    context: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CBuffer {
    length: usize,
    data: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CResult {
    tree: CBuffer,
    stderr: *mut c_char,
    error: *mut CError,
}

unsafe extern "C" {
    fn pg_query_parse_protobuf_opts(input: *const c_char, options: c_int) -> CResult;
    fn pg_query_free_protobuf_parse_result(result: CResult);
}

/// Parses a text. Nested deeply it needs a deep stack: see the crate's thread pool.
pub(super) fn parse(text: &str, mode: Mode) -> Result<ParseResult, Failure> {
    let Ok(input) = CString::new(text) else {
        return Err(Failure {
            message: "invalid byte sequence for encoding \"UTF8\": 0x00".into(),
            at: None,
        });
    };
    // SAFETY: `input` is a C string that outlives the call, and the structs above are laid out as
    // those of pg_query.h, against which the linked library was compiled.
    let result = unsafe { pg_query_parse_protobuf_opts(input.as_ptr(), mode as c_int) };
    let parsed = read(&result, text);
    // SAFETY: the result came from the parser, is freed once, and nothing borrowed from it is left.
    unsafe { pg_query_free_protobuf_parse_result(result) };
    parsed
}

fn read(result: &CResult, text: &str) -> Result<ParseResult, Failure> {
    // SAFETY: the parser leaves `error` null or points it to a struct that lives until it is freed.
    if let Some(error) = unsafe { result.error.as_ref() } {
        // SAFETY: a message is always set, and ends with NUL.
        let message = unsafe { CStr::from_ptr(error.message) }.to_string_lossy().into_owned();
        return Err(Failure { message, at: byte_offset(text, error.cursor) });
    }
    if result.tree.data.is_null() {
        return Ok(ParseResult::default());
    }
    // SAFETY: without an error the tree is a buffer of `length` bytes.
    let tree = unsafe { std::slice::from_raw_parts(result.tree.data.cast::<u8>(), result.tree.length) };
    ParseResult::decode(tree).map_err(|error| Failure { message: error.to_string(), at: None })
}

/// The byte that a cursor position means: it counts characters from one, and is zero for none.
fn byte_offset(text: &str, cursor: c_int) -> Option<usize> {
    let skipped = usize::try_from(cursor).ok()?.checked_sub(1)?;
    Some(text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_byte() {
        let text = "select 'é€', frm frm t";
        let failure = parse(text, Mode::Statements).unwrap_err();
        assert_eq!(failure.message, "syntax error at or near \"t\"");
        assert_eq!(&text[failure.at.unwrap()..], "t");
        let failure = parse("select (", Mode::Statements).unwrap_err();
        assert_eq!(failure.at, Some(8));
    }

    #[test]
    fn a_text_may_be_empty_or_hold_nul() {
        assert!(parse("-- none", Mode::Statements).unwrap().stmts.is_empty());
        assert!(parse("select '\0'", Mode::Statements).is_err());
    }

    #[test]
    fn an_expression_needs_no_select() {
        assert_eq!(parse("a + 1", Mode::Expression).unwrap().stmts.len(), 1);
        assert!(parse("select 1", Mode::Expression).is_err());
    }
}
