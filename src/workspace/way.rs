//! The way from the base to the head of a comparison, one statement after the other.

use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::catalog::Catalog;
use crate::change::access::Kept;
use crate::change::stops::{Cause, History};
use crate::source::{FileId, Sources, Span};
use crate::sql::statement::Statement;
use crate::sql::{self, Migration};
use crate::workspace::merged::{Merged, likeness, normalised};
use crate::workspace::replay::{fresh_catalog, is_applied, replay};
use crate::workspace::{Replayed, Workspace, engine};

/// A file on the way, of the base (`was`), of the head (`is`), or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Same { was: FileId, is: FileId },
    New { is: FileId },
    Edited { was: FileId, is: FileId },
    Gone { was: FileId },
}

impl Passed {
    /// The file, if the base does not have it as it is.
    pub(super) fn brought(self) -> Option<FileId> {
        match self {
            Self::New { is } | Self::Edited { is, .. } => Some(is),
            Self::Same { .. } | Self::Gone { .. } => None,
        }
    }

    /// The file of the base, if the head does not have it as it was.
    pub(super) fn lost(self) -> Option<FileId> {
        match self {
            Self::Gone { was } | Self::Edited { was, .. } => Some(was),
            Self::Same { .. } | Self::New { .. } => None,
        }
    }
}

/// Its statements.
enum Stage {
    Same(Migration),
    New(Migration),
    Edited { was: Migration, is: Migration, parts: Vec<Part> },
    Gone(Migration),
}

/// Statements of an edited file, by their numbers.
enum Part {
    Kept {
        was: usize,
        is: usize,
    },
    /// One that has another one in its place, or none, behind the step of this number.
    Edited {
        was: Option<usize>,
        is: Option<usize>,
        step: usize,
    },
}

impl Workspace {
    /// The way of a project, its files parsed anew: replayed statements are not kept.
    pub(super) fn history<'s>(&'s self, replayed: &'s Replayed, merged: &'s Merged) -> History<'s> {
        let sources = &self.sources;
        let copy = |was: FileId| merged.copies[&was];
        let stage = |passed: &Passed| Stage::of(*passed, sources, &copy);
        let mut stages: Vec<_> = merged.way.par_iter().filter_map(stage).collect();
        let first = stages.iter().position(|stage| stage.steps() > 0).unwrap_or(stages.len());
        let later = stages.split_off(first);
        let mut start = fresh_catalog(&replayed.project, &replayed.settings, replayed.config_file);
        stages.iter().for_each(|stage| stage.replay(&mut start, 0, sources));
        let steps = later.iter().flat_map(|stage| stage.causes(sources)).collect();
        let weight = later.iter().map(Stage::weight).sum();
        let until = move |count: usize| {
            let mut catalog = start.clone();
            let mut left = count;
            for stage in &later {
                let taken = left.min(stage.steps());
                left -= taken;
                stage.replay(&mut catalog, taken, sources);
            }
            catalog.finish();
            catalog
        };
        History { steps, weight, until: Box::new(until) }
    }

    /// The statements that a project has and had.
    pub(super) fn kept(&self, replayed: &Replayed, base: &Self, earlier: &Replayed, merged: &Merged) -> Kept {
        let places = |of: &'_ Replayed| -> FxHashMap<FileId, Vec<Span>> {
            of.migrations.iter().map(|(_, file)| (file.file, file.places.clone())).collect()
        };
        let (old, new) = (places(earlier), places(replayed));
        let mut kept = Kept::default();
        for passed in &merged.way {
            match *passed {
                Passed::Same { was, is } => kept.add(was, is, old[&was].iter().zip(&new[&is])),
                Passed::Edited { was, is } => {
                    let (old, new) = (&old[&was], &new[&is]);
                    let parts = parts(&texts(old, &base.sources), &texts(new, &self.sources));
                    let pairs = parts.iter().filter_map(|part| match part {
                        Part::Kept { was, is } => Some((&old[*was], &new[*is])),
                        Part::Edited { .. } => None,
                    });
                    kept.add(was, is, pairs);
                }
                Passed::New { .. } | Passed::Gone { .. } => {}
            }
        }
        kept
    }
}

impl Stage {
    /// Nothing of a file that is gone and was not replayed as a whole; such a file that is edited is taken as it is.
    /// `copy` gives what stands for a file of the base in the sources of the head.
    fn of(passed: Passed, sources: &Sources, copy: &dyn Fn(FileId) -> FileId) -> Option<Self> {
        let parsed = |file: FileId| sql::parse(file, sources.get(file));
        let is_applied = |file: FileId| is_applied(sources.get(file).role);
        Some(match passed {
            Passed::New { is } if is_applied(is) => Self::New(parsed(is)),
            Passed::Edited { was, is } if is_applied(is) => {
                let (was, is) = (parsed(copy(was)), parsed(is));
                let places =
                    |file: &Migration| file.statements.iter().map(|one| one.span).collect::<Vec<_>>();
                let parts = parts(&texts(&places(&was), sources), &texts(&places(&is), sources));
                Self::Edited { was, is, parts }
            }
            Passed::Gone { was } if is_applied(copy(was)) => Self::Gone(parsed(copy(was))),
            Passed::Gone { .. } => return None,
            Passed::Same { is, .. } | Passed::New { is } | Passed::Edited { is, .. } => {
                Self::Same(parsed(is))
            }
        })
    }

    fn steps(&self) -> usize {
        match self {
            Self::Same(_) => 0,
            Self::New(file) | Self::Gone(file) => file.statements.len(),
            Self::Edited { parts, .. } => {
                parts.iter().filter(|part| matches!(part, Part::Edited { .. })).count()
            }
        }
    }

    /// How many statements it has at most.
    fn weight(&self) -> usize {
        match self {
            Self::Same(file) | Self::New(file) | Self::Gone(file) => file.statements.len(),
            Self::Edited { parts, .. } => parts.len(),
        }
    }

    /// What each of its steps is.
    fn causes(&self, sources: &Sources) -> Vec<Cause> {
        match self {
            Self::Same(_) => Vec::new(),
            Self::New(file) => file.statements.iter().map(|one| Cause::at(one.span)).collect(),
            Self::Gone(file) => {
                let gone = |one: &Statement| Cause { place: one.span, gone: Some(one.span) };
                file.statements.iter().map(gone).collect()
            }
            Self::Edited { was, is, parts } => {
                let mut causes = Vec::new();
                for (at, part) in parts.iter().enumerate() {
                    let Part::Edited { was: before, is: after, step } = part else { continue };
                    let cause = match (before, after) {
                        (_, Some(after)) => Cause::at(is.statements[*after].span),
                        (before, None) => Cause {
                            place: nearest(&parts[at..], is, sources),
                            gone: before.map(|before| was.statements[before].span),
                        },
                    };
                    causes.push((*step, cause));
                }
                causes.sort_by_key(|(step, _)| *step);
                causes.into_iter().map(|(_, cause)| cause).collect()
            }
        }
    }

    /// Applies it with so many of its steps taken.
    fn replay(&self, catalog: &mut Catalog, taken: usize, sources: &Sources) {
        match self {
            Self::Same(file) => replay(catalog, file, &file.statements, sources),
            Self::New(file) => replay(catalog, file, &file.statements[..taken], sources),
            Self::Gone(file) if taken == file.statements.len() => {}
            Self::Gone(file) => replay(catalog, file, &file.statements[taken..], sources),
            Self::Edited { was, is, parts } => {
                let statements = parts.iter().filter_map(|part| match part {
                    Part::Kept { is: at, .. } => Some(&is.statements[*at]),
                    Part::Edited { is: after, step, .. } if *step < taken => Some(&is.statements[(*after)?]),
                    Part::Edited { was: before, .. } => Some(&was.statements[(*before)?]),
                });
                let statements: Vec<_> = statements.cloned().collect();
                replay(catalog, if taken == 0 { was } else { is }, &statements, sources);
            }
        }
    }
}

/// What stands where a statement was taken out: the next statement, else the last one, else how the file begins.
fn nearest(parts: &[Part], file: &Migration, sources: &Sources) -> Span {
    let next = parts.iter().find_map(|part| match part {
        Part::Kept { is, .. } => Some(*is),
        Part::Edited { is, .. } => *is,
    });
    let statement = next.map_or(file.statements.last(), |at| file.statements.get(at));
    statement.map_or_else(|| engine::first_line(file.file, sources), |statement| statement.span)
}

fn texts(places: &[Span], sources: &Sources) -> Vec<String> {
    places.iter().map(|place| normalised(sources.text(*place))).collect()
}

/// Tells the statements that an edit left as they are from the others.
fn parts(before: &[String], after: &[String]) -> Vec<Part> {
    let is_like = |one: usize, other: usize| {
        starts_alike(&before[one], &after[other]) || likeness(&before[one], &after[other]) > 0
    };
    let mut parts = Vec::new();
    let mut steps = 0;
    for hunk in capture_diff_slices(Algorithm::Patience, before, after) {
        match hunk {
            DiffOp::Equal { old_index, new_index, len } => {
                parts.extend((0..len).map(|at| Part::Kept { was: old_index + at, is: new_index + at }));
            }
            other => steps = edited(&mut parts, steps, (other.old_range(), other.new_range()), &is_like),
        }
    }
    parts
}

/// Whether two statements are the same as far as the name of what they are about, as in
/// `create policy own on public.notes`.
fn starts_alike(one: &str, other: &str) -> bool {
    const HEAD: usize = 6;
    let head = |text: &str| text.split(' ').take(HEAD).map(str::to_string).collect::<Vec<_>>();
    let (one, other) = (head(one), head(other));
    one.len() == HEAD && one == other
}

/// How far the statement is looked for that another one has taken the place of.
const NEAR: usize = 16;

/// Adds the statements of one place that was edited, each with the one that it is like. What was taken out goes
/// before what came, so that this finds no old thing in its way. Gives the number of the next step.
fn edited(
    parts: &mut Vec<Part>,
    mut step: usize,
    (mut old, new): (Range<usize>, Range<usize>),
    is_like: &dyn Fn(usize, usize) -> bool,
) -> usize {
    let mut pairs = Vec::new();
    for at in new {
        let like = old.clone().take(NEAR).find(|one| is_like(*one, at));
        let gone = old.start..like.unwrap_or(old.start);
        old.start = like.map_or(old.start, |like| like + 1);
        pairs.extend(gone.map(|was| (Some(was), None)));
        pairs.push((like, Some(at)));
    }
    pairs.extend(old.map(|was| (Some(was), None)));
    let taken_out = pairs.iter().filter(|(_, is)| is.is_none()).count();
    let (mut out, mut others) = (step, step + taken_out);
    step += pairs.len();
    parts.extend(pairs.into_iter().map(|(was, is)| {
        let next = if is.is_none() { &mut out } else { &mut others };
        let step = *next;
        *next += 1;
        Part::Edited { was, is, step }
    }));
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileRole, SourceFile};

    /// The steps from one text to another: what is taken out, what comes, and what changes, with both.
    fn steps(was: &str, is: &str) -> Vec<String> {
        let mut sources = Sources::default();
        let mut add = |text: &str| {
            sources.add(SourceFile::new("1_a.sql".into(), FileRole::Migration, text.as_bytes().to_vec()))
        };
        let (was, is) = (add(was), add(is));
        let stage = Stage::of(Passed::Edited { was, is }, &sources, &|was| was).expect("it is a migration");
        let said = |cause: &Cause| match cause.gone {
            Some(gone) => format!("-{} at {}", sources.text(gone), sources.text(cause.place)),
            None => sources.text(cause.place).to_string(),
        };
        stage.causes(&sources).iter().map(said).collect()
    }

    #[test]
    fn an_edit_is_taken_apart() {
        let text =
            "create table a (id int);\ncreate policy p on a using (x = 1);\ncomment on table a is 'a';";
        assert_eq!(steps(text, &text.to_uppercase().replace("'A'", "'a'")), [""; 0]);
        assert_eq!(steps(text, &text.replace("\n", ";\n-- more\n")), [""; 0]);
        assert_eq!(steps(text, &text.replace("'a'", "'A'")), ["comment on table a is 'A'"]);
        assert_eq!(
            steps(text, &text.replace("create policy p on a using (x = 1);\n", "")),
            ["-create policy p on a using (x = 1) at comment on table a is 'a'"]
        );
        assert_eq!(
            steps(text, "create table a (id int);"),
            [
                "-create policy p on a using (x = 1) at create table a (id int)",
                "-comment on table a is 'a' at create table a (id int)",
            ]
        );
        // What has another one in its place is no statement that was taken out.
        assert_eq!(
            steps(
                text,
                &text.replace(
                    "create policy p on a using (x = 1)",
                    "drop view v; create policy p on a using (true)"
                )
            ),
            ["drop view v", "create policy p on a using (true)"]
        );
        // What is taken out goes first, so that what comes in its place is not refused.
        assert_eq!(
            steps(text, "create table a (id int, title text, body text, done bool);"),
            [
                "-create policy p on a using (x = 1) at create table a (id int, title text, body text, done bool)",
                "-comment on table a is 'a' at create table a (id int, title text, body text, done bool)",
                "create table a (id int, title text, body text, done bool)",
            ]
        );
        assert_eq!(steps("select 1;", "").len(), 1);
    }
}
