//! Names, types, roles and options.

use std::ffi::c_char;

use pg_raw_parse::list::{NodeList, NodeListIter, empty_list};
use pg_raw_parse::raw::RoleSpecType;
use pg_raw_parse::{ConstValue, Node, nodes as pg};

use super::Cx;
use crate::source::Span;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::parser::List;
use crate::sql::statement::{RoleName, TypeName};
use crate::sql::token::TokenKind;

/// The text of a String node, else nothing.
pub(super) fn string(node: Node<'_>) -> &str {
    node.as_str().unwrap_or_default()
}

pub(super) fn strings<'t>(nodes: impl List<'t>) -> Vec<String> {
    nodes.items().map(|node| string(node).to_owned()).collect()
}

pub(super) fn idents<'t>(nodes: impl List<'t>) -> Vec<Ident> {
    nodes.items().map(|node| Ident::new(string(node))).collect()
}

pub(super) fn required(name: Option<&str>) -> Ident {
    name.map_or_else(Ident::default, Ident::new)
}

pub(super) fn optional(name: Option<&str>) -> Option<Ident> {
    name.filter(|name| !name.is_empty()).map(Ident::new)
}

/// What C's `char` stands for.
pub(super) fn letter(code: c_char) -> char {
    char::from(code as u8)
}

/// The items of a list node.
pub(super) fn items<'t>(node: Node<'t>) -> &'t NodeList {
    match node {
        Node::NodeList(list) => list,
        _ => empty_list::<pg::String>().untyped(),
    }
}

/// The last part of a dotted name and the one before it; a database in front is passed over.
pub(super) fn qualified(mut parts: NodeListIter<'_>, span: Span) -> ObjectName {
    let name = required(parts.next_back().and_then(Node::as_str));
    ObjectName { schema: optional(parts.next_back().and_then(Node::as_str)), name, span }
}

pub(super) fn role(spec: &pg::RoleSpec) -> RoleName {
    match spec.roletype {
        RoleSpecType::ROLESPEC_PUBLIC => RoleName::Public,
        RoleSpecType::ROLESPEC_CURRENT_ROLE
        | RoleSpecType::ROLESPEC_CURRENT_USER
        | RoleSpecType::ROLESPEC_SESSION_USER => RoleName::Current,
        _ => RoleName::Role(required(spec.rolename())),
    }
}

pub(super) fn roles<'t>(nodes: impl List<'t>) -> Vec<RoleName> {
    let spec = |node: Node<'_>| match node {
        Node::RoleSpec(spec) => Some(role(spec)),
        _ => None,
    };
    nodes.items().filter_map(spec).collect()
}

/// The items that are definition elements.
pub(super) fn definitions<'t>(nodes: impl List<'t>) -> impl Iterator<Item = &'t pg::DefElem> {
    nodes.items().filter_map(|node| match node {
        Node::DefElem(element) => Some(element),
        _ => None,
    })
}

/// The definition element of a name.
pub(super) fn definition<'t>(nodes: impl List<'t>, name: &str) -> Option<&'t pg::DefElem> {
    definitions(nodes).find(|element| element.defname() == Some(name))
}

/// The text of an option's or a setting's value.
pub(super) fn value(node: Node<'_>) -> Option<String> {
    let mut node = node;
    while let Node::TypeCast(cast) = node {
        node = cast.arg();
    }
    Some(match node {
        Node::String(text) => text.sval()?.to_owned(),
        Node::Integer(number) => number.ival.to_string(),
        Node::Float(number) => number.fval()?.to_owned(),
        Node::Boolean(value) => value.boolval.to_string(),
        Node::TypeName(name) => string(name.names().items().next_back()?).to_owned(),
        Node::A_Const(constant) => match constant.val()? {
            ConstValue::Integer(number) => number.to_string(),
            ConstValue::Boolean(value) => value.to_string(),
            ConstValue::Float(text) | ConstValue::String(text) | ConstValue::BitString(text) => {
                text.to_owned()
            }
            _ => return None,
        },
        Node::NodeList(list) => list.iter().filter_map(value).collect::<Vec<_>>().join("."),
        _ => return None,
    })
}

/// `name=value` for each element of a WITH list.
pub(super) fn options<'t>(nodes: impl List<'t>) -> Vec<String> {
    let option = |element: &pg::DefElem| {
        let name = element.defname().unwrap_or_default();
        let value = value(element.arg()).unwrap_or_else(|| "true".into());
        match element.defnamespace() {
            Some(namespace) => format!("{namespace}.{name}={value}"),
            None => format!("{name}={value}"),
        }
    };
    definitions(nodes).map(option).collect()
}

/// `(PointZ, 4326)` of a type of PostGIS.
mod spatial {
    use pg_raw_parse::Node;
    use pg_raw_parse::list::NodeList;

    use super::{List, string, value};
    use crate::sql::spatial::modifier;

    /// The modifier as one number, as PostGIS stores it.
    pub(super) fn read(modifiers: &NodeList) -> Option<i64> {
        let mut modifiers = modifiers.iter();
        let shape = match modifiers.next()? {
            Node::ColumnRef(name) => string(name.fields().items().next_back()?).to_owned(),
            shape => value(shape)?,
        };
        modifier(&shape, modifiers.next().and_then(value).map_or(Some(0), |srid| srid.parse().ok())?)
    }
}

impl Cx<'_> {
    /// The span of the dotted name at a location.
    pub(super) fn name_span(&self, location: i32) -> Span {
        let start = self.offset(location);
        let mut tokens = self.lex(location);
        let Some(first) = tokens.next() else {
            return self.code.span(start, start);
        };
        let mut end = first.end;
        while let (Some(dot), Some(part)) = (tokens.next(), tokens.next()) {
            let named =
                matches!(part.kind, TokenKind::Word | TokenKind::Quoted) || part.text(self.code.text) == "*";
            if !dot.is(self.code.text, '.') || !named {
                break;
            }
            end = part.end;
        }
        self.code.span(first.start, end)
    }

    /// A relation's name.
    pub(super) fn relation(&self, range: &pg::RangeVar) -> ObjectName {
        ObjectName {
            schema: optional(range.schemaname()),
            name: required(range.relname()),
            span: self.name_span(range.location),
        }
    }

    pub(super) fn optional_relation(&self, range: Option<&pg::RangeVar>) -> ObjectName {
        let nameless = || ObjectName { schema: None, name: Ident::default(), span: self.whole() };
        range.map_or_else(nameless, |range| self.relation(range))
    }

    pub(super) fn relation_node(&self, node: Node<'_>) -> Option<ObjectName> {
        match node {
            Node::RangeVar(range) => Some(self.relation(range)),
            _ => None,
        }
    }

    /// A name that the parser gives as parts, written at a token.
    pub(super) fn name_at<'t>(&self, parts: impl List<'t>, index: usize) -> ObjectName {
        qualified(parts.items(), self.tokens().name_span(index))
    }

    /// A type's name. `%type` gives the column as the name, and the table as what is before it.
    pub(super) fn type_name(&self, n: &pg::TypeName) -> TypeName {
        let number = |node: Node<'_>| value(node)?.parse().ok();
        let last = n.names().items().next_back().map(string);
        let is_spatial = matches!(last, Some("geometry" | "geography"));
        let modifiers = match is_spatial.then(|| spatial::read(n.typmods())).flatten() {
            Some(modifier) => vec![modifier],
            None => n.typmods().iter().filter_map(number).collect(),
        };
        TypeName {
            name: qualified(n.names().items(), self.type_span(n.location)),
            modifiers,
            dimensions: u8::try_from(n.array_bounds().len()).unwrap_or(u8::MAX),
            setof: n.setof,
            percent_type: n.pct_type,
        }
    }

    /// The words of a type, without modifiers: `double precision`, `timestamp with time zone`.
    fn type_span(&self, location: i32) -> Span {
        let text = self.code.text;
        let first = self.lex(location).next();
        let long = ["double", "character", "char", "national", "nchar", "bit", "timestamp", "time"];
        let Some(first) = first.filter(|token| long.iter().any(|word| token.is_word(text, word))) else {
            return self.name_span(location);
        };
        let mut end = first.end;
        let mut depth = 0;
        let mut zoned = false;
        for token in self.lex(location).skip(1) {
            let word = |list: &[&str]| list.iter().any(|word| token.is_word(text, word));
            if token.is(text, '(') {
                depth += 1;
            } else if depth > 0 {
                depth -= i32::from(token.is(text, ')'));
            } else if word(&["precision", "varying", "character", "char"]) || zoned && word(&["time", "zone"])
            {
                end = token.end;
            } else if word(&["with", "without"]) && !zoned {
                zoned = true;
            } else {
                break;
            }
        }
        self.code.span(first.start, end)
    }

    pub(super) fn optional_type(&self, n: Option<&pg::TypeName>) -> TypeName {
        let nameless = || TypeName {
            name: ObjectName { schema: None, name: Ident::default(), span: self.type_span(-1) },
            modifiers: Vec::new(),
            dimensions: 0,
            setof: false,
            percent_type: false,
        };
        n.map_or_else(nameless, |name| self.type_name(name))
    }

    pub(super) fn type_node(&self, node: Node<'_>) -> Option<TypeName> {
        match node {
            Node::TypeName(name) => Some(self.type_name(name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::lower::testing::under;

    #[test]
    fn long_names_are_cut_on_a_character() {
        let text = format!("create table \"a{}\" (b int)", "é".repeat(40));
        let table = lowered!(CreateTable, &text);
        assert_eq!(table.name.name.len(), 63);
        assert_eq!(under(&text, table.name.span).len(), 83);
        let text = format!("create table \"{}\" (b int)", "é".repeat(40));
        assert_eq!(lowered!(CreateTable, &text).name.name.len(), 62);
    }

    #[test]
    fn names_hold_comments_and_a_database() {
        let text = "select * from d . /* x */ s . t";
        let query = lowered!(Query, text);
        query.walk_relations(&mut |relation| {
            assert_eq!(relation.name.to_string(), "s.t");
            assert_eq!(under(text, relation.name.span), "d . /* x */ s . t");
        });
    }
}
