//! Partitions and inheritance: what a child takes from its parent.

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit, constraint, index, trigger};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::Origin;
use crate::catalog::table::{Constraint, ConstraintKind, Table, TableKind};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

/// Makes a table a partition, whether created so or attached: it gets the parent's checks,
/// indexes, foreign keys and row triggers. Row level security it does not get.
pub(super) fn join(catalog: &mut Catalog, parent: Oid, child: Oid, origin: Origin) {
    link(catalog, parent, child);
    let Some(table) = catalog.tables.get_mut(&child) else { return };
    table.is_partition = true;
    let parents_columns: Vec<(Ident, bool)> = columns(catalog, parent);
    for (name, not_null) in parents_columns {
        mark_inherited(catalog, child, &name);
        if not_null {
            constraint::set_not_null(catalog, child, &name, origin);
        }
    }
    inherit_checks(catalog, parent, child);
    // What a partition shares with the whole is the whole's.
    if let Some(table) = catalog.tables.get_mut(&child) {
        table.columns.iter_mut().for_each(|column| column.local &= !column.inherited);
        table.constraints.values_mut().for_each(|constraint| constraint.local &= !constraint.inherited);
    }
    let Some(from) = catalog.tables.get(&parent) else { return };
    let indexes = in_order_of_constraints(from);
    let keys: Vec<Constraint> = from.foreign_keys().map(|(constraint, _)| constraint.clone()).collect();
    for name in indexes {
        index::adopt(catalog, parent, &name, child, origin);
    }
    for key in keys {
        if !is_for_partition(catalog, &key) {
            constraint::inherit_foreign_key(catalog, parent, child, &key);
        }
    }
    let referring: Vec<(Oid, Constraint)> = catalog
        .tables
        .values()
        .flat_map(|table| table.foreign_keys().map(move |(constraint, key)| (table, constraint, key)))
        .filter(|(table, constraint, key)| {
            key.references == parent && !(table.is_partition && constraint.inherited)
        })
        .map(|(table, constraint, _)| (table.oid, constraint.clone()))
        .collect();
    for (table, key) in referring {
        constraint::refer_to_partition(catalog, table, &key, parent, child);
    }
    trigger::clone_to_partition(catalog, parent, child, origin);
}

/// ATTACH PARTITION.
pub(super) fn may_join(catalog: &Catalog, parent: Oid, child: Oid) -> Applied {
    let (Some(above), Some(below)) = (catalog.tables.get(&parent), catalog.tables.get(&child)) else {
        return Ok(());
    };
    if above.kind != TableKind::Partitioned {
        return Err(Misfit::refused(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("table {} is not partitioned", above.name.quoted()),
        ));
    }
    if !below.parents.is_empty() {
        return Err(Misfit::refused(
            SqlState::WRONG_OBJECT_TYPE,
            format!("table {} is a child already", below.name.quoted()),
        ));
    }
    no_circle(catalog, parent, child)
}

/// ALTER TABLE … INHERIT.
pub(super) fn may_inherit(catalog: &Catalog, parent: Oid, child: Oid) -> Applied {
    let (Some(above), Some(below)) = (catalog.tables.get(&parent), catalog.tables.get(&child)) else {
        return Ok(());
    };
    let is_of_partitions = |table: &Table| table.is_partition || table.kind == TableKind::Partitioned;
    if let Some(table) = [above, below].into_iter().find(|table| is_of_partitions(table)) {
        let name = table.name.quoted();
        return Err(Misfit::refused(
            SqlState::WRONG_OBJECT_TYPE,
            format!("table {name} is partitioned or a partition, and cannot inherit"),
        ));
    }
    if below.parents.contains(&parent) {
        let (above, below) = (above.name.quoted(), below.name.quoted());
        return Err(Misfit::refused(
            SqlState::DUPLICATE_TABLE,
            format!("table {below} inherits from {above} already"),
        ));
    }
    no_circle(catalog, parent, child)
}

/// A table that inherited from itself would be walked for ever.
fn no_circle(catalog: &Catalog, parent: Oid, child: Oid) -> Applied {
    let mut pending = vec![parent];
    let mut seen = Vec::new();
    while let Some(oid) = pending.pop() {
        let Some(table) = catalog.tables.get(&oid) else { continue };
        if oid == child {
            return Err(Misfit::refused(
                SqlState::DUPLICATE_TABLE,
                format!("table {} would inherit from itself", table.name.quoted()),
            ));
        }
        if !seen.contains(&oid) {
            seen.push(oid);
            pending.extend(&table.parents);
        }
    }
    Ok(())
}

/// Whether a foreign key only repeats another for a partition of the table that it refers to.
fn is_for_partition(catalog: &Catalog, constraint: &Constraint) -> bool {
    let ConstraintKind::ForeignKey(key) = &constraint.kind else { return false };
    constraint.inherited && catalog.tables.get(&key.references).is_some_and(|table| table.is_partition)
}

/// Primary keys come first, which decides made-up names.
pub(super) fn in_order_of_constraints(table: &crate::catalog::table::Table) -> Vec<Ident> {
    let mut names: Vec<(bool, u32, Ident)> =
        table.indexes.values().map(|index| (!index.primary, index.oid.0, index.name.clone())).collect();
    names.sort();
    names.into_iter().map(|(_, _, name)| name).collect()
}

/// Makes a table inherit from another: columns are there already.
pub(super) fn inherit(catalog: &mut Catalog, parent: Oid, child: Oid) {
    link(catalog, parent, child);
    for (name, _) in columns(catalog, parent) {
        mark_inherited(catalog, child, &name);
    }
    inherit_checks(catalog, parent, child);
}

/// DETACH PARTITION and NO INHERIT: what was inherited stays, as the child's own unless another
/// parent has it.
pub(super) fn leave(catalog: &mut Catalog, parent: Oid, child: Oid) {
    if let Some(parent) = catalog.tables.get_mut(&parent) {
        parent.children.retain(|oid| *oid != child);
    }
    let Some(table) = catalog.tables.get_mut(&child) else { return };
    table.parents.retain(|oid| *oid != parent);
    let was_partition = std::mem::replace(&mut table.is_partition, false);
    let names: Vec<Ident> = table.columns.iter().map(|column| column.name.clone()).collect();
    let checks: Vec<Ident> = table.constraints.keys().cloned().collect();
    for name in names {
        disinherit_column(catalog, child, &name);
    }
    for name in checks {
        disinherit_constraint(catalog, child, &name);
    }
    let Some(table) = catalog.tables.get_mut(&child) else { return };
    if was_partition {
        table.indexes.values_mut().for_each(|index| index.parent = None);
        table.triggers.retain(|_, trigger| !trigger.inherited);
        forget_partition(catalog, child);
    }
}

/// Makes a column the child's own, unless a parent still has it.
pub(super) fn disinherit_column(catalog: &mut Catalog, child: Oid, name: &Ident) {
    let Some(table) = catalog.tables.get(&child) else { return };
    let mut parents = table.parents.iter().filter_map(|parent| catalog.tables.get(parent));
    if parents.any(|parent| parent.column(name).is_some()) {
        return;
    }
    let column = catalog.tables.get_mut(&child).and_then(|table| table.column_mut(name));
    if let Some(column) = column.filter(|column| column.inherited) {
        (column.inherited, column.local) = (false, true);
    }
}

/// Makes a constraint the child's own, unless a parent still has a check of the name.
pub(super) fn disinherit_constraint(catalog: &mut Catalog, child: Oid, name: &Ident) {
    let Some(table) = catalog.tables.get(&child) else { return };
    let is_check = |constraint: &Constraint| {
        matches!(constraint.kind, ConstraintKind::Check { .. }) && !constraint.no_inherit
    };
    let mut parents = table.parents.iter().filter_map(|parent| catalog.tables.get(parent));
    if parents.any(|parent| parent.constraints.get(name).is_some_and(is_check)) {
        return;
    }
    let constraint = catalog.tables.get_mut(&child).and_then(|table| table.constraints.get_mut(name));
    if let Some(constraint) = constraint.filter(|constraint| constraint.inherited) {
        (constraint.inherited, constraint.local) = (false, true);
    }
}

/// Foreign keys to the whole refer to a partition that leaves it no more.
fn forget_partition(catalog: &mut Catalog, child: Oid) {
    let referring: Vec<(Oid, Ident)> = catalog
        .tables
        .values()
        .flat_map(|table| table.foreign_keys().map(move |(constraint, key)| (table.oid, constraint, key)))
        .filter(|(_, constraint, key)| key.references == child && constraint.inherited)
        .map(|(table, constraint, _)| (table, constraint.name.clone()))
        .collect();
    for (table, name) in referring {
        catalog.remove_constraint(table, &name);
    }
}

fn link(catalog: &mut Catalog, parent: Oid, child: Oid) {
    if let Some(table) = catalog.tables.get_mut(&parent)
        && !table.children.contains(&child)
    {
        table.children.push(child);
    }
    if let Some(table) = catalog.tables.get_mut(&child)
        && !table.parents.contains(&parent)
    {
        table.parents.push(parent);
    }
}

fn columns(catalog: &Catalog, oid: Oid) -> Vec<(Ident, bool)> {
    let table = catalog.tables.get(&oid);
    let columns = table.map(|table| table.columns.as_slice()).unwrap_or_default();
    columns.iter().map(|column| (column.name.clone(), column.not_null.value)).collect()
}

fn mark_inherited(catalog: &mut Catalog, child: Oid, name: &Ident) {
    if let Some(column) = catalog.tables.get_mut(&child).and_then(|table| table.column_mut(name)) {
        column.inherited = true;
    }
}

/// Gives a child its parent's checks. A child that is there already has them; to a new one they are valid.
fn inherit_checks(catalog: &mut Catalog, parent: Oid, child: Oid) {
    let Some(from) = catalog.tables.get(&parent) else { return };
    let checks: Vec<Constraint> = from
        .constraints
        .values()
        .filter(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check { .. }) && !constraint.no_inherit
        })
        .cloned()
        .collect();
    for mut check in checks {
        check.validated.value = true;
        constraint::inherit_check(catalog, parent, child, &check);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check_refused, check_shapes};

    const PARENT: &str = "create table p (id int not null, day date, primary key (id, day),
        constraint positive check (id > 0)) partition by range (day);
        create index p_day on p (day); alter table p enable row level security;";

    #[test]
    fn a_partition_takes_all_but_row_level_security() {
        check_shapes(&[
            (
                &format!(
                    "{PARENT} create table c partition of p for values from ('2024-01-01') to ('2025-01-01');"
                ),
                "c",
                &[
                    "1 id integer not null inherited",
                    "2 day date not null inherited",
                    "positive check (id) inherited",
                    "c_pkey primary key (id, day) inherited",
                    "index c_day_idx btree (day) attached",
                ],
            ),
            (
                &format!(
                    "{PARENT} create table c (day date not null, id int not null,
                       constraint positive check (id > 0), primary key (id, day));
                     create index mine on c (day);
                     alter table p attach partition c for values from ('2024-01-01') to ('2025-01-01');"
                ),
                "c",
                &[
                    "1 day date not null inherited",
                    "2 id integer not null inherited",
                    "positive check (id) inherited",
                    "c_pkey primary key (id, day) inherited",
                    "index mine btree (day) attached",
                ],
            ),
        ]);
    }

    #[test]
    fn what_was_inherited_stays_after_a_detach() {
        check_shapes(&[(
            &format!(
                "{PARENT} create table c partition of p for values from ('2024-01-01') to ('2025-01-01');
                 alter table p detach partition c;"
            ),
            "c",
            &[
                "1 id integer not null",
                "2 day date not null",
                "positive check (id)",
                "c_pkey primary key (id, day)",
                "index c_day_idx btree (day)",
            ],
        )]);
    }

    #[test]
    fn what_the_parent_gets_later_reaches_its_partitions() {
        check_shapes(&[(
            &format!(
                "{PARENT} create table c partition of p for values from ('2024-01-01') to ('2025-01-01');
                 alter table p add column note text; create index on p (note);"
            ),
            "c",
            &[
                "1 id integer not null inherited",
                "2 day date not null inherited",
                "3 note text inherited",
                "positive check (id) inherited",
                "c_pkey primary key (id, day) inherited",
                "index c_day_idx btree (day) attached",
                "index c_note_idx btree (note) attached",
            ],
        )]);
    }

    #[test]
    fn nothing_inherits_from_itself() {
        check_refused(
            "create table a (x int); create table b () inherits (a); create table c () inherits (b);
             create table p (x int) partition by list (x); create table q partition of p default partition by list (x);",
            &[
                ("alter table a inherit a;", "table public.a would inherit from itself"),
                ("alter table a inherit c;", "table public.a would inherit from itself"),
                ("alter table b inherit a;", "table public.b inherits from public.a already"),
                ("alter table a inherit p;", "table public.p is partitioned or a partition, and cannot inherit"),
                ("alter table a attach partition c default;", "table public.a is not partitioned"),
                ("alter table p attach partition q default;", "table public.q is a child already"),
                ("alter table q attach partition p default;", "table public.p would inherit from itself"),
            ],
        );
        for itself in [
            "create table d (x int check (x > 0)) inherits (d);",
            "create table d partition of d default;",
            "create table d (x int, like d including all);",
        ] {
            let reasons = Bench::new(itself).reasons();
            assert_eq!(reasons[0], "table public.d is not made by any statement before this one", "{itself}");
        }
    }
}
