use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds changes after which a role reaches every row of a table or view, or more columns through a view, and
    /// did not before.
    ///
    /// ## Why it matters
    ///
    /// A policy for one more case, written in a hurry, joins the others by OR: with
    /// `using (team is null or team is not null)` beside a policy for owners, every signed-in user
    /// reads everyone's notes, and no test of the app fails. In the migration it is one harmless line;
    /// what it does is seen only together with all that came before.
    ///
    /// It compares two states of a project, so it needs `--base`, `--after`, `--staged`, or a pending
    /// migration on standard input, and looks at what counts in the end: the grants, row level
    /// security, and all policies together. A policy that is opened, a restrictive one that is dropped,
    /// a grant, and a view that no longer reads with the rights of the caller all show in it. Tables
    /// that are new have rules of their own, and so has what another finding of the change already
    /// says about the same table.
    ///
    /// ```sql,bad
    /// -- file: 1_notes.sql
    /// create table public.notes (id bigint primary key, owner uuid, team bigint);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// -- file: 2_share.sql
    /// create policy "shared" on public.notes to authenticated using (team is null or team is not null);
    /// ```
    ///
    /// ```sql,good
    /// -- file: 1_notes.sql
    /// create table public.notes (id bigint primary key, owner uuid, team bigint);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// -- file: 2_share.sql
    /// create policy "shared" on public.notes to authenticated
    ///   using (team in (select m.team from public.members m where m.who = (select auth.uid())));
    /// ```
    ///
    /// A restrictive policy beside one that lets everything through counts if it chooses rows. One that
    /// asks how the caller signed in, such as for a second factor, or keeps back what is deleted softly,
    /// holds no row to its owner:
    ///
    /// ```sql,bad
    /// -- file: 1_notes.sql
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// create policy "mfa" on public.notes as restrictive to authenticated
    ///   using ((select auth.jwt() ->> 'aal') = 'aal2');
    /// -- file: 2_share.sql
    /// create policy "shared" on public.notes for select to authenticated using (true);
    /// ```
    ///
    /// A view that reads with its owner's rights may come to show more of the same rows: a column that is for
    /// few, such as an address, or columns of another table that its readers cannot read by themselves.
    ///
    /// ```sql,bad
    /// -- file: 1_members.sql
    /// create view public.members as select id, email from auth.users;
    /// -- file: 2_phone.sql
    /// create or replace view public.members as select id, email, phone from auth.users;
    /// ```
    ///
    /// So may a grant of such a column, where all rows of the table can be read.
    ///
    /// So may a function that runs with its owner's rights, where it gives, changes or deletes every row of a table
    /// that was there and nothing in it could hold that back; and one that empties it by TRUNCATE, whatever rights it
    /// has, because no policy is asked:
    ///
    /// ```sql,bad
    /// -- file: 1_notes.sql
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// -- file: 2_wipe.sql
    /// create function public.wipe() returns void language sql security definer set search_path = ''
    ///   as $$ delete from public.notes where true $$;
    /// ```
    ///
    /// ```sql,good
    /// -- file: 1_notes.sql
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// -- file: 2_wipe.sql
    /// create function public.wipe() returns void language sql security definer set search_path = ''
    ///   as $$ delete from public.notes where owner = (select auth.uid()) $$;
    /// ```
    ///
    /// Files of a public bucket are served to whoever has their address, and no policy is asked: a private
    /// bucket that becomes public is found as well.
    ///
    /// ```sql,bad
    /// -- file: 1_documents.sql
    /// insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
    /// -- file: 2_share.sql
    /// update storage.buckets set public = true where id = 'documents';
    /// ```
    ///
    /// ## How to fix
    ///
    /// Hold the rows to the caller: `using (owner = (select auth.uid()))`, or a sub-select that joins
    /// the row with the caller's membership. If everyone is meant to have them, say so above the
    /// statement: `-- rls-lint: allow(policy-widened) prices are public`.
    "policy-widened" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a change opens rows or columns that were closed",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
