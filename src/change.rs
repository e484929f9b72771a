//! What a change brings: the findings and the rights of two histories, compared.

pub mod access;
pub mod buckets;
pub mod former;
pub mod naming;
pub mod recreated;
pub mod stops;

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::{in_words, reach_in_words};
use crate::catalog::name::QName;
use crate::change::stops::Cause;
use crate::diagnostic::{Diagnostic, Identity, Severity, chosen, selected};
use crate::predicate::Reach;
use crate::rules;
use crate::source::{FileId, Sources, Span};
use crate::sql::name::Ident;
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
    /// Projects of the base that are gone.
    pub removed: Vec<Removed>,
}

/// A project of the base that is gone: what was found there is neither fixed nor as before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Its folder as it is shown.
    pub project: String,
    pub migrations: usize,
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

/// What a change of rights is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A table or view.
    Relation,
    Function,
    /// A schema, which the Data API serves or not.
    Schema,
    /// A bucket of Storage, in the schema `storage`.
    Bucket,
}

/// What some roles can do with an object that they could not, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChange {
    pub class: Class,
    /// `authenticated can now read all rows of public.invoices (was: own rows)`
    pub message: String,
    pub subject: Subject,
    /// Of a schema, its own name twice.
    pub name: QName,
    pub roles: Vec<String>,
    /// Those on rows: none of a function or schema.
    pub commands: Vec<PolicyCommand>,
    /// The rows reached before; nothing where there was no such relation.
    pub before: Option<Reach>,
    /// The rows reached now; nothing where the relation is gone.
    pub after: Option<Reach>,
    /// The columns of tables that a view shows and did not, where it is about these: `auth.users.email`; or those for
    /// few that can be read now in all rows of a table.
    pub shows: Vec<String>,
    /// The function by which the rows are reached with the rights of its owner, where it is about one.
    pub through: Option<String>,
    /// The part of a statement that makes it so, where one does.
    pub cause: Option<Cause>,
    /// All of that statement.
    pub statement: Option<Span>,
}

impl AccessChange {
    /// One that is not about rows, of no role as yet, and without a place.
    fn new(subject: Subject, name: QName, class: Class, message: String) -> Self {
        Self {
            class,
            message,
            subject,
            name,
            roles: Vec::new(),
            commands: Vec::new(),
            before: None,
            after: None,
            shows: Vec::new(),
            through: None,
            cause: None,
            statement: None,
        }
    }
}

/// What got another name.
#[derive(Clone, Debug, Default)]
pub struct Renamed {
    /// Tables and views: the old name and the new one.
    pub relations: Vec<(QName, QName)>,
    /// Functions, of whose old names there is none left.
    pub functions: Vec<(QName, QName)>,
    pub parts: Vec<RenamedPart>,
    /// The relations as words.
    words: FxHashMap<String, String>,
}

/// A policy or column that got another name.
#[derive(Clone, Debug)]
pub struct RenamedPart {
    /// `policy` or `column`.
    pub kind: &'static str,
    /// The table, as it is called now.
    pub of: QName,
    pub old: String,
    pub new: String,
}

impl Renamed {
    pub fn new(
        relations: Vec<(QName, QName)>,
        functions: Vec<(QName, QName)>,
        parts: Vec<RenamedPart>,
    ) -> Self {
        let words = relations.iter().map(|(old, new)| (old.to_string(), new.to_string())).collect();
        Self { relations, functions, parts, words }
    }

    /// Words of a finding, with the names that relations have now.
    fn in_text(&self, text: &str) -> String {
        naming::with_names(text, &|name| self.words.get(name).cloned()).into_owned()
    }

    /// A finding about what had another name as one about the name of now.
    fn applied(&self, finding: &Diagnostic) -> Diagnostic {
        let mut finding = finding.clone();
        rename(&mut finding, self);
        finding
    }

    /// What a column of before is called now, with its relation.
    fn column(&self, (relation, column): (QName, Ident)) -> (QName, Ident) {
        let of = self.relation(relation);
        let is_it =
            |part: &&RenamedPart| part.kind == "column" && part.of == of && part.old == column.as_str();
        let new = self.parts.iter().find(is_it).map(|part| Ident::from(part.new.as_str()));
        (of, new.unwrap_or(column))
    }

    /// What a relation of before is called now.
    pub fn relation(&self, name: QName) -> QName {
        self.relations.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new.clone())
    }

    /// What a function of before is called now.
    pub fn function(&self, name: QName) -> QName {
        self.functions.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new.clone())
    }

    /// What a relation of now was called before.
    pub fn former<'n>(&'n self, name: &'n QName) -> &'n QName {
        self.relations.iter().find(|(_, new)| new == name).map_or(name, |(old, _)| old)
    }

    /// A signature of before with the function's name of now, and those of the tables whose rows it takes.
    pub fn signature(&self, text: &str) -> String {
        let text = self.in_text(text);
        let renamed = self.functions.iter().find_map(|(old, new)| {
            let arguments = text.strip_prefix(&old.quoted()).filter(|rest| rest.starts_with('('))?;
            Some(format!("{}{arguments}", new.quoted()))
        });
        renamed.unwrap_or(text)
    }

    /// Makes findings about what had another name those about the name of now.
    pub fn apply(&self, found: &mut [Diagnostic]) {
        found.iter_mut().for_each(|diagnostic| rename(diagnostic, self));
    }
}

impl RenamedPart {
    /// The part's new name, if that is what is said to be about it.
    fn new_name(&self, object: &Identity) -> Option<&str> {
        let is_it = object.kind == self.kind && object.part.as_ref() == Some(&self.old) && self.is_of(object);
        is_it.then_some(&self.new)
    }

    /// Whether it is a part of what is said to be about this, or of its relation.
    fn is_of(&self, object: &Identity) -> bool {
        object.schema.as_deref() == Some(self.of.schema.as_str()) && object.name == *self.of.name.as_str()
    }

    /// A name as findings write it: `phone`, `policy "own"`.
    fn called(&self, name: &str) -> String {
        let name = Ident::from(name);
        if self.kind == "policy" { format!("policy {}", name.delimited()) } else { name.quoted() }
    }

    /// A thing of which a finding about `object` tells, under its new name: a part of that object, or a policy of a
    /// table that is named as well. Tables have their new names.
    fn in_words(&self, thing: &str, object: &Identity) -> Option<String> {
        let rest = thing.strip_prefix(&self.called(&self.old))?;
        let is_it = rest.is_empty() && self.is_of(object) || rest == format!(" on {}", self.of);
        is_it.then(|| format!("{}{rest}", self.called(&self.new)))
    }

    /// `anon select(phone)` with the new name.
    fn in_deed(&self, deed: &str) -> String {
        match deed.strip_suffix(&format!("({})", self.old)) {
            Some(privilege) => format!("{privilege}({})", self.new),
            None => deed.to_string(),
        }
    }
}

/// The findings of two runs on one project, told apart.
#[derive(Debug, Default)]
pub struct Compared {
    pub introduced: Vec<Diagnostic>,
    /// Of those, the ones that the base has as well, and that got worse: by their fingerprints.
    pub grown: FxHashMap<String, Grown>,
    /// How many of each fingerprint the base has.
    pub counts: FxHashMap<String, usize>,
    pub fixed: Vec<Fixed>,
    pub staying: usize,
}

impl Compared {
    /// How many findings of a fingerprint the base has.
    pub fn count_before(&self, fingerprint: &str) -> usize {
        self.counts.get(fingerprint).copied().unwrap_or_default()
    }
}

/// How a finding is worse than it was.
#[derive(Debug)]
pub struct Grown {
    /// What it lets requests do that it did not.
    pub reach: BTreeSet<String>,
    /// What else it tells of and did not.
    pub extent: BTreeSet<String>,
    /// How severe its rule took it for, where that is more severe now.
    pub was: Option<Severity>,
}

impl Grown {
    /// `was_done` tells what requests could do before, though the finding did not say so.
    fn between(before: &Diagnostic, after: &Diagnostic, was_done: &dyn Fn(&str) -> bool) -> Option<Self> {
        // In another file the settings may give it another level.
        let by_settings = || {
            let nothing = Self { reach: BTreeSet::new(), extent: BTreeSet::new(), was: None };
            (after.severity > before.severity).then_some(nothing)
        };
        let mut known = before.reach.clone();
        known.extend(after.reach.iter().filter(|deed| was_done(deed)).cloned());
        Self::since([&known, &before.extent], before.own_severity(), after).or_else(by_settings)
    }

    /// Held against the reach and the extent of a finding, and how severe its rule took it for. Levels of the
    /// settings do not enter: who raises one gets no finding anew.
    pub fn since(
        [reach, extent]: [&BTreeSet<String>; 2],
        severity: Severity,
        after: &Diagnostic,
    ) -> Option<Self> {
        let reach: BTreeSet<_> = after.reach.difference(reach).cloned().collect();
        let extent: BTreeSet<_> = after.extent.difference(extent).cloned().collect();
        let was = Some(severity).filter(|severity| after.own_severity() > *severity);
        let has_grown = !reach.is_empty() || !extent.is_empty() || was.is_some();
        has_grown.then_some(Self { reach, extent, was })
    }

    /// Whether a finding on the way is as bad as the one that has grown.
    pub fn is_reached_by(&self, one: &Diagnostic) -> bool {
        self.reach.is_subset(&one.reach)
            && self.extent.is_subset(&one.extent)
            && self.was.is_none_or(|was| one.own_severity() > was)
    }
}

/// What findings were known by before.
#[derive(Clone, Copy)]
pub enum Earlier {
    Base,
    Baseline,
}

/// Which of the places of the head the change brought.
pub struct Brought<'a> {
    /// Whether the base does not have a file as it is.
    pub file: &'a dyn Fn(FileId) -> bool,
    /// Whether it does not have the statement of a place.
    pub place: &'a dyn Fn(Span) -> bool,
}

/// Tells the findings that are new, more severe than they were or let requests do more, from those that the
/// base has.
///
/// Findings are the same if they share a fingerprint; of several that do, those in statements that the
/// base does not have (`brought`) are the new ones. A finding about the whole project is
/// taken apart: only its new instances are new. Of what is gone, that is fixed which `is_mended` tells so. What
/// requests could do before (`was_done`) is not new, whatever the finding said of it.
pub fn compare(
    (base, base_sources): (&[Diagnostic], &Sources),
    head: Vec<Diagnostic>,
    brought: &Brought<'_>,
    is_mended: &dyn Fn(&Diagnostic) -> bool,
    was_done: &dyn Fn(&Diagnostic, &str) -> bool,
) -> Compared {
    let mut known: FxHashMap<String, Vec<Numbered<'_>>> = FxHashMap::default();
    let earlier: Vec<Numbered<'_>> = base.iter().flat_map(Diagnostic::each).enumerate().collect();
    for one in earlier.iter().rev() {
        known.entry(one.1.fingerprint()).or_default().push(*one);
    }
    let mut compared = Compared {
        counts: known.iter().map(|(fingerprint, list)| (fingerprint.clone(), list.len())).collect(),
        ..Compared::default()
    };
    let calls = calls(&head);
    let is_introduced = |one: &Diagnostic| {
        let fingerprint = one.fingerprint();
        let before = known.get_mut(&fingerprint).and_then(|list| counterpart(list, one));
        // Of what a REVOKE leaves is not told while a view or policy needs it.
        let is_only_told_now = || {
            one.rule == REVOKED
                && !(brought.file)(one.span.file)
                && one.reach.iter().all(|deed| was_done(one, deed))
        };
        let Some(before) = before else { return !is_only_told_now() };
        let grown = Grown::between(before, one, &|deed| was_done(one, deed));
        let has_grown = grown.is_some();
        compared.grown.extend(grown.map(|grown| (fingerprint, grown)));
        has_grown
    };
    // What the base may have comes first.
    let introduced = chosen(&head, |one| (brought.place)(one.span), is_introduced);
    let mut number = 0..;
    for diagnostic in head {
        let is_introduced = |_: &Diagnostic| number.next().is_some_and(|at| introduced.contains(&at));
        let mut introduced = diagnostic.select(is_introduced, "are new");
        say_what_grew(&mut introduced, &|one| compared.grown.get(&one.fingerprint()), Earlier::Base);
        compared.introduced.extend(introduced);
    }
    let left: FxHashSet<usize> = known.into_values().flatten().map(|(at, _)| at).collect();
    let mut number = 0..;
    let mut stays = |one: &Diagnostic| {
        number.next().is_some_and(|at| !left.contains(&at))
            && !compared.grown.contains_key(&one.fingerprint())
    };
    // A finding that tells several stays with one of them.
    let staying = base.iter().filter(|one| one.each().filter(|one| stays(one)).count() > 0);
    compared.staying = staying.count();
    let is_called = |one: &Diagnostic| calls.get(&one.object).is_some_and(|calls| one.reach.is_subset(calls));
    let mut number = 0..;
    let is_gone = |one: &Diagnostic| {
        number.next().is_some_and(|at| left.contains(&at)) && is_mended(one) && !is_called(one)
    };
    let fixed = selected(base.to_vec(), is_gone, "are gone");
    compared.fixed.extend(fixed.iter().map(|diagnostic| Fixed::new(diagnostic, base_sources)));
    compared
}

/// Who can call the functions that findings are about. A rule that says it of strangers says it of all: another
/// one that did is not mended by that.
fn calls(found: &[Diagnostic]) -> FxHashMap<Identity, BTreeSet<String>> {
    let mut calls: FxHashMap<_, BTreeSet<_>> = FxHashMap::default();
    let about_calls = |one: &&Diagnostic| one.object.kind == "function" && !one.reach.is_empty();
    for one in found.iter().flat_map(Diagnostic::each).filter(about_calls) {
        calls.entry(one.object.clone()).or_default().extend(one.reach.iter().cloned());
    }
    calls
}

/// A finding of the base, and which of them it is.
type Numbered<'d> = (usize, &'d Diagnostic);

/// Takes out the one of several findings that stands for another: best one that lets requests do as much.
fn counterpart<'d>(list: &mut Vec<Numbered<'d>>, one: &Diagnostic) -> Option<&'d Diagnostic> {
    let covers = |(_, before): &Numbered<'_>| {
        one.reach.is_subset(&before.reach) && one.extent.is_subset(&before.extent)
    };
    let as_much = list.iter().rposition(covers);
    let found = as_much.map(|at| list.remove(at)).or_else(|| list.pop());
    found.map(|(_, before)| before)
}

/// Has findings say what more they let requests do or tell of, or how mild they were; one that tells several says
/// only the former, where all of them do more.
pub fn say_what_grew<'g>(
    found: &mut [Diagnostic],
    grown: &dyn Fn(&Diagnostic) -> Option<&'g Grown>,
    earlier: Earlier,
) {
    let (new, then) = match earlier {
        Earlier::Base => ("new with this change", "before this change"),
        Earlier::Baseline => ("new since the baseline", "when the baseline was written"),
    };
    let say_more = |one: &mut Diagnostic, reach: &BTreeSet<String>, extent: &BTreeSet<String>| {
        let more = [reach_in_words(reach), extent_in_words(extent)];
        let more: Vec<_> = more.into_iter().filter(|words| !words.is_empty()).collect();
        if !more.is_empty() {
            one.add(&format!("; {new}: {}", more.join("; ")));
        }
    };
    for diagnostic in found {
        let each: Option<Vec<_>> = diagnostic.each().map(grown).collect();
        if let Some(each) = each.filter(|_| diagnostic.is_about_project()) {
            let reach = each.iter().flat_map(|grown| &grown.reach).cloned().collect();
            let extent = each.iter().flat_map(|grown| &grown.extent).cloned().collect();
            say_more(diagnostic, &reach, &extent);
        }
        for one in diagnostic.each_mut() {
            let Some(grown) = grown(one) else { continue };
            say_more(one, &grown.reach, &grown.extent);
            if let Some(was) = grown.was {
                let was_taken = if one.by_rule.is_some() { "its rule took it for" } else { "it was" };
                one.add(&format!("; {was_taken} {} {then}", was.with_article()));
            }
        }
    }
}

/// More things than these are counted.
const MOST_NAMED: usize = 4;

/// `role, plan and public.invoices`
fn extent_in_words(extent: &BTreeSet<String>) -> String {
    let mut words: Vec<_> = extent.iter().take(MOST_NAMED).cloned().collect();
    if extent.len() > MOST_NAMED {
        words.push(format!("{} more", extent.len() - MOST_NAMED));
    }
    in_words(&words, "and")
}

/// Makes findings about files in one folder those about the same files in another one.
pub fn move_files(found: &mut [Diagnostic], from: &str, to: &str) {
    for one in found.iter_mut().filter(|_| from != to).flat_map(Diagnostic::each_mut) {
        if let Some(inside) = one.object.name.strip_prefix(from).filter(|_| one.object.kind == "file") {
            one.object.name = format!("{to}{inside}");
        }
    }
}

fn rename(diagnostic: &mut Diagnostic, renamed: &Renamed) {
    diagnostic.instances.iter_mut().for_each(|one| rename(one, renamed));
    let object = &mut diagnostic.object;
    let is_it = |old: &QName| {
        object.schema.as_deref() == Some(old.schema.as_str()) && object.name == *old.name.as_str()
    };
    let is_routine = object.kind == "function";
    let names = if is_routine { &renamed.functions } else { &renamed.relations };
    if let Some((_, name)) = names.iter().find(|(old, _)| is_it(old)) {
        object.schema = Some(name.schema.to_string());
        object.name = name.name.to_string();
    }
    // What has no schema is no relation, or one that a statement names: it said what it said.
    if object.schema.is_some() || object.kind == "grant" {
        diagnostic.message = renamed.in_text(&diagnostic.message);
        let what = &diagnostic.what;
        diagnostic.what = if is_routine { renamed.signature(what) } else { renamed.in_text(what) };
    }
    if object.kind == "grant" {
        object.name = renamed.in_text(&object.name);
    }
    for part in renamed.parts.iter().filter(|part| part.kind == "column" && part.is_of(object)) {
        diagnostic.reach = diagnostic.reach.iter().map(|deed| part.in_deed(deed)).collect();
    }
    let in_words = |thing: &String| {
        let thing = renamed.in_text(thing);
        renamed.parts.iter().find_map(|part| part.in_words(&thing, object)).unwrap_or(thing)
    };
    diagnostic.extent = diagnostic.extent.iter().map(in_words).collect();
    if let Some(new) = renamed.parts.iter().find_map(|part| part.new_name(object)) {
        object.part = Some(new.to_string());
    }
}

/// Moves a finding to where a change made it so, which is where a reviewer sees it: to the newest label
/// that is in a file of the change. Edits in other files are left out: databases ran these.
pub fn move_to_change(diagnostic: &mut Diagnostic, is_new: &dyn Fn(FileId) -> bool) {
    if diagnostic.is_about_project() {
        diagnostic.instances.iter_mut().for_each(|one| move_to_change(one, is_new));
        diagnostic.retain(|_| true);
        return;
    }
    diagnostic.edits.retain(|edit| is_new(edit.span.file));
    if is_new(diagnostic.span.file) {
        return;
    }
    let labels = diagnostic.labels.iter().enumerate().filter(|(_, label)| is_new(label.span.file));
    let newest = labels.max_by_key(|(_, label)| (label.span.file, label.span.start)).map(|(at, _)| at);
    if let Some(at) = newest {
        let label = diagnostic.labels.remove(at);
        diagnostic.move_to(label.span, label.text);
    }
}

/// Leaves out what the base has as well, though fewer times, where nothing says which statement of the change made it
/// more: what stands elsewhere is old.
pub fn without_old_places(
    found: Vec<Diagnostic>,
    compared: &Compared,
    is_new: &dyn Fn(FileId) -> bool,
) -> Vec<Diagnostic> {
    let is_placed = |one: &Diagnostic| {
        let fingerprint = one.fingerprint();
        is_new(one.span.file)
            || compared.count_before(&fingerprint) == 0
            || compared.grown.contains_key(&fingerprint)
    };
    selected(found, is_placed, "are new")
}

/// The findings that stand in no file of the change, each by itself.
pub fn misplaced<'d>(
    found: &'d mut [Diagnostic],
    is_new: &dyn Fn(FileId) -> bool,
) -> Vec<&'d mut Diagnostic> {
    let each = found.iter_mut().flat_map(Diagnostic::each_mut);
    each.filter(|one| !is_new(one.span.file)).collect()
}

/// Leaves out what is told twice: that a relation was opened where findings about it say so already and are as
/// severe, and where these are infos, those that say no more of the statement, or that were there before and grew
/// by it.
pub fn without_repeats(mut found: Vec<Diagnostic>, grown: &FxHashMap<String, Grown>) -> Vec<Diagnostic> {
    // The settings may want what is opened to be more severe than what else is said of it.
    let widened = found.iter().filter(|one| one.rule == WIDENED).map(|one| one.severity).max();
    let mut told: FxHashMap<_, Told> = FxHashMap::default();
    for one in
        found.iter().flat_map(Diagnostic::each).filter(|one| one.rule != WIDENED && is_about_access(one))
    {
        let told = told.entry(relation(one)).or_default();
        let counts = one.severity > Severity::Info && Some(one.severity) >= widened;
        told.counts |= counts;
        told.is_about_all |= counts && one.reach.is_empty();
        told.reach.extend(one.reach.iter().cloned());
    }
    let is_told = |one: &Diagnostic| {
        let told = told.get(&relation(one)).filter(|told| told.counts);
        told.is_some_and(|told| told.is_about_all || one.reach.is_subset(&told.reach))
    };
    found.retain(|one| one.rule != WIDENED || !is_told(one));
    let widened: Vec<_> = found.iter().filter(|one| one.rule == WIDENED).cloned().collect();
    let repeats = |one: &Diagnostic| {
        let grown = grown.get(&one.fingerprint());
        let by = |widened: &Diagnostic| match grown {
            Some(grown) => grown.extent.is_empty() && grown.reach.is_subset(&widened.reach),
            None => widened.span == one.span && !one.reach.is_empty() && one.reach.is_subset(&widened.reach),
        };
        let is_told = |widened: &Diagnostic| relation(widened) == relation(one) && by(widened);
        one.severity == Severity::Info && one.rule != WIDENED && widened.iter().any(is_told)
    };
    found.retain_mut(|one| one.retain(|one| !repeats(one)));
    found
}

/// What findings about a relation say of who can do what.
#[derive(Default)]
struct Told {
    /// Whether one of them is severe enough to stand for what was opened.
    counts: bool,
    /// Whether one of them does not say which requests it is about.
    is_about_all: bool,
    reach: BTreeSet<String>,
}

fn relation(one: &Diagnostic) -> (Option<String>, String) {
    (one.object.schema.clone(), one.object.name.clone())
}

fn is_about_access(one: &Diagnostic) -> bool {
    rules::find(one.rule).is_some_and(|rule| rule.group.is_access())
}

/// The rule about what a REVOKE leaves.
const REVOKED: &str = "ineffective-revoke";

/// The rule about changes of access.
pub const WIDENED: &str = "policy-widened";

/// The rules that find more where a change is compared with its base: a comment that silences one may be
/// needed there and idle here.
pub const COMPARING: [&str; 4] = [WIDENED, "recreated-view-lost-settings", "migration-order", "ad-hoc-ddl"];

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
        let brought = Brought { file: &is_new, place: &|place| is_new(place.file) };
        let found = compare((&run(&base), &base.sources), run(&head), &brought, &|_| true, &|_, _| false);
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
        assert_eq!(compared(rule, &few, &many), (vec!["public.f".to_string()], 0, 5));
        assert_eq!(compared(rule, &many, &few), (vec![], 1, 1));
        assert_eq!(compared(rule, &many, &more), (vec!["public.n".to_string()], 0, 1));
        assert_eq!(compared(rule, &many, &many), (vec![], 0, 1));
        assert_eq!(compared(rule, &many, ""), (vec![], 1, 0));
    }

    #[test]
    fn what_a_habit_points_at_may_read_the_same_everywhere() {
        let table = |name: usize| {
            format!(
                "create table public.t{name} (owner uuid);
                 alter table public.t{name} enable row level security;
                 create policy own on public.t{name} to authenticated using (owner = auth.uid());\n"
            )
        };
        let base: String = (0..12).map(table).collect();
        let head = format!("{base}-- file: 2_more.sql\n{}", table(12));
        let expected = (vec!["auth.uid()".to_string()], 0, 1);
        assert_eq!(compared("auth-call-per-row", &base, &head), expected);
        assert_eq!(compared("auth-call-per-row", &base, &base), (vec![], 0, 1));
    }

    #[test]
    fn what_gets_worse_is_new() {
        let base = "-- explicit\ncreate table public.a (id int);";
        let head = format!("{base} grant select on public.a to anon;");
        let (introduced, fixed, staying) = compared("rls-disabled-on-exposed-table", base, &head);
        assert_eq!((introduced.len(), fixed, staying), (1, 0, 0));
    }
}
