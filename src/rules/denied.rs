//! Policies that make requests fail: the role lacks a right to something that they come to.

use crate::map::IndexMap;

use crate::access::evaluation::{Evaluation, Reached};
use crate::access::in_words;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Diagnostic, Severity};
use crate::predicate::Reach;
use crate::rule::CatalogCx;
use crate::sql::name::Ident;
use crate::sql::statement::PolicyCommand;

/// A place in a policy at which requests fail.
struct Place<'a> {
    table: &'a Table,
    policy: &'a Policy,
    reached: Reached<'a>,
    roles: Vec<&'a Ident>,
    commands: Vec<PolicyCommand>,
}

/// The places at which requests of the same roles fail for want of a right to the same object.
pub(super) struct Denial<'a> {
    first: Place<'a>,
    others: Vec<Place<'a>>,
}

pub(super) fn denials<'a>(
    cx: &CatalogCx<'a>,
    fails: impl Fn(&Evaluation<'a>, &Reached<'a>) -> bool,
) -> Vec<Denial<'a>> {
    let evaluation = Evaluation::new(cx.rights);
    let mut all: IndexMap<_, Denial<'a>> = IndexMap::default();
    for (table, policy) in cx.catalog.own_policies() {
        for place in places(&evaluation, table, policy, &fails) {
            let through: Vec<QName> = place.reached.through.iter().map(|step| step.name.clone()).collect();
            let key = (place.reached.object.oid(), through, place.roles.clone());
            match all.get_mut(&key) {
                Some(denial) => denial.others.push(place),
                None => drop(all.insert(key, Denial { first: place, others: Vec::new() })),
            }
        }
    }
    all.into_values().collect()
}

/// Where a policy fails, each object once.
fn places<'a>(
    evaluation: &Evaluation<'a>,
    table: &'a Table,
    policy: &'a Policy,
    fails: &impl Fn(&Evaluation<'a>, &Reached<'a>) -> bool,
) -> Vec<Place<'a>> {
    let mut list: Vec<Place<'a>> = Vec::new();
    for asked in evaluation.asked(table, policy) {
        for reached in asked.reached {
            let object = reached.object;
            if !fails(evaluation, &reached) || evaluation.is_doubtful(object.name()) {
                continue;
            }
            let known = list.iter().position(|place| place.reached.object.oid() == object.oid());
            let at = known.unwrap_or_else(|| {
                list.push(Place { table, policy, reached, roles: Vec::new(), commands: Vec::new() });
                list.len() - 1
            });
            let place = &mut list[at];
            if !place.roles.contains(&asked.role) {
                place.roles.push(asked.role);
            }
            let new = |command: &PolicyCommand| !place.commands.contains(command);
            let commands: Vec<PolicyCommand> = asked.commands.iter().copied().filter(new).collect();
            place.commands.extend(commands);
        }
    }
    list
}

impl<'a> Denial<'a> {
    pub(super) fn table(&self) -> &'a Table {
        self.first.table
    }

    pub(super) fn policy(&self) -> &'a Policy {
        self.first.policy
    }

    pub(super) fn reached(&self) -> &Reached<'a> {
        &self.first.reached
    }

    /// The roles whose requests fail, as SQL writes them.
    pub(super) fn roles(&self) -> Vec<String> {
        self.first.roles.iter().map(|role| role.quoted()).collect()
    }

    /// `requests of anon to add rows to public.notes`
    pub(super) fn requests(&self) -> String {
        let (roles, table) = (in_words(&self.roles(), "and"), &self.first.table.name);
        let does = |command| self.first.commands.contains(&command);
        if does(PolicyCommand::Select) {
            return format!("requests of {roles} for rows of {table}");
        }
        if self.first.commands == [PolicyCommand::Insert] {
            return format!("requests of {roles} to add rows to {table}");
        }
        let words = [
            (PolicyCommand::Insert, "add"),
            (PolicyCommand::Update, "change"),
            (PolicyCommand::Delete, "delete"),
        ];
        let words: Vec<&str> =
            words.iter().filter(|(command, _)| does(*command)).map(|(_, word)| *word).collect();
        format!("requests of {roles} to {} rows of {table}", in_words(&words, "or"))
    }

    /// `, and so do 2 more policies`
    pub(super) fn more(&self) -> String {
        match self.others.len() {
            0 => String::new(),
            1 => ", and so does 1 more policy".to_string(),
            count => format!(", and so do {count} more policies"),
        }
    }

    /// Whether only requests without a signed-in user fail.
    pub(super) fn is_of_anonymous(&self) -> bool {
        self.first.roles.iter().all(|role| **role == "anon")
    }

    /// What fails for nobody but those who would be given no row anyway is told for their error alone.
    pub(super) fn severity(&self, cx: &CatalogCx<'_>) -> Severity {
        let reaches = |place: &Place<'_>, command: PolicyCommand| {
            let role = cx.catalog.roles.get("anon");
            let cell = role.and_then(|role| cx.access(place.table, role, command));
            cell.is_some_and(|cell| cell.reach != Reach::None)
        };
        let loses = |place: &Place<'_>| place.commands.iter().any(|command| reaches(place, *command));
        match self.is_of_anonymous() {
            false => Severity::Error,
            true if std::iter::once(&self.first).chain(&self.others).any(loses) => Severity::Warning,
            true => Severity::Info,
        }
    }

    /// Labels the statements that lead to it, and the other places, and tells whose requests fail by which policies.
    pub(super) fn label(&self, finding: &mut Diagnostic, deed: &str) {
        for step in &self.first.reached.through {
            finding.label(step.span, format!("{} {deed} it here", step.name));
        }
        let place = self.first.reached.span;
        finding.label(self.first.policy.name_apart_from(place), "the policy is created here");
        finding.label_each(self.others.iter().map(|other| (other.reached.span, "and here")));
        let places = || std::iter::once(&self.first).chain(&self.others);
        finding.extent(places().map(|place| place.policy.on(&place.table.name))).extent(self.roles());
    }

    /// SQL that keeps requests without a user from the policy.
    pub(super) fn keep_from_anonymous(&self) -> String {
        format!(
            "keep requests without a user from the policy: alter policy {} on {} to authenticated;",
            self.first.policy.name.quoted(),
            self.first.table.name.quoted()
        )
    }
}
