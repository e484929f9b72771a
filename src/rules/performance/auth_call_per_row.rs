use crate::map::{IndexMap, IndexSet};

use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::source::{Sources, Span};
use crate::sql::expr::{Call, Expr};
use crate::sql::statement::Clause;
use crate::workload::identity::{caller_calls_per_row, helper_calls_per_row};

declare_rule! {
    /// Finds policies that ask who the caller is once for each row.
    ///
    /// ## Why it matters
    ///
    /// `auth.uid()` and its kin are the same for a whole query, but PostgreSQL does not rely on
    /// that: in a policy it calls them for every row that it looks at. A list that took
    /// milliseconds with a hundred rows takes seconds with a hundred thousand, and runs into the
    /// API's time limit. Wrapped as `(select auth.uid())` the call is made once, before the first
    /// row.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes for select using (owner = auth.uid());
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes for select using (owner = (select auth.uid()));
    /// ```
    ///
    /// A call is fine anywhere in a sub-select that reads nothing of the row. It is not in one that
    /// does, such as an `exists (…)` that compares with a column of the table. Nor does it help
    /// that a condition like `auth.role() = 'authenticated'` reads no column at all. A policy that
    /// never runs, because one beside it is `true`, is left alone. Calls in WITH CHECK alone, as an
    /// INSERT has them, are an info: requests write few rows. More than ten such policies are a habit of
    /// the project, and one finding that points at each.
    ///
    /// ## How to fix
    ///
    /// Write `(select auth.uid())` in place of `auth.uid()`, and likewise for the others: `alter
    /// policy "own notes" on public.notes using (owner = (select auth.uid()));`.
    "auth-call-per-row" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "a policy asks who the caller is for each row",
        sources: &["splinter:0003", "pgrls:PERF001"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// Longer policies are left for their author to rewrite.
const LONGEST_HELP: usize = 600;

/// A policy that asks for the caller more often than it has to.
struct Asking<'a> {
    table: &'a Table,
    policy: &'a Policy,
    calls: Vec<&'a Call>,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    let mut asking = Vec::new();
    for (table, policy) in own_policies(cx.catalog) {
        if doubts.concern(&table.name) || cx.rights.is_silenced(table, policy) {
            continue;
        }
        let calls: Vec<&Call> =
            policy.clauses().flat_map(|clause| calls_per_row(cx.catalog, &clause.value)).collect();
        if !calls.is_empty() {
            asking.push(Asking { table, policy, calls });
        }
    }
    let (reading, writing): (Vec<_>, Vec<_>) =
        asking.into_iter().partition(|asking| asking.reads(cx.catalog));
    report(cx, &reading, Severity::Warning, "of", out);
    // A request looks at many rows and writes few.
    report(cx, &writing, Severity::Info, "that is written to", out);
}

impl Asking<'_> {
    fn reads(&self, catalog: &Catalog) -> bool {
        let using = self.policy.using.as_ref();
        using.is_some_and(|clause| !calls_per_row(catalog, &clause.value).is_empty())
    }
}

fn report(cx: &CatalogCx<'_>, asking: &[Asking<'_>], severity: Severity, of: &str, out: &mut Findings) {
    let before = out.list.len();
    for Asking { table, policy, calls } in asking {
        let name = &table.name;
        let object = Identity::part("policy", name, policy.name.to_string());
        let message = format!(
            "policy {} calls {} again for each row {of} {name}",
            policy.name.delimited(),
            called(calls[0])
        );
        let finding = out.report(calls[0].span, object, message);
        finding.severity(severity).note("called for each row").help(help(cx, policy, name));
        finding.label_each(calls[1..].iter().map(|call| (call.span, "and here")));
        for (span, text) in edits(calls, cx.sources) {
            finding.edit(span, text);
        }
    }
    if asking.len() > MANY {
        fold(asking, of, before, out);
    }
}

fn fold(asking: &[Asking<'_>], of: &str, before: usize, out: &mut Findings) {
    let calls: Vec<&Call> = asking.iter().flat_map(|asking| asking.calls.iter().copied()).collect();
    let mut names: IndexMap<String, usize> = IndexMap::default();
    for call in &calls {
        *names.entry(called(call)).or_default() += 1;
    }
    let most = names.iter().max_by_key(|(_, count)| **count).map_or("", |(name, _)| name);
    let (first, what) = (&asking[0], if names.len() > 1 { "auth.uid() and its like" } else { most });
    let message = format!(
        "{} policies call {what} again for each row {of} their tables, {} of {} the first of them",
        asking.len(),
        first.policy.name.delimited(),
        first.table.name
    );
    let forms: Vec<String> = names.keys().map(|name| in_sub_select(name)).collect();
    let help = format!("put each call into a sub-select of its own, which runs once: {}", forms.join(", "));
    if let Some(habit) = out.fold(before, "policies", message, |one| format!("and in {}", one.object)) {
        habit.what(of).help(help);
    }
}

/// The policies that migrations made, on tables whose row level security is on.
fn own_policies(catalog: &Catalog) -> impl Iterator<Item = (&Table, &Policy)> {
    let tables = catalog.tables.values().filter(|table| table.rls.value);
    let policies = tables.flat_map(|table| table.policies.values().map(move |policy| (table, policy)));
    policies.filter(|(_, policy)| policy.history.created.span().is_some())
}

/// The calls that run for each row, without those that are given to a function which does: that is
/// `policy-helper-per-row`.
fn calls_per_row<'a>(catalog: &Catalog, expr: &'a Expr) -> Vec<&'a Call> {
    let helpers = helper_calls_per_row(catalog, expr);
    let mut calls = caller_calls_per_row(expr);
    calls.retain(|call| !helpers.iter().any(|helper| helper.span.contains(call.span)));
    calls
}

fn called(call: &Call) -> String {
    match &call.name.schema {
        Some(schema) if *schema == "auth" => format!("auth.{}()", call.name.name.quoted()),
        _ => format!("{}()", call.name.name.quoted()),
    }
}

fn help(cx: &CatalogCx<'_>, policy: &Policy, table: &QName) -> String {
    let changed = |keyword: &str, clause: Option<&Clause>| {
        let Some(clause) = clause else { return Some(String::new()) };
        match calls_per_row(cx.catalog, &clause.value) {
            calls if calls.is_empty() => Some(String::new()),
            calls => Some(format!(" {keyword} ({})", wrapped(clause.span, &calls, cx.sources)?)),
        }
    };
    let rewritten = || {
        let using = changed("using", policy.using.as_ref())?;
        let with_check = changed("with check", policy.with_check.as_ref())?;
        let sql = format!("alter policy {} on {}{using}{with_check};", policy.name.quoted(), table.quoted());
        (sql.len() <= LONGEST_HELP).then_some(sql)
    };
    let calls = policy.clauses().flat_map(|clause| calls_per_row(cx.catalog, &clause.value)).map(called);
    let forms: IndexSet<String> = calls.map(|name| in_sub_select(&name)).collect();
    let forms: Vec<String> = forms.into_iter().collect();
    rewritten().unwrap_or_else(|| format!("put each call into a sub-select of its own: {}", forms.join(", ")))
}

fn in_sub_select(name: &str) -> String {
    format!("(select {})", name.replace("current_setting()", "current_setting(…)"))
}

/// Each call with what is to stand in its place; none where the calls are in several files, or one is
/// written in a way of its own.
fn edits(calls: &[&Call], sources: &Sources) -> Vec<(Span, String)> {
    let mut spans: Vec<Span> = calls.iter().map(|call| call.span).collect();
    spans.sort();
    let is_plain = |call: &&Call| call.span.file == spans[0].file && is_written(call, sources);
    match calls.iter().all(is_plain) {
        true => spans.iter().map(|span| (*span, format!("(select {})", sources.text(*span)))).collect(),
        false => Vec::new(),
    }
}

/// Whether the text at a call is the call, and not one that EXECUTE puts together, or a name in quotes.
fn is_written(call: &Call, sources: &Sources) -> bool {
    let text = sources.text(call.span);
    let first = call.name.schema.as_ref().unwrap_or(&call.name.name);
    let begins = text.get(..first.len()).is_some_and(|start| start.eq_ignore_ascii_case(first));
    begins && text.ends_with(')')
}

/// The text of a clause with each call in a sub-select of its own; `None` where it is not in the
/// file as it is.
fn wrapped(clause: Span, calls: &[&Call], sources: &Sources) -> Option<String> {
    if !calls.iter().all(|call| is_written(call, sources)) {
        return None;
    }
    let mut spans: Vec<Span> = calls.iter().map(|call| call.span).collect();
    spans.sort();
    let (mut text, mut at) = (String::new(), clause);
    for span in spans {
        if !at.contains(span) {
            return None;
        }
        text.push_str(sources.text(Span { end: span.start, ..at }));
        text.push_str("(select ");
        text.push_str(sources.text(span));
        text.push(')');
        at.start = span.end;
    }
    text.push_str(sources.text(at));
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.contains("--"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check, mended};

    const TABLES: &str = "create table public.notes (id bigint, owner uuid, team bigint, role text);
        create table public.members (team bigint, member uuid);
        alter table public.notes enable row level security;
";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn wrapped_calls_are_silent_however_they_are_wrapped() {
        policy(
            "create policy a on public.notes using ((select auth.uid()) = owner);
             create policy b on public.notes using (owner = ( SELECT  auth . uid ( ) AS uid));
             create policy c on public.notes using ((select auth.jwt() ->> 'x') = role);
             create policy d on public.notes using ((select current_setting('a')::uuid) = owner);
             create policy e on public.notes using ((select coalesce(auth.uid(), '00000000-0000-0000-0000-000000000000')) = owner);
             create policy f on public.notes using (role = 'auth.uid()');",
        );
    }

    #[test]
    fn what_is_offered_makes_it_silent() {
        let text = format!(
            "{TABLES}create policy a on public.notes using (auth.uid() = owner)
               with check (auth.uid() = owner and role = current_setting('a', true));"
        );
        let mended = mended(&RULE, &text);
        assert_eq!(mended.matches("(select ").count(), 3);
        check(&RULE, &mended);
    }

    #[test]
    fn what_execute_puts_together_is_not_edited() {
        let bench = Bench::new(&format!(
            "{TABLES}do $$ begin execute format('create policy a on %I using (auth.uid() = owner) with check (auth.uid() = owner)', \
             'notes'); end $$;"
        ));
        let found = bench.run(&RULE, &RULE.options.defaults());
        assert_eq!((found.len(), found[0].edits.len()), (1, 0));
        assert_eq!(
            found[0].help.as_deref(),
            Some("put each call into a sub-select of its own: (select auth.uid())")
        );
    }

    #[test]
    fn one_wrapped_call_does_not_excuse_the_next() {
        policy(
            "create policy a on public.notes using ((select auth.uid()) = owner or auth.uid() is null);
             --                                                       ^^^^^^^^^^ warning: policy \"a\" calls auth.uid() again for each row of public.notes",
        );
    }

    #[test]
    fn a_policy_is_one_finding() {
        policy(
            "create policy a on public.notes using (auth.uid() = owner) with check (auth.uid() = owner and auth.role() = role);
             --                        ^^^^^^^^^^ warning: auth.uid()",
        );
    }

    #[test]
    fn a_sub_select_that_reads_the_row_runs_for_each() {
        policy(
            "create policy a on public.notes using (exists (
               select 1 from public.members m where m.team = notes.team and m.member = auth.uid()));
             --                                                                        ^^^^^^^^^^ warning: auth.uid()
             create policy b on public.notes using (team in (
               select m.team from public.members m where m.member = auth.uid()));
             create policy c on public.notes using (exists (
               select 1 from public.members m where m.team = notes.team and m.member = (select auth.uid())));
             create policy d on public.notes using ((select auth.uid() = owner));
             --                                             ^^^^^^^^^^ warning: policy \"d\"",
        );
    }

    #[test]
    fn a_call_for_each_row_that_is_written_is_an_info() {
        policy(
            "
             create policy a on public.notes for insert with check (auth.uid() = owner);
             --                                                     ^^^^^^^^^^ info: policy \"a\" calls auth.uid() again for each row that is written to public.notes
             create policy b on public.notes for update using (owner = (select auth.uid())) with check (auth.uid() = owner);
             --                                                                                         ^^^^^^^^^^ info: policy \"b\"
             create policy c on public.notes for update using (auth.uid() = owner) with check (auth.uid() = owner);
             --                                                ^^^^^^^^^^ warning: for each row of public.notes",
        );
    }

    #[test]
    fn arguments_and_settings_count() {
        policy(
            "create policy a on public.notes using (has_role(team, auth.uid()));
             --                                       ^^^^^^^^^^ warning: auth.uid()
             create policy b on public.notes using (role = current_setting('request.jwt.claims', true)::json ->> 'role');
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: current_setting()
             create policy c on public.notes using (role = auth.jwt() ->> 'role');
             --                                            ^^^^^^^^^^ warning: auth.jwt()",
        );
    }

    #[test]
    fn restrictive_policies_and_any_role_count_and_rls_must_be_on() {
        policy(
            "create policy a on public.notes as restrictive to anon using (auth.uid() = owner);
             --                                               ^^^^^^^^^^ warning: policy \"a\"
             create policy b on public.members using (auth.uid() = member);
             create policy c on storage.objects for select using (auth.uid() = owner);
             --                                                   ^^^^^^^^^^ warning: storage.objects",
        );
    }

    #[test]
    fn what_never_reads_the_row_runs_for_each_all_the_same() {
        policy(
            "create policy a on public.notes for select using (auth.role() = 'authenticated');
             --                                   ^^^^^^^^^^^ warning: auth.role()
             create policy b on public.notes for delete using (auth.uid() is not null and role = 'x');
             --                                                ^^^^^^^^^^ warning: auth.uid()",
        );
    }

    #[test]
    fn a_policy_beside_one_that_is_true_never_runs() {
        policy(
            "create policy all_read on public.notes for select using (true);
             create policy own_read on public.notes for select to authenticated using (auth.uid() = owner);
             create policy own on public.notes using (auth.uid() = owner);
             --                                       ^^^^^^^^^^ warning: policy \"own\"
             create policy limits on public.notes as restrictive for select using (auth.uid() = owner);
             --                                                                    ^^^^^^^^^^ warning: policy \"limits\"
             create policy known_change on public.notes for delete to authenticated using (true);
             create policy own_change on public.notes for delete using (auth.uid() = owner);
             --                                                         ^^^^^^^^^^ warning: policy \"own_change\"",
        );
    }

    #[test]
    fn only_what_stands_in_the_end_counts() {
        policy(
            "create policy a on public.notes using (auth.uid() = owner);
             alter policy a on public.notes using ((select auth.uid()) = owner);
             create policy b on public.notes using (auth.uid() = owner);
             drop policy b on public.notes;
             create policy c on public.notes using (owner is null);
             alter policy c on public.notes using (auth.uid() = owner);
             --                                    ^^^^^^^^^^ warning: policy \"c\"",
        );
    }

    #[test]
    fn the_help_is_the_policy_with_the_calls_wrapped() {
        let text = format!(
            "{TABLES}create policy \"Own\" on public.notes using (auth.uid() = owner) with check (true);"
        );
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let help = "alter policy \"Own\" on public.notes using ((select auth.uid()) = owner);";
        assert_eq!(found[0].help.as_deref(), Some(help));
        let commented = "auth.uid() = owner -- their own\n or auth.jwt() ->> 'x' = role";
        let text = format!("{TABLES}create policy p on public.notes using ({commented});");
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let help = "put each call into a sub-select of its own: (select auth.uid()), (select auth.jwt())";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    #[test]
    fn a_habit_is_told_once() {
        let policy =
            |at: usize| format!("create policy p{at} on notes for select using (owner = auth.uid());");
        let said = |count: usize| {
            let policies: String = (0..count).map(policy).collect();
            Bench::new(&format!("{TABLES}{policies}")).run(&RULE, &RULE.options.defaults())
        };
        assert_eq!(said(10).len(), 10);
        let found = said(11);
        assert_eq!(
            found[0].message,
            "11 policies call auth.uid() again for each row of their tables, \"p0\" of public.notes the first of them"
        );
        assert_eq!((found.len(), found[0].instances.len()), (1, 11));
    }
}
