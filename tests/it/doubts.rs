//! What a run says of what earlier statements leave open: those that could not be followed.

use crate::change::{FIRST, SECOND, check, found, json, project};
use crate::harness::Folder;

/// Own rows of a table, and a block of which nobody knows what it did.
fn notes(block: &str) -> Folder {
    project(&format!(
        "create table public.notes (id int primary key, owner uuid not null, body text);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (owner = (select auth.uid()));
revoke all on public.notes from anon;
do $$ declare r record; begin {block} end $$;\n"
    ))
}

const UNKNOWN: &str = "execute current_setting('app.text');";

/// Which policies it drops depends on the database.
const DROPS: &str = "for r in select t.relname as tbl, p.polname as pol from pg_policy p join pg_class t on t.oid = p.polrelid
    where random() < 0.5
  loop execute format('drop policy if exists %I on public.%I', r.pol, r.tbl); end loop;";

const CREATES: &str = "for r in select relname from pg_class where random() < 0.5
  loop execute format('create policy narrow on public.%I as restrictive using (owner = auth.uid())', r.relname); end loop;";

/// What is told of rights, each with its line.
fn access(folder: &Folder) -> Vec<String> {
    let value = json(&check(folder, &["--base", "main"]));
    let list = value["change"]["access"].as_array().expect("a list").clone();
    let said = |one: &serde_json::Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_string();
        format!("{}: {} [{}]", text("class"), text("message"), one["place"]["start"]["line"])
    };
    list.iter().map(said).collect()
}

#[test]
fn what_a_change_says_is_told_though_nobody_knows_what_was_there() {
    for block in [UNKNOWN, CREATES] {
        let folder = notes(block);
        folder.write(
            SECOND,
            b"\ncreate policy shared on public.notes for select to authenticated using (true);\n",
        );
        let line = 5 + block.lines().take_while(|line| !line.contains("execute")).count();
        assert_eq!(
            access(&folder),
            [format!(
                "review: authenticated can now read all rows of public.notes (was: own rows); not known which rows that \
                 leaves, as {FIRST}:{line} was not followed [2]"
            )],
            "{block}"
        );
        assert_eq!(found(&check(&folder, &["--base", "main"])), [""; 0], "nothing is certain");
        assert_eq!(
            json(&check(&folder, &["--base", "main"]))["change"]["access"][0]["after"],
            "unknown",
            "{block}"
        );
    }
    let folder = notes(UNKNOWN);
    folder.write(SECOND, b"grant select on public.notes to anon; drop policy own on public.notes;\n");
    let told = access(&folder);
    assert!(told.iter().any(|one| one.starts_with("breaking: authenticated can no longer read")), "{told:?}");
    assert!(told.iter().all(|one| one.contains("not known which rows")), "{told:?}");
    folder.write(SECOND, b"comment on table public.notes is 'mine';\n");
    assert_eq!(access(&folder), [""; 0]);
    let function = "create or replace function public.all_notes() returns setof public.notes language sql security definer
        set search_path = '' as $$ select * from public.notes $$;\n";
    folder.write(SECOND, function.as_bytes());
    let told = access(&folder);
    assert!(
        told[0].starts_with("review: anon can now read all rows of public.notes through public.all_notes()")
            && told.len() == 2,
        "{told:?}"
    );
}

#[test]
fn what_a_policy_opens_is_certain_where_others_can_only_be_gone() {
    let folder = notes(DROPS);
    folder.write(SECOND, b"create policy shared on public.notes for select to authenticated using (true);\n");
    assert_eq!(
        access(&folder),
        ["dangerous: authenticated can now read all rows of public.notes (was: own rows at most) [1]"]
    );
    let rules = "policy-widened,always-true-read-policy,broad-policy-defeats-scoped-policy";
    let answer = check(&folder, &["--base", "main", "--only", rules]);
    assert!(found(&answer).contains(&format!("policy-widened {SECOND}:1")), "{answer:?}");
    let plain = check(&folder, &["--only", rules]);
    // That policy "own" loses its effect is not certain: it may be gone.
    assert_eq!(found(&plain), [format!("always-true-read-policy {SECOND}:1")]);
    folder.write(SECOND, b"alter policy own on public.notes using (true);\n");
    let told = access(&folder);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("dangerous: authenticated can now read, change and delete all rows"),
        "{told:?}"
    );
    // It is not known to be less than it was.
    folder.write(
        SECOND,
        b"alter policy own on public.notes using (owner = (select auth.uid()) and body is not null);\n",
    );
    let told = access(&folder);
    assert!(told.iter().all(|one| one.starts_with("safe") || one.starts_with("review")), "{told:?}");
}

#[test]
fn what_is_made_after_a_block_is_known() {
    let only = ["--base", "main", "--only", "rls-disabled-on-exposed-table,always-true-write-policy"];
    for (block, known) in [(DROPS, true), (CREATES, true), (UNKNOWN, false)] {
        let folder = notes(block);
        folder.write(SECOND, b"create table public.leak (id int primary key);\n");
        let expected = if known { vec![format!("rls-disabled-on-exposed-table {SECOND}:1")] } else { vec![] };
        assert_eq!(found(&check(&folder, &only)), expected, "{block}");
        folder.write(
            SECOND,
            b"create table public.open (id int primary key); alter table public.open enable row level security;
              create policy p on public.open for all using (true);\n",
        );
        let expected = if known { vec![format!("always-true-write-policy {SECOND}:2")] } else { vec![] };
        assert_eq!(found(&check(&folder, &only)), expected, "{block}");
    }
}

#[test]
fn a_baseline_keeps_what_cannot_be_known() {
    let folder = notes("null;");
    let more = "create table public.open (id int primary key);
        create table public.other (id int primary key);
        create policy by_row on public.notes for select to authenticated using (owner = auth.uid());\n";
    let third = "supabase/migrations/20250103000000_more.sql";
    folder.write(third, more.as_bytes());
    assert_eq!(folder.run(&["baseline"]).code, 0);
    let file = || std::fs::read_to_string(folder.path().join("supabase/rls-lint-baseline.json"));
    let file = || file().or_else(|_| std::fs::read_to_string(folder.path().join("rls-lint-baseline.json")));
    let written = file().expect("it was written");
    assert!(written.contains("rls-disabled-on-exposed-table") && written.contains("auth-call-per-row"));
    let stale = || {
        let mut found = found(&check(&folder, &[]));
        found.retain(|one| one.starts_with("stale-baseline "));
        found
    };
    assert_eq!(stale(), [""; 0]);

    folder.write(SECOND, format!("do $$ begin {UNKNOWN} end $$;\n").as_bytes());
    assert_eq!(stale(), [""; 0], "nothing is known to be gone");
    let strict = folder.run(&["--baseline-strict", "--format", "concise"]);
    assert!(strict.code == 0 && !strict.out.contains("stale-baseline"), "{strict:?}");
    assert_eq!(folder.run(&["baseline", "--prune"]).code, 0);
    assert_eq!(file().expect("it is there"), written);

    // What is gone whatever the block did is told.
    folder.write(SECOND, format!("do $$ begin {UNKNOWN} end $$; drop table public.other;\n").as_bytes());
    assert_eq!(stale().len(), 1);
    assert_eq!(folder.run(&["baseline", "--prune"]).code, 0);
    let pruned = file().expect("it is there");
    assert!(!pruned.contains("public.other") && pruned.contains("table public.open"), "{pruned}");
}
