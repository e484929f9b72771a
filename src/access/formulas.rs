//! The conditions of a table's policies as formulas, each read once for each caller.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashSet;

use crate::access::Rights;
use crate::access::hidden::without;
use crate::access::opening::Way;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::predicate::{Atoms, Caller, Conditions, Facts, Node, Reach, Truth, evaluate};
use crate::source::Span;
use crate::sql::expr::{Expr, Oid};
use crate::sql::statement::{Clause, PolicyCommand};

/// The expressions of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Using,
    /// WITH CHECK, or USING in the place of one.
    Check,
}

impl Part {
    /// The expression that decides about it.
    pub(super) fn of(self, policy: &Policy) -> Option<&Clause> {
        match self {
            Self::Using => policy.using.as_ref(),
            Self::Check => policy.with_check.as_ref().or(policy.using.as_ref()),
        }
    }
}

/// A value for each expression of a policy that is there.
#[derive(Clone, Debug, Default)]
struct Parts<T> {
    using: Option<T>,
    with_check: Option<T>,
}

impl<T> Parts<T> {
    fn read(policy: &Policy, mut read: impl FnMut(Part, &Expr) -> T) -> Self {
        Self {
            using: policy.using.as_ref().map(|clause| read(Part::Using, &clause.value)),
            with_check: policy.with_check.as_ref().map(|clause| read(Part::Check, &clause.value)),
        }
    }

    fn get(&self, part: Part) -> Option<&T> {
        match part {
            Part::Using => self.using.as_ref(),
            Part::Check => self.with_check.as_ref().or(self.using.as_ref()),
        }
    }
}

/// An expression with calls replaced by what the functions do; `None` where that is the expression itself.
type Followed = Option<Expr>;

/// A condition, and which rows it lets through by itself.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    pub(super) node: Node,
    pub(super) reach: Reach,
    /// Where its atoms stand.
    places: Vec<(usize, Span)>,
}

impl Formula {
    fn read(conditions: &mut Conditions<'_>, followed: &Expr) -> Self {
        let node = conditions.read_followed(followed);
        let reach = conditions.reach(&node);
        Self { node, reach, places: conditions.places().to_vec() }
    }

    /// Where one of its atoms stands first.
    pub(super) fn place(&self, atom: usize) -> Option<Span> {
        self.places.iter().find(|(at, _)| *at == atom).map(|(_, place)| *place)
    }
}

/// The conditions of a table's policies as one caller meets them, over the same atoms; without those of
/// policies for others.
#[derive(Clone, Debug, Default)]
pub(super) struct Formulas {
    atoms: Arc<Atoms>,
    /// In the order of the table's policies.
    policies: Vec<Parts<Formula>>,
}

impl Formulas {
    fn read(
        table: &Table,
        followed: &[Parts<Followed>],
        caller: Caller<'_>,
        facts: &dyn Facts,
        hidden: Option<&FxHashSet<Oid>>,
        binds: &dyn Fn(&Policy) -> bool,
    ) -> Self {
        let mut conditions = Conditions::new(caller, facts);
        let policies = table.policies.values().zip(followed);
        let policies = policies
            .map(|(policy, followed)| {
                if !binds(policy) {
                    return Parts { using: None, with_check: None };
                }
                Parts::read(policy, |part, expr| {
                    if let Some(Cow::Owned(seen)) = hidden.map(|hidden| without(&conditions, expr, hidden)) {
                        let followed = conditions.followed(&seen).into_owned();
                        return Formula::read(&mut conditions, &followed);
                    }
                    let followed = followed.get(part).and_then(Option::as_ref);
                    Formula::read(&mut conditions, followed.unwrap_or(expr))
                })
            })
            .collect();
        Self { atoms: conditions.atoms, policies }
    }

    /// An expression of the policy at this place among those of the table.
    pub(super) fn get(&self, policy: usize, part: Part) -> Option<&Formula> {
        self.policies.get(policy)?.get(part)
    }
}

/// What is known of the policies of one table, computed when it is first asked for.
#[derive(Default)]
pub(super) struct PoliciesRead {
    followed: OnceLock<Vec<Parts<Followed>>>,
    /// What they are for every row, as far as the expressions alone tell.
    constants: OnceLock<Vec<Parts<Option<Truth>>>>,
    /// Which of them silence others, by their place, and for which command.
    pub(super) silencers: OnceLock<Vec<(usize, PolicyCommand)>>,
    anyone: OnceLock<Arc<Formulas>>,
    /// For each role of requests.
    roles: Vec<OnceLock<Arc<Formulas>>>,
    /// How each of them opens the table, and by which of its expressions.
    pub(super) ways: OnceLock<Vec<Option<(Way, Part)>>>,
}

impl PoliciesRead {
    pub(super) fn new(roles: usize) -> Self {
        Self { roles: vec![OnceLock::new(); roles], ..Self::default() }
    }
}

/// A condition that was read, and what to ask about it with.
pub struct Read<'r> {
    pub conditions: Conditions<'r>,
    pub node: Node,
    /// Which rows it lets through, whatever other policies say.
    pub reach: Reach,
}

impl Rights<'_> {
    fn followed_policies(&self, table: &Table) -> &[Parts<Followed>] {
        let Some(known) = self.policies.get(&table.oid) else { return &[] };
        known.followed.get_or_init(|| {
            let conditions = self.conditions_of_anyone();
            let follow = |_, expr: &Expr| match conditions.followed(expr) {
                Cow::Owned(expr) => Some(expr),
                Cow::Borrowed(_) => None,
            };
            table.policies.values().map(|policy| Parts::read(policy, follow)).collect()
        })
    }

    /// What an expression of a table's policy is for every row, as far as it tells by itself: without its
    /// functions and what is known of columns.
    pub(super) fn constant(&self, table: &Table, policy: &Policy, clause: &Clause) -> Option<Truth> {
        let known = self.policies.get(&table.oid)?;
        let constants = known.constants.get_or_init(|| {
            let evaluate = |_, expr: &Expr| evaluate(expr, Caller::Anyone);
            table.policies.values().map(|policy| Parts::read(policy, evaluate)).collect()
        });
        let parts = constants.get(table.policies.get_index_of(&policy.name)?)?;
        *parts.get(part_of(policy, clause))?
    }

    /// The conditions of a table's policies for a role; whoever asks without one.
    pub(super) fn formulas(&self, table: &Table, role: Option<&str>) -> Arc<Formulas> {
        let caller = role.map_or(Caller::Anyone, Caller::of_role);
        let read = || {
            let role = role.and_then(|name| self.catalog.roles.get(name));
            let hidden = role.and_then(|role| self.hidden(role));
            let binds = |policy: &Policy| role.is_none_or(|role| self.catalog.policy_binds(policy, role));
            Arc::new(Formulas::read(table, self.followed_policies(table), caller, self, hidden, &binds))
        };
        let known = self.policies.get(&table.oid).and_then(|known| match role {
            None => Some(&known.anyone),
            Some(role) => known.roles.get(self.position(role)?),
        });
        known.map_or_else(read, |known| Arc::clone(known.get_or_init(read)))
    }

    /// To read more conditions on a table's rows in, together with those of its policies.
    pub(super) fn conditions_on<'r>(&'r self, table: &Table, role: &'r str) -> Conditions<'r> {
        let formulas = self.formulas(table, Some(role));
        Conditions::over(Caller::of_role(role), self, Arc::clone(&formulas.atoms))
    }

    /// An expression of a table's policy, with calls replaced by what the functions do.
    pub fn followed<'r>(&'r self, table: &Table, policy: &Policy, clause: &'r Clause) -> &'r Expr {
        let at = table.policies.get_index_of(&policy.name);
        let followed = at.and_then(|at| self.followed_policies(table).get(at)?.get(part_of(policy, clause)));
        followed.and_then(Option::as_ref).unwrap_or(&clause.value)
    }

    /// An expression of a table's policy as it is for a role.
    pub fn clause<'r>(&'r self, table: &Table, policy: &Policy, clause: &Clause, role: &'r Role) -> Read<'r> {
        self.read(table, policy, clause, Some(&role.name))
    }

    /// An expression of a table's policy as it is whoever asks.
    pub fn clause_of_anyone(&self, table: &Table, policy: &Policy, clause: &Clause) -> Read<'_> {
        self.read(table, policy, clause, None)
    }

    /// Whether an expression of a table's policy lets every row through, whoever asks.
    pub fn lets_all_through(&self, table: &Table, policy: &Policy, clause: &Clause) -> bool {
        self.clause_of_anyone(table, policy, clause).reach == Reach::All
    }

    /// Whether an expression of a table's policy lets no row through, whoever asks.
    pub fn lets_none_through(&self, table: &Table, policy: &Policy, clause: &Clause) -> bool {
        self.clause_of_anyone(table, policy, clause).reach == Reach::None
    }

    fn read<'r>(
        &'r self,
        table: &Table,
        policy: &Policy,
        clause: &Clause,
        role: Option<&'r str>,
    ) -> Read<'r> {
        let formulas = self.formulas(table, role);
        let at = table.policies.get_index_of(&policy.name);
        let known = at.and_then(|at| formulas.get(at, part_of(policy, clause)));
        let caller = role.map_or(Caller::Anyone, Caller::of_role);
        let mut conditions = Conditions::over(caller, self, Arc::clone(&formulas.atoms));
        let Formula { node, reach, .. } = match known {
            Some(formula) => formula.clone(),
            None => {
                let followed = conditions.followed(&clause.value);
                Formula::read(&mut conditions, &followed)
            }
        };
        Read { conditions, node, reach }
    }
}

pub(super) fn part_of(policy: &Policy, clause: &Clause) -> Part {
    let is_using = policy.using.as_ref().is_some_and(|using| std::ptr::eq(using, clause));
    if is_using { Part::Using } else { Part::Check }
}
