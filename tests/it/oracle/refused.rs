//! Small histories of which PostgreSQL refuses some statements: these are to be found, and no others, and
//! the catalog is to be as PostgreSQL has it without them.
//!
//! `refused/` holds them, each below a line `-- case: name`. Where it says `(differs)`, the catalog keeps what
//! is refused, so that rules see what it was to do.

use rls_lint::catalog::Catalog;
use rls_lint::catalog::misfit::Failure;
use rls_lint::catalog::platform::Exposure;
use rls_lint::report;
use rls_lint::source::{FileRole, SourceFile, Sources};
use rls_lint::sql;

use super::compare::{self, Expected};
use super::server::{Server, Session, Verdict};
use super::{Case, read_folder, turn};

#[test]
fn what_postgresql_refuses_is_found_and_not_there() {
    let _turn = turn();
    let server = Server::get();
    let mut session = server.session();
    let has_maintain = compare::has_maintain(server.fresh(false));
    let platform = Catalog::supabase(Exposure::Exposed);
    let mut said = Vec::new();
    for case in read_folder("refused") {
        let faults = faults(&case, &mut session, &platform, has_maintain);
        said.extend(faults.into_iter().map(|fault| format!("{}: {fault}", case.name)));
    }
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// What is said otherwise of a case than PostgreSQL says.
fn faults(case: &Case, session: &mut Session<'_>, platform: &Catalog, has_maintain: bool) -> Vec<String> {
    let mut catalog = platform.clone();
    let mut sources = Sources::default();
    let mut faults = Vec::new();
    let mut refused = 0;
    let text = case.migrations.join("\n");
    let id = sources.add(SourceFile::new(String::new(), FileRole::Migration, text.clone().into_bytes()));
    let migration = sql::parse(id, sources.get(id));
    let texts: Vec<String> = migration.places.iter().map(|place| text[place.range()].to_string()).collect();
    let verdicts = session.run(&texts);
    catalog.apply_file(&migration.statements);
    for ((place, text), verdict) in migration.places.iter().zip(&texts).zip(verdicts) {
        let failures = catalog.failures.iter().filter(|failure| place.contains(failure.statement));
        let found: Vec<_> = failures.collect();
        match verdict {
            Verdict::Accepted => faults.extend(
                found.iter().map(|found| format!("accepted, and said to fail, {}: {text}", found.misfit)),
            ),
            Verdict::Refused { state, message } => {
                refused += 1;
                let is_right =
                    |found: &&Failure| found.follows.is_some() || found.misfit.sql_state().0 == state;
                if !found.iter().any(is_right) {
                    let own = found.first().map(|found| found.misfit.to_string());
                    faults.push(format!("{state} {message}, and found is {own:?}: {text}"));
                }
            }
        }
    }
    if refused == 0 {
        faults.push("PostgreSQL refuses nothing".to_string());
    }
    let (now, gone) = session.dump();
    let platform_rows = report::catalog::rows(platform);
    let own = report::catalog::beyond(&platform_rows, &catalog);
    let differences = Expected::changes(&now, &gone, has_maintain).differences(&own);
    match case.differs {
        true if differences.is_empty() => faults.push("is as in PostgreSQL by now".to_string()),
        true => {}
        false => faults.extend(differences),
    }
    faults
}
