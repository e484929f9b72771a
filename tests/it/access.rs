//! `rls-lint access`, for people and for programs.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Folder, run_in};

const TODOS: &str = "create table public.todos (id bigint primary key, owner uuid, done boolean);
alter table public.todos enable row level security;
create policy mine on public.todos to authenticated using (owner = (select auth.uid()));
create policy done on public.todos for select using (done);
create policy clean on public.todos for delete to anon using (true);
create table public.log (id bigint primary key);
revoke all on public.log from anon;
grant insert (id) on public.log to anon;
";

#[test]
fn the_matrix_is_a_table() {
    let answer = Folder::project(TODOS).run(&["access"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(
        answer.out,
        "\
public.todos     select     insert                  update    delete
  anon           some rows  none                    none      some rows *
  authenticated  some rows  own rows                own rows  own rows
public.log       select     insert                  update    delete
  anon           none       all rows, some columns  none      none
  authenticated  all rows   all rows                all rows  all rows
* a statement that reads no column, such as one without WHERE, reaches other rows
"
    );
    let markdown = Folder::project(TODOS).run(&["access", "--format", "markdown"]).out;
    assert!(
        markdown.contains("\n| public.todos | anon | some rows | none | none | some rows \\* |\n"),
        "{markdown}"
    );
}

#[test]
fn a_relation_says_what_makes_it_so() {
    let folder = Folder::project(TODOS);
    let answer = folder.run(&["access", "public.todos"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for line in [
        "  anon delete: some rows; without a condition all\n",
        "    policy clean for DELETE: all  -- supabase/migrations/1_first.sql:5\n",
        "  authenticated update: own rows by owner\n",
        "    row level security is on  -- supabase/migrations/1_first.sql:2\n",
        "    policy mine for UPDATE: own  -- supabase/migrations/1_first.sql:3\n",
        "      holds the row to the caller  -- supabase/migrations/1_first.sql:3\n",
        "  anon update: none\n",
        "    no permissive policy for UPDATE: none\n",
    ] {
        assert!(answer.out.contains(line), "{line:?} is not in {}", answer.out);
    }
    let answer = folder.run(&["access", "todo"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("no table or view is called todo; did you mean todos?"), "{answer:?}");
}

#[test]
fn a_function_is_said_to_be_one() {
    let folder = Folder::project("create function public.g(a int) returns int language sql as 'select 1';");
    for word in ["public.g", "g", "public.g(int)"] {
        let answer = folder.run(&["access", word]);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""));
        let said =
            format!("error: {word} is a function, which has no rows; `rls-lint catalog '{word}'` tells");
        assert!(answer.err.starts_with(&said), "{answer:?}");
        let answer = folder.run(&["catalog", word]);
        assert!(answer.out.contains("  public: execute\n"), "{answer:?}");
    }
}

#[test]
fn programs_get_every_cell() {
    let answer = Folder::project(TODOS).run(&["access", "--format", "json"]);
    let value: Value = serde_json::from_str(&answer.out).expect("it is JSON");
    let roles = &value["projects"][0]["relations"][0]["roles"];
    let insert = &roles[1]["insert"];
    assert_eq!((&roles[1]["role"], &insert["rows"]), (&"authenticated".into(), &"own".into()));
    // The row may be read back if it is one's own.
    assert_eq!((&insert["returning"], &insert["owner_columns"][0]), (&"own".into(), &"owner".into()));
    let policy = insert["reasons"].as_array().expect("it is a list").iter().find(|one| one["rows"] == "own");
    assert_eq!(policy.expect("the policy is a reason")["place"]["line"], 3);
    assert_eq!(roles[0]["delete"]["without_condition"], "all");
}

/// What helps and what does not, counted over policies and roles: at most a tenth may be unread.
#[test]
fn the_policies_of_the_fixtures_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase-fixtures");
    let (mut unknown, mut all) = (0, 0);
    for entry in std::fs::read_dir(&root).expect("the fixtures are there") {
        let folder = entry.expect("an entry is listed").path();
        if !folder.is_dir() {
            continue;
        }
        let answer = run_in(&folder, &["access", "--format", "json", "."], "", |_| {});
        let value: Value = serde_json::from_str(&answer.out).expect("it is JSON");
        let mut pending = vec![&value];
        while let Some(value) = pending.pop() {
            match value {
                Value::Array(list) => pending.extend(list),
                Value::Object(map) => {
                    let is_policy = map.get("text").is_some_and(|text| text.to_string().contains("policy "));
                    if let Some(rows) = map.get("rows").filter(|_| is_policy && map["place"].is_object()) {
                        all += 1;
                        unknown += usize::from(rows == "unknown");
                    }
                    pending.extend(map.values());
                }
                _ => {}
            }
        }
    }
    assert!(all > 200 && unknown * 10 <= all, "{unknown} of {all} policies are not known");
}
