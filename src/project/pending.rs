//! A migration on standard input: the SQL, without what the Supabase CLI says besides.

use std::path::PathBuf;

/// What came through standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it is called.
    pub path: PathBuf,
    /// Its bytes, with blanks where the CLI spoke.
    pub text: Vec<u8>,
    /// The first line that the CLI said, and its number from one.
    pub(super) said: Option<(usize, String)>,
}

/// How the lines start that the CLI writes to its error stream around a diff.
const SAID: [&str; 24] = [
    "A new version of Supabase CLI",
    "Applying migration ",
    "Connecting to ",
    "Creating shadow database",
    "Diffing schemas",
    "Diffing local database",
    "Finished supabase db diff",
    "Found drop statements in schema diff",
    "Initialising ",
    "Initializing ",
    "Loading ",
    "NOTICE (",
    "No schema changes found",
    "Please double check",
    "Pulling ",
    "Resetting ",
    "Restarting ",
    "Seeding ",
    "Skipping migration ",
    "Stopping ",
    "Using workdir ",
    "WARN:",
    "WARNING:",
    "We recommend updating",
];

impl Pending {
    /// Reads what came. Lines of the CLI before and behind the SQL are taken out of it.
    pub fn new(path: PathBuf, mut text: Vec<u8>) -> Self {
        let mut lines: Vec<(usize, usize)> = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.push((start, start + line.len()));
            start += line.len();
        }
        let mut said: Option<(usize, String)> = None;
        let mut blank = |at: usize| {
            let (start, end) = lines[at];
            let line = String::from_utf8_lossy(&text[start..end]).trim().to_string();
            let is_said = SAID.iter().any(|words| line.starts_with(words));
            if is_said {
                // To say that nothing changed is an answer like no answer.
                let matters = !line.starts_with("No schema changes found");
                if matters && said.as_ref().is_none_or(|(first, _)| at + 1 < *first) {
                    said = Some((at + 1, line.clone()));
                }
                text[start..end]
                    .iter_mut()
                    .filter(|byte| !b"\r\n".contains(byte))
                    .for_each(|byte| *byte = b' ');
            }
            is_said || line.is_empty()
        };
        let first = (0..lines.len()).find(|at| !blank(*at)).unwrap_or(lines.len());
        (first..lines.len()).rev().find(|at| !blank(*at));
        Self { path, text, said }
    }

    /// Whether there is nothing in it.
    pub fn is_blank(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cli_says_around_the_sql_is_no_sql() {
        let text = "Connecting to local database...\r\nDiffing schemas: public\n\ncreate table t (id int);\n\
                    -- Seeding it\nFinished supabase db diff on branch main.\n";
        let pending = Pending::new("x.sql".into(), text.into());
        assert_eq!(pending.said, Some((1, "Connecting to local database...".into())));
        let left = String::from_utf8(pending.text).expect("it is text");
        assert_eq!(left.len(), text.len());
        assert_eq!(left.trim(), "create table t (id int);\n-- Seeding it");
    }

    #[test]
    fn no_change_is_nothing() {
        for text in ["", " \n\n", "No schema changes found\n"] {
            let pending = Pending::new("x.sql".into(), text.into());
            assert!(pending.is_blank() && pending.said.is_none(), "{text}");
        }
        assert!(!Pending::new("x.sql".into(), b"select 1;".to_vec()).is_blank());
    }
}
