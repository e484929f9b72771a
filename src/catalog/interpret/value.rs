//! Values, and the expressions that give them.

use std::borrow::Cow;

use memchr::memmem;
use smol_str::SmolStr;

use crate::catalog::Relation;

use crate::catalog::acl::Acl;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::consequence::Space;
use crate::catalog::depend;
use crate::catalog::gap::Aspect;
use crate::catalog::interpret::{Interpreter, object_name, system};
use crate::catalog::types::DataType;
use crate::source::{FileId, Span};
use crate::sql::expr::{Call, ColumnRef, Expr, Literal, Oid, QueryBody, ResultColumn, Sublink, SublinkKind};
use crate::sql::name::Ident;
use crate::sql::plpgsql::Fragment;
use crate::sql::statement::{BodyText, ObjectKind, Privilege, Statement, StatementKind, TypeName};

/// The place of a name that a value holds.
const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

/// A value that a variable or a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::catalog) enum Value {
    Text(SmolStr),
    Number(i64),
    Bool(bool),
    Null,
    List(Vec<Self>),
    Record(Vec<(Ident, Self)>),
    /// The identity of an object: `oid`, `regclass` and their kin.
    Object(Object),
    /// Not known, but not null.
    Something,
    /// The CREATE OR REPLACE FUNCTION of some function, or null.
    Definition,
    /// An access control list, by the rows that `aclexplode()` makes of it.
    Acl {
        items: Vec<Self>,
        /// It is what an object starts with, for which null may stand.
        or_null: bool,
    },
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog) enum Object {
    Relation(Oid),
    /// An index, by its own identity.
    Index(Oid),
    /// By its table and name.
    Constraint(Oid, Ident),
    Function(Oid),
    /// A type that the catalog holds, and no array of it.
    Type(Oid),
    /// PostgreSQL's own, the rows of a relation, or an array.
    Builtin(DataType),
    Namespace(Ident),
    Role(Ident),
    Extension(Ident),
    /// A job of pg_cron, by its name.
    Job(String),
}

impl Value {
    pub(super) fn text(text: impl Into<SmolStr>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Something | Self::Definition | Self::Acl { .. })
    }

    /// The only field of a record with one; anything else as it is.
    pub(super) fn single(self) -> Self {
        match self {
            Self::Record(fields) if fields.len() == 1 => {
                fields.into_iter().next().map_or(Self::Unknown, |(_, value)| value)
            }
            value => value,
        }
    }
}

impl Interpreter<'_> {
    pub(super) fn fragment(&mut self, fragment: &Fragment) -> Value {
        fragment.value.as_ref().map_or(Value::Unknown, |expr| self.value(expr))
    }

    /// Whether a condition holds, when that can be told; null does not.
    pub(super) fn truth(&mut self, expr: &Expr) -> Option<bool> {
        match self.value(expr) {
            Value::Bool(value) => Some(value),
            Value::Null => Some(false),
            _ => None,
        }
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Value {
        let place = std::ptr::from_ref(expr);
        match self.steady.get(&place) {
            None => self.evaluate(expr),
            Some(Some(value)) => value.clone(),
            Some(None) => {
                let value = self.evaluate(expr);
                self.steady.insert(place, Some(value.clone()));
                value
            }
        }
    }

    fn evaluate(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Literal(Literal::Null) => Value::Null,
            Expr::Literal(Literal::Bool(value)) => Value::Bool(*value),
            Expr::Literal(Literal::String(text) | Literal::Relation(text, _)) => Value::text(text),
            Expr::Literal(Literal::Number(text)) => {
                text.parse().map_or_else(|_| Value::text(text), Value::Number)
            }
            Expr::Cast { expr, to } => {
                let value = self.value(expr);
                self.cast(value, to)
            }
            Expr::Array(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.value(item)).collect();
                if items.iter().all(Value::is_known) { Value::List(items) } else { Value::Unknown }
            }
            Expr::Param(number) => self.variable(&Ident::new(format!("${number}"))),
            Expr::Column(column) => self.column(column),
            Expr::Field { expr, field: None, subscripts, .. } => {
                match (self.value(expr), subscripts.as_slice()) {
                    (Value::List(items), [at]) => match self.value(at) {
                        Value::Number(at) => usize::try_from(at - 1)
                            .ok()
                            .and_then(|at| items.into_iter().nth(at))
                            .unwrap_or(Value::Null),
                        _ => Value::Unknown,
                    },
                    _ => Value::Unknown,
                }
            }
            Expr::Field { expr, field: Some(field), subscripts, .. } if subscripts.is_empty() => {
                match self.value(expr) {
                    Value::Record(fields) => field_of(fields, field),
                    _ => Value::Unknown,
                }
            }
            Expr::Op { op, left: Some(left), right } => {
                let (mut left, mut right) = (self.value(left).single(), self.value(right).single());
                let is_list = matches!((&left, &right), (Value::List(_), _) | (_, Value::List(_)));
                if op == "||" && !is_list {
                    (left, right) = (self.printed(&left), self.printed(&right));
                }
                operate(op, left, right)
            }
            Expr::IsNull { expr, negated } => match self.value(expr) {
                Value::Unknown | Value::Definition | Value::Acl { or_null: true, .. } => Value::Unknown,
                value => Value::Bool((value == Value::Null) != *negated),
            },
            Expr::IsBool { expr, value, negated } => match (self.value(expr), value) {
                (Value::Bool(found), Some(wanted)) => Value::Bool((found == *wanted) != *negated),
                (Value::Null, Some(_)) => Value::Bool(*negated),
                _ => Value::Unknown,
            },
            Expr::Not(inner) => match self.value(inner) {
                Value::Bool(value) => Value::Bool(!value),
                Value::Null => Value::Null,
                _ => Value::Unknown,
            },
            Expr::And(list) => self.connect(list, false),
            Expr::Or(list) => self.connect(list, true),
            Expr::In { expr, list, negated } => {
                let value = self.value(expr);
                let list = list.iter().map(|item| self.value(item)).collect();
                negate(among(&value, list), *negated)
            }
            Expr::OpArray { op, all, left, right } if op == "=" && !all || op == "<>" && *all => {
                let value = self.value(left);
                match self.value(right) {
                    Value::List(list) => negate(among(&value, list), *all),
                    _ => Value::Unknown,
                }
            }
            Expr::Distinct { left, right, negated } => {
                let (left, right) = (self.value(left), self.value(right));
                match (&left, &right) {
                    (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
                    (Value::Null, other) | (other, Value::Null) => {
                        Value::Bool((*other == Value::Null) == *negated)
                    }
                    _ => match operate("=", left, right) {
                        Value::Bool(equal) => Value::Bool(equal == *negated),
                        _ => Value::Unknown,
                    },
                }
            }
            Expr::Coalesce(list) => {
                let mut found = Value::Null;
                for item in list {
                    found = match (found, self.value(item)) {
                        (Value::Null, value) => value,
                        // `coalesce(proacl, acldefault('f', proowner))`
                        (Value::Acl { items, .. }, Value::Acl { items: start, or_null })
                            if items == start =>
                        {
                            Value::Acl { items, or_null }
                        }
                        _ => Value::Unknown,
                    };
                    if !matches!(found, Value::Null | Value::Acl { or_null: true, .. }) {
                        break;
                    }
                }
                found
            }
            Expr::Case { operand: None, arms, default } => {
                for (when, then) in arms {
                    match self.truth(when) {
                        Some(true) => return self.value(then),
                        Some(false) => {}
                        None => return Value::Unknown,
                    }
                }
                default.as_ref().map_or(Value::Null, |default| self.value(default))
            }
            Expr::Session("current_user" | "session_user" | "user" | "current_role") => {
                Value::text(&self.catalog.session.role)
            }
            Expr::Other(name @ ("least" | "greatest"), parts) => {
                let values = parts.iter().map(|part| self.value(part)).filter(|value| *value != Value::Null);
                let numbers = values.map(|value| match value {
                    Value::Number(number) => Some(number),
                    _ => None,
                });
                match numbers.collect::<Option<Vec<i64>>>() {
                    None => Value::Unknown,
                    Some(numbers) if *name == "least" => {
                        numbers.into_iter().min().map_or(Value::Null, Value::Number)
                    }
                    Some(numbers) => numbers.into_iter().max().map_or(Value::Null, Value::Number),
                }
            }
            Expr::Call(call) => self.call_value(call),
            Expr::Other("aggregate order", parts) => match parts.as_slice() {
                [Expr::Call(call), keys @ ..] => self.ordered_aggregate(call, keys),
                _ => Value::Unknown,
            },
            Expr::Sublink(sublink) => self.sublink(sublink),
            _ => Value::Unknown,
        }
    }

    fn sublink(&mut self, sublink: &Sublink) -> Value {
        let Some(rows) = self.sub_select(&sublink.query) else { return Value::Unknown };
        match sublink.kind {
            SublinkKind::Exists => Value::Bool(!rows.is_empty()),
            SublinkKind::Scalar => rows.into_iter().next().map_or(Value::Null, Value::single),
            SublinkKind::Array => Value::List(rows.into_iter().map(Value::single).collect()),
            SublinkKind::Any if sublink.op == "=" => match &sublink.test {
                Some(test) => {
                    let value = self.value(test);
                    among(&value, rows.into_iter().map(Value::single).collect())
                }
                None => Value::Unknown,
            },
            SublinkKind::Any | SublinkKind::All => Value::Unknown,
        }
    }

    fn column(&mut self, column: &ColumnRef) -> Value {
        match column.path.as_slice() {
            [name] => match self.row_column(None, name) {
                Some(value) => value,
                // A loop's record with one column stands for it.
                None => self.variable(name).single(),
            },
            [item, field] => match self.row_column(Some(item), field) {
                Some(value) => value,
                None => match self.variable_named(item) {
                    Some(Value::Record(fields)) => {
                        let found = fields.iter().find(|(name, _)| name == field);
                        found.map_or(Value::Unknown, |(_, value)| value.clone())
                    }
                    Some(_) => Value::Unknown,
                    // The label of a block or the name of a function: the outer variable is meant.
                    None => {
                        let mut variables = self.variables.iter();
                        let found = variables.find(|(name, _)| name == field);
                        found.map_or(Value::Unknown, |(_, value)| value.clone())
                    }
                },
            },
            _ => Value::Unknown,
        }
    }

    fn connect(&mut self, list: &[Expr], decides: bool) -> Value {
        let mut unknown = false;
        for item in list {
            match self.value(item) {
                Value::Bool(value) if value == decides => return Value::Bool(decides),
                Value::Bool(_) => {}
                // As a condition, null decides like false.
                Value::Null if !decides => return Value::Bool(false),
                Value::Null => {}
                _ => unknown = true,
            }
        }
        if unknown { Value::Unknown } else { Value::Bool(!decides) }
    }

    fn variable(&self, name: &Ident) -> Value {
        self.variable_named(name).cloned().unwrap_or(Value::Unknown)
    }

    fn variable_named(&self, name: &Ident) -> Option<&Value> {
        let found = self.variables.iter().rev().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value)
    }

    pub(super) fn cast(&self, value: Value, to: &TypeName) -> Value {
        match (value, to.name.name.as_str()) {
            (Value::Text(text), _) if to.dimensions > 0 => {
                array_literal(&text).map_or(Value::Unknown, Value::List)
            }
            (Value::Text(text), "regclass") => self.regclass(&text).unwrap_or(Value::Unknown),
            // A cast of what is not there is an error.
            (Value::Text(text), "regprocedure" | "regproc") => match self.regprocedure(&text, NOWHERE) {
                Value::Null => Value::Unknown,
                found => found,
            },
            (Value::Text(text), "regtype") => self.regtype(&text).unwrap_or(Value::Unknown),
            (Value::Text(text), "regnamespace") => Value::Object(Object::Namespace(Ident::new(text))),
            (Value::Number(0), "regrole") => Value::text("-"),
            (Value::Text(text), "regrole") => Value::Object(Object::Role(Ident::new(text))),
            (Value::Text(text), "int4" | "int8" | "int2") => {
                text.parse().map_or(Value::Unknown, Value::Number)
            }
            (Value::Object(object), "text" | "name" | "varchar") => self.object_text(&object),
            (Value::Object(object @ Object::Function(_)), "regprocedure" | "regproc") => {
                Value::Object(object)
            }
            (Value::Number(number), "text" | "varchar") => Value::text(number.to_string()),
            (Value::Bool(value), "text") => Value::text(value.to_string()),
            (value, _) => value,
        }
    }

    pub(super) fn regclass(&self, text: &str) -> Option<Value> {
        let name = object_name(text, NOWHERE);
        let (qname, relation) = self.catalog.resolve_relation(&name)?;
        if self.catalog.lacks(Space::Relation, &qname) {
            return None;
        }
        Some(Value::Object(match relation {
            Relation::Table(oid)
            | Relation::View(oid)
            | Relation::Sequence(oid)
            | Relation::Composite(oid) => Object::Relation(oid),
            Relation::Index { on } => {
                let on_table = self.catalog.tables.get(&on).and_then(|table| table.indexes.get(&qname.name));
                let on_view = || self.catalog.views.get(&on).and_then(|view| view.indexes.get(&qname.name));
                Object::Index(on_table.or_else(on_view)?.oid)
            }
        }))
    }

    /// The type of a name as `regtype` reads it.
    fn regtype(&self, text: &str) -> Option<Value> {
        let body = BodyText::new(format!("select null::{text}"), NOWHERE, false);
        let (statements, _) = crate::sql::parse_body(&body);
        let [Statement { kind: StatementKind::Query(query), .. }] = statements.as_slice() else {
            return None;
        };
        let QueryBody::Select(select) = &query.body else { return None };
        let [ResultColumn { expr: Expr::Cast { to, .. }, .. }] = select.targets.as_slice() else {
            return None;
        };
        let data_type = self.catalog.resolve_data_type(to);
        match system::type_oid(&data_type) {
            Value::Object(Object::Type(oid)) if self.catalog.is_never_made(&depend::Object::Type(oid)) => {
                None
            }
            found @ Value::Object(_) => Some(found),
            _ => None,
        }
    }

    /// The function of a signature as `regprocedure` reads it; null where there is none.
    fn regprocedure(&self, text: &str, span: Span) -> Value {
        let body = BodyText::new(format!("drop function {text}"), span, false);
        let (statements, _) = crate::sql::parse_body(&body);
        let [Statement { kind: StatementKind::Drop(drop), .. }] = statements.as_slice() else {
            return Value::Unknown;
        };
        let [object] = drop.objects.as_slice() else { return Value::Unknown };
        match self.catalog.resolve_routine(object) {
            Ok(oid) if !self.catalog.is_never_made(&depend::Object::Function(oid)) => {
                Value::Object(Object::Function(oid))
            }
            _ => Value::Null,
        }
    }

    /// Whether a role has a privilege on a whole relation, as far as its grants are known.
    fn has_table_privilege(&self, role: &Ident, relation: &Value, wanted: &str) -> Option<bool> {
        let oid = match relation {
            Value::Object(Object::Relation(oid)) => *oid,
            Value::Text(text) => match self.regclass(text)? {
                Value::Object(Object::Relation(oid)) => oid,
                _ => return None,
            },
            _ => return None,
        };
        let privilege = match wanted.to_ascii_lowercase().as_str() {
            "select" => Privilege::Select,
            "insert" => Privilege::Insert,
            "update" => Privilege::Update,
            "delete" => Privilege::Delete,
            _ => return None,
        };
        let table = self.catalog.tables.get(&oid).map(|table| (&table.name, &table.acl));
        let (name, acl) =
            table.or_else(|| self.catalog.views.get(&oid).map(|view| (&view.name, &view.acl)))?;
        let is_known = !self.catalog.may_have_changed(name, Aspect::Grants);
        is_known.then(|| self.catalog.can(role, acl, privilege))
    }

    /// An object's name as its `reg…` type prints it: bare where `search_path` finds it.
    fn object_text(&self, object: &Object) -> Value {
        let visible = |schema: &Ident| self.catalog.search_path().any(|visible| visible == *schema);
        match object {
            Object::Relation(oid) => {
                let table = self.catalog.tables.get(oid).map(|table| &table.name);
                let name = table.or_else(|| self.catalog.views.get(oid).map(|view| &view.name));
                match name {
                    Some(name) if visible(&name.schema) => Value::text(name.name.quoted()),
                    Some(name) => Value::text(name.quoted()),
                    None => Value::Unknown,
                }
            }
            Object::Function(oid) => match self.catalog.functions.get(oid) {
                Some(function) => Value::text(function.regprocedure(self.catalog)),
                None => Value::Unknown,
            },
            Object::Namespace(name) | Object::Role(name) | Object::Extension(name) => {
                Value::text(name.quoted())
            }
            Object::Type(oid) => Value::text(DataType::user(*oid).display(self.catalog)),
            Object::Builtin(data_type) => Value::text(data_type.display(self.catalog)),
            Object::Index(_) | Object::Constraint(..) | Object::Job(_) => Value::Unknown,
        }
    }

    /// The comment on an object that a migration made; those of the platform's are not known.
    fn comment(&self, object: &Object) -> Option<Value> {
        let catalog = &*self.catalog;
        let (schema, comment) = match object {
            Object::Relation(oid) => {
                let table = catalog.tables.get(oid).map(|table| (&table.name.schema, &table.comment));
                table.or_else(|| catalog.views.get(oid).map(|view| (&view.name.schema, &view.comment)))?
            }
            Object::Function(oid) => {
                catalog.functions.get(oid).map(|function| (&function.name.schema, &function.comment))?
            }
            Object::Type(oid) => {
                catalog.types.get(oid).map(|user_type| (&user_type.name.schema, &user_type.comment))?
            }
            _ => return None,
        };
        self.told(schema, comment.as_ref())
    }

    fn column_comment(&self, oid: Oid, attnum: i64) -> Option<Value> {
        let table = self.catalog.tables.get(&oid)?;
        let column = table.columns.iter().find(|column| i64::from(column.attnum) == attnum)?;
        self.told(&table.name.schema, column.comment.as_ref())
    }

    /// A comment, or none where only migrations make objects.
    fn told(&self, schema: &Ident, comment: Option<&String>) -> Option<Value> {
        match comment {
            Some(text) => Some(Value::text(text)),
            None => (*schema == "public").then_some(Value::Null),
        }
    }

    fn call_value(&mut self, call: &Call) -> Value {
        if call.name.schema.as_ref().is_some_and(|schema| *schema != "pg_catalog") {
            return self.function_value(call);
        }
        if let Some(value) = self.aggregate(call) {
            return value;
        }
        let args: Vec<Value> = call.args.iter().map(|arg| self.value(arg)).collect();
        match (call.name.name.as_str(), args.as_slice()) {
            ("format", [Value::Text(template), rest @ ..]) => {
                let rest: Vec<Value> = rest.iter().map(|value| self.printed(value)).collect();
                format(template, &rest).map_or(Value::Unknown, Value::text)
            }
            ("quote_ident", [value]) => match self.printed(&value.clone().single()) {
                Value::Text(text) => Value::text(Ident::new(text).quoted()),
                _ => Value::Unknown,
            },
            // LIKE … ESCAPE; the backslash is what escapes anyway.
            ("like_escape", [pattern @ Value::Text(_), Value::Text(escape)]) if escape == "\\" => {
                pattern.clone()
            }
            ("quote_literal" | "quote_nullable", [Value::Text(text)]) => Value::text(quote_literal(text)),
            (
                "format_type",
                [Value::Object(of @ (Object::Type(_) | Object::Builtin(_))), Value::Number(-1) | Value::Null],
            ) => self.object_text(of),
            // Functions of the system catalogs are strict: of an object that is there, they tell something.
            (
                "pg_get_constraintdef"
                | "pg_get_indexdef"
                | "pg_get_expr"
                | "pg_get_functiondef"
                | "pg_get_triggerdef"
                | "pg_get_viewdef"
                | "format_type",
                [first, ..],
            ) => match first {
                Value::Null => Value::Null,
                Value::Object(Object::Function(oid)) if call.name.name == "pg_get_functiondef" => {
                    let function = self.catalog.functions.get(oid);
                    let text = function.and_then(|function| function.definition(self.catalog));
                    text.map_or(Value::Definition, Value::text)
                }
                _ if call.name.name == "pg_get_functiondef" => Value::Definition,
                Value::Object(Object::Constraint(table, name)) if args.len() == 1 => {
                    let table = self.catalog.tables.get(table);
                    let text = table.and_then(|table| {
                        self.catalog.constraint_definition(table, table.constraints.get(name)?)
                    });
                    text.map_or(Value::Something, Value::text)
                }
                Value::Unknown => Value::Unknown,
                text @ Value::Text(_) if call.name.name == "pg_get_expr" && args.len() == 2 => text.clone(),
                _ => Value::Something,
            },
            ("replace" | "regexp_replace", [Value::Definition, ..]) => Value::Definition,
            ("lower" | "upper" | "btrim" | "trim" | "regexp_replace" | "replace" | "format", [first, ..])
                if *first == Value::Something =>
            {
                Value::Something
            }
            ("btrim" | "trim", [Value::Text(text)]) => Value::text(text.trim_matches(' ')),
            ("concat_ws", [Value::Text(separator), rest @ ..]) => {
                let mut parts = Vec::new();
                for part in rest {
                    match self.printed(part) {
                        Value::Text(part) => parts.push(part),
                        Value::Null => {}
                        _ => return Value::Unknown,
                    }
                }
                Value::text(parts.join(separator.as_str()))
            }
            ("array_to_string", [Value::List(items), Value::Text(separator)]) => {
                let mut parts = Vec::new();
                for item in items {
                    match self.printed(item) {
                        Value::Text(part) => parts.push(part),
                        Value::Null => {}
                        _ => return Value::Unknown,
                    }
                }
                Value::text(parts.join(separator.as_str()))
            }
            ("split_part", [Value::Text(text), Value::Text(separator), Value::Number(at)])
                if !separator.is_empty() && *at > 0 =>
            {
                let part =
                    usize::try_from(*at - 1).ok().and_then(|at| text.split(separator.as_str()).nth(at));
                Value::text(part.unwrap_or_default())
            }
            ("starts_with", [Value::Text(text), Value::Text(start)]) => {
                Value::Bool(text.starts_with(start.as_str()))
            }
            ("length" | "char_length", [Value::Text(text)]) => {
                i64::try_from(text.chars().count()).map_or(Value::Unknown, Value::Number)
            }
            ("lower", [Value::Text(text)]) => Value::text(text.to_lowercase()),
            ("upper", [Value::Text(text)]) => Value::text(text.to_uppercase()),
            ("concat", args) => {
                let mut text = String::new();
                for arg in args {
                    match self.printed(arg) {
                        Value::Text(part) => text.push_str(&part),
                        Value::Null => {}
                        _ => return Value::Unknown,
                    }
                }
                Value::text(text)
            }
            ("replace", [Value::Text(text), Value::Text(from), Value::Text(to)]) => {
                Value::text(text.replace(from.as_str(), to))
            }
            ("string_to_array", [Value::Text(text), Value::Text(separator)]) if !separator.is_empty() => {
                let parts = text.split(separator.as_str()).filter(|_| !text.is_empty());
                Value::List(parts.map(Value::text).collect())
            }
            ("array_length" | "array_upper" | "cardinality", [Value::Null, ..]) => Value::Null,
            // An empty array has no dimension whose length could be told.
            ("array_length" | "array_upper", [Value::List(items), Value::Number(1)]) if items.is_empty() => {
                Value::Null
            }
            ("array_length" | "array_upper", [Value::List(items), Value::Number(1)])
            | ("cardinality", [Value::List(items)]) => {
                i64::try_from(items.len()).map_or(Value::Unknown, Value::Number)
            }
            ("array_append", [Value::List(items), item]) => {
                let mut items = items.clone();
                items.push(item.clone());
                Value::List(items)
            }
            ("left", [Value::Text(text), Value::Number(count)]) if *count >= 0 => {
                Value::Text(text.chars().take(usize::try_from(*count).unwrap_or_default()).collect())
            }
            ("to_regclass", [Value::Text(text)]) => self.regclass(text).unwrap_or(Value::Null),
            // Which of PostgreSQL's own functions have which arguments is not modelled.
            ("to_regprocedure" | "to_regproc", [Value::Text(text)]) => {
                let name = object_name(text.split('(').next().unwrap_or_default().trim(), call.span);
                let is_of_server = name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog")
                    && is_builtin_function(&name.name);
                match self.regprocedure(text, call.span) {
                    Value::Null if is_of_server => Value::Something,
                    found => found,
                }
            }
            ("to_regnamespace", [Value::Text(text)]) => {
                let name = Ident::new(text);
                let known = self.catalog.namespaces.contains_key(&name);
                if known { Value::Object(Object::Namespace(name)) } else { Value::Null }
            }
            ("to_regtype", [Value::Text(text)]) => self.regtype(text).unwrap_or(Value::Null),
            (
                "pg_get_function_identity_arguments" | "pg_get_function_arguments",
                [Value::Object(Object::Function(oid))],
            ) => match self.catalog.functions.get(oid) {
                // How a default is printed is not modelled.
                Some(function)
                    if call.name.name == "pg_get_function_arguments"
                        && function.inputs().any(|input| input.has_default) =>
                {
                    Value::Something
                }
                Some(function) => Value::text(function.identity_arguments(self.catalog)),
                None => Value::Unknown,
            },
            ("pg_get_function_result", [Value::Object(Object::Function(oid))]) => {
                match self.catalog.functions.get(oid) {
                    Some(function) => function.result(self.catalog).map_or(Value::Null, Value::text),
                    None => Value::Unknown,
                }
            }
            ("oidvectortypes", [types @ Value::Text(_)]) => types.clone(),
            (
                "has_function_privilege",
                [Value::Text(role), Value::Object(Object::Function(oid)), Value::Text(wanted)],
            ) if wanted.eq_ignore_ascii_case("execute") => match self.catalog.functions.get(oid) {
                Some(function) if !self.catalog.may_have_changed(&function.name, Aspect::Execute) => {
                    Value::Bool(self.catalog.can_execute(&Ident::new(role), function))
                }
                _ => Value::Unknown,
            },
            ("has_table_privilege", [Value::Text(role), relation, Value::Text(wanted)]) => self
                .has_table_privilege(&Ident::new(role), relation, wanted)
                .map_or(Value::Unknown, Value::Bool),
            ("current_schema", []) => self
                .catalog
                .search_path()
                .find(|schema| *schema != "pg_catalog" && self.catalog.namespaces.contains_key(schema))
                .map_or(Value::Null, |schema| Value::text(&schema)),
            ("acldefault", [Value::Text(kind), Value::Object(Object::Role(owner))]) => {
                let kind = match kind.as_str() {
                    "f" => ObjectKind::Function,
                    "r" => ObjectKind::Table,
                    "s" => ObjectKind::Sequence,
                    "n" => ObjectKind::Schema,
                    _ => return Value::Unknown,
                };
                let items = system::acl_items(&Acl::built_in(kind, owner));
                Value::Acl { items, or_null: false }
            }
            ("obj_description", [Value::Object(object)] | [Value::Object(object), Value::Text(_)]) => {
                self.comment(object).unwrap_or(Value::Unknown)
            }
            ("col_description", [Value::Object(Object::Relation(oid)), Value::Number(attnum)]) => {
                self.column_comment(*oid, *attnum).unwrap_or(Value::Unknown)
            }
            ("current_database", []) => Value::text("postgres"),
            ("pg_get_userbyid", [Value::Object(Object::Role(role))]) => Value::text(role),
            ("position" | "strpos", [Value::Text(text), Value::Text(part)]) => {
                let before = text.find(part.as_str()).map(|at| text[..at].chars().count() + 1);
                i64::try_from(before.unwrap_or_default()).map_or(Value::Unknown, Value::Number)
            }
            ("ltrim", [Value::Text(text)]) => Value::text(text.trim_start_matches(' ')),
            ("rtrim", [Value::Text(text)]) => Value::text(text.trim_end_matches(' ')),
            ("pg_has_role", [Value::Text(role), Value::Text(_)]) => {
                let member = &self.catalog.session.role;
                Value::Bool(
                    self.catalog.inherited_roles(member).iter().any(|name| name.as_str() == role.as_str()),
                )
            }
            _ => self.function_value(call),
        }
    }

    /// A value as `format` and concatenation take it.
    fn printed(&self, value: &Value) -> Value {
        match value.clone().single() {
            Value::Object(object) => self.object_text(&object),
            Value::Number(number) => Value::text(number.to_string()),
            value => value,
        }
    }
}

pub(super) fn field_of(fields: Vec<(Ident, Value)>, field: &Ident) -> Value {
    fields.into_iter().find(|(name, _)| name == field).map_or(Value::Unknown, |(_, value)| value)
}

fn negate(value: Value, negated: bool) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(value != negated),
        other => other,
    }
}

/// `value in (list)`
fn among(value: &Value, list: Vec<Value>) -> Value {
    if *value == Value::Null {
        return Value::Null;
    }
    if !value.is_known() {
        return Value::Unknown;
    }
    let unknown = !list.iter().all(Value::is_known);
    if list.iter().any(|item| item == value) {
        Value::Bool(true)
    } else if unknown {
        Value::Unknown
    } else {
        Value::Bool(false)
    }
}

fn operate(op: &str, left: Value, right: Value) -> Value {
    match (op, left, right) {
        (_, Value::Unknown, _) | (_, _, Value::Unknown) => Value::Unknown,
        (_, Value::Null, _) | (_, _, Value::Null) => Value::Null,
        ("||", Value::Something | Value::Definition, _) | ("||", _, Value::Something | Value::Definition) => {
            Value::Something
        }
        (_, Value::Something | Value::Definition | Value::Acl { .. }, _)
        | (_, _, Value::Something | Value::Definition | Value::Acl { .. }) => Value::Unknown,
        ("||", Value::Text(left), Value::Text(right)) => Value::text(format!("{left}{right}")),
        ("||", Value::List(mut left), Value::List(right)) => {
            left.extend(right);
            Value::List(left)
        }
        ("||", Value::List(mut left), item) => {
            left.push(item);
            Value::List(left)
        }
        ("@>", Value::List(all), Value::List(some)) | ("<@", Value::List(some), Value::List(all)) => {
            contains(&all, &some, |found, count| found == count)
        }
        ("&&", Value::List(left), Value::List(right)) => contains(&left, &right, |found, _| found > 0),
        ("+", Value::Number(left), Value::Number(right)) => {
            left.checked_add(right).map_or(Value::Unknown, Value::Number)
        }
        ("-", Value::Number(left), Value::Number(right)) => {
            left.checked_sub(right).map_or(Value::Unknown, Value::Number)
        }
        ("*", Value::Number(left), Value::Number(right)) => {
            left.checked_mul(right).map_or(Value::Unknown, Value::Number)
        }
        ("=", left, right) => comparable(&left, &right).map_or(Value::Unknown, Value::Bool),
        ("<>" | "!=", left, right) => {
            comparable(&left, &right).map_or(Value::Unknown, |equal| Value::Bool(!equal))
        }
        ("<", Value::Number(left), Value::Number(right)) => Value::Bool(left < right),
        (">", Value::Number(left), Value::Number(right)) => Value::Bool(left > right),
        ("<=", Value::Number(left), Value::Number(right)) => Value::Bool(left <= right),
        (">=", Value::Number(left), Value::Number(right)) => Value::Bool(left >= right),
        ("~~", Value::Text(text), Value::Text(pattern)) => Value::Bool(like(&text, &pattern)),
        ("!~~", Value::Text(text), Value::Text(pattern)) => Value::Bool(!like(&text, &pattern)),
        ("~~*", Value::Text(text), Value::Text(pattern)) => {
            Value::Bool(like(&text.to_lowercase(), &pattern.to_lowercase()))
        }
        ("!~~*", Value::Text(text), Value::Text(pattern)) => {
            Value::Bool(!like(&text.to_lowercase(), &pattern.to_lowercase()))
        }
        _ => Value::Unknown,
    }
}

/// Whether as many items of one list are in the other as are asked for; null is in none.
fn contains(list: &[Value], items: &[Value], is_enough: fn(usize, usize) -> bool) -> Value {
    if !list.iter().chain(items).all(Value::is_known) {
        return Value::Unknown;
    }
    let found = items.iter().filter(|item| **item != Value::Null && list.contains(item)).count();
    Value::Bool(is_enough(found, items.len()))
}

/// Whether two values are equal, when that can be told; null is equal to nothing.
pub(super) fn is_equal(left: Value, right: Value) -> Option<bool> {
    match operate("=", left, right) {
        Value::Bool(equal) => Some(equal),
        Value::Null => Some(false),
        _ => None,
    }
}

/// Equality of values of one kind; an object and its name do not compare. No object has the number 0.
fn comparable(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Object(_), Value::Number(0)) | (Value::Number(0), Value::Object(_)) => return Some(false),
        // `roles = '{public}'`, `polroles = '{0}'`
        (Value::List(items), Value::Text(text)) | (Value::Text(text), Value::List(items)) => {
            let as_text = |item: &Value| match item {
                Value::Number(number) => Some(Value::text(number.to_string())),
                Value::Text(_) => Some(item.clone()),
                _ => None,
            };
            let items: Option<Vec<_>> = items.iter().map(as_text).collect();
            return items.zip(array_literal(text)).map(|(items, list)| items == list);
        }
        _ => {}
    }
    (std::mem::discriminant(left) == std::mem::discriminant(right)).then(|| left == right)
}

/// LIKE with `%`, `_` and `\`.
fn like(text: &str, pattern: &str) -> bool {
    let (starts_open, rest) = pattern.strip_prefix('%').map_or((false, pattern), |rest| (true, rest));
    let (ends_open, inner) = rest.strip_suffix('%').map_or((false, rest), |inner| (true, inner));
    if let Some(part) = without_wildcards(inner) {
        let part = part.as_ref();
        return match (starts_open, ends_open) {
            (true, true) => memmem::find(text.as_bytes(), part.as_bytes()).is_some(),
            (true, false) => text.ends_with(part),
            (false, true) => text.starts_with(part),
            (false, false) => text == part,
        };
    }
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to go on if what follows the last `%` does not match here: one character later.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let matches = match pattern.next() {
            Some('%') => {
                retry = Some((text.clone(), pattern.clone()));
                continue;
            }
            None if text.as_str().is_empty() => return true,
            None => false,
            Some('_') => text.next().is_some(),
            Some('\\') if !pattern.as_str().is_empty() => text.next() == pattern.next(),
            Some(wanted) => text.next() == Some(wanted),
        };
        if !matches {
            let Some((later, after)) = &mut retry else { return false };
            if later.next().is_none() {
                return false;
            }
            (text, pattern) = (later.clone(), after.clone());
        }
    }
}

/// The text that a pattern without wildcards stands for.
fn without_wildcards(pattern: &str) -> Option<Cow<'_, str>> {
    if !pattern.bytes().any(|byte| matches!(byte, b'%' | b'_' | b'\\')) {
        return Some(Cow::Borrowed(pattern));
    }
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        match next {
            '%' | '_' => return None,
            '\\' => text.push(rest.next()?),
            plain => text.push(plain),
        }
    }
    Some(Cow::Owned(text))
}

/// `format()` with `%s`, `%I`, `%L`, `%%` and positions. Anything else is not followed.
fn format(template: &str, args: &[Value]) -> Option<String> {
    let mut text = String::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with('$') {
            next = rest[..digits].parse::<usize>().ok()?.checked_sub(1)?;
            rest = &rest[digits + 1..];
        }
        let value = match args.get(next)? {
            Value::Record(fields) if fields.len() == 1 => &fields[0].1,
            value => value,
        };
        next += 1;
        let kind = rest.chars().next()?;
        rest = &rest[kind.len_utf8()..];
        match (kind, value) {
            ('s', Value::Text(value)) => text.push_str(value),
            ('s', Value::Null) => {}
            ('I', Value::Text(value)) => text.push_str(&Ident::new(value).quoted()),
            ('L', Value::Text(value)) => text.push_str(&quote_literal(value)),
            ('L', Value::Null) => text.push_str("NULL"),
            // The model holds no passwords.
            ('L', Value::Unknown | Value::Something) if ends_in_password(&text) => text.push_str("''"),
            _ => return None,
        }
    }
    text.push_str(rest);
    Some(text)
}

fn ends_in_password(text: &str) -> bool {
    text.split_whitespace().last().is_some_and(|word| word.eq_ignore_ascii_case("password"))
}

fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The items of `{a,b}`; quotes within are not followed.
pub(super) fn array_literal(text: &str) -> Option<Vec<Value>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains(['"', '\\', '{']) {
        return None;
    }
    let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(items.map(Value::text).collect())
}

#[cfg(test)]
mod tests {
    use super::like;

    /// Measured on PostgreSQL 15.
    #[test]
    fn like_knows_wildcards() {
        for (text, pattern) in [
            ("orders", "orders"),
            ("orders", "%"),
            ("orders", "o%s"),
            ("orders", "%d_rs"),
            ("user_id", "%\\_id"),
            ("50% off", "50\\%%"),
            ("a\\", "%\\\\"),
            ("aab", "%ab"),
            ("ababac", "%aba%c"),
            ("a_b", "a\\_b"),
            ("größe", "gr__e"),
            ("", "%%"),
        ] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("orders", "order"),
            ("order", "orders"),
            ("axb", "a\\_b"),
            ("userid", "%\\_id"),
            ("user_ids", "%\\_id"),
            ("50 off", "50\\%%"),
            ("", "_"),
            ("abc", "%b"),
            ("ab", "%abc%"),
        ] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
    }
}
