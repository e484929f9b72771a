//! Which statement of a change made a cell as it is.

use rustc_hash::FxHashMap;

use crate::access::{Cell, Deciding, Rights};
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::{Catalog, Relation};
use crate::change::access::broken::count_in_vain;
use crate::change::access::calls::Calls;
use crate::change::access::opened::restrictive;
use crate::change::access::shown::Shown;
use crate::change::access::{New, Side, history};
use crate::change::stops::Cause;
use crate::predicate::{Comparison, Condition, Reach};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;
use crate::workload::Workload;

/// Something that is so at the end of a history, and was not before.
#[derive(Clone)]
pub(super) enum Effect {
    /// No relation has this name.
    Gone(QName),
    /// The function with this signature can be called by these roles as in the end, or is not there.
    Calls(String, Vec<String>),
    /// As many names in the body of the function with this signature mean nothing as in the end.
    Broken(String),
    /// A relation has this name.
    Named(QName),
    /// A table, which was called otherwise before, has a column of this name.
    Column(Ident, [QName; 2]),
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
    let end = Stop::new(after.catalog, after.rights);
    let history = (new.history)();
    history.causes(effects.len(), |catalog, asked| {
        let workload = Workload::of(catalog);
        let rights = Rights::new(catalog, &workload).with_passages();
        let here = Stop::new(catalog, &rights);
        asked.iter().map(|at| here.is_as(&end, &effects[*at])).collect()
    })
}

/// A history that is stopped somewhere.
struct Stop<'a> {
    catalog: &'a Catalog,
    rights: &'a Rights<'a>,
    /// The project's tables and views by what made them.
    made: FxHashMap<Span, Vec<&'a QName>>,
}

impl<'a> Stop<'a> {
    fn new(catalog: &'a Catalog, rights: &'a Rights<'a>) -> Self {
        let tables = catalog.own_tables().map(|table| (&table.name, &table.history));
        let relations = tables.chain(catalog.own_views().map(|view| (&view.name, &view.history)));
        let mut made: FxHashMap<Span, Vec<&QName>> = FxHashMap::default();
        for (name, history) in relations {
            if let Some(span) = history.created.span() {
                made.entry(span).or_default().push(name);
            }
        }
        Self { catalog, rights, made }
    }

    /// Whether an effect is here as it is in the end.
    fn is_as(&self, end: &Stop<'_>, effect: &Effect) -> bool {
        match effect {
            Effect::Gone(name) => !self.catalog.is_relation_with_rows(name),
            Effect::Calls(signature, roles) => Calls::are_same(signature, roles, [self.catalog, end.catalog]),
            Effect::Broken(signature) => {
                let [here, there] = [self.catalog, end.catalog].map(|one| count_in_vain(one, signature));
                here.is_some() && here == there
            }
            Effect::Named(name) => self.called(&[name.clone(), name.clone()], end) == Some(name),
            Effect::Column(column, names) => {
                let table = self.called(names, end).and_then(|name| self.catalog.table(name));
                table.is_some_and(|table| table.column(column).is_some())
            }
            Effect::Shown(shown, names) => names.iter().any(|name| shown.is_in(self.catalog, name)),
            Effect::Cell { part, names, role, command } => {
                let here = self.cell(names, end, role, *command);
                let there = end.cell(names, end, role, *command);
                let (Some((here, own)), Some((there, last))) = (here, there) else { return false };
                match part {
                    Part::Blind => here.blind == there.blind,
                    Part::Columns => here.columns == there.columns,
                    Part::Rows | Part::Fences => {
                        here.reach == there.reach
                            && is_same(own, last, |one| Some(one.rows))
                            && (*part == Part::Rows
                                || self.fences(names, end, role, *command)
                                    == end.fences(names, end, role, *command))
                    }
                    Part::NewRows => {
                        here.new_rows == there.new_rows && is_same(own, last, |one| one.new_rows)
                    }
                }
            }
        }
    }

    /// What a relation of the end is called here: it is known by the statement that made it, else by the names that
    /// it has and had.
    fn called<'n>(&'n self, names: &'n [QName; 2], end: &Stop<'_>) -> Option<&'n QName> {
        let made = history(end.catalog, &names[0]).and_then(|history| history.created.span());
        match made.and_then(|made| self.made.get(&made)).map(Vec::as_slice) {
            Some([name]) => Some(name),
            _ => names.iter().find(|name| self.catalog.is_relation_with_rows(name)),
        }
    }

    fn fences(&self, names: &[QName; 2], end: &Stop<'_>, role: &str, command: PolicyCommand) -> Vec<&Policy> {
        let name = self.called(names, end);
        name.map_or_else(Vec::new, |name| restrictive((self.catalog, self.rights), name, role, command))
    }

    fn cell(
        &self,
        names: &[QName; 2],
        end: &Stop<'_>,
        role: &str,
        command: PolicyCommand,
    ) -> Option<(&Cell, Option<Deciding>)> {
        let name = self.called(names, end)?;
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
