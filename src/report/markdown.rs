//! Findings as Markdown, for a comment on a pull request or a job summary.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Report, clean_lines, counted, one_line, said_of_removed, sql_behind};
use crate::change::{Change, Class};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;
use crate::sql;

/// GitHub refuses a comment of more than 65,536 characters; some are left for who posts it.
const LONGEST: usize = 60_000;
/// Of those, how many may be taken when all changes of access are told.
const LONGEST_ACCESS: usize = 20_000;
/// Of those, how many may be taken when the table of findings is told.
const LONGEST_TABLE: usize = 40_000;

/// Writes a heading, a table of the findings with the most severe first, and how to mend them.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::default();
    page.push(&format!("### rls-lint: {}\n", headline(report)));
    for problem in &report.problems {
        page.push(&format!("\n**This could not be done:** {}\n", escaped(problem)));
    }
    access(report, &mut page);
    fixed(report, &mut page);
    let findings = report.by_severity();
    let shown = table(&findings, report, &mut page);
    if shown < findings.len() {
        page.push(&format!("\n… and {}.\n", counted(findings.len() - shown, "more finding")));
    }
    helps(&findings[..shown], &mut page);
    for assumption in &report.assumptions {
        page.push(&format!("\n<sub>Assumed: {}</sub>\n", escaped(assumption)));
    }
    out.write_all(page.text.as_bytes())
}

/// A text that does not grow beyond its limit.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Adds a part, where there is room for all of it.
    fn push(&mut self, part: &str) -> bool {
        self.push_within(part, LONGEST)
    }

    fn push_within(&mut self, part: &str, longest: usize) -> bool {
        let fits = self.text.len() + part.len() <= longest;
        if fits {
            self.text += part;
        }
        fits
    }
}

fn headline(report: &Report) -> String {
    let counts: Vec<_> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (report.count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| counted(count, &severity.to_string()))
        .collect();
    match counts.as_slice() {
        [] if report.is_incomplete() => "not everything could be checked".to_string(),
        [] => match report.change.as_ref().map(to_look_at) {
            Some(changes) if changes.is_empty() => "nothing new found".to_string(),
            Some(changes) => format!("no new finding, but changes of access: {}", changes.join(", ")),
            None => "nothing found".to_string(),
        },
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The changes of access that are not safe, counted by their class.
fn to_look_at(change: &Change) -> Vec<String> {
    let of = |class: Class| change.access.iter().filter(|access| access.class == class).count();
    [(Class::Dangerous, "dangerous"), (Class::Breaking, "breaking"), (Class::Review, "to review")]
        .into_iter()
        .map(|(class, word)| (of(class), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect()
}

/// Adds what a change does to who can do what, and how many findings it mends.
fn access(report: &Report, page: &mut Page) {
    let Some(change) = &report.change else { return };
    let base = escaped(&change.base);
    let fixed = counted(change.fixed.len(), "finding");
    page.push(&format!("\nCompared with {base}: {fixed} fixed, {} as before.\n", change.staying));
    for removed in &change.removed {
        page.push_within(&format!("\n{}\n", escaped(&said_of_removed(removed))), LONGEST_ACCESS);
    }
    if change.access.is_empty() {
        return;
    }
    page.push("\n| access | what changes | place |\n|---|---|---|\n");
    let mut shown = 0;
    for access in &change.access {
        let place = access.cause.map(|cause| in_code(&line_in_repository(cause.place, report)));
        let sql = Some(sql_behind(access, &report.sources)).filter(|sql| !sql.is_empty());
        let sql = sql.map(|sql| format!("<br>{}", in_code(&sql)));
        let place = [place, sql].into_iter().flatten().collect::<String>();
        let row = format!("| {} | {} | {place} |\n", access.class.word(), escaped(&access.message));
        shown += usize::from(page.push_within(&row, LONGEST_ACCESS));
    }
    if shown < change.access.len() {
        page.push(&format!("\n… and {}.\n", counted(change.access.len() - shown, "more change")));
    }
}

/// How many of the findings that are gone are listed.
const MOST_FIXED: usize = 50;

/// Adds the findings that a change mends, folded.
fn fixed(report: &Report, page: &mut Page) {
    let Some(change) = report.change.as_ref().filter(|change| !change.fixed.is_empty()) else { return };
    let mut part = String::new();
    for fixed in change.fixed.iter().take(MOST_FIXED) {
        let _ = writeln!(part, "- {} (`{}`)", escaped(&fixed.message), fixed.rule);
    }
    if let Some(more) = change.fixed.len().checked_sub(MOST_FIXED).filter(|more| *more > 0) {
        let _ = writeln!(part, "- … and {more} more");
    }
    let title = counted(change.fixed.len(), "finding");
    page.push_within(
        &format!("\n<details><summary>{title} fixed</summary>\n\n{part}\n</details>\n"),
        LONGEST_ACCESS,
    );
}

/// Adds the table; gives how many findings it holds.
fn table(findings: &[&Diagnostic], report: &Report, page: &mut Page) -> usize {
    if findings.is_empty() {
        return 0;
    }
    page.push("\n| | finding | rule | place |\n|---|---|---|---|\n");
    findings.iter().take_while(|diagnostic| page.push_within(&row(diagnostic, report), LONGEST_TABLE)).count()
}

/// `path:line`
fn line_in_repository(span: Span, report: &Report) -> String {
    let place = report.place(span);
    format!("{}:{}", report.path_in_repository(&place), place.start.line)
}

fn row(diagnostic: &Diagnostic, report: &Report) -> String {
    format!(
        "| {} | {} | `{}` | {} |\n",
        diagnostic.severity,
        escaped(&diagnostic.message),
        diagnostic.rule,
        in_code(&line_in_repository(diagnostic.span, report)),
    )
}

/// Adds what mends each finding, folded.
fn helps(findings: &[&Diagnostic], page: &mut Page) {
    let with_help = findings.iter().filter_map(|diagnostic| Some((diagnostic, diagnostic.help.as_ref()?)));
    let mut part = String::new();
    for (diagnostic, help) in with_help {
        let help = clean_lines(help);
        let mut next = format!("\n{}\n", escaped(&diagnostic.message));
        if sql::is_sql(&help) {
            let fence = "`".repeat(longest_run(&help).max(2) + 1);
            let _ = write!(next, "\n{fence}sql\n{help}\n{fence}\n");
        } else {
            let lines: Vec<_> = help.lines().map(prose).collect();
            let _ = write!(next, "\n> {}\n", lines.join("  \n> "));
        }
        if page.text.len() + part.len() + next.len() > LONGEST {
            break;
        }
        part += &next;
    }
    if !part.is_empty() {
        page.push(&format!("\n<details><summary>How to mend it</summary>\n{part}\n</details>\n"));
    }
}

/// A text in which nothing is Markdown, HTML, a mention, a reference or a link. It fits in a cell.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in without_references(&one_line(text)).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '!' => out.extend(['\\', c]),
            '@' | '#' => out.extend([c, JOINT]),
            _ => out.push(c),
        }
    }
    out.replace("://", &format!(":{JOINT}//")).replace("www.", &format!("www{JOINT}."))
}

/// What keeps GitHub from seeing one word, and readers do not see.
const JOINT: char = '\u{200B}';

/// A text in which GitHub sees no commit and no `GH-1`.
fn without_references(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_of_word(c)) {
        let word = piece.trim_end_matches(|c| !is_of_word(c));
        let is_issue = word.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("gh-"));
        match is_issue || is_commit(word) {
            true => {
                out += &piece[..2];
                out.push(JOINT);
                out += &piece[2..];
            }
            false => out += piece,
        }
    }
    out
}

/// Whether a word reads as the hash of a commit, or the start of one.
fn is_commit(word: &str) -> bool {
    (7..=40).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A line of text, with what stands between backticks as code.
fn prose(line: &str) -> String {
    let parts: Vec<_> = line.split('`').collect();
    // Without a partner a backtick is one.
    let is_paired = parts.len() % 2 == 1;
    let part = |(at, part): (usize, &&str)| match at % 2 {
        1 if is_paired && !part.trim().is_empty() => in_code(part),
        _ => escaped(part),
    };
    let parts: Vec<_> = parts.iter().enumerate().map(part).collect();
    parts.join(if is_paired { "" } else { "\\`" })
}

/// A text as code, in a cell.
fn in_code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    match text.contains('`') {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::catalog::name::QName;
    use crate::change::stops::Cause;
    use crate::change::{AccessChange, Subject};
    use crate::sql::statement::PolicyCommand;

    #[test]
    fn the_most_severe_comes_first() {
        let out = example::rendered(render, &example::report());
        let expected = "\
### rls-lint: 1 error, 1 warning and 1 info

| | finding | rule | place |
|---|---|---|---|
| error | anyone can read and write public.todos | `rls-disabled-on-exposed-table` | `migrations/2_open.sql:1` |
| warning | policy \"open\" lets anon write every row of public.todos | `always-true-write-policy` | `migrations/2_open.sql:2` |
| info | public.todos has no primary key | `no-primary-key` | `migrations/1_init.sql:2` |

<details><summary>How to mend it</summary>

anyone can read and write public.todos

```sql
alter table public.todos enable row level security;
```
";
        assert!(out.starts_with(expected), "{out}");
        assert!(out.contains("\n</details>\n\n<sub>Assumed: schemas public, graphql\\_public"), "{out}");
    }

    #[test]
    fn names_are_no_markdown() {
        assert_eq!(
            escaped("a|b\n<img src=x> *c* @me #1 https://x.org \u{202E}`"),
            "a\\|b\u{FFFD}&lt;img src=x&gt; \\*c\\* @\u{200B}me #\u{200B}1 https:\u{200B}//x.org \u{FFFD}\\`"
        );
        assert_eq!(in_code("a`|b"), "`` a`\\|b ``");
        for (text, expected) in [
            ("GH-1, gh-22", "GH\u{200B}-1, gh\u{200B}-22"),
            ("HEAD^ (a32e795)", "HEAD^ (a3\u{200B}2e795)"),
            ("of 20250101000000_a.sql, 1234567 and facade", "of 20250101000000\\_a.sql, 1234567 and facade"),
            ("a32e795b-0000-4000-8000-000000000000", "a32e795b-0000-4000-8000-000000000000"),
            ("o/r#1 and o/r@a32e795", "o/r#\u{200B}1 and o/r@\u{200B}a3\u{200B}2e795"),
            ("me@example.org", "me@\u{200B}example.org"),
        ] {
            assert_eq!(escaped(text), expected);
        }
        let sources = example::sources(&[("a.sql", "select 1")]);
        let place = example::at(&sources, 0, "select");
        let mut finding = example::finding("x", Severity::Error, place, "y");
        finding.help("select '```\n</details>';");
        let out = example::rendered(render, &example::report_on(sources.clone(), vec![finding.clone()]));
        assert!(out.contains("\n````sql\nselect '```\n</details>';\n````\n"), "{out}");
        finding.help("see `using (a)` <here>\nor `there");
        let out = example::rendered(render, &example::report_on(sources, vec![finding]));
        assert!(out.contains("\n> see `using (a)` &lt;here&gt;  \n> or \\`there\n"), "{out}");
    }

    #[test]
    fn a_change_tells_who_can_do_what() {
        let mut report = example::report();
        report.diagnostics.clear();
        report.change = Some(Change {
            base: "main".into(),
            staying: 7,
            access: vec![AccessChange {
                class: Class::Dangerous,
                message: "anon can now read all rows of public.todos (was: none)".into(),
                subject: Subject::Relation,
                name: QName::new("public", "todos"),
                roles: vec!["anon".into()],
                commands: vec![PolicyCommand::Select],
                before: None,
                after: None,
                shows: Vec::new(),
                through: None,
                cause: Some(Cause::at(example::at(&report.sources, 1, "disable row"))),
                statement: None,
            }],
            ..Change::default()
        });
        let out = example::rendered(render, &report);
        let expected = "\
### rls-lint: no new finding, but changes of access: 1 dangerous

Compared with main: 0 findings fixed, 7 as before.

| access | what changes | place |
|---|---|---|
| dangerous | anon can now read all rows of public.todos (was: none) | `migrations/2_open.sql:4`<br>`alter table public.todos disable row level security;` |
";
        assert!(out.starts_with(expected), "{out}");
    }

    #[test]
    fn it_fits_into_a_comment() {
        let sources = example::sources(&[("a.sql", "select 1")]);
        let place = example::at(&sources, 0, "select");
        let mut finding = example::finding("x", Severity::Error, place, &"long ".repeat(30));
        finding.help("help ".repeat(30));
        let out = example::rendered(render, &example::report_on(sources, vec![finding; 2000]));
        assert!(out.len() <= LONGEST, "{}", out.len());
        assert!(out.contains("more findings.\n"), "{out}");
        assert!(out.trim_end().ends_with("</details>"), "{out}");
    }

    #[test]
    fn changes_of_access_that_are_left_out_are_counted() {
        let one = AccessChange {
            class: Class::Review,
            message: "long ".repeat(20),
            subject: Subject::Relation,
            name: QName::new("public", "a"),
            roles: Vec::new(),
            commands: Vec::new(),
            before: None,
            after: None,
            shows: Vec::new(),
            through: None,
            cause: None,
            statement: None,
        };
        let change = Change { access: vec![one; 1000], ..Change::default() };
        let out = example::rendered(render, &Report { change: Some(change), ..Report::default() });
        let shown = out.matches("\n| review |").count();
        assert!(out.contains(&format!("… and {} more changes.", 1000 - shown)), "{out}");
    }

    #[test]
    fn work_that_failed_does_not_look_clean() {
        assert_eq!(example::rendered(render, &Report::default()), "### rls-lint: nothing found\n");
        let failed = example::rendered(render, &Report::failed("cannot read x.sql".into()));
        assert!(failed.starts_with("### rls-lint: not everything could be checked\n"), "{failed}");
        assert!(failed.contains("cannot read x.sql"), "{failed}");
    }
}
