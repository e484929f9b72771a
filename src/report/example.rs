//! A small report for the tests of the renderers.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::{Report, Summary, sort};
use crate::catalog::name::QName;
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::source::{FileId, FileRole, SourceFile, Sources, Span};

/// Files by name and text, in their order.
pub(super) fn sources(files: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::default();
    for (path, text) in files {
        sources.add(SourceFile::new((*path).to_string(), FileRole::Migration, text.as_bytes().to_vec()));
    }
    sources
}

/// The first place of a text in a file.
pub(super) fn at(sources: &Sources, file: u32, text: &str) -> Span {
    let file = FileId(file);
    let start = sources.get(file).text.find(text).expect("the text is in the file");
    Span::new(file, start, start + text.len())
}

/// A finding without frills.
pub(super) fn finding(rule: &'static str, severity: Severity, span: Span, message: &str) -> Diagnostic {
    Diagnostic {
        rule,
        severity,
        by_rule: None,
        message: message.to_string(),
        elsewhere: None,
        span,
        note: None,
        labels: Vec::new(),
        more: Vec::new(),
        help: None,
        edits: Vec::new(),
        object: Identity::plain("file", "x"),
        what: String::new(),
        reach: BTreeSet::new(),
        extent: BTreeSet::new(),
        instances: Vec::new(),
        project: String::new(),
    }
}

/// What a renderer writes.
pub(super) fn rendered(render: fn(&Report, &mut dyn Write) -> io::Result<()>, report: &Report) -> String {
    let mut out = Vec::new();
    render(report, &mut out).expect("writing to memory works");
    String::from_utf8(out).expect("the output is UTF-8")
}

/// A report on these files.
pub(super) fn report_on(sources: Sources, mut diagnostics: Vec<Diagnostic>) -> Report {
    sort(&mut diagnostics);
    Report { sources: Arc::new(sources), diagnostics, ..Report::default() }
}

/// Three findings in two files.
pub(super) fn report() -> Report {
    let sources = sources(&[
        (
            "migrations/1_init.sql",
            "-- Aufgaben für alle\ncreate table public.todos (\n  id bigint,\n  title text\n);\n",
        ),
        (
            "migrations/2_open.sql",
            "create policy \"open\" on public.todos\n  for all to anon using (true);\n\nalter table public.todos disable row level security;\n",
        ),
    ]);
    let todos = QName::new("public", "todos");
    let created = at(&sources, 0, "public.todos");

    let mut key = finding("no-primary-key", Severity::Info, created, "public.todos has no primary key");
    key.object = Identity::new("table", &todos);

    let mut open = finding(
        "always-true-write-policy",
        Severity::Warning,
        at(&sources, 1, "using (true)"),
        "policy \"open\" lets anon write every row of public.todos",
    );
    open.object = Identity::part("policy", &todos, "open");
    open.note("true for every row")
        .help("alter policy \"open\" on public.todos\n  using (owner = auth.uid());");

    let mut off = finding(
        "rls-disabled-on-exposed-table",
        Severity::Error,
        at(&sources, 1, "create policy \"open\" on public.todos\n  for all to anon using (true)"),
        "anyone can read and write public.todos",
    );
    off.object = Identity::new("table", &todos);
    off.label(created, "table created here")
        .label(at(&sources, 1, "disable row level security"), "RLS switched off here")
        .help("alter table public.todos enable row level security;");

    let mut report = report_on(sources, vec![open, off, key]);
    report
        .assumptions
        .push("schemas public, graphql_public are exposed; new tables are granted to anon".into());
    report.summary = Summary {
        files: 2,
        statements: 3,
        projects: 1,
        elapsed: Duration::from_micros(4321),
        gaps: 1,
        suppressed: 2,
        baselined: 0,
    };
    report
}
