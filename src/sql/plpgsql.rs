//! PL/pgSQL: the shape of DO blocks and function bodies.

mod declared;
mod known;
mod parser;
mod simple;

use crate::source::{Span, Spanned};
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{BodyText, Statement};

pub use declared::DeclaredType;
pub use known::first_error;

/// `[declare …] begin … [exception …] end`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub declarations: Vec<Declaration>,
    pub body: Vec<BlockStatement>,
    pub handlers: Vec<Handler>,
    /// In the outermost block, the first place that PostgreSQL does not take.
    pub error: Option<Box<BodyError>>,
    /// Whether, in the outermost block, something has a label: a name may start with it.
    pub has_labels: bool,
}

/// What PostgreSQL does not take of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    pub span: Span,
    /// The server's words, without "ERROR:".
    pub message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    pub name: Ident,
    pub span: Span,
    /// The text of the type, as written: `text`, `public.orders%rowtype`. `alias` and `cursor` for
    /// names that stand for a parameter or a cursor.
    pub data_type: String,
    pub constant: bool,
    pub default: Option<Fragment>,
    /// The query of a cursor.
    pub query: Option<Box<Statement>>,
}

/// `when duplicate_object or others then …`
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The conditions.
    pub span: Span,
    /// In lower case; `sqlstate '42710'` is `42710`.
    pub conditions: Vec<String>,
    pub body: Vec<BlockStatement>,
}

/// A piece of SQL in PL/pgSQL code: `None` where it could not be parsed.
pub type Fragment = Spanned<Option<Expr>>;

#[derive(Clone, Debug, PartialEq)]
pub struct BlockStatement {
    pub span: Span,
    /// Of a loop or block.
    pub label: Option<Ident>,
    pub kind: BlockStatementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum BlockStatementKind {
    Block(Block),
    /// The arms of IF and ELSIF, and ELSE.
    If {
        arms: Vec<(Fragment, Vec<BlockStatement>)>,
        otherwise: Vec<BlockStatement>,
    },
    /// The arms hold the values to compare with, or conditions where `operand` is absent.
    Case {
        operand: Option<Fragment>,
        arms: Vec<(Vec<Fragment>, Vec<BlockStatement>)>,
        otherwise: Option<Vec<BlockStatement>>,
    },
    Loop {
        head: LoopHead,
        body: Vec<BlockStatement>,
    },
    Assign {
        target: Ident,
        /// The field of a record: `role` in `new.role := …`.
        field: Option<Ident>,
        value: Fragment,
    },
    /// A statement of SQL; `into` names the variables that its result goes to.
    Sql {
        statement: Box<Statement>,
        into: Vec<Ident>,
    },
    /// PERFORM: the query, as a SELECT.
    Perform(Box<Statement>),
    Execute {
        command: Fragment,
        using: Vec<Fragment>,
        into: Vec<Ident>,
    },
    /// The value; absent for a bare RETURN.
    Return(Option<Fragment>),
    ReturnNext(Option<Fragment>),
    ReturnQuery(Box<Statement>),
    ReturnExecute {
        command: Fragment,
        using: Vec<Fragment>,
    },
    Raise {
        level: RaiseLevel,
        /// The error's name or SQLSTATE, in lower case; empty where an expression gives it.
        condition: Option<String>,
        /// The format, quotes undone.
        message: Option<String>,
        /// What fills the format, and the values of USING.
        args: Vec<Fragment>,
    },
    /// EXIT, or CONTINUE.
    Exit {
        /// Of the loop or block that it is about; absent for the innermost loop.
        label: Option<Ident>,
        resumes: bool,
        condition: Option<Fragment>,
    },
    /// The condition and the message.
    Assert(Vec<Fragment>),
    /// OPEN … FOR a query.
    Open(Box<Statement>),
    /// OPEN … FOR EXECUTE.
    OpenExecute {
        command: Fragment,
        using: Vec<Fragment>,
    },
    /// FETCH and GET DIAGNOSTICS: they only set variables.
    Receive {
        command: &'static str,
        into: Vec<Ident>,
    },
    /// NULL, MOVE, CLOSE, OPEN of a declared cursor.
    Other(&'static str),
    /// What could not be read.
    Unparsed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseLevel {
    /// Ends the block.
    Exception,
    Message,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoopHead {
    Forever,
    While(Fragment),
    /// `for i in 1..n`; the bounds hold the step, too.
    Range {
        variable: Ident,
        bounds: Vec<Fragment>,
        reverse: bool,
    },
    Query {
        variables: Vec<Ident>,
        query: Box<Statement>,
    },
    Execute {
        variables: Vec<Ident>,
        command: Fragment,
        using: Vec<Fragment>,
    },
    /// `for x in a_declared_cursor`
    Cursor {
        variable: Ident,
        cursor: Ident,
    },
    /// `foreach x in array …`
    Array {
        variables: Vec<Ident>,
        array: Fragment,
    },
    /// A head that could not be read.
    Unparsed(Span),
}

impl Block {
    /// Visits this block and those nested in it.
    pub fn walk_blocks<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        self.walk(&mut |statement| {
            if let BlockStatementKind::Block(block) = &statement.kind {
                visit(block);
            }
        });
    }

    /// Visits every statement, nested ones after the one that holds them.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a BlockStatement)) {
        let handled = self.handlers.iter().flat_map(|handler| &handler.body);
        for statement in self.body.iter().chain(handled) {
            statement.walk(visit);
        }
    }
}

impl BlockStatement {
    /// Visits this statement and those in it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        if let BlockStatementKind::Block(block) = &self.kind {
            block.walk(visit);
        }
        for statement in self.bodies().flatten() {
            statement.walk(visit);
        }
    }

    /// The lists of statements in IF, CASE and LOOP.
    pub fn bodies(&self) -> impl Iterator<Item = &[Self]> {
        let (arms, cases, last): (&[(Fragment, _)], &[(Vec<Fragment>, _)], _) = match &self.kind {
            BlockStatementKind::If { arms, otherwise } => (arms, &[], Some(&otherwise[..])),
            BlockStatementKind::Case { arms, otherwise, .. } => (&[], arms, otherwise.as_deref()),
            BlockStatementKind::Loop { body, .. } => (&[], &[], Some(&body[..])),
            _ => (&[], &[], None),
        };
        let arms = arms.iter().map(|(_, body): &(_, Vec<Self>)| &body[..]);
        arms.chain(cases.iter().map(|(_, body): &(_, Vec<Self>)| &body[..])).chain(last)
    }

    /// The statement of SQL that runs as it is written.
    pub fn sql(&self) -> Option<&Statement> {
        match &self.kind {
            BlockStatementKind::Sql { statement, .. }
            | BlockStatementKind::Perform(statement)
            | BlockStatementKind::ReturnQuery(statement)
            | BlockStatementKind::Open(statement)
            | BlockStatementKind::Loop { head: LoopHead::Query { query: statement, .. }, .. } => {
                Some(statement)
            }
            _ => None,
        }
    }

    /// The text that EXECUTE runs, wherever EXECUTE may stand.
    pub fn executed(&self) -> Option<&Fragment> {
        match &self.kind {
            BlockStatementKind::Execute { command, .. }
            | BlockStatementKind::ReturnExecute { command, .. }
            | BlockStatementKind::OpenExecute { command, .. }
            | BlockStatementKind::Loop { head: LoopHead::Execute { command, .. }, .. } => Some(command),
            _ => None,
        }
    }

    /// The expressions of this statement itself; statements in it are not entered.
    pub fn fragments(&self) -> Vec<&Fragment> {
        use BlockStatementKind as Kind;
        match &self.kind {
            Kind::If { arms, .. } => arms.iter().map(|(condition, _)| condition).collect(),
            Kind::Case { operand, arms, .. } => {
                operand.iter().chain(arms.iter().flat_map(|(values, _)| values)).collect()
            }
            Kind::Assign { value, .. } => vec![value],
            Kind::Execute { command, using, .. }
            | Kind::ReturnExecute { command, using }
            | Kind::OpenExecute { command, using }
            | Kind::Loop { head: LoopHead::Execute { command, using, .. }, .. } => {
                std::iter::once(command).chain(using).collect()
            }
            Kind::Loop {
                head: LoopHead::While(fragment) | LoopHead::Array { array: fragment, .. }, ..
            } => {
                vec![fragment]
            }
            Kind::Return(value) | Kind::ReturnNext(value) | Kind::Exit { condition: value, .. } => {
                value.iter().collect()
            }
            Kind::Loop { head: LoopHead::Range { bounds: list, .. }, .. }
            | Kind::Raise { args: list, .. }
            | Kind::Assert(list) => list.iter().collect(),
            Kind::Loop { .. }
            | Kind::Block(_)
            | Kind::Sql { .. }
            | Kind::Perform(_)
            | Kind::ReturnQuery(_)
            | Kind::Open(_)
            | Kind::Receive { .. }
            | Kind::Other(_)
            | Kind::Unparsed => Vec::new(),
        }
    }
}

/// Reads a PL/pgSQL body. It never fails: what it cannot read is [`BlockStatementKind::Unparsed`].
/// The caller provides the stack: see [`crate::sql::STACK_SIZE`].
pub fn parse(body: &BodyText) -> Block {
    parser::Parser::new(body).parse()
}

/// The types that the variables of a body's outermost block take from elsewhere: those that have a
/// name of their own.
pub fn declared_types(body: &BodyText) -> Vec<DeclaredType> {
    parser::Parser::new(body).declared_types()
}

#[cfg(test)]
mod tests;
