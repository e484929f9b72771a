//! Histories that nobody wrote: random DDL is run in PostgreSQL statement by statement and replayed,
//! and what both have in the end is compared as in the cases.
//!
//! Each history has a number, which is all it is made of. `RANDOM=5000 cargo test random` runs the
//! first 5000, `RANDOM=17..18` one again. What differs is shrunk to the statements that it needs; once
//! it is mended these become a case, and no seeds are kept.

mod history;
mod statement;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use rls_lint::catalog::Catalog;
use rls_lint::catalog::platform::Exposure;
use rls_lint::report;
use rls_lint::source::{FileRole, SourceFile, Sources};
use rls_lint::sql;
use rls_lint::sql::statement::{Statement, StatementKind};

use super::compare::{self, Expected};
use super::server::{Server, Session, Verdict};
use history::{FILE, Histories, History};

/// How many histories a plain `cargo test` runs.
const COUNT: usize = 200;

/// What PostgreSQL refuses and the replay takes, or refuses for another reason: how often, and an
/// example, by the SQLSTATE of both and the first words of the statement.
type Taken = BTreeMap<String, (usize, String)>;

#[test]
fn random_histories_give_the_catalog_that_postgresql_has() {
    let wanted = std::env::var("RANDOM").ok();
    let numbers = wanted.as_deref().map_or(0..COUNT, numbers);
    let _turn = super::turn();
    let server = Server::get();
    let cluster = server.read_cluster();
    let next = AtomicUsize::new(numbers.start);
    let failures = Mutex::new(BTreeMap::new());
    let taken = Mutex::new(Taken::new());
    let statements = Mutex::new([0; 2]);
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let (next, failures, taken, statements) = (&next, &failures, &taken, &statements);
            let work = move || {
                let mut bench = Bench::new(server, worker);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end || failures.lock().expect("no thread has panicked").len() >= 20 {
                        break;
                    }
                    if let Err(failure) = bench.run(number) {
                        failures.lock().expect("no thread has panicked").insert(number, failure);
                    }
                }
                for (kind, (count, example)) in bench.taken {
                    let mut taken = taken.lock().expect("no thread has panicked");
                    taken.entry(kind).or_insert((0, example)).0 += count;
                }
                let mut all = statements.lock().expect("no thread has panicked");
                all.iter_mut().zip(bench.statements).for_each(|(all, more)| *all += more);
            };
            // As deep as the program's own threads.
            std::thread::Builder::new()
                .stack_size(sql::STACK_SIZE)
                .spawn_scoped(scope, work)
                .expect("a thread starts");
        }
    });
    server.expect_cluster(&cluster);
    let [accepted, refused] = statements.into_inner().expect("no thread has panicked");
    if wanted.is_some() {
        let rate = numbers.len() as f64 / started.elapsed().as_secs_f64();
        tell([accepted, refused], rate, taken.into_inner().expect("no thread has panicked"));
    }
    assert!(accepted > refused, "{refused} statements are refused, {accepted} are not");
    let failures = failures.into_inner().expect("no thread has panicked");
    let list: Vec<_> =
        failures.iter().map(|(number, failure)| format!("history {number}: {failure}")).collect();
    assert!(list.is_empty(), "{} histories fail:\n\n{}", list.len(), list.join("\n"));
}

/// Prints what a longer run is good for.
#[allow(clippy::print_stdout)]
fn tell([accepted, refused]: [usize; 2], rate: f64, taken: Taken) {
    println!("{rate:.1} histories/s");
    println!("{accepted} statements accepted, {refused} refused; what the replay says otherwise:");
    let mut taken: Vec<_> = taken.into_iter().collect();
    taken.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (kind, (count, example)) in taken {
        println!("{count:6} {kind}: {example}");
    }
}

/// `5000`, or `200..300`
fn numbers(text: &str) -> std::ops::Range<usize> {
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("RANDOM={text} is no number"));
    match text.split_once("..") {
        Some((start, end)) => number(start)..number(end),
        None => 0..number(text),
    }
}

/// What one thread runs histories with.
struct Bench {
    session: Session<'static>,
    worker: usize,
    platform: Catalog,
    platform_rows: BTreeMap<&'static str, report::catalog::Rows>,
    has_maintain: bool,
    taken: Taken,
    /// How many were accepted and refused.
    statements: [usize; 2],
}

impl Bench {
    fn new(server: &'static Server, worker: usize) -> Self {
        let platform = Catalog::supabase(Exposure::Exposed);
        Self {
            session: server.session(),
            worker,
            platform_rows: report::catalog::rows(&platform),
            platform,
            has_maintain: compare::has_maintain(server.fresh(false)),
            taken: Taken::new(),
            statements: [0; 2],
        }
    }

    /// Makes a history, runs it, and shrinks it if it fails.
    fn run(&mut self, number: usize) -> Result<(), String> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let config =
            Config { cases: 1, failure_persistence: None, max_shrink_iters: 1000, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let histories = Histories { platform: self.platform.clone() };
        let bench = std::cell::RefCell::new(self);
        let run =
            runner.run(&histories, |history| bench.borrow_mut().check(&history).map_err(TestCaseError::fail));
        match run {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, history)) => Err(format!("{reason}\n{history:?}")),
            Err(TestError::Abort(reason)) => Err(reason.to_string()),
        }
    }

    /// What is different about a history.
    fn check(&mut self, history: &History) -> Result<(), String> {
        // Roles belong to the whole cluster, and each thread has its own.
        let statements: Vec<String> = history
            .0
            .iter()
            .map(|statement| statement.replace("worker_", &format!("worker{}_", self.worker)))
            .collect();
        let verdicts = self.session.run(&statements);
        let mut catalog = self.platform.clone();
        let mut sources = Sources::default();
        for (statement, verdict) in statements.iter().zip(verdicts) {
            if statement == FILE {
                catalog.begin_file();
                continue;
            }
            let parsed = parse(&mut sources, statement);
            match verdict {
                Verdict::Accepted => {
                    self.statements[0] += 1;
                    if parsed.is_empty() {
                        return Err(format!("is not parsed: {statement}"));
                    }
                    for part in &parsed {
                        let applied = catalog.try_apply(part);
                        applied
                            .map_err(|misfit| format!("is refused by the replay, {misfit:?}: {statement}"))?;
                    }
                    if let Some(failure) = catalog.failures.last() {
                        return Err(format!("is said to fail, {}: {statement}", failure.misfit));
                    }
                }
                Verdict::Refused { state, message } => {
                    self.statements[1] += 1;
                    let mut copy = catalog.clone();
                    let misfit = parsed.iter().find_map(|part| copy.try_apply(part).err());
                    let noted = copy.failures.first().map(|failure| &failure.misfit);
                    let said = misfit.as_ref().or(noted).map_or("nothing", |misfit| misfit.sql_state().0);
                    if !parsed.is_empty() && said != state {
                        let words: Vec<&str> = statement.split_whitespace().take(2).collect();
                        let kind = format!("{state} ({said}) {}", words.join(" "));
                        self.taken.entry(kind).or_insert((0, format!("{message}: {statement}"))).0 += 1;
                    }
                    // What is noted is applied as if it were mended. A misfit has changed nothing, except that an ALTER TABLE keeps what it did before
                    // the action that is refused.
                    let is_one = parsed.iter().all(|part| match &part.kind {
                        StatementKind::AlterTable(alter) => alter.actions.len() == 1,
                        StatementKind::Do(_) => false,
                        _ => true,
                    });
                    if misfit.is_some() && noted.is_none() && is_one {
                        catalog = copy;
                    }
                }
            }
        }
        let (now, gone) = self.session.dump();
        let differences = Expected::changes(&now, &gone, self.has_maintain)
            .differences(&report::catalog::beyond(&self.platform_rows, &catalog));
        // Most follow from the first ones.
        let some: Vec<_> =
            differences.iter().take(6).map(|line| line.chars().take(400).collect::<String>()).collect();
        if differences.is_empty() { Ok(()) } else { Err(some.join("\n  ")) }
    }
}

/// The statements of a text, none if it is no SQL.
fn parse(sources: &mut Sources, text: &str) -> Vec<Statement> {
    let file = SourceFile::new(String::new(), FileRole::Migration, text.as_bytes().to_vec());
    let id = sources.add(file);
    let migration = sql::parse(id, sources.get(id));
    if migration.errors.is_empty() { migration.statements } else { Vec::new() }
}
