//! Columns that rows are looked up by, with the evidence.

use indexmap::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, FromItem, Oid, Query, QueryBody, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange, StatementKind};
use crate::workload::routine::Routine;

/// One look-up: any of the columns could lead an index that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub table: Oid,
    /// Compared with values that are known before the row is read; each once, in order.
    pub columns: Vec<i16>,
    pub evidence: Evidence,
}

/// Where a look-up is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The comparison's column.
    pub span: Span,
    pub source: EvidenceSource,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceSource {
    /// A policy on the table itself.
    Policy {
        table: QName,
        policy: Ident,
    },
    /// A sub-select in a policy of this or another table.
    PolicyQuery {
        table: QName,
        policy: Ident,
    },
    Function(QName),
    View(QName),
}

/// Every look-up in the catalog's policies, functions and views.
pub fn collect(catalog: &Catalog, routines: &IndexMap<Oid, Routine>) -> Vec<Filter> {
    let mut filters = Vec::new();
    for table in catalog.tables.values() {
        for policy in table.policies.values() {
            let (name, policy_name) = (table.name.clone(), policy.name.clone());
            for expr in policy.expressions() {
                // A look-up by a policy needs its USING; WITH CHECK sees one row.
                let is_using =
                    policy.using.as_ref().is_some_and(|clause| std::ptr::eq(&raw const clause.value, expr));
                if is_using {
                    let source = EvidenceSource::Policy { table: name.clone(), policy: policy_name.clone() };
                    add_groups(groups(expr, &|_| true), &source, &mut filters);
                }
                let source = EvidenceSource::PolicyQuery { table: name.clone(), policy: policy_name.clone() };
                crate::sql::expr::walk_queries(expr, &mut |query| add_query(query, &source, &mut filters));
            }
        }
    }
    for (oid, routine) in routines {
        let Some(function) = catalog.functions.get(oid) else { continue };
        let source = EvidenceSource::Function(function.name.clone());
        for statement in &routine.statements {
            match &statement.kind {
                StatementKind::Query(query) => {
                    query.walk_queries(&mut |query| add_query(query, &source, &mut filters));
                }
                StatementKind::Change(change) => {
                    add_change(change, &source, &mut filters);
                    change.walk_queries(&mut |query| add_query(query, &source, &mut filters));
                }
                _ => {}
            }
        }
        for expr in &routine.expressions {
            crate::sql::expr::walk_queries(expr, &mut |query| add_query(query, &source, &mut filters));
        }
    }
    for view in catalog.views.values().filter(|view| view.history.created != Origin::Platform) {
        if let Some(query) = &view.query {
            let source = EvidenceSource::View(view.name.clone());
            query.walk_queries(&mut |query| add_query(query, &source, &mut filters));
        }
    }
    filters
}

/// A column that a conjunct compares.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    table: Oid,
    attnum: i16,
    span: Span,
}

fn add_groups(groups: Vec<Vec<Lookup>>, source: &EvidenceSource, filters: &mut Vec<Filter>) {
    for group in groups {
        let Some(first) = group.first() else { continue };
        let mut columns: Vec<i16> = Vec::new();
        for lookup in &group {
            if !columns.contains(&lookup.attnum) {
                columns.push(lookup.attnum);
            }
        }
        let evidence = Evidence { span: first.span, source: source.clone() };
        filters.push(Filter { table: first.table, columns, evidence });
    }
}

fn add_query(query: &Query, source: &EvidenceSource, filters: &mut Vec<Filter>) {
    let QueryBody::Select(select) = &query.body else { return };
    let mut tables = Vec::new();
    let mut conditions: Vec<&Expr> = Vec::new();
    for item in &select.from {
        tables_of(item, &mut tables, &mut conditions);
    }
    conditions.extend(&select.filter);
    // A table that stands twice: which one a column belongs to is not worth the risk.
    let once = |table: Oid| tables.iter().filter(|other| **other == table).count() == 1;
    for table in tables.iter().copied().filter(|table| once(*table)) {
        let all = conditions.iter().map(|expr| (*expr).clone()).collect();
        add_groups(groups(&Expr::And(all), &|other| other == table), source, filters);
    }
}

fn add_change(change: &DataChange, source: &EvidenceSource, filters: &mut Vec<Filter>) {
    let Some(table) = change.table.target else { return };
    if matches!(change.kind, ChangeKind::Update | ChangeKind::Delete) {
        if let Some(filter) = &change.filter {
            add_groups(groups(filter, &|other| other == table), source, filters);
        }
    }
}

fn tables_of<'a>(item: &'a FromItem, tables: &mut Vec<Oid>, conditions: &mut Vec<&'a Expr>) {
    match item {
        FromItem::Relation { relation, .. } => tables.extend(relation.target),
        FromItem::Join { left, right, on, .. } => {
            tables_of(left, tables, conditions);
            tables_of(right, tables, conditions);
            conditions.extend(on);
        }
        FromItem::Query { .. } | FromItem::Function { .. } => {}
    }
}

/// The look-ups that a predicate allows: conjuncts make one, each branch of an OR its own. Where a
/// branch allows none, an index cannot help the OR, and neither can it where something that needs
/// no table decides.
fn groups(expr: &Expr, wanted: &dyn Fn(Oid) -> bool) -> Vec<Vec<Lookup>> {
    match expr {
        Expr::And(list) => {
            let mut direct: Vec<Lookup> = Vec::new();
            let mut nested = Vec::new();
            flatten(list, &mut |conjunct| match conjunct {
                Expr::Or(_) => nested.push(groups(conjunct, wanted)),
                other => direct.extend(lookup(other, wanted)),
            });
            if direct.is_empty() { nested.into_iter().next().unwrap_or_default() } else { vec![direct] }
        }
        Expr::Or(list) => {
            let branches: Vec<_> = list.iter().map(|branch| groups(branch, wanted)).collect();
            if branches.iter().any(Vec::is_empty) {
                Vec::new()
            } else {
                branches.into_iter().flatten().collect()
            }
        }
        other => lookup(other, wanted).map(|lookup| vec![vec![lookup]]).unwrap_or_default(),
    }
}

fn flatten<'a>(list: &'a [Expr], visit: &mut dyn FnMut(&'a Expr)) {
    for expr in list {
        match expr {
            Expr::And(inner) => flatten(inner, visit),
            other => visit(other),
        }
    }
}

/// The column that a comparison looks up, when its other side is known before the row is read.
/// Constants do not count: a column that is compared with one has few values as a rule.
fn lookup(expr: &Expr, wanted: &dyn Fn(Oid) -> bool) -> Option<Lookup> {
    let (column, other) = match expr {
        Expr::Op { op, left: Some(left), right } if op == "=" => {
            match (own_column(left, wanted), own_column(right, wanted)) {
                (Some(column), None) => (column, &**right),
                (None, Some(column)) => (column, &**left),
                _ => return None,
            }
        }
        Expr::OpArray { op, all: false, left, right } if op == "=" => (own_column(left, wanted)?, &**right),
        _ => return None,
    };
    let (Target::Column { relation, attnum, .. }, span) = (column.target, column.span) else { return None };
    let depends = other.any(&|part| match part {
        Expr::Column(column) => match column.target {
            Target::Column { relation: other, depth, .. } | Target::Row { relation: other, depth } => {
                other == relation && depth == 0
            }
            Target::Unknown => true,
            Target::Derived { .. } | Target::Variable => false,
        },
        _ => false,
    });
    let constant = matches!(other.uncast(), Expr::Literal(_) | Expr::Array(_));
    let subquery_array =
        matches!(other.uncast(), Expr::Sublink(sublink) if sublink.kind == SublinkKind::Exists);
    (!depends && !constant && !subquery_array).then_some(Lookup { table: relation, attnum, span })
}

/// A bare column of a wanted relation that this query itself brings.
fn own_column<'a>(expr: &'a Expr, wanted: &dyn Fn(Oid) -> bool) -> Option<&'a ColumnRef> {
    match expr {
        Expr::Column(column) => match column.target {
            Target::Column { relation, depth: 0, .. } if wanted(relation) => Some(column),
            _ => None,
        },
        _ => None,
    }
}
