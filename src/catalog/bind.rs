//! Binding: what the names in an expression or query mean at this point of the history.
//!
//! PostgreSQL resolves names when an object is made and keeps identities, so that later renames
//! are followed. A name that could mean something the catalog does not know stays
//! [`Target::Unknown`].

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::Relation;
use crate::catalog::function::{Argument, Function, FunctionKind, Returns};
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::table::Column;
use crate::catalog::types::{Attribute, DataType, TypeRef, UserTypeKind};
use crate::source::{FileId, Span};
use crate::sql::expr::{
    Alias, Call, ColumnRef, Cte, CteBody, Expr, FromItem, Literal, Oid, Query, QueryBody, RelationRef,
    ResultColumn, Sublink, SublinkKind, Target,
};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ArgumentMode, DataChange, ObjectKind, StatementKind};

/// A column of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    pub name: Ident,
    /// Where it can be told.
    pub data_type: Option<DataType>,
}

/// The columns of a result; `None` where a `*` over something unknown hides some.
pub type Output = Option<Vec<OutputColumn>>;

/// One query's FROM, for looking names up.
#[derive(Clone, Debug, Default)]
struct Frame {
    items: Vec<Item>,
    ctes: Vec<(Ident, Output)>,
    /// What `*` stands for.
    star: Output,
}

/// Something in FROM.
#[derive(Clone, Debug)]
struct Item {
    /// The name that it goes by.
    name: Ident,
    /// The schema, when it goes by a relation's own name.
    schema: Option<Ident>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// A relation; the names are its columns' unless an alias renames some.
    Relation {
        oid: Oid,
        columns: Vec<(Ident, i16, Option<DataType>)>,
        complete: bool,
        /// Whether a function returns such rows.
        result: bool,
    },
    /// A sub-select.
    Derived(Output),
    /// A function, whose columns may be more than its alias names.
    Called(Output),
}

/// Resolves names against a catalog.
pub struct Binder<'c> {
    catalog: &'c Catalog,
    frames: Vec<Frame>,
    /// Parameters and variables of the function around the query.
    variables: Vec<Ident>,
    /// In place of the session's, in a function that sets its own.
    search_path: Option<Vec<Ident>>,
    /// Names that nothing has: PostgreSQL refuses the statement.
    unfit: Vec<Misfit>,
    /// A bare name may be one of the query's own results: ORDER BY, GROUP BY.
    may_be_result: bool,
}

impl<'c> Binder<'c> {
    pub fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            frames: Vec::new(),
            variables: Vec::new(),
            search_path: None,
            unfit: Vec::new(),
            may_be_result: false,
        }
    }

    /// For an expression about the rows of one relation: a policy, a check, an index key.
    pub fn for_relation(catalog: &'c Catalog, relation: Oid) -> Self {
        let mut binder = Self::new(catalog);
        binder.push_relation(relation, &[]);
        binder
    }

    /// The same, with the rows going by other names as well: `new` and `old` in a trigger.
    pub fn for_trigger(catalog: &'c Catalog, relation: Oid) -> Self {
        let mut binder = Self::new(catalog);
        binder.push_relation(relation, &["new", "old"]);
        binder
    }

    /// Names that mean a parameter or variable where no column has them.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = Ident>) -> Self {
        self.variables.extend(variables);
        self
    }

    /// What was bound to nothing, as far as that is certain.
    pub(super) fn into_unfit(self) -> Vec<Misfit> {
        self.unfit
    }

    /// Looks bare names up along this path instead of the session's.
    #[must_use]
    pub fn with_search_path(mut self, path: Option<Vec<Ident>>) -> Self {
        self.search_path = path;
        self
    }

    /// The relation or function name as this binder's `search_path` has it.
    fn located(&self, name: &ObjectName, exists: impl Fn(&ObjectName) -> bool) -> ObjectName {
        let Some(path) = self.search_path.as_ref().filter(|_| name.schema.is_none()) else {
            return name.clone();
        };
        let in_schema = |schema: &Ident| ObjectName { schema: Some(schema.clone()), ..name.clone() };
        let implicit = Ident::new("pg_catalog");
        let found = std::iter::once(&implicit).chain(path).map(in_schema).find(exists);
        found.unwrap_or_else(|| in_schema(&implicit))
    }

    fn push_relation(&mut self, relation: Oid, names: &[&str]) {
        let mut frame = Frame::default();
        if let Some((name, schema)) = self.catalog.relation_name(relation) {
            let source = self.relation_source(relation, &[], false);
            if names.is_empty() {
                frame.items.push(Item { name, schema: Some(schema), source });
            } else {
                frame.items.extend(names.iter().map(|name| Item {
                    name: (*name).into(),
                    schema: None,
                    source: source.clone(),
                }));
            }
        }
        self.frames.push(frame);
    }

    /// The columns of a relation. A `result` has them from a function; it may also be of a composite
    /// type.
    fn relation_source(&self, oid: Oid, aliases: &[Ident], result: bool) -> Source {
        let renamed = aliases.iter().cloned().map(Some).chain(std::iter::repeat(None));
        if let Some(UserTypeKind::Composite { attributes }) =
            self.catalog.types.get(&oid).map(|one| &one.kind)
        {
            let column = |(attnum, (attribute, alias)): (i16, (&Attribute, Option<Ident>))| {
                (alias.unwrap_or_else(|| attribute.name.clone()), attnum, Some(attribute.data_type.clone()))
            };
            let columns = (1..).zip(attributes.iter().zip(renamed)).map(column).collect();
            return Source::Relation { oid, columns, complete: true, result };
        }
        let Some((columns, complete)) = self.catalog.columns_of(oid) else { return Source::Derived(None) };
        let columns = columns
            .iter()
            .zip(renamed)
            .map(|(column, alias)| {
                let data_type = Some(column.data_type.value.clone());
                (alias.unwrap_or_else(|| column.name.clone()), column.attnum, data_type)
            })
            .collect();
        Source::Relation { oid, columns, complete, result }
    }

    /// Binds what an expression refers to.
    pub fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Column(column) => {
                column.target = self.column(column);
                if column.target == Target::Unknown {
                    self.note_missing_column(column);
                }
            }
            Expr::Sublink(sublink) => {
                if let Some(test) = &mut sublink.test {
                    self.expr(test);
                }
                self.query(&mut sublink.query);
            }
            Expr::Call(call) => {
                call.args.iter_mut().for_each(|arg| self.expr(arg));
                call.target = self.function(call);
                if call.target.is_none() {
                    self.note_missing_function(call);
                }
                self.note_unfit_call(call);
                self.named_relations(call);
            }
            Expr::Field { expr, subscripts, row, .. } => {
                self.expr(expr);
                subscripts.iter_mut().for_each(|subscript| self.expr(subscript));
                if subscripts.is_empty() {
                    let data_type = self.data_type(expr).filter(|data_type| !data_type.array);
                    *row = data_type.and_then(|data_type| self.row_of(&data_type));
                }
            }
            Expr::Cast { expr, to } if to.name.name == "regclass" && to.dimensions == 0 => {
                self.expr(expr);
                self.name_relation(expr);
            }
            _ => expr.each_child_mut(&mut |child| self.expr(child)),
        }
        if let Expr::Cast { to, .. } = expr
            && !to.percent_type
            && self.catalog.resolve_type_name(&to.name).is_none()
        {
            self.unfit.push(Misfit::missing(ObjectKind::Type, &to.name));
        }
        if self.catalog.has_new_labels() {
            self.note_new_labels(expr);
        }
        self.unfit.extend(self.catalog.ill_typed(expr));
    }

    /// Notes texts that become values of an enum which the running transaction adds.
    fn note_new_labels(&mut self, expr: &Expr) {
        let pairs: Vec<(Option<DataType>, &Expr)> = match expr {
            Expr::Cast { expr, to } => {
                let to = self.catalog.resolve_data_type(to);
                let texts =
                    if let Expr::Array(items) = &**expr { items.iter().collect() } else { vec![&**expr] };
                texts.into_iter().map(|text| (Some(to.clone()), text)).collect()
            }
            Expr::Op { left: Some(left), right, .. } => {
                vec![(self.data_type(left), right), (self.data_type(right), left)]
            }
            Expr::In { expr, list, .. } => {
                let data_type = self.data_type(expr);
                list.iter().map(|text| (data_type.clone(), text)).collect()
            }
            _ => Vec::new(),
        };
        for (data_type, text) in pairs {
            let used = data_type
                .filter(|_| matches!(text, Expr::Literal(_)))
                .and_then(|data_type| self.catalog.new_label(&data_type, text));
            self.unfit.extend(used);
        }
    }

    /// The arguments of a call that name relations.
    fn named_relations(&self, call: &mut Call) {
        match call.target.and_then(|oid| self.catalog.functions.get(&oid)) {
            Some(function) => {
                for (input, arg) in function.inputs().zip(&mut call.args) {
                    if input.data_type.is_builtin("regclass") {
                        self.name_relation(arg);
                    }
                }
            }
            None if matches!(call.name.name.as_str(), "nextval" | "currval" | "setval") => {
                call.args.first_mut().into_iter().for_each(|arg| self.name_relation(arg));
            }
            None => {}
        }
    }

    /// Binds a text to the relation that it names. Only a constant is bound when it is read.
    fn name_relation(&self, expr: &mut Expr) {
        let Expr::Literal(Literal::String(text)) = expr else { return };
        let nowhere = Span::new(FileId(0), 0, 0);
        let name = crate::catalog::interpret::object_name(text, nowhere);
        let name = self.located(&name, |name| self.catalog.resolve_relation(name).is_some());
        let Some((_, relation)) = self.catalog.resolve_relation(&name) else { return };
        if let Relation::Table(oid) | Relation::View(oid) | Relation::Sequence(oid) = relation {
            *expr = Expr::Literal(Literal::Relation(std::mem::take(text), oid));
        }
    }

    /// Binds a query and tells the columns of its result.
    pub fn query(&mut self, query: &mut Query) -> Output {
        self.frames.push(Frame::default());
        for cte in &mut query.ctes {
            self.cte(cte);
        }
        let output = match &mut query.body {
            QueryBody::Select(select) => {
                let mut star = Some(Vec::new());
                for item in &mut select.from {
                    let output = self.bring(item);
                    star = star.zip(output).map(|(mut star, output)| {
                        star.extend(output);
                        star
                    });
                }
                self.frame().star = star;
                for target in &mut select.targets {
                    self.expr(&mut target.expr);
                }
                let conditions = select.filter.as_deref_mut().into_iter().chain(select.having.as_deref_mut());
                let clauses = conditions.chain(&mut select.windows);
                clauses.for_each(|expr| self.expr(expr));
                let by = select.group_by.iter_mut().chain(&mut select.distinct_on);
                self.by_result(|binder| by.for_each(|expr| binder.expr(expr)));
                self.output(&select.targets)
            }
            QueryBody::SetOperation(left, right) => {
                let output = self.query(left);
                self.query(right);
                output
            }
            QueryBody::Values(rows) => {
                rows.iter_mut().flatten().for_each(|expr| self.expr(expr));
                rows.first().map(|row| {
                    let name = |at: usize| Ident::new(format!("column{}", at + 1));
                    row.iter()
                        .enumerate()
                        .map(|(at, expr)| OutputColumn { name: name(at), data_type: self.data_type(expr) })
                        .collect()
                })
            }
        };
        let by = query.order_by.iter_mut().chain(&mut query.limits);
        self.by_result(|binder| by.for_each(|expr| binder.expr(expr)));
        self.frames.pop();
        output
    }

    /// Binds clauses in which a bare name may be a result's.
    fn by_result(&mut self, bind: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.may_be_result, true);
        bind(self);
        self.may_be_result = outer;
    }

    /// Binds a change of rows.
    pub fn change(&mut self, change: &mut DataChange) {
        self.frames.push(Frame::default());
        for cte in &mut change.ctes {
            self.cte(cte);
        }
        if let Some(source) = &mut change.source {
            self.query(source);
        }
        self.bind_relation(&mut change.table);
        if let Some(oid) = change.table.target {
            let name = change.alias.clone().unwrap_or_else(|| change.table.name.name.clone());
            let source = self.relation_source(oid, &[], false);
            let excluded = Item { name: "excluded".into(), schema: None, source: source.clone() };
            let item = Item { name, schema: change.table.name.schema.clone(), source };
            self.frame().items.push(item);
            if change.on_conflict {
                self.frame().items.push(excluded);
            }
        } else {
            self.frame().items.push(Item {
                name: change.table.name.name.clone(),
                schema: None,
                source: Source::Derived(None),
            });
        }
        for item in &mut change.from {
            self.bring(item);
        }
        for (_, expr) in &mut change.assignments {
            self.expr(expr);
        }
        let rest = change.filter.iter_mut().chain(change.returning.iter_mut().map(|column| &mut column.expr));
        rest.for_each(|expr| self.expr(expr));
        self.frames.pop();
    }

    /// Binds a statement of a function body.
    pub fn statement(&mut self, kind: &mut StatementKind) {
        match kind {
            StatementKind::Query(query) => drop(self.query(query)),
            StatementKind::Change(change) => self.change(change),
            StatementKind::Call(expr) => self.expr(expr),
            _ => {}
        }
    }

    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        self.frames.last_mut().expect("a frame was pushed")
    }

    fn cte(&mut self, cte: &mut Cte) {
        let named = |mut output: Output, names: &[Ident]| {
            if let Some(columns) = &mut output {
                columns.iter_mut().zip(names).for_each(|(column, name)| column.name = name.clone());
            }
            output
        };
        if cte.recursive {
            // The recursive term sees the columns of the first one.
            let first = match &mut cte.query {
                CteBody::Query(query) => match &mut query.body {
                    QueryBody::SetOperation(left, _) => self.query(left),
                    _ => None,
                },
                CteBody::Change(_) => None,
            };
            let output = named(first, &cte.columns);
            self.frame().ctes.push((cte.name.clone(), output));
        }
        let output = match &mut cte.query {
            CteBody::Query(query) => self.query(query),
            CteBody::Change(change) => {
                self.change(change);
                None
            }
        };
        let output = named(output, &cte.columns);
        self.frame().ctes.push((cte.name.clone(), output));
    }

    fn bind_relation(&mut self, relation: &mut RelationRef) {
        let name = self.located(&relation.name, |name| self.catalog.resolve_relation(name).is_some());
        let found = self.catalog.resolve_relation(&name);
        relation.target = match found {
            Some((_, Relation::Table(oid) | Relation::View(oid) | Relation::Sequence(oid))) => Some(oid),
            _ => None,
        };
        if found.is_none() {
            self.note_missing_relation(&relation.name);
        }
    }

    fn note_missing_relation(&mut self, name: &ObjectName) {
        let misfit = match &self.search_path {
            // `pg_catalog` is on every path, and not in the model.
            Some(_) if name.schema.is_none() && name.name.starts_with("pg_") => return,
            Some(_)
                if name.schema.is_none() && self.is_elsewhere(name, |name| self.is_own_relation(name)) =>
            {
                self.not_on_path(name, SqlState::UNDEFINED_TABLE)
            }
            _ => Misfit::missing(ObjectKind::Table, name),
        };
        self.unfit.push(misfit.at(name.span));
    }

    /// Whether a name leads to a relation that is not the platform's: `users` seldom means `auth.users`.
    fn is_own_relation(&self, name: &ObjectName) -> bool {
        self.catalog.resolve_relation(name).is_some_and(|(_, relation)| match relation {
            Relation::Table(oid) => {
                self.catalog.tables.get(&oid).is_some_and(|table| table.history.created != Origin::Platform)
            }
            _ => true,
        })
    }

    /// Whether a schema has what a bare name does not lead to.
    fn is_elsewhere(&self, name: &ObjectName, has: impl Fn(&ObjectName) -> bool) -> bool {
        let in_schema = |schema: &Ident| ObjectName { schema: Some(schema.clone()), ..name.clone() };
        self.catalog.namespaces.keys().any(|schema| has(&in_schema(schema)))
    }

    /// A bare name that the `search_path` of the function around does not lead to.
    fn not_on_path(&self, name: &ObjectName, state: SqlState) -> Misfit {
        Misfit::refused(state, format!("the search_path that the function sets does not lead to {name}"))
            .helped_by("write its schema in front of the name")
    }

    /// Notes a column that none of the relations in sight has, if all of their columns are known.
    fn note_missing_column(&mut self, column: &ColumnRef) {
        let missing = match column.path.as_slice() {
            [name] if !column.star && !self.may_be_result => self.is_nowhere(name).then(|| {
                // Of several relations in FROM, none is the one that lacks it.
                let items = self.frames.last().map_or(&[][..], |frame| frame.items.as_slice());
                match items {
                    [Item { source: Source::Relation { oid, .. }, .. }] => self.missing_in(*oid, name),
                    _ => Misfit::missing(ObjectKind::Column, name),
                }
            }),
            [.., item_name, name] if !column.star => {
                let items = self.frames.iter().rev().flat_map(|frame| &frame.items);
                let item = items.into_iter().find(|item| item.is_called(None, item_name));
                match item.map(|item| &item.source) {
                    // `row.function` calls a function on the row.
                    Some(Source::Relation { oid, complete: true, result: false, .. })
                        if !self.catalog.is_function_name(name) && !is_system_column(name) =>
                    {
                        Some(self.missing_in(*oid, name))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        self.unfit.extend(missing.map(|missing| missing.at(column.span)));
    }

    /// Notes a function whose name nothing has: no function, no type that could be cast to, and no
    /// column of the row that it is called on.
    fn note_missing_function(&mut self, call: &Call) {
        let name = self.located(&call.name, |name| self.catalog.resolve_functions(name).is_some());
        if let Some(schema) = name.schema.as_ref().filter(|schema| !self.catalog.is_schema(schema)) {
            self.unfit.push(Misfit::missing(ObjectKind::Schema, schema).at(call.name.span));
            return;
        }
        let is_column = call.args.len() == 1 && !matches!(call.args[0], Expr::Literal(_) | Expr::Call(_));
        let is_there = self.catalog.resolve_functions(&name).is_some()
            || is_builtin_function(name.name.as_str())
            || self.catalog.resolve_type_name(&name).is_some();
        if !is_there && !is_column {
            let arguments = if call.args.is_empty() { "()" } else { "(…)" };
            let misfit = match &self.search_path {
                Some(_)
                    if call.name.schema.is_none()
                        && self.is_elsewhere(&call.name, |name| {
                            self.catalog.resolve_functions(name).is_some()
                        }) =>
                {
                    self.not_on_path(&call.name, SqlState::UNDEFINED_FUNCTION)
                }
                _ => Misfit::missing(ObjectKind::Function, &name).with_suffix(arguments),
            };
            self.unfit.push(misfit.at(call.name.span));
        }
    }

    /// The functions of a name in all schemas that it is looked for in.
    fn overloads(&self, name: &ObjectName) -> Vec<&'c Function> {
        let path: Vec<Ident> = match (&name.schema, &self.search_path) {
            (Some(schema), _) => vec![schema.clone()],
            (None, Some(path)) => path.clone(),
            (None, None) => self.catalog.search_path().collect(),
        };
        let names = path.into_iter().map(|schema| QName { schema, name: name.name.clone() });
        names.flat_map(|name| self.catalog.functions_named(&name).collect::<Vec<_>>()).collect()
    }

    /// Notes a call of the project's functions that none of them takes, or that several take alike.
    fn note_unfit_call(&mut self, call: &Call) {
        let known = self.overloads(&call.name);
        let is_known = |function: &&Function| {
            function.extension.is_none()
                && function.kind == FunctionKind::Function
                && function.history.created != Origin::Platform
                && !function.inputs().any(|input| input.mode == ArgumentMode::Variadic)
        };
        let has_star = call.args.iter().any(|arg| matches!(arg, Expr::Column(column) if column.star));
        let Some(first) = known.first().map(|function| function.name.clone()) else { return };
        if has_star || is_builtin_function(&call.name.name) || !known.iter().all(is_known) {
            return;
        }
        let count = call.args.len();
        let fitting: Vec<&Function> =
            known.into_iter().filter(|function| takes(function, &call.args)).collect();
        let misfit = if fitting.is_empty() {
            let is_column = count == 1 || self.catalog.resolve_type_name(&call.name).is_some();
            let why = format!("no function {first} takes {count} arguments as they are given here");
            (!is_column).then(|| Misfit::refused(SqlState::UNDEFINED_FUNCTION, why))
        } else {
            let types = |function: &Function| -> Vec<DataType> {
                function.inputs().take(count).map(|input| input.data_type.clone()).collect()
            };
            let placed = call.args.iter().all(|arg| arg.argument_name().is_none());
            let twin = fitting.iter().enumerate().find(|(at, function)| {
                let is_twin =
                    |other: &&Function| other.name == function.name && types(other) == types(function);
                fitting[at + 1..].iter().any(is_twin)
            });
            let why =
                format!("several functions {first} take {count} arguments of these types: none is chosen");
            // Another may fit better, where there are arguments to choose by.
            let is_certain = placed && twin.is_some() && fitting.len() == 2;
            is_certain.then(|| Misfit::refused(SqlState::AMBIGUOUS_FUNCTION, why))
        };
        self.unfit.extend(misfit.map(|misfit| misfit.at(call.name.span).about(&first)));
    }

    /// Whether a bare name is no column of anything in sight, for certain.
    fn is_nowhere(&self, name: &Ident) -> bool {
        let mut sources =
            self.frames.iter().flat_map(|frame| &frame.items).map(|item| &item.source).peekable();
        let is_known = |source: &Source| match source {
            Source::Relation { complete, result, .. } => *complete && !result,
            Source::Derived(output) => output.is_some(),
            Source::Called(_) => false,
        };
        sources.peek().is_some() && sources.all(is_known) && !is_system_column(name)
    }

    fn missing_in(&self, relation: Oid, column: &Ident) -> Misfit {
        match self.catalog.relation_name(relation) {
            Some((name, schema)) => Misfit::missing_part(ObjectKind::Column, column, &QName { schema, name }),
            None => Misfit::missing(ObjectKind::Column, column),
        }
    }

    /// Binds an item of FROM. The answer is what `*` makes of it.
    fn bring(&mut self, item: &mut FromItem) -> Output {
        match item {
            FromItem::Relation { relation, alias } => {
                let name = &relation.name;
                let cte = name.schema.is_none().then(|| self.find_cte(&name.name)).flatten();
                let source = match cte {
                    Some(output) => Source::Derived(rename_output(output, alias.as_ref())),
                    None => {
                        self.bind_relation(relation);
                        let columns = alias.as_ref().map_or(&[][..], |alias| &alias.columns);
                        relation
                            .target
                            .map_or(Source::Derived(None), |oid| self.relation_source(oid, columns, false))
                    }
                };
                let (name, schema) = match alias {
                    Some(alias) => (alias.name.clone(), None),
                    None => (relation.name.name.clone(), relation.name.schema.clone()),
                };
                let output = source.output();
                self.frame().items.push(Item { name, schema, source });
                output
            }
            FromItem::Query { query, alias, lateral } => {
                // Only LATERAL sees its neighbours; CTEs are seen by all.
                let hidden = if *lateral { Vec::new() } else { std::mem::take(&mut self.frame().items) };
                let output = rename_output(self.query(query), alias.as_ref());
                let neighbours = &mut self.frame().items;
                neighbours.splice(0..0, hidden);
                let name = alias.as_ref().map_or_else(Ident::default, |alias| alias.name.clone());
                neighbours.push(Item { name, schema: None, source: Source::Derived(output.clone()) });
                output
            }
            FromItem::Function { calls, alias, ordinality } => {
                calls.iter_mut().for_each(|call| self.expr(call));
                let source = self.function_source(calls, alias.as_ref(), *ordinality);
                let output = source.output();
                let name = match (alias, calls.first()) {
                    (Some(alias), _) => alias.name.clone(),
                    (None, Some(Expr::Call(call))) => call.name.name.clone(),
                    _ => Ident::default(),
                };
                self.frame().items.push(Item { name, schema: None, source });
                output
            }
            FromItem::Join { left, right, on, using, natural, .. } => {
                let left = self.bring(left);
                let right = self.bring(right);
                if let Some(on) = on {
                    self.expr(on);
                }
                joined(left?, right?, using, *natural)
            }
        }
    }

    fn find_cte(&self, name: &Ident) -> Option<Output> {
        let ctes = self.frames.iter().rev().flat_map(|frame| frame.ctes.iter().rev());
        ctes.filter(|(cte, _)| cte == name).map(|(_, output)| output.clone()).next()
    }

    /// What a function in FROM brings. The names of an alias stand for the first columns.
    fn function_source(&self, calls: &[Expr], alias: Option<&Alias>, ordinality: bool) -> Source {
        let names = alias.map_or(&[][..], |alias| &alias.columns);
        let row = match calls {
            [Expr::Call(call)] => self.row_result(call),
            _ => None,
        };
        if let (Some(oid), false) = (row, ordinality) {
            return self.relation_source(oid, names, true);
        }
        let output = match row {
            Some(oid) => self.relation_source(oid, &[], true).output(),
            None => match calls {
                [Expr::Call(call)] => self.function_output(call, alias),
                // ROWS FROM puts the columns beside each other.
                calls => calls.iter().try_fold(Vec::new(), |mut all, call| {
                    let Expr::Call(call) = call else { return None };
                    all.extend(match self.row_result(call) {
                        Some(oid) => self.relation_source(oid, &[], true).output()?,
                        None => self.function_output(call, None)?,
                    });
                    Some(all)
                }),
            },
        };
        let Some(mut columns) = output else {
            let column = |name: &Ident| OutputColumn { name: name.clone(), data_type: None };
            return Source::Called((!names.is_empty()).then(|| names.iter().map(column).collect()));
        };
        if ordinality {
            columns
                .push(OutputColumn { name: "ordinality".into(), data_type: Some(DataType::builtin("int8")) });
        }
        Source::Called(rename_output(Some(columns), alias))
    }

    /// The relation or composite type whose rows a function returns.
    fn row_result(&self, call: &Call) -> Option<Oid> {
        if call.target.is_none() && call.name.name == "unnest" {
            let array = self.data_type(call.args.first()?).filter(|data_type| data_type.array)?;
            return self.row_of(&array);
        }
        let function = self.catalog.functions.get(&call.target?)?;
        let (Returns::Type(data_type) | Returns::SetOf(data_type)) = &function.returns else { return None };
        let is_out = |mode| matches!(mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table);
        if data_type.array || function.arguments.iter().any(|argument| is_out(argument.mode)) {
            return None;
        }
        self.row_of(data_type)
    }

    fn row_of(&self, data_type: &DataType) -> Option<Oid> {
        match data_type.base {
            TypeRef::Row(oid) => Some(oid),
            TypeRef::User(oid) => {
                let kind = &self.catalog.types.get(&oid)?.kind;
                matches!(kind, UserTypeKind::Composite { .. }).then_some(oid)
            }
            _ => None,
        }
    }

    /// The columns of a function in FROM that returns no relation's rows.
    fn function_output(&self, call: &Call, alias: Option<&Alias>) -> Output {
        let plain = |name: &str| OutputColumn { name: name.into(), data_type: None };
        // A result without columns of its own is one, called as the function is.
        let named = || alias.map_or(&call.name.name, |alias| &alias.name).clone();
        let Some(function) = call.target.and_then(|oid| self.catalog.functions.get(&oid)) else {
            return match call.name.name.as_str() {
                "unnest" => {
                    let array = self.data_type(call.args.first()?).filter(|data_type| data_type.array);
                    let data_type = array.map(|array| DataType { array: false, ..array });
                    Some(vec![OutputColumn { name: named(), data_type }])
                }
                "generate_series" | "regexp_split_to_table" | "string_to_table" | "generate_subscripts" => {
                    Some(vec![plain(&named())])
                }
                "json_each" | "jsonb_each" | "json_each_text" | "jsonb_each_text" => {
                    Some(vec![plain("key"), plain("value")])
                }
                "json_array_elements"
                | "jsonb_array_elements"
                | "json_array_elements_text"
                | "jsonb_array_elements_text" => Some(vec![plain("value")]),
                _ => None,
            };
        };
        let out = |mode| matches!(mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table);
        let columns: Vec<OutputColumn> = function
            .arguments
            .iter()
            .filter(|argument| out(argument.mode))
            .map(|argument| OutputColumn {
                name: argument.name.clone().unwrap_or_default(),
                data_type: Some(argument.data_type.clone()),
            })
            .collect();
        if !columns.is_empty() {
            return Some(columns);
        }
        let (Returns::Type(data_type) | Returns::SetOf(data_type)) = &function.returns else { return None };
        match &data_type.base {
            TypeRef::Builtin(name) if *name == "record" => None,
            _ => Some(vec![OutputColumn { name: named(), data_type: Some(data_type.clone()) }]),
        }
    }

    /// The columns of a value that is a row.
    fn columns_of_row(&self, expr: &Expr) -> Output {
        if let Expr::Column(ColumnRef { target: Target::Row { relation, .. }, .. }) = expr {
            return self.relation_source(*relation, &[], false).output();
        }
        let row = self.data_type(expr).filter(|data_type| !data_type.array)?;
        self.relation_source(self.row_of(&row)?, &[], true).output()
    }

    fn column(&self, column: &ColumnRef) -> Target {
        let path: Vec<&Ident> = column.path.iter().collect();
        match (path.as_slice(), column.star) {
            ([], _) => Target::Unknown,
            ([item], true) => self.row(None, item),
            ([schema, item], true) => self.row(Some(schema), item),
            ([name], false) => self.bare_column(name),
            ([item, name], false) => self.qualified_column(None, item, name),
            ([schema, item, name], false) => self.qualified_column(Some(schema), item, name),
            _ => Target::Unknown,
        }
    }

    fn bare_column(&self, name: &Ident) -> Target {
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let depth = depth_of(depth);
            let mut hidden = false;
            for item in &frame.items {
                match &item.source {
                    Source::Relation { oid, columns, complete, result } => {
                        if let Some((_, attnum, _)) = columns.iter().find(|(column, ..)| column == name) {
                            return target(*oid, *attnum, *result, depth);
                        }
                        hidden |= !complete;
                    }
                    Source::Derived(Some(columns)) | Source::Called(Some(columns)) => {
                        if columns.iter().any(|column| column.name == *name) {
                            return Target::Derived { depth };
                        }
                    }
                    // A function's only column goes by the function's name.
                    Source::Derived(None) | Source::Called(None) if item.name == *name => {
                        return Target::Derived { depth };
                    }
                    Source::Derived(None) | Source::Called(None) => hidden = true,
                }
            }
            if hidden {
                let variable = self.variables.contains(name);
                return if variable { Target::Variable } else { Target::Unknown };
            }
            if let Some(item) = frame.items.iter().find(|item| item.name == *name) {
                return item.row(depth);
            }
        }
        if self.variables.contains(name) { Target::Variable } else { Target::Unknown }
    }

    fn row(&self, schema: Option<&Ident>, name: &Ident) -> Target {
        let frames = self.frames.iter().rev().enumerate();
        let mut found = frames.flat_map(|(depth, frame)| frame.items.iter().map(move |item| (depth, item)));
        found
            .find(|(_, item)| item.is_called(schema, name))
            .map_or(Target::Unknown, |(depth, item)| item.row(depth_of(depth)))
    }

    fn qualified_column(&self, schema: Option<&Ident>, item_name: &Ident, name: &Ident) -> Target {
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let depth = depth_of(depth);
            let Some(item) = frame.items.iter().find(|item| item.is_called(schema, item_name)) else {
                continue;
            };
            return match &item.source {
                Source::Relation { oid, columns, result, .. } => columns
                    .iter()
                    .find(|(column, ..)| column == name)
                    .map_or(Target::Unknown, |(_, attnum, _)| target(*oid, *attnum, *result, depth)),
                Source::Derived(_) | Source::Called(_) => Target::Derived { depth },
            };
        }
        if self.variables.contains(item_name) { Target::Variable } else { Target::Unknown }
    }

    /// The function that a call means: of the first schema that has the name, the overload that
    /// takes these arguments. Where several do, the one whose types are nearest.
    fn function(&self, call: &Call) -> Option<Oid> {
        let name = self.located(&call.name, |name| self.catalog.resolve_functions(name).is_some());
        let name = self.catalog.resolve_functions(&name)?;
        let fitting = self.catalog.functions_named(&name).filter(|function| takes(function, &call.args));
        let distance = |function: &&Function| {
            let inputs: Vec<&Argument> = function.inputs().collect();
            let differs = |(at, arg): (usize, &Expr)| match arg {
                Expr::Named { name, value } => {
                    let input = inputs.iter().find(|input| input.name.as_ref() == Some(name));
                    input.is_some_and(|input| self.data_type(value).as_ref() != Some(&input.data_type))
                }
                _ => {
                    inputs.get(at).is_some_and(|input| self.data_type(arg).as_ref() != Some(&input.data_type))
                }
            };
            call.args.iter().enumerate().filter(|pair| differs(*pair)).count()
        };
        fitting.min_by_key(distance).map(|function| function.oid)
    }

    fn output(&self, targets: &[ResultColumn]) -> Output {
        let mut columns = Vec::new();
        for target in targets {
            match &target.expr {
                Expr::Column(column) if column.star => columns.extend(self.star(column)?),
                Expr::Field { expr, field: None, subscripts, .. } if subscripts.is_empty() => {
                    columns.extend(self.columns_of_row(expr)?);
                }
                expr => columns.push(OutputColumn {
                    name: target.alias.clone().unwrap_or_else(|| column_name(expr)),
                    data_type: match expr {
                        // In a result, what has no type is text.
                        Expr::Literal(Literal::Null) => Some(DataType::builtin("text")),
                        _ => self.data_type(expr),
                    },
                }),
            }
        }
        Some(columns)
    }

    fn star(&self, column: &ColumnRef) -> Output {
        let frame = self.frames.last()?;
        let items: Vec<&Item> = match column.path.as_slice() {
            [] => return frame.star.clone(),
            [schema, name] => frame.items.iter().filter(|item| item.is_called(Some(schema), name)).collect(),
            [name] => frame.items.iter().filter(|item| item.is_called(None, name)).collect(),
            _ => return None,
        };
        let mut output = Vec::new();
        for item in items {
            output.extend(item.source.output()?);
        }
        Some(output)
    }

    /// The type of a bound expression, where it is plain.
    pub fn data_type(&self, expr: &Expr) -> Option<DataType> {
        Some(match expr {
            Expr::Literal(Literal::Bool(_))
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::IsBool { .. }
            | Expr::Distinct { .. }
            | Expr::In { .. }
            | Expr::OpArray { .. }
            | Expr::Between { .. } => DataType::builtin("bool"),
            Expr::Literal(Literal::Number(number)) => DataType::builtin(number_type(number)),
            Expr::Literal(Literal::String(_)) => DataType::builtin("text"),
            Expr::Literal(Literal::Relation(..)) => DataType::builtin("regclass"),
            Expr::Cast { to, .. } => self.catalog.resolve_data_type(to),
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => {
                    let (columns, _) = self.catalog.columns_of(relation)?;
                    columns.iter().find(|column| column.attnum == attnum)?.data_type.value.clone()
                }
                Target::Derived { depth } | Target::Result { depth, .. } => {
                    self.derived_type(column, depth)?
                }
                _ => return None,
            },
            Expr::Call(call) => match call.target.and_then(|oid| self.catalog.functions.get(&oid)) {
                Some(function) => match &function.returns {
                    Returns::Type(data_type) | Returns::SetOf(data_type) => data_type.clone(),
                    _ => return None,
                },
                None => match call.name.name.as_str() {
                    "count" | "row_number" | "rank" | "dense_rank" => DataType::builtin("int8"),
                    "extract" => DataType::builtin("numeric"),
                    "date_part" | "random" => DataType::builtin("float8"),
                    "length" | "char_length" | "array_length" | "cardinality" => DataType::builtin("int4"),
                    "sum" => match self.builtin_name(call.args.first()?)?.as_str() {
                        "int2" | "int4" => DataType::builtin("int8"),
                        "int8" | "numeric" => DataType::builtin("numeric"),
                        other => DataType::builtin(other),
                    },
                    "avg" => match self.builtin_name(call.args.first()?)?.as_str() {
                        "float4" | "float8" => DataType::builtin("float8"),
                        "interval" => DataType::builtin("interval"),
                        _ => DataType::builtin("numeric"),
                    },
                    "now" | "clock_timestamp" | "statement_timestamp" => DataType::builtin("timestamptz"),
                    "lower" | "upper" | "concat" | "format" | "string_agg" | "left" | "right" | "replace"
                    | "btrim" | "md5" | "to_char" => DataType::builtin("text"),
                    "gen_random_uuid" => DataType::builtin("uuid"),
                    "bool_or" | "bool_and" => DataType::builtin("bool"),
                    "jsonb_build_object" | "jsonb_agg" | "to_jsonb" => DataType::builtin("jsonb"),
                    "max" | "min" | "date_trunc" if call.args.len() == 1 => self.data_type(&call.args[0])?,
                    _ => return None,
                },
            },
            Expr::Coalesce(list) => list.iter().find_map(|expr| self.data_type(expr))?,
            Expr::Case { arms, .. } => arms.iter().find_map(|(_, then)| self.data_type(then))?,
            Expr::Op { op, left, right } => match op.as_str() {
                "=" | "<>" | "<" | ">" | "<=" | ">=" | "~~" | "!~~" | "~~*" | "!~~*" | "~" | "~*" | "@>"
                | "<@" | "&&" | "?" => DataType::builtin("bool"),
                "->>" | "#>>" => DataType::builtin("text"),
                "+" | "-" | "*" | "/" | "%" => self.arithmetic(op, left.as_deref(), right)?,
                "||" | "->" | "#>" => left.as_ref().and_then(|left| self.data_type(left))?,
                _ => return None,
            },
            Expr::Sublink(Sublink {
                kind: SublinkKind::Exists | SublinkKind::Any | SublinkKind::All,
                ..
            }) => DataType::builtin("bool"),
            Expr::Sublink(Sublink { kind: SublinkKind::Scalar, query, .. }) => match &query.body {
                QueryBody::Select(select) => self.data_type(&select.targets.first()?.expr)?,
                _ => return None,
            },
            Expr::Array(items) => DataType { array: true, ..self.data_type(items.first()?)? },
            Expr::Field { expr, field: None, subscripts, .. } if subscripts.len() == 1 => {
                DataType { array: false, ..self.data_type(expr).filter(|data_type| data_type.array)? }
            }
            Expr::Field { expr, field: Some(field), subscripts, .. } if subscripts.is_empty() => {
                let columns = self.columns_of_row(expr)?;
                columns.into_iter().find(|column| column.name == *field)?.data_type?
            }
            Expr::Session("current_date") => DataType::builtin("date"),
            Expr::Session("current_timestamp") => DataType::builtin("timestamptz"),
            Expr::Session("localtimestamp") => DataType::builtin("timestamp"),
            Expr::Session("current_user" | "session_user" | "user" | "current_role") => {
                DataType::builtin("name")
            }
            Expr::Other("over" | "filter", parts) => self.data_type(parts.first()?)?,
            _ => return None,
        })
    }

    /// The type of a column of a sub-select or function in FROM.
    fn derived_type(&self, column: &ColumnRef, depth: u16) -> Option<DataType> {
        let (item, name) = match column.path.as_slice() {
            [name] => (None, name),
            [item, name] => (Some(item), name),
            _ => return None,
        };
        let frame = self.frames.iter().rev().nth(usize::from(depth))?;
        let items = frame.items.iter().filter(|own| item.is_none_or(|item| own.name == *item));
        let mut columns = items
            .filter(|item| !matches!(item.source, Source::Relation { result: false, .. }))
            .filter_map(|item| item.source.output())
            .flatten();
        columns.find(|column| column.name == *name)?.data_type
    }

    fn builtin_name(&self, expr: &Expr) -> Option<Ident> {
        match self.data_type(expr)? {
            DataType { base: TypeRef::Builtin(name), array: false, .. } => Some(name),
            _ => None,
        }
    }

    /// The type of a sum or product of numbers, and of times with intervals.
    fn arithmetic(&self, op: &str, left: Option<&Expr>, right: &Expr) -> Option<DataType> {
        const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "numeric", "float4", "float8"];
        let right = self.builtin_name(right)?;
        let Some(left) = left else { return Some(DataType::builtin(&right)) };
        let left = self.builtin_name(left)?;
        let rank = |name: &Ident| NUMBERS.iter().position(|number| *number == name.as_str());
        let result = match (left.as_str(), right.as_str()) {
            ("date", "int4") => "date",
            ("date", "date") if op == "-" => "int4",
            ("date", "interval") => "timestamp",
            ("timestamp" | "timestamptz", "timestamp" | "timestamptz") if op == "-" => "interval",
            ("timestamp" | "timestamptz" | "time" | "interval", "interval") => left.as_str(),
            _ => match (rank(&left)?, rank(&right)?) {
                // A float of either size with another number is a double.
                (a, b) if a != b && a.max(b) >= 4 => "float8",
                (a, b) => NUMBERS[a.max(b)],
            },
        };
        Some(DataType::builtin(result))
    }
}

impl Source {
    fn output(&self) -> Output {
        match self {
            Self::Relation { columns, complete: true, .. } => {
                let column = |(name, _, data_type): &(Ident, i16, Option<DataType>)| OutputColumn {
                    name: name.clone(),
                    data_type: data_type.clone(),
                };
                Some(columns.iter().map(column).collect())
            }
            Self::Relation { .. } => None,
            Self::Derived(output) | Self::Called(output) => output.clone(),
        }
    }
}

impl Item {
    fn is_called(&self, schema: Option<&Ident>, name: &Ident) -> bool {
        self.name == *name && schema.is_none_or(|schema| self.schema.as_ref().is_none_or(|own| own == schema))
    }

    fn row(&self, depth: u16) -> Target {
        match &self.source {
            Source::Relation { oid, result: true, .. } => Target::Result { of: *oid, attnum: 0, depth },
            Source::Relation { oid, .. } => Target::Row { relation: *oid, depth },
            Source::Derived(_) | Source::Called(_) => Target::Derived { depth },
        }
    }
}

/// Whether a function of this name is in `pg_catalog` of PostgreSQL 15, or is known to be in a later
/// one.
pub fn is_builtin_function(name: &str) -> bool {
    static NAMES: LazyLock<FxHashSet<&str>> =
        LazyLock::new(|| include_str!("builtin_functions.txt").lines().collect());
    NAMES.contains(name)
}

/// Whether every table has a column of this name (manual, 5.5).
fn is_system_column(name: &Ident) -> bool {
    ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"].iter().any(|system| name == system)
}

impl Catalog {
    /// The columns of a table or view, and whether that is all of them.
    pub fn columns_of(&self, relation: Oid) -> Option<(&[Column], bool)> {
        let table = self.tables.get(&relation).map(|table| (table.columns.as_slice(), true));
        table.or_else(|| self.views.get(&relation).map(|view| (view.columns.as_slice(), view.columns_known)))
    }

    /// The bare name and the schema of a table or view.
    pub fn relation_name(&self, relation: Oid) -> Option<(Ident, Ident)> {
        let table = self.tables.get(&relation).map(|table| &table.name);
        let name = table.or_else(|| self.views.get(&relation).map(|view| &view.name))?;
        Some((name.name.clone(), name.schema.clone()))
    }
}

/// What `*` makes of a join: the columns of USING come first, and once.
fn joined(left: Vec<OutputColumn>, right: Vec<OutputColumn>, using: &[Ident], natural: bool) -> Output {
    let has = |columns: &[OutputColumn], name: &Ident| columns.iter().any(|column| column.name == *name);
    let shared: Vec<Ident> = if natural {
        left.iter().map(|column| column.name.clone()).filter(|name| has(&right, name)).collect()
    } else {
        using.to_vec()
    };
    let mut output = Vec::new();
    for name in &shared {
        output.push(left.iter().find(|column| column.name == *name)?.clone());
    }
    output.extend(left.into_iter().chain(right).filter(|column| !shared.contains(&column.name)));
    Some(output)
}

fn target(relation: Oid, attnum: i16, result: bool, depth: u16) -> Target {
    match result {
        true => Target::Result { of: relation, attnum, depth },
        false => Target::Column { relation, attnum, depth },
    }
}

fn depth_of(frames: usize) -> u16 {
    u16::try_from(frames).unwrap_or(u16::MAX)
}

fn rename_output(mut output: Output, alias: Option<&Alias>) -> Output {
    if let (Some(columns), Some(alias)) = (&mut output, alias) {
        columns.iter_mut().zip(&alias.columns).for_each(|(column, name)| column.name = name.clone());
    }
    output
}

/// Whether a call with these arguments can mean the function.
pub(super) fn takes(function: &Function, args: &[Expr]) -> bool {
    let inputs: Vec<&Argument> = function.inputs().collect();
    let variadic = inputs.last().is_some_and(|argument| argument.mode == ArgumentMode::Variadic);
    let placed = args.iter().take_while(|arg| !matches!(arg, Expr::Named { .. })).count();
    if variadic {
        let required = inputs.iter().filter(|argument| !argument.has_default).count();
        return placed == args.len() && placed + 1 >= required;
    }
    let Some(rest) = inputs.get(placed..) else { return false };
    let named: Vec<&Ident> = args.iter().filter_map(Expr::argument_name).collect();
    let is_given = |input: &&&Argument| input.name.as_ref().is_some_and(|name| named.contains(&name));
    rest.iter().filter(is_given).count() == named.len()
        && rest.iter().all(|input| input.has_default || is_given(&input))
}

pub(super) fn number_type(number: &str) -> &'static str {
    if number.parse::<i32>().is_ok() {
        "int4"
    } else if number.parse::<i64>().is_ok() {
        "int8"
    } else {
        "numeric"
    }
}

/// The name that PostgreSQL gives to a result column without an alias (`FigureColname`).
pub fn column_name(expr: &Expr) -> Ident {
    figure_name(expr).unwrap_or("?column?".into())
}

fn figure_name(expr: &Expr) -> Option<Ident> {
    Some(match expr {
        Expr::Column(column) => column.path.last()?.clone(),
        Expr::Call(call) => call.name.name.clone(),
        Expr::Cast { expr, to } => figure_name(expr).unwrap_or_else(|| to.name.name.clone()),
        Expr::Case { default, .. } => match default.as_deref() {
            Some(default @ (Expr::Column(_) | Expr::Call(_))) => figure_name(default)?,
            _ => "case".into(),
        },
        Expr::Coalesce(_) => "coalesce".into(),
        Expr::Array(_) => "array".into(),
        Expr::Row(_) => "row".into(),
        Expr::Field { expr, field, .. } => match field {
            Some(field) => field.clone(),
            None => figure_name(expr)?,
        },
        Expr::Session(word) => (*word).into(),
        Expr::Sublink(sublink) => match sublink.kind {
            SublinkKind::Exists => "exists".into(),
            SublinkKind::Array => "array".into(),
            SublinkKind::Scalar => match &sublink.query.body {
                QueryBody::Select(select) => {
                    let target = select.targets.first()?;
                    target.alias.clone().or_else(|| figure_name(&target.expr))?
                }
                _ => return None,
            },
            SublinkKind::Any | SublinkKind::All => return None,
        },
        Expr::Other("over" | "collate" | "filter" | "ordered", parts) => figure_name(parts.first()?)?,
        Expr::Other(name @ ("nullif" | "greatest" | "least" | "grouping" | "xmlelement"), _) => {
            (*name).into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn every_clause_of_a_select_is_bound() {
        let bench = Bench::new(
            "create table t (a int, b int, c int);
             create view v as
               select distinct on (a) a, row_number() over w from t window w as (partition by b order by c);",
        );
        let view = bench.catalog.view(&QName::new("public", "v")).expect("the view is there");
        let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else { panic!() };
        let clauses: Vec<_> = select.windows.iter().chain(&select.distinct_on).collect();
        let bound = |expr: &&&Expr| matches!(expr, Expr::Column(column) if matches!(column.target, Target::Column { .. }));
        assert_eq!((clauses.len(), clauses.iter().filter(bound).count()), (3, 3));
    }

    const TABLES: &str = "create table orders (id int, customer int, note text);
        create table customers (id int, name text); create schema shop; create table shop.orders (id int, total int);";

    fn target(catalog: &Catalog, column: &ColumnRef) -> String {
        let written: Vec<_> = column.path.iter().map(|part| part.as_str()).collect();
        let written = if column.star { format!("{}.*", written.join(".")) } else { written.join(".") };
        let name = |relation: Oid| match catalog.relation_name(relation) {
            Some((name, schema)) if schema == "public" => name.to_string(),
            Some((name, schema)) => format!("{schema}.{name}"),
            None => "?".to_string(),
        };
        let meaning = match column.target {
            Target::Unknown => "unknown".to_string(),
            Target::Column { relation, attnum, depth } => {
                let columns = catalog.columns_of(relation).map(|(columns, _)| columns).unwrap_or_default();
                let column = columns.iter().find(|column| column.attnum == attnum).expect("it is a column");
                format!("{}.{} at {depth}", name(relation), column.name)
            }
            Target::Row { relation, depth } => format!("row of {} at {depth}", name(relation)),
            Target::Derived { depth } => format!("derived at {depth}"),
            Target::Result { of, attnum, depth } => format!("result {}.{attnum} at {depth}", name(of)),
            Target::Variable => "variable".to_string(),
        };
        format!("{written}: {meaning}")
    }

    /// What the columns in a view's query mean, sorted.
    fn in_view(query: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{TABLES} create view v as {query};"));
        let view = bench.catalog.view(&QName::new("public", "v")).expect("v is made");
        let mut list = Vec::new();
        view.query.as_ref().expect("v has a query").walk(&mut |expr| {
            if let Expr::Column(column) = expr {
                list.push(target(&bench.catalog, column));
            }
        });
        list.sort();
        list.dedup();
        list
    }

    /// What the columns in a policy of `orders` mean, sorted.
    fn in_policy(clause: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{TABLES} create policy p on orders using ({clause});"));
        let table = bench.catalog.table(&QName::new("public", "orders")).expect("orders is made");
        let mut list = Vec::new();
        let expr = &table.policies["p"].using.as_ref().expect("p has a clause").value;
        expr.walk(&mut |part| {
            if let Expr::Column(column) = part {
                list.push(target(&bench.catalog, column));
            }
        });
        list.sort();
        list.dedup();
        list
    }

    #[test]
    fn names_mean_the_innermost() {
        let cases: &[(&str, &[&str])] = &[
            ("note = 'x'", &["note: orders.note at 0"]),
            ("orders.note = 'x'", &["orders.note: orders.note at 0"]),
            ("public.orders.note = 'x'", &["public.orders.note: orders.note at 0"]),
            ("missing = 1", &["missing: unknown"]),
            (
                "exists (select 1 from customers c where c.id = customer)",
                &["c.id: customers.id at 0", "customer: orders.customer at 1"],
            ),
            (
                "exists (select 1 from customers c where c.id = id)",
                &["c.id: customers.id at 0", "id: customers.id at 0"],
            ),
            (
                "exists (select 1 from customers c where c.id = orders.id)",
                &["c.id: customers.id at 0", "orders.id: orders.id at 1"],
            ),
            (
                "customer in (select o.id from orders o where o.customer = orders.customer)",
                &[
                    "customer: orders.customer at 0",
                    "o.customer: orders.customer at 0",
                    "o.id: orders.id at 0",
                    "orders.customer: orders.customer at 1",
                ],
            ),
        ];
        for (clause, expected) in cases {
            assert_eq!(in_policy(clause), *expected, "{clause}");
        }
    }

    #[test]
    fn ctes_hide_tables_and_lateral_sees_what_is_before_it() {
        let cases: &[(&str, &[&str])] = &[
            (
                "with orders as (select name from customers) select name from orders",
                &["name: customers.name at 0", "name: derived at 0"],
            ),
            (
                "with recursive up as (select id from orders union all select o.id from orders o, up
                 where o.customer = up.id) select id from up",
                &[
                    "id: derived at 0",
                    "id: orders.id at 0",
                    "o.customer: orders.customer at 0",
                    "o.id: orders.id at 0",
                    "up.id: derived at 0",
                ],
            ),
            (
                "select c.name, last.note from customers c, lateral (select note from orders
                 where customer = c.id limit 1) last",
                &[
                    "c.id: customers.id at 1",
                    "c.name: customers.name at 0",
                    "customer: orders.customer at 0",
                    "last.note: derived at 0",
                    "note: orders.note at 0",
                ],
            ),
            (
                "select s.total from shop.orders s join orders using (id)",
                &["s.total: shop.orders.total at 0"],
            ),
            ("select o.a from orders as o (a)", &["o.a: orders.id at 0"]),
            ("select o from orders o", &["o: row of orders at 0"]),
            ("select o.* from orders o", &["o.*: row of orders at 0"]),
        ];
        for (query, expected) in cases {
            assert_eq!(in_view(query), *expected, "{query}");
        }
    }

    #[test]
    fn results_have_the_names_and_types_that_postgresql_gives() {
        let cases: &[(&str, &[&str])] = &[
            ("select id, note n from orders", &["1 id integer", "2 n text"]),
            ("select * from customers", &["1 id integer", "2 name text"]),
            ("select coalesce(note, '') from orders", &["1 coalesce text"]),
            ("select id::text, case when true then note end from orders", &["1 id text", "2 case text"]),
            ("select exists (select 1), now()", &["1 exists boolean", "2 now timestamp with time zone"]),
            ("values (1, 'x')", &["1 column1 integer", "2 column2 text"]),
            ("select id from orders union all select id from customers", &["1 id integer"]),
            (
                "with c (a, b) as (select id, name from customers) select * from c",
                &["1 a integer", "2 b text"],
            ),
            (
                "select c.*, o.note from customers c left join orders o on o.customer = c.id",
                &["1 id integer", "2 name text", "3 note text"],
            ),
            (
                "select * from customers join shop.orders using (id)",
                &["1 id integer", "2 name text", "3 total integer"],
            ),
            (
                "select * from (select 1 as one) x, customers natural join shop.orders",
                &["1 one integer", "2 id integer", "3 name text", "4 total integer"],
            ),
            (
                "select * from customers c join shop.orders s using (id) join orders o using (id)",
                &["1 id integer", "2 name text", "3 total integer", "4 customer integer", "5 note text"],
            ),
        ];
        for (query, expected) in cases {
            let bench = Bench::new(&format!("{TABLES} create view v as {query};"));
            assert_eq!(bench.shape("v"), *expected, "{query}");
        }
    }

    #[test]
    fn what_is_bound_follows_renames() {
        let bench = Bench::new(&format!(
            "{TABLES} create policy p on orders using (exists (select 1 from customers where customers.id = customer));
             alter table customers rename to clients; alter table clients rename id to key;
             create table customers (id int);"
        ));
        let catalog = &bench.catalog;
        let table = catalog.table(&QName::new("public", "orders")).expect("orders is made");
        let mut list = Vec::new();
        table.policies["p"].using.as_ref().expect("p has a clause").value.walk(&mut |expr| {
            if let Expr::Column(column) = expr {
                list.push(target(catalog, column));
            }
        });
        assert_eq!(list, ["customers.id: clients.key at 0", "customer: orders.customer at 1"]);
    }

    #[test]
    fn a_search_path_of_its_own_is_looked_along() {
        let bench = Bench::new(TABLES);
        let catalog = &bench.catalog;
        let view = Bench::new(&format!("{TABLES} create view v as select * from orders;"));
        let view = view.catalog.view(&QName::new("public", "v")).expect("v is made").query.clone();
        let names = |path: Option<Vec<Ident>>| {
            let mut query = view.clone().expect("v has a query");
            let output = Binder::new(catalog).with_search_path(path).query(&mut query);
            output.map(|columns| columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(names(None).expect("all is known"), ["id", "customer", "note"]);
        assert_eq!(names(Some(vec!["shop".into(), "public".into()])).expect("all is known"), ["id", "total"]);
        assert_eq!(names(Some(Vec::new())), None);
    }

    #[test]
    fn variables_stand_behind_columns() {
        let bench = Bench::new(TABLES);
        let catalog = &bench.catalog;
        let oid = catalog.table(&QName::new("public", "orders")).expect("orders is made").oid;
        let bound = |name: &str| {
            let column = ColumnRef {
                path: vec![name.into()],
                star: false,
                span: crate::source::Span::new(crate::source::FileId(0), 0, 0),
                target: Target::Unknown,
            };
            let mut expr = Expr::Column(column);
            let variables = ["note".into(), "wanted".into()];
            Binder::for_relation(catalog, oid).with_variables(variables).expr(&mut expr);
            match expr {
                Expr::Column(column) => target(catalog, &column),
                _ => String::new(),
            }
        };
        assert_eq!(bound("note"), "note: orders.note at 0");
        assert_eq!(bound("wanted"), "wanted: variable");
        assert_eq!(bound("missing"), "missing: unknown");
    }
    #[test]
    fn a_call_needs_one_function_that_takes_it() {
        let functions = "create function f(a int) returns int language sql as 'select 1';
             create function f(a text, b int default 1) returns int language sql as 'select 1';
             create function g() returns int language sql as 'select 1';
             create function g(a int default 1) returns int language sql as 'select 1';
             create function any_of(variadic a int[]) returns int language sql as 'select 1';
             create table t (a int);";
        let refused = |call: &str| {
            let bench = Bench::new(&format!("{functions} create view v as select {call} from t;"));
            bench.catalog.failures.iter().map(|failure| failure.misfit.sql_state()).collect::<Vec<_>>()
        };
        for call in ["f()", "f(1, 2, 3)", "f(a => 1, c => 2)", "public.g(1, 2)"] {
            assert_eq!(refused(call), [SqlState::UNDEFINED_FUNCTION], "{call}");
        }
        assert_eq!(refused("g()"), [SqlState::AMBIGUOUS_FUNCTION]);
        for call in ["f(1)", "f('x')", "f('x', 2)", "f(b => 1, a => 'x')", "g(1)", "any_of()", "any_of(1, 2)"]
        {
            assert_eq!(refused(call), [], "{call}");
        }
    }
}
