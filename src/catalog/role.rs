//! Roles, schemas, and the objects that belong to neither.

use crate::map::{IndexMap, IndexSet};

use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::types::DataType;
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, Persistence};

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: Ident,
    pub history: History,
    pub superuser: bool,
    pub inherit: bool,
    pub createrole: bool,
    pub createdb: bool,
    pub login: bool,
    pub replication: bool,
    pub bypassrls: bool,
    /// Who said last whether it is.
    pub bypassrls_origin: Origin,
    /// Settings by name, as `pg_db_role_setting` stores them.
    pub config: IndexMap<Ident, String>,
    /// The roles that it is a member of, and who made it one.
    pub member_of: IndexMap<Ident, Origin>,
}

/// A schema, which PostgreSQL also calls a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    pub name: Ident,
    pub history: History,
    pub owner: Ident,
    pub acl: Acl,
    pub comment: Option<String>,
    pub extension: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    pub name: Ident,
    pub schema: Tracked<Ident>,
    /// Whether a statement says which schema, or nobody chose it.
    pub schema_given: bool,
    pub history: History,
    pub name_span: Option<Span>,
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    pub oid: Oid,
    pub name: QName,
    pub history: History,
    pub owner: Ident,
    pub persistence: Persistence,
    pub data_type: DataType,
    pub start: i64,
    pub increment: i64,
    /// The table and the column that it ends with.
    pub owned_by: Option<(Oid, i16)>,
    /// Whether it belongs to an identity column.
    pub identity: bool,
    pub acl: Acl,
    pub comment: Option<String>,
    pub extension: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    pub name: Ident,
    pub history: History,
    pub owner: Ident,
    pub all_tables: bool,
    pub tables: IndexMap<Oid, PublishedTable>,
    /// FOR TABLES IN SCHEMA
    pub schemas: IndexSet<Ident>,
    /// Changes of partitions are published as their partitioned table's.
    pub via_root: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedTable {
    pub has_filter: bool,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeignServer {
    pub name: Ident,
    pub wrapper: Ident,
    pub owner: Ident,
    pub history: History,
}

/// A row of `pg_default_acl`: what new objects of a kind start with.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultPrivileges {
    /// The role whose new objects are meant.
    pub owner: Ident,
    /// `None`: everywhere, in place of the built-in defaults; else in addition to them.
    pub schema: Option<Ident>,
    pub kind: ObjectKind,
    pub acl: Acl,
    pub history: History,
}

/// A row of `storage.buckets`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    pub id: String,
    pub name: String,
    pub public: bool,
    pub origin: Origin,
    /// Whether a migration made it; else a seed or the configuration did.
    pub migrated: bool,
}

/// A row of `cron.job`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    pub name: Option<String>,
    pub schedule: String,
    pub command: String,
    pub origin: Origin,
}

impl Role {
    pub fn new(name: Ident, origin: Origin) -> Self {
        Self {
            name,
            history: History::new(origin),
            superuser: false,
            inherit: true,
            createrole: false,
            createdb: false,
            login: false,
            replication: false,
            bypassrls: false,
            bypassrls_origin: origin,
            config: IndexMap::default(),
            member_of: IndexMap::default(),
        }
    }

    pub fn grantee(&self) -> Grantee {
        Grantee::Role(self.name.clone())
    }
}
