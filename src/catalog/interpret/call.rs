//! Functions that a statement calls: those of the platform whose effect the model holds, and those
//! of the project, whose bodies are run.

use crate::catalog::bind::takes;
use crate::catalog::function::{Argument, Returns};
use crate::catalog::gap::{Aspect, Cause};
use crate::catalog::interpret::value::{Object, Value, array_literal};
use crate::catalog::interpret::{DEPTH, Flow, Interpreter, constant, unquoted};
use crate::catalog::name::QName;
use crate::source::Span;
use crate::sql::expr::{Call, Expr, FromItem, Oid, Query, QueryBody};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{Block, BlockStatementKind};
use crate::sql::statement::{
    ArgumentMode, FunctionBody, SettingChange, SettingValue, Statement, StatementKind, Volatility,
};

/// How many results of functions are remembered.
const LATEST: usize = 8;

impl Interpreter<'_> {
    /// Runs the functions that a query calls, as far as they change what the model holds.
    pub(super) fn query(&mut self, query: &Query, span: Span) {
        self.forget();
        let QueryBody::Select(select) = &query.body else { return };
        if select.from.is_empty()
            && select.filter.as_ref().is_some_and(|filter| self.truth(filter) == Some(false))
        {
            return;
        }
        let calls = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Call(_)));
        let rows = match select.targets.iter().any(|target| calls(&target.expr)) {
            true if !select.from.is_empty() => self.rows_of_from(select),
            _ => None,
        };
        // Once where the rows cannot be told.
        for row in rows.unwrap_or_else(|| vec![Vec::new()]) {
            self.with_row(&row, |this| {
                select.targets.iter().for_each(|target| this.called_in(&target.expr, span));
            });
        }
        for item in &select.from {
            if let FromItem::Function { calls, .. } = item {
                calls.iter().for_each(|call| self.called_in(call, span));
            }
        }
    }

    pub(super) fn called_in(&mut self, expr: &Expr, span: Span) {
        for call in calls_in(expr) {
            if !self.call_of_platform(call, span) {
                self.call_function(call, span);
            }
        }
    }

    /// The same without those of the project, which an assignment runs for their value.
    pub(super) fn called_in_assignment(&mut self, expr: &Expr, span: Span) {
        for call in calls_in(expr) {
            self.call_of_platform(call, span);
        }
    }

    /// Runs a function whose answer alone is the condition, or its opposite.
    pub(super) fn called_in_condition(&mut self, expr: &Expr, span: Span) {
        match expr {
            Expr::Call(call) => self.call_function(call, span),
            Expr::Not(inner) => self.called_in_condition(inner, span),
            _ => {}
        }
    }

    /// Runs a function of the platform; false for any other.
    fn call_of_platform(&mut self, call: &Call, span: Span) -> bool {
        let schema = call.name.schema.as_deref().unwrap_or_default();
        match (schema, call.name.name.as_str()) {
            ("" | "pg_catalog", "set_config") => self.set_config(call, span),
            ("cron", "schedule" | "schedule_in_database") => self.schedule(call, span),
            ("cron", "unschedule") => self.unschedule(call),
            ("cron", "alter_job") => self.alter_job(call),
            ("pgmq", "create" | "create_unlogged" | "create_non_partitioned") => {
                self.create_queue(call, span)
            }
            ("pgmq", "drop_queue") => self.drop_queue(call),
            ("storage" | "pgmq" | "vault" | "net", _) => {}
            _ => return false,
        }
        true
    }

    fn set_config(&mut self, call: &Call, span: Span) {
        let [name, value, rest @ ..] = call.args.as_slice() else { return };
        let (Value::Text(name), Value::Text(value)) = (self.value(name), self.value(value)) else { return };
        let name = Ident::new(name.to_ascii_lowercase());
        let is_local = rest.first().is_some_and(|local| self.value(local) == Value::Bool(true));
        let values = if name == "search_path" {
            if value.is_empty() && !is_local {
                self.catalog.dumps.insert(span.file);
            }
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| unquoted(part).to_string()).collect()
        } else {
            vec![value.to_string()]
        };
        let change = SettingChange { name, span, value: SettingValue::Values(values) };
        if is_local { self.catalog.session.set_local(&change) } else { self.catalog.session.set(&change) }
    }

    fn schedule(&mut self, call: &Call, span: Span) {
        let named = |name: &str| {
            call.args.iter().find_map(|arg| match arg {
                Expr::Named { name: known, value } if *known == *name => Some(&**value),
                _ => None,
            })
        };
        let placed = call.args.iter().filter(|arg| arg.argument_name().is_none());
        let args: Vec<&Expr> =
            placed.chain(["job_name", "schedule", "command"].into_iter().filter_map(named)).collect();
        let text = |value| match value {
            Value::Text(text) => Some(String::from(text)),
            _ => None,
        };
        let texts: Vec<Option<String>> = args.into_iter().map(|arg| text(self.value(arg))).collect();
        let (name, schedule, command) = match texts.as_slice() {
            [Some(schedule), Some(command)] => (None, schedule, command),
            [Some(name), Some(schedule), Some(command), ..] => (Some(name.clone()), schedule, command),
            [Some(name), schedule, command, ..] => {
                let unknown = || "?".to_string();
                let text = |text: &Option<String>| text.clone().unwrap_or_else(unknown);
                return self.add_job(Some(name.clone()), text(schedule), text(command), span);
            }
            // Without its name it cannot be told from the others.
            _ => return,
        };
        self.add_job(name, schedule.clone(), command.clone(), span);
    }

    fn add_job(&mut self, name: Option<String>, schedule: String, command: String, span: Span) {
        let job = crate::catalog::role::CronJob {
            name: name.clone(),
            schedule,
            command,
            origin: crate::catalog::origin::Origin::Statement(span),
        };
        if name.is_some() {
            self.catalog.cron_jobs.retain(|old| old.name != name);
        }
        self.catalog.cron_jobs.push(job);
    }

    fn unschedule(&mut self, call: &Call) {
        let name = match call.args.first().map(|arg| self.value(arg)) {
            Some(Value::Text(name)) => String::from(name),
            Some(Value::Object(Object::Job(name))) => name,
            _ => return,
        };
        self.catalog.cron_jobs.retain(|job| job.name.as_ref() != Some(&name));
    }

    /// `cron.alter_job(job_id, schedule, command, …)`; null leaves as it is.
    fn alter_job(&mut self, call: &Call) {
        let mut job_id = Value::Unknown;
        let (mut schedule, mut command) = (None, None);
        for (at, arg) in call.args.iter().enumerate() {
            let (name, value) = match arg {
                Expr::Named { name, value } => (name.as_str(), self.value(value)),
                _ => {
                    (["job_id", "schedule", "command"].get(at).copied().unwrap_or_default(), self.value(arg))
                }
            };
            let text = match &value {
                Value::Null => None,
                Value::Text(text) => Some(text.to_string()),
                _ => Some("?".to_string()),
            };
            match name {
                "job_id" => job_id = value,
                "schedule" => schedule = text,
                "command" => command = text,
                _ => {}
            }
        }
        let Value::Object(Object::Job(name)) = job_id else { return };
        let mut jobs = self.catalog.cron_jobs.iter_mut();
        if let Some(job) = jobs.find(|job| job.name.as_deref() == Some(name.as_str())) {
            job.schedule = schedule.unwrap_or_else(|| job.schedule.clone());
            job.command = command.unwrap_or_else(|| job.command.clone());
        }
    }

    /// `pgmq.create('jobs')` makes the tables `pgmq.q_jobs` and `pgmq.a_jobs`.
    fn create_queue(&mut self, call: &Call, span: Span) {
        let name = call.args.first().map(|arg| self.value(arg));
        let Some(Value::Text(name)) = name else {
            return self.unknown(span, "a queue whose name is only known when it is made", Aspect::Existence);
        };
        let name = name.to_lowercase();
        let text = format!(
            "create table if not exists pgmq.q_{name} (msg_id bigint primary key, read_ct int not null, \
             enqueued_at timestamptz not null, vt timestamptz not null, message jsonb); \
             create table if not exists pgmq.a_{name} (msg_id bigint primary key, read_ct int not null, \
             enqueued_at timestamptz not null, archived_at timestamptz not null, vt timestamptz not null, \
             message jsonb)"
        );
        for statement in self.read(&text, span).unwrap_or_default() {
            self.apply(&statement);
        }
        for prefix in ["q_", "a_"] {
            let name = QName::new("pgmq", format!("{prefix}{name}"));
            let oid = self.catalog.table(&name).map(|table| table.oid);
            if let Some(table) = oid.and_then(|oid| self.catalog.tables.get_mut(&oid)) {
                table.extension = Some("pgmq".into());
            }
        }
    }

    fn drop_queue(&mut self, call: &Call) {
        let Some(Value::Text(name)) = call.args.first().map(|arg| self.value(arg)) else { return };
        for prefix in ["q_", "a_"] {
            let name = QName::new("pgmq", format!("{prefix}{}", name.to_lowercase()));
            if let Some(oid) = self.catalog.table(&name).map(|table| table.oid) {
                self.catalog.remove_table(oid);
            }
        }
    }

    /// What a function of the project gives, where its body only decides: one SELECT, or PL/pgSQL
    /// without statements.
    pub(super) fn function_value(&mut self, call: &Call) -> Value {
        if self.depth >= DEPTH {
            return Value::Unknown;
        }
        let Some(name) = self.catalog.resolve_functions(&call.name) else { return Value::Unknown };
        let fitting: Vec<_> =
            self.catalog.functions_named(&name).filter(|function| takes(function, &call.args)).collect();
        let [function] = fitting.as_slice() else { return Value::Unknown };
        let (oid, is_immutable) = (function.oid, function.volatility == Volatility::Immutable);
        let inputs: Vec<Argument> = function.inputs().cloned().collect();
        let is_set = matches!(function.returns, Returns::SetOf(_) | Returns::Table);
        let statements = function.statements.clone();
        let body = match &function.body {
            Some(FunctionBody::Text(body)) if *function.language == *"plpgsql" => Some(body.clone()),
            _ => None,
        };
        if is_set {
            return Value::Unknown;
        }
        let values: Vec<Value> =
            inputs.iter().enumerate().map(|(at, input)| self.argument(call, at, input)).collect();
        let is_known = |(of, with, _): &&(Oid, Vec<Value>, Value)| *of == oid && *with == values;
        if let Some((.., given)) = self.given.iter().find(is_known) {
            return given.clone();
        }
        let mut inner = Interpreter::new(self.catalog, self.depth + 1);
        inner.budget = self.budget;
        inner.given = std::mem::take(&mut self.given);
        for (at, (input, value)) in inputs.into_iter().zip(&values).enumerate() {
            inner.variables.push((Ident::new(format!("${}", at + 1)), value.clone()));
            inner.variables.push((input.name.unwrap_or_default(), value.clone()));
        }
        let value = match (statements.as_deref(), body) {
            (Some((statements, true)), _) => match statements.as_slice() {
                [Statement { kind: StatementKind::Query(query), .. }] => match inner.select(query) {
                    Some(rows) => rows.into_iter().next().map_or(Value::Null, Value::single),
                    None => Value::Unknown,
                },
                _ => Value::Unknown,
            },
            (_, Some(body)) if only_decides(body.block()) => match inner.block(body.block()) {
                Flow::Stop => inner.returned.take().unwrap_or(Value::Unknown),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        };
        (self.budget, self.given) = (inner.budget, inner.given);
        if is_immutable && value.is_known() {
            self.given.truncate(LATEST - 1);
            self.given.insert(0, (oid, values, value.clone()));
        }
        value
    }

    /// Runs a function of the project, when its body changes the catalog.
    fn call_function(&mut self, call: &Call, span: Span) {
        let Some(name) = self.catalog.resolve_functions(&call.name) else { return };
        let fitting: Vec<_> =
            self.catalog.functions_named(&name).filter(|function| takes(function, &call.args)).collect();
        let [function] = fitting.as_slice() else { return };
        let Some(FunctionBody::Text(body)) = &function.body else { return };
        let body = body.clone();
        let inputs: Vec<Argument> = function.inputs().cloned().collect();
        let language = function.language.clone();
        let oid = function.oid;
        let path = function.config.get("search_path").map(|setting| setting.value.clone());
        self.catalog.called.insert(oid);
        if self.depth >= DEPTH {
            return;
        }
        let values: Vec<Value> =
            inputs.iter().enumerate().map(|(at, input)| self.argument(call, at, input)).collect();
        let session = self.catalog.session.clone();
        if let Some(path) = path {
            self.catalog.session.search_path =
                path.split(',').map(str::trim).filter(|part| !part.is_empty()).map(unquoted).collect();
        }
        let before = (self.catalog.gaps.len(), self.catalog.failures.len());
        let mut inner = Interpreter::new(self.catalog, self.depth + 1);
        inner.budget = self.budget;
        inner.set_found(Value::Bool(false));
        for (at, (input, value)) in inputs.into_iter().zip(values).enumerate() {
            inner.variables.push((Ident::new(format!("${}", at + 1)), value.clone()));
            inner.variables.push((input.name.unwrap_or_default(), value));
        }
        if language == "plpgsql" {
            inner.block(body.block());
        } else if language == "sql" {
            let (statements, _) = crate::sql::parse_body(&body);
            for statement in &statements {
                inner.apply(statement);
            }
        }
        self.budget = inner.budget;
        self.catalog.session = session;
        // The caller's statement is where it happened.
        for failure in &mut self.catalog.failures[before.1..] {
            failure.statement = span;
        }
        for gap in &mut self.catalog.gaps[before.0..] {
            gap.span = span;
            if !matches!(gap.cause, Cause::Object(_)) {
                gap.cause = Cause::Statement(span);
            }
        }
    }

    /// What a call gives for an input: by place, by name, or the default.
    fn argument(&mut self, call: &Call, at: usize, input: &Argument) -> Value {
        let named = call.args.iter().find_map(|arg| match arg {
            Expr::Named { name, value } if input.name.as_ref() == Some(name) => Some(&**value),
            _ => None,
        });
        if input.mode == ArgumentMode::Variadic && at < call.args.len() {
            let rest = call.args.get(at..).unwrap_or_default();
            let mut values: Vec<Value> = rest.iter().map(|arg| self.value(arg)).collect();
            return match values.as_slice() {
                [Value::List(_)] => values.remove(0),
                values if values.iter().all(Value::is_known) => Value::List(values.to_vec()),
                _ => Value::Unknown,
            };
        }
        let placed = call.args.get(at).filter(|arg| arg.argument_name().is_none());
        let value = match (placed.or(named), &input.default) {
            (Some(expr), _) => self.value(expr),
            // A default sees nothing of the caller.
            (None, Some(default)) => constant(self.catalog, default),
            (None, None) => Value::Unknown,
        };
        match value {
            Value::Text(text) if input.data_type.is_builtin("regclass") => {
                self.regclass(&text).unwrap_or(Value::Unknown)
            }
            Value::Text(text) if input.data_type.array => {
                array_literal(&text).map_or(Value::Unknown, Value::List)
            }
            value => value,
        }
    }
}

fn calls_in(expr: &Expr) -> Vec<&Call> {
    let mut calls = Vec::new();
    expr.walk(&mut |part| {
        if let Expr::Call(call) = part {
            calls.push(&**call);
        }
    });
    calls
}

/// Whether a body runs no statements and raises nothing: it only decides and returns.
fn only_decides(block: &Block) -> bool {
    let mut decides = true;
    block.walk(&mut |statement| {
        decides &= matches!(
            statement.kind,
            BlockStatementKind::Assign { .. }
                | BlockStatementKind::If { .. }
                | BlockStatementKind::Case { .. }
                | BlockStatementKind::Loop { .. }
                | BlockStatementKind::Block(_)
                | BlockStatementKind::Exit { .. }
                | BlockStatementKind::Return(_)
        );
    });
    decides
}
