//! What functions do with the rights of their owner for whoever calls them, without asking who that is.

use crate::map::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::{in_words, reach_of};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::function::{Argument, Function, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::index::IndexKeyValue;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::sensitive::words;
use crate::catalog::table::{Column, ConstraintKind, Table};
use crate::catalog::types::DataType;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Reach, unwrapped};
use crate::rule::{CatalogCx, Findings};
use crate::rules::clauses::{compared, names_principal, own_column};
use crate::rules::vault::{self, VAULT};
use crate::source::Span;
use crate::sql::expr::{Expr, Literal, Oid, Query, QueryBody, SublinkKind, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange, PolicyCommand, Privilege, Statement, StatementKind};
use crate::workload::Workload;
use crate::workload::answer::Given;
use crate::workload::outright::Outright;
use crate::workload::routine::Routine;

/// The functions that policies, views, defaults, constraints, indexes and conditions of triggers call: who
/// uses the rows must be allowed to call these (measured on PostgreSQL 15).
pub(super) struct UsedByRows(FxHashSet<Oid>);

impl UsedByRows {
    /// Those that anybody's requests call, or nobody's yet.
    pub(super) fn of(catalog: &Catalog, workload: &Workload) -> Self {
        Self::among(catalog, workload, None)
    }

    /// Those that the requests of each role call.
    pub(super) fn by_role<'a>(cx: &CatalogCx<'a>) -> FxHashMap<&'a Ident, Self> {
        let by = |role: &'a Role| (&role.name, Self::among(cx.catalog, cx.workload, Some(role)));
        cx.catalog.api_roles().map(by).collect()
    }

    pub(super) fn contains(&self, function: Oid) -> bool {
        self.0.contains(&function)
    }

    fn among(catalog: &Catalog, workload: &Workload, role: Option<&Role>) -> Self {
        let mut found = FxHashSet::default();
        let mut add = |part: &Expr| {
            if let Expr::Call(call) = part {
                found.extend(call.target);
            }
        };
        let uses = |acl, columns| role.is_none_or(|role| !catalog.held(&role.name, acl, columns).is_empty());
        for table in catalog.tables.values().filter(|table| uses(&table.acl, &table.columns)) {
            let binds = |policy: &&Policy| role.is_none_or(|role| catalog.policy_binds(policy, role));
            let policies = table.policies.values().filter(binds);
            let exprs = policies.flat_map(Policy::expressions).chain(evaluated(table));
            exprs.for_each(|expr| expr.walk(&mut |part| add(part)));
        }
        for view in catalog.views.values().filter(|view| uses(&view.acl, &view.columns)) {
            view.query.iter().for_each(|query| query.walk(&mut |part| add(part)));
        }
        // What runs with the caller's rights calls others with them.
        let mut pending: Vec<Oid> = found.iter().copied().collect();
        while let Some(oid) = pending.pop() {
            let as_caller =
                catalog.functions.get(&oid).is_some_and(|function| !function.security_definer.value);
            if let Some(routine) = workload.routines.get(&oid).filter(|_| as_caller) {
                routine.walk(&mut |part| {
                    if let Expr::Call(call) = part {
                        pending.extend(call.target.filter(|target| found.insert(*target)));
                    }
                });
            }
        }
        Self(found)
    }
}

/// The expressions that are evaluated when rows of a table are written.
fn evaluated(table: &Table) -> impl Iterator<Item = &Expr> {
    let defaults = table.columns.iter().filter_map(|column| column.default.as_ref());
    let generated = table.columns.iter().filter_map(|column| column.generated.as_deref());
    let checks = table.constraints.values().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::Check { expr, .. } => Some(expr),
        _ => None,
    });
    let keys = table.indexes.values().flat_map(|index| &index.keys).filter_map(|key| match &key.value {
        IndexKeyValue::Expr(expr) => Some(expr),
        IndexKeyValue::Column(_) => None,
    });
    let predicates = table.indexes.values().filter_map(|index| index.predicate.as_ref());
    let conditions = table.triggers.values().filter_map(|trigger| trigger.when.as_ref());
    let indexes = keys.chain(predicates);
    defaults.map(|default| &default.value).chain(generated).chain(checks).chain(indexes).chain(conditions)
}

/// More tables than these are counted.
const MOST_NAMED: usize = 3;

/// A function of the API that has the rights of its owner, and does not ask for the caller.
pub(super) struct Deed<'a> {
    pub(super) function: &'a Function,
    pub(super) routine: &'a Routine,
    /// The roles that can call it, as SQL writes them.
    pub(super) callers: Vec<String>,
    /// The same, as what they can do.
    pub(super) reach: Vec<String>,
    /// Where it writes.
    pub(super) writes: Vec<Span>,
    /// The tables that it writes to, or else those that it reads and its callers do not.
    pub(super) tables: Vec<&'a Table>,
    /// What it gives of them that others must not see: `email of auth.users`.
    pub(super) given: Vec<String>,
    /// Those with row level security of which it gives every row.
    pub(super) whole: Vec<&'a Table>,
    /// Whether these rows are somebody's, and it gives all of them there is or what others must not see.
    opens_rows: bool,
    /// Whether it reads secrets of the vault.
    reads_secrets: bool,
    /// Whether a policy, a view or a default calls it.
    pub(super) needed: bool,
    /// A function that calls it with the rights of its own caller.
    pub(super) passed_by: Option<&'a Function>,
    /// Whether it writes down who calls.
    notes_caller: bool,
    /// Whether it asks that somebody is signed in, whoever it is.
    asks_for_sign_in: bool,
}

impl Deed<'_> {
    /// An error is what lets callers choose the rows that are changed; where they are let by name, if they can
    /// know which there are.
    fn severity(&self, cx: &CatalogCx<'_>) -> Severity {
        // Who asks that somebody is signed in thought of who calls.
        let meant = self.is_meant() || self.asks_for_sign_in;
        let steered = || if meant { self.is_steered_by_what_is_known(cx) } else { self.is_steered() };
        match self.writes.is_empty() {
            false if self.is_proved() => Severity::Info,
            false if meant && self.is_closed_to_others() && self.only_adds() && !self.copies() => {
                Severity::Info
            }
            false if !self.needed && steered() => Severity::Error,
            false => Severity::Warning,
            true if self.gives_secrets() => Severity::Error,
            true if self.opens_rows && !meant && !self.needed => Severity::Error,
            true if !self.given.is_empty()
                || self.reads_secrets && self.function.inputs().next().is_some() =>
            {
                Severity::Warning
            }
            true if self.tables.iter().any(|table| table.is_sensitive()) && !self.answers() => {
                Severity::Warning
            }
            true if !self.whole.is_empty() && !meant && !self.needed => Severity::Warning,
            true => Severity::Info,
        }
    }

    /// How it can be taken from callers, if that breaks nothing, or after what.
    pub(super) fn revoked(&self, catalog: &Catalog) -> String {
        let signature = self.function.signature(catalog);
        let revoke = format!(
            "revoke execute on {} {signature} from public, anon, authenticated;",
            self.function.noun()
        );
        match self.passed_by {
            Some(caller) => format!(
                "{revoke} -- first make {} security definer, too, which calls it with the rights of its own caller",
                caller.name
            ),
            None => revoke,
        }
    }

    fn gives_secrets(&self) -> bool {
        let is_login = |given: &String| {
            given.ends_with(" of auth.users")
                && ["password", "_token"].iter().any(|part| given.contains(part))
        };
        self.given.iter().any(|given| given.ends_with(VAULT) || is_login(given))
    }

    /// What it makes of the caller.
    pub(super) fn asks_in_words(&self) -> &'static str {
        match (self.notes_caller, self.asks_for_sign_in) {
            (true, _) => "only notes who calls",
            (_, true) => "only asks whether somebody is signed in",
            _ => "never asks who calls",
        }
    }

    /// What it does with the rights of its owner, by table and by what must not be seen of it.
    pub(super) fn extent(&self) -> Vec<String> {
        let does = if self.writes.is_empty() { "reads" } else { "writes to" };
        let tables = self.tables.iter().map(|table| format!("{does} {}", table.name));
        let vault = self.reads_secrets.then(|| format!("reads {VAULT}"));
        let whole = self.whole.iter().map(|table| format!("gives all rows of {}", table.name));
        tables
            .chain(vault)
            .chain(whole)
            .chain(self.given.iter().map(|given| format!("gives {given}")))
            .collect()
    }

    /// What it does with the rights of its owner.
    fn words(&self) -> String {
        if self.writes.is_empty() && !self.given.is_empty() {
            return format!("gives {}", in_words(&self.given, "and"));
        }
        if self.writes.is_empty() && !self.whole.is_empty() {
            let names: Vec<_> = self.whole.iter().map(|table| table.name.to_string()).collect();
            return format!("gives all rows of {}", in_words(&names, "and"));
        }
        let vault = self.reads_secrets.then(|| VAULT.to_string());
        let names: Vec<String> =
            vault.into_iter().chain(self.tables.iter().map(|table| table.name.to_string())).collect();
        let names = match names.split_at_checked(MOST_NAMED) {
            Some((first, rest)) if rest.len() > 1 => format!("{} and {} more", first.join(", "), rest.len()),
            _ => in_words(&names, "and"),
        };
        format!("{} {names}", if self.writes.is_empty() { "reads" } else { "writes to" })
    }

    fn is_granted_by_name(&self, role: &str) -> bool {
        let entry = self.function.acl.entry(&Grantee::role(role));
        entry.is_some_and(|entry| !entry.by_default.contains(Privilege::Execute))
    }

    /// Whether each of its callers was let call it by a GRANT that says so.
    fn is_meant(&self) -> bool {
        self.callers.iter().all(|caller| self.is_granted_by_name(caller))
    }

    /// Whether its author let strangers call it by name.
    pub(super) fn is_for_strangers(&self) -> bool {
        self.is_meant() && self.is_public_by_name()
    }

    /// Whether it adds rows, and changes at most those of the same key.
    pub(super) fn only_adds_or_renews(&self) -> bool {
        self.routine.changes().iter().all(|(_, change)| change.kind == ChangeKind::Insert)
    }

    /// Whether everybody was let call it by a GRANT that says so.
    pub(super) fn is_public_by_name(&self) -> bool {
        self.is_granted_by_name("anon")
    }

    /// Whether it tells no more than whether something is so.
    pub(super) fn answers(&self) -> bool {
        matches!(&self.function.returns, Returns::Type(data_type) if data_type.is_builtin("bool"))
    }

    /// Whether it only adds rows to logs: who forges one changes nothing else.
    pub(super) fn only_logs(&self) -> bool {
        const LOGS: &[&str] =
            &["log", "logs", "audit", "audits", "errors", "history", "metrics", "diagnostics", "telemetry"];
        let is_log = |table: &&Table| {
            let name = words(&table.name.name);
            LOGS.contains(&name.rsplit('_').next().unwrap_or(&name))
        };
        let is_addition = |statement: &Statement| match &statement.kind {
            StatementKind::Change(change) => {
                change.kind == ChangeKind::Insert && change.assignments.is_empty()
            }
            _ => true,
        };
        self.tables.iter().all(is_log) && self.routine.statements.iter().all(is_addition)
    }

    /// Whether the caller has to know a secret such as an invitation's token.
    fn is_proved(&self) -> bool {
        self.function.inputs().filter_map(|argument| argument.name.as_ref()).any(|name| is_proof(name))
    }

    /// Whether a part of the body is a parameter.
    fn is_given(&self, part: &Expr) -> bool {
        let name = match part {
            Expr::Column(column) if column.target == Target::Variable => column.path.last(),
            _ => None,
        };
        name.is_some_and(|name| self.function.inputs().any(|argument| argument.name.as_ref() == Some(name)))
    }

    /// The conditions of its UPDATEs and DELETEs that compare with a parameter, each with what is changed.
    fn steered(&self) -> impl Iterator<Item = (&DataChange, &Expr)> {
        let changes = self.routine.changes().into_iter().map(|(_, change)| change);
        let filters = changes
            .filter(|change| change.kind != ChangeKind::Insert && !only_counts(change))
            .filter_map(|change| Some((change, change.filter.as_ref()?)));
        let is_given = |expr: &Expr| expr.any(&|part| self.is_given(part));
        let compares = move |part: &Expr| match part {
            Expr::Op { op, left: Some(left), right } if ["<", "<=", ">", ">="].contains(&op.as_str()) => {
                is_given(left) || is_given(right)
            }
            part => compared(part).into_iter().any(|(_, other)| is_given(other)),
        };
        filters.filter(move |(_, filter)| filter.any(&compares))
    }

    /// Whether a parameter chooses the rows of an UPDATE or DELETE.
    fn is_steered(&self) -> bool {
        self.steered().next().is_some()
    }

    /// Whether a parameter chooses the rows by what every caller can know: a number, which can be guessed, or the
    /// id of rows that are shown to others than those that they are for.
    fn is_steered_by_what_is_known(&self, cx: &CatalogCx<'_>) -> bool {
        let shown = |table: &Table| {
            let reach = |role| cx.access(table, role, PolicyCommand::Select).map(|cell| cell.reach);
            cx.catalog
                .callers(self.function)
                .into_iter()
                .any(|role| matches!(reach(role), Some(Reach::All | Reach::Some)))
        };
        let is_known = |table: &Table, column: &Column| {
            let number = ["int2", "int4", "int8"].iter().any(|name| column.data_type.value.is_builtin(name));
            let targets = table.foreign_keys().filter(|(_, key)| *key.columns == [column.attnum]);
            let mut shown_by_others =
                targets.filter_map(|(_, key)| cx.catalog.tables.get(&key.references)).map(shown);
            number || shown(table) || shown_by_others.any(|shown| shown)
        };
        self.steered().filter(|(change, _)| self.decides(change)).any(|(change, filter)| {
            let Some(table) = change.table.target.and_then(|oid| cx.catalog.tables.get(&oid)) else {
                return false;
            };
            let parts = match filter {
                Expr::And(list) => list.as_slice(),
                one => std::slice::from_ref(one),
            };
            parts.iter().flat_map(compared).any(|(one, other)| {
                self.is_given(unwrapped(other))
                    && own_column(table, one).is_some_and(|column| is_known(table, column))
            })
        })
    }

    /// Whether it adds rows and changes none that are there: what a form does.
    fn only_adds(&self) -> bool {
        let changes = self.routine.changes();
        changes.iter().all(|(_, change)| change.kind == ChangeKind::Insert && change.assignments.is_empty())
    }

    /// Whether it adds copies of rows that a parameter chooses: what these hold is given on.
    fn copies(&self) -> bool {
        let is_given = |part: &Expr| self.is_given(part);
        let chooses = |source: &Query| match &source.body {
            QueryBody::Select(select) => {
                let filter = select.filter.as_deref().filter(|_| !select.from.is_empty());
                filter.is_some_and(|filter| filter.any(&is_given))
            }
            _ => false,
        };
        self.routine.changes().iter().any(|(_, change)| change.source.as_ref().is_some_and(chooses))
    }

    /// Whether it says itself what becomes of the rows, or its caller does: what is computed from other rows is not
    /// theirs to choose.
    fn decides(&self, change: &DataChange) -> bool {
        let is_chosen = |part: &Expr| matches!(part, Expr::Literal(_)) || self.is_given(part);
        let is_read = |part: &Expr| matches!(part, Expr::Sublink(_));
        let says = |(column, value): &(Ident, Expr)| {
            value.any(&is_chosen) && !value.any(&is_read) || is_moment(value) && is_end(column)
        };
        change.kind == ChangeKind::Delete || change.assignments.iter().any(says)
    }

    /// Whether all that it writes is computed from other rows: to call it changes nothing that is not so.
    pub(super) fn only_recomputes(&self) -> bool {
        let changes = self.routine.changes();
        changes.iter().all(|(_, change)| change.kind == ChangeKind::Update && !self.decides(change))
    }

    /// Whether everybody else was kept from it before these were let call it.
    fn is_closed_to_others(&self) -> bool {
        let everybody = self.function.acl.entry(&Grantee::Public);
        everybody.is_none_or(|entry| !entry.privileges.contains(Privilege::Execute))
    }
}

/// Whether a change does no more than count what everybody may do: `set views = views + 1`.
fn only_counts(change: &DataChange) -> bool {
    let is_count = |(column, value): &&(Ident, Expr)| is_counted(column) && is_step(column, value);
    let (counts, others): (Vec<_>, Vec<_>) = change.assignments.iter().partition(is_count);
    !counts.is_empty() && others.iter().all(|(_, value)| is_moment(value))
}

/// The functions that others call with the rights of whoever calls them, each with one of these.
fn passing<'a>(cx: &CatalogCx<'a>) -> FxHashMap<Oid, &'a Function> {
    let mut found = FxHashMap::default();
    for (function, routine) in cx.workload.run_as_callers(cx.catalog) {
        routine.walk(&mut |part| {
            if let Expr::Call(call) = part
                && let Some(target) = call.target
            {
                found.entry(target).or_insert(function);
            }
        });
    }
    found
}

/// The functions whose bodies are read to the end. Those that policies call and that only answer yes or
/// no are left out: their answer is what the policies are about. So are those that were to be closed.
pub(super) fn deeds<'a>(cx: &CatalogCx<'a>, used: &UsedByRows) -> Vec<Deed<'a>> {
    let catalog = cx.catalog;
    let doubts = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    let passing = passing(cx);
    let revoked: FxHashSet<Oid> = catalog.left_by_revokes().into_iter().map(|left| left.object).collect();
    let mut found = Vec::new();
    for function in catalog.own_functions().filter(|function| function.security_definer.value) {
        let routine = cx.workload.routines.get(&function.oid);
        let Some(routine) = routine.filter(|routine| routine.complete && routine.executed.is_empty()) else {
            continue;
        };
        let mut roles = catalog.callers(function);
        let notes_caller = cx.workload.only_notes_caller(function.oid);
        let asks_for_sign_in = cx.workload.only_asks_for_sign_in(function.oid);
        let asks = !notes_caller && !asks_for_sign_in && cx.workload.body_knows_caller(function.oid);
        roles.retain(|role| !asks_for_sign_in || role.name != "anon");
        if roles.is_empty() || doubts.concern(&function.name) || asks {
            continue;
        }
        let changed = routine.changes().into_iter().map(|(place, change)| (place, change.table.target));
        let emptied = routine.truncations(catalog, function).into_iter();
        let (writes, written): (Vec<Span>, IndexSet<Option<Oid>>) =
            changed.chain(emptied.map(|(place, table)| (place, Some(table)))).unzip();
        let needed = used.contains(function.oid);
        // `ineffective-revoke` and `recreate-loses-revoke` say of these how they are to be closed.
        if revoked.contains(&function.oid) && !needed || catalog.regained(function).is_some() {
            continue;
        }
        let own = |oid: &Oid| {
            catalog.tables.get(oid).filter(|table| catalog.is_above_policies(&function.owner, table))
        };
        let mut tables: Vec<&Table> = written.iter().flatten().filter_map(own).collect();
        let mut outright_given: Vec<Oid> = Vec::new();
        if writes.is_empty() {
            let mut read = IndexSet::default();
            routine.walk_relations(&mut |relation| read.extend(relation.target));
            // What other functions give with the rights of this one or of their own is read as well.
            let outright = cx.workload.outright(catalog, function);
            let given = outright.iter().filter(|one| one.command == PolicyCommand::Select);
            outright_given = given.filter(|one| may_be_given(catalog, one)).map(|one| one.table).collect();
            let read_here = read.iter().filter_map(own);
            let given = outright_given.iter().filter_map(|oid| catalog.tables.get(oid));
            let read: IndexSet<Oid> = read_here.chain(given).map(|table| table.oid).collect();
            let read = read.iter().filter_map(|oid| catalog.tables.get(oid));
            tables = read.filter(|table| !all_read(catalog, table, &roles)).collect();
        }
        let reads_secrets = writes.is_empty() && reads_secrets(routine);
        if !tables.is_empty() || reads_secrets {
            let callers = roles.iter().map(|role| role.name.quoted()).collect();
            let reach = reach_of(roles, Privilege::Execute);
            let given = if writes.is_empty() {
                given(catalog, function, routine, &tables, reads_secrets)
            } else {
                Vec::new()
            };
            let mut whole = routine.given_whole(function);
            whole.extend(outright_given);
            let is_whole =
                |table: &&&Table| writes.is_empty() && table.rls.value && whole.contains(&table.oid);
            let whole: Vec<&Table> = tables.iter().filter(is_whole).copied().collect();
            let shown = routine.given(function);
            let opens_rows = whole.iter().any(|table| {
                let of_it: Vec<&Given> = shown.iter().filter(|given| given.relation == table.oid).collect();
                let shows = |column: &Column| of_it.iter().any(|given| given.column.is(column));
                table.owner_column(catalog).is_some() && table.columns.iter().all(shows)
                    || table.sensitive_columns().any(shows)
            });
            let deed = Deed {
                function,
                routine,
                callers,
                reach,
                writes,
                tables,
                given,
                whole,
                opens_rows,
                reads_secrets,
                needed,
                passed_by: passing.get(&function.oid).copied(),
                notes_caller,
                asks_for_sign_in,
            };
            // Rows of the caller's own may be added.
            let adds = notes_caller && !deed.is_steered();
            let tells = deed.needed && deed.answers() && deed.writes.is_empty();
            if !(adds || tells) {
                found.push(deed);
            }
        }
    }
    found
}

/// Whether the one with whose rights a table's rows are given may read all of them.
fn may_be_given(catalog: &Catalog, one: &Outright) -> bool {
    let by = catalog.functions.get(&one.by).filter(|by| by.security_definer.value);
    let table = catalog.tables.get(&one.table);
    by.zip(table).is_some_and(|(by, table)| catalog.is_above_policies(&by.owner, table))
}

fn all_read(catalog: &Catalog, table: &Table, roles: &[&Role]) -> bool {
    catalog.is_exposed(&table.name.schema) && roles.iter().all(|role| catalog.reads_all_rows(table, role))
}

/// Whether a body reads the vault for more than the address of something.
fn reads_secrets(routine: &Routine) -> bool {
    let mut found = false;
    routine.walk_queries(&mut |query| found |= vault::asks_for_secrets(query));
    found
}

/// What a function's result shows of tables that others must not see, and of the vault.
fn given(
    catalog: &Catalog,
    function: &Function,
    routine: &Routine,
    tables: &[&Table],
    reads_secrets: bool,
) -> Vec<String> {
    let tells = |data_type: &DataType| !data_type.is_builtin("bool") && !data_type.is_builtin("void");
    if matches!(&function.returns, Returns::Type(data_type) if !tells(data_type)) {
        return Vec::new();
    }
    let all = routine.given(function);
    let shows = |relation: Oid, column: &Column| {
        all.iter().any(|given| given.relation == relation && given.column.is(column))
    };
    let mut words = Vec::new();
    for table in tables {
        let shown = table.sensitive_columns().filter(|column| shows(table.oid, column));
        let names: Vec<String> = shown.map(|column| column.name.quoted()).collect();
        if !names.is_empty() {
            words.push(format!("{} of {}", in_words(&names, "and"), table.name));
        }
    }
    let secret = vault::secret(catalog).filter(|_| reads_secrets);
    if secret.is_some_and(|(vault, secret)| shows(vault, secret)) {
        words.push(format!("decrypted_secret of {VAULT}"));
    }
    words
}

/// A parameter by which the caller says whose rows are meant, and its place; none where another proves
/// that they may.
pub(super) fn trusted_parameter<'a>(cx: &CatalogCx<'_>, deed: &Deed<'a>) -> Option<(&'a Ident, Span)> {
    let mut read = FxHashSet::default();
    deed.routine.walk(&mut |part| {
        if let Expr::Column(column) = part
            && column.target == Target::Variable
        {
            read.extend(column.path.last());
        }
    });
    let names = |argument: &'a Argument| argument.name.as_ref();
    if deed.is_proved() {
        return None;
    }
    let says_whose = |argument: &&Argument| {
        let data_type = &argument.data_type;
        ["uuid", "text", "varchar", "int8", "int4"].iter().any(|name| data_type.is_builtin(name))
            && !data_type.array
    };
    let name = deed
        .function
        .inputs()
        .filter(says_whose)
        .filter_map(names)
        .filter(|name| is_principal(name) && read.contains(name))
        .filter(|name| !is_address(name) || finds_rows(deed.routine, name))
        .min_by_key(|name| rank(name))?;
    Some((name, parameter_place(cx, deed.function, name)?))
}

/// Where a parameter is named in the function's head; the function's name where that cannot be told.
fn parameter_place(cx: &CatalogCx<'_>, function: &Function, name: &Ident) -> Option<Span> {
    let head = function.name_span?;
    let text = &cx.sources.get(head.file).text[head.end as usize..];
    let end = text.find(')').unwrap_or(text.len());
    let at = text[..end].find(name.as_str());
    Some(at.map_or(head, |at| {
        let start = head.end as usize + at;
        Span::new(head.file, start, start + name.len())
    }))
}

/// Whether a parameter is named like whose rows are meant, or who it is that acts.
fn is_principal(parameter: &str) -> bool {
    let bare = bare(parameter);
    rank(parameter) == 0
        || names_principal(bare)
        || bare == "userid"
        || bare.starts_with("user_id_")
        || bare.ends_with("_user_id")
        || bare.ends_with("_profile_id")
        || is_address(parameter)
}

/// Whether a parameter is named like an address, which says whose rows are meant only where it is looked up:
/// forms write it down.
pub(super) fn is_address(parameter: &str) -> bool {
    let bare = bare(parameter);
    bare == "email" || bare.ends_with("_email")
}

/// Whether a body finds rows by a parameter: in the condition of a change, by a key of ON CONFLICT DO UPDATE, in
/// that of a query which gives more than whether there are any, or through another function.
fn finds_rows(routine: &Routine, parameter: &Ident) -> bool {
    let is_meant = |part: &Expr| {
        matches!(part, Expr::Column(column) if column.target == Target::Variable
            && column.path.last() == Some(parameter))
    };
    let mentions = |expr: &Expr| expr.any(&is_meant);
    let mut found = false;
    let mut asked: FxHashSet<*const Query> = FxHashSet::default();
    routine.walk(&mut |part| match part {
        Expr::Sublink(sublink) if sublink.kind == SublinkKind::Exists => {
            asked.insert(&raw const *sublink.query);
        }
        Expr::Call(call) => found |= call.target.is_some() && call.args.iter().any(mentions),
        _ => {}
    });
    routine.walk_queries(&mut |query| {
        let QueryBody::Select(select) = &query.body else { return };
        let tells = select.targets.iter().any(|target| !matches!(target.expr, Expr::Literal(_)));
        if tells && !asked.contains(&(&raw const *query)) {
            found |= select.filter.iter().any(|filter| mentions(filter));
            for item in &select.from {
                item.each_own_expression(&mut |expr| found |= mentions(expr));
            }
        }
    });
    found
        || routine.changes().into_iter().any(|(_, change)| {
            let renews = change.kind == ChangeKind::Insert && !change.assignments.is_empty();
            let mut is_key = false;
            if let Some(source) = change.source.as_ref().filter(|_| renews) {
                source.walk(&mut |part| is_key |= is_meant(part));
            }
            is_key || change.filter.iter().any(mentions)
        })
}

/// Who acts, or whose all of it is, comes before what else tells users and groups apart.
fn rank(parameter: &str) -> u8 {
    let bare = bare(parameter);
    let is_actor = matches!(bare, "uid" | "user_id" | "owner" | "owner_id" | "author_id" | "profile_id")
        || bare.ends_with("ed_by");
    u8::from(!is_actor)
}

/// A parameter's name without what marks it as one.
fn bare(parameter: &str) -> &str {
    let (prefixes, suffixes) = (["p_", "in_", "arg_", "v_", "_"], ["_param", "_input", "_arg"]);
    let name = prefixes.iter().find_map(|prefix| parameter.strip_prefix(prefix)).unwrap_or(parameter);
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// Whether a column is named like a count of what everybody may do.
fn is_counted(column: &str) -> bool {
    const COUNTED: &[&str] = &[
        "click",
        "download",
        "hit",
        "impression",
        "like",
        "listen",
        "play",
        "read",
        "search",
        "share",
        "view",
        "visit",
        "vote",
    ];
    words(column).split('_').any(|word| COUNTED.contains(&word.strip_suffix('s').unwrap_or(word)))
}

/// `n + 1`, `coalesce(n, 0) + 1` for a column n.
fn is_step(column: &Ident, value: &Expr) -> bool {
    let is_itself = |expr: &Expr| {
        let first = match unwrapped(expr) {
            Expr::Coalesce(list) => list.first().map(unwrapped),
            other => Some(other),
        };
        matches!(first, Some(Expr::Column(found)) if found.path.last() == Some(column))
    };
    match unwrapped(value) {
        Expr::Op { op, left: Some(left), right } => {
            op == "+" && is_itself(left) && matches!(unwrapped(right), Expr::Literal(Literal::Number(_)))
        }
        _ => false,
    }
}

fn is_moment(value: &Expr) -> bool {
    match unwrapped(value) {
        Expr::Call(call) => call.name.name == "now",
        Expr::Session(word) => *word == "current_timestamp",
        _ => false,
    }
}

/// Whether a column keeps when a row's life was decided: `deleted_at`, `approved_at`.
fn is_end(column: &str) -> bool {
    const DECIDED: &[&str] = &[
        "accepted",
        "approved",
        "archived",
        "banned",
        "canceled",
        "cancelled",
        "closed",
        "confirmed",
        "deleted",
        "disabled",
        "paid",
        "published",
        "redeemed",
        "rejected",
        "removed",
        "revoked",
        "suspended",
        "verified",
    ];
    words(column).strip_suffix("_at").is_some_and(|what| DECIDED.contains(&what))
}

/// Whether a parameter is a secret, which proves that the caller may: `invite_token`, `api_key_hash`.
fn is_proof(parameter: &str) -> bool {
    let words: Vec<&str> = bare(parameter).split('_').collect();
    let is_secret = |at: usize| match words[at] {
        "token" | "secret" | "hash" | "signature" | "password" | "pin" | "otp" => true,
        // A `key` alone may be that of a setting.
        "key" => at > 0 && !OPEN_KEYS.contains(&words[at - 1]),
        "code" => at == 0 || !OPEN_CODES.contains(&words[at - 1]),
        _ => false,
    };
    let says_how = |word: &&str| ["attempt", "digest", "hash", "text", "value"].contains(word);
    (0..words.len()).any(|at| is_secret(at) && words[at + 1..].iter().all(says_how))
}

/// What has keys that are no secret.
#[rustfmt::skip]
const OPEN_KEYS: &[&str] = &[
    "attribute", "bucket", "cache", "column", "config", "dedupe", "event", "feature", "field", "file", "foreign",
    "group", "idempotency", "lock", "metric", "object", "partition", "permission", "primary", "public", "role",
    "setting", "sort", "storage", "translation",
];

/// What has codes that are no secret. A user code is shown to whoever begins to sign in on a device.
#[rustfmt::skip]
const OPEN_CODES: &[&str] = &[
    "airport", "area", "category", "city", "class", "color", "country", "course", "currency", "department", "dial",
    "error", "iso", "item", "lang", "language", "locale", "permission", "phone", "plan", "post", "postal", "product",
    "reason", "region", "role", "state", "station", "status", "subject", "tax", "type", "unit", "user", "zip",
];

/// Reports that a function can be called, unless another rule says it of a parameter.
pub(super) fn report_callable(cx: &CatalogCx<'_>, deed: &Deed<'_>, who: &str, out: &mut Findings) {
    let function = deed.function;
    // Who knows the secret may read what it opens.
    if deed.writes.is_empty() && deed.is_proved() {
        return;
    }
    let Some(span) = function.name_span.filter(|_| trusted_parameter(cx, deed).is_none()) else { return };
    let message = format!(
        "{who} can call {} {}, which {} with its owner's rights and {}",
        function.noun(),
        function.name,
        deed.words(),
        deed.asks_in_words()
    );
    let signature = function.signature(cx.catalog);
    let found = out.report(span, Identity::new("function", &function.name), message);
    found.severity(deed.severity(cx)).reach(deed.reach.iter().cloned()).extent(deed.extent());
    found.what(signature).label(function.security_definer.origin.span(), "runs with its owner's rights");
    found.label_each(deed.writes.iter().map(|write| (*write, "writes here")));
    found.help(if deed.needed {
        "a policy, view or default calls it, so that it must stay callable: ask inside of it who calls"
            .to_string()
    } else {
        format!("ask in it who calls; or, if only the server is to call it: {}", deed.revoked(cx.catalog))
    });
}
