//! The test bench of the rules: SQL with carets under what is to be found.
//!
//! ```text
//! create table todos (id bigint);
//! --           ^^^^^ error: table public.todos
//! ```
//!
//! A comment of carets expects a finding that starts and ends there on the line above it, with that
//! severity, whose message contains the text. Each finding must be expected and the other way
//! round. `-- file: NAME` starts another file, `-- file: seed.sql` the seed. A first line `-- explicit` takes the platform
//! without default grants; `-- exposed: a, b` names the schemas of the Data API.

use crate::catalog::Catalog;
use crate::catalog::platform::Exposure;
use crate::diagnostic::Diagnostic;
use crate::rule::{CatalogCx, Check, Findings, MigrationCx, ParsedOptions, Rule};
use crate::source::{FileId, FileRole, SourceFile, Sources};
use crate::sql::Migration;
use crate::workload::Workload;

/// A small project in memory.
pub(crate) struct Bench {
    pub(crate) sources: Sources,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) catalog: Catalog,
}

impl Bench {
    /// Parses and replays a text of one or more files.
    pub(crate) fn new(text: &str) -> Self {
        let exposure =
            if text.trim_start().starts_with("-- explicit") { Exposure::Explicit } else { Exposure::Exposed };
        let mut catalog = Catalog::supabase(exposure);
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("-- exposed: ")) {
            catalog.api.schemas = line.split(',').map(|name| name.trim().into()).collect();
        }
        let mut sources = Sources::default();
        let mut migrations = Vec::new();
        for (name, part) in files(text) {
            let role = if name == "seed.sql" { FileRole::Seed } else { FileRole::Migration };
            let id = sources.add(SourceFile::new(name.to_string(), role, part.as_bytes().to_vec()));
            let migration = crate::sql::parse(id, sources.get(id));
            catalog.begin_file();
            if role == FileRole::Migration {
                migration.statements.iter().for_each(|statement| catalog.apply(statement));
            }
            migrations.push(migration);
        }
        Self { sources, migrations, catalog }
    }

    /// What one rule finds, in the order of places.
    pub(crate) fn run(&self, rule: &'static Rule, options: &ParsedOptions) -> Vec<Diagnostic> {
        let mut findings = Findings::new(rule);
        match rule.check {
            Check::Catalog(check) => {
                let workload = Workload::of(&self.catalog);
                let files: Vec<_> = self.migrations.iter().collect();
                check(
                    &CatalogCx::new(&self.catalog, &self.sources, &workload, &files, options),
                    &mut findings,
                );
            }
            Check::Migration(check) => {
                for migration in &self.migrations {
                    check(&MigrationCx::new(migration, &self.sources, options), &mut findings);
                }
            }
            Check::Engine => {}
        }
        findings.list.sort_by_key(|diagnostic| diagnostic.span);
        findings.list
    }
}

fn files(text: &str) -> Vec<(&str, &str)> {
    let mut list = Vec::new();
    let mut rest = text;
    let mut name = "1_test.sql";
    while let Some(at) = rest.find("-- file: ") {
        let (before, from) = rest.split_at(at);
        if !before.trim().is_empty() {
            list.push((name, before));
        }
        let (line, after) = from.split_once('\n').unwrap_or((from, ""));
        name = line["-- file: ".len()..].trim();
        rest = after;
    }
    list.push((name, rest));
    list
}

/// Runs a rule with its default options and compares with the carets.
pub(crate) fn check(rule: &'static Rule, text: &str) {
    check_with(rule, &rule.options.defaults(), text);
}

/// Runs a rule with options given as YAML.
pub(crate) fn check_options(rule: &'static Rule, yaml: &str, text: &str) {
    let value = serde_yaml::from_str(yaml).expect("the options are YAML");
    let options = rule.options.parse(value).expect("the options fit the rule");
    check_with(rule, &options, text);
}

fn check_with(rule: &'static Rule, options: &ParsedOptions, text: &str) {
    let on_big_stack = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn_scoped(scope, || {
                let bench = Bench::new(text);
                for migration in &bench.migrations {
                    assert!(migration.errors.is_empty(), "the test's SQL is broken: {:?}", migration.errors);
                }
                compare(&bench, &bench.run(rule, options));
            })
            .expect("a thread starts")
            .join()
    });
    if let Err(panic) = on_big_stack {
        std::panic::resume_unwind(panic);
    }
}

fn compare(bench: &Bench, found: &[Diagnostic]) {
    let mut expected = Vec::new();
    for (id, file) in bench.sources.iter() {
        expected.extend(carets(id, &file.text));
    }
    let mut left = expected;
    for diagnostic in found {
        let file = bench.sources.get(diagnostic.span.file);
        let line_end = file.text[diagnostic.span.start as usize..]
            .find('\n')
            .map_or(file.text.len(), |at| diagnostic.span.start as usize + at);
        let end = (diagnostic.span.end as usize).min(line_end);
        let fits = |expectation: &Expectation| {
            expectation.file == diagnostic.span.file
                && expectation.start == diagnostic.span.start as usize
                && expectation.end == end
                && expectation
                    .text
                    .strip_prefix(&format!("{}: ", diagnostic.severity))
                    .is_some_and(|text| diagnostic.message.contains(text.trim()))
        };
        match left.iter().position(fits) {
            Some(at) => drop(left.remove(at)),
            None => panic!(
                "nobody expected at {} {:?}:\n{}: {}",
                file.position(diagnostic.span.start),
                &file.text[diagnostic.span.range()],
                diagnostic.severity,
                diagnostic.message
            ),
        }
    }
    assert!(left.is_empty(), "not found: {left:#?}\nfound: {found:#?}");
}

#[derive(Debug)]
struct Expectation {
    file: FileId,
    start: usize,
    end: usize,
    text: String,
}

fn carets(file: FileId, text: &str) -> Vec<Expectation> {
    let mut list = Vec::new();
    let (mut above, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let marks = line.trim_start().strip_prefix("--").filter(|rest| rest.trim_start().starts_with('^'));
        match marks {
            Some(_) => {
                let from = line.find('^').expect("a caret was seen");
                let length = line[from..].bytes().take_while(|byte| *byte == b'^').count();
                list.push(Expectation {
                    file,
                    start: above + from,
                    end: above + from + length,
                    text: line[from + length..].trim().to_string(),
                });
            }
            None => above = at,
        }
        at += line.len();
    }
    list
}

/// The fences of a kind in a rule's documentation.
fn fences<'a>(rule: &'a Rule, kind: &str) -> Vec<&'a str> {
    let open = format!("```sql,{kind}");
    rule.docs.split(&open).skip(1).filter_map(|part| part.split("```").next()).collect()
}

mod tests {
    use super::*;

    /// Each rule's examples: the bad ones fire, the good ones are silent. What another part of the
    /// program finds is tested there.
    #[test]
    fn examples_do_what_they_say() {
        for rule in crate::rules::ALL.iter().copied() {
            let (bad, good) = (fences(rule, "bad"), fences(rule, "good"));
            assert!(!bad.is_empty() && !good.is_empty(), "{} lacks a bad or a good example", rule.id);
            if matches!(rule.check, Check::Engine) {
                continue;
            }
            let run = |text: &str| Bench::new(text).run(rule, &rule.options.defaults());
            for text in bad {
                assert!(!run(text).is_empty(), "{} is silent on its bad example:\n{text}", rule.id);
            }
            for text in good {
                assert_eq!(run(text), [], "{} fires on its good example:\n{text}", rule.id);
            }
        }
    }
}
