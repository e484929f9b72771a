//! Which columns a query reads of a relation, held against grants that are on some columns only.

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::table::Column;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Oid, Query, Target};
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

impl Catalog {
    /// Whether a role lacks SELECT on what a query reads of a table or view; `None` where it has it on
    /// some columns, and it is not known whether the query reads others.
    ///
    /// PostgreSQL asks for each column that the query names, whether its value is used or not, and for
    /// any one where it names none. For a `*` those count that the relation had then.
    pub fn lacks_select(&self, role: &Ident, relation: Oid, query: &Query) -> Option<bool> {
        let (acl, columns): (&Acl, &[Column]) = match (self.tables.get(&relation), self.views.get(&relation))
        {
            (Some(table), _) => (&table.acl, &table.columns),
            (_, Some(view)) => (&view.acl, &view.columns),
            _ => return None,
        };
        if self.can(role, acl, Privilege::Select) {
            return Some(false);
        }
        if !self.can_on_any_column(role, acl, columns, Privilege::Select) {
            return Some(true);
        }
        let denied: Vec<&Column> =
            columns.iter().filter(|column| !self.can(role, &column.acl, Privilege::Select)).collect();
        let was_there = |column: &&Column, read: Span| column.origin.span().is_none_or(|made| made < read);
        let lacks_any = |read: Span| denied.iter().any(|column| was_there(column, read));
        let (mut lacks, mut is_known) = (false, true);
        query.walk_queries(&mut |inner| {
            is_known &= !inner.joins_by_name();
            let brings = inner.own_relations().iter().any(|own| own.target == Some(relation));
            let mut stars = inner.own_expressions().into_iter().filter_map(bare_star);
            lacks |= brings && stars.any(|star| lacks_any(star.span));
        });
        query.walk(&mut |expr| {
            let Expr::Column(read) = expr else { return };
            match read.target {
                Target::Column { relation: of, attnum, .. } if of == relation => {
                    lacks |= denied.iter().any(|column| column.attnum == attnum);
                }
                Target::Row { relation: of, .. } if of == relation => lacks |= lacks_any(read.span),
                Target::Unknown => is_known &= bare_star(expr).is_some(),
                _ => {}
            }
        });
        if lacks || is_known { Some(lacks) } else { None }
    }
}

/// `*` of everything in FROM.
fn bare_star(expr: &Expr) -> Option<&ColumnRef> {
    match expr {
        Expr::Column(column) if column.star && column.path.is_empty() => Some(column),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn columns_that_are_read_count() {
        for (query, expected) in [
            ("select id, title from notes", Some(false)),
            ("select count(*) from notes", Some(false)),
            ("select id from notes where exists (select * from other)", Some(false)),
            ("select id from notes order by title", Some(false)),
            ("select id, secret from notes", Some(true)),
            ("select id from notes where secret is null", Some(true)),
            ("select * from notes", Some(true)),
            ("select n.* from notes n", Some(true)),
            ("select n from notes n", Some(true)),
            (
                "select id from other where exists (select from notes n where n.secret = other.title)",
                Some(true),
            ),
            ("select 1 from other join notes using (id)", None),
            ("select * from other", Some(true)),
        ] {
            let bench = Bench::new(&format!(
                "create table notes (id int, title text, secret text); create table other (id int, title text);
                 revoke all on notes, other from authenticated; grant select (id, title) on notes to authenticated;
                 create view v as {query};"
            ));
            let catalog = &bench.catalog;
            let named = |name| QName::new("public", name);
            let table = if query == "select * from other" { "other" } else { "notes" };
            let table = catalog.table(&named(table)).expect("it is made").oid;
            let view = catalog.view(&named("v")).expect("it is made");
            let read = view.query.as_ref().expect("it has a query");
            assert_eq!(catalog.lacks_select(&"authenticated".into(), table, read), expected, "{query}");
        }
    }

    #[test]
    fn a_star_does_not_read_later_columns() {
        let bench = Bench::new(
            "create table notes (id int); create view v as select * from notes; alter table notes add secret text;
             revoke select on notes from anon; grant select (id) on notes to anon;",
        );
        let catalog = &bench.catalog;
        let table = catalog.table(&QName::new("public", "notes")).expect("it is made").oid;
        let read = catalog.view(&QName::new("public", "v")).and_then(|view| view.query.as_ref());
        assert_eq!(catalog.lacks_select(&"anon".into(), table, read.expect("it has a query")), Some(false));
    }
}
