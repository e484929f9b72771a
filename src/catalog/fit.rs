//! Comparisons that no operator makes, and texts that are no value of a type: PostgreSQL refuses the
//! statement that holds them.
//!
//! Only types that are certain count: those of tables' columns, casts, results of functions.

use crate::catalog::Catalog;
use crate::catalog::bind::number_type;
use crate::catalog::function::Returns;
use crate::catalog::gap::Aspect;
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::sql::expr::{Call, ColumnRef, Expr, Literal, QueryBody, Sublink, SublinkKind, Target};

const COMPARISONS: [&str; 7] = ["=", "<>", "!=", "<", ">", "<=", ">="];

impl Catalog {
    /// What is wrong with the types of a bound expression; what is in it is not looked at.
    pub(super) fn ill_typed(&self, expr: &Expr) -> Option<Misfit> {
        match expr {
            Expr::Cast { .. } => self.ill_cast(expr),
            Expr::Op { op, left: Some(left), right } if COMPARISONS.contains(&op.as_str()) => self
                .incomparable(op, left, right)
                // A text that is no value is refused before anything is compared.
                .filter(|_| !expr.any(&|part| self.ill_cast(part).is_some()))
                .or_else(|| self.no_value_beside(left, right))
                .or_else(|| self.no_value_beside(right, left)),
            Expr::In { expr, list, .. } => list.iter().find_map(|item| {
                self.incomparable("=", expr, item).or_else(|| self.no_value_beside(expr, item))
            }),
            Expr::OpArray { op, left, right, .. } if COMPARISONS.contains(&op.as_str()) => {
                let array = self.certain_type(right).filter(|data_type| data_type.array)?;
                let element = DataType { array: false, ..array };
                self.unlike(op, (left, self.certain_type(left)?), (right, element))
            }
            Expr::Sublink(Sublink { kind: SublinkKind::Any, test: Some(test), op, query, .. })
                if COMPARISONS.contains(&op.as_str()) =>
            {
                let QueryBody::Select(select) = &query.body else { return None };
                let [target] = select.targets.as_slice() else { return None };
                self.incomparable(op, test, &target.expr)
            }
            _ => None,
        }
    }

    /// Whether a bound expression is certainly no condition.
    pub(super) fn is_no_condition(&self, expr: &Expr) -> Option<Misfit> {
        let data_type = self.certain_type(expr)?;
        if self.can_refer(&data_type, &DataType::builtin("bool")) != Some(false) {
            return None;
        }
        let why = format!("a condition is boolean, and this is of the type {}", data_type.display(self));
        Some(Misfit::refused(SqlState::DATATYPE_MISMATCH, why).about(&self.subject(expr)?))
    }

    /// Whether a constant or a value of a certain type cannot be a column's default.
    pub(super) fn is_no_default(&self, column: &DataType, of: &QName, expr: &Expr) -> Option<Misfit> {
        if let Expr::Literal(Literal::String(text)) = expr {
            return self.no_value(column, text).map(|misfit| misfit.about(of));
        }
        let own = self.certain_type(expr)?;
        if self.is_assignable(&own, column) != Some(false) {
            return None;
        }
        let (own, column) = (own.display(self), column.display(self));
        let why = format!("the column is of the type {column}, and its default of the type {own}");
        Some(Misfit::refused(SqlState::DATATYPE_MISMATCH, why).about(of))
    }

    /// Whether a constant or a value of a certain type cannot be stored in a column, named by `of`.
    pub(super) fn is_no_value_of(&self, column: &DataType, of: &str, expr: &Expr) -> Option<Misfit> {
        let own = match expr {
            Expr::Literal(Literal::String(text)) => {
                return self.new_label(column, expr).or_else(|| self.no_value(column, text));
            }
            Expr::Literal(Literal::Bool(_)) => DataType::builtin("bool"),
            // Texts without a type make an array of texts.
            Expr::Array(items) if !items.is_empty() && items.iter().all(is_text) => {
                DataType { array: true, ..DataType::builtin("text") }
            }
            Expr::Call(call) if self.is_builtin_call(call) => DataType::builtin(result_of(&call.name.name)?),
            _ => self.certain_type(expr)?,
        };
        if self.is_assignable(&own, column) != Some(false) {
            return None;
        }
        let why = format!(
            "{of} is of the type {}, and its value of the type {}",
            column.display(self),
            own.display(self)
        );
        Some(Misfit::refused(SqlState::DATATYPE_MISMATCH, why))
    }

    /// Whether a call means a function of PostgreSQL's: none of the project has its name.
    fn is_builtin_call(&self, call: &Call) -> bool {
        call.target.is_none()
            && call.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog")
            && !self.is_function_name(&call.name.name)
    }

    fn incomparable(&self, op: &str, left: &Expr, right: &Expr) -> Option<Misfit> {
        self.unlike(op, (left, self.certain_type(left)?), (right, self.certain_type(right)?))
    }

    fn unlike(
        &self,
        op: &str,
        (left, one): (&Expr, DataType),
        (right, other): (&Expr, DataType),
    ) -> Option<Misfit> {
        if self.can_refer(&one, &other)? || self.can_refer(&other, &one)? {
            return None;
        }
        let subject = self.subject(left).or_else(|| self.subject(right))?;
        let (one, other) = (one.display_bare(self), other.display_bare(self));
        let why = format!("no operator compares {one} with {other}: {one} {op} {other}");
        let misfit = Misfit::refused(SqlState::UNDEFINED_FUNCTION, why)
            .about(&subject)
            .helped_by("cast one side to the type of the other: `auth.uid()::text = owner`");
        Some(match left.span().or_else(|| right.span()) {
            Some(span) => misfit.at(span),
            None => misfit,
        })
    }

    /// Whether a text beside a value of a certain type is no value of that type.
    fn no_value_beside(&self, typed: &Expr, text: &Expr) -> Option<Misfit> {
        let Expr::Literal(Literal::String(text)) = text else { return None };
        let misfit = self.no_value(&self.certain_type(typed)?, text)?.about(&self.subject(typed)?);
        Some(match typed.span() {
            Some(span) => misfit.at(span),
            None => misfit,
        })
    }

    /// Whether a text is cast to a type that it is no value of.
    fn ill_cast(&self, expr: &Expr) -> Option<Misfit> {
        let Expr::Cast { expr: text, to } = expr else { return None };
        let Expr::Literal(Literal::String(text)) = &**text else { return None };
        if to.percent_type || to.setof {
            return None;
        }
        let misfit = self.no_value(&self.resolve_data_type(to), text)?.at(to.name.span);
        Some(misfit.helped_by("`::` binds to what stands before it: `(auth.jwt() ->> 'org_id')::uuid`"))
    }

    /// Whether a text is certainly no value of a type.
    fn no_value(&self, data_type: &DataType, text: &str) -> Option<Misfit> {
        if data_type.array {
            if may_be_array(text.trim()) {
                return None;
            }
            let why = format!("'{text}' is no array: write ARRAY[…] or '{{…}}'");
            return Some(Misfit::refused(SqlState::INVALID_TEXT_REPRESENTATION, why));
        }
        let why = match &data_type.base {
            TypeRef::User(oid) => {
                let user_type = self.types.get(oid)?;
                let UserTypeKind::Enum { labels } = &user_type.kind else { return None };
                if labels.iter().any(|label| label == text)
                    || self.doubts(&[Aspect::Existence, Aspect::Shape]).concern(&user_type.name)
                {
                    return None;
                }
                let why = format!("the enum {} has no value '{text}'", user_type.name);
                let misfit = Misfit::refused(SqlState::INVALID_TEXT_REPRESENTATION, why);
                return Some(misfit.helped_by(
                    "write a value that it has, or add this one in an earlier migration: alter type … add value …",
                ));
            }
            TypeRef::Builtin(name) if !may_be_value(name, text.trim()) => {
                format!("'{text}' is no value of the type {}", data_type.display_bare(self))
            }
            _ => return None,
        };
        Some(Misfit::refused(SqlState::INVALID_TEXT_REPRESENTATION, why))
    }

    /// The table that an expression is about, by its first column.
    fn subject(&self, expr: &Expr) -> Option<QName> {
        let mut found = None;
        expr.walk(&mut |part| {
            if let Expr::Column(ColumnRef { target: Target::Column { relation, .. }, .. }) = part {
                found = found.take().or_else(|| self.tables.get(relation).map(|table| table.name.clone()));
            }
        });
        found
    }

    pub(super) fn certain_type(&self, expr: &Expr) -> Option<DataType> {
        match expr {
            Expr::Literal(Literal::Number(number)) => Some(DataType::builtin(number_type(number))),
            Expr::Column(ColumnRef { target: Target::Column { relation, attnum, .. }, .. }) => {
                let table = self.tables.get(relation)?;
                let column = table.columns.iter().find(|column| column.attnum == *attnum)?;
                // A statement that fails leaves the type as it was.
                let is_set = !self.is_by_failing(column.data_type.origin);
                let is_certain = is_set && !self.may_have_changed(&table.name, Aspect::Shape);
                is_certain.then(|| column.data_type.value.clone())
            }
            Expr::Cast { to, .. } if !to.percent_type && !to.setof => Some(self.resolve_data_type(to)),
            Expr::Call(call) => self.certain_result(call),
            // An element of an array.
            Expr::Field { expr, field: None, subscripts, .. } if subscripts.len() == 1 => {
                let array = self.certain_type(expr).filter(|data_type| data_type.array)?;
                Some(DataType { array: false, ..array })
            }
            Expr::Op { op, left: Some(left), .. } if op == "->>" || op == "#>>" => {
                let document = self.certain_type(left)?;
                let is_json = document.is_builtin("jsonb") || document.is_builtin("json");
                is_json.then(|| DataType::builtin("text"))
            }
            Expr::Sublink(Sublink { kind: SublinkKind::Scalar, query, .. }) => match &query.body {
                QueryBody::Select(select) => match select.targets.as_slice() {
                    [target] => self.certain_type(&target.expr),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn certain_result(&self, call: &Call) -> Option<DataType> {
        let function = self.functions.get(&call.target?)?;
        match &function.returns {
            Returns::Type(data_type) if !self.may_have_changed(&function.name, Aspect::Functions) => {
                Some(data_type.clone())
            }
            _ => None,
        }
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(Literal::String(_)))
}

/// The type that a function of PostgreSQL's gives whatever it is called with.
fn result_of(function: &str) -> Option<&'static str> {
    Some(match function {
        "gen_random_uuid" => "uuid",
        "jsonb_build_array" | "jsonb_build_object" | "to_jsonb" => "jsonb",
        "json_build_array" | "json_build_object" | "to_json" => "json",
        "now" => "timestamptz",
        _ => return None,
    })
}

/// Whether a text may be an array: `{…}`, or `[1:2]={…}`.
fn may_be_array(text: &str) -> bool {
    let bounds = text.strip_prefix('[').map(str::trim_start);
    text.starts_with('{')
        || bounds.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)))
}

/// Whether a text may be a value of a built-in type; true where it is not known.
fn may_be_value(data_type: &str, text: &str) -> bool {
    match data_type {
        "int2" | "int4" | "int8" => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            // PostgreSQL 16 takes 0x, 0o, 0b and underscores.
            digits.starts_with('0')
                || !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        }
        "numeric" | "float4" | "float8" => {
            let number = text.strip_prefix(['+', '-']).unwrap_or(text);
            // NaN, Infinity.
            number.starts_with(|c: char| c.is_ascii_digit() || ".nNiI".contains(c))
        }
        "json" | "jsonb" => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => true,
            Err(error) => error.to_string().starts_with("recursion limit"),
        },
        "uuid" => {
            let digits: Vec<u8> = text.bytes().filter(|byte| !b"{}-".contains(byte)).collect();
            digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
        }
        "bool" => {
            let word = text.to_ascii_lowercase();
            !word.is_empty()
                && ["true", "false", "yes", "no", "on", "off", "1", "0"]
                    .iter()
                    .any(|known| known.starts_with(&word))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    const TABLES: &str = "create type mood as enum ('ok', 'bad'); create domain short as text;
        create table t (id uuid, owner text, v varchar(9), n int, big bigint, num numeric, f real, s mood, at timestamptz, d date,
          tags text[], j jsonb, b boolean, dom short, c char(3), name name);
        create table u (id int, t uuid);";

    fn refused(text: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{TABLES} {text}"));
        bench.catalog.failures.iter().map(|failure| failure.misfit.to_string()).collect()
    }

    fn in_policy(condition: &str) -> Vec<String> {
        refused(&format!("create policy p on t using ({condition});"))
    }

    #[test]
    fn types_without_an_operator_are_refused() {
        for condition in [
            "auth.uid() = owner",
            "auth.uid()::text = id",
            "(select auth.uid()) = owner",
            "id = (auth.jwt() ->> 'sub')",
            "id in (select id from u)",
            "auth.uid() in (select owner from t)",
            "auth.uid() = any (tags)",
            "b = 1",
            "at > 5",
            "owner in (1, 2)",
            "s = owner",
            "j ->> 'x' = 1",
            "n",
            "owner",
            "s = 'nope'",
            "n = 'x'",
            "id = 'x'",
            "b = 'maybe'",
            "s in ('ok', 'nope')",
            "id = auth.jwt() ->> 'org_id'::uuid",
            "s = 'nope'::mood",
        ] {
            assert_eq!(in_policy(condition).len(), 1, "{condition}");
        }
    }

    #[test]
    fn a_cast_of_the_key_is_told_as_such() {
        assert_eq!(
            in_policy("id = auth.jwt() ->> 'org_id'::uuid"),
            ["'org_id' is no value of the type uuid"],
            "as PostgreSQL does: invalid input syntax for type uuid"
        );
    }

    #[test]
    fn types_that_compare_are_not() {
        for condition in [
            "auth.uid() = id",
            "auth.uid()::text = owner",
            "owner = v",
            "v = c",
            "name = owner",
            "owner = dom",
            "n = big and big = num and num = f and f = n and n = 1.5 and num = 1",
            "at > d and d < at::timestamp and at > now()",
            "id in (select t from u)",
            "owner = any (tags)",
            "s = 'ok' and s in ('ok', 'bad') and s::text = owner",
            "n = ' 1' and n = '-1' and n = '0x1F'",
            "id = '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'",
            "b = 'yes' and b = 'F' and b = 'on'",
            "b",
            "(j ->> 'x') = owner",
            "coalesce(n, 1) = 1",
        ] {
            assert_eq!(in_policy(condition), [""; 0], "{condition}");
        }
    }

    #[test]
    fn defaults_are_values_of_their_type() {
        let default = |column: &str| refused(&format!("create table x (a {column});"));
        for column in [
            "mood default 'nope'",
            "int default 'abc'",
            "boolean default 'maybe'",
            "uuid default 'x'",
            "int default 'x'::text",
            "uuid default auth.role()",
        ] {
            assert_eq!(default(column).len(), 1, "{column}");
        }
        for column in [
            "mood default 'ok'",
            "int default '1'",
            "uuid default auth.uid()",
            "text default 'x'",
            "varchar(3) default 'long'",
            "date default now()",
            "text default auth.uid()",
            "jsonb default '{}'",
            "numeric default 1",
            "mood default null",
            "text[] default '{}'",
        ] {
            assert_eq!(default(column), [""; 0], "{column}");
        }
    }
}
