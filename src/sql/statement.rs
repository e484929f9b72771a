//! Statements, as small types of our own.
//!
//! They say what was written, not what it means: names are unresolved, defaults are absent. The
//! catalog gives them their meaning.

use std::sync::{Arc, OnceLock};

use crate::source::{Span, Spanned};
use crate::sql::expr::{Expr, FromItem, Query, RelationRef, ResultColumn};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{self, Block};

/// A statement and its place: from its first token to its last, comments before it left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub span: Span,
    pub kind: StatementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    CreateSchema(CreateSchema),
    CreateTable(Box<CreateTable>),
    /// CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW.
    CreateTableAs(Box<CreateTableAs>),
    CreateView(Box<CreateView>),
    CreateIndex(Box<CreateIndex>),
    CreatePolicy(Box<CreatePolicy>),
    CreateFunction(Box<CreateFunction>),
    CreateAggregate(Box<CreateAggregate>),
    CreateTrigger(Box<CreateTrigger>),
    CreateEventTrigger(Box<CreateEventTrigger>),
    CreateRule(CreateRule),
    CreateSequence(Box<CreateSequence>),
    CreateType(Box<CreateType>),
    CreateRole(CreateRole),
    CreateExtension(CreateExtension),
    CreatePublication(Publication),
    CreateCollation {
        name: ObjectName,
        if_not_exists: bool,
    },
    CreateServer {
        name: Ident,
        wrapper: Ident,
        if_not_exists: bool,
    },

    AlterTable(Box<AlterTable>),
    AlterPolicy(Box<AlterPolicy>),
    AlterFunction(Box<AlterFunction>),
    AlterSequence(Box<AlterSequence>),
    AlterEnum(AlterEnum),
    AlterDomain(Box<AlterDomain>),
    AlterRole(AlterRole),
    AlterRoleSet {
        role: Option<RoleName>,
        change: SettingChange,
    },
    AlterDatabaseSet {
        change: SettingChange,
    },
    AlterPublication(Publication),
    AlterEventTrigger {
        name: Spanned<Ident>,
        enabled: char,
    },
    AlterDefaultPrivileges(AlterDefaultPrivileges),
    Rename(Box<Rename>),
    SetSchema {
        object: Box<ObjectRef>,
        if_exists: bool,
        schema: Ident,
    },
    SetOwner {
        object: Box<ObjectRef>,
        owner: RoleName,
    },
    /// `ALTER … DEPENDS ON EXTENSION`, `ALTER EXTENSION … ADD` and the like: nothing to model.
    Drop(Drop),
    DropOwned {
        roles: Vec<RoleName>,
        cascade: bool,
    },
    ReassignOwned {
        roles: Vec<RoleName>,
        to: RoleName,
    },

    Grant(Grant),
    GrantRole(GrantRole),
    Comment {
        object: Box<ObjectRef>,
        text: Option<String>,
    },

    /// REFRESH MATERIALIZED VIEW
    Refresh {
        name: ObjectName,
        with_data: bool,
    },
    Truncate {
        tables: Vec<ObjectName>,
        cascade: bool,
    },
    Set(SettingChange),
    /// `SET LOCAL …`, which ends with the transaction.
    SetLocal(SettingChange),
    Transaction(Transaction),
    Do(Box<DoBlock>),
    /// A SELECT at the top level: it may call a function that changes the database.
    Query(Box<Query>),
    /// INSERT, UPDATE, DELETE, MERGE on a table that the model reads.
    Change(Box<DataChange>),
    /// CALL of a procedure.
    Call(Expr),
    /// A change of rows that the model does not read, known by its first words: INSERT, UPDATE,
    /// DELETE, MERGE, COPY.
    Data(Option<Box<RowTarget>>),
    /// A statement with nothing to model, by its command.
    Other(&'static str),
}

/// `GRANT … TO x`, `ALTER … OWNER TO x`: a role as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleName {
    Role(Ident),
    Public,
    /// `CURRENT_USER`, `CURRENT_ROLE`, `SESSION_USER`.
    Current,
}

/// `varchar(20)[]`, `public.mood`, `orders.id%type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    /// As the parser gives it: `pg_catalog.int4` for `integer`, `serial` as it is.
    pub name: ObjectName,
    /// `(10, 2)` as written.
    pub modifiers: Vec<i64>,
    /// `interval` fields mask is left out; dimensions count `[]`.
    pub dimensions: u8,
    pub setof: bool,
    /// `table.column%type`
    pub percent_type: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSchema {
    /// Absent in `CREATE SCHEMA AUTHORIZATION x`.
    pub name: Option<Spanned<Ident>>,
    pub authorization: Option<RoleName>,
    pub if_not_exists: bool,
    pub elements: Vec<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Permanent,
    Temporary,
    Unlogged,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    /// In the order written: columns, constraints and LIKE clauses.
    pub elements: Vec<TableElement>,
    pub inherits: Vec<ObjectName>,
    pub partition_of: Option<ObjectName>,
    /// PARTITION BY: its key columns, `None` for an expression.
    pub partition_key: Option<Vec<Option<Ident>>>,
    pub of_type: Option<ObjectName>,
    /// `name=value`
    pub options: Vec<String>,
    /// CREATE FOREIGN TABLE … SERVER
    pub server: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableElement {
    Column(ColumnDef),
    Constraint(ConstraintDef),
    Like { source: ObjectName, options: LikeOptions },
}

/// LIKE … INCLUDING: what is copied besides names, types and not-null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LikeOptions {
    pub comments: bool,
    pub compression: bool,
    pub constraints: bool,
    pub defaults: bool,
    pub generated: bool,
    pub identity: bool,
    pub indexes: bool,
    pub statistics: bool,
    pub storage: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: Ident,
    /// The whole definition.
    pub span: Span,
    pub name_span: Span,
    /// Absent for `OF type` columns and partition overrides.
    pub data_type: Option<TypeName>,
    pub collation: Option<ObjectName>,
    /// In the order written: not null, default, primary key, references …
    pub constraints: Vec<ConstraintDef>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintDef {
    pub name: Option<Ident>,
    pub span: Span,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub not_valid: bool,
    pub no_inherit: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    NotNull {
        column: Option<Ident>,
    },
    Null,
    Default(Expr),
    /// `always` or by default; `options` of its sequence.
    Identity {
        always: bool,
        options: Box<SequenceOptions>,
    },
    Generated(Expr),
    Check(Expr),
    /// PRIMARY KEY or UNIQUE. No columns in a column constraint.
    Unique {
        primary: bool,
        columns: Vec<Ident>,
        include: Vec<Ident>,
        nulls_not_distinct: bool,
        using_index: Option<Ident>,
    },
    ForeignKey(ForeignKey),
    Exclude {
        method: Ident,
        keys: Vec<IndexKey>,
        include: Vec<Ident>,
        predicate: Option<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// Empty in a column constraint.
    pub columns: Vec<Ident>,
    pub references: ObjectName,
    /// Empty when the primary key is meant.
    pub referenced_columns: Vec<Ident>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferentialAction {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTableAs {
    pub name: ObjectName,
    pub materialized: bool,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    pub columns: Vec<Ident>,
    /// `None` for `AS EXECUTE prepared`.
    pub query: Option<Query>,
    pub with_data: bool,
    pub options: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub name: ObjectName,
    pub or_replace: bool,
    pub temporary: bool,
    pub columns: Vec<Ident>,
    pub query: Query,
    /// `name=value`; `name` alone is `name=true`.
    pub options: Vec<String>,
    /// WITH CHECK OPTION: `local` or `cascaded`.
    pub check_option: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    pub name: Option<Ident>,
    pub name_span: Option<Span>,
    pub if_not_exists: bool,
    pub unique: bool,
    pub concurrently: bool,
    /// ON ONLY
    pub only: bool,
    pub table: ObjectName,
    pub method: Ident,
    pub keys: Vec<IndexKey>,
    pub include: Vec<Ident>,
    pub nulls_not_distinct: bool,
    pub predicate: Option<Expr>,
    pub options: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexKey {
    pub value: IndexKeyValue,
    pub operator_class: Option<ObjectName>,
    pub collation: Option<ObjectName>,
    pub descending: bool,
    /// `None`: the default of the direction.
    pub nulls_first: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IndexKeyValue {
    Column(Ident),
    Expr(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyCommand {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

/// An expression with the place of its text, the parentheses around it left out.
pub type Clause = Spanned<Expr>;

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePolicy {
    pub name: Spanned<Ident>,
    pub table: ObjectName,
    pub permissive: bool,
    pub command: Spanned<PolicyCommand>,
    /// As written; `PUBLIC` where TO is absent.
    pub roles: Spanned<Vec<RoleName>>,
    pub using: Option<Clause>,
    pub with_check: Option<Clause>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPolicy {
    pub name: Spanned<Ident>,
    pub table: ObjectName,
    pub roles: Option<Spanned<Vec<RoleName>>>,
    pub using: Option<Clause>,
    pub with_check: Option<Clause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentMode {
    In,
    Out,
    InOut,
    Variadic,
    /// A column of RETURNS TABLE.
    Table,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: Option<Ident>,
    pub mode: ArgumentMode,
    pub data_type: TypeName,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateFunction {
    pub name: ObjectName,
    pub or_replace: bool,
    pub procedure: bool,
    pub arguments: Vec<Argument>,
    /// Absent for procedures, and where OUT arguments say it.
    pub returns: Option<TypeName>,
    pub attributes: FunctionAttributes,
    pub language: Option<Ident>,
    pub window: bool,
    pub body: Option<FunctionBody>,
}

/// What CREATE and ALTER FUNCTION can both say. `None`: not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionAttributes {
    pub security_definer: Option<Spanned<bool>>,
    pub volatility: Option<Volatility>,
    pub strict: Option<bool>,
    pub leakproof: Option<bool>,
    /// `u`, `r` or `s`.
    pub parallel: Option<char>,
    pub settings: Vec<SettingChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunctionBody {
    /// The text between the quotes.
    Text(BodyText),
    /// BEGIN ATOMIC … END or RETURN …
    Statements { statements: Vec<Statement>, span: Span },
}

/// The source text of a function or DO block.
#[derive(Clone, Debug)]
pub struct BodyText {
    /// The body, doubled quotes undone.
    pub text: Arc<str>,
    /// Where it stands in the file, without its quotes.
    pub span: Span,
    /// Whether each byte of `text` stands at the same distance in the file: false where quotes
    /// were doubled or escapes used.
    pub verbatim: bool,
    /// The PL/pgSQL in it, once it was asked for: clones share it.
    block: Arc<OnceLock<Arc<Block>>>,
}

impl BodyText {
    pub fn new(text: impl Into<Arc<str>>, span: Span, verbatim: bool) -> Self {
        Self { text: text.into(), span, verbatim, block: Arc::default() }
    }

    /// What the text says if it is PL/pgSQL; it is read once. The caller provides the stack: see
    /// [`crate::sql::STACK_SIZE`].
    pub fn block(&self) -> &Arc<Block> {
        self.block.get_or_init(|| Arc::new(plpgsql::parse(self)))
    }
}

impl PartialEq for BodyText {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.span, self.verbatim) == (&other.text, other.span, other.verbatim)
    }
}

impl Eq for BodyText {}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateAggregate {
    pub name: ObjectName,
    pub or_replace: bool,
    pub arguments: Vec<Argument>,
    /// The type of the state, which is the result unless a final function says otherwise.
    pub state_type: Option<TypeName>,
    pub state_function: Option<ObjectName>,
    pub final_function: Option<ObjectName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerTiming {
    Before,
    After,
    InsteadOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TriggerEvent {
    Insert,
    Update,
    Delete,
    Truncate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTrigger {
    pub name: Spanned<Ident>,
    pub or_replace: bool,
    pub constraint: bool,
    pub table: ObjectName,
    pub timing: TriggerTiming,
    pub events: Vec<TriggerEvent>,
    /// UPDATE OF …
    pub columns: Vec<Ident>,
    pub for_each_row: bool,
    pub when: Option<Expr>,
    pub function: ObjectName,
    pub args: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateEventTrigger {
    pub name: Spanned<Ident>,
    pub event: Ident,
    /// WHEN TAG IN (…)
    pub tags: Vec<String>,
    pub function: ObjectName,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRule {
    pub name: Ident,
    pub or_replace: bool,
    pub table: ObjectName,
    pub event: PolicyCommand,
    pub instead: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SequenceOptions {
    pub data_type: Option<TypeName>,
    pub start: Option<i64>,
    pub increment: Option<i64>,
    pub minimum: Option<i64>,
    pub maximum: Option<i64>,
    pub owned_by: Option<OwnedBy>,
    /// `SEQUENCE NAME` of an identity column, as dumps write it.
    pub sequence_name: Option<ObjectName>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OwnedBy {
    None,
    Column { table: ObjectName, column: Ident },
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateSequence {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    pub options: SequenceOptions,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterSequence {
    pub name: ObjectName,
    pub if_exists: bool,
    pub options: SequenceOptions,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateType {
    pub name: ObjectName,
    pub kind: CreateTypeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CreateTypeKind {
    Enum(Vec<String>),
    Domain {
        base: TypeName,
        collation: Option<ObjectName>,
        constraints: Vec<ConstraintDef>,
    },
    Composite(Vec<ColumnDef>),
    Range {
        subtype: TypeName,
        multirange: Option<ObjectName>,
    },
    /// A base or shell type.
    Base,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterEnum {
    pub name: ObjectName,
    pub change: EnumChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EnumChange {
    Add { value: String, if_not_exists: bool, neighbour: Option<EnumNeighbour> },
    Rename { from: String, to: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct EnumNeighbour {
    pub value: String,
    pub after: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDomain {
    pub name: ObjectName,
    pub change: DomainChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DomainChange {
    SetDefault(Expr),
    DropDefault,
    SetNotNull,
    DropNotNull,
    AddConstraint(Box<ConstraintDef>),
    DropConstraint { name: Ident, if_exists: bool },
    ValidateConstraint(Ident),
}

/// `None`: not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleAttributes {
    pub superuser: Option<bool>,
    pub inherit: Option<bool>,
    pub createrole: Option<bool>,
    pub createdb: Option<bool>,
    pub login: Option<bool>,
    pub replication: Option<bool>,
    pub bypassrls: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRole {
    pub name: Spanned<Ident>,
    pub attributes: RoleAttributes,
    /// IN ROLE: the new role becomes their member.
    pub member_of: Vec<RoleName>,
    /// ROLE, ADMIN: they become members of the new role.
    pub members: Vec<RoleName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterRole {
    pub name: RoleName,
    pub attributes: RoleAttributes,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateExtension {
    pub name: Spanned<Ident>,
    pub if_not_exists: bool,
    pub schema: Option<Ident>,
    pub cascade: bool,
    pub version: Option<String>,
}

/// CREATE and ALTER PUBLICATION.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    pub name: Ident,
    pub all_tables: bool,
    pub action: PublicationAction,
    pub tables: Vec<PublishedTable>,
    pub schemas: Vec<Ident>,
    /// `publish_via_partition_root`, where it is said.
    pub via_root: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationAction {
    Add,
    Drop,
    /// Also what CREATE does.
    Set,
    /// Only options change.
    Options,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PublishedTable {
    pub name: ObjectName,
    /// Without the tables that inherit from it.
    pub only: bool,
    pub has_filter: bool,
}

/// What kind of relation or other object a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Index,
    /// A type of any kind.
    Type,
    Domain,
    Function,
    Procedure,
    /// ROUTINE: function, procedure or aggregate.
    Routine,
    Aggregate,
    Schema,
    Role,
    Extension,
    Database,
    Publication,
    Subscription,
    EventTrigger,
    ForeignServer,
    ForeignDataWrapper,
    Language,
    Collation,
    /// Objects on a table; the table stands in [`ObjectRef::name`].
    Policy,
    Trigger,
    Rule,
    Column,
    Constraint,
    DomainConstraint,
    /// An attribute of a composite type.
    Attribute,
    /// An object that the catalog does not model: operator, cast, statistics …
    Unmodelled(&'static str),
}

/// The signature of a function as DROP, ALTER, GRANT and COMMENT write it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Input arguments, or all of them as written; `None` when no list is given.
    pub arguments: Option<Vec<(ArgumentMode, TypeName)>>,
}

/// An object by kind and name.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRef {
    pub kind: ObjectKind,
    /// The object; for a policy, trigger, rule, column or constraint the table that it is on.
    pub name: ObjectName,
    /// The policy, trigger, rule, column or constraint.
    pub part: Option<Spanned<Ident>>,
    /// Of a function, procedure or aggregate.
    pub signature: Option<Signature>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    pub object: ObjectRef,
    pub if_exists: bool,
    pub cascade: bool,
    pub to: Ident,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    pub objects: Vec<ObjectRef>,
    pub if_exists: bool,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// TABLE, VIEW, INDEX, SEQUENCE, FOREIGN TABLE, MATERIALIZED VIEW or TYPE, as written.
    pub kind: ObjectKind,
    pub name: ObjectName,
    pub if_exists: bool,
    pub only: bool,
    /// Whether an action says CASCADE.
    pub cascade: bool,
    pub actions: Vec<Spanned<AlterAction>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterAction {
    AddColumn {
        column: ColumnDef,
        if_not_exists: bool,
    },
    DropColumn {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    SetDefault {
        column: Ident,
        default: Expr,
    },
    DropDefault {
        column: Ident,
    },
    SetNotNull {
        column: Ident,
    },
    DropNotNull {
        column: Ident,
    },
    SetType {
        column: Ident,
        data_type: TypeName,
        collation: Option<ObjectName>,
        using: Option<Expr>,
    },
    /// ADD GENERATED … AS IDENTITY
    AddIdentity {
        column: Ident,
        always: bool,
        options: Box<SequenceOptions>,
    },
    /// SET GENERATED ALWAYS or BY DEFAULT, and options of the sequence.
    SetIdentity {
        column: Ident,
        always: Option<bool>,
        options: SequenceOptions,
    },
    DropIdentity {
        column: Ident,
        if_exists: bool,
    },
    DropExpression {
        column: Ident,
        if_exists: bool,
    },
    SetExpression {
        column: Ident,
    },
    AddConstraint(ConstraintDef),
    DropConstraint {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    ValidateConstraint {
        name: Ident,
    },
    AlterConstraint {
        name: Ident,
        deferrable: bool,
        initially_deferred: bool,
    },
    EnableRls,
    DisableRls,
    ForceRls,
    NoForceRls,
    AttachPartition {
        partition: ObjectName,
    },
    DetachPartition {
        partition: ObjectName,
    },
    Inherit {
        parent: ObjectName,
    },
    NoInherit {
        parent: ObjectName,
    },
    OfType {
        name: ObjectName,
    },
    NotOf,
    SetOptions(Vec<String>),
    ResetOptions(Vec<Ident>),
    SetLogged(bool),
    ReplicaIdentity {
        kind: ReplicaIdentity,
    },
    /// `None`: ALL or USER triggers.
    EnableTrigger {
        name: Option<Ident>,
        enabled: char,
    },
    OwnerTo(RoleName),
    /// Nothing to model: SET STATISTICS, SET STORAGE, CLUSTER ON …
    Other(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaIdentity {
    Default,
    Nothing,
    Full,
    Index,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterFunction {
    pub object: ObjectRef,
    pub attributes: FunctionAttributes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Maintain,
    Usage,
    Execute,
    Create,
    Connect,
    Temporary,
}

/// A privilege with the columns that it is limited to.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivilegeSpec {
    /// `None`: ALL.
    pub privilege: Option<Privilege>,
    pub columns: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GrantTarget {
    Objects(Vec<ObjectRef>),
    /// ON ALL … IN SCHEMA
    AllInSchemas {
        kind: ObjectKind,
        schemas: Vec<Ident>,
    },
}

/// GRANT or REVOKE on objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub is_grant: bool,
    /// Empty: ALL [PRIVILEGES].
    pub privileges: Vec<PrivilegeSpec>,
    pub target: GrantTarget,
    pub grantees: Vec<RoleName>,
    /// WITH GRANT OPTION, or GRANT OPTION FOR.
    pub grant_option: bool,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GrantRole {
    pub is_grant: bool,
    pub roles: Vec<Ident>,
    pub grantees: Vec<RoleName>,
    /// REVOKE ADMIN OPTION FOR and the like, which leaves the membership.
    pub option_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterDefaultPrivileges {
    /// FOR ROLE; empty: the current one.
    pub roles: Vec<RoleName>,
    /// IN SCHEMA; empty: everywhere.
    pub schemas: Vec<Ident>,
    pub is_grant: bool,
    pub privileges: Vec<PrivilegeSpec>,
    /// Table, Sequence, Function, Type or Schema.
    pub kind: ObjectKind,
    pub grantees: Vec<RoleName>,
    pub grant_option: bool,
}

/// `SET name TO value, …` in any statement that can hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// Empty for RESET ALL.
    pub name: Ident,
    pub span: Span,
    pub value: SettingValue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// As written, one by one, quotes undone.
    Values(Vec<String>),
    Default,
    FromCurrent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    Begin,
    Commit,
    Rollback,
    Savepoint(Ident),
    Release(Ident),
    RollbackTo(Ident),
}

/// Where the rows of a statement go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowTarget {
    pub table: ObjectName,
    /// Columns of an INSERT, where they are listed.
    pub columns: Vec<(Ident, Span)>,
}

impl RowTarget {
    /// Whether it names the same as another.
    pub fn is_like(&self, other: &Self) -> bool {
        let names = self.columns.iter().map(|(name, _)| name);
        (&self.table.schema, &self.table.name) == (&other.table.schema, &other.table.name)
            && names.eq(other.columns.iter().map(|(name, _)| name))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DoBlock {
    pub language: Ident,
    pub body: BodyText,
    /// `None` for another language than PL/pgSQL, or where the body could not be read.
    pub block: Option<Block>,
}

/// INSERT, UPDATE, DELETE or MERGE.
#[derive(Clone, Debug, PartialEq)]
pub struct DataChange {
    pub kind: ChangeKind,
    pub table: RelationRef,
    pub alias: Option<Ident>,
    pub ctes: Vec<crate::sql::expr::Cte>,
    /// Columns of an INSERT.
    pub columns: Vec<Ident>,
    /// The rows of an INSERT.
    pub source: Option<Query>,
    /// SET of UPDATE and ON CONFLICT.
    pub assignments: Vec<(Ident, Expr)>,
    /// FROM of UPDATE, USING of DELETE and MERGE.
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    /// OVERRIDING SYSTEM VALUE, or USER VALUE.
    pub overriding: bool,
    /// ON CONFLICT (columns)
    pub conflict_columns: Vec<Ident>,
    /// They are all that ON CONFLICT says of the index: no expression, operator class or condition.
    pub conflict_is_plain: bool,
    pub on_conflict: bool,
    pub returning: Vec<ResultColumn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Insert,
    Update,
    Delete,
    Merge,
}

impl DataChange {
    /// Whether no request can run it: Supabase loads safeupdate for requests, which refuses UPDATE and DELETE
    /// without WHERE, in functions as well (Supabase's documentation, pg-safeupdate).
    pub fn is_refused_in_requests(&self) -> bool {
        matches!(self.kind, ChangeKind::Update | ChangeKind::Delete) && self.filter.is_none()
    }

    /// Visits the queries in the change, and those nested in its expressions.
    pub fn walk_queries<'a>(&'a self, visit: &mut dyn FnMut(&'a Query)) {
        self.each_query(&mut |query| query.walk_queries(visit));
    }

    /// Visits the queries in the change, those in them not entered.
    pub(super) fn each_query<'a>(&'a self, visit: &mut dyn FnMut(&'a Query)) {
        for cte in &self.ctes {
            match &cte.query {
                crate::sql::expr::CteBody::Query(query) => visit(query),
                crate::sql::expr::CteBody::Change(change) => change.each_query(visit),
            }
        }
        if let Some(source) = &self.source {
            visit(source);
        }
        self.from.iter().for_each(|item| item.each_query(visit));
        for expr in self.own_expressions() {
            crate::sql::expr::each_query(expr, visit);
        }
    }

    /// The expressions of the change itself.
    pub fn own_expressions(&self) -> Vec<&Expr> {
        let assigned = self.assignments.iter().map(|(_, expr)| expr);
        assigned.chain(&self.filter).chain(self.returning.iter().map(|column| &column.expr)).collect()
    }
}
