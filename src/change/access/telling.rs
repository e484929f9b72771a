//! Differences that are alike, told in one sentence.

use crate::access::in_words;
use crate::catalog::name::QName;
use crate::change::access::cause::Effect;
use crate::change::access::passed::relation_in_words;
use crate::change::access::step::{Kind, Step};
use crate::change::access::words::{deeds, deeds_in_number, plain, rows, verb, which};
use crate::change::access::{Side, cells};
use crate::change::stops::Cause;
use crate::change::{AccessChange, Class, Renamed, RenamedPart, Subject};
use crate::map::IndexMap;
use crate::predicate::{Comparison, Reach};
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

pub(super) fn told(group: Group, name: &QName, side: Side<'_>) -> AccessChange {
    let Group { steps, roles, commands } = group;
    let Step { kind, before, after, class, cause, .. } = &steps[0];
    let (who, relation) = (in_words(&roles, "and"), relation_in_words(name, side, &roles, &commands));
    let message = match kind {
        Kind::Reach => told_as_kind(&who, &commands, (*before, ""), *after, &relation),
        Kind::Beyond(most) => told_as_kind(&who, &commands, (*most, " at most"), *after, &relation),
        Kind::Aside(fences) => {
            told_as_kind(&who, &commands, (*before, &format!("; {fences}")), *after, &relation)
        }
        Kind::Loosened(fallen) => {
            let can = deeds_in_number(&commands, "more", &relation);
            format!("{who} may now {can} ({}, as before): {fallen}", rows(*after))
        }
        Kind::Within(how) | Kind::MaybeWithin(how) => {
            let number = match how {
                Comparison::Fewer => "fewer",
                Comparison::More => "more",
                _ => "other",
            };
            let can = deeds_in_number(&commands, number, &relation);
            let as_what = if before == after {
                format!("{}, as before", rows(*after))
            } else {
                format!("was: {}", rows(*before))
            };
            let may = if matches!(kind, Kind::Within(_)) { "can" } else { "may" };
            format!("{who} {may} now {can} ({as_what})")
        }
        Kind::Open(asked) => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can now {can}: only {asked} is asked (was: {})", rows(*before))
        }
        Kind::Blind => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can now {can} with a statement that has no condition (was: {})", rows(*before))
        }
        Kind::NewRows(asked) => {
            let into = match asked {
                Some(asked) => format!("any: only {asked} is asked"),
                None if *after == Reach::All => "any".to_string(),
                None => rows(*after).to_string(),
            };
            format!(
                "{who} can now turn the rows of {relation} that they change into {into} (was: into {})",
                rows(*before)
            )
        }
        Kind::Columns { is, was, .. } => {
            let what = match commands.as_slice() {
                [PolicyCommand::Insert] => "fill".to_string(),
                commands => in_words(&commands.iter().map(|one| verb(*one)).collect::<Vec<_>>(), "and"),
            };
            format!("{who} can now {what} {is} of {relation} (was: {was})")
        }
        Kind::Shown(shown) => {
            let how = shown.past_readers();
            let which = if *after == Reach::Unknown { "not known which rows" } else { rows(*after) };
            format!("{who} can now read {} through {relation}{how} ({which})", shown.in_words())
        }
    };
    let shows = match kind {
        Kind::Shown(shown) => shown.names(),
        Kind::Columns { private, .. } => {
            private.iter().map(|column| format!("{}.{}", name.quoted(), column.quoted())).collect()
        }
        _ => Vec::new(),
    };
    AccessChange {
        class: *class,
        message,
        subject: Subject::Relation,
        name: name.clone(),
        before: Some(*before),
        after: Some(*after),
        shows,
        through: None,
        cause: *cause,
        statement: None,
        roles,
        commands,
    }
}

/// `before` comes with what is added to it in words.
fn told_as_kind(
    who: &str,
    commands: &[PolicyCommand],
    (before, more): (Reach, &str),
    after: Reach,
    relation: &str,
) -> String {
    let was = format!("(was: {}{more})", rows(before));
    if after == Reach::None {
        return format!("{who} can no longer {} {was}", plain(commands, relation));
    }
    if after < before && before != Reach::Unknown && after != Reach::Unknown {
        return format!("{who} can no longer {} (now: {})", deeds(commands, before, relation), rows(after));
    }
    if after == Reach::Unknown {
        return format!("it is not known {} {was}", which(commands, who, relation));
    }
    format!("{who} can now {} {was}", deeds(commands, after, relation))
}

pub(super) fn told_as_new(group: Group, name: &QName, side: Side<'_>, what: &str) -> AccessChange {
    let Group { steps, roles, commands } = group;
    let Step { kind, after, class, cause, .. } = &steps[0];
    let (after, class, cause) = (*after, *class, *cause);
    let (who, relation) = (in_words(&roles, "and"), relation_in_words(name, side, &roles, &commands));
    let message = match (kind, after) {
        (Kind::Blind, _) => {
            let can = deeds(&commands, Reach::All, &relation);
            format!("{who} can {can} with a statement that has no condition ({what})")
        }
        (Kind::NewRows(_), _) => {
            format!("{who} can turn the rows of {relation} that they change into any ({what})")
        }
        (_, Reach::Unknown) => format!("it is not known {} ({what})", which(&commands, &who, &relation)),
        (Kind::Aside(decided), _) => {
            format!("{who} can {} ({what}; {decided})", deeds(&commands, after, &relation))
        }
        _ => format!("{who} can {} ({what})", deeds(&commands, after, &relation)),
    };
    AccessChange {
        roles,
        commands,
        after: Some(after),
        cause,
        ..AccessChange::new(Subject::Relation, name.clone(), class, message)
    }
}

pub(super) fn told_as_gone(name: &QName, before: Side<'_>, cause: Option<Cause>) -> Option<AccessChange> {
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
    let (who, verbs) = (in_words(&roles, "and"), in_words(&verbs, "and"));
    let message = format!("{} is gone: {who} could {verbs} rows of it", name.quoted());
    (!roles.is_empty()).then(|| AccessChange {
        roles,
        commands,
        before: Some(most),
        cause,
        ..AccessChange::new(Subject::Relation, name.clone(), Class::Breaking, message)
    })
}

/// The columns of served tables that have another name: requests ask for the old one.
pub(super) fn told_columns(
    before: Side<'_>,
    after: Side<'_>,
    renamed: &Renamed,
) -> Vec<(Effect, AccessChange)> {
    let told = |part: &RenamedPart| {
        let was = before.catalog.table(renamed.former(&part.of))?;
        let is = after.catalog.table(&part.of)?;
        let access = before.catalog.table_access(was);
        let roles: Vec<_> = access.iter().map(|access| access.role.name.to_string()).collect();
        let is_asked = !roles.is_empty() && !after.catalog.table_access(is).is_empty();
        let [old, new] = [&part.old, &part.new].map(|name| Ident::from(name.as_str()));
        let message =
            format!("column {} of {} is now called {}", old.quoted(), part.of.quoted(), new.quoted());
        let effect = Effect::Column(new, [part.of.clone(), was.name.clone()]);
        let change = AccessChange::new(Subject::Relation, part.of.clone(), Class::Breaking, message);
        is_asked.then_some((effect, AccessChange { roles, ..change }))
    };
    renamed.parts.iter().filter(|part| part.kind == "column").filter_map(told).collect()
}

pub(super) fn told_as_renamed(
    old: &QName,
    name: &QName,
    after: Side<'_>,
    cause: Option<Cause>,
) -> AccessChange {
    let is_served = after.catalog.is_exposed(&name.schema);
    let aside = if is_served { "" } else { ", which the Data API does not serve" };
    let message = format!("{} is now called {}{aside}", old.quoted(), name.quoted());
    AccessChange { cause, ..AccessChange::new(Subject::Relation, name.clone(), Class::Breaking, message) }
}

/// Changes that are alike.
pub(super) struct Group {
    pub(super) steps: Vec<Step>,
    pub(super) roles: Vec<String>,
    pub(super) commands: Vec<PolicyCommand>,
}

/// Changes that are alike together: first the commands of each role, then the roles that have the same.
/// Those of several statements only if they are not to be told apart.
pub(super) fn grouped(steps: Vec<Step>, apart: bool) -> Vec<Group> {
    let alike = |step: &Step| {
        let cause = step.cause.filter(|_| apart);
        (step.kind.clone(), step.before, step.after, step.class, cause)
    };
    let mut by_role: IndexMap<_, Vec<Step>> = IndexMap::default();
    for step in steps {
        by_role.entry((step.role.clone(), alike(&step))).or_default().push(step);
    }
    let mut groups: IndexMap<_, Group> = IndexMap::default();
    for ((role, alike), steps) in by_role {
        let commands: Vec<_> = steps.iter().map(|step| step.command).collect();
        let new = || Group { steps: Vec::new(), roles: Vec::new(), commands: commands.clone() };
        let group = groups.entry((alike, commands.clone())).or_insert_with(new);
        group.steps.extend(steps);
        group.roles.push(role);
    }
    groups.into_values().collect()
}
