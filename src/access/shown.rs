//! What views show of tables past the rights of the caller.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::{Access, Rights};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::catalog::view::View;
use crate::predicate::is_never_true;
use crate::source::Span;
use crate::sql::expr::{Expr, FromItem, Oid, QueryBody};
use crate::sql::statement::Privilege;

/// A table whose rows a view shows without asking for the caller's own rights.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub table: &'a Table,
    /// The view that names the table: the one asked about, or one behind it.
    pub view: &'a View,
    /// Where it does.
    pub span: Span,
    /// Whether a materialised view on the way keeps the rows.
    pub stored: bool,
}

/// The same by identities.
#[derive(Clone, Copy)]
struct Named {
    table: Oid,
    view: Oid,
    span: Span,
    stored: bool,
}

/// What every view shows to one role. Each view adds to what those behind it show.
#[derive(Default)]
pub(super) struct ShownToRole {
    /// By view, and whether a materialised view keeps what it shows.
    views: FxHashMap<(Oid, bool), Vec<Named>>,
}

impl ShownToRole {
    pub(super) fn of(catalog: &Catalog, role: &Role) -> Self {
        let mut shown = Self::default();
        for view in catalog.views.values() {
            shown.add(catalog, role, view, view.materialized);
        }
        shown
    }

    fn add(&mut self, catalog: &Catalog, role: &Role, view: &View, stored: bool) {
        let key = (view.oid, stored);
        // A view that leads back to itself shows nothing more.
        if self.views.contains_key(&key) {
            return;
        }
        self.views.insert(key, Vec::new());
        if shows_nothing(view) {
            return;
        }
        let as_caller = view.security_invoker() && !stored;
        let mut targets = Vec::new();
        view.query.iter().for_each(|query| {
            query.walk_relations(&mut |relation| {
                targets.extend(relation.target.map(|oid| (oid, relation.name.span)));
            });
        });
        let mut found: Vec<Named> = Vec::new();
        for (oid, span) in targets {
            if catalog.tables.contains_key(&oid) {
                let own = Named { table: oid, view: view.oid, span, stored };
                add_new(&mut found, (!as_caller).then_some(own));
            } else if let Some(inner) = catalog.views.get(&oid) {
                let reads =
                    || catalog.can_on_any_column(&role.name, &inner.acl, &inner.columns, Privilege::Select);
                if !as_caller || reads() {
                    let inner_stored = stored || inner.materialized;
                    self.add(catalog, role, inner, inner_stored);
                    add_new(&mut found, self.views[&(oid, inner_stored)].iter().copied());
                }
            }
        }
        self.views.insert(key, found);
    }
}

/// Whether a view has no rows, whatever it reads: `select … where false`.
pub(super) fn shows_nothing(view: &View) -> bool {
    let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else { return false };
    !view.is_summary() && select.filter.as_ref().is_some_and(|filter| is_never_true(filter))
}

fn add_new(found: &mut Vec<Named>, more: impl IntoIterator<Item = Named>) {
    for named in more {
        if found.iter().all(|known| known.table != named.table) {
            found.push(named);
        }
    }
}

impl<'a> Rights<'a> {
    /// The tables that a view shows to a role of requests with the rights of an owner, through other views
    /// as well. Whether the role may read the view itself is not asked.
    ///
    /// A `security_invoker` view always asks for the rights of the caller, also behind a view that
    /// does not; a materialised view is filled with the rights of its owner throughout.
    pub fn shown_to(&self, role: &Role, view: &View) -> Vec<Shown<'a>> {
        let Some(known) = self.position(&role.name).and_then(|at| self.shown.get(at)) else {
            return Vec::new();
        };
        let shown = known.get_or_init(|| ShownToRole::of(self.catalog, role));
        let list = shown.views.get(&(view.oid, view.materialized)).into_iter().flatten();
        let shown = |named: &Named| {
            let (table, view) =
                (self.catalog.tables.get(&named.table)?, self.catalog.views.get(&named.view)?);
            Some(Shown { table, view, span: named.span, stored: named.stored })
        };
        list.filter_map(shown).collect()
    }

    /// The tables that a view reads in some place where nothing asks for the caller.
    pub fn read_unasked(&self, view: &View) -> FxHashSet<Oid> {
        self.workload.read_unasked(self.catalog, view)
    }
}

impl Catalog {
    /// Whether a view is there to show a part of what RLS hides: all who read it were granted just that
    /// by name, and its author chose the columns of one table, or rows or columns that are for `anon` as
    /// well. Names of columns that are for nobody else say otherwise.
    pub fn is_published(&self, view: &View, access: &[Access<'_>]) -> bool {
        let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else {
            return false;
        };
        let named = |grantee: &Grantee| {
            view.acl.entry(grantee).is_some_and(|entry| entry.by_name.contains(Privilege::Select))
        };
        let readers = || access.iter().filter(|access| access.reading().is_some());
        let chooses_columns =
            !select.targets.iter().any(|target| matches!(&target.expr, Expr::Column(column) if column.star));
        let chooses_rows = select.filter.as_ref().is_some_and(|filter| !self.is_always_true(filter));
        let is_of_one_table = matches!(select.from.as_slice(), [FromItem::Relation { .. }]);
        let is_for_all = readers().any(|access| access.role.name == "anon");
        let is_part =
            if is_for_all { chooses_columns || chooses_rows } else { chooses_columns && is_of_one_table };
        is_part
            && view.columns_known
            && !view.columns.iter().any(Column::is_sensitive)
            && readers().all(|access| named(&access.role.grantee()) || named(&Grantee::Public))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;
    use crate::workload::Workload;

    #[test]
    fn views_show_tables_with_the_rights_of_their_owners() {
        let bench = Bench::new(
            "create schema private;
             create table a (id int);
             create view private.inner_owner as select * from a;
             create view private.inner_caller with (security_invoker) as select * from a;
             create view v1 as select * from private.inner_owner;
             create view v2 as select * from private.inner_caller;
             create view v3 with (security_invoker) as select * from private.inner_owner;
             create materialized view v4 as select * from private.inner_caller;
             create view v5 as with a as (select 1 as id) select * from a;
             create view v6 as select * from a where false;
             create view v7 as select count(*) from a where false;
             grant select on private.inner_owner to authenticated;",
        );
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let shown = |role: &str, view: &str| {
            let view = bench.catalog.view(&QName::new("public", view)).expect("the view is there");
            rights.shown_to(&bench.catalog.roles[role], view).len()
        };
        assert_eq!((shown("anon", "v6"), shown("anon", "v7")), (0, 1));
        assert_eq!((shown("anon", "v1"), shown("anon", "v2"), shown("anon", "v3")), (1, 0, 0));
        assert_eq!(shown("authenticated", "v3"), 1);
        assert_eq!((shown("anon", "v4"), shown("anon", "v5")), (1, 0));
    }

    #[test]
    fn a_long_chain_of_views_leads_to_its_table() {
        let mut sql = String::from("create table a (id int); create view v0 as select id from a;");
        for at in 1..1_000 {
            sql.push_str(&format!("create view v{at} as select id from v{};", at - 1));
        }
        let bench = Bench::new(&sql);
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let last = bench.catalog.view(&QName::new("public", "v999")).expect("the view is there");
        let shown = rights.shown_to(&bench.catalog.roles["anon"], last);
        assert_eq!(shown.iter().map(|shown| shown.table.name.name.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(shown[0].view.name.name, "v0");
    }
}
