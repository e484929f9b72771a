//! Functions, aggregates and DO blocks.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, FunctionParameterMode, Node, ObjectType};

use super::Cx;
use super::name::{definitions, items, optional, qualified, string, value};
use super::object::object_kind;
use crate::source::Spanned;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql;
use crate::sql::statement::{
    AlterFunction, Argument, ArgumentMode, BodyText, CreateAggregate, CreateFunction, CreateType,
    CreateTypeKind, DoBlock, FunctionAttributes, FunctionBody, Statement, StatementKind, Volatility,
};
use crate::sql::token::TokenKind;

impl Cx<'_> {
    pub(super) fn create_function(&self, n: &pb::CreateFunctionStmt) -> CreateFunction {
        let word = if n.is_procedure { "procedure" } else { "function" };
        let name = self.tokens().find_word(0, word).map_or(0, |at| at + 1);
        let option = |name: &str| definitions(&n.options).find(|option| option.defname == name);
        let text = option("as").and_then(|option| self.body(option));
        CreateFunction {
            name: self.name_at(&n.funcname, name),
            or_replace: n.replace,
            procedure: n.is_procedure,
            arguments: n.parameters.iter().filter_map(|node| self.argument(node)).collect(),
            returns: n.return_type.as_ref().map(|name| self.type_name(name)),
            attributes: self.attributes(&n.options),
            language: option("language").and_then(text_of).map(Ident::new),
            window: option("window").is_some_and(is_true),
            body: match (text, n.sql_body.as_deref()) {
                (Some(text), _) => Some(FunctionBody::Text(text)),
                (None, Some(body)) => Some(self.sql_body(body, name)),
                (None, None) => None,
            },
        }
    }

    pub(super) fn argument(&self, node: &Node) -> Option<Argument> {
        let Some(N::FunctionParameter(n)) = &node.node else { return None };
        Some(Argument {
            name: optional(&n.name),
            mode: argument_mode(n.mode()),
            data_type: self.optional_type(n.arg_type.as_ref()),
            default: self.optional_expr(&n.defexpr),
        })
    }

    fn attributes(&self, nodes: &[Node]) -> FunctionAttributes {
        let mut attributes = FunctionAttributes::default();
        for option in definitions(nodes) {
            match option.defname.as_str() {
                "security" => attributes.security_definer = Some(self.security(option)),
                "volatility" => attributes.volatility = text_of(option).and_then(|word| volatility(&word)),
                "strict" => attributes.strict = Some(is_true(option)),
                "leakproof" => attributes.leakproof = Some(is_true(option)),
                "parallel" => {
                    attributes.parallel = text_of(option).and_then(|word| word.chars().next());
                }
                "set" => {
                    if let Some(N::VariableSetStmt(set)) = option.arg.as_deref().and_then(|n| n.node.as_ref())
                    {
                        attributes.settings.extend(self.setting(set, self.index(option.location)));
                    }
                }
                _ => {}
            }
        }
        attributes
    }

    /// `[EXTERNAL] SECURITY DEFINER`
    fn security(&self, option: &pb::DefElem) -> Spanned<bool> {
        let at = self.index(option.location);
        let end = self.skip_words(at, &["external"]) + 2;
        Spanned { value: is_true(option), span: self.tokens().span(at, end) }
    }

    /// BEGIN ATOMIC … END or RETURN …, which comes last.
    fn sql_body(&self, body: &Node, name: usize) -> FunctionBody {
        let tokens = self.tokens();
        if let Some(N::ReturnStmt(n)) = &body.node {
            let arguments = tokens.skip(tokens.after_name(name));
            let at = tokens.find_word(arguments, "return").unwrap_or(0);
            let cx = self.within(tokens.list[at].start..self.range.end);
            let statement = Statement { span: cx.whole(), kind: cx.return_statement(n) };
            return FunctionBody::Statements { statements: vec![statement], span: cx.whole() };
        }
        let begin = tokens.find(0, |_, at| self.words_at(at, &["begin", "atomic"])).unwrap_or(0);
        let last = tokens.list.len().saturating_sub(1);
        let mut ranges = Vec::new();
        let mut start = begin + 2;
        for at in start..last {
            if tokens.is(at, ';') {
                if at > start {
                    ranges.push(tokens.list[start].start..tokens.list[at - 1].end);
                }
                start = at + 1;
            }
        }
        let nodes = items(body).iter().flat_map(items).filter(|node| node.node.is_some());
        let lower = |(at, node): (usize, &Node)| match ranges.get(at) {
            Some(range) => self.within(range.clone()).statement(node),
            None => self.statement(node),
        };
        let statements = nodes.enumerate().map(lower).collect();
        FunctionBody::Statements { statements, span: tokens.span(begin, tokens.list.len()) }
    }

    pub(super) fn alter_function(&self, n: &pb::AlterFunctionStmt) -> StatementKind {
        let Some(function) = &n.func else { return StatementKind::Other("ALTER FUNCTION") };
        StatementKind::AlterFunction(AlterFunction {
            object: self.function_ref(object_kind(n.objtype()), function, self.after_kind(n.objtype(), 1)),
            attributes: self.attributes(&n.actions),
        })
    }

    /// The text of a body and where it stands between its quotes.
    fn body(&self, option: &pb::DefElem) -> Option<BodyText> {
        let node = option.arg.as_deref()?;
        // A C function gives its file and its symbol.
        let body = items(node).first().map_or_else(|| string(node), string);
        let text = self.code.text;
        let start = if option.arg_location > 0 { option.arg_location } else { option.location };
        let token = self.lex(start).find(|token| token.kind == TokenKind::String);
        let Some(token) = token else {
            return Some(BodyText { text: body.into(), span: self.whole(), verbatim: false });
        };
        let literal = token.text(text);
        let (open, close) = match literal.strip_prefix('$').and_then(|rest| rest.find('$')) {
            Some(tag) => (tag + 2, tag + 2),
            None => (literal.find('\'').map_or(0, |at| at + 1), 1),
        };
        let inside = token.start + open..(token.end - close).max(token.start + open);
        let verbatim = self.code.is_verbatim() && &text[inside.clone()] == body;
        Some(BodyText { text: body.into(), span: self.code.span(inside.start, inside.end), verbatim })
    }

    pub(super) fn do_block(&self, n: &pb::DoStmt) -> DoBlock {
        let option = |name: &str| definitions(&n.args).find(|option| option.defname == name);
        let language = option("language").and_then(text_of).map_or_else(|| "plpgsql".into(), Ident::new);
        let body = option("as").and_then(|option| self.body(option)).unwrap_or_else(|| BodyText {
            text: "".into(),
            span: self.whole(),
            verbatim: false,
        });
        let block = (language == "plpgsql").then(|| plpgsql::parse(&body));
        DoBlock { language, body, block }
    }

    pub(super) fn call_procedure(&self, n: &pb::CallStmt) -> StatementKind {
        match n.funccall.as_deref() {
            Some(call) => StatementKind::Call(self.call(call)),
            None => StatementKind::Other("CALL"),
        }
    }

    /// CREATE AGGREGATE, CREATE TYPE of a base type, and what is not modelled.
    pub(super) fn define(&self, n: &pb::DefineStmt) -> StatementKind {
        match n.kind() {
            ObjectType::ObjectAggregate => StatementKind::CreateAggregate(self.create_aggregate(n)),
            ObjectType::ObjectType => StatementKind::CreateType(CreateType {
                name: self.name_at(&n.defnames, 2),
                kind: CreateTypeKind::Base,
            }),
            ObjectType::ObjectOperator => StatementKind::Other("CREATE OPERATOR"),
            ObjectType::ObjectCollation => StatementKind::Other("CREATE COLLATION"),
            ObjectType::ObjectTsparser => StatementKind::Other("CREATE TEXT SEARCH PARSER"),
            ObjectType::ObjectTsdictionary => StatementKind::Other("CREATE TEXT SEARCH DICTIONARY"),
            ObjectType::ObjectTstemplate => StatementKind::Other("CREATE TEXT SEARCH TEMPLATE"),
            ObjectType::ObjectTsconfiguration => StatementKind::Other("CREATE TEXT SEARCH CONFIGURATION"),
            _ => StatementKind::Other("CREATE"),
        }
    }

    fn create_aggregate(&self, n: &pb::DefineStmt) -> CreateAggregate {
        let name = self.tokens().find_word(0, "aggregate").map_or(0, |at| at + 1);
        let option = |names: &[&str]| {
            let mut options = definitions(&n.definition);
            options.find(|option| names.contains(&option.defname.as_str()))?.arg.as_deref()
        };
        let type_of = |names: &[&str]| option(names).and_then(|node| self.type_node(node));
        let arguments = n.args.first().map(items).unwrap_or_default();
        let base = type_of(&["basetype"]).filter(|base| base.name.name != "any").map(|data_type| Argument {
            name: None,
            mode: ArgumentMode::In,
            data_type,
            default: None,
        });
        CreateAggregate {
            name: self.name_at(&n.defnames, name),
            or_replace: n.replace,
            arguments: arguments.iter().filter_map(|node| self.argument(node)).chain(base).collect(),
            state_type: type_of(&["stype", "stype1"]),
            state_function: option(&["sfunc", "sfunc1"]).and_then(|node| self.function_name(node)),
            final_function: option(&["finalfunc"]).and_then(|node| self.function_name(node)),
        }
    }

    /// A function's name that the grammar takes for a type or a string.
    fn function_name(&self, node: &Node) -> Option<ObjectName> {
        match node.node.as_ref()? {
            N::TypeName(name) => Some(qualified(&name.names, self.name_span(name.location))),
            N::String(name) => {
                Some(ObjectName { schema: None, name: Ident::new(&name.sval), span: self.whole() })
            }
            N::List(list) => Some(qualified(&list.items, self.whole())),
            _ => None,
        }
    }
}

fn text_of(option: &pb::DefElem) -> Option<String> {
    option.arg.as_deref().and_then(value)
}

fn is_true(option: &pb::DefElem) -> bool {
    match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
        Some(N::Boolean(value)) => value.boolval,
        Some(N::Integer(value)) => value.ival != 0,
        _ => true,
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

pub(super) fn argument_mode(mode: FunctionParameterMode) -> ArgumentMode {
    match mode {
        FunctionParameterMode::FuncParamOut => ArgumentMode::Out,
        FunctionParameterMode::FuncParamInout => ArgumentMode::InOut,
        FunctionParameterMode::FuncParamVariadic => ArgumentMode::Variadic,
        FunctionParameterMode::FuncParamTable => ArgumentMode::Table,
        FunctionParameterMode::FuncParamIn
        | FunctionParameterMode::FuncParamDefault
        | FunctionParameterMode::Undefined => ArgumentMode::In,
    }
}
