//! Triggers and rewrite rules.

use crate::map::IndexMap;

use crate::catalog::apply::constraint::rebind;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::bind::{Binder, is_builtin_function};
use crate::catalog::function::Returns;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::{Table, TableKind};
use crate::catalog::trigger::Trigger;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::statement::{CreateRule, CreateTrigger, ObjectKind, TriggerEvent};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateTrigger, origin: Origin) -> Applied {
    let Some((_, Relation::Table(oid) | Relation::View(oid))) = catalog.resolve_relation(&statement.table)
    else {
        return Err(Misfit::missing(ObjectKind::Table, &statement.table));
    };
    let attnum = |name: &Ident| {
        let columns = catalog.columns_of(oid).map(|(columns, _)| columns).unwrap_or_default();
        let found = columns.iter().find(|column| column.name == *name).map(|column| column.attnum);
        found.ok_or_else(|| Misfit::missing_part(ObjectKind::Column, name, &statement.table))
    };
    let columns = statement.columns.iter().map(attnum).collect::<Result<Vec<_>, _>>()?;
    let mut when = statement.when.clone();
    let mut binder = Binder::for_trigger(catalog, oid);
    when.iter_mut().for_each(|when| binder.expr(when));
    let unfit = binder.into_unfit();
    catalog.unfit.extend(unfit);
    let misfit = statement.when.as_ref().and_then(|when| unfit_when(statement, when));
    catalog.unfit.extend(misfit.map(|misfit| misfit.about(&statement.table)));
    let is_there = catalog.resolve_functions(&statement.function).is_some()
        || is_builtin_function(statement.function.name.as_str());
    if !is_there {
        let misfit = Misfit::missing(ObjectKind::Function, &statement.function).with_suffix("()");
        catalog.unfit.push(misfit);
    }
    let function = catalog.resolve_trigger_function(&statement.function);
    if let Some(found) = function.oid.and_then(|oid| catalog.functions.get(&oid))
        && !matches!(&found.returns, Returns::Type(result) if result.is_builtin("trigger"))
        && !catalog.is_in_doubt(&found.name.name)
    {
        let why = format!("function {}() does not return trigger", found.name);
        let misfit = Misfit::refused(SqlState::INVALID_OBJECT_DEFINITION, why).about(&found.name);
        let misfit = misfit.at(statement.function.span).beside(found.history.last().span());
        catalog.unfit.push(misfit.helped_by("make it with `returns trigger`, and without arguments"));
    }
    let mut trigger = Trigger {
        name: statement.name.value.clone(),
        history: History::new(origin),
        name_span: Some(statement.name.span),
        function,
        timing: statement.timing,
        events: statement.events.clone(),
        columns,
        for_each_row: statement.for_each_row,
        when,
        args: statement.args.clone(),
        enabled: 'O',
        constraint: statement.constraint.then(|| statement.name.value.clone()),
        inherited: false,
        comment: None,
    };
    if !statement.or_replace
        && statement.for_each_row
        && let Some(partition) = partition_with_own(catalog, oid, &trigger.name)
    {
        return Err(Misfit::exists_part(ObjectKind::Trigger, &trigger.name, partition));
    }
    let Some(triggers) = triggers_mut(catalog, oid) else { return Ok(()) };
    if let Some(old) = triggers.get_mut(&trigger.name) {
        if !statement.or_replace || old.inherited {
            let name = format!("{} on {}", trigger.name.quoted(), statement.table);
            return Err(Misfit::exists(ObjectKind::Trigger, name).beside(old.history.created.span()));
        }
        trigger.history = old.history.clone();
        trigger.history.touch(origin);
        trigger.comment = old.comment.take();
    }
    triggers.insert(trigger.name.clone(), trigger.clone());
    if trigger.constraint.is_some()
        && let Some(schema) = catalog.tables.get(&oid).map(|table| table.name.schema.clone())
    {
        catalog.note_constraint_name(&schema, &trigger.name);
    }
    clone_down(catalog, oid, &trigger);
    Ok(())
}

/// A condition that asks for a row which its trigger does not have.
fn unfit_when(statement: &CreateTrigger, when: &Expr) -> Option<Misfit> {
    let mut named = None;
    let lacks = |row: &str| match row {
        "old" | "new" if !statement.for_each_row => true,
        "old" => statement.events.contains(&TriggerEvent::Insert),
        "new" => statement.events.contains(&TriggerEvent::Delete),
        _ => false,
    };
    when.walk(&mut |part| {
        if let Expr::Column(column) = part
            && let Some(row) = column.path.first().filter(|row| lacks(row))
        {
            named.get_or_insert((row.to_uppercase(), column.span));
        }
    });
    let (row, span) = named?;
    let why = match statement.for_each_row {
        true => {
            format!("the trigger {} also runs where there is no {row} row", statement.name.value.quoted())
        }
        false => format!(
            "the trigger {} runs FOR EACH STATEMENT and has no {row} row",
            statement.name.value.quoted()
        ),
    };
    Some(
        Misfit::refused(SqlState::INVALID_OBJECT_DEFINITION, why)
            .at(span)
            .helped_by("make a trigger for each of the events, FOR EACH ROW, or ask TG_OP in its function"),
    )
}

/// A partition with a trigger of this name, which a row trigger of the whole would be cloned beside.
fn partition_with_own(catalog: &Catalog, oid: Oid, name: &Ident) -> Option<QName> {
    let table = catalog.tables.get(&oid).filter(|table| table.kind == TableKind::Partitioned)?;
    table.children.iter().find_map(|child| {
        let partition = catalog.tables.get(child)?;
        match partition.triggers.contains_key(name) {
            true => Some(partition.name.clone()),
            false => partition_with_own(catalog, *child, name),
        }
    })
}

/// The triggers of a table or view.
pub(super) fn triggers_mut(catalog: &mut Catalog, oid: Oid) -> Option<&mut IndexMap<Ident, Trigger>> {
    match catalog.tables.get_mut(&oid) {
        Some(table) => Some(&mut table.triggers),
        None => catalog.views.get_mut(&oid).map(|view| &mut view.triggers),
    }
}

/// Gives a partition the row triggers of its partitioned table (PostgreSQL manual, CREATE TRIGGER,
/// notes).
pub(super) fn clone_to_partition(catalog: &mut Catalog, parent: Oid, child: Oid, origin: Origin) {
    let Some(from) = catalog.tables.get(&parent) else { return };
    let cloned: Vec<Trigger> =
        from.triggers.values().filter(|trigger| trigger.for_each_row).cloned().collect();
    for trigger in cloned {
        clone_trigger(catalog, parent, child, &trigger, Some(origin));
    }
}

fn clone_down(catalog: &mut Catalog, parent: Oid, trigger: &Trigger) {
    let Some(table) = catalog.tables.get(&parent) else { return };
    if table.kind != TableKind::Partitioned || !trigger.for_each_row {
        return;
    }
    for child in table.children.clone() {
        clone_trigger(catalog, parent, child, trigger, None);
    }
}

fn clone_trigger(catalog: &mut Catalog, parent: Oid, child: Oid, trigger: &Trigger, origin: Option<Origin>) {
    let (Some(from), Some(to)) = (catalog.tables.get(&parent), catalog.tables.get(&child)) else { return };
    let mut clone = Trigger {
        columns: trigger.columns.iter().filter_map(|attnum| same_column(from, to, *attnum)).collect(),
        inherited: true,
        comment: None,
        ..trigger.clone()
    };
    if let Some(when) = &mut clone.when {
        rebind(catalog, when, parent, child);
    }
    if let Some(origin) = origin {
        clone.history = History::new(origin);
    }
    if let Some(existing) = to.triggers.get(&trigger.name) {
        if origin.is_some() && !existing.inherited {
            return;
        }
        clone.comment = existing.comment.clone();
    }
    if let Some(table) = catalog.tables.get_mut(&child) {
        table.triggers.insert(clone.name.clone(), clone.clone());
    }
    clone_down(catalog, child, &clone);
}

fn same_column(from: &Table, to: &Table, attnum: i16) -> Option<i16> {
    to.column(&from.column_at(attnum)?.name).map(|column| column.attnum)
}

/// ALTER TABLE … ENABLE and DISABLE TRIGGER; without a name it means all of them. The clones on
/// partitions follow.
pub(super) fn set_enabled(
    catalog: &mut Catalog,
    oid: Oid,
    name: Option<&Ident>,
    enabled: char,
    origin: Origin,
) -> Applied {
    let Some(table) = catalog.tables.get_mut(&oid) else { return Ok(()) };
    if let Some(name) = name.filter(|name| !table.triggers.contains_key(*name)) {
        return Err(Misfit::missing_part(ObjectKind::Trigger, name, &table.name));
    }
    for trigger in table.triggers.values_mut().filter(|trigger| name.is_none_or(|name| trigger.name == *name))
    {
        trigger.enabled = enabled;
        trigger.history.touch(origin);
    }
    if table.kind != TableKind::Partitioned {
        return Ok(());
    }
    let cloned: Vec<Ident> = table
        .triggers
        .values()
        .filter(|trigger| trigger.for_each_row && name.is_none_or(|name| trigger.name == *name))
        .map(|trigger| trigger.name.clone())
        .collect();
    for child in table.children.clone() {
        for name in &cloned {
            let inherited = |table: &Table| table.triggers.get(name).is_some_and(|trigger| trigger.inherited);
            if catalog.tables.get(&child).is_some_and(inherited) {
                set_enabled(catalog, child, Some(name), enabled, origin)?;
            }
        }
    }
    Ok(())
}

/// CREATE RULE: only its name is kept.
pub(super) fn create_rule(catalog: &mut Catalog, statement: &CreateRule) -> Applied {
    let rules = match catalog.resolve_relation(&statement.table) {
        Some((_, Relation::Table(oid))) => catalog.tables.get_mut(&oid).map(|table| &mut table.rules),
        Some((_, Relation::View(oid))) => catalog.views.get_mut(&oid).map(|view| &mut view.rules),
        _ => None,
    };
    let Some(rules) = rules else { return Err(Misfit::missing(ObjectKind::Table, &statement.table)) };
    match rules.contains(&statement.name) {
        false => rules.push(statement.name.clone()),
        true if statement.or_replace => {}
        true => {
            let name = format!("{} on {}", statement.name.quoted(), statement.table);
            return Err(Misfit::exists(ObjectKind::Rule, name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::{Bench, check_noted};

    #[test]
    fn row_triggers_reach_partitions() {
        let bench = Bench::new(
            "create function f() returns trigger language plpgsql as 'begin return new; end';
             create table p (id int, at date) partition by range (at);
             create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01');
             create trigger t before update of at on p for each row when (new.id > 1) execute function f();
             create trigger s after insert on p for each statement execute function f();
             create table p2 (at date, id int);
             alter table p attach partition p2 for values from ('2025-01-01') to ('2026-01-01');
             alter table p disable trigger t;
             alter trigger t on p rename to u;",
        );
        assert_eq!(bench.catalog.gaps, []);
        for (name, columns) in [("p1", [2]), ("p2", [1])] {
            let table = bench.catalog.table(&QName::new("public", name)).unwrap();
            assert_eq!(table.triggers.len(), 1, "{name}");
            let trigger = &table.triggers["u"];
            assert!(trigger.inherited && trigger.enabled == 'D' && trigger.function.oid.is_some());
            assert_eq!(trigger.columns, columns);
        }
    }

    #[test]
    fn dropping_a_trigger_drops_its_clones() {
        let bench = Bench::new(
            "create function f() returns trigger language plpgsql as 'begin return new; end';
             create table p (at date) partition by range (at);
             create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01');
             create trigger t before insert on p for each row execute function f();
             drop trigger t on p1;
             drop trigger t on p;",
        );
        assert_eq!(bench.reasons().len(), 1);
        assert!(bench.catalog.table(&QName::new("public", "p1")).unwrap().triggers.is_empty());
    }

    #[test]
    fn a_trigger_calls_a_function_that_returns_trigger() {
        check_noted(
            "create function f() returns int language sql as 'select 1';
             create function g() returns trigger language plpgsql as 'begin return new; end';
             create table t (a int); create view v as select a from t;",
            &[
                (
                    "create trigger x before insert on t for each row execute function f();",
                    Some("function public.f() does not return trigger"),
                ),
                ("create trigger x before insert on t for each row execute function g();", None),
                (
                    "create policy p on v using (true);",
                    Some("public.v is a view, and CREATE POLICY does not work on it"),
                ),
            ],
        );
    }
}
