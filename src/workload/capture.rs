//! Names in sub-selects of policies that mean something else than they seem to: PostgreSQL looks in the
//! innermost FROM first.

use crate::catalog::Catalog;
use crate::catalog::table::Table;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, FromItem, Oid, Query, QueryBody, Target, walk_queries};
use crate::sql::name::Ident;

/// A column of the inner relation where one of the policy's table seems to be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub span: Span,
    /// The relation in the sub-select's FROM, and the column of it that the name means.
    pub relation: Oid,
    pub column: Ident,
    /// Whether the sub-select gives its relation another name, by which the policy's own row can be told apart.
    pub has_alias: bool,
    pub kind: CaptureKind,
    /// Whether it cannot be what was meant: of a comparison with another column, that a foreign key says so.
    pub certain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureKind {
    /// It is compared with itself.
    Itself,
    /// It is compared with another column of the same row.
    Other(Ident),
    /// A function of Storage takes it for the name of a file.
    File,
}

/// The captures in a policy's expression.
pub fn captures(catalog: &Catalog, table: &Table, expr: &Expr) -> Vec<Capture> {
    let mut found = Vec::new();
    walk_queries(expr, &mut |query| {
        let reads_row = query_reads(query, table.oid);
        for expr in query.own_expressions() {
            let is_storage = table.name.schema == "storage" && table.name.name == "objects";
            within(expr, &mut |part| {
                found.extend(compared(catalog, table, query, part, reads_row));
                if is_storage {
                    found.extend(file_of_another(table, part));
                }
            });
        }
    });
    found
}

/// Visits an expression without its sub-selects.
fn within<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Expr)) {
    visit(expr);
    expr.each_child(&mut |child| within(child, visit));
}

/// Whether a query asks for a column of the policy's own row.
fn query_reads(query: &Query, table: Oid) -> bool {
    let mut reads = false;
    query.walk(&mut |part| {
        if let Expr::Column(column) = part {
            reads |= match column.target {
                Target::Column { relation, depth, .. } | Target::Row { relation, depth } => {
                    relation == table && depth > 0
                }
                _ => false,
            };
        }
    });
    reads
}

fn compared(
    catalog: &Catalog,
    table: &Table,
    query: &Query,
    part: &Expr,
    reads_row: bool,
) -> Option<Capture> {
    let Expr::Op { op, left: Some(left), right } = part else { return None };
    let (left, right) = (own_column(left)?, own_column(right)?);
    if op != "=" || left.1 != right.1 || !is_same_item(query, left.0, right.0, left.1) {
        return None;
    }
    let ((left, relation, one), (right, _, other)) = (left, right);
    let name = |attnum: i16| {
        let (columns, _) = catalog.columns_of(relation)?;
        columns.iter().find(|column| column.attnum == attnum).map(|column| column.name.clone())
    };
    let bare = |column: &ColumnRef| column.path.len() == 1;
    let capture = |column: &ColumnRef, attnum, kind, certain| {
        let has_alias = has_alias(query, relation);
        Some(Capture { span: column.span, relation, column: name(attnum)?, has_alias, kind, certain })
    };
    if one == other {
        let at = if bare(left) && !bare(right) { left } else { right };
        return capture(at, one, CaptureKind::Itself, true);
    }
    // `m.project_id = id`, where the table of the policy has an `id`, and nothing else asks for its row.
    for (captured, own, with, others) in [(right, other, left, one), (left, one, right, other)] {
        let seems_outer = bare(captured) && table.column(name(own)?.as_str()).is_some();
        let refers = catalog.tables.get(&relation).is_some_and(|inner| {
            inner.foreign_keys().any(|(_, key)| key.columns == [others] && key.references == table.oid)
        });
        if seems_outer && !reads_row && relation != table.oid && (refers || !bare(with)) {
            return capture(captured, own, CaptureKind::Other(name(others)?), refers);
        }
    }
    None
}

/// A column of a relation in the query's own FROM.
fn own_column(expr: &Expr) -> Option<(&ColumnRef, Oid, i16)> {
    let Expr::Column(column) = expr.uncast() else { return None };
    match column.target {
        Target::Column { relation, attnum, depth: 0 } => Some((column, relation, attnum)),
        _ => None,
    }
}

/// Whether two columns of a relation are of the same row: it stands once in FROM, or both name the same alias.
fn is_same_item(query: &Query, one: &ColumnRef, other: &ColumnRef, relation: Oid) -> bool {
    let QueryBody::Select(select) = &query.body else { return false };
    let mut times = 0;
    for item in &select.from {
        item.walk_relations(&mut |named| times += usize::from(named.target == Some(relation)));
    }
    let qualifier = |column: &ColumnRef| column.path.iter().rev().nth(1).cloned();
    times == 1 || qualifier(one).is_some() && qualifier(one) == qualifier(other)
}

fn has_alias(query: &Query, relation: Oid) -> bool {
    let QueryBody::Select(select) = &query.body else { return false };
    let mut pending: Vec<&FromItem> = select.from.iter().collect();
    while let Some(item) = pending.pop() {
        match item {
            FromItem::Relation { relation: named, alias } if named.target == Some(relation) => {
                return alias.is_some();
            }
            FromItem::Join { left, right, .. } => pending.extend([left.as_ref(), right.as_ref()]),
            _ => {}
        }
    }
    false
}

/// `storage.foldername(name)` in a sub-select from a relation that has a `name` of its own.
fn file_of_another(table: &Table, part: &Expr) -> Option<Capture> {
    let Expr::Call(call) = part else { return None };
    let of_storage = call.name.schema.as_ref().is_some_and(|schema| *schema == "storage");
    let [only] = call.args.as_slice() else { return None };
    let (column, relation, _) = own_column(only).filter(|_| of_storage)?;
    let seems_outer = relation != table.oid && column.path.len() == 1 && column.path[0] == "name";
    seems_outer.then(|| Capture {
        span: column.span,
        relation,
        column: "name".into(),
        has_alias: false,
        kind: CaptureKind::File,
        certain: true,
    })
}
