//! The floor under every linter that asks PostgreSQL's parser: parses the files that are named, and
//! nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut read = 0;
    for path in std::env::args().skip(1) {
        let Ok(text) = std::fs::read_to_string(path) else { return ExitCode::FAILURE };
        // What the parser refuses has cost it as much.
        read += usize::from(pg_raw_parse::parse(&text).is_ok());
    }
    if read == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
