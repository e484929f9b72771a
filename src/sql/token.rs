//! The lexical structure of SQL: tokens with their places.
//!
//! One lexer serves the splitter, the comments and the spans of names. It follows the rules of
//! PostgreSQL's scanner (manual, section 4.1) as far as bounds go; what a literal means is the
//! parser's business. It never fails: a literal that does not end is a token of its own kind.

use crate::source::{FileId, Span};
use crate::sql::name::Ident;
use crate::sql::statement::BodyText;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A bare word: key word or identifier.
    Word,
    /// `"…"`, also `U&"…"`.
    Quoted,
    /// Any string constant: `'…'`, `E'…'`, `B'…'`, `$tag$…$tag$`.
    String,
    Number,
    /// `$1`
    Param,
    /// One of `( ) [ ] , ; . :`
    Punctuation,
    /// Any other run of operator characters, or a character that SQL does not know.
    Operator,
    LineComment,
    BlockComment,
    /// A literal, quoted name or comment that runs to the end of the text.
    Unterminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn text(self, source: &str) -> &str {
        &source[self.start..self.end]
    }

    pub fn is_comment(self) -> bool {
        matches!(self.kind, TokenKind::LineComment | TokenKind::BlockComment)
    }

    /// Whether this is the given punctuation character.
    pub fn is(self, source: &str, punctuation: char) -> bool {
        self.kind == TokenKind::Punctuation && source[self.start..].starts_with(punctuation)
    }

    /// Whether this is the given key word, in any case.
    pub fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(source).eq_ignore_ascii_case(word)
    }
}

/// The tokens of a text, comments included, from a place on.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, end: text.len() }
    }

    /// The tokens of a part of the text; their offsets count from the start of the text.
    pub fn within(text: &'a str, range: std::ops::Range<usize>) -> Self {
        Self { text, at: range.start, end: range.end }
    }

    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.text.as_bytes()[at] } else { 0 }
    }

    fn seek(&self, from: usize, wanted: u8) -> Option<usize> {
        let from = from.min(self.end);
        memchr::memchr(wanted, &self.text.as_bytes()[from..self.end]).map(|at| from + at)
    }

    /// The end of a literal closed by `quote`, which stands for itself when doubled.
    fn quoted(&self, open: usize, quote: u8, backslash: bool) -> (TokenKind, usize) {
        let closed = if quote == b'"' { TokenKind::Quoted } else { TokenKind::String };
        let mut at = open + 1;
        if backslash {
            while at < self.end {
                match self.byte(at) {
                    b'\\' => at += 2,
                    b'\'' if self.byte(at + 1) == b'\'' => at += 2,
                    b'\'' => return (closed, at + 1),
                    _ => at += 1,
                }
            }
            return (TokenKind::Unterminated, self.end);
        }
        while let Some(found) = self.seek(at, quote) {
            if self.byte(found + 1) != quote {
                return (closed, found + 1);
            }
            at = found + 2;
        }
        (TokenKind::Unterminated, self.end)
    }

    fn dollar(&self, open: usize) -> Option<(TokenKind, usize)> {
        let mut at = open + 1;
        if self.byte(at).is_ascii_digit() {
            while self.byte(at).is_ascii_digit() {
                at += 1;
            }
            return Some((TokenKind::Param, at));
        }
        while is_word_byte(self.byte(at)) && self.byte(at) != b'$' {
            at += 1;
        }
        if self.byte(at) != b'$' {
            return None;
        }
        let tag = &self.text.as_bytes()[open..=at];
        let mut from = at + 1;
        while let Some(found) = self.seek(from, b'$') {
            if self.text.as_bytes()[found..self.end].starts_with(tag) {
                return Some((TokenKind::String, found + tag.len()));
            }
            from = found + 1;
        }
        Some((TokenKind::Unterminated, self.end))
    }

    fn block_comment(&self, open: usize) -> (TokenKind, usize) {
        let mut depth = 1;
        let mut at = open + 2;
        while at < self.end {
            match (self.byte(at), self.byte(at + 1)) {
                (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
                (b'*', b'/') => {
                    (depth, at) = (depth - 1, at + 2);
                    if depth == 0 {
                        return (TokenKind::BlockComment, at);
                    }
                }
                _ => at += 1,
            }
        }
        (TokenKind::Unterminated, self.end)
    }

    fn word(&self, start: usize) -> (TokenKind, usize) {
        let second = self.byte(start + 1);
        match self.byte(start) | 0x20 {
            b'e' if second == b'\'' => return self.quoted(start + 1, b'\'', true),
            b'b' | b'x' | b'n' if second == b'\'' => return self.quoted(start + 1, b'\'', false),
            b'u' if second == b'&' && matches!(self.byte(start + 2), b'\'' | b'"') => {
                return self.quoted(start + 2, self.byte(start + 2), false);
            }
            _ => {}
        }
        let mut at = start;
        while is_word_byte(self.byte(at)) {
            at += 1;
        }
        (TokenKind::Word, at)
    }

    fn number(&self, start: usize) -> usize {
        let mut at = start;
        while self.byte(at).is_ascii_alphanumeric() || matches!(self.byte(at), b'.' | b'_') {
            let exponent = matches!(self.byte(at), b'e' | b'E');
            at += 1;
            if exponent && matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
        }
        at
    }

    fn operator(&self, start: usize) -> usize {
        let mut at = start;
        while b"+-*/<>=~!@#%^&|`?".contains(&self.byte(at)) {
            let comment = matches!((self.byte(at), self.byte(at + 1)), (b'-', b'-') | (b'/', b'*'));
            if comment && at > start {
                break;
            }
            at += 1;
        }
        // A character that no operator holds stands alone.
        if at == start { start + self.text[start..].chars().next().map_or(1, char::len_utf8) } else { at }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while self.at < self.end && matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C) {
            self.at += 1;
        }
        if self.at >= self.end {
            return None;
        }
        let start = self.at;
        let (kind, end) = match (self.byte(start), self.byte(start + 1)) {
            (b'-', b'-') => (TokenKind::LineComment, self.seek(start, b'\n').unwrap_or(self.end)),
            (b'/', b'*') => self.block_comment(start),
            (quote @ (b'\'' | b'"'), _) => self.quoted(start, quote, false),
            (b'$', _) => self.dollar(start).unwrap_or((TokenKind::Operator, start + 1)),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => (TokenKind::Number, self.number(start)),
            (b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' | b':', _) => (TokenKind::Punctuation, start + 1),
            (byte, _) if is_word_start(byte) => self.word(start),
            _ => (TokenKind::Operator, self.operator(start)),
        };
        let end = end.min(self.end);
        self.at = end;
        Some(Token { kind, start, end })
    }
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word_byte(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// The name that a word or quoted token stands for.
pub fn ident(token: Token, source: &str) -> Option<Ident> {
    match token.kind {
        TokenKind::Word => Some(Ident::new(token.text(source).to_ascii_lowercase())),
        TokenKind::Quoted => {
            let text = token.text(source).strip_prefix('"')?.strip_suffix('"')?;
            Some(Ident::new(text.replace("\"\"", "\"")))
        }
        _ => None,
    }
}

/// A text of SQL and where it stands: a whole file, or the body of a function in one.
///
/// Offsets within code count from the start of `text`; [`Code::span`] makes them places in the file.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    pub file: FileId,
    pub text: &'a str,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// The text stands in the file from this offset on, byte for byte.
    Verbatim(u32),
    /// The text was unquoted: only the place of the whole is known.
    Whole(Span),
}

impl<'a> Code<'a> {
    pub fn file(file: FileId, text: &'a str) -> Self {
        Self { file, text, place: Place::Verbatim(0) }
    }

    pub fn body(body: &'a BodyText) -> Self {
        let place = if body.verbatim { Place::Verbatim(body.span.start) } else { Place::Whole(body.span) };
        Self { file: body.span.file, text: &body.text, place }
    }

    pub fn span(&self, start: usize, end: usize) -> Span {
        match self.place {
            Place::Verbatim(from) => Span::new(self.file, from as usize + start, from as usize + end),
            Place::Whole(span) => span,
        }
    }

    /// Whether spans are exact.
    pub fn is_verbatim(&self) -> bool {
        matches!(self.place, Place::Verbatim(_))
    }
}

/// The tokens of one statement without its comments, for finding where its parts are written.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    pub code: Code<'a>,
    pub list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    /// The tokens of a part of the code.
    pub fn new(code: Code<'a>, range: std::ops::Range<usize>) -> Self {
        let list = Lexer::within(code.text, range).filter(|token| !token.is_comment()).collect();
        Self { code, list }
    }

    /// The index of the token that starts at or after an offset.
    pub fn at(&self, offset: usize) -> usize {
        self.list.partition_point(|token| token.start < offset)
    }

    pub fn is_word(&self, index: usize, word: &str) -> bool {
        self.list.get(index).is_some_and(|token| token.is_word(self.code.text, word))
    }

    pub fn is(&self, index: usize, punctuation: char) -> bool {
        self.list.get(index).is_some_and(|token| token.is(self.code.text, punctuation))
    }

    /// The span of the tokens `from..to`; the last token's where there are none.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let last = self.list.len().saturating_sub(1);
        let from = from.min(last);
        let to = to.clamp(from + 1, last + 1);
        match (self.list.get(from), self.list.get(to - 1)) {
            (Some(first), Some(end)) => self.code.span(first.start, end.end),
            _ => self.code.span(0, 0),
        }
    }

    /// The index after a dotted name that starts at `index`.
    pub fn after_name(&self, index: usize) -> usize {
        let mut at = index + 1;
        while self.is(at, '.') {
            at += 2;
        }
        at
    }

    /// The span of a dotted name that starts at `index`.
    pub fn name_span(&self, index: usize) -> Span {
        self.span(index, self.after_name(index))
    }

    /// The index of the next top-level occurrence of a key word.
    pub fn find_word(&self, from: usize, word: &str) -> Option<usize> {
        self.find(from, |tokens, at| tokens.is_word(at, word))
    }

    /// The index of the next token outside of parentheses that is as wanted.
    pub fn find(&self, from: usize, wanted: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        let mut at = from;
        while at < self.list.len() {
            if wanted(self, at) {
                return Some(at);
            }
            if self.is(at, ')') || self.is(at, ']') {
                return None;
            }
            at = self.skip(at);
        }
        None
    }

    /// The index after a token, or after the group that it opens.
    pub fn skip(&self, index: usize) -> usize {
        if !self.is(index, '(') && !self.is(index, '[') {
            return index + 1;
        }
        let mut depth = 0;
        for at in index..self.list.len() {
            if self.is(at, '(') || self.is(at, '[') {
                depth += 1;
            } else if self.is(at, ')') || self.is(at, ']') {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
        }
        self.list.len()
    }

    /// The index of the comma or closing parenthesis that ends a list item.
    pub fn item_end(&self, from: usize) -> usize {
        let ends = |tokens: &Self, at: usize| tokens.is(at, ',') || tokens.is(at, ')') || tokens.is(at, ';');
        let mut at = from;
        while at < self.list.len() && !ends(self, at) {
            at = self.skip(at);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        Lexer::new(text).map(|token| (token.kind, token.text(text))).collect()
    }

    #[test]
    fn literals_hide_what_they_hold() {
        use TokenKind::*;
        assert_eq!(
            kinds(r#"'a;''b' E'\';' $t$ ; $$ $t$ "a"";" $1"#),
            [
                (String, "'a;''b'"),
                (String, r"E'\';'"),
                (String, "$t$ ; $$ $t$"),
                (Quoted, r#""a"";""#),
                (Param, "$1")
            ]
        );
    }

    #[test]
    fn comments_nest_and_end_operators() {
        use TokenKind::*;
        assert_eq!(
            kinds("a/* b /* c */ */+-- d\n1"),
            [
                (Word, "a"),
                (BlockComment, "/* b /* c */ */"),
                (Operator, "+"),
                (LineComment, "-- d"),
                (Number, "1")
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_said() {
        for text in ["'a", "$$ a", "/* a", "\"a", "E'\\'"] {
            assert_eq!(kinds(text), [(TokenKind::Unterminated, text)]);
        }
    }

    #[test]
    fn words_hold_dollars_and_letters_of_any_script() {
        assert_eq!(
            kinds("a$b$ é1 x"),
            [(TokenKind::Word, "a$b$"), (TokenKind::Word, "é1"), (TokenKind::Word, "x")]
        );
    }
}
