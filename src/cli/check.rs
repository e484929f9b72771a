//! `rls-lint check`

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::CommandFactory;

use crate::cli::args::{ChangeArgs, CheckArgs, Cli};
use crate::cli::output::Output;
use crate::cli::{CLEAN, FAILED, FOUND, choices, is_broken_pipe, load, output, show, with_request};
use crate::nearest::nearest;
use crate::report::{Format, Report};
use crate::workspace::boundary::{self, Boundary};
use crate::workspace::{Baselining, Timings, Workspace};

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let started = Instant::now();
    let outputs = output::wanted(args)?;
    let (mut report, timings) = match lint(args, &outputs) {
        Ok(Lint::Shown(code)) => return Ok(code),
        Ok(Lint::Found(report, timings)) => (*report, timings),
        // Whoever waits for a file gets a valid one that tells why.
        Err(error) => (Report::failed(format!("{error:#}")), Timings::default()),
    };
    report.summary.elapsed = started.elapsed();

    let printing = Instant::now();
    let all_written = match output::write(&report, &outputs, args) {
        // Whoever reads has read enough; what was found decides all the same.
        Err(error) if is_broken_pipe(&error) => true,
        written => written?,
    };
    if let Some(command) = args.paths.iter().find_map(|path| mistyped_command(path)) {
        writeln!(io::stderr(), "tip: there is a command `{command}`")?;
    }
    if args.timings {
        write_timings(&timings, printing.elapsed(), started.elapsed())?;
    }

    let fails = report.worst().is_some_and(|severity| args.fail_on.includes(severity));
    Ok(match (report.is_incomplete() || !all_written, fails) {
        (true, _) => FAILED,
        (false, true) => FOUND,
        (false, false) => CLEAN,
    })
}

enum Lint {
    Found(Box<Report>, Timings),
    /// What was to be shown in place of findings was printed.
    Shown(u8),
}

fn lint(args: &CheckArgs, outputs: &[Output]) -> anyhow::Result<Lint> {
    let choices = choices(&args.project)?;
    let (mut workspace, base) = match boundary(args) {
        None => (load(&args.project, &args.paths, choices)?, None),
        Some(boundary) => with_request(&args.project, &args.paths, choices, |request, asked| {
            Ok(boundary::load(request, asked, &boundary)?)
        })?,
    };
    if let Some(version) =
        args.change.after.as_ref().filter(|version| !boundary::is_any_after(&workspace, version))
    {
        writeln!(io::stderr(), "note: no migration is newer than {version}, so there is no change to check")?;
    }
    if args.show_files || args.show_config {
        return Ok(Lint::Shown(show(&workspace, args)?));
    }
    workspace.baselining = match (args.no_baseline, args.baseline_strict) {
        (true, _) => Baselining::Ignored,
        (_, true) => Baselining::Strict,
        _ => Baselining::Used,
    };
    workspace.advises = outputs.iter().any(|output| output.format == Format::Advisors);
    let report = match &base {
        None => workspace.check(),
        Some(base) => workspace.check_against(base),
    };
    let timings = workspace.timings;
    // The process ends soon: to free each object of the catalogs would cost 3 % of its time.
    std::mem::forget((workspace, base));
    Ok(Lint::Found(Box::new(report), timings))
}

/// Where the change begins that is asked about. A pending migration is one.
fn boundary(args: &CheckArgs) -> Option<Boundary> {
    let ChangeArgs { base, after, staged, all } = &args.change;
    let is_piped = args.paths.iter().any(|path| path == Path::new("-"));
    match (base, after) {
        (Some(name), _) => Some(Boundary::Commit(name.clone())),
        (_, Some(version)) => Some(Boundary::Version(version.clone())),
        _ if *staged => Some(Boundary::Staged),
        _ => (is_piped && !all).then_some(Boundary::Pending),
    }
}

fn show(workspace: &Workspace, args: &CheckArgs) -> anyhow::Result<u8> {
    let mut out = output();
    if args.show_files {
        show::files(workspace, &mut out)?;
    }
    if args.show_config {
        show::config(workspace, &mut out)?;
    }
    out.flush()?;
    let mut errors = io::stderr().lock();
    for problem in workspace.problems() {
        writeln!(errors, "error: {problem}")?;
    }
    Ok(if workspace.is_incomplete() { FAILED } else { CLEAN })
}

/// The command that a path may have been meant for, where there is no such path.
fn mistyped_command(path: &Path) -> Option<String> {
    let word = path.to_str().filter(|_| !path.exists())?;
    let cli = Cli::command();
    nearest(word, cli.get_subcommands().map(clap::Command::get_name)).map(str::to_string)
}

/// Writes how long each step took, and its share in all of them. Steps overlap: while one batch of files is
/// replayed the next one is parsed.
fn write_timings(timings: &Timings, report: Duration, total: Duration) -> io::Result<()> {
    let mut out = io::stderr().lock();
    let parts = [
        ("read", timings.read),
        ("parse", timings.parse),
        ("replay", timings.replay),
        ("check", timings.check),
        ("report", report),
    ];
    let all: f64 = parts.iter().map(|(_, time)| time.as_secs_f64()).sum();
    for (name, time) in parts {
        let share = 100.0 * time.as_secs_f64() / all.max(f64::EPSILON);
        writeln!(out, "{name:<7} {:>9.1} ms {share:>5.1} %", time.as_secs_f64() * 1000.0)?;
    }
    let total = total.as_secs_f64() * 1000.0;
    writeln!(
        out,
        "{:<7} {total:>9.1} ms from start to end; files are parsed while others are replayed",
        "elapsed"
    )
}
