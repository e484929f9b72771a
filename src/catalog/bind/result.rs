//! The columns of a result, and what PostgreSQL calls them.

use crate::catalog::bind::Binder;
use crate::catalog::bind::scope::Item;
use crate::catalog::types::DataType;
use crate::sql::expr::{ColumnRef, Expr, Literal, QueryBody, ResultColumn, SublinkKind, Target};
use crate::sql::name::Ident;

/// A column of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    pub name: Ident,
    /// Where it can be told.
    pub data_type: Option<DataType>,
}

/// The columns of a result; `None` where a `*` over something unknown hides some.
pub type Output = Option<Vec<OutputColumn>>;

impl<'c> Binder<'c> {
    pub(super) fn output(&self, targets: &[ResultColumn]) -> Output {
        let mut columns = Vec::new();
        for target in targets {
            match &target.expr {
                Expr::Column(column) if column.star => columns.extend(self.star(column)?),
                Expr::Field { expr, field: None, subscripts, .. } if subscripts.is_empty() => {
                    columns.extend(self.columns_of_row(expr)?);
                }
                expr => columns.push(OutputColumn {
                    name: target.alias.clone().unwrap_or_else(|| column_name(expr)),
                    data_type: match expr {
                        // In a result, what has no type is text.
                        Expr::Literal(Literal::Null) => Some(DataType::builtin("text")),
                        _ => self.data_type(expr),
                    },
                }),
            }
        }
        Some(columns)
    }

    pub(super) fn star(&self, column: &ColumnRef) -> Output {
        let frame = self.frames.last()?;
        let items: Vec<&Item> = match column.path.as_slice() {
            [] => return frame.star.clone(),
            [schema, name] => frame.items.iter().filter(|item| item.is_called(Some(schema), name)).collect(),
            [name] => frame.items.iter().filter(|item| item.is_called(None, name)).collect(),
            _ => return None,
        };
        let mut output = Vec::new();
        for item in items {
            output.extend(item.source.output()?);
        }
        Some(output)
    }

    /// The columns of a value that is a row.
    pub(super) fn columns_of_row(&self, expr: &Expr) -> Output {
        if let Expr::Column(ColumnRef { target: Target::Row { relation, .. }, .. }) = expr {
            return self.relation_source(*relation, &[], false).output();
        }
        let row = self.data_type(expr).filter(|data_type| !data_type.array)?;
        self.relation_source(self.row_of(&row)?, &[], true).output()
    }
}

/// The name that PostgreSQL gives to a result column without an alias (`FigureColname`).
pub fn column_name(expr: &Expr) -> Ident {
    figure_name(expr).unwrap_or("?column?".into())
}

pub(super) fn figure_name(expr: &Expr) -> Option<Ident> {
    Some(match expr {
        Expr::Column(column) => column.path.last()?.clone(),
        Expr::Call(call) => call.name.name.clone(),
        Expr::Cast { expr, to } => figure_name(expr).unwrap_or_else(|| to.name.name.clone()),
        Expr::Case { default, .. } => match default.as_deref() {
            Some(default @ (Expr::Column(_) | Expr::Call(_))) => figure_name(default)?,
            _ => "case".into(),
        },
        Expr::Coalesce(_) => "coalesce".into(),
        Expr::Array(_) => "array".into(),
        Expr::Row(_) => "row".into(),
        Expr::Field { expr, field, .. } => match field {
            Some(field) => field.clone(),
            None => figure_name(expr)?,
        },
        Expr::Session(word) => (*word).into(),
        Expr::Sublink(sublink) => match sublink.kind {
            SublinkKind::Exists => "exists".into(),
            SublinkKind::Array => "array".into(),
            SublinkKind::Scalar => match &sublink.query.body {
                QueryBody::Select(select) => {
                    let target = select.targets.first()?;
                    target.alias.clone().or_else(|| figure_name(&target.expr))?
                }
                _ => return None,
            },
            SublinkKind::Any | SublinkKind::All => return None,
        },
        Expr::Other("over" | "collate" | "filter" | "ordered", parts) => figure_name(parts.first()?)?,
        Expr::Other(name @ ("nullif" | "greatest" | "least" | "grouping" | "xmlelement"), _) => {
            (*name).into()
        }
        _ => return None,
    })
}
