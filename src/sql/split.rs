//! A text of SQL cut into raw statements.
//!
//! The cut follows psql's rules as far as a file can show them: rows after COPY … FROM stdin and
//! lines with a backslash are no SQL. It knows nothing of grammar beyond the few statements that
//! hold semicolons of their own.

use std::ops::Range;

use crate::sql::SkippedKind;
use crate::sql::token::{Lexer, Token, TokenKind};

/// One statement, from its first token to its last, the semicolon left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    /// Whether it ends in a literal or comment that has no end.
    pub(super) unterminated: bool,
}

/// Cuts a text, and gathers what stands between its statements.
#[derive(Clone, Debug)]
pub(super) struct Splitter<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// Whether psql reads the text: a file, not the body of a function.
    script: bool,
    pub(super) comments: Vec<Token>,
    pub(super) skipped: Vec<(Range<usize>, SkippedKind)>,
}

impl<'a> Splitter<'a> {
    pub(super) fn file(text: &'a str) -> Self {
        Self { script: true, ..Self::body(text) }
    }

    pub(super) fn body(text: &'a str) -> Self {
        let lexer = Lexer::new(text);
        Self { text, lexer, script: false, comments: Vec::new(), skipped: Vec::new() }
    }

    /// Goes back to a place, and forgets what was gathered after it.
    pub(super) fn restart(&mut self, at: usize) {
        self.lexer.jump(at);
        self.comments.truncate(self.comments.partition_point(|comment| comment.start < at));
        self.skipped.truncate(self.skipped.partition_point(|(range, _)| range.start < at));
    }

    /// Ends the cut: what is left is no longer looked at.
    pub(super) fn give_up(&mut self, at: usize) {
        self.restart(at);
        self.lexer.jump(self.text.len());
        if !self.text[at..].trim().is_empty() {
            self.skipped.push((at..self.text.len(), SkippedKind::Rest));
        }
    }

    /// Passes over a line with a command of psql, and over the rows that `\copy` reads. Lines that follow
    /// one another are one stretch.
    fn skip_command(&mut self, start: usize) {
        let end = line_end(self.text, start);
        match self.skipped.last_mut() {
            Some((last, SkippedKind::MetaCommand)) if self.text[last.end..start].trim().is_empty() => {
                last.end = end;
            }
            _ => self.skipped.push((start..end, SkippedKind::MetaCommand)),
        }
        self.lexer.jump(end);
        let command = self.text[start..end].to_ascii_lowercase();
        if command.starts_with("\\copy") && command.contains("from stdin") {
            self.skip_rows(end);
        }
    }

    /// Passes over rows, which start on the line after and end with `\.` alone on a line.
    fn skip_rows(&mut self, at: usize) {
        let start = (line_end(self.text, at) + 1).min(self.text.len());
        let mut line = start;
        while line < self.text.len() {
            let end = line_end(self.text, line);
            let last = self.text[line..end].trim_end() == "\\.";
            line = end + 1;
            if last {
                break;
            }
        }
        let end = line.min(self.text.len());
        if !self.text[start..end].trim().is_empty() {
            self.skipped.push((start..end, SkippedKind::CopyData));
        }
        self.lexer.jump(end);
    }

    /// Whether an operator is a backslash that starts a command of psql. Between statements and at the start of a line
    /// each one does; elsewhere only the commands that send a query.
    fn is_command(&self, token: Token, in_statement: bool) -> bool {
        if !self.script || self.text.as_bytes()[token.start] != b'\\' {
            return false;
        }
        let line = &self.text[..token.start];
        let indent = line.trim_end_matches([' ', '\t']);
        if !in_statement || indent.is_empty() || indent.ends_with('\n') {
            return true;
        }
        let name = &self.text[token.end..];
        let name = &name[..name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len())];
        matches!(name, "g" | "gx" | "gexec" | "gset" | "gdesc" | "crosstabview" | "watch")
    }
}

impl Iterator for Splitter<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let mut nesting = Nesting::default();
        let mut piece: Option<Piece> = None;
        while let Some(token) = self.lexer.next() {
            match token.kind {
                TokenKind::LineComment | TokenKind::BlockComment => {
                    self.comments.push(token);
                    continue;
                }
                TokenKind::Operator if self.is_command(token, piece.is_some()) => {
                    self.skip_command(token.start);
                    if piece.is_some() {
                        return piece;
                    }
                    continue;
                }
                _ => {}
            }
            if nesting.ends_at(token, self.text) {
                if self.script && nesting.reads_rows() {
                    self.skip_rows(token.end);
                }
                if piece.is_some() {
                    return piece;
                }
                continue;
            }
            let unterminated = token.kind == TokenKind::Unterminated;
            match &mut piece {
                Some(piece) => (piece.range.end, piece.unterminated) = (token.end, unterminated),
                None => piece = Some(Piece { range: token.start..token.end, unterminated }),
            }
        }
        piece
    }
}

/// Knows, token by token, which semicolon ends a statement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    state: State,
    /// Parentheses of a rule; CASE and the BEGIN of a body.
    depth: u32,
    /// Whether the token before makes a name of the next word: `.` or AS.
    names_next: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    /// A statement in which each semicolon is the end.
    Plain,
    /// After CREATE [OR REPLACE].
    Create,
    /// CREATE RULE: its actions may stand in parentheses.
    Rule,
    /// CREATE FUNCTION or PROCEDURE.
    Routine,
    /// The same, after BEGIN.
    RoutineBegin,
    /// Between BEGIN ATOMIC and its END.
    Body,
    Copy,
    /// COPY … FROM
    CopyFrom,
    /// COPY … FROM stdin
    Rows,
}

impl Nesting {
    /// Takes the next token, comments left out: whether it is the semicolon that ends the statement.
    #[inline]
    pub(super) fn ends_at(&mut self, token: Token, text: &str) -> bool {
        if self.state == State::Plain {
            return token.is(text, ';');
        }
        self.step(token, text)
    }

    fn reads_rows(self) -> bool {
        self.state == State::Rows
    }

    fn step(&mut self, token: Token, text: &str) -> bool {
        let is = |word: &str| token.is_word(text, word);
        match token.kind {
            TokenKind::Punctuation => match (text.as_bytes()[token.start], self.state) {
                (b';', State::Body) => {}
                (b';', State::Rule) if self.depth > 0 => {}
                (b';', _) => return true,
                (b'(', State::Rule) => self.depth += 1,
                (b')', State::Rule) => self.depth = self.depth.saturating_sub(1),
                _ => {}
            },
            TokenKind::Word if self.names_next && self.state == State::Body => {}
            TokenKind::Word => match self.state {
                State::Start if is("create") => self.state = State::Create,
                State::Start if is("copy") => self.state = State::Copy,
                State::Create if is("or") || is("replace") => {}
                State::Create if is("function") || is("procedure") => self.state = State::Routine,
                State::Create if is("rule") => self.state = State::Rule,
                State::Start | State::Create => self.state = State::Plain,
                State::Routine if is("begin") => self.state = State::RoutineBegin,
                State::RoutineBegin if is("atomic") => (self.state, self.depth) = (State::Body, 1),
                State::RoutineBegin => self.state = State::Routine,
                State::Body if is("case") => self.depth += 1,
                State::Body if is("end") => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.state = State::Plain;
                    }
                }
                State::Copy if is("from") => self.state = State::CopyFrom,
                State::CopyFrom if is("stdin") => self.state = State::Rows,
                State::CopyFrom => self.state = State::Copy,
                State::Rows if is("to") => self.state = State::Plain,
                _ => {}
            },
            _ if self.state == State::Start => self.state = State::Plain,
            _ => {}
        }
        self.names_next = token.is(text, '.') || is("as");
        false
    }
}

/// A place inside of a broken statement where the next one seems to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boundary {
    /// Where the broken statement ends: at its semicolon.
    pub(super) end: usize,
    /// The line after.
    pub(super) resume: usize,
}

/// Finds where a missing quote or bracket has swallowed the next statement: after a semicolon at the
/// end of a line, at a key word that starts a statement and stands no deeper than the broken one.
pub(super) fn boundary(text: &str, range: Range<usize>) -> Option<Boundary> {
    let depth = indent(text, range.start);
    let sound = sound_literals(text, range.clone());
    let is_sound = |at: usize| {
        let next = sound.partition_point(|literal| literal.end <= at);
        sound.get(next).is_some_and(|literal| literal.start < at)
    };
    let mut found: Option<Boundary> = None;
    let mut line = range.start;
    while line < range.end {
        let end = line_end(text, line).min(range.end);
        let content = text[line..end].trim();
        let note = content.starts_with("--") || (content.starts_with("/*") && content.ends_with("*/"));
        if is_sound(line) && is_sound(end) {
            found = None;
        } else if !content.is_empty() && !note {
            if found.is_some() && !is_sound(line) && indent(text, line) <= depth && starts_statement(content)
            {
                return found;
            }
            let code = content.rfind("--").map_or(content, |comment| content[..comment].trim_end());
            let closed = [content, code].into_iter().find(|part| part.ends_with(';'));
            found = closed.filter(|_| !is_sound(end)).map(|part| {
                let start = end - text[line..end].trim_start().len();
                Boundary { end: start + part.len() - 1, resume: end + 1 }
            });
        }
        line = end + 1;
    }
    None
}

fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at)
}

/// How many blanks the line of a place begins with.
fn indent(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn starts_statement(line: &str) -> bool {
    let end = line.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(line.len());
    STATEMENTS.iter().any(|word| word.eq_ignore_ascii_case(&line[..end]))
}

const STATEMENTS: &[&str] = &[
    "alter", "analyze", "begin", "call", "comment", "commit", "copy", "create", "delete", "do", "drop",
    "grant", "import", "insert", "lock", "merge", "notify", "reassign", "refresh", "reindex", "reset",
    "revoke", "rollback", "security", "select", "set", "start", "truncate", "update", "vacuum", "with",
];

/// The literals and comments of a statement that surely end where they seem to: what looks like a
/// statement in them is none. A body is sound when what follows it can follow a body.
fn sound_literals(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut sound = Vec::new();
    let mut before: [Option<Token>; 2] = [None, None];
    let mut body: Option<Range<usize>> = None;
    for token in Lexer::within(text, range) {
        if token.is_comment() {
            sound.push(token.start..token.end);
            continue;
        }
        if let Some(body) = body.take()
            && follows_body(token, text)
        {
            sound.push(body);
        }
        let follows = |at: usize, words: &[&str]| {
            before[at].is_some_and(|token| words.iter().any(|word| token.is_word(text, word)))
        };
        if token.kind == TokenKind::String && (follows(1, &["as", "do"]) || follows(0, &["language"])) {
            body = Some(token.start..token.end);
        }
        before = [before[1], Some(token)];
    }
    sound.extend(body);
    sound.sort_unstable_by_key(|literal| literal.start);
    sound
}

fn follows_body(token: Token, text: &str) -> bool {
    const WORDS: &[&str] = &[
        "language",
        "immutable",
        "stable",
        "volatile",
        "strict",
        "security",
        "set",
        "cost",
        "rows",
        "parallel",
        "leakproof",
        "called",
        "returns",
        "window",
        "support",
        "not",
        "external",
        "transform",
    ];
    // Where only the semicolon is missing, the next statement follows. Bodies begin with other words.
    const NEXT: &[&str] = &["alter", "comment", "create", "drop", "grant", "revoke"];
    let is_any = |words: &[&str]| words.iter().any(|word| token.is_word(text, word));
    let line = text[..token.start].rfind('\n').map_or(0, |newline| newline + 1);
    let starts_line = text[line..token.start].trim().is_empty();
    token.is(text, ';') || token.is(text, ',') || is_any(WORDS) || starts_line && is_any(NEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        Splitter::file(text).map(|piece| &text[piece.range]).collect()
    }

    fn skipped(text: &str) -> Vec<(&str, SkippedKind)> {
        let mut splitter = Splitter::file(text);
        while splitter.next().is_some() {}
        splitter.skipped.iter().map(|(range, kind)| (&text[range.clone()], *kind)).collect()
    }

    #[test]
    fn semicolons_in_literals_and_comments_are_no_ends() {
        let text = r#"; select ';', E'\';', U&";", $a$ ; $$ ; $a$ -- ;
            /* ; /* ; */ ; */ from t; ;; select 2 "#;
        let pieces = pieces(text);
        assert_eq!(pieces.len(), 2);
        assert!(pieces[0].starts_with("select ';'") && pieces[0].ends_with("from t"));
        assert_eq!(pieces[1], "select 2");
    }

    #[test]
    fn comments_after_the_last_token_are_left_out() {
        let text = "-- a\nselect 1 -- b\n; -- c\n--> statement-breakpoint\nselect 2";
        assert_eq!(pieces(text), ["select 1", "select 2"]);
        let mut splitter = Splitter::file(text);
        while splitter.next().is_some() {}
        assert_eq!(splitter.comments.len(), 4);
    }

    #[test]
    fn an_atomic_body_is_whole() {
        let text = "create or replace function f(a int) returns int begin atomic
            select case when a > 1 then 1 else case a when 0 then 2 end end;
            select 1 as end; select t.case from t;
            end; create procedure p() begin atomic; end; select 1";
        let pieces = pieces(text);
        assert_eq!(pieces.len(), 3);
        assert!(pieces[0].ends_with("from t;\n            end"));
        assert_eq!(pieces[1], "create procedure p() begin atomic; end");
    }

    #[test]
    fn the_actions_of_a_rule_stay_together() {
        let text =
            "create rule r as on insert to t do also (insert into a values (1); delete from b); select 1";
        assert_eq!(pieces(text).len(), 2);
    }

    #[test]
    fn an_open_parenthesis_hides_nothing() {
        assert_eq!(pieces("create table a (id int; create table b (id int)").len(), 2);
    }

    #[test]
    fn commands_of_psql_are_passed_over() {
        let text = "\\restrict abc'\nselect 1;\n  \\echo it's\nselect 2\n\\gexec\nselect 3 \\gset\nselect \\x from t;";
        assert_eq!(pieces(text), ["select 1", "select 2", "select 3", "select \\x from t"]);
        let lines: Vec<_> = skipped(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, ["\\restrict abc'", "\\echo it's", "\\gexec", "\\gset"]);
    }

    #[test]
    fn rows_of_copy_are_never_lexed() {
        let text =
            "COPY public.t (a, b) FROM stdin;\nit's\t$$\n\\N\t/*\n\\.\n\nselect 1;\ncopy t from stdin;\n1\n";
        assert_eq!(pieces(text), ["COPY public.t (a, b) FROM stdin", "select 1", "copy t from stdin"]);
        let rows = [("it's\t$$\n\\N\t/*\n\\.\n", SkippedKind::CopyData), ("1\n", SkippedKind::CopyData)];
        assert_eq!(skipped(text), rows);
        assert_eq!(pieces("copy (select 1 from stdin) to stdout;\nselect 1").len(), 2);
        assert_eq!(pieces("\\copy t from stdin\nit's\n\\.\nselect 1"), ["select 1"]);
    }

    #[test]
    fn the_body_of_a_function_has_no_commands() {
        let text = "select 1\n\\gexec\n; select 2";
        assert_eq!(Splitter::body(text).count(), 2);
    }

    #[test]
    fn a_boundary_is_a_statement_after_a_semicolon_and_no_deeper() {
        let text = "select 'a;\n  select 1;\n\n-- note\ncreate table t ();";
        let found = boundary(text, 0..text.len()).unwrap();
        assert_eq!(&text[..found.end], "select 'a;\n  select 1");
        assert_eq!(&text[found.resume..], "\n-- note\ncreate table t ();");
        assert_eq!(boundary("select 'a;\n  select 1", 0..21), None);
    }

    #[test]
    fn a_sound_body_has_no_boundary() {
        let sound = "create fnction f() as $$\nbegin\ninsert into t values (1);\ndelete from t;\nend $$ language plpgsql";
        assert_eq!(boundary(sound, 0..sound.len()), None);
        let open =
            "create function f() as $$\nbegin\nend;\nlanguage plpgsql;\ncreate function g() as $$\nbegin end";
        assert_eq!(&open[boundary(open, 0..open.len()).unwrap().resume..][..17], "create function g");
    }

    #[test]
    fn long_garbage_is_cut_in_linear_time() {
        for unit in [
            "$a",
            "$$ $a$ ",
            "/*",
            "'",
            "\"",
            "(",
            "\\",
            "\\\n",
            "create rule (",
            "begin atomic case ",
            "E'\\",
        ] {
            let text = unit.repeat(200_000 / unit.len());
            Splitter::file(&text).for_each(drop);
            boundary(&text, 0..text.len());
        }
    }
}
