//! The types of the variables that a body declares, read without the rest of it.

use crate::source::Span;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::parser::Parser;

/// What a declaration takes a variable's type from.
#[derive(Clone, Debug, PartialEq)]
pub enum DeclaredType {
    Named(ObjectName),
    /// `orders%rowtype`
    Row(ObjectName),
    /// `orders.id%type`: the relation and the column.
    Column(ObjectName, Ident),
}

/// Words that begin a type of several words or with a name of its own in SQL, or no type.
const WORDS: [&str; 22] = [
    "alias",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "cursor",
    "dec",
    "decimal",
    "double",
    "float",
    "int",
    "integer",
    "interval",
    "national",
    "nchar",
    "no",
    "numeric",
    "scroll",
    "smallint",
    "time",
    "timestamp",
];

impl Parser<'_> {
    /// The types that the outermost block declares, where they are named plainly.
    pub(super) fn declared_types(mut self) -> Vec<DeclaredType> {
        let mut types = Vec::new();
        let mut variables = Vec::new();
        self.skip_labels();
        while self.take("declare") {
            while !self.is_done() && !self.is("begin") && !self.is("declare") {
                self.skip_labels();
                let to = self.end();
                if let Some(variable) = self.ident_at(self.at) {
                    self.at += 1;
                    self.take("constant");
                    types.extend(self.declared_type(to, &variables));
                    variables.push(variable);
                }
                self.at = to + 1;
            }
        }
        types
    }

    fn declared_type(&mut self, to: usize, variables: &[Ident]) -> Option<DeclaredType> {
        let from = self.at;
        if ["real", "record", "varchar"].iter().chain(&WORDS).any(|word| self.is(word)) {
            return None;
        }
        let mut parts = vec![self.ident_at(self.at)?];
        self.at += 1;
        while self.tokens.is(self.at, '.') {
            parts.push(self.ident_at(self.at + 1)?);
            self.at += 2;
        }
        let span = self.span(from, self.at);
        let reference = self.is_operator(self.at, "%").then(|| self.word_at(self.at + 1));
        self.at += if reference.is_some() { 2 } else { 0 };
        if self.tokens.is(self.at, '(') {
            self.at = self.skip(self.at);
        }
        while self.tokens.is(self.at, '[') {
            self.at = self.skip(self.at);
        }
        let ends_here = ["default", "not", "collate"].iter().any(|word| self.is(word));
        if self.at < to && !ends_here && !self.assigns(self.at) {
            return None;
        }
        match reference.as_deref() {
            None => Some(DeclaredType::Named(object(parts, span)?)),
            Some("rowtype") => Some(DeclaredType::Row(object(parts, span)?)),
            Some("type") if !variables.contains(&parts[0]) => {
                let column = parts.pop()?;
                Some(DeclaredType::Column(object(parts, span)?, column))
            }
            Some(_) => None,
        }
    }
}

fn object(parts: Vec<Ident>, span: Span) -> Option<ObjectName> {
    match <[Ident; 2]>::try_from(parts) {
        Ok([schema, name]) => Some(ObjectName { schema: Some(schema), name, span }),
        Err(parts) => {
            let [name] = <[Ident; 1]>::try_from(parts).ok()?;
            Some(ObjectName { schema: None, name, span })
        }
    }
}
