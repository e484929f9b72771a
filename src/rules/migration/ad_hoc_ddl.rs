use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds SQL files in the migrations folder that the Supabase CLI does not run.
    ///
    /// The CLI runs `<digits>_<name>.sql` and passes by every other file with one line of output. What
    /// such a file makes does not exist where the migrations alone are run.
    ///
    /// ```sql,bad
    /// -- file: add_index.sql
    /// create index on public.posts (author_id);
    /// ```
    ///
    /// ```sql,good
    /// -- file: 20250101000000_add_index.sql
    /// create index on public.posts (author_id);
    /// ```
    "ad-hoc-ddl" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "DDL that is not part of the migration history",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
