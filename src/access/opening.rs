//! How a policy opens its table: in the way that says most about it, of which one rule speaks and no other.

use crate::access::formulas::{Part, part_of};
use crate::access::{Access, COMMANDS, Rights};
use crate::catalog::policy::Policy;
use crate::catalog::sensitive::words as words_of;
use crate::catalog::table::Table;
use crate::predicate::{Caller, Conditions, Reach};
use crate::sql::expr::Expr;
use crate::sql::statement::{Clause, PolicyCommand};

/// How a permissive policy opens a table to requests. The first that holds is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its name says that it is for the server. `service-policy-open-to-public`
    ForServer,
    /// It asks who is signed in, and is true when nobody is. `anonymous-read-leak`
    NobodySignedIn,
    /// `… or true`. `always-true-branch`
    TrueBranch,
    /// It chooses the rows that may be changed, and not what becomes of them.
    /// `with-check-true-scoped-using`
    LooseCheck,
    /// Another policy would hold the same command to rows of the caller.
    /// `broad-policy-defeats-scoped-policy`
    DefeatsScoped,
    /// It is true for every row. `always-true-write-policy`, `always-true-read-policy`
    Always,
    /// It is true for whoever is signed in. `authenticated-only-write-predicate`
    SignedIn,
}

/// What a policy opens, and the clause that does it.
#[derive(Debug)]
pub struct Opening<'a> {
    pub clause: &'a Clause,
    /// The commands that reach every row, by role.
    pub access: Vec<Access<'a>>,
}

impl Opening<'_> {
    pub fn writes(&self) -> bool {
        self.access.iter().any(Access::can_write)
    }

    /// Whether requests without a signed-in user can write.
    pub fn anonymous_writes(&self) -> bool {
        self.access.iter().any(|access| access.role.name == "anon" && access.can_write())
    }
}

impl Rights<'_> {
    /// In which way a policy of a table opens it to requests, if it does.
    pub fn way(&self, table: &Table, policy: &Policy) -> Option<Way> {
        self.known_way(table, policy).map(|(way, _)| way)
    }

    /// What a policy of a table opens to requests, where it does so in this way.
    pub fn opening<'t>(&'t self, way: Way, table: &Table, policy: &'t Policy) -> Option<Opening<'t>> {
        let (_, part) = self.known_way(table, policy).filter(|(known, _)| *known == way)?;
        let access = self.opened_by(table, policy, &commands());
        Some(Opening { clause: part.of(policy)?, access })
    }

    fn known_way(&self, table: &Table, policy: &Policy) -> Option<(Way, Part)> {
        let known = self.policies.get(&table.oid)?;
        let read = || table.policies.values().map(|policy| self.read_way(table, policy)).collect();
        *known.ways.get_or_init(read).get(table.policies.get_index_of(&policy.name)?)?
    }

    fn read_way(&self, table: &Table, policy: &Policy) -> Option<(Way, Part)> {
        if let Some(clause) = self.loose_check(table, policy) {
            let true_branch = self.has_true_branch(&clause.value);
            return Some((if true_branch { Way::TrueBranch } else { Way::LooseCheck }, Part::Check));
        }
        let access = self.opened_by(table, policy, &commands());
        let first = access.first()?;
        let always = |clause: &&Clause| self.lets_all_through(table, policy, clause);
        let all = |clause: &&Clause| self.clause(table, policy, clause, first.role).reach == Reach::All;
        let clause = policy.clauses().find(always).or_else(|| policy.clauses().find(all))?;
        let is_always = always(&clause);
        let way = if is_for_server(table, policy) {
            Way::ForServer
        } else if !is_always && self.opens_to_nobody(clause, &access) {
            Way::NobodySignedIn
        } else if is_always && self.has_true_branch(&clause.value) {
            Way::TrueBranch
        } else if self.defeated(table, policy, &access).next().is_some() {
            Way::DefeatsScoped
        } else if is_always {
            Way::Always
        } else {
            Way::SignedIn
        };
        Some((way, part_of(policy, clause)))
    }

    /// The WITH CHECK of a policy that looks at rows before a change and at none after it, where
    /// requests can make one.
    fn loose_check<'p>(&self, table: &Table, policy: &'p Policy) -> Option<&'p Clause> {
        let check = policy.with_check.as_ref().filter(|_| policy.using.is_some() && policy.permissive)?;
        let is_loose = |access: &Access<'_>| {
            let reach = self.policy(table, policy, access.role);
            let update = self.cell(table.oid, access.role, PolicyCommand::Update);
            self.catalog.policy_binds(policy, access.role)
                && reach.check == Some(Reach::All)
                && matches!(reach.using, Some(Reach::Own | Reach::Tenant | Reach::Some | Reach::Unknown))
                && update.is_some_and(|cell| cell.new_rows == Some(Reach::All) && cell.blind != Reach::None)
        };
        let covers = policy.covers(PolicyCommand::Update);
        (covers && self.catalog.table_access(table).iter().any(is_loose)).then_some(check)
    }

    /// Whether it is open to requests without a user because they have none: not because it names
    /// `anon`.
    fn opens_to_nobody(&self, clause: &Clause, access: &[Access<'_>]) -> bool {
        let reads = |access: &Access<'_>| access.role.name == "anon" && access.reading().is_some();
        if !access.iter().any(reads) {
            return false;
        }
        let mut by_role = Conditions::new(Caller::Role("anon"), self);
        let node = by_role.read(&clause.value);
        !by_role.is_always(&node)
    }

    /// The policies beside it that hold to rows of the caller what it opens. Reading counts if only
    /// signed-in users read everything: what is public is public on purpose.
    pub fn defeated<'t>(
        &'t self,
        table: &'t Table,
        policy: &'t Policy,
        access: &'t [Access<'t>],
    ) -> impl Iterator<Item = &'t Policy> {
        let is_public = policy.clauses().any(|clause| self.lets_all_through(table, policy, clause));
        let reading_counts = !is_public && !access.iter().any(Access::can_write);
        let mut commands = commands().to_vec();
        commands.retain(|command| {
            policy.covers(*command) && (reading_counts || *command != PolicyCommand::Select)
        });
        let is_scoped = move |other: &&Policy| {
            access.iter().any(|access| {
                let holds = |command: &PolicyCommand| {
                    let reach = self.policy(table, other, access.role).of(*command);
                    other.covers(*command)
                        && access.commands().contains(command)
                        && matches!(reach, Reach::Own | Reach::Tenant)
                };
                self.catalog.policy_binds(other, access.role) && commands.iter().any(holds)
            })
        };
        let others = table.policies.values().filter(|other| {
            other.permissive && other.name != policy.name && !self.catalog.may_have_dropped(table, other)
        });
        others.filter(is_scoped)
    }

    /// Whether a branch of an OR is true whoever asks while another one is a condition.
    pub fn has_true_branch(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Or(list) => {
                let always = |part: &Expr| self.is_always_true(part);
                list.iter().any(|part| self.has_true_branch(part))
                    || list.iter().any(always) && !list.iter().all(always)
            }
            Expr::And(list) => list.iter().any(|part| self.has_true_branch(part)),
            Expr::Not(inner) => self.has_true_branch(inner),
            _ => false,
        }
    }
}

fn commands() -> [PolicyCommand; 4] {
    COMMANDS.map(|(command, _)| command)
}

/// Whether the name of a policy says that it is for people who administer: "System tells the admins" does not.
pub fn names_administrators(policy: &Policy) -> bool {
    let name = words_of(&policy.name);
    let first = name.split('_').find(|word| word.starts_with("admin") || MACHINES.contains(word));
    first.is_some_and(|word| word.starts_with("admin"))
}

/// What a policy for the server calls it.
const MACHINES: &[&str] =
    &["service", "servicerole", "backend", "server", "system", "webhook", "webhooks", "cron"];

/// Whether the name or comment of a policy says that it is for the server or its administrators,
/// and nothing says that it is for others as well.
fn is_for_server(table: &Table, policy: &Policy) -> bool {
    const PEOPLE: &[&str] = &["internal", "admin", "admins", "administrators"];
    const OTHERS: &[&str] = &[
        "anon",
        "anonymous",
        "anybody",
        "anyone",
        "authenticated",
        "everybody",
        "everyone",
        "guest",
        "guests",
        "member",
        "members",
        "owner",
        "owners",
        "public",
        "publicly",
        "user",
        "users",
        "visitors",
    ];
    let name = policy.name.to_lowercase().replace(&table.name.name.to_lowercase(), " ");
    let text = format!("{name} {}", policy.comment.as_deref().unwrap_or_default().to_lowercase());
    let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
    let follow = |first: &str, second: &str| {
        words.windows(2).any(|pair| pair[0] == first && pair[1].trim_end_matches('s') == second)
    };
    // "Delete service" on the table of services speaks of its rows.
    let table_words = words_of(&table.name.name);
    let is_row = |word: &str| {
        table_words.split('_').any(|of_table| of_table.trim_end_matches('s') == word.trim_end_matches('s'))
    };
    let names_server =
        words.iter().any(|word| (MACHINES.contains(word) || PEOPLE.contains(word)) && !is_row(word));
    (names_server || follow("edge", "function") || follow("service", "role"))
        && !words.iter().any(|word| OTHERS.contains(word))
}
