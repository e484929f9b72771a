use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds statements that PostgreSQL cannot parse.
    ///
    /// ## Why it matters
    ///
    /// A migration with such a statement fails as a whole, and so do all that come after it. The
    /// statement is left out of the analysis; those around it are still read.
    ///
    /// Bytes that are not UTF-8 and NUL bytes are found as well: the server refuses the statement
    /// that holds them.
    ///
    /// ```sql,bad
    /// create tabel public.notes (id bigint primary key);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// ```
    ///
    /// ## How to fix
    ///
    /// The finding points at the first word that the parser did not expect; the mistake is there or
    /// just before it.
    "syntax-error" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "PostgreSQL cannot parse the statement",
        sources: &["squawk:syntax-error"],
        options: Options::NONE,
        check: Check::Engine,
    }
}
