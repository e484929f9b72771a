//! What a run is compared with: the same projects, as they were before a change.

use std::path::{Path, PathBuf};

use crate::change::Removed;
use crate::config;
use crate::config::Settings;
use crate::git::{self, GitError, Repository, State};
use crate::project::migrations::version;
use crate::project::{self, Found, Project, ProjectFile, Request, Served, home_of};
use crate::source::{FileRole, SourceFile, Sources};
use crate::workspace::{Asked, Replayed, Workspace};

/// Where the change begins.
#[derive(Clone, Debug)]
pub enum Boundary {
    /// Where the work tree left this branch, tag or commit.
    Commit(String),
    /// The last commit; the change is what is staged.
    Staged,
    /// Behind the migration of this version.
    Version(String),
    /// Before the migration on standard input.
    Pending,
}

/// Why a run cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(
        "`{0}` is no version of a migration: that is the digits in front of its name, or the first of them"
    )]
    Version(String),
}

/// The projects of a run as they were before the change, one for one.
pub struct Base {
    pub(super) workspace: Workspace,
    /// In words.
    pub(super) name: String,
    /// What is merged, where that is known.
    pub(super) merged: Option<Merged>,
    /// The projects that are asked about and no longer there.
    pub(super) removed: Vec<Removed>,
}

/// The branch that the change is to be merged into.
pub(super) struct Merged {
    /// Its files as it is now.
    pub(super) tip: Vec<PathBuf>,
    /// Those of the base that are its own; without a list, all.
    pub(super) shared: Option<Vec<PathBuf>>,
    /// The folder that each project had, where that is another one.
    pub(super) moved: Vec<Option<PathBuf>>,
}

/// Replays the projects that are asked for, and what they were before the change. Nothing was before the
/// text on standard input where that is a file's own: what is asked about is the file.
pub fn load(
    request: Request<'_>,
    asked: &Asked,
    boundary: &Boundary,
) -> Result<(Workspace, Option<Base>), BoundaryError> {
    let (head, base) = match boundary {
        Boundary::Commit(name) => against_commit(request, asked, name)?,
        Boundary::Staged => staged(&request, asked)?,
        Boundary::Version(version) => {
            if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(BoundaryError::Version(version.clone()));
            }
            let is_merged = |file: &ProjectFile| !is_after(file, version);
            filtered(project::find(request), asked, format!("version {version}"), &is_merged)
        }
        Boundary::Pending => {
            let mut found = project::find(request);
            if found.focus_on_unsaved() {
                return Ok((Workspace::load(found, asked), None));
            }
            filtered(found, asked, "what is there".to_string(), &|file| !file.is_extra)
        }
    };
    Ok((head, Some(base)))
}

/// Whether a project has a migration that is replayed behind those of a version.
pub fn is_any_after(workspace: &Workspace, version: &str) -> bool {
    let files = workspace.projects.iter().flat_map(|replayed| &replayed.project.files);
    files.into_iter().any(|file| is_after(file, version))
}

/// Whether a migration is replayed behind those of a version. Names are compared as the CLI sorts
/// them: by bytes.
fn is_after(file: &ProjectFile, version: &str) -> bool {
    let own = file.version();
    file.role == FileRole::Migration
        && (file.is_extra || own.is_some_and(|own| own > version && !own.starts_with(version)))
}

/// The base is made of some of the files.
fn filtered(
    found: Found,
    asked: &Asked,
    name: String,
    wanted: &dyn Fn(&ProjectFile) -> bool,
) -> (Workspace, Base) {
    let mut before = Found { projects: found.projects.clone(), errors: Vec::new() };
    before.projects.iter_mut().for_each(|project| project.retain_files(wanted));
    let workspace = Workspace::load(before, asked);
    (Workspace::load(found, asked), Base { workspace, name, merged: None, removed: Vec::new() })
}

fn against_commit(
    request: Request<'_>,
    asked: &Asked,
    name: &str,
) -> Result<(Workspace, Base), BoundaryError> {
    let repository = repository(&request)?;
    let paths = request.paths;
    let tip = repository.commit(name)?;
    let fork = repository.fork(&tip, name)?;
    let snapshot = repository.snapshot(State::Commit(&fork))?;
    let merged =
        Some(Merged { tip: repository.paths(State::Commit(&tip))?, shared: None, moved: Vec::new() });
    let head = Workspace::load(project::find(request), asked);
    let name = match name.starts_with("HEAD") || name.contains(['^', '~', '@']) {
        // It will soon mean another one.
        true => format!("{name} ({})", fork.short()),
        // Enough of a hash to find it.
        false if name.len() >= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            name[..7].to_string()
        }
        false => name.to_string(),
    };
    let to_base = |path: &Path| snapshot.path(path);
    let base = before(&head, asked, paths, &repository.top, &to_base, &name, merged)?;
    Ok((head, base))
}

fn staged(request: &Request<'_>, asked: &Asked) -> Result<(Workspace, Base), BoundaryError> {
    let repository = repository(request)?;
    let index = repository.snapshot(State::Index)?;
    let last = repository.head()?;
    let snapshot = repository.snapshot(last.as_ref().map_or(State::Nothing, State::Commit))?;
    let paths: Vec<_> =
        request.paths.iter().map(|path| index.path(&request.working_directory.join(path))).collect();
    let nearest = config::find(request.working_directory);
    for config in nearest.iter().chain(&asked.choices.config) {
        let config = request.working_directory.join(config);
        git::lend(&config, &index.path(&config))?;
    }
    let prefix = asked.prefix();
    let asked = asked.elsewhere(&|path| index.path(path));
    let pending = request.pending.clone().map(|mut pending| {
        pending.path = index.path(&pending.path);
        pending
    });
    let there =
        Request { paths: &paths, working_directory: &asked.working_directory, pending, ..request.clone() };
    let head = Workspace { prefix, ..Workspace::load(project::find(there), &asked) };
    let to_base = |path: &Path| index.path_in(&snapshot, path);
    let merged = merged(&repository, &index)?;
    let top = index.path(&repository.top);
    let base = before(&head, &asked, &paths, &top, &to_base, "the last commit", merged)?;
    Ok((head, base))
}

/// What the repository's main branch has, by paths in a snapshot; what only the branch that is checked
/// out has may still be changed.
fn merged(repository: &Repository, index: &git::Snapshot) -> Result<Option<Merged>, GitError> {
    let Some(main) = repository.main_branch()? else { return Ok(None) };
    let fork = repository.fork(&main, "the main branch")?;
    let paths = |commit| -> Result<Vec<PathBuf>, GitError> {
        let paths = repository.paths(State::Commit(commit))?;
        Ok(paths.iter().map(|path| index.path(path)).collect())
    };
    Ok(Some(Merged { tip: paths(&main)?, shared: Some(paths(&fork)?), moved: Vec::new() }))
}

/// The projects of the head as they are elsewhere. `paths` are those asked about, `top` is that of the repository.
fn before(
    head: &Workspace,
    asked: &Asked,
    paths: &[PathBuf],
    top: &Path,
    to_base: &dyn Fn(&Path) -> PathBuf,
    name: &str,
    mut merged: Option<Merged>,
) -> Result<Base, BoundaryError> {
    let folders: Vec<&Path> =
        head.projects.iter().map(|replayed| replayed.project.folder.as_path()).collect();
    let moved: Vec<_> = head.projects.iter().map(|one| moved(&one.project, &folders, top, to_base)).collect();
    let to_former = |path: &Path| {
        let usual = to_base(path);
        let homes =
            folders.iter().zip(&moved).filter_map(|(is, was)| Some((home_of(is), home_of(was.as_ref()?))));
        let mut former = homes.filter_map(|(is, was)| Some(to_base(&was.join(path.strip_prefix(is).ok()?))));
        if usual.exists() { usual } else { former.next().unwrap_or(usual) }
    };
    // What the linter is told holds for both sides, so that a rule which is switched on finds no more than what
    // the SQL brings. What Supabase is told is a change, and so is what the linter is told of that.
    let base_top = to_base(top);
    let former_home =
        |replayed: &Replayed| to_former(&asked.working_directory.join(&replayed.project.folder));
    let served = |replayed: &Replayed| {
        let home = asked.working_directory.join(&replayed.project.folder);
        let is_outside = |path: PathBuf| !path.starts_with(top);
        if asked.choices.no_config
            || asked.choices.config.is_none() && config::find(&home).is_some_and(is_outside)
        {
            return Served::AsSet;
        }
        let own = || config::find(&former_home(replayed)).filter(|own| own.starts_with(&base_top));
        let named = asked.choices.config.as_ref().map(|path| to_former(&asked.working_directory.join(path)));
        served_by(named.filter(|path| path.exists()).or_else(own), &asked.choices)
    };
    let served: Vec<Served> = head.projects.iter().map(served).collect();
    for replayed in &head.projects {
        let folder = former_home(replayed);
        while let Some(own) = config::find(&folder).filter(|own| own.starts_with(&base_top)) {
            git::remove(&own)?;
        }
    }
    let is_lent = |file: &SourceFile| file.role == FileRole::Config && !file.path.ends_with("config.toml");
    for (_, file) in head.sources.iter().filter(|(_, file)| is_lent(file)) {
        let path = asked.working_directory.join(&file.path);
        git::put(&path, &to_former(&path))?;
    }
    let mut found = Found::default();
    for ((replayed, was), served) in head.projects.iter().zip(&moved).zip(served) {
        let folder = &replayed.project.folder;
        let place = |path: &Path| match (was, path.strip_prefix(folder)) {
            (Some(was), Ok(inside)) => to_base(&was.join(inside)),
            _ => to_base(path),
        };
        let mut project = replayed.project.counterpart(&place, &mut found.errors);
        project.served = served;
        found.projects.push(project);
    }
    let is_there = |folder: &Path| {
        folder.join("migrations").exists()
            || folders.contains(&folder)
            || moved.iter().flatten().any(|was| was == folder)
    };
    let removed = removed(asked, paths, top, to_base, &is_there);
    merged.iter_mut().for_each(|merged| merged.moved.clone_from(&moved));
    let workspace = Workspace::load(found, &asked.elsewhere(to_base));
    Ok(Base { workspace, name: name.to_string(), merged, removed })
}

/// The projects that the base has under what is asked about, and the head has nowhere.
fn removed(
    asked: &Asked,
    paths: &[PathBuf],
    top: &Path,
    to_base: &dyn Fn(&Path) -> PathBuf,
    is_there: &dyn Fn(&Path) -> bool,
) -> Vec<Removed> {
    let base_top = to_base(top);
    let here = [PathBuf::new()];
    let asked_about = if paths.is_empty() { &here } else { paths };
    let folders =
        asked_about.iter().flat_map(|path| project::below(&to_base(&asked.working_directory.join(path))));
    let removed = folders.filter_map(|was| {
        let folder = top.join(was.strip_prefix(&base_top).ok()?);
        let names = std::fs::read_dir(was.join("migrations")).ok()?.flatten().map(|entry| entry.file_name());
        let migrations =
            names.filter(|name| name.to_str().is_some_and(|name| version(name).is_some())).count();
        let project = asked.shown(&folder);
        (migrations > 0 && !is_there(&folder)).then_some(Removed { project, migrations })
    });
    removed.collect()
}

/// Which schemas a file of settings says that the Data API serves. That is a fact about the project, and none about
/// the linter.
fn served_by(settings: Option<PathBuf>, choices: &config::Choices) -> Served {
    let loaded = settings.map(|path| {
        config::load(Some(&path), choices, &mut Sources::default(), &|path| path.display().to_string())
    });
    let settings = loaded.map(|loaded| loaded.settings);
    let exposed = settings.as_ref().and_then(Settings::exposed);
    exposed.map_or(Served::AsConfigured, |names| {
        Served::As(names.into_iter().map(|(name, _)| name.to_string()).collect())
    })
}

/// The folder that a project had, where the base has none in its place: that of a project which is no longer
/// there and has the most of the same migrations, or else of their names.
fn moved(
    project: &Project,
    folders: &[&Path],
    top: &Path,
    to_base: &dyn Fn(&Path) -> PathBuf,
) -> Option<PathBuf> {
    let migrations = project.migrations_folder();
    if migrations == project.folder || to_base(&project.folder).exists() {
        return None;
    }
    let base_top = to_base(top);
    let below = project::below(&base_top);
    let former = below.iter().filter_map(|folder| Some(top.join(folder.strip_prefix(&base_top).ok()?)));
    let is_gone =
        |folder: &PathBuf| !folder.join("migrations").exists() && !folders.contains(&folder.as_path());
    let likeness = |folder: &PathBuf| {
        let (mut same, mut named) = (0, 0);
        for name in project.files.iter().filter_map(|file| file.path.file_name()) {
            if let Ok(was) = std::fs::read(to_base(&folder.join("migrations").join(name))) {
                named += 1;
                same += usize::from(std::fs::read(migrations.join(name)).is_ok_and(|is| is == was));
            }
        }
        let ends = folder.components().rev().zip(project.folder.components().rev());
        (named > 0).then(|| (same, named, ends.take_while(|(was, is)| was == is).count()))
    };
    let alike = former.filter(is_gone).filter_map(|folder| Some((likeness(&folder)?, folder)));
    alike.max_by_key(|(likeness, _)| *likeness).map(|(_, folder)| folder)
}

/// The repository that the request is about: around its first path, else around the working
/// directory.
fn repository(request: &Request<'_>) -> Result<Repository, GitError> {
    let here = Repository::around(request.working_directory);
    let Some(first) = request.paths.first().map(|path| request.working_directory.join(path)) else {
        return here;
    };
    let folder = first.ancestors().find(|folder| folder.is_dir()).unwrap_or(request.working_directory);
    match here {
        Ok(here) if folder.starts_with(&here.top) => Ok(here),
        _ => Repository::around(folder),
    }
}
