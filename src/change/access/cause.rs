//! Which statement of a change made something so: found by stopping the replay between two of them.

use indexmap::IndexMap;

use crate::access::{Cell, Deciding, Rights};
use crate::catalog::name::QName;
use crate::catalog::{Catalog, Relation};
use crate::change::access::{New, Side};
use crate::predicate::{Comparison, Condition, Reach};
use crate::source::Span;
use crate::sql::statement::PolicyCommand;
use crate::workload::Workload;

/// How often the replay is stopped at most. What is not settled by then has no place.
const STOPS: usize = 64;

/// Something that is so at the end of a history, and was not before.
pub(super) enum Effect {
    /// No relation has this name.
    Gone(QName),
    /// A relation has this name.
    Named(QName),
    Cell {
        part: Part,
        /// The relation, and what it was called before.
        names: [QName; 2],
        role: String,
        command: PolicyCommand,
    },
}

/// What of a cell is as it is in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Rows,
    NewRows,
    Columns,
}

/// An effect, and the statements between which it came: it is not there behind the first `from`, and
/// there behind the first `to`.
struct Bracket<'e> {
    effect: &'e Effect,
    from: usize,
    to: usize,
}

impl Bracket<'_> {
    fn is_open(&self) -> bool {
        self.to - self.from > 1
    }
}

/// The statement that brought each effect. One that was there before the first statement of the
/// change has none, nor has what a later, older statement brought.
pub(super) fn causes(effects: &[Effect], after: Side<'_>, new: &New<'_>) -> Vec<Option<Span>> {
    let mut found = vec![None; effects.len()];
    if effects.is_empty() {
        return found;
    }
    let history = (new.history)();
    let count = history.statements.len();
    let end = Stop::new(&after);
    let holds = |stop: usize, asked: &[&Effect]| -> Vec<bool> {
        let catalog = (history.until)(stop);
        let workload = Workload::of(&catalog);
        let rights = Rights::new(&catalog, &workload);
        let here = Stop { catalog: &catalog, rights: &rights };
        asked.iter().map(|effect| here.is_as(&end, effect)).collect()
    };
    let all: Vec<&Effect> = effects.iter().collect();
    let (first, last) = (holds(0, &all), holds(count, &all));
    let mut brackets: IndexMap<usize, Bracket<'_>> = IndexMap::new();
    for (at, effect) in effects.iter().enumerate().filter(|(at, _)| !first[*at] && last[*at]) {
        brackets.insert(at, Bracket { effect, from: 0, to: count });
    }
    for _ in 0..STOPS {
        let Some(open) = brackets.values().find(|bracket| bracket.is_open()) else { break };
        let stop = usize::midpoint(open.from, open.to);
        let mut within: Vec<_> =
            brackets.values_mut().filter(|one| one.from < stop && stop < one.to).collect();
        let asked: Vec<_> = within.iter().map(|bracket| bracket.effect).collect();
        for (bracket, holds) in within.iter_mut().zip(holds(stop, &asked)) {
            let end = if holds { &mut bracket.to } else { &mut bracket.from };
            *end = stop;
        }
    }
    for (at, bracket) in brackets.iter().filter(|(_, bracket)| !bracket.is_open()) {
        found[*at] = history.statements.get(bracket.from).copied();
    }
    found
}

/// A history that is stopped somewhere.
struct Stop<'a> {
    catalog: &'a Catalog,
    rights: &'a Rights<'a>,
}

impl<'a> Stop<'a> {
    fn new(side: &Side<'a>) -> Self {
        Self { catalog: side.catalog, rights: side.rights }
    }

    /// Whether an effect is here as it is in the end.
    fn is_as(&self, end: &Stop<'_>, effect: &Effect) -> bool {
        match effect {
            Effect::Gone(name) => !self.catalog.is_relation_with_rows(name),
            Effect::Named(name) => self.catalog.is_relation_with_rows(name),
            Effect::Cell { part, names, role, command } => {
                let here = self.cell(names, role, *command);
                let there = end.cell(names, role, *command);
                let (Some((here, own)), Some((there, last))) = (here, there) else { return false };
                match part {
                    Part::Columns => here.columns == there.columns,
                    Part::Rows => here.reach == there.reach && is_same(own, last, |one| Some(one.rows)),
                    Part::NewRows => {
                        here.new_rows == there.new_rows && is_same(own, last, |one| one.new_rows)
                    }
                }
            }
        }
    }

    fn cell(
        &self,
        names: &[QName; 2],
        role: &str,
        command: PolicyCommand,
    ) -> Option<(&Cell, Option<Deciding>)> {
        let name = names.iter().find(|name| self.catalog.is_relation_with_rows(name))?;
        let (Relation::Table(oid) | Relation::View(oid)) = self.catalog.relation(name)? else { return None };
        let role = self.catalog.api_roles().find(|one| one.name == *role)?;
        let cell = self.rights.cell(oid, role, command)?;
        let deciding =
            (cell.reach != Reach::None).then(|| self.rights.deciding(oid, role, command)).flatten();
        Some((cell, deciding))
    }
}

/// Whether two states of a cell have the same condition, as far as that can be told.
fn is_same(own: Option<Deciding>, last: Option<Deciding>, part: fn(Deciding) -> Option<Condition>) -> bool {
    match (own.and_then(part), last.and_then(part)) {
        (Some(own), Some(last)) => {
            matches!(last.compared_with(&own), Comparison::Same | Comparison::Unknown)
        }
        _ => true,
    }
}
