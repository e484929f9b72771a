//! `rls-lint completions`

use std::io::Write;

use clap::CommandFactory;

use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::{CLEAN, output};

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<u8> {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rls-lint", &mut script);
    let mut out = output();
    out.write_all(&script)?;
    out.flush()?;
    Ok(CLEAN)
}
