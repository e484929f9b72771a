//! Objects by name: DROP, RENAME, SET SCHEMA, OWNER TO and COMMENT.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::raw::{DropBehavior, ObjectType as O};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::function::argument_mode;
use super::name::{qualified, required, role};
use crate::source::{Span, Spanned};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::parser::List;
use crate::sql::statement::{
    ArgumentMode, Drop, ObjectKind, ObjectRef, Rename, RoleName, Signature, StatementKind,
};

/// What the model calls a kind of object.
pub(super) fn object_kind(kind: O::Type) -> ObjectKind {
    match kind {
        O::OBJECT_TABLE => ObjectKind::Table,
        O::OBJECT_VIEW => ObjectKind::View,
        O::OBJECT_MATVIEW => ObjectKind::MaterializedView,
        O::OBJECT_FOREIGN_TABLE => ObjectKind::ForeignTable,
        O::OBJECT_SEQUENCE => ObjectKind::Sequence,
        O::OBJECT_INDEX => ObjectKind::Index,
        O::OBJECT_TYPE => ObjectKind::Type,
        O::OBJECT_DOMAIN => ObjectKind::Domain,
        O::OBJECT_FUNCTION => ObjectKind::Function,
        O::OBJECT_PROCEDURE => ObjectKind::Procedure,
        O::OBJECT_ROUTINE => ObjectKind::Routine,
        O::OBJECT_AGGREGATE => ObjectKind::Aggregate,
        O::OBJECT_SCHEMA => ObjectKind::Schema,
        O::OBJECT_ROLE => ObjectKind::Role,
        O::OBJECT_EXTENSION => ObjectKind::Extension,
        O::OBJECT_DATABASE => ObjectKind::Database,
        O::OBJECT_PUBLICATION => ObjectKind::Publication,
        O::OBJECT_SUBSCRIPTION => ObjectKind::Subscription,
        O::OBJECT_EVENT_TRIGGER => ObjectKind::EventTrigger,
        O::OBJECT_FOREIGN_SERVER => ObjectKind::ForeignServer,
        O::OBJECT_FDW => ObjectKind::ForeignDataWrapper,
        O::OBJECT_LANGUAGE => ObjectKind::Language,
        O::OBJECT_COLLATION => ObjectKind::Collation,
        O::OBJECT_POLICY => ObjectKind::Policy,
        O::OBJECT_TRIGGER => ObjectKind::Trigger,
        O::OBJECT_RULE => ObjectKind::Rule,
        O::OBJECT_COLUMN => ObjectKind::Column,
        O::OBJECT_TABCONSTRAINT => ObjectKind::Constraint,
        O::OBJECT_DOMCONSTRAINT => ObjectKind::DomainConstraint,
        O::OBJECT_ATTRIBUTE => ObjectKind::Attribute,
        other => ObjectKind::Unmodelled(kind_words(other)),
    }
}

/// The key words of a kind, in order.
fn kind_words(kind: O::Type) -> &'static str {
    match kind {
        O::OBJECT_TABLE => "table",
        O::OBJECT_VIEW => "view",
        O::OBJECT_MATVIEW => "materialized view",
        O::OBJECT_FOREIGN_TABLE => "foreign table",
        O::OBJECT_SEQUENCE => "sequence",
        O::OBJECT_INDEX => "index",
        O::OBJECT_TYPE => "type",
        O::OBJECT_DOMAIN => "domain",
        O::OBJECT_FUNCTION => "function",
        O::OBJECT_PROCEDURE => "procedure",
        O::OBJECT_ROUTINE => "routine",
        O::OBJECT_AGGREGATE => "aggregate",
        O::OBJECT_SCHEMA => "schema",
        O::OBJECT_ROLE => "role",
        O::OBJECT_EXTENSION => "extension",
        O::OBJECT_DATABASE => "database",
        O::OBJECT_PUBLICATION => "publication",
        O::OBJECT_SUBSCRIPTION => "subscription",
        O::OBJECT_EVENT_TRIGGER => "event trigger",
        O::OBJECT_FOREIGN_SERVER => "server",
        O::OBJECT_FDW => "foreign data wrapper",
        O::OBJECT_LANGUAGE => "language",
        O::OBJECT_POLICY => "policy",
        O::OBJECT_TRIGGER => "trigger",
        O::OBJECT_RULE => "rule",
        O::OBJECT_COLUMN => "column",
        O::OBJECT_TABCONSTRAINT | O::OBJECT_DOMCONSTRAINT => "constraint",
        O::OBJECT_ATTRIBUTE => "attribute",
        O::OBJECT_ACCESS_METHOD => "access method",
        O::OBJECT_CAST => "cast",
        O::OBJECT_COLLATION => "collation",
        O::OBJECT_CONVERSION => "conversion",
        O::OBJECT_LARGEOBJECT => "large object",
        O::OBJECT_OPCLASS => "operator class",
        O::OBJECT_OPERATOR => "operator",
        O::OBJECT_OPFAMILY => "operator family",
        O::OBJECT_STATISTIC_EXT => "statistics",
        O::OBJECT_TABLESPACE => "tablespace",
        O::OBJECT_TRANSFORM => "transform",
        O::OBJECT_TSCONFIGURATION => "text search configuration",
        O::OBJECT_TSDICTIONARY => "text search dictionary",
        O::OBJECT_TSPARSER => "text search parser",
        O::OBJECT_TSTEMPLATE => "text search template",
        O::OBJECT_USER_MAPPING => "user mapping",
        _ => "object",
    }
}

impl Cx<'_> {
    /// The index after the key words of a kind, `CONCURRENTLY` and `IF EXISTS`.
    pub(super) fn after_kind(&self, kind: O::Type, at: usize) -> usize {
        let mut at = at;
        if kind == O::OBJECT_LANGUAGE {
            at = self.skip_words(at, &["procedural"]);
        }
        if kind == O::OBJECT_FOREIGN_SERVER {
            at = self.skip_words(at, &["foreign"]);
        }
        for word in kind_words(kind).split(' ') {
            at = self.skip_words(at, &[word]);
        }
        if kind == O::OBJECT_ROLE {
            at = self.skip_words(self.skip_words(at, &["user"]), &["group"]);
        }
        if kind == O::OBJECT_INDEX {
            at = self.skip_words(at, &["concurrently"]);
        }
        self.skip_if_exists(at)
    }

    /// The objects of a list that starts at a token.
    pub(super) fn object_list<'t>(
        &self,
        kind: O::Type,
        nodes: impl List<'t>,
        start: usize,
    ) -> Vec<ObjectRef> {
        let mut at = start;
        let object = |node: Node<'_>| {
            let object = self.object(kind, node, at);
            at = self.tokens().item_end(at) + 1;
            object
        };
        nodes.items().map(object).collect()
    }

    /// The object that a node names and that is written at a token.
    pub(super) fn object(&self, kind: O::Type, node: Node<'_>, at: usize) -> ObjectRef {
        let named =
            |name: ObjectName| ObjectRef { kind: object_kind(kind), name, part: None, signature: None };
        let tokens = self.tokens();
        match (kind, node) {
            (
                O::OBJECT_POLICY | O::OBJECT_TRIGGER | O::OBJECT_RULE | O::OBJECT_TABCONSTRAINT,
                Node::NodeList(list),
            ) => self.part_on_table(kind, list, at),
            (O::OBJECT_DOMCONSTRAINT, Node::NodeList(list)) => self.domain_constraint(list, at),
            (O::OBJECT_COLUMN | O::OBJECT_ATTRIBUTE, Node::NodeList(list)) => self.column_ref(kind, list, at),
            (_, Node::ObjectWithArgs(function)) => self.function_ref(object_kind(kind), function, at),
            (_, Node::RangeVar(range)) => named(self.relation(range)),
            (_, Node::TypeName(name)) => named(qualified(name.names().items(), tokens.name_span(at))),
            (_, Node::NodeList(list)) => named(qualified(list.iter(), tokens.name_span(at))),
            (_, Node::String(name)) => {
                named(ObjectName { schema: None, name: required(name.sval()), span: tokens.name_span(at) })
            }
            (_, Node::RoleSpec(spec)) => named(self.role_object(spec, at)),
            _ => named(ObjectName { schema: None, name: Ident::default(), span: self.whole() }),
        }
    }

    fn role_object(&self, spec: &pg::RoleSpec, at: usize) -> ObjectName {
        let name = match role(spec) {
            RoleName::Role(name) => name,
            RoleName::Public => "public".into(),
            RoleName::Current => "current_user".into(),
        };
        ObjectName { schema: None, name, span: self.token_span(at) }
    }

    /// `part ON table`
    fn part_on_table(&self, kind: O::Type, parts: &NodeList, at: usize) -> ObjectRef {
        let mut table = parts.iter();
        let Some(part) = table.next_back() else { return self.object(kind, Node::None, at) };
        // A schema's name may stand after ON; so may DOMAIN, but not here.
        let on = self.skip_words(at + 1, &["on"]);
        let part = Spanned { value: required(part.as_str()), span: self.token_span(at) };
        let name = qualified(table, self.tokens().name_span(on));
        ObjectRef { kind: object_kind(kind), name, part: Some(part), signature: None }
    }

    /// `constraint ON DOMAIN name`
    fn domain_constraint(&self, parts: &NodeList, at: usize) -> ObjectRef {
        let on = self.skip_words(self.skip_words(at + 1, &["on"]), &["domain"]);
        let span = self.tokens().name_span(on);
        let name = match parts.first() {
            Some(Node::TypeName(name)) => qualified(name.names().items(), span),
            _ => ObjectName { schema: None, name: Ident::default(), span },
        };
        let part = parts.get(1).map(|node| required(node.as_str()));
        ObjectRef {
            kind: ObjectKind::DomainConstraint,
            name,
            part: part.map(|value| Spanned { value, span: self.token_span(at) }),
            signature: None,
        }
    }

    /// `schema.table.column`
    fn column_ref(&self, kind: O::Type, parts: &NodeList, at: usize) -> ObjectRef {
        let mut table = parts.iter();
        let Some(column) = table.next_back() else { return self.object(kind, Node::None, at) };
        let tokens = self.tokens();
        let end = tokens.after_name(at);
        let name = qualified(table, tokens.span(at, end.saturating_sub(2)));
        let part = Spanned { value: required(column.as_str()), span: self.token_span(end - 1) };
        ObjectRef { kind: object_kind(kind), name, part: Some(part), signature: None }
    }

    pub(super) fn function_ref(&self, kind: ObjectKind, n: &pg::ObjectWithArgs, at: usize) -> ObjectRef {
        let arguments = if n.args_unspecified {
            None
        } else if n.objfuncargs().is_empty() {
            let types = n.objargs().items().filter_map(|node| self.type_node(node));
            Some(types.map(|data_type| (ArgumentMode::In, data_type)).collect())
        } else {
            let argument = |node: Node<'_>| match node {
                Node::FunctionParameter(n) => Some((argument_mode(n.mode), self.optional_type(n.arg_type()))),
                _ => None,
            };
            Some(n.objfuncargs().items().filter_map(argument).collect())
        };
        let name = qualified(n.objname().items(), self.tokens().name_span(at));
        ObjectRef { kind, name, part: None, signature: Some(Signature { arguments }) }
    }

    pub(super) fn drop(&self, n: &pg::DropStmt) -> Drop {
        let start = self.after_kind(n.remove_type, 1);
        Drop {
            objects: self.object_list(n.remove_type, n.objects(), start),
            if_exists: n.missing_ok,
            cascade: n.behavior == DropBehavior::DROP_CASCADE,
        }
    }

    pub(super) fn drop_role(&self, n: &pg::DropRoleStmt) -> Drop {
        let start = self.after_kind(O::OBJECT_ROLE, 1);
        let objects = self.object_list(O::OBJECT_ROLE, n.roles(), start);
        Drop { objects, if_exists: n.missing_ok, cascade: false }
    }

    pub(super) fn drop_database(&self, n: &pg::DropdbStmt) -> Drop {
        self.drop_named(O::OBJECT_DATABASE, n.dbname(), n.missing_ok, false)
    }

    pub(super) fn drop_subscription(&self, n: &pg::DropSubscriptionStmt) -> Drop {
        let cascade = n.behavior == DropBehavior::DROP_CASCADE;
        self.drop_named(O::OBJECT_SUBSCRIPTION, n.subname(), n.missing_ok, cascade)
    }

    fn drop_named(&self, kind: O::Type, name: Option<&str>, if_exists: bool, cascade: bool) -> Drop {
        let span = self.token_span(self.after_kind(kind, 1));
        let name = ObjectName { schema: None, name: required(name), span };
        let object = ObjectRef { kind: object_kind(kind), name, part: None, signature: None };
        Drop { objects: vec![object], if_exists, cascade }
    }

    pub(super) fn rename(&self, n: &pg::RenameStmt) -> StatementKind {
        let kind = n.rename_type;
        let object = match (n.relation(), n.object()) {
            (Some(range), _) => self.renamed_relation(n, range),
            (None, node) if kind == O::OBJECT_DOMCONSTRAINT => {
                let at = self.after_kind(O::OBJECT_DOMAIN, 1);
                ObjectRef { kind: ObjectKind::DomainConstraint, ..self.object(O::OBJECT_DOMAIN, node, at) }
                    .with_part(n.subname(), self.renamed_part())
            }
            (None, Node::None) => {
                // Schemas, roles and databases have no node of their own.
                let span = self.token_span(self.after_kind(kind, 1));
                let name = ObjectName { schema: None, name: required(n.subname()), span };
                ObjectRef { kind: object_kind(kind), name, part: None, signature: None }
            }
            (None, node) => self.object(kind, node, self.after_kind(kind, 1)),
        };
        StatementKind::Rename(Box::new(Rename {
            object,
            if_exists: n.missing_ok,
            cascade: n.behavior == DropBehavior::DROP_CASCADE,
            to: required(n.newname()),
        }))
    }

    /// A relation, or what is on one.
    fn renamed_relation(&self, n: &pg::RenameStmt, range: &pg::RangeVar) -> ObjectRef {
        let kind = n.rename_type;
        let object =
            ObjectRef { kind: object_kind(kind), name: self.relation(range), part: None, signature: None };
        match kind {
            O::OBJECT_POLICY | O::OBJECT_TRIGGER | O::OBJECT_RULE => {
                object.with_part(n.subname(), self.token_span(self.after_kind(kind, 1)))
            }
            O::OBJECT_COLUMN | O::OBJECT_TABCONSTRAINT | O::OBJECT_ATTRIBUTE => {
                object.with_part(n.subname(), self.renamed_part())
            }
            _ => object,
        }
    }

    /// The token after RENAME [COLUMN | CONSTRAINT | ATTRIBUTE]; a column may be called so, too.
    fn renamed_part(&self) -> Span {
        let tokens = self.tokens();
        let Some(rename) = tokens.find(3, |tokens, at| tokens.is_word(at, "rename")) else {
            return self.whole();
        };
        let to = tokens.find_word(rename + 2, "to").unwrap_or(rename + 2);
        self.token_span(to - 1)
    }

    pub(super) fn set_schema(&self, n: &pg::AlterObjectSchemaStmt) -> StatementKind {
        let object = self.relation_or_object(n.object_type, n.relation(), n.object());
        let schema = required(n.newschema());
        StatementKind::SetSchema { object: Box::new(object), if_exists: n.missing_ok, schema }
    }

    pub(super) fn set_owner(&self, n: &pg::AlterOwnerStmt) -> StatementKind {
        let object = self.relation_or_object(n.object_type, n.relation(), n.object());
        let owner = n.newowner().map_or(RoleName::Current, role);
        StatementKind::SetOwner { object: Box::new(object), owner }
    }

    fn relation_or_object(&self, kind: O::Type, range: Option<&pg::RangeVar>, node: Node<'_>) -> ObjectRef {
        match range {
            Some(range) => {
                ObjectRef { kind: object_kind(kind), name: self.relation(range), part: None, signature: None }
            }
            None => self.object(kind, node, self.after_kind(kind, 1)),
        }
    }

    pub(super) fn comment(&self, n: &pg::CommentStmt) -> StatementKind {
        let kind = n.objtype;
        let at = self.after_kind(kind, 2);
        let object = self.object(kind, n.object(), at);
        let text = n.comment().filter(|text| !text.is_empty()).map(str::to_owned);
        StatementKind::Comment { object: Box::new(object), text }
    }
}

impl ObjectRef {
    fn with_part(self, name: Option<&str>, span: Span) -> Self {
        Self { part: Some(Spanned { value: required(name), span }), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::{lower, under};

    /// The kind, the place of the name and that of the part.
    fn places(text: &str, object: &ObjectRef) -> (ObjectKind, String, Option<String>) {
        let place = |span| under(text, span).to_owned();
        (object.kind, place(object.name.span), object.part.as_ref().map(|part| place(part.span)))
    }

    #[test]
    fn dropped_objects_have_places() {
        use ObjectKind as K;
        for (text, kind, name, part) in [
            ("drop table if exists a, \"é\".t cascade", K::Table, "\"é\".t", None),
            ("drop view a, s.v", K::View, "s.v", None),
            ("drop materialized view s.v", K::MaterializedView, "s.v", None),
            ("drop foreign table s.v", K::ForeignTable, "s.v", None),
            ("drop index concurrently if exists s.i", K::Index, "s.i", None),
            ("drop sequence s.q", K::Sequence, "s.q", None),
            ("drop type s.q", K::Type, "s.q", None),
            ("drop domain s.q", K::Domain, "s.q", None),
            ("drop function a(int, text), s.f", K::Function, "s.f", None),
            ("drop procedure s.p()", K::Procedure, "s.p", None),
            ("drop routine s.p()", K::Routine, "s.p", None),
            ("drop aggregate s.a(*)", K::Aggregate, "s.a", None),
            ("drop schema if exists a, b", K::Schema, "b", None),
            ("drop role a, b", K::Role, "b", None),
            ("drop user if exists b", K::Role, "b", None),
            ("drop extension if exists \"uuid-ossp\"", K::Extension, "\"uuid-ossp\"", None),
            ("drop policy if exists \"p q\" on s.t", K::Policy, "s.t", Some("\"p q\"")),
            ("drop trigger t on s.t", K::Trigger, "s.t", Some("t")),
            ("drop rule r on s.t", K::Rule, "s.t", Some("r")),
            ("drop event trigger e", K::EventTrigger, "e", None),
            ("drop publication p", K::Publication, "p", None),
            ("drop server s", K::ForeignServer, "s", None),
            ("drop foreign data wrapper w", K::ForeignDataWrapper, "w", None),
            ("drop procedural language l", K::Language, "l", None),
            ("drop database d", K::Database, "d", None),
            ("drop subscription s", K::Subscription, "s", None),
            ("drop collation s.c", K::Collation, "s.c", None),
            ("drop text search configuration s.c", K::Unmodelled("text search configuration"), "s.c", None),
        ] {
            let dropped = lowered!(Drop, text);
            let found = places(text, dropped.objects.last().unwrap());
            assert_eq!(found, (kind, name.to_owned(), part.map(str::to_owned)), "{text}");
            assert_eq!(
                (dropped.if_exists, dropped.cascade),
                (text.contains("if exists"), text.contains("cascade"))
            );
        }
        let signature = |text: &str| lowered!(Drop, text).objects.remove(0).signature.unwrap().arguments;
        assert_eq!(signature("drop function f"), None);
        assert_eq!(signature("drop function f()"), Some(Vec::new()));
        assert_eq!(signature("drop function f(int, out x text)").unwrap()[1].0, ArgumentMode::Out);
        let roles = vec![RoleName::Role("x".into()), RoleName::Current];
        assert_eq!(
            lower("drop owned by x, current_user cascade"),
            StatementKind::DropOwned { roles: roles.clone(), cascade: true }
        );
        assert_eq!(
            lower("reassign owned by x, current_user to y"),
            StatementKind::ReassignOwned { roles, to: RoleName::Role("y".into()) }
        );
        for text in ["drop cast (a as b)", "drop operator === (a, b)", "drop operator class c using btree"] {
            lowered!(Drop, text);
        }
    }

    #[test]
    fn renamed_objects_have_places() {
        use ObjectKind as K;
        for (text, kind, name, part) in [
            ("alter table if exists s.t rename to n", K::Table, "s.t", None),
            ("alter view s.t rename to n", K::View, "s.t", None),
            ("alter table s.t rename column c to n", K::Column, "s.t", Some("c")),
            ("alter table s.t rename c to n", K::Column, "s.t", Some("c")),
            ("alter table only rename rename rename to n", K::Column, "rename", Some("rename")),
            ("alter table s.t rename constraint c to n", K::Constraint, "s.t", Some("c")),
            ("alter domain s.d rename constraint c to n", K::DomainConstraint, "s.d", Some("c")),
            ("alter type s.d rename attribute c to n", K::Attribute, "s.d", Some("c")),
            ("alter policy \"p\" on s.t rename to n", K::Policy, "s.t", Some("\"p\"")),
            ("alter policy if exists p on s.t rename to n", K::Policy, "s.t", Some("p")),
            ("alter trigger p on s.t rename to n", K::Trigger, "s.t", Some("p")),
            ("alter rule p on s.t rename to n", K::Rule, "s.t", Some("p")),
            ("alter type s.d rename to n", K::Type, "s.d", None),
            ("alter domain s.d rename to n", K::Domain, "s.d", None),
            ("alter function s.f(int) rename to n", K::Function, "s.f", None),
            ("alter schema s rename to n", K::Schema, "s", None),
            ("alter role r rename to n", K::Role, "r", None),
            ("alter index s.i rename to n", K::Index, "s.i", None),
            ("alter sequence s.i rename to n", K::Sequence, "s.i", None),
            ("alter publication p rename to n", K::Publication, "p", None),
        ] {
            let renamed = lowered!(Rename, text);
            assert_eq!(
                places(text, &renamed.object),
                (kind, name.to_owned(), part.map(str::to_owned)),
                "{text}"
            );
            assert_eq!((renamed.to.as_str(), renamed.if_exists), ("n", text.contains("if exists")));
        }
    }

    #[test]
    fn comments_have_places() {
        use ObjectKind as K;
        for (text, kind, name, part) in [
            ("comment on table s.t is 'x'", K::Table, "s.t", None),
            ("comment on column s.t.\"é\" is 'x'", K::Column, "s.t", Some("\"é\"")),
            ("comment on column t.c is 'x'", K::Column, "t", Some("c")),
            ("comment on policy \"p q\" on s.t is 'x'", K::Policy, "s.t", Some("\"p q\"")),
            ("comment on trigger p on s.t is 'x'", K::Trigger, "s.t", Some("p")),
            ("comment on constraint p on s.t is 'x'", K::Constraint, "s.t", Some("p")),
            ("comment on constraint p on domain s.d is 'x'", K::DomainConstraint, "s.d", Some("p")),
            ("comment on function s.f(int) is 'x'", K::Function, "s.f", None),
            ("comment on schema s is 'x'", K::Schema, "s", None),
            ("comment on extension s is 'x'", K::Extension, "s", None),
            ("comment on type s.t is 'x'", K::Type, "s.t", None),
            ("comment on role s is 'x'", K::Role, "s", None),
            ("comment on materialized view s.t is 'x'", K::MaterializedView, "s.t", None),
            ("comment on database d is 'x'", K::Database, "d", None),
        ] {
            let StatementKind::Comment { object, text: comment } = lower(text) else { panic!() };
            assert_eq!(places(text, &object), (kind, name.to_owned(), part.map(str::to_owned)), "{text}");
            assert_eq!(comment.as_deref(), Some("x"));
        }
        assert!(matches!(lower("comment on table t is null"), StatementKind::Comment { text: None, .. }));
        assert!(matches!(lower("comment on cast (a as b) is 'x'"), StatementKind::Comment { .. }));
    }

    #[test]
    fn moved_and_given_objects_have_places() {
        use ObjectKind as K;
        for (text, kind, name) in [
            ("alter table if exists s.t set schema n", K::Table, "s.t"),
            ("alter function s.f() set schema n", K::Function, "s.f"),
            ("alter type s.m set schema n", K::Type, "s.m"),
            ("alter extension e set schema n", K::Extension, "e"),
        ] {
            let StatementKind::SetSchema { object, schema, .. } = lower(text) else { panic!() };
            assert_eq!(places(text, &object), (kind, name.to_owned(), None), "{text}");
            assert_eq!(schema, "n");
        }
        for (text, kind, name) in [
            ("alter function s.f() owner to n", K::Function, "s.f"),
            ("alter schema s owner to n", K::Schema, "s"),
            ("alter type s.m owner to n", K::Type, "s.m"),
            ("alter publication p owner to n", K::Publication, "p"),
        ] {
            let StatementKind::SetOwner { object, owner } = lower(text) else { panic!() };
            assert_eq!(places(text, &object), (kind, name.to_owned(), None), "{text}");
            assert_eq!(owner, RoleName::Role("n".into()));
        }
    }
}
