//! The template for GitLab: its script runs in a repository with a merge request, and installs from a folder.

use std::path::Path;
use std::process::Command;

use serde_yaml::Value;

use crate::change::{commit, git, repository};
use crate::harness::Folder;

fn template() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/gitlab-ci.yml");
    let text = std::fs::read_to_string(path).expect("it is there");
    serde_yaml::from_str(&text).expect("it is YAML")
}

/// The lines of a list, as GitLab's runner has bash read them.
fn script(job: &Value, name: &str) -> String {
    let lines = job[name].as_sequence().expect("it is a list");
    lines.iter().map(|line| format!("{}\n", line.as_str().expect("it is text"))).collect()
}

/// Runs a part of the job in a folder: its exit code, and what it says.
fn run(folder: &Folder, part: &str, set: &[(&str, &str)]) -> (Option<i32>, String) {
    let job = &template()["rls-lint"];
    let path = std::env::var("PATH").expect("there is one");
    let output = Command::new("bash")
        .args(["-eo", "pipefail", "-c", &script(job, part)])
        .current_dir(folder.path())
        .env("PATH", format!("{}/tools:{path}", folder.path().display()))
        .env_remove("CI_MERGE_REQUEST_DIFF_BASE_SHA")
        .envs(set.iter().copied())
        .output()
        .expect("bash runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn tool(folder: &Folder, path: &str, text: &str) {
    folder.write(path, format!("#!/bin/sh\n{text}\n").as_bytes());
    let made = Command::new("chmod").arg("+x").arg(folder.path().join(path)).status();
    assert!(made.expect("chmod runs").success());
}

#[test]
fn it_runs_for_what_decides_about_findings() {
    let job = &template()["rls-lint"];
    let text = serde_yaml::to_string(&job["rules"]).expect("it is YAML");
    for path in ["**/supabase/**/*", "**/rls-lint.yaml", "**/rls-lint.yml", "**/rls-lint-baseline.json"] {
        assert!(text.contains(path), "{path}: {text}");
    }
    let version = job["variables"]["RLS_LINT_VERSION"].as_str();
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
    let repository = job["variables"]["RLS_LINT_REPOSITORY"].as_str();
    assert_eq!(repository, Some(env!("CARGO_PKG_REPOSITORY")));
}

#[test]
fn a_release_is_taken_if_its_checksum_is_right_and_code_is_built_where_there_is_none() {
    let folder = Folder::new(&[("releases/download/v9.9.9/", ""), ("releases/download/v9.9.8/", "")]);
    tool(&folder, "program/rls-lint", "echo rls-lint 9.9.9");
    for version in ["9.9.9", "9.9.8"] {
        let name = format!("rls-lint-{version}-$(uname -m)-unknown-linux-gnu.tar.gz");
        let pack = format!(
            "cd releases/download/v{version} && tar -czf \"{name}\" -C ../../../program rls-lint && sha256sum \"{name}\" > \"{name}.sha256\""
        );
        let made = Command::new("sh").current_dir(folder.path()).args(["-c", &pack]).status();
        assert!(made.expect("sh runs").success());
    }
    let spoil = "for one in releases/download/v9.9.8/*.gz; do echo more >> \"$one\"; done";
    assert!(
        Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", spoil])
            .status()
            .expect("sh runs")
            .success()
    );
    tool(&folder, "tools/apt-get", "exit 0");
    tool(&folder, "tools/cargo", "echo \"$@\"; cp program/rls-lint .rls-lint/bin/");
    let address = format!("file://{}", folder.path().display());
    let install = |version: &str| {
        run(&folder, "before_script", &[("RLS_LINT_REPOSITORY", &address), ("RLS_LINT_VERSION", version)])
    };
    let forget = || std::fs::remove_dir_all(folder.path().join(".rls-lint")).expect("it was made");
    let (code, said) = install("9.9.8");
    assert_eq!(code, Some(2), "{said}");
    assert!(!folder.path().join(".rls-lint/bin/rls-lint").exists());
    let (code, said) = install("9.9.9");
    assert_eq!(code, Some(0), "{said}");
    assert!(folder.path().join(".rls-lint/bin/rls-lint").exists());
    let (code, said) = install("9.9.7");
    assert!(code == Some(0) && said.contains("comes from the cache"), "{said}");
    forget();
    let (code, said) = install("9.9.7");
    let built = format!("install --quiet --locked --root .rls-lint --git {address} --tag v9.9.7 rls-lint");
    assert!(code == Some(0) && said.contains(&built), "{said}");
}

#[test]
fn a_merge_request_is_compared_with_its_base() {
    let old = "create table public.a (id int);\n";
    let folder =
        repository(&[("supabase/config.toml", ""), ("supabase/migrations/20250101000000_a.sql", old)]);
    let base = git(folder.path(), &["rev-parse", "HEAD"]);
    tool(&folder, ".rls-lint/bin/rls-lint", &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_rls-lint")));
    let report = || {
        let text = std::fs::read_to_string(folder.path().join("gl-code-quality-report.json"));
        serde_json::from_str::<Vec<serde_json::Value>>(&text.expect("it is written")).expect("it is a list")
    };
    let request =
        [("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.trim()), ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "trunk")];
    let compared = || run(&folder, "script", &request);
    let (code, said) = compared();
    assert_eq!((code, report().len()), (Some(0), 0), "{said}");
    let (code, said) = run(&folder, "script", &[]);
    assert!(code == Some(1) && report().len() > 1, "{said}");
    folder
        .write("supabase/migrations/20250201000000_b.sql", b"create table public.b (id int primary key);\n");
    commit(folder.path());
    let (code, said) = compared();
    assert_eq!(code, Some(1), "{said}");

    git(folder.path(), &["branch", "request"]);
    git(folder.path(), &["checkout", "-q", "--force", "-b", "trunk", base.trim()]);
    folder.write("supabase/migrations/20250201000000_c.sql", b"select 1;\n");
    commit(folder.path());
    git(folder.path(), &["checkout", "-q", "--force", "request"]);
    assert!(!compared().1.contains("migration-order"));
    git(folder.path(), &["remote", "add", "origin", "."]);
    let (_, said) = compared();
    assert!(said.contains("migration-order"), "what was merged meanwhile counts: {said}");
    assert!(
        report()
            .iter()
            .all(|one| one["location"]["path"].as_str().is_some_and(|path| path.ends_with("_b.sql")))
    );
}
