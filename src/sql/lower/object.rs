//! Objects by name: DROP, RENAME, SET SCHEMA, OWNER TO and COMMENT.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, DropBehavior, Node, ObjectType as O};

use super::Cx;
use super::function::argument_mode;
use super::name::{qualified, role, string};
use crate::source::{Span, Spanned};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    ArgumentMode, Drop, ObjectKind, ObjectRef, Rename, RoleName, Signature, StatementKind,
};

/// What the model calls a kind of object.
pub(super) fn object_kind(kind: O) -> ObjectKind {
    match kind {
        O::ObjectTable => ObjectKind::Table,
        O::ObjectView => ObjectKind::View,
        O::ObjectMatview => ObjectKind::MaterializedView,
        O::ObjectForeignTable => ObjectKind::ForeignTable,
        O::ObjectSequence => ObjectKind::Sequence,
        O::ObjectIndex => ObjectKind::Index,
        O::ObjectType => ObjectKind::Type,
        O::ObjectDomain => ObjectKind::Domain,
        O::ObjectFunction => ObjectKind::Function,
        O::ObjectProcedure => ObjectKind::Procedure,
        O::ObjectRoutine => ObjectKind::Routine,
        O::ObjectAggregate => ObjectKind::Aggregate,
        O::ObjectSchema => ObjectKind::Schema,
        O::ObjectRole => ObjectKind::Role,
        O::ObjectExtension => ObjectKind::Extension,
        O::ObjectDatabase => ObjectKind::Database,
        O::ObjectPublication => ObjectKind::Publication,
        O::ObjectSubscription => ObjectKind::Subscription,
        O::ObjectEventTrigger => ObjectKind::EventTrigger,
        O::ObjectForeignServer => ObjectKind::ForeignServer,
        O::ObjectFdw => ObjectKind::ForeignDataWrapper,
        O::ObjectLanguage => ObjectKind::Language,
        O::ObjectCollation => ObjectKind::Collation,
        O::ObjectPolicy => ObjectKind::Policy,
        O::ObjectTrigger => ObjectKind::Trigger,
        O::ObjectRule => ObjectKind::Rule,
        O::ObjectColumn => ObjectKind::Column,
        O::ObjectTabconstraint => ObjectKind::Constraint,
        O::ObjectDomconstraint => ObjectKind::DomainConstraint,
        O::ObjectAttribute => ObjectKind::Attribute,
        other => ObjectKind::Unmodelled(kind_words(other)),
    }
}

/// The key words of a kind, in order.
fn kind_words(kind: O) -> &'static str {
    match kind {
        O::ObjectTable => "table",
        O::ObjectView => "view",
        O::ObjectMatview => "materialized view",
        O::ObjectForeignTable => "foreign table",
        O::ObjectSequence => "sequence",
        O::ObjectIndex => "index",
        O::ObjectType => "type",
        O::ObjectDomain => "domain",
        O::ObjectFunction => "function",
        O::ObjectProcedure => "procedure",
        O::ObjectRoutine => "routine",
        O::ObjectAggregate => "aggregate",
        O::ObjectSchema => "schema",
        O::ObjectRole => "role",
        O::ObjectExtension => "extension",
        O::ObjectDatabase => "database",
        O::ObjectPublication => "publication",
        O::ObjectSubscription => "subscription",
        O::ObjectEventTrigger => "event trigger",
        O::ObjectForeignServer => "server",
        O::ObjectFdw => "foreign data wrapper",
        O::ObjectLanguage => "language",
        O::ObjectPolicy => "policy",
        O::ObjectTrigger => "trigger",
        O::ObjectRule => "rule",
        O::ObjectColumn => "column",
        O::ObjectTabconstraint | O::ObjectDomconstraint => "constraint",
        O::ObjectAttribute => "attribute",
        O::ObjectAccessMethod => "access method",
        O::ObjectCast => "cast",
        O::ObjectCollation => "collation",
        O::ObjectConversion => "conversion",
        O::ObjectLargeobject => "large object",
        O::ObjectOpclass => "operator class",
        O::ObjectOperator => "operator",
        O::ObjectOpfamily => "operator family",
        O::ObjectStatisticExt => "statistics",
        O::ObjectTablespace => "tablespace",
        O::ObjectTransform => "transform",
        O::ObjectTsconfiguration => "text search configuration",
        O::ObjectTsdictionary => "text search dictionary",
        O::ObjectTsparser => "text search parser",
        O::ObjectTstemplate => "text search template",
        O::ObjectUserMapping => "user mapping",
        _ => "object",
    }
}

impl Cx<'_> {
    /// The index after the key words of a kind, `CONCURRENTLY` and `IF EXISTS`.
    pub(super) fn after_kind(&self, kind: O, at: usize) -> usize {
        let mut at = at;
        if kind == O::ObjectLanguage {
            at = self.skip_words(at, &["procedural"]);
        }
        if kind == O::ObjectForeignServer {
            at = self.skip_words(at, &["foreign"]);
        }
        for word in kind_words(kind).split(' ') {
            at = self.skip_words(at, &[word]);
        }
        if kind == O::ObjectRole {
            at = self.skip_words(self.skip_words(at, &["user"]), &["group"]);
        }
        if kind == O::ObjectIndex {
            at = self.skip_words(at, &["concurrently"]);
        }
        self.skip_if_exists(at)
    }

    /// The objects of a list that starts at a token.
    pub(super) fn object_list(&self, kind: O, nodes: &[Node], start: usize) -> Vec<ObjectRef> {
        let mut at = start;
        let object = |node: &Node| {
            let object = self.object(kind, node, at);
            at = self.tokens().item_end(at) + 1;
            object
        };
        nodes.iter().map(object).collect()
    }

    /// The object that a node names and that is written at a token.
    pub(super) fn object(&self, kind: O, node: &Node, at: usize) -> ObjectRef {
        let named =
            |name: ObjectName| ObjectRef { kind: object_kind(kind), name, part: None, signature: None };
        let tokens = self.tokens();
        match (kind, &node.node) {
            (
                O::ObjectPolicy | O::ObjectTrigger | O::ObjectRule | O::ObjectTabconstraint,
                Some(N::List(list)),
            ) => self.part_on_table(kind, &list.items, at),
            (O::ObjectDomconstraint, Some(N::List(list))) => self.domain_constraint(&list.items, at),
            (O::ObjectColumn | O::ObjectAttribute, Some(N::List(list))) => {
                self.column_ref(kind, &list.items, at)
            }
            (_, Some(N::ObjectWithArgs(function))) => self.function_ref(object_kind(kind), function, at),
            (_, Some(N::RangeVar(range))) => named(self.relation(range)),
            (_, Some(N::TypeName(name))) => named(qualified(&name.names, tokens.name_span(at))),
            (_, Some(N::List(list))) => named(qualified(&list.items, tokens.name_span(at))),
            (_, Some(N::String(name))) => {
                named(ObjectName { schema: None, name: Ident::new(&name.sval), span: tokens.name_span(at) })
            }
            (_, Some(N::RoleSpec(spec))) => named(self.role_object(spec, at)),
            _ => named(ObjectName { schema: None, name: Ident::default(), span: self.whole() }),
        }
    }

    fn role_object(&self, spec: &pb::RoleSpec, at: usize) -> ObjectName {
        let name = match role(spec) {
            RoleName::Role(name) => name,
            RoleName::Public => "public".into(),
            RoleName::Current => "current_user".into(),
        };
        ObjectName { schema: None, name, span: self.token_span(at) }
    }

    /// `part ON table`
    fn part_on_table(&self, kind: O, parts: &[Node], at: usize) -> ObjectRef {
        let [table @ .., part] = parts else {
            return self.object(kind, &Node::default(), at);
        };
        // A schema's name may stand after ON; so may DOMAIN, but not here.
        let on = self.skip_words(at + 1, &["on"]);
        let part = Spanned { value: Ident::new(string(part)), span: self.token_span(at) };
        let name = qualified(table, self.tokens().name_span(on));
        ObjectRef { kind: object_kind(kind), name, part: Some(part), signature: None }
    }

    /// `constraint ON DOMAIN name`
    fn domain_constraint(&self, parts: &[Node], at: usize) -> ObjectRef {
        let on = self.skip_words(self.skip_words(at + 1, &["on"]), &["domain"]);
        let span = self.tokens().name_span(on);
        let name = match parts.first().and_then(|node| node.node.as_ref()) {
            Some(N::TypeName(name)) => qualified(&name.names, span),
            _ => qualified(&[], span),
        };
        let part = parts.get(1).map(|node| Ident::new(string(node)));
        ObjectRef {
            kind: ObjectKind::DomainConstraint,
            name,
            part: part.map(|value| Spanned { value, span: self.token_span(at) }),
            signature: None,
        }
    }

    /// `schema.table.column`
    fn column_ref(&self, kind: O, parts: &[Node], at: usize) -> ObjectRef {
        let [table @ .., column] = parts else {
            return self.object(kind, &Node::default(), at);
        };
        let tokens = self.tokens();
        let end = tokens.after_name(at);
        let name = qualified(table, tokens.span(at, end.saturating_sub(2)));
        let part = Spanned { value: Ident::new(string(column)), span: self.token_span(end - 1) };
        ObjectRef { kind: object_kind(kind), name, part: Some(part), signature: None }
    }

    pub(super) fn function_ref(&self, kind: ObjectKind, n: &pb::ObjectWithArgs, at: usize) -> ObjectRef {
        let arguments = if n.args_unspecified {
            None
        } else if n.objfuncargs.is_empty() {
            let types = n.objargs.iter().filter_map(|node| self.type_node(node));
            Some(types.map(|data_type| (ArgumentMode::In, data_type)).collect())
        } else {
            let argument = |node: &Node| match &node.node {
                Some(N::FunctionParameter(n)) => {
                    Some((argument_mode(n.mode()), self.optional_type(n.arg_type.as_ref())))
                }
                _ => None,
            };
            Some(n.objfuncargs.iter().filter_map(argument).collect())
        };
        let name = qualified(&n.objname, self.tokens().name_span(at));
        ObjectRef { kind, name, part: None, signature: Some(Signature { arguments }) }
    }

    pub(super) fn drop(&self, n: &pb::DropStmt) -> Drop {
        let start = self.after_kind(n.remove_type(), 1);
        Drop {
            objects: self.object_list(n.remove_type(), &n.objects, start),
            if_exists: n.missing_ok,
            cascade: n.behavior() == DropBehavior::DropCascade,
        }
    }

    pub(super) fn drop_role(&self, n: &pb::DropRoleStmt) -> Drop {
        let start = self.after_kind(O::ObjectRole, 1);
        let objects = self.object_list(O::ObjectRole, &n.roles, start);
        Drop { objects, if_exists: n.missing_ok, cascade: false }
    }

    pub(super) fn drop_database(&self, n: &pb::DropdbStmt) -> Drop {
        self.drop_named(O::ObjectDatabase, &n.dbname, n.missing_ok, false)
    }

    pub(super) fn drop_subscription(&self, n: &pb::DropSubscriptionStmt) -> Drop {
        let cascade = n.behavior() == DropBehavior::DropCascade;
        self.drop_named(O::ObjectSubscription, &n.subname, n.missing_ok, cascade)
    }

    fn drop_named(&self, kind: O, name: &str, if_exists: bool, cascade: bool) -> Drop {
        let span = self.token_span(self.after_kind(kind, 1));
        let name = ObjectName { schema: None, name: Ident::new(name), span };
        let object = ObjectRef { kind: object_kind(kind), name, part: None, signature: None };
        Drop { objects: vec![object], if_exists, cascade }
    }

    pub(super) fn rename(&self, n: &pb::RenameStmt) -> StatementKind {
        let kind = n.rename_type();
        let object = match (&n.relation, n.object.as_deref()) {
            (Some(range), _) => self.renamed_relation(n, range),
            (None, Some(node)) if kind == O::ObjectDomconstraint => {
                let at = self.after_kind(O::ObjectDomain, 1);
                ObjectRef { kind: ObjectKind::DomainConstraint, ..self.object(O::ObjectDomain, node, at) }
                    .with_part(&n.subname, self.renamed_part())
            }
            (None, Some(node)) => self.object(kind, node, self.after_kind(kind, 1)),
            (None, None) => {
                // Schemas, roles and databases have no node of their own.
                let span = self.token_span(self.after_kind(kind, 1));
                let name = ObjectName { schema: None, name: Ident::new(&n.subname), span };
                ObjectRef { kind: object_kind(kind), name, part: None, signature: None }
            }
        };
        StatementKind::Rename(Box::new(Rename {
            object,
            if_exists: n.missing_ok,
            cascade: n.behavior() == DropBehavior::DropCascade,
            to: Ident::new(&n.newname),
        }))
    }

    /// A relation, or what is on one.
    fn renamed_relation(&self, n: &pb::RenameStmt, range: &pb::RangeVar) -> ObjectRef {
        let kind = n.rename_type();
        let object =
            ObjectRef { kind: object_kind(kind), name: self.relation(range), part: None, signature: None };
        match kind {
            O::ObjectPolicy | O::ObjectTrigger | O::ObjectRule => {
                object.with_part(&n.subname, self.token_span(self.after_kind(kind, 1)))
            }
            O::ObjectColumn | O::ObjectTabconstraint | O::ObjectAttribute => {
                object.with_part(&n.subname, self.renamed_part())
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

    pub(super) fn set_schema(&self, n: &pb::AlterObjectSchemaStmt) -> StatementKind {
        let object = self.relation_or_object(n.object_type(), n.relation.as_ref(), n.object.as_deref());
        let schema = Ident::new(&n.newschema);
        StatementKind::SetSchema { object: Box::new(object), if_exists: n.missing_ok, schema }
    }

    pub(super) fn set_owner(&self, n: &pb::AlterOwnerStmt) -> StatementKind {
        let object = self.relation_or_object(n.object_type(), n.relation.as_ref(), n.object.as_deref());
        let owner = n.newowner.as_ref().map_or(RoleName::Current, role);
        StatementKind::SetOwner { object: Box::new(object), owner }
    }

    fn relation_or_object(&self, kind: O, range: Option<&pb::RangeVar>, node: Option<&Node>) -> ObjectRef {
        match (range, node) {
            (Some(range), _) => {
                ObjectRef { kind: object_kind(kind), name: self.relation(range), part: None, signature: None }
            }
            (None, Some(node)) => self.object(kind, node, self.after_kind(kind, 1)),
            (None, None) => self.object(kind, &Node::default(), 0),
        }
    }

    pub(super) fn comment(&self, n: &pb::CommentStmt) -> StatementKind {
        let kind = n.objtype();
        let at = self.after_kind(kind, 2);
        let object = match n.object.as_deref() {
            Some(node) => self.object(kind, node, at),
            None => self.object(kind, &Node::default(), at),
        };
        let text = (!n.comment.is_empty()).then(|| n.comment.clone());
        StatementKind::Comment { object: Box::new(object), text }
    }
}

impl ObjectRef {
    fn with_part(self, name: &str, span: Span) -> Self {
        Self { part: Some(Spanned { value: Ident::new(name), span }), ..self }
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
