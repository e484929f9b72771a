//! Whole projects, and what is found in them. `UPDATE=1` rewrites what is expected.

use std::path::Path;

use crate::harness::run_in;

#[test]
fn each_project_gives_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase-fixtures");
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for entry in std::fs::read_dir(root).expect("the fixtures are there") {
        let folder = entry.expect("a folder is listed").path();
        if !folder.is_dir() || !folder.join("README.md").exists() {
            continue;
        }
        let answer = run_in(&folder, &["--format", "concise"], "", |_| {});
        let file = folder.join("expected.txt");
        if update {
            std::fs::write(&file, &answer.out).expect("the file is written");
        } else if std::fs::read_to_string(&file).unwrap_or_default() != answer.out {
            different.push(format!("{}:\n{}{}", folder.display(), answer.out, answer.err));
        }
    }
    assert!(different.is_empty(), "run with UPDATE=1 and read the difference:\n{}", different.join("\n"));
}
