//! `rls-lint.yaml`, rule-sets, and comments that allow.

use crate::harness::{Answer, Folder};

const BROKEN: &str = "create tabel x (id int);\n";

fn run(yaml: &str, arguments: &[&str]) -> Answer {
    let folder = Folder::project(BROKEN);
    folder.write("rls-lint.yaml", yaml.as_bytes());
    folder.run(&[&["--format", "concise"], arguments].concat())
}

#[test]
fn a_mistake_is_shown_in_the_users_file_and_the_rest_is_done() {
    let answer = run("rules:\n  sintax-error: off\nextend: strict\n", &[]);
    assert_eq!(answer.code, 2);
    let lines: Vec<_> = answer.out.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "rls-lint.yaml:2:3: error[configuration] no rule is called `sintax-error`; did you mean \
             `syntax-error`?",
            "rls-lint.yaml:3:1: error[configuration] unknown key `extend`; did you mean `extends`?",
        ]
    );
    assert!(lines[2].contains("error[syntax-error]"), "{answer:?}");
}

#[test]
fn a_mistyped_rule_set_switches_no_rule_off() {
    let answer = run("extends: strictt\n", &[]);
    assert_eq!(answer.code, 2);
    assert!(answer.out.contains("no rule-set is called `strictt`; did you mean `strict`?"), "{answer:?}");
    assert!(answer.out.contains("error[syntax-error]"), "{answer:?}");
}

#[test]
fn what_is_no_yaml_has_a_line() {
    let answer = run("rules:\n  a: [off\nextends: strict\n", &[]);
    assert_eq!(answer.code, 2);
    assert!(answer.out.starts_with("rls-lint.yaml:3:"), "{answer:?}");
}

#[test]
fn a_level_of_the_user_stands() {
    assert_eq!(run("rules: {syntax-error: off}", &[]).out, "");
    let answer = run("rules: {syntax-error: info}", &[]);
    assert!(answer.code == 0 && answer.out.contains("info[syntax-error]"), "{answer:?}");
    let answer = run("rules: {syntax-error: {level: warning}}", &["--fail-on", "warning"]);
    assert!(answer.code == 1 && answer.out.contains("warning[syntax-error]"), "{answer:?}");
    assert!(run("rules: {syntax-error: off}", &["--no-config"]).out.contains("error[syntax-error]"));
    assert_eq!(run("extends: []", &[]).out, "");
    assert!(run("extends: minimal", &[]).out.contains("error[syntax-error]"));
    assert!(run("extends: []", &["--rule-set", "minimal"]).out.contains("error[syntax-error]"));
    assert!(run("extends: []", &["--only", "syntax-error"]).out.contains("error[syntax-error]"));
    assert_eq!(run("", &["--only", "no-primary-key"]).out, "");
}

#[test]
fn overrides_hold_for_their_paths() {
    let override_of =
        |paths: &str| format!("overrides:\n  - paths: [\"{paths}\"]\n    rules: {{syntax-error: warning}}\n");
    assert!(run(&override_of("supabase/migrations/*"), &[]).out.contains("warning[syntax-error]"));
    assert!(run(&override_of("supabase/*"), &[]).out.contains("error[syntax-error]"));
    assert!(run(&override_of("**/1_*.sql"), &[]).out.contains("warning[syntax-error]"));
}

#[test]
fn overrides_that_change_nothing_are_told_where_they_stand() {
    let folder = Folder::project(BROKEN);
    folder.write("supabase/seed.sql", b"select 1;\n");
    let told = |arguments: &[&str]| -> Vec<String> {
        let out = folder.run(&[&["--format", "concise"], arguments].concat()).out;
        out.lines().filter(|line| line.contains("unused-suppression")).map(str::to_string).collect()
    };
    folder.write(
        "rls-lint.yaml",
        b"overrides:
  - paths: [supabase/migrations/*.sql, 'supabase/migration/*']
    rules:
      syntax-error: off
      no-primary-key: off
      missing-created-at: error
  - paths: [nowhere.sql]
    rules: {syntax-error: off}
  - paths: [supabase/seed.sql]
    rules:
      syntax-error: warning
      policy-widened: off
",
    );
    let expected = [
        "rls-lint.yaml:2:41: warning[unused-suppression] no file that is read matches `supabase/migration/*`",
        "rls-lint.yaml:5:7: warning[unused-suppression] no-primary-key finds nothing in the files of this override",
        "rls-lint.yaml:7:13: warning[unused-suppression] no file that is read matches `nowhere.sql`",
        "rls-lint.yaml:11:7: warning[unused-suppression] syntax-error finds nothing in the files of this override",
    ];
    assert_eq!(told(&[]), expected);
    // A part of the files, or of the rules, says nothing about the rest.
    assert_eq!(told(&["supabase/migrations/1_first.sql"]), [""; 0]);
    assert_eq!(told(&["--only", "syntax-error"]), [""; 0]);
    let answer = folder.run(&["--format", "json"]);
    assert!(answer.out.contains("\"file\": \"rls-lint.yaml\""), "{answer:?}");
    // What is made more severe waits for what is to come.
    folder.write("rls-lint.yaml", b"overrides: [{paths: ['supabase/**'], rules: {no-primary-key: error}}]\n");
    assert_eq!(told(&[]), [""; 0]);
}

#[test]
fn overrides_of_several_projects_are_idle_in_all_of_them() {
    let folder = Folder::new(&[
        (
            "rls-lint.yaml",
            "overrides: [{paths: ['apps/*/supabase/**'], rules: {syntax-error: off}}, {paths: ['apps/b/**'], rules: {no-primary-key: off}}]",
        ),
        (".git/", ""),
        ("apps/a/supabase/migrations/1_a.sql", BROKEN),
        ("apps/b/supabase/migrations/1_b.sql", "select 1;"),
    ]);
    let told = |arguments: &[&str]| folder.run(&[&["--format", "concise"], arguments].concat()).out;
    let all = told(&[]);
    assert!(all.contains("no-primary-key finds nothing") && all.lines().count() == 1, "{all}");
    for alone in ["apps/a", "apps/b"] {
        assert_eq!(told(&[alone]), "");
    }
}

#[test]
fn files_extend_files() {
    let folder = Folder::project(BROKEN);
    folder.write("rls-lint.yaml", b"extends: [recommended, ./team/base.yaml]");
    folder.write("team/base.yaml", b"rules: {syntax-error: info, nothing: off}");
    let answer = folder.run(&["--format", "concise"]);
    assert!(answer.out.contains("info[syntax-error]"), "{answer:?}");
    assert!(answer.out.contains("team/base.yaml:1:29: error[configuration]"), "{answer:?}");
    folder.write("team/base.yaml", b"extends: ../rls-lint.yaml");
    let answer = folder.run(&["--format", "concise"]);
    assert!(answer.out.contains("extends itself"), "{answer:?}");
    assert_eq!(answer.code, 2);
}

#[test]
fn another_file_may_be_named() {
    let folder = Folder::project(BROKEN);
    folder.write("other.yaml", b"rules: {syntax-error: off}");
    assert_eq!(folder.run(&["--config", "other.yaml"]).code, 0);
    let answer = folder.run(&["--config", "nowhere.yaml"]);
    assert!(answer.code == 2 && answer.err.contains("cannot read nowhere.yaml"), "{answer:?}");
}

#[test]
fn comments_allow_and_are_found_when_they_allow_in_vain() {
    let folder = Folder::project("-- rls-lint: allow-file(syntax-error) a draft\ncreate tabel x (id int);\n");
    let answer = folder.run(&["--format", "concise"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""), "{answer:?}");
    let folder = Folder::project("-- rls-lint: allow(syntax-error) a draft\nselect 1;\n");
    let answer = folder.run(&["--format", "concise"]);
    assert!(
        answer.out.starts_with(
            "supabase/migrations/1_first.sql:1:20: warning[unused-suppression] syntax-error finds nothing"
        ),
        "{answer:?}"
    );
}

#[test]
fn paths_of_the_project_that_match_no_file_are_told() {
    let config = "[db.migrations]\nschema_paths = [\"./schemas/*.sql\"]\n\
                  [db.seed]\nsql_paths = [\"./seed.sql\", \"./seeds/*.sql\"]\n";
    let answer =
        Folder::new(&[("supabase/config.toml", config), ("supabase/migrations/1_a.sql", "select 1;")])
            .run(&["--format", "concise"]);
    assert_eq!(
        answer.out,
        "supabase/config.toml:2:17: info[not-analysed] not analysed: no file matches `./schemas/*.sql` of \
         [db.migrations] schema_paths\n\
         supabase/config.toml:4:28: info[not-analysed] not analysed: no file matches `./seeds/*.sql` of \
         [db.seed] sql_paths\n"
    );
    assert_eq!(answer.code, 0);
    let silent = [
        "",
        "[db.seed]\nenabled = true\nsql_paths = [\"./seed.sql\"]\n",
        "[db.seed]\nenabled = false\nsql_paths = [\"./seeds/*.sql\"]\n",
    ];
    for config in silent {
        let answer =
            Folder::new(&[("supabase/config.toml", config), ("supabase/migrations/1_a.sql", "select 1;")])
                .run(&["--format", "concise"]);
        assert_eq!(answer.out, "");
    }
}
