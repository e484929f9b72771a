//! Expressions and queries, as small trees of our own.
//!
//! The parser's nodes are lowered to these once. What a rule or the reasoning never asks about is
//! an [`Expr::Other`] that still holds its operands, so that a walk misses nothing. References are
//! bound when the catalog applies a statement: PostgreSQL, too, resolves names when an object is
//! made, and follows later renames.

use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use rustc_hash::FxHasher;

use crate::source::{FileId, Span};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::TypeName;

/// An object of the catalog, as references hold it. Never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(pub u32);

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    /// Any number, as written.
    Number(String),
    String(String),
    /// A text that names a relation, where one is meant: `nextval('orders_id_seq')`. Bound by the
    /// catalog.
    Relation(String, Oid),
}

/// A column reference: `status`, `orders.status`, `o.*`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnRef {
    /// The parts as written; the last one is the column unless `star`.
    pub path: Vec<Ident>,
    pub star: bool,
    pub span: Span,
    pub target: Target,
}

/// What a column reference means once it is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// Not bound, or bound to something that the catalog does not know.
    #[default]
    Unknown,
    /// A column of a relation by its `attnum`. `depth` counts the queries between the reference and
    /// the one that brings the relation: 0 is the innermost.
    Column { relation: Oid, attnum: i16, depth: u16 },
    /// A whole row, or `alias.*`.
    Row { relation: Oid, depth: u16 },
    /// A column of a sub-select, a CTE or a function in FROM.
    Derived { depth: u16 },
    /// A column of what a function in FROM returns, which has the type of a relation's rows or a
    /// composite one; 0 is the whole row. The relation is not read.
    Result { of: Oid, attnum: i16, depth: u16 },
    /// A parameter or a variable of the function around it.
    Variable,
}

impl Target {
    fn depth(mut self) -> Option<u16> {
        self.depth_mut().copied()
    }

    fn depth_mut(&mut self) -> Option<&mut u16> {
        match self {
            Self::Column { depth, .. }
            | Self::Row { depth, .. }
            | Self::Result { depth, .. }
            | Self::Derived { depth } => Some(depth),
            Self::Unknown | Self::Variable => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: ObjectName,
    pub args: Vec<Expr>,
    /// From the name to the closing parenthesis.
    pub span: Span,
    /// The function, when the catalog knows exactly one that fits.
    pub target: Option<Oid>,
    pub aggregate: bool,
    /// `count(distinct x)`
    pub distinct: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SublinkKind {
    Exists,
    /// `x op any (select …)`, which is also how `in (select …)` arrives.
    Any,
    All,
    Scalar,
    Array,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sublink {
    pub kind: SublinkKind,
    /// The left side of ANY and ALL.
    pub test: Option<Box<Expr>>,
    pub op: Ident,
    pub query: Box<Query>,
    /// The parentheses and what they hold.
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Literal(Literal),
    Column(ColumnRef),
    Param(i32),
    Call(Box<Call>),
    /// An operator; `left` is absent for prefix ones. LIKE is `~~`, ILIKE `~~*`, `<>` also `!=`.
    Op {
        op: Ident,
        left: Option<Box<Self>>,
        right: Box<Self>,
    },
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    IsNull {
        expr: Box<Self>,
        negated: bool,
    },
    /// `is [not] true`, `false`; `unknown` is `None`.
    IsBool {
        expr: Box<Self>,
        value: Option<bool>,
        negated: bool,
    },
    Distinct {
        left: Box<Self>,
        right: Box<Self>,
        negated: bool,
    },
    /// `x in (a, b)`
    In {
        expr: Box<Self>,
        list: Vec<Self>,
        negated: bool,
    },
    /// `x op any (array)`, or `all`.
    OpArray {
        op: Ident,
        all: bool,
        left: Box<Self>,
        right: Box<Self>,
    },
    Between {
        expr: Box<Self>,
        low: Box<Self>,
        high: Box<Self>,
        negated: bool,
    },
    Cast {
        expr: Box<Self>,
        to: Box<TypeName>,
    },
    Case {
        operand: Option<Box<Self>>,
        arms: Vec<(Self, Self)>,
        default: Option<Box<Self>>,
    },
    Coalesce(Vec<Self>),
    Array(Vec<Self>),
    Row(Vec<Self>),
    /// `(expr).field`, `(expr).*`, `expr[…]`: the subject and the subscripts.
    Field {
        expr: Box<Self>,
        field: Option<Ident>,
        subscripts: Vec<Self>,
        /// The relation or composite type of the row that the field is taken from, once it is bound.
        row: Option<Oid>,
    },
    Sublink(Sublink),
    /// `name => value` among a call's arguments.
    Named {
        name: Ident,
        value: Box<Self>,
    },
    /// `current_user`, `current_date`, …: the word, in lower case.
    Session(&'static str),
    /// Anything else, by the parser's name for it, with its operands.
    Other(&'static str, Vec<Self>),
}

/// Visits the operands of a node, which is borrowed for reading (`iter`) or for change (`iter_mut`);
/// sub-selects are not entered.
macro_rules! each_child {
    ($node:expr, $visit:ident, $iter:ident) => {
        match $node {
            Expr::Literal(_) | Expr::Column(_) | Expr::Param(_) | Expr::Session(_) => {}
            Expr::Call(call) => call.args.$iter().for_each($visit),
            Expr::Op { left, right, .. } => {
                left.$iter().for_each(|left| $visit(left));
                $visit(right);
            }
            Expr::And(list)
            | Expr::Or(list)
            | Expr::Coalesce(list)
            | Expr::Array(list)
            | Expr::Row(list)
            | Expr::Other(_, list) => list.$iter().for_each($visit),
            Expr::Not(expr)
            | Expr::IsNull { expr, .. }
            | Expr::IsBool { expr, .. }
            | Expr::Named { value: expr, .. }
            | Expr::Cast { expr, .. } => $visit(expr),
            Expr::Distinct { left, right, .. } | Expr::OpArray { left, right, .. } => {
                $visit(left);
                $visit(right);
            }
            Expr::In { expr, list, .. } => {
                $visit(expr);
                list.$iter().for_each($visit);
            }
            Expr::Between { expr, low, high, .. } => {
                [expr, low, high].into_iter().for_each(|part| $visit(part))
            }
            Expr::Case { operand, arms, default } => {
                operand.$iter().for_each(|operand| $visit(operand));
                arms.$iter().flat_map(|(when, then)| [when, then]).for_each(&mut *$visit);
                default.$iter().for_each(|default| $visit(default));
            }
            Expr::Field { expr, subscripts, .. } => {
                $visit(expr);
                subscripts.$iter().for_each($visit);
            }
            Expr::Sublink(sublink) => sublink.test.$iter().for_each(|test| $visit(test)),
        }
    };
}

impl Expr {
    pub const NULL: Self = Self::Literal(Literal::Null);

    /// The operands of this node, sub-selects not entered.
    pub fn children(&self) -> Vec<&Self> {
        let mut list = Vec::new();
        self.each_child(&mut |child| list.push(child));
        list
    }

    /// Visits the operands of this node, sub-selects not entered.
    pub fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        each_child!(self, visit, iter)
    }

    /// Visits the operands of this node for change, sub-selects not entered.
    pub fn each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        each_child!(self, visit, iter_mut)
    }

    /// Visits this node and everything below it, sub-selects included, from the outside in.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        self.each_child(&mut |child| child.walk(visit));
        if let Self::Sublink(sublink) = self {
            sublink.query.walk(visit);
        }
    }

    /// Whether this node or one below it, sub-selects included, is as wanted.
    pub fn any(&self, wanted: &dyn Fn(&Self) -> bool) -> bool {
        let mut found = wanted(self);
        if !found {
            self.each_child(&mut |child| found = found || child.any(wanted));
        }
        found || matches!(self, Self::Sublink(sublink) if sublink.query.any(wanted))
    }

    /// Whether it holds what is wanted, queries in it not looked at.
    pub fn any_outside_queries(&self, wanted: &dyn Fn(&Self) -> bool) -> bool {
        let mut found = wanted(self);
        if !found {
            self.each_child(&mut |child| found = found || child.any_outside_queries(wanted));
        }
        found
    }

    /// Whether it sums up rows of the query that it is in, by an aggregate or a window. A query in it sums up its own,
    /// unless what is summed up is all from around it (PostgreSQL manual, section 4.2.7).
    pub fn sums_up(&self) -> bool {
        let is_sum = |part: &Self| match part {
            Self::Call(call) => call.aggregate,
            Self::Other("over", _) => true,
            _ => false,
        };
        let is_from_around = |part: &Self| {
            let Self::Call(call) = part else { return false };
            let of = |own: bool| {
                let is_so = |part: &Self| {
                    let Self::Column(column) = part else { return false };
                    matches!(column.target.depth(), Some(0)) == own
                };
                call.args.iter().any(|arg| arg.any(&is_so))
            };
            call.aggregate && of(false) && !of(true)
        };
        self.any_outside_queries(&is_sum) || self.any(&is_from_around)
    }

    /// From the first to the last of its parts that have a place: columns, calls and sub-selects.
    pub fn span(&self) -> Option<Span> {
        let mut whole: Option<Span> = None;
        self.walk(&mut |part| {
            let own = match part {
                Self::Column(column) => Some(column.span),
                Self::Call(call) => Some(call.span),
                Self::Sublink(sublink) => Some(sublink.span),
                _ => None,
            };
            whole = match (whole, own) {
                (Some(whole), Some(own)) if whole.file == own.file => Some(whole.to(own)),
                (whole, own) => whole.or(own),
            };
        });
        whole
    }

    /// Whether both say the same, wherever they are written and however their columns are qualified.
    pub fn same_as(&self, other: &Self) -> bool {
        self.digest() == other.digest() && self.place_free() == other.place_free()
    }

    /// A number that is the same for expressions that say the same, and for equalities with their sides
    /// exchanged.
    pub fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        discriminant(self).hash(&mut hasher);
        match self {
            Self::Literal(Literal::Null | Literal::Bool(_)) | Self::Sublink(_) => {}
            Self::Literal(Literal::Number(text) | Literal::String(text) | Literal::Relation(text, _)) => {
                text.hash(&mut hasher);
            }
            Self::Column(column) => column.target.hash(&mut hasher),
            Self::Call(call) => call.name.name.hash(&mut hasher),
            Self::Op { op, .. } => op.hash(&mut hasher),
            Self::Session(word) | Self::Other(word, _) => word.hash(&mut hasher),
            _ => {}
        }
        let is_equality = matches!(self, Self::Op { op, .. } if op == "=");
        let mut sum = 0_u64;
        self.each_child(&mut |child| match is_equality {
            true => sum = sum.wrapping_add(child.digest()),
            false => child.digest().hash(&mut hasher),
        });
        sum.hash(&mut hasher);
        if let Self::Sublink(sublink) = self {
            sublink.query.each_own_expression(&mut |expr| expr.digest().hash(&mut hasher));
        }
        hasher.finish()
    }

    /// The expression without the places of what it names, and without qualifiers that are not needed:
    /// two that say the same are equal then.
    pub fn place_free(&self) -> Self {
        let mut expr = self.clone();
        expr.visit_mut(0, &mut |node, _| node.forget_place());
        expr
    }

    fn forget_place(&mut self) {
        let nowhere = Span::new(FileId(0), 0, 0);
        match self {
            Self::Column(column) => {
                column.span = nowhere;
                if matches!(column.target, Target::Column { .. } | Target::Row { .. }) {
                    column.path.clear();
                }
            }
            Self::Call(call) => {
                call.span = nowhere;
                call.name.span = nowhere;
            }
            Self::Cast { to, .. } => to.name.span = nowhere,
            Self::Sublink(sublink) => {
                sublink.span = nowhere;
                sublink.query.visit_relations_mut(&mut |relation| relation.name.span = nowhere);
            }
            _ => {}
        }
    }

    /// Visits this node and everything below it from the inside out, sub-selects included, with the
    /// number of queries that lie between it and where `level` was counted from.
    pub fn visit_mut(&mut self, level: u16, visit: &mut dyn FnMut(&mut Self, u16)) {
        self.each_child_mut(&mut |child| child.visit_mut(level, visit));
        if let Self::Sublink(sublink) = self {
            sublink.query.visit_mut(level + 1, visit);
        }
        visit(self, level);
    }

    /// The same expression where it stands `by` queries deeper: what it reads is that much further
    /// away.
    #[must_use]
    pub fn deeper(mut self, by: u16) -> Self {
        self.visit_mut(0, &mut |node, level| {
            if let Self::Column(column) = node
                && let Some(depth) = column.target.depth_mut().filter(|depth| **depth >= level)
            {
                *depth += by;
            }
        });
        self
    }

    /// The same expression about the rows of a relation that have this value in a column.
    #[must_use]
    pub fn where_column_is(&self, relation: Oid, attnum: i16, value: &Literal) -> Self {
        let mut expr = self.clone();
        expr.visit_mut(0, &mut |node, level| {
            if let Self::Column(column) = node
                && column.target == (Target::Column { relation, attnum, depth: level })
            {
                *node = Self::Literal(value.clone());
            }
        });
        expr
    }

    /// Whether it reads a column of a relation, in sub-selects as well.
    pub fn reads_column(&self, relation: Oid, attnum: i16) -> bool {
        let reads = |target: Target| match target {
            Target::Column { relation: read, attnum: at, .. } => read == relation && at == attnum,
            Target::Row { relation: read, .. } => read == relation,
            _ => false,
        };
        self.any(&|expr| matches!(expr, Self::Column(column) if reads(column.target)))
    }

    /// The target of a bare `(select …)` in the place of the sub-select.
    #[must_use]
    pub fn lifted(mut self) -> Self {
        self.visit_mut(0, &mut |node, level| {
            if let Self::Column(column) = node
                && let Some(depth) = column.target.depth_mut().filter(|depth| **depth > level)
            {
                *depth -= 1;
            }
        });
        self
    }

    fn reads_beyond(&self, levels: u16) -> bool {
        let own = match self {
            Self::Column(column) => match column.target {
                Target::Column { depth, .. }
                | Target::Row { depth, .. }
                | Target::Result { depth, .. }
                | Target::Derived { depth } => depth > levels,
                Target::Unknown | Target::Variable => false,
            },
            Self::Sublink(sublink) => sublink.query.reads_beyond(levels + 1),
            _ => false,
        };
        let mut found = own;
        self.each_child(&mut |child| found = found || child.reads_beyond(levels));
        found
    }

    /// Where the first of its names, calls and sub-selects stands.
    pub fn place(&self) -> Option<Span> {
        let mut place = None;
        self.walk(&mut |part| {
            let own = match part {
                Self::Column(column) => Some(column.span),
                Self::Call(call) => Some(call.span),
                Self::Sublink(sublink) => Some(sublink.span),
                _ => None,
            };
            place = place.or(own);
        });
        place
    }

    /// The name that an argument is given by.
    pub fn argument_name(&self) -> Option<&Ident> {
        match self {
            Self::Named { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The expression without the casts around it.
    pub fn uncast(&self) -> &Self {
        match self {
            Self::Cast { expr, .. } => expr.uncast(),
            other => other,
        }
    }
}

impl Sublink {
    /// Whether it reads a row of the query around it, so that it runs again for each.
    pub fn is_correlated(&self) -> bool {
        self.query.reads_beyond(0)
    }

    /// Whether it is `(select …)` of one value from no table.
    pub fn is_bare(&self) -> bool {
        let has_from = |query: &Query| match &query.body {
            QueryBody::Select(select) => !select.from.is_empty(),
            _ => true,
        };
        self.kind == SublinkKind::Scalar && self.query.ctes.is_empty() && !has_from(&self.query)
    }
}

/// A SELECT or VALUES, with what stands around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub ctes: Vec<Cte>,
    pub body: QueryBody,
    pub order_by: Vec<Expr>,
    /// LIMIT and OFFSET.
    pub limits: Vec<Expr>,
    /// FOR UPDATE and the like.
    pub locking: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum QueryBody {
    Select(Box<Select>),
    /// UNION, INTERSECT, EXCEPT.
    SetOperation(Box<Query>, Box<Query>),
    Values(Vec<Vec<Expr>>),
}

impl Default for QueryBody {
    fn default() -> Self {
        Self::Values(Vec::new())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub targets: Vec<ResultColumn>,
    pub from: Vec<FromItem>,
    pub filter: Option<Box<Expr>>,
    pub group_by: Vec<Expr>,
    pub having: Option<Box<Expr>>,
    /// What the windows of the WINDOW clause partition and order by.
    pub windows: Vec<Expr>,
    pub distinct: bool,
    /// DISTINCT ON (…)
    pub distinct_on: Vec<Expr>,
}

/// One item of a SELECT's or RETURNING's list.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultColumn {
    pub expr: Expr,
    pub alias: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    pub name: Ident,
    pub columns: Vec<Ident>,
    pub query: CteBody,
    pub recursive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CteBody {
    Query(Box<Query>),
    Change(Box<crate::sql::statement::DataChange>),
}

/// A relation by name, in FROM or as the goal of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationRef {
    pub name: ObjectName,
    pub target: Option<Oid>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    pub name: Ident,
    pub columns: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FromItem {
    Relation {
        relation: RelationRef,
        alias: Option<Alias>,
    },
    Query {
        query: Box<Query>,
        alias: Option<Alias>,
        lateral: bool,
    },
    Function {
        calls: Vec<Expr>,
        alias: Option<Alias>,
        /// WITH ORDINALITY: the last column counts.
        ordinality: bool,
    },
    Join {
        left: Box<Self>,
        right: Box<Self>,
        on: Option<Box<Expr>>,
        using: Vec<Ident>,
        natural: bool,
        /// LEFT, RIGHT or FULL: rows stay that `on` does not hold for.
        outer: bool,
        alias: Option<Alias>,
    },
}

impl Query {
    /// Visits every expression of the query, sub-selects included.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        self.each_own_expression(&mut |expr| expr.walk(visit));
        self.each_query_beside(&mut |query| query.walk(visit));
    }

    /// Visits this query and those nested in it: in CTEs, FROM and expressions.
    pub fn walk_queries<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        self.each_query_beside(&mut |query| query.walk_queries(visit));
        self.each_own_expression(&mut |expr| walk_queries(expr, visit));
    }

    /// Visits the queries that stand in this one beside its expressions, those of changes in WITH included.
    fn each_query_beside<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        for cte in &self.ctes {
            match &cte.query {
                CteBody::Query(query) => visit(query),
                CteBody::Change(change) => change.each_query(visit),
            }
        }
        match &self.body {
            QueryBody::SetOperation(left, right) => {
                visit(left);
                visit(right);
            }
            QueryBody::Select(select) => select.from.iter().for_each(|item| item.each_query(visit)),
            QueryBody::Values(_) => {}
        }
    }

    /// Whether a join compares columns that only their names pair: USING and NATURAL.
    pub fn joins_by_name(&self) -> bool {
        fn joins(item: &FromItem) -> bool {
            match item {
                FromItem::Join { left, right, using, natural, .. } => {
                    *natural || !using.is_empty() || joins(left) || joins(right)
                }
                _ => false,
            }
        }
        matches!(&self.body, QueryBody::Select(select) if select.from.iter().any(joins))
    }

    /// The queries that stand in this one beside its expressions: in WITH, in FROM, and the sides of
    /// a UNION.
    pub fn inner_queries(&self) -> Vec<&Self> {
        let mut list: Vec<&Self> = Vec::new();
        for cte in &self.ctes {
            if let CteBody::Query(query) = &cte.query {
                list.push(query);
            }
        }
        match &self.body {
            QueryBody::SetOperation(left, right) => list.extend([&**left, &**right]),
            QueryBody::Select(select) => {
                select.from.iter().for_each(|item| item.each_query(&mut |query| list.push(query)));
            }
            QueryBody::Values(_) => {}
        }
        list
    }

    /// Visits every expression of the query from the inside out, nested queries included. Changes in
    /// WITH are left out.
    pub fn visit_mut(&mut self, level: u16, visit: &mut dyn FnMut(&mut Expr, u16)) {
        for cte in &mut self.ctes {
            if let CteBody::Query(query) = &mut cte.query {
                query.visit_mut(level + 1, visit);
            }
        }
        match &mut self.body {
            QueryBody::SetOperation(left, right) => {
                left.visit_mut(level + 1, visit);
                right.visit_mut(level + 1, visit);
            }
            QueryBody::Select(select) => {
                let Select { targets, from, filter, group_by, having, windows, distinct: _, distinct_on } =
                    &mut **select;
                targets.iter_mut().for_each(|target| target.expr.visit_mut(level, visit));
                from.iter_mut().for_each(|item| item.visit_mut(level, visit));
                let conditions = [filter, having].into_iter().flatten().map(|expr| &mut **expr);
                let clauses = conditions.chain(group_by).chain(windows).chain(distinct_on);
                clauses.for_each(|expr| expr.visit_mut(level, visit));
            }
            QueryBody::Values(rows) => {
                rows.iter_mut().flatten().for_each(|expr| expr.visit_mut(level, visit));
            }
        }
        let rest = self.order_by.iter_mut().chain(&mut self.limits);
        rest.for_each(|expr| expr.visit_mut(level, visit));
    }

    /// Visits the relations that stand in FROM here and in queries of FROM and WITH.
    fn visit_relations_mut(&mut self, visit: &mut dyn FnMut(&mut RelationRef)) {
        for cte in &mut self.ctes {
            if let CteBody::Query(query) = &mut cte.query {
                query.visit_relations_mut(visit);
            }
        }
        match &mut self.body {
            QueryBody::SetOperation(left, right) => {
                left.visit_relations_mut(visit);
                right.visit_relations_mut(visit);
            }
            QueryBody::Select(select) => {
                select.from.iter_mut().for_each(|item| item.visit_relations_mut(visit));
            }
            QueryBody::Values(_) => {}
        }
    }

    /// Whether a column in it belongs to a query that is more than `levels` around this one.
    fn reads_beyond(&self, levels: u16) -> bool {
        self.inner_queries().into_iter().any(|query| query.reads_beyond(levels + 1))
            || self.own_expressions().into_iter().any(|expr| expr.reads_beyond(levels))
    }

    /// Visits every relation named in the query, nested ones included. Names of CTEs are among
    /// them unless bound otherwise: see [`RelationRef::target`].
    pub fn walk_relations<'a>(&'a self, visit: &mut dyn FnMut(&'a RelationRef)) {
        self.walk_queries(&mut |query| query.own_relations().into_iter().for_each(&mut *visit));
    }

    /// The relations that stand in this query's own FROM.
    pub fn own_relations(&self) -> Vec<&RelationRef> {
        let mut list = Vec::new();
        if let QueryBody::Select(select) = &self.body {
            select.from.iter().for_each(|item| item.walk_relations(&mut |relation| list.push(relation)));
        }
        list
    }

    /// The expressions that stand in this query itself; queries nested in FROM are not entered.
    pub fn own_expressions(&self) -> Vec<&Expr> {
        let mut list = Vec::new();
        self.each_own_expression(&mut |expr| list.push(expr));
        list
    }

    /// Whether one of its expressions holds what is wanted, sub-selects included.
    fn any(&self, wanted: &dyn Fn(&Expr) -> bool) -> bool {
        let mut found = false;
        self.each_own_expression(&mut |expr| found = found || expr.any(wanted));
        self.each_query_beside(&mut |query| found = found || query.any(wanted));
        found
    }

    fn each_own_expression<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match &self.body {
            QueryBody::Select(select) => {
                select.targets.iter().for_each(|target| visit(&target.expr));
                select.from.iter().for_each(|item| item.each_own_expression(visit));
                select.filter.as_deref().into_iter().for_each(&mut *visit);
                select.group_by.iter().for_each(&mut *visit);
                select.having.as_deref().into_iter().for_each(&mut *visit);
                select.windows.iter().chain(&select.distinct_on).for_each(&mut *visit);
            }
            QueryBody::Values(rows) => rows.iter().flatten().for_each(&mut *visit),
            QueryBody::SetOperation(..) => {}
        }
        self.order_by.iter().chain(&self.limits).for_each(visit);
    }
}

impl FromItem {
    /// Visits the functions in an item, those that a join brings included.
    pub fn walk_calls<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Function { calls, .. } => calls.iter().for_each(visit),
            Self::Join { left, right, .. } => {
                left.walk_calls(visit);
                right.walk_calls(visit);
            }
            Self::Relation { .. } | Self::Query { .. } => {}
        }
    }

    fn visit_mut(&mut self, level: u16, visit: &mut dyn FnMut(&mut Expr, u16)) {
        match self {
            Self::Query { query, .. } => query.visit_mut(level + 1, visit),
            Self::Function { calls, .. } => calls.iter_mut().for_each(|call| call.visit_mut(level, visit)),
            Self::Join { left, right, on, .. } => {
                left.visit_mut(level, visit);
                right.visit_mut(level, visit);
                on.iter_mut().for_each(|on| on.visit_mut(level, visit));
            }
            Self::Relation { .. } => {}
        }
    }

    fn visit_relations_mut(&mut self, visit: &mut dyn FnMut(&mut RelationRef)) {
        match self {
            Self::Relation { relation, .. } => visit(relation),
            Self::Query { query, .. } => query.visit_relations_mut(visit),
            Self::Join { left, right, .. } => {
                left.visit_relations_mut(visit);
                right.visit_relations_mut(visit);
            }
            Self::Function { .. } => {}
        }
    }

    /// Visits the queries that stand in an item itself.
    pub fn each_query<'a>(&'a self, visit: &mut dyn FnMut(&'a Query)) {
        match self {
            Self::Query { query, .. } => visit(query),
            Self::Join { left, right, .. } => {
                left.each_query(visit);
                right.each_query(visit);
            }
            Self::Relation { .. } | Self::Function { .. } => {}
        }
    }

    pub fn walk_relations<'a>(&'a self, visit: &mut dyn FnMut(&'a RelationRef)) {
        match self {
            Self::Relation { relation, .. } => visit(relation),
            Self::Join { left, right, .. } => {
                left.walk_relations(visit);
                right.walk_relations(visit);
            }
            Self::Query { .. } | Self::Function { .. } => {}
        }
    }

    /// Visits the expressions that stand in an item itself.
    pub fn each_own_expression<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Join { left, right, on, .. } => {
                left.each_own_expression(visit);
                right.each_own_expression(visit);
                on.as_deref().into_iter().for_each(visit);
            }
            Self::Function { calls, .. } => calls.iter().for_each(visit),
            Self::Relation { .. } | Self::Query { .. } => {}
        }
    }
}

/// Visits the queries nested in an expression.
pub fn walk_queries<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Query)) {
    each_query(expr, &mut |query| query.walk_queries(visit));
}

/// Visits the queries in an expression, those in them not entered.
pub fn each_query<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Query)) {
    expr.each_child(&mut |child| each_query(child, visit));
    if let Expr::Sublink(sublink) = expr {
        visit(&sublink.query);
    }
}
