//! Formulas over atoms, and what can be proved about them.

use std::ops::Index;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::predicate::{Caller, Facts, Link, Reach, Truth};
use crate::source::Span;
use crate::sql::expr::{Expr, Literal};

/// A formula. Its atoms stand in the [`Conditions`] that read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Const(Truth),
    Atom(usize),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// Whether the operand is this: never null.
    Is(Box<Self>, Truth),
    /// CASE WHEN a THEN b ELSE c
    If(Box<Self>, Box<Self>, Box<Self>),
}

/// What is not taken apart further.
#[derive(Clone, Debug)]
pub struct Atom {
    /// Without places.
    pub expr: Expr,
    /// How its being true connects the row with the caller.
    pub link: Link,
    pub(super) form: Form,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// The expression is null: true or false.
    IsNull,
    /// A comparison of these, which is null if and only if one of them is.
    Strict(Vec<Operand>),
    /// True or false.
    TwoValued,
    Plain,
    /// Each time it is read it may be something else.
    Volatile,
}

#[derive(Clone, Debug)]
pub(super) struct Operand {
    /// Without places.
    pub(super) expr: Expr,
    pub(super) not_null: bool,
    /// A column whose values are equal only if they are the same text, or such a text.
    pub(super) exact: bool,
}

impl Atom {
    /// The operand and the text that it is, if this is true.
    fn pinned(&self) -> Option<(&Expr, &str)> {
        let (Form::Strict(operands), Expr::Op { op, .. }) = (&self.form, &self.expr) else { return None };
        match operands.as_slice() {
            [one, other] if op == "=" => pin(one, other).or_else(|| pin(other, one)),
            _ => None,
        }
    }
}

fn pin<'o>(operand: &'o Operand, value: &'o Operand) -> Option<(&'o Expr, &'o str)> {
    match &value.expr {
        Expr::Literal(Literal::String(text)) if operand.exact && value.exact => Some((&operand.expr, text)),
        _ => None,
    }
}

/// The atoms of formulas. Those that say the same are one.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    list: Vec<Atom>,
    /// By whether they ask for null, and the digest of their expressions: all but the volatile ones.
    by_digest: FxHashMap<(bool, u64), Vec<usize>>,
}

impl Index<usize> for Atoms {
    type Output = Atom;

    fn index(&self, at: usize) -> &Atom {
        &self.list[at]
    }
}

impl Atoms {
    /// The atom that asks whether an expression without places is null, or true.
    fn position(&self, is_null: bool, expr: &Expr) -> Option<usize> {
        let alike = self.by_digest.get(&(is_null, expr.digest()))?;
        alike.iter().copied().find(|at| says_same(&self[*at].expr, expr))
    }

    fn push(&mut self, atom: Atom) -> usize {
        let at = self.list.len();
        if !matches!(atom.form, Form::Volatile) {
            let key = (matches!(atom.form, Form::IsNull), atom.expr.digest());
            self.by_digest.entry(key).or_default().push(at);
        }
        self.list.push(atom);
        at
    }
}

/// Whether two expressions without places are the same, or equalities with the sides exchanged.
fn says_same(one: &Expr, other: &Expr) -> bool {
    match (one, other) {
        (
            Expr::Op { op, left: Some(left), right },
            Expr::Op { op: other_op, left: Some(other_left), right: other_right },
        ) if op == "=" && op == other_op => {
            left == other_left && right == other_right || left == other_right && right == other_left
        }
        _ => one == other,
    }
}

/// Formulas that share their atoms, for one caller.
pub struct Conditions<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) facts: &'a dyn Facts,
    /// How many queries lie between what is read and the row that is asked about.
    pub(super) level: u16,
    pub(super) nesting: u8,
    pub atoms: Arc<Atoms>,
    /// Where the atoms stand in what was read last.
    pub(super) places: Vec<(usize, Span)>,
}

/// More atoms than this are not tried against each other.
const ATOMS: usize = 12;

/// How many assignments a proof may try.
const STEPS: u32 = 2_000;

impl Node {
    pub const TRUE: Self = Self::Const(Truth::True);
    pub const FALSE: Self = Self::Const(Truth::False);

    pub(super) fn negate(self) -> Self {
        match self {
            Self::Const(truth) => Self::Const(truth.negate()),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// AND of any number.
    pub fn all(nodes: impl IntoIterator<Item = Self>) -> Self {
        Self::connect(nodes, Truth::False, Truth::True, Self::And)
    }

    /// OR of any number.
    pub fn any(nodes: impl IntoIterator<Item = Self>) -> Self {
        Self::connect(nodes, Truth::True, Truth::False, Self::Or)
    }

    fn connect(
        nodes: impl IntoIterator<Item = Self>,
        decides: Truth,
        neutral: Truth,
        make: fn(Vec<Self>) -> Self,
    ) -> Self {
        let mut left: Vec<Self> = Vec::new();
        for node in nodes {
            match node {
                Self::Const(truth) if truth == decides => return Self::Const(decides),
                Self::Const(truth) if truth == neutral => {}
                node => left.push(node),
            }
        }
        if left.len() > 1 {
            return make(left);
        }
        left.pop().unwrap_or(Self::Const(neutral))
    }

    pub(super) fn is(self, truth: Truth) -> Self {
        match self {
            Self::Const(own) => Self::Const(Truth::of(own == truth)),
            node => Self::Is(Box::new(node), truth),
        }
    }

    pub(super) fn choice(when: Self, then: Self, otherwise: Self) -> Self {
        match when {
            Self::Const(Truth::True) => then,
            Self::Const(_) => otherwise,
            _ if then == otherwise => then,
            when => Self::If(Box::new(when), Box::new(then), Box::new(otherwise)),
        }
    }

    /// Adds what atoms in it say; false where that makes more than a proof tries.
    fn collect(&self, say: Say, found: &mut Vec<(usize, Say)>) -> bool {
        match self {
            Self::Const(_) => true,
            Self::Atom(at) => match found.iter_mut().find(|(known, _)| known == at) {
                Some((_, known)) => {
                    *known = if *known == say { say } else { Say::Either };
                    true
                }
                None => {
                    found.push((*at, say));
                    found.len() <= ATOMS
                }
            },
            Self::Not(inner) | Self::Is(inner, Truth::False) => inner.collect(say.reversed(), found),
            Self::Is(inner, Truth::True) => inner.collect(say, found),
            Self::Is(inner, Truth::Null) => inner.collect(Say::Either, found),
            Self::And(list) | Self::Or(list) => list.iter().all(|node| node.collect(say, found)),
            Self::If(when, then, otherwise) => {
                when.collect(Say::Either, found)
                    && [then, otherwise].into_iter().all(|node| node.collect(say, found))
            }
        }
    }

    /// The atoms in it, each once, and what a greater value of each does to the whole; none where they are
    /// more than a proof tries.
    fn says(&self) -> Option<Vec<(usize, Say)>> {
        let mut found = Vec::new();
        self.collect(Say::For, &mut found).then_some(found)
    }

    /// Whether its atoms are more than a proof tries.
    fn is_large(&self) -> bool {
        self.says().is_none()
    }

    fn each_atom(&self, visit: &mut dyn FnMut(usize)) {
        match self {
            Self::Const(_) => {}
            Self::Atom(at) => visit(*at),
            Self::Not(inner) | Self::Is(inner, _) => inner.each_atom(visit),
            Self::And(list) | Self::Or(list) => list.iter().for_each(|node| node.each_atom(visit)),
            Self::If(when, then, otherwise) => {
                [when, then, otherwise].into_iter().for_each(|node| node.each_atom(visit));
            }
        }
    }

    /// The atoms in it, each once.
    pub fn atoms(&self) -> Vec<usize> {
        let (mut list, mut seen) = (Vec::new(), FxHashSet::default());
        self.each_atom(&mut |at| list.extend(seen.insert(at).then_some(at)));
        list
    }

    /// The value when some atoms have one: `None` if it depends on the others.
    fn value(&self, values: &Values) -> Option<Truth> {
        match self {
            Self::Const(truth) => Some(*truth),
            Self::Atom(at) => values.of(*at),
            Self::Not(inner) => inner.value(values).map(Truth::negate),
            Self::And(list) => combine(list, values, Truth::False, Truth::True),
            Self::Or(list) => combine(list, values, Truth::True, Truth::False),
            Self::Is(inner, truth) => Some(Truth::of(inner.value(values)? == *truth)),
            Self::If(when, then, otherwise) => match when.value(values) {
                Some(Truth::True) => then.value(values),
                Some(_) => otherwise.value(values),
                None => then.value(values).filter(|then| Some(*then) == otherwise.value(values)),
            },
        }
    }
}

/// What a greater value of a part does to the whole, where false is less than null and null less than
/// true: AND and OR are the least and the greatest of their operands then, and NOT turns them round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    /// The whole is greater, or the same.
    For,
    /// It is less, or the same.
    Against,
    Either,
}

impl Say {
    fn reversed(self) -> Self {
        match self {
            Self::For => Self::Against,
            Self::Against => Self::For,
            Self::Either => Self::Either,
        }
    }
}

/// AND and OR: one operand decides, all others must be known.
fn combine(list: &[Node], values: &Values, decides: Truth, neutral: Truth) -> Option<Truth> {
    let (mut result, mut unknown) = (neutral, false);
    for node in list {
        match node.value(values) {
            Some(truth) if truth == decides => return Some(decides),
            Some(Truth::Null) => result = Truth::Null,
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(result)
}

/// The values of a few atoms, in the order in which they get them.
struct Values(Vec<(usize, Option<Truth>)>);

impl Values {
    fn of(&self, atom: usize) -> Option<Truth> {
        self.0.iter().find(|(at, _)| *at == atom)?.1
    }
}

/// A search for values of the atoms with which a formula is as wanted.
struct Search<'s> {
    atoms: &'s Atoms,
    node: &'s Node,
    /// First those that say what is null.
    values: Values,
    /// For each of them, the values to try, and whether the first that it may have is as good as all.
    tries: Vec<([Truth; 3], bool)>,
    /// What each atom may be; atoms that are not in the formula have no say.
    may_be_true: &'s dyn Fn(&Atom) -> bool,
    wanted: &'s dyn Fn(Truth) -> bool,
    steps: u32,
}

const UPWARDS: [Truth; 3] = [Truth::False, Truth::Null, Truth::True];
const DOWNWARDS: [Truth; 3] = [Truth::True, Truth::Null, Truth::False];

/// The values of an atom to try, best first, and whether what comes after the first that it may have
/// cannot be better: where its say and what is wanted point the same way, and it binds no other atom.
fn tries(atom: &Atom, say: Say, wanted: &dyn Fn(Truth) -> bool) -> ([Truth; 3], bool) {
    let grows = |order: [Truth; 3]| order.map(wanted).is_sorted();
    let best = match say {
        Say::Either => None,
        _ if grows(UPWARDS) => Some(say == Say::For),
        _ if grows(DOWNWARDS) => Some(say == Say::Against),
        _ => None,
    };
    let binds = matches!(atom.form, Form::IsNull) || atom.pinned().is_some();
    match best {
        Some(true) => (DOWNWARDS, !binds),
        Some(false) => (UPWARDS, !binds),
        None => ([Truth::True, Truth::False, Truth::Null], false),
    }
}

impl Search<'_> {
    /// Whether there are such values; `None` if that took too long.
    fn run(&mut self, place: usize) -> Option<bool> {
        if let Some(truth) = self.node.value(&self.values) {
            return Some((self.wanted)(truth));
        }
        let Some((atom, _)) = self.values.0.get(place).copied() else { return Some(true) };
        let (truths, is_best) = self.tries[place];
        for truth in truths {
            if !self.may_be(atom, truth) {
                continue;
            }
            self.steps = self.steps.checked_sub(1)?;
            self.values.0[place].1 = Some(truth);
            let found = self.run(place + 1);
            if found != Some(false) {
                return found;
            }
            if is_best {
                break;
            }
        }
        self.values.0[place].1 = None;
        Some(false)
    }

    fn may_be(&self, at: usize, truth: Truth) -> bool {
        let atom = &self.atoms[at];
        if truth == Truth::True && (!(self.may_be_true)(atom) || self.is_excluded(atom)) {
            return false;
        }
        match &atom.form {
            Form::IsNull | Form::TwoValued => truth != Truth::Null,
            Form::Plain | Form::Volatile => true,
            Form::Strict(operands) => {
                let known =
                    |operand: &Operand| operand.not_null || self.is_null(operand) == Some(Truth::False);
                if operands.iter().any(|operand| self.is_null(operand) == Some(Truth::True)) {
                    truth == Truth::Null
                } else {
                    truth != Truth::Null || !operands.iter().all(known)
                }
            }
        }
    }

    /// Whether what it says to be one text is another, as an atom says that is true.
    fn is_excluded(&self, atom: &Atom) -> bool {
        let Some((operand, text)) = atom.pinned() else { return false };
        let is_true = self.values.0.iter().filter(|(_, value)| *value == Some(Truth::True));
        let mut pinned = is_true.filter_map(|(at, _)| self.atoms[*at].pinned());
        pinned.any(|(other, other_text)| other == operand && other_text != text)
    }

    /// What the atom says that asks whether an operand is null, if there is one in the formula.
    fn is_null(&self, operand: &Operand) -> Option<Truth> {
        let asks = |(at, _): &&(usize, Option<Truth>)| {
            matches!(self.atoms[*at].form, Form::IsNull) && self.atoms[*at].expr == operand.expr
        };
        self.values.0.iter().find(asks)?.1
    }
}

impl<'a> Conditions<'a> {
    pub fn new(caller: Caller<'a>, facts: &'a dyn Facts) -> Self {
        Self::over(caller, facts, Arc::default())
    }

    /// To go on where others stopped that read for the same caller.
    pub fn over(caller: Caller<'a>, facts: &'a dyn Facts, atoms: Arc<Atoms>) -> Self {
        Self { caller, facts, level: 0, nesting: 0, atoms, places: Vec::new() }
    }

    /// The role of who asks, if it is known.
    pub fn caller_role(&self) -> Option<&'a str> {
        self.caller.role()
    }

    /// The atom of an expression, an earlier one if it says the same.
    pub(super) fn atom(&mut self, source: &Expr, form: Form) -> Node {
        let expr = source.place_free();
        let is_null = matches!(form, Form::IsNull);
        let known = self.atoms.position(is_null, &expr).filter(|_| !matches!(form, Form::Volatile));
        let at = known.unwrap_or_else(|| self.add(source, expr, form));
        self.met(at, source)
    }

    /// The atom that an expression was found to be, if it was read before.
    pub(super) fn known_atom(&mut self, source: &Expr) -> Option<Node> {
        let at = self.atoms.position(false, &source.place_free())?;
        Some(self.met(at, source))
    }

    /// The same for a comparison whose operands, and whether they are not null, are only asked for if it
    /// is new.
    pub(super) fn strict_atom(&mut self, source: &Expr, operands: impl FnOnce() -> Vec<Operand>) -> Node {
        let expr = source.place_free();
        let known = self.atoms.position(false, &expr);
        let at = known.unwrap_or_else(|| self.add(source, expr, Form::Strict(operands())));
        self.met(at, source)
    }

    fn met(&mut self, at: usize, source: &Expr) -> Node {
        self.places.extend(source.place().map(|place| (at, place)));
        Node::Atom(at)
    }

    /// Where the atoms stand in what was read last, each as often as it does.
    pub fn places(&self) -> &[(usize, Span)] {
        &self.places
    }

    fn add(&mut self, source: &Expr, expr: Expr, form: Form) -> usize {
        let link = match form {
            // Of the queries within it is only asked whether they have rows.
            _ if self.nesting > 0 => Link::Opaque,
            Form::IsNull => self.link_of_null(source),
            _ => self.link(source),
        };
        Arc::make_mut(&mut self.atoms).push(Atom { expr, link, form })
    }

    /// Whether some values of the atoms make a formula as wanted; `None` if that cannot be told.
    pub(super) fn can_be(
        &self,
        node: &Node,
        may_be_true: &dyn Fn(&Atom) -> bool,
        wanted: &dyn Fn(Truth) -> bool,
    ) -> Option<bool> {
        let mut order = node.says()?;
        // Where one says that an operand is null, the others are bound to it.
        order.sort_by_key(|(at, _)| (!matches!(self.atoms[*at].form, Form::IsNull), *at));
        let tries = order.iter().map(|(at, say)| tries(&self.atoms[*at], *say, wanted)).collect();
        let values = Values(order.into_iter().map(|(at, _)| (at, None)).collect());
        Search { atoms: &self.atoms, node, values, tries, may_be_true, wanted, steps: STEPS }.run(0)
    }

    fn proves(&self, node: &Node, holds: &dyn Fn(Truth) -> bool) -> bool {
        self.can_be(node, &|_| true, &|truth| !holds(truth)) == Some(false)
    }

    /// What it is for every row, if that is the same and can be told.
    pub fn value(&self, node: &Node) -> Option<Truth> {
        if let Node::Const(truth) = node {
            return Some(*truth);
        }
        [Truth::True, Truth::False, Truth::Null]
            .into_iter()
            .find(|wanted| self.proves(node, &|truth| truth == *wanted))
    }

    pub fn is_always(&self, node: &Node) -> bool {
        self.proves(node, &|truth| truth == Truth::True)
            || match node {
                Node::And(list) => list.iter().all(|node| self.is_always(node)),
                Node::Or(list) if node.is_large() => list.iter().any(|node| self.is_always(node)),
                _ => false,
            }
    }

    pub fn is_never(&self, node: &Node) -> bool {
        self.proves(node, &|truth| truth != Truth::True)
            || match node {
                Node::Or(list) => list.iter().all(|node| self.is_never(node)),
                Node::And(list) if node.is_large() => {
                    list.iter().any(|node| self.is_never(node)) || self.is_never_by_cases(list)
                }
                _ => false,
            }
    }

    /// Whether AND of these is never true because it is not in any case of the longest OR among them.
    fn is_never_by_cases(&self, list: &[Node]) -> bool {
        let cases = |node: &Node| if let Node::Or(cases) = node { cases.len() } else { 0 };
        let longest = list.iter().enumerate().max_by_key(|(_, node)| cases(node));
        let Some((at, Node::Or(cases))) = longest else { return false };
        let others =
            || list.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, node)| node.clone());
        cases.iter().all(|case| {
            let node = Node::all(others().chain([case.clone()]));
            self.proves(&node, &|truth| truth != Truth::True)
        })
    }

    /// Whether the one is true only where the other is.
    pub fn implies(&self, one: &Node, other: &Node) -> bool {
        let both = Node::any([one.clone().is(Truth::True).negate(), other.clone().is(Truth::True)]);
        self.is_always(&both)
    }

    /// Whether it is true only where an atom is true that connects the row with the caller so well.
    fn is_bound(&self, node: &Node, by: &dyn Fn(&Link) -> bool) -> bool {
        self.can_be(node, &|atom| !by(&atom.link), &|truth| truth == Truth::True) == Some(false)
    }

    /// Which rows it lets through.
    pub fn reach(&self, node: &Node) -> Reach {
        if self.is_never(node) {
            return Reach::None;
        }
        if self.is_always(node) {
            return Reach::All;
        }
        if self.is_bound(node, &|link| matches!(link, Link::Own(_))) {
            return Reach::Own;
        }
        if self.is_bound(node, &|link| matches!(link, Link::Own(_) | Link::Tenant)) {
            return Reach::Tenant;
        }
        // Where the whole is too much for a proof, its parts may not be.
        let parts = match node {
            Node::And(list) if node.is_large() => list.iter().map(|node| self.reach(node)).reduce(Reach::and),
            Node::Or(list) if node.is_large() => list.iter().map(|node| self.reach(node)).reduce(Reach::or),
            _ => None,
        };
        let opaque = node.atoms().iter().any(|at| self.atoms[*at].link == Link::Opaque);
        parts.unwrap_or(if opaque { Reach::Unknown } else { Reach::Some })
    }
}

impl Conditions<'_> {
    /// Something of which nothing is known.
    pub fn unread(&mut self, expr: &Expr) -> Node {
        self.atom(expr, Form::Volatile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(text: &str) -> Operand {
        let expr = Expr::Literal(Literal::String(text.into()));
        Operand { expr, not_null: true, exact: true }
    }

    fn variable(number: i32) -> Operand {
        Operand { expr: Expr::Param(number), not_null: false, exact: true }
    }

    /// `$1 is null`, `$1 = 'a'`, `$1 = 'b'`, `$1 = $2`, two that are not bound to others, and one of
    /// these that is never null.
    fn atoms() -> Atoms {
        let equal = |one: Operand, other: Operand| {
            let (left, right) = (Some(Box::new(one.expr.clone())), Box::new(other.expr.clone()));
            (Expr::Op { op: "=".into(), left, right }, Form::Strict(vec![one, other]))
        };
        let list = [
            (Expr::Param(1), Form::IsNull),
            equal(variable(1), constant("a")),
            equal(variable(1), constant("b")),
            equal(variable(1), variable(2)),
            (Expr::Param(3), Form::Plain),
            (Expr::Param(4), Form::Volatile),
            (Expr::Param(5), Form::TwoValued),
        ];
        let mut atoms = Atoms::default();
        for (expr, form) in list {
            atoms.push(Atom { expr, link: Link::Opaque, form });
        }
        atoms
    }

    fn some_truth(random: &mut fastrand::Rng) -> Truth {
        [Truth::True, Truth::False, Truth::Null][random.usize(..3)]
    }

    fn some_node(random: &mut fastrand::Rng, depth: usize) -> Node {
        let node = |random: &mut fastrand::Rng| some_node(random, depth.saturating_sub(1));
        match if depth == 0 { 0 } else { random.usize(..7) } {
            0 | 1 => Node::Atom(random.usize(..7)),
            2 => Node::Not(Box::new(node(random))),
            3 => Node::And((0..3).map(|_| node(random)).collect()),
            4 => Node::Or((0..3).map(|_| node(random)).collect()),
            5 => Node::Is(Box::new(node(random)), some_truth(random)),
            _ => Node::If(Box::new(node(random)), Box::new(node(random)), Box::new(node(random))),
        }
    }

    #[test]
    fn no_value_that_counts_is_left_out() {
        let mut random = fastrand::Rng::with_seed(7);
        let atoms = Arc::new(atoms());
        let conditions = Conditions::over(Caller::Anyone, &crate::predicate::Unknowing, Arc::clone(&atoms));
        let mut found = [0, 0];
        for _ in 0..3_000 {
            let node = some_node(&mut random, 3);
            let accepted = [random.bool(), random.bool(), random.bool()];
            let wanted = |truth: Truth| accepted[truth as usize];
            let never_true = random.usize(..7);
            let may_be_true = |atom: &Atom| atom.expr != atoms[never_true].expr;
            let mut order = node.atoms();
            order.sort_by_key(|at| (!matches!(atoms[*at].form, Form::IsNull), *at));
            let exhaustive = Search {
                atoms: &atoms,
                node: &node,
                tries: vec![([Truth::True, Truth::False, Truth::Null], false); order.len()],
                values: Values(order.into_iter().map(|at| (at, None)).collect()),
                may_be_true: &may_be_true,
                wanted: &wanted,
                steps: u32::MAX,
            }
            .run(0);
            assert_eq!(conditions.can_be(&node, &may_be_true, &wanted), exhaustive, "{node:?} {accepted:?}");
            found[usize::from(exhaustive == Some(true))] += 1;
        }
        assert!(found.iter().all(|count| *count > 300), "{found:?}");
    }
}
