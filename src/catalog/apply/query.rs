//! Queries and changes of rows: the catalog does not run them, but what they name must be there.

use crate::catalog::bind::Binder;
use crate::catalog::misfit::Misfit;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::Query;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ChangeKind, DataChange, ObjectKind, RowTarget};

impl Catalog {
    /// Notes what a query names in vain. Names may be those of variables.
    pub(in crate::catalog) fn expect_names_of_query(&mut self, query: &Query, variables: &[Ident]) {
        let mut binder = Binder::new(self).with_variables(variables.iter().cloned());
        binder.query(&mut query.clone());
        let unfit = binder.into_unfit();
        self.unfit.extend(unfit);
    }

    /// Notes what a change of rows names in vain, and values that its table does not take. Names may be
    /// those of variables.
    pub(in crate::catalog) fn expect_names_of_change(&mut self, change: &DataChange, variables: &[Ident]) {
        let is_merge = change.kind == ChangeKind::Merge;
        if !is_merge {
            self.expect_bound(change, variables);
        }
        let table = &change.table.name;
        if is_merge && self.resolve_relation(table).is_none() {
            return self.unfit.push(Misfit::missing(ObjectKind::Table, table));
        }
        let assigned = change.assignments.iter().map(|(name, _)| name);
        let named = change.columns.iter().chain(assigned).map(|name| (name, table.span));
        self.expect_columns(table, named);
    }

    /// Notes what the target of a change names in vain.
    pub(super) fn expect_target(&mut self, target: &RowTarget) {
        if self.resolve_relation(&target.table).is_none() {
            return self.unfit.push(Misfit::missing(ObjectKind::Table, &target.table));
        }
        self.expect_columns(&target.table, target.columns.iter().map(|(name, span)| (name, *span)));
    }

    /// Notes columns that a relation lacks.
    fn expect_columns<'a>(&mut self, table: &ObjectName, named: impl Iterator<Item = (&'a Ident, Span)>) {
        let Some((found, Relation::Table(oid) | Relation::View(oid))) = self.resolve_relation(table) else {
            return;
        };
        let Some((columns, true)) = self.columns_of(oid) else { return };
        let missing: Vec<_> = named
            .filter(|(name, _)| columns.iter().all(|column| column.name != **name))
            .map(|(name, span)| Misfit::missing_part(ObjectKind::Column, name, &found).at(span))
            .collect();
        self.unfit.extend(missing);
    }
}
