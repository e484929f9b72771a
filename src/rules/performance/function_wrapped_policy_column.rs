use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::{Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Expr;
use crate::sql::statement::PolicyCommand;
use crate::workload::filter::{self, WrappedLookup};

declare_rule! {
    /// Finds policies that look rows up by an expression over a column, where only the column is
    /// indexed.
    ///
    /// ## Why it matters
    ///
    /// An index on `email` is in the order of `email`, not of `lower(email)`: a policy that compares
    /// `lower(email)` with the caller's address cannot use it, and each query of each user reads the
    /// whole table. The same goes for `user_id::text`.
    ///
    /// ```sql,bad
    /// create table public.invites (id bigint primary key, email text);
    /// create index on public.invites (email);
    /// alter table public.invites enable row level security;
    /// create policy "own invites" on public.invites for select
    ///   using (lower(email) = (select auth.email()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.invites (id bigint primary key, email text);
    /// create index on public.invites (lower(email));
    /// alter table public.invites enable row level security;
    /// create policy "own invites" on public.invites for select
    ///   using (lower(email) = (select auth.email()));
    /// ```
    ///
    /// Left alone are calls that no index can hold, such as those of functions that read tables.
    ///
    /// A condition beside it that an index serves makes the rule silent, and so does an OR: the
    /// server then reads the rows by the one, or all of them anyway. A column without any index is
    /// the business of `unindexed-filter-column`.
    ///
    /// ## How to fix
    ///
    /// Where it is a cast, cast the other side: `user_id = (select auth.jwt() ->> 'sub')::uuid`.
    /// Otherwise index the expression: `create index on public.invites (lower(email));`.
    "function-wrapped-policy-column" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "a policy wraps the column that is indexed",
        sources: &["pgrls:PERF004"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies, Aspect::Indexes, Aspect::Shape]);
    let tables = cx.catalog.own_tables().filter(|table| table.rls.value && table.kind != TableKind::Foreign);
    for table in tables.filter(|table| !doubts.concern(&table.name)) {
        let reading = |policy: &&Policy| policy.command.value != PolicyCommand::Insert;
        for policy in table.policies.values().filter(reading) {
            let Some(clause) = &policy.using else { continue };
            for lookup in filter::wrapped_lookups(&clause.value, table) {
                if !has_index_over(table, lookup.wrapped) && table.has_index_led_by(&[lookup.attnum]) {
                    report(cx, table, policy, &lookup, out);
                }
            }
        }
    }
}

fn has_index_over(table: &Table, expr: &Expr) -> bool {
    let serving = table.indexes.values().filter(|index| index.serves_every_lookup());
    serving.filter_map(|index| index.keys.first()).any(|key| key.is_expr(expr))
}

fn report(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &Policy,
    lookup: &WrappedLookup<'_>,
    out: &mut Findings,
) {
    let Some(column) = table.column_at(lookup.attnum) else { return };
    if matches!(lookup.wrapped, Expr::Call(call) if !cx.catalog.may_index(call)) {
        return;
    }
    let name = column.name.quoted();
    let message = format!(
        "policy {} of {} wraps {name}, so that the index on it cannot be used: each time all of the table is read",
        policy.name.delimited(),
        table.name
    );
    let help = match lookup.wrapped {
        Expr::Call(call) => {
            format!("create index on {} ({});", table.name.quoted(), cx.sources.text(call.span))
        }
        _ => {
            let data_type = column.data_type.value.display(cx.catalog);
            format!("compare {name} as it is, and cast the other side to {data_type}")
        }
    };
    let object = Identity::part("policy", &table.name, policy.name.to_string());
    out.report(lookup.span, object, message).note("no index is in the order of this").what(name).help(help);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLE: &str =
        "create table public.t (id int primary key, owner uuid, email text, code varchar(9), team int);
        create index on public.t (owner); create index on public.t (email); create index on public.t (code);
        alter table public.t enable row level security;\n";

    #[test]
    fn casts_and_calls_hide_the_column() {
        check(
            &RULE,
            &format!(
                "{TABLE}
             create policy a on public.t using (owner::text = (select auth.jwt() ->> 'sub'));
             --                                 ^^^^^ warning: policy \"a\" of public.t wraps owner, so that the index
             create policy b on public.t for update using ((select auth.email()) = lower(email) and team = 1);
             --                                                                          ^^^^^ warning: wraps email
"
            ),
        );
    }

    #[test]
    fn the_help_fits_what_wraps() {
        let text = format!(
            "{TABLE}create policy a on public.t using (owner::text = (select auth.jwt() ->> 'sub'));
             create policy b on public.t using (lower(email) = (select auth.email()));"
        );
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let helps: Vec<_> = found.iter().filter_map(|finding| finding.help.as_deref()).collect();
        let expected = [
            "compare owner as it is, and cast the other side to uuid",
            "create index on public.t (lower(email));",
        ];
        assert_eq!(helps, expected);
    }

    #[test]
    fn what_is_served_or_cannot_be_is_silent() {
        check(
            &RULE,
            &format!(
                "{TABLE}create index on public.t (upper(email));
             create policy a on public.t using (upper(email) = (select auth.email()));
             create policy b on public.t using (owner = (select auth.uid()) and lower(email) = auth.email());
             create policy c on public.t using (code::text = (select auth.email()));
             create policy d on public.t using (lower(email) = 'x');
             create policy e on public.t using (abs(team) = (select my_team()));
             create policy f on public.t using (lower(email) = auth.email() or team = 1);
             create function public.team_of(wanted uuid) returns int language sql stable security definer
               as $$ select team from public.t where id = wanted $$;
             create policy i on public.t using (public.team_of(owner) = (select my_team()));
             create policy g on public.t for insert with check (lower(email) = auth.email());
             create policy h on storage.objects using ((storage.foldername(name))[1] = auth.uid()::text);"
            ),
        );
    }
}
