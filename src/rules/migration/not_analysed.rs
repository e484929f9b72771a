use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Says where the analysis is blind.
    ///
    /// ## Why it matters
    ///
    /// Migrations are replayed without a database. What a statement does may depend on rows, on a
    /// server's settings, or on SQL that is put together at run time. Such a statement is reported
    /// here, and other rules stay silent about what it may have changed: a table that it may have
    /// left open is not found. Statements with one cause are one finding. psql commands and the
    /// data of `COPY … FROM stdin` are reported too: the Supabase CLI cannot run them. So are the
    /// seeds and schemas that `config.toml` names and that no file matches.
    ///
    /// A statement that does not fit what was made before is told here as well, where it is not
    /// certain that PostgreSQL refuses it; where it is, `migration-fails` and `unknown-object` tell
    /// it.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key);
    /// do $$ begin execute (select command from settings); end $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key);
    /// do $$ begin execute 'alter table public.notes enable row level security'; end $$;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write what the statement does as plain DDL where that is possible. Where it is not, look at
    /// what it names yourself, and allow the finding with a reason.
    "not-analysed" {
        group: Group::Migration,
        severity: Severity::Info,
        summary: "the effect of a statement is not known",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
