//! Findings for programs. `docs/formats.md` describes the format.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::Report;
use super::access::word as reach_word;
use crate::change::{AccessChange, Change, Class, Fixed, Removed, Subject};
use crate::diagnostic::{Diagnostic, Identity, Label, Severity};
use crate::rules;
use crate::source::{Sources, Span};
use crate::sql::statement::PolicyCommand;

/// Raised when a field is renamed, removed or changes its meaning; a new field does not raise it.
const FORMAT: u32 = 1;

/// Writes one JSON object. Findings are written one after the other, not collected first.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let envelope = Envelope { run: Run::of(report), findings: Findings(report), problems: &report.problems };
    serde_json::to_writer_pretty(&mut *out, &envelope)?;
    writeln!(out)
}

/// Writes one object on each line: findings, problems, and what else there is to say last.
pub(super) fn render_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.diagnostics.iter().map(|found| Line::Finding(Finding::of(found, &report.sources)));
    let problems = report.problems.iter().map(|message| Line::Problem { message });
    for line in findings.chain(problems).chain([Line::Run(Run::of(report))]) {
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(flatten)]
    run: Run<'a>,
    findings: Findings<'a>,
    problems: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(Finding<'a>),
    Problem { message: &'a str },
    Run(Run<'a>),
}

/// What is said of the run as a whole.
#[derive(Serialize)]
struct Run<'a> {
    format: u32,
    tool: Tool,
    assumptions: &'a [String],
    summary: Summary,
    change: Option<ChangeForm<'a>>,
}

impl<'a> Run<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            format: FORMAT,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            assumptions: &report.assumptions,
            summary: Summary::of(report),
            change: report.change.as_ref().map(|change| ChangeForm::of(change, &report.sources)),
        }
    }
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    infos: usize,
    suppressed: usize,
    baselined: usize,
    projects: usize,
    files: usize,
    statements: usize,
    gaps: usize,
    elapsed_ms: f64,
}

impl Summary {
    fn of(report: &Report) -> Self {
        let summary = report.summary;
        Self {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            infos: report.count(Severity::Info),
            suppressed: summary.suppressed,
            baselined: summary.baselined,
            projects: summary.projects,
            files: summary.files,
            statements: summary.statements,
            gaps: summary.gaps,
            elapsed_ms: (summary.elapsed.as_secs_f64() * 1e6).round() / 1e3,
        }
    }
}

struct Findings<'a>(&'a Report);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sources = &self.0.sources;
        serializer.collect_seq(self.0.diagnostics.iter().map(|diagnostic| Finding::of(diagnostic, sources)))
    }
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'static str,
    severity: Severity,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    note: Option<&'a str>,
    help: Option<&'a str>,
    object: Object<'a>,
    fingerprint: String,
    related: Vec<Related<'a>>,
    edits: Vec<Edit<'a>>,
    sources: &'static [&'static str],
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    start: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: usize,
    column: usize,
    offset: u32,
}

#[derive(Serialize)]
struct Object<'a> {
    kind: &'static str,
    schema: Option<&'a str>,
    name: &'a str,
    part: Option<&'a str>,
}

#[derive(Serialize)]
struct Edit<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
}

#[derive(Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
}

/// What a change brings besides findings.
#[derive(Serialize)]
struct ChangeForm<'a> {
    base: &'a str,
    staying: usize,
    fixed: Vec<FixedForm<'a>>,
    access: Vec<AccessForm<'a>>,
    removed: &'a [Removed],
}

#[derive(Serialize)]
struct FixedForm<'a> {
    rule: &'static str,
    severity: Severity,
    message: &'a str,
    file: &'a str,
    line: usize,
    object: Object<'a>,
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct AccessForm<'a> {
    class: Class,
    message: &'a str,
    kind: Subject,
    schema: &'a str,
    name: &'a str,
    roles: &'a [String],
    commands: Vec<&'static str>,
    before: Option<&'static str>,
    after: Option<&'static str>,
    shows: &'a [String],
    place: Option<Place<'a>>,
}

impl<'a> ChangeForm<'a> {
    fn of(change: &'a Change, sources: &'a Sources) -> Self {
        Self {
            base: &change.base,
            staying: change.staying,
            fixed: change.fixed.iter().map(FixedForm::of).collect(),
            access: change.access.iter().map(|access| AccessForm::of(access, sources)).collect(),
            removed: &change.removed,
        }
    }
}

impl<'a> FixedForm<'a> {
    fn of(fixed: &'a Fixed) -> Self {
        Self {
            rule: fixed.rule,
            severity: fixed.severity,
            message: &fixed.message,
            file: &fixed.file,
            line: fixed.line,
            object: Object::of(&fixed.object),
            fingerprint: &fixed.fingerprint,
        }
    }
}

impl<'a> AccessForm<'a> {
    fn of(access: &'a AccessChange, sources: &'a Sources) -> Self {
        Self {
            class: access.class,
            message: &access.message,
            kind: access.subject,
            schema: &access.name.schema,
            name: &access.name.name,
            roles: &access.roles,
            commands: access.commands.iter().map(|command| command_word(*command)).collect(),
            before: access.before.map(reach_word),
            after: access.after.map(reach_word),
            shows: &access.shows,
            place: access.cause.map(|cause| Place::of(cause.place, sources)),
        }
    }
}

fn command_word(command: PolicyCommand) -> &'static str {
    match command {
        PolicyCommand::All => "all",
        PolicyCommand::Select => "select",
        PolicyCommand::Insert => "insert",
        PolicyCommand::Update => "update",
        PolicyCommand::Delete => "delete",
    }
}

impl<'a> Finding<'a> {
    fn of(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Self {
        Self {
            rule: diagnostic.rule,
            severity: diagnostic.severity,
            message: &diagnostic.message,
            place: Place::of(diagnostic.span, sources),
            note: diagnostic.note.as_deref(),
            help: diagnostic.help.as_deref(),
            object: Object::of(&diagnostic.object),
            fingerprint: diagnostic.key(),
            related: diagnostic
                .labels
                .iter()
                .chain(&diagnostic.more)
                .map(|label| Related::of(label, sources))
                .collect(),
            edits: diagnostic
                .edits
                .iter()
                .map(|edit| Edit { place: Place::of(edit.span, sources), text: &edit.text })
                .collect(),
            sources: rules::find(diagnostic.rule).map_or(&[], |rule| rule.sources),
        }
    }
}

impl<'a> Place<'a> {
    fn of(span: Span, sources: &'a Sources) -> Self {
        let file = sources.get(span.file);
        let point = |offset| {
            let position = file.position(offset);
            Point { line: position.line, column: position.column, offset }
        };
        Self { file: &file.path, start: point(span.start), end: point(span.end) }
    }
}

impl<'a> Object<'a> {
    fn of(identity: &'a Identity) -> Self {
        Self {
            kind: identity.kind,
            schema: identity.schema.as_deref(),
            name: &identity.name,
            part: identity.part.as_deref(),
        }
    }
}

impl<'a> Related<'a> {
    fn of(label: &'a Label, sources: &'a Sources) -> Self {
        Self { place: Place::of(label.span, sources), message: &label.text }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Report, example};
    use super::*;

    fn text(report: &Report) -> String {
        example::rendered(render, report)
    }

    #[test]
    fn each_line_is_an_object_that_says_what_it_is() {
        let report = Report { problems: vec!["cannot read x.sql".into()], ..example::report() };
        let lines: Vec<Value> = example::rendered(render_lines, &report)
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        let types: Vec<_> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!(types, ["finding", "finding", "finding", "problem", "run"]);
        let whole: Value = serde_json::from_str(&text(&report)).expect("the output is JSON");
        let mut finding = lines[1].clone();
        finding.as_object_mut().and_then(|finding| finding.remove("type"));
        assert_eq!(finding, whole["findings"][1]);
        assert_eq!(lines[4]["summary"], whole["summary"]);
    }

    #[test]
    fn a_finding_says_all_it_knows() {
        let value: Value = serde_json::from_str(&text(&example::report())).expect("the output is JSON");
        let mut finding = value["findings"][1].clone();
        finding["sources"].take();
        assert_eq!(
            finding,
            json!({
                "rule": "rls-disabled-on-exposed-table",
                "severity": "error",
                "message": "anyone can read and write public.todos",
                "file": "migrations/2_open.sql",
                "start": {"line": 1, "column": 1, "offset": 0},
                "end": {"line": 2, "column": 31, "offset": 67},
                "note": null,
                "help": "alter table public.todos enable row level security;",
                "object": {"kind": "table", "schema": "public", "name": "todos", "part": null},
                "fingerprint": "ba59737707c74f93",
                "related": [
                    {
                        "file": "migrations/1_init.sql",
                        "start": {"line": 2, "column": 14, "offset": 35},
                        "end": {"line": 2, "column": 26, "offset": 47},
                        "message": "table created here",
                    },
                    {
                        "file": "migrations/2_open.sql",
                        "start": {"line": 4, "column": 26, "offset": 95},
                        "end": {"line": 4, "column": 52, "offset": 121},
                        "message": "RLS switched off here",
                    },
                ],
                "edits": [],
                "sources": null,
            })
        );
    }

    #[test]
    fn the_envelope_counts() {
        let value: Value = serde_json::from_str(&text(&example::report())).expect("the output is JSON");
        assert_eq!(value["format"], 1);
        assert_eq!(value["tool"]["name"], "rls-lint");
        assert_eq!(
            value["summary"],
            json!({
                "errors": 1, "warnings": 1, "infos": 1, "suppressed": 2, "baselined": 0,
                "projects": 1, "files": 2, "statements": 3, "gaps": 1, "elapsed_ms": 4.321,
            })
        );
    }

    #[test]
    fn keys_keep_their_order() {
        let report = Report { problems: vec!["cannot read x.sql".into()], ..Report::default() };
        let expected = format!(
            r#"{{
  "format": 1,
  "tool": {{
    "name": "rls-lint",
    "version": "{}"
  }},
  "assumptions": [],
  "summary": {{
    "errors": 0,
    "warnings": 0,
    "infos": 0,
    "suppressed": 0,
    "baselined": 0,
    "projects": 0,
    "files": 0,
    "statements": 0,
    "gaps": 0,
    "elapsed_ms": 0.0
  }},
  "change": null,
  "findings": [],
  "problems": [
    "cannot read x.sql"
  ]
}}
"#,
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text(&report), expected);
    }
}
