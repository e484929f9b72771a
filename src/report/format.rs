use std::fmt;
use std::io::{self, Write};

use super::{Report, advisors, audit, concise, github, gitlab, human, json, junit, markdown, rdjson, sarif};

/// The forms that a report is printed in. `docs/formats.md` describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Human,
    Concise,
    Json,
    Jsonl,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Rdjson,
    Markdown,
    Audit,
    Advisors,
}

impl Format {
    pub const ALL: [Self; 12] = [
        Self::Human,
        Self::Concise,
        Self::Json,
        Self::Jsonl,
        Self::Sarif,
        Self::Github,
        Self::Gitlab,
        Self::Junit,
        Self::Rdjson,
        Self::Markdown,
        Self::Audit,
        Self::Advisors,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Rdjson => "rdjson",
            Self::Markdown => "markdown",
            Self::Audit => "audit",
            Self::Advisors => "advisors",
        }
    }

    /// What it is for, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Human => "Snippets with labels",
            Self::Concise => "One line for each finding",
            Self::Json => "One object, for programs",
            Self::Jsonl => "One object on each line",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
            Self::Github => "Annotations of a GitHub workflow",
            Self::Gitlab => "GitLab's code quality report",
            Self::Junit => "JUnit XML, for test reports",
            Self::Rdjson => "For reviewdog",
            Self::Markdown => "For a comment or a job summary",
            Self::Audit => "A plain list, for review bots",
            Self::Advisors => "The rows of Supabase's advisors",
        }
    }

    /// Writes all of a report; only `human` has colours.
    pub fn render(self, report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
        match self {
            Self::Human => human::render(report, out, color),
            Self::Concise => concise::render(report, out),
            Self::Json => json::render(report, out),
            Self::Jsonl => json::render_lines(report, out),
            Self::Sarif => sarif::render(report, out),
            Self::Github => github::render(report, out),
            Self::Gitlab => gitlab::render(report, out),
            Self::Junit => junit::render(report, out),
            Self::Rdjson => rdjson::render(report, out),
            Self::Markdown => markdown::render(report, out),
            Self::Audit => audit::render(report, out),
            Self::Advisors => advisors::render(report, out),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
