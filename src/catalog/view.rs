//! Views and materialised views.

use crate::map::IndexMap;

use crate::catalog::acl::Acl;
use crate::catalog::index::Index;
use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::catalog::table::Column;
use crate::catalog::trigger::Trigger;
use crate::source::Span;
use crate::sql::expr::{Expr, FromItem, Oid, Query, QueryBody};
use crate::sql::name::Ident;

#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub oid: Oid,
    pub name: QName,
    pub materialized: bool,
    pub history: History,
    pub name_span: Option<Span>,
    pub owner: Ident,
    /// Types are best guesses; names and order are not.
    pub columns: Vec<Column>,
    /// Whether `columns` is the whole list: a `*` over something unknown hides some.
    pub columns_known: bool,
    pub last_attnum: i16,
    /// Bound. `None` for the platform's own.
    pub query: Option<Query>,
    /// `name=value`, as written.
    pub options: Vec<String>,
    /// Where `security_invoker` was on until a new definition of the view left it out.
    pub was_invoker: Option<Span>,
    /// Of a materialised view.
    pub populated: bool,
    pub indexes: IndexMap<Ident, Index>,
    pub triggers: IndexMap<Ident, Trigger>,
    pub rules: Vec<Ident>,
    pub acl: Acl,
    pub comment: Option<String>,
    pub extension: Option<Ident>,
}

impl View {
    /// Whether an option of PostgreSQL's boolean kind is on.
    pub fn option_is_on(&self, name: &str) -> bool {
        self.options
            .iter()
            .filter_map(|option| option.split_once('='))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .is_some_and(|(_, value)| {
                matches!(value.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1" | "t" | "y")
            })
    }

    /// Whether it reads with the rights of who asks, so that row level security holds through it.
    pub fn security_invoker(&self) -> bool {
        self.option_is_on("security_invoker")
    }

    /// Whether its definition says that it reads with the rights of its owner.
    pub fn says_owners_rights(&self) -> bool {
        let name = |option: &String| option.split('=').next().is_some_and(|name| name == "security_invoker");
        self.options.iter().any(name) && !self.security_invoker()
    }

    /// The statement that had made it read with the rights of who asks, before a new definition left
    /// that out and nothing gave it back.
    pub fn lost_security_invoker(&self) -> Option<Span> {
        self.was_invoker.filter(|_| !self.security_invoker())
    }

    /// Whether its rows are sums over those of what it reads, and show none of these as they are.
    pub fn is_summary(&self) -> bool {
        fn sums(query: &Query) -> bool {
            match &query.body {
                QueryBody::Select(select) => {
                    !select.group_by.is_empty() || select.targets.iter().any(|target| sums_up(&target.expr))
                }
                QueryBody::SetOperation(one, other) => sums(one) && sums(other),
                QueryBody::Values(_) => false,
            }
        }
        self.query.as_ref().is_some_and(sums)
    }

    /// Whether rows can be written through it: it shows those of one relation as they are
    /// (PostgreSQL manual, CREATE VIEW, updatable views).
    pub fn is_updatable(&self) -> bool {
        let Some(query) = self.query.as_ref().filter(|_| !self.materialized) else { return false };
        let QueryBody::Select(select) = &query.body else { return false };
        query.ctes.is_empty()
            && query.limits.is_empty()
            && matches!(select.from.as_slice(), [FromItem::Relation { .. }])
            && select.group_by.is_empty()
            && select.having.is_none()
            && !select.distinct
            && select.distinct_on.is_empty()
            && !select.targets.iter().any(|column| column.expr.sums_up())
            && select.targets.iter().any(|column| matches!(column.expr, Expr::Column(_)))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    pub fn column_at(&self, attnum: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.attnum == attnum)
    }
}

/// Whether a value is made of those of many rows. One of a window is for each row, and so is one of a
/// sub-select.
pub fn sums_up(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) if call.aggregate => true,
        Expr::Other("over", _) => false,
        _ => expr.children().into_iter().any(sums_up),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn rows_of_one_relation_can_be_written() {
        let bench = Bench::new(
            "create table a (id int, b int);
             create view plain as select * from a where id > 1;
             create view computed as select id, b + 1 as c from a order by id;
             create view grouped as select b, count(*) from a group by b;
             create view counted as select count(*) from a;
             create view numbered as select id, row_number() over () from a;
             create view one as select distinct b from a;
             create view some as select * from a limit 3;
             create view joined as select a.id from a join a c on c.id = a.b;
             create view both as select id from a union all select b from a;
             create view none as select 1 as n from a;
             create materialized view stored as select * from a;",
        );
        let updatable: Vec<&str> = bench
            .catalog
            .own_views()
            .filter(|view| view.is_updatable())
            .map(|view| view.name.name.as_str())
            .collect();
        assert_eq!(updatable, ["plain", "computed"]);
    }
}
