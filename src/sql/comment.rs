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
pub(super) fn attach(code: Code<'_>, tokens: Vec<Token>, statements: &[Statement]) -> Vec<Comment> {
    let mut list: Vec<Comment> = tokens
        .into_iter()
        .map(|token| Comment {
            span: code.span(token.start, token.end),
            text: comment_text(token, code.text),
            statement: owner(code.text, token, statements),
        })
        .collect();
    for (index, statement) in statements.iter().enumerate() {
        let Some(body) = verbatim_body(&statement.kind) else { continue };
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

/// The statement that a comment belongs to: see [`Comment::statement`].
fn owner(text: &str, comment: Token, statements: &[Statement]) -> Option<usize> {
    let next = statements.partition_point(|statement| (statement.span.end as usize) <= comment.start);
    let same_line = |from: usize, to: usize| !text[from..to].contains('\n');
    if let Some(statement) = statements.get(next) {
        let start = statement.span.start as usize;
        if start < comment.start || same_line(comment.end, start) {
            return Some(next);
        }
    }
    match next.checked_sub(1) {
        Some(last) if same_line(statements[last].span.end as usize, comment.start) => Some(last),
        _ => Some(next).filter(|next| *next < statements.len()),
    }
}
