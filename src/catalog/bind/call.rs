//! Which function a call means, and the columns of one in FROM.

use crate::catalog::bind::Binder;
use crate::catalog::bind::result::{Output, OutputColumn};
use crate::catalog::bind::scope::{Source, rename_output};
use crate::catalog::function::{Argument, Function, Returns};
use crate::catalog::name::QName;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::sql::expr::{Alias, Call, Expr, Oid};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::ArgumentMode;

impl<'c> Binder<'c> {
    /// What a function in FROM brings. The names of an alias stand for the first columns.
    pub(super) fn function_source(&self, calls: &[Expr], alias: Option<&Alias>, ordinality: bool) -> Source {
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
    pub(super) fn row_result(&self, call: &Call) -> Option<Oid> {
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

    pub(super) fn row_of(&self, data_type: &DataType) -> Option<Oid> {
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
    pub(super) fn function_output(&self, call: &Call, alias: Option<&Alias>) -> Output {
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

    /// The function that a call means: of the first schema that has the name, the overload that
    /// takes these arguments. Where several do, the one whose types are nearest.
    pub(super) fn function(&self, call: &Call) -> Option<Oid> {
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

    /// The functions of a name in all schemas that it is looked for in.
    pub(super) fn overloads(&self, name: &ObjectName) -> Vec<&'c Function> {
        let path: Vec<Ident> = match (&name.schema, &self.search_path) {
            (Some(schema), _) => vec![schema.clone()],
            (None, Some(path)) => path.clone(),
            (None, None) => self.catalog.search_path().collect(),
        };
        let names = path.into_iter().map(|schema| QName { schema, name: name.name.clone() });
        names.flat_map(|name| self.catalog.functions_named(&name).collect::<Vec<_>>()).collect()
    }
}

/// Whether a call with these arguments can mean the function.
pub fn takes(function: &Function, args: &[Expr]) -> bool {
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
