//! A PostgreSQL that lives as long as the tests do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use rls_lint::source::{FileId, FileRole, SourceFile};
use rls_lint::sql;
use rls_lint::sql::statement::{StatementKind, Transaction};
use serde_json::Value;

use super::compare::Dump;

const MISSING: &str =
    "These tests compare the catalog with that of a real PostgreSQL 15 or newer, and there is none.
On Debian and Ubuntu `sh scripts/setup.sh` installs it (package postgresql).
Elsewhere install PostgreSQL with its contrib modules and put initdb, postgres and psql on the PATH.";

/// Starts a server and removes it when standard input ends, which it does however the tests end.
const KEEPER: &str = r#"
set -e
bin=$1
folder=$(mktemp -d "$2-XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$bin/initdb" -D "$folder/data" -U supabase_admin --auth=trust -E UTF8 --locale=C --no-sync > "$folder/log" 2>&1 ||
    { cat "$folder/log"; exit 1; }
"$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c autovacuum=off -c wal_level=logical -c shared_buffers=64MB \
    -c max_connections=60 > "$folder/log" 2>&1 < /dev/null &
server=$!
for _ in $(seq 300); do
    if "$bin/pg_isready" -q -h "$folder"; then echo "ready $folder"; break; fi
    kill -0 $server 2> /dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
cat > /dev/null
kill -QUIT $server
wait $server || true
"#;

/// What a role or a database is set to, which belongs to no single database.
const CLUSTER: [&str; 3] = ["pg_authid", "pg_auth_members", "pg_db_role_setting"];

/// The databases that others are copies of: with the default privileges of older projects, and with
/// `auto_expose_new_tables = false`.
const TEMPLATES: [(&str, &str); 2] =
    [("project", ""), ("explicit", "\\set auto_expose off\n\\set graphql off\n")];

pub(super) struct Server {
    bin: PathBuf,
    folder: PathBuf,
    /// What a fresh project has.
    fresh: OnceLock<[Dump; 2]>,
    /// Databases of each template that nobody uses now.
    free: Mutex<[Vec<String>; 2]>,
    /// Its standard input is what keeps the server.
    _keeper: Child,
}

impl Server {
    /// The server of this run, started when it is first asked for.
    pub(super) fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let bin = binaries().unwrap_or_else(|| panic!("{MISSING}"));
        let (keeper, folder) = keep(&bin);
        let server = Self { bin, folder, fresh: OnceLock::new(), free: Mutex::default(), _keeper: keeper };
        server.load();
        server
    }

    /// Makes the database that others are copies of, and keeps what the cluster looks like.
    fn load(&self) {
        let baseline = include_str!("baseline.sql");
        for (name, switches) in TEMPLATES {
            self.psql("postgres", &format!("create database {name}")).expect("a database is made");
            self.psql(name, &format!("{switches}{baseline}")).expect("the baseline loads");
        }
        let keep = CLUSTER.map(|table| format!("create table fresh_{table} as table {table};")).join("\n");
        self.psql("postgres", &keep).expect("the cluster's tables are copied");
        let fresh = [false, true].map(|explicit| self.dump(&[], explicit).expect("a fresh project is read"));
        assert!(self.fresh.set(fresh).is_ok(), "a server is loaded once");
    }

    pub(super) fn fresh(&self, explicit: bool) -> &Dump {
        &self.fresh.get().expect("it is read at the start")[usize::from(explicit)]
    }

    /// The catalog of a fresh project after these migrations, or what PostgreSQL refused.
    pub(super) fn dump(&self, migrations: &[String], explicit: bool) -> Result<Dump, String> {
        let (template, _) = TEMPLATES[usize::from(explicit)];
        let queries = asking(QUERIES.iter().map(|(list, query)| (*list, (*query).to_string())));
        let out = match migrations {
            // What is rolled back leaves its database as good as new.
            [migration] if is_one_transaction(migration) => {
                let free = self.free.lock().expect("no thread has panicked")[usize::from(explicit)].pop();
                let name = free.unwrap_or_else(|| {
                    let name = self.new_name();
                    let create = format!("create database {name} template {template} owner postgres");
                    self.psql("postgres", &create).expect("a database is made");
                    name
                });
                let out =
                    self.psql_as("postgres", &name, &format!("begin;\n{migration}\n;{queries}rollback;\n"));
                self.free.lock().expect("no thread has panicked")[usize::from(explicit)].push(name);
                out?
            }
            _ => {
                let name = self.new_name();
                let mut script = format!(
                    "create database {name} template {template} owner postgres;\n\\connect {name} postgres\n"
                );
                for migration in migrations {
                    script += &format!("reset all;\n{}\n", as_the_cli_runs(migration));
                }
                script += &format!("\\connect {name} postgres\n{queries}");
                let out = self.psql("postgres", &script);
                self.psql("postgres", &format!("drop database if exists {name}"))?;
                out?
            }
        };
        read_dump(out.lines())
    }

    /// What is said to each statement of files that are run in a database of their own, and the catalog in the
    /// end. Each file is a transaction, as with the CLI; what is refused is left out of it.
    pub(super) fn run_files(&self, files: &[Vec<&str>], explicit: bool) -> (Vec<Vec<Verdict>>, Dump) {
        let name = self.new_name();
        let (template, _) = TEMPLATES[usize::from(explicit)];
        let create = format!("create database {name} template {template} owner postgres");
        self.psql("postgres", &create).expect("a database is made");
        let mut script = String::new();
        for file in files {
            let is_own = file.iter().any(|statement| speaks_of_transactions(statement));
            script += &format!("\\connect {name} postgres\n");
            script += if is_own { "" } else { "begin;\n" };
            for statement in file {
                let is_alone = !is_own && runs_alone(statement);
                script += if is_alone { "commit;\n" } else { "" };
                script += &format!("select {STATEMENT}{statement}{STATEMENT} \\gexec{SAY}");
                script += if is_alone { "begin;\n" } else { "" };
            }
            script += if is_own { "" } else { "commit;\n" };
        }
        let queries = asking(QUERIES.iter().map(|(list, query)| (*list, (*query).to_string())));
        script += &format!("\\connect {name} postgres\n{queries}");
        let mut command = self.client("postgres", &name);
        command.args(["-v", "ON_ERROR_ROLLBACK=on", "-v", "VERBOSITY=terse"]).stderr(Stdio::null());
        let output = feed(command, &script).expect("psql runs");
        self.psql("postgres", &format!("drop database {name}")).expect("the database is dropped");
        let out = String::from_utf8_lossy(&output.stdout);
        let mut lines = out.lines();
        let mut verdict = |_: &&str| lines.find_map(Verdict::read).expect("each statement is answered");
        let verdicts = files.iter().map(|file| file.iter().map(&mut verdict).collect()).collect();
        (verdicts, read_dump(lines).expect("the catalog is read"))
    }

    /// A connection of its own, for many histories.
    pub(super) fn session(&self) -> Session<'_> {
        Session::new(self)
    }

    /// What a script of role `postgres` prints in a database of its own.
    pub(super) fn run_in_fresh(&self, script: &str) -> Result<String, String> {
        let name = self.new_name();
        let create = format!("create database {name} template {} owner postgres", TEMPLATES[0].0);
        self.psql("postgres", &create)?;
        let out = self.psql_as("postgres", &name, script);
        self.psql("postgres", &format!("drop database {name}"))?;
        out
    }

    fn new_name(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("case_{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Roles, membership and settings, as text.
    pub(super) fn read_cluster(&self) -> String {
        let read = CLUSTER.map(|table| format!("select t::text from {table} t order by 1;")).join("\n");
        self.psql("postgres", &read).expect("the cluster's tables are read")
    }

    pub(super) fn expect_cluster(&self, cluster: &str) {
        let now = self.read_cluster();
        assert_eq!(now, cluster, "a case changes the cluster and does not say so");
    }

    /// Undoes what a case did to roles, membership and settings. Dependencies need no care: the
    /// database that they were in is gone.
    pub(super) fn restore_cluster(&self, cluster: &str) {
        let restore = "begin;
            delete from pg_db_role_setting; insert into pg_db_role_setting table fresh_pg_db_role_setting;
            delete from pg_auth_members; insert into pg_auth_members table fresh_pg_auth_members;
            delete from pg_authid where oid not in (select oid from fresh_pg_authid);
            update pg_authid a set rolname = f.rolname, rolsuper = f.rolsuper, rolinherit = f.rolinherit,
              rolcreaterole = f.rolcreaterole, rolcreatedb = f.rolcreatedb, rolcanlogin = f.rolcanlogin,
              rolreplication = f.rolreplication, rolbypassrls = f.rolbypassrls, rolpassword = f.rolpassword,
              rolconnlimit = f.rolconnlimit, rolvaliduntil = f.rolvaliduntil
              from fresh_pg_authid f where f.oid = a.oid and f::text <> a::text;
            commit;";
        self.psql("postgres", restore).expect("the cluster's tables are restored");
        self.expect_cluster(cluster);
    }

    fn client(&self, role: &str, database: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-U", role, "-d", database, "-h"]).arg(&self.folder);
        command.env("PGOPTIONS", "-c client_min_messages=error");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn psql(&self, database: &str, script: &str) -> Result<String, String> {
        self.psql_as("supabase_admin", database, script)
    }

    fn psql_as(&self, role: &str, database: &str, script: &str) -> Result<String, String> {
        let mut command = self.client(role, database);
        command.args(["-v", "ON_ERROR_STOP=1"]).stderr(Stdio::piped());
        let output = feed(command, script)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_string())
        }
    }
}

/// Runs psql with a script.
fn feed(mut command: Command, script: &str) -> Result<Output, String> {
    let mut child = command.spawn().map_err(|error| format!("psql does not start: {error}"))?;
    let mut input = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        // It writes while it reads, and stops reading at an error.
        scope.spawn(move || {
            let _ = input.write_all(script.as_bytes());
        });
        child.wait_with_output().map_err(|error| error.to_string())
    })
}

/// The lists that were asked for.
fn read_dump<'l>(lines: impl Iterator<Item = &'l str>) -> Result<Dump, String> {
    let mut dump = Dump::new();
    let mut list = None;
    for line in lines {
        if let Some(name) = line.strip_prefix("== ") {
            list = (name != "end").then(|| dump.entry(name.to_string()).or_default());
        } else if let Some(rows) = &mut list {
            let row: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            rows.push(row);
        }
    }
    Ok(dump)
}

/// What PostgreSQL says to a statement.
#[derive(Debug)]
pub(super) enum Verdict {
    Accepted,
    Refused { state: String, message: String },
}

/// Quotes a statement of a project, so that psql reads nothing in it: neither a quote that does not end, nor
/// what looks like its own commands and variables.
const STATEMENT: &str = "$statement_of_a_project$";

/// Prints what was said to a statement.
const SAY: &str = "\n\\echo == :ERROR :SQLSTATE :LAST_ERROR_MESSAGE\n";

impl Verdict {
    /// What a line says, if it is one about a statement.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("== ")?.splitn(3, ' ');
        match words.next()? {
            "true" => {
                let mut word = || words.next().unwrap_or_default().to_string();
                Some(Self::Refused { state: word(), message: word() })
            }
            "false" => Some(Self::Accepted),
            _ => None,
        }
    }
}

/// A connection to a fresh project in which histories are run one statement at a time, each history
/// in a transaction that is rolled back.
pub(super) struct Session<'s> {
    server: &'s Server,
    database: String,
    client: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What a fresh project has, as it is printed.
    fresh: BTreeMap<String, BTreeSet<String>>,
    queries: String,
    histories: usize,
}

/// Dead rows of the system catalogs slow a database down, so that a new one pays after some time.
const HISTORIES: usize = 200;

/// What is in the schemas of the platform is left alone and need not be read each time.
const EVERY_SCHEMA: &str = "n.nspname <> 'information_schema'";
const OWN_SCHEMAS: &str = "n.nspname not in ('information_schema', 'auth', 'extensions', 'graphql',
    'graphql_public', 'net', 'realtime', 'storage', 'supabase_functions', 'vault')";

impl<'s> Session<'s> {
    fn new(server: &'s Server) -> Self {
        let database = server.new_name();
        let (template, _) = TEMPLATES[0];
        let create = format!("create database {database} template {template} owner postgres");
        server.psql("postgres", &create).expect("a database is made");
        let mut command = server.client("postgres", &database);
        let mut client = command
            .args(["-v", "ON_ERROR_ROLLBACK=on", "-v", "VERBOSITY=terse"])
            .stderr(Stdio::null())
            .spawn()
            .expect("psql starts");
        let input = client.stdin.take().expect("it is piped");
        let output = BufReader::new(client.stdout.take().expect("it is piped")).lines();
        let fresh = BTreeMap::new();
        let all = QUERIES.iter().map(|(list, query)| {
            // Membership of roles opens the platform's tables.
            let is_wide = ["api_access", "schemas"].contains(list);
            (*list, if is_wide { (*query).to_string() } else { query.replace(EVERY_SCHEMA, OWN_SCHEMAS) })
        });
        let queries = asking(all);
        let mut session = Self { server, database, client, input, output, fresh, queries, histories: 0 };
        session.send("begin;\n");
        let now = session.lists();
        session.fresh = now.into_iter().map(|(list, rows)| (list, rows.into_iter().collect())).collect();
        session
    }

    /// What is said to each statement. A comment begins the next file, with a session as good as new.
    pub(super) fn run(&mut self, statements: &[String]) -> Vec<Verdict> {
        if self.histories == HISTORIES {
            *self = Self::new(self.server);
        }
        self.histories += 1;
        let mut script = "rollback;\nbegin;\n".to_string();
        for statement in statements {
            script +=
                if statement.starts_with("--") { "reset role; reset all; discard temp" } else { statement };
            script += "\n;";
            script += SAY;
        }
        self.send(&script);
        let mut verdicts = Vec::new();
        while verdicts.len() < statements.len() {
            verdicts.extend(Verdict::read(&self.line()));
        }
        verdicts
    }

    /// The rows that a fresh project does not have, and those of it that are not there any more.
    pub(super) fn dump(&mut self) -> (Dump, Dump) {
        let (mut now, mut gone) = (Dump::new(), Dump::new());
        let parse = |row: &String| serde_json::from_str(row).expect("a row is JSON");
        for (list, rows) in self.lists() {
            let (rows, fresh): (BTreeSet<String>, _) = (rows.into_iter().collect(), &self.fresh[&list]);
            now.insert(list.clone(), rows.difference(fresh).map(parse).collect());
            gone.insert(list, fresh.difference(&rows).map(parse).collect());
        }
        (now, gone)
    }

    /// All that the history may have changed.
    fn lists(&mut self) -> BTreeMap<String, Vec<String>> {
        let queries = std::mem::take(&mut self.queries);
        self.send(&queries);
        self.queries = queries;
        let mut lists = BTreeMap::new();
        let mut list = None;
        loop {
            let line = self.line();
            match line.strip_prefix("== ") {
                Some("end") => return lists,
                Some(name) => list = Some(lists.entry(name.to_string()).or_insert_with(Vec::new)),
                None => list.iter_mut().for_each(|rows| rows.push(line.clone())),
            }
        }
    }

    fn send(&mut self, script: &str) {
        self.input.write_all(script.as_bytes()).expect("psql reads");
        self.input.flush().expect("psql reads");
    }

    fn line(&mut self) -> String {
        self.output.next().expect("psql lives").expect("psql speaks UTF-8")
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
        let _ = self.server.psql("postgres", &format!("drop database {} with (force)", self.database));
    }
}

/// Asks for lists, each under its name.
fn asking(queries: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut text = "reset session authorization; reset role; set search_path = '';\n".to_string();
    for (list, query) in queries {
        text += &format!("\\echo == {list}\n{query};\n");
    }
    text + "\\echo == end\n"
}

/// Starts a server in a new folder, whatever earlier runs have left behind.
fn keep(bin: &Path) -> (Child, PathBuf) {
    let mut command = keeper();
    let folders = std::env::temp_dir().join(format!("rls-lint-oracle-{}", std::process::id()));
    command.args(["sh", "-c", KEEPER, "keeper"]).arg(bin).arg(folders).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut keeper = command.spawn().expect("a shell starts");
    let lines = BufReader::new(keeper.stdout.take().expect("it is piped")).lines();
    let mut said = Vec::new();
    let mut lines = lines.map(|line| line.expect("the keeper speaks UTF-8"));
    let ready = lines.find_map(|line| {
        let folder = line.strip_prefix("ready ").map(PathBuf::from);
        said.push(line);
        folder
    });
    let folder = ready.unwrap_or_else(|| panic!("PostgreSQL does not start:\n{}", said.join("\n")));
    (keeper, folder)
}

/// Who keeps the server: PostgreSQL refuses to run as root.
fn keeper() -> Command {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout.trim_ascii() != b"0" {
        return Command::new("env");
    }
    let exists = Command::new("id").arg("postgres").output().is_ok_and(|output| output.status.success());
    let mut command = Command::new("runuser");
    command.args(["-u", if exists { "postgres" } else { "nobody" }, "--"]);
    command
}

/// The folder of the newest PostgreSQL.
fn binaries() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    folders.sort_by_key(|folder| {
        let version =
            folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().parse::<u32>());
        version.and_then(Result::ok)
    });
    let named = Command::new("pg_config").arg("--bindir").output().ok();
    let named = named.and_then(|output| String::from_utf8(output.stdout).ok());
    folders.insert(0, PathBuf::from(named.unwrap_or_default().trim()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = std::env::split_paths(&path).collect();
    all.extend(folders);
    all.reverse();
    all.into_iter().find(|folder| {
        ["initdb", "postgres", "psql", "pg_isready"].iter().all(|name| folder.join(name).exists())
    })
}

/// Statements that the CLI runs alone.
const ALONE: [&str; 4] =
    ["create index concurrently", "create unique index concurrently", "drop index concurrently", "vacuum"];

/// Whether the CLI leaves a file to itself.
fn speaks_of_transactions(migration: &str) -> bool {
    let source =
        SourceFile::new("migration.sql".to_string(), FileRole::Migration, migration.as_bytes().to_vec());
    sql::parse(FileId(0), &source).statements.iter().any(|statement| {
        let StatementKind::Transaction(transaction) = &statement.kind else { return false };
        matches!(transaction, Transaction::Begin | Transaction::Commit | Transaction::Rollback)
    })
}

fn runs_alone(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    ALONE.iter().any(|start| line.starts_with(start))
}

fn is_one_transaction(migration: &str) -> bool {
    !speaks_of_transactions(migration) && !migration.lines().any(runs_alone)
}

/// A migration as the Supabase CLI runs it: as one transaction, except that it lets a file speak of
/// transactions for itself, and runs alone what must not be in one. Each such statement has its own
/// line here.
fn as_the_cli_runs(migration: &str) -> String {
    if speaks_of_transactions(migration) {
        return migration.to_string();
    }
    let mut script = "begin;\n".to_string();
    for line in migration.lines() {
        if runs_alone(line) {
            script += &format!("commit;\n{line}\nbegin;\n");
        } else {
            script += &format!("{line}\n");
        }
    }
    script + "commit;"
}

macro_rules! queries {
    ($($list:literal),* $(,)?) => { &[$(($list, include_str!(concat!("queries/", $list, ".sql")))),*] };
}

/// One query for each list of the catalog; each row is one JSON value.
const QUERIES: &[(&str, &str)] = queries![
    "api_access",
    "buckets",
    "columns",
    "constraints",
    "cron_jobs",
    "db_settings",
    "default_privileges",
    "event_triggers",
    "extensions",
    "foreign_servers",
    "functions",
    "grants",
    "indexes",
    "policies",
    "publications",
    "roles",
    "rules",
    "schemas",
    "sequences",
    "tables",
    "triggers",
    "types",
    "views",
];

#[test]
fn only_statements_speak_of_transactions() {
    for body in [
        "create function f() returns void language plpgsql as $function$\nbegin\n  null;\nend\n$function$;",
        "do $$ begin commit; end $$;",
        "create function f() returns int begin atomic select 1; end;",
        "select 1; -- begin;\n",
        "select 'a\nbegin\n';",
    ] {
        assert!(!speaks_of_transactions(body), "{body}");
        assert!(speaks_of_transactions(&format!("BEGIN;\n{body}")), "{body}");
    }
    assert!(speaks_of_transactions("start transaction;"));
    assert!(speaks_of_transactions("do $$ begin end $$;\nCOMMIT"));
}

#[test]
fn a_server_starts_whatever_is_left_of_others() {
    let bin = binaries().expect("PostgreSQL is installed");
    let [(_one, folder), (_other, beside)] = [keep(&bin), keep(&bin)];
    assert_ne!(folder, beside);
}
