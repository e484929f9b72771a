//! DROP of every kind, with what goes along.

use crate::catalog::apply::{Applied, Misfit, comment, extension};
use crate::catalog::depend::Object;
use crate::catalog::function::Retired;
use crate::catalog::misfit::{Reason, SqlState};
use crate::catalog::origin::Origin;
use crate::catalog::policy::MissedPolicy;
use crate::catalog::table::TableKind;
use crate::catalog::types::UserTypeKind;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{Drop, ObjectKind, ObjectRef};

pub(super) fn apply(catalog: &mut Catalog, statement: &Drop, origin: Origin) -> Applied {
    let mut targets = Vec::new();
    for object in &statement.objects {
        match find(catalog, object) {
            Ok(found) => targets.extend(found),
            Err(misfit) if misfit.is_missing() && statement.if_exists => {
                note_missed_policy(catalog, object);
                note_missing_table(catalog, object, misfit)
            }
            Err(misfit) => return Err(misfit),
        }
    }
    for object in &statement.objects {
        if object.kind == ObjectKind::Role && catalog.roles.contains_key(&object.name.name) {
            super::role::remove(catalog, &object.name.name)?;
        }
    }
    catalog.drop_objects(targets, statement.cascade, Some(origin))
}

/// A policy that is not there while one of almost the same name is.
fn note_missed_policy(catalog: &mut Catalog, object: &ObjectRef) {
    let (ObjectKind::Policy, Some(part)) = (object.kind, &object.part) else { return };
    let Some((_, Relation::Table(oid))) = catalog.resolve_relation(&object.name) else { return };
    let near = catalog.tables.get(&oid).and_then(|table| table.policy_like(&part.value));
    let missed = near.map(|near| MissedPolicy {
        table: oid,
        name: part.value.clone(),
        span: part.span,
        near: near.name.clone(),
        near_made: near.history.created,
    });
    catalog.missed_policies.extend(missed);
}

/// IF EXISTS forgives a missing object. For DROP POLICY and DROP TRIGGER, PostgreSQL's forgives a
/// missing table, too; Supabase's servers refuse it (seen on one).
fn note_missing_table(catalog: &mut Catalog, object: &ObjectRef, misfit: Misfit) {
    let is_part = matches!(object.kind, ObjectKind::Policy | ObjectKind::Trigger);
    if is_part && matches!(misfit.reason, Reason::Missing { kind: ObjectKind::Table, .. }) {
        catalog.record_doubtful(object.name.span, misfit);
    }
}

/// What a name stands for. Kinds that the catalog does not model stand for nothing.
fn find(catalog: &Catalog, object: &ObjectRef) -> Result<Vec<Object>, Misfit> {
    let name = &object.name.name;
    let missing = || comment::missing(object);
    let keyed = |known: bool, found: Object| if known { Ok(vec![found]) } else { Err(missing()) };
    match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => find_relation(catalog, object).map(|found| vec![found]),
        ObjectKind::Type | ObjectKind::Domain => {
            let oid = catalog.resolve_type(&object.name).ok_or_else(missing)?;
            let is_domain = |kind: &UserTypeKind| matches!(kind, UserTypeKind::Domain(_));
            let domain = catalog.types.get(&oid).is_some_and(|found| is_domain(&found.kind));
            if object.kind == ObjectKind::Domain && !domain {
                return Err(Misfit::refused(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("{} is not a domain", object.name),
                ));
            }
            Ok(vec![Object::Type(oid)])
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            catalog.resolve_routine(object).map(|oid| vec![Object::Function(oid)])
        }
        ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Rule => {
            find_part(catalog, object).map(|found| vec![found])
        }
        ObjectKind::Schema => keyed(catalog.namespaces.contains_key(name), Object::Namespace(name.clone())),
        ObjectKind::Extension => {
            keyed(catalog.extensions.contains_key(name), Object::Extension(name.clone()))
        }
        ObjectKind::Publication => {
            keyed(catalog.publications.contains_key(name), Object::Publication(name.clone()))
        }
        ObjectKind::EventTrigger => {
            keyed(catalog.event_triggers.contains_key(name), Object::EventTrigger(name.clone()))
        }
        ObjectKind::ForeignServer => keyed(catalog.servers.contains_key(name), Object::Server(name.clone())),
        ObjectKind::ForeignDataWrapper => {
            let servers = catalog.servers.values().filter(|server| server.wrapper == *name);
            Ok(servers.map(|server| Object::Server(server.name.clone())).collect())
        }
        ObjectKind::Collation => {
            let name = catalog.resolve_collation(&object.name).ok_or_else(missing)?;
            Ok(vec![Object::Collation(name)])
        }
        ObjectKind::Role if !catalog.roles.contains_key(name) => Err(missing()),
        _ => Ok(Vec::new()),
    }
}

fn find_relation(catalog: &Catalog, object: &ObjectRef) -> Result<Object, Misfit> {
    let (name, relation) = catalog.resolve_relation(&object.name).ok_or_else(|| comment::missing(object))?;
    let table_kind = |oid: Oid| catalog.tables.get(&oid).map(|table| table.kind);
    let materialized = |oid: Oid| catalog.views.get(&oid).is_some_and(|view| view.materialized);
    match (object.kind, relation) {
        (ObjectKind::Table, Relation::Table(oid)) if table_kind(oid) != Some(TableKind::Foreign) => {
            Ok(Object::Table(oid))
        }
        (ObjectKind::ForeignTable, Relation::Table(oid)) if table_kind(oid) == Some(TableKind::Foreign) => {
            Ok(Object::Table(oid))
        }
        (ObjectKind::View, Relation::View(oid)) if !materialized(oid) => Ok(Object::View(oid)),
        (ObjectKind::MaterializedView, Relation::View(oid)) if materialized(oid) => Ok(Object::View(oid)),
        (ObjectKind::Sequence, Relation::Sequence(oid)) => {
            let sequence = catalog.sequences.get(&oid).filter(|sequence| sequence.identity);
            match sequence.and_then(|sequence| sequence.owned_by) {
                Some((table, attnum)) => {
                    let column = catalog.describe(&Object::Column(table, attnum));
                    let why = format!("cannot drop sequence {name} because identity {column} requires it");
                    Err(Misfit::refused(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, why)
                        .about(&name)
                        .helped_by("write `alter table … alter column … drop identity`, which drops it, too"))
                }
                None => Ok(Object::Sequence(oid)),
            }
        }
        (ObjectKind::Index, Relation::Index { on }) => {
            let table = catalog.tables.get(&on);
            let index = table.and_then(|table| table.indexes.get(&name.name));
            match index.and_then(|index| index.constraint.as_ref()) {
                Some(constraint) => Err(Misfit::refused(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop index {name} because constraint {constraint} requires it"),
                )),
                None => Ok(Object::Index(on, name.name)),
            }
        }
        _ => Err(Misfit::refused(
            SqlState::WRONG_OBJECT_TYPE,
            format!("{name} is not a {}", object.kind.noun()),
        )),
    }
}

/// A policy, trigger or rule. A missing table is a misfit of its own.
fn find_part(catalog: &Catalog, object: &ObjectRef) -> Result<Object, Misfit> {
    let missing = || comment::missing(object);
    let Some((_, Relation::Table(oid) | Relation::View(oid))) = catalog.resolve_relation(&object.name) else {
        return Err(Misfit::missing(ObjectKind::Table, &object.name));
    };
    let part = object.part.as_ref().map(|part| part.value.clone()).ok_or_else(missing)?;
    let (table, view) = (catalog.tables.get(&oid), catalog.views.get(&oid));
    match object.kind {
        ObjectKind::Policy => match table.is_some_and(|table| table.policies.contains_key(&part)) {
            true => Ok(Object::Policy(oid, part)),
            false => Err(missing()),
        },
        ObjectKind::Trigger => {
            let trigger = match (table, view) {
                (Some(table), _) => table.triggers.get(&part),
                (None, view) => view.and_then(|view| view.triggers.get(&part)),
            };
            match trigger {
                Some(trigger) if trigger.inherited => Err(Misfit::refused(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop trigger {part} on {} because the partitioned table's requires it",
                        object.name
                    ),
                )),
                Some(_) => Ok(Object::Trigger(oid, part)),
                None => Err(missing()),
            }
        }
        _ => {
            let rules = table.map(|table| &table.rules).or_else(|| view.map(|view| &view.rules));
            match rules.is_some_and(|rules| rules.contains(&part)) {
                true => Ok(Object::Rule(oid, part)),
                false => Err(missing()),
            }
        }
    }
}

impl Catalog {
    /// Drops objects with what belongs to them, and with `cascade` all that depends on them.
    pub(crate) fn drop_objects(
        &mut self,
        mut targets: Vec<Object>,
        cascade: bool,
        origin: Option<Origin>,
    ) -> Applied {
        if targets.is_empty() {
            return Ok(());
        }
        let described = self.describe(&targets[0]);
        let doomed = loop {
            let doomed = self.doomed_with(targets.clone(), cascade);
            match &doomed.obstacle {
                // To PostgreSQL it is not there.
                Some(obstacle) if self.is_unmade(obstacle) => targets.push(obstacle.clone()),
                _ => break doomed,
            }
        };
        if let Some(obstacle) = &doomed.obstacle {
            let other = self.describe(obstacle);
            let why = format!("cannot drop {described} because {other} depends on it");
            let misfit = Misfit::refused(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, why);
            return Err(misfit.beside(self.place_of(obstacle)));
        }
        // Parts first, so that what holds them is still there.
        for object in doomed.objects.into_iter().rev() {
            self.remove_object(&object, origin);
        }
        Ok(())
    }

    /// Whether a column's type may change: PostgreSQL refuses it while a policy, view, trigger or
    /// function reads the column.
    pub(super) fn expect_free_type(&mut self, table: Oid, attnum: i16) -> Applied {
        let column = Object::Column(table, attnum);
        let doomed = self.doomed_with([column.clone()], true);
        let stops = |object: &&Object| {
            matches!(object, Object::View(_) | Object::Policy(..) | Object::Trigger(..) | Object::Function(_))
        };
        let Some(reader) = doomed.objects.iter().find(stops) else { return Ok(()) };
        let why = format!(
            "cannot change the type of {} because {} reads it",
            self.describe(&column),
            self.describe(reader)
        );
        let misfit = Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, why);
        Err(misfit.beside(self.place_of(reader)))
    }

    /// Whether the statement that made a dependent fails.
    fn is_unmade(&self, object: &Object) -> bool {
        self.has_failing() && self.place_of(object).is_some_and(|place| self.is_of_failing(place))
    }

    /// The statement that made a dependent what it is.
    fn place_of(&self, object: &Object) -> Option<Span> {
        let table = |oid| self.tables.get(oid);
        let history = match object {
            Object::Table(oid) => table(oid).map(|table| &table.history),
            Object::View(oid) => self.views.get(oid).map(|view| &view.history),
            Object::Function(oid) => self.functions.get(oid).map(|function| &function.history),
            Object::Policy(oid, name) => {
                table(oid).and_then(|table| table.policies.get(name)).map(|policy| &policy.history)
            }
            Object::Trigger(oid, name) => {
                table(oid).and_then(|table| table.triggers.get(name)).map(|trigger| &trigger.history)
            }
            Object::Constraint(oid, name) => {
                let constraint = table(oid).and_then(|table| table.constraints.get(name));
                return constraint.and_then(|constraint| constraint.validated.origin.span());
            }
            _ => None,
        };
        history.and_then(|history| history.last().span())
    }

    /// Drops what goes with a column; the column itself is left to the caller.
    pub(crate) fn drop_column_dependents(&mut self, table: Oid, attnum: i16, cascade: bool) -> Applied {
        let column = Object::Column(table, attnum);
        let mut doomed = self.doomed_with([column.clone()], cascade);
        if let Some(obstacle) = &doomed.obstacle {
            let (column, other) = (self.describe(&column), self.describe(obstacle));
            let why = format!("cannot drop {column} because {other} depends on it");
            let misfit = Misfit::refused(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, why);
            return Err(misfit.beside(self.place_of(obstacle)));
        }
        doomed.objects.shift_remove(&column);
        for object in doomed.objects.into_iter().rev() {
            self.remove_object(&object, None);
        }
        Ok(())
    }

    /// Takes a function out, and remembers who could call it.
    fn retire_function(&mut self, oid: Oid, origin: Option<Origin>) {
        let Some(function) = self.remove_function(oid) else { return };
        let dropped = origin.unwrap_or(function.history.last());
        let inputs = function.inputs().map(|argument| argument.data_type.clone()).collect();
        let retired = Retired { inputs, acl: function.acl, revoked: function.revoked, dropped };
        self.retired.entry(function.name).or_default().push(retired);
    }

    fn remove_object(&mut self, object: &Object, origin: Option<Origin>) {
        match object {
            Object::Table(oid) => self.remove_dropped_table(*oid, origin),
            Object::View(oid) => drop(self.remove_view(*oid)),
            Object::Sequence(oid) => drop(self.remove_sequence(*oid)),
            Object::Function(oid) => self.retire_function(*oid, origin),
            Object::Type(oid) => drop(self.remove_type(*oid)),
            Object::Namespace(name) => {
                self.namespaces.swap_remove(name);
                self.default_privileges.retain(|row| row.schema.as_ref() != Some(name));
                for publication in self.publications.values_mut() {
                    publication.schemas.swap_remove(name);
                }
            }
            Object::Extension(name) => {
                self.extensions.swap_remove(name);
                if let Some(origin) = origin.filter(|_| *name == "pg_graphql") {
                    extension::set_graphql_entry(self, "plpgsql", origin);
                }
            }
            Object::EventTrigger(name) => drop(self.event_triggers.swap_remove(name)),
            Object::Publication(name) => drop(self.publications.swap_remove(name)),
            Object::Server(name) => drop(self.servers.swap_remove(name)),
            Object::Collation(name) => drop(self.collations.swap_remove(name)),
            Object::Column(oid, attnum) => {
                if let Some(table) = self.tables.get_mut(oid) {
                    table.columns.retain(|column| column.attnum != *attnum);
                }
            }
            Object::Default(oid, attnum) => {
                let columns = self.tables.get_mut(oid).into_iter().flat_map(|table| &mut table.columns);
                columns.filter(|column| column.attnum == *attnum).for_each(|column| column.default = None);
            }
            Object::Constraint(oid, name) => self.remove_dropped_constraint(*oid, name),
            Object::Index(on, name) => self.remove_index_and_constraint(*on, name),
            Object::Policy(oid, name) => {
                if let Some(table) = self.tables.get_mut(oid) {
                    table.policies.swap_remove(name);
                    origin.into_iter().for_each(|origin| table.history.touch(origin));
                }
            }
            Object::Trigger(oid, name) => {
                if let Some(triggers) = super::trigger::triggers_mut(self, *oid) {
                    triggers.swap_remove(name);
                }
            }
            Object::Rule(oid, name) => {
                if let Some(table) = self.tables.get_mut(oid) {
                    table.rules.retain(|rule| rule != name);
                } else if let Some(view) = self.views.get_mut(oid) {
                    view.rules.retain(|rule| rule != name);
                }
            }
            Object::Attribute(oid, name) => {
                if let Some(UserTypeKind::Composite { attributes }) =
                    self.types.get_mut(oid).map(|user_type| &mut user_type.kind)
                {
                    attributes.retain(|attribute| attribute.name != *name);
                }
            }
        }
    }

    fn remove_dropped_table(&mut self, oid: Oid, origin: Option<Origin>) {
        let Some(table) = self.remove_table(oid) else { return };
        if let Some(origin) = origin.filter(|_| table.rls.value) {
            self.dropped_rls.insert(table.name, origin);
        }
        for parent in table.parents {
            if let Some(parent) = self.tables.get_mut(&parent) {
                parent.children.retain(|child| *child != oid);
            }
        }
        for publication in self.publications.values_mut() {
            publication.tables.swap_remove(&oid);
        }
    }

    /// Removes a constraint and the index that serves it.
    fn remove_dropped_constraint(&mut self, oid: Oid, name: &Ident) {
        if self.remove_constraint(oid, name).is_some_and(|constraint| constraint.has_index()) {
            self.remove_index_and_constraint(oid, name);
        }
    }

    pub(super) fn remove_index_and_constraint(&mut self, on: Oid, name: &Ident) {
        let schema = if let Some(table) = self.tables.get_mut(&on) {
            // A key column that goes takes the index of its constraint first.
            let index = table.indexes.swap_remove(name);
            if let Some(constraint) = index.and_then(|index| index.constraint) {
                table.constraints.swap_remove(&constraint);
            }
            table.name.schema.clone()
        } else if let Some(view) = self.views.get_mut(&on) {
            view.indexes.swap_remove(name);
            view.name.schema.clone()
        } else {
            return;
        };
        self.unregister_index(&schema, name);
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    const SHOP: &str = "
create table customers (id int primary key, name text, age int check (age > 0));
create table orders (id serial primary key, customer int references customers, note text);
create index orders_note_idx on orders (lower(note));
create view names as select name from customers;
create view loud as select upper(name) as name from names;
create policy own on orders using (customer in (select id from customers where name = 'x'));
";

    #[test]
    fn dependents_stop_a_drop_without_cascade() {
        let bench = Bench::new(&format!("{SHOP} drop table customers;"));
        assert_eq!(bench.reasons().len(), 1);
        assert!(bench.reasons()[0].starts_with("cannot drop table public.customers because"));
        let both = Bench::new(&format!("{SHOP} drop view loud, names; drop table orders, customers;"));
        assert_eq!(both.reasons(), [""; 0]);
        assert!(both.catalog.own_tables().next().is_none());
        let public = both.catalog.sequences.values().filter(|sequence| sequence.name.schema == "public");
        assert_eq!(public.count(), 0);
    }

    #[test]
    fn cascade_takes_what_depends_and_no_more() {
        let bench = Bench::new(&format!("{SHOP} drop table customers cascade;"));
        assert_eq!(bench.reasons(), [""; 0]);
        let orders = bench.catalog.table(&QName::new("public", "orders")).unwrap();
        assert!(orders.policies.is_empty() && orders.foreign_keys().next().is_none());
        assert!(bench.catalog.view(&QName::new("public", "loud")).is_none());
        assert_eq!(orders.indexes.len(), 2);
    }

    #[test]
    fn columns_take_their_indexes_and_need_cascade_for_policies() {
        let bench = Bench::new(&format!(
            "{SHOP} alter table customers drop column name;
             alter table customers drop column age;
             alter table orders drop column note;
             alter table customers drop column name cascade;"
        ));
        assert_eq!(bench.reasons().len(), 1);
        let orders = bench.catalog.table(&QName::new("public", "orders")).unwrap();
        assert!(orders.policies.is_empty() && orders.indexes.len() == 1);
        let customers = bench.catalog.table(&QName::new("public", "customers")).unwrap();
        assert_eq!(customers.columns.len(), 1);
        assert_eq!(customers.constraints.len(), 1);
        assert!(bench.catalog.view(&QName::new("public", "names")).is_none());
    }

    #[test]
    fn functions_types_and_schemas_take_their_users() {
        let bench = Bench::new(
            "create schema app;
             create type app.mood as enum ('ok');
             create function app.f() returns int language sql as 'select 1';
             create function app.t() returns trigger language plpgsql as 'begin return new; end';
             create function g(m app.mood) returns int language sql as 'select 1';
             create table t (id int default app.f(), mood app.mood);
             create policy p on t using (id = app.f());
             create trigger t before insert on t for each row execute function app.t();
             drop function app.f();
             drop schema app;
             drop schema app cascade;",
        );
        assert_eq!(bench.reasons().len(), 2);
        let table = bench.catalog.table(&QName::new("public", "t")).unwrap();
        assert_eq!(table.columns.len(), 1);
        assert!(table.columns[0].default.is_none());
        assert!(table.policies.is_empty() && table.triggers.is_empty());
        assert!(bench.catalog.functions_named(&QName::new("public", "g")).next().is_none());
        assert!(!bench.catalog.namespaces.contains_key("app"));
    }

    #[test]
    fn partitions_go_with_their_table() {
        let bench = Bench::new(
            "create table p (at date) partition by range (at);
             create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01');
             create table base (id int);
             create table child (more int) inherits (base);
             drop table p;
             drop table base;
             drop table base cascade;",
        );
        assert_eq!(bench.reasons().len(), 1);
        assert!(bench.catalog.own_tables().next().is_none());
    }

    #[test]
    fn extensions_take_their_members() {
        let bench = Bench::new(
            "create extension citext with schema extensions;
             create table t (name citext, id int);
             drop extension citext;
             drop extension citext cascade;
             drop extension if exists citext;",
        );
        assert_eq!(bench.reasons().len(), 1);
        let table = bench.catalog.table(&QName::new("public", "t")).unwrap();
        assert_eq!(table.columns.len(), 1);
        assert!(bench.catalog.types.values().all(|found| found.name.name != "citext"));
    }

    #[test]
    fn keys_stay_while_foreign_keys_need_them() {
        let bench = Bench::new(
            "create table k (a int, b int);
             create unique index k_a on k (a);
             create table r (a int references k (a));
             drop index k_a;
             drop index k_a cascade;
             create sequence s;
             create table u (id int default nextval('s'));
             drop sequence s;
             drop sequence s cascade;
             create function f() returns bigint begin atomic; select count(*) from u; end;
             drop table u;",
        );
        assert_eq!(bench.reasons().len(), 3);
        let table = |name: &str| bench.catalog.table(&QName::new("public", name)).unwrap();
        assert!(table("r").constraints.is_empty() && table("u").columns[0].default.is_none());
    }

    #[test]
    fn if_exists_does_not_forgive_a_policy_its_missing_table() {
        let bench = Bench::new(
            "create table t (id int);
             drop policy if exists p on t;
             drop policy if exists p on missing;
             drop table if exists missing;
             drop index t_idx;",
        );
        assert_eq!(
            bench.reasons(),
            [
                "table public.missing is not made by any statement before this one",
                "index t_idx is not made by any statement before this one"
            ]
        );
    }
}
