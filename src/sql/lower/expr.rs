//! Expressions.

use pg_raw_parse::raw::{
    A_Expr_Kind as K, BoolExprType, BoolTestType, MinMaxOp, NullTestType, SQLValueFunctionOp, SubLinkType,
};
use pg_raw_parse::{ConstValue, Node, nodes as pg};

use super::Cx;
use super::name::{items, optional, qualified, required, string};
use crate::source::Span;
use crate::sql::expr::{Call, ColumnRef, Expr, Literal, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::sql::parser::{List, present};

impl Cx<'_> {
    pub(super) fn exprs<'t>(&self, nodes: impl List<'t>) -> Vec<Expr> {
        nodes.items().map(|node| self.expr(node)).collect()
    }

    pub(super) fn optional_expr(&self, node: Node<'_>) -> Option<Expr> {
        present(node).map(|node| self.expr(node))
    }

    pub(super) fn optional_box(&self, node: Node<'_>) -> Option<Box<Expr>> {
        self.optional_expr(node).map(Box::new)
    }

    pub(super) fn boxed(&self, node: Node<'_>) -> Box<Expr> {
        Box::new(self.expr(node))
    }

    pub(super) fn expr(&self, node: Node<'_>) -> Expr {
        let lowered = present(node).and_then(|node| self.nesting.enter(|| self.some_expr(node)));
        lowered.unwrap_or(Expr::Other("missing", Vec::new()))
    }

    fn some_expr(&self, node: Node<'_>) -> Expr {
        match node {
            Node::A_Const(n) => constant(n),
            Node::ColumnRef(n) => self.column(n),
            Node::ParamRef(n) => Expr::Param(n.number),
            Node::FuncCall(n) => self.call(n),
            Node::A_Expr(n) => self.operation(n),
            Node::BoolExpr(n) => match n.boolop {
                BoolExprType::OR_EXPR => Expr::Or(self.exprs(n.args())),
                BoolExprType::NOT_EXPR => Expr::Not(self.boxed(n.args().first().unwrap_or(Node::None))),
                _ => Expr::And(self.exprs(n.args())),
            },
            Node::NullTest(n) => Expr::IsNull {
                expr: self.boxed(n.arg()),
                negated: n.nulltesttype == NullTestType::IS_NOT_NULL,
            },
            Node::BooleanTest(n) => self.boolean_test(n),
            Node::SubLink(n) => self.sublink(n),
            Node::TypeCast(n) => {
                Expr::Cast { expr: self.boxed(n.arg()), to: Box::new(self.optional_type(n.type_name())) }
            }
            Node::CaseExpr(n) => self.case(n),
            Node::CoalesceExpr(n) => Expr::Coalesce(self.exprs(n.args())),
            Node::A_ArrayExpr(n) => Expr::Array(self.exprs(n.elements())),
            Node::RowExpr(n) => Expr::Row(self.exprs(n.args())),
            Node::A_Indirection(n) => self.indirection(n),
            Node::SQLValueFunction(n) => Expr::Session(session_word(n.op)),
            Node::ResTarget(n) => *self.boxed(n.val()),
            Node::SortBy(n) => *self.boxed(n.node()),
            Node::NodeList(list) => Expr::Row(self.exprs(list)),
            Node::SelectStmt(n) => Expr::Sublink(Sublink {
                kind: SublinkKind::Scalar,
                test: None,
                op: Ident::default(),
                query: Box::new(self.query(n)),
                span: self.whole(),
            }),
            other => self.other(other),
        }
    }

    /// What has no variant of its own, with every operand that holds names.
    fn other(&self, node: Node<'_>) -> Expr {
        let some = |nodes: &[Node<'_>]| nodes.iter().filter_map(|node| self.optional_expr(*node)).collect();
        match node {
            Node::CollateClause(n) => Expr::Other("collate", some(&[n.arg()])),
            Node::MinMaxExpr(n) if n.op == MinMaxOp::IS_LEAST => Expr::Other("least", self.exprs(n.args())),
            Node::MinMaxExpr(n) => Expr::Other("greatest", self.exprs(n.args())),
            Node::NamedArgExpr(n) => Expr::Named { name: required(n.name()), value: self.boxed(n.arg()) },
            Node::SetToDefault(_) => Expr::Other("default", Vec::new()),
            Node::CurrentOfExpr(_) => Expr::Other("current of", Vec::new()),
            Node::GroupingFunc(n) => Expr::Other("grouping", self.exprs(n.args())),
            Node::GroupingSet(n) => Expr::Other("grouping set", self.exprs(n.content())),
            Node::A_Indices(n) => Expr::Other("subscript", some(&[n.lidx(), n.uidx()])),
            Node::MultiAssignRef(n) => self.multiple(n),
            Node::MergeSupportFunc(_) => Expr::Other("merge_action", Vec::new()),
            Node::XmlExpr(n) => Expr::Other(
                "xml",
                n.named_args().items().chain(n.args().items()).map(|node| self.expr(node)).collect(),
            ),
            Node::XmlSerialize(n) => Expr::Other("xml", some(&[n.expr()])),
            Node::ReturnStmt(n) => *self.boxed(n.returnval()),
            other => self.json(other),
        }
    }

    /// What a window partitions and orders by, and the bounds of its frame.
    pub(super) fn window(&self, n: &pg::WindowDef, list: &mut Vec<Expr>) {
        list.extend(self.exprs(n.partition_clause()));
        list.extend(self.exprs(n.order_clause()));
        list.extend(self.optional_expr(n.start_offset()));
        list.extend(self.optional_expr(n.end_offset()));
    }

    fn column(&self, n: &pg::ColumnRef) -> Expr {
        let fields = || n.fields().items();
        let star = matches!(fields().next_back(), Some(Node::A_Star(_)));
        let named = fields().take(fields().len() - usize::from(star));
        let path = named.map(|field| required(field.as_str())).collect();
        Expr::Column(ColumnRef { path, star, span: self.name_span(n.location), target: Target::Unknown })
    }

    pub(super) fn call(&self, n: &pg::FuncCall) -> Expr {
        let name = qualified(n.funcname().items(), self.name_span(n.location));
        let aggregate = n.agg_star
            || n.agg_distinct
            || present(n.agg_filter()).is_some()
            || !n.agg_order().is_empty()
            || AGGREGATES.binary_search(&name.name.as_str()).is_ok();
        let call = Expr::Call(Box::new(Call {
            args: self.exprs(n.args()),
            span: self.call_span(n.location),
            target: None,
            aggregate: aggregate && n.over().is_none(),
            distinct: n.agg_distinct,
            name,
        }));
        if n.agg_order().is_empty() && present(n.agg_filter()).is_none() && n.over().is_none() {
            return call;
        }
        let mut list = vec![call];
        list.extend(self.exprs(n.agg_order()));
        list.extend(self.optional_expr(n.agg_filter()));
        if let Some(over) = n.over() {
            self.window(over, &mut list);
        }
        let name = match (n.over(), n.agg_filter()) {
            (Some(_), _) => "over",
            (None, Node::None) => "aggregate order",
            (None, _) => "filter",
        };
        Expr::Other(name, list)
    }

    /// From a function's name to the parenthesis that closes its arguments.
    fn call_span(&self, location: i32) -> Span {
        let name = self.name_span(location);
        if !self.code.is_verbatim() {
            return name;
        }
        let text = self.code.text;
        let start = self.offset(location);
        let length = (name.end - name.start) as usize;
        let mut tokens = self.lex_from(start + length);
        if !tokens.next().is_some_and(|token| token.is(text, '(')) {
            // `x AT TIME ZONE y` and the like: a call without its form.
            return name;
        }
        let mut depth = 1;
        for token in tokens {
            if token.is(text, '(') {
                depth += 1;
            } else if token.is(text, ')') {
                depth -= 1;
                if depth == 0 {
                    return self.code.span(start, token.end);
                }
            }
        }
        name
    }

    fn operation(&self, n: &pg::A_Expr) -> Expr {
        let op = n.name().items().next_back().map(string).unwrap_or_default();
        let two = || (self.boxed(n.lexpr()), self.boxed(n.rexpr()));
        match n.kind {
            K::AEXPR_OP_ANY | K::AEXPR_OP_ALL => {
                let (left, right) = two();
                Expr::OpArray { op: op.into(), all: n.kind == K::AEXPR_OP_ALL, left, right }
            }
            K::AEXPR_DISTINCT | K::AEXPR_NOT_DISTINCT => {
                let (left, right) = two();
                Expr::Distinct { left, right, negated: n.kind == K::AEXPR_NOT_DISTINCT }
            }
            K::AEXPR_NULLIF => {
                let (left, right) = two();
                Expr::Other("nullif", vec![*left, *right])
            }
            K::AEXPR_IN => Expr::In {
                expr: self.boxed(n.lexpr()),
                list: self.exprs(items(n.rexpr())),
                negated: op == "<>",
            },
            K::AEXPR_BETWEEN | K::AEXPR_NOT_BETWEEN | K::AEXPR_BETWEEN_SYM | K::AEXPR_NOT_BETWEEN_SYM => {
                self.between(n)
            }
            _ => Expr::Op { op: op.into(), left: self.optional_box(n.lexpr()), right: self.boxed(n.rexpr()) },
        }
    }

    fn between(&self, n: &pg::A_Expr) -> Expr {
        let mut bounds = items(n.rexpr()).iter();
        let (Some(low), Some(high), 0) = (bounds.next(), bounds.next(), bounds.len()) else {
            return Expr::Other("between", vec![*self.boxed(n.lexpr()), *self.boxed(n.rexpr())]);
        };
        let symmetric = match n.kind {
            K::AEXPR_BETWEEN_SYM => Some("between symmetric"),
            K::AEXPR_NOT_BETWEEN_SYM => Some("not between symmetric"),
            _ => None,
        };
        if let Some(name) = symmetric {
            return Expr::Other(name, vec![*self.boxed(n.lexpr()), self.expr(low), self.expr(high)]);
        }
        Expr::Between {
            expr: self.boxed(n.lexpr()),
            low: Box::new(self.expr(low)),
            high: Box::new(self.expr(high)),
            negated: n.kind == K::AEXPR_NOT_BETWEEN,
        }
    }

    fn boolean_test(&self, n: &pg::BooleanTest) -> Expr {
        use BoolTestType as T;
        let (value, negated) = match n.booltesttype {
            T::IS_NOT_TRUE => (Some(true), true),
            T::IS_FALSE => (Some(false), false),
            T::IS_NOT_FALSE => (Some(false), true),
            T::IS_UNKNOWN => (None, false),
            T::IS_NOT_UNKNOWN => (None, true),
            _ => (Some(true), false),
        };
        Expr::IsBool { expr: self.boxed(n.arg()), value, negated }
    }

    fn sublink(&self, n: &pg::SubLink) -> Expr {
        let kind = match n.sub_link_type {
            SubLinkType::EXISTS_SUBLINK => SublinkKind::Exists,
            SubLinkType::ANY_SUBLINK => SublinkKind::Any,
            SubLinkType::ALL_SUBLINK => SublinkKind::All,
            SubLinkType::ARRAY_SUBLINK => SublinkKind::Array,
            _ => SublinkKind::Scalar,
        };
        let op = match n.oper_name().items().next_back().map(string) {
            Some(op) => op,
            // `in` has no operator of its own (manual, section 9.24).
            None if kind == SublinkKind::Any => "=",
            None => "",
        };
        Expr::Sublink(Sublink {
            kind,
            test: self.optional_box(n.testexpr()),
            op: op.into(),
            query: Box::new(self.query_node(n.subselect())),
            span: self.sublink_span(n.location),
        })
    }

    /// The parentheses that follow a location, and what they hold.
    fn sublink_span(&self, location: i32) -> Span {
        let text = self.code.text;
        let mut start = None;
        let mut depth = 0;
        let mut operator = self.lex(location).next().is_some_and(|token| token.is_word(text, "operator"));
        for token in self.lex(location) {
            if token.is(text, '(') {
                depth += 1;
                start = start.or(Some(token.start));
            } else if token.is(text, ')') {
                depth -= 1;
                if depth == 0 {
                    if !operator {
                        return self.code.span(start.unwrap_or(token.start), token.end);
                    }
                    // `operator(pg_catalog.=) any (…)`
                    (operator, start) = (false, None);
                }
            }
        }
        self.name_span(location)
    }

    fn case(&self, n: &pg::CaseExpr) -> Expr {
        let arm = |node: Node<'_>| match node {
            Node::CaseWhen(when) => Some((*self.boxed(when.expr()), *self.boxed(when.result()))),
            _ => None,
        };
        Expr::Case {
            operand: self.optional_box(n.arg()),
            arms: n.args().items().filter_map(arm).collect(),
            default: self.optional_box(n.defresult()),
        }
    }

    fn indirection(&self, n: &pg::A_Indirection) -> Expr {
        let mut expr = *self.boxed(n.arg());
        for step in n.indirection().items() {
            match (step, &mut expr) {
                (Node::A_Indices(indices), Expr::Field { field: None, subscripts, .. }) => {
                    subscripts.extend(self.bounds(indices));
                }
                (Node::A_Indices(indices), _) => {
                    let subscripts = self.bounds(indices);
                    expr = Expr::Field { expr: Box::new(expr), field: None, subscripts, row: None };
                }
                _ => {
                    let field = optional(step.as_str());
                    expr = Expr::Field { expr: Box::new(expr), field, subscripts: Vec::new(), row: None };
                }
            }
        }
        expr
    }

    fn bounds(&self, n: &pg::A_Indices) -> Vec<Expr> {
        [n.lidx(), n.uidx()].into_iter().filter_map(|bound| self.optional_expr(bound)).collect()
    }

    /// One column of `(a, b) = …`: its own value of a row, else the whole with the first column.
    fn multiple(&self, n: &pg::MultiAssignRef) -> Expr {
        let at = usize::try_from(n.colno - 1).unwrap_or_default();
        let own = match n.source() {
            Node::RowExpr(row) => row.args().items().nth(at),
            _ => None,
        };
        match own {
            Some(value) => self.expr(value),
            None if at == 0 => Expr::Other("multiple assignment", vec![*self.boxed(n.source())]),
            None => Expr::Other("multiple assignment", Vec::new()),
        }
    }
}

fn constant(n: &pg::A_Const) -> Expr {
    Expr::Literal(match n.val() {
        Some(ConstValue::Integer(number)) => Literal::Number(number.to_string()),
        Some(ConstValue::Float(number)) => Literal::Number(number.to_owned()),
        Some(ConstValue::Boolean(value)) => Literal::Bool(value),
        Some(ConstValue::String(text) | ConstValue::BitString(text)) => Literal::String(text.to_owned()),
        _ => Literal::Null,
    })
}

fn session_word(op: SQLValueFunctionOp::Type) -> &'static str {
    use SQLValueFunctionOp as Op;
    match op {
        Op::SVFOP_CURRENT_DATE => "current_date",
        Op::SVFOP_CURRENT_TIME | Op::SVFOP_CURRENT_TIME_N => "current_time",
        Op::SVFOP_CURRENT_TIMESTAMP | Op::SVFOP_CURRENT_TIMESTAMP_N => "current_timestamp",
        Op::SVFOP_LOCALTIME | Op::SVFOP_LOCALTIME_N => "localtime",
        Op::SVFOP_LOCALTIMESTAMP | Op::SVFOP_LOCALTIMESTAMP_N => "localtimestamp",
        Op::SVFOP_CURRENT_ROLE => "current_role",
        Op::SVFOP_CURRENT_USER => "current_user",
        Op::SVFOP_USER => "user",
        Op::SVFOP_SESSION_USER => "session_user",
        Op::SVFOP_CURRENT_CATALOG => "current_catalog",
        Op::SVFOP_CURRENT_SCHEMA => "current_schema",
        _ => "unknown",
    }
}

/// The aggregate functions that ship with PostgreSQL and take no special form.
#[rustfmt::skip]
const AGGREGATES: &[&str] = &[
    "any_value", "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr",
    "count", "covar_pop", "covar_samp", "every", "json_agg", "json_agg_strict", "json_object_agg",
    "jsonb_agg", "jsonb_agg_strict", "jsonb_object_agg", "max", "min", "mode", "percentile_cont",
    "percentile_disc", "range_agg", "range_intersect_agg", "stddev", "stddev_pop", "stddev_samp",
    "string_agg", "sum", "var_pop", "var_samp", "variance", "xmlagg",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::expr::QueryBody;
    use crate::sql::lower::testing::under;

    fn target(text: &str) -> Expr {
        let text = format!("select {text}");
        let query = lowered!(Query, &text);
        let QueryBody::Select(mut select) = query.body else { panic!() };
        select.targets.remove(0).expr
    }

    fn column(name: &str) -> impl Fn(&Expr) -> bool {
        move |expr| matches!(expr, Expr::Column(column) if column.path.last().is_some_and(|last| last == name))
    }

    #[test]
    fn constants_are_literals() {
        for (text, literal) in [
            ("null", Literal::Null),
            ("true", Literal::Bool(true)),
            ("FALSE", Literal::Bool(false)),
            ("0", Literal::Number("0".into())),
            ("-1.5", Literal::Number("-1.5".into())),
            ("E'a\\tb'", Literal::String("a\tb".into())),
            ("$$x$$", Literal::String("x".into())),
        ] {
            assert_eq!(target(text), Expr::Literal(literal));
        }
    }

    #[test]
    fn operators_keep_their_names() {
        for (text, name) in [
            ("a = b", "="),
            ("a != b", "<>"),
            ("a like b", "~~"),
            ("a not like b", "!~~"),
            ("a ilike b", "~~*"),
            ("a similar to b", "~"),
            ("a operator(pg_catalog.+) b", "+"),
            ("a ->> 'b'", "->>"),
        ] {
            assert!(matches!(target(text), Expr::Op { op, left: Some(_), .. } if op == name), "{text}");
        }
        assert!(matches!(target("- a"), Expr::Op { op, left: None, .. } if op == "-"));
    }

    #[test]
    fn tests_have_their_own_shapes() {
        assert!(matches!(target("a and b and c"), Expr::And(list) if list.len() == 3));
        assert!(matches!(target("a or b"), Expr::Or(list) if list.len() == 2));
        assert!(matches!(target("not a"), Expr::Not(_)));
        assert!(matches!(target("a is not null"), Expr::IsNull { negated: true, .. }));
        assert!(matches!(target("a is not true"), Expr::IsBool { value: Some(true), negated: true, .. }));
        assert!(matches!(target("a is unknown"), Expr::IsBool { value: None, negated: false, .. }));
        assert!(matches!(target("a is distinct from b"), Expr::Distinct { negated: false, .. }));
        assert!(matches!(target("a is not distinct from b"), Expr::Distinct { negated: true, .. }));
        assert!(matches!(target("a in (1, 2)"), Expr::In { list, negated: false, .. } if list.len() == 2));
        assert!(matches!(target("a not in (1)"), Expr::In { negated: true, .. }));
        assert!(matches!(target("a = any (b)"), Expr::OpArray { all: false, op, .. } if op == "="));
        assert!(matches!(target("a <> all (array[1])"), Expr::OpArray { all: true, op, .. } if op == "<>"));
        assert!(matches!(target("a between 1 and 2"), Expr::Between { negated: false, .. }));
        assert!(matches!(target("a not between 1 and 2"), Expr::Between { negated: true, .. }));
        assert!(matches!(target("a not between symmetric 1 and 2"), Expr::Other("not between symmetric", _)));
    }

    #[test]
    fn sub_selects_have_the_place_of_their_parentheses() {
        for (text, kind, place) in [
            ("exists (select 1)", SublinkKind::Exists, "(select 1)"),
            ("a in (select (b))", SublinkKind::Any, "(select (b))"),
            ("a > all (select 1)", SublinkKind::All, "(select 1)"),
            ("a operator(pg_catalog.=) any (select 1)", SublinkKind::Any, "(select 1)"),
            ("(select 1)", SublinkKind::Scalar, "(select 1)"),
            ("array(select 1)", SublinkKind::Array, "(select 1)"),
        ] {
            let Expr::Sublink(sublink) = target(text) else { panic!("{text}") };
            assert_eq!(sublink.kind, kind);
            assert_eq!(under(&format!("select {text}"), sublink.span), place);
            assert_eq!(sublink.test.is_some(), text.starts_with('a') && kind != SublinkKind::Array);
        }
        let Expr::Not(inner) = target("a not in (select b)") else { panic!() };
        assert!(matches!(*inner, Expr::Sublink(Sublink { kind: SublinkKind::Any, op, .. }) if op == "="));
    }

    #[test]
    fn calls_run_to_their_parenthesis() {
        for (text, name, place) in [
            ("auth . uid ( )", "auth.uid", "auth . uid ( )"),
            ("f(g(1), ')') + 1", "f", "f(g(1), ')')"),
            ("extract(year from a)", "pg_catalog.\"extract\"", "extract(year from a)"),
            ("trim(both from a)", "pg_catalog.btrim", "trim(both from a)"),
            ("a at time zone 'utc'", "pg_catalog.timezone", "at"),
        ] {
            let mut seen = Vec::new();
            target(text).walk(&mut |expr| {
                if let Expr::Call(call) = expr {
                    seen.push((
                        call.name.to_string(),
                        under(&format!("select {text}"), call.span).to_owned(),
                    ));
                }
            });
            assert_eq!(seen[0], (name.to_owned(), place.to_owned()));
        }
    }

    #[test]
    fn aggregates_and_windows_keep_their_operands() {
        let expr = target("count(*) filter (where a) over (partition by b order by c)");
        assert!(
            matches!(&expr, Expr::Other("over", list) if matches!(&list[0], Expr::Call(c) if !c.aggregate))
        );
        for name in ["a", "b", "c"] {
            assert!(expr.any(&column(name)), "{name}");
        }
        assert!(matches!(target("count(*)"), Expr::Call(call) if call.aggregate));
        assert!(matches!(target("max(a)"), Expr::Call(call) if call.aggregate));
        assert!(matches!(target("lower(a)"), Expr::Call(call) if !call.aggregate));
        assert!(target("array_agg(a order by b)").any(&column("b")));
        assert!(target("percentile_cont(0.5) within group (order by b)").any(&column("b")));
        assert!(AGGREGATES.is_sorted());
    }

    #[test]
    fn other_shapes_are_read() {
        assert_eq!(target("current_user"), Expr::Session("current_user"));
        assert_eq!(target("current_timestamp(3)"), Expr::Session("current_timestamp"));
        assert_eq!(target("$2"), Expr::Param(2));
        assert!(
            matches!(target("a::public.mood"), Expr::Cast { to, .. } if to.name.to_string() == "public.mood")
        );
        assert!(matches!(target("coalesce(a, b)"), Expr::Coalesce(list) if list.len() == 2));
        assert!(matches!(target("array[a, b]"), Expr::Array(list) if list.len() == 2));
        assert!(matches!(target("(a, b)"), Expr::Row(list) if list.len() == 2));
        assert!(matches!(target("case a when b then c else d end"),
            Expr::Case { operand: Some(_), arms, default: Some(_) } if arms.len() == 1));
        assert!(matches!(target("(a).b"), Expr::Field { field: Some(field), .. } if field == "b"));
        assert!(
            matches!(target("a[1][2:3]"), Expr::Field { field: None, subscripts, .. } if subscripts.len() == 3)
        );
        assert!(matches!(target("t.*"), Expr::Column(ColumnRef { star: true, path, .. }) if path.len() == 1));
    }

    #[test]
    fn no_operand_is_lost() {
        for text in [
            "x collate \"C\"",
            "greatest(1, x)",
            "nullif(1, x)",
            "f(a => x)",
            "grouping(x)",
            "f(variadic x)",
            "xmlelement(name n, xmlattributes(x as y))",
            "xmlserialize(content x as text)",
            "xmlexists('a' passing x)",
            "json_object('a' : x)",
            "json_array(x, 1)",
            "json_array(select x)",
            "json_objectagg('a' : x)",
            "json_arrayagg(1 order by x)",
            "json_value(x, '$.a')",
            "json_query(a, '$' passing x as y)",
            "json_scalar(x)",
            "json_serialize(x)",
            "json(x)",
            "x is json",
            "x is document",
            "treat(x as t)",
            "overlay(a placing x from 1)",
            "position('a' in x)",
            "(a, b) overlaps (c, x)",
            "x is normalized",
            "a like 'b' escape x",
            "(1, x) = (2, 3)",
            "(row(a, x)).f",
            "sum(a) over (rows between x preceding and current row)",
            "(select 1 from t where x)",
            "interval '1 day' * x",
        ] {
            assert!(target(text).any(&column("x")), "{text}");
        }
    }
}
