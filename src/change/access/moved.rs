//! What got another name: known by the statement that made it, or of columns by the number.

use std::hash::Hash;

use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::catalog::table::Table;
use crate::change::access::{New, Side};
use crate::change::{Renamed, RenamedPart};
use crate::map::IndexMap;
use crate::source::FileId;

/// The place of a statement: path and offset.
type Place<'a> = (&'a str, u32);

/// The project's tables and views that have another name or schema now, and their policies and columns.
pub(super) fn renamed(before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Renamed {
    let is_old = |file: FileId| !new.files.contains(&file);
    let was = relations(before).filter_map(|(name, made)| Some((birth(before, made, &|_| true)?, name)));
    let is = relations(after).filter_map(|(name, made)| Some((birth(after, made, &is_old)?, name)));
    let relations: Vec<_> = unlike(was, is).map(|(was, is)| (was.clone(), is.clone())).collect();
    let mut parts = Vec::new();
    for table in after.catalog.own_tables() {
        let old = relations.iter().find(|(_, is)| *is == table.name).map_or(&table.name, |(was, _)| was);
        let Some(earlier) = before.catalog.table(old) else { continue };
        let made = birth(after, &table.history, &is_old);
        if made.is_none() || made != birth(before, &earlier.history, &|_| true) {
            continue;
        }
        let mut add = |kind, was: &str, is: &str| {
            parts.push(RenamedPart { kind, of: table.name.clone(), old: was.into(), new: is.into() });
        };
        unlike(policies(before, earlier, &|_| true), policies(after, table, &is_old))
            .for_each(|(was, is)| add("policy", was, is));
        unlike(columns(earlier), columns(table)).for_each(|(was, is)| add("column", was, is));
    }
    Renamed { relations, parts }
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

fn relations<'a>(side: Side<'a>) -> impl Iterator<Item = (&'a QName, &'a History)> {
    let tables = side.catalog.own_tables().map(|table| (&table.name, &table.history));
    tables.chain(side.catalog.own_views().map(|view| (&view.name, &view.history)))
}

fn policies<'a>(
    side: Side<'a>,
    table: &'a Table,
    wanted: &dyn Fn(FileId) -> bool,
) -> impl Iterator<Item = (Place<'a>, &'a str)> {
    table
        .policies
        .values()
        .filter_map(move |policy| Some((birth(side, &policy.history, wanted)?, policy.name.as_str())))
}

fn columns(table: &Table) -> impl Iterator<Item = (i16, &str)> {
    table.columns.iter().map(|column| (column.attnum, column.name.as_str()))
}

/// The statement that made something, if it stands in such a file.
fn birth<'a>(side: Side<'a>, made: &History, wanted: &dyn Fn(FileId) -> bool) -> Option<Place<'a>> {
    let span = made.created.span().filter(|span| wanted(span.file))?;
    Some((side.sources.get(span.file).path.as_str(), span.start))
}
