//! Who can do what now, and could not before: the matrices of two catalogs, compared.

mod calls;
mod cause;
mod moved;
mod opened;
mod outright;
mod passed;
mod proof;
mod shown;
#[cfg(test)]
mod tests;
mod words;

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::map::IndexMap;
use rustc_hash::FxHashSet;

use crate::access::authority::Authority;
use crate::access::{Cell, Deciding, Reason, Rights, deed, in_words, is_of_column, only, reach_of};
use crate::catalog::name::QName;
use crate::catalog::origin::History as Provenance;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::change::access::cause::{Effect, Part, causes};
pub use crate::change::access::moved::Kept;
use crate::change::access::passed::{capped, relation_in_words, was_passed_only};
use crate::change::access::shown::{Lineages, Shown};
use crate::change::access::words::{deeds, deeds_in_number, plain, rows, verb, which};
use crate::change::stops::{Cause, History};
use crate::change::{AccessChange, Class, Renamed, Subject, is_about_access};
use crate::diagnostic::{Diagnostic, Identity};
use crate::predicate::{Comparison, Condition, Reach};
use crate::rule::{Findings, Group as RuleGroup};
use crate::rules;
use crate::source::{FileId, Sources, Span};
use crate::sql::expr::{Expr, Oid, Target, walk_queries};
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

/// A cell's change, before those that are alike are told together.
struct Step {
    role: String,
    command: PolicyCommand,
    kind: Kind,
    before: Reach,
    after: Reach,
    class: Class,
    cause: Option<Cause>,
}

/// What of a cell is different.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Rows of another kind are reached.
    Reach,
    /// The same, and something is to be said with it: restrictive policies alone choose them, or other policies decide
    /// by them.
    Aside(String),
    /// Rows of one kind, of which something no longer holds any back; in words.
    Loosened(String),
    /// Rows of one kind, but others, more or fewer than before.
    Within(Comparison),
    /// The same, if that does not follow from what else is asked.
    MaybeWithin(Comparison),
    /// Every row is reached, if something is so that no row has to do with; in words.
    Open(String),
    /// Every row is reached by a statement that has no condition: one that has finds only rows that can be read.
    Blind,
    /// What rows may become by an UPDATE; in words what alone is asked where that is anything else.
    NewRows(Option<String>),
    /// The privilege is on these columns, and was on those.
    Columns(String, String),
    /// A view shows columns of a table that it did not show.
    Shown(Shown),
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
        let is_about_rows = rules::find(finding.rule).is_some_and(|rule| rule.group == RuleGroup::Rls);
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
    let (mut moved, mut gone) = (IndexMap::default(), IndexMap::default());
    let opened = outright::compared(before, after, renamed);
    let mut called = calls::compared(before, after, renamed);
    called.retain(|call| !outright::says(&opened, call));
    called.extend(opened);
    blame(&mut differences, &mut called, after, new, &mut moved, &mut gone);
    let mut found: Vec<_> = schemas(before, after).collect();
    found.extend(called.into_iter().map(|(_, change)| change));
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

/// Finds the statement of the change behind each difference.
fn blame(
    differences: &mut [Difference],
    called: &mut [(String, AccessChange)],
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
                step.cause = cause.map(|cause| step.narrowed(cause, name, after)).or_else(is_served);
            }
            Place::Call(change) => {
                let is_served = || served_since(&change.name, after, new);
                change.cause = cause.map(first_line).or_else(is_served);
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

impl Step {
    fn effect(&self, names: [&QName; 2]) -> Effect {
        let names = names.map(Clone::clone);
        let part = match &self.kind {
            Kind::Reach | Kind::Aside(_) | Kind::Within(_) | Kind::MaybeWithin(_) | Kind::Open(_) => {
                Part::Rows
            }
            Kind::Loosened(_) => Part::Fences,
            Kind::Blind => Part::Blind,
            Kind::NewRows(_) => Part::NewRows,
            Kind::Columns(..) => Part::Columns,
            Kind::Shown(shown) => return Effect::Shown(shown.clone(), names),
        };
        Effect::Cell { part, names, role: self.role.clone(), command: self.command }
    }

    /// The part of a statement that the cell has as a reason; else its first line.
    fn narrowed(&self, cause: Cause, name: &QName, side: Side<'_>) -> Cause {
        let cells = cells(side, name);
        let cell = cells.get(&(self.role.clone(), self.command));
        let inside = |span: &Span| cause.gone.is_none() && cause.place.contains(*span);
        let reasons = cell.into_iter().flat_map(|cell| &cell.reasons);
        let spans = reasons.filter_map(|reason| Some((reason.reach, reason.origin.span().filter(inside)?)));
        let spans: Vec<_> = spans.collect();
        let decides = spans.iter().find(|(reach, _)| *reach == Some(self.after)).or(spans.first());
        let place = decides.map_or_else(|| side.sources.first_line(cause.place), |(_, span)| *span);
        Cause { place, ..cause }
    }
}

impl AccessChange {
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

const HOLD_COLUMNS: &str = "leave out of the view what its readers may not read of the table, or let it read with their \
                            rights (`security_invoker = true`)";

/// Reports what opens every row of a relation that was there before; of a view only what no table is opened
/// by as well.
pub fn report(changes: &[AccessChange], catalog: &Catalog, out: &mut Findings) {
    let is_view = |change: &AccessChange| catalog.view(&change.name).is_some();
    let opened = |change: &&AccessChange| change.class == Class::Dangerous && change.before.is_some();
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

/// How the cells of a relation that was there before have changed.
fn changed(
    (old, name): (&QName, &QName),
    before: Side<'_>,
    after: Side<'_>,
    authority: &Authority<'_>,
    renamed: &Renamed,
) -> Vec<Step> {
    let (was, is) = (cells(before, old), cells(after, name));
    let mut steps = Vec::new();
    for ((role, command), cell) in &is {
        let earlier = was.get(&(role.clone(), *command)).copied();
        let from = earlier.map_or(Reach::None, |cell| cell.reach);
        let conditions =
            LazyCell::new(|| Conditions::of([(before, old), (after, name)], role, *command, renamed));
        if was_passed_only((old, before), (name, after), role, *command) {
            continue;
        }
        let decided = || proof::decided_by(authority, (name, after), cell, role);
        let mut add = |kind, from, to, class| {
            let class = capped(class, (old, before), (name, after), role, *command);
            steps.push(Step {
                role: role.clone(),
                command: *command,
                kind,
                before: from,
                after: to,
                class,
                cause: None,
            });
        };
        let beyond = Beyond::of(earlier, cell, after.catalog.table(name).is_some());
        if let Some(was) = beyond.blind {
            add(Kind::Blind, was, Reach::All, Class::Review);
        }
        if let Some(asked) =
            opened::asked(&conditions, |one| Some(&one.rows)).filter(|_| cell.reach != Reach::All)
        {
            add(Kind::Open(asked), from, cell.reach, Class::Dangerous);
            continue;
        }
        let compared = || conditions.compared(|one| Some(&one.rows));
        let judged = match judged(from, cell.reach, &compared) {
            None | Some((Kind::Within(_), Class::Safe))
                if from != Reach::None && cell.reach != Reach::None =>
            {
                let is_looser = || !matches!(compared(), Comparison::Same | Comparison::Fewer);
                let fallen = opened::fallen(&conditions, [old, name], role, *command);
                let loosened =
                    fallen.filter(|_| is_looser()).map(|fallen| (Kind::Loosened(fallen), Class::Review));
                loosened.or_else(|| judged(from, cell.reach, &compared))
            }
            judged => judged,
        };
        if let Some((kind, class)) = judged {
            let aside = match (&kind, class) {
                (Kind::Reach, Class::Review) => opened::fences(after, name, role, *command),
                (Kind::Reach | Kind::Within(Comparison::More), Class::Safe) if from <= cell.reach => {
                    decided()
                }
                _ => None,
            };
            let (kind, class) = match aside {
                Some(aside) if class == Class::Safe => (Kind::Aside(aside), Class::Review),
                aside => (aside.map_or(kind, Kind::Aside), class),
            };
            let kind = match kind {
                Kind::Within(how) if !conditions.differ_plainly() => Kind::MaybeWithin(how),
                kind => kind,
            };
            add(kind, from, cell.reach, class);
            if let Some(was) = beyond.new_rows {
                let asked = opened::asked(&conditions, |one| one.new_rows.as_ref());
                add(Kind::NewRows(asked), was, Reach::All, Class::Review);
            }
            continue;
        }
        if cell.reach == Reach::None {
            continue;
        }
        if let (Some(was), Some(is)) = (earlier.and_then(|cell| cell.new_rows), cell.new_rows)
            && let Some(class) =
                class_of_new_rows(was, is, &|| conditions.compared(|one| one.new_rows.as_ref()))
        {
            add(Kind::NewRows(opened::asked(&conditions, |one| one.new_rows.as_ref())), was, is, class);
        }
        if let Some(earlier) = earlier.filter(|earlier| earlier.columns != cell.columns) {
            let class = if has_columns(cell, earlier) { Class::Review } else { Class::Breaking };
            add(Kind::Columns(columns(cell), columns(earlier)), earlier.reach, cell.reach, class);
        }
    }
    steps
}

/// What a cell of a table opens beyond the rows that it reaches, which are fewer than all, with what that was
/// before.
struct Beyond {
    /// To statements without a condition.
    blind: Option<Reach>,
    /// To what rows may become.
    new_rows: Option<Reach>,
}

impl Beyond {
    fn of(earlier: Option<&Cell>, cell: &Cell, is_table: bool) -> Self {
        let is_held = is_table && !matches!(cell.reach, Reach::All | Reach::Unknown);
        let opened = |was: Reach, is: Reach| {
            let is_opened = is_held && is == Reach::All && !matches!(was, Reach::All | Reach::Unknown);
            is_opened.then_some(was)
        };
        let was_blind = earlier.map_or(Reach::None, |cell| cell.blind);
        let reached = earlier.filter(|cell| cell.reach != Reach::None);
        let became = reached.and_then(|cell| cell.new_rows).unwrap_or(Reach::None);
        let becomes = cell.new_rows.filter(|_| cell.reach != Reach::None).unwrap_or(Reach::None);
        Self { blind: opened(was_blind, cell.blind), new_rows: opened(became, becomes) }
    }
}

/// How a change of the rows that are reached is to be told and taken; nothing where there is none.
fn judged(before: Reach, after: Reach, compared: &dyn Fn() -> Comparison) -> Option<(Kind, Class)> {
    let as_kind = || class(before, after).map(|class| (Kind::Reach, class));
    if before == Reach::None || after == Reach::None || (before, after) == (Reach::All, Reach::All) {
        return as_kind();
    }
    let is_one_kind = before == after || after == Reach::Unknown;
    match compared() {
        Comparison::Same => None,
        Comparison::Unknown => as_kind(),
        how @ Comparison::Fewer if is_one_kind => {
            let class = if after == Reach::Unknown { Class::Review } else { Class::Safe };
            Some((Kind::Within(how), class))
        }
        Comparison::Fewer => Some((Kind::Reach, Class::Safe)),
        how @ Comparison::More if is_one_kind => {
            let class = if after == Reach::Own { Class::Safe } else { Class::Review };
            Some((Kind::Within(how), class))
        }
        Comparison::More => as_kind(),
        // What cannot be read differs from everything.
        how @ Comparison::Other if before == after => Some((Kind::Within(how), Class::Review)),
        Comparison::Other => as_kind().map(|(kind, class)| match (class, after) {
            (Class::Safe, Reach::Tenant | Reach::Some) => (kind, Class::Review),
            (class, _) => (kind, class),
        }),
    }
}

/// How a change of the kind of rows that are reached is to be taken.
fn class(before: Reach, after: Reach) -> Option<Class> {
    use Reach::{All, None as Nothing, Own, Some as Part, Tenant, Unknown};
    match (before, after) {
        _ if before == after => None,
        (_, All) => Some(Class::Dangerous),
        (Unknown, Nothing) | (_, Unknown) => Some(Class::Review),
        (Unknown, _) => None,
        (_, Nothing) => Some(Class::Breaking),
        (Nothing, Own) => Some(Class::Safe),
        (Nothing | Own, Tenant) | (Nothing | Own | Tenant, Part) => Some(Class::Review),
        (Tenant, Own) | (Part, Own | Tenant) | (All, Own | Tenant | Part) => Some(Class::Safe),
        (Own, Own) | (Tenant, Tenant) | (Part, Part) => None,
    }
}

/// How a change of what rows may become by an UPDATE is to be taken, where that is of another kind.
fn class_of_new_rows(before: Reach, after: Reach, compared: &dyn Fn() -> Comparison) -> Option<Class> {
    let is_told = before != after && before != Reach::Unknown && after != Reach::Unknown;
    match is_told.then(compared)? {
        Comparison::Fewer => Some(Class::Safe),
        Comparison::More | Comparison::Other => Some(Class::Review),
        // What cannot be compared is told by its kind.
        Comparison::Unknown if after > before => Some(Class::Review),
        Comparison::Same | Comparison::Unknown => None,
    }
}

/// The conditions of a cell, before and after.
struct Conditions<'a> {
    before: Side<'a>,
    after: Side<'a>,
    renamed: &'a Renamed,
    deciding: [Option<Deciding>; 2],
}

impl<'a> Conditions<'a> {
    fn of(sides: [(Side<'a>, &QName); 2], role: &str, command: PolicyCommand, renamed: &'a Renamed) -> Self {
        let deciding = sides.map(|(side, name)| {
            let (Relation::Table(oid) | Relation::View(oid)) = side.catalog.relation(name)? else {
                return None;
            };
            let role = side.catalog.api_roles().find(|one| one.name == *role)?;
            side.rights.deciding(oid, role, command)
        });
        let [(before, was), (after, is)] = sides;
        // Conditions on the rows of other relations say nothing of each other.
        let mut shown_before = shown(before.catalog, was);
        shown_before.iter_mut().for_each(|name| *name = renamed.relation(std::mem::take(name)));
        shown_before.sort_unstable();
        let deciding = if shown_before == shown(after.catalog, is) { deciding } else { [None, None] };
        Self { before, after, renamed, deciding }
    }

    /// Whether what is asked of the rows differs in what is so by itself.
    fn differ_plainly(&self) -> bool {
        match &self.deciding {
            [Some(was), Some(is)] => is.rows.differs_plainly(&was.rows),
            _ => true,
        }
    }

    /// How the rows of the one stand to those of the other, if what they name is the same in both
    /// catalogs.
    fn compared(&self, part: fn(&Deciding) -> Option<&Condition>) -> Comparison {
        let [Some(was), Some(is)] = self.deciding.each_ref().map(|one| one.as_ref().and_then(part)) else {
            return Comparison::Unknown;
        };
        let mut agree = true;
        for expr in was.expressions().chain(is.expressions()) {
            each_named(expr, &mut |oid, attnum| {
                let mut was = named(self.before.catalog, oid, attnum);
                // Of what is named without a column, the expression may say another name.
                if let Some((of, Some(column))) = was {
                    let (of, column) = self.renamed.column((of, column));
                    was = Some((of, Some(column)));
                }
                agree &= was.is_some() && was == named(self.after.catalog, oid, attnum);
            });
        }
        if agree { is.compared_with(was) } else { Comparison::Unknown }
    }
}

/// The relations whose rows a view shows, each as often as it does; none of a table.
fn shown(catalog: &Catalog, name: &QName) -> Vec<QName> {
    let mut relations = Vec::new();
    if let Some(query) = catalog.view(name).and_then(|view| view.query.as_ref()) {
        query.walk_relations(&mut |relation| {
            let written =
                || QName::new(relation.name.schema.clone().unwrap_or_default(), relation.name.name.clone());
            let known = relation.target.and_then(|oid| catalog.relation_name(oid));
            relations.push(known.map_or_else(written, |(name, schema)| QName::new(schema, name)));
        });
    }
    relations.sort_unstable();
    relations
}

/// Visits the objects that an expression names, and their columns.
fn each_named(expr: &Expr, visit: &mut dyn FnMut(Oid, Option<i16>)) {
    expr.walk(&mut |part| match part {
        Expr::Column(column) => match column.target {
            Target::Column { relation, attnum, .. } | Target::Result { of: relation, attnum, .. } => {
                visit(relation, Some(attnum));
            }
            Target::Row { relation, .. } => visit(relation, None),
            Target::Derived { .. } | Target::Variable | Target::Unknown => {}
        },
        Expr::Call(call) => call.target.into_iter().for_each(|oid| visit(oid, None)),
        _ => {}
    });
    walk_queries(expr, &mut |query| {
        query.walk_relations(&mut |relation| relation.target.into_iter().for_each(|oid| visit(oid, None)));
    });
}

/// What an object, or a column of it, is called.
fn named(catalog: &Catalog, oid: Oid, attnum: Option<i16>) -> Option<(QName, Option<Ident>)> {
    let table =
        catalog.tables.get(&oid).map(|table| (&table.name, attnum.and_then(|at| table.column_at(at))));
    let view = || catalog.views.get(&oid).map(|view| (&view.name, attnum.and_then(|at| view.column_at(at))));
    let function = || catalog.functions.get(&oid).map(|function| (&function.name, None));
    let (name, column) = table.or_else(view).or_else(function)?;
    Some((name.clone(), column.map(|column| column.name.clone())))
}

/// What can be done with a relation that was not there.
fn opened(
    name: &QName,
    before: Side<'_>,
    after: Side<'_>,
    new: &New<'_>,
    authority: &Authority<'_>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_table = after.catalog.table(name).is_some();
    for ((role, command), cell) in cells(after, name) {
        let mut add = |kind, reach, class| {
            let cause = made(cell, reach, name, after, new).map(Cause::at);
            let (role, before) = (role.to_string(), Reach::None);
            steps.push(Step { role, command, kind, before, after: reach, class, cause });
        };
        let beyond = Beyond::of(None, cell, is_table);
        if beyond.blind.is_some() {
            add(Kind::Blind, Reach::All, Class::Review);
        }
        if beyond.new_rows.is_some() {
            add(Kind::NewRows(None), Reach::All, Class::Review);
        }
        let class = match cell.reach {
            Reach::None => continue,
            Reach::All if is_leak(name, &role, command, before, after) => Class::Dangerous,
            Reach::Own | Reach::Tenant => Class::Safe,
            Reach::All | Reach::Some | Reach::Unknown => Class::Review,
        };
        match proof::decided_by(authority, (name, after), cell, &role) {
            Some(decided) => add(Kind::Aside(decided), cell.reach, Class::Review),
            None => add(Kind::Reach, cell.reach, class),
        }
    }
    steps
}

/// Whether a new relation whose every row a role reaches opens what nothing else does on purpose.
fn is_leak(name: &QName, role: &str, command: PolicyCommand, before: Side<'_>, after: Side<'_>) -> bool {
    // Who gives out a new table by a function means to.
    if after.catalog.is_relation_with_rows(name) && !after.catalog.is_exposed(&name.schema) {
        return false;
    }
    let is_written_by_all = command != PolicyCommand::Select && role == "anon";
    let is_open = match (after.catalog.table(name), after.catalog.view(name)) {
        (Some(table), _) => !table.rls.value,
        (_, Some(view)) => shows_more(view, role, command, before, after),
        _ => false,
    };
    is_written_by_all || is_open
}

/// Whether a view lets a role reach rows that the tables behind it keep from it, or lack protection
/// since this change.
fn shows_more(view: &View, role: &str, command: PolicyCommand, before: Side<'_>, after: Side<'_>) -> bool {
    let Some(role) = after.catalog.roles.get(role) else { return false };
    let reaches_all = |side: Side<'_>, name: &QName| {
        cells(side, name).get(&(role.name.to_string(), command)).is_some_and(|cell| cell.reach == Reach::All)
    };
    after.rights.shown_to(role, view).iter().any(|shown| {
        let is_meant = shown.table.rls.value && reaches_all(after, &shown.table.name);
        !is_meant && !reaches_all(before, &shown.table.name)
    })
}

/// The statement that makes what a new relation lets through: of a table what decides about its rows,
/// else what made it.
fn made(cell: &Cell, reach: Reach, name: &QName, side: Side<'_>, new: &New<'_>) -> Option<Span> {
    let is_new = |span: &Span| new.files.contains(&span.file);
    let decides = |reason: &&Reason| reason.reach == Some(reach);
    let reasons = cell.reasons.iter().filter(|_| side.catalog.table(name).is_some());
    let span = reasons.filter(decides).find_map(|reason| reason.origin.span().filter(is_new));
    let created = || history(side.catalog, name)?.created.span().filter(is_new);
    span.or_else(|| Some(side.sources.first_line(created()?)))
}

fn history<'a>(catalog: &'a Catalog, name: &QName) -> Option<&'a Provenance> {
    match catalog.relation(name)? {
        Relation::Table(oid) => Some(&catalog.tables[&oid].history),
        Relation::View(oid) => Some(&catalog.views[&oid].history),
        _ => None,
    }
}

fn told(group: Group, name: &QName, side: Side<'_>) -> AccessChange {
    let Group { steps, roles, commands } = group;
    let Step { kind, before, after, class, cause, .. } = &steps[0];
    let (who, relation) = (in_words(&roles, "and"), relation_in_words(name, side, &roles, &commands));
    let message = match kind {
        Kind::Reach => told_as_kind(&who, &commands, (*before, ""), *after, &relation),
        Kind::Aside(fences) => {
            told_as_kind(&who, &commands, (*before, &format!("; {fences}")), *after, &relation)
        }
        Kind::Loosened(fallen) => {
            let can = deeds_in_number(&commands, "more", &relation);
            format!("{who} may now {can} ({}, as before): {fallen}", rows(*after))
        }
        Kind::Within(how) | Kind::MaybeWithin(how) => {
            let number = match how {
                Comparison::Fewer => "fewer",
                Comparison::More => "more",
                _ => "other",
            };
            let can = deeds_in_number(&commands, number, &relation);
            let as_what = if before == after {
                format!("{}, as before", rows(*after))
            } else {
                format!("was: {}", rows(*before))
            };
            let may = if matches!(kind, Kind::Within(_)) { "can" } else { "may" };
            format!("{who} {may} now {can} ({as_what})")
        }
        Kind::Open(asked) => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can now {can}: only {asked} is asked (was: {})", rows(*before))
        }
        Kind::Blind => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can now {can} with a statement that has no condition (was: {})", rows(*before))
        }
        Kind::NewRows(asked) => {
            let into = match asked {
                Some(asked) => format!("any: only {asked} is asked"),
                None if *after == Reach::All => "any".to_string(),
                None => rows(*after).to_string(),
            };
            format!(
                "{who} can now turn the rows of {relation} that they change into {into} (was: into {})",
                rows(*before)
            )
        }
        Kind::Columns(is, was) => {
            let what = match commands.as_slice() {
                [PolicyCommand::Insert] => "fill".to_string(),
                commands => in_words(&commands.iter().map(|one| verb(*one)).collect::<Vec<_>>(), "and"),
            };
            format!("{who} can now {what} {is} of {relation} (was: {was})")
        }
        Kind::Shown(shown) => {
            format!("{who} can now read {} through {relation} ({})", shown.in_words(), rows(*after))
        }
    };
    let shows = match kind {
        Kind::Shown(shown) => shown.names(),
        _ => Vec::new(),
    };
    AccessChange {
        class: *class,
        message,
        subject: Subject::Relation,
        name: name.clone(),
        before: Some(*before),
        after: Some(*after),
        shows,
        through: None,
        cause: *cause,
        statement: None,
        roles,
        commands,
    }
}

/// `before` comes with what is added to it in words.
fn told_as_kind(
    who: &str,
    commands: &[PolicyCommand],
    (before, more): (Reach, &str),
    after: Reach,
    relation: &str,
) -> String {
    let was = format!("(was: {}{more})", rows(before));
    if after == Reach::None {
        return format!("{who} can no longer {} {was}", plain(commands, relation));
    }
    if after < before && before != Reach::Unknown && after != Reach::Unknown {
        return format!("{who} can no longer {} (now: {})", deeds(commands, before, relation), rows(after));
    }
    if after == Reach::Unknown {
        return format!("it is not known {} {was}", which(commands, who, relation));
    }
    format!("{who} can now {} {was}", deeds(commands, after, relation))
}

fn told_as_new(group: Group, name: &QName, side: Side<'_>, what: &str) -> AccessChange {
    let Group { steps, roles, commands } = group;
    let Step { kind, after, class, cause, .. } = &steps[0];
    let (after, class, cause) = (*after, *class, *cause);
    let (who, relation) = (in_words(&roles, "and"), relation_in_words(name, side, &roles, &commands));
    let message = match (kind, after) {
        (Kind::Blind, _) => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can {can} with a statement that has no condition ({what})")
        }
        (Kind::NewRows(_), _) => {
            format!("{who} can turn the rows of {relation} that they change into any ({what})")
        }
        (_, Reach::Unknown) => format!("it is not known {} ({what})", which(&commands, &who, &relation)),
        (Kind::Aside(decided), _) => {
            format!("{who} can {} ({what}; {decided})", deeds(&commands, after, &relation))
        }
        _ => format!("{who} can {} ({what})", deeds(&commands, after, &relation)),
    };
    AccessChange {
        roles,
        commands,
        after: Some(after),
        cause,
        ..AccessChange::new(Subject::Relation, name.clone(), class, message)
    }
}

fn told_as_gone(name: &QName, before: Side<'_>, cause: Option<Cause>) -> Option<AccessChange> {
    let (mut roles, mut commands) = (Vec::new(), Vec::new());
    let mut most = Reach::None;
    for ((role, command), cell) in cells(before, name) {
        if cell.reach == Reach::None {
            continue;
        }
        most = most.or(cell.reach);
        if !roles.contains(&role) {
            roles.push(role);
        }
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    // What nobody reached is missed by nobody.
    let verbs: Vec<_> = commands.iter().map(|command| verb(*command)).collect();
    let (who, verbs) = (in_words(&roles, "and"), in_words(&verbs, "and"));
    let message = format!("{} is gone: {who} could {verbs} rows of it", name.quoted());
    (!roles.is_empty()).then(|| AccessChange {
        roles,
        commands,
        before: Some(most),
        cause,
        ..AccessChange::new(Subject::Relation, name.clone(), Class::Breaking, message)
    })
}

fn told_as_renamed(old: &QName, name: &QName, after: Side<'_>, cause: Option<Cause>) -> AccessChange {
    let is_served = after.catalog.is_exposed(&name.schema);
    let aside = if is_served { "" } else { ", which the Data API does not serve" };
    let message = format!("{} is now called {}{aside}", old.quoted(), name.quoted());
    AccessChange { cause, ..AccessChange::new(Subject::Relation, name.clone(), Class::Breaking, message) }
}

/// The columns that a privilege is on, in words.
fn columns(cell: &Cell) -> String {
    match &cell.columns {
        None => "all columns".to_string(),
        Some(names) => in_words(&names.iter().map(|name| name.quoted()).collect::<Vec<_>>(), "and"),
    }
}

/// Whether a privilege is on all columns that another one is on.
fn has_columns(one: &Cell, other: &Cell) -> bool {
    match (&one.columns, &other.columns) {
        (None, _) => true,
        (_, None) => false,
        (Some(one), Some(other)) => other.iter().all(|name| one.contains(name)),
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

/// Changes that are alike.
struct Group {
    steps: Vec<Step>,
    roles: Vec<String>,
    commands: Vec<PolicyCommand>,
}

/// Changes that are alike together: first the commands of each role, then the roles that have the same.
/// Those of several statements only if they are not to be told apart.
fn grouped(steps: Vec<Step>, apart: bool) -> Vec<Group> {
    let alike = |step: &Step| {
        let cause = step.cause.filter(|_| apart);
        (step.kind.clone(), step.before, step.after, step.class, cause)
    };
    let mut by_role: IndexMap<_, Vec<Step>> = IndexMap::default();
    for step in steps {
        by_role.entry((step.role.clone(), alike(&step))).or_default().push(step);
    }
    let mut groups: IndexMap<_, Group> = IndexMap::default();
    for ((role, alike), steps) in by_role {
        let commands: Vec<_> = steps.iter().map(|step| step.command).collect();
        let new = || Group { steps: Vec::new(), roles: Vec::new(), commands: commands.clone() };
        let group = groups.entry((alike, commands.clone())).or_insert_with(new);
        group.steps.extend(steps);
        group.roles.push(role);
    }
    groups.into_values().collect()
}
