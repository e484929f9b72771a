//! Deep, large and unreadable input, to the program as it is run.

use std::fmt::Write as _;
use std::process::Command;

use crate::harness::{Answer, Folder};

/// What a table and a policy on it are found under, whatever stands around them.
const OPEN: &str = "\
create table neighbour (id int primary key);
alter table neighbour enable row level security;
create policy open on neighbour for delete using (true);
";

/// Checks a migration that holds this and a policy that is to be found.
fn check(sql: &str) -> Answer {
    let folder = Folder::project(&format!("{OPEN}{sql}"));
    let answer = folder.run(&["--format", "concise", "--fail-on", "never"]);
    assert!(answer.out.contains("always-true-write-policy"), "{}", answer.err);
    answer
}

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    [&open.repeat(times), middle, &close.repeat(times)].concat()
}

#[test]
fn depth_is_an_error_or_none_but_no_crash() {
    for value in [
        nested("(", "1", ")", 100_000),
        nested("(select ", "1", ")", 5_000),
        nested("array[", "1", "]", 20_000),
        nested("case when true then 1 else ", "0", " end", 5_000),
        nested("not ", "true", "", 50_000),
        vec!["'a'"; 10_000].join(" || "),
        vec!["1"; 10_000].join(" + "),
    ] {
        check(&format!("select {value};"));
        check(&format!("create policy deep on neighbour for select using ({value} is not null);"));
    }
    check(&format!("create view deep as {};", nested("select * from (", "select 1 as one", ") q", 2_000)));
    check(&format!("do $$ begin {} end $$;", nested("begin ", "null;", " end;", 5_000)));
    check(&format!("do $$ begin {} end $$;", nested("if true then ", "null;", " end if;", 20_000)));
}

#[test]
fn what_never_ends_is_an_error() {
    for open in ["(", "/*", "'", "\"", "$a$", "begin atomic ", "case when ", "\\", "{", "["] {
        check(&format!("select {}", open.repeat(100_001)));
    }
    let tags: String = (0..5_000).fold(String::new(), |text, number| text + &format!("$a{number}$"));
    check(&format!("select {tags}"));
}

#[test]
fn large_things_are_read() {
    check(&format!("create table \"{}\" (id int);", "a".repeat(1_000_000)));
    check(&format!("select '{}';", "a".repeat(5_000_000)));
    check(&format!("comment on table neighbour is '{}';", "é".repeat(500_000)));
    let columns: Vec<_> = (0..100_000).map(|number| format!("c{number} int")).collect();
    check(&format!("create table wide ({});", columns.join(", ")));
    for operator in [" and ", " or "] {
        let conditions: Vec<_> = (0..5_000).map(|number| format!("id = {number}")).collect();
        check(&format!("create policy long on neighbour for select using ({});", conditions.join(operator)));
    }
    let policies = (0..1_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "create policy p{number} on neighbour for select using (id = {number});");
        text
    });
    check(&policies);
}

#[test]
fn bytes_without_meaning_are_one_finding() {
    for bytes in [&[0][..], b"\xFF", b"\xFFa", b"\xC3", b";", b"\n", b"'", b"\\x\n"] {
        let folder = Folder::project("");
        folder.write("supabase/migrations/2_bytes.sql", &bytes.repeat(1_000_000));
        let answer = folder.run(&["--format", "concise", "--fail-on", "never"]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(answer.out.lines().count() <= 60, "{} lines for {bytes:?}", answer.out.lines().count());
    }
}

/// A file that cannot be read is said, and the others are checked.
#[cfg(unix)]
#[test]
fn a_pipe_among_the_migrations_is_not_waited_for() {
    let folder = Folder::project(OPEN);
    let pipe = folder.path().join("supabase/migrations/2_pipe.sql");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let answer = folder.run(&["--format", "concise"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("2_pipe.sql"), "{}", answer.err);
    assert!(answer.out.contains("always-true-write-policy"), "{}", answer.out);
}

/// A disk that is full is said; what was there before stays as it was.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::project(OPEN);
    let answer = folder.run(&["--format", "concise", "--output", "json=/dev/full"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("cannot write /dev/full"), "{}", answer.err);
    let answer = Command::new("sh")
        .args(["-c", "exec \"$0\" --format json > /dev/full", env!("CARGO_BIN_EXE_rls-lint")])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    assert_eq!(answer.status.code(), Some(2), "{}", String::from_utf8_lossy(&answer.stderr));
}

/// A gigabyte of address space is enough for a file of many megabytes.
#[cfg(target_os = "linux")]
#[test]
fn a_gigabyte_of_address_space_is_enough() {
    let mut sql = OPEN.to_string();
    for number in 0..3_000 {
        let _ = writeln!(sql, "create table t{number} (id int primary key, one int references neighbour);");
        let _ = writeln!(sql, "insert into t{number} values {};", vec!["(1, 1)"; 200].join(", "));
    }
    let folder = Folder::project(&sql);
    let answer = Command::new("sh")
        .args(["-c", "ulimit -v 1048576; exec \"$0\" --format concise", env!("CARGO_BIN_EXE_rls-lint")])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    assert_eq!(answer.status.code(), Some(1), "{}", String::from_utf8_lossy(&answer.stderr));
}
