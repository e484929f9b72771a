//! Which types PostgreSQL turns into which of itself, for what ALTER TABLE and foreign keys ask.
//!
//! Only types whose casts are all known are answered for: the usual built-in ones, enums, and
//! domains and arrays of these.

use crate::catalog::Catalog;
use crate::catalog::table::Column;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::sql::expr::{Expr, Literal, Oid};

/// The built-in types that are answered for.
const KNOWN: [&str; 26] = [
    "bool",
    "bpchar",
    "bytea",
    "cidr",
    "date",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "interval",
    "json",
    "jsonb",
    "money",
    "name",
    "numeric",
    "point",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsvector",
    "uuid",
    "varchar",
];

/// The casts among them that an assignment uses (`pg_cast.castcontext`), besides those to texts.
fn assignments_from(name: &str) -> &'static [&'static str] {
    match name {
        "int2" => &["int4", "int8", "float4", "float8", "numeric"],
        "int4" => &["int2", "int8", "float4", "float8", "numeric", "money"],
        "int8" => &["int2", "int4", "float4", "float8", "numeric", "money"],
        "float4" => &["float8", "int2", "int4", "int8", "numeric"],
        "float8" => &["float4", "int2", "int4", "int8", "numeric"],
        "numeric" => &["int2", "int4", "int8", "float4", "float8", "money"],
        "money" => &["numeric"],
        "date" => &["timestamp", "timestamptz"],
        "time" => &["interval", "timetz"],
        "timetz" => &["time"],
        "timestamp" => &["date", "time", "timestamptz"],
        "timestamptz" => &["date", "time", "timestamp", "timetz"],
        "interval" => &["time"],
        "json" => &["jsonb"],
        "jsonb" => &["json"],
        "inet" => &["cidr"],
        "cidr" => &["inet"],
        _ => &[],
    }
}

/// Those of them that an operator's argument gets, too.
fn implicit_from(name: &str) -> &'static [&'static str] {
    match name {
        "int2" => &["int4", "int8", "float4", "float8", "numeric"],
        "int4" => &["int8", "float4", "float8", "numeric"],
        "int8" => &["float4", "float8", "numeric"],
        "float4" => &["float8"],
        "numeric" => &["float4", "float8"],
        "date" => &["timestamp", "timestamptz"],
        "timestamp" => &["timestamptz"],
        "time" => &["timetz", "interval"],
        "text" => &["varchar", "bpchar", "name"],
        "varchar" => &["text", "bpchar", "name"],
        "bpchar" => &["text", "varchar", "name"],
        "name" => &["text"],
        "cidr" => &["inet"],
        _ => &[],
    }
}

/// Types that are compared with one another by the operators of one family.
const FAMILIES: [&[&str]; 5] = [
    &["int2", "int4", "int8"],
    &["float4", "float8"],
    &["text", "varchar", "name"],
    &["date", "timestamp", "timestamptz"],
    &["inet", "cidr"],
];

/// A type without its domains.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Plain<'a> {
    base: Base<'a>,
    array: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base<'a> {
    Builtin(&'a str),
    Enum(Oid),
}

impl Catalog {
    /// Whether a value of one type can be stored as another where no cast is written. `None`: it is
    /// not known.
    pub(in crate::catalog) fn is_assignable(&self, from: &DataType, to: &DataType) -> Option<bool> {
        let (from, to) = (self.plain(from)?, self.plain(to)?);
        // Everything can be written as a text.
        let is_text = |base| matches!(base, Base::Builtin("text" | "varchar" | "bpchar" | "name"));
        if from == to || (is_text(to.base) && (!to.array || from.array)) {
            return Some(true);
        }
        Some(match (from.base, to.base) {
            _ if from.array != to.array => false,
            (from, to) if from == to => true,
            (Base::Builtin(from), Base::Builtin(to)) => assignments_from(from).contains(&to),
            _ => false,
        })
    }

    /// Whether a foreign key's column can be compared with the key that it refers to.
    pub(in crate::catalog) fn can_refer(&self, from: &DataType, to: &DataType) -> Option<bool> {
        let (from, to) = (self.plain(from)?, self.plain(to)?);
        if from == to {
            return Some(true);
        }
        if from.array && to.array {
            return None;
        }
        Some(match (from.base, to.base) {
            _ if from.array != to.array => false,
            (Base::Builtin(from), Base::Builtin(to)) => {
                let is_both = |family: &&&[&str]| family.contains(&from) && family.contains(&to);
                FAMILIES.iter().any(|family| is_both(&family)) || implicit_from(from).contains(&to)
            }
            _ => false,
        })
    }

    fn plain<'a>(&'a self, data_type: &'a DataType) -> Option<Plain<'a>> {
        if self.has_own_casts {
            return None;
        }
        match &data_type.base {
            TypeRef::Builtin(name) => {
                let base = KNOWN.binary_search(&name.as_str()).ok().map(|at| Base::Builtin(KNOWN[at]))?;
                Some(Plain { base, array: data_type.array })
            }
            TypeRef::User(oid) => match &self.types.get(oid)?.kind {
                UserTypeKind::Enum { .. } => Some(Plain { base: Base::Enum(*oid), array: data_type.array }),
                UserTypeKind::Domain(domain) => {
                    let inner = self.plain(&domain.base)?;
                    (!(inner.array && data_type.array))
                        .then_some(Plain { array: inner.array || data_type.array, ..inner })
                }
                _ => None,
            },
            TypeRef::Row(_) | TypeRef::Unknown(_) => None,
        }
    }

    /// The type of a column's default, before it was made the column's. `None`: it is not known.
    pub(super) fn type_of_default(&self, column: &Column) -> Option<DataType> {
        let default = column.default.as_ref()?;
        // Under an older type, a text became a value of that.
        let is_of_this_type =
            column.data_type.origin == column.origin || default.origin > column.data_type.origin;
        match &default.value {
            Expr::Literal(Literal::String(_)) => is_of_this_type.then(|| column.data_type.value.clone()),
            Expr::Literal(Literal::Bool(_)) => Some(DataType::builtin("bool")),
            Expr::Literal(Literal::Number(digits)) => {
                digits.parse::<i32>().ok().map(|_| DataType::builtin("int4"))
            }
            Expr::Cast { to, .. } => Some(self.resolve_data_type(to)),
            Expr::Call(call) if call.target.is_none() && call.args.is_empty() => {
                match call.name.name.as_str() {
                    "now" => Some(DataType::builtin("timestamptz")),
                    "gen_random_uuid" => Some(DataType::builtin("uuid")),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn types_fit_as_pg_cast_says() {
        assert!(KNOWN.is_sorted());
        let bench = Bench::new(
            "create type mood as enum ('ok'); create type other as enum ('ok'); create domain code as text;
             create domain tags as text[]; create type pair as (a int);
             create table t (text text, int int, numeric numeric, uuid uuid, mood mood, other other, code code,
               texts text[], ints int[], tags tags, pair pair, date date, at timestamptz, bool bool,
               json json, jsonb jsonb, xml xml, big bigint, small varchar(3));",
        );
        let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
        let data_type = |name: &str| &table.column(name).expect("t has it").data_type.value;
        let fits = |from: &str, to: &str| bench.catalog.is_assignable(data_type(from), data_type(to));
        for (from, to) in [
            ("int", "text"),
            ("mood", "text"),
            ("pair", "pair"),
            ("texts", "text"),
            ("int", "numeric"),
            ("numeric", "int"),
            ("json", "jsonb"),
            ("at", "date"),
            ("text", "code"),
            ("ints", "texts"),
            ("tags", "texts"),
            ("uuid", "small"),
        ] {
            assert_ne!(fits(from, to), Some(false), "{from} as {to}");
        }
        for (from, to) in [
            ("text", "int"),
            ("text", "uuid"),
            ("text", "mood"),
            ("text", "jsonb"),
            ("text", "bool"),
            ("text", "at"),
            ("text", "texts"),
            ("int", "texts"),
            ("texts", "ints"),
            ("texts", "jsonb"),
            ("mood", "other"),
            ("mood", "int"),
            ("int", "bool"),
            ("int", "uuid"),
            ("bool", "int"),
            ("code", "uuid"),
            ("jsonb", "int"),
        ] {
            assert_eq!(fits(from, to), Some(false), "{from} as {to}");
        }
        assert_eq!(fits("xml", "int"), None, "its casts are not listed");
        let refers = |from: &str, to: &str| bench.catalog.can_refer(data_type(from), data_type(to));
        for (from, to) in
            [("int", "big"), ("big", "int"), ("int", "numeric"), ("small", "text"), ("date", "at")]
        {
            assert_eq!(refers(from, to), Some(true), "{from} to {to}");
        }
        for (from, to) in
            [("text", "uuid"), ("uuid", "text"), ("numeric", "int"), ("mood", "text"), ("ints", "int")]
        {
            assert_eq!(refers(from, to), Some(false), "{from} to {to}");
        }
    }
}
