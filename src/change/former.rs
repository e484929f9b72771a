//! What findings would have been about before objects got another name: a baseline may know them so.

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::change::{Renamed, RenamedPart, rename};
use crate::diagnostic::Diagnostic;

/// The names that tables, views and policies of a catalog had and nothing else has now.
pub struct Former {
    /// The name of now, and the former one.
    relations: Vec<(QName, QName)>,
    policies: Vec<RenamedPart>,
}

impl Former {
    pub fn of(catalog: &Catalog) -> Self {
        let relations = catalog.renamed_relations();
        let relations = relations.into_iter().map(|(former, now)| (now.clone(), former.clone())).collect();
        let mut policies = Vec::new();
        for table in catalog.own_tables() {
            for policy in table.policies.values() {
                let free = policy.former.iter().filter(|former| !table.policies.contains_key(*former));
                policies.extend(free.map(|former| RenamedPart {
                    kind: "policy",
                    of: table.name.clone(),
                    old: policy.name.to_string(),
                    new: former.to_string(),
                }));
            }
        }
        Self { relations, policies }
    }

    /// A finding as it would be about each of the former names of its object.
    pub fn of_finding(&self, finding: &Diagnostic) -> Vec<Diagnostic> {
        let mut found = vec![finding.clone()];
        let is_it = |part: &&RenamedPart| part.new_name(&finding.object).is_some();
        for part in self.policies.iter().filter(is_it) {
            found.push(renamed(finding, Renamed { parts: vec![part.clone()], ..Renamed::default() }));
        }
        for (now, former) in &self.relations {
            let relations = vec![(now.clone(), former.clone())];
            let renaming = Renamed { relations, ..Renamed::default() };
            let moved = found.iter().map(|one| renamed(one, renaming.clone()));
            found.extend(moved.filter(|one| one.object != finding.object).collect::<Vec<_>>());
        }
        found.retain(|one| one.object != finding.object);
        found
    }
}

fn renamed(finding: &Diagnostic, renamed: Renamed) -> Diagnostic {
    let mut finding = finding.clone();
    rename(&mut finding, &renamed);
    finding
}
