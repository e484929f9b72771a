//! What the rules about `created_at` and `updated_at` share: which tables they look at, how they
//! know such a column, and how a habit of the whole project is told once.

use crate::map::IndexMap;
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::access::Access;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::{Column, ConstraintKind, Table, TableKind};
use crate::catalog::trigger::Trigger;
use crate::diagnostic::{Diagnostic, Identity};
use crate::rule::{CatalogCx, Findings};
use crate::rules::MANY;
use crate::sql::expr::{Expr, Oid};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{Block, BlockStatementKind, Fragment};
use crate::sql::statement::{ChangeKind, PolicyCommand, StatementKind, TriggerEvent, TriggerTiming};
use crate::workload::routine::Routine;

/// Up to this many tables each have their own finding, whatever the others do.
const FEW: usize = 5;

/// Patterns of tables: `*_log` is about names, `private.*` about names with their schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Globs(Vec<glob::Pattern>);

impl Globs {
    /// Tables that are only appended to, by their names.
    pub(super) fn append_only() -> Self {
        Self::of(&[
            "*_log",
            "*_logs",
            "*log",
            "logs",
            "*_event",
            "*_events",
            "events",
            "*_history",
            "history",
            "audit_*",
            "*_audit",
            "*_audits",
            "*_archive",
            "*_snapshot",
            "*_snapshots",
            "*_version",
            "*_versions",
            "*_revisions",
            "*_attempts",
            "*_views",
            "*_clicks",
        ])
    }

    /// The shipped patterns, which are valid.
    pub(super) fn of(patterns: &[&str]) -> Self {
        Self(patterns.iter().filter_map(|pattern| glob::Pattern::new(pattern).ok()).collect())
    }

    pub(super) fn match_text(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    pub(super) fn match_name(&self, name: &QName) -> bool {
        let full = format!("{}.{}", name.schema, name.name);
        self.0
            .iter()
            .any(|pattern| pattern.matches(if pattern.as_str().contains('.') { &full } else { &name.name }))
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let patterns = Vec::<String>::deserialize(deserializer)?;
        let compiled = patterns.iter().map(|pattern| glob::Pattern::new(pattern).map_err(D::Error::custom));
        compiled.collect::<Result<_, _>>().map(Self)
    }
}

/// Names of columns; case and underscores do not count, so that `createdAt` is `created_at`.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub(super) struct Names(Vec<String>);

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self(names.iter().map(|name| folded(name)).collect())
    }
}

const CREATED: [&str; 14] = [
    "created_at",
    "created_on",
    "created",
    "created_date",
    "created_time",
    "created_timestamp",
    "create_date",
    "create_time",
    "creation_date",
    "creation_time",
    "date_created",
    "time_created",
    "inserted_at",
    "inserted_on",
];

const UPDATED: [&str; 20] = [
    "updated_at",
    "updated_on",
    "updated",
    "updated_date",
    "updated_time",
    "updated_timestamp",
    "update_date",
    "update_time",
    "date_updated",
    "time_updated",
    "last_updated",
    "last_updated_at",
    "last_update",
    "modified_at",
    "modified_on",
    "modified",
    "modified_date",
    "date_modified",
    "last_modified",
    "last_modified_at",
];

impl Names {
    /// The names that say nothing else.
    pub(super) fn created() -> Self {
        Self::of(&CREATED)
    }

    /// Those of events and entries as well.
    pub(super) fn made() -> Self {
        let events = ["added_at", "recorded_at", "logged_at", "occurred_at", "timestamp", "event_time"];
        Self::of(&[&CREATED[..], &events].concat())
    }

    /// The names of the time of the last change, which each row has from the beginning.
    pub(super) fn updated() -> Self {
        Self::of(&UPDATED)
    }

    /// Those as well that are empty until somebody edits the row.
    pub(super) fn changed() -> Self {
        Self::of(&[&UPDATED[..], &["edited_at", "last_edited_at"]].concat())
    }

    fn of(names: &[&str]) -> Self {
        names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>().into()
    }

    pub(super) fn has(&self, column: &Column) -> bool {
        self.0.contains(&folded(&column.name))
    }

    /// The first of the names, for advice.
    pub(super) fn column<'t>(&self, table: &'t Table) -> Option<&'t Column> {
        table.columns.iter().find(|column| self.has(column))
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// Whether a column holds a point in time.
pub(super) fn is_time(column: &Column) -> bool {
    ["timestamptz", "timestamp", "date"].iter().any(|name| column.data_type.value.is_builtin(name))
}

/// The project's own tables whose shape is known: none of the platform's schemas, no foreign ones,
/// and no partitions, which have the columns of their table.
pub(super) fn kept_tables<'a>(cx: &CatalogCx<'a>) -> Vec<&'a Table> {
    let catalog = cx.catalog;
    let doubts = catalog.doubts(&[Aspect::Shape]);
    let is_kept = |table: &&Table| {
        table.kind != TableKind::Foreign
            && !table.is_partition
            && table.name_span.is_some()
            && !catalog.is_managed(&table.name.schema)
            && !doubts.concern(&table.name)
    };
    catalog.own_tables().filter(is_kept).collect()
}

/// Whether a table is there for one row of settings: a CHECK allows no second value of its key, or it
/// has settings for a name, no key at all and a default for each column.
pub(super) fn holds_one_row(table: &Table) -> bool {
    const NAMES: [&str; 5] = ["config", "configuration", "setting", "settings", "options"];
    let key = table.primary_key();
    let allows_one = |expr: &Expr| match expr {
        Expr::Column(_) | Expr::IsBool { negated: false, .. } => true,
        Expr::Op { op, left: Some(left), right } if op == "=" => {
            let sides = (left.uncast(), right.uncast());
            matches!(sides, (Expr::Column(_), Expr::Literal(_)) | (Expr::Literal(_), Expr::Column(_)))
        }
        _ => false,
    };
    let is_checked = table.constraints.values().any(|constraint| match &constraint.kind {
        ConstraintKind::Check { expr, columns } => {
            columns.len() == 1 && key == Some(columns.as_slice()) && allows_one(expr)
        }
        _ => false,
    });
    let is_named = || table.name.name.split('_').any(|word| NAMES.contains(&word));
    let has_keys =
        || table.foreign_keys().next().is_some() || table.indexes.values().any(|index| index.unique);
    let filled = |column: &Column| column.default.is_some();
    is_checked || key.is_none() && is_named() && !has_keys() && table.columns.iter().all(filled)
}

/// The options that exempt a table from having a column, whatever column it is.
pub(super) struct Exempt<'a> {
    pub(super) names: &'a Globs,
    pub(super) join_tables: bool,
    pub(super) min_columns: usize,
}

impl Exempt<'_> {
    pub(super) fn has(&self, table: &Table) -> bool {
        self.names.match_name(&table.name)
            || holds_one_row(table)
            || self.join_tables && table.is_join_table()
            || table.columns.len() < self.min_columns
    }
}

/// A column that tables are to have.
pub(super) struct Wanted {
    pub(super) column: &'static str,
    /// What it keeps: `when a row was made`.
    pub(super) keeps: &'static str,
    /// What else can be done about many tables.
    pub(super) exemption: &'static str,
}

impl Wanted {
    /// Reports the tables without such a column, each by itself or all at once. `more` is the SQL
    /// that a table needs besides the column.
    pub(super) fn report(
        &self,
        having: &[&Table],
        lacking: &[&Table],
        more: impl Fn(&Table) -> Option<String>,
        out: &mut Findings,
    ) {
        let note = format!("has no {}", self.column);
        let added = format!("add column {} timestamptz not null default now();", self.column);
        let before = out.list.len();
        for table in lacking {
            let Some(span) = table.name_span else { continue };
            let message = format!("table {} does not keep {}", table.name, self.keeps);
            let mut help = format!("alter table {} {added}", table.name.quoted());
            if let Some(more) = more(table) {
                help = format!("{help} {more}");
            }
            out.report(span, Identity::new("table", &table.name), message).note(note.clone()).help(help);
        }
        if is_habit(lacking.len(), having.len()) {
            let all = lacking.len() + having.len();
            let message = format!("{} of {all} tables do not keep {}", lacking.len(), self.keeps);
            if let Some(habit) = fold_tables(out, before, self.column, message) {
                habit.help(format!("alter table … {added} or {}", self.exemption));
            }
        }
    }
}

/// Whether so many tables lack something that it is to be told once: as the project's habit, or
/// because a finding for each would hide the others.
pub(super) fn is_habit(lacking: usize, having: usize) -> bool {
    lacking > MANY || lacking > FEW && lacking > having
}

/// Tells once what was reported of many tables since there were `before` findings.
/// The finding is the same whichever tables come first.
pub(super) fn fold_tables<'f>(
    out: &'f mut Findings,
    before: usize,
    what: &str,
    message: String,
) -> Option<&'f mut Diagnostic> {
    let habit = out.fold(before, "tables", message, |_| "and here")?;
    Some(habit.what(what))
}

/// Whether a trigger sets a column when this happens to a row, or may do so for all that can be
/// read of its function.
pub(super) fn is_set_by_trigger(
    cx: &CatalogCx<'_>,
    table: &Table,
    column: &Column,
    event: TriggerEvent,
) -> bool {
    let runs = |trigger: &&Trigger| trigger.enabled != 'D' && trigger.events.contains(&event);
    table.triggers.values().filter(runs).any(|trigger| match trigger.timing {
        TriggerTiming::Before => trigger.for_each_row && assigns(cx, trigger, column),
        TriggerTiming::After => updates(cx, trigger, table, column),
        TriggerTiming::InsteadOf => false,
    })
}

/// Whether a trigger before UPDATE sets a column, or looks at it and may refuse the change.
pub(super) fn is_watched_by_trigger(cx: &CatalogCx<'_>, table: &Table, column: &Column) -> bool {
    let mentions = |trigger: &Trigger| {
        let routine = trigger.function.oid.and_then(|oid| cx.workload.routines.get(&oid));
        let mut found = false;
        routine.into_iter().for_each(|routine| {
            routine.walk(&mut |part| {
                found |= matches!(part, Expr::Column(read) if read.path.last() == Some(&column.name));
            });
        });
        found
    };
    let before = |trigger: &&Trigger| {
        let runs = trigger.enabled != 'D' && trigger.timing == TriggerTiming::Before;
        runs && trigger.events.contains(&TriggerEvent::Update)
    };
    is_set_by_trigger(cx, table, column, TriggerEvent::Update)
        || table.triggers.values().filter(before).any(mentions)
}

/// A BEFORE trigger assigns to the new row, as `moddatetime` of the extension does.
fn assigns(cx: &CatalogCx<'_>, trigger: &Trigger, column: &Column) -> bool {
    if trigger.function.name.name == "moddatetime" {
        return trigger.args.is_empty() || trigger.args.iter().any(|arg| column.name == **arg);
    }
    let routine = trigger.function.oid.and_then(|oid| cx.workload.routines.get(&oid));
    let Some(routine) = routine.filter(|routine| routine.complete) else { return true };
    let Some(block) = &routine.block else { return true };
    let rows = new_rows(block);
    let mut found = false;
    block.walk(&mut |statement| {
        found |= match &statement.kind {
            BlockStatementKind::Assign { target, field, value } => {
                let sets = |field: &Ident| *field == column.name;
                rows.contains(target) && field.as_ref().map_or_else(|| !is_copy(value), sets)
            }
            BlockStatementKind::Sql { into, .. }
            | BlockStatementKind::Execute { into, .. }
            | BlockStatementKind::Receive { into, .. } => into.iter().any(|name| rows.contains(name)),
            _ => false,
        };
    });
    found
}

/// The variables that may hold the row as it will be: `new`, and what is returned in its place.
fn new_rows(block: &Block) -> FxHashSet<Ident> {
    let mut rows = FxHashSet::from_iter([Ident::from("new")]);
    block.walk(&mut |statement| {
        let BlockStatementKind::Return(Some(value)) = &statement.kind else { return };
        value.value.iter().for_each(|value| {
            value.walk(&mut |part| {
                if let Expr::Column(column) = part {
                    rows.extend(column.path.first().filter(|name| **name != "old").cloned());
                }
            });
        });
    });
    rows
}

/// Whether a value is `new` or `old` as they are.
fn is_copy(value: &Fragment) -> bool {
    matches!(&value.value, Some(Expr::Column(column))
        if matches!(column.path.as_slice(), [only] if *only == "new" || *only == "old"))
}

/// Whether nobody but the project's functions can update a table, and each of them sets a column.
pub(super) fn is_set_by_functions(cx: &CatalogCx<'_>, table: &Table, column: &Column) -> bool {
    let may_write = cx.catalog.table_access(table).iter().any(Access::can_write);
    let lets = |policy: &Policy| policy.permissive && policy.covers(PolicyCommand::Update);
    if may_write && (!table.rls.value || table.policies.values().any(lets)) {
        return false;
    }
    let statements = cx.workload.routines.values().flat_map(|routine| &routine.statements);
    let mut updates = statements.filter_map(|statement| match &statement.kind {
        StatementKind::Change(change) if change.table.target == Some(table.oid) => {
            (!change.assignments.is_empty()).then_some(&change.assignments)
        }
        _ => None,
    });
    let sets = |list: &Vec<(Ident, Expr)>| list.iter().any(|(name, _)| *name == column.name);
    updates.next().is_some_and(sets) && updates.all(sets)
}

/// How a trigger can set a column like `updated_at`.
pub(super) struct Touch {
    column: Ident,
    /// What is to be run once, before.
    pub(super) first: &'static str,
    /// The call of a function.
    pub(super) call: String,
}

impl Touch {
    /// The SQL that makes the trigger.
    pub(super) fn trigger(&self, table: &Table) -> String {
        let Self { column, first, call } = self;
        let mut name = Ident::new(format!("{}_{column}", table.name.name));
        if table.triggers.contains_key(&name) {
            name = Ident::new(format!("{name}_set"));
        }
        format!(
            "{first}create trigger {} before update on {} for each row execute function {call};",
            name.quoted(),
            table.name.quoted()
        )
    }
}

/// How a trigger can set a column like `updated_at`: by a function that tables of the project share for
/// nothing else, or by `moddatetime`.
pub(super) fn touch(cx: &CatalogCx<'_>, column: &Ident) -> Touch {
    let (first, call) = touching(cx, column);
    Touch { column: column.clone(), first, call }
}

fn touching(cx: &CatalogCx<'_>, column: &Ident) -> (&'static str, String) {
    let touches =
        |oid: &&Oid| cx.workload.routines.get(*oid).is_some_and(|routine| touches_only(routine, column));
    let mut uses: IndexMap<Oid, usize> = IndexMap::default();
    let triggers = cx.catalog.own_tables().flat_map(|table| table.triggers.values());
    for function in triggers.filter_map(|trigger| trigger.function.oid.as_ref()).filter(touches) {
        *uses.entry(*function).or_default() += 1;
    }
    // One that serves a single table may be meant for it.
    uses.retain(|_, count| *count > 1);
    uses.sort_by(|_, one, _, other| other.cmp(one));
    let own = uses.first().and_then(|(oid, _)| cx.catalog.functions.get(oid));
    if let Some(function) = own {
        return ("", format!("{}()", function.name.quoted()));
    }
    let name = QName::new(
        cx.catalog
            .extensions
            .get("moddatetime")
            .map_or("extensions".into(), |extension| extension.schema.value.clone()),
        "moddatetime",
    );
    let made = cx.catalog.extensions.contains_key("moddatetime");
    let first = if made { "" } else { "create extension if not exists moddatetime with schema extensions; " };
    (first, format!("{} ({})", name.quoted(), column.quoted()))
}

/// `now()`, `current_timestamp`, `timezone('utc', now())`, `now() at time zone 'utc'`.
pub(super) fn is_now(expr: &Expr) -> bool {
    expr.any(&|part| match part {
        Expr::Call(call) => {
            let names = ["now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"];
            names.contains(&call.name.name.as_str())
        }
        Expr::Session(word) => matches!(*word, "current_timestamp" | "current_date" | "localtimestamp"),
        _ => false,
    })
}

/// Whether a trigger's function assigns a column of the new row, always, and does nothing else.
fn touches_only(routine: &Routine, column: &Ident) -> bool {
    let Some(block) = routine.block.as_ref().filter(|_| routine.complete) else { return false };
    let rows = new_rows(block);
    let mut assigned = 0;
    let mut other = false;
    block.walk(&mut |statement| match &statement.kind {
        BlockStatementKind::Assign { target, field: Some(field), value }
            if rows.contains(target) && field == column && value.value.as_ref().is_some_and(is_now) =>
        {
            assigned += 1;
        }
        BlockStatementKind::Assign { target, field: None, value }
            if rows.contains(target) && is_copy(value) => {}
        BlockStatementKind::Return(_) => {}
        _ => other = true,
    });
    assigned == 1 && !other
}

/// An AFTER trigger may write the row a second time.
fn updates(cx: &CatalogCx<'_>, trigger: &Trigger, table: &Table, column: &Column) -> bool {
    let routine = trigger.function.oid.and_then(|oid| cx.workload.routines.get(&oid));
    routine.into_iter().flat_map(|routine| &routine.statements).any(|statement| match &statement.kind {
        StatementKind::Change(change) => {
            change.kind == ChangeKind::Update
                && change.table.target == Some(table.oid)
                && change.assignments.iter().any(|(name, _)| *name == column.name)
        }
        _ => false,
    })
}
