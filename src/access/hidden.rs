//! Tables of which a role sees no row: a sub-select of them finds nothing.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use crate::access::Rights;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::predicate::{Conditions, Reach};
use crate::source::Span;
use crate::sql::expr::{Expr, FromItem, Literal, Oid, Query, QueryBody, Sublink, SublinkKind, walk_queries};
use crate::sql::statement::PolicyCommand;

/// More tables behind each other than these are not looked through.
const DEPTH: usize = 8;

impl Rights<'_> {
    /// The tables that the sub-selects of a policy's condition ask and of which a role of requests sees no
    /// row, with the places. Functions are not followed.
    pub fn hidden_from(&self, role: &Role, condition: &Expr) -> Vec<(&Table, Span)> {
        let Some(hidden) = self.hidden(role).filter(|hidden| !hidden.is_empty()) else { return Vec::new() };
        let known = asked(condition).into_iter().filter(|(oid, _)| hidden.contains(oid));
        known.filter_map(|(oid, span)| Some((self.catalog.tables.get(&oid)?, span))).collect()
    }

    /// The tables that policies ask about in sub-selects, and of which a role of requests sees no row.
    pub(super) fn hidden(&self, role: &Role) -> Option<&FxHashSet<Oid>> {
        Some(self.hidden[self.position(&role.name)?].get_or_init(|| self.find_hidden(role)))
    }

    fn find_hidden(&self, role: &Role) -> FxHashSet<Oid> {
        let conditions = self.catalog.own_policies().flat_map(|(_, policy)| policy.expressions());
        let asked: FxHashSet<Oid> = conditions.flat_map(asked).map(|(oid, _)| oid).collect();
        let may_hide = |table: &&Table| {
            table.rls.value
                && !self.catalog.is_above_policies(&role.name, table)
                && !self.is_doubtful(&table.name)
        };
        let tables = asked.into_iter().filter_map(|oid| self.catalog.tables.get(&oid));
        let mut seen: Vec<&Table> = tables.filter(may_hide).collect();
        let mut hidden = FxHashSet::default();
        for _ in 0..DEPTH {
            let (shown, more): (Vec<&Table>, Vec<&Table>) =
                seen.iter().partition(|table| self.shows_rows(table, role, &hidden));
            if more.is_empty() {
                break;
            }
            hidden.extend(more.into_iter().map(|table| table.oid));
            seen = shown;
        }
        hidden
    }

    /// Whether a policy may let a role see rows of a table.
    fn shows_rows(&self, table: &Table, role: &Role, hidden: &FxHashSet<Oid>) -> bool {
        let mut open = table.policies.values().filter(|policy| {
            policy.permissive
                && policy.covers(PolicyCommand::Select)
                && self.catalog.policy_binds(policy, role)
        });
        open.any(|policy| {
            let Some(using) = &policy.using else { return false };
            let mut conditions = self.conditions(role);
            let seen = without(&conditions, &using.value, hidden);
            let node = conditions.read(&seen);
            conditions.reach(&node) != Reach::None
        })
    }
}

/// The relations in the sub-selects of a condition, and where they are named.
fn asked(condition: &Expr) -> Vec<(Oid, Span)> {
    let mut list = Vec::new();
    walk_queries(condition, &mut |query| {
        list.extend(
            query
                .own_relations()
                .into_iter()
                .filter_map(|relation| Some((relation.target?, relation.name.span))),
        );
    });
    list
}

/// A condition without the sub-selects that find nothing. What a function with the rights of its owner
/// sees is not touched, so long as the condition's calls are not replaced yet.
pub(super) fn without<'e>(
    conditions: &Conditions<'_>,
    expr: &'e Expr,
    hidden: &FxHashSet<Oid>,
) -> Cow<'e, Expr> {
    if hidden.is_empty() || asked(expr).iter().all(|(oid, _)| !hidden.contains(oid)) {
        return Cow::Borrowed(expr);
    }
    let mut expr = expr.clone();
    expr.visit_mut(0, &mut |node, _| {
        if let Expr::Sublink(sublink) = node
            && finds_nothing(conditions, &sublink.query, hidden)
            && let Some(value) = of_nothing(sublink)
        {
            *node = Expr::Literal(value);
        }
    });
    Cow::Owned(expr)
}

/// What a sub-select without rows is (PostgreSQL manual, section 9.24).
fn of_nothing(sublink: &Sublink) -> Option<Literal> {
    match sublink.kind {
        SublinkKind::Exists | SublinkKind::Any => Some(Literal::Bool(false)),
        SublinkKind::All => Some(Literal::Bool(true)),
        SublinkKind::Scalar => Some(Literal::Null),
        _ => None,
    }
}

fn finds_nothing(conditions: &Conditions<'_>, query: &Query, hidden: &FxHashSet<Oid>) -> bool {
    let QueryBody::Select(select) = &query.body else { return false };
    let is_false = |filter: &Expr| match filter {
        Expr::And(parts) => parts.iter().any(|part| matches!(part, Expr::Literal(Literal::Bool(false)))),
        other => matches!(other, Expr::Literal(Literal::Bool(false))),
    };
    // An aggregate gives a row for none.
    query.ctes.is_empty()
        && !conditions.is_aggregated(select)
        && (select.filter.as_deref().is_some_and(is_false)
            || select.from.iter().any(|item| is_empty(conditions, item, hidden)))
}

fn is_empty(conditions: &Conditions<'_>, item: &FromItem, hidden: &FxHashSet<Oid>) -> bool {
    match item {
        FromItem::Relation { relation, .. } => relation.target.is_some_and(|oid| hidden.contains(&oid)),
        FromItem::Query { query, .. } => finds_nothing(conditions, query, hidden),
        FromItem::Join { left, right, outer: false, .. } => {
            is_empty(conditions, left, hidden) || is_empty(conditions, right, hidden)
        }
        FromItem::Join { .. } | FromItem::Function { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::access::Rights;
    use crate::catalog::name::QName;
    use crate::predicate::Reach;
    use crate::testing::Bench;
    use crate::workload::Workload;

    /// What anon and authenticated can read of `a`, by the condition of its only policy.
    fn readable(condition: &str) -> [Reach; 2] {
        let bench = Bench::new(&format!(
            "create table a (id int primary key, team int);
             alter table a enable row level security;
             create table members (team int, user_id uuid, role text);
             alter table members enable row level security;
             create policy own on members for select using (user_id = auth.uid());
             create table teams (id int primary key, name text);
             alter table teams enable row level security;
             create policy of_members on teams for select using (exists (select 1 from members m where m.team = teams.id));
             create table closed (id int);
             alter table closed enable row level security;
             create table open (id int);
             create function every_team() returns setof int language sql stable security definer
               as $$ select team from members $$;
             create policy p on a for select using ({condition});"
        ));
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let rows = rights.of(&QName::new("public", "a"));
        let of = |role: &str| rows.iter().find(|row| row.role.name == *role).map(|row| row.cells[0].reach);
        ["anon", "authenticated"].map(|role| of(role).expect("requests have the role"))
    }

    #[test]
    fn a_sub_select_of_what_is_hidden_finds_nothing() {
        for (condition, of_anonymous, of_signed_in) in [
            ("exists (select 1 from members m where m.team = a.team)", Reach::None, Reach::Some),
            ("team in (select m.team from members m join open o on o.id = m.team)", Reach::None, Reach::Some),
            ("(select role from members m where m.team = a.team) = 'x'", Reach::None, Reach::Some),
            // A table behind a table.
            ("exists (select 1 from teams t where t.id = a.team)", Reach::None, Reach::Some),
            (
                "exists (select 1 from open o where o.id in (select team from members))",
                Reach::None,
                Reach::Some,
            ),
            ("not exists (select 1 from members m where m.team = a.team)", Reach::All, Reach::Some),
            ("exists (select 1 from closed)", Reach::None, Reach::None),
            ("team <> all (select id from closed)", Reach::All, Reach::All),
        ] {
            assert_eq!(readable(condition), [of_anonymous, of_signed_in], "{condition}");
        }
    }

    #[test]
    fn what_else_may_give_a_row_is_left() {
        for condition in [
            "(select count(*) from members m where m.team = a.team) = id",
            "exists (select 1 from open o left join members m on m.team = o.id where o.id = a.team)",
            "team in (select every_team())",
            "exists (select 1 from open o where o.id = a.team)",
            "exists (select 1 from members m union all select 1 from open)",
        ] {
            assert_eq!(readable(condition)[0], Reach::Some, "{condition}");
        }
    }
}
