//! Queries that ask whether there is a row, in one form.

use crate::sql::expr::{Expr, FromItem, Oid, Query, QueryBody, Select, Sublink, SublinkKind};
use crate::sql::name::Ident;

/// The same expression without names that its queries give to relations, and without their schemas, where these
/// tell nothing apart.
pub(super) fn without_aliases(expr: &Expr) -> Expr {
    let mut expr = expr.clone();
    expr.visit_mut(0, &mut |part, _| {
        if let Expr::Sublink(sublink) = part
            && let QueryBody::Select(select) = &mut sublink.query.body
        {
            forget_aliases(&mut select.from);
        }
    });
    expr
}

fn forget_aliases(from: &mut [FromItem]) {
    let mut read = Vec::new();
    from.iter().for_each(|item| item.walk_relations(&mut |relation| read.push(relation.target)));
    let is_alone = |oid: Oid| read.iter().filter(|one| **one == Some(oid)).count() == 1;
    from.iter_mut().for_each(|item| forget_alias(item, &is_alone));
}

fn forget_alias(item: &mut FromItem, is_alone: &dyn Fn(Oid) -> bool) {
    match item {
        FromItem::Relation { relation, alias } if relation.target.is_some_and(is_alone) => {
            relation.name.schema = None;
            if alias.as_ref().is_some_and(|alias| alias.columns.is_empty()) {
                *alias = None;
            }
        }
        FromItem::Join { left, right, .. } => {
            forget_alias(left, is_alone);
            forget_alias(right, is_alone);
        }
        _ => {}
    }
}

/// What EXISTS, and `x in (select y …)` where null is as good as false, come to: that there is a row for which a list
/// of conditions holds, in an order of their own.
pub(super) fn as_existence(expr: &Expr) -> Option<Expr> {
    let Expr::Sublink(sublink) = expr else { return None };
    let QueryBody::Select(select) = &sublink.query.body else { return None };
    let is_plain = sublink.query.ctes.is_empty()
        && sublink.query.limits.is_empty()
        && !sublink.query.locking
        && select.group_by.is_empty()
        && select.having.is_none()
        && select.distinct_on.is_empty()
        && select.windows.is_empty()
        && !select.targets.iter().any(|target| gives_other_rows(&target.expr));
    let mut conditions = Vec::new();
    select.filter.iter().for_each(|filter| conjuncts(filter, &mut conditions));
    match sublink.kind {
        SublinkKind::Exists if is_plain => {}
        SublinkKind::Any if is_plain && sublink.op == "=" => {
            let [target] = select.targets.as_slice() else { return None };
            let test = sublink.test.as_deref()?.clone().deeper(1);
            conditions.push(Expr::Op {
                op: Ident::new("="),
                left: Some(Box::new(test)),
                right: Box::new(target.expr.clone()),
            });
        }
        _ => return None,
    }
    conditions.iter_mut().for_each(turn_equality);
    conditions.sort_by_key(Expr::digest);
    conditions.dedup();
    let select = Select {
        from: select.from.clone(),
        filter: Some(Box::new(Expr::And(conditions))),
        ..Select::default()
    };
    Some(Expr::Sublink(Sublink {
        kind: SublinkKind::Exists,
        test: None,
        op: Ident::new("="),
        query: Box::new(Query { body: QueryBody::Select(Box::new(select)), ..Query::default() }),
        span: sublink.span,
    }))
}

/// Whether a query with this among its targets has other rows than its relations: sums, or as many as a function gives.
fn gives_other_rows(target: &Expr) -> bool {
    target.any_outside_queries(&|part| matches!(part, Expr::Call(_) | Expr::Other(..)))
}

fn conjuncts(expr: &Expr, list: &mut Vec<Expr>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| conjuncts(part, list)),
        other => list.push(other.clone()),
    }
}

/// Puts the sides of an equality in an order of their own.
fn turn_equality(expr: &mut Expr) {
    if let Expr::Op { op, left: Some(left), right } = expr
        && *op == "="
        && left.digest() > right.digest()
    {
        std::mem::swap(left, right);
    }
}
