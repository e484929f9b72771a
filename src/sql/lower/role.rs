//! Roles, privileges, extensions and publications.

use pg_raw_parse::raw::{
    AlterPublicationAction, DropBehavior, GrantTargetType, ObjectType, PublicationObjSpecType, RoleStmtType,
};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::function::is_true;
use super::name::{definition, definitions, idents, items, optional, required, role, roles, value};
use super::object::object_kind;
use super::policy::role_name;
use crate::source::Spanned;
use crate::sql::name::Ident;
use crate::sql::parser::{List, present};
use crate::sql::statement::{
    AlterDefaultPrivileges, AlterRole, CreateExtension, CreateRole, Grant, GrantRole, GrantTarget, Privilege,
    PrivilegeSpec, Publication, PublicationAction, PublishedTable, RoleAttributes, RoleName, StatementKind,
};

impl Cx<'_> {
    pub(super) fn create_role(&self, n: &pg::CreateRoleStmt) -> CreateRole {
        let mut attributes = role_attributes(n.options());
        if n.stmt_type == RoleStmtType::ROLESTMT_USER && attributes.login.is_none() {
            // CREATE USER means LOGIN.
            attributes.login = Some(true);
        }
        let listed = |names: &[&str]| {
            let lists = definitions(n.options())
                .filter(|option| names.contains(&option.defname().unwrap_or_default()));
            lists.flat_map(|option| roles(items(option.arg()))).collect()
        };
        CreateRole {
            name: Spanned { value: required(n.role()), span: self.token_span(2) },
            attributes,
            member_of: listed(&["addroleto"]),
            members: listed(&["rolemembers", "adminmembers"]),
        }
    }

    pub(super) fn alter_role(&self, n: &pg::AlterRoleStmt) -> StatementKind {
        let name = n.role().map_or(RoleName::Current, role);
        let members = definition(n.options(), "rolemembers");
        // ALTER GROUP … ADD USER
        if let (Some(members), RoleName::Role(group)) = (members, &name) {
            return StatementKind::GrantRole(GrantRole {
                is_grant: n.action > 0,
                roles: vec![group.clone()],
                grantees: roles(items(members.arg())),
                option_only: false,
            });
        }
        StatementKind::AlterRole(AlterRole { name, attributes: role_attributes(n.options()) })
    }

    pub(super) fn alter_role_set(&self, n: &pg::AlterRoleSetStmt) -> StatementKind {
        match n.setstmt().and_then(|set| self.setting(set, self.setting_start())) {
            Some(change) => StatementKind::AlterRoleSet { role: n.role().map(role), change },
            None => StatementKind::Other("ALTER ROLE"),
        }
    }

    pub(super) fn alter_database_set(&self, n: &pg::AlterDatabaseSetStmt) -> StatementKind {
        match n.setstmt().and_then(|set| self.setting(set, self.setting_start())) {
            Some(change) => StatementKind::AlterDatabaseSet { change },
            None => StatementKind::Other("ALTER DATABASE"),
        }
    }

    /// The index of SET or RESET after `ALTER ROLE name`.
    fn setting_start(&self) -> usize {
        let tokens = self.tokens();
        let opens = |at: usize| tokens.is_word(at, "set") || tokens.is_word(at, "reset");
        tokens.find(3, |_, at| opens(at)).unwrap_or(0)
    }

    pub(super) fn grant(&self, n: &pg::GrantStmt) -> StatementKind {
        if n.objtype == ObjectType::OBJECT_PARAMETER_ACL {
            return StatementKind::Other("GRANT ON PARAMETER");
        }
        let target = match n.targtype {
            GrantTargetType::ACL_TARGET_ALL_IN_SCHEMA => {
                GrantTarget::AllInSchemas { kind: object_kind(n.objtype), schemas: idents(n.objects()) }
            }
            _ => GrantTarget::Objects(self.granted_objects(n)),
        };
        StatementKind::Grant(Grant {
            is_grant: n.is_grant,
            privileges: privileges(n.privileges()),
            target,
            grantees: roles(n.grantees()),
            grant_option: n.grant_option,
            cascade: n.behavior == DropBehavior::DROP_CASCADE,
        })
    }

    fn granted_objects(&self, n: &pg::GrantStmt) -> Vec<crate::sql::statement::ObjectRef> {
        let tokens = self.tokens();
        let on = tokens.find_word(1, "on").map_or(0, |at| at + 1);
        // TABLE is optional, and a table may be named like a kind.
        let start = self.after_kind(n.objtype, on);
        self.object_list(n.objtype, n.objects(), start)
    }

    pub(super) fn grant_role(&self, n: &pg::GrantRoleStmt) -> GrantRole {
        GrantRole {
            is_grant: n.is_grant,
            roles: n.granted_roles().items().filter_map(role_name).collect(),
            grantees: roles(n.grantee_roles()),
            option_only: !n.is_grant && !n.opt().is_empty(),
        }
    }

    pub(super) fn alter_default_privileges(&self, n: &pg::AlterDefaultPrivilegesStmt) -> StatementKind {
        let Some(action) = n.action() else {
            return StatementKind::Other("ALTER DEFAULT PRIVILEGES");
        };
        let option =
            |name: &str| items(definition(n.options(), name).map_or(Node::None, |option| option.arg()));
        StatementKind::AlterDefaultPrivileges(AlterDefaultPrivileges {
            roles: roles(option("roles")),
            schemas: idents(option("schemas")),
            is_grant: action.is_grant,
            privileges: privileges(action.privileges()),
            kind: object_kind(action.objtype),
            grantees: roles(action.grantees()),
            grant_option: action.grant_option,
        })
    }

    pub(super) fn create_extension(&self, n: &pg::CreateExtensionStmt) -> CreateExtension {
        let option = |name: &str| value(definition(n.options(), name)?.arg());
        CreateExtension {
            name: Spanned { value: required(n.extname()), span: self.token_span(self.skip_if_exists(2)) },
            if_not_exists: n.if_not_exists,
            schema: option("schema").map(Ident::new),
            cascade: option("cascade").is_some_and(|value| value == "true"),
            version: option("new_version"),
        }
    }

    pub(super) fn create_publication(&self, n: &pg::CreatePublicationStmt) -> Publication {
        self.publication(n.pubname(), n.for_all_tables, PublicationAction::Set, n.pubobjects(), n.options())
    }

    pub(super) fn alter_publication(&self, n: &pg::AlterPublicationStmt) -> Publication {
        let action = match n.action {
            _ if n.pubobjects().is_empty() => PublicationAction::Options,
            AlterPublicationAction::AP_AddObjects => PublicationAction::Add,
            AlterPublicationAction::AP_DropObjects => PublicationAction::Drop,
            AlterPublicationAction::AP_SetObjects => PublicationAction::Set,
            _ => PublicationAction::Options,
        };
        self.publication(n.pubname(), n.for_all_tables, action, n.pubobjects(), n.options())
    }

    fn publication<'t>(
        &self,
        name: Option<&str>,
        all_tables: bool,
        action: PublicationAction,
        objects: impl List<'t>,
        options: impl List<'t>,
    ) -> Publication {
        let via_root = definition(options, "publish_via_partition_root");
        let mut publication = Publication {
            name: required(name),
            all_tables,
            action,
            tables: Vec::new(),
            schemas: Vec::new(),
            via_root: via_root.map(is_true),
        };
        for node in objects.items() {
            let Node::PublicationObjSpec(object) = node else { continue };
            match (object.pubobjtype, object.pubtable()) {
                (PublicationObjSpecType::PUBLICATIONOBJ_TABLES_IN_SCHEMA, _) => {
                    publication.schemas.extend(optional(object.name()));
                }
                (_, Some(table)) => publication.tables.push(PublishedTable {
                    name: self.optional_relation(table.relation()),
                    only: table.relation().is_some_and(|relation| !relation.inh),
                    has_filter: present(table.where_clause()).is_some(),
                }),
                _ => {}
            }
        }
        publication
    }
}

fn role_attributes<'t>(options: impl List<'t>) -> RoleAttributes {
    let mut attributes = RoleAttributes::default();
    for option in definitions(options) {
        let said = match option.arg() {
            Node::Boolean(value) => Some(value.boolval),
            Node::Integer(value) => Some(value.ival != 0),
            _ => None,
        };
        match option.defname().unwrap_or_default() {
            "superuser" => attributes.superuser = said,
            "inherit" => attributes.inherit = said,
            "createrole" => attributes.createrole = said,
            "createdb" => attributes.createdb = said,
            "canlogin" => attributes.login = said,
            "isreplication" => attributes.replication = said,
            "bypassrls" => attributes.bypassrls = said,
            _ => {}
        }
    }
    attributes
}

fn privileges<'t>(nodes: impl List<'t>) -> Vec<PrivilegeSpec> {
    let spec = |node: Node<'_>| {
        let Node::AccessPriv(n) = node else { return None };
        let privilege = match n.priv_name() {
            Some(name) => Some(privilege(name)?),
            None => None,
        };
        Some(PrivilegeSpec { privilege, columns: idents(n.cols()) })
    };
    nodes.items().filter_map(spec).collect()
}

fn privilege(name: &str) -> Option<Privilege> {
    Some(match name {
        "select" => Privilege::Select,
        "insert" => Privilege::Insert,
        "update" => Privilege::Update,
        "delete" => Privilege::Delete,
        "truncate" => Privilege::Truncate,
        "references" => Privilege::References,
        "trigger" => Privilege::Trigger,
        "maintain" => Privilege::Maintain,
        "usage" => Privilege::Usage,
        "execute" => Privilege::Execute,
        "create" => Privilege::Create,
        "connect" => Privilege::Connect,
        "temporary" | "temp" => Privilege::Temporary,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::{lower, under};
    use crate::sql::statement::ObjectKind;

    #[test]
    fn grants_are_read() {
        let text = "grant select (a, b), insert on table s.t, u to public, x with grant option";
        let grant = lowered!(Grant, text);
        assert!(grant.is_grant && grant.grant_option && !grant.cascade);
        assert_eq!(grant.privileges[0].columns.len(), 2);
        assert_eq!(grant.privileges[1].privilege, Some(Privilege::Insert));
        assert_eq!(grant.grantees, [RoleName::Public, RoleName::Role("x".into())]);
        let GrantTarget::Objects(objects) = grant.target else { panic!() };
        let places: Vec<_> = objects.iter().map(|object| under(text, object.name.span)).collect();
        assert_eq!(places, ["s.t", "u"]);
        let revoke = lowered!(Grant, "revoke grant option for all (a) on t from x cascade");
        assert!(!revoke.is_grant && revoke.grant_option && revoke.cascade);
        assert_eq!(revoke.privileges, [PrivilegeSpec { privilege: None, columns: vec!["a".into()] }]);
        assert!(lowered!(Grant, "grant all privileges on t to x").privileges.is_empty());
    }

    #[test]
    fn grants_name_objects_of_all_kinds() {
        for (text, kind, place) in [
            ("grant execute on function s.f(int), g to x", ObjectKind::Function, "s.f"),
            ("grant execute on procedure s.f() to x", ObjectKind::Procedure, "s.f"),
            ("grant usage on schema s, u to x", ObjectKind::Schema, "s"),
            ("grant usage on sequence s.q to x", ObjectKind::Sequence, "s.q"),
            ("grant usage on type s.m to x", ObjectKind::Type, "s.m"),
            ("grant usage on domain s.m to x", ObjectKind::Domain, "s.m"),
            ("grant connect on database d to x", ObjectKind::Database, "d"),
            ("grant usage on language l to x", ObjectKind::Language, "l"),
            ("grant usage on foreign server s to x", ObjectKind::ForeignServer, "s"),
            ("grant usage on foreign data wrapper w to x", ObjectKind::ForeignDataWrapper, "w"),
            ("grant select on procedural to x", ObjectKind::Table, "procedural"),
        ] {
            let GrantTarget::Objects(objects) = lowered!(Grant, text).target else { panic!() };
            assert_eq!((objects[0].kind, under(text, objects[0].name.span)), (kind, place));
        }
        let all = lowered!(Grant, "grant execute on all functions in schema s, u to x").target;
        assert_eq!(
            all,
            GrantTarget::AllInSchemas { kind: ObjectKind::Function, schemas: vec!["s".into(), "u".into()] }
        );
    }

    #[test]
    fn default_privileges_are_read() {
        let text = "alter default privileges for role a, current_user in schema s, t \
                    revoke execute on functions from public";
        let change = lowered!(AlterDefaultPrivileges, text);
        assert_eq!(change.roles, [RoleName::Role("a".into()), RoleName::Current]);
        assert_eq!(change.schemas, ["s", "t"].map(Ident::new));
        assert!(!change.is_grant && change.kind == ObjectKind::Function);
        assert_eq!(change.grantees, [RoleName::Public]);
        let change = lowered!(AlterDefaultPrivileges, "alter default privileges grant all on tables to x");
        assert!(change.privileges.is_empty() && change.kind == ObjectKind::Table && change.roles.is_empty());
    }

    #[test]
    fn roles_are_read() {
        let text = "create role \"é\" with login nosuperuser bypassrls in role a role b admin c";
        let role = lowered!(CreateRole, text);
        assert_eq!(under(text, role.name.span), "\"é\"");
        let attributes = &role.attributes;
        assert_eq!((attributes.login, attributes.superuser), (Some(true), Some(false)));
        assert_eq!((attributes.bypassrls, attributes.inherit), (Some(true), None));
        assert_eq!((role.member_of.len(), role.members.len()), (1, 2));
        assert_eq!(lowered!(CreateRole, "create user u").attributes.login, Some(true));
        let altered = lowered!(AlterRole, "alter role current_user noinherit");
        assert_eq!((altered.name, altered.attributes.inherit), (RoleName::Current, Some(false)));
        let member = lowered!(GrantRole, "grant a, b to c with admin option");
        assert!(member.is_grant && member.roles.len() == 2 && !member.option_only);
        assert!(lowered!(GrantRole, "revoke admin option for a from c").option_only);
        assert!(lowered!(GrantRole, "alter group g add user u").is_grant);
    }

    #[test]
    fn settings_of_roles_and_databases_are_read() {
        for (text, place) in [
            ("alter role a in database b set statement_timeout to '3s'", "set statement_timeout to '3s'"),
            ("alter role all reset all", "reset all"),
        ] {
            let StatementKind::AlterRoleSet { role, change } = lower(text) else { panic!() };
            assert_eq!(under(text, change.span), place);
            assert_eq!(role.is_none(), text.contains("role all"));
        }
        let text = "alter database d set a.b = 'x', 'y'";
        let StatementKind::AlterDatabaseSet { change } = lower(text) else { panic!() };
        assert_eq!(under(text, change.span), "set a.b = 'x', 'y'");
    }

    #[test]
    fn extensions_and_publications_are_read() {
        let text = "create extension if not exists \"uuid-ossp\" with schema s version '1' cascade";
        let extension = lowered!(CreateExtension, text);
        assert_eq!(under(text, extension.name.span), "\"uuid-ossp\"");
        assert!(extension.if_not_exists && extension.cascade && extension.schema == Some("s".into()));
        assert_eq!(extension.version.as_deref(), Some("1"));
        let text = "create publication p for table s.t (a) where (a > 1), u, tables in schema v";
        let publication = lowered!(CreatePublication, text);
        assert_eq!(under(text, publication.tables[0].name.span), "s.t");
        assert!(publication.tables[0].has_filter && !publication.tables[1].has_filter);
        assert_eq!(publication.schemas, ["v"]);
        assert!(lowered!(CreatePublication, "create publication p for all tables").all_tables);
        let action = |text: &str| lowered!(AlterPublication, text).action;
        assert_eq!(action("alter publication p add table t"), PublicationAction::Add);
        assert_eq!(action("alter publication p drop table t"), PublicationAction::Drop);
        assert_eq!(action("alter publication p set table t"), PublicationAction::Set);
        assert_eq!(action("alter publication p set (publish = 'insert')"), PublicationAction::Options);
        assert!(matches!(
            lower("create server s foreign data wrapper w"),
            StatementKind::CreateServer { .. }
        ));
    }
}
