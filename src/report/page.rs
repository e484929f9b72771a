//! The pages of the documentation about rules, in Markdown: one for each rule, an index by group, and
//! what covers the checks of other tools.

use std::fmt::Write;

use crate::config::{Settings, rule_set};
use crate::rule::Rule;
use crate::rules::{self, peers};

/// The files of `docs/rules`: their names and what is in them.
pub fn all() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_string(), index()), ("other-tools.md".to_string(), other_tools())];
    pages.extend(rules::ALL.iter().map(|rule| (format!("{}.md", rule.id), page(rule))));
    pages
}

/// What a rule's page says besides its documentation, each with its title.
pub(crate) fn facts(rule: &Rule) -> Vec<(&'static str, String)> {
    let covers =
        if rule.sources.is_empty() { "nothing of other tools".into() } else { rule.sources.join(", ") };
    vec![
        ("Group", rule.group.to_string()),
        ("Severity", rule.severity.to_string()),
        ("Rule-sets", rule_sets(rule)),
        ("Covers", covers),
    ]
}

/// The rule-sets that hold a rule, and how severe it is in those that change that.
fn rule_sets(rule: &Rule) -> String {
    let holding = rule_set::names().filter_map(|name| {
        let severity = Settings::shipped(name).severity(rule)?;
        Some(if severity == rule.severity { name.to_string() } else { format!("{name} ({severity})") })
    });
    holding.collect::<Vec<_>>().join(", ")
}

fn page(rule: &Rule) -> String {
    let facts = facts(rule);
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("# {}\n\n", rule.id);
    text += &row(facts.iter().map(|(title, _)| *title).collect());
    text += &row(facts.iter().map(|_| "---").collect());
    text += &row(facts.iter().map(|(_, fact)| fact.as_str()).collect());
    text.push('\n');
    for line in rule.docs().lines() {
        match line {
            "```sql,bad" => text += "Found:\n\n```sql",
            "```sql,good" => text += "Not found:\n\n```sql",
            _ => text += line,
        }
        text.push('\n');
    }
    text += &format!("\nAllow it once with `-- rls-lint: allow({}) reason` above the statement.\n", rule.id);
    text
}

fn index() -> String {
    let mut text = "# Rules\n\nWhat rls-lint finds, by group. `off` means that the rule-set `recommended`, the default, does \
                    not hold the rule.\n[Checks of other tools](other-tools.md) says which rule covers which of splinter, \
                    pgrls and squawk.\n"
        .to_string();
    let recommended = Settings::shipped(rule_set::DEFAULT);
    let mut last = None;
    for rule in rules::by_group() {
        if last != Some(rule.group) {
            let _ = write!(text, "\n## {}\n\n| rule | default | finds |\n|---|---|---|\n", rule.group);
            last = Some(rule.group);
        }
        let level = recommended.severity(rule).map_or("off".to_string(), |severity| severity.to_string());
        let summary = rule.summary.replace('|', "\\|");
        let _ = writeln!(text, "| [{0}]({0}.md) | {level} | {summary} |", rule.id);
    }
    text
}

fn other_tools() -> String {
    let mut text = "# Checks of other tools\n\nWhich rules cover the checks of Supabase's advisors (splinter), pgrls and squawk. \
                    `rls-lint explain splinter:0013` prints the pages of those that cover one.\n"
        .to_string();
    for (tool, note) in peers::TOOLS {
        let _ = write!(text, "\n## {tool}\n\n{note}\n\n| check | rules |\n|---|---|\n");
        for check in peers::checks(tool) {
            let covering: Vec<_> =
                peers::covering(&check).map(|rule| format!("[{0}]({0}.md)", rule.id)).collect();
            let rules = match peers::asks_a_server(&check) {
                Some(what) if covering.is_empty() => format!("none: it asks a running database {what}"),
                _ if covering.is_empty() => "none".to_string(),
                _ => covering.join(", "),
            };
            let _ = writeln!(text, "| {} | {rules} |", peers::shown(&check));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page of each rule must tell, in this order.
    const SECTIONS: [&str; 2] = ["## Why it matters", "## How to fix"];

    #[test]
    fn each_page_says_why_it_matters_and_how_to_fix_it() {
        for rule in rules::ALL {
            let docs = rule.docs();
            let places = SECTIONS.map(|section| {
                let heading = format!("\n{section}\n");
                docs.find(&heading)
                    .unwrap_or_else(|| panic!("the doc comment of {} lacks `{section}`", rule.id))
            });
            assert!(places.is_sorted(), "the sections of {} are out of order", rule.id);
        }
    }

    #[test]
    fn each_option_is_explained() {
        for rule in rules::ALL {
            let docs = rule.docs();
            let (_, section) = docs.split_once("\n## Options\n").unwrap_or((&docs, ""));
            let explained: Vec<_> = section
                .lines()
                .filter_map(|line| line.strip_prefix("- `")?.split_once("`: ").map(|(name, _)| name))
                .collect();
            assert_eq!(explained, rule.options.known(), "the section `## Options` of {}", rule.id);
        }
    }
}
