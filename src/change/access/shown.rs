//! What views show with the rights of their owners, and did not.

use std::collections::BTreeSet;

use crate::access::{Lineage, Value, in_words};
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::change::access::step::{Kind, Step};
use crate::change::access::{Side, cells};
use crate::change::{Class, Renamed, RenamedPart};
use crate::map::IndexMap;
use crate::predicate::Reach;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege};

/// Columns of one table that a view shows and did not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    table: QName,
    columns: Vec<Ident>,
    as_is: bool,
    /// Whether the view showed them before, with the rights of its readers.
    to_readers: bool,
}

impl Shown {
    /// `email and phone of auth.users`
    pub(super) fn in_words(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(Ident::quoted).collect();
        let columns = match columns.as_slice() {
            [first, second, third, _, _, ..] => {
                format!("{first}, {second}, {third} and {} more columns", columns.len() - 3)
            }
            columns => in_words(columns, "and"),
        };
        let made = if self.as_is { "" } else { "what is computed from " };
        format!("{made}{columns} of {}", self.table.quoted())
    }

    /// `auth.users.email`, one for each.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |column: &Ident| format!("{}.{}", self.table.quoted(), column.quoted());
        self.columns.iter().map(name).collect()
    }

    /// How the view shows them that did so before; nothing where it did not.
    pub(super) fn past_readers(&self) -> &'static str {
        if self.to_readers { " with the rights of its owner" } else { "" }
    }

    /// Whether a view of this name shows all of it.
    pub(super) fn is_in(&self, catalog: &Catalog, name: &QName) -> bool {
        let Some(view) = catalog.view(name) else { return false };
        let values = Lineage::new(catalog).of(view).of;
        let is_meant = |value: &&Value| value.as_owner || !self.to_readers;
        let shown: BTreeSet<_> =
            values.iter().filter(is_meant).filter_map(|value| named(catalog, value)).collect();
        let is_shown = |column: &Ident| {
            [true, self.as_is]
                .iter()
                .any(|as_is| shown.contains(&(self.table.clone(), column.clone(), *as_is)))
        };
        self.columns.iter().all(is_shown)
    }
}

/// What views are made of, before and after.
pub(super) struct Lineages<'a> {
    before: Lineage<'a>,
    after: Lineage<'a>,
}

/// A column by names, and whether it is shown as it is.
type Named = (QName, Ident, bool);

impl<'a> Lineages<'a> {
    pub(super) fn new(before: Side<'a>, after: Side<'a>) -> Self {
        Self { before: Lineage::new(before.catalog), after: Lineage::new(after.catalog) }
    }

    /// What each role that could read a view before can read through it now, and could not.
    pub(super) fn compared(
        &mut self,
        (old, name): (&QName, &QName),
        before: Side<'a>,
        after: Side<'a>,
        renamed: &Renamed,
    ) -> Vec<Step> {
        let is_unclear = before.catalog.may_have_changed(old, Aspect::Views)
            || after.catalog.may_have_changed(name, Aspect::Views);
        let views = before.catalog.view(old).zip(after.catalog.view(name));
        let Some((earlier, view)) = views.filter(|_| !is_unclear) else { return Vec::new() };
        let more = self.more((earlier, before), (view, after), renamed);
        let (reached, reaches) = (cells(before, old), cells(after, name));
        let mut steps = Vec::new();
        for role in after.catalog.api_roles() {
            let key = (role.name.to_string(), PolicyCommand::Select);
            let Some((from, to)) = reached.get(&key).zip(reaches.get(&key)) else { continue };
            // Of rows that are known, the cells say who reaches them now.
            let is_told = |more: &&More<'_>| match more.to_readers {
                true => to.reach == Reach::Unknown,
                false => from.reach != Reach::None && to.reach != Reach::None,
            };
            let more = more.iter().filter(is_told);
            for (shown, class) in more.filter_map(|more| more.read_by(role, to.reach, after.catalog)) {
                let (role, command) = key.clone();
                let (before, after, kind) = (from.reach, to.reach, Kind::Shown(shown));
                steps.push(Step { role, command, kind, before, after, class, cause: None });
            }
        }
        steps
    }

    /// What a view shows with an owner's rights that it did not show with anybody's, by table.
    fn more(
        &mut self,
        (earlier, before): (&View, Side<'a>),
        (view, after): (&View, Side<'a>),
        renamed: &Renamed,
    ) -> Vec<More<'a>> {
        let (was, is) = (self.before.of(earlier), self.after.of(view));
        let of = |values: &mut dyn Iterator<Item = &Value>| -> BTreeSet<Named> {
            values.filter_map(|value| Some(now(renamed, named(before.catalog, value)?))).collect()
        };
        let known = of(&mut was.of.iter());
        let known_past_readers = of(&mut was.of.iter().filter(|value| value.as_owner));
        let mut columns: IndexMap<(Oid, bool, bool), Vec<i16>> = IndexMap::default();
        for value in is.of.iter().filter(|value| value.as_owner) {
            let as_it_is = Value { as_is: true, ..*value };
            let is_new = is_new(after.catalog, value, &known_past_readers);
            if is_new && (value.as_is || !is.of.contains(&as_it_is)) {
                let to_readers = !self::is_new(after.catalog, value, &known);
                columns.entry((value.table, value.as_is, to_readers)).or_default().push(value.attnum);
            }
        }
        if columns.is_empty() {
            return Vec::new();
        }
        let unasked = after.rights.read_unasked(view);
        let is_published = after.catalog.is_published(view, &after.catalog.view_access(view));
        let read = self.before.tables(earlier);
        let more = |((oid, as_is, to_readers), attnums): ((Oid, bool, bool), Vec<i16>)| {
            let table = &after.catalog.tables[&oid];
            let is_new_table = known.iter().all(|(known, ..)| *known != table.name);
            let was_read = || read.iter().any(|read| renamed.relation(read.name.clone()) == table.name);
            // Of what could not be told, it may have been a part.
            let is_certain = was.is_known || !was_read();
            let is_unasked = unasked.contains(&oid);
            let opens_table = (is_new_table || to_readers) && !is_published;
            is_certain.then_some(More { table, as_is, to_readers, attnums, opens_table, is_unasked })
        };
        columns.into_iter().filter_map(more).collect()
    }
}

/// Columns of one table that a view did not show past its readers' rights.
struct More<'a> {
    table: &'a Table,
    attnums: Vec<i16>,
    as_is: bool,
    /// Whether it showed them with the rights of its readers.
    to_readers: bool,
    /// Whether it showed none of the table past its readers' rights, and was not granted by name to show a part of it.
    opens_table: bool,
    /// Whether nothing in the view asks for the caller.
    is_unasked: bool,
}

impl More<'_> {
    /// What of it a role that reaches such rows of the view cannot read by itself, and how that is to be taken.
    fn read_by(&self, role: &Role, reach: Reach, catalog: &Catalog) -> Option<(Shown, Class)> {
        let Self { table, attnums, as_is, to_readers, opens_table, is_unasked } = self;
        let can = |acl| catalog.can(&role.name, acl, Privilege::Select);
        let reads_rows = catalog.reads_all_rows(table, role);
        let columns = attnums.iter().filter_map(|attnum| table.column_at(*attnum));
        let columns: Vec<_> =
            columns.filter(|column| !reads_rows || !can(&table.acl) && !can(&column.acl)).collect();
        let is_private = columns.iter().any(|column| table.is_private(column));
        let class = match reach {
            _ if columns.is_empty() => return None,
            Reach::Own => Class::Safe,
            Reach::Tenant => Class::Review,
            _ if *is_unasked && *as_is && (is_private || *opens_table) => Class::Dangerous,
            _ => Class::Review,
        };
        let columns = columns.into_iter().map(|column| column.name.clone()).collect();
        let (as_is, to_readers) = (*as_is, *to_readers);
        Some((Shown { table: table.name.clone(), columns, as_is, to_readers }, class))
    }
}

fn named(catalog: &Catalog, value: &Value) -> Option<Named> {
    let table = catalog.tables.get(&value.table)?;
    Some((table.name.clone(), table.column_at(value.attnum)?.name.clone(), value.as_is))
}

/// What a column is called after the change.
fn now(renamed: &Renamed, (table, column, as_is): Named) -> Named {
    let table = renamed.relation(table);
    let is_it = |part: &&RenamedPart| part.kind == "column" && part.of == table && column == *part.old;
    let column = renamed.parts.iter().find(is_it).map_or(column, |part| Ident::from(part.new.as_str()));
    (table, column, as_is)
}

/// Whether none of what is known shows as much.
fn is_new(catalog: &Catalog, value: &Value, known: &BTreeSet<Named>) -> bool {
    let Some((table, column, as_is)) = named(catalog, value) else { return false };
    let is_shown = |as_is| known.contains(&(table.clone(), column.clone(), as_is));
    !is_shown(true) && (as_is || !is_shown(false))
}
