//! The README's table of rules and its example are what the program says, and so are the pages about
//! the rules.
//!
//! `UPDATE=1 cargo test` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rls_lint::config::{Settings, rule_set};
use rls_lint::report::page;
use rls_lint::rules;

#[test]
fn the_readme_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README can be read").replace("\r\n", "\n");
    let expected = with_part(&readme, "rules", &table());
    let expected = with_part(&expected, "example", &format!("```text\n{}```\n", example(root)));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).expect("the README can be written");
    } else {
        assert!(readme == expected, "the README is out of date; UPDATE=1 cargo test writes it anew");
    }
}

/// `repository` in Cargo.toml is the one place that says where the project is.
#[test]
fn the_documents_name_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, owner) =
        env!("CARGO_PKG_REPOSITORY").trim_end_matches("/rls-lint").rsplit_once('/').expect("an address");
    for name in ["README.md", "docs/pull-requests.md"] {
        let path = root.join(name);
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let mut expected = text.clone();
        for before in ["uses: ", "https://github.com/", "`"] {
            let parts = expected.split(before).map(|part| match part.split_once("/rls-lint") {
                Some((old, rest)) if !old.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') => {
                    format!("{owner}/rls-lint{rest}")
                }
                _ => part.to_string(),
            });
            expected = parts.collect::<Vec<_>>().join(before);
        }
        assert!(expected.contains(&format!("uses: {owner}/rls-lint@")), "{name}");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &expected).expect("it can be written");
        } else {
            assert!(text == expected, "{name} names another repository; UPDATE=1 cargo test writes it anew");
        }
    }
}

#[test]
fn the_pages_about_rules_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    let expected: BTreeMap<String, String> = page::all().into_iter().collect();
    if std::env::var_os("UPDATE").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder is made");
        for (name, text) in &expected {
            std::fs::write(folder.join(name), text).expect("a page is written");
        }
    }
    let files = std::fs::read_dir(&folder).expect("the folder is listed").flatten();
    let actual: BTreeMap<String, String> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).expect("a page is text");
            (file.file_name().to_string_lossy().into_owned(), text.replace("\r\n", "\n"))
        })
        .collect();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&actual), names(&expected), "UPDATE=1 cargo test writes the pages anew");
    for (name, text) in &expected {
        assert!(
            actual[name] == *text,
            "docs/rules/{name} is out of date; UPDATE=1 cargo test writes it anew"
        );
    }
}

/// The text with another content between `<!-- name -->` and `<!-- /name -->`.
fn with_part(text: &str, name: &str, content: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&open).expect("the part has a start");
    let (_, after) = rest.split_once(&close).expect("the part has an end");
    format!("{before}{open}{content}{close}{after}")
}

/// What the program says of the bundled project about two rules.
fn example(root: &Path) -> String {
    let shown = ["rls-disabled-on-exposed-table", "auth-users-exposed"];
    let output = Command::new(env!("CARGO_BIN_EXE_rls-lint"))
        .args(["--color", "never", "--fail-on", "never", "supabase-fixtures/leaky-saas"])
        .args(shown.iter().flat_map(|rule| ["--only", *rule]))
        .current_dir(root)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("the output is text");
    let (findings, _) = text.split_once("Found ").expect("a summary ends the findings");
    findings.trim_end().to_string() + "\n"
}

fn table() -> String {
    let recommended = Settings::shipped(rule_set::DEFAULT);
    let mut lines = vec!["| group | rule | default | finds |".to_string(), "|---|---|---|---|".to_string()];
    let mut last = String::new();
    for rule in rules::ALL {
        let level = recommended.severity(rule).map_or("off".to_string(), |severity| severity.to_string());
        let group = rule.group.to_string();
        let shown = if group == last { "" } else { &group };
        let summary = rule.summary.replace('|', "\\|");
        lines.push(format!("| {shown} | [`{0}`](docs/rules/{0}.md) | {level} | {summary} |", rule.id));
        last = group;
    }
    lines.join("\n") + "\n"
}
