//! One YAML file, read and checked against the rules there are.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::map::IndexMap;
use serde_yaml::{Mapping, Value};

use crate::config::document::{self, Duplicate, Step};
use crate::config::locate::Locator;
use crate::config::{Level, did_you_mean, rule_named};
use crate::diagnostic::Severity;
use crate::rule::{ParsedOptions, Rule};
use crate::rules;

/// What one file says.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) name: Option<String>,
    pub(super) summary: Option<String>,
    /// Absent where the file does not say.
    pub(super) extends: Option<Vec<Located>>,
    pub(super) rules: Entries,
    pub(super) overrides: Vec<Override>,
    pub(super) known_roles: Vec<Located>,
    pub(super) exposed: Option<(Vec<Located>, usize)>,
}

type Entries = IndexMap<&'static str, Entry>;

/// What is said about one rule; what is absent stays as it was.
#[derive(Clone, Default)]
pub(super) struct Entry {
    pub(super) level: Option<Level>,
    pub(super) options: Option<ParsedOptions>,
    /// The options as they are written, those that make sense.
    pub(super) written: String,
    /// Where the rule's name stands.
    pub(super) range: Range<usize>,
}

/// Other levels and options for some files.
#[derive(Clone)]
pub(super) struct Override {
    /// What the patterns are relative to.
    folder: PathBuf,
    /// Where the patterns are given.
    pub(super) start: usize,
    pub(super) patterns: Vec<(glob::Pattern, Range<usize>)>,
    pub(super) rules: Entries,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) value: String,
    pub(super) range: Range<usize>,
}

/// A place in the file that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    /// A few words under the place.
    pub(super) note: Option<&'static str>,
    /// Another place, and what it has to do with it.
    pub(super) label: Option<(Range<usize>, &'static str)>,
    pub(super) help: Option<String>,
}

impl Flaw {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), note: None, label: None, help: None }
    }
}

impl Level {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            // YAML 1.1 readers take these two for booleans, and so may who writes them.
            "off" | "false" => Self::Off,
            "on" | "true" => Self::On,
            "info" => Self::At(Severity::Info),
            "warning" => Self::At(Severity::Warning),
            "error" => Self::At(Severity::Error),
            _ => return None,
        })
    }
}

const KEYS: [&str; 7] =
    ["name", "summary", "extends", "rules", "overrides", "known-roles", "exposed-schemas"];
const LEVELS: [&str; 5] = ["off", "on", "info", "warning", "error"];

impl Layer {
    /// Reads a text as far as it makes sense. Paths in it are relative to the folder.
    pub(super) fn parse(text: &str, folder: &Path) -> (Self, Vec<Flaw>) {
        let mut reader = Reader { folder, flaws: Vec::new() };
        let top = Locator::new(text);
        let layer = match document::read(text) {
            Ok((value, duplicates)) => {
                reader.flaws.extend(duplicates.iter().map(|duplicate| told_twice(duplicate, &top)));
                reader.top(&value, &top)
            }
            Err(error) => {
                reader.flaws.push(broken(&error, text));
                Self::default()
            }
        };
        (layer, reader.flaws)
    }
}

impl Layer {
    /// A rule-set that is shipped: a list of levels, with a few words before it. It is read at every start,
    /// for which a parser of YAML is too slow; a test holds this to what [`Self::parse`] reads.
    pub(super) fn shipped(text: &'static str) -> Self {
        let mut layer = Self::default();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key {
                "name" => layer.name = Some(value.to_string()),
                "summary" => layer.summary = Some(value.to_string()),
                "extends" => layer.extends = Some(vec![Located { value: value.to_string(), range: 0..0 }]),
                _ => {
                    let Some(rule) = rules::find(key.trim()) else { continue };
                    layer.rules.insert(rule.id, Entry { level: Level::named(value), ..Entry::default() });
                }
            }
        }
        layer
    }
}

impl Override {
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.patterns.iter().any(|(pattern, _)| self.is_match(pattern, path))
    }

    pub(super) fn is_match(&self, pattern: &glob::Pattern, path: &Path) -> bool {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        path.strip_prefix(&self.folder).is_ok_and(|path| pattern.matches_path_with(path, options))
    }

    /// Its patterns as they are to be written in another folder; those that match nothing there are left out.
    pub(super) fn patterns_in(&self, folder: &Path) -> Vec<String> {
        let patterns = self.patterns.iter().map(|(pattern, _)| pattern.as_str());
        if let Ok(below) = self.folder.strip_prefix(folder) {
            let prefix = glob::Pattern::escape(&below.to_string_lossy());
            let join = |pattern| {
                if prefix.is_empty() { String::from(pattern) } else { format!("{prefix}/{pattern}") }
            };
            return patterns.map(join).collect();
        }
        let Ok(below) = folder.strip_prefix(&self.folder) else { return Vec::new() };
        let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
        patterns.filter_map(|pattern| below_folders(pattern, &names)).collect()
    }
}

/// What is left of a pattern for the files in a folder of such a path.
fn below_folders(pattern: &str, names: &[Cow<'_, str>]) -> Option<String> {
    let Some((name, deeper)) = names.split_first() else { return Some(pattern.to_string()) };
    if pattern == "**" || pattern.starts_with("**/") {
        return Some(pattern.to_string());
    }
    let (first, rest) = pattern.split_once('/')?;
    glob::Pattern::new(first).ok().filter(|first| first.matches(name))?;
    below_folders(rest, deeper)
}

struct Reader<'a> {
    folder: &'a Path,
    flaws: Vec<Flaw>,
}

impl Reader<'_> {
    fn top(&mut self, value: &Value, top: &Locator<'_>) -> Layer {
        match value {
            Value::Null => Layer::default(),
            Value::Mapping(map) => self.layer(map, top),
            _ => {
                self.complain(top, "a configuration is a list of keys with values");
                Layer::default()
            }
        }
    }

    fn layer(&mut self, map: &Mapping, top: &Locator<'_>) -> Layer {
        let mut layer = Layer::default();
        for (key, value) in map {
            let key = text_of(key);
            let place = top.top_key(&key);
            match key.as_str() {
                "name" => layer.name = self.text(value, &place),
                "summary" => layer.summary = self.text(value, &place),
                "extends" => layer.extends = Some(self.texts(value, &place)),
                "rules" => layer.rules = self.rules(value, &place),
                "overrides" => layer.overrides = self.overrides(value, &place),
                "known-roles" => layer.known_roles = self.texts(value, &place),
                "exposed-schemas" => {
                    layer.exposed = Some((self.texts(value, &place), place.range().start));
                }
                _ => self.unknown_key(&key, &KEYS, &place),
            }
        }
        layer
    }

    fn rules(&mut self, value: &Value, place: &Locator<'_>) -> Entries {
        let mut entries = Entries::default();
        let Some(map) = self.mapping(value, place) else { return entries };
        for (id, value) in map {
            let id = text_of(id);
            let place = place.key(&id);
            match rule_named(&id) {
                Ok(rule) => drop(entries.insert(rule.id, self.entry(rule, value, &place))),
                Err(message) => self.complain(&place, message),
            }
        }
        entries
    }

    fn entry(&mut self, rule: &'static Rule, value: &Value, place: &Locator<'_>) -> Entry {
        let mut entry = Entry { range: place.range(), ..Entry::default() };
        let Value::Mapping(map) = value else {
            entry.level = self.level(value, place);
            return entry;
        };
        for (key, value) in map {
            let key = text_of(key);
            let place = place.key(&key);
            match key.as_str() {
                "level" => entry.level = self.level(value, &place),
                "options" => {
                    let good = self.options(rule, value, &place);
                    entry.written =
                        good.as_ref().and_then(|good| serde_json::to_string(good).ok()).unwrap_or_default();
                    entry.options = good.and_then(|good| rule.options.parse(good).ok());
                }
                _ => self.unknown_key(&key, &["level", "options"], &place),
            }
        }
        entry
    }

    /// The options that make sense; each of the others is told where it stands.
    fn options(&mut self, rule: &'static Rule, value: &Value, place: &Locator<'_>) -> Option<Mapping> {
        let mut good = Mapping::new();
        let known = rule.options.known();
        for (key, value) in self.mapping(value, place)? {
            let name = text_of(key);
            let inner = place.key(&name);
            if known.is_empty() {
                self.complain(&inner, format!("{} has no options", rule.id));
            } else if !known.contains(&name.as_str()) {
                self.unknown("option", &name, known, &inner);
            } else if let Err(error) = rule.options.parse(Mapping::from_iter([(key.clone(), value.clone())]))
            {
                // The way to the mistake that the error starts with is what the place says.
                let error = error.to_string();
                let error = error.strip_prefix(&format!("{name}: ")).unwrap_or(&error);
                self.complain(&inner, format!("option `{name}` of {}: {error}", rule.id));
            } else {
                good.insert(key.clone(), value.clone());
            }
        }
        Some(good)
    }

    fn level(&mut self, value: &Value, place: &Locator<'_>) -> Option<Level> {
        let text = text_of(value);
        let level = Level::named(&text);
        if level.is_none() {
            let hint = did_you_mean(&text, LEVELS);
            let message = format!("`{text}` is no level: {}{hint}", LEVELS.join(", "));
            self.complain(&place.value(&text), message);
        }
        level
    }

    fn overrides(&mut self, value: &Value, place: &Locator<'_>) -> Vec<Override> {
        let Value::Sequence(items) = value else {
            self.complain(place, "`overrides` is a list of `paths` and `rules`");
            return Vec::new();
        };
        let mut overrides = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let place = place.item(n);
            let Some(map) = self.mapping(item, &place) else { continue };
            let mut over = Override {
                folder: self.folder.to_path_buf(),
                start: place.range().start,
                patterns: Vec::new(),
                rules: Entries::default(),
            };
            for (key, value) in map {
                let key = text_of(key);
                // The first key of an item stands on the item's own line.
                let inner = place.start().key(&key);
                match key.as_str() {
                    "paths" => {
                        over.start = inner.range().start;
                        over.patterns = self.patterns(value, &inner);
                    }
                    "rules" => over.rules = self.rules(value, &inner),
                    _ => self.unknown_key(&key, &["paths", "rules"], &inner),
                }
            }
            overrides.push(over);
        }
        overrides
    }

    fn patterns(&mut self, value: &Value, place: &Locator<'_>) -> Vec<(glob::Pattern, Range<usize>)> {
        let mut patterns = Vec::new();
        for text in self.texts(value, place) {
            match glob::Pattern::new(&text.value) {
                Ok(pattern) => patterns.push((pattern, text.range)),
                Err(error) => {
                    let message = format!("`{}` is no file pattern: {}", text.value, error.msg);
                    self.flaws.push(Flaw::new(text.range, message));
                }
            }
        }
        patterns
    }

    fn mapping<'v>(&mut self, value: &'v Value, place: &Locator<'_>) -> Option<&'v Mapping> {
        match value {
            Value::Mapping(map) => return Some(map),
            Value::Null => {}
            _ => self.complain(place, "keys with values are wanted here"),
        }
        None
    }

    fn text(&mut self, value: &Value, place: &Locator<'_>) -> Option<String> {
        if value.as_str().is_none() {
            self.complain(place, "a text is wanted here");
        }
        value.as_str().map(str::to_string)
    }

    /// One text or a list of texts.
    fn texts(&mut self, value: &Value, place: &Locator<'_>) -> Vec<Located> {
        let items = match value {
            Value::Sequence(items) => items.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let mut texts = Vec::new();
        for item in items {
            match item.as_str() {
                Some(text) => {
                    texts.push(Located { value: text.to_string(), range: place.value(text).range() })
                }
                None => self.complain(place, "a list of texts is wanted here"),
            }
        }
        texts
    }

    fn unknown_key(&mut self, key: &str, known: &[&str], place: &Locator<'_>) {
        self.unknown("key", key, known, place);
    }

    fn unknown(&mut self, what: &str, word: &str, known: &[&str], place: &Locator<'_>) {
        let message = format!("unknown {what} `{word}`{}", did_you_mean(word, known.iter().copied()));
        let help = Some(format!("known here: {}", known.join(", ")));
        self.flaws.push(Flaw { help, ..Flaw::new(place.range(), message) });
    }

    fn complain(&mut self, place: &Locator<'_>, message: impl Into<String>) {
        self.flaws.push(Flaw::new(place.range(), message));
    }
}

/// A key or a level as text, whatever YAML takes it for.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A file that is no YAML: the rest of the line where it breaks.
fn broken(error: &serde_yaml::Error, text: &str) -> Flaw {
    let start = error.location().map_or(0, |location| location.index()).min(text.len());
    let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let help = if text[..start].ends_with('*') {
        Some("write a text that starts with `*` in quotes")
    } else if text[start..end].starts_with('\t') {
        Some("YAML takes blanks before a key, and no tabs")
    } else {
        None
    };
    Flaw { help: help.map(str::to_string), ..Flaw::new(start..end, format!("this is no YAML: {error}")) }
}

/// A key that stands in its map twice.
fn told_twice(duplicate: &Duplicate, top: &Locator<'_>) -> Flaw {
    let map = duplicate.path.iter().fold(None, |place: Option<Locator<'_>>, step| {
        Some(match (place, step) {
            (None, Step::Key(key)) => top.top_key(key),
            (None, Step::Item(n)) => top.item(*n).start(),
            (Some(place), Step::Key(key)) => place.key(key),
            (Some(place), Step::Item(n)) => place.item(*n).start(),
        })
    });
    let first = map.map_or_else(|| top.top_key(&duplicate.key), |place| place.key(&duplicate.key));
    let second = first.again(&duplicate.key);
    Flaw {
        note: Some("for the second time"),
        label: Some((first.range(), "for the first time")),
        help: Some("keep one of them; the last one holds until then".to_string()),
        ..Flaw::new(second.range(), format!("the key `{}` is there twice", duplicate.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(text: &str) -> Vec<(&str, String)> {
        let (_, flaws) = Layer::parse(text, Path::new("/x"));
        flaws.into_iter().map(|flaw| (&text[flaw.range], flaw.message)).collect()
    }

    #[test]
    fn each_mistake_is_said_at_its_place() {
        assert_eq!(
            flaws(
                "extend: strict\nrules:\n  no-primery-key: off\n  no-primary-key: warn\noverrides:\n  \
                 - path: [x]\n    rules: {nothing: off}\n"
            ),
            [
                ("extend", "unknown key `extend`; did you mean `extends`?".into()),
                (
                    "no-primery-key",
                    "no rule is called `no-primery-key`; did you mean `no-primary-key`?".into()
                ),
                ("warn", "`warn` is no level: off, on, info, warning, error".into()),
                ("path", "unknown key `path`; did you mean `paths`?".into()),
                ("nothing", "no rule is called `nothing`".into()),
            ]
        );
    }

    #[test]
    fn options_are_checked_where_they_stand() {
        assert_eq!(
            flaws(
                "rules:\n  no-primary-key: {level: error, options: {x: 1}}\n  missing-created-at:\n    \
                 options: {exmept: [a], min-columns: many, exempt: [b]}\n"
            ),
            [
                ("x", "no-primary-key has no options".into()),
                ("exmept", "unknown option `exmept`; did you mean `exempt`?".into()),
                (
                    "min-columns",
                    "option `min-columns` of missing-created-at: invalid type: string \"many\", expected usize"
                        .into()
                ),
            ]
        );
        let (_, flaws) = Layer::parse("rules: {missing-created-at: {options: {a: 1}}}", Path::new("/x"));
        let help = flaws[0].help.as_deref();
        assert_eq!(help, Some("known here: names, exempt, exempt-join-tables, min-columns"));
    }

    #[test]
    fn a_key_that_is_there_twice_is_shown_twice() {
        let text = "overrides:\n  - paths: x\n    rules:\n      no-primary-key: off\nrules:\n  \
                    no-primary-key: off\n  syntax-error: {level: off, level: on}\n  no-primary-key: on\n\
                    rules: {}\n";
        let (_, flaws) = Layer::parse(text, Path::new("/x"));
        let place = |range: &Range<usize>| {
            let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
            (text[..range.start].matches('\n').count() + 1, range.start - line + 1)
        };
        let shown: Vec<_> = flaws
            .iter()
            .map(|flaw| {
                let first = flaw.label.as_ref().map(|(range, _)| place(range));
                (flaw.message.as_str(), first, place(&flaw.range))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("the key `level` is there twice", Some((7, 18)), (7, 30)),
                ("the key `no-primary-key` is there twice", Some((6, 3)), (8, 3)),
                ("the key `rules` is there twice", Some((5, 1)), (9, 1)),
            ]
        );
    }

    #[test]
    fn a_broken_pattern_is_shown_itself() {
        assert_eq!(
            flaws(
                "overrides:\n  - paths: [a.sql, \"supabase/[a\"]\n  - paths:\n      - 'it''s/***'\n  \
                 - paths: \"a\\\\b/[\"\n"
            )
            .into_iter()
            .map(|(place, _)| place)
            .collect::<Vec<_>>(),
            ["supabase/[a", "it''s/***", "\"a\\\\b/[\""]
        );
    }

    #[test]
    fn patterns_move_with_their_file() {
        let text = "overrides:\n  - paths: [apps/*/supabase/*.sql, '**/x.sql', a.sql, 'app?/**']\n";
        let layer = Layer::parse(text, Path::new("/r")).0;
        let moved = |folder: &str| layer.overrides[0].patterns_in(Path::new(folder));
        assert_eq!(moved("/r"), ["apps/*/supabase/*.sql", "**/x.sql", "a.sql", "app?/**"]);
        assert_eq!(moved("/r/apps/web"), ["supabase/*.sql", "**/x.sql", "**"]);
        assert_eq!(moved("/"), ["r/apps/*/supabase/*.sql", "r/**/x.sql", "r/a.sql", "r/app?/**"]);
        assert_eq!(moved("/elsewhere"), [""; 0]);
    }

    #[test]
    fn what_is_no_yaml_has_a_place() {
        let flaws = flaws("rules:\n  a: [off\nextends: strict\n");
        assert_eq!(flaws.len(), 1);
        assert!(flaws[0].1.starts_with("this is no YAML: "), "{flaws:?}");
        let help = |text| Layer::parse(text, Path::new("/x")).1.remove(0).help;
        let quotes = help("overrides:\n  - paths: [**/*.sql]\n");
        assert_eq!(quotes.as_deref(), Some("write a text that starts with `*` in quotes"));
        let blanks = help("rules:\n\tno-primary-key: off\n");
        assert_eq!(blanks.as_deref(), Some("YAML takes blanks before a key, and no tabs"));
    }

    #[test]
    fn an_empty_file_is_no_mistake() {
        assert_eq!(flaws(""), []);
        assert_eq!(flaws("rules:\n"), []);
    }
}
