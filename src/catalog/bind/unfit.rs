//! Names that nothing has, and calls that nothing takes: PostgreSQL refuses the statement.

use crate::catalog::Relation;
use crate::catalog::bind::call::takes;
use crate::catalog::bind::scope::{Item, Source};
use crate::catalog::bind::{Binder, is_builtin_function};
use crate::catalog::function::{Function, FunctionKind};
use crate::catalog::misfit::{Misfit, SqlState};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::types::DataType;
use crate::sql::expr::{Call, ColumnRef, Expr, Oid};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ArgumentMode, ObjectKind};

impl<'c> Binder<'c> {
    /// Notes texts that become values of an enum which the running transaction adds.
    pub(super) fn note_new_labels(&mut self, expr: &Expr) {
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

    pub(super) fn note_missing_relation(&mut self, name: &ObjectName) {
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
    pub(super) fn is_own_relation(&self, name: &ObjectName) -> bool {
        self.catalog.resolve_relation(name).is_some_and(|(_, relation)| match relation {
            Relation::Table(oid) => {
                self.catalog.tables.get(&oid).is_some_and(|table| table.history.created != Origin::Platform)
            }
            _ => true,
        })
    }

    /// Whether a schema has what a bare name does not lead to.
    pub(super) fn is_elsewhere(&self, name: &ObjectName, has: impl Fn(&ObjectName) -> bool) -> bool {
        let in_schema = |schema: &Ident| ObjectName { schema: Some(schema.clone()), ..name.clone() };
        self.catalog.namespaces.keys().any(|schema| has(&in_schema(schema)))
    }

    /// A bare name that the `search_path` of the function around does not lead to.
    pub(super) fn not_on_path(&self, name: &ObjectName, state: SqlState) -> Misfit {
        Misfit::refused(state, format!("the search_path that the function sets does not lead to {name}"))
            .helped_by("write its schema in front of the name")
    }

    /// Notes a column that none of the relations in sight has, if all of their columns are known.
    pub(super) fn note_missing_column(&mut self, column: &ColumnRef) {
        let missing = match column.path.as_slice() {
            [name] if !column.star && !self.may_be_result => self.is_nowhere(name).then(|| {
                // Of several relations in FROM, none is the one that lacks it.
                let items = self.frames.last().map_or(&[][..], |frame| frame.items.as_slice());
                match items {
                    [Item { source: Source::Relation { oid, .. }, .. }] => self.missing_in(*oid, name),
                    [Item { source: Source::System(system, _), .. }] => system.lacks(name),
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
                    Some(Source::System(system, columns))
                        if columns.iter().all(|column| column.name != *name) && !is_system_column(name) =>
                    {
                        Some(system.lacks(name))
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
    pub(super) fn note_missing_function(&mut self, call: &Call) {
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

    /// Notes a call of the project's functions that none of them takes, or that several take alike.
    pub(super) fn note_unfit_call(&mut self, call: &Call) {
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
    pub(super) fn is_nowhere(&self, name: &Ident) -> bool {
        let mut sources =
            self.frames.iter().flat_map(|frame| &frame.items).map(|item| &item.source).peekable();
        let is_known = |source: &Source| match source {
            Source::Relation { complete, result, .. } => *complete && !result,
            Source::System(..) => true,
            Source::Derived(output) => output.is_some(),
            Source::Called(_) => false,
        };
        sources.peek().is_some() && sources.all(is_known) && !is_system_column(name)
    }

    pub(super) fn missing_in(&self, relation: Oid, column: &Ident) -> Misfit {
        match self.catalog.relation_name(relation) {
            Some((name, schema)) => Misfit::missing_part(ObjectKind::Column, column, &QName { schema, name }),
            None => Misfit::missing(ObjectKind::Column, column),
        }
    }
}

/// Whether every table has a column of this name (manual, 5.5).
pub(super) fn is_system_column(name: &Ident) -> bool {
    ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"].iter().any(|system| name == system)
}
