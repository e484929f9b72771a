//! Data types, built in and made by migrations.

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::spatial;

/// The type of a column, argument or result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    pub base: TypeRef,
    /// `(10, 2)` as written.
    pub modifiers: Vec<i64>,
    pub array: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeRef {
    /// A type of `pg_catalog` by its internal name: `int4`, `timestamptz`.
    Builtin(Ident),
    /// A type that the catalog holds.
    User(Oid),
    /// The row type of a relation.
    Row(Oid),
    /// Nothing that the catalog knows, as written.
    Unknown(String),
}

impl DataType {
    pub fn builtin(name: &str) -> Self {
        Self { base: TypeRef::Builtin(Ident::new(name)), modifiers: Vec::new(), array: false }
    }

    pub fn user(oid: Oid) -> Self {
        Self { base: TypeRef::User(oid), modifiers: Vec::new(), array: false }
    }

    /// Whether it is this built-in type, by internal name, and no array of it.
    /// Whether its values, or its elements, are numbers of objects that an upgrade with pg_upgrade does
    /// not keep (PostgreSQL manual, pg_upgrade). `regclass`, `regrole` and `regtype` are kept.
    pub fn names_system_objects(&self) -> bool {
        matches!(&self.base, TypeRef::Builtin(name) if matches!(
            name.as_str(),
            "regcollation"
                | "regconfig"
                | "regdictionary"
                | "regnamespace"
                | "regoper"
                | "regoperator"
                | "regproc"
                | "regprocedure"
        ))
    }

    pub fn is_builtin(&self, name: &str) -> bool {
        !self.array && matches!(&self.base, TypeRef::Builtin(builtin) if *builtin == *name)
    }
}

impl Catalog {
    /// Whether a column of a relation or an attribute of a composite type has this name: then `name(row)` may
    /// mean `row.name` (PostgreSQL manual, 8.16.3).
    pub fn is_attribute(&self, name: &str) -> bool {
        let of_type = |kind: &UserTypeKind| match kind {
            UserTypeKind::Composite { attributes } => attributes.iter().any(|one| one.name == *name),
            _ => false,
        };
        self.types.values().any(|user_type| of_type(&user_type.kind))
            || self.tables.values().any(|table| table.column(name).is_some())
    }
}

impl DataType {
    /// The type as `format_type()` prints it with an empty `search_path`: `character varying(255)`,
    /// `public.mood[]`.
    pub fn display(&self, catalog: &Catalog) -> String {
        self.with_brackets(match &self.base {
            TypeRef::Builtin(name) => builtin_words(name, &self.modifiers, true),
            other => {
                let modifiers = self.spatial_modifier(catalog);
                catalog.type_ref_words(other) + &modifiers.unwrap_or_else(|| in_parentheses(&self.modifiers))
            }
        })
    }

    /// The same without modifiers, as arguments and results of functions are printed.
    pub fn display_bare(&self, catalog: &Catalog) -> String {
        self.with_brackets(match &self.base {
            TypeRef::Builtin(name) => builtin_words(name, &[], false),
            other => catalog.type_ref_words(other),
        })
    }

    /// The modifier of a type of PostGIS, as it is printed.
    pub fn spatial_modifier(&self, catalog: &Catalog) -> Option<String> {
        let name = match &self.base {
            TypeRef::User(oid) => catalog.types.get(oid)?.name.name.as_str(),
            TypeRef::Unknown(written) => written.rsplit('.').next()?,
            TypeRef::Builtin(_) | TypeRef::Row(_) => return None,
        };
        match (name, self.modifiers.as_slice()) {
            ("geometry" | "geography", [modifier]) => Some(spatial::words(*modifier, name == "geography")),
            _ => None,
        }
    }

    fn with_brackets(&self, element: String) -> String {
        if self.array { element + "[]" } else { element }
    }
}

impl Catalog {
    fn type_ref_words(&self, base: &TypeRef) -> String {
        let name = match base {
            TypeRef::Builtin(name) => return name.quoted(),
            TypeRef::User(oid) => self.types.get(oid).map(|user_type| &user_type.name),
            TypeRef::Row(oid) => {
                let table = self.tables.get(oid).map(|table| &table.name);
                table.or_else(|| self.views.get(oid).map(|view| &view.name))
            }
            TypeRef::Unknown(written) => return written.clone(),
        };
        name.map_or_else(|| "unknown".into(), QName::quoted)
    }
}

fn in_parentheses(modifiers: &[i64]) -> String {
    if modifiers.is_empty() {
        return String::new();
    }
    format!("({})", modifiers.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
}

/// A type of `pg_catalog` in SQL's words. `exact` tells `bpchar` from `character`: without a length
/// they are different types of a column, but one and the same type of an argument.
fn builtin_words(name: &Ident, modifiers: &[i64], exact: bool) -> String {
    let precision = || in_parentheses(modifiers);
    match name.as_str() {
        "bool" => "boolean".into(),
        "int2" => "smallint".into(),
        "int4" => "integer".into(),
        "int8" => "bigint".into(),
        "float4" => "real".into(),
        "float8" => "double precision".into(),
        "varchar" => format!("character varying{}", precision()),
        "bpchar" if exact && modifiers.is_empty() => "bpchar".into(),
        "bpchar" => format!("character{}", precision()),
        "varbit" => format!("bit varying{}", precision()),
        "bit" if exact && modifiers.is_empty() => "\"bit\"".into(),
        "bit" => format!("bit{}", precision()),
        "char" => "\"char\"".into(),
        "json" => "json".into(),
        "numeric" => match modifiers {
            [precision] => format!("numeric({precision},0)"),
            _ => format!("numeric{}", precision()),
        },
        "time" => format!("time{} without time zone", precision()),
        "timetz" => format!("time{} with time zone", precision()),
        "timestamp" => format!("timestamp{} without time zone", precision()),
        "timestamptz" => format!("timestamp{} with time zone", precision()),
        "interval" => interval_words(modifiers),
        _ => name.quoted() + &precision(),
    }
}

/// `interval`'s first modifier is a mask of fields, its second the precision of the seconds.
fn interval_words(modifiers: &[i64]) -> String {
    let (fields, precision) = match modifiers {
        [] => return "interval".into(),
        [fields] => (*fields, String::new()),
        [fields, precision, ..] => (*fields, format!("({precision})")),
    };
    let bit = |at: u32| 1i64 << at;
    let (year, month, day) = (bit(2), bit(1), bit(3));
    let (hour, minute, second) = (bit(10), bit(11), bit(12));
    let words = [
        (year, " year"),
        (month, " month"),
        (day, " day"),
        (hour, " hour"),
        (minute, " minute"),
        (second, " second"),
        (year | month, " year to month"),
        (day | hour, " day to hour"),
        (day | hour | minute, " day to minute"),
        (day | hour | minute | second, " day to second"),
        (hour | minute, " hour to minute"),
        (hour | minute | second, " hour to second"),
        (minute | second, " minute to second"),
    ];
    let words = words.iter().find(|(mask, _)| *mask == fields).map_or("", |(_, words)| words);
    format!("interval{words}{precision}")
}

/// A type that a migration, the platform or an extension made.
#[derive(Clone, Debug, PartialEq)]
pub struct UserType {
    pub oid: Oid,
    pub name: QName,
    pub kind: UserTypeKind,
    pub history: History,
    pub owner: Ident,
    pub acl: Acl,
    pub comment: Option<String>,
    /// The extension that it belongs to.
    pub extension: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum UserTypeKind {
    Enum {
        labels: Vec<String>,
    },
    Domain(Domain),
    Composite {
        attributes: Vec<Attribute>,
    },
    Range,
    /// What comes with a range type, and goes with it.
    Multirange {
        range: Oid,
    },
    /// A base type, as extensions make them.
    Base,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    pub base: DataType,
    pub not_null: bool,
    pub has_default: bool,
    /// Names of its CHECK constraints.
    pub checks: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: Ident,
    pub data_type: DataType,
    /// As a column's.
    pub collation: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str, modifiers: &[i64], array: bool) -> String {
        let base = TypeRef::Builtin(name.into());
        DataType { base, modifiers: modifiers.to_vec(), array }.display(&Catalog::default())
    }

    #[test]
    fn builtin_types_in_the_words_of_sql() {
        assert_eq!(words("int4", &[], true), "integer[]");
        assert_eq!(words("varchar", &[255], false), "character varying(255)");
        assert_eq!(words("bpchar", &[1], false), "character(1)");
        assert_eq!(words("bpchar", &[], false), "bpchar");
        assert_eq!(words("numeric", &[10], false), "numeric(10,0)");
        assert_eq!(words("numeric", &[10, 2], true), "numeric(10,2)[]");
        assert_eq!(words("timestamptz", &[3], false), "timestamp(3) with time zone");
        assert_eq!(words("interval", &[], false), "interval");
        assert_eq!(words("interval", &[0x7FFF, 3], false), "interval(3)");
        assert_eq!(words("interval", &[8 | 1 << 10 | 1 << 11 | 1 << 12], false), "interval day to second");
        assert_eq!(words("char", &[], false), "\"char\"");
        assert_eq!(words("tstzrange", &[], false), "tstzrange");
    }
}
