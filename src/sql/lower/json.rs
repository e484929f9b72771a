//! SQL/JSON and the table functions of JSON and XML.

use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use crate::sql::expr::Expr;

impl Cx<'_> {
    /// The SQL/JSON constructors and functions (manual, section 9.16).
    pub(super) fn json(&self, node: Node<'_>) -> Expr {
        let mut list = Vec::new();
        match node {
            Node::JsonValueExpr(n) => return *self.boxed(n.raw_expr()),
            Node::JsonIsPredicate(n) => list.extend(self.optional_expr(n.expr())),
            Node::JsonParseExpr(n) => list.extend(self.json_value(n.expr())),
            Node::JsonScalarExpr(n) => list.extend(self.optional_expr(n.expr())),
            Node::JsonSerializeExpr(n) => list.extend(self.json_value(n.expr())),
            Node::JsonObjectConstructor(n) => list = self.exprs(n.exprs()),
            Node::JsonArrayConstructor(n) => list = self.exprs(n.exprs()),
            Node::JsonArrayQueryConstructor(n) => list.extend(self.optional_expr(n.query())),
            Node::JsonKeyValue(n) => {
                list.extend(self.optional_expr(n.key()));
                list.extend(self.json_value(n.value()));
            }
            Node::JsonObjectAgg(n) => {
                let pair = n.arg();
                list.extend(pair.and_then(|pair| self.optional_expr(pair.key())));
                list.extend(pair.and_then(|pair| self.json_value(pair.value())));
                self.json_aggregate(n.constructor(), &mut list);
            }
            Node::JsonArrayAgg(n) => {
                list.extend(self.json_value(n.arg()));
                self.json_aggregate(n.constructor(), &mut list);
            }
            Node::JsonArgument(n) => list.extend(self.json_value(n.val())),
            Node::JsonFuncExpr(n) => {
                list.extend(self.json_value(n.context_item()));
                list.extend(self.optional_expr(n.pathspec()));
                list.extend(self.exprs(n.passing()));
                for behavior in [n.on_empty(), n.on_error()].into_iter().flatten() {
                    list.extend(self.optional_expr(behavior.expr()));
                }
            }
            Node::JsonTable(n) => {
                list.extend(self.json_value(n.context_item()));
                list.extend(self.exprs(n.passing()));
            }
            Node::RangeTableFunc(n) => {
                list.extend(self.optional_expr(n.docexpr()));
                list.extend(self.optional_expr(n.rowexpr()));
                list.extend(self.exprs(n.columns()));
            }
            Node::RangeTableFuncCol(n) => {
                list.extend(self.optional_expr(n.colexpr()));
                list.extend(self.optional_expr(n.coldefexpr()));
            }
            _ => return Expr::Other("unknown", Vec::new()),
        }
        let name = match node {
            Node::RangeTableFunc(_) | Node::RangeTableFuncCol(_) => "xmltable",
            Node::JsonTable(_) => "json_table",
            _ => "json",
        };
        Expr::Other(name, list)
    }

    fn json_value(&self, value: Option<&pg::JsonValueExpr>) -> Option<Expr> {
        value.and_then(|value| self.optional_expr(value.raw_expr()))
    }

    fn json_aggregate(&self, constructor: Option<&pg::JsonAggConstructor>, list: &mut Vec<Expr>) {
        let Some(constructor) = constructor else { return };
        list.extend(self.optional_expr(constructor.agg_filter()));
        list.extend(self.exprs(constructor.agg_order()));
        if let Some(over) = constructor.over() {
            self.window(over, list);
        }
    }
}
