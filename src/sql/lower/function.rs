//! Functions, aggregates and DO blocks.

use pg_raw_parse::raw::{FunctionParameterMode, ObjectType};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{definition, definitions, items, optional, qualified, required, string, value};
use super::object::object_kind;
use crate::source::Spanned;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::parser::{List, present};
use crate::sql::plpgsql;
use crate::sql::statement::{
    AlterFunction, Argument, ArgumentMode, BodyText, CreateAggregate, CreateFunction, CreateType,
    CreateTypeKind, DoBlock, FunctionAttributes, FunctionBody, Statement, StatementKind, Volatility,
};
use crate::sql::token::{Token, TokenKind};

impl Cx<'_> {
    pub(super) fn create_function(&self, n: &pg::CreateFunctionStmt) -> CreateFunction {
        let word = if n.is_procedure { "procedure" } else { "function" };
        let name = self.tokens().find_word(0, word).map_or(0, |at| at + 1);
        let option = |name: &str| definition(n.options(), name);
        let text = option("as").and_then(|option| self.body(option));
        CreateFunction {
            name: self.name_at(n.funcname(), name),
            or_replace: n.replace,
            procedure: n.is_procedure,
            arguments: n.parameters().items().filter_map(|node| self.argument(node)).collect(),
            returns: n.return_type().map(|name| self.type_name(name)),
            attributes: self.attributes(n.options()),
            language: option("language").and_then(text_of).map(Ident::new),
            window: option("window").is_some_and(is_true),
            body: match (text, n.sql_body()) {
                (Some(text), _) => Some(FunctionBody::Text(text)),
                (None, Node::None) => None,
                (None, body) => Some(self.sql_body(body, name)),
            },
        }
    }

    pub(super) fn argument(&self, node: Node<'_>) -> Option<Argument> {
        let Node::FunctionParameter(n) = node else { return None };
        Some(Argument {
            name: optional(n.name()),
            mode: argument_mode(n.mode),
            data_type: self.optional_type(n.arg_type()),
            default: self.optional_expr(n.defexpr()),
        })
    }

    fn attributes<'t>(&self, nodes: impl List<'t>) -> FunctionAttributes {
        let mut attributes = FunctionAttributes::default();
        for option in definitions(nodes) {
            match option.defname().unwrap_or_default() {
                "security" => attributes.security_definer = Some(self.security(option)),
                "volatility" => attributes.volatility = text_of(option).and_then(|word| volatility(&word)),
                "strict" => attributes.strict = Some(is_true(option)),
                "leakproof" => attributes.leakproof = Some(is_true(option)),
                "parallel" => {
                    attributes.parallel = text_of(option).and_then(|word| word.chars().next());
                }
                "set" => {
                    if let Node::VariableSetStmt(set) = option.arg() {
                        attributes.settings.extend(self.setting(set, self.index(option.location)));
                    }
                }
                _ => {}
            }
        }
        attributes
    }

    /// `[EXTERNAL] SECURITY DEFINER`
    fn security(&self, option: &pg::DefElem) -> Spanned<bool> {
        let at = self.index(option.location);
        let end = self.skip_words(at, &["external"]) + 2;
        Spanned { value: is_true(option), span: self.tokens().span(at, end) }
    }

    /// BEGIN ATOMIC … END or RETURN …, which comes last.
    fn sql_body(&self, body: Node<'_>, name: usize) -> FunctionBody {
        let tokens = self.tokens();
        if let Node::ReturnStmt(n) = body {
            let arguments = tokens.skip(tokens.after_name(name));
            let at = tokens.find_word(arguments, "return").unwrap_or(0);
            let cx = self.within(tokens.list[at].start..self.range.end);
            let statement = Statement { span: cx.whole(), kind: cx.return_statement(n) };
            return FunctionBody::Statements { statements: vec![statement], span: cx.whole() };
        }
        let begin = tokens.find(0, |_, at| self.words_at(at, &["begin", "atomic"])).unwrap_or(0);
        let last = tokens.list.len().saturating_sub(1);
        let inner = tokens.list.get(begin + 2..last).unwrap_or_default();
        let pieces = inner.split(|token| token.is(self.code.text, ';'));
        let range = |piece: &[Token]| Some(piece.first()?.start..piece.last()?.end);
        let ranges: Vec<_> = pieces.filter_map(range).collect();
        let nodes = items(body).iter().flat_map(items).filter_map(present);
        let lower = |(at, node): (usize, Node<'_>)| match ranges.get(at) {
            Some(range) => self.within(range.clone()).statement(node),
            None => self.statement(node),
        };
        let statements = nodes.enumerate().map(lower).collect();
        FunctionBody::Statements { statements, span: tokens.span(begin, tokens.list.len()) }
    }

    pub(super) fn alter_function(&self, n: &pg::AlterFunctionStmt) -> StatementKind {
        let Some(function) = n.func() else { return StatementKind::Other("ALTER FUNCTION") };
        StatementKind::AlterFunction(Box::new(AlterFunction {
            object: self.function_ref(object_kind(n.objtype), function, self.after_kind(n.objtype, 1)),
            attributes: self.attributes(n.actions()),
        }))
    }

    /// The text of a body and where it stands between its quotes.
    fn body(&self, option: &pg::DefElem) -> Option<BodyText> {
        let node = present(option.arg())?;
        // A C function gives its file and its symbol.
        let body = items(node).first().map_or_else(|| string(node), string);
        let text = self.code.text;
        let token = self.lex(option.location).find(|token| token.kind == TokenKind::String);
        let Some(token) = token else {
            return Some(BodyText::new(body, self.whole(), false));
        };
        let literal = token.text(text);
        let (open, close) = match literal.strip_prefix('$').and_then(|rest| rest.find('$')) {
            Some(tag) => (tag + 2, tag + 2),
            None => (literal.find('\'').map_or(0, |at| at + 1), 1),
        };
        let inside = token.start + open..(token.end - close).max(token.start + open);
        let verbatim = self.code.is_verbatim() && &text[inside.clone()] == body;
        Some(BodyText::new(body, self.code.span(inside.start, inside.end), verbatim))
    }

    pub(super) fn do_block(&self, n: &pg::DoStmt) -> DoBlock {
        let option = |name: &str| definition(n.args(), name);
        let language = option("language").and_then(text_of).map_or_else(|| "plpgsql".into(), Ident::new);
        let body = option("as").and_then(|option| self.body(option));
        let body = body.unwrap_or_else(|| BodyText::new("", self.whole(), false));
        let block = (language == "plpgsql").then(|| plpgsql::parse(&body));
        DoBlock { language, body, block }
    }

    pub(super) fn call_procedure(&self, n: &pg::CallStmt) -> StatementKind {
        match n.funccall() {
            Some(call) => StatementKind::Call(self.call(call)),
            None => StatementKind::Other("CALL"),
        }
    }

    /// CREATE AGGREGATE, CREATE TYPE of a base type, and what is not modelled.
    pub(super) fn define(&self, n: &pg::DefineStmt) -> StatementKind {
        match n.kind {
            ObjectType::OBJECT_AGGREGATE => {
                StatementKind::CreateAggregate(Box::new(self.create_aggregate(n)))
            }
            ObjectType::OBJECT_TYPE => StatementKind::CreateType(Box::new(CreateType {
                name: self.name_at(n.defnames(), 2),
                kind: CreateTypeKind::Base,
            })),
            ObjectType::OBJECT_OPERATOR => StatementKind::Other("CREATE OPERATOR"),
            ObjectType::OBJECT_COLLATION => StatementKind::CreateCollation {
                name: self.name_at(n.defnames(), self.skip_if_exists(2)),
                if_not_exists: n.if_not_exists,
            },
            ObjectType::OBJECT_TSPARSER => StatementKind::Other("CREATE TEXT SEARCH PARSER"),
            ObjectType::OBJECT_TSDICTIONARY => StatementKind::Other("CREATE TEXT SEARCH DICTIONARY"),
            ObjectType::OBJECT_TSTEMPLATE => StatementKind::Other("CREATE TEXT SEARCH TEMPLATE"),
            ObjectType::OBJECT_TSCONFIGURATION => StatementKind::Other("CREATE TEXT SEARCH CONFIGURATION"),
            _ => StatementKind::Other("CREATE"),
        }
    }

    fn create_aggregate(&self, n: &pg::DefineStmt) -> CreateAggregate {
        let name = self.tokens().find_word(0, "aggregate").map_or(0, |at| at + 1);
        let option = |names: &[&str]| {
            let mut options = definitions(n.definition());
            let option = options.find(|option| names.contains(&option.defname().unwrap_or_default()))?;
            Some(option.arg())
        };
        let type_of = |names: &[&str]| option(names).and_then(|node| self.type_node(node));
        let arguments = items(n.args().first().unwrap_or(Node::None));
        let base = type_of(&["basetype"]).filter(|base| base.name.name != "any").map(|data_type| Argument {
            name: None,
            mode: ArgumentMode::In,
            data_type,
            default: None,
        });
        CreateAggregate {
            name: self.name_at(n.defnames(), name),
            or_replace: n.replace,
            arguments: arguments.iter().filter_map(|node| self.argument(node)).chain(base).collect(),
            state_type: type_of(&["stype", "stype1"]),
            state_function: option(&["sfunc", "sfunc1"]).and_then(|node| self.function_name(node)),
            final_function: option(&["finalfunc"]).and_then(|node| self.function_name(node)),
        }
    }

    /// A function's name that the grammar takes for a type or a string.
    fn function_name(&self, node: Node<'_>) -> Option<ObjectName> {
        match node {
            Node::TypeName(name) => Some(qualified(name.names().items(), self.name_span(name.location))),
            Node::String(name) => {
                Some(ObjectName { schema: None, name: required(name.sval()), span: self.whole() })
            }
            Node::NodeList(list) => Some(qualified(list.iter(), self.whole())),
            _ => None,
        }
    }
}

fn text_of(option: &pg::DefElem) -> Option<String> {
    value(option.arg())
}

pub(super) fn is_true(option: &pg::DefElem) -> bool {
    match option.arg() {
        Node::Boolean(value) => value.boolval,
        Node::Integer(value) => value.ival != 0,
        _ => !text_of(option).is_some_and(|word| word == "false" || word == "off"),
    }
}

fn volatility(word: &str) -> Option<Volatility> {
    match word {
        "immutable" => Some(Volatility::Immutable),
        "stable" => Some(Volatility::Stable),
        "volatile" => Some(Volatility::Volatile),
        _ => None,
    }
}

pub(super) fn argument_mode(mode: FunctionParameterMode::Type) -> ArgumentMode {
    match mode {
        FunctionParameterMode::FUNC_PARAM_OUT => ArgumentMode::Out,
        FunctionParameterMode::FUNC_PARAM_INOUT => ArgumentMode::InOut,
        FunctionParameterMode::FUNC_PARAM_VARIADIC => ArgumentMode::Variadic,
        FunctionParameterMode::FUNC_PARAM_TABLE => ArgumentMode::Table,
        _ => ArgumentMode::In,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};
    use crate::sql::lower::statement;
    use crate::sql::lower::testing::under;
    use crate::sql::token::Code;

    #[test]
    fn a_function_is_read() {
        let text = "create or replace function a.\"é\" (in x int default 1, out y text, variadic z text[]) \
                    returns setof record language plpgsql stable strict parallel safe leakproof \
                    set search_path to '', \"x\" set statement_timeout = -1 external security definer \
                    set a.b from current as $é$ begin end $é$";
        let function = lowered!(CreateFunction, text);
        assert_eq!(under(text, function.name.span), "a.\"é\"");
        let modes: Vec<_> = function.arguments.iter().map(|argument| argument.mode).collect();
        assert_eq!(modes, [ArgumentMode::In, ArgumentMode::Out, ArgumentMode::Variadic]);
        assert!(function.arguments[0].default.is_some() && function.returns.unwrap().setof);
        let attributes = &function.attributes;
        let definer = attributes.security_definer.as_ref().unwrap();
        assert_eq!((definer.value, under(text, definer.span)), (true, "external security definer"));
        assert_eq!((attributes.volatility, attributes.parallel), (Some(Volatility::Stable), Some('s')));
        assert_eq!((attributes.strict, attributes.leakproof), (Some(true), Some(true)));
        let settings: Vec<_> = attributes.settings.iter().map(|setting| under(text, setting.span)).collect();
        assert_eq!(
            settings,
            ["set search_path to '', \"x\"", "set statement_timeout = -1", "set a.b from current"]
        );
        let Some(FunctionBody::Text(body)) = &function.body else { panic!() };
        assert_eq!(
            (under(text, body.span), &*body.text, body.verbatim),
            (" begin end ", " begin end ", true)
        );
    }

    #[test]
    fn bodies_stand_between_their_quotes() {
        for (body, inside, verbatim) in [
            ("$$a$$", "a", true),
            ("$x$ $$ $x$", " $$ ", true),
            ("'a'", "a", true),
            ("''", "", true),
            ("'it''s'", "it''s", false),
            ("E'a\\nb'", "a\\nb", false),
            ("'a'\n'b'", "a", false),
        ] {
            let text = format!("create function f() returns text as {body} language sql security invoker");
            let function = lowered!(CreateFunction, &text);
            let Some(FunctionBody::Text(found)) = function.body else { panic!() };
            assert_eq!((under(&text, found.span), found.verbatim), (inside, verbatim), "{body}");
            assert!(!function.attributes.security_definer.unwrap().value);
        }
        let text = "do language plpgsql $$ begin null; end $$";
        let block = lowered!(Do, text);
        assert_eq!((under(text, block.body.span), block.body.verbatim), (" begin null; end ", true));
        assert!(block.block.is_some());
        assert!(lowered!(Do, "do 'x' language plv8").block.is_none());
    }

    #[test]
    fn a_body_in_a_body_has_its_place() {
        let text = "select 'x';  create function f() returns int as 'select 1' language sql";
        for (verbatim, wanted) in [(true, 100 + 49..100 + 57), (false, 100..100 + text.len())] {
            let outer = BodyText::new(text, Span::new(FileId(0), 100, 100 + text.len()), verbatim);
            let statement = statement(Code::body(&outer), 12..text.len()).unwrap().unwrap();
            let StatementKind::CreateFunction(function) = statement.kind else { panic!() };
            let Some(FunctionBody::Text(body)) = function.body else { panic!() };
            assert_eq!((body.span.range(), body.verbatim), (wanted, verbatim));
        }
    }

    #[test]
    fn bodies_of_statements_are_read() {
        let text = "create function f(a int) returns int language sql begin atomic \
                    select case when a > 1 then 2 end; ; insert into t values (f(a)); end";
        let function = lowered!(CreateFunction, text);
        let Some(FunctionBody::Statements { statements, span }) = function.body else { panic!() };
        assert!(under(text, span).starts_with("begin atomic") && under(text, span).ends_with("end"));
        let places: Vec<_> = statements.iter().map(|statement| under(text, statement.span)).collect();
        assert_eq!(places, ["select case when a > 1 then 2 end", "insert into t values (f(a))"]);
        let StatementKind::Change(change) = &statements[1].kind else { panic!() };
        assert_eq!(under(text, change.table.name.span), "t");
        let text = "create function f(a int) returns int immutable return g(a) + 1";
        let Some(FunctionBody::Statements { statements, span }) = lowered!(CreateFunction, text).body else {
            panic!()
        };
        assert_eq!((under(text, span), statements.len()), ("return g(a) + 1", 1));
        assert!(matches!(statements[0].kind, StatementKind::Query(_)));
    }

    #[test]
    fn procedures_aggregates_and_types_are_read() {
        let procedure = lowered!(CreateFunction, "create procedure s.p() language sql as ''");
        assert!(procedure.procedure && procedure.returns.is_none() && procedure.name.to_string() == "s.p");
        assert!(matches!(lowered!(Call, "call s.p(1)"), crate::sql::expr::Expr::Call(_)));
        let text = "create aggregate s.a (int, x text) (sfunc = s.f, stype = bigint, finalfunc = g)";
        let aggregate = lowered!(CreateAggregate, text);
        assert_eq!((under(text, aggregate.name.span), aggregate.arguments.len()), ("s.a", 2));
        assert_eq!(aggregate.state_type.unwrap().name.name, "int8");
        assert_eq!(under(text, aggregate.state_function.unwrap().span), "s.f");
        assert_eq!(aggregate.final_function.unwrap().name, "g");
        let old = lowered!(CreateAggregate, "create aggregate a (basetype = int, sfunc = f, stype = int)");
        assert_eq!(old.arguments.len(), 1);
        assert_eq!(lowered!(CreateType, "create type s.t").kind, CreateTypeKind::Base);
    }

    #[test]
    fn an_altered_function_tells_what_it_changes() {
        let text = "alter function s.f(int, text) security definer set search_path = '' reset work_mem";
        let function = lowered!(AlterFunction, text);
        assert_eq!(under(text, function.object.name.span), "s.f");
        assert_eq!(function.object.signature.unwrap().arguments.unwrap().len(), 2);
        assert_eq!(under(text, function.attributes.security_definer.unwrap().span), "security definer");
        let settings: Vec<_> =
            function.attributes.settings.iter().map(|setting| under(text, setting.span)).collect();
        assert_eq!(settings, ["set search_path = ''", "reset work_mem"]);
    }
}
