//! `rls-lint explain`

use std::io::Write;

use crate::cli::args::ExplainArgs;
use crate::cli::{CLEAN, FAILED, output};
use crate::config::rule_named;
use crate::report::page;
use crate::rule::Rule;
use crate::rules::peers;

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let rules = match rules_of(&args.rule) {
        Ok(rules) => rules,
        Err(complaint) => {
            writeln!(std::io::stderr(), "error: {complaint}\n`rls-lint rules` lists those that there are")?;
            return Ok(FAILED);
        }
    };
    let mut out = output();
    for (at, rule) in rules.into_iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        explain(rule, &mut out)?;
    }
    out.flush()?;
    Ok(CLEAN)
}

/// The rule of this name, or those that cover a peer's.
fn rules_of(asked: &str) -> Result<Vec<&'static Rule>, String> {
    let complaint = match rule_named(asked) {
        Ok(rule) => return Ok(vec![rule]),
        Err(complaint) => complaint,
    };
    let Some(id) = peers::id(asked) else { return Err(complaint) };
    let covering: Vec<_> = peers::covering(&id).collect();
    if covering.is_empty() { Err(peers::uncovered(&id).unwrap_or(complaint)) } else { Ok(covering) }
}

fn explain(rule: &Rule, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}\n", rule.id)?;
    for (title, fact) in page::facts(rule) {
        writeln!(out, "{title}: {fact}")?;
    }
    writeln!(out)?;
    for line in rule.docs().lines() {
        match line {
            "```sql,bad" => writeln!(out, "Found:\n")?,
            "```sql,good" => writeln!(out, "Not found:\n")?,
            "```" => {}
            _ => writeln!(out, "{}", line.strip_prefix("## ").unwrap_or(line))?,
        }
    }
    writeln!(out, "\nAllow it once with `-- rls-lint: allow({}) reason` above the statement.", rule.id)
}
