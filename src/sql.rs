//! SQL text to statements: the only door to PostgreSQL's parser.
//!
//! Parsing never fails. A file gives its statements, its comments and what is wrong with it; a
//! broken statement hides none of its neighbours.

pub mod comment;
pub mod expr;
mod lower;
pub mod name;
mod parser;
pub mod plpgsql;
mod split;
pub mod statement;
pub mod token;

use std::ops::Range;

use crate::source::{FileId, FileRole, FlawKind, SourceFile, Span};
use crate::sql::comment::Comment;
use crate::sql::lower::ParseError;
use crate::sql::split::Splitter;
use crate::sql::statement::{BodyText, Statement, StatementKind};
use crate::sql::token::{Code, Lexer, Token};

/// The stack that a thread needs to parse whatever PostgreSQL's own parser takes.
pub const STACK_SIZE: usize = 64 << 20;

/// One file, read.
#[derive(Clone, Debug)]
pub struct Migration {
    pub file: FileId,
    pub statements: Vec<Statement>,
    pub comments: Vec<Comment>,
    pub errors: Vec<SyntaxError>,
    /// What the Supabase CLI would stumble on and psql would not, or the other way round.
    pub skipped: Vec<Skipped>,
}

/// A place that PostgreSQL would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The token that the parser stopped at, or the bytes that are no text.
    pub span: Span,
    /// The statement that is lost by it.
    pub statement: Span,
    /// The server's words, without "ERROR:".
    pub message: String,
}

/// Text that is no SQL and was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub span: Span,
    pub kind: SkippedKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedKind {
    /// `\restrict …`, `\connect …`
    MetaCommand,
    /// The rows after COPY … FROM stdin.
    CopyData,
    /// The rest of a file with too many broken statements.
    Rest,
}

/// How often the cut of one file may start anew inside of a broken statement.
const MAX_RESTARTS: usize = 50;

/// How many broken statements of one file are told.
const MAX_ERRORS: usize = 1000;

/// Up to which length statements that move rows are checked, or decoded where the model reads them.
const MAX_DATA: usize = 256 << 10;

/// Reads a file. The caller provides the stack: see [`STACK_SIZE`].
pub fn parse(file: FileId, source: &SourceFile) -> Migration {
    let code = Code::file(file, &source.text);
    let check_data = source.role == FileRole::Migration;
    let mut splitter = Splitter::file(&source.text);
    let mut restarts = 0;
    let mut statements = Vec::new();
    let mut errors = Vec::new();
    while let Some(piece) = splitter.next() {
        let mut range = piece.range;
        let mut boundary = None;
        if piece.unterminated {
            boundary = split::boundary(code.text, range.clone());
            range.end = boundary.map_or(range.end, |boundary| boundary.end);
        }
        let mut result = read(code, range.clone(), check_data);
        if result.is_err() && boundary.is_none() {
            boundary = split::boundary(code.text, range.clone());
            if let Some(boundary) = boundary {
                range.end = boundary.end;
                result = read(code, range.clone(), check_data);
            }
        }
        match result {
            Ok(statement) => statements.extend(statement),
            Err(error) => errors.push(SyntaxError {
                span: code.span(error.at.start, error.at.end),
                statement: code.span(range.start, range.end),
                message: error.message,
            }),
        }
        if let Some(boundary) = boundary {
            restarts += 1;
            splitter.restart(boundary.resume);
        }
        if restarts > MAX_RESTARTS || errors.len() > MAX_ERRORS {
            splitter.give_up(boundary.map_or(range.end, |boundary| boundary.resume));
        }
    }
    errors.extend(flaws(file, source, &statements));
    errors.sort_by_key(|error| error.span.start);
    let skipped = splitter.skipped.iter();
    let skipped =
        skipped.map(|(range, kind)| Skipped { span: code.span(range.start, range.end), kind: *kind });
    let skipped = skipped.collect();
    let comments = comment::attach(code, splitter.comments, &statements);
    Migration { file, statements, comments, errors, skipped }
}

/// Reads the body of a function in language `sql`: statements that could not be parsed are left out
/// and make the second value false.
pub fn parse_body(body: &BodyText) -> (Vec<Statement>, bool) {
    let code = Code::body(body);
    let mut statements = Vec::new();
    let mut whole = true;
    for piece in Splitter::body(code.text) {
        match lower::statement(code, piece.range) {
            Ok(statement) => statements.extend(statement),
            Err(_) => whole = false,
        }
    }
    (statements, whole)
}

fn read(code: Code<'_>, range: Range<usize>, check_data: bool) -> Result<Option<Statement>, ParseError> {
    let kind = row_statement(code.text, range.clone());
    let small = range.len() < MAX_DATA;
    match kind {
        RowStatement::No => return lower::statement(code, range),
        RowStatement::Read if small => return lower::statement(code, range),
        RowStatement::Read | RowStatement::Passed => {}
    }
    if check_data && small && pg_query::split_with_parser(&code.text[range.clone()]).is_err() {
        // The raw parser keeps the place of the error to itself.
        lower::statement(code, range.clone())?;
    }
    Ok(Some(Statement { span: code.span(range.start, range.end), kind: StatementKind::Data }))
}

/// What a statement is to a model that knows no rows.
enum RowStatement {
    /// Something else than a change of rows.
    No,
    /// A change of rows that are settings: buckets, cron jobs, queues, secrets.
    Read,
    Passed,
}

fn row_statement(text: &str, range: Range<usize>) -> RowStatement {
    let mut tokens = Lexer::within(text, range).filter(|token| !token.is_comment());
    let Some(first) = tokens.next() else { return RowStatement::No };
    if ["copy", "values"].iter().any(|word| first.is_word(text, word)) {
        return RowStatement::Passed;
    }
    if !["insert", "update", "delete", "merge"].iter().any(|word| first.is_word(text, word)) {
        return RowStatement::No;
    }
    let is_filler = |token: &Token| ["into", "from", "only"].iter().any(|word| token.is_word(text, word));
    let mut tokens = tokens.skip_while(is_filler);
    let first = tokens.next().and_then(|token| token::ident(token, text)).unwrap_or_default();
    let qualified = tokens.next().is_some_and(|token| token.is(text, '.'));
    let read = if qualified {
        ["storage", "cron", "pgmq", "vault"].contains(&first.as_str())
    } else {
        first == "buckets"
    };
    if read { RowStatement::Read } else { RowStatement::Passed }
}

/// The bytes that a server would refuse, as errors.
fn flaws(file: FileId, source: &SourceFile, statements: &[Statement]) -> Vec<SyntaxError> {
    let error = |flaw: &crate::source::ByteFlaw| {
        let span = Span { file, start: flaw.start, end: flaw.end };
        let next = statements.partition_point(|statement| statement.span.end <= flaw.start);
        let holder =
            statements.get(next).map(|statement| statement.span).filter(|holder| holder.contains(span));
        let message = match flaw.kind {
            FlawKind::InvalidUtf8 => "invalid byte sequence for encoding \"UTF8\"",
            FlawKind::Nul => "invalid byte sequence for encoding \"UTF8\": 0x00",
        };
        SyntaxError { span, statement: holder.unwrap_or(span), message: message.into() }
    };
    source.flaws.iter().map(error).collect()
}
