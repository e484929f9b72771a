//! RENAME of every kind.

use crate::map::IndexMap;

use crate::catalog::apply::trigger::triggers_mut;
use crate::catalog::apply::{Applied, Misfit, collation, comment, user_type};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::register::rename_key;
use crate::catalog::table::ConstraintKind;
use crate::catalog::types::{DataType, UserTypeKind};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, ObjectRef, Rename};

pub(super) fn apply(catalog: &mut Catalog, statement: &Rename, origin: Origin) -> Applied {
    match rename(catalog, &statement.object, &statement.to, statement.cascade, origin) {
        Err(misfit) if misfit.is_missing() && statement.if_exists => Ok(()),
        done => done,
    }
}

fn rename(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, cascade: bool, origin: Origin) -> Applied {
    let from = &object.name.name;
    match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => relation(catalog, object, to, origin),
        ObjectKind::Type | ObjectKind::Domain => rename_type(catalog, object, to, origin),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            function(catalog, object, to, origin)
        }
        ObjectKind::Column => column(catalog, object, to, cascade, origin),
        ObjectKind::Attribute => attribute(catalog, object, to, cascade, origin),
        ObjectKind::Constraint => constraint(catalog, object, to, origin),
        ObjectKind::DomainConstraint => domain_constraint(catalog, object, to, origin),
        ObjectKind::Policy => policy(catalog, object, to, origin),
        ObjectKind::Trigger => trigger(catalog, object, to, origin),
        ObjectKind::Rule => rule(catalog, object, to),
        ObjectKind::Schema => {
            if catalog.namespaces.contains_key(to) {
                return Err(Misfit::exists(ObjectKind::Schema, to));
            }
            let namespace = catalog.namespaces.get_mut(from).ok_or_else(|| comment::missing(object))?;
            namespace.history.touch(origin);
            catalog.rename_namespace(from, to);
            note_constraints_of(catalog, |name| name.schema == *to);
            Ok(())
        }
        ObjectKind::Role => super::role::rename(catalog, from, to),
        ObjectKind::Publication => {
            let publication = entry(&mut catalog.publications, object, from, to)?;
            publication.name = to.clone();
            publication.history.touch(origin);
            Ok(())
        }
        ObjectKind::EventTrigger => {
            let trigger = entry(&mut catalog.event_triggers, object, from, to)?;
            trigger.name = to.clone();
            trigger.history.touch(origin);
            Ok(())
        }
        ObjectKind::ForeignServer => {
            let server = entry(&mut catalog.servers, object, from, to)?;
            server.name = to.clone();
            server.history.touch(origin);
            for table in catalog.tables.values_mut().filter(|table| table.server.as_ref() == Some(from)) {
                table.server = Some(to.clone());
            }
            Ok(())
        }
        ObjectKind::ForeignDataWrapper => {
            for server in catalog.servers.values_mut().filter(|server| server.wrapper == *from) {
                server.wrapper = to.clone();
            }
            Ok(())
        }
        ObjectKind::Collation => {
            collation::rename(catalog, object, |old| QName { name: to.clone(), ..old.clone() })
        }
        _ => Ok(()),
    }
}

/// Gives an entry its new key.
fn entry<'m, T>(
    map: &'m mut IndexMap<Ident, T>,
    object: &ObjectRef,
    from: &Ident,
    to: &Ident,
) -> Result<&'m mut T, Misfit> {
    let at = map.get_index_of(from).ok_or_else(|| comment::missing(object))?;
    if map.contains_key(to) {
        let on = if object.part.is_some() {
            format!("{} on {}", to.quoted(), object.name)
        } else {
            to.to_string()
        };
        return Err(Misfit::exists(object.kind, on));
    }
    rename_key(map, at, to.clone());
    Ok(&mut map[at])
}

/// Remembers the constraints of the tables and domains that came to a schema.
pub(super) fn note_constraints_of(catalog: &mut Catalog, is_moved: impl Fn(&QName) -> bool) {
    let mut names = Vec::new();
    for table in catalog.tables.values().filter(|table| is_moved(&table.name)) {
        names.extend(table.constraints.keys().map(|name| (table.name.schema.clone(), name.clone())));
    }
    for user_type in catalog.types.values().filter(|user_type| is_moved(&user_type.name)) {
        if let UserTypeKind::Domain(domain) = &user_type.kind {
            names.extend(domain.checks.iter().map(|name| (user_type.name.schema.clone(), name.clone())));
        }
    }
    for (schema, name) in names {
        catalog.note_constraint_name(&schema, &name);
    }
}

/// ALTER TABLE also renames views, sequences and indexes (PostgreSQL manual, ALTER TABLE).
fn relation(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let (old, relation) = catalog.resolve_relation(&object.name).ok_or_else(|| comment::missing(object))?;
    let new = QName { schema: old.schema.clone(), name: to.clone() };
    let free = match relation {
        Relation::Sequence(_) | Relation::Index { .. } => catalog.is_relation_name_free(&new),
        _ => catalog.is_name_free(&new),
    };
    if !free {
        return Err(Misfit::exists(object.kind, new));
    }
    // A constraint is renamed with its index.
    if let Relation::Index { on } = relation
        && let Some(table) = catalog.tables.get(&on)
        && table.indexes.get(&old.name).is_some_and(|index| index.constraint.is_some())
        && table.constraints.contains_key(to)
    {
        return Err(Misfit::exists(ObjectKind::Constraint, format!("{to} on {}", table.name)));
    }
    catalog.rename_relation(&old, new.clone());
    touch_relation(catalog, relation, to, origin);
    if matches!(relation, Relation::Index { .. }) {
        catalog.note_constraint_name(&new.schema, to);
    }
    Ok(())
}

pub(super) fn touch_relation(catalog: &mut Catalog, relation: Relation, name: &Ident, origin: Origin) {
    let history = match relation {
        Relation::Table(oid) => catalog.tables.get_mut(&oid).map(|table| &mut table.history),
        Relation::View(oid) => catalog.views.get_mut(&oid).map(|view| &mut view.history),
        Relation::Sequence(oid) => catalog.sequences.get_mut(&oid).map(|sequence| &mut sequence.history),
        Relation::Composite(oid) => catalog.types.get_mut(&oid).map(|user_type| &mut user_type.history),
        Relation::Index { on } => match catalog.tables.get_mut(&on) {
            Some(table) => table.indexes.get_mut(name).map(|index| &mut index.history),
            None => {
                let indexes = catalog.views.get_mut(&on).map(|view| &mut view.indexes);
                indexes.and_then(|indexes| indexes.get_mut(name)).map(|index| &mut index.history)
            }
        },
    };
    if let Some(history) = history {
        history.touch(origin);
    }
}

fn rename_type(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let oid = catalog.resolve_type(&object.name).ok_or_else(|| comment::missing(object))?;
    let Some(user_type) = catalog.types.get_mut(&oid) else { return Ok(()) };
    let new = QName { schema: user_type.name.schema.clone(), name: to.clone() };
    let old = user_type.name.clone();
    if !catalog.is_name_free(&new) {
        return Err(Misfit::exists(object.kind, new));
    }
    if let Some(user_type) = catalog.types.get_mut(&oid) {
        user_type.history.touch(origin);
    }
    rename_typed_tables(catalog, &old, &new);
    catalog.rename_type(oid, new);
    Ok(())
}

/// Tables `OF` a type know it by name.
pub(super) fn rename_typed_tables(catalog: &mut Catalog, old: &QName, new: &QName) {
    for table in catalog.tables.values_mut().filter(|table| table.of_type.as_ref() == Some(old)) {
        table.of_type = Some(new.clone());
    }
}

fn function(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let oid = catalog.resolve_routine(object)?;
    let Some(function) = catalog.functions.get(&oid) else { return Ok(()) };
    let new = QName { schema: function.name.schema.clone(), name: to.clone() };
    let inputs: Vec<DataType> = function.inputs().map(|argument| argument.data_type.clone()).collect();
    if catalog.function_taking(&new, &inputs).is_some() {
        return Err(Misfit::exists(object.kind, new));
    }
    catalog.rename_function(oid, new);
    if let Some(function) = catalog.functions.get_mut(&oid) {
        function.history.touch(origin);
    }
    Ok(())
}

/// The table or view that a part is on, and the part's name.
fn part<'o>(catalog: &Catalog, object: &'o ObjectRef) -> Result<(Oid, &'o Ident), Misfit> {
    match (catalog.resolve_relation(&object.name), &object.part) {
        (Some((_, Relation::Table(oid) | Relation::View(oid))), Some(part)) => Ok((oid, &part.value)),
        (None, _) => Err(Misfit::missing(ObjectKind::Table, &object.name)),
        _ => Err(comment::missing(object)),
    }
}

fn column(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, cascade: bool, origin: Origin) -> Applied {
    if let Some((_, Relation::Composite(_))) = catalog.resolve_relation(&object.name) {
        return attribute(catalog, object, to, cascade, origin);
    }
    let (oid, from) = part(catalog, object)?;
    let columns = catalog.columns_of(oid).map(|(columns, _)| columns).unwrap_or_default();
    let Some(column) = columns.iter().find(|column| column.name == *from) else {
        return Err(comment::missing(object));
    };
    if columns.iter().any(|column| column.name == *to) {
        return Err(Misfit::exists_part(ObjectKind::Column, to, &object.name));
    }
    if column.inherited {
        return Err(Misfit::refused(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("cannot rename inherited column {}.{}", object.name, from.quoted()),
        ));
    }
    rename_column(catalog, oid, from, to, origin);
    Ok(())
}

/// Renames a column, and with it the one that children inherit.
fn rename_column(catalog: &mut Catalog, oid: Oid, from: &Ident, to: &Ident, origin: Origin) {
    let (columns, history, children) = match (catalog.tables.get_mut(&oid), catalog.views.get_mut(&oid)) {
        (Some(table), _) => (&mut table.columns, &mut table.history, table.children.clone()),
        (None, Some(view)) => (&mut view.columns, &mut view.history, Vec::new()),
        (None, None) => return,
    };
    let column = columns.iter_mut().find(|column| column.name == *from);
    let attnum = column.map(|column| {
        column.name = to.clone();
        history.touch(origin);
        column.attnum
    });
    if let Some(attnum) = attnum.filter(|_| catalog.tables.contains_key(&oid)) {
        catalog.note_former_column(oid, attnum, from);
    }
    if let Some((table, attnum)) = catalog.tables.get_mut(&oid).zip(attnum) {
        table.indexes.values_mut().for_each(|index| index.note_old_name(attnum, from));
    }
    for child in children {
        rename_column(catalog, child, from, to, origin);
    }
}

fn attribute(
    catalog: &mut Catalog,
    object: &ObjectRef,
    to: &Ident,
    cascade: bool,
    origin: Origin,
) -> Applied {
    let missing = || comment::missing(object);
    let oid = catalog.resolve_type(&object.name).ok_or_else(missing)?;
    let typed = user_type::typed_tables(catalog, oid, cascade)?;
    let (Some(user_type), Some(part)) = (catalog.types.get_mut(&oid), &object.part) else {
        return Err(missing());
    };
    let UserTypeKind::Composite { attributes } = &mut user_type.kind else { return Err(missing()) };
    if attributes.iter().any(|attribute| attribute.name == *to) {
        return Err(Misfit::exists_part(ObjectKind::Attribute, to, &object.name));
    }
    let attribute = attributes.iter_mut().find(|attribute| attribute.name == part.value);
    attribute.ok_or_else(missing)?.name = to.clone();
    user_type.history.touch(origin);
    for table in typed {
        rename_column(catalog, table, &part.value, to, origin);
    }
    Ok(())
}

fn constraint(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let (oid, from) = part(catalog, object)?;
    let Some(table) = catalog.tables.get_mut(&oid) else { return Err(comment::missing(object)) };
    let schema = table.name.schema.clone();
    if table.constraints.contains_key(to) || table.constraint_trigger(to).is_some() {
        return Err(Misfit::exists_part(ObjectKind::Constraint, to, &object.name));
    }
    if let Some(at) = table.constraint_trigger(from) {
        table.triggers[at].constraint = Some(to.clone());
        catalog.note_constraint_name(&schema, to);
        return Ok(());
    }
    let Some(constraint) = table.constraints.get(from) else { return Err(comment::missing(object)) };
    let (old, new) =
        (QName { schema: schema.clone(), name: from.clone() }, QName { schema, name: to.clone() });
    if constraint.has_index() && table.indexes.contains_key(from) {
        if !catalog.is_relation_name_free(&new) {
            return Err(Misfit::exists(ObjectKind::Index, new));
        }
        // The constraint follows its index.
        catalog.rename_relation(&old, new.clone());
    } else {
        rename_constraint(catalog, oid, from, to);
    }
    catalog.note_constraint_name(&new.schema, to);
    let renamed = catalog.tables.get_mut(&oid).and_then(|table| table.constraints.get_mut(to));
    if let Some(constraint) = renamed {
        constraint.history.touch(origin);
    }
    Ok(())
}

/// Renames a constraint without an index; children rename the check that they inherit.
fn rename_constraint(catalog: &mut Catalog, oid: Oid, from: &Ident, to: &Ident) {
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    let Some(at) = table.constraints.get_index_of(from) else { return };
    rename_key(&mut table.constraints, at, to.clone());
    table.constraints[at].name = to.clone();
    if !matches!(table.constraints[at].kind, ConstraintKind::Check { .. }) {
        return;
    }
    for child in table.children.clone() {
        let inherits = catalog
            .tables
            .get(&child)
            .and_then(|child| child.constraints.get(from))
            .is_some_and(|constraint| constraint.inherited);
        if inherits {
            rename_constraint(catalog, child, from, to);
        }
    }
}

fn domain_constraint(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let missing = || comment::missing(object);
    let oid = catalog.resolve_type(&object.name).ok_or_else(missing)?;
    let (Some(user_type), Some(part)) = (catalog.types.get_mut(&oid), &object.part) else {
        return Err(missing());
    };
    let schema = user_type.name.schema.clone();
    let UserTypeKind::Domain(domain) = &mut user_type.kind else { return Err(missing()) };
    let check = domain.checks.iter_mut().find(|check| **check == part.value);
    *check.ok_or_else(missing)? = to.clone();
    user_type.history.touch(origin);
    catalog.note_constraint_name(&schema, to);
    Ok(())
}

fn policy(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let (oid, from) = part(catalog, object)?;
    let Some(table) = catalog.tables.get_mut(&oid) else { return Err(comment::missing(object)) };
    let policy = entry(&mut table.policies, object, from, to)?;
    policy.history.touch(origin);
    let old = std::mem::replace(&mut policy.name, to.clone());
    if policy.former.iter().all(|(name, _)| *name != old) {
        let left = catalog.former_policies.entry((oid, old.clone())).or_default();
        policy.former.push((old, *left));
        *left += 1;
    }
    Ok(())
}

fn trigger(catalog: &mut Catalog, object: &ObjectRef, to: &Ident, origin: Origin) -> Applied {
    let (oid, from) = part(catalog, object)?;
    let Some(triggers) = triggers_mut(catalog, oid) else { return Err(comment::missing(object)) };
    if triggers.get(from).is_some_and(|trigger| trigger.inherited) {
        return Err(Misfit::refused(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot rename trigger {} on {}", from.quoted(), object.name),
        ));
    }
    // To be called what it is called is no change, for a trigger alone.
    if from == to && triggers.contains_key(from) {
        return Ok(());
    }
    let trigger = entry(triggers, object, from, to)?;
    trigger.name = to.clone();
    trigger.history.touch(origin);
    let children = catalog.tables.get(&oid).map(|table| table.children.clone()).unwrap_or_default();
    for child in children {
        rename_clone(catalog, child, from, to);
    }
    Ok(())
}

/// The clones on partitions take the new name, too.
fn rename_clone(catalog: &mut Catalog, oid: Oid, from: &Ident, to: &Ident) {
    let Some(table) = catalog.tables.get_mut(&oid) else { return };
    let Some(at) = table.triggers.get_index_of(from).filter(|at| table.triggers[*at].inherited) else {
        return;
    };
    rename_key(&mut table.triggers, at, to.clone());
    table.triggers[at].name = to.clone();
    for child in table.children.clone() {
        rename_clone(catalog, child, from, to);
    }
}

fn rule(catalog: &mut Catalog, object: &ObjectRef, to: &Ident) -> Applied {
    let (oid, from) = part(catalog, object)?;
    let rules = match catalog.tables.get_mut(&oid) {
        Some(table) => Some(&mut table.rules),
        None => catalog.views.get_mut(&oid).map(|view| &mut view.rules),
    };
    let rule = rules.and_then(|rules| rules.iter_mut().find(|rule| *rule == from));
    *rule.ok_or_else(|| comment::missing(object))? = to.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::catalog::depend::References;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn policies_follow_renames() {
        let bench = Bench::new(
            "create table t (id int primary key, owner uuid, check (id > 0));
             create table child () inherits (t);
             create policy p on t using (owner = auth.uid());
             alter table t rename column owner to user_id;
             alter table t rename to things;
             alter policy p on things rename to own;
             alter table things rename constraint t_pkey to things_pkey;
             alter table things rename constraint t_id_check to positive;
             alter schema public rename to main;",
        );
        assert_eq!(bench.catalog.gaps, []);
        let table = bench.catalog.table(&QName::new("main", "things")).unwrap();
        let policy = &table.policies["own"];
        let read = References::of_expr(&bench.catalog, policy.expressions().next().unwrap());
        let names: Vec<&str> =
            read.columns.iter().map(|(_, attnum)| table.column_at(*attnum).unwrap().name.as_str()).collect();
        assert_eq!(names, ["user_id"]);
        assert!(table.indexes.contains_key("things_pkey") && table.constraints.contains_key("things_pkey"));
        assert!(bench.catalog.relation(&QName::new("main", "t_pkey")).is_none());
        let child = bench.catalog.table(&QName::new("main", "child")).unwrap();
        assert!(child.column("user_id").is_some() && child.constraints.contains_key("positive"));
    }

    #[test]
    fn names_that_are_taken_are_refused() {
        let bench = Bench::new(
            "create table a (x int, y int);
             create table b (x int);
             alter table a rename to b;
             alter table a rename x to y;
             alter table if exists missing rename to other;
             alter index missing rename to other;",
        );
        assert_eq!(bench.reasons().len(), 3);
    }
}
