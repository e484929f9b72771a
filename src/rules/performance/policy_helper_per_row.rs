use crate::map::IndexMap;

use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Call, Oid};
use crate::sql::statement::Volatility;
use crate::workload::identity::helper_calls_per_row;

declare_rule! {
    /// Finds functions of the project that a policy calls for each row, though the row has no say in
    /// them.
    ///
    /// ## Why it matters
    ///
    /// `is_admin()` is the same for the whole query, but PostgreSQL does not rely on that: it runs the
    /// function, and the query in it, for every row that it looks at. A list of a hundred thousand
    /// rows then looks the caller's role up a hundred thousand times, and runs into the API's time
    /// limit. Wrapped as `(select is_admin())` it runs once, before the first row.
    ///
    /// ```sql,bad
    /// create table public.roles (user_id uuid primary key, role text);
    /// create function public.is_admin() returns boolean language sql stable security definer
    ///   set search_path = '' as $$
    ///   select exists (select 1 from public.roles where user_id = auth.uid() and role = 'admin') $$;
    /// create table public.orders (id bigint primary key);
    /// alter table public.orders enable row level security;
    /// create policy "admins" on public.orders for select using (public.is_admin());
    /// ```
    ///
    /// ```sql,good
    /// create table public.roles (user_id uuid primary key, role text);
    /// create function public.is_admin() returns boolean language sql stable security definer
    ///   set search_path = '' as $$
    ///   select exists (select 1 from public.roles where user_id = auth.uid() and role = 'admin') $$;
    /// create table public.orders (id bigint primary key);
    /// alter table public.orders enable row level security;
    /// create policy "admins" on public.orders for select using ((select public.is_admin()));
    /// ```
    ///
    /// A call that is given a column of the row cannot be wrapped and is silent, and so are functions
    /// that are IMMUTABLE or may write, policies that never run because one beside them is `true`, and
    /// tables without row level security. Calls in WITH CHECK alone are an info: requests write few rows. A function
    /// is one finding, whatever the number of its policies; `auth.uid()` among its arguments is not
    /// told a second time by `auth-call-per-row`.
    ///
    /// ## How to fix
    ///
    /// Put the call into a sub-select of its own: `(select public.is_admin())`.
    "policy-helper-per-row" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "a policy calls the same function for each row",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A call in a policy, and whether rows that are read pay for it.
struct Place<'a> {
    call: &'a Call,
    table: &'a Table,
    policy: &'a Policy,
    reads: bool,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies, Aspect::Functions]);
    let mut by_function: IndexMap<Oid, Vec<Place<'_>>> = IndexMap::default();
    for (table, policy) in cx.catalog.own_policies().filter(|(table, _)| table.rls.value) {
        if doubts.concern(&table.name) || cx.rights.is_silenced(table, policy) {
            continue;
        }
        let clauses = policy.using.iter().map(|clause| (clause, true));
        for (clause, reads) in clauses.chain(policy.with_check.iter().map(|clause| (clause, false))) {
            for call in helper_calls_per_row(cx.catalog, &clause.value) {
                if let Some(oid) = call.target {
                    by_function.entry(oid).or_default().push(Place { call, table, policy, reads });
                }
            }
        }
    }
    // One that may write is meant to run as often as it does.
    let is_settled = |function: &Function| {
        function.volatility != Volatility::Volatile || cx.workload.only_reads(cx.catalog, function.oid)
    };
    for (oid, places) in by_function {
        let Some(function) = cx.catalog.functions.get(&oid) else { continue };
        if !doubts.concern(&function.name) && is_settled(function) {
            report(cx, function, places, out);
        }
    }
}

fn report(cx: &CatalogCx<'_>, function: &Function, mut places: Vec<Place<'_>>, out: &mut Findings) {
    places.sort_by_key(|place| (!place.reads, place.call.span));
    let Some((first, others)) = places.split_first() else { return };
    let name = function.name.quoted();
    let mut policies: Vec<(Oid, &str)> =
        places.iter().map(|place| (place.table.oid, place.policy.name.as_str())).collect();
    policies.sort_unstable();
    policies.dedup();
    let of = if first.reads { "of" } else { "that is written to" };
    let message = match policies.len() {
        1 => format!(
            "policy {} runs {name} again for each row {of} {}",
            first.policy.name.delimited(),
            first.table.name
        ),
        count => format!(
            "{count} policies run {name} again for each row, first of them {} of {}",
            first.policy.name.delimited(),
            first.table.name
        ),
    };
    let text = cx.sources.text(first.call.span).split_whitespace().collect::<Vec<_>>().join(" ");
    let finding = out.report(first.call.span, Identity::new("function", &function.name), message);
    finding
        .note("the row has no say in it, and it runs for each")
        .help(format!("put the call into a sub-select, which runs once: (select {text})"));
    if !first.reads {
        finding.severity(Severity::Info);
    }
    let elsewhere = |place: &Place<'_>| {
        (place.call.span, format!("and in policy {} of {}", place.policy.name.delimited(), place.table.name))
    };
    finding.label_each(others.iter().map(elsewhere));
    finding.extent(places.iter().map(|place| place.policy.on(&place.table.name)));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLES: &str = "create table public.t (id int, owner uuid, team int);
        alter table public.t enable row level security;
        create function public.is_admin() returns boolean language sql stable as 'select true';
        create function public.has_role(who uuid, role text) returns boolean language sql stable as 'select true';
        create function public.in_team(team int) returns boolean language sql stable as 'select true';
        create function public.two() returns int language sql immutable as 'select 2';\n";

    #[test]
    fn a_function_is_one_finding() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create policy a on public.t for select using (owner = (select auth.uid()) or is_admin());
             --                                                                           ^^^^^^^^^^ warning: 2 policies run public.is_admin again for each row, first of them \"a\" of public.t
             create policy b on public.t for delete using (public.is_admin());
             create policy c on public.t for update using (has_role(auth.uid(), 'editor'));
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"c\" runs public.has_role again for each row of public.t
"
            ),
        );
    }

    #[test]
    fn what_depends_on_the_row_or_is_wrapped_is_silent() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create policy a on public.t for select using ((select is_admin()) or (select has_role(auth.uid(), 'x')));
             create policy b on public.t for update using (in_team(team) or has_role(owner, 'x'));
             create policy c on public.t for delete using (id = two());
             create policy d on public.t for delete using (team in (select x.team from public.t x where is_admin()));
             create table public.off (id int);
             create policy a on public.off using (is_admin());
             create policy e on public.t for insert with check (is_admin());
             --                                                 ^^^^^^^^^^ info: policy \"e\" runs public.is_admin again for each row that is written to public.t
"
            ),
        );
    }

    #[test]
    fn what_may_write_is_left_alone() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create function public.counts() returns boolean language plpgsql as $$
             begin
               update public.t set id = id + 1;
               return true;
             end $$;
             create function public.looks() returns boolean language sql as 'select true';
             create policy a on public.t for select using (counts() and looks());
             --                                                         ^^^^^^^ warning: policy \"a\" runs public.looks again
"
            ),
        );
    }

    #[test]
    fn the_call_is_wrapped_as_it_is_written() {
        let text = format!("{TABLES}create policy c on public.t using (has_role( auth.uid(),\n 'editor'));");
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let help =
            "put the call into a sub-select, which runs once: (select has_role( auth.uid(), 'editor'))";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }
}
