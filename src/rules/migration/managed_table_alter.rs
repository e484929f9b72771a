use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds changes to tables that belong to Supabase's services.
    ///
    /// ## Why it matters
    ///
    /// The tables of `auth`, `storage` and `realtime` belong to roles of Supabase, and migrations
    /// run as `postgres`. Altering one, making an index on it or commenting on it fails ("must be
    /// owner of table objects"), and the whole file is rolled back: a deployment that worked on an
    /// old local stack stops in the cloud.
    ///
    /// ```sql,bad
    /// alter table storage.objects enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// create policy "avatars are public" on storage.objects for select using (bucket_id = 'avatars');
    /// ```
    ///
    /// ## How to fix
    ///
    /// Leave the statement out: row level security is on already for these tables. Policies may be
    /// made on them, and triggers. What else you want to keep about a user or file goes into a
    /// table of your own with a foreign key to it.
    "managed-table-alter" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "a migration changes a table of Supabase itself",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
