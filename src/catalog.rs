//! The catalog: what the database looks like once the statements have run.
//!
//! It speaks PostgreSQL's words and follows its rules: names are resolved when an object is made,
//! renames keep identities, defaults are written out. Applying a statement never fails: what
//! cannot be followed leaves a [`Gap`], and no rule reports on what the catalog does not know.

pub mod acl;
pub mod api;
pub mod apply;
pub mod bind;
mod condition;
mod consequence;
mod deparse;
pub mod depend;
mod dependents;
mod fit;
mod former;
pub mod function;
pub mod gap;
mod held;
mod in_way;
pub mod index;
mod interpret;
pub mod misfit;
pub mod name;
pub mod origin;
pub mod platform;
pub mod policy;
mod population;
pub mod privilege;
pub mod register;
pub mod revocation;
pub mod role;
pub mod sensitive;
pub mod table;
pub mod trigger;
pub mod types;
pub mod view;

use crate::map::{IndexMap, IndexSet};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::api::ApiSettings;
use crate::catalog::depend::Object;
use crate::catalog::former::Former;
use crate::catalog::function::{Function, Retired};
use crate::catalog::gap::{Gap, Touched};
use crate::catalog::misfit::{Failure, Misfit};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::platform::Exposure;
use crate::catalog::policy::{MissedPolicy, Policy};
use crate::catalog::revocation::Revocations;
use crate::catalog::role::{
    Bucket, CronJob, DefaultPrivileges, Extension, ForeignServer, Namespace, Publication, Role, Sequence,
};
use crate::catalog::table::Table;
use crate::catalog::trigger::EventTrigger;
use crate::catalog::types::UserType;
use crate::catalog::view::View;
use crate::source::{FileId, Span};
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};

/// A whole database.
///
/// Maps keep the order of creation, except that a removed entry's place goes to the last one:
/// deterministic, and cheap.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub namespaces: IndexMap<Ident, Namespace>,
    pub roles: IndexMap<Ident, Role>,
    pub tables: IndexMap<Oid, Table>,
    pub views: IndexMap<Oid, View>,
    pub sequences: IndexMap<Oid, Sequence>,
    pub functions: IndexMap<Oid, Function>,
    pub types: IndexMap<Oid, UserType>,
    /// Collations of the project.
    pub collations: IndexSet<QName>,
    pub extensions: IndexMap<Ident, Extension>,
    pub publications: IndexMap<Ident, Publication>,
    pub event_triggers: IndexMap<Ident, EventTrigger>,
    pub servers: IndexMap<Ident, ForeignServer>,
    pub default_privileges: Vec<DefaultPrivileges>,
    /// What REVOKE did not take away.
    pub(crate) revocations: Revocations,
    pub buckets: IndexMap<String, Bucket>,
    pub cron_jobs: Vec<CronJob>,
    /// `name=value` of ALTER DATABASE … SET.
    pub database_settings: IndexMap<Ident, String>,
    pub api: ApiSettings,
    /// The kind of project that the migrations started from.
    pub exposure: Exposure,
    pub gaps: Vec<Gap>,
    /// Drops of policies that found none, where another name is almost the same.
    pub missed_policies: Vec<MissedPolicy>,
    /// What PostgreSQL refuses for certain.
    pub failures: Vec<Failure>,
    /// What is not there because of them.
    unmade: consequence::Unmade,
    /// The tables that may hold rows.
    population: population::Population,
    /// The tables that hold rows for certain.
    held: held::Held,
    /// What the statement at hand refers to and is not there.
    unfit: Vec<Misfit>,
    /// The first words of statements that could not be read.
    unread: FxHashSet<Ident>,
    /// How many blocks are around that may take an error.
    attempts: usize,
    /// Whether a statement made a cast: which types become others of themselves is not known then.
    has_own_casts: bool,
    /// Files that start as those of `pg_dump` do.
    dumps: FxHashSet<FileId>,
    /// Files in which the dashboard describes a schema.
    descriptions: FxHashSet<FileId>,
    /// Files that grant something.
    granting: FxHashSet<FileId>,
    /// Functions that a migration called.
    called: FxHashSet<Oid>,
    pub session: Session,
    /// Relations by name: they share one name space (`pg_class`).
    relations: FxHashMap<QName, Relation>,
    type_names: FxHashMap<QName, Oid>,
    /// The overloads of a name, in order of creation.
    function_names: FxHashMap<QName, Vec<Oid>>,
    /// Names that tables and views had once, perhaps made anew, with those that have another name since.
    former_relations: FxHashMap<QName, IndexSet<Oid>>,
    /// How many policies of a table left a name for another one.
    former_policies: FxHashMap<(Oid, Ident), usize>,
    /// By table and the column's number; a name with its table.
    former_columns: Former<(Oid, i16), (Oid, Ident)>,
    former_functions: Former<Oid, QName>,
    /// Where tables that had row level security were dropped.
    dropped_rls: FxHashMap<QName, Origin>,
    /// Where row level security was enabled, if the table exists, and it did not.
    early_rls: FxHashMap<QName, Origin>,
    /// Dropped functions, until others of their names are made.
    retired: FxHashMap<QName, Vec<Retired>>,
    /// Names that constraints were ever given: where a name is not among them, none has it.
    constraint_names: FxHashSet<QName>,
    /// Tables and views that end with the file; some may be gone before.
    temporary: Vec<Object>,
    /// What the gaps touch.
    touched: Touched,
    /// Where a DROP looks for what depends on its objects.
    dependents: dependents::Dependents,
    last_oid: u32,
    /// How many objects were copied so that a block could be undone.
    copied: usize,
}

/// What a relation's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Table(Oid),
    View(Oid),
    Sequence(Oid),
    /// An index, and the table or materialised view that holds it.
    Index {
        on: Oid,
    },
    /// A composite type.
    Composite(Oid),
}

/// What a migration file can set for the statements after it. Each file starts with `RESET ALL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub search_path: Vec<Ident>,
    /// The owner of what is made.
    pub role: Ident,
    /// Whether a setting lets DELETE through to the tables of Storage.
    may_delete_stored: bool,
    /// Whether the bodies of new functions are looked into.
    check_function_bodies: bool,
    running: Running,
}

/// The transaction that runs: a file's own, or one of BEGIN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Running {
    /// Whether BEGIN was said.
    explicit: bool,
    start: Option<Span>,
    /// The values that it adds to enums, with their place.
    new_labels: Vec<(Oid, String, Option<Span>)>,
    /// What is set when it has ended, where SET LOCAL has changed that.
    after: Option<Box<Session>>,
}

impl Session {
    /// Whether the running transaction made something.
    fn makes(&self, created: Origin) -> bool {
        let (Some(created), Some(start)) = (created.span(), self.running.start) else { return false };
        created.file == start.file && created.start >= start.start
    }
}

impl Default for Session {
    /// As the Supabase CLI connects: role `postgres`, with the database's `search_path`.
    fn default() -> Self {
        Self {
            search_path: vec!["public".into(), "extensions".into()],
            role: "postgres".into(),
            may_delete_stored: false,
            check_function_bodies: true,
            running: Running::default(),
        }
    }
}

/// How many objects may be copied in one run so that blocks can be undone. Beyond, a block that
/// fails in its middle keeps what it did: a history with a thousand such blocks must not cost a
/// thousand catalogs.
const COPIES: usize = 200_000;

impl Catalog {
    /// Whether one more copy of the whole is affordable; it is counted.
    pub(crate) fn may_be_copied(&mut self) -> bool {
        self.copied += self.tables.len() + self.functions.len();
        self.copied <= COPIES
    }

    /// Undoes all that was done since a copy was made, except that identities are not given again.
    pub(crate) fn go_back_to(&mut self, before: Self) {
        let (last_oid, copied) = (self.last_oid, self.copied);
        *self = Self { last_oid, copied, ..before };
    }

    /// A new identity.
    pub(crate) fn next_oid(&mut self) -> Oid {
        self.last_oid += 1;
        Oid(self.last_oid)
    }

    /// Ends the replay: what only statements need is let go of, and the room that was kept for more.
    pub fn finish(&mut self) {
        self.constraint_names = FxHashSet::default();
        self.dependents = dependents::Dependents::default();
        for table in self.tables.values_mut() {
            table.columns.shrink_to_fit();
            table.shrink_parts();
        }
    }

    pub fn table(&self, name: &QName) -> Option<&Table> {
        match self.relations.get(name)? {
            Relation::Table(oid) => self.tables.get(oid),
            _ => None,
        }
    }

    pub fn view(&self, name: &QName) -> Option<&View> {
        match self.relations.get(name)? {
            Relation::View(oid) => self.views.get(oid),
            _ => None,
        }
    }

    /// The functions of a name, whatever their arguments.
    pub fn functions_named(&self, name: &QName) -> impl Iterator<Item = &Function> {
        self.function_names.get(name).into_iter().flatten().filter_map(|oid| self.functions.get(oid))
    }

    /// Whether a function goes by this name, in whatever schema.
    pub(crate) fn is_function_name(&self, name: &Ident) -> bool {
        self.namespaces.keys().any(|schema| {
            self.function_names.contains_key(&QName { schema: schema.clone(), name: name.clone() })
        })
    }

    pub fn relation(&self, name: &QName) -> Option<Relation> {
        self.relations.get(name).copied()
    }

    /// The schemas that a bare name is looked for in, `pg_catalog` first unless it is named.
    pub fn search_path(&self) -> impl Iterator<Item = Ident> {
        let path = &self.session.search_path;
        let implicit = (!path.iter().any(|schema| *schema == "pg_catalog")).then(|| Ident::new("pg_catalog"));
        let role = self.session.role.clone();
        // A schema that is named again is searched once.
        let distinct = path.iter().enumerate().filter(|(at, schema)| !path[..*at].contains(*schema));
        implicit.into_iter().chain(
            distinct.map(move |(_, schema)| if *schema == "$user" { role.clone() } else { schema.clone() }),
        )
    }

    /// The relation that a name means here, by `search_path` where it is bare. Temporary ones come
    /// first.
    pub fn resolve_relation(&self, name: &ObjectName) -> Option<(QName, Relation)> {
        if name.schema.is_none() {
            let temporary = QName { schema: "pg_temp".into(), name: name.name.clone() };
            if let Some(relation) = self.relation(&temporary) {
                return Some((temporary, relation));
            }
        }
        self.resolve(name, |qname| self.relation(qname))
    }

    /// Whether a statement stands in a file that `pg_dump` wrote, or in what was put behind it. A dump says
    /// who may do what in the database that it was taken from, as if new objects were granted to nobody.
    pub fn is_dumped(&self, place: Span) -> bool {
        self.dumps.contains(&place.file)
    }

    /// Whether a migration called a function of the project's: what it did then is a part of the history.
    pub fn is_called_by_migrations(&self, function: &Function) -> bool {
        self.called.contains(&function.oid)
    }

    /// Whether it stands in a dump that says all that is granted, and not in one without grants.
    pub fn is_dumped_with_grants(&self, place: Span) -> bool {
        self.is_dumped(place) && self.granting.contains(&place.file)
    }

    /// Where a table of this name was dropped that had row level security.
    pub fn dropped_rls(&self, name: &QName) -> Option<Origin> {
        self.dropped_rls.get(name).copied()
    }

    /// Where row level security was enabled for a table of this name, if it exists, before it did.
    pub fn early_rls(&self, name: &QName) -> Option<Origin> {
        self.early_rls.get(name).copied()
    }

    /// Whether a table or view of this name was dropped or got another name.
    pub fn was_relation(&self, name: &QName) -> bool {
        self.former_relations.contains_key(name)
    }

    /// The names that tables and views had: the former one, how many others had left it before, and the one of now.
    pub fn renamed_relations(&self) -> Vec<(&QName, usize, &QName)> {
        let name_of = |oid: &Oid| {
            let table = self.tables.get(oid).map(|table| &table.name);
            table.or_else(|| self.views.get(oid).map(|view| &view.name))
        };
        let left = self.former_relations.iter().flat_map(|(former, left)| {
            left.iter().enumerate().filter_map(move |(nth, oid)| Some((former, nth, name_of(oid)?)))
        });
        let mut names: Vec<_> = left.filter(|(former, _, now)| former != now).collect();
        names.sort_unstable();
        names
    }

    /// How many relations had the name of a table or view before it and left it for another one.
    pub fn predecessors(&self, name: &QName) -> usize {
        let Some(left) = self.former_relations.get(name) else { return 0 };
        let own = match self.relations.get(name) {
            Some(Relation::Table(oid) | Relation::View(oid)) => left.get_index_of(oid),
            _ => None,
        };
        own.unwrap_or(left.len())
    }

    /// The same of a policy.
    pub fn predecessors_of_policy(&self, table: &Table, policy: &Policy) -> usize {
        let own = policy.former.iter().find(|(name, _)| *name == policy.name).map(|(_, nth)| *nth);
        own.or_else(|| self.former_policies.get(&(table.oid, policy.name.clone())).copied())
            .unwrap_or_default()
    }

    /// The type that a name means here, among those made by migrations and extensions.
    pub fn resolve_type(&self, name: &ObjectName) -> Option<Oid> {
        self.resolve(name, |qname| self.type_names.get(qname).copied()).map(|(_, oid)| oid)
    }

    /// The first schema with a function of this name. Overloads are chosen by the caller.
    pub fn resolve_functions(&self, name: &ObjectName) -> Option<QName> {
        self.resolve(name, |qname| self.function_names.get(qname).map(|_| ())).map(|(qname, ())| qname)
    }

    /// The collation of the project that a name means here; `None` for the server's own.
    pub fn resolve_collation(&self, name: &ObjectName) -> Option<QName> {
        let known = |qname: &QName| self.collations.contains(qname).then_some(());
        self.resolve(name, known).map(|(qname, ())| qname)
    }

    fn resolve<T>(&self, name: &ObjectName, find: impl Fn(&QName) -> Option<T>) -> Option<(QName, T)> {
        let at = |schema: Ident| {
            let qname = QName { schema, name: name.name.clone() };
            find(&qname).map(|found| (qname, found))
        };
        match &name.schema {
            Some(schema) => at(schema.clone()),
            None => self.search_path().find_map(at),
        }
    }

    /// The full name that a statement gives to what it makes: in the first schema of the
    /// `search_path` that exists.
    pub fn creation_name(&self, name: &ObjectName) -> QName {
        let schema = match &name.schema {
            Some(schema) => schema.clone(),
            None => self
                .search_path()
                .filter(|schema| *schema != "pg_catalog")
                .find(|schema| self.namespaces.contains_key(schema))
                .unwrap_or_else(|| "public".into()),
        };
        QName { schema, name: name.name.clone() }
    }
}
