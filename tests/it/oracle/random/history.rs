//! A strategy that makes histories, and how they shrink.

use std::fmt;

use proptest::prelude::RngExt;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rls_lint::catalog::Catalog;
use rls_lint::source::Sources;

use super::parse;
use super::statement::Writer;

/// Stands where the next file begins.
pub(super) const FILE: &str = "-- file";

/// Statements in order.
#[derive(Clone)]
pub(super) struct History(pub(super) Vec<String>);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.0 {
            writeln!(f, "    {statement}{}", if statement == FILE { "" } else { ";" })?;
        }
        Ok(())
    }
}

/// Histories whose statements speak of what there is by then, as far as the replay knows it: what it
/// does not know, PostgreSQL refuses or has in the end.
#[derive(Debug)]
pub(super) struct Histories {
    pub(super) platform: Catalog,
}

impl Strategy for Histories {
    type Tree = Shrinking;
    type Value = History;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut catalog = self.platform.clone();
        let mut sources = Sources::default();
        let rng = runner.rng();
        let length = rng.random_range(5..45);
        let mut statements = Vec::new();
        while statements.len() < length {
            if rng.random_range(0..40) == 0 {
                statements.push(FILE.to_string());
                catalog.begin_file();
                continue;
            }
            let text = Writer { rng: &mut *rng, catalog: &catalog }.statement();
            let parsed = parse(&mut sources, &text);
            let mut copy = catalog.clone();
            let mut apply = || {
                !parsed.is_empty()
                    && parsed.iter().all(|part| copy.try_apply(part).is_ok() && copy.failures.is_empty())
            };
            let Ok(is_taken) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut apply)) else {
                // It will panic again where that is told.
                statements.push(text);
                break;
            };
            if is_taken {
                catalog = copy;
            }
            // Few of those that the replay refuses: PostgreSQL is to refuse them too.
            if is_taken || rng.random_range(0..5) == 0 {
                statements.push(text);
            }
        }
        Ok(Shrinking::new(statements))
    }
}

/// Takes out statements: halves first, then quarters, in the end one at a time.
pub(super) struct Shrinking {
    left: Vec<String>,
    /// How many are taken out at once, and where next.
    size: usize,
    at: usize,
    /// What was taken out last.
    out: Vec<String>,
    /// Whether something has been taken out for good since the start was last passed.
    has_shrunk: bool,
}

impl Shrinking {
    fn new(statements: Vec<String>) -> Self {
        let size = statements.len() / 2;
        Self { left: statements, size, at: 0, out: Vec::new(), has_shrunk: false }
    }

    fn take_out(&mut self) -> bool {
        if self.at >= self.left.len() {
            self.at = 0;
            // Once more while single statements go: what needed them may be gone.
            if self.size > 1 || !self.has_shrunk {
                self.size /= 2;
            }
            self.has_shrunk = false;
        }
        if self.size == 0 || self.left.is_empty() {
            return false;
        }
        let end = (self.at + self.size).min(self.left.len());
        self.out = self.left.drain(self.at..end).collect();
        true
    }
}

impl ValueTree for Shrinking {
    type Value = History;

    fn current(&self) -> History {
        History(self.left.clone())
    }

    fn simplify(&mut self) -> bool {
        self.has_shrunk |= !self.out.is_empty();
        self.out.clear();
        self.take_out()
    }

    /// Puts back what was needed, and goes on behind it.
    fn complicate(&mut self) -> bool {
        let out = std::mem::take(&mut self.out);
        let count = out.len();
        self.left.splice(self.at..self.at, out);
        self.at += count;
        self.take_out()
    }
}
