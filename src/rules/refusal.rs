//! What the rules about failing migrations share: PostgreSQL refuses a statement, and the file that
//! holds it is rolled back.

use crate::map::IndexMap;
use rustc_hash::FxHashSet;

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
    let mut reasons: IndexMap<String, Vec<usize>> = IndexMap::default();
    for (at, failure) in failures.iter().enumerate() {
        match failure.follows {
            Some(root) => followers.entry(root).or_default().push(failure),
            None if cx.sources.is_of_flaw(place(failure)) => {}
            None if rule_of(&failure.misfit) == rule.id && !told.contains(&failure.statement) => {
                reasons.entry(reason(failures, &failure.misfit)).or_default().push(at);
            }
            None => {}
        }
    }
    if rule.id == "unknown-object" && reasons.len() > MOST_MISSING {
        return report_missing(cx, &reasons, &followers, out);
    }
    let mut files: IndexMap<FileId, Vec<(String, Vec<usize>)>> = IndexMap::default();
    for (reason, at) in reasons {
        let Some(first) = at.first() else { continue };
        files.entry(failures[*first].statement.file).or_default().push((reason, at));
    }
    for reasons in files.into_values() {
        if reasons.len() > MOST_IN_FILE {
            fold_file(cx, &reasons, &followers, out);
        } else {
            reasons.iter().for_each(|(reason, at)| report_reason(cx, reason, at, &followers, out));
        }
    }
}

/// A file of which PostgreSQL refuses statements for more reasons than these is one finding: it gets
/// no further than the first of them.
const MOST_IN_FILE: usize = 3;

fn fold_file(
    cx: &CatalogCx<'_>,
    reasons: &[(String, Vec<usize>)],
    followers: &IndexMap<usize, Vec<&Failure>>,
    out: &mut Findings,
) {
    let failures = &cx.catalog.failures;
    let before = out.list.len();
    for (reason, at) in reasons {
        for at in at {
            report_reason(cx, reason, std::slice::from_ref(at), followers, out);
            for failure in followers.get(at).into_iter().flatten() {
                let message = format!("the migration fails here: {reason}");
                let found = out.report(failure.statement, object(&failure.misfit), message);
                found.what(reason).elsewhere =
                    Some(format!("{} fails: {reason}", file_of(cx.sources, failure)));
            }
        }
    }
    let refused = out.list.len() - before;
    let first = &reasons[0].0;
    let file = file_of(cx.sources, &failures[reasons[0].1[0]]);
    let message = format!("{file} fails: {first}; {} more statements are refused as well", refused - 1);
    let Some(habit) = out.fold(before, "statements", message, |one| one.what.clone()) else { return };
    habit.what(first);
    let repeats = |at: &usize| matches!(failures[*at].misfit.reason, Reason::Exists { .. });
    if reasons.iter().flat_map(|(_, at)| at).all(repeats) {
        habit.help("the file makes what files before it have made: leave that out, or all of the file");
    }
}

fn report_reason(
    cx: &CatalogCx<'_>,
    reason: &str,
    at: &[usize],
    followers: &IndexMap<usize, Vec<&Failure>>,
    out: &mut Findings,
) {
    let failures = &cx.catalog.failures;
    let Some((first, others)) = at.split_first().map(|(first, rest)| (&failures[*first], rest)) else {
        return;
    };
    let others: Vec<&Failure> = others.iter().map(|at| &failures[*at]).collect();
    let after: Vec<&Failure> = at.iter().filter_map(|at| followers.get(at)).flatten().copied().collect();
    let misfit = &first.misfit;
    let more = match others.len() + after.len() {
        0 => String::new(),
        1 => " (1 more statement fails for this)".to_string(),
        count => format!(" ({count} more statements fail for this)"),
    };
    let message = format!("the migration fails here: {reason}{more}");
    let finding = out.report(place(first), object(misfit), message);
    finding.elsewhere = Some(format!("{} fails: {reason}{more}", file_of(cx.sources, first)));
    finding.what(reason).note(format!("PostgreSQL's error {}", misfit.sql_state().0));
    if place(first) != first.statement {
        finding.label(first.statement, "PostgreSQL refuses this statement, and all of its file with it");
    } else {
        finding.label(misfit.at, "the statement runs this");
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
    finding.label(misfit.beside, beside);
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
fn reason(failures: &[Failure], misfit: &Misfit) -> String {
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
    missing.map_or(misfit, |failure| &failure.misfit).to_string()
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
    for (at, failure) in reasons.values().flatten().filter_map(|at| Some((at, failures.get(*at)?))) {
        let missing = format!("there is no {}", subject(&failure.misfit));
        out.report(place(failure), object(&failure.misfit), missing)
            .note(format!("PostgreSQL's error {}", failure.misfit.sql_state().0))
            .help(misfit::MISSING);
        for failure in followers.get(at).into_iter().flatten() {
            let file = file_of(cx.sources, failure);
            out.report(failure.statement, object(&failure.misfit), FOLLOWS).elsewhere =
                Some(format!("{file} {FOLLOWS}"));
        }
    }
    let message = format!(
        "{} statements need {} objects that no statement before them makes: the first migration that fails is {}, \
         for {}",
        out.list.len() - before,
        reasons.len(),
        file_of(cx.sources, first),
        subject(&first.misfit)
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

/// The extension that makes a schema of its own.
fn extension_of(schema: &str) -> Option<&'static str> {
    match schema {
        "cron" => Some("pg_cron"),
        "pgmq" => Some("pgmq"),
        "pgsodium" => Some("pgsodium"),
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
        Reason::Missing { kind: ObjectKind::Schema, name } if extension_of(name).is_some() => {
            extension_of(name).map(|extension| format!("create extension if not exists {extension};"))
        }
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
