//! The `rls-lint` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    rls_lint::cli::run()
}
