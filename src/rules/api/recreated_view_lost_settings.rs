use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};

declare_rule! {
    /// Finds views that a change drops and makes anew without options or grants that they had.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL cannot take a column out of a view, so that such a change drops the view and makes
    /// another one. That one starts with what every new view gets: rights that were revoked are there
    /// again, rights that were granted are not, and options such as `security_barrier` are gone.
    /// `supabase db diff` writes such changes, and leaves grants and options out.
    ///
    /// It compares two states of a project, so it needs `--base`, `--after`, `--staged`, or a pending
    /// migration on standard input. That a view which the Data API serves no longer asks with the rights
    /// of the caller is told by `definer-view-exposed`.
    ///
    /// ```sql,bad
    /// -- file: 1_scores.sql
    /// create table public.scores (id bigint primary key, points int);
    /// create view public.best with (security_invoker = on) as select id, points from public.scores;
    /// revoke all on public.best from anon;
    /// -- file: 2_diff.sql
    /// drop view public.best;
    /// create view public.best with (security_invoker = on) as select id from public.scores;
    /// ```
    ///
    /// ```sql,good
    /// -- file: 1_scores.sql
    /// create table public.scores (id bigint primary key, points int);
    /// create view public.best with (security_invoker = on) as select id, points from public.scores;
    /// revoke all on public.best from anon;
    /// -- file: 2_diff.sql
    /// drop view public.best;
    /// create view public.best with (security_invoker = on) as select id from public.scores;
    /// revoke all on public.best from anon;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write behind the new definition what the old one had: `revoke all on public.best from anon;`.
    "recreated-view-lost-settings" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "a view is made anew without what it had",
        sources: &[],
        options: Options::NONE,
        check: Check::Engine,
    }
}
