use crate::access::in_words;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::rls::rls_disabled_on_exposed_table::open_to;

declare_rule! {
    /// Finds policies on tables whose row level security (RLS) is off, where requests do not reach
    /// the table: they have no effect.
    ///
    /// ## Why it matters
    ///
    /// `create policy` does not switch RLS on. The table looks protected to whoever reads the
    /// migrations, and on the day its schema is served, or it is granted, everybody who asks reads
    /// and changes all of its rows. Until then whoever has grants does, over a direct connection.
    ///
    /// ```sql,bad
    /// create schema private;
    /// create table private.notes (id bigint primary key, user_id uuid);
    /// create policy "Own notes" on private.notes using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// ```sql,good
    /// create schema private;
    /// create table private.notes (id bigint primary key, user_id uuid);
    /// alter table private.notes enable row level security;
    /// create policy "Own notes" on private.notes using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// A table that requests reach is for `rls-disabled-on-exposed-table` to report, with its policies.
    ///
    /// ## How to fix
    ///
    /// `alter table private.notes enable row level security;`
    "policies-without-rls" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "policies have no effect: row level security is off",
        sources: &["splinter:0007", "pgrls:SEC032"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables().filter(|table| !table.rls.value) {
        let unclear = [Aspect::Rls, Aspect::Policies]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect));
        if !open_to(cx.catalog, table).is_empty() {
            continue;
        }
        let policies: Vec<_> = table.policies.values().collect();
        let Some((first, others)) = policies.split_first().filter(|_| !unclear) else { continue };
        let names: Vec<_> = policies.iter().map(|policy| policy.name.delimited()).collect();
        let subject = match names.as_slice() {
            [only] => format!("policy {only} on {} has", table.name),
            [..] if names.len() <= 3 => {
                format!("policies {} on {} have", in_words(&names, "and"), table.name)
            }
            _ => format!("{} policies on {} have", names.len(), table.name),
        };
        let message = format!("{subject} no effect, because row level security is off");
        let found = out.report(first.name_span, Identity::new("table", &table.name), message);
        found.note("has no effect").extent(table.policies.values().map(Policy::in_words));
        let switched_off = table.rls.origin != table.history.created;
        if let Some(span) = table.rls.origin.span().filter(|_| switched_off) {
            found.label(span, "row level security is switched off here");
        }
        found.label(table.name_span, "table created here, without row level security");
        found.label_each(others.iter().map(|policy| (policy.name_span, "has no effect either")));
        found.help(format!("alter table {} enable row level security;", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn the_end_of_the_history_counts() {
        check(
            &RULE,
            "-- exposed: api
             -- file: 1.sql
             create table public.a (id bigint);
             create policy one on public.a using (true);
             --            ^^^ warning: policies \"one\" and \"two\" on public.a have no effect
             create policy two on public.a for select using (id = 1);
             create table public.b (id bigint);
             create policy one on public.b using (true);
             create table public.c (id bigint);
             alter table public.c enable row level security;
             create policy \"Own rows\" on public.c using (id = 1);
             --            ^^^^^^^^^^ warning: policy \"Own rows\" on public.c has no effect
             create table public.d (id bigint);
             create policy one on public.d using (true);
             -- file: 2.sql
             alter table public.b enable row level security;
             alter table public.c disable row level security;
             drop policy one on public.d;",
        );
    }

    #[test]
    fn hidden_tables_count_as_well() {
        check(
            &RULE,
            "
             create schema private;
             create table private.a (id bigint);
             create policy one on private.a using (true);
             --            ^^^ warning: policy \"one\" on private.a has no effect, because row level security is off",
        );
    }

    #[test]
    fn a_table_that_requests_reach_is_told_once() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             create policy one on public.a using (true);
             create table public.b (id bigint);
             create policy two on public.b using (true);
             --            ^^^ warning: policy \"two\" on public.b has no effect
             revoke all on public.b from anon, authenticated;",
        );
    }

    #[test]
    fn policies_on_the_platforms_tables_are_in_force() {
        check(
            &RULE,
            "
             create policy one on storage.objects for select using (bucket_id = 'a');
             create policy two on realtime.messages for select using (true);",
        );
    }

    #[test]
    fn what_was_not_read_may_have_switched_it_on() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             create policy one on public.a using (true);
             do $$ declare t text; begin
               for t in select name from public.table_list loop
                 execute 'alter table ' || t || ' enable row level security';
               end loop;
             end $$;",
        );
    }
}
