//! Who said so: provenance of objects and of single facts.

use crate::source::Span;

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A fresh Supabase project has it.
    Platform,
    /// A statement, or the part of one that says it.
    Statement(Span),
}

impl Origin {
    pub fn span(self) -> Option<Span> {
        match self {
            Self::Statement(span) => Some(span),
            Self::Platform => None,
        }
    }
}

/// A value with the one who set it last, for facts that a rule may blame.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracked<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Tracked<T> {
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    pub fn set(&mut self, value: T, origin: Origin) {
        *self = Self { value, origin };
    }
}

/// The statements that made an object what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    pub created: Origin,
    pub changed: Vec<Origin>,
}

impl History {
    pub fn new(created: Origin) -> Self {
        Self { created, changed: Vec::new() }
    }

    pub fn touch(&mut self, origin: Origin) {
        if self.changed.last() != Some(&origin) {
            self.changed.push(origin);
        }
    }

    /// The last statement that defined or changed the object.
    pub fn last(&self) -> Origin {
        self.changed.last().copied().unwrap_or(self.created)
    }
}
