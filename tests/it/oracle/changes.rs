//! What is said of a change against what callers see in PostgreSQL before and after it.

use serde_json::Value;

use super::server::Server;
use crate::harness::Folder;

const FIRST: &str = "
create table public.notes (id int primary key, owner uuid, open boolean not null);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (owner = auth.uid());
create view public.seen with (security_invoker = on) as select id, owner from public.notes;
";

/// The caller's row, and two that are not.
const ROWS: &str = "insert into public.notes values
  (1, '00000000-0000-0000-0000-000000000001', false),
  (2, '00000000-0000-0000-0000-000000000002', true),
  (3, null, false);
";

/// A second migration, and the relation that is looked at.
const CHANGES: [(&str, &str); 10] = [
    ("create policy p on public.notes for select to authenticated using (open or not open);", "notes"),
    ("create policy p on public.notes for select using (open);", "notes"),
    ("alter table public.notes disable row level security;", "notes"),
    ("drop policy own on public.notes;", "notes"),
    ("alter policy own on public.notes to public using (true);", "notes"),
    ("create policy p on public.notes as restrictive to authenticated using (false);", "notes"),
    ("revoke select on public.notes from authenticated;", "notes"),
    ("create or replace view public.seen as select id, owner from public.notes;", "seen"),
    (
        "drop view public.seen; create view public.seen as select id, owner from public.notes where owner = auth.uid();",
        "seen",
    ),
    ("alter table public.notes add column more text; create index on public.notes (owner);", "notes"),
];

/// How many rows each role sees: a number, or nothing where it may not look.
fn seen(server: &Server, script: &str, relation: &str) -> Vec<usize> {
    let look = ["anon", "authenticated"].map(|role| {
        let claims = match role {
            "anon" => r#"{"role":"anon"}"#,
            _ => r#"{"role":"authenticated","sub":"00000000-0000-0000-0000-000000000001"}"#,
        };
        format!(
            "create function public.count_{role}() returns int language plpgsql as $look$
             declare found int;
             begin
               perform set_config('request.jwt.claims', '{claims}', true);
               set local role {role};
               select count(*) into found from public.{relation};
               reset role;
               return found;
             exception when insufficient_privilege then
               return 0;
             end $look$;
             select 'rows ' || public.count_{role}();\n"
        )
    });
    let out = server.run_in_fresh(&format!("{script}{}", look.concat())).expect("PostgreSQL takes it");
    out.lines().filter_map(|line| line.strip_prefix("rows ")?.parse().ok()).collect()
}

/// Whether so many of the three rows, of which one is the caller's, may be what a word says.
fn fits(word: &Value, role: &str, rows: usize) -> bool {
    match word.as_str().expect("it is a word") {
        "none" => rows == 0,
        "own" => rows <= usize::from(role == "authenticated"),
        "all" => rows == 3,
        _ => true,
    }
}

#[test]
fn no_claim_about_a_change_is_wrong() {
    let server = Server::get();
    for (second, relation) in CHANGES {
        let folder = Folder::project(FIRST);
        let answer = folder.pipe(&["--format", "json", "-"], second);
        let report: Value = serde_json::from_str(&answer.out).expect("it is JSON");
        let told = report["change"]["access"].as_array().expect("it is a list");
        let before = seen(server, &format!("{FIRST}{ROWS}"), relation);
        let after = seen(server, &format!("{FIRST}{ROWS}{second}\n"), relation);
        assert_eq!((before.len(), after.len()), (2, 2), "{second}");
        for (at, role) in ["anon", "authenticated"].into_iter().enumerate() {
            let is_it = |change: &&Value| {
                let has = |list: &Value, word: &str| {
                    list.as_array().expect("it is a list").iter().any(|one| one == word)
                };
                change["name"] == relation
                    && has(&change["roles"], role)
                    && has(&change["commands"], "select")
            };
            match told.iter().find(is_it) {
                Some(change) => {
                    assert!(fits(&change["before"], role, before[at]), "{second}: {change} {before:?}");
                    assert!(fits(&change["after"], role, after[at]), "{second}: {change} {after:?}");
                }
                None => assert_eq!(before[at], after[at], "{second}: nothing is told of {role}"),
            }
        }
    }
}
