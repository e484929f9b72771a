//! Findings that a project had when it began to use the linter, which stay silent.
//!
//! The file has one finding on each line, sorted by fingerprint, and ends with a line that never
//! changes: branches that take lines out or add some merge as text.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;

use crate::map::IndexMap;
use serde::{Deserialize, Serialize};

use crate::change::former::{Former, Formerly};
use crate::change::{Earlier, Grown, say_what_grew};
use crate::diagnostic::{Diagnostic, Severity, chosen, selected};
use crate::rules;

/// What the file is called.
pub const NAME: &str = "rls-lint-baseline.json";

/// Raised when a file of before would be read in another way.
const FORMAT: u32 = 3;

/// Files of this format say nothing of what a finding tells of besides its object, and where they do not say what
/// it lets requests do, it may be older than that.
const WITHOUT_EXTENT: u32 = 2;

/// Files of this format do not say how severe a finding was.
const WITHOUT_SEVERITY: u32 = 1;

/// The key of the last line.
const END: &str = "end";

/// Findings that are to be silent, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<String, Entry>,
}

/// One fingerprint's findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    record: Record,
    /// How severe the rule took them for; those that are more severe are not silent.
    severity: Severity,
    /// How many of them the run had.
    seen: usize,
    /// How many it may have: those as well that statements hide which it could not follow.
    possible: usize,
    /// What those let requests do.
    reach: BTreeSet<String>,
    /// What else those tell of.
    extent: BTreeSet<String>,
    /// How severe the rule takes those for.
    seen_as: Option<Severity>,
    /// Its place in the file.
    pub range: Range<usize>,
}

/// What the file says of it. The object and what are there for who reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    object: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    what: String,
    /// How many findings.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: usize,
    /// How many others had the object's name before it, and are called otherwise now.
    #[serde(default, skip_serializing_if = "is_none")]
    predecessors: usize,
    /// How severe the rule took them for, where that is not what it says of most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    /// What they let requests do; more than that is not silent. Nothing where the file is older than this field.
    #[serde(default, skip_serializing_if = "says_nothing")]
    reach: Option<BTreeSet<String>>,
    /// What else they tell of; the same holds.
    #[serde(default, skip_serializing_if = "says_nothing")]
    extent: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    findings: BTreeMap<String, Record>,
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn says_nothing(list: &Option<BTreeSet<String>>) -> bool {
    list.as_ref().is_none_or(BTreeSet::is_empty)
}

/// Why a text is no baseline, and the line that it breaks on, from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub line: usize,
    pub message: String,
}

impl Entry {
    fn new(record: Record, severity: Severity, range: Range<usize>) -> Self {
        let (reach, extent) = Default::default();
        Self { record, severity, seen: 0, possible: 0, reach, extent, seen_as: None, range }
    }

    /// Notes that a finding of it occurs, which tells of things that had the other names of `formerly`.
    fn see(&mut self, found: &Diagnostic, formerly: &Formerly) {
        self.seen += 1;
        self.reach.extend(found.reach.iter().cloned());
        self.reach.extend(formerly.reach.iter().flat_map(|(_, names)| names).cloned());
        self.extent.extend(found.extent.iter().cloned());
        self.extent.extend(formerly.extent.iter().flat_map(|(_, names)| names).cloned());
        self.seen_as = self.seen_as.max(Some(found.own_severity()));
    }

    /// How many of them are there, as far as can be known.
    fn left(&self) -> usize {
        self.seen.max(self.possible)
    }

    /// How a finding of it is worse than it says.
    fn grown(&self, found: &Diagnostic, formerly: &Formerly) -> Option<Grown> {
        let reach = named_as_now(self.record.reach.as_ref().unwrap_or(&found.reach), &formerly.reach);
        let extent = named_as_now(self.record.extent.as_ref().unwrap_or(&found.extent), &formerly.extent);
        Grown::since([&reach, &extent], self.severity, found)
    }

    /// Takes out of it what the findings of it no longer are, and notes what an older file does not say of them.
    fn learn(&mut self) {
        for (known, seen) in [(&mut self.record.reach, &self.reach), (&mut self.record.extent, &self.extent)]
        {
            match known {
                Some(known) => known.retain(|one| seen.contains(one)),
                None => *known = Some(seen.clone()),
            }
        }
        self.severity = self.seen_as.map_or(self.severity, |seen| seen.min(self.severity));
    }

    /// `no-primary-key on table public.todos`
    pub fn in_words(&self) -> String {
        format!("{} on {}", self.record.rule, self.record.object)
    }
}

/// What is known of things by former names, by those of now.
fn named_as_now(known: &BTreeSet<String>, formerly: &[(String, Vec<String>)]) -> BTreeSet<String> {
    let mut known = known.clone();
    for (thing, names) in formerly {
        // What has taken the old name since is something else.
        if let Some(name) = names.iter().find(|name| known.contains(*name) && !known.contains(thing)) {
            known.remove(name);
            known.insert(thing.clone());
        }
    }
    known
}

impl Baseline {
    pub fn parse(text: &str) -> Result<Self, Broken> {
        if let Some((at, line)) = text.lines().enumerate().find(|(_, line)| is_conflict_marker(line)) {
            let message = format!(
                "git left a conflict in it (`{line}`); keep one side whole, as by `git checkout --ours`, and run \
                 `rls-lint baseline --prune`"
            );
            return Err(Broken { line: at + 1, message });
        }
        let file: File = serde_json::from_str(text)
            .map_err(|error| Broken { line: error.line().max(1), message: error.to_string() })?;
        if !(WITHOUT_SEVERITY..=FORMAT).contains(&file.format) {
            let message = format!("format {} is not known: this version writes format {FORMAT}", file.format);
            return Err(Broken { line: 1, message });
        }
        let places = places(text);
        let entries = file.findings.into_iter().filter(|(fingerprint, _)| fingerprint != END);
        let entry = |(fingerprint, mut record): (String, Record)| {
            if file.format > WITHOUT_EXTENT {
                record.reach.get_or_insert_default();
                record.extent.get_or_insert_default();
            }
            let range = places.get(fingerprint.as_str()).cloned().unwrap_or(0..0);
            let unsaid = if file.format == WITHOUT_SEVERITY { Severity::Error } else { usual(&record.rule) };
            let severity = record.severity.unwrap_or(unsaid);
            (fingerprint, Entry::new(record, severity, range))
        };
        Ok(Self { entries: entries.map(entry).collect() })
    }

    /// What makes these findings silent.
    pub fn of(found: &[Diagnostic], former: &Former<'_>) -> Self {
        let mut baseline = Self::default();
        for diagnostic in found.iter().flat_map(Diagnostic::each) {
            let entry = baseline.entries.entry(diagnostic.fingerprint()).or_insert_with(|| {
                let record = Record {
                    rule: diagnostic.rule.to_string(),
                    object: diagnostic.object.to_string(),
                    what: diagnostic.what.clone(),
                    predecessors: former.predecessors(diagnostic),
                    ..Record::default()
                };
                Entry::new(Record { count: 0, ..record }, diagnostic.own_severity(), 0..0)
            });
            entry.record.count += 1;
            entry.severity = entry.severity.max(diagnostic.own_severity());
            entry.record.reach.get_or_insert_default().extend(diagnostic.reach.iter().cloned());
            entry.record.extent.get_or_insert_default().extend(diagnostic.extent.iter().cloned());
        }
        baseline
    }

    /// Takes out the findings that it knows, as many as it knows of. Those that are more severe or let requests do
    /// more than it knows stay, and say so.
    /// It may know a finding under `former` names. What has taken such a name since is not known by it, unless the
    /// entry was written then.
    pub fn silence(&mut self, found: &mut Vec<Diagnostic>, former: &Former<'_>) {
        let mut grown = BTreeMap::new();
        let is_new = |diagnostic: &Diagnostic| {
            let Some(entry) = self.entry(diagnostic, former) else { return true };
            let formerly = former.formerly(diagnostic);
            entry.see(diagnostic, &formerly);
            let worse = entry.grown(diagnostic, &formerly);
            let has_grown = worse.is_some();
            grown.extend(worse.map(|worse| (diagnostic.fingerprint(), worse)));
            has_grown
        };
        // Of several that it knows fewer of, those are new that came last.
        let new = chosen(found, |one| one.span, is_new);
        let mut number = 0..;
        let is_new = |_: &Diagnostic| number.next().is_some_and(|at| new.contains(&at));
        *found = selected(std::mem::take(found), is_new, "are not in the baseline");
        say_what_grew(found, &|one| grown.get(&one.fingerprint()), Earlier::Baseline);
    }

    /// What it has of a finding, if that is not just as many as were seen.
    fn entry(&mut self, one: &Diagnostic, former: &Former<'_>) -> Option<&mut Entry> {
        let entry =
            |fingerprint: &str| self.entries.get(fingerprint).filter(|entry| entry.seen < entry.record.count);
        let own = one.fingerprint();
        let is_own = |entry: &Entry| entry.record.predecessors >= former.predecessors(one);
        let fingerprint = if entry(&own).is_some_and(is_own) {
            Some(own)
        } else {
            let known = former
                .of_finding(one)
                .into_iter()
                .map(|known| (known.finding.fingerprint(), known.predecessors));
            let mut of_it = known.filter(|(fingerprint, nth)| {
                entry(fingerprint).is_some_and(|entry| entry.record.predecessors == *nth)
            });
            of_it.next().map(|(fingerprint, _)| fingerprint)
        };
        self.entries.get_mut(&fingerprint?)
    }

    /// After [`Self::silence`], whether it knows of more than was found.
    pub fn knows_more(&self) -> bool {
        let is_more = |known: &Option<BTreeSet<String>>, seen: &BTreeSet<String>| {
            known.as_ref().is_some_and(|known| !known.is_subset(seen))
        };
        self.entries.values().any(|entry| {
            entry.seen < entry.record.count
                || is_more(&entry.record.reach, &entry.reach)
                || is_more(&entry.record.extent, &entry.extent)
        })
    }

    /// After [`Self::silence`], takes for possible what `other` has seen, the same baseline used on what would be found
    /// if statements that could not be followed did nothing.
    pub fn allow_for(&mut self, other: &Self) {
        for (fingerprint, entry) in &mut self.entries {
            let Some(other) = other.entries.get(fingerprint) else { continue };
            entry.possible = other.seen;
            entry.reach.extend(other.reach.iter().cloned());
            entry.extent.extend(other.extent.iter().cloned());
            entry.seen_as = entry.seen_as.max(other.seen_as);
        }
    }

    /// After [`Self::silence`], the entries of rules that looked which did not occur as often as they
    /// say, in the order of the file.
    pub fn stale(&self, looked: impl Fn(&str) -> bool) -> Vec<&Entry> {
        let is_stale = |entry: &&Entry| entry.left() < entry.record.count && looked(&entry.record.rule);
        let mut stale: Vec<_> = self.entries.values().filter(is_stale).collect();
        stale.sort_by_key(|entry| entry.range.start);
        stale
    }

    /// Takes out what did not occur, of rules that looked; gives how many entries that changed. What the others
    /// no longer let requests do is taken out of them as well, and how severe they no longer are.
    pub fn prune(&mut self, looked: impl Fn(&str) -> bool) -> usize {
        let mut pruned = 0;
        self.entries.retain(|_, entry| {
            if entry.left() < entry.record.count && looked(&entry.record.rule) {
                pruned += 1;
                entry.record.count = entry.left();
            }
            if entry.left() > 0 {
                entry.learn();
            }
            entry.record.count > 0
        });
        pruned
    }

    /// Takes the entries of another for rules that did not look.
    pub fn keep(&mut self, old: Self, looked: impl Fn(&str) -> bool) {
        let kept = old.entries.into_iter().filter(|(_, entry)| !looked(&entry.record.rule));
        self.entries.extend(kept);
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the file.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let says_all = |entry: &Entry| entry.record.reach.is_some() && entry.record.extent.is_some();
        let format = if self.entries.values().all(says_all) { FORMAT } else { WITHOUT_EXTENT };
        writeln!(out, "{{\n  \"format\": {format},\n  \"findings\": {{")?;
        for (fingerprint, Entry { record, severity, .. }) in &self.entries {
            let severity = Some(*severity).filter(|severity| *severity != usual(&record.rule));
            let record = Record { severity, ..record.clone() };
            writeln!(out, "    \"{fingerprint}\": {},", serde_json::to_string(&record)?)?;
        }
        writeln!(out, "    \"{END}\": {{}}\n  }}\n}}")
    }
}

/// How severe a rule's findings are, but for some. Of one that is no more, nothing is found.
fn usual(rule: &str) -> Severity {
    rules::find(rule).map_or(Severity::Error, |rule| rule.severity)
}

/// Whether a line is one that git writes around the sides of a conflict. None starts so in what is written here.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker)) || line == "======="
}

/// The place of each key that a line starts with.
fn places(text: &str) -> IndexMap<&str, Range<usize>> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let at = start;
        start += line.len();
        (at, line)
    });
    lines
        .filter_map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            let key = line[indent..].strip_prefix('"')?.split('"').next()?;
            Some((key, at + indent..at + indent + key.len() + 2))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::config::diagnostic;
    use crate::source::{FileId, Span};

    fn finding(rule: &'static str, what: &str) -> Diagnostic {
        let mut found = diagnostic(Span::new(FileId(0), 0, 1), "a.sql".into(), "x".into(), None);
        found.rule = rule;
        found.what(what);
        found
    }

    /// What silences these findings, of a project where nothing had another name.
    fn baseline_of(found: &[Diagnostic]) -> Baseline {
        Baseline::of(found, &Former::of(&Catalog::default()))
    }

    fn silence(baseline: &mut Baseline, found: &mut Vec<Diagnostic>) {
        baseline.silence(found, &Former::of(&Catalog::default()));
    }

    fn written(baseline: &Baseline) -> String {
        let mut out = Vec::new();
        baseline.write(&mut out).expect("writing to memory works");
        String::from_utf8(out).expect("it is UTF-8")
    }

    #[test]
    fn what_is_written_is_read() {
        let found = [finding("b", "\"quoted\"\n"), finding("a", ""), finding("a", "")];
        let baseline = baseline_of(&found);
        let text = written(&baseline);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert!(lines[3..5].is_sorted() && lines[3..5].iter().all(|line| line.ends_with("},")), "{text}");
        assert!(text.contains(r#""object":"file a.sql","count":2}"#), "{text}");
        let read = Baseline::parse(&text).expect("it is a baseline");
        assert_eq!(written(&read), text);
        assert_eq!(written(&Baseline::default()).lines().count(), 6);
        assert!(Baseline::parse(&written(&Baseline::default())).is_ok_and(|read| read.is_empty()));
    }

    #[test]
    fn as_many_are_silent_as_there_were() {
        let mut baseline = baseline_of(&[finding("a", ""), finding("a", ""), finding("b", "")]);
        let mut found = vec![finding("a", ""), finding("a", ""), finding("a", ""), finding("c", "")];
        silence(&mut baseline, &mut found);
        assert_eq!(found, [finding("a", ""), finding("c", "")]);
        assert_eq!(baseline.stale(|_| true)[0].in_words(), "b on file a.sql");
        assert!(baseline.stale(|rule| rule != "b").is_empty());
        assert_eq!((baseline.prune(|_| true), baseline.len()), (1, 1));
    }

    #[test]
    fn a_habit_is_silent_but_for_what_is_new() {
        let of = |columns: &[&str]| {
            let instances = columns.iter().map(|column| finding("a", column)).collect();
            let mut habit = finding("a", "");
            habit.tell(instances, |_| "");
            vec![habit]
        };
        let baseline = baseline_of(&of(&["a", "b", "c"]));
        let (mut used, mut found) = (baseline.clone(), of(&["a", "c", "d"]));
        silence(&mut used, &mut found);
        assert_eq!(found, [finding("a", "d")], "a new one does not take the place of one that is mended");
        assert_eq!(used.prune(|_| true), 1);
        assert_eq!(used.len(), 2);
        let (mut used, mut found) = (baseline, vec![finding("a", "b")]);
        silence(&mut used, &mut found);
        assert!(found.is_empty(), "what is told by itself is known from the habit");
    }

    #[test]
    fn what_grows_is_not_silent() {
        let reaching = |deeds: &[&str]| {
            let mut found = finding("a", "");
            found.reach(deeds.iter().map(|deed| deed.to_string()));
            vec![found]
        };
        let baseline = baseline_of(&reaching(&["anon delete", "anon select"]));
        let text = written(&baseline);
        assert!(text.contains(r#""reach":["anon delete","anon select"]}"#), "{text}");
        let more = |things: &[&str]| {
            let mut found = reaching(&["anon select"]);
            found[0].extent(things);
            found
        };
        let (mut used, mut found) = (baseline, more(&["plan", "role"]));
        silence(&mut used, &mut found);
        assert_eq!(found[0].message, "x; new since the baseline: plan and role");
        let kept =
            Baseline::parse(&written(&baseline_of(&more(&["plan", "role"])))).expect("it is a baseline");
        for (things, told) in [(&["role"][..], 0), (&["plan", "tier"], 1)] {
            let mut found = more(things);
            silence(&mut kept.clone(), &mut found);
            assert_eq!(found.len(), told, "{found:?}");
        }
        let baseline = Baseline::parse(&text).expect("it is a baseline");
        let (mut used, mut found) = (baseline.clone(), reaching(&["anon select"]));
        silence(&mut used, &mut found);
        assert!(found.is_empty() && used.stale(|_| true).is_empty(), "{found:?}");
        assert_eq!(used.prune(|_| true), 0);
        assert!(written(&used).contains(r#""reach":["anon select"]}"#));
        let (mut used, mut found) = (baseline, reaching(&["anon select", "anon update"]));
        silence(&mut used, &mut found);
        assert_eq!(found[0].message, "x; new since the baseline: anon can change");
        assert!(used.stale(|_| true).is_empty(), "what got worse is not gone");
        let older = text.replace(r#","reach":["anon delete","anon select"]"#, "");
        let older = older.replace("\"format\": 3", "\"format\": 2");
        let mut older = Baseline::parse(&older).expect("it is a baseline");
        let mut found = reaching(&["anon update"]);
        silence(&mut older, &mut found);
        assert!(found.is_empty(), "{found:?}");
        // What it does not say is learned when it is pruned.
        older.prune(|_| true);
        assert!(written(&older).contains(r#""reach":["anon update"]}"#));
    }

    #[test]
    fn what_becomes_more_severe_is_not_silent() {
        // One that is an error but for some, one that is a warning but for some, and one that is no more.
        let at = |severity: [Severity; 3]| {
            let rules = ["definer-view-exposed", "always-true-branch", "gone"].into_iter().zip(severity);
            let of = |(rule, severity)| Diagnostic { severity, ..finding(rule, "") };
            rules.map(of).collect::<Vec<_>>()
        };
        let told = |baseline: &Baseline, severity| {
            let mut found = at(severity);
            silence(&mut baseline.clone(), &mut found);
            found.into_iter().map(|one| (one.rule, one.message)).collect::<Vec<_>>()
        };
        use Severity::{Error, Info, Warning};
        let text = written(&baseline_of(&at([Warning, Warning, Warning])));
        assert_eq!(text.matches("severity").count(), 2, "{text}");
        let baseline = Baseline::parse(&text).expect("it is a baseline");
        assert_eq!(told(&baseline, [Warning, Info, Info]), []);
        let was = "x; it was a warning when the baseline was written".to_string();
        let worse =
            [("definer-view-exposed", was.clone()), ("always-true-branch", was.clone()), ("gone", was)];
        assert_eq!(told(&baseline, [Error, Error, Error]), worse);
        // What the settings say is nobody's change.
        let mut raised = at([Warning, Warning, Warning]);
        raised.iter_mut().for_each(|one| {
            one.by_rule = Some(one.severity);
            one.severity = Error;
        });
        silence(&mut baseline.clone(), &mut raised);
        assert_eq!(raised, []);
        // What has become milder is not taken back without a word.
        let mut pruned = baseline;
        silence(&mut pruned, &mut at([Info, Info, Info]));
        pruned.prune(|_| true);
        let pruned = Baseline::parse(&written(&pruned)).expect("it is a baseline");
        assert_eq!(told(&pruned, [Warning, Info, Info]).len(), 1);
        // Who wrote a file before these were known is told nothing new by a newer program.
        let older = text.replace("\"format\": 3", "\"format\": 1").replace(r#","severity":"warning""#, "");
        let mut older = Baseline::parse(&older).expect("it is a baseline");
        assert_eq!(told(&older, [Error, Error, Error]), []);
        silence(&mut older, &mut at([Error, Error, Error]));
        older.prune(|_| true);
        let renewed = Baseline::parse(&written(&older)).expect("it is a baseline");
        assert_eq!(told(&renewed, [Error, Error, Error]), []);
    }

    #[test]
    fn what_did_not_look_stays() {
        let mut new = baseline_of(&[finding("a", "")]);
        new.keep(baseline_of(&[finding("b", ""), finding("c", "")]), |rule| rule != "b");
        assert_eq!(new.len(), 2);
    }

    #[test]
    fn what_is_no_baseline_has_a_line() {
        assert_eq!(Baseline::parse("{\n\"format\": 1,\n x}").map_err(|broken| broken.line), Err(3));
        let conflict = "{\n<<<<<<< HEAD\n  \"format\": 1,\n=======\n  \"format\": 1,\n>>>>>>> work\n}";
        let broken = Baseline::parse(conflict).expect_err("it is none");
        assert_eq!(broken.line, 2);
        assert!(broken.message.starts_with("git left a conflict in it (`<<<<<<< HEAD`)"), "{broken:?}");
        let other = Baseline::parse("{\"format\": 4, \"findings\": {}}");
        assert!(other.is_err_and(|broken| broken.message.contains("format 4")));
    }
}
