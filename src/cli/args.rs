//! What can be typed.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::output::Output;
use crate::diagnostic::Severity;
use crate::report::Format;
use crate::source::STDIN;

const EXIT_CODES: &str = "Exit codes: 0 if no finding is as severe as --fail-on says, 1 if one is, 2 if the work could \
                          not be done.";

/// Finds what is wrong in Supabase migrations, without a database.
#[derive(Debug, Parser)]
#[command(name = "rls-lint", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check projects; this is what happens without a command.
    Check(CheckArgs),
    /// Set a project up: write settings, and on demand a workflow and a baseline.
    Init(InitArgs),
    /// Write down the findings that there are, so that only new ones are told.
    Baseline(BaselineArgs),
    /// List the rules.
    Rules(RulesArgs),
    /// Say what a rule finds and why it matters.
    Explain(ExplainArgs),
    /// Print what the migrations add up to.
    Catalog(CatalogArgs),
    /// Print who reaches which rows of which tables.
    Access(AccessArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub(super) struct CheckArgs {
    /// Projects, folders of migrations, SQL files or globs; `-` is a pending migration on standard
    /// input. Without any, the project around the working directory.
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
    /// How to print what was found; `human` where neither this nor --output is given.
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Write what was found to a file, in a format; may be given again. `-` is standard output.
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(super) output: Vec<Output>,
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// The lowest severity that makes the exit code 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub(super) fail_on: FailOn,
    /// Report what the baseline knows as well.
    #[arg(long)]
    pub(super) no_baseline: bool,
    /// Take it for an error that the baseline holds what no longer occurs.
    #[arg(long, conflicts_with = "no_baseline")]
    pub(super) baseline_strict: bool,
    /// Print how many findings each rule has, and not the findings.
    #[arg(long, conflicts_with = "format")]
    pub(super) statistics: bool,
    /// Print the files that are read, in order, and stop.
    #[arg(long)]
    pub(super) show_files: bool,
    /// Print the settings that hold, with what gave each, and stop.
    #[arg(long)]
    pub(super) show_config: bool,
    /// Print where the time went.
    #[arg(long)]
    pub(super) timings: bool,
}

/// Of which change the findings are to be.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct ChangeArgs {
    /// Report only what is new since the work tree left this branch, tag or commit.
    #[arg(long, value_name = "REF")]
    pub(super) base: Option<String>,
    /// Report only what the migrations behind this version bring.
    #[arg(long, value_name = "VERSION")]
    pub(super) after: Option<String>,
    /// Report only what is new in what is staged for the next commit.
    #[arg(long)]
    pub(super) staged: bool,
    /// Report all findings, also those that a pending migration on standard input does not bring.
    #[arg(long)]
    pub(super) all: bool,
}

/// What decides about a project's files and settings.
#[derive(Args, Debug)]
pub(super) struct ProjectArgs {
    /// Read this configuration file, not the one that is found.
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(super) config: Option<PathBuf>,
    /// Read no configuration file.
    #[arg(long)]
    pub(super) no_config: bool,
    /// Start from this rule-set: recommended, strict, security-only, minimal.
    #[arg(long, value_name = "NAME")]
    pub(super) rule_set: Option<String>,
    /// Run this rule and no other; may be given again.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// The file that standard input is the text of, in place of what is saved, or what to call a new one.
    #[arg(long, value_name = "NAME", default_value = STDIN)]
    pub(super) stdin_filename: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The project, as `check` takes it.
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Also write a workflow for GitHub Actions.
    #[arg(long)]
    pub(super) github: bool,
    /// Also write a baseline, if there are findings.
    #[arg(long)]
    pub(super) baseline: bool,
    /// Write files anew that are there.
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args, Debug)]
pub(super) struct BaselineArgs {
    /// Projects, as `check` takes them.
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Only take out what no longer occurs.
    #[arg(long)]
    pub(super) prune: bool,
}

#[derive(Args, Debug)]
pub(super) struct RulesArgs {
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub(super) format: ListFormat,
}

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A rule, by its own name or a peer's: `splinter:0013`, `pgrls:SEC001`.
    pub(super) rule: String,
}

#[derive(Args, Debug)]
pub(super) struct CatalogArgs {
    /// An object such as `public.todos`, and paths as `check` takes them.
    #[arg(value_name = "OBJECT|PATHS")]
    pub(super) words: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    pub(super) format: ListFormat,
    /// As for `check`; it is printed without colours.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Args, Debug)]
pub(super) struct AccessArgs {
    /// A table or view such as `public.todos`, to see what makes it so, and paths as `check` takes
    /// them.
    #[arg(value_name = "OBJECT|PATHS")]
    pub(super) words: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = AccessFormat::Human)]
    pub(super) format: AccessFormat,
    /// As for `check`; it is printed without colours.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ListFormat {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AccessFormat {
    Human,
    Json,
    Markdown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    /// Whether a finding this severe is a failure.
    pub(super) fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Info => true,
            Self::Never => false,
        }
    }
}
