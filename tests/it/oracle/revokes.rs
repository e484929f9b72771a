//! What a REVOKE leaves, by execution: grants and revokes are generated, and what the catalog says
//! is still held is compared with `has_table_privilege` and its like.
//!
//! `REVOKE_SETS=2000 cargo test revokes` generates so many sets.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rls_lint::catalog::acl::Grantee;
use rls_lint::catalog::name::QName;
use rls_lint::catalog::revocation::Left;

use super::generate::{Random, replayed};
use super::server::Server;
use super::turn;

/// How many objects are granted on and revoked unless `REVOKE_SETS` says otherwise.
const SETS: usize = 120;

const ROLES: [&str; 2] = ["anon", "authenticated"];
const GRANTEES: [&str; 4] = ["public", "anon", "authenticated", "staff"];
const PRIVILEGES: [&str; 4] = ["select", "insert", "update", "delete"];

/// `authenticated` is a member of `staff`. What is made before the default changes has the platform's.
const SHARED: &str = "create role staff; grant staff to authenticated;\n";

/// A GRANT or REVOKE.
struct Step {
    text: String,
    is_grant: bool,
    grantee: &'static str,
    privilege: &'static str,
    of_column: bool,
}

/// An object and what is done to it.
struct Set {
    name: String,
    is_function: bool,
    create: String,
    steps: Vec<Step>,
}

impl Set {
    fn new(number: usize, random: &mut Random) -> Self {
        let is_function = number.is_multiple_of(2);
        let name = format!("o{number}");
        let create = match is_function {
            true => format!("create function {name}() returns int language sql as 'select 1';"),
            false => format!("create table {name} (a int, b int);"),
        };
        let count = 2 + random.below(5);
        let steps = (0..count).map(|_| Self::step(&name, is_function, random)).collect();
        Self { name, is_function, create, steps }
    }

    fn step(name: &str, is_function: bool, random: &mut Random) -> Step {
        let is_grant = random.below(5) < 2;
        let grantee = random.pick(&GRANTEES);
        let of_column = !is_function && random.below(4) == 0;
        let privilege = match is_function {
            true => "execute",
            // No column can be deleted.
            false if of_column => random.pick(&PRIVILEGES[..3]),
            false => random.pick(&PRIVILEGES),
        };
        let columns = if of_column { " (b)" } else { "" };
        let on = if is_function { format!("function {name}()") } else { name.to_string() };
        let text = match is_grant {
            true => format!("grant {privilege}{columns} on {on} to {grantee};"),
            false => format!("revoke {privilege}{columns} on {on} from {grantee};"),
        };
        Step { text, is_grant, grantee, privilege, of_column }
    }

    fn privileges(&self) -> &'static [&'static str] {
        if self.is_function { &["execute"] } else { &PRIVILEGES }
    }

    /// Asks PostgreSQL for each privilege of each role, and for those on the column.
    fn question(&self) -> String {
        let mut parts = Vec::new();
        for role in ROLES {
            for privilege in self.privileges() {
                let (asked, object) = match self.is_function {
                    true => ("function", format!("{}()", self.name)),
                    false => ("table", self.name.clone()),
                };
                parts.push(format!("has_{asked}_privilege('{role}', '{object}', '{privilege}')"));
            }
        }
        if !self.is_function {
            for role in ROLES {
                for privilege in &PRIVILEGES[..3] {
                    parts
                        .push(format!("has_column_privilege('{role}', '{}', 'b', '{privilege}')", self.name));
                }
            }
        }
        format!("select {};\n", parts.join(", "))
    }

    /// What the answer says of a privilege.
    fn holds(&self, answer: &[bool], role: &str, privilege: &str, of_column: bool) -> bool {
        let role = ROLES.iter().position(|one| *one == role).expect("it is asked about");
        let all = self.privileges();
        let at = all.iter().position(|one| *one == privilege).expect("it is asked about");
        match of_column {
            true => answer[ROLES.len() * all.len() + role * 3 + at],
            false => answer[role * all.len() + at],
        }
    }

    /// Compares what the catalog says with what PostgreSQL answered after each step; gives how many
    /// claims there were.
    fn compare(&self, lefts: &[Left<'_>], answers: &[Vec<bool>]) -> usize {
        let story = || self.steps.iter().map(|step| step.text.as_str()).collect::<Vec<_>>().join("\n");
        let last = answers.last().expect("there is a step");
        let mut claimed = BTreeSet::new();
        for left in lefts {
            for privilege in left.privileges.iter().map(|privilege| privilege.keyword().to_lowercase()) {
                if !self.privileges().contains(&privilege.as_str()) {
                    continue;
                }
                let role = left.role.name.as_str();
                let held = self.holds(last, role, &privilege, false);
                assert!(held, "{role} does not hold {privilege} after\n{}", story());
                if left.column.is_some() {
                    assert!(self.holds(last, role, &privilege, true), "nor on the column");
                }
                if *left.grantee == Grantee::role(role) {
                    claimed.insert((role.to_string(), privilege, left.column.is_some()));
                }
            }
        }
        // The other way round, for roles by name.
        for (at, step) in self.steps.iter().enumerate() {
            if step.is_grant || !ROLES.contains(&step.grantee) {
                continue;
            }
            let same = |later: &&Step| {
                later.grantee == step.grantee
                    && later.privilege == step.privilege
                    && later.of_column == step.of_column
            };
            let mut later = self.steps[at + 1..].iter().filter(|later| same(later));
            let left = self.holds(&answers[at], step.grantee, step.privilege, false)
                && self.holds(last, step.grantee, step.privilege, false);
            if left && later.next().is_none() {
                let key = (step.grantee.to_string(), step.privilege.to_string(), step.of_column);
                assert!(claimed.contains(&key), "nothing is said of {} in\n{}", step.text, story());
            }
        }
        claimed.len()
    }
}

#[test]
fn what_revokes_leave_is_held_in_postgresql() {
    let _turn = turn();
    let count = std::env::var("REVOKE_SETS").ok().and_then(|count| count.parse().ok()).unwrap_or(SETS);
    let mut random = Random(4);
    let sets: Vec<Set> = (0..count).map(|number| Set::new(number, &mut random)).collect();
    let mut script = format!("begin;\n{SHARED}");
    let mut migration = SHARED.to_string();
    for set in &sets {
        writeln!(script, "{}", set.create).expect("a string takes all");
        writeln!(migration, "{}", set.create).expect("a string takes all");
        for step in &set.steps {
            write!(script, "{}\n{}", step.text, set.question()).expect("a string takes all");
            writeln!(migration, "{}", step.text).expect("a string takes all");
        }
    }
    script.push_str("rollback;\n");
    let out = Server::get().run_in_fresh(&script).expect("the sets run");
    let mut answers =
        out.lines().map(|line| line.split('|').map(|value| value == "t").collect::<Vec<bool>>());

    let catalog = replayed(migration);
    let lefts = catalog.left_by_revokes();
    let mut claims = 0;
    for set in &sets {
        let answers: Vec<_> = answers.by_ref().take(set.steps.len()).collect();
        assert_eq!(answers.len(), set.steps.len(), "an answer for each step");
        let name = QName::new("public", set.name.as_str());
        let oid = match set.is_function {
            true => catalog.functions_named(&name).next().expect("it is made").oid,
            false => catalog.table(&name).expect("it is made").oid,
        };
        let own: Vec<Left<'_>> = lefts.iter().filter(|left| left.object == oid).cloned().collect();
        claims += set.compare(&own, &answers);
    }
    assert!(claims > count / 8, "only {claims} claims");
}
