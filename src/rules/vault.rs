//! Supabase's vault, which keeps secrets and shows them decrypted in a view that requests cannot read.

use rustc_hash::FxHashSet;

use crate::access::Lineage;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::table::Column;
use crate::catalog::view::View;
use crate::source::Span;
use crate::sql::expr::{Expr, Literal, Oid, Query, RelationRef};

/// The view that shows what the vault keeps.
pub(super) const VAULT: &str = "vault.decrypted_secrets";

/// The same in the catalog, with its column for what is secret.
pub(super) fn secret(catalog: &Catalog) -> Option<(Oid, &Column)> {
    let vault = catalog.view(&QName::new("vault", "decrypted_secrets"))?;
    Some((vault.oid, vault.column("decrypted_secret")?))
}

/// Whether a query reads the vault for more than the address of something.
pub(super) fn asks_for_secrets(query: &Query) -> bool {
    if !query.own_relations().into_iter().any(is_vault) {
        return false;
    }
    let mut names = Vec::new();
    query.walk(&mut |part| {
        if let Expr::Literal(Literal::String(text)) = part {
            names.push(text.to_lowercase());
        }
    });
    let is_address = |name: &String| ["url", "uri", "host", "ref"].iter().any(|end| name.ends_with(end));
    names.is_empty() || !names.iter().all(is_address)
}

fn is_vault(relation: &RelationRef) -> bool {
    relation.name.name == "decrypted_secrets"
        && relation.name.schema.as_ref().is_some_and(|schema| *schema == "vault")
}

/// Where a view, or one behind it, reads the vault's secrets that it shows with the rights of an owner.
pub(super) fn shown_by(catalog: &Catalog, lineage: &mut Lineage<'_>, view: &View) -> Option<Span> {
    let (vault, secret) = secret(catalog)?;
    if !lineage.shows(view, vault, secret.attnum) {
        return None;
    }
    let (mut place, mut seen) = (None, FxHashSet::from_iter([view.oid]));
    let mut pending: Vec<&Query> = view.query.iter().collect();
    while let Some(query) = pending.pop() {
        query.walk_queries(&mut |query| {
            let vault = query.own_relations().into_iter().find(|relation| is_vault(relation));
            place = place.or(vault.filter(|_| asks_for_secrets(query)).map(|vault| vault.name.span));
        });
        query.walk_relations(&mut |relation| {
            let inner =
                relation.target.filter(|oid| seen.insert(*oid)).and_then(|oid| catalog.views.get(&oid));
            pending.extend(inner.and_then(|view| view.query.as_ref()));
        });
    }
    place
}
