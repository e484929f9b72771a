//! Formulas over atoms, and what can be proved about them.

use std::ops::Index;
use std::sync::Arc;

use rustc_hash::FxHashMap;

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

    fn collect(&self, found: &mut Vec<usize>) {
        match self {
            Self::Const(_) => {}
            Self::Atom(at) => {
                if !found.contains(at) {
                    found.push(*at);
                }
            }
            Self::Not(inner) | Self::Is(inner, _) => inner.collect(found),
            Self::And(list) | Self::Or(list) => list.iter().for_each(|node| node.collect(found)),
            Self::If(when, then, otherwise) => {
                [when, then, otherwise].into_iter().for_each(|node| node.collect(found));
            }
        }
    }

    /// The atoms in it, each once.
    pub fn atoms(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
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
    /// What each atom may be; atoms that are not in the formula have no say.
    may_be_true: &'s dyn Fn(&Atom) -> bool,
    wanted: &'s dyn Fn(Truth) -> bool,
    steps: u32,
}

impl Search<'_> {
    /// Whether there are such values; `None` if that took too long.
    fn run(&mut self, place: usize) -> Option<bool> {
        if let Some(truth) = self.node.value(&self.values) {
            return Some((self.wanted)(truth));
        }
        let Some((atom, _)) = self.values.0.get(place).copied() else { return Some(true) };
        for truth in [Truth::True, Truth::False, Truth::Null] {
            if !self.may_be(atom, truth) {
                continue;
            }
            self.steps = self.steps.checked_sub(1)?;
            self.values.0[place].1 = Some(truth);
            let found = self.run(place + 1);
            if found != Some(false) {
                return found;
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
        let mut order = node.atoms();
        if order.len() > ATOMS {
            return None;
        }
        // Where one says that an operand is null, the others are bound to it.
        order.sort_by_key(|at| (!matches!(self.atoms[*at].form, Form::IsNull), *at));
        let values = Values(order.into_iter().map(|at| (at, None)).collect());
        Search { atoms: &self.atoms, node, values, may_be_true, wanted, steps: STEPS }.run(0)
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
                Node::Or(list) if node.atoms().len() > ATOMS => list.iter().any(|node| self.is_always(node)),
                _ => false,
            }
    }

    pub fn is_never(&self, node: &Node) -> bool {
        self.proves(node, &|truth| truth != Truth::True)
            || match node {
                Node::Or(list) => list.iter().all(|node| self.is_never(node)),
                Node::And(list) if node.atoms().len() > ATOMS => {
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
        let atoms = node.atoms();
        // Where the whole is too much for a proof, its parts may not be.
        let parts = match node {
            Node::And(list) if atoms.len() > ATOMS => {
                list.iter().map(|node| self.reach(node)).reduce(Reach::and)
            }
            Node::Or(list) if atoms.len() > ATOMS => {
                list.iter().map(|node| self.reach(node)).reduce(Reach::or)
            }
            _ => None,
        };
        let opaque = atoms.iter().any(|at| self.atoms[*at].link == Link::Opaque);
        parts.unwrap_or(if opaque { Reach::Unknown } else { Reach::Some })
    }
}

impl Conditions<'_> {
    /// Something of which nothing is known.
    pub fn unread(&mut self, expr: &Expr) -> Node {
        self.atom(expr, Form::Volatile)
    }
}
