//! What a run found, and the forms it is printed in.
//!
//! Renderers take a report and a writer. They decide nothing: what is found, silenced and sorted was
//! settled before.

pub(crate) mod access;
mod advisors;
mod audit;
pub mod catalog;
mod concise;
mod format;
mod github;
mod gitlab;
pub(crate) mod human;
mod json;
mod junit;
mod markdown;
pub(crate) mod object;
pub mod page;
mod place;
mod rdjson;
mod sarif;

#[cfg(test)]
mod example;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use format::Format;
pub(crate) use place::from_root;

use crate::advisors::Row;
use crate::change::{AccessChange, Change, Removed};
use crate::config::CONFIGURATION;
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::Rule;
use crate::rules;
use crate::source::{Sources, Span, secret};

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
    /// The rules that looked at some project.
    pub rules: Vec<&'static Rule>,
    /// The working directory as seen from the root of the repository, such as `apps/web`; empty where
    /// it is the root, or where there is no repository.
    pub prefix: String,
    /// The folder that holds the projects, as seen from the root of the repository; empty for the root.
    pub folder: String,
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
    /// Findings that the baseline keeps silent.
    pub baselined: usize,
}

impl Report {
    /// What is left to say when no work could be done.
    pub fn failed(problem: String) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }

    /// Whether something could not be done, be it a file or a part of the configuration.
    pub fn is_incomplete(&self) -> bool {
        !self.problems.is_empty() || self.diagnostics.iter().any(|found| found.rule == CONFIGURATION)
    }

    /// The findings, each with a key that no other one has: its fingerprint, and its number among those
    /// that share it.
    fn numbered(&self) -> impl Iterator<Item = (&Diagnostic, String)> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.diagnostics.iter().map(move |diagnostic| {
            let fingerprint = diagnostic.key();
            let count = seen.entry(fingerprint.clone()).or_default();
            *count += 1;
            let key = if *count == 1 { fingerprint } else { format!("{fingerprint}-{count}") };
            (diagnostic, key)
        })
    }

    /// The findings, the most severe first, where a consumer takes only so many.
    fn by_severity(&self) -> Vec<&Diagnostic> {
        let mut found: Vec<_> = self.diagnostics.iter().collect();
        found.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        found
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// The highest severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|diagnostic| diagnostic.severity).max()
    }
}

/// Whether it tells of something that opens data to others.
fn is_critical(diagnostic: &Diagnostic) -> bool {
    let is_security = rules::find(diagnostic.rule).is_some_and(|rule| rule.group.is_security());
    is_security && diagnostic.severity == Severity::Error
}

/// Sorts findings by place, then by rule: the order of every output.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        (a.span, a.rule, &a.object, &a.what, &a.message)
            .cmp(&(b.span, b.rule, &b.object, &b.what, &b.message))
    });
}

/// A text of several lines that cannot steer a terminal.
fn clean_lines(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join("\n")
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

/// Of the line of SQL beside its place, so many characters are shown.
const LONGEST_SQL: usize = 100;

fn said_of_removed(Removed { project, migrations }: &Removed) -> String {
    let migrations = counted(*migrations, "migration");
    format!(
        "The project {project} is gone, with {migrations}: what was found there is neither fixed nor as before"
    )
}

/// The first line of the statement that changes access, also of one that was taken out.
fn sql_behind(access: &AccessChange, sources: &Sources) -> String {
    let Some(cause) = access.cause else { return String::new() };
    match cause.gone {
        Some(gone) => format!("taken out: {}", sql_at(gone, sources)),
        None => sql_at(access.statement.unwrap_or(cause.place), sources),
    }
}

/// The line where something stands, as it can be shown beside its place.
fn sql_at(span: Span, sources: &Sources) -> String {
    let file = sources.get(span.file);
    let line = &file.text[file.line(file.position(span.start).line)];
    let masked = secret::masked(line.trim());
    let shown = one_line(&masked);
    match shown.char_indices().nth(LONGEST_SQL) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
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
