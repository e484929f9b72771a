//! What the tests share that generate histories.

use rls_lint::catalog::Catalog;
use rls_lint::catalog::platform::Exposure;
use rls_lint::source::{FileRole, SourceFile, Sources};

/// A small generator of numbers that are the same in each run (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % limit as u64).expect("it is below a usize")
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// The catalog after a migration that nothing in is refused or unknown of.
pub(super) fn replayed(migration: String) -> Catalog {
    let mut sources = Sources::default();
    let file = SourceFile::new("1_first.sql".into(), FileRole::Migration, migration.into_bytes());
    let id = sources.add(file);
    let parsed = rls_lint::sql::parse(id, sources.get(id));
    assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
    let mut catalog = Catalog::supabase(Exposure::Exposed);
    catalog.apply_file(&parsed.statements);
    assert!(catalog.failures.is_empty() && catalog.gaps.is_empty(), "{:?}", catalog.gaps);
    catalog
}
