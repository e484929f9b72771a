//! The bodies of functions, parsed and bound.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::Catalog;
use crate::catalog::bind::{Binder, is_builtin_function};
use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::types::{TypeRef, UserTypeKind};
use crate::source::Span;
use crate::sql::expr::{
    ColumnRef, Cte, CteBody, Expr, Literal, Oid, Query, QueryBody, RelationRef, Target, walk_queries,
};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{Block, BlockStatement, BlockStatementKind, RaiseLevel};
use crate::sql::statement::{BodyText, ChangeKind, DataChange, FunctionBody, Statement, StatementKind};

/// What the body of one function does, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routine {
    /// Its statements of SQL, in the order written, nested ones included.
    pub statements: Vec<Statement>,
    /// Expressions outside of statements: conditions, assignments, what is returned.
    pub expressions: Vec<Expr>,
    /// The texts that EXECUTE runs; `None` where the expression could not be read.
    pub executed: Vec<(Span, Option<Expr>)>,
    /// What EXECUTE runs, for each text that says it all: a constant, or one of `format` that leaves
    /// nothing but names and values open. A name that is left open is `x`.
    pub dynamic: Vec<Vec<Statement>>,
    /// The code of a PL/pgSQL body.
    pub block: Option<Arc<Block>>,
    /// Whether all of it was read: false for other languages and for what did not parse.
    pub complete: bool,
    /// What stands in the arms of IF and CASE, in loops and in handlers.
    conditional: Vec<Span>,
}

/// What a body leaves to the `search_path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksUp {
    /// Nothing: every name is in full, and it has no operators.
    Nothing,
    /// Operators, functions and types of PostgreSQL itself: another path changes them only where it
    /// puts `pg_catalog` behind another schema.
    BuiltIns,
    /// Names of the project or of extensions, or more than can be read.
    Names,
}

/// The types with operators of their own that extensions bring, and where they are used. What is of a type that the catalog does
/// not know may be of one of them.
#[derive(Clone, Debug)]
pub struct Brought<'a> {
    types: FxHashMap<Oid, &'a Ident>,
    columns: FxHashSet<&'a Ident>,
}

impl<'a> Brought<'a> {
    pub fn of(catalog: &'a Catalog) -> Self {
        // Rows and enums have PostgreSQL's own operators.
        let plain =
            |kind: &UserTypeKind| !matches!(kind, UserTypeKind::Composite { .. } | UserTypeKind::Enum { .. });
        let types = catalog.types.values().filter(|known| known.extension.is_some() && plain(&known.kind));
        let mut brought = Self {
            types: types.map(|known| (known.oid, &known.name.name)).collect(),
            columns: FxHashSet::default(),
        };
        let own = catalog.own_tables().flat_map(|table| &table.columns);
        let of_type = own.filter(|column| brought.is_type(&column.data_type.value.base));
        brought.columns = of_type.map(|column| &column.name).collect();
        brought
    }

    fn is_type(&self, base: &TypeRef) -> bool {
        match base {
            TypeRef::User(oid) => self.types.contains_key(oid),
            TypeRef::Unknown(_) => true,
            TypeRef::Builtin(_) | TypeRef::Row(_) => false,
        }
    }

    /// Whether the text of a type names one of them.
    fn is_named(&self, text: &str) -> bool {
        let end = text.find(['(', '[', ' ']).unwrap_or(text.len());
        let name = text[..end].to_lowercase();
        let name = name.rsplit('.').next().unwrap_or(&name);
        self.types.values().any(|known| **known == *name)
    }
}

/// What an extension brings that bodies name.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    functions: FxHashSet<&'a Ident>,
    types: FxHashMap<Oid, &'a Ident>,
    operators: &'static [&'static str],
}

/// The operators of pg_trgm, which are on texts (manual, F.35).
const OF_TRIGRAMS: &[&str] = &["%", "<%", "%>", "<<%", "%>>", "<->", "<<->", "<->>", "<<<->", "<->>>"];

impl<'a> Members<'a> {
    pub fn of(catalog: &'a Catalog, extension: &Ident) -> Self {
        let types = catalog.types.values().filter(|known| known.extension.as_ref() == Some(extension));
        let of_it = |function: &&Function| {
            // Those of vector are called as PostgreSQL's own are.
            function.extension.as_ref() == Some(extension) && function.kind != FunctionKind::Aggregate
        };
        let functions = catalog.functions.values().filter(of_it);
        Self {
            functions: functions.map(|function| &function.name.name).collect(),
            types: types.map(|known| (known.oid, &known.name.name)).collect(),
            operators: if *extension == "pg_trgm" { OF_TRIGRAMS } else { &[] },
        }
    }
}

/// A name that a function's `search_path` does not lead to, though another schema has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub name: String,
    pub span: Span,
    /// The same name with its schema.
    pub meant: QName,
}

/// How a body names something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Without a schema, so that the `search_path` has to lead there.
    pub bare: bool,
    /// With a schema other than `extensions`.
    pub in_full: bool,
}

impl Routine {
    /// Reads and binds a function's body.
    pub fn read(catalog: &Catalog, function: &Function) -> Self {
        let mut routine = match &function.body {
            Some(FunctionBody::Statements { statements, .. }) => {
                Self { statements: statements.clone(), complete: true, ..Self::default() }
            }
            Some(FunctionBody::Text(body)) if function.language == "sql" => {
                let parsed = function.statements.as_deref().cloned();
                let (statements, complete) = parsed.unwrap_or_else(|| crate::sql::parse_body(body));
                Self { statements, complete, ..Self::default() }
            }
            Some(FunctionBody::Text(body)) if function.language == "plpgsql" => Self::of_block(body.block()),
            _ => Self::default(),
        };
        routine.bind(catalog, function);
        routine
    }

    fn of_block(block: &Arc<Block>) -> Self {
        let mut routine = Self { complete: true, ..Self::default() };
        block.walk(&mut |statement: &BlockStatement| {
            routine.statements.extend(statement.sql().cloned());
            routine
                .executed
                .extend(statement.executed().map(|fragment| (fragment.span, fragment.value.clone())));
            let templates = statement.executed().and_then(|fragment| {
                let text = template(fragment.value.as_ref()?)?;
                let body = BodyText::new(text, fragment.span, false);
                let (statements, complete) = crate::sql::parse_body(&body);
                complete.then_some(statements)
            });
            routine.dynamic.extend(templates);
            routine
                .expressions
                .extend(statement.fragments().into_iter().filter_map(|part| part.value.clone()));
            routine.complete &= statement.kind != BlockStatementKind::Unparsed;
            routine.conditional.extend(statement.bodies().flatten().map(|inner| inner.span));
        });
        block.walk_blocks(&mut |block| {
            for declared in &block.declarations {
                routine
                    .expressions
                    .extend(declared.default.iter().filter_map(|default| default.value.clone()));
                routine.statements.extend(declared.query.as_deref().cloned());
            }
        });
        routine.statements.shrink_to_fit();
        routine.expressions.shrink_to_fit();
        routine.block = Some(Arc::clone(block));
        routine
    }

    /// Whether a trigger's code may object to a column's new value or choose it: it names the column, or
    /// ends with an error that does not hang on other columns alone.
    pub fn minds(&self, column: &Ident) -> bool {
        let mut minds = false;
        let mut names_others = false;
        self.walk(&mut |expr| match expr {
            Expr::Column(read) if read.target == Target::Variable => {
                let is_field = matches!(read.path.as_slice(), [row, _] if row == "new" || row == "old");
                minds |= read.path.last() == Some(column);
                names_others |= is_field && read.path.last() != Some(column);
            }
            Expr::Field { field, .. } => minds |= field.as_ref() == Some(column),
            _ => {}
        });
        self.block.iter().for_each(|block| {
            block.walk(&mut |statement| match &statement.kind {
                BlockStatementKind::Assign { field, .. } => minds |= field.as_ref() == Some(column),
                BlockStatementKind::Raise { level: RaiseLevel::Exception, .. } => minds |= !names_others,
                BlockStatementKind::Return(Some(value)) => {
                    minds |= !names_others && matches!(value.value, Some(Expr::Literal(Literal::Null)));
                }
                _ => {}
            });
        });
        minds
    }

    /// What it changes, each with the place of its statement; changes in a WITH of a query as well.
    pub fn changes(&self) -> Vec<(Span, &DataChange)> {
        let mut found: Vec<(Span, &DataChange)> = Vec::new();
        for statement in &self.statements {
            match &statement.kind {
                StatementKind::Change(change) => found.push((statement.span, &**change)),
                StatementKind::Query(query) => {
                    found.extend(query.ctes.iter().filter_map(|cte| match &cte.query {
                        CteBody::Change(change) => Some((statement.span, &**change)),
                        CteBody::Query(_) => None,
                    }));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether it adds rows to a table.
    pub fn adds_to(&self, table: Oid) -> bool {
        self.statements.iter().any(|statement| match &statement.kind {
            StatementKind::Change(change) => {
                change.kind == ChangeKind::Insert && change.table.target == Some(table)
            }
            _ => false,
        })
    }

    /// Whether a place in it is come to under some condition only.
    pub fn is_conditional(&self, place: Span) -> bool {
        self.conditional.iter().any(|part| part.contains(place))
    }

    /// Whether anything in it is come to under some condition only.
    pub fn has_conditions(&self) -> bool {
        !self.conditional.is_empty()
    }

    /// Whether an exception handler may take an error of what it runs.
    pub fn catches_errors(&self) -> bool {
        let mut catches = false;
        self.block
            .iter()
            .for_each(|block| block.walk_blocks(&mut |block| catches |= !block.handlers.is_empty()));
        catches
    }

    /// Whether it may end with an error that it raises, or calls what may.
    pub fn raises(&self) -> bool {
        let Some(block) = &self.block else { return true };
        let mut raises = false;
        block.walk(&mut |statement| {
            raises |= matches!(
                statement.kind,
                BlockStatementKind::Raise { level: RaiseLevel::Exception, .. }
                    | BlockStatementKind::Assert(_)
                    | BlockStatementKind::Perform(_)
            );
        });
        raises
    }

    /// Names resolve by the function's own `search_path` where it sets one; parameters and
    /// variables come after columns.
    pub fn binder<'c>(&self, catalog: &'c Catalog, function: &Function) -> Binder<'c> {
        let mut variables: Vec<Ident> =
            function.arguments.iter().filter_map(|argument| argument.name.clone()).collect();
        variables.extend(["new", "old", "found", "tg_op", "tg_table_name"].map(Ident::from));
        variables.push(function.name.name.clone());
        if let Some(block) = &self.block {
            block.walk_blocks(&mut |block| {
                variables.extend(block.declarations.iter().map(|declaration| declaration.name.clone()));
            });
        }
        Binder::new(catalog).with_variables(variables).with_search_path(function.search_path())
    }

    fn bind(&mut self, catalog: &Catalog, function: &Function) {
        let mut binder = self.binder(catalog, function);
        for statement in self.statements.iter_mut().chain(self.dynamic.iter_mut().flatten()) {
            binder.statement(&mut statement.kind);
        }
        for expr in &mut self.expressions {
            binder.expr(expr);
        }
    }

    /// Visits every table and view that it names: to read, or to write.
    pub fn walk_relations<'a>(&'a self, visit: &mut dyn FnMut(&'a RelationRef)) {
        for statement in &self.statements {
            match &statement.kind {
                StatementKind::Query(query) => query.walk_relations(visit),
                StatementKind::Change(change) => {
                    visit(&change.table);
                    change.from.iter().for_each(|item| item.walk_relations(visit));
                    change.walk_queries(&mut |query| own_relations(query, visit));
                }
                _ => {}
            }
        }
        for expr in &self.expressions {
            walk_queries(expr, &mut |query| own_relations(query, visit));
        }
    }

    /// Whether the body comes to no relation and calls nothing that the project made: whose rights it has
    /// is nothing to it.
    pub fn needs_no_rights(&self, catalog: &Catalog) -> bool {
        let is_plain =
            |kind: &StatementKind| matches!(kind, StatementKind::Query(_) | StatementKind::Call(_));
        let mut needs = !self.complete
            || !self.executed.is_empty()
            || !self.statements.iter().all(|statement| is_plain(&statement.kind));
        self.walk_relations(&mut |_| needs = true);
        self.walk(&mut |part| {
            let Expr::Call(call) = part else { return };
            let own = |oid| {
                let function = catalog.functions.get(&oid);
                function.is_some_and(|function| function.history.created.span().is_some())
            };
            needs |= call.target.map_or(call.name.schema.is_some(), own);
        });
        !needs
    }

    /// The names without a schema that are found neither in `pg_catalog` nor along this path, and that
    /// another schema has. What the body makes for itself is not among them.
    pub fn missed(&self, catalog: &Catalog, path: &[Ident]) -> Vec<Missed> {
        let local = self.local_names();
        let doubtful = |name: &Ident| {
            path.iter().any(|schema| {
                let there = QName { schema: schema.clone(), name: name.clone() };
                catalog.may_have_changed(&there, Aspect::Existence) || catalog.is_wanted(&there)
            })
        };
        let mut found: Vec<Missed> = Vec::new();
        let mut add = |name: &ObjectName, meant: Option<&QName>| {
            let missed = meant.filter(|meant| !path.contains(&meant.schema) && meant.schema != "pg_temp");
            found.extend(missed.filter(|_| !doubtful(&name.name)).map(|meant| Missed {
                name: name.name.quoted(),
                span: name.span,
                meant: meant.clone(),
            }));
        };
        self.walk_relations(&mut |relation| {
            let bare = relation.name.schema.is_none() && relation.target.is_none();
            if bare && !local.contains(&relation.name.name) && !relation.name.name.starts_with("pg_") {
                let tables = catalog.tables.values().map(|table| &table.name);
                let views = catalog.views.values().map(|view| &view.name);
                add(&relation.name, tables.chain(views).find(|known| known.name == relation.name.name));
            }
        });
        self.walk(&mut |expr| match expr {
            Expr::Call(call) if call.name.schema.is_none() && call.target.is_none() => {
                let name = &call.name.name;
                let along = path.iter().any(|schema| {
                    catalog
                        .functions_named(&QName { schema: schema.clone(), name: name.clone() })
                        .next()
                        .is_some()
                });
                // `title(row)` may be a column of what is given.
                let is_attribute = call.args.len() == 1 && catalog.is_attribute(name);
                if !along && !is_builtin_function(name) && !is_attribute {
                    let functions = catalog.functions.values().map(|function| &function.name);
                    add(&call.name, functions.into_iter().find(|known| known.name == *name));
                }
            }
            Expr::Cast { to, .. } if to.name.schema.is_none() && !to.percent_type => {
                let TypeRef::User(oid) = catalog.resolve_data_type(to).base else { return };
                let along = path.iter().any(|schema| {
                    let there = ObjectName { schema: Some(schema.clone()), ..to.name.clone() };
                    catalog.resolve_type(&there).is_some()
                });
                if !along {
                    add(&to.name, catalog.types.get(&oid).map(|known| &known.name));
                }
            }
            _ => {}
        });
        found.sort_by_key(|missed| missed.span);
        found.dedup();
        found
    }

    /// The relations that the body names itself: in WITH, and those that it makes.
    fn local_names(&self) -> FxHashSet<Ident> {
        let mut names = FxHashSet::default();
        self.walk_queries(&mut |query| names.extend(query.ctes.iter().map(|cte| cte.name.clone())));
        for statement in self.statements.iter().chain(self.dynamic.iter().flatten()) {
            match &statement.kind {
                StatementKind::Change(change) => names.extend(change.ctes.iter().map(|cte| cte.name.clone())),
                StatementKind::CreateTable(create) => drop(names.insert(create.name.name.clone())),
                StatementKind::CreateTableAs(create) => drop(names.insert(create.name.name.clone())),
                StatementKind::CreateView(create) => drop(names.insert(create.name.name.clone())),
                _ => {}
            }
        }
        names
    }

    /// What the body leaves to the `search_path`.
    pub fn looks_up(&self, catalog: &Catalog, function: &Function, brought: &Brought<'_>) -> LooksUp {
        if !self.complete || self.dynamic.len() < self.executed.len() {
            return LooksUp::Names;
        }
        let in_full = |statement: &&Statement| match &statement.kind {
            StatementKind::Query(_) | StatementKind::Change(_) | StatementKind::Call(_) => true,
            StatementKind::Refresh { name, .. } => name.schema.is_some(),
            _ => false,
        };
        let dynamic = Self { statements: self.dynamic.concat(), ..Self::default() };
        let mut bare = !self.statements.iter().chain(&dynamic.statements).all(|one| in_full(&one));
        let (mut built_in, mut operator) = (false, false);
        let mut of_extension =
            function.arguments.iter().any(|argument| brought.is_type(&argument.data_type.base));
        for part in [self, &dynamic] {
            part.walk_relations(&mut |relation| bare |= relation.name.schema.is_none());
            part.walk_queries(&mut |query| built_in |= query.joins_by_name());
            part.walk(&mut |expr| match expr {
                Expr::Call(call) => {
                    bare |= call.name.schema.is_none() && call.target.is_some();
                    built_in |= call.name.schema.is_none();
                    let target = call.target.and_then(|oid| catalog.functions.get(&oid));
                    of_extension |= target.is_some_and(|target| match &target.returns {
                        Returns::Type(data_type) | Returns::SetOf(data_type) => {
                            brought.is_type(&data_type.base)
                        }
                        Returns::Nothing | Returns::Table => false,
                    });
                }
                Expr::Cast { to, .. } => {
                    let base = catalog.resolve_data_type(to).base;
                    bare |= to.name.schema.is_none() && !matches!(base, TypeRef::Builtin(_));
                    built_in |= to.name.schema.is_none();
                    of_extension |= brought.is_type(&base);
                }
                Expr::Column(column) => {
                    of_extension |= column.path.last().is_some_and(|name| brought.columns.contains(name))
                }
                Expr::Op { op, .. } | Expr::OpArray { op, .. } => {
                    operator = true;
                    bare |= !OPERATORS.contains(&op.as_str());
                }
                Expr::Sublink(sublink) => operator |= sublink.test.is_some(),
                Expr::In { .. }
                | Expr::Between { .. }
                | Expr::Distinct { .. }
                | Expr::Case { operand: Some(_), .. } => {
                    operator = true;
                }
                Expr::Other(..) => built_in = true,
                _ => {}
            });
        }
        if let Some(block) = &self.block {
            block.walk_blocks(&mut |block| {
                for declared in &block.declarations {
                    bare |= is_bare_type(catalog, &declared.data_type);
                    built_in = true;
                    of_extension |= brought.is_named(&declared.data_type);
                }
            });
            // CASE of PL/pgSQL compares, too.
            block.walk(&mut |statement| {
                operator |= matches!(statement.kind, BlockStatementKind::Case { operand: Some(_), .. });
            });
        }
        match () {
            // Operators of extensions have no full name that anybody writes.
            () if bare || of_extension && operator => LooksUp::Names,
            () if built_in || operator => LooksUp::BuiltIns,
            () => LooksUp::Nothing,
        }
    }

    /// Visits every query of the body, nested ones included.
    pub fn walk_queries<'a>(&'a self, visit: &mut dyn FnMut(&'a Query)) {
        for statement in &self.statements {
            match &statement.kind {
                StatementKind::Query(query) => query.walk_queries(visit),
                StatementKind::Change(change) => change.walk_queries(visit),
                _ => {}
            }
        }
        self.expressions.iter().for_each(|expr| walk_queries(expr, visit));
    }

    /// How the body names what an extension brings: its functions, and its types in casts and
    /// declarations. An operator counts where it stands beside a column of such a type, or is pg_trgm's.
    pub fn uses(&self, catalog: &Catalog, members: &Members<'_>) -> Uses {
        let is_type = |name: &str| members.types.values().any(|known| **known == *name);
        let is_function = |name: &Ident| members.functions.contains(name);
        let mut uses = Uses::default();
        let mut add = |schema: Option<&Ident>| match schema {
            None => uses.bare = true,
            Some(schema) => uses.in_full |= *schema != "extensions",
        };
        self.walk(&mut |expr| match expr {
            Expr::Call(call) if is_function(&call.name.name) => add(call.name.schema.as_ref()),
            Expr::Cast { to, .. } if is_type(&to.name.name) => add(to.name.schema.as_ref()),
            Expr::Op { op, .. } if members.operators.contains(&op.as_str()) => add(None),
            Expr::Op { left, right, .. } => {
                let is_of_it = |expr: &Expr| {
                    let Expr::Column(ColumnRef { target: Target::Column { relation, attnum, .. }, .. }) =
                        expr
                    else {
                        return false;
                    };
                    let column = catalog.tables.get(relation).and_then(|table| table.column_at(*attnum));
                    column.is_some_and(|column| match column.data_type.value.base {
                        TypeRef::User(oid) => members.types.contains_key(&oid),
                        _ => false,
                    })
                };
                if left.iter().any(|left| is_of_it(left)) || is_of_it(right) {
                    add(None);
                }
            }
            _ => {}
        });
        let blocks = self.block.iter();
        blocks.for_each(|block| {
            block.walk_blocks(&mut |block| {
                for declared in &block.declarations {
                    let end =
                        declared.data_type.find(['(', '[', ' ', '%']).unwrap_or(declared.data_type.len());
                    let name = declared.data_type[..end].to_lowercase();
                    let (schema, name) = match name.rsplit_once('.') {
                        Some((schema, name)) => (Some(Ident::from(schema)), name),
                        None => (None, name.as_str()),
                    };
                    if is_type(name) {
                        add(schema.as_ref());
                    }
                }
            });
        });
        uses
    }

    /// Visits every expression of the body, nested ones included.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        for statement in &self.statements {
            match &statement.kind {
                StatementKind::Query(query) => {
                    query.walk(visit);
                    query.walk_queries(&mut |query| walk_changes(&query.ctes, visit));
                }
                StatementKind::Change(change) => {
                    change.own_expressions().into_iter().for_each(|expr| expr.walk(visit));
                    walk_changes(&change.ctes, visit);
                    for cte in &change.ctes {
                        if let CteBody::Query(query) = &cte.query {
                            query.walk(visit);
                        }
                    }
                    change.source.iter().for_each(|source| source.walk(visit));
                    for item in &change.from {
                        item.each_query(&mut |query| query.walk(visit));
                    }
                }
                StatementKind::Call(expr) => expr.walk(visit),
                _ => {}
            }
        }
        self.expressions.iter().for_each(|expr| expr.walk(visit));
    }
}

/// Visits the expressions of the changes that a WITH makes.
fn walk_changes<'a>(ctes: &'a [Cte], visit: &mut dyn FnMut(&'a Expr)) {
    for cte in ctes {
        if let CteBody::Change(change) = &cte.query {
            change.own_expressions().into_iter().for_each(|expr| expr.walk(visit));
            walk_changes(&change.ctes, visit);
        }
    }
}

/// The operators of PostgreSQL that bodies are full of, and that few extensions have as well.
const OPERATORS: &[&str] = &[
    "=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "||", "->", "->>", "#>", "#>>", "@>", "?",
    "?|", "?&", "~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*", "@@", "#-",
];

/// The SQL of a text for EXECUTE, where it is known but for names and values.
fn template(command: &Expr) -> Option<String> {
    let format = match command.uncast() {
        Expr::Literal(Literal::String(text)) => return Some(text.clone()),
        Expr::Call(call) if call.name.name == "format" => match call.args.first()? {
            Expr::Literal(Literal::String(text)) => text,
            _ => return None,
        },
        _ => return None,
    };
    let mut sql = String::with_capacity(format.len());
    let mut parts = format.split('%');
    sql.push_str(parts.next()?);
    while let Some(part) = parts.next() {
        // `%I`, or `%1$I`.
        let kind = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let kind = if kind.len() < part.len() { kind.strip_prefix('$')? } else { kind };
        match kind.chars().next() {
            Some('I') => sql.push('x'),
            Some('L') => sql.push_str("'x'"),
            Some(_) => return None,
            None => {
                sql.push('%');
                sql.push_str(parts.next()?);
                continue;
            }
        }
        sql.push_str(&kind[1..]);
    }
    Some(sql)
}

/// Whether the type of a variable is one of the project's or of an extension, without its schema.
fn is_bare_type(catalog: &Catalog, text: &str) -> bool {
    let dots = text.matches('.').count();
    match text.split_once('%') {
        Some((_, kind)) if kind.trim().eq_ignore_ascii_case("rowtype") => dots == 0,
        Some(_) => dots < 2,
        None => {
            let end = text.find(['(', '[', ' ']).unwrap_or(text.len());
            let name = Ident::new(text[..end].trim_matches('"').to_lowercase());
            dots == 0
                && (catalog.types.values().any(|known| known.name.name == name)
                    || catalog.tables.values().any(|table| table.name.name == name))
        }
    }
}

/// The relations in a query's own FROM; queries nested in it are left out.
fn own_relations<'a>(query: &'a Query, visit: &mut dyn FnMut(&'a RelationRef)) {
    if let QueryBody::Select(select) = &query.body {
        select.from.iter().for_each(|item| item.walk_relations(visit));
    }
}
