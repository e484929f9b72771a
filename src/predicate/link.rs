//! How a condition connects a row with the caller.

use crate::predicate::read::{claim_of, setting};
use crate::predicate::{Conditions, is_plain};
use crate::sql::expr::{Call, Expr, FromItem, Literal, Oid, Query, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;

/// What is the case where an atom is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The caller's id or address stands in the row: in these columns.
    Own(Vec<i16>),
    /// Another table or a claim of the token connects the row with the caller.
    Tenant,
    /// The row is as it says, whoever asks.
    Row,
    /// The caller is as it says, whatever the row.
    Caller,
    /// Rows of other tables are as it says.
    Data,
    /// It cannot be read.
    Opaque,
}

/// What an expression depends on.
#[derive(Clone, Debug, Default)]
struct Sources {
    /// Columns of the row that is asked about.
    row: Vec<i16>,
    whole_row: bool,
    /// Relations of the query around it.
    inner: Vec<Key>,
    caller: bool,
    /// Other queries.
    data: bool,
    opaque: bool,
}

/// A relation in FROM: by its alias where it stands there more than once.
type Key = (Oid, Option<Ident>);

/// A value that tells who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Identity,
    Attribute,
}

/// The relations of a query and what their being there says.
#[derive(Default)]
struct Graph {
    keys: Vec<Key>,
    /// The group of each key: those with equal values belong together.
    groups: Vec<usize>,
    with_row: Vec<usize>,
    with_caller: Vec<usize>,
}

impl Graph {
    fn at(&mut self, key: &Key) -> usize {
        self.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            self.keys.push(key.clone());
            self.groups.push(self.groups.len());
            self.keys.len() - 1
        })
    }

    fn join(&mut self, one: &Key, other: &Key) {
        let (one, other) = (self.at(one), self.at(other));
        let (from, to) = (self.groups[one], self.groups[other]);
        self.groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
    }

    fn is_in(&self, key: &Key, list: &[usize]) -> bool {
        let group = self.keys.iter().position(|known| known == key).map(|at| self.groups[at]);
        group.is_some_and(|group| list.iter().any(|at| self.groups[*at] == group))
    }

    /// Whether a row and the caller meet in one group.
    fn connects(&self) -> bool {
        self.with_row
            .iter()
            .any(|one| self.with_caller.iter().any(|two| self.groups[*one] == self.groups[*two]))
    }
}

/// One side of an equality inside a query.
enum Side {
    Row,
    Caller,
    Inner(Key),
}

impl Conditions<'_> {
    /// How an atom connects a row with the caller if it is true.
    pub(super) fn link(&self, expr: &Expr) -> Link {
        if let Some(link) = self.connection(expr) {
            return link;
        }
        let sources = self.sources(expr, self.level, None);
        if sources.opaque {
            Link::Opaque
        } else if sources.data {
            if sources.row.is_empty() && !sources.whole_row && sources.caller {
                Link::Caller
            } else {
                Link::Data
            }
        } else if sources.row.is_empty() && !sources.whole_row {
            Link::Caller
        } else {
            Link::Row
        }
    }

    /// The same of an expression's being null, which connects nothing.
    pub(super) fn link_of_null(&self, expr: &Expr) -> Link {
        if self.sources(expr, self.level, None).opaque { Link::Opaque } else { Link::Row }
    }

    fn connection(&self, expr: &Expr) -> Option<Link> {
        match expr {
            Expr::Op { op, left: Some(left), right } => match op.as_str() {
                "=" => self
                    .pair(left, right)
                    .or_else(|| self.pair(right, left))
                    .or_else(|| self.compared_query(left, right))
                    .or_else(|| self.compared_query(right, left)),
                // `members @> array[auth.uid()]`, `members ? auth.uid()::text`
                "?" => self.pair(left, right),
                // Everything contains an array of nothing, so what is contained must be written out.
                "@>" => only_element(right).and_then(|who| self.pair(left, who)),
                "<@" => only_element(left).and_then(|who| self.pair(right, who)),
                "&&" => self.pair(left, element(right)).or_else(|| self.pair(right, element(left))),
                "<" | ">" | "<=" | ">=" | "<>" | "!=" | "~~" | "~~*" => {
                    let of_query = |expr: &Expr| {
                        let Expr::Sublink(sublink) = expr.uncast() else { return None };
                        (sublink.kind == SublinkKind::Scalar && self.connects(&sublink.query, None))
                            .then_some(Link::Tenant)
                    };
                    of_query(left).or_else(|| of_query(right))
                }
                _ => None,
            },
            Expr::OpArray { op, all: false, left, right } if op == "=" => {
                self.pair(right, left).or_else(|| self.pair(left, or_empty(right)))
            }
            Expr::Sublink(sublink) => self.query_connection(sublink),
            _ => None,
        }
    }

    /// Whether an atom's value depends on what the request brings: its user, or any setting of it.
    /// What cannot hold for this caller has no say: of `exists (… owner = auth.uid() or is_open)` the first part
    /// for who is not signed in.
    pub fn depends_on_caller(&self, atom: usize) -> bool {
        let expr = &self.atoms[atom].expr;
        self.sources(expr, self.level, None).caller
            && self.pruned(expr).is_none_or(|pruned| self.sources(&pruned, self.level, None).caller)
    }

    /// A sub-select without the branches of its condition that are never true; `None` where all of them may be.
    fn pruned(&self, expr: &Expr) -> Option<Expr> {
        let mut pruned = expr.clone();
        let Expr::Sublink(sublink) = &mut pruned else { return None };
        let QueryBody::Select(select) = &mut sublink.query.body else { return None };
        let mut inner = self.inner(1)?;
        let parts = match select.filter.as_deref_mut()? {
            Expr::And(parts) => parts.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        let mut any = false;
        for part in parts {
            if let Expr::Or(branches) = part {
                let before = branches.len();
                branches.retain(|branch| {
                    let node = inner.read_followed(branch);
                    !inner.is_never(&node)
                });
                any |= branches.len() < before;
            }
        }
        any.then_some(pruned)
    }

    /// The relation in which the caller must have a row, if that is all that an atom asks:
    /// `exists (select … from members where user_id = auth.uid())`.
    pub fn membership(&self, atom: usize) -> Option<Oid> {
        let Expr::Sublink(sublink) = &self.atoms[atom].expr else { return None };
        let QueryBody::Select(select) = &sublink.query.body else { return None };
        let [FromItem::Relation { relation, .. }] = select.from.as_slice() else { return None };
        if !sublink.query.ctes.is_empty() || self.is_aggregated(select) {
            return None;
        }
        let names = names_of(&sublink.query);
        let ties = |(one, other): &(Side, Side)| {
            matches!((one, other), (Side::Inner(_), Side::Caller) | (Side::Caller, Side::Inner(_)))
        };
        let asks_alone = match (sublink.kind, &sublink.test, select.filter.as_deref()) {
            (SublinkKind::Exists, _, Some(filter)) => {
                self.equalities(filter, self.level + 1, &names).iter().any(ties)
            }
            (SublinkKind::Any, Some(test), None) if sublink.op == "=" => self.who(test, self.level).is_some(),
            _ => false,
        };
        asks_alone.then_some(relation.target?)
    }

    /// `owner = auth.uid()`: the row has what tells who asks.
    fn pair(&self, row: &Expr, who: &Expr) -> Option<Link> {
        let who = self.who(who, self.level)?;
        let sources = self.sources(row, self.level, None);
        let of_row = (!sources.row.is_empty() || sources.whole_row)
            && !sources.caller
            && !sources.data
            && !sources.opaque
            && sources.inner.is_empty();
        let link = match who {
            Who::Identity => Link::Own(sources.row),
            Who::Attribute => Link::Tenant,
        };
        of_row.then_some(link)
    }

    /// `(select role from members where …) = 'admin'`: true only if there is such a row.
    fn compared_query(&self, side: &Expr, other: &Expr) -> Option<Link> {
        let Expr::Sublink(sublink) = side.uncast() else { return None };
        let scalar = sublink.kind == SublinkKind::Scalar;
        (scalar && self.connects(&sublink.query, Some(other))).then_some(Link::Tenant)
    }

    fn query_connection(&self, sublink: &Sublink) -> Option<Link> {
        match (sublink.kind, &sublink.test) {
            (SublinkKind::Exists | SublinkKind::Scalar, _) => {
                self.connects(&sublink.query, None).then_some(Link::Tenant)
            }
            (SublinkKind::Any, Some(test)) if sublink.op == "=" => {
                if self.connects(&sublink.query, Some(test)) {
                    return Some(Link::Tenant);
                }
                let sources = self.sources(test, self.level, None);
                let of_row = !sources.row.is_empty() && !sources.caller && !sources.data && !sources.opaque;
                (of_row && self.belongs_to_caller(&sublink.query, self.level + 1)).then_some(Link::Tenant)
            }
            _ => None,
        }
    }

    /// Whether a row of a query's result means that the row asked about and the caller are connected
    /// by rows of other tables. `equal` is what the result is compared with.
    fn connects(&self, query: &Query, equal: Option<&Expr>) -> bool {
        let level = self.level + 1;
        let Some(mut graph) = self.graph(query, level) else { return false };
        if let (Some(equal), QueryBody::Select(select)) = (equal, &query.body)
            && let [target] = select.targets.as_slice()
        {
            let names = names_of(query);
            let other = self.side(&equal.clone().deeper(1), level, &names);
            if let (Some(one), Some(other)) = (self.side(&target.expr, level, &names), other) {
                graph.connect(&one, &other);
            }
        }
        graph.connects()
    }

    /// Whether each value of a query's only column stands in a row that tells who asks.
    fn belongs_to_caller(&self, query: &Query, level: u16) -> bool {
        if let QueryBody::SetOperation(left, right) = &query.body {
            return self.belongs_to_caller(left, level + 1) && self.belongs_to_caller(right, level + 1);
        }
        let Some(graph) = self.graph(query, level) else { return false };
        let QueryBody::Select(select) = &query.body else { return false };
        let [target] = select.targets.as_slice() else { return false };
        match self.side(&target.expr, level, &names_of(query)) {
            Some(Side::Inner(key)) => graph.is_in(&key, &graph.with_caller),
            Some(Side::Caller) => true,
            _ => false,
        }
    }

    /// What the conditions of a query say of its relations; `None` where a row of the result does not
    /// mean that there is one of each.
    fn graph(&self, query: &Query, level: u16) -> Option<Graph> {
        let QueryBody::Select(select) = &query.body else { return None };
        if !query.ctes.is_empty() || self.is_aggregated(select) {
            return None;
        }
        let names = names_of(query);
        let mut conjuncts = Vec::new();
        select.filter.iter().for_each(|filter| flatten(filter, &mut conjuncts));
        for item in &select.from {
            join_conditions(item, &mut conjuncts)?;
        }
        let mut graph = Graph::default();
        for conjunct in conjuncts {
            for (one, other) in self.equalities(conjunct, level, &names) {
                graph.connect(&one, &other);
            }
        }
        Some(graph)
    }

    /// What a condition inside a query says to be equal.
    fn equalities(&self, expr: &Expr, level: u16, names: &[Key]) -> Vec<(Side, Side)> {
        let pair = |left: &Expr, right: &Expr| {
            let (left, right) = (self.side(left, level, names), self.side(right, level, names));
            left.zip(right).into_iter().collect::<Vec<_>>()
        };
        match expr {
            Expr::Op { op, left: Some(left), right } if op == "=" => pair(left, right),
            Expr::OpArray { op, all: false, left, right } if op == "=" => pair(left, right),
            Expr::In { expr, list, negated: false } => match list.as_slice() {
                [only] => pair(expr, only),
                _ => Vec::new(),
            },
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Any && sublink.op == "=" => {
                let Some(test) = &sublink.test else { return Vec::new() };
                match self.side(test, level, names) {
                    Some(one) if self.belongs_to_caller(&sublink.query, level + 1) => {
                        vec![(one, Side::Caller)]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// What a side of an equality stands for, if it is one thing.
    fn side(&self, expr: &Expr, level: u16, names: &[Key]) -> Option<Side> {
        if self.who(expr, level).is_some() {
            return Some(Side::Caller);
        }
        let sources = self.sources(expr, level, Some(names));
        if sources.opaque || sources.caller || sources.data {
            return None;
        }
        match sources.inner.as_slice() {
            [] => (!sources.row.is_empty()).then_some(Side::Row),
            [only] => sources.row.is_empty().then(|| Side::Inner(only.clone())),
            _ => None,
        }
    }

    /// Whether an expression is a value that tells who asks.
    fn who(&self, expr: &Expr, level: u16) -> Option<Who> {
        match expr.uncast() {
            Expr::Call(call) => who_calls(call).or_else(|| {
                let keeps = matches!(call.name.name.as_str(), "lower" | "btrim") && call.target.is_none();
                match call.args.as_slice() {
                    [only] if keeps => self.who(only, level),
                    _ => None,
                }
            }),
            Expr::Other("nullif", parts) => self.who(parts.first()?, level),
            Expr::Sublink(sublink) => {
                let bound = |query: &Query| self.belongs_to_caller(query, level + 1);
                let found = match sublink.kind {
                    SublinkKind::Array => bound(&sublink.query),
                    SublinkKind::Scalar => {
                        bound(&sublink.query)
                            || unaggregated(&sublink.query).is_some_and(|query| bound(&query))
                    }
                    _ => false,
                };
                found.then_some(Who::Attribute)
            }
            other => match claim_of(other)? {
                "sub" | "email" => Some(Who::Identity),
                "role" | "iss" | "ref" | "aud" | "aal" | "iat" | "exp" | "is_anonymous" => None,
                _ => Some(Who::Attribute),
            },
        }
    }

    /// What an expression that stands `level` queries deep depends on. `names` are the relations of
    /// the query that it stands in.
    fn sources(&self, expr: &Expr, level: u16, names: Option<&[Key]>) -> Sources {
        let mut found = Sources::default();
        self.collect(expr, level, 0, names, &mut found);
        found
    }

    fn collect(&self, expr: &Expr, level: u16, below: u16, names: Option<&[Key]>, found: &mut Sources) {
        match expr {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, depth } => {
                    if depth == level + below {
                        found.row.push(attnum);
                    } else if depth == below && names.is_some() {
                        let alias = column.path.iter().rev().nth(1);
                        let key = names.unwrap_or_default().iter().find(|(oid, name)| {
                            *oid == relation && name.as_ref().is_none_or(|name| Some(name) == alias)
                        });
                        match key {
                            Some(key) if found.inner.contains(key) => {}
                            Some(key) => found.inner.push(key.clone()),
                            None => found.opaque = true,
                        }
                    } else if depth >= below {
                        // Of a query between the row and this one.
                        found.data = true;
                    }
                }
                Target::Row { depth, .. } if depth == level + below => found.whole_row = true,
                Target::Row { .. } => found.data = true,
                Target::Derived { .. } | Target::Result { .. } => found.data = true,
                Target::Unknown | Target::Variable => found.opaque = true,
            },
            Expr::Call(call) => {
                let who = who_calls(call).is_some()
                    || matches!(call.name.name.as_str(), "role" | "jwt" if is_of_auth(call))
                    || setting(call).is_some();
                found.caller |= who;
                // What is aggregated stands among the operands.
                let aggregate = call.aggregate && call.target.is_none() && below > 0;
                found.opaque |= !who && !aggregate && !is_plain(call);
            }
            Expr::Session(word) => {
                found.caller |= matches!(*word, "current_user" | "session_user" | "current_role" | "user");
            }
            Expr::Param(_) => found.opaque = true,
            Expr::Other(name, _) => {
                let read = [
                    "nullif",
                    "least",
                    "greatest",
                    "collate",
                    "subscript",
                    "between symmetric",
                    "not between symmetric",
                ];
                found.opaque |= !read.contains(name);
            }
            Expr::Sublink(sublink) => {
                found.data = true;
                self.collect_query(&sublink.query, level, below + 1, found);
            }
            _ => {}
        }
        for child in expr.children() {
            self.collect(child, level, below, names, found);
        }
    }

    fn collect_query(&self, query: &Query, level: u16, below: u16, found: &mut Sources) {
        for expr in query.own_expressions() {
            let star = matches!(expr, Expr::Column(column) if column.star);
            if !star {
                self.collect(expr, level, below, None, found);
            }
        }
        for inner in query.inner_queries() {
            self.collect_query(inner, level, below + 1, found);
        }
    }
}

impl Graph {
    fn connect(&mut self, one: &Side, other: &Side) {
        match (one, other) {
            (Side::Inner(one), Side::Inner(other)) => self.join(one, other),
            (Side::Inner(key), Side::Row) | (Side::Row, Side::Inner(key)) => {
                let at = self.at(key);
                self.with_row.push(at);
            }
            (Side::Inner(key), Side::Caller) | (Side::Caller, Side::Inner(key)) => {
                let at = self.at(key);
                self.with_caller.push(at);
            }
            _ => {}
        }
    }
}

/// `auth.uid()`, `auth.email()`, and the settings of older projects.
fn who_calls(call: &Call) -> Option<Who> {
    if is_of_auth(call) && matches!(call.name.name.as_str(), "uid" | "email") {
        return Some(Who::Identity);
    }
    match setting(call)?.strip_prefix("request.jwt.claim.")? {
        "sub" | "email" => Some(Who::Identity),
        "role" => None,
        _ => Some(Who::Attribute),
    }
}

pub(super) fn is_of_auth(call: &Call) -> bool {
    call.name.schema.as_ref().is_some_and(|schema| *schema == "auth")
}

/// What `coalesce(x, '{}')` gives if anything is in it.
fn or_empty(expr: &Expr) -> &Expr {
    let is_empty = |expr: &Expr| match expr.uncast() {
        Expr::Array(items) => items.is_empty(),
        Expr::Literal(Literal::String(text)) => text == "{}",
        _ => false,
    };
    match expr.uncast() {
        Expr::Coalesce(parts) => match parts.as_slice() {
            [first, other] if is_empty(other) => first,
            _ => expr,
        },
        _ => expr,
    }
}

/// `select array_agg(x) from …` without the aggregate: the elements.
fn unaggregated(query: &Query) -> Option<Query> {
    let QueryBody::Select(select) = &query.body else { return None };
    let [target] = select.targets.as_slice() else { return None };
    let Expr::Call(call) = or_empty(&target.expr).uncast() else { return None };
    let plain = call.name.name == "array_agg" && call.target.is_none() && select.group_by.is_empty();
    let [element] = call.args.as_slice() else { return None };
    let element = element.clone();
    let mut query = query.clone();
    if let QueryBody::Select(select) = &mut query.body {
        select.targets[0].expr = element;
    }
    plain.then_some(query)
}

/// The only element of an array that is written out.
fn only_element(expr: &Expr) -> Option<&Expr> {
    match expr.uncast() {
        Expr::Array(items) => match items.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// The same, or the expression itself.
fn element(expr: &Expr) -> &Expr {
    only_element(expr).unwrap_or(expr)
}

fn flatten<'e>(expr: &'e Expr, list: &mut Vec<&'e Expr>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| flatten(part, list)),
        other => list.push(other),
    }
}

/// The conditions of inner joins; `None` where a join keeps rows without a partner.
fn join_conditions<'e>(item: &'e FromItem, list: &mut Vec<&'e Expr>) -> Option<()> {
    match item {
        FromItem::Join { outer: true, .. } => None,
        FromItem::Join { left, right, on, .. } => {
            on.iter().for_each(|on| flatten(on, list));
            join_conditions(left, list)?;
            join_conditions(right, list)
        }
        _ => Some(()),
    }
}

/// The relations in a query's FROM.
fn names_of(query: &Query) -> Vec<Key> {
    let mut all: Vec<(Oid, Ident)> = Vec::new();
    if let QueryBody::Select(select) = &query.body {
        select.from.iter().for_each(|item| relations(item, &mut all));
    }
    let twice = |oid: Oid| all.iter().filter(|(other, _)| *other == oid).count() > 1;
    all.iter().map(|(oid, name)| (*oid, twice(*oid).then(|| name.clone()))).collect()
}

fn relations(item: &FromItem, list: &mut Vec<(Oid, Ident)>) {
    match item {
        FromItem::Relation { relation, alias } => {
            let name = alias.as_ref().map_or(&relation.name.name, |alias| &alias.name);
            list.extend(relation.target.map(|oid| (oid, name.clone())));
        }
        FromItem::Join { left, right, .. } => {
            relations(left, list);
            relations(right, list);
        }
        FromItem::Query { .. } | FromItem::Function { .. } => {}
    }
}
