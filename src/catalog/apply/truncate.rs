//! TRUNCATE.

use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::{Catalog, Relation};
use crate::sql::name::ObjectName;
use crate::sql::statement::ObjectKind;

/// PostgreSQL refuses it while tables that keep their rows refer to those that lose them.
pub(super) fn apply(catalog: &Catalog, tables: &[ObjectName], cascade: bool) -> Applied {
    let mut emptied = Vec::new();
    for name in tables {
        match catalog.resolve_relation(name) {
            Some((_, Relation::Table(oid))) => emptied.push(oid),
            Some(_) => {}
            None => return Err(Misfit::missing(ObjectKind::Table, name)),
        }
    }
    if cascade {
        return Ok(());
    }
    let kept = catalog.tables.values().filter(|table| !emptied.contains(&table.oid));
    let mut keys = kept.flat_map(|table| table.foreign_keys().map(move |(own, key)| (table, own, key)));
    let refers = keys.find(|(_, own, key)| {
        emptied.contains(&key.references) && !catalog.is_by_failing(own.history.created)
    });
    let Some((table, own, key)) = refers else { return Ok(()) };
    let Some(name) = catalog.tables.get(&key.references).map(|table| &table.name) else { return Ok(()) };
    let why =
        format!("cannot truncate {name} because constraint {} on {} refers to it", own.name, table.name);
    Err(Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, why)
        .about(name)
        .beside(own.history.created.span())
        .helped_by("name both tables, or say CASCADE, which empties the other one, too"))
}
