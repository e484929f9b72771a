//! From files to a report: read, parse, replay, check, silence, sort.
//!
//! Work is spread over threads in three places: reading and parsing files, and running rules. Each
//! keeps the order of its input, so that the output does not depend on them.

mod assume;
pub mod boundary;
mod compare;
mod dump;
mod engine;
mod keys;
mod mended;
mod merged;
mod replay;
mod way;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::map::IndexMap;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::access::Rights;
use crate::advisors::{self, Row};
use crate::baseline::{self, Baseline};
use crate::catalog::Catalog;
use crate::change;
use crate::change::former::Former;
use crate::config::{self, Choices, Level, Settings};
use crate::diagnostic::{Diagnostic, Identity, Severity, selected};
use crate::project::{self, Found, Project};
use crate::report::{self, Report, Summary};
use crate::rule::{CatalogCx, Check, Condition, Findings, MigrationCx, ParsedOptions, Rule};
use crate::rules;
use crate::source::{FileId, FileRole, SourceFile, Sources, Span};
use crate::sql::Migration;
use crate::suppress::{Day, Suppressions};
use crate::workload::Workload;
use crate::workspace::replay::{fresh_catalog, parse_and_replay};

/// Stack of the threads that parse and check: SQL nests as deep as its writer likes.
const STACK: usize = 64 << 20;

/// Every project of a run, replayed.
#[derive(Default)]
pub struct Workspace {
    pub sources: Arc<Sources>,
    pub projects: Vec<Replayed>,
    /// Where each file of `sources` is on disk.
    paths: Vec<PathBuf>,
    /// What is wrong with the configuration.
    complaints: Vec<Diagnostic>,
    /// Work that could not be done.
    problems: Vec<String>,
    working_directory: PathBuf,
    /// The working directory as seen from the root of its repository.
    prefix: String,
    /// What the baselines of the projects do.
    pub baselining: Baselining,
    /// Whether a report holds the rows of Supabase's advisors, of which findings need nothing.
    pub advises: bool,
    /// The day that comments with a last day are held against.
    today: Day,
    pub timings: Timings,
}

/// What becomes of findings that the baseline knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Baselining {
    /// They are silent.
    #[default]
    Used,
    /// They are silent, and what no longer occurs is an error.
    Strict,
    /// They are reported as any other.
    Ignored,
}

/// A baseline as it is on disk.
struct Known {
    file: FileId,
    baseline: Baseline,
}

impl Replayed {
    /// The files that are read, in order.
    pub fn files<'s>(&'s self, sources: &'s Sources) -> impl Iterator<Item = &'s SourceFile> {
        let settings = self.config_file.iter().copied().chain(self.known.as_ref().map(|known| known.file));
        let migrations = self.migrations.iter().map(|(_, migration)| migration.file);
        settings.chain(migrations).map(|file| sources.get(file))
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// A project's baseline as it should be.
pub struct NewBaseline {
    pub path: PathBuf,
    /// The path as it is shown.
    pub shown: String,
    pub baseline: Baseline,
    /// How many entries were taken out.
    pub removed: usize,
    /// Whether there is a file.
    pub existed: bool,
}

/// A project, its statements, and what they add up to.
pub struct Replayed {
    pub project: Project,
    /// The project's folder, as paths are shown.
    pub shown: String,
    pub catalog: Catalog,
    settings: Arc<Settings>,
    known: Option<Known>,
    /// Where its baseline is or would be, on disk and as it is shown.
    baseline_file: (PathBuf, String),
    /// Its `config.toml`.
    config_file: Option<FileId>,
    /// One for each file that could be read, and its place among the project's files.
    migrations: Vec<(usize, Migration)>,
}

/// What is said about one project.
struct Checked {
    found: Vec<Diagnostic>,
    advisors: Vec<Row>,
    /// How many more findings a comment silenced.
    silenced: usize,
    /// The fingerprints of those, and of what the configuration switches off for its file.
    unsaid: FxHashSet<String>,
    /// How many more the baseline knows.
    baselined: usize,
    /// The overrides, by their numbers, that hold for what a rule found.
    overridden: FxHashSet<(usize, &'static str)>,
}

/// What is asked of a run, besides files.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub choices: Choices,
    /// The day that comments with a last day are held against.
    pub today: Day,
    /// Absolute; paths are shown relative to it.
    pub working_directory: PathBuf,
}

/// Where the time of a run went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    pub read: Duration,
    pub parse: Duration,
    pub replay: Duration,
    pub check: Duration,
}

/// Runs work on this many threads, or as many as rayon takes for zero, with stacks that deep SQL does not
/// exhaust.
pub fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).build() {
        Ok(pool) => pool.install(work),
        // Without threads of its own the process still has one.
        Err(_) => work(),
    }
}

impl Workspace {
    /// Reads, parses and replays the projects that were found.
    pub fn load(found: Found, asked: &Asked) -> Self {
        let mut workspace = Self {
            working_directory: asked.working_directory.clone(),
            prefix: asked.prefix(),
            today: asked.today,
            ..Self::default()
        };
        workspace.problems.extend(found.errors.iter().map(|error| asked.relative(&error.to_string())));
        let mut sources = Sources::default();
        let mut settings = IndexMap::default();
        let mut batches = Vec::new();
        for mut project in found.projects {
            let settings = workspace.settings(&project, asked, &mut sources, &mut settings);
            // Nobody else asks for them, and they may be many.
            if !settings.is_on("untested-policy") {
                project.files.retain(|file| file.role != FileRole::Test);
            }
            let known = workspace.known(&project, asked, &mut sources);
            let files = workspace.read(&project, asked, &mut sources);
            batches.push((project, settings, known, files));
        }
        for (project, settings, known, files) in batches {
            let config_file =
                sources.iter().find(|(_, file)| is_config_of(file, &project, asked)).map(|(id, _)| id);
            let mut catalog = fresh_catalog(&project, &settings, config_file);
            let migrations = parse_and_replay(&mut catalog, &files, &sources, &mut workspace.timings);
            let shown = asked.shown(&project.folder);
            let baseline_file = baseline_file(&project, asked);
            workspace.projects.push(Replayed {
                project,
                shown,
                catalog,
                settings,
                known,
                baseline_file,
                config_file,
                migrations,
            });
        }
        workspace.sources = Arc::new(sources);
        workspace
    }

    /// Runs the rules.
    pub fn check(&mut self) -> Report {
        let started = Instant::now();
        let check = |replayed| {
            let mut checked = self.check_project(replayed, Vec::new());
            let before = checked.found.len();
            let baseline = self.silence(replayed, &mut checked.found);
            checked.baselined = before - checked.found.len();
            if let Some(baseline) = baseline {
                checked.found.extend(self.stale(replayed, &baseline));
            }
            checked
        };
        let mut found: Vec<_> = self.projects.iter().map(check).collect();
        self.tell_idle_overrides(&mut found);
        let report = self.report(found);
        self.timings.check = started.elapsed();
        report
    }

    /// A report of what was found in each project.
    fn report(&self, found: Vec<Checked>) -> Report {
        let mut diagnostics = self.complaints.clone();
        let mut advisors = Vec::new();
        let mut summary = Summary { projects: self.projects.len(), ..Summary::default() };
        let folders = keys::folders(&self.projects, &self.prefix);
        let keys = keys::keys(&self.projects, &folders);
        for ((replayed, mut checked), key) in self.projects.iter().zip(found).zip(keys) {
            checked.found.iter_mut().for_each(|diagnostic| diagnostic.project.clone_from(&key));
            summary.baselined += checked.baselined;
            diagnostics.extend(checked.found);
            advisors.extend(checked.advisors);
            summary.suppressed += checked.silenced;
            let is_aside = |file: &&Migration| {
                matches!(self.sources.get(file.file).role, FileRole::Script | FileRole::Test)
            };
            let read = replayed.migrations.iter().map(|(_, file)| file).filter(|file| !is_aside(file));
            summary.files += read.clone().count();
            summary.statements += read.map(|file| file.places.len()).sum::<usize>();
            summary.gaps += replayed.catalog.gaps.len();
        }
        report::sort(&mut diagnostics);
        let assumptions = assume::lines(&self.projects);
        Report {
            sources: Arc::clone(&self.sources),
            diagnostics,
            advisors,
            assumptions,
            summary,
            change: None,
            problems: self.problems.clone(),
            rules: self.rules(),
            prefix: self.prefix.clone(),
            folder: keys::common(&folders),
        }
    }

    /// The rules that look at some project.
    fn rules(&self) -> Vec<&'static Rule> {
        let looks = |rule: &&Rule| self.projects.iter().any(|project| project.settings.is_on(rule.id));
        rules::ALL.iter().copied().filter(looks).collect()
    }

    /// Whether something could not be done, be it a file or a part of the configuration.
    pub fn is_incomplete(&self) -> bool {
        !self.problems.is_empty() || !self.complaints.is_empty()
    }

    /// What could not be done, one line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The settings of the file that is nearest to a project, loaded once for all of its projects.
    fn settings(
        &mut self,
        project: &Project,
        asked: &Asked,
        sources: &mut Sources,
        known: &mut IndexMap<Option<PathBuf>, Arc<Settings>>,
    ) -> Arc<Settings> {
        let choices = &asked.choices;
        let folder =
            if project.folder.as_os_str().is_empty() { &asked.working_directory } else { &project.folder };
        let path = match &choices.config {
            _ if choices.no_config => None,
            Some(path) => Some(asked.working_directory.join(path)),
            None => config::find(folder),
        };
        if let Some(settings) = known.get(&path) {
            return Arc::clone(settings);
        }
        let loaded = config::load(path.as_deref(), choices, sources, &|path| asked.shown(path));
        // Configuration files have no place in the project; their paths stand for themselves.
        self.paths.resize(sources.len(), PathBuf::new());
        self.complaints.extend(loaded.diagnostics);
        self.problems.extend(loaded.errors.iter().map(|error| asked.relative(&error.to_string())));
        let settings = Arc::new(loaded.settings);
        known.insert(path, Arc::clone(&settings));
        settings
    }

    /// The baseline beside a project, where there is one.
    fn known(&mut self, project: &Project, asked: &Asked, sources: &mut Sources) -> Option<Known> {
        let (path, shown) = baseline_file(project, asked);
        let bytes = match read_file(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.problems.push(format!("cannot read {shown}: {error}"));
                return None;
            }
        };
        let file = sources.add(SourceFile::new(shown.clone(), FileRole::Config, bytes));
        self.paths.push(path);
        let source = sources.get(file);
        match Baseline::parse(&source.text) {
            Ok(baseline) => Some(Known { file, baseline }),
            Err(broken) => {
                let line = source.line(broken.line);
                let message = format!("this is no baseline: {}", broken.message);
                let help = Some("mend it, or delete it and run `rls-lint baseline` again".to_string());
                self.complaints.push(config::diagnostic(
                    Span::new(file, line.start, line.end),
                    shown,
                    message,
                    help,
                ));
                None
            }
        }
    }

    /// Takes out what the baseline knows; gives the baseline as it was used, where there is one.
    fn silence(&self, replayed: &Replayed, found: &mut Vec<Diagnostic>) -> Option<Baseline> {
        let known = replayed.known.as_ref().filter(|_| self.baselining != Baselining::Ignored)?;
        let mut baseline = known.baseline.clone();
        self.use_baseline(replayed, &mut baseline, found);
        Some(baseline)
    }

    /// The same with a baseline, which then knows what it saw and what it cannot know.
    fn use_baseline(&self, replayed: &Replayed, baseline: &mut Baseline, found: &mut Vec<Diagnostic>) {
        let former = Former::of(&replayed.catalog);
        let mut in_doubt = baseline.clone();
        baseline.silence(found, &former);
        if replayed.catalog.has_doubts() && baseline.knows_more() {
            in_doubt.silence(&mut self.found_without_doubts(replayed), &former);
            baseline.allow_for(&in_doubt);
        }
    }

    /// What rules would find if statements that could not be followed had changed nothing.
    fn found_without_doubts(&self, replayed: &Replayed) -> Vec<Diagnostic> {
        let catalog = replayed.catalog.without_doubts();
        let workload = Workload::of(&catalog);
        let rights = Rights::new(&catalog, &workload);
        self.run_rules_on(replayed, &catalog, &workload, &rights, &|_| true)
    }

    /// One finding about all that the baseline holds in vain.
    fn stale(&self, replayed: &Replayed, baseline: &Baseline) -> Option<Diagnostic> {
        // A part of the files says nothing about the rest.
        let is_whole = replayed.project.focus.is_none() && self.problems.is_empty();
        let known = replayed.known.as_ref().filter(|_| is_whole)?;
        let stale = baseline.stale(|rule| looked(&replayed.settings, rule));
        let (first, others) = stale.split_first()?;
        let span = |entry: &baseline::Entry| Span::new(known.file, entry.range.start, entry.range.end);
        let path = &self.sources.get(known.file).path;
        let message = match others.len() {
            0 => format!("{path} holds a finding that is gone: {}", first.in_words()),
            more => format!("{path} holds {} findings that are gone", more + 1),
        };
        let mut findings = Findings::new(rules::named("stale-baseline"));
        let finding = findings.report(span(first), Identity::plain("file", path.clone()), message);
        finding.note(first.in_words()).help("rls-lint baseline --prune");
        finding.label_each(others.iter().map(|entry| (span(entry), entry.in_words())));
        let mut finding = findings.list.pop()?;
        if self.baselining == Baselining::Strict {
            finding.severity = Severity::Error;
            return Some(finding);
        }
        let is_on = self.is_on(&finding, &replayed.settings);
        self.settle(&mut finding, &replayed.settings);
        is_on.then_some(finding)
    }

    /// What would keep the findings of each project silent; or, to prune, what of it still does.
    pub fn baselines(&self, prune: bool) -> Vec<NewBaseline> {
        let new = |replayed: &Replayed| {
            let Checked { mut found, .. } = self.check_project(replayed, Vec::new());
            let looked = |rule: &str| looked(&replayed.settings, rule);
            let old = replayed.known.as_ref().map(|known| known.baseline.clone());
            let existed = old.is_some();
            let mut old = old.unwrap_or_default();
            let (baseline, removed) = if prune {
                self.use_baseline(replayed, &mut old, &mut found);
                let removed = old.prune(looked);
                (old, removed)
            } else {
                let mut baseline = Baseline::of(&found, &Former::of(&replayed.catalog));
                baseline.keep(old, looked);
                (baseline, 0)
            };
            let (path, shown) = replayed.baseline_file.clone();
            NewBaseline { path, shown, baseline, removed, existed }
        };
        self.projects.iter().map(new).collect()
    }

    /// Reads a project's files; what cannot be read is left out and said.
    fn read(&mut self, project: &Project, asked: &Asked, sources: &mut Sources) -> Vec<(usize, FileId)> {
        let started = Instant::now();
        if let Some(file) = &project.config_file {
            let shown = asked.shown(&file.path);
            let id = sources.add(SourceFile::new(shown.clone(), FileRole::Config, file.bytes.clone()));
            self.paths.push(file.path.clone());
            for flaw in &file.flaws {
                let span = Span::new(id, flaw.range.start, flaw.range.end);
                self.complaints.push(config::diagnostic(span, shown.clone(), flaw.message.clone(), None));
            }
        }
        let read: Vec<_> = project
            .files
            .par_iter()
            .map(|file| {
                let bytes = match &file.piped {
                    Some(bytes) => bytes.clone(),
                    None => read_file(&file.path)?,
                };
                Ok(SourceFile::new(asked.shown(&file.path), file.role, bytes))
            })
            .collect();
        let mut files = Vec::new();
        for (at, (result, file)) in read.into_iter().zip(&project.files).enumerate() {
            match result {
                Ok(source) => {
                    files.push((at, sources.add(source)));
                    self.paths.push(file.path.clone());
                }
                Err(error) => {
                    let error: std::io::Error = error;
                    self.problems.push(format!("cannot read {}: {error}", asked.shown(&file.path)));
                }
            }
        }
        self.timings.read += started.elapsed();
        files
    }

    /// A project's findings and those that are known already.
    fn check_project(&self, replayed: &Replayed, known: Vec<Diagnostic>) -> Checked {
        let settings = &replayed.settings;
        let workload = Workload::of(&replayed.catalog);
        let mut found = self.run_rules(replayed, &workload);
        found.extend(known);
        found.extend(engine::findings(replayed, &self.sources));
        let mut overridden = self.overridden(&found, settings);
        let mut suppressions = self.suppressions(replayed);
        let (mut off, mut silenced) = (Vec::new(), Vec::new());
        let is_told = |one: &Diagnostic| {
            let unsaid = match (self.is_on(one, settings), suppressions.allows(one)) {
                (false, _) => &mut off,
                (true, true) => &mut silenced,
                (true, false) => return true,
            };
            unsaid.push(one.clone());
            false
        };
        found = selected(found, is_told, "are told here");
        let unsaid = off.iter().chain(&silenced).map(Diagnostic::fingerprint).collect();
        found.iter_mut().for_each(|diagnostic| self.settle(diagnostic, settings));
        found.iter_mut().for_each(Diagnostic::mask_secrets);
        let seen: Vec<_> = found.iter().chain(&silenced).collect();
        suppressions.keep_for_comparison(&seen, &self.sources);
        let mut unused = suppressions.report_unused(
            rules::named("unused-suppression"),
            |rule| settings.is_on(rule) && !change::COMPARING.contains(&rule),
            &self.sources,
        );
        unused.extend(suppressions.report_silent(rules::named("suppression-without-reason"), &self.sources));
        overridden.extend(self.overridden(&unused, settings));
        unused.retain(|diagnostic| self.is_on(diagnostic, settings));
        unused.iter_mut().for_each(|diagnostic| self.settle(diagnostic, settings));
        found.extend(unused);
        let mut advisors = match self.advises {
            true => advisors::rows(&replayed.catalog, &workload),
            false => Vec::new(),
        };
        advisors.retain(|row| !silenced.iter().any(|diagnostic| row.is_told_by(diagnostic)));
        if let Some(focus) = &replayed.project.focus {
            found.retain(|diagnostic| focus.contains(self.path(diagnostic)));
            let is_in_focus = |place: Span| focus.contains(&self.paths[place.file.0 as usize]);
            advisors.retain(|row| row.place.is_some_and(is_in_focus));
        }
        Checked { found, advisors, silenced: silenced.len(), unsaid, baselined: 0, overridden }
    }

    /// The overrides that hold for findings, each with their rule.
    fn overridden(&self, found: &[Diagnostic], settings: &Settings) -> FxHashSet<(usize, &'static str)> {
        let each = found.iter().flat_map(Diagnostic::each);
        each.flat_map(|one| settings.overriding(one.rule, self.path(one)).map(|over| (over, one.rule)))
            .collect()
    }

    /// Reports what the overrides of each file of settings say in vain, where all that they can be about is here.
    fn tell_idle_overrides(&self, found: &mut [Checked]) {
        for (at, replayed) in self.projects.iter().enumerate() {
            let settings = &replayed.settings;
            let shares = |other: &Replayed| Arc::ptr_eq(&other.settings, settings);
            let Some((home, file)) = settings.home().filter(|_| !self.projects[..at].iter().any(shares))
            else {
                continue;
            };
            let projects = || self.projects.iter().zip(&*found).filter(|(other, _)| shares(other));
            let files = projects().flat_map(|(other, _)| &other.project.files);
            let files: Vec<&Path> = files.map(|file| file.path.as_path()).collect();
            // Some rules find more where a change is compared.
            let finds = |over, rule| {
                change::COMPARING.contains(&rule)
                    || projects().any(|(_, checked)| checked.overridden.contains(&(over, rule)))
            };
            let idle = settings.idle(&files, &finds);
            if idle.is_empty() || !self.has_all_below(home) {
                continue;
            }
            let mut findings = Findings::new(rules::named("unused-suppression"));
            for idle in idle {
                let object = Identity::plain("file", self.sources.get(file).path.as_str());
                findings
                    .report(idle.place, object, idle.message)
                    .note(idle.note)
                    .help(idle.help)
                    .what(idle.what);
            }
            findings.list.retain(|diagnostic| self.is_on(diagnostic, settings));
            findings.list.iter_mut().for_each(|diagnostic| self.settle(diagnostic, settings));
            found[at].found.extend(findings.list);
        }
    }

    /// Whether the projects below a folder are all here, with all of their files.
    fn has_all_below(&self, folder: &Path) -> bool {
        let is_whole = |replayed: &Replayed| {
            replayed.project.focus.is_none() && replayed.project.folder.starts_with(folder)
        };
        let is_here = |below: &PathBuf| self.projects.iter().any(|one| one.project.folder == *below);
        self.problems.is_empty()
            && self.projects.iter().all(is_whole)
            && project::below(folder).iter().all(is_here)
    }

    /// The comments in a project's files.
    fn suppressions(&self, replayed: &Replayed) -> Suppressions {
        let mut suppressions = Suppressions::new(self.today);
        for (_, migration) in &replayed.migrations {
            suppressions.read(migration, &self.sources);
        }
        suppressions
    }

    /// Runs each rule that is on.
    fn run_rules(&self, replayed: &Replayed, workload: &Workload) -> Vec<Diagnostic> {
        let catalog = &replayed.catalog;
        let rights = Rights::new(catalog, workload);
        self.run_rules_on(replayed, catalog, workload, &rights, &|_| true)
    }

    /// Runs the wanted among the rules that are on, with each of their options, on a catalog of the project.
    fn run_rules_on(
        &self,
        replayed: &Replayed,
        catalog: &Catalog,
        workload: &Workload,
        rights: &Rights<'_>,
        wanted: &dyn Fn(&Rule) -> bool,
    ) -> Vec<Diagnostic> {
        let settings = &replayed.settings;
        let mut tasks: Vec<(&'static Rule, usize, ParsedOptions)> = Vec::new();
        for rule in rules::ALL.iter().copied().filter(|rule| wanted(rule) && settings.is_on(rule.id)) {
            let variants = settings.variants(rule).into_iter().enumerate();
            tasks.extend(variants.map(|(at, options)| (rule, at, options)));
        }
        let conditions = Condition::all(catalog);
        let files: Vec<_> = replayed.migrations.iter().map(|(_, migration)| migration).collect();
        let found: Vec<_> = tasks
            .par_iter()
            .map(|(rule, variant, options)| {
                let cx =
                    CatalogCx::new(catalog, &self.sources, workload, rights, &conditions, &files, options);
                let mut list = run_rule(rule, &cx, options);
                list.retain(|diagnostic| settings.variant(rule.id, self.path(diagnostic)) == *variant);
                list
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    /// Whether the settings want a finding where it is.
    fn is_on(&self, diagnostic: &Diagnostic, settings: &Settings) -> bool {
        settings.level(diagnostic.rule, self.path(diagnostic)) != Level::Off
    }

    /// Gives a finding the severity that the settings want.
    fn settle(&self, diagnostic: &mut Diagnostic, settings: &Settings) {
        diagnostic.instances.iter_mut().for_each(|one| self.settle(one, settings));
        if let Level::At(severity) = settings.level(diagnostic.rule, self.path(diagnostic)) {
            diagnostic.by_rule = Some(diagnostic.own_severity());
            diagnostic.severity = severity;
        }
    }

    fn path(&self, diagnostic: &Diagnostic) -> &Path {
        &self.paths[diagnostic.span.file.0 as usize]
    }
}

impl Asked {
    /// The same, asked about the same files elsewhere.
    fn elsewhere(&self, path: &dyn Fn(&Path) -> PathBuf) -> Self {
        let config = self.choices.config.as_ref();
        let config = config.map(|config| path(&self.working_directory.join(config)));
        Self {
            working_directory: path(&self.working_directory),
            choices: Choices { config, ..self.choices.clone() },
            today: self.today,
        }
    }

    /// A path as it is shown: relative to the working directory where that is short, with `/`.
    pub fn shown(&self, path: &Path) -> String {
        let shared = path.ancestors().find(|above| self.working_directory.starts_with(above));
        let relative = match shared {
            // What has only the root in common is clearer in full.
            Some(shared) if shared.parent().is_some() => {
                let up =
                    self.working_directory.strip_prefix(shared).map_or(0, |rest| rest.components().count());
                let down = path.strip_prefix(shared).unwrap_or(path);
                std::iter::repeat_n(Path::new(".."), up).collect::<PathBuf>().join(down)
            }
            _ => path.to_path_buf(),
        };
        if relative.as_os_str().is_empty() {
            return ".".to_string();
        }
        relative.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
    }

    /// The working directory as seen from the root of the Git repository that it is in, with `/`.
    fn prefix(&self) -> String {
        let root = self.working_directory.ancestors().find(|above| above.join(".git").exists());
        let below = root.and_then(|root| self.working_directory.strip_prefix(root).ok());
        below.map_or(String::new(), |path| path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
    }

    /// A message with its paths relative to the working directory.
    fn relative(&self, message: &str) -> String {
        message.replace(&format!("{}/", self.working_directory.display()), "")
    }
}

/// Where the baseline of a project belongs, on disk and as it is shown.
fn baseline_file(project: &Project, asked: &Asked) -> (PathBuf, String) {
    let path = project.home().join(baseline::NAME);
    let shown = asked.shown(&path);
    (path, shown)
}

/// Whether a rule of this name looked. One that is no more will not look again.
fn looked(settings: &Settings, rule: &str) -> bool {
    rules::find(rule).is_none_or(|rule| settings.is_on(rule.id))
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if metadata.len() >= u64::from(u32::MAX) {
        return Err(std::io::Error::other("it has 4 GiB or more"));
    }
    std::fs::read(path)
}

fn is_config_of(file: &SourceFile, project: &Project, asked: &Asked) -> bool {
    let config = project.config_file.as_ref();
    file.role == FileRole::Config && config.is_some_and(|config| asked.shown(&config.path) == file.path)
}

/// What a rule finds on a catalog and in its files.
fn run_rule(rule: &'static Rule, cx: &CatalogCx<'_>, options: &ParsedOptions) -> Vec<Diagnostic> {
    match rule.check {
        Check::Catalog(check) => {
            let mut findings = Findings::new(rule);
            check(cx, &mut findings);
            rules::dumped::qualify(cx.catalog, &mut findings.list);
            findings.list
        }
        Check::Migration(check) => {
            let is_run = |migration: &&&Migration| {
                let role = cx.sources.get(migration.file).role;
                !matches!(role, FileRole::Skipped | FileRole::Script | FileRole::Test)
            };
            let found: Vec<_> = cx
                .files
                .par_iter()
                .filter(is_run)
                .map(|migration| {
                    let mut findings = Findings::new(rule);
                    check(&MigrationCx::new(migration, cx.sources, options), &mut findings);
                    findings.list
                })
                .collect();
            found.into_iter().flatten().collect()
        }
        Check::Engine => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_where_that_is_short() {
        let asked = Asked { working_directory: "/home/me/app".into(), ..Asked::default() };
        assert_eq!(asked.shown(Path::new("/home/me/app/supabase/seed.sql")), "supabase/seed.sql");
        assert_eq!(asked.shown(Path::new("/home/me/supabase/seed.sql")), "../supabase/seed.sql");
        assert_eq!(asked.shown(Path::new("/srv/seed.sql")), "/srv/seed.sql");
        assert_eq!(asked.shown(Path::new("/home/me/app")), ".");
    }

    #[test]
    fn each_override_with_options_is_a_variant() {
        let settings = Settings::default();
        let rule = rules::named("no-primary-key");
        assert_eq!(settings.variants(rule).len(), 1);
        assert_eq!(settings.variant(rule.id, Path::new("/x.sql")), 0);
        assert_eq!(settings.level(rule.id, Path::new("/x.sql")), Level::Off);
    }
}
