//! SARIF 2.1.0, with what GitHub's code scanning needs and within its limits.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::map::IndexSet;
use serde_json::{Value, json};

use super::{Report, counted, one_line};
use crate::config::CONFIGURATION;
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::Rule;
use crate::rules;
use crate::source::{FileId, SourceFile, Span};

/// GitHub keeps so many results of a run.
const MOST_RESULTS: usize = 5000;
/// GitHub takes so many locations of a result, and shows a tenth of them.
const MOST_LOCATIONS: usize = 1000;
/// GitHub takes so many characters of a description.
const LONGEST_DESCRIPTION: usize = 1024;

/// Writes a log with one run. It is there when nothing was found, so that alerts close, and when
/// some work failed, so that an upload does not.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rules = Rules::of(report);
    let mut lines = LineHashes::default();
    let numbered: HashMap<*const Diagnostic, String> = report
        .numbered()
        .map(|(diagnostic, fingerprint)| (std::ptr::from_ref(diagnostic), fingerprint))
        .collect();
    let results: Vec<_> = report
        .by_severity()
        .into_iter()
        .take(MOST_RESULTS)
        .map(|diagnostic| {
            let mut value = result(diagnostic, &rules, report);
            value["partialFingerprints"] = json!({
                "primaryLocationLineHash": lines.of(diagnostic.span, report),
                "rlsLint/v1": numbered[&std::ptr::from_ref(diagnostic)],
            });
            value
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.0.iter().map(|id| descriptor(id)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": category(&report.folder) },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The root of the repository." } } },
            "invocations": [{
                "executionSuccessful": !report.is_incomplete(),
                "toolExecutionNotifications": notifications(report),
            }],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// What GitHub holds the results of a run against: those of the same category before it, and no others.
/// Jobs for several projects of a repository each have their own.
fn category(folder: &str) -> String {
    match folder {
        "" => "rls-lint/".to_string(),
        folder => format!("rls-lint/{}/", super::one_line(folder)),
    }
}

fn notifications(report: &Report) -> Vec<Value> {
    let notification = |level: &str, text: &str| json!({ "level": level, "message": { "text": text } });
    let mut list: Vec<_> =
        report.problems.iter().map(|problem| notification("error", &one_line(problem))).collect();
    if let Some(more) = report.diagnostics.len().checked_sub(MOST_RESULTS).filter(|more| *more > 0) {
        let text = format!("{} left out: GitHub keeps {MOST_RESULTS} of a run", counted(more, "finding"));
        list.push(notification("warning", &text));
    }
    list.extend(
        report
            .assumptions
            .iter()
            .map(|assumption| notification("note", &format!("Assumed: {}", one_line(assumption)))),
    );
    list
}

/// The rules that looked or found something. Those without findings are named as well: an alert is
/// only closed for a rule that is still there.
struct Rules(IndexSet<&'static str>);

impl Rules {
    fn of(report: &Report) -> Self {
        let looked = report.rules.iter().map(|rule| rule.id);
        let mut ids: IndexSet<_> = looked.chain(report.diagnostics.iter().map(|found| found.rule)).collect();
        ids.sort_unstable();
        Self(ids)
    }
}

fn descriptor(id: &str) -> Value {
    match rules::find(id) {
        Some(rule) => rule_descriptor(rule),
        None => json!({
            "id": id,
            "shortDescription": { "text": "a configuration file is wrong" },
            "fullDescription": { "text": "A file of settings has an error, and that part of it does not hold." },
            "help": { "text": "Mend the file where the finding is." },
            "defaultConfiguration": { "level": "error" },
            "properties": { "tags": [CONFIGURATION], "precision": "very-high", "problem.severity": "error" },
        }),
    }
}

fn rule_descriptor(rule: &Rule) -> Value {
    let docs = rule.docs();
    let first = docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let help = format!("{docs}\n\n`rls-lint explain {}` prints this page.", rule.id);
    let mut properties = json!({
        "tags": [rule.group.to_string()],
        "precision": "high",
        "problem.severity": match rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "recommendation",
        },
    });
    if rule.group.is_security() {
        properties["tags"] = json!(["security", rule.group.to_string()]);
        // Of GitHub's classes: critical, medium, low.
        properties["security-severity"] = match rule.severity {
            Severity::Error => "9.1",
            Severity::Warning => "5.5",
            Severity::Info => "3.0",
        }
        .into();
    }
    json!({
        "id": rule.id,
        "name": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": first.chars().take(LONGEST_DESCRIPTION).collect::<String>() },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": properties,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(diagnostic: &Diagnostic, rules: &Rules, report: &Report) -> Value {
    let others = diagnostic.labels.iter().chain(&diagnostic.more).take(MOST_LOCATIONS);
    let related: Vec<_> = others
        .enumerate()
        .map(|(at, label)| {
            let mut place = location(label.span, report);
            place["id"] = (at + 1).into();
            place["message"] = json!({ "text": one_line(&label.text) });
            place
        })
        .collect();
    let mut own = location(diagnostic.span, report);
    if let Some(note) = &diagnostic.note {
        own["message"] = json!({ "text": one_line(note) });
    }
    let mut value = json!({
        "ruleId": diagnostic.rule,
        "ruleIndex": rules.0.get_index_of(diagnostic.rule),
        "level": level(diagnostic.severity),
        "message": { "text": message(diagnostic) },
        "locations": [own],
        "relatedLocations": related,
    });
    if !diagnostic.edits.is_empty() {
        value["fixes"] = json!([fix(diagnostic, report)]);
    }
    value
}

/// The message and the help, with links to the other places, as SARIF writes them.
fn message(diagnostic: &Diagnostic) -> String {
    let mut text =
        one_line(&diagnostic.message).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    for (at, label) in diagnostic.labels.iter().enumerate() {
        let label = one_line(&label.text).replace(['[', ']', '\\'], "");
        text += &format!("\n[{label}]({})", at + 1);
    }
    if let Some(help) = &diagnostic.help {
        let help = super::clean_lines(help).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
        text += &format!("\n\nHelp: {help}");
    }
    text
}

fn location(span: Span, report: &Report) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": artifact(span, report),
        "region": region(span, report),
    } })
}

fn artifact(span: Span, report: &Report) -> Value {
    let path = report.path_in_repository(&report.place(span));
    let uri = uri(&path);
    match path.starts_with('/') {
        true => json!({ "uri": format!("file://{uri}") }),
        false => json!({ "uri": uri, "uriBaseId": "%SRCROOT%" }),
    }
}

fn region(span: Span, report: &Report) -> Value {
    let place = report.place(span);
    json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    })
}

fn fix(diagnostic: &Diagnostic, report: &Report) -> Value {
    let replacements: Vec<_> = diagnostic
        .edits
        .iter()
        .map(|edit| {
            json!({ "deletedRegion": region(edit.span, report), "insertedContent": { "text": edit.text } })
        })
        .collect();
    json!({ "artifactChanges": [{
        "artifactLocation": artifact(diagnostic.edits[0].span, report),
        "replacements": replacements,
    }] })
}

/// A path as a URI reference: RFC 3986, section 2.3, and the slash.
fn uri(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

/// What GitHub knows an alert by: a hash of a hundred characters from the start of its line on, blanks
/// left out, and how often it was seen in the file. `github/codeql-action` computes it in
/// `src/fingerprints.ts` where it is missing, and warns where another one is given.
#[derive(Default)]
struct LineHashes(HashMap<FileId, Vec<String>>);

impl LineHashes {
    fn of(&mut self, span: Span, report: &Report) -> String {
        let file = report.sources.get(span.file);
        let hashes = self.0.entry(span.file).or_insert_with(|| line_hashes(file));
        let line = file.position(span.start).line;
        hashes.get(line - 1).cloned().unwrap_or_default()
    }
}

/// The hash of each line of a file.
fn line_hashes(file: &SourceFile) -> Vec<String> {
    /// How many characters a hash is made of, and what each is multiplied with.
    const BLOCK: usize = 100;
    const FACTOR: u64 = 37;
    const END: u64 = 0xFFFF;

    let text = file.text.replace("\r\n", "\n").replace('\r', "\n");
    let mut units: Vec<u64> = text.encode_utf16().map(u64::from).collect();
    units.retain(|unit| ![u64::from(b' '), u64::from(b'\t')].contains(unit));
    units.push(END);
    let newline = u64::from(b'\n');
    let breaks = units.iter().enumerate().filter(|(_, unit)| **unit == newline).map(|(at, _)| at + 1);
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let hash = |start: usize| {
        let block = units[start..].iter().chain(std::iter::repeat(&0)).take(BLOCK);
        block.fold(0u64, |hash, unit| hash.wrapping_mul(FACTOR).wrapping_add(*unit))
    };
    std::iter::once(0)
        .chain(breaks)
        .map(|start| {
            let hash = hash(start);
            let count = seen.entry(hash).or_default();
            *count += 1;
            format!("{hash:x}:{count}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn log(report: &Report) -> Value {
        serde_json::from_str(&example::rendered(render, report)).expect("the output is JSON")
    }

    #[test]
    fn a_result_says_what_and_where() {
        let report = Report { prefix: "apps/my web".into(), ..example::report() };
        let result = &log(&report)["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "rls-disabled-on-exposed-table");
        assert_eq!(result["level"], "error");
        assert_eq!(
            result["locations"][0]["physicalLocation"],
            json!({
                "artifactLocation": { "uri": "apps/my%20web/migrations/2_open.sql", "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 31 },
            })
        );
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "table created here");
        assert_eq!(
            result["message"]["text"],
            "anyone can read and write public.todos\n[table created here](1)\n[RLS switched off here](2)\n\n\
             Help: alter table public.todos enable row level security;"
        );
        assert_eq!(result["partialFingerprints"]["rlsLint/v1"], "ba59737707c74f93");
    }

    #[test]
    fn rules_that_found_nothing_are_named() {
        let report = Report { rules: rules::ALL.to_vec(), ..Report::default() };
        let log = log(&report);
        let run = &log["runs"][0];
        assert_eq!(run["results"], json!([]));
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(rules::ALL.len()));
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    }

    #[test]
    fn work_that_failed_is_told() {
        let log = log(&Report::failed("cannot read x.sql".into()));
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"][0]["message"]["text"], "cannot read x.sql");
    }

    #[test]
    fn results_beyond_the_limit_are_counted() {
        let sources = example::sources(&[("a.sql", "select 1;\n")]);
        let place = example::at(&sources, 0, "select");
        let mut many = vec![example::finding("x", Severity::Info, place, "y"); MOST_RESULTS];
        many.push(example::finding("x", Severity::Error, place, "y"));
        let log = log(&example::report_on(sources, many));
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().map(Vec::len), Some(MOST_RESULTS));
        assert_eq!(run["results"][0]["level"], "error");
        assert!(
            run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
                .as_str()
                .is_some_and(|text| text.starts_with("1 finding left out"))
        );
    }

    /// Measured with GitHub's own program.
    #[test]
    fn lines_have_the_hashes_that_github_gives_them() {
        let hashes = |text: &str| {
            line_hashes(&SourceFile::new("a".into(), crate::source::FileRole::Seed, text.into()))
        };
        assert_eq!(hashes(""), ["c129715d7a2bc9a3:1"]);
        let four = ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"];
        assert_eq!(hashes(" a\nb\n  \t\tc\n d"), four);
        assert_eq!(hashes(" a\r\nb\r\n  \t\tc\r d"), four);
        let many = hashes(&"Lorem ipsum dolor sit amet.\n".repeat(10));
        assert_eq!(many[5..8], ["a7f2ff13bc495cf2:6", "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1"]);
    }
}
