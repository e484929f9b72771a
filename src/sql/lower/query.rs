//! Queries and changes of rows.

use pg_raw_parse::raw::{JoinType, OverridingKind, SetOperation};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{idents, items, optional, required};
use crate::sql::expr::{
    Alias, Cte, CteBody, Expr, FromItem, Query, QueryBody, RelationRef, ResultColumn, Select,
};
use crate::sql::name::Ident;
use crate::sql::parser::{List, present};
use crate::sql::statement::{ChangeKind, DataChange, StatementKind};

impl Cx<'_> {
    /// A SELECT at the top level, which is CREATE TABLE AS where it has INTO.
    pub(super) fn select_statement(&self, n: &pg::SelectStmt) -> StatementKind {
        match into_clause(n) {
            Some(into) => StatementKind::CreateTableAs(Box::new(self.select_into(n, into))),
            None => StatementKind::Query(Box::new(self.query(n))),
        }
    }

    pub(super) fn return_statement(&self, n: &pg::ReturnStmt) -> StatementKind {
        let expr = self.optional_expr(n.returnval()).unwrap_or(Expr::NULL);
        let select = Select { targets: vec![ResultColumn { expr, alias: None }], ..Select::default() };
        let body = QueryBody::Select(Box::new(select));
        StatementKind::Query(Box::new(Query { body, ..Query::default() }))
    }

    /// A query wherever the parser allows several kinds of nodes.
    pub(super) fn query_node(&self, node: Node<'_>) -> Query {
        match node {
            Node::SelectStmt(select) => self.query(select),
            _ => Query::default(),
        }
    }

    pub(super) fn query(&self, n: &pg::SelectStmt) -> Query {
        self.nesting.enter(|| self.whole_query(n)).unwrap_or_default()
    }

    fn whole_query(&self, n: &pg::SelectStmt) -> Query {
        let limits = [n.limit_count(), n.limit_offset()];
        Query {
            ctes: self.ctes(n.with_clause()),
            body: self.query_body(n),
            order_by: self.exprs(n.sort_clause()),
            limits: limits.into_iter().filter_map(|limit| self.optional_expr(limit)).collect(),
            locking: !n.locking_clause().is_empty(),
        }
    }

    fn query_body(&self, n: &pg::SelectStmt) -> QueryBody {
        if n.op != SetOperation::SETOP_NONE
            && let (Some(left), Some(right)) = (n.larg(), n.rarg())
        {
            return QueryBody::SetOperation(Box::new(self.query(left)), Box::new(self.query(right)));
        }
        if !n.values_lists().is_empty() {
            return QueryBody::Values(n.values_lists().items().map(|row| self.exprs(items(row))).collect());
        }
        let mut windows = Vec::new();
        for node in n.window_clause().items() {
            if let Node::WindowDef(window) = node {
                self.window(window, &mut windows);
            }
        }
        // A plain DISTINCT is a list that holds an empty node.
        let distinct_on = n.distinct_clause().items().filter_map(present);
        QueryBody::Select(Box::new(Select {
            targets: self.result_columns(n.target_list()),
            from: self.sources(n.from_clause()),
            filter: self.optional_box(n.where_clause()),
            group_by: self.exprs(n.group_clause()),
            having: self.optional_box(n.having_clause()),
            windows,
            distinct: !n.distinct_clause().is_empty(),
            distinct_on: distinct_on.map(|node| self.expr(node)).collect(),
        }))
    }

    fn result_columns<'t>(&self, nodes: impl List<'t>) -> Vec<ResultColumn> {
        let column = |node: Node<'_>| {
            let alias = match node {
                Node::ResTarget(target) => optional(target.name()),
                _ => None,
            };
            ResultColumn { expr: self.expr(node), alias }
        };
        nodes.items().map(column).collect()
    }

    fn ctes(&self, with: Option<&pg::WithClause>) -> Vec<Cte> {
        let Some(with) = with else { return Vec::new() };
        let cte = |node: Node<'_>| match node {
            Node::CommonTableExpr(cte) => Some(Cte {
                name: required(cte.ctename()),
                columns: idents(cte.aliascolnames()),
                query: self.cte_body(cte.ctequery()),
                recursive: with.recursive,
            }),
            _ => None,
        };
        with.ctes().items().filter_map(cte).collect()
    }

    fn cte_body(&self, node: Node<'_>) -> CteBody {
        let change = match node {
            Node::InsertStmt(n) => self.insert(n),
            Node::UpdateStmt(n) => self.update(n),
            Node::DeleteStmt(n) => self.delete(n),
            Node::MergeStmt(n) => self.merge(n),
            Node::SelectStmt(n) => return CteBody::Query(Box::new(self.query(n))),
            _ => return CteBody::Query(Box::default()),
        };
        CteBody::Change(Box::new(change))
    }

    fn sources<'t>(&self, nodes: impl List<'t>) -> Vec<FromItem> {
        nodes.items().filter_map(|node| self.source(node)).collect()
    }

    fn source(&self, node: Node<'_>) -> Option<FromItem> {
        self.nesting.enter(|| self.some_source(node))?
    }

    fn some_source(&self, node: Node<'_>) -> Option<FromItem> {
        Some(match node {
            Node::RangeVar(n) => FromItem::Relation {
                relation: RelationRef { name: self.relation(n), target: None },
                alias: alias(n.alias()),
            },
            Node::RangeSubselect(n) => FromItem::Query {
                query: Box::new(self.query_node(n.subquery())),
                alias: alias(n.alias()),
                lateral: n.lateral,
            },
            Node::RangeFunction(n) => self.range_function(n),
            Node::JoinExpr(n) => FromItem::Join {
                left: Box::new(self.source(n.larg())?),
                right: Box::new(self.source(n.rarg())?),
                on: self.optional_box(n.quals()),
                using: idents(n.using_clause()),
                natural: n.is_natural,
                outer: n.jointype != JoinType::JOIN_INNER,
                alias: alias(n.alias()),
            },
            Node::RangeTableSample(n) => self.source(n.relation())?,
            Node::RangeTableFunc(n) => FromItem::Function {
                calls: vec![self.expr(node)],
                alias: alias(n.alias()),
                ordinality: false,
            },
            Node::JsonTable(n) => FromItem::Function {
                calls: vec![self.expr(node)],
                alias: alias(n.alias()),
                ordinality: false,
            },
            _ => return None,
        })
    }

    fn range_function(&self, n: &pg::RangeFunction) -> FromItem {
        // Each item is a list of the call and of its column definitions.
        let call = |node: Node<'_>| items(node).first().map(|call| self.expr(call));
        let mut alias = alias(n.alias());
        if let Some(alias) = &mut alias
            && alias.columns.is_empty()
        {
            alias.columns = n.coldeflist().items().filter_map(column_name).collect();
        }
        FromItem::Function {
            calls: n.functions().items().filter_map(call).collect(),
            alias,
            ordinality: n.ordinality,
        }
    }

    fn change(&self, kind: ChangeKind, relation: Option<&pg::RangeVar>) -> DataChange {
        DataChange {
            kind,
            table: RelationRef { name: self.optional_relation(relation), target: None },
            alias: relation.and_then(|range| range.alias()).map(|alias| required(alias.aliasname())),
            ctes: Vec::new(),
            columns: Vec::new(),
            source: None,
            assignments: Vec::new(),
            from: Vec::new(),
            filter: None,
            overriding: false,
            conflict_columns: Vec::new(),
            conflict_is_plain: false,
            on_conflict: false,
            returning: Vec::new(),
        }
    }

    pub(super) fn insert(&self, n: &pg::InsertStmt) -> DataChange {
        let mut change = self.change(ChangeKind::Insert, n.relation());
        change.ctes = self.ctes(n.with_clause());
        change.columns = n.cols().items().filter_map(target_name).collect();
        change.source = present(n.select_stmt()).map(|node| self.query_node(node));
        change.overriding = n.override_ != OverridingKind::OVERRIDING_NOT_SET;
        change.returning = self.returning(n.returning_clause());
        if let Some(conflict) = n.on_conflict_clause() {
            change.on_conflict = true;
            change.assignments = self.assignments(conflict.target_list());
            change.filter = self.optional_expr(conflict.where_clause());
            let keys = conflict.infer().into_iter().flat_map(|infer| infer.index_elems().items());
            change.conflict_columns = keys.filter_map(index_column).collect();
            change.conflict_is_plain = conflict.infer().is_some_and(names_columns);
        }
        change
    }

    pub(super) fn update(&self, n: &pg::UpdateStmt) -> DataChange {
        DataChange {
            ctes: self.ctes(n.with_clause()),
            assignments: self.assignments(n.target_list()),
            from: self.sources(n.from_clause()),
            filter: self.optional_expr(n.where_clause()),
            returning: self.returning(n.returning_clause()),
            ..self.change(ChangeKind::Update, n.relation())
        }
    }

    pub(super) fn delete(&self, n: &pg::DeleteStmt) -> DataChange {
        DataChange {
            ctes: self.ctes(n.with_clause()),
            from: self.sources(n.using_clause()),
            filter: self.optional_expr(n.where_clause()),
            returning: self.returning(n.returning_clause()),
            ..self.change(ChangeKind::Delete, n.relation())
        }
    }

    /// A MERGE: its filter is what it joins on, then what its branches ask for.
    pub(super) fn merge(&self, n: &pg::MergeStmt) -> DataChange {
        let mut assignments = Vec::new();
        let mut conditions: Vec<_> = self.optional_expr(n.join_condition()).into_iter().collect();
        for node in n.merge_when_clauses().items() {
            let Node::MergeWhenClause(when) = node else { continue };
            conditions.extend(self.optional_expr(when.condition()));
            if when.values().is_empty() {
                assignments.extend(self.assignments(when.target_list()));
            } else {
                let columns = when.target_list().items().filter_map(target_name);
                let columns = columns.chain(std::iter::repeat(Ident::default()));
                assignments.extend(columns.zip(self.exprs(when.values())));
            }
        }
        let filter = match conditions.len() {
            1 => conditions.pop(),
            _ => Some(Expr::Other("merge", conditions)),
        };
        DataChange {
            ctes: self.ctes(n.with_clause()),
            assignments,
            from: self.source(n.source_relation()).into_iter().collect(),
            filter,
            returning: self.returning(n.returning_clause()),
            ..self.change(ChangeKind::Merge, n.relation())
        }
    }

    fn assignments<'t>(&self, nodes: impl List<'t>) -> Vec<(Ident, Expr)> {
        let assigned = |node: Node<'_>| match node {
            // A part of the column: `a[1] = …`, `a.b = …`.
            Node::ResTarget(target) if !target.indirection().is_empty() => {
                Expr::Other("part", vec![self.expr(node)])
            }
            _ => self.expr(node),
        };
        nodes.items().filter_map(|node| Some((target_name(node)?, assigned(node)))).collect()
    }

    fn returning(&self, clause: Option<&pg::ReturningClause>) -> Vec<ResultColumn> {
        clause.map(|clause| self.result_columns(clause.exprs())).unwrap_or_default()
    }
}

/// The INTO of a SELECT; in a UNION it stands in the leftmost arm.
fn into_clause(n: &pg::SelectStmt) -> Option<&pg::IntoClause> {
    let mut arms = std::iter::successors(Some(n), |arm| arm.larg());
    arms.find_map(|arm| arm.into_clause())
}

fn alias(n: Option<&pg::Alias>) -> Option<Alias> {
    n.map(|alias| Alias { name: required(alias.aliasname()), columns: idents(alias.colnames()) })
}

fn column_name(node: Node<'_>) -> Option<Ident> {
    match node {
        Node::ColumnDef(column) => Some(required(column.colname())),
        _ => None,
    }
}

fn target_name(node: Node<'_>) -> Option<Ident> {
    match node {
        Node::ResTarget(target) => Some(required(target.name())),
        _ => None,
    }
}

/// The column of an index key; `None` for an expression.
/// Whether an ON CONFLICT names nothing but columns.
fn names_columns(infer: &pg::InferClause) -> bool {
    let is_plain = |node: Node<'_>| match node {
        Node::IndexElem(key) => {
            key.name().is_some() && key.collation().is_empty() && key.opclass().is_empty()
        }
        _ => false,
    };
    infer.conname().is_none()
        && present(infer.where_clause()).is_none()
        && infer.index_elems().items().all(is_plain)
}

pub(super) fn index_column(node: Node<'_>) -> Option<Ident> {
    match node {
        Node::IndexElem(key) => optional(key.name()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;

    fn columns(query: &Query) -> Vec<String> {
        let mut names = Vec::new();
        query.walk(&mut |expr| {
            if let Expr::Column(column) = expr {
                names.push(column.path.last().map(Ident::to_string).unwrap_or_default());
            }
        });
        names.sort();
        names
    }

    #[test]
    fn every_clause_of_a_query_is_kept() {
        let query = lowered!(
            Query,
            "with c (q) as materialized (select a) select distinct on (b) d as e from x \
            where f group by rollup (g) having h window w as (partition by i) order by j limit k offset l for update"
        );
        assert_eq!(columns(&query), ["a", "b", "d", "f", "g", "h", "i", "j", "k", "l"]);
        assert!(query.locking && query.ctes[0].name == "c" && query.ctes[0].columns.len() == 1);
        let QueryBody::Select(select) = query.body else { panic!() };
        assert!(select.distinct && select.targets[0].alias == Some("e".into()));
        let query = lowered!(Query, "select distinct a");
        assert!(
            matches!(query.body, QueryBody::Select(select) if select.distinct && select.distinct_on.is_empty())
        );
    }

    #[test]
    fn every_kind_of_source_is_kept() {
        let text = "select 1 from s.a x (y), lateral (select b) z, f(c) with ordinality g (h), \
                    rows from (f(d), f(e)), a join b using (i), a natural join b, a left join b on j, \
                    a tablesample system (1), xmltable('k' passing l columns m int), \
                    json_table(n, '$' columns (o int)), f(p) as r (s int, t int)";
        let query = lowered!(Query, text);
        assert_eq!(columns(&query), ["b", "c", "d", "e", "j", "l", "n", "p"]);
        let mut relations = Vec::new();
        query.walk_relations(&mut |relation| relations.push(under(text, relation.name.span)));
        assert_eq!(relations, ["s.a", "a", "b", "a", "b", "a", "b", "a"]);
        let QueryBody::Select(select) = &query.body else { panic!() };
        let FromItem::Relation { alias: Some(alias), .. } = &select.from[0] else { panic!() };
        assert!(alias.name == "x" && alias.columns.len() == 1);
        let Some(FromItem::Function { alias: Some(alias), .. }) = select.from.last() else { panic!() };
        assert_eq!(alias.columns.len(), 2);
    }

    #[test]
    fn set_operations_and_values_are_read() {
        let query = lowered!(Query, "select a union all select b order by 1");
        assert!(matches!(query.body, QueryBody::SetOperation(..)) && query.order_by.len() == 1);
        let query = lowered!(Query, "values (1, 2), (3, 4)");
        assert!(matches!(query.body, QueryBody::Values(rows) if rows.len() == 2 && rows[1].len() == 2));
    }

    #[test]
    fn select_into_makes_a_table() {
        let text = "select a into temp s from x union select b from y";
        let table = lowered!(CreateTableAs, text);
        assert_eq!(under(text, table.name.span), "s");
        assert!(table.query.is_some());
    }

    #[test]
    fn changes_are_read() {
        let text = "with c as (delete from d returning e) insert into s.t as x (a, b) values (1, f(2)) \
                    on conflict (a, b) do update set b = excluded.b where x.a > 1 returning a as z";
        let change = lowered!(Change, text);
        assert_eq!(under(text, change.table.name.span), "s.t");
        assert_eq!(
            (change.kind, change.columns.len(), change.alias.clone()),
            (ChangeKind::Insert, 2, Some("x".into()))
        );
        assert!(change.on_conflict && change.conflict_columns.len() == 2 && change.filter.is_some());
        assert_eq!((change.assignments.len(), change.returning.len()), (1, 1));
        assert!(matches!(change.ctes[0].query, CteBody::Change(_)));
        let change = lowered!(Change, "update t set (a, b) = (1, c), d = default from u where e");
        assert!(matches!(&change.assignments[1], (name, Expr::Column(_)) if name == "b"));
        assert_eq!(change.assignments[2].1, Expr::Other("default", Vec::new()));
        assert_eq!(change.from.len(), 1);
        let change = lowered!(Change, "delete from t using u where a");
        assert!(change.kind == ChangeKind::Delete && change.from.len() == 1 && change.filter.is_some());
        let change = lowered!(
            Change,
            "merge into t using u on t.a = u.a when matched and t.b then update set c = 1 \
                                       when not matched then insert (d, e) values (2, f)"
        );
        assert_eq!((change.kind, change.assignments.len()), (ChangeKind::Merge, 3));
        assert!(matches!(change.filter, Some(Expr::Other("merge", list)) if list.len() == 2));
    }
}
