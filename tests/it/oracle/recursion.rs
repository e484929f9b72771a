//! Policies that lead back to their own table, by execution: policies are generated, and what is
//! claimed to fail for recursion is compared with what fails in PostgreSQL.
//!
//! `RECURSION_SETS=500 cargo test recursion` generates so many sets.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rls_lint::access::Rights;
use rls_lint::access::evaluation::Evaluation;
use rls_lint::access::recursion::Recursion;
use rls_lint::catalog::Catalog;
use rls_lint::catalog::name::QName;
use rls_lint::sql::statement::PolicyCommand;
use rls_lint::workload::Workload;

use super::generate::{Random, replayed};
use super::server::{Server, Verdict};
use super::turn;

/// How many sets are tried unless `RECURSION_SETS` says otherwise.
const SETS: usize = 80;

const TABLES: [&str; 3] = ["a", "b", "c"];

const TRIES: [(PolicyCommand, &str); 4] = [
    (PolicyCommand::Select, "select count(*) from"),
    (PolicyCommand::Insert, "insert into"),
    (PolicyCommand::Update, "update"),
    (PolicyCommand::Delete, "delete from"),
];

/// Each table with a view of the owner's rights and one of the caller's, and with functions of both kinds.
fn shared() -> Vec<String> {
    let mut statements = Vec::new();
    for table in TABLES {
        statements.extend([
            format!("create table {table} (id int, owner uuid, team int)"),
            format!("insert into {table} values (1, '00000000-0000-0000-0000-00000000000a', 1)"),
            format!("create view owners_{table} as select * from {table}"),
            format!("create view callers_{table} with (security_invoker) as select * from {table}"),
        ]);
        for (kind, rights) in [("owners", "security definer"), ("callers", "security invoker")] {
            statements.push(format!(
                "create function {kind}_read_{table}(wanted int) returns boolean language plpgsql stable {rights} \
                 as $$ begin return exists (select from {table} t where t.team = wanted); end $$"
            ));
        }
        statements.push(format!("alter table {table} enable row level security"));
    }
    statements
}

fn condition(table: &str, random: &mut Random) -> String {
    let other = random.pick(&TABLES);
    match random.below(9) {
        0 => "true".to_string(),
        1 => "owner = auth.uid()".to_string(),
        2 => "owner = (select auth.uid())".to_string(),
        3 | 4 => format!("exists (select from {other} x where x.team = {table}.team)"),
        5 => format!("team in (select x.team from {other} x where x.owner = auth.uid())"),
        6 => {
            let kind = random.pick(&["owners", "callers"]);
            format!("exists (select from {kind}_{other} x where x.team = {table}.team)")
        }
        7 => format!("owners_read_{other}(team)"),
        _ => format!("callers_read_{other}(team)"),
    }
}

fn policies(random: &mut Random) -> Vec<String> {
    let mut statements = Vec::new();
    for table in TABLES {
        for number in 0..random.below(4) {
            let command = random.pick(&["all", "select", "select", "insert", "update", "delete"]);
            let kind = if random.below(5) == 0 { "restrictive" } else { "permissive" };
            let role = random.pick(&["authenticated", "authenticated", "public", "anon"]);
            let clause = match command {
                "insert" => format!("with check ({})", condition(table, random)),
                "update" | "all" if random.below(3) == 0 => {
                    let using = condition(table, random);
                    format!("using ({using}) with check ({})", condition(table, random))
                }
                _ => format!("using ({})", condition(table, random)),
            };
            statements.push(format!(
                "create policy p{number} on {table} as {kind} for {command} to {role} {clause}"
            ));
        }
    }
    statements
}

/// What a signed-in user tries, and the command and table of each.
fn tries() -> Vec<(PolicyCommand, &'static str, String)> {
    let each = TABLES.into_iter().flat_map(|table| TRIES.map(|(command, words)| (command, table, words)));
    each.map(|(command, table, words)| {
        let rest = match command {
            PolicyCommand::Insert => " values (1, '00000000-0000-0000-0000-00000000000a', 1)",
            PolicyCommand::Update => " set team = 1",
            _ => "",
        };
        (command, table, format!("{words} {table}{rest}"))
    })
    .collect()
}

/// What is claimed of each table: the command, and whether the stack is to run over.
fn claims(catalog: &Catalog) -> BTreeMap<&'static str, Vec<(PolicyCommand, bool)>> {
    let workload = Workload::of(catalog);
    let role = catalog.roles.get("authenticated").expect("the platform has it");
    let rights = Rights::new(catalog, &workload);
    let evaluation = Evaluation::new(&rights);
    let mut recursion = Recursion::new(&evaluation, &role.name);
    let commands = TRIES.map(|(command, _)| command);
    let of_table = |table| {
        let found = catalog.table(&QName::new("public", table)).expect("it is made");
        let cycles = recursion.cycles(found, &commands);
        (table, cycles.iter().map(|cycle| (cycle.command, cycle.called)).collect())
    };
    TABLES.map(of_table).into_iter().collect()
}

#[test]
#[allow(clippy::print_stdout, clippy::use_debug)]
fn what_is_claimed_to_recurse_does() {
    let _turn = turn();
    let sets = std::env::var("RECURSION_SETS").ok().and_then(|sets| sets.parse().ok()).unwrap_or(SETS);
    let mut random = Random(11);
    let mut session = Server::get().session();
    let (mut claimed, mut failed, mut overrun, mut missed) = (0, 0, 0, 0);
    for _ in 0..sets {
        let mut statements = shared();
        let own = policies(&mut random);
        statements.extend(own.iter().cloned());
        let catalog = replayed(statements.join(";\n"));
        let claims = claims(&catalog);
        let tries = tries();
        statements.push("select set_config('request.jwt.claims', '{\"sub\": \"00000000-0000-0000-0000-00000000000a\"}', true)".into());
        statements.push("set local role authenticated".into());
        let prepared = statements.len();
        statements.extend(tries.iter().map(|(_, _, statement)| statement.clone()));
        let said = session.run(&statements);
        for (statement, verdict) in statements.iter().zip(&said[..prepared]) {
            assert!(matches!(verdict, Verdict::Accepted), "{statement}: {verdict:?}");
        }
        let mut story = own.join(";\n");
        for ((_, _, statement), verdict) in tries.iter().zip(&said[prepared..]) {
            write!(story, "\n{statement}: {verdict:?}").expect("a string takes all");
        }
        let any = claims.values().any(|claims| !claims.is_empty());
        for ((command, table, statement), verdict) in tries.iter().zip(&said[prepared..]) {
            let state = match verdict {
                Verdict::Accepted => "",
                Verdict::Refused { state, .. } => state.as_str(),
            };
            let is_claimed = |called| claims[table].contains(&(*command, called));
            if is_claimed(false) {
                claimed += 1;
                assert_eq!(state, "42P17", "{statement} does not recurse after\n{story}");
            } else if is_claimed(true) {
                claimed += 1;
                assert!(["54001", "42P17"].contains(&state), "{statement} does not recurse after\n{story}");
            }
            // A table that only leads to a cycle fails as well; the cycle is what is told.
            failed += usize::from(state == "42P17");
            assert!(state != "42P17" || any, "nothing is claimed of {statement} after\n{story}");
            overrun += usize::from(state == "54001");
            missed += usize::from(state == "54001" && !any);
        }
    }
    println!("{claimed} claims; 42P17 {failed} times, 54001 {overrun} times, {missed} of these untold");
    assert!(claimed > sets / 4 && failed > sets / 4, "too little recurses: {claimed}, {failed}");
    assert!(missed * 4 <= overrun, "{missed} of {overrun} overruns are not told");
}
