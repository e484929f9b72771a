//! Each format, as its reader takes it.
//!
//! SARIF is held against the published schema, which the crate `serde-sarif` comes with, and JUnit is read by
//! `quick-junit`. `tests/it/schemas/` holds what the formats' specifications ask of the parts that are written,
//! which is more than the published schemas of GitLab and reviewdog do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use crate::change::{git, repository};
use crate::harness::{Folder, run_in};

const FORMATS: [&str; 12] = [
    "human", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "rdjson", "markdown", "audit",
    "advisors",
];

/// What one run wrote in each format.
struct Written(BTreeMap<&'static str, String>);

impl Written {
    fn of(folder: &Path, arguments: &[&str]) -> Self {
        let files = Folder::new(&[]);
        let outputs =
            FORMATS.map(|format| format!("--output={format}={}", files.path().join(format).display()));
        let mut all: Vec<_> = outputs.iter().map(String::as_str).collect();
        all.extend(arguments);
        let answer = run_in(folder, &all, "", |_| {});
        assert_eq!(answer.out, "", "nothing is printed where only files were asked for");
        let read = |format| std::fs::read_to_string(files.path().join(format)).expect("the file is there");
        let written = Self(FORMATS.map(|format| (format, read(format))).into());
        let left: BTreeSet<_> = std::fs::read_dir(files.path())
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry is listed").file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(left, FORMATS.map(str::to_string).into(), "nothing else is left behind");
        written
    }

    fn json(&self, format: &str) -> Value {
        serde_json::from_str(&self.0[format]).unwrap_or_else(|error| panic!("{format}: {error}"))
    }

    /// Checks each text against what its format asks.
    fn validate(&self) {
        for format in ["sarif", "rdjson", "gitlab", "audit"] {
            let value = self.json(format);
            validate(&own_schema(format), &value, format);
        }
        let sarif = self.json("sarif");
        validate(published_sarif(), &sarif, "published SARIF");
        serde_json::from_value::<serde_sarif::sarif::Sarif>(sarif).expect("readers of SARIF take it");
        let junit = quick_junit::Report::deserialize_from_str(&self.0["junit"]).expect("readers take it");
        let cases: usize = junit.test_suites.iter().map(|suite| suite.test_cases.len()).sum();
        assert!(junit.tests == cases && cases > 0, "{} of {cases} tests", junit.tests);
        self.json("json");
        self.json("advisors");
        for line in self.0["jsonl"].lines() {
            let value: Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(value["type"].is_string(), "{line}");
        }
        let keys: Vec<_> = self.list("gitlab", "").iter().map(|issue| issue["fingerprint"].clone()).collect();
        let distinct: BTreeSet<_> = keys.iter().map(Value::to_string).collect();
        assert_eq!(keys.len(), distinct.len(), "each issue has a fingerprint of its own");
        let run = &self.json("sarif")["runs"][0];
        for result in run["results"].as_array().expect("results are a list") {
            let at = result["ruleIndex"].as_u64().expect("it is a number") as usize;
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        }
        assert!(self.0["markdown"].len() < 65_536);
        tests_of(&self.0["junit"]);
        commands(&self.0["github"]);
    }

    fn list(&self, format: &str, key: &str) -> Vec<Value> {
        let value = self.json(format);
        let list = if key.is_empty() { &value } else { &value[key] };
        list.as_array().unwrap_or_else(|| panic!("{format} has a list")).clone()
    }

    /// The rule, file and line of each finding, which all formats agree about, as seen from the root of
    /// the repository; `folder` is where the program ran.
    fn places(&self, folder: &str, encoded: impl Fn(&str) -> String) -> Places {
        let of = |format: &str, key: &str, rule: &str, file: &str, line: &str| -> Places {
            let list = self.list(format, key);
            let places = list.iter().map(|finding| {
                place(
                    finding.pointer(rule).expect("it has a rule"),
                    finding.pointer(file).expect("it has a file"),
                    finding.pointer(line).expect("it has a line"),
                )
            });
            places.collect()
        };
        let from_root = |places: Places| -> Places {
            places.into_iter().map(|(rule, file, line)| (rule, format!("{folder}/{file}"), line)).collect()
        };
        let expected = from_root(of("json", "findings", "/rule", "/file", "/start/line"));
        assert_eq!(of("audit", "findings", "/rule", "/file", "/line"), expected);
        assert_eq!(of("gitlab", "", "/check_name", "/location/path", "/location/lines/begin"), expected);
        let rdjson =
            of("rdjson", "diagnostics", "/code/value", "/location/path", "/location/range/start/line");
        assert_eq!(from_root(rdjson), expected);
        assert_eq!(tests_of(&self.0["junit"]), expected);
        assert_eq!(commands(&self.0["github"]), expected);
        let results = self.json("sarif")["runs"][0]["results"].as_array().expect("it is a list").clone();
        let uris: Places = results
            .iter()
            .map(|result| {
                let at = &result["locations"][0]["physicalLocation"];
                place(&result["ruleId"], &at["artifactLocation"]["uri"], &at["region"]["startLine"])
            })
            .collect();
        let expected_uris: Places =
            expected.iter().map(|(rule, file, line)| (rule.clone(), encoded(file), *line)).collect();
        assert_eq!(uris, expected_uris);
        for (rule, file, line) in &expected {
            let row = format!("| `{rule}` | `{file}:{line}` |");
            assert!(self.0["markdown"].contains(&row), "{row}\n{}", self.0["markdown"]);
        }
        let lines: Vec<_> = self.0["jsonl"]
            .lines()
            .map(|line| -> Value { serde_json::from_str(line).expect("each line is JSON") })
            .filter(|line| line["type"] == "finding")
            .collect();
        let jsonl = lines.iter().map(|found| place(&found["rule"], &found["file"], &found["start"]["line"]));
        assert_eq!(from_root(jsonl.collect()), expected);
        assert_eq!(self.0["concise"].lines().count(), lines.len(), "{}", self.0["concise"]);
        let is_row =
            |line: &&str| ["| error |", "| warning |", "| info |"].iter().any(|row| line.starts_with(row));
        assert_eq!(self.0["markdown"].lines().filter(is_row).count(), lines.len(), "{}", self.0["markdown"]);
        for (rule, file, line) in &expected {
            let file = &file[folder.len() + 1..];
            let is_it = |text: &str| {
                text.starts_with(&format!("{file}:{line}:")) && text.contains(&format!("[{rule}]"))
            };
            assert!(self.0["concise"].lines().any(is_it), "{}", self.0["concise"]);
            assert!(self.0["human"].contains(&format!("{file}:{line}:")), "{}", self.0["human"]);
        }
        expected
    }
}

/// OASIS's schema of SARIF 2.1.0, as it is in the sources of a crate that these tests are built with.
fn published_sarif() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let metadata = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .output()
            .expect("cargo runs");
        let metadata: Value =
            serde_json::from_slice(&metadata.stdout).unwrap_or_else(|_| panic!("{metadata:?}"));
        let packages = metadata["packages"].as_array().expect("packages are a list");
        let package = packages.iter().find(|package| package["name"] == "serde-sarif").expect("it is used");
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        let mut schema = read_json(&manifest.with_file_name("src").join("schema.json"));
        assert!(schema["$id"].as_str().is_some_and(|id| id.contains("oasis-tcs/sarif-spec")));
        // Its pattern of a language has a bracket too many, which only readers of JavaScript pass over.
        for holder in ["run", "toolComponent"] {
            let language = &mut schema["definitions"][holder]["properties"]["language"];
            language.as_object_mut().and_then(|language| language.remove("pattern")).expect("it has one");
        }
        schema
    })
}

fn own_schema(format: &str) -> Value {
    read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/schemas/{format}.json")))
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the schema is there");
    serde_json::from_str(&text).expect("the schema is JSON")
}

fn validate(schema: &Value, value: &Value, format: &str) {
    let validator = jsonschema::validator_for(schema).expect("it is a schema");
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{format}: {errors:#?}");
}

type Places = BTreeSet<(String, String, u64)>;

fn place(rule: &Value, file: &Value, line: &Value) -> (String, String, u64) {
    let text = |value: &Value| value.as_str().expect("it is a text").to_string();
    (text(rule), text(file), line.as_u64().expect("it is a number"))
}

/// The rule, file and line of each test that failed. Counts and required attributes are checked.
fn tests_of(xml: &str) -> Places {
    let mut reader = Reader::from_str(xml);
    let attribute = |element: &BytesStart<'_>, name: &str| -> Option<String> {
        let found = element.try_get_attribute(name).expect("attributes are well-formed")?;
        let value = found.normalized_value(quick_xml::XmlVersion::Implicit1_0).expect("values are escaped");
        Some(value.into_owned())
    };
    let (mut places, mut case) = (Places::new(), None);
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    let mut promised = None;
    loop {
        let event = reader.read_event().expect("it is well-formed");
        match &event {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "testsuites" => {
                    promised = Some(["tests", "failures", "errors"].map(|name| attribute(element, name)));
                }
                "testsuite" => assert!(attribute(element, "name").is_some()),
                "testcase" => {
                    tests += 1;
                    let name = attribute(element, "name").expect("a test has a name");
                    assert!(attribute(element, "classname").is_some());
                    case = name.split_once(": ").map(|(rule, _)| rule.to_string());
                }
                "failure" => {
                    failures += 1;
                    assert!(attribute(element, "message").is_some_and(|message| !message.is_empty()));
                    let text = reader.read_text(element.name()).expect("it has a text");
                    let text = quick_xml::escape::unescape(&text).expect("it is escaped").into_owned();
                    let mut parts = text.splitn(3, ':');
                    let file = parts.next().expect("it has a file").to_string();
                    let line = parts.next().and_then(|line| line.parse().ok()).expect("it has a line");
                    places.insert((case.take().expect("it is in a test"), file, line));
                }
                "error" => errors += 1,
                other => panic!("{other}"),
            },
            Event::Eof => break,
            _ => {}
        }
    }
    let counted = [tests, failures, errors].map(|count: usize| Some(count.to_string()));
    assert_eq!(promised, Some(counted));
    assert!(tests > 0);
    places
}

/// The rule, file and line of each annotation, read as GitHub's runner does.
fn commands(text: &str) -> Places {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut places = Places::new();
    for line in text.lines().filter(|line| line.starts_with("::")) {
        let (command, message) = line[2..].split_once("::").expect("a command ends");
        let (kind, properties) = command.split_once(' ').expect("a command has properties");
        assert!(["error", "warning", "notice"].contains(&kind), "{line}");
        assert!(!message.is_empty());
        *kinds.entry(kind).or_default() += 1;
        let unescaped = |value: &str| {
            value.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%25", "%")
        };
        let properties: BTreeMap<_, _> = properties
            .split(',')
            .map(|property| property.split_once('=').expect("a property has a value"))
            .map(|(name, value)| (name, unescaped(value)))
            .collect();
        if let Some(file) = properties.get("file") {
            let line = properties["line"].parse().expect("it is a number");
            places.insert((properties["title"].clone(), file.clone(), line));
        }
    }
    assert!(kinds.values().all(|count| *count <= 10), "{kinds:?}");
    places
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase-fixtures").join(name)
}

#[test]
fn each_format_is_what_its_reader_takes() {
    for name in ["leaky-saas", "marketplace", "squashed-dump", "hostile-bytes", "clean-starter", "empty"] {
        Written::of(&fixture(name), &[]).validate();
    }
}

#[test]
fn a_byte_order_mark_changes_no_place() {
    let sql = "create table public.notes (title text); create tabel x;\n";
    let (plain, marked) = (Folder::project(sql), Folder::project(&format!("\u{feff}{sql}")));
    for format in ["concise", "github", "gitlab", "rdjson", "markdown", "audit", "advisors"] {
        let out = |folder: &Folder| folder.run(&["--format", format, "--rule-set", "strict"]).out;
        assert_eq!(out(&plain), out(&marked), "{format}");
    }
    let columns = |folder: &Folder, format: &str| {
        let value: Value = serde_json::from_str(&folder.run(&["--format", format]).out).expect("it is JSON");
        match format {
            "json" => [&value["findings"][0]["start"]["column"], &value["findings"][0]["end"]["column"]]
                .map(Value::clone),
            _ => {
                let region = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
                [&region["startColumn"], &region["endColumn"]].map(Value::clone)
            }
        }
    };
    for format in ["json", "sarif"] {
        assert_eq!(columns(&plain, format), columns(&marked, format), "{format}");
        assert!(columns(&plain, format)[0].is_u64(), "{format}");
    }
}

#[test]
fn each_format_is_valid_when_the_work_fails() {
    let folder = Folder::project("select 1;");
    for arguments in [&["--config", "nowhere.yaml"][..], &["nowhere.sql"], &["--only", "nothing"]] {
        let written = Written::of(folder.path(), arguments);
        written.validate();
        // `concise` leaves it to standard error.
        for format in FORMATS.iter().filter(|format| **format != "concise") {
            assert!(!written.0[*format].trim().is_empty(), "{format} tells of it");
        }
    }
    folder.write("rls-lint.yaml", b"rules: {nothing: off}\n");
    let written = Written::of(folder.path(), &[]);
    written.validate();
    assert_eq!(written.json("sarif")["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn each_format_tells_the_same_places() {
    let folder = Folder::new(&[
        (".git/", ""),
        ("apps/my web/supabase/config.toml", ""),
        (
            "apps/my web/supabase/migrations/1_ä, %&.sql",
            "-- é\ncreate table \"a|b<c>\" (id int);\n\ncreate tabel x ();\nselect 1;\n",
        ),
    ]);
    let written = Written::of(&folder.path().join("apps/my web"), &[]);
    written.validate();
    let encoded = |_: &str| "apps/my%20web/supabase/migrations/1_%C3%A4%2C%20%25%26.sql".to_string();
    let expected = written.places("apps/my web", encoded);
    assert!(expected.len() >= 2, "{expected:?}");
    assert!(expected.iter().all(|(_, file, _)| file == "apps/my web/supabase/migrations/1_ä, %&.sql"));
}

#[test]
fn each_format_tells_what_a_change_brings_and_nothing_else() {
    let old = "create table public.old (title text);\ncreate table public.older (title text);\n";
    let folder = repository(&[
        ("web/supabase/config.toml", ""),
        ("web/supabase/migrations/20250101000000_old.sql", old),
    ]);
    let leak = "web/supabase/migrations/20250201000000_leak.sql";
    folder.write(leak, b"-- Notes of all.\n\ncreate table public.leak (title text);\n");
    git(folder.path(), &["add", "--all"]);
    let web = folder.path().join("web");
    let mut answers = Vec::new();
    for change in [&["--base", "main"][..], &["--staged"], &["--after", "20250101000000"]] {
        let written = Written::of(&web, change);
        written.validate();
        let places = written.places("web", str::to_string);
        assert!(places.contains(&("rls-disabled-on-exposed-table".into(), leak.into(), 3)), "{places:?}");
        assert!(places.iter().all(|(_, file, line)| file == leak && *line == 3), "{change:?}: {places:?}");
        for (format, text) in &written.0 {
            let tells_old = text.contains("public.old");
            assert!(!tells_old || *format == "advisors", "{change:?} {format}: {text}");
        }
        let access = "can read, change and delete all rows of public.leak, and add new ones (new table)";
        let sql = "create table public.leak (title text);";
        let row = format!("| dangerous | anon and authenticated {access} | `{leak}:3`<br>`{sql}` |");
        assert!(written.0["markdown"].contains(&row), "{row}\n{}", written.0["markdown"]);
        assert!(written.0["human"].contains(access), "{}", written.0["human"]);
        answers.push(places);
    }
    assert!(answers.iter().all(|places| *places == answers[0]), "{answers:?}");
}

#[test]
fn one_run_writes_files_and_prints() {
    let folder = Folder::project("create tabel x (id int);\n");
    let answer =
        folder.run(&["--format", "concise", "--output", "sarif=out/a.sarif", "--output=json=b.json"]);
    assert_eq!(answer.code, 1);
    assert!(answer.out.starts_with("supabase/migrations/1_first.sql:1:8: error[syntax-error]"), "{answer:?}");
    assert!(folder.path().join("out/a.sarif").is_file() && folder.path().join("b.json").is_file());
    let answer = folder.run(&["--output", "github=-", "--output", "gitlab=c.json"]);
    assert!(answer.out.starts_with("::error file="), "{answer:?}");
    assert!(answer.err.starts_with("Found 1 error in"), "{answer:?}");
}

#[test]
fn an_output_that_makes_no_sense_is_refused() {
    let folder = Folder::project("select 1;");
    let refused = [
        (&["--output", "sarif"][..], "write FORMAT=FILE"),
        (&["--output", "xml=a"], "no format is called `xml`: human, concise, json"),
        (&["--output", "sarif="], "lacks a file"),
        (&["--format", "json", "--output", "sarif=-"], "standard output takes one format, and was given two"),
        (&["--output", "json=a", "--output", "sarif=a"], "a takes one format, and was given two"),
    ];
    for (arguments, message) in refused {
        let answer = folder.run(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
        assert!(answer.err.contains(message), "{answer:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said_and_the_rest_is_done() {
    let folder = Folder::project("create tabel x (id int);\n");
    folder.write("taken/", b"");
    let answer = folder.run(&["--output", "sarif=taken", "--output", "json=b.json", "--format", "concise"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("error: cannot write taken: "), "{answer:?}");
    assert!(folder.path().join("b.json").is_file());
    assert_eq!(answer.out.lines().count(), 1, "{answer:?}");
}

#[cfg(unix)]
#[test]
fn a_file_is_replaced_as_a_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::project("create tabel x (id int);\n");
    folder.write("old.json", "x".repeat(100_000).as_bytes());
    std::os::unix::fs::symlink("old.json", folder.path().join("link.json")).expect("a link is made");
    assert_eq!(folder.run(&["--output", "json=link.json"]).code, 1);
    let link = folder.path().join("link.json");
    assert!(link.symlink_metadata().expect("it is there").is_symlink());
    read_json(&folder.path().join("old.json"));
    let mode = link.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
    assert_eq!(folder.run(&["--output", "json=/dev/null"]).code, 1);
}

/// The fingerprints of a run in each format that has them, and the category of SARIF.
fn identities(folder: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let written = Written::of(folder, arguments);
    written.validate();
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let json: Vec<_> = written.list("json", "findings").iter().map(|one| text(&one["fingerprint"])).collect();
    let gitlab: BTreeSet<_> =
        written.list("gitlab", "").iter().map(|one| text(&one["fingerprint"])).collect();
    assert_eq!(gitlab, json.iter().cloned().collect(), "no two findings share one");
    let run = written.json("sarif")["runs"][0].clone();
    let sarif: BTreeSet<_> = run["results"]
        .as_array()
        .expect("results are a list")
        .iter()
        .map(|one| text(&one["partialFingerprints"]["rlsLint/v1"]))
        .collect();
    assert_eq!(sarif, gitlab);
    (json, text(&run["automationDetails"]["id"]))
}

#[test]
fn projects_of_one_repository_are_told_apart() {
    let sql = "create table public.todos (title text);\n";
    let project = |folder: &str| format!("{folder}/supabase/migrations/1_todos.sql");
    let folder = Folder::new(&[(".git/", ""), (&project("apps/web"), sql), (&project("apps/admin"), sql)]);
    let (both, category) = identities(folder.path(), &[]);
    assert_eq!(category, "rls-lint/apps/");
    // Each by itself is a project like any other, in a category of its own.
    let alone = ["web", "admin"].map(|name| identities(&folder.path().join("apps").join(name), &[]));
    let categories = alone.each_ref().map(|(_, category)| category.as_str());
    assert_eq!(categories, ["rls-lint/apps/web/", "rls-lint/apps/admin/"]);
    let single = Folder::project(sql);
    assert_eq!(alone[0].0, identities(single.path(), &[]).0);
    assert_eq!(identities(single.path(), &[]).1, "rls-lint/");
    assert_eq!(both.len(), 2 * alone[0].0.len());
    // Where they lie does not matter, unless they have the same name.
    std::fs::rename(folder.path().join("apps"), folder.path().join("packages")).expect("it moves");
    assert_eq!(identities(folder.path(), &[]), (both.clone(), "rls-lint/packages/".to_string()));
    for name in ["web", "admin"] {
        folder.write(&format!("packages/{name}/supabase/config.toml"), b"project_id = \"copied\"\n");
    }
    assert_eq!(identities(folder.path(), &[]).0.len(), both.len());
    for (name, id) in [("web", "shop"), ("admin", "back")] {
        folder.write(
            &format!("packages/{name}/supabase/config.toml"),
            format!("project_id = \"{id}\"").as_bytes(),
        );
    }
    let (named, _) = identities(folder.path(), &[]);
    std::fs::rename(folder.path().join("packages/web"), folder.path().join("packages/a")).expect("it moves");
    let moved: BTreeSet<_> = identities(folder.path(), &[]).0.into_iter().collect();
    assert_eq!(moved, named.into_iter().collect());
}
