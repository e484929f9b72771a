//! Queries and changes of rows: the catalog does not run them, but what they name must be there.

use crate::catalog::bind::Binder;
use crate::catalog::misfit::{Misfit, Reason};
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::{Query, QueryBody};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ChangeKind, DataChange, ObjectKind, RowTarget};

impl Catalog {
    /// Notes what a query names in vain.
    pub(in crate::catalog) fn expect_names_of_query(&mut self, query: &Query) {
        let mut binder = Binder::new(self);
        binder.query(&mut query.clone());
        let unfit = binder.into_unfit();
        self.unfit.extend(unfit);
    }

    /// Notes what a change of rows names in vain. Rows that are written out are not looked at: there
    /// may be many, and they hold constants.
    pub(in crate::catalog) fn expect_names_of_change(&mut self, change: &DataChange) {
        let is_written_out =
            change.source.as_ref().is_some_and(|source| matches!(source.body, QueryBody::Values(_)));
        if change.kind != ChangeKind::Merge && !is_written_out {
            let mut binder = Binder::new(self);
            binder.change(&mut change.clone());
            let unfit = binder.into_unfit();
            self.unfit.extend(unfit);
        }
        let table = &change.table.name;
        if is_written_out && self.resolve_relation(table).is_none() {
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

    /// Of what was noted, forgets columns: in a block they may be variables.
    pub(in crate::catalog) fn take_unfit_of_block(&mut self) -> Vec<Misfit> {
        let mut unfit = std::mem::take(&mut self.unfit);
        unfit.retain(|misfit| !matches!(misfit.reason, Reason::Missing { kind: ObjectKind::Column, .. }));
        unfit
    }
}
