//! Names of types to the types that they mean.

use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::{Catalog, Relation};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::TypeName;

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

    /// The type of a bare or qualified name, without modifiers.
    pub fn resolve_type_name(&self, name: &ObjectName) -> Option<DataType> {
        let at = |schema: &Ident| self.type_in(schema, &name.name);
        match &name.schema {
            Some(schema) => at(schema),
            None => self.search_path().find_map(|schema| at(&schema)),
        }
    }

    pub(super) fn type_in(&self, schema: &Ident, name: &Ident) -> Option<DataType> {
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
    fn column_type(&self, written: &ObjectName) -> Option<DataType> {
        let relation = written.schema.as_ref()?;
        let (schema, name) = match relation.split_once('.') {
            Some((schema, name)) => (Some(Ident::new(schema)), Ident::new(name)),
            None => (None, relation.clone()),
        };
        let relation = ObjectName { schema, name, span: written.span };
        match self.resolve_relation(&relation)?.1 {
            Relation::Table(oid) => {
                Some(self.tables.get(&oid)?.column(&written.name)?.data_type.value.clone())
            }
            Relation::View(oid) => Some(self.views.get(&oid)?.column(&written.name)?.data_type.value.clone()),
            _ => None,
        }
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
    BUILTIN_TYPES.binary_search(&name).is_ok()
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
