//! Access control lists: who was granted what on one object.

use std::fmt;

use crate::catalog::origin::Origin;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, Privilege};

/// Who holds a privilege, or whom a policy names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grantee {
    Public,
    Role(Ident),
}

impl Grantee {
    pub fn role(name: &str) -> Self {
        Self::Role(Ident::new(name))
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Role(role) => write!(f, "{role}"),
        }
    }
}

/// A set of privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges(u16);

impl Privileges {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self::of(&ALL);

    pub const fn of(list: &[Privilege]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < list.len() {
            bits |= 1 << list[at] as u16;
            at += 1;
        }
        Self(bits)
    }

    /// All that can be granted on a kind of object, which is what its owner starts with
    /// (PostgreSQL manual, section 5.8).
    pub fn all_on(kind: ObjectKind) -> Self {
        use Privilege::{
            Connect, Create, Delete, Execute, Insert, Maintain, References, Select, Temporary, Trigger,
            Truncate, Update, Usage,
        };
        Self::of(match kind {
            ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable => {
                &[Select, Insert, Update, Delete, Truncate, References, Trigger, Maintain]
            }
            ObjectKind::Column => &[Select, Insert, Update, References],
            ObjectKind::Sequence => &[Select, Update, Usage],
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                &[Execute]
            }
            ObjectKind::Schema => &[Create, Usage],
            ObjectKind::Database => &[Create, Connect, Temporary],
            ObjectKind::Type
            | ObjectKind::Domain
            | ObjectKind::Language
            | ObjectKind::ForeignServer
            | ObjectKind::ForeignDataWrapper => &[Usage],
            _ => &[],
        })
    }

    pub fn contains(self, privilege: Privilege) -> bool {
        self.0 & (1 << privilege as u16) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        ALL.into_iter().filter(move |privilege| self.contains(*privilege))
    }
}

impl Privilege {
    /// The word that GRANT takes.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::References => "REFERENCES",
            Self::Trigger => "TRIGGER",
            Self::Maintain => "MAINTAIN",
            Self::Usage => "USAGE",
            Self::Execute => "EXECUTE",
            Self::Create => "CREATE",
            Self::Connect => "CONNECT",
            Self::Temporary => "TEMPORARY",
        }
    }
}

const ALL: [Privilege; 13] = [
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Truncate,
    Privilege::References,
    Privilege::Trigger,
    Privilege::Maintain,
    Privilege::Usage,
    Privilege::Execute,
    Privilege::Create,
    Privilege::Connect,
    Privilege::Temporary,
];

/// One grantee's share.
#[derive(Clone, Debug, PartialEq)]
pub struct AclEntry {
    pub grantee: Grantee,
    pub privileges: Privileges,
    /// Those held WITH GRANT OPTION.
    pub grantable: Privileges,
    /// Who granted last.
    pub origin: Origin,
    /// Those of them that new objects start with, and that no GRANT on this one names.
    pub by_default: Privileges,
    /// Those of them that a GRANT names which names this object, too: none by `ALL` or for a whole schema.
    pub by_name: Privileges,
}

/// The grants on one object, its owner's own among them. Defaults are written out when an object
/// is made, as PostgreSQL does with the first GRANT.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acl {
    pub entries: Vec<AclEntry>,
}

impl Acl {
    pub fn entry(&self, grantee: &Grantee) -> Option<&AclEntry> {
        self.entries.iter().find(|entry| entry.grantee == *grantee)
    }

    /// The grants that an object starts with where no default privileges say otherwise: its owner holds all,
    /// and everybody may execute a function and use a type (PostgreSQL manual, section 5.8).
    pub fn built_in(kind: ObjectKind, owner: &Ident) -> Self {
        let mut acl = Self::default();
        acl.grant(&Grantee::Role(owner.clone()), Privileges::all_on(kind), false, Origin::Platform);
        let everybody = match kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                Privileges::of(&[Privilege::Execute])
            }
            ObjectKind::Type | ObjectKind::Domain | ObjectKind::Language => {
                Privileges::of(&[Privilege::Usage])
            }
            _ => Privileges::NONE,
        };
        if !everybody.is_empty() {
            acl.grant(&Grantee::Public, everybody, false, Origin::Platform);
        }
        acl
    }

    /// Whether both give the same to the same, whoever granted it and in whatever order.
    pub fn same_rights(&self, other: &Self) -> bool {
        let holds = |entry: &AclEntry| {
            other
                .entry(&entry.grantee)
                .is_some_and(|own| own.privileges == entry.privileges && own.grantable == entry.grantable)
        };
        self.entries.len() == other.entries.len() && self.entries.iter().all(holds)
    }

    /// Adds another's entries to these.
    pub fn merge(&mut self, other: &Self) {
        for entry in &other.entries {
            self.grant(&entry.grantee, entry.privileges, false, entry.origin);
            self.grant(&entry.grantee, entry.grantable, true, entry.origin);
        }
    }

    /// What was granted to this grantee by name.
    pub fn granted(&self, grantee: &Grantee) -> Privileges {
        self.entry(grantee).map_or(Privileges::NONE, |entry| entry.privileges)
    }

    pub fn grant(&mut self, grantee: &Grantee, privileges: Privileges, grantable: bool, origin: Origin) {
        let options = if grantable { privileges } else { Privileges::NONE };
        match self.entries.iter_mut().find(|entry| entry.grantee == *grantee) {
            Some(entry) => {
                entry.privileges = entry.privileges.union(privileges);
                entry.grantable = entry.grantable.union(options);
                entry.origin = origin;
                entry.by_default = entry.by_default.without(privileges);
            }
            None => self.entries.push(AclEntry {
                grantee: grantee.clone(),
                privileges,
                grantable: options,
                origin,
                by_default: Privileges::NONE,
                by_name: Privileges::NONE,
            }),
        }
    }

    /// Notes that a GRANT named both the object and these privileges.
    pub fn grant_names(&mut self, grantee: &Grantee, privileges: Privileges) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.grantee == *grantee) {
            entry.by_name = entry.by_name.union(privileges);
        }
    }

    /// Takes privileges, or with `option_only` just the right to pass them on.
    pub fn revoke(&mut self, grantee: &Grantee, privileges: Privileges, option_only: bool) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.grantee == *grantee) {
            entry.grantable = entry.grantable.without(privileges);
            if !option_only {
                entry.privileges = entry.privileges.without(privileges);
                entry.by_default = entry.by_default.without(privileges);
                entry.by_name = entry.by_name.without(privileges);
            }
        }
        self.entries.retain(|entry| !entry.privileges.is_empty());
    }
}
