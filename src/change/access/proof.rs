//! Rows that policies take for proof of what their users may do.

use crate::access::authority::{Authority, may_set};
use crate::access::{COMMANDS, Cell};
use crate::catalog::name::QName;
use crate::change::access::Side;
use crate::change::access::words::few;
use crate::predicate::Reach;
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

/// What policies decide by, in words, where a role chooses it in rows of its own: `policies on public.teams decide by
/// team`. Nothing where it writes no such rows.
pub(super) fn decided_by(
    authority: &Authority<'_>,
    (name, side): (&QName, Side<'_>),
    cell: &Cell,
    role: &str,
) -> Option<String> {
    let table = side.catalog.table(name)?;
    let is_written = matches!(cell.command, PolicyCommand::Insert | PolicyCommand::Update);
    let privilege = COMMANDS.iter().find(|(one, _)| *one == cell.command).map(|(_, privilege)| *privilege)?;
    let (mut columns, mut tables) = (Vec::new(), Vec::new());
    for (attnum, decisions) in authority.columns(table).filter(|_| is_written && cell.reach == Reach::Own) {
        let column = table.column_at(attnum).filter(|column| !cell.owner_columns.contains(&column.name));
        let Some(column) =
            column.filter(|_| may_set(side.catalog, table, attnum, &Ident::from(role), privilege))
        else {
            continue;
        };
        columns.push(column.name.quoted());
        for name in decisions.iter().map(|decision| decision.table.name.quoted()) {
            if !tables.contains(&name) {
                tables.push(name);
            }
        }
    }
    (!columns.is_empty())
        .then(|| format!("policies on {} decide by {}", few(&tables, "table"), few(&columns, "column")))
}
