//! Earlier states of a repository's files, read with the `git` program.
//!
//! Files come from git's objects, not from the work tree, so that what is not committed has no say.
//! Only what a project is made of is read: SQL, `config.toml` and the linter's own YAML.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::baseline;

/// Why a state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("cannot run git: {0}")]
    Program(io::Error),
    #[error("{folder} is in no git repository: {message}", folder = .folder.display())]
    NoRepository { folder: PathBuf, message: String },
    #[error("git does not read {folder}: {message}", folder = .folder.display())]
    Refused { folder: PathBuf, message: String },
    #[error("`{0}` cannot be the name of a branch, tag or commit")]
    Name(String),
    #[error(
        "this repository has no commit `{name}`; `git fetch origin {branch}` may bring it",
        branch = name.strip_prefix("origin/").unwrap_or(name)
    )]
    Unknown { name: String },
    #[error(
        "this clone is shallow and lacks what connects it with `{name}`: set `fetch-depth: 0` for \
         actions/checkout, or run `git fetch --unshallow`"
    )]
    Shallow { name: String },
    #[error("git {command} failed: {message}")]
    Failed { command: String, message: String },
    #[error("cannot write {path}: {source}", path = .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// A repository with a work tree.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Where git is run; it need not be the top.
    folder: PathBuf,
    /// The top of the work tree.
    pub top: PathBuf,
}

/// A commit, by its full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

/// Which files of a repository are meant.
#[derive(Clone, Copy, Debug)]
pub enum State<'a> {
    Commit(&'a Commit),
    /// What is staged for the next commit.
    Index,
    /// Before the first commit.
    Nothing,
}

/// The files of a state, in a folder that stands for the root of the disk: each is where it is in the
/// work tree, below that folder.
#[derive(Debug)]
pub struct Snapshot {
    _holder: TempDir,
    root: PathBuf,
}

/// A file of a state.
struct Entry {
    is_link: bool,
    object: String,
    /// Relative to the top.
    path: PathBuf,
}

impl Commit {
    /// Enough of its hash to find it.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl Repository {
    /// The repository that a folder is in.
    pub fn around(folder: &Path) -> Result<Self, GitError> {
        let asked = Self { folder: folder.to_path_buf(), top: PathBuf::new() };
        let output = asked.run(&["rev-parse", "--show-toplevel"])?;
        if !output.status.success() {
            let (folder, message) = (asked.folder, said(&output));
            return Err(match message.starts_with("not a git repository") {
                true => GitError::NoRepository { folder, message },
                false => GitError::Refused { folder, message },
            });
        }
        Ok(Self { top: path(output.stdout.trim_ascii_end()), ..asked })
    }

    /// The commit of a branch, tag, hash or expression such as `HEAD^`. A branch that is only known
    /// from `origin` is found as well.
    pub fn commit(&self, name: &str) -> Result<Commit, GitError> {
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.starts_with('-') || name.contains(is_odd) {
            return Err(GitError::Name(name.to_string()));
        }
        for name in [name.to_string(), format!("origin/{name}")] {
            let output = self.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
            if output.status.success() {
                return Ok(Commit(text(output.stdout.trim_ascii_end())));
            }
        }
        let name = name.to_string();
        Err(if self.is_shallow()? { GitError::Shallow { name } } else { GitError::Unknown { name } })
    }

    /// Where the work tree's history left that of a commit; the commit itself where they share
    /// nothing. `name` is what the user calls it.
    pub fn fork(&self, commit: &Commit, name: &str) -> Result<Commit, GitError> {
        let output = self.run(&["merge-base", &commit.0, "HEAD"])?;
        if output.status.success() {
            return Ok(Commit(text(output.stdout.trim_ascii_end())));
        }
        if self.is_shallow()? {
            return Err(GitError::Shallow { name: name.to_string() });
        }
        Ok(commit.clone())
    }

    /// The last commit of the main branch: of that of `origin`, or else of `main` or `master` here.
    pub fn main_branch(&self) -> Result<Option<Commit>, GitError> {
        for name in ["origin/HEAD", "origin/main", "origin/master", "heads/main", "heads/master"] {
            let commit = format!("{name}^{{commit}}");
            let output = self.run(&["rev-parse", "--verify", "--quiet", &commit])?;
            if output.status.success() {
                return Ok(Some(Commit(text(output.stdout.trim_ascii_end()))));
            }
        }
        Ok(None)
    }

    /// The commit that is checked out, if there is one yet.
    pub fn head(&self) -> Result<Option<Commit>, GitError> {
        let output = self.run(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
        Ok(output.status.success().then(|| Commit(text(output.stdout.trim_ascii_end()))))
    }

    /// The absolute paths of a state's files that may matter.
    pub fn paths(&self, state: State<'_>) -> Result<Vec<PathBuf>, GitError> {
        Ok(self.entries(state)?.into_iter().map(|entry| self.top.join(entry.path)).collect())
    }

    /// Writes the files of a state that may matter to a temporary folder.
    pub fn snapshot(&self, state: State<'_>) -> Result<Snapshot, GitError> {
        let unwritable = |source| GitError::Unwritable { path: "a temporary folder".into(), source };
        let holder = tempfile::Builder::new().prefix("rls-lint-").tempdir().map_err(unwritable)?;
        let root = holder.path().canonicalize().map_err(unwritable)?;
        let snapshot = Snapshot { _holder: holder, root };
        let top = snapshot.path(&self.top);
        create_folder(&top)?;
        self.write(&self.entries(state)?, &top)?;
        Ok(snapshot)
    }

    fn entries(&self, state: State<'_>) -> Result<Vec<Entry>, GitError> {
        let arguments: &[&str] = match state {
            State::Commit(commit) => &["ls-tree", "-r", "-z", "--full-tree", &commit.0],
            State::Index => &["ls-files", "--stage", "-z", "--full-name", "--", ":/"],
            State::Nothing => return Ok(Vec::new()),
        };
        let output = self.run(arguments)?;
        if !output.status.success() {
            return Err(failed(arguments[0], &output));
        }
        Ok(output.stdout.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// Writes files to a folder: links last, so that nothing is written through one.
    fn write(&self, entries: &[Entry], top: &Path) -> Result<(), GitError> {
        if entries.is_empty() {
            return Ok(());
        }
        let command = "cat-file";
        let broken =
            |error: io::Error| GitError::Failed { command: command.into(), message: error.to_string() };
        let mut child = self
            .git()
            .args([command, "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(GitError::Program)?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken(io::ErrorKind::BrokenPipe.into()));
        };
        let asked: String = entries.iter().flat_map(|entry| [entry.object.as_str(), "\n"]).collect();
        // Git answers while it is asked: who only asks would wait for ever.
        let asking = std::thread::spawn(move || input.write_all(asked.as_bytes()));
        let mut answers = BufReader::new(output);
        let mut links = Vec::new();
        for entry in entries {
            let bytes = object(&mut answers).map_err(broken)?;
            if entry.is_link {
                links.push((top.join(&entry.path), path(&bytes)));
            } else {
                write_file(&top.join(&entry.path), &bytes)?;
            }
        }
        let asked = asking.join().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        child.wait().and(asked).map_err(broken)?;
        links.into_iter().try_for_each(|(path, target)| write_link(&path, &target, top))
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.run(&["rev-parse", "--is-shallow-repository"])?.stdout.starts_with(b"true"))
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, GitError> {
        self.git().args(arguments).stdin(Stdio::null()).output().map_err(GitError::Program)
    }

    fn git(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).env("LC_ALL", "C");
        command
    }
}

impl Snapshot {
    /// Where an absolute path is in it.
    pub fn path(&self, path: &Path) -> PathBuf {
        let mut normal = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => normal.push(name),
                Component::ParentDir => drop(normal.pop()),
                _ => {}
            }
        }
        self.root.join(normal)
    }

    /// The same place in another snapshot; `path` is one in this.
    pub fn path_in(&self, other: &Self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| other.path(path), |path| other.root.join(path))
    }
}

/// Copies a file to a snapshot that has none there.
pub fn lend(from: &Path, to: &Path) -> Result<(), GitError> {
    match std::fs::read(from) {
        Ok(bytes) if to.symlink_metadata().is_err() => write_file(to, &bytes),
        // What cannot be read is told where it is asked for.
        _ => Ok(()),
    }
}

/// Copies a file to a snapshot, in place of what that has there.
pub fn put(from: &Path, to: &Path) -> Result<(), GitError> {
    match std::fs::read(from) {
        Ok(bytes) => remove(to).and_then(|()| write_file(to, &bytes)),
        Err(_) => Ok(()),
    }
}

/// Takes a file out of a snapshot.
pub fn remove(path: &Path) -> Result<(), GitError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(GitError::Unwritable { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

/// A line of `ls-tree` or `ls-files --stage`, if it is of a file that may matter.
fn entry(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let fields = std::str::from_utf8(&line[..tab]).ok()?;
    let path = path(&line[tab + 1..]);
    let (mode, object) = match fields.split(' ').collect::<Vec<_>>()[..] {
        [mode, "blob", object] => (mode, object),
        // Of a file in conflict the one that is checked out.
        [mode, object, "0" | "2"] => (mode, object),
        _ => return None,
    };
    let is_link = mode == "120000";
    let is_file = mode.starts_with("100") && matters(&path);
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    (is_inside && (is_link || is_file)).then(|| Entry { is_link, object: object.to_string(), path })
}

fn matters(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["sql", "toml", "yaml", "yml"].iter().any(|wanted| extension.eq_ignore_ascii_case(wanted))
        || path.file_name() == Some(OsStr::new(baseline::NAME))
}

/// The next answer of `cat-file --batch`: `<name> blob <size>`, a line break, and the bytes.
fn object(answers: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut header = String::new();
    answers.read_line(&mut header)?;
    let size = header.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<u64>().ok());
    let size = size.ok_or_else(|| io::Error::other(format!("it answers {:?}", header.trim_end())))?;
    let mut bytes = Vec::new();
    answers.take(size + 1).read_to_end(&mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn create_folder(path: &Path) -> Result<(), GitError> {
    std::fs::create_dir_all(path).map_err(|source| GitError::Unwritable { path: path.to_path_buf(), source })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    path.parent().map_or(Ok(()), create_folder)?;
    std::fs::write(path, bytes).map_err(|source| GitError::Unwritable { path: path.to_path_buf(), source })
}

/// Makes a link; one that leaves the repository leads to what is no part of the state.
fn write_link(path: &Path, target: &Path, top: &Path) -> Result<(), GitError> {
    let mut end = path.parent().unwrap_or(path).to_path_buf();
    for part in target.components() {
        match part {
            Component::ParentDir => drop(end.pop()),
            part => end.push(part),
        }
    }
    if !end.starts_with(top) {
        return Ok(());
    }
    path.parent().map_or(Ok(()), create_folder)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, path)
        .map_err(|source| GitError::Unwritable { path: path.to_path_buf(), source })?;
    Ok(())
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    OsString::from(text(bytes)).into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What git complains of, with what it tells to do, in one line.
fn said(output: &Output) -> String {
    let text = text(&output.stderr);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => "it says nothing".to_string(),
        lines => lines.join(" ").trim_start_matches("fatal: ").to_string(),
    }
}

fn failed(command: &str, output: &Output) -> GitError {
    GitError::Failed { command: command.to_string(), message: said(output) }
}
