//! Beginning to use the program in a project that has findings already: baseline, comments, `init`.

use crate::harness::{Answer, Folder, run_in};

const BROKEN: &str = "create tabel x (id int);\ncreate tabel y (id int);\n";

fn concise(folder: &Folder, arguments: &[&str]) -> Answer {
    folder.run(&[&["--format", "concise"], arguments].concat())
}

#[test]
fn what_the_baseline_knows_is_silent_and_what_is_new_is_told() {
    let folder = Folder::project(BROKEN);
    let answer = folder.run(&["baseline"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, "Wrote rls-lint-baseline.json with 2 entries\n"));
    let answer = concise(&folder, &[]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""), "{answer:?}");
    assert!(answer.err.contains("2 findings in the baseline."), "{answer:?}");
    assert_eq!(concise(&folder, &["--no-baseline"]).out.lines().count(), 2);
    let moved = format!("-- a comment\n\n{BROKEN}create tabel z (id int);\n");
    folder.write("supabase/migrations/1_first.sql", moved.as_bytes());
    let answer = concise(&folder, &[]);
    assert_eq!((answer.code, answer.out.lines().count()), (1, 1), "{answer:?}");
    assert!(answer.out.starts_with("supabase/migrations/1_first.sql:5:8: error[syntax-error]"), "{answer:?}");
    assert_eq!(
        run_in(&folder.path().join("supabase"), &["--format=concise"], "", |_| {}).out.lines().count(),
        1
    );
}

#[test]
fn findings_of_one_fingerprint_are_counted() {
    let twice = "create tabel x (id int);\ncreate tabel x (id int);\n";
    let folder = Folder::project(twice);
    assert_eq!(folder.run(&["baseline"]).out, "Wrote rls-lint-baseline.json with 1 entry\n");
    assert_eq!(concise(&folder, &[]).out, "");
    folder.write("supabase/migrations/1_first.sql", format!("{twice}create tabel x (id int);\n").as_bytes());
    assert_eq!(concise(&folder, &[]).out.lines().count(), 1);
}

#[test]
fn what_is_gone_is_told_and_pruned() {
    let folder = Folder::project(BROKEN);
    folder.run(&["baseline"]);
    folder.write("supabase/migrations/1_first.sql", b"create tabel y (id int);\n");
    let answer = concise(&folder, &[]);
    assert_eq!(answer.code, 0);
    let line =
        "info[stale-baseline] rls-lint-baseline.json holds a finding that is gone: syntax-error on file";
    assert!(answer.out.starts_with("rls-lint-baseline.json:") && answer.out.contains(line), "{answer:?}");
    let strict = concise(&folder, &["--baseline-strict"]);
    assert!(strict.code == 1 && strict.out.contains("error[stale-baseline]"), "{strict:?}");
    // One file, or one rule, says nothing about the others.
    assert_eq!(concise(&folder, &["supabase/migrations/1_first.sql", "--baseline-strict"]).out, "");
    assert_eq!(concise(&folder, &["--only", "no-primary-key", "--baseline-strict"]).out, "");
    let answer = folder.run(&["baseline", "--prune"]);
    assert_eq!(answer.out, "Took 1 entry out of rls-lint-baseline.json, which has 1 entry left\n");
    assert_eq!(concise(&folder, &["--baseline-strict"]).out, "");
    folder.write("supabase/migrations/1_first.sql", BROKEN.as_bytes());
    assert_eq!(concise(&folder, &[]).out.lines().count(), 1, "pruning adds nothing");
}

#[test]
fn a_baseline_is_never_written_from_half_the_work() {
    let folder = Folder::project(BROKEN);
    folder.run(&["baseline"]);
    let read = || std::fs::read_to_string(folder.path().join("rls-lint-baseline.json")).expect("it is there");
    let before = read();
    folder.write("rls-lint.yaml", b"rules: {nothing: off}\n");
    assert_eq!(folder.run(&["baseline"]).code, 2);
    folder.write("rls-lint.yaml", b"");
    let answer = folder.run(&["baseline", "supabase/migrations/1_first.sql"]);
    assert!(answer.code == 2 && answer.err.contains("a baseline is one of a whole project"), "{answer:?}");
    folder.run(&["baseline", "--only", "no-primary-key"]);
    assert_eq!(read(), before, "rules that do not look keep their entries");
    folder.write("rls-lint-baseline.json", b"{\n  \"format\": 1,\n<<<<<<< ours\n");
    let answer = concise(&folder, &[]);
    assert_eq!(answer.code, 2);
    assert!(
        answer.out.contains("rls-lint-baseline.json:3:1: error[configuration] this is no baseline"),
        "{answer:?}"
    );
    assert_eq!(answer.out.lines().count(), 3, "{answer:?}");
}

/// Two branches mend one finding each and one adds one; Git merges the files by lines.
#[test]
fn baselines_of_two_branches_merge() {
    let names: String = (0..300).map(|n| format!("create tabel t{n} (id int);\n")).collect();
    let folder = Folder::project(&names);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let commit = |sql: &str| {
        folder.write("supabase/migrations/1_first.sql", sql.as_bytes());
        folder.run(&["baseline"]);
        git(&["add", "rls-lint-baseline.json"]);
        git(&["commit", "-qm", "x"]);
    };
    git(&["init", "-q"]);
    commit(&names);
    git(&["checkout", "-qb", "other"]);
    commit(&names.replacen("create tabel t30 (id int);\n", "", 1));
    git(&["checkout", "-q", "main"]);
    let more =
        format!("{}create tabel more (id int);\n", names.replacen("create tabel t170 (id int);\n", "", 1));
    commit(&more);
    git(&["merge", "-q", "-m", "x", "other"]);
    folder.write(
        "supabase/migrations/1_first.sql",
        more.replacen("create tabel t30 (id int);\n", "", 1).as_bytes(),
    );
    assert_eq!(concise(&folder, &["--baseline-strict"]).out, "");
}

#[test]
fn each_project_has_its_own_baseline() {
    let folder = Folder::new(&[
        ("a/supabase/config.toml", ""),
        ("a/supabase/migrations/1_x.sql", BROKEN),
        ("b/supabase/config.toml", ""),
        ("b/supabase/migrations/1_x.sql", "select 1;"),
    ]);
    let answer = folder.run(&["baseline"]);
    assert_eq!(
        answer.out,
        "Wrote a/rls-lint-baseline.json with 2 entries\n\
         b/rls-lint-baseline.json is not needed: there is nothing to keep silent\n"
    );
    assert!(!folder.path().join("b/rls-lint-baseline.json").exists());
    folder.write("b/supabase/migrations/1_x.sql", BROKEN.as_bytes());
    assert_eq!(concise(&folder, &[]).out.lines().count(), 2);
}

#[test]
fn comments_allow_blocks() {
    let folder = Folder::project(
        "create tabel a (id int);\n\
         -- rls-lint: allow-start(syntax-error) made by a tool\n\
         create tabel b (id int);\n\
         create tabel t30 (id int);\n\
         -- rls-lint: allow-end(syntax-error)\n\
         create tabel d (id int);\n\
         -- rls-lint: allow-end(syntax-error)\n\
         -- rls-lint: allow-start(no-primary-key) nothing here\n\
         select 1;\n",
    );
    let out = concise(&folder, &[]).out;
    let lines: Vec<_> = out
        .lines()
        .map(|line| line.trim_start_matches("supabase/migrations/1_first.sql:"))
        .map(|line| line.split(" syntax error at").next().unwrap_or_default())
        .collect();
    assert_eq!(
        lines,
        [
            "1:8: error[syntax-error]",
            "6:8: error[syntax-error]",
            "7:24: warning[unused-suppression] no `allow-start(syntax-error)` is open here",
            "8:26: warning[unused-suppression] no `allow-end(no-primary-key)` follows: no-primary-key is allowed to the end of the file",
            "8:26: warning[unused-suppression] no-primary-key finds nothing in this block",
        ]
    );
}

#[test]
fn comments_end_on_their_day_and_may_have_to_give_a_reason() {
    let folder = Folder::project(
        "-- rls-lint: allow(no-primary-key) until=2001-01-01 a draft\n\
         create table a (id int);\n\
         -- rls-lint: allow(no-primary-key) until=9999-01-01\n\
         create table b (id int);\n",
    );
    let answer = concise(&folder, &["--only", "no-primary-key,unused-suppression"]);
    let lines: Vec<_> = answer.out.lines().collect();
    assert!(
        lines[0].ends_with(
            "warning[unused-suppression] no-primary-key was allowed until 2001-01-01, which is over"
        ),
        "{answer:?}"
    );
    assert!(lines[1].contains("1_first.sql:2:14: info[no-primary-key]"), "{answer:?}");
    assert_eq!(lines.len(), 2, "{answer:?}");
    folder.write("rls-lint.yaml", b"rules: {suppression-without-reason: error}\n");
    let answer = concise(&folder, &["--only", "suppression-without-reason"]);
    assert!(
        answer.out.ends_with(
            ":3:20: error[suppression-without-reason] no reason is given why no-primary-key is allowed\n"
        ),
        "{answer:?}"
    );
    assert!(
        concise(&folder, &["--no-config", "--rule-set=strict"])
            .out
            .contains("warning[suppression-without-reason]")
    );
}

#[test]
fn init_sets_a_project_up_and_leaves_what_is_there() {
    let folder = Folder::project(BROKEN);
    folder.write(".git/", b"");
    let answer = folder.run(&["init"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.out.starts_with("Wrote rls-lint.yaml\nWrote rls-lint.schema.json\n"), "{answer:?}");
    assert!(answer.out.contains("There are 2 findings, 2 of them errors"), "{answer:?}");
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).expect("it is there");
    assert!(read("rls-lint.yaml").starts_with("# yaml-language-server: $schema=./rls-lint.schema.json\n"));
    assert!(read("rls-lint.schema.json") == written_schema());
    assert_eq!(concise(&folder, &[]).out.lines().count(), 2, "its settings are valid and find the same");
    assert!(read("rls-lint.yaml").contains("\n  policy-widened: error\n"));
    folder.write("rls-lint.yaml", b"rules: {no-primary-key: off}\n");
    let answer = folder.run(&["init", "--github", "--baseline"]);
    assert!(answer.out.starts_with("rls-lint.yaml is there already; --force writes it anew\n"), "{answer:?}");
    assert!(
        answer.out.ends_with("who has rls-lint on GitHub.\nWrote rls-lint-baseline.json with 2 entries\n")
    );
    assert!(read(".github/workflows/rls-lint.yml").contains("/rls-lint@main"));
    assert_eq!(read("rls-lint.yaml"), "rules: {no-primary-key: off}\n");
    assert_eq!(concise(&folder, &[]).out, "");
    folder.run(&["init", "--force"]);
    assert!(read("rls-lint.yaml").contains("extends: recommended"));
}

/// What is commented out in the settings that `init` writes is valid as well.
#[test]
fn each_line_of_the_settings_is_valid() {
    let folder = Folder::project("select 1;");
    folder.run(&["init"]);
    let text = std::fs::read_to_string(folder.path().join("rls-lint.yaml")).expect("it is there");
    let is_example = |line: &&str| line.starts_with("#   ") || line.contains(": ") || line.ends_with(':');
    let all: String = text
        .lines()
        .filter(|line| !line.ends_with('.'))
        .filter(|line| is_example(line) && !line.contains("yaml-language-server"))
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    assert!(
        all.contains("\noverrides:\n  - paths:") && all.contains("\nexposed-schemas: [public]\n"),
        "{all}"
    );
    assert_eq!(errors_of_schema(&all), Vec::<String>::new());
    folder.write("rls-lint.yaml", all.as_bytes());
    let answer = concise(&folder, &[]);
    // The override is for files that this project does not have.
    let mut others =
        answer.out.lines().filter(|line| !line.contains("[unused-suppression] no file that is read"));
    assert_eq!((answer.code, others.next()), (0, None), "{all}");
}

fn written_schema() -> String {
    format!("{}\n", serde_json::to_string_pretty(&rls_lint::config::schema()).expect("it is JSON"))
}

fn shipped(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).expect("it is there").replace("\r\n", "\n")
}

#[test]
fn the_schema_is_up_to_date() {
    let written = written_schema();
    if std::env::var_os("UPDATE").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/schema.json");
        std::fs::write(path, &written).expect("the schema can be written");
    } else {
        assert!(
            shipped("policies/schema.json") == written,
            "UPDATE=1 cargo test writes policies/schema.json anew"
        );
    }
}

/// What a text of settings has that the schema does not allow.
fn errors_of_schema(yaml: &str) -> Vec<String> {
    let value: serde_json::Value = serde_yaml::from_str(yaml).expect("it is YAML");
    let validator = jsonschema::validator_for(&rls_lint::config::schema()).expect("it is a schema");
    validator.iter_errors(&value).map(|error| error.to_string()).collect()
}

#[test]
fn the_schema_takes_what_the_program_takes() {
    for name in ["recommended", "strict", "security-only", "minimal"] {
        assert_eq!(
            errors_of_schema(&shipped(&format!("policies/{name}.yaml"))),
            Vec::<String>::new(),
            "{name}"
        );
    }
    let good = [
        "extends: strict",
        "extends: [recommended, ./team/base.yaml]",
        "rules: {no-primary-key: off, missing-created-at: {level: error, options: {exempt: [a], min-columns: 2}}}",
        "overrides: [{paths: '*.sql', rules: {no-primary-key: info}}]",
        "known-roles: [a]\nexposed-schemas: [public, api]",
        "rules:",
        "",
        "# nothing so far",
    ];
    let bad = [
        "extend: strict",
        "extends: strct",
        "rules: {no-primery-key: off}",
        "rules: {no-primary-key: warn}",
        "rules: {no-primary-key: {level: error, options: {x: 1}}}",
        "rules: {missing-created-at: {options: {min-columns: many}}}",
        "rules: {missing-created-at: {options: {exmept: [a]}}}",
        "overrides: [{path: '*.sql'}]",
        "known-roles: [1]",
    ];
    let program = |yaml: &str| {
        let folder = Folder::project("select 1;");
        folder.write("rls-lint.yaml", yaml.as_bytes());
        folder.write("team/base.yaml", b"");
        folder.run(&[]).code
    };
    for yaml in good {
        assert_eq!((errors_of_schema(yaml), program(yaml)), (Vec::new(), 0), "{yaml}");
    }
    for yaml in bad {
        assert_eq!((errors_of_schema(yaml).is_empty(), program(yaml)), (false, 2), "{yaml}");
    }
}

#[test]
fn settings_are_shown_with_what_gave_them() {
    let folder = Folder::project("select 1;");
    folder.write(
        "rls-lint.yaml",
        b"extends: [security-only, base.yaml]\nrules:\n  syntax-error: warning\n  missing-created-at: {level: error, options: {min-columns: 2}}\n\
          overrides:\n  - paths: ['a.sql']\n    rules: {syntax-error: off}\nknown-roles: [reporting]\n\
          exposed-schemas: [public]\n",
    );
    folder.write("base.yaml", b"rules:\n  no-primary-key: off\n");
    let answer = folder.run(&["--show-config"]);
    assert_eq!(answer.code, 0);
    let line = |start: &str| {
        let line = answer.out.lines().find(|line| line.trim_start().starts_with(start));
        line.unwrap_or_else(|| panic!("{start} in {answer:?}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(answer.out.starts_with("# supabase\n# from base.yaml, rls-lint.yaml\n"), "{answer:?}");
    assert_eq!(line("syntax-error:"), "syntax-error: warning # rls-lint.yaml:3");
    assert_eq!(line("no-primary-key:"), "no-primary-key: off # base.yaml:2");
    assert_eq!(line("ad-hoc-ddl:"), "ad-hoc-ddl: on # rule-set security-only; error by itself");
    assert_eq!(line("duplicate-index:"), "duplicate-index: off # no rule-set holds it");
    assert_eq!(line("options:"), "options: {\"min-columns\":2} # rls-lint.yaml:4");
    assert_eq!(line("- paths:"), "- paths: [\"a.sql\"] # rls-lint.yaml:6");
    assert_eq!(line("syntax-error: {"), "syntax-error: {level: off} # rls-lint.yaml:7");
    assert_eq!(line("- \"reporting\""), "- \"reporting\" # rls-lint.yaml:8");
    assert_eq!(line("exposed-schemas:"), "exposed-schemas: [\"public\"] # rls-lint.yaml:9");
    assert_eq!(errors_of_schema(&answer.out), Vec::<String>::new(), "it is a file of settings itself");
    folder.write("rls-lint.yaml", answer.out.as_bytes());
    let again = folder.run(&["--show-config"]);
    let without_comments = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim_end().to_string()).collect()
    };
    assert_eq!(without_comments(&again.out), without_comments(&answer.out), "and means the same");
}

#[test]
fn what_comes_from_supabases_settings_is_shown() {
    let folder = Folder::new(&[
        ("supabase/config.toml", "[api]\nschemas = [\"public\", \"api\"]\n[db]\nmajor_version = 15\n"),
        ("supabase/migrations/1_a.sql", "create schema api;"),
    ]);
    let answer = folder.run(&["--show-config"]);
    let last: Vec<_> = answer.out.lines().rev().take(3).collect();
    assert_eq!(last[..2], ["#   api by supabase/config.toml:2", "#   public by supabase/config.toml:2"]);
    assert!(last[2].starts_with("# assumed: the Data API serves public, api;"), "{answer:?}");
    assert!(last[2].contains("PostgreSQL 15"), "{answer:?}");
}

#[test]
fn shown_settings_do_the_same() {
    let sql = "create table public.a (title text); alter table public.a enable row level security;
        create policy see on public.a for select using (true);
        create table private_notes (id int primary key, email text); alter table private_notes enable row level security;
        create policy see on private_notes for select using (true);";
    let folder = Folder::new(&[
        ("apps/web/supabase/migrations/1_a.sql", sql),
        ("apps/web/supabase/migrations/2_b.sql", "create table public.b (title text);"),
        ("apps/web/supabase/migrations/3_c.sql", "create table public.c (title text);"),
        (
            "base.yaml",
            "extends: strict\noverrides:\n  - paths: ['apps/*/supabase/migrations/2_*.sql']\n    rules: {no-primary-key: error}\n",
        ),
        (
            "apps/web/rls-lint.yaml",
            "extends: ../../base.yaml\nrules: {missing-created-at: {level: error, options: {exempt: [b]}}}\n\
             overrides:\n  - paths: [supabase/migrations/3_c.sql]\n    rules:\n      no-primary-key: off\n      \
             missing-created-at: {options: {exempt: [c]}}\n",
        ),
    ]);
    let found = |arguments: &[&str]| concise(&folder, &[&["apps/web"], arguments].concat()).out;
    for only in [&[][..], &["--only", "no-primary-key,always-true-read-policy"]] {
        let shown = folder.run(&[&["apps/web", "--show-config"], only].concat()).out;
        folder.write("apps/web/shown.yaml", shown.as_bytes());
        let before = found(only);
        assert_eq!(found(&["--config", "apps/web/shown.yaml"]), before, "{shown}");
        // Policies that read all are an info or a warning; what `on` says is left to the rule.
        assert!(
            before.contains("info[always-true-read-policy]") && before.contains("warning[always-true"),
            "{before}"
        );
        assert!(before.contains("2_b.sql:1:14: error[no-primary-key]"), "{before}");
    }
}

#[test]
fn files_are_shown_in_their_order() {
    let folder = Folder::new(&[
        ("supabase/config.toml", ""),
        ("supabase/roles.sql", "select 1;"),
        ("supabase/seed.sql", "select 1;"),
        ("supabase/migrations/2_b.sql", "select 1;"),
        ("supabase/migrations/1_a.sql", "select 1;"),
        ("supabase/migrations/add.sql", "select 1;"),
    ]);
    assert_eq!(
        folder.run(&["--show-files"]).out,
        "# supabase\nsettings   supabase/config.toml\nroles      supabase/roles.sql\n\
         migration  supabase/migrations/1_a.sql\nmigration  supabase/migrations/2_b.sql\n\
         seed       supabase/seed.sql\nnot run    supabase/migrations/add.sql\n"
    );
    folder.write("rls-lint.yaml", b"extends: [strict, shared.yaml]\n");
    folder.write("shared.yaml", b"rules: {}\n");
    folder.run(&["baseline"]);
    let shown = folder.run(&["--show-files"]).out;
    let expected = "# supabase\nsettings   shared.yaml\nsettings   rls-lint.yaml\nsettings   supabase/config.toml\n\
                    settings   rls-lint-baseline.json\nroles      supabase/roles.sql\n";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn statistics_count_by_rule() {
    let folder = Folder::project(&format!("{BROKEN}\\connect x\n"));
    let answer = folder.run(&["--statistics", "--output", "json=a.json"]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.out, "2  error    syntax-error\n1  info     not-analysed\n");
    assert!(answer.err.starts_with("Found 2 errors and 1 info"), "{answer:?}");
    assert!(folder.path().join("a.json").is_file());
}

#[test]
fn a_baseline_holds_for_a_change_as_well() {
    let folder = Folder::project("select 1;");
    folder.write("supabase/migrations/2_second.sql", BROKEN.as_bytes());
    folder.run(&["baseline"]);
    assert_eq!(concise(&folder, &["--after", "1"]).out, "");
    assert_eq!(concise(&folder, &["--after", "1", "--no-baseline"]).out.lines().count(), 2);
    folder.write("supabase/migrations/3_third.sql", b"create tabel z (id int);\n");
    let answer = concise(&folder, &["--after", "1", "--baseline-strict"]);
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
    folder.write("supabase/migrations/3_third.sql", b"select 1;\n");
    folder.write("supabase/migrations/2_second.sql", b"select 1;\n");
    assert_eq!(concise(&folder, &["--after", "1"]).out, "");
    let answer = concise(&folder, &["--after", "1", "--baseline-strict"]);
    assert!(answer.code == 1 && answer.out.contains("error[stale-baseline]"), "{answer:?}");
}

#[test]
fn a_new_table_does_not_take_the_place_of_one_that_was_mended() {
    let table = |name: &str| format!("create table public.{name} (id int primary key);\n");
    let tables: String = (0..8).map(|at| table(&format!("t{at}"))).collect();
    let folder = Folder::project(&tables);
    folder.run(&["baseline"]);
    let other = "alter table public.t0 add column created_at timestamptz not null default now();\n";
    folder.write("supabase/migrations/2_second.sql", format!("{other}{}", table("t9")).as_bytes());
    let out = concise(&folder, &["--only", "missing-created-at"]).out;
    let told = "warning[missing-created-at] table public.t9 does not keep when a row was made";
    assert_eq!(out.lines().collect::<Vec<_>>(), [format!("supabase/migrations/2_second.sql:2:14: {told}")]);
}
