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
