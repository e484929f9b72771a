//! SQL beside the migrations: scripts that somebody may run by hand.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::project::discover::is_passed_by;
use crate::project::migrations;
use crate::source::script::ExtensionScript;

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

/// The files of a folder without the scripts of extensions that a newest installation does not run: it takes
/// the newest script that needs none before it, and what leads on from there.
pub(super) fn newest_of_extensions(names: Vec<OsString>) -> Vec<OsString> {
    let scripts: Vec<_> = names.iter().filter_map(|name| ExtensionScript::of(name.to_str()?)).collect();
    let mut wanted: Vec<&ExtensionScript<'_>> = Vec::new();
    for first in scripts.iter().filter(|script| script.from.is_none()) {
        let is_newer = |other: &&ExtensionScript<'_>| {
            other.from.is_none() && other.extension == first.extension && other.version() > first.version()
        };
        if scripts.iter().any(|other| is_newer(&other)) {
            continue;
        }
        let mut last = first;
        wanted.push(first);
        let next = |last: &ExtensionScript<'_>| {
            let follows = |script: &&ExtensionScript<'_>| {
                script.extension == last.extension
                    && script.from == Some(last.to)
                    && script.version() > last.version()
            };
            scripts.iter().filter(follows).max_by_key(|script| script.version())
        };
        while let Some(script) = next(last) {
            wanted.push(script);
            last = script;
        }
    }
    let is_wanted = |name: &OsString| match name.to_str().and_then(ExtensionScript::of) {
        Some(script) => wanted.is_empty() || wanted.contains(&&script),
        None => true,
    };
    names.iter().filter(|name| is_wanted(name)).cloned().collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_version_of_an_extension_is_installed() {
        let check = |names: &[&str], expected: &[&str]| {
            assert_eq!(newest_of_extensions(names.iter().map(OsString::from).collect()), *expected);
        };
        check(
            &["q--1.0--1.1.sql", "q--1.0.sql", "q--1.10.sql", "q--1.2.sql", "r--1.sql", "x.sql"],
            &["q--1.10.sql", "r--1.sql", "x.sql"],
        );
        check(
            &["q--1.0--1.1.sql", "q--1.0.sql", "q--1.1--1.2.sql", "q--0.9.sql"],
            &["q--1.0--1.1.sql", "q--1.0.sql", "q--1.1--1.2.sql"],
        );
        check(&["q--1.0--1.1.sql"], &["q--1.0--1.1.sql"]);
        check(&["a--b.sql", "a.sql"], &["a--b.sql", "a.sql"]);
    }
}
