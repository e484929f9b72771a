//! `rls-lint rules`

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::args::{ListFormat, RulesArgs};
use crate::cli::{CLEAN, output};
use crate::config::{Settings, rule_set};
use crate::diagnostic::Severity;
use crate::rule::Group;
use crate::rules;

/// A rule as programs see it.
#[derive(Serialize)]
struct Entry {
    id: &'static str,
    group: Group,
    severity: Severity,
    /// How severe it is in the rule-set that holds by default, or null where it is off.
    default: Option<Severity>,
    summary: &'static str,
    sources: &'static [&'static str],
    docs: String,
}

pub(super) fn run(args: &RulesArgs) -> anyhow::Result<u8> {
    let recommended = Settings::shipped(rule_set::DEFAULT);
    let entries: Vec<_> = rules::by_group()
        .into_iter()
        .map(|rule| Entry {
            id: rule.id,
            group: rule.group,
            severity: rule.severity,
            default: recommended.severity(rule),
            summary: rule.summary,
            sources: rule.sources,
            docs: rule.docs(),
        })
        .collect();
    let mut out = output();
    match args.format {
        ListFormat::Human => table(&entries, &mut out)?,
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &entries)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(CLEAN)
}

fn table(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    let width = entries.iter().map(|entry| entry.id.len()).max().unwrap_or(0);
    for (at, entry) in entries.iter().enumerate() {
        if at == 0 || entries[at - 1].group != entry.group {
            let gap = if at == 0 { "" } else { "\n" };
            writeln!(out, "{gap}{}", entry.group)?;
        }
        let default = entry.default.map_or("off".to_string(), |severity| severity.to_string());
        write!(out, "  {:<width$}  {default:<7}  {}", entry.id, entry.summary)?;
        if !entry.sources.is_empty() {
            write!(out, " ({})", entry.sources.join(", "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
