//! A migration on standard input: the SQL, without what the Supabase CLI says besides.

use std::ops::Range;
use std::path::PathBuf;

use rustc_hash::FxHashSet;

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

/// Behind the diff, the CLI lists again what it drops: whole statements without their semicolons (supabase/cli,
/// `internal/db/diff`).
const DROPS: &str = "Found drop statements in schema diff";

/// How the lines start that the CLI writes to its error stream around a diff.
const SAID: [&str; 30] = [
    "A new version of Supabase CLI",
    "Applying migration ",
    "Applying schema ",
    "Connecting to ",
    "Created new migration at ",
    "Creating custom roles ",
    "Creating local database ",
    "Creating shadow database",
    "Diffing schemas",
    "Diffing local database",
    "Finished supabase db diff",
    DROPS,
    "Initialising ",
    "Initializing ",
    "Loading ",
    "NOTICE (",
    "No schema changes found",
    "Please double check",
    "Pulling ",
    "Resetting ",
    "Restarting ",
    "Run supabase db reset",
    "Seeding ",
    "Setting up initial schema",
    "Skipping migration ",
    "Stopping ",
    "Using workdir ",
    "WARN:",
    "WARNING:",
    "We recommend updating",
];

impl Pending {
    /// Reads what came. Lines of the CLI before and behind the SQL are taken out of it.
    pub fn new(path: PathBuf, text: Vec<u8>) -> Self {
        let mut reader = Reader::new(text);
        let all = 0..reader.lines.len();
        reader.blank_drops();
        let first = all.clone().find(|at| !reader.blank(*at)).unwrap_or(all.end);
        (first..all.end).rev().find(|at| !reader.blank(*at));
        Self { path, text: reader.text, said: reader.said }
    }

    /// Whether there is nothing in it.
    pub fn is_blank(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }
}

struct Reader {
    text: Vec<u8>,
    /// Where each line starts and ends.
    lines: Vec<Range<usize>>,
    said: Option<(usize, String)>,
}

impl Reader {
    fn new(text: Vec<u8>) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.push(start..start + line.len());
            start += line.len();
        }
        Self { text, lines, said: None }
    }

    fn line(&self, at: usize) -> String {
        String::from_utf8_lossy(&self.text[self.lines[at].clone()]).trim().to_string()
    }

    /// Takes out the list of what is dropped: the lines behind its heading that stand in the SQL before it.
    fn blank_drops(&mut self) {
        let Some(heading) = (0..self.lines.len()).find(|at| self.line(*at).starts_with(DROPS)) else {
            return;
        };
        let statement = |line: &str| line.trim_end_matches(';').trim_end().to_string();
        let sql: FxHashSet<String> = (0..heading).map(|at| statement(&self.line(at))).collect();
        for at in heading + 1..self.lines.len() {
            if sql.contains(&statement(&self.line(at))) {
                self.erase(at);
            }
        }
    }

    /// Takes out a line of the CLI, and tells whether nothing is left of the line.
    fn blank(&mut self, at: usize) -> bool {
        let line = self.line(at);
        let is_said = SAID.iter().any(|words| line.starts_with(words));
        if is_said {
            // To say that nothing changed is an answer like no answer.
            let matters = !line.starts_with("No schema changes found");
            if matters && self.said.as_ref().is_none_or(|(first, _)| at + 1 < *first) {
                self.said = Some((at + 1, line.clone()));
            }
            self.erase(at);
        }
        is_said || line.is_empty()
    }

    fn erase(&mut self, at: usize) {
        let bytes = self.text[self.lines[at].clone()].iter_mut();
        bytes.filter(|byte| !b"\r\n".contains(byte)).for_each(|byte| *byte = b' ');
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
    fn what_is_dropped_counts_once() {
        let text = "Creating shadow database...\nFinished supabase db diff on branch main.\n\n\
                    drop policy \"a\" on \"public\".\"t\";\n\nalter table \"public\".\"t\"\n  drop column \"x\";\n\n\
                    Found drop statements in schema diff. Please double check if these are expected:\n\
                    drop policy \"a\" on \"public\".\"t\"\nalter table \"public\".\"t\"\n  drop column \"x\"   \n\
                    A new version of Supabase CLI is available: v2.0.0\n";
        let pending = Pending::new("x.sql".into(), text.into());
        let left = String::from_utf8(pending.text).expect("it is text");
        let sql =
            "drop policy \"a\" on \"public\".\"t\";\n\nalter table \"public\".\"t\"\n  drop column \"x\";";
        assert_eq!((left.trim(), left.len()), (sql, text.len()));
        // What is written behind the list, or without it, is SQL.
        let text = format!("{text}drop table x;\n");
        let left = Pending::new("x.sql".into(), text.into()).text;
        assert!(String::from_utf8_lossy(&left).contains("drop table x;"));
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
