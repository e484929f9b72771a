//! The parser's nodes to our statements: the one place that knows `pg_query`'s tree.
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

use std::cell::OnceCell;
use std::ops::Range;

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, Node};

use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Literal, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::{Ident, is_reserved};
use crate::sql::parser::{self, Mode};
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
    let tree = parser::parse(&code.text[range.clone()], Mode::Statements)
        .map_err(|failure| place(code.text, &range, failure))?;
    let Some(node) = tree.stmts.first().and_then(|raw| raw.stmt.as_deref()) else {
        return Ok(None);
    };
    Ok(Some(Cx::new(code, range).statement(node)))
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
pub(super) fn expression(code: Code<'_>, range: Range<usize>) -> Option<Expr> {
    let range = significant(code.text, range);
    if range.is_empty() {
        return None;
    }
    plain(code, range.clone()).or_else(|| parsed(code, range))
}

fn parsed(code: Code<'_>, range: Range<usize>) -> Option<Expr> {
    let tree = parser::parse(&code.text[range.clone()], Mode::Expression).ok()?;
    let cx = Cx::new(code, range);
    let N::SelectStmt(select) = tree.stmts.first()?.stmt.as_deref()?.node.as_ref()? else {
        return None;
    };
    let bare = select.from_clause.is_empty() && select.where_clause.is_none() && select.limit_count.is_none();
    if bare && let [target] = &select.target_list[..] {
        return Some(cx.expr(target));
    }
    let mut query = cx.query(select);
    match &mut query.body {
        QueryBody::Select(select) if bare => Some(Expr::Row(
            std::mem::take(&mut select.targets).into_iter().map(|target| target.expr).collect(),
        )),
        _ => Some(Expr::Sublink(Sublink {
            kind: SublinkKind::Scalar,
            test: None,
            op: Ident::default(),
            query: Box::new(query),
            span: cx.whole(),
        })),
    }
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

/// One statement while it is lowered.
struct Cx<'a> {
    code: Code<'a>,
    /// Where the parsed text starts, which locations count from.
    origin: usize,
    /// The statement, which may be a part of the parsed text.
    range: Range<usize>,
    tokens: OnceCell<Tokens<'a>>,
}

impl<'a> Cx<'a> {
    fn new(code: Code<'a>, range: Range<usize>) -> Self {
        Self { code, origin: range.start, range, tokens: OnceCell::new() }
    }

    /// The same for a statement within this one.
    fn within(&self, range: Range<usize>) -> Self {
        Self { code: self.code, origin: self.origin, range, tokens: OnceCell::new() }
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

    fn statement(&self, node: &Node) -> Statement {
        let kind = node.node.as_ref().map_or(StatementKind::Other("EMPTY"), |node| self.kind(node));
        Statement { span: self.whole(), kind }
    }

    fn kind(&self, node: &N) -> StatementKind {
        use StatementKind as S;
        match node {
            N::CreateSchemaStmt(n) => S::CreateSchema(self.create_schema(n)),
            N::CreateStmt(n) => S::CreateTable(Box::new(self.create_table(n, None))),
            N::CreateForeignTableStmt(n) => self.create_foreign_table(n),
            N::CreateTableAsStmt(n) => S::CreateTableAs(Box::new(self.create_table_as(n))),
            N::ViewStmt(n) => S::CreateView(Box::new(self.create_view(n))),
            N::IndexStmt(n) => S::CreateIndex(Box::new(self.create_index(n))),
            N::CreatePolicyStmt(n) => S::CreatePolicy(Box::new(self.create_policy(n))),
            N::AlterPolicyStmt(n) => S::AlterPolicy(Box::new(self.alter_policy(n))),
            N::CreateTrigStmt(n) => S::CreateTrigger(Box::new(self.create_trigger(n))),
            N::CreateEventTrigStmt(n) => S::CreateEventTrigger(Box::new(self.create_event_trigger(n))),
            N::AlterEventTrigStmt(n) => self.alter_event_trigger(n),
            N::RuleStmt(n) => S::CreateRule(self.create_rule(n)),
            N::CreateFunctionStmt(n) => S::CreateFunction(Box::new(self.create_function(n))),
            N::AlterFunctionStmt(n) => self.alter_function(n),
            N::DefineStmt(n) => self.define(n),
            N::DoStmt(n) => S::Do(Box::new(self.do_block(n))),
            N::CallStmt(n) => self.call_procedure(n),
            N::CreateSeqStmt(n) => S::CreateSequence(Box::new(self.create_sequence(n))),
            N::AlterSeqStmt(n) => S::AlterSequence(Box::new(self.alter_sequence(n))),
            N::CreateEnumStmt(n) => S::CreateType(Box::new(self.create_enum(n))),
            N::CreateDomainStmt(n) => S::CreateType(Box::new(self.create_domain(n))),
            N::CompositeTypeStmt(n) => S::CreateType(Box::new(self.create_composite(n))),
            N::CreateRangeStmt(n) => S::CreateType(Box::new(self.create_range(n))),
            N::AlterEnumStmt(n) => S::AlterEnum(self.alter_enum(n)),
            N::AlterDomainStmt(n) => self.alter_domain(n),
            N::AlterTableStmt(n) => S::AlterTable(Box::new(self.alter_table(n))),

            N::CreateRoleStmt(n) => S::CreateRole(self.create_role(n)),
            N::AlterRoleStmt(n) => self.alter_role(n),
            N::AlterRoleSetStmt(n) => self.alter_role_set(n),
            N::AlterDatabaseSetStmt(n) => self.alter_database_set(n),
            N::GrantStmt(n) => self.grant(n),
            N::GrantRoleStmt(n) => S::GrantRole(self.grant_role(n)),
            N::AlterDefaultPrivilegesStmt(n) => self.alter_default_privileges(n),
            N::CreateExtensionStmt(n) => S::CreateExtension(self.create_extension(n)),
            N::CreatePublicationStmt(n) => S::CreatePublication(self.create_publication(n)),
            N::AlterPublicationStmt(n) => S::AlterPublication(self.alter_publication(n)),
            N::CreateForeignServerStmt(n) => S::CreateServer {
                name: n.servername.as_str().into(),
                wrapper: n.fdwname.as_str().into(),
                if_not_exists: n.if_not_exists,
            },

            N::RenameStmt(n) => self.rename(n),
            N::AlterObjectSchemaStmt(n) => self.set_schema(n),
            N::AlterOwnerStmt(n) => self.set_owner(n),
            N::DropStmt(n) => S::Drop(self.drop(n)),
            N::DropRoleStmt(n) => S::Drop(self.drop_role(n)),
            N::DropdbStmt(n) => S::Drop(self.drop_database(n)),
            N::DropSubscriptionStmt(n) => S::Drop(self.drop_subscription(n)),
            N::DropOwnedStmt(n) => S::DropOwned {
                roles: name::roles(&n.roles),
                cascade: n.behavior() == pb::DropBehavior::DropCascade,
            },
            N::ReassignOwnedStmt(n) => S::ReassignOwned {
                roles: name::roles(&n.roles),
                to: n.newrole.as_ref().map_or(RoleName::Current, name::role),
            },
            N::CommentStmt(n) => self.comment(n),

            N::RefreshMatViewStmt(n) => {
                S::Refresh { name: self.optional_relation(n.relation.as_ref()), with_data: !n.skip_data }
            }
            N::VariableSetStmt(n) => self.set(n),
            N::TransactionStmt(n) => self.transaction(n),
            N::SelectStmt(n) => self.select_statement(n),
            N::InsertStmt(n) => S::Change(Box::new(self.insert(n))),
            N::UpdateStmt(n) => S::Change(Box::new(self.update(n))),
            N::DeleteStmt(n) => S::Change(Box::new(self.delete(n))),
            N::MergeStmt(n) => S::Change(Box::new(self.merge(n))),
            N::ReturnStmt(n) => self.return_statement(n),
            N::CopyStmt(_) => S::Data(None),
            other => S::Other(command(other)),
        }
    }

    fn transaction(&self, n: &pb::TransactionStmt) -> StatementKind {
        use pb::TransactionStmtKind as K;
        StatementKind::Transaction(match n.kind() {
            K::TransStmtBegin | K::TransStmtStart => Transaction::Begin,
            K::TransStmtCommit => Transaction::Commit,
            K::TransStmtRollback => Transaction::Rollback,
            K::TransStmtSavepoint => Transaction::Savepoint(n.savepoint_name.as_str().into()),
            K::TransStmtRelease => Transaction::Release(n.savepoint_name.as_str().into()),
            K::TransStmtRollbackTo => Transaction::RollbackTo(n.savepoint_name.as_str().into()),
            K::TransStmtPrepare => return StatementKind::Other("PREPARE TRANSACTION"),
            K::TransStmtCommitPrepared => return StatementKind::Other("COMMIT PREPARED"),
            K::TransStmtRollbackPrepared => return StatementKind::Other("ROLLBACK PREPARED"),
            K::Undefined => return StatementKind::Other("TRANSACTION"),
        })
    }
}

/// The command of a statement that has nothing to model.
fn command(node: &N) -> &'static str {
    match node {
        N::TruncateStmt(_) => "TRUNCATE",
        N::ExplainStmt(_) => "EXPLAIN",
        N::VacuumStmt(n) if n.is_vacuumcmd => "VACUUM",
        N::VacuumStmt(_) => "ANALYZE",
        N::LockStmt(_) => "LOCK",
        N::ListenStmt(_) => "LISTEN",
        N::UnlistenStmt(_) => "UNLISTEN",
        N::NotifyStmt(_) => "NOTIFY",
        N::ReindexStmt(_) => "REINDEX",
        N::ClusterStmt(_) => "CLUSTER",
        N::CheckPointStmt(_) => "CHECKPOINT",
        N::DiscardStmt(_) => "DISCARD",
        N::LoadStmt(_) => "LOAD",
        N::VariableShowStmt(_) => "SHOW",
        N::PrepareStmt(_) => "PREPARE",
        N::ExecuteStmt(_) => "EXECUTE",
        N::DeallocateStmt(_) => "DEALLOCATE",
        N::DeclareCursorStmt(_) => "DECLARE",
        N::ClosePortalStmt(_) => "CLOSE",
        N::FetchStmt(_) => "FETCH",
        N::ConstraintsSetStmt(_) => "SET CONSTRAINTS",
        N::SecLabelStmt(_) => "SECURITY LABEL",
        N::ImportForeignSchemaStmt(_) => "IMPORT FOREIGN SCHEMA",
        N::AlterSystemStmt(_) => "ALTER SYSTEM",
        N::CreateCastStmt(_) => "CREATE CAST",
        N::CreateConversionStmt(_) => "CREATE CONVERSION",
        N::CreateTransformStmt(_) => "CREATE TRANSFORM",
        N::CreateOpClassStmt(_) => "CREATE OPERATOR CLASS",
        N::CreateOpFamilyStmt(_) => "CREATE OPERATOR FAMILY",
        N::AlterOpFamilyStmt(_) => "ALTER OPERATOR FAMILY",
        N::AlterOperatorStmt(_) => "ALTER OPERATOR",
        N::AlterTypeStmt(_) => "ALTER TYPE",
        N::AlterCollationStmt(_) => "ALTER COLLATION",
        N::CreateStatsStmt(_) => "CREATE STATISTICS",
        N::AlterStatsStmt(_) => "ALTER STATISTICS",
        N::AlterTsdictionaryStmt(_) => "ALTER TEXT SEARCH DICTIONARY",
        N::AlterTsconfigurationStmt(_) => "ALTER TEXT SEARCH CONFIGURATION",
        N::CreateAmStmt(_) => "CREATE ACCESS METHOD",
        N::CreatePlangStmt(_) => "CREATE LANGUAGE",
        N::CreateFdwStmt(_) => "CREATE FOREIGN DATA WRAPPER",
        N::AlterFdwStmt(_) => "ALTER FOREIGN DATA WRAPPER",
        N::AlterForeignServerStmt(_) => "ALTER SERVER",
        N::CreateUserMappingStmt(_) => "CREATE USER MAPPING",
        N::AlterUserMappingStmt(_) => "ALTER USER MAPPING",
        N::DropUserMappingStmt(_) => "DROP USER MAPPING",
        N::CreateSubscriptionStmt(_) => "CREATE SUBSCRIPTION",
        N::AlterSubscriptionStmt(_) => "ALTER SUBSCRIPTION",
        N::AlterExtensionStmt(_) | N::AlterExtensionContentsStmt(_) => "ALTER EXTENSION",
        N::AlterObjectDependsStmt(_) => "ALTER DEPENDS ON EXTENSION",
        N::CreatedbStmt(_) => "CREATE DATABASE",
        N::AlterDatabaseStmt(_) | N::AlterDatabaseRefreshCollStmt(_) => "ALTER DATABASE",
        N::CreateTableSpaceStmt(_) => "CREATE TABLESPACE",
        N::DropTableSpaceStmt(_) => "DROP TABLESPACE",
        N::AlterTableSpaceOptionsStmt(_) => "ALTER TABLESPACE",
        N::AlterTableMoveAllStmt(_) => "ALTER TABLE ALL IN TABLESPACE",
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
        let read = |text: &'static str| expression(Code::file(FileId(0), text), 0..text.len()).unwrap();
        assert!(matches!(read("a + 1"), Expr::Op { .. }));
        assert!(matches!(read("a, b"), Expr::Row(list) if list.len() == 2));
        assert!(matches!(read("count(*) from t where x"), Expr::Sublink(_)));
        let Expr::Column(column) = read("  é.b -- c") else { panic!() };
        assert_eq!(under("  é.b -- c", column.span), "é.b");
        assert_eq!(expression(Code::file(FileId(0), "1 +"), 0..3), None);
        assert_eq!(expression(Code::file(FileId(0), " "), 0..1), None);
    }

    #[test]
    fn plain_expressions_need_no_parser() {
        let both = |text: &str| {
            let code = Code::file(FileId(0), text);
            (plain(code, 0..text.len()), parsed(code, 0..text.len()))
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
            ("truncate t", "TRUNCATE"),
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

    #[test]
    fn deep_nesting_is_read() {
        let parens = format!("select {}1{}", "(".repeat(200), ")".repeat(200));
        let chain = format!("select 'a'{}", " || 'b'".repeat(300));
        let calls = format!("select {}1{}", "f(".repeat(200), ")".repeat(200));
        let queries = format!("select {}1{}", "(select ".repeat(60), ")".repeat(60));
        let read_all = move || {
            for text in [&parens, &chain, &calls, &queries] {
                assert!(matches!(lower(text), StatementKind::Query(_)));
            }
        };
        std::thread::Builder::new().stack_size(64 << 20).spawn(read_all).unwrap().join().unwrap();
    }
}
