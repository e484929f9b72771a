//! Which function a signature means.

use crate::catalog::apply::Misfit;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::function::{Function, FunctionKind};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::trigger::FunctionRef;
use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::{Catalog, function};
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ArgumentMode, ObjectKind, ObjectRef, TypeName};

impl Catalog {
    /// The function, procedure or aggregate that DROP, ALTER, GRANT or COMMENT names.
    ///
    /// With a list of arguments it is the first in the `search_path` that takes these. Without one
    /// it must be the only one of its name (PostgreSQL manual, DROP FUNCTION).
    pub fn resolve_routine(&self, object: &ObjectRef) -> Result<Oid, Misfit> {
        let candidates = || self.routines_named(&object.name).filter(|routine| fits(object.kind, routine));
        let written = object.signature.as_ref().and_then(|signature| signature.arguments.as_deref());
        let Some(written) = written else {
            let mut found = candidates();
            return match (found.next(), found.next()) {
                (Some(only), None) => Ok(only.oid),
                (Some(_), Some(_)) => Err(Misfit::refused(
                    SqlState::AMBIGUOUS_FUNCTION,
                    format!("{} name {} is not unique", object.kind.noun(), object.name),
                )),
                (None, _) => Err(Misfit::missing(object.kind, &object.name)),
            };
        };
        let resolve = |list: &[&(ArgumentMode, TypeName)]| -> Vec<DataType> {
            list.iter().map(|(_, data_type)| self.resolve_data_type(data_type)).collect()
        };
        let is_input = |mode| !matches!(mode, ArgumentMode::Out | ArgumentMode::Table);
        let all = resolve(&written.iter().collect::<Vec<_>>());
        let inputs = resolve(&written.iter().filter(|(mode, _)| is_input(*mode)).collect::<Vec<_>>());
        let takes_inputs = |routine: &&Function| same_types(routine.inputs(), &inputs);
        // A procedure may also be named by all of its arguments, as the SQL standard has it.
        let takes_all = |routine: &&Function| {
            routine.kind == FunctionKind::Procedure && same_types(routine.arguments.iter(), &all)
        };
        let found = candidates().find(takes_inputs).or_else(|| candidates().find(takes_all));
        found.map(|routine| routine.oid).ok_or_else(|| {
            let types: Vec<String> = all.iter().map(|data_type| self.type_words(data_type)).collect();
            Misfit::missing(object.kind, &object.name).with_suffix(&format!("({})", types.join(", ")))
        })
    }

    /// The functions that a name can mean here, those of earlier schemas first.
    pub fn routines_named(&self, name: &ObjectName) -> impl Iterator<Item = &Function> {
        let schemas: Vec<Ident> = match &name.schema {
            Some(schema) => vec![schema.clone()],
            None => self.search_path().collect(),
        };
        let named = name.name.clone();
        let names = schemas.into_iter().map(move |schema| QName { schema, name: named.clone() });
        names.flat_map(|name| self.functions_named(&name).collect::<Vec<_>>())
    }

    /// The function of this full name that takes exactly these arguments.
    pub fn function_taking(&self, name: &QName, inputs: &[DataType]) -> Option<Oid> {
        self.functions_named(name).find(|known| same_types(known.inputs(), inputs)).map(|known| known.oid)
    }

    /// The function without arguments that a trigger calls. One that the catalog does not know
    /// keeps its name.
    pub(crate) fn resolve_trigger_function(&self, name: &ObjectName) -> FunctionRef {
        let found = self.routines_named(name).find(|routine| routine.inputs().next().is_none());
        match found {
            Some(routine) => FunctionRef { name: routine.name.clone(), oid: Some(routine.oid) },
            None if name.schema.is_none() && is_builtin_function(&name.name) => {
                FunctionRef { name: QName::new("pg_catalog", name.name.clone()), oid: None }
            }
            None => FunctionRef { name: self.creation_name(name), oid: None },
        }
    }

    /// A type in a message: its name, without modifiers.
    fn type_words(&self, data_type: &DataType) -> String {
        let base = match &data_type.base {
            TypeRef::Builtin(name) => name.to_string(),
            TypeRef::User(oid) => {
                self.types.get(oid).map_or_else(String::new, |known| known.name.to_string())
            }
            TypeRef::Row(oid) => match (self.tables.get(oid), self.views.get(oid)) {
                (Some(table), _) => table.name.to_string(),
                (None, Some(view)) => view.name.to_string(),
                (None, None) => String::new(),
            },
            TypeRef::Unknown(written) => written.clone(),
        };
        if data_type.array { format!("{base}[]") } else { base }
    }
}

fn fits(kind: ObjectKind, routine: &Function) -> bool {
    match kind {
        ObjectKind::Procedure => routine.kind == FunctionKind::Procedure,
        ObjectKind::Aggregate => routine.kind == FunctionKind::Aggregate,
        ObjectKind::Function => routine.kind != FunctionKind::Procedure,
        _ => true,
    }
}

/// Whether arguments make the signature of these types.
pub(super) fn same_types<'a>(
    arguments: impl Iterator<Item = &'a function::Argument>,
    types: &[DataType],
) -> bool {
    let mut left = types.iter();
    for argument in arguments {
        if !left.next().is_some_and(|data_type| is_same_type(&argument.data_type, data_type)) {
            return false;
        }
    }
    left.next().is_none()
}

/// Whether two types make the same signature: modifiers do not count, and an unknown type may be
/// written with its schema or without.
pub(crate) fn is_same_type(one: &DataType, other: &DataType) -> bool {
    let same_base = match (&one.base, &other.base) {
        (TypeRef::Unknown(one), TypeRef::Unknown(other)) => {
            let bare = |name: &str| name.rsplit('.').next().map(str::to_owned);
            one == other || (one.contains('.') != other.contains('.') && bare(one) == bare(other))
        }
        (one, other) => one == other,
    };
    same_base && one.array == other.array
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn signatures_choose_among_overloads() {
        let bench = Bench::new(
            "create function f(a int, out b int) language sql as 'select 1';
             create function f(a text) returns int language sql as 'select 1';
             create procedure p(a int, inout b int) language sql as 'select 1';
             drop function f(integer);
             drop function f;
             drop procedure p(int, int);
             drop function if exists f(uuid);
             create function g(a varchar(5)[]) returns int language sql as 'select 1';
             alter function g(character varying[]) rename to h;
             drop routine h(character varying(9)[]);",
        );
        assert_eq!(bench.catalog.gaps, []);
        let public = bench.catalog.functions.values().filter(|function| function.name.schema == "public");
        assert_eq!(public.count(), 0);
    }

    #[test]
    fn a_name_alone_must_be_unique() {
        let bench = Bench::new(
            "create function f(a int) returns int language sql as 'select 1';
             create function f(a text) returns int language sql as 'select 1';
             drop function f;",
        );
        assert_eq!(bench.reasons().len(), 1);
        assert_eq!(bench.reasons()[0], "function name f is not unique");
    }
}
