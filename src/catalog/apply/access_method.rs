//! What access methods can index: PostgreSQL refuses types that they have no operator class for.

use crate::catalog::Catalog;
use crate::catalog::index::{IndexKey, IndexKeyValue};
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::source::Span;
use crate::sql::expr::Oid;

/// Built-in types with an order; GIN and GiST have no operator class of their own for them.
const SCALARS: [&str; 19] = [
    "bool",
    "bpchar",
    "bytea",
    "date",
    "float4",
    "float8",
    "int2",
    "int4",
    "int8",
    "interval",
    "json",
    "numeric",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varchar",
];

/// Built-in types without an order.
const UNORDERED: [&str; 8] = ["box", "circle", "json", "line", "path", "point", "polygon", "xml"];

/// The extension that an operator class is of.
pub(in crate::catalog) fn extension_of(class: &str) -> Option<&'static str> {
    match class {
        "gin_trgm_ops" | "gist_trgm_ops" => Some("pg_trgm"),
        "vector_l2_ops" | "vector_ip_ops" | "vector_cosine_ops" => Some("vector"),
        _ => None,
    }
}

impl Catalog {
    /// Notes what an index asks of its access method in vain.
    pub(super) fn expect_access(
        &mut self,
        on: Oid,
        method: &str,
        unique: bool,
        keys: &[IndexKey],
        span: Span,
    ) {
        let Some((name, schema)) = self.relation_name(on) else { return };
        if self.has_own_casts || self.is_in_doubt(&name) {
            return;
        }
        let table = QName { schema, name };
        let of_method = method_misfit(method, unique, keys.len());
        let misfit = of_method.or_else(|| keys.iter().find_map(|key| self.key_misfit(on, method, key)));
        self.unfit.extend(misfit.map(|misfit| misfit.about(&table).at(span)));
    }

    fn key_misfit(&self, on: Oid, method: &str, key: &IndexKey) -> Option<Misfit> {
        let undefined = |why: String| Misfit::refused(SqlState::UNDEFINED_OBJECT, why);
        if let Some(class) = &key.operator_class {
            let extension =
                extension_of(class).filter(|extension| !self.extensions.contains_key(*extension))?;
            let why = format!(
                "the operator class {class} is of the extension {extension}, which no statement before makes"
            );
            return Some(undefined(why).helped_by(
                "make it first: create extension if not exists … with schema extensions; in a migration before",
            ));
        }
        let data_type = match &key.value {
            IndexKeyValue::Column(attnum) => {
                let table = self.tables.get(&on)?;
                let column = table.column_at(*attnum)?;
                let is_set = !self.is_by_failing(column.data_type.origin);
                is_set.then(|| column.data_type.value.clone())?
            }
            IndexKeyValue::Expr(expr) => self.certain_type(expr)?,
        };
        let lacks = match method {
            "btree" | "hash" => data_type.base_is(&UNORDERED) && !data_type.array,
            "gin" => self.is_scalar(&data_type) && !self.extensions.contains_key("btree_gin"),
            "gist" => {
                (self.is_scalar(&data_type) || data_type.array) && !self.extensions.contains_key("btree_gist")
            }
            _ => false,
        };
        let (words, help) = match method {
            "gin" => (
                "GIN",
                "index text with `gin_trgm_ops` of the extension pg_trgm, and plain values with btree",
            ),
            "gist" => ("GiST", "make the extension btree_gist first"),
            "hash" => ("hash", "index what is in the value, such as `(value ->> 'key')`"),
            _ => ("btree", "jsonb has an order, json has none; for points and shapes use GiST"),
        };
        let why = format!("{words} has no operator class for the type {}", data_type.display(self));
        lacks.then(|| undefined(why).helped_by(help))
    }

    fn is_scalar(&self, data_type: &DataType) -> bool {
        let is_enum = |oid: &Oid| {
            self.types.get(oid).is_some_and(|found| matches!(found.kind, UserTypeKind::Enum { .. }))
        };
        !data_type.array
            && match &data_type.base {
                TypeRef::Builtin(_) => data_type.base_is(&SCALARS),
                TypeRef::User(oid) => is_enum(oid),
                _ => false,
            }
    }
}

impl DataType {
    fn base_is(&self, names: &[&str]) -> bool {
        matches!(&self.base, TypeRef::Builtin(name) if names.contains(&name.as_str()))
    }
}

fn method_misfit(method: &str, unique: bool, keys: usize) -> Option<Misfit> {
    let why = match method {
        "hash" | "gin" | "gist" | "spgist" | "brin" if unique => "cannot be unique: write btree",
        "hash" | "spgist" if keys > 1 => "can have one column alone: write btree",
        _ => return None,
    };
    Some(Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, format!("an index of the method {method} {why}")))
}
