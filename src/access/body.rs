//! What a function gives, as one expression of its parameters.

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::bind::Binder;
use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::predicate::Body;
use crate::sql::expr::{Expr, Literal, Query, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind, Fragment, RaiseLevel};
use crate::sql::statement::{ArgumentMode, Statement, StatementKind};
use crate::workload::routine::Routine;

/// Code with more statements than this, counted along every path, is not followed.
const STATEMENTS: usize = 64;

/// A value of more parts than this is not followed: each use of a variable repeats it.
const SIZE: usize = 400;

/// Reads a function's body as one expression; `None` where it is not that simple.
pub(super) fn body(catalog: &Catalog, function: &Function, routine: &Routine) -> Option<Body> {
    let simple = routine.complete
        && routine.executed.is_empty()
        && function.kind == FunctionKind::Function
        && function.inputs().all(|argument| argument.mode != ArgumentMode::Variadic)
        && !function.is_trigger();
    if !simple {
        return None;
    }
    let parameters = function
        .inputs()
        .zip(1..)
        .filter_map(|(argument, number)| Some((argument.name.clone()?, Expr::Param(number))));
    let mut values: IndexMap<Ident, Expr> = parameters.collect();
    let rows = matches!(function.returns, Returns::SetOf(_) | Returns::Table);
    let mut body = match &routine.block {
        Some(block) => {
            let mut code = Code {
                binder: routine.binder(catalog, function),
                function: &function.name.name,
                left: STATEMENTS,
            };
            if rows { code.rows(block, &values)? } else { Body::Value(code.block(block, &mut values)?) }
        }
        None => {
            let [Statement { kind: StatementKind::Query(query), .. }] = routine.statements.as_slice() else {
                return None;
            };
            let mut query = (**query).clone();
            query.visit_mut(1, &mut |part, level| put(part, level, &values, &function.name.name));
            if rows { Body::Rows(query) } else { Body::Value(scalar(query)) }
        }
    };
    let owner = function.security_definer.value.then_some(&function.owner);
    let finish = |part: &mut Expr, _: u16| {
        if let (Expr::Session("current_user" | "current_role" | "user"), Some(owner)) = (&*part, owner) {
            *part = Expr::Literal(Literal::String(owner.to_string()));
        }
    };
    match &mut body {
        Body::Value(expr) => expr.visit_mut(0, &mut { finish }),
        Body::Rows(query) => query.visit_mut(1, &mut { finish }),
    }
    if !function.strict {
        return Some(body);
    }
    // A strict function is not called with nulls.
    let Body::Value(value) = body else { return None };
    let inputs = (1..).zip(function.inputs());
    let null = |number| Expr::IsNull { expr: Box::new(Expr::Param(number)), negated: false };
    let nulls: Vec<Expr> = inputs.map(|(number, _)| null(number)).collect();
    Some(Body::Value(match nulls.is_empty() {
        true => value,
        false => Expr::Case {
            operand: None,
            arms: vec![(Expr::Or(nulls), Expr::NULL)],
            default: Some(Box::new(value)),
        },
    }))
}

fn scalar(query: Query) -> Expr {
    let span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
    Expr::Sublink(Sublink {
        kind: SublinkKind::Scalar,
        test: None,
        op: Ident::default(),
        query: Box::new(query),
        span,
    })
}

/// Puts the value of a parameter or variable where its name is.
fn put(part: &mut Expr, level: u16, values: &IndexMap<Ident, Expr>, function: &Ident) {
    let Expr::Column(column) = part else { return };
    if column.target != Target::Variable || column.star {
        return;
    }
    let value = match column.path.as_slice() {
        [name] => values.get(name),
        [qualifier, name] if qualifier == function => values.get(name),
        _ => None,
    };
    if let Some(value) = value {
        *part = value.clone().deeper(level);
    }
}

/// PL/pgSQL that decides, and returns an expression.
struct Code<'a> {
    binder: Binder<'a>,
    function: &'a Ident,
    left: usize,
}

impl Code<'_> {
    fn block(&mut self, block: &Block, values: &mut IndexMap<Ident, Expr>) -> Option<Expr> {
        self.declare(block, values)?;
        let statements: Vec<&BlockStatement> = block.body.iter().collect();
        self.result(&statements, values)
    }

    fn declare(&mut self, block: &Block, values: &mut IndexMap<Ident, Expr>) -> Option<()> {
        if !block.handlers.is_empty() {
            return None;
        }
        for declared in &block.declarations {
            if declared.data_type == "alias" || declared.data_type == "cursor" {
                return None;
            }
            let value = match &declared.default {
                Some(fragment) => self.value(fragment, values)?,
                None => Expr::NULL,
            };
            values.insert(declared.name.clone(), value);
        }
        Some(())
    }

    /// What these statements return, one after the other.
    fn result(&mut self, statements: &[&BlockStatement], values: &IndexMap<Ident, Expr>) -> Option<Expr> {
        let (first, rest) = statements.split_first()?;
        self.left = self.left.checked_sub(1)?;
        match &first.kind {
            BlockStatementKind::Return(Some(fragment)) => self.value(fragment, values),
            BlockStatementKind::If { arms, otherwise } => {
                let mut cases = Vec::new();
                for (condition, body) in arms {
                    let when = self.value(condition, values)?;
                    cases.push((when, self.result(&followed(body, rest), values)?));
                }
                let default = self.result(&followed(otherwise, rest), values)?;
                Some(Expr::Case { operand: None, arms: cases, default: Some(Box::new(default)) })
            }
            BlockStatementKind::Assign { target, field: None, value } => {
                let mut values = values.clone();
                let value = self.value(value, &values)?;
                *values.get_mut(target)? = value;
                self.result(rest, &values)
            }
            BlockStatementKind::Sql { statement, into } => {
                let StatementKind::Query(query) = &statement.kind else { return None };
                let QueryBody::Select(select) = &query.body else { return None };
                if into.is_empty() || select.targets.len() != into.len() {
                    return None;
                }
                let before = values.clone();
                let mut values = values.clone();
                for (at, name) in into.iter().enumerate() {
                    let mut one = (**query).clone();
                    if let QueryBody::Select(select) = &mut one.body {
                        select.targets = vec![select.targets[at].clone()];
                    }
                    let mut value = scalar(one);
                    self.binder.expr(&mut value);
                    value.visit_mut(0, &mut |part, level| put(part, level, &before, self.function));
                    *values.get_mut(name)? = value;
                }
                self.result(rest, &values)
            }
            BlockStatementKind::Block(block) => {
                let mut values = values.clone();
                self.declare(block, &mut values)?;
                self.result(&followed(&block.body, rest), &values)
            }
            BlockStatementKind::Raise { level: RaiseLevel::Message, .. }
            | BlockStatementKind::Other("NULL") => self.result(rest, values),
            _ => None,
        }
    }

    /// The rows of `return query …` and nothing else.
    fn rows(&mut self, block: &Block, values: &IndexMap<Ident, Expr>) -> Option<Body> {
        let [BlockStatement { kind: BlockStatementKind::ReturnQuery(statement), .. }, rest @ ..] =
            block.body.as_slice()
        else {
            return None;
        };
        let ends = |statement: &BlockStatement| matches!(statement.kind, BlockStatementKind::Return(None));
        let StatementKind::Query(query) = &statement.kind else { return None };
        if !block.handlers.is_empty() || !block.declarations.is_empty() || !rest.iter().all(ends) {
            return None;
        }
        let mut query = (**query).clone();
        self.binder.query(&mut query);
        query.visit_mut(1, &mut |part, level| put(part, level, values, self.function));
        Some(Body::Rows(query))
    }

    fn value(&mut self, fragment: &Fragment, values: &IndexMap<Ident, Expr>) -> Option<Expr> {
        let mut expr = fragment.value.clone()?;
        self.binder.expr(&mut expr);
        expr.visit_mut(0, &mut |part, level| put(part, level, values, self.function));
        let mut size = 0;
        expr.walk(&mut |_| size += 1);
        (size <= SIZE).then_some(expr)
    }
}

/// The statements of an arm, and those after it that it goes on to.
fn followed<'b>(body: &'b [BlockStatement], rest: &[&'b BlockStatement]) -> Vec<&'b BlockStatement> {
    body.iter().chain(rest.iter().copied()).collect()
}
