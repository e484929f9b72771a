use crate::map::IndexMap;
use rustc_hash::FxHashSet;

use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::{FileRole, Span};
use crate::sql::expr::Oid;

declare_rule! {
    /// Finds tables with policies that no test of the database names.
    ///
    /// ## Why it matters
    ///
    /// That a policy holds back whom it should is seen when somebody else tries: a test signs in as two
    /// users and looks at what each of them gets. Without one, a change that opens the table to everybody
    /// is merged with all tests passing.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes for select using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes for select using (owner = (select auth.uid()));
    /// -- file: tests/notes.test.sql
    /// begin;
    /// select plan(1);
    /// set local role anon;
    /// select is_empty('select * from public.notes');
    /// select * from finish();
    /// rollback;
    /// ```
    ///
    /// Looked at are the SQL files in `supabase/tests`, which `supabase test db` runs. A table counts as
    /// tested where its name stands in one of them, in code or in a text; what the test asks is not
    /// judged. Many such tables are one finding, and so are all where there is no test.
    ///
    /// ## How to fix
    ///
    /// `supabase test new notes` makes a file. Put rows in, then try as `anon` and as two users, with `set
    /// local role authenticated` and `set local request.jwt.claims`, what each may and may not do.
    "untested-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "no test of the database names a table that has policies",
        sources: &["pgrls:HYG004"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// More tables than these are one finding.
const MANY: usize = 5;

const HELP: &str = "supabase test new …; then try as anon and as two users what each may and may not do";

/// A table that no test names, with its policies.
struct Untested<'a> {
    table: &'a Table,
    policies: Vec<&'a Policy>,
    place: Span,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let texts = cx.files.iter().map(|file| cx.sources.get(file.file));
    let tests: Vec<&str> =
        texts.filter(|file| file.role == FileRole::Test).map(|file| file.text.as_str()).collect();
    let words: FxHashSet<&str> = tests.iter().flat_map(|text| text.split(is_between)).collect();
    let mut tables: IndexMap<Oid, (&Table, Vec<&Policy>)> = IndexMap::default();
    for (table, policy) in cx.policies_of_requests() {
        tables.entry(table.oid).or_insert((table, Vec::new())).1.push(policy);
    }
    let untested = tables.into_values().filter(|(table, _)| !words.contains(table.name.name.as_str()));
    let untested: Vec<Untested<'_>> = untested
        .filter_map(|(table, policies)| {
            let place = policies.first()?.name_span;
            Some(Untested { table, policies, place })
        })
        .collect();
    let before = out.list.len();
    for Untested { table, policies, place } in &untested {
        let message = format!("no test names {}: {}", table.name, untried(policies.len()));
        let found = out.report(*place, Identity::new("table", &table.name), message).help(HELP);
        found.extent(policies.iter().map(|policy| policy.in_words()));
    }
    if untested.len() > MANY || tests.is_empty() {
        fold(&untested, tests.is_empty(), before, out);
    }
}

fn fold(untested: &[Untested<'_>], without_tests: bool, before: usize, out: &mut Findings) {
    let Some((first, others)) = untested.split_first() else { return };
    let count = untested.iter().map(|one| one.policies.len()).sum();
    let message = match (without_tests, others.len()) {
        (true, _) => format!("there is no test in supabase/tests: {}", untried(count)),
        (false, others) => {
            format!("no test names {} and {others} more tables: {}", first.table.name, untried(count))
        }
    };
    out.fold(before, "policies", message, |one| format!("nor {}", one.object));
}

fn untried(policies: usize) -> String {
    match policies {
        1 => "whom its policy holds back is tried by nobody".to_string(),
        count => format!("whom {count} policies hold back is tried by nobody"),
    }
}

/// What stands between the words of SQL and of the texts in it.
fn is_between(letter: char) -> bool {
    !letter.is_alphanumeric() && letter != '_'
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn a_name_in_a_test_is_enough() {
        check(
            &RULE,
            r#"
             create table notes (id bigint, owner uuid);
             create table tags (id bigint);
             create table teams (id bigint);
             alter table notes enable row level security;
             alter table tags enable row level security;
             alter table teams enable row level security;
             create policy own on notes using (owner = (select auth.uid()));
             create policy all_of_them on tags for select using (true);
             create policy fence on teams for select using (id = 1);
             --            ^^^^^ info: no test names public.teams: whom its policy holds back is tried by nobody
             create policy server on teams to service_role using (true);
             -- file: tests/database/notes.test.sql
             select policies_are('public', 'notes', array['own']);
             select lives_ok($$ select * from "tags" $$);
             "#,
        );
    }

    #[test]
    fn many_and_all_are_told_once() {
        let table = |at: usize| {
            format!(
                "create table t{at} (id bigint); alter table t{at} enable row level security;
                 create policy p on t{at} using (id = 1);"
            )
        };
        let tables: String = (0..6).map(table).collect();
        let said = |text: &str| {
            let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
            found.into_iter().map(|found| found.message).collect::<Vec<_>>()
        };
        let none = "there is no test in supabase/tests: whom 6 policies hold back is tried by nobody";
        assert_eq!(said(&tables), [none]);
        let many = "no test names public.t0 and 5 more tables: whom 6 policies hold back is tried by nobody";
        assert_eq!(said(&format!("{tables}\n-- file: tests/a.sql\nselect 1;")), [many]);
        assert_eq!(said("create table t (id int);"), Vec::<String>::new());
    }
}
