//! Supabase projects on disk: where they are, and which of their files matter in which order.
//!
//! Nothing is parsed here but `config.toml`. What cannot be read is an error that names the file,
//! and the rest is still found.

pub mod config_toml;
mod discover;
pub mod migrations;
mod pending;
mod scripts;
mod sequence;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

pub use discover::{Found, Request, below, depth_below, find};
pub use pending::Pending;

use crate::project::config_toml::{ConfigToml, FilePattern, TomlFlaw};
use crate::project::migrations::{SkipReason, Verdict};
use crate::source::{FileRole, SourceFile};

/// A project, or a plain folder or list of SQL files that is taken for one.
#[derive(Clone, Debug)]
pub struct Project {
    /// The `supabase` folder; the folder or the file itself where there is no such layout.
    pub folder: PathBuf,
    pub config: ConfigToml,
    pub config_file: Option<ConfigFile>,
    /// In the order of replay: roles, migrations; then seeds, what the CLI skips, scripts, and tests.
    pub files: Vec<ProjectFile>,
    /// Migrations of one version: the second cannot be recorded. Indexes into `files`.
    pub duplicates: Vec<(usize, usize)>,
    /// How many files declare the state of the schema and are not read, because migrations count.
    pub unread: usize,
    /// The folders with projects beside it that were put aside and are not read.
    pub aside: Vec<String>,
    /// The patterns of `config.toml` that no file matches, and the key that they stand under.
    pub unmatched: Vec<(&'static str, FilePattern)>,
    kind: Kind,
    /// The files that the user asked about, where it was not the whole project.
    pub focus: Option<BTreeSet<PathBuf>>,
    pub served: Served,
}

/// Who says which schemas the Data API serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Served {
    /// The linter's settings, and where they do not, the project's own configuration.
    #[default]
    AsSet,
    /// That configuration, whatever the settings say.
    AsConfigured,
    As(Vec<String>),
}

/// A schema that is kept in one file, and run by hand.
const SCHEMA: &str = "schema.sql";

/// What a project's files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As `supabase init` lays them out.
    Supabase,
    /// The SQL files of a folder.
    Folder,
    /// Files that were named.
    Files,
}

/// The text of `config.toml`, and what is broken in it.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub flaws: Vec<TomlFlaw>,
}

#[derive(Clone, Debug)]
pub struct ProjectFile {
    pub path: PathBuf,
    pub role: FileRole,
    /// Why the CLI does not run it.
    pub skipped: Option<SkipReason>,
    /// The text that came through standard input, in place of what is on disk.
    pub piped: Option<Vec<u8>>,
    /// Whether it is on standard input alone.
    pub is_extra: bool,
}

impl ProjectFile {
    fn new(path: PathBuf, role: FileRole) -> Self {
        Self { path, role, skipped: None, piped: None, is_extra: false }
    }

    /// The digits in front of its name, where the CLI reads some.
    pub fn version(&self) -> Option<&str> {
        migrations::version(self.path.file_name()?.to_str()?)
    }
}

/// Why something could not be found or read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("there is no file or folder {path}", path = .0.display())]
    Absent(PathBuf),
    #[error("cannot read {path}: {source}", path = .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the name of {path} is not UTF-8, so the Supabase CLI cannot run it", path = .0.display())]
    Name(PathBuf),
    #[error(
        "there is no supabase/config.toml here, in a folder above or in one below; name a folder of SQL files"
    )]
    NoProject,
    #[error(
        "there is no supabase/config.toml here or in a folder above, nor near below; outside of a git repository the \
         search does not go far: go to the project, or name its folder"
    )]
    NoProjectNear,
    #[error("{path} holds neither a Supabase project nor SQL files", path = .0.display())]
    NoSql(PathBuf),
    #[error(
        "{path} holds no Supabase project; SQL is in {below}: name the folder that is meant",
        path = .0.display(), below = .1.display()
    )]
    SqlBelow(PathBuf, PathBuf),
    #[error("{path} is no SQL file", path = .0.display())]
    NotSql(PathBuf),
    #[error("no file matches {0}")]
    NoMatch(String),
    #[error("{pattern} is no file pattern: {source}")]
    Pattern { pattern: String, source: glob::PatternError },
    #[error(
        "standard input holds what the Supabase CLI says besides SQL, in line {0}: `{1}`; pipe its output without \
         2>&1"
    )]
    Said(usize, String),
    #[error("standard input belongs to one project, and {0} were found; name one of them")]
    ManyProjects(usize),
}

impl ProjectError {
    fn read(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_path_buf(), source }
    }
}

impl Project {
    /// The folder that it belongs to: the one that `supabase` is in, or that of its files.
    pub fn home(&self) -> &Path {
        home_of(&self.folder)
    }

    /// Reads the layout of a `supabase` folder.
    fn open(folder: PathBuf, errors: &mut Vec<ProjectError>) -> Self {
        let mut project = Self::bare(folder, Kind::Supabase);
        project.read_config(errors);
        let roles = project.folder.join("roles.sql");
        if roles.exists() {
            project.files.push(ProjectFile::new(roles, FileRole::Roles));
        }
        let mut skipped = project.add_migrations(errors);
        let declared = project.configured("[db.migrations] schema_paths", project.declared_paths(), errors);
        // Migrations are made of the declared state: where there are some, they are what counts.
        if project.files.iter().any(|file| file.role == FileRole::Migration) {
            project.unread = declared.len();
        } else {
            let whole =
                Some(project.folder.join(SCHEMA)).filter(|path| declared.is_empty() && path.is_file());
            let mut state: Vec<PathBuf> = declared.iter().cloned().chain(whole).collect();
            if project.config.declared_paths.is_empty() {
                state = sequence::by_need(state);
            }
            project.files.extend(state.into_iter().map(|path| ProjectFile::new(path, FileRole::Migration)));
        }
        // Where it runs none at all, what is there is run by hand.
        if project.files.iter().all(|file| file.role != FileRole::Migration) {
            let by_hand = skipped.iter_mut().filter(|file| !is_export(&file.path));
            by_hand.for_each(|file| file.role = FileRole::Migration);
        }
        let seeds = project.configured("[db.seed] sql_paths", project.config.seed_paths.clone(), errors);
        // What declares the schema is no seed, also where it is run as one.
        for path in seeds.into_iter().filter(|path| !declared.contains(path)) {
            project.files.push(ProjectFile::new(path, FileRole::Seed));
        }
        project.files.append(&mut skipped);
        project.add_scripts(&declared);
        project.add_tests(errors);
        project
    }

    /// A folder of SQL files, by their sorted names. Where they are named as the CLI wants it, or most of
    /// them in one that is called `migrations`, it is read as the CLI would. Other tools give each
    /// migration a folder with a `migration.sql`.
    fn of_folder(folder: PathBuf, errors: &mut Vec<ProjectError>) -> Self {
        let mut names = file_names(&folder, errors);
        names.retain(|name| migrations::is_sql(&name.to_string_lossy()));
        if names.is_empty() {
            let pattern = glob::Pattern::escape(&folder.to_string_lossy());
            let files = expand(&format!("{pattern}/*/migration.sql"), errors);
            return Self { kind: Kind::Folder, ..Self::of_files(folder, files) };
        }
        let is_version = |name: &&OsString| migrations::version(&name.to_string_lossy()).is_some();
        let versions = names.iter().filter(is_version).count();
        if versions == names.len() || folder.ends_with("migrations") && versions >= names.len() - versions {
            let mut project = Self::bare(folder.clone(), Kind::Folder);
            let mut skipped = project.add_named(&folder, &names, errors);
            project.files.append(&mut skipped);
            return project;
        }
        let names = scripts::newest_of_extensions(names);
        let files = names.iter().map(|name| folder.join(name)).collect();
        Self { kind: Kind::Folder, ..Self::of_files(folder, sequence::by_need(files)) }
    }

    /// Files that are taken for migrations, in this order.
    fn of_files(folder: PathBuf, files: Vec<PathBuf>) -> Self {
        let files = files.into_iter().map(|path| ProjectFile::new(path, FileRole::Migration)).collect();
        Self { files, ..Self::bare(folder, Kind::Files) }
    }

    /// The same project in another place, as it is there: it may lack files, or be empty. What is on
    /// standard input is nowhere else.
    pub fn counterpart(&self, place: &dyn Fn(&Path) -> PathBuf, errors: &mut Vec<ProjectError>) -> Self {
        let folder = place(&self.folder);
        let mut project = match self.kind {
            Kind::Supabase => Self::open(folder, errors),
            Kind::Folder if folder.is_dir() => Self::of_folder(folder, errors),
            Kind::Folder => Self::bare(folder, Kind::Folder),
            Kind::Files => {
                let named = self.files.iter().filter(|file| !file.is_extra);
                let files = named.map(|file| place(&file.path)).filter(|path| path.exists());
                Self::of_files(folder, files.collect())
            }
        };
        project.focus = self.focus.as_ref().map(|focus| focus.iter().map(|path| place(path)).collect());
        project
    }

    /// Where its migrations are.
    pub fn migrations_folder(&self) -> PathBuf {
        match self.kind {
            Kind::Supabase => self.folder.join("migrations"),
            Kind::Folder | Kind::Files => self.folder.clone(),
        }
    }

    /// Leaves out files.
    pub fn retain_files(&mut self, wanted: impl FnMut(&ProjectFile) -> bool) {
        self.files.retain(wanted);
        self.duplicates = duplicates(&self.files);
    }

    fn bare(folder: PathBuf, kind: Kind) -> Self {
        Self {
            folder,
            kind,
            config: ConfigToml::default(),
            config_file: None,
            files: Vec::new(),
            duplicates: Vec::new(),
            unread: 0,
            aside: Vec::new(),
            unmatched: Vec::new(),
            focus: None,
            served: Served::default(),
        }
    }

    /// Takes what came through standard input: in place of a file of this name, else as a migration after
    /// the others, or before those that its version comes before.
    fn take_pending(&mut self, pending: Pending) {
        let Pending { path, text, .. } = pending;
        self.focus.iter_mut().for_each(|focus| focus.extend([path.clone()]));
        if let Some(file) = self.files.iter_mut().find(|file| file.path == path) {
            file.piped = Some(text);
            return;
        }
        let file = ProjectFile::new(path, FileRole::Migration);
        let is_placed = file.version().is_some() && file.path.parent() == Some(&self.migrations_folder());
        let is_before = |other: &ProjectFile| {
            other.role == FileRole::Migration
                && (!is_placed || other.path.file_name() < file.path.file_name())
        };
        let at = self.files.iter().rposition(is_before).map_or_else(
            || self.files.iter().take_while(|file| file.role == FileRole::Roles).count(),
            |newest| newest + 1,
        );
        self.files.insert(at, ProjectFile { piped: Some(text), is_extra: true, ..file });
    }

    fn read_config(&mut self, errors: &mut Vec<ProjectError>) {
        let path = self.folder.join("config.toml");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return errors.push(ProjectError::read(&path, error)),
        };
        // As text it has the offsets that it has on disk.
        let file = SourceFile::new(String::new(), FileRole::Config, bytes.clone());
        let (config, flaws) = ConfigToml::parse(&file.text);
        self.config = config;
        self.config_file = Some(ConfigFile { path, bytes, flaws });
    }

    /// Adds what the CLI runs; what it skips is given back.
    fn add_migrations(&mut self, errors: &mut Vec<ProjectError>) -> Vec<ProjectFile> {
        let folder = self.folder.join("migrations");
        if folder.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Vec::new();
        }
        let names = file_names(&folder, errors);
        self.add_named(&folder, &names, errors)
    }

    /// Adds the files of a migrations folder that the CLI runs; what it skips is given back.
    fn add_named(
        &mut self,
        folder: &Path,
        names: &[OsString],
        errors: &mut Vec<ProjectError>,
    ) -> Vec<ProjectFile> {
        let mut skipped = Vec::new();
        for (name, verdict) in names.iter().zip(migrations::judge(names)) {
            let path = folder.join(name);
            if verdict != Verdict::Ignore && name.to_str().is_none() {
                errors.push(ProjectError::Name(path));
                continue;
            }
            match verdict {
                Verdict::Run => self.files.push(ProjectFile::new(path, FileRole::Migration)),
                Verdict::Skip(reason) => skipped
                    .push(ProjectFile { skipped: Some(reason), ..ProjectFile::new(path, FileRole::Skipped) }),
                Verdict::Ignore => {}
            }
        }
        self.duplicates = duplicates(&self.files);
        skipped
    }

    /// Adds the SQL that is neither run nor declared.
    fn add_scripts(&mut self, declared: &[PathBuf]) {
        if self.folder.file_name().is_none_or(|name| name != "supabase") {
            return;
        }
        let known: FxHashSet<&Path> = self
            .files
            .iter()
            .map(|file| file.path.as_path())
            .chain(declared.iter().map(PathBuf::as_path))
            .collect();
        let scripts = scripts::find(&self.folder);
        let scripts: Vec<_> = scripts.into_iter().filter(|path| !known.contains(path.as_path())).collect();
        self.files.extend(scripts.into_iter().map(|path| ProjectFile::new(path, FileRole::Script)));
    }

    /// Adds the tests that `supabase test db` runs.
    fn add_tests(&mut self, errors: &mut Vec<ProjectError>) {
        let folder = glob::Pattern::escape(&self.folder.join("tests").to_string_lossy());
        let tests = expand(&format!("{folder}/**/*.sql"), errors);
        self.files.extend(tests.into_iter().map(|path| ProjectFile::new(path, FileRole::Test)));
    }

    /// Where the declared state of the schema is.
    fn declared_paths(&self) -> Vec<FilePattern> {
        if self.config.declared_paths.is_empty() {
            return vec![FilePattern { text: "schemas/**/*.sql".into(), range: None }];
        }
        self.config.declared_paths.clone()
    }

    /// The SQL files under the project's folder that patterns name: each pattern's sorted, none twice.
    /// A pattern that somebody wrote and that names none is kept, to be told.
    fn configured(
        &mut self,
        key: &'static str,
        patterns: Vec<FilePattern>,
        errors: &mut Vec<ProjectError>,
    ) -> Vec<PathBuf> {
        let base = glob::Pattern::escape(&self.folder.to_string_lossy());
        let mut found = Vec::new();
        for pattern in patterns {
            let text = pattern.text.strip_prefix("./").unwrap_or(&pattern.text);
            let before = errors.len();
            let mut paths = expand(&format!("{base}/{text}"), errors);
            paths.retain(|path| path.is_file());
            // `supabase init` writes the seed's path down, and no seed.
            let is_written = pattern.range.is_some() && pattern.text != config_toml::SEED;
            if paths.is_empty() && is_written && errors.len() == before {
                self.unmatched.push((key, pattern));
            }
            for path in paths {
                if !found.contains(&path) {
                    found.push(path);
                }
            }
        }
        found
    }
}

/// Whether a file was written out of a database, the platform's tables with the project's: what it leaves out,
/// such as policies, may be there all the same.
fn is_export(path: &Path) -> bool {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase());
    let makes = ["create table auth.", "create table if not exists auth."];
    text.is_ok_and(|text| makes.iter().any(|make| text.contains(make)))
}

/// The folder that a project of this folder belongs to.
pub fn home_of(folder: &Path) -> &Path {
    let is_layout = folder.file_name().is_some_and(|name| name == "supabase");
    folder.parent().filter(|_| is_layout).unwrap_or(folder)
}

/// The migrations of one version, which are neighbours: names are sorted.
fn duplicates(files: &[ProjectFile]) -> Vec<(usize, usize)> {
    let is_migration = |file: &ProjectFile| file.role == FileRole::Migration && !file.is_extra;
    let is_same = |(earlier, later): (&ProjectFile, &ProjectFile)| {
        is_migration(earlier)
            && is_migration(later)
            && earlier.version().is_some()
            && earlier.version() == later.version()
    };
    (1..files.len()).filter(|at| is_same((&files[at - 1], &files[*at]))).map(|at| (at - 1, at)).collect()
}

/// The names of a folder's files, sorted by bytes as the CLI sorts them.
fn file_names(folder: &Path, errors: &mut Vec<ProjectError>) -> Vec<OsString> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(ProjectError::read(folder, error));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            // A link is followed when it is read, and is an error then if it leads nowhere.
            Ok(entry) if !entry.path().is_dir() => names.push(entry.file_name()),
            Ok(_) => {}
            Err(error) => errors.push(ProjectError::read(folder, error)),
        }
    }
    names.sort();
    names
}

/// The pattern with `**` where it is not a whole component read as `*`, as shells do.
fn shell_pattern(pattern: &str) -> String {
    let component = |part: &str| match part {
        "**" => part.to_string(),
        part => {
            let mut part = part.to_string();
            while part.contains("**") {
                part = part.replace("**", "*");
            }
            part
        }
    };
    pattern.split('/').map(component).collect::<Vec<_>>().join("/")
}

/// The paths that a glob names, sorted.
fn expand(pattern: &str, errors: &mut Vec<ProjectError>) -> Vec<PathBuf> {
    let paths = match glob::glob(&shell_pattern(pattern)) {
        Ok(paths) => paths,
        Err(source) => {
            errors.push(ProjectError::Pattern { pattern: pattern.to_string(), source });
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for path in paths {
        match path {
            Ok(path) => found.push(path),
            Err(error) => {
                let path = error.path().to_path_buf();
                errors.push(ProjectError::Unreadable { path, source: error.into() });
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_within_a_component_are_one() {
        assert_eq!(shell_pattern("seeds/**.sql"), "seeds/*.sql");
        assert_eq!(shell_pattern("a/**/b***c"), "a/**/b*c");
    }
}
