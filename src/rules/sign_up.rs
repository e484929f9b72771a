//! What the rules about triggers on `auth` share: which functions Auth runs, and what they take from
//! the user's metadata.

use crate::catalog::function::Function;
use crate::catalog::trigger::Trigger;
use crate::rule::CatalogCx;
use crate::sql::expr::{Expr, Literal, QueryBody};
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange};
use crate::workload::routine::Routine;

/// The project's triggers on tables of `auth`, with their functions.
pub(super) fn sign_up_triggers<'a>(cx: &CatalogCx<'a>) -> Vec<(&'a Trigger, &'a Function, &'a Routine)> {
    let tables = cx.catalog.tables.values().filter(|table| table.name.schema == "auth");
    let triggers = tables.flat_map(|table| table.triggers.values());
    let running =
        triggers.filter(|trigger| trigger.enabled != 'D' && trigger.history.created.span().is_some());
    let with_function = running.filter_map(|trigger| {
        let oid = trigger.function.oid?;
        Some((trigger, cx.catalog.functions.get(&oid)?, cx.workload.routines.get(&oid)?))
    });
    with_function.collect()
}

/// The columns of an INSERT with their values, and what an UPDATE or ON CONFLICT assigns.
pub(super) fn inserted(change: &DataChange) -> Vec<(&Ident, &Expr)> {
    let mut pairs: Vec<(&Ident, &Expr)> =
        change.assignments.iter().map(|(name, value)| (name, value)).collect();
    if change.kind != ChangeKind::Insert {
        return pairs;
    }
    match change.source.as_ref().map(|source| &source.body) {
        Some(QueryBody::Values(rows)) => {
            rows.iter().for_each(|row| pairs.extend(change.columns.iter().zip(row)))
        }
        Some(QueryBody::Select(select)) => {
            pairs.extend(change.columns.iter().zip(select.targets.iter().map(|target| &target.expr)));
        }
        _ => {}
    }
    pairs
}

/// The key of the user's own metadata that a value is: `new.raw_user_meta_data ->> 'name'`.
pub(super) fn metadata_key(expr: &Expr) -> Option<&str> {
    let Expr::Op { op, left: Some(left), right } = expr.uncast() else { return None };
    let Expr::Column(column) = left.uncast() else { return None };
    let of_row = column.path.last().is_some_and(|name| *name == "raw_user_meta_data");
    match right.uncast() {
        Expr::Literal(Literal::String(key)) if of_row && matches!(op.as_str(), "->" | "->>") => Some(key),
        _ => None,
    }
}
