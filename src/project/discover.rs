//! From what the user named to the projects that are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::project::{Pending, Project, ProjectError, expand};

/// How deep below a folder a project is looked for.
const DEPTH: usize = 8;

/// The same outside of a git repository.
const NEAR: usize = 3;

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Files, folders and globs; none means the project around the working directory, or all that lie in it.
    pub paths: &'a [PathBuf],
    /// Absolute.
    pub working_directory: &'a Path,
    /// How deep below it projects are looked for: see [`depth_below`].
    pub depth: usize,
    /// A pending migration that came through standard input.
    pub pending: Option<Pending>,
}

#[derive(Debug, Default)]
pub struct Found {
    pub projects: Vec<Project>,
    pub errors: Vec<ProjectError>,
}

/// Finds the projects that are meant, with their files in order.
pub fn find(request: Request<'_>) -> Found {
    let mut found = Found::default();
    if request.paths.is_empty() {
        found.around(request.working_directory, request.depth, request.pending.is_some());
    } else {
        found.named(&request);
    }
    if let Some(pending) = request.pending {
        found.pend(pending);
    }
    found
}

impl Found {
    /// The project that a folder lies in, else those below it. What stands beside others at the top of a repository
    /// hides none of them, unless a pending migration says by where it is run which is meant.
    fn around(&mut self, folder: &Path, depth: usize, is_for_one: bool) {
        let around = folder.ancestors().find(|above| is_project(&above.join("supabase")));
        if let Some(above) = around.filter(|above| is_for_one || *above != folder) {
            return self.add(above.join("supabase"));
        }
        let (mut found, aside) = in_use(folder, projects_below(folder, depth));
        if found.is_empty() {
            found.extend(folder.ancestors().map(|above| above.join("supabase")).find(|dir| is_declared(dir)));
        }
        if found.is_empty() && !is_for_one {
            self.errors.push(if depth == DEPTH {
                ProjectError::NoProject
            } else {
                ProjectError::NoProjectNear
            });
        }
        self.add_all(found, aside);
    }

    fn named(&mut self, request: &Request<'_>) {
        let mut files = Vec::new();
        for path in request.paths {
            let path = normal(&request.working_directory.join(path));
            match path.metadata() {
                Ok(metadata) if metadata.is_dir() => self.folder(&path),
                Ok(_)
                    if path.file_name().is_some_and(|name| name == "config.toml")
                        && path.parent().is_some_and(is_project) =>
                {
                    path.parent().into_iter().for_each(|project| self.add(project.to_path_buf()));
                }
                Ok(_) if is_other(&path) => self.errors.push(ProjectError::NotSql(path)),
                Ok(_) => files.push(path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.pattern(path, &mut files);
                }
                Err(error) => self.errors.push(ProjectError::read(&path, error)),
            }
        }
        self.files(files);
    }

    fn folder(&mut self, folder: &Path) {
        if is_project(folder) {
            return self.add(folder.to_path_buf());
        }
        if let Some(project) = project_of_migrations(folder) {
            return self.add(project);
        }
        let (below, aside) = in_use(folder, projects_below(folder, DEPTH));
        if !below.is_empty() {
            return self.add_all(below, aside);
        }
        let declared = folder.join("supabase");
        if is_declared(&declared) {
            return self.add(declared);
        }
        let before = self.errors.len();
        let project = Project::of_folder(folder.to_path_buf(), &mut self.errors);
        if !project.files.is_empty() {
            self.projects.push(project);
        } else if self.errors.len() == before {
            let folder = folder.to_path_buf();
            self.errors.push(match sql_below(&folder) {
                Some(below) => ProjectError::SqlBelow(folder, below),
                None => ProjectError::NoSql(folder),
            });
        }
    }

    fn pattern(&mut self, path: PathBuf, files: &mut Vec<PathBuf>) {
        let text = path.to_string_lossy().into_owned();
        if !text.contains(['*', '?', '[']) {
            return self.errors.push(ProjectError::Absent(path));
        }
        let before = self.errors.len();
        let mut matches = expand(&text, &mut self.errors);
        matches.retain(|path| !is_other(path) || path.is_dir());
        if matches.is_empty() && self.errors.len() == before {
            self.errors.push(ProjectError::NoMatch(text));
        }
        for path in matches {
            if path.is_dir() { self.folder(&path) } else { files.push(path) }
        }
    }

    /// Files of a project are read with the whole of it; other files are a project of their own.
    fn files(&mut self, files: Vec<PathBuf>) {
        let mut by_project: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        let mut plain = Vec::new();
        for file in files {
            match file.ancestors().skip(1).find(|folder| is_project(folder)) {
                Some(project) => drop(by_project.entry(project.to_path_buf()).or_default().insert(file)),
                None if plain.contains(&file) => {}
                None => plain.push(file),
            }
        }
        for (folder, focus) in by_project {
            if self.projects.iter().any(|project| project.folder == folder) {
                continue;
            }
            let mut project = Project::open(folder, &mut self.errors);
            let (own, other) =
                focus.into_iter().partition(|file| project.files.iter().any(|known| known.path == *file));
            plain.extend(other);
            let own: BTreeSet<_> = own;
            if !own.is_empty() {
                project.focus = Some(own);
                self.projects.push(project);
            }
        }
        if let Some(first) = plain.first() {
            let folder = first.parent().unwrap_or(first).to_path_buf();
            self.projects.push(Project::of_files(folder, plain));
        }
    }

    /// Asks about nothing but the file that standard input stands for, if it does.
    pub fn focus_on_unsaved(&mut self) -> bool {
        let Some(project) = self.projects.first_mut() else { return false };
        let unsaved = project.files.iter().find(|file| file.piped.is_some() && !file.is_extra);
        let focus = unsaved.map(|file| BTreeSet::from([file.path.clone()]));
        let is_there = focus.is_some();
        project.focus = focus.or_else(|| project.focus.take());
        is_there
    }

    fn add(&mut self, folder: PathBuf) {
        if self.projects.iter().all(|project| project.folder != folder) {
            self.projects.push(Project::open(folder, &mut self.errors));
        }
    }

    fn add_all(&mut self, folders: Vec<PathBuf>, aside: Vec<String>) {
        folders.into_iter().for_each(|folder| self.add(folder));
        self.projects.iter_mut().take(1).for_each(|project| project.aside.extend_from_slice(&aside));
    }

    fn pend(&mut self, mut pending: Pending) {
        let many = self.projects.len();
        self.errors.extend(pending.said.take().map(|(line, text)| ProjectError::Said(line, text)));
        pending.path = normal(&pending.path);
        if self.projects.len() > 1 {
            // What is asked about is the pending text, and nothing else.
            self.projects.retain(|project| pending.path.starts_with(&project.folder));
        }
        match self.projects.as_mut_slice() {
            [] if many > 1 => self.errors.push(ProjectError::ManyProjects(many)),
            [] => {
                let mut project = Project::of_files(PathBuf::new(), Vec::new());
                project.take_pending(pending);
                self.projects.push(project);
            }
            [project, ..] => project.take_pending(pending),
        }
    }
}

/// Whether a name says that a file holds something else than SQL.
fn is_other(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["json", "md", "toml", "yaml", "yml"].iter().any(|other| extension.eq_ignore_ascii_case(other))
}

/// Whether a folder is laid out as `supabase init` does it.
fn is_project(folder: &Path) -> bool {
    let has_config = folder.join("config.toml").is_file();
    let has_migrations = folder.join("migrations").symlink_metadata().is_ok();
    if folder.file_name().is_none_or(|name| name != "supabase") {
        return has_config && has_migrations;
    }
    // One that cannot be looked into is named as an error when it is read.
    has_config || has_migrations || folder.is_dir() && std::fs::read_dir(folder).is_err()
}

/// Whether a `supabase` folder has its schema declared, and nothing else that would tell a project.
fn is_declared(folder: &Path) -> bool {
    let is_named = folder.file_name().is_some_and(|name| name == "supabase");
    is_named && (folder.join("schemas").is_dir() || folder.join(super::SCHEMA).is_file())
}

/// The project of a folder that is its `migrations`.
fn project_of_migrations(folder: &Path) -> Option<PathBuf> {
    let project = folder.parent().filter(|parent| is_project(parent))?;
    folder.file_name().is_some_and(|name| name == "migrations").then(|| project.to_path_buf())
}

/// How many folders a search for projects looks at: a repository has fewer, a disk has more.
const FOLDERS: usize = 20_000;

/// How deep below a folder that nobody named projects are looked for: outside of a git repository not
/// far, and in a home folder or at the root of the disk not at all.
pub fn depth_below(folder: &Path, home: Option<&Path>) -> usize {
    if folder.ancestors().any(|above| above.join(".git").exists()) {
        return DEPTH;
    }
    if home == Some(folder) || folder.parent().is_none() { 0 } else { NEAR }
}

/// The projects in and under a folder of a repository, in order of their paths.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    in_use(folder, projects_below(folder, DEPTH)).0
}

/// The projects below a folder that are no copies somebody put aside, and the names of the folders in which the
/// others are. Where all are, they are what is meant.
fn in_use(folder: &Path, found: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<String>) {
    let aside = |project: &PathBuf| {
        let way = project.strip_prefix(folder).unwrap_or(project);
        let mut names = way.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        names.find(|name| ASIDE.contains(&name.trim_start_matches('_').to_lowercase().as_str()))
    };
    let places: Vec<Option<String>> = found.iter().map(aside).collect();
    if places.iter().all(Option::is_some) {
        return (found, Vec::new());
    }
    let kept =
        found.into_iter().zip(&places).filter_map(|(project, place)| place.is_none().then_some(project));
    (kept.collect(), places.iter().flatten().cloned().collect())
}

/// What folders are called that hold what nobody runs any more.
const ASIDE: [&str; 8] =
    ["archive", "archived", "archives", "backup", "backups", "deprecated", "obsolete", "trash"];

/// The folder below this one that holds the most SQL, by what is read of a folder.
fn sql_below(folder: &Path) -> Option<PathBuf> {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    walk_below(folder, DEPTH, |folder, _| {
        let read = Project::of_folder(folder.to_path_buf(), &mut Vec::new());
        if !read.files.is_empty() {
            counts.insert(folder.to_path_buf(), read.files.len());
        }
        counts.contains_key(folder)
    });
    let most = counts.values().max().copied()?;
    counts.into_iter().find_map(|(folder, count)| (count == most).then_some(folder))
}

/// The projects in and under a folder, in order of their paths. Folders that cannot be read are
/// passed by: they are not the ones that were named.
fn projects_below(folder: &Path, deepest: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk_below(folder, deepest, |folder, depth| {
        let is_found = depth > 0 && is_project(folder);
        found.extend(is_found.then(|| folder.to_path_buf()));
        is_found
    });
    found.sort();
    found
}

/// Visits a folder and those below it, but for those below one of which the visitor says that it is an end.
fn walk_below(folder: &Path, deepest: usize, mut is_end: impl FnMut(&Path, usize) -> bool) {
    let mut pending = vec![(folder.to_path_buf(), 0)];
    let mut looked_at = 0;
    while let Some((folder, depth)) = pending.pop() {
        looked_at += 1;
        if looked_at > FOLDERS {
            break;
        }
        if is_end(&folder, depth) || depth == deepest {
            continue;
        }
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // Links are not followed, so that no loop is; but `supabase` itself may be one.
            if (is_folder && !is_passed_by(&name.to_string_lossy()))
                || (name == "supabase" && entry.path().is_dir())
            {
                pending.push((entry.path(), depth + 1));
            }
        }
    }
}

pub(super) fn is_passed_by(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "node_modules" | "target")
}

/// An absolute path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let has_parents = path.components().any(|part| part == std::path::Component::ParentDir);
    match path.canonicalize() {
        Ok(real) if has_parents => real,
        _ => path.components().collect(),
    }
}
