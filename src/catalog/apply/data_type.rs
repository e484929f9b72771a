//! Names of types to the types that they mean.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::catalog::misfit::Misfit;
use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::{Catalog, Relation};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ObjectKind, TypeName};

impl Catalog {
    /// The type that a statement names here. A type that the catalog does not know stays as written.
    pub fn resolve_data_type(&self, written: &TypeName) -> DataType {
        let found = if written.percent_type {
            self.column_type(&written.name)
        } else {
            self.resolve_type_name(&written.name)
        };
        let mut data_type = found.unwrap_or_else(|| DataType {
            base: TypeRef::Unknown(as_written(&written.name)),
            modifiers: Vec::new(),
            array: false,
        });
        if !written.modifiers.is_empty() {
            data_type.modifiers.clone_from(&written.modifiers);
        }
        data_type.array |= written.dimensions > 0;
        data_type
    }

    /// Notes a type that is not there.
    pub(super) fn expect_type(&mut self, written: &TypeName) {
        if !written.percent_type {
            self.expect_type_name(&written.name);
        }
    }

    pub(super) fn expect_type_name(&mut self, name: &ObjectName) {
        if self.resolve_type_name(name).is_none() {
            let misfit = self.blame_schema(Misfit::missing(ObjectKind::Type, name));
            self.unfit.push(misfit);
        }
    }

    /// The type of a bare or qualified name, without modifiers.
    pub fn resolve_type_name(&self, name: &ObjectName) -> Option<DataType> {
        let at = |schema: &Ident| self.type_in(schema, &name.name);
        match &name.schema {
            Some(schema) => at(schema),
            None => self.search_path().find_map(|schema| at(&schema)),
        }
    }

    pub(in crate::catalog) fn type_in(&self, schema: &Ident, name: &Ident) -> Option<DataType> {
        if let Some(base) = self.base_type_in(schema, name) {
            return Some(DataType { base, modifiers: Vec::new(), array: false });
        }
        // An array's own type has the element's name behind an underscore.
        let element = Ident::new(name.strip_prefix('_')?);
        let base = self.base_type_in(schema, &element)?;
        Some(DataType { base, modifiers: Vec::new(), array: true })
    }

    fn base_type_in(&self, schema: &Ident, name: &Ident) -> Option<TypeRef> {
        if *schema == "pg_catalog" && is_builtin_type(name) {
            return Some(TypeRef::Builtin(name.clone()));
        }
        let qname = crate::catalog::name::QName { schema: schema.clone(), name: name.clone() };
        if let Some(oid) = self.type_names.get(&qname) {
            return Some(TypeRef::User(*oid));
        }
        match self.relation(&qname)? {
            Relation::Table(oid) | Relation::View(oid) => Some(TypeRef::Row(oid)),
            Relation::Composite(oid) => Some(TypeRef::User(oid)),
            Relation::Sequence(_) | Relation::Index { .. } => None,
        }
    }

    /// `orders.id%type`, where the last part is the column and what stands before it the relation.
    /// The schema before that is not kept, so a relation outside of the `search_path` is found by
    /// its name alone.
    fn column_type(&self, written: &ObjectName) -> Option<DataType> {
        let name = ObjectName { schema: None, name: written.schema.clone()?, span: written.span };
        let oid = match self.resolve_relation(&name).map(|(_, relation)| relation) {
            Some(Relation::Table(oid) | Relation::View(oid)) => oid,
            _ => self.tables.values().find(|table| table.name.name == name.name)?.oid,
        };
        let (columns, _) = self.columns_of(oid)?;
        let column = columns.iter().find(|column| column.name == written.name)?;
        Some(column.data_type.value.clone())
    }
}

fn as_written(name: &ObjectName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.quoted(), name.name.quoted()),
        None => name.name.quoted(),
    }
}

/// The internal name of the integer type behind `serial` and its kin, which are no types.
pub fn serial_type(name: &ObjectName) -> Option<&'static str> {
    if name.schema.is_some() {
        return None;
    }
    match name.name.as_str() {
        "serial" | "serial4" => Some("int4"),
        "bigserial" | "serial8" => Some("int8"),
        "smallserial" | "serial2" => Some("int2"),
        _ => None,
    }
}

/// Whether `pg_catalog` has a type of this internal name.
pub fn is_builtin_type(name: &str) -> bool {
    static NAMES: LazyLock<FxHashSet<&str>> = LazyLock::new(|| BUILTIN_TYPES.iter().copied().collect());
    NAMES.contains(name)
}

/// `pg_type` of PostgreSQL 17 without array types and row types of system tables.
#[rustfmt::skip]
const BUILTIN_TYPES: &[&str] = &[
    "aclitem", "any", "anyarray", "anycompatible", "anycompatiblearray", "anycompatiblemultirange",
    "anycompatiblenonarray", "anycompatiblerange", "anyelement", "anyenum", "anymultirange",
    "anynonarray", "anyrange", "bit", "bool", "box", "bpchar", "bytea", "char", "cid", "cidr",
    "circle", "cstring", "date", "datemultirange", "daterange", "event_trigger", "fdw_handler",
    "float4", "float8", "gtsvector", "index_am_handler", "inet", "int2", "int2vector", "int4",
    "int4multirange", "int4range", "int8", "int8multirange", "int8range", "internal", "interval",
    "json", "jsonb", "jsonpath", "language_handler", "line", "lseg", "macaddr", "macaddr8", "money",
    "name", "numeric", "nummultirange", "numrange", "oid", "oidvector", "path", "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary", "pg_ddl_command", "pg_dependencies", "pg_lsn", "pg_mcv_list",
    "pg_ndistinct", "pg_node_tree", "pg_snapshot", "point", "polygon", "record", "refcursor",
    "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper",
    "regoperator", "regproc", "regprocedure", "regrole", "regtype", "table_am_handler", "text", "tid",
    "time", "timestamp", "timestamptz", "timetz", "trigger", "tsm_handler", "tsmultirange", "tsquery",
    "tsrange", "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "unknown", "uuid", "varbit",
    "varchar", "void", "xid", "xid8", "xml",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn written(schema: Option<&str>, name: &str) -> TypeName {
        TypeName {
            name: ObjectName {
                schema: schema.map(Ident::from),
                name: name.into(),
                span: Span::new(FileId(0), 0, 0),
            },
            modifiers: Vec::new(),
            dimensions: 0,
            setof: false,
            percent_type: false,
        }
    }

    #[test]
    fn names_reach_rows_enums_and_columns() {
        let bench = crate::testing::Bench::new(
            "create schema app;
             create type app.mood as enum ('ok');
             create table app.t (id uuid, mood app.mood[]);
             create function f(a app.t, b app.t.id%type, c app.t.mood%type, d public.missing) returns int
               language sql as 'select 1';",
        );
        let table = bench.catalog.table(&crate::catalog::name::QName::new("app", "t")).unwrap();
        let function = bench.catalog.functions.values().find(|function| function.name.name == "f").unwrap();
        let types: Vec<&DataType> = function.inputs().map(|argument| &argument.data_type).collect();
        assert_eq!(types[0].base, TypeRef::Row(table.oid));
        assert!(types[1].is_builtin("uuid") && types[2].array);
        assert_eq!(types[3].base, TypeRef::Unknown("public.missing".into()));
    }

    #[test]
    fn builtin_types_go_by_their_internal_names() {
        let catalog = Catalog::default();
        assert!(BUILTIN_TYPES.is_sorted());
        assert!(catalog.resolve_data_type(&written(Some("pg_catalog"), "int4")).is_builtin("int4"));
        assert!(catalog.resolve_data_type(&written(None, "text")).is_builtin("text"));
        let array = catalog.resolve_data_type(&written(None, "_text"));
        assert_eq!((array.base, array.array), (TypeRef::Builtin("text".into()), true));
        let unknown = catalog.resolve_data_type(&written(Some("public"), "text"));
        assert_eq!(unknown.base, TypeRef::Unknown("public.text".into()));
    }
}
