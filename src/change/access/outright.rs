//! Functions that do something with every row of a table with the rights of their owners, and did not.

use crate::access::{Cell, in_words};
use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::change::access::words::{deeds, rows, rows_at_most};
use crate::change::access::{Side, cells};
use crate::change::{AccessChange, Class, Renamed, Subject};
use crate::map::IndexMap;
use crate::predicate::Reach;
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege};
use crate::workload::outright::Outright;
use crate::workload::routine::Routine;

/// What functions that can be called do outright, each with what it does.
fn deeds_of(side: Side<'_>) -> Vec<(&Function, Outright)> {
    let catalog = side.catalog;
    let doubts = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    let runs =
        |function: &&Function| !doubts.concern(&function.name) && !catalog.callers(function).is_empty();
    let of = |function| side.workload.outright(catalog, function).into_iter().map(move |one| (function, one));
    let all = catalog.own_functions().filter(runs).flat_map(of);
    all.filter(|(_, one)| owner(catalog, one).is_some_and(|by| is_let(catalog, by, one)) || one.truncates)
        .collect()
}

/// Who owns the function with whose rights something is done; nothing where that is done with those of the caller.
fn owner<'a>(catalog: &'a Catalog, one: &Outright) -> Option<&'a Ident> {
    catalog.functions.get(&one.by).filter(|by| by.security_definer.value).map(|by| &by.owner)
}

/// Whether a role may do what a function does, whatever policies say.
fn is_let(catalog: &Catalog, role: &Ident, one: &Outright) -> bool {
    let table = &catalog.tables[&one.table];
    let privilege = match one.command {
        _ if one.truncates => Privilege::Truncate,
        PolicyCommand::Update => Privilege::Update,
        PolicyCommand::Delete => Privilege::Delete,
        _ => Privilege::Select,
    };
    (one.truncates || catalog.is_above_policies(role, table)) && catalog.can(role, &table.acl, privilege)
}

/// Whether a function does for a role what it does outright: TRUNCATE needs the caller's own right.
fn does_for(catalog: &Catalog, role: &Role, one: &Outright) -> bool {
    let table = &catalog.tables[&one.table];
    match owner(catalog, one) {
        Some(owner) => is_let(catalog, owner, one),
        None => is_let(catalog, &role.name, one) && catalog.can_use_namespace(&role.name, &table.name.schema),
    }
}

/// What is told together: a table, the rows of it that were reached before, in words as well, who calls, what of the
/// rows is given, and how it is done.
type Group = (QName, (Reach, &'static str), Vec<String>, Option<Vec<Ident>>, &'static str);

/// How a function does what its callers may not.
fn how(catalog: &Catalog, one: &Outright) -> &'static str {
    match owner(catalog, one) {
        Some(_) => "which runs with its owner's rights",
        None => "which empties it by TRUNCATE, and policies do not hold that back",
    }
}

/// What functions open of tables that were there, each with the function's signature.
pub(super) fn compared(before: Side<'_>, after: Side<'_>, renamed: &Renamed) -> Vec<(String, AccessChange)> {
    let now = deeds_of(after);
    if now.is_empty() {
        return Vec::new();
    }
    let was = Known { side: before, deeds: deeds_of(before), renamed };
    let mut groups: IndexMap<(String, Group), Vec<PolicyCommand>> = IndexMap::default();
    for (function, one) in &now {
        let table = &after.catalog.tables[&one.table];
        let old = renamed.former(&table.name);
        let is_held = table.rls.value && before.catalog.table(old).is_some();
        let signature = function.signature(after.catalog);
        let mut by_reach: IndexMap<_, Vec<String>> = IndexMap::default();
        let callers = after.catalog.callers(function).into_iter();
        for role in callers.filter(|role| is_held && does_for(after.catalog, role, one)) {
            let is_open = reached(after, &table.name, role, one.command) == Reach::All;
            let (reach, words) = reached_before(before, old, role, one.command);
            let is_new = !is_open
                && !matches!(reach, Reach::All | Reach::Unknown)
                && !was.is_done(table, one, role)
                && !was.is_shown(old, role, one.command);
            let passed = was.passed(&signature, old, role);
            if is_new && passed != Passed::MaybeAll {
                let was = match passed {
                    Passed::ByCaller => (Reach::Unknown, "what it let them"),
                    _ => (reach, words),
                };
                by_reach.entry(was).or_default().push(role.name.to_string());
            }
        }
        for (was, roles) in by_reach {
            let columns = one.columns.as_ref().map(|list| named(table, list));
            let group = (table.name.clone(), was, roles, columns, how(after.catalog, one));
            groups.entry((signature.clone(), group)).or_default().push(one.command);
        }
    }
    groups
        .into_iter()
        .map(|((signature, group), commands)| (signature.clone(), told(signature, group, commands)))
        .collect()
}

fn named(table: &Table, columns: &[i16]) -> Vec<Ident> {
    columns.iter().filter_map(|attnum| Some(table.column_at(*attnum)?.name.clone())).collect()
}

/// The rows that a role reaches by itself; all of them where a statement without a condition does.
fn reached(side: Side<'_>, name: &QName, role: &Role, command: PolicyCommand) -> Reach {
    cell(side, name, role, command).map_or(Reach::None, |cell| match command {
        PolicyCommand::Update | PolicyCommand::Delete if cell.blind == Reach::All => Reach::All,
        _ => cell.reach,
    })
}

/// The same with its words, where of the rows it may only be known that they were these at most.
fn reached_before(
    side: Side<'_>,
    name: &QName,
    role: &Role,
    command: PolicyCommand,
) -> (Reach, &'static str) {
    let reach = reached(side, name, role, command);
    let most = cell(side, name, role, command).and_then(|cell| cell.at_most);
    match most.filter(|_| reach == Reach::Unknown) {
        Some(most) => (most, rows_at_most(most)),
        None => (reach, rows(reach)),
    }
}

fn cell<'a>(side: Side<'a>, name: &QName, role: &Role, command: PolicyCommand) -> Option<&'a Cell> {
    let is_come_to =
        side.catalog.is_exposed(&name.schema) || !side.rights.passages(name, role, command).is_empty();
    cells(side, name).get(&(role.name.to_string(), command)).copied().filter(|_| is_come_to)
}

/// Which rows of a table a function let a role have before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    Nothing,
    /// Those that it chose by who calls.
    ByCaller,
    /// Others, and maybe all.
    MaybeAll,
}

/// What was so before.
struct Known<'a> {
    side: Side<'a>,
    deeds: Vec<(&'a Function, Outright)>,
    renamed: &'a Renamed,
}

impl Known<'_> {
    /// Whether some function did as much for a role.
    fn is_done(&self, table: &Table, one: &Outright, role: &Role) -> bool {
        let catalog = self.side.catalog;
        self.deeds.iter().any(|(function, earlier)| {
            let was = &catalog.tables[&earlier.table];
            let is_enough = match (&earlier.columns, &one.columns) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(was_given), Some(given)) => {
                    let was_given = named(was, was_given);
                    named(table, given).iter().all(|column| was_given.contains(column))
                }
            };
            is_enough
                && earlier.command == one.command
                && self.renamed.relation(was.name.clone()) == table.name
                && catalog
                    .callers(function)
                    .iter()
                    .any(|caller| caller.name == role.name && does_for(catalog, caller, earlier))
        })
    }

    fn passed(&self, signature: &str, table: &QName, role: &Role) -> Passed {
        let Side { catalog, workload, .. } = self.side;
        let is_it = |function: &&Function| {
            self.renamed.signature(&function.signature(catalog)) == *signature
                && function.security_definer.value
                && catalog.callers(function).iter().any(|caller| caller.name == role.name)
        };
        let Some(function) = catalog.own_functions().find(is_it) else { return Passed::Nothing };
        if workload.body_knows_caller(function.oid) && !workload.only_notes_caller(function.oid) {
            return Passed::ByCaller;
        }
        let is_read = |routine: &&Routine| routine.complete && routine.executed.is_empty();
        let routine = workload.routines.get(&function.oid).filter(is_read);
        let Some(routine) = routine else { return Passed::MaybeAll };
        let (target, mut comes_to) = (catalog.table(table).map(|table| table.oid), false);
        routine.walk_relations(&mut |relation| {
            comes_to |= relation.target.is_none() || relation.target == target
        });
        routine.walk(&mut |part| comes_to |= matches!(part, Expr::Call(call) if call.target.is_some()));
        if comes_to { Passed::MaybeAll } else { Passed::Nothing }
    }

    /// Whether a view that a role reads showed the table past its policies: how much of it is not asked.
    fn is_shown(&self, table: &QName, role: &Role, command: PolicyCommand) -> bool {
        let Side { catalog, rights, .. } = self.side;
        let Some(role) = catalog.roles.get(&role.name).filter(|_| command == PolicyCommand::Select) else {
            return false;
        };
        catalog.own_views().any(|view| {
            reached(self.side, &view.name, role, command) != Reach::None
                && rights.shown_to(role, view).iter().any(|shown| shown.table.name == *table)
        })
    }
}

fn told(signature: String, group: Group, commands: Vec<PolicyCommand>) -> AccessChange {
    let (name, (before, was), roles, columns, how) = group;
    let who = in_words(&roles, "and");
    let can = match columns {
        None => deeds(&commands, Reach::All, &name.quoted()),
        Some(columns) => {
            let columns: Vec<_> = columns.iter().map(Ident::quoted).collect();
            format!("read {} of all rows of {}", in_words(&columns, "and"), name.quoted())
        }
    };
    let message = format!("{who} can now {can} through {signature}, {how} (was: {was})");
    AccessChange {
        roles,
        commands,
        before: Some(before),
        after: Some(Reach::All),
        through: Some(signature),
        ..AccessChange::new(Subject::Relation, name, Class::Dangerous, message)
    }
}

/// Whether what is said of who can call a function is said by what that opens to them.
pub(super) fn says(opened: &[(String, AccessChange)], (signature, call): &(String, AccessChange)) -> bool {
    let is_told = |role: &String| {
        opened.iter().any(|(function, change)| function == signature && change.roles.contains(role))
    };
    call.class == Class::Review && call.roles.iter().all(is_told)
}
