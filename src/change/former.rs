//! What findings would have been about before objects got another name: a baseline may know them so.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::change::{Renamed, RenamedPart, naming};
use crate::diagnostic::Diagnostic;

/// Of a finding whose objects had more names together than these, the others are not tried.
const MOST: usize = 64;

/// The names that tables, views and policies of a catalog had before.
pub struct Former<'c> {
    catalog: &'c Catalog,
    /// By the names of now.
    relations: FxHashMap<String, Vec<Name>>,
    /// From the name of now to the former one, and how many policies had left that one before.
    policies: Vec<(RenamedPart, usize)>,
}

/// A name that a relation had.
struct Name {
    now: QName,
    former: QName,
    /// How many others had left it before.
    nth: usize,
}

impl Name {
    fn renaming(&self) -> Renamed {
        Renamed::new(vec![(self.now.clone(), self.former.clone())], Vec::new(), Vec::new())
    }
}

/// What a baseline may know a finding by.
pub struct Known {
    pub finding: Diagnostic,
    /// How many others had the name of its object before it, and left it for another one.
    pub predecessors: usize,
}

impl<'c> Former<'c> {
    pub fn of(catalog: &'c Catalog) -> Self {
        let mut relations: FxHashMap<String, Vec<Name>> = FxHashMap::default();
        for (former, nth, now) in catalog.renamed_relations() {
            let name = Name { now: now.clone(), former: former.clone(), nth };
            relations.entry(now.to_string()).or_default().push(name);
        }
        let mut policies = Vec::new();
        for table in catalog.own_tables() {
            for policy in table.policies.values() {
                let other = policy.former.iter().filter(|(former, _)| *former != policy.name);
                policies.extend(other.map(|(former, nth)| {
                    let part = RenamedPart {
                        kind: "policy",
                        of: table.name.clone(),
                        old: policy.name.to_string(),
                        new: former.to_string(),
                    };
                    (part, *nth)
                }));
            }
        }
        Self { catalog, relations, policies }
    }

    /// How many others had the name of a finding's object before it.
    pub fn predecessors(&self, finding: &Diagnostic) -> usize {
        let object = &finding.object;
        let Some(schema) = object.schema.as_deref().filter(|_| object.kind != "function") else { return 0 };
        let name = QName::new(schema, object.name.as_str());
        let policy = self.catalog.table(&name).and_then(|table| {
            let part = object.part.as_deref().filter(|_| object.kind == "policy")?;
            Some(self.catalog.predecessors_of_policy(table, table.policies.get(part)?))
        });
        self.catalog.predecessors(&name) + policy.unwrap_or_default()
    }

    /// A finding as it would be with each of the former names of what it is about.
    pub fn of_finding(&self, finding: &Diagnostic) -> Vec<Known> {
        let mut found = vec![Known { finding: finding.clone(), predecessors: self.predecessors(finding) }];
        let is_it = |part: &RenamedPart| part.new_name(&finding.object).is_some();
        for (part, nth) in self.policies.iter().filter(|(part, _)| is_it(part)) {
            let renaming = Renamed::new(Vec::new(), Vec::new(), vec![part.clone()]);
            let relation = self.catalog.predecessors(&part.of);
            let finding = renaming.applied(finding);
            found.push(Known { finding, predecessors: nth + relation });
        }
        let variants = found.len();
        let mut renamings: Vec<Vec<&Name>> = vec![Vec::new()];
        for names in self.named_by(finding) {
            let with_each = |known: &Vec<_>| with_each(known, names);
            let more: Vec<_> = renamings.iter().flat_map(with_each).take(MOST).collect();
            renamings.extend(more);
        }
        for names in renamings.iter().filter(|names| !names.is_empty()) {
            let relations = names.iter().map(|name| (name.now.clone(), name.former.clone())).collect();
            let renaming = Renamed::new(relations, Vec::new(), Vec::new());
            let own = names.iter().find(|name| is_about(finding, &name.now));
            let of_name = |name: &&&Name| (self.catalog.predecessors(&name.now), name.nth);
            let (now, then) = own.as_ref().map(of_name).unwrap_or_default();
            let known = |one: &Known| Known {
                finding: renaming.applied(&one.finding),
                predecessors: one.predecessors - now + then,
            };
            let more: Vec<_> = found[..variants].iter().map(known).collect();
            found.extend(more);
        }
        found.retain(|one| one.finding.fingerprint() != finding.fingerprint());
        found
    }

    /// The former names of each relation that has some, and that a finding is known by.
    fn named_by(&self, finding: &Diagnostic) -> Vec<&[Name]> {
        let object = &finding.object;
        let own = object.schema.as_deref().map(|schema| QName::new(schema, object.name.as_str()).to_string());
        let mut names: BTreeSet<String> = own.into_iter().collect();
        names.extend(finding.called_by().into_iter().flat_map(naming::names).map(str::to_string));
        names.iter().filter_map(|name| self.relations.get(name)).map(Vec::as_slice).collect()
    }

    /// What a finding tells of that was called otherwise, each with the names that it had.
    pub fn of_extent(&self, finding: &Diagnostic) -> Vec<(String, Vec<String>)> {
        let formerly = |thing: &String| {
            let mut names = vec![thing.clone()];
            let called = |(part, _): &(RenamedPart, usize)| part.in_words(thing, &finding.object);
            names.extend(self.policies.iter().filter_map(called));
            for name in naming::names(thing).filter_map(|name| self.relations.get(name)).flatten() {
                let renaming = name.renaming();
                let more: Vec<_> = names.iter().map(|one| renaming.in_text(one)).collect();
                names.extend(more);
            }
            (thing.clone(), names.split_off(1))
        };
        finding.extent.iter().map(formerly).filter(|(_, names)| !names.is_empty()).collect()
    }
}

/// Some names with each of others.
fn with_each<'n>(known: &[&'n Name], names: &'n [Name]) -> Vec<Vec<&'n Name>> {
    names.iter().map(|name| [known, &[name]].concat()).collect()
}

/// Whether a finding is about a table or view, or a part of it.
fn is_about(finding: &Diagnostic, relation: &QName) -> bool {
    let object = &finding.object;
    object.kind != "function"
        && object.schema.as_deref() == Some(relation.schema.as_str())
        && object.name == *relation.name.as_str()
}
