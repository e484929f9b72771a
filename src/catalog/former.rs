//! Names that objects had before they got another one.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Table};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

/// Of objects of one kind, the names that each has left. Names tell apart what may have the same one.
#[derive(Clone, Debug)]
pub(super) struct Former<K, N> {
    /// Of each object, and how many others had left the name before it.
    names: FxHashMap<K, Vec<(N, usize)>>,
    /// How many have left a name.
    left: FxHashMap<N, usize>,
}

impl<K, N> Default for Former<K, N> {
    fn default() -> Self {
        Self { names: FxHashMap::default(), left: FxHashMap::default() }
    }
}

impl<K: Hash + Eq, N: Hash + Eq + Clone> Former<K, N> {
    /// An object gets another name.
    pub(super) fn leave(&mut self, object: K, name: N) {
        let names = self.names.entry(object).or_default();
        if names.iter().all(|(known, _)| *known != name) {
            let left = self.left.entry(name.clone()).or_default();
            names.push((name, *left));
            *left += 1;
        }
    }

    fn of(&self, object: &K) -> &[(N, usize)] {
        self.names.get(object).map_or(&[], Vec::as_slice)
    }

    /// How many others had this name of an object before it.
    fn predecessors(&self, object: &K, name: &N) -> usize {
        let own = self.of(object).iter().find(|(known, _)| known == name).map(|(_, nth)| *nth);
        own.or_else(|| self.left.get(name).copied()).unwrap_or_default()
    }
}

impl Catalog {
    /// The names that a column had, and how many others of its table had left each before.
    pub fn former_names_of_column<'a>(
        &'a self,
        table: &Table,
        column: &'a Column,
    ) -> impl Iterator<Item = (&'a Ident, usize)> {
        let names = self.former_columns.of(&(table.oid, column.attnum)).iter();
        names.map(|((_, name), nth)| (name, *nth)).filter(|(name, _)| **name != column.name)
    }

    /// How many columns had the name of one before it and left it for another one.
    pub fn predecessors_of_column(&self, table: &Table, column: &Column) -> usize {
        self.former_columns.predecessors(&(table.oid, column.attnum), &(table.oid, column.name.clone()))
    }

    /// The names that a function had, and how many others had left each before.
    pub fn former_names_of_function<'a>(
        &'a self,
        function: &'a Function,
    ) -> impl Iterator<Item = (&'a QName, usize)> {
        let names = self.former_functions.of(&function.oid).iter();
        names.map(|(name, nth)| (name, *nth)).filter(|(name, _)| **name != function.name)
    }

    /// How many functions had the name of one before it and left it for another one.
    pub fn predecessors_of_function(&self, function: &Function) -> usize {
        self.former_functions.predecessors(&function.oid, &function.name)
    }

    pub(super) fn note_former_column(&mut self, table: Oid, attnum: i16, name: &Ident) {
        self.former_columns.leave((table, attnum), (table, name.clone()));
    }
}
