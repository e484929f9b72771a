//! What is said of relations that the Data API does not serve, and functions come to.

use crate::access::Passage;
use crate::catalog::name::QName;
use crate::change::Class;
use crate::change::access::Side;
use crate::change::access::words::few;
use crate::sql::statement::PolicyCommand;

fn passages<'a>(name: &QName, side: Side<'a>, role: &str, command: PolicyCommand) -> Vec<Passage<'a>> {
    let role = side.catalog.roles.get(role);
    role.map_or_else(Vec::new, |role| side.rights.passages(name, role, command))
}

/// Whether a relation was come to by functions alone and no longer is: that is told of the functions.
pub(super) fn was_passed_only(
    (old, before): (&QName, Side<'_>),
    (name, after): (&QName, Side<'_>),
    role: &str,
    command: PolicyCommand,
) -> bool {
    let is_served = after.catalog.is_exposed(&name.schema);
    !is_served
        && !passages(old, before, role, command).is_empty()
        && passages(name, after, role, command).is_empty()
}

/// How a step is to be taken where a function is in between: one that asks who calls may give no more than is meant, and
/// so may a new one, unless nothing in it could hold a row back.
pub(super) fn capped(
    class: Class,
    (old, before): (&QName, Side<'_>),
    (name, after): (&QName, Side<'_>),
    role: &str,
    command: PolicyCommand,
) -> Class {
    let passages_now = passages(name, after, role, command);
    let was_reached =
        before.catalog.is_exposed(&old.schema) || !passages(old, before, role, command).is_empty();
    let does_outright = |passage: &Passage<'_>| {
        let deeds = after.workload.outright(after.catalog, passage.function);
        let table = after.catalog.table(name).map(|table| table.oid);
        deeds.iter().any(|one| Some(one.table) == table && one.command == command)
    };
    let is_open = || {
        let is_meant = |passage: &Passage<'_>| passage.asks || !was_reached && !does_outright(passage);
        passages_now.is_empty() || !passages_now.iter().all(is_meant)
    };
    if class == Class::Dangerous && !is_open() { Class::Review } else { class }
}

/// `basejump.accounts through public.get_accounts`, or where functions choose the rows by who calls, `basejump.accounts
/// as far as public.get_accounts lets them`.
pub(super) fn relation_in_words(
    name: &QName,
    side: Side<'_>,
    roles: &[String],
    commands: &[PolicyCommand],
) -> String {
    let (mut open, mut asking) = (Vec::new(), Vec::new());
    for (role, command) in roles.iter().flat_map(|role| commands.iter().map(move |command| (role, *command)))
    {
        for passage in passages(name, side, role, command) {
            let list = if passage.asks { &mut asking } else { &mut open };
            let function = passage.function.name.quoted();
            if !list.contains(&function) {
                list.push(function);
            }
        }
    }
    open.sort_unstable();
    asking.sort_unstable();
    let relation = name.quoted();
    let named = |functions: &[String]| few(functions, "function");
    match (open.as_slice(), asking.as_slice()) {
        ([], []) => relation,
        ([], [_]) => format!("{relation} as far as {} lets them", named(&asking)),
        ([], _) => format!("{relation} as far as {} let them", named(&asking)),
        (_, _) => format!("{relation} through {}", named(&open)),
    }
}
