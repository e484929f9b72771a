//! Rows that the model reads: the buckets of Storage.

use crate::catalog::Catalog;
use crate::catalog::apply::Applied;
use crate::catalog::gap::Aspect;
use crate::catalog::interpret::{Value, constant, is_table};
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::role::Bucket;
use crate::source::Span;
use crate::sql::expr::{Expr, Literal, QueryBody};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ChangeKind, DataChange};

pub(in crate::catalog) fn change(catalog: &mut Catalog, change: &DataChange, span: Span) -> Applied {
    if change.kind == ChangeKind::Delete {
        expect_no_stored(catalog, &change.table.name)?;
    }
    if is_table(catalog, &change.table.name, "storage", "buckets") {
        match change.kind {
            ChangeKind::Insert => return insert_buckets(catalog, change, span),
            ChangeKind::Update => update_buckets(catalog, change, span),
            ChangeKind::Delete => delete_buckets(catalog, change, span),
            ChangeKind::Merge => unknown(catalog, span),
        }
    }
    Ok(())
}

/// Triggers of Storage refuse a DELETE that does not come from its API, even of no rows (Supabase's
/// storage-api, function `storage.protect_delete`).
fn expect_no_stored(catalog: &Catalog, table: &ObjectName) -> Applied {
    let found = catalog.resolve_relation(table).and_then(|(name, _)| catalog.table(&name));
    let Some(found) = found.filter(|_| !catalog.session.may_delete_stored) else { return Ok(()) };
    let guards = ["protect_objects_delete", "protect_buckets_delete"];
    let is_guarded = guards
        .iter()
        .any(|guard| found.triggers.get(*guard).is_some_and(|trigger| matches!(trigger.enabled, 'O' | 'A')));
    if !is_guarded || found.history.created != Origin::Platform {
        return Ok(());
    }
    let why = format!("Supabase's storage takes DELETE on {} from its API only", found.name);
    Err(Misfit::refused(SqlState::INSUFFICIENT_PRIVILEGE, why)
        .at(table.span)
        .about(&found.name)
        .helped_by("delete it in the dashboard or through the Storage API, and leave the statement out"))
}

fn unknown(catalog: &mut Catalog, span: Span) {
    let reason = "rows of storage.buckets change in a way that cannot be followed";
    catalog.record_unknown(span, reason, Aspect::Existence, Some(QName::new("storage", "buckets")));
}

fn insert_buckets(catalog: &mut Catalog, change: &DataChange, span: Span) -> Applied {
    let (rows, is_certain) = match change.source.as_ref().map(|source| &source.body) {
        Some(QueryBody::Values(rows)) => (rows.clone(), true),
        Some(QueryBody::Select(select)) if select.from.is_empty() => {
            (vec![select.targets.iter().map(|target| target.expr.clone()).collect()], select.filter.is_none())
        }
        _ => {
            unknown(catalog, span);
            return Ok(());
        }
    };
    let all: Vec<Ident> =
        ["id", "name", "owner", "created_at", "updated_at", "public"].map(Ident::from).into();
    let columns = if change.columns.is_empty() { &all } else { &change.columns };
    for row in rows {
        let mut field = |name: &str| {
            let at = columns.iter().position(|column| *column == *name)?;
            row.get(at).map(|expr| constant(catalog, expr))
        };
        let (id, name, public) = (field("id"), field("name"), field("public"));
        let Some(Value::Text(id)) = id.or_else(|| name.clone()) else {
            unknown(catalog, span);
            return Ok(());
        };
        let id = String::from(id);
        let name = if let Some(Value::Text(name)) = name { name.into() } else { id.clone() };
        let public = is_true(public.as_ref());
        let updated = match change.assignments.iter().find(|(column, _)| *column == "public") {
            Some((_, Expr::Column(column)))
                if column.path.first().is_some_and(|name| *name == "excluded") =>
            {
                Some(public)
            }
            Some((_, expr)) if catalog.buckets.contains_key(&id) => match constant(catalog, expr) {
                Value::Unknown => {
                    unknown(catalog, span);
                    return Ok(());
                }
                value => Some(is_true(Some(&value))),
            },
            _ => None,
        };
        if let Some(bucket) = catalog.buckets.get_mut(&id) {
            if bucket.migrated && is_certain && !change.on_conflict {
                let why = format!("the bucket {id} exists already");
                let misfit = Misfit::refused(SqlState::UNIQUE_VIOLATION, why).at(change.table.name.span);
                return Err(misfit
                    .about(QName::new("storage", "buckets"))
                    .beside(bucket.origin.span())
                    .helped_by("write ON CONFLICT (id) DO NOTHING, or leave it out"));
            }
            bucket.migrated = true;
        }
        match catalog.buckets.get_mut(&id) {
            Some(bucket) if change.on_conflict => {
                if let Some(public) = updated {
                    bucket.public = public;
                    bucket.origin = Origin::Statement(span);
                }
            }
            Some(_) => {}
            None => {
                let origin = Origin::Statement(span);
                catalog.buckets.insert(id.clone(), Bucket { id, name, public, origin, migrated: true });
            }
        }
    }
    Ok(())
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::Text(text)) => matches!(text.as_str(), "t" | "true" | "1" | "yes" | "on"),
        _ => false,
    }
}

fn update_buckets(catalog: &mut Catalog, change: &DataChange, span: Span) {
    let Some((_, public)) = change.assignments.iter().find(|(column, _)| *column == "public") else { return };
    let public = match constant(catalog, public) {
        Value::Unknown => return unknown(catalog, span),
        value => is_true(Some(&value)),
    };
    let Some(ids) = wanted(change.filter.as_ref()) else { return unknown(catalog, span) };
    for bucket in catalog.buckets.values_mut() {
        if ids.as_ref().is_none_or(|ids| ids.contains(&bucket.id)) {
            bucket.public = public;
            bucket.origin = Origin::Statement(span);
        }
    }
}

fn delete_buckets(catalog: &mut Catalog, change: &DataChange, span: Span) {
    let Some(ids) = wanted(change.filter.as_ref()) else { return unknown(catalog, span) };
    catalog.buckets.retain(|id, _| ids.as_ref().is_some_and(|ids| !ids.contains(id)));
}

/// The ids that a WHERE selects: `Some(None)` for all, `None` when it cannot be told.
fn wanted(filter: Option<&Expr>) -> Option<Option<Vec<String>>> {
    let is_id = |expr: &Expr| matches!(expr.uncast(), Expr::Column(column) if column.path.last().is_some_and(|name| *name == "id" || *name == "name"));
    let text = |expr: &Expr| match expr.uncast() {
        Expr::Literal(Literal::String(text)) => Some(text.clone()),
        _ => None,
    };
    match filter {
        None => Some(None),
        Some(Expr::Op { op, left: Some(left), right }) if op == "=" && is_id(left) => {
            Some(Some(vec![text(right)?]))
        }
        Some(Expr::In { expr, list, negated: false }) if is_id(expr) => {
            list.iter().map(text).collect::<Option<Vec<_>>>().map(Some)
        }
        Some(_) => None,
    }
}
