//! Real statements, taken apart and put together wrongly.
//!
//! `MUTANTS=100000 cargo test mutants -- --nocapture` tries more of them, `MUTANTS=812..813` one again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use fastrand::Rng;
use rls_lint::sql::token::{Lexer, Token, TokenKind};
use rls_lint::workspace::with_threads;

use super::promises;

/// What stands before and after a mutant, and must be found there whatever it is.
const BEFORE: &str = "create table neighbour_before (id int);\n";
const AFTER: &str = "\ncreate table neighbour_after (id int);\n";

/// Pieces that parsers, terminals and web pages stumble on.
const GARBAGE: &[&str] = &[
    "'",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "(",
    ")",
    "[",
    "]",
    ";",
    "\\",
    "\\restrict x\n",
    ":=",
    "::",
    "..",
    "E'",
    "U&'\\00",
    "copy t from stdin;\n",
    "\\.\n",
    "begin atomic",
    "end",
    "\0",
    "\u{feff}",
    "é",
    "🙂",
    "\u{202e}",
    "\u{1b}[31m",
    "\r\n::set-output name=x::y\n",
    "<img src=x onerror=alert(1)>",
    "</details>",
    "```",
    "|",
    "[x](javascript:1)",
    "]]>",
    "\"\u{1b}]0;x\u{7}\"",
    "\"<script>\"",
    "\"`\"",
    "\"a|b\"",
    "%0A",
    "0x",
    "1e",
    "$1",
    "99999999999999999999",
];

/// The statements of the fixtures.
fn statements() -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase-fixtures")];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).expect("the fixtures are there") {
            let path = entry.expect("an entry is listed").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                let (source, migration) = promises::parse(&std::fs::read(path).expect("a fixture is read"));
                let texts = migration.places.iter().map(|place| source.text[place.range()].to_string());
                found.extend(texts.filter(|text| text.len() < 4_000));
            }
        }
    }
    found.into_iter().collect()
}

/// The pieces of a text: tokens, and what stands between them.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut end = 0;
    for token in Lexer::new(text) {
        pieces.extend((token.start > end).then(|| text[end..token.start].to_string()));
        pieces.push(token.text(text).to_string());
        end = token.end;
    }
    pieces
}

/// A statement after one to three accidents.
fn mutant(statements: &[String], dice: &mut Rng) -> String {
    let mut parts = pieces(dice.choice(statements).expect("there are statements"));
    for _ in 0..dice.usize(1..=3) {
        if parts.is_empty() {
            break;
        }
        let (at, other) = (dice.usize(..parts.len()), dice.usize(..parts.len()));
        match dice.u8(..8) {
            0 => drop(parts.remove(at)),
            1 => parts.swap(at, other),
            2 => parts.truncate(at),
            3 => parts.insert(at, parts[other].clone()),
            4 => {
                let donor = pieces(dice.choice(statements).expect("there are statements"));
                let from = dice.usize(..donor.len());
                parts.truncate(at);
                parts.extend_from_slice(&donor[from..]);
            }
            5 => parts.insert(at, dice.choice(GARBAGE).expect("there is garbage").to_string()),
            6 => parts[at] = dice.choice(GARBAGE).expect("there is garbage").to_string(),
            _ => {
                let middle =
                    (0..=parts[at].len() / 2).rev().find(|&middle| parts[at].is_char_boundary(middle));
                parts[at].truncate(middle.unwrap_or_default());
            }
        }
    }
    parts.concat()
}

/// Whether a text ends where it seems to: nothing in it is still open.
fn is_closed(text: &str) -> bool {
    let mut depth = 0;
    for token in Lexer::new(text) {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if token.kind == TokenKind::Unterminated || depth < 0 || opens(token, text) {
            return false;
        }
    }
    depth == 0
}

/// Words after which a semicolon does not end the statement, and what only psql reads.
fn opens(token: Token, text: &str) -> bool {
    ["atomic", "stdin", "case"].iter().any(|word| token.is_word(text, word))
        || token.text(text).contains('\\')
}

fn wanted() -> Range<u64> {
    let asked = std::env::var("MUTANTS").unwrap_or("150".to_string());
    let number = |text: &str| text.parse().expect("MUTANTS is a number, or two with `..` between them");
    match asked.split_once("..") {
        Some((start, end)) => number(start)..number(end),
        None => 0..number(&asked),
    }
}

#[test]
fn mutants_break_no_promise() {
    let statements = with_threads(0, statements);
    let mut closed = 0;
    for number in wanted() {
        let mut dice = Rng::with_seed(number);
        let project: Vec<_> = (0..8).map(|_| mutant(&statements, &mut dice)).collect();
        for mutant in &project {
            closed += usize::from(is_closed(mutant));
            neighbours_stay(number, mutant);
            with_threads(0, || promises::body(mutant));
        }
        let sound: Vec<_> =
            dice.choose_multiple(statements.iter(), 40).into_iter().map(String::as_str).collect();
        let (sound, sql) = (sound.join(";\n"), project.join(";\n"));
        let files: &[(&str, &[u8])] = &[
            ("supabase/config.toml", b""),
            ("supabase/migrations/1_sound.sql", sound.as_bytes()),
            ("supabase/migrations/2_mutants.sql", sql.as_bytes()),
        ];
        let result = std::panic::catch_unwind(|| with_threads(0, || promises::project(files)));
        assert!(result.is_ok(), "MUTANTS={number}..{} breaks a promise with\n{sql}", number + 1);
    }
    assert!(closed > 0, "no mutant had to leave its neighbours alone");
}

/// Neither neighbour is lost: the one before never, the one after unless the mutant swallows it.
fn neighbours_stay(number: u64, mutant: &str) {
    let text = format!("{BEFORE}{mutant};{AFTER}");
    let parsed = std::panic::catch_unwind(|| with_threads(0, || promises::parse(text.as_bytes())));
    let Ok((source, migration)) = parsed else {
        panic!("MUTANTS={number}..{} breaks a promise with\n{text}", number + 1);
    };
    let has = |name: &str| migration.places.iter().any(|place| source.text[place.range()].contains(name));
    assert!(has("neighbour_before"), "MUTANTS={number}..{} loses the statement before\n{text}", number + 1);
    let kept = has("neighbour_after") || !is_closed(mutant);
    assert!(kept, "MUTANTS={number}..{} loses the statement after\n{text}", number + 1);
}
