//! Dependencies: what an expression or query refers to, and what falls with an object.
//!
//! What functions do in their text is no dependency; PostgreSQL does not look there either.

use crate::map::{IndexMap, IndexSet};

use crate::catalog::Catalog;
use crate::catalog::apply::access_method::extension_of;
use crate::catalog::dependents::Candidates;
use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::index::{IndexKey, IndexKeyValue};
use crate::catalog::name::QName;
use crate::catalog::table::{Constraint, ConstraintKind, Table, TableKind};
use crate::catalog::trigger::Trigger;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::catalog::view::View;
use crate::sql::expr::{self, ColumnRef, Expr, FromItem, Literal, Oid, Query, QueryBody, Target};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{FunctionBody, StatementKind, TypeName};

/// What bound expressions and queries refer to, each once, in order of appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub columns: IndexSet<(Oid, i16)>,
    /// Tables, views and sequences in FROM, those whose columns or rows are named, and those that a
    /// constant names.
    pub relations: IndexSet<Oid>,
    pub functions: IndexSet<Oid>,
    /// Called by these names, and not known.
    pub unknown_functions: Vec<ObjectName>,
}

impl References {
    pub fn of_expr(catalog: &Catalog, expr: &Expr) -> Self {
        let mut found = Self::default();
        found.add_expr(catalog, expr);
        found
    }

    pub fn of_query(catalog: &Catalog, query: &Query) -> Self {
        let mut found = Self::default();
        query.walk(&mut |part| found.add_part(catalog, part));
        query.walk_queries(&mut |query| found.add_from(catalog, query));
        found
    }

    pub fn add_expr(&mut self, catalog: &Catalog, expr: &Expr) {
        expr.walk(&mut |part| self.add_part(catalog, part));
        expr::walk_queries(expr, &mut |query| self.add_from(catalog, query));
    }

    fn add_part(&mut self, catalog: &Catalog, part: &Expr) {
        match part {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => {
                    self.columns.insert((relation, attnum));
                    self.relations.insert(relation);
                }
                Target::Row { relation, .. } => {
                    self.relations.insert(relation);
                }
                // A row as a whole needs none of its columns.
                Target::Result { attnum: 0, .. } if !column.star => {}
                Target::Result { of, attnum, .. } => {
                    self.columns.insert((of, attnum));
                    self.relations.insert(of);
                }
                Target::Unknown | Target::Derived { .. } | Target::Variable => {}
            },
            Expr::Call(call) => match call.target {
                Some(oid) => drop(self.functions.insert(oid)),
                None => self.unknown_functions.push(call.name.clone()),
            },
            Expr::Literal(Literal::Relation(_, oid)) => drop(self.relations.insert(*oid)),
            // `(f(x)).id` depends on the column of what the function's rows are like.
            Expr::Field { field: Some(field), row: Some(row), .. } => {
                if let Some((relation, attnum)) = field_of_row(catalog, *row, field) {
                    self.columns.insert((relation, attnum));
                    self.relations.insert(relation);
                }
            }
            Expr::Field { field: None, row: Some(row), .. } => drop(self.relations.insert(*row)),
            _ => {}
        }
    }

    fn add_from(&mut self, catalog: &Catalog, query: &Query) {
        for_each_relation(query, &mut |oid| {
            self.relations.insert(oid);
        });
        // `*` takes the columns of what functions return.
        let QueryBody::Select(select) = &query.body else { return };
        let is_star =
            |expr: &Expr| matches!(expr, Expr::Column(column) if column.star && column.path.is_empty());
        if select.targets.iter().any(|target| is_star(&target.expr)) {
            for item in &select.from {
                item.walk_calls(&mut |call| self.relations.extend(row_of_result(catalog, call)));
            }
        }
    }
}

/// The column that a field of a row is; a field of a composite type has no number.
fn field_of_row(catalog: &Catalog, row: Oid, field: &Ident) -> Option<(Oid, i16)> {
    let Some((columns, _)) = catalog.columns_of(row) else { return Some((row, 0)) };
    let column = columns.iter().find(|column| column.name == *field)?;
    Some((row, column.attnum))
}

/// The relation or composite type whose rows a function returns.
fn row_of_result(catalog: &Catalog, expr: &Expr) -> Option<Oid> {
    let Expr::Call(call) = expr else { return None };
    let function = catalog.functions.get(&call.target?)?;
    let (Returns::Type(data_type) | Returns::SetOf(data_type)) = &function.returns else { return None };
    match data_type.base {
        TypeRef::Row(relation) => Some(relation),
        TypeRef::User(oid) => {
            let kind = &catalog.types.get(&oid)?.kind;
            matches!(kind, UserTypeKind::Composite { .. }).then_some(oid)
        }
        _ => None,
    }
}

/// Visits the relations in a query's own FROM.
fn for_each_relation(query: &Query, visit: &mut dyn FnMut(Oid)) {
    if let QueryBody::Select(select) = &query.body {
        let mut relation = |relation: &expr::RelationRef| relation.target.into_iter().for_each(&mut *visit);
        select.from.iter().for_each(|item: &FromItem| item.walk_relations(&mut relation));
    }
}

/// Something that can be dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Object {
    Table(Oid),
    View(Oid),
    Sequence(Oid),
    Function(Oid),
    Type(Oid),
    Namespace(Ident),
    Extension(Ident),
    EventTrigger(Ident),
    Publication(Ident),
    Server(Ident),
    Collation(QName),
    Column(Oid, i16),
    Default(Oid, i16),
    Constraint(Oid, Ident),
    Index(Oid, Ident),
    Policy(Oid, Ident),
    Trigger(Oid, Ident),
    Rule(Oid, Ident),
    Attribute(Oid, Ident),
}

/// Whether a dependent goes of itself, or keeps its object from being dropped without CASCADE
/// (PostgreSQL manual, `pg_depend`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    Auto,
    Normal,
}

/// Everything that goes with some objects.
#[derive(Debug)]
pub(crate) struct Doomed {
    pub(crate) objects: IndexSet<Object>,
    /// The first that would need CASCADE.
    pub(crate) obstacle: Option<Object>,
}

impl Catalog {
    /// What goes with these objects: all that depends on them with `cascade`, else what belongs to
    /// them alone.
    pub(crate) fn doomed_with(&mut self, targets: impl IntoIterator<Item = Object>, cascade: bool) -> Doomed {
        let mut objects: IndexSet<Object> = targets.into_iter().collect();
        let mut obstacles = Vec::new();
        let mut scanned = 0;
        while objects[scanned..].iter().any(Object::can_have_dependents) {
            scanned = objects.len();
            obstacles.clear();
            let mut added = Vec::new();
            let candidates = self.candidates(&objects);
            let scan = Scan { catalog: self, doomed: &objects, candidates, types: holds_types(&objects) };
            scan.run(&mut |object, tie| {
                if tie == Tie::Auto || cascade {
                    added.push(object);
                } else {
                    obstacles.push(object);
                }
            });
            objects.extend(added);
        }
        let goes = |object: &Object| {
            objects.contains(object) || object.holders().iter().any(|holder| objects.contains(holder))
        };
        let obstacle = obstacles.into_iter().find(|object| !goes(object));
        Doomed { objects, obstacle }
    }
}

fn holds_types(objects: &IndexSet<Object>) -> bool {
    objects.iter().any(|object| matches!(object, Object::Type(_)))
}

impl Object {
    /// What a part goes with.
    fn holders(&self) -> Vec<Self> {
        match self {
            Self::Attribute(oid, _) => vec![Self::Type(*oid)],
            Self::Column(oid, _)
            | Self::Default(oid, _)
            | Self::Constraint(oid, _)
            | Self::Index(oid, _)
            | Self::Policy(oid, _)
            | Self::Trigger(oid, _)
            | Self::Rule(oid, _) => vec![Self::Table(*oid), Self::View(*oid)],
            _ => Vec::new(),
        }
    }

    /// Whether the scan can find anything that depends on it.
    fn can_have_dependents(&self) -> bool {
        !matches!(
            self,
            Self::Default(..)
                | Self::Policy(..)
                | Self::Rule(..)
                | Self::EventTrigger(_)
                | Self::Publication(_)
                | Self::Attribute(..)
        )
    }
}

/// One look at the candidates for what depends on the doomed.
struct Scan<'a> {
    catalog: &'a Catalog,
    doomed: &'a IndexSet<Object>,
    candidates: Candidates,
    types: bool,
}

type Report<'r> = &'r mut dyn FnMut(Object, Tie);

impl Scan<'_> {
    fn run(&self, report: Report<'_>) {
        let mut report = |object: Object, tie: Tie| {
            if !self.doomed.contains(&object) {
                report(object, tie);
            }
        };
        let catalog = self.catalog;
        for table in self.among(&catalog.tables) {
            self.table(table, &mut report);
        }
        for view in self.among(&catalog.views) {
            self.view(view, &mut report);
        }
        for sequence in self.among(&catalog.sequences) {
            let object = Object::Sequence(sequence.oid);
            self.member(&sequence.name, sequence.extension.as_ref(), &object, &mut report);
            let owner = sequence.owned_by;
            if owner.is_some_and(|(table, column)| self.has_relation(table) || self.has_column(table, column))
            {
                report(object, Tie::Auto);
            }
        }
        for function in self.among(&catalog.functions) {
            self.function(function, &mut report);
        }
        for user_type in self.among(&catalog.types) {
            let object = Object::Type(user_type.oid);
            self.member(&user_type.name, user_type.extension.as_ref(), &object, &mut report);
            match &user_type.kind {
                UserTypeKind::Domain(domain) if self.has_type(&domain.base) => report(object, Tie::Normal),
                UserTypeKind::Multirange { range } if self.has(&Object::Type(*range)) => {
                    report(object, Tie::Auto);
                }
                UserTypeKind::Composite { attributes } => {
                    for attribute in attributes.iter().filter(|attribute| self.has_type(&attribute.data_type))
                    {
                        report(Object::Attribute(user_type.oid, attribute.name.clone()), Tie::Normal);
                    }
                }
                _ => {}
            }
        }
        for namespace in catalog.namespaces.values() {
            if namespace.extension.as_ref().is_some_and(|name| self.has_extension(name)) {
                report(Object::Namespace(namespace.name.clone()), Tie::Auto);
            }
        }
        for extension in catalog.extensions.values() {
            if self.has_namespace(&extension.schema.value) {
                report(Object::Extension(extension.name.clone()), Tie::Normal);
            }
        }
        for name in &catalog.collations {
            self.member(name, None, &Object::Collation(name.clone()), &mut report);
        }
        for trigger in catalog.event_triggers.values() {
            if trigger.function.oid.is_some_and(|oid| self.has(&Object::Function(oid))) {
                report(Object::EventTrigger(trigger.name.clone()), Tie::Normal);
            }
        }
    }

    /// The objects of a map that are worth a look.
    fn among<'m, T>(&self, map: &'m IndexMap<Oid, T>) -> Vec<&'m T> {
        match &self.candidates {
            Candidates::Everywhere => map.values().collect(),
            Candidates::Among(list) => list.iter().filter_map(|oid| map.get(oid)).collect(),
        }
    }

    /// What holds for everything in a schema or of an extension.
    fn member(&self, name: &QName, extension: Option<&Ident>, object: &Object, report: Report<'_>) {
        if extension.is_some_and(|extension| self.has_extension(extension)) {
            report(object.clone(), Tie::Auto);
        } else if self.has_namespace(&name.schema) {
            report(object.clone(), Tie::Normal);
        }
    }

    fn table(&self, table: &Table, report: Report<'_>) {
        let oid = table.oid;
        self.member(&table.name, table.extension.as_ref(), &Object::Table(oid), report);
        if table.parents.iter().any(|parent| self.has_relation(*parent)) {
            report(Object::Table(oid), if table.is_partition { Tie::Auto } else { Tie::Normal });
        }
        if table.server.as_ref().is_some_and(|server| self.has(&Object::Server(server.clone()))) {
            report(Object::Table(oid), Tie::Normal);
        }
        let of_type = table.of_type.as_ref().filter(|_| self.types);
        let of_type = of_type.and_then(|name| self.catalog.type_names.get(name));
        if of_type.is_some_and(|oid| self.has(&Object::Type(*oid))) {
            report(Object::Table(oid), Tie::Normal);
        }
        // A partitioned table goes with a column of its key.
        if table.partition_key.iter().flatten().flatten().any(|attnum| self.has_column(oid, *attnum)) {
            report(Object::Table(oid), Tie::Auto);
        }
        if self.has_relation(oid) {
            return;
        }
        self.columns(table, report);
        for constraint in table.constraints.values() {
            self.constraint(table, constraint, report);
        }
        for index in table.indexes.values() {
            let named = |attnum: &i16| self.has_column(oid, *attnum);
            let own = index.include.iter().any(named) || index.columns().iter().flatten().any(named);
            let keys = index.keys.iter().filter_map(|key| match &key.value {
                IndexKeyValue::Expr(expr) => Some(expr),
                IndexKeyValue::Column(_) => None,
            });
            let expressions = || keys.clone().chain(&index.predicate);
            let object = || Object::Index(oid, index.name.clone());
            if own || index.parent.is_some_and(|parent| self.has_index(parent)) {
                report(object(), Tie::Auto);
            } else if index.keys.iter().any(|key| self.goes_with_key(key)) {
                report(object(), Tie::Normal);
            } else if expressions().any(|expr| self.in_expr(expr)) {
                let reads = expressions().any(|expr| self.reads_doomed_column(expr));
                report(object(), if reads { Tie::Auto } else { Tie::Normal });
            }
        }
        for policy in table.policies.values() {
            if policy.expressions().any(|expr| self.in_expr(expr)) {
                report(Object::Policy(oid, policy.name.clone()), Tie::Normal);
            }
        }
        for trigger in table.triggers.values() {
            self.trigger(oid, trigger, &table.parents, report);
        }
    }

    fn columns(&self, table: &Table, report: Report<'_>) {
        for column in &table.columns {
            if self.has_column(table.oid, column.attnum) {
                continue;
            }
            let generated = column.generated.as_ref().is_some_and(|expr| self.in_expr(expr));
            let collated = self.has_collation(column.collation.as_deref());
            if self.has_type(&column.data_type.value) || generated || collated {
                report(Object::Column(table.oid, column.attnum), Tie::Normal);
            } else if column.default.as_ref().is_some_and(|default| self.in_expr(&default.value)) {
                report(Object::Default(table.oid, column.attnum), Tie::Normal);
            }
        }
    }

    fn constraint(&self, table: &Table, constraint: &Constraint, report: Report<'_>) {
        let own = || constraint.columns().iter().any(|attnum| self.has_column(table.oid, *attnum));
        let tie = match &constraint.kind {
            ConstraintKind::ForeignKey(key) => {
                let referenced = |attnum: &i16| self.has_column(key.references, *attnum);
                let refers = self.has_relation(key.references)
                    || key.referenced_columns.iter().any(referenced)
                    || self.key_is_doomed(key.references, &key.referenced_columns);
                if refers { Some(Tie::Normal) } else { own().then_some(Tie::Auto) }
            }
            ConstraintKind::Check { expr, .. } => match own() {
                true => Some(Tie::Auto),
                false => self.in_expr(expr).then_some(Tie::Normal),
            },
            _ => own().then_some(Tie::Auto),
        };
        if let Some(tie) = tie {
            report(Object::Constraint(table.oid, constraint.name.clone()), tie);
        }
    }

    /// Whether the last unique index on these columns goes, which foreign keys to them need.
    fn key_is_doomed(&self, table: Oid, columns: &[i16]) -> bool {
        let Some(table) = self.catalog.tables.get(&table) else { return false };
        let mut serving = table
            .indexes
            .values()
            .filter(|index| {
                let keys = index.columns();
                index.unique
                    && index.predicate.is_none()
                    && keys.len() == columns.len()
                    && columns.iter().all(|column| keys.contains(&Some(*column)))
            })
            .peekable();
        serving.peek().is_some()
            && serving.all(|index| {
                self.has(&Object::Index(table.oid, index.name.clone()))
                    || self.has(&Object::Constraint(table.oid, index.name.clone()))
            })
    }

    fn trigger(&self, on: Oid, trigger: &Trigger, parents: &[Oid], report: Report<'_>) {
        let object = || Object::Trigger(on, trigger.name.clone());
        let cloned = |parent: &Oid| self.has(&Object::Trigger(*parent, trigger.name.clone()));
        if trigger.inherited && parents.iter().any(cloned) {
            report(object(), Tie::Auto);
        } else if trigger.function.oid.is_some_and(|oid| self.has(&Object::Function(oid)))
            || trigger.columns.iter().any(|attnum| self.has_column(on, *attnum))
            || trigger.when.as_ref().is_some_and(|when| self.in_expr(when))
        {
            report(object(), Tie::Normal);
        }
    }

    fn view(&self, view: &View, report: Report<'_>) {
        self.member(&view.name, view.extension.as_ref(), &Object::View(view.oid), report);
        if self.has_relation(view.oid) {
            return;
        }
        if view.query.as_ref().is_some_and(|query| self.in_query(query) || self.takes_star(view, query)) {
            report(Object::View(view.oid), Tie::Normal);
        }
        for trigger in view.triggers.values() {
            self.trigger(view.oid, trigger, &[], report);
        }
    }

    fn function(&self, function: &Function, report: Report<'_>) {
        let object = Object::Function(function.oid);
        self.member(&function.name, function.extension.as_ref(), &object, report);
        let result = match &function.returns {
            Returns::Type(data_type) | Returns::SetOf(data_type) => self.has_type(data_type),
            Returns::Nothing | Returns::Table => false,
        };
        let arguments = || function.arguments.iter().any(|argument| self.has_type(&argument.data_type));
        let body = || match &function.body {
            Some(FunctionBody::Statements { statements, .. }) => {
                statements.iter().any(|statement| match &statement.kind {
                    StatementKind::Query(query) => self.in_query(query),
                    StatementKind::Call(expr) => self.in_expr(expr),
                    StatementKind::Change(change) => {
                        change.table.target.is_some_and(|oid| self.has_relation(oid))
                            || change.own_expressions().into_iter().any(|expr| self.in_expr(expr))
                            || change.source.as_ref().is_some_and(|source| self.in_query(source))
                    }
                    _ => false,
                })
            }
            _ => false,
        };
        // The functions that make a range go with its type.
        let is_constructor = function.language == "internal" && function.kind == FunctionKind::Function;
        let parts = || function.parts.iter().any(|part| self.has(&Object::Function(*part)));
        if result && is_constructor {
            report(object, Tie::Auto);
        } else if result || arguments() || parts() || body() {
            report(object, Tie::Normal);
        }
    }

    fn has(&self, object: &Object) -> bool {
        self.doomed.contains(object)
    }

    fn has_relation(&self, oid: Oid) -> bool {
        self.has(&Object::Table(oid)) || self.has(&Object::View(oid)) || self.has(&Object::Sequence(oid))
    }

    fn has_column(&self, relation: Oid, attnum: i16) -> bool {
        self.has(&Object::Column(relation, attnum))
    }

    /// Whether the collation of a key goes, or the extension of its operator class.
    fn goes_with_key(&self, key: &IndexKey) -> bool {
        let class = key.operator_class.as_deref().and_then(extension_of);
        self.has_collation(key.collation.as_deref())
            || class.is_some_and(|extension| self.has_extension(&extension.into()))
    }

    fn has_namespace(&self, name: &Ident) -> bool {
        self.has(&Object::Namespace(name.clone()))
    }

    fn has_extension(&self, name: &Ident) -> bool {
        self.has(&Object::Extension(name.clone()))
    }

    fn has_collation(&self, name: Option<&str>) -> bool {
        let Some(name) = name else { return false };
        self.doomed
            .iter()
            .any(|object| matches!(object, Object::Collation(doomed) if doomed.quoted() == name))
    }

    fn has_index(&self, oid: Oid) -> bool {
        self.doomed.iter().any(|object| match object {
            Object::Index(on, name) => {
                let indexes = self.catalog.tables.get(on).map(|table| &table.indexes);
                indexes.and_then(|indexes| indexes.get(name)).is_some_and(|index| index.oid == oid)
            }
            _ => false,
        })
    }

    fn has_type(&self, data_type: &DataType) -> bool {
        match data_type.base {
            TypeRef::User(oid) => self.has(&Object::Type(oid)),
            TypeRef::Row(oid) => self.has_relation(oid),
            TypeRef::Builtin(_) | TypeRef::Unknown(_) => false,
        }
    }

    fn has_written_type(&self, written: &TypeName) -> bool {
        self.types && self.has_type(&self.catalog.resolve_data_type(written))
    }

    fn in_expr(&self, expr: &Expr) -> bool {
        let mut found = expr.any(&|part| self.is_doomed(part));
        expr::walk_queries(expr, &mut |query| {
            for_each_relation(query, &mut |oid| found |= self.has_relation(oid));
        });
        found
    }

    fn in_query(&self, query: &Query) -> bool {
        let mut found = false;
        query.walk(&mut |part| found |= self.is_doomed(part));
        query.walk_queries(&mut |query| {
            for_each_relation(query, &mut |oid| found |= self.has_relation(oid));
        });
        found
    }

    fn is_doomed(&self, part: &Expr) -> bool {
        match part {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => {
                    self.has_column(relation, attnum) || self.has_relation(relation)
                }
                Target::Row { relation, .. } => self.has_relation(relation),
                Target::Result { of, attnum, .. } => self.has_column(of, attnum),
                Target::Unknown | Target::Derived { .. } | Target::Variable => false,
            },
            Expr::Call(call) => call.target.is_some_and(|oid| self.has(&Object::Function(oid))),
            Expr::Literal(Literal::Relation(_, oid)) => self.has_relation(*oid),
            Expr::Cast { to, .. } => self.has_written_type(to),
            Expr::Field { field: Some(field), row: Some(row), .. } => field_of_row(self.catalog, *row, field)
                .is_some_and(|(relation, attnum)| {
                    self.has_column(relation, attnum) || self.has_relation(relation)
                }),
            _ => false,
        }
    }

    fn reads_doomed_column(&self, expr: &Expr) -> bool {
        expr.any(&|part| {
            matches!(part, Expr::Column(column) if matches!(column.target,
                Target::Column { relation, attnum, .. } if self.has_column(relation, attnum)))
        })
    }

    /// Whether a view's `*` took a column that goes: PostgreSQL wrote the columns out when the view
    /// was made.
    fn takes_star(&self, view: &View, query: &Query) -> bool {
        let doomed = self.doomed.iter().filter_map(|object| match object {
            Object::Column(relation, attnum) => Some((*relation, *attnum)),
            _ => None,
        });
        let named = |relation: &Oid, attnum: i16| {
            let columns = self.catalog.columns_of(*relation).map(|(columns, _)| columns).unwrap_or_default();
            let column = columns.iter().find(|column| column.attnum == attnum);
            column.is_some_and(|column| view.column(&column.name).is_some())
        };
        let mut doomed = doomed.filter(|(relation, attnum)| named(relation, *attnum)).peekable();
        if doomed.peek().is_none() {
            return false;
        }
        let mut from = IndexSet::default();
        query.walk_queries(&mut |query| {
            let QueryBody::Select(select) = &query.body else { return };
            for target in &select.targets {
                match &target.expr {
                    Expr::Column(ColumnRef { star: true, target: Target::Row { relation, .. }, .. }) => {
                        from.insert(*relation);
                    }
                    Expr::Column(column) if column.star => for_each_relation(query, &mut |oid| {
                        from.insert(oid);
                    }),
                    _ => {}
                }
            }
        });
        doomed.any(|(relation, _)| from.contains(&relation))
    }
}

impl Catalog {
    /// What an object is called in a message.
    pub(crate) fn describe(&self, object: &Object) -> String {
        let relation = |oid: &Oid| {
            let table = self.tables.get(oid).map(|table| &table.name);
            table
                .or_else(|| self.views.get(oid).map(|view| &view.name))
                .map_or_else(String::new, QName::to_string)
        };
        let column = |oid: &Oid, attnum: i16| {
            let columns = self.columns_of(*oid).map(|(columns, _)| columns).unwrap_or_default();
            let name =
                columns.iter().find(|column| column.attnum == attnum).map(|column| column.name.quoted());
            format!("{}.{}", relation(oid), name.unwrap_or_default())
        };
        match object {
            Object::Table(oid) => match self.tables.get(oid).map(|table| table.kind) {
                Some(TableKind::Foreign) => format!("foreign table {}", relation(oid)),
                _ => format!("table {}", relation(oid)),
            },
            Object::View(oid) => format!("view {}", relation(oid)),
            Object::Sequence(oid) => {
                format!(
                    "sequence {}",
                    self.sequences.get(oid).map_or_else(String::new, |found| found.name.to_string())
                )
            }
            Object::Function(oid) => {
                format!(
                    "function {}",
                    self.functions.get(oid).map_or_else(String::new, |found| found.name.to_string())
                )
            }
            Object::Type(oid) => {
                format!(
                    "type {}",
                    self.types.get(oid).map_or_else(String::new, |found| found.name.to_string())
                )
            }
            Object::Namespace(name) => format!("schema {}", name.quoted()),
            Object::Extension(name) => format!("extension {}", name.quoted()),
            Object::EventTrigger(name) => format!("event trigger {}", name.quoted()),
            Object::Publication(name) => format!("publication {}", name.quoted()),
            Object::Server(name) => format!("server {}", name.quoted()),
            Object::Collation(name) => format!("collation {name}"),
            Object::Column(oid, attnum) => format!("column {}", column(oid, *attnum)),
            Object::Default(oid, attnum) => format!("the default of {}", column(oid, *attnum)),
            Object::Constraint(oid, name) => format!("constraint {} on {}", name.quoted(), relation(oid)),
            Object::Index(oid, name) => format!("index {} on {}", name.quoted(), relation(oid)),
            Object::Policy(oid, name) => format!("policy {} on {}", name.quoted(), relation(oid)),
            Object::Trigger(oid, name) => format!("trigger {} on {}", name.quoted(), relation(oid)),
            Object::Rule(oid, name) => format!("rule {} on {}", name.quoted(), relation(oid)),
            Object::Attribute(_, name) => format!("attribute {}", name.quoted()),
        }
    }
}
