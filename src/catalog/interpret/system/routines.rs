//! Functions, and the triggers that call them.

use crate::catalog::Catalog;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::function::{Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::interpret::system::rights::acl;
use crate::catalog::interpret::system::{Row, Wanted, row};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::name::QName;
use crate::catalog::trigger::Trigger;
use crate::sql::expr::Oid;
use crate::sql::statement::{FunctionBody, ObjectKind, TriggerEvent, TriggerTiming, Volatility};

/// The functions of the wanted name; all where none is wanted.
pub(super) fn functions_wanted<'c>(catalog: &'c Catalog, wanted: &Wanted, name: &str) -> Vec<&'c Function> {
    match wanted.in_schemas(catalog, name, |qname| Some(catalog.functions_named(qname).collect::<Vec<_>>())) {
        Some(named) => named.into_iter().flatten().collect(),
        None => catalog.functions.values().collect(),
    }
}

/// The name of a result's type, as `regtype` prints it.
pub(super) fn returned(catalog: &Catalog, function: &Function) -> Value {
    match &function.returns {
        Returns::Type(data_type) | Returns::SetOf(data_type) => Value::text(data_type.display(catalog)),
        Returns::Nothing => Value::text("void"),
        Returns::Table => Value::Something,
    }
}

/// The types of a function's inputs, as `oidvectortypes()` prints them.
pub(super) fn input_types(catalog: &Catalog, function: &Function) -> String {
    let types: Vec<String> = function.inputs().map(|input| input.data_type.display(catalog)).collect();
    types.join(", ")
}

pub(super) fn functions(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = functions_wanted(catalog, wanted, "proname").into_iter();
    // Of PostgreSQL's own functions, what they are called.
    let built_in = wanted.text("proname").filter(|name| is_builtin_function(name)).map(|name| {
        row([
            ("proname", Value::text(name)),
            ("pronamespace", Value::Object(Object::Namespace("pg_catalog".into()))),
        ])
    });
    let own = all.map(|function| {
        let kind = match function.kind {
            FunctionKind::Function => "f",
            FunctionKind::Procedure => "p",
            FunctionKind::Aggregate => "a",
            FunctionKind::Window => "w",
        };
        let config: Vec<Value> = function
            .config
            .iter()
            .map(|(name, value)| Value::text(format!("{name}={}", value.value)))
            .collect();
        row([
            ("oid", Value::Object(Object::Function(function.oid))),
            ("proname", Value::text(&function.name.name)),
            ("pronamespace", Value::Object(Object::Namespace(function.name.schema.clone()))),
            ("prokind", Value::text(kind)),
            ("prosecdef", Value::Bool(function.security_definer.value)),
            ("proconfig", if config.is_empty() { Value::Null } else { Value::List(config) }),
            ("proowner", Value::Object(Object::Role(function.owner.clone()))),
            ("pronargs", i64::try_from(function.inputs().count()).map_or(Value::Unknown, Value::Number)),
            ("prolang", Value::Something),
            ("prorettype", returned(catalog, function)),
            (
                "proacl",
                match catalog.may_have_changed(&function.name, Aspect::Execute) {
                    true => Value::Unknown,
                    false => acl(&function.acl, ObjectKind::Function, &function.owner),
                },
            ),
            ("proargtypes", Value::text(input_types(catalog, function))),
            ("prosrc", source(function)),
            ("provolatile", Value::text(volatility(function))),
            ("proretset", Value::Bool(matches!(function.returns, Returns::SetOf(_) | Returns::Table))),
        ])
    });
    own.chain(built_in).collect()
}

/// The text of a body.
pub(super) fn source(function: &Function) -> Value {
    match &function.body {
        Some(FunctionBody::Text(body)) => Value::text(&*body.text),
        _ => Value::Something,
    }
}

pub(super) fn volatility(function: &Function) -> &'static str {
    match function.volatility {
        Volatility::Immutable => "i",
        Volatility::Stable => "s",
        Volatility::Volatile => "v",
    }
}

pub(super) fn routines(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = functions_wanted(catalog, wanted, "routine_name").into_iter();
    let all = all.filter(|function| function.kind != FunctionKind::Aggregate);
    all.map(|function| {
        let kind = if function.kind == FunctionKind::Procedure { "PROCEDURE" } else { "FUNCTION" };
        row([
            ("routine_schema", Value::text(&function.name.schema)),
            ("routine_name", Value::text(&function.name.name)),
            ("specific_schema", Value::text(&function.name.schema)),
            ("routine_type", Value::text(kind)),
            (
                "security_type",
                Value::text(if function.security_definer.value { "DEFINER" } else { "INVOKER" }),
            ),
            ("routine_definition", source(function)),
            ("external_language", Value::text(function.language.to_uppercase())),
        ])
    })
    .collect()
}

/// Each trigger with what it stands on.
pub(super) fn each_trigger<'c>(
    catalog: &'c Catalog,
    wanted: &Wanted,
    name: &str,
    (on, identity): (&str, &str),
) -> Vec<(Oid, &'c QName, &'c Trigger)> {
    let tables = wanted.tables(catalog, on, identity).into_iter();
    let tables = tables.map(|table| (table.oid, &table.name, &table.triggers));
    let views = wanted.views(catalog, on).into_iter();
    let views = views.filter(|view| wanted.relation(identity).is_none_or(|oid| oid == view.oid));
    let all = tables.chain(views.map(|view| (view.oid, &view.name, &view.triggers)));
    all.flat_map(|(oid, on, triggers)| {
        wanted.named(triggers, name).into_iter().map(move |trigger| (oid, on, trigger))
    })
    .collect()
}

pub(super) fn triggers(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = each_trigger(catalog, wanted, "tgname", ("", "tgrelid")).into_iter();
    all.map(|(oid, _, trigger)| {
        let function =
            trigger.function.oid.map_or(Value::Something, |oid| Value::Object(Object::Function(oid)));
        row([
            ("tgname", Value::text(&trigger.name)),
            ("tgrelid", Value::Object(Object::Relation(oid))),
            ("tgisinternal", Value::Bool(false)),
            ("tgenabled", Value::text(trigger.enabled.to_string())),
            ("tgfoid", function),
        ])
    })
    .collect()
}

/// A row for each event; those of TRUNCATE are not listed there (measured).
pub(super) fn information_triggers(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let all = each_trigger(catalog, wanted, "trigger_name", ("event_object_table", "")).into_iter();
    all.flat_map(|(_, on, trigger)| {
        let events = trigger.events.iter().filter_map(|event| match event {
            TriggerEvent::Insert => Some("INSERT"),
            TriggerEvent::Update => Some("UPDATE"),
            TriggerEvent::Delete => Some("DELETE"),
            TriggerEvent::Truncate => None,
        });
        let timing = match trigger.timing {
            TriggerTiming::Before => "BEFORE",
            TriggerTiming::After => "AFTER",
            TriggerTiming::InsteadOf => "INSTEAD OF",
        };
        events.map(move |event| {
            row([
                ("trigger_schema", Value::text(&on.schema)),
                ("trigger_name", Value::text(&trigger.name)),
                ("event_object_schema", Value::text(&on.schema)),
                ("event_object_table", Value::text(&on.name)),
                ("event_manipulation", Value::text(event)),
                ("action_timing", Value::text(timing)),
                ("action_orientation", Value::text(if trigger.for_each_row { "ROW" } else { "STATEMENT" })),
            ])
        })
    })
    .collect()
}
