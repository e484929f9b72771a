//! Which rows other tables' policies take for proof: a membership, a role.

use crate::map::IndexMap;

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::source::Span;
use crate::sql::expr::{Expr, FromItem, Oid, Query, QueryBody, SublinkKind, Target};
use crate::sql::statement::{Privilege, TriggerEvent, TriggerTiming};
use crate::workload::Workload;

/// A policy that decides by a column of the caller's own row in another table.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub table: &'a Table,
    pub policy: &'a Policy,
    /// Where it reads that column.
    pub span: Span,
}

/// What policies decide by: columns of rows in which the caller's id stands.
#[derive(Debug, Default)]
pub struct Authority<'a> {
    /// By table and column.
    pub decisions: IndexMap<(Oid, i16), Vec<Decision<'a>>>,
}

impl<'a> Authority<'a> {
    /// Reads every policy that has a say in requests.
    pub fn of(catalog: &'a Catalog, workload: &Workload, rights: &Rights<'_>) -> Self {
        let mut authority = Self::default();
        for (table, policy) in catalog.own_policies() {
            if !table.rls.value || !catalog.policy_binds_requests(policy) {
                continue;
            }
            for clause in policy.clauses() {
                let expr = rights.followed(table, policy, clause);
                let mut add = |column, span| {
                    let decision = Decision { table, policy, span };
                    let list = authority.decisions.entry(column).or_default();
                    if list.iter().all(|known| known.span != span || known.policy.name != policy.name) {
                        list.push(decision);
                    }
                };
                expr.walk(&mut |part| {
                    if let Expr::Sublink(sublink) = part {
                        let by_value = sublink.kind != SublinkKind::Exists;
                        decided_by(catalog, workload, &sublink.query, by_value, &mut add);
                    }
                });
            }
        }
        authority
    }

    /// The columns of a table that policies decide by.
    pub fn columns(&self, table: &Table) -> impl Iterator<Item = (i16, &[Decision<'a>])> {
        let oid = table.oid;
        let own = self.decisions.iter().filter(move |((of, _), _)| *of == oid);
        own.map(|((_, attnum), list)| (*attnum, list.as_slice()))
    }
}

/// The columns of the caller's own row that a query's result depends on. A row that is found by its key
/// is an object of the caller's and no proof of anything.
fn decided_by(
    catalog: &Catalog,
    workload: &Workload,
    query: &Query,
    by_value: bool,
    add: &mut dyn FnMut((Oid, i16), Span),
) {
    let QueryBody::Select(select) = &query.body else { return };
    let mut conjuncts = Vec::new();
    select.filter.iter().for_each(|filter| flatten(filter, &mut conjuncts));
    select.from.iter().for_each(|item| join_conditions(item, &mut conjuncts));
    let mut relations = Vec::new();
    select
        .from
        .iter()
        .for_each(|item| item.walk_relations(&mut |relation| relations.extend(relation.target)));
    for oid in &relations {
        let Some(table) = catalog.tables.get(oid) else { continue };
        if relations.iter().filter(|other| *other == oid).count() > 1 {
            continue;
        }
        let own = |expr: &Expr| match expr.uncast() {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, depth: 0 } if relation == *oid => {
                    Some((attnum, column.span))
                }
                _ => None,
            },
            _ => None,
        };
        let (mut users, mut columns) = (Vec::new(), Vec::new());
        for conjunct in &conjuncts {
            for (column, other) in compared(conjunct) {
                let Some((attnum, span)) = own(column) else { continue };
                let of_row = other.any(&|part| matches!(part, Expr::Column(_)));
                if !of_row && workload.knows_caller(other) {
                    users.push(attnum);
                } else {
                    columns.push((attnum, span));
                }
            }
            columns.extend(own(conjunct));
        }
        if by_value {
            columns.extend(select.targets.iter().filter_map(|target| own(&target.expr)));
        }
        let is_found_by_key = |(attnum, _): &(i16, Span)| table.is_key_without(*attnum, &users);
        if users.is_empty() || columns.iter().any(is_found_by_key) {
            continue;
        }
        columns.retain(|(attnum, _)| !users.contains(attnum));
        columns.into_iter().for_each(|(attnum, span)| add((*oid, attnum), span));
    }
}

/// The sides of a comparison that must hold, each with the other one.
fn compared(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    match expr {
        Expr::Op { op, left: Some(left), right } if op == "=" => vec![(left, right), (right, left)],
        Expr::OpArray { op, all: false, left, right } if op == "=" => vec![(left, right), (right, left)],
        Expr::In { expr, list, negated: false } => list.iter().map(|item| (&**expr, item)).collect(),
        _ => Vec::new(),
    }
}

fn flatten<'e>(expr: &'e Expr, list: &mut Vec<&'e Expr>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| flatten(part, list)),
        other => list.push(other),
    }
}

fn join_conditions<'e>(item: &'e FromItem, list: &mut Vec<&'e Expr>) {
    if let FromItem::Join { left, right, on, outer: false, .. } = item {
        on.iter().for_each(|on| flatten(on, list));
        join_conditions(left, list);
        join_conditions(right, list);
    }
}

impl Policy {
    /// Whether one of these expressions asks for a column of the policy's table, in sub-selects as well.
    pub fn mentions(&self, table: &Table, attnum: i16, exprs: &[&Expr]) -> bool {
        let of_row = |part: &Expr, level: u16| {
            let Expr::Column(column) = part else { return false };
            match column.target {
                Target::Column { relation, attnum: read, depth } => {
                    relation == table.oid && read == attnum && depth == level
                }
                Target::Row { relation, depth } => relation == table.oid && depth == level,
                _ => false,
            }
        };
        exprs.iter().any(|expr| {
            let mut found = false;
            (*expr).clone().visit_mut(0, &mut |part, level| found |= of_row(part, level));
            found
        })
    }
}

/// Whether a trigger may keep requests from choosing a column: one before each row of this event that names
/// the column, raises an error or cannot be read.
pub fn is_guarded(workload: &Workload, table: &Table, attnum: i16, event: TriggerEvent) -> bool {
    let Some(column) = table.column_at(attnum) else { return false };
    table.triggers.values().any(|trigger| {
        let runs = trigger.timing == TriggerTiming::Before
            && trigger.events.contains(&event)
            && trigger.enabled != 'D'
            && (trigger.columns.is_empty()
                || event != TriggerEvent::Update
                || trigger.columns.contains(&attnum));
        let routine = trigger.function.oid.and_then(|oid| workload.routines.get(&oid));
        runs && routine.is_none_or(|routine| !routine.complete || routine.minds(&column.name))
    })
}

/// Whether requests with a role may choose a column's value.
pub fn may_set(
    catalog: &Catalog,
    table: &Table,
    attnum: i16,
    role: &crate::sql::name::Ident,
    privilege: Privilege,
) -> bool {
    let column = table.column_at(attnum).filter(|column| column.generated.is_none());
    column.is_some_and(|column| {
        catalog.can(role, &table.acl, privilege) || catalog.can(role, &column.acl, privilege)
    })
}

/// Whether somebody's row is made when they sign up: a trigger function of the project's adds to the table. The
/// trigger itself is on `auth.users`, which dumps of a project leave out.
pub fn is_filled_at_sign_up(catalog: &Catalog, workload: &Workload, table: &Table) -> bool {
    let adds = |oid: &Oid| workload.routines.get(oid).is_some_and(|routine| routine.adds_to(table.oid));
    catalog.own_functions().any(|function| function.is_trigger() && adds(&function.oid))
}
