//! Rows that a statement writes out: PostgreSQL refuses values that their columns cannot take.
//!
//! Only what holds for every state of the rows counts: the number of values, their types, constants that
//! are no value of a type, and columns that a new row leaves empty.

use crate::catalog::Catalog;
use crate::catalog::Relation;
use crate::catalog::apply::Misfit;
use crate::catalog::bind::Binder;
use crate::catalog::gap::Aspect;
use crate::catalog::index::IndexKey;
use crate::catalog::misfit::SqlState;
use crate::catalog::table::{Column, ConstraintKind, ForeignKey, Table, TableKind};
use crate::catalog::types::{TypeRef, UserTypeKind};
use crate::sql::expr::{ColumnRef, Expr, Literal, QueryBody, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange, ObjectKind, TriggerEvent, TriggerTiming};

impl Catalog {
    /// Notes what the columns of its table do not take of a bound change.
    pub(super) fn expect_values(&mut self, change: &DataChange) {
        let Some((name, Relation::Table(oid))) = self.resolve_relation(&change.table.name) else { return };
        let Some(table) = self.tables.get(&oid) else { return };
        let is_certain = !self.doubts(&[Aspect::Existence, Aspect::Shape]).concern(&name);
        if !is_certain || !table.rules.is_empty() {
            return;
        }
        let found = match change.kind {
            ChangeKind::Insert => self.unfit_row(table, change).or_else(|| unfit_conflict(table, change)),
            ChangeKind::Update => self.unfit_assignment(table, change),
            ChangeKind::Delete | ChangeKind::Merge => None,
        };
        self.unfit.extend(found.map(|misfit| misfit.at(change.table.name.span).about(&name)));
    }

    fn unfit_row(&self, table: &Table, change: &DataChange) -> Option<Misfit> {
        let columns: Vec<&Column> = match change.columns.as_slice() {
            [] => table.columns.iter().collect(),
            names => names.iter().map(|name| table.column(name)).collect::<Option<_>>()?,
        };
        let (rows, is_inserted) = rows(change)?;
        let width = rows.first().map_or(0, |row| row.len());
        if rows.iter().any(|row| row.len() != width) {
            return Some(refused(
                SqlState::SYNTAX_ERROR,
                "the rows of VALUES are not all of the same length",
            ));
        }
        if change.source.is_some() && width > columns.len() {
            let why = format!("INSERT has {width} values for {} columns", columns.len());
            return Some(refused(SqlState::SYNTAX_ERROR, why));
        }
        if width < change.columns.len() {
            let why = format!("INSERT names {} columns and has {width} values", columns.len());
            return Some(refused(SqlState::SYNTAX_ERROR, why));
        }
        for row in &rows {
            for (column, expr) in columns.iter().zip(row) {
                let is_fixed = column.identity.is_some_and(|identity| identity.always) && !change.overriding;
                if (column.generated.is_some() || is_fixed) && !is_default(expr) {
                    return Some(generated(table, column));
                }
                if let Some(misfit) = self.unfit_value(table, column, expr) {
                    return Some(misfit);
                }
            }
        }
        let given = columns.get(..width)?;
        if !is_inserted || has_row_trigger(table) {
            return None;
        }
        self.left_empty(table, given, &rows)
            .or_else(|| self.unlisted(table, given, &rows))
            .or_else(|| self.dangling(table, given, &rows))
    }

    /// A new row that refers to one of a table without rows.
    fn dangling(&self, table: &Table, given: &[&Column], rows: &[Vec<&Expr>]) -> Option<Misfit> {
        let refers = |key: &ForeignKey| {
            let place = |attnum: &i16| given.iter().position(|column| column.attnum == *attnum);
            let places: Option<Vec<usize>> = key.columns.iter().map(place).collect();
            places.is_some_and(|places| rows.iter().any(|row| places.iter().all(|at| is_constant(row[*at]))))
        };
        let key = table.constraints.values().find_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(key) => {
                let is_checked = !constraint.initially_deferred
                    && key.references != table.oid
                    && !self.is_by_failing(constraint.history.created);
                (is_checked && self.is_empty_table(key.references) && refers(key)).then_some(key)
            }
            _ => None,
        })?;
        let other = &self.tables.get(&key.references)?.name;
        let why = format!(
            "the new row refers to one of {other}, and no statement before this one writes any there"
        );
        let misfit = refused(SqlState::FOREIGN_KEY_VIOLATION, why);
        Some(
            misfit
                .helped_by("rows that need others belong in supabase/seed.sql, behind those that make them"),
        )
    }

    /// A column that must not be null and is so in a new row.
    fn left_empty(&self, table: &Table, given: &[&Column], rows: &[Vec<&Expr>]) -> Option<Misfit> {
        let is_plain = |column: &Column| match &column.data_type.value.base {
            TypeRef::User(oid) => {
                self.types.get(oid).is_some_and(|one| matches!(one.kind, UserTypeKind::Enum { .. }))
            }
            TypeRef::Builtin(_) => true,
            TypeRef::Row(_) | TypeRef::Unknown(_) => false,
        };
        let is_null = |at: usize| rows.iter().any(|row| matches!(row[at], Expr::Literal(Literal::Null)));
        let is_default_of = |at: usize| rows.iter().any(|row| is_default(row[at]));
        let column = table.columns.iter().find(|column| {
            let is_set = column.not_null.value && !self.is_by_failing(column.not_null.origin);
            let needed = is_set && column.identity.is_none() && column.generated.is_none();
            // A domain may have one.
            let has_default = column.default.is_some() || !is_plain(column);
            let at = given.iter().position(|given| given.attnum == column.attnum);
            needed && at.map_or(!has_default, |at| is_null(at) || is_default_of(at) && !has_default)
        })?;
        let why = format!("the new row has no value for {}.{}, which is NOT NULL", table.name, column.name);
        Some(refused(SqlState::NOT_NULL_VIOLATION, why))
    }

    /// A text that a CHECK of listed values does not have.
    fn unlisted(&self, table: &Table, given: &[&Column], rows: &[Vec<&Expr>]) -> Option<Misfit> {
        let own = table.constraints.values().filter(|own| !self.is_by_failing(own.history.created));
        own.into_iter().find_map(|constraint| {
            let ConstraintKind::Check { expr, .. } = &constraint.kind else { return None };
            let (attnum, allowed) = listed(expr)?;
            let at = given.iter().position(|column| column.attnum == attnum)?;
            let data_type = &given[at].data_type.value;
            let is_text = data_type.is_builtin("text") || data_type.is_builtin("varchar");
            let other = rows.iter().find_map(|row| text_of(row[at]).filter(|text| !allowed.contains(text)));
            let why = format!("'{}' is none of the values that {} allows", other?, constraint.name);
            is_text.then(|| refused(SqlState::CHECK_VIOLATION, why))
        })
    }

    fn unfit_assignment(&self, table: &Table, change: &DataChange) -> Option<Misfit> {
        change.assignments.iter().find_map(|(name, expr)| {
            let column = table.column(name)?;
            let is_fixed =
                column.generated.is_some() || column.identity.is_some_and(|identity| identity.always);
            if is_fixed && !is_default(expr) {
                return Some(generated(table, column));
            }
            self.unfit_value(table, column, expr)
        })
    }

    fn unfit_value(&self, table: &Table, column: &Column, expr: &Expr) -> Option<Misfit> {
        self.is_no_value_of(&column.data_type.value, &format!("{}.{}", table.name, column.name), expr)
    }

    /// Binds a change of rows, and notes what it names in vain and what does not fit its table.
    pub(super) fn expect_bound(&mut self, change: &DataChange, variables: &[Ident]) {
        let mut bound = change.clone();
        let mut binder = Binder::new(self).with_variables(variables.iter().cloned());
        binder.change(&mut bound);
        let unfit = binder.into_unfit();
        self.unfit.extend(unfit);
        self.expect_values(&bound);
    }
}

/// The rows that an INSERT writes out, and whether they get to the table whatever it holds.
pub(in crate::catalog) fn rows(change: &DataChange) -> Option<(Vec<Vec<&Expr>>, bool)> {
    let Some(source) = &change.source else { return Some((vec![Vec::new()], true)) };
    match &source.body {
        QueryBody::Values(rows) => Some((rows.iter().map(|row| row.iter().collect()).collect(), true)),
        QueryBody::Select(select) => {
            let is_plain = !select.distinct && select.group_by.is_empty() && source.order_by.is_empty();
            let targets = select.targets.iter().map(|target| &target.expr);
            let has_star = |expr: &Expr| match expr {
                Expr::Column(column) => column.star,
                Expr::Field { field: None, subscripts, .. } => subscripts.is_empty(),
                _ => false,
            };
            if !is_plain || targets.clone().any(has_star) {
                return None;
            }
            // A function may give no row.
            let gives_one = select.from.is_empty() && select.filter.is_none() && source.limits.is_empty();
            let calls = targets.clone().any(|expr| expr.any(&|part| matches!(part, Expr::Call(_))));
            Some((vec![targets.collect()], gives_one && !calls))
        }
        QueryBody::SetOperation(..) => None,
    }
}

/// Whether a check is a list of the values that a column allows.
pub(in crate::catalog) fn is_list_of_values(check: &Expr) -> bool {
    listed(check).is_some()
}

/// The column and the texts of `status in ('draft', 'sent')`.
fn listed(check: &Expr) -> Option<(i16, Vec<&str>)> {
    let (column, list) = match check {
        Expr::In { expr, list, negated: false } => (expr, list),
        Expr::OpArray { op, all: false, left, right } if op == "=" => match right.uncast() {
            Expr::Array(list) => (left, list),
            _ => return None,
        },
        _ => return None,
    };
    let Expr::Column(ColumnRef { target: Target::Column { attnum, .. }, .. }) = column.uncast() else {
        return None;
    };
    Some((*attnum, list.iter().map(text_of).collect::<Option<_>>()?))
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr.uncast() {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether an expression is a constant, and not null.
fn is_constant(expr: &Expr) -> bool {
    matches!(expr.uncast(), Expr::Literal(Literal::String(_) | Literal::Number(_) | Literal::Bool(_)))
}

fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Other("default", _))
}

fn refused(state: SqlState, why: impl Into<String>) -> Misfit {
    Misfit::refused(state, why)
}

fn generated(table: &Table, column: &Column) -> Misfit {
    let why =
        format!("{}.{} is GENERATED ALWAYS: only DEFAULT can be written to it", table.name, column.name);
    refused(SqlState::GENERATED_ALWAYS, why)
}

/// Whether a trigger may fill in or leave out what a new row lacks.
fn has_row_trigger(table: &Table) -> bool {
    let fills = |trigger: &crate::catalog::trigger::Trigger| {
        trigger.timing == TriggerTiming::Before
            && trigger.for_each_row
            && trigger.enabled != 'D'
            && trigger.events.contains(&TriggerEvent::Insert)
    };
    table.kind != TableKind::Ordinary || table.triggers.values().any(fills)
}

/// ON CONFLICT (columns) needs a unique index of just these columns, for all rows.
fn unfit_conflict(table: &Table, change: &DataChange) -> Option<Misfit> {
    if !change.conflict_is_plain {
        return None;
    }
    let names = &change.conflict_columns;
    if let Some(missing) = names.iter().find(|name| table.column(name).is_none()) {
        return Some(Misfit::missing_part(ObjectKind::Column, missing, &table.name));
    }
    let wanted: Vec<i16> = names.iter().filter_map(|name| Some(table.column(name)?.attnum)).collect();
    let fits = |index: &crate::catalog::index::Index| {
        let keys: Option<Vec<i16>> = index.keys.iter().map(IndexKey::attnum).collect();
        let is_same = |keys: Vec<i16>| {
            keys.iter().all(|key| wanted.contains(key)) && wanted.iter().all(|key| keys.contains(key))
        };
        index.unique && index.predicate.is_none() && keys.is_some_and(is_same)
    };
    if table.indexes.values().any(fits) {
        return None;
    }
    let list = names.iter().map(|name| name.quoted()).collect::<Vec<_>>().join(", ");
    let why =
        format!("no unique constraint or index of {} is on ({list}), as ON CONFLICT needs it", table.name);
    Some(refused(SqlState::INVALID_COLUMN_REFERENCE, why))
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    const TABLES: &str = "create type mood as enum ('ok');
        create table t (id int primary key, m mood, u uuid, j jsonb, a text[], n numeric, b boolean, d text default 'x',
          at timestamptz, twice int generated always as (id * 2) stored);
        create table k (id int generated always as identity, a int not null, b int, c int not null default 1);
        create unique index on k (a, b); create unique index on k (b) where a > 1;
        create table filled (a int not null); create function fill() returns trigger language plpgsql as
          'begin new.a := 1; return new; end'; create trigger f before insert on filled for each row execute function fill();
        create table s (status text check (status in ('draft', 'sent')), kind varchar check (kind = any (array['a', 'b']::text[])));
        create function own() returns text language sql as 'select 1::text';";

    fn refused(text: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{TABLES} {text};"));
        bench.catalog.failures.iter().map(|failure| failure.misfit.to_string()).collect()
    }

    #[test]
    fn rows_that_their_table_does_not_take_are_refused() {
        for text in [
            "insert into t (id, m) values (1, 'bad')",
            "insert into t (id, m) values (1, 'ok'), (2, 'bad')",
            "insert into t (id, u) values (1, 'course-1')",
            "insert into t (id, u) select 1, 'course-1' from k",
            "insert into t (id, j) values (1, 'no json')",
            "insert into t (id, j) values (1, '{}'::text)",
            "insert into t (id, j) values (1, array['a', 'b'])",
            "insert into t (id, j) values (1, own())",
            "insert into t (id, a) values (1, '[\"a\"]')",
            "insert into t (id, a) values (1, jsonb_build_array('a'))",
            "insert into t (id, n) values (1, 'much')",
            "insert into t (id, b) values (1, 2)",
            "insert into t (id, at) values (1, 2)",
            "insert into t (id, twice) values (1, 2)",
            "insert into t (id, d) values (1)",
            "insert into t (id) values (1, 2)",
            "insert into t values (1), (1, 'ok')",
            "insert into t (id) values (null)",
            "insert into t (d) values ('x')",
            "insert into t (d) values ('x') on conflict (id) do nothing",
            "insert into t default values",
            "insert into t (id) values (1) on conflict (d) do nothing",
            "insert into t (id) values (1) on conflict (missing) do nothing",
            "insert into k (id, a) values (1, 1)",
            "insert into k (a, b) values (1, 1) on conflict (b) do nothing",
            "insert into k (a, c) values (1, null)",
            "insert into t (id) values ((select x from missing))",
            "insert into s values ('lost')",
            "insert into s values ('sent', 'a'), (null, 'c')",
            "insert into storage.buckets (id, name) values ('a', 'a'), ('a', 'a')",
            "update t set m = 'bad'",
            "update t set twice = 1",
            "update t set j = 'x'::text where id = 1",
            "update t set d = 'x' where missing = 1",
            "delete from t where missing = 1",
            "do $$ begin insert into t (id, m) values (1, 'bad'); end $$",
            "do $$ begin update t set d = 'x' where missing = 1; end $$",
        ] {
            assert_eq!(refused(text).len(), 1, "{text}: {:?}", refused(text));
        }
    }

    #[test]
    fn rows_that_it_takes_are_not() {
        for text in [
            "insert into t values (1, 'ok', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', '[1]', '{a}', '1e3', 'yes', null, now())",
            "insert into t (id, twice) values (1, default)",
            "insert into t (id, j, n, d) values (1, ' {\"a\": 1e999} ', 'NaN', 1)",
            "insert into t (id, a) values (1, '[0:1]={a,b}')",
            "insert into t (id, a) values (1, array['a'])",
            "insert into t (id) values (1) on conflict (id) do update set d = excluded.d, m = 'ok'",
            "insert into t (id, d) select 1, null where false",
            "insert into t (id) select null where false",
            "insert into k (id, a) overriding system value values (1, 1)",
            "insert into k (a, b) values (1, 2) on conflict (b, a) do nothing",
            "insert into k (a, b) values (1, 2) on conflict (b) where a > 1 do nothing",
            "insert into k (a, b) values (1, 2) on conflict do nothing",
            "insert into filled default values",
            "insert into s values ('draft', 'b'), (null, default)",
            "insert into storage.buckets (id, name) values ('a', 'a'), ('b', 'b')",
            "insert into storage.buckets (id, name) select 'a', 'a'; insert into storage.buckets (id, name) select 'a', 'a' where false",
            "insert into storage.buckets (id, name) values ('a', 'a'); insert into storage.buckets (id, name) values ('a', 'a') on conflict do nothing",
            "update t set a[1] = 'x', id = 2",
            "update t set (m, d) = ('ok', 'y')",
            "update t set twice = default",
            "insert into t (id, at) values (1, '2025-01-01')",
            "do $$ declare missing int; begin update t set d = 'x' where id = missing; end $$",
            "do $$ begin insert into t (id, m) values (1, 'bad'); exception when others then null; end $$",
        ] {
            assert_eq!(refused(text), [""; 0], "{text}");
        }
    }
}
