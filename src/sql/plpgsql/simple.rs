//! The statements that hold no others: assignments, SQL, EXECUTE, RETURN, RAISE, cursors.

use crate::sql::lower::{self, ParseError};
use crate::sql::name::Ident;
use crate::sql::plpgsql::parser::Parser;
use crate::sql::plpgsql::{BlockStatementKind as Kind, Fragment, RaiseLevel};
use crate::sql::split::Nesting;
use crate::sql::statement::Statement;
use crate::sql::token::TokenKind;

impl Parser<'_> {
    /// Reads a statement up to its semicolon; `word` is its first one.
    pub(super) fn simple(&mut self, word: &str) -> Option<Kind> {
        if let Some(assignment) = self.assignment() {
            return Some(assignment);
        }
        let from = self.at;
        self.at += 1;
        match word {
            "null" => Some(Kind::Other("NULL")),
            "perform" => {
                let to = self.end();
                self.query_over(from, to, "SELECT ").map(Kind::Perform)
            }
            "execute" => {
                let (command, using, into) = self.execute(&[]);
                Some(Kind::Execute { command, using, into })
            }
            "return" => self.return_statement(),
            "raise" => self.raise(),
            "exit" | "continue" => {
                let label = if self.is("when") { None } else { self.ident_at(self.at) };
                self.at += usize::from(label.is_some());
                let condition = self.take("when").then(|| self.fragment_to(self.end()));
                Some(Kind::Exit { label, resumes: word == "continue", condition })
            }
            "assert" => Some(Kind::Assert(self.fragments(&[]))),
            "get" => self.diagnostics(),
            "open" => self.open(),
            "fetch" => {
                self.at = self.find_word(&["into"]);
                let found = self.take("into");
                found.then(|| Kind::Receive { command: "FETCH", into: self.names() })
            }
            "move" => self.pass("MOVE"),
            "close" => self.pass("CLOSE"),
            _ => {
                self.at = from;
                self.sql()
            }
        }
    }

    fn pass(&mut self, command: &'static str) -> Option<Kind> {
        self.at = self.end();
        Some(Kind::Other(command))
    }

    fn assignment(&mut self) -> Option<Kind> {
        let target = self.ident_at(self.at)?;
        let mut at = self.at + 1;
        let mut field = None;
        loop {
            if self.tokens.is(at, '.') {
                field = field.or(self.ident_at(at + 1));
                at += 2;
            } else if self.tokens.is(at, '[') {
                at = self.skip(at);
            } else {
                break;
            }
        }
        if !self.assigns(at) {
            return None;
        }
        let to = self.end();
        self.at = at;
        Some(Kind::Assign { target, field, value: self.assigned(to)? })
    }

    /// A statement whose first words are written over by others of the same length.
    fn query_over(&mut self, from: usize, to: usize, words: &str) -> Option<Box<Statement>> {
        self.at = to;
        let code = self.tokens.code;
        let start = self.tokens.list[from].start;
        let end = self.tokens.list[to - 1].end;
        let text = [words, code.text[start..end].get(words.len()..)?].concat();
        self.overwritten(start, &text).map(Box::new)
    }

    /// Reads a statement that stands in place of the code from an offset on, as long as that.
    fn overwritten(&self, start: usize, text: &str) -> Option<Statement> {
        let code = self.tokens.code.overwritten(start, text);
        let moved =
            |error: ParseError| ParseError { at: start + error.at.start..start + error.at.end, ..error };
        self.noted(lower::statement(code, 0..text.len()).map_err(moved))
    }

    /// A statement of SQL, whose INTO clause the parser of SQL must not see.
    fn sql(&mut self) -> Option<Kind> {
        let from = self.at;
        let mut nesting = Nesting::default();
        let rest = self.tokens.list[from..].iter();
        let length = rest.take_while(|token| !nesting.ends_at(**token, self.tokens.code.text)).count();
        let to = from + length;
        let Some(clause) = self.find_into(from, to) else {
            let statement = self.statement_to(to)?;
            return Some(Kind::Sql { statement, into: Vec::new() });
        };
        self.at = clause + 1;
        self.take("strict");
        let into = self.names();
        let code = self.tokens.code;
        let start = self.tokens.list[from].start;
        // The last name may end in a dot, and its next part be the semicolon.
        let last = self.at.min(to) - 1;
        let blank = self.tokens.list[clause].start..self.tokens.list[last].end;
        let end = self.tokens.list[to - 1].end;
        let text =
            [&code.text[start..blank.start], &" ".repeat(blank.len()), &code.text[blank.end..end]].concat();
        self.at = to;
        let statement = self.overwritten(start, &text)?;
        Some(Kind::Sql { statement: Box::new(statement), into })
    }

    /// The index of the INTO that names variables: not that of INSERT, MERGE and IMPORT.
    fn find_into(&self, from: usize, to: usize) -> Option<usize> {
        if self.tokens.is_word(from, "import") {
            return None;
        }
        (from + 1..to).find(|at| {
            let before = |word| self.tokens.is_word(at - 1, word);
            self.tokens.is_word(*at, "into") && !before("insert") && !before("merge")
        })
    }

    /// What follows EXECUTE: the command, USING and INTO in any order.
    pub(super) fn execute(&mut self, ends: &[&str]) -> (Fragment, Vec<Fragment>, Vec<Ident>) {
        let words = [&["into", "using"], ends].concat();
        let to = self.find_word(&words);
        let command = self.fragment_to(to);
        let mut using = Vec::new();
        let mut into = Vec::new();
        loop {
            if self.take("into") {
                self.take("strict");
                into = self.names();
            } else if self.take("using") {
                using = self.fragments(&words);
            } else {
                return (command, using, into);
            }
        }
    }

    fn return_statement(&mut self) -> Option<Kind> {
        if self.take("next") {
            return Some(Kind::ReturnNext(self.optional_fragment()));
        }
        let query = self.is("query") && !self.tokens.is(self.at + 1, ';');
        if !query {
            return Some(Kind::Return(self.optional_fragment()));
        }
        self.at += 1;
        if self.take("execute") {
            let (command, using, _) = self.execute(&[]);
            return Some(Kind::ReturnExecute { command, using });
        }
        self.statement_to(self.end()).map(Kind::ReturnQuery)
    }

    fn optional_fragment(&mut self) -> Option<Fragment> {
        let to = self.end();
        (self.at < to).then(|| self.fragment_to(to))
    }

    fn raise(&mut self) -> Option<Kind> {
        let mut level = RaiseLevel::Exception;
        match self.word_at(self.at).as_str() {
            "exception" => self.at += 1,
            "debug" | "log" | "info" | "notice" | "warning" => {
                self.at += 1;
                level = RaiseLevel::Message;
            }
            _ => {}
        }
        let mut condition = None;
        let mut message = None;
        let mut args = Vec::new();
        if let Some(format) = self.string() {
            let from = self.at - 1;
            let wanted = placeholders(&format);
            message = Some(format);
            if self.tokens.is(self.at, ',') {
                self.at += 1;
                args = self.fragments(&["using"]);
            }
            if args.len() != wanted {
                let few = if args.len() < wanted { "few" } else { "many" };
                self.note(self.span(from, from + 1), format!("too {few} parameters specified for RAISE"));
            }
        } else if self.take("sqlstate") {
            condition = self.string().map(|state| state.to_ascii_lowercase());
        } else if !self.is("using") {
            condition = self.ident_at(self.at).map(|name| name.to_ascii_lowercase());
            self.at += usize::from(condition.is_some());
        }
        if self.take("using") {
            loop {
                let option = self.word_at(self.at);
                self.at += 1;
                if !self.assigns(self.at) {
                    return None;
                }
                let to = self.find(&[], |at| self.tokens.is(at, ','));
                if option == "errcode" {
                    let state = self.string_at(self.at + 1).filter(|_| to == self.at + 2);
                    condition = Some(state.unwrap_or_default().to_ascii_lowercase());
                }
                args.extend(self.assigned(to));
                if !self.tokens.is(self.at, ',') {
                    break;
                }
                self.at += 1;
            }
        }
        Some(Kind::Raise { level, condition, message, args })
    }

    /// Passes over a string constant, which may go on over lines, and gives what it says.
    fn string(&mut self) -> Option<String> {
        let mut text = self.string_at(self.at)?;
        self.at += 1;
        while let Some(more) = self.string_at(self.at) {
            text += &more;
            self.at += 1;
        }
        Some(text)
    }

    fn string_at(&self, at: usize) -> Option<String> {
        let token = self.tokens.list.get(at).filter(|token| token.kind == TokenKind::String)?;
        let text = token.text(self.tokens.code.text);
        if let Some(tag) = text.strip_prefix('$').and_then(|rest| rest.find('$')).map(|at| at + 2) {
            return Some(text[tag..text.len() - tag].to_owned());
        }
        let open = text.find('\'')? + 1;
        Some(text[open..text.len() - 1].replace("''", "'"))
    }

    fn diagnostics(&mut self) -> Option<Kind> {
        if !self.take("stacked") {
            self.take("current");
        }
        if !self.take("diagnostics") {
            return None;
        }
        let mut into = Vec::new();
        loop {
            into.push(self.ident_at(self.at)?);
            self.at = self.find(&[], |at| self.tokens.is(at, ','));
            if !self.tokens.is(self.at, ',') {
                return Some(Kind::Receive { command: "GET DIAGNOSTICS", into });
            }
            self.at += 1;
        }
    }

    fn open(&mut self) -> Option<Kind> {
        let query = self.find_word(&["for"]);
        if !self.tokens.is_word(query, "for") {
            return self.pass("OPEN");
        }
        self.at = query + 1;
        if self.take("execute") {
            let (command, using, _) = self.execute(&[]);
            return Some(Kind::OpenExecute { command, using });
        }
        self.statement_to(self.end()).map(Kind::Open)
    }
}

/// How many values a format of RAISE wants: `%%` is a percent sign.
fn placeholders(format: &str) -> usize {
    format.replace("%%", "").matches('%').count()
}
