//! How what is done with the rows of a relation differs from before, and how that is to be taken.

use std::cell::LazyCell;

use crate::access::authority::Authority;
use crate::access::{Cell, Reason, in_words};
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Table};
use crate::catalog::view::View;
use crate::change::access::cause::{Effect, Part};
use crate::change::access::conditions::Conditions;
use crate::change::access::opened::{asked, fallen, fences};
use crate::change::access::passed::{capped, was_passed_only};
use crate::change::access::shown::Shown;
use crate::change::access::{New, Side, cells, history, proof};
use crate::change::stops::Cause;
use crate::change::{Class, Renamed};
use crate::predicate::{Comparison, Reach};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

/// A cell's change, before those that are alike are told together.
pub(super) struct Step {
    pub(super) role: String,
    pub(super) command: PolicyCommand,
    pub(super) kind: Kind,
    pub(super) before: Reach,
    pub(super) after: Reach,
    pub(super) class: Class,
    pub(super) cause: Option<Cause>,
}

/// What of a cell is different.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Rows of another kind are reached.
    Reach,
    /// The same, where of the rows before it is only known that they were these at most.
    Beyond(Reach),
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
    /// The privilege is on these columns, and was on those; the columns for few among those of all rows that can be read
    /// now.
    Columns { is: String, was: String, private: Vec<Ident> },
    /// A view shows columns of a table that it did not show.
    Shown(Shown),
}

impl Step {
    pub(super) fn effect(&self, names: [&QName; 2]) -> Effect {
        let names = names.map(Clone::clone);
        let part = match &self.kind {
            Kind::Reach
            | Kind::Beyond(_)
            | Kind::Aside(_)
            | Kind::Within(_)
            | Kind::MaybeWithin(_)
            | Kind::Open(_) => Part::Rows,
            Kind::Loosened(_) => Part::Fences,
            Kind::Blind => Part::Blind,
            Kind::NewRows(_) => Part::NewRows,
            Kind::Columns { .. } => Part::Columns,
            Kind::Shown(shown) => return Effect::Shown(shown.clone(), names),
        };
        Effect::Cell { part, names, role: self.role.clone(), command: self.command }
    }

    /// The statement of the change that lets through what the cell does now.
    pub(super) fn given_by(&self, name: &QName, side: Side<'_>, new: &New<'_>) -> Option<Cause> {
        let cells = cells(side, name);
        let reasons = &cells.get(&(self.role.clone(), self.command))?.reasons;
        let lets = |reason: &&Reason| reason.reach == Some(self.after);
        let of_change = |span: &Span| new.files.contains(&span.file);
        reasons.iter().filter(lets).find_map(|reason| reason.origin.span().filter(of_change)).map(Cause::at)
    }

    /// The part of a statement that the cell has as a reason; else its first line.
    pub(super) fn narrowed(&self, cause: Cause, name: &QName, side: Side<'_>) -> Cause {
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

/// How the cells of a relation that was there before have changed.
pub(super) fn changed(
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
        if let Some(earlier) = earlier.filter(|one| one.is_doubtful && one.reach == Reach::Unknown)
            && cell.reach == Reach::All
        {
            let (kind, class) = opened_in_doubt(earlier);
            add(kind, from, cell.reach, class);
            continue;
        }
        let beyond = Beyond::of(earlier, cell, after.catalog.table(name).is_some());
        if let Some(was) = beyond.blind {
            add(Kind::Blind, was, Reach::All, Class::Review);
        }
        if let Some(asked) = asked(&conditions, |one| Some(&one.rows)).filter(|_| cell.reach != Reach::All) {
            add(Kind::Open(asked), from, cell.reach, Class::Dangerous);
            continue;
        }
        let compared = || conditions.compared(|one| Some(&one.rows));
        let judged = || judged(*command, from, cell.reach, &compared);
        let loosened = || {
            let is_looser = || !matches!(compared(), Comparison::Same | Comparison::Fewer);
            let fallen = fallen(&conditions, [old, name], role, *command);
            let loosened =
                fallen.filter(|_| is_looser()).map(|fallen| (Kind::Loosened(fallen), Class::Review));
            loosened.or_else(judged)
        };
        let judged = match judged() {
            None | Some((Kind::Within(_), Class::Safe))
                if from != Reach::None && cell.reach != Reach::None =>
            {
                loosened()
            }
            Some((Kind::Within(_), _)) if cell.reach == Reach::Own => loosened(),
            judged => judged,
        };
        if let Some((kind, class)) = judged {
            let aside = match (&kind, class) {
                (Kind::Reach, Class::Review) => fences(after, name, role, *command),
                (Kind::Within(Comparison::More), Class::Review) if cell.reach == Reach::Own => decided(),
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
                let asked = asked(&conditions, |one| one.new_rows.as_ref());
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
            add(Kind::NewRows(asked(&conditions, |one| one.new_rows.as_ref())), was, is, class);
        }
        let earlier = earlier.map(|earlier| named_as_now(earlier, old, renamed));
        if let Some(earlier) = earlier.filter(|earlier| earlier.columns != cell.columns) {
            let private = private_columns(after.catalog, name, &earlier, cell);
            let class = match has_columns(cell, &earlier) {
                true if private.is_empty() => Class::Review,
                true => Class::Dangerous,
                false => Class::Breaking,
            };
            let kind = Kind::Columns { is: columns(cell), was: columns(&earlier), private };
            add(kind, earlier.reach, cell.reach, class);
        }
    }
    steps
}

/// How it is to be told and taken that every row is reached, where it was not known which are: all of them may have
/// been.
fn opened_in_doubt(earlier: &Cell) -> (Kind, Class) {
    match earlier.at_most {
        Some(most @ (Reach::None | Reach::Own | Reach::Tenant | Reach::Some)) => {
            (Kind::Beyond(most), Class::Dangerous)
        }
        _ => (Kind::Reach, Class::Review),
    }
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
fn judged(
    command: PolicyCommand,
    before: Reach,
    after: Reach,
    compared: &dyn Fn() -> Comparison,
) -> Option<(Kind, Class)> {
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
            // What may not be done with a row of one's own any more, such as one that is paid, has its reasons.
            let is_harmless = after == Reach::Own && command == PolicyCommand::Select;
            Some((Kind::Within(how), if is_harmless { Class::Safe } else { Class::Review }))
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

/// What can be done with a relation that was not there.
pub(super) fn opened(
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
            Reach::All if opens_unserved(name, &role, command, before, after) => Class::Dangerous,
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

/// Whether a view that reads with the rights of its callers lets a role come to a table that was there, that the Data API
/// does not serve, and of which the role did not reach every row in any way.
fn opens_unserved(
    name: &QName,
    role: &str,
    command: PolicyCommand,
    before: Side<'_>,
    after: Side<'_>,
) -> bool {
    let Some(view) = after.catalog.view(name).filter(|view| view.security_invoker()) else { return false };
    let reached_all = |name: &QName| {
        let cell = cells(before, name).get(&(role.to_string(), command)).map(|cell| cell.reach);
        cell == Some(Reach::All)
    };
    let was_open = |table: &Table| {
        let shows = |view: &&View| {
            let mut shows = false;
            view.query.iter().for_each(|query| {
                query.walk_relations(&mut |relation| shows |= relation.target == Some(table.oid));
            });
            shows
        };
        reached_all(&table.name)
            || before.catalog.own_views().filter(shows).any(|view| reached_all(&view.name))
    };
    let mut opens = false;
    view.query.iter().for_each(|query| {
        query.walk_relations(&mut |relation| {
            let table = relation.target.and_then(|oid| after.catalog.tables.get(&oid));
            let Some(table) = table.filter(|table| !after.catalog.is_exposed(&table.name.schema)) else {
                return;
            };
            opens |= before.catalog.table(&table.name).is_some_and(|table| !was_open(table));
        });
    });
    opens
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

/// The columns that a privilege is on, in words.
fn columns(cell: &Cell) -> String {
    match &cell.columns {
        None => "all columns".to_string(),
        Some(names) => in_words(&names.iter().map(|name| name.quoted()).collect::<Vec<_>>(), "and"),
    }
}

/// A cell of before with the names that columns have now.
fn named_as_now(cell: &Cell, table: &QName, renamed: &Renamed) -> Cell {
    let now = |name: &Ident| renamed.column((table.clone(), name.clone())).1;
    let columns = cell.columns.as_ref().map(|names| names.iter().map(now).collect());
    Cell { columns, ..cell.clone() }
}

/// The columns for few that a privilege to read all rows of a table is on, and was not.
fn private_columns(catalog: &Catalog, name: &QName, earlier: &Cell, cell: &Cell) -> Vec<Ident> {
    let reads_all = cell.command == PolicyCommand::Select && cell.reach == Reach::All;
    let Some(table) = catalog.table(name).filter(|_| reads_all) else { return Vec::new() };
    let is_on = |cell: &Cell, name: &Ident| cell.columns.as_ref().is_none_or(|names| names.contains(name));
    let is_new = |column: &&Column| is_on(cell, &column.name) && !is_on(earlier, &column.name);
    let private = table.columns.iter().filter(is_new).filter(|column| table.is_private(column));
    private.map(|column| column.name.clone()).collect()
}

/// Whether a privilege is on all columns that another one is on.
fn has_columns(one: &Cell, other: &Cell) -> bool {
    match (&one.columns, &other.columns) {
        (None, _) => true,
        (_, None) => false,
        (Some(one), Some(other)) => other.iter().all(|name| one.contains(name)),
    }
}
