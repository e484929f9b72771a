//! Functions, procedures and aggregates.

use std::sync::Arc;

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::types::DataType;
use crate::source::Span;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::statement::{ArgumentMode, FunctionBody, Privilege, Statement, Volatility};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub oid: Oid,
    pub name: QName,
    pub kind: FunctionKind,
    pub history: History,
    /// Where its name stands in the statement that made it last.
    pub name_span: Option<Span>,
    pub arguments: Vec<Argument>,
    pub returns: Returns,
    pub language: Ident,
    /// Absent for aggregates, C functions and the platform's own.
    pub body: Option<FunctionBody>,
    /// The statements of a body in language `sql`, and whether that is all of them.
    pub statements: Option<Arc<(Vec<Statement>, bool)>>,
    /// The functions that an aggregate is made of.
    pub parts: Vec<Oid>,
    pub security_definer: Tracked<bool>,
    pub volatility: Volatility,
    pub strict: bool,
    pub leakproof: bool,
    /// `u`, `r` or `s`.
    pub parallel: char,
    /// SET clauses: the name and the value as `pg_proc.proconfig` stores it.
    pub config: IndexMap<Ident, Tracked<String>>,
    pub owner: Ident,
    pub acl: Acl,
    /// The last REVOKE on it.
    pub revoked: Option<Origin>,
    /// What it, or one that it took the place of, had before.
    pub lost: Vec<Loss>,
    pub comment: Option<String>,
    pub extension: Option<Ident>,
}

/// What a function had until a statement replaced it, or until it was dropped and made again. It may
/// have been given back since.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    pub what: Lost,
    /// Where it was said.
    pub had: Origin,
    /// The statement that forgot it.
    pub by: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    /// The value, as `pg_proc.proconfig` stores it.
    SearchPath(String),
    SecurityDefiner,
    /// Who could not call it, and whom a new function lets.
    Revoke {
        grantees: Vec<Grantee>,
        how: Remade,
    },
}

/// How a function came to have the rights of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remade {
    /// The old one was dropped.
    Dropped,
    /// The old one is still there, with other arguments.
    Overloaded,
}

/// A function that is gone, as far as its REVOKEs matter to the next one of its name.
#[derive(Clone, Debug)]
pub(super) struct Retired {
    pub(super) inputs: Vec<DataType>,
    pub(super) acl: Acl,
    /// The last REVOKE, if there was one.
    pub(super) revoked: Option<Origin>,
    pub(super) dropped: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: Option<Ident>,
    pub mode: ArgumentMode,
    pub data_type: DataType,
    pub has_default: bool,
    /// The default, where a statement of the project says it.
    pub default: Option<Box<Expr>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Returns {
    /// A procedure without OUT arguments.
    Nothing,
    Type(DataType),
    SetOf(DataType),
    /// The columns stand among the arguments.
    Table,
}

impl Argument {
    /// Whether it is part of a call: IN, INOUT and VARIADIC.
    pub fn is_input(&self) -> bool {
        matches!(self.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
    }
}

impl Function {
    pub fn inputs(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| argument.is_input())
    }

    /// The arguments as `pg_get_function_identity_arguments()` prints them.
    pub fn identity_arguments(&self, catalog: &Catalog) -> String {
        let printed = self.arguments.iter().filter(|argument| argument.mode != ArgumentMode::Table);
        printed.map(|argument| self.argument_words(argument, catalog)).collect::<Vec<_>>().join(", ")
    }

    /// The result as `pg_get_function_result()` prints it.
    pub fn result(&self, catalog: &Catalog) -> Option<String> {
        if self.kind == FunctionKind::Procedure {
            return None;
        }
        Some(match &self.returns {
            Returns::Nothing => return None,
            Returns::Type(data_type) => data_type.display_bare(catalog),
            Returns::SetOf(data_type) => format!("SETOF {}", data_type.display_bare(catalog)),
            Returns::Table => {
                let columns = self.arguments.iter().filter(|argument| argument.mode == ArgumentMode::Table);
                let columns = columns.map(|argument| self.argument_words(argument, catalog));
                format!("TABLE({})", columns.collect::<Vec<_>>().join(", "))
            }
        })
    }

    /// Procedures say of each argument what it is; functions leave IN out.
    fn argument_words(&self, argument: &Argument, catalog: &Catalog) -> String {
        let mode = match argument.mode {
            ArgumentMode::In if self.kind == FunctionKind::Procedure => "IN ",
            ArgumentMode::In | ArgumentMode::Table => "",
            ArgumentMode::Out => "OUT ",
            ArgumentMode::InOut => "INOUT ",
            ArgumentMode::Variadic => "VARIADIC ",
        };
        let name = argument.name.as_ref().filter(|name| !name.is_empty());
        let name = name.map_or_else(String::new, |name| name.quoted() + " ");
        format!("{mode}{name}{}", argument.data_type.display_bare(catalog))
    }

    /// The name and the types of the arguments, as ALTER FUNCTION takes them.
    pub fn signature(&self, catalog: &Catalog) -> String {
        let types: Vec<_> = self.inputs().map(|argument| argument.data_type.display_bare(catalog)).collect();
        format!("{}({})", self.name.quoted(), types.join(", "))
    }

    /// The keyword of statements about it.
    pub fn noun(&self) -> &'static str {
        if self.kind == FunctionKind::Procedure { "procedure" } else { "function" }
    }

    /// The statement that makes it, as `pg_get_functiondef()` prints it, except that each default is
    /// printed as NULL. Those of the platform and of extensions, which no migration may change, have
    /// no body here. `None` where the body is no text.
    pub(super) fn definition(&self, catalog: &Catalog) -> Option<String> {
        let body = match &self.body {
            Some(FunctionBody::Text(body)) => &*body.text,
            None if self.kind != FunctionKind::Aggregate => "",
            _ => return None,
        };
        let arguments = self.arguments.iter().filter(|argument| argument.mode != ArgumentMode::Table);
        let arguments: Vec<String> = arguments
            .map(|argument| {
                let default = if argument.has_default { " DEFAULT NULL" } else { "" };
                self.argument_words(argument, catalog) + default
            })
            .collect();
        let kind = if self.kind == FunctionKind::Procedure { "PROCEDURE" } else { "FUNCTION" };
        let mut text = format!("CREATE OR REPLACE {kind} {}({})\n", self.name.quoted(), arguments.join(", "));
        if let Some(result) = self.result(catalog) {
            text += &format!(" RETURNS {result}\n");
        }
        text += &format!(" LANGUAGE {}\n", self.language.quoted());
        let volatility = match self.volatility {
            Volatility::Immutable => " IMMUTABLE",
            Volatility::Stable => " STABLE",
            Volatility::Volatile => "",
        };
        let parallel = match self.parallel {
            's' => " PARALLEL SAFE",
            'r' => " PARALLEL RESTRICTED",
            _ => "",
        };
        let words = [
            (self.kind == FunctionKind::Window, " WINDOW"),
            (true, volatility),
            (true, parallel),
            (self.strict, " STRICT"),
            (self.security_definer.value, " SECURITY DEFINER"),
            (self.leakproof, " LEAKPROOF"),
        ];
        let words: String = words.iter().filter(|(said, _)| *said).map(|(_, word)| *word).collect();
        if !words.is_empty() {
            text += &(words + "\n");
        }
        for (name, value) in &self.config {
            let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
            let values = match name.as_str() {
                "search_path" => {
                    let names = self.search_path().unwrap_or_default();
                    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                    if names.is_empty() { quoted("") } else { names.join(", ") }
                }
                _ => quoted(&value.value),
            };
            text += &format!(" SET {} TO {values}\n", name.quoted());
        }
        let tag = if kind == "PROCEDURE" { "procedure" } else { "function" };
        Some(format!("{text}AS ${tag}${body}${tag}$\n"))
    }

    /// Whether it can only run as a trigger.
    pub fn is_trigger(&self) -> bool {
        matches!(&self.returns, Returns::Type(data_type)
            if data_type.is_builtin("trigger") || data_type.is_builtin("event_trigger"))
    }

    /// How it came to have no `search_path`, where it had one.
    pub fn lost_search_path(&self) -> Option<(&Loss, &str)> {
        if self.config.contains_key("search_path") {
            return None;
        }
        self.lost.iter().rev().find_map(|loss| match &loss.what {
            Lost::SearchPath(value) => Some((loss, value.as_str())),
            _ => None,
        })
    }

    /// Who may call it now and could not call an older function of its name.
    pub(super) fn lost_revoke(&self, old: &Acl, had: Origin, by: Origin, how: Remade) -> Option<Loss> {
        let execute = Privileges::of(&[Privilege::Execute]);
        let opened = self.acl.entries.iter().filter(|entry| {
            entry.privileges.contains(Privilege::Execute)
                && old.granted(&entry.grantee).intersection(execute).is_empty()
        });
        let grantees: Vec<Grantee> = opened.map(|entry| entry.grantee.clone()).collect();
        (!grantees.is_empty()).then_some(Loss { what: Lost::Revoke { grantees, how }, had, by })
    }

    /// The `search_path` that its body runs with, where it sets one.
    pub fn search_path(&self) -> Option<Vec<Ident>> {
        let setting = self.config.get("search_path")?;
        let names = setting.value.split(',').map(|name| name.trim().trim_matches('"'));
        Some(names.filter(|name| !name.is_empty()).map(Ident::new).collect())
    }

    /// The function as `regprocedure::text` prints it: the name, bare where `search_path` finds it,
    /// and the types of its inputs.
    pub fn regprocedure(&self, catalog: &Catalog) -> String {
        let visible = catalog.search_path().any(|schema| schema == self.name.schema);
        let name = if visible { self.name.name.quoted() } else { self.name.quoted() };
        let types: Vec<String> = self.inputs().map(|argument| argument.data_type.display(catalog)).collect();
        format!("{name}({})", types.join(","))
    }
}
