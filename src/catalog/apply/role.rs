//! Roles, their memberships and their settings.

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::apply::setting::stored_name;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::Origin;
use crate::catalog::role::Role;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterRole, CreateRole, GrantRole, ObjectKind, RoleAttributes, RoleName, SettingChange,
};

impl Catalog {
    /// The role that a statement names; `None` for PUBLIC.
    pub(super) fn role_ident(&self, name: &RoleName) -> Option<Ident> {
        match name {
            RoleName::Role(role) => Some(role.clone()),
            RoleName::Current => Some(self.session.role.clone()),
            RoleName::Public => None,
        }
    }

    pub(super) fn grantee(&self, name: &RoleName) -> Grantee {
        self.role_ident(name).map_or(Grantee::Public, Grantee::Role)
    }

    /// Whether there is such a role; those that PostgreSQL itself brings (`pg_monitor`) are not
    /// listed.
    pub(super) fn require_role(&self, role: &Ident) -> Applied {
        if self.roles.contains_key(role) || role.starts_with("pg_") {
            Ok(())
        } else {
            Err(Misfit::missing(ObjectKind::Role, role))
        }
    }

    pub(super) fn require_roles<'a>(&self, names: impl IntoIterator<Item = &'a RoleName>) -> Applied {
        names
            .into_iter()
            .filter_map(|name| self.role_ident(name))
            .try_for_each(|role| self.require_role(&role))
    }
}

pub(super) fn create(catalog: &mut Catalog, create: &CreateRole, origin: Origin) -> Applied {
    let name = &create.name.value;
    if catalog.roles.contains_key(name) {
        return Err(Misfit::exists(ObjectKind::Role, name));
    }
    catalog.require_roles(create.member_of.iter().chain(&create.members))?;
    let mut role = Role::new(name.clone(), origin);
    set_attributes(&mut role, &create.attributes, origin);
    let member_of = create.member_of.iter().filter_map(|name| catalog.role_ident(name));
    role.member_of = member_of.map(|name| (name, origin)).collect();
    catalog.roles.insert(name.clone(), role);
    // Who creates a role without being a superuser becomes its member (PostgreSQL manual, section
    // 22.3, createrole_self_grant aside: the platform's postgres may set the new role).
    let creator = catalog.session.role.clone();
    let creator = (!catalog.roles.get(&creator).is_none_or(|role| role.superuser)).then_some(creator);
    let members = create.members.iter().filter_map(|name| catalog.role_ident(name)).chain(creator);
    for member in members.collect::<Vec<_>>() {
        add_member(catalog, &member, name, origin);
    }
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, alter: &AlterRole, origin: Origin) -> Applied {
    let name = catalog.role_ident(&alter.name).ok_or(Misfit::missing(ObjectKind::Role, "public"))?;
    catalog.require_role(&name)?;
    if let Some(role) = catalog.roles.get_mut(&name) {
        set_attributes(role, &alter.attributes, origin);
        role.history.touch(origin);
    }
    Ok(())
}

/// ALTER ROLE … SET. What ALL roles get is kept with what the database sets.
pub(super) fn alter_set(
    catalog: &mut Catalog,
    role: Option<&RoleName>,
    change: &SettingChange,
    origin: Origin,
) -> Applied {
    let Some(name) = role.and_then(|role| catalog.role_ident(role)) else {
        return alter_database_set(catalog, change);
    };
    catalog.require_role(&name)?;
    let value = catalog.stored_setting(change);
    if name == "authenticator" && change.name == "pgrst.db_schemas" {
        expose(catalog, value.as_deref(), change.span);
    }
    if let Some(role) = catalog.roles.get_mut(&name) {
        set(&mut role.config, change, value);
        role.history.touch(origin);
    }
    Ok(())
}

/// The Data API reads its schemas from a setting of the role that it connects as, before those of its
/// configuration (PostgREST manual, in-database configuration).
fn expose(catalog: &mut Catalog, schemas: Option<&str>, span: Span) {
    let Some(schemas) = schemas else { return };
    let names = schemas.split(',').map(|name| Ident::new(name.trim().trim_matches('"')));
    catalog.api.schemas = names.filter(|name| !name.is_empty()).collect();
    catalog.api.exposed_at = catalog.api.schemas.iter().map(|name| (name.clone(), span)).collect();
}

/// ALTER DATABASE … SET
pub(super) fn alter_database_set(catalog: &mut Catalog, change: &SettingChange) -> Applied {
    let value = catalog.stored_setting(change);
    set(&mut catalog.database_settings, change, value);
    Ok(())
}

pub(super) fn grant(catalog: &mut Catalog, grant: &GrantRole, origin: Origin) -> Applied {
    grant.roles.iter().try_for_each(|role| catalog.require_role(role))?;
    catalog.require_roles(&grant.grantees)?;
    if grant.option_only {
        return Ok(());
    }
    let members: Vec<Ident> = grant.grantees.iter().filter_map(|name| catalog.role_ident(name)).collect();
    for member in &members {
        for role in &grant.roles {
            if grant.is_grant {
                add_member(catalog, member, role, origin);
            } else if let Some(member) = catalog.roles.get_mut(member) {
                member.member_of.shift_remove(role);
                member.history.touch(origin);
            }
        }
    }
    Ok(())
}

/// Takes a role out, with what others hold through it. Nothing may be its own, granted to it or
/// limited to it.
pub(super) fn remove(catalog: &mut Catalog, name: &Ident) -> Applied {
    if let Some(dependent) = super::owned::dependent_on(catalog, name) {
        return Err(Misfit::refused(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("role {name} cannot be dropped because {dependent} depends on it"),
        ));
    }
    catalog.roles.shift_remove(name);
    for role in catalog.roles.values_mut() {
        role.member_of.shift_remove(name);
    }
    Ok(())
}

/// Gives a role another name, everywhere it stands.
pub(super) fn rename(catalog: &mut Catalog, old: &Ident, new: &Ident) -> Applied {
    catalog.require_role(old)?;
    if catalog.roles.contains_key(new) {
        return Err(Misfit::exists(ObjectKind::Role, new));
    }
    if let Some(at) = catalog.roles.get_index_of(old) {
        crate::catalog::register::rename_key(&mut catalog.roles, at, new.clone());
        catalog.roles[at].name = new.clone();
    }
    for role in catalog.roles.values_mut() {
        if let Some(origin) = role.member_of.shift_remove(old) {
            role.member_of.insert(new.clone(), origin);
        }
    }
    for owner in super::owner::owners(catalog).filter(|owner| **owner == *old) {
        *owner = new.clone();
    }
    for acl in super::owner::acls(catalog) {
        for entry in acl.entries.iter_mut().filter(|entry| entry.grantee == Grantee::Role(old.clone())) {
            entry.grantee = Grantee::Role(new.clone());
        }
    }
    for policy in catalog.tables.values_mut().flat_map(|table| table.policies.values_mut()) {
        for role in policy.roles.value.iter_mut().filter(|role| **role == Grantee::Role(old.clone())) {
            *role = Grantee::Role(new.clone());
        }
    }
    Ok(())
}

fn add_member(catalog: &mut Catalog, member: &Ident, role: &Ident, origin: Origin) {
    if let Some(member) = catalog.roles.get_mut(member)
        && !member.member_of.contains_key(role)
    {
        member.member_of.insert(role.clone(), origin);
        member.history.touch(origin);
    }
}

fn set_attributes(role: &mut Role, attributes: &RoleAttributes, origin: Origin) {
    if attributes.bypassrls.is_some() {
        role.bypassrls_origin = origin;
    }
    let pairs = [
        (&mut role.superuser, attributes.superuser),
        (&mut role.inherit, attributes.inherit),
        (&mut role.createrole, attributes.createrole),
        (&mut role.createdb, attributes.createdb),
        (&mut role.login, attributes.login),
        (&mut role.replication, attributes.replication),
        (&mut role.bypassrls, attributes.bypassrls),
    ];
    for (attribute, said) in pairs {
        *attribute = said.unwrap_or(*attribute);
    }
}

/// Carries a SET or RESET out on stored settings.
fn set(config: &mut IndexMap<Ident, String>, change: &SettingChange, value: Option<String>) {
    match value {
        _ if change.name.is_empty() => config.clear(),
        Some(value) => {
            config.insert(stored_name(&change.name), value);
        }
        None => {
            config.shift_remove(&stored_name(&change.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::acl::Grantee;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn a_created_role_has_its_creator_as_member() {
        let catalog = Bench::new(
            "create role staff nologin bypassrls; create user bot in role staff;
             alter role staff set statement_timeout = '5s'; alter role bot set search_path = '';
             alter database postgres set app.x = '1';",
        )
        .catalog;
        assert!(catalog.roles["postgres"].member_of.contains_key("staff"));
        assert!(catalog.roles["staff"].bypassrls && !catalog.roles["staff"].login);
        assert!(catalog.roles["bot"].login && catalog.roles["bot"].member_of.contains_key("staff"));
        assert_eq!(catalog.roles["staff"].config["statement_timeout"], "5s");
        assert_eq!(catalog.roles["bot"].config["search_path"], "\"\"");
        assert_eq!(catalog.database_settings["app.x"], "1");
    }

    #[test]
    fn members_come_and_go() {
        let text = "create role staff; grant staff to anon, authenticated; revoke staff from anon;";
        let catalog = Bench::new(text).catalog;
        assert!(catalog.roles["authenticated"].member_of.contains_key("staff"));
        assert!(!catalog.roles["anon"].member_of.contains_key("staff"));
        let catalog = Bench::new("create role staff; grant staff to anon; drop role staff;").catalog;
        assert!(catalog.roles["anon"].member_of.is_empty());
    }

    #[test]
    fn a_renamed_role_keeps_what_it_has() {
        let catalog = Bench::new(
            "create role staff; create table t (a int); grant select on t to staff;
             alter table t owner to staff; create policy p on t to staff using (true);
             alter role staff rename to crew;",
        )
        .catalog;
        let table = catalog.table(&QName::new("public", "t")).expect("t is made");
        assert_eq!(table.owner.value, "crew");
        assert!(!table.acl.granted(&Grantee::role("crew")).is_empty());
        assert_eq!(table.policies["p"].roles.value, [Grantee::role("crew")]);
    }
}
