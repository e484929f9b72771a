//! What queries filter, join and sort by, and what function bodies do.

use crate::catalog::Catalog;

/// The queries that a project is known to run, read once for all rules.
#[derive(Debug, Default)]
pub struct Workload {}

impl Workload {
    /// Reads policies, function bodies and views of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let _ = catalog;
        Self {}
    }
}
