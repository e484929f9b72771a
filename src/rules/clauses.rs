//! What the rules about the conditions of policies share: which they look at, and how places that
//! are alike are told once.

use crate::catalog::acl::Grantee;
use crate::catalog::policy::Policy;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Diagnostic, Identity};
use crate::predicate::unwrapped;
use crate::rule::{CatalogCx, Condition, Findings};
use crate::rules::MANY;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Literal, Target};

/// Places in one policy that are wrong in the same way; the first is told.
pub(super) struct Spot<'a, T> {
    pub(super) table: &'a Table,
    pub(super) policy: &'a Policy,
    /// What was seen there first.
    pub(super) seen: T,
    pub(super) places: Vec<Span>,
}

/// The policies of requests in which a part of a condition is as wanted; parts in sub-selects count.
pub(super) fn spots<'a, T>(
    cx: &CatalogCx<'a>,
    wanted: impl Fn(&'a Table, &'a Policy, &'a Expr) -> Option<T>,
) -> Vec<Spot<'a, T>> {
    let mut found: Vec<Spot<'a, T>> = Vec::new();
    for Condition { table, policy, clause, parts } in cx.conditions {
        for part in parts {
            let Some(seen) = wanted(table, policy, part) else { continue };
            let place = part.span().unwrap_or(clause.span);
            match found.last_mut().filter(|spot| std::ptr::eq(spot.policy, *policy)) {
                Some(spot) => spot.places.push(place),
                None => found.push(Spot { table, policy, seen, places: vec![place] }),
            }
        }
    }
    for spot in &mut found {
        spot.places.sort_unstable();
        spot.places.dedup();
    }
    found
}

impl<T> Spot<'_, T> {
    /// `policy "own rows" on public.notes`
    pub(super) fn subject(&self) -> String {
        format!("policy {} on {}", self.policy.name.delimited(), self.table.name)
    }

    pub(super) fn report<'f>(&self, out: &'f mut Findings, message: impl Into<String>) -> &'f mut Diagnostic {
        let name = self.policy.name.as_str();
        let found = out.report(self.places[0], Identity::part("policy", &self.table.name, name), message);
        found.label_each(self.places[1..].iter().map(|place| (*place, "and here")));
        found.label(self.policy.name_apart_from(self.places[0]), "the policy is created here");
        found
    }
}

/// Reports each policy by itself, or all as one where there are many: `many` says so of their number.
pub(super) fn report_each<T>(
    out: &mut Findings,
    spots: &[Spot<'_, T>],
    one: impl Fn(&Spot<'_, T>) -> String,
    many: impl FnOnce(usize) -> String,
    finish: impl Fn(&mut Diagnostic),
) {
    let before = out.list.len();
    spots.iter().for_each(|spot| finish(spot.report(out, one(spot))));
    if spots.len() > MANY {
        out.fold(before, "policies", many(spots.len()), |_| "and here");
    }
}

/// Reports policies for the same reason: one by itself, several as one finding.
pub(super) struct Same<'s> {
    pub(super) policies: Vec<(&'s Table, &'s Policy)>,
    /// What is said behind `policy … on …`.
    pub(super) one: &'s str,
    /// What is said behind their number.
    pub(super) many: &'s str,
    pub(super) note: &'s str,
    /// What is said at each place but the first.
    pub(super) like: &'s str,
}

impl Same<'_> {
    pub(super) fn report(mut self, out: &mut Findings, help: impl Fn(&Table, &Policy) -> String) {
        self.policies.sort_by_key(|(_, policy)| policy.name_span);
        let before = out.list.len();
        for (table, policy) in &self.policies {
            let message = format!("policy {} on {} {}", policy.name.delimited(), table.name, self.one);
            let object = Identity::part("policy", &table.name, policy.name.as_str());
            out.report(policy.name_span, object, message).note(self.note).help(help(table, policy));
        }
        if self.policies.len() > 1 {
            let message = format!("{} {}", self.policies.len(), self.many);
            out.fold(before, "policies", message, |_| self.like);
        }
    }
}

/// Whether a policy says that it is for everybody, by a role or by its name.
pub(super) fn is_for_visitors(policy: &Policy) -> bool {
    const WORDS: [&str; 8] =
        ["anyone", "everyone", "everybody", "public", "anon", "anonymous", "guests", "visitors"];
    let name = policy.name.to_lowercase();
    policy.roles.value.contains(&Grantee::role("anon"))
        || name.split(|letter: char| !letter.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// What is said of policies for these that let rows be added.
pub(super) const FOR_VISITORS: &str =
    "right for a form that visitors fill in, once WITH CHECK asks what a new row may hold";

/// Whether a column's name says that it tells whose or which group's a row is.
pub(super) fn names_principal(column: &str) -> bool {
    const NAMES: &[&str] = &[
        "account",
        "account_id",
        "author_id",
        "client_id",
        "company_id",
        "created_by",
        "customer_id",
        "group_id",
        "member_id",
        "org",
        "org_id",
        "organisation_id",
        "organization_id",
        "owner",
        "owner_id",
        "profile_id",
        "project_id",
        "site_id",
        "team_id",
        "tenant",
        "tenant_id",
        "user_id",
        "workspace_id",
    ];
    NAMES.contains(&column)
}

/// The column of the policy's own table that a value is, casts aside.
pub(super) fn own_column<'a>(table: &'a Table, expr: &Expr) -> Option<&'a Column> {
    match unwrapped(expr) {
        Expr::Column(ColumnRef { target: Target::Column { relation, attnum, .. }, .. }) => {
            table.column_at(*attnum).filter(|_| *relation == table.oid)
        }
        _ => None,
    }
}

/// The two sides of a comparison, either way round: by an operator, IN, ANY or IS [NOT] DISTINCT FROM.
pub(super) fn compared(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    let mut pairs: Vec<(&Expr, &Expr)> = match expr {
        Expr::Op { op, left: Some(left), right } if matches!(op.as_str(), "=" | "<>" | "!=") => {
            vec![(left, right)]
        }
        Expr::Distinct { left, right, .. } => vec![(left, right)],
        Expr::In { expr, list, .. } => list.iter().map(|item| (&**expr, item)).collect(),
        Expr::OpArray { op, left, right, .. } if matches!(op.as_str(), "=" | "<>" | "!=") => {
            match right.uncast() {
                Expr::Array(items) => items.iter().map(|item| (&**left, item)).collect(),
                other => vec![(left, other)],
            }
        }
        _ => Vec::new(),
    };
    pairs.extend(pairs.clone().into_iter().map(|(left, right)| (right, left)));
    pairs
}

/// A constant text, casts aside.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match unwrapped(expr) {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

/// The name that `current_setting` asks for, and whether the setting may be missing.
pub(super) fn setting(expr: &Expr) -> Option<(&str, bool)> {
    match expr {
        Expr::Call(call) if call.name.name == "current_setting" => {
            let may_be_missing =
                !matches!(call.args.get(1), None | Some(Expr::Literal(Literal::Bool(false))));
            Some((text(call.args.first()?)?, may_be_missing))
        }
        _ => None,
    }
}
