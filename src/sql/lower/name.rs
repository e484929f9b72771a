//! Names, types, roles and options.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, Node, RoleSpecType, a_const};

use super::Cx;
use crate::source::Span;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{RoleName, TypeName};
use crate::sql::token::TokenKind;

/// The text of a String node, else nothing.
pub(super) fn string(node: &Node) -> &str {
    match &node.node {
        Some(N::String(text)) => &text.sval,
        _ => "",
    }
}

pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| string(node).to_owned()).collect()
}

pub(super) fn idents(nodes: &[Node]) -> Vec<Ident> {
    nodes.iter().map(|node| Ident::new(string(node))).collect()
}

pub(super) fn optional(name: &str) -> Option<Ident> {
    (!name.is_empty()).then(|| Ident::new(name))
}

/// The items of a List node.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.node {
        Some(N::List(list)) => &list.items,
        _ => &[],
    }
}

/// The last part of a dotted name and the one before it; a database in front is passed over.
pub(super) fn qualified(parts: &[Node], span: Span) -> ObjectName {
    let (name, schema) = match parts {
        [.., schema, name] => (string(name), optional(string(schema))),
        [name] => (string(name), None),
        [] => ("", None),
    };
    ObjectName { schema, name: Ident::new(name), span }
}

pub(super) fn role(spec: &pb::RoleSpec) -> RoleName {
    match spec.roletype() {
        RoleSpecType::RolespecPublic => RoleName::Public,
        RoleSpecType::RolespecCurrentRole
        | RoleSpecType::RolespecCurrentUser
        | RoleSpecType::RolespecSessionUser => RoleName::Current,
        RoleSpecType::RolespecCstring | RoleSpecType::Undefined => RoleName::Role(Ident::new(&spec.rolename)),
    }
}

pub(super) fn roles(nodes: &[Node]) -> Vec<RoleName> {
    let spec = |node: &Node| match &node.node {
        Some(N::RoleSpec(spec)) => Some(role(spec)),
        _ => None,
    };
    nodes.iter().filter_map(spec).collect()
}

/// The items that are definition elements.
pub(super) fn definitions(nodes: &[Node]) -> impl Iterator<Item = &pb::DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(N::DefElem(element)) => Some(&**element),
        _ => None,
    })
}

/// The text of an option's or a setting's value.
pub(super) fn value(node: &Node) -> Option<String> {
    Some(match node.node.as_ref()? {
        N::String(text) => text.sval.clone(),
        N::Integer(number) => number.ival.to_string(),
        N::Float(number) => number.fval.clone(),
        N::Boolean(value) => value.boolval.to_string(),
        N::TypeName(name) => name.names.last().map(string)?.to_owned(),
        N::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(number) => number.ival.to_string(),
            a_const::Val::Fval(number) => number.fval.clone(),
            a_const::Val::Boolval(value) => value.boolval.to_string(),
            a_const::Val::Sval(text) => text.sval.clone(),
            a_const::Val::Bsval(bits) => bits.bsval.clone(),
        },
        N::TypeCast(cast) => value(cast.arg.as_deref()?)?,
        N::List(list) => list.items.iter().filter_map(value).collect::<Vec<_>>().join("."),
        _ => return None,
    })
}

/// `name=value` for each element of a WITH list.
pub(super) fn options(nodes: &[Node]) -> Vec<String> {
    let option = |element: &pb::DefElem| {
        let value = element.arg.as_deref().and_then(value).unwrap_or_else(|| "true".into());
        match element.defnamespace.as_str() {
            "" => format!("{}={value}", element.defname),
            namespace => format!("{namespace}.{}={value}", element.defname),
        }
    };
    definitions(nodes).map(option).collect()
}

/// `(PointZ, 4326)` of a type of PostGIS.
mod spatial {
    use pg_query::NodeEnum as N;
    use pg_query::protobuf::Node;

    use super::{string, value};
    use crate::sql::spatial::modifier;

    /// The modifier as one number, as PostGIS stores it.
    pub(super) fn read(modifiers: &[Node]) -> Option<i64> {
        let (shape, rest) = modifiers.split_first()?;
        let shape = match shape.node.as_ref()? {
            N::ColumnRef(name) => name.fields.last().map(string)?.to_owned(),
            _ => value(shape)?,
        };
        modifier(&shape, rest.first().and_then(value).map_or(Some(0), |srid| srid.parse().ok())?)
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
    pub(super) fn relation(&self, range: &pb::RangeVar) -> ObjectName {
        ObjectName {
            schema: optional(&range.schemaname),
            name: Ident::new(&range.relname),
            span: self.name_span(range.location),
        }
    }

    pub(super) fn optional_relation(&self, range: Option<&pb::RangeVar>) -> ObjectName {
        let nameless = || ObjectName { schema: None, name: Ident::default(), span: self.whole() };
        range.map_or_else(nameless, |range| self.relation(range))
    }

    pub(super) fn relation_node(&self, node: &Node) -> Option<ObjectName> {
        match &node.node {
            Some(N::RangeVar(range)) => Some(self.relation(range)),
            _ => None,
        }
    }

    /// A name that the parser gives as parts, written at a token.
    pub(super) fn name_at(&self, parts: &[Node], index: usize) -> ObjectName {
        qualified(parts, self.tokens().name_span(index))
    }

    /// A type's name. `%type` gives the column as the name, and the table as what is before it.
    pub(super) fn type_name(&self, n: &pb::TypeName) -> TypeName {
        let number = |node: &Node| value(node)?.parse().ok();
        let is_spatial = n.names.last().is_some_and(|name| matches!(string(name), "geometry" | "geography"));
        let modifiers = match is_spatial.then(|| spatial::read(&n.typmods)).flatten() {
            Some(modifier) => vec![modifier],
            None => n.typmods.iter().filter_map(number).collect(),
        };
        TypeName {
            name: qualified(&n.names, self.type_span(n.location)),
            modifiers,
            dimensions: u8::try_from(n.array_bounds.len()).unwrap_or(u8::MAX),
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

    pub(super) fn optional_type(&self, n: Option<&pb::TypeName>) -> TypeName {
        self.type_name(n.unwrap_or(&pb::TypeName { location: -1, ..Default::default() }))
    }

    pub(super) fn type_node(&self, node: &Node) -> Option<TypeName> {
        match &node.node {
            Some(N::TypeName(name)) => Some(self.type_name(name)),
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
