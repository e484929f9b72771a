//! The recursive descent: blocks, declarations and control flow (PostgreSQL manual, chapter 43).
//!
//! As in PL/pgSQL itself, an expression is whatever stands before the word that must follow it.

use std::cell::RefCell;

use smol_str::{SmolStr, StrExt};

use crate::source::{Span, Spanned};
use crate::sql::lower::{self, ParseError};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{
    Block, BlockStatement, BlockStatementKind as Kind, BodyError, Declaration, Fragment, Handler, LoopHead,
};
use crate::sql::statement::{BodyText, Statement};
use crate::sql::token::{self, Code, TokenKind, Tokens};

/// How deep statements may nest; what is deeper is not read.
const MAX_DEPTH: u32 = 200;

pub(super) struct Parser<'a> {
    pub(super) tokens: Tokens<'a>,
    /// The index of the next token.
    pub(super) at: usize,
    depth: u32,
    /// The first error; none is told of a body that is nested too deeply.
    error: RefCell<Option<BodyError>>,
    too_deep: bool,
    has_labels: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(body: &'a BodyText) -> Self {
        let code = Code::body(body);
        let tokens = Tokens::new(code, skip_directives(code.text)..code.text.len());
        Self { tokens, at: 0, depth: 0, error: RefCell::default(), too_deep: false, has_labels: false }
    }

    pub(super) fn parse(mut self) -> Block {
        self.skip_labels();
        let mut block = if self.is("begin") || self.is("declare") {
            let block = self.block();
            self.at += usize::from(self.tokens.is(self.at, ';'));
            if !self.is_done() {
                self.note_unexpected(self.at);
            }
            block
        } else {
            self.note_unexpected(0);
            let rest = self.skip_to_end();
            Block { body: rest.into_iter().collect(), ..Block::default() }
        };
        block.error = self.error.into_inner().filter(|_| !self.too_deep).map(Box::new);
        block.has_labels = self.has_labels;
        block
    }

    /// Takes note of an error, unless there was one before it.
    pub(super) fn note(&self, span: Span, message: impl Into<String>) {
        let mut first = self.error.borrow_mut();
        if first.as_ref().is_none_or(|first| span.start < first.span.start) {
            *first = Some(BodyError { span, message: message.into() });
        }
    }

    /// Takes note of a token that must not stand where it does.
    fn note_unexpected(&self, at: usize) {
        match self.tokens.list.get(at) {
            Some(token) => {
                let text = token.text(self.tokens.code.text);
                self.note(self.span(at, at + 1), format!("syntax error at or near \"{text}\""));
            }
            None => {
                let end = self.tokens.code.text.len();
                self.note(self.tokens.code.span(end, end), "syntax error at end of input");
            }
        }
    }

    /// What PostgreSQL's parser makes of a part; what it does not take is noted.
    pub(super) fn noted<T>(&self, parsed: Result<Option<T>, ParseError>) -> Option<T> {
        match parsed {
            Ok(value) => value,
            Err(error) => {
                self.note(self.tokens.code.span(error.at.start, error.at.end), error.message);
                None
            }
        }
    }

    /// The word at a place, in lower case; empty for any other token.
    pub(super) fn word_at(&self, at: usize) -> SmolStr {
        match self.tokens.list.get(at) {
            Some(token) if token.kind == TokenKind::Word => {
                token.text(self.tokens.code.text).to_ascii_lowercase_smolstr()
            }
            _ => SmolStr::default(),
        }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.tokens.is_word(self.at, word)
    }

    /// Passes over a word if it stands here.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn is_operator(&self, at: usize, text: &str) -> bool {
        let token = self.tokens.list.get(at);
        token.is_some_and(|token| {
            token.kind == TokenKind::Operator && token.text(self.tokens.code.text) == text
        })
    }

    pub(super) fn ident_at(&self, at: usize) -> Option<Ident> {
        let token = *self.tokens.list.get(at)?;
        match token.kind {
            TokenKind::Param => Some(Ident::new(token.text(self.tokens.code.text))),
            _ => token::ident(token, self.tokens.code.text),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.list.len()
    }

    /// The index of the next token outside of parentheses that is one of the words, or is as wanted;
    /// at the latest that of the next semicolon.
    pub(super) fn find(&self, words: &[&str], wanted: impl Fn(usize) -> bool) -> usize {
        let mut depth = 0_u32;
        for at in self.at..self.tokens.list.len() {
            let token = self.tokens.list[at];
            let text = self.tokens.code.text;
            match token.kind {
                TokenKind::Punctuation => match text.as_bytes()[token.start] {
                    b';' => return at,
                    b'(' | b'[' => depth += 1,
                    b')' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                },
                TokenKind::Word if depth == 0 && words.iter().any(|word| token.is_word(text, word)) => {
                    return at;
                }
                _ => {}
            }
            if depth == 0 && wanted(at) {
                return at;
            }
        }
        self.tokens.list.len()
    }

    pub(super) fn find_word(&self, words: &[&str]) -> usize {
        self.find(words, |_| false)
    }

    pub(super) fn end(&self) -> usize {
        self.find(&[], |_| false)
    }

    /// The span of tokens, by their indexes.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        self.tokens.span(from, to)
    }

    /// The expression that the tokens from here to an index make; goes on there.
    pub(super) fn fragment_to(&mut self, to: usize) -> Fragment {
        let from = std::mem::replace(&mut self.at, to);
        if from >= to {
            let span = self.span(from, to);
            self.note(Span { end: span.start, ..span }, "missing expression");
            return Spanned { value: None, span: Span { end: span.start, ..span } };
        }
        self.fragment(self.tokens.list[from].start, to)
    }

    /// The expression from an offset to the token before an index.
    pub(super) fn fragment(&self, start: usize, to: usize) -> Fragment {
        let end = self.tokens.list[to - 1].end;
        let code = self.tokens.code;
        let value = self.noted(lower::expression(code, start..end));
        Spanned { value, span: code.span(start, end) }
    }

    /// Expressions between commas, up to one of the words.
    pub(super) fn fragments(&mut self, words: &[&str]) -> Vec<Fragment> {
        let mut list = Vec::new();
        loop {
            let to = self.find(words, |at| self.tokens.is(at, ','));
            list.push(self.fragment_to(to));
            if !self.tokens.is(self.at, ',') {
                return list;
            }
            self.at += 1;
        }
    }

    /// Names between commas: of dotted ones the first part.
    pub(super) fn names(&mut self) -> Vec<Ident> {
        let mut names = Vec::new();
        while let Some(name) = self.ident_at(self.at) {
            names.push(name);
            self.at = self.tokens.after_name(self.at);
            while self.tokens.is(self.at, '[') {
                self.at = self.skip(self.at);
            }
            if !self.tokens.is(self.at, ',') {
                break;
            }
            self.at += 1;
        }
        names
    }

    /// The statement of SQL that the tokens from here to an index make; goes on there.
    pub(super) fn statement_to(&mut self, to: usize) -> Option<Box<Statement>> {
        let from = std::mem::replace(&mut self.at, to);
        if from >= to {
            return None;
        }
        let range = self.tokens.list[from].start..self.tokens.list[to - 1].end;
        self.noted(lower::statement(self.tokens.code, range)).map(Box::new)
    }

    /// The index after the group that opens at a place, or of the semicolon that cuts it short.
    pub(super) fn skip(&self, open: usize) -> usize {
        let mut depth = 0_u32;
        for at in open..self.tokens.list.len() {
            if self.tokens.is(at, '(') || self.tokens.is(at, '[') {
                depth += 1;
            } else if self.tokens.is(at, ')') || self.tokens.is(at, ']') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            } else if self.tokens.is(at, ';') {
                return at;
            }
        }
        self.tokens.list.len()
    }

    /// Ends a statement at its semicolon. What stands before it unread makes all of it unreadable,
    /// unless it is the end of the statement around, which a missing END leaves here.
    pub(super) fn close(&mut self, from: usize, kind: Option<Kind>) -> BlockStatement {
        let kind = match kind {
            Some(kind) if self.ends_body(self.at) => {
                return BlockStatement { span: self.span(from, self.at), label: None, kind };
            }
            kind => kind,
        };
        let end = self.end();
        let kind = kind.filter(|_| end == self.at).unwrap_or_else(|| {
            let start = self.span(from, from + 1).start;
            if self.error.borrow().as_ref().is_none_or(|error| error.span.start < start) {
                self.note_unexpected(self.at);
            }
            Kind::Unparsed
        });
        self.at = end + 1;
        BlockStatement { span: self.span(from, end.max(from + 1)), label: None, kind }
    }

    /// Passes over labels; the answer is the last one.
    pub(super) fn skip_labels(&mut self) -> Option<Ident> {
        let mut label = None;
        while self.is_operator(self.at, "<<") && self.is_operator(self.at + 2, ">>") {
            self.has_labels = true;
            label = self.ident_at(self.at + 1);
            self.at += 3;
        }
        label
    }

    fn skip_to_end(&mut self) -> Option<BlockStatement> {
        let from = std::mem::replace(&mut self.at, self.tokens.list.len());
        let span = self.span(from, self.at);
        (from < self.at).then_some(BlockStatement { span, label: None, kind: Kind::Unparsed })
    }

    /// Reads a block up to and including its END.
    fn block(&mut self) -> Block {
        let mut block = Block::default();
        while self.take("declare") {
            while !self.is_done() && !self.is("begin") && !self.is("declare") {
                block.declarations.extend(self.declaration());
            }
        }
        self.take("begin");
        block.body = self.statements(&[]);
        loop {
            if self.take("exception") {
                block.handlers = self.handlers();
            }
            let closes = self.word_at(self.at + 1);
            if !self.take("end") {
                self.note_unexpected(self.at);
                break;
            }
            if !matches!(closes.as_str(), "if" | "loop" | "case") {
                break;
            }
            // It closes what could not be read; the block goes on.
            let stray = self.close(self.at - 1, None);
            let rest = self.statements(&[]);
            let body = block.handlers.last_mut().map_or(&mut block.body, |handler| &mut handler.body);
            body.push(stray);
            body.extend(rest);
        }
        if !self.tokens.is(self.at, ';') && self.ident_at(self.at).is_some() {
            self.at += 1;
        }
        block
    }

    fn handlers(&mut self) -> Vec<Handler> {
        let mut handlers = Vec::new();
        while self.take("when") {
            let then = self.find_word(&["then"]);
            let span = self.span(self.at, then);
            let mut conditions = Vec::new();
            while self.at < then {
                let token = self.tokens.list[self.at];
                let text = token.text(self.tokens.code.text);
                match token.kind {
                    TokenKind::String => conditions.push(text.trim_matches('\'').to_ascii_lowercase()),
                    TokenKind::Word if !self.is("or") && !self.is("sqlstate") => {
                        conditions.push(text.to_ascii_lowercase());
                    }
                    _ => {}
                }
                self.at += 1;
            }
            self.at += 1;
            handlers.push(Handler { span, conditions, body: self.statements(&["when"]) });
        }
        handlers
    }

    fn declaration(&mut self) -> Option<Declaration> {
        self.skip_labels();
        let from = self.at;
        let to = self.end();
        let name = self.ident_at(from);
        self.at += 1;
        let mut default = None;
        let mut query = None;
        let mut constant = false;
        let cursor = self.find_word(&["cursor"]);
        let scrolls = (self.at..cursor).all(|at| matches!(self.word_at(at).as_str(), "no" | "scroll"));
        let data_type = if self.take("alias") {
            "alias".to_owned()
        } else if cursor < to && scrolls {
            self.at = (self.find_word(&["for", "is"]) + 1).min(to);
            query = self.statement_to(to);
            "cursor".to_owned()
        } else {
            constant = self.take("constant");
            let data_type = self.at;
            let ends = ["default", "not", "collate"];
            let type_end = self.find(&ends, |at| self.assigns(at));
            self.at = self.find(&["default"], |at| self.assigns(at));
            if self.at < to {
                default = self.assigned(to);
            }
            let start = self.tokens.list.get(data_type).map_or(0, |token| token.start);
            let end = self.tokens.list[..type_end].last().map_or(0, |token| token.end);
            self.tokens.code.text.get(start..end).unwrap_or_default().to_owned()
        };
        self.at = to + 1;
        let span = self.span(from, to.max(from + 1));
        Some(Declaration { name: name?, span, data_type, constant, default, query })
    }

    /// Whether `:=` or `=` stands at a place. As in PostgreSQL's scanner, signs after `=` are apart.
    pub(super) fn assigns(&self, at: usize) -> bool {
        let Some(token) = self.tokens.list.get(at) else { return false };
        let text = token.text(self.tokens.code.text);
        let signs = |rest: &str| rest.bytes().all(|byte| matches!(byte, b'+' | b'-'));
        token.kind == TokenKind::Operator && (text == ":=" || text.strip_prefix('=').is_some_and(signs))
    }

    /// The expression after the `:=`, `=` or DEFAULT that stands here.
    pub(super) fn assigned(&mut self, to: usize) -> Option<Fragment> {
        let sign = *self.tokens.list.get(self.at)?;
        let text = sign.text(self.tokens.code.text);
        self.at += 1;
        if text.starts_with('=') && text.len() > 1 {
            self.at = to;
            return Some(self.fragment(sign.start + 1, to));
        }
        Some(self.fragment_to(to))
    }

    /// Reads statements up to END, EXCEPTION or one of the words, which is not passed over.
    pub(super) fn statements(&mut self, ends: &[&str]) -> Vec<BlockStatement> {
        let mut list = Vec::new();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.too_deep = true;
            list.extend(self.skip_to_end());
        }
        while !self.is_done() {
            if self.tokens.is(self.at, ';') {
                self.at += 1;
                continue;
            }
            let word = self.word_at(self.at);
            let stops = match word.as_str() {
                "else" | "when" => true,
                "elsif" | "elseif" => !self.assigns(self.at + 1),
                _ => false,
            };
            if self.ends_body(self.at) || stops && ends.contains(&word.as_str()) {
                break;
            }
            list.push(if stops { self.stray() } else { self.statement() });
        }
        self.depth -= 1;
        list.shrink_to_fit();
        list
    }

    /// Whether the word at a place ends statements of any kind.
    fn ends_body(&self, at: usize) -> bool {
        self.tokens.is_word(at, "end")
            || self.tokens.is_word(at, "exception") && self.tokens.is_word(at + 1, "when")
    }

    /// Passes over what belongs to a statement that could not be read: ELSE, or a condition.
    fn stray(&mut self) -> BlockStatement {
        let from = self.at;
        self.note_unexpected(from);
        self.at += 1;
        if !self.tokens.is_word(from, "else") {
            let then = self.find_word(&["then"]);
            if !self.tokens.is_word(then, "then") {
                return self.close(from, None);
            }
            self.at = then + 1;
        }
        BlockStatement { span: self.span(from, self.at), label: None, kind: Kind::Unparsed }
    }

    fn statement(&mut self) -> BlockStatement {
        let label = self.skip_labels();
        let from = self.at;
        let word = self.word_at(from);
        let kind = match word.as_str() {
            "begin" | "declare" => Some(Kind::Block(self.block())),
            "if" => self.if_statement(),
            "case" => self.case(),
            "loop" | "while" | "for" | "foreach" => self.loop_statement(&word),
            _ => self.simple(&word),
        };
        BlockStatement { label, ..self.close(from, kind) }
    }

    /// Passes over END and its word. Without them the statement is taken to end here.
    fn end_of(&mut self, word: &str) {
        if !self.is("end") || !self.tokens.is_word(self.at + 1, word) {
            return self.note_unexpected(self.at + usize::from(self.is("end")));
        }
        self.at += 2;
        if !self.tokens.is(self.at, ';') && self.ident_at(self.at).is_some() {
            self.at += 1;
        }
    }

    fn if_statement(&mut self) -> Option<Kind> {
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        while self.is("if") || self.is("elsif") || self.is("elseif") {
            self.at += 1;
            let then = self.find_word(&["then"]);
            let condition = self.fragment_to(then);
            if !self.take("then") {
                return None;
            }
            arms.push((condition, self.statements(&["elsif", "elseif", "else"])));
        }
        if self.take("else") {
            otherwise = self.statements(&[]);
        }
        self.end_of("if");
        Some(Kind::If { arms, otherwise })
    }

    fn case(&mut self) -> Option<Kind> {
        self.at += 1;
        let mut operand = None;
        if !self.is("when") {
            let when = self.find_word(&["when"]);
            operand = Some(self.fragment_to(when));
        }
        if !self.is("when") {
            return None;
        }
        let mut arms = Vec::new();
        let mut otherwise = None;
        while self.take("when") {
            let values = self.fragments(&["then"]);
            if !self.take("then") {
                return None;
            }
            arms.push((values, self.statements(&["when", "else"])));
        }
        if self.take("else") {
            otherwise = Some(self.statements(&[]));
        }
        self.end_of("case");
        Some(Kind::Case { operand, arms, otherwise })
    }

    fn loop_statement(&mut self, word: &str) -> Option<Kind> {
        let from = self.at;
        if word != "loop" {
            self.at += 1;
        }
        let to = self.find_word(&["loop"]);
        if !self.tokens.is_word(to, "loop") {
            return None;
        }
        let head = match word {
            "loop" => Some(LoopHead::Forever),
            "while" => Some(LoopHead::While(self.fragment_to(to))),
            "for" => self.for_head(to),
            _ => self.foreach_head(to),
        };
        let head = head.filter(|_| self.at == to).unwrap_or_else(|| LoopHead::Unparsed(self.span(from, to)));
        self.at = to + 1;
        let body = self.statements(&[]);
        self.end_of("loop");
        Some(Kind::Loop { head, body })
    }

    fn for_head(&mut self, to: usize) -> Option<LoopHead> {
        let variables = self.names();
        let variable = variables.first()?.clone();
        if !self.take("in") {
            return None;
        }
        if self.take("execute") {
            let (command, using, _) = self.execute(&["loop"]);
            return Some(LoopHead::Execute { variables, command, using });
        }
        let reverse = self.is("reverse");
        let start = self.at + usize::from(reverse);
        let dots = self.find(&["loop"], |at| self.is_operator(at, ".."));
        if dots < to {
            self.at = start;
            let mut bounds = vec![self.fragment_to(dots)];
            self.at += 1;
            let by = self.find_word(&["by", "loop"]);
            bounds.push(self.fragment_to(by));
            if self.take("by") {
                bounds.push(self.fragment_to(to));
            }
            return Some(LoopHead::Range { variable, bounds, reverse });
        }
        let name_end = self.at + 1;
        let args_end = if self.tokens.is(name_end, '(') { self.skip(name_end) } else { name_end };
        if let Some(cursor) = self.ident_at(self.at)
            && args_end == to
        {
            self.at = to;
            return Some(LoopHead::Cursor { variable, cursor });
        }
        let query = self.statement_to(to)?;
        Some(LoopHead::Query { variables, query })
    }

    fn foreach_head(&mut self, to: usize) -> Option<LoopHead> {
        let variables = self.names();
        if self.take("slice") {
            self.at += 1;
        }
        if !self.take("in") || !self.take("array") {
            return None;
        }
        Some(LoopHead::Array { variables, array: self.fragment_to(to) })
    }
}

/// The offset after the lines that `#variable_conflict` and the like stand on.
fn skip_directives(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text[at..].trim_start();
        let start = text.len() - rest.len();
        let comment = rest.starts_with("--");
        if !rest.starts_with('#') && !comment {
            return at;
        }
        at = rest.find('\n').map_or(text.len(), |newline| start + newline);
    }
}
