//! What queries filter, join and sort by, and what function bodies do.

pub mod answer;
pub mod capture;
pub mod effect;
pub mod filter;
pub mod identity;
pub mod outright;
pub mod routine;

use crate::map::IndexMap;
use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::origin::Origin;
use crate::sql::expr::Oid;
use crate::workload::filter::Filter;
use crate::workload::identity::Asking;
use crate::workload::routine::Routine;

/// The queries that a project is known to run, read once for all rules.
#[derive(Debug, Default)]
pub struct Workload {
    /// The bodies of the project's own functions.
    pub routines: IndexMap<Oid, Routine>,
    /// In the order of the strength of their evidence: policies, functions, views.
    pub filters: Vec<Filter>,
    asking: Asking,
}

impl Workload {
    /// Reads policies, function bodies and views of a catalog. The caller provides the stack: see
    /// [`crate::sql::STACK_SIZE`].
    pub fn of(catalog: &Catalog) -> Self {
        let own = |function: &&Function| {
            function.history.last() != Origin::Platform
                && function.extension.is_none()
                && function.body.is_some()
        };
        let functions: Vec<&Function> = catalog.functions.values().filter(own).collect();
        let routines: IndexMap<Oid, Routine> = functions
            .into_par_iter()
            .map(|function| (function.oid, Routine::read(catalog, function)))
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        let filters = filter::collect(catalog, &routines);
        let asking = Asking::of(catalog, &routines);
        Self { routines, filters, asking }
    }

    /// The project's functions that run with the rights of their callers, each with what it does.
    pub fn run_as_callers<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = (&'a Function, &'a Routine)> {
        let invokers = catalog.own_functions().filter(|function| !function.security_definer.value);
        invokers.filter_map(|function| Some((function, self.routines.get(&function.oid)?)))
    }
}
