//! Statements that fail because an earlier one did: they need what that one was to make.
//!
//! A statement with a wrong name is taken in as if it were mended, so that rules see what it was to
//! do. To PostgreSQL its object is not there, and whatever names the object is refused as well.
//! Those statements are told with the one that is to blame.

use rustc_hash::FxHashMap;

use crate::catalog::misfit::{Failure, Misfit, Reason};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::{Catalog, Relation};
use crate::source::{FileId, Span};
use crate::sql;
use crate::sql::expr::{CteBody, Expr, Query, walk_queries};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{self, DeclaredType};
use crate::sql::statement::{
    AlterAction, BodyText, ColumnDef, ConstraintDef, ConstraintKind, CreateFunction, DataChange,
    FunctionBody, GrantTarget, IndexKeyValue, ObjectKind, ObjectRef, PublicationAction, Statement,
    StatementKind, TableElement, TypeName,
};

/// Names that do not get in each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    Relation,
    Routine,
    Type,
}

/// An object that a statement makes.
pub(super) type Made = (Space, QName);

/// Objects that are not there because the statement that was to make them fails, and which failure
/// that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Unmade {
    names: FxHashMap<(Space, QName), usize>,
    /// The statements that fail, by file, in their order, each with the failure to blame.
    statements: FxHashMap<FileId, Vec<(Span, usize)>>,
    /// What the block at hand has made: it goes with the block if that fails.
    made_in_block: Vec<Made>,
}

/// What a statement says about objects that may not be there.
#[derive(Default)]
pub(super) struct Expectations {
    /// The failure of something that the statement needs.
    blamed: Option<usize>,
    /// What it makes and nothing had before.
    makes: Vec<Made>,
    /// What it drops if it is there.
    drops: Vec<Made>,
}

impl Catalog {
    /// What a statement needs and makes, as its names are understood before it runs.
    pub(super) fn expectations(&self, statement: &Statement) -> Expectations {
        let mut names = Names { catalog: self, blamed: None };
        if self.has_failing() {
            names.statement(&statement.kind);
        }
        let blamed = names.blamed;
        let drops = match &statement.kind {
            StatementKind::Drop(drop) if !self.unmade.names.is_empty() => drop
                .objects
                .iter()
                // A policy or trigger that goes leaves its table as it is: missing.
                .filter(|object| object.part.is_none())
                .filter_map(|object| Some((space_of(object.kind)?, &object.name)))
                .map(|(space, name)| (space, self.full_name(space, name)))
                .collect(),
            _ => Vec::new(),
        };
        Expectations { blamed, makes: self.newly_made(statement).into_iter().collect(), drops }
    }

    /// Takes note of what became of a statement: the failures from `first` on are its own.
    pub(super) fn conclude(&mut self, statement: &Statement, expected: Expectations, first: usize) {
        let mut own = self.failures.split_off(first);
        // What is not there to PostgreSQL is not in the way either.
        let drops_nothing = expected.drops.iter().any(|dropped| self.unmade.names.contains_key(dropped));
        own.retain(|failure| {
            let misfit = &failure.misfit;
            !drops_nothing
                && !expected.makes.iter().any(|made| self.unmade.blocks(made, misfit))
                && !misfit.beside.is_some_and(|place| self.is_of_failing(place))
        });
        let is_root = |failure: &Failure| !matches!(failure.misfit.reason, Reason::NotAllowed { .. });
        let own_root = own.iter().position(is_root).map(|at| first + at);
        match expected.blamed {
            Some(blamed) => {
                let misfit = self.failures[blamed].misfit.clone();
                self.failures.push(Failure { statement: statement.span, misfit, follows: Some(blamed) });
            }
            None => self.failures.extend(own),
        }
        let own_root =
            own_root.map(|at| self.failures.get(at).and_then(|failure| failure.follows).unwrap_or(at));
        let root = expected.blamed.or(own_root);
        if let Some(root) = root {
            self.unmade.statements.entry(statement.span.file).or_default().push((statement.span, root));
        }
        let nested = std::mem::take(&mut self.unmade.made_in_block);
        for made in expected.makes.into_iter().chain(nested) {
            match root {
                Some(root) => self.unmade.names.insert(made, root),
                None => self.unmade.names.remove(&made),
            };
        }
        if root.is_none() {
            for dropped in &expected.drops {
                self.unmade.names.remove(dropped);
            }
        }
    }

    /// Whether a statement has failed.
    pub(super) fn has_failing(&self) -> bool {
        !self.unmade.statements.is_empty()
    }

    /// Whether a place is within a statement that fails.
    pub(super) fn is_of_failing(&self, place: Span) -> bool {
        self.failing_around(place).is_some()
    }

    /// Whether a fact comes from a statement that fails: to PostgreSQL it is as before.
    pub(super) fn is_by_failing(&self, origin: Origin) -> bool {
        origin.span().is_some_and(|place| self.is_of_failing(place))
    }

    /// The statement that fails and holds a place.
    pub(super) fn failing_around(&self, place: Span) -> Option<Span> {
        self.unmade.failing_around(place).map(|(statement, _)| statement)
    }

    /// Whether an object of this name is not there to PostgreSQL.
    pub(super) fn lacks(&self, space: Space, name: &QName) -> bool {
        self.unmade.names.contains_key(&(space, name.clone()))
    }

    /// What a statement makes if PostgreSQL has no such object yet.
    pub(super) fn newly_made(&self, statement: &Statement) -> Option<Made> {
        let is_new = |(space, name): &Made| {
            !self.is_there(*space, name) || self.unmade.names.contains_key(&(*space, name.clone()))
        };
        self.made_by(&statement.kind).filter(is_new)
    }

    /// Takes note of what a statement of a block made.
    pub(super) fn note_made(&mut self, made: Option<Made>) {
        if let Some(made) = made {
            self.unmade.names.remove(&made);
            self.unmade.made_in_block.push(made);
        }
    }

    /// The object that a statement makes.
    fn made_by(&self, kind: &StatementKind) -> Option<Made> {
        let (space, name) = match kind {
            StatementKind::CreateTable(create) => (Space::Relation, &create.name),
            StatementKind::CreateTableAs(create) => (Space::Relation, &create.name),
            StatementKind::CreateView(create) => (Space::Relation, &create.name),
            StatementKind::CreateSequence(create) => (Space::Relation, &create.name),
            StatementKind::CreateFunction(create) => (Space::Routine, &create.name),
            StatementKind::CreateType(create) => (Space::Type, &create.name),
            StatementKind::CreateIndex(create) => {
                let schema = self.full_name(Space::Relation, &create.table).schema;
                return Some((Space::Relation, QName { schema, name: create.name.clone()? }));
            }
            StatementKind::Rename(rename) if rename.object.part.is_none() => {
                let space = space_of(rename.object.kind)?;
                let schema = self.full_name(space, &rename.object.name).schema;
                return Some((space, QName { schema, name: rename.to.clone() }));
            }
            _ => return None,
        };
        Some((space, self.full_name(space, name)))
    }

    /// The failure of something that a statement of a block needs.
    pub(super) fn blamed_for(&self, statement: &Statement) -> Option<usize> {
        self.has_failing().then(|| self.expectations(statement).blamed)?
    }

    fn full_name(&self, space: Space, name: &ObjectName) -> QName {
        let found = match space {
            Space::Relation => self.resolve_relation(name).map(|(found, _)| found),
            Space::Routine => self.resolve_functions(name),
            Space::Type => {
                self.resolve_type(name).and_then(|oid| self.types.get(&oid)).map(|found| found.name.clone())
            }
        };
        found.unwrap_or_else(|| self.creation_name(name))
    }

    /// Whether an object is there to PostgreSQL, too.
    fn is_made(&self, space: Space, name: &ObjectName) -> bool {
        let name = self.full_name(space, name);
        self.is_there(space, &name) && !self.unmade.names.contains_key(&(space, name))
    }

    fn is_there(&self, space: Space, name: &QName) -> bool {
        match space {
            Space::Relation => self.relation(name).is_some(),
            Space::Routine => self.function_names.contains_key(name),
            Space::Type => self.type_names.contains_key(name),
        }
    }
}

impl Unmade {
    /// Whether a misfit is that such an object exists.
    fn blocks(&self, made: &(Space, QName), misfit: &Misfit) -> bool {
        matches!(&misfit.reason, Reason::Exists { name, .. } if *name == made.1.to_string())
            && self.names.contains_key(made)
    }

    /// The statement that fails and holds a place, and the failure to blame.
    fn failing_around(&self, place: Span) -> Option<(Span, usize)> {
        let statements = self.statements.get(&place.file)?;
        let after = statements.partition_point(|(statement, _)| statement.start <= place.start);
        statements[..after].last().copied().filter(|(statement, _)| statement.contains(place))
    }
}

/// The space that an object of this kind has its name in; `None` where statements that fail make none.
fn space_of(kind: ObjectKind) -> Option<Space> {
    use ObjectKind as K;
    match kind {
        K::Table | K::View | K::MaterializedView | K::ForeignTable | K::Sequence => Some(Space::Relation),
        K::Policy | K::Trigger | K::Rule | K::Column | K::Constraint => Some(Space::Relation),
        K::Function | K::Procedure | K::Routine => Some(Space::Routine),
        K::Type | K::Domain => Some(Space::Type),
        _ => None,
    }
}

/// The columns of its table that an action needs.
fn altered_columns(action: &AlterAction) -> Vec<&Ident> {
    use AlterAction as A;
    match action {
        A::SetDefault { column, .. }
        | A::DropDefault { column }
        | A::SetNotNull { column }
        | A::DropNotNull { column }
        | A::SetType { column, .. }
        | A::AddIdentity { column, .. }
        | A::DropColumn { name: column, if_exists: false, .. } => vec![column],
        A::AddConstraint(definition) => match &definition.kind {
            ConstraintKind::Unique { columns, .. } => columns.iter().collect(),
            ConstraintKind::ForeignKey(key) => key.columns.iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Looks for names of objects that are not there.
struct Names<'c> {
    catalog: &'c Catalog,
    blamed: Option<usize>,
}

impl Names<'_> {
    fn name(&mut self, space: Space, name: &ObjectName) {
        let key = (space, self.catalog.full_name(space, name));
        let blamed = self.catalog.unmade.names.get(&key).copied();
        // Statements that were not followed may have made it.
        let is_certain = |_: &usize| !self.catalog.is_in_doubt(&key.1.name);
        self.blamed = self.blamed.or_else(|| blamed.filter(is_certain));
    }

    fn relation(&mut self, name: &ObjectName) {
        self.name(Space::Relation, name);
    }

    fn object(&mut self, object: &ObjectRef) {
        if let Some(space) = space_of(object.kind) {
            self.name(space, &object.name);
        }
    }

    fn statement(&mut self, kind: &StatementKind) {
        match kind {
            // It is there, and PostgreSQL looks no further.
            StatementKind::CreateTable(create)
                if create.if_not_exists && self.catalog.is_made(Space::Relation, &create.name) => {}
            StatementKind::CreateTable(create) => {
                create.inherits.iter().chain(&create.partition_of).for_each(|name| self.relation(name));
                for element in &create.elements {
                    match element {
                        TableElement::Column(column) => self.column(column),
                        TableElement::Constraint(constraint) => self.constraint(constraint),
                        TableElement::Like { source, .. } => self.relation(source),
                    }
                }
            }
            StatementKind::CreateTableAs(create) => create.query.iter().for_each(|query| self.query(query)),
            StatementKind::CreateView(create) => self.query(&create.query),
            StatementKind::CreateIndex(create) => {
                self.relation(&create.table);
                create.include.iter().for_each(|name| self.column_of(&create.table, name));
                for key in &create.keys {
                    match &key.value {
                        IndexKeyValue::Column(name) => self.column_of(&create.table, name),
                        IndexKeyValue::Expr(expr) => self.columns_in(&create.table, expr),
                    }
                }
            }
            StatementKind::CreatePolicy(create) => {
                self.relation(&create.table);
                let clauses = create.using.iter().chain(&create.with_check);
                clauses.for_each(|clause| self.condition(&create.table, &clause.value));
            }
            StatementKind::AlterPolicy(alter) => {
                self.relation(&alter.table);
                let clauses = alter.using.iter().chain(&alter.with_check);
                clauses.for_each(|clause| self.condition(&alter.table, &clause.value));
            }
            StatementKind::CreateFunction(create) => self.function(create),
            StatementKind::CreateTrigger(create) => {
                self.relation(&create.table);
                self.name(Space::Routine, &create.function);
            }
            StatementKind::CreateEventTrigger(create) => self.name(Space::Routine, &create.function),
            StatementKind::CreateRule(create) => self.relation(&create.table),
            StatementKind::CreatePublication(publication) | StatementKind::AlterPublication(publication)
                if publication.action != PublicationAction::Drop =>
            {
                publication.tables.iter().for_each(|table| self.relation(&table.name));
            }
            StatementKind::AlterTable(alter) if !alter.if_exists => {
                self.relation(&alter.name);
                let adds = |name: &Ident| {
                    let mut actions = alter.actions.iter().map(|action| &action.value);
                    actions.any(|action| matches!(action, AlterAction::AddColumn { column, .. } if column.name == *name))
                };
                for action in &alter.actions {
                    altered_columns(&action.value)
                        .into_iter()
                        .filter(|name| !adds(name))
                        .for_each(|name| self.column_of(&alter.name, name));
                    match &action.value {
                        AlterAction::AddColumn { column, .. } => self.column(column),
                        AlterAction::AddConstraint(constraint) => self.constraint(constraint),
                        AlterAction::AttachPartition { partition: name }
                        | AlterAction::DetachPartition { partition: name }
                        | AlterAction::Inherit { parent: name } => self.relation(name),
                        _ => {}
                    }
                }
            }
            StatementKind::AlterFunction(alter) => self.object(&alter.object),
            StatementKind::AlterSequence(alter) if !alter.if_exists => self.relation(&alter.name),
            StatementKind::AlterEnum(alter) => self.name(Space::Type, &alter.name),
            StatementKind::AlterDomain(alter) => self.name(Space::Type, &alter.name),
            StatementKind::Rename(rename) if !rename.if_exists => self.object(&rename.object),
            StatementKind::Comment { object, .. } if object.kind == ObjectKind::Column => {
                self.relation(&object.name);
                object.part.iter().for_each(|part| self.column_of(&object.name, &part.value));
            }
            StatementKind::SetSchema { object, if_exists: false, .. }
            | StatementKind::SetOwner { object, .. }
            | StatementKind::Comment { object, .. } => self.object(object),
            StatementKind::Drop(drop) if !drop.if_exists => {
                drop.objects.iter().for_each(|object| self.object(object));
            }
            StatementKind::Grant(grant) => {
                if let GrantTarget::Objects(objects) = &grant.target {
                    objects.iter().for_each(|object| self.object(object));
                }
            }
            StatementKind::Refresh { name, .. } => self.relation(name),
            StatementKind::Query(query) => self.query(query),
            StatementKind::Call(expr) => self.expr(expr),
            StatementKind::Change(change) => self.change(change),
            StatementKind::Data(Some(target)) => self.relation(&target.table),
            _ => {}
        }
    }

    /// A column that only a statement that fails has added.
    fn column_of(&mut self, table: &ObjectName, name: &Ident) {
        let Some((found, Relation::Table(oid))) = self.catalog.resolve_relation(table) else { return };
        let column = self.catalog.tables.get(&oid).and_then(|table| table.column(name));
        let maker = column.and_then(|column| column.origin.span());
        let failing = maker.and_then(|maker| self.catalog.unmade.failing_around(maker));
        let is_certain = |_: &(Span, usize)| !self.catalog.is_in_doubt(&found.name);
        self.blamed = self.blamed.or_else(|| failing.filter(is_certain).map(|(_, root)| root));
    }

    /// The columns of a table that an expression about its rows names outside of sub-selects.
    fn columns_in(&mut self, table: &ObjectName, expr: &Expr) {
        match expr {
            Expr::Column(column) => {
                if let [name] = column.path.as_slice() {
                    self.column_of(table, name);
                }
            }
            expr => expr.each_child(&mut |child| self.columns_in(table, child)),
        }
    }

    fn condition(&mut self, table: &ObjectName, expr: &Expr) {
        self.expr(expr);
        self.columns_in(table, expr);
    }

    fn column(&mut self, column: &ColumnDef) {
        column.data_type.iter().for_each(|data_type| self.data_type(data_type));
        column.constraints.iter().for_each(|constraint| self.constraint(constraint));
    }

    /// A table is a type, too.
    fn data_type(&mut self, data_type: &TypeName) {
        if !data_type.percent_type {
            self.name(Space::Type, &data_type.name);
            self.relation(&data_type.name);
        }
    }

    /// What PostgreSQL looks up when it makes a function.
    fn function(&mut self, create: &CreateFunction) {
        let arguments = create.arguments.iter().map(|argument| &argument.data_type);
        arguments.chain(&create.returns).for_each(|data_type| self.data_type(data_type));
        match &create.body {
            Some(FunctionBody::Statements { statements, .. }) => {
                statements.iter().for_each(|statement| self.statement(&statement.kind));
            }
            Some(FunctionBody::Text(body)) if self.catalog.session.check_function_bodies => {
                match create.language.as_deref() {
                    Some("sql") => {
                        let (statements, _) = sql::parse_body(body);
                        statements.iter().for_each(|statement| self.statement(&statement.kind));
                    }
                    Some("plpgsql") => self.declared_types(body),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn declared_types(&mut self, body: &BodyText) {
        for declared in plpgsql::declared_types(body) {
            match declared {
                DeclaredType::Named(name) => {
                    self.name(Space::Type, &name);
                    self.relation(&name);
                }
                DeclaredType::Row(name) => self.relation(&name),
                DeclaredType::Column(..) => {}
            }
        }
    }

    fn constraint(&mut self, constraint: &ConstraintDef) {
        if let ConstraintKind::ForeignKey(key) = &constraint.kind {
            self.relation(&key.references);
            key.referenced_columns.iter().for_each(|name| self.column_of(&key.references, name));
        }
    }

    fn change(&mut self, change: &DataChange) {
        self.relation(&change.table.name);
        let assigned = change.assignments.iter().map(|(name, _)| name);
        assigned.chain(&change.columns).for_each(|name| self.column_of(&change.table.name, name));
        change.walk_queries(&mut |query| self.own_names(query, &[]));
    }

    /// The names in a query and those nested in it.
    fn query(&mut self, query: &Query) {
        let mut hidden = Vec::new();
        query.walk_queries(&mut |query| hidden.extend(query.ctes.iter().map(|cte| &cte.name)));
        query.walk_queries(&mut |query| {
            let own: Vec<_> = hidden.iter().map(|name| name.as_str()).collect();
            self.own_names(query, &own);
            for cte in &query.ctes {
                if let CteBody::Change(change) = &cte.query {
                    self.relation(&change.table.name);
                }
            }
        });
    }

    /// The relations in a query's FROM, and the functions that it calls; a bare name may be a CTE's.
    fn own_names(&mut self, query: &Query, hidden: &[&str]) {
        if let crate::sql::expr::QueryBody::Select(select) = &query.body {
            for item in &select.from {
                item.walk_relations(&mut |relation| {
                    let name = &relation.name;
                    if name.schema.is_some() || !hidden.contains(&name.name.as_str()) {
                        self.relation(name);
                    }
                });
            }
        }
        query.own_expressions().into_iter().for_each(|expr| self.calls(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        self.calls(expr);
        walk_queries(expr, &mut |query| self.own_names(query, &[]));
    }

    fn calls(&mut self, expr: &Expr) {
        if let Expr::Call(call) = expr {
            self.name(Space::Routine, &call.name);
        }
        expr.each_child(&mut |child| self.calls(child));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    /// The statements that fail, each with the number of the failure that it follows from.
    fn failures(text: &str) -> Vec<(String, Option<usize>)> {
        let bench = Bench::new(text);
        let words = |failure: &crate::catalog::misfit::Failure| {
            let span = failure.statement;
            let words: Vec<&str> =
                text[span.start as usize..span.end as usize].split_whitespace().take(3).collect();
            (words.join(" "), failure.follows)
        };
        bench.catalog.failures.iter().map(words).collect()
    }

    fn check(text: &str, expected: &[(&str, Option<usize>)]) {
        let expected: Vec<_> =
            expected.iter().map(|(text, follows)| ((*text).to_string(), *follows)).collect();
        assert_eq!(failures(text), expected, "{text}");
    }

    #[test]
    fn what_needs_an_object_of_a_failing_statement_fails_with_it() {
        let text = "create table t (a int references missing (id), b int);
            create index i on t (a);
            create policy p on t using (true);
            alter table t enable row level security;
            comment on table t is 'x';
            create view v as select a from t;
            grant select on v to anon;
            insert into t values (1, 2);
            create table other (x int references t (a));
            alter table if exists t add c int;
            drop table if exists t;
            create table free (a int);";
        check(
            text,
            &[
                ("references missing (id)", None),
                ("create index i", Some(0)),
                ("create policy p", Some(0)),
                ("alter table t", Some(0)),
                ("comment on table", Some(0)),
                ("create view v", Some(0)),
                ("grant select on", Some(0)),
                ("insert into t", Some(0)),
                ("create table other", Some(0)),
            ],
        );
    }

    #[test]
    fn what_follows_in_a_block_that_fails_is_not_refused_as_well() {
        let text = "create table t (a int references missing, b int);
            do $$ begin
              if not exists (
                select from information_schema.columns where table_name = 't' and column_name = 'b'
              ) then
                alter table t add b int;
                alter table t drop none;
              end if;
            end $$;";
        check(text, &[("references missing", None), ("alter table t", Some(0))]);
    }

    #[test]
    fn what_is_not_applied_is_missed_by_those_that_need_it() {
        let text = "create table t (a int, a int); alter table t add b int; create table u (x int);";
        check(text, &[("create table t", None), ("alter table t", Some(0))]);
    }

    #[test]
    fn an_object_that_is_made_after_all_is_there() {
        let text =
            "create table t (a int references missing); create table t (a int); create index on t (a);";
        check(text, &[("references missing", None)]);
        let text = "create view v as select * from missing; create or replace view v as select 1 as a;
            grant select on v to anon;";
        check(text, &[("create view v", None)]);
    }

    #[test]
    fn a_name_of_a_cte_is_no_object() {
        let text = "create view v as select * from missing;
            create view w as with v as (select 1) select * from v;
            create view x as with y as (select * from v) select * from y;";
        check(text, &[("create view v", None), ("create view x", Some(0))]);
    }

    #[test]
    fn what_was_there_before_stays() {
        let text = "create table t (a int); create table t (a int); create index on t (a);
            create function f() returns int language sql as 'select 1';
            create or replace function f() returns text language sql as 'select 1';
            comment on function f is 'x';";
        check(text, &[("create table t", None), ("create or replace", None)]);
    }
    const GHOST: &str = "create table t (a int references missing (id)); ";

    #[test]
    fn what_goes_with_a_policy_or_trigger_is_not_its_table() {
        let text = format!(
            "{GHOST} drop policy if exists p on t; drop trigger if exists x on t;
             create policy p on t using (true);"
        );
        check(&text, &[("references missing (id)", None), ("create policy p", Some(0))]);
    }

    #[test]
    fn a_block_that_needs_what_is_not_made_fails() {
        let text = format!(
            "{GHOST} do $$ begin
               if not exists (select from pg_constraint where conname = 'k') then
                 alter table t add constraint k unique (a);
               end if;
               comment on table t is 'x';
             end $$;"
        );
        check(&text, &[("references missing (id)", None), ("alter table t", Some(0))]);
        let made = format!(
            "{GHOST} do $$ begin create table u (like t); end $$; create index on u (a);
             alter table t rename to v; comment on table v is 'x';"
        );
        let expected = [
            ("references missing (id)", None),
            ("create table u", Some(0)),
            ("create index on", Some(0)),
            ("alter table t", Some(0)),
            ("comment on table", Some(0)),
        ];
        check(&made, &expected);
        let taken = format!(
            "{GHOST} do $$ begin alter table t add b int; exception when undefined_table then null; end $$;"
        );
        check(&taken, &[("references missing (id)", None)]);
    }

    #[test]
    fn guards_are_answered_as_postgresql_does() {
        for guard in [
            "exists (select from pg_tables where tablename = 't')",
            "exists (select from information_schema.columns where table_name = 't' and column_name = 'a')",
            "to_regclass('public.t') is not null",
        ] {
            let text =
                format!("{GHOST} do $$ begin if {guard} then alter table t add b int; end if; end $$;");
            check(&text, &[("references missing (id)", None)]);
        }
        let text = format!(
            "{GHOST} do $$ begin if to_regclass('t') is null then create table t (b int); end if; end $$;
             alter table t enable row level security;"
        );
        check(&text, &[("references missing (id)", None)]);
    }

    #[test]
    fn a_table_is_made_by_the_definition_that_does_not_fail() {
        let text = format!(
            "{GHOST} create table if not exists t (a int, b int);
             create index on t (b); alter table t drop column b; alter table t drop column b;"
        );
        check(&text, &[("references missing (id)", None), ("alter table t", None)]);
        let there =
            format!("create table x (a int); {GHOST} create table if not exists x (a int references t (a));");
        check(&there, &[("references missing (id)", None)]);
    }

    #[test]
    fn what_a_refused_replacement_was_to_change_is_not_held_against_later_ones() {
        let view = "create table t (a int); create view v as select a from t;
            create or replace view v as select a as b from t; create view w as select a from v;
            create view x as select b from v; create or replace view v as select a from t;";
        check(view, &[("create or replace", None)]);
        let column = "create table t (a text, b int not null); alter table t alter a type uuid;
            create policy p on t using (a = 'x'::text); insert into t (b) values (1);";
        check(column, &[("alter table t", None)]);
    }

    #[test]
    fn an_index_that_is_not_made_is_not_in_the_way() {
        let text = format!(
            "{GHOST} create index i on t (a); drop table if exists t;
             create table t (a int); create index i on t (a);"
        );
        check(&text, &[("references missing (id)", None), ("create index i", Some(0))]);
    }

    #[test]
    fn functions_need_the_tables_that_postgresql_looks_up() {
        let text = format!(
            "{GHOST} create function f() returns bigint language sql as 'select count(*) from t';
             create function g() returns setof t language plpgsql as 'begin return; end';
             create function h() returns int language plpgsql as 'declare r t%rowtype; begin return 1; end';
             create function i() returns int language plpgsql as 'begin perform 1 from t; return 1; end';
             select f();"
        );
        let expected = [
            ("references missing (id)", None),
            ("create function f()", Some(0)),
            ("create function g()", Some(0)),
            ("create function h()", Some(0)),
            ("select f()", Some(0)),
        ];
        check(&text, &expected);
    }
}
