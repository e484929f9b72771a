//! What a fresh Supabase project holds before its first migration.
//!
//! `platform/exposed.json` lists the objects of a local stack's database with `pg_net` and database
//! webhooks, one to a line. Types have their internal names, grants are written as PostgreSQL's
//! `aclitem` without the grantor (`anon=rw` holds SELECT and UPDATE, `*` is the grant option, no
//! name is PUBLIC), and letters stand for flags; the structs below say which. An owner's own
//! privileges on relations and functions are left out. Bodies, expressions and the functions of
//! extensions that nobody calls are not there.

use crate::map::IndexMap;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::function::{Argument, Function, FunctionKind, Returns};
use crate::catalog::index::{Index, IndexKey, IndexKeyValue};
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::role::{DefaultPrivileges, Extension, Namespace, Publication, Role, Sequence};
use crate::catalog::table::{Column, Constraint, ConstraintKind, ForeignKey, Identity, Table, TableKind};
use crate::catalog::trigger::{EventTrigger, FunctionRef, Trigger};
use crate::catalog::types::{Attribute, DataType, TypeRef, UserType, UserTypeKind};
use crate::catalog::view::View;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::statement::{
    ArgumentMode, ObjectKind, Persistence, Privilege, ReferentialAction, ReplicaIdentity, TriggerEvent,
    TriggerTiming, Volatility,
};

/// What new tables in `public` start with: `[api] auto_expose_new_tables`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// The API's roles get rights on every new table, sequence and function.
    #[default]
    Exposed,
    /// Rights are granted one by one. Projects of this kind start without `pg_graphql`, too.
    Explicit,
}

impl Catalog {
    /// The catalog of a fresh project.
    pub fn supabase(exposure: Exposure) -> Self {
        let data: Data = serde_json::from_str(include_str!("platform/exposed.json"))
            .expect("a test loads the platform's objects");
        let mut catalog = Self { exposure, ..Self::default() };
        let mut loader = Loader { catalog: &mut catalog, tables: FxHashMap::default() };
        loader.load(data);
        if exposure == Exposure::Explicit {
            catalog.make_explicit();
        }
        catalog
    }

    /// Takes what projects with explicit grants do not have.
    fn make_explicit(&mut self) {
        use Privilege::{Delete, Execute, Insert, Select, Update, Usage};
        let of_public = |row: &&mut DefaultPrivileges| {
            row.owner == "postgres" && row.schema.as_ref().is_some_and(|schema| *schema == "public")
        };
        for row in self.default_privileges.iter_mut().filter(of_public) {
            let taken = Privileges::of(match row.kind {
                ObjectKind::Table => &[Select, Insert, Update, Delete],
                ObjectKind::Sequence => &[Select, Usage],
                _ => &[Execute],
            });
            for role in ["anon", "authenticated", "service_role"] {
                row.acl.revoke(&Grantee::role(role), taken, false);
            }
        }
        self.extensions.shift_remove("pg_graphql");
        if let Some(namespace) = self.namespaces.get_mut("graphql") {
            let owner = Grantee::Role(namespace.owner.clone());
            namespace.acl.entries.retain(|entry| entry.grantee == owner);
        }
        let of_graphql = |sequence: &&Sequence| {
            sequence.extension.as_ref().is_some_and(|extension| *extension == "pg_graphql")
        };
        let sequence = self.sequences.values().find(of_graphql).map(|sequence| sequence.oid);
        sequence.map(|oid| self.remove_sequence(oid));
        let entry = QName::new("graphql_public", "graphql");
        let placeholder = self.functions_named(&entry).next().map(|function| function.oid);
        if let Some(function) = placeholder.and_then(|oid| self.functions.get_mut(&oid)) {
            function.language = "plpgsql".into();
        }
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct Data {
    roles: Vec<RoleRow>,
    namespaces: Vec<NamespaceRow>,
    extensions: Vec<(&'static str, &'static str, &'static str)>,
    types: Vec<TypeRow>,
    tables: Vec<TableRow>,
    views: Vec<TableRow>,
    sequences: Vec<SequenceRow>,
    functions: Vec<FunctionRow>,
    /// Owner, schema, kind, grants.
    default_privileges: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    /// Name, owner.
    publications: Vec<(&'static str, &'static str)>,
    event_triggers: Vec<EventTriggerRow>,
    database_settings: Vec<&'static str>,
}

/// Name; flags `s`uperuser, `i`nherit, create`r`ole, create`d`b, `l`ogin, re`p`lication,
/// `b`ypassrls; settings; roles that it is a member of.
#[derive(Deserialize)]
struct RoleRow(
    &'static str,
    #[serde(default)] &'static str,
    #[serde(default)] Vec<String>,
    #[serde(default)] Vec<&'static str>,
);

/// Name, owner, grants, comment, extension.
#[derive(Deserialize)]
struct NamespaceRow(
    &'static str,
    &'static str,
    &'static str,
    #[serde(default)] Option<String>,
    #[serde(default)] Option<&'static str>,
);

/// Name, owner, kind, labels or attributes.
#[derive(Deserialize)]
struct TypeRow(&'static str, &'static str, &'static str, Vec<&'static str>);

#[derive(Deserialize)]
struct TableRow {
    name: &'static str,
    owner: &'static str,
    #[serde(default)]
    rls: bool,
    #[serde(default)]
    unlogged: bool,
    #[serde(default)]
    acl: &'static str,
    extension: Option<&'static str>,
    comment: Option<String>,
    partition_key: Option<Vec<&'static str>>,
    #[serde(default)]
    columns: Vec<ColumnRow>,
    #[serde(default)]
    constraints: Vec<ConstraintRow>,
    #[serde(default)]
    indexes: Vec<IndexRow>,
    #[serde(default)]
    triggers: Vec<TriggerRow>,
}

/// Name; type; flags `n`ot null, has `d`efault, `g`enerated, identity `a`lways.
#[derive(Deserialize)]
struct ColumnRow(&'static str, &'static str, #[serde(default)] &'static str);

/// Name; `p`rimary key, `u`nique, `c`heck or `f`oreign key; columns; referenced table and columns;
/// what happens on delete and update, each `a`, `r`, `c`, `n` or `d` as in `pg_constraint`.
#[derive(Deserialize)]
struct ConstraintRow(
    &'static str,
    char,
    Vec<&'static str>,
    #[serde(default)] Option<&'static str>,
    #[serde(default)] Vec<&'static str>,
    #[serde(default)] &'static str,
);

/// Name; method; flags `u`nique, `p`rimary, `w` for a predicate; columns, null for an expression.
#[derive(Deserialize)]
struct IndexRow(&'static str, &'static str, &'static str, Vec<Option<&'static str>>);

/// Name; function; `b`efore or `a`fter and each `r`ow or `s`tatement; events; columns.
#[derive(Deserialize)]
struct TriggerRow(
    &'static str,
    &'static str,
    &'static str,
    Vec<&'static str>,
    #[serde(default)] Vec<&'static str>,
);

/// Name, owner, type, the column that it ends with, grants, extension.
#[derive(Deserialize)]
struct SequenceRow(
    &'static str,
    &'static str,
    &'static str,
    #[serde(default)] Option<&'static str>,
    #[serde(default)] Option<&'static str>,
    #[serde(default)] Option<&'static str>,
);

/// Name; owner; arguments `name type`, ` =` after them for a default, `table ` before a result
/// column; result; language and attributes; grants; settings; extension.
#[derive(Deserialize)]
struct FunctionRow(
    &'static str,
    &'static str,
    Vec<&'static str>,
    &'static str,
    &'static str,
    &'static str,
    #[serde(default)] Vec<String>,
    #[serde(default)] Option<&'static str>,
);

/// Name, owner, event, function, tags.
#[derive(Deserialize)]
struct EventTriggerRow(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    #[serde(default)] Vec<&'static str>,
);

/// Who made everything here.
const ORIGIN: Origin = Origin::Platform;

struct Loader<'a> {
    catalog: &'a mut Catalog,
    /// Identities are given out first, since foreign keys go back and forth.
    tables: FxHashMap<&'static str, (Oid, Vec<&'static str>)>,
}

impl Loader<'_> {
    fn load(&mut self, data: Data) {
        data.roles.into_iter().for_each(|row| self.role(row));
        data.namespaces.into_iter().for_each(|row| self.namespace(row));
        for (name, schema, version) in data.extensions {
            let extension = Extension {
                name: name.into(),
                schema: Tracked::new(schema.into(), ORIGIN),
                schema_given: false,
                history: History::new(ORIGIN),
                name_span: None,
                version: Some(version.to_string()),
            };
            self.catalog.extensions.insert(name.into(), extension);
        }
        data.types.into_iter().for_each(|row| self.user_type(&row));
        for row in &data.tables {
            let oid = self.catalog.next_oid();
            self.tables.insert(row.name, (oid, row.columns.iter().map(|column| column.0).collect()));
        }
        data.functions.into_iter().for_each(|row| self.function(row));
        data.tables.into_iter().for_each(|row| self.table(row));
        data.views.into_iter().for_each(|row| self.view(row));
        data.sequences.into_iter().for_each(|row| self.sequence(&row));
        for (owner, schema, kind, items) in data.default_privileges {
            let kind = match kind {
                "tables" => ObjectKind::Table,
                "sequences" => ObjectKind::Sequence,
                _ => ObjectKind::Function,
            };
            self.catalog.default_privileges.push(DefaultPrivileges {
                owner: owner.into(),
                schema: Some(schema.into()),
                kind,
                acl: acl(items),
                history: History::new(ORIGIN),
            });
        }
        for (name, owner) in data.publications {
            let publication = Publication {
                name: name.into(),
                history: History::new(ORIGIN),
                owner: owner.into(),
                all_tables: false,
                tables: IndexMap::default(),
                schemas: crate::map::IndexSet::default(),
                via_root: false,
            };
            self.catalog.publications.insert(name.into(), publication);
        }
        for EventTriggerRow(name, owner, event, function, tags) in data.event_triggers {
            let trigger = EventTrigger {
                name: name.into(),
                history: History::new(ORIGIN),
                event: event.into(),
                tags: tags.into_iter().map(str::to_string).collect(),
                function: self.function_ref(function),
                owner: owner.into(),
                enabled: 'O',
            };
            self.catalog.event_triggers.insert(name.into(), trigger);
        }
        for setting in data.database_settings {
            let (name, value) = key_value(setting);
            self.catalog.database_settings.insert(name.into(), value.to_string());
        }
    }

    fn role(&mut self, RoleRow(name, flags, config, member_of): RoleRow) {
        let is = |flag: char| flags.contains(flag);
        let mut role = Role::new(name.into(), ORIGIN);
        role.superuser = is('s');
        role.inherit = is('i');
        role.createrole = is('r');
        role.createdb = is('d');
        role.login = is('l');
        role.replication = is('p');
        role.bypassrls = is('b');
        role.config = config.iter().map(|line| key_value(line)).map(owned).collect();
        role.member_of = member_of.into_iter().map(|name| (Ident::from(name), Origin::Platform)).collect();
        self.catalog.roles.insert(name.into(), role);
    }

    fn namespace(&mut self, NamespaceRow(name, owner, items, comment, extension): NamespaceRow) {
        let namespace = Namespace {
            name: name.into(),
            history: History::new(ORIGIN),
            owner: owner.into(),
            acl: acl(items),
            comment,
            extension: extension.map(Ident::from),
        };
        self.catalog.namespaces.insert(name.into(), namespace);
    }

    fn user_type(&mut self, TypeRow(name, owner, kind, members): &TypeRow) {
        let kind = match *kind {
            "enum" => UserTypeKind::Enum { labels: members.iter().map(|label| label.to_string()).collect() },
            _ => UserTypeKind::Composite {
                attributes: members
                    .iter()
                    .filter_map(|member| member.split_once(' '))
                    .map(|(name, data_type)| Attribute {
                        name: name.into(),
                        data_type: self.data_type(data_type),
                        collation: None,
                    })
                    .collect(),
            },
        };
        let oid = self.catalog.next_oid();
        self.catalog.insert_type(UserType {
            oid,
            name: qname(name),
            kind,
            history: History::new(ORIGIN),
            owner: (*owner).into(),
            acl: Acl::built_in(ObjectKind::Type, &(*owner).into()),
            comment: None,
            extension: None,
        });
    }

    fn function(&mut self, row: FunctionRow) {
        let FunctionRow(name, owner, arguments, returns, attributes, items, config, extension) = row;
        let mut words = attributes.split(' ');
        let language = words.next().unwrap_or_default().into();
        let is = |word: &str| attributes.split(' ').any(|attribute| attribute == word);
        let returns = match (returns, returns.strip_prefix("setof ")) {
            ("table", _) => Returns::Table,
            (_, Some(row)) => Returns::SetOf(self.data_type(row)),
            (value, None) => Returns::Type(self.data_type(value)),
        };
        let config = config.iter().map(|line| key_value(line)).map(owned);
        let owner = Ident::new(owner);
        let function = Function {
            oid: self.catalog.next_oid(),
            name: qname(name),
            kind: FunctionKind::Function,
            history: History::new(ORIGIN),
            name_span: None,
            arguments: arguments.into_iter().map(|argument| self.argument(argument)).collect(),
            returns,
            language,
            body: None,
            statements: None,
            parts: Vec::new(),
            revoked: None,
            lost: Vec::new(),
            security_definer: Tracked::new(is("definer"), ORIGIN),
            volatility: match () {
                () if is("immutable") => Volatility::Immutable,
                () if is("stable") => Volatility::Stable,
                () => Volatility::Volatile,
            },
            strict: is("strict"),
            leakproof: false,
            parallel: 'u',
            config: config.map(|(name, value)| (name, Tracked::new(value, ORIGIN))).collect(),
            acl: owned_acl(ObjectKind::Function, &owner, items),
            owner,
            comment: None,
            extension: extension.map(Ident::from),
        };
        self.catalog.insert_function(function);
    }

    fn argument(&self, text: &str) -> Argument {
        let (mode, text) = match text.strip_prefix("table ") {
            Some(column) => (ArgumentMode::Table, column),
            None => (ArgumentMode::In, text),
        };
        let (text, has_default) = match text.strip_suffix(" =") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (name, data_type) = text.split_once(' ').unwrap_or(("", text));
        Argument {
            name: (!name.is_empty()).then(|| name.into()),
            mode,
            data_type: self.data_type(data_type),
            has_default,
            default: None,
        }
    }

    fn table(&mut self, row: TableRow) {
        let Some((oid, names)) = self.tables.get(row.name).cloned() else { return };
        let columns = self.columns(&row.columns);
        let constraints = row.constraints.iter().map(|row| self.constraint(row, &names)).collect();
        let indexes = self.indexes(row.indexes, &row.constraints, &names);
        let triggers = row.triggers.into_iter().map(|row| self.trigger(row, &names)).collect();
        let owner = Ident::new(row.owner);
        self.catalog.insert_table(Table {
            oid,
            name: qname(row.name),
            kind: if row.partition_key.is_some() { TableKind::Partitioned } else { TableKind::Ordinary },
            persistence: if row.unlogged { Persistence::Unlogged } else { Persistence::Permanent },
            history: History::new(ORIGIN),
            name_span: None,
            last_attnum: number(columns.len()),
            columns,
            constraints,
            indexes,
            policies: IndexMap::default(),
            triggers,
            rules: Vec::new(),
            acl: owned_acl(ObjectKind::Table, &owner, row.acl),
            owner: Tracked::new(owner, ORIGIN),
            rls: Tracked::new(row.rls, ORIGIN),
            forced_rls: Tracked::new(false, ORIGIN),
            parents: Vec::new(),
            children: Vec::new(),
            is_partition: false,
            partition_key: row
                .partition_key
                .map(|key| key.into_iter().map(|column| attnum(&names, column)).collect()),
            replica_identity: ReplicaIdentity::Default,
            of_type: None,
            options: Vec::new(),
            server: None,
            comment: row.comment,
            extension: row.extension.map(Ident::from),
        });
    }

    fn columns(&self, rows: &[ColumnRow]) -> Vec<Column> {
        let column = |(at, ColumnRow(name, data_type, flags)): (usize, &ColumnRow)| {
            let is = |flag: char| flags.contains(flag);
            let unread = Expr::Other("platform", Vec::new());
            Column {
                attnum: number(at + 1),
                name: (*name).into(),
                origin: ORIGIN,
                name_span: None,
                data_type: Tracked::new(self.data_type(data_type), ORIGIN),
                not_null: Tracked::new(is('n'), ORIGIN),
                default: is('d').then(|| Box::new(Tracked::new(unread.clone(), ORIGIN))),
                generated: is('g').then(|| Box::new(unread)),
                identity: is('a').then_some(Identity { always: true }),
                collation: None,
                inherited: false,
                local: true,
                acl: Acl::default(),
                comment: None,
            }
        };
        rows.iter().enumerate().map(column).collect()
    }

    fn constraint(&self, row: &ConstraintRow, names: &[&str]) -> (Ident, Constraint) {
        let ConstraintRow(name, kind, columns, references, referenced, actions) = row;
        let columns = attnums(names, columns);
        let kind = match (kind, references.and_then(|table| self.tables.get(table))) {
            ('f', Some((oid, others))) => ConstraintKind::ForeignKey(ForeignKey {
                columns,
                references: *oid,
                referenced_columns: attnums(others, referenced),
                on_delete: action(actions.chars().next()),
                on_update: action(actions.chars().nth(1)),
            }),
            ('p', _) => ConstraintKind::PrimaryKey { columns },
            ('u', _) => ConstraintKind::Unique { columns },
            _ => ConstraintKind::Check { expr: Expr::Other("platform", Vec::new()), columns },
        };
        let constraint = Constraint {
            name: (*name).into(),
            kind,
            history: History::new(ORIGIN),
            deferrable: false,
            initially_deferred: false,
            validated: Tracked::new(true, ORIGIN),
            inherited: false,
            local: true,
            no_inherit: false,
            comment: None,
        };
        ((*name).into(), constraint)
    }

    fn indexes(
        &mut self,
        rows: Vec<IndexRow>,
        constraints: &[ConstraintRow],
        names: &[&str],
    ) -> IndexMap<Ident, Index> {
        let mut indexes = IndexMap::default();
        for IndexRow(name, method, flags, columns) in rows {
            let key = |column: Option<&str>| {
                let attnum = column.and_then(|column| attnum(names, column));
                let mut key = IndexKey::column(attnum.unwrap_or_default());
                if attnum.is_none() {
                    key.value = IndexKeyValue::Expr(Expr::Other("platform", Vec::new()));
                }
                key
            };
            let index = Index {
                oid: self.catalog.next_oid(),
                name: name.into(),
                history: History::new(ORIGIN),
                name_span: None,
                method: method.into(),
                unique: flags.contains('u'),
                primary: flags.contains('p'),
                valid: true,
                nulls_not_distinct: false,
                constraint: constraints.iter().any(|row| row.0 == name).then(|| name.into()),
                keys: columns.into_iter().map(key).collect(),
                include: Vec::new(),
                predicate: flags.contains('w').then(|| Expr::Other("platform", Vec::new())),
                parent: None,
                old_names: Vec::new(),
                options: Vec::new(),
                comment: None,
            };
            indexes.insert(index.name.clone(), index);
        }
        indexes
    }

    fn trigger(&self, row: TriggerRow, names: &[&str]) -> (Ident, Trigger) {
        let TriggerRow(name, function, when, events, columns) = row;
        let trigger = Trigger {
            name: name.into(),
            history: History::new(ORIGIN),
            name_span: None,
            function: self.function_ref(function),
            timing: if when.contains('b') { TriggerTiming::Before } else { TriggerTiming::After },
            events: events
                .into_iter()
                .map(|event| match event {
                    "INSERT" => TriggerEvent::Insert,
                    "UPDATE" => TriggerEvent::Update,
                    "DELETE" => TriggerEvent::Delete,
                    _ => TriggerEvent::Truncate,
                })
                .collect(),
            columns: attnums(names, &columns),
            for_each_row: when.contains('r'),
            when: None,
            args: Vec::new(),
            enabled: 'O',
            constraint: None,
            inherited: false,
            comment: None,
        };
        (name.into(), trigger)
    }

    fn view(&mut self, row: TableRow) {
        let columns = self.columns(&row.columns);
        let owner = Ident::new(row.owner);
        let view = View {
            oid: self.catalog.next_oid(),
            name: qname(row.name),
            materialized: false,
            history: History::new(ORIGIN),
            name_span: None,
            columns_known: !columns.is_empty(),
            last_attnum: number(columns.len()),
            columns,
            query: None,
            was_invoker: None,
            options: Vec::new(),
            populated: true,
            indexes: IndexMap::default(),
            triggers: IndexMap::default(),
            rules: Vec::new(),
            acl: owned_acl(ObjectKind::View, &owner, row.acl),
            owner,
            comment: row.comment,
            extension: row.extension.map(Ident::from),
        };
        self.catalog.insert_view(view);
    }

    fn sequence(&mut self, row: &SequenceRow) {
        let SequenceRow(name, owner, data_type, owned_by, items, extension) = row;
        let owner = Ident::new(owner);
        let owned_by = owned_by.and_then(|path| path.rsplit_once('.')).and_then(|(table, column)| {
            let (oid, names) = self.tables.get(table)?;
            Some((*oid, attnum(names, column)?))
        });
        let identity = owned_by.is_some_and(|(table, attnum)| {
            let column = self.catalog.tables.get(&table).and_then(|table| table.column_at(attnum));
            column.is_some_and(|column| column.identity.is_some())
        });
        let sequence = Sequence {
            oid: self.catalog.next_oid(),
            name: qname(name),
            history: History::new(ORIGIN),
            persistence: Persistence::Permanent,
            data_type: self.data_type(data_type),
            start: 1,
            increment: 1,
            owned_by,
            identity,
            acl: owned_acl(ObjectKind::Sequence, &owner, items.unwrap_or_default()),
            owner,
            comment: None,
            extension: extension.map(Ident::from),
        };
        self.catalog.insert_sequence(sequence);
    }

    /// A type by its internal name, with modifiers: `varchar(255)`, `realtime.wal_column[]`.
    fn data_type(&self, text: &str) -> DataType {
        let (text, array) = match text.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (text, false),
        };
        let (name, modifiers) = text.split_once('(').unwrap_or((text, ""));
        let modifiers = modifiers.trim_end_matches(')').split(',').filter_map(|part| part.parse().ok());
        let base = match name.contains('.') {
            false => TypeRef::Builtin(name.into()),
            true => match self.catalog.type_names.get(&qname(name)) {
                Some(oid) => TypeRef::User(*oid),
                None => TypeRef::Unknown(name.to_string()),
            },
        };
        DataType { base, modifiers: modifiers.collect(), array }
    }

    fn function_ref(&self, name: &str) -> FunctionRef {
        let name = qname(name);
        let oid = self.catalog.functions_named(&name).next().map(|function| function.oid);
        FunctionRef { name, oid }
    }
}

fn qname(name: &str) -> QName {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    QName::new(schema, name)
}

fn key_value(setting: &str) -> (&str, &str) {
    setting.split_once('=').unwrap_or((setting, ""))
}

fn owned((name, value): (&str, &str)) -> (Ident, String) {
    (name.into(), value.to_string())
}

fn number(count: usize) -> i16 {
    i16::try_from(count).unwrap_or(i16::MAX)
}

fn attnum(names: &[&str], column: &str) -> Option<i16> {
    names.iter().position(|name| *name == column).map(|at| number(at + 1))
}

fn attnums(names: &[&str], columns: &[&str]) -> Vec<i16> {
    columns.iter().filter_map(|column| attnum(names, column)).collect()
}

fn action(letter: Option<char>) -> ReferentialAction {
    match letter {
        Some('r') => ReferentialAction::Restrict,
        Some('c') => ReferentialAction::Cascade,
        Some('n') => ReferentialAction::SetNull,
        Some('d') => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

/// The grants of an object whose owner holds all there is.
fn owned_acl(kind: ObjectKind, owner: &Ident, items: &str) -> Acl {
    let mut all = Acl::default();
    all.grant(&Grantee::Role(owner.clone()), Privileges::all_on(kind), false, ORIGIN);
    all.entries.extend(acl(items).entries);
    all
}

/// Reads `anon=rw authenticated=r*w*`.
fn acl(items: &str) -> Acl {
    let mut acl = Acl::default();
    for (name, letters) in items.split(' ').filter_map(|item| item.split_once('=')) {
        let grantee = if name.is_empty() { Grantee::Public } else { Grantee::role(name) };
        let mut letters = letters.chars().peekable();
        while let Some(privilege) = letters.next().and_then(privilege) {
            let grantable = letters.next_if_eq(&'*').is_some();
            acl.grant(&grantee, Privileges::of(&[privilege]), grantable, ORIGIN);
        }
    }
    acl
}

/// The letters of `aclitem` (PostgreSQL manual, section 5.8).
fn privilege(letter: char) -> Option<Privilege> {
    Some(match letter {
        'a' => Privilege::Insert,
        'r' => Privilege::Select,
        'w' => Privilege::Update,
        'd' => Privilege::Delete,
        'D' => Privilege::Truncate,
        'x' => Privilege::References,
        't' => Privilege::Trigger,
        'm' => Privilege::Maintain,
        'U' => Privilege::Usage,
        'X' => Privilege::Execute,
        'C' => Privilege::Create,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_project_has_its_objects() {
        let catalog = Catalog::supabase(Exposure::Exposed);
        assert_eq!(catalog.roles.len(), 16);
        assert_eq!(catalog.tables.len(), 41);
        let users = catalog.table(&QName::new("auth", "users")).expect("auth.users is there");
        assert_eq!(users.columns.len(), 35);
        assert!(users.rls.value);
        let keys: usize = catalog.tables.values().map(|table| table.foreign_keys().count()).sum();
        assert_eq!(keys, 26);
        let sequence = catalog.sequences.values().find(|sequence| sequence.identity);
        assert_eq!(
            sequence.map(|sequence| sequence.name.to_string()).as_deref(),
            Some("realtime.subscription_id_seq")
        );
        assert!(catalog.event_triggers.values().all(|trigger| trigger.function.oid.is_some()));
    }

    #[test]
    fn explicit_projects_grant_nothing_by_default() {
        let catalog = Catalog::supabase(Exposure::Explicit);
        let anon = Grantee::role("anon");
        let table = catalog.initial_acl(ObjectKind::Table, &"postgres".into(), &"public".into());
        assert!(!table.granted(&anon).contains(Privilege::Select));
        assert!(table.granted(&anon).contains(Privilege::Truncate));
        assert!(!catalog.extensions.contains_key("pg_graphql"));
        let exposed = Catalog::supabase(Exposure::Exposed);
        let table = exposed.initial_acl(ObjectKind::Table, &"postgres".into(), &"public".into());
        assert!(table.granted(&anon).contains(Privilege::Select));
    }
}
