//! ALTER DEFAULT PRIVILEGES, and what new objects start with.

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Privileges};
use crate::catalog::apply::Applied;
use crate::catalog::origin::{History, Origin};
use crate::catalog::revocation::DefaultKey;
use crate::catalog::role::DefaultPrivileges;
use crate::sql::name::Ident;
use crate::sql::statement::{AlterDefaultPrivileges, ObjectKind};

impl Catalog {
    /// The grants that a new object starts with. `schema` is not looked at for schemas.
    ///
    /// Default privileges for all schemas stand in place of the built-in ones; those of one schema
    /// are added and can take nothing away (PostgreSQL manual, ALTER DEFAULT PRIVILEGES).
    pub fn initial_acl(&self, kind: ObjectKind, owner: &Ident, schema: &Ident) -> Acl {
        let kind = family(kind);
        let mut acl = match self.default_privileges(owner, None, kind) {
            Some(everywhere) => everywhere.acl.clone(),
            None => Acl::built_in(kind, owner),
        };
        if kind != ObjectKind::Schema
            && let Some(here) = self.default_privileges(owner, Some(schema), kind)
        {
            acl.merge(&here.acl);
        }
        acl.entries.iter_mut().for_each(|entry| entry.by_default = entry.privileges);
        acl
    }

    fn default_privileges(
        &self,
        owner: &Ident,
        schema: Option<&Ident>,
        kind: ObjectKind,
    ) -> Option<&DefaultPrivileges> {
        self.default_privileges
            .iter()
            .find(|row| row.kind == kind && row.owner == *owner && row.schema.as_ref() == schema)
    }
}

/// The kind that default privileges know an object as.
fn family(kind: ObjectKind) -> ObjectKind {
    match kind {
        ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::ForeignTable => ObjectKind::Table,
        ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => ObjectKind::Function,
        ObjectKind::Domain => ObjectKind::Type,
        other => other,
    }
}

pub(super) fn alter(catalog: &mut Catalog, alter: &AlterDefaultPrivileges, origin: Origin) -> Applied {
    let owners = if alter.roles.is_empty() {
        vec![catalog.session.role.clone()]
    } else {
        alter.roles.iter().filter_map(|role| catalog.role_ident(role)).collect()
    };
    for owner in &owners {
        catalog.require_role(owner)?;
    }
    for grantee in alter.grantees.iter().filter_map(|role| catalog.role_ident(role)) {
        catalog.require_role(&grantee)?;
    }
    for schema in &alter.schemas {
        catalog.require_namespace(schema)?;
    }
    for owner in &owners {
        if alter.schemas.is_empty() {
            change(catalog, alter, owner, None, origin);
        }
        for schema in &alter.schemas {
            change(catalog, alter, owner, Some(schema), origin);
        }
    }
    Ok(())
}

fn change(
    catalog: &mut Catalog,
    alter: &AlterDefaultPrivileges,
    owner: &Ident,
    schema: Option<&Ident>,
    origin: Origin,
) {
    let kind = family(alter.kind);
    let all = Privileges::all_on(kind);
    let privileges = if alter.privileges.is_empty() {
        all
    } else {
        let listed = alter.privileges.iter().map(|spec| match spec.privilege {
            Some(privilege) => Privileges::of(&[privilege]),
            None => all,
        });
        listed.fold(Privileges::NONE, Privileges::union)
    };
    let grantees: Vec<_> = alter.grantees.iter().map(|role| catalog.grantee(role)).collect();
    let built_in = starting_point(owner, schema, kind);
    let found = catalog
        .default_privileges
        .iter()
        .position(|row| row.kind == kind && row.owner == *owner && row.schema.as_ref() == schema);
    let at = found.unwrap_or_else(|| {
        catalog.default_privileges.push(DefaultPrivileges {
            owner: owner.clone(),
            schema: schema.cloned(),
            kind,
            acl: built_in.clone(),
            history: History::new(origin),
        });
        catalog.default_privileges.len() - 1
    });
    let row = &mut catalog.default_privileges[at];
    row.history.touch(origin);
    for grantee in &grantees {
        if alter.is_grant {
            row.acl.grant(grantee, privileges, alter.grant_option, origin);
        } else {
            row.acl.revoke(grantee, privileges, alter.grant_option);
        }
        let key =
            DefaultKey { owner: owner.clone(), schema: schema.cloned(), kind, grantee: grantee.clone() };
        if !alter.grant_option {
            catalog.revocations.note_default(key, privileges.intersection(all), alter.is_grant, origin);
        }
    }
    forget_idle(catalog);
}

/// What a row says before anything is granted or revoked.
fn starting_point(owner: &Ident, schema: Option<&Ident>, kind: ObjectKind) -> Acl {
    if schema.is_some() { Acl::default() } else { Acl::built_in(kind, owner) }
}

/// The server keeps no row that says what holds anyway.
pub(super) fn forget_idle(catalog: &mut Catalog) {
    catalog
        .default_privileges
        .retain(|row| !row.acl.same_rights(&starting_point(&row.owner, row.schema.as_ref(), row.kind)));
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    const FUNCTION: &str = "create function f() returns int language sql as 'select 1';";

    fn anon_executes(text: &str) -> bool {
        let catalog: Catalog = Bench::new(&format!("-- explicit\n{text}\n{FUNCTION}")).catalog;
        let function = catalog.functions_named(&QName::new("public", "f")).next().expect("f is made");
        catalog.can_execute(&"anon".into(), function)
    }

    #[test]
    fn one_schema_cannot_take_what_is_built_in() {
        assert!(anon_executes(""));
        assert!(anon_executes(
            "alter default privileges in schema public revoke execute on functions from public;"
        ));
        assert!(!anon_executes("alter default privileges revoke execute on functions from public;"));
        assert!(anon_executes(
            "alter default privileges for role supabase_admin revoke all on functions from public;"
        ));
    }

    #[test]
    fn a_row_that_says_nothing_is_not_kept() {
        let bench = Bench::new(
            "alter default privileges revoke execute on functions from public;
             alter default privileges grant execute on functions to public;
             alter default privileges in schema public revoke all on types from public;",
        );
        assert!(bench.catalog.default_privileges.iter().all(|row| row.schema.is_some()));
        let fresh = Catalog::supabase(bench.catalog.exposure);
        assert_eq!(bench.catalog.default_privileges.len(), fresh.default_privileges.len());
    }
}
