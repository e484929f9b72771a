//! Queries over the system catalogs, lists and values: a small evaluator of the SELECTs that
//! migrations use to decide what to do.

use crate::catalog::interpret::system::Wanted;
use crate::catalog::interpret::value::Value;
use crate::catalog::interpret::{Interpreter, system};
use crate::sql::expr::{Expr, FromItem, Literal, Query, QueryBody, Select};
use crate::sql::name::Ident;

/// Rows that a query may look at before it is given up: joins multiply.
const ROWS: usize = 200_000;

/// One relation's share of a joined row.
pub(super) type Part = (Ident, Record);

/// The columns of one row.
pub(super) type Record = Vec<(Ident, Value)>;

impl Interpreter<'_> {
    /// The rows of a query, as records; `None` when it cannot be told.
    pub(super) fn select(&mut self, query: &Query) -> Option<Vec<Value>> {
        if !query.ctes.is_empty() {
            return None;
        }
        let mut rows = match &query.body {
            QueryBody::Select(select) => self.select_rows(select)?,
            QueryBody::SetOperation(..) => return None,
            QueryBody::Values(values) => {
                let mut rows = Vec::new();
                for row in values {
                    let fields = row
                        .iter()
                        .enumerate()
                        .map(|(at, expr)| (Ident::new(format!("column{}", at + 1)), self.value(expr)));
                    rows.push(Value::Record(fields.collect()));
                }
                rows
            }
        };
        match query.limits.as_slice() {
            [] => {}
            [Expr::Literal(Literal::Number(limit))] => rows.truncate(limit.parse().ok()?),
            _ => return None,
        }
        Some(rows)
    }

    fn select_rows(&mut self, select: &Select) -> Option<Vec<Value>> {
        if !select.group_by.is_empty() || select.having.is_some() {
            return None;
        }
        let mut joined: Vec<Vec<Part>> = vec![Vec::new()];
        for item in &select.from {
            joined = self.join(joined, item, select.filter.as_ref())?;
        }
        let mut kept = Vec::new();
        for row in joined {
            let wanted = match &select.filter {
                Some(filter) => self.with_row(&row, |this| this.truth(filter))?,
                None => true,
            };
            if wanted {
                kept.push(row);
            }
        }
        if let Some(aggregated) = self.aggregate(select, &kept) {
            return aggregated.map(|value| vec![value]);
        }
        let mut rows = Vec::new();
        for row in kept {
            rows.extend(self.with_row(&row, |this| this.targets(select)));
        }
        if select.distinct {
            let mut seen: Vec<Value> = Vec::new();
            rows.retain(|row| {
                let new = !seen.contains(row);
                if new {
                    seen.push(row.clone());
                }
                new
            });
        }
        Some(rows)
    }

    /// Does something while a row's columns can be named.
    fn with_row<T>(&mut self, row: &[Part], run: impl FnOnce(&mut Self) -> T) -> T {
        self.rows.push(row.to_vec());
        let result = run(self);
        self.rows.pop();
        result
    }

    /// A column of a row that can be named here, the innermost query first.
    pub(super) fn row_column(&self, item: Option<&Ident>, name: &Ident) -> Option<Value> {
        let parts = self.rows.iter().rev().flatten();
        let mut found = parts.filter(|(part, _)| item.is_none_or(|item| item == part));
        found
            .find_map(|(_, fields)| fields.iter().find(|(field, _)| field == name))
            .map(|(_, value)| value.clone())
    }

    /// The records that the target list makes of the row at hand; `unnest` makes several.
    fn targets(&mut self, select: &Select) -> Vec<Value> {
        let mut records = vec![Vec::new()];
        for target in &select.targets {
            match &target.expr {
                Expr::Column(column) if column.star => {
                    let row = self.rows.last().cloned().unwrap_or_default();
                    let fields: Vec<_> = row.into_iter().flat_map(|(_, fields)| fields).collect();
                    records.iter_mut().for_each(|record| record.extend(fields.iter().cloned()));
                }
                expr => {
                    let name =
                        target.alias.clone().unwrap_or_else(|| crate::catalog::bind::column_name(expr));
                    let values = match self.unnested(expr) {
                        Some(items) => items,
                        None => vec![self.value(expr)],
                    };
                    records = records
                        .into_iter()
                        .flat_map(|record| {
                            values.iter().map({
                                let name = name.clone();
                                move |value| {
                                    let mut record = record.clone();
                                    record.push((name.clone(), value.clone()));
                                    record
                                }
                            })
                        })
                        .collect();
                }
            }
        }
        records.into_iter().map(Value::Record).collect()
    }

    fn unnested(&mut self, expr: &Expr) -> Option<Vec<Value>> {
        let Expr::Call(call) = expr else { return None };
        if call.name.name != "unnest" || call.args.len() != 1 {
            return None;
        }
        match self.value(&call.args[0]) {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The one row of a query with an aggregate; `None` when it has none, `Some(None)` when the
    /// aggregate cannot be told.
    fn aggregate(&mut self, select: &Select, rows: &[Vec<Part>]) -> Option<Option<Value>> {
        let [target] = select.targets.as_slice() else { return None };
        let Expr::Call(call) = &target.expr else { return None };
        let name = target.alias.clone().unwrap_or_else(|| call.name.name.clone());
        let value = match call.name.name.as_str() {
            "count" => Value::Number(i64::try_from(rows.len()).ok()?),
            "array_agg" if call.args.len() == 1 => {
                let items = rows.iter().map(|row| self.with_row(row, |this| this.value(&call.args[0])));
                Value::List(items.collect())
            }
            "string_agg" | "bool_or" | "bool_and" | "max" | "min" | "sum" => return Some(None),
            _ => return None,
        };
        Some(Some(Value::Record(vec![(name, value)])))
    }

    /// Joins one more item of FROM; `filter` is the condition that the rows will be held to.
    fn join(
        &mut self,
        left: Vec<Vec<Part>>,
        item: &FromItem,
        filter: Option<&Expr>,
    ) -> Option<Vec<Vec<Part>>> {
        match item {
            FromItem::Join { left: first, right: second, on, using, natural: false, .. }
                if using.is_empty() =>
            {
                let rows = self.join(left, first, filter)?;
                let rows = self.join(rows, second, filter)?;
                let Some(on) = on else { return Some(rows) };
                let mut kept = Vec::new();
                for row in rows {
                    if self.with_row(&row, |this| this.truth(on))? {
                        kept.push(row);
                    }
                }
                Some(kept)
            }
            FromItem::Join { .. } => None,
            other => {
                let (name, records) = self.rows_of(other, filter)?;
                if left.len().saturating_mul(records.len()) > ROWS {
                    return None;
                }
                let mut rows = Vec::new();
                for row in &left {
                    for record in &records {
                        let mut row = row.clone();
                        row.push((name.clone(), record.clone()));
                        rows.push(row);
                    }
                }
                Some(rows)
            }
        }
    }

    /// The columns of an item that a filter compares with values known before its rows are read.
    fn wanted(&mut self, item: &Ident, filter: Option<&Expr>) -> Wanted {
        let mut wanted = Vec::new();
        let mut open: Vec<&Expr> = filter.into_iter().collect();
        while let Some(expr) = open.pop() {
            match expr {
                Expr::And(list) => open.extend(list),
                Expr::Op { op, left: Some(left), right } if op == "=" => {
                    for (column, value) in [(left, right), (right, left)] {
                        let Expr::Column(column) = column.uncast() else { continue };
                        let name = match column.path.as_slice() {
                            [name] => name,
                            [qualifier, name] if qualifier == item => name,
                            _ => continue,
                        };
                        if matches!(value.uncast(), Expr::Column(_))
                            && self.rows.is_empty()
                            && self.variables.is_empty()
                        {
                            continue;
                        }
                        match self.value(value) {
                            Value::Unknown | Value::Null => {}
                            value => wanted.push((name.clone(), value)),
                        }
                    }
                }
                _ => {}
            }
        }
        Wanted(wanted)
    }

    /// The rows of one item of FROM, and the name that they go by.
    fn rows_of(&mut self, item: &FromItem, filter: Option<&Expr>) -> Option<(Ident, Vec<Record>)> {
        match item {
            FromItem::Relation { relation, alias } => {
                let called = alias.as_ref().map_or(&relation.name.name, |alias| &alias.name);
                let wanted = self.wanted(called, filter);
                let rows = system::rows(self.catalog, &relation.name, &wanted)?;
                let name =
                    alias.as_ref().map_or_else(|| relation.name.name.clone(), |alias| alias.name.clone());
                Some((name, rows))
            }
            FromItem::Query { query, alias, .. } => {
                let alias = alias.as_ref()?;
                let mut rows = Vec::new();
                for row in self.select(query)? {
                    let Value::Record(mut fields) = row else { return None };
                    fields
                        .iter_mut()
                        .zip(&alias.columns)
                        .for_each(|((name, _), alias)| *name = alias.clone());
                    rows.push(fields);
                }
                Some((alias.name.clone(), rows))
            }
            FromItem::Function { calls, alias } => {
                let [call] = calls.as_slice() else { return None };
                let items = self.unnested(call)?;
                let name = alias.as_ref().map_or_else(|| "unnest".into(), |alias| alias.name.clone());
                let column = alias.as_ref().and_then(|alias| alias.columns.first()).unwrap_or(&name).clone();
                Some((name, items.into_iter().map(|item| vec![(column.clone(), item)]).collect()))
            }
            FromItem::Join { .. } => None,
        }
    }
}
