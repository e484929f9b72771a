//! The lexical structure of SQL: tokens with their places.
//!
//! One lexer serves the splitter, the comments and the spans of names. It follows the rules of
//! PostgreSQL's scanner (manual, section 4.1) as far as bounds go; what a literal means is the
//! parser's business. It never fails: a literal that does not end is a token of its own kind.

use crate::source::{FileId, Span, offset};
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
    /// Any other run of operator characters, `:=` and `..` of PL/pgSQL, or a character that SQL does
    /// not know.
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
    /// The text up to where the tokens end.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// The tokens of a part of the text; their offsets count from the start of the text.
    pub fn within(text: &'a str, range: std::ops::Range<usize>) -> Self {
        Self { text, bytes: &text.as_bytes()[..range.end], at: range.start }
    }

    /// Goes on at another place, which must not lie within a character.
    pub fn jump(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..).unwrap_or_default()
    }

    /// The end of the run of bytes of a class.
    fn run(&self, from: usize, class: u8) -> usize {
        self.rest(from)
            .iter()
            .position(|byte| CLASS[*byte as usize] & class == 0)
            .map_or(self.bytes.len(), |n| from + n)
    }

    /// The end of a literal closed by `quote`, which stands for itself when doubled.
    fn quoted(&self, open: usize, quote: u8, backslash: bool) -> (TokenKind, usize) {
        let closed = if quote == b'"' { TokenKind::Quoted } else { TokenKind::String };
        let mut at = open + 1;
        loop {
            let rest = self.rest(at);
            let found =
                if backslash { memchr::memchr2(quote, b'\\', rest) } else { memchr::memchr(quote, rest) };
            let Some(found) = found.map(|found| at + found) else {
                return (TokenKind::Unterminated, self.bytes.len());
            };
            if self.bytes[found] == quote && self.byte(found + 1) != quote {
                return (closed, found + 1);
            }
            at = found + 2;
        }
    }

    fn dollar(&self, open: usize) -> Option<(TokenKind, usize)> {
        let first = CLASS[self.byte(open + 1) as usize];
        if first & DIGIT != 0 {
            return Some((TokenKind::Param, self.run(open + 1, DIGIT)));
        }
        let close = self.run(open + 1, WORD_START | DIGIT);
        if self.byte(close) != b'$' {
            return None;
        }
        let tag = &self.bytes[open..=close];
        let mut from = close + 1;
        // A tag holds no `$` inside, so that what is compared at two places does not overlap.
        while let Some(found) = memchr::memchr(b'$', self.rest(from)).map(|found| from + found) {
            if self.bytes[found..].starts_with(tag) {
                return Some((TokenKind::String, found + tag.len()));
            }
            from = found + 1;
        }
        Some((TokenKind::Unterminated, self.bytes.len()))
    }

    fn line_comment(&self, open: usize) -> (TokenKind, usize) {
        let end = memchr::memchr2(b'\n', b'\r', self.rest(open)).map_or(self.bytes.len(), |n| open + n);
        (TokenKind::LineComment, end)
    }

    fn block_comment(&self, open: usize) -> (TokenKind, usize) {
        let mut depth = 1;
        let mut at = open + 2;
        while let Some(found) = memchr::memchr2(b'*', b'/', self.rest(at)).map(|found| at + found) {
            at = found + 2;
            match (self.bytes[found], self.byte(found + 1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') if depth == 1 => return (TokenKind::BlockComment, at),
                (b'*', b'/') => depth -= 1,
                _ => at = found + 1,
            }
        }
        (TokenKind::Unterminated, self.bytes.len())
    }

    fn word(&self, start: usize) -> (TokenKind, usize) {
        let second = self.byte(start + 1);
        if second == b'\'' || second == b'&' {
            match (self.bytes[start] | 0x20, second) {
                (b'e', b'\'') => return self.quoted(start + 1, b'\'', true),
                (b'b' | b'x' | b'n', b'\'') => return self.quoted(start + 1, b'\'', false),
                (b'u', b'&') if matches!(self.byte(start + 2), b'\'' | b'"') => {
                    return self.quoted(start + 2, self.byte(start + 2), false);
                }
                _ => {}
            }
        }
        (TokenKind::Word, self.run(start + 1, WORD))
    }

    fn number(&self, start: usize) -> (TokenKind, usize) {
        let mut at = start;
        loop {
            let byte = self.byte(at);
            // `1..10` is a range of PL/pgSQL.
            if !byte.is_ascii_alphanumeric() && byte != b'_' && (byte != b'.' || self.byte(at + 1) == b'.') {
                return (TokenKind::Number, at);
            }
            at += 1;
            if matches!(byte, b'e' | b'E') && matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
        }
    }

    fn operator(&self, start: usize) -> (TokenKind, usize) {
        let mut at = start;
        while CLASS[self.byte(at) as usize] & OPERATOR != 0 {
            let comment = matches!((self.byte(at), self.byte(at + 1)), (b'-', b'-') | (b'/', b'*'));
            if comment && at > start {
                break;
            }
            at += 1;
        }
        // A character that no operator holds stands alone.
        if at == start {
            at += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        (TokenKind::Operator, at)
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let start = self.run(self.at, BLANK);
        let first = *self.bytes.get(start)?;
        let (kind, end) = if CLASS[first as usize] & WORD_START != 0 {
            self.word(start)
        } else {
            match (first, self.byte(start + 1)) {
                (b'-', b'-') => self.line_comment(start),
                (b'/', b'*') => self.block_comment(start),
                (quote @ (b'\'' | b'"'), _) => self.quoted(start, quote, false),
                (b'$', _) => self.dollar(start).unwrap_or((TokenKind::Operator, start + 1)),
                (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.number(start),
                (b'.', b'.') | (b':', b'=') => (TokenKind::Operator, start + 2),
                (b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' | b':', _) => {
                    (TokenKind::Punctuation, start + 1)
                }
                _ => self.operator(start),
            }
        };
        let end = end.min(self.bytes.len());
        self.at = end;
        Some(Token { kind, start, end })
    }
}

const BLANK: u8 = 1;
const WORD_START: u8 = 2;
const DIGIT: u8 = 4;
const DOLLAR: u8 = 8;
const OPERATOR: u8 = 16;
const WORD: u8 = WORD_START | DIGIT | DOLLAR;

/// What each byte can be part of. Bytes of characters beyond ASCII are letters.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => BLANK,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => WORD_START,
            b'0'..=b'9' => DIGIT,
            b'$' => DOLLAR,
            b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%' | b'^'
            | b'&' | b'|' | b'`' | b'?' => OPERATOR,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// The name that a word or quoted token stands for.
pub fn ident(token: Token, source: &str) -> Option<Ident> {
    match token.kind {
        TokenKind::Word => Some(Ident::folded(token.text(source))),
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

    /// The code that begins at an offset of this one, as a text that differs from it in nothing but
    /// bytes written over.
    pub fn overwritten<'b>(&self, start: usize, text: &'b str) -> Code<'b> {
        let place = match self.place {
            Place::Verbatim(from) => Place::Verbatim(from + offset(start)),
            Place::Whole(span) => Place::Whole(span),
        };
        Code { file: self.file, text, place }
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
        // A dot may be the last of all.
        at.min(self.list.len())
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
    fn ranges_and_assignments_of_plpgsql_are_apart() {
        use TokenKind::*;
        assert_eq!(kinds("1..10"), [(Number, "1"), (Operator, ".."), (Number, "10")]);
        assert_eq!(kinds("x:=-1.5e-3"), [(Word, "x"), (Operator, ":="), (Operator, "-"), (Number, "1.5e-3")]);
        assert_eq!(kinds("a::b"), [(Word, "a"), (Punctuation, ":"), (Punctuation, ":"), (Word, "b")]);
    }

    #[test]
    fn a_return_ends_a_line_comment() {
        assert_eq!(kinds("-- a\rb"), [(TokenKind::LineComment, "-- a"), (TokenKind::Word, "b")]);
    }

    #[test]
    fn words_hold_dollars_and_letters_of_any_script() {
        assert_eq!(
            kinds("a$b$ é1 x"),
            [(TokenKind::Word, "a$b$"), (TokenKind::Word, "é1"), (TokenKind::Word, "x")]
        );
    }
}
