//! Binding: what the names in an expression or query mean at this point of the history.
//!
//! PostgreSQL resolves names when an object is made and keeps identities, so that later renames
//! are followed. A name that could mean something the catalog does not know stays
//! [`Target::Unknown`].

mod call;
mod data_type;
mod result;
mod scope;
mod system;
#[cfg(test)]
mod tests;
mod unfit;

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

pub use crate::catalog::bind::call::takes;
pub use crate::catalog::bind::data_type::number_type;
pub use crate::catalog::bind::result::{Output, OutputColumn, column_name};
use crate::catalog::bind::scope::{Frame, Item, Source, joined, rename_output};
use crate::catalog::bind::system::SystemRelation;
use crate::catalog::misfit::Misfit;
use crate::catalog::table::Column;
use crate::catalog::{Catalog, Relation};
use crate::source::{FileId, Span};
use crate::sql::expr::{
    Call, Cte, CteBody, Expr, FromItem, Literal, Oid, Query, QueryBody, RelationRef, Target,
};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{DataChange, ObjectKind, StatementKind};

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
                        match (relation.target, SystemRelation::named(&relation.name)) {
                            (Some(oid), _) => self.relation_source(oid, columns, false),
                            (None, Some(system)) => Source::System(system, system.columns(columns)),
                            (None, None) => Source::Derived(None),
                        }
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
}

/// Whether a function of this name is in `pg_catalog` of PostgreSQL 15, or is known to be in a later
/// one.
pub fn is_builtin_function(name: &str) -> bool {
    static NAMES: LazyLock<FxHashSet<&str>> =
        LazyLock::new(|| include_str!("builtin_functions.txt").lines().collect());
    NAMES.contains(name)
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
