//! Queries over the system catalogs, lists and values: a small evaluator of the SELECTs that
//! migrations use to decide what to do.

use std::rc::Rc;

use smol_str::SmolStr;

use crate::catalog::interpret::system::Wanted;
use crate::catalog::interpret::value::{Value, field_of};
use crate::catalog::interpret::{Interpreter, system};
use crate::sql::expr::{Call, Cte, CteBody, Expr, FromItem, Literal, Query, QueryBody, RelationRef, Select};
use crate::sql::name::{Ident, ObjectName};

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
        let prints = self.prints;
        self.prints |= reads_conditions(query);
        let rows = self.rows_of_query(query);
        self.prints = prints;
        self.nested -= 1;
        rows
    }

    fn rows_of_query(&mut self, query: &Query) -> Option<Vec<Value>> {
        let outer = self.ctes.len();
        let rows = self.bring_ctes(&query.ctes).and_then(|()| self.rows_of_body(query));
        self.ctes.truncate(outer);
        rows
    }

    /// Evaluates the queries of WITH, each of which sees those before it.
    fn bring_ctes(&mut self, ctes: &[Cte]) -> Option<()> {
        for cte in ctes {
            let CteBody::Query(query) = &cte.query else { return None };
            if cte.recursive {
                return None;
            }
            let rows = self.select(query)?;
            self.ctes.push((cte.name.clone(), records(rows, &cte.columns)?));
        }
        Some(())
    }

    fn rows_of_body(&mut self, query: &Query) -> Option<Vec<Value>> {
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
            [Expr::Literal(Literal::Number(limit))] => {
                let limit = limit.parse().ok()?;
                // Which rows come first is not followed.
                if rows.len() > limit && !query.order_by.is_empty() {
                    return None;
                }
                rows.truncate(limit);
            }
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
        let kept = self.rows_of_from(select)?;
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
                for mut row in kept {
                    self.groups.push(None);
                    rows.extend(self.in_row(&mut row, |this| this.targets(select)));
                    self.groups.pop();
                }
            }
        }
        if select.distinct && rows.len() > 1 { distinct(rows) } else { Some(rows) }
    }

    /// Does something while a row's columns can be named.
    pub(super) fn with_row<T>(&mut self, row: &[Part], run: impl FnOnce(&mut Self) -> T) -> T {
        self.rows.push(row.to_vec());
        let result = run(self);
        self.rows.pop();
        result
    }

    /// The same with a row that is there to be changed afterwards.
    fn in_row<T>(&mut self, row: &mut Vec<Part>, run: impl FnOnce(&mut Self) -> T) -> T {
        self.rows.push(std::mem::take(row));
        let result = run(self);
        *row = self.rows.pop().unwrap_or_default();
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
                    match self.unnested(expr) {
                        None => {
                            let value = self.value(expr);
                            records.iter_mut().for_each(|record| record.push((name.clone(), value.clone())));
                        }
                        Some(items) => {
                            let with = |(record, item): (&Record, &Value)| {
                                let mut record = record.clone();
                                record.push((name.clone(), item.clone()));
                                record
                            };
                            let pairs = |record| items.iter().map(move |item| (record, item));
                            records = records.iter().flat_map(pairs).map(with).collect();
                        }
                    }
                }
            }
        }
        records.into_iter().map(Value::Record).collect()
    }

    /// The rows of `unnest()` or `aclexplode()`, or of a field of the latter.
    fn unnested(&mut self, expr: &Expr) -> Option<Vec<Value>> {
        let call = match expr {
            Expr::Call(call) => call,
            Expr::Cast { expr, to } => {
                let items = self.unnested(expr)?;
                return Some(items.into_iter().map(|item| self.cast(item, to)).collect());
            }
            Expr::Field { expr, field: Some(field), subscripts, .. } if subscripts.is_empty() => {
                let items = self.unnested(expr)?;
                let fields = items.into_iter().map(|item| match item {
                    Value::Record(fields) => field_of(fields, field),
                    _ => Value::Unknown,
                });
                return Some(fields.collect());
            }
            _ => return None,
        };
        let [arg] = call.args.as_slice() else { return None };
        let name = call.name.name.as_str();
        if !matches!(name, "unnest" | "aclexplode") {
            return None;
        }
        match (name, self.value(arg)) {
            ("unnest", Value::List(items)) => Some(items),
            ("aclexplode", Value::Acl { items, or_null: false }) => Some(items),
            ("aclexplode", Value::Null) => Some(Vec::new()),
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
        let group = self.groups.last()?.as_ref().filter(|_| is_aggregate(call))?.clone();
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
        if call.distinct {
            let Some(different) = distinct(values) else { return Some(Value::Unknown) };
            values = different;
        }
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
                        Some(texts) => Value::text(texts.join(&separator)),
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

    /// An aggregate over rows in an order, which is taken to be an ascending one.
    pub(super) fn ordered_aggregate(&mut self, call: &Call, keys: &[Expr]) -> Value {
        let Some(Some(group)) = self.groups.last_mut().map(Option::take) else { return Value::Unknown };
        let mut sorted = Vec::new();
        for row in group {
            let key: Option<Vec<(i64, SmolStr)>> =
                self.with_row(&row, |this| keys.iter().map(|key| sort_key(this.value(key))).collect());
            sorted.push((key, row));
        }
        let is_known = sorted.iter().all(|(key, _)| key.is_some());
        sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
        let group = sorted.into_iter().map(|(_, row)| row).collect();
        if let Some(last) = self.groups.last_mut() {
            *last = Some(group);
        }
        match self.aggregate(call) {
            Some(value) if is_known => value,
            _ => Value::Unknown,
        }
    }

    /// The joined rows of FROM that the conditions hold for. Items are read as soon as the conditions
    /// narrow them, and conditions are asked as soon as what they name is there.
    pub(super) fn rows_of_from(&mut self, select: &Select) -> Option<Vec<Vec<Part>>> {
        let outer = self.beside_extensions;
        let rows = self.joined_rows(select);
        self.beside_extensions = outer;
        rows
    }

    fn joined_rows(&mut self, select: &Select) -> Option<Vec<Vec<Part>>> {
        let mut items = Vec::new();
        let mut conditions = Vec::new();
        select.filter.iter().for_each(|filter| add_conjuncts(filter, &mut conditions));
        for item in &select.from {
            flatten(item, &mut items, &mut conditions)?;
        }
        let order: Vec<Ident> = items.iter().map(|item| name_of(item)).collect();
        self.beside_extensions = items.iter().any(|item| match item {
            FromItem::Relation { relation, .. } => relation.name.name == "pg_extension",
            _ => false,
        });
        let mut joined: Vec<Vec<Part>> = vec![Vec::new()];
        while !items.is_empty() && !joined.is_empty() {
            let (at, wanted) = self.next_item(&items, &joined[0], &conditions);
            let item = items.remove(at);
            joined = self.bring(joined, item, wanted, &conditions)?;
            let open: Vec<Ident> = items.iter().map(|item| name_of(item)).collect();
            self.hold(&mut joined, &mut conditions, &open);
        }
        self.hold_all(&mut joined, &conditions)?;
        for row in &mut joined {
            row.sort_by_key(|(name, _)| order.iter().position(|item| item == name));
        }
        Some(joined)
    }

    /// The first item that conditions narrow beside a row, else the first of all, and what is wanted of it.
    fn next_item(&mut self, items: &[&FromItem], row: &[Part], conditions: &[&Expr]) -> (usize, Wanted) {
        let mut first = Wanted::default();
        for (at, item) in items.iter().enumerate() {
            if !matches!(item, FromItem::Relation { .. }) {
                continue;
            }
            let wanted = self.with_row(row, |this| this.wanted(&name_of(item), conditions));
            if wanted.is_narrow() {
                return (at, wanted);
            }
            if at == 0 {
                first = wanted;
            }
        }
        (0, first)
    }

    /// Puts the rows of one more item beside those that are there. What is wanted of it is told by the first
    /// of these.
    fn bring(
        &mut self,
        left: Vec<Vec<Part>>,
        item: &FromItem,
        wanted: Wanted,
        conditions: &[&Expr],
    ) -> Option<Vec<Vec<Part>>> {
        let name = name_of(item);
        if let FromItem::Join { right, on: Some(on), .. } = item {
            return self.bring_outer(&left, right, on);
        }
        let mut rows = Vec::new();
        // What the rows before it say narrows a relation for each of them.
        let alone = match item {
            FromItem::Relation { relation, .. } => {
                let is_first = left.first().is_none_or(Vec::is_empty);
                let alone = if is_first { None } else { Some(self.wanted(&name, conditions)) };
                match alone {
                    Some(alone) if wanted.is_narrow() && wanted.0.len() > alone.0.len() => None,
                    alone => {
                        Some(in_shares(self.records_of_relation(&relation.name, &alone.unwrap_or(wanted))?))
                    }
                }
            }
            FromItem::Query { lateral: false, .. } => Some(self.rows_of(item, conditions)?),
            _ => None,
        };
        for row in &left {
            let own;
            let records = match &alone {
                Some(records) => records,
                None => {
                    own = self.with_row(row, |this| this.rows_of(item, conditions))?;
                    &own
                }
            };
            if rows.len() + records.len() > ROWS {
                return None;
            }
            rows.extend(records.iter().map(|record| with(row, &name, record)));
        }
        Some(rows)
    }

    /// Puts what is on the right of a LEFT JOIN beside the rows on its left. Where nothing is, its
    /// columns are not known.
    fn bring_outer(&mut self, left: &[Vec<Part>], right: &FromItem, on: &Expr) -> Option<Vec<Vec<Part>>> {
        let name = name_of(right);
        let mut conditions = Vec::new();
        add_conjuncts(on, &mut conditions);
        let mut rows = Vec::new();
        for row in left {
            let records = self.with_row(row, |this| this.rows_of(right, &conditions))?;
            let mut found: Vec<Vec<Part>> = records.iter().map(|record| with(row, &name, record)).collect();
            self.hold_all(&mut found, &conditions)?;
            if found.is_empty() {
                found.push(with(row, &name, &Rc::default()));
            }
            rows.append(&mut found);
            if rows.len() > ROWS {
                return None;
            }
        }
        Some(rows)
    }

    /// Leaves out rows that a condition does not hold for, where it names nothing that is still to
    /// come; conditions that hold for all the others are done with.
    fn hold(&mut self, rows: &mut Vec<Vec<Part>>, conditions: &mut Vec<&Expr>, open: &[Ident]) {
        let Some(sample) = rows.first().cloned() else { return };
        conditions.retain(|condition| {
            if !is_settled(condition, &sample, open) {
                return true;
            }
            let mut is_open = false;
            self.with_steady(&[*condition], &sample, |this| {
                rows.retain_mut(|row| {
                    let truth = this.in_row(row, |this| this.truth(condition));
                    is_open |= truth.is_none();
                    truth != Some(false)
                });
            });
            is_open
        });
    }

    /// Leaves out rows that not all conditions hold for; `None` where that cannot be told.
    fn hold_all(&mut self, rows: &mut Vec<Vec<Part>>, conditions: &[&Expr]) -> Option<()> {
        let Some(sample) = rows.first().cloned() else { return Some(()) };
        let mut known = true;
        self.with_steady(conditions, &sample, |this| {
            rows.retain_mut(|row| {
                let mut open = false;
                let refuted = this.in_row(row, |this| {
                    conditions.iter().any(|condition| {
                        let truth = this.truth(condition);
                        open |= truth.is_none();
                        truth == Some(false)
                    })
                });
                known &= refuted || !open;
                !refuted
            });
        });
        known.then_some(())
    }

    /// Does something with rows like this one: what of the conditions names none of their columns has one
    /// value for all of them.
    fn with_steady(&mut self, conditions: &[&Expr], row: &[Part], run: impl FnOnce(&mut Self)) {
        let mut parts = Vec::new();
        for condition in conditions {
            if is_steady(condition, row, &mut parts) {
                parts.push(condition);
            }
        }
        self.steady.extend(parts.iter().map(|part| (std::ptr::from_ref(*part), None)));
        run(self);
        for part in parts {
            self.steady.remove(&std::ptr::from_ref(part));
        }
    }

    /// The columns of an item that a filter compares with values known before its rows are read.
    fn wanted(&mut self, item: &Ident, conditions: &[&Expr]) -> Wanted {
        let mut wanted = Vec::new();
        for condition in conditions {
            let Expr::Op { op, left: Some(left), right } = condition else { continue };
            if op != "=" {
                continue;
            }
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
        Wanted(wanted)
    }

    /// The rows of one item of FROM.
    fn rows_of(&mut self, item: &FromItem, conditions: &[&Expr]) -> Option<Vec<Rc<Record>>> {
        self.records_of(item, conditions).map(in_shares)
    }

    fn records_of_relation(&mut self, name: &ObjectName, wanted: &Wanted) -> Option<Vec<Record>> {
        let is_named = |(cte, _): &&(Ident, Vec<Record>)| *cte == name.name;
        if name.schema.is_none()
            && let Some((_, rows)) = self.ctes.iter().rev().find(is_named)
        {
            return Some(rows.clone());
        }
        let printed = self.prints.then_some(&self.printed);
        if name.name == "pg_depend" && self.beside_extensions {
            let of_extensions = (Ident::constant("deptype"), Value::text("e"));
            let wanted = Wanted(wanted.0.iter().cloned().chain([of_extensions]).collect());
            return system::rows(self.catalog, name, &wanted, printed);
        }
        system::rows(self.catalog, name, wanted, printed)
    }

    fn records_of(&mut self, item: &FromItem, conditions: &[&Expr]) -> Option<Vec<Record>> {
        match item {
            FromItem::Relation { relation, .. } => {
                let wanted = self.wanted(&name_of(item), conditions);
                self.records_of_relation(&relation.name, &wanted)
            }
            FromItem::Query { query, alias, .. } => {
                let alias = alias.as_ref()?;
                records(self.select(query)?, &alias.columns)
            }
            FromItem::Function { ordinality: true, .. } => None,
            FromItem::Function { calls, alias, ordinality: false } => {
                let [call] = calls.as_slice() else { return None };
                let items = self.unnested(call)?;
                let name = name_of(item);
                let renamed = alias.as_ref().map_or(&[][..], |alias| &alias.columns);
                if items.iter().all(|item| matches!(item, Value::Record(_))) {
                    return records(items, renamed);
                }
                let column = renamed.first().unwrap_or(&name).clone();
                Some(items.into_iter().map(|item| vec![(column.clone(), item)]).collect())
            }
            FromItem::Join { .. } => None,
        }
    }
}

/// Values or rows without those that came before; `None` where that cannot be told.
fn distinct(values: Vec<Value>) -> Option<Vec<Value>> {
    let is_known = |value: &Value| match value {
        Value::Record(fields) => fields.iter().all(|(_, value)| value.is_known()),
        value => value.is_known(),
    };
    let mut found: Vec<Value> = Vec::new();
    for value in values {
        if !is_known(&value) {
            return None;
        }
        if !found.contains(&value) {
            found.push(value);
        }
    }
    Some(found)
}

/// Records that joined rows share.
fn in_shares(records: Vec<Record>) -> Vec<Rc<Record>> {
    records.into_iter().map(Rc::new).collect()
}

/// Whether a query of policies may read their printed conditions, which are dear: by name, or as part of
/// whole rows. Where the policies are read by a query in it, that one tells.
fn reads_conditions(query: &Query) -> bool {
    let of_policies =
        |relation: &&RelationRef| matches!(relation.name.name.as_str(), "pg_policies" | "pg_policy");
    if !query.own_relations().iter().any(of_policies) {
        return false;
    }
    let mut names: Vec<Ident> = Vec::new();
    query.walk_queries(&mut |query| {
        if let QueryBody::Select(select) = &query.body {
            names.extend(select.from.iter().map(name_of));
        }
    });
    let mut reads = false;
    query.walk(&mut |expr| {
        if let Expr::Column(column) = expr {
            reads |= column.star
                || column
                    .path
                    .last()
                    .is_some_and(|name| system::CONDITIONS.contains(&name.as_str()) || names.contains(name));
        }
    });
    reads
}

/// The rows of a query as records, their first columns renamed.
fn records(rows: Vec<Value>, names: &[Ident]) -> Option<Vec<Record>> {
    let record = |row| {
        let Value::Record(mut fields) = row else { return None };
        fields.iter_mut().zip(names).for_each(|((name, _), alias)| *name = alias.clone());
        Some(fields)
    };
    rows.into_iter().map(record).collect()
}

/// The name that an item of FROM goes by.
fn name_of(item: &FromItem) -> Ident {
    match item {
        FromItem::Relation { alias: Some(alias), .. }
        | FromItem::Query { alias: Some(alias), .. }
        | FromItem::Function { alias: Some(alias), .. } => alias.name.clone(),
        FromItem::Relation { relation, .. } => relation.name.name.clone(),
        FromItem::Function { calls, .. } => match calls.as_slice() {
            [Expr::Call(call)] => call.name.name.clone(),
            _ => Ident::default(),
        },
        FromItem::Join { right, .. } => name_of(right),
        FromItem::Query { .. } => Ident::default(),
    }
}

/// Takes joins apart into their items and conditions. An outer join stays for what is on its right.
fn flatten<'q>(
    item: &'q FromItem,
    items: &mut Vec<&'q FromItem>,
    conditions: &mut Vec<&'q Expr>,
) -> Option<()> {
    match item {
        FromItem::Join { left, right, on, using, natural: false, outer: false, .. } if using.is_empty() => {
            flatten(left, items, conditions)?;
            flatten(right, items, conditions)?;
            on.iter().for_each(|on| add_conjuncts(on, conditions));
        }
        FromItem::Join { left, natural: false, outer: true, using, .. } if using.is_empty() => {
            flatten(left, items, conditions)?;
            items.push(item);
        }
        FromItem::Join { .. } => return None,
        item => items.push(item),
    }
    Some(())
}

fn add_conjuncts<'q>(expr: &'q Expr, list: &mut Vec<&'q Expr>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| add_conjuncts(part, list)),
        expr => list.push(expr),
    }
}

/// Whether a condition names nothing of the items that are still to come.
fn is_settled(condition: &Expr, row: &[Part], open: &[Ident]) -> bool {
    if open.is_empty() {
        return true;
    }
    let is_here = |name: &Ident| row.iter().any(|(_, record)| record.iter().any(|(field, _)| field == name));
    !condition.any(&|part| match part {
        Expr::Column(column) => match column.path.as_slice() {
            [name] => !is_here(name),
            [item, ..] => open.contains(item),
            [] => true,
        },
        Expr::Sublink(_) => true,
        _ => false,
    })
}

/// Whether an expression names nothing of rows like this one. Where it does, its parts that do not are added,
/// the largest of them, unless they are mere names and constants.
fn is_steady<'q>(expr: &'q Expr, row: &[Part], parts: &mut Vec<&'q Expr>) -> bool {
    let is_here = |name: &Ident| {
        row.iter().any(|(_, record)| record.is_empty() || record.iter().any(|(field, _)| field == name))
    };
    let mut steady = match expr {
        Expr::Column(column) => match column.path.as_slice() {
            [name] => !is_here(name),
            [item, ..] => !row.iter().any(|(part, _)| part == item),
            [] => false,
        },
        Expr::Sublink(_) => false,
        _ => true,
    };
    let mut found = Vec::new();
    expr.each_child(&mut |child| match is_steady(child, row, parts) {
        true => found.push(child),
        false => steady = false,
    });
    if !steady {
        let takes_work = |part: &&Expr| !matches!(part, Expr::Literal(_) | Expr::Column(_) | Expr::Param(_));
        parts.extend(found.into_iter().filter(takes_work));
    }
    steady
}

/// What numbers or texts are sorted by.
fn sort_key(value: Value) -> Option<(i64, SmolStr)> {
    match value {
        Value::Number(number) => Some((number, SmolStr::default())),
        Value::Text(text) => Some((0, text)),
        _ => None,
    }
}

fn is_aggregate(call: &Call) -> bool {
    let name = call.name.name.as_str();
    let known = ["count", "array_agg", "string_agg", "bool_or", "bool_and", "every", "max", "min", "sum"];
    call.aggregate && call.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog")
        || call.name.schema.is_none() && known.contains(&name)
}
