//! From expressions to formulas.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::predicate::formula::{Form, Operand};
use crate::predicate::{Body, Caller, Conditions, Facts, Gives, Node, Truth, is_plain, unwrapped};
use crate::sql::expr::{
    Call, ColumnRef, Expr, FromItem, Literal, Query, QueryBody, Select, Sublink, SublinkKind, Target,
};
use crate::sql::statement::TypeName;

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    /// A number without a fraction, or one as written.
    Number(String),
    /// A `text`, or a literal without a type.
    Text(String),
    /// Not known, but not null.
    NotNull,
}

/// How deep calls are replaced by what they stand for.
const CALLS: u16 = 6;

/// How large an expression may get by that.
const NODES: usize = 4_000;

/// How deep conditions are read for the sake of others: each level may be read several times.
const NESTING: u8 = 6;

impl Conditions<'_> {
    /// Reads a condition on a row.
    pub fn read(&mut self, expr: &Expr) -> Node {
        let expr = self.followed(expr);
        self.read_followed(&expr)
    }

    /// Reads one that was [`Self::followed`].
    pub fn read_followed(&mut self, expr: &Expr) -> Node {
        self.places.clear();
        self.formula(expr)
    }

    /// The expression with calls replaced by what the functions do, as far as that can be told.
    pub fn followed<'e>(&self, expr: &'e Expr) -> Cow<'e, Expr> {
        let leads_on = |part: &Expr| match part {
            Expr::Sublink(_) => true,
            Expr::Call(call) => call.target.is_some_and(|oid| self.facts.body(oid).is_some()),
            _ => false,
        };
        if !expr.any(&leads_on) {
            return Cow::Borrowed(expr);
        }
        let mut budget = NODES;
        Cow::Owned(self.resolved(expr, CALLS, &mut budget))
    }

    /// The expression with calls replaced by what the functions do, and `(select x)` by `x`.
    fn resolved(&self, expr: &Expr, calls: u16, budget: &mut usize) -> Expr {
        let mut expr = expr.clone();
        expr.visit_mut(0, &mut |node, _| {
            *budget = budget.saturating_sub(1);
            self.resolve(node, calls, budget);
        });
        expr
    }

    /// The same for one node, whose operands are resolved.
    fn resolve(&self, node: &mut Expr, calls: u16, budget: &mut usize) {
        let resolved = match node {
            // Arguments by name stand in an order of their own.
            Expr::Call(call) if calls > 0 && *budget > 0 && !by_name(call) => {
                match call.target.and_then(|oid| self.facts.body(oid)) {
                    Some(Body::Value(body)) => {
                        let mut body = body.clone();
                        body.visit_mut(0, &mut |part, level| fill(part, level, &call.args));
                        Some(self.resolved(&body, calls - 1, budget))
                    }
                    _ => None,
                }
            }
            Expr::Sublink(sublink) => {
                self.replace_rows(sublink, calls, budget);
                match (sublink.kind, self.bare_target(&sublink.query)) {
                    (SublinkKind::Scalar, Some(target)) => Some(target.clone().lifted()),
                    (SublinkKind::Any, Some(target)) if sublink.test.is_some() => {
                        let left = sublink.test.take();
                        let op = std::mem::take(&mut sublink.op);
                        Some(Expr::Op { op, left, right: Box::new(target.clone().lifted()) })
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(resolved) = resolved {
            *node = resolved;
        }
    }

    /// `in (select f())`, `in (select * from f())`: the rows of a function that returns a set.
    fn replace_rows(&self, sublink: &mut Sublink, calls: u16, budget: &mut usize) {
        let Some(call) =
            called_rows(&sublink.query).filter(|call| calls > 0 && *budget > 0 && !by_name(call))
        else {
            return;
        };
        let Some(Body::Rows(rows)) = call.target.and_then(|oid| self.facts.body(oid)) else { return };
        let mut rows = rows.clone();
        // An argument stands in the query that is replaced, as deep as the new one.
        let args: Vec<Expr> = call.args.iter().map(|arg| arg.clone().lifted()).collect();
        rows.visit_mut(1, &mut |part, level| {
            fill(part, level, &args);
            self.resolve(part, calls - 1, budget);
        });
        *sublink.query = rows;
    }

    fn formula(&mut self, expr: &Expr) -> Node {
        match expr {
            Expr::And(list) => {
                let nodes: Vec<_> = list.iter().map(|expr| self.formula(expr)).collect();
                Node::all(nodes)
            }
            Expr::Or(list) => {
                let nodes: Vec<_> = list.iter().map(|expr| self.formula(expr)).collect();
                Node::any(nodes)
            }
            Expr::Not(inner) => self.formula(inner).negate(),
            Expr::IsNull { expr: operand, negated } => match self.null_of(operand) {
                // For rows, IS NOT NULL is not the opposite of IS NULL (manual, section 9.2).
                None => self.atom(expr, Form::TwoValued),
                Some(null) if *negated => null.negate(),
                Some(null) => null,
            },
            Expr::IsBool { expr, value, negated } => {
                let truth = value.map_or(Truth::Null, Truth::of);
                let is = self.formula(expr).is(truth);
                if *negated { is.negate() } else { is }
            }
            Expr::Distinct { left, right, negated } => {
                let same = self.same(left, right);
                let same = same.unwrap_or_else(|| {
                    let mut plain = expr.clone();
                    if let Expr::Distinct { negated, .. } = &mut plain {
                        *negated = true;
                    }
                    self.atom(&plain, Form::TwoValued)
                });
                if *negated { same } else { same.negate() }
            }
            Expr::Op { op, left: Some(left), right } => self.comparison(expr, op, left, right),
            Expr::In { expr, list, negated } => {
                let nodes: Vec<_> = list.iter().map(|item| self.equal(expr, item)).collect();
                let one = Node::any(nodes);
                if *negated { one.negate() } else { one }
            }
            Expr::OpArray { op, all, left, right } => self.array_comparison(expr, op, *all, left, right),
            Expr::Between { expr, low, high, negated } => {
                let low = self.ordered(expr, low, true);
                let high = self.ordered(high, expr, true);
                let both = Node::all([low, high]);
                if *negated { both.negate() } else { both }
            }
            Expr::Case { operand, arms, default } => {
                let mut node = default.as_ref().map_or(Node::Const(Truth::Null), |expr| self.formula(expr));
                for (when, then) in arms.iter().rev() {
                    let when = match operand {
                        Some(operand) => self.equal(operand, when),
                        None => self.formula(when),
                    };
                    let then = self.formula(then);
                    node = Node::choice(when, then, node);
                }
                node
            }
            Expr::Coalesce(list) => {
                let mut node = Node::Const(Truth::Null);
                for item in list.iter().rev() {
                    let item = self.formula(item);
                    node = Node::choice(item.clone().is(Truth::Null), node, item);
                }
                node
            }
            Expr::Sublink(sublink) => self.sublink(expr, sublink),
            Expr::Cast { expr: inner, to } => match self.known(expr) {
                Some(value) => self.constant(expr, &value),
                None if to.name.name == "bool" && to.dimensions == 0 => self.formula(inner),
                None => self.plain(expr),
            },
            other => match self.known(other) {
                Some(value) => self.constant(other, &value),
                None => self.plain(other),
            },
        }
    }

    /// A value where a truth value is wanted.
    fn constant(&mut self, expr: &Expr, value: &Value) -> Node {
        match value {
            Value::Null => Node::Const(Truth::Null),
            Value::Bool(value) => Node::Const(Truth::of(*value)),
            Value::Text(text) => match truth_of_text(text) {
                Some(truth) => Node::Const(truth),
                None => self.plain(expr),
            },
            Value::NotNull if self.is_steady(expr) => self.atom(expr, Form::TwoValued),
            Value::NotNull | Value::Number(_) => self.plain(expr),
        }
    }

    fn plain(&mut self, expr: &Expr) -> Node {
        let form = if self.is_steady(expr) { Form::Plain } else { Form::Volatile };
        self.atom(expr, form)
    }

    /// A comparison by an operator of PostgreSQL's, or anything else that it may be.
    fn comparison(&mut self, whole: &Expr, op: &str, left: &Expr, right: &Expr) -> Node {
        match op {
            "=" => self.equal_in(Some(whole), left, right),
            "<>" | "!=" => self.equal(left, right).negate(),
            "<" => self.ordered(left, right, false),
            ">" => self.ordered(right, left, false),
            "<=" => self.ordered(right, left, true),
            ">=" => self.ordered(left, right, true),
            _ => match self.known(whole) {
                Some(value) => self.constant(whole, &value),
                None if STRICT.contains(&op) => {
                    let is_known = |operand| (operand, self.known(operand).is_some());
                    self.strict(whole, [left, right].map(is_known))
                }
                None => self.plain(whole),
            },
        }
    }

    fn equal(&mut self, left: &Expr, right: &Expr) -> Node {
        self.equal_in(None, left, right)
    }

    /// The same, where it may be written out.
    fn equal_in(&mut self, whole: Option<&Expr>, left: &Expr, right: &Expr) -> Node {
        let (one, other) = (self.known(left), self.known(right));
        if one == Some(Value::Null) || other == Some(Value::Null) {
            return Node::Const(Truth::Null);
        }
        // `flag = true`
        for (value, expr) in [(&one, right), (&other, left)] {
            match value {
                Some(Value::Bool(true)) => return self.formula(expr),
                Some(Value::Bool(false)) => return self.formula(expr).negate(),
                _ => {}
            }
        }
        if let (Some(one), Some(other)) = (&one, &other)
            && let Some(ordering) = order(one, other)
        {
            return Node::Const(Truth::of(ordering.is_eq()));
        }
        if self.is_same(left, right) {
            return self.unless_null(left, Truth::True);
        }
        for (one, other) in [(left, right), (right, left)] {
            if let Expr::Coalesce(list) = one.uncast()
                && let Some(node) = self.equal_to_first(list, other)
            {
                return node;
            }
        }
        let whole = match whole {
            Some(whole @ Expr::Op { .. }) => Cow::Borrowed(whole),
            _ => Cow::Owned(operation("=", left, right)),
        };
        self.strict(&whole, [(left, one.is_some()), (right, other.is_some())])
    }

    /// `coalesce(x, y) = z`: `y = z` where x is null, else `x = z`.
    fn equal_to_first(&mut self, list: &[Expr], other: &Expr) -> Option<Node> {
        let (last, rest) = list.split_last()?;
        let mut node = self.equal(last, other);
        for item in rest.iter().rev() {
            let is_null = self.null_of(item)?;
            let equal = self.equal(item, other);
            node = Node::choice(is_null, node, equal);
        }
        Some(node)
    }

    /// `left < right`, or with `negated` NOT of it, which is `left >= right`.
    fn ordered(&mut self, left: &Expr, right: &Expr, negated: bool) -> Node {
        let (one, other) = (self.known(left), self.known(right));
        if one == Some(Value::Null) || other == Some(Value::Null) {
            return Node::Const(Truth::Null);
        }
        if let (Some(one), Some(other)) = (&one, &other)
            && let Some(ordering) = order(one, other)
            && (ordering.is_eq() || !matches!(one, Value::Text(_)))
        {
            return Node::Const(Truth::of(ordering.is_lt() != negated));
        }
        if self.is_same(left, right) {
            return self.unless_null(left, Truth::of(negated));
        }
        let sides = [(left, one.is_some()), (right, other.is_some())];
        if self.has_order(left) || self.has_order(right) {
            let less = self.strict(&operation("<", left, right), sides);
            return if negated { less.negate() } else { less };
        }
        self.strict(&operation(if negated { ">=" } else { "<" }, left, right), sides)
    }

    /// A comparison that is null if and only if an operand is; of each it is told whether it is known not
    /// to be.
    fn strict(&mut self, whole: &Expr, operands: [(&Expr, bool); 2]) -> Node {
        if !self.is_steady(whole) {
            return self.atom(whole, Form::Volatile);
        }
        if operands.iter().any(|(operand, _)| matches!(operand.uncast(), Expr::Row(_))) {
            return self.atom(whole, Form::Plain);
        }
        let facts = self.facts;
        self.strict_atom(whole, || {
            let operand = |(expr, not_null): (&Expr, bool)| Operand {
                expr: expr.uncast().place_free(),
                not_null,
                exact: is_exact(facts, expr),
            };
            operands.map(operand).into()
        })
    }

    fn array_comparison(&mut self, whole: &Expr, op: &str, all: bool, left: &Expr, right: &Expr) -> Node {
        if let Expr::Array(items) = right.uncast()
            && COMPARISONS.contains(&op)
        {
            let nodes: Vec<_> = items.iter().map(|item| self.comparison(whole, op, left, item)).collect();
            return if all { Node::all(nodes) } else { Node::any(nodes) };
        }
        if let Expr::Sublink(Sublink { kind: SublinkKind::Array, query, .. }) = right.uncast()
            && self.is_empty(query)
        {
            return Node::Const(Truth::of(all));
        }
        if self.known(right) == Some(Value::Null) {
            return Node::Const(Truth::Null);
        }
        self.plain(whole)
    }

    /// IS NOT DISTINCT FROM.
    fn same(&mut self, left: &Expr, right: &Expr) -> Option<Node> {
        if self.is_same(left, right) {
            return Some(Node::TRUE);
        }
        let has_value = |expr| self.known(expr).is_some_and(|value| value != Value::Null);
        if has_value(left) || has_value(right) {
            return Some(self.equal(left, right).is(Truth::True));
        }
        let (left_null, right_null) = (self.null_of(left)?, self.null_of(right)?);
        let equal = self.equal(left, right).is(Truth::True);
        Some(Node::any([Node::all([left_null, right_null]), equal]))
    }

    /// Whether an expression is null: true or false. `None` for rows, which are null in parts.
    fn null_of(&mut self, expr: &Expr) -> Option<Node> {
        match self.known(expr) {
            Some(Value::Null) => return Some(Node::TRUE),
            Some(_) => return Some(Node::FALSE),
            None => {}
        }
        Some(match expr {
            Expr::Coalesce(list) => {
                let nodes: Option<Vec<_>> = list.iter().map(|item| self.null_of(item)).collect();
                Node::all(nodes?)
            }
            Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::In { .. }
            | Expr::Between { .. }
            | Expr::IsNull { .. }
            | Expr::IsBool { .. }
            | Expr::Distinct { .. } => self.formula(expr).is(Truth::Null),
            Expr::Op { op, left: Some(_), .. } if COMPARISONS.contains(&op.as_str()) => {
                self.formula(expr).is(Truth::Null)
            }
            Expr::Cast { expr, to }
                if to.name.schema.as_ref().is_some_and(|schema| *schema == "pg_catalog") =>
            {
                self.null_of(expr)?
            }
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } if self.facts.is_ordered(relation, attnum) => {
                    self.atom(expr, Form::IsNull)
                }
                _ => return None,
            },
            Expr::Op { .. } | Expr::Call(_) | Expr::Sublink(_) | Expr::Field { .. }
                if self.is_steady(expr) =>
            {
                if matches!(expr, Expr::Op { .. }) {
                    self.atom(expr, Form::IsNull)
                } else {
                    return None;
                }
            }
            _ => return None,
        })
    }

    /// What it is unless the operand is null, which makes it null.
    fn unless_null(&mut self, operand: &Expr, truth: Truth) -> Node {
        match self.null_of(operand) {
            Some(null) => Node::choice(null, Node::Const(Truth::Null), Node::Const(truth)),
            None => {
                let null = Expr::IsNull { expr: Box::new(operand.clone()), negated: false };
                let null = self.atom(&null, Form::TwoValued);
                Node::choice(null, Node::Const(Truth::Null), Node::Const(truth))
            }
        }
    }

    fn sublink(&mut self, whole: &Expr, sublink: &Sublink) -> Node {
        match sublink.kind {
            SublinkKind::Exists => {
                if let Some(filter) = self.bare_filter(&sublink.query) {
                    return self.formula(&filter.lifted()).is(Truth::True);
                }
                if let Some(known) = self.known_atom(whole) {
                    return known;
                }
                if self.is_empty(&sublink.query) {
                    return Node::FALSE;
                }
                let form = if self.is_steady(whole) { Form::TwoValued } else { Form::Volatile };
                self.atom(whole, form)
            }
            SublinkKind::Any if self.is_empty(&sublink.query) => Node::FALSE,
            SublinkKind::All if self.is_empty(&sublink.query) => Node::TRUE,
            SublinkKind::Scalar if self.is_empty(&sublink.query) => Node::Const(Truth::Null),
            _ => self.plain(whole),
        }
    }

    /// Whether a query has no rows for this caller, whatever the tables hold.
    fn is_empty(&self, query: &Query) -> bool {
        match &query.body {
            QueryBody::SetOperation(left, right) => {
                self.inner(1).is_some_and(|inner| inner.is_empty(left) && inner.is_empty(right))
            }
            QueryBody::Select(select) if !self.is_aggregated(select) => {
                let Some(filter) = &select.filter else { return false };
                let Some(mut inner) = self.inner(1) else { return false };
                let node = inner.formula(filter);
                inner.is_never(&node)
            }
            _ => false,
        }
    }

    /// Conditions of their own for what is so many queries deeper; none where that goes too far.
    pub(super) fn inner(&self, deeper: u16) -> Option<Self> {
        let fresh = Self::new(self.caller, self.facts);
        let nesting = self.nesting + 1;
        (nesting < NESTING).then_some(Self { level: self.level + deeper, nesting, ..fresh })
    }

    fn known(&self, expr: &Expr) -> Option<Value> {
        match expr {
            Expr::Literal(literal) => Some(match literal {
                Literal::Null => Value::Null,
                Literal::Bool(value) => Value::Bool(*value),
                Literal::Number(text) => Value::Number(text.clone()),
                Literal::String(text) => Value::Text(text.clone()),
                Literal::Relation(..) => Value::NotNull,
            }),
            Expr::Cast { expr, to } => Some(match self.known(expr)? {
                Value::Text(label) if self.facts.is_enum(to) => Value::Text(label),
                value => cast(value, to),
            }),
            Expr::Column(ColumnRef { target: Target::Column { relation, attnum, depth }, .. }) => {
                let stored = *depth == self.level && self.facts.is_not_null(*relation, *attnum);
                stored.then_some(Value::NotNull)
            }
            Expr::Call(call) => self.call_value(call),
            Expr::Session(word) => match *word {
                "current_user" | "current_role" | "user" => {
                    self.caller.role().map(|role| Value::Text(role.to_string()))
                }
                "session_user" => Some(Value::NotNull),
                "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp" => {
                    Some(Value::NotNull)
                }
                _ => None,
            },
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Scalar => {
                self.is_empty(&sublink.query).then_some(Value::Null)
            }
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Array => Some(Value::NotNull),
            Expr::Array(_) => Some(Value::NotNull),
            Expr::Coalesce(list) => {
                for item in list {
                    match self.known(item)? {
                        Value::Null => {}
                        found => return Some(found),
                    }
                }
                Some(Value::Null)
            }
            Expr::Op { op, left: Some(left), right } => {
                let null = |expr: &Expr| self.known(expr) == Some(Value::Null);
                let strict = STRICT.contains(&op.as_str()) || COMPARISONS.contains(&op.as_str());
                if strict && (null(left) || null(right)) {
                    return Some(Value::Null);
                }
                self.claim_value(expr)
            }
            Expr::IsNull { .. } | Expr::IsBool { .. } | Expr::Distinct { .. } | Expr::Not(_) => {
                match self.inner(0)?.formula(expr) {
                    Node::Const(Truth::True) => Some(Value::Bool(true)),
                    Node::Const(Truth::False) => Some(Value::Bool(false)),
                    Node::Const(Truth::Null) => Some(Value::Null),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The value of PostgREST's claims for a role: without a user the token names none.
    fn claim_value(&self, expr: &Expr) -> Option<Value> {
        let key = claim_of(expr)?;
        match (key, self.caller) {
            ("role", _) => {
                let as_text = matches!(expr, Expr::Op { op, .. } if op == "->>" || op == "#>>");
                self.caller.role().filter(|_| as_text).map(|role| Value::Text(role.to_string()))
            }
            ("iss" | "ref" | "iat" | "exp" | "aud", _) => None,
            (_, Caller::Anonymous) => Some(Value::Null),
            ("sub", Caller::SignedIn) => Some(Value::NotNull),
            _ => None,
        }
    }

    fn call_value(&self, call: &Call) -> Option<Value> {
        let of_auth = call.name.schema.as_ref().is_some_and(|schema| *schema == "auth");
        let name = call.name.name.as_str();
        if of_auth && call.args.is_empty() {
            return match (name, self.caller) {
                ("uid" | "email", Caller::Anonymous) => Some(Value::Null),
                ("uid", Caller::SignedIn) => Some(Value::NotNull),
                ("role", _) => self.caller.role().map(|role| Value::Text(role.to_string())),
                ("jwt", Caller::Anonymous | Caller::SignedIn) => Some(Value::NotNull),
                _ => None,
            };
        }
        let built_in = call.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog");
        match name {
            "now" | "statement_timestamp" | "transaction_timestamp" if built_in && call.args.is_empty() => {
                Some(Value::NotNull)
            }
            // PostgREST sets it to the role of the request.
            "current_setting" if built_in && setting(call) == Some("role") => {
                self.caller.role().map(|role| Value::Text(role.to_string()))
            }
            "lower" | "upper" | "btrim" | "length" if built_in && call.target.is_none() => {
                let args: Vec<Option<Value>> = call.args.iter().map(|arg| self.known(arg)).collect();
                match (name, args.as_slice()) {
                    (_, args) if args.contains(&Some(Value::Null)) => Some(Value::Null),
                    // Other letters depend on the locale.
                    ("lower", [Some(Value::Text(text))]) if text.is_ascii() => {
                        Some(Value::Text(text.to_ascii_lowercase()))
                    }
                    ("upper", [Some(Value::Text(text))]) if text.is_ascii() => {
                        Some(Value::Text(text.to_ascii_uppercase()))
                    }
                    ("btrim", [Some(Value::Text(text))]) => {
                        Some(Value::Text(text.trim_matches(' ').to_owned()))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether two readings of it in one statement give the same.
    fn is_steady(&self, expr: &Expr) -> bool {
        !expr.any(&|part| match part {
            Expr::Call(call) => !self.facts.is_stable(call),
            _ => false,
        })
    }

    /// Whether both are the same value, whatever it is.
    fn is_same(&self, left: &Expr, right: &Expr) -> bool {
        let comparable = |expr: &Expr| {
            !expr.any(&|part| match part {
                Expr::Column(column) => !matches!(column.target, Target::Column { .. }),
                Expr::Sublink(_) | Expr::Other(..) | Expr::Row(_) | Expr::Field { .. } | Expr::Param(_) => {
                    true
                }
                _ => false,
            })
        };
        comparable(left)
            && self.is_steady(left)
            && match (left, right) {
                (Expr::Cast { expr: one, to }, Expr::Cast { expr: other, to: also }) => {
                    to.name.name == also.name.name && to.modifiers == also.modifiers && one.same_as(other)
                }
                _ => left.same_as(right),
            }
    }

    /// What `(select x)` gives, when nothing but the target list is there.
    fn bare_target<'q>(&self, query: &'q Query) -> Option<&'q Expr> {
        let QueryBody::Select(select) = &query.body else { return None };
        let [only] = select.targets.as_slice() else { return None };
        let one_row = select.from.is_empty()
            && !is_filtered(query, select)
            && !self.is_aggregated(select)
            && !self.gives_rows(&only.expr);
        one_row.then_some(&only.expr)
    }

    /// The condition of a query from no table; TRUE where it has none.
    fn bare_filter(&self, query: &Query) -> Option<Expr> {
        let QueryBody::Select(select) = &query.body else { return None };
        let bare = select.from.is_empty()
            && query.ctes.is_empty()
            && query.limits.is_empty()
            && select.group_by.is_empty()
            && !self.is_aggregated(select)
            && !select.targets.iter().any(|target| self.gives_rows(&target.expr));
        bare.then(|| select.filter.as_deref().cloned().unwrap_or(Expr::Literal(Literal::Bool(true))))
    }

    /// Whether a function that returns a set is called in a target list.
    fn gives_rows(&self, expr: &Expr) -> bool {
        expr.any(&|part| match part {
            Expr::Call(call) => match call.target {
                Some(oid) => !is_plain(call) && self.facts.gives(oid) != Gives::Value,
                None => !is_plain(call) && !call.aggregate && setting(call).is_none(),
            },
            _ => false,
        })
    }

    /// Whether it has a row even if no row passes its conditions.
    /// Whether a query may give a row where its relations have none.
    pub(crate) fn is_aggregated(&self, select: &Select) -> bool {
        let aggregate = |expr: &Expr| {
            expr.any(&|part| match part {
                Expr::Call(call) => {
                    let other = |oid| !is_plain(call) && self.facts.gives(oid) == Gives::Unknown;
                    call.aggregate || call.target.is_some_and(other)
                }
                _ => false,
            })
        };
        select.having.is_some() || select.targets.iter().any(|target| aggregate(&target.expr))
    }

    fn has_order(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Column(ColumnRef { target: Target::Column { relation, attnum, .. }, .. }) => {
                self.facts.is_ordered(*relation, *attnum)
            }
            _ => false,
        }
    }
}

/// Whether values of a column are equal only if they are the same text, or it is such a text. What is cast
/// to another type than text may not be.
fn is_exact(facts: &dyn Facts, expr: &Expr) -> bool {
    match expr {
        Expr::Column(ColumnRef { target: Target::Column { relation, attnum, .. }, .. }) => {
            facts.is_exact(*relation, *attnum)
        }
        Expr::Literal(Literal::String(_)) => true,
        Expr::Cast { expr, to } => {
            matches!(cast(Value::Text(String::new()), to), Value::Text(_)) && is_exact(facts, expr)
        }
        _ => false,
    }
}

fn operation(op: &str, left: &Expr, right: &Expr) -> Expr {
    Expr::Op { op: op.into(), left: Some(Box::new(left.clone())), right: Box::new(right.clone()) }
}

const COMPARISONS: &[&str] = &["=", "<>", "!=", "<", ">", "<=", ">="];

/// Operators that are null if and only if an operand is, as far as they compare; the others only if.
const STRICT: &[&str] =
    &["~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*", "@>", "<@", "&&", "?", "?|", "?&"];

/// Puts an argument where the parameter is.
fn fill(part: &mut Expr, level: u16, args: &[Expr]) {
    if let Expr::Param(number) = part
        && let Some(arg) = usize::try_from(*number - 1).ok().and_then(|at| args.get(at))
    {
        *part = arg.clone().deeper(level);
    }
}

fn by_name(call: &Call) -> bool {
    call.args.iter().any(|arg| arg.argument_name().is_some())
}

/// The function that a query's rows are, and nothing else.
fn called_rows(query: &Query) -> Option<&Call> {
    let QueryBody::Select(select) = &query.body else { return None };
    let [target] = select.targets.as_slice() else { return None };
    if is_filtered(query, select) {
        return None;
    }
    match (select.from.as_slice(), &target.expr) {
        ([], Expr::Call(call)) => Some(call),
        ([FromItem::Function { calls, .. }], Expr::Column(_)) => match calls.as_slice() {
            [Expr::Call(call)] => Some(call),
            _ => None,
        },
        _ => None,
    }
}

fn is_filtered(query: &Query, select: &Select) -> bool {
    !query.ctes.is_empty()
        || !query.limits.is_empty()
        || select.filter.is_some()
        || select.having.is_some()
        || !select.group_by.is_empty()
}

/// The value as another type, as far as it is then known.
fn cast(value: Value, to: &TypeName) -> Value {
    let name = to.name.name.as_str();
    let built_in = to.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog");
    if !built_in || to.dimensions > 0 || !to.modifiers.is_empty() {
        return if value == Value::Null { Value::Null } else { Value::NotNull };
    }
    match (value, name) {
        (Value::Null, _) => Value::Null,
        (Value::Text(text), "text" | "varchar") => Value::Text(text),
        (Value::Text(text), "bool") => match truth_of_text(&text) {
            Some(Truth::True) => Value::Bool(true),
            Some(Truth::False) => Value::Bool(false),
            _ => Value::NotNull,
        },
        (Value::Number(text), "int2" | "int4" | "int8" | "numeric") if text.parse::<i128>().is_ok() => {
            Value::Number(text)
        }
        (Value::Bool(value), "bool") => Value::Bool(value),
        _ => Value::NotNull,
    }
}

fn truth_of_text(text: &str) -> Option<Truth> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(Truth::True),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(Truth::False),
        _ => None,
    }
}

/// Strings may order otherwise than by bytes: their order only tells whether they are equal.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => {
            if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
                return Some(left.cmp(&right));
            }
            // Close ones may be told apart wrongly.
            let (left, right) = (left.parse::<f64>().ok()?, right.parse::<f64>().ok()?);
            let apart = (left - right).abs() > 1e-9 * left.abs().max(right.abs());
            apart.then(|| left.partial_cmp(&right)).flatten()
        }
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The claim of the caller's token that an expression reads, by its first key.
pub(super) fn claim_of(expr: &Expr) -> Option<&str> {
    match unwrapped(expr) {
        Expr::Op { op, left: Some(left), right } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>") => {
            if is_claims(left) {
                let Expr::Literal(Literal::String(text)) = right.uncast() else { return None };
                let path = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
                return path.split(',').next().map(|key| key.trim().trim_matches('"'));
            }
            claim_of(left)
        }
        _ => None,
    }
}

/// `auth.jwt()`, or the setting that it reads.
pub(super) fn is_claims(expr: &Expr) -> bool {
    match unwrapped(expr) {
        Expr::Call(call) => {
            let of_auth = call.name.schema.as_ref().is_some_and(|schema| *schema == "auth");
            of_auth && call.name.name == "jwt" || setting(call) == Some("request.jwt.claims")
        }
        Expr::Other("nullif", parts) | Expr::Coalesce(parts) => parts.first().is_some_and(is_claims),
        _ => false,
    }
}

/// The name that `current_setting` asks for.
pub(super) fn setting(call: &Call) -> Option<&str> {
    match call.args.first()?.uncast() {
        Expr::Literal(Literal::String(name)) if call.name.name == "current_setting" => Some(name),
        _ => None,
    }
}
