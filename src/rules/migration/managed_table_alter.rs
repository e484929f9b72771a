use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds changes to tables that belong to Supabase's services.
    ///
    /// The tables of `auth`, `storage` and `realtime` belong to roles of Supabase, and migrations run as
    /// `postgres`. Altering one, making an index on it or commenting on it fails ("must be owner of table
    /// objects"), and the whole file is rolled back. Policies may be made on these tables, and triggers;
    /// row level security is on already.
    ///
    /// ```sql,bad
    /// alter table storage.objects enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// create policy "avatars are public" on storage.objects for select using (bucket_id = 'avatars');
    /// ```
    "managed-table-alter" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "a migration changes a table of Supabase itself",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
