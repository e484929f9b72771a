//! Policies that let everything through, and what is left beside them.

use crate::access::Deciding;
use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Column;
use crate::change::access::{Conditions, Side};
use crate::predicate::{Condition, Reach, asks_only_session, is_plain, told};
use crate::sql::expr::{Expr, Target};
use crate::sql::statement::PolicyCommand;

/// What is still asked, in words, where a part of a cell lets every row through but for that and did not
/// before: something that holds no row to the caller.
pub(super) fn asked(
    conditions: &Conditions<'_>,
    part: fn(&Deciding) -> Option<&Condition>,
) -> Option<String> {
    let [was, is] = conditions.deciding.each_ref().map(|deciding| deciding.as_ref().and_then(part));
    let was_open = was.is_some_and(|was| was.is_always() || left(conditions.before, was).is_some());
    left(conditions.after, is?).filter(|_| !was_open)
}

fn left(side: Side<'_>, condition: &Condition) -> Option<String> {
    let is_deletion = |expr: &Expr| asks_only_deletion(side.catalog, expr);
    let hinges = condition.hinges_on(&|expr| asks_only_session(expr) || is_deletion(expr))?;
    let mut words = Vec::new();
    if hinges.iter().any(|expr| asks_only_session(expr)) {
        words.push("how they signed in");
    }
    if hinges.iter().any(|expr| is_deletion(expr)) {
        words.push("whether a row is deleted");
    }
    Some(in_words(&words, "and"))
}

/// Whether an expression asks whether a row is deleted softly, and nothing else.
fn asks_only_deletion(catalog: &Catalog, expr: &Expr) -> bool {
    let (mut asks, mut asks_more) = (false, false);
    expr.walk(&mut |part| match part {
        Expr::Column(column) => match column.target {
            Target::Column { relation, attnum, .. } => {
                let column = catalog.tables.get(&relation).and_then(|table| table.column_at(attnum));
                let is_mark = column.is_some_and(Column::is_soft_delete);
                asks |= is_mark;
                asks_more |= !is_mark;
            }
            _ => asks_more = true,
        },
        Expr::Call(call) => asks_more |= !is_plain(call) || told(part).is_some(),
        Expr::Sublink(_) => asks_more = true,
        _ => {}
    });
    asks && !asks_more
}

/// The restrictive policies of a table, in words, if a permissive one lets everything through beside them.
pub(super) fn fences(side: Side<'_>, name: &QName, role: &str, command: PolicyCommand) -> Option<String> {
    let (table, role) = (side.catalog.table(name)?, side.catalog.roles.get(role)?);
    let has_say = |policy: &&Policy| policy.covers(command) && side.catalog.policy_binds(policy, role);
    let lets_all = |policy: &Policy| side.rights.policy(table, policy, role).of(command) == Reach::All;
    let (permissive, restrictive): (Vec<_>, Vec<_>) =
        table.policies.values().filter(has_say).partition(|policy| policy.permissive);
    let fences = restrictive.into_iter().filter(|policy| !lets_all(policy));
    let names: Vec<_> = fences.map(|policy| policy.name.quoted()).collect();
    let (noun, verb) = if names.len() == 1 { ("policy", "holds") } else { ("policies", "hold") };
    let is_open = !names.is_empty() && permissive.into_iter().any(lets_all);
    is_open.then(|| format!("only restrictive {noun} {} {verb} rows back now", in_words(&names, "and")))
}
