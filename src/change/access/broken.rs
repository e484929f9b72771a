//! Functions that no longer find what they name: each call of them fails. PostgreSQL does not know what stands in a
//! body, and lets it be dropped or renamed.

use rustc_hash::FxHashSet;

use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::change::access::Side;
use crate::change::access::cause::Effect;
use crate::change::access::step::Step;
use crate::change::access::words::few;
use crate::change::{AccessChange, Class, Renamed, Subject};
use crate::map::IndexMap;
use crate::sql::expr::{Expr, Oid, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{FunctionBody, PolicyCommand};
use crate::workload::routine::Routine;

/// The functions that a change breaks.
#[derive(Default)]
pub(super) struct Broken {
    pub(super) told: Vec<(Effect, AccessChange)>,
    /// These functions of the head, and those that call them.
    failing: FxHashSet<Oid>,
}

impl Broken {
    pub(super) fn of(before: Side<'_>, after: Side<'_>, renamed: &Renamed) -> Self {
        let signed = |function| (renamed.signature(&Function::signature(function, before.catalog)), function);
        let was: IndexMap<String, &Function> = before.catalog.own_functions().map(signed).collect();
        let mut found = Vec::new();
        for function in after.catalog.own_functions() {
            let signature = function.signature(after.catalog);
            let earlier = was.get(&signature).filter(|earlier| has_same_body(earlier, function));
            let lost = earlier.and_then(|earlier| lost((earlier, before), (function, after)));
            found.extend(lost.map(|lost| (function, signature, lost)));
        }
        if found.is_empty() {
            return Self::default();
        }
        let failing = with_callers(found.iter().map(|(function, ..)| function.oid).collect(), after);
        let told = found.into_iter().map(|(function, signature, lost)| {
            let asking = asking(after.catalog, &with_callers(FxHashSet::from_iter([function.oid]), after));
            let asking = match asking.as_slice() {
                [] => String::new(),
                names => format!("; policies of {} ask it", few(names, "table")),
            };
            let message = format!("each call of {signature} fails now, without {lost}{asking}");
            let callers = after.catalog.callers(function).into_iter();
            let roles = callers.map(|role| role.name.to_string()).collect();
            let change =
                AccessChange::new(Subject::Function, function.name.clone(), Class::Breaking, message);
            (Effect::Broken(signature), AccessChange { roles, ..change })
        });
        Self { told: told.collect(), failing }
    }

    /// Whether policies that have a say in what a role does ask a function that fails: which rows these let through
    /// is no longer the question.
    pub(super) fn decides(&self, after: Side<'_>, name: &QName, step: &Step) -> bool {
        let Some((table, role)) = after.catalog.table(name).zip(after.catalog.roles.get(step.role.as_str()))
        else {
            return false;
        };
        table.rls.value
            && table.policies.values().any(|policy| {
                (policy.covers(step.command) || policy.covers(PolicyCommand::Select))
                    && after.catalog.policy_binds(policy, role)
                    && policy.expressions().any(|expr| calls_any(expr, &self.failing))
            })
    }
}

/// How many names in a function's body mean nothing.
pub(super) fn count_in_vain(catalog: &Catalog, signature: &str) -> Option<usize> {
    let function = catalog.own_functions().find(|function| function.signature(catalog) == *signature)?;
    let names = Named::of(&Routine::read(catalog, function));
    let relations = names.relations.iter().filter(|(_, target)| target.is_none()).count();
    Some(relations + names.columns.iter().filter(|(_, target)| *target == Target::Unknown).count())
}

fn has_same_body(one: &Function, other: &Function) -> bool {
    match (&one.body, &other.body) {
        (Some(FunctionBody::Text(one)), Some(FunctionBody::Text(other))) => one.text == other.text,
        _ => false,
    }
}

/// What a body names, in the order written, with what that means.
struct Named {
    relations: Vec<(Ident, Option<Oid>)>,
    columns: Vec<(Ident, Target)>,
}

impl Named {
    fn of(routine: &Routine) -> Self {
        let (mut relations, mut columns) = (Vec::new(), Vec::new());
        routine.walk_relations(&mut |relation| relations.push((relation.name.name.clone(), relation.target)));
        routine.walk(&mut |part| {
            if let Expr::Column(column) = part
                && let Some(name) = column.path.last()
            {
                columns.push((name.clone(), column.target));
            }
        });
        Self { relations, columns }
    }
}

/// What a body named before and names in vain now, in words.
fn lost(
    (earlier, before): (&Function, Side<'_>),
    (function, after): (&Function, Side<'_>),
) -> Option<String> {
    let was = Named::of(before.workload.routines.get(&earlier.oid)?);
    let is = Named::of(after.workload.routines.get(&function.oid)?);
    if was.relations.len() != is.relations.len() || was.columns.len() != is.columns.len() {
        return None;
    }
    let mut lost: Vec<String> = Vec::new();
    for ((_, was), (_, is)) in was.relations.iter().zip(&is.relations) {
        let name = was.filter(|_| is.is_none()).and_then(|oid| before.catalog.relation_name(oid));
        let name = name.map(|(name, schema)| QName::new(schema, name));
        lost.extend(
            name.filter(|name| !after.catalog.may_have_changed(name, Aspect::Existence))
                .map(|name| name.quoted()),
        );
    }
    if lost.is_empty() {
        for ((name, was), (_, is)) in was.columns.iter().zip(&is.columns) {
            let Target::Column { relation, .. } = was else { continue };
            let table = before.catalog.tables.get(relation).filter(|_| *is == Target::Unknown);
            let is_certain = |table: &QName| !after.catalog.may_have_changed(table, Aspect::Shape);
            let table = table.filter(|table| is_certain(&table.name));
            lost.extend(table.map(|table| format!("column {} of {}", name.quoted(), table.name)));
        }
    }
    let mut seen = FxHashSet::default();
    lost.retain(|name| seen.insert(name.clone()));
    (!lost.is_empty()).then(|| in_words(&lost, "and"))
}

/// Functions with those that call them.
fn with_callers(mut functions: FxHashSet<Oid>, side: Side<'_>) -> FxHashSet<Oid> {
    loop {
        let calls = |routine: &Routine| {
            let mut calls = false;
            routine.walk(&mut |part| {
                calls |= matches!(part, Expr::Call(call) if call.target.is_some_and(|oid| functions.contains(&oid)));
            });
            calls
        };
        let more =
            side.workload.routines.iter().filter(|(oid, routine)| !functions.contains(oid) && calls(routine));
        let more: Vec<Oid> = more.map(|(oid, _)| *oid).collect();
        if more.is_empty() {
            return functions;
        }
        functions.extend(more);
    }
}

fn calls_any(expr: &Expr, functions: &FxHashSet<Oid>) -> bool {
    expr.any(
        &|part| matches!(part, Expr::Call(call) if call.target.is_some_and(|oid| functions.contains(&oid))),
    )
}

/// The tables whose policies call one of these.
fn asking(catalog: &Catalog, functions: &FxHashSet<Oid>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (table, policy) in catalog.own_policies() {
        let name = table.name.quoted();
        if policy.expressions().any(|expr| calls_any(expr, functions)) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
