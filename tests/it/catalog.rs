//! `rls-lint catalog`, for people and for programs.

use crate::harness::Folder;

const TODOS: &str = "create table public.todos (\n  id bigint primary key\n);\n\n\
                     alter table public.todos enable row level security;\n\n\
                     create policy \"own\" on public.todos for select to authenticated using (id = 1);\n";

#[test]
fn an_object_says_who_made_it_so() {
    let folder = Folder::project(TODOS);
    let answer = folder.run(&["catalog", "public.todos"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    for line in [
        "table public.todos\n",
        "  created  -- supabase/migrations/1_first.sql:1\n",
        "  row level security: on  -- supabase/migrations/1_first.sql:5\n",
        "  id  bigint not null  -- supabase/migrations/1_first.sql:2\n",
        "  todos_pkey primary key (id)",
        "  own for select to authenticated  -- supabase/migrations/1_first.sql:7\n",
        "    using (id = 1)",
        "  anon: select, ",
    ] {
        assert!(answer.out.contains(line), "{line:?} is not in {}", answer.out);
    }
    assert_eq!(folder.run(&["catalog", "PUBLIC.Todos", "supabase"]).out, answer.out);
}

#[test]
fn a_name_that_is_not_there_is_an_error() {
    let answer = Folder::project(TODOS).run(&["catalog", "public.todo"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("nothing is called public.todo; did you mean public.todos?"), "{answer:?}");
    let answer = Folder::project(TODOS).run(&["catalog", "todo"]);
    assert!(answer.err.contains("nothing is called todo; did you mean todos?"), "{answer:?}");
}

#[test]
fn a_name_may_lack_the_quotes_that_a_shell_took() {
    let folder = Folder::project("create table public.\"My Table\" (id int);");
    for word in ["My Table", "public.My Table", "\"My Table\"", "public.\"My Table\""] {
        let answer = folder.run(&["catalog", word]);
        assert!(answer.out.starts_with("table public.\"My Table\"\n"), "{word}: {answer:?}");
    }
}

#[test]
fn a_function_may_be_named_with_what_it_takes() {
    let folder = Folder::project(
        "create function public.f(a text, b int4 default 1) returns int language sql as 'select 1';
         create function public.f(a uuid[]) returns int language sql as 'select 1';
         revoke execute on function public.f(uuid[]) from public, anon;",
    );
    for word in ["public.f(text, integer)", "f(a text, b int)", "public.f( TEXT,int4 )"] {
        let answer = folder.run(&["catalog", word]);
        assert_eq!((answer.code, answer.out.matches("function ").count()), (0, 1), "{word}: {answer:?}");
        assert!(answer.out.starts_with("function public.f(a text, b integer)\n"), "{word}: {answer:?}");
        assert!(answer.out.contains("  anon: execute"), "{answer:?}");
    }
    assert!(!folder.run(&["catalog", "public.f(uuid[])"]).out.contains("anon: execute"));
    assert_eq!(folder.run(&["catalog", "public.f"]).out.matches("function ").count(), 2);
    let answer = folder.run(&["catalog", "public.f(uuid)"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""));
    assert!(
        answer.err.contains("nothing is called public.f(uuid); did you mean public.f(uuid[])?"),
        "{answer:?}"
    );
}

#[test]
fn without_a_name_each_table_has_a_line() {
    let answer = Folder::project(TODOS).run(&["catalog"]);
    assert_eq!(
        answer.out,
        "public.todos  RLS on     1 column  1 policy  -- supabase/migrations/1_first.sql:1\n"
    );
}

#[test]
fn a_program_gets_one_object() {
    let answer = Folder::project(TODOS).run(&["catalog", "supabase", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&answer.out).expect("it is JSON");
    assert_eq!(value["tables"][0]["table"], "todos");
    assert_eq!(value["policies"][0]["policy"], "own");
}
