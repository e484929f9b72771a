//! GitLab's code quality report.

use std::io::{self, Write};

use serde::Serialize;

use super::{Report, is_critical, one_line};
use crate::diagnostic::Severity;

/// Writes a list of issues. GitLab takes two of one fingerprint for one issue, so that each has its own.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let problems = report.problems.iter().enumerate().map(|(at, problem)| Issue {
        description: one_line(problem).into_owned(),
        check_name: env!("CARGO_PKG_NAME"),
        fingerprint: format!("problem-{at}"),
        severity: "blocker",
        location: Location { path: ".".to_string(), lines: Lines { begin: 1, end: 1 } },
    });
    let issues = report.numbered().map(|(diagnostic, fingerprint)| {
        let place = report.place(diagnostic.span);
        Issue {
            description: one_line(&diagnostic.message).into_owned(),
            check_name: diagnostic.rule,
            fingerprint,
            severity: match diagnostic.severity {
                Severity::Error if is_critical(diagnostic) => "critical",
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Info => "info",
            },
            location: Location {
                path: report.path_in_repository(&place),
                lines: Lines { begin: place.start.line, end: place.end.line },
            },
        }
    });
    serde_json::to_writer_pretty(&mut *out, &problems.chain(issues).collect::<Vec<_>>())?;
    writeln!(out)
}

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::example;
    use super::*;

    #[test]
    fn each_issue_has_a_fingerprint_of_its_own() {
        let mut report = example::report();
        report.diagnostics.push(report.diagnostics[1].clone());
        let found: Value =
            serde_json::from_str(&example::rendered(render, &report)).expect("the output is JSON");
        assert_eq!(
            found[1],
            json!({
                "description": "anyone can read and write public.todos",
                "check_name": "rls-disabled-on-exposed-table",
                "fingerprint": "ba59737707c74f93",
                "severity": "critical",
                "location": { "path": "migrations/2_open.sql", "lines": { "begin": 1, "end": 2 } },
            })
        );
        assert_eq!(found[3]["fingerprint"], "ba59737707c74f93-2");
    }

    #[test]
    fn a_clean_run_is_an_empty_list() {
        assert_eq!(example::rendered(render, &Report::default()), "[]\n");
        let failed = example::rendered(render, &Report::failed("cannot read x.sql".into()));
        assert!(failed.contains("\"severity\": \"blocker\""), "{failed}");
    }
}
