//! Triggers and event triggers.

use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::source::Span;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::statement::{TriggerEvent, TriggerTiming};

#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub name: Ident,
    pub history: History,
    pub name_span: Option<Span>,
    pub function: FunctionRef,
    pub timing: TriggerTiming,
    pub events: Vec<TriggerEvent>,
    /// UPDATE OF …
    pub columns: Vec<i16>,
    pub for_each_row: bool,
    pub when: Option<Expr>,
    pub args: Vec<String>,
    /// `O`, `D`, `R` or `A`, as `pg_trigger.tgenabled`.
    pub enabled: char,
    /// Of a constraint trigger the name of its constraint, which ALTER TABLE … RENAME CONSTRAINT changes
    /// without that of the trigger (measured).
    pub constraint: Option<Ident>,
    /// Whether it comes from the partitioned table's.
    pub inherited: bool,
    pub comment: Option<String>,
}

/// A function that another object calls: by identity where the catalog knows it, else by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef {
    pub name: QName,
    pub oid: Option<Oid>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventTrigger {
    pub name: Ident,
    pub history: History,
    pub event: Ident,
    pub tags: Vec<String>,
    pub function: FunctionRef,
    pub owner: Ident,
    pub enabled: char,
}
