//! A project on disk against PostgreSQL, statement by statement: what it refuses is left out, as the
//! replay does, and what both have in the end is compared.
//!
//! `ORACLE_PROJECT=folder cargo test project_on_disk -- --nocapture` prints the differences of a project or a
//! folder of migrations, the share of each list that is equal, what PostgreSQL refused and whether it was
//! found. Without the variable it is a fixture, of which all must be equal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rls_lint::rules;
use rls_lint::source::{FileId, FileRole, SourceFile};
use rls_lint::sql;
use serde_json::Value;

use super::compare::{Expected, Share};
use super::server::{Server, Verdict};
use crate::harness::Folder;

/// The rules that say that PostgreSQL refuses a statement. Of what is not allowed in Supabase's own schemas
/// the server says nothing: its `postgres` is a superuser.
fn refusals() -> String {
    let can_be_tried = |rule: &&str| !["managed-table-alter", "object-in-managed-schema"].contains(rule);
    rules::REFUSALS.into_iter().filter(can_be_tried).collect::<Vec<_>>().join(",")
}

/// A migration: its name, and its statements with their places.
struct File {
    name: String,
    text: String,
    statements: Vec<std::ops::Range<usize>>,
}

/// What came of a project.
struct Comparison {
    shares: Vec<Share>,
    differences: Vec<String>,
    accepted: usize,
    /// What PostgreSQL refused, and whether it was found.
    refused: Vec<(String, bool)>,
    /// What was said to be refused, and is not.
    wrong: Vec<String>,
}

#[test]
fn a_project_on_disk_gives_the_catalog_that_postgresql_has() {
    let wanted = std::env::var_os("ORACLE_PROJECT").map(PathBuf::from);
    let fixture = super::root().join("supabase-fixtures/leaky-saas");
    let comparison = Comparison::of(wanted.as_deref().unwrap_or(&fixture));
    if wanted.is_some() {
        comparison.tell();
    }
    let Comparison { shares, differences, accepted, refused, wrong } = comparison;
    assert!(accepted > 0, "PostgreSQL accepts no statement: {refused:?}");
    if wanted.is_none() {
        assert!(shares.iter().map(|share| share.objects).sum::<usize>() > 50);
        assert_eq!((differences, refused, wrong), (Vec::new(), Vec::new(), Vec::new()));
    }
}

/// psql would read on to the end for the quote, and run what looks like its commands.
#[test]
fn what_is_broken_in_a_file_is_one_statement_for_the_server() {
    let folder = Folder::new(&[
        ("supabase/migrations/1_a.sql", "create table a (id int);\ncreate policy \\\"p\\\" on a;\n\\q\n"),
        ("supabase/migrations/2_b.sql", "create table b (id int);\ncreate index on b (nothing);"),
        ("supabase/migrations/3_c.sql", "create table c (id int);\ncomment on table c is 'open"),
    ]);
    let Comparison { differences, accepted, refused, wrong, .. } = Comparison::of(folder.path());
    assert_eq!((differences, accepted, wrong), (Vec::new(), 3, Vec::new()));
    let found: Vec<bool> = refused.iter().map(|(_, is_found)| *is_found).collect();
    assert_eq!(found, [true; 3], "{refused:?}");
}

impl Comparison {
    fn of(project: &Path) -> Self {
        let _turn = super::turn();
        let server = Server::get();
        let cluster = server.read_cluster();
        let config = std::fs::read_to_string(project.join("supabase/config.toml")).unwrap_or_default();
        let explicit = config.contains("auto_expose_new_tables = false");
        let files = files(project);
        let texts: Vec<Vec<&str>> = files
            .iter()
            .map(|file| file.statements.iter().map(|range| &file.text[range.clone()]).collect())
            .collect();
        let (verdicts, dump) = server.run_files(&texts, explicit);
        server.restore_cluster(&cluster);
        let settings = if explicit { "[api]\nauto_expose_new_tables = false\n" } else { "" };
        let folder = Folder::new(&[("supabase/config.toml", settings)]);
        for file in &files {
            folder.write(&format!("supabase/{}", file.name), file.text.as_bytes());
        }
        let json = |arguments: &[&str]| -> Value {
            let answer = folder.run(&[arguments, &["--format", "json", "."]].concat());
            serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.err))
        };
        let expected = Expected::new(&dump, server.fresh(explicit));
        let differences = expected.differences(&json(&["catalog"]));
        let said = json(&["check", "--no-config", "--rule-set", "strict", "--only", &refusals()]);
        let mut comparison = Self {
            shares: expected.shares(&differences),
            differences,
            accepted: 0,
            refused: Vec::new(),
            wrong: Vec::new(),
        };
        for (file, verdicts) in files.iter().zip(verdicts) {
            let told = Told::of(&said, &file.name);
            for (range, verdict) in file.statements.iter().zip(verdicts) {
                let place = || {
                    let line = file.text[..range.start].matches('\n').count() + 1;
                    let words: Vec<&str> = file.text[range.clone()].split_whitespace().take(8).collect();
                    format!("{}:{line}: {}", file.name, words.join(" "))
                };
                match verdict {
                    Verdict::Accepted => {
                        comparison.accepted += 1;
                        comparison.wrong.extend(told.blames(range).then(place));
                    }
                    Verdict::Refused { state, message } => {
                        comparison
                            .refused
                            .push((format!("{state} {message}: {}", place()), told.names(range)));
                    }
                }
            }
        }
        comparison
    }

    #[allow(clippy::print_stdout)]
    fn tell(&self) {
        self.differences.iter().for_each(|line| println!("{}", line.chars().take(300).collect::<String>()));
        for (words, is_found) in &self.refused {
            println!("refused, {}: {words}", if *is_found { "found" } else { "NOT FOUND" });
        }
        self.wrong.iter().for_each(|words| println!("accepted, WRONGLY SAID TO FAIL: {words}"));
        let percent = |equal: usize, all: usize| 100.0 * equal as f64 / all.max(1) as f64;
        for Share { list, equal, objects } in self.shares.iter().filter(|share| share.objects > 0) {
            println!("{list:20} {equal:6} of {objects:6} equal, {:.2} %", percent(*equal, *objects));
        }
        let found = self.refused.iter().filter(|(_, is_found)| *is_found).count();
        println!(
            "{} statements accepted, {} refused, {found} of these found",
            self.accepted,
            self.refused.len()
        );
    }
}

/// The places of a file that findings point at.
struct Told {
    own: BTreeSet<usize>,
    all: BTreeSet<usize>,
}

impl Told {
    fn of(report: &Value, name: &str) -> Self {
        let at = |place: &Value| {
            let is_here = place["file"].as_str().is_some_and(|file| file.ends_with(name));
            is_here.then(|| place["start"]["offset"].as_u64().expect("a number") as usize)
        };
        let findings = || report["findings"].as_array().expect("a list").iter();
        let related = findings().flat_map(|finding| finding["related"].as_array().into_iter().flatten());
        let own: BTreeSet<usize> = findings().filter_map(at).collect();
        let all = own.iter().copied().chain(related.filter_map(at)).collect();
        Self { own, all }
    }

    /// Whether a finding stands in a statement.
    fn blames(&self, statement: &std::ops::Range<usize>) -> bool {
        self.own.range(statement.clone()).next().is_some()
    }

    /// Whether a finding has to do with it, as one of many that fail for the same reason.
    fn names(&self, statement: &std::ops::Range<usize>) -> bool {
        self.all.range(statement.clone()).next().is_some()
    }
}

/// The migrations that the CLI runs, after `roles.sql`.
fn files(project: &Path) -> Vec<File> {
    let home =
        if project.join("supabase").is_dir() { project.join("supabase") } else { project.to_path_buf() };
    let folder = if home.join("migrations").is_dir() { home.join("migrations") } else { home.clone() };
    let runs = |path: &PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        name.split_once('_').is_some_and(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let roles = Some(home.join("roles.sql")).filter(|path| path.exists());
    let paths: Vec<PathBuf> =
        roles.into_iter().chain(super::sorted_files(&folder).into_iter().filter(runs)).collect();
    assert!(!paths.is_empty(), "no migrations are in {}", folder.display());
    let read = |path: &PathBuf| {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let own = path.file_name().expect("a file has a name").to_string_lossy();
        let name = if own == "roles.sql" { own.into_owned() } else { format!("migrations/{own}") };
        let migration = sql::parse(
            FileId(0),
            &SourceFile::new(name.clone(), FileRole::Migration, text.clone().into_bytes()),
        );
        let broken = migration.errors.iter().map(|error| error.statement);
        let statements: BTreeSet<_> = migration.places.iter().copied().chain(broken).collect();
        File { name, text, statements: statements.iter().map(|span| span.range()).collect() }
    };
    paths.iter().map(read).collect()
}
