//! Who can do what now, and could not before: the matrices of two catalogs, compared.

mod calls;
mod cause;
mod moved;
mod opened;
mod outright;
mod passed;
mod proof;
mod shown;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::platform::Exposure;
    use crate::testing::Bench;

    /// What a second file changes about the rights that the first one gives.
    fn told_of(first: &str, second: &str) -> Vec<String> {
        let base = Bench::new(first);
        let head = Bench::new(&format!("{first}\n-- file: 2_change.sql\n{second}"));
        let (known, found) = (Workload::of(&base.catalog), Workload::of(&head.catalog));
        let (was, is) = (
            Rights::explained(&base.catalog, &known).with_passages(),
            Rights::explained(&head.catalog, &found).with_passages(),
        );
        let file = FileId(u32::try_from(base.sources.len()).expect("they are few"));
        let files = [file].into_iter().collect();
        let mut kept = Kept::default();
        for (was, is) in base.migrations.iter().zip(&head.migrations) {
            kept.add(was.file, is.file, was.places.iter().zip(&is.places));
        }
        let history = || History {
            steps: head
                .migrations
                .last()
                .expect("there are two")
                .places
                .iter()
                .copied()
                .map(Cause::at)
                .collect(),
            weight: 1,
            until: Box::new(|count| {
                let (new, old) = head.migrations.split_last().expect("there are two");
                let mut catalog = Catalog::supabase(Exposure::Exposed);
                old.iter().for_each(|migration| catalog.apply_file(&migration.statements));
                catalog.apply_file(&new.statements[..count]);
                catalog
            }),
        };
        let found = compare(
            Side { rights: &was, workload: &known, catalog: &base.catalog, sources: &base.sources },
            Side { rights: &is, workload: &found, catalog: &head.catalog, sources: &head.sources },
            &New { files: &files, kept: &kept, history: &history },
        );
        let found = found.changes;
        found
            .iter()
            .map(|change| {
                let place = change.cause.map_or("nowhere", |cause| head.sources.text(cause.place));
                format!("{}: {} [{place}]", change.class.word(), change.message)
            })
            .collect()
    }

    const NOTES: &str = "create table notes (id int primary key, owner uuid, team int);
        alter table notes enable row level security;
        create policy own on notes to authenticated using (owner = auth.uid());";

    #[test]
    fn what_is_widened_is_dangerous() {
        assert_eq!(
            told_of(NOTES, "create policy shared on notes for select to authenticated using (true);"),
            ["dangerous: authenticated can now read all rows of public.notes (was: own rows) [true]"]
        );
        assert_eq!(
            told_of(NOTES, "alter table notes disable row level security;"),
            [
                "dangerous: anon can now read, change and delete all rows of public.notes, and add new ones (was: no rows) [disable row level security]",
                "dangerous: authenticated can now read, change and delete all rows of public.notes, and add new ones (was: own rows) [disable row level security]",
            ]
        );
    }

    #[test]
    fn what_is_lost_is_breaking_and_what_is_held_tighter_is_safe() {
        assert_eq!(
            told_of(NOTES, "drop policy own on notes;"),
            [
                "breaking: authenticated can no longer read, add, change or delete rows of public.notes (was: own rows) [drop policy own on notes]"
            ]
        );
        assert_eq!(
            told_of(
                "create table t (id int, owner uuid); alter table t enable row level security;
                     create policy p on t for select to authenticated using (true);",
                "alter policy p on t using (owner = auth.uid());"
            ),
            [
                "safe: authenticated can no longer read all rows of public.t (now: own rows) [owner = auth.uid()]"
            ]
        );
    }

    #[test]
    fn new_and_renamed_relations() {
        assert_eq!(
            told_of("select 1;", "create table leak (id int);"),
            [
                "dangerous: anon and authenticated can read, change and delete all rows of public.leak, and add new ones (new table) [create table leak (id int)]"
            ]
        );
        assert_eq!(
            told_of(NOTES, "alter table notes rename to pages;"),
            ["breaking: public.notes is now called public.pages [alter table notes rename to pages]"]
        );
        assert_eq!(
            told_of(NOTES, "drop table notes;"),
            [
                "breaking: public.notes is gone: authenticated could read, add, change and delete rows of it [drop table notes]"
            ]
        );
    }

    #[test]
    fn a_view_that_forgets_to_ask_as_the_caller() {
        let view = format!("{NOTES} create view v with (security_invoker = on) as select id from notes;");
        assert_eq!(
            told_of(&view, "create or replace view v as select id from notes;"),
            [
                "dangerous: anon can now read, change and delete all rows of public.v, and add new ones (was: no rows) [create or replace view v as select id from notes]",
                "dangerous: authenticated can now read, change and delete all rows of public.v, and add new ones (was: own rows) [create or replace view v as select id from notes]",
            ]
        );
    }

    const DOCS: &str = "create table docs (id int primary key, owner uuid, body text);
        alter table docs enable row level security;
        create policy own on docs to authenticated using (owner = auth.uid());
        create policy all_delete on docs for delete to authenticated using (true);";

    #[test]
    fn functions_that_open_every_row() {
        let wipe = "create function wipe() returns void language sql security definer as $$ delete from docs where true $$";
        assert_eq!(
            told_of(DOCS, &format!("{wipe};")),
            [
                "dangerous: anon can now delete all rows of public.docs through public.wipe(), which runs with its owner's rights (was: no rows) [create function wipe() returns void language sql security definer as $$ delete from docs where true $$]",
                "review: anon and authenticated can call public.wipe(), which runs with its owner's rights (new function) [create function wipe() returns void language sql security definer as $$ delete from docs where true $$]",
            ]
        );
        let all = "create function all_docs() returns setof docs language sql security definer as $$ select * from docs $$";
        let closed =
            format!("{DOCS} {all}; revoke execute on function all_docs from public, anon, authenticated;");
        assert_eq!(
            told_of(&closed, "grant execute on function all_docs to authenticated;"),
            [
                "dangerous: authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: own rows) [grant execute on function all_docs to authenticated]"
            ]
        );
        assert_eq!(
            told_of(
                DOCS,
                &format!(
                    "{all}; revoke execute on function all_docs from public, anon, authenticated;
                    grant execute on function all_docs to authenticated;"
                )
            ),
            [
                "dangerous: authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: own rows) [grant execute on function all_docs to authenticated]"
            ]
        );
        let mine = all.replace("from docs", "from docs where owner = auth.uid()");
        assert_eq!(
            told_of(&format!("{DOCS} {mine};"), &format!("{};", all.replace("create", "create or replace"))),
            [format!(
                "dangerous: anon and authenticated can now read all rows of public.docs through public.all_docs(), which runs with its owner's rights (was: what it let them) [{}]",
                all.replace("create", "create or replace")
            )]
        );
        let some = "create function bodies() returns table (b text) language plpgsql security definer as $$ begin return query select body from docs; end $$";
        assert_eq!(
            told_of(DOCS, &format!("{some}; revoke execute on function bodies from public, authenticated;")),
            [format!(
                "dangerous: anon can now read body of all rows of public.docs through public.bodies(), which runs with its owner's rights (was: no rows) [{some}]"
            )]
        );
    }

    #[test]
    fn functions_that_open_nothing_new() {
        let all = "create function all_docs() returns setof docs language sql security definer as $$ select * from docs $$;";
        let dangers = |first: &str, second: &str| {
            told_of(first, second)
                .into_iter()
                .filter(|told| told.starts_with("dangerous"))
                .collect::<Vec<_>>()
        };
        // What another function or a view gave.
        let other = all.replace("all_docs", "list_docs");
        assert_eq!(dangers(&format!("{DOCS} {all}"), &other), [""; 0]);
        assert_eq!(dangers(&format!("{DOCS} create view v as select * from docs;"), all), [""; 0]);
        assert_eq!(
            dangers(&format!("{DOCS} {all}"), "alter function all_docs() rename to list_docs;"),
            [""; 0]
        );
        assert_eq!(dangers(&format!("{DOCS} {all}"), "alter table docs rename to papers;"), [""; 0]);
        // What everybody reads.
        let open = "create policy open on docs for select using (true);";
        assert_eq!(dangers(&format!("{DOCS} {open}"), all), [""; 0]);
        // What only another form of it may be.
        let looped = "create function all_docs() returns setof docs language plpgsql security definer as $$
            declare r docs; begin for r in select * from docs loop return next r; end loop; end $$;";
        assert_eq!(
            dangers(&format!("{DOCS} {looped}"), &all.replace("create", "create or replace")),
            [""; 0]
        );
        // What nobody calls, and what comes with the table.
        let closed = format!("{all} revoke execute on function all_docs from public, anon, authenticated;");
        assert_eq!(dangers(DOCS, &closed), [""; 0]);
        assert_eq!(dangers("select 1;", &format!("{DOCS} {all}")), [""; 0]);
        // An owner that policies bind.
        let forced =
            "alter table docs force row level security; create role plain; grant select on docs to plain;";
        assert_eq!(
            dangers(&format!("{DOCS} {forced}"), &format!("{all} alter function all_docs() owner to plain;")),
            [""; 0]
        );
    }

    #[test]
    fn who_can_call_a_function_is_told_where_it_is_made_so() {
        let made = "create function everyone() returns int language sql security definer as $$ select 1 $$";
        assert_eq!(
            told_of(
                "select 1;",
                &format!("{made}; revoke execute on function everyone() from public, anon;")
            ),
            [format!(
                "review: authenticated can call public.everyone(), which runs with its owner's rights (new function) [{made}]"
            )]
        );
    }

    #[test]
    fn the_same_condition_in_other_words_is_no_change() {
        let docs = "create table members (user_id uuid, team_id int);
            create table docs (id int primary key, team_id int, owner_id uuid);
            alter table docs enable row level security; alter table members enable row level security;
            create policy m on members for select to authenticated using (user_id = (select auth.uid()));
            create policy p on docs for select to authenticated
              using (team_id in (select team_id from members where user_id = (select auth.uid())));
            create policy u on docs for update to authenticated using (owner_id = auth.uid());
            create policy d on docs for delete to authenticated using (owner_id = auth.uid());";
        for condition in [
            "team_id in (select m.team_id from members m where m.user_id = (select auth.uid()))",
            "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = (select auth.uid()))",
        ] {
            assert_eq!(told_of(docs, &format!("alter policy p on docs using ({condition});")), [""; 0]);
        }
        // Whether the one follows from the other is not known.
        let roles = docs.replace("user_id uuid, team_id int", "user_id uuid, team_id int, role text");
        assert_eq!(
            told_of(
                &roles,
                "alter policy p on docs using (team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a'));"
            ),
            [
                "review: authenticated may now read other rows of public.docs (tenant rows, as before) [team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a')]",
                "review: authenticated may now change and delete other rows of public.docs (own rows, as before) [team_id in (select team_id from members where user_id = (select auth.uid()) and role = 'a')]"
            ]
        );
        let own = docs.replace(
            "team_id in (select team_id from members where user_id = (select auth.uid()))",
            "owner_id = auth.uid()",
        );
        assert_eq!(
            told_of(&own, "alter policy p on docs using (coalesce(auth.uid(), owner_id) = owner_id);"),
            [""; 0]
        );
    }

    #[test]
    fn a_view_with_sub_selects_that_no_longer_asks() {
        assert_eq!(
            told_of(
                &format!(
                    "{NOTES} create view v with (security_invoker = true) as
                       select id, (select jsonb_agg(x) from jsonb_array_elements('[]'::jsonb) x) as tags from notes;"
                ),
                "alter view v reset (security_invoker);"
            ),
            [
                "dangerous: anon can now read, change and delete all rows of public.v, and add new ones (was: no rows) [alter view v reset (security_invoker)]",
                "dangerous: authenticated can now read, change and delete all rows of public.v, and add new ones (was: own rows) [alter view v reset (security_invoker)]",
            ]
        );
    }

    #[test]
    fn columns_count() {
        let some = format!(
            "{NOTES} revoke select on notes from authenticated; grant select (id, owner) on notes to authenticated;"
        );
        assert_eq!(
            told_of(&some, "grant select on notes to authenticated;"),
            [
                "review: authenticated can now read all columns of public.notes (was: id and owner) [grant select on notes to authenticated]"
            ]
        );
    }

    #[test]
    fn nothing_changes() {
        assert_eq!(
            told_of(NOTES, "alter table notes add column title text; create index on notes (owner);"),
            [""; 0]
        );
        assert_eq!(
            told_of(
                NOTES,
                "drop policy own on notes; create policy mine on notes to authenticated using (auth.uid() = owner);"
            ),
            [""; 0]
        );
    }

    #[test]
    fn the_statement_that_did_it_is_cited() {
        assert_eq!(
            told_of(NOTES, "revoke all on notes from authenticated; truncate notes;"),
            [
                "breaking: authenticated can no longer read, add, change or delete rows of public.notes (was: own rows) [revoke all on notes from authenticated]"
            ]
        );
        assert_eq!(
            told_of(
                NOTES,
                "revoke delete on notes from authenticated;
                 revoke insert on notes from authenticated;
                 comment on table notes is 'notes';"
            ),
            [
                "breaking: authenticated can no longer add rows to public.notes (was: own rows) [revoke insert on notes from authenticated]",
                "breaking: authenticated can no longer delete rows of public.notes (was: own rows) [revoke delete on notes from authenticated]",
            ]
        );
        assert_eq!(
            told_of(
                "select 1;",
                "create table t (id int); alter table t enable row level security;
                 create view v as select id from t;
                 revoke all on v from authenticated; grant select on v to anon;"
            )[0],
            "dangerous: anon can read, change and delete all rows of public.v, and add new ones (new view) [create view v as select id from t]"
        );
        assert_eq!(
            told_of(NOTES, "drop table notes; comment on schema public is 'no notes here';"),
            [
                "breaking: public.notes is gone: authenticated could read, add, change and delete rows of it [drop table notes]"
            ]
        );
    }

    #[test]
    fn a_table_behind_a_view_of_the_caller_is_closed() {
        let view = format!("{NOTES} create view v with (security_invoker) as select id from notes;");
        assert_eq!(
            told_of(&view, "revoke all on notes from authenticated;")[1],
            "breaking: authenticated can no longer read, add, change or delete rows of public.v (was: own rows) [revoke all on notes from authenticated]"
        );
    }

    /// A table of a schema that the Data API does not serve.
    const CORE: &str = "create schema core; grant usage on schema core to anon, authenticated;
        create table core.accounts (id int primary key, owner uuid, name text);
        alter table core.accounts enable row level security;
        grant select, update on core.accounts to authenticated;
        create policy own on core.accounts to authenticated using (owner = auth.uid());
        create function rename_account(account int, new_name text) returns void language plpgsql as $$ begin
            update core.accounts set name = new_name where id = account; end $$;";

    #[test]
    fn functions_with_their_callers_rights_come_to_what_is_not_served() {
        let lists = format!(
            "{CORE} create function accounts() returns setof core.accounts language sql as
            'select * from core.accounts';"
        );
        assert_eq!(
            told_of(&lists, "alter policy own on core.accounts using (true);"),
            [
                "dangerous: authenticated can now read and change all rows of core.accounts through public.accounts and public.rename_account (was: own rows) [true]"
            ]
        );
        assert_eq!(
            told_of(
                &lists,
                "grant select on core.accounts to anon; alter table core.accounts disable row level security;"
            )[0],
            "dangerous: anon can now read all rows of core.accounts through public.accounts (was: no rows) [disable row level security]"
        );
        // Through a helper, and a view that asks for the rights of who calls.
        let behind = format!(
            "{CORE} create function core.list() returns setof core.accounts language sql as
            'select * from core.accounts';
            create view core.names with (security_invoker) as select name from core.accounts;
            grant select on core.names to authenticated;
            create function names() returns setof text language sql as 'select name from core.names';
            create function helped() returns bigint language sql as 'select count(*) from core.list()';"
        );
        assert_eq!(
            told_of(&behind, "alter policy own on core.accounts using (true);")[0],
            "dangerous: authenticated can now read and change all rows of core.accounts through public.helped, public.names and 1 more function (was: own rows) [true]"
        );
    }

    #[test]
    fn a_function_that_asks_who_calls_may_give_less() {
        let asks = format!(
            "{CORE} create function mine() returns setof core.accounts language sql as
            'select * from core.accounts where owner = auth.uid()';
            create function one(account int) returns json language plpgsql as $$ begin
                if auth.uid() is null then raise exception 'no'; end if;
                return (select to_json(a) from core.accounts a where id = account); end $$;
            drop function rename_account;"
        );
        assert_eq!(
            told_of(&asks, "alter policy own on core.accounts using (true);"),
            [
                "review: authenticated can now read all rows of core.accounts as far as public.mine and public.one let them (was: own rows) [true]"
            ]
        );
    }

    #[test]
    fn a_new_way_to_what_was_open_is_to_be_reviewed() {
        let open = "create schema core; grant usage on schema core to authenticated;
            create table core.settings (id int primary key); grant select on core.settings to authenticated;";
        assert_eq!(
            told_of(
                open,
                "create function settings() returns setof core.settings language sql as 'select * from core.settings';"
            ),
            [
                "review: authenticated can now read all rows of core.settings through public.settings (was: no rows) [create function settings() returns setof core.settings language sql as 'select * from core.settings']"
            ]
        );
        assert_eq!(
            told_of(
                "create schema core; grant usage on schema core to authenticated;",
                "create table core.settings (id int primary key); grant select on core.settings to authenticated;
                 create function settings() returns setof core.settings language sql as 'select * from core.settings';"
            ),
            [
                "review: authenticated can read all rows of core.settings through public.settings (new table) [create table core.settings (id int primary key)]"
            ]
        );
    }

    #[test]
    fn what_no_caller_comes_to_is_not_told() {
        let definer = CORE.replace("language plpgsql as", "language plpgsql security definer as");
        let closed =
            format!("{CORE} revoke execute on function rename_account from public, anon, authenticated;");
        let text = CORE.replace(
            "update core.accounts set name = new_name where id = account;",
            "execute 'update core.' || new_name || ' set name = null';",
        );
        for base in [definer, closed, text] {
            assert_eq!(told_of(&base, "alter policy own on core.accounts using (true);"), [""; 0], "{base}");
        }
    }

    #[test]
    fn a_fence_that_falls_is_reviewed_where_rows_stay_own() {
        let members = "create table members (team int, who uuid);";
        let team = "team in (select m.team from members m where m.who = auth.uid())";
        let aal = "(auth.jwt() ->> 'aal') = 'aal2'";
        let fence = |condition: &str| {
            format!(
                "{members} {NOTES} create policy fence on notes as restrictive to authenticated using ({condition});"
            )
        };
        let own = |condition: &str| {
            NOTES.replace("owner = auth.uid()", &format!("owner = auth.uid() and {condition}"))
        };
        let can = "authenticated may now read, change and delete more rows of public.notes, and add more (own rows, as before)";
        for (base, change, why) in [
            (fence(aal), "drop policy fence on notes;", "restrictive policy fence no longer holds them back"),
            (
                fence(team),
                "drop policy fence on notes;",
                "restrictive policy fence no longer holds them back",
            ),
            (
                fence(team),
                "alter policy fence on notes to anon;",
                "restrictive policy fence no longer holds them back",
            ),
            (
                fence("team = 1"),
                "alter policy fence on notes using (team = 1 or team = 2);",
                "restrictive policy fence asks something else",
            ),
            (
                own(aal),
                "alter policy own on notes using (owner = auth.uid());",
                "how they signed in is no longer asked",
            ),
        ] {
            let place = change.trim_end_matches(';');
            let told = told_of(&base, change);
            let [told] = told.as_slice() else { panic!("{change}: {told:?}") };
            assert!(told.starts_with(&format!("review: {can}: {why} [")), "{told}");
            assert!(place.contains(told.rsplit('[').next().unwrap_or("?").trim_end_matches(']')), "{told}");
        }
        // What is the caller's own in any case is theirs to see.
        assert_eq!(
            told_of(&own("team = 1"), "alter policy own on notes using (owner = auth.uid());"),
            [
                "safe: authenticated can now read, change and delete more rows of public.notes, and add more (own rows, as before) [owner = auth.uid()]"
            ]
        );
        // The same under another name, or in the policy itself.
        for same in [
            format!(
                "drop policy fence on notes; create policy other on notes as restrictive to authenticated using ({aal});"
            ),
            format!(
                "drop policy fence on notes; alter policy own on notes using (owner = auth.uid() and {aal});"
            ),
        ] {
            assert_eq!(told_of(&fence(aal), &same), [""; 0], "{same}");
        }
    }

    #[test]
    fn rows_that_policies_decide_by_are_reviewed() {
        let teams = "create table teams (id int primary key); alter table teams enable row level security;
            create table members (id int primary key, team int, who uuid, note text);
            alter table members enable row level security;
            create policy sees on members for select to authenticated using (who = auth.uid());
            create policy members_see on teams for select to authenticated
              using (id in (select m.team from members m where m.who = auth.uid()));";
        let joins =
            "create policy joins on members for insert to authenticated with check (who = auth.uid());";
        assert_eq!(
            told_of(teams, joins),
            [
                "review: authenticated can now add own rows to public.members (was: no rows; policies on public.teams decide by team) [who = auth.uid()]"
            ]
        );
        let noted = format!(
            "revoke insert on members from authenticated; grant insert (who, note) on members to authenticated; {joins}"
        );
        assert!(told_of(teams, &noted)[0].starts_with("safe: authenticated can now add own rows"));
    }

    #[test]
    fn a_weak_restrictive_policy_holds_rows_to_nobody() {
        let notes = |fence: &str| {
            format!(
                "{NOTES} alter table notes add deleted_at timestamptz, add open bool;
                revoke insert, update, delete on notes from authenticated;
                create policy fence on notes as restrictive to authenticated using ({fence});"
            )
        };
        let told_with = |fence: &str, change: &str| told_of(&notes(fence), change);
        let shared = "create policy shared on notes for select to authenticated using (true);";
        for (fence, message) in [
            (
                "auth.jwt() ->> 'aal' = 'aal2'",
                "dangerous: authenticated can now read all rows of public.notes: only how they signed in is asked (was: own rows) [true]",
            ),
            (
                "deleted_at is null",
                "dangerous: authenticated can now read all rows of public.notes: only whether a row is deleted is asked (was: own rows) [true]",
            ),
            (
                "deleted_at is null and (auth.jwt() ->> 'is_anonymous')::bool is false",
                "dangerous: authenticated can now read all rows of public.notes: only how they signed in and whether a row is deleted is asked (was: own rows) [true]",
            ),
            (
                "auth.uid() is not null",
                "dangerous: authenticated can now read all rows of public.notes (was: own rows) [true]",
            ),
            (
                "open",
                "review: authenticated can now read some rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
            ),
            (
                "auth.jwt() -> 'app_metadata' ->> 'role' = 'admin'",
                "review: authenticated can now read some rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
            ),
            (
                "auth.jwt() ->> 'aal' = 'aal2' and team::text = auth.jwt() ->> 'team'",
                "review: authenticated can now read tenant rows of public.notes (was: own rows; only restrictive policy fence holds rows back now) [true]",
            ),
        ] {
            assert_eq!(told_with(fence, shared), [message], "{fence}");
        }
        let open = format!("{} {shared}", notes("auth.jwt() ->> 'aal' = 'aal2'"));
        assert_eq!(told_of(&open, "alter policy fence on notes using (deleted_at is null);").len(), 1);
        assert_eq!(
            told_of(
                &open,
                "alter policy fence on notes using (auth.jwt() ->> 'aal' = 'aal2' and deleted_at is null);"
            ),
            [
                "safe: authenticated can now read fewer rows of public.notes (some rows, as before) [auth.jwt() ->> 'aal' = 'aal2' and deleted_at is null]"
            ]
        );
    }

    #[test]
    fn new_rows_that_only_a_session_is_asked_for() {
        let notes = format!(
            "{NOTES} create policy mfa on notes as restrictive to authenticated
                using (auth.jwt() ->> 'aal' = 'aal2') with check (auth.jwt() ->> 'aal' = 'aal2');"
        );
        assert_eq!(
            told_of(
                &notes,
                "create policy p on notes for update to authenticated using (true) with check (true);"
            ),
            [
                "review: authenticated can now turn the rows of public.notes that they change into any: only how they signed in is asked (was: into own rows) [true]"
            ]
        );
    }

    #[test]
    fn columns_that_a_view_of_the_caller_reads_count() {
        let view = "create table notes (id int primary key, owner uuid, title text, secret text);
            alter table notes enable row level security; revoke all on notes from anon;
            create policy own on notes to authenticated using (owner = auth.uid());
            create view v with (security_invoker) as select id, title from notes;";
        let grants =
            "revoke select on notes from authenticated; grant select (id, title) on notes to authenticated;";
        let of_table = "breaking: authenticated can now read id and title of public.notes (was: all columns) [grant select (id, title) on notes to authenticated]";
        assert_eq!(told_of(view, grants), [of_table]);
        let all = view.replace("id, title from", "* from");
        assert_eq!(
            told_of(&all, grants),
            [
                of_table,
                "breaking: authenticated can no longer read, change or delete rows of public.v (was: own rows) [revoke select on notes from authenticated]",
            ]
        );
        let joined = view
            .replace("from notes;", "from notes where id in (select id from notes join notes n using (id));");
        assert_eq!(
            told_of(&joined, grants)[1..],
            [
                "review: it is not known which rows of public.v authenticated can read (was: own rows) [grant select (id, title) on notes to authenticated]",
                "review: it is not known which rows of public.v authenticated can change and delete, and which they can add (was: own rows) [revoke select on notes from authenticated]",
            ]
        );
    }

    #[test]
    fn rows_of_one_kind_are_compared() {
        let table = "create table t (id int primary key, owner uuid, team int, open bool, done bool);
            create table m (who uuid, team int); revoke all on m from anon, authenticated;
            grant select on m to authenticated; alter table t enable row level security;
            revoke all on t from anon; revoke insert, update, delete on t from authenticated;";
        let told_of = |using: &str, change: &str| {
            told_of(&format!("{table} create policy p on t for select using ({using});"), change)
        };
        assert_eq!(
            told_of("owner = auth.uid()", "alter policy p on t using (owner = auth.uid() and not done);"),
            [
                "safe: authenticated can now read fewer rows of public.t (own rows, as before) [owner = auth.uid() and not done]"
            ]
        );
        assert_eq!(
            told_of("open", "alter policy p on t using (open or done);"),
            [
                "review: authenticated can now read more rows of public.t (some rows, as before) [open or done]"
            ]
        );
        assert_eq!(
            told_of("open", "create policy q on t for select using (done);"),
            ["review: authenticated can now read more rows of public.t (some rows, as before) [done]"]
        );
        assert_eq!(
            told_of("open", "alter policy p on t using (done);"),
            ["review: authenticated can now read other rows of public.t (some rows, as before) [done]"]
        );
        assert_eq!(
            told_of("random() < 0.5 and open", "alter policy p on t using (open and random() < 0.5);"),
            [""; 0]
        );
        assert_eq!(told_of("open", "alter table t rename column open to public;"), [""; 0]);
    }

    #[test]
    fn to_lose_a_policy_for_select_is_no_gain() {
        let notes = "create table notes (id int primary key, open bool);
            alter table notes enable row level security; revoke all on notes from anon;
            create function unread(int) returns bool language plpgsql
                as 'begin for i in 1..2 loop return true; end loop; return false; end';
            create policy few on notes for select using (unread(id));
            create policy rest on notes for select using (open);
            create policy change on notes for update using (open) with check (open);";
        assert_eq!(
            told_of(notes, "drop policy rest on notes;"),
            [
                "review: authenticated can now read and change fewer rows of public.notes (not known which, as before) [drop policy rest on notes]",
            ]
        );
    }

    #[test]
    fn what_rows_may_become() {
        let notes = format!(
            "{NOTES} drop policy own on notes;
            create policy read on notes for select to authenticated using (owner = auth.uid());
            create policy change on notes for update to authenticated using (owner = auth.uid());"
        );
        assert_eq!(
            told_of(&notes, "alter policy change on notes with check (true);"),
            [
                "review: authenticated can now turn the rows of public.notes that they change into any (was: into own rows) [true]"
            ]
        );
    }

    #[test]
    fn what_no_condition_holds_back_is_to_be_reviewed() {
        let notes = "create table notes (id int primary key, owner uuid);
            alter table notes enable row level security; revoke all on notes from anon;
            create policy seen on notes for select to authenticated using (owner = auth.uid());";
        assert_eq!(
            told_of(notes, "create policy p on notes for delete to authenticated using (true);"),
            [
                "review: authenticated can now delete all rows of public.notes with a statement that has no condition (was: no rows) [true]",
                "safe: authenticated can now delete own rows of public.notes (was: no rows) [true]",
            ]
        );
        assert_eq!(
            told_of(
                notes,
                "create policy p on notes for update to authenticated using (owner = auth.uid()) with check (true);"
            ),
            [
                "review: authenticated can now turn the rows of public.notes that they change into any (was: into no rows) [true]",
                "safe: authenticated can now change own rows of public.notes (was: no rows) [owner = auth.uid()]",
            ]
        );
        let own = "create policy p on notes for update to authenticated using (owner = auth.uid());";
        assert_eq!(
            told_of(notes, own),
            [
                "safe: authenticated can now change own rows of public.notes (was: no rows) [owner = auth.uid()]"
            ]
        );
        assert_eq!(
            told_of(
                "select 1;",
                &format!(
                    "{notes} create policy p on notes for delete to authenticated using (true);
                     create policy q on notes for update to authenticated using (owner = auth.uid()) with check (true);"
                )
            ),
            [
                "review: authenticated can turn the rows of public.notes that they change into any (new table) [true]",
                "review: authenticated can delete all rows of public.notes with a statement that has no condition (new table) [true]",
                "safe: authenticated can read, change and delete own rows of public.notes (new table) [owner = auth.uid()]",
            ]
        );
    }

    #[test]
    fn who_can_call_a_function_is_access() {
        let wipe = "create function wipe(int) returns void language sql security definer as 'select 1';";
        let closed = format!("{wipe} revoke execute on function wipe from public, anon, authenticated;");
        assert_eq!(
            told_of("select 1;", wipe),
            [
                "review: anon and authenticated can call public.wipe(integer), which runs with its owner's rights (new function) [create function wipe(int) returns void language sql security definer as 'select 1']"
            ]
        );
        assert_eq!(told_of("select 1;", &closed), [""; 0]);
        let invoker = wipe.replace(" security definer", "");
        assert_eq!(told_of("select 1;", &invoker), [""; 0]);
        assert_eq!(
            told_of(&closed, "grant execute on function wipe to anon; select 1;"),
            [
                "review: anon can now call public.wipe(integer), which runs with its owner's rights (was: nobody) [grant execute on function wipe to anon]"
            ]
        );
        assert_eq!(
            told_of(wipe, "select 1; revoke execute on function wipe from public, anon;"),
            [
                "breaking: anon can no longer call public.wipe(integer) [revoke execute on function wipe from public, anon]"
            ]
        );
        assert_eq!(
            told_of(&invoker, "alter function wipe security definer;"),
            [
                "review: public.wipe(integer), which anon and authenticated can call, now runs with its owner's rights (was: the caller's) [alter function wipe security definer]"
            ]
        );
        assert_eq!(
            told_of(wipe, "drop function wipe;"),
            [
                "breaking: public.wipe(integer) is gone: anon and authenticated could call it [drop function wipe]"
            ]
        );
        let trigger = "create function touch() returns trigger language plpgsql security definer as 'begin return new; end';";
        assert_eq!(told_of("select 1;", trigger), [""; 0]);
    }

    #[test]
    fn what_takes_the_old_name_is_new() {
        let rename = "alter table notes rename to pages; create view notes with (security_invoker) as select id, owner from pages;";
        assert_eq!(
            told_of(NOTES, rename),
            [
                "breaking: public.notes is now called public.pages [alter table notes rename to pages]",
                "safe: authenticated can read, change and delete own rows of public.notes, and add such rows (new view) [create view notes with (security_invoker) as select id, owner from pages]",
            ]
        );
        let swap = "create table a (id int); create table b (id text);
            alter table a enable row level security; alter table b enable row level security;";
        let told =
            told_of(swap, "alter table a rename to c; alter table b rename to a; alter table c rename to b;");
        assert_eq!(told.len(), 2, "{told:?}");
        let block = "do $$ begin for i in 1..3 loop execute format('create table t%s (id int)', i); end loop; end $$;";
        assert_eq!(told_of(block, "select 1;"), [""; 0]);
        assert_eq!(
            told_of(NOTES, "create schema app; alter table notes set schema app;"),
            [
                "breaking: public.notes is now called app.notes, which the Data API does not serve [alter table notes set schema app]",
                "breaking: authenticated can no longer read, add, change or delete rows of app.notes (was: own rows) [alter table notes set schema app]",
            ]
        );
    }

    #[test]
    fn a_function_that_takes_rows_of_a_renamed_table_is_the_same() {
        let pay = format!(
            "{NOTES} create function pay(notes) returns void language sql security definer as 'select 1';"
        );
        assert_eq!(
            told_of(&pay, "alter table notes rename to pages;"),
            ["breaking: public.notes is now called public.pages [alter table notes rename to pages]"]
        );
    }

    #[test]
    fn a_copy_is_as_dangerous_as_a_view() {
        assert_eq!(
            told_of(NOTES, "create materialized view copied as select id from notes;"),
            [
                "dangerous: anon and authenticated can read all rows of public.copied (new view) [create materialized view copied as select id from notes]"
            ]
        );
    }

    #[test]
    fn a_view_that_shows_other_relations_is_not_compared_by_its_rows() {
        let view =
            format!("{NOTES} create table secrets (note text); create view v as select id from notes;");
        let told =
            told_of(&view, "drop view v; create view v as select n.id, s.note from notes n, secrets s;");
        assert!(
            told.iter().any(|one| one.starts_with("review: it is not known which rows of public.v")),
            "{told:?}"
        );
        assert!(!told.iter().any(|one| one.contains("fewer")), "{told:?}");
    }

    #[test]
    fn what_a_view_shows_more_is_told() {
        let people = "create table people (id int primary key, owner uuid, nick text, bio text, email text, phone text);
            alter table people enable row level security; revoke all on people from anon;
            create policy own on people to authenticated using (owner = auth.uid());
            create table secrets (id int primary key, note text); alter table secrets enable row level security;
            create table posts (id int primary key, title text); alter table posts enable row level security;
            create policy all_of_them on posts for select using (true);
            create view v as select id, nick from people; revoke all on v from anon, authenticated;
            grant select on v to authenticated;";
        let told = |query: &str| told_of(people, &format!("select 1; create or replace view v as {query};"));
        let place = |query: &str| format!("[create or replace view v as {query}]");
        let through = "through public.v (all rows)";
        for (query, expected) in [
            ("select id, nick from people", None),
            (
                "select id, nick, bio from people",
                Some("review: authenticated can now read bio of public.people"),
            ),
            (
                "select id, nick, bio, email from people",
                Some("dangerous: authenticated can now read bio and email of public.people"),
            ),
            (
                "select id, nick, email is null as mute from people",
                Some("review: authenticated can now read what is computed from email of public.people"),
            ),
            (
                "select id, nick, (select note from secrets limit 1) as note from people",
                Some("review: authenticated can now read note of public.secrets"),
            ),
            // Whoever reads the view reads all of these anyway.
            ("select id, nick, (select title from posts limit 1) as title from people", None),
            (
                "select id, nick, (select raw_user_meta_data from auth.users u where u.id = owner) as data from people",
                Some("dangerous: authenticated can now read raw_user_meta_data of auth.users"),
            ),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|words| format!("{words} {through} {}", place(query))).collect();
            assert_eq!(told(query), expected, "{query}");
        }
        // A table more is for few where nobody was granted the view by name.
        let unnamed =
            people.replace("revoke all on v from anon, authenticated;", "revoke all on v from anon;");
        let unnamed = unnamed.replace("grant select on v to authenticated;", "");
        let join =
            "create or replace view v as select p.id, nick, note from people p join secrets using (id);";
        let shown = |project: &str| {
            told_of(project, join).iter().find_map(|one| Some(one.split_once(" through ")?.0.to_string()))
        };
        assert_eq!(
            shown(&unnamed).as_deref(),
            Some("dangerous: authenticated can now read note of public.secrets")
        );
        let public = format!("{people} grant select on v to anon;");
        assert_eq!(
            shown(&public).as_deref(),
            Some("review: anon and authenticated can now read note of public.secrets")
        );
        let own = "select id, nick, email from people where owner = auth.uid()";
        assert_eq!(
            told(own),
            [
                format!(
                    "safe: authenticated can no longer read all rows of public.v (now: own rows) {}",
                    place(own)
                ),
                format!(
                    "safe: authenticated can now read email of public.people through public.v (own rows) {}",
                    place(own)
                ),
            ]
        );
        let invoker =
            "create or replace view v with (security_invoker) as select id, nick, email from people;";
        assert!(!told_of(people, invoker).iter().any(|one| one.contains("through")));
    }

    #[test]
    fn what_has_another_name_is_shown_as_before() {
        let people = format!("{NOTES} create view v as select id, owner from notes;");
        let told = told_of(
            &people,
            "alter table notes rename to pages; alter table pages rename column owner to author; alter view v rename to w;",
        );
        assert!(!told.iter().any(|one| one.contains("through")), "{told:?}");
        let told = told_of(
            &people,
            "drop view v; create view v as select * from (select id from notes) n natural join notes;",
        );
        assert_eq!(told.iter().filter(|one| one.contains("through")).count(), 1, "{told:?}");
    }

    #[test]
    fn a_new_view_that_shows_more_than_its_table_is_dangerous() {
        assert_eq!(
            told_of(
                "select 1;",
                "create table notes (id int primary key, owner uuid);
                 alter table notes enable row level security;
                 create policy own on notes to authenticated using (owner = auth.uid());
                 create view v as select id from notes; revoke all on v from anon;
                 revoke insert, update, delete on v from authenticated;"
            ),
            [
                "dangerous: authenticated can read all rows of public.v (new view) [create view v as select id from notes]",
                "safe: authenticated can read, change and delete own rows of public.notes, and add such rows (new table) [owner = auth.uid()]",
            ]
        );
        let open = "create table posts (id int primary key); alter table posts enable row level security;
            create policy all_of_them on posts for select using (true);";
        let view = "create view v as select id from posts; revoke insert, update, delete on v from anon, authenticated;";
        assert_eq!(
            told_of(open, view),
            [
                "review: anon and authenticated can read all rows of public.v (new view) [create view v as select id from posts]"
            ]
        );
    }
}
