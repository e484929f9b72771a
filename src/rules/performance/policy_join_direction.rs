use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, FromItem, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::workload::Workload;

declare_rule! {
    /// Finds policies that look the caller's rows up in another table once for each row.
    ///
    /// ## Why it matters
    ///
    /// `exists (select 1 from members m where m.team = notes.team and m.who = auth.uid())` reads the
    /// row, so PostgreSQL runs it again for each one that it looks at. Asked the other way round,
    /// `team in (select m.team from members m where m.who = auth.uid())`, the teams of the caller
    /// are found once and each row is compared with that list. A user of three teams who lists a
    /// hundred thousand notes waits for one query instead of a hundred thousand.
    ///
    /// ```sql,bad
    /// create table public.members (team bigint, who uuid, primary key (team, who));
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create policy "team notes" on public.notes for select using (exists (
    ///   select 1 from public.members m where m.team = notes.team and m.who = (select auth.uid())));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (team bigint, who uuid, primary key (team, who));
    /// create table public.notes (id bigint primary key, team bigint);
    /// alter table public.notes enable row level security;
    /// create policy "team notes" on public.notes for select using (team in (
    ///   select m.team from public.members m where m.who = (select auth.uid())));
    /// ```
    ///
    /// It is not in the rule-set `recommended`: for some tables both forms get the same plan, and where
    /// a caller has very many rows in the other table, the first is the better one.
    ///
    /// ## How to fix
    ///
    /// Write `column in (select … where caller)`, as in the example.
    "policy-join-direction" {
        group: Group::Performance,
        severity: Severity::Info,
        summary: "a policy asks another table for each row",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    let policies =
        cx.catalog.own_policies().filter(|(table, _)| table.rls.value && !doubts.concern(&table.name));
    for (table, policy) in policies {
        let Some(clause) = &policy.using else { continue };
        let mut found: Option<(Span, Ident, Ident)> = None;
        clause.value.walk(&mut |part| {
            if let Expr::Sublink(sublink) = part
                && found.is_none()
            {
                found = join(sublink, table, cx.workload);
            }
        });
        let Some((span, own, inner)) = found else { continue };
        let (own, inner) = (own.quoted(), inner.quoted());
        let message = format!(
            "policy {} looks the caller up again for each row of {}",
            policy.name.delimited(),
            table.name
        );
        out.report(span, Identity::part("policy", &table.name, policy.name.to_string()), message)
            .note("compares with the row")
            .help(format!("ask the other way round: {own} in (select {inner} from … where …), without the comparison with {own}"));
    }
}

/// The column of the row and that of another table which an EXISTS over the caller's rows joins by.
fn join(sublink: &Sublink, table: &Table, workload: &Workload) -> Option<(Span, Ident, Ident)> {
    let QueryBody::Select(select) = &sublink.query.body else { return None };
    let filter = select.filter.as_deref()?;
    let Expr::And(conjuncts) = filter else { return None };
    let single = matches!(select.from.as_slice(), [FromItem::Relation { .. }]);
    if sublink.kind != SublinkKind::Exists || !single || !workload.knows_caller(filter) {
        return None;
    }
    let mut joins = conjuncts.iter().filter_map(|conjunct| joined(conjunct, table));
    let found = joins.next()?;
    let others = conjuncts.iter().filter(|conjunct| joined(conjunct, table).is_none());
    let reads_row =
        |expr: &Expr| expr.any(&|part| matches!(part, Expr::Column(column) if is_of_row(column, table)));
    (joins.next().is_none() && !others.into_iter().any(reads_row)).then_some(found)
}

fn joined(conjunct: &Expr, table: &Table) -> Option<(Span, Ident, Ident)> {
    let Expr::Op { op, left: Some(left), right } = conjunct else { return None };
    let (Expr::Column(left), Expr::Column(right)) = (&**left, &**right) else { return None };
    let (own, inner) = if is_of_row(left, table) { (left, right) } else { (right, left) };
    let known = op == "=" && is_of_row(own, table) && matches!(inner.target, Target::Column { depth: 0, .. });
    known.then(|| Some((own.span, own.path.last()?.clone(), inner.path.last()?.clone()))).flatten()
}

fn is_of_row(column: &ColumnRef, table: &Table) -> bool {
    matches!(column.target, Target::Column { relation, depth: 1, .. } if relation == table.oid)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.m (team int, who uuid, role text);
        create table public.t (id int, team int, role text);
        alter table public.t enable row level security;\n";

    #[test]
    fn only_a_single_join_with_the_caller_can_be_turned() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create policy a on public.t using (exists (select 1 from public.m where m.team = t.team and m.who = auth.uid() and m.role = 'x'));
             --                                                                               ^^^^^^ info: policy \"a\" looks the caller up again for each row of public.t
             create policy b on public.t using (team in (select m.team from public.m where m.who = auth.uid()));
             create policy c on public.t using (exists (select 1 from public.m where m.team = t.team and m.role = 'x'));
             create policy d on public.t using (exists (select 1 from public.m where m.team = t.team and m.role = t.role and m.who = auth.uid()));
             create policy e on public.t using (not exists (select 1 from public.m where m.who = auth.uid()));
"
            ),
        );
    }
}
