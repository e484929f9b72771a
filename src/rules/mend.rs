//! Edits that mend a statement where it stands.

use crate::catalog::origin::History;
use crate::catalog::view::View;
use crate::rule::CatalogCx;
use crate::source::Span;
use crate::sql::token::{Lexer, ident};

/// Makes a view ask with the rights of the caller; nothing where its definition has options already or
/// names its columns.
pub(super) fn as_invoker(cx: &CatalogCx<'_>, view: &View) -> Option<(Span, String)> {
    let name = view.name_span?;
    let statement = statement(cx, &view.history, name)?;
    let text = &cx.sources.text(statement)[(name.end - statement.start) as usize..];
    let next = Lexer::new(text).find(|token| !token.is_comment())?;
    let follows = ident(next, text).is_some_and(|word| word == "as");
    (view.options.is_empty() && follows).then(|| (behind(name), " with (security_invoker = on)".to_string()))
}

/// The statement of an object's history that a place is in, if it stands in its file by itself: in a
/// string quotes would have to be doubled.
pub(super) fn statement(cx: &CatalogCx<'_>, history: &History, place: Span) -> Option<Span> {
    let all = std::iter::once(&history.created).chain(&history.changed);
    let statement = all.filter_map(|origin| origin.span()).find(|span| span.contains(place))?;
    cx.is_statement(statement).then_some(statement)
}

/// The place right behind another.
pub(super) fn behind(span: Span) -> Span {
    Span { start: span.end, ..span }
}

/// Whether a word of a text is this name.
pub(super) fn names(text: &str, name: &str) -> bool {
    Lexer::new(text).any(|token| ident(token, text).is_some_and(|word| word == *name))
}
