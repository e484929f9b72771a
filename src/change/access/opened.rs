//! Policies that let everything through, and what is left beside them.

use crate::access::{Deciding, Rights, in_words};
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Column;
use crate::change::access::Side;
use crate::change::access::conditions::Conditions;
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
    let opens = |policy: &Policy| {
        policy.permissive
            && policy.covers(command)
            && side.catalog.policy_binds(policy, role)
            && side.rights.policy(table, policy, role).of(command) == Reach::All
    };
    let fences = restrictive((side.catalog, side.rights), name, &role.name, command);
    let is_open = !fences.is_empty() && table.policies.values().any(opens);
    is_open.then(|| format!("only {} rows back now", who_does(&fences, ["holds", "hold"])))
}

/// The restrictive policies of a table that hold rows back from a role.
pub(super) fn restrictive<'a>(
    (catalog, rights): (&'a Catalog, &Rights<'_>),
    name: &QName,
    role: &str,
    command: PolicyCommand,
) -> Vec<&'a Policy> {
    let Some((table, role)) = catalog.table(name).zip(catalog.roles.get(role)) else { return Vec::new() };
    let holds = |policy: &&Policy| {
        !policy.permissive
            && policy.covers(command)
            && catalog.policy_binds(policy, role)
            && rights.policy(table, policy, role).of(command) != Reach::All
    };
    table.policies.values().filter(holds).collect()
}

/// `restrictive policies a and b hold`
fn who_does(policies: &[&Policy], verbs: [&str; 2]) -> String {
    let names: Vec<_> = policies.iter().map(|policy| policy.name.quoted()).collect();
    let (noun, verb) = if names.len() == 1 { ("policy", verbs[0]) } else { ("policies", verbs[1]) };
    format!("restrictive {noun} {} {verb}", in_words(&names, "and"))
}

/// What held rows back from a role and no longer does as before, in words: restrictive policies, or how callers
/// signed in.
pub(super) fn fallen(
    conditions: &Conditions<'_>,
    [old, name]: [&QName; 2],
    role: &str,
    command: PolicyCommand,
) -> Option<String> {
    let sides = [(conditions.before, old), (conditions.after, name)];
    let [was, is] = sides.map(|(side, name)| restrictive((side.catalog, side.rights), name, role, command));
    let text = |side: Side<'_>, policy: &Policy| -> Vec<String> {
        policy.clauses().map(|clause| side.sources.text(clause.span).to_string()).collect()
    };
    let kept = |policy: &&Policy| is.iter().find(|other| other.name == policy.name).copied();
    let (stay, gone): (Vec<_>, Vec<_>) = was.into_iter().partition(|policy| kept(policy).is_some());
    if !gone.is_empty() {
        return Some(format!("{} them back", who_does(&gone, ["no longer holds", "no longer hold"])));
    }
    let differs = |policy: &&Policy| {
        kept(policy).is_some_and(|now| text(conditions.before, policy) != text(conditions.after, now))
    };
    let altered: Vec<_> = stay.into_iter().filter(differs).collect();
    if !altered.is_empty() {
        return Some(who_does(&altered, ["asks something else", "ask something else"]));
    }
    let [asked, asks] = conditions.deciding.each_ref().map(|deciding| {
        let mut rows = deciding.iter().flat_map(|one| one.rows.expressions());
        rows.any(asks_only_session)
    });
    (asked && !asks).then(|| "how they signed in is no longer asked".to_string())
}
