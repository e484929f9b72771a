//! Overrides that change nothing: their patterns match no file, or silence what is not found there.

use std::ops::Range;
use std::path::Path;

use crate::config::layer::{Entry, Override};
use crate::config::{Level, Origin, Settings};
use crate::rules;
use crate::source::{FileId, Span};

/// What an override says in vain.
pub struct Idle {
    pub place: Span,
    pub message: String,
    pub note: &'static str,
    pub help: &'static str,
    /// What sets it apart from others of its file.
    pub what: String,
}

impl Settings {
    /// The overrides of a rule that hold in a file, by their numbers.
    pub fn overriding<'s>(&'s self, rule: &'s str, path: &'s Path) -> impl Iterator<Item = usize> + 's {
        let overrides = self.overrides.iter().map(|over| &over.given).enumerate();
        overrides
            .filter(move |(_, given)| given.rules.contains_key(rule) && given.matches(path))
            .map(|(at, _)| at)
    }

    /// The file of the user, and its folder.
    pub fn home(&self) -> Option<(&Path, FileId)> {
        Some((&self.folder, self.file?))
    }

    /// What the overrides of the user's own file say in vain, where these are all files that they can be about,
    /// and `finds` says whether a rule found anything that the override of this number holds for. Those that
    /// make a rule more severe wait for what is to come.
    pub fn idle(&self, files: &[&Path], finds: &dyn Fn(usize, &'static str) -> bool) -> Vec<Idle> {
        let Some(file) = self.file else { return Vec::new() };
        let place = |range: &Range<usize>| Span::new(file, range.start, range.end);
        let mut idle = Vec::new();
        for (at, over) in self.overrides.iter().enumerate() {
            if !matches!(&over.paths_from, Origin::File(path, _) if Some(path) == self.files.last()) {
                continue;
            }
            let given = &over.given;
            let misses: Vec<_> = given.missing(files).collect();
            idle.extend(misses.iter().map(|(pattern, range)| Idle {
                place: place(range),
                message: format!("no file that is read matches `{pattern}`"),
                note: "matches no file",
                help: "write paths as they are seen from the folder of this file; `*` stands for names, `**` for \
                       folders as well",
                what: pattern.to_string(),
            }));
            if misses.len() == given.patterns.len() {
                continue;
            }
            for (rule, entry) in &given.rules {
                if self.silences(rule, entry) && !finds(at, rule) {
                    idle.push(Idle {
                        place: place(&entry.range),
                        message: format!("{rule} finds nothing in the files of this override"),
                        note: "overridden in vain",
                        help: "remove it",
                        what: format!("{rule} in {}", given.words()),
                    });
                }
            }
        }
        idle
    }

    /// Whether an override takes something from a rule that looks.
    fn silences(&self, rule: &'static str, entry: &Entry) -> bool {
        let base = self.level_of_project(rule);
        let own = rules::named(rule).severity;
        let severity = |level| match level {
            Level::Off => None,
            Level::On => Some(own),
            Level::At(severity) => Some(severity),
        };
        self.is_allowed(rule) && entry.level.is_some_and(|level| severity(level) < severity(base))
    }
}

impl Override {
    /// The patterns that match none of the files.
    fn missing<'o>(&'o self, files: &'o [&Path]) -> impl Iterator<Item = (&'o str, &'o Range<usize>)> {
        let misses = |pattern: &glob::Pattern| !files.iter().any(|path| self.is_match(pattern, path));
        let patterns = self.patterns.iter().filter(move |(pattern, _)| misses(pattern));
        patterns.map(|(pattern, range)| (pattern.as_str(), range))
    }

    /// Its patterns, in a row.
    fn words(&self) -> String {
        let words: Vec<_> = self.patterns.iter().map(|(pattern, _)| pattern.as_str()).collect();
        words.join(", ")
    }
}
