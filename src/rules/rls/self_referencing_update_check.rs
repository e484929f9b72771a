use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::{Expr, Oid, walk_queries};
use crate::sql::statement::{Clause, PolicyCommand};

declare_rule! {
    /// Finds policies for UPDATE whose condition reads their own table, and stands in for the check.
    ///
    /// ## Why it matters
    ///
    /// Without WITH CHECK the condition of USING is asked of the new row, too. Its sub-select still sees the
    /// table as it was before the statement: a user who gives a folder of theirs a new key is refused with
    /// `new row violates row-level security policy` (42501), because no row had that key.
    ///
    /// ```sql,bad
    /// create table public.folders (id bigint primary key, owner uuid);
    /// alter table public.folders enable row level security;
    /// create policy "read" on public.folders for select to authenticated using (true);
    /// create policy "own folders" on public.folders for update to authenticated
    ///   using (exists (select 1 from public.folders f where f.id = folders.id and f.owner = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.folders (id bigint primary key, owner uuid);
    /// alter table public.folders enable row level security;
    /// create policy "read" on public.folders for select to authenticated using (true);
    /// create policy "own folders" on public.folders for update to authenticated
    ///   using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
    /// ```
    ///
    /// Where a policy for SELECT on the table has a sub-select as well, each UPDATE fails for recursion, which
    /// `policy-recursion` tells.
    ///
    /// ## How to fix
    ///
    /// Say in WITH CHECK what the new row must be, best by its own columns.
    "self-referencing-update-check" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "the check of an UPDATE reads its table as it was before",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    for (table, policy) in cx.policies_of_requests().filter(|(table, _)| !doubts.concern(&table.name)) {
        let is_of_update = policy.command.value == PolicyCommand::Update && policy.with_check.is_none();
        let Some(using) = policy.using.as_ref().filter(|_| is_of_update) else { continue };
        let Some(place) = read_in(using, table.oid) else { continue };
        let has_sub_select = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Sublink(_)));
        let recurses = table
            .policies
            .values()
            .any(|other| other.covers(PolicyCommand::Select) && other.expressions().any(has_sub_select));
        if recurses {
            continue;
        }
        let message = format!(
            "policy {} asks its condition of the new row as well, and its sub-select still sees {} as it was \
             before the UPDATE",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(place, object, message);
        found.note("sees the table as it was before");
        found.label(policy.name_apart_from(place), "the policy is created here");
        found.help(format!(
            "alter policy {} on {} with check (…); -- in place of … what the new row must be",
            policy.name.quoted(),
            table.name.quoted()
        ));
    }
}

/// Where a sub-select of a clause reads a table.
fn read_in(clause: &Clause, table: Oid) -> Option<Span> {
    let mut found = None;
    walk_queries(&clause.value, &mut |query| {
        query.walk_relations(&mut |relation| {
            if relation.target == Some(table) {
                found.get_or_insert(relation.name.span);
            }
        });
    });
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table folders (id bigint primary key, parent bigint, owner uuid);
             alter table folders enable row level security;
             create policy read on folders for select using (true);
             create policy a on folders for update using (exists (select 1 from folders f where f.id = folders.parent and f.owner = auth.uid()));
             --                                                                 ^^^^^^^ info: policy \"a\" asks its condition of the new row as well
             create policy b on folders for update using (parent in (select id from folders)) with check (owner = auth.uid());
             create policy c on folders for delete using (parent in (select id from folders));
             create policy d on folders for update to service_role using (parent in (select id from folders));
             create policy e on folders for update using (owner = (select auth.uid()));
             create table trees (id bigint primary key, parent bigint, owner uuid);
             alter table trees enable row level security;
             create policy read on trees for select using (owner = (select auth.uid()));
             create policy a on trees for update using (parent in (select id from trees));",
        );
    }
}
