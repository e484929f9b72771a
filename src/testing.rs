//! The test bench of the rules: SQL with carets under what is to be found.
//!
//! ```text
//! create table todos (id bigint);
//! --           ^^^^^ error: table public.todos
//! ```
//!
//! A comment of carets expects a finding that starts and ends there on the line above it, with that
//! severity, whose message contains the text. Each finding must be expected and the other way
//! round. `-- file: NAME` starts another file, `-- file: seed.sql` the seed, and a name with a folder a
//! script. A first line `-- explicit` takes the platform without default grants; `-- exposed: a, b` names
//! the schemas of the Data API; `-- anonymous sign-ins` enables them.

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::index::Index;
use crate::catalog::name::QName;
use crate::catalog::platform::Exposure;
use crate::catalog::table::{Column, ConstraintKind, Table};
use crate::diagnostic::Diagnostic;
use crate::map::IndexMap;
use crate::rule::{CatalogCx, Check, Condition, Findings, MigrationCx, ParsedOptions, Rule};
use crate::rules::dumped;
use crate::source::{FileId, FileRole, SourceFile, Sources};
use crate::sql::Migration;
use crate::workload::Workload;

/// A file with the edits that a rule offers for it.
pub(crate) fn mended(rule: &'static Rule, text: &str) -> String {
    let found = Bench::new(text).run(rule, &rule.options.defaults());
    let mut edits: Vec<_> = found.iter().flat_map(|diagnostic| &diagnostic.edits).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    let mut mended = text.to_string();
    edits.into_iter().for_each(|edit| mended.replace_range(edit.span.range(), &edit.text));
    mended
}

/// A small project in memory.
pub(crate) struct Bench {
    pub(crate) sources: Sources,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) catalog: Catalog,
}

impl Bench {
    /// Parses and replays a text of one or more files.
    pub(crate) fn new(text: &str) -> Self {
        Self::until(text, usize::MAX)
    }

    /// The same, of the first statements of the migrations.
    fn until(text: &str, mut statements: usize) -> Self {
        let exposure =
            if text.trim_start().starts_with("-- explicit") { Exposure::Explicit } else { Exposure::Exposed };
        let mut catalog = Catalog::supabase(exposure);
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("-- exposed: ")) {
            catalog.api.schemas = line.split(',').map(|name| name.trim().into()).collect();
        }
        catalog.api.anonymous_sign_ins = text.lines().any(|line| line == "-- anonymous sign-ins");
        catalog.api.confirmed_addresses =
            text.lines().any(|line| line == "-- unconfirmed addresses").then_some(false);
        let mut sources = Sources::default();
        let mut migrations = Vec::new();
        for (name, part) in files(text) {
            let role = match name {
                name if name.ends_with("seed.sql") => FileRole::Seed,
                name if name.starts_with("tests/") => FileRole::Test,
                name if name.contains('/') => FileRole::Script,
                _ => FileRole::Migration,
            };
            let id = sources.add(SourceFile::new(name.to_string(), role, part.as_bytes().to_vec()));
            let mut migration = crate::sql::parse(id, sources.get(id));
            if role == FileRole::Migration {
                migration.statements.truncate(statements);
                statements -= migration.statements.len();
                catalog.apply_file(&migration.statements);
            }
            migrations.push(migration);
        }
        Self { sources, migrations, catalog }
    }

    /// A table or view as lines: columns, constraints, indexes that serve none, policies, switches.
    pub(crate) fn shape(&self, name: &str) -> Vec<String> {
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        let name = QName::new(schema, name);
        let catalog = &self.catalog;
        if let Some(view) = catalog.view(&name) {
            let mut lines: Vec<_> = view.columns.iter().map(|column| self.column(column)).collect();
            lines.extend(view.indexes.values().map(|index| index_line(index, &view.columns)));
            return lines;
        }
        let Some(table) = catalog.table(&name) else { return vec!["missing".to_string()] };
        let mut lines: Vec<_> = table.columns.iter().map(|column| self.column(column)).collect();
        let names = |attnums: &[i16]| joined(table, attnums);
        for constraint in table.constraints.values() {
            let what = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } => format!("primary key ({})", names(columns)),
                ConstraintKind::Unique { columns } => format!("unique ({})", names(columns)),
                ConstraintKind::Check { columns, .. } => format!("check ({})", names(columns)),
                ConstraintKind::Exclude { columns } => format!("exclude ({})", names(columns)),
                ConstraintKind::ForeignKey(key) => {
                    let to = catalog.tables.get(&key.references).expect("a key references a table");
                    let there = joined(to, &key.referenced_columns);
                    format!("foreign key ({}) to {} ({there})", names(&key.columns), to.name.name)
                }
            };
            let inherited = if constraint.inherited { " inherited" } else { "" };
            let valid = if constraint.validated.value { "" } else { " not valid" };
            lines.push(format!("{} {what}{inherited}{valid}", constraint.name));
        }
        let own = table.indexes.values().filter(|index| index.constraint.is_none());
        lines.extend(own.map(|index| index_line(index, &table.columns)));
        for policy in table.policies.values() {
            let kind = if policy.permissive { "" } else { " restrictive" };
            let name = |role: &Grantee| match role {
                Grantee::Public => "public".to_string(),
                Grantee::Role(role) => role.to_string(),
            };
            let roles: Vec<_> = policy.roles.value.iter().map(name).collect();
            lines.push(format!(
                "policy {}{kind} {:?} to {}{}{}",
                policy.name,
                policy.command.value,
                roles.join(", "),
                if policy.using.is_some() { " using" } else { "" },
                if policy.with_check.is_some() { " check" } else { "" },
            ));
        }
        if table.rls.value {
            lines.push("rls".to_string());
        }
        if table.forced_rls.value {
            lines.push("forced rls".to_string());
        }
        lines
    }

    fn column(&self, column: &Column) -> String {
        let mut line =
            format!("{} {} {}", column.attnum, column.name, column.data_type.value.display(&self.catalog));
        let flags = [
            (column.not_null.value, " not null"),
            (column.default.is_some(), " default"),
            (column.generated.is_some(), " generated"),
            (column.identity.is_some(), " identity"),
            (column.inherited, " inherited"),
        ];
        flags.iter().filter(|(on, _)| *on).for_each(|(_, word)| line += word);
        line
    }

    /// Why statements could not be followed.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let failures = self.catalog.failures.iter();
        let failures = failures.map(|failure| (failure.statement, failure.misfit.to_string()));
        let gaps = self.catalog.gaps.iter().map(|gap| (gap.span, gap.reason.clone()));
        let mut all: Vec<_> = failures.chain(gaps).collect();
        all.sort();
        all.into_iter().map(|(_, reason)| reason).collect()
    }

    /// What one rule finds, in the order of places.
    pub(crate) fn run(&self, rule: &'static Rule, options: &ParsedOptions) -> Vec<Diagnostic> {
        let mut findings = Findings::new(rule);
        match rule.check {
            Check::Catalog(check) => {
                let workload = Workload::of(&self.catalog);
                let rights = Rights::new(&self.catalog, &workload);
                let conditions = Condition::all(&self.catalog);
                let files: Vec<_> = self.migrations.iter().collect();
                let cx = CatalogCx::new(
                    &self.catalog,
                    &self.sources,
                    &workload,
                    &rights,
                    &conditions,
                    &files,
                    options,
                );
                check(&cx, &mut findings);
                dumped::qualify(&self.catalog, &mut findings.list);
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

fn joined(table: &Table, attnums: &[i16]) -> String {
    let names: Vec<_> = table.column_names(attnums).iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn index_line(index: &Index, columns: &[Column]) -> String {
    let name = |attnum: i16| {
        let column = columns.iter().find(|column| column.attnum == attnum);
        column.map_or("?", |column| column.name.as_str()).to_string()
    };
    let keys: Vec<_> = index.keys.iter().map(|key| key.attnum().map_or("…".to_string(), name)).collect();
    let mut line = format!("index {} {} ({})", index.name, index.method, keys.join(", "));
    if !index.include.is_empty() {
        let include: Vec<_> = index.include.iter().map(|attnum| name(*attnum)).collect();
        line += &format!(" include ({})", include.join(", "));
    }
    let flags = [
        (index.unique, " unique"),
        (index.predicate.is_some(), " where"),
        (index.parent.is_some(), " attached"),
        (!index.valid, " invalid"),
    ];
    flags.iter().filter(|(on, _)| *on).for_each(|(_, word)| line += word);
    line
}

/// Replays each text and compares the shape of the table that is named.
pub(crate) fn check_shapes(cases: &[(&str, &str, &[&str])]) {
    for (text, table, expected) in cases {
        let bench = Bench::new(text);
        assert_eq!(bench.reasons(), [""; 0], "{text}");
        assert_eq!(bench.shape(table), *expected, "{table} of {text}");
    }
}

/// Replays each text, whose last statement is to be refused for this reason, and changes nothing.
pub(crate) fn check_refused(before: &str, cases: &[(&str, &str)]) {
    for (text, reason) in cases {
        let bench = Bench::new(&format!("{before} {text}"));
        assert_eq!(bench.reasons(), [*reason], "{text}");
        let untouched = Bench::new(before);
        for table in untouched.catalog.own_tables() {
            let name = table.name.to_string();
            assert_eq!(bench.shape(&name), untouched.shape(&name), "{text}");
        }
    }
}

/// Replays each text, whose last statement is noted as refused for this reason, and applied as if it
/// were mended; without a reason it is to be taken.
pub(crate) fn check_noted(before: &str, cases: &[(&str, Option<&str>)]) {
    for (text, reason) in cases {
        let bench = Bench::new(&format!("{before} {text}"));
        let reasons: Vec<String> =
            bench.catalog.failures.iter().map(|failure| failure.misfit.to_string()).collect();
        assert_eq!(reasons.first().map(String::as_str), *reason, "{text}");
        assert!(reasons.len() < 2, "{text}: {reasons:?}");
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

/// The same, on policies of a table `public.a` with these columns and row level security.
pub(crate) fn check_policies(rule: &'static Rule, columns: &str, policies: &str) {
    let table = format!("create table public.a ({columns}); alter table public.a enable row level security;");
    check(rule, &format!("{table}\n{policies}"));
}

/// Runs a rule with options given as YAML.
pub(crate) fn check_options(rule: &'static Rule, yaml: &str, text: &str) {
    let value: serde_yaml::Value = serde_yaml::from_str(yaml).expect("the options are YAML");
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
                check_growth(rule, options, text);
            })
            .expect("a thread starts")
            .join()
    });
    if let Err(panic) = on_big_stack {
        std::panic::resume_unwind(panic);
    }
}

/// Rules whose words may change while what they find is no worse. Who needs an index that is missing makes it no
/// more missing, what serves in its place may be any of several, and of files that fail only the others are told.
const SAID_ANEW: &[&str] = &["unindexed-filter-column", "unindexed-foreign-key", "unknown-object"];

/// Replays the statements one after the other: a finding that says something else than before reaches something
/// else, tells of something else, or is more or less severe. By nothing else do comparisons and baselines see that
/// it has grown.
fn check_growth(rule: &'static Rule, options: &ParsedOptions, text: &str) {
    if SAID_ANEW.contains(&rule.id) {
        return;
    }
    let whole = Bench::new(text);
    let is_migration = |file: &&Migration| whole.sources.get(file.file).role == FileRole::Migration;
    let statements = whole.migrations.iter().filter(is_migration).map(|file| file.statements.len()).sum();
    let mut before: IndexMap<String, Vec<Diagnostic>> = IndexMap::default();
    for count in 1..=statements {
        let mut found: IndexMap<String, Vec<Diagnostic>> = IndexMap::default();
        for one in Bench::until(text, count).run(rule, options).into_iter().flat_map(Diagnostic::into_each) {
            found.entry(one.fingerprint()).or_default().push(one);
        }
        for (fingerprint, now) in &found {
            let Some([was]) = before.get(fingerprint).map(Vec::as_slice) else { continue };
            let [now] = now.as_slice() else { continue };
            let counts = |one: &Diagnostic| (one.reach.clone(), one.extent.clone(), one.severity);
            assert!(
                was.message == now.message || counts(was) != counts(now),
                "after statement {count} it says something else, of which neither reach nor extent tell:\n{}\n{}",
                was.message,
                now.message
            );
        }
        before = found;
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
fn fences(rule: &Rule, kind: &str) -> Vec<String> {
    let open = format!("```sql,{kind}");
    let docs = rule.docs();
    docs.split(&open).skip(1).filter_map(|part| part.split("```").next()).map(str::to_string).collect()
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
                assert!(!run(&text).is_empty(), "{} is silent on its bad example:\n{text}", rule.id);
            }
            for text in good {
                assert_eq!(run(&text), [], "{} fires on its good example:\n{text}", rule.id);
            }
        }
    }
}
