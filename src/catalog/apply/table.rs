//! CREATE TABLE, with everything it can copy or inherit.

use crate::map::IndexMap;
use rustc_hash::FxHashSet;

use crate::catalog::acl::Acl;
use crate::catalog::apply::constraint::{self, Pending};
use crate::catalog::apply::data_type::serial_type;
use crate::catalog::apply::{Applied, Misfit, index, partition};
use crate::catalog::gap::Aspect;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::role::Sequence;
use crate::catalog::table::{Column, ConstraintKind, Identity, Table, TableKind};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::{Call, Expr, Literal, Oid};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    ColumnDef, ConstraintDef, ConstraintKind as Written, CreateTable, LikeOptions, ObjectKind, Persistence,
    ReplicaIdentity, TableElement,
};

/// How many columns a table can have, those that were dropped included (manual, appendix K).
pub(super) const MAX_COLUMNS: i16 = 1600;

pub(super) fn too_many_columns() -> Misfit {
    Misfit::refused(SqlState::TOO_MANY_COLUMNS, format!("tables can have at most {MAX_COLUMNS} columns"))
}

pub(super) fn create(catalog: &mut Catalog, statement: &CreateTable, origin: Origin) -> Applied {
    catalog.expect_schema(&statement.name, statement.persistence);
    let name = new_name(catalog, &statement.name, statement.persistence);
    if !catalog.is_name_free(&name) {
        let there = catalog.relation(&name).is_some();
        return if statement.if_not_exists && there {
            Ok(())
        } else {
            Err(Misfit::exists(ObjectKind::Table, name))
        };
    }
    if statement.elements.iter().filter(|element| matches!(element, TableElement::Column(_))).count()
        > MAX_COLUMNS as usize
    {
        return Err(too_many_columns().at(statement.name.span));
    }
    // Before the table is there: it cannot be its own.
    let parents = parents(catalog, statement);
    let oid = catalog.next_oid();
    let mut table = Table::empty(oid, name, catalog.session.role.clone(), origin);
    table.name_span = Some(statement.name.span);
    table.kind = match (&statement.server, &statement.partition_key) {
        (Some(_), _) => TableKind::Foreign,
        (None, Some(_)) => TableKind::Partitioned,
        (None, None) => TableKind::Ordinary,
    };
    if table.kind == TableKind::Foreign {
        table.replica_identity = ReplicaIdentity::Nothing;
    }
    table.persistence = statement.persistence;
    table.options = statement.options.clone();
    table.server = statement.server.clone();
    table.acl = catalog.initial_acl(ObjectKind::Table, &table.owner.value, &table.name.schema);
    catalog.insert_table(table);

    let mut pending = Vec::new();
    for parent in &parents {
        inherit_columns(catalog, oid, *parent, statement.partition_of.is_none());
    }
    if let Some(of_type) = &statement.of_type {
        columns_of_type(catalog, oid, of_type, origin);
    }
    expect_distinct_columns(catalog, statement);
    let mut copies = Vec::new();
    for element in &statement.elements {
        match element {
            TableElement::Column(column) => add_column(catalog, oid, column, origin, &mut pending),
            TableElement::Constraint(definition) => pending.push(Pending::new(None, definition)),
            TableElement::Like { source, options } => {
                copies.extend(
                    copy_like(catalog, oid, source, *options, origin).map(|source| (source, *options)),
                );
            }
        }
    }
    set_partition_key(catalog, oid, statement);
    constraint::add_all(catalog, oid, &pending, origin);
    for (source, options) in copies {
        copy_like_indexes(catalog, oid, source, options, origin);
    }
    for parent in parents {
        if statement.partition_of.is_some() {
            partition::join(catalog, parent, oid, origin);
        } else {
            partition::inherit(catalog, parent, oid);
        }
    }
    for item in &pending {
        constraint::expect_key(catalog, oid, item.definition, item.column.as_ref());
    }
    catalog.after_table_created(oid, origin);
    Ok(())
}

/// Notes a column that a statement writes twice.
fn expect_distinct_columns(catalog: &mut Catalog, statement: &CreateTable) {
    let mut seen = FxHashSet::default();
    let columns = statement.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        _ => None,
    });
    for column in columns.filter(|column| !seen.insert(&column.name)) {
        let why = format!("column {} of table {} is written twice", column.name.quoted(), statement.name);
        let misfit = Misfit::refused(SqlState::DUPLICATE_COLUMN, why).about(&statement.name);
        catalog.unfit.push(misfit.at(column.name_span).helped_by("leave one of them out"));
    }
}

/// The name of what a statement makes; temporary objects live in a schema of their own.
pub(in crate::catalog) fn new_name(catalog: &Catalog, name: &ObjectName, persistence: Persistence) -> QName {
    if persistence == Persistence::Temporary {
        QName { schema: "pg_temp".into(), name: name.name.clone() }
    } else {
        catalog.creation_name(name)
    }
}

impl Table {
    /// A plain table without columns.
    pub(crate) fn empty(oid: Oid, name: QName, owner: Ident, origin: Origin) -> Self {
        Self {
            oid,
            name,
            kind: TableKind::Ordinary,
            persistence: Persistence::Permanent,
            history: History::new(origin),
            name_span: None,
            owner: Tracked::new(owner, origin),
            columns: Vec::new(),
            last_attnum: 0,
            constraints: IndexMap::default(),
            indexes: IndexMap::default(),
            policies: IndexMap::default(),
            triggers: IndexMap::default(),
            rules: Vec::new(),
            acl: Acl::default(),
            rls: Tracked::new(false, origin),
            forced_rls: Tracked::new(false, origin),
            parents: Vec::new(),
            children: Vec::new(),
            is_partition: false,
            partition_key: None,
            replica_identity: ReplicaIdentity::Default,
            of_type: None,
            options: Vec::new(),
            server: None,
            comment: None,
            extension: None,
        }
    }

    /// Adds a column at the end and gives it its number, where there is room for one more.
    pub(crate) fn push_column(&mut self, mut column: Column) {
        if self.last_attnum < MAX_COLUMNS {
            self.last_attnum += 1;
            column.attnum = self.last_attnum;
            self.columns.push(column);
        }
    }
}

impl Column {
    /// A nullable column without a default.
    pub(crate) fn new(name: Ident, data_type: DataType, origin: Origin) -> Self {
        Self {
            attnum: 0,
            name,
            origin,
            name_span: None,
            data_type: Tracked::new(data_type, origin),
            not_null: Tracked::new(false, origin),
            default: None,
            generated: None,
            identity: None,
            collation: None,
            inherited: false,
            local: true,
            acl: Acl::default(),
            comment: None,
        }
    }
}

impl Catalog {
    /// What a platform's or a project's event triggers do to a new table.
    pub(crate) fn after_table_created(&mut self, oid: Oid, origin: Origin) {
        let Some(name) = self.tables.get(&oid).map(|table| table.name.clone()) else { return };
        if name.schema != "pg_temp"
            && self.auto_enables_rls(&name).is_some()
            && let Some(table) = self.tables.get_mut(&oid)
        {
            table.rls.set(true, origin);
        }
    }
}

fn parents(catalog: &mut Catalog, statement: &CreateTable) -> Vec<Oid> {
    let mut found = Vec::new();
    for name in statement.partition_of.iter().chain(&statement.inherits) {
        match catalog.resolve_relation(name) {
            Some((_, Relation::Table(oid))) => found.push(oid),
            other => {
                if other.is_none() {
                    let misfit = catalog.blame_schema(Misfit::missing(ObjectKind::Table, name));
                    catalog.unfit.push(misfit);
                }
                catalog.record_unknown(
                    name.span,
                    format!("the parent table {name} is not made by any statement before this one"),
                    Aspect::Shape,
                    Some(catalog.creation_name(&statement.name)),
                );
            }
        }
    }
    found
}

/// Copies a parent's columns; those of several parents merge by name. A partition takes identity
/// from its parent, an inheriting table does not.
fn inherit_columns(catalog: &mut Catalog, oid: Oid, parent: Oid, plain: bool) {
    let Some(columns) = catalog.tables.get(&parent).map(|parent| parent.columns.clone()) else { return };
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    for column in columns {
        match table.column_mut(&column.name) {
            Some(merged) => merged.not_null.value |= column.not_null.value,
            None => {
                let identity = if plain { None } else { column.identity };
                table.push_column(Column {
                    inherited: true,
                    local: false,
                    identity,
                    acl: Acl::default(),
                    comment: None,
                    ..column
                });
            }
        }
    }
    rebind_generated(catalog, parent, oid);
}

/// Makes generated columns that a table got from another be of its own columns.
fn rebind_generated(catalog: &mut Catalog, from: Oid, oid: Oid) {
    let columns = catalog.tables.get(&oid).map(|table| table.columns.as_slice()).unwrap_or_default();
    let copied: Vec<(usize, Box<Expr>)> =
        columns.iter().enumerate().filter_map(|(at, column)| Some((at, column.generated.clone()?))).collect();
    for (at, mut expr) in copied {
        constraint::rebind(catalog, &mut expr, from, oid);
        if let Some(table) = catalog.tables.get_mut(&oid) {
            table.columns[at].generated = Some(expr);
        }
    }
}

fn columns_of_type(catalog: &mut Catalog, oid: Oid, of_type: &ObjectName, origin: Origin) {
    let Some(type_oid) = catalog.resolve_type(of_type) else { return };
    let Some(user_type) = catalog.types.get(&type_oid) else { return };
    let UserTypeKind::Composite { attributes } = user_type.kind.clone() else { return };
    let type_name = user_type.name.clone();
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    table.of_type = Some(type_name);
    for attribute in attributes {
        let mut column = Column::new(attribute.name, attribute.data_type, origin);
        column.collation = attribute.collation;
        table.push_column(column);
    }
}

/// Adds one column. Its constraints that need the whole table are left in `pending`.
pub(super) fn add_column<'a>(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &'a ColumnDef,
    origin: Origin,
    pending: &mut Vec<Pending<'a>>,
) {
    let serial = definition.data_type.as_ref().and_then(|written| serial_type(&written.name));
    let data_type = match (serial, &definition.data_type) {
        (Some(internal), _) => Some(DataType::builtin(internal)),
        (None, Some(written)) => {
            catalog.expect_type(written);
            Some(catalog.resolve_data_type(written))
        }
        (None, None) => None,
    };
    let misfit = data_type.as_ref().and_then(|given| contradiction(definition, given, serial.is_some()));
    catalog.unfit.extend(misfit.map(|misfit| misfit.about(&definition.name).at(definition.span)));
    let collation = definition.collation.as_ref().map(|name| constraint::collation_name(catalog, name));
    let place = Origin::Statement(definition.span);
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    match table.column_mut(&definition.name) {
        // The definition merges with an inherited column, or adds to one of the table's type.
        Some(column) => {
            if let Some(data_type) = data_type {
                column.data_type = Tracked::new(data_type, place);
            }
            column.name_span = Some(definition.name_span);
            column.local = true;
        }
        None => {
            let data_type = data_type.unwrap_or_else(|| DataType::builtin("text"));
            let mut column = Column::new(definition.name.clone(), data_type, place);
            column.name_span = Some(definition.name_span);
            column.collation = collation;
            table.push_column(column);
        }
    }
    if let Some(internal) = serial {
        own_sequence(catalog, oid, &definition.name, internal, false, origin);
        let next_value = catalog.sequences.values().last().map(|sequence| next_value(sequence, definition));
        let Some(column) = catalog.tables.get_mut(&oid).and_then(|table| table.column_mut(&definition.name))
        else {
            return;
        };
        column.not_null.set(true, place);
        column.default = next_value.map(|next| Box::new(Tracked::new(next, place)));
    }
    for constraint in &definition.constraints {
        if !apply_column_constraint(catalog, oid, definition, constraint, origin) {
            pending.push(Pending::new(Some(&definition.name), constraint));
        }
    }
}

/// What a column's definition says against itself.
fn contradiction(definition: &ColumnDef, data_type: &DataType, is_serial: bool) -> Option<Misfit> {
    let count = |is: fn(&Written) -> bool| definition.constraints.iter().filter(|one| is(&one.kind)).count();
    let defaults = count(|kind| matches!(kind, Written::Default(_))) + usize::from(is_serial);
    let identities = count(|kind| matches!(kind, Written::Identity { .. }));
    let generated = count(|kind| matches!(kind, Written::Generated(_)));
    let is_null = count(|kind| matches!(kind, Written::Null)) > 0;
    let is_not_null = is_serial || identities + count(|kind| matches!(kind, Written::NotNull { .. })) > 0;
    let is_counted = ["int2", "int4", "int8"].iter().any(|name| data_type.is_builtin(name));
    let is_user = matches!(data_type.base, TypeRef::User(_) | TypeRef::Unknown(_));
    let (state, why) = if defaults + identities + generated > 1 {
        (SqlState::SYNTAX_ERROR, "has more than one default, identity or generated value")
    } else if is_null && is_not_null {
        (SqlState::SYNTAX_ERROR, "is said to be NULL and NOT NULL")
    } else if identities > 0 && !is_counted && !is_user {
        (SqlState::INVALID_PARAMETER_VALUE, "is an identity, which only smallint, integer and bigint can be")
    } else {
        return None;
    };
    Some(Misfit::refused(state, format!("column {} {why}", definition.name.quoted())))
}

/// `nextval('orders_id_seq')`, the default of a serial column.
fn next_value(sequence: &Sequence, definition: &ColumnDef) -> Expr {
    let name = ObjectName { schema: None, name: "nextval".into(), span: definition.span };
    Expr::Call(Box::new(Call {
        name,
        args: vec![Expr::Literal(Literal::Relation(sequence.name.quoted(), sequence.oid))],
        span: definition.span,
        target: None,
        aggregate: false,
        distinct: false,
    }))
}

/// Makes the sequence of a serial or identity column: `orders_id_seq`.
pub(super) fn own_sequence(
    catalog: &mut Catalog,
    oid: Oid,
    column: &Ident,
    data_type: &str,
    identity: bool,
    origin: Origin,
) {
    let Some(table) = catalog.tables.get(&oid) else { return };
    let Some(attnum) = table.column(column).map(|column| column.attnum) else { return };
    let schema = table.name.schema.clone();
    let name = catalog.choose_relation_name(&schema, &table.name.name, column, "seq");
    let (owner, persistence) = (table.owner.value.clone(), table.persistence);
    let acl = catalog.initial_acl(ObjectKind::Sequence, &owner, &schema);
    let sequence = Sequence {
        oid: catalog.next_oid(),
        name: QName { schema, name },
        history: History::new(origin),
        owner,
        persistence,
        data_type: DataType::builtin(data_type),
        start: 1,
        increment: 1,
        owned_by: Some((oid, attnum)),
        identity,
        acl,
        comment: None,
        extension: None,
    };
    catalog.insert_sequence(sequence);
}

/// Applies a constraint that concerns the column alone. False: it is for later.
fn apply_column_constraint(
    catalog: &mut Catalog,
    oid: Oid,
    definition: &ColumnDef,
    constraint: &ConstraintDef,
    origin: Origin,
) -> bool {
    let place = Origin::Statement(constraint.span);
    match &constraint.kind {
        Written::NotNull { .. } => constraint::set_not_null(catalog, oid, &definition.name, place),
        Written::Null => {}
        Written::Default(expr) => {
            constraint::set_default(catalog, oid, &definition.name, Some(expr), true, place)
        }
        Written::Identity { always, options } => {
            constraint::add_identity(catalog, oid, &definition.name, *always, options, origin);
        }
        _ => return false,
    }
    true
}

pub(super) fn column_mut<'c>(catalog: &'c mut Catalog, oid: Oid, name: &str) -> Option<&'c mut Column> {
    catalog.tables.get_mut(&oid)?.column_mut(name)
}

fn set_partition_key(catalog: &mut Catalog, oid: Oid, statement: &CreateTable) {
    let Some(key) = &statement.partition_key else { return };
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    let attnum = |name: &Ident| table.column(name).map(|column| column.attnum);
    table.partition_key = Some(key.iter().map(|name| name.as_ref().and_then(attnum)).collect());
}

/// LIKE: copies columns, and what the options name; indexes come after the table's own.
fn copy_like(
    catalog: &mut Catalog,
    oid: Oid,
    source: &ObjectName,
    options: LikeOptions,
    origin: Origin,
) -> Option<Oid> {
    let target = catalog.resolve_relation(source).map(|(_, relation)| relation);
    let target = target.filter(|relation| *relation != Relation::Table(oid));
    let columns = match target {
        Some(Relation::Table(source) | Relation::View(source)) => {
            catalog.columns_of(source).map(|(columns, _)| columns.to_vec())
        }
        Some(Relation::Composite(type_oid)) => match catalog.types.get(&type_oid).map(|found| &found.kind) {
            Some(UserTypeKind::Composite { attributes }) => Some(
                attributes
                    .iter()
                    .map(|attribute| Column {
                        collation: attribute.collation.clone(),
                        ..Column::new(attribute.name.clone(), attribute.data_type.clone(), origin)
                    })
                    .collect(),
            ),
            _ => None,
        },
        _ => None,
    };
    let Some(columns) = columns else {
        if target.is_none() {
            let misfit = catalog.blame_schema(Misfit::missing(ObjectKind::Table, source));
            catalog.unfit.push(misfit);
        }
        let name = catalog.tables.get(&oid).map(|table| table.name.clone());
        let reason =
            format!("{source}, which the table is like, is not made by any statement before this one");
        catalog.record_unknown(source.span, reason, Aspect::Shape, name);
        return None;
    };
    let source_oid = match target {
        Some(Relation::Table(source)) => source,
        _ => Oid(0),
    };
    let mut sequences = Vec::new();
    if let Some(table) = catalog.tables.get_mut(&oid) {
        for column in columns {
            let mut copy = Column::new(column.name.clone(), column.data_type.value.clone(), origin);
            copy.name_span = Some(source.span);
            copy.not_null.value = column.not_null.value;
            copy.collation = column.collation;
            if options.defaults {
                copy.default = column.default;
            }
            if options.generated {
                copy.generated = column.generated;
            }
            if options.comments {
                copy.comment = column.comment;
            }
            if let Some(Identity { always }) = column.identity.filter(|_| options.identity) {
                copy.identity = Some(Identity { always });
                let at = Some((source_oid, column.attnum));
                let own =
                    catalog.sequences.values().find(|sequence| sequence.identity && sequence.owned_by == at);
                sequences.push((column.name, own.map_or((1, 1), |own| (own.start, own.increment))));
            }
            table.push_column(copy);
        }
    }
    rebind_generated(catalog, source_oid, oid);
    for (column, (start, increment)) in sequences {
        // A copied sequence counts in bigint, whatever the column's type.
        own_sequence(catalog, oid, &column, "int8", true, origin);
        if let Some((_, sequence)) = catalog.sequences.last_mut() {
            (sequence.start, sequence.increment) = (start, increment);
        }
    }
    match target {
        Some(Relation::Table(source)) => {
            rebind_generated(catalog, source, oid);
            copy_like_checks(catalog, oid, source, options, origin);
            Some(source)
        }
        _ => None,
    }
}

fn copy_like_checks(catalog: &mut Catalog, oid: Oid, source: Oid, options: LikeOptions, origin: Origin) {
    if !options.constraints {
        return;
    }
    let Some(found) = catalog.tables.get(&source) else { return };
    let checks: Vec<_> = found
        .constraints
        .values()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }))
        .map(|check| constraint::check_for(catalog, source, oid, check))
        .collect();
    for mut check in checks {
        check.history = History::new(origin);
        (check.inherited, check.local) = (false, true);
        // The new table has no row that could break it.
        check.validated.value = true;
        if !options.comments {
            check.comment = None;
        }
        catalog.insert_constraint(oid, check);
    }
}

/// LIKE … INCLUDING INDEXES: the source's indexes, and the constraints that they serve, under new
/// names.
fn copy_like_indexes(catalog: &mut Catalog, oid: Oid, source: Oid, options: LikeOptions, origin: Origin) {
    if !options.indexes {
        return;
    }
    let indexes: Vec<Ident> = match catalog.tables.get(&source) {
        Some(source) => source.indexes.keys().cloned().collect(),
        None => return,
    };
    for name in indexes {
        index::copy(catalog, source, &name, oid, origin, options.comments);
    }
}

/// Whether PostgreSQL keeps a default. The constant NULL is none, unless it has to be fitted into a
/// length or a domain.
pub(super) fn is_kept_default(catalog: &Catalog, data_type: &DataType, default: &Expr) -> bool {
    let is_domain = matches!(&data_type.base, TypeRef::User(oid) if !data_type.array
        && catalog.types.get(oid).is_some_and(|user_type| matches!(user_type.kind, UserTypeKind::Domain(_))));
    let is_null = matches!(default.uncast(), Expr::Literal(Literal::Null));
    !is_null || is_domain || !data_type.modifiers.is_empty()
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::catalog::name::QName;
    use crate::testing::{Bench, check_noted, check_refused, check_shapes};

    #[test]
    fn temporary_tables_end_with_their_file() {
        let text = "create table kept (a int); create temp table t (a int); create table pg_temp.u (a int);
                    create temp view v as select a from t; create temp table w (a int); drop table w;";
        let mut catalog = Bench::new(text).catalog;
        let temporary = |catalog: &Catalog| {
            let tables = catalog.tables.values().map(|table| &table.name);
            let names = tables.chain(catalog.views.values().map(|view| &view.name));
            names.filter(|name| name.schema == "pg_temp").count()
        };
        assert_eq!(temporary(&catalog), 3);
        catalog.begin_file();
        assert_eq!(temporary(&catalog), 0);
        assert!(catalog.table(&QName::new("public", "kept")).is_some());
    }

    #[test]
    fn what_has_no_schema_needs_one_on_the_path() {
        check_noted(
            "select pg_catalog.set_config('search_path', '', false);
             create table public.kept (a int); create temp table t (a int);",
            &[
                ("create table a (b int);", Some("search_path names no schema in which a could be made")),
                ("create view a as select 1;", Some("search_path names no schema in which a could be made")),
                ("create sequence public.a;", None),
                ("set search_path = public; create table a (b int);", None),
                ("reset search_path; create table a (b int);", None),
            ],
        );
    }

    #[test]
    fn columns_have_numbers_types_and_flags() {
        // The length of a varchar makes more than a constant of NULL, and PostgreSQL keeps it.
        check_shapes(&[
            (
                "create table t (id serial primary key, b text not null default 'x', c varchar(9) default null, g text default null,
                 d int generated always as identity, e int generated always as (id * 2) stored, f text[]);",
                "t",
                &[
                    "1 id integer not null default",
                    "2 b text not null default",
                    "3 c character varying(9) default",
                    "4 g text",
                    "5 d integer not null identity",
                    "6 e integer generated",
                    "7 f text[]",
                    "t_pkey primary key (id)",
                ],
            ),
            (
                "create table t (a int); create table if not exists t (b int);",
                "t",
                &["1 a integer"],
            ),
        ]);
    }

    #[test]
    fn like_copies_what_it_includes() {
        let source = "create table s (id int primary key, a text not null default 'x' check (a <> ''));
                      create index s_a on s (a); alter table s enable row level security;
                      create policy p on s using (true);";
        check_shapes(&[
            (
                &format!("{source} create table t (like s, z int);"),
                "t",
                &["1 id integer not null", "2 a text not null", "3 z integer"],
            ),
            (
                &format!("{source} create table t (like s including all);"),
                "t",
                &[
                    "1 id integer not null",
                    "2 a text not null default",
                    "s_a_check check (a)",
                    "t_pkey primary key (id)",
                    "index t_a_idx btree (a)",
                ],
            ),
        ]);
    }

    #[test]
    fn children_take_columns_and_checks() {
        check_shapes(&[
            (
                "create table p (id int primary key, a int, check (a > 0)); create table c (b int) inherits (p);",
                "c",
                &[
                    "1 id integer not null inherited",
                    "2 a integer inherited",
                    "3 b integer",
                    "p_a_check check (a) inherited",
                ],
            ),
            (
                "create table p (a int); create table q (a int, b int); create table c (a int) inherits (p, q);",
                "c",
                &["1 a integer inherited", "2 b integer inherited"],
            ),
        ]);
    }

    #[test]
    fn temporary_tables_hide_others() {
        check_shapes(&[
            (
                "create table t (a int); create temp table t (b int); alter table t add c int;",
                "t",
                &["1 a integer"],
            ),
            ("create table t (a int); create temp table t (b int); drop table t;", "t", &["1 a integer"]),
        ]);
    }

    #[test]
    fn a_name_is_taken_once() {
        check_refused(
            "create table t (a int); create view v as select 1 as one;",
            &[
                ("create table t (b int);", "table public.t exists already"),
                ("create table v (b int);", "table public.v exists already"),
            ],
        );
    }

    #[test]
    fn what_a_table_is_made_of_is_there_once() {
        let missing = |name: &str| format!("{name} is not made by any statement before this one");
        check_noted(
            "create table o (a int);",
            &[
                ("create table app.t (a int);", Some(missing("schema app").as_str())),
                ("create view app.v as select 1 as a;", Some(missing("schema app").as_str())),
                ("create sequence app.s;", Some(missing("schema app").as_str())),
                ("create materialized view app.v as select 1 as a;", Some(missing("schema app").as_str())),
                ("create type app.mood as enum ('ok');", Some(missing("schema app").as_str())),
                ("alter table app.t add a int;", Some(missing("schema app").as_str())),
                ("create schema app; create table app.t (a int);", None),
                ("create table pg_temp.t (a int);", None),
                ("create table t (a int, b int, a text);", Some("column a of table t is written twice")),
                (
                    "create table t (id int primary key, b int, primary key (b));",
                    Some("table public.t has a primary key already"),
                ),
                (
                    "create table t (a int constraint n check (a > 0), b int constraint n unique);",
                    Some("constraint n on public.t exists already"),
                ),
                ("create table t (a int primary key, unique (a));", None),
                (
                    "create table t (a int, b int primary key) partition by range (a);",
                    Some("a unique key of public.t has to include column a, which it is partitioned by"),
                ),
                (
                    "create table t (a int, b int) partition by range (a); create unique index on t (b);",
                    Some("a unique key of public.t has to include column a, which it is partitioned by"),
                ),
                ("create table t (a int, b int, primary key (b, a)) partition by range (a);", None),
                (
                    "grant select on o to public with grant option;",
                    Some("grant options can only be granted to roles, and PUBLIC is none"),
                ),
                ("create policy p on o to public using (true);", None),
            ],
        );
        for text in ["create table t (like missing);", "create table t () inherits (missing);"] {
            let failures = Bench::new(text).catalog.failures;
            assert_eq!(failures[0].misfit.to_string(), missing("table public.missing"));
        }
    }
}
