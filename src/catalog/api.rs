//! What lies between the database and the browser: the settings of the Data API and of Auth.

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::Persistence;

/// The part of a project's `config.toml` that decides who reaches the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// `[api] schemas`: the schemas that the Data API serves.
    pub schemas: Vec<Ident>,
    /// Where they are named; nowhere if they are the default.
    pub exposed_at: IndexMap<Ident, Span>,
    /// `[auth] enable_anonymous_sign_ins`
    pub anonymous_sign_ins: bool,
    /// `[auth.email] enable_confirmations`, where it says so.
    pub confirmed_addresses: Option<bool>,
    /// `pg-functions://` hooks of `[auth.hook.*]`, by schema and name.
    pub auth_hooks: Vec<QName>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            schemas: vec!["public".into(), "graphql_public".into()],
            exposed_at: IndexMap::default(),
            anonymous_sign_ins: false,
            confirmed_addresses: None,
            auth_hooks: Vec::new(),
        }
    }
}

impl Catalog {
    /// Whether the Data API serves what is in this schema.
    pub fn is_exposed(&self, schema: &str) -> bool {
        self.api.schemas.iter().any(|exposed| *exposed == *schema)
    }

    /// The roles that a request can take with the public key or a user's token: those that
    /// `authenticator` may become, `service_role` left out.
    pub fn api_roles(&self) -> impl Iterator<Item = &Role> {
        let authenticator = self.roles.get("authenticator");
        self.roles.values().filter(move |role| {
            role.name != "service_role"
                && authenticator.is_some_and(|authenticator| authenticator.member_of.contains_key(&role.name))
        })
    }

    /// Whether a schema is the platform's own, where projects are not meant to make objects.
    pub fn is_managed(&self, schema: &Ident) -> bool {
        let made_by = self.namespaces.get(schema).map(|namespace| namespace.history.created);
        *schema != "public" && made_by == Some(Origin::Platform)
    }

    /// What puts a table into a publication: by name, with its schema, or with all tables.
    pub fn published_at(&self, publication: &str, table: &Table) -> Option<Origin> {
        let publication = self.publications.get(publication)?;
        let by_name = publication.tables.get(&table.oid).map(|published| published.origin);
        let with_others = publication.all_tables || publication.schemas.contains(&table.name.schema);
        by_name.or_else(|| with_others.then(|| publication.history.last()))
    }

    /// The tables that the project itself made and keeps: no platform's, extension's or temporary
    /// ones.
    pub fn own_tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values().filter(|table| {
            table.history.created != Origin::Platform
                && table.extension.is_none()
                && table.persistence != Persistence::Temporary
        })
    }

    /// The same for views, materialised ones included.
    pub fn own_views(&self) -> impl Iterator<Item = &View> {
        self.views.values().filter(|view| {
            view.history.created != Origin::Platform
                && view.extension.is_none()
                && view.name.schema != "pg_temp"
        })
    }

    /// The same for functions.
    pub fn own_functions(&self) -> impl Iterator<Item = &Function> {
        self.functions
            .values()
            .filter(|function| function.history.created != Origin::Platform && function.extension.is_none())
    }

    /// The policies that migrations made, on the platform's tables as well: those of
    /// `storage.objects` are the project's own.
    pub fn own_policies(&self) -> impl Iterator<Item = (&Table, &Policy)> {
        self.tables
            .values()
            .flat_map(|table| table.policies.values().map(move |policy| (table, policy)))
            .filter(|(_, policy)| policy.history.created != Origin::Platform)
    }
}
