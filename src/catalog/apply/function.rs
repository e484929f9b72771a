//! CREATE FUNCTION, PROCEDURE and AGGREGATE; ALTER FUNCTION.

use crate::map::IndexMap;

use std::sync::Arc;

use crate::catalog::apply::setting::stored_name;
use crate::catalog::apply::signature::{is_same_type, same_types};
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::bind::Binder;
use crate::catalog::depend::Object;
use crate::catalog::function::{Argument, Function, FunctionKind, Loss, Lost, Remade, Retired, Returns};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::types::DataType;
use crate::catalog::{Catalog, Relation};
use crate::sql;
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{self, DeclaredType};
use crate::sql::statement::{
    AlterFunction, ArgumentMode, CreateAggregate, CreateFunction, FunctionAttributes, FunctionBody,
    ObjectKind, SettingValue, StatementKind, Volatility,
};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateFunction, origin: Origin) -> Applied {
    let name = catalog.creation_name(&statement.name);
    catalog.require_namespace(&name.schema)?;
    statement.arguments.iter().for_each(|argument| catalog.expect_type(&argument.data_type));
    statement.returns.iter().for_each(|written| catalog.expect_type(written));
    let arguments = arguments(catalog, &statement.arguments);
    let unfit = unfit_argument(&statement.name, statement.procedure, &arguments);
    catalog.unfit.extend(unfit);
    let returns = returns(catalog, statement, &arguments);
    let kind = match (statement.procedure, statement.window) {
        (true, _) => FunctionKind::Procedure,
        (false, true) => FunctionKind::Window,
        (false, false) => FunctionKind::Function,
    };
    let is_sql = matches!(statement.body, Some(FunctionBody::Statements { .. }));
    let is_read = catalog.session.check_function_bodies;
    let misfit = unfit_trigger_function(statement, &arguments, &returns, is_read);
    catalog.unfit.extend(misfit.map(|misfit| misfit.about(&statement.name).at(statement.name.span)));
    expect_language(catalog, statement)?;
    let language = statement.language.clone().or_else(|| is_sql.then(|| "sql".into())).unwrap_or_default();
    let body = statement.body.as_ref().map(|body| bind(catalog, body, &arguments));
    let mut function = Function {
        name_span: Some(statement.name.span),
        language,
        body,
        ..blank(catalog, name, kind, arguments, returns, origin)
    };
    set_attributes(catalog, &mut function, &statement.attributes, origin);
    if let Some(FunctionBody::Text(body)) = function.body.as_ref().filter(|_| function.language == "sql") {
        function.statements = Some(Arc::new(sql::parse_body(body)));
        expect_names(catalog, &function);
    }
    if catalog.session.check_function_bodies {
        expect_sound(catalog, &function);
        expect_rows(catalog, &function);
        if function.language == "plpgsql" {
            expect_declared_types(catalog, &function);
        }
    }
    put(catalog, function, statement.or_replace, origin)
}

/// Notes a body that PostgreSQL's parsers do not take.
fn expect_sound(catalog: &mut Catalog, function: &Function) {
    let Some(FunctionBody::Text(body)) = &function.body else { return };
    let error = match function.language.as_str() {
        "plpgsql" => {
            let block = body.block();
            let names = function.arguments.iter().filter_map(|argument| argument.name.clone());
            let names: Vec<Ident> = names.chain([function.name.name.clone()]).collect();
            plpgsql::first_error(block, &names)
        }
        "sql" if function.statements.as_ref().is_some_and(|parsed| !parsed.1) => sql::body_error(body),
        _ => None,
    };
    catalog.unfit.extend(error.map(|error| Misfit::broken(error.message, error.span)));
}

/// Notes what a body in language `sql` names in vain: PostgreSQL looks there when it makes the
/// function, unless the session says otherwise, as those of dumps do.
fn expect_names(catalog: &mut Catalog, function: &Function) {
    let Some(parsed) = function.statements.as_ref().filter(|_| catalog.session.check_function_bodies) else {
        return;
    };
    let names = function.arguments.iter().filter_map(|argument| argument.name.clone());
    let path = function.search_path();
    let mut binder = Binder::new(catalog).with_variables(names).with_search_path(path);
    for statement in &parsed.0 {
        binder.statement(&mut statement.kind.clone());
    }
    let mut unfit = binder.into_unfit();
    // It may call itself.
    unfit.retain(|misfit| !misfit.is_about(&function.name.name));
    catalog.unfit.extend(unfit);
}

/// PL/pgSQL looks for the types of variables when the function is made, with its own `search_path`.
fn expect_declared_types(catalog: &mut Catalog, function: &Function) {
    let Some(FunctionBody::Text(body)) = &function.body else { return };
    let outer = catalog.session.search_path.clone();
    if let Some(path) = function.search_path() {
        catalog.session.search_path = path;
    }
    for declared in plpgsql::declared_types(body) {
        match declared {
            DeclaredType::Named(name) => catalog.expect_type_name(&name),
            DeclaredType::Row(name) => expect_row(catalog, &name),
            // What stands before a name may be a variable of the function.
            DeclaredType::Column(relation, _) if is_argument(function, &relation) => {}
            DeclaredType::Column(relation, column) => expect_column(catalog, &relation, &column),
        }
    }
    catalog.session.search_path = outer;
}

fn is_argument(function: &Function, name: &ObjectName) -> bool {
    let first = name.schema.as_ref().unwrap_or(&name.name);
    function.name.name == *first
        || function.arguments.iter().any(|argument| argument.name.as_ref() == Some(first))
}

fn expect_row(catalog: &mut Catalog, name: &ObjectName) {
    if catalog.resolve_relation(name).is_none() {
        let misfit = catalog.blame_schema(Misfit::missing(ObjectKind::Table, name));
        catalog.unfit.push(misfit);
    }
}

fn expect_column(catalog: &mut Catalog, relation: &ObjectName, column: &Ident) {
    let Some((name, Relation::Table(oid) | Relation::View(oid))) = catalog.resolve_relation(relation) else {
        return expect_row(catalog, relation);
    };
    let is_system =
        ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"].iter().any(|system| column == system);
    if let Some((columns, true)) = catalog.columns_of(oid)
        && !is_system
        && !columns.iter().any(|known| known.name == *column)
    {
        let misfit = Misfit::missing_part(ObjectKind::Column, column, &name).at(relation.span);
        catalog.unfit.push(misfit);
    }
}

/// The languages that a project can have: those of PostgreSQL and of extensions.
const LANGUAGES: [&str; 12] = [
    "c",
    "internal",
    "plcoffee",
    "plls",
    "plperl",
    "plperlu",
    "plpgsql",
    "plpython3u",
    "plrust",
    "pltcl",
    "plv8",
    "sql",
];

fn expect_language(catalog: &mut Catalog, statement: &CreateFunction) -> Applied {
    match &statement.language {
        Some(language) if !LANGUAGES.contains(&language.as_str()) => {
            let why = format!("there is no language {language}");
            catalog.unfit.push(Misfit::refused(SqlState::UNDEFINED_OBJECT, why).about(&statement.name));
            Ok(())
        }
        None if matches!(statement.body, Some(FunctionBody::Text(_))) => {
            let why = "the function has no language: write `language plpgsql` or `language sql`";
            Err(Misfit::refused(SqlState::INVALID_FUNCTION_DEFINITION, why).about(&statement.name))
        }
        _ => Ok(()),
    }
}

pub(super) fn create_aggregate(
    catalog: &mut Catalog,
    statement: &CreateAggregate,
    origin: Origin,
) -> Applied {
    let name = catalog.creation_name(&statement.name);
    catalog.require_namespace(&name.schema)?;
    let last = statement.final_function.as_ref().and_then(|name| catalog.routines_named(name).next());
    let finished = last.and_then(|function| match &function.returns {
        Returns::Type(data_type) => Some(data_type.clone()),
        _ => None,
    });
    // The step takes the state and the arguments.
    let takes_state = |function: &&Function| function.inputs().count() == statement.arguments.len() + 1;
    let step = statement.state_function.as_ref();
    let step = step.and_then(|name| catalog.routines_named(name).find(takes_state));
    let parts = step.into_iter().chain(last).map(|function| function.oid).collect();
    let state = statement.state_type.as_ref().map(|state| catalog.resolve_data_type(state));
    let result = finished.or(state).unwrap_or_else(|| DataType::builtin("record"));
    let arguments = arguments(catalog, &statement.arguments);
    let function = Function {
        name_span: Some(statement.name.span),
        language: "internal".into(),
        volatility: Volatility::Immutable,
        parts,
        ..blank(catalog, name, FunctionKind::Aggregate, arguments, Returns::Type(result), origin)
    };
    put(catalog, function, statement.or_replace, origin)
}

/// Makes a function that makes values of a range or multirange type.
pub(super) fn create_constructor(
    catalog: &mut Catalog,
    name: &QName,
    arguments: Vec<(ArgumentMode, DataType)>,
    result: &DataType,
    strict: bool,
    origin: Origin,
) {
    let argument =
        |(mode, data_type)| Argument { name: None, mode, data_type, has_default: false, default: None };
    let arguments = arguments.into_iter().map(argument).collect();
    let owner = Ident::new("supabase_admin");
    let function = Function {
        oid: catalog.next_oid(),
        language: "internal".into(),
        volatility: Volatility::Immutable,
        strict,
        parallel: 's',
        acl: catalog.initial_acl(ObjectKind::Function, &owner, &name.schema),
        owner,
        ..blank(
            catalog,
            name.clone(),
            FunctionKind::Function,
            arguments,
            Returns::Type(result.clone()),
            origin,
        )
    };
    catalog.insert_function(function);
}

pub(super) fn alter(catalog: &mut Catalog, statement: &AlterFunction, origin: Origin) -> Applied {
    let oid = catalog.resolve_routine(&statement.object)?;
    let Some(mut function) = catalog.functions.get(&oid).cloned() else { return Ok(()) };
    set_attributes(catalog, &mut function, &statement.attributes, origin);
    function.history.touch(origin);
    catalog.functions.insert(oid, function);
    Ok(())
}

/// Binds a body of statements, as PostgreSQL does when the function is made; a text stays a text.
fn bind(catalog: &Catalog, body: &FunctionBody, arguments: &[Argument]) -> FunctionBody {
    let mut body = body.clone();
    if let FunctionBody::Statements { statements, .. } = &mut body {
        let names = || arguments.iter().filter_map(|argument| argument.name.clone());
        for statement in statements {
            Binder::new(catalog).with_variables(names()).statement(&mut statement.kind);
        }
    }
    body
}

/// A function with what holds where nothing is said.
pub(super) fn blank(
    catalog: &Catalog,
    name: QName,
    kind: FunctionKind,
    arguments: Vec<Argument>,
    returns: Returns,
    origin: Origin,
) -> Function {
    let owner = catalog.session.role.clone();
    Function {
        oid: Oid(0),
        kind,
        history: History::new(origin),
        name_span: None,
        arguments,
        returns,
        language: Ident::default(),
        body: None,
        statements: None,
        parts: Vec::new(),
        revoked: None,
        lost: Vec::new(),
        security_definer: Tracked::new(false, origin),
        volatility: Volatility::Volatile,
        strict: false,
        leakproof: false,
        parallel: 'u',
        config: IndexMap::default(),
        acl: catalog.initial_acl(ObjectKind::Function, &owner, &name.schema),
        owner,
        comment: None,
        extension: None,
        name,
    }
}

fn arguments(catalog: &Catalog, written: &[crate::sql::statement::Argument]) -> Vec<Argument> {
    let argument = |argument: &crate::sql::statement::Argument| Argument {
        name: argument.name.clone(),
        mode: argument.mode,
        data_type: catalog.resolve_data_type(&argument.data_type),
        has_default: argument.default.is_some(),
        default: argument.default.clone().map(Box::new),
    };
    written.iter().map(argument).collect()
}

/// Whether arguments lack a default behind one that has it, or share a name.
fn unfit_argument(function: &ObjectName, is_procedure: bool, arguments: &[Argument]) -> Option<Misfit> {
    let is_given =
        |argument: &&Argument| argument.is_input() || is_procedure && argument.mode != ArgumentMode::Table;
    let mut behind = arguments.iter().skip_while(|argument| !argument.has_default).filter(is_given);
    let why = if behind.any(|argument| !argument.has_default) {
        "arguments behind one with a default need defaults, too".to_string()
    } else {
        let clashes = |at: usize| arguments[..at].iter().any(|other| do_clash(&arguments[at], other));
        let twice = (0..arguments.len()).find(|at| clashes(*at))?;
        format!("{} is the name of two arguments", arguments[twice].name.as_ref()?)
    };
    let why = format!("{why}: function {function}");
    Some(Misfit::refused(SqlState::INVALID_FUNCTION_DEFINITION, why).about(function).at(function.span))
}

/// What a function of a trigger cannot be; its arguments are looked at where its body is read.
fn unfit_trigger_function(
    statement: &CreateFunction,
    arguments: &[Argument],
    returns: &Returns,
    is_read: bool,
) -> Option<Misfit> {
    let Returns::Type(result) = returns else { return None };
    let kind = ["trigger", "event_trigger"].into_iter().find(|kind| result.is_builtin(kind))?;
    let name = &statement.name;
    let why = match statement.language.as_deref() {
        Some("sql") => format!("function {name} is in SQL, which cannot return {kind}"),
        Some("plpgsql") if is_read && !arguments.is_empty() => {
            format!("function {name} returns {kind} and has arguments: those of a trigger are in TG_ARGV")
        }
        _ => return None,
    };
    Some(Misfit::refused(SqlState::INVALID_FUNCTION_DEFINITION, why))
}

/// Notes a body in SQL that ends with a statement which gives no rows.
fn expect_rows(catalog: &mut Catalog, function: &Function) {
    let Some((statements, true)) = function.statements.as_deref() else { return };
    let gives_nothing = match &function.returns {
        Returns::Nothing => true,
        Returns::Type(result) => result.is_builtin("void"),
        Returns::SetOf(_) | Returns::Table => false,
    };
    let gives_rows = |kind: &StatementKind| match kind {
        StatementKind::Query(_) => true,
        StatementKind::Change(change) => !change.returning.is_empty(),
        _ => false,
    };
    let is_function = function.kind == FunctionKind::Function;
    if gives_nothing || !is_function || statements.last().is_some_and(|last| gives_rows(&last.kind)) {
        return;
    }
    let why = format!("function {} returns something, and its last statement gives no rows", function.name);
    let misfit = Misfit::refused(SqlState::INVALID_FUNCTION_DEFINITION, why).about(&function.name);
    let span = statements.last().map(|last| last.span).or(function.name_span);
    let misfit = misfit.helped_by("end with SELECT or RETURNING, or write `returns void`");
    catalog.unfit.push(match span {
        Some(span) => misfit.at(span),
        None => misfit,
    });
}

/// Whether two arguments have one name; one that only goes in and one that only comes out may.
fn do_clash(one: &Argument, other: &Argument) -> bool {
    let goes_in = |it: &Argument| matches!(it.mode, ArgumentMode::In | ArgumentMode::Variadic);
    let comes_out = |it: &Argument| matches!(it.mode, ArgumentMode::Out | ArgumentMode::Table);
    let are_apart = goes_in(one) && comes_out(other) || comes_out(one) && goes_in(other);
    one.name.is_some() && one.name == other.name && !are_apart
}

/// The result type. OUT arguments make it where RETURNS is absent: one gives its own type, several
/// a record.
fn returns(catalog: &Catalog, statement: &CreateFunction, arguments: &[Argument]) -> Returns {
    if arguments.iter().any(|argument| argument.mode == ArgumentMode::Table) {
        return Returns::Table;
    }
    let mut out =
        arguments.iter().filter(|argument| matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut));
    match (&statement.returns, out.next(), out.next()) {
        (Some(written), ..) if written.setof => Returns::SetOf(catalog.resolve_data_type(written)),
        (Some(written), ..) => Returns::Type(catalog.resolve_data_type(written)),
        (None, Some(only), None) if !statement.procedure => Returns::Type(only.data_type.clone()),
        (None, Some(_), _) => Returns::Type(DataType::builtin("record")),
        (None, None, _) => Returns::Nothing,
    }
}

fn set_attributes(
    catalog: &Catalog,
    function: &mut Function,
    attributes: &FunctionAttributes,
    origin: Origin,
) {
    if let Some(definer) = &attributes.security_definer {
        let place = if origin.span().is_some() { Origin::Statement(definer.span) } else { origin };
        function.security_definer.set(definer.value, place);
    }
    if let Some(volatility) = attributes.volatility {
        function.volatility = volatility;
    }
    if let Some(strict) = attributes.strict {
        function.strict = strict;
    }
    if let Some(leakproof) = attributes.leakproof {
        function.leakproof = leakproof;
    }
    if let Some(parallel) = attributes.parallel {
        function.parallel = parallel;
    }
    for change in &attributes.settings {
        let name = stored_name(&change.name);
        match catalog.stored_setting(change) {
            Some(value) => {
                function.config.insert(name, Tracked::new(value, Origin::Statement(change.span)));
            }
            None if change.name.is_empty() => function.config.clear(),
            None if change.value == SettingValue::Default => {
                function.config.shift_remove(&name);
            }
            None => {}
        }
    }
}

/// The function that has the name and the arguments of a new one.
pub(in crate::catalog) fn alike(catalog: &Catalog, statement: &CreateFunction) -> Option<Oid> {
    let arguments = arguments(catalog, &statement.arguments);
    let inputs: Vec<DataType> =
        arguments.into_iter().filter(Argument::is_input).map(|argument| argument.data_type).collect();
    catalog.function_taking(&catalog.creation_name(&statement.name), &inputs)
}

/// Adds a function, or lets it replace the one with the same arguments.
///
/// What was granted, the owner and the comment stay; every attribute is as the new statement says,
/// SECURITY DEFINER and SET among them (PostgreSQL manual, CREATE FUNCTION, notes).
fn put(catalog: &mut Catalog, mut function: Function, or_replace: bool, origin: Origin) -> Applied {
    let inputs: Vec<DataType> = function.inputs().map(|argument| argument.data_type.clone()).collect();
    let Some(oid) = catalog.function_taking(&function.name, &inputs) else {
        function.oid = catalog.next_oid();
        function.lost.extend(lost_revoke(catalog, &function, origin));
        catalog.insert_function(function);
        return Ok(());
    };
    // Then it is not there to PostgreSQL.
    let is_unmade = catalog.is_never_made(&Object::Function(oid));
    let Some(old) = catalog.functions.get_mut(&oid) else { return Ok(()) };
    if !or_replace && !is_unmade {
        return Err(Misfit::exists(noun(function.kind), &function.name));
    }
    if let Some(why) = why_not_replace(old, &function).filter(|_| !is_unmade) {
        let (state, help) = match old.kind == function.kind {
            true => (SqlState::INVALID_FUNCTION_DEFINITION, DROP_FUNCTION),
            false => (SqlState::WRONG_OBJECT_TYPE, DROP_ROUTINE),
        };
        let place = old.history.last().span();
        let misfit = Misfit::refused(state, format!("{why} {}", function.name));
        return Err(misfit.about(&function.name).beside(place).helped_by(help));
    }
    if is_unmade {
        old.history = function.history.clone();
    } else {
        old.history.touch(origin);
    }
    let mut lost = std::mem::take(&mut old.lost);
    if let Some(path) = old.config.get("search_path").filter(|_| !function.config.contains_key("search_path"))
    {
        lost.push(Loss { what: Lost::SearchPath(path.value.clone()), had: path.origin, by: origin });
    }
    if old.security_definer.value && !function.security_definer.value {
        lost.push(Loss { what: Lost::SecurityDefiner, had: old.security_definer.origin, by: origin });
    }
    *old = Function {
        oid,
        history: old.history.clone(),
        owner: old.owner.clone(),
        acl: std::mem::take(&mut old.acl),
        revoked: old.revoked,
        lost,
        comment: old.comment.take(),
        extension: old.extension.take(),
        ..function
    };
    Ok(())
}

/// What was revoked from an older function of the same name, which a new one grants again.
fn lost_revoke(catalog: &mut Catalog, function: &Function, origin: Origin) -> Option<Loss> {
    let retired = catalog.retired.remove(&function.name).unwrap_or_default();
    let of_dropped =
        |old: &Retired| function.lost_revoke(&old.acl, old.revoked?, old.dropped, Remade::Dropped);
    // Where one with the same arguments was there, it is the one that is made again.
    if let Some(same) = retired.iter().rfind(|old| same_types(function.inputs(), &old.inputs)) {
        return of_dropped(same);
    }
    let of_dropped = retired.iter().rev().find_map(of_dropped);
    let overloads: Vec<&Function> = catalog.functions_named(&function.name).collect();
    let of_overload = || {
        overloads
            .iter()
            .find_map(|old| function.lost_revoke(&old.acl, old.revoked?, origin, Remade::Overloaded))
    };
    of_dropped.or_else(of_overload)
}

const DROP_FUNCTION: &str = "drop the function first, and make it again: `create or replace` keeps its arguments' names, \
     their defaults, and its return type";
const DROP_ROUTINE: &str = "drop the old one first";

fn noun(kind: FunctionKind) -> ObjectKind {
    match kind {
        FunctionKind::Procedure => ObjectKind::Procedure,
        FunctionKind::Aggregate => ObjectKind::Aggregate,
        FunctionKind::Function | FunctionKind::Window => ObjectKind::Function,
    }
}

/// What forbids a replacement (`ProcedureCreate` in the server's `pg_proc.c`).
fn why_not_replace(old: &Function, new: &Function) -> Option<&'static str> {
    if old.kind != new.kind {
        return Some("cannot change routine kind of");
    }
    let (old_row, new_row) = (row(old), row(new));
    let (old_result, new_result) = (result(old, &old_row), result(new, &new_row));
    let same_result = match (&old_result, &new_result) {
        (Some(old), Some(new)) => old.0 == new.0 && is_same_type(&old.1, &new.1),
        (old, new) => old.is_none() == new.is_none(),
    };
    // The columns of a record count, their names among them.
    let is_record = new_result.is_some_and(|(_, data_type)| data_type.is_builtin("record"));
    let same_row = old_row.len() == new_row.len()
        && old_row
            .iter()
            .zip(&new_row)
            .all(|(old, new)| old.name == new.name && is_same_type(&old.data_type, &new.data_type));
    if !same_result || (is_record && !same_row) {
        return Some("cannot change return type of existing function");
    }
    let renamed = |(old, new): (&Argument, &Argument)| old.name.is_some() && old.name != new.name;
    if old.inputs().zip(new.inputs()).any(renamed) {
        return Some("cannot change name of an input parameter of");
    }
    let defaults = |function: &Function| function.inputs().filter(|argument| argument.has_default).count();
    (defaults(new) < defaults(old)).then_some("cannot remove parameter defaults from existing function")
}

/// The arguments that make up the result.
fn row(function: &Function) -> Vec<&Argument> {
    let is_out = |argument: &&Argument| {
        matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table)
    };
    function.arguments.iter().filter(is_out).collect()
}

/// Whether a function gives a set, and of which type: RETURNS TABLE gives its only column's, or a
/// record.
fn result(function: &Function, row: &[&Argument]) -> Option<(bool, DataType)> {
    match (&function.returns, row) {
        (Returns::Nothing, _) => None,
        (Returns::Type(data_type), _) => Some((false, data_type.clone())),
        (Returns::SetOf(data_type), _) => Some((true, data_type.clone())),
        (Returns::Table, [only]) => Some((true, only.data_type.clone())),
        (Returns::Table, _) => Some((true, DataType::builtin("record"))),
    }
}

#[cfg(test)]
mod tests {
    /// What PostgreSQL refuses of a function.
    fn refused(text: &str) -> Vec<String> {
        let bench = crate::testing::Bench::new(text);
        bench.catalog.failures.iter().map(|failure| failure.misfit.to_string()).collect()
    }

    #[test]
    fn types_of_variables_are_looked_for() {
        let function = |body: &str| {
            refused(&format!(
                "create table t (id int); create function f(p t) returns int language plpgsql as $$ {body} $$;"
            ))
        };
        let missing = |what: &str| format!("{what} is not made by any statement before this one");
        assert_eq!(function("declare a missing; begin end"), [missing("type missing")]);
        assert_eq!(
            function("declare a public.missing[] := '{}'; begin end"),
            [missing("type public.missing")]
        );
        assert_eq!(function("declare a missing%rowtype; begin end"), [missing("table public.missing")]);
        assert_eq!(function("declare a t.missing%type; begin end"), [missing("column public.t.missing")]);
        assert_eq!(function("declare a missing.id%type; begin end"), [missing("table public.missing")]);
        let fine = "declare a t; b t%rowtype; c t.id%type; d p.id%type; e c%type; f c.x%type; g varchar(3); begin end";
        assert!(function(fine).is_empty());
        let unchecked = "set check_function_bodies = off; create function f() returns int language plpgsql
            as $$ declare a missing; begin end $$;";
        assert!(refused(unchecked).is_empty());
    }

    #[test]
    fn a_function_has_a_language() {
        assert_eq!(refused("create function f() returns int as 'begin end';").len(), 1);
        let unknown = "create function f() returns int language plpgsl as 'begin end';";
        assert_eq!(refused(unknown), ["there is no language plpgsl"]);
        assert!(refused("create function f() returns int return 1;").is_empty());
    }

    #[test]
    fn what_a_replacement_forgets_is_remembered() {
        let bench = crate::testing::Bench::new(
            "create function f(int) returns int language sql security definer set search_path = '' as 'select 1';
             create or replace function f(int) returns int language sql as 'select 2';
             revoke execute on function f(int) from public, anon;
             create function f(text) returns int language sql as 'select 1';
             drop function f(int);
             create function f(int) returns int language sql as 'select 1';",
        );
        let all: Vec<_> = bench.catalog.functions_named(&QName::new("public", "f")).collect();
        let kinds = |function: &Function| {
            let word = |loss: &Loss| match &loss.what {
                Lost::SearchPath(value) => format!("path {value}"),
                Lost::SecurityDefiner => "definer".to_string(),
                Lost::Revoke { grantees, how } => {
                    let names: Vec<_> = grantees.iter().map(ToString::to_string).collect();
                    format!("{how:?} {}", names.join(" "))
                }
            };
            function.lost.iter().map(word).collect::<Vec<_>>()
        };
        assert_eq!(kinds(all[0]), ["Overloaded public anon"]);
        assert_eq!(kinds(all[1]), ["Dropped public anon"]);
        let bench = crate::testing::Bench::new(
            "create function f(int) returns int language sql security definer as 'select 1';
             alter function f(int) set search_path = '';
             create or replace function f(int) returns int language sql as 'select 2';",
        );
        let all: Vec<_> = bench.catalog.functions_named(&QName::new("public", "f")).collect();
        assert_eq!(kinds(all[0]), ["path \"\"", "definer"]);
        assert!(all[0].lost_search_path().is_some());
    }

    use super::*;
    use crate::testing::Bench;

    fn function<'b>(bench: &'b Bench, name: &str) -> &'b Function {
        bench.catalog.functions_named(&QName::new("public", name)).last().unwrap()
    }

    #[test]
    fn a_replacement_keeps_grants_and_resets_attributes() {
        let bench = Bench::new(
            "create function f(a int) returns int language sql security definer stable
               set search_path = '' as 'select 1';
             comment on function f is 'one';
             revoke execute on function f(int) from public;
             create or replace function f(a integer) returns int language sql as 'select 2';",
        );
        assert_eq!(bench.catalog.gaps, []);
        let function = function(&bench, "f");
        assert!(!function.security_definer.value && function.config.is_empty());
        assert_eq!(function.volatility, Volatility::Volatile);
        assert_eq!(function.comment.as_deref(), Some("one"));
        assert!(function.acl.entry(&crate::catalog::acl::Grantee::Public).is_none());
    }

    #[test]
    fn results_follow_the_arguments() {
        let bench = Bench::new(
            "create function t() returns table (a int, b text) language sql as 'select 1, null';
             create function one(out a int) language sql as 'select 1';
             create function two(out a int, out b text) language sql as 'select 1, null';
             create procedure p(a int) language sql as 'select 1';
             create type mood as enum ('ok');
             create function rows() returns setof mood language sql as 'select null::mood';",
        );
        assert_eq!(bench.catalog.gaps, []);
        assert_eq!(function(&bench, "t").returns, Returns::Table);
        assert_eq!(function(&bench, "one").returns, Returns::Type(DataType::builtin("int4")));
        assert_eq!(function(&bench, "two").returns, Returns::Type(DataType::builtin("record")));
        assert_eq!(function(&bench, "p").returns, Returns::Nothing);
        assert!(matches!(function(&bench, "rows").returns, Returns::SetOf(_)));
    }

    #[test]
    fn a_single_column_may_be_said_in_other_words() {
        let bench = Bench::new(
            "create function f() returns table (a int) language sql as 'select 1';
             create or replace function f() returns setof int language sql as 'select 1';
             create function g(out a int) language sql as 'select 1';
             create or replace function g() returns int language sql as 'select 1';",
        );
        assert_eq!(bench.catalog.gaps, []);
    }

    #[test]
    fn settings_are_stored_as_the_server_does() {
        let bench = Bench::new(
            "create function f() returns int language sql set search_path to public, pg_temp as 'select 1';
             alter function f() set search_path = '';
             alter function f set statement_timeout = '5s';
             alter function f() security definer stable;",
        );
        assert_eq!(bench.catalog.gaps, []);
        let function = function(&bench, "f");
        let config: Vec<String> =
            function.config.iter().map(|(name, value)| format!("{name}={}", value.value)).collect();
        assert_eq!(config, ["search_path=\"\"", "statement_timeout=5s"]);
        assert!(function.security_definer.value);
    }

    #[test]
    fn what_the_server_refuses_changes_nothing() {
        let bench = Bench::new(
            "create function f(a int) returns int language sql as 'select 1';
             create or replace function f(a int) returns text language sql as 'select 1';
             create or replace function f(b int) returns int language sql as 'select 1';
             create function f(a int) returns int language sql as 'select 1';
             create procedure p(a int, inout b int) language sql as 'select 1';
             create or replace procedure p(a int, inout c int) language sql as 'select 1';",
        );
        assert_eq!(bench.reasons().len(), 4);
        assert_eq!(function(&bench, "f").returns, Returns::Type(DataType::builtin("int4")));
    }
}
