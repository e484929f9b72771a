use crate::map::IndexMap;

use crate::catalog::function::Returns;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::sql::expr::{Call, Expr, Oid};
use crate::sql::statement::Volatility;
use crate::workload::identity::calls_per_row;

declare_rule! {
    /// Finds functions that policies call, only read, and do not say so.
    ///
    /// ## Why it matters
    ///
    /// A function is VOLATILE unless it says otherwise: PostgreSQL then takes it for one that may write
    /// or answer otherwise each time. It cannot use an index for `team = my_team()`: the whole table is
    /// read, and the function asked for each row. One that answers yes or no takes a new snapshot of the
    /// database for each query in it, each time it is called (PostgreSQL manual, section 38.7).
    ///
    /// ```sql,bad
    /// create table public.members (user_id uuid primary key, team bigint);
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create function public.my_team() returns bigint language sql set search_path = '' as $$
    ///   select team from public.members where user_id = auth.uid() $$;
    /// create policy "team notes" on public.notes using (team = public.my_team());
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (user_id uuid primary key, team bigint);
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create function public.my_team() returns bigint language sql stable set search_path = '' as $$
    ///   select team from public.members where user_id = auth.uid() $$;
    /// create policy "team notes" on public.notes using (team = public.my_team());
    /// ```
    ///
    /// Only functions in SQL and PL/pgSQL whose body was read as a whole count, and none that writes, runs
    /// SQL made at run time, or calls what may write. In a sub-select that reads nothing of the row, such as
    /// `(select public.my_team())`, the function runs once, and is left alone.
    ///
    /// ## How to fix
    ///
    /// `alter function public.my_team() stable;`, or write `stable` in its head: a later
    /// `create or replace function` forgets what ALTER said.
    "policy-helper-volatile-default" {
        group: Group::Performance,
        severity: Severity::Info,
        summary: "a function that policies call is not declared STABLE",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies, Aspect::Functions]);
    let mut callers: IndexMap<Oid, (&Call, &Table, &Policy)> = IndexMap::default();
    for (table, policy) in cx.catalog.own_policies().filter(|(table, _)| !doubts.concern(&table.name)) {
        for expr in policy.expressions() {
            for call in calls_per_row(expr) {
                if let Some(oid) = call.target {
                    callers.entry(oid).or_insert((call, table, policy));
                }
            }
        }
    }
    let before = out.list.len();
    for (oid, (call, table, policy)) in callers {
        let Some(function) = cx.catalog.functions.get(&oid) else { continue };
        let Some(span) = function.name_span.filter(|_| !doubts.concern(&function.name)) else { continue };
        if function.volatility != Volatility::Volatile || !cx.workload.only_reads(cx.catalog, oid) {
            continue;
        }
        let name = function.name.quoted();
        let answers = matches!(&function.returns, Returns::Type(data_type) if data_type.is_builtin("bool"));
        let reads_row = call.args.iter().any(|arg| arg.any(&|part| matches!(part, Expr::Column(_))));
        let cost = match answers || reads_row {
            true => "each time a policy asks it for a row, it takes a new snapshot of the database",
            false => "no index serves what policies compare with it",
        };
        let message = format!("{name} only reads and is not declared STABLE: {cost}");
        out.report(span, Identity::new("function", &function.name), message)
            .note("VOLATILE, as it does not say otherwise")
            .label(call.span, format!("policy {} of {} calls it", policy.name.delimited(), table.name))
            .help(format!("alter function {} stable;", function.signature(cx.catalog)));
    }
    let count = out.list.len() - before;
    if count > MANY {
        let message = format!("{count} functions that policies call only read and are not declared STABLE");
        out.fold(before, "functions", message, |one| one.message.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn only_what_reads_and_is_called_counts() {
        check(
            &RULE,
            "create table public.t (id int, at timestamptz);
             create function public.reads() returns boolean language plpgsql as $$
             --              ^^^^^^^^^^^^ info: public.reads only reads and is not declared STABLE
             begin
               return exists (select 1 from public.t where id = 1);
             end $$;
             create function public.stable_one() returns boolean language sql stable as 'select true';
             create function public.through() returns boolean language sql as 'select public.stable_one()';
             --              ^^^^^^^^^^^^^^ info: public.through
             create function public.writes() returns boolean language plpgsql as $$
             begin
               insert into public.t values (1);
               return true;
             end $$;
             create function public.locks() returns int language sql as 'select id from public.t for update';
             create function public.draws() returns boolean language sql as 'select random() < 0.5';
             create function public.sends() returns boolean language sql as 'select net.http_get(''x'') is null';
             create function public.calls() returns boolean language sql as 'select public.writes()';
             create function public.runs(q text) returns boolean language plpgsql as $$
             begin
               execute q;
               return true;
             end $$;
             create function public.unused() returns boolean language sql as 'select true';
             create policy p on public.t using (
               reads() or through() or writes() or draws() or sends() or calls() or runs('x') or locks() = 1);",
        );
    }

    #[test]
    fn what_it_costs_depends_on_how_it_is_asked() {
        check(
            &RULE,
            "create table public.t (id int, team int);
             create function public.team() returns int language sql as 'select id from public.t';
             --              ^^^^^^^^^^^ info: no index serves what policies compare with it
             create function public.level(int) returns int language sql as 'select id from public.t where id = $1';
             --              ^^^^^^^^^^^^ info: it takes a new snapshot of the database
             create function public.once() returns int language sql as 'select id from public.t';
             create function public.may(int) returns boolean language sql as 'select exists (select id from public.t where id = $1)';
             --              ^^^^^^^^^^ info: it takes a new snapshot of the database
             create policy p on public.t using (team = public.team() and team = (select public.once()) and public.may(id) and public.level(id) >= 2);",
        );
    }
}
