//! `rls-lint check`

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::CommandFactory;

use crate::cli::args::{ChangeArgs, CheckArgs, Cli, Format};
use crate::cli::{CLEAN, FAILED, FOUND, choices, colored, load, output, with_request};
use crate::nearest::nearest;
use crate::report::{advisors, concise, human, json};
use crate::workspace::Timings;
use crate::workspace::boundary::{self, Boundary};

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let started = Instant::now();
    let (mut workspace, base) = match boundary(args) {
        None => (load(&args.project, &args.paths, choices(&args.project)?)?, None),
        Some(boundary) => {
            with_request(&args.project, &args.paths, choices(&args.project)?, |request, asked| {
                let (workspace, base) = boundary::load(request, asked, &boundary)?;
                Ok((workspace, Some(base)))
            })?
        }
    };
    let mut report = match &base {
        None => workspace.check(),
        Some(base) => workspace.check_against(base),
    };
    report.summary.elapsed = started.elapsed();

    let printing = Instant::now();
    let mut out = output();
    match args.format {
        Format::Human => {
            let color = colored(args.color, &io::stdout());
            human::findings(&report, &mut out, color)?;
            out.flush()?;
            human::problems(&report, &mut io::stderr().lock(), colored(args.color, &io::stderr()))?;
            human::change(&report, &mut out, color)?;
            human::summary(&report, &mut out, color)?;
        }
        Format::Json => json::render(&report, &mut out)?,
        Format::Advisors => advisors::render(&report, &mut out)?,
        Format::Concise => {
            concise::render(&report, &mut out)?;
            out.flush()?;
            let mut errors = io::stderr().lock();
            human::problems(&report, &mut errors, false)?;
            human::change(&report, &mut errors, false)?;
            human::summary(&report, &mut errors, false)?;
        }
    }
    out.flush()?;
    if let Some(command) = args.paths.iter().find_map(|path| mistyped_command(path)) {
        writeln!(io::stderr(), "tip: there is a command `{command}`")?;
    }
    if args.timings {
        write_timings(&workspace.timings, printing.elapsed(), started.elapsed())?;
    }

    let fails = report.worst().is_some_and(|severity| args.fail_on.includes(severity));
    Ok(match (workspace.is_incomplete(), fails) {
        (true, _) => FAILED,
        (false, true) => FOUND,
        (false, false) => CLEAN,
    })
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

/// The command that a path may have been meant for, where there is no such path.
fn mistyped_command(path: &Path) -> Option<String> {
    let word = path.to_str().filter(|_| !path.exists())?;
    let cli = Cli::command();
    nearest(word, cli.get_subcommands().map(clap::Command::get_name)).map(str::to_string)
}

fn write_timings(timings: &Timings, report: Duration, total: Duration) -> io::Result<()> {
    let mut out = io::stderr().lock();
    let parts = [
        ("read", timings.read),
        ("parse", timings.parse),
        ("replay", timings.replay),
        ("check", timings.check),
        ("report", report),
    ];
    for (name, time) in parts {
        let share = 100.0 * time.as_secs_f64() / total.as_secs_f64().max(f64::EPSILON);
        writeln!(out, "{name:<7} {:>9.1} ms {share:>5.1} %", time.as_secs_f64() * 1000.0)?;
    }
    writeln!(out, "{:<7} {:>9.1} ms", "total", total.as_secs_f64() * 1000.0)
}
