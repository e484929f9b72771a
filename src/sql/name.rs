//! Names as SQL writes them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::LazyLock;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::source::Span;

/// A name as PostgreSQL stores it: folded to lower case unless it was quoted, cut to 63 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(SmolStr);

impl Ident {
    /// Takes a name that is already folded, and cuts it as the server does.
    pub fn new(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let mut end = name.len().min(63);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        Self(SmolStr::new(&name[..end]))
    }

    /// Takes a name as it is written without quotes.
    pub fn folded(name: &str) -> Self {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Self::new(name.to_ascii_lowercase());
        }
        Self::new(name)
    }

    /// A name that is written in this program: of at most 63 bytes, and folded.
    pub const fn constant(name: &'static str) -> Self {
        Self(SmolStr::new_static(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name as SQL must write it: quoted only where needed.
    pub fn quoted(&self) -> String {
        let plain = !self.0.starts_with(|c: char| c.is_ascii_digit())
            && !self.0.is_empty()
            && self.0.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && !is_reserved(&self.0);
        if plain { self.0.to_string() } else { self.delimited() }
    }

    /// The name in quotes, needed or not.
    pub fn delimited(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl From<&Ident> for SmolStr {
    fn from(name: &Ident) -> Self {
        name.0.clone()
    }
}

impl From<&str> for Ident {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Ident {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl PartialEq<str> for Ident {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Ident {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Borrow<str> for Ident {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Ident {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object's name as a statement writes it, before `search_path` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    pub schema: Option<Ident>,
    pub name: Ident,
    /// Where it is written, the schema included.
    pub span: Span,
}

/// For messages: as SQL can take it.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{}.{}", schema.quoted(), self.name.quoted()),
            None => f.write_str(&self.name.quoted()),
        }
    }
}

/// Whether `quote_ident` puts quotes around a name for being a key word: every key word but the
/// unreserved ones (PostgreSQL manual, appendix C).
pub(super) fn is_reserved(word: &str) -> bool {
    static WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| RESERVED.iter().copied().collect());
    WORDS.contains(word)
}

#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
    "between", "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character",
    "check", "coalesce", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "dec", "decimal", "default", "deferrable", "desc",
    "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for",
    "foreign", "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike",
    "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is",
    "isnull", "join", "json", "json_array", "json_arrayagg", "json_exists", "json_object",
    "json_objectagg", "json_query", "json_scalar", "json_serialize", "json_table", "json_value",
    "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp",
    "merge_action", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null",
    "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay",
    "placing", "position", "precision", "primary", "real", "references", "returning", "right", "row",
    "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric",
    "system_user", "table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat",
    "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic", "verbose",
    "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists",
    "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_on_a_character() {
        let name = Ident::new(format!("{}é", "a".repeat(62)));
        assert_eq!(name.len(), 62);
    }

    #[test]
    fn quotes_only_where_needed() {
        assert_eq!(Ident::new("orders").quoted(), "orders");
        assert_eq!(Ident::new("user").quoted(), "\"user\"");
        assert_eq!(Ident::new("Order Lines").quoted(), "\"Order Lines\"");
        assert_eq!(Ident::new("a\"b").quoted(), "\"a\"\"b\"");
        assert!(RESERVED.is_sorted());
    }
}
