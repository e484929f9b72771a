//! The type of a bound expression.

use crate::catalog::bind::Binder;
use crate::catalog::bind::scope::Source;
use crate::catalog::function::Returns;
use crate::catalog::types::{DataType, TypeRef};
use crate::sql::expr::{ColumnRef, Expr, Literal, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;

impl<'c> Binder<'c> {
    /// The type of a bound expression, where it is plain.
    pub fn data_type(&self, expr: &Expr) -> Option<DataType> {
        Some(match expr {
            Expr::Literal(Literal::Bool(_))
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::IsBool { .. }
            | Expr::Distinct { .. }
            | Expr::In { .. }
            | Expr::OpArray { .. }
            | Expr::Between { .. } => DataType::builtin("bool"),
            Expr::Literal(Literal::Number(number)) => DataType::builtin(number_type(number)),
            Expr::Literal(Literal::String(_)) => DataType::builtin("text"),
            Expr::Literal(Literal::Relation(..)) => DataType::builtin("regclass"),
            Expr::Cast { to, .. } => self.catalog.resolve_data_type(to),
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => {
                    let (columns, _) = self.catalog.columns_of(relation)?;
                    columns.iter().find(|column| column.attnum == attnum)?.data_type.value.clone()
                }
                Target::Derived { depth } | Target::Result { depth, .. } => {
                    self.derived_type(column, depth)?
                }
                _ => return None,
            },
            Expr::Call(call) => match call.target.and_then(|oid| self.catalog.functions.get(&oid)) {
                Some(function) => match &function.returns {
                    Returns::Type(data_type) | Returns::SetOf(data_type) => data_type.clone(),
                    _ => return None,
                },
                None => match call.name.name.as_str() {
                    "count" | "row_number" | "rank" | "dense_rank" => DataType::builtin("int8"),
                    "extract" => DataType::builtin("numeric"),
                    "date_part" | "random" => DataType::builtin("float8"),
                    "length" | "char_length" | "array_length" | "cardinality" => DataType::builtin("int4"),
                    "sum" => match self.builtin_name(call.args.first()?)?.as_str() {
                        "int2" | "int4" => DataType::builtin("int8"),
                        "int8" | "numeric" => DataType::builtin("numeric"),
                        other => DataType::builtin(other),
                    },
                    "avg" => match self.builtin_name(call.args.first()?)?.as_str() {
                        "float4" | "float8" => DataType::builtin("float8"),
                        "interval" => DataType::builtin("interval"),
                        _ => DataType::builtin("numeric"),
                    },
                    "now" | "clock_timestamp" | "statement_timestamp" => DataType::builtin("timestamptz"),
                    "lower" | "upper" | "concat" | "format" | "string_agg" | "left" | "right" | "replace"
                    | "btrim" | "md5" | "to_char" => DataType::builtin("text"),
                    "gen_random_uuid" => DataType::builtin("uuid"),
                    "bool_or" | "bool_and" => DataType::builtin("bool"),
                    "jsonb_build_object" | "jsonb_agg" | "to_jsonb" => DataType::builtin("jsonb"),
                    "max" | "min" | "date_trunc" if call.args.len() == 1 => self.data_type(&call.args[0])?,
                    _ => return None,
                },
            },
            Expr::Coalesce(list) => self.common_type(list)?,
            Expr::Case { arms, default, .. } => {
                self.common_type(arms.iter().map(|(_, then)| then).chain(default.as_deref()))?
            }
            Expr::Op { op, left, right } => match op.as_str() {
                "=" | "<>" | "<" | ">" | "<=" | ">=" | "~~" | "!~~" | "~~*" | "!~~*" | "~" | "~*" | "@>"
                | "<@" | "&&" | "?" => DataType::builtin("bool"),
                "->>" | "#>>" => DataType::builtin("text"),
                "+" | "-" | "*" | "/" | "%" => self.arithmetic(op, left.as_deref(), right)?,
                "||" | "->" | "#>" => match left.as_ref().and_then(|left| self.data_type(left))? {
                    // Of texts, only `text` has the operator.
                    left if left.is_builtin("varchar") || left.is_builtin("bpchar") => {
                        DataType::builtin("text")
                    }
                    left => left,
                },
                _ => return None,
            },
            Expr::Sublink(Sublink {
                kind: SublinkKind::Exists | SublinkKind::Any | SublinkKind::All,
                ..
            }) => DataType::builtin("bool"),
            Expr::Sublink(Sublink { kind: SublinkKind::Scalar, query, .. }) => match &query.body {
                QueryBody::Select(select) => self.data_type(&select.targets.first()?.expr)?,
                _ => return None,
            },
            Expr::Array(items) => DataType { array: true, ..self.data_type(items.first()?)? },
            Expr::Field { expr, field: None, subscripts, .. } if subscripts.len() == 1 => {
                DataType { array: false, ..self.data_type(expr).filter(|data_type| data_type.array)? }
            }
            Expr::Field { expr, field: Some(field), subscripts, .. } if subscripts.is_empty() => {
                let columns = self.columns_of_row(expr)?;
                columns.into_iter().find(|column| column.name == *field)?.data_type?
            }
            Expr::Session("current_date") => DataType::builtin("date"),
            Expr::Session("current_timestamp") => DataType::builtin("timestamptz"),
            Expr::Session("localtimestamp") => DataType::builtin("timestamp"),
            Expr::Session("current_user" | "session_user" | "user" | "current_role") => {
                DataType::builtin("name")
            }
            Expr::Other("over" | "filter", parts) => self.data_type(parts.first()?)?,
            _ => return None,
        })
    }

    /// The type of a column of a sub-select or function in FROM.
    pub(super) fn derived_type(&self, column: &ColumnRef, depth: u16) -> Option<DataType> {
        let (item, name) = match column.path.as_slice() {
            [name] => (None, name),
            [item, name] => (Some(item), name),
            _ => return None,
        };
        let frame = self.frames.iter().rev().nth(usize::from(depth))?;
        let items = frame.items.iter().filter(|own| item.is_none_or(|item| own.name == *item));
        let mut columns = items
            .filter(|item| !matches!(item.source, Source::Relation { result: false, .. }))
            .filter_map(|item| item.source.output())
            .flatten();
        columns.find(|column| column.name == *name)?.data_type
    }

    /// The type of what is one of several: numbers become the widest of them (manual, 10.5). Of other types
    /// the first is taken that is known, with its modifiers if all have them, a text without a type only
    /// where all are.
    fn common_type<'e>(&self, list: impl IntoIterator<Item = &'e Expr>) -> Option<DataType> {
        let (texts, others): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|expr| matches!(expr, Expr::Literal(Literal::String(_))));
        let mut types: Vec<_> = others.iter().filter_map(|expr| self.data_type(expr)).collect();
        let Some(first) = types.first() else { return self.data_type(texts.first()?) };
        if texts.is_empty() && types.len() == others.len() && types.iter().all(|one| one == first) {
            return types.pop();
        }
        let ranks: Option<Vec<_>> = types.iter().map(rank).collect();
        Some(match ranks.and_then(|ranks| ranks.into_iter().max()) {
            Some(widest) => DataType::builtin(NUMBERS[widest]),
            None => DataType { modifiers: Vec::new(), ..first.clone() },
        })
    }

    pub(super) fn builtin_name(&self, expr: &Expr) -> Option<Ident> {
        match self.data_type(expr)? {
            DataType { base: TypeRef::Builtin(name), array: false, .. } => Some(name),
            _ => None,
        }
    }

    /// The type of a sum or product of numbers, and of times with intervals.
    pub(super) fn arithmetic(&self, op: &str, left: Option<&Expr>, right: &Expr) -> Option<DataType> {
        let right = self.builtin_name(right)?;
        let Some(left) = left else { return Some(DataType::builtin(&right)) };
        let left = self.builtin_name(left)?;
        let rank = |name: &Ident| rank(&DataType::builtin(name));
        let result = match (left.as_str(), right.as_str()) {
            ("date", "int4") => "date",
            ("date", "date") if op == "-" => "int4",
            ("date", "interval") => "timestamp",
            ("timestamp" | "timestamptz", "timestamp" | "timestamptz") if op == "-" => "interval",
            ("timestamp" | "timestamptz" | "time" | "interval", "interval") => left.as_str(),
            _ => match (rank(&left)?, rank(&right)?) {
                // A float of either size with another number is a double.
                (a, b) if a != b && a.max(b) >= 4 => "float8",
                (a, b) => NUMBERS[a.max(b)],
            },
        };
        Some(DataType::builtin(result))
    }
}

/// Types of numbers, each wider than those before it.
const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "numeric", "float4", "float8"];

fn rank(data_type: &DataType) -> Option<usize> {
    NUMBERS.iter().position(|number| data_type.is_builtin(number))
}

pub fn number_type(number: &str) -> &'static str {
    if number.parse::<i32>().is_ok() {
        "int4"
    } else if number.parse::<i64>().is_ok() {
        "int8"
    } else {
        "numeric"
    }
}
