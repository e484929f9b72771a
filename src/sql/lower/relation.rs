//! Schemas, views, tables made by queries, and indexes.

use std::ops::Range;

use pg_raw_parse::list::NodeList;
use pg_raw_parse::raw::{ObjectType, SortByDir, SortByNulls, ViewCheckOption};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{idents, letter, optional, options, qualified, role};
use super::query::index_column;
use super::table::persistence;
use crate::source::{Span, Spanned};
use crate::sql::expr::Expr;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::parser::List;
use crate::sql::statement::{
    CreateIndex, CreateSchema, CreateTableAs, CreateView, IndexKey, IndexKeyValue, Statement,
};
use crate::sql::token::ident;

impl Cx<'_> {
    pub(super) fn create_schema(&self, n: &pg::CreateSchemaStmt) -> CreateSchema {
        let at = self.skip_if_exists(2);
        CreateSchema {
            name: optional(n.schemaname()).map(|value| Spanned { value, span: self.token_span(at) }),
            authorization: n.authrole().map(role),
            if_not_exists: n.if_not_exists,
            elements: self.schema_elements(n.schema_elts()),
        }
    }

    /// The statements within CREATE SCHEMA, which nothing separates.
    fn schema_elements(&self, nodes: &NodeList) -> Vec<Statement> {
        if nodes.is_empty() {
            return Vec::new();
        }
        let tokens = self.tokens();
        let mut starts = Vec::new();
        let mut at = 1;
        while at < tokens.list.len() {
            // GRANT OPTION and a trigger's CREATE cannot stand here, so each word opens a statement.
            let opens = tokens.is_word(at, "create")
                || tokens.is_word(at, "grant") && !tokens.is_word(at + 1, "option");
            if opens {
                starts.push(at);
            }
            at = tokens.skip(at);
        }
        if starts.len() != nodes.len() {
            starts = vec![0; nodes.len()];
        }
        let element = |(at, node): (usize, Node<'_>)| {
            let first = tokens.list[starts[at]].start;
            let end = match starts.get(at + 1) {
                Some(next) if *next > 0 => tokens.list[next - 1].end,
                _ => self.range.end,
            };
            self.within(first..end).statement(node)
        };
        nodes.iter().enumerate().map(element).collect()
    }

    pub(super) fn create_table_as(&self, n: &pg::CreateTableAsStmt) -> CreateTableAs {
        let query = match n.query() {
            Node::SelectStmt(select) => Some(self.query(select)),
            _ => None,
        };
        CreateTableAs {
            materialized: n.objtype == ObjectType::OBJECT_MATVIEW,
            if_not_exists: n.if_not_exists,
            query,
            ..self.made_table(n.into())
        }
    }

    pub(super) fn select_into(&self, n: &pg::SelectStmt, into: &pg::IntoClause) -> CreateTableAs {
        CreateTableAs { query: Some(self.query(n)), ..self.made_table(Some(into)) }
    }

    fn made_table(&self, into: Option<&pg::IntoClause>) -> CreateTableAs {
        let relation = into.and_then(|into| into.rel());
        CreateTableAs {
            name: self.optional_relation(relation),
            materialized: false,
            if_not_exists: false,
            persistence: persistence(relation),
            columns: into.map(|into| idents(into.col_names())).unwrap_or_default(),
            query: None,
            with_data: into.is_none_or(|into| !into.skip_data),
            options: into.map(|into| options(into.options())).unwrap_or_default(),
        }
    }

    pub(super) fn create_view(&self, n: &pg::ViewStmt) -> CreateView {
        CreateView {
            name: self.optional_relation(n.view()),
            or_replace: n.replace,
            temporary: n.view().is_some_and(|range| letter(range.relpersistence) == 't'),
            columns: idents(n.aliases()),
            query: self.query_node(n.query()),
            options: options(n.options()),
            check_option: match n.with_check_option {
                ViewCheckOption::LOCAL_CHECK_OPTION => Some("local"),
                ViewCheckOption::CASCADED_CHECK_OPTION => Some("cascaded"),
                _ => None,
            },
        }
    }

    pub(super) fn create_index(&self, n: &pg::IndexStmt) -> CreateIndex {
        CreateIndex {
            name: optional(n.idxname()),
            name_span: n.idxname().and_then(|_| self.index_name_span(n)),
            if_not_exists: n.if_not_exists,
            unique: n.unique,
            concurrently: n.concurrent,
            only: n.relation().is_some_and(|range| !range.inh),
            table: self.optional_relation(n.relation()),
            method: index_method(n.access_method()),
            keys: self.index_keys(n),
            include: n.index_including_params().items().filter_map(index_column).collect(),
            nulls_not_distinct: n.nulls_not_distinct,
            predicate: self.optional_expr(n.where_clause()),
            options: options(n.options()),
        }
    }

    /// The name stands before ON, which stands before the table.
    fn index_name_span(&self, n: &pg::IndexStmt) -> Option<Span> {
        let table = self.index(n.relation()?.location);
        let is_on = |at: &usize| self.tokens().is_word(*at, "on");
        let on = (table.saturating_sub(2)..table).rev().find(is_on)?;
        Some(self.token_span(on.checked_sub(1)?))
    }

    fn index_keys(&self, n: &pg::IndexStmt) -> Vec<IndexKey> {
        let tokens = self.tokens();
        let table = self.index(n.relation().map_or(-1, |range| range.location));
        let mut start = tokens.find(table, |tokens, at| tokens.is(at, '(')).map_or(0, |open| open + 1);
        let key = |node: Node<'_>| {
            let end = tokens.item_end(start);
            let key = self.index_key(node, start..end);
            start = end + 1;
            key
        };
        n.index_params().items().filter_map(key).collect()
    }

    /// A key that is written at some tokens.
    pub(super) fn index_key(&self, node: Node<'_>, place: Range<usize>) -> Option<IndexKey> {
        let Node::IndexElem(n) = node else { return None };
        let name = |parts: &NodeList| (!parts.is_empty()).then(|| self.name_among(parts, place.clone()));
        let value = match optional(n.name()) {
            Some(column) => IndexKeyValue::Column(column),
            None => IndexKeyValue::Expr(self.optional_expr(n.expr()).unwrap_or(Expr::NULL)),
        };
        Some(IndexKey {
            value,
            operator_class: name(n.opclass()),
            collation: name(n.collation()).or_else(|| match n.expr() {
                Node::CollateClause(n) => name(n.collname()),
                _ => None,
            }),
            descending: n.ordering == SortByDir::SORTBY_DESC,
            nulls_first: match n.nulls_ordering {
                SortByNulls::SORTBY_NULLS_FIRST => Some(true),
                SortByNulls::SORTBY_NULLS_LAST => Some(false),
                _ => None,
            },
        })
    }

    /// A name by its parts, after the first of some tokens.
    fn name_among(&self, parts: &NodeList, place: Range<usize>) -> ObjectName {
        let tokens = self.tokens();
        let name = qualified(parts.iter(), tokens.span(place.start, place.end));
        let mut at = tokens.skip(place.start);
        while at < place.end {
            let after = tokens.after_name(at);
            let last = tokens.list.get(after - 1).and_then(|token| ident(*token, self.code.text));
            if last.is_some_and(|last| last == name.name) {
                return ObjectName { span: tokens.name_span(at), ..name };
            }
            at = tokens.skip(at);
        }
        name
    }
}

/// The access method of an index, which is btree where nothing is said.
pub(super) fn index_method(name: Option<&str>) -> Ident {
    Ident::new(name.unwrap_or("btree"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;
    use crate::sql::statement::StatementKind;

    #[test]
    fn schemas_hold_statements() {
        let text = "create schema if not exists \"é\" authorization x";
        let created = lowered!(CreateSchema, text);
        assert_eq!(under(text, created.name.unwrap().span), "\"é\"");
        assert!(created.if_not_exists && created.authorization.is_some());
        assert!(lowered!(CreateSchema, "create schema authorization x").name.is_none());
        let text =
            "create schema s create table t (a int) create view v as select b from t grant select on t to x";
        let elements = lowered!(CreateSchema, text).elements;
        let places: Vec<_> = elements.iter().map(|element| under(text, element.span)).collect();
        assert_eq!(
            places,
            ["create table t (a int)", "create view v as select b from t", "grant select on t to x"]
        );
        let StatementKind::CreateTable(table) = &elements[0].kind else { panic!() };
        assert_eq!(under(text, table.name.span), "t");
        let StatementKind::Grant(_) = &elements[2].kind else { panic!() };
    }

    #[test]
    fn tables_and_views_of_queries_are_read() {
        let text =
            "create materialized view if not exists s.m (a) with (fillfactor = 50) as select 1 with no data";
        let table = lowered!(CreateTableAs, text);
        assert!(table.materialized && table.if_not_exists && !table.with_data && table.columns.len() == 1);
        assert_eq!((under(text, table.name.span), &table.options[0][..]), ("s.m", "fillfactor=50"));
        assert!(lowered!(CreateTableAs, "create table t as execute p").query.is_none());
        let text = "create or replace view s.v (a) with (security_invoker, security_barrier = false) as \
                    select b from t with local check option";
        let view = lowered!(CreateView, text);
        assert_eq!(under(text, view.name.span), "s.v");
        assert_eq!(view.options, ["security_invoker=true", "security_barrier=false"]);
        assert!(view.or_replace && view.check_option == Some("local") && !view.temporary);
    }

    #[test]
    fn indexes_are_read() {
        let text = "create unique index concurrently if not exists i on only s.t using gin \
                    (a s.ops desc nulls last, lower(b) collate \"C\") include (c) nulls not distinct \
                    with (fillfactor = 70) where d > 1";
        let index = lowered!(CreateIndex, text);
        assert_eq!(under(text, index.name_span.unwrap()), "i");
        assert_eq!(under(text, index.table.span), "s.t");
        assert!(
            index.unique
                && index.concurrently
                && index.if_not_exists
                && index.only
                && index.nulls_not_distinct
        );
        assert!(index.method == "gin" && index.include.len() == 1 && index.predicate.is_some());
        assert_eq!(index.keys[0].value, IndexKeyValue::Column("a".into()));
        assert_eq!(under(text, index.keys[0].operator_class.as_ref().unwrap().span), "s.ops");
        assert_eq!(under(text, index.keys[1].collation.as_ref().unwrap().span), "\"C\"");
        assert!(index.keys[0].descending && index.keys[0].nulls_first == Some(false));
        assert!(matches!(index.keys[1].value, IndexKeyValue::Expr(Expr::Call(_))));
        assert!(index.keys[1].collation.is_some() && index.keys[1].nulls_first.is_none());
        let index = lowered!(CreateIndex, "create index on t (a)");
        assert!(index.method == "btree" && index.name_span.is_none());
    }
}
