//! Which findings of the base that are gone a change has mended. What something else may have hidden, or is told
//! in another way now, is no longer told and not called fixed.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::change::{AccessChange, Class, Grown, Subject};
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::predicate::Reach;
use crate::rule::Group;
use crate::rules;
use crate::sql::name::Ident;

/// What there is after a change, to hold against what is gone.
pub(super) struct Aftermath<'a> {
    before: &'a Catalog,
    after: &'a Catalog,
    /// The rules that say something more, each with the object.
    told: FxHashSet<(&'static str, Identity)>,
    /// The relations that the change opens, or of which it brings findings.
    spoiled: FxHashSet<QName>,
    /// Of those, the ones of which every row is reached now.
    opened: FxHashSet<QName>,
}

impl<'a> Aftermath<'a> {
    /// From the catalogs and findings of both sides, and what the change does to access.
    pub(super) fn new(
        (before, known): (&'a Catalog, &[Diagnostic]),
        (after, found): (&'a Catalog, &[Diagnostic]),
        changes: &[AccessChange],
    ) -> Self {
        let mut said: FxHashMap<String, ([BTreeSet<String>; 2], Severity)> = FxHashMap::default();
        for one in known.iter().flat_map(Diagnostic::each) {
            let nothing = || (Default::default(), one.own_severity());
            let ([reach, extent], severity) = said.entry(one.fingerprint()).or_insert_with(nothing);
            reach.extend(one.reach.iter().cloned());
            extent.extend(one.extent.iter().cloned());
            *severity = one.own_severity().max(*severity);
        }
        let about_security = || found.iter().flat_map(Diagnostic::each).filter(|one| is_about_security(one));
        let is_new = |one: &&Diagnostic| !said.contains_key(&one.fingerprint());
        // What is said as before stands for nothing else.
        let says_more = |one: &&Diagnostic| {
            said.get(&one.fingerprint()).is_none_or(|([reach, extent], severity)| {
                Grown::since([reach, extent], *severity, one).is_some()
            })
        };
        let told = about_security().filter(says_more).map(|one| (one.rule, one.object.clone()));
        let brought = about_security().filter(is_new).filter(|one| one.severity > Severity::Info);
        let opens = |change: &&AccessChange| {
            change.subject == Subject::Relation && matches!(change.class, Class::Dangerous | Class::Review)
        };
        let opening = || changes.iter().filter(opens);
        let to_all = opening().filter(|change| change.after == Some(Reach::All));
        Self {
            before,
            after,
            told: told.collect(),
            opened: to_all.map(|change| change.name.clone()).collect(),
            spoiled: brought
                .filter_map(relation_of)
                .chain(opening().map(|change| change.name.clone()))
                .collect(),
        }
    }

    /// Whether a finding that is gone may be so for another reason than that it was mended.
    pub(super) fn may_hide(&self, finding: &Diagnostic) -> bool {
        let object = &finding.object;
        let relation = relation_of(finding);
        let is_spoiled = |relation: &QName| self.spoiled.contains(relation);
        if is_about_speed(finding) {
            return relation.is_some_and(|relation| self.opened.contains(&relation));
        }
        is_about_security(finding)
            && (self.told.contains(&(finding.rule, object.clone()))
                || relation.as_ref().is_some_and(is_spoiled)
                || match object.kind {
                    "bucket" => is_spoiled(&QName::new("storage", "objects")),
                    "function" if !finding.reach.is_empty() => {
                        relation.is_some_and(|name| self.is_called_as_before(&name))
                    }
                    "role" => self.after.roles.get(object.name.as_str()).is_some_and(|role| role.superuser),
                    _ => false,
                }
                || finding.rule == "rls-without-policies" && self.lacks_policies(object))
    }

    /// Whether all functions of a name have the callers and the rights that they had: what may be different is
    /// what they do, which is not followed far enough to call it mended.
    fn is_called_as_before(&self, name: &QName) -> bool {
        let callers = |catalog: &Catalog, function: &Function| -> Vec<Ident> {
            catalog.callers(function).into_iter().map(|role| role.name.clone()).collect()
        };
        let calls = |catalog: &Catalog| -> Vec<(bool, Vec<Ident>)> {
            let functions = catalog.functions_named(name);
            functions.map(|function| (function.security_definer.value, callers(catalog, function))).collect()
        };
        calls(self.before) == calls(self.after)
    }

    fn lacks_policies(&self, object: &Identity) -> bool {
        let name = object.schema.as_deref().map(|schema| QName::new(schema, object.name.as_str()));
        let table = name.and_then(|name| self.after.table(&name));
        table.is_some_and(|table| table.rls.value && table.policies.is_empty())
    }
}

/// The relation or function that a finding is about.
fn relation_of(finding: &Diagnostic) -> Option<QName> {
    let object = &finding.object;
    Some(QName::new(object.schema.as_deref()?, object.name.as_str()))
}

fn is_about_security(finding: &Diagnostic) -> bool {
    rules::find(finding.rule).is_some_and(|rule| rule.group.is_security())
}

/// Whether it is about what policies cost: those that ask nothing cost nothing.
fn is_about_speed(finding: &Diagnostic) -> bool {
    rules::find(finding.rule).is_some_and(|rule| rule.group == Group::Performance)
}
