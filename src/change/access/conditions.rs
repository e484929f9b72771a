//! The conditions on the rows of a relation, before and after.

use crate::access::Deciding;
use crate::catalog::name::QName;
use crate::catalog::{Catalog, Relation};
use crate::change::Renamed;
use crate::change::access::Side;
use crate::predicate::{Comparison, Condition};
use crate::sql::expr::{Expr, Oid, Target, walk_queries};
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

/// The conditions of a cell, before and after.
pub(super) struct Conditions<'a> {
    pub(super) before: Side<'a>,
    pub(super) after: Side<'a>,
    pub(super) renamed: &'a Renamed,
    pub(super) deciding: [Option<Deciding>; 2],
}

impl<'a> Conditions<'a> {
    pub(super) fn of(
        sides: [(Side<'a>, &QName); 2],
        role: &str,
        command: PolicyCommand,
        renamed: &'a Renamed,
    ) -> Self {
        let deciding = sides.map(|(side, name)| {
            let (Relation::Table(oid) | Relation::View(oid)) = side.catalog.relation(name)? else {
                return None;
            };
            let role = side.catalog.api_roles().find(|one| one.name == *role)?;
            side.rights.deciding(oid, role, command)
        });
        let [(before, was), (after, is)] = sides;
        // Conditions on the rows of other relations say nothing of each other.
        let mut shown_before = shown(before.catalog, was);
        shown_before.iter_mut().for_each(|name| *name = renamed.relation(std::mem::take(name)));
        shown_before.sort_unstable();
        let deciding = if shown_before == shown(after.catalog, is) { deciding } else { [None, None] };
        Self { before, after, renamed, deciding }
    }

    /// Whether what is asked of the rows differs in what is so by itself.
    pub(super) fn differ_plainly(&self) -> bool {
        match &self.deciding {
            [Some(was), Some(is)] => is.rows.differs_plainly(&was.rows),
            _ => true,
        }
    }

    /// How the rows of the one stand to those of the other, if what they name is the same in both
    /// catalogs.
    pub(super) fn compared(&self, part: fn(&Deciding) -> Option<&Condition>) -> Comparison {
        let [Some(was), Some(is)] = self.deciding.each_ref().map(|one| one.as_ref().and_then(part)) else {
            return Comparison::Unknown;
        };
        let mut agree = true;
        for expr in was.expressions().chain(is.expressions()) {
            each_named(expr, &mut |oid, attnum| {
                let mut was = named(self.before.catalog, oid, attnum);
                // Of what is named without a column, the expression may say another name.
                if let Some((of, Some(column))) = was {
                    let (of, column) = self.renamed.column((of, column));
                    was = Some((of, Some(column)));
                }
                agree &= was.is_some() && was == named(self.after.catalog, oid, attnum);
            });
        }
        if agree { is.compared_with(was) } else { Comparison::Unknown }
    }
}

/// The relations whose rows a view shows, each as often as it does; none of a table.
fn shown(catalog: &Catalog, name: &QName) -> Vec<QName> {
    let mut relations = Vec::new();
    if let Some(query) = catalog.view(name).and_then(|view| view.query.as_ref()) {
        query.walk_relations(&mut |relation| {
            let written =
                || QName::new(relation.name.schema.clone().unwrap_or_default(), relation.name.name.clone());
            let known = relation.target.and_then(|oid| catalog.relation_name(oid));
            relations.push(known.map_or_else(written, |(name, schema)| QName::new(schema, name)));
        });
    }
    relations.sort_unstable();
    relations
}

/// Visits the objects that an expression names, and their columns.
fn each_named(expr: &Expr, visit: &mut dyn FnMut(Oid, Option<i16>)) {
    expr.walk(&mut |part| match part {
        Expr::Column(column) => match column.target {
            Target::Column { relation, attnum, .. } | Target::Result { of: relation, attnum, .. } => {
                visit(relation, Some(attnum));
            }
            Target::Row { relation, .. } => visit(relation, None),
            Target::Derived { .. } | Target::Variable | Target::Unknown => {}
        },
        Expr::Call(call) => call.target.into_iter().for_each(|oid| visit(oid, None)),
        _ => {}
    });
    walk_queries(expr, &mut |query| {
        query.walk_relations(&mut |relation| relation.target.into_iter().for_each(|oid| visit(oid, None)));
    });
}

/// What an object, or a column of it, is called.
fn named(catalog: &Catalog, oid: Oid, attnum: Option<i16>) -> Option<(QName, Option<Ident>)> {
    let table =
        catalog.tables.get(&oid).map(|table| (&table.name, attnum.and_then(|at| table.column_at(at))));
    let view = || catalog.views.get(&oid).map(|view| (&view.name, attnum.and_then(|at| view.column_at(at))));
    let function = || catalog.functions.get(&oid).map(|function| (&function.name, None));
    let (name, column) = table.or_else(view).or_else(function)?;
    Some((name.clone(), column.map(|column| column.name.clone())))
}
