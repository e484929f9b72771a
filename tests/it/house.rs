//! The rules of the house: what may know what, and where things stand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The floors from the ground up. A module knows those on lower floors, and what is its own.
const FLOORS: &[&[&str]] = &[
    &["map", "nearest", "source"],
    &["sql"],
    &["catalog", "predicate"],
    &["diagnostic", "workload", "access"],
    &["rule"],
    &["advisors", "rules"],
    &["change"],
    &["config"],
    &["baseline", "suppress"],
    &["report", "project", "git"],
    &["workspace"],
    &["cli"],
];

struct Source {
    /// `catalog/apply/table.rs`
    path: String,
    text: String,
}

impl Source {
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().expect("a path has a start")
    }

    /// The code, without comments and without the tests at its end.
    fn code(&self) -> impl Iterator<Item = &str> {
        let end = self.text.find("#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        self.text[..end].lines().filter(|line| !line.trim_start().starts_with("//"))
    }

    fn uses(&self, word: &str) -> bool {
        self.code().any(|line| line.contains(word))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry is listed").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let path =
                    path.strip_prefix(&root).expect("it is under src").to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn no_module_knows_a_higher_floor() {
    for source in sources() {
        let module = source.module().to_string();
        if matches!(module.as_str(), "lib" | "main" | "testing") {
            continue;
        }
        let own = floor(&module).unwrap_or_else(|| panic!("{} stands on no floor", source.path));
        for line in source.code() {
            for (_, rest) in line.match_indices("crate::").map(|(at, word)| line.split_at(at + word.len())) {
                let known: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(theirs) = floor(&known) else { continue };
                assert!(theirs <= own, "{} knows {known}, which is above it: {line}", source.path);
            }
        }
    }
}

#[test]
fn each_capability_has_its_place() {
    let places: &[(&str, &[&str])] = &[
        ("pg_raw_parse", &["sql"]),
        ("println!", &["cli"]),
        ("io::stdout", &["cli"]),
        ("io::stderr", &["cli"]),
        ("process::exit", &["cli"]),
        ("std::fs", &["project", "config", "git", "workspace", "cli"]),
        ("std::process::Command", &["git"]),
        ("std::env", &["cli"]),
        ("anyhow", &["cli"]),
        ("thiserror", &["project", "config", "git", "workspace"]),
        ("rayon", &["sql", "workload", "workspace"]),
        ("Instant::now", &["workspace", "cli"]),
    ];
    for source in sources() {
        for (word, modules) in places {
            let is_at_home = modules.contains(&source.module());
            assert!(is_at_home || !source.uses(word), "{} uses {word}", source.path);
        }
    }
}

#[test]
fn each_rule_is_called_as_its_file_and_is_listed() {
    let mut count = 0;
    for source in sources().iter().filter(|source| source.text.contains("declare_rule! {")) {
        if source.module() != "rules" {
            continue;
        }
        let name =
            source.path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).expect("it is a file");
        let id = name.replace('_', "-");
        assert!(rls_lint::rules::find(&id).is_some(), "{} declares no listed rule {id}", source.path);
        count += 1;
    }
    assert_eq!(count, rls_lint::rules::ALL.len(), "some rule has no file of its own");
}

/// The action downloads what is released, and nothing else.
#[test]
fn each_release_that_is_asked_for_is_built() {
    let read = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let targets = |text: &str, before: &str, after: char| -> BTreeSet<String> {
        let found = text.lines().filter_map(|line| line.split_once(before)?.1.split_once(after));
        found.map(|(target, _)| target.trim().to_string()).collect()
    };
    let built = targets(&read(".github/workflows/release.yml"), "{ target:", ',');
    let asked = targets(&read("action/install.sh"), ") echo ", ';');
    assert!(built.len() > 2 && built == asked, "{built:?} {asked:?}");
}

#[test]
fn no_file_is_called_mod() {
    assert!(sources().iter().all(|source| !source.path.ends_with("mod.rs")));
}

/// What `deny.toml` allows holds for each crate that is built: its licence, and where it comes from.
#[test]
fn dependencies_have_licences_that_are_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = std::fs::read_to_string(root.join("deny.toml")).expect("deny.toml is there");
    let rules: toml::Table = rules.parse().expect("deny.toml is TOML");
    let allowed = rules["licenses"]["allow"].as_array().expect("it is a list");
    let is_allowed = |licence: &str| allowed.iter().any(|one| one.as_str() == Some(licence));
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let packages = metadata["packages"].as_array().expect("it has packages");
    assert!(packages.len() > 50, "too few to be all");
    for package in packages {
        let (name, source) = (&package["name"], &package["source"]);
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        assert!(*source == registry || *name == "rls-lint" && source.is_null(), "{name} is from {source}");
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} has no licence"));
        let licence = licence.replace(['(', ')'], "").replace('/', " OR ");
        let is_good = |one: &str| one.split(" AND ").all(|part| is_allowed(part.trim()));
        assert!(licence.split(" OR ").any(is_good), "{name} has the licence {licence}");
    }
}
