//! What a fresh Supabase project holds before its first migration.

use crate::catalog::Catalog;

/// What new tables in `public` start with: `[api] auto_expose_new_tables`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// The API's roles get rights on every new table, sequence and function.
    #[default]
    Exposed,
    /// Rights are granted one by one.
    Explicit,
}

impl Catalog {
    /// The catalog of a fresh project.
    pub fn supabase(exposure: Exposure) -> Self {
        let _ = exposure;
        Self::default()
    }
}
