//! `rls-lint baseline`

use std::io::{self, Write};

use crate::cli::args::BaselineArgs;
use crate::cli::output::replace;
use crate::cli::{CLEAN, FAILED, choices, load, output};
use crate::workspace::{NewBaseline, Workspace};

pub(super) fn run(args: &BaselineArgs) -> anyhow::Result<u8> {
    let workspace = load(&args.project, &args.paths, choices(&args.project)?)?;
    let is_done = write(&workspace, args.prune)?;
    Ok(if is_done { CLEAN } else { FAILED })
}

/// Writes the baseline of each project; false where the work is incomplete, which is said.
pub(super) fn write(workspace: &Workspace, prune: bool) -> anyhow::Result<bool> {
    anyhow::ensure!(
        workspace.projects.iter().all(|replayed| replayed.project.focus.is_none()),
        "a baseline is one of a whole project; name no files"
    );
    // What could not be read would be taken for mended.
    if workspace.is_incomplete() {
        let mut errors = io::stderr().lock();
        for problem in workspace.problems() {
            writeln!(errors, "error: {problem}")?;
        }
        writeln!(
            errors,
            "error: no baseline was written: not everything could be checked; run rls-lint first"
        )?;
        return Ok(false);
    }
    let mut out = output();
    for NewBaseline { path, shown, baseline, removed, existed } in workspace.baselines(prune) {
        if !existed && (prune || baseline.is_empty()) {
            writeln!(out, "{shown} is not needed: there is nothing to keep silent")?;
            continue;
        }
        replace(&path, |file| baseline.write(file))?;
        let kept = entries(baseline.len());
        match prune {
            true => writeln!(out, "Took {} out of {shown}, which has {kept} left", entries(removed))?,
            false => writeln!(out, "Wrote {shown} with {kept}")?,
        }
    }
    out.flush()?;
    Ok(true)
}

fn entries(count: usize) -> String {
    match count {
        1 => "1 entry".to_string(),
        _ => format!("{count} entries"),
    }
}
