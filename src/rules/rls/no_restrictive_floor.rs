use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds tables with permissive policies alone: nothing holds whatever policies come later.
    ///
    /// ## Why it matters
    ///
    /// Permissive policies are joined with `or`, so one careless policy more opens a table that a
    /// dozen others protect. A restrictive policy is joined with `and`, and keeps one tenant's rows
    /// from another whatever is added.
    ///
    /// ```sql,bad
    /// create table public.invoices (id bigint primary key, tenant uuid);
    /// alter table public.invoices enable row level security;
    /// create policy "Members read" on public.invoices for select to authenticated
    ///   using (tenant = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant')::uuid);
    /// ```
    ///
    /// ```sql,good
    /// create table public.invoices (id bigint primary key, tenant uuid);
    /// alter table public.invoices enable row level security;
    /// create policy "Tenants apart" on public.invoices as restrictive
    ///   using (tenant = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant')::uuid);
    /// create policy "Members read" on public.invoices for select to authenticated using (true);
    /// ```
    ///
    /// It is off unless it is asked for: few projects need a floor under every table.
    ///
    /// ## How to fix
    ///
    /// Add a policy `as restrictive` with what must hold always.
    "no-restrictive-floor" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "a table has permissive policies alone",
        sources: &["pgrls:SEC007"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_policies() {
        let only_permissive = table.policies.values().all(|policy| policy.permissive);
        let binds = table.policies.values().any(|policy| cx.catalog.policy_binds_requests(policy));
        let Some(span) = table.name_span.filter(|_| only_permissive && binds) else { continue };
        let message = format!("{} has no restrictive policy: each further policy opens it more", table.name);
        out.report(span, Identity::new("table", &table.name), message)
            .note("permissive policies alone")
            .help(format!("create policy … on {} as restrictive using (…);", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn a_restrictive_policy_of_any_kind_is_a_floor() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             --           ^^^^^^^^ info: public.a has no restrictive policy
             alter table public.a enable row level security;
             create policy p on public.a using (id > 0);
             create table public.b (id bigint);
             alter table public.b enable row level security;
             create policy p on public.b using (id > 0);
             create policy q on public.b as restrictive for delete using (id > 1);
             create table public.c (id bigint);
             alter table public.c enable row level security;
             create policy p on public.c to service_role using (id > 0);
             create table public.d (id bigint);
             alter table public.d enable row level security;",
        );
    }
}
