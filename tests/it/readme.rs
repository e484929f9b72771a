//! The README's table of rules and its example are what the program says.
//!
//! `UPDATE=1 cargo test` writes them anew.

use std::path::Path;
use std::process::Command;

use rls_lint::config::{self, Choices, Level};
use rls_lint::rules;
use rls_lint::source::Sources;

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
    let settings =
        config::load(None, &Choices::default(), &mut Sources::default(), &|path| path.display().to_string())
            .settings;
    let mut lines = vec!["| group | rule | default | finds |".to_string(), "|---|---|---|---|".to_string()];
    let mut last = String::new();
    for rule in rules::ALL {
        let level = match settings.level(rule.id, Path::new("")) {
            Level::Off => "off".to_string(),
            Level::On => rule.severity.to_string(),
            Level::At(severity) => severity.to_string(),
        };
        let group = format!("{:?}", rule.group).to_lowercase();
        let shown = if group == last { "" } else { &group };
        lines.push(format!("| {shown} | `{}` | {level} | {} |", rule.id, rule.summary.replace('|', "\\|")));
        last = group;
    }
    lines.join("\n") + "\n"
}
