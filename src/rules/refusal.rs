//! What the rules about failing migrations share: PostgreSQL refuses a statement, and the file that
//! holds it is rolled back.

use crate::map::{IndexMap, IndexSet};
use rustc_hash::FxHashSet;

use crate::access::in_words;
use crate::catalog::misfit::{self, Failure, Misfit, Reason, SqlState};
use crate::diagnostic::Identity;
use crate::rule::{CatalogCx, Findings, Rule};
use crate::rules::auth::jwt_type_mismatch;
use crate::source::{FileId, Sources, Span};
use crate::sql::statement::ObjectKind;

/// The rules that say that PostgreSQL refuses a statement.
pub const RULES: [&str; 13] = [
    "enum-value-used-in-same-file",
    "jwt-type-mismatch",
    "managed-table-alter",
    "migration-fails",
    "non-transactional-statement",
    "object-in-managed-schema",
    "policy-already-exists",
    "policy-clause-command-mismatch",
    "policy-role-unknown",
    "policy-unknown-column",
    "syntax-error",
    "unknown-object",
    "unsupported-policy-syntax",
];

/// Reports the refusals that are a rule's. Statements that fail for want of one object are one
/// finding, at the first of them, and so are those that need what it was to make.
pub(super) fn report(rule: &'static Rule, cx: &CatalogCx<'_>, out: &mut Findings) {
    debug_assert!(RULES.contains(&rule.id), "{} reports refusals and is not in the list", rule.id);
    let failures = &cx.catalog.failures;
    // Of these another rule says more.
    let told =
        if rule.id == "migration-fails" { jwt_type_mismatch::statements(cx) } else { FxHashSet::default() };
    let mut followers: IndexMap<usize, Vec<&Failure>> = IndexMap::default();
    let mut reasons: IndexMap<String, (Option<&str>, Vec<usize>)> = IndexMap::default();
    for (at, failure) in failures.iter().enumerate() {
        match failure.follows {
            Some(root) => followers.entry(root).or_default().push(failure),
            None if cx.sources.is_of_flaw(place(failure)) => {}
            None if told.contains(&failure.statement) => {}
            None => {
                let cause = cause(failures, &failure.misfit);
                let of = reasons.entry(cause.to_string()).or_default();
                of.1.push(at);
                // What a policy lacks and something else lacks as well is one thing that is missing.
                if of.0.is_none_or(|rule| rule == "policy-unknown-column") {
                    of.0 = Some(rule_of(cause));
                }
            }
        }
    }
    let reasons = reasons.into_iter().filter(|(_, (of, _))| *of == Some(rule.id));
    let reasons: IndexMap<String, Vec<usize>> = reasons.map(|(reason, (_, at))| (reason, at)).collect();
    if rule.id == "unknown-object" && reasons.len() > MOST_MISSING {
        return report_missing(cx, &reasons, &followers, out);
    }
    let mut files: IndexMap<FileId, Vec<Refusal>> = IndexMap::default();
    for (reason, at) in reasons {
        let Some(first) = at.first().map(|first| &failures[*first]) else { continue };
        let told = files.entry(first.statement.file).or_default();
        let with = told.iter_mut().find(|other| other.takes_in(failures, first));
        match with {
            Some(other) => other.besides.extend(at),
            None => told.push(Refusal { reason, at, besides: Vec::new() }),
        }
    }
    for refusals in files.into_values() {
        if refusals.len() > MOST_IN_FILE {
            fold_file(cx, &refusals, &followers, out);
        } else {
            refusals.iter().for_each(|refusal| report_refusal(cx, refusal, &followers, out));
        }
    }
}

/// Why statements of a file fail. All are indexes of failures.
struct Refusal {
    reason: String,
    /// The statements that fail for it.
    at: Vec<usize>,
    /// What else the first of them lacks, and the others that do.
    besides: Vec<usize>,
}

impl Refusal {
    /// Whether another failure is of the same statement, and both lack something.
    fn takes_in(&self, failures: &[Failure], other: &Failure) -> bool {
        let first = self.at.first().map(|first| &failures[*first]);
        let lacks = |failure: &Failure| matches!(failure.misfit.reason, Reason::Missing { .. });
        first.is_some_and(|first| first.statement == other.statement && lacks(first) && lacks(other))
    }
}

/// A file of which PostgreSQL refuses statements for more reasons than these is one finding: it gets
/// no further than the first of them.
const MOST_IN_FILE: usize = 3;

fn fold_file(
    cx: &CatalogCx<'_>,
    refusals: &[Refusal],
    followers: &IndexMap<usize, Vec<&Failure>>,
    out: &mut Findings,
) {
    let failures = &cx.catalog.failures;
    let before = out.list.len();
    for Refusal { reason, at, .. } in refusals {
        for at in at {
            let one = Refusal { reason: reason.clone(), at: vec![*at], besides: Vec::new() };
            report_refusal(cx, &one, followers, out);
            for failure in followers.get(at).into_iter().flatten() {
                let message = format!("the migration fails here: {reason}");
                let found = out.report(failure.statement, object(&failure.misfit), message);
                found.what(reason).elsewhere =
                    Some(format!("{} fails: {reason}", file_of(cx.sources, failure)));
            }
        }
    }
    let refused = out.list.len() - before;
    let first = &refusals[0].reason;
    let file = file_of(cx.sources, &failures[refusals[0].at[0]]);
    let message = format!("{file} fails: {first}; {} more statements are refused as well", refused - 1);
    let Some(habit) = out.fold(before, "statements", message, |one| one.what.clone()) else { return };
    habit.what(first);
    let repeats = |at: &usize| matches!(failures[*at].misfit.reason, Reason::Exists { .. });
    if refusals.iter().flat_map(|refusal| &refusal.at).all(repeats) {
        habit.help("the file makes what files before it have made: leave that out, or all of the file");
    }
}

fn report_refusal(
    cx: &CatalogCx<'_>,
    refusal: &Refusal,
    followers: &IndexMap<usize, Vec<&Failure>>,
    out: &mut Findings,
) {
    let failures = &cx.catalog.failures;
    let Refusal { reason, at, besides } = refusal;
    let Some(first) = at.first().map(|first| &failures[*first]) else { return };
    let (lacking, elsewhere): (Vec<&Failure>, Vec<&Failure>) =
        besides.iter().map(|at| &failures[*at]).partition(|failure| failure.statement == first.statement);
    let mut others: Vec<&Failure> = at[1..].iter().map(|at| &failures[*at]).collect();
    for failure in elsewhere {
        if others.iter().all(|other| other.statement != failure.statement) {
            others.push(failure);
        }
    }
    let after: Vec<&Failure> =
        at.iter().chain(besides).filter_map(|at| followers.get(at)).flatten().copied().collect();
    let misfit = cause(failures, &first.misfit);
    let lacked = |failure: &&Failure| subject(cause(failures, &failure.misfit));
    let names: IndexSet<String> = lacking.iter().map(lacked).collect();
    let names: Vec<String> = names.into_iter().collect();
    let nor = match names.len() {
        0 => String::new(),
        1 => format!(", and neither is {}", names[0]),
        _ => format!(", and neither are {}", in_words(&names, "and")),
    };
    let reason = &format!("{reason}{nor}");
    let more = match others.len() + after.len() {
        0 => String::new(),
        1 => " (1 more statement fails for this)".to_string(),
        count => format!(" ({count} more statements fail for this)"),
    };
    let message = format!("the migration fails here: {reason}{more}");
    let finding = out.report(place(first), object(misfit), message);
    finding.elsewhere = Some(format!("{} fails: {reason}{more}", file_of(cx.sources, first)));
    finding.what(&refusal.reason).note(format!("PostgreSQL's error {}", misfit.sql_state().0));
    if place(first) != first.statement {
        finding.label(first.statement, "PostgreSQL refuses this statement, and all of its file with it");
    } else {
        finding.label(first.misfit.at, "the statement runs this");
    }
    let beside = match &misfit.reason {
        Reason::Refused { state: SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE, .. } => "the value is added here",
        Reason::Refused {
            state:
                SqlState::INVALID_FUNCTION_DEFINITION
                | SqlState::INVALID_OBJECT_DEFINITION
                | SqlState::INVALID_TABLE_DEFINITION
                | SqlState::WRONG_OBJECT_TYPE,
            ..
        } => "it is made here",
        Reason::Refused { .. } => "this depends on it",
        _ => "it is made here",
    };
    finding.label(first.misfit.beside, beside);
    finding.label_each(lacking.iter().map(|failure| (place(failure), "nor is this made")));
    finding.label_each(others.iter().map(|failure| (place(failure), "fails for the same reason")));
    finding.label_each(after.iter().map(|failure| (failure.statement, FOLLOWS)));
    let failing = others.iter().chain(&after).map(|failure| failure.statement.file);
    let elsewhere = failing.filter(|file| *file != first.statement.file);
    finding.extent(elsewhere.map(|file| file_name(cx.sources, file)));
    if let Some(help) = help(misfit) {
        finding.help(help);
    }
}

/// Why a statement fails: a column of a table that is not there is missing with the table.
fn cause<'a>(failures: &'a [Failure], misfit: &'a Misfit) -> &'a Misfit {
    let table = |misfit: &Misfit| match &misfit.reason {
        Reason::Missing { kind: ObjectKind::Table, name } => Some(name.clone()),
        _ => None,
    };
    let of = match &misfit.reason {
        Reason::Missing { kind: ObjectKind::Column, name } => name.rsplit_once('.').map(|(table, _)| table),
        _ => None,
    };
    // The schema may have been left to the search_path.
    let is_it =
        |name: &str, of: &str| name == of || name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    let lacks = |failure: &&Failure, of| table(&failure.misfit).is_some_and(|name| is_it(&name, of));
    let missing = of.and_then(|of| failures.iter().find(|failure| lacks(failure, of)));
    missing.map_or(misfit, |failure| &failure.misfit)
}

/// More objects than these that nothing makes are one finding: the history does not start at its
/// beginning.
const MOST_MISSING: usize = 5;

fn report_missing(
    cx: &CatalogCx<'_>,
    reasons: &IndexMap<String, Vec<usize>>,
    followers: &IndexMap<usize, Vec<&Failure>>,
    out: &mut Findings,
) {
    let failures = &cx.catalog.failures;
    let Some(first) = reasons.values().find_map(|at| failures.get(*at.first()?)) else { return };
    let before = out.list.len();
    let mut refused: FxHashSet<Span> = FxHashSet::default();
    for (at, failure) in reasons.values().flatten().filter_map(|at| Some((at, failures.get(*at)?))) {
        let misfit = cause(failures, &failure.misfit);
        let missing = format!("there is no {}", subject(misfit));
        refused.insert(failure.statement);
        out.report(place(failure), object(misfit), missing)
            .note(format!("PostgreSQL's error {}", misfit.sql_state().0))
            .help(help(misfit).unwrap_or_else(|| misfit::MISSING.to_string()));
        for failure in followers.get(at).into_iter().flatten() {
            let file = file_of(cx.sources, failure);
            // One that needs several of these is told once.
            if refused.insert(failure.statement) {
                out.report(failure.statement, object(&failure.misfit), FOLLOWS).elsewhere =
                    Some(format!("{file} {FOLLOWS}"));
            }
        }
    }
    let message = format!(
        "{} statements need {} objects that no statement before them makes: the first migration that fails is {}, \
         for {}",
        refused.len(),
        reasons.len(),
        file_of(cx.sources, first),
        subject(cause(failures, &first.misfit))
    );
    out.fold(before, "objects", message, |one| one.message.clone());
}

/// The name of a file without its folders, which stays the same where a project moves.
fn file_name(sources: &Sources, file: FileId) -> &str {
    let path = &sources.get(file).path;
    path.rsplit('/').next().unwrap_or(path)
}

fn file_of<'s>(sources: &'s Sources, failure: &Failure) -> &'s str {
    file_name(sources, failure.statement.file)
}

/// What is said at a statement that needs what another one was to make.
const FOLLOWS: &str = "fails with it: it needs what is not made";

/// The part of a statement that is to blame, where it is not in a function that the statement calls.
fn place(failure: &Failure) -> Span {
    failure.misfit.at.filter(|at| failure.statement.contains(*at)).unwrap_or(failure.statement)
}

/// `table public.notes`
fn subject(misfit: &Misfit) -> String {
    let Identity { kind, name, .. } = object(misfit);
    format!("{kind} {name}")
}

/// The rule that reports a refusal.
fn rule_of(misfit: &Misfit) -> &'static str {
    match &misfit.reason {
        Reason::Exists { kind: ObjectKind::Policy, .. } => "policy-already-exists",
        Reason::Missing { kind: ObjectKind::Column, .. } if misfit.in_policy => "policy-unknown-column",
        Reason::Missing { kind: ObjectKind::Role, .. } if misfit.in_policy => "policy-role-unknown",
        Reason::Missing { .. } => "unknown-object",
        Reason::NotAllowed { kind: ObjectKind::Schema, .. } => "object-in-managed-schema",
        Reason::NotAllowed { .. } => "managed-table-alter",
        Reason::Refused { state: SqlState::SYNTAX_ERROR, .. } if misfit.in_policy => {
            "policy-clause-command-mismatch"
        }
        Reason::Refused { state: SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE, .. } => {
            "enum-value-used-in-same-file"
        }
        Reason::Refused { state: SqlState::ACTIVE_SQL_TRANSACTION, .. } => "non-transactional-statement",
        Reason::Exists { .. } | Reason::Refused { .. } => "migration-fails",
    }
}

fn object(misfit: &Misfit) -> Identity {
    match &misfit.reason {
        Reason::Missing { kind, name, .. }
        | Reason::Exists { kind, name }
        | Reason::NotAllowed { kind, name } => Identity::plain(kind.noun(), name.clone()),
        Reason::Refused { .. } => Identity::plain("migration", "statement"),
    }
}

/// The extension that makes a schema of its own, or a type, and the schema that it goes to.
fn extension_of(kind: ObjectKind, name: &str) -> Option<&'static str> {
    match (kind, name.rsplit('.').next()?) {
        (ObjectKind::Schema, "cron") => Some("pg_cron"),
        (ObjectKind::Schema, "pgmq") => Some("pgmq"),
        (ObjectKind::Schema, "pgsodium") => Some("pgsodium"),
        (ObjectKind::Type, "vector" | "halfvec" | "sparsevec") => Some("vector with schema extensions"),
        (ObjectKind::Type, "geometry" | "geography") => Some("postgis with schema extensions"),
        (ObjectKind::Type, "citext") => Some("citext with schema extensions"),
        (ObjectKind::Type, "hstore") => Some("hstore with schema extensions"),
        (ObjectKind::Type, "ltree") => Some("ltree with schema extensions"),
        _ => None,
    }
}

fn help(misfit: &Misfit) -> Option<String> {
    if let Some(help) = misfit.help {
        return Some(help.to_string());
    }
    match &misfit.reason {
        Reason::Missing { kind: ObjectKind::Role, name, .. } => Some(format!(
            "create the role in an earlier migration or in supabase/roles.sql: create role {name};"
        )),
        Reason::Missing { kind, name } if extension_of(*kind, name).is_some() => extension_of(*kind, name)
            .map(|extension| format!("create extension if not exists {extension}; -- in an earlier migration")),
        Reason::Missing { .. } if misfit.in_policy => None,
        Reason::Missing { .. } => Some(misfit::MISSING.to_string()),
        Reason::Exists { kind: ObjectKind::Policy, name } => {
            Some(format!("drop the old one first: drop policy if exists {name};"))
        }
        Reason::Exists { kind: ObjectKind::Function | ObjectKind::Procedure, .. } => {
            Some("write `create or replace`".to_string())
        }
        Reason::Exists {
            kind:
                ObjectKind::Table
                | ObjectKind::Index
                | ObjectKind::Schema
                | ObjectKind::Extension
                | ObjectKind::Sequence
                | ObjectKind::Column,
            ..
        } => Some("leave it out, or write `if not exists`".to_string()),
        Reason::Exists { .. } => Some("leave it out, or drop the old one first".to_string()),
        Reason::Refused { state: SqlState::FEATURE_NOT_SUPPORTED, .. } if misfit.beside.is_some() => {
            Some("drop what reads it first, and make it again after the change".to_string())
        }
        Reason::Refused { state: SqlState::DEPENDENT_OBJECTS_STILL_EXIST, .. } => {
            Some("drop what depends on it first, or write `cascade` to drop that, too".to_string())
        }
        Reason::Refused { state: SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE, .. } => {
            Some("add the value in a migration of its own, before the one that uses it".to_string())
        }
        Reason::NotAllowed { kind: ObjectKind::Schema, .. } => {
            Some("make it in a schema of your own; a schema that `[api] schemas` does not name is private".to_string())
        }
        Reason::NotAllowed { .. } => Some(
            "leave it out: migrations may make policies and triggers on this table, and row level security is \
             on already"
                .to_string(),
        ),
        Reason::Refused { .. } => None,
    }
}
