//! Statements that PostgreSQL would refuse, and how sure the catalog is of it.

use std::fmt;

use crate::catalog::apply::Applied;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::gap::{Aspect, Cause};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ObjectKind, Persistence};

/// Why PostgreSQL would refuse a statement, as far as the catalog can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub reason: Reason,
    /// The part of the statement that is to blame, where it is known.
    pub at: Option<Span>,
    /// The statement that made what is in the way.
    pub beside: Option<Span>,
    /// It is a policy that does not fit.
    pub in_policy: bool,
    /// What to do about it, where the reason alone does not tell.
    pub help: Option<&'static str>,
    /// It is in the text of the statement: whatever the catalog holds, PostgreSQL refuses it.
    is_of_text: bool,
    /// The object that it is about, or a part of.
    subject: Option<Box<Subject>>,
}

/// An object as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    schema: Option<Ident>,
    name: Ident,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The statement needs an object that is not there.
    Missing { kind: ObjectKind, name: String },
    /// The statement makes an object that is there already.
    Exists { kind: ObjectKind, name: String },
    /// Only the platform's own roles may do it: to a table, or in a schema.
    NotAllowed { kind: ObjectKind, name: String },
    /// Anything else, as a sentence.
    Refused { state: SqlState, why: String },
}

/// A code of PostgreSQL's list of errors (manual, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlState(pub &'static str);

/// A statement that PostgreSQL refuses for certain: the migration that holds it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub statement: Span,
    pub misfit: Misfit,
    /// The failure, by its place in the list, of the statement that was to make what this one needs.
    pub follows: Option<usize>,
}

impl SqlState {
    pub const ACTIVE_SQL_TRANSACTION: Self = Self("25001");
    pub const DEPENDENT_OBJECTS_STILL_EXIST: Self = Self("2BP01");
    pub const CHECK_VIOLATION: Self = Self("23514");
    pub const UNIQUE_VIOLATION: Self = Self("23505");
    pub const INVALID_SCHEMA_NAME: Self = Self("3F000");
    pub const DATATYPE_MISMATCH: Self = Self("42804");
    pub const DUPLICATE_COLUMN: Self = Self("42701");
    pub const DUPLICATE_FUNCTION: Self = Self("42723");
    pub const DUPLICATE_OBJECT: Self = Self("42710");
    pub const DUPLICATE_SCHEMA: Self = Self("42P06");
    pub const DUPLICATE_TABLE: Self = Self("42P07");
    pub const AMBIGUOUS_FUNCTION: Self = Self("42725");
    pub const FEATURE_NOT_SUPPORTED: Self = Self("0A000");
    pub const INSUFFICIENT_PRIVILEGE: Self = Self("42501");
    pub const INVALID_FOREIGN_KEY: Self = Self("42830");
    pub const FOREIGN_KEY_VIOLATION: Self = Self("23503");
    pub const GENERATED_ALWAYS: Self = Self("428C9");
    pub const INVALID_COLUMN_REFERENCE: Self = Self("42P10");
    pub const INVALID_FUNCTION_DEFINITION: Self = Self("42P13");
    pub const INVALID_GRANT_OPERATION: Self = Self("0LP01");
    pub const INVALID_OBJECT_DEFINITION: Self = Self("42P17");
    pub const INVALID_PARAMETER_VALUE: Self = Self("22023");
    pub const INVALID_TEXT_REPRESENTATION: Self = Self("22P02");
    pub const INVALID_TABLE_DEFINITION: Self = Self("42P16");
    pub const NOT_NULL_VIOLATION: Self = Self("23502");
    pub const NULL_VALUE_NOT_ALLOWED: Self = Self("22004");
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self("55000");
    pub const RAISE_EXCEPTION: Self = Self("P0001");
    pub const SYNTAX_ERROR: Self = Self("42601");
    pub const TOO_MANY_COLUMNS: Self = Self("54011");
    pub const UNDEFINED_COLUMN: Self = Self("42703");
    pub const UNDEFINED_FUNCTION: Self = Self("42883");
    pub const UNDEFINED_OBJECT: Self = Self("42704");
    pub const UNDEFINED_TABLE: Self = Self("42P01");
    pub const UNSAFE_NEW_ENUM_VALUE_USAGE: Self = Self("55P04");
    pub const WRONG_OBJECT_TYPE: Self = Self("42809");
}

impl Misfit {
    fn new(reason: Reason, at: Option<Span>) -> Self {
        Self { reason, at, beside: None, in_policy: false, help: None, is_of_text: false, subject: None }
    }

    pub fn missing(kind: ObjectKind, name: impl Into<Named>) -> Self {
        let Named { name, subject, at } = name.into();
        Self { subject, ..Self::new(Reason::Missing { kind, name }, at) }
    }

    /// A part of an object is not there: a column, a constraint, a policy.
    pub fn missing_part(kind: ObjectKind, part: &Ident, of: impl Into<Named>) -> Self {
        Self::missing(kind, Named::part(kind, part, of.into()))
    }

    pub fn exists(kind: ObjectKind, name: impl Into<Named>) -> Self {
        let Named { name, subject, at } = name.into();
        Self { subject, ..Self::new(Reason::Exists { kind, name }, at) }
    }

    pub fn exists_part(kind: ObjectKind, part: &Ident, of: impl Into<Named>) -> Self {
        Self::exists(kind, Named::part(kind, part, of.into()))
    }

    /// The object, or the schema that something is made in, belongs to the platform.
    pub fn not_allowed(kind: ObjectKind, name: impl Into<Named>) -> Self {
        let Named { name, subject, at } = name.into();
        Self { subject, ..Self::new(Reason::NotAllowed { kind, name }, at) }
    }

    pub fn refused(state: SqlState, why: impl Into<String>) -> Self {
        Self::new(Reason::Refused { state, why: why.into() }, None)
    }

    /// The same, with the part of the statement that is to blame.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        Self { at: Some(span), ..self }
    }

    /// The same, about one object: doubts about others do not matter.
    #[must_use]
    pub(super) fn about(self, name: impl Into<Named>) -> Self {
        Self { subject: name.into().subject, ..self }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub(super) fn helped_by(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }

    /// The text of a body that PostgreSQL does not take, in the server's words.
    pub(super) fn broken(message: impl Into<String>, at: Span) -> Self {
        let reason = Reason::Refused { state: SqlState::SYNTAX_ERROR, why: message.into() };
        Self { is_of_text: true, ..Self::new(reason, Some(at)) }
    }

    /// The same, with the name continued.
    #[must_use]
    pub(super) fn with_suffix(mut self, suffix: &str) -> Self {
        if let Reason::Missing { name, .. } | Reason::Exists { name, .. } = &mut self.reason {
            name.push_str(suffix);
        }
        self
    }

    /// The same, with the statement that made what is in the way.
    #[must_use]
    pub fn beside(self, place: Option<Span>) -> Self {
        Self { beside: place, ..self }
    }

    /// Whether it is about an object of this bare name.
    pub(super) fn is_about(&self, name: &Ident) -> bool {
        self.subject.as_ref().is_some_and(|subject| subject.name == *name)
    }

    /// Whether it is that an object is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self.reason, Reason::Missing { .. })
    }

    /// The code of PostgreSQL's error.
    pub fn sql_state(&self) -> SqlState {
        use ObjectKind as K;
        match &self.reason {
            Reason::Refused { state, .. } => *state,
            Reason::NotAllowed { .. } => SqlState::INSUFFICIENT_PRIVILEGE,
            Reason::Missing { kind, .. } => match kind {
                K::Table | K::View | K::MaterializedView | K::ForeignTable | K::Sequence => {
                    SqlState::UNDEFINED_TABLE
                }
                K::Column | K::Attribute => SqlState::UNDEFINED_COLUMN,
                kind if is_routine(*kind) => SqlState::UNDEFINED_FUNCTION,
                K::Schema => SqlState::INVALID_SCHEMA_NAME,
                _ => SqlState::UNDEFINED_OBJECT,
            },
            Reason::Exists { kind, .. } => match kind {
                K::Table | K::View | K::MaterializedView | K::ForeignTable | K::Sequence | K::Index => {
                    SqlState::DUPLICATE_TABLE
                }
                K::Column | K::Attribute => SqlState::DUPLICATE_COLUMN,
                kind if is_routine(*kind) => SqlState::DUPLICATE_FUNCTION,
                K::Schema => SqlState::DUPLICATE_SCHEMA,
                _ => SqlState::DUPLICATE_OBJECT,
            },
        }
    }
}

/// A sentence: what is not as the statement needs it.
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Missing { kind, name, .. } => {
                write!(f, "{} {name} is not made by any statement before this one", kind.noun())
            }
            Reason::Exists { kind, name } => write!(f, "{} {name} exists already", kind.noun()),
            Reason::NotAllowed { kind: ObjectKind::Schema, name } => {
                write!(f, "only Supabase itself may make objects in schema {name}")
            }
            Reason::NotAllowed { kind, name } => {
                write!(f, "only Supabase itself may change {} {name}", kind.noun())
            }
            Reason::Refused { why, .. } => f.write_str(why),
        }
    }
}

/// A name as a message shows it, with what is known about where it stands.
pub struct Named {
    name: String,
    subject: Option<Box<Subject>>,
    at: Option<Span>,
}

impl Subject {
    fn new(schema: Option<Ident>, name: &Ident) -> Option<Box<Self>> {
        Some(Box::new(Self { schema, name: name.clone() }))
    }
}

impl Named {
    fn part(kind: ObjectKind, part: &Ident, of: Self) -> Self {
        let name = match kind {
            ObjectKind::Column | ObjectKind::Attribute => format!("{}.{}", of.name, part.quoted()),
            ObjectKind::Policy => format!("{} on {}", part.delimited(), of.name),
            _ => format!("{} on {}", part.quoted(), of.name),
        };
        Self { name, ..of }
    }
}

impl From<&ObjectName> for Named {
    fn from(name: &ObjectName) -> Self {
        Self {
            name: name.to_string(),
            subject: Subject::new(name.schema.clone(), &name.name),
            at: Some(name.span),
        }
    }
}

impl From<&QName> for Named {
    fn from(name: &QName) -> Self {
        Self {
            name: name.to_string(),
            subject: Subject::new(Some(name.schema.clone()), &name.name),
            at: None,
        }
    }
}

impl From<QName> for Named {
    fn from(name: QName) -> Self {
        Self::from(&name)
    }
}

impl From<&Ident> for Named {
    fn from(name: &Ident) -> Self {
        Self { name: name.quoted(), subject: Subject::new(None, name), at: None }
    }
}

impl From<Ident> for Named {
    fn from(name: Ident) -> Self {
        Self::from(&name)
    }
}

impl From<&str> for Named {
    fn from(name: &str) -> Self {
        Self::from(name.to_string())
    }
}

impl From<String> for Named {
    fn from(name: String) -> Self {
        Self { name, subject: None, at: None }
    }
}

/// What to do about an object that no statement makes.
pub const MISSING: &str = "if it was made in the dashboard, `supabase db pull` writes a migration that makes it; move that before this";

impl Catalog {
    /// Records that a statement is not applied: as a failure where it is certain that PostgreSQL
    /// refuses it, too, as a gap where it may not.
    pub(super) fn record_misfit(&mut self, span: Span, misfit: Misfit) {
        if self.attempts == 0 && self.is_certain(span, &misfit) {
            let misfit = self.with_schema(misfit);
            self.failures.push(Failure { statement: span, misfit, follows: None });
        } else {
            self.record_doubtful(span, misfit);
        }
    }

    /// Takes note of a statement that could not be read: what its first words name may be there or
    /// not.
    pub fn note_unread(&mut self, text: &str) {
        const WORDS: usize = 10;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        self.unread.extend(words.take(WORDS).map(|word| Ident::new(word.to_lowercase())));
    }

    /// Records what a statement refers to in vain. It is applied nevertheless, as if the names were
    /// right, unless there is a block around that may take the error.
    pub(super) fn record_unfit(&mut self, span: Span, unfit: Vec<Misfit>) -> Applied {
        for misfit in unfit {
            if !self.is_certain(span, &misfit) {
                continue;
            }
            if self.attempts > 0 {
                return Err(misfit);
            }
            let misfit = self.with_schema(misfit);
            self.failures.push(Failure { statement: span, misfit, follows: None });
        }
        Ok(())
    }

    /// Records a gap for a statement that may not fit.
    pub(super) fn record_doubtful(&mut self, span: Span, misfit: Misfit) {
        let misfit = self.with_schema(misfit);
        let (cause, help) = match &misfit.reason {
            Reason::Missing { kind, name, .. } => {
                (Cause::Object(format!("{} {name}", kind.noun())), Some(MISSING))
            }
            Reason::Exists { kind, name } => (Cause::Object(format!("another {} {name}", kind.noun())), None),
            Reason::NotAllowed { .. } | Reason::Refused { .. } => (Cause::Statement(span), None),
        };
        self.record_caused(cause, span, misfit.to_string(), Vec::new()).help = help;
    }

    /// The misfit with the schema that a relation's bare name would be made in, so that it is the
    /// same in every message.
    fn with_schema(&self, mut misfit: Misfit) -> Misfit {
        use ObjectKind as K;
        let path = || self.search_path().filter(|schema| *schema != "pg_catalog");
        if let Reason::Missing { kind: K::Table | K::View | K::MaterializedView | K::Sequence, name, .. }
        | Reason::Exists { kind: K::Table | K::View | K::MaterializedView | K::Sequence, name } =
            &mut misfit.reason
            && misfit.subject.as_ref().is_some_and(|subject| subject.schema.is_none())
            && let Some(schema) = path().find(|schema| self.namespaces.contains_key(schema))
        {
            *name = format!("{}.{name}", schema.quoted());
        }
        misfit
    }

    /// Whether statements that were not followed may have made or changed an object of this name.
    pub(super) fn is_in_doubt(&self, name: &Ident) -> bool {
        self.touched.concern_name(name, &ALL)
    }

    /// Where a relation or type is looked up for a definition, a schema that is not there is what
    /// PostgreSQL objects to.
    pub(super) fn blame_schema(&self, misfit: Misfit) -> Misfit {
        let schema = misfit.subject.as_ref().and_then(|subject| subject.schema.as_ref());
        match schema.filter(|schema| misfit.is_missing() && !self.is_schema(schema)) {
            Some(schema) => {
                let blamed = Misfit::missing(ObjectKind::Schema, schema);
                Misfit { at: misfit.at, in_policy: misfit.in_policy, ..blamed }
            }
            None => misfit,
        }
    }

    /// Notes that a schema for something new is not there, or that `search_path` names none.
    pub(super) fn expect_schema(&mut self, name: &ObjectName, persistence: Persistence) {
        let misfit = match &name.schema {
            _ if persistence == Persistence::Temporary => return,
            Some(schema) if self.is_schema(schema) => return,
            Some(schema) => Misfit::missing(ObjectKind::Schema, schema),
            None if self.search_path().any(|schema| schema != "pg_catalog" && self.is_schema(&schema)) => {
                return;
            }
            None => {
                let why = format!("search_path names no schema in which {name} could be made");
                let misfit = Misfit::refused(SqlState::INVALID_SCHEMA_NAME, why);
                let misfit = misfit.about(self.creation_name(name));
                misfit.helped_by("write the schema before the name, or `set search_path = public;` above it")
            }
        };
        self.unfit.push(misfit.at(name.span));
    }

    /// Whether nothing that was not followed can have made, changed or dropped what the misfit is
    /// about, and it is not the platform's or an extension's, of which not everything is known.
    fn is_certain(&self, span: Span, misfit: &Misfit) -> bool {
        // Nobody runs these.
        if self.descriptions.contains(&span.file) {
            return false;
        }
        if misfit.is_of_text {
            return true;
        }
        let kind = match &misfit.reason {
            Reason::Missing { kind, .. } | Reason::Exists { kind, .. } => Some(*kind),
            Reason::NotAllowed { .. } | Reason::Refused { .. } => None,
        };
        let schema = misfit.subject.as_ref().and_then(|subject| subject.schema.as_ref());
        let may_be_foreign = match (&misfit.reason, schema) {
            (Reason::Missing { kind, .. }, Some(schema)) => {
                let has_extension = || self.extensions.values().any(|it| it.schema.value == *schema);
                self.is_foreign(schema) || is_routine(*kind) && has_extension()
            }
            (Reason::Missing { kind, name, .. }, None) => {
                name.starts_with("pg_") || may_be_builtin(*kind, name)
            }
            _ => false,
        };
        let aspects = kind.map_or(&ALL[..], aspects_of);
        let is_doubtful = match &misfit.subject {
            Some(subject) => self.touched.concern_name(&subject.name, aspects),
            None => self.touched.ever(aspects),
        };
        !may_be_foreign && !is_doubtful && !self.may_be_otherwise(span, misfit)
    }

    /// Whether a statement fails for want of something of this name: a database may have it from elsewhere.
    pub fn is_wanted(&self, name: &QName) -> bool {
        self.failures.iter().any(|failure| {
            let subject = failure.misfit.subject.as_ref();
            matches!(failure.misfit.reason, Reason::Missing { .. })
                && subject.is_some_and(|wanted| {
                    wanted.name == name.name
                        && wanted.schema.as_ref().is_none_or(|schema| *schema == name.schema)
                })
        })
    }

    /// Whether what is in the way or missing may not be so: it is the platform's, which may have it
    /// or not, or a statement that could not be read names it.
    fn may_be_otherwise(&self, span: Span, misfit: &Misfit) -> bool {
        let Some(subject) = &misfit.subject else { return false };
        if self.unread.contains(&Ident::new(subject.name.to_lowercase())) {
            return true;
        }
        let Reason::Exists { kind, .. } = &misfit.reason else { return false };
        let name = ObjectName { schema: subject.schema.clone(), name: subject.name.clone(), span };
        // A migration made it. Whether a constraint held for the rows is not known where its file fails.
        if let Some(place) = misfit.beside {
            let fails = || self.failures.iter().any(|failure| failure.statement.file == place.file);
            let holds_rows = || match self.resolve_relation(&name) {
                Some((_, Relation::Table(oid))) => !self.is_empty_table(oid),
                _ => true,
            };
            return *kind == ObjectKind::Constraint && place.file != span.file && fails() && holds_rows();
        }
        let made = match (kind, self.resolve_relation(&name)) {
            (ObjectKind::Publication, _) => self.publications.get(&subject.name).map(|it| it.history.created),
            (_, Some((_, Relation::Table(oid)))) => self.tables.get(&oid).map(|it| it.history.created),
            (_, Some((_, Relation::View(oid)))) => self.views.get(&oid).map(|it| it.history.created),
            _ => None,
        };
        made == Some(Origin::Platform)
    }

    /// Whether a schema is there, or one of the system's.
    pub(super) fn is_schema(&self, name: &Ident) -> bool {
        let is_system = name.starts_with("pg_") || *name == "information_schema";
        is_system || self.namespaces.contains_key(name)
    }

    /// Whether a schema holds objects that no migration makes and that the catalog may not know.
    fn is_foreign(&self, schema: &Ident) -> bool {
        let made = |schema| self.namespaces.get(schema).map(|it| it.history.created.span().is_some());
        let is_any = |names: &[&str]| names.iter().any(|name| schema == name);
        match made(schema) {
            Some(made) => !made && !is_any(&["public", "extensions"]),
            None => is_any(&["pg_catalog", "information_schema"]) || is_any(&OPTIONAL_SCHEMAS),
        }
    }
}

/// Aspects of which any may make a statement fit that does not.
const ALL: [Aspect; 10] = [
    Aspect::Rls,
    Aspect::Policies,
    Aspect::Grants,
    Aspect::Execute,
    Aspect::Indexes,
    Aspect::Shape,
    Aspect::Functions,
    Aspect::Views,
    Aspect::Existence,
    Aspect::Roles,
];

/// What must not be in doubt for an object of this kind to be there or not.
fn aspects_of(kind: ObjectKind) -> &'static [Aspect] {
    use ObjectKind as K;
    match kind {
        K::Policy => &[Aspect::Existence, Aspect::Policies],
        K::Index => &[Aspect::Existence, Aspect::Indexes],
        K::Column | K::Attribute | K::Constraint | K::DomainConstraint | K::Trigger | K::Rule => {
            &[Aspect::Existence, Aspect::Shape, Aspect::Views]
        }
        kind if is_routine(kind) => &[Aspect::Existence, Aspect::Functions],
        K::Role => &[Aspect::Existence, Aspect::Roles],
        _ => &[Aspect::Existence, Aspect::Views],
    }
}

/// Whether PostgreSQL or the platform may have an object of this kind under a bare name.
fn may_be_builtin(kind: ObjectKind, name: &str) -> bool {
    match kind {
        ObjectKind::Language | ObjectKind::Unmodelled(_) => true,
        ObjectKind::Schema => OPTIONAL_SCHEMAS.contains(&name),
        kind if is_routine(kind) => is_builtin_function(name.split('(').next().unwrap_or(name)),
        _ => false,
    }
}

/// Schemas that Supabase makes in some projects.
const OPTIONAL_SCHEMAS: [&str; 8] = [
    "_analytics",
    "_realtime",
    "_supavisor",
    "pgbouncer",
    "pgsodium",
    "pgsodium_masks",
    "supabase_functions",
    "supabase_migrations",
];

fn is_routine(kind: ObjectKind) -> bool {
    use ObjectKind as K;
    matches!(kind, K::Function | K::Procedure | K::Routine | K::Aggregate)
}
