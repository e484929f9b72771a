//! What calling a function does besides giving an answer.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::sql::expr::{Call, CteBody, Expr, Oid, Query};
use crate::sql::statement::{StatementKind, Volatility};
use crate::workload::Workload;

/// Whether a call is of one of PostgreSQL's functions, or of its usual extensions', that give another
/// answer each time or change something (`pg_proc.provolatile` is `v`).
pub fn is_volatile_call(call: &Call) -> bool {
    let schema = call.name.schema.as_deref();
    matches!(schema, None | Some("pg_catalog" | "extensions"))
        && matches!(
            call.name.name.as_str(),
            "random"
                | "clock_timestamp"
                | "timeofday"
                | "nextval"
                | "currval"
                | "lastval"
                | "setval"
                | "gen_random_uuid"
                | "uuid_generate_v1"
                | "uuid_generate_v4"
                | "gen_random_bytes"
                | "set_config"
                | "pg_sleep"
                | "setseed"
        )
}

impl Workload {
    /// Whether a function of the project changes nothing, and answers alike within a query, for certain:
    /// its body was read as a whole, holds queries alone, and calls nothing else that may.
    pub fn only_reads(&self, catalog: &Catalog, function: Oid) -> bool {
        self.reads(catalog, function, &mut FxHashSet::default())
    }

    fn reads(&self, catalog: &Catalog, function: Oid, seen: &mut FxHashSet<Oid>) -> bool {
        if !seen.insert(function) {
            return true;
        }
        let Some(routine) = self.routines.get(&function) else { return false };
        let is_query = |kind: &StatementKind| matches!(kind, StatementKind::Query(query) if is_plain(query));
        let mut calls = Vec::new();
        routine.walk(&mut |part| {
            if let Expr::Call(call) = part {
                calls.push(&**call);
            }
        });
        routine.complete
            && routine.executed.is_empty()
            && routine.statements.iter().all(|statement| is_query(&statement.kind))
            && calls.into_iter().all(|call| self.is_read(catalog, call, seen))
    }

    fn is_read(&self, catalog: &Catalog, call: &Call, seen: &mut FxHashSet<Oid>) -> bool {
        let Some(oid) = call.target else {
            // What no schema of the project has is PostgreSQL's own.
            let own_schema = call.name.schema.as_ref().is_some_and(|schema| *schema != "pg_catalog");
            let administers = call.name.name.starts_with("pg_") || call.name.name.starts_with("dblink");
            return !own_schema
                && !administers
                && !is_volatile_call(call)
                && catalog.resolve_functions(&call.name).is_none();
        };
        let volatile = catalog.functions.get(&oid).is_none_or(|it| it.volatility == Volatility::Volatile);
        !volatile || self.reads(catalog, oid, seen)
    }
}

/// Whether a query and those in it lock no rows and change none.
fn is_plain(query: &Query) -> bool {
    let mut plain = true;
    query.walk_queries(&mut |query| {
        plain &= !query.locking && query.ctes.iter().all(|cte| matches!(cte.query, CteBody::Query(_)));
    });
    plain
}
