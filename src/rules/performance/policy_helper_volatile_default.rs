use indexmap::IndexMap;

use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::{Expr, Oid};
use crate::sql::statement::Volatility;

declare_rule! {
    /// Finds functions that policies call, only read, and do not say so.
    ///
    /// ## Why it matters
    ///
    /// A function is VOLATILE unless it says otherwise: PostgreSQL then takes it for one that may write
    /// or answer otherwise each time. It never copies its query into the one around it, and cannot use
    /// an index for `team = my_team()`: the whole table is read, and the function asked for each row.
    ///
    /// ```sql,bad
    /// create table public.members (user_id uuid primary key, team bigint);
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create function public.my_team() returns bigint language sql set search_path = '' as $$
    ///   select team from public.members where user_id = auth.uid() $$;
    /// create policy "team notes" on public.notes using (team = (select public.my_team()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (user_id uuid primary key, team bigint);
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create function public.my_team() returns bigint language sql stable set search_path = '' as $$
    ///   select team from public.members where user_id = auth.uid() $$;
    /// create policy "team notes" on public.notes using (team = (select public.my_team()));
    /// ```
    ///
    /// Only functions in SQL and PL/pgSQL whose body was read as a whole count, and none that writes, runs
    /// SQL made at run time, or calls what may write.
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
    let mut callers: IndexMap<Oid, (Span, &Table, &Policy)> = IndexMap::new();
    for (table, policy) in cx.catalog.own_policies().filter(|(table, _)| !doubts.concern(&table.name)) {
        for expr in policy.expressions() {
            expr.walk(&mut |part| {
                if let Expr::Call(call) = part
                    && let Some(oid) = call.target
                {
                    callers.entry(oid).or_insert((call.span, table, policy));
                }
            });
        }
    }
    for (oid, (call, table, policy)) in callers {
        let Some(function) = cx.catalog.functions.get(&oid) else { continue };
        let Some(span) = function.name_span.filter(|_| !doubts.concern(&function.name)) else { continue };
        if function.volatility != Volatility::Volatile || !cx.workload.only_reads(cx.catalog, oid) {
            continue;
        }
        let name = function.name.quoted();
        let message = format!(
            "{name} only reads and is not declared STABLE: no index serves what policies compare with it"
        );
        out.report(span, Identity::new("function", &function.name), message)
            .note("VOLATILE, as it does not say otherwise")
            .label(call, format!("policy {} of {} calls it", policy.name.delimited(), table.name))
            .help(format!("alter function {} stable;", function.signature(cx.catalog)));
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
}
