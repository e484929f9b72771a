//! The README's table of rules is what the program says.
//!
//! `UPDATE=1 cargo test` writes it anew.

use std::path::Path;

use rls_lint::config::{self, Choices, Level};
use rls_lint::rules;
use rls_lint::source::Sources;

const OPEN: &str = "<!-- rules -->\n";
const CLOSE: &str = "<!-- /rules -->";

#[test]
fn the_readme_lists_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README can be read").replace("\r\n", "\n");
    let (before, rest) = readme.split_once(OPEN).expect("the table has a start");
    let (_, after) = rest.split_once(CLOSE).expect("the table has an end");
    let expected = format!("{before}{OPEN}{}{CLOSE}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).expect("the README can be written");
    } else {
        assert!(readme == expected, "the table of rules is out of date; UPDATE=1 cargo test writes it anew");
    }
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
