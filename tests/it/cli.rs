//! Arguments, exit codes, and input of every kind.

use crate::harness::{Answer, Folder, run_in};

const BROKEN: &str = "select 1;\ncreate tabel x (id int);\nselect 2;\n";

fn concise(folder: &Folder, arguments: &[&str]) -> Answer {
    folder.run(&[&["--format", "concise"], arguments].concat())
}

#[test]
fn broken_sql_is_found_at_its_place() {
    let answer = concise(&Folder::project(BROKEN), &[]);
    assert_eq!(answer.code, 1);
    let line = "supabase/migrations/1_first.sql:2:8: error[syntax-error] syntax error at or near \"tabel\"";
    assert!(answer.out.starts_with(line), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1);
    assert!(answer.err.contains("Found 1 error in 1 file (2 statements)"), "{answer:?}");
    assert!(answer.err.contains("Assumed: the Data API serves public, graphql_public"), "{answer:?}");
}

#[test]
fn bytes_that_cannot_be_read_are_told_once() {
    let told = |bytes: &[u8]| {
        let folder = Folder::project("");
        folder.write("supabase/migrations/1_first.sql", bytes);
        let out = concise(&folder, &["--only", "syntax-error,migration-fails,unknown-object"]).out;
        out.lines()
            .map(|line| line.split_once(": ").expect("it has a place").1.to_string())
            .collect::<Vec<_>>()
    };
    let once = ["error[syntax-error] this byte is no UTF-8: PostgreSQL refuses the file as it is"];
    for text in [
        &b"create table public.caf\xE9 (id int);\n"[..],
        b"select 1 \xE9 from x;\n",
        b"select ('a'\xE9);\n",
        b"\xFF\xFEcreate table x (id int);\n",
        b"create function f() returns void language plpgsql as $$ begin caf\xE9 := 1; end $$;\n",
        b"create function f() returns int language sql as $$ select caf\xE9 $$;\n",
    ] {
        assert_eq!(told(text), once, "{}", text.escape_ascii());
    }
    // What is wrong besides is told.
    let beside = told(b"-- \xE9\ncreat table x (id int);\n");
    assert!(beside.len() == 2 && beside[1].contains("at or near \"creat\""), "{beside:?}");
}

#[test]
fn what_a_broken_statement_may_have_made_is_not_missed() {
    let folder = Folder::project("create tabel notes (id int);\n");
    let second = "create policy p on notes using (true);\ndrop table tags;\n";
    folder.write("supabase/migrations/2_second.sql", second.as_bytes());
    let out = concise(&folder, &[]).out;
    assert!(out.contains("info[not-analysed] not analysed: table public.notes is not made"), "{out}");
    assert!(out.contains("error[unknown-object] the migration fails here: table public.tags"), "{out}");
}

#[test]
fn a_finding_about_many_tables_leaves_out_what_is_allowed() {
    let tables = |names: &str| -> String {
        names.chars().map(|name| format!("create table {name} (id int primary key);\n")).collect()
    };
    let folder = Folder::project(&tables("abcdefgh"));
    let allowed = format!("-- rls-lint: allow-file(missing-created-at) made by a tool\n{}", tables("ij"));
    folder.write("supabase/migrations/2_second.sql", allowed.as_bytes());
    folder.write("supabase/migrations/3_third.sql", tables("klm").as_bytes());
    let off =
        "overrides:\n  - paths: [\"supabase/migrations/1_*.sql\"]\n    rules: {missing-created-at: off}\n";
    folder.write("rls-lint.yaml", off.as_bytes());
    let out = concise(&folder, &["--only", "missing-created-at", "--only", "unused-suppression"]).out;
    assert_eq!(out.lines().count(), 3, "few are told each by itself: {out}");
    assert!(out.lines().all(|line| line.starts_with("supabase/migrations/3_third.sql:")), "{out}");
    folder.write("supabase/migrations/3_third.sql", tables("klmnop").as_bytes());
    let out = concise(&folder, &["--only", "missing-created-at"]).out;
    let told = "16 of 16 tables do not keep when a row was made; 6 of them are told here\n";
    assert_eq!(out, format!("supabase/migrations/3_third.sql:1:14: warning[missing-created-at] {told}"));
}

#[test]
fn exit_codes_follow_fail_on() {
    let folder = Folder::project(BROKEN);
    assert_eq!(folder.run(&["--fail-on", "never"]).code, 0);
    assert_eq!(folder.run(&["check", "--fail-on", "info"]).code, 1);
    let psql = Folder::project("\\connect x\nselect 1;\n");
    assert_eq!(psql.run(&[]).code, 0);
    assert_eq!(psql.run(&["--fail-on", "info"]).code, 1);
    assert_eq!(Folder::project("select 1;").run(&[]).code, 0);
}

#[test]
fn the_project_is_found_from_below_and_paths_are_relative() {
    let folder = Folder::project(BROKEN);
    folder.write("src/app/", b"");
    let answer = crate::harness::run_in(&folder.path().join("src/app"), &["--format=concise"], "", |_| {});
    assert!(answer.out.starts_with("../../supabase/migrations/1_first.sql:2:8:"), "{answer:?}");
}

#[test]
fn each_way_to_name_a_project_means_the_same() {
    let folder = Folder::project(BROKEN);
    let expected = concise(&folder, &[]).out;
    let absolute = folder.path().to_string_lossy().into_owned();
    for path in
        [".", "supabase", "supabase/", "supabase/migrations", "supabase/migrations/*.sql", "*", &absolute]
    {
        let answer = concise(&folder, &[path]);
        assert_eq!((answer.code, answer.out.as_str()), (1, expected.as_str()), "{path}");
    }
    assert_eq!(concise(&folder, &[".", "supabase", "supabase/migrations"]).out, expected);
}

#[test]
fn a_file_is_read_with_its_project_and_reported_alone() {
    let folder = Folder::project(BROKEN);
    folder.write("supabase/migrations/2_second.sql", BROKEN.as_bytes());
    let answer = concise(&folder, &["supabase/migrations/2_second.sql"]);
    assert!(answer.out.starts_with("supabase/migrations/2_second.sql:2:8:"), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1);
    assert!(answer.err.contains("in 2 files"), "{answer:?}");
}

#[test]
fn a_plain_folder_takes_any_name() {
    let folder = Folder::new(&[("db/b.sql", BROKEN), ("db/a.SQL", "select 1;"), ("db/notes.txt", "x")]);
    let answer = concise(&folder, &["db"]);
    assert_eq!((answer.code, answer.out.lines().count()), (1, 1), "{answer:?}");
    assert!(answer.out.starts_with("db/b.sql:2:8:"), "{answer:?}");
    assert!(answer.err.contains("in 2 files"), "{answer:?}");
}

#[test]
fn a_folder_of_versions_is_read_as_the_cli_reads_it() {
    let versions = Folder::new(&[("sql/1_a.sql", "select 1;"), ("sql/1_b.sql", "select 1;")]);
    let answer = concise(&versions, &["sql"]);
    assert!(answer.out.starts_with("sql/1_b.sql:1:1: error[migration-order]"), "{answer:?}");
    let named = Folder::new(&[("db/migrations/1_a.sql", "select 1;"), ("db/migrations/b.sql", BROKEN)]);
    let answer = concise(&named, &["db/migrations"]);
    assert!(answer.out.starts_with("db/migrations/b.sql:1:1: error[ad-hoc-ddl]"), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
    let other = [("migrations/1_a.sql", "select 1;"), ("migrations/b.sql", BROKEN), ("migrations/c.sql", "")];
    let answer = concise(&Folder::new(&other), &["migrations"]);
    assert!(answer.out.starts_with("migrations/b.sql:2:8: error[syntax-error]"), "{answer:?}");
}

#[test]
fn migrations_in_folders_of_their_own_are_read_in_order() {
    let folder = Folder::new(&[
        ("prisma/migrations/1_init/migration.sql", "create table public.a (id int);"),
        ("prisma/migrations/2_more/migration.sql", "alter table public.a enable row level security;"),
        ("prisma/migrations/migration_lock.toml", ""),
        ("supabase/config.toml", ""),
    ]);
    let answer = concise(&folder, &["prisma/migrations"]);
    assert!(answer.err.contains("in 2 files (2 statements)"), "{answer:?}");
    assert!(!answer.out.contains("rls-disabled"), "{answer:?}");
    let whole = folder.run(&[]);
    assert!(whole.out.contains("; no migrations are there"), "{whole:?}");
}

#[test]
fn what_the_dashboard_describes_is_not_taken_for_all_of_it() {
    let text = "-- WARNING: This schema is for context only and is not meant to be run.
-- Table order and constraints may not be valid for execution.

create table public.orders (
  id bigint not null, list_id bigint, tags ARRAY,
  constraint orders_pkey primary key (id)
);
create table public.items (
  id bigint not null, list_id bigint,
  constraint items_pkey primary key (id),
  constraint items_list_id_fkey foreign key (list_id) references public.lists(id)
);
create table public.lists (id bigint not null, constraint lists_pkey primary key (id));
";
    let folder = Folder::new(&[("supabase/schema.sql", text), ("supabase/config.toml", "")]);
    let answer = folder.run(&[
        "--only",
        "rls-disabled-on-exposed-table",
        "--only",
        "syntax-error",
        "--only",
        "unknown-object",
    ]);
    assert!(answer.out.starts_with("Nothing found"), "{answer:?}");
    let answer = concise(&folder, &["--only", "not-analysed"]);
    assert!(answer.out.contains("the dashboard describes a schema here"), "{answer:?}");
}

#[test]
fn what_is_broken_in_a_file_is_one_finding_and_common_mistakes_get_advice() {
    let raise = "raise notice 'a';\nselect 1;\nraise notice 'b';\nraise notice 'c';\nraise;\n";
    let nested = "do $$ begin\n  perform cron.schedule('a', '* * * * *', $$select 1$$);\nend $$;\n";
    let trigger =
        "create trigger if not exists t before update on public.a for each row execute function f();";
    let files = [("a/1.sql", raise), ("b/1.sql", nested), ("c/1.sql", trigger)];
    let folder = Folder::new(&files);
    let told = [
        (
            "a",
            "1:1: error[syntax-error] syntax error at or near \"raise\"",
            "; 3 more statements of the file",
        ),
        ("b", "2:45: error[syntax-error] syntax error at or near \"select\"", ""),
        ("c", "1:19: error[syntax-error] syntax error at or near \"not\"", ""),
    ];
    for (name, start, end) in told {
        let answer = concise(&folder, &[name, "--only", "syntax-error"]);
        assert!(answer.out.starts_with(&format!("{name}/1.sql:{start}")), "{answer:?}");
        assert!(answer.out.contains(end), "{answer:?}");
        assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
        assert!(folder.run(&[name, "--only", "syntax-error"]).out.contains("Help: "), "{name}");
    }
}

#[test]
fn many_versions_that_are_taken_are_one_finding() {
    let folder = Folder::new(&[]);
    for at in 10..22 {
        folder.write(&format!("supabase/migrations/20250101_{at}_step.sql"), b"select 1;\n");
    }
    let answer = concise(&folder, &["supabase/migrations"]);
    let told =
        "supabase/migrations/20250101_11_step.sql:1:1: error[migration-order] 11 migrations have the version";
    assert!(answer.out.starts_with(told), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
}

#[test]
fn a_seed_that_is_named_is_still_a_seed() {
    let folder = Folder::project("create table a (id int);");
    folder.write("supabase/seed.sql", b"insert into a values (1);\ncreate table b (id int);\n");
    let answer = concise(&folder, &["supabase/seed.sql"]);
    assert!(answer.out.starts_with("supabase/seed.sql:2:1: error[ad-hoc-ddl]"), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
}

#[test]
fn scripts_are_no_migrations() {
    let folder = Folder::project("create table a (id int);");
    folder.write("scripts/setup.sql", b"drop policy if exists p on a;\ncreate tabel x;\ncreate policy p on a using (true);\ncreate table b (id int);\n");
    folder.write("supabase/tests/a.sql", b"create table c (id int);");
    let answer = concise(&folder, &["--only", "ad-hoc-ddl", "--only", "syntax-error"]);
    assert!(answer.out.starts_with("scripts/setup.sql:4:14: warning[ad-hoc-ddl]"), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
    assert!(answer.err.contains("in 1 file (1 statement)"), "{answer:?}");
}

#[test]
fn plain_files_are_a_project_of_their_own() {
    let folder = Folder::new(&[("a.sql", BROKEN), ("b.sql", BROKEN)]);
    let answer = concise(&folder, &["b.sql", "a.sql", "b.sql"]);
    assert_eq!(answer.out.lines().count(), 2);
    assert!(answer.out.starts_with("b.sql:"), "{answer:?}");
}

#[test]
fn what_is_not_there_is_said_and_the_rest_is_done() {
    let folder = Folder::project(BROKEN);
    let answer = concise(&folder, &["nowhere", "*.nothing", "[", "supabase"]);
    assert_eq!(answer.code, 2);
    assert_eq!(answer.out.lines().count(), 1);
    assert!(answer.err.contains("there is no file or folder nowhere"), "{answer:?}");
    assert!(answer.err.contains("no file matches *.nothing"), "{answer:?}");
    assert!(answer.err.contains("[ is no file pattern"), "{answer:?}");
}

#[test]
fn what_is_no_sql_is_not_read_as_such() {
    let folder = Folder::project(BROKEN);
    folder.write("supabase/migrations/README.md", b"# Migrations");
    let whole = concise(&folder, &["supabase"]);
    assert_eq!(concise(&folder, &["supabase/config.toml"]).out, whole.out);
    assert_eq!(concise(&folder, &["supabase/migrations/*"]).out, whole.out);
    let answer = folder.run(&["supabase/migrations/README.md"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""));
    assert_eq!(answer.err, "error: supabase/migrations/README.md is no SQL file\n");
}

#[test]
fn a_folder_without_sql_is_an_error_and_an_empty_project_is_none() {
    let folder = Folder::new(&[("docs/a.md", "")]);
    let answer = folder.run(&["docs"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("docs holds neither a Supabase project nor SQL files"), "{answer:?}");
    let answer = folder.run(&[]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("there is no supabase/config.toml here"), "{answer:?}");
    let empty = Folder::new(&[("supabase/config.toml", ""), ("supabase/migrations/", "")]);
    assert_eq!(empty.run(&[]).code, 0);
    assert_eq!(empty.run(&["supabase/migrations"]).code, 0);
}

#[test]
fn a_project_that_is_put_aside_is_not_read_beside_others() {
    let folder = Folder::new(&[
        ("supabase/config.toml", ""),
        ("supabase/migrations/1_a.sql", "select 1;"),
        ("docs/OBSOLETE/old/supabase/config.toml", ""),
        ("docs/OBSOLETE/old/supabase/migrations/1_a.sql", BROKEN),
    ]);
    let answer = concise(&folder, &["."]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""), "{answer:?}");
    assert!(answer.err.contains("the project in OBSOLETE is not read, as it is put aside"), "{answer:?}");
    assert_eq!(concise(&folder, &["docs"]).code, 1, "it is what is meant");
}

#[test]
fn sql_in_other_folders_is_named() {
    let folder = Folder::new(&[
        ("a.md", ""),
        ("db/prisma/migrations/1_a/migration.sql", BROKEN),
        ("db/prisma/migrations/2_b/migration.sql", BROKEN),
        ("tools/x.sql", BROKEN),
    ]);
    let answer = concise(&folder, &["."]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""));
    assert!(
        answer.err.contains("SQL is in db/prisma/migrations: name the folder that is meant"),
        "{answer:?}"
    );
}

#[test]
fn a_folder_of_migrations_that_the_cli_does_not_run_is_read_all_the_same() {
    let folder = Folder::new(&[
        ("supabase/config.toml", ""),
        ("supabase/migrations/prod.sql", BROKEN),
        ("supabase/migrations/b.sql", "select 1;"),
    ]);
    let answer = concise(&folder, &[]);
    assert!(answer.out.contains("the Supabase CLI does not run prod.sql"), "{answer:?}");
    assert!(answer.out.contains("prod.sql:1:") && answer.out.contains("syntax error"), "{answer:?}");
    folder.write("supabase/migrations/prod.sql", b"create table auth.users (id int);\nselec;");
    assert!(!concise(&folder, &[]).out.contains("syntax error"), "an export leaves things out");
    folder.write("supabase/migrations/prod.sql", BROKEN.as_bytes());
    folder.write("supabase/migrations/1_a.sql", b"select 1;");
    assert!(!concise(&folder, &[]).out.contains("syntax error"));
}

#[test]
fn what_declares_the_schema_is_no_seed() {
    let folder = Folder::new(&[
        (
            "supabase/config.toml",
            "[db.migrations]\nschema_paths = [\"./schemas/prod.sql\"]\n\
             [db.seed]\nsql_paths = [\"./schemas/prod.sql\", \"./seed.sql\"]",
        ),
        ("supabase/schemas/prod.sql", "create table public.a (id int);"),
        ("supabase/migrations/1_a.sql", "select 1;"),
        ("supabase/seed.sql", "create table public.b (id int);"),
    ]);
    let answer = folder.run(&["--format", "concise", "--only", "ad-hoc-ddl"]);
    assert!(!answer.out.contains("prod.sql") && answer.out.contains("seed.sql"), "{answer:?}");
}

#[test]
fn each_project_of_a_monorepo_is_checked() {
    let folder = Folder::new(&[
        ("apps/b/supabase/config.toml", ""),
        ("apps/b/supabase/migrations/1_b.sql", BROKEN),
        ("apps/a/supabase/config.toml", "[api]\nschemas = [\"api\"]"),
        ("apps/a/supabase/migrations/1_a.sql", BROKEN),
        ("node_modules/x/supabase/config.toml", ""),
        ("node_modules/x/supabase/migrations/1_x.sql", BROKEN),
    ]);
    for arguments in [&[][..], &["."], &["apps/*"], &["apps"]] {
        let answer = concise(&folder, arguments);
        let files: Vec<_> = answer.out.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(files, ["apps/a/supabase/migrations/1_a.sql", "apps/b/supabase/migrations/1_b.sql"]);
        assert!(answer.err.contains("of 2 projects"), "{answer:?}");
        assert!(
            answer.err.contains("Assumed: a: the Data API serves api (no migration makes api);"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_project_at_the_top_hides_none_below_it() {
    let folder = Folder::new(&[
        ("supabase/config.toml", ""),
        ("supabase/migrations/1_top.sql", BROKEN),
        ("apps/a/supabase/config.toml", ""),
        ("apps/a/supabase/migrations/1_a.sql", BROKEN),
        ("apps/a/src/", ""),
    ]);
    let files = |answer: &Answer| -> Vec<String> {
        let broken = answer.out.lines().filter(|line| line.contains("syntax-error"));
        broken.filter_map(|line| Some(line.split(':').next()?.to_string())).collect()
    };
    let inside = run_in(&folder.path().join("apps/a/src"), &["--format=concise"], "", |_| {});
    let both = ["apps/a/supabase/migrations/1_a.sql", "supabase/migrations/1_top.sql"];
    assert_eq!(files(&concise(&folder, &[])), both);
    assert_eq!(files(&inside).len(), 1);
    let pending = folder.pipe(&["--format=concise", "-"], "select 1;");
    assert!(pending.code == 0 && !pending.err.contains("projects"), "it is for one: {pending:?}");
}

#[test]
fn standard_input_is_the_newest_migration() {
    let folder = Folder::project("select 1;");
    let answer = folder.pipe(&["--format=concise", "-"], BROKEN);
    assert!(answer.out.starts_with("<stdin>:2:8: error[syntax-error]"), "{answer:?}");
    assert!(answer.err.contains("in 2 files"), "{answer:?}");
    let answer = folder.pipe(&["--format=concise", "--stdin-filename", "new.sql", "-", "supabase"], BROKEN);
    assert!(answer.out.starts_with("new.sql:2:8:"), "{answer:?}");
    assert_eq!(folder.pipe(&["-"], "").code, 0);
    let nowhere = Folder::new(&[]);
    assert_eq!(nowhere.pipe(&["-"], BROKEN).code, 1);
}

#[test]
fn skipped_files_and_versions_that_collide_are_found() {
    let folder = Folder::new(&[
        ("supabase/config.toml", ""),
        ("supabase/migrations/20210101000000_init.sql", BROKEN),
        ("supabase/migrations/3_a.sql", "select 1;"),
        ("supabase/migrations/3_b.sql", "\n\nselect 1;"),
        ("supabase/migrations/add.sql", BROKEN),
        ("supabase/migrations/README.md", "x"),
    ]);
    let out = concise(&folder, &[]).out;
    let found: Vec<_> = out.lines().filter_map(|line| line.split(']').next()).collect();
    assert_eq!(
        found,
        [
            "supabase/migrations/3_b.sql:3:1: error[migration-order",
            "supabase/migrations/20210101000000_init.sql:1:1: error[ad-hoc-ddl",
            "supabase/migrations/add.sql:1:1: error[ad-hoc-ddl",
        ]
    );
}

#[test]
fn bytes_that_are_no_text_are_found_once_for_each_statement() {
    let folder = Folder::project("");
    folder.write("supabase/migrations/1_first.sql", b"select '\xFF\xFE\xFD';\nselect 2;\n-- \xFF\n");
    let answer = concise(&folder, &[]);
    assert_eq!(answer.code, 1);
    let places: Vec<_> = answer.out.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["supabase/migrations/1_first.sql:1:9", "supabase/migrations/1_first.sql:3:4"]);
}

#[test]
fn a_file_that_is_no_text_is_one_finding() {
    let folder = Folder::project("select 1;");
    let utf16: Vec<u8> = "create table t (id int);".encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("supabase/migrations/2_second.sql", &utf16);
    let noise: Vec<u8> = (0..20_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    folder.write("supabase/migrations/3_third.sql", &noise);
    let out = concise(&folder, &[]).out;
    let found: Vec<_> = out.lines().filter_map(|line| line.split(": PostgreSQL").next()).collect();
    assert_eq!(
        found,
        [
            "supabase/migrations/2_second.sql:1:1: error[syntax-error] this is no text",
            "supabase/migrations/3_third.sql:1:2: error[syntax-error] this is no text",
        ]
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_are_errors_that_name_the_file() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::project(BROKEN);
    let name = std::ffi::OsStr::from_bytes(b"2_\xFF.sql");
    std::fs::write(folder.path().join("supabase/migrations").join(name), "").expect("a file is written");
    let answer = concise(&folder, &[]);
    assert_eq!((answer.code, answer.out.lines().count()), (2, 1), "{answer:?}");
    assert!(answer.err.contains("the name of supabase/migrations/2_\u{FFFD}.sql is not UTF-8"), "{answer:?}");
}

#[cfg(unix)]
#[test]
fn links_that_loop_are_errors_that_name_the_file() {
    let folder = Folder::project(BROKEN);
    let link = |path: &str, target: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(path)).expect("a link is made");
    };
    link("supabase/migrations/2_loop.sql", "2_loop.sql");
    link("apps", ".");
    let answer = concise(&folder, &["."]);
    assert_eq!((answer.code, answer.out.lines().count()), (2, 1), "{answer:?}");
    assert!(answer.err.contains("cannot read supabase/migrations/2_loop.sql"), "{answer:?}");
}

#[test]
fn broken_toml_is_shown_and_the_rest_is_done() {
    let folder = Folder::project(BROKEN);
    folder.write("supabase/config.toml", b"[api]\nschemas = \"public\"\nport = = 3\n");
    let answer = concise(&folder, &[]);
    assert_eq!(answer.code, 2);
    let lines: Vec<_> = answer.out.lines().collect();
    assert_eq!(
        lines[0],
        "supabase/config.toml:2:11: error[configuration] `api.schemas` is not a list of texts"
    );
    assert!(lines[1].starts_with("supabase/config.toml:3:"), "{answer:?}");
    assert!(lines[2].starts_with("supabase/migrations/1_first.sql:2:8:"), "{answer:?}");
}

#[test]
fn colours_are_a_choice() {
    let folder = Folder::project(BROKEN);
    let has_colour = |answer: Answer| answer.out.contains('\u{1b}');
    assert!(!has_colour(folder.run(&[])));
    assert!(has_colour(folder.run(&["--color", "always"])));
    let answer = folder.run_with(&[], "", |command| {
        command.env("NO_COLOR", "1");
    });
    assert!(!has_colour(answer));
}

#[test]
fn json_is_one_object() {
    let answer = Folder::project(BROKEN).run(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&answer.out).expect("it is JSON");
    assert_eq!(value["findings"][0]["rule"], "syntax-error");
    assert_eq!(answer.code, 1);
}

#[test]
fn rows_of_advisors_go_where_a_comment_allows_the_finding() {
    let keys = |sql: &str| {
        let answer = Folder::project(sql).run(&["--format", "advisors", "--fail-on", "never"]);
        let rows: serde_json::Value = serde_json::from_str(&answer.out).expect("it is JSON");
        let rows = rows.as_array().expect("it is an array").iter();
        let found = rows.filter(|row| row["name"] == "rls_disabled_in_public");
        found.map(|row| row["cache_key"].as_str().unwrap_or_default().to_string()).collect::<Vec<_>>()
    };
    let tables = |comment: &str| {
        format!("{comment}create table a (id int primary key);\ncreate table b (id int primary key);\n")
    };
    assert_eq!(keys(&tables("")), ["rls_disabled_in_public_public_a", "rls_disabled_in_public_public_b"]);
    let allowed = tables("-- rls-lint: allow(rls-disabled-on-exposed-table) a demo\n");
    assert_eq!(keys(&allowed), ["rls_disabled_in_public_public_b"]);
}

#[test]
fn forms_that_policies_lack_are_told_with_the_right_ones() {
    let sql = "create table t (id int primary key);\n\
        create policy if not exists p on t using (true);\n\
        create or replace policy p on t using (true);\n\
        alter table t enable rls;\n\
        create policy p for t using (true);\n";
    let answer = concise(&Folder::project(sql), &["--only", "unsupported-policy-syntax,syntax-error"]);
    let found: Vec<_> = answer.out.lines().filter_map(|line| line.split(['[', ']']).nth(1)).collect();
    let form = "unsupported-policy-syntax";
    assert_eq!(found, [form, form, form, "syntax-error"], "{answer:?}");
    assert!(answer.out.contains("`create policy` has no `or replace`"), "{answer:?}");
    let many = "create policy if not exists p on t using (true);\n".repeat(5);
    let answer = concise(&Folder::project(&many), &["--only", form]);
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
    assert!(answer.out.contains("4 more statements of the file are broken"), "{answer:?}");
}

#[test]
fn rules_are_listed_and_explained() {
    let folder = Folder::new(&[]);
    assert!(folder.run(&["rules"]).out.contains("no-primary-key"));
    let list: serde_json::Value =
        serde_json::from_str(&folder.run(&["rules", "--format", "json"]).out).expect("it is JSON");
    let rules = list.as_array().expect("it is a list");
    assert!(rules.iter().any(|rule| rule["id"] == "syntax-error"));
    let docs = rules.iter().filter_map(|rule| rule["docs"].as_str()).flat_map(str::lines);
    assert_eq!(docs.filter(|line| line.starts_with(' ') && !line.starts_with("  ")).count(), 0);
    let answer = folder.run(&["explain", "no-primary-key"]);
    assert!(answer.out.contains("Finds tables without a primary key.") && answer.code == 0, "{answer:?}");
    assert_eq!(folder.run(&["explain", "splinter:0004"]).out, answer.out);
    let answer = folder.run(&["explain", "No-Primery-Key"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("did you mean `no-primary-key`?"), "{answer:?}");
    assert_eq!(
        folder.run(&["explain", "splinter:0004_no_primary_key"]).out,
        folder.run(&["explain", "no-primary-key"]).out
    );
    let answer = folder.run(&["explain", "splinter:0005"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.starts_with("error: no rule covers splinter:0005 (unused_index): it asks a running"));
    assert!(!answer.err.contains("no rule is called"), "{answer:?}");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = Folder::project(BROKEN);
    for arguments in [&["--format", "xml"][..], &["--only", "nothing"], &["--rule-set", "mine"]] {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 2, "{answer:?}");
    }
    let answer = folder.run(&["--rule-set", "recomended"]);
    assert_eq!(
        (answer.out.as_str(), answer.err.as_str()),
        ("", "error: there is no rule-set `recomended`; did you mean `recommended`?\n")
    );
    let answer = folder.run(&["--config", "nope.yaml"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "nothing is found by no rules");
    assert!(answer.err.starts_with("error: cannot read nope.yaml: "), "{answer:?}");
    let answer = folder.run(&["chekc"]);
    assert_eq!(answer.out, "");
    assert_eq!(answer.err, "error: there is no file or folder chekc\ntip: there is a command `check`\n");
    let answer = concise(&folder, &["--only", "no-primary-key,syntax-error"]);
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
    assert_eq!(folder.run(&["--help"]).code, 0);
    assert_eq!(folder.run(&["--version"]).code, 0);
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let answer = Folder::new(&[]).run(&["completions", shell]);
        assert!(answer.code == 0 && answer.out.contains("explain"), "{shell}");
    }
}

#[test]
fn timings_are_printed_where_they_disturb_nothing() {
    let answer = Folder::project("select 1;").run(&["--timings", "--format", "json"]);
    assert!(["read", "parse", "replay", "check", "report"].iter().all(|part| answer.err.contains(part)));
    assert!(serde_json::from_str::<serde_json::Value>(&answer.out).is_ok());
}

#[test]
fn a_closed_pipe_is_quiet_and_leaves_the_exit_code_as_it_is() {
    let many: String = (0..1_000).map(|n| format!("create table t{n} (id int);\n")).collect();
    let folder = Folder::project(&many);
    let formats =
        ["concise", "human", "json", "sarif", "advisors"].map(|format| (["check", "--format", format], 1));
    for (arguments, code) in formats.into_iter().chain([(["rules", "--format", "json"], 0)]) {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rls-lint"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(code), ""), "{arguments:?}");
    }
}

#[test]
fn who_waits_for_a_file_gets_one_though_the_arguments_are_wrong() {
    let folder = Folder::project("select 1;");
    let answer =
        folder.run(&["--base", "main", "--staged", "--output", "junit=out.xml", "--output=json=out.json"]);
    assert_eq!(answer.code, 2);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it is written");
    assert!(read("out.xml").contains("cannot be used with"));
    let json: serde_json::Value = serde_json::from_str(&read("out.json")).expect("it is JSON");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(1), "{json}");
}

#[test]
fn a_schema_without_migrations_is_a_project() {
    let open = "create table public.leak (id int primary key);\n";
    for path in ["supabase/schema.sql", "supabase/schemas/tables.sql"] {
        let folder = Folder::new(&[(path, open)]);
        for arguments in [
            &["--only", "rls-disabled-on-exposed-table"][..],
            &["--only", "rls-disabled-on-exposed-table", "."],
        ] {
            let answer = concise(&folder, arguments);
            assert!(answer.code == 1 && answer.out.starts_with(&format!("{path}:1:14")), "{answer:?}");
        }
    }
    let folder = Folder::project(open);
    folder.write("supabase/schemas/tables.sql", open.as_bytes());
    assert!(folder.run(&[]).out.contains("1 declared schema file is not read, as the migrations count"));
}

#[test]
fn projects_are_not_looked_for_all_over_the_disk() {
    let deep = "a/b/c/d/supabase/migrations/1_x.sql";
    let folder = Folder::new(&[(deep, "select 1;"), ("near/supabase/migrations/1_x.sql", "select 1;")]);
    let files = |folder: &Folder| folder.run(&["--show-files"]).out.matches("1_x.sql").count();
    assert_eq!(files(&folder), 1);
    std::fs::create_dir(folder.path().join(".git")).expect("it is made");
    assert_eq!(files(&folder), 2);
    let home = Folder::new(&[("near/supabase/migrations/1_x.sql", "select 1;")]);
    let path = home.path().canonicalize().expect("it is there");
    let answer = home.run_with(&[], "", |command| {
        command.env("HOME", &path).current_dir(&path);
    });
    assert!(answer.code == 2 && answer.err.contains("the search does not go far"), "{answer:?}");
}

#[test]
fn the_catalog_of_nothing_is_nothing() {
    let folder = Folder::new(&[]);
    let answer = folder.run(&["catalog", "./nowhere", "--format", "json", "--color", "never"]);
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    assert!(answer.err.contains("there is no file or folder"), "{answer:?}");
}

#[test]
fn a_broken_statement_can_be_allowed() {
    let broken =
        "-- rls-lint: allow(syntax-error) psql only\ncreate tabel x ();\n\ncreate table public.a (id int);\n";
    let folder = Folder::project(broken);
    let answer = concise(&folder, &["--only", "syntax-error,unused-suppression"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""), "{answer:?}");
}

#[test]
fn buckets_of_the_configuration_are_in_the_catalog() {
    let folder = Folder::project("insert into storage.buckets (id, name) values ('a', 'a');");
    folder.write("supabase/config.toml", b"[storage.buckets.images]\npublic = true\n");
    let json: serde_json::Value =
        serde_json::from_str(&folder.run(&["catalog", "--format", "json"]).out).expect("it is JSON");
    let names = |list: &str| -> Vec<_> {
        let rows = json[list].as_array().expect("it is a list");
        rows.iter().map(|row| row["bucket"].as_str().expect("it has an id").to_string()).collect()
    };
    assert_eq!((names("buckets"), names("declared_buckets")), (vec!["a".into()], vec!["images".into()]));
}
