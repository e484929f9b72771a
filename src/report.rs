//! What a run found, and the forms it is printed in.
//!
//! Renderers take a report and a writer. They decide nothing: what is found, silenced and sorted was
//! settled before.

pub(crate) mod access;
pub(crate) mod advisors;
pub mod catalog;
pub(crate) mod concise;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod object;
pub mod page;

#[cfg(test)]
mod example;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::advisors::Row;
use crate::change::Change;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// All that a run has to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The files that the spans point into.
    pub sources: Arc<Sources>,
    /// What was found, as [`sort`] leaves it.
    pub diagnostics: Vec<Diagnostic>,
    /// The rows of Supabase's advisors.
    pub advisors: Vec<Row>,
    /// What was taken for granted about each project, one line per project.
    pub assumptions: Vec<String>,
    pub summary: Summary,
    /// What else a change brings, where the run compares with a base. `diagnostics` are then those
    /// that the base does not have.
    pub change: Option<Change>,
    /// Work that could not be done, such as a file that cannot be read.
    pub problems: Vec<String>,
}

/// The numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: usize,
    pub statements: usize,
    pub projects: usize,
    pub elapsed: Duration,
    /// Statements whose effect on the catalog is not known.
    pub gaps: usize,
    /// Findings that a comment or the configuration silenced.
    pub suppressed: usize,
}

impl Report {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// The highest severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|diagnostic| diagnostic.severity).max()
    }
}

/// Sorts findings by place, then by rule: the order of every output.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        (a.span, a.rule, &a.object, &a.what, &a.message)
            .cmp(&(b.span, b.rule, &b.object, &b.what, &b.message))
    });
}

/// A text that fits on one line and cannot steer a terminal: names in SQL may hold any character.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unprintable) {
        Cow::Owned(text.chars().map(|c| if is_unprintable(c) { '\u{FFFD}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character would move the cursor, other than a tab, or turn the direction of what follows.
fn is_unprintable(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A number with its noun in the right form.
fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_place_then_rule() {
        let mut report = example::report();
        report.diagnostics.reverse();
        sort(&mut report.diagnostics);
        let rules: Vec<_> = report.diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
        assert_eq!(rules, ["no-primary-key", "rls-disabled-on-exposed-table", "always-true-write-policy"]);
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc\u{202E}d"), "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d");
        assert!(matches!(one_line("täble 表"), Cow::Borrowed(_)));
    }
}
