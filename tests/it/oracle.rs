//! The catalog against a real PostgreSQL: the same migrations are run in a scratch database and
//! replayed, and what both say is compared list by list, field by field.
//!
//! `cases/` holds small histories, one for each form of DDL. A case starts with `-- case: name`;
//! `-- file` starts the next migration of its history. Roles and settings of databases belong to the
//! whole cluster, so a case that changes them says `-- case: name (cluster)` and runs alone.
//!
//! A case that says `(differs)` is known to be replayed otherwise, and the comment below it says why;
//! the test fails when it no longer is.
//!
//! `ORACLE_PROJECT=folder cargo test project_on_disk -- --nocapture` compares any folder of migrations.
//!
//! `ORACLE=text cargo test oracle` runs the cases whose file or name holds the text.

mod changes;
mod claims;
mod compare;
mod generate;
mod project;
mod random;
mod recursion;
mod refused;
mod revokes;
mod rights;
mod server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::harness::{self, Folder};
use compare::Expected;
use server::Server;

/// A history of migrations, and where it stands.
struct Case {
    name: String,
    migrations: Vec<String>,
    changes_cluster: bool,
    /// It is known that the replay does not give what PostgreSQL gives.
    differs: bool,
    /// New tables are not granted to the roles of the API.
    explicit: bool,
    /// A project on disk, for the fixtures.
    project: Option<PathBuf>,
}

#[test]
fn every_form_of_ddl_gives_the_catalog_that_postgresql_has() {
    run(&read_folder("cases"));
}

/// `hostile-bytes` is left out: its files are broken, and a server takes few of them.
#[test]
fn fixtures_give_the_catalog_that_postgresql_has() {
    let mut cases = Vec::new();
    let mut pending = vec![root().join("supabase-fixtures")];
    while let Some(folder) = pending.pop() {
        if folder.ends_with("hostile-bytes") {
            continue;
        }
        if folder.join("supabase/migrations").is_dir() {
            let files = sorted_files(&folder.join("supabase/migrations"));
            let roles = folder.join("supabase/roles.sql");
            let files = roles.exists().then_some(roles).into_iter().chain(files);
            let config = std::fs::read_to_string(folder.join("supabase/config.toml")).unwrap_or_default();
            cases.push(Case {
                explicit: config.contains("auto_expose_new_tables = false"),
                name: folder.strip_prefix(root()).expect("it is below").display().to_string(),
                migrations: files.map(|file| std::fs::read_to_string(file).expect("it is text")).collect(),
                changes_cluster: true,
                differs: false,
                project: Some(folder),
            });
        } else {
            let entries = std::fs::read_dir(folder).expect("a folder is listed").flatten();
            pending.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
    }
    assert!(cases.len() >= 12, "only {} fixtures are found", cases.len());
    run(&cases);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sorted_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder is listed").flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    files
}

/// The cases of a folder whose names hold what `ORACLE` says.
fn read_folder(name: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in sorted_files(&root().join("tests/it/oracle").join(name)) {
        let text = std::fs::read_to_string(&path).expect("a file of cases is text");
        let file = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        cases.extend(read_cases(&file, &text));
    }
    let names: BTreeSet<&String> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    let wanted = std::env::var("ORACLE").unwrap_or_default();
    cases.retain(|case| case.name.contains(&wanted));
    cases
}

fn read_cases(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("-- case: ") {
            let (title, differs) =
                title.strip_suffix(" (differs)").map_or((title, false), |title| (title, true));
            let name = title.strip_suffix(" (cluster)");
            cases.push(Case {
                name: format!("{file}: {}", name.unwrap_or(title)),
                migrations: vec![String::new()],
                changes_cluster: name.is_some(),
                differs,
                explicit: false,
                project: None,
            });
        } else if let Some(case) = cases.last_mut() {
            if line == "-- file" {
                case.migrations.push(String::new());
            } else {
                let migration = case.migrations.last_mut().expect("a case has a migration");
                migration.push_str(line);
                migration.push('\n');
            }
        }
    }
    cases
}

/// One test at a time: another may change the cluster.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs cases beside each other, then those that change the cluster, one after the other.
fn run(cases: &[Case]) {
    let _turn = turn();
    let server = Server::get();
    let failures = Mutex::new(Vec::new());
    let (alone, beside): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.changes_cluster);
    let next = AtomicUsize::new(0);
    let cluster = server.read_cluster();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = beside.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(failure) = check(server, case) {
                        failures.lock().expect("no thread has panicked").push(failure);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread has panicked");
    failures.sort();
    server.expect_cluster(&cluster);
    for case in alone {
        failures.extend(check(server, case).err());
        server.restore_cluster(&cluster);
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases differ:\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

/// What is different about a case, as text.
fn check(server: &Server, case: &Case) -> Result<(), String> {
    let title = &case.name;
    let dump = server
        .dump(&case.migrations, case.explicit)
        .map_err(|error| format!("{title}\n  does not apply: {error}\n"))?;
    let expected = Expected::new(&dump, server.fresh(case.explicit));
    let answer = match &case.project {
        Some(project) => harness::run_in(project, &["catalog", "--format", "json", "."], "", |_| {}),
        None => {
            let folder = Folder::new(&[("supabase/config.toml", "")]);
            for (at, migration) in case.migrations.iter().enumerate() {
                folder.write(&format!("supabase/migrations/{:04}_case.sql", at + 1), migration.as_bytes());
            }
            folder.run(&["catalog", "--format", "json", "."])
        }
    };
    let actual: serde_json::Value = serde_json::from_str(&answer.out)
        .map_err(|error| format!("{title}\n  no JSON: {error}\n{}\n", answer.err))?;
    let differences = expected.differences(&actual);
    if case.differs {
        let is_known = !differences.is_empty();
        return is_known.then_some(()).ok_or(format!("{title}\n  does not differ any more\n"));
    }
    if differences.is_empty() { Ok(()) } else { Err(format!("{title}\n  {}\n", differences.join("\n  "))) }
}
