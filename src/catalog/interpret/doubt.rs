//! What statements that may or may not run would touch.

use crate::catalog::Relation;
use crate::catalog::condition::code_of;
use crate::catalog::gap::{Aspect, Cause, Touch, Whose};
use crate::catalog::interpret::value::Value;
use crate::catalog::interpret::{DYNAMIC, Interpreter};
use crate::catalog::name::QName;
use crate::source::Span;
use crate::sql::expr::{Expr, Literal};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind, Fragment};
use crate::sql::statement::{AlterAction, GrantTarget, ObjectKind, Statement, StatementKind};

impl Interpreter<'_> {
    /// Statements that may or may not run: what they would touch becomes a gap.
    pub(super) fn maybe(&mut self, statements: &[BlockStatement], cause: Cause) {
        for statement in statements {
            match &statement.kind {
                BlockStatementKind::Block(block) => self.maybe(&block.body, cause.clone()),
                BlockStatementKind::If { arms, otherwise } => {
                    for (condition, body) in arms {
                        match condition.value.as_ref().and_then(|expr| self.truth(expr)) {
                            Some(false) => {}
                            _ => self.maybe(body, cause.clone()),
                        }
                    }
                    self.maybe(otherwise, cause.clone());
                }
                BlockStatementKind::Case { arms, otherwise, .. } => {
                    arms.iter().for_each(|(_, body)| self.maybe(body, cause.clone()));
                    self.maybe(otherwise.as_deref().unwrap_or_default(), cause.clone());
                }
                BlockStatementKind::Loop { body, .. } => self.maybe(body, cause.clone()),
                BlockStatementKind::Assign { target, .. } => self.set(target, Value::Unknown),
                BlockStatementKind::Sql { statement: inner, into } => {
                    into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                    let touches = self.touches(inner);
                    if !touches.is_empty() {
                        let reason = "the block runs this only on a condition that needs the database";
                        self.catalog
                            .record_caused(cause.clone(), statement.span, reason.into(), touches)
                            .help =
                            Some("state it outside of the condition, with IF EXISTS or IF NOT EXISTS");
                    }
                }
                BlockStatementKind::Execute { into, .. } if !into.is_empty() => {
                    into.iter().for_each(|variable| self.set(variable, Value::Unknown));
                }
                BlockStatementKind::Execute { command, .. } => {
                    let value = self.fragment(command);
                    let known = match &value {
                        Value::Text(text) => self.read(text, command.span),
                        _ => None,
                    };
                    let touches = match known {
                        Some(list) => {
                            let touches: Vec<_> = list.iter().flat_map(|inner| self.touches(inner)).collect();
                            Some(touches).filter(|touches| !touches.is_empty())
                        }
                        None if value == Value::Definition => Some(vec![Touch::new(Aspect::Functions, None)]),
                        None => self.guess(command),
                    };
                    if let Some(touches) = touches {
                        let reason = "the block runs SQL that is only known when it runs";
                        self.catalog
                            .record_caused(cause.clone(), statement.span, reason.into(), touches)
                            .help = Some(DYNAMIC);
                    }
                }
                _ => {}
            }
        }
    }

    /// What handlers do that may have taken an error: one of rows, which a block met or not.
    pub(super) fn perhaps_handled(&mut self, block: &Block) {
        if block.handlers.is_empty() || !needs_rows(&block.body) {
            return;
        }
        let is_of_names = |condition: &String| code_of(condition).is_some_and(|code| code.starts_with("42"));
        for handler in &block.handlers {
            if let (Some(first), false) = (handler.body.first(), handler.conditions.iter().all(is_of_names)) {
                self.maybe(&handler.body, Cause::Condition(first.span));
            }
        }
    }

    /// What a statement that may have run touches.
    fn touches(&self, statement: &Statement) -> Vec<Touch> {
        let relation = |name: &ObjectName| {
            self.catalog
                .resolve_relation(name)
                .map_or_else(|| self.catalog.creation_name(name), |(found, _)| found)
        };
        let one = |aspect, object| vec![Touch::new(aspect, object)];
        let anybodys_rights = |whose: Whose| {
            [Aspect::Grants, Aspect::Execute].map(|aspect| Touch { aspect, whose: whose.clone() }).to_vec()
        };
        let exists = |name: &ObjectName| self.catalog.resolve_relation(name).is_some();
        match &statement.kind {
            StatementKind::CreateTable(create) if create.if_not_exists && exists(&create.name) => Vec::new(),
            StatementKind::CreateTable(create) => one(Aspect::Existence, Some(relation(&create.name))),
            StatementKind::CreateTableAs(create) => one(Aspect::Existence, Some(relation(&create.name))),
            StatementKind::CreateView(create) => one(Aspect::Views, Some(relation(&create.name))),
            StatementKind::CreateIndex(create)
                if create.if_not_exists
                    && create.name.as_ref().is_some_and(|name| {
                        let schema = relation(&create.table).schema;
                        self.catalog.relation(&QName { schema, name: name.clone() }).is_some()
                    }) =>
            {
                Vec::new()
            }
            StatementKind::CreateIndex(create) => one(Aspect::Indexes, Some(relation(&create.table))),
            StatementKind::CreatePolicy(create) => one(Aspect::Policies, Some(relation(&create.table))),
            StatementKind::AlterPolicy(alter) => one(Aspect::Policies, Some(relation(&alter.table))),
            StatementKind::CreateTrigger(create) => one(Aspect::Shape, Some(relation(&create.table))),
            StatementKind::CreateFunction(create) => {
                one(Aspect::Functions, Some(self.catalog.creation_name(&create.name)))
            }
            StatementKind::AlterFunction(_) => one(Aspect::Functions, None),
            StatementKind::AlterTable(alter) => {
                let name = relation(&alter.name);
                let enabled = self.catalog.table(&name).map(|table| table.rls.value);
                let mut touches: Vec<Touch> = Vec::new();
                for action in &alter.actions {
                    let aspect = match action.value {
                        AlterAction::EnableRls if enabled == Some(true) => continue,
                        AlterAction::DisableRls if enabled == Some(false) => continue,
                        // Triggers are switched off to change rows, and on again.
                        AlterAction::EnableTrigger { .. } => continue,
                        AlterAction::EnableRls | AlterAction::DisableRls => Aspect::Rls,
                        _ => Aspect::Shape,
                    };
                    touches.push(Touch::new(aspect, Some(name.clone())));
                }
                touches
            }
            StatementKind::Drop(drop) => drop
                .objects
                .iter()
                // What is not there is not dropped.
                .filter(|object| {
                    let name = || relation(&object.name);
                    match object.kind {
                        ObjectKind::Table
                        | ObjectKind::View
                        | ObjectKind::MaterializedView
                        | ObjectKind::Index => exists(&object.name),
                        ObjectKind::Policy => self.catalog.table(&name()).is_some_and(|table| {
                            object.part.as_ref().is_some_and(|part| table.policies.contains_key(&part.value))
                        }),
                        _ => true,
                    }
                })
                .map(|object| {
                    let (aspect, named) = match object.kind {
                        ObjectKind::Policy => (Aspect::PoliciesGone, true),
                        ObjectKind::Index => {
                            let table = match self.catalog.resolve_relation(&object.name) {
                                Some((_, Relation::Index { on })) => self.catalog.tables.get(&on),
                                _ => None,
                            };
                            let object = table.map(|table| table.name.clone());
                            return Touch::new(Aspect::Indexes, object);
                        }
                        ObjectKind::View | ObjectKind::MaterializedView => (Aspect::Views, true),
                        ObjectKind::Trigger => (Aspect::Shape, true),
                        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
                            (Aspect::Functions, false)
                        }
                        _ => (Aspect::Existence, true),
                    };
                    Touch::new(aspect, named.then(|| relation(&object.name)))
                })
                .collect(),
            StatementKind::Grant(grant) => match &grant.target {
                GrantTarget::Objects(objects) => {
                    let named = objects.iter().map(|object| match object.kind {
                        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
                            let known = self.catalog.resolve_functions(&object.name);
                            let name = known.unwrap_or_else(|| self.catalog.creation_name(&object.name));
                            Touch::new(Aspect::Execute, Some(name))
                        }
                        ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence => {
                            Touch::new(Aspect::Grants, Some(relation(&object.name)))
                        }
                        _ => Touch::new(Aspect::Grants, None),
                    });
                    named.collect()
                }
                GrantTarget::AllInSchemas { .. } => anybodys_rights(Whose::All),
            },
            StatementKind::AlterDefaultPrivileges(_) | StatementKind::GrantRole(_) => {
                anybodys_rights(Whose::AllToCome)
            }
            StatementKind::CreateRole(_) | StatementKind::AlterRole(_) => one(Aspect::Roles, None),
            StatementKind::Rename(_) | StatementKind::SetSchema { .. } => one(Aspect::Existence, None),
            _ => Vec::new(),
        }
    }

    /// What SQL that is not known may touch, by the words that are; nothing where it does not change the catalog.
    pub(super) fn guess(&self, command: &Fragment) -> Option<Vec<Touch>> {
        let mut texts: Vec<String> = Vec::new();
        let mut table = None;
        if let Some(expr) = &command.value {
            expr.walk(&mut |part| {
                if let Expr::Literal(Literal::String(text)) = part {
                    table = table.take().or_else(|| self.altered_table(&text.to_ascii_lowercase()));
                    texts.push(text.to_ascii_lowercase());
                }
            });
        }
        let words: String = texts.iter().flat_map(|text| [text, " "]).collect();
        let has = |word: &str| words.contains(word);
        // A trigger says which function it executes.
        let apart = words.replace("execute function ", "").replace("execute procedure ", "");
        let of_function = apart.contains(" function ") || apart.contains(" procedure ");
        // What no request and no policy asks about.
        let aside = [
            " on sequence ",
            " on all sequences ",
            " on database ",
            " on type ",
            " on domain ",
            " on language ",
        ];
        if words.trim_start().starts_with("comment on ")
            || words.trim_start().starts_with("create role ")
            || is_alone(&words, &["grant ", "revoke "], &aside)
        {
            return Some(Vec::new());
        }
        let of_rights = has("grant ") || has("revoke ");
        let to_call = of_rights
            && [" on function ", " on procedure ", " on routine ", " on all functions "].into_iter().any(has);
        let of_policies = has(" policy ");
        let drops_policies = of_policies
            && words.trim_start().starts_with("drop policy ")
            && !["create policy", "alter policy"].into_iter().any(has);
        let aspects: Vec<Aspect> = [
            (has("row level security"), Aspect::Rls),
            (of_policies && !drops_policies, Aspect::Policies),
            (drops_policies, Aspect::PoliciesGone),
            (of_rights && !to_call, Aspect::Grants),
            (of_rights, Aspect::Execute),
            (has(" index "), Aspect::Indexes),
            (of_function && !to_call, Aspect::Functions),
            (has(" view "), Aspect::Views),
            (has("create table") || has("drop table") || has("rename "), Aspect::Existence),
            (has(" trigger ") || has("alter table") && !has("row level security"), Aspect::Shape),
        ]
        .into_iter()
        .filter_map(|(found, aspect)| found.then_some(aspect))
        .collect();
        let rows = ["insert ", "update ", "delete ", "select ", "refresh ", "analyze", "set "];
        if aspects.is_empty() {
            let is_of_rows = rows.iter().any(|word| words.trim_start().starts_with(word));
            return (!is_of_rows).then(|| vec![Touch::new(Aspect::Anything, None)]);
        }
        let object = table.filter(|_| aspects.iter().all(|it| matches!(it, Aspect::Shape | Aspect::Rls)));
        let is_about_tables = aspects.iter().all(|it| {
            use Aspect::{Existence, Indexes, Policies, PoliciesGone, Rls, Shape};
            matches!(it, Existence | Indexes | Policies | PoliciesGone | Rls | Shape)
        });
        let schema = schema_of_tables(&texts).filter(|_| is_about_tables && object.is_none());
        // Rights that are not on something are default privileges, or those of a role.
        let is_to_come = of_rights && (has("default privileges") || !has(" on "));
        let all = if is_to_come { Whose::AllToCome } else { Whose::All };
        let whose = match (schema, object) {
            (Some(schema), _) => Whose::Of(schema),
            (None, Some(object)) => Whose::One(object),
            (None, None) => all,
        };
        Some(aspects.into_iter().map(|aspect| Touch { aspect, whose: whose.clone() }).collect())
    }

    /// The table of `alter table public.orders drop constraint …`, where the text holds its whole name.
    fn altered_table(&self, text: &str) -> Option<QName> {
        let (_, rest) = text.split_once("alter table ")?;
        let rest = rest.strip_prefix("if exists ").unwrap_or(rest);
        let (written, _) = rest.strip_prefix("only ").unwrap_or(rest).split_once(' ')?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if !written.chars().all(is_plain) || rest.contains("alter table ") {
            return None;
        }
        let (schema, name) = match written.split_once('.') {
            Some((schema, name)) => (Some(schema.into()), name),
            None => (None, written),
        };
        let nowhere = Span::new(crate::source::FileId(0), 0, 0);
        let name = ObjectName { schema, name: name.into(), span: nowhere };
        let known = self.catalog.resolve_relation(&name).map(|(name, _)| name);
        Some(known.unwrap_or_else(|| self.catalog.creation_name(&name)))
    }
}

/// Whether a text is one statement that starts with one of these and is about one of those, as far as it is known.
fn is_alone(text: &str, starts: &[&str], about: &[&str]) -> bool {
    let text = text.trim_start();
    let statements = text.split(';').filter(|statement| !statement.trim().is_empty()).count();
    let targets = text.matches(" on ").count();
    statements == 1
        && starts.iter().any(|start| text.starts_with(start))
        && about.iter().map(|target| text.matches(target).count()).sum::<usize>() == 1
        && targets == 1
}

/// Whether it depends on rows or values that statements run without an error.
fn needs_rows(statements: &[BlockStatement]) -> bool {
    statements.iter().any(|statement| match &statement.kind {
        BlockStatementKind::Perform(_) | BlockStatementKind::Assign { .. } => true,
        BlockStatementKind::Sql { statement, .. } => {
            matches!(statement.kind, StatementKind::Query(_) | StatementKind::Change(_))
        }
        BlockStatementKind::Block(block) => needs_rows(&block.body),
        BlockStatementKind::If { arms, otherwise } => {
            arms.iter().any(|(_, body)| needs_rows(body)) || needs_rows(otherwise)
        }
        BlockStatementKind::Loop { body, .. } => needs_rows(body),
        _ => false,
    })
}

/// The schema of the tables that texts are about, where it is written before the name of each:
/// `alter table audit.%I …`.
fn schema_of_tables(texts: &[String]) -> Option<Ident> {
    let mut found: Option<&str> = None;
    for keyword in ["create table ", "alter table ", "drop table ", " on ", " rename "] {
        for (text, at) in
            texts.iter().flat_map(|text| text.match_indices(keyword).map(move |(at, _)| (text, at)))
        {
            let mut rest = &text[at + keyword.len()..];
            for words in ["if not exists ", "if exists ", "only "] {
                rest = rest.strip_prefix(words).unwrap_or(rest);
            }
            let (schema, _) = rest.split_once('.')?;
            let is_name = schema.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name || schema.is_empty() || found.is_some_and(|known| known != schema) {
                return None;
            }
            found = Some(schema);
        }
    }
    found.map(Ident::new)
}
