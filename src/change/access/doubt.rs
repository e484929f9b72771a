//! What a change says of what is not known: statements that were not followed leave open which rows are reached, and
//! those of the change hold all the same.

use rustc_hash::FxHashSet;

use crate::access::Rights;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::change::access::step::changed;
use crate::change::access::telling::{grouped, told};
use crate::change::access::{Difference, New, Side, blame, calls, cells, outright};
use crate::change::stops::History;
use crate::change::{AccessChange, Class, Renamed, Subject};
use crate::map::IndexMap;
use crate::predicate::Reach;
use crate::sql::statement::PolicyCommand;
use crate::workload::Workload;

/// What decides who reaches which rows of a relation.
const OF_ROWS: [Aspect; 6] =
    [Aspect::Rls, Aspect::Policies, Aspect::Grants, Aspect::Roles, Aspect::Functions, Aspect::Views];

/// What decides who can have a function do what.
const OF_CALLS: [Aspect; 2] = [Aspect::Functions, Aspect::Execute];

/// What the change does if the statements that were not followed do nothing, where they leave open what it does.
/// `certain` and `called` are told in any case.
pub(super) fn told_in_doubt(
    before: Side<'_>,
    after: Side<'_>,
    new: &New<'_>,
    renamed: &Renamed,
    certain: &[Difference],
    called: &[(String, AccessChange)],
) -> Vec<AccessChange> {
    let doubts = |aspects: &[Aspect]| [before, after].map(|side| side.catalog.doubts(aspects));
    let (of_rows, of_calls) = (doubts(&OF_ROWS), doubts(&OF_CALLS));
    let is_doubtful = |one: &&Difference| match (&one.old, &one.name) {
        (Some(old), Some(name)) => of_rows[0].concern(old) || of_rows[1].concern(name),
        _ => false,
    };
    let is_doubtful_call = |name: &QName| of_calls.iter().any(|doubts| doubts.concern(name));
    let pairs: Vec<_> = certain.iter().filter(is_doubtful).collect();
    if pairs.is_empty() && !after.catalog.own_functions().any(|one| is_doubtful_call(&one.name)) {
        return Vec::new();
    }
    let catalogs = [before, after].map(|side| side.catalog.without_doubts());
    let workloads = catalogs.each_ref().map(Workload::of);
    let rights = [0, 1].map(|at| Rights::explained(&catalogs[at], &workloads[at]).with_passages());
    let sources = [before.sources, after.sources];
    let [was, is] = [0, 1].map(|at| Side {
        rights: &rights[at],
        workload: &workloads[at],
        catalog: &catalogs[at],
        sources: sources[at],
    });
    let authority = is.rights.authority();
    let differences = pairs.into_iter().filter_map(|one| {
        let (old, name) = one.old.as_ref().zip(one.name.as_ref())?;
        let known: FxHashSet<_> = one.steps.iter().map(|step| (step.role.as_str(), step.command)).collect();
        let mut steps = changed((old, name), was, is, &authority, renamed);
        steps.retain(|step| {
            let is_open = is_doubtful_cell(before, old, &step.role, step.command)
                || is_doubtful_cell(after, name, &step.role, step.command);
            is_open && !known.contains(&(step.role.as_str(), step.command))
        });
        steps.iter_mut().for_each(|step| step.class = in_review(step.class));
        Some(Difference { old: Some(old.clone()), name: Some(name.clone()), steps })
    });
    let mut differences: Vec<_> = differences.collect();
    let mut more = calls::compared(was, is, renamed);
    let opened = outright::compared(was, is, renamed);
    more.retain(|call| is_doubtful_call(&call.1.name) && !outright::says(&opened, call));
    more.extend(opened);
    let is_told = |(signature, change): &(String, AccessChange)| {
        let is_call = change.subject == Subject::Function;
        called.iter().any(|(known, told)| known == signature && (is_call || told.name == change.name))
    };
    more.retain(|one| !is_told(one));
    let steps = || {
        let History { steps, weight, until } = (new.history)();
        History { steps, weight, until: Box::new(move |count| until(count).without_doubts()) }
    };
    let as_if = New { files: new.files, kept: new.kept, history: &steps };
    blame(
        &mut differences,
        &mut more,
        &mut [],
        is,
        &as_if,
        &mut IndexMap::default(),
        &mut IndexMap::default(),
    );
    let of_relations = differences.into_iter().filter_map(|one| Some((one.name?, one.steps)));
    let of_relations = of_relations.flat_map(|(name, steps)| {
        grouped(steps, true).into_iter().map(|group| told(group, &name, is)).collect::<Vec<_>>()
    });
    let more = more.into_iter().map(|(_, change)| change);
    of_relations.chain(more).map(|change| left_open(change, after)).collect()
}

fn is_doubtful_cell(side: Side<'_>, name: &QName, role: &str, command: PolicyCommand) -> bool {
    cells(side, name).get(&(role.to_string(), command)).is_some_and(|cell| cell.is_doubtful)
}

/// Who is not sure asks for a look.
fn in_review(class: Class) -> Class {
    if class == Class::Dangerous { Class::Review } else { class }
}

/// Says of a change of rights that it is not all that decides, and where the rest of it is.
fn left_open(change: AccessChange, after: Side<'_>) -> AccessChange {
    let (what, aspects) = match change.subject {
        Subject::Function => ("what that leaves", &OF_CALLS[..]),
        _ => ("which rows that leaves", &OF_ROWS[..]),
    };
    let place = after.catalog.gap_about(&change.name, aspects).map(|gap| {
        let file = after.sources.get(gap.span.file);
        format!(", as {}:{} was not followed", file.path, file.position(gap.span.start).line)
    });
    let message = format!("{}; not known {what}{}", change.message, place.unwrap_or_default());
    let unknown = |reach: Option<Reach>| reach.map(|_| Reach::Unknown);
    AccessChange {
        class: in_review(change.class),
        message,
        before: unknown(change.before),
        after: unknown(change.after),
        ..change
    }
}
