//! Code that runs while migrating: DO blocks, functions that a migration calls, rows that the
//! model reads.
//!
//! A block runs against the catalog as far as it can be followed: static statements, `EXECUTE` of
//! text that can be told, loops over lists that can be told. A guard that asks the system catalogs
//! is read as idempotence: what it guards is applied where it fits. Anything else becomes a gap
//! that says what it may have touched.

use std::sync::Arc;

use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::gap::{Aspect, Touch};
use crate::catalog::name::QName;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::{Call, Expr, FromItem, Literal, Query, QueryBody, Sublink, SublinkKind};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind, Fragment, LoopHead, RaiseLevel};
use crate::sql::statement::{
    AlterAction, BodyText, DoBlock, FunctionBody, ObjectKind, Statement, StatementKind,
};

/// How many statements one block may run, loops unrolled, before the rest is a gap.
const BUDGET: usize = 20_000;

/// How deep functions may call each other.
const DEPTH: usize = 8;

/// A value that a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    Null,
    List(Vec<Value>),
    Record(Vec<(Ident, Value)>),
    Unknown,
}

/// How a run of statements ends.
enum Flow {
    Next,
    /// RETURN, EXIT, or an error that is raised on purpose.
    Stop,
    /// A statement did not fit; a handler may take it.
    Failed(Span, Misfit),
}

/// Runs a DO block.
pub(super) fn run_do(catalog: &mut Catalog, block: &DoBlock, span: Span) -> Applied {
    let Some(body) = &block.block else {
        let reason = format!("a DO block in language {} is not read", block.language);
        catalog.record_unknown(span, reason, Aspect::Anything, None);
        return Ok(());
    };
    let mut interpreter = Interpreter::new(catalog, 0);
    if let Flow::Failed(span, misfit) = interpreter.block(body) {
        catalog.record_misfit(span, &misfit);
    }
    Ok(())
}

/// Runs what a top-level SELECT or CALL calls.
pub(super) fn run_query(catalog: &mut Catalog, query: &Query, span: Span) -> Applied {
    Interpreter::new(catalog, 0).query(query, span);
    Ok(())
}

pub(super) fn run_call(catalog: &mut Catalog, expr: &Expr, span: Span) -> Applied {
    Interpreter::new(catalog, 0).called_in(expr, span);
    Ok(())
}

/// The value of an expression without variables, where it can be told.
pub(super) fn constant(catalog: &mut Catalog, expr: &Expr) -> Value {
    Interpreter::new(catalog, 0).value(expr)
}

struct Interpreter<'c> {
    catalog: &'c mut Catalog,
    variables: Vec<(Ident, Value)>,
    /// Within a guard, what does not fit is left out without a word.
    tolerant: usize,
    depth: usize,
    budget: usize,
}

impl<'c> Interpreter<'c> {
    fn new(catalog: &'c mut Catalog, depth: usize) -> Self {
        Self { catalog, variables: Vec::new(), tolerant: 0, depth, budget: BUDGET }
    }

    fn set(&mut self, name: &Ident, value: Value) {
        match self.variables.iter_mut().rev().find(|(variable, _)| variable == name) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name.clone(), value)),
        }
    }

    fn block(&mut self, block: &Block) -> Flow {
        let outer = self.variables.len();
        for declaration in &block.declarations {
            let value = match &declaration.default {
                Some(default) => self.fragment(default),
                None => Value::Null,
            };
            self.variables.push((declaration.name.clone(), value));
        }
        let mut flow = self.statements(&block.body);
        if let Flow::Failed(span, misfit) = flow {
            flow = match block.handlers.iter().find(|handler| handles(&handler.conditions, &misfit)) {
                Some(handler) => self.statements(&handler.body),
                None => Flow::Failed(span, misfit),
            };
        }
        self.variables.truncate(outer);
        flow
    }

    fn statements(&mut self, statements: &[BlockStatement]) -> Flow {
        for statement in statements {
            match self.statement(statement) {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &BlockStatement) -> Flow {
        if self.budget == 0 {
            return Flow::Stop;
        }
        self.budget -= 1;
        if self.budget == 0 {
            self.unknown(statement.span, "a loop goes on for too long to be followed", Aspect::Anything);
            return Flow::Stop;
        }
        match &statement.kind {
            BlockStatementKind::Block(block) => self.block(block),
            BlockStatementKind::If { arms, otherwise } => self.conditional(arms, otherwise),
            BlockStatementKind::Case { arms, otherwise, .. } => {
                for (_, body) in arms {
                    self.maybe(body);
                }
                self.maybe(otherwise.as_deref().unwrap_or_default());
                Flow::Next
            }
            BlockStatementKind::Loop { head, body } => self.repeat(head, body),
            BlockStatementKind::Assign { target, field, value } => {
                let value = if field.is_some() { Value::Unknown } else { self.fragment(value) };
                self.set(target, value);
                Flow::Next
            }
            BlockStatementKind::Sql { statement, into } => {
                into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                self.apply(statement)
            }
            BlockStatementKind::Perform(statement) => self.apply(statement),
            BlockStatementKind::Execute { command, into, .. } => {
                into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                self.execute(command, statement.span)
            }
            BlockStatementKind::Raise { level: RaiseLevel::Exception, .. }
            | BlockStatementKind::Return(_) => Flow::Stop,
            BlockStatementKind::Exit { condition, .. } => match condition {
                None => Flow::Stop,
                Some(condition) => match condition.value.as_ref().and_then(|expr| self.truth(expr)) {
                    Some(true) => Flow::Stop,
                    _ => Flow::Next,
                },
            },
            BlockStatementKind::Unparsed => {
                self.unknown(statement.span, "a statement of the block could not be read", Aspect::Anything);
                Flow::Next
            }
            BlockStatementKind::Raise { level: RaiseLevel::Message, .. }
            | BlockStatementKind::ReturnNext(_)
            | BlockStatementKind::ReturnQuery(_)
            | BlockStatementKind::ReturnExecute { .. }
            | BlockStatementKind::Assert(_)
            | BlockStatementKind::Open(_)
            | BlockStatementKind::OpenExecute { .. }
            | BlockStatementKind::Other(_) => Flow::Next,
            BlockStatementKind::Receive { into, .. } => {
                into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                Flow::Next
            }
        }
    }

    fn apply(&mut self, statement: &Statement) -> Flow {
        let done = match &statement.kind {
            StatementKind::Query(query) => {
                self.query(query, statement.span);
                Ok(())
            }
            _ => self.catalog.try_apply(statement),
        };
        match done {
            Err(misfit) if self.tolerant == 0 => Flow::Failed(statement.span, misfit),
            _ => Flow::Next,
        }
    }

    fn conditional(
        &mut self,
        arms: &[(Fragment, Vec<BlockStatement>)],
        otherwise: &[BlockStatement],
    ) -> Flow {
        for (condition, body) in arms {
            match condition.value.as_ref().and_then(|expr| self.truth(expr)) {
                Some(true) => return self.statements(body),
                Some(false) => {}
                None if condition.value.as_ref().is_some_and(asks_system_catalogs) => {
                    // What is guarded fits, or it was done before.
                    self.tolerant += 1;
                    let flow = self.statements(body);
                    self.tolerant -= 1;
                    return match flow {
                        Flow::Failed(..) => Flow::Next,
                        Flow::Stop => Flow::Next,
                        Flow::Next => Flow::Next,
                    };
                }
                None => {
                    self.maybe(body);
                    for (_, body) in arms {
                        self.maybe(body);
                    }
                    self.maybe(otherwise);
                    return Flow::Next;
                }
            }
        }
        self.statements(otherwise)
    }

    fn repeat(&mut self, head: &LoopHead, body: &[BlockStatement]) -> Flow {
        let (variables, items) = match head {
            LoopHead::Array { variables, array } => (variables.clone(), self.list(array)),
            LoopHead::Query { variables, query } => (variables.clone(), self.rows(query)),
            LoopHead::Range { variable, .. } | LoopHead::Cursor { variable, .. } => {
                (vec![variable.clone()], None)
            }
            LoopHead::Execute { variables, .. } => (variables.clone(), None),
            LoopHead::Forever | LoopHead::While(_) | LoopHead::Unparsed(_) => (Vec::new(), None),
        };
        let Some(items) = items else {
            for variable in variables {
                self.set(&variable, Value::Unknown);
            }
            self.maybe(body);
            return Flow::Next;
        };
        for item in items {
            match (variables.as_slice(), item) {
                ([only], item) => self.set(only, item),
                (several, Value::Record(fields)) => {
                    for (variable, (_, value)) in several.iter().zip(fields) {
                        self.set(variable, value);
                    }
                }
                _ => {}
            }
            match self.statements(body) {
                Flow::Failed(span, misfit) => return Flow::Failed(span, misfit),
                Flow::Next | Flow::Stop => {}
            }
        }
        Flow::Next
    }

    /// Statements that may or may not run: what they would touch becomes a gap.
    fn maybe(&mut self, statements: &[BlockStatement]) {
        for statement in statements {
            match &statement.kind {
                BlockStatementKind::Block(block) => self.maybe(&block.body),
                BlockStatementKind::If { arms, otherwise } => {
                    arms.iter().for_each(|(_, body)| self.maybe(body));
                    self.maybe(otherwise);
                }
                BlockStatementKind::Loop { body, .. } => self.maybe(body),
                BlockStatementKind::Assign { target, .. } => self.set(target, Value::Unknown),
                BlockStatementKind::Sql { statement: inner, into } => {
                    into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                    let touches = self.touches(inner);
                    if !touches.is_empty() {
                        self.catalog.record_gap(
                            statement.span,
                            "the block runs this only on a condition that needs the database",
                            touches,
                        );
                    }
                }
                BlockStatementKind::Execute { command, .. } => {
                    let value = self.fragment(command);
                    let known = match &value {
                        Value::Text(text) => self.read(text, command.span),
                        _ => None,
                    };
                    let touches = match known {
                        Some(list) => list.iter().flat_map(|inner| self.touches(inner)).collect(),
                        None => self.guess(command),
                    };
                    if !touches.is_empty() {
                        self.catalog.record_gap(
                            statement.span,
                            "the block runs SQL that is only known when it runs",
                            touches,
                        );
                    }
                }
                _ => {}
            }
        }
    }

    fn execute(&mut self, command: &Fragment, span: Span) -> Flow {
        let Value::Text(text) = self.fragment(command) else {
            let touches = self.guess(command);
            if !touches.is_empty() {
                self.catalog.record_gap(span, "SQL that is only known when it runs", touches);
            }
            return Flow::Next;
        };
        let Some(statements) = self.read(&text, command.span) else {
            self.unknown(span, "the text that EXECUTE runs is not valid SQL", Aspect::Anything);
            return Flow::Next;
        };
        for statement in statements {
            match self.apply(&statement) {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    fn read(&self, text: &str, span: Span) -> Option<Vec<Statement>> {
        let body = BodyText { text: Arc::from(text), span, verbatim: false };
        let (statements, complete) = crate::sql::parse_body(&body);
        complete.then_some(statements)
    }

    fn unknown(&mut self, span: Span, reason: &str, aspect: Aspect) {
        self.catalog.record_unknown(span, reason, aspect, None);
    }

    /// What a statement that may have run touches.
    fn touches(&self, statement: &Statement) -> Vec<Touch> {
        let relation = |name: &ObjectName| {
            self.catalog
                .resolve_relation(name)
                .map_or_else(|| self.catalog.creation_name(name), |(found, _)| found)
        };
        let one = |aspect, object| vec![Touch { aspect, object }];
        match &statement.kind {
            StatementKind::CreateTable(create) => one(Aspect::Existence, Some(relation(&create.name))),
            StatementKind::CreateTableAs(create) => one(Aspect::Existence, Some(relation(&create.name))),
            StatementKind::CreateView(create) => one(Aspect::Views, Some(relation(&create.name))),
            StatementKind::CreateIndex(create) => one(Aspect::Indexes, Some(relation(&create.table))),
            StatementKind::CreatePolicy(create) => one(Aspect::Policies, Some(relation(&create.table))),
            StatementKind::AlterPolicy(alter) => one(Aspect::Policies, Some(relation(&alter.table))),
            StatementKind::CreateTrigger(create) => one(Aspect::Shape, Some(relation(&create.table))),
            StatementKind::CreateFunction(_) | StatementKind::AlterFunction(_) => {
                one(Aspect::Functions, None)
            }
            StatementKind::AlterTable(alter) => {
                let rls =
                    |action: &AlterAction| matches!(action, AlterAction::EnableRls | AlterAction::DisableRls);
                let aspect = if alter.actions.iter().any(|action| rls(&action.value)) {
                    Aspect::Rls
                } else {
                    Aspect::Shape
                };
                one(aspect, Some(relation(&alter.name)))
            }
            StatementKind::Drop(drop) => drop
                .objects
                .iter()
                .map(|object| {
                    let (aspect, named) = match object.kind {
                        ObjectKind::Policy => (Aspect::Policies, true),
                        ObjectKind::Index => (Aspect::Indexes, false),
                        ObjectKind::View | ObjectKind::MaterializedView => (Aspect::Views, true),
                        ObjectKind::Trigger => (Aspect::Shape, true),
                        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
                            (Aspect::Functions, false)
                        }
                        _ => (Aspect::Existence, true),
                    };
                    Touch { aspect, object: named.then(|| relation(&object.name)) }
                })
                .collect(),
            StatementKind::Grant(_)
            | StatementKind::AlterDefaultPrivileges(_)
            | StatementKind::GrantRole(_) => one(Aspect::Grants, None),
            StatementKind::CreateRole(_) | StatementKind::AlterRole(_) => one(Aspect::Roles, None),
            StatementKind::Rename(_) | StatementKind::SetSchema { .. } => one(Aspect::Existence, None),
            _ => Vec::new(),
        }
    }

    /// What SQL that is not known may touch, by the words that are.
    fn guess(&self, command: &Fragment) -> Vec<Touch> {
        let mut words = String::new();
        if let Some(expr) = &command.value {
            expr.walk(&mut |part| {
                if let Expr::Literal(Literal::String(text)) = part {
                    words.push_str(&text.to_ascii_lowercase());
                    words.push(' ');
                }
            });
        }
        let has = |word: &str| words.contains(word);
        let aspects: Vec<Aspect> = [
            (has("row level security"), Aspect::Rls),
            (has(" policy "), Aspect::Policies),
            (has("grant ") || has("revoke "), Aspect::Grants),
            (has(" index "), Aspect::Indexes),
            (has(" function ") || has(" procedure "), Aspect::Functions),
            (has(" view "), Aspect::Views),
            (has("create table") || has("drop table") || has("rename "), Aspect::Existence),
            (has(" trigger ") || has("alter table") && !has("row level security"), Aspect::Shape),
        ]
        .into_iter()
        .filter_map(|(found, aspect)| found.then_some(aspect))
        .collect();
        let rows = ["insert ", "update ", "delete ", "select ", "refresh ", "analyze", "set "];
        if aspects.is_empty() && !rows.iter().any(|word| words.trim_start().starts_with(word)) {
            return vec![Touch { aspect: Aspect::Anything, object: None }];
        }
        aspects.into_iter().map(|aspect| Touch { aspect, object: None }).collect()
    }

    /// Runs the functions that a query calls, as far as they change what the model holds.
    fn query(&mut self, query: &Query, span: Span) {
        let QueryBody::Select(select) = &query.body else { return };
        for target in &select.targets {
            self.called_in(&target.expr, span);
        }
        for item in &select.from {
            if let FromItem::Function { calls, .. } = item {
                calls.iter().for_each(|call| self.called_in(call, span));
            }
        }
    }

    fn called_in(&mut self, expr: &Expr, span: Span) {
        let mut calls = Vec::new();
        expr.walk(&mut |part| {
            if let Expr::Call(call) = part {
                calls.push(call);
            }
        });
        for call in calls {
            self.call(call, span);
        }
    }

    fn call(&mut self, call: &Call, span: Span) {
        let schema = call.name.schema.as_deref().unwrap_or_default();
        match (schema, call.name.name.as_str()) {
            ("" | "pg_catalog", "set_config") => self.set_config(call),
            ("cron", "schedule" | "schedule_in_database") => self.schedule(call, span),
            ("cron", "unschedule") => self.unschedule(call),
            ("storage", "create_bucket") | ("pgmq", _) | ("vault", _) | ("net", _) => {}
            _ => self.call_function(call, span),
        }
    }

    fn set_config(&mut self, call: &Call) {
        let [name, value, ..] = call.args.as_slice() else { return };
        let (Value::Text(name), Value::Text(value)) = (self.value(name), self.value(value)) else { return };
        if name.eq_ignore_ascii_case("search_path") {
            self.catalog.session.search_path =
                value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(unquoted).collect();
        }
    }

    fn schedule(&mut self, call: &Call, span: Span) {
        let mut texts = Vec::new();
        for arg in &call.args {
            match self.value(arg) {
                Value::Text(text) => texts.push(Some(text)),
                _ => texts.push(None),
            }
        }
        let (name, schedule, command) = match texts.as_slice() {
            [Some(schedule), Some(command)] => (None, schedule, command),
            [Some(name), Some(schedule), Some(command), ..] => (Some(name.clone()), schedule, command),
            _ => {
                return self.unknown(
                    span,
                    "a cron job with a text that is only known when it runs",
                    Aspect::Existence,
                );
            }
        };
        let job = crate::catalog::role::CronJob {
            name: name.clone(),
            schedule: schedule.clone(),
            command: command.clone(),
            origin: crate::catalog::origin::Origin::Statement(span),
        };
        if name.is_some() {
            self.catalog.cron_jobs.retain(|old| old.name != name);
        }
        self.catalog.cron_jobs.push(job);
    }

    fn unschedule(&mut self, call: &Call) {
        if let Some(Value::Text(name)) = call.args.first().map(|arg| self.value(arg)) {
            self.catalog.cron_jobs.retain(|job| job.name.as_deref() != Some(name.as_str()));
        }
    }

    /// Runs a function of the project, when its body changes the catalog.
    fn call_function(&mut self, call: &Call, span: Span) {
        let Some(name) = self.catalog.resolve_functions(&call.name) else { return };
        let fitting: Vec<_> = self
            .catalog
            .functions_named(&name)
            .filter(|function| function.inputs().count() >= call.args.len())
            .collect();
        let [function] = fitting.as_slice() else { return };
        let Some(FunctionBody::Text(body)) = &function.body else { return };
        let body = body.clone();
        let parameters: Vec<Ident> =
            function.inputs().map(|argument| argument.name.clone().unwrap_or_default()).collect();
        let language = function.language.clone();
        let path = function.config.get("search_path").map(|setting| setting.value.clone());
        if self.depth >= DEPTH {
            return;
        }
        let values: Vec<Value> = call.args.iter().map(|arg| self.value(arg)).collect();
        let session = self.catalog.session.clone();
        if let Some(path) = path {
            self.catalog.session.search_path =
                path.split(',').map(str::trim).filter(|part| !part.is_empty()).map(unquoted).collect();
        }
        let before = self.catalog.gaps.len();
        let mut inner = Interpreter::new(self.catalog, self.depth + 1);
        inner.budget = self.budget;
        for (at, parameter) in parameters.into_iter().enumerate() {
            let value = values.get(at).cloned().unwrap_or(Value::Unknown);
            inner.variables.push((Ident::new(format!("${}", at + 1)), value.clone()));
            inner.variables.push((parameter, value));
        }
        if language == "plpgsql" {
            let block = crate::sql::plpgsql::parse(&body);
            inner.block(&block);
        } else if language == "sql" {
            let (statements, _) = crate::sql::parse_body(&body);
            for statement in &statements {
                inner.apply(statement);
            }
        }
        self.budget = inner.budget;
        self.catalog.session = session;
        // The caller's statement is where it happened.
        for gap in &mut self.catalog.gaps[before..] {
            gap.span = span;
        }
    }

    fn fragment(&mut self, fragment: &Fragment) -> Value {
        fragment.value.as_ref().map_or(Value::Unknown, |expr| self.value(expr))
    }

    fn list(&mut self, fragment: &Fragment) -> Option<Vec<Value>> {
        match self.fragment(fragment) {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The rows of a query over a list: `select unnest(array[…])`, `values (…)`.
    fn rows(&mut self, statement: &Statement) -> Option<Vec<Value>> {
        let StatementKind::Query(query) = &statement.kind else { return None };
        if !query.ctes.is_empty() || !query.limits.is_empty() {
            return None;
        }
        match &query.body {
            QueryBody::Values(rows) => {
                let mut list = Vec::new();
                for row in rows {
                    let values: Vec<Value> = row.iter().map(|expr| self.value(expr)).collect();
                    if values.contains(&Value::Unknown) {
                        return None;
                    }
                    list.push(record(values));
                }
                Some(list)
            }
            QueryBody::Select(select) if select.filter.is_none() => {
                let [target] = select.targets.as_slice() else { return None };
                let call = match (&target.expr, select.from.as_slice()) {
                    (Expr::Call(call), []) => call,
                    (Expr::Column(_), [FromItem::Function { calls, .. }]) => match calls.as_slice() {
                        [Expr::Call(call)] => call,
                        _ => return None,
                    },
                    _ => return None,
                };
                if call.name.name != "unnest" || call.args.len() != 1 {
                    return None;
                }
                let Value::List(items) = self.value(&call.args[0]) else { return None };
                let name = match &select.from.first() {
                    Some(FromItem::Function { alias: Some(alias), .. }) => {
                        alias.columns.first().cloned().unwrap_or_else(|| alias.name.clone())
                    }
                    _ => target.alias.clone().unwrap_or_else(|| "unnest".into()),
                };
                Some(items.into_iter().map(|item| Value::Record(vec![(name.clone(), item)])).collect())
            }
            _ => None,
        }
    }

    fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Literal(Literal::Null) => Value::Null,
            Expr::Literal(Literal::Bool(value)) => Value::Bool(*value),
            Expr::Literal(Literal::String(text) | Literal::Number(text)) => Value::Text(text.clone()),
            Expr::Cast { expr, to } => match self.value(expr) {
                Value::Text(text) if to.dimensions > 0 => {
                    array_literal(&text).map_or(Value::Unknown, Value::List)
                }
                value => value,
            },
            Expr::Array(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.value(item)).collect();
                if items.contains(&Value::Unknown) { Value::Unknown } else { Value::List(items) }
            }
            Expr::Param(number) => self.variable(&Ident::new(format!("${number}"))),
            Expr::Column(column) => match column.path.as_slice() {
                [name] => match self.variable(name) {
                    // A loop's record with one column stands for it.
                    Value::Record(fields) if fields.len() == 1 => {
                        fields.into_iter().next().map_or(Value::Unknown, |(_, value)| value)
                    }
                    value => value,
                },
                [record, field] => match self.variable(record) {
                    Value::Record(fields) => fields
                        .into_iter()
                        .find(|(name, _)| name == field)
                        .map_or(Value::Unknown, |(_, value)| value),
                    _ => Value::Unknown,
                },
                _ => Value::Unknown,
            },
            Expr::Op { op, left: Some(left), right } if op == "||" => {
                match (self.value(left), self.value(right)) {
                    (Value::Text(left), Value::Text(right)) => Value::Text(left + &right),
                    (Value::List(mut left), Value::List(right)) => {
                        left.extend(right);
                        Value::List(left)
                    }
                    (Value::Null, _) | (_, Value::Null) => Value::Null,
                    _ => Value::Unknown,
                }
            }
            Expr::Op { op, left: Some(left), right } if op == "=" || op == "<>" => {
                match (self.value(left), self.value(right)) {
                    (Value::Null, _) | (_, Value::Null) => Value::Null,
                    (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
                    (left, right) => Value::Bool((left == right) == (op == "=")),
                }
            }
            Expr::IsNull { expr, negated } => match self.value(expr) {
                Value::Unknown => Value::Unknown,
                value => Value::Bool((value == Value::Null) != *negated),
            },
            Expr::Not(inner) => match self.value(inner) {
                Value::Bool(value) => Value::Bool(!value),
                other => other,
            },
            Expr::And(list) => self.connect(list, false),
            Expr::Or(list) => self.connect(list, true),
            Expr::Coalesce(list) => {
                for item in list {
                    match self.value(item) {
                        Value::Null => {}
                        value => return value,
                    }
                }
                Value::Null
            }
            Expr::Session("current_user" | "session_user" | "user" | "current_role") => {
                Value::Text(self.catalog.session.role.to_string())
            }
            Expr::Call(call) => self.call_value(call),
            _ => Value::Unknown,
        }
    }

    fn connect(&mut self, list: &[Expr], decides: bool) -> Value {
        let mut unknown = false;
        for item in list {
            match self.value(item) {
                Value::Bool(value) if value == decides => return Value::Bool(decides),
                Value::Bool(_) => {}
                _ => unknown = true,
            }
        }
        if unknown { Value::Unknown } else { Value::Bool(!decides) }
    }

    fn variable(&self, name: &Ident) -> Value {
        let found = self.variables.iter().rev().find(|(variable, _)| variable == name);
        found.map_or(Value::Unknown, |(_, value)| value.clone())
    }

    fn call_value(&mut self, call: &Call) -> Value {
        if call.name.schema.as_ref().is_some_and(|schema| *schema != "pg_catalog") {
            return Value::Unknown;
        }
        let args: Vec<Value> = call.args.iter().map(|arg| self.value(arg)).collect();
        match (call.name.name.as_str(), args.as_slice()) {
            ("format", [Value::Text(template), rest @ ..]) => {
                format(template, rest).map_or(Value::Unknown, Value::Text)
            }
            ("quote_ident", [Value::Text(text)]) => Value::Text(Ident::new(text).quoted()),
            ("quote_literal" | "quote_nullable", [Value::Text(text)]) => Value::Text(quote_literal(text)),
            ("lower", [Value::Text(text)]) => Value::Text(text.to_lowercase()),
            ("upper", [Value::Text(text)]) => Value::Text(text.to_uppercase()),
            ("concat", args) => {
                let mut text = String::new();
                for arg in args {
                    match arg {
                        Value::Text(part) => text.push_str(part),
                        Value::Null => {}
                        _ => return Value::Unknown,
                    }
                }
                Value::Text(text)
            }
            ("replace", [Value::Text(text), Value::Text(from), Value::Text(to)]) => {
                Value::Text(text.replace(from.as_str(), to))
            }
            ("string_to_array", [Value::Text(text), Value::Text(separator)]) if !separator.is_empty() => {
                Value::List(
                    text.split(separator.as_str()).map(|part| Value::Text(part.to_string())).collect(),
                )
            }
            ("to_regclass", [Value::Text(text)]) => match self
                .catalog
                .resolve_relation(&object_name(text, call.span))
            {
                Some((
                    name,
                    Relation::Table(_) | Relation::View(_) | Relation::Sequence(_) | Relation::Index { .. },
                )) => Value::Text(name.quoted()),
                _ => Value::Null,
            },
            _ => Value::Unknown,
        }
    }

    fn truth(&mut self, expr: &Expr) -> Option<bool> {
        match self.value(expr) {
            Value::Bool(value) => Some(value),
            Value::Null => Some(false),
            _ => None,
        }
    }
}

fn record(mut values: Vec<Value>) -> Value {
    if values.len() == 1 {
        return values.pop().unwrap_or(Value::Null);
    }
    let name = |at: usize| Ident::new(format!("column{}", at + 1));
    Value::Record(values.into_iter().enumerate().map(|(at, value)| (name(at), value)).collect())
}

/// Whether a handler takes what did not fit.
fn handles(conditions: &[String], misfit: &Misfit) -> bool {
    conditions.iter().any(|condition| match (condition.as_str(), misfit) {
        ("others", _) => true,
        (condition, Misfit::Exists { .. }) => {
            condition.starts_with("duplicate_") || condition.starts_with("427")
        }
        (condition, Misfit::Missing { .. }) => {
            condition.starts_with("undefined_")
                || condition == "invalid_schema_name"
                || condition.starts_with("42")
        }
        (_, Misfit::Refused(_)) => false,
    })
}

/// Whether a condition looks into the system catalogs, as guards do.
fn asks_system_catalogs(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |part| {
        if let Expr::Sublink(Sublink { kind, query, .. }) = part {
            let asks = *kind == SublinkKind::Exists || *kind == SublinkKind::Scalar;
            query.walk_relations(&mut |relation| {
                let schema = relation.name.schema.as_deref().unwrap_or_default();
                let system = matches!(schema, "pg_catalog" | "information_schema" | "cron")
                    || schema.is_empty() && relation.name.name.starts_with("pg_");
                found |= asks && system;
            });
        }
        if let Expr::Call(call) = part {
            found |= call.name.name.starts_with("to_reg") || call.name.name.starts_with("has_");
        }
    });
    found
}

/// `format()` with `%s`, `%I`, `%L`, `%%` and positions. Anything else is not followed.
fn format(template: &str, args: &[Value]) -> Option<String> {
    let mut text = String::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with('$') {
            next = rest[..digits].parse::<usize>().ok()?.checked_sub(1)?;
            rest = &rest[digits + 1..];
        }
        let value = match args.get(next)? {
            Value::Record(fields) if fields.len() == 1 => &fields[0].1,
            value => value,
        };
        next += 1;
        let kind = rest.chars().next()?;
        rest = &rest[kind.len_utf8()..];
        match (kind, value) {
            ('s', Value::Text(value)) => text.push_str(value),
            ('s', Value::Null) => {}
            ('I', Value::Text(value)) => text.push_str(&Ident::new(value).quoted()),
            ('L', Value::Text(value)) => text.push_str(&quote_literal(value)),
            ('L', Value::Null) => text.push_str("NULL"),
            _ => return None,
        }
    }
    text.push_str(rest);
    Some(text)
}

fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The items of `{a,b}`; quotes within are not followed.
fn array_literal(text: &str) -> Option<Vec<Value>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains(['"', '\\', '{']) {
        return None;
    }
    let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(items.map(|item| Value::Text(item.to_string())).collect())
}

/// A name in a setting: folded unless quoted.
pub(super) fn unquoted(name: &str) -> Ident {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => Ident::new(quoted.replace("\"\"", "\"")),
        None => Ident::new(name.to_ascii_lowercase()),
    }
}

/// `public.orders` as a name.
fn object_name(text: &str, span: Span) -> ObjectName {
    match text.split_once('.') {
        Some((schema, name)) => ObjectName { schema: Some(unquoted(schema)), name: unquoted(name), span },
        None => ObjectName { schema: None, name: unquoted(text), span },
    }
}

/// The table that rows go to, where the model reads them.
pub(super) fn is_table(catalog: &Catalog, name: &ObjectName, schema: &str, table: &str) -> bool {
    let qname = QName::new(schema, table);
    match catalog.resolve_relation(name) {
        Some((found, _)) => found == qname,
        None => name.schema.as_ref().is_some_and(|found| *found == *schema) && name.name == *table,
    }
}
