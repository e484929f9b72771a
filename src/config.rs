//! `rls-lint.yaml` and the rule-sets: which rules look, how severe they are, with which options.
//!
//! Shapes are closed. An unknown key, rule or value is a diagnostic in the user's own file, and the
//! rest of the file still holds.

mod document;
mod idle;
mod layer;
mod locate;
pub mod rule_set;
mod schema;
mod show;

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::map::IndexMap;

pub use schema::schema;

use crate::config::layer::{Entry, Layer, Override};
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::rule::{ParsedOptions, Rule};
use crate::rules;
use crate::source::{FileId, FileRole, SourceFile, Sources, Span, offset};

/// The names that the file may have.
const NAMES: [&str; 2] = ["rls-lint.yaml", "rls-lint.yml"];

/// What findings about the configuration itself are called. It is no rule: it cannot be switched off.
pub const CONFIGURATION: &str = "configuration";

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Off,
    /// As severe as the rule says.
    On,
    At(Severity),
}

/// What the user asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// `--config FILE`, in place of the one that is found.
    pub config: Option<PathBuf>,
    /// `--no-config`
    pub no_config: bool,
    /// `--rule-set NAME`, in place of what the file extends.
    pub rule_set: Option<String>,
    /// `--only RULE`: no other rule looks.
    pub only: Vec<&'static str>,
}

/// What holds for one project, resolved and validated.
#[derive(Clone, Default)]
pub struct Settings {
    rules: IndexMap<&'static str, RuleSettings>,
    overrides: Vec<Overriding>,
    only: Vec<&'static str>,
    /// `known-roles`: roles that no migration makes.
    known_roles: Vec<(String, Origin)>,
    /// `exposed-schemas`, in place of what `config.toml` says.
    exposed: Option<Exposed>,
    /// The files that were read, as they are shown; one comes after those that it extends.
    files: Vec<String>,
    /// The folder of the last of them.
    folder: PathBuf,
    /// The last of them.
    file: Option<FileId>,
}

#[derive(Clone)]
struct Exposed {
    names: Vec<layer::Located>,
    from: Origin,
    /// Nothing of a shipped rule-set.
    file: Option<FileId>,
}

#[derive(Clone)]
struct Overriding {
    given: Override,
    paths_from: Origin,
    /// Of each rule.
    rules_from: Vec<Origin>,
}

#[derive(Clone)]
struct RuleSettings {
    level: Level,
    options: ParsedOptions,
    level_from: Origin,
    /// Options as they are written, and where; nothing where they are the rule's own.
    written: Option<(String, Origin)>,
}

/// What gave a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// A shipped rule-set.
    RuleSet(String),
    /// A line of a file, as it is shown.
    File(String, usize),
}

/// Why a configuration file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}", path = .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("there is no rule-set `{0}`{1}")]
    UnknownRuleSet(String, String),
}

/// Settings, and what is wrong with the files that they come from.
#[derive(Default)]
pub struct Loaded {
    pub settings: Settings,
    pub diagnostics: Vec<Diagnostic>,
    pub errors: Vec<ConfigError>,
}

/// The configuration file that holds for a folder: in it, or in the nearest folder above.
pub fn find(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .find_map(|above| NAMES.map(|name| above.join(name)).into_iter().find(|path| path.is_file()))
}

/// Loads a configuration file, or what holds without one.
pub fn load(
    path: Option<&Path>,
    choices: &Choices,
    sources: &mut Sources,
    shown: &dyn Fn(&Path) -> String,
) -> Loaded {
    let mut loader = Loader { sources, shown, choices, trail: Vec::new(), loaded: Loaded::default() };
    match path {
        Some(path) => loader.file(path),
        None => loader.base(None),
    }
    let mut loaded = loader.loaded;
    loaded.settings.only.clone_from(&choices.only);
    loaded
}

impl Settings {
    /// What holds with one of the shipped rule-sets and nothing else.
    pub fn shipped(rule_set: &str) -> Self {
        let choices = Choices { rule_set: Some(rule_set.to_string()), ..Choices::default() };
        load(None, &choices, &mut Sources::default(), &|path| path.display().to_string()).settings
    }

    /// How severe a rule's findings are where no override holds; nothing where it is off.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.level(rule.id, Path::new("")) {
            Level::Off => None,
            Level::On => Some(rule.severity),
            Level::At(severity) => Some(severity),
        }
    }

    /// How a rule's findings in a file count.
    pub fn level(&self, rule: &'static str, path: &Path) -> Level {
        if !self.is_allowed(rule) {
            return Level::Off;
        }
        let base = self.rules.get(rule).map_or(Level::Off, |settings| settings.level);
        let base = if self.only.contains(&rule) && base == Level::Off { Level::On } else { base };
        let overridden = self.overrides_of(rule).filter(|(over, _)| over.matches(path));
        overridden.filter_map(|(_, entry)| entry.level).last().unwrap_or(base)
    }

    /// Whether a rule can report anything anywhere.
    pub fn is_on(&self, rule: &'static str) -> bool {
        let base = self.rules.get(rule).is_some_and(|settings| settings.level != Level::Off);
        let overridden = || self.overrides_of(rule).any(|(_, entry)| entry.level != Some(Level::Off));
        self.is_allowed(rule) && (base || self.only.contains(&rule) || overridden())
    }

    /// The options that a rule runs with: its own first, then those of each override that has some.
    pub fn variants(&self, rule: &'static Rule) -> Vec<ParsedOptions> {
        let base = match self.rules.get(rule.id) {
            Some(settings) => settings.options.clone(),
            None => rule.options.defaults(),
        };
        let overridden = self.overrides_of(rule.id).filter_map(|(_, entry)| entry.options.clone());
        std::iter::once(base).chain(overridden).collect()
    }

    /// Which of its variants holds in a file.
    pub fn variant(&self, rule: &'static str, path: &Path) -> usize {
        let with_options = self.overrides_of(rule).filter(|(_, entry)| entry.options.is_some());
        let matching = with_options.enumerate().filter(|(_, (over, _))| over.matches(path));
        matching.last().map_or(0, |(at, _)| at + 1)
    }

    /// The files that they come from, as they are shown; one comes after those that it extends.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Roles that no migration makes.
    pub fn known_roles(&self) -> impl Iterator<Item = &String> {
        self.known_roles.iter().map(|(name, _)| name)
    }

    /// The schemas that the Data API serves, where the settings say it, and the place of each.
    pub fn exposed(&self) -> Option<Vec<(&str, Option<Span>)>> {
        let Exposed { names, file, .. } = self.exposed.as_ref()?;
        let place = |name: &layer::Located| Some(Span::new((*file)?, name.range.start, name.range.end));
        Some(names.iter().map(|name| (name.value.as_str(), place(name))).collect())
    }

    fn is_allowed(&self, rule: &str) -> bool {
        self.only.is_empty() || self.only.contains(&rule)
    }

    fn overrides_of(&self, rule: &'static str) -> impl Iterator<Item = (&Override, &Entry)> {
        self.overrides.iter().filter_map(move |over| Some((&over.given, over.given.rules.get(rule)?)))
    }

    fn apply(&mut self, layer: Layer, file: Option<FileId>, origin: &dyn Fn(usize) -> Origin) {
        for (id, entry) in layer.rules {
            let Some(rule) = rules::find(id) else { continue };
            let origin = origin(entry.range.start);
            let settings = self.rules.entry(id).or_insert_with(|| RuleSettings {
                level: Level::On,
                options: rule.options.defaults(),
                level_from: origin.clone(),
                written: None,
            });
            if let Some(level) = entry.level {
                settings.level = level;
                settings.level_from = origin.clone();
            }
            if let Some(options) = entry.options {
                settings.options = options;
                settings.written = Some((entry.written, origin));
            }
        }
        self.overrides.extend(layer.overrides.into_iter().map(|given| Overriding {
            paths_from: origin(given.start),
            rules_from: given.rules.values().map(|entry| origin(entry.range.start)).collect(),
            given,
        }));
        self.known_roles
            .extend(layer.known_roles.into_iter().map(|name| (name.value, origin(name.range.start))));
        if let Some((names, start)) = layer.exposed {
            self.exposed = Some(Exposed { names, from: origin(start), file });
        }
    }
}

struct Loader<'a> {
    sources: &'a mut Sources,
    shown: &'a dyn Fn(&Path) -> String,
    choices: &'a Choices,
    /// The files that are being read, each extended by the one before it.
    trail: Vec<PathBuf>,
    loaded: Loaded,
}

impl Loader<'_> {
    fn file(&mut self, path: &Path) {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) => {
                self.loaded.errors.push(ConfigError::Unreadable { path: path.to_path_buf(), source });
                if self.trail.is_empty() {
                    self.base(None);
                }
                return;
            }
        };
        let id = self.sources.add(SourceFile::new((self.shown)(path), FileRole::Config, bytes));
        let text = self.sources.get(id).text.clone();
        let folder = path.parent().unwrap_or(path);
        let (layer, flaws) = Layer::parse(&text, folder);
        for flaw in flaws {
            self.complain(id, flaw);
        }
        let outermost = self.trail.is_empty();
        self.trail.push(path.canonicalize().unwrap_or_else(|_| path.to_path_buf()));
        match &layer.extends {
            _ if outermost && self.choices.rule_set.is_some() => self.base(None),
            None if outermost => self.base(None),
            None => {}
            Some(names) => {
                let extended = names.iter().filter(|name| self.extend(name, id, folder)).count();
                // A name that is mistyped switches no rule off.
                if outermost && extended == 0 && !names.is_empty() {
                    self.base(None);
                }
            }
        }
        self.trail.pop();
        let file = self.sources.get(id);
        let line = |at: usize| file.position(offset(at)).line;
        self.loaded.settings.apply(layer, Some(id), &|at| Origin::File(file.path.clone(), line(at)));
        self.loaded.settings.files.push(file.path.clone());
        self.loaded.settings.folder = folder.to_path_buf();
        self.loaded.settings.file = Some(id);
    }

    /// What is extended where nothing is named.
    fn base(&mut self, name: Option<&str>) {
        let name = name.or(self.choices.rule_set.as_deref()).unwrap_or(rule_set::DEFAULT).to_string();
        if !self.rule_set(&name) {
            let hint = did_you_mean(&name, rule_set::names());
            self.loaded.errors.push(ConfigError::UnknownRuleSet(name, hint));
        }
    }

    /// False where there is nothing of this name, which is complained about.
    fn extend(&mut self, name: &layer::Located, file: FileId, folder: &Path) -> bool {
        if self.rule_set(&name.value) {
            return true;
        }
        // As one name whatever way leads to it: a loop must be seen.
        let path = folder.join(&name.value);
        let path = path.canonicalize().unwrap_or(path);
        let complaint = if !name.value.ends_with(".yaml") && !name.value.ends_with(".yml") {
            let hint = did_you_mean(&name.value, rule_set::names());
            format!("no rule-set is called `{}`{hint}", name.value)
        } else if self.trail.contains(&path) {
            format!("`{}` extends itself", name.value)
        } else if let Err(error) = path.metadata() {
            format!("cannot read `{}`: {error}", name.value)
        } else {
            self.file(&path);
            return true;
        };
        self.complain(file, layer::Flaw::new(name.range.clone(), complaint));
        false
    }

    fn rule_set(&mut self, name: &str) -> bool {
        let Some(text) = rule_set::text(name) else { return false };
        let layer = Layer::shipped(text);
        for base in layer.extends.iter().flatten() {
            self.rule_set(&base.value);
        }
        self.loaded.settings.apply(layer, None, &|_| Origin::RuleSet(name.to_string()));
        true
    }

    fn complain(&mut self, file: FileId, flaw: layer::Flaw) {
        let path = self.sources.get(file).path.clone();
        let span = |range: Range<usize>| Span::new(file, range.start, range.end);
        let mut found = diagnostic(span(flaw.range), path, flaw.message, flaw.help);
        found.note = flaw.note.map(str::to_string);
        if let Some((range, text)) = flaw.label {
            found.label(span(range), text);
        }
        self.loaded.diagnostics.push(found);
    }
}

/// A finding about a configuration file, the linter's or the project's.
pub fn diagnostic(span: Span, path: String, message: String, help: Option<String>) -> Diagnostic {
    Diagnostic {
        rule: CONFIGURATION,
        severity: Severity::Error,
        by_rule: None,
        what: message.clone(),
        message,
        elsewhere: None,
        span,
        note: None,
        labels: Vec::new(),
        more: Vec::new(),
        help,
        edits: Vec::new(),
        object: Identity::plain("file", path),
        reach: BTreeSet::new(),
        extent: BTreeSet::new(),
        instances: Vec::new(),
        project: String::new(),
    }
}

/// A rule of this id, or how to go on without.
pub fn rule_named(id: &str) -> Result<&'static Rule, String> {
    rules::find(id).ok_or_else(|| {
        format!(
            "no rule is called `{id}`{}",
            did_you_mean(&id.to_lowercase(), rules::ALL.iter().map(|rule| rule.id))
        )
    })
}

/// Whether there is a rule-set of this name, or how to go on without.
pub fn rule_set_named(name: &str) -> Result<(), String> {
    match rule_set::text(name) {
        Some(_) => Ok(()),
        None => Err(format!("there is no rule-set `{name}`{}", did_you_mean(name, rule_set::names()))),
    }
}

fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match crate::nearest::nearest(word, candidates) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}
