//! What a rule is, and what it sees.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer, Visitor};

use crate::access::{Cell, Rights};
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::predicate::Reach;
use crate::source::{Sources, Span};
use crate::sql::Migration;
use crate::sql::expr::Expr;
use crate::sql::statement::{Clause, PolicyCommand};
use crate::workload::Workload;

/// One rule: its documentation, its place in the rule-sets, and its check.
pub struct Rule {
    /// Kebab case, and the name of its file.
    pub id: &'static str,
    pub group: Group,
    /// What its findings are unless the check or the settings say otherwise.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub summary: &'static str,
    /// The lines of its doc comment, each with the blank that follows the slashes.
    pub doc_comment: &'static str,
    /// The peers' rules that it covers: `splinter:0013`, `pgrls:SEC001`.
    pub sources: &'static [&'static str],
    pub options: Options,
    pub check: Check,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl Rule {
    /// Markdown, with `sql,bad` and `sql,good` fences that run as tests.
    pub fn docs(&self) -> String {
        let lines = self.doc_comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Row level security and its policies.
    Rls,
    /// Who the caller is.
    Auth,
    /// What the Data API can reach.
    Api,
    Function,
    Performance,
    /// What a well-kept table has.
    Convention,
    /// What Supabase runs beside the Data API: Auth, Storage, Realtime, and roles.
    Platform,
    /// The migration history itself.
    Migration,
}

impl Group {
    /// Whether its rules are about what requests reach of tables and views.
    pub fn is_access(self) -> bool {
        matches!(self, Self::Rls | Self::Auth | Self::Api)
    }

    /// Whether its rules are about who gets to what.
    pub fn is_security(self) -> bool {
        match self {
            Self::Rls | Self::Auth | Self::Api | Self::Function | Self::Platform => true,
            Self::Performance | Self::Convention | Self::Migration => false,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rls => "rls",
            Self::Auth => "auth",
            Self::Api => "api",
            Self::Function => "function",
            Self::Performance => "performance",
            Self::Convention => "convention",
            Self::Platform => "platform",
            Self::Migration => "migration",
        })
    }
}

/// When a rule looks, and at what.
pub enum Check {
    /// Once, at what the migrations add up to.
    Catalog(fn(&CatalogCx<'_>, &mut Findings)),
    /// At each file.
    Migration(fn(&MigrationCx<'_>, &mut Findings)),
    /// Nothing of its own: another part of the program finds it, and says where in its docs.
    Engine,
}

/// What a rule on the final catalog sees.
pub struct CatalogCx<'a> {
    pub catalog: &'a Catalog,
    pub sources: &'a Sources,
    /// What queries filter by, and what function bodies do.
    pub workload: &'a Workload,
    /// Who reaches which rows.
    pub rights: &'a Rights<'a>,
    /// The conditions of policies that have a say in requests.
    pub conditions: &'a [Condition<'a>],
    /// The project's files in the order in which they were read: migrations, seeds, and what the Supabase
    /// CLI skips.
    pub files: &'a [&'a Migration],
    options: &'a ParsedOptions,
}

/// A condition of a policy that has a say in requests, as far as it is certain that both are there.
pub struct Condition<'a> {
    pub table: &'a Table,
    pub policy: &'a Policy,
    pub clause: &'a Clause,
    /// The expression and everything below it, sub-selects included, from the outside in.
    pub parts: Vec<&'a Expr>,
}

impl<'a> Condition<'a> {
    /// Those of all policies, table by table.
    pub fn all(catalog: &'a Catalog) -> Vec<Self> {
        let policies = policies_in_force(catalog).filter(|(_, policy)| catalog.policy_binds_requests(policy));
        let conditions =
            policies.flat_map(|(table, policy)| policy.clauses().map(move |clause| (table, policy, clause)));
        let with_parts = |(table, policy, clause): (&'a Table, &'a Policy, &'a Clause)| {
            let mut parts = Vec::new();
            clause.value.walk(&mut |part| parts.push(part));
            Self { table, policy, clause, parts }
        };
        conditions.map(with_parts).collect()
    }
}

/// The policies of migrations on tables with row level security, as far as it is certain that both are
/// there.
fn policies_in_force(catalog: &Catalog) -> impl Iterator<Item = (&Table, &Policy)> {
    let doubts = catalog.doubts(&[Aspect::Policies, Aspect::Rls]).but_for_dropped_policies();
    let is_there = move |(table, policy): &(&Table, &Policy)| {
        table.rls.value && !doubts.concern(&table.name) && !catalog.may_have_dropped(table, policy)
    };
    catalog.own_policies().filter(is_there)
}

/// What a rule on one file sees.
pub struct MigrationCx<'a> {
    pub migration: &'a Migration,
    pub sources: &'a Sources,
    options: &'a ParsedOptions,
}

impl<'a> CatalogCx<'a> {
    pub fn new(
        catalog: &'a Catalog,
        sources: &'a Sources,
        workload: &'a Workload,
        rights: &'a Rights<'a>,
        conditions: &'a [Condition<'a>],
        files: &'a [&'a Migration],
        options: &'a ParsedOptions,
    ) -> Self {
        Self { catalog, sources, workload, rights, conditions, files, options }
    }

    /// Whether this is the place of a whole statement in one of the files.
    pub fn is_statement(&self, place: Span) -> bool {
        let file = self.files.binary_search_by_key(&place.file, |file| file.file);
        let places = file.map_or(&[][..], |at| &self.files[at].places);
        places.binary_search_by_key(&place.start, |one| one.start).is_ok_and(|at| places[at] == place)
    }

    /// The policies of migrations on tables with row level security, as far as it is certain that
    /// both are there.
    pub fn policies_in_force(&self) -> impl Iterator<Item = (&'a Table, &'a Policy)> {
        policies_in_force(self.catalog)
    }

    /// Those of them that have a say in requests.
    pub fn policies_of_requests(&self) -> impl Iterator<Item = (&'a Table, &'a Policy)> {
        self.policies_in_force().filter(|(_, policy)| self.catalog.policy_binds_requests(policy))
    }

    /// The tables of which all policies are in force, each once.
    pub fn tables_with_policies(&self) -> impl Iterator<Item = &'a Table> {
        let catalog = self.catalog;
        let is_certain =
            |table: &Table| !table.policies.values().any(|policy| catalog.may_have_dropped(table, policy));
        let mut last = None;
        self.policies_in_force()
            .map(|(table, _)| table)
            .filter(move |table| last.replace(table.oid) != Some(table.oid) && is_certain(table))
    }

    /// The project's tables with row level security, as far as that and these aspects of them are certain.
    pub fn tables_with_rls(&self, aspects: &[Aspect]) -> impl Iterator<Item = &'a Table> {
        let doubts = self.catalog.doubts(&[&[Aspect::Rls], aspects].concat());
        self.catalog.own_tables().filter(move |table| table.rls.value && !doubts.concern(&table.name))
    }

    /// What a role reaches in a table with a command, which is not ALL: privileges, row level
    /// security and all policies together. `None` for a role that requests do not have.
    pub fn access(&self, table: &Table, role: &Role, command: PolicyCommand) -> Option<&'a Cell> {
        self.rights.cell(table.oid, role, command)
    }

    /// Whether a policy lets a role add rows, and those that it adds by all of them are its own.
    pub fn adds_own_rows(&self, table: &Table, policy: &Policy, role: &Role) -> bool {
        let adds = self.access(table, role, PolicyCommand::Insert).map(|cell| cell.reach);
        self.catalog.policy_binds(policy, role)
            && self.rights.policy(table, policy, role).check == Some(Reach::Own)
            && adds == Some(Reach::Own)
    }

    /// What a row is asked for that a role adds by a policy: by that one, and by the restrictive ones that bind it.
    pub fn asked_of_new_rows(&self, table: &'a Table, policy: &'a Policy, role: &Role) -> Vec<&'a Expr> {
        let is_fence = |other: &&Policy| !other.permissive && self.catalog.policy_binds(other, role);
        let asking = std::iter::once(policy).chain(table.policies.values().filter(is_fence));
        let clauses =
            asking.flat_map(|one| one.gates(PolicyCommand::Insert).map(move |clause| (one, clause)));
        clauses.map(|(one, clause)| self.rights.followed(table, one, clause)).collect()
    }

    /// The rule's options, as its `options` field declares them.
    pub fn options<T: Any>(&self) -> &T {
        self.options.get()
    }
}

impl<'a> MigrationCx<'a> {
    pub fn new(migration: &'a Migration, sources: &'a Sources, options: &'a ParsedOptions) -> Self {
        Self { migration, sources, options }
    }

    /// The rule's options, as its `options` field declares them.
    pub fn options<T: Any>(&self) -> &T {
        self.options.get()
    }
}

/// The shape of a rule's options.
#[derive(Clone, Copy)]
pub struct Options {
    default: fn() -> ParsedOptions,
    parse: fn(serde_yaml::Value) -> Result<ParsedOptions, serde_yaml::Error>,
    known: fn() -> &'static [&'static str],
}

/// Options of one rule, parsed once when the settings are resolved.
#[derive(Clone)]
pub struct ParsedOptions(Arc<dyn Any + Send + Sync>);

/// A rule without options takes an empty map.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

impl Options {
    pub const NONE: Self = Self::of::<NoOptions>();

    /// Options of type `T`: absent ones are its defaults.
    pub const fn of<T: DeserializeOwned + Default + Any + Send + Sync>() -> Self {
        Self {
            default: || ParsedOptions(Arc::new(T::default())),
            parse: |value| Ok(ParsedOptions(Arc::new(serde_yaml::from_value::<T>(value)?))),
            known: || {
                let mut known: &[&str] = &[];
                // It gives no value; what it is asked for is what counts.
                let _ = T::deserialize(FieldNames(&mut known));
                known
            },
        }
    }

    pub fn defaults(self) -> ParsedOptions {
        (self.default)()
    }

    /// Reads options from YAML; unknown keys and wrong shapes are errors.
    pub fn parse(self, value: impl Into<serde_yaml::Value>) -> Result<ParsedOptions, serde_yaml::Error> {
        (self.parse)(value.into())
    }

    /// The names of the options.
    pub fn known(self) -> &'static [&'static str] {
        (self.known)()
    }
}

/// Keeps the names of the fields that a struct asks a deserializer for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there is no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl ParsedOptions {
    fn get<T: Any>(&self) -> &T {
        self.0.downcast_ref().expect("a rule asks for the options that it declares")
    }
}

/// Where a rule reports to.
pub struct Findings {
    rule: &'static Rule,
    pub list: Vec<Diagnostic>,
}

impl Findings {
    pub fn new(rule: &'static Rule) -> Self {
        Self { rule, list: Vec::new() }
    }

    /// Reports a finding with the rule's own severity; what is returned can be made richer.
    pub fn report(&mut self, span: Span, object: Identity, message: impl Into<String>) -> &mut Diagnostic {
        self.list.push(Diagnostic {
            rule: self.rule.id,
            severity: self.rule.severity,
            by_rule: None,
            message: message.into(),
            elsewhere: None,
            span,
            note: None,
            labels: Vec::new(),
            more: Vec::new(),
            help: None,
            edits: Vec::new(),
            object,
            what: String::new(),
            reach: BTreeSet::new(),
            extent: BTreeSet::new(),
            instances: Vec::new(),
            project: String::new(),
        });
        self.list.last_mut().expect("one was just pushed")
    }

    /// Tells as one habit of the project's `objects` what was reported since there were `count`
    /// findings, with the note and help of the first; `like` words it of the others. Nothing where
    /// nothing was reported.
    pub fn fold<T: Into<String>>(
        &mut self,
        count: usize,
        objects: &str,
        message: impl Into<String>,
        like: impl Fn(&Diagnostic) -> T,
    ) -> Option<&mut Diagnostic> {
        let told = self.list.split_off(count);
        let instances: Vec<_> = told.into_iter().flat_map(Diagnostic::into_each).collect();
        let first = instances.first()?;
        let (span, severity) = (first.span, first.severity);
        let (note, help) = (first.note.clone(), first.help.clone());
        let habit = self.report(span, Identity::plain("project", objects), message);
        habit.severity = severity;
        (habit.note, habit.help) = (note, help);
        Some(habit.tell(instances, like))
    }
}

/// Declares a rule: its doc comment is its documentation.
macro_rules! declare_rule {
    ($(#[doc = $doc:literal])+ $id:literal { $($field:ident : $value:expr),+ $(,)? }) => {
        pub(crate) static RULE: $crate::rule::Rule = $crate::rule::Rule {
            id: $id,
            doc_comment: concat!($($doc, "\n"),+),
            $($field: $value),+
        };
    };
}
pub(crate) use declare_rule;
