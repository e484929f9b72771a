//! Two conditions on the rows of one relation, as they are before and after a change.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::predicate::formula::Form;
use crate::predicate::{Atoms, Caller, Conditions, Node, Truth, Unknowing};
use crate::sql::expr::Expr;

/// Of how many atoms all values are tried.
const HINGES: usize = 6;

/// A condition by itself, with its atoms.
#[derive(Clone, Debug)]
pub struct Condition {
    node: Node,
    atoms: Arc<Atoms>,
}

/// How the rows that a condition lets through stand to those of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Same,
    Fewer,
    More,
    /// Some of them, and others.
    Other,
    /// It takes too long to tell.
    Unknown,
}

impl Condition {
    pub fn new(conditions: &Conditions<'_>, node: Node) -> Self {
        Self { node, atoms: Arc::clone(&conditions.atoms) }
    }

    /// What the atoms say.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.node.atoms().into_iter().map(|at| &self.atoms[at].expr)
    }

    /// Whether it lets every row through.
    pub fn is_always(&self) -> bool {
        Conditions::over(Caller::Anyone, &Unknowing, Arc::clone(&self.atoms)).is_always(&self.node)
    }

    /// The atoms of some kind that have values with which every row is let through, if that takes any.
    pub fn hinges_on(&self, is_kind: &dyn Fn(&Expr) -> bool) -> Option<Vec<&Expr>> {
        let (of_kind, others): (Vec<_>, Vec<_>) =
            self.node.atoms().into_iter().partition(|at| is_kind(&self.atoms[*at].expr));
        if of_kind.is_empty() || of_kind.len() > HINGES {
            return None;
        }
        let conditions = Conditions::over(Caller::Anyone, &Unknowing, Arc::clone(&self.atoms));
        let others: FxHashMap<_, _> = others.into_iter().map(|at| (at, Node::Atom(at))).collect();
        let is_open = |values: usize| {
            let value = |at: usize| Node::Const(Truth::of(values >> at & 1 == 1));
            let given = of_kind.iter().enumerate().map(|(nth, at)| (*at, value(nth)));
            conditions.is_always(&self.node.replaced(&others.clone().into_iter().chain(given).collect()))
        };
        (0..1 << of_kind.len()).any(is_open).then(|| of_kind.iter().map(|at| &self.atoms[*at].expr).collect())
    }

    /// What becomes of the rows when it takes the place of an earlier condition. Expressions that are
    /// the same are taken to say the same.
    pub fn compared_with(&self, before: &Self) -> Comparison {
        let mut both = Conditions::new(Caller::Anyone, &Unknowing);
        let was = both.adopt(before);
        let is = both.adopt(self);
        if was == is {
            return Comparison::Same;
        }
        match (both.is_within(&is, &was), both.is_within(&was, &is)) {
            (Some(true), Some(true)) => Comparison::Same,
            (Some(true), Some(false)) => Comparison::Fewer,
            (Some(false), Some(true)) => Comparison::More,
            (Some(false), Some(false)) => Comparison::Other,
            _ => Comparison::Unknown,
        }
    }
}

impl Conditions<'_> {
    /// The formula of a condition, over atoms of these.
    fn adopt(&mut self, condition: &Condition) -> Node {
        let adopt = |at: usize| {
            let form = match &condition.atoms[at].form {
                // What changes from call to call does so before and after.
                Form::Volatile => Form::Plain,
                form => form.clone(),
            };
            (at, self.atom(&condition.atoms[at].expr, form))
        };
        let adopted: FxHashMap<usize, Node> = condition.node.atoms().into_iter().map(adopt).collect();
        condition.node.replaced(&adopted)
    }

    /// Whether one is true only where the other is; `None` where that takes too long.
    fn is_within(&self, one: &Node, other: &Node) -> Option<bool> {
        let both = Node::any([one.clone().is(Truth::True).negate(), other.clone().is(Truth::True)]);
        self.can_be(&both, &|_| true, &|truth| truth != Truth::True).map(|refuted| !refuted)
    }
}

impl Node {
    /// The same formula over other atoms.
    fn replaced(&self, atoms: &FxHashMap<usize, Self>) -> Self {
        let each = |list: &[Self]| list.iter().map(|node| node.replaced(atoms)).collect();
        match self {
            Self::Const(truth) => Self::Const(*truth),
            Self::Atom(at) => atoms[at].clone(),
            Self::Not(inner) => Self::Not(Box::new(inner.replaced(atoms))),
            Self::And(list) => Self::And(each(list)),
            Self::Or(list) => Self::Or(each(list)),
            Self::Is(inner, truth) => Self::Is(Box::new(inner.replaced(atoms)), *truth),
            Self::If(when, then, otherwise) => Self::If(
                Box::new(when.replaced(atoms)),
                Box::new(then.replaced(atoms)),
                Box::new(otherwise.replaced(atoms)),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn rows_are_compared() {
        for (before, after, expected) in [
            ("b", "b", Comparison::Same),
            ("a = 1 and b", "b and 1 = a", Comparison::Same),
            ("a = length('x')", "length('x') = a", Comparison::Same),
            ("a = 1", "a = 1 and a is not null", Comparison::Same),
            ("random() < 0.5", "random() < 0.5", Comparison::Same),
            ("b", "b and a = 1", Comparison::Fewer),
            ("a in (1, 2)", "a in (1, 2, 3)", Comparison::More),
            ("b", "a = 1", Comparison::Other),
        ] {
            let bench = Bench::new(&format!(
                "create table t (a int, b bool); create policy p on t using ({before}); create policy q on t using ({after});"
            ));
            let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
            let mut conditions = ["p", "q"].map(|name| {
                let clause = table.policies[name].using.as_ref().expect("it has a clause");
                let mut conditions = Conditions::new(Caller::Anyone, &bench.catalog);
                let node = conditions.read(&clause.value);
                Condition::new(&conditions, node)
            });
            assert_eq!(conditions[1].compared_with(&conditions[0]), expected, "{before} to {after}");
            conditions.reverse();
            let turned = match expected {
                Comparison::Fewer => Comparison::More,
                Comparison::More => Comparison::Fewer,
                same => same,
            };
            assert_eq!(conditions[1].compared_with(&conditions[0]), turned, "{after} to {before}");
        }
    }
}
