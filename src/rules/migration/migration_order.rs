use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds migrations whose versions collide, or come before what is merged.
    ///
    /// ## Why it matters
    ///
    /// The digits in front of a migration's name are the key of the history table. The second file
    /// with the same digits runs, cannot be recorded, and fails. It happens when two branches
    /// number their files by hand, or one is copied, and shows after the merge.
    ///
    /// With `--base`, a new migration is also reported if its version is not above all that are
    /// merged: as an error if one of these has it, else as a warning. A database that ran the newest
    /// of them gets the late one by `supabase db push --include-all` alone; without it, push stops.
    ///
    /// ```sql,bad
    /// -- file: 20250101000000_posts.sql
    /// create table public.posts (id bigint primary key);
    /// -- file: 20250101000000_comments.sql
    /// create table public.comments (id bigint primary key);
    /// ```
    ///
    /// ```sql,good
    /// -- file: 20250101000000_posts.sql
    /// create table public.posts (id bigint primary key);
    /// -- file: 20250101000001_comments.sql
    /// create table public.comments (id bigint primary key);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give the later file digits of its own, after those of the others:
    /// `supabase migration new NAME` takes the current time.
    "migration-order" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "two migrations have the same version, or a new one comes before merged ones",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
