//! Finds what is wrong in Supabase migrations, without a database.
//!
//! SQL text becomes statements, statements become a catalog, the catalog is asked by rules, their
//! diagnostics become a report: in one direction. Modules stand here in that order; see
//! ARCHITECTURE.md.

pub mod map;
pub mod nearest;
pub mod source;

pub mod sql;

pub mod access;
pub mod catalog;
pub mod predicate;

pub mod diagnostic;
pub mod workload;

pub mod advisors;
pub mod rule;
pub mod rules;

pub mod change;

pub mod baseline;
pub mod config;
pub mod suppress;

pub mod git;
pub mod project;
pub mod report;

pub mod workspace;

pub mod cli;

#[cfg(test)]
mod testing;
