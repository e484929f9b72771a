//! Which statement of a change made a cell as it is.

use crate::access::{Cell, Deciding, Rights};
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::{Catalog, Relation};
use crate::change::access::calls::Calls;
use crate::change::access::opened::restrictive;
use crate::change::access::shown::Shown;
use crate::change::access::{New, Side};
use crate::change::stops::Cause;
use crate::predicate::{Comparison, Condition, Reach};
use crate::sql::statement::PolicyCommand;
use crate::workload::Workload;

/// Something that is so at the end of a history, and was not before.
pub(super) enum Effect {
    /// No relation has this name.
    Gone(QName),
    /// The function with this signature can be called by these roles as in the end, or is not there.
    Calls(String, Vec<String>),
    /// A relation has this name.
    Named(QName),
    /// A view, which was called otherwise before, shows this.
    Shown(Shown, [QName; 2]),
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
    /// And the restrictive policies that hold rows back.
    Fences,
    Blind,
    NewRows,
    Columns,
}

/// What of the change brought each effect, where one statement did.
pub(super) fn causes(effects: &[Effect], after: Side<'_>, new: &New<'_>) -> Vec<Option<Cause>> {
    if effects.is_empty() {
        return Vec::new();
    }
    let end = Stop::new(&after);
    let history = (new.history)();
    history.causes(effects.len(), |catalog, asked| {
        let workload = Workload::of(catalog);
        let rights = Rights::new(catalog, &workload).with_passages();
        let here = Stop { catalog, rights: &rights };
        asked.iter().map(|at| here.is_as(&end, &effects[*at])).collect()
    })
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
            Effect::Calls(signature, roles) => Calls::are_same(signature, roles, [self.catalog, end.catalog]),
            Effect::Named(name) => self.catalog.is_relation_with_rows(name),
            Effect::Shown(shown, names) => names.iter().any(|name| shown.is_in(self.catalog, name)),
            Effect::Cell { part, names, role, command } => {
                let here = self.cell(names, role, *command);
                let there = end.cell(names, role, *command);
                let (Some((here, own)), Some((there, last))) = (here, there) else { return false };
                match part {
                    Part::Blind => here.blind == there.blind,
                    Part::Columns => here.columns == there.columns,
                    Part::Rows | Part::Fences => {
                        here.reach == there.reach
                            && is_same(own, last, |one| Some(one.rows))
                            && (*part == Part::Rows
                                || self.fences(names, role, *command) == end.fences(names, role, *command))
                    }
                    Part::NewRows => {
                        here.new_rows == there.new_rows && is_same(own, last, |one| one.new_rows)
                    }
                }
            }
        }
    }

    fn fences(&self, names: &[QName; 2], role: &str, command: PolicyCommand) -> Vec<&Policy> {
        let name = names.iter().find(|name| self.catalog.table(name).is_some());
        name.map_or_else(Vec::new, |name| restrictive((self.catalog, self.rights), name, role, command))
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
