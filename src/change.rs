//! What a change brings: the findings and the rights of two histories, compared.

pub mod access;
pub mod recreated;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::name::QName;
use crate::diagnostic::{Diagnostic, Identity, Label, Severity};
use crate::predicate::Reach;
use crate::rule::Group;
use crate::rules;
use crate::source::{FileId, Sources, Span};
use crate::sql::statement::PolicyCommand;

/// What a run says besides the findings that a change brings.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What it is compared with, in words: `main`, `version 20250101000000`.
    pub base: String,
    /// Findings of the base that are gone.
    pub fixed: Vec<Fixed>,
    /// How many findings the base has as well. They are not listed.
    pub staying: usize,
    /// Who can do more or less than before, the most dangerous first.
    pub access: Vec<AccessChange>,
}

/// A finding of the base that is gone. Its place is one of the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub rule: &'static str,
    pub severity: Severity,
    pub message: String,
    pub object: Identity,
    pub fingerprint: String,
    /// The path as it is shown.
    pub file: String,
    /// From one.
    pub line: usize,
}

impl Fixed {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let file = sources.get(diagnostic.span.file);
        Self {
            rule: diagnostic.rule,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            object: diagnostic.object.clone(),
            fingerprint: diagnostic.fingerprint(),
            file: file.path.clone(),
            line: file.position(diagnostic.span.start).line,
        }
    }
}

/// How much a reader of the change has to care about a change of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Rows are opened that were not, and nothing holds them to the caller.
    Dangerous,
    /// What worked no longer does.
    Breaking,
    /// It depends on what is meant.
    Review,
    /// Less than before can be done, or only more with what is the caller's own.
    Safe,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Self::Dangerous => "dangerous",
            Self::Breaking => "breaking",
            Self::Review => "review",
            Self::Safe => "safe",
        }
    }
}

/// What some roles can do with a relation that they could not, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChange {
    pub class: Class,
    /// `authenticated can now read all rows of public.invoices (was: own rows)`
    pub message: String,
    pub relation: QName,
    pub roles: Vec<String>,
    pub commands: Vec<PolicyCommand>,
    /// The rows reached before; nothing where there was no such relation.
    pub before: Option<Reach>,
    /// The rows reached now; nothing where the relation is gone.
    pub after: Option<Reach>,
    /// The statement that makes it so, where one does.
    pub span: Option<Span>,
}

/// The findings of two runs on one project, told apart.
#[derive(Debug, Default)]
pub struct Compared {
    pub introduced: Vec<Diagnostic>,
    pub fixed: Vec<Fixed>,
    pub staying: usize,
}

/// Tells the findings that are new, or more severe than they were, from those that the base has.
///
/// Findings are the same if they share a fingerprint; of several that do, those in files that the
/// base does not have as they are (`is_new`) are the new ones. A finding about the whole project is
/// taken apart: only its new places are new. What is said about a relation that got another name
/// (`renamed`: the old one and the new one) is said about it still.
pub fn compare(
    (base, base_sources): (&[Diagnostic], &Sources),
    (head, head_sources): (Vec<Diagnostic>, &Sources),
    renamed: &[(QName, QName)],
    is_new: &dyn Fn(FileId) -> bool,
) -> Compared {
    let base: Vec<_> = base.iter().map(|diagnostic| under_new_name(diagnostic, renamed)).collect();
    let mut known: FxHashMap<String, Vec<&Diagnostic>> = FxHashMap::default();
    for diagnostic in base.iter().rev() {
        known.entry(diagnostic.fingerprint()).or_default().push(diagnostic);
    }
    let before = Blamed::of(&base, base_sources);
    let after = Blamed::of(&head, head_sources);
    let mut compared = Compared::default();
    let (old, new): (Vec<_>, Vec<_>) = head.into_iter().partition(|one| !is_new(one.span.file));
    for mut diagnostic in old.into_iter().chain(new) {
        let same = known.get_mut(&diagnostic.fingerprint()).and_then(Vec::pop);
        let is_worse = same.is_some_and(|same| diagnostic.severity > same.severity);
        let is_known = if diagnostic.is_about_project() {
            let is_old = |span| before.anywhere.contains(&(diagnostic.rule, head_sources.text(span)));
            let mut rest = diagnostic.clone();
            let has_new = rest.retain_places(|span| !is_old(span));
            if has_new && !is_worse {
                diagnostic = rest;
            }
            !has_new
        } else {
            let place = (diagnostic.rule, head_sources.text(diagnostic.span));
            same.is_some() || before.in_project.contains(&place)
        };
        if is_known && !is_worse {
            compared.staying += 1;
        } else {
            compared.introduced.push(diagnostic);
        }
    }
    let left: FxHashSet<String> =
        known.into_iter().filter(|(_, list)| !list.is_empty()).map(|(fingerprint, _)| fingerprint).collect();
    for diagnostic in &base {
        let mut places = diagnostic.places().map(|span| (diagnostic.rule, base_sources.text(span)));
        let is_left = if diagnostic.is_about_project() {
            places.any(|place| after.anywhere.contains(&place))
        } else {
            places.any(|place| after.in_project.contains(&place))
        };
        if left.contains(&diagnostic.fingerprint()) && !is_left {
            compared.fixed.push(Fixed::new(diagnostic, base_sources));
        }
    }
    compared
}

/// A finding about a relation that has another name now, as one about that name.
fn under_new_name(diagnostic: &Diagnostic, renamed: &[(QName, QName)]) -> Diagnostic {
    let mut diagnostic = diagnostic.clone();
    let object = &mut diagnostic.object;
    let is_it = |old: &QName| {
        object.schema.as_deref() == Some(old.schema.as_str()) && object.name == *old.name.as_str()
    };
    if let Some((_, name)) = renamed.iter().find(|(old, _)| is_it(old)) {
        object.schema = Some(name.schema.to_string());
        object.name = name.name.to_string();
    }
    diagnostic
}

/// Moves a finding to where a change made it so, which is where a reviewer sees it: to the newest label
/// that is in a file of the change, or to the statement of it that changed the object last (`changed`).
/// Edits in other files are left out: databases ran these.
pub fn move_to_change(
    diagnostic: &mut Diagnostic,
    is_new: &dyn Fn(FileId) -> bool,
    changed: &dyn Fn(&Identity) -> Option<Span>,
) {
    diagnostic.edits.retain(|edit| is_new(edit.span.file));
    if is_new(diagnostic.span.file) || diagnostic.is_about_project() {
        return;
    }
    let labels = diagnostic.labels.iter().enumerate().filter(|(_, label)| is_new(label.span.file));
    let newest = labels.max_by_key(|(_, label)| (label.span.file, label.span.start)).map(|(at, _)| at);
    let (span, text) = match newest {
        Some(at) => {
            let label = diagnostic.labels.remove(at);
            (label.span, label.text)
        }
        None => match changed(&diagnostic.object) {
            Some(span) => (span, "this makes it so".to_string()),
            None => return,
        },
    };
    let old = std::mem::replace(&mut diagnostic.span, span);
    let note = diagnostic.note.replace(text).unwrap_or_else(|| "this is what it is about".to_string());
    diagnostic.labels.insert(0, Label { span: old, text: note });
}

/// Leaves out that a table was opened where another finding says so already.
pub fn without_repeats(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let relation = |one: &Diagnostic| (one.object.schema.clone(), one.object.name.clone());
    let is_about_rows = |one: &&Diagnostic| one.rule != WIDENED && one.severity > Severity::Info;
    let is_security = |one: &&Diagnostic| {
        rules::find(one.rule).is_some_and(|rule| matches!(rule.group, Group::Rls | Group::Auth | Group::Api))
    };
    let told: FxHashSet<_> = found.iter().filter(is_about_rows).filter(is_security).map(relation).collect();
    found.retain(|one| one.rule != WIDENED || !told.contains(&relation(one)));
    found
}

/// The rule about changes of access.
pub const WIDENED: &str = "policy-widened";

/// The rules that find more where a change is compared with its base: a comment that silences one may be
/// needed there and idle here.
pub const COMPARING: [&str; 4] = [WIDENED, "recreated-view-lost-settings", "migration-order", "ad-hoc-ddl"];

/// What the rules point at, by the text there.
struct Blamed<'a> {
    anywhere: FxHashSet<(&'static str, &'a str)>,
    /// In findings about the whole project.
    in_project: FxHashSet<(&'static str, &'a str)>,
}

impl<'a> Blamed<'a> {
    fn of(diagnostics: &[Diagnostic], sources: &'a Sources) -> Self {
        let (mut anywhere, mut in_project) = (FxHashSet::default(), FxHashSet::default());
        for diagnostic in diagnostics {
            for span in diagnostic.places() {
                let place = (diagnostic.rule, sources.text(span));
                anywhere.insert(place);
                if diagnostic.is_about_project() {
                    in_project.insert(place);
                }
            }
        }
        Self { anywhere, in_project }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// The ids and places of what is introduced, the messages of what is fixed, and what stays.
    fn compared(rule: &str, base: &str, head: &str) -> (Vec<String>, usize, usize) {
        let rule = crate::rules::named(rule);
        let (base, head) = (Bench::new(base), Bench::new(head));
        let run = |bench: &Bench| bench.run(rule, &rule.options.defaults());
        let is_new = |file: FileId| file.0 as usize >= base.sources.len();
        let found = compare((&run(&base), &base.sources), (run(&head), &head.sources), &[], &is_new);
        let texts = found.introduced.iter().map(|one| head.sources.text(one.span).to_string());
        (texts.collect(), found.fixed.len(), found.staying)
    }

    fn tables(names: &str) -> String {
        names.chars().map(|name| format!("create table public.{name} (id int);\n")).collect()
    }

    #[test]
    fn lines_do_not_count() {
        let base = tables("ab");
        let head = format!("\n\n{base}-- file: 2_more.sql\n{}", tables("c"));
        assert_eq!(compared("no-primary-key", &base, &head), (vec!["public.c".to_string()], 0, 2));
        assert_eq!(compared("no-primary-key", &head, &base), (vec![], 1, 2));
    }

    #[test]
    fn a_habit_is_taken_apart() {
        let few = tables("abcde");
        let many = format!("{few}-- file: 2_more.sql\n{}", tables("fghijklm"));
        let more = format!("{many}-- file: 3_more.sql\n{}", tables("n"));
        let rule = "missing-created-at";
        // Five of their own become one about all, and the other way round.
        assert_eq!(compared(rule, &few, &many), (vec!["public.f".to_string()], 0, 0));
        assert_eq!(compared(rule, &many, &few), (vec![], 0, 5));
        assert_eq!(compared(rule, &many, &more), (vec!["public.n".to_string()], 0, 0));
        assert_eq!(compared(rule, &many, &many), (vec![], 0, 1));
        assert_eq!(compared(rule, &many, ""), (vec![], 1, 0));
    }

    #[test]
    fn what_gets_worse_is_new() {
        let base = "-- explicit\ncreate table public.a (id int);";
        let head = format!("{base} grant select on public.a to anon;");
        let (introduced, fixed, staying) = compared("rls-disabled-on-exposed-table", base, &head);
        assert_eq!((introduced.len(), fixed, staying), (1, 0, 0));
    }
}
