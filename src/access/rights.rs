//! One place where rules ask who reaches which rows: each answer is computed when it is first asked
//! for, and shared.

use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::authority::Authority;
use crate::access::body;
use crate::access::formulas::{Part, PoliciesRead};
use crate::access::matrix::{COMMANDS, Cell, Row};
use crate::access::passage::{Passage, Passages};
use crate::access::shown::ShownToRole;
use crate::access::{Access, only};
use crate::catalog::acl::Grantee;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::catalog::{Catalog, Relation};
use crate::predicate::{Body, Caller, Conditions, Facts, Gives, Reach, Truth};
use crate::sql::expr::{Call, Expr, Oid};
use crate::sql::statement::{PolicyCommand, TypeName};
use crate::workload::Workload;

/// Decides who reaches which rows.
///
/// A rule has it as `cx.rights`, and the answers for one table as [`CatalogCx::access`].
///
/// [`CatalogCx::access`]: crate::rule::CatalogCx::access
pub struct Rights<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) workload: &'a Workload,
    /// Those of requests, in the order of what is known for each of them.
    roles: Vec<&'a Role>,
    /// Whether cells tell their reasons.
    pub(super) explains: bool,
    /// Of [`Self::with_passages`] alone.
    passages: Option<Passages<'a>>,
    /// What calls of the functions can be replaced by.
    bodies: FxHashMap<Oid, OnceLock<Option<Body>>>,
    /// By table or view: for each role of requests, what it reaches with each command.
    cells: FxHashMap<Oid, OnceLock<Vec<[Cell; 4]>>>,
    /// By table.
    pub(super) policies: FxHashMap<Oid, PoliciesRead>,
    /// For each role of requests.
    pub(super) shown: Vec<OnceLock<ShownToRole>>,
    /// For each role of requests: the tables that show it nothing.
    pub(super) hidden: Vec<OnceLock<FxHashSet<Oid>>>,
}

/// Which rows one policy lets through for one role, whatever the others say. Whether it is for the
/// role is another question: [`Catalog::policy_binds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyReach {
    /// Of the rows that are there: its USING. `None` where it has none.
    pub using: Option<Reach>,
    /// Of new rows: its WITH CHECK, or USING in the place of one.
    pub check: Option<Reach>,
}

impl PolicyReach {
    /// What it lets a command touch, or for INSERT add. A command of one policy that has no
    /// expression for it reaches nothing.
    pub fn of(self, command: PolicyCommand) -> Reach {
        let decides = if command == PolicyCommand::Insert { self.check } else { self.using };
        decides.unwrap_or(Reach::None)
    }
}

impl Facts for Rights<'_> {
    fn is_not_null(&self, relation: Oid, attnum: i16) -> bool {
        self.catalog.is_not_null(relation, attnum)
    }

    fn is_exact(&self, relation: Oid, attnum: i16) -> bool {
        self.catalog.is_exact(relation, attnum)
    }

    fn is_ordered(&self, relation: Oid, attnum: i16) -> bool {
        self.catalog.is_ordered(relation, attnum)
    }

    fn is_enum(&self, data_type: &TypeName) -> bool {
        self.catalog.is_enum(data_type)
    }

    fn gives(&self, function: Oid) -> Gives {
        self.catalog.gives(function)
    }

    fn is_stable(&self, call: &Call) -> bool {
        self.catalog.is_stable(call)
    }

    fn body(&self, function: Oid) -> Option<&Body> {
        let read = || {
            let declared = self.catalog.functions.get(&function)?;
            let routine = self.workload.routines.get(&function)?;
            let doubtful = self.catalog.may_have_changed(&declared.name, Aspect::Functions);
            body::body(self.catalog, declared, routine).filter(|_| !doubtful)
        };
        self.bodies.get(&function)?.get_or_init(read).as_ref()
    }
}

impl<'a> Rights<'a> {
    pub fn new(catalog: &'a Catalog, workload: &'a Workload) -> Self {
        let tables = || catalog.tables.keys().copied();
        let relations = tables().chain(catalog.views.keys().copied());
        let roles: Vec<&Role> = catalog.api_roles().collect();
        Self {
            catalog,
            workload,
            explains: false,
            passages: None,
            bodies: workload.routines.keys().map(|oid| (*oid, OnceLock::new())).collect(),
            cells: relations.map(|oid| (oid, OnceLock::new())).collect(),
            policies: tables().map(|oid| (oid, PoliciesRead::new(roles.len()))).collect(),
            shown: roles.iter().map(|_| OnceLock::new()).collect(),
            hidden: roles.iter().map(|_| OnceLock::new()).collect(),
            roles,
        }
    }

    /// The same, with the reasons of each cell.
    pub fn explained(catalog: &'a Catalog, workload: &'a Workload) -> Self {
        Self { explains: true, ..Self::new(catalog, workload) }
    }

    /// The same, with relations that the Data API does not serve where functions come to them with the rights of
    /// their callers.
    #[must_use]
    pub fn with_passages(self) -> Self {
        Self { passages: Some(Passages::of(self.catalog, self.workload)), ..self }
    }

    /// The functions by which a role comes to a relation that the Data API does not serve, first those that do not
    /// ask who calls.
    pub fn passages(&self, name: &QName, role: &Role, command: PolicyCommand) -> Vec<Passage<'a>> {
        let (Some(passages), Some(Relation::Table(oid) | Relation::View(oid))) =
            (&self.passages, self.catalog.relation(name))
        else {
            return Vec::new();
        };
        if self.catalog.is_exposed(&name.schema) {
            return Vec::new();
        }
        passages.to(self.catalog, oid, role, command)
    }

    /// The project's relations that requests come to by functions alone.
    pub fn passed_relations(&self) -> Vec<QName> {
        self.passages.as_ref().map_or_else(Vec::new, |passages| passages.relations(self.catalog))
    }

    /// What policies decide by.
    pub fn authority(&self) -> Authority<'a> {
        Authority::of(self.catalog, self.workload, self)
    }

    /// The rows of the matrix for a table or view: one for each role of requests.
    pub fn of(&self, name: &QName) -> Vec<Row<'_>> {
        let cells = match self.catalog.relation(name) {
            Some(Relation::Table(oid) | Relation::View(oid)) => self.cells(oid),
            _ => &[],
        };
        self.roles.iter().zip(cells).map(|(role, cells)| Row { role, cells }).collect()
    }

    fn cells(&self, relation: Oid) -> &[[Cell; 4]] {
        let Some(cells) = self.cells.get(&relation) else { return &[] };
        cells.get_or_init(|| {
            let cell = |role, command| match self.catalog.tables.get(&relation) {
                Some(table) => self.table(table, role, command),
                None => self.view(&self.catalog.views[&relation], role, command),
            };
            self.roles.iter().map(|role| COMMANDS.map(|(command, _)| cell(role, command))).collect()
        })
    }

    /// What a role of requests reaches in a table or view with a command, which is not ALL; `None`
    /// for a role that requests do not have.
    pub fn cell(&self, relation: Oid, role: &Role, command: PolicyCommand) -> Option<&Cell> {
        let cells = self.cells(relation).get(self.position(&role.name)?)?;
        cells.iter().find(|cell| cell.command == command)
    }

    pub(super) fn position(&self, role: &str) -> Option<usize> {
        self.roles.iter().position(|one| one.name == *role)
    }

    /// Which rows a policy lets through for a role of requests, by itself, with what the role knows
    /// folded in.
    pub fn policy(&self, table: &Table, policy: &Policy, role: &Role) -> PolicyReach {
        let formulas = self.formulas(table, Some(&role.name));
        let at = table.policies.get_index_of(&policy.name);
        let reach = |part: Part| {
            let clause = part.of(policy)?;
            let known = at.and_then(|at| formulas.get(at, part)).map(|formula| formula.reach);
            Some(known.unwrap_or_else(|| self.clause(table, policy, clause, role).reach))
        };
        PolicyReach { using: reach(Part::Using), check: reach(Part::Check) }
    }

    /// Whether a policy never runs: for each of its commands and roles one beside it lets every row through.
    pub fn is_silenced(&self, table: &Table, policy: &Policy) -> bool {
        let binds_all = |other: &Policy| {
            let roles = &other.roles.value;
            roles.contains(&Grantee::Public) || policy.roles.value.iter().all(|role| roles.contains(role))
        };
        let mut commands =
            COMMANDS.iter().map(|(command, _)| *command).filter(|command| policy.covers(*command));
        policy.permissive
            && commands.all(|command| {
                let mut others = self.silencers(table, command).filter(|other| other.name != policy.name);
                others.any(binds_all)
            })
    }

    /// The policies of a table that silence others when a command runs.
    pub(super) fn silencers<'t>(
        &self,
        table: &'t Table,
        command: PolicyCommand,
    ) -> impl Iterator<Item = &'t Policy> {
        let read = || {
            let silenced_by = |(at, policy): (usize, &Policy)| {
                COMMANDS
                    .map(|(command, _)| self.silences_others(table, policy, command).then_some((at, command)))
            };
            table.policies.values().enumerate().flat_map(silenced_by).flatten().collect()
        };
        let known = self.policies.get(&table.oid).map(|known| known.silencers.get_or_init(read));
        let places = known.into_iter().flatten().filter(move |(_, of)| *of == command);
        places.filter_map(|(at, _)| table.policies.get_index(*at)).map(|(_, policy)| policy)
    }

    /// Whether a policy is true for every row that a command reads and writes. PostgreSQL leaves
    /// `true OR …` out of a query: the permissive policies beside it do not run.
    pub fn silences_others(&self, table: &Table, policy: &Policy, command: PolicyCommand) -> bool {
        let mut gates = policy.gates(command).peekable();
        let reads = command == PolicyCommand::Insert || policy.using.is_some();
        policy.permissive
            && reads
            && gates.peek().is_some()
            && gates.all(|clause| self.constant(table, policy, clause) == Some(Truth::True))
    }

    /// To read conditions in, for a role.
    pub fn conditions<'r>(&'r self, role: &'r Role) -> Conditions<'r> {
        Conditions::new(Caller::of_role(&role.name), self)
    }

    /// To read conditions in, whoever asks.
    pub fn conditions_of_anyone(&self) -> Conditions<'_> {
        Conditions::new(Caller::Anyone, self)
    }

    /// Whether a condition lets every row through, whoever asks.
    pub fn is_always_true(&self, expr: &Expr) -> bool {
        let mut conditions = self.conditions_of_anyone();
        let node = conditions.read(expr);
        conditions.is_always(&node)
    }

    /// What a policy opens to requests: for each role the commands that it lets through for every
    /// row, and that no restrictive policy or policy for SELECT narrows.
    pub fn opened_by(&self, table: &Table, policy: &Policy, commands: &[PolicyCommand]) -> Vec<Access<'a>> {
        self.opened(table, policy, commands, &|cell| cell.reach == Reach::All)
    }

    /// The same for changes of every row that the caller can read: where there are no policies for
    /// SELECT, a request that names rows finds none.
    pub fn opened_to_readers_by(
        &self,
        table: &Table,
        policy: &Policy,
        commands: &[PolicyCommand],
    ) -> Vec<Access<'a>> {
        self.opened(table, policy, commands, &|cell| {
            cell.blind == Reach::All && !matches!(cell.reach, Reach::All | Reach::Unknown)
        })
    }

    /// What a policy lets requests do with some row at least, by itself.
    pub fn passed_by(&self, table: &Table, policy: &Policy) -> Vec<Access<'a>> {
        let mut list = self.catalog.table_access(table);
        list.retain_mut(|access| {
            let passes = |command: &PolicyCommand| {
                policy.covers(*command)
                    && self.catalog.policy_binds(policy, access.role)
                    && self.policy(table, policy, access.role).of(*command) != Reach::None
            };
            let passed = only(COMMANDS.iter().map(|(command, _)| *command).filter(passes));
            access.privileges = access.privileges.intersection(passed);
            !access.privileges.is_empty()
        });
        list
    }

    fn opened(
        &self,
        table: &Table,
        policy: &Policy,
        commands: &[PolicyCommand],
        wanted: &dyn Fn(&Cell) -> bool,
    ) -> Vec<Access<'a>> {
        let mut list = self.catalog.table_access(table);
        list.retain_mut(|access| {
            let role = access.role;
            let binds = policy.permissive && self.catalog.policy_binds(policy, role);
            let open = |command: &PolicyCommand| {
                binds
                    && policy.covers(*command)
                    && self.policy(table, policy, role).of(*command) == Reach::All
                    && self.cell(table.oid, role, *command).is_some_and(wanted)
            };
            let opened = only(commands.iter().copied().filter(open));
            access.privileges = access.privileges.intersection(opened);
            !access.privileges.is_empty()
        });
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::acl::Privileges;
    use crate::sql::statement::Privilege;
    use crate::testing::Bench;

    #[test]
    fn a_policy_is_read_for_each_role() {
        let bench = Bench::new(
            "create role editor; grant editor to authenticator;
             create table notes (id int primary key, owner uuid);
             alter table notes enable row level security;
             create function mine(uuid) returns boolean language sql stable as $$ select $1 = auth.uid() $$;
             create policy own on notes using (mine(owner));
             create policy signed_in on notes for update using (auth.uid() is not null) with check (mine(owner));
             create policy add on notes for insert with check (auth.role() = 'editor');",
        );
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let table = bench.catalog.table(&QName::new("public", "notes")).expect("the table is there");
        let reach = |policy: &str, role: &str| {
            let role = &bench.catalog.roles[role];
            let reach = rights.policy(table, &table.policies[policy], role);
            (reach.using, reach.check)
        };
        assert_eq!(reach("own", "anon"), (Some(Reach::None), Some(Reach::None)));
        assert_eq!(reach("own", "authenticated"), (Some(Reach::Own), Some(Reach::Own)));
        assert_eq!(reach("signed_in", "authenticated"), (Some(Reach::All), Some(Reach::Own)));
        assert_eq!(reach("signed_in", "editor"), (Some(Reach::Some), Some(Reach::Own)));
        assert_eq!(reach("add", "editor"), (None, Some(Reach::All)));
        assert_eq!(reach("add", "anon"), (None, Some(Reach::None)));
        let cell = |command| rights.cell(table.oid, &bench.catalog.roles["authenticated"], command);
        assert_eq!(cell(PolicyCommand::Update).map(|cell| cell.reach), Some(Reach::Own));
    }

    #[test]
    fn a_restrictive_policy_narrows() {
        let bench = Bench::new(
            "create table a (id int); alter table a enable row level security;
             create policy open on a using (true);
             create policy fence on a as restrictive for delete to authenticated using (id = 1);
             create policy no_fence on a as restrictive for update using (true);",
        );
        let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let opened =
            rights.opened_by(table, &table.policies["open"], &[PolicyCommand::Update, PolicyCommand::Delete]);
        let of = |role: &str| {
            opened.iter().find(|access| access.role.name == *role).map(|access| access.privileges)
        };
        assert_eq!(of("anon"), Some(Privileges::of(&[Privilege::Update, Privilege::Delete])));
        assert_eq!(of("authenticated"), Some(Privileges::of(&[Privilege::Update])));
    }

    #[test]
    fn what_a_policy_lets_through_holds_whatever_was_dropped_before() {
        let drop = "do $$ begin execute format('drop policy if exists %I on public.a', now()::text); end $$;";
        let reach = |after: &str| {
            let bench = Bench::new(&format!(
                "create table a (id int, owner uuid); alter table a enable row level security;
                 create policy own on a to authenticated using (owner = auth.uid());
                 create policy fence on a as restrictive for delete using (id = 1); {drop} {after}"
            ));
            let workload = Workload::of(&bench.catalog);
            let rights = Rights::new(&bench.catalog, &workload);
            let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
            let cell = |role: &str, command| {
                let cell = rights.cell(table.oid, &bench.catalog.roles[role], command);
                cell.map(|cell| (cell.reach, cell.at_most)).expect("it is a role of requests")
            };
            let of = |role: &str| [cell(role, PolicyCommand::Select), cell(role, PolicyCommand::Delete)];
            [of("anon"), of("authenticated")]
        };
        let unknown = (Reach::Unknown, Some(Reach::Own));
        // The fence may be gone, and nothing is let through beside it.
        let none = [(Reach::None, None), (Reach::Unknown, None)];
        assert_eq!(reach(""), [none, [(Reach::Unknown, None), (Reach::Unknown, None)]]);
        let read = "drop policy fence on a; create policy shared on a for select using (true);";
        let all = (Reach::All, None);
        assert_eq!(reach(read), [[all, (Reach::None, None)], [(Reach::All, Some(Reach::All)), unknown]]);
        let anew = "drop policy fence on a; alter policy own on a using (owner = (select auth.uid()));";
        assert_eq!(reach(anew), [[(Reach::None, None); 2], [(Reach::Own, None); 2]]);
        let created =
            "do $$ begin execute format('create policy %I on public.a as restrictive', now()::text); end $$;";
        let doubtful = reach(&format!("{read} {created}"));
        assert!(doubtful.iter().flatten().all(|cell| *cell == (Reach::Unknown, None)), "{doubtful:?}");
    }

    #[test]
    fn one_column_has_one_text() {
        let bench = Bench::new(
            "create extension citext with schema extensions;
             create table a (id int, kind text, code char(3), loose extensions.citext);
             alter table a enable row level security;
             create policy fence on a as restrictive using (kind = 'x' and code = 'a' and loose = 'b');
             create policy other_kind on a for select using ((kind)::text = 'y'::text);
             create policy same_kind on a for insert with check ('x' = kind);
             create policy other_code on a for update using (code = 'a ');
             create policy other_loose on a for delete using (loose = 'B');",
        );
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let rows = rights.of(&QName::new("public", "a"));
        let reach = rows[0].cells.each_ref().map(|cell| cell.reach == Reach::None);
        // Blanks at the end of a char(n) and capitals of a citext do not count.
        assert_eq!(reach, [true, false, true, true], "{rows:?}");
        let blind = rows[0].cells.each_ref().map(|cell| cell.blind == Reach::None);
        assert_eq!(blind, [true, false, false, false]);
    }
}
