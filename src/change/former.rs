//! What findings would have been about before objects got another name: a baseline may know them so.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::change::{Renamed, RenamedPart, naming};
use crate::diagnostic::Diagnostic;
use crate::sql::name::Ident;

/// Of a finding whose objects had more names together than these, the others are not tried.
const MOST: usize = 64;

/// The names that tables, views, policies, columns and functions of a catalog had before.
pub struct Former<'c> {
    catalog: &'c Catalog,
    /// By the names of now.
    relations: FxHashMap<String, Vec<Name>>,
    /// From the name of now to the former one, and how many policies or columns had left that one before.
    parts: Vec<(RenamedPart, usize)>,
    /// The same of functions.
    functions: Vec<(QName, QName, usize)>,
}

/// What a finding tells of, each with the names that it had.
pub struct Formerly {
    pub extent: Vec<(String, Vec<String>)>,
    pub reach: Vec<(String, Vec<String>)>,
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
        let mut parts = Vec::new();
        for table in catalog.own_tables() {
            let part = |kind, now: &Ident, former: &Ident| RenamedPart {
                kind,
                of: table.name.clone(),
                old: now.to_string(),
                new: former.to_string(),
            };
            for policy in table.policies.values() {
                let other = policy.former.iter().filter(|(former, _)| *former != policy.name);
                parts.extend(other.map(|(former, nth)| (part("policy", &policy.name, former), *nth)));
            }
            for column in &table.columns {
                let names = catalog.former_names_of_column(table, column);
                parts.extend(names.map(|(former, nth)| (part("column", &column.name, former), nth)));
            }
        }
        let functions = catalog.own_functions().flat_map(|function| {
            let names = catalog.former_names_of_function(function);
            names.map(|(former, nth)| (function.name.clone(), former.clone(), nth))
        });
        let functions = functions.collect();
        Self { catalog, relations, parts, functions }
    }

    /// How many others had the name of a finding's object before it.
    pub fn predecessors(&self, finding: &Diagnostic) -> usize {
        let object = &finding.object;
        let Some(schema) = object.schema.as_deref() else { return 0 };
        let name = QName::new(schema, object.name.as_str());
        if object.kind == "function" {
            let functions = self.catalog.functions_named(&name);
            return functions.map(|one| self.catalog.predecessors_of_function(one)).max().unwrap_or_default();
        }
        let part = || {
            let (table, part) = self.catalog.table(&name).zip(object.part.as_deref())?;
            match object.kind {
                "policy" => Some(self.catalog.predecessors_of_policy(table, table.policies.get(part)?)),
                "column" => Some(self.catalog.predecessors_of_column(table, table.column(part)?)),
                _ => None,
            }
        };
        self.catalog.predecessors(&name) + part().unwrap_or_default()
    }

    /// A finding as it would be with each of the former names of what it is about.
    pub fn of_finding(&self, finding: &Diagnostic) -> Vec<Known> {
        let mut found = vec![Known { finding: finding.clone(), predecessors: self.predecessors(finding) }];
        let is_it = |part: &RenamedPart| part.new_name(&finding.object).is_some();
        for (part, nth) in self.parts.iter().filter(|(part, _)| is_it(part)) {
            let renaming = Renamed::new(Vec::new(), Vec::new(), vec![part.clone()]);
            let relation = self.catalog.predecessors(&part.of);
            let finding = renaming.applied(finding);
            found.push(Known { finding, predecessors: nth + relation });
        }
        let is_function = |now: &QName| finding.object.kind == "function" && is_named(finding, now);
        for (now, former, nth) in self.functions.iter().filter(|(now, ..)| is_function(now)) {
            let renaming = Renamed::new(Vec::new(), vec![(now.clone(), former.clone())], Vec::new());
            found.push(Known { finding: renaming.applied(finding), predecessors: *nth });
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
    pub fn formerly(&self, finding: &Diagnostic) -> Formerly {
        let in_words = |thing: &String| {
            let mut names = vec![thing.clone()];
            let called = |(part, _): &(RenamedPart, usize)| part.in_words(thing, &finding.object);
            names.extend(self.parts.iter().filter_map(called));
            for name in naming::names(thing).filter_map(|name| self.relations.get(name)).flatten() {
                let renaming = name.renaming();
                let more: Vec<_> = names.iter().map(|one| renaming.in_text(one)).collect();
                names.extend(more);
            }
            (thing.clone(), names.split_off(1))
        };
        let in_deed = |deed: &String| {
            let is_it = |part: &RenamedPart| part.kind == "column" && part.is_of(&finding.object);
            let of_object = self.parts.iter().filter(|(part, _)| is_it(part));
            let names = of_object.map(|(part, _)| part.in_deed(deed)).filter(|former| former != deed);
            (deed.clone(), names.collect())
        };
        let has_others = |(_, names): &(String, Vec<String>)| !names.is_empty();
        Formerly {
            extent: finding.extent.iter().map(in_words).filter(has_others).collect(),
            reach: finding.reach.iter().map(in_deed).filter(has_others).collect(),
        }
    }
}

/// Some names with each of others.
fn with_each<'n>(known: &[&'n Name], names: &'n [Name]) -> Vec<Vec<&'n Name>> {
    names.iter().map(|name| [known, &[name]].concat()).collect()
}

/// Whether a finding is about a table or view, or a part of it.
fn is_about(finding: &Diagnostic, relation: &QName) -> bool {
    finding.object.kind != "function" && is_named(finding, relation)
}

fn is_named(finding: &Diagnostic, name: &QName) -> bool {
    let object = &finding.object;
    object.schema.as_deref() == Some(name.schema.as_str()) && object.name == *name.name.as_str()
}
