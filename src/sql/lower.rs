//! The parser's nodes to our statements: the one place that knows PostgreSQL's tree.
//!
//! The nodes say what a statement means and, now and then, where a part of it starts. Where they
//! do not, and for every end, the tokens of the statement are asked.

/// The contents of the statement that a text lowers to, of the kind that is named.
#[cfg(test)]
macro_rules! lowered {
    ($kind:ident, $text:expr) => {
        match crate::sql::lower::testing::lower($text) {
            crate::sql::statement::StatementKind::$kind(content) => content,
            other => panic!("{other:?}"),
        }
    };
}

mod alter;
mod expr;
mod function;
mod json;
mod name;
mod object;
mod policy;
mod query;
mod relation;
mod role;
mod setting;
mod table;
mod types;

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use pg_raw_parse::raw::{DropBehavior, TransactionStmtKind};
use pg_raw_parse::{Node, nodes as pg};

use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Literal, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::lower::name::{optional, required};
use crate::sql::name::{Ident, is_reserved};
use crate::sql::parser::{self, List, Mode, Tree, present};
use crate::sql::statement::{RoleName, Statement, StatementKind, Transaction};
use crate::sql::token::{Code, Lexer, Token, TokenKind, Tokens, ident};

/// Why a piece of text is no statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    /// The server's words, without "ERROR:".
    pub(super) message: String,
    /// The token that it stopped at, as offsets in the code.
    pub(super) at: Range<usize>,
}

/// Parses and lowers the one statement that stands in a range of the code, without its semicolon.
/// `Ok(None)`: there is nothing but blanks and comments.
pub(super) fn statement(code: Code<'_>, range: Range<usize>) -> Result<Option<Statement>, ParseError> {
    let range = significant(code.text, range);
    if range.is_empty() {
        return Ok(None);
    }
    let tree = parse(code, &range)?;
    let Some(node) = tree.statement() else { return Ok(None) };
    let nesting = Nesting::default();
    let statement = Cx::new(code, range.clone(), &nesting).statement(node);
    if nesting.is_exceeded() {
        return Err(ParseError { message: "stack depth limit exceeded".into(), at: range });
    }
    Ok(Some(statement))
}

/// Whether a statement that is not lowered is one to the parser.
pub(super) fn check(code: Code<'_>, range: Range<usize>) -> Result<(), ParseError> {
    let range = significant(code.text, range);
    parse(code, &range).map(|_| ())
}

fn parse(code: Code<'_>, range: &Range<usize>) -> Result<Tree, ParseError> {
    let text = &code.text[range.clone()];
    parser::parse(text, Mode::Statements).map_err(|failure| place(code.text, range, failure))
}

/// A number, or a dotted name without key words: most of what PL/pgSQL assigns and compares needs no
/// parser.
fn plain(code: Code<'_>, range: Range<usize>) -> Option<Expr> {
    let span = code.span(range.start, range.end);
    let mut path = Vec::new();
    for (at, token) in Lexer::within(code.text, range.clone()).enumerate() {
        let text = token.text(code.text);
        match token.kind {
            TokenKind::Number if token.start == range.start && token.end == range.end => {
                let plain = text.bytes().all(|byte| byte.is_ascii_digit());
                return plain.then(|| Expr::Literal(Literal::Number(text.into())));
            }
            TokenKind::Word if at % 2 == 0 && !is_reserved(&text.to_ascii_lowercase()) => {
                path.push(ident(token, code.text)?);
            }
            TokenKind::Punctuation if at % 2 == 1 && text == "." => {}
            _ => return None,
        }
    }
    let whole = !path.is_empty() && !code.text[range].ends_with('.');
    whole.then_some(Expr::Column(ColumnRef { path, star: false, span, target: Target::Unknown }))
}

/// Parses and lowers the expression that stands in a range of the code. As in PL/pgSQL it may go on
/// with FROM and WHERE; it is a sub-select then.
/// `Ok(None)`: there is none, or it is nested too deeply.
pub(super) fn expression(code: Code<'_>, range: Range<usize>) -> Result<Option<Expr>, ParseError> {
    let range = significant(code.text, range);
    if range.is_empty() {
        return Ok(None);
    }
    match plain(code, range.clone()) {
        Some(expr) => Ok(Some(expr)),
        None => parsed(code, range),
    }
}

fn parsed(code: Code<'_>, range: Range<usize>) -> Result<Option<Expr>, ParseError> {
    let tree = parser::parse(&code.text[range.clone()], Mode::Expression)
        .map_err(|failure| place(code.text, &range, failure))?;
    let Some(Node::SelectStmt(select)) = tree.statement() else { return Ok(None) };
    let nesting = Nesting::default();
    let expr = Cx::new(code, range, &nesting).select_as_expr(select);
    Ok((!nesting.is_exceeded()).then_some(expr))
}
/// A range without the blanks and comments at its ends.
fn significant(text: &str, range: Range<usize>) -> Range<usize> {
    let mut tokens = Lexer::within(text, range.clone()).filter(|token| !token.is_comment());
    let Some(first) = tokens.next() else {
        return range.start..range.start;
    };
    let end = range.start + text[range].trim_ascii_end().len();
    let line = &text[first.start..end];
    let line = &line[line.rfind('\n').map_or(0, |at| at + 1)..];
    // A line that holds no mark of a comment ends with a token of the statement.
    if !line.contains("--") && !line.contains("*/") {
        return first.start..end;
    }
    first.start..tokens.last().unwrap_or(first).end
}

fn place(text: &str, range: &Range<usize>, failure: parser::Failure) -> ParseError {
    let at = match failure.at.map(|at| range.start + at) {
        Some(at) => Lexer::within(text, at..range.end).find(|token| !token.is_comment()),
        None => return ParseError { message: failure.message, at: range.clone() },
    };
    // At the end of the input the last token is shown.
    let at = at.or_else(|| Lexer::within(text, range.clone()).filter(|token| !token.is_comment()).last());
    let at = at.map_or(range.clone(), |token| token.start..token.end);
    ParseError { message: failure.message, at }
}

/// How deep the lowering is in a statement. `1 + 1 + …` makes a tree as deep as it is long, and the
/// parser, which does not recurse, takes any.
#[derive(Default)]
struct Nesting {
    level: Cell<usize>,
    exceeded: Cell<bool>,
}

/// How many queries, sources and expressions may stand within each other: what a server, too, takes
/// with the stack that it has by default.
const MAX_NESTING: usize = 5000;

impl Nesting {
    /// Runs one level deeper. `None`: that would be too deep.
    fn enter<T>(&self, lower: impl FnOnce() -> T) -> Option<T> {
        let level = self.level.get();
        if level == MAX_NESTING {
            self.exceeded.set(true);
            return None;
        }
        self.level.set(level + 1);
        let lowered = lower();
        self.level.set(level);
        Some(lowered)
    }

    fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }
}

/// One statement while it is lowered.
struct Cx<'a> {
    code: Code<'a>,
    nesting: &'a Nesting,
    /// Where the parsed text starts, which locations count from.
    origin: usize,
    /// The statement, which may be a part of the parsed text.
    range: Range<usize>,
    tokens: OnceCell<Tokens<'a>>,
}

impl<'a> Cx<'a> {
    fn new(code: Code<'a>, range: Range<usize>, nesting: &'a Nesting) -> Self {
        Self { code, nesting, origin: range.start, range, tokens: OnceCell::new() }
    }

    /// The same for a statement within this one.
    fn within(&self, range: Range<usize>) -> Self {
        Self { code: self.code, nesting: self.nesting, origin: self.origin, range, tokens: OnceCell::new() }
    }

    fn tokens(&self) -> &Tokens<'a> {
        self.tokens.get_or_init(|| Tokens::new(self.code, self.range.clone()))
    }

    fn whole(&self) -> Span {
        self.code.span(self.range.start, self.range.end)
    }

    /// The offset that a location means: the start of the statement where there is none.
    fn offset(&self, location: i32) -> usize {
        let Ok(location) = usize::try_from(location) else {
            return self.range.start;
        };
        let mut at = (self.origin + location).clamp(self.range.start, self.range.end);
        while !self.code.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The index of the token at a location.
    fn index(&self, location: i32) -> usize {
        self.tokens().at(self.offset(location))
    }

    /// The tokens from a location on, comments left out.
    fn lex(&self, location: i32) -> impl Iterator<Item = Token> + use<'a> {
        self.lex_from(self.offset(location))
    }

    fn lex_from(&self, start: usize) -> impl Iterator<Item = Token> + use<'a> {
        Lexer::within(self.code.text, start..self.range.end).filter(|token| !token.is_comment())
    }

    /// The span of one token.
    fn token_span(&self, index: usize) -> Span {
        self.tokens().span(index, index + 1)
    }

    /// Whether the words stand at an index.
    fn words_at(&self, index: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(at, word)| self.tokens().is_word(index + at, word))
    }

    /// The index after some words where they stand, else the same.
    fn skip_words(&self, index: usize, words: &[&str]) -> usize {
        if self.words_at(index, words) { index + words.len() } else { index }
    }

    /// The index after `IF [NOT] EXISTS`.
    fn skip_if_exists(&self, index: usize) -> usize {
        self.skip_words(self.skip_words(index, &["if", "exists"]), &["if", "not", "exists"])
    }

    fn statement(&self, node: Node<'_>) -> Statement {
        Statement { span: self.whole(), kind: self.kind(node) }
    }

    fn kind(&self, node: Node<'_>) -> StatementKind {
        use StatementKind as S;
        match node {
            Node::None => S::Other("EMPTY"),
            Node::CreateSchemaStmt(n) => S::CreateSchema(self.create_schema(n)),
            Node::CreateStmt(n) => S::CreateTable(Box::new(self.create_table(n, None))),
            Node::CreateTableAsStmt(n) => S::CreateTableAs(Box::new(self.create_table_as(n))),
            Node::ViewStmt(n) => S::CreateView(Box::new(self.create_view(n))),
            Node::IndexStmt(n) => S::CreateIndex(Box::new(self.create_index(n))),
            Node::CreatePolicyStmt(n) => S::CreatePolicy(Box::new(self.create_policy(n))),
            Node::AlterPolicyStmt(n) => S::AlterPolicy(Box::new(self.alter_policy(n))),
            Node::CreateTrigStmt(n) => S::CreateTrigger(Box::new(self.create_trigger(n))),
            Node::CreateEventTrigStmt(n) => S::CreateEventTrigger(Box::new(self.create_event_trigger(n))),
            Node::AlterEventTrigStmt(n) => self.alter_event_trigger(n),
            Node::RuleStmt(n) => S::CreateRule(self.create_rule(n)),
            Node::CreateFunctionStmt(n) => S::CreateFunction(Box::new(self.create_function(n))),
            Node::AlterFunctionStmt(n) => self.alter_function(n),
            Node::DefineStmt(n) => self.define(n),
            Node::DoStmt(n) => S::Do(Box::new(self.do_block(n))),
            Node::CallStmt(n) => self.call_procedure(n),
            Node::CreateSeqStmt(n) => S::CreateSequence(Box::new(self.create_sequence(n))),
            Node::AlterSeqStmt(n) => S::AlterSequence(Box::new(self.alter_sequence(n))),
            Node::CreateEnumStmt(n) => S::CreateType(Box::new(self.create_enum(n))),
            Node::CreateDomainStmt(n) => S::CreateType(Box::new(self.create_domain(n))),
            Node::CompositeTypeStmt(n) => S::CreateType(Box::new(self.create_composite(n))),
            Node::CreateRangeStmt(n) => S::CreateType(Box::new(self.create_range(n))),
            Node::AlterEnumStmt(n) => S::AlterEnum(self.alter_enum(n)),
            Node::AlterDomainStmt(n) => self.alter_domain(n),
            Node::AlterTableStmt(n) => S::AlterTable(Box::new(self.alter_table(n))),

            Node::CreateRoleStmt(n) => S::CreateRole(self.create_role(n)),
            Node::AlterRoleStmt(n) => self.alter_role(n),
            Node::AlterRoleSetStmt(n) => self.alter_role_set(n),
            Node::AlterDatabaseSetStmt(n) => self.alter_database_set(n),
            Node::GrantStmt(n) => self.grant(n),
            Node::GrantRoleStmt(n) => S::GrantRole(self.grant_role(n)),
            Node::AlterDefaultPrivilegesStmt(n) => self.alter_default_privileges(n),
            Node::CreateExtensionStmt(n) => S::CreateExtension(self.create_extension(n)),
            Node::CreatePublicationStmt(n) => S::CreatePublication(self.create_publication(n)),
            Node::AlterPublicationStmt(n) => S::AlterPublication(self.alter_publication(n)),
            Node::CreateForeignServerStmt(n) => S::CreateServer {
                name: required(n.servername()),
                wrapper: required(n.fdwname()),
                if_not_exists: n.if_not_exists,
            },

            Node::RenameStmt(n) => self.rename(n),
            Node::AlterObjectSchemaStmt(n) => self.set_schema(n),
            Node::AlterOwnerStmt(n) => self.set_owner(n),
            Node::DropStmt(n) => S::Drop(self.drop(n)),
            Node::DropRoleStmt(n) => S::Drop(self.drop_role(n)),
            Node::DropdbStmt(n) => S::Drop(self.drop_database(n)),
            Node::DropSubscriptionStmt(n) => S::Drop(self.drop_subscription(n)),
            Node::DropOwnedStmt(n) => S::DropOwned {
                roles: name::roles(n.roles()),
                cascade: n.behavior == DropBehavior::DROP_CASCADE,
            },
            Node::ReassignOwnedStmt(n) => S::ReassignOwned {
                roles: name::roles(n.roles()),
                to: n.newrole().map_or(RoleName::Current, name::role),
            },
            Node::CommentStmt(n) => self.comment(n),

            Node::RefreshMatViewStmt(n) => {
                S::Refresh { name: self.optional_relation(n.relation()), with_data: !n.skip_data }
            }
            Node::VariableSetStmt(n) => self.set(n),
            Node::TransactionStmt(n) => self.transaction(n),
            Node::SelectStmt(n) => self.select_statement(n),
            Node::InsertStmt(n) => S::Change(Box::new(self.insert(n))),
            Node::UpdateStmt(n) => S::Change(Box::new(self.update(n))),
            Node::DeleteStmt(n) => S::Change(Box::new(self.delete(n))),
            Node::MergeStmt(n) => S::Change(Box::new(self.merge(n))),
            Node::ReturnStmt(n) => self.return_statement(n),
            Node::TruncateStmt(n) => S::Truncate {
                tables: n.relations().items().filter_map(|node| self.relation_node(node)).collect(),
                cascade: n.behavior == DropBehavior::DROP_CASCADE,
            },
            Node::CopyStmt(_) => S::Data(None),
            Node::Invalid(n) => match parser::foreign_table(n) {
                Some((table, server)) => S::CreateTable(Box::new(self.create_table(table, optional(server)))),
                None => S::Other("UNKNOWN"),
            },
            other => S::Other(command(other)),
        }
    }

    /// A query without FROM is the expressions that it selects, another one a sub-select.
    fn select_as_expr(&self, select: &pg::SelectStmt) -> Expr {
        let bare = select.from_clause().is_empty()
            && present(select.where_clause()).is_none()
            && present(select.limit_count()).is_none();
        let mut targets = select.target_list().items();
        if bare && let (Some(target), 0) = (targets.next(), targets.len()) {
            return self.expr(target);
        }
        let mut query = self.query(select);
        match &mut query.body {
            QueryBody::Select(select) if bare => {
                Expr::Row(std::mem::take(&mut select.targets).into_iter().map(|target| target.expr).collect())
            }
            _ => Expr::Sublink(Sublink {
                kind: SublinkKind::Scalar,
                test: None,
                op: Ident::default(),
                query: Box::new(query),
                span: self.whole(),
            }),
        }
    }

    fn transaction(&self, n: &pg::TransactionStmt) -> StatementKind {
        use TransactionStmtKind as K;
        StatementKind::Transaction(match n.kind {
            K::TRANS_STMT_BEGIN | K::TRANS_STMT_START => Transaction::Begin,
            K::TRANS_STMT_COMMIT => Transaction::Commit,
            K::TRANS_STMT_ROLLBACK => Transaction::Rollback,
            K::TRANS_STMT_SAVEPOINT => Transaction::Savepoint(required(n.savepoint_name())),
            K::TRANS_STMT_RELEASE => Transaction::Release(required(n.savepoint_name())),
            K::TRANS_STMT_ROLLBACK_TO => Transaction::RollbackTo(required(n.savepoint_name())),
            K::TRANS_STMT_PREPARE => return StatementKind::Other("PREPARE TRANSACTION"),
            K::TRANS_STMT_COMMIT_PREPARED => return StatementKind::Other("COMMIT PREPARED"),
            K::TRANS_STMT_ROLLBACK_PREPARED => return StatementKind::Other("ROLLBACK PREPARED"),
            _ => return StatementKind::Other("TRANSACTION"),
        })
    }
}

/// The command of a statement that has nothing to model.
fn command(node: Node<'_>) -> &'static str {
    match node {
        Node::ExplainStmt(_) => "EXPLAIN",
        Node::VacuumStmt(n) if n.is_vacuumcmd => "VACUUM",
        Node::VacuumStmt(_) => "ANALYZE",
        Node::LockStmt(_) => "LOCK",
        Node::ListenStmt(_) => "LISTEN",
        Node::UnlistenStmt(_) => "UNLISTEN",
        Node::NotifyStmt(_) => "NOTIFY",
        Node::ReindexStmt(_) => "REINDEX",
        Node::ClusterStmt(_) => "CLUSTER",
        Node::CheckPointStmt(_) => "CHECKPOINT",
        Node::DiscardStmt(_) => "DISCARD",
        Node::LoadStmt(_) => "LOAD",
        Node::VariableShowStmt(_) => "SHOW",
        Node::PrepareStmt(_) => "PREPARE",
        Node::ExecuteStmt(_) => "EXECUTE",
        Node::DeallocateStmt(_) => "DEALLOCATE",
        Node::DeclareCursorStmt(_) => "DECLARE",
        Node::ClosePortalStmt(_) => "CLOSE",
        Node::FetchStmt(_) => "FETCH",
        Node::ConstraintsSetStmt(_) => "SET CONSTRAINTS",
        Node::SecLabelStmt(_) => "SECURITY LABEL",
        Node::ImportForeignSchemaStmt(_) => "IMPORT FOREIGN SCHEMA",
        Node::AlterSystemStmt(_) => "ALTER SYSTEM",
        Node::CreateCastStmt(_) => "CREATE CAST",
        Node::CreateConversionStmt(_) => "CREATE CONVERSION",
        Node::CreateTransformStmt(_) => "CREATE TRANSFORM",
        Node::CreateOpClassStmt(_) => "CREATE OPERATOR CLASS",
        Node::CreateOpFamilyStmt(_) => "CREATE OPERATOR FAMILY",
        Node::AlterOpFamilyStmt(_) => "ALTER OPERATOR FAMILY",
        Node::AlterOperatorStmt(_) => "ALTER OPERATOR",
        Node::AlterTypeStmt(_) => "ALTER TYPE",
        Node::AlterCollationStmt(_) => "ALTER COLLATION",
        Node::CreateStatsStmt(_) => "CREATE STATISTICS",
        Node::AlterStatsStmt(_) => "ALTER STATISTICS",
        Node::AlterTSDictionaryStmt(_) => "ALTER TEXT SEARCH DICTIONARY",
        Node::AlterTSConfigurationStmt(_) => "ALTER TEXT SEARCH CONFIGURATION",
        Node::CreateAmStmt(_) => "CREATE ACCESS METHOD",
        Node::CreatePLangStmt(_) => "CREATE LANGUAGE",
        Node::CreateFdwStmt(_) => "CREATE FOREIGN DATA WRAPPER",
        Node::AlterFdwStmt(_) => "ALTER FOREIGN DATA WRAPPER",
        Node::AlterForeignServerStmt(_) => "ALTER SERVER",
        Node::CreateUserMappingStmt(_) => "CREATE USER MAPPING",
        Node::AlterUserMappingStmt(_) => "ALTER USER MAPPING",
        Node::DropUserMappingStmt(_) => "DROP USER MAPPING",
        Node::CreateSubscriptionStmt(_) => "CREATE SUBSCRIPTION",
        Node::AlterSubscriptionStmt(_) => "ALTER SUBSCRIPTION",
        Node::AlterExtensionStmt(_) | Node::AlterExtensionContentsStmt(_) => "ALTER EXTENSION",
        Node::AlterObjectDependsStmt(_) => "ALTER DEPENDS ON EXTENSION",
        Node::CreatedbStmt(_) => "CREATE DATABASE",
        Node::AlterDatabaseStmt(_) | Node::AlterDatabaseRefreshCollStmt(_) => "ALTER DATABASE",
        Node::CreateTableSpaceStmt(_) => "CREATE TABLESPACE",
        Node::DropTableSpaceStmt(_) => "DROP TABLESPACE",
        Node::AlterTableSpaceOptionsStmt(_) => "ALTER TABLESPACE",
        Node::AlterTableMoveAllStmt(_) => "ALTER TABLE ALL IN TABLESPACE",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::source::FileId;

    pub(super) fn lower(text: &str) -> StatementKind {
        match statement(Code::file(FileId(0), text), 0..text.len()) {
            Ok(statement) => statement.unwrap().kind,
            Err(error) => panic!("{error:?}: {text}"),
        }
    }

    pub(super) fn under(text: &str, span: Span) -> &str {
        &text[span.range()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::sql::STACK_SIZE;
    use crate::sql::lower::testing::{lower, under};

    fn read(text: &str) -> Result<Option<Statement>, ParseError> {
        statement(Code::file(FileId(0), text), 0..text.len())
    }

    #[test]
    fn a_statement_runs_from_its_first_token_to_its_last() {
        for (text, wanted) in [
            ("  -- é\n select 1 /* x */ -- y\n", "select 1"),
            ("/* a */ select '--'", "select '--'"),
            ("select 1 -- a\n , 2\n\n", "select 1 -- a\n , 2"),
        ] {
            assert_eq!(under(text, read(text).unwrap().unwrap().span), wanted);
        }
        assert_eq!(read(" -- nothing\n/* */"), Ok(None));
    }

    #[test]
    fn places_count_from_the_start_of_the_file() {
        let text = "select 'é'; select f(a.b) from public.t";
        let code = Code::file(FileId(3), text);
        let statement = statement(code, 12..text.len()).unwrap().unwrap();
        assert_eq!(under(text, statement.span), "select f(a.b) from public.t");
        let StatementKind::Query(query) = statement.kind else { panic!() };
        query.walk_relations(&mut |relation| assert_eq!(under(text, relation.name.span), "public.t"));
        let QueryBody::Select(select) = query.body else { panic!() };
        let Expr::Call(call) = &select.targets[0].expr else { panic!() };
        assert_eq!(under(text, call.span), "f(a.b)");
    }

    #[test]
    fn an_error_points_to_its_token() {
        for (text, message, token) in [
            ("select 'é€', frm frm t", "syntax error at or near \"t\"", "t"),
            ("create table t (a int,) -- x", "syntax error at or near \")\"", ")"),
            ("create table t (a int -- x", "syntax error at end of input", "int"),
            ("selec 1", "syntax error at or near \"selec\"", "selec"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!((&*error.message, &text[error.at]), (message, token));
        }
    }

    #[test]
    fn an_expression_may_go_on_as_a_query() {
        let read =
            |text: &'static str| expression(Code::file(FileId(0), text), 0..text.len()).unwrap().unwrap();
        assert!(matches!(read("a + 1"), Expr::Op { .. }));
        assert!(matches!(read("a, b"), Expr::Row(list) if list.len() == 2));
        assert!(matches!(read("count(*) from t where x"), Expr::Sublink(_)));
        let Expr::Column(column) = read("  é.b -- c") else { panic!() };
        assert_eq!(under("  é.b -- c", column.span), "é.b");
        let error = expression(Code::file(FileId(0), "1 +"), 0..3).unwrap_err();
        assert_eq!((error.message.as_str(), error.at), ("syntax error at end of input", 2..3));
        assert_eq!(expression(Code::file(FileId(0), " "), 0..1), Ok(None));
    }

    #[test]
    fn plain_expressions_need_no_parser() {
        let both = |text: &str| {
            let code = Code::file(FileId(0), text);
            (plain(code, 0..text.len()), parsed(code, 0..text.len()).ok().flatten())
        };
        for text in ["1", "v_count", "new.role", "public.t.\u{e9}t\u{e9}", "Found", "interval_days"] {
            let (plain, parsed) = both(text);
            assert!(plain.is_some(), "{text}");
            assert_eq!(plain, parsed, "{text}");
        }
        for text in [
            "true",
            "null",
            "current_user",
            "a.",
            ".5",
            "1.5",
            "'x'",
            "a + b",
            "now()",
            "a.*",
            "a /* b */",
            "\"a\"",
        ] {
            assert_eq!(both(text).0, None, "{text}");
        }
    }

    #[test]
    fn what_has_nothing_to_model_keeps_its_command() {
        for (text, command) in [
            ("explain select 1", "EXPLAIN"),
            ("vacuum t", "VACUUM"),
            ("analyze", "ANALYZE"),
            ("lock table t", "LOCK"),
            ("listen x", "LISTEN"),
            ("create cast (a as b) without function", "CREATE CAST"),
            ("create operator === (leftarg = a, function = f)", "CREATE OPERATOR"),
            ("create statistics s on a, b from t", "CREATE STATISTICS"),
            ("create text search configuration c (copy = simple)", "CREATE TEXT SEARCH CONFIGURATION"),
            ("security label on table t is 'x'", "SECURITY LABEL"),
            ("set transaction isolation level serializable", "SET TRANSACTION"),
        ] {
            assert_eq!(lower(text), StatementKind::Other(command));
        }
        assert_eq!(lower("copy t from stdin"), StatementKind::Data(None));
        assert_eq!(lower("begin"), StatementKind::Transaction(Transaction::Begin));
        assert_eq!(lower("release x"), StatementKind::Transaction(Transaction::Release("x".into())));
    }

    #[test]
    fn broken_text_is_an_error_and_no_more() {
        for text in [
            "create policy \"é\" on a.b as permissive for all to x, y using (a = 'ß') with check (f(b))",
            "create function f(a int) returns int language sql set x to 'é' security definer as $é$ x $é$",
            "alter table only t add constraint c check (a > 1), alter b type text using b::text, owner to y",
            "create table s.t (a \"é\" collate \"C\" not null references b (c) deferrable, primary key (a))",
            "create function f() returns int begin atomic select 1; select case when x then 'é' end; end",
            "grant select (a), insert on table t, u to public, x with grant option",
            "create schema s create table t (a int) create view v as select 1 grant select on t to x",
            "comment on constraint c on domain d is 'é'",
        ] {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let _ = read(&text[..end]);
                let _ = read(&text[end..]);
                let _ = read(&format!("{}é{}", &text[..end], &text[end..]));
                let _ = expression(Code::file(FileId(0), text), end..text.len());
            }
        }
    }

    /// Statements that nest a form some times.
    fn nested(times: usize) -> [String; 10] {
        let around =
            |open: &str, close: &str| format!("select {}true{}", open.repeat(times), close.repeat(times));
        let after = |first: &str, next: &str| format!("select {first}{}", next.repeat(times));
        [
            around("(", ")"),
            around("f(", ")"),
            around("array[", "]"),
            around("not ", ""),
            around("case when true then 1 else ", " end"),
            around("(select ", ")"),
            after("'a'", " || 'b'"),
            after("1", "::int"),
            after("1", " union all select 1"),
            after("1 from a", " cross join b"),
        ]
    }

    #[test]
    fn nesting_is_read_up_to_a_depth_and_refused_beyond() {
        let read_all = || {
            for text in nested(MAX_NESTING / 4) {
                assert!(matches!(lower(&text), StatementKind::Query(_)), "{}", &text[..60]);
            }
            for text in nested(20 * MAX_NESTING) {
                let message = read(&text).unwrap_err().message;
                let known =
                    message == "stack depth limit exceeded" || message.starts_with("memory exhausted");
                assert!(known, "{message}");
            }
        };
        std::thread::Builder::new().stack_size(STACK_SIZE).spawn(read_all).unwrap().join().unwrap();
    }
}
