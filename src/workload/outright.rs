//! What functions do with every row of a table, whoever calls them and with whatever.

use crate::catalog::Catalog;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::function::{Function, Returns};
use crate::catalog::name::QName;
use crate::catalog::table::Table;
use crate::predicate::is_always_true;
use crate::source::Span;
use crate::sql::expr::{
    Call, ColumnRef, Cte, CteBody, Expr, FromItem, Oid, Query, QueryBody, Select, SublinkKind, Target,
};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind, Fragment, LoopHead, RaiseLevel};
use crate::sql::statement::{ChangeKind, DataChange, PolicyCommand, Statement, StatementKind};
use crate::workload::Workload;
use crate::workload::answer::GATHER;
use crate::workload::routine::Routine;

/// Something that is done with every row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outright {
    pub table: Oid,
    pub command: PolicyCommand,
    /// Whether it is done by TRUNCATE, which no policy holds back.
    pub truncates: bool,
    /// The columns that are given; nothing where that is all of them, or the rows are not given.
    pub columns: Option<Vec<i16>>,
    /// The function that runs it with its rights; the one that is called, where nothing has an owner's rights.
    pub by: Oid,
}

impl Workload {
    /// What a function does with every row, for certain: its body was read as a whole, nothing in it depends on
    /// anything, and what it calls of the project is such a function, too. Only rows that are given one by one, or
    /// gathered in one value, count as given.
    pub fn outright(&self, catalog: &Catalog, function: &Function) -> Vec<Outright> {
        let deeds = Reader { workload: self, catalog }.function(function, function.oid, DEPTH);
        let Deeds { done, given } = deeds.unwrap_or_default();
        let mut found: Vec<Outright> = Vec::new();
        for one in done.into_iter().chain(given) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }
}

impl Routine {
    /// Where it empties which tables with TRUNCATE.
    pub fn truncations(&self, catalog: &Catalog, function: &Function) -> Vec<(Span, Oid)> {
        let named = self.statements.iter().filter_map(|statement| match &statement.kind {
            StatementKind::Truncate { tables, .. } => Some((statement.span, tables)),
            _ => None,
        });
        let named = named.flat_map(|(place, tables)| tables.iter().map(move |table| (place, table)));
        let path = || function.search_path().unwrap_or_else(|| vec![Ident::new("public")]);
        let table = |schema: &Ident, name: &Ident| {
            catalog.table(&QName { schema: schema.clone(), name: name.clone() }).map(|table| table.oid)
        };
        let found = |(place, name): (Span, &ObjectName)| {
            let oid = match &name.schema {
                Some(schema) => table(schema, &name.name),
                None => path().iter().find_map(|schema| table(schema, &name.name)),
            };
            Some((place, oid?))
        };
        named.filter_map(found).collect()
    }
}

/// How many functions may call each other.
const DEPTH: usize = 4;

/// What a function does with all rows of tables.
#[derive(Default)]
struct Deeds {
    done: Vec<Outright>,
    /// What its result is.
    given: Vec<Outright>,
}

/// A part of a body that runs with each call.
enum Step<'r> {
    Run(&'r StatementKind, &'r [Ident]),
    /// A query whose rows are given.
    Give(&'r Query),
    /// A value that a variable gets.
    Set(&'r Ident, &'r Expr),
    /// A value that is given.
    Value(&'r Expr),
}

/// A variable, and the tables of which each row can be read in its value.
type Variable<'r> = (&'r Ident, Vec<Outright>);

/// Rows of a table that a query reads: all of them.
struct Source<'a> {
    table: &'a Table,
    columns: Vec<i16>,
    by: Oid,
    /// What a sub-select, a part of WITH or a function is called here.
    derived: Option<&'a Ident>,
}

struct Reader<'a> {
    workload: &'a Workload,
    catalog: &'a Catalog,
}

impl<'a> Reader<'a> {
    /// What a function does, with whose rights; nothing where it may do something else or stop on the way.
    fn function(&self, function: &'a Function, by: Oid, depth: usize) -> Option<Deeds> {
        let by = if function.security_definer.value { function.oid } else { by };
        let asks =
            self.workload.body_knows_caller(function.oid) && !self.workload.only_notes_caller(function.oid);
        let routine = self.workload.routines.get(&function.oid).filter(|_| !asks && depth > 0)?;
        let steps = steps(routine).filter(|_| routine.complete && routine.executed.is_empty())?;
        if !self.calls_alike(routine, by, depth) {
            return None;
        }
        let rows = matches!(function.returns, Returns::SetOf(_) | Returns::Table);
        let within = Within { reader: self, by, depth, rows };
        let mut deeds = Deeds::default();
        let truncated = routine.truncations(self.catalog, function).into_iter();
        deeds.done.extend(truncated.map(|(_, table)| Outright {
            table,
            command: PolicyCommand::Delete,
            truncates: true,
            columns: None,
            by,
        }));
        within.take(&steps, &mut deeds);
        Some(deeds)
    }

    /// Whether all that it calls of the project does what it does with each call.
    fn calls_alike(&self, routine: &Routine, by: Oid, depth: usize) -> bool {
        let mut alike = true;
        routine.walk(&mut |part| {
            let Expr::Call(call) = part else { return };
            alike = alike
                && match call.target {
                    Some(_) => self.called(call, by, depth).is_some(),
                    None => match &call.name.schema {
                        Some(schema) => *schema == "pg_catalog",
                        None => is_builtin_function(&call.name.name),
                    },
                };
        });
        alike
    }

    fn called(&self, call: &Call, by: Oid, depth: usize) -> Option<Deeds> {
        self.function(self.catalog.functions.get(&call.target?)?, by, depth - 1)
    }
}

/// The steps of a body, if each of them runs with each call and no error takes back what they do.
fn steps(routine: &Routine) -> Option<Vec<Step<'_>>> {
    let Some(block) = &routine.block else {
        let mut steps: Vec<_> =
            routine.statements.iter().map(|statement| Step::Run(&statement.kind, &[])).collect();
        if let Some(StatementKind::Query(query)) = routine.statements.last().map(|last| &last.kind) {
            steps.push(Step::Give(query));
        }
        return Some(steps);
    };
    let mut steps = Vec::new();
    add_steps(routine, block, true, &mut steps).then_some(steps)
}

fn add_steps<'r>(routine: &'r Routine, block: &'r Block, is_outer: bool, steps: &mut Vec<Step<'r>>) -> bool {
    let bound = |statement: &Statement| {
        routine.statements.iter().find(|bound| bound.span == statement.span).map(|bound| &bound.kind)
    };
    let value = |fragment: &Fragment| routine.value_at(fragment.span);
    let last = block.body.last().map(|last| last.span).filter(|_| is_outer);
    let mut goes_on = block.handlers.is_empty();
    for statement in &block.body {
        match &statement.kind {
            BlockStatementKind::Sql { statement, into } => {
                steps.extend(bound(statement).map(|kind| Step::Run(kind, into)));
            }
            BlockStatementKind::Perform(statement) => {
                steps.extend(bound(statement).map(|kind| Step::Run(kind, &[])));
            }
            BlockStatementKind::ReturnQuery(query) => {
                steps.extend(routine.query_at(query).map(Step::Give));
            }
            BlockStatementKind::Return(given) => {
                goes_on &= Some(statement.span) == last;
                steps.extend(given.as_ref().and_then(value).map(Step::Value));
            }
            BlockStatementKind::Block(inner) => goes_on &= add_steps(routine, inner, false, steps),
            BlockStatementKind::Loop { head: LoopHead::Query { variables, query }, body } => {
                goes_on &= gives_each(routine, variables, body);
                steps.extend(routine.query_at(query).map(Step::Give));
            }
            BlockStatementKind::Assign { target, field: None, value: set } => {
                steps.extend(value(set).map(|set| Step::Set(target, set)));
            }
            BlockStatementKind::Assign { .. }
            | BlockStatementKind::Raise { level: RaiseLevel::Message, .. }
            | BlockStatementKind::Receive { .. }
            | BlockStatementKind::Other(_) => {}
            _ => goes_on = false,
        }
    }
    goes_on
}

/// Whether a loop does nothing with its rows but to give each.
fn gives_each(routine: &Routine, variables: &[Ident], body: &[BlockStatement]) -> bool {
    let ([variable], [BlockStatement { kind: BlockStatementKind::ReturnNext(Some(given)), .. }]) =
        (variables, body)
    else {
        return false;
    };
    matches!(routine.value_at(given.span), Some(Expr::Column(column))
        if column.target == Target::Variable && column.path.last() == Some(variable))
}

/// The body of one function.
struct Within<'r, 'a> {
    reader: &'r Reader<'a>,
    by: Oid,
    depth: usize,
    /// Whether it gives rows, and not one value.
    rows: bool,
}

impl<'a> Within<'_, 'a> {
    fn take(&self, steps: &[Step<'_>], deeds: &mut Deeds) {
        let mut variables: Vec<Variable<'_>> = Vec::new();
        for step in steps {
            match step {
                Step::Run(StatementKind::Change(change), _) => {
                    deeds.done.extend(self.changed(change));
                    deeds.done.extend(self.changed_with(&change.ctes));
                }
                Step::Run(StatementKind::Query(query), into) => {
                    self.run(query, deeds);
                    if let [variable] = into {
                        variables.push((variable, self.gathered(query, &[], &variables)));
                    }
                }
                Step::Run(StatementKind::Call(Expr::Call(call)), _) => {
                    deeds.done.extend(self.called(call).done);
                }
                Step::Run(..) => {}
                Step::Give(query) => {
                    self.run(query, deeds);
                    let given = if self.rows { self.given(query, &[]) } else { Vec::new() };
                    deeds.given.extend(given);
                    deeds.given.extend(self.gathered(query, &[], &variables));
                }
                Step::Set(variable, value) => variables.push((variable, self.value(value, &variables))),
                Step::Value(value) => deeds.given.extend(self.value(value, &variables)),
            }
        }
    }

    fn called(&self, call: &Call) -> Deeds {
        self.reader.called(call, self.by, self.depth).unwrap_or_default()
    }

    /// What runs with a query, whatever it gives: functions that it calls once, and changes in WITH.
    fn run(&self, query: &Query, deeds: &mut Deeds) {
        deeds.done.extend(self.changed_with(&query.ctes));
        let QueryBody::Select(select) = &query.body else { return };
        if !is_unlimited(query, select) {
            return;
        }
        let calls = match select.from.as_slice() {
            [] => select.targets.iter().filter_map(|target| as_call(&target.expr)).collect(),
            [FromItem::Function { calls, .. }] => calls.iter().filter_map(as_call).collect(),
            _ => Vec::new(),
        };
        deeds.done.extend(calls.into_iter().flat_map(|call| self.called(call).done));
    }

    fn changed_with(&self, ctes: &[Cte]) -> Vec<Outright> {
        let changes = ctes.iter().filter_map(|cte| match &cte.query {
            CteBody::Change(change) => self.changed(change),
            CteBody::Query(_) => None,
        });
        changes.collect()
    }

    /// What a statement does to every row of its table.
    fn changed(&self, change: &DataChange) -> Option<Outright> {
        let command = match change.kind {
            ChangeKind::Update => PolicyCommand::Update,
            ChangeKind::Delete => PolicyCommand::Delete,
            ChangeKind::Insert | ChangeKind::Merge => return None,
        };
        let is_plain = change.from.is_empty() && change.ctes.is_empty();
        // Without any WHERE it is refused in requests.
        let is_whole = is_plain && change.filter.as_ref().is_some_and(is_always_true);
        let table = change.table.target.filter(|_| is_whole)?;
        let is_table = self.reader.catalog.tables.contains_key(&table);
        is_table.then_some(Outright { table, command, truncates: false, columns: None, by: self.by })
    }

    /// The tables of which a query gives each row.
    fn given(&self, query: &Query, around: &[&Cte]) -> Vec<Outright> {
        let QueryBody::Select(select) = &query.body else { return Vec::new() };
        let is_summed = |part: &Expr| matches!(part, Expr::Call(call) if call.aggregate);
        if !is_unlimited(query, select) || select.targets.iter().any(|target| target.expr.any(&is_summed)) {
            return Vec::new();
        }
        let sources = self.sources(query, select, around);
        let direct = |target: &Expr, source: &Source<'_>| match target.uncast() {
            Expr::Column(column) => source.attnums(column),
            _ => Vec::new(),
        };
        let targets = || select.targets.iter().map(|target| &target.expr);
        let mut found: Vec<_> = sources
            .iter()
            .filter_map(|source| source.given(targets().flat_map(|target| direct(target, source)).collect()))
            .collect();
        if select.from.is_empty() {
            found.extend(targets().filter_map(as_call).flat_map(|call| self.called(call).given));
        }
        found
    }

    /// The tables of which a query gathers each row in one value.
    fn gathered(&self, query: &Query, around: &[&Cte], variables: &[Variable<'_>]) -> Vec<Outright> {
        let QueryBody::Select(select) = &query.body else { return Vec::new() };
        if !is_unlimited(query, select) {
            return Vec::new();
        }
        let targets = select.targets.iter().map(|target| &target.expr);
        if select.from.is_empty() {
            return targets.flat_map(|target| self.value(target, variables)).collect();
        }
        let sources = self.sources(query, select, around);
        let gathers: Vec<_> = targets.flat_map(parts).filter_map(gathering).collect();
        let mut found = Vec::new();
        for source in &sources {
            let mut columns = Vec::new();
            for argument in gathers.iter().flat_map(|call| &call.args) {
                argument.walk(&mut |part| {
                    if let Expr::Column(column) = part {
                        columns.extend(source.attnums(column));
                    }
                });
            }
            found.extend(source.given(columns));
        }
        found
    }

    /// The tables of which each row can be read in a value.
    fn value(&self, value: &Expr, variables: &[Variable<'_>]) -> Vec<Outright> {
        let of = |part: &Expr| match part {
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Scalar => {
                self.gathered(&sublink.query, &[], variables)
            }
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Array => self.given(&sublink.query, &[]),
            Expr::Column(column) if column.target == Target::Variable => {
                let is_it = |(name, _): &&Variable<'_>| column.path.last() == Some(name);
                variables.iter().rev().find(is_it).map_or_else(Vec::new, |(_, given)| given.clone())
            }
            Expr::Call(call) if call.target.is_some() => self.called(call).given,
            _ => Vec::new(),
        };
        parts(value).into_iter().flat_map(of).collect()
    }

    /// The tables of which what a query reads is every row: by itself, or by a sub-select, WITH or a function.
    fn sources<'q>(&self, query: &'q Query, select: &'q Select, around: &[&Cte]) -> Vec<Source<'q>>
    where
        'a: 'q,
    {
        let catalog = self.reader.catalog;
        let derived = |given: Vec<Outright>, name: Option<&'q Ident>| {
            let source = |one: Outright| {
                let table = catalog.tables.get(&one.table)?;
                let columns = one.columns.unwrap_or_else(|| all_columns(table));
                Some(Source { table, columns, by: one.by, derived: Some(name?) })
            };
            given.into_iter().filter_map(source).collect::<Vec<_>>()
        };
        match select.from.as_slice() {
            [FromItem::Relation { relation, alias }] => {
                if let Some(table) = relation.target.and_then(|oid| catalog.tables.get(&oid)) {
                    return vec![Source { table, columns: all_columns(table), by: self.by, derived: None }];
                }
                let name = &relation.name.name;
                let ctes: Vec<&Cte> = query.ctes.iter().rev().chain(around.iter().copied()).collect();
                let is_it = |cte: &&&Cte| relation.name.schema.is_none() && cte.name == *name;
                let Some(at) = ctes.iter().position(|cte| is_it(&cte)) else { return Vec::new() };
                let alias = alias.as_ref().map_or(name, |alias| &alias.name);
                match &ctes[at].query {
                    CteBody::Query(inner) if !ctes[at].recursive && ctes[at].columns.is_empty() => {
                        derived(self.given(inner, &ctes[at + 1..]), Some(alias))
                    }
                    _ => Vec::new(),
                }
            }
            [FromItem::Query { query, alias, .. }] => {
                let names = alias.as_ref().filter(|alias| alias.columns.is_empty());
                derived(self.given(query, around), names.map(|alias| &alias.name))
            }
            [FromItem::Function { calls, alias, .. }] => {
                let [Expr::Call(call)] = calls.as_slice() else { return Vec::new() };
                let name = alias.as_ref().map_or(&call.name.name, |alias| &alias.name);
                derived(self.called(call).given, Some(name))
            }
            _ => Vec::new(),
        }
    }
}

impl Source<'_> {
    /// What a column in a query stands for.
    fn attnums(&self, column: &ColumnRef) -> Vec<i16> {
        let named = |name: &Ident| self.table.column(name).map(|column| column.attnum);
        match column.target {
            Target::Column { relation, attnum, .. } if relation == self.table.oid => vec![attnum],
            Target::Row { relation, .. } if relation == self.table.oid => self.columns.clone(),
            Target::Variable => Vec::new(),
            _ if column.star => self.columns.clone(),
            _ => match (self.derived, column.path.as_slice()) {
                (Some(alias), [only]) if only == alias => self.columns.clone(),
                (Some(_), [.., name]) => {
                    named(name).into_iter().filter(|attnum| self.columns.contains(attnum)).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    fn given(&self, mut columns: Vec<i16>) -> Option<Outright> {
        columns.sort_unstable();
        columns.dedup();
        let is_all = self.table.columns.iter().all(|column| columns.contains(&column.attnum));
        (!columns.is_empty()).then(|| Outright {
            table: self.table.oid,
            command: PolicyCommand::Select,
            truncates: false,
            columns: (!is_all).then_some(columns),
            by: self.by,
        })
    }
}

fn all_columns(table: &Table) -> Vec<i16> {
    table.columns.iter().map(|column| column.attnum).collect()
}

/// Whether a query leaves out no row and puts none together.
fn is_unlimited(query: &Query, select: &Select) -> bool {
    select.filter.as_deref().is_none_or(is_always_true)
        && select.having.is_none()
        && select.group_by.is_empty()
        && !select.distinct
        && select.distinct_on.is_empty()
        && query.limits.is_empty()
}

/// The aggregate in whose value each row can be read, where that is what an expression is.
fn gathering(expr: &Expr) -> Option<&Call> {
    match expr {
        Expr::Call(call) if call.aggregate && GATHER.contains(&call.name.name.as_str()) => Some(call),
        _ => None,
    }
}

/// What a value is put together of: `a` and `b` of `jsonb_build_object('x', a) || b`. Each part can be read in it.
fn parts(value: &Expr) -> Vec<&Expr> {
    match value.uncast() {
        Expr::Coalesce(list) => list.first().map(parts).unwrap_or_default(),
        // What an aggregate sorts by leaves out nothing.
        Expr::Other("aggregate order", list) => list.first().map(parts).unwrap_or_default(),
        Expr::Call(call) if call.target.is_none() && PACK.contains(&call.name.name.as_str()) => {
            call.args.iter().flat_map(parts).collect()
        }
        Expr::Op { op, left: Some(left), right } if op == "||" => [parts(left), parts(right)].concat(),
        Expr::Array(list) | Expr::Row(list) => list.iter().flat_map(parts).collect(),
        value => vec![value],
    }
}

/// Functions in whose result each argument can be read.
const PACK: &[&str] = &[
    "json_build_object",
    "jsonb_build_object",
    "json_build_array",
    "jsonb_build_array",
    "json_object",
    "jsonb_object",
    "to_json",
    "to_jsonb",
    "array_to_json",
    "row_to_json",
    "json_strip_nulls",
    "jsonb_strip_nulls",
    "jsonb_pretty",
];

fn as_call(expr: &Expr) -> Option<&Call> {
    match expr {
        Expr::Call(call) if call.target.is_some() => Some(call),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// What `f` does with all rows.
    fn does(functions: &str) -> Vec<String> {
        let bench = Bench::new(&format!("create table a (id int, note text); {functions}"));
        let workload = Workload::of(&bench.catalog);
        let functions = bench.catalog.own_functions();
        let f = functions.into_iter().find(|function| function.name.name == "f").expect("there is f");
        let word = |one: Outright| format!("{:?} {:?}", one.command, one.columns);
        workload.outright(&bench.catalog, f).into_iter().map(word).collect()
    }

    fn sql(head: &str, body: &str) -> Vec<String> {
        does(&format!("create function f({head} language sql as $$ {body} $$;"))
    }

    fn block(head: &str, body: &str) -> Vec<String> {
        does(&format!("create function f({head} language plpgsql as $$ begin {body} end $$;"))
    }

    #[test]
    fn every_row_is_given() {
        assert_eq!(sql(") returns setof a", "select * from public.a"), ["Select None"]);
        assert_eq!(sql(") returns setof a", "select x.* from a x where true order by id"), ["Select None"]);
        assert_eq!(sql(") returns table (n text)", "select note from a"), ["Select Some([2])"]);
        assert_eq!(block(") returns setof a", "return query select id, note from a;"), ["Select None"]);
    }

    #[test]
    fn every_row_is_written() {
        assert_eq!(sql(") returns void", "delete from a where 1 = 1"), ["Delete None"]);
        assert_eq!(block(") returns void", "update a set note = '' where true;"), ["Update None"]);
        assert_eq!(block("n int) returns void", "delete from a where id = n or true;"), ["Delete None"]);
    }

    #[test]
    fn every_row_is_given_on_a_way() {
        for query in [
            "with x as (select * from a) select * from x",
            "with x as (select * from a), y as (select * from x order by id) select y.* from y",
            "select x.id, x.note from (select * from a) x",
            "select * from (select x.* from a x order by id) y where true",
        ] {
            assert_eq!(sql(") returns setof a", query), ["Select None"], "{query}");
        }
        assert_eq!(
            sql(") returns setof text", "with x as (select id, note from a) select note from x"),
            ["Select Some([2])"]
        );
        let each = "for r in select * from a order by id loop return next r; end loop;";
        let looped = format!(
            "create function f() returns setof a language plpgsql as $$ declare r a; begin {each} end $$;"
        );
        assert_eq!(does(&looped), ["Select None"]);
        let deleted = "with x as (delete from a where true returning *) select * from x";
        assert_eq!(sql(") returns setof a", deleted), ["Delete None"]);
    }

    #[test]
    fn every_row_is_gathered() {
        for value in ["json_agg(x)", "coalesce(jsonb_agg(to_jsonb(x.*) order by id), '[]')", "array_agg(x)"] {
            let query = format!("select {value} from a x");
            assert_eq!(sql(") returns json", &query), ["Select None"], "{query}");
            assert_eq!(block(") returns json", &format!("return ({query});")), ["Select None"], "{query}");
        }
        let named = "select json_agg(json_build_object('note', x.note)) from (select * from a) x";
        assert_eq!(sql(") returns json", named), ["Select Some([2])"]);
        let through = "create function f() returns json language plpgsql as $$ declare v json;
            begin select json_agg(a) into v from a; return v; end $$;";
        assert_eq!(does(through), ["Select None"]);
        for value in [
            "(select jsonb_build_object('rows', (select jsonb_agg(x) from a x), 'count', 1))",
            "jsonb_build_object('rows', coalesce((select jsonb_agg(x) from a x), '[]'::jsonb))::json",
            "jsonb_build_object('n', 1) || jsonb_build_object('rows', (select jsonb_agg(to_jsonb(x)) from a x))",
            "array_to_json(array(select x from a x))",
        ] {
            assert_eq!(sql(") returns json", &format!("select {value}")), ["Select None"], "{value}");
            assert_eq!(block(") returns json", &format!("return {value};")), ["Select None"], "{value}");
        }
        let set = "create function f() returns json language plpgsql as $$ declare v jsonb; w jsonb; begin
            select jsonb_agg(a) into v from a; w := jsonb_build_object('rows', v); return w; end $$;";
        assert_eq!(does(set), ["Select None"]);
        let counted = "create function f() returns json language plpgsql as $$ declare v jsonb; begin
            select jsonb_agg(a) into v from a; v := jsonb_build_object('n', jsonb_array_length(v)); return v; end $$;";
        assert_eq!(does(counted), [""; 0]);
        for value in ["json_agg(x) filter (where id = 1)", "count(*)", "max(note)", "json_agg(1)"] {
            assert_eq!(sql(") returns json", &format!("select {value} from a x")), [""; 0], "{value}");
        }
        assert_eq!(sql("n int) returns json", "select json_agg(x) from a x where id = n"), [""; 0]);
    }

    #[test]
    fn every_row_is_truncated() {
        assert_eq!(sql(") returns void", "truncate a"), ["Delete None"]);
        assert_eq!(block(") returns void", "truncate table public.a cascade;"), ["Delete None"]);
        assert_eq!(block("n int) returns void", "if n = 1 then truncate a; end if;"), [""; 0]);
        assert_eq!(sql(") returns void", "truncate b"), [""; 0]);
    }

    #[test]
    fn what_other_functions_do_is_done() {
        let inner = |body: &str| format!("create function g() returns setof a language sql as $$ {body} $$;");
        let outer = |head: &str, body: &str| format!("create function f{head} language sql as $$ {body} $$;");
        let gives = inner("select * from a");
        for (head, body) in [
            ("() returns setof a", "select * from g()"),
            ("() returns setof a", "select g()"),
            ("() returns json", "select json_agg(x) from g() x"),
        ] {
            assert_eq!(does(&format!("{gives} {}", outer(head, body))), ["Select None"], "{body}");
        }
        let wipes = "create function g() returns void language sql as 'truncate a';";
        for body in ["perform g();", "perform 1; perform public.g();"] {
            let f = format!("create function f() returns void language plpgsql as $$ begin {body} end $$;");
            assert_eq!(does(&format!("{wipes} {f}")), ["Delete None"], "{body}");
        }
        let asks = inner("select * from a where auth.uid() is not null");
        assert_eq!(does(&format!("{asks} {}", outer("() returns setof a", "select * from g()"))), [""; 0]);
        let some = outer("(n int) returns setof a", "select * from g() where id = n");
        assert_eq!(does(&format!("{gives} {some}")), [""; 0]);
        let itself = "create function f() returns setof a language sql as 'select * from a';
            create or replace function f() returns setof a language sql as 'select * from f()';";
        assert_eq!(does(itself), [""; 0]);
    }

    #[test]
    fn what_may_hold_rows_back() {
        let rows = |query| {
            [
                sql("n int) returns setof a", query),
                block("n int) returns setof a", &format!("return query {query};")),
            ]
            .concat()
        };
        for query in [
            "select * from a where id = n",
            "select * from a limit 1",
            "select * from a offset n",
            "select distinct * from a",
            "select distinct on (note) * from a",
            "select max(id), max(note) from a",
            "select id, max(note) from a group by id",
            "select * from a union select * from a where id = n",
            "select * from a except select * from a",
            "select x.* from a x join a y on x.id = y.id + 1",
            "with b as (select * from a limit 1) select * from b",
        ] {
            assert_eq!(rows(query), [""; 0], "{query}");
        }
        assert_eq!(sql(") returns a", "select * from a"), [""; 0]);
        assert_eq!(sql(") returns bigint", "select count(*) from a"), [""; 0]);
        for body in [
            "if n > 1 then delete from a where true; end if;",
            "if n > 1 then return; end if; delete from a where true;",
            "if auth.uid() is null then raise exception 'no'; end if; delete from a where true;",
            "delete from a where true; raise exception 'no';",
            "assert n = 3; delete from a where true;",
            "perform guard(); delete from a where true;",
            "execute 'select 1'; delete from a where true;",
            "for i in 1..n loop delete from a where true; end loop;",
            "delete from a using a b where a.id = b.id;",
            "delete from a where id = n;",
            // safeupdate refuses it.
            "delete from a;",
            "delete from a where auth.uid() is not null;",
            "return; delete from a where true;",
            "delete from a where true; exception when others then null;",
        ] {
            assert_eq!(block("n int) returns void", body), [""; 0], "{body}");
        }
        let guarded = "create function guard() returns bool language plpgsql as $$ begin
            if now() > '2030-01-01' then raise exception 'no'; end if; return true; end $$;";
        assert_eq!(
            does(&format!(
                "{guarded} create function f() returns setof a language sql as $$ select guard(); select * from a $$;"
            )),
            [""; 0]
        );
    }
}
