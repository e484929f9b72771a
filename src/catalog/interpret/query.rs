//! Queries over the system catalogs, lists and values: a small evaluator of the SELECTs that
//! migrations use to decide what to do.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::catalog::interpret::system::Wanted;
use crate::catalog::interpret::value::Value;
use crate::catalog::interpret::{Interpreter, system};
use crate::sql::expr::{Call, Expr, FromItem, Literal, Query, QueryBody, Select};
use crate::sql::name::Ident;

/// A text or identity as something to look up by.
fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Object(object) => Some(format!("{object:?}")),
        _ => None,
    }
}

/// A row with one more record.
fn with(row: &[Part], name: &Ident, record: &Rc<Record>) -> Vec<Part> {
    let mut row = row.to_vec();
    row.push((name.clone(), Rc::clone(record)));
    row
}

/// Rows that a query may look at before it is given up: joins multiply.
const ROWS: usize = 200_000;

/// One relation's share of a joined row.
pub(super) type Part = (Ident, Rc<Record>);

/// The columns of one row.
pub(super) type Record = Vec<(Ident, Value)>;

/// Joined rows that go into one row of the result.
pub(super) type Group = Vec<Vec<Part>>;

impl Interpreter<'_> {
    /// The rows of a query, as records; `None` when it cannot be told.
    pub(super) fn select(&mut self, query: &Query) -> Option<Vec<Value>> {
        if self.rows.is_empty() && self.groups.is_empty() && self.nested == 0 {
            self.alone.clear();
        }
        self.nested += 1;
        let rows = self.rows_of_query(query);
        self.nested -= 1;
        rows
    }

    fn rows_of_query(&mut self, query: &Query) -> Option<Vec<Value>> {
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

    /// A query within a row. What it gives without the rows around it is the same for each of them.
    pub(super) fn sub_select(&mut self, query: &Query) -> Option<Vec<Value>> {
        if self.rows.is_empty() {
            return self.select(query);
        }
        let key: *const Query = query;
        if !self.alone.contains_key(&key) {
            let rows = std::mem::take(&mut self.rows);
            let groups = std::mem::take(&mut self.groups);
            let found = self.select(query);
            (self.rows, self.groups) = (rows, groups);
            self.alone.insert(key, found);
        }
        match &self.alone[&key] {
            Some(rows) => Some(rows.clone()),
            None => self.select(query),
        }
    }

    fn select_rows(&mut self, select: &Select) -> Option<Vec<Value>> {
        let mut joined: Vec<Vec<Part>> = vec![Vec::new()];
        for item in &select.from {
            joined = self.join(joined, item, select.filter.as_deref())?;
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
        let mut rows = Vec::new();
        match self.grouped(select, &kept) {
            Some(groups) => {
                for group in groups? {
                    rows.extend(self.with_group(group, |this| match &select.having {
                        Some(having) => match this.truth(having)? {
                            true => Some(this.targets(select)),
                            false => Some(Vec::new()),
                        },
                        None => Some(this.targets(select)),
                    })?);
                }
            }
            None => {
                for row in kept {
                    self.groups.push(None);
                    rows.extend(self.with_row(&row, |this| this.targets(select)));
                    self.groups.pop();
                }
            }
        }
        if select.distinct && rows.len() > 1 {
            let known = |row: &Value| match row {
                Value::Record(fields) => fields.iter().all(|(_, value)| value.is_known()),
                value => value.is_known(),
            };
            if !rows.iter().all(known) {
                return None;
            }
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
                    let fields = || row.iter().flat_map(|(_, fields)| fields.iter().cloned());
                    records.iter_mut().for_each(|record| record.extend(fields()));
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

    /// The rows by GROUP BY, or all of them where the targets hold an aggregate; `None` where each
    /// row is for itself, `Some(None)` when the groups cannot be told.
    fn grouped(&mut self, select: &Select, rows: &[Vec<Part>]) -> Option<Option<Vec<Group>>> {
        if select.group_by.is_empty() {
            let aggregates =
                |expr: &Expr| expr.any(&|part| matches!(part, Expr::Call(call) if is_aggregate(call)));
            let all = select.targets.iter().any(|target| aggregates(&target.expr)) || select.having.is_some();
            return all.then(|| Some(vec![rows.to_vec()]));
        }
        let mut groups: Vec<(Vec<Value>, Group)> = Vec::new();
        for row in rows {
            let key: Vec<Value> = self.with_row(row, |this| {
                let keys = select.group_by.iter().map(|expr| match expr {
                    Expr::Literal(Literal::Number(at)) => {
                        let at = at.parse::<usize>().ok().and_then(|at| at.checked_sub(1));
                        at.and_then(|at| select.targets.get(at)).map_or(expr, |target| &target.expr)
                    }
                    expr => expr,
                });
                keys.collect::<Vec<_>>().into_iter().map(|expr| this.value(expr)).collect()
            });
            if !key.iter().all(Value::is_known) {
                return Some(None);
            }
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(row.clone()),
                None => groups.push((key, vec![row.clone()])),
            }
        }
        Some(Some(groups.into_iter().map(|(_, group)| group).collect()))
    }

    /// Does something while aggregates are about these rows, and columns are those of the first.
    fn with_group<T>(&mut self, group: Group, run: impl FnOnce(&mut Self) -> T) -> T {
        let first = group.first().cloned().unwrap_or_default();
        self.groups.push(Some(group));
        let result = self.with_row(&first, run);
        self.groups.pop();
        result
    }

    /// The value of a call that is an aggregate over the rows at hand.
    pub(super) fn aggregate(&mut self, call: &Call) -> Option<Value> {
        if !is_aggregate(call) {
            return None;
        }
        let group = self.groups.last().cloned().flatten()?;
        // The rows of the group take the place of its first one.
        let first = self.rows.pop();
        self.groups.push(None);
        let mut values = Vec::new();
        for row in &group {
            let arg = |this: &mut Self| call.args.first().map(|arg| this.value(arg));
            values.extend(self.with_row(row, arg));
        }
        let separator = call.args.get(1).map(|arg| self.value(arg));
        self.groups.pop();
        self.rows.extend(first);
        let counted = |count: usize| i64::try_from(count).map_or(Value::Unknown, Value::Number);
        let known = values.iter().all(Value::is_known);
        Some(match call.name.name.as_str() {
            "count" if call.args.is_empty() => counted(group.len()),
            "count" if !values.contains(&Value::Unknown) => {
                counted(values.iter().filter(|value| **value != Value::Null).count())
            }
            "array_agg" if group.is_empty() => Value::Null,
            "array_agg" if known => Value::List(values),
            "string_agg" if group.is_empty() => Value::Null,
            "string_agg" => match separator {
                Some(Value::Text(separator)) => {
                    let texts =
                        values.iter().filter(|value| **value != Value::Null).map(|value| match value {
                            Value::Text(text) => Some(text.as_str()),
                            _ => None,
                        });
                    match texts.collect::<Option<Vec<_>>>() {
                        Some(texts) if texts.is_empty() => Value::Null,
                        Some(texts) => Value::Text(texts.join(&separator)),
                        None => Value::Unknown,
                    }
                }
                _ => Value::Unknown,
            },
            "bool_or" | "bool_and" | "every" if values.is_empty() => Value::Null,
            "bool_or" if values.contains(&Value::Bool(true)) => Value::Bool(true),
            "bool_or" if known => Value::Bool(false),
            "bool_and" | "every" if values.contains(&Value::Bool(false)) => Value::Bool(false),
            "bool_and" | "every" if known => Value::Bool(true),
            "max" | "min" | "sum" if values.is_empty() => Value::Null,
            _ => Value::Unknown,
        })
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
                let rows = match (&**second, on) {
                    (FromItem::Join { .. }, _) | (_, None) => self.join(rows, second, filter)?,
                    (second, Some(on)) => {
                        let (name, records) = self.rows_of(second, filter)?;
                        self.join_by_key(&rows, &name, &records, on)?
                    }
                };
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
                let pairs = left.iter().flat_map(|row| records.iter().map(|record| with(row, &name, record)));
                Some(pairs.collect())
            }
        }
    }

    /// Puts the records beside the rows that one of the condition's equalities, between texts, may
    /// join them to. The whole condition is for the caller.
    fn join_by_key(
        &mut self,
        rows: &[Vec<Part>],
        name: &Ident,
        records: &[Rc<Record>],
        on: &Expr,
    ) -> Option<Vec<Vec<Part>>> {
        let of_item = |expr: &Expr| match expr.uncast() {
            Expr::Column(column) => match column.path.as_slice() {
                [qualifier, column] if qualifier == name => Some(column.clone()),
                _ => None,
            },
            _ => None,
        };
        let mut open = vec![on];
        let mut keys = Vec::new();
        while let Some(expr) = open.pop() {
            match expr {
                Expr::And(list) => open.extend(list),
                Expr::Op { op, left: Some(left), right } if op == "=" => {
                    match (of_item(left), of_item(right)) {
                        (Some(column), None) => keys.push((column, &**right)),
                        (None, Some(column)) => keys.push((column, &**left)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        // Names of relations tell more apart than those of their schemas.
        keys.sort_by_key(|(column, _)| column.contains("schema"));
        for (column, other) in keys {
            let text = |record: &Rc<Record>| {
                record.iter().find(|(field, _)| *field == column).and_then(|(_, value)| key_of(value))
            };
            let Some(texts) = records.iter().map(text).collect::<Option<Vec<_>>>() else { continue };
            let mut found: FxHashMap<String, Vec<&Rc<Record>>> = FxHashMap::default();
            for (text, record) in texts.into_iter().zip(records) {
                found.entry(text).or_default().push(record);
            }
            let mut joined = Vec::new();
            for row in rows {
                let value = self.with_row(row, |this| this.value(other));
                if value == Value::Null {
                    continue;
                }
                let key = key_of(&value)?;
                joined.extend(found.get(&key).into_iter().flatten().map(|record| with(row, name, record)));
                if joined.len() > ROWS {
                    return None;
                }
            }
            return Some(joined);
        }
        if rows.len().saturating_mul(records.len()) > ROWS {
            return None;
        }
        Some(rows.iter().flat_map(|row| records.iter().map(|record| with(row, name, record))).collect())
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
                            Value::Unknown | Value::Something | Value::Definition | Value::Null => {}
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
    fn rows_of(&mut self, item: &FromItem, filter: Option<&Expr>) -> Option<(Ident, Vec<Rc<Record>>)> {
        let (name, records) = self.records_of(item, filter)?;
        Some((name, records.into_iter().map(Rc::new).collect()))
    }

    fn records_of(&mut self, item: &FromItem, filter: Option<&Expr>) -> Option<(Ident, Vec<Record>)> {
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
            FromItem::Function { ordinality: true, .. } => None,
            FromItem::Function { calls, alias, ordinality: false } => {
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

fn is_aggregate(call: &Call) -> bool {
    let name = call.name.name.as_str();
    let known = ["count", "array_agg", "string_agg", "bool_or", "bool_and", "every", "max", "min", "sum"];
    call.aggregate && call.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog")
        || call.name.schema.is_none() && known.contains(&name)
}
