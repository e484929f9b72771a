//! Which findings of the base that are gone a change has mended. What something else may have hidden, or is told
//! in another way now, is no longer told and not called fixed.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::change::{AccessChange, Class, Subject};
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::rule::Group;
use crate::rules;
use crate::sql::name::Ident;

/// What there is after a change, to hold against what is gone.
pub(super) struct Aftermath<'a> {
    before: &'a Catalog,
    after: &'a Catalog,
    /// The rules that still say something, each with the object.
    told: FxHashSet<(&'static str, Identity)>,
    /// The relations that the change opens, or of which it brings findings.
    spoiled: FxHashSet<QName>,
}

impl<'a> Aftermath<'a> {
    /// From the catalogs and findings of both sides, and what the change does to access.
    pub(super) fn new(
        (before, known): (&'a Catalog, &[Diagnostic]),
        (after, found): (&'a Catalog, &[Diagnostic]),
        changes: &[AccessChange],
    ) -> Self {
        let known: FxHashSet<String> =
            known.iter().flat_map(Diagnostic::each).map(Diagnostic::fingerprint).collect();
        let about_security = || found.iter().flat_map(Diagnostic::each).filter(|one| is_about_security(one));
        let brought = about_security()
            .filter(|one| one.severity > Severity::Info && !known.contains(&one.fingerprint()));
        let opens = |change: &&AccessChange| {
            change.subject == Subject::Relation && matches!(change.class, Class::Dangerous | Class::Review)
        };
        let opened = changes.iter().filter(opens).map(|change| change.name.clone());
        Self {
            before,
            after,
            told: about_security().map(|one| (one.rule, one.object.clone())).collect(),
            spoiled: brought.filter_map(relation_of).chain(opened).collect(),
        }
    }

    /// Whether a finding that is gone may be so for another reason than that it was mended.
    pub(super) fn may_hide(&self, finding: &Diagnostic) -> bool {
        let object = &finding.object;
        let is_spoiled = |relation: &QName| self.spoiled.contains(relation);
        is_about_security(finding)
            && (self.told.contains(&(finding.rule, object.clone()))
                || relation_of(finding).as_ref().is_some_and(is_spoiled)
                || match object.kind {
                    "bucket" => is_spoiled(&QName::new("storage", "objects")),
                    "function" if !finding.reach.is_empty() => {
                        relation_of(finding).is_some_and(|name| self.is_called_as_before(&name))
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
    let is_one =
        |group| matches!(group, Group::Rls | Group::Auth | Group::Api | Group::Function | Group::Platform);
    rules::find(finding.rule).is_some_and(|rule| is_one(rule.group))
}
