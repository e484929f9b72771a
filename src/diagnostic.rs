//! What a rule says about one place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::catalog::name::QName;
use crate::source::{Span, secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    /// `a warning`
    pub fn with_article(self) -> &'static str {
        match self {
            Self::Error => "an error",
            Self::Warning => "a warning",
            Self::Info => "an info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's id.
    pub rule: &'static str,
    pub severity: Severity,
    /// How severe the rule takes it for, where the settings say otherwise.
    pub by_rule: Option<Severity>,
    /// One sentence: the object, and what can happen to whom.
    pub message: String,
    /// What it says instead at the statement of a change that made it so, where its words are about its place.
    pub elsewhere: Option<String>,
    /// The narrowest place that explains it.
    pub span: Span,
    /// A few words under that place; the message is not repeated.
    pub note: Option<String>,
    /// The other statements involved.
    pub labels: Vec<Label>,
    /// Places like those of the last labels, too many for an excerpt: programs get them all, and a
    /// person their number.
    pub more: Vec<Label>,
    /// How to mend it, best with the SQL.
    pub help: Option<String>,
    /// What mends it where it stands, for a migration that no database has run yet: from one file, in
    /// order, to be made together.
    pub edits: Vec<Edit>,
    pub object: Identity,
    /// What sets it apart from other findings of the rule on the same object: a column, a role.
    pub what: String,
    /// What it lets requests do, each as role and privilege: `anon delete`. A finding stays the same one when
    /// this changes, and is worse where there is more of it.
    pub reach: BTreeSet<String>,
    /// What else it tells of, each in words: the columns, tables, policies or roles that it lists. It counts as
    /// `reach` does.
    pub extent: BTreeSet<String>,
    /// What it tells at once, if it is about a habit of the whole project: one finding for each place.
    pub instances: Vec<Self>,
    /// What its project is known by among others of the run; empty where it is the only one.
    pub project: String,
}

/// Up to so many places are pointed at that are all alike.
const MOST_LABELS: usize = 3;

/// Up to so many instances of a habit are told each by itself where only they are wanted.
const FEW: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// A text to stand in place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// The object that a finding is about. It stays the same when lines move.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `table`, `policy`, `function`, `file` …
    pub kind: &'static str,
    pub schema: Option<String>,
    pub name: String,
    /// The policy, column, index or constraint on the object.
    pub part: Option<String>,
}

impl Identity {
    pub fn new(kind: &'static str, name: &QName) -> Self {
        Self { kind, schema: Some(name.schema.to_string()), name: name.name.to_string(), part: None }
    }

    /// A part of a table or view: a policy, a column, an index.
    pub fn part(kind: &'static str, name: &QName, part: impl Into<String>) -> Self {
        Self { part: Some(part.into()), ..Self::new(kind, name) }
    }

    /// An object outside of all schemas: an extension, a role, a file.
    pub fn plain(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, schema: None, name: name.into(), part: None }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)?;
        self.part.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl Diagnostic {
    /// A key that stays the same while the finding does: the rule, the object and what.
    /// Lines, wording and severity do not enter.
    pub fn fingerprint(&self) -> String {
        let object = &self.object;
        let parts = [
            self.rule,
            object.kind,
            object.schema.as_deref().unwrap_or(""),
            &object.name,
            object.part.as_deref().unwrap_or(""),
            &self.what,
        ];
        hash(&parts)
    }

    /// The words of it that the names of objects may be in, besides its object.
    pub fn called_by(&self) -> [&str; 2] {
        let name = if self.object.schema.is_none() { self.object.name.as_str() } else { "" };
        [&self.what, name]
    }

    /// The fingerprint as it is printed: each of several projects has its own.
    pub fn key(&self) -> String {
        key(self.fingerprint(), &self.project)
    }

    /// Makes secrets unreadable that its words quote from the project.
    pub fn mask_secrets(&mut self) {
        self.instances.iter_mut().for_each(Self::mask_secrets);
        let labels = self.labels.iter_mut().chain(&mut self.more).map(|label| &mut label.text);
        let words = [&mut self.message]
            .into_iter()
            .chain(&mut self.elsewhere)
            .chain(&mut self.note)
            .chain(&mut self.help)
            .chain(labels);
        for text in words {
            if let Cow::Owned(masked) = secret::masked(text) {
                *text = masked;
            }
        }
    }

    /// How severe the rule takes it for, whatever the settings say.
    pub fn own_severity(&self) -> Severity {
        self.by_rule.unwrap_or(self.severity)
    }

    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    pub fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.note = Some(text.into());
        self
    }

    /// Points at another statement; nothing where there is none (the platform's own objects).
    pub fn label(&mut self, span: impl Into<Option<Span>>, text: impl Into<String>) -> &mut Self {
        if let Some(span) = span.into().filter(|span| *span != self.span) {
            self.labels.push(Label { span, text: text.into() });
        }
        self
    }

    /// Points at the first few of many places that are alike; the others are for programs.
    pub fn label_each<T: Into<String>>(&mut self, places: impl IntoIterator<Item = (Span, T)>) -> &mut Self {
        for (at, (span, text)) in places.into_iter().enumerate() {
            let to = if at < MOST_LABELS { &mut self.labels } else { &mut self.more };
            to.push(Label { span, text: text.into() });
        }
        self
    }

    /// Whether it tells a habit, of the whole project or of one object, at each place where it shows.
    pub fn is_about_project(&self) -> bool {
        !self.instances.is_empty()
    }

    /// What it says, each by itself: its instances, or where it has none, itself.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        let itself = std::iter::once(self).filter(|_| !self.is_about_project());
        self.instances.iter().chain(itself)
    }

    pub fn into_each(mut self) -> Vec<Self> {
        let instances = std::mem::take(&mut self.instances);
        if instances.is_empty() { vec![self] } else { instances }
    }

    pub fn each_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        let (instances, itself) = match self.instances.is_empty() {
            true => (&mut [][..], Some(self)),
            false => (&mut self.instances[..], None),
        };
        instances.iter_mut().chain(itself)
    }

    /// Says more, wherever it stands.
    pub fn add(&mut self, words: &str) {
        self.message.push_str(words);
        self.elsewhere.iter_mut().for_each(|message| message.push_str(words));
    }

    /// Points at another place first, for the reason that is given, and at its own as what it is about.
    pub fn move_to(&mut self, place: Span, why: String) {
        self.message = self.elsewhere.take().unwrap_or_else(|| std::mem::take(&mut self.message));
        let old = std::mem::replace(&mut self.span, place);
        let note = self.note.replace(why).unwrap_or_else(|| "this is what it is about".to_string());
        self.labels.insert(0, Label { span: old, text: note });
    }

    /// Tells these findings at once, at their places; `like` words it of all but the first.
    pub fn tell<T: Into<String>>(&mut self, instances: Vec<Self>, like: impl Fn(&Self) -> T) -> &mut Self {
        self.instances = instances;
        let others: Vec<_> = self.instances.iter().skip(1).map(|one| (one.span, like(one))).collect();
        self.label_each(others)
    }

    /// Keeps what is wanted of what it says; false where that is nothing.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Self) -> bool) -> bool {
        if !self.is_about_project() {
            return wanted(self);
        }
        let words = self.labels.drain(..).chain(self.more.drain(..)).map(|label| label.text);
        let words: Vec<_> = std::iter::once(String::new()).chain(words).collect();
        let told = std::mem::take(&mut self.instances).into_iter().zip(words);
        let (kept, words): (Vec<_>, Vec<_>) = told.filter(|(one, _)| wanted(one)).unzip();
        let Some(first) = kept.first() else { return false };
        self.span = first.span;
        let places: Vec<_> = kept.iter().map(|one| one.span).zip(words).skip(1).collect();
        self.label_each(places);
        self.instances = kept;
        true
    }

    /// What is wanted of what it says: a few findings of many are told each by itself. `are` says
    /// of the others what sets them apart.
    pub fn select(mut self, wanted: impl FnMut(&Self) -> bool, are: &str) -> Vec<Self> {
        let all = self.instances.len();
        match self.retain(wanted).then_some(self.instances.len()) {
            None => Vec::new(),
            Some(left) if left == all => vec![self],
            Some(left) if left <= FEW => self.instances,
            Some(left) => {
                self.message = format!("{}; {left} of them {are}", self.message);
                vec![self]
            }
        }
    }

    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }

    pub fn edit(&mut self, span: Span, text: impl Into<String>) -> &mut Self {
        self.edits.push(Edit { span, text: text.into() });
        self
    }

    pub fn what(&mut self, text: impl Into<String>) -> &mut Self {
        self.what = text.into();
        self
    }

    pub fn reach(&mut self, deeds: impl IntoIterator<Item = String>) -> &mut Self {
        self.reach.extend(deeds);
        self
    }

    pub fn extent<T: ToString>(&mut self, things: impl IntoIterator<Item = T>) -> &mut Self {
        self.extent.extend(things.into_iter().map(|thing| thing.to_string()));
        self
    }
}

/// A fingerprint as it is printed for a project.
pub fn key(fingerprint: String, project: &str) -> String {
    if project.is_empty() { fingerprint } else { hash(&[&fingerprint, project]) }
}

fn hash(parts: &[&str]) -> String {
    use std::hash::Hasher;
    let mut hasher = fnv::FnvHasher::default();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    format!("{:016x}", hasher.finish())
}

/// The numbers of the wanted among all that findings say, where it matters in which order they are asked for.
pub fn chosen<K: Ord>(
    found: &[Diagnostic],
    order: impl Fn(&Diagnostic) -> K,
    mut wanted: impl FnMut(&Diagnostic) -> bool,
) -> FxHashSet<usize> {
    let mut each: Vec<_> = found.iter().flat_map(Diagnostic::each).enumerate().collect();
    each.sort_by_key(|(_, one)| order(one));
    each.into_iter().filter(|(_, one)| wanted(one)).map(|(at, _)| at).collect()
}

/// What is wanted of findings, in order; see [`Diagnostic::select`].
pub fn selected(
    found: Vec<Diagnostic>,
    mut wanted: impl FnMut(&Diagnostic) -> bool,
    are: &str,
) -> Vec<Diagnostic> {
    found.into_iter().flat_map(|diagnostic| diagnostic.select(&mut wanted, are)).collect()
}
