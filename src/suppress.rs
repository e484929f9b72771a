//! Comments that allow a finding, and those that allow what is not there.
//!
//! `-- rls-lint: allow(rule, rule) reason` above a statement, behind it or within it silences findings
//! whose place is in that statement; `allow-start(…)` those from there to `allow-end(…)`, and
//! `allow-file(…)` those of the whole file. A comment with `until=YYYY-MM-DD` behind the list holds
//! through that day.

mod day;

pub use day::Day;

use crate::config::rule_named;
use crate::diagnostic::{Diagnostic, Identity};
use crate::rule::{Findings, Rule};
use crate::source::{Sources, Span};
use crate::sql::Migration;
use crate::sql::comment::Comment;

/// The comments of a run.
#[derive(Debug, Default)]
pub struct Suppressions {
    today: Day,
    list: Vec<Suppression>,
    flaws: Vec<(Span, String)>,
    /// Comments that give no reason.
    silent: Vec<Span>,
}

#[derive(Debug)]
struct Suppression {
    /// The rule's name in the comment.
    place: Span,
    rule: &'static str,
    covers: Covers,
    /// The last day that it holds.
    until: Option<Day>,
    used: bool,
}

#[derive(Clone, Copy, Debug)]
enum Covers {
    File,
    Statement(Span),
    /// The first statement, and what is said of the file above it.
    First(Span),
    /// What stands between two comments.
    Block(Span),
    /// The comment stands behind the last statement.
    Nothing,
}

/// `verb(list) rest`, each with its place in the comment.
struct Directive<'a> {
    verb: &'static str,
    list: &'a str,
    list_at: usize,
    rest: &'a str,
    rest_at: usize,
}

const HOW: &str = "write `rls-lint: allow(rule) reason`";

impl Suppressions {
    /// None so far; those whose day is before this one do not hold.
    pub fn new(today: Day) -> Self {
        Self { today, ..Self::default() }
    }

    /// Reads the comments of a file.
    pub fn read(&mut self, migration: &Migration, sources: &Sources) {
        let first = self.list.len();
        for comment in &migration.comments {
            let text = sources.text(comment.span);
            let lower = text.to_ascii_lowercase();
            if let Some(at) = lower.find("rls-lint:") {
                self.read_comment(comment, migration, text, at + "rls-lint:".len(), first);
            } else if lower.contains("rls-lint allow") {
                self.flaws.push((comment.span, format!("this comment lacks a colon; {HOW}")));
            }
        }
        let end = sources.get(migration.file).text.len();
        for open in self.list[first..].iter().filter(|one| is_open(one)) {
            let flaw =
                format!("no `allow-end({0})` follows: {0} is allowed to the end of the file", open.rule);
            self.flaws.push((open.place, flaw));
        }
        for open in self.list[first..].iter_mut().filter(|one| is_open(one)) {
            open.covers = Covers::Block(Span::new(migration.file, open.place.end as usize, end));
        }
    }

    fn read_comment(
        &mut self,
        comment: &Comment,
        migration: &Migration,
        text: &str,
        from: usize,
        first: usize,
    ) {
        let whole = comment.span;
        let place = |start: usize, length: usize| {
            let start = whole.start as usize + start;
            Span::new(whole.file, start, start + length)
        };
        let Some(directive) = directive(text, from) else {
            return self.flaws.push((whole, format!("this comment cannot be read; {HOW}")));
        };
        let until = match until(&directive) {
            None => None,
            Some((_, Ok(day))) => Some(day),
            Some((at, Err(message))) => {
                let length = text[at..].split_whitespace().next().map_or(1, str::len);
                return self.flaws.push((place(at, length), message));
            }
        };
        let covers = match comment.statement.and_then(|at| migration.places.get(at)) {
            _ if directive.verb == "allow-file" => Covers::File,
            // Open until the comment that ends it.
            _ if directive.verb == "allow-start" => Covers::Block(Span { start: whole.end, ..whole }),
            place => match (broken_before(migration, whole, place), place) {
                (Some(broken), _) => Covers::Statement(broken),
                (None, Some(place)) if is_head(migration, comment) => Covers::First(*place),
                (None, Some(place)) => Covers::Statement(*place),
                (None, None) => Covers::Nothing,
            },
        };
        let mut named = Vec::new();
        let mut at = directive.list_at;
        for item in directive.list.split(',') {
            let id = item.trim();
            let start = at + (item.len() - item.trim_start().len());
            at += item.len() + 1;
            match rule_named(id) {
                Ok(rule) => named.push((rule.id, place(start, id.len()))),
                Err(message) => self.flaws.push((place(start, id.len().max(1)), message)),
            }
        }
        if directive.verb == "allow-end" {
            return self.end_blocks(&named, whole, first);
        }
        if !directive
            .rest
            .split_whitespace()
            .any(|word| !word.starts_with(UNTIL) && word.contains(char::is_alphanumeric))
        {
            self.silent.extend(named.first().map(|(_, place)| *place));
        }
        let list =
            named.into_iter().map(|(rule, place)| Suppression { place, rule, covers, until, used: false });
        self.list.extend(list);
    }

    /// Ends the blocks of a file that a comment names.
    fn end_blocks(&mut self, named: &[(&'static str, Span)], comment: Span, first: usize) {
        for (rule, place) in named {
            let open = self.list[first..].iter_mut().rfind(|one| one.rule == *rule && is_open(one));
            match open {
                Some(open) => {
                    let start = open.place.end;
                    open.covers = Covers::Block(Span { start, end: comment.start, ..comment });
                }
                None => self.flaws.push((*place, format!("no `allow-start({rule})` is open here"))),
            }
        }
    }

    /// Whether a comment whose rule is named here has allowed something.
    pub fn is_used(&self, place: Span) -> bool {
        self.list.iter().any(|suppression| suppression.used && suppression.place == place)
    }

    /// Whether comments allow a finding; they count as used then.
    pub fn allows(&mut self, diagnostic: &Diagnostic) -> bool {
        let (rule, place) = (diagnostic.rule, diagnostic.span);
        let today = self.today;
        let mut allowed = false;
        let of_rule = self.list.iter_mut().filter(|suppression| suppression.rule == rule);
        for suppression in of_rule.filter(|suppression| !suppression.is_over(today)) {
            let covered = match suppression.covers {
                Covers::File => suppression.place.file == place.file,
                Covers::Statement(span) | Covers::Block(span) => span.contains(place),
                Covers::First(span) => {
                    span.contains(place) || span.file == place.file && place.end <= span.start
                }
                Covers::Nothing => false,
            };
            suppression.used |= covered;
            allowed |= covered;
        }
        allowed
    }

    /// Takes for needed what a comparison may need: it tells a finding about an older object at the statement
    /// that made it so. Such a statement names the object, or a label of the finding is in it.
    pub fn keep_for_comparison(&mut self, found: &[&Diagnostic], sources: &Sources) {
        for suppression in self.list.iter_mut().filter(|one| !one.used) {
            let covered = match suppression.covers {
                Covers::Statement(span) | Covers::First(span) | Covers::Block(span) => span,
                Covers::File => {
                    let file = suppression.place.file;
                    Span::new(file, 0, sources.get(file).text.len())
                }
                Covers::Nothing => continue,
            };
            let text = sources.text(covered).to_lowercase();
            let may_stand_here = |one: &Diagnostic| {
                one.rule == suppression.rule
                    && one.span < covered
                    && (one.labels.iter().any(|label| covered.contains(label.span))
                        || text.contains(&one.object.name.to_lowercase()))
            };
            suppression.used = found.iter().flat_map(|one| one.each()).any(may_stand_here);
        }
    }

    /// Reports what no finding needed, what is over, and what cannot be read. Comments for rules that
    /// did not look are left alone.
    pub fn report_unused(
        &self,
        rule: &'static Rule,
        looked: impl Fn(&'static str) -> bool,
        sources: &Sources,
    ) -> Vec<Diagnostic> {
        let mut findings = Findings::new(rule);
        for suppression in self.list.iter().filter(|suppression| looked(suppression.rule)) {
            let (message, note, help) = match suppression.until {
                Some(day) if day < self.today => (
                    format!("{} was allowed until {day}, which is over", suppression.rule),
                    "no longer allowed",
                    "mend what is found, or think again and give it another day",
                ),
                _ if suppression.used => continue,
                _ => {
                    let (place, help) = suppression.covers.in_words();
                    (format!("{} finds nothing {place}", suppression.rule), "allowed in vain", help)
                }
            };
            findings
                .report(suppression.place, file(suppression.place, sources), message)
                .note(note)
                .what(suppression.rule)
                .help(help);
        }
        for (place, message) in &self.flaws {
            findings.report(*place, file(*place, sources), message).what(message);
        }
        findings.list
    }

    /// Reports comments that do not say why.
    pub fn report_silent(&self, rule: &'static Rule, sources: &Sources) -> Vec<Diagnostic> {
        let mut findings = Findings::new(rule);
        for place in &self.silent {
            let allowed = sources.text(*place);
            findings
                .report(*place, file(*place, sources), format!("no reason is given why {allowed} is allowed"))
                .note("a reason may follow the parenthesis")
                .what(allowed)
                .help(format!("-- rls-lint: allow({allowed}) why it is fine here"));
        }
        findings.list
    }
}

impl Suppression {
    fn is_over(&self, today: Day) -> bool {
        self.until.is_some_and(|day| day < today)
    }
}

impl Covers {
    /// Where it holds, and what to do if nothing is found there.
    fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::File => ("in this file", "remove it from the comment"),
            Self::Statement(_) | Self::First(_) => ("in this statement", "remove it from the comment"),
            Self::Block(_) => ("in this block", "remove it from both comments"),
            Self::Nothing => ("here, as no statement follows", "move the comment above its statement"),
        }
    }
}

/// Whether a block has begun and not ended.
fn is_open(suppression: &Suppression) -> bool {
    matches!(suppression.covers, Covers::Block(span) if span.start == span.end)
}

fn file(place: Span, sources: &Sources) -> Identity {
    Identity::plain("file", sources.get(place.file).path.clone())
}

const VERBS: [&str; 4] = ["allow", "allow-file", "allow-start", "allow-end"];

const UNTIL: &str = "until=";

/// What follows `rls-lint:` in a comment, from an offset on.
fn directive(text: &str, from: usize) -> Option<Directive<'_>> {
    let open = from + text[from..].find('(')?;
    let close = open + text[open..].find(')')?;
    let written = text[from..open].trim();
    let verb = VERBS.into_iter().find(|verb| written.eq_ignore_ascii_case(verb))?;
    let rest = &text[close + 1..];
    Some(Directive {
        verb,
        list: &text[open + 1..close],
        list_at: open + 1,
        rest: rest.strip_suffix("*/").unwrap_or(rest),
        rest_at: close + 1,
    })
}

/// The day that a comment gives, or what is wrong with it, and where it stands.
fn until(directive: &Directive<'_>) -> Option<(usize, Result<Day, String>)> {
    let day = |word: &str| word.trim_end_matches([',', ';', '.']).parse::<Day>();
    let place = |word: &str| Some(directive.rest_at + directive.rest.find(word)?);
    let words = || directive.rest.split_whitespace();
    if let Some(word) = words().find(|word| word.starts_with(UNTIL)) {
        return Some((place(word)?, day(&word[UNTIL.len()..])));
    }
    // `until: 2030-01-01` and `(expires 2030-01-01)` are no reasons.
    let lower = directive.rest.to_ascii_lowercase();
    ["until", "expires"].into_iter().find_map(|word| {
        let at = lower.find(word)?;
        let meant = lower[at + word.len()..].trim_start_matches([' ', ':', '=']);
        let meant = &meant[..meant.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(meant.len())];
        day(meant).ok()?;
        Some((directive.rest_at + at, Err(format!("a last day is written {UNTIL}{meant}"))))
    })
}

/// Whether a comment stands above all statements of its file.
fn is_head(migration: &Migration, comment: &Comment) -> bool {
    let is_below = |error: &crate::sql::SyntaxError| error.statement.start >= comment.span.end;
    comment.statement == Some(0) && migration.errors.iter().all(is_below)
}

/// The statement that PostgreSQL cannot parse which a comment stands in or above, where the one that it
/// would belong to otherwise comes later.
fn broken_before(migration: &Migration, comment: Span, place: Option<&Span>) -> Option<Span> {
    let is_before = |span: &Span| place.is_none_or(|place| span.end <= place.start);
    let mut broken = migration.errors.iter().map(|error| error.statement);
    broken.find(|span| comment.start < span.end && is_before(span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::{FileId, FileRole, SourceFile};

    /// A file of one statement, `select 1`, with a comment before it.
    fn read(comment: &str, statement: Option<usize>) -> (Suppressions, Sources, Span) {
        let text = format!("{comment}\nselect 1");
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a.sql".into(), FileRole::Migration, text.clone().into()));
        let span = Span::new(file, comment.len() + 1, text.len());
        let migration = Migration {
            file,
            statements: Vec::new(),
            places: vec![span],
            comments: vec![Comment {
                span: Span::new(file, 0, comment.len()),
                text: comment.into(),
                statement,
            }],
            errors: Vec::new(),
            skipped: Vec::new(),
        };
        let mut suppressions = Suppressions::new("2026-06-15".parse().expect("it is a day"));
        suppressions.read(&migration, &sources);
        (suppressions, sources, span)
    }

    fn finding(rule: &'static str, span: Span) -> Diagnostic {
        let mut diagnostic = crate::config::diagnostic(span, String::new(), String::new(), None);
        diagnostic.rule = rule;
        diagnostic.severity = Severity::Error;
        diagnostic
    }

    fn unused(suppressions: &Suppressions, sources: &Sources) -> Vec<String> {
        let rule = rule_named("unused-suppression").expect("it is a rule");
        let list = suppressions.report_unused(rule, |_| true, sources);
        list.iter().map(|found| format!("{}: {}", sources.text(found.span), found.message)).collect()
    }

    #[test]
    fn a_comment_covers_its_statement() {
        let (mut comments, sources, span) =
            read("-- rls-lint: allow(no-primary-key, syntax-error) it is a queue", Some(0));
        assert!(comments.allows(&finding("no-primary-key", span)));
        assert!(!comments.allows(&finding("not-analysed", span)));
        assert!(!comments.allows(&finding("no-primary-key", Span { start: 0, ..span })));
        let first_line = Span { start: 0, end: span.start - 1, ..span };
        assert!(comments.allows(&finding("no-primary-key", first_line)), "it is about the file");
        assert_eq!(
            unused(&comments, &sources),
            ["syntax-error: syntax-error finds nothing in this statement"]
        );
    }

    #[test]
    fn a_comment_may_cover_the_file() {
        let (mut comments, sources, span) = read("/* rls-lint: allow-file(no-primary-key) */", None);
        assert!(comments.allows(&finding("no-primary-key", Span { start: 0, end: 0, ..span })));
        assert!(!comments.allows(&finding("no-primary-key", Span { file: FileId(7), ..span })));
        assert_eq!(unused(&comments, &sources), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let (comments, sources, _) = read("-- rls-lint: allow(no-primery-key)", Some(0));
        assert_eq!(
            unused(&comments, &sources),
            ["no-primery-key: no rule is called `no-primery-key`; did you mean `no-primary-key`?"]
        );
        let (comments, sources, _) = read("-- rls-lint: ignore no-primary-key", Some(0));
        assert!(unused(&comments, &sources)[0].contains("this comment cannot be read"));
        let (comments, sources, _) = read("-- rls-lint: allow(no-primary-key)", None);
        assert!(unused(&comments, &sources)[0].contains("as no statement follows"));
    }

    #[test]
    fn a_comment_holds_through_its_last_day() {
        let (mut comments, sources, span) =
            read("-- rls-lint: allow(no-primary-key) until=2026-06-15 a queue", Some(0));
        assert!(comments.allows(&finding("no-primary-key", span)));
        assert_eq!(unused(&comments, &sources), Vec::<String>::new());
        let (mut comments, sources, span) =
            read("/* rls-lint: allow(no-primary-key) a queue until=2026-06-14*/", Some(0));
        assert!(!comments.allows(&finding("no-primary-key", span)));
        assert_eq!(
            unused(&comments, &sources),
            ["no-primary-key: no-primary-key was allowed until 2026-06-14, which is over"]
        );
        let (comments, sources, _) =
            read("-- RLS-LINT: ALLOW(no-primary-key) until 2026-06-14 a queue", Some(0));
        assert_eq!(unused(&comments, &sources), ["until: a last day is written until=2026-06-14"]);
        for written in
            ["until = 2026-06-14", "(Until=2026-06-14)", "until: 2026-06-14", "expires=2026-06-14 x"]
        {
            let (comments, sources, _) =
                read(&format!("-- rls-lint: allow(no-primary-key) {written}"), Some(0));
            let told = unused(&comments, &sources);
            assert!(told[0].ends_with("a last day is written until=2026-06-14"), "{written}: {told:?}");
        }
        let (comments, sources, _) = read("-- rls-lint: allow(no-primary-key) until=2026-6-14", Some(0));
        assert_eq!(unused(&comments, &sources), ["until=2026-6-14: `2026-6-14` is no day; write YYYY-MM-DD"]);
    }

    #[test]
    fn a_reason_is_words() {
        let silent = |comment: &str| read(comment, Some(0)).0.silent.len();
        assert_eq!(silent("-- rls-lint: allow(no-primary-key) a queue"), 0);
        assert_eq!(silent("-- rls-lint: allow(no-primary-key)"), 1);
        assert_eq!(silent("/* rls-lint: allow(no-primary-key) -- */"), 1);
        assert_eq!(silent("-- rls-lint: allow(no-primary-key, syntax-error) until=2030-01-01"), 1);
    }
}
