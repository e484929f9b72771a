//! Where a report goes: standard output and files, each in a format of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use clap::ValueEnum;

use crate::cli::args::CheckArgs;
use crate::cli::{colored, output, show};
use crate::report::{Format, Report, human};

/// `FORMAT=FILE`, where `-` is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) format: Format,
    /// Standard output where there is none.
    file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text
            .split_once('=')
            .ok_or("write FORMAT=FILE, such as sarif=rls-lint.sarif; `-` is standard output")?;
        let format = Format::from_str(format, false).map_err(|_| {
            let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
            format!("no format is called `{format}`: {}", names.join(", "))
        })?;
        match file {
            "" => Err(format!("`{format}=` lacks a file; `-` is standard output")),
            "-" => Ok(Self { format, file: None }),
            file => Ok(Self { format, file: Some(file.into()) }),
        }
    }
}

/// What the arguments want written where.
pub(super) fn wanted(args: &CheckArgs) -> anyhow::Result<Vec<Output>> {
    let named = args.format.map(|format| Output { format, file: None });
    let mut outputs: Vec<_> = named.into_iter().chain(args.output.iter().cloned()).collect();
    if outputs.is_empty() && !args.statistics {
        outputs.push(Output { format: Format::Human, file: None });
    }
    for (at, output) in outputs.iter().enumerate() {
        let is_taken = outputs[..at].iter().any(|other| other.file == output.file);
        let place = output.file.as_ref().map_or("standard output".into(), |file| file.display().to_string());
        anyhow::ensure!(!is_taken, "{place} takes one format, and was given two");
    }
    Ok(outputs)
}

/// Writes where arguments want a report, which do not go together, why there is none: who waits for a file gets
/// a valid one, and who reads standard output as well.
pub(super) fn write_failed(arguments: impl Iterator<Item = OsString>, said: &str) {
    let said = said.lines().next().unwrap_or_default();
    let report = Report::failed(said.strip_prefix("error: ").unwrap_or(said).to_string());
    let mut is_value = false;
    for argument in arguments.filter_map(|argument| argument.into_string().ok()) {
        let value = argument.strip_prefix("--output=").or(is_value.then_some(argument.as_str()));
        if let Some(Ok(Output { format, file })) = value.map(str::parse) {
            let written = match &file {
                Some(file) => replace(file, |out| format.render(&report, out, false)),
                None => format.render(&report, &mut output(), false).map_err(Into::into),
            };
            // The exit code says the same.
            let _ = written.or_else(|error| {
                let place = file.map_or("standard output".into(), |file| file.display().to_string());
                writeln!(io::stderr(), "error: cannot write {place}: {error}")
            });
        }
        is_value = argument == "--output";
    }
}

/// Writes a report everywhere; false where some file could not be written, which is said.
pub(super) fn write(report: &Report, outputs: &[Output], args: &CheckArgs) -> anyhow::Result<bool> {
    let mut all_written = true;
    for Output { format, file } in outputs {
        let Some(file) = file else { continue };
        if let Err(error) = replace(file, |out| format.render(report, out, false)) {
            writeln!(io::stderr(), "error: cannot write {}: {error}", file.display())?;
            all_written = false;
        }
    }
    let printed = outputs.iter().find(|output| output.file.is_none()).map(|output| output.format);
    print(report, printed, args)?;
    Ok(all_written)
}

/// Prints a report. What is for a person stands where it disturbs no program.
fn print(report: &Report, format: Option<Format>, args: &CheckArgs) -> io::Result<()> {
    let mut out = output();
    let color = colored(args.color, &io::stdout());
    match format {
        _ if args.statistics => show::statistics(report, &mut out)?,
        Some(Format::Human) => human::findings(report, &mut out, color)?,
        Some(format) => format.render(report, &mut out, color)?,
        None => {}
    }
    out.flush()?;
    let mut errors = io::stderr().lock();
    let color_of_errors = colored(args.color, &io::stderr());
    human::problems(report, &mut errors, color_of_errors)?;
    let (closing, color): (&mut dyn Write, bool) = match format {
        Some(Format::Human) => (&mut out, color),
        _ => (&mut errors, color_of_errors),
    };
    human::change(report, closing, color)?;
    human::summary(report, closing, color)?;
    out.flush()
}

/// Writes a file so that whoever reads it sees the old one or the new one, whole. What is no regular
/// file, such as `/dev/null`, is written to as it is.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        let mut out = BufWriter::new(File::options().write(true).open(&path)?);
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut new = new_file(folder)?;
    let mut out = BufWriter::new(&mut new);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    new.persist(&path)?;
    Ok(())
}

/// A file that goes if it is not kept, as readable as others are.
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rls-lint-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
