//! What a REVOKE was to take away and did not: another grant gives it.
//!
//! What is still held right after the statement is noted; whether it is held in the end is asked
//! later. A grant by name that comes after it is meant.

use crate::map::{IndexMap, IndexSet};

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::role::Role;
use crate::catalog::table::Column;
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::ObjectKind;

/// REVOKE statements that left something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations {
    objects: IndexMap<(Oid, Option<i16>, Grantee), Vec<Revocation>>,
    defaults: IndexMap<DefaultKey, Revocation>,
    /// What was ever revoked of an object from a role by its name.
    named: IndexMap<(Oid, Grantee), Privileges>,
}

#[derive(Clone, Debug)]
struct Revocation {
    privileges: Privileges,
    span: Span,
}

/// What ALTER DEFAULT PRIVILEGES … REVOKE is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DefaultKey {
    /// The role whose new objects are meant.
    pub owner: Ident,
    /// `None`: everywhere.
    pub schema: Option<Ident>,
    pub kind: ObjectKind,
    pub grantee: Grantee,
}

/// What a role of requests still holds although a REVOKE names it, or PUBLIC.
#[derive(Clone, Debug)]
pub struct Left<'a> {
    /// The table, view or function.
    pub object: Oid,
    /// The column, where the REVOKE names it.
    pub column: Option<i16>,
    /// Whom the REVOKE names.
    pub grantee: &'a Grantee,
    pub role: &'a Role,
    pub privileges: Privileges,
    /// Whose grants give them.
    pub through: Vec<Grantee>,
    /// The statements that granted, where it is not the platform.
    pub grants: Vec<Span>,
    /// The REVOKE.
    pub span: Span,
}

/// What new objects still give although ALTER DEFAULT PRIVILEGES … REVOKE names it.
#[derive(Clone, Debug)]
pub struct LeftByDefault<'a> {
    pub key: &'a DefaultKey,
    /// The roles of requests that get it.
    pub roles: Vec<&'a Role>,
    pub privileges: Privileges,
    /// Whose default grants give it.
    pub through: Vec<Grantee>,
    pub span: Span,
}

impl Revocations {
    fn named(&self, object: Oid, role: &Role) -> Privileges {
        self.named.get(&(object, role.grantee())).copied().unwrap_or(Privileges::NONE)
    }

    /// Notes what default privileges were to lose, or that they have it again.
    pub(super) fn note_default(
        &mut self,
        key: DefaultKey,
        privileges: Privileges,
        is_grant: bool,
        origin: Origin,
    ) {
        match (self.defaults.get_mut(&key), origin) {
            (Some(known), _) if is_grant => known.privileges = known.privileges.without(privileges),
            (_, Origin::Statement(span)) if !is_grant => {
                self.defaults.insert(key, Revocation { privileges, span });
            }
            _ => {}
        }
    }
}

/// The grants on an object as a whole: a REVOKE of columns takes what was granted on these, and nothing
/// from those.
struct Grants<'a> {
    name: &'a QName,
    owner: &'a Ident,
    kind: ObjectKind,
    acl: &'a Acl,
}

impl Catalog {
    /// What was ever revoked of an object from a role by its name.
    pub fn revoked_by_name(&self, object: Oid, role: &Role) -> Privileges {
        self.revocations.named(object, role)
    }

    /// Notes what is still held of these privileges after a REVOKE from this grantee. Those who are
    /// not asked about by requests are left out.
    pub(super) fn note_revocation(
        &mut self,
        object: Oid,
        column: Option<i16>,
        grantee: &Grantee,
        privileges: Privileges,
        span: Span,
    ) {
        if column.is_none() && *grantee != Grantee::Public {
            let named = self.revocations.named.entry((object, grantee.clone())).or_insert(Privileges::NONE);
            *named = named.union(privileges);
        }
        let key = (object, column, grantee.clone());
        let still = match self.grants_on(object, column) {
            Some(grants) => self
                .named_by(grantee)
                .map(|role| self.effective(&role.name, grants.acl))
                .fold(Privileges::NONE, Privileges::union)
                .intersection(privileges),
            None => Privileges::NONE,
        };
        let known = self.revocations.objects.entry(key).or_default();
        match known.last_mut() {
            // `revoke select (a), update (a)` names the column twice.
            Some(last) if last.span == span => last.privileges = last.privileges.union(still),
            _ => {
                // The last REVOKE of a privilege is the one that counts.
                known.iter_mut().for_each(|earlier| {
                    earlier.privileges = earlier.privileges.without(privileges);
                });
                known.push(Revocation { privileges: still, span });
            }
        }
        known.retain(|revocation| !revocation.privileges.is_empty());
    }

    /// The number of a column of a table or view.
    pub(super) fn attnum(&self, relation: Oid, column: &Ident) -> Option<i16> {
        let named =
            |columns: &[Column]| columns.iter().find(|known| known.name == *column).map(|known| known.attnum);
        let table = self.tables.get(&relation).and_then(|table| named(&table.columns));
        table.or_else(|| self.views.get(&relation).and_then(|view| named(&view.columns)))
    }

    /// What roles of requests hold in the end of what a REVOKE names, in the order of objects.
    ///
    /// A REVOKE from PUBLIC leaves what the roles were given by name. That counts where they have it
    /// as a default, and where none of those who do has lost it: who closes an object for one of
    /// them knows of the others.
    pub fn left_by_revokes(&self) -> Vec<Left<'_>> {
        let mut list = Vec::new();
        let each = self.revocations.objects.iter();
        let each = each.flat_map(|(key, revocations)| revocations.iter().map(move |one| (key, one)));
        for ((object, column, grantee), revocation) in each {
            let Some(grants) = self.grants_on(*object, *column) else { continue };
            if *grantee == Grantee::Public && self.is_closed_to_some(*object, &grants, revocation.privileges)
            {
                continue;
            }
            for role in self.named_by(grantee) {
                let mut privileges =
                    self.effective(&role.name, grants.acl).intersection(revocation.privileges);
                let mut through = Vec::new();
                let mut spans = IndexSet::default();
                for entry in &grants.acl.entries {
                    if entry.privileges.intersection(privileges).is_empty()
                        || !self.has_share_in(role, &entry.grantee)
                    {
                        continue;
                    }
                    let again = entry.grantee == *grantee || *grantee == Grantee::Public;
                    let meant = entry.privileges.without(entry.by_default);
                    if again && column.is_none() {
                        privileges = privileges.without(meant);
                    }
                    if !entry.privileges.intersection(privileges).is_empty() {
                        through.push(entry.grantee.clone());
                        spans.extend(entry.origin.span());
                    }
                }
                if !privileges.is_empty() && !through.is_empty() {
                    through.dedup();
                    list.push(Left {
                        object: *object,
                        column: *column,
                        grantee,
                        role,
                        privileges,
                        through,
                        grants: spans.into_iter().collect(),
                        span: revocation.span,
                    });
                }
            }
        }
        list
    }

    /// What objects that migrations make from now on give to roles of requests, of what a statement
    /// has taken out of the default privileges.
    pub fn left_by_default_revokes(&self) -> Vec<LeftByDefault<'_>> {
        let migrates = &self.session.role;
        let mut list = Vec::new();
        for (key, revocation) in &self.revocations.defaults {
            let schema = key.schema.clone().unwrap_or_else(|| "public".into());
            let acl = self.initial_acl(key.kind, migrates, &schema);
            let given = |role: &Role| self.effective(&role.name, &acl).intersection(revocation.privileges);
            let mut roles: Vec<&Role> = self
                .named_by(&key.grantee)
                .filter(|role| self.can_use_namespace(&role.name, &schema))
                .collect();
            let before = roles.len();
            roles.retain(|role| !given(role).is_empty());
            let by_name = |other: &DefaultKey| other.kind == key.kind && other.grantee != Grantee::Public;
            let knows = key.grantee == Grantee::Public
                && (roles.len() < before || self.revocations.defaults.keys().any(by_name));
            let everybody = acl.granted(&Grantee::Public).intersection(revocation.privileges);
            if roles.is_empty() || knows && everybody.is_empty() {
                continue;
            }
            let privileges = roles.iter().map(|role| given(role)).fold(Privileges::NONE, Privileges::union);
            let gives = |grantee: &&Grantee| roles.iter().any(|role| self.has_share_in(role, grantee));
            let entries =
                acl.entries.iter().filter(|entry| !entry.privileges.intersection(privileges).is_empty());
            let through = entries.map(|entry| &entry.grantee).filter(gives).cloned().collect();
            list.push(LeftByDefault { key, roles, privileges, through, span: revocation.span });
        }
        list
    }

    /// The grants on an object; `None` where it, or the column, is gone.
    fn grants_on(&self, object: Oid, column: Option<i16>) -> Option<Grants<'_>> {
        if let Some(function) = self.functions.get(&object) {
            let (name, owner, acl) = (&function.name, &function.owner, &function.acl);
            return Some(Grants { name, owner, kind: ObjectKind::Function, acl });
        }
        let (name, owner, acl, columns) = match self.tables.get(&object) {
            Some(table) => (&table.name, &table.owner.value, &table.acl, &table.columns),
            None => {
                let view = self.views.get(&object)?;
                (&view.name, &view.owner, &view.acl, &view.columns)
            }
        };
        let is_there = column.is_none_or(|attnum| columns.iter().any(|known| known.attnum == attnum));
        is_there.then_some(Grants { name, owner, kind: ObjectKind::Table, acl })
    }

    /// The roles of requests that a REVOKE from this grantee is about.
    fn named_by(&self, grantee: &Grantee) -> impl Iterator<Item = &Role> {
        self.api_roles().filter(move |role| *grantee == Grantee::Public || *grantee == role.grantee())
    }

    /// Whether a role has what is granted to this grantee.
    fn has_share_in(&self, role: &Role, grantee: &Grantee) -> bool {
        match grantee {
            Grantee::Public => true,
            Grantee::Role(name) => self.inherits(&role.name, name),
        }
    }

    /// Whether a role that new objects are granted to by name has lost these privileges on this one. It may
    /// have been granted them again, by who knew what was lost.
    fn is_closed_to_some(&self, object: Oid, grants: &Grants<'_>, privileges: Privileges) -> bool {
        let by_default = self.initial_acl(grants.kind, grants.owner, &grants.name.schema);
        self.api_roles().any(|role| {
            let given = by_default.granted(&role.grantee()).intersection(privileges);
            let left = self.effective(&role.name, grants.acl).intersection(given);
            !given.is_empty() && left.without(self.revocations.named(object, role)).is_empty()
        })
    }
}
