//! Findings that no rule looks for: they come from reading files and replaying statements.

use rustc_hash::FxHashSet;

use crate::catalog::gap::{Cause, Gap};
use crate::diagnostic::{Diagnostic, Identity};
use crate::map::IndexMap;
use crate::project::Project;
use crate::project::migrations::SkipReason;
use crate::rule::Findings;
use crate::rules;
use crate::source::{ByteFlaw, FileId, FileRole, FlawKind, Sources, Span};
use crate::sql::{Migration, SkippedKind, SyntaxError};
use crate::workspace::Replayed;
use crate::workspace::replay::{is_applied, is_description};

pub(super) fn findings(replayed: &Replayed, sources: &Sources) -> Vec<Diagnostic> {
    let mut engine = Engine::new(sources);
    let mut misnamed = Vec::new();
    for (at, migration) in &replayed.migrations {
        match replayed.project.files[*at].skipped {
            Some(SkipReason::Name) => {
                misnamed.push(migration.file);
                if is_applied(sources.get(migration.file).role) {
                    engine.file(migration);
                }
            }
            Some(SkipReason::OldInit) => engine.old_init(migration.file),
            // Nobody says that PostgreSQL gets to see it.
            None if matches!(sources.get(migration.file).role, FileRole::Script | FileRole::Test) => {}
            None => engine.file(migration),
        }
    }
    engine.misnamed(&misnamed);
    for (earlier, later) in &replayed.project.duplicates {
        engine.duplicate(file_of(replayed, *earlier), file_of(replayed, *later));
    }
    engine.fold_duplicates();
    if let Some(file) = replayed.config_file {
        engine.unmatched(&replayed.project, file);
    }
    engine.gaps(&replayed.catalog.gaps);
    let Engine { skipped, order, syntax, form, unknown, .. } = engine;
    [skipped, order, syntax, form, unknown].into_iter().flat_map(|findings| findings.list).collect()
}

fn file_of(replayed: &Replayed, at: usize) -> Option<FileId> {
    replayed.migrations.iter().find(|(file, _)| *file == at).map(|(_, migration)| migration.file)
}

struct Engine<'a> {
    sources: &'a Sources,
    skipped: Findings,
    order: Findings,
    syntax: Findings,
    form: Findings,
    unknown: Findings,
}

/// More files than these that are not run for their names are told as one.
const MOST_MISNAMED: usize = 3;

/// More files than these with the version of another one are told as one.
const MOST_DUPLICATES: usize = 3;

/// More broken statements of a file than these are told as one.
const MOST_BROKEN: usize = 3;

const NOT_RUN: &str = "none of this is run";

/// What is wrong with a statement that looks like one about policies, and the right form.
fn policy_form(statement: &str) -> Option<(&'static str, &'static str)> {
    let words: Vec<String> = statement.split_whitespace().take(12).map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(|word| word.trim_end_matches(';')).collect();
    match words.as_slice() {
        ["create", "policy", "if", "not", "exists", ..] => Some((
            "`create policy` has no `if not exists`",
            "write `drop policy if exists … on …;` before `create policy`",
        )),
        ["create", "or", "replace", "policy", ..] => Some((
            "`create policy` has no `or replace`",
            "write `drop policy if exists … on …;` before `create policy`, or change it with `alter policy`",
        )),
        ["alter", "table", rest @ ..]
            if rest.windows(2).any(|pair| matches!(pair, ["enable" | "disable" | "force", "rls"])) =>
        {
            Some(("`rls` is not a word of SQL", "write it out: `enable row level security`"))
        }
        _ => None,
    }
}

/// What to write in place of a common mistake; the statement is read until `at`.
fn mistake(statement: &str, at: usize) -> Option<&'static str> {
    let words: Vec<String> = statement.split_whitespace().take(16).map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let read = statement.get(..at).unwrap_or_default().trim_end();
    match words.as_slice() {
        ["create", "trigger", "if", "not", ..] => {
            Some("`create trigger` has no `if not exists`: write `create or replace trigger`")
        }
        ["create", "type", "if", "not", ..] => Some(
            "`create type` has no `if not exists`: catch duplicate_object in a `do` block, or leave it out",
        ),
        ["alter", "table", rest @ ..]
            if rest.windows(4).any(|four| matches!(four, ["add", "constraint", "if", "not"])) =>
        {
            Some(
                "`add constraint` has no `if not exists`: write `alter table … drop constraint if exists …;` \
                 before it",
            )
        }
        ["raise", ..] => {
            Some("`raise` is PL/pgSQL: leave it out, or write it in a block, `do $$ begin … end $$;`")
        }
        _ if read.ends_with("$$") && read.matches("$$").count().is_multiple_of(2) => Some(
            "the `$$` before this ends what the `$$` above began: give the outer pair a tag, such as $do$",
        ),
        _ => None,
    }
}

impl<'a> Engine<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            skipped: Findings::new(rules::named("ad-hoc-ddl")),
            order: Findings::new(rules::named("migration-order")),
            syntax: Findings::new(rules::named("syntax-error")),
            form: Findings::new(rules::named("unsupported-policy-syntax")),
            unknown: Findings::new(rules::named("not-analysed")),
        }
    }

    /// Whether so many bytes cannot be read that what is made of the others means nothing.
    fn is_no_text(&self, file: FileId) -> bool {
        let file = self.sources.get(file);
        let unreadable: u32 = file.flaws.iter().map(|flaw| flaw.end - flaw.start).sum();
        unreadable as usize > file.text.len() / 8 && unreadable > 8
    }

    /// Reports migrations that are not run for their names: many are a habit, and told as one.
    fn misnamed(&mut self, files: &[FileId]) {
        const HELP: &str = "rename it, or move it out of the migrations folder";
        let before = self.skipped.list.len();
        for file in files {
            let name = self.name(*file);
            let message =
                format!("the Supabase CLI does not run {name}: its name is not <digits>_<name>.sql");
            self.skip(*file, message, HELP);
        }
        if files.len() <= MOST_MISNAMED {
            return;
        }
        let message = format!(
            "the Supabase CLI does not run {} of the migrations, {} the first of them: their names are not \
             <digits>_<name>.sql",
            files.len(),
            self.name(files[0])
        );
        if let Some(habit) = self.skipped.fold(before, "migrations", message, |_| "nor this one") {
            habit.help("rename them, or move them out of the migrations folder");
        }
    }

    fn old_init(&mut self, file: FileId) {
        let name = self.name(file);
        let message =
            format!("the Supabase CLI does not run {name}: it takes it for a schema dump of an old release");
        self.skip(file, message, "give it a name other than init to have it run");
    }

    fn skip(&mut self, file: FileId, message: String, help: &str) {
        let (span, object) = (self.first_line(file), self.object(file));
        self.skipped.report(span, object, message).note(NOT_RUN).help(help);
    }

    fn duplicate(&mut self, earlier: Option<FileId>, later: Option<FileId>) {
        let (Some(earlier), Some(later)) = (earlier, later) else { return };
        let (first, second) = (self.name(earlier).to_string(), self.name(later).to_string());
        let version = second.split('_').next().unwrap_or_default().to_string();
        let message = format!(
            "{second} has the version {version} of {first}: it cannot be recorded beside it, and fails"
        );
        let (span, object) = (self.first_line(later), self.object(later));
        let label = self.first_line(earlier);
        self.order
            .report(span, object, message)
            .note(format!("version {version} for the second time"))
            .label(label, format!("version {version} for the first time"))
            .help("give it a version of its own; `supabase migration new` makes one")
            .what(version);
    }

    /// Tells as one what a project does with many of its versions, such as `20250101_001_…`.
    fn fold_duplicates(&mut self) {
        let count = self.order.list.len();
        if count > MOST_DUPLICATES {
            let message = format!(
                "{count} migrations have the version of another one: they cannot be recorded beside it, and fail"
            );
            if let Some(habit) = self.order.fold(0, "versions", message, |_| "so has this one") {
                habit
                    .help("give each a version of its own: the digits in front of the first _ are all of it");
            }
        }
    }

    fn file(&mut self, migration: &Migration) {
        let object = self.object(migration.file);
        if self.is_no_text(migration.file) {
            let message = "this is no text: PostgreSQL refuses the file".to_string();
            self.syntax
                .report(self.first_line(migration.file), object, message)
                .note("no SQL")
                .help("if it was written in another encoding, such as UTF-16, save it as UTF-8");
            return;
        }
        // It says itself that it is no SQL to run.
        if is_description(&self.sources.get(migration.file).text) {
            return;
        }
        let role = self.sources.get(migration.file).role;
        let lost = match role {
            FileRole::Seed => "the seed stops here",
            _ => "the migration fails here, and the statement is left out of the analysis",
        };
        let flaws = &self.sources.get(migration.file).flaws;
        self.bytes(flaws, &migration.errors, &object);
        // What stands in place of such bytes is for no parser.
        let is_told = |error: &&SyntaxError| !is_of_bytes(error) && !self.sources.is_of_flaw(error.span);
        let (before, forms_before) = (self.syntax.list.len(), self.form.list.len());
        for error in migration.errors.iter().filter(is_told) {
            if let Some((what, help)) = policy_form(self.sources.text(error.statement)) {
                self.form
                    .report(error.span, object.clone(), format!("{what}: {lost}"))
                    .note("PostgreSQL has no such form")
                    .label(error.statement, "this statement is not analysed")
                    .help(help)
                    .what(self.sources.text(error.statement).chars().take(200).collect::<String>());
                continue;
            }
            let message = format!("{}: {lost}", shortened(&error.message));
            let statement = self.sources.text(error.statement);
            let finding = self
                .syntax
                .report(error.span, object.clone(), message)
                .note("not expected here")
                .label(error.statement, "this statement is not analysed")
                .what(statement.chars().take(200).collect::<String>());
            let read = error.span.start.checked_sub(error.statement.start);
            finding.help = mistake(statement, read.unwrap_or_default() as usize).map(str::to_string);
        }
        let objects = format!("statements of {}", self.name(migration.file));
        fold_broken(&mut self.syntax, before, &objects);
        fold_broken(&mut self.form, forms_before, &objects);
        for skipped in &migration.skipped {
            let (message, note) = match skipped.kind {
                SkippedKind::MetaCommand => ("psql commands, which the Supabase CLI cannot run", "no SQL"),
                SkippedKind::CopyData => ("rows for COPY, which only psql can read", "no SQL"),
                SkippedKind::Rest => {
                    ("the rest of the file, after too many broken statements", "from here on")
                }
            };
            self.unknown(skipped.span, message, note);
        }
    }

    /// Reports bytes that are no text: once for each statement or line that holds some.
    fn bytes(&mut self, flaws: &[ByteFlaw], errors: &[SyntaxError], object: &Identity) {
        let broken = errors.iter().filter(|error| !is_of_bytes(error));
        let lost: FxHashSet<Span> = broken.map(|error| error.statement).collect();
        let mut last = None;
        for flaw in flaws {
            // Errors are sorted by place.
            let Ok(at) = errors.binary_search_by_key(&flaw.start, |error| error.span.start) else { continue };
            let error = &errors[at];
            let line = self.sources.get(error.span.file).position(flaw.start).line;
            let holder =
                if error.statement == error.span { (line, None) } else { (0, Some(error.statement)) };
            if last.replace(holder) == Some(holder) {
                continue;
            }
            let what = match flaw.kind {
                FlawKind::InvalidUtf8 => "this byte is no UTF-8",
                FlawKind::Nul => "a NUL byte",
            };
            let read = if lost.contains(&error.statement) { "not" } else { "still" };
            self.syntax
                .report(error.span, object.clone(), format!("{what}: PostgreSQL refuses the file as it is"))
                .note("no text")
                .label(error.statement, format!("in this statement, which is {read} analysed"))
                .help("save the file as UTF-8")
                .what(format!("{what} in line {line}"));
        }
    }

    /// Reports the gaps of one cause together, where the first of them is.
    fn gaps(&mut self, gaps: &[Gap]) {
        let mut causes: IndexMap<(&Cause, &str), Vec<&Gap>> = IndexMap::default();
        for gap in gaps {
            let same = causes.entry((&gap.cause, &gap.reason)).or_default();
            if same.iter().all(|known| known.span != gap.span) {
                same.push(gap);
            }
        }
        for ((_, reason), same) in causes {
            let Some((first, others)) = same.split_first() else { continue };
            let more = match others.len() {
                0 => String::new(),
                1 => " (and for 1 more statement)".to_string(),
                count => format!(" (and for {count} more statements)"),
            };
            let object = self.object(first.span.file);
            let finding = self
                .unknown
                .report(first.span, object, format!("not analysed: {reason}{more}"))
                .note("what this does is not in the catalog")
                .what(reason);
            finding.label_each(others.iter().map(|gap| (gap.span, "nor what this does")));
            if let Some(help) = first.help {
                finding.help(help);
            }
        }
    }

    /// Reports the paths of `config.toml` that lead nowhere.
    fn unmatched(&mut self, project: &Project, config_file: FileId) {
        for (key, pattern) in &project.unmatched {
            let Some(range) = &pattern.range else { continue };
            let span = Span::new(config_file, range.start, range.end);
            let reason = format!("no file matches `{}` of {key}", pattern.text);
            let object = self.object(config_file);
            self.unknown
                .report(span, object, format!("not analysed: {reason}"))
                .note("matches no file")
                .help("write paths as they are seen from the folder of config.toml")
                .what(reason);
        }
    }

    fn unknown(&mut self, span: Span, reason: &str, note: &str) {
        let object = self.object(span.file);
        self.unknown.report(span, object, format!("not analysed: {reason}")).note(note).what(reason);
    }

    fn first_line(&self, file: FileId) -> Span {
        first_line(file, self.sources)
    }

    fn name(&self, file: FileId) -> &str {
        let path = &self.sources.get(file).path;
        path.rsplit('/').next().unwrap_or(path)
    }

    fn object(&self, file: FileId) -> Identity {
        Identity::plain("file", self.name(file))
    }
}

/// Tells as one what is broken in a file, if that is much: it stops at the first.
fn fold_broken(findings: &mut Findings, before: usize, objects: &str) {
    let [first, others @ ..] = &findings.list[before..] else { return };
    if others.len() < MOST_BROKEN {
        return;
    }
    let message = format!("{}; {} more statements of the file are broken", first.message, others.len());
    findings.fold(before, objects, message, |_| "nor this");
}

/// Whether it is told with the bytes that a server refuses.
fn is_of_bytes(error: &SyntaxError) -> bool {
    error.message.starts_with("invalid byte sequence")
}

/// The first line that says something: what a finding about a whole file points at.
pub(super) fn first_line(file: FileId, sources: &Sources) -> Span {
    let text = &sources.get(file).text;
    let start = text.len() - text.trim_start().len();
    let start = if start == text.len() { 0 } else { start };
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    Span::new(file, start, end)
}

/// The server's words, without the rest of the file that it quotes after an open quote.
fn shortened(message: &str) -> String {
    match message.split_once('\n') {
        Some((line, _)) => format!("{} …\"", line.trim_end()),
        None => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn unknown(text: &str) -> Vec<Diagnostic> {
        let bench = Bench::new(text);
        let mut engine = Engine::new(&bench.sources);
        engine.gaps(&bench.catalog.gaps);
        engine.unknown.list
    }

    #[test]
    fn a_condition_is_told_once() {
        let found = unknown(
            "create table a (id int);
             do $$ begin if exists (select 1 from a) then
               alter table a add column b int; create index on a (id);
             end if; end $$;",
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].message.ends_with("(and for 1 more statement)"));
    }
}
