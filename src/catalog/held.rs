//! Rows that are there for certain in a new project, and the columns that are null in them: PostgreSQL
//! refuses what would hold for all rows and does not for these.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::Catalog;
use crate::catalog::apply::{is_list_of_values, written_rows};
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::population::may_touch_rows;
use crate::catalog::table::{Column, ConstraintKind, Table, TableKind};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::source::Span;
use crate::sql::expr::{CteBody, Expr, Literal, Oid, Query};
use crate::sql::plpgsql::BlockStatement;
use crate::sql::statement::{
    AlterAction, AlterTable, ChangeKind, DataChange, DoBlock, Statement, StatementKind,
};

/// Tables with rows that were written for certain.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    tables: FxHashMap<Oid, Rows>,
}

#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// The statement that wrote some of them.
    written: Span,
    /// Columns that are null in some of them, and the statement that left them so.
    nulls: FxHashMap<i16, Span>,
}

impl Catalog {
    /// The rows that a statement adds for certain if PostgreSQL takes it.
    pub(super) fn rows_to_hold(&self, statement: &Statement) -> Option<(Oid, Rows)> {
        let StatementKind::Change(change) = &statement.kind else { return None };
        self.certain_rows(change, statement.span)
    }

    /// Forgets rows that a statement may delete or change, before it runs.
    pub(super) fn forget_held(&mut self, statement: &Statement) {
        if self.held.tables.is_empty() {
            return;
        }
        let touches = match &statement.kind {
            StatementKind::Change(change) => return self.forget_changed(change),
            StatementKind::Do(block) => self.may_touch(block),
            StatementKind::Query(query) => self.may_touch_by_query(query),
            StatementKind::Call(_) | StatementKind::Data(_) | StatementKind::Truncate { .. } => true,
            _ => false,
        };
        if touches {
            self.held.tables.clear();
        }
    }

    /// Takes note of the rows and columns that a statement has added.
    pub(super) fn note_held(&mut self, statement: &Statement, added: Option<(Oid, Rows)>) {
        if let StatementKind::AlterTable(alter) = &statement.kind {
            self.note_held_columns(alter, statement.span);
        }
        if let Some((oid, rows)) = added {
            let held = self.held.tables.entry(oid).or_insert_with(|| rows.clone());
            held.nulls.extend(rows.nulls);
        }
    }

    fn forget_changed(&mut self, change: &DataChange) {
        let has_cte = change.ctes.iter().any(|cte| matches!(cte.query, CteBody::Change(_)));
        let calls = change.own_expressions().into_iter().any(|expr| self.may_touch_by_call(expr));
        let rewrites = matches!(change.kind, ChangeKind::Delete | ChangeKind::Merge);
        if rewrites || has_cte || calls || self.sets_off(change) {
            return self.held.tables.clear();
        }
        let Some((name, _)) = self.resolve_relation(&change.table.name) else { return };
        let Some(oid) = self.table(&name).map(|table| table.oid) else { return };
        // UPDATE, and ON CONFLICT … DO UPDATE.
        if let Some(rows) = self.held.tables.get_mut(&oid).filter(|_| !change.assignments.is_empty()) {
            rows.nulls.clear();
        }
    }

    /// A new column without a value is null in the rows that are there.
    fn note_held_columns(&mut self, alter: &AlterTable, span: Span) {
        let Some((name, _)) = self.resolve_relation(&alter.name) else { return };
        let Some(oid) = self.table(&name).map(|table| table.oid) else { return };
        for action in &alter.actions {
            let Some(table) = self.tables.get(&oid) else { return };
            let (found, is_null) = match &action.value {
                AlterAction::AddColumn { column, .. } => {
                    let is_new = |added: &&Column| added.origin == Origin::Statement(column.span);
                    let added = table.column(&column.name).filter(is_new);
                    (added, added.is_some_and(|added| is_left_null(self, added)))
                }
                AlterAction::SetType { column, .. } => (table.column(column), false),
                _ => continue,
            };
            let Some(attnum) = found.map(|found| found.attnum) else { continue };
            let Some(rows) = self.held.tables.get_mut(&oid) else { return };
            match is_null {
                true => drop(rows.nulls.insert(attnum, span)),
                false => drop(rows.nulls.remove(&attnum)),
            }
        }
    }

    /// Why a new column cannot be NOT NULL.
    pub(super) fn why_not_filled(&self, oid: Oid, column: &Column) -> Option<Misfit> {
        let rows = self.held.tables.get(&oid)?;
        if !column.not_null.value || !is_left_null(self, column) {
            return None;
        }
        let table = &self.tables.get(&oid)?.name;
        let column = column.name.quoted();
        let why = format!("column {table}.{column} is NOT NULL and has no default, and {table} holds rows");
        Some(Misfit::refused(SqlState::NOT_NULL_VIOLATION, why).about(table).beside(Some(rows.written)).helped_by(
            "give it a default, or add it without NOT NULL, fill it in with UPDATE, and set it NOT NULL then",
        ))
    }

    /// Why a column cannot become NOT NULL.
    pub(super) fn why_not_set(&self, oid: Oid, attnum: i16) -> Option<Misfit> {
        let left = *self.held.tables.get(&oid)?.nulls.get(&attnum)?;
        let table = self.tables.get(&oid)?;
        let column = table.column_at(attnum).filter(|column| !column.not_null.value)?;
        let why = format!("column {}.{} is null in rows that are there", table.name, column.name.quoted());
        let misfit = Misfit::refused(SqlState::NOT_NULL_VIOLATION, why).about(&table.name).beside(Some(left));
        Some(misfit.helped_by("fill it in with UPDATE before"))
    }

    fn certain_rows(&self, change: &DataChange, span: Span) -> Option<(Oid, Rows)> {
        let (name, _) = self.resolve_relation(&change.table.name)?;
        let table = self.table(&name)?;
        let is_plain = change.kind == ChangeKind::Insert
            && change.ctes.is_empty()
            && change.assignments.is_empty()
            && self.session.role == "postgres"
            && table.kind == TableKind::Ordinary
            && table.history.created != Origin::Platform
            && table.parents.is_empty()
            && table.rules.is_empty()
            && table.triggers.is_empty()
            && !self.is_in_doubt(&table.name.name);
        if !is_plain {
            return None;
        }
        let (written, true) = written_rows(change)? else { return None };
        let given: Vec<&Column> = match change.columns.as_slice() {
            [] => table.columns.iter().take(written.first()?.len()).collect(),
            names => names.iter().map(|name| table.column(name)).collect::<Option<_>>()?,
        };
        let rows: Vec<Row<'_>> = written.iter().map(|row| Row { given: &given, values: row }).collect();
        let is_taken = table.columns.iter().all(|column| rows.iter().all(|row| self.takes(column, row)))
            && self.meets_constraints(table, &rows, change);
        let nulls = table.columns.iter().filter(|column| rows.iter().any(|row| row.is_null(self, column)));
        let nulls = nulls.map(|column| (column.attnum, span)).collect();
        // With ON CONFLICT it may be another row that is there.
        let nulls = if change.on_conflict { FxHashMap::default() } else { nulls };
        is_taken.then_some((table.oid, Rows { written: span, nulls }))
    }

    /// Whether a column certainly takes what a row has for it.
    fn takes(&self, column: &Column, row: &Row<'_>) -> bool {
        if column.generated.is_some() {
            return false;
        }
        match row.value(column) {
            None => column.default.as_ref().is_none_or(|default| self.is_safe_default(&default.value)),
            Some(value) => self.is_certain_value(&column.data_type.value, value),
        }
    }

    fn is_safe_default(&self, default: &Expr) -> bool {
        match default.uncast() {
            Expr::Literal(_) | Expr::Session(_) => true,
            Expr::Call(call) => {
                let known = ["now", "gen_random_uuid", "uuid_generate_v4", "nextval"];
                known.contains(&call.name.name.as_str())
            }
            _ => false,
        }
    }

    /// Whether a constant is a value of a type for certain.
    fn is_certain_value(&self, data_type: &DataType, value: &Expr) -> bool {
        let is_plain = data_type.modifiers.is_empty() && !data_type.array;
        match (&data_type.base, value) {
            (TypeRef::Builtin(_), Expr::Literal(Literal::Null)) => true,
            (TypeRef::User(oid), Expr::Literal(Literal::Null)) => self.labels(*oid).is_some(),
            (TypeRef::Builtin(name), Expr::Literal(Literal::String(text))) if is_plain => match name.as_str()
            {
                "text" | "varchar" => true,
                "uuid" => text.len() == 36 && text.bytes().filter(u8::is_ascii_hexdigit).count() == 32,
                "json" | "jsonb" => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
                "bool" => ["true", "false"].contains(&text.as_str()),
                _ => false,
            },
            (TypeRef::Builtin(name), Expr::Literal(Literal::Number(number))) if is_plain => {
                let is_short =
                    number.len() < 5 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                match name.as_str() {
                    "int2" | "int4" | "int8" => is_short && !number.contains('.'),
                    "numeric" | "float4" | "float8" => is_short,
                    _ => false,
                }
            }
            (TypeRef::Builtin(name), Expr::Literal(Literal::Bool(_))) => name == "bool" && is_plain,
            (TypeRef::Builtin(name), Expr::Call(call)) if is_plain && call.args.is_empty() => {
                match call.name.name.as_str() {
                    "now" => name == "timestamptz",
                    "gen_random_uuid" => name == "uuid",
                    _ => false,
                }
            }
            (TypeRef::User(oid), Expr::Literal(Literal::String(text))) if !data_type.array => {
                self.labels(*oid).is_some_and(|labels| labels.iter().any(|label| label == text))
            }
            _ => false,
        }
    }

    fn labels(&self, oid: Oid) -> Option<&[String]> {
        match &self.types.get(&oid)?.kind {
            UserTypeKind::Enum { labels } => Some(labels),
            _ => None,
        }
    }

    /// Whether rows certainly meet a table's constraints: checks of other forms than lists of values are not
    /// tried, and nulls refer to nothing.
    fn meets_constraints(&self, table: &Table, rows: &[Row<'_>], change: &DataChange) -> bool {
        let are_null = |columns: &[i16]| {
            let mut columns = columns.iter().filter_map(|attnum| table.column_at(*attnum));
            columns.any(|column| rows.iter().all(|row| row.is_null(self, column)))
        };
        let is_met = |kind: &ConstraintKind| match kind {
            ConstraintKind::Check { expr, .. } => is_list_of_values(expr),
            ConstraintKind::ForeignKey(key) => are_null(&key.columns),
            ConstraintKind::Exclude { .. } => false,
            ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => {
                self.is_distinct(table, rows, change, columns)
            }
        };
        table.indexes.values().all(|index| !index.unique || index.constraint.is_some())
            && table.constraints.values().all(|constraint| is_met(&constraint.kind))
    }

    /// Whether rows certainly clash with none in the columns of a key.
    fn is_distinct(&self, table: &Table, rows: &[Row<'_>], change: &DataChange, key: &[i16]) -> bool {
        let columns: Vec<&Column> = key.iter().filter_map(|attnum| table.column_at(*attnum)).collect();
        let is_called = |column: &Column, names: &[&str]| {
            let default = column.default.as_ref().map(|default| default.value.uncast());
            let is_default = rows.iter().all(|row| row.value(column).is_none());
            is_default
                && matches!(default, Some(Expr::Call(call)) if names.contains(&call.name.name.as_str()))
        };
        let is_random =
            columns.iter().any(|column| is_called(column, &["gen_random_uuid", "uuid_generate_v4"]));
        let is_covered =
            change.conflict_is_plain && columns.iter().all(|it| change.conflict_columns.contains(&it.name));
        let are_different = |column: &&Column| {
            let texts: Option<FxHashSet<&str>> = rows.iter().map(|row| literal(row.value(column)?)).collect();
            texts.is_some_and(|texts| texts.len() == rows.len())
        };
        let is_counted =
            columns.iter().any(|column| is_called(column, &["nextval"]) || column.identity.is_some());
        let is_alone = rows.len() == 1 || is_counted || columns.iter().any(are_different);
        is_random || is_covered || is_alone && self.is_empty_table(table.oid)
    }

    /// Whether a block may change rows.
    fn may_touch(&self, block: &DoBlock) -> bool {
        let Some(body) = &block.block else { return true };
        let mut touches = false;
        body.walk_blocks(&mut |block| {
            let handled = block.handlers.iter().flat_map(|handler| &handler.body);
            for statement in block.body.iter().chain(handled) {
                statement.walk(&mut |statement| touches |= self.may_touch_in_block(statement));
            }
        });
        touches
    }

    fn may_touch_in_block(&self, statement: &BlockStatement) -> bool {
        let changes = statement.sql().is_some_and(|inner| match &inner.kind {
            StatementKind::AlterTable(alter) => {
                alter.actions.iter().any(|action| matches!(action.value, AlterAction::SetType { .. }))
            }
            kind => matches!(
                kind,
                StatementKind::Change(_)
                    | StatementKind::Query(_)
                    | StatementKind::Call(_)
                    | StatementKind::Data(_)
                    | StatementKind::Truncate { .. }
            ),
        });
        let executes =
            statement.executed().is_some_and(|command| command.value.as_ref().is_none_or(may_touch_rows));
        let mut values = statement.fragments().into_iter().filter_map(|fragment| fragment.value.as_ref());
        changes || executes || values.any(|expr| self.may_touch_by_call(expr))
    }

    fn may_touch_by_query(&self, query: &Query) -> bool {
        let mut touches = false;
        query.walk_queries(&mut |query| {
            touches |= query.ctes.iter().any(|cte| matches!(cte.query, CteBody::Change(_)));
        });
        query.walk(&mut |expr| touches |= self.is_own_call(expr));
        touches
    }

    fn may_touch_by_call(&self, expr: &Expr) -> bool {
        expr.any(&|part| self.is_own_call(part))
    }

    fn is_own_call(&self, expr: &Expr) -> bool {
        let is_own = |name: QName| {
            self.functions_named(&name).any(|function| function.history.created != Origin::Platform)
        };
        matches!(expr, Expr::Call(call) if self.resolve_functions(&call.name).is_some_and(is_own))
    }
}

/// A new row: its values for the columns that are given.
struct Row<'r> {
    given: &'r [&'r Column],
    values: &'r [&'r Expr],
}

impl<'r> Row<'r> {
    /// What is written for a column; nothing for its default.
    fn value(&self, column: &Column) -> Option<&'r Expr> {
        let at = self.given.iter().position(|given| given.attnum == column.attnum)?;
        self.values.get(at).copied().filter(|value| !matches!(value, Expr::Other("default", _)))
    }

    fn is_null(&self, catalog: &Catalog, column: &Column) -> bool {
        match self.value(column) {
            Some(value) => matches!(value, Expr::Literal(Literal::Null)),
            None => is_left_null(catalog, column),
        }
    }
}

/// Whether a column is null where nothing is said.
fn is_left_null(catalog: &Catalog, column: &Column) -> bool {
    let is_plain = match &column.data_type.value.base {
        TypeRef::Builtin(_) => true,
        // A domain may have a default.
        TypeRef::User(oid) => catalog.labels(*oid).is_some(),
        TypeRef::Row(_) | TypeRef::Unknown(_) => false,
    };
    is_plain && column.default.is_none() && column.identity.is_none() && column.generated.is_none()
}

/// A constant that is different wherever its text is.
fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    const TABLE: &str = "create table t (id uuid primary key default gen_random_uuid(), name text not null, kind text check (kind in ('a', 'b')), n int);
        create function f() returns int language sql as 'delete from t returning 1';";

    fn refused(text: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{TABLE} {text};"));
        bench.catalog.failures.iter().map(|failure| failure.misfit.to_string()).collect()
    }

    #[test]
    fn rows_that_are_there_need_a_value() {
        for text in [
            "insert into t (name) values ('x'); alter table t add column c text not null",
            "insert into t (name, kind) values ('x', 'a'), ('y', null); alter table t add column if not exists c int not null",
            "insert into t (name) select 'x'; do $$ begin alter table t add c text not null; end $$",
            "insert into t (name) values ('x'); alter table t alter n set not null",
            "insert into t (name, n) values ('x', 1); alter table t add c int; alter table t alter c set not null",
            "insert into t (name) values ('x'); create index on t (name); alter table t rename to u; alter table u add c int not null",
            "create table s (slug text unique, id serial primary key); insert into s (slug) values ('a'), ('b') on conflict (slug) do nothing;
             alter table s add c int not null",
        ] {
            assert_eq!(refused(text).len(), 1, "{text}: {:?}", refused(text));
        }
    }

    #[test]
    fn rows_that_may_not_be_there_need_none() {
        for text in [
            "insert into t (name) values ('x'); alter table t add c text not null default 'x', add d serial, add e int generated always as (1) stored",
            "insert into t (name) values ('x'); delete from t; alter table t add c text not null",
            "insert into t (name) values ('x'); truncate t; alter table t add c text not null",
            "insert into t (name) values ('x'); select f(); alter table t add c text not null",
            "insert into t (name) values ('x'); do $$ begin delete from t; alter table t add c text not null; end $$",
            "insert into t (name) values ('x'); do $$ begin execute 'delete from t'; end $$; alter table t add c text not null",
            "insert into t (name) select 'x' where false; alter table t add c text not null",
            "insert into t (name, kind) values ('x', lower('A')); alter table t add c text not null",
            "insert into t (name, n) values ('x', null), ('y', 2); update t set n = 1; alter table t alter n set not null",
            "insert into t (name) values ('x'); alter table t add c int; update t set c = 1; alter table t alter c set not null",
            "insert into t (name, n) values ('x', 1); alter table t alter n set not null",
            "create table u (t uuid references t); insert into u values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid); alter table u add c int not null",
            "create function g() returns trigger language plpgsql as 'begin return null; end';
             create trigger x before insert on t for each row execute function g(); insert into t (name) values ('x'); alter table t add c int not null",
            "do $$ begin insert into t (name) values ('x'); exception when others then null; end $$; alter table t add c text not null",
            "create table v (a int check (a > 10)); insert into v values (1); alter table v add c int not null",
            "create table v (a varchar(2), b int); insert into v (a) values ('long'); alter table v add c int not null",
            "create table v (a date); insert into v (a) values ('x'); alter table v add c int not null",
            "begin; insert into t (name) values ('x'); rollback; alter table t add c text not null",
            "create table s (id serial primary key); insert into s (id) values (1); insert into s default values; drop table s;
             create table s (id int); alter table s add c int not null",
        ] {
            let said = refused(text);
            let said: Vec<_> = said.iter().filter(|why| why.contains("NOT NULL") || why.contains("is null")).collect();
            assert!(said.is_empty(), "{text}: {said:?}");
        }
    }
}
