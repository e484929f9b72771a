//! Code that runs while migrating: DO blocks, functions that a migration calls, rows that the
//! model reads.
//!
//! A block runs against the catalog as far as it can be followed: static statements, `EXECUTE` of
//! text that can be told, loops over lists that can be told. A guard that asks the system catalogs
//! is read as idempotence: what it guards is applied where it fits. Anything else becomes a gap
//! that says what it may have touched.

mod call;
mod doubt;
mod query;
mod system;
#[cfg(test)]
mod tests;
mod value;

use crate::catalog::Catalog;
use rustc_hash::FxHashMap;

use crate::catalog::apply::{Applied, Misfit, rows};
use crate::catalog::condition::{self, code_of};
use crate::catalog::gap::{Aspect, Cause, Touch};
pub(super) use crate::catalog::interpret::value::Value;
use crate::catalog::interpret::value::array_literal;
use crate::catalog::misfit::{Failure, SqlState};
use crate::catalog::name::QName;
use crate::source::Span;
use crate::sql::expr::{Expr, Oid, Query, Sublink, SublinkKind};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{
    Block, BlockStatement, BlockStatementKind, Fragment, Handler, LoopHead, RaiseLevel, first_error,
};
use crate::sql::statement::{BodyText, DoBlock, Statement, StatementKind};

/// What to do about text that is put together at run time.
const DYNAMIC: &str = "write the statement out, with the names of its objects";

/// How many statements one block may run, loops unrolled, before the rest is a gap.
const BUDGET: usize = 20_000;

/// How deep functions may call each other.
const DEPTH: usize = 8;

/// How a run of statements ends.
#[derive(Clone)]
enum Flow {
    Next,
    /// RETURN, or the end of what can be followed.
    Stop,
    /// It may have been RETURN: what follows may not run.
    Perhaps,
    /// EXIT of the loop around, or of what has the label.
    Exit(Option<Ident>),
    /// CONTINUE with the next round, of the loop that has the label.
    Continue(Option<Ident>),
    /// A statement did not fit; a handler may take it.
    Failed(Span, Misfit),
    /// An error that is raised on purpose, by its code where that can be told; a handler may take it.
    Raised(Span, Option<String>),
}

impl Flow {
    /// How a loop with this label ends after a round that ends so; nothing where it goes on.
    fn leaves(self, label: Option<&Ident>) -> Option<Self> {
        let is_own = |named: &Option<Ident>| named.is_none() || named.as_ref() == label;
        match self {
            Self::Next => None,
            Self::Continue(named) if is_own(&named) => None,
            Self::Exit(named) if is_own(&named) => Some(Self::Next),
            other => Some(other),
        }
    }
}

/// Runs a DO block.
pub(super) fn run_do(catalog: &mut Catalog, block: &DoBlock, span: Span) -> Applied {
    let Some(body) = &block.block else {
        let reason = format!("a DO block in language {} is not read", block.language);
        catalog.record_unknown(span, reason, Aspect::Anything, None);
        return Ok(());
    };
    if let Some(error) = first_error(body, &[]) {
        catalog.record_misfit(span, Misfit::broken(error.message, error.span));
    }
    let mut interpreter = Interpreter::new(catalog, 0);
    interpreter.found(Some(false));
    match interpreter.block(body) {
        Flow::Failed(span, misfit) => catalog.record_misfit(span, misfit),
        Flow::Raised(place, _) => {
            let why = match raised(body, place) {
                Some(text) => format!("the block raises an exception, \"{text}\""),
                None => "the block raises an exception".to_string(),
            };
            catalog.record_misfit(span, Misfit::refused(SqlState::RAISE_EXCEPTION, why).at(place));
        }
        Flow::Next | Flow::Stop | Flow::Perhaps | Flow::Exit(_) | Flow::Continue(_) => {}
    }
    Ok(())
}

/// More letters of an error's text are not repeated.
const MOST_SAID: usize = 100;

/// The text of the error that a statement of a block raises, where nothing is filled into it.
fn raised(body: &Block, place: Span) -> Option<String> {
    let mut found = None;
    body.walk(&mut |statement| {
        if let BlockStatementKind::Raise { message: Some(text), .. } = &statement.kind
            && statement.span == place
            && !text.contains('%')
        {
            let first = text.split("\\n").next().unwrap_or(text);
            let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
            found = Some(words.chars().take(MOST_SAID).collect());
        }
    });
    found
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
    /// Declared cursors and their queries.
    cursors: Vec<(Ident, Query)>,
    /// How many loops without an end of their own are around.
    endless: usize,
    /// The rows of the queries around an expression, the innermost last.
    rows: Vec<Vec<query::Part>>,
    /// The rows that aggregates are about; none where there are no aggregates.
    groups: Vec<Option<query::Group>>,
    /// What sub-selects give without the rows around them; nothing where they need those.
    alone: FxHashMap<*const Query, Option<Vec<Value>>>,
    /// The rows of the queries in WITH that can be named.
    ctes: Vec<(Ident, Vec<query::Record>)>,
    /// How many queries are being evaluated, one within the other.
    nested: usize,
    /// Whether one of them reads what policies say.
    prints: bool,
    /// What they were found to say since the last statement that may change it.
    printed: system::Printed,
    /// What IMMUTABLE functions gave for which arguments since then.
    given: Vec<(Oid, Vec<Value>, Value)>,
    /// Parts of conditions that are the same for all rows at hand, and their values once these are told.
    steady: FxHashMap<*const Expr, Option<Value>>,
    /// What the last RETURN gave.
    returned: Option<Value>,
    /// The errors that the handlers around have taken, the innermost last: a bare RAISE repeats it.
    caught: Vec<Flow>,
    /// Within a guard, what does not fit is left out without a word.
    tolerant: usize,
    /// Whether a FROM that is read names `pg_extension`: of dependencies, those on extensions are asked for.
    beside_extensions: bool,
    /// It was said that PostgreSQL refuses the block.
    refused: bool,
    depth: usize,
    budget: usize,
}

impl<'c> Interpreter<'c> {
    fn new(catalog: &'c mut Catalog, depth: usize) -> Self {
        Self {
            catalog,
            variables: Vec::new(),
            cursors: Vec::new(),
            endless: 0,
            rows: Vec::new(),
            groups: Vec::new(),
            alone: FxHashMap::default(),
            ctes: Vec::new(),
            nested: 0,
            prints: false,
            printed: system::Printed::default(),
            given: Vec::new(),
            steady: FxHashMap::default(),
            returned: None,
            caught: Vec::new(),
            tolerant: 0,
            beside_extensions: false,
            refused: false,
            depth,
            budget: BUDGET,
        }
    }

    fn set(&mut self, name: &Ident, value: Value) {
        match self.variables.iter_mut().rev().find(|(variable, _)| variable == name) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name.clone(), value)),
        }
    }

    /// PL/pgSQL's FOUND.
    fn set_found(&mut self, value: Value) {
        self.set(&Ident::new("found"), value);
    }

    fn block(&mut self, block: &Block) -> Flow {
        let outer = self.variables.len();
        for declaration in &block.declarations {
            let value = match &declaration.default {
                Some(default) => match self.fragment(default) {
                    Value::Text(text) if declaration.data_type.ends_with("[]") => {
                        array_literal(&text).map_or(Value::Unknown, Value::List)
                    }
                    value => value,
                },
                None => Value::Null,
            };
            if let Some(StatementKind::Query(query)) = declaration.query.as_ref().map(|query| &query.kind) {
                self.cursors.push((declaration.name.clone(), (**query).clone()));
            }
            self.variables.push((declaration.name.clone(), value));
        }
        // An error undoes what the block did before it.
        let before = self.before(block);
        let attempt = usize::from(!block.handlers.is_empty());
        self.catalog.attempts += attempt;
        let mut flow = self.statements(&block.body);
        self.catalog.attempts -= attempt;
        let handlers = taking(&block.handlers, &flow);
        match (handlers.as_slice(), &flow) {
            ([], Flow::Failed(..) | Flow::Raised(..)) => {}
            ([], _) => self.perhaps_handled(block),
            (handlers, _) => {
                if let Some(before) = before {
                    self.catalog.go_back_to(before);
                    self.forget();
                }
                flow = self.handle(handlers, flow);
            }
        }
        self.variables.truncate(outer);
        flow
    }

    /// Runs the handler that takes an error, or what one of those that may take it does.
    fn handle(&mut self, handlers: &[&Handler], error: Flow) -> Flow {
        match (handlers, &error) {
            ([handler], _) => {
                self.caught.push(error);
                let flow = self.statements(&handler.body);
                self.caught.pop();
                flow
            }
            (_, Flow::Failed(span, _) | Flow::Raised(span, _)) => {
                let bodies: Vec<_> = handlers.iter().map(|handler| handler.body.as_slice()).collect();
                self.one_of(&bodies, Cause::Statement(*span))
            }
            _ => error,
        }
    }

    /// The catalog to go back to where a handler takes an error; none where a single statement can
    /// fail, which changes nothing then.
    fn before(&mut self, block: &Block) -> Option<Catalog> {
        let changes = |statement: &&BlockStatement| match &statement.kind {
            BlockStatementKind::Sql { statement, .. } => {
                !matches!(statement.kind, StatementKind::Query(_) | StatementKind::Change(_))
            }
            BlockStatementKind::Assign { .. }
            | BlockStatementKind::Raise { .. }
            | BlockStatementKind::Return(_)
            | BlockStatementKind::Perform(_)
            | BlockStatementKind::Other(_) => false,
            _ => true,
        };
        let fails = |statement: &&BlockStatement| {
            changes(statement)
                || matches!(statement.kind, BlockStatementKind::Raise { level: RaiseLevel::Exception, .. })
        };
        let mut changing = block.body.iter().filter(changes);
        let first = changing.next()?;
        let is_plain =
            matches!(first.kind, BlockStatementKind::Sql { .. } | BlockStatementKind::Execute { .. });
        let alone = is_plain && block.body.iter().filter(fails).count() == 1;
        let needed = !block.handlers.is_empty() && !alone;
        (needed && self.catalog.may_be_copied()).then(|| self.catalog.clone())
    }

    fn statements(&mut self, statements: &[BlockStatement]) -> Flow {
        for (at, statement) in statements.iter().enumerate() {
            match self.statement(statement) {
                Flow::Next => {}
                Flow::Perhaps => {
                    self.maybe(&statements[at + 1..], Cause::Statement(statement.span));
                    return Flow::Perhaps;
                }
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
            BlockStatementKind::Block(block) => match self.block(block) {
                Flow::Exit(Some(label)) if statement.label.as_ref() == Some(&label) => Flow::Next,
                flow => flow,
            },
            BlockStatementKind::If { arms, otherwise } => self.conditional(arms, otherwise),
            BlockStatementKind::Case { operand, arms, otherwise } => {
                let otherwise = otherwise.as_deref().unwrap_or_default();
                self.case(operand.as_ref(), arms, otherwise, statement.span)
            }
            BlockStatementKind::Loop { head, body } => self.repeat(head, body, statement.label.as_ref()),
            BlockStatementKind::Assign { target, field, value } => {
                let given = match field {
                    Some(_) => Value::Unknown,
                    None => self.fragment(value),
                };
                if let Some(expr) = &value.value {
                    self.called_in_assignment(expr, statement.span);
                }
                self.set(target, given);
                Flow::Next
            }
            BlockStatementKind::Sql { statement, into } => {
                self.receive(statement, into);
                if matches!(statement.kind, StatementKind::Change(_)) {
                    self.found(None);
                }
                self.apply(statement)
            }
            BlockStatementKind::Perform(statement) => {
                let rows = match &statement.kind {
                    StatementKind::Query(query) => self.select(query),
                    _ => None,
                };
                self.found(rows.map(|rows| !rows.is_empty()));
                self.apply(statement)
            }
            BlockStatementKind::Execute { command, into, using } => {
                let parameters = self.variables.len();
                for (at, fragment) in using.iter().enumerate() {
                    let value = self.fragment(fragment);
                    self.variables.push((Ident::new(format!("${}", at + 1)), value));
                }
                let flow = self.execute(command, into, statement.span);
                self.variables.drain(parameters..parameters + using.len());
                flow
            }
            BlockStatementKind::Raise { level: RaiseLevel::Exception, condition, message, args } => {
                match (self.caught.last(), condition) {
                    (Some(caught), None) if message.is_none() && args.is_empty() => caught.clone(),
                    (_, None) => Flow::Raised(statement.span, Some(SqlState::RAISE_EXCEPTION.0.to_owned())),
                    (_, Some(named)) => Flow::Raised(statement.span, code_of(named)),
                }
            }
            BlockStatementKind::Return(value) => {
                self.returned = value.as_ref().map(|value| self.fragment(value));
                Flow::Stop
            }
            BlockStatementKind::Exit { label, condition, resumes } => {
                let holds = match condition {
                    None => Some(true),
                    Some(condition) => condition.value.as_ref().and_then(|expr| self.truth(expr)),
                };
                match holds {
                    Some(true) if *resumes => Flow::Continue(label.clone()),
                    Some(true) => Flow::Exit(label.clone()),
                    // A loop that may go on for ever is left.
                    None if self.endless > 0 && !resumes => Flow::Exit(label.clone()),
                    _ => Flow::Next,
                }
            }
            BlockStatementKind::Unparsed => {
                // PostgreSQL refuses the whole block for it.
                let reason = "a statement of the block could not be read";
                self.catalog.record_gap(statement.span, reason, Vec::new());
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
                self.found(None);
                Flow::Next
            }
        }
    }

    /// SELECT … INTO: the first row's values, null without one.
    fn receive(&mut self, statement: &Statement, into: &[Ident]) {
        if into.is_empty() {
            return;
        }
        let rows = match &statement.kind {
            StatementKind::Query(query) => self.select(query),
            _ => None,
        };
        self.found(rows.as_ref().map(|rows| !rows.is_empty()));
        let first = rows.map(|rows| rows.into_iter().next());
        for (at, variable) in into.iter().enumerate() {
            let value = match &first {
                None => Value::Unknown,
                Some(None) => Value::Null,
                Some(Some(Value::Record(fields))) if into.len() == 1 && fields.len() > 1 => {
                    Value::Record(fields.clone())
                }
                Some(Some(Value::Record(fields))) => {
                    fields.get(at).map_or(Value::Null, |(_, value)| value.clone())
                }
                Some(Some(_)) => Value::Unknown,
            };
            self.set(variable, value);
        }
    }

    /// Sets FOUND.
    fn found(&mut self, found: Option<bool>) {
        self.set(&"found".into(), found.map_or(Value::Unknown, Value::Bool));
    }

    fn case(
        &mut self,
        operand: Option<&Fragment>,
        arms: &[(Vec<Fragment>, Vec<BlockStatement>)],
        otherwise: &[BlockStatement],
        span: Span,
    ) -> Flow {
        let operand = operand.map(|operand| self.fragment(operand));
        let mut certain = true;
        for (values, body) in arms {
            for value in values {
                let holds = match (&operand, &value.value) {
                    (Some(operand), Some(_)) => value::is_equal(operand.clone(), self.fragment(value)),
                    (None, Some(condition)) => self.truth(condition),
                    (_, None) => None,
                };
                match holds {
                    Some(true) if certain => return self.statements(body),
                    Some(false) => {}
                    _ => certain = false,
                }
            }
        }
        if certain {
            return self.statements(otherwise);
        }
        let bodies: Vec<_> = arms.iter().map(|(_, body)| body.as_slice()).chain([otherwise]).collect();
        self.one_of(&bodies, Cause::Condition(span))
    }

    /// The names of the variables.
    fn names(&self) -> Vec<Ident> {
        self.variables.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether what a query or change of rows names is there.
    fn expect_names(&mut self, statement: &Statement) -> Flow {
        match &statement.kind {
            StatementKind::Query(query) => self.catalog.expect_names_of_query(query, &self.names()),
            StatementKind::Change(change) => self.catalog.expect_names_of_change(change, &self.names()),
            _ => {}
        }
        let unfit = std::mem::take(&mut self.catalog.unfit);
        let done = self.catalog.record_unfit(statement.span, unfit);
        self.flow_after(statement.span, done)
    }

    /// The same of the queries in a condition.
    fn expect_names_in(&mut self, condition: &Expr, span: Span) -> Flow {
        let names = self.names();
        each_query_of(condition, &mut |query| self.catalog.expect_names_of_query(query, &names));
        let unfit = std::mem::take(&mut self.catalog.unfit);
        let done = self.catalog.record_unfit(span, unfit);
        self.flow_after(span, done)
    }

    /// How it goes on after a statement. What no server gets to does not fail.
    fn flow_after(&self, span: Span, done: Applied) -> Flow {
        match done {
            Err(misfit) if self.tolerant == 0 && !self.refused => Flow::Failed(span, misfit),
            _ => Flow::Next,
        }
    }

    /// Notes that a statement needs what one that fails was to make.
    fn expect_made(&mut self, statement: &Statement) -> Flow {
        if self.refused || self.tolerant > 0 {
            return Flow::Next;
        }
        let Some(blamed) = self.catalog.blamed_for(statement) else { return Flow::Next };
        let Some(misfit) = self.catalog.failures.get(blamed).map(|failure| failure.misfit.clone()) else {
            return Flow::Next;
        };
        if self.catalog.attempts > 0 {
            return Flow::Failed(statement.span, misfit);
        }
        let follows = Some(blamed);
        self.catalog.failures.push(Failure { statement: statement.span, misfit, follows });
        self.refused = true;
        Flow::Next
    }

    /// Lets go of what a statement may change.
    fn forget(&mut self) {
        self.printed.get_mut().clear();
        self.given.clear();
    }

    fn apply(&mut self, statement: &Statement) -> Flow {
        match &statement.kind {
            StatementKind::Grant(_) => {}
            // Whatever it does to a table, functions stay as they are.
            StatementKind::AlterTable(_) => self.printed.get_mut().clear(),
            _ => self.forget(),
        }
        if let Flow::Failed(span, misfit) = self.expect_made(statement) {
            return Flow::Failed(span, misfit);
        }
        if let Flow::Failed(span, misfit) = self.expect_names(statement) {
            return Flow::Failed(span, misfit);
        }
        let made = self.catalog.newly_made(statement);
        let done = match &statement.kind {
            StatementKind::Query(query) => {
                self.query(query, statement.span);
                Ok(())
            }
            StatementKind::Change(change) => rows::change(self.catalog, change, statement.span),
            _ => self.catalog.try_apply(statement),
        };
        if done.is_ok() {
            self.catalog.note_made(made);
        }
        self.flow_after(statement.span, done)
    }

    fn conditional(
        &mut self,
        arms: &[(Fragment, Vec<BlockStatement>)],
        otherwise: &[BlockStatement],
    ) -> Flow {
        for (at, (condition, body)) in arms.iter().enumerate() {
            if let Some(expr) = &condition.value {
                self.called_in_condition(expr, condition.span);
            }
            let holds = condition.value.as_ref().and_then(|expr| self.truth(expr));
            // Where no row is looked at, a wrong name in a condition is not seen.
            if let (None, Some(expr)) = (holds, &condition.value)
                && let Flow::Failed(span, misfit) = self.expect_names_in(expr, condition.span)
            {
                return Flow::Failed(span, misfit);
            }
            match holds {
                Some(true) => return self.statements(body),
                Some(false) => {}
                None if condition.value.as_ref().is_some_and(asks_system_catalogs) => {
                    // That it holds is likelier: what is guarded fits, or it was done before.
                    self.tolerant += 1;
                    self.catalog.attempts += 1;
                    let flow = self.statements(body);
                    self.catalog.attempts -= 1;
                    self.tolerant -= 1;
                    let bodies = arms[at..].iter().map(|(_, body)| body.as_slice());
                    let bodies: Vec<_> = bodies.chain([otherwise]).collect();
                    self.one_of(&bodies, Cause::Condition(condition.span));
                    return match flow {
                        Flow::Exit(_) | Flow::Continue(_) => flow,
                        Flow::Next | Flow::Stop | Flow::Perhaps | Flow::Failed(..) | Flow::Raised(..) => {
                            Flow::Next
                        }
                    };
                }
                None => {
                    let bodies = arms[at..].iter().map(|(_, body)| body.as_slice());
                    let bodies: Vec<_> = bodies.chain([otherwise]).collect();
                    return self.one_of(&bodies, Cause::Condition(condition.span));
                }
            }
        }
        self.statements(otherwise)
    }

    /// Runs what one of several bodies may do.
    fn one_of(&mut self, bodies: &[&[BlockStatement]], cause: Cause) -> Flow {
        for body in bodies {
            self.maybe(body, cause.clone());
        }
        if bodies.iter().any(|body| returns(body)) { Flow::Perhaps } else { Flow::Next }
    }

    fn repeat(&mut self, head: &LoopHead, body: &[BlockStatement], label: Option<&Ident>) -> Flow {
        let (variables, items) = match head {
            LoopHead::Array { variables, array } => match self.fragment(array) {
                Value::List(items) => (variables.clone(), Some(items)),
                Value::Null => return null_in_head(array.span, "FOREACH expression must not be null"),
                _ => (variables.clone(), None),
            },
            LoopHead::Query { variables, query } => {
                if let Flow::Failed(span, misfit) = self.expect_names(query) {
                    return Flow::Failed(span, misfit);
                }
                let rows = match &query.kind {
                    StatementKind::Query(query) => self.select(query),
                    _ => None,
                };
                (variables.clone(), rows)
            }
            LoopHead::Range { variable, bounds, reverse } => {
                if let Some(bound) = bounds.iter().find(|bound| self.fragment(bound) == Value::Null) {
                    return null_in_head(bound.span, "the bounds of a FOR loop cannot be null");
                }
                (vec![variable.clone()], self.range(bounds, *reverse))
            }
            LoopHead::Cursor { variable, cursor } => {
                let query = self.cursors.iter().rev().find(|(name, _)| name == cursor);
                let query = query.map(|(_, query)| query.clone());
                let rows = query.and_then(|query| self.select(&query));
                (vec![variable.clone()], rows)
            }
            LoopHead::Execute { variables, command, using } => {
                let parameters = self.variables.len();
                for (at, fragment) in using.iter().enumerate() {
                    let value = self.fragment(fragment);
                    self.variables.push((Ident::new(format!("${}", at + 1)), value));
                }
                let rows = match self.fragment(command) {
                    Value::Text(text) => match self.read(&text, command.span).as_deref() {
                        Some([Statement { kind: StatementKind::Query(query), .. }]) => self.select(query),
                        _ => None,
                    },
                    _ => None,
                };
                self.variables.drain(parameters..parameters + using.len());
                (variables.clone(), rows)
            }
            LoopHead::Forever => return self.repeat_while(None, body, label),
            LoopHead::While(condition) => return self.repeat_while(Some(condition), body, label),
            LoopHead::Unparsed(_) => (Vec::new(), None),
        };
        let Some(items) = items else {
            for variable in variables {
                self.set(&variable, Value::Unknown);
            }
            self.found(None);
            let span = body.first().map(|statement| statement.span);
            return match span {
                Some(span) => self.one_of(&[body], Cause::Condition(span)),
                None => Flow::Next,
            };
        };
        self.found(Some(!items.is_empty()));
        // The variable of a range is the loop's own.
        let outer = self.variables.len();
        if let LoopHead::Range { variable, .. } = head {
            self.variables.push((variable.clone(), Value::Unknown));
        }
        let endless = std::mem::take(&mut self.endless);
        let mut end = Flow::Next;
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
            if let Some(left) = self.statements(body).leaves(label) {
                end = left;
                break;
            }
        }
        self.endless = endless;
        if matches!(head, LoopHead::Range { .. }) {
            self.variables.truncate(outer);
        }
        end
    }

    /// LOOP and WHILE, for as long as it can be told that they go on.
    fn repeat_while(
        &mut self,
        condition: Option<&Fragment>,
        body: &[BlockStatement],
        label: Option<&Ident>,
    ) -> Flow {
        self.endless += 1;
        let mut end = Flow::Next;
        loop {
            let holds = match condition {
                None => Some(true),
                Some(condition) => condition.value.as_ref().and_then(|expr| self.truth(expr)),
            };
            match holds {
                Some(true) => {}
                Some(false) => break,
                None => {
                    let span = condition.map(|condition| condition.span);
                    end = span.map_or(Flow::Next, |span| self.one_of(&[body], Cause::Condition(span)));
                    break;
                }
            }
            if let Some(left) = self.statements(body).leaves(label) {
                end = left;
                break;
            }
            if self.budget == 0 || body.is_empty() {
                break;
            }
        }
        self.endless -= 1;
        end
    }

    /// The numbers of `1..n by 2`.
    fn range(&mut self, bounds: &[Fragment], reverse: bool) -> Option<Vec<Value>> {
        let mut numbers = Vec::new();
        for bound in bounds {
            let Value::Number(number) = self.fragment(bound) else { return None };
            numbers.push(number);
        }
        let (from, to) = (*numbers.first()?, *numbers.get(1)?);
        let step = usize::try_from(numbers.get(2).copied().unwrap_or(1)).ok().filter(|step| *step > 0)?;
        if from.abs_diff(to) > BUDGET as u64 {
            return None;
        }
        let values: Vec<i64> = if reverse {
            (to..=from).rev().step_by(step).collect()
        } else {
            (from..=to).step_by(step).collect()
        };
        Some(values.into_iter().map(Value::Number).collect())
    }

    fn execute(&mut self, command: &Fragment, into: &[Ident], span: Span) -> Flow {
        into.iter().for_each(|variable| self.set(variable, Value::Unknown));
        let value = self.fragment(command);
        let Value::Text(text) = value else {
            let touches = match value {
                // INTO wants rows, and what changes the catalog gives none.
                _ if !into.is_empty() => None,
                Value::Definition => Some(vec![Touch::new(Aspect::Functions, None)]),
                _ => self.guess(command),
            };
            if let Some(touches) = touches {
                let cause = Cause::Statement(span);
                let reason = "SQL that is only known when it runs";
                self.catalog.record_caused(cause, span, reason.into(), touches).help = Some(DYNAMIC);
            }
            return Flow::Next;
        };
        let Some(statements) = self.read(&text, command.span) else {
            // PostgreSQL refuses it, too.
            self.catalog.record_gap(span, "the text that EXECUTE runs is not valid SQL", Vec::new());
            return Flow::Next;
        };
        for statement in statements {
            self.receive(&statement, into);
            match self.apply(&statement) {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    fn read(&self, text: &str, span: Span) -> Option<Vec<Statement>> {
        let body = BodyText::new(text, span, false);
        let (statements, complete) = crate::sql::parse_body(&body);
        complete.then_some(statements)
    }

    fn unknown(&mut self, span: Span, reason: &str, aspect: Aspect) {
        self.catalog.record_unknown(span, reason, aspect, None);
    }
}

/// The handlers that may take an error: the first that does for certain, alone or after those of
/// which it cannot be told.
fn taking<'b>(handlers: &'b [Handler], error: &Flow) -> Vec<&'b Handler> {
    let code = match error {
        Flow::Failed(_, misfit) => Some(misfit.sql_state().0),
        Flow::Raised(_, code) => code.as_deref(),
        _ => return Vec::new(),
    };
    let mut taking = Vec::new();
    for handler in handlers {
        let takes = condition::takes(&handler.conditions, code);
        if takes != Some(false) {
            taking.push(handler);
        }
        if takes == Some(true) {
            break;
        }
    }
    taking
}

/// Whether statements, as far as they run, may end the block or function around them.
fn returns(statements: &[BlockStatement]) -> bool {
    statements.iter().any(|statement| match &statement.kind {
        BlockStatementKind::Return(_) => true,
        BlockStatementKind::Block(block) => returns(&block.body),
        BlockStatementKind::If { arms, otherwise } => {
            arms.iter().any(|(_, body)| returns(body)) || returns(otherwise)
        }
        BlockStatementKind::Case { arms, otherwise, .. } => {
            arms.iter().any(|(_, body)| returns(body)) || otherwise.as_deref().is_some_and(returns)
        }
        BlockStatementKind::Loop { body, .. } => returns(body),
        _ => false,
    })
}

/// A loop over what is null.
fn null_in_head(span: Span, why: &str) -> Flow {
    Flow::Failed(span, Misfit::refused(SqlState::NULL_VALUE_NOT_ALLOWED, why).at(span))
}

/// Visits the queries that stand in a condition, and not those in these.
fn each_query_of<'e>(condition: &'e Expr, visit: &mut dyn FnMut(&'e Query)) {
    if let Expr::Sublink(sublink) = condition {
        visit(&sublink.query);
    }
    condition.each_child(&mut |child| each_query_of(child, visit));
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

/// A name in a setting: folded unless quoted.
pub(super) fn unquoted(name: &str) -> Ident {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => Ident::new(quoted.replace("\"\"", "\"")),
        None => Ident::new(name.to_ascii_lowercase()),
    }
}

/// `public.orders` as a name.
pub(super) fn object_name(text: &str, span: Span) -> ObjectName {
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
