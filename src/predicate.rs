//! Three-valued reasoning about predicates, by their structure and not by their text.
//!
//! An expression is read into a formula over atoms: what cannot be taken apart further. Atoms that
//! say the same are one. A claim is made when it holds for every value that the atoms can have, so
//! that reading less than there is loses claims and never makes a wrong one. The search through
//! those values is bounded; what it does not settle is not claimed, and a rule that needs certainty
//! stays silent then.

mod caller;
mod compare;
mod domain;
mod existence;
mod formula;
mod link;
mod read;

use crate::sql::expr::{Call, Expr, Oid, Query};
use crate::sql::statement::TypeName;

pub use caller::{Told, asks_only_session, told, unwrapped};
pub use compare::{Comparison, Condition};
pub use domain::{Domain, wanted_domains};
pub use formula::{Atom, Atoms, Conditions, Node};
pub use link::Link;

/// A truth value of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Null,
}

/// Who asks, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    Anyone,
    /// Role `anon`: nobody is signed in.
    Anonymous,
    /// Role `authenticated`: `auth.uid()` is not null.
    SignedIn,
    /// Another role, of this name.
    Role(&'a str),
}

impl<'a> Caller<'a> {
    /// Who asks with a role of this name.
    pub fn of_role(name: &'a str) -> Self {
        match name {
            "anon" => Self::Anonymous,
            "authenticated" => Self::SignedIn,
            other => Self::Role(other),
        }
    }

    fn role(self) -> Option<&'a str> {
        match self {
            Self::Anyone => None,
            Self::Anonymous => Some("anon"),
            Self::SignedIn => Some("authenticated"),
            Self::Role(name) => Some(name),
        }
    }
}

/// Which rows a predicate lets through, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// No row.
    None,
    /// Rows in which the caller's own id or address stands, at most.
    Own,
    /// Rows that another table or a claim of the token connects with the caller, at most.
    Tenant,
    /// What the rows, other tables or the caller say: neither none nor all for certain.
    Some,
    /// Something decides that cannot be read.
    Unknown,
    /// Every row.
    All,
}

impl Reach {
    /// What either lets through.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// What both let through.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::Some, Self::Unknown) => Self::Unknown,
            (least, _) => least,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Own => "own rows",
            Self::Tenant => "tenant rows",
            Self::Some => "some rows",
            Self::Unknown => "unknown",
            Self::All => "all rows",
        }
    }
}

/// What a function gives, in terms of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Value(Expr),
    /// Of a function that returns a set.
    Rows(Query),
}

/// What the call of a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// One value for each row.
    Value,
    Rows,
    /// It may be an aggregate.
    Unknown,
}

/// What the reasoning asks about the database.
pub trait Facts {
    /// Whether a stored row always has a value in this column.
    fn is_not_null(&self, _relation: Oid, _attnum: i16) -> bool {
        false
    }

    /// Whether the column's values are texts, or labels, which are equal only if they are the same.
    fn is_exact(&self, _relation: Oid, _attnum: i16) -> bool {
        false
    }

    /// Whether the column's values have an order in which each is equal to itself, and IS NULL is
    /// the opposite of IS NOT NULL: true of what is not composite or of an unknown type.
    fn is_ordered(&self, _relation: Oid, _attnum: i16) -> bool {
        false
    }

    /// Whether a type's values are labels, which are equal only if they are the same.
    fn is_enum(&self, _data_type: &TypeName) -> bool {
        false
    }

    /// What a call of this function stands for.
    fn body(&self, _function: Oid) -> Option<&Body> {
        None
    }

    /// What a call of this function gives.
    fn gives(&self, _function: Oid) -> Gives {
        Gives::Unknown
    }

    /// Whether a call gives the same whenever it is made in a statement.
    fn is_stable(&self, call: &Call) -> bool {
        is_plain(call) || call.name.name == "current_setting"
    }
}

/// Nothing but the expression is known.
struct Unknowing;

impl Facts for Unknowing {}

/// Functions of PostgreSQL that policies use, none of them volatile. Few that read no more than
/// their arguments are missed: what is not listed is not known.
pub fn is_plain(call: &Call) -> bool {
    const NAMES: &[&str] = &[
        "abs",
        "age",
        "array_append",
        "array_length",
        "array_position",
        "array_remove",
        "btrim",
        "cardinality",
        "ceil",
        "concat",
        "concat_ws",
        "date_part",
        "date_trunc",
        "extract",
        "floor",
        "greatest",
        "jsonb_array_length",
        "jsonb_build_object",
        "jsonb_exists",
        "jsonb_extract_path",
        "jsonb_extract_path_text",
        "jsonb_typeof",
        "json_extract_path_text",
        "least",
        "left",
        "length",
        "lower",
        "ltrim",
        "make_interval",
        "md5",
        "mod",
        "now",
        "nullif",
        "position",
        "regexp_replace",
        "replace",
        "right",
        "round",
        "rtrim",
        "split_part",
        "starts_with",
        "statement_timestamp",
        "string_to_array",
        "strpos",
        "substr",
        "substring",
        "timezone",
        "to_char",
        "to_date",
        "to_jsonb",
        "to_timestamp",
        "transaction_timestamp",
        "trim",
        "upper",
    ];
    let of_storage = |name: &str| matches!(name, "foldername" | "filename" | "extension");
    match call.name.schema.as_ref().map(crate::sql::name::Ident::as_str) {
        None | Some("pg_catalog") => NAMES.binary_search(&call.name.name.as_str()).is_ok(),
        Some("storage") => of_storage(&call.name.name),
        Some("auth") => matches!(call.name.name.as_str(), "uid" | "jwt" | "role" | "email"),
        Some(_) => false,
    }
}

/// What a predicate is for every row, when that can be told.
pub fn evaluate(expr: &Expr, caller: Caller<'_>) -> Option<Truth> {
    let mut conditions = Conditions::new(caller, &Unknowing);
    let node = conditions.read(expr);
    conditions.value(&node)
}

/// Whether it lets every row through, whoever asks.
pub fn is_always_true(expr: &Expr) -> bool {
    evaluate(expr, Caller::Anyone) == Some(Truth::True)
}

/// Whether it lets no row through: false and null are the same to a policy.
pub fn is_never_true(expr: &Expr) -> bool {
    let mut conditions = Conditions::new(Caller::Anyone, &Unknowing);
    let node = conditions.read(expr);
    conditions.is_never(&node)
}

/// Whether it lets every row through although nobody is signed in.
pub fn is_true_without_identity(expr: &Expr) -> bool {
    evaluate(expr, Caller::Anonymous) == Some(Truth::True)
}

/// Whether each row that one lets through is let through by the other.
pub fn implies(one: &Expr, other: &Expr) -> bool {
    let mut conditions = Conditions::new(Caller::Anyone, &Unknowing);
    let (one, other) = (conditions.read(one), conditions.read(other));
    conditions.implies(&one, &other)
}

/// Whether both let the same rows through.
pub fn equivalent(one: &Expr, other: &Expr) -> bool {
    implies(one, other) && implies(other, one)
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
                ("'x' = 'X'", Some(Truth::False)),
                // As numbers they may be equal.
                ("'1'::int = '01'::int", None),
                ("1.5::int = 2", None),
                ("9007199254740993 = 9007199254740992", Some(Truth::False)),
                ("0.1 = 0.10000000000000000001", None),
                ("3 between symmetric 5 and 1", None),
                ("a <> a", None),
                ("b = true or b is not true", Some(Truth::True)),
                ("a = any (array[a, 1]) or true", Some(Truth::True)),
                ("1 = any (array[2, 1])", Some(Truth::True)),
                ("1 <> all (array[2, 1])", Some(Truth::False)),
                ("1 = any (array[2, null])", Some(Truth::Null)),
                ("true = (1 = 1)", Some(Truth::True)),
                ("false = (a = null)", Some(Truth::Null)),
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
                ("exists (select 1 where false)", Some(Truth::False)),
                ("exists (select 1 where null)", Some(Truth::False)),
                ("exists (select count(*) from t where false)", None),
                ("exists (select 1 from t x where x.a = null)", Some(Truth::False)),
                ("a in (select x.a from t x where false)", Some(Truth::False)),
                ("a not in (select x.a from t x where false)", Some(Truth::True)),
                ("(select x.b from t x where false)", Some(Truth::Null)),
                ("(select count(*) from t x where false) = 0", None),
                ("a = any (array(select x.a from t x where false))", Some(Truth::False)),
                ("1 in (select 1)", Some(Truth::True)),
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
                ("(select auth.jwt()) -> 'app_metadata' ->> 'role' = 'admin'", Some(Truth::Null)),
                ("exists (select 1 from t x where x.a::text = auth.uid()::text)", Some(Truth::False)),
                (
                    "a::text in (select x.a::text from t x where x.a::text = auth.uid()::text)",
                    Some(Truth::False),
                ),
                ("coalesce(auth.uid()::text, '') = ''", Some(Truth::True)),
                ("auth.uid() is distinct from null", Some(Truth::False)),
                ("lower(coalesce(auth.jwt() ->> 'role', '')) in ('admin', 'superadmin')", Some(Truth::False)),
                ("upper(auth.role()) = 'ANON'", Some(Truth::True)),
                ("btrim(' anon ') = auth.role()", Some(Truth::True)),
                ("lower(a::text) = 'anon'", None),
                ("a::text is not distinct from auth.uid()::text", None),
            ],
            Caller::Anonymous,
        );
        check(
            &[
                ("auth.uid() is not null", Some(Truth::True)),
                ("auth.uid() is null", Some(Truth::False)),
                ("auth.role() = 'authenticated'", Some(Truth::True)),
                ("auth.email() is null", None),
                ("auth.uid() is not distinct from auth.uid()", Some(Truth::True)),
                ("auth.uid() = auth.uid()", Some(Truth::True)),
                ("auth.role() = 'service_role'", Some(Truth::False)),
                ("current_user = 'anon'", Some(Truth::False)),
                ("current_setting('role') = 'service_role'", Some(Truth::False)),
                ("auth.jwt() ->> 'role' = 'authenticated'", Some(Truth::True)),
                ("auth.jwt() ->> 'sub' is not null", Some(Truth::True)),
                ("(select auth.jwt()) -> 'app_metadata' ->> 'role' = 'admin'", None),
            ],
            Caller::SignedIn,
        );
        check(&[("auth.uid() is null", None), ("auth.role() = 'anon'", None)], Caller::Anyone);
    }

    fn clauses(text: &[&str]) -> Vec<Expr> {
        let policies: Vec<String> = text
            .iter()
            .enumerate()
            .map(|(at, text)| format!("create policy p{at} on t using ({text});"))
            .collect();
        let sql = format!(
            "create table t (a int, b bool, owner uuid, team int); create table m (who uuid, team int); {}",
            policies.concat()
        );
        let bench = Bench::new(&sql);
        let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
        let policies = table.policies.values();
        policies.map(|policy| policy.using.clone().expect("it has a clause").value).collect()
    }

    #[test]
    fn implications() {
        for (one, other, expected) in [
            ("a = 1", "a = 1 or b", true),
            ("a = 1 and b", "b", true),
            ("b", "b and a = 1", false),
            ("a = 1", "1 = a", true),
            ("a <> 1", "not a = 1", true),
            ("b is true", "b", true),
            ("not (a = 1 or b)", "not b and a <> 1", true),
            ("a in (1, 2)", "a = 2 or a = 1", true),
            ("a = any (array[1, 2])", "a in (2, 1)", true),
            ("case when b then a = 1 else false end", "b and a = 1", true),
            ("(select auth.uid()) = owner", "owner = auth.uid()", true),
            (
                "exists (select 1 from m where m.who = auth.uid())",
                "exists (select 1 from m  where m.who = auth.uid())",
                true,
            ),
            ("random() < 0.5", "random() < 0.5", false),
        ] {
            let list = clauses(&[one, other]);
            assert_eq!(implies(&list[0], &list[1]), expected, "{one} implies {other}");
        }
        let list = clauses(&["a = 1 and b", "b and 1 = a", "b"]);
        assert!(equivalent(&list[0], &list[1]) && !equivalent(&list[0], &list[2]));
    }

    #[test]
    fn rows_are_bound_to_the_caller() {
        for (text, expected) in [
            ("owner = auth.uid()", Reach::Own),
            ("auth.uid()::text = owner::text", Reach::Own),
            ("(select auth.uid()) in (owner)", Reach::Own),
            ("owner is not distinct from auth.uid()", Reach::Own),
            ("owner in (select auth.uid())", Reach::Own),
            ("owner = (auth.jwt() ->> 'sub')::uuid", Reach::Own),
            ("auth.uid() = any (array[owner])", Reach::Own),
            ("b and (owner = auth.uid() or false)", Reach::Own),
            ("coalesce(owner = auth.uid(), false)", Reach::Own),
            ("case when auth.uid() = owner then b else false end", Reach::Own),
            ("coalesce(owner, auth.uid()) = auth.uid()", Reach::Some),
            ("owner <> auth.uid()", Reach::Some),
            ("not (owner <> auth.uid())", Reach::Own),
            ("owner = auth.uid() or b", Reach::Some),
            ("owner = auth.uid() or true", Reach::All),
            ("owner = auth.uid() and false", Reach::None),
            ("auth.uid() is not null", Reach::All),
            ("exists (select 1 from m where m.team = t.team and m.who = auth.uid())", Reach::Tenant),
            ("exists (select 1 from m where m.team = team and m.who = auth.uid())", Reach::Some),
            ("exists (select 1 from m where m.who = auth.uid())", Reach::Some),
            ("team in (select m.team from m where m.who = auth.uid())", Reach::Tenant),
            ("team in (select m.team from m where m.who = auth.uid() or b)", Reach::Some),
            ("team in (select n.team from m left join m n on m.who = auth.uid())", Reach::Some),
            (
                "exists (select 1 from m x join m y on x.team = y.team \
                 where y.who = auth.uid() and x.who = t.owner)",
                Reach::Tenant,
            ),
            ("exists (select 1 from m x, m y where y.who = auth.uid() and x.who = t.owner)", Reach::Some),
            ("auth.uid() in (select m.who from m where m.team = t.team)", Reach::Tenant),
            ("(select m.team from m where m.who = auth.uid()) = team", Reach::Tenant),
            ("team = (auth.jwt() -> 'app_metadata' ->> 'team')::int", Reach::Tenant),
            ("array[owner] @> array[auth.uid()]", Reach::Own),
            ("array[team] @> array(select m.team from m where m.who = auth.uid())", Reach::Some),
            ("array[team] && array(select m.team from m where m.who = auth.uid())", Reach::Tenant),
            ("unheard_of(owner)", Reach::Unknown),
            ("owner = auth.uid() and unheard_of(owner)", Reach::Own),
        ] {
            let list = clauses(&[text]);
            let mut conditions = Conditions::new(Caller::SignedIn, &Unknowing);
            let node = conditions.read(&list[0]);
            assert_eq!(conditions.reach(&node), expected, "{text}");
        }
    }

    #[test]
    fn many_atoms_are_not_tried_against_each_other() {
        let wide: Vec<String> = (0..200).map(|at| format!("(a = {at} and not a = {})", at + 1000)).collect();
        let list = clauses(&[&wide.join(" or "), &format!("{} or true", wide.join(" and "))]);
        let mut conditions = Conditions::new(Caller::SignedIn, &Unknowing);
        let (one, other) = (conditions.read(&list[0]), conditions.read(&list[1]));
        assert_eq!(conditions.reach(&one), Reach::Some);
        assert_eq!(conditions.reach(&other), Reach::All);
    }
}
