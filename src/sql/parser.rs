//! PostgreSQL's own parser, called so that it says where it stopped.
//!
//! `pg_raw_parse::parse` keeps the position of a syntax error to itself and reads no bare
//! expressions, so the C function under it is called here. This is the only module with `unsafe`
//! code.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{NonNull, null_mut};

use pg_raw_parse::list::{CastNodeList, NodeList, NodeListIter};
use pg_raw_parse::raw;
use pg_raw_parse::{Node, nodes as pg};

/// What a text is to be read as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Statements = raw::PgQueryParseMode::PG_QUERY_PARSE_DEFAULT as isize,
    /// An expression as PL/pgSQL writes it: what may follow SELECT.
    Expression = raw::PgQueryParseMode::PG_QUERY_PARSE_PLPGSQL_EXPR as isize,
}

/// Why a text could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The server's words, without "ERROR:".
    pub(super) message: String,
    /// The byte that it stopped at, where it says so.
    pub(super) at: Option<usize>,
}

/// What the parser made of a text, as it lies in C's memory.
pub(super) struct Tree {
    statements: *const NodeList,
    _memory: Memory,
}

impl Tree {
    /// The first statement, if the text holds one.
    pub(super) fn statement(&self) -> Option<Node<'_>> {
        // SAFETY: the parser's list is null if it is empty, and else lies in memory that this tree
        // owns. `NodeList` is laid out as C's `List`, which the crate asserts.
        match unsafe { self.statements.as_ref() }?.first()? {
            Node::RawStmt(raw) => present(raw.stmt()),
            _ => None,
        }
    }
}

/// The table and the server of a CREATE FOREIGN TABLE, which the crate has no node for.
pub(super) fn foreign_table(node: &raw::Node) -> Option<(&pg::CreateStmt, Option<&str>)> {
    if node.type_ != raw::NodeTag::T_CreateForeignTableStmt {
        return None;
    }
    // SAFETY: the tag says what the node is, and a name is null or ends with NUL.
    unsafe {
        let statement: &raw::CreateForeignTableStmt = &*std::ptr::from_ref(node).cast();
        let server = NonNull::new(statement.servername).map(|name| CStr::from_ptr(name.as_ptr()));
        Some((&statement.base, server.and_then(|name| name.to_str().ok())))
    }
}

/// A node, unless the pointer to it is null.
pub(super) fn present(node: Node<'_>) -> Option<Node<'_>> {
    match node {
        Node::None => None,
        node => Some(node),
    }
}

/// A list of nodes of any kind.
///
/// The crate takes the kind from a comment in PostgreSQL's headers and panics where that does not
/// tell all: what GRANT names is "a list of RangeVar nodes", and of functions and plain names.
pub(super) trait List<'tree>: Copy {
    fn untyped(self) -> &'tree NodeList;

    fn items(self) -> NodeListIter<'tree> {
        self.untyped().iter()
    }
}

impl<'tree> List<'tree> for &'tree NodeList {
    fn untyped(self) -> &'tree NodeList {
        self
    }
}

impl<'tree, T> List<'tree> for &'tree CastNodeList<T> {
    fn untyped(self) -> &'tree NodeList {
        // SAFETY: a `CastNodeList` is a transparent wrapper of a `NodeList`.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

/// Memory that the parser takes and that is freed as a whole.
struct Memory(raw::MemoryContext);

impl Memory {
    fn new() -> Self {
        // SAFETY: the parser of this thread is set up once, and a context without a parent belongs
        // to nobody else. Its name lives forever.
        unsafe {
            raw::pg_query_init();
            Self(raw::AllocSetContextCreateInternal(
                null_mut(),
                c"rls-lint".as_ptr(),
                raw::ALLOCSET_DEFAULT_MINSIZE as raw::Size,
                raw::ALLOCSET_DEFAULT_INITSIZE as raw::Size,
                raw::ALLOCSET_DEFAULT_MAXSIZE as raw::Size,
            ))
        }
    }

    fn parse(&self, input: &CStr, mode: Mode) -> raw::PgQueryInternalParsetreeAndError {
        // SAFETY: the context is alive, `input` outlives the call, and the parser catches its own
        // errors, so that the switch back is reached.
        unsafe {
            let outer = raw::MemoryContextSwitchTo(self.0);
            let result = raw::pg_query_raw_parse(input.as_ptr(), mode as c_int);
            raw::MemoryContextSwitchTo(outer);
            result
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the context is deleted once, and nothing that it holds can be borrowed any more.
        unsafe { raw::MemoryContextDelete(self.0) };
    }
}

unsafe extern "C" {
    fn free(memory: *mut c_void);
}

/// How many comments may be opened right after one another: the time that PostgreSQL's scanner takes for
/// them grows with their square (measured: 100,000 take minutes).
const OPENED: usize = 1_000;

/// Parses a text.
pub(super) fn parse(text: &str, mode: Mode) -> Result<Tree, Failure> {
    if text.len() > 2 * OPENED
        && let Some(at) = text.find(&"/*".repeat(OPENED))
    {
        return Err(Failure { message: "comments are nested too deeply to be read".into(), at: Some(at) });
    }
    let Ok(input) = CString::new(text) else {
        return Err(Failure {
            message: "invalid byte sequence for encoding \"UTF8\": 0x00".into(),
            at: None,
        });
    };
    let memory = Memory::new();
    let result = memory.parse(&input, mode);
    // SAFETY: warnings, which nobody reads, come from malloc or are null.
    unsafe { free(result.stderr_buffer.cast()) };
    match NonNull::new(result.error) {
        Some(error) => Err(failure(error, text)),
        None => Ok(Tree { statements: result.tree.cast(), _memory: memory }),
    }
}

fn failure(error: NonNull<raw::PgQueryError>, text: &str) -> Failure {
    // SAFETY: the parser leaves `error` null or points it to a struct that is the caller's. Its
    // message is always set, and ends with NUL.
    unsafe {
        let content = error.as_ref();
        let message = CStr::from_ptr(content.message).to_string_lossy().into_owned();
        let at = byte_offset(text, content.cursorpos);
        raw::pg_query_free_error(error.as_ptr());
        Failure { message, at }
    }
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
    fn comments_that_are_never_closed_take_no_time() {
        let text = format!("select 1 {}", "/*".repeat(100_000));
        assert_eq!(refused(&text, Mode::Statements).at, Some(9));
    }

    fn refused(text: &str, mode: Mode) -> Failure {
        parse(text, mode).err().unwrap()
    }

    #[test]
    fn an_error_tells_its_byte() {
        let text = "select 'é€', frm frm t";
        let failure = refused(text, Mode::Statements);
        assert_eq!(failure.message, "syntax error at or near \"t\"");
        assert_eq!(&text[failure.at.unwrap()..], "t");
        assert_eq!(refused("select (", Mode::Statements).at, Some(8));
    }

    #[test]
    fn a_text_may_be_empty_or_hold_nul() {
        assert!(parse("-- none", Mode::Statements).unwrap().statement().is_none());
        refused("select '\0'", Mode::Statements);
    }

    #[test]
    fn text_that_is_no_utf8_is_an_error() {
        for literal in [r"E'\xff'", r"E'\xc3'", r"E'a\000b'", r"E'\udc00'", r"U&'\D800'"] {
            refused(&format!("select {literal}"), Mode::Statements);
        }
    }

    #[test]
    fn an_expression_needs_no_select() {
        assert!(parse("a + 1", Mode::Expression).unwrap().statement().is_some());
        refused("select 1", Mode::Expression);
    }

    #[test]
    fn trees_outlive_what_is_parsed_after_them() {
        let trees: Vec<_> =
            (0..200).map(|at| parse(&format!("select a{at}"), Mode::Statements).unwrap()).collect();
        for (at, tree) in trees.iter().enumerate() {
            let Some(Node::SelectStmt(select)) = tree.statement() else { panic!() };
            let Some(Node::ResTarget(target)) = select.target_list().items().next() else { panic!() };
            let Node::ColumnRef(column) = target.val() else { panic!() };
            let Some(Node::String(name)) = column.fields().items().next() else { panic!() };
            assert_eq!(name.sval(), Some(&*format!("a{at}")));
        }
    }
}
