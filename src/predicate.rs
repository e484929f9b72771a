//! Three-valued reasoning about predicates, by their structure and not by their text.
//!
//! What cannot be told is `None`: a rule that needs certainty stays silent then.

use crate::sql::expr::{Call, Expr, Literal, QueryBody, Sublink, SublinkKind};

/// A truth value of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Null,
}

/// Who asks, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Anyone,
    /// Role `anon`: nobody is signed in.
    Anonymous,
    /// Role `authenticated`: `auth.uid()` is not null.
    SignedIn,
}

/// A value that is the same for every row.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Known(Literal),
    /// Not known, but not null.
    NotNull,
}

/// What a predicate is for every row, when that can be told.
pub fn evaluate(expr: &Expr, caller: Caller) -> Option<Truth> {
    match expr {
        Expr::And(list) => connect(list, caller, Truth::False, Truth::True),
        Expr::Or(list) => connect(list, caller, Truth::True, Truth::False),
        Expr::Not(inner) => evaluate(inner, caller).map(Truth::negate),
        Expr::IsNull { expr, negated } => {
            let null = match value(expr, caller)? {
                Value::Known(literal) => literal == Literal::Null,
                Value::NotNull => false,
            };
            Some(Truth::of(null != *negated))
        }
        Expr::IsBool { expr, value, negated } => {
            let truth = evaluate(expr, caller)?;
            let wanted = match value {
                Some(true) => Truth::True,
                Some(false) => Truth::False,
                None => Truth::Null,
            };
            Some(Truth::of((truth == wanted) != *negated))
        }
        Expr::Distinct { left, right, negated } => {
            let same = is_stable(left) && left.uncast().same_as(right.uncast());
            let equal = if same { true } else { equal(&value(left, caller)?, &value(right, caller)?)? };
            Some(Truth::of(equal == *negated))
        }
        Expr::Op { op, left: Some(left), right } => compare(op, left, right, caller),
        Expr::In { expr, list, negated } => {
            let results: Vec<_> = list.iter().map(|item| compare("=", expr, item, caller)).collect();
            let truth = combine(results.into_iter(), Truth::True, Truth::False)?;
            Some(if *negated { truth.negate() } else { truth })
        }
        Expr::Between { expr, low, high, negated } => {
            let bounds = [compare(">=", expr, low, caller), compare("<=", expr, high, caller)];
            let truth = combine(bounds.into_iter(), Truth::False, Truth::True)?;
            Some(if *negated { truth.negate() } else { truth })
        }
        Expr::Case { operand: None, arms, default } => case(arms, default.as_deref(), caller),
        Expr::Sublink(sublink) => match sublink.kind {
            SublinkKind::Scalar => evaluate(bare_target(sublink)?, caller),
            SublinkKind::Exists => bare_target(sublink).map(|_| Truth::True),
            _ => None,
        },
        other => match value(other, caller)? {
            Value::Known(literal) => Truth::of_literal(&literal),
            Value::NotNull => None,
        },
    }
}

/// Whether it lets every row through, whoever asks.
pub fn is_always_true(expr: &Expr) -> bool {
    evaluate(expr, Caller::Anyone) == Some(Truth::True)
}

/// Whether it lets no row through: false and null are the same to a policy.
pub fn is_never_true(expr: &Expr) -> bool {
    matches!(evaluate(expr, Caller::Anyone), Some(Truth::False | Truth::Null))
}

impl Truth {
    fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    fn negate(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Null => Self::Null,
        }
    }

    fn of_literal(literal: &Literal) -> Option<Self> {
        match literal {
            Literal::Null => Some(Self::Null),
            Literal::Bool(value) => Some(Self::of(*value)),
            Literal::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "on" | "1" => Some(Self::True),
                "f" | "false" | "n" | "no" | "off" | "0" => Some(Self::False),
                _ => None,
            },
            Literal::Number(_) | Literal::Relation(..) => None,
        }
    }
}

/// AND and OR: one operand decides, all others must be known.
fn connect(list: &[Expr], caller: Caller, decides: Truth, neutral: Truth) -> Option<Truth> {
    combine(list.iter().map(|expr| evaluate(expr, caller)), decides, neutral)
}

fn combine(operands: impl Iterator<Item = Option<Truth>>, decides: Truth, neutral: Truth) -> Option<Truth> {
    let (mut result, mut unknown) = (neutral, false);
    for operand in operands {
        match operand {
            Some(truth) if truth == decides => return Some(decides),
            Some(Truth::Null) => result = Truth::Null,
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(result)
}

fn case(arms: &[(Expr, Expr)], default: Option<&Expr>, caller: Caller) -> Option<Truth> {
    let default = default.map_or(Some(Truth::Null), |default| evaluate(default, caller));
    let mut results = Vec::new();
    for (when, then) in arms {
        match evaluate(when, caller) {
            Some(Truth::True) => {
                results.push(evaluate(then, caller));
                return agree(&results);
            }
            Some(_) => {}
            None => results.push(evaluate(then, caller)),
        }
    }
    results.push(default);
    agree(&results)
}

/// The value that all branches share.
fn agree(results: &[Option<Truth>]) -> Option<Truth> {
    let first = (*results.first()?)?;
    results.iter().all(|result| *result == Some(first)).then_some(first)
}

fn compare(op: &str, left: &Expr, right: &Expr, caller: Caller) -> Option<Truth> {
    let (left, right) = (value(left, caller), value(right, caller));
    let null = Some(Value::Known(Literal::Null));
    let strict = matches!(op, "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" | "~~" | "~~*" | "~" | "~*");
    if strict && (left == null || right == null) {
        return Some(Truth::Null);
    }
    let (Value::Known(left), Value::Known(right)) = (left?, right?) else { return None };
    let ordering = order(&left, &right)?;
    Some(Truth::of(match op {
        "=" => ordering.is_eq(),
        "<>" | "!=" => ordering.is_ne(),
        "<" => ordering.is_lt(),
        ">" => ordering.is_gt(),
        "<=" => ordering.is_le(),
        ">=" => ordering.is_ge(),
        _ => return None,
    }))
}

fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Known(Literal::Null), Value::Known(Literal::Null)) => Some(true),
        (Value::Known(Literal::Null), _) | (_, Value::Known(Literal::Null)) => Some(false),
        (Value::Known(left), Value::Known(right)) => order(left, right).map(std::cmp::Ordering::is_eq),
        _ => None,
    }
}

/// Strings of different collations may order otherwise than by bytes: only equality is told.
fn order(left: &Literal, right: &Literal) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Literal::Bool(left), Literal::Bool(right)) => Some(left.cmp(right)),
        (Literal::Number(left), Literal::Number(right)) => {
            left.parse::<f64>().ok()?.partial_cmp(&right.parse::<f64>().ok()?)
        }
        (Literal::String(left), Literal::String(right)) if left == right => Some(std::cmp::Ordering::Equal),
        (Literal::String(_), Literal::String(_)) => None,
        _ => None,
    }
}

/// The value of an expression that does not depend on the row.
fn value(expr: &Expr, caller: Caller) -> Option<Value> {
    match expr {
        Expr::Literal(literal) => Some(Value::Known(literal.clone())),
        Expr::Cast { expr, .. } => value(expr, caller),
        Expr::Call(call) => identity_value(call, caller),
        Expr::Sublink(sublink) if sublink.kind == SublinkKind::Scalar => value(bare_target(sublink)?, caller),
        Expr::Coalesce(list) => {
            for item in list {
                match value(item, caller)? {
                    Value::Known(Literal::Null) => {}
                    found => return Some(found),
                }
            }
            Some(Value::Known(Literal::Null))
        }
        _ => match evaluate_compound(expr, caller)? {
            Truth::True => Some(Value::Known(Literal::Bool(true))),
            Truth::False => Some(Value::Known(Literal::Bool(false))),
            Truth::Null => Some(Value::Known(Literal::Null)),
        },
    }
}

/// Predicates that stand where a value does.
fn evaluate_compound(expr: &Expr, caller: Caller) -> Option<Truth> {
    match expr {
        Expr::And(_)
        | Expr::Or(_)
        | Expr::Not(_)
        | Expr::IsNull { .. }
        | Expr::IsBool { .. }
        | Expr::Distinct { .. }
        | Expr::In { .. }
        | Expr::Between { .. } => evaluate(expr, caller),
        _ => None,
    }
}

fn identity_value(call: &Call, caller: Caller) -> Option<Value> {
    let schema = call.name.schema.as_ref()?;
    if *schema != "auth" {
        return None;
    }
    match (call.name.name.as_str(), caller) {
        ("uid" | "email", Caller::Anonymous) => Some(Value::Known(Literal::Null)),
        ("uid", Caller::SignedIn) => Some(Value::NotNull),
        ("role", Caller::Anonymous) => Some(Value::Known(Literal::String("anon".into()))),
        ("role", Caller::SignedIn) => Some(Value::Known(Literal::String("authenticated".into()))),
        _ => None,
    }
}

/// What `(select x)` gives, when nothing but the target list is there.
fn bare_target(sublink: &Sublink) -> Option<&Expr> {
    let QueryBody::Select(select) = &sublink.query.body else { return None };
    let plain = select.from.is_empty()
        && select.filter.is_none()
        && select.having.is_none()
        && select.group_by.is_empty()
        && sublink.query.limits.is_empty();
    match select.targets.as_slice() {
        [only] if plain => Some(&only.expr),
        _ => None,
    }
}

/// Whether two readings of an expression give the same: no function that may differ.
fn is_stable(expr: &Expr) -> bool {
    !expr.any(&|part| matches!(part, Expr::Call(_) | Expr::Sublink(_) | Expr::Other(..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    /// Evaluates an expression as a policy's of `t (a int, b bool)`.
    fn truth(text: &str, caller: Caller) -> Option<Truth> {
        let bench =
            Bench::new(&format!("create table t (a int, b bool); create policy p on t using ({text});"));
        let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
        let using = table.policies["p"].using.as_ref().expect("p has a clause");
        evaluate(&using.value, caller)
    }

    fn check(cases: &[(&str, Option<Truth>)], caller: Caller) {
        for (text, expected) in cases {
            assert_eq!(truth(text, caller), *expected, "{text}");
        }
    }

    const VALUES: [(&str, Option<Truth>); 4] = [
        ("true", Some(Truth::True)),
        ("false", Some(Truth::False)),
        ("null::bool", Some(Truth::Null)),
        ("b", None),
    ];

    /// AND and OR of each two of true, false, null and what cannot be told.
    #[test]
    fn connectives_have_three_values_and_one_that_is_not_known() {
        for (left, x) in VALUES {
            for (right, y) in VALUES {
                let both = [x, y];
                let decided = |decides: Truth, other: Truth| {
                    if both.contains(&Some(decides)) {
                        Some(decides)
                    } else if both.contains(&None) {
                        None
                    } else if both.contains(&Some(Truth::Null)) {
                        Some(Truth::Null)
                    } else {
                        Some(other)
                    }
                };
                let and = decided(Truth::False, Truth::True);
                assert_eq!(truth(&format!("{left} and {right}"), Caller::Anyone), and, "{left} and {right}");
                let or = decided(Truth::True, Truth::False);
                assert_eq!(truth(&format!("{left} or {right}"), Caller::Anyone), or, "{left} or {right}");
            }
        }
    }

    #[test]
    fn not_and_is_of_each_value() {
        check(
            &[
                ("not true", Some(Truth::False)),
                ("not false", Some(Truth::True)),
                ("not null::bool", Some(Truth::Null)),
                ("not b", None),
                ("null::bool is true", Some(Truth::False)),
                ("null::bool is not true", Some(Truth::True)),
                ("null::bool is unknown", Some(Truth::True)),
                ("false is not unknown", Some(Truth::True)),
                ("b is true", None),
                ("null is null", Some(Truth::True)),
                ("1 is null", Some(Truth::False)),
                ("a is not null", None),
            ],
            Caller::Anyone,
        );
    }

    #[test]
    fn comparisons() {
        check(
            &[
                ("1 = 1", Some(Truth::True)),
                ("1 <> 1", Some(Truth::False)),
                ("1 < 2.5", Some(Truth::True)),
                ("1 = null", Some(Truth::Null)),
                ("a = null", Some(Truth::Null)),
                ("a <> null", Some(Truth::Null)),
                ("a = a", None),
                ("'x' = 'x'", Some(Truth::True)),
                // A collation may hold them equal.
                ("'x' = 'X'", None),
                ("a is not distinct from a", Some(Truth::True)),
                ("a is distinct from a", Some(Truth::False)),
                ("null is distinct from 1", Some(Truth::True)),
                ("null is not distinct from null", Some(Truth::True)),
                ("1 in (2, 1)", Some(Truth::True)),
                ("1 in (2, null)", Some(Truth::Null)),
                ("1 in (2, a)", None),
                ("1 not in (2, 3)", Some(Truth::True)),
                ("1 not in (2, null)", Some(Truth::Null)),
                ("2 between 1 and 3", Some(Truth::True)),
                ("2 not between 1 and 3", Some(Truth::False)),
                ("5 between 1 and a", None),
            ],
            Caller::Anyone,
        );
    }

    #[test]
    fn branches_and_sub_selects() {
        check(
            &[
                ("case when b then true else true end", Some(Truth::True)),
                ("case when b then true else false end", None),
                ("case when false then b else true end", Some(Truth::True)),
                ("case when true then false end", Some(Truth::False)),
                ("case when false then true end", Some(Truth::Null)),
                ("coalesce(null, true)", Some(Truth::True)),
                ("coalesce(b, true)", None),
                ("(select true)", Some(Truth::True)),
                ("exists (select 1)", Some(Truth::True)),
                ("exists (select 1 where false)", None),
                ("exists (select 1 limit 0)", None),
                ("(select b)", None),
            ],
            Caller::Anyone,
        );
    }

    #[test]
    fn who_asks() {
        check(
            &[
                ("auth.uid() is null", Some(Truth::True)),
                ("auth.uid() = 'x'", Some(Truth::Null)),
                ("(select auth.uid()) is not null", Some(Truth::False)),
                ("auth.role() = 'anon'", Some(Truth::True)),
                ("auth.email() is null", Some(Truth::True)),
            ],
            Caller::Anonymous,
        );
        check(
            &[
                ("auth.uid() is not null", Some(Truth::True)),
                ("auth.uid() is null", Some(Truth::False)),
                ("auth.role() = 'authenticated'", Some(Truth::True)),
                ("auth.email() is null", None),
                ("auth.uid() is not distinct from auth.uid()", None),
            ],
            Caller::SignedIn,
        );
        check(&[("auth.uid() is null", None), ("auth.role() = 'anon'", None)], Caller::Anyone);
    }
}
