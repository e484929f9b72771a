//! What holds for any input, whoever makes it up: the mutator of these tests, or the fuzzer in `fuzz/`.
//!
//! Each function panics where a promise is broken.

use std::path::Path;

use pulldown_cmark::{Event as Markdown, Parser, Tag};
use rls_lint::diagnostic::Diagnostic;
use rls_lint::project::{self, Request};
use rls_lint::report::{Format, Report};
use rls_lint::source::{FileId, FileRole, SourceFile, Span};
use rls_lint::sql::plpgsql::{self, BlockStatement};
use rls_lint::sql::statement::BodyText;
use rls_lint::sql::{self, Migration};
use rls_lint::workspace::{Asked, Workspace};

/// Reads a migration; its places are good.
pub(crate) fn parse(bytes: &[u8]) -> (SourceFile, Migration) {
    let length = bytes.len();
    let source = SourceFile::new("migration.sql".into(), FileRole::Migration, bytes.to_vec());
    assert_eq!(source.text.len(), length, "text is as long as the bytes on disk");
    let migration = sql::parse(FileId(0), &source);
    assert_eq!(migration.statements.len(), migration.places.len());
    let mut end = 0;
    for place in &migration.places {
        lies_within(*place, &source.text);
        assert!(place.start >= end, "statements follow one another");
        end = place.end;
    }
    for error in &migration.errors {
        lies_within(error.span, &source.text);
        lies_within(error.statement, &source.text);
    }
    let others = migration.skipped.iter().map(|skipped| skipped.span);
    others.chain(migration.comments.iter().map(|comment| comment.span)).for_each(|span| {
        lies_within(span, &source.text);
    });
    (source, migration)
}

/// Reads a PL/pgSQL body; its places are good.
pub(crate) fn body(text: &str) {
    let span = Span::new(FileId(0), 0, text.len());
    let block = plpgsql::parse(&BodyText::new(text, span, true));
    let mut seen: Vec<Span> = Vec::new();
    block.walk(&mut |statement: &BlockStatement| seen.push(statement.span));
    seen.into_iter().for_each(|span| lies_within(span, text));
}

/// Runs everything on a project of these files, and reads what is written in each format.
pub(crate) fn project(files: &[(&str, &[u8])]) -> Report {
    let folder = tempfile::tempdir().expect("a folder is made");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder is made");
        std::fs::write(path, bytes).expect("a file is written");
    }
    let report = check(folder.path());
    for found in &report.diagnostics {
        let edits = found.edits.iter().map(|edit| edit.span);
        places(found).chain(edits).for_each(|span| lies_within(span, &report.sources.get(span.file).text));
    }
    Format::ALL.into_iter().for_each(|format| reads(format, &report));
    report
}

fn check(folder: &Path) -> Report {
    let request = Request { paths: &[], working_directory: folder, pending: None, depth: 1 };
    let asked = Asked { working_directory: folder.to_path_buf(), ..Asked::default() };
    Workspace::load(project::find(request), &asked).check()
}

fn places(found: &Diagnostic) -> impl Iterator<Item = Span> {
    let labels = found.labels.iter().chain(&found.more).map(|label| label.span);
    std::iter::once(found.span).chain(labels)
}

fn lies_within(span: Span, text: &str) {
    assert!(span.start <= span.end, "{span:?} ends before it starts");
    assert!(text.get(span.range()).is_some(), "{span:?} lies outside of the text, or cuts a character");
}

/// A format's text is one that its readers take, and holds nothing that would give them orders.
fn reads(format: Format, report: &Report) {
    let mut bytes = Vec::new();
    format.render(report, &mut bytes, false).expect("memory takes all");
    let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{format}: {error}"));
    match format {
        Format::Json | Format::Sarif | Format::Gitlab | Format::Rdjson | Format::Audit | Format::Advisors => {
            is_json(format, &text);
        }
        Format::Jsonl => text.lines().for_each(|line| is_json(format, line)),
        Format::Junit => is_xml(&text),
        Format::Markdown => is_harmless_markdown(&text),
        Format::Github => {
            is_harmless_text(format, &text);
            let is_ours = |line: &str| {
                ["::error ", "::warning ", "::notice "].iter().any(|start| line.starts_with(start))
                    || !line.contains("::")
            };
            assert!(text.lines().all(is_ours), "a line gives GitHub another order:\n{text}");
        }
        Format::Human | Format::Concise => is_harmless_text(format, &text),
    }
}

fn is_json(format: Format, text: &str) {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        panic!("{format}: {error}");
    }
}

fn is_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_comments = true;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return,
            Ok(_) => {}
            Err(error) => panic!("junit: {error}"),
        }
    }
}

/// Nothing moves a terminal's cursor or turns the direction of its text.
fn is_harmless_text(format: Format, text: &str) {
    let is_harmful = |letter: &char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let harmful = text.chars().find(is_harmful);
    assert_eq!(harmful, None, "{format}:\n{text}");
}

/// No tag, link or picture but our own.
fn is_harmless_markdown(text: &str) {
    for event in Parser::new(text) {
        match event {
            Markdown::Html(html) | Markdown::InlineHtml(html) => {
                let own = ["<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>", "<br>"];
                let left = own.iter().fold(html.to_string(), |left, tag| left.replace(tag, ""));
                assert!(!left.contains('<'), "{left:?} in\n{text}");
            }
            Markdown::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link or picture in\n{text}"),
            _ => {}
        }
    }
}
