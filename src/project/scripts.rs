//! SQL beside the migrations: scripts that somebody may run by hand.

use std::path::{Path, PathBuf};

use crate::project::discover::is_passed_by;
use crate::project::migrations;

/// Folders beside `supabase` where projects keep SQL.
const FOLDERS: [&str; 4] = ["database", "db", "scripts", "sql"];

/// How deep such a folder is looked through.
const DEPTH: usize = 3;

/// In bytes: what is longer holds rows.
const SIZE: u64 = 1 << 20;

/// Parts of names that say that nobody runs it any more, or not against the project's database.
const ASIDE: [&str; 15] = [
    "archive",
    "backup",
    "deprecated",
    "discarded",
    "docs",
    "dump",
    "example",
    "fixture",
    "legacy",
    "mock",
    "old",
    "rollback",
    "schemas",
    "template",
    "test",
];

/// The SQL files in a project's folder and beside it, but for migrations, declared schemas and tests.
/// What cannot be read is passed by: nobody named it.
pub(super) fn find(project: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(project, DEPTH, &mut found);
    if let Some(root) = project.parent() {
        collect(root, 0, &mut found);
        FOLDERS.iter().for_each(|folder| collect(&root.join(folder), DEPTH, &mut found));
    }
    found.sort();
    found
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if is_passed_by(&name) || ASIDE.iter().any(|part| name.contains(part)) {
            continue;
        }
        // Links are not followed, so that no loop is.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 && !name.starts_with("migrations") && name != "functions" {
            collect(&entry.path(), depth - 1, found);
        } else if kind.is_file() && migrations::is_sql(&name) {
            let is_short = entry.metadata().is_ok_and(|metadata| metadata.len() <= SIZE);
            found.extend(is_short.then(|| entry.path()));
        }
    }
}
