//! What the replay could not follow: known unknowns.

use crate::catalog::name::QName;
use crate::source::Span;

/// A statement whose effect is not, or not wholly, in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub span: Span,
    /// What happened, for a person: "the table public.x is not created by any migration".
    pub reason: String,
    /// What may differ from the catalog because of it.
    pub touches: Vec<Touch>,
}

/// An aspect that an unread statement may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    pub aspect: Aspect,
    /// `None`: any relation or function.
    pub object: Option<QName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Anything at all.
    Anything,
    /// Whether row level security is on.
    Rls,
    Policies,
    Grants,
    Indexes,
    /// Columns, constraints, triggers: the shape of a table.
    Shape,
    Functions,
    Views,
    /// Objects that may exist besides those known.
    Existence,
    Roles,
}
