//! `rls-lint check --show-files`, `--show-config` and `--statistics`

use std::io::{self, Write};

use crate::map::IndexMap;

use crate::diagnostic::Severity;
use crate::report::Report;
use crate::source::FileRole;
use crate::workspace::Workspace;

const SETTINGS: &str = "settings";

/// Writes the files of each project in the order in which they are read, with what they are.
pub(super) fn files(workspace: &Workspace, out: &mut dyn Write) -> io::Result<()> {
    for replayed in &workspace.projects {
        writeln!(out, "# {}", replayed.shown)?;
        for path in replayed.settings().files() {
            writeln!(out, "{SETTINGS:<9}  {path}")?;
        }
        for source in replayed.files(&workspace.sources) {
            let role = match source.role {
                FileRole::Config => SETTINGS,
                FileRole::Roles => "roles",
                FileRole::Migration => "migration",
                FileRole::Seed => "seed",
                FileRole::Script => "script",
                FileRole::Test => "test",
                FileRole::Skipped => "not run",
            };
            writeln!(out, "{role:<9}  {}", source.path)?;
        }
    }
    Ok(())
}

/// Writes the settings of each project, and what was made of its `config.toml`.
pub(super) fn config(workspace: &Workspace, out: &mut dyn Write) -> io::Result<()> {
    for (at, replayed) in workspace.projects.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "# {}", replayed.shown)?;
        replayed.settings().write(out)?;
        writeln!(out, "# assumed: {}", replayed.assumed())?;
        for (schema, place) in &replayed.catalog.api.exposed_at {
            let file = workspace.sources.get(place.file);
            writeln!(out, "#   {schema} by {}:{}", file.path, file.position(place.start).line)?;
        }
    }
    Ok(())
}

/// Writes how many findings of each severity each rule has, the most first.
pub(super) fn statistics(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut counts: IndexMap<(Severity, &str), usize> = IndexMap::default();
    for diagnostic in &report.diagnostics {
        *counts.entry((diagnostic.severity, diagnostic.rule)).or_default() += 1;
    }
    counts.sort_by(|(severity, rule), count, (other_severity, other_rule), other| {
        (other, other_severity, rule).cmp(&(count, severity, other_rule))
    });
    let width = counts.values().map(|count| count.to_string().len()).max().unwrap_or(0);
    for ((severity, rule), count) in &counts {
        writeln!(out, "{count:>width$}  {severity:<7}  {rule}")?;
    }
    Ok(())
}
