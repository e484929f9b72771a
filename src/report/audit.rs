//! A plain list, for bots that review.

use std::io::{self, Write};

use serde::Serialize;

use super::{Report, is_critical, one_line};
use crate::diagnostic::Severity;

/// Writes one JSON object with the list of `findings`.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let problems = report.problems.iter().map(|problem| Finding {
        severity: "critical",
        file: ".".to_string(),
        line: 1,
        rule: env!("CARGO_PKG_NAME"),
        message: one_line(problem).into_owned(),
    });
    let findings = report.diagnostics.iter().map(|diagnostic| {
        let place = report.place(diagnostic.span);
        Finding {
            severity: match diagnostic.severity {
                Severity::Error if is_critical(diagnostic) => "critical",
                Severity::Error => "error",
                Severity::Warning | Severity::Info => "warning",
            },
            file: report.path_in_repository(&place),
            line: place.start.line,
            rule: diagnostic.rule,
            message: one_line(&diagnostic.message).into_owned(),
        }
    });
    serde_json::to_writer_pretty(&mut *out, &Audit { findings: problems.chain(findings).collect() })?;
    writeln!(out)
}

#[derive(Serialize)]
struct Audit {
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    file: String,
    line: usize,
    rule: &'static str,
    message: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::example;
    use super::*;

    fn value(report: &Report) -> Value {
        serde_json::from_str(&example::rendered(render, report)).expect("the output is JSON")
    }

    #[test]
    fn each_finding_has_five_fields() {
        let found = value(&example::report());
        assert_eq!(
            found["findings"][1],
            json!({
                "severity": "critical",
                "file": "migrations/2_open.sql",
                "line": 1,
                "rule": "rls-disabled-on-exposed-table",
                "message": "anyone can read and write public.todos",
            })
        );
        let severities: Vec<_> =
            found["findings"].as_array().into_iter().flatten().map(|finding| &finding["severity"]).collect();
        assert_eq!(severities, ["warning", "critical", "warning"]);
    }

    #[test]
    fn work_that_failed_does_not_look_clean() {
        assert_eq!(value(&Report::default()), json!({ "findings": [] }));
        let failed = value(&Report::failed("cannot read x.sql".into()));
        assert_eq!(failed["findings"][0]["severity"], "critical");
        assert_eq!(failed["findings"][0]["message"], "cannot read x.sql");
    }
}
