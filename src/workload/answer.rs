//! What functions hand to those who call them.

use crate::catalog::function::{Function, Returns};
use crate::catalog::table::Column;
use crate::source::Span;
use crate::sql::expr::{
    Call, ColumnRef, Expr, FromItem, Oid, Query, QueryBody, ResultColumn, Select, SublinkKind, Target,
};
use crate::sql::name::Ident;
use crate::sql::plpgsql::BlockStatementKind;
use crate::sql::statement::{ArgumentMode, Statement, StatementKind};
use crate::workload::routine::Routine;

/// A column of a table or a view that is part of a function's result as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub relation: Oid,
    pub column: GivenColumn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenColumn {
    All,
    At(i16),
    Named(Ident),
}

impl GivenColumn {
    pub fn is(&self, column: &Column) -> bool {
        match self {
            Self::All => true,
            Self::At(attnum) => column.attnum == *attnum,
            Self::Named(name) => column.name == *name,
        }
    }
}

impl Routine {
    /// The columns that a function's result is made of, through one variable as well. What sub-selects in
    /// FROM and other functions return is not followed.
    pub fn given(&self, function: &Function) -> Vec<Given> {
        Answer::of(self, function).given
    }

    /// The relations of which a function gives each row that is there, whatever else it has to do with them.
    pub fn given_whole(&self, function: &Function) -> Vec<Oid> {
        Answer::of(self, function).whole
    }

    /// The bound form of a query of the block.
    pub(super) fn query_at(&self, statement: &Statement) -> Option<&Query> {
        let bound = self.statements.iter().find(|bound| bound.span == statement.span)?;
        match &bound.kind {
            StatementKind::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The same, unless the place is that of others as well, as in what EXECUTE runs.
    pub(super) fn only_value_at(&self, place: Span) -> Option<&Expr> {
        let mut here =
            self.expressions.iter().filter(|expr| expr.span().is_some_and(|span| place.contains(span)));
        here.next().filter(|_| here.next().is_none())
    }

    /// The bound form of an expression of the block.
    pub(super) fn value_at(&self, place: Span) -> Option<&Expr> {
        self.expressions.iter().find(|expr| expr.span().is_some_and(|span| place.contains(span)))
    }
}

struct Answer<'a> {
    routine: &'a Routine,
    function: &'a Function,
    /// The variables that are part of the result, or the fields of them that are.
    variables: Vec<(Ident, Option<Ident>)>,
    given: Vec<Given>,
    whole: Vec<Oid>,
}

impl<'a> Answer<'a> {
    fn of(routine: &'a Routine, function: &'a Function) -> Self {
        let mut answer =
            Self { routine, function, variables: Vec::new(), given: Vec::new(), whole: Vec::new() };
        answer.collect();
        answer
    }

    fn collect(&mut self) {
        let routine = self.routine;
        let Some(block) = &routine.block else {
            if let Some(StatementKind::Query(query)) = routine.statements.last().map(|last| &last.kind) {
                self.query(query);
            }
            return;
        };
        let is_output = |mode| matches!(mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table);
        let outputs = self.function.arguments.iter().filter(|argument| is_output(argument.mode));
        self.variables = outputs.filter_map(|argument| Some((argument.name.clone()?, None))).collect();
        block.walk(&mut |statement| match &statement.kind {
            BlockStatementKind::ReturnQuery(query) => {
                routine.query_at(query).into_iter().for_each(|query| self.query(query));
            }
            BlockStatementKind::Return(Some(value)) | BlockStatementKind::ReturnNext(Some(value)) => {
                routine.value_at(value.span).into_iter().for_each(|value| self.value(value));
            }
            _ => {}
        });
        let variables = std::mem::take(&mut self.variables);
        block.walk(&mut |statement| match &statement.kind {
            BlockStatementKind::Sql { statement, into } => {
                let query = routine.query_at(statement);
                query.into_iter().for_each(|query| self.received(query, into, &variables));
            }
            BlockStatementKind::Assign { target, field: None, value }
                if variables.iter().any(|(name, _)| name == target) =>
            {
                routine.value_at(value.span).into_iter().for_each(|value| self.value(value));
            }
            _ => {}
        });
    }

    /// What a query puts into the variables that are part of the result.
    fn received(&mut self, query: &Query, into: &[Ident], variables: &[(Ident, Option<Ident>)]) {
        let QueryBody::Select(select) = &query.body else { return };
        for (name, field) in variables {
            let Some(at) = into.iter().position(|variable| variable == name) else { continue };
            match (into, field) {
                ([_], Some(field)) => self.field(query, &select.targets, field),
                ([_], None) => select.targets.iter().for_each(|target| self.target(query, target)),
                _ => select.targets.get(at).into_iter().for_each(|target| self.target(query, target)),
            }
        }
    }

    /// One field of the row that a query gives.
    fn field(&mut self, query: &Query, targets: &[ResultColumn], field: &Ident) {
        for target in targets {
            match &target.expr {
                Expr::Column(column) if column.star => {
                    let named = |relation| Given { relation, column: GivenColumn::Named(field.clone()) };
                    self.given.extend(starred(query, column).into_iter().map(named));
                }
                Expr::Column(column) if target.alias.as_ref().or(column.path.last()) == Some(field) => {
                    self.target(query, target);
                }
                _ if target.alias.as_ref() == Some(field) => self.target(query, target),
                _ => {}
            }
        }
    }

    fn query(&mut self, query: &Query) {
        match &query.body {
            QueryBody::Select(select) => {
                self.whole.extend(whole_relation(query, select, gives_rows(self.function)));
                select.targets.iter().for_each(|target| self.target(query, target));
            }
            QueryBody::SetOperation(left, right) => {
                self.query(left);
                self.query(right);
            }
            QueryBody::Values(_) => {}
        }
    }

    fn target(&mut self, query: &Query, target: &ResultColumn) {
        match &target.expr {
            Expr::Column(column) if column.star => {
                let all = |relation| Given { relation, column: GivenColumn::All };
                self.given.extend(starred(query, column).into_iter().map(all));
            }
            value => self.value(value),
        }
    }

    /// The parts of a value that can be read in it.
    fn value(&mut self, value: &Expr) {
        match value {
            Expr::Column(column) => self.column(column),
            Expr::Cast { expr, .. } | Expr::Named { value: expr, .. } => self.value(expr),
            Expr::Coalesce(parts) | Expr::Array(parts) | Expr::Row(parts) => {
                parts.iter().for_each(|part| self.value(part));
            }
            Expr::Case { arms, default, .. } => {
                arms.iter().map(|(_, then)| then).for_each(|then| self.value(then));
                default.iter().for_each(|default| self.value(default));
            }
            Expr::Op { op, left: Some(left), right } if op == "||" => {
                self.value(left);
                self.value(right);
            }
            Expr::Call(call) if shows_arguments(call) => call.args.iter().for_each(|arg| self.value(arg)),
            Expr::Sublink(sublink) if matches!(sublink.kind, SublinkKind::Scalar | SublinkKind::Array) => {
                self.query(&sublink.query);
            }
            _ => {}
        }
    }

    fn column(&mut self, column: &ColumnRef) {
        match column.target {
            Target::Column { relation, attnum, .. } => {
                self.given.push(Given { relation, column: GivenColumn::At(attnum) });
            }
            Target::Row { relation, .. } => {
                self.given.push(Given { relation, column: GivenColumn::All });
            }
            Target::Variable => {
                let mut path = column.path.iter();
                let first = path.next().filter(|name| **name != self.function.name.name);
                if let Some(name) = first.or_else(|| path.next()) {
                    self.variables.push((name.clone(), path.next().cloned()));
                }
            }
            _ => {}
        }
    }
}

fn gives_rows(function: &Function) -> bool {
    matches!(function.returns, Returns::SetOf(_) | Returns::Table)
}

/// The one relation of which a query gives columns of every row: each by itself where all of its rows are given on, or
/// gathered into one value.
fn whole_relation(query: &Query, select: &Select, rows: bool) -> Option<Oid> {
    let [FromItem::Relation { relation, .. }] = select.from.as_slice() else { return None };
    let oid = relation.target?;
    let is_of_it = |expr: &Expr| {
        let Expr::Column(column) = expr.uncast() else { return false };
        match column.target {
            Target::Column { relation, .. } | Target::Row { relation, .. } => relation == oid,
            _ => column.star && starred(query, column).contains(&oid),
        }
    };
    let is_gathered = |expr: &Expr| {
        expr.any(&|part| {
            matches!(part, Expr::Call(call) if call.aggregate && GATHER.contains(&call.name.name.as_str()))
        })
    };
    let is_summed = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Call(call) if call.aggregate));
    let targets = || select.targets.iter().map(|target| &target.expr);
    let is_whole = select.filter.is_none()
        && select.having.is_none()
        && select.group_by.is_empty()
        && (rows && targets().any(is_of_it) && !targets().any(is_summed) || targets().any(is_gathered));
    is_whole.then_some(oid)
}

/// Aggregates in whose value each row can be read.
pub(super) const GATHER: &[&str] =
    &["json_agg", "jsonb_agg", "array_agg", "string_agg", "json_object_agg", "jsonb_object_agg"];

/// The relations whose columns a `*` stands for.
fn starred(query: &Query, star: &ColumnRef) -> Vec<Oid> {
    match star.target {
        Target::Row { relation, .. } => vec![relation],
        _ if star.path.is_empty() => {
            query.own_relations().into_iter().filter_map(|relation| relation.target).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether what a function of PostgreSQL is given can be read in its result.
fn shows_arguments(call: &Call) -> bool {
    let name = call.name.name.as_str();
    call.target.is_none()
        && (name.starts_with("json")
            || matches!(
                name,
                "to_json"
                    | "to_jsonb"
                    | "row_to_json"
                    | "array_agg"
                    | "string_agg"
                    | "concat"
                    | "concat_ws"
                    | "format"
                    | "lower"
                    | "upper"
                    | "trim"
                    | "min"
                    | "max"
            ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::workload::Workload;

    /// The columns of `a (id, email, name)` that functions with such heads and bodies give.
    fn given(head: &str, body: &str) -> String {
        let bench = Bench::new(&format!(
            "create table a (id int, email text, name text);
             create function f({head} as $$ {body} $$;"
        ));
        let workload = Workload::of(&bench.catalog);
        let function = bench.catalog.own_functions().next().expect("the function is there");
        let table = bench.catalog.own_tables().next().expect("the table is there");
        let routine = &workload.routines[&function.oid];
        let word = |given: Given| {
            assert_eq!(given.relation, table.oid);
            match given.column {
                GivenColumn::All => "all".to_string(),
                GivenColumn::Named(name) => name.to_string(),
                GivenColumn::At(attnum) => {
                    table.column_at(attnum).expect("the column is there").name.to_string()
                }
            }
        };
        routine.given(function).into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn results_of_queries() {
        let sql = |body| given("n int) returns setof record language sql", body);
        assert_eq!(sql("select email from a where id = n"), "email");
        assert_eq!(sql("select 1; select lower(a.email)::text, id from a"), "email id");
        assert_eq!(sql("select * from a"), "all");
        assert_eq!(sql("select x.* from a x union all select a from a"), "all all");
        assert_eq!(
            sql("select jsonb_build_object('to', email, 'n', count(name)) from a group by 1"),
            "email"
        );
        assert_eq!(sql("select (select email from a limit 1)"), "email");
        assert_eq!(sql("select email is null, email = name, case when email = '' then id end from a"), "id");
        assert_eq!(sql("select count(email), md5(email) from a"), "");
        assert_eq!(sql("insert into a (email) select email from a"), "");
    }

    #[test]
    fn results_of_blocks() {
        let block = |body| given("n int) returns text language plpgsql", body);
        assert_eq!(block("begin return (select email from a where id = n); end"), "email");
        assert_eq!(block("begin return query select email, name from a; end"), "email name");
        assert_eq!(
            block("declare e text; i int; begin select id, email into i, e from a; return 'to ' || e; end"),
            "email"
        );
        assert_eq!(block("declare e text; begin e := (select email from a); return e; end"), "email");
        assert_eq!(block("declare r a%rowtype; begin select * into r from a; return r; end"), "all");
        assert_eq!(block("declare r a; begin select * into r from a; return r.name; end"), "name");
        assert_eq!(block("declare e text; begin select email into e from a; return f.n; end"), "");
    }

    #[test]
    fn every_row() {
        let gives = |head: &str, body: &str| {
            let bench = Bench::new(&format!(
                "create table a (id int, email text);
                 create function f({head} language plpgsql as $$ begin {body} end $$;
                 create function g({head} language sql as $$ {} $$;",
                body.trim_start_matches("return query ")
            ));
            let workload = Workload::of(&bench.catalog);
            let functions: Vec<_> = bench.catalog.own_functions().collect();
            let whole = |function: &&Function| workload.routines[&function.oid].given_whole(function).len();
            functions.iter().map(whole).collect::<Vec<_>>()
        };
        let rows = |body| gives("n int) returns setof a", body);
        assert_eq!(rows("return query select * from a;"), [1, 1]);
        assert_eq!(rows("return query select id, email from a order by id limit n;"), [1, 1]);
        assert_eq!(rows("return query select * from a where id = n;"), [0, 0]);
        assert_eq!(rows("return query select max(id), max(email) from a;"), [0, 0]);
        assert_eq!(rows("return query select x.* from a x join a y using (id);"), [0, 0]);
        assert_eq!(gives(") returns jsonb", "return query select jsonb_agg(to_jsonb(a)) from a;")[1], 1);
        assert_eq!(gives(") returns bigint", "return query select count(*) from a;")[1], 0);
        assert_eq!(gives(") returns text", "return query select email from a;")[1], 0);
    }

    #[test]
    fn outputs() {
        assert_eq!(
            given(
                "n int, out mail text, out label text) language plpgsql",
                "begin select email, name into mail, label from a; end"
            ),
            "email name"
        );
        assert_eq!(
            given(
                "n int) returns table (mail text) language plpgsql",
                "begin select email into mail from a where id = n; return next; end"
            ),
            "email"
        );
    }
}
