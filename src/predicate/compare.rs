//! Two conditions on the rows of one relation, as they are before and after a change.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::predicate::existence::{as_existence, without_aliases};
use crate::predicate::formula::Form;
use crate::predicate::{Atoms, Caller, Conditions, Node, Truth, Unknowing};
use crate::sql::expr::{Expr, QueryBody};

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

    /// Whether all that the one asks and the other does not is so by itself, and does not follow from anything else
    /// that they ask, as what queries and functions give may.
    pub fn differs_plainly(&self, other: &Self) -> bool {
        let asked = |one: &Self| one.expressions().map(without_aliases).collect::<Vec<_>>();
        let (own, others) = (asked(self), asked(other));
        let differs =
            |asked: &[Expr], known: &[Expr]| asked.iter().filter(|expr| !known.contains(expr)).all(is_plain);
        differs(&own, &others) && differs(&others, &own)
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
        // Where nothing is turned round, what is null is as good as what is false.
        let is_positive = condition.node.is_positive();
        let adopt = |at: usize| {
            let expr = without_aliases(&condition.atoms[at].expr);
            if let Some(existence) = Some(&expr).filter(|_| is_positive).and_then(as_existence) {
                return (at, self.atom(&existence, Form::TwoValued));
            }
            let form = match &condition.atoms[at].form {
                // What changes from call to call does so before and after.
                Form::Volatile => Form::Plain,
                form => form.clone(),
            };
            (at, self.atom(&expr, form))
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

/// Whether an expression compares columns, constants and what is known of the caller, and nothing else.
fn is_plain(expr: &Expr) -> bool {
    !expr.any(&|part| match part {
        Expr::Sublink(sublink) => {
            !matches!(&sublink.query.body, QueryBody::Select(select) if select.from.is_empty())
        }
        Expr::Call(call) => call.target.is_some(),
        Expr::Coalesce(_) | Expr::Case { .. } => true,
        _ => false,
    })
}

impl Node {
    /// Whether it is made of atoms by AND and OR alone.
    fn is_positive(&self) -> bool {
        match self {
            Self::Const(_) | Self::Atom(_) => true,
            Self::And(list) | Self::Or(list) => list.iter().all(Self::is_positive),
            Self::Not(_) | Self::Is(..) | Self::If(..) => false,
        }
    }

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

    fn compared(before: &str, after: &str) -> Comparison {
        let bench = Bench::new(&format!(
            "create table t (a int, b bool, c int, owner uuid); create table m (a int, team int, who uuid);
             create policy p on t using ({before}); create policy q on t using ({after});"
        ));
        let table = bench.catalog.table(&QName::new("public", "t")).expect("t is made");
        let [was, is] = ["p", "q"].map(|name| {
            let clause = table.policies[name].using.as_ref().expect("it has a clause");
            let mut conditions = Conditions::new(Caller::Anyone, &bench.catalog);
            let node = conditions.read(&clause.value);
            Condition::new(&conditions, node)
        });
        is.compared_with(&was)
    }

    #[test]
    fn queries_are_compared() {
        const IN: &str = "a in (select team from m where who = auth.uid())";
        for (after, expected) in [
            ("a in (select x.team from m x where x.who = auth.uid())", Comparison::Same),
            ("a in (select team from public.m as y where auth.uid() = y.who)", Comparison::Same),
            ("exists (select 1 from m x where x.team = t.a and x.who = auth.uid())", Comparison::Same),
            ("exists (select from m where who = auth.uid() and t.a = team)", Comparison::Same),
            ("exists (select 1 from m x where x.team = x.a and x.who = auth.uid())", Comparison::Other),
            ("exists (select 1 from m x where x.team = t.c and x.who = auth.uid())", Comparison::Other),
            ("exists (select 1 from m x where x.team = t.a)", Comparison::Other),
            ("not exists (select 1 from m x where x.team = t.a and x.who = auth.uid())", Comparison::Other),
            ("a in (select team from m where who = auth.uid() limit 1)", Comparison::Other),
            ("a in (select max(team) from m where who = auth.uid())", Comparison::Other),
            ("a not in (select team from m where who = auth.uid())", Comparison::Other),
            ("a in (select x.team from m x, m y where x.who = auth.uid())", Comparison::Other),
        ] {
            assert_eq!(compared(IN, after), expected, "{IN} to {after}");
        }
        // What is null lets no row through, and turned round lets none through either.
        assert_eq!(
            compared("not a in (select team from m)", "not exists (select 1 from m where team = t.a)"),
            Comparison::Other
        );
        let (coalesced, written_out) =
            ("coalesce(a, c) = 1", "case when a is null then c = 1 else a = 1 end");
        assert_eq!(compared(coalesced, written_out), Comparison::Same);
    }

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
            assert_eq!(compared(before, after), expected, "{before} to {after}");
            let turned = match expected {
                Comparison::Fewer => Comparison::More,
                Comparison::More => Comparison::Fewer,
                same => same,
            };
            assert_eq!(compared(after, before), turned, "{after} to {before}");
        }
    }
}
