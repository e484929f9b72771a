use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds statements that cannot run in a transaction, within one.
    ///
    /// ## Why it matters
    ///
    /// `create index concurrently`, `vacuum` and their like refuse to run between `begin` and
    /// `commit`: the migration fails, and the deployment with it. Outside of an explicit
    /// transaction the Supabase CLI runs them on their own (since version 2.109).
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, title text);
    /// begin;
    /// create index concurrently notes_title on public.notes (title);
    /// commit;
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, title text);
    /// create index concurrently notes_title on public.notes (title);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Take out the `begin` and `commit`, or move the statement to a migration of its own.
    "non-transactional-statement" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "the statement cannot run in a transaction",
        sources: &["squawk:ban-concurrent-index-creation-in-transaction"],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
