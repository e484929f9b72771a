//! What is said about a change of rights.

use crate::access::{COMMANDS, in_words};
use crate::predicate::Reach;
use crate::sql::statement::PolicyCommand;

pub(super) fn verb(command: PolicyCommand) -> &'static str {
    COMMANDS.iter().find(|(one, _)| *one == command).map_or("use", |(one, _)| match one {
        PolicyCommand::Insert => "add",
        PolicyCommand::Update => "change",
        PolicyCommand::Delete => "delete",
        _ => "read",
    })
}

pub(super) fn rows(reach: Reach) -> &'static str {
    match reach {
        Reach::None => "no rows",
        Reach::Unknown => "not known which",
        reach => reach.word(),
    }
}

pub(super) fn rows_at_most(reach: Reach) -> &'static str {
    match reach {
        Reach::Own => "own rows at most",
        Reach::Tenant => "tenant rows at most",
        Reach::Some => "some rows at most",
        reach => rows(reach),
    }
}

/// `read and delete own rows of public.notes, and add such rows`
pub(super) fn deeds(commands: &[PolicyCommand], reach: Reach, relation: &str) -> String {
    let (any, new) = match reach {
        Reach::All => ("any row", "new ones"),
        reach => (rows(reach), "such rows"),
    };
    deeds_with(commands, rows(reach), any, new, relation)
}

/// `read and delete fewer rows of public.notes, and add fewer`
pub(super) fn deeds_in_number(commands: &[PolicyCommand], number: &str, relation: &str) -> String {
    let rows = format!("{number} rows");
    deeds_with(commands, &rows, &rows, number, relation)
}

fn deeds_with(commands: &[PolicyCommand], rows: &str, any: &str, new: &str, relation: &str) -> String {
    let others: Vec<_> = commands.iter().filter(|one| **one != PolicyCommand::Insert).collect();
    if others.is_empty() {
        return format!("add {any} to {relation}");
    }
    let verbs: Vec<_> = others.iter().map(|command| verb(**command)).collect();
    let also = if commands.len() > others.len() { format!(", and add {new}") } else { String::new() };
    format!("{} {rows} of {relation}{also}", in_words(&verbs, "and"))
}

/// `which rows of public.notes authenticated can read, and which they can add`
pub(super) fn which(commands: &[PolicyCommand], who: &str, relation: &str) -> String {
    let verbs: Vec<_> = commands.iter().map(|command| verb(*command)).filter(|verb| *verb != "add").collect();
    match (verbs.is_empty(), verbs.len() < commands.len()) {
        (true, _) => format!("which rows {who} can add to {relation}"),
        (_, adds) => {
            let also = if adds { ", and which they can add" } else { "" };
            format!("which rows of {relation} {who} can {}{also}", in_words(&verbs, "and"))
        }
    }
}

/// `read or delete rows of public.notes`
pub(super) fn plain(commands: &[PolicyCommand], relation: &str) -> String {
    match commands {
        [PolicyCommand::Insert] => format!("add rows to {relation}"),
        commands => {
            let verbs: Vec<_> = commands.iter().map(|command| verb(*command)).collect();
            format!("{} rows of {relation}", in_words(&verbs, "or"))
        }
    }
}

/// More names than these are counted.
const MOST_NAMED: usize = 2;

/// `public.a, public.b and 3 more tables`; `of` is one of them.
pub(super) fn few(names: &[String], of: &str) -> String {
    let mut words = names.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>();
    if names.len() > MOST_NAMED {
        words.push(match names.len() - MOST_NAMED {
            1 => format!("1 more {of}"),
            count => format!("{count} more {of}s"),
        });
    }
    in_words(&words, "and")
}
