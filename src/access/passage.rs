//! How requests come to tables and views that the Data API does not serve: through functions that it does serve and
//! that run with the rights of whoever calls.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::map::IndexMap;
use crate::sql::expr::{CteBody, Expr, Oid, Query, walk_queries};
use crate::sql::statement::{ChangeKind, DataChange, PolicyCommand, StatementKind};
use crate::workload::Workload;
use crate::workload::routine::Routine;

/// A function that does something with a relation on behalf of whoever calls it.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    pub function: &'a Function,
    /// Whether it may choose the rows by who calls.
    pub asks: bool,
}

/// The functions that come to relations with the rights of their callers, by relation and command. Texts that are
/// put together and what else cannot be read are left out.
#[derive(Debug, Default)]
pub(super) struct Passages<'a> {
    by: IndexMap<(Oid, PolicyCommand), Vec<Passage<'a>>>,
}

impl<'a> Passages<'a> {
    pub(super) fn of(catalog: &'a Catalog, workload: &Workload) -> Self {
        let doubts = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
        let mut passages = Self::default();
        for function in catalog.own_functions() {
            let is_certain = !function.security_definer.value && !doubts.concern(&function.name);
            if !is_certain || catalog.callers(function).is_empty() {
                continue;
            }
            let mut walk = Walk { catalog, workload, seen: FxHashSet::default(), found: IndexMap::default() };
            walk.function(function.oid, false);
            for (at, asks) in walk.found {
                passages.by.entry(at).or_default().push(Passage { function, asks });
            }
        }
        passages
    }

    /// Those for a role, first the ones that do not ask who calls.
    pub(super) fn to(
        &self,
        catalog: &Catalog,
        relation: Oid,
        role: &Role,
        command: PolicyCommand,
    ) -> Vec<Passage<'a>> {
        let calls = |passage: &&Passage<'_>| {
            catalog.callers(passage.function).iter().any(|caller| caller.name == role.name)
        };
        let passages = self.by.get(&(relation, command)).into_iter().flatten();
        let mut found: Vec<_> = passages.filter(calls).copied().collect();
        found.sort_by_key(|passage| passage.asks);
        found
    }

    /// The project's relations that requests come to in no other way.
    pub(super) fn relations(&self, catalog: &Catalog) -> Vec<QName> {
        let reached: FxHashSet<Oid> = self.by.keys().map(|(oid, _)| *oid).collect();
        let tables = catalog.own_tables().map(|table| (table.oid, &table.name));
        let relations = tables.chain(catalog.own_views().map(|view| (view.oid, &view.name)));
        let hidden =
            relations.filter(|(oid, name)| reached.contains(oid) && !catalog.is_exposed(&name.schema));
        let mut names: Vec<_> = hidden.map(|(_, name)| name.clone()).collect();
        names.sort_unstable();
        names
    }
}

/// What one function comes to.
struct Walk<'w> {
    catalog: &'w Catalog,
    workload: &'w Workload,
    seen: FxHashSet<Oid>,
    /// Whether each is only come to where something asks who calls.
    found: IndexMap<(Oid, PolicyCommand), bool>,
}

impl Walk<'_> {
    fn function(&mut self, oid: Oid, asks: bool) {
        let Some(routine) = self.workload.routines.get(&oid).filter(|_| self.seen.insert(oid)) else {
            return;
        };
        let asks = asks || self.is_guarded(routine);
        for statement in routine.statements.iter().chain(routine.dynamic.iter().flatten()) {
            match &statement.kind {
                StatementKind::Query(query) => self.query(query, asks),
                StatementKind::Change(change) => self.change(change, asks),
                _ => {}
            }
        }
        for expr in &routine.expressions {
            walk_queries(expr, &mut |query| {
                self.own_relations(query, asks || self.workload.asks_for_caller(query))
            });
        }
        let mut called = Vec::new();
        routine.walk(&mut |part| {
            if let Expr::Call(call) = part {
                called.extend(call.target);
            }
        });
        for oid in called {
            if self.catalog.functions.get(&oid).is_some_and(|function| !function.security_definer.value) {
                self.function(oid, asks);
            }
        }
    }

    /// Whether the code around its statements asks who calls: it may go no further.
    fn is_guarded(&self, routine: &Routine) -> bool {
        routine.expressions.iter().any(|expr| {
            let mut asks = expr.any_outside_queries(&|part| self.workload.knows_caller(part));
            walk_queries(expr, &mut |query| asks |= self.workload.asks_for_caller(query));
            asks
        })
    }

    fn query(&mut self, query: &Query, asks: bool) {
        let asks = asks || self.workload.asks_for_caller(query);
        let mut changes = Vec::new();
        query.walk_queries(&mut |query| {
            self.own_relations(query, asks);
            changes.extend(query.ctes.iter().filter_map(|cte| match &cte.query {
                CteBody::Change(change) => Some(&**change),
                CteBody::Query(_) => None,
            }));
        });
        changes.into_iter().for_each(|change| self.change(change, asks));
    }

    fn change(&mut self, change: &DataChange, asks: bool) {
        let commands: &[PolicyCommand] = match change.kind {
            _ if change.is_refused_in_requests() => &[],
            ChangeKind::Insert if change.assignments.is_empty() => &[PolicyCommand::Insert],
            ChangeKind::Insert => &[PolicyCommand::Insert, PolicyCommand::Update],
            ChangeKind::Update => &[PolicyCommand::Update],
            ChangeKind::Delete => &[PolicyCommand::Delete],
            ChangeKind::Merge => &[],
        };
        let mut asks =
            asks || change.own_expressions().into_iter().any(|expr| self.workload.knows_caller(expr));
        change.walk_queries(&mut |query| {
            asks |= query.own_expressions().into_iter().any(|expr| self.workload.knows_caller(expr));
        });
        for command in commands {
            change.table.target.into_iter().for_each(|oid| self.add(oid, *command, asks));
        }
        change.from.iter().for_each(|item| {
            item.walk_relations(&mut |relation| {
                relation.target.into_iter().for_each(|oid| self.add(oid, PolicyCommand::Select, asks));
            });
        });
        change.walk_queries(&mut |query| self.own_relations(query, asks));
    }

    fn own_relations(&mut self, query: &Query, asks: bool) {
        let relations = query.own_relations().into_iter().filter_map(|relation| relation.target);
        relations.for_each(|oid| self.add(oid, PolicyCommand::Select, asks));
    }

    fn add(&mut self, oid: Oid, command: PolicyCommand, asks: bool) {
        let known = self.found.insert((oid, command), asks);
        if let Some(known) = known {
            self.found.insert((oid, command), known && asks);
            return;
        }
        // A view that asks for its caller's rights hands them on.
        let view = self.catalog.views.get(&oid).filter(|view| view.security_invoker() && !view.materialized);
        if let Some(query) = view.and_then(|view| view.query.as_ref()) {
            self.query(query, asks);
        }
    }
}
