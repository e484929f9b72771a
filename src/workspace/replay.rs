//! From files to a catalog: parsed in batches, in parallel, and replayed in order.

use std::time::Instant;

use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::catalog::origin::Origin;
use crate::catalog::role::{Bucket, Role};
use crate::config::Settings;
use crate::project::{Project, Served};
use crate::source::{FileId, FileRole, Sources, Span};
use crate::sql::statement::Statement;
use crate::sql::{self, Migration};
use crate::workspace::Timings;
use crate::workspace::dump::own_statements;

/// The platform's catalog, with what the configuration says.
pub(super) fn fresh_catalog(project: &Project, settings: &Settings, config_file: Option<FileId>) -> Catalog {
    let mut catalog = Catalog::supabase(project.config.exposure);
    catalog.api = project.config.api.clone();
    if let Some(file) = config_file {
        let places = project.config.exposed_at.iter();
        let places =
            places.map(|(name, range)| (name.as_str().into(), Span::new(file, range.start, range.end)));
        catalog.api.exposed_at = places.collect();
    }
    let exposed = match &project.served {
        Served::AsSet => settings.exposed(),
        Served::AsConfigured => None,
        Served::As(names) => Some(names.iter().map(|name| (name.as_str(), None)).collect()),
    };
    if let Some(exposed) = exposed {
        catalog.api.schemas = exposed.iter().map(|(name, _)| (*name).into()).collect();
        let places = exposed.into_iter().filter_map(|(name, place)| Some((name.into(), place?)));
        catalog.api.exposed_at = places.collect();
    }
    for name in settings.known_roles() {
        let role = Role::new(name.as_str().into(), Origin::Platform);
        catalog.roles.entry(role.name.clone()).or_insert(role);
    }
    for (id, bucket) in &project.config.buckets {
        let place = config_file.map(|file| Span::new(file, bucket.range.start, bucket.range.end));
        let origin = place.map_or(Origin::Platform, Origin::Statement);
        let bucket =
            Bucket { id: id.clone(), name: id.clone(), public: bucket.public, origin, migrated: false };
        catalog.buckets.insert(id.clone(), bucket);
    }
    catalog
}

/// How much text is parsed before it is replayed. While one batch is replayed the next one is
/// parsed, and what is replayed is let go of: memory does not grow with the history.
const BATCH: usize = 128 << 10;

/// Parses the files of a project and applies their statements in order.
pub(super) fn parse_and_replay(
    catalog: &mut Catalog,
    files: &[(usize, FileId)],
    sources: &Sources,
    timings: &mut Timings,
) -> Vec<(usize, Migration)> {
    let parse = |files: &[(usize, FileId)], spent: Vec<Vec<Statement>>| {
        let started = Instant::now();
        drop(spent);
        let parsed: Vec<_> =
            files.par_iter().map(|(at, id)| (*at, sql::parse(*id, sources.get(*id)))).collect();
        (parsed, started.elapsed())
    };
    let mut done = Vec::with_capacity(files.len());
    let mut rest = batches(files, sources).into_iter();
    let (mut next, elapsed) = parse(rest.next().unwrap_or_default(), Vec::new());
    timings.parse += elapsed;
    let mut spent = Vec::new();
    while !next.is_empty() {
        let mut batch = next;
        let replayed = || {
            let started = Instant::now();
            let mut spent = Vec::new();
            for (_, migration) in &mut batch {
                replay(catalog, migration, &migration.statements, sources);
                // Rules ask about the others.
                if is_applied(sources.get(migration.file).role) {
                    spent.push(std::mem::take(&mut migration.statements));
                }
            }
            (spent, started.elapsed())
        };
        // What was replayed is let go of where the next batch is parsed: that is done sooner.
        let ((parsed, parse_time), (replayed, replay_time)) =
            rayon::join(|| parse(rest.next().unwrap_or_default(), std::mem::take(&mut spent)), replayed);
        spent = replayed;
        timings.parse += parse_time;
        timings.replay += replay_time;
        done.extend(batch);
        next = parsed;
    }
    catalog.finish();
    done
}

/// Files in order, in batches of about one size.
fn batches<'f>(files: &'f [(usize, FileId)], sources: &Sources) -> Vec<&'f [(usize, FileId)]> {
    let mut list = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (at, (_, id)) in files.iter().enumerate() {
        size += sources.get(*id).text.len();
        if size >= BATCH {
            list.push(&files[start..=at]);
            (start, size) = (at + 1, 0);
        }
    }
    if start < files.len() {
        list.push(&files[start..]);
    }
    list
}

/// Whether a file is a description that the dashboard gives of a schema, for people and assistants to read.
pub(super) fn is_description(text: &str) -> bool {
    const FIRST_LINES: usize = 10;
    text.lines()
        .take(FIRST_LINES)
        .any(|line| line.trim_start().starts_with("--") && line.contains("This schema is for context only"))
}

/// Whether all statements of a file come to the catalog.
pub(super) fn is_applied(role: FileRole) -> bool {
    matches!(role, FileRole::Roles | FileRole::Migration)
}

/// Applies statements of one file, the first ones or all. Of seeds only rows count; rules ask about the
/// rest.
pub(super) fn replay(catalog: &mut Catalog, file: &Migration, statements: &[Statement], sources: &Sources) {
    match sources.get(file.file).role {
        FileRole::Roles | FileRole::Migration => {
            let broken = file.errors.iter().map(|error| sources.text(error.statement));
            broken.for_each(|text| catalog.note_unread(text));
            let first = file.places.first().filter(|_| is_description(&sources.get(file.file).text));
            first.iter().for_each(|_| catalog.expect_description(file.file));
            let own = own_statements(catalog, &sources.get(file.file).text, statements);
            catalog.apply_file(&own);
            first.iter().for_each(|place| catalog.note_description(**place));
        }
        FileRole::Seed => {
            let made = catalog.buckets.len();
            catalog.apply_rows(statements);
            catalog.buckets.values_mut().skip(made).for_each(|bucket| bucket.migrated = false);
        }
        FileRole::Skipped | FileRole::Script | FileRole::Test | FileRole::Config => {}
    }
}
