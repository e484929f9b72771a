//! The Reviewdog Diagnostic Format. Columns are counted in bytes there, and paths are relative to the
//! working directory: reviewdog looks them up from where it runs.

use std::io::{self, Write};

use serde::Serialize;

use super::{Report, clean_lines, one_line};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// Writes one `DiagnosticResult`.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let problems = report.problems.iter().map(|problem| Finding {
        message: one_line(problem).into_owned(),
        severity: "ERROR",
        location: None,
        code: None,
        suggestions: Vec::new(),
        related_locations: Vec::new(),
    });
    let findings = report.diagnostics.iter().map(|diagnostic| Finding::of(diagnostic, report));
    let result = DiagnosticResult {
        source: Source { name: env!("CARGO_PKG_NAME") },
        diagnostics: problems.chain(findings).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &result)?;
    writeln!(out)
}

#[derive(Serialize)]
struct DiagnosticResult {
    source: Source,
    diagnostics: Vec<Finding>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Finding {
    message: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Related>,
}

#[derive(Serialize)]
struct Code {
    value: &'static str,
}

#[derive(Serialize)]
struct Location {
    path: String,
    range: Range,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct Suggestion {
    range: Range,
    text: String,
}

#[derive(Serialize)]
struct Related {
    message: String,
    location: Location,
}

impl Finding {
    fn of(diagnostic: &Diagnostic, report: &Report) -> Self {
        let mut message = one_line(&diagnostic.message).into_owned();
        if let Some(help) = &diagnostic.help {
            message += &format!("\n\nHelp: {}", clean_lines(help));
        }
        Self {
            message,
            severity: match diagnostic.severity {
                Severity::Error => "ERROR",
                Severity::Warning => "WARNING",
                Severity::Info => "INFO",
            },
            location: Some(Location::of(diagnostic.span, report)),
            code: Some(Code { value: diagnostic.rule }),
            suggestions: suggestion(diagnostic, report).into_iter().collect(),
            related_locations: diagnostic
                .labels
                .iter()
                .chain(&diagnostic.more)
                .map(|label| Related {
                    message: one_line(&label.text).into_owned(),
                    location: Location::of(label.span, report),
                })
                .collect(),
        }
    }
}

impl Location {
    fn of(span: Span, report: &Report) -> Self {
        Self { path: report.place(span).file.path.clone(), range: Range::of(span, report) }
    }
}

impl Range {
    fn of(span: Span, report: &Report) -> Self {
        let place = report.place(span);
        let [start, end] = place.byte_columns();
        Self {
            start: Position { line: place.start.line, column: start },
            end: Position { line: place.end.line, column: end },
        }
    }
}

/// A finding's edits as one, which is what reviewdog takes for one way to mend it.
fn suggestion(diagnostic: &Diagnostic, report: &Report) -> Option<Suggestion> {
    let (first, last) = (diagnostic.edits.first()?, diagnostic.edits.last()?);
    let whole = first.span.to(last.span);
    let source = &report.sources.get(whole.file).text;
    let mut text = String::new();
    let mut at = whole.start as usize;
    for edit in &diagnostic.edits {
        text += &source[at..edit.span.start as usize];
        text += &edit.text;
        at = edit.span.end as usize;
    }
    Some(Suggestion { range: Range::of(whole, report), text })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::example;
    use super::*;

    #[test]
    fn columns_are_bytes_and_edits_are_a_suggestion() {
        let sources =
            example::sources(&[("a.sql", "-- é\n/* é */ using (a = auth.uid() or auth.uid() = b)")]);
        let first = example::at(&sources, 0, "auth.uid()");
        let second = example::at(&sources, 0, "auth.uid() = b");
        let second = Span { end: second.start + 10, ..second };
        let mut finding = example::finding("x", Severity::Warning, first, "slow");
        finding.edit(first, "(select auth.uid())").edit(second, "(select auth.uid())").label(second, "too");
        let report = Report { prefix: "apps".into(), ..example::report_on(sources, vec![finding]) };
        let found: Value =
            serde_json::from_str(&example::rendered(render, &report)).expect("the output is JSON");
        assert_eq!(
            found["diagnostics"][0],
            json!({
                "message": "slow",
                "severity": "WARNING",
                "code": { "value": "x" },
                "location": {
                    "path": "a.sql",
                    "range": { "start": { "line": 2, "column": 21 }, "end": { "line": 2, "column": 31 } },
                },
                "related_locations": [{
                    "message": "too",
                    "location": {
                        "path": "a.sql",
                        "range": { "start": { "line": 2, "column": 35 }, "end": { "line": 2, "column": 45 } },
                    },
                }],
                "suggestions": [{
                    "range": { "start": { "line": 2, "column": 21 }, "end": { "line": 2, "column": 45 } },
                    "text": "(select auth.uid()) or (select auth.uid())",
                }],
            })
        );
    }
}
