//! Who can do what now, and could not before: the matrices of two catalogs, compared.

mod broken;
mod calls;
mod cause;
mod conditions;
mod doubt;
mod moved;
mod opened;
mod outright;
mod passed;
mod proof;
mod shown;
mod step;
mod telling;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use crate::access::{Cell, Rights, deed, is_of_column, only, reach_of};
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::catalog::origin::History as Provenance;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::change::access::broken::Broken;
use crate::change::access::cause::{Effect, causes};
use crate::change::access::doubt::told_in_doubt;
pub use crate::change::access::moved::Kept;
use crate::change::access::shown::Lineages;
use crate::change::access::step::{Step, changed, opened};
use crate::change::access::telling::{grouped, told, told_as_gone, told_as_new, told_as_renamed};
use crate::change::access::words::verb;
use crate::change::stops::{Cause, History};
use crate::change::{AccessChange, Class, Renamed, Subject, is_about_access};
use crate::diagnostic::{Diagnostic, Identity};
use crate::map::IndexMap;
use crate::predicate::Reach;
use crate::rule::{Findings, Group};
use crate::rules;
use crate::source::{FileId, Sources, Span};
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege};
use crate::workload::Workload;

/// One side of the comparison.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub rights: &'a Rights<'a>,
    pub workload: &'a Workload,
    pub catalog: &'a Catalog,
    pub sources: &'a Sources,
}

/// What the head has that the base has not.
pub struct New<'a> {
    /// Files that are not in the base as they are.
    pub files: &'a FxHashSet<FileId>,
    /// And what both have.
    pub kept: &'a Kept,
    pub history: &'a dyn Fn() -> History<'a>,
}

/// What is different about a relation.
struct Difference {
    /// What it was called before; nothing where it was not there.
    old: Option<QName>,
    /// Nothing where it is gone.
    name: Option<QName>,
    steps: Vec<Step>,
}

/// What comes of a comparison.
pub struct Compared {
    /// The most dangerous first.
    pub changes: Vec<AccessChange>,
    pub renamed: Renamed,
    /// What is done with every row of a relation now, each as role and privilege.
    open: IndexMap<QName, BTreeSet<String>>,
    /// And what was done, by the names of now.
    was_open: IndexMap<QName, BTreeSet<String>>,
    /// Who could call which functions, by their names of now.
    was_called: IndexMap<QName, BTreeSet<String>>,
    /// The tables, served or not, of which some role of requests reads every row and did not.
    opened: Vec<QName>,
}

impl Compared {
    /// Whether requests could do before what a finding says: with every row of a relation, or call a function.
    pub fn was_done(&self, finding: &Diagnostic, deed: &str) -> bool {
        let Some(schema) = &finding.object.schema else { return false };
        let object = QName::new(schema.as_str(), finding.object.name.as_str());
        let done = if finding.object.kind == "function" { &self.was_called } else { &self.was_open };
        done.get(&object).is_some_and(|deeds| deeds.contains(deed))
    }

    /// Whether requests can still do with every row what a finding about the policies of a relation says, or
    /// nobody knows whether they can; or whether the relation was opened, so that the finding may not show.
    pub fn leaves_open(&self, finding: &Diagnostic) -> bool {
        let Some(schema) = &finding.object.schema else { return false };
        let relation = QName::new(schema.as_str(), finding.object.name.as_str());
        let is_about_rows = rules::find(finding.rule).is_some_and(|rule| rule.group == Group::Rls);
        let mut of_rows = finding.reach.iter().filter(|deed| !is_of_column(deed)).peekable();
        let mut is_open =
            |deeds: &BTreeSet<String>| of_rows.peek().is_some() && of_rows.all(|deed| deeds.contains(deed));
        self.opened.contains(&relation)
            || is_about_rows && self.open.get(&relation).is_some_and(&mut is_open)
            || self.changes.iter().any(|change| change.leaves_open(finding))
    }
}

/// Compares what each role of requests can do with each relation, before and after.
pub fn compare(before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Compared {
    let renamed = moved::renamed(before, after, new);
    let pairs = pairs(before, after, &renamed.relations);
    let open =
        pairs.iter().filter_map(|(_, name)| Some((name.clone()?, open_to(name.as_ref()?, after)))).collect();
    let was = pairs.iter().filter_map(|(old, name)| Some((name.clone()?, open_to(old.as_ref()?, before))));
    let was_open = was.collect();
    let mut was_called: IndexMap<QName, BTreeSet<String>> = IndexMap::default();
    for function in before.catalog.own_functions() {
        let callers = before.catalog.callers(function);
        let deeds = reach_of(callers, Privilege::Execute);
        was_called.entry(renamed.function(function.name.clone())).or_default().extend(deeds);
    }
    let opened = opened_tables(before, after, &renamed);
    Compared {
        changes: changes(pairs, before, after, new, &renamed),
        renamed,
        open,
        was_open,
        was_called,
        opened,
    }
}

fn opened_tables(before: Side<'_>, after: Side<'_>, renamed: &Renamed) -> Vec<QName> {
    let readers = |side: Side<'_>, table: &Table| -> Vec<Ident> {
        let roles = side.catalog.api_roles().filter(|role| side.catalog.reads_all_rows(table, role));
        roles.map(|role| role.name.clone()).collect()
    };
    let was = before.catalog.own_tables();
    let was: IndexMap<_, _> =
        was.map(|table| (renamed.relation(table.name.clone()), readers(before, table))).collect();
    let is_opened = |table: &&Table| {
        let read = was.get(&table.name);
        read.is_some_and(|read| readers(after, table).iter().any(|role| !read.contains(role)))
    };
    after.catalog.own_tables().filter(is_opened).map(|table| table.name.clone()).collect()
}

/// What each role can do with every row of a relation.
fn open_to(name: &QName, side: Side<'_>) -> BTreeSet<String> {
    let open = cells(side, name).into_iter().filter(|(_, cell)| cell.reach == Reach::All);
    open.flat_map(|((role, command), _)| deeds_of(&[role], &[command])).collect()
}

/// Each role with each command.
fn deeds_of(roles: &[String], commands: &[PolicyCommand]) -> Vec<String> {
    let privileges = only(commands.iter().copied());
    let of = |role: &String| privileges.iter().map(|privilege| deed(role, privilege)).collect::<Vec<_>>();
    roles.iter().flat_map(of).collect()
}

fn changes(
    pairs: Vec<(Option<QName>, Option<QName>)>,
    before: Side<'_>,
    after: Side<'_>,
    new: &New<'_>,
    renamed: &Renamed,
) -> Vec<AccessChange> {
    let mut lineages = Lineages::new(before, after);
    let authority = after.rights.authority();
    let mut differences: Vec<_> = pairs
        .into_iter()
        .map(|(old, name)| {
            let steps = match (&old, &name) {
                (Some(old), Some(name)) => {
                    let shown = lineages.compared((old, name), before, after, renamed);
                    changed((old, name), before, after, &authority, renamed)
                        .into_iter()
                        .chain(shown)
                        .collect()
                }
                (None, Some(name)) => opened(name, before, after, new, &authority),
                _ => Vec::new(),
            };
            Difference { old, name, steps }
        })
        .collect();
    let broken = Broken::of(before, after, renamed);
    for difference in &mut differences {
        if let Some(name) = &difference.name {
            difference.steps.retain(|step| !broken.decides(after, name, step));
        }
    }
    let (mut moved, mut gone) = (IndexMap::default(), IndexMap::default());
    let opened = outright::compared(before, after, renamed);
    let mut called = calls::compared(before, after, renamed);
    called.retain(|call| !outright::says(&opened, call));
    called.extend(opened);
    let mut besides = telling::told_columns(before, after, renamed);
    besides.extend(broken.told);
    blame(&mut differences, &mut called, &mut besides, after, new, &mut moved, &mut gone);
    let in_doubt = told_in_doubt(before, after, new, renamed, &differences, &called);
    let mut found: Vec<_> = schemas(before, after).collect();
    found.extend(called.into_iter().map(|(_, change)| change));
    found.extend(besides.into_iter().map(|(_, change)| change));
    for Difference { old, name, steps } in differences {
        match (old, name) {
            (Some(old), Some(name)) => {
                found.extend(moved.get(&name).map(|cause| told_as_renamed(&old, &name, after, *cause)));
                found.extend(grouped(steps, true).into_iter().map(|group| told(group, &name, after)));
            }
            (None, Some(name)) => {
                let is_table = after.catalog.table(&name).is_some();
                let what = if is_table { "new table" } else { "new view" };
                found.extend(
                    grouped(steps, false).into_iter().map(|group| told_as_new(group, &name, after, what)),
                );
            }
            (Some(old), None) => {
                let cause = gone.get(&old).copied().flatten();
                found.extend(told_as_gone(&old, before, cause));
            }
            (None, None) => {}
        }
    }
    found.extend(in_doubt);
    found.sort_by_key(|change| change.class);
    found
}

/// The schemas that the Data API serves and did not, and those that it no longer does.
fn schemas<'a>(before: Side<'a>, after: Side<'a>) -> impl Iterator<Item = AccessChange> + 'a {
    let (was, is) = (&before.catalog.api.schemas, &after.catalog.api.schemas);
    let change = |class, schema: &Ident, message, place: Option<Span>| {
        let name = QName::new(schema.clone(), schema.clone());
        AccessChange {
            cause: place.map(Cause::at),
            ..AccessChange::new(Subject::Schema, name, class, message)
        }
    };
    let new = is.iter().filter(|schema| !was.contains(schema)).map(move |schema| {
        let message = format!("the Data API now serves the schema {}", schema.quoted());
        change(Class::Review, schema, message, after.catalog.api.exposed_at.get(schema).copied())
    });
    let gone = was.iter().filter(|schema| !is.contains(schema)).map(move |schema| {
        let message = format!("the Data API no longer serves the schema {}", schema.quoted());
        change(Class::Breaking, schema, message, None)
    });
    new.chain(gone)
}

/// Where the settings say that an object is served, if that is new.
fn served_since(name: &QName, after: Side<'_>, new: &New<'_>) -> Option<Cause> {
    let place = after.catalog.api.exposed_at.get(&name.schema).copied();
    place.filter(|place| new.files.contains(&place.file)).map(Cause::at)
}

/// Finds the statement of the change behind each difference, and what is told besides.
fn blame(
    differences: &mut [Difference],
    called: &mut [(String, AccessChange)],
    besides: &mut [(Effect, AccessChange)],
    after: Side<'_>,
    new: &New<'_>,
    renamed: &mut IndexMap<QName, Option<Cause>>,
    gone: &mut IndexMap<QName, Option<Cause>>,
) {
    enum Place<'d> {
        Of(&'d mut Step, &'d QName),
        Call(&'d mut AccessChange),
        Renamed(QName),
        Gone(QName),
    }
    let mut asked = Vec::new();
    for difference in differences {
        match (&difference.old, &difference.name) {
            (Some(old), Some(name)) => {
                if old != name {
                    asked.push((Effect::Named(name.clone()), Place::Renamed(name.clone())));
                }
                for step in &mut difference.steps {
                    asked.push((step.effect([name, old]), Place::Of(step, name)));
                }
            }
            (Some(old), None) => asked.push((Effect::Gone(old.clone()), Place::Gone(old.clone()))),
            _ => {}
        }
    }
    for (signature, change) in called {
        asked.push((Effect::Calls(signature.clone(), change.roles.clone()), Place::Call(change)));
    }
    for (effect, change) in besides {
        asked.push((effect.clone(), Place::Call(change)));
    }
    // The replay is not stopped as often as one may like.
    asked.sort_by_key(|(_, place)| match place {
        Place::Of(step, _) => step.class,
        Place::Call(change) => change.class,
        _ => Class::Breaking,
    });
    let (effects, places): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let first_line = |cause: Cause| Cause { place: after.sources.first_line(cause.place), ..cause };
    for (place, cause) in places.into_iter().zip(causes(&effects, after, new)) {
        match place {
            Place::Of(step, name) => {
                let is_served = || served_since(name, after, new);
                let is_given = || step.given_by(name, after, new);
                let cause = cause.map(|cause| step.narrowed(cause, name, after));
                step.cause = cause.or_else(is_served).or_else(is_given);
            }
            Place::Call(change) => {
                let is_served = || served_since(&change.name, after, new);
                let is_made = || change.made_by(after, new).map(first_line);
                change.cause = cause.map(first_line).or_else(is_served).or_else(is_made);
            }
            Place::Renamed(name) => {
                renamed.insert(name, cause.map(first_line));
            }
            Place::Gone(name) => {
                gone.insert(name, cause.map(first_line));
            }
        }
    }
}

impl AccessChange {
    /// The statement of the change that wrote the function which it is about.
    fn made_by(&self, after: Side<'_>, new: &New<'_>) -> Option<Cause> {
        let signature = self.through.as_ref();
        let is_it = |function: &&Function| match signature {
            Some(signature) => function.signature(after.catalog) == *signature,
            None => self.subject == Subject::Function && function.name == self.name,
        };
        let function = after.catalog.own_functions().find(is_it)?;
        let written = [function.history.last(), function.history.created].map(|origin| origin.span());
        let of_change = |span: &Span| new.files.contains(&span.file);
        written.into_iter().flatten().find(of_change).map(Cause::at)
    }

    /// Each role with each command that it is about.
    fn deeds(&self) -> Vec<String> {
        deeds_of(&self.roles, &self.commands)
    }

    /// Whether it opens the relation that a finding is about, which then may not show, or leaves open whether
    /// requests can still do what the finding lets them.
    fn leaves_open(&self, finding: &Diagnostic) -> bool {
        let object = &finding.object;
        let is_it = object.schema.as_deref() == Some(self.name.schema.as_str())
            && object.name == *self.name.name.as_str()
            && self.subject == Subject::Relation;
        let lets =
            || finding.reach.is_empty() || self.deeds().iter().any(|deed| finding.reach.contains(deed));
        let is_unclear = || self.after == Some(Reach::Unknown) && is_about_access(finding) && lets();
        is_it && (self.class == Class::Dangerous || is_unclear())
    }
}

const HOLD_ROWS: &str = "hold the rows to the caller, as in `using (owner = (select auth.uid()))`, and grant no more than \
                         the app needs";

const HOLD_CALLS: &str = "let the function keep to the rows of its caller, as in `where owner = (select auth.uid())`, or take it \
                          from who is not to call it, as in `revoke execute on function … from public, anon, authenticated`";

const GRANT_FEWER: &str =
    "grant SELECT on the columns alone that everybody may read, as in `grant select (id, name) on … to …`";

const HOLD_COLUMNS: &str = "leave out of the view what its readers may not read of the table, or let it read with their \
                            rights (`security_invoker = true`)";

/// Reports what opens every row of a relation that was there before, and the new views that read with the rights of
/// their callers, about which no rule is; of a view only what no table is opened by as well.
pub fn report(changes: &[AccessChange], catalog: &Catalog, out: &mut Findings) {
    let is_view = |change: &AccessChange| catalog.view(&change.name).is_some();
    let is_new_invoker =
        |change: &AccessChange| catalog.view(&change.name).is_some_and(View::security_invoker);
    let opened = |change: &&AccessChange| {
        change.class == Class::Dangerous && (change.before.is_some() || is_new_invoker(change))
    };
    let opened: Vec<_> = changes.iter().filter(opened).collect();
    let says_as_much = |table: &AccessChange, view: &AccessChange| {
        !is_view(table)
            && table.cause == view.cause
            && view.roles.iter().all(|role| table.roles.contains(role))
            && view.commands.iter().all(|command| table.commands.contains(command))
            && view.shows.is_empty()
            && table.through.is_none()
    };
    let is_told = |view: &AccessChange| is_view(view) && opened.iter().any(|table| says_as_much(table, view));
    for change in opened.iter().filter(|change| !is_told(change)) {
        // Of what no statement of the change is known to have done, the relation itself.
        let made = || history(catalog, &change.name)?.created.span();
        let place = match change.cause {
            Some(cause) => Some((cause.place, cause.note())),
            None => made().map(|made| (made, "this is what it is about")),
        };
        let Some((span, note)) = place else { continue };
        let commands: Vec<_> = change.commands.iter().map(|command| verb(*command)).collect();
        let who = change.roles.join(", ");
        let mend = match &change.through {
            Some(_) => HOLD_CALLS,
            None if change.shows.is_empty() => HOLD_ROWS,
            None if !is_view(change) => GRANT_FEWER,
            None => HOLD_COLUMNS,
        };
        let what =
            [who, commands.join(", ")].into_iter().chain(change.shows.clone()).chain(change.through.clone());
        out.report(span, Identity::new("relation", &change.name), change.message.clone())
            .note(note)
            .help(format!("{mend}; if it is meant: -- rls-lint: allow(policy-widened) why"))
            .what(what.collect::<Vec<_>>().join(": "))
            .reach(change.deeds());
    }
}

/// The relations of either side that requests are about, each with its counterpart.
fn pairs(before: Side<'_>, after: Side<'_>, moved: &[(QName, QName)]) -> Vec<(Option<QName>, Option<QName>)> {
    let has = |side: Side<'_>, name: &QName| side.catalog.is_relation_with_rows(name);
    let mut pairs = Vec::new();
    let mut taken = FxHashSet::default();
    for name in relations(after) {
        let was = moved.iter().find(|(_, is)| *is == name).map(|(was, _)| was);
        // Who has moved has left its name to others.
        let stayed = || has(before, &name) && !moved.iter().any(|(was, _)| *was == name);
        let counterpart = was.cloned().or_else(|| stayed().then(|| name.clone()));
        taken.extend(counterpart.clone());
        pairs.push((counterpart, Some(name)));
    }
    for name in relations(before).into_iter().filter(|name| !taken.contains(name)) {
        let is = moved.iter().find(|(was, _)| *was == name).map(|(_, is)| is.clone());
        let now = is.or_else(|| has(after, &name).then(|| name.clone()));
        pairs.push((Some(name), now));
    }
    pairs
}

/// What requests are about on one side, and what they come to by functions.
fn relations(side: Side<'_>) -> Vec<QName> {
    let mut names = side.catalog.relations_of_requests();
    names.extend(side.rights.passed_relations());
    names
}

fn history<'a>(catalog: &'a Catalog, name: &QName) -> Option<&'a Provenance> {
    match catalog.relation(name)? {
        Relation::Table(oid) => Some(&catalog.tables[&oid].history),
        Relation::View(oid) => Some(&catalog.views[&oid].history),
        _ => None,
    }
}

fn cells<'a>(side: Side<'a>, name: &QName) -> IndexMap<(String, PolicyCommand), &'a Cell> {
    let mut map = IndexMap::default();
    for row in side.rights.of(name) {
        for cell in row.cells {
            map.insert((row.role.name.to_string(), cell.command), cell);
        }
    }
    map
}
