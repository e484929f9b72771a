//! Expressions.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, AExprKind, Node, SqlValueFunctionOp, SubLinkType, a_const};

use super::Cx;
use super::name::{idents, items, optional, qualified, string};
use crate::source::Span;
use crate::sql::expr::{Call, ColumnRef, Expr, Literal, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;

pub(super) type Boxed = Option<Box<Node>>;

impl Cx<'_> {
    pub(super) fn exprs(&self, nodes: &[Node]) -> Vec<Expr> {
        nodes.iter().map(|node| self.expr(node)).collect()
    }

    pub(super) fn optional_expr(&self, node: &Boxed) -> Option<Expr> {
        node.as_deref().map(|node| self.expr(node))
    }

    pub(super) fn optional_box(&self, node: &Boxed) -> Option<Box<Expr>> {
        self.optional_expr(node).map(Box::new)
    }

    pub(super) fn boxed(&self, node: &Boxed) -> Box<Expr> {
        Box::new(self.optional_expr(node).unwrap_or(Expr::Other("missing", Vec::new())))
    }

    pub(super) fn expr(&self, node: &Node) -> Expr {
        let Some(node) = &node.node else {
            return Expr::Other("missing", Vec::new());
        };
        match node {
            N::AConst(n) => constant(n),
            N::ColumnRef(n) => self.column(n),
            N::ParamRef(n) => Expr::Param(n.number),
            N::FuncCall(n) => self.call(n),
            N::AExpr(n) => self.operation(n),
            N::BoolExpr(n) => match n.boolop() {
                pb::BoolExprType::OrExpr => Expr::Or(self.exprs(&n.args)),
                pb::BoolExprType::NotExpr if n.args.len() == 1 => Expr::Not(Box::new(self.expr(&n.args[0]))),
                _ => Expr::And(self.exprs(&n.args)),
            },
            N::NullTest(n) => Expr::IsNull {
                expr: self.boxed(&n.arg),
                negated: n.nulltesttype() == pb::NullTestType::IsNotNull,
            },
            N::BooleanTest(n) => self.boolean_test(n),
            N::SubLink(n) => self.sublink(n),
            N::TypeCast(n) => Expr::Cast {
                expr: self.boxed(&n.arg),
                to: Box::new(self.optional_type(n.type_name.as_ref())),
            },
            N::CaseExpr(n) => self.case(n),
            N::CoalesceExpr(n) => Expr::Coalesce(self.exprs(&n.args)),
            N::AArrayExpr(n) => Expr::Array(self.exprs(&n.elements)),
            N::RowExpr(n) => Expr::Row(self.exprs(&n.args)),
            N::AIndirection(n) => self.indirection(n),
            N::SqlvalueFunction(n) => Expr::Session(session_word(n.op())),
            N::ResTarget(n) => *self.boxed(&n.val),
            N::SortBy(n) => *self.boxed(&n.node),
            N::List(n) => Expr::Row(self.exprs(&n.items)),
            N::SelectStmt(n) => Expr::Sublink(Sublink {
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
    fn other(&self, node: &N) -> Expr {
        let some = |nodes: &[&Boxed]| nodes.iter().filter_map(|node| self.optional_expr(node)).collect();
        match node {
            N::CollateClause(n) => Expr::Other("collate", some(&[&n.arg])),
            N::MinMaxExpr(n) if n.op() == pb::MinMaxOp::IsLeast => Expr::Other("least", self.exprs(&n.args)),
            N::MinMaxExpr(n) => Expr::Other("greatest", self.exprs(&n.args)),
            N::NamedArgExpr(n) => Expr::Named { name: n.name.as_str().into(), value: self.boxed(&n.arg) },
            N::SetToDefault(_) => Expr::Other("default", Vec::new()),
            N::CurrentOfExpr(_) => Expr::Other("current of", Vec::new()),
            N::GroupingFunc(n) => Expr::Other("grouping", self.exprs(&n.args)),
            N::GroupingSet(n) => Expr::Other("grouping set", self.exprs(&n.content)),
            N::AIndices(n) => Expr::Other("subscript", some(&[&n.lidx, &n.uidx])),
            N::MultiAssignRef(n) => self.multiple(n),
            N::MergeSupportFunc(_) => Expr::Other("merge_action", Vec::new()),
            N::XmlExpr(n) => {
                Expr::Other("xml", n.named_args.iter().chain(&n.args).map(|node| self.expr(node)).collect())
            }
            N::XmlSerialize(n) => Expr::Other("xml", some(&[&n.expr])),
            N::ReturnStmt(n) => *self.boxed(&n.returnval),
            other => self.json(other),
        }
    }

    /// What a window partitions and orders by, and the bounds of its frame.
    pub(super) fn window(&self, n: &pb::WindowDef, list: &mut Vec<Expr>) {
        list.extend(self.exprs(&n.partition_clause));
        list.extend(self.exprs(&n.order_clause));
        list.extend(self.optional_expr(&n.start_offset));
        list.extend(self.optional_expr(&n.end_offset));
    }

    fn column(&self, n: &pb::ColumnRef) -> Expr {
        let star = matches!(n.fields.last().and_then(|node| node.node.as_ref()), Some(N::AStar(_)));
        let named = n.fields.len() - usize::from(star);
        let path = idents(&n.fields[..named]);
        Expr::Column(ColumnRef { path, star, span: self.name_span(n.location), target: Target::Unknown })
    }

    pub(super) fn call(&self, n: &pb::FuncCall) -> Expr {
        let name = qualified(&n.funcname, self.name_span(n.location));
        let aggregate = n.agg_star
            || n.agg_distinct
            || n.agg_filter.is_some()
            || !n.agg_order.is_empty()
            || AGGREGATES.binary_search(&name.name.as_str()).is_ok();
        let call = Expr::Call(Box::new(Call {
            args: self.exprs(&n.args),
            span: self.call_span(n.location),
            target: None,
            aggregate: aggregate && n.over.is_none(),
            name,
        }));
        if n.agg_order.is_empty() && n.agg_filter.is_none() && n.over.is_none() {
            return call;
        }
        let mut list = vec![call];
        list.extend(self.exprs(&n.agg_order));
        list.extend(self.optional_expr(&n.agg_filter));
        if let Some(over) = &n.over {
            self.window(over, &mut list);
        }
        let name = match n {
            pb::FuncCall { over: Some(_), .. } => "over",
            pb::FuncCall { agg_filter: Some(_), .. } => "filter",
            _ => "aggregate order",
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

    fn operation(&self, n: &pb::AExpr) -> Expr {
        let op = n.name.last().map(string).unwrap_or_default();
        let two = || (self.boxed(&n.lexpr), self.boxed(&n.rexpr));
        match n.kind() {
            AExprKind::AexprOpAny | AExprKind::AexprOpAll => {
                let (left, right) = two();
                Expr::OpArray { op: op.into(), all: n.kind() == AExprKind::AexprOpAll, left, right }
            }
            AExprKind::AexprDistinct | AExprKind::AexprNotDistinct => {
                let (left, right) = two();
                Expr::Distinct { left, right, negated: n.kind() == AExprKind::AexprNotDistinct }
            }
            AExprKind::AexprNullif => {
                let (left, right) = two();
                Expr::Other("nullif", vec![*left, *right])
            }
            AExprKind::AexprIn => Expr::In {
                expr: self.boxed(&n.lexpr),
                list: n.rexpr.as_deref().map(|list| self.exprs(items(list))).unwrap_or_default(),
                negated: op == "<>",
            },
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => self.between(n),
            _ => Expr::Op { op: op.into(), left: self.optional_box(&n.lexpr), right: self.boxed(&n.rexpr) },
        }
    }

    fn between(&self, n: &pb::AExpr) -> Expr {
        let bounds = n.rexpr.as_deref().map(items).unwrap_or_default();
        let [low, high] = bounds else {
            return Expr::Other("between", vec![*self.boxed(&n.lexpr), *self.boxed(&n.rexpr)]);
        };
        let symmetric = match n.kind() {
            AExprKind::AexprBetweenSym => Some("between symmetric"),
            AExprKind::AexprNotBetweenSym => Some("not between symmetric"),
            _ => None,
        };
        if let Some(name) = symmetric {
            return Expr::Other(name, vec![*self.boxed(&n.lexpr), self.expr(low), self.expr(high)]);
        }
        Expr::Between {
            expr: self.boxed(&n.lexpr),
            low: Box::new(self.expr(low)),
            high: Box::new(self.expr(high)),
            negated: n.kind() == AExprKind::AexprNotBetween,
        }
    }

    fn boolean_test(&self, n: &pb::BooleanTest) -> Expr {
        use pb::BoolTestType as T;
        let (value, negated) = match n.booltesttype() {
            T::IsTrue | T::Undefined => (Some(true), false),
            T::IsNotTrue => (Some(true), true),
            T::IsFalse => (Some(false), false),
            T::IsNotFalse => (Some(false), true),
            T::IsUnknown => (None, false),
            T::IsNotUnknown => (None, true),
        };
        Expr::IsBool { expr: self.boxed(&n.arg), value, negated }
    }

    fn sublink(&self, n: &pb::SubLink) -> Expr {
        let kind = match n.sub_link_type() {
            SubLinkType::ExistsSublink => SublinkKind::Exists,
            SubLinkType::AnySublink => SublinkKind::Any,
            SubLinkType::AllSublink => SublinkKind::All,
            SubLinkType::ArraySublink => SublinkKind::Array,
            _ => SublinkKind::Scalar,
        };
        let op = match n.oper_name.last().map(string) {
            Some(op) => op,
            // `in` has no operator of its own (manual, section 9.24).
            None if kind == SublinkKind::Any => "=",
            None => "",
        };
        let query = n.subselect.as_deref().map(|node| self.query_node(node)).unwrap_or_default();
        Expr::Sublink(Sublink {
            kind,
            test: self.optional_box(&n.testexpr),
            op: op.into(),
            query: Box::new(query),
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

    fn case(&self, n: &pb::CaseExpr) -> Expr {
        let arm = |node: &Node| match &node.node {
            Some(N::CaseWhen(when)) => Some((*self.boxed(&when.expr), *self.boxed(&when.result))),
            _ => None,
        };
        Expr::Case {
            operand: self.optional_box(&n.arg),
            arms: n.args.iter().filter_map(arm).collect(),
            default: self.optional_box(&n.defresult),
        }
    }

    fn indirection(&self, n: &pb::AIndirection) -> Expr {
        let mut expr = *self.boxed(&n.arg);
        for step in &n.indirection {
            let field = optional(string(step));
            match (&step.node, &mut expr) {
                (Some(N::AIndices(indices)), Expr::Field { field: None, subscripts, .. }) => {
                    subscripts.extend(self.bounds(indices));
                }
                (Some(N::AIndices(indices)), _) => {
                    let subscripts = self.bounds(indices);
                    expr = Expr::Field { expr: Box::new(expr), field: None, subscripts, row: None };
                }
                _ => expr = Expr::Field { expr: Box::new(expr), field, subscripts: Vec::new(), row: None },
            }
        }
        expr
    }

    fn bounds(&self, n: &pb::AIndices) -> Vec<Expr> {
        [&n.lidx, &n.uidx].into_iter().filter_map(|bound| self.optional_expr(bound)).collect()
    }

    /// One column of `(a, b) = …`: its own value of a row, else the whole with the first column.
    fn multiple(&self, n: &pb::MultiAssignRef) -> Expr {
        let at = usize::try_from(n.colno - 1).unwrap_or_default();
        match n.source.as_deref().and_then(|node| node.node.as_ref()) {
            Some(N::RowExpr(row)) if row.args.len() > at => self.expr(&row.args[at]),
            _ if at == 0 => Expr::Other("multiple assignment", vec![*self.boxed(&n.source)]),
            _ => Expr::Other("multiple assignment", Vec::new()),
        }
    }
}

fn constant(n: &pb::AConst) -> Expr {
    Expr::Literal(match &n.val {
        Some(a_const::Val::Ival(number)) => Literal::Number(number.ival.to_string()),
        Some(a_const::Val::Fval(number)) => Literal::Number(number.fval.clone()),
        Some(a_const::Val::Boolval(value)) => Literal::Bool(value.boolval),
        Some(a_const::Val::Sval(text)) => Literal::String(text.sval.clone()),
        Some(a_const::Val::Bsval(bits)) => Literal::String(bits.bsval.clone()),
        None => Literal::Null,
    })
}

fn session_word(op: SqlValueFunctionOp) -> &'static str {
    use SqlValueFunctionOp as Op;
    match op {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SqlvalueFunctionOpUndefined => "unknown",
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
