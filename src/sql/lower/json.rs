//! SQL/JSON and the table functions of JSON and XML.

use pg_query::NodeEnum as N;
use pg_query::protobuf as pb;

use super::Cx;
use crate::sql::expr::Expr;

impl Cx<'_> {
    /// The SQL/JSON constructors and functions (manual, section 9.16).
    pub(super) fn json(&self, node: &N) -> Expr {
        let mut list = Vec::new();
        match node {
            N::JsonValueExpr(n) => return *self.boxed(&n.raw_expr),
            N::JsonIsPredicate(n) => list.extend(self.optional_expr(&n.expr)),
            N::JsonParseExpr(n) => list.extend(self.json_value(n.expr.as_deref())),
            N::JsonScalarExpr(n) => list.extend(self.optional_expr(&n.expr)),
            N::JsonSerializeExpr(n) => list.extend(self.json_value(n.expr.as_deref())),
            N::JsonObjectConstructor(n) => list = self.exprs(&n.exprs),
            N::JsonArrayConstructor(n) => list = self.exprs(&n.exprs),
            N::JsonArrayQueryConstructor(n) => list.extend(self.optional_expr(&n.query)),
            N::JsonKeyValue(n) => {
                list.extend(self.optional_expr(&n.key));
                list.extend(self.json_value(n.value.as_deref()));
            }
            N::JsonObjectAgg(n) => {
                let pair = n.arg.as_deref();
                list.extend(pair.and_then(|pair| self.optional_expr(&pair.key)));
                list.extend(pair.and_then(|pair| self.json_value(pair.value.as_deref())));
                self.json_aggregate(n.constructor.as_deref(), &mut list);
            }
            N::JsonArrayAgg(n) => {
                list.extend(self.json_value(n.arg.as_deref()));
                self.json_aggregate(n.constructor.as_deref(), &mut list);
            }
            N::JsonArgument(n) => list.extend(self.json_value(n.val.as_deref())),
            N::JsonFuncExpr(n) => {
                list.extend(self.json_value(n.context_item.as_deref()));
                list.extend(self.optional_expr(&n.pathspec));
                list.extend(self.exprs(&n.passing));
                for behavior in [&n.on_empty, &n.on_error].into_iter().flatten() {
                    list.extend(self.optional_expr(&behavior.expr));
                }
            }
            N::JsonTable(n) => {
                list.extend(self.json_value(n.context_item.as_deref()));
                list.extend(self.exprs(&n.passing));
            }
            N::RangeTableFunc(n) => {
                list.extend(self.optional_expr(&n.docexpr));
                list.extend(self.optional_expr(&n.rowexpr));
                list.extend(self.exprs(&n.columns));
            }
            N::RangeTableFuncCol(n) => {
                list.extend(self.optional_expr(&n.colexpr));
                list.extend(self.optional_expr(&n.coldefexpr));
            }
            _ => return Expr::Other("unknown", Vec::new()),
        }
        let name = match node {
            N::RangeTableFunc(_) | N::RangeTableFuncCol(_) => "xmltable",
            N::JsonTable(_) => "json_table",
            _ => "json",
        };
        Expr::Other(name, list)
    }

    fn json_value(&self, value: Option<&pb::JsonValueExpr>) -> Option<Expr> {
        value.and_then(|value| self.optional_expr(&value.raw_expr))
    }

    fn json_aggregate(&self, constructor: Option<&pb::JsonAggConstructor>, list: &mut Vec<Expr>) {
        let Some(constructor) = constructor else { return };
        list.extend(self.optional_expr(&constructor.agg_filter));
        list.extend(self.exprs(&constructor.agg_order));
        if let Some(over) = &constructor.over {
            self.window(over, list);
        }
    }
}
