//! Annotations, as commands that a GitHub workflow reads from its log.
//!
//! GitHub shows ten of each kind for a step and drops the rest without a word, so the most severe
//! ones are written, and how many are left out.

use std::io::{self, Write};

use super::{Report, clean_lines, counted, one_line};
use crate::diagnostic::{Diagnostic, Severity};

/// How many annotations of one kind GitHub shows for a step.
const MOST: usize = 10;

/// Writes one command for each finding that GitHub would show.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // A problem is an error like any other, and comes first.
    for problem in report.problems.iter().take(MOST) {
        writeln!(out, "::error title=rls-lint::{}", data(&one_line(problem)))?;
    }
    let (mut shown, mut left_out) = ([report.problems.len().min(MOST), 0, 0], 0);
    for diagnostic in report.by_severity() {
        let (kind, command) = match diagnostic.severity {
            Severity::Error => (0, "error"),
            Severity::Warning => (1, "warning"),
            Severity::Info => (2, "notice"),
        };
        if shown[kind] < MOST {
            shown[kind] += 1;
            annotate(command, diagnostic, report, out)?;
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let findings = counted(left_out, "finding");
        writeln!(out, "{findings} more: GitHub shows {MOST} annotations of each kind")?;
    }
    Ok(())
}

fn annotate(command: &str, diagnostic: &Diagnostic, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let place = report.place(diagnostic.span);
    let path = report.path_in_repository(&place);
    let (start, end) = (place.start, place.end);
    write!(out, "::{command} file={},line={},endLine={}", property(&path), start.line, end.line)?;
    // Columns count for GitHub only where both are in one line.
    if start.line == end.line {
        write!(out, ",col={},endColumn={}", start.column, end.column)?;
    }
    let mut message = one_line(&diagnostic.message).into_owned();
    if let Some(help) = &diagnostic.help {
        message += &format!("\n\nHelp: {}", clean_lines(help));
    }
    writeln!(out, ",title={}::{}", property(diagnostic.rule), data(&message))
}

/// The text after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value before `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn errors_come_first_and_paths_are_those_of_the_repository() {
        let report = Report { prefix: "apps/web".into(), ..example::report() };
        assert_eq!(
            example::rendered(render, &report),
            "\
::error file=apps/web/migrations/2_open.sql,line=1,endLine=2,title=rls-disabled-on-exposed-table::anyone can read and write public.todos%0A%0AHelp: alter table public.todos enable row level security;
::warning file=apps/web/migrations/2_open.sql,line=2,endLine=2,col=19,endColumn=31,title=always-true-write-policy::policy \"open\" lets anon write every row of public.todos%0A%0AHelp: alter policy \"open\" on public.todos%0A  using (owner = auth.uid());
::notice file=apps/web/migrations/1_init.sql,line=2,endLine=2,col=14,endColumn=26,title=no-primary-key::public.todos has no primary key
"
        );
    }

    #[test]
    fn nothing_in_a_name_is_a_command() {
        let sources = example::sources(&[("a,b:c%.sql", "select 1")]);
        let place = example::at(&sources, 0, "select");
        let message = "table \"x\n::error::y\r100%\u{1b}[31m\"";
        let report =
            example::report_on(sources, vec![example::finding("x", Severity::Error, place, message)]);
        assert_eq!(
            example::rendered(render, &report),
            "::error file=a%2Cb%3Ac%25.sql,line=1,endLine=1,col=1,endColumn=7,title=x::\
             table \"x\u{FFFD}::error::y\u{FFFD}100%25\u{FFFD}[31m\"\n"
        );
    }

    #[test]
    fn what_github_would_drop_is_counted() {
        let text = "select 1;\n".repeat(12);
        let sources = example::sources(&[("a.sql", &text)]);
        let place = example::at(&sources, 0, "select");
        let many = vec![example::finding("x", Severity::Error, place, "y"); 12];
        let mut report = example::report_on(sources, many);
        report.problems.push("cannot read b.sql".into());
        let out = example::rendered(render, &report);
        assert_eq!(out.lines().count(), MOST + 1);
        assert!(out.starts_with("::error title=rls-lint::cannot read b.sql\n"), "{out}");
        assert!(out.ends_with("\n3 findings more: GitHub shows 10 annotations of each kind\n"), "{out}");
        assert_eq!(example::rendered(render, &Report::default()), "");
    }
}
