//! The command line: the only place that prints.

mod access;
mod args;
mod baseline;
mod catalog;
mod check;
mod completions;
mod explain;
mod init;
mod output;
mod rules;
mod show;

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::Parser;

use crate::cli::args::{Cli, Color, Command, ProjectArgs};
use crate::config::{self, Choices};
use crate::project::{self, Pending, Request};
use crate::suppress::Day;
use crate::workspace::{self, Asked, Workspace};

/// Nothing to complain about.
const CLEAN: u8 = 0;
/// Findings at or above `--fail-on`.
const FOUND: u8 = 1;
/// Some of the work could not be done.
const FAILED: u8 = 2;

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Clap gives help and version as errors; neither can be printed on a closed pipe.
            let _ = error.print();
            if !error.use_stderr() {
                return ExitCode::from(CLEAN);
            }
            output::write_failed(std::env::args_os().skip(1), &error.render().to_string());
            return ExitCode::from(FAILED);
        }
    };
    match workspace::with_threads(threads(), || dispatch(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(CLEAN),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// How many threads to run on. More than four would wait for the replay, and each costs a stack and a heap
/// at every start. Zero leaves it to rayon, which reads `RAYON_NUM_THREADS`.
fn threads() -> usize {
    match std::env::var_os("RAYON_NUM_THREADS") {
        Some(_) => 0,
        None => std::thread::available_parallelism().map_or(1, |all| all.get().min(4)),
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        None => check::run(&cli.check),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Baseline(args)) => baseline::run(&args),
        Some(Command::Rules(args)) => rules::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Catalog(args)) => catalog::run(&args),
        Some(Command::Access(args)) => access::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let of_json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<io::Error>().map(io::Error::kind).or(of_json)
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// Finds, reads and replays what the arguments name.
fn load(args: &ProjectArgs, paths: &[PathBuf], choices: Choices) -> anyhow::Result<Workspace> {
    with_request(args, paths, choices, |request, asked| Ok(Workspace::load(project::find(request), asked)))
}

/// Hands on what the arguments ask for.
fn with_request<T>(
    args: &ProjectArgs,
    paths: &[PathBuf],
    choices: Choices,
    work: impl FnOnce(Request<'_>, &Asked) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let (piped, paths): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| path == Path::new("-"));
    let pending = if piped.is_empty() {
        None
    } else {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).context("cannot read standard input")?;
        let pending = Pending::new(working_directory.join(&args.stdin_filename), text);
        if pending.is_blank() {
            writeln!(io::stderr(), "note: standard input is empty, so nothing is pending")?;
        }
        Some(pending)
    };
    let depth = project::depth_below(&working_directory, std::env::home_dir().as_deref());
    let request = Request { paths: &paths, working_directory: &working_directory, depth, pending };
    let asked = Asked { choices, today: today(), working_directory: working_directory.clone() };
    work(request, &asked)
}

/// What the arguments choose of the configuration.
fn choices(args: &ProjectArgs) -> anyhow::Result<Choices> {
    let only =
        args.only.iter().map(|id| config::rule_named(id).map(|rule| rule.id).map_err(anyhow::Error::msg));
    // Without what was asked for there is no telling what would be left to look for.
    if let Some(config) = &args.config {
        std::fs::File::open(config).with_context(|| format!("cannot read {}", config.display()))?;
    }
    if let Some(name) = &args.rule_set {
        config::rule_set_named(name).map_err(anyhow::Error::msg)?;
    }
    Ok(Choices {
        config: args.config.clone(),
        no_config: args.no_config,
        rule_set: args.rule_set.clone(),
        only: only.collect::<anyhow::Result<_>>()?,
    })
}

/// The day by the system's clock, in UTC.
fn today() -> Day {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Day::of_unix_time(since.map_or(0, |since| since.as_secs()))
}

/// Whether a stream takes colours.
fn colored(color: Color, stream: &impl IsTerminal) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && stream.is_terminal()
        }
    }
}

/// Standard output, collected until it is flushed.
fn output() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::with_capacity(1 << 16, io::stdout().lock())
}
