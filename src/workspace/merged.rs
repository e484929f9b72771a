//! What must not happen to migrations once they are merged: databases that ran them keep what they
//! were.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::map::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::project::migrations;
use crate::rule::Findings;
use crate::rules;
use crate::source::{FileId, FileRole, Sources, Span};
use crate::sql::Migration;
use crate::sql::token::{Lexer, Token, TokenKind};
use crate::workspace::way::Passed;
use crate::workspace::{Replayed, Workspace, boundary, engine};

/// A project's files, and which of them the base does not have as they are.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) new: FxHashSet<FileId>,
    /// The files of both, in order.
    pub(super) way: Vec<Passed>,
    /// What of the base the head does not have as it was, and the copies of these in the sources of the head.
    pub(super) copies: FxHashMap<FileId, FileId>,
    /// The merged migrations that are no longer what databases ran, with their names.
    pub(super) rewritten: FxHashMap<FileId, String>,
    pub(super) findings: Vec<Diagnostic>,
}

/// A migration: its name, its version, and its text.
struct File<'a> {
    id: FileId,
    name: &'a str,
    version: &'a str,
    text: &'a str,
}

impl Workspace {
    /// Compares the files of a project with those of the base. Without `merged` nothing is said about
    /// merged migrations.
    pub(super) fn compare_files(
        &mut self,
        at: usize,
        base: &Self,
        merged: Option<&boundary::Merged>,
    ) -> Merged {
        let before = &base.projects[at];
        let mut found = self.projects[at].new_files(&self.sources, before, &base.sources);
        found.copies = self.copy_lost(&found.way, base);
        let Some(merged) = merged else { return found };
        let after = &self.projects[at];
        let (mut edited, mut order) =
            (Findings::new(rules::named("ad-hoc-ddl")), Findings::new(rules::named("migration-order")));
        let mut old = before.history(&base.sources);
        let folder = after.project.migrations_folder();
        let folder = merged.moved[at].as_ref().map_or(folder, |was| was.join("migrations"));
        if let Some(shared) = &merged.shared {
            let shared = names_in(&folder, shared);
            old.retain(|file| shared.contains(&file.name));
        }
        let tip = names_in(&folder, &merged.tip);
        let new = after.history(&self.sources);
        let mut deleted = Vec::new();
        let mut renamed = FxHashSet::default();
        for (file, counterpart) in old.iter().zip(counterparts(&old, &new)) {
            let Some(one) = counterpart else {
                let copy = found.copies[&file.id];
                found.rewritten.insert(copy, file.name.to_string());
                deleted.push((engine::first_line(copy, &self.sources), file.name));
                continue;
            };
            let difference = first_difference(file.text, one);
            // No database has recorded it beside the one that has its version: it may have another.
            let is_second =
                || old.iter().any(|other| other.version == file.version && other.name < file.name);
            if one.version != file.version && is_second() {
                continue;
            }
            if one.version != file.version {
                renamed.insert(one.id);
                report_renamed(&mut edited, one, file, difference, &self.sources);
            } else if let Some(span) = difference {
                found.rewritten.insert(one.id, one.name.to_string());
                report_edited(&mut edited, span, taken_out(file.text, one), one.name);
            } else if one.name != file.name {
                report_new_name(&mut edited, one, file.name, &self.sources);
            }
        }
        report_order(&mut order, &new, &old, &tip, &renamed, &self.sources);
        let merged_first =
            after.merged_first(&|name| tip.contains(&name) || old.iter().any(|file| file.name == name));
        report_deleted(&mut edited, &deleted);
        self.projects[at].project.duplicates = merged_first;
        found.findings = edited.list;
        found.findings.extend(order.list);
        found
    }

    /// Takes over the text of what is lost, so that there are places in it.
    fn copy_lost(&mut self, way: &[Passed], base: &Self) -> FxHashMap<FileId, FileId> {
        let mut copies = FxHashMap::default();
        for lost in way.iter().filter_map(|passed| passed.lost()) {
            let copy = base.sources.get(lost).clone();
            self.paths.push(self.working_directory.join(&copy.path));
            copies.insert(lost, Arc::make_mut(&mut self.sources).add(copy));
        }
        copies
    }
}

impl Replayed {
    /// The files of the migrations folder that have a version, in order.
    fn history<'a>(&'a self, sources: &'a Sources) -> Vec<File<'a>> {
        let folder = self.project.migrations_folder();
        let in_folder = |at: usize| {
            let file = &self.project.files[at];
            file.role == FileRole::Migration && !file.is_extra && file.path.parent() == Some(&folder)
        };
        self.migrations
            .iter()
            .filter(|(at, _)| in_folder(*at))
            .filter_map(|(_, migration)| {
                let file = sources.get(migration.file);
                let name = file.path.rsplit('/').next()?;
                Some(File { id: migration.file, name, version: migrations::version(name)?, text: &file.text })
            })
            .collect()
    }

    /// The files that share a version, of each two the merged one first: it keeps its version.
    fn merged_first(&self, is_merged: &dyn Fn(&str) -> bool) -> Vec<(usize, usize)> {
        let is_merged = |at: usize| {
            self.project.files[at].path.file_name().and_then(|name| name.to_str()).is_some_and(is_merged)
        };
        let pairs = self.project.duplicates.iter().copied();
        let turned = pairs.map(|(earlier, later)| match is_merged(later) && !is_merged(earlier) {
            true => (later, earlier),
            false => (earlier, later),
        });
        turned.collect()
    }

    /// The files whose statements the base does not have under that name, and the way from it.
    fn new_files(&self, sources: &Sources, base: &Self, base_sources: &Sources) -> Merged {
        let path = |replayed: &Self, at: usize| {
            let file = &replayed.project.files[at].path;
            file.strip_prefix(&replayed.project.folder).unwrap_or(file).to_path_buf()
        };
        let old: IndexMap<_, _> =
            base.migrations.iter().map(|(at, migration)| (path(base, *at), migration.file)).collect();
        let counterpart =
            |at: usize| old.get_index_of(&path(self, at)).filter(|_| !self.project.files[at].is_extra);
        let kept: FxHashSet<usize> = self.migrations.iter().filter_map(|(at, _)| counterpart(*at)).collect();
        let gone = |range: Range<usize>| {
            range.filter(|at| !kept.contains(at)).map(|at| Passed::Gone { was: old[at] }).collect::<Vec<_>>()
        };
        let mut found = Merged::default();
        let mut passed = 0;
        for (at, Migration { file: is, .. }) in &self.migrations {
            let is = *is;
            let was = counterpart(*at);
            if let Some(place) = was {
                found.way.extend(gone(passed..place));
                passed = passed.max(place + 1);
            }
            let text = &sources.get(is).text;
            found.way.push(match was.map(|place| old[place]) {
                Some(was) if is_same_code(&base_sources.get(was).text, text) => Passed::Same { was, is },
                Some(was) => Passed::Edited { was, is },
                None => Passed::New { is },
            });
        }
        found.way.extend(gone(passed..old.len()));
        found.new = found.way.iter().filter_map(|passed| passed.brought()).collect();
        let text = |replayed: &Self, sources: &Sources| {
            replayed.config_file.map(|file| lines(&sources.get(file).text).into_owned())
        };
        let config = self.config_file.filter(|_| text(self, sources) != text(base, base_sources));
        found.new.extend(config);
        if self.catalog.api.schemas != base.catalog.api.schemas {
            let places = self.catalog.api.exposed_at.values().map(|place| place.file);
            found.new.extend(places.filter(|file| sources.get(*file).role == FileRole::Config));
        }
        found
    }
}

/// A token: its place, and what it says.
type Said<'t> = (usize, usize, Cow<'t, str>);

/// What a text says to the server: its tokens, with names and key words as it folds them, without statements
/// that are empty, and without the comments in the bodies of functions and blocks.
fn code(text: &str) -> Vec<Said<'_>> {
    let tokens: Vec<Token> = Lexer::new(text).filter(|token| !token.is_comment()).collect();
    let statements = tokens.split_inclusive(|token| token.is(text, ';'));
    let is_empty = |statement: &&[Token]| matches!(statement, [only] if only.is(text, ';'));
    let said = statements.filter(|statement| !is_empty(statement)).flat_map(|statement| {
        let has_code = is_of_sql(statement, text);
        statement.iter().map(move |token| {
            let body = body(*token, text).filter(|_| has_code).map(Cow::Owned);
            (token.start, token.end, body.unwrap_or_else(|| folded(*token, text)))
        })
    });
    said.collect()
}

/// Whether a statement makes a function, or runs a block, whose body is SQL or PL/pgSQL.
fn is_of_sql(statement: &[Token], text: &str) -> bool {
    const HEAD: usize = 4;
    let word = |token: &Token| token.text(text).trim_matches('\'').to_ascii_lowercase();
    let head: Vec<String> = statement.iter().take(HEAD).map(word).collect();
    let is_block = head.first().is_some_and(|first| first == "do");
    let is_routine = head.iter().any(|word| word == "function" || word == "procedure");
    let mut pairs = statement.windows(2);
    let language = pairs.find(|pair| pair[0].kind == TokenKind::Word && word(&pair[0]) == "language");
    match language {
        Some(pair) => (is_block || is_routine) && matches!(word(&pair[1]).as_str(), "sql" | "plpgsql"),
        None => is_block,
    }
}

/// The code of a body in dollar quotes.
fn body(token: Token, text: &str) -> Option<String> {
    let quoted = token.text(text).strip_prefix('$').filter(|_| token.kind == TokenKind::String)?;
    let (tag, rest) = quoted.split_once('$')?;
    let body = rest.strip_suffix('$')?.strip_suffix(tag)?.strip_suffix('$')?;
    Some(format!("$$ {} $$", normalised(body)))
}

fn folded(token: Token, text: &str) -> Cow<'_, str> {
    let word = token.text(text);
    let is_folded = token.kind == TokenKind::Word && word.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_folded { Cow::Owned(word.to_ascii_lowercase()) } else { lines(word) }
}

fn is_same_code(one: &str, other: &str) -> bool {
    let is_same = |(one, other): (&Said<'_>, &Said<'_>)| one.2 == other.2;
    one == other || {
        let (one, other) = (code(one), code(other));
        one.len() == other.len() && one.iter().zip(&other).all(is_same)
    }
}

/// The same text for all that say the same.
pub(super) fn normalised(text: &str) -> String {
    code(text).into_iter().map(|(.., token)| token).collect::<Vec<_>>().join(" ")
}

/// A text with the line breaks that a repository keeps: Git may have written others into the work tree.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// The first token that differs from the merged text; where the file only got shorter, its last.
fn first_difference(merged: &str, file: &File<'_>) -> Option<Span> {
    if is_same_code(merged, file.text) {
        return None;
    }
    let mut old = code(merged).into_iter();
    let mut last = (0, 0);
    for (start, end, text) in code(file.text) {
        if old.next().is_none_or(|(.., old)| old != text) {
            return Some(Span::new(file.id, start, end));
        }
        last = (start, end);
    }
    Some(Span::new(file.id, last.0, last.1))
}

/// The end of the statement behind which another one stood that was taken out, where that is the first difference
/// from the merged text.
fn taken_out(merged: &str, file: &File<'_>) -> Option<Span> {
    let (old, new) = (code(merged), code(file.text));
    let is_end = |said: &Said<'_>| said.2 == ";";
    let same = old.iter().zip(&new).take_while(|(old, new)| old.2 == new.2).count();
    let start = new[..same].iter().rposition(is_end)? + 1;
    let length = new[start..].iter().position(is_end).map_or(new.len() - start, |end| end + 1);
    let next = &new[start..start + length];
    let stands_at = |at: usize| {
        is_end(&old[at - 1])
            && old[at..].iter().zip(next).filter(|(old, new)| old.2 == new.2).count() == length
    };
    let is_left = next.is_empty() || (start + 1..old.len()).any(stands_at);
    let (from, to, _) = new[start - 1];
    is_left.then(|| Span::new(file.id, from, to))
}

/// One finding for all that are gone, at what they were.
fn report_deleted(out: &mut Findings, deleted: &[(Span, &str)]) {
    let [(first, name), rest @ ..] = deleted else { return };
    let message = match rest.len() {
        0 => format!("{name} was deleted after it was merged: databases that ran it keep what it did"),
        more => format!(
            "{name} and {more} more migrations were deleted after they were merged: databases that ran them keep \
             what they did"
        ),
    };
    out.report(*first, Identity::plain("file", *name), message)
        .note("no longer there")
        .label_each(rest.iter().map(|(place, _)| (*place, "nor this one")))
        .help(
            "restore it and undo it in a new migration; if the history was squashed on purpose, tell each database \
             with `supabase migration repair --status reverted`",
        )
        .what("deleted");
}

/// `behind` is where a statement stood that was taken out, if that is the difference.
fn report_edited(out: &mut Findings, span: Span, behind: Option<Span>, name: &str) {
    let message =
        format!("{name} was changed after it was merged: databases that ran it do not get the change");
    let note = match behind {
        Some(_) => "what was merged goes on behind this with a statement that was taken out",
        None => "differs from what was merged",
    };
    out.report(behind.unwrap_or(span), Identity::plain("file", name), message)
        .note(note)
        .help("restore the file, and make the change in a new migration: `supabase migration new`")
        .what("edited");
}

/// `difference` is where its code is another one, if it is: then nobody knows that it is the same migration.
fn report_renamed(
    out: &mut Findings,
    file: &File<'_>,
    before: &File<'_>,
    difference: Option<Span>,
    sources: &Sources,
) {
    let (name, was) = (file.name, before.name);
    let (message, help) = match difference {
        None => (
            format!(
                "{name} was merged as {was}: a database that ran it has the version {} and runs it again",
                before.version
            ),
            format!("rename it back to {was}"),
        ),
        // It may be another version of it, or just look like it.
        Some(_) => (
            format!(
                "{was} was merged and is gone, and {name} is much like it: a database that ran the one keeps what it did \
                 and runs the other as well"
            ),
            format!("restore {was}, and make the change in a migration of its own"),
        ),
    };
    out.report(engine::first_line(file.id, sources), Identity::plain("file", before.name), message)
        .note(format!("version {}, was {}", file.version, before.version))
        .label_each(difference.map(|span| (span, "differs from what was merged")))
        .help(help)
        .what("renamed");
}

/// A name behind the same version: nothing happens to a database that ran it.
fn report_new_name(out: &mut Findings, file: &File<'_>, before: &str, sources: &Sources) {
    let message = format!(
        "{} was merged as {before}: databases go by the version, which is the same, and do not run it again",
        file.name
    );
    out.report(engine::first_line(file.id, sources), Identity::plain("file", before), message)
        .severity(Severity::Info)
        .note("another name for the same version")
        .help(format!("rename it back to {before} if a database shall have the name that it recorded"))
        .what("renamed");
}

/// What has become of each merged migration, where something has: first the file of its name, then one of
/// its code, one of its version, and the one that is most like it.
fn counterparts<'n>(old: &[File<'_>], new: &'n [File<'n>]) -> Vec<Option<&'n File<'n>>> {
    let by_name: FxHashMap<&str, &File<'_>> = new.iter().map(|file| (file.name, file)).collect();
    let mut found: Vec<_> = old.iter().map(|file| by_name.get(file.name).copied()).collect();
    let known: FxHashSet<&str> = old.iter().map(|file| file.name).collect();
    let mut free: Vec<_> = new.iter().filter(|file| !known.contains(file.name)).collect();
    let alike: [fn(&File<'_>, &File<'_>) -> usize; 4] = [
        |old, new| usize::from(old.version == new.version && is_same_code(old.text, new.text)),
        |old, new| usize::from(is_same_code(old.text, new.text)),
        |old, new| usize::from(old.version == new.version),
        |old, new| likeness(old.text, new.text),
    ];
    for alike in alike {
        for (file, found) in old.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            let scores = free.iter().enumerate().map(|(at, one)| (alike(file, one), at));
            // Of those that are as much alike, the first.
            let best =
                scores.filter(|(score, _)| *score > 0).max_by_key(|(score, at)| (*score, Reverse(*at)));
            *found = best.map(|(_, at)| free.remove(at));
        }
    }
    found
}

/// How many percent of the pairs of tokens two texts have in common; nothing below half of them.
pub(super) fn likeness(one: &str, other: &str) -> usize {
    fn pairs<'t>(tokens: &'t [Cow<'t, str>]) -> FxHashMap<(&'t str, &'t str), usize> {
        let mut counts = FxHashMap::default();
        tokens.windows(2).for_each(|pair| *counts.entry((&*pair[0], &*pair[1])).or_default() += 1);
        counts
    }
    let tokens = |text| -> Vec<_> { code(text).into_iter().map(|(.., token)| token).collect() };
    let (one, other) = (tokens(one), tokens(other));
    let (one, other) = (pairs(&one), pairs(&other));
    let all: usize = one.values().chain(other.values()).sum();
    let shared: usize =
        one.iter().map(|(pair, count)| other.get(pair).map_or(0, |other| *count.min(other))).sum();
    let percent = 200 * shared / all.max(1);
    if percent < 50 { 0 } else { percent }
}

/// The names of the files that lie in a folder.
fn names_in<'p>(folder: &Path, paths: &'p [PathBuf]) -> Vec<&'p str> {
    let inside = paths.iter().filter(|path| path.parent() == Some(folder));
    inside.filter_map(|path| path.file_name()?.to_str()).collect()
}

/// Reports new migrations that would be replayed before one that is merged.
fn report_order(
    out: &mut Findings,
    new: &[File<'_>],
    old: &[File<'_>],
    tip: &[&str],
    renamed: &FxHashSet<FileId>,
    sources: &Sources,
) {
    let newest = tip.iter().filter_map(|name| Some((migrations::version(name)?, *name))).max();
    let Some((newest, newest_name)) = newest else { return };
    for file in new {
        let is_known = tip.contains(&file.name) || old.iter().any(|old| old.version == file.version);
        if is_known || renamed.contains(&file.id) || file.version > newest {
            continue;
        }
        let (place, object) = (engine::first_line(file.id, sources), Identity::plain("file", file.name));
        if let Some(merged) = tip.iter().find(|name| migrations::version(name) == Some(file.version)) {
            let message = format!(
                "{} has the version {} of {merged}, which is merged: it cannot be recorded beside it, and fails",
                file.name, file.version
            );
            out.report(place, object, message)
                .note(format!("version {} is taken", file.version))
                .help("give it a version of its own; `supabase migration new` makes one")
                .what(file.version);
            continue;
        }
        let message = format!(
            "{} is older than {newest_name}, which is merged: `supabase db push` refuses it",
            file.name
        );
        out.report(place, object, message)
            .severity(Severity::Warning)
            .note(format!("{newest} is the newest merged version"))
            .help(
                "give it a later version, as `supabase migration new` does; `supabase db push --include-all` takes it \
                 as it is",
            )
            .what("older than merged");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blanks_are_no_code() {
        assert!(is_same_code("select 1;\r\n-- x\r\n", "select  1 ;"));
        assert!(!is_same_code("select 'a b'", "select 'a  b'"));
    }

    #[test]
    fn what_the_server_folds_is_no_other_code() {
        assert!(is_same_code(
            "create table Public.A (\"Id\" int);",
            "CREATE TABLE public.a (\"Id\" INT);;\n;"
        ));
        assert!(is_same_code("do $$ begin perform A(); end $$", "do $$ begin perform a(); end $$"));
        for (one, other) in [
            ("select \"Id\" from a", "select \"id\" from a"),
            ("select 'A'", "select 'a'"),
            ("do $$ begin perform 'A'; end $$", "do $$ begin perform 'a'; end $$"),
            ("select $$ A $$", "select $$ a $$"),
            ("select 1; select 2", "select 1 select 2"),
        ] {
            assert!(!is_same_code(one, other), "{one}");
        }
    }

    #[test]
    fn what_became_of_a_file() {
        let a = "create table a (id int primary key, title text);";
        let b = "create table b (id int primary key, owner uuid);";
        let files = |list: &[(&'static str, &'static str)]| -> Vec<File<'static>> {
            let file = |(name, text): &(&'static str, &'static str)| File {
                id: FileId(0),
                name,
                version: migrations::version(name).expect("it has one"),
                text,
            };
            list.iter().map(file).collect()
        };
        let old = files(&[("1_a.sql", a), ("2_b.sql", b)]);
        let changed_a = "create table a (id int primary key, title text, done bool);";
        let changed_b = "create table b (id int primary key, owner uuid, done bool);";
        for (new, expected) in [
            ([("1_a.sql", changed_a), ("3_b.sql", b)], [Some("1_a.sql"), Some("3_b.sql")]),
            // Each takes the number of the next one.
            ([("2_a.sql", a), ("3_b.sql", changed_b)], [Some("2_a.sql"), Some("3_b.sql")]),
            ([("3_a.sql", changed_a), ("4_b.sql", changed_b)], [Some("3_a.sql"), Some("4_b.sql")]),
            ([("1_other.sql", b), ("5_x.sql", "select 1;")], [None, Some("1_other.sql")]),
            ([("1_other.sql", "select 1;"), ("2_b.sql", b)], [Some("1_other.sql"), Some("2_b.sql")]),
        ] {
            let new = files(&new);
            let found: Vec<_> = counterparts(&old, &new).iter().map(|one| one.map(|one| one.name)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_first_difference_is_told() {
        let place = |merged: &str, text: &str| {
            let file = File { id: FileId(0), name: "1_a.sql", version: "1", text };
            first_difference(merged, &file).map(|span| text[span.range()].to_string())
        };
        assert_eq!(place("select 1;", "select 2;").as_deref(), Some("2"));
        assert_eq!(place("select 1; select 2;", "select 1;").as_deref(), Some(";"));
        assert_eq!(place("select 1;", "-- why\nselect 1;"), None);
    }
}
