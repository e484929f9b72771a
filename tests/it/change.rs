//! What a change brings: `--base`, `--staged`, `--after`, and a pending migration.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Answer, Folder, run_in};

pub(crate) const FIRST: &str = "supabase/migrations/20250101000000_first.sql";
pub(crate) const SECOND: &str = "supabase/migrations/20250201000000_second.sql";

/// Each table of it has findings.
const OLD: &str = "create table public.a (title text);\ncreate table public.b (title text);\n";

/// Runs git in a folder, without what the machine or the user has configured.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("git speaks UTF-8")
}

pub(crate) fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "x", "--allow-empty"]);
}

/// A repository with these files on its branch `main`; what follows is on the branch `work`.
pub(crate) fn repository(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(files);
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(folder.path());
    git(folder.path(), &["checkout", "--quiet", "-b", "work"]);
    folder
}

pub(crate) fn project(sql: &str) -> Folder {
    repository(&[("supabase/config.toml", ""), (FIRST, sql)])
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// The rules that found something, and where: `rule file:line`.
pub(crate) fn found(answer: &Answer) -> Vec<String> {
    let value = json(answer);
    let findings = value["findings"].as_array().expect("it lists findings");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    findings
        .iter()
        .map(|one| format!("{} {}:{}", text(&one["rule"]), text(&one["file"]), text(&one["start"]["line"])))
        .collect()
}

pub(crate) fn check(folder: &Folder, arguments: &[&str]) -> Answer {
    folder.run(&[&["--format", "json"], arguments].concat())
}

#[test]
fn only_what_is_new_is_reported() {
    let folder = project(OLD);
    folder.write(SECOND, b"\ncreate table public.leak (title text);\n");
    let answer =
        check(&folder, &["--base", "main", "--only", "rls-disabled-on-exposed-table,no-primary-key"]);
    assert_eq!(answer.code, 1);
    let place = format!("{SECOND}:2");
    assert_eq!(
        found(&answer),
        [format!("no-primary-key {place}"), format!("rls-disabled-on-exposed-table {place}")]
    );
    let value = json(&answer);
    assert_eq!(value["change"]["staying"], 4);
    assert_eq!(value["change"]["base"], "main");
    assert_eq!(
        value["change"]["access"][0]["message"],
        "anon and authenticated can read, change and delete all rows of public.leak, and add new ones (new table)"
    );
    assert_eq!(value["change"]["access"][0]["place"]["file"], SECOND);

    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&folder, &["--staged"])), found(&check(&folder, &["--base", "main"])));
    assert_eq!(
        found(&check(&folder, &["--after", "20250101000000"])),
        found(&check(&folder, &["--base", "main"]))
    );
    let behind_all = check(&folder, &["--after", "202502"]);
    assert_eq!(found(&behind_all), [""; 0]);
    assert!(behind_all.err.starts_with("note: no migration is newer than 202502, so"), "{behind_all:?}");
}

#[test]
fn what_is_gone_is_told() {
    let folder = project(OLD);
    folder.write(SECOND, b"alter table public.a add primary key (title);\ndrop table public.b;\n");
    let answer = check(&folder, &["--base", "main", "--only", "no-primary-key"]);
    assert_eq!((answer.code, found(&answer).len()), (0, 0), "{answer:?}");
    let value = json(&answer);
    let lines: Vec<_> =
        value["change"]["fixed"].as_array().expect("a list").iter().map(|one| &one["line"]).collect();
    assert_eq!(lines, [1, 2]);
    let human = folder.run(&["--base", "main", "--only", "no-primary-key"]);
    assert!(human.out.contains("Nothing new found in 2 files"), "{human:?}");
    assert!(human.out.contains("Compared with main: 2 findings fixed, 0 as before."), "{human:?}");
    assert!(human.out.contains("public.b is gone: anon and authenticated could"), "{human:?}");
}

#[test]
fn the_work_tree_of_the_base_has_no_say() {
    let folder = project(OLD);
    folder.write(SECOND, b"create table public.leak (id int);\n");
    git(folder.path(), &["add", "--all"]);
    // Neither staged nor committed.
    folder.write("supabase/migrations/20250301000000_third.sql", b"create table public.later (id int);\n");
    let only = ["--only", "rls-disabled-on-exposed-table"];
    let staged = check(&folder, &[&["--staged"], &only[..]].concat());
    assert_eq!(found(&staged), [format!("rls-disabled-on-exposed-table {SECOND}:1")]);
    let based = check(&folder, &[&["--base", "main"], &only[..]].concat());
    assert_eq!(found(&based).len(), 2);
}

#[test]
fn settings_of_the_head_hold_for_both_sides() {
    let folder = project(OLD);
    let strict = b"extends: minimal\nrules: {no-primary-key: error}\n";
    folder.write("rls-lint.yaml", strict);
    assert_eq!(found(&check(&folder, &["--base", "main"])), [""; 0], "a new file");
    folder.write("rls-lint.yaml", b"extends: minimal\n");
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write("rls-lint.yaml", strict);
    folder.write(SECOND, b"create table public.c (title text);\n");
    let expected = [format!("no-primary-key {SECOND}:1")];
    assert_eq!(found(&check(&folder, &["--base", "main", "--only", "no-primary-key"])), expected);
    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&folder, &["--staged", "--only", "no-primary-key"])), expected);
    std::fs::remove_file(folder.path().join("rls-lint.yaml")).expect("it is there");
    folder.write("supabase/rls-lint.yml", strict);
    assert_eq!(found(&check(&folder, &["--base", "main", "--only", "no-primary-key"])), expected, "moved");
}

#[test]
fn what_could_not_be_recorded_may_have_another_version() {
    let folder = project("create table public.a (id int primary key);\n");
    folder.write(
        "supabase/migrations/20250101000000_twin.sql",
        b"create table public.b (id int primary key);\n",
    );
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    let mended = "supabase/migrations/20250301000000_twin.sql";
    git(folder.path(), &["mv", "supabase/migrations/20250101000000_twin.sql", mended]);
    let answer = check(&folder, &["--base", "main", "--only", "ad-hoc-ddl,migration-order"]);
    assert_eq!(found(&answer), [""; 0]);
    assert_eq!(json(&answer)["change"]["fixed"][0]["rule"], "migration-order", "{answer:?}");
}

#[test]
fn merged_migrations_stay_as_they_are() {
    let folder = project("create table public.a (id int primary key);\n");
    folder.write(SECOND, b"create table public.b (id int primary key);\n");
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    let only = ["--base", "main", "--only", "ad-hoc-ddl,migration-order"];
    let answer = |folder: &Folder| check(folder, &only);

    folder.write(
        FIRST,
        b"-- rls-lint: allow(no-primary-key) it has one\r\ncreate table public.a (id int primary key);\r\n",
    );
    assert_eq!(found(&answer(&folder)), [""; 0], "comments and line breaks are no change");
    folder.write(FIRST, b"create table public.a (id bigint primary key);\n");
    let edited = answer(&folder);
    assert_eq!(found(&edited), [format!("ad-hoc-ddl {FIRST}:1")]);
    assert_eq!(json(&edited)["findings"][0]["start"]["column"], 27);

    git(folder.path(), &["mv", "--force", FIRST, "supabase/migrations/20250301000000_first.sql"]);
    folder.write(
        "supabase/migrations/20250301000000_first.sql",
        b"create table public.a (id int primary key);\n",
    );
    let renamed = answer(&folder);
    assert_eq!(found(&renamed), ["ad-hoc-ddl supabase/migrations/20250301000000_first.sql:1"]);
    assert!(renamed.out.contains("was merged as 20250101000000_first.sql"), "{renamed:?}");

    std::fs::remove_file(folder.path().join("supabase/migrations/20250301000000_first.sql"))
        .expect("it is there");
    let deleted = answer(&folder);
    assert_eq!(found(&deleted), [format!("ad-hoc-ddl {FIRST}:1")]);
    assert!(deleted.out.contains("was deleted after it was merged"), "{deleted:?}");
    assert!(folder.run(&only).out.contains("no longer there"));

    let staged = ["--staged", "--only", "ad-hoc-ddl,migration-order"];
    git(folder.path(), &["add", "--all"]);
    let answer = check(&folder, &staged);
    assert_eq!(found(&answer), [format!("ad-hoc-ddl {FIRST}:1")]);
    assert!(answer.out.contains("was deleted after it was merged"), "{answer:?}");
    git(folder.path(), &["checkout", "--quiet", "HEAD", "--", FIRST]);
    folder.write(FIRST, b"create table public.a (id bigint primary key);\n");
    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&folder, &staged)), [format!("ad-hoc-ddl {FIRST}:1")]);

    // What only this branch has may still be changed.
    git(folder.path(), &["checkout", "--quiet", "HEAD", "--", FIRST]);
    let own = "supabase/migrations/20250401000000_own.sql";
    folder.write(own, b"create table public.c (id int primary key);\n");
    commit(folder.path());
    folder.write(own, b"create table public.c (id bigint primary key);\n");
    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&folder, &staged)), [""; 0]);
}

#[test]
fn comments_in_bodies_are_no_change() {
    let function = |body: &str, language: &str| {
        format!(
            "create function public.one() returns int language {language} set search_path = '' as $body$ {body} $body$;\ndo $$ begin perform 1; end $$;\n"
        )
    };
    let edited = |was: &str, is: &str, language: &str| {
        let folder = project(&function(was, language));
        folder.write(FIRST, function(is, language).as_bytes());
        found(&check(&folder, &["--base", "main", "--only", "ad-hoc-ddl"]))
    };
    let differs = vec![format!("ad-hoc-ddl {FIRST}:1")];
    assert_eq!(edited("select 1", "-- one\n SELECT 1 /* it is */", "sql"), [""; 0]);
    assert_eq!(edited("begin return 1; end", "begin -- now\n  return 1; end", "plpgsql"), [""; 0]);
    assert_eq!(edited("select 1", "select 2 -- 1", "sql"), differs);
    assert_eq!(edited("select '-- a'::int", "select '-- b'::int", "sql"), differs);
    // Elsewhere these are no comments.
    assert_eq!(edited("return i--1", "return i--2", "plv8"), differs);
}

#[test]
fn what_was_taken_out_stood_behind_another_statement() {
    let (a, b, c) = (
        "create table public.a (id int primary key);\n",
        "create table public.b (id int primary key);\n",
        "create table public.c (id int primary key);\n",
    );
    let folder = project(&format!("{a}{b}{c}"));
    let told = |sql: String| {
        folder.write(FIRST, sql.as_bytes());
        let answer = json(&check(&folder, &["--base", "main", "--only", "ad-hoc-ddl"]));
        let one = &answer["findings"][0];
        let is_gone = one["note"].as_str().is_some_and(|note| note.contains("taken out"));
        (one["start"]["line"].as_u64(), one["start"]["column"].as_u64(), is_gone)
    };
    let end = Some(a.len() as u64 - 1);
    assert_eq!(told(format!("{a}{c}")), (Some(1), end, true));
    assert_eq!(told(format!("{a}{b}")), (Some(2), end, true));
    assert_eq!(told(a.to_string()), (Some(1), end, true));
    assert_eq!(told(format!("{b}{c}")), (Some(1), Some(21), false), "nothing is before it");
    assert_eq!(told(format!("{a}{}{c}", b.replace("int", "bigint"))).0, Some(2));
}

#[test]
fn what_is_no_longer_said_is_not_fixed() {
    let sql = "create table public.a (id int primary key);\n";
    let folder = project(sql);
    let fixed = || {
        let only = ["--base", "main", "--only", "rls-disabled-on-exposed-table", "--format", "json"];
        let value = json(&folder.run(&only));
        (value["change"]["fixed"].as_array().map(Vec::len), value["findings"].as_array().map(Vec::len))
    };
    folder.write(
        FIRST,
        format!("-- rls-lint: allow(rls-disabled-on-exposed-table) internal\n{sql}").as_bytes(),
    );
    assert_eq!(fixed(), (Some(0), Some(0)), "allowed by a comment");
    folder.write(FIRST, sql.as_bytes());
    folder.write(
        "rls-lint.yaml",
        b"overrides: [{paths: ['**'], rules: {rls-disabled-on-exposed-table: off}}]\n",
    );
    assert_eq!(fixed(), (Some(0), Some(0)), "switched off for its file");
    folder.write("rls-lint.yaml", b"");
    folder.write(SECOND, b"alter table public.a enable row level security;\n");
    assert_eq!(fixed(), (Some(1), Some(0)), "mended");
}

#[test]
fn what_can_no_longer_be_told_is_not_fixed() {
    let view = "create table public.notes (id int primary key, owner uuid);
        alter table public.notes enable row level security;
        create view public.v as select id from public.notes;
        create table public.open (id int primary key);\n";
    let folder = project(view);
    let unknown = "do $$ begin execute current_setting('app.text'); end $$;";
    for (change, fixed) in [
        ("alter view public.v set (security_invoker = true);", vec!["definer-view-exposed"]),
        ("drop view public.v;", vec!["definer-view-exposed"]),
        (unknown, vec![]),
        // What it did is not known to be still so.
        (&format!("alter view public.v set (security_invoker = true); {unknown}"), vec![]),
        ("drop view public.v; create view public.v as select * from public.made_by_hand;", vec![]),
        (
            "create function public.f() returns setof public.notes language sql as 'select * from public.notes';
             drop view public.v; create view public.v as select id from public.f();",
            vec![],
        ),
    ] {
        folder.write(SECOND, change.as_bytes());
        let only = "definer-view-exposed,rls-disabled-on-exposed-table";
        let answer = json(&check(&folder, &["--base", "main", "--only", only]));
        let told = answer["change"]["fixed"].as_array().expect("it lists them").iter();
        assert_eq!(told.map(|one| one["rule"].clone()).collect::<Vec<_>>(), fixed, "{change}");
    }
}

#[test]
fn what_is_hidden_by_something_else_is_not_fixed() {
    let folder = project(
        "create table public.accounts (id int primary key, note text);
         alter table public.accounts enable row level security;
         create table public.people (id int primary key, owner uuid, email text);
         create function public.clear(i int) returns void language plpgsql security definer set search_path = ''
           as $$ begin update public.accounts set note = null where id = i; end $$;\n",
    );
    let fixed = |change: &str| {
        folder.write(SECOND, change.as_bytes());
        let answer = json(&check(&folder, &["--base", "main"]));
        let list = answer["change"]["fixed"].as_array().expect("it lists them").clone();
        list.iter().map(|one| one["rule"].as_str().expect("a text").to_string()).collect::<Vec<_>>()
    };
    // It is open still, and told in another way.
    let open = "alter table public.people enable row level security; create policy p on public.people for select using (true);";
    assert!(!fixed(open).contains(&"sensitive-column-exposed".to_string()), "{:?}", fixed(open));
    let mended = "alter table public.people enable row level security;
        create policy p on public.people for select to authenticated using (owner = (select auth.uid()));";
    assert!(fixed(mended).contains(&"sensitive-column-exposed".to_string()), "{:?}", fixed(mended));
    let body = |body: &str| {
        format!(
            "create or replace function public.clear(i int) returns void language plpgsql security definer
             set search_path = '' as $$ begin {body} end $$;"
        )
    };
    for change in [
        body("execute 'update public.accounts set note = null where id = $1' using i;"),
        body("perform auth.uid(); update public.accounts set note = null where id = i;"),
        body("delete from public.accounts;"),
    ] {
        assert_eq!(fixed(&change), [""; 0], "{change}");
    }
    let unset = project(
        "create table public.t (id int primary key);\ncreate function public.two() returns bigint language sql security definer as 'select count(*) from public.t';\n",
    );
    unset.write(SECOND, b"alter function public.two() set search_path = '';");
    let answer = json(&check(&unset, &["--base", "main"]));
    assert_eq!(answer["change"]["fixed"][0]["rule"], "function-search-path-mutable", "{answer}");
    let noop = project(
        "create function public.two() returns int language sql security definer set search_path = '' as 'select 2';
         revoke execute on function public.two() from anon;\n",
    );
    noop.write(SECOND, b"revoke execute on all functions in schema public from anon;");
    let answer = json(&check(&noop, &["--base", "main"]));
    assert_eq!(answer["change"]["fixed"], serde_json::json!([]), "everybody can call it still");
    let revoked = fixed("revoke execute on function public.clear from public, anon, authenticated;");
    assert!(revoked.contains(&"definer-executable-by-anon".to_string()), "{revoked:?}");
}

#[test]
fn what_a_function_does_with_its_owners_rights_is_told_where_it_changes() {
    let function = |condition: &str| {
        format!(
            "create or replace function public.mine() returns setof public.invoices language sql security definer
             set search_path = '' as $$ select * from public.invoices i where {condition} $$;\n"
        )
    };
    let table = "create table public.invoices (id int primary key, owner uuid);
        alter table public.invoices enable row level security;\n";
    let folder = project(&format!("{table}{}", function("i.owner = auth.uid()")));
    let told = |condition: &str| {
        folder.write(SECOND, format!("\n{}", function(condition)).as_bytes());
        let answer = json(&check(&folder, &["--base", "main"]));
        let access = answer["change"]["access"].as_array().expect("a list").clone();
        access
            .iter()
            .map(|one| format!("{} {}", one["class"], one["place"]["start"]["line"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("i.owner = auth.uid() or true"), ["\"review\" 2"]);
    assert_eq!(told("i.owner  = auth.uid() -- the same"), [""; 0]);
}

#[test]
fn a_sensitive_column_more_is_told() {
    let folder = project("create table public.people (id int primary key, email text);\n");
    folder.write(SECOND, b"alter table public.people add column phone text, add column password_hash text;");
    let only = ["--base", "main", "--only", "sensitive-column-exposed"];
    let answer = check(&folder, &only);
    assert_eq!(found(&answer), [format!("sensitive-column-exposed {SECOND}:1")]);
    assert!(answer.out.contains("anon can read password_hash and phone"), "{}", answer.out);
    let folder = project(
        "create table public.people (id int primary key, email text);
         alter table public.people enable row level security;
         create policy p on public.people for select using (true);\n",
    );
    folder.write(SECOND, b"alter table public.people add column api_key text;");
    let answer = check(&folder, &["--base", "main", "--only", "always-true-read-policy"]);
    assert_eq!(found(&answer), [format!("always-true-read-policy {SECOND}:1")]);
    folder.write(SECOND, b"create policy q on public.people for select using (id > 0 or id <= 0 or id is null); drop policy p on public.people;");
    let answer = check(&folder, &["--base", "main", "--only", "always-true-read-policy"]);
    assert_eq!(json(&answer)["change"]["fixed"], serde_json::json!([]), "it is as open as before");
}

#[test]
fn what_is_as_open_as_before_is_not_fixed() {
    let folder = project(
        "create table public.notes (id int primary key);
         alter table public.notes enable row level security;
         create policy p on public.notes for select using (true);\n",
    );
    let fixed = |change: &str| {
        folder.write(SECOND, format!("drop policy p on public.notes; {change}").as_bytes());
        let answer = json(&check(&folder, &["--base", "main", "--only", "always-true-read-policy"]));
        answer["change"]["fixed"].as_array().expect("it lists them").len()
    };
    assert_eq!(fixed("create policy p on public.notes using (true);"), 0);
    assert_eq!(
        fixed("create policy q on public.notes to public using (id > 0 or id <= 0 or id is null);"),
        0
    );
    assert_eq!(fixed("alter table public.notes disable row level security;"), 0);
    assert_eq!(fixed("create policy p on public.notes for select to authenticated using (true);"), 0);
    assert_eq!(fixed("create policy p on public.notes for select using (id > 5);"), 1);
    assert_eq!(fixed(""), 1);
}

/// A history of which nothing makes the beginning. What fails with the first table shares a fingerprint.
const HEADLESS: &str = "create table public.kid (id int primary key, of int references public.m1 (id));
comment on table public.kid is 'x';
create index on public.kid (of);
alter table public.m2 add column a int; alter table public.m3 add column a int; alter table public.m4 add column a int;
alter table public.m5 add column a int; alter table public.m6 add column a int;
comment on column public.kid.of is 'y';\n";

#[test]
fn of_several_that_are_alike_the_newest_is_new() {
    let folder = project(HEADLESS);
    let only = ["--only", "unknown-object"];
    assert_eq!(folder.run(&["baseline", "--only", "unknown-object"]).code, 0);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write(SECOND, b"alter table public.kid add column b int;\n");
    let here = [format!("unknown-object {SECOND}:1")];
    assert_eq!(found(&check(&folder, &[&["--base", "main"], &only[..]].concat())), here);
    assert_eq!(found(&check(&folder, &only)), here, "the baseline knows as many as there were");
    let answer = json(&check(&folder, &["--base", "main", "--only", "unknown-object"]));
    assert_eq!(answer["change"]["staying"], 1, "{answer}");
    // In a file that is edited, it is the new statement.
    folder.write(SECOND, b"");
    let edited = HEADLESS.replace("create index", "alter table public.kid add column b int;\ncreate index");
    folder.write(FIRST, edited.as_bytes());
    let answer = check(&folder, &[&["--base", "main"], &only[..]].concat());
    assert_eq!(found(&answer), [format!("unknown-object {FIRST}:3")]);
}

#[test]
fn of_several_that_are_alike_as_many_are_fixed_as_are_gone() {
    let folder = project(HEADLESS);
    let less = HEADLESS.replace("comment on table public.kid is 'x';\n", "");
    folder.write(FIRST, less.as_bytes());
    let answer = json(&check(&folder, &["--base", "main", "--only", "unknown-object"]));
    assert_eq!(answer["change"]["fixed"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["change"]["staying"], 1, "{answer}");
}

#[test]
fn what_was_found_stays_or_is_fixed() {
    // One finding about all tables becomes one for each, and is counted as it was.
    let many: String =
        "abcdefgh".chars().map(|name| format!("create table public.{name} (id int);\n")).collect();
    let folder = project(&many);
    let only = ["--base", "main", "--only", "no-primary-key,missing-created-at"];
    let before = found(&check(&folder, &only[2..])).len();
    folder.write(SECOND, b"alter table public.a add column created_at timestamptz not null default now();\n");
    let answer = json(&check(&folder, &only));
    let count = |what: &serde_json::Value| what.as_u64().expect("a number");
    assert_eq!(count(&answer["change"]["staying"]), before as u64, "{answer}");
}

#[test]
fn a_baseline_follows_columns_and_functions_to_their_new_names() {
    let folder = project(
        "create table public.notes (id int primary key, author uuid references auth.users (id), email text);
         create function public.wipe() returns void language sql security definer set search_path = ''
           as 'delete from public.notes where true';\n",
    );
    assert_eq!(folder.run(&["baseline"]).code, 0);
    assert_eq!(found(&check(&folder, &[])), [""; 0]);
    let renamed = "alter table public.notes rename column author to owner;
        alter table public.notes rename column email to email_address;
        alter function public.wipe() rename to clear;\n";
    folder.write(SECOND, renamed.as_bytes());
    assert_eq!(found(&check(&folder, &[])), [""; 0]);
    assert!(folder.run(&["baseline", "--prune"]).out.contains("Took 0 entries out"));
    // What takes an old name is another one.
    let again = format!(
        "{renamed} alter table public.notes add column author uuid references auth.users (id);
         create function public.wipe() returns void language sql security definer set search_path = ''
           as 'delete from public.notes where true';\n"
    );
    folder.write(SECOND, again.as_bytes());
    let told = found(&check(&folder, &[]));
    assert!(told.contains(&format!("unindexed-foreign-key {SECOND}:4")), "{told:?}");
    assert!(told.contains(&format!("definer-executable-by-anon {SECOND}:5")), "{told:?}");
}

#[test]
fn a_policy_on_an_open_table_opens_nothing() {
    let folder = project("create table public.notes (id int primary key);\n");
    folder.write(SECOND, b"create policy p on public.notes for select using (true);\n");
    let answer = check(&folder, &["--base", "main", "--only", "rls-disabled-on-exposed-table"]);
    assert_eq!(found(&answer), [""; 0]);
}

/// What `policy-widened` finds, and what is told of rights, of a second migration.
fn opened(folder: &Folder, sql: &str) -> (Vec<String>, Vec<String>) {
    folder.write(SECOND, format!("{sql}\n").as_bytes());
    let answer = check(folder, &["--base", "main", "--only", "policy-widened"]);
    let value = json(&answer);
    let access = value["change"]["access"].as_array().expect("a list").iter();
    let said = access.map(|one| format!("{} {}", one["class"], one["message"]).replace('"', "")).collect();
    (found(&answer), said)
}

#[test]
fn functions_that_give_or_empty_a_table_open_it() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = (select auth.uid()));
         create schema priv;
         create function priv.all_notes() returns setof public.notes language sql security definer set search_path = ''
           as 'select * from public.notes';\n",
    );
    let definer = |returns: &str, language: &str, body: &str| {
        format!(
            "create function public.f() returns {returns} language {language} security definer set search_path = '' as $$ {body} $$;"
        )
    };
    for sql in [
        definer("void", "sql", "truncate public.notes"),
        definer("void", "plpgsql", "begin truncate table public.notes cascade; end"),
        definer("setof public.notes", "sql", "with x as (select * from public.notes) select * from x"),
        definer("json", "sql", "select json_agg(n) from public.notes n"),
        definer("public.notes[]", "sql", "select array_agg(n) from public.notes n"),
        definer(
            "setof public.notes",
            "plpgsql",
            "declare r public.notes; begin for r in select * from public.notes loop return next r; end loop; end",
        ),
        definer("setof public.notes", "sql", "select * from priv.all_notes()"),
        "create function public.f() returns void language sql as 'truncate public.notes';".to_string(),
    ] {
        let (places, said) = opened(&folder, &sql);
        assert!(
            !places.is_empty() && places.iter().all(|one| *one == format!("policy-widened {SECOND}:1")),
            "{sql}"
        );
        let dangerous =
            |one: &&String| one.starts_with("dangerous ") && one.contains("all rows of public.notes");
        assert_eq!(said.iter().filter(dangerous).count(), 2, "{sql}: {said:?}");
    }
    for sql in [
        definer("bigint", "sql", "select count(*) from public.notes"),
        definer("json", "sql", "select json_agg(n) from public.notes n where n.owner = auth.uid()"),
        definer("setof public.notes", "sql", "select * from priv.all_notes() limit 1"),
    ] {
        assert_eq!(opened(&folder, &sql).0, [""; 0], "{sql}");
    }
}

#[test]
fn what_is_dangerous_is_a_finding_where_the_api_does_not_serve_it() {
    let folder = project(
        "create schema app; grant usage on schema app to authenticated;
         create table app.t (id int primary key, owner uuid); grant select on app.t to authenticated;
         create table public.people (id int primary key, name text, email text);
         alter table public.people enable row level security;
         create policy p on public.people for select to authenticated using (true);
         revoke all on public.people from anon, authenticated; grant select (id, name) on public.people to authenticated;\n",
    );
    for sql in [
        "create view public.v with (security_invoker = on) as select * from app.t;",
        "create function public.f() returns setof app.t language sql as 'select * from app.t';",
        "grant select (email) on public.people to authenticated;",
    ] {
        let (places, said) = opened(&folder, sql);
        assert_eq!(places, [format!("policy-widened {SECOND}:1")], "{sql}");
        assert!(said[0].starts_with("dangerous authenticated can"), "{said:?}");
    }
    let (places, said) = opened(&folder, "alter table public.people rename column name to nick;");
    assert_eq!(places, [""; 0]);
    assert_eq!(said, ["breaking column name of public.people is now called nick"]);
}

#[test]
fn what_databases_keep_is_not_fixed() {
    let folder = project("create table public.a (title text);\n");
    folder.write(FIRST, b"create table public.a (title text primary key);\n");
    let fixed = |arguments: &[&str]| {
        let answer = json(&check(&folder, arguments));
        answer["change"]["fixed"].as_array().expect("it lists them").len()
    };
    assert_eq!(fixed(&["--base", "main", "--only", "no-primary-key,ad-hoc-ddl"]), 0);
    // Where nobody minds, databases are made anew.
    assert_eq!(fixed(&["--base", "main", "--only", "no-primary-key"]), 1);
}

#[test]
fn what_is_opened_mends_nothing() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid, shared bool);
         alter table public.notes enable row level security;
         create policy own on public.notes for select using (owner = (select auth.uid()));
         create policy shared on public.notes for select using (shared);\n",
    );
    folder.write(SECOND, b"alter policy shared on public.notes using (shared or true);\n");
    let rules =
        "multiple-permissive-policies,always-true-branch,policy-widened,broad-policy-defeats-scoped-policy";
    let answer = check(&folder, &["--base", "main", "--only", rules]);
    assert_eq!(found(&answer), [format!("always-true-branch {SECOND}:1")]);
    assert_eq!(json(&answer)["change"]["fixed"], serde_json::json!([]), "both policies are there still");
    // The Data API need not serve the table: views and functions may read it.
    let folder = project(
        "create schema app; grant usage on schema app to authenticated;
         create table app.notes (id int primary key, owner uuid);
         grant select on app.notes to authenticated; alter table app.notes enable row level security;
         create policy own on app.notes for select to authenticated using (owner = auth.uid());\n",
    );
    let fixed = |change: &str| {
        folder.write(SECOND, change.as_bytes());
        let answer = json(&check(&folder, &["--base", "main", "--only", "auth-call-per-row"]));
        answer["change"]["fixed"].as_array().expect("it lists them").len()
    };
    assert_eq!(fixed("create policy everything on app.notes for select to authenticated using (true);"), 0);
    assert_eq!(fixed("alter policy own on app.notes using (owner = (select auth.uid()));"), 1);
}

#[test]
fn what_is_opened_is_said_once_and_as_severe_as_is_wanted() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid, email text);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = (select auth.uid()));\n",
    );
    let told = |change: &str| {
        folder.write(SECOND, change.as_bytes());
        let rules = "policy-widened,always-true-read-policy,broad-policy-defeats-scoped-policy";
        let answer = check(&folder, &["--base", "main", "--only", rules]);
        let rules: Vec<_> =
            found(&answer).iter().map(|one| one.split(' ').next().unwrap_or_default().to_string()).collect();
        (rules.join(" "), answer.code)
    };
    let signed_in = "create policy seen on public.notes for select to authenticated using ((select auth.uid()) is not null);";
    let all = "drop policy own on public.notes; create policy seen on public.notes for select to authenticated using (true);";
    assert_eq!(told(signed_in), ("policy-widened".to_string(), 0));
    assert_eq!(told(all), ("always-true-read-policy".to_string(), 0));
    folder.write("rls-lint.yaml", b"rules:\n  policy-widened: error\n");
    assert_eq!(told(signed_in), ("policy-widened".to_string(), 1));
    assert_eq!(told(all), ("always-true-read-policy policy-widened".to_string(), 1));
}

#[test]
fn what_a_comment_allows_and_a_change_adds_to_is_told() {
    let folder = project(
        "create table public.notes (id int primary key);
         alter table public.notes enable row level security;
         -- rls-lint: allow(definer-view-exposed) for signed-in users
         create view public.v as select id from public.notes;
         revoke all on public.v from public, anon, authenticated; grant select on public.v to authenticated;
         -- rls-lint: allow(definer-executable-by-authenticated, definer-executable-by-anon) harmless
         create function public.f() returns setof public.notes language sql security definer set search_path = ''
           as 'select * from public.notes';
         revoke execute on function public.f() from public, anon;\n",
    );
    let at_the_grant = vec![format!("policy-widened {SECOND}:1")];
    for (change, expected, told) in [
        ("grant select on public.v to anon;", &at_the_grant, "anon can now read all rows of public.v"),
        (
            "grant delete on public.v to authenticated;",
            &at_the_grant,
            "authenticated can now delete all rows",
        ),
        (
            "grant execute on function public.f() to anon;",
            &at_the_grant,
            "anon can now read all rows of public.notes through public.f()",
        ),
    ] {
        folder.write(SECOND, change.as_bytes());
        let rules = "policy-widened,definer-view-exposed,definer-executable-by-authenticated,definer-executable-by-anon";
        let answer = check(&folder, &["--base", "main", "--only", rules]);
        assert_eq!(&found(&answer), expected, "{answer:?}");
        let access = json(&answer)["change"]["access"].to_string();
        assert!(access.contains(told), "{access}");
    }
}

#[test]
fn what_a_view_shows_more_is_a_finding() {
    let folder = project(
        "create view public.members as select id, email from auth.users;
         revoke all on public.members from anon, authenticated; grant select on public.members to authenticated;\n",
    );
    assert_eq!(folder.run(&["baseline"]).code, 0);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write(
        SECOND,
        b"select 1;\ncreate or replace view public.members as select id, email, phone from auth.users;\n",
    );
    let answer = check(&folder, &["--base", "main"]);
    assert_eq!(found(&answer), [format!("auth-users-exposed {SECOND}:2")]);
    assert!(answer.out.contains("; new with this change: phone"), "{answer:?}");
    let value = json(&answer);
    let message = "authenticated can now read phone of auth.users through public.members (all rows)";
    assert_eq!(value["change"]["access"][0]["message"], message);
    assert_eq!(value["change"]["access"][0]["class"], "dangerous");
    assert_eq!(value["change"]["access"][0]["shows"], serde_json::json!(["auth.users.phone"]));
}

#[test]
fn a_project_that_moves_keeps_its_findings() {
    let folder =
        project("create table public.a (title text); -- rls-lint: allow(no-primary-key, syntax-error) x\n");
    folder.write("rls-lint.yaml", b"extends: strict\n");
    folder.write(SECOND, b"create table public.b (title text);\n");
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    std::fs::create_dir_all(folder.path().join("apps/db")).expect("a folder is made");
    git(folder.path(), &["mv", "supabase", "apps/db/supabase"]);
    git(folder.path(), &["mv", "rls-lint.yaml", "apps/db/rls-lint.yaml"]);
    let answers = || {
        [&["--base", "main"][..], &["--staged"]].map(|base| {
            let answer = check(&folder, base);
            (found(&answer), json(&answer)["change"]["fixed"].as_array().map(Vec::len))
        })
    };
    assert_eq!(answers(), [(Vec::new(), Some(0)), (Vec::new(), Some(0))]);
    // What is new or edited there is found.
    let at = |path: &str| format!("apps/db/{path}");
    folder.write(
        &at(FIRST),
        b"create table public.a (title text, id int); -- rls-lint: allow(no-primary-key, syntax-error) x\n",
    );
    folder.write(&at("supabase/migrations/20250115000000_late.sql"), b"select 1;\n");
    git(folder.path(), &["add", "--all"]);
    let expected = vec![
        format!("ad-hoc-ddl {}:1", at(FIRST)),
        format!("migration-order {}:1", at("supabase/migrations/20250115000000_late.sql")),
    ];
    assert_eq!(answers().map(|(found, _)| found), [expected.clone(), expected]);
}

#[test]
fn projects_that_move_together_are_told_apart() {
    let sql = |table: &str| format!("create table public.{table} (title text);\n");
    let (web, admin) = (sql("web"), sql("admin"));
    let folder = repository(&[
        ("apps/web/supabase/migrations/1_init.sql", &web),
        ("apps/web/supabase/migrations/2_empty.sql", "select 1;\n"),
        ("apps/admin/supabase/migrations/1_init.sql", &admin),
        ("apps/admin/supabase/migrations/2_empty.sql", "select 1;\n"),
    ]);
    git(folder.path(), &["mv", "apps", "packages"]);
    assert_eq!(found(&check(&folder, &["--base", "main"])), [""; 0]);
    git(folder.path(), &["mv", "packages/web", "site"]);
    git(folder.path(), &["mv", "packages/admin", "web"]);
    let answer = check(&folder, &["--base", "main"]);
    assert_eq!((found(&answer).len(), &json(&answer)["change"]["access"]), (0, &serde_json::json!([])));
}

#[test]
fn what_an_edit_opens_stands_at_the_statement_that_was_edited() {
    let before = "create table public.a (id int primary key);\n\
                  alter table public.a enable row level security;\n\
                  create policy p on public.a for select to authenticated using (id = 1);\n\
                  comment on table public.a is 'said';\n";
    let folder = project(before);
    folder.write(FIRST, before.replace("id = 1", "true").as_bytes());
    commit(folder.path());
    let answer = check(&folder, &["--base", "main"]);
    assert!(found(&answer).contains(&format!("policy-widened {FIRST}:3")), "{answer:?}");
    let access = &json(&answer)["change"]["access"][0];
    assert_eq!(
        (&access["class"], &access["place"]["start"]["line"]),
        (&"dangerous".into(), &3.into()),
        "{access}"
    );
}

/// What a comparison with `main` says of who can do what, each with its class and its line.
fn access(folder: &Folder) -> Vec<String> {
    let value = json(&check(folder, &["--base", "main"]));
    let changes = value["change"]["access"].as_array().expect("a list").clone();
    let said = |one: &Value| {
        let (text, place) = (|key: &str| one[key].as_str().expect("a text").to_string(), &one["place"]);
        let file = place["file"].as_str().map_or("nowhere", |file| file.rsplit('/').next().expect("a name"));
        format!("{}: {} [{file}:{}]", text("class"), text("message"), place["start"]["line"])
    };
    changes.iter().map(said).collect()
}

#[test]
fn what_an_edit_does_to_access_has_a_place_and_is_said_of_who_has_not_run_it() {
    let lines = [
        "create table public.a (id int primary key, owner uuid);",
        "alter table public.a enable row level security;",
        "create policy own on public.a for select to authenticated using (owner = auth.uid());",
        "create view public.v with (security_invoker = on) as select id from public.a;",
        "create function public.f() returns int language sql security definer set search_path = '' as 'select 1';",
        "revoke execute on function public.f() from public, anon;",
    ];
    let folder = project(&lines.join("\n"));
    folder.write(SECOND, b"comment on table public.a is 'said';\n");
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    let edited = |edit: &dyn Fn(&mut Vec<&str>)| {
        let mut lines = lines.to_vec();
        edit(&mut lines);
        folder.write(FIRST, lines.join("\n").as_bytes());
        access(&folder)
    };
    let unless = "where 20250101000000_first.sql has not run yet";
    let first = |line: usize| format!("{unless} [20250101000000_first.sql:{line}]");
    assert_eq!(edited(&|lines| lines.insert(1, "alter table public.a add column title text;")), [""; 0]);
    assert_eq!(edited(&|lines| lines.swap(3, 4)), [""; 0], "another order");
    assert_eq!(
        edited(&|lines| lines[2] = "create policy own on public.a for select to anon using (true);"),
        [
            format!("dangerous: anon can now read all rows of public.a (was: no rows), {}", first(3)),
            format!("dangerous: anon can now read all rows of public.v (was: no rows), {}", first(3)),
            format!(
                "breaking: authenticated can no longer read rows of public.a (was: own rows), {}",
                first(3)
            ),
            format!(
                "breaking: authenticated can no longer read rows of public.v (was: own rows), {}",
                first(3)
            ),
        ]
    );
    assert_eq!(
        edited(&|lines| _ = lines.remove(5)),
        [format!(
            "review: anon can now call public.f(), which runs with its owner's rights (was: authenticated), {}",
            first(5)
        )]
    );
    assert!(folder.run(&["--base", "main"]).out.contains("taken out: revoke execute on function"));
    let without_rls = edited(&|lines| _ = lines.remove(1));
    assert!(
        without_rls.iter().all(|one| one.starts_with("dangerous") && one.ends_with(&first(2))),
        "{without_rls:?}"
    );
    let answer = check(&folder, &["--base", "main", "--only", "ad-hoc-ddl,policy-widened"]);
    assert_eq!(found(&answer).len(), 4, "{answer:?}");
    assert!(
        answer.out.contains(&format!("can now read all rows of public.a (was: own rows), {unless}")),
        "{answer:?}"
    );
    assert!(answer.out.contains("what was taken out here makes it so"), "{answer:?}");
    // What a new migration does holds for all databases.
    folder.write(FIRST, lines.join("\n").as_bytes());
    folder.write(
        SECOND,
        b"comment on table public.a is 'said';\nalter table public.a disable row level security;\n",
    );
    let edited: Vec<_> = access(&folder);
    assert!(
        edited.iter().all(|one| one
            .ends_with("where 20250201000000_second.sql has not run yet [20250201000000_second.sql:2]")),
        "{edited:?}"
    );
    let third = "supabase/migrations/20250301000000_third.sql";
    folder.write(SECOND, b"comment on table public.a is 'said';\n");
    folder.write(third, b"drop policy own on public.a;\n");
    assert_eq!(
        access(&folder)[0],
        "breaking: authenticated can no longer read rows of public.a (was: own rows) [20250301000000_third.sql:1]"
    );
    // A file that is gone is shown as it was.
    std::fs::remove_file(folder.path().join(third)).expect("it is there");
    std::fs::remove_file(folder.path().join(FIRST)).expect("it is there");
    std::fs::remove_file(folder.path().join(SECOND)).expect("it is there");
    assert_eq!(
        access(&folder),
        [
            format!("breaking: public.f() is gone: authenticated could call it, {}", first(5)),
            format!("breaking: public.a is gone: authenticated could read rows of it, {}", first(1)),
            format!("breaking: public.v is gone: authenticated could read rows of it, {}", first(4)),
        ]
    );
}

#[test]
fn what_the_server_reads_alike_is_no_edit() {
    let sql =
        "create table public.a (id int primary key);\nalter table public.a enable row level security;\n";
    let folder = project(sql);
    folder.write(FIRST, b"CREATE TABLE public.A (\n  ID INT PRIMARY KEY\n);;\nALTER TABLE public.a ENABLE ROW LEVEL SECURITY;\n");
    let only = ["--base", "main", "--only", "ad-hoc-ddl"];
    assert_eq!(found(&check(&folder, &only)), [""; 0]);
    folder.write(FIRST, sql.replace("public.a (", "public.\"A\" (").as_bytes());
    assert_eq!(found(&check(&folder, &only)).len(), 1);
}

#[test]
fn a_merged_migration_that_is_renamed_and_edited_is_one_finding() {
    let sql = "create table public.a (id int primary key, title text);\n";
    let folder = project(sql);
    std::fs::remove_file(folder.path().join(FIRST)).expect("it is there");
    folder.write(SECOND, b"create table public.a (id int primary key, title text, done bool);\n");
    let answer = check(&folder, &["--base", "main", "--only", "ad-hoc-ddl,migration-order"]);
    assert_eq!(found(&answer), [format!("ad-hoc-ddl {SECOND}:1")]);
    let message =
        "20250101000000_first.sql was merged and is gone, and 20250201000000_second.sql is much like it";
    assert!(answer.out.contains(message), "{answer:?}");
}

#[test]
fn what_row_level_security_no_longer_decides_is_not_fixed() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid, title text);
         alter table public.notes enable row level security;
         create policy own on public.notes for select to authenticated using (owner = auth.uid());
         create policy seen on public.notes for select using (true);
         create policy changes on public.notes for update to authenticated using (true);
         create table public.other (title text);",
    );
    let fixed = || {
        let answer = check(&folder, &["--base", "main", "--rule-set", "strict"]);
        let fixed = json(&answer)["change"]["fixed"].as_array().expect("a list").clone();
        fixed.iter().map(|one| one["rule"].as_str().expect("a text").to_string()).collect::<Vec<_>>()
    };
    folder.write(SECOND, b"alter table public.notes disable row level security;\n");
    assert_eq!(fixed(), [""; 0]);
    folder.write(
        SECOND,
        b"alter table public.notes disable row level security;\ndrop policy seen on public.notes;\n\
          alter table public.other add primary key (title);\n",
    );
    assert_eq!(fixed(), ["no-primary-key"]);
    folder.write(SECOND, b"drop policy seen on public.notes;\n");
    assert!(fixed().contains(&"always-true-read-policy".to_string()), "{:?}", fixed());
}

#[test]
fn a_comment_that_a_comparison_needs_is_not_idle() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = auth.uid());
         create view public.mine with (security_invoker = on) as select id from public.notes;",
    );
    let only = ["--only", "definer-view-exposed,unused-suppression"];
    let allowed = |statement: &str| {
        folder.write(
            SECOND,
            format!("-- rls-lint: allow(definer-view-exposed) meant so\n{statement}\n").as_bytes(),
        );
        [&["--base", "main"], &[][..]].map(|base| found(&check(&folder, &[base, &only].concat())))
    };
    let [compared, plain] = allowed("alter view public.mine reset (security_invoker);");
    assert_eq!(compared, [""; 0]);
    assert_eq!(plain, [format!("definer-view-exposed {FIRST}:4")]);
    let [compared, plain] = allowed("comment on table public.notes is 'x';");
    assert_eq!([compared, plain].concat(), vec![format!("unused-suppression {SECOND}:1"); 2]);
}

#[test]
fn new_migrations_come_after_merged_ones() {
    let folder = project("create table public.a (id int primary key);\n");
    let late = "supabase/migrations/20250115000000_late.sql";
    folder.write(late, b"create table public.b (id int primary key);\n");
    commit(folder.path());
    let only = ["--base", "main", "--only", "migration-order"];
    assert_eq!(found(&check(&folder, &only)), [""; 0]);
    // Meanwhile another branch is merged, which the base of the comparison does not have yet.
    git(folder.path(), &["checkout", "--quiet", "main"]);
    folder.write(SECOND, b"create table public.c (id int primary key);\n");
    commit(folder.path());
    git(folder.path(), &["checkout", "--quiet", "work"]);
    let answer = check(&folder, &only);
    assert_eq!(found(&answer), [format!("migration-order {late}:1")]);
    assert!(
        answer.out.contains("20250115000000_late.sql is older than 20250201000000_second.sql"),
        "{answer:?}"
    );
    // Once it is merged into the branch, nothing of it is new, and the order is the same.
    git(folder.path(), &["merge", "--quiet", "--no-edit", "main"]);
    assert_eq!(found(&check(&folder, &only)).len(), 1);
    assert!(!check(&folder, &["--base", "main"]).out.contains("public.c"));
}

#[test]
fn projects_in_subfolders_are_compared_one_by_one() {
    let sql = "create table public.t (id int);\n";
    let folder = repository(&[
        ("apps/web/supabase/config.toml", ""),
        ("apps/web/supabase/migrations/1_t.sql", sql),
        ("apps/admin/supabase/config.toml", ""),
        ("apps/admin/supabase/migrations/1_x.sql", "select 1;\n"),
    ]);
    folder.write("apps/admin/supabase/migrations/2_t.sql", sql.as_bytes());
    let only = ["--format", "json", "--base", "main", "--only", "rls-disabled-on-exposed-table"];
    let expected = "rls-disabled-on-exposed-table apps/admin/supabase/migrations/2_t.sql:1";
    assert_eq!(found(&folder.run(&only)), [expected]);
    let below = run_in(&folder.path().join("apps/admin"), &only, "", |_| {});
    assert_eq!(found(&below), ["rls-disabled-on-exposed-table supabase/migrations/2_t.sql:1"]);
    let beside = run_in(&folder.path().join("apps/web"), &only, "", |_| {});
    assert_eq!(found(&beside), [""; 0]);
    let named = folder.run(&[&only[..], &["apps/admin/supabase/migrations/2_t.sql"]].concat());
    assert_eq!(found(&named), [expected]);
    // Deep below, and in the index, whose files lie elsewhere.
    folder.write("a/b/c/d/supabase/migrations/1_t.sql", sql.as_bytes());
    git(folder.path(), &["add", "--all"]);
    assert_eq!(
        found(&folder.run(&["--format", "json", "--staged", "--only", "rls-disabled-on-exposed-table"]))
            .len(),
        2
    );
    git(folder.path(), &["rm", "--quiet", "-f", "-r", "a"]);
    // A project that is gone: nothing of it is fixed.
    let with_web_gone = |arguments: &[&str]| {
        git(folder.path(), &["mv", "apps/web", "web.old"]);
        std::fs::remove_dir_all(folder.path().join("web.old")).expect("it is there");
        let answer = folder.run(&[&only[..4], arguments].concat());
        git(folder.path(), &["add", "--all"]);
        let staged = folder.run(&["--format", "json", "--staged"]);
        git(folder.path(), &["reset", "--quiet", "--hard"]);
        folder.write("apps/admin/supabase/migrations/2_t.sql", sql.as_bytes());
        (json(&answer)["change"].clone(), json(&staged)["change"]["removed"].clone(), answer.err)
    };
    let removed = serde_json::json!([{ "project": "apps/web/supabase", "migrations": 1 }]);
    let (change, staged, said) = with_web_gone(&[]);
    assert_eq!((&change["removed"], &change["fixed"], &staged), (&removed, &serde_json::json!([]), &removed));
    assert!(said.contains("The project apps/web/supabase is gone, with 1 migration: "), "{said}");
    assert_eq!(with_web_gone(&["apps/admin"]).0["removed"], serde_json::json!([]), "it was not asked about");
    // A project that is new altogether.
    folder.write("apps/new/supabase/migrations/1_t.sql", sql.as_bytes());
    assert_eq!(found(&folder.run(&only)).len(), 2);
}

#[test]
fn a_shallow_clone_names_the_remedy() {
    let folder = project(OLD);
    commit(folder.path());
    let clone = Folder::new(&[]);
    let from = format!("file://{}", folder.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth", "1", "--branch", "work", &from, "."]);
    let answer = clone.run(&["--base", "main"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("fetch-depth: 0"), "{answer:?}");
    git(clone.path(), &["fetch", "--quiet", "--depth", "1", "origin", "main:refs/remotes/origin/main"]);
    let answer = clone.run(&["--base", "main"]);
    assert!(answer.code == 2 && answer.err.contains("fetch-depth: 0"), "{answer:?}");
}

#[test]
fn a_branch_of_the_remote_is_found() {
    let folder = project(OLD);
    folder.write(SECOND, b"create table public.leak (id int);\n");
    commit(folder.path());
    let clone = Folder::new(&[]);
    let from = format!("file://{}", folder.path().display());
    git(clone.path(), &["clone", "--quiet", "--branch", "work", &from, "."]);
    let answer = check(&clone, &["--base", "main", "--only", "rls-disabled-on-exposed-table"]);
    assert_eq!(found(&answer).len(), 1, "{answer:?}");
}

#[test]
fn bad_boundaries_are_errors() {
    let folder = project(OLD);
    for (arguments, said) in [
        (&["--base", "nowhere"][..], "no commit `nowhere`"),
        (&["--base=--output=x"], "cannot be the name"),
        (&["--base", ""], "cannot be the name"),
        (&["--base", "main..work"], "no commit `main..work`"),
        (&["--after", "second"], "is no version"),
        (&["--after", "1", "--staged"], "cannot be used with"),
    ] {
        let answer = folder.run(arguments);
        assert!(answer.code == 2 && answer.err.contains(said), "{arguments:?}: {answer:?}");
    }
    let outside = Folder::project("select 1;");
    let answer = outside.run(&["--staged"]);
    assert!(answer.code == 2 && answer.err.contains("is in no git repository"), "{answer:?}");
}

#[test]
fn what_git_tells_to_do_is_told_whole() {
    let folder = project(OLD);
    // Git's own way to be tried as another user.
    let answer = folder.run_with(&["--base", "main"], "", |command| {
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    });
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("git does not read"), "{answer:?}");
    assert!(answer.err.contains("call: git config --global --add safe.directory "), "{answer:?}");
}

#[test]
fn a_pending_migration_is_a_change() {
    let folder = Folder::project(OLD);
    let sql = "create table public.leak (id int);\n";
    let only = ["--format", "json", "--only", "rls-disabled-on-exposed-table", "-"];
    let answer = folder.pipe(&[&["--stdin-filename", "20250301000000_leak.sql"], &only[..]].concat(), sql);
    assert_eq!(found(&answer), ["rls-disabled-on-exposed-table 20250301000000_leak.sql:1"]);
    assert_eq!(json(&answer)["change"]["staying"], 2);
    assert_eq!(found(&folder.pipe(&[&["--all"], &only[..]].concat(), sql)).len(), 3);
}

#[test]
fn the_text_of_an_editor_takes_the_place_of_the_file() {
    let folder = project(OLD);
    folder.write(SECOND, b"create table public.c (id int);\n");
    folder.write(
        "supabase/migrations/20250301000000_third.sql",
        b"alter table public.d enable row level security;\n",
    );
    let only =
        ["--format", "json", "--only", "rls-disabled-on-exposed-table,migration-fails,ad-hoc-ddl", "-"];
    let name = ["--stdin-filename", "./supabase/../supabase/migrations/20250201000000_second.sql"];
    let sql = "\ncreate table public.d (id int);\ncreate table public.e (id int);\n";
    let piped = |more: &[&str]| folder.pipe(&[&only[..], &name, more].concat(), sql);
    // What is saved is not there, and what follows sees the text.
    assert_eq!(found(&piped(&[])), [format!("rls-disabled-on-exposed-table {SECOND}:3")]);
    assert_eq!(found(&piped(&["--all"])).len(), 3, "{:?}", piped(&["--all"]));
    assert_eq!(found(&piped(&["--base", "main"])), [format!("rls-disabled-on-exposed-table {SECOND}:3")]);
    // That of a merged file is an edit.
    let edited =
        folder.pipe(&[&only[..], &["--stdin-filename", FIRST, "--base", "main"]].concat(), "select 1;");
    assert!(found(&edited).contains(&format!("ad-hoc-ddl {FIRST}:1")), "{edited:?}");
    // One that is not saved yet has its place, too.
    let new = ["--stdin-filename", "supabase/migrations/20250202000000_new.sql"];
    let answer = folder.pipe(&[&only[..], &new].concat(), "create table public.d (id int);");
    assert_eq!(found(&answer), [""; 0], "the last migration protects it: {answer:?}");
}

#[test]
fn what_a_diff_forgets_about_a_view_is_told() {
    let folder = Folder::project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = auth.uid());
         create view public.mine with (security_invoker = on) as select id from public.notes;
         revoke all on public.mine from anon;",
    );
    let diff = "drop view if exists \"public\".\"mine\";\n\
                create or replace view \"public\".\"mine\" as select id from public.notes;\n";
    let answer = folder.pipe(&["--format", "json", "-"], diff);
    let value = json(&answer);
    let said = value["change"]["access"].to_string();
    assert!(said.contains("anon can now read, change and delete all rows of public.mine"), "{said}");
    assert!(said.contains("(was: own rows)"), "{said}");
    assert!(found(&answer).contains(&"definer-view-exposed <stdin>:2".to_string()), "{answer:?}");
    assert_eq!(answer.code, 1);
}

#[test]
fn no_diff_is_no_change_and_what_the_cli_says_is_no_sql() {
    let folder = Folder::project(OLD);
    for nothing in ["", "\n", "No schema changes found\n"] {
        let answer = folder.pipe(&["-"], nothing);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert!(answer.out.starts_with("Nothing new found"), "{answer:?}");
        assert!(answer.err.contains("nothing is pending"), "{answer:?}");
    }
    let talk = "Connecting to local database...\ncreate table public.leak (id int);\n";
    let answer = folder.pipe(&["--format", "concise", "-"], talk);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("in line 1: `Connecting to local database...`"), "{answer:?}");
    assert!(answer.out.contains("<stdin>:2:14: error[rls-disabled-on-exposed-table]"), "{answer:?}");
    assert!(!answer.out.contains("syntax-error"), "{answer:?}");
}

#[test]
fn a_view_that_is_opened_with_its_table_is_no_finding_of_its_own() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid, team int);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = auth.uid());
         create view public.mine with (security_invoker) as select * from public.notes;",
    );
    folder.write(
        SECOND,
        b"create policy p on public.notes for select to authenticated using (team is null or team is not null);",
    );
    let hash = git(folder.path(), &["rev-parse", "main"]);
    let answer = check(&folder, &["--base", hash.trim(), "--only", "policy-widened"]);
    assert_eq!(found(&answer), [format!("policy-widened {SECOND}:1")]);
    let value = json(&answer);
    assert_eq!(value["change"]["access"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["change"]["base"], hash[..7]);
}

#[test]
fn what_is_opened_is_a_finding() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = auth.uid());",
    );
    let only = ["--base", "main", "--only", "policy-widened,rls-disabled-on-exposed-table"];
    folder.write(SECOND, b"create policy also on public.notes for select to authenticated using (id > 0);\n");
    let answer = check(&folder, &only);
    assert_eq!(found(&answer), [""; 0], "what is not certain is not told: {answer:?}");
    folder.write(SECOND, b"create policy also on public.notes for select to authenticated using (owner is null or owner is not null);\n");
    let answer = check(&folder, &only);
    assert_eq!(found(&answer), [format!("policy-widened {SECOND}:1")]);
    assert!(
        answer.out.contains("authenticated can now read all rows of public.notes (was: own rows)"),
        "{answer:?}"
    );
    folder.write(SECOND, b"alter table public.notes disable row level security;\n");
    assert_eq!(found(&check(&folder, &only)), [format!("rls-disabled-on-exposed-table {SECOND}:1")]);
    folder.write(SECOND, b"-- rls-lint: allow(policy-widened) all may read\n\
        create policy also on public.notes for select to authenticated using (owner is null or owner is not null);\n");
    assert_eq!(found(&check(&folder, &only)), [""; 0]);
}

#[test]
fn schemas_that_the_settings_say_are_served_are_told() {
    let folder = repository(&[
        ("supabase/config.toml", ""),
        ("rls-lint.yaml", "exposed-schemas:\n  - public\n"),
        (
            FIRST,
            "create schema app; grant usage on schema app to anon; create table app.notes (id int primary key);
             grant select on app.notes to anon;",
        ),
    ]);
    let told = |arguments: &[&str]| {
        let answer = check(&folder, arguments);
        let access = json(&answer)["change"]["access"].as_array().expect("a list").clone();
        let told = |one: &Value| {
            format!("{} {}", one["message"].as_str().unwrap_or_default(), one["place"]["start"]["line"])
        };
        (found(&answer), access.iter().map(told).collect::<Vec<_>>())
    };
    let rows = "anon can now read all rows of app.notes (was: no rows) 3";
    let schema = "the Data API now serves the schema app 3";
    let opened = vec!["rls-disabled-on-exposed-table rls-lint.yaml:3".to_string()];
    folder.write("rls-lint.yaml", b"exposed-schemas:\n  - public\n  - app\n");
    assert_eq!(told(&["--base", "main"]), (opened.clone(), vec![rows.to_string(), schema.to_string()]));
    git(folder.path(), &["add", "--all"]);
    assert_eq!(told(&["--staged"]).0, opened);
    commit(folder.path());
    assert_eq!(told(&["--base", "HEAD"]), (vec![], vec![]));
    folder.write("rls-lint.yaml", b"rules:\n  no-primary-key: error\n");
    let (_, gone) = told(&["--base", "HEAD"]);
    assert!(gone.contains(&"the Data API no longer serves the schema app null".to_string()), "{gone:?}");
}

#[test]
fn a_schema_that_is_served_from_now_on_is_told() {
    let folder = repository(&[
        ("supabase/config.toml", "[api]\nschemas = [\"public\"]\n"),
        (
            FIRST,
            "create schema app; grant usage on schema app to anon;\ncreate table app.notes (id int primary key);\ngrant select on app.notes to anon;\n",
        ),
    ]);
    folder.write("supabase/config.toml", b"[api]\nschemas = [\"public\", \"app\"]\n");
    let value = json(&check(&folder, &["--base", "main"]));
    let access = value["change"]["access"].as_array().expect("a list");
    let told: Vec<_> =
        access.iter().map(|one| (&one["kind"], &one["message"], &one["place"]["file"])).collect();
    let place = &"supabase/config.toml".into();
    assert_eq!(
        told,
        [
            (&"relation".into(), &"anon can now read all rows of app.notes (was: no rows)".into(), place),
            (&"schema".into(), &"the Data API now serves the schema app".into(), place),
        ]
    );
    let human = folder.run(&["--base", "main"]);
    assert!(
        human.out.contains("supabase/config.toml:2:22\n               schemas = [\"public\", \"app\"]\n"),
        "{human:?}"
    );
}

#[test]
fn what_changes_access_is_shown_by_the_first_line_of_its_statement() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes for select to authenticated using (owner = (select auth.uid()));",
    );
    folder.write(
        SECOND,
        b"-- Tidy up.\ncreate policy tidy\n  on public.notes for delete to authenticated\n  using (true);\n",
    );
    let human = folder.run(&["--base", "main"]);
    assert!(human.out.contains(&format!("{SECOND}:4:10\n               create policy tidy\n")), "{human:?}");
    let markdown = folder.run(&["--base", "main", "--format", "markdown"]);
    assert!(markdown.out.contains(&format!("`{SECOND}:4`<br>`create policy tidy` |")), "{markdown:?}");
}

#[test]
fn who_else_can_call_a_function_mends_nothing() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create function public.wipe() returns void language sql security definer
           set search_path = '' as $$ delete from public.notes where id > 0 $$;
         revoke execute on function public.wipe() from public, anon;",
    );
    folder.write(SECOND, b"grant execute on function public.wipe() to anon;\n");
    let only = "definer-executable-by-anon,definer-executable-by-authenticated";
    let answer = check(&folder, &["--base", "main", "--only", only]);
    assert_eq!(found(&answer), [format!("definer-executable-by-anon {SECOND}:1")]);
    assert_eq!(json(&answer)["change"]["fixed"].as_array().map(Vec::len), Some(0), "{answer:?}");
}

#[test]
fn before_the_first_commit_all_is_new() {
    let folder = Folder::project(OLD);
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&folder, &["--staged", "--only", "no-primary-key"])).len(), 2);
}

#[test]
fn what_grows_is_told_in_spite_of_the_baseline() {
    let table = |name: &str| format!("create table public.{name} (id int primary key, title text);\n");
    let habit: String = "abcdefgh".chars().map(|name| table(&name.to_string())).collect();
    let folder = project(&habit);
    assert_eq!(folder.run(&["baseline"]).code, 0);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    let only = ["--only", "missing-created-at"];
    assert_eq!(found(&check(&folder, &only)), [""; 0]);
    folder.write(SECOND, table("late").as_bytes());
    assert_eq!(found(&check(&folder, &only)).len(), 1);
    let based = check(&folder, &[&["--base", "main"], &only[..]].concat());
    assert_eq!(found(&based), [format!("missing-created-at {SECOND}:1")]);
}

#[test]
fn what_gets_worse_is_told_in_spite_of_the_baseline() {
    let folder = project(
        "create table public.notes (id uuid primary key);
         alter table public.notes enable row level security;
         create policy seen on public.notes for select to authenticated using (true);
         create policy changed on public.notes for update to authenticated using (true);\n",
    );
    assert_eq!(folder.run(&["baseline"]).code, 0);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write(
        SECOND,
        b"alter policy changed on public.notes to anon, authenticated;
          alter policy seen on public.notes to anon, authenticated;\n",
    );
    let only = ["--only", "always-true-write-policy,always-true-read-policy,policy-widened"];
    let expected =
        [format!("always-true-read-policy {SECOND}:2"), format!("always-true-write-policy {SECOND}:2")];
    let check = |arguments: &[&str]| check(&folder, &[arguments, &only[..]].concat());
    let based = check(&["--base", "main"]);
    assert_eq!(found(&based), expected, "{based:?}");
    assert!(based.out.contains("; new with this change: anon can change"), "{based:?}");
    git(folder.path(), &["add", "--all"]);
    assert_eq!(found(&check(&["--staged"])), expected);
    assert_eq!(found(&check(&["--after", "20250101000000"])), expected);
    let alone = check(&[]);
    assert_eq!(found(&alone).len(), 2, "{alone:?}");
    assert!(alone.out.contains("; new since the baseline: anon can change"), "{alone:?}");
}

#[test]
fn what_could_be_done_before_is_not_told_as_new() {
    let folder =
        project("create table public.a (id int);\ncreate view public.v as select * from public.a;\n");
    folder.run(&["init", "--baseline"]);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main"]);
    folder.write(
        SECOND,
        b"alter table public.a enable row level security;
create policy p on public.a for select to authenticated using ((select auth.uid()) is not null);\n",
    );
    for arguments in [&["--base", "main"][..], &[]] {
        let answer = check(&folder, &[arguments, &["--only", "definer-view-exposed"]].concat());
        let value = json(&answer);
        let message = value["findings"][0]["message"].as_str().expect("the view goes past it now");
        assert!(message.contains("past the row level security of public.a; it was a warning"), "{message}");
        assert!(!message.contains("new with") && !message.contains("new since"), "{message}");
    }
}

#[test]
fn what_a_revoke_left_is_not_new_when_a_view_goes() {
    let folder = project(
        "create table public.t (id int); alter table public.t enable row level security;
create function public.f() returns int language sql security definer set search_path = '' as $$ select 1 $$;
revoke execute on function public.f() from public;
create view public.v with (security_invoker = true) as select public.f() as n from public.t;\n",
    );
    folder.write(SECOND, b"drop view public.v;\n");
    assert_eq!(found(&check(&folder, &["--base", "main", "--only", "ineffective-revoke"])), [""; 0]);
    assert_eq!(
        found(&check(&folder, &["--only", "ineffective-revoke"])),
        [format!("ineffective-revoke {FIRST}:3")]
    );
}

#[test]
fn what_becomes_more_severe_is_told_in_spite_of_the_baseline() {
    let folder = project(
        "create table public.profiles (id uuid primary key, nick text, email text);
         alter table public.profiles enable row level security;
         create policy own on public.profiles to authenticated using (id = (select auth.uid()));
         create view public.cards as select id, nick from public.profiles;
         revoke all on public.cards from public, anon, authenticated;
         grant select on public.cards to anon, authenticated;\n",
    );
    let only = ["--only", "definer-view-exposed"];
    let check = |arguments: &[&str]| check(&folder, &[arguments, &only[..]].concat());
    assert!(check(&[]).out.contains("\"severity\": \"warning\""));
    assert_eq!(folder.run(&["baseline"]).code, 0);
    assert_eq!(found(&check(&[])), [""; 0]);
    folder.write("rls-lint.yaml", b"rules:\n  definer-view-exposed: error\n");
    assert_eq!(found(&check(&[])), [""; 0], "a level of the settings changes nothing");
    folder.write("rls-lint.yaml", b"");
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write(
        SECOND,
        b"select 1;\ncreate or replace view public.cards as select id, nick, email from public.profiles;\n",
    );
    for (arguments, since) in
        [(&[][..], "when the baseline was written"), (&["--base", "main"], "before this change")]
    {
        let answer = check(arguments);
        assert_eq!(found(&answer), [format!("definer-view-exposed {SECOND}:2")], "{answer:?}");
        assert!(answer.out.contains(&format!("; it was a warning {since}")), "{answer:?}");
        assert_eq!(answer.code, 1, "{answer:?}");
    }
}

#[test]
fn a_table_that_only_functions_come_to_is_told_when_it_is_opened() {
    let folder = project(
        "create schema core; grant usage on schema core to authenticated;
         create table core.accounts (id int primary key, owner uuid);
         alter table core.accounts enable row level security;
         grant select on core.accounts to authenticated;
         create policy own on core.accounts for select to authenticated using (owner = (select auth.uid()));
         create function public.get_account(account int) returns json language sql stable
         as $$ select to_json(a) from core.accounts a where id = account $$;\n",
    );
    for (opening, by) in [
        ("alter policy own on core.accounts using (true);", "policy-widened"),
        ("alter table core.accounts disable row level security;", "policies-without-rls"),
    ] {
        folder.write(SECOND, format!("select 1;\n{opening}\n").as_bytes());
        let answer = check(&folder, &["--base", "main"]);
        assert_eq!(found(&answer), [format!("{by} {SECOND}:2")], "{opening}: {answer:?}");
        let change = &json(&answer)["change"]["access"][0];
        assert_eq!(change["class"], "dangerous");
        let message =
            "authenticated can now read all rows of core.accounts through public.get_account (was: own rows)";
        assert_eq!(change["message"], message);
    }
}

#[test]
fn a_finding_that_tells_of_more_is_told_again() {
    let profiles = "create table public.profiles (id uuid primary key, name text, role text, email text);
        alter table public.profiles enable row level security;
        create policy sees on public.profiles for select to authenticated using (id = (select auth.uid()));
        create policy changes on public.profiles for update to authenticated using (id = (select auth.uid()));\n";
    let exec = "create function public.exec_sql(query text) returns void language plpgsql security definer
        set search_path = '' as $$ begin execute query; end $$;
        revoke execute on function public.exec_sql(text) from public, anon;\n";
    let trigger = |more: &str| {
        format!(
            "create or replace function public.handle_new_user() returns trigger language plpgsql as $$ begin insert into public.profiles (id) values (new.id); {more} return new; end $$;\n"
        )
    };
    let signed_up = format!(
        "{profiles} create table public.settings (id uuid primary key); {}
         create trigger made after insert on auth.users for each row execute function public.handle_new_user();\n",
        trigger("")
    );
    let settings = trigger("insert into public.settings (id) values (new.id);");
    // What a policy calls must stay callable.
    let functions = "create function public.wipe() returns void language sql security definer set search_path = ''
        as 'delete from public.profiles where id is not null';
        create function public.purges() returns int language sql security definer set search_path = ''
        as 'delete from public.profiles where id is not null returning 1';
        revoke execute on all functions in schema public from public;
        create policy asks on public.profiles for delete to anon, authenticated using (public.purges() = 1);\n";
    let writes = |more: &str| {
        format!(
            "create or replace function public.reset() returns void language sql security definer set search_path = '' as 'delete from public.profiles where id is not null; {more}';\n"
        )
    };
    let logs = format!("{profiles} create table public.logs (id int primary key); {}", writes(""));
    let view = "create view public.cards as select id, name from public.profiles;\n";
    for (before, change, rule, new) in [
        (
            profiles.to_string(),
            "alter table public.profiles add column plan text;",
            "privileged-column-self-update",
            "plan",
        ),
        (
            exec.to_string(),
            "grant execute on function public.exec_sql(text) to anon;",
            "ad-hoc-ddl",
            "anon can call it",
        ),
        (signed_up, &settings, "auth-trigger-unsafe", "public.settings"),
        (
            format!("{profiles}{functions}"),
            "drop policy asks on public.profiles;",
            "ineffective-revoke",
            "public.purges",
        ),
        (
            logs,
            &writes("delete from public.logs where id > 0"),
            "definer-executable-by-anon",
            "writes to public.logs",
        ),
        (
            format!("{profiles}{view}"),
            "create or replace view public.cards as select id, name, email from public.profiles;",
            "definer-view-exposed",
            "email of public.profiles",
        ),
    ] {
        let later = format!("select 1;\n{change}\n");
        let (folder, based) = after_baseline(&before, &later, rule);
        assert_eq!(based, [format!("{rule} {SECOND}:2")], "{change}");
        for (arguments, since) in [(&[][..], "since the baseline"), (&["--base", "main"], "with this change")]
        {
            let answer = check(&folder, &[arguments, &["--only", rule]].concat());
            assert!(answer.out.contains(&format!("; new {since}: {new}\"")), "{new}: {answer:?}");
        }
        folder.write(SECOND, b"comment on schema public is 'the app';\n");
        assert_eq!(found(&check(&folder, &["--only", rule])), [""; 0], "{rule}");
    }
}

/// The findings of a project with a baseline once more has happened to it, compared with what it was.
fn after_baseline(sql: &str, later: &str, rules: &str) -> (Folder, Vec<String>) {
    let folder = project(sql);
    assert_eq!(folder.run(&["baseline"]).code, 0);
    commit(folder.path());
    git(folder.path(), &["branch", "--force", "main", "HEAD"]);
    folder.write(SECOND, later.as_bytes());
    let based = found(&check(&folder, &["--base", "main", "--only", rules]));
    (folder, based)
}

#[test]
fn whoever_is_let_in_as_well_is_told_where_that_happens() {
    let notes = "create table public.notes (id int primary key, owner uuid);
        alter table public.notes enable row level security;
        create policy own on public.notes to authenticated using (owner = (select auth.uid()));\n";
    let view = "create view public.all_notes as select id from public.notes;
        revoke all on public.all_notes from anon, authenticated;
        grant select on public.all_notes to authenticated;";
    let function = "create function public.wipe() returns void language sql security definer
        set search_path = '' as $$ delete from public.notes where id > 0 $$;
        revoke execute on function public.wipe() from public, anon;";
    let leaky = "create table public.inbox (id int primary key);
        alter table public.inbox enable row level security;
        create policy seen on public.inbox for select to authenticated using (true);
        create policy added on public.inbox for all to authenticated using (id > 0) with check (true);";
    for (before, change, rule) in [
        (view, "grant select on public.all_notes to anon;", "definer-view-exposed"),
        (view, "grant update on public.all_notes to authenticated;", "definer-view-exposed"),
        (
            "create table public.open (id int primary key); revoke all on public.open from anon;",
            "grant select on public.open to anon;",
            "rls-disabled-on-exposed-table",
        ),
        (function, "grant execute on function public.wipe() to anon;", "definer-executable-by-anon"),
        (leaky, "alter policy added on public.inbox to anon, authenticated;", "with-check-true-scoped-using"),
    ] {
        let later = format!("comment on table public.notes is 'notes';\n{change}\n");
        let (_, based) =
            after_baseline(&format!("{notes}{before}"), &later, &format!("{rule},policy-widened"));
        assert_eq!(based, [format!("{rule} {SECOND}:2")], "{change}");
    }
}

#[test]
fn one_of_several_policies_that_goes_makes_no_new_finding_of_the_others() {
    let rule = "always-true-write-policy";
    let table = "create table public.notes (id int primary key);
        alter table public.notes enable row level security;
        create policy seen on public.notes for select to authenticated using (true);
        create policy added on public.notes for insert to authenticated with check (true);
        create policy changed on public.notes for update to authenticated using (true);";
    let (folder, based) = after_baseline(table, "drop policy added on public.notes;", rule);
    assert_eq!(based, [""; 0]);
    assert_eq!(found(&check(&folder, &["--only", rule])), [""; 0]);
    let more = "create policy removed on public.notes for delete to authenticated using (true);";
    folder.write(SECOND, more.as_bytes());
    let answer = check(&folder, &["--base", "main", "--only", rule]);
    assert_eq!(found(&answer), [format!("{rule} {SECOND}:1")]);
    assert!(answer.out.contains("policy \\\"removed\\\": every signed-in user can delete"), "{answer:?}");
    folder.write(SECOND, b"alter policy added on public.notes to anon, authenticated;");
    let answer = check(&folder, &["--base", "main", "--only", rule]);
    assert_eq!(found(&answer), [format!("{rule} {SECOND}:1")]);
    assert!(answer.out.contains("; new with this change: anon can add"), "{answer:?}");
}

#[test]
fn what_is_narrowed_stays_in_the_baseline() {
    let open = "create table public.notes (id int primary key);
        alter table public.notes enable row level security;
        create policy p on public.notes using (true);\n";
    let rule = "always-true-write-policy";
    let narrowed = "alter policy p on public.notes to authenticated;\n";
    let (folder, based) = after_baseline(open, narrowed, rule);
    assert_eq!(based, [""; 0]);
    let strict = check(&folder, &["--baseline-strict", "--only", rule]);
    assert_eq!((strict.code, found(&strict)), (0, vec![]), "{strict:?}");
    let pruned = folder.run(&["baseline", "--prune", "--only", rule]);
    assert!(pruned.out.contains("Took 0 entries out"), "{pruned:?}");
    // What was pruned is not taken back without a word.
    folder.write(SECOND, b"comment on table public.notes is 'notes';\n");
    let wider = check(&folder, &["--only", rule]);
    assert_eq!(found(&wider), [format!("{rule} {FIRST}:3")], "{wider:?}");
    assert!(wider.out.contains("new since the baseline: anon can read, add, change and delete"), "{wider:?}");
}

#[test]
fn a_table_with_another_name_has_the_same_findings() {
    let folder = project(OLD);
    folder.write(SECOND, b"alter table public.a rename to notes;\n");
    let answer = check(&folder, &["--base", "main", "--only", "no-primary-key"]);
    assert_eq!(found(&answer), [""; 0]);
    let change = &json(&answer)["change"];
    assert_eq!((&change["staying"], change["fixed"].as_array().map(Vec::len)), (&2.into(), Some(0)));
    assert_eq!(change["access"][0]["message"], "public.a is now called public.notes");
    assert_eq!(change["access"][0]["place"]["file"], SECOND);
}

#[test]
fn findings_follow_a_table_whatever_takes_its_name() {
    let notes = "create table public.notes (title text);\n";
    for later in [
        "alter table public.notes rename to pages;
         create view public.notes with (security_invoker) as select title from public.pages;",
        "alter table public.notes rename to pages;
         create table public.notes (id int primary key);
         alter table public.notes enable row level security;",
        "create schema app; grant usage on schema app to anon; alter table public.notes set schema app;",
    ] {
        let folder = project(notes);
        folder.write(SECOND, later.as_bytes());
        let answer = check(&folder, &["--base", "main", "--only", "no-primary-key"]);
        assert_eq!(found(&answer), [""; 0], "{later}");
        let change = &json(&answer)["change"];
        assert_eq!(
            (&change["staying"], change["fixed"].as_array().map(Vec::len)),
            (&1.into(), Some(0)),
            "{later}"
        );
    }
}

#[test]
fn findings_follow_a_policy_and_a_column_to_another_name() {
    let folder = project(
        "create table public.notes (id int primary key, owner_id uuid, api_key text);
         create table public.tags (id int primary key, title text);
         alter table public.tags enable row level security;
         create policy p on public.tags to authenticated using (true);\n",
    );
    folder.write(
        SECOND,
        b"alter policy p on public.tags rename to staff; alter table public.notes rename api_key to secret_key;",
    );
    let only = ["--base", "main", "--only", "always-true-write-policy,sensitive-column-exposed"];
    let answer = check(&folder, &only);
    assert_eq!(found(&answer), [""; 0]);
    let change = &json(&answer)["change"];
    assert_eq!(
        (&change["staying"], change["fixed"].as_array().map(Vec::len)),
        (&2.into(), Some(0)),
        "{change}"
    );
}

#[test]
fn findings_follow_what_was_made_and_not_where_it_stands() {
    let (a, b) = ("create table public.a (title text);\n", "create table public.b (title text);\n");
    let folder = project(&format!("-- {}\n{a}{b}", "x".repeat(a.len() - 4)));
    let of_change = |first: &str, second: &str| {
        folder.write(FIRST, first.as_bytes());
        folder.write(SECOND, second.as_bytes());
        let answer = check(&folder, &["--base", "main", "--only", "no-primary-key"]);
        assert_eq!(found(&answer), [""; 0], "{answer:?}");
        let change = json(&answer)["change"].clone();
        let fixed = change["fixed"].as_array().expect("a list").clone();
        (
            fixed.iter().map(|one| one["object"]["name"].to_string()).collect::<Vec<_>>(),
            change["staying"].clone(),
        )
    };
    let renamed = "drop table public.a;\nalter table public.b rename to c;\n";
    // The one that stays begins where the other one began.
    assert_eq!(of_change(&format!("{a}{b}"), renamed), (vec!["\"a\"".to_string()], 1.into()));
    // What was edited elsewhere in the file has it made by the same statement; databases keep the other one.
    let edited = format!("create table public.more (id int primary key);\n{a}{b}");
    assert_eq!(of_change(&edited, "alter table public.b rename to c;\n"), (vec![], 2.into()));
}

/// What a change mends, each as `rule object`, and how many findings stay.
fn mended(folder: &Folder, change: &str, arguments: &[&str]) -> (Vec<String>, u64) {
    folder.write(SECOND, change.as_bytes());
    let answer = json(&check(folder, &[&["--base", "main"], arguments].concat()));
    let fixed = answer["change"]["fixed"].as_array().expect("it lists them").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let fixed = fixed.iter().map(|one| format!("{} {}", text(&one["rule"]), text(&one["object"]["name"])));
    (fixed.collect(), answer["change"]["staying"].as_u64().expect("a number"))
}

#[test]
fn what_stays_beside_it_holds_nothing_back() {
    let folder = project(
        "create table public.people (id int primary key, owner uuid, email text);
         create function public.f(i int) returns bigint language sql security definer as 'select count(*) from public.people';
         create function public.f(t text) returns bigint language sql security definer as 'select count(*) from public.people';\n",
    );
    let only =
        ["--only", "function-search-path-mutable,rls-disabled-on-exposed-table,sensitive-column-exposed"];
    assert_eq!(
        mended(&folder, "alter function public.f(int) set search_path = '';", &only),
        (vec!["function-search-path-mutable f".to_string()], 3)
    );
    // What has another name now is mended as any other.
    let closed =
        "alter table public.people rename to persons; alter table public.persons enable row level security;
        create policy own on public.persons to authenticated using (owner = (select auth.uid()));";
    assert_eq!(
        mended(&folder, closed, &only),
        (
            vec![
                "sensitive-column-exposed persons".to_string(),
                "rls-disabled-on-exposed-table persons".to_string()
            ],
            2
        )
    );
}

#[test]
fn a_baseline_knows_what_has_another_name() {
    let folder = project(
        "create table public.notes (title text);
         create table public.tags (id int primary key, title text);
         alter table public.tags enable row level security;
         create policy p on public.tags for update to authenticated using (true);\n",
    );
    assert_eq!(folder.run(&["baseline"]).code, 0);
    let only =
        ["--only", "no-primary-key,rls-disabled-on-exposed-table,always-true-write-policy,stale-baseline"];
    let told = |later: &str| {
        folder.write(SECOND, later.as_bytes());
        found(&check(&folder, &only))
    };
    for renamed in [
        "alter table public.notes rename to pages; alter table public.pages rename to sheets;",
        "alter policy p on public.tags rename to q; alter table public.tags rename to labels;",
    ] {
        assert_eq!(told(renamed), [""; 0], "{renamed}");
    }
    let moved =
        "create schema app; grant usage on schema app to anon; alter table public.notes set schema app;";
    folder.write(SECOND, moved.as_bytes());
    assert_eq!(found(&check(&folder, &["--only", "no-primary-key,stale-baseline"])), [""; 0]);
    // Whoever takes the old name is not known by it, until the baseline is written again.
    let of_new = [format!("no-primary-key {SECOND}:2"), format!("rls-disabled-on-exposed-table {SECOND}:2")];
    let swap = "alter table public.notes rename to pages;\ncreate table public.notes (title text);";
    assert_eq!(told(swap), of_new);
    commit(folder.path());
    let of_change = ["--base", "main", "--only", "no-primary-key,rls-disabled-on-exposed-table"];
    assert_eq!(found(&check(&folder, &of_change)), of_new);
    let dropped = [swap, "drop table public.pages;"].join("\n");
    assert_eq!(
        told(&dropped),
        [&["stale-baseline rls-lint-baseline.json:4".to_string()], &of_new[..]].concat()
    );
    folder.write(SECOND, swap.as_bytes());
    let known = std::fs::read(folder.path().join("rls-lint-baseline.json")).expect("there is one");
    assert_eq!(folder.run(&["baseline"]).code, 0);
    assert_eq!(told(swap), [""; 0]);
    assert_eq!(found(&check(&folder, &of_change)), [""; 0]);
    assert_eq!(told(&[swap, "alter table public.notes rename to sheets;"].join("\n")), [""; 0]);
    folder.write("rls-lint-baseline.json", &known);
    let swap = "alter policy p on public.tags rename to q;
        create policy p on public.tags for update to authenticated using (true);";
    assert_eq!(told(swap), [format!("always-true-write-policy {SECOND}:2")]);
    // Two that change their names.
    let turned = "alter table public.notes rename to other; alter table public.tags rename to notes;
        alter table public.other rename to tags;";
    assert_eq!(told(turned), [""; 0]);
    // What gets worse under its new name is told.
    let worse = told(
        "alter policy p on public.tags rename to q; alter policy q on public.tags to anon, authenticated;",
    );
    assert_eq!(worse.len(), 1, "{worse:?}");
    assert_eq!(told("drop table public.notes;").len(), 1, "entries that are gone are told as one");
}

#[test]
fn a_baseline_knows_by_former_names_what_a_finding_tells_of() {
    let folder = project(
        "create table public.invoices (id int primary key, owner uuid, open bool);
         alter table public.invoices enable row level security;
         create policy p_one on public.invoices for select to authenticated using (open);
         create policy p_two on public.invoices for select to authenticated using (owner = (select auth.uid()));
         create view public.invoice_list as select id from public.invoices;
         create function public.pay(it public.invoices) returns void language sql security definer as 'select 1';
         grant truncate on public.invoices to authenticated; create schema app;\n",
    );
    assert_eq!(folder.run(&["baseline"]).code, 0);
    commit(folder.path());
    let rules = "definer-view-exposed,multiple-permissive-policies,truncate-or-all-granted-to-api-role,\
                 function-search-path-mutable,stale-baseline";
    let told = |later: &str, base: &[&str]| {
        folder.write(SECOND, later.as_bytes());
        let answer = check(&folder, &[&["--only", rules], base].concat());
        let messages: Vec<String> = json(&answer)["findings"]
            .as_array()
            .expect("it lists findings")
            .iter()
            .map(|one| one["message"].as_str().unwrap_or_default().to_string())
            .collect();
        (messages, json(&answer)["change"]["fixed"].as_array().map_or(0, Vec::len))
    };
    for renamed in [
        "alter table public.invoices rename to bills;",
        "alter table public.invoices rename to bills; alter view public.invoice_list rename to bill_list;",
        "alter policy p_one on public.invoices rename to p_1;",
        "alter policy p_one on public.invoices rename to p_1; alter table public.invoices rename to bills;",
    ] {
        for base in [&[][..], &["--base", "main"], &["--base", "main", "--no-baseline"]] {
            assert_eq!(told(renamed, base), (vec![], 0), "{renamed} {base:?}");
        }
    }
    let moved = "grant usage on schema app to authenticated; alter table public.invoices set schema app;";
    let (messages, _) = told(moved, &["--base", "main", "--no-baseline"]);
    assert_eq!(messages, [""; 0]);
    let (messages, _) = told(moved, &[]);
    assert!(messages.iter().all(|one| one.contains("baseline.json holds a finding")), "{messages:?}");
    let (messages, _) = told(
        "alter table public.invoices rename to bills; create table public.invoices (id int primary key);
         alter table public.invoices enable row level security;
         create or replace view public.invoice_list as select b.id from public.bills b, public.invoices;",
        &[],
    );
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].ends_with("new since the baseline: public.invoices"), "{messages:?}");
}

#[test]
fn what_two_tables_with_changed_names_open_has_its_statements() {
    let folder = project(
        "create table public.open (id int primary key);\n
         create table public.logs (id int primary key); alter table public.logs enable row level security;\n",
    );
    folder.write(
        SECOND,
        b"alter table open rename to closed;\nalter table closed enable row level security;
          alter table logs rename to open;\nalter table open disable row level security;\n",
    );
    let answer = check(&folder, &["--base", "main"]);
    let value = json(&answer);
    let changes = value["change"]["access"].as_array().expect("it lists changes");
    let places: Vec<String> = changes
        .iter()
        .map(|one| format!("{} {}", one["class"].as_str().unwrap_or("?"), one["place"]["start"]["line"]))
        .collect();
    assert_eq!(places, ["dangerous 4", "breaking 1", "breaking 2", "breaking 3"], "{value}");
}

#[test]
fn what_is_opened_beside_a_change_of_names_is_told() {
    let folder = project(
        "create table public.docs (id int primary key, owner_id uuid, done bool);
         alter table public.docs enable row level security;
         create policy dr on public.docs for select to authenticated using (owner_id = (select auth.uid()));
         create policy dw on public.docs for update to authenticated using (owner_id = (select auth.uid()) and done);\n",
    );
    let told = |change: &str| {
        folder.write(SECOND, change.as_bytes());
        let value = json(&check(&folder, &["--base", "main"]));
        let changes = value["change"]["access"].as_array().expect("it lists changes").clone();
        changes
            .iter()
            .map(|one| one["message"].as_str().unwrap_or_default().to_string())
            .filter(|one| !one.contains("is now called"))
            .collect::<Vec<_>>()
    };
    let names = [
        "",
        "alter table public.docs rename column owner_id to author;",
        "alter table public.docs rename to papers;",
    ];
    for renamed in names {
        let any = told(&format!("alter policy dw on public.docs with check (true); {renamed}"));
        assert_eq!(any.len(), 1, "{renamed} {any:?}");
        assert!(any[0].contains("that they change into any"), "{any:?}");
        let more = told(&format!(
            "alter policy dw on public.docs using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid())); {renamed}"
        ));
        assert_eq!(more.len(), 1, "{renamed} {more:?}");
        assert!(more[0].contains("can now change more rows of"), "{more:?}");
        assert_eq!(told(renamed), [""; 0]);
    }
    assert_eq!(
        told(
            "alter table public.docs rename column owner_id to author;
             drop policy dr on public.docs;
             create policy dr on public.docs for select to authenticated using ((select auth.uid()) = author);"
        ),
        [""; 0]
    );
}

#[test]
fn a_deleted_migration_is_not_where_later_ones_fail() {
    let folder = repository(&[
        ("supabase/config.toml", ""),
        (FIRST, "create table public.a (id int primary key);\n"),
        (SECOND, "select 1;\nalter table public.a add column b text;\n"),
    ]);
    std::fs::remove_file(folder.path().join(FIRST)).expect("it is there");
    let answer = check(&folder, &["--base", "main", "--only", "unknown-object"]);
    let value = json(&answer);
    let messages: Vec<_> =
        value["findings"].as_array().expect("it lists findings").iter().map(|one| &one["message"]).collect();
    assert_eq!(
        messages,
        ["20250201000000_second.sql fails: table public.a is not made by any statement before this one"]
    );
}

#[test]
fn a_statement_that_fails_keeps_the_names_of_its_time() {
    let folder =
        project("create table public.a (id int primary key);\ncomment on column public.a.title is 'x';\n");
    let (found, staying) =
        mended(&folder, "alter table public.a rename to b;", &["--only", "unknown-object"]);
    assert_eq!((found, staying), (vec![], 1));
}

#[test]
fn findings_follow_a_function_to_another_name() {
    let folder = project(
        "create function public.f(i int) returns int language sql security definer as 'select 1';
         create function public.h(i int) returns int language sql security definer as 'select 1';
         create function public.h(t text) returns int language sql security definer as 'select 1';\n",
    );
    let only = ["--only", "function-search-path-mutable,definer-audit"];
    let renamed = "alter function public.f(int) rename to g;";
    assert_eq!(mended(&folder, renamed, &only), (vec![], mended(&folder, "select 1;", &only).1));
    assert_eq!(mended(&folder, "alter function public.f(int) rename to g;", &only).0, [""; 0]);
    folder.write(SECOND, renamed.as_bytes());
    assert_eq!(
        access(&folder),
        ["breaking: public.f(integer) is now called public.g(integer) [20250201000000_second.sql:1]"]
    );
    // One of two that share a name is another one then.
    folder.write(SECOND, b"alter function public.h(text) rename to g;");
    assert!(access(&folder)[0].contains("public.h(text) is gone"), "{:?}", access(&folder));
}

#[test]
fn what_no_policy_asks_for_any_more_is_not_fixed_by_opening() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid, team int, shared bool);
         alter table public.notes enable row level security;
         create policy own on public.notes for select to authenticated using (owner = (select auth.uid()));
         create policy team on public.notes for update to authenticated
           using (team = ((select auth.jwt()) ->> 'team')::int);\n",
    );
    let only = ["--only", "unindexed-filter-column"];
    for opened in [
        "alter policy team on public.notes using (true);",
        "alter policy own on public.notes using (true);",
        "alter table public.notes disable row level security; drop policy own on public.notes;",
        "alter table public.notes disable row level security; alter table public.notes rename to pages;",
    ] {
        assert_eq!(mended(&folder, opened, &only).0, [""; 0], "{opened}");
    }
    for done in ["create index on public.notes (team);", "alter policy team on public.notes using (shared);"]
    {
        assert_eq!(mended(&folder, done, &only).0, ["unindexed-filter-column notes"], "{done}");
    }
}

#[test]
fn a_branch_that_is_not_there_is_fetched_by_its_own_name() {
    let answer = project(OLD).run(&["--base", "origin/topic"]);
    assert!(answer.code == 2 && answer.err.contains("`git fetch origin topic`"), "{answer:?}");
}

#[test]
fn a_finding_stands_where_the_change_made_it_so() {
    let folder = project(
        "create table public.notes (id int primary key, owner uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = (select auth.uid()));
         create view public.mine with (security_invoker = on) as select id from public.notes;
         create table public.closed (id int primary key);
         revoke all on public.closed from anon, authenticated;\n",
    );
    folder.write(
        SECOND,
        b"-- two lines\nalter view public.mine set (security_invoker = false);\ngrant select on public.closed to anon;\n",
    );
    let only = ["--only", "definer-view-exposed,rls-disabled-on-exposed-table"];
    let answer = check(&folder, &[&["--base", "main"], &only[..]].concat());
    assert_eq!(
        found(&answer),
        [format!("definer-view-exposed {SECOND}:2"), format!("rls-disabled-on-exposed-table {SECOND}:3")]
    );
    assert_eq!(json(&answer)["findings"][1]["related"][0]["file"], FIRST, "{answer:?}");
    // Without a change to look at, it stands where the object is.
    assert!(found(&check(&folder, &only)).iter().all(|place| place.contains(FIRST)));
}

#[test]
fn what_a_change_does_to_older_objects_stands_in_the_change() {
    let folder = project(
        "create schema inner_room;
         create table inner_room.keys (id int primary key);
         grant usage on schema inner_room to anon;
         grant select on inner_room.keys to anon;
         create table public.members (team int primary key, who uuid);
         alter table public.members enable row level security;
         create policy seen on public.members for select to authenticated using (who = (select auth.uid()));
         create table public.notes (id int primary key, team int);
         alter table public.notes enable row level security;
         create policy of_team on public.notes for select to authenticated
           using (team in (select m.team from public.members m where m.who = (select auth.uid())));\n",
    );
    folder.write(SECOND, b"select 1;\n\nalter table public.members disable row level security;\nselect 2;\n");
    let config = "project_id = \"x\"\n[api]\nschemas = [\"public\", \"inner_room\"]\n";
    folder.write("supabase/config.toml", config.as_bytes());
    let rules = "policy-reads-unprotected-table,rls-disabled-on-exposed-table,internal-schema-exposed";
    let answer = check(&folder, &["--base", "main", "--only", rules]);
    let places = found(&answer);
    assert!(places.contains(&format!("policy-reads-unprotected-table {SECOND}:3")), "{places:?}");
    assert!(
        places.contains(&"rls-disabled-on-exposed-table supabase/config.toml:3".to_string()),
        "{places:?}"
    );
    assert!(places.iter().all(|place| !place.contains(FIRST)), "{places:?}");
    // There it can be allowed as well, and the comment is not idle.
    let allowed = "select 1;\n\n-- rls-lint: allow(policy-reads-unprotected-table) for the demo\n\
                   alter table public.members disable row level security;\nselect 2;\n";
    folder.write(SECOND, allowed.as_bytes());
    let rules = "policy-reads-unprotected-table,unused-suppression";
    let answer = check(&folder, &["--base", "main", "--only", rules]);
    assert_eq!(found(&answer), [""; 0]);
    assert_eq!(json(&answer)["summary"]["suppressed"], 1, "{answer:?}");
}

#[test]
fn line_breaks_of_windows_are_no_change() {
    let folder = project(
        "create function public.f() returns int language plpgsql as $$\nbegin\n return 1;\nend $$;\n",
    );
    let text = std::fs::read_to_string(folder.path().join(FIRST)).expect("it is there");
    folder.write(FIRST, text.replace('\n', "\r\n").as_bytes());
    folder.write(SECOND, b"create table public.notes (id int primary key);\n");
    let places = found(&check(&folder, &["--base", "main", "--only", "ad-hoc-ddl,missing-created-at"]));
    assert_eq!(places, [format!("missing-created-at {SECOND}:1")]);
}

#[test]
fn what_is_staged_is_held_against_the_baseline() {
    let folder = project("select 1;\n");
    folder.write(SECOND, b"create table public.leak (id int);\n");
    folder.run(&["baseline"]);
    git(folder.path(), &["add", "-A"]);
    assert_eq!(found(&check(&folder, &["--staged"])), [""; 0]);
}

#[test]
fn two_branches_with_one_version_are_told_at_the_one_that_is_not_merged() {
    let only = ["--base", "main", "--only", "ad-hoc-ddl,migration-order"];
    // The names sort either way.
    for (mine, theirs) in [("alpha", "zeta"), ("zeta", "alpha")] {
        let folder = project("create table public.a (id int primary key);\n");
        let path = |name: &str| format!("supabase/migrations/20250201000000_{name}.sql");
        folder.write(&path(mine), b"create table public.b (id int primary key);\n");
        commit(folder.path());
        git(folder.path(), &["checkout", "--quiet", "main"]);
        folder.write(&path(theirs), b"create table public.c (id int primary key);\n");
        folder.write("supabase/migrations/20250301000000_later.sql", b"select 1;\n");
        commit(folder.path());
        git(folder.path(), &["checkout", "--quiet", "work"]);
        let told = || {
            let answer = check(&folder, &only);
            assert_eq!(found(&answer), [format!("migration-order {}:1", path(mine))]);
            let finding = json(&answer)["findings"][0].clone();
            assert_eq!(finding["severity"], "error");
            let message = finding["message"].as_str().expect("a text").to_string();
            let start = format!(
                "20250201000000_{mine}.sql has the version 20250201000000 of 20250201000000_{theirs}.sql"
            );
            assert!(message.starts_with(&start), "{message}");
            finding["fingerprint"].clone()
        };
        let before = told();
        git(folder.path(), &["merge", "--quiet", "--no-edit", "main"]);
        assert_eq!(told(), before);
    }
}

#[test]
fn a_merged_migration_with_another_name_and_the_same_version_is_told() {
    let folder = project("create table public.a (id int primary key);\n");
    let other = "supabase/migrations/20250101000000_other.sql";
    git(folder.path(), &["mv", FIRST, other]);
    let answer = check(&folder, &["--base", "main", "--only", "ad-hoc-ddl,migration-order"]);
    assert_eq!(found(&answer), [format!("ad-hoc-ddl {other}:1")]);
    assert_eq!(json(&answer)["findings"][0]["severity"], "info");
    assert!(answer.out.contains("was merged as 20250101000000_first.sql: databases go by the version"));
}

#[test]
fn a_bucket_that_becomes_public_is_told() {
    let config = |public: bool| format!("[storage.buckets.declared]\npublic = {public}\n");
    let folder = repository(&[
        ("supabase/config.toml", &config(false)),
        (
            FIRST,
            "insert into storage.buckets (id, name, public) values ('docs', 'docs', false), ('open', 'open', true);\n",
        ),
    ]);
    let told = |sql: &str| {
        folder.write(SECOND, format!("{sql}\n").as_bytes());
        let answer = check(&folder, &["--base", "main", "--only", "policy-widened"]);
        let value = json(&answer);
        let access: Vec<_> = value["change"]["access"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| format!("{} {}", one["class"], one["message"]).replace('"', ""))
            .collect();
        (found(&answer), access)
    };
    let here = vec![format!("policy-widened {SECOND}:1")];
    let opened = |id: &str| {
        vec![format!(
            "dangerous whoever has the address of a file in the bucket {id} can now read it (was: whom policies let)"
        )]
    };
    for sql in [
        "update storage.buckets set public = true where id = 'docs';",
        "insert into storage.buckets (id, name, public) values ('docs', 'docs', true) on conflict (id) do update set public = excluded.public;",
        "insert into storage.buckets (id, name) values ('docs', 'docs') on conflict (id) do update set public = true;",
        "do $$ begin update storage.buckets set public = true where id in ('docs'); end $$;",
    ] {
        assert_eq!(told(sql), (here.clone(), opened("docs")), "{sql}");
    }
    for sql in [
        "insert into storage.buckets (id, name, public) values ('docs', 'docs', true) on conflict do nothing;",
        "update storage.buckets set public = true where id = 'open';",
        "update storage.buckets set public = true; update storage.buckets set public = false where id in ('docs', 'declared');",
        // What cannot be followed is no claim.
        "update storage.buckets set public = (select true) where name like 'd%';",
    ] {
        assert_eq!(told(sql), (Vec::new(), Vec::new()), "{sql}");
    }
    let (none, access) = told("update storage.buckets set public = false where id = 'open';");
    assert!(
        none.is_empty() && access.len() == 1 && access[0].starts_with("breaking files in the bucket open")
    );
    let (none, access) = told("insert into storage.buckets (id, name, public) values ('new', 'new', true);");
    assert!(none.is_empty() && access.len() == 1 && access[0].ends_with("new can read it (new bucket)"));
    let allowed = "-- rls-lint: allow(policy-widened) a shop\nupdate storage.buckets set public = true where id = 'docs';";
    assert_eq!(told(allowed), (Vec::new(), opened("docs")));
    folder.write("supabase/config.toml", config(true).as_bytes());
    let in_config = vec!["policy-widened supabase/config.toml:1".to_string()];
    assert_eq!(told("select 1;"), (in_config, opened("declared")));
}
