//! A folder of files, and the program run in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that goes when the test ends.
pub(crate) struct Folder {
    path: PathBuf,
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// A folder with these files; a path that ends with `/` is an empty folder.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rls-lint-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Self { path: std::env::temp_dir().join(name) };
        std::fs::create_dir_all(&folder.path).expect("a folder is made");
        for (path, text) in files {
            folder.write(path, text.as_bytes());
        }
        folder
    }

    /// A project whose only migration has this text.
    pub(crate) fn project(sql: &str) -> Self {
        Self::new(&[("supabase/config.toml", ""), ("supabase/migrations/1_first.sql", sql)])
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let full = self.path.join(path);
        if path.ends_with('/') {
            return std::fs::create_dir_all(full).expect("a folder is made");
        }
        std::fs::create_dir_all(full.parent().expect("a file is in a folder")).expect("a folder is made");
        std::fs::write(full, bytes).expect("a file is written");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the program here.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "", |_| {})
    }

    /// Runs the program with something on standard input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &str) -> Answer {
        self.run_with(arguments, input, |_| {})
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str, set: impl FnOnce(&mut Command)) -> Answer {
        run_in(&self.path, arguments, input, set)
    }
}

/// Runs the program in a folder.
pub(crate) fn run_in(
    folder: &Path,
    arguments: &[&str],
    input: &str,
    set: impl FnOnce(&mut Command),
) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rls-lint"));
    command.args(arguments).current_dir(folder).env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    set(&mut command);
    let mut child = command.spawn().expect("the program starts");
    // It may end before it reads its input.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Answer {
        code: output.status.code().expect("no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
