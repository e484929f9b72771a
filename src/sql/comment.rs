//! Comments, for suppressions.

use crate::source::Span;
use crate::sql::statement::{BodyText, FunctionBody, Statement, StatementKind};
use crate::sql::token::{Code, Lexer, Token, TokenKind};

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

/// The comments of a file, those in bodies of functions included, with their statements.
pub(super) fn attach(
    code: Code<'_>,
    tokens: Vec<Token>,
    statements: &[Statement],
    places: &[Span],
) -> Vec<Comment> {
    let gaps = gaps(code.text, places);
    let mut list: Vec<Comment> = tokens
        .into_iter()
        .map(|token| Comment {
            span: code.span(token.start, token.end),
            text: comment_text(token, code.text),
            statement: owner(token, places, &gaps),
        })
        .collect();
    for statement in statements {
        let Some(body) = verbatim_body(&statement.kind) else { continue };
        let index = places.partition_point(|place| place.start < statement.span.start);
        let code = Code::body(body);
        list.extend(Lexer::new(code.text).filter(|token| token.is_comment()).map(|token| Comment {
            span: code.span(token.start, token.end),
            text: comment_text(token, code.text),
            statement: Some(index),
        }));
    }
    list.sort_by_key(|comment| comment.span.start);
    list
}

/// The body of a function or DO block in a language whose comments are those of SQL.
fn verbatim_body(kind: &StatementKind) -> Option<&BodyText> {
    let (language, body) = match kind {
        StatementKind::Do(block) => (Some(&block.language), &block.body),
        StatementKind::CreateFunction(function) => match &function.body {
            Some(FunctionBody::Text(body)) => (function.language.as_ref(), body),
            _ => return None,
        },
        _ => return None,
    };
    let known = language.is_some_and(|language| matches!(language.as_str(), "sql" | "plpgsql"));
    Some(body).filter(|body| known && body.verbatim)
}

fn comment_text(token: Token, text: &str) -> String {
    let text = token.text(text);
    let inner = match token.kind {
        TokenKind::LineComment => text.trim_start_matches('-'),
        _ => text.strip_prefix("/*").and_then(|text| text.strip_suffix("*/")).unwrap_or(text),
    };
    inner.trim().to_owned()
}

/// The text between two statements, by the first and the last line break in it.
struct Gap {
    first: Option<usize>,
    last: Option<usize>,
}

/// The gaps before each statement, and the one after the last.
fn gaps(text: &str, places: &[Span]) -> Vec<Gap> {
    let ends = std::iter::once(0).chain(places.iter().map(|place| place.end as usize));
    let starts = places.iter().map(|place| place.start as usize).chain([text.len()]);
    let gap = |(from, to): (usize, usize)| {
        let text = text.get(from..to).unwrap_or_default();
        Gap { first: text.find('\n').map(|at| from + at), last: text.rfind('\n').map(|at| from + at) }
    };
    ends.zip(starts).map(gap).collect()
}

/// The statement that a comment belongs to: see [`Comment::statement`].
fn owner(comment: Token, places: &[Span], gaps: &[Gap]) -> Option<usize> {
    let next = places.partition_point(|place| (place.end as usize) <= comment.start);
    let leads = gaps[next].last.is_none_or(|newline| newline < comment.end);
    let trails = gaps[next].first.is_none_or(|newline| comment.start < newline);
    match places.get(next) {
        Some(place) if leads || (place.start as usize) < comment.start => Some(next),
        _ if trails && next > 0 => Some(next - 1),
        following => following.map(|_| next),
    }
}
