//! Constraints, indexes and expressions as the server prints them: `pg_get_constraintdef`,
//! `pg_get_expr` and their kin, with every pair of parentheses and the casts that PostgreSQL put in.
//!
//! Blocks look for words in these texts. Nothing is printed where a cast, an operator or a function is
//! not known to be printed so: `ruleutils.c`, compared with a server by the oracle's cases.

use crate::catalog::Catalog;
use crate::catalog::bind::column_name;
use crate::catalog::index::{Index, IndexKey, IndexKeyValue};
use crate::catalog::name::QName;
use crate::catalog::table::{Column, Constraint, ConstraintKind, ForeignKey, Table};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::sql::expr::{Call, Expr, Literal, Oid, QueryBody, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::sql::statement::ReferentialAction;

/// Numbers, each of which turns into those behind it.
const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "numeric", "float4", "float8"];

/// The place of `float4` among them.
const REAL: usize = 4;

/// Types that have operators of their own for comparisons, and values that are printed as written.
const COMPARED: [&str; 11] = [
    "text",
    "bool",
    "uuid",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "jsonb",
    "inet",
    "bytea",
];

const COMPARISONS: [&str; 7] = ["=", "<>", "!=", "<", ">", "<=", ">="];

const MATCHES: [&str; 8] = ["~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"];

impl Catalog {
    /// `pg_get_constraintdef(oid)`; `None` where it is not known how it reads.
    pub(super) fn constraint_definition(&self, table: &Table, constraint: &Constraint) -> Option<String> {
        let columns = |attnums: &[i16]| names_of(&table.columns, attnums);
        let mut text = match &constraint.kind {
            ConstraintKind::PrimaryKey { columns: attnums } => {
                format!("PRIMARY KEY ({})", columns(attnums)?) + &included(table, &constraint.name)?
            }
            ConstraintKind::Unique { columns: attnums } => {
                let index = table.indexes.get(&constraint.name)?;
                let nulls = if index.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
                format!("UNIQUE{nulls} ({})", columns(attnums)?) + &included(table, &constraint.name)?
            }
            ConstraintKind::ForeignKey(key) => self.foreign_key_definition(table, key)?,
            ConstraintKind::Check { expr, .. } => {
                let inherit = if constraint.no_inherit { " NO INHERIT" } else { "" };
                format!("CHECK ({}){inherit}", self.printed_expression(table.oid, expr)?)
            }
            ConstraintKind::Exclude { .. } => return None,
        };
        for (said, words) in [
            (constraint.deferrable, " DEFERRABLE"),
            (constraint.initially_deferred, " INITIALLY DEFERRED"),
            (!constraint.validated.value, " NOT VALID"),
        ] {
            text += if said { words } else { "" };
        }
        Some(text)
    }

    fn foreign_key_definition(&self, table: &Table, key: &ForeignKey) -> Option<String> {
        let other = self.tables.get(&key.references)?;
        let action = |event: &str, action: ReferentialAction| match action {
            ReferentialAction::NoAction => String::new(),
            ReferentialAction::Restrict => format!(" ON {event} RESTRICT"),
            ReferentialAction::Cascade => format!(" ON {event} CASCADE"),
            ReferentialAction::SetNull => format!(" ON {event} SET NULL"),
            ReferentialAction::SetDefault => format!(" ON {event} SET DEFAULT"),
        };
        Some(format!(
            "FOREIGN KEY ({}) REFERENCES {}({}){}{}",
            names_of(&table.columns, &key.columns)?,
            self.name_as_seen(&other.name),
            names_of(&other.columns, &key.referenced_columns)?,
            action("UPDATE", key.on_update),
            action("DELETE", key.on_delete),
        ))
    }

    /// `pg_indexes.indexdef`; `None` where it is not known how it reads.
    pub(super) fn index_definition(&self, table: &Table, index: &Index) -> Option<String> {
        let mut keys = Vec::new();
        for key in &index.keys {
            keys.push(self.index_key(table, index, key)?);
        }
        if !index.options.is_empty() {
            return None;
        }
        let unique = if index.unique { "UNIQUE " } else { "" };
        let nulls = if index.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
        let include = match index.include.as_slice() {
            [] => String::new(),
            attnums => format!(" INCLUDE ({})", names_of(&table.columns, attnums)?),
        };
        let predicate = match &index.predicate {
            Some(predicate) => format!(" WHERE {}", self.printed_expression(table.oid, predicate)?),
            None => String::new(),
        };
        Some(format!(
            "CREATE {unique}INDEX {} ON {} USING {} ({}){include}{nulls}{predicate}",
            index.name.quoted(),
            table.name.quoted(),
            index.method.quoted(),
            keys.join(", "),
        ))
    }

    fn index_key(&self, table: &Table, index: &Index, key: &IndexKey) -> Option<String> {
        let mut text = match &key.value {
            IndexKeyValue::Column(attnum) => names_of(&table.columns, &[*attnum])?,
            IndexKeyValue::Expr(expr @ Expr::Call(call)) if call.name.schema.is_none() => {
                self.printed_expression(table.oid, expr)?
            }
            IndexKeyValue::Expr(expr) => format!("({})", self.printed_expression(table.oid, expr)?),
        };
        if key.collation.is_some() {
            return None;
        }
        match key.operator_class.as_deref() {
            None => {}
            // Classes that are no type's default.
            Some(class @ ("gin_trgm_ops" | "gist_trgm_ops" | "jsonb_path_ops" | "text_pattern_ops")) => {
                text += &format!(" {class}");
            }
            Some(_) => return None,
        }
        text += match (key.descending, key.nulls_first) {
            _ if index.method != "btree" => "",
            (true, true) => " DESC",
            (true, false) => " DESC NULLS LAST",
            (false, true) => " NULLS FIRST",
            (false, false) => "",
        };
        Some(text)
    }

    /// `pg_get_expr` of an expression over the columns of one relation; `None` where it is not known how
    /// it reads.
    pub(super) fn printed_expression(&self, relation: Oid, expr: &Expr) -> Option<String> {
        let printer = Printer { catalog: self, columns: self.columns_of(relation)?.0 };
        Some(printer.expr(expr)?.text())
    }

    /// A name as the server prints it: bare where the `search_path` finds it.
    fn name_as_seen(&self, name: &QName) -> String {
        let is_visible = self.search_path().any(|schema| schema == name.schema);
        if is_visible { name.name.quoted() } else { name.quoted() }
    }

    fn type_as_seen(&self, data_type: &DataType) -> Option<String> {
        let name = match &data_type.base {
            TypeRef::Builtin(_) => return Some(data_type.display(self)),
            TypeRef::User(oid) => &self.types.get(oid)?.name,
            TypeRef::Row(_) | TypeRef::Unknown(_) => return None,
        };
        let brackets = if data_type.array { "[]" } else { "" };
        data_type.modifiers.is_empty().then(|| self.name_as_seen(name) + brackets)
    }
}

/// What the index of a constraint has besides its keys.
fn included(table: &Table, constraint: &Ident) -> Option<String> {
    let index = table.indexes.get(constraint)?;
    Some(match index.include.as_slice() {
        [] => String::new(),
        attnums => format!(" INCLUDE ({})", names_of(&table.columns, attnums)?),
    })
}

fn names_of(columns: &[Column], attnums: &[i16]) -> Option<String> {
    let name = |attnum: &i16| Some(columns.iter().find(|column| column.attnum == *attnum)?.name.quoted());
    let names: Option<Vec<String>> = attnums.iter().map(name).collect();
    Some(names?.join(", "))
}

/// A part of an expression as it is printed.
#[derive(Clone)]
enum Term {
    /// A string that takes its type from what stands beside it.
    Open(String),
    Typed(String, DataType),
}

impl Term {
    fn text(self) -> String {
        match self {
            Self::Open(text) => format!("{}::text", in_quotes(&text)),
            Self::Typed(text, _) => text,
        }
    }

    fn data_type(&self) -> Option<&DataType> {
        match self {
            Self::Open(_) => None,
            Self::Typed(_, data_type) => Some(data_type),
        }
    }
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn builtin(text: String, name: &str) -> Term {
    Term::Typed(text, DataType::builtin(name))
}

struct Printer<'c> {
    catalog: &'c Catalog,
    columns: &'c [Column],
}

impl Printer<'_> {
    fn expr(&self, expr: &Expr) -> Option<Term> {
        let truth = |text: String| Some(builtin(text, "bool"));
        match expr {
            Expr::Literal(Literal::Bool(value)) => truth(value.to_string()),
            Expr::Literal(Literal::String(text)) => Some(Term::Open(text.clone())),
            Expr::Literal(Literal::Number(number)) => number_term(number),
            Expr::Column(column) => {
                let Target::Column { attnum, .. } = column.target else { return None };
                let column = self.columns.iter().find(|column| column.attnum == attnum)?;
                Some(Term::Typed(column.name.quoted(), column.data_type.value.clone()))
            }
            Expr::And(list) => truth(self.connected(list, " AND ")?),
            Expr::Or(list) => truth(self.connected(list, " OR ")?),
            Expr::Not(inner) => truth(format!("(NOT {})", self.truth(inner)?)),
            Expr::IsNull { expr, negated } => {
                let term = self.expr(expr)?;
                let is_row = term.data_type().is_none_or(|it| matches!(it.base, TypeRef::Row(_)));
                let words = if *negated { "IS NOT NULL" } else { "IS NULL" };
                if is_row { None } else { truth(format!("({} {words})", term.text())) }
            }
            Expr::IsBool { expr, value, negated } => {
                let not = if *negated { "NOT " } else { "" };
                let word = match value {
                    Some(true) => "TRUE",
                    Some(false) => "FALSE",
                    None => "UNKNOWN",
                };
                truth(format!("({} IS {not}{word})", self.truth(expr)?))
            }
            Expr::Distinct { left, right, negated } => {
                let (left, right) = self.comparable("=", self.expr(left)?, self.expr(right)?)?;
                let text = format!("({left} IS DISTINCT FROM {right})");
                truth(if *negated { format!("(NOT {text})") } else { text })
            }
            Expr::Between { expr, low, high, negated } => {
                let (under, word, over) = if *negated { ("<", "OR", ">") } else { (">=", "AND", "<=") };
                let low = self.binary(under, self.expr(expr)?, self.expr(low)?)?.text();
                let high = self.binary(over, self.expr(expr)?, self.expr(high)?)?.text();
                truth(format!("({low} {word} {high})"))
            }
            Expr::In { expr, list, negated } => self.among(expr, list, *negated),
            Expr::OpArray { op, all, left, right } if COMPARISONS.contains(&op.as_str()) => {
                let Expr::Array(items) = right.uncast() else { return None };
                let elements: Option<Vec<Term>> = items.iter().map(|item| self.expr(item)).collect();
                let open = DataType::builtin("text");
                let common = elements.iter().flatten().find_map(Term::data_type).unwrap_or(&open).clone();
                let written = match &**right {
                    Expr::Cast { to, .. } => self.catalog.resolve_data_type(to),
                    _ => DataType { array: true, ..common.clone() },
                };
                let element = DataType { array: false, ..written };
                if element.base != common.base && elements.iter().flatten().any(|it| it.data_type().is_some())
                {
                    return None;
                }
                self.any_of(op, *all, self.expr(left)?, elements?, &element)
            }
            Expr::Op { op, left: Some(left), right } => self.binary(op, self.expr(left)?, self.expr(right)?),
            Expr::Cast { expr, to } => self.cast(self.expr(expr)?, &self.catalog.resolve_data_type(to)),
            Expr::Array(items) => {
                let items: Option<Vec<Term>> = items.iter().map(|item| self.expr(item)).collect();
                let items = items?;
                let open = DataType::builtin("text");
                let element = items.iter().find_map(Term::data_type).unwrap_or(&open).clone();
                Some(Term::Typed(self.array(items, &element)?, DataType { array: true, ..element }))
            }
            Expr::Coalesce(list) => {
                let items: Option<Vec<Term>> = list.iter().map(|item| self.expr(item)).collect();
                let items = items?;
                let common = items.iter().find_map(Term::data_type)?.clone();
                let items: Option<Vec<String>> =
                    items.into_iter().map(|item| self.turned(item, &common, false)).collect();
                Some(Term::Typed(format!("COALESCE({})", items?.join(", ")), common))
            }
            Expr::Session("current_date") => Some(builtin("CURRENT_DATE".into(), "date")),
            Expr::Session("current_timestamp") => Some(builtin("CURRENT_TIMESTAMP".into(), "timestamptz")),
            Expr::Call(call) => self.call(call),
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Scalar => {
                let QueryBody::Select(select) = &sublink.query.body else { return None };
                let [target] = select.targets.as_slice() else { return None };
                let is_plain = select.from.is_empty() && select.filter.is_none() && target.alias.is_none();
                let Term::Typed(text, data_type) = self.expr(&target.expr)? else { return None };
                let name = column_name(&target.expr);
                is_plain.then(|| Term::Typed(format!("( SELECT {text} AS {})", name.quoted()), data_type))
            }
            _ => None,
        }
    }

    fn truth(&self, expr: &Expr) -> Option<String> {
        let term = self.expr(expr)?;
        term.data_type()?.is_builtin("bool").then(|| term.text())
    }

    fn connected(&self, list: &[Expr], word: &str) -> Option<String> {
        let parts: Option<Vec<String>> = list.iter().map(|part| self.truth(part)).collect();
        Some(format!("({})", parts?.join(word)))
    }

    /// IN with constants, which is ANY of an array; with one it is a comparison.
    fn among(&self, expr: &Expr, list: &[Expr], negated: bool) -> Option<Term> {
        let op = if negated { "<>" } else { "=" };
        let value = self.expr(expr)?;
        if list.iter().any(|item| item.any(&|part| matches!(part, Expr::Column(_)))) {
            return None;
        }
        if let [item] = list {
            return self.binary(op, value, self.expr(item)?);
        }
        let items: Option<Vec<Term>> = list.iter().map(|item| self.expr(item)).collect();
        let items = items?;
        let mut element = value.data_type()?.clone();
        element.modifiers.clear();
        // The smallest number that all turn into.
        for item in items.iter().filter_map(Term::data_type) {
            match (rank(&element), rank(item)) {
                (Some(own), Some(other)) if own < other => element = item.clone(),
                (Some(_), Some(_)) => {}
                _ if item.base == element.base => {}
                _ => return None,
            }
        }
        self.any_of(op, negated, value, items, &element)
    }

    /// `value op ANY (ARRAY[…])`
    fn any_of(&self, op: &str, all: bool, value: Term, items: Vec<Term>, element: &DataType) -> Option<Term> {
        let mut array = self.array(items, element)?;
        let Term::Typed(mut text, data_type) = value else { return None };
        if is_text(element) || is_text(&data_type) {
            // There are no operators of varchar: it is compared as text.
            let is_varchar = |data_type: &DataType| data_type.is_builtin("varchar");
            if data_type.is_builtin("bpchar") != element.is_builtin("bpchar") {
                return None;
            }
            if is_varchar(&data_type) {
                text = format!("({text})::text");
            }
            if is_varchar(element) {
                array = format!("({array})::text[]");
            }
        } else {
            let is_integer = rank(&data_type).is_some_and(|rank| rank <= 2);
            if !self.is_comparable(&data_type) || data_type.base != element.base && !is_integer {
                return None;
            }
        }
        let quantifier = if all { "ALL" } else { "ANY" };
        Some(builtin(format!("({text} {} {quantifier} ({array}))", printed_operator(op)), "bool"))
    }

    fn array(&self, items: Vec<Term>, element: &DataType) -> Option<String> {
        let items: Option<Vec<String>> =
            items.into_iter().map(|item| self.turned(item, element, false)).collect();
        Some(format!("ARRAY[{}]", items?.join(", ")))
    }

    fn binary(&self, op: &str, left: Term, right: Term) -> Option<Term> {
        let printed = |left: String, right: String| format!("({left} {} {right})", printed_operator(op));
        if COMPARISONS.contains(&op) {
            let (left, right) = self.comparable(op, left, right)?;
            return Some(builtin(printed(left, right), "bool"));
        }
        let text = DataType::builtin("text");
        if MATCHES.contains(&op) {
            let is_char = left.data_type()?.is_builtin("bpchar");
            let left = if is_char { left.text() } else { self.turned(left, &text, false)? };
            return Some(builtin(printed(left, self.turned(right, &text, false)?), "bool"));
        }
        match op {
            "-" if ["date", "timestamp", "timestamptz"].iter().any(|it| is_both(&left, &right, it)) => {
                let result = if is_both(&left, &right, "date") { "int4" } else { "interval" };
                Some(builtin(printed(left.text(), right.text()), result))
            }
            "+" | "-" | "*" | "/" | "%" => {
                let (Some(own), Some(other)) =
                    (left.data_type().and_then(rank), right.data_type().and_then(rank))
                else {
                    return None;
                };
                let result =
                    if own != other && own.max(other) >= REAL { "float8" } else { NUMBERS[own.max(other)] };
                let (left, right) = self.comparable("=", left, right)?;
                Some(builtin(printed(left, right), result))
            }
            "||" if left.data_type().is_none_or(is_text) && right.data_type().is_none_or(is_text) => {
                let (left, right) = (self.turned(left, &text, false)?, self.turned(right, &text, false)?);
                Some(Term::Typed(printed(left, right), text))
            }
            "->" | "->>" | "?" => {
                let Term::Typed(document, data_type) = left else { return None };
                let is_json = data_type.is_builtin("json") && op != "?" || data_type.is_builtin("jsonb");
                let key = match &right {
                    Term::Typed(number, key) if key.is_builtin("int4") => number.clone(),
                    _ => self.turned(right, &text, false)?,
                };
                let result = match op {
                    "->" => data_type,
                    "->>" => text,
                    _ => DataType::builtin("bool"),
                };
                is_json.then(|| Term::Typed(printed(document, key), result))
            }
            "@>" | "<@" | "&&" => {
                let (one, other) = (left.data_type()?, right.data_type()?);
                let same = one.array && other.array && one.base == other.base && !one.is_builtin("varchar");
                same.then(|| builtin(printed(left.text(), right.text()), "bool"))
            }
            _ => None,
        }
    }

    /// Both sides of a comparison, with the casts that they get.
    fn comparable(&self, op: &str, left: Term, right: Term) -> Option<(String, String)> {
        let known = left.data_type().or(right.data_type())?;
        let both = [left.data_type().unwrap_or(known), right.data_type().unwrap_or(known)];
        let common = match both.map(rank) {
            // Integers of different sizes are compared as they are.
            [Some(one), Some(other)] if one.max(other) <= 2 => {
                return match (left, right) {
                    (Term::Typed(left, _), Term::Typed(right, _)) => Some((left, right)),
                    _ => None,
                };
            }
            [Some(one), Some(other)] if one == other => NUMBERS[one].into(),
            // There are operators of real and double precision.
            [Some(REAL), Some(_)] => {
                return Some((left.text(), self.turned(right, &DataType::builtin("float8"), false)?));
            }
            [Some(_), Some(REAL)] => {
                return Some((self.turned(left, &DataType::builtin("float8"), false)?, right.text()));
            }
            [Some(one), Some(other)] => NUMBERS[one.max(other)].into(),
            _ if both.iter().all(|it| is_text(it)) => {
                let chars = both.iter().filter(|it| it.is_builtin("bpchar")).count();
                match chars {
                    0 => "text".into(),
                    2 => "bpchar".into(),
                    _ => return None,
                }
            }
            _ if both[0].base == both[1].base && both[0].array == both[1].array => {
                let same = both[0].clone();
                let is_ordered = !same.is_builtin("json") && self.is_comparable(&same);
                let fits = is_ordered && (op == "=" || op == "<>" || !same.array);
                return if fits {
                    Some((self.turned(left, &same, false)?, self.turned(right, &same, false)?))
                } else {
                    None
                };
            }
            _ => return None,
        };
        let common = DataType { base: TypeRef::Builtin(common), modifiers: Vec::new(), array: false };
        Some((self.turned(left, &common, false)?, self.turned(right, &common, false)?))
    }

    /// Whether values of a type are compared without being turned into another.
    fn is_comparable(&self, data_type: &DataType) -> bool {
        match &data_type.base {
            TypeRef::Builtin(name) => COMPARED.contains(&name.as_str()) || rank(data_type).is_some(),
            TypeRef::User(oid) => {
                matches!(self.catalog.types.get(oid).map(|it| &it.kind), Some(UserTypeKind::Enum { .. }))
            }
            TypeRef::Row(_) | TypeRef::Unknown(_) => false,
        }
    }

    /// A term as a value of a type: a string becomes a constant, anything else is cast where it has to.
    fn turned(&self, term: Term, to: &DataType, explicit: bool) -> Option<String> {
        match term {
            Term::Open(text) => {
                let plain = DataType { modifiers: Vec::new(), ..to.clone() };
                let is_enum = matches!(to.base, TypeRef::User(_)) && self.is_comparable(to);
                let is_as_written = !to.array && (is_text(to) || is_enum)
                    || to.is_builtin("date") && is_plain_date(&text)
                    || to.is_builtin("jsonb") && ["[]", "{}"].contains(&text.as_str())
                    || to.is_builtin("json")
                    || to.array && text == "{}";
                let fits = is_as_written && (to.modifiers.is_empty() || !explicit);
                if fits {
                    Some(format!("{}::{}", in_quotes(&text), self.catalog.type_as_seen(&plain)?))
                } else {
                    None
                }
            }
            Term::Typed(text, own)
                if own.base == to.base
                    && own.array == to.array
                    && (!explicit || to.modifiers.is_empty() || own.modifiers == to.modifiers) =>
            {
                Some(text)
            }
            Term::Typed(text, own) => {
                let is_implicit = match (rank(&own), rank(to)) {
                    (Some(own), Some(to)) => own < to,
                    _ => is_text(&own) && (is_text(to)),
                };
                let fits = (explicit || is_implicit) && !(own.array || to.array);
                if fits { Some(format!("({text})::{}", self.catalog.type_as_seen(to)?)) } else { None }
            }
        }
    }

    fn cast(&self, term: Term, to: &DataType) -> Option<Term> {
        Some(Term::Typed(self.turned(term, to, true)?, to.clone()))
    }

    fn call(&self, call: &Call) -> Option<Term> {
        if let Some(function) = call.target.and_then(|oid| self.catalog.functions.get(&oid)) {
            let inputs: Vec<&DataType> = function.inputs().map(|input| &input.data_type).collect();
            let crate::catalog::function::Returns::Type(result) = &function.returns else { return None };
            if inputs.len() != call.args.len() || call.args.iter().any(|arg| arg.argument_name().is_some()) {
                return None;
            }
            let name = self.catalog.name_as_seen(&function.name);
            return Some(Term::Typed(self.called(&name, call, &inputs)?, result.clone()));
        }
        let name = call.name.name.as_str();
        let written_by_name = match call.name.schema.as_deref() {
            None => true,
            // How the parser gives what has a syntax of its own.
            Some("pg_catalog") => false,
            Some(_) => return None,
        };
        let args: Option<Vec<Term>> = call.args.iter().map(|arg| self.expr(arg)).collect();
        let args = args?;
        let (text, int4) = (DataType::builtin("text"), DataType::builtin("int4"));
        let first = args.first().and_then(Term::data_type).cloned();
        if !written_by_name {
            return match (name, args.as_slice()) {
                // Casts that nobody wrote are left out here.
                ("btrim", [value]) if first.as_ref().is_none_or(is_text) => {
                    Some(builtin(format!("TRIM(BOTH FROM {})", value.clone().text()), "text"))
                }
                ("position", [whole, part]) if first.as_ref().is_none_or(is_text) => {
                    let (whole, part) = (whole.clone().text(), part.clone().text());
                    Some(builtin(format!("POSITION(({part}) IN ({whole}))"), "int4"))
                }
                ("extract", [Term::Open(field), Term::Typed(value, _)]) => {
                    Some(builtin(format!("EXTRACT({field} FROM {value})"), "numeric"))
                }
                _ => None,
            };
        }
        let (inputs, result): (Vec<&DataType>, &str) = match (name, args.len()) {
            ("char_length" | "character_length" | "length" | "octet_length", 1) => {
                let own = first.as_ref().filter(|it| it.is_builtin("bpchar") || it.is_builtin("bytea"));
                (vec![own.unwrap_or(&text)], "int4")
            }
            ("lower" | "upper" | "btrim" | "ltrim" | "rtrim" | "md5" | "initcap", 1) => (vec![&text], "text"),
            ("btrim" | "ltrim" | "rtrim", 2) => (vec![&text; 2], "text"),
            ("replace" | "regexp_replace", 3) => (vec![&text; 3], "text"),
            ("left" | "right", 2) => (vec![&text, &int4], "text"),
            ("starts_with", 2) => (vec![&text; 2], "bool"),
            ("jsonb_typeof" | "json_typeof", 1) => (vec![first.as_ref()?], "text"),
            ("jsonb_array_length" | "json_array_length", 1) => (vec![first.as_ref()?], "int4"),
            ("cardinality", 1) => (vec![first.as_ref().filter(|it| it.array)?], "int4"),
            ("array_length", 2) => (vec![first.as_ref().filter(|it| it.array)?, &int4], "int4"),
            ("now" | "clock_timestamp" | "statement_timestamp", 0) => (Vec::new(), "timestamptz"),
            ("gen_random_uuid", 0) => (Vec::new(), "uuid"),
            ("num_nonnulls" | "num_nulls", 1..) => {
                let own: Option<Vec<&DataType>> = args.iter().map(Term::data_type).collect();
                (own?, "int4")
            }
            _ => return None,
        };
        Some(builtin(self.called(name, call, &inputs)?, result))
    }

    fn called(&self, name: &str, call: &Call, inputs: &[&DataType]) -> Option<String> {
        let args: Option<Vec<String>> = call
            .args
            .iter()
            .zip(inputs)
            .map(|(arg, input)| self.turned(self.expr(arg)?, input, false))
            .collect();
        Some(format!("{name}({})", args?.join(", ")))
    }
}

/// `<>` may be written otherwise.
fn printed_operator(op: &str) -> &str {
    if op == "!=" { "<>" } else { op }
}

/// A number without a cast; a negative one is written as a string, as it would read as an operator.
fn number_term(number: &str) -> Option<Term> {
    if number.contains(['e', 'E', 'x', 'X', '_']) {
        return None;
    }
    let is_negative = number.starts_with('-');
    if number.contains('.') {
        let text = if is_negative { format!("'{number}'::numeric") } else { number.to_string() };
        let is_canonical = number.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
            && number.ends_with(|c: char| c.is_ascii_digit());
        return is_canonical.then(|| builtin(text, "numeric"));
    }
    let value: i64 = number.parse().ok()?;
    Some(match i32::try_from(value) {
        Ok(_) if is_negative => builtin(format!("'{value}'::integer"), "int4"),
        Ok(_) => builtin(value.to_string(), "int4"),
        Err(_) => builtin(format!("'{value}'::bigint"), "int8"),
    })
}

/// The place of a type among the numbers.
fn rank(data_type: &DataType) -> Option<usize> {
    let TypeRef::Builtin(name) = &data_type.base else { return None };
    NUMBERS.iter().position(|number| *number == name.as_str()).filter(|_| !data_type.array)
}

fn is_both(left: &Term, right: &Term, name: &str) -> bool {
    [left, right].iter().all(|term| term.data_type().is_some_and(|it| it.is_builtin(name)))
}

fn is_text(data_type: &DataType) -> bool {
    ["text", "varchar", "bpchar"].iter().any(|name| data_type.is_builtin(name))
}

fn is_plain_date(text: &str) -> bool {
    let digits = |at: &[usize]| at.iter().all(|at| text.as_bytes()[*at].is_ascii_digit());
    text.len() == 10
        && digits(&[0, 1, 2, 3, 5, 6, 8, 9])
        && [4, 7].iter().all(|at| text.as_bytes()[*at] == b'-')
}
