//! The names that a body may use: PostgreSQL refuses it where it sets one that is no variable, or catches an
//! error that there is not.

use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind as Kind, BodyError, LoopHead};

/// Variables that are there without being declared, those of triggers included.
const IMPLICIT: [&str; 5] = ["found", "new", "old", "sqlerrm", "sqlstate"];

/// Errors that something is there already, and that something is not: the names of each kind (manual,
/// appendix A).
const DUPLICATE: [&str; 11] = [
    "alias",
    "column",
    "cursor",
    "database",
    "file",
    "function",
    "json_object_key_value",
    "object",
    "prepared_statement",
    "schema",
    "table",
];
const UNDEFINED: [&str; 6] = ["column", "file", "function", "object", "parameter", "table"];

/// The first place of a body that PostgreSQL does not take. The arguments of its function are variables, and so
/// are results with names.
pub fn first_error(block: &Block, arguments: &[Ident]) -> Option<BodyError> {
    let known = block.error.as_deref().cloned();
    known.or_else(|| unknown_condition(block)).or_else(|| unknown_variable(block, arguments))
}

/// The first handler of an error that there is not, as `duplicate_policy`, for which it is `duplicate_object`.
fn unknown_condition(block: &Block) -> Option<BodyError> {
    let is_unknown = |condition: &&String| {
        let kind = |start, known: &[&str]| condition.strip_prefix(start).map(|kind| !known.contains(&kind));
        kind("duplicate_", &DUPLICATE).or_else(|| kind("undefined_", &UNDEFINED)) == Some(true)
    };
    let mut found = None;
    block.walk_blocks(&mut |block| {
        let mut unknown = block.handlers.iter().filter_map(|handler| {
            let condition = handler.conditions.iter().find(is_unknown)?;
            let message = format!("unrecognized exception condition \"{condition}\"");
            Some(BodyError { span: handler.span, message })
        });
        found = found.take().or_else(|| unknown.next());
    });
    found
}

/// The first place where a body sets a name that is no variable, or declares one twice.
fn unknown_variable(block: &Block, arguments: &[Ident]) -> Option<BodyError> {
    // A name may start with a label.
    if block.has_labels {
        return None;
    }
    Scope { names: arguments.to_vec() }.block(block)
}

struct Scope {
    names: Vec<Ident>,
}

impl Scope {
    fn has(&self, name: &Ident) -> bool {
        name.starts_with('$')
            || name.starts_with("tg_")
            || IMPLICIT.iter().any(|implicit| name == implicit)
            || self.names.contains(name)
    }

    fn block(&mut self, block: &Block) -> Option<BodyError> {
        let outer = self.names.len();
        for declaration in &block.declarations {
            if self.names[outer..].contains(&declaration.name) {
                let message = format!("duplicate declaration at or near \"{}\"", declaration.name);
                return Some(BodyError { span: declaration.span, message });
            }
            self.names.push(declaration.name.clone());
        }
        let found = self.statements(&block.body);
        let found =
            found.or_else(|| block.handlers.iter().find_map(|handler| self.statements(&handler.body)));
        self.names.truncate(outer);
        found
    }

    fn statements(&mut self, statements: &[BlockStatement]) -> Option<BodyError> {
        statements.iter().find_map(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &BlockStatement) -> Option<BodyError> {
        let set: &[Ident] = match &statement.kind {
            Kind::Block(block) => return self.block(block),
            Kind::Loop { head, body } => return self.repeat(head, body, statement.span),
            Kind::Assign { target, .. } => std::slice::from_ref(target),
            Kind::Sql { into, .. } | Kind::Execute { into, .. } | Kind::Receive { into, .. } => into,
            _ => return statement.bodies().find_map(|body| self.statements(body)),
        };
        let unknown = set.iter().find(|name| !self.has(name))?;
        let message = format!("\"{unknown}\" is not a known variable");
        Some(BodyError { span: statement.span, message })
    }

    fn repeat(&mut self, head: &LoopHead, body: &[BlockStatement], span: Span) -> Option<BodyError> {
        let outer = self.names.len();
        match head {
            LoopHead::Range { variable, .. } | LoopHead::Cursor { variable, .. } => {
                self.names.push(variable.clone());
            }
            LoopHead::Query { variables, .. } | LoopHead::Execute { variables, .. }
                if variables.iter().any(|variable| !self.has(variable)) =>
            {
                let message =
                    "loop variable of loop over rows must be a record variable or list of scalar variables";
                return Some(BodyError { span: Span { end: span.start, ..span }, message: message.into() });
            }
            LoopHead::Array { variables, .. } => {
                if let Some(unknown) = variables.iter().find(|variable| !self.has(variable)) {
                    let message = format!("\"{unknown}\" is not a known variable");
                    return Some(BodyError { span: Span { end: span.start, ..span }, message });
                }
            }
            _ => {}
        }
        let found = self.statements(body);
        self.names.truncate(outer);
        found
    }
}
