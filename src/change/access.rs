//! Who can do what now, and could not before: the matrices of two catalogs, compared.

use indexmap::IndexMap;
use rustc_hash::FxHashSet;

use crate::access::{COMMANDS, Cell, Rights, in_words};
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::{Catalog, Relation};
use crate::change::{AccessChange, Class};
use crate::diagnostic::Identity;
use crate::predicate::Reach;
use crate::rule::Findings;
use crate::source::{FileId, Sources, Span};
use crate::sql::statement::PolicyCommand;
use crate::sql::token::{Lexer, ident};

/// One side of the comparison.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub rights: &'a Rights<'a>,
    pub catalog: &'a Catalog,
    pub sources: &'a Sources,
}

/// What the head has that the base has not.
pub struct New<'a> {
    /// Files that are not in the base as they are.
    pub files: &'a FxHashSet<FileId>,
    /// Their statements, in order.
    pub statements: &'a [Span],
}

/// A cell's change, before those that are alike are told together.
struct Step {
    role: String,
    command: PolicyCommand,
    before: Reach,
    after: Reach,
    class: Class,
    span: Option<Span>,
}

/// Compares what each role of requests can do with each relation, before and after.
pub fn changes(before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Vec<AccessChange> {
    let mut found = Vec::new();
    for (old, name) in pairs(before, after, new) {
        match (old, name) {
            (Some(old), Some(name)) => {
                if old != name {
                    found.push(renamed(&old, &name, after, new));
                }
                both(&old, &name, before, after, new, &mut found);
            }
            (None, Some(name)) => opened(&name, after, new, &mut found),
            (Some(old), None) => found.extend(gone(&old, before, after, new)),
            (None, None) => {}
        }
    }
    found.sort_by_key(|change| change.class);
    found
}

/// Reports what opens every row of a relation that was there before.
pub fn report(changes: &[AccessChange], out: &mut Findings) {
    let opened = changes.iter().filter(|change| change.class == Class::Dangerous && change.before.is_some());
    for change in opened {
        let Some(span) = change.span else { continue };
        let kind = "relation";
        let commands: Vec<_> = change.commands.iter().map(|command| verb(*command)).collect();
        out.report(span, Identity::new(kind, &change.relation), change.message.clone())
            .note("this makes it so")
            .help(
                "hold the rows to the caller, as in `using (owner = (select auth.uid()))`, and grant no more than the \
                 app needs; if it is meant: -- rls-lint: allow(policy-widened) why",
            )
            .what(format!("{}: {}", change.roles.join(", "), commands.join(", ")));
    }
}

/// The relations of either side, each with its counterpart: by name, or by the statement that made
/// it where a table got another name.
fn pairs(before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Vec<(Option<QName>, Option<QName>)> {
    let has = |side: Side<'_>, name: &QName| side.catalog.is_relation_with_rows(name);
    let old = before.catalog.relations_of_requests();
    let mut pairs = Vec::new();
    let mut taken = FxHashSet::default();
    let lost: Vec<_> = old.iter().filter(|name| !has(after, name)).collect();
    for name in after.catalog.relations_of_requests() {
        let counterpart = if has(before, &name) {
            Some(name.clone())
        } else {
            let origin = birth(after, &name).filter(|(file, _)| !new.files.contains(file));
            let origin = origin.map(|(file, start)| (after.sources.get(file).path.as_str(), start));
            let is_it = |old: &&&QName| {
                let own = birth(before, old);
                let own = own.map(|(file, start)| (before.sources.get(file).path.as_str(), start));
                origin.is_some() && own == origin
            };
            lost.iter().find(is_it).map(|old| (**old).clone())
        };
        taken.extend(counterpart.clone());
        pairs.push((counterpart, Some(name)));
    }
    for name in old.into_iter().filter(|name| !taken.contains(name)) {
        let now = has(after, &name).then(|| name.clone());
        pairs.push((Some(name), now));
    }
    pairs
}

/// The file and offset of the statement that made a relation.
fn birth(side: Side<'_>, name: &QName) -> Option<(FileId, u32)> {
    let history = match side.catalog.relation(name)? {
        Relation::Table(oid) => &side.catalog.tables[&oid].history,
        Relation::View(oid) => &side.catalog.views[&oid].history,
        _ => return None,
    };
    history.created.span().map(|span| (span.file, span.start))
}

fn both(
    old: &QName,
    name: &QName,
    before: Side<'_>,
    after: Side<'_>,
    new: &New<'_>,
    found: &mut Vec<AccessChange>,
) {
    let (was, is) = (cells(before, old), cells(after, name));
    let mut steps = Vec::new();
    for ((role, command), cell) in &is {
        let reach = |cell: Option<&Cell>| cell.map_or(Reach::None, |cell| cell.reach);
        let earlier = was.get(&(role.clone(), *command)).copied();
        let (from, to) = (reach(earlier), cell.reach);
        let Some(class) = class(from, to) else {
            columns(name, role, earlier, cell, after, new, found);
            continue;
        };
        let span = place(cell, name, after, new);
        steps.push(Step { role: role.clone(), command: *command, before: from, after: to, class, span });
    }
    for Group { steps, roles, commands } in grouped(steps) {
        let first = &steps[0];
        found.push(AccessChange {
            class: first.class,
            message: told(&roles, &commands, first.before, first.after, &name.quoted()),
            relation: name.clone(),
            roles,
            commands,
            before: Some(first.before),
            after: Some(first.after),
            span: steps.iter().find_map(|step| step.span),
        });
    }
}

/// How a change of the rows that are reached is to be taken; nothing where there is none.
fn class(before: Reach, after: Reach) -> Option<Class> {
    use Reach::{All, None as Nothing, Own, Some as Part, Tenant, Unknown};
    match (before, after) {
        _ if before == after => None,
        (Unknown, All) | (_, Unknown) => Some(Class::Review),
        (Unknown, _) => None,
        (_, All) => Some(Class::Dangerous),
        (_, Nothing) => Some(Class::Breaking),
        (Nothing, Own) => Some(Class::Safe),
        (Nothing | Own, Tenant) | (Nothing | Own | Tenant, Part) => Some(Class::Review),
        (Tenant, Own) | (Part, Own | Tenant) | (All, Own | Tenant | Part) => Some(Class::Safe),
        (Own, Own) | (Tenant, Tenant) | (Part, Part) => None,
    }
}

fn opened(name: &QName, after: Side<'_>, new: &New<'_>, found: &mut Vec<AccessChange>) {
    let is_table = after.catalog.table(name);
    let is_open = is_table.is_some_and(|table| !table.rls.value);
    let mut steps = Vec::new();
    for ((role, command), cell) in cells(after, name) {
        let class = match cell.reach {
            Reach::None => continue,
            Reach::All if is_open || command != PolicyCommand::Select && role == "anon" => Class::Dangerous,
            Reach::Own | Reach::Tenant => Class::Safe,
            Reach::All | Reach::Some | Reach::Unknown => Class::Review,
        };
        let span = place(cell, name, after, new);
        steps.push(Step { role, command, before: Reach::None, after: cell.reach, class, span });
    }
    let what = if is_table.is_some() { "new table" } else { "new view" };
    for Group { steps, roles, commands } in grouped(steps) {
        let first = &steps[0];
        let can = deeds(&commands, first.after, &name.quoted());
        found.push(AccessChange {
            class: first.class,
            message: format!("{} can {can} ({what})", in_words(&roles, "and")),
            relation: name.clone(),
            roles,
            commands,
            before: None,
            after: Some(first.after),
            span: steps.iter().find_map(|step| step.span),
        });
    }
}

fn gone(name: &QName, before: Side<'_>, after: Side<'_>, new: &New<'_>) -> Option<AccessChange> {
    let (mut roles, mut commands) = (Vec::new(), Vec::new());
    let mut most = Reach::None;
    for ((role, command), cell) in cells(before, name) {
        if cell.reach == Reach::None {
            continue;
        }
        most = most.or(cell.reach);
        if !roles.contains(&role) {
            roles.push(role);
        }
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    // What nobody reached is missed by nobody.
    let verbs: Vec<_> = commands.iter().map(|command| verb(*command)).collect();
    (!roles.is_empty()).then(|| AccessChange {
        class: Class::Breaking,
        message: format!(
            "{} is gone: {} could {} rows of it",
            name.quoted(),
            in_words(&roles, "and"),
            in_words(&verbs, "and")
        ),
        relation: name.clone(),
        roles,
        commands,
        before: Some(most),
        after: None,
        span: mention(name, after.sources, new),
    })
}

fn renamed(old: &QName, name: &QName, after: Side<'_>, new: &New<'_>) -> AccessChange {
    AccessChange {
        class: Class::Breaking,
        message: format!("{} is now called {}", old.quoted(), name.quoted()),
        relation: name.clone(),
        roles: Vec::new(),
        commands: Vec::new(),
        before: None,
        after: None,
        span: mention(name, after.sources, new),
    }
}

/// Tells a privilege that is on other columns than before.
fn columns(
    name: &QName,
    role: &str,
    before: Option<&Cell>,
    after: &Cell,
    side: Side<'_>,
    new: &New<'_>,
    found: &mut Vec<AccessChange>,
) {
    let Some(before) = before.filter(|before| before.columns != after.columns) else { return };
    if after.reach == Reach::None {
        return;
    }
    let words = |cell: &Cell| match &cell.columns {
        None => "all columns".to_string(),
        Some(names) => in_words(&names.iter().map(|name| name.quoted()).collect::<Vec<_>>(), "and"),
    };
    let has_all = |one: &Cell, other: &Cell| match (&one.columns, &other.columns) {
        (None, _) => true,
        (_, None) => false,
        (Some(one), Some(other)) => other.iter().all(|name| one.contains(name)),
    };
    let class = if has_all(after, before) { Class::Review } else { Class::Breaking };
    let what = match after.command {
        PolicyCommand::Insert => "fill",
        command => verb(command),
    };
    let change = AccessChange {
        class,
        message: format!(
            "{role} can now {what} {} of {} (was: {})",
            words(after),
            name.quoted(),
            words(before)
        ),
        relation: name.clone(),
        roles: vec![role.to_string()],
        commands: vec![after.command],
        before: Some(before.reach),
        after: Some(after.reach),
        span: place(after, name, side, new),
    };
    found.push(change);
}

fn cells<'a>(side: Side<'a>, name: &QName) -> IndexMap<(String, PolicyCommand), &'a Cell> {
    let mut map = IndexMap::new();
    for row in side.rights.of(name) {
        for cell in row.cells {
            map.insert((row.role.name.to_string(), cell.command), cell);
        }
    }
    map
}

/// The statement of the change that makes a cell as it is.
fn place(cell: &Cell, name: &QName, side: Side<'_>, new: &New<'_>) -> Option<Span> {
    let reasons = cell.reasons.iter().filter_map(|reason| match reason.origin {
        Origin::Statement(span) if new.files.contains(&span.file) => Some((reason.reach, span)),
        _ => None,
    });
    let spans: Vec<_> = reasons.collect();
    let decides = spans.iter().find(|(reach, _)| *reach == Some(cell.reach)).or(spans.first());
    decides.map(|(_, span)| *span).or_else(|| mention(name, side.sources, new))
}

/// The last statement of the change that names a relation: what it took away has no other trace.
fn mention(name: &QName, sources: &Sources, new: &New<'_>) -> Option<Span> {
    let names = |span: &&Span| {
        let text = sources.text(**span);
        Lexer::new(text).any(|token| ident(token, text).is_some_and(|word| word == name.name))
    };
    let spans = new.statements.iter().rev().find(names);
    spans.copied().map(|span| first_line(span, sources))
}

fn first_line(span: Span, sources: &Sources) -> Span {
    let length = sources.text(span).find(['\n', '\r']).unwrap_or(span.range().len());
    Span::new(span.file, span.start as usize, span.start as usize + length)
}

/// Changes that are alike.
struct Group {
    steps: Vec<Step>,
    roles: Vec<String>,
    commands: Vec<PolicyCommand>,
}

/// Changes that are alike together: first the commands of each role, then the roles that have the same.
fn grouped(steps: Vec<Step>) -> Vec<Group> {
    let mut by_role: IndexMap<(String, Reach, Reach, Class), Vec<Step>> = IndexMap::new();
    for step in steps {
        let key = (step.role.clone(), step.before, step.after, step.class);
        by_role.entry(key).or_default().push(step);
    }
    let mut groups: IndexMap<(Reach, Reach, Class, Vec<PolicyCommand>), Group> = IndexMap::new();
    for ((role, before, after, class), steps) in by_role {
        let commands: Vec<_> = steps.iter().map(|step| step.command).collect();
        let new = || Group { steps: Vec::new(), roles: Vec::new(), commands: commands.clone() };
        let group = groups.entry((before, after, class, commands.clone())).or_insert_with(new);
        group.steps.extend(steps);
        group.roles.push(role);
    }
    groups.into_values().collect()
}

fn verb(command: PolicyCommand) -> &'static str {
    COMMANDS.iter().find(|(one, _)| *one == command).map_or("use", |(one, _)| match one {
        PolicyCommand::Insert => "add",
        PolicyCommand::Update => "change",
        PolicyCommand::Delete => "delete",
        _ => "read",
    })
}

fn rows(reach: Reach) -> &'static str {
    match reach {
        Reach::None => "no rows",
        reach => reach.word(),
    }
}

/// `read and delete own rows of public.notes, and add such rows`
fn deeds(commands: &[PolicyCommand], reach: Reach, relation: &str) -> String {
    let others: Vec<_> = commands.iter().filter(|one| **one != PolicyCommand::Insert).collect();
    let adds = commands.len() > others.len();
    let rows = match reach {
        Reach::Unknown => "nobody knows which rows",
        reach => rows(reach),
    };
    if others.is_empty() {
        let rows = if reach == Reach::All { "any row" } else { rows };
        return format!("add {rows} to {relation}");
    }
    let verbs: Vec<_> = others.iter().map(|command| verb(**command)).collect();
    let also = match (adds, reach) {
        (false, _) => "",
        (true, Reach::All) => ", and add new ones",
        (true, _) => ", and add such rows",
    };
    format!("{} {rows} of {relation}{also}", in_words(&verbs, "and"))
}

fn told(roles: &[String], commands: &[PolicyCommand], before: Reach, after: Reach, relation: &str) -> String {
    let who = in_words(roles, "and");
    match (before, after) {
        (_, Reach::None) => {
            format!("{who} can no longer {} (was: {})", plain(commands, relation), rows(before))
        }
        _ if after < before && before != Reach::Unknown && after != Reach::Unknown => {
            format!("{who} can no longer {} (now: {})", deeds(commands, before, relation), rows(after))
        }
        _ => format!("{who} can now {} (was: {})", deeds(commands, after, relation), rows(before)),
    }
}

/// `read and delete rows of public.notes`
fn plain(commands: &[PolicyCommand], relation: &str) -> String {
    match commands {
        [PolicyCommand::Insert] => format!("add rows to {relation}"),
        commands => {
            let verbs: Vec<_> = commands.iter().map(|command| verb(*command)).collect();
            format!("{} rows of {relation}", in_words(&verbs, "or"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::workload::Workload;

    /// What a second file changes about the rights that the first one gives.
    fn told_of(first: &str, second: &str) -> Vec<String> {
        let base = Bench::new(first);
        let head = Bench::new(&format!("{first}\n-- file: 2_change.sql\n{second}"));
        let (was, is) = (Workload::of(&base.catalog), Workload::of(&head.catalog));
        let (was, is) = (Rights::new(&base.catalog, &was), Rights::new(&head.catalog, &is));
        let file = FileId(u32::try_from(base.sources.len()).expect("they are few"));
        let statements: Vec<_> = head
            .migrations
            .iter()
            .filter(|migration| migration.file == file)
            .flat_map(|migration| migration.places.clone())
            .collect();
        let files = [file].into_iter().collect();
        let found = changes(
            Side { rights: &was, catalog: &base.catalog, sources: &base.sources },
            Side { rights: &is, catalog: &head.catalog, sources: &head.sources },
            &New { files: &files, statements: &statements },
        );
        found
            .iter()
            .map(|change| {
                let place = change.span.map_or("nowhere", |span| head.sources.text(span));
                format!("{}: {} [{place}]", change.class.word(), change.message)
            })
            .collect()
    }

    const NOTES: &str = "create table notes (id int primary key, owner uuid, team int);
        alter table notes enable row level security;
        create policy own on notes to authenticated using (owner = auth.uid());";

    #[test]
    fn what_is_widened_is_dangerous() {
        assert_eq!(
            told_of(NOTES, "create policy shared on notes for select to authenticated using (true);"),
            ["dangerous: authenticated can now read all rows of public.notes (was: own rows) [true]"]
        );
        assert_eq!(
            told_of(NOTES, "alter table notes disable row level security;"),
            [
                "dangerous: anon can now read, change and delete all rows of public.notes, and add new ones (was: no rows) [disable row level security]",
                "dangerous: authenticated can now read, change and delete all rows of public.notes, and add new ones (was: own rows) [disable row level security]",
            ]
        );
    }

    #[test]
    fn what_is_lost_is_breaking_and_what_is_held_tighter_is_safe() {
        assert_eq!(
            told_of(NOTES, "drop policy own on notes;"),
            [
                "breaking: authenticated can no longer read, add, change or delete rows of public.notes (was: own rows) [drop policy own on notes]"
            ]
        );
        assert_eq!(
            told_of(
                "create table t (id int, owner uuid); alter table t enable row level security;
                     create policy p on t for select to authenticated using (true);",
                "alter policy p on t using (owner = auth.uid());"
            ),
            [
                "safe: authenticated can no longer read all rows of public.t (now: own rows) [owner = auth.uid()]"
            ]
        );
    }

    #[test]
    fn new_and_renamed_relations() {
        assert_eq!(
            told_of("select 1;", "create table leak (id int);"),
            [
                "dangerous: anon and authenticated can read, change and delete all rows of public.leak, and add new ones (new table) [create table leak (id int)]"
            ]
        );
        assert_eq!(
            told_of(NOTES, "alter table notes rename to pages;"),
            ["breaking: public.notes is now called public.pages [alter table notes rename to pages]"]
        );
        assert_eq!(
            told_of(NOTES, "drop table notes;"),
            [
                "breaking: public.notes is gone: authenticated could read, add, change and delete rows of it [drop table notes]"
            ]
        );
    }

    #[test]
    fn a_view_that_forgets_to_ask_as_the_caller() {
        let view = format!("{NOTES} create view v with (security_invoker = on) as select id from notes;");
        assert_eq!(
            told_of(&view, "create or replace view v as select id from notes;"),
            [
                "dangerous: anon can now read, change and delete all rows of public.v, and add new ones (was: no rows) [create or replace view v as select id from notes]",
                "dangerous: authenticated can now read, change and delete all rows of public.v, and add new ones (was: own rows) [create or replace view v as select id from notes]",
            ]
        );
    }

    #[test]
    fn columns_count() {
        let some = format!(
            "{NOTES} revoke select on notes from authenticated; grant select (id, owner) on notes to authenticated;"
        );
        assert_eq!(
            told_of(&some, "grant select on notes to authenticated;"),
            [
                "review: authenticated can now read all columns of public.notes (was: id and owner) [grant select on notes to authenticated]"
            ]
        );
    }

    #[test]
    fn nothing_changes() {
        assert_eq!(
            told_of(NOTES, "alter table notes add column title text; create index on notes (owner);"),
            [""; 0]
        );
        assert_eq!(
            told_of(
                NOTES,
                "drop policy own on notes; create policy mine on notes to authenticated using (auth.uid() = owner);"
            ),
            [""; 0]
        );
    }
}
