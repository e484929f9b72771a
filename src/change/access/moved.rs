//! What got another name: known by the statement that made it, which both sides have.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::Table;
use crate::change::access::{New, Side};
use crate::change::{Renamed, RenamedPart};
use crate::map::IndexMap;
use crate::source::{FileId, Sources, Span};

/// The statements that both sides have, each with a number.
#[derive(Default)]
pub struct Kept {
    was: Numbers,
    is: Numbers,
    count: usize,
}

/// Of each file, statements in order.
type Numbers = FxHashMap<FileId, Vec<(Span, usize)>>;

impl Kept {
    /// Adds statements of a file of the base and of one of the head, each two that are the same.
    pub fn add<'s>(&mut self, was: FileId, is: FileId, pairs: impl Iterator<Item = (&'s Span, &'s Span)>) {
        for (before, after) in pairs {
            self.was.entry(was).or_default().push((*before, self.count));
            self.is.entry(is).or_default().push((*after, self.count));
            self.count += 1;
        }
    }

    /// Whether the base has the statement of a place of the head.
    pub fn has(&self, place: Span) -> bool {
        statement_at(&self.is, place).is_some()
    }
}

/// The one of these statements that a place is in.
fn statement_at(numbers: &Numbers, place: Span) -> Option<&(Span, usize)> {
    let statements = numbers.get(&place.file)?;
    let next = statements.partition_point(|(statement, _)| statement.start <= place.start);
    statements.get(next.checked_sub(1)?).filter(|(statement, _)| statement.contains(place))
}

/// What made something: the number of a statement, and if that is a part of it, its text.
type Birth<'a> = (usize, &'a str);

/// One side, and its statements that the other one has.
#[derive(Clone, Copy)]
struct Known<'a> {
    side: Side<'a>,
    numbers: &'a Numbers,
}

impl<'a> Known<'a> {
    fn birth(self, made: Origin) -> Option<Birth<'a>> {
        let span = made.span()?;
        let (statement, number) = statement_at(self.numbers, span)?;
        let sources: &'a Sources = self.side.sources;
        let part = if span == *statement { "" } else { sources.text(span) };
        Some((*number, part))
    }

    fn relations(self) -> impl Iterator<Item = (Birth<'a>, &'a QName)> {
        let catalog = self.side.catalog;
        let tables = catalog.own_tables().map(|table| (&table.name, &table.history));
        let relations = tables.chain(catalog.own_views().map(|view| (&view.name, &view.history)));
        relations.filter_map(move |(name, made)| Some((self.made(made)?, name)))
    }

    fn functions(self) -> impl Iterator<Item = (Birth<'a>, &'a QName)> {
        let functions = self.side.catalog.own_functions();
        functions.filter_map(move |function| Some((self.made(&function.history)?, &function.name)))
    }

    fn policies(self, table: &'a Table) -> impl Iterator<Item = (Birth<'a>, &'a str)> {
        let policies = table.policies.values();
        policies.filter_map(move |policy| Some((self.made(&policy.history)?, policy.name.as_str())))
    }

    fn columns(self, table: &'a Table) -> impl Iterator<Item = ((Birth<'a>, i16), &'a str)> {
        let columns = table.columns.iter();
        columns.filter_map(move |column| {
            Some(((self.birth(column.origin)?, column.attnum), column.name.as_str()))
        })
    }

    fn made(self, history: &History) -> Option<Birth<'a>> {
        self.birth(history.created)
    }
}

/// The project's tables and views that have another name or schema now, and their policies and columns.
pub(super) fn renamed(before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Renamed {
    let was = Known { side: before, numbers: &new.kept.was };
    let is = Known { side: after, numbers: &new.kept.is };
    let relations: Vec<_> =
        unlike(was.relations(), is.relations()).map(|(was, is)| (was.clone(), is.clone())).collect();
    let mut parts = Vec::new();
    for table in after.catalog.own_tables() {
        let old = relations.iter().find(|(_, is)| *is == table.name).map_or(&table.name, |(was, _)| was);
        let Some(earlier) = before.catalog.table(old) else { continue };
        let made = is.made(&table.history);
        if made.is_none() || made != was.made(&earlier.history) {
            continue;
        }
        let mut add = |kind, was: &str, is: &str| {
            parts.push(RenamedPart { kind, of: table.name.clone(), old: was.into(), new: is.into() });
        };
        unlike(was.policies(earlier), is.policies(table)).for_each(|(was, is)| add("policy", was, is));
        unlike(was.columns(earlier), is.columns(table)).for_each(|(was, is)| add("column", was, is));
    }
    let is_left = |name: &QName, side: Side<'_>| side.catalog.functions_named(name).next().is_some();
    let functions = unlike(was.functions(), is.functions())
        .filter(|(was, is)| !is_left(was, after) && !is_left(is, before))
        .map(|(was, is)| (was.clone(), is.clone()));
    Renamed::new(relations, functions.collect(), parts)
}

/// What was made in the same way and has different names, where there is but one of it.
fn unlike<K: Hash + Eq, N: Eq + Copy>(
    was: impl Iterator<Item = (K, N)>,
    is: impl Iterator<Item = (K, N)>,
) -> impl Iterator<Item = (N, N)> {
    let mut made: IndexMap<K, (Vec<N>, Vec<N>)> = IndexMap::default();
    was.for_each(|(key, name)| made.entry(key).or_default().0.push(name));
    is.for_each(|(key, name)| made.entry(key).or_default().1.push(name));
    made.into_values().filter_map(|(was, is)| {
        let mut lost = was.iter().filter(|name| !is.contains(name));
        let mut found = is.iter().filter(|name| !was.contains(name));
        match (lost.next(), lost.next(), found.next(), found.next()) {
            (Some(was), None, Some(is), None) => Some((*was, *is)),
            _ => None,
        }
    })
}
