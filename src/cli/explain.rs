//! `rls-lint explain`

use std::io::Write;

use crate::cli::args::ExplainArgs;
use crate::cli::{CLEAN, FAILED, output};
use crate::config::rule_named;
use crate::rule::Rule;
use crate::rules;

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let rules = match rule_named(&args.rule) {
        Ok(rule) => vec![rule],
        Err(complaint) => {
            let covering = covering(&args.rule);
            if covering.is_empty() {
                writeln!(std::io::stderr(), "error: {complaint}\n`rls-lint rules` lists them")?;
                return Ok(FAILED);
            }
            covering
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

/// The rules that cover a peer's.
fn covering(source: &str) -> Vec<&'static Rule> {
    let covers = |rule: &&'static Rule| rule.sources.iter().any(|known| known.eq_ignore_ascii_case(source));
    rules::ALL.iter().copied().filter(covers).collect()
}

fn explain(rule: &Rule, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{} ({}, {})\n", rule.id, rule.group, rule.severity)?;
    for line in rule.docs.lines() {
        // Doc comments start each line with a blank.
        let line = line.strip_prefix(' ').unwrap_or(line);
        match line {
            "```sql,bad" => writeln!(out, "Found:\n")?,
            "```sql,good" => writeln!(out, "Not found:\n")?,
            "```" => {}
            _ => writeln!(out, "{line}")?,
        }
    }
    if !rule.sources.is_empty() {
        writeln!(out, "\nCovers {}.", rule.sources.join(", "))?;
    }
    writeln!(out, "\nAllow it once with `-- rls-lint: allow({}) reason` above the statement.", rule.id)
}
