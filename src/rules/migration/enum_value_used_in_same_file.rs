use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds values of an enum that are used in the file that adds them.
    ///
    /// ## Why it matters
    ///
    /// The Supabase CLI runs a file in one transaction, and PostgreSQL does not let a transaction
    /// use a value that it has itself added to an enum: "unsafe use of new value". The file is
    /// rolled back, `supabase db push` stops, and so does each migration after it. A type that is
    /// made in the same file may be used at once.
    ///
    /// ```sql,bad
    /// -- file: 20250101000000_status.sql
    /// create type public.status as enum ('open', 'done');
    /// create table public.tasks (id bigint primary key, status public.status default 'open');
    /// -- file: 20250102000000_waiting.sql
    /// alter type public.status add value 'waiting';
    /// alter table public.tasks alter column status set default 'waiting';
    /// ```
    ///
    /// ```sql,good
    /// -- file: 20250101000000_status.sql
    /// create type public.status as enum ('open', 'done');
    /// create table public.tasks (id bigint primary key, status public.status default 'open');
    /// -- file: 20250102000000_waiting.sql
    /// alter type public.status add value 'waiting';
    /// -- file: 20250103000000_default.sql
    /// alter table public.tasks alter column status set default 'waiting';
    /// ```
    ///
    /// ## How to fix
    ///
    /// Put the statements that use the value into a migration of their own, after the one that adds
    /// it.
    "enum-value-used-in-same-file" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "a new value of an enum is used before it is committed",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn rows_use_it_too() {
        let kinds = "-- file: 1_first.sql
             create type kind as enum ('user'); create table r (id int, k kind);
             -- file: 2_next.sql
             alter type kind add value 'admin';";
        for uses in [
            "             insert into r values (1, 'admin'), (2, 'user');
             --          ^ error: the migration fails here: the value 'admin' of the enum public.kind is used in the transaction that adds it",
            "             update r set k = 'admin';
             --     ^ error: the migration fails here",
            "             update r set k = 'user';
             -- file: 3_last.sql
             insert into r (id, k) values (3, 'admin');",
        ] {
            check(&RULE, &format!("{kinds}\n{uses}"));
        }
    }
}
