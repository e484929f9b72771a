use crate::access::{COMMANDS, Read};
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Link, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{ColumnRef, Expr, Target};

declare_rule! {
    /// Finds tables with a column that says whose a row is, none of whose policies looks at it.
    ///
    /// ## Why it matters
    ///
    /// Policies that choose rows by other columns alone let every user reach those of all others:
    /// with `using (status = 'active')` each order that is under way is everybody's.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid, status text);
    /// alter table public.orders enable row level security;
    /// create policy "Active orders" on public.orders to authenticated using (status = 'active');
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid, status text);
    /// alter table public.orders enable row level security;
    /// create policy "Active orders" on public.orders to authenticated
    ///   using (status = 'active' and user_id = (select auth.uid()));
    /// ```
    ///
    /// Silent where a policy asks who the caller is in any way, such as a role of administrators,
    /// and where policies are true for every row, which other rules say. Rows that only can be read
    /// may well be public: those count if signed-in users or everybody can write them.
    ///
    /// ## How to fix
    ///
    /// Compare the column with the caller.
    "principal-column-unscoped" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "no policy looks at the column that says whose a row is",
        sources: &["pgrls:SEC027"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut tables: Vec<&Table> = cx.policies_in_force().map(|(table, _)| table).collect();
    tables.dedup_by_key(|table| table.oid);
    for table in tables {
        let Some(owner) = table.owner_column(cx.catalog) else { continue };
        let is_open = |policy: &Policy| cx.rights.way(table, policy).is_some();
        let told =
            table.policies.values().any(|policy| is_open(policy) || looks_at(cx, policy, owner.attnum));
        let Some(policy) = table.policies.values().find(|policy| chooses_by_rows(cx, table, policy)) else {
            continue;
        };
        let Some(span) = owner.name_span.filter(|_| !told) else { continue };
        let message = format!(
            "no policy on {} looks at {}: users can write the rows of others",
            table.name,
            owner.name.quoted()
        );
        out.report(span, Identity::part("column", &table.name, owner.name.as_str()), message)
            .note("says whose a row is")
            .label(policy.name_span, "chooses rows by other columns alone")
            .help(format!("add to its condition: and (select auth.uid()) = {}", owner.name.quoted()));
    }
}

/// Whether a policy mentions a column of its table, or who asks.
fn looks_at(cx: &CatalogCx<'_>, policy: &Policy, attnum: i16) -> bool {
    let reads = |part: &Expr| match part {
        Expr::Column(ColumnRef { target: Target::Column { attnum: read, .. }, .. }) => *read == attnum,
        Expr::Column(ColumnRef { target: Target::Row { .. } | Target::Unknown, .. }) => true,
        _ => false,
    };
    policy.expressions().any(|expr| expr.any(&reads) || cx.workload.knows_caller(expr))
}

/// Whether users write rows by it that the values of the row alone choose.
fn chooses_by_rows(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    cx.catalog.table_access(table).iter().filter(|access| access.can_write()).any(|access| {
        let writes = COMMANDS.iter().skip(1).any(|(command, _)| {
            let together = cx.access(table, access.role, *command);
            policy.covers(*command) && together.is_some_and(|cell| cell.reach == Reach::Some)
        });
        policy.permissive
            && writes
            && cx.catalog.policy_binds(policy, access.role)
            && policy.clauses().any(|clause| {
                let Read { conditions, node, reach } = cx.rights.clause(table, policy, clause, access.role);
                let by_row = |at: &usize| conditions.atoms[*at].link == Link::Row;
                reach == Reach::Some && node.atoms().iter().all(by_row)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{check, check_policies};

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid, open boolean", text);
    }

    #[test]
    fn a_table_whose_policies_choose_by_other_columns() {
        check(
            &RULE,
            "
             create table public.a (id bigint, user_id uuid, open boolean);
             --                                ^^^^^^^ info: no policy on public.a looks at user_id
             alter table public.a enable row level security;
             create policy p on public.a to authenticated using (open);",
        );
    }

    #[test]
    fn other_guards_are_silent() {
        policies(
            "create policy p on public.a using (open); create policy q on public.a using (user_id = auth.uid());",
        );
        policies("create policy p on public.a for select using (open);");
        policies("create policy p on public.a using (open and auth.jwt() ->> 'role' = 'admin');");
        policies("create policy p on public.a using (true);");
        policies("create policy p on public.a to service_role using (open);");
    }
}
