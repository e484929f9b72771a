//! Findings for a person: the SQL they are about, what else is involved, and how to mend it.
//!
//! `ariadne` draws the excerpts. It is given no file as a whole, only a [`Sheet`] of the lines that
//! are pointed at: that keeps long dumps fast, and cuts long lines. Offsets in a sheet count
//! characters, because `ariadne` takes one of its own character offsets for a byte offset in the
//! heading of a second file when it is asked to count bytes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::rc::Rc;

use ariadne::{Cache, Color, Config, Label, ReportKind, Source};

use super::{Report, clean_lines, counted, is_unprintable, one_line, said_of_removed, sql_behind};
use crate::change::Class;
use crate::change::stops::Cause;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, SourceFile, Sources, Span, secret};

/// How many characters of a line are shown.
const WIDTH: usize = 120;

/// Where a cut line starts before its label.
const LEAD: usize = 20;

/// Labels of one file that are at most so many lines apart share an excerpt.
const NEAR: usize = 12;

const SECONDARY: Color = Color::Fixed(75);

/// Writes all of it.
pub(super) fn render(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    [findings, problems, change, summary].iter().try_for_each(|part| part(report, out, color))
}

/// Writes each finding.
pub(crate) fn findings(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let sheets = Sheets::of(report);
    for diagnostic in &report.diagnostics {
        write_finding(diagnostic, &report.sources, &sheets, out, color)?;
    }
    Ok(())
}

/// Writes what could not be done.
pub(crate) fn problems(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{} {}", paint("error:", style(Severity::Error), color), one_line(problem))?;
    }
    Ok(())
}

/// How many of the findings that are gone are listed.
const MOST_FIXED: usize = 10;

/// Writes what a change brings besides findings: who can do what now, and what is fixed.
pub(crate) fn change(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let Some(change) = &report.change else { return Ok(()) };
    for removed in &change.removed {
        writeln!(out, "{}", one_line(&said_of_removed(removed)))?;
    }
    if !change.access.is_empty() {
        writeln!(out, "Who can do what, compared with {}:", one_line(&change.base))?;
    }
    for access in &change.access {
        let style = match access.class {
            Class::Dangerous => style(Severity::Error),
            Class::Breaking | Class::Review => style(Severity::Warning),
            Class::Safe => GOOD,
        };
        let class = paint(&format!("{:<9}", access.class.word()), style, color);
        writeln!(out, "  {class}  {}", one_line(&access.message))?;
        if let Some(Cause { place, .. }) = access.cause {
            let file = report.sources.get(place.file);
            let place = format!("{}:{}", one_line(&file.path), file.position(place.start));
            writeln!(out, "             {}", paint(&place, FAINT, color))?;
            let sql = sql_behind(access, &report.sources);
            if !sql.is_empty() {
                writeln!(out, "               {sql}")?;
            }
        }
    }
    if !change.fixed.is_empty() {
        writeln!(out, "Fixed, compared with {}:", one_line(&change.base))?;
    }
    for fixed in change.fixed.iter().take(MOST_FIXED) {
        let rule = paint(fixed.rule, GOOD, color);
        writeln!(out, "  {rule} {} ({}:{})", one_line(&fixed.message), one_line(&fixed.file), fixed.line)?;
    }
    if let Some(more) = change.fixed.len().checked_sub(MOST_FIXED).filter(|more| *more > 0) {
        writeln!(out, "  … and {more} more")?;
    }
    Ok(())
}

/// Writes the closing lines: counts, and what was taken for granted.
pub(crate) fn summary(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    if report.summary.files == 0 && !report.problems.is_empty() {
        return Ok(());
    }
    let found: Vec<_> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (report.count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| paint(&counted(count, &severity.to_string()), style(severity), color))
        .collect();
    let found = match found.as_slice() {
        [] if report.change.is_some() => paint("Nothing new found", GOOD, color),
        [] => paint("Nothing found", GOOD, color),
        [one] => format!("Found {one}"),
        [first @ .., last] => format!("Found {} and {last}", first.join(", ")),
    };
    let summary = report.summary;
    let projects = match summary.projects {
        0 | 1 => String::new(),
        many => format!(" of {many} projects"),
    };
    let mut line = format!(
        "{found} in {}{projects} ({}) in {}.",
        counted(summary.files, "file"),
        counted(summary.statements, "statement"),
        milliseconds(summary.elapsed),
    );
    if let Some(change) = &report.change {
        line += &format!(
            " Compared with {}: {} fixed, {} as before.",
            one_line(&change.base),
            counted(change.fixed.len(), "finding"),
            change.staying
        );
    }
    if summary.suppressed > 0 {
        line += &format!(" {} suppressed.", counted(summary.suppressed, "finding"));
    }
    if summary.baselined > 0 {
        line += &format!(" {} in the baseline.", counted(summary.baselined, "finding"));
    }
    if summary.gaps > 0 {
        line += &format!(" {} could not be followed.", counted(summary.gaps, "statement"));
    }
    writeln!(out, "{line}")?;
    for assumption in &report.assumptions {
        writeln!(out, "{}", paint(&format!("Assumed: {}", one_line(assumption)), FAINT, color))?;
    }
    Ok(())
}

/// Three digits are enough to compare two runs.
fn milliseconds(elapsed: std::time::Duration) -> String {
    let ms = elapsed.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1e3)
    }
}

const BOLD: &str = "1";
const FAINT: &str = "2";
const GOOD: &str = "1;32";

/// The terminal's code for a severity.
fn style(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Info => "1;36",
    }
}

fn label_color(severity: Severity) -> Color {
    match severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
        Severity::Info => Color::Cyan,
    }
}

fn paint(text: &str, style: &str, color: bool) -> String {
    if color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_string() }
}

/// A place that a finding points at.
struct Mark<'a> {
    span: Span,
    line: usize,
    text: &'a str,
    color: Color,
}

fn marks<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Vec<Mark<'a>> {
    let mark = |span: Span, text, color| {
        let line = sources.get(span.file).position(span.start).line;
        Mark { span, line, text, color }
    };
    let note = diagnostic.note.as_deref().unwrap_or("here");
    let mut marks = vec![mark(diagnostic.span, note, label_color(diagnostic.severity))];
    marks.extend(diagnostic.labels.iter().map(|label| mark(label.span, &*label.text, SECONDARY)));
    marks
}

/// Groups marks that are shown under one heading. The first holds the finding's own place.
fn excerpts(marks: Vec<Mark<'_>>) -> Vec<Vec<Mark<'_>>> {
    let mut excerpts: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        let near =
            |other: &Mark<'_>| other.span.file == mark.span.file && other.line.abs_diff(mark.line) <= NEAR;
        match excerpts.iter_mut().find(|excerpt| excerpt.iter().any(near)) {
            Some(excerpt) => excerpt.push(mark),
            None => excerpts.push(vec![mark]),
        }
    }
    for excerpt in &mut excerpts {
        excerpt.sort_by_key(|mark| mark.line);
    }
    excerpts
}

fn write_finding(
    diagnostic: &Diagnostic,
    sources: &Sources,
    sheets: &Sheets,
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let heading = format!("{}[{}]", diagnostic.severity, diagnostic.rule);
    let message = format!(": {}", one_line(&diagnostic.message));
    writeln!(out, "{}{}", paint(&heading, style(diagnostic.severity), color), paint(&message, BOLD, color))?;

    let mut desk = Desk::default();
    for excerpt in excerpts(marks(diagnostic, sources)) {
        desk.lay(excerpt, diagnostic.span, sources, sheets);
    }
    let config = Config::new().with_color(color);
    let mut drawing =
        ariadne::Report::build(ReportKind::Error, (0, desk.primary.clone())).with_config(config);
    drawing.add_labels(desk.labels.drain(..));
    if !diagnostic.more.is_empty() {
        let places = counted(diagnostic.more.len(), "more place");
        drawing.set_note(format!("and {places}; --format json lists them all"));
    }
    if let Some(help) = &diagnostic.help {
        drawing.set_help(clean_lines(help));
    }
    let mut drawn = Vec::new();
    drawing.finish().write(&mut desk, &mut drawn)?;
    // The first line would be ariadne's own heading.
    for line in String::from_utf8_lossy(&drawn).lines().skip(1) {
        let wrong = desk.wrong_places.iter().position(|(wrong, _)| line.contains(wrong));
        match wrong.map(|at| desk.wrong_places.remove(at)) {
            Some((wrong, right)) => writeln!(out, "{}", line.replacen(&wrong, &right, 1))?,
            None => writeln!(out, "{}", line.trim_end())?,
        }
    }
    writeln!(out)
}

/// What `ariadne` needs for one finding. Pages are known by their number.
#[derive(Default)]
struct Desk {
    pages: Vec<Page>,
    labels: Vec<Label<(usize, Range<usize>)>>,
    /// The finding's own place, on the first page.
    primary: Range<usize>,
    /// What `ariadne` says in the headings of cut lines, and what it should say.
    wrong_places: Vec<(String, String)>,
}

struct Page {
    path: String,
    sheet: Rc<Sheet>,
}

impl Desk {
    /// Adds an excerpt as the next page.
    fn lay(&mut self, excerpt: Vec<Mark<'_>>, own: Span, sources: &Sources, sheets: &Sheets) {
        let id = self.pages.len();
        let order = i32::try_from(id).unwrap_or(i32::MAX);
        let file = sources.get(excerpt[0].span.file);
        let sheet = sheets.for_marks(file, &excerpt);
        let headed = excerpt.iter().find(|mark| mark.span == own).unwrap_or(&excerpt[0]);
        self.wrong_places.extend(sheet.wrong_place(file, headed.span));
        for mark in excerpt {
            let range = sheet.range(file, mark.span);
            if mark.span == own {
                self.primary = range.clone();
            }
            let label = Label::new((id, range)).with_message(one_line(mark.text));
            self.labels.push(label.with_color(mark.color).with_order(order));
        }
        self.pages.push(Page { path: one_line(&file.path).into_owned(), sheet });
    }
}

impl Cache<usize> for &mut Desk {
    type Storage = String;

    fn fetch(&mut self, id: &usize) -> Result<&Source, impl std::fmt::Debug> {
        self.pages.get(*id).map(|page| &page.sheet.source).ok_or("no such page")
    }

    fn display<'a>(&self, id: &'a usize) -> Option<impl std::fmt::Display + 'a> {
        self.pages.get(*id).map(|page| page.path.clone())
    }
}

/// The sheets of a report: one per file, which holds each line that a finding points at.
struct Sheets {
    files: BTreeMap<FileId, Rc<Sheet>>,
}

impl Sheets {
    fn of(report: &Report) -> Self {
        let mut lines: BTreeMap<FileId, BTreeMap<usize, usize>> = BTreeMap::new();
        for diagnostic in &report.diagnostics {
            for mark in marks(diagnostic, &report.sources) {
                lines.entry(mark.span.file).or_default().insert(mark.line, 0);
            }
        }
        let sheet = |(file, lines)| (file, Rc::new(Sheet::new(report.sources.get(file), &lines)));
        Self { files: lines.into_iter().map(sheet).collect() }
    }

    /// The file's sheet, or one of its own for marks that stand far to the right.
    fn for_marks(&self, file: &SourceFile, marks: &[Mark<'_>]) -> Rc<Sheet> {
        let mut lines = BTreeMap::new();
        for mark in marks {
            let column = file.position(mark.span.start).column - 1;
            let skipped = if column + LEAD < WIDTH { 0 } else { column - LEAD };
            let least = lines.entry(mark.line).or_insert(skipped);
            *least = skipped.min(*least);
        }
        if lines.values().all(|skipped| *skipped == 0) {
            Rc::clone(&self.files[&marks[0].span.file])
        } else {
            Rc::new(Sheet::new(file, &lines))
        }
    }
}

/// A file with only some of its lines. The others are empty, so that each keeps its number.
struct Sheet {
    source: Source,
    lines: BTreeMap<usize, Shown>,
}

/// A line on a sheet.
struct Shown {
    /// The character offset of its start in the sheet.
    at: usize,
    /// How many characters are left out at its start; one `…` stands for them.
    skipped: usize,
    /// How many characters are shown.
    length: usize,
}

impl Sheet {
    /// Shows lines by number, each without so many characters at its start.
    fn new(file: &SourceFile, lines: &BTreeMap<usize, usize>) -> Self {
        let mut text = String::new();
        let mut length = 0;
        let mut next = 1;
        let mut shown = BTreeMap::new();
        for (&line, &skipped) in lines {
            text.push_str(&"\n".repeat(line - next));
            let at = length + line - next;
            let from = text.len();
            write_line(&secret::masked(&file.text[file.line(line)]), skipped, &mut text);
            let width = text[from..].chars().count();
            text.push('\n');
            shown.insert(line, Shown { at, skipped, length: width });
            length = at + width + 1;
            next = line + 1;
        }
        Self { source: Source::from(text), lines: shown }
    }

    /// Where a span is on the sheet; a long one ends with its first line.
    fn range(&self, file: &SourceFile, span: Span) -> Range<usize> {
        let position = file.position(span.start);
        let shown = &self.lines[&position.line];
        let end = file.line(position.line).end.min(span.end as usize);
        let text = file.text.get(span.start as usize..end).unwrap_or("").trim_end();
        let start = shown.column(position.column - 1);
        let end = (start + text.chars().count()).min(shown.length);
        shown.at + start..shown.at + end.max(start + 1)
    }

    /// What `ariadne` says in a heading about a place on a cut line, and what it should say.
    fn wrong_place(&self, file: &SourceFile, span: Span) -> Option<(String, String)> {
        let position = file.position(span.start);
        let shown = &self.lines[&position.line];
        let place = |column| format!(" {}:{}:{column} ", one_line(&file.path), position.line);
        (shown.skipped > 0).then(|| (place(shown.column(position.column - 1) + 1), place(position.column)))
    }
}

impl Shown {
    /// Where a character of the line, counted from zero, is shown.
    fn column(&self, column: usize) -> usize {
        match self.skipped {
            0 => column.min(self.length),
            skipped => (column + 1).saturating_sub(skipped).min(self.length),
        }
    }
}

/// Writes the part of a line that is shown, without what would move the cursor.
fn write_line(line: &str, skipped: usize, out: &mut String) {
    if skipped > 0 {
        out.push('…');
    }
    let mut characters = line.chars().skip(skipped);
    out.extend(characters.by_ref().take(WIDTH).map(|c| if is_unprintable(c) { '\u{FFFD}' } else { c }));
    if characters.next().is_some() {
        out.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Summary, example};
    use super::*;

    fn drawn(report: &Report, color: bool) -> Vec<u8> {
        let mut out = Vec::new();
        render(report, &mut out, color).expect("writing to memory works");
        out
    }

    fn text(report: &Report) -> String {
        let out = drawn(report, false);
        String::from_utf8(out).expect("the output is UTF-8")
    }

    #[test]
    fn a_finding_tells_its_story_across_files() {
        let expected = r#"info[no-primary-key]: public.todos has no primary key
   ╭─[ migrations/1_init.sql:2:14 ]
   │
 2 │ create table public.todos (
   │              ──────┬─────
   │                    ╰─────── here
───╯

error[rls-disabled-on-exposed-table]: anyone can read and write public.todos
   ╭─[ migrations/2_open.sql:1:1 ]
   │
 1 │ create policy "open" on public.todos
   │ ──────────────────┬─────────────────
   │                   ╰─────────────────── here
   │
 4 │ alter table public.todos disable row level security;
   │                          ─────────────┬────────────
   │                                       ╰────────────── RLS switched off here
   │
   ├─[ migrations/1_init.sql:2:14 ]
   │
 2 │ create table public.todos (
   │              ──────┬─────
   │                    ╰─────── table created here
   │
   │ Help: alter table public.todos enable row level security;
───╯

warning[always-true-write-policy]: policy "open" lets anon write every row of public.todos
   ╭─[ migrations/2_open.sql:2:19 ]
   │
 2 │   for all to anon using (true);
   │                   ──────┬─────
   │                         ╰─────── true for every row
   │
   │ Help: alter policy "open" on public.todos
   │         using (owner = auth.uid());
───╯

Found 1 error, 1 warning and 1 info in 2 files (3 statements) in 4.3 ms. 2 findings suppressed. 1 statement could not be followed.
Assumed: schemas public, graphql_public are exposed; new tables are granted to anon
"#;
        assert_eq!(text(&example::report()), expected);
    }

    #[test]
    fn a_clean_run_says_so() {
        let summary = Summary { files: 12, statements: 340, projects: 2, ..Summary::default() };
        let report = Report { summary, problems: vec!["cannot read x.sql".into()], ..Report::default() };
        assert_eq!(
            text(&report),
            "error: cannot read x.sql\nNothing found in 12 files of 2 projects (340 statements) in 0.0 ms.\n"
        );
    }

    #[test]
    fn carets_stand_under_wide_characters_and_after_tabs() {
        let sources = example::sources(&[
            ("a.sql", "é\r\n\tcreate\ttable \"表é\" (id int);\r\nselect \u{1b}[31m 1;\r\n"),
            ("é.sql", "éé\n\n create table tödo ();"),
        ]);
        let mut finding =
            example::finding("x", Severity::Warning, example::at(&sources, 0, "\"表é\""), "wide\nname");
        finding
            .label(example::at(&sources, 0, "[31m"), "an escape sequence")
            .label(example::at(&sources, 1, "tödo"), "another file");
        let report = example::report_on(sources, vec![finding]);
        let expected = "warning[x]: wide\u{FFFD}name
   ╭─[ a.sql:2:15 ]
   │
 2 │     create table \"表é\" (id int);
   │                  ───┬─
   │                     ╰─── here
 3 │ select \u{FFFD}[31m 1;
   │         ──┬─
   │           ╰─── an escape sequence
   │
   ├─[ é.sql:3:15 ]
   │
 3 │  create table tödo ();
   │               ──┬─
   │                 ╰─── another file
───╯
";
        assert_eq!(finding_text(&report), expected);
    }

    #[test]
    fn long_lines_are_cut_and_keep_their_column() {
        let long = format!("select {} from x{};\n", "abc, ".repeat(100), " or true".repeat(100));
        let sources = example::sources(&[("l.sql", &long)]);
        let finding = example::finding("x", Severity::Error, example::at(&sources, 0, "from x"), "far right");
        let report = example::report_on(sources, vec![finding]);
        let expected = format!(
            "error[x]: far right
   ╭─[ l.sql:1:509 ]
   │
 1 │ …bc, abc, abc, abc,  from x{} tr…
   │                      ───┬──
   │                         ╰──── here
───╯
",
            &" or true".repeat(12)[..91]
        );
        assert_eq!(finding_text(&report), expected);
    }

    #[test]
    fn the_end_of_a_file_is_a_place() {
        for (text, line) in [("select 1", 1), ("select 1;\n", 2), ("", 1)] {
            let sources = example::sources(&[("e.sql", text)]);
            let end = Span::new(FileId(0), text.len(), text.len());
            let finding =
                example::finding("syntax-error", Severity::Error, end, "the statement does not end");
            let drawn = finding_text(&example::report_on(sources, vec![finding]));
            assert!(drawn.contains(&format!("[ e.sql:{line}:")), "{drawn}");
            assert!(drawn.contains("╰── here"), "{drawn}");
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let sql = "create table a (id int);\ncreate table b (id int);\n".repeat(3);
        let sources = example::sources(&[("1.sql", &sql)]);
        let places: Vec<_> =
            sql.match_indices("create").map(|(at, _)| Span::new(FileId(0), at, at + 6)).collect();
        let mut finding =
            example::finding("missing-created-at", Severity::Warning, places[0], "6 tables lack it");
        finding.label_each(places[1..].iter().map(|place| (*place, "and here")));
        let shown = text(&example::report_on(sources, vec![finding]));
        assert_eq!(shown.matches("and here").count(), 3);
        assert!(shown.contains("Note: and 2 more places; --format json lists them all"), "{shown}");
    }

    #[test]
    fn colour_changes_no_text() {
        let coloured = String::from_utf8(drawn(&example::report(), true)).expect("the output is UTF-8");
        assert!(coloured.contains("\u{1b}[1;31merror[rls-disabled-on-exposed-table]\u{1b}[0m"));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text(&example::report()));
    }

    /// The findings without the closing lines.
    fn finding_text(report: &Report) -> String {
        let text = text(report);
        text.split("\nFound ").next().unwrap_or("").to_string()
    }
}
