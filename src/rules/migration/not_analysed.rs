use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Says where the analysis is blind.
    ///
    /// Migrations are replayed without a database. What a statement does may depend on rows, on a
    /// server's settings, or on SQL that is put together at run time; or it may be about an object that
    /// no migration makes. Such a statement is reported here, and other rules stay silent about what
    /// it may have changed. Statements with one cause are one finding: a table that was made in the
    /// dashboard is told once, at the first statement that needs it. psql commands and the data of
    /// `COPY … FROM stdin` are reported too: the Supabase CLI cannot run them. So are the seeds and
    /// schemas that `config.toml` names and that no file matches.
    ///
    /// A statement that PostgreSQL would refuse is told here, too. The Supabase CLI runs each file in a
    /// transaction and rolls all of it back for one such statement; the analysis leaves out that
    /// statement alone and keeps the rest of its file, so that it still sees what the file is for.
    ///
    /// ```sql,bad
    /// alter table public.made_by_hand enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// create table public.made_by_migration (id bigint primary key);
    /// alter table public.made_by_migration enable row level security;
    /// ```
    "not-analysed" {
        group: Group::Migration,
        severity: Severity::Info,
        summary: "the effect of a statement is not known",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
