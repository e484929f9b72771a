//! Who may do what to which rows: privileges, row level security and policies together.
//!
//! Only requests count: what the roles can do that the Data API, Storage and Realtime take on.

pub mod authority;
mod body;
mod columns;
pub mod evaluation;
mod formulas;
mod hidden;
mod lineage;
mod matrix;
pub mod opening;
mod passage;
mod reach;
pub mod recursion;
mod rights;
mod shown;
mod storage;

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::function::{Function, Loss, Lost, Remade};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::catalog::view::View;
use crate::predicate::{Caller, Conditions};
use crate::source::Span;
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand, Privilege};

pub use formulas::Read;
pub use lineage::{Lineage, Value};
pub use matrix::{COMMANDS, Cell, Deciding, Reason, Relations, Row};
pub use passage::Passage;
pub use reach::{column_reach, deed, is_of_column, reach, reach_in_words, reach_of};
pub use rights::{PolicyReach, Rights};
pub use shown::Shown;
pub use storage::Files;

/// Who can call a function for no other reason than that it was made again.
#[derive(Clone, Debug)]
pub struct Regained<'a> {
    /// Where it was revoked, and lost.
    pub loss: &'a Loss,
    pub how: Remade,
    /// Whom new functions let that the older one did not.
    pub grantees: Vec<&'a Grantee>,
    /// The roles of requests among those.
    pub callers: Vec<&'a Role>,
}

/// What a role of a request can do with a relation, row level security aside.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    pub role: &'a Role,
    pub privileges: Privileges,
}

impl Access<'_> {
    /// What is left of it when only reading counts.
    pub fn reading(&self) -> Option<Self> {
        let read = Privileges::of(&[Privilege::Select]).intersection(self.privileges);
        (!read.is_empty()).then_some(Self { role: self.role, privileges: read })
    }

    /// The commands that the privileges are for.
    pub fn commands(&self) -> Vec<PolicyCommand> {
        let held = COMMANDS.iter().filter(|(_, privilege)| self.privileges.contains(*privilege));
        held.map(|(command, _)| *command).collect()
    }

    pub fn can_write(&self) -> bool {
        self.privileges.iter().any(|privilege| privilege != Privilege::Select)
    }
}

/// The privileges that these commands need, and no others.
pub(crate) fn only(commands: impl Iterator<Item = PolicyCommand>) -> Privileges {
    let privilege =
        |command| COMMANDS.iter().find(|(one, _)| *one == command).map(|(_, privilege)| *privilege);
    commands.filter_map(privilege).fold(Privileges::NONE, |sum, one| sum.union(Privileges::of(&[one])))
}

const DML: Privileges =
    Privileges::of(&[Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete]);

impl Catalog {
    /// What the roles of requests can do with a relation; roles that can do nothing are left out.
    pub fn access(&self, name: &QName, acl: &Acl, columns: &[Column]) -> Vec<Access<'_>> {
        // Storage and Realtime take requests for their own tables.
        let served = self.is_exposed(&name.schema) || name.schema == "storage" || name.schema == "realtime";
        let usable = |role: &&Role| served && self.can_use_namespace(&role.name, &name.schema);
        self.api_roles()
            .filter(usable)
            .map(|role| Access { role, privileges: DML.intersection(self.held(&role.name, acl, columns)) })
            .filter(|access| !access.privileges.is_empty())
            .collect()
    }

    pub fn table_access(&self, table: &Table) -> Vec<Access<'_>> {
        self.access(&table.name, &table.acl, &table.columns)
    }

    pub fn view_access(&self, view: &View) -> Vec<Access<'_>> {
        self.access(&view.name, &view.acl, &view.columns)
    }

    /// The roles that can call a function through the Data API. What runs as a trigger cannot be called.
    pub fn callers(&self, function: &Function) -> Vec<&Role> {
        if function.is_trigger() || !self.is_exposed(&function.name.schema) {
            return Vec::new();
        }
        let may = |role: &&Role| {
            self.can_execute(&role.name, function)
                && self.can_use_namespace(&role.name, &function.name.schema)
        };
        self.api_roles().filter(may).collect()
    }

    /// Whether a condition lets every row through, whoever asks. That a column is never null counts.
    pub fn is_always_true(&self, expr: &Expr) -> bool {
        self.is_always_true_for(expr, Caller::Anyone)
    }

    /// Whether a condition lets every row through for such a caller.
    pub fn is_always_true_for(&self, expr: &Expr, caller: Caller<'_>) -> bool {
        let mut conditions = Conditions::new(caller, self);
        let node = conditions.read(expr);
        conditions.is_always(&node)
    }

    /// Whether a policy binds a role: it is for the role, for one whose rights it has, or for
    /// everybody, and the role is not above policies.
    pub fn policy_binds(&self, policy: &Policy, role: &Role) -> bool {
        let named = |grantee: &Grantee| match grantee {
            Grantee::Public => true,
            Grantee::Role(name) => self.inherits(&role.name, name),
        };
        !role.superuser && !role.bypassrls && policy.roles.value.iter().any(named)
    }

    /// Who can call a function for no other reason than that it was made again.
    pub fn regained<'a>(&'a self, function: &'a Function) -> Option<Regained<'a>> {
        let (loss, grantees, how) = function.lost.iter().rev().find_map(|loss| match &loss.what {
            Lost::Revoke { grantees, how } => Some((loss, grantees, *how)),
            _ => None,
        })?;
        // What is granted by name after it was made again is meant.
        let by_default = |grantee: &&Grantee| {
            let entry = function.acl.entry(grantee);
            entry.is_some_and(|entry| entry.by_default.contains(Privilege::Execute))
        };
        let grantees: Vec<&Grantee> = grantees.iter().filter(by_default).collect();
        let mut callers = self.callers(function);
        let by_name = |role: &Role| {
            let entry = function.acl.entry(&role.grantee());
            entry.is_some_and(|entry| entry.privileges.without(entry.by_default).contains(Privilege::Execute))
        };
        callers.retain(|role| grantees.contains(&&Grantee::Public) || grantees.contains(&&role.grantee()));
        callers.retain(|role| !by_name(role));
        (!callers.is_empty()).then_some(Regained { loss, how, grantees, callers })
    }

    /// Whether a policy has a say in any request at all: one for `service_role` alone has none.
    pub fn policy_binds_requests(&self, policy: &Policy) -> bool {
        self.api_roles().any(|role| self.policy_binds(policy, role))
    }

    /// Whether a role may read every row of a table: it has no row level security, or a policy
    /// lets all through.
    pub fn reads_all_rows(&self, table: &Table, role: &Role) -> bool {
        let open =
            |policy: &Policy| policy.opens(PolicyCommand::Select, self) && self.policy_binds(policy, role);
        self.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select)
            && (!table.rls.value
                || table.policies.values().any(open)
                    && !self.is_restricted(table, PolicyCommand::Select, role))
    }

    /// Whether a restrictive policy chooses among the rows that a role reaches with a command.
    pub fn is_restricted(&self, table: &Table, command: PolicyCommand, role: &Role) -> bool {
        table.policies.values().any(|policy| {
            !policy.permissive
                && policy.covers(command)
                && self.policy_binds(policy, role)
                && !policy.gates(command).any(|clause| self.is_always_true(&clause.value))
        })
    }
}

impl Catalog {
    /// Whether policies do not bind a role on a table: it is above all, or owns the table.
    pub fn is_above_policies(&self, role: &Ident, table: &Table) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser || role.bypassrls)
            || (self.inherits(role, &table.owner.value) && !table.forced_rls.value)
    }
}

impl Policy {
    /// The expressions that decide about the rows of a command, which is not ALL. WITH CHECK falls
    /// back to USING; where an expression is absent and nothing stands in for it, there is none.
    pub fn gates(&self, command: PolicyCommand) -> impl Iterator<Item = &Clause> {
        let check = self.with_check.as_ref().or(self.using.as_ref());
        let (rows, new_rows) = match command {
            _ if !self.covers(command) => (None, None),
            PolicyCommand::Insert => (None, check),
            PolicyCommand::Update => (self.using.as_ref(), check),
            _ => (self.using.as_ref(), None),
        };
        rows.into_iter().chain(new_rows)
    }

    /// Whether a permissive policy lets a command touch every row. Without its expression it lets
    /// none through.
    pub fn opens(&self, command: PolicyCommand, catalog: &Catalog) -> bool {
        let decides = match command {
            PolicyCommand::Insert => self.with_check.as_ref().or(self.using.as_ref()),
            _ => self.using.as_ref(),
        };
        self.permissive
            && self.covers(command)
            && decides.is_some_and(|clause| catalog.is_always_true(&clause.value))
    }
}

/// Says what callers can do: "anyone with the project's public API key can read every row of …".
pub fn describe(access: &[Access<'_>], object: &str) -> String {
    let rank = |access: &&Access<'_>| match access.role.name.as_str() {
        "anon" => 0,
        "authenticated" => 1,
        _ => 2,
    };
    let mut sorted: Vec<_> = access.iter().collect();
    sorted.sort_by_key(rank);
    let mut said = Privileges::NONE;
    let mut parts: Vec<String> = Vec::new();
    for access in sorted {
        let new = access.privileges.without(said);
        if new.is_empty() {
            continue;
        }
        let also = if said.is_empty() { "" } else { "also " };
        let object = if said.is_empty() { object } else { "it" };
        parts.push(format!("{} can {also}{}", who(access.role), deeds(new, object)));
        said = said.union(new);
    }
    parts.join("; ")
}

fn who(role: &Role) -> String {
    match role.name.as_str() {
        "anon" => "anyone with the project's public API key".into(),
        "authenticated" => "every signed-in user".into(),
        _ => format!("a request with the role {}", role.name.quoted()),
    }
}

/// "read, change and delete every row of public.todos, and add new ones"
fn deeds(privileges: Privileges, object: &str) -> String {
    let verbs: Vec<&str> =
        [(Privilege::Select, "read"), (Privilege::Update, "change"), (Privilege::Delete, "delete")]
            .into_iter()
            .filter(|(privilege, _)| privileges.contains(*privilege))
            .map(|(_, verb)| verb)
            .collect();
    let adds = privileges.contains(Privilege::Insert);
    match (verbs.as_slice(), adds) {
        ([], _) => format!("add rows to {object}"),
        (verbs, adds) => {
            let more = if !adds {
                ""
            } else if verbs.len() == 1 {
                " and add new ones"
            } else {
                ", and add new ones"
            };
            format!("{} every row of {object}{more}", in_words(verbs, "and"))
        }
    }
}

/// "a, b and c"
pub fn in_words<S: AsRef<str>>(items: &[S], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_string(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {conjunction} {}", first.join(", "), last.as_ref())
        }
    }
}

/// The statements that granted a relation to the roles of requests, by name or through PUBLIC.
/// What the platform gives to every new object is not among them.
pub fn grant_spans(access: &[Access<'_>], acl: &Acl, columns: &[Column]) -> Vec<Span> {
    let names: BTreeSet<&Ident> = access.iter().map(|access| &access.role.name).collect();
    let entries = acl.entries.iter().chain(columns.iter().flat_map(|column| &column.acl.entries));
    let mut spans: Vec<Span> = entries
        .filter(|entry| match &entry.grantee {
            Grantee::Public => true,
            Grantee::Role(role) => names.contains(role),
        })
        .filter_map(|entry| match entry.origin {
            Origin::Statement(span) => Some(span),
            Origin::Platform => None,
        })
        .collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn said(sql: &str, table: &str) -> String {
        let bench = Bench::new(sql);
        let table = bench.catalog.table(&QName::new("public", table)).expect("the table is there");
        describe(&bench.catalog.table_access(table), "it")
    }

    #[test]
    fn access_follows_grants() {
        assert_eq!(
            said("create table a (id int);", "a"),
            "anyone with the project's public API key can read, change and delete every row of it, and add new ones"
        );
        assert_eq!(said("-- explicit\ncreate table a (id int);", "a"), "");
        assert_eq!(
            said("-- explicit\ncreate table a (id int); grant insert on a to anon;", "a"),
            "anyone with the project's public API key can add rows to it"
        );
        assert_eq!(
            said("-- explicit\ncreate table a (id int); grant insert (id) on a to authenticated;", "a"),
            "every signed-in user can add rows to it"
        );
        assert_eq!(
            said("create table a (id int); revoke insert, update, delete on a from anon;", "a"),
            "anyone with the project's public API key can read every row of it; \
             every signed-in user can also change and delete every row of it, and add new ones"
        );
        assert_eq!(
            said(
                "-- explicit\ncreate role analyst; grant analyst to authenticator;\n\
                 create table a (id int); grant select, insert on a to analyst;",
                "a"
            ),
            "a request with the role analyst can read every row of it and add new ones"
        );
        assert_eq!(
            said(
                "create table a (id int); revoke usage on schema public from anon, authenticated, public;",
                "a"
            ),
            ""
        );
    }

    #[test]
    fn a_policy_opens_what_its_expressions_allow() {
        let bench = Bench::new(
            "create table a (id int);
             create policy none_added on a for insert to authenticated;
             create policy none_changed on a for update with check (true);
             create policy taken_over on a for update using (true) with check (id = 1);
             create policy reused on a using (true);
             create policy added on a with check (true);
             create policy for_server on a to service_role using (true);",
        );
        let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
        let opens = |name: &str| -> Vec<&str> {
            let policy = &table.policies[name];
            let commands = COMMANDS.iter().filter(|(command, _)| policy.opens(*command, &bench.catalog));
            commands.map(|(_, privilege)| privilege.keyword()).collect()
        };
        assert!(opens("none_added").is_empty());
        assert!(opens("none_changed").is_empty());
        assert_eq!(opens("taken_over"), ["UPDATE"]);
        assert_eq!(opens("reused"), ["SELECT", "INSERT", "UPDATE", "DELETE"]);
        assert_eq!(opens("added"), ["INSERT"]);
        assert!(!bench.catalog.policy_binds_requests(&table.policies["for_server"]));
        assert!(bench.catalog.policy_binds_requests(&table.policies["reused"]));
    }

    #[test]
    fn a_column_that_is_never_null_is_equal_to_itself() {
        let bench = Bench::new(
            "create table a (id int not null, b int);
             create policy same on a for select using (id = id);
             create policy null_or_same on a for select using (b = b);",
        );
        let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
        let opens = |name: &str| table.policies[name].opens(PolicyCommand::Select, &bench.catalog);
        assert!(opens("same") && !opens("null_or_same"));
    }
}
