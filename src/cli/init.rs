//! `rls-lint init`

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::cli::args::InitArgs;
use crate::cli::output::replace;
use crate::cli::{CLEAN, FAILED, baseline, choices, load, output};
use crate::config::{self, rule_set};
use crate::diagnostic::Severity;

/// What an editor checks the settings by; it stands beside them, as it is this version's.
const SCHEMA: &str = "rls-lint.schema.json";

const WORKFLOW: &str = include_str!("init/workflow.yml");

/// Where the action is.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

pub(super) fn run(args: &InitArgs) -> anyhow::Result<u8> {
    let mut workspace = load(&args.project, &args.paths, choices(&args.project)?)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    // Settings hold for all projects below them.
    let home = match workspace.projects.as_slice() {
        [one] => one.project.home().to_path_buf(),
        _ => working_directory.clone(),
    };
    let schema = format!("{}\n", serde_json::to_string_pretty(&config::schema())?);
    let mut files = vec![(home.join("rls-lint.yaml"), settings()), (home.join(SCHEMA), schema)];
    if args.github {
        let root = working_directory.ancestors().find(|above| above.join(".git").exists());
        let root = root.unwrap_or(&working_directory);
        let on_github = REPOSITORY.trim_start_matches("https://github.com/");
        let workflow = WORKFLOW.replace("{repository}", on_github);
        files.push((root.join(".github/workflows/rls-lint.yml"), workflow));
    }
    let shown = |path: &Path| path.strip_prefix(&working_directory).unwrap_or(path).display().to_string();
    let mut out = output();
    for (path, text) in &files {
        if path.exists() && !args.force {
            writeln!(out, "{} is there already; --force writes it anew", shown(path))?;
            continue;
        }
        replace(path, |file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", shown(path)))?;
        writeln!(out, "Wrote {}", shown(path))?;
    }
    if args.github && REPOSITORY.contains("/OWNER/") {
        writeln!(out, "In the workflow, write for OWNER who has rls-lint on GitHub.")?;
    }
    let report = workspace.check();
    let found = report.diagnostics.len();
    if found > 0 && args.baseline {
        out.flush()?;
        return Ok(if baseline::write(&workspace, false)? { CLEAN } else { FAILED });
    }
    if found > 0 {
        let errors = report.count(Severity::Error);
        writeln!(out, "\nThere are {found} findings, {errors} of them errors: `rls-lint` shows them.")?;
        writeln!(out, "`rls-lint baseline` keeps them silent, so that only new ones are told.")?;
    }
    if !args.github {
        writeln!(out, "`rls-lint init --github` adds a workflow for GitHub Actions.")?;
    }
    out.flush()?;
    Ok(CLEAN)
}

/// Settings that have a check fail for what a change opens, and say what could be else.
fn settings() -> String {
    let sets: Vec<_> = rule_set::names().collect();
    format!(
        "# yaml-language-server: $schema=./{SCHEMA}

# The rules to start from: {}.
extends: recommended

rules:
  # With a base, what a change opens to others fails the check. What is meant is allowed by a comment above the
  # statement: `-- rls-lint: allow(policy-widened) why`.
  policy-widened: error
# Each rule can be off, on, info, warning or error; `rls-lint rules` lists them.
#   no-primary-key: off
#   missing-created-at:
#     level: warning
#     options:
#       exempt: [\"*_log\"]

# Other levels for some files.
# overrides:
#   - paths: [\"supabase/migrations/2023*.sql\"]
#     rules:
#       no-primary-key: off

# Roles that no migration makes.
# known-roles: [reporting]

# The schemas of the Data API, where they differ from [api] schemas in config.toml.
# exposed-schemas: [public]
",
        sets.join(", ")
    )
}
