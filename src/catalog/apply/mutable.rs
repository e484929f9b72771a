//! What an index or a generated column cannot hold: values that are not the same each time.

use crate::catalog::Catalog;
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::source::Span;
use crate::sql::expr::{Call, Expr, Oid, Target};
use crate::sql::statement::Volatility;

impl Catalog {
    /// Notes a part of a bound expression about a relation's rows that is not immutable for certain.
    pub(super) fn expect_immutable(&mut self, on: Oid, expr: &Expr, what: &str, span: Span) {
        let Some((name, schema)) = self.relation_name(on) else { return };
        if self.is_in_doubt(&name) {
            return;
        }
        let mut found = None;
        expr.walk(&mut |part| {
            if found.is_none() {
                found = self.mutable(part);
            }
        });
        let Some(part) = found else { return };
        let name = crate::catalog::name::QName { schema, name };
        let why = format!("{what} of {name} has to be immutable, and {part} is not");
        let misfit = Misfit::refused(SqlState::INVALID_OBJECT_DEFINITION, why).about(&name).at(span);
        self.unfit.push(misfit.helped_by(
            "the result must not depend on settings, the time zone or the time: write `at time zone 'UTC'` \
             before a cast to date, or call a function of your own that is immutable indeed",
        ));
    }

    /// Notes a sub-select in a part of a table that holds none.
    pub(super) fn expect_no_query(&mut self, on: Oid, expr: &Expr, what: &str) {
        let Some((name, schema)) = self.relation_name(on) else { return };
        if !expr.any(&|part| matches!(part, Expr::Sublink(_))) {
            return;
        }
        let name = crate::catalog::name::QName { schema, name };
        let why = format!("{what} of {name} cannot hold a sub-select");
        let misfit = Misfit::refused(SqlState::FEATURE_NOT_SUPPORTED, why).about(&name);
        let misfit =
            misfit.helped_by("run the query in a trigger, or in a function that the expression calls");
        self.unfit.push(match expr.span() {
            Some(span) => misfit.at(span),
            None => misfit,
        });
    }

    /// Whether an index may hold a call, for all that is known of the function.
    pub fn may_index(&self, call: &Call) -> bool {
        match call.target.and_then(|oid| self.functions.get(&oid)) {
            Some(function) => function.volatility == Volatility::Immutable,
            None => {
                let is_builtin = call.name.schema.as_ref().is_none_or(|schema| *schema == "pg_catalog");
                is_builtin && self.resolve_functions(&call.name).is_none() && !self.is_mutable_call(call)
            }
        }
    }

    /// What is not immutable about this part of an expression itself, in words.
    fn mutable(&self, part: &Expr) -> Option<String> {
        match part {
            Expr::Session(word) => Some((*word).to_string()),
            Expr::Call(call) => self.is_mutable_call(call).then(|| format!("{}(…)", call.name.name)),
            Expr::Cast { expr, to } => {
                let (from, to) = (self.type_of_column(expr)?, self.resolve_data_type(to));
                let words = || format!("the cast of {} to {}", from.display(self), to.display(self));
                self.is_mutable_cast(from, &to).then(words)
            }
            _ => None,
        }
    }

    fn is_mutable_call(&self, call: &Call) -> bool {
        if let Some(oid) = call.target {
            let Some(function) = self.functions.get(&oid) else { return false };
            // PostgreSQL looks into functions of SQL.
            return function.history.created.span().is_some()
                && !matches!(function.language.as_str(), "sql" | "internal" | "")
                && function.volatility != Volatility::Immutable
                && self.functions_named(&function.name).count() == 1
                && !self.is_in_doubt(&function.name.name);
        }
        if self.resolve_functions(&call.name).is_some() {
            return false;
        }
        let is_zoned = || call.args.last().is_some_and(|arg| self.is_column_of(arg, "timestamptz"));
        match (call.name.name.as_str(), call.args.len()) {
            (
                "now"
                | "transaction_timestamp"
                | "statement_timestamp"
                | "clock_timestamp"
                | "timeofday"
                | "random"
                | "gen_random_uuid",
                0,
            )
            | ("to_char" | "to_date" | "to_timestamp", 2)
            | ("to_tsvector", 1) => true,
            ("concat" | "concat_ws" | "format" | "array_to_string", arguments) => arguments > 0,
            ("date" | "age", 1) | ("date_trunc" | "date_part" | "extract", 2) => is_zoned(),
            _ => false,
        }
    }

    /// Whether a cast depends on the time zone or on how dates are written.
    fn is_mutable_cast(&self, from: &DataType, to: &DataType) -> bool {
        if from.array || to.array {
            return false;
        }
        let is_text = |name: &str| matches!(name, "text" | "varchar" | "bpchar");
        let is_time = |name: &str| matches!(name, "date" | "timestamp" | "timestamptz");
        match (&from.base, &to.base) {
            (TypeRef::Builtin(from), TypeRef::Builtin(to)) => match (from.as_str(), to.as_str()) {
                ("timestamptz", "date" | "timestamp" | "time") | ("date" | "timestamp", "timestamptz") => {
                    true
                }
                (from, to) => is_text(from) && is_time(to) || is_time(from) && is_text(to),
            },
            (TypeRef::User(oid), TypeRef::Builtin(to)) => {
                is_text(to)
                    && self.types.get(oid).is_some_and(|it| matches!(it.kind, UserTypeKind::Enum { .. }))
            }
            _ => false,
        }
    }

    fn is_column_of(&self, expr: &Expr, data_type: &str) -> bool {
        self.type_of_column(expr).is_some_and(|own| own.is_builtin(data_type))
    }

    /// The type of a column of a table, where the expression is nothing else.
    fn type_of_column(&self, expr: &Expr) -> Option<&DataType> {
        let Expr::Column(column) = expr else { return None };
        let Target::Column { relation, attnum, .. } = column.target else { return None };
        Some(&self.tables.get(&relation)?.column_at(attnum)?.data_type.value)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check_noted};

    #[test]
    fn indexes_and_generated_columns_are_immutable() {
        let refused =
            |what: &str, part: &str| format!("{what} of public.t has to be immutable, and {part} is not");
        let index = |part: &str| refused("an index", part);
        check_noted(
            "create type mood as enum ('ok');
             create table t (a text, at timestamptz, plain timestamp, day date, mood mood, tags text[], n int);
             create function stable(a text) returns text language plpgsql stable as 'begin return a; end';
             create function fixed(a text) returns text language plpgsql immutable as 'begin return a; end';
             create function inlined(a text) returns text language sql as 'select lower(a)';",
            &[
                ("create index on t (date(at));", Some(index("date(…)").as_str())),
                (
                    "create index on t ((at::date));",
                    Some(index("the cast of timestamp with time zone to date").as_str()),
                ),
                ("create index on t (((at at time zone 'UTC')::date));", None),
                ("create index on t (date(plain), (plain::date));", None),
                ("create index on t (date_trunc('day', at));", Some(index("date_trunc(…)").as_str())),
                ("create index on t (extract(year from at));", Some(index("extract(…)").as_str())),
                ("create index on t (date_trunc('day', plain), extract(year from plain), extract(year from day));", None),
                ("create index on t (to_char(at, 'YYYY'));", Some(index("to_char(…)").as_str())),
                ("create index on t (to_char(plain, 'YYYY'));", Some(index("to_char(…)").as_str())),
                ("create index on t (at) where at > now();", Some(index("now(…)").as_str())),
                ("create index on t (at) where at > current_date;", Some(index("current_date").as_str())),
                ("create index on t ((a::date));", Some(index("the cast of text to date").as_str())),
                ("create index on t (lower(mood::text));", Some(index("the cast of public.mood to text").as_str())),
                ("create index on t (lower(a), (n::text), (a::int), (a || n));", None),
                ("create index on t (concat(a, a));", Some(index("concat(…)").as_str())),
                ("create index on t (array_to_string(tags, ','));", Some(index("array_to_string(…)").as_str())),
                ("create index on t using gin (to_tsvector(a));", Some(index("to_tsvector(…)").as_str())),
                ("create index on t using gin (to_tsvector('english', a));", None),
                ("create index on t (stable(a));", Some(index("stable(…)").as_str())),
                ("create index on t (fixed(a), inlined(a));", None),
                (
                    "alter table t add search tsvector generated always as (to_tsvector(a)) stored;",
                    Some(refused("a generated column", "to_tsvector(…)").as_str()),
                ),
                ("alter table t add upper text generated always as (upper(a)) stored;", None),
            ],
        );
    }
    #[test]
    fn parts_of_tables_hold_no_queries() {
        let refused =
            |text: &str| Bench::new(&format!("create table t (a int); {text};")).catalog.failures.len();
        for text in [
            "create table x (a int check (a in (select a from t)))",
            "alter table t add constraint c check (exists (select 1 from t))",
            "create table x (a int default (select max(a) from t))",
            "alter table t alter a set default (select 1)",
            "create table x (a int, b int generated always as ((select 1)) stored)",
            "create index on t ((a + (select 1)))",
            "create index on t (a) where a in (select a from t)",
        ] {
            assert_eq!(refused(text), 1, "{text}");
        }
        assert_eq!(refused("create policy p on t using (a in (select a from t))"), 0);
    }
}
