//! Policies that lead back to their own table.
//!
//! Measured on PostgreSQL 15: the server puts policies into a query before it
//! plans it. Where a table whose policies are being put in is read again, and those for SELECT have a
//! sub-select of any kind, `(select auth.uid())` included, it gives up with 42P17. A function is a
//! statement of its own: what it leads back to is only found when the stack is full, 54001.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::evaluation::{Evaluation, Object, Reached, Reader};
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

/// A step from a table to the next one.
#[derive(Clone, Debug)]
pub struct Hop<'a> {
    pub table: &'a Table,
    pub policy: &'a Policy,
    pub reached: Reached<'a>,
}

/// Policies that lead back to the first table.
#[derive(Clone, Debug)]
pub struct Cycle<'a> {
    /// What fails on the first table. For SELECT all tables of the cycle fail, with every command
    /// that reads them.
    pub command: PolicyCommand,
    pub hops: Vec<Hop<'a>>,
    /// For another command: the SELECT policy of the first table that has a sub-select.
    pub closed_by: Option<&'a Policy>,
    /// Whether a function is on the way, so that it is only found when it runs.
    pub called: bool,
}

/// So many ways are followed from one table.
const WAYS: usize = 200;

/// A table as somebody reads it.
type Node = (Oid, Reader);

/// A hop on a way, and the step before it.
#[derive(Clone)]
struct Step<'a> {
    hop: Rc<Hop<'a>>,
    before: Option<usize>,
    /// Whether a function is on the way so far.
    by_function: bool,
}

/// The hops from the first step to this one.
fn way_to<'a>(steps: &[Step<'a>], last: usize) -> Vec<Hop<'a>> {
    let steps = std::iter::successors(Some(&steps[last]), |step| step.before.map(|at| &steps[at]));
    let mut way: Vec<Hop<'a>> = steps.map(|step| (*step.hop).clone()).collect();
    way.reverse();
    way
}

/// Looks for cycles of what one role does.
pub struct Recursion<'e, 'a> {
    evaluation: &'e Evaluation<'a>,
    role: Ident,
    /// The hops from tables that are read.
    hops: FxHashMap<Node, Rc<[Rc<Hop<'a>>]>>,
}

impl<'e, 'a> Recursion<'e, 'a> {
    pub fn new(evaluation: &'e Evaluation<'a>, role: &Ident) -> Self {
        Self { evaluation, role: role.clone(), hops: FxHashMap::default() }
    }

    /// The cycles that start at a table with one of these commands; those of reading first.
    pub fn cycles(&mut self, table: &'a Table, commands: &[PolicyCommand]) -> Vec<Cycle<'a>> {
        let reader = Reader::caller(&self.role);
        let mut found = Vec::new();
        for called in [false, true] {
            let hops = self.read(table, &reader);
            if let Some(hops) = self.way_back(table, &reader, hops, called) {
                found.push(Cycle { command: PolicyCommand::Select, hops, closed_by: None, called });
            }
        }
        if found.iter().any(|cycle| !cycle.called) {
            return found;
        }
        for command in commands.iter().copied().filter(|command| *command != PolicyCommand::Select) {
            let hops = self.hops_of(table, command, &reader);
            if let Some(hops) = self.way_back(table, &reader, hops, false) {
                let last = hops.last().map(|hop| hop.reached.reader.clone());
                let closed_by = last.and_then(|reader| self.sub_select_for_reading(table, &reader));
                found.push(Cycle { command, hops, closed_by, called: false });
            }
        }
        found
    }

    /// The shortest way from a table back to itself: with functions on it, each of them called for
    /// certain, or without any.
    fn way_back(
        &mut self,
        table: &'a Table,
        reader: &Reader,
        first: Rc<[Rc<Hop<'a>>]>,
        called: bool,
    ) -> Option<Vec<Hop<'a>>> {
        let mut seen = FxHashSet::default();
        let step = |hop: &Rc<Hop<'a>>, before: Option<usize>, by_function: bool| Step {
            hop: Rc::clone(hop),
            before,
            by_function: by_function || hop.reached.called,
        };
        let mut steps: Vec<Step<'a>> = first.iter().map(|hop| step(hop, None, false)).collect();
        let mut at = 0;
        while let Some(Step { hop, by_function, .. }) = steps.get(at).cloned() {
            at += 1;
            let last = &hop.reached;
            let Object::Table(next) = last.object else { continue };
            if by_function && !called || called && !last.certain {
                continue;
            }
            if next.oid == table.oid {
                let ends = if called {
                    last.reader == *reader
                } else {
                    self.sub_select_for_reading(next, &last.reader).is_some()
                };
                if by_function == called && ends {
                    return Some(way_to(&steps, at - 1));
                }
                continue;
            }
            if steps.len() < WAYS && seen.insert((next.oid, last.reader.clone(), by_function)) {
                let hops = self.read(next, &last.reader);
                steps.extend(hops.iter().map(|hop| step(hop, Some(at - 1), by_function)));
            }
        }
        None
    }

    /// A policy with a sub-select that is put in when somebody reads a table. One in either clause counts
    /// for both.
    fn sub_select_for_reading(&self, table: &'a Table, reader: &Reader) -> Option<&'a Policy> {
        let has_one = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Sublink(_)));
        let policies = self.evaluation.applied(table, PolicyCommand::Select, &reader.role);
        policies.into_iter().find(|policy| policy.expressions().any(has_one))
    }

    fn read(&mut self, table: &'a Table, reader: &Reader) -> Rc<[Rc<Hop<'a>>]> {
        let node = (table.oid, reader.clone());
        if let Some(known) = self.hops.get(&node) {
            return Rc::clone(known);
        }
        let hops = self.hops_of(table, PolicyCommand::Select, reader);
        self.hops.insert(node, Rc::clone(&hops));
        hops
    }

    fn hops_of(&self, table: &'a Table, command: PolicyCommand, reader: &Reader) -> Rc<[Rc<Hop<'a>>]> {
        let policies = self.evaluation.applied(table, command, &reader.role);
        // One of several may decide before the others are asked.
        let alone = policies.len() == 1;
        let mut hops = Vec::new();
        for policy in policies {
            for clause in policy.gates(command) {
                for mut reached in self.evaluation.reached(&clause.value, reader) {
                    reached.certain &= alone;
                    if matches!(reached.object, Object::Table(_)) {
                        hops.push(Rc::new(Hop { table, policy, reached }));
                    }
                }
            }
        }
        hops.into()
    }
}

impl Cycle<'_> {
    /// The policies that make it, in the order of their names: those of one cycle are the same
    /// wherever it is entered.
    pub fn key(&self) -> Vec<(Oid, Ident)> {
        let mut key: Vec<_> = self.hops.iter().map(|hop| (hop.table.oid, hop.policy.name.clone())).collect();
        key.sort();
        key
    }
}
