//! The action: its scripts run in a repository with a pull request, against a GitHub that is faked on
//! loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::change::{commit, git, repository};
use crate::harness::Folder;

const LEAK: &str = "supabase/migrations/20250201000000_leak.sql";

const BOT: &str = "github-actions[bot]";

/// The comments of one pull request, and a server that reads and writes them.
struct GitHub {
    address: String,
    comments: Arc<Mutex<Vec<Value>>>,
    /// Each request: its method, its path, and whether the token was right.
    requests: Arc<Mutex<Vec<(String, String, bool)>>>,
}

impl GitHub {
    /// A token that is read-only may not write.
    fn start(read_only: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it listens"));
        let github = Self { address, comments: Arc::default(), requests: Arc::default() };
        let (comments, requests) = (Arc::clone(&github.comments), Arc::clone(&github.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &comments, &requests, read_only);
            }
        });
        github
    }

    fn bodies(&self) -> Vec<String> {
        let comments = self.comments.lock().expect("no test fails in it");
        comments.iter().map(|one| one["body"].as_str().expect("it has a body").to_string()).collect()
    }

    /// Of the requests about comments.
    fn methods(&self) -> Vec<String> {
        let requests = self.requests.lock().expect("no test fails in it");
        let about_comments = requests.iter().filter(|(_, path, _)| path != "/graphql");
        about_comments.map(|(method, ..)| method.clone()).collect()
    }
}

fn answer(
    mut stream: TcpStream,
    comments: &Mutex<Vec<Value>>,
    requests: &Mutex<Vec<(String, String, bool)>>,
    read_only: bool,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream is cloned"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request starts");
    let mut words = line.split_whitespace().map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut authorized, mut expects) = (0, false, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header is a line");
        let header = header.trim_end().to_string();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ").unwrap_or((&header, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length is a number"),
            "authorization" => authorized = value == "Bearer secret",
            "expect" => expects = true,
            _ => {}
        }
    }
    if expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("it is read");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body is as long as it says");
    requests.lock().expect("no test fails in it").push((method.clone(), path.clone(), authorized));
    let mut comments = comments.lock().expect("no test fails in it");
    let (status, reply) = match method.as_str() {
        _ if !authorized => ("401 Unauthorized", json!({})),
        "POST" if path == "/graphql" => ("200 OK", json!({"data": {"viewer": {"login": BOT}}})),
        "GET" => {
            let page: usize = path
                .rsplit_once("page=")
                .and_then(|(_, page)| page.parse().ok())
                .expect("it asks for a page");
            let list: Vec<_> = comments.iter().skip((page - 1) * 100).take(100).cloned().collect();
            ("200 OK", Value::Array(list))
        }
        _ if read_only => ("403 Forbidden", json!({"message": "Resource not accessible by integration"})),
        _ => {
            let body: Value = serde_json::from_slice(&body).expect("it sends JSON");
            let text = body["body"].as_str().expect("it sends a body");
            if text.chars().count() > 65_536 {
                ("422 Unprocessable Entity", json!({"message": "Body is too long"}))
            } else if method == "POST" {
                let id = comments.len();
                comments.push(json!({"id": id, "body": text, "user": {"login": BOT}}));
                ("201 Created", json!({}))
            } else {
                let id: usize =
                    path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("it names a comment");
                comments[id]["body"] = text.into();
                ("200 OK", json!({}))
            }
        }
    };
    let reply = reply.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", reply.len());
    // Who only wants the status may be gone.
    let _ = stream.write_all(format!("{head}{reply}").as_bytes());
}

/// What a run of the action left behind.
struct Run {
    code: i32,
    log: String,
    outputs: String,
    summary: String,
}

impl Run {
    fn output(&self, name: &str) -> &str {
        let lines = self.outputs.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back().unwrap_or("missing")
    }
}

fn action(folder: &Folder, github: &GitHub, set: &[(&str, &str)]) -> Run {
    let runner = Folder::new(&[("output", ""), ("summary", "")]);
    let at = |name: &str| runner.path().join(name);
    let mut command = Command::new("bash");
    command.arg(root().join("action/run.sh")).current_dir("/").env_clear();
    command.env("PATH", std::env::var_os("PATH").expect("there is one"));
    command.env("ACTION_PATH", root()).env("RLS_LINT", env!("CARGO_BIN_EXE_rls-lint"));
    command.env("RUNNER_TEMP", runner.path()).env("GITHUB_WORKSPACE", folder.path());
    command.env("GITHUB_OUTPUT", at("output")).env("GITHUB_STEP_SUMMARY", at("summary"));
    command.env("GITHUB_API_URL", &github.address).env("GITHUB_TOKEN", "secret");
    command.env("GITHUB_REPOSITORY", "ada/app").env("HEAD_REPOSITORY", "ada/app");
    command.env("PULL_REQUEST", "7").env("INPUT_COMMENT", "update").env("INPUT_BASE", "main");
    command.envs(set.iter().copied());
    let output = command.output().expect("bash runs");
    let read = |name: &str| std::fs::read_to_string(at(name)).expect("it is there");
    Run {
        code: output.status.code().expect("no signal"),
        log: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        outputs: read("output"),
        summary: read("summary"),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn pull_request(leak: &str) -> Folder {
    let folder = repository(&[
        ("supabase/config.toml", ""),
        ("supabase/migrations/20250101000000_old.sql", "create table public.old (title text);\n"),
    ]);
    folder.write(LEAK, leak.as_bytes());
    commit(folder.path());
    folder
}

#[test]
fn new_findings_fail_the_job_and_are_told_everywhere() {
    let folder = pull_request("\ncreate table public.leak (id bigint primary key);\n");
    let github = GitHub::start(false);
    let run = action(&folder, &github, &[]);
    assert_eq!(run.code, 1, "{}", run.log);
    let annotations: Vec<_> = run.log.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(annotations.len(), 1, "{}", run.log);
    assert!(annotations[0].starts_with(&format!("::error file={LEAK},line=2,")), "{}", annotations[0]);
    assert_eq!((run.output("exit-code"), run.output("errors")), ("1", "1"));
    assert_eq!(run.output("findings"), run.output("new-findings"));
    let bodies = github.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].starts_with("<!-- rls-lint:. -->\n"), "{}", bodies[0]);
    for text in [&bodies[0], &run.summary] {
        assert!(text.contains("public.leak") && !text.contains("public.old"), "{text}");
    }
    assert!(github.requests.lock().expect("no test fails in it").iter().all(|(.., authorized)| *authorized));
    assert!(!run.log.contains("secret"), "{}", run.log);
}

#[test]
fn what_cannot_be_run_is_told_in_an_annotation_and_in_the_summary() {
    let folder = pull_request("create table public.leak (id bigint primary key);\n");
    let github = GitHub::start(false);
    for (name, value, said) in [
        ("ARGS", "--no-such-option", "unexpected argument '--no-such-option' found"),
        ("ARGS", "--only no-such-rule", "no-such-rule"),
        ("FAIL_ON", "sometimes", "fail-on is one of: error warning info never"),
        ("SARIF_FILE", "a\nb", "sarif-file is one path"),
        ("WORKING_DIRECTORY", "100%/nowhere", "working-directory is no folder"),
    ] {
        let run = action(&folder, &github, &[(&format!("INPUT_{name}"), value)]);
        assert_eq!(run.code, 2, "{}", run.log);
        let errors: Vec<_> = run.log.lines().filter(|line| line.starts_with("::error")).collect();
        assert!(matches!(errors[..], [one] if one.contains(said)), "{}", run.log);
        assert!(run.summary.starts_with("### rls-lint: ") && run.summary.contains(said), "{}", run.summary);
        assert!(!run.summary.contains("Usage"), "{}", run.summary);
        let silent = [("INPUT_SUMMARY", "false"), (&format!("INPUT_{name}"), value)];
        assert_eq!(action(&folder, &github, &silent).summary, "");
    }
}

#[test]
fn a_sarif_file_is_written_where_it_is_wanted() {
    let folder = pull_request("create table public.leak (id bigint primary key);\n");
    let github = GitHub::start(false);
    let wanted = [("INPUT_SARIF_FILE", "out/rls-lint.sarif"), ("INPUT_ANNOTATIONS", "false")];
    let run = action(&folder, &github, &wanted);
    assert_eq!(run.code, 1, "{}", run.log);
    let text = std::fs::read_to_string(run.output("sarif")).expect("the file is there");
    let sarif: Value = serde_json::from_str(&text).expect("it is JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results are a list");
    assert_eq!(results.len().to_string(), run.output("findings"));
    assert!(folder.path().join("out/rls-lint.sarif").is_file());
    assert!(!run.log.contains("::error") && run.log.contains(&format!("{LEAK}:1:")), "{}", run.log);
    assert_eq!(action(&folder, &github, &[]).output("sarif"), "");
}

#[test]
fn the_workflow_of_init_uses_inputs_that_exist() {
    let folder = Folder::project("select 1;\n");
    assert_eq!(folder.run(&["init", "--github"]).code, 0);
    let workflow = std::fs::read_to_string(folder.path().join(".github/workflows/rls-lint.yml"));
    let workflow = workflow.expect("it is written");
    let action = std::fs::read_to_string(root().join("action.yml")).expect("it is there");
    let address = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://github.com/");
    let (_, step) = workflow.split_once(&format!("- uses: {address}@main\n")).expect("it uses the action");
    let (_, with) = step.split_once("with:\n").expect("it hands over inputs");
    let given: Vec<_> = with.lines().filter_map(|line| line.trim().split_once(':')).collect();
    assert!(!given.is_empty(), "{workflow}");
    let (inputs, _) = action.split_once("\noutputs:\n").expect("inputs come first");
    for (name, _) in given {
        assert!(inputs.contains(&format!("\n  {name}:\n")), "{name}");
    }
}

#[test]
fn a_second_run_updates_the_comment() {
    let folder = pull_request("create table public.leak (id bigint primary key);\n");
    let github = GitHub::start(false);
    // Others talk as well, so that ours is on the second page.
    let talk = |id| json!({"id": id, "body": "<!-- rls-lint:. -->\nmine", "user": {"login": "eve"}});
    let talk = (0..100).map(talk);
    github.comments.lock().expect("no test fails in it").extend(talk);
    action(&folder, &github, &[]);
    folder.write(LEAK, b"create table public.leak (id bigint primary key);\nalter table public.leak enable row level security;\n");
    let run = action(&folder, &github, &[("INPUT_FAIL_ON", "error"), ("INPUT_COMMENT", "on-failure")]);
    assert_eq!(run.code, 0, "{}", run.log);
    assert_eq!(github.bodies().len(), 101);
    assert!(github.bodies()[..100].iter().all(|body| body.ends_with("mine")));
    assert!(!github.bodies()[100].contains("rls-disabled-on-exposed-table"), "{}", github.bodies()[100]);
    assert_eq!(github.methods(), ["GET", "GET", "POST", "GET", "GET", "PATCH"]);
    let other = action(&folder, &github, &[("INPUT_COMMENT_ID", "other job")]);
    assert_eq!((other.code, github.bodies().len()), (0, 102));
    assert!(github.bodies()[101].starts_with("<!-- rls-lint:other_job -->\n"));
}

#[test]
fn without_findings_there_is_no_comment_unless_it_is_wanted() {
    let folder = pull_request("select 1;\n");
    let github = GitHub::start(false);
    let run = action(&folder, &github, &[("INPUT_COMMENT", "on-failure")]);
    assert_eq!((run.code, run.output("findings"), github.bodies().len()), (0, "0", 0), "{}", run.log);
    assert_eq!(run.output("fixed"), "0");
    action(&folder, &github, &[("INPUT_COMMENT", "off")]);
    assert_eq!(github.methods(), ["GET"]);
    action(&folder, &github, &[]);
    assert_eq!(github.bodies().len(), 1);
}

#[test]
fn who_can_do_less_is_something_to_say() {
    let folder = pull_request("revoke select on public.old from anon;\n");
    let github = GitHub::start(false);
    let run = action(&folder, &github, &[("INPUT_COMMENT", "on-failure")]);
    assert_eq!((run.code, run.output("findings"), github.bodies().len()), (0, "0", 1), "{}", run.log);
    assert!(github.bodies()[0].contains("anon can no longer"), "{}", github.bodies()[0]);
}

#[test]
fn a_fork_gets_no_comment_and_no_failure() {
    let folder = pull_request("create table public.leak (id bigint primary key);\n");
    let github = GitHub::start(true);
    let fork = action(&folder, &github, &[("HEAD_REPOSITORY", "eve/app"), ("INPUT_FAIL_ON", "never")]);
    assert_eq!((fork.code, github.methods().len()), (0, 0), "{}", fork.log);
    assert!(fork.log.contains("::notice title=rls-lint::no comment"), "{}", fork.log);
    assert!(fork.summary.contains("public.leak"));
    let read_only = action(&folder, &github, &[("INPUT_FAIL_ON", "never")]);
    assert_eq!((read_only.code, github.bodies().len()), (0, 0), "{}", read_only.log);
    assert!(read_only.log.contains("pull-requests: write"), "{}", read_only.log);
}

#[test]
fn what_is_too_long_is_cut() {
    let tables: String = (0..3000)
        .map(|at| format!("create table public.a_table_with_a_long_name_{at} (id bigint primary key);\n"))
        .collect();
    let folder = pull_request(&tables);
    let github = GitHub::start(false);
    let run = action(&folder, &github, &[]);
    assert_eq!(run.code, 1, "{}", &run.log[..run.log.len().min(2000)]);
    assert!(run.summary.len() < 65_536, "{}", run.summary.len());
    let bodies = github.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].chars().count() < 65_536 && bodies[0].len() > 20_000, "{}", bodies[0].len());
    assert!(run.log.lines().filter(|line| line.starts_with("::error")).count() <= 10);
}

#[test]
fn paths_are_those_of_the_repository_and_inputs_are_data() {
    let folder = repository(&[
        ("apps/web app/supabase/config.toml", ""),
        ("apps/web app/supabase/migrations/1_old.sql", "select 1;\n"),
    ]);
    folder.write(
        "apps/web app/supabase/migrations/2_leak.sql",
        b"create table public.leak (id bigint primary key);\n",
    );
    commit(folder.path());
    let github = GitHub::start(false);
    let inside = [("INPUT_WORKING_DIRECTORY", "apps/web app")];
    let run = action(&folder, &github, &inside);
    assert!(
        run.log.contains("::error file=apps/web app/supabase/migrations/2_leak.sql,line=1,"),
        "{}",
        run.log
    );
    assert!(github.bodies()[0].starts_with("<!-- rls-lint:apps/web_app -->\n"), "{}", github.bodies()[0]);

    let absolute = folder.path().join("apps/web app").display().to_string();
    let run = action(&folder, &github, &[("INPUT_WORKING_DIRECTORY", &absolute)]);
    assert_eq!(run.code, 1, "{}", run.log);

    let touched = folder.path().join("touched");
    let evil = format!("$(touch {0}); `touch {0}` ' \" ; touch {0}", touched.display());
    for name in ["WORKING_DIRECTORY", "PATH", "CONFIG", "BASE", "FAIL_ON", "COMMENT_ID", "ARGS"] {
        let name = format!("INPUT_{name}");
        action(&folder, &github, &[("INPUT_WORKING_DIRECTORY", "apps/web app"), (&name, &evil)]);
        assert!(!touched.exists(), "{name}");
    }
}

#[test]
fn the_merge_of_a_pull_request_is_compared_with_its_first_parent() {
    let folder = pull_request("create table public.leak (id bigint primary key);\n");
    git(folder.path(), &["checkout", "--quiet", "main"]);
    folder.write("supabase/migrations/20250115000000_other.sql", b"create table public.other (id int);\n");
    commit(folder.path());
    let old = git(folder.path(), &["rev-parse", "main^"]);
    git(folder.path(), &["checkout", "--quiet", "--detach"]);
    git(folder.path(), &["merge", "--quiet", "--no-ff", "--no-edit", "work"]);
    let github = GitHub::start(false);
    let merge = git(folder.path(), &["rev-parse", "HEAD"]);
    let event = [("INPUT_BASE", ""), ("GITHUB_REF", "refs/pull/7/merge"), ("GITHUB_SHA", merge.trim())];
    let event = |base| [("BASE_SHA", base), event[0], event[1], event[2]];
    let run = action(&folder, &github, &event(old.trim()));
    assert_eq!((run.code, run.output("errors")), (1, "1"), "{}", run.log);
    assert!(!github.bodies()[0].contains("public.other"), "{}", github.bodies()[0]);
    let all = action(&folder, &github, &[("INPUT_BASE", "none")]);
    assert_eq!((all.output("errors"), all.output("new-findings")), ("3", ""), "{}", all.log);

    // A workflow that checks out the pull request's own branch, into which the other one was merged.
    let base = git(folder.path(), &["rev-parse", "main"]);
    git(folder.path(), &["checkout", "--quiet", "work"]);
    git(folder.path(), &["merge", "--quiet", "--no-ff", "--no-edit", "main"]);
    let run = action(&folder, &github, &event(base.trim()));
    assert_eq!((run.code, run.output("errors")), (1, "1"), "{}", run.log);
}

#[test]
fn a_release_is_installed_if_its_checksum_is_right() {
    let release = Folder::new(&[("v9.9.10/", ""), ("v9.9.9/", ""), ("v9.9.8/", "")]);
    let tar = |version: &str| {
        release.write("bin/rls-lint", format!("#!/bin/sh\necho rls-lint {version}\n").as_bytes());
        let name = format!("v{version}/rls-lint-{version}-x86_64-unknown-linux-gnu.tar.gz");
        let made = Command::new("sh")
            .current_dir(release.path())
            .args(["-c", "chmod +x bin/rls-lint && tar -czf \"$1\" -C bin rls-lint && sha256sum \"$1\" > \"$1.sha256\"", "sh", &name])
            .status();
        assert!(made.expect("sh runs").success());
        name
    };
    tar("9.9.10");
    tar("9.9.9");
    let broken = tar("9.9.8");
    release.write(&format!("{broken}.sha256"), b"0000  x\n");
    // The steps of a job share it.
    let runner = Folder::new(&[]);
    // Attests only what it is told to.
    release.write("gh", b"#!/bin/sh\n[ \"$1 $2 $4 $5\" = 'attestation verify --repo ada/rls-lint' ] && [ \"$ATTESTED\" = yes ]\n");
    assert!(
        Command::new("chmod").arg("+x").arg(release.path().join("gh")).status().expect("it runs").success()
    );
    let path = std::env::var("PATH").expect("there is one");
    let install_as = |version: &str, provenance: &str, attested: &str| {
        runner.write("output", b"");
        let output = Command::new("bash")
            .env("PATH", format!("{}:{path}", release.path().display()))
            .env("ACTION_REPOSITORY", "ada/rls-lint")
            .env("INPUT_VERIFY_PROVENANCE", provenance)
            .env("ATTESTED", attested)
            .arg(root().join("action/install.sh"))
            .env("RLS_LINT_RELEASES", format!("file://{}", release.path().display()))
            .env("RUNNER_TEMP", runner.path())
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("ACTION_PATH", root())
            .env("INPUT_VERSION", version)
            .env("GITHUB_OUTPUT", runner.path().join("output"))
            .output()
            .expect("bash runs");
        let outputs = std::fs::read_to_string(runner.path().join("output")).expect("it is there");
        (output.status.code(), outputs, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let install = |version: &str| install_as(version, "false", "no");
    let (code, outputs, log) = install("v9.9.9");
    assert_eq!(code, Some(0), "{log}");
    assert!(outputs.contains("installed-version=9.9.9\n"), "{outputs}");
    let (code, outputs, log) = install("9.9.10");
    assert!(code == Some(0) && outputs.contains("installed-version=9.9.10\n"), "{outputs}{log}");
    let (code, _, log) = install("9.9.8");
    assert!(code == Some(2) && log.contains("the checksum of"), "{log}");
    let (code, _, log) = install("9.9.7");
    assert!(code == Some(2) && log.contains("there is no release 9.9.7"), "{log}");
    assert_eq!(install("$(touch x)").0, Some(2));
    assert_eq!(install_as("9.9.9", "true", "yes").0, Some(0));
    let (code, _, log) = install_as("9.9.9", "true", "no");
    assert!(code == Some(2) && log.contains("nothing attests"), "{log}");
    let (code, _, log) = install_as("", "true", "yes");
    assert!(code == Some(2) && log.contains("there is no release"), "{log}");
}
