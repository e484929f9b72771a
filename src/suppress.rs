//! Comments that allow a finding, and those that allow what is not there.
//!
//! `-- rls-lint: allow(rule, rule) reason` above a statement, behind it or within it silences findings
//! whose place is in that statement; `-- rls-lint: allow-file(…)` those of the whole file.

use crate::config::rule_named;
use crate::diagnostic::{Diagnostic, Identity};
use crate::rule::{Findings, Rule};
use crate::source::{Sources, Span};
use crate::sql::Migration;
use crate::sql::comment::Comment;

/// The comments of a run.
#[derive(Debug, Default)]
pub struct Suppressions {
    list: Vec<Suppression>,
    flaws: Vec<(Span, String)>,
}

#[derive(Debug)]
struct Suppression {
    /// The rule's name in the comment.
    place: Span,
    rule: &'static str,
    covers: Covers,
    used: bool,
}

#[derive(Debug)]
enum Covers {
    File,
    Statement(Span),
    /// The comment stands behind the last statement.
    Nothing,
}

impl Suppressions {
    /// Reads the comments of a file.
    pub fn read(&mut self, migration: &Migration, sources: &Sources) {
        for comment in &migration.comments {
            let text = sources.text(comment.span);
            if let Some(at) = text.find("rls-lint:") {
                self.read_comment(comment, migration, text, at + "rls-lint:".len());
            } else if text.contains("rls-lint allow") {
                let flaw = "this comment lacks a colon; write `rls-lint: allow(rule) reason`";
                self.flaws.push((comment.span, flaw.to_string()));
            }
        }
    }

    fn read_comment(&mut self, comment: &Comment, migration: &Migration, text: &str, from: usize) {
        let whole = comment.span;
        let place = |start: usize, length: usize| {
            let start = whole.start as usize + start;
            Span::new(whole.file, start, start + length)
        };
        let Some((verb, list, rest_at)) = allow_list(&text[from..]) else {
            return self.flaws.push((
                whole,
                "this comment cannot be read; write `rls-lint: allow(rule) reason`".to_string(),
            ));
        };
        let covers = || match comment.statement.and_then(|at| migration.places.get(at)) {
            _ if verb == "allow-file" => Covers::File,
            Some(place) => Covers::Statement(*place),
            None => Covers::Nothing,
        };
        let mut at = from + rest_at;
        for item in list.split(',') {
            let id = item.trim();
            let start = at + (item.len() - item.trim_start().len());
            at += item.len() + 1;
            match rule_named(id) {
                Ok(rule) => self.list.push(Suppression {
                    place: place(start, id.len()),
                    rule: rule.id,
                    covers: covers(),
                    used: false,
                }),
                Err(message) => self.flaws.push((place(start, id.len().max(1)), message)),
            }
        }
    }

    /// Whether comments allow this finding, at each of its places; they count as used then.
    pub fn allows(&mut self, diagnostic: &mut Diagnostic) -> bool {
        let rule = diagnostic.rule;
        !diagnostic.retain_places(|span| !self.allows_at(rule, span))
    }

    fn allows_at(&mut self, rule: &str, place: Span) -> bool {
        let mut allowed = false;
        for suppression in self.list.iter_mut().filter(|suppression| suppression.rule == rule) {
            let covered = match suppression.covers {
                Covers::File => suppression.place.file == place.file,
                Covers::Statement(span) => span.contains(place),
                Covers::Nothing => false,
            };
            suppression.used |= covered;
            allowed |= covered;
        }
        allowed
    }

    /// Reports what no finding needed. Comments for rules that did not look are left alone.
    pub fn report_unused(
        &self,
        rule: &'static Rule,
        looked: impl Fn(&'static str) -> bool,
        sources: &Sources,
    ) -> Vec<Diagnostic> {
        let mut findings = Findings::new(rule);
        let file = |span: Span| Identity::plain("file", sources.get(span.file).path.clone());
        for suppression in &self.list {
            if suppression.used || !looked(suppression.rule) {
                continue;
            }
            let (message, help) = match suppression.covers {
                Covers::File => ("in this file", "remove it from the comment"),
                Covers::Statement(_) => ("in this statement", "remove it from the comment"),
                Covers::Nothing => ("here, as no statement follows", "move the comment above its statement"),
            };
            findings
                .report(
                    suppression.place,
                    file(suppression.place),
                    format!("{} finds nothing {message}", suppression.rule),
                )
                .note("allowed in vain")
                .what(suppression.rule)
                .help(help);
        }
        for (place, message) in &self.flaws {
            findings.report(*place, file(*place), message).what(message);
        }
        findings.list
    }
}

/// The verb, the list between its parentheses, and where the list starts.
fn allow_list(text: &str) -> Option<(&str, &str, usize)> {
    let open = text.find('(')?;
    let close = open + text[open..].find(')')?;
    let verb = text[..open].trim();
    matches!(verb, "allow" | "allow-file").then_some((verb, &text[open + 1..close], open + 1))
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
        let mut suppressions = Suppressions::default();
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
        assert!(comments.allows(&mut finding("no-primary-key", span)));
        assert!(!comments.allows(&mut finding("not-analysed", span)));
        assert!(!comments.allows(&mut finding("no-primary-key", Span { start: 0, ..span })));
        assert_eq!(
            unused(&comments, &sources),
            ["syntax-error: syntax-error finds nothing in this statement"]
        );
    }

    #[test]
    fn a_comment_may_cover_the_file() {
        let (mut comments, sources, span) = read("/* rls-lint: allow-file(no-primary-key) */", None);
        assert!(comments.allows(&mut finding("no-primary-key", Span { start: 0, end: 0, ..span })));
        assert!(!comments.allows(&mut finding("no-primary-key", Span { file: FileId(7), ..span })));
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
}
