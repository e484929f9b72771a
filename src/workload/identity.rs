//! Who asks: where an expression depends on the caller, and where it believes what a user can
//! write about themselves.

use crate::map::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::Catalog;
use crate::catalog::bind::is_builtin_function;
use crate::catalog::function::Returns;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::sensitive::words;
use crate::catalog::view::View;
use crate::predicate::{Told, told, unwrapped};
use crate::source::Span;
use crate::sql::expr::{
    Call, CteBody, Expr, FromItem, Literal, Oid, Query, QueryBody, RelationRef, Sublink, SublinkKind, Target,
};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{Block, BlockStatementKind, Fragment};
use crate::sql::statement::{StatementKind, Volatility};
use crate::workload::Workload;
use crate::workload::routine::Routine;

/// A place that reads something, by itself or through others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// In the expression that was asked about: what reads it, or the call of a helper.
    pub span: Span,
    /// From there on: what was gone through, and where it is read at last.
    pub through: Vec<Through>,
}

/// A function or a view on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    pub name: QName,
    /// Where it goes on, inside of it.
    pub span: Span,
}

/// The routines that ask for the caller and the views whose rows are chosen by who asks, by themselves or
/// through others.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Who it is.
    who: FxHashSet<Oid>,
    /// That, what else their token says, or the role that they come with; or they call what nobody knows,
    /// which may ask.
    at_all: FxHashSet<Oid>,
    /// The same, where more is done with the answer than to note it in a row: `approved_by = auth.uid()`.
    to_decide: FxHashSet<Oid>,
    /// The same, where it also asks for more than whether somebody is signed in.
    to_tell_apart: FxHashSet<Oid>,
    left_out: LeftOut,
}

/// The parameters of functions that stand for the caller where a call leaves them out, by function: their places
/// and names. `is_admin(who uuid default auth.uid())`
#[derive(Debug, Default)]
struct LeftOut(FxHashMap<Oid, Vec<(usize, Option<Ident>)>>);

impl LeftOut {
    fn of(catalog: &Catalog) -> Self {
        let asks = |part: &Expr| matches!(part, Expr::Call(call) if is_identity(call));
        let mut found: FxHashMap<Oid, Vec<(usize, Option<Ident>)>> = FxHashMap::default();
        for (oid, function) in &catalog.functions {
            for (at, argument) in function.inputs().enumerate() {
                if argument.default.as_ref().is_some_and(|default| default.any(&asks)) {
                    found.entry(*oid).or_default().push((at, argument.name.clone()));
                }
            }
        }
        Self(found)
    }

    /// Whether a call leaves such a parameter out.
    fn is_by(&self, call: &Call) -> bool {
        let Some(parameters) = call.target.and_then(|oid| self.0.get(&oid)) else { return false };
        let named = |arg: &Expr| match arg {
            Expr::Named { name, .. } => Some(name.clone()),
            _ => None,
        };
        let names: Vec<Ident> = call.args.iter().filter_map(named).collect();
        let given = call.args.len() - names.len();
        let is_given = |at: usize, name: &Option<Ident>| {
            at < given || name.as_ref().is_some_and(|name| names.contains(name))
        };
        parameters.iter().any(|(at, name)| !is_given(*at, name))
    }
}

impl Asking {
    pub(super) fn of(catalog: &Catalog, routines: &IndexMap<Oid, Routine>) -> Self {
        let mut found = Found { left_out: LeftOut::of(catalog), ..Found::default() };
        for (oid, routine) in routines {
            let (noted, signed_in) = (noted(routine), asked_for_sign_in(routine));
            routine.walk(&mut |part| found.part(*oid, part, &noted, &signed_in));
            routine.walk_relations(&mut |relation| found.relation(*oid, catalog, relation));
        }
        for view in catalog.views.values() {
            let Some(query) = &view.query else { continue };
            each_condition(query, &mut |part| found.part(view.oid, part, &[], &[]));
            query.walk_relations(&mut |relation| found.relation(view.oid, catalog, relation));
        }
        let Found { who, at_all, to_decide, to_tell_apart, users, left_out } = found;
        let asking = [who, at_all, to_decide, to_tell_apart];
        let [who, at_all, to_decide, to_tell_apart] = asking.map(|asking| with_users(asking, &users));
        Self { who, at_all, to_decide, to_tell_apart, left_out }
    }
}

/// What asks by itself, and the routines and views by what they use.
#[derive(Default)]
struct Found {
    who: Vec<Oid>,
    at_all: Vec<Oid>,
    to_decide: Vec<Oid>,
    to_tell_apart: Vec<Oid>,
    users: FxHashMap<Oid, Vec<Oid>>,
    left_out: LeftOut,
}

impl Found {
    fn part(&mut self, oid: Oid, part: &Expr, noted: &[*const Call], signed_in: &[*const Call]) {
        match part {
            Expr::Call(call) => {
                let by_default = self.left_out.is_by(call);
                let asks = told(part).is_some() || is_unknown(call) || by_default;
                self.who.extend((is_identity(call) || by_default).then_some(oid));
                self.at_all.extend(asks.then_some(oid));
                let place = std::ptr::from_ref(&**call);
                let decides = asks && !noted.contains(&place);
                self.to_decide.extend(decides.then_some(oid));
                self.to_tell_apart.extend((decides && !signed_in.contains(&place)).then_some(oid));
                call.target.iter().for_each(|callee| self.users.entry(*callee).or_default().push(oid));
            }
            Expr::Session("current_user" | "session_user" | "current_role" | "user") => {
                self.at_all.push(oid);
                self.to_decide.push(oid);
                self.to_tell_apart.push(oid);
            }
            _ => {}
        }
    }

    fn relation(&mut self, oid: Oid, catalog: &Catalog, relation: &RelationRef) {
        let view = relation.target.filter(|target| catalog.views.contains_key(target));
        view.into_iter().for_each(|view| self.users.entry(view).or_default().push(oid));
    }
}

/// Where a body asks for the caller's id only to write who did something: `values (…, auth.uid())` for a
/// column `created_by`. What EXECUTE runs has all its parts in one place, so that places do not tell calls apart.
fn noted(routine: &Routine) -> Vec<*const Call> {
    let mut found = Vec::new();
    for statement in &routine.statements {
        let StatementKind::Change(change) = &statement.kind else { continue };
        let mut note = |column: &Ident, value: &Expr| {
            if let Expr::Call(call) = unwrapped(value)
                && names_doer(column)
                && is_identity(call)
            {
                found.push(&raw const **call);
            }
        };
        change.assignments.iter().for_each(|(column, value)| note(column, value));
        match change.source.as_ref().map(|source| &source.body) {
            Some(QueryBody::Values(rows)) => {
                let values = rows.iter().flat_map(|row| change.columns.iter().zip(row));
                values.for_each(|(column, value)| note(column, value));
            }
            Some(QueryBody::Select(select)) => {
                let values = change.columns.iter().zip(&select.targets);
                values.for_each(|(column, target)| note(column, &target.expr));
            }
            _ => {}
        }
    }
    found
}

/// Where a body only sees to it that somebody is signed in, whoever that is: `if auth.uid() is null then raise …`,
/// `where auth.uid() is not null and …`.
fn asked_for_sign_in(routine: &Routine) -> Vec<*const Call> {
    let mut found = Vec::new();
    if let Some(block) = &routine.block {
        block.walk(&mut |statement| {
            let BlockStatementKind::If { arms, .. } = &statement.kind else { return };
            let condition = arms.first().and_then(|(condition, _)| routine.only_value_at(condition.span));
            condition.into_iter().for_each(|condition| asks_for_sign_in(condition, false, &mut found));
        });
    }
    for statement in &routine.statements {
        let filter = match &statement.kind {
            StatementKind::Change(change) => change.filter.as_ref(),
            _ => None,
        };
        filter.into_iter().for_each(|filter| asks_for_sign_in(filter, true, &mut found));
    }
    found
}

/// The calls in a condition that is true for everybody who is signed in, or false for them: parts that are joined so
/// that they decide nothing else for them.
fn asks_for_sign_in(condition: &Expr, truth: bool, found: &mut Vec<*const Call>) {
    let is_role = |expr: &Expr| told(expr) == Some(Told::Role);
    let is = |expr: &Expr, role: &str| matches!(unwrapped(expr), Expr::Literal(Literal::String(text)) if *text == *role);
    let compares = |left: &Expr, right: &Expr, role: &str| {
        is_role(left) && is(right, role) || is_role(right) && is(left, role)
    };
    let holds = match condition {
        Expr::And(list) if truth => return list.iter().for_each(|part| asks_for_sign_in(part, truth, found)),
        Expr::Or(list) if !truth => return list.iter().for_each(|part| asks_for_sign_in(part, truth, found)),
        Expr::Not(inner) => return asks_for_sign_in(inner, !truth, found),
        Expr::IsNull { expr, negated } => *negated == truth && told(expr) == Some(Told::Id),
        Expr::Op { op, left: Some(left), right } => match op.as_str() {
            "=" => compares(left, right, if truth { "authenticated" } else { "anon" }),
            "<>" | "!=" => compares(left, right, if truth { "anon" } else { "authenticated" }),
            _ => false,
        },
        Expr::Distinct { left, right, negated } => {
            compares(left, right, if truth == *negated { "authenticated" } else { "anon" })
        }
        Expr::In { expr, list, negated } => {
            *negated != truth && is_role(expr) && list.iter().any(|role| is(role, "authenticated"))
        }
        _ => false,
    };
    if holds {
        condition.walk(&mut |part| {
            if let Expr::Call(call) = part {
                found.push(&raw const **call);
            }
        });
    }
}

/// Whether a column's name says that it tells who did something.
fn names_doer(column: &Ident) -> bool {
    let name = words(column);
    ["_by", "_by_id", "_by_user_id"].iter().any(|end| name.ends_with(end)) || name == "actor_id"
}

/// Visits what decides which rows a query has: all of it but its target list, which marks rows and leaves
/// none out.
fn each_condition<'a>(query: &'a Query, visit: &mut dyn FnMut(&'a Expr)) {
    for cte in &query.ctes {
        if let CteBody::Query(query) = &cte.query {
            query.walk(visit);
        }
    }
    match &query.body {
        QueryBody::Select(select) => {
            select.filter.iter().chain(&select.having).for_each(|expr| expr.walk(visit));
            for item in &select.from {
                item.each_own_expression(&mut |expr| expr.walk(visit));
                item.each_query(&mut |query| query.walk(visit));
            }
        }
        QueryBody::SetOperation(left, right) => {
            each_condition(left, visit);
            each_condition(right, visit);
        }
        QueryBody::Values(_) => {}
    }
}

/// Whether a function is neither PostgreSQL's, nor the platform's, nor made by the files.
fn is_unknown(call: &Call) -> bool {
    let is_known = match call.name.schema.as_deref() {
        None | Some("pg_catalog") => is_builtin_function(&call.name.name),
        Some(schema) => matches!(schema, "extensions" | "net" | "cron" | "pgmq" | "vault"),
    };
    call.target.is_none() && !is_known
}

fn with_users(mut pending: Vec<Oid>, users: &FxHashMap<Oid, Vec<Oid>>) -> FxHashSet<Oid> {
    let mut found = FxHashSet::default();
    while let Some(oid) = pending.pop() {
        if found.insert(oid) {
            pending.extend(users.get(&oid).into_iter().flatten());
        }
    }
    found
}

/// Views and functions behind so many others are not followed.
const DEPTH: usize = 32;

impl Workload {
    /// Whether an expression depends on who asks, through helper functions as well.
    pub fn knows_caller(&self, expr: &Expr) -> bool {
        expr.any(&|part| match part {
            Expr::Call(call) => {
                is_identity(call)
                    || self.asking.left_out.is_by(call)
                    || call.target.is_some_and(|oid| self.asking.who.contains(&oid))
            }
            _ => false,
        })
    }

    /// Whether a function's body asks for the caller in any way, or may, through helpers and views as well:
    /// who it is, what their token says, or the role that they come with.
    pub fn body_knows_caller(&self, function: Oid) -> bool {
        self.asking.at_all.contains(&function)
    }

    /// Whether a function's body asks who the caller is and does no more with it than to write it down.
    pub fn only_notes_caller(&self, function: Oid) -> bool {
        self.asking.at_all.contains(&function) && !self.asking.to_decide.contains(&function)
    }

    /// Whether a function's body asks for the caller, and no more than that somebody is signed in: it does the same
    /// for all who are.
    pub fn only_asks_for_sign_in(&self, function: Oid) -> bool {
        self.asking.to_decide.contains(&function) && !self.asking.to_tell_apart.contains(&function)
    }

    /// Whether each row of a query's result is chosen by who asks.
    pub fn binds_caller(&self, query: &Query) -> bool {
        match &query.body {
            QueryBody::SetOperation(left, right) => self.binds_caller(left) && self.binds_caller(right),
            QueryBody::Select(select) => {
                let nested = |cte: &CteBody| match cte {
                    CteBody::Query(query) => self.binds_caller(query),
                    CteBody::Change(_) => false,
                };
                select.filter.iter().any(|filter| self.knows_caller(filter))
                    || select.from.iter().any(|item| self.item_binds_caller(item))
                    || query.ctes.iter().any(|cte| nested(&cte.query))
            }
            QueryBody::Values(_) => false,
        }
    }

    /// Whether who asks may decide which rows a query's result has. More than [`Self::binds_caller`]
    /// counts: any mention but one in the target list, which marks rows and leaves none out.
    pub fn asks_for_caller(&self, query: &Query) -> bool {
        let mentions = |query: &Query| {
            let mut found = false;
            query.walk_queries(&mut |query| {
                found |= query.own_expressions().into_iter().any(|expr| self.mentions_caller(expr));
            });
            found
        };
        let nested = query.ctes.iter().any(|cte| match &cte.query {
            CteBody::Query(query) => mentions(query),
            CteBody::Change(_) => false,
        });
        nested
            || match &query.body {
                QueryBody::SetOperation(left, right) => {
                    self.asks_for_caller(left) && self.asks_for_caller(right)
                }
                QueryBody::Select(select) => {
                    let conditions = select.filter.iter().chain(&select.having);
                    let mut asked = conditions.into_iter().any(|expr| self.mentions_caller(expr));
                    for item in &select.from {
                        let mut parts = Vec::new();
                        item.each_own_expression(&mut |expr| parts.push(expr));
                        asked |= parts.into_iter().any(|expr| self.mentions_caller(expr));
                        item.each_query(&mut |query| asked |= mentions(query));
                    }
                    asked
                }
                QueryBody::Values(_) => false,
            }
    }

    /// The tables that a view reads in some place where nothing asks for the caller: neither the
    /// view itself nor one of those between it and the table. Views behind too many others are not looked at.
    pub fn read_unasked(&self, catalog: &Catalog, view: &View) -> FxHashSet<Oid> {
        let mut found = FxHashSet::default();
        let mut seen = FxHashSet::from_iter([view.oid]);
        let mut pending: Vec<(&Query, usize)> = view.query.iter().map(|query| (query, 0)).collect();
        while let Some((query, depth)) = pending.pop() {
            if depth > DEPTH || self.asks_for_caller(query) {
                continue;
            }
            let mut read = |relation: &RelationRef| {
                let Some(oid) = relation.target else { return };
                if catalog.tables.contains_key(&oid) {
                    found.insert(oid);
                } else if let Some(inner) = catalog.views.get(&oid).filter(|_| seen.insert(oid)) {
                    pending.extend(inner.query.iter().map(|query| (query, depth + 1)));
                }
            };
            let QueryBody::SetOperation(left, right) = &query.body else {
                query.walk_relations(&mut |relation| read(relation));
                continue;
            };
            for cte in &query.ctes {
                if let CteBody::Query(query) = &cte.query {
                    query.walk_relations(&mut |relation| read(relation));
                }
            }
            pending.extend([(&**left, depth), (&**right, depth)]);
        }
        found
    }

    fn mentions_caller(&self, expr: &Expr) -> bool {
        let by_role = |part: &Expr| match part {
            Expr::Session(word) => matches!(*word, "current_user" | "session_user" | "current_role" | "user"),
            Expr::Call(call) => {
                call.name.name == "role" && call.name.schema.as_ref().is_some_and(|schema| *schema == "auth")
            }
            _ => false,
        };
        self.knows_caller(expr) || expr.any(&by_role)
    }

    fn item_binds_caller(&self, item: &FromItem) -> bool {
        match item {
            FromItem::Query { query, .. } => self.binds_caller(query),
            FromItem::Join { left, right, on, .. } => {
                on.iter().any(|on| self.knows_caller(on))
                    || self.item_binds_caller(left)
                    || self.item_binds_caller(right)
            }
            FromItem::Relation { .. } | FromItem::Function { .. } => false,
        }
    }

    /// The first place of an expression that reads user metadata, which every user can change with
    /// `auth.updateUser`: through helper functions and columns of views as well. What only chooses among
    /// rows that are the caller's anyway is left out.
    pub fn user_metadata(&self, catalog: &Catalog, expr: &Expr) -> Option<Use> {
        self.first_use(catalog, expr, &|part| {
            reads_metadata(catalog, part).filter(|place| !self.only_chooses(*place))
        })
    }

    /// Whether a body keeps what it reads at a place in a variable, and only asks whether that is null, or
    /// for rows that have it and the caller's id: `tenant_id = wanted and user_id = auth.uid()`.
    fn only_chooses(&self, place: Span) -> bool {
        self.routines.values().any(|routine| {
            let block = routine.block.as_deref();
            let variable = block.and_then(|block| assigned(block, place));
            variable.is_some_and(|variable| is_checked(routine, variable, place))
        })
    }

    /// The first place of an expression where a part is as wanted, through helper functions and
    /// columns of views as well.
    pub fn first_use(
        &self,
        catalog: &Catalog,
        expr: &Expr,
        wanted: &dyn Fn(&Expr) -> Option<Span>,
    ) -> Option<Use> {
        let mut parts = Vec::new();
        expr.walk(&mut |part| parts.push(part));
        Reader { workload: self, catalog, wanted, seen: FxHashSet::default(), depth: 0 }.first(&parts)
    }
}

/// The variable that a block gives a value which is read at a place.
fn assigned(block: &Block, place: Span) -> Option<&Ident> {
    let holds =
        |value: &Fragment| value.value.as_ref().and_then(Expr::span).is_some_and(|span| span.contains(place));
    let declared = block.declarations.iter().find(|one| one.default.as_ref().is_some_and(holds));
    let mut found = declared.map(|one| &one.name);
    block.walk(&mut |statement| {
        if let BlockStatementKind::Assign { target, field: None, value } = &statement.kind
            && holds(value)
        {
            found = Some(target);
        }
    });
    found
}

/// Whether a body uses a variable for nothing but what [`Workload::only_chooses`] says.
fn is_checked(routine: &Routine, variable: &Ident, place: Span) -> bool {
    let is_given = |expr: &Expr| expr.span().is_some_and(|span| span.contains(place));
    let in_queries = routine.statements.iter().all(|statement| match &statement.kind {
        StatementKind::Query(query) => asks_with_id(query, variable),
        StatementKind::Change(_) => false,
        _ => true,
    });
    in_queries
        && routine.executed.is_empty()
        && routine.expressions.iter().all(|expr| is_given(expr) || !decides(expr, variable))
}

fn is_variable(expr: &Expr, variable: &Ident) -> bool {
    matches!(expr, Expr::Column(column)
        if column.target == Target::Variable && column.path.last() == Some(variable))
}

/// Whether an expression is what a variable makes it, other than by its being null.
fn decides(expr: &Expr, variable: &Ident) -> bool {
    match expr {
        Expr::IsNull { expr, .. } if is_variable(expr.uncast(), variable) => false,
        Expr::Sublink(sublink) if !asks_with_id(&sublink.query, variable) => true,
        other => {
            is_variable(other, variable) || other.children().into_iter().any(|child| decides(child, variable))
        }
    }
}

/// Whether a query does without a variable, or asks for the caller's id beside it.
fn asks_with_id(query: &Query, variable: &Ident) -> bool {
    let mut named = false;
    query.walk(&mut |part| named |= is_variable(part, variable));
    let is_id = |part: &Expr| {
        matches!(part, Expr::Call(call) if call.name.name == "uid"
            && call.name.schema.as_ref().is_some_and(|schema| *schema == "auth"))
    };
    let QueryBody::Select(select) = &query.body else { return !named };
    let conjuncts = match select.filter.as_deref() {
        Some(Expr::And(parts)) => parts.iter().collect(),
        other => Vec::from_iter(other),
    };
    let ties = |part: &&Expr| matches!(part, Expr::Op { op, .. } if op == "=") && part.any(&is_id);
    !named || conjuncts.iter().any(ties)
}

/// The calls in a predicate that tell who the caller is and run again for each row.
pub fn caller_calls_per_row(expr: &Expr) -> Vec<&Call> {
    let mut calls = calls_per_row(expr);
    calls.retain(|call| tells_the_caller(call));
    calls
}

/// The same, and those in a sub-select that reads other rows: all that are not `(select auth.uid())`, as Supabase's
/// advisors see it.
pub fn caller_calls_unwrapped(expr: &Expr) -> Vec<&Call> {
    let reads_rows = |sublink: &Sublink| match &sublink.query.body {
        QueryBody::Select(select) => !select.from.is_empty(),
        QueryBody::SetOperation(..) | QueryBody::Values(_) => true,
    };
    let mut calls = Vec::new();
    collect_calls(expr, &reads_rows, &mut calls);
    calls.retain(|call| tells_the_caller(call));
    calls
}

/// The calls in a predicate that run again for each row: all but those in a sub-select that reads
/// nothing of the row.
pub fn calls_per_row(expr: &Expr) -> Vec<&Call> {
    let mut found = Vec::new();
    collect_calls(expr, &Sublink::is_correlated, &mut found);
    found
}

fn collect_calls<'a>(expr: &'a Expr, counts: &dyn Fn(&Sublink) -> bool, found: &mut Vec<&'a Call>) {
    match expr {
        Expr::Call(call) => found.push(call),
        Expr::Sublink(sublink) if counts(sublink) => collect_query(&sublink.query, counts, found),
        _ => {}
    }
    expr.each_child(&mut |child| collect_calls(child, counts, found));
}

fn collect_query<'a>(query: &'a Query, counts: &dyn Fn(&Sublink) -> bool, found: &mut Vec<&'a Call>) {
    query.inner_queries().into_iter().for_each(|inner| collect_query(inner, counts, found));
    query.own_expressions().into_iter().for_each(|expr| collect_calls(expr, counts, found));
}

/// The calls of the project's functions in a predicate that run again for each row, though they are
/// given nothing of it.
pub fn helper_calls_per_row<'a>(catalog: &Catalog, expr: &'a Expr) -> Vec<&'a Call> {
    let mut found = Vec::new();
    collect_helpers(catalog, expr, &mut found);
    found
}

fn collect_helpers<'a>(catalog: &Catalog, expr: &'a Expr, found: &mut Vec<&'a Call>) {
    let reads_row =
        |call: &Call| call.args.iter().any(|arg| arg.any(&|part| matches!(part, Expr::Column(_))));
    match expr {
        Expr::Call(call) if is_helper(catalog, call) && !reads_row(call) => found.push(call),
        // `x = any ((select f()))` is another question than `x = any (f())`.
        Expr::OpArray { left, .. } => collect_helpers(catalog, left, found),
        _ => expr.each_child(&mut |child| collect_helpers(catalog, child, found)),
    }
}

/// A function of the project that gives one value, which may differ from one query to the next.
fn is_helper(catalog: &Catalog, call: &Call) -> bool {
    let function = call.target.and_then(|oid| catalog.functions.get(&oid));
    function.is_some_and(|function| {
        function.history.created != Origin::Platform
            && function.extension.is_none()
            && function.volatility != Volatility::Immutable
            && matches!(function.returns, Returns::Type(_))
    })
}

fn tells_the_caller(call: &Call) -> bool {
    let name = call.name.name.as_str();
    match call.name.schema.as_deref() {
        Some("auth") => matches!(name, "uid" | "jwt" | "role" | "email"),
        None | Some("pg_catalog") => name == "current_setting",
        Some(_) => false,
    }
}

struct Reader<'a> {
    workload: &'a Workload,
    catalog: &'a Catalog,
    wanted: &'a dyn Fn(&Expr) -> Option<Span>,
    /// Functions and views that were entered already.
    seen: FxHashSet<(Oid, i16)>,
    /// How many were entered on the way here.
    depth: usize,
}

impl Reader<'_> {
    fn first(&mut self, parts: &[&Expr]) -> Option<Use> {
        let direct = parts.iter().find_map(|part| (self.wanted)(part));
        if direct.is_some() || self.depth == DEPTH {
            return direct.map(|span| Use { span, through: Vec::new() });
        }
        self.depth += 1;
        let found = parts.iter().find_map(|part| self.indirect(part));
        self.depth -= 1;
        found
    }

    fn indirect(&mut self, part: &Expr) -> Option<Use> {
        let (name, span, inner) = match part {
            Expr::Call(call) => {
                let oid = call.target.filter(|oid| self.seen.insert((*oid, 0)))?;
                let (routine, function) =
                    (self.workload.routines.get(&oid)?, self.catalog.functions.get(&oid)?);
                // What gives nothing back and refuses nothing decides nothing: it writes a log.
                let gives =
                    !matches!(&function.returns, Returns::Type(data_type) if data_type.is_builtin("void"));
                if !gives && !routine.raises() {
                    return None;
                }
                let mut parts = Vec::new();
                routine.walk(&mut |part| parts.push(part));
                (function.name.clone(), call.span, self.first(&parts)?)
            }
            Expr::Column(column) => {
                let Target::Column { relation, attnum, .. } = column.target else { return None };
                let view = self.catalog.views.get(&relation)?;
                if !self.seen.insert((relation, attnum)) {
                    return None;
                }
                let at = view.columns.iter().position(|column| column.attnum == attnum)?;
                let QueryBody::Select(select) = &view.query.as_ref()?.body else { return None };
                let starred = |column: &crate::sql::expr::ResultColumn| matches!(&column.expr, Expr::Column(column) if column.star);
                if select.targets.iter().any(starred) {
                    return None;
                }
                let mut parts = Vec::new();
                select.targets.get(at)?.expr.walk(&mut |part| parts.push(part));
                (view.name.clone(), column.span, self.first(&parts)?)
            }
            _ => return None,
        };
        let mut through = vec![Through { name, span: inner.span }];
        through.extend(inner.through);
        Some(Use { span, through })
    }
}

const KEY: &str = "user_metadata";

/// Whether this node takes `user_metadata` out of the claims, or its column out of
/// `auth.users`.
fn reads_metadata(catalog: &Catalog, part: &Expr) -> Option<Span> {
    match part {
        Expr::Op { op, left: Some(left), right } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>") => {
            (first_key(right)? == KEY).then(|| claims(left)).flatten()
        }
        Expr::Field { expr, subscripts, .. } => {
            (first_key(subscripts.first()?)? == KEY).then(|| claims(expr)).flatten()
        }
        Expr::Call(call)
            if call.name.name.starts_with("json") && call.name.name.contains("_extract_path") =>
        {
            let [from, key, ..] = call.args.as_slice() else { return None };
            (first_key(key)? == KEY).then(|| claims(from)).flatten()
        }
        Expr::Call(call) => (setting(call)? == "request.jwt.claim.user_metadata").then_some(call.span),
        Expr::Column(column) => {
            let named = column.path.last().is_some_and(|name| *name == "raw_user_meta_data");
            let of_users = match column.target {
                Target::Column { relation, .. } => {
                    let users = catalog.tables.get(&relation);
                    users.is_some_and(|table| table.name.schema == "auth" && table.name.name == "users")
                }
                _ => false,
            };
            (named && of_users).then_some(column.span)
        }
        _ => None,
    }
}

/// `auth.uid()`, `auth.jwt()`, `auth.email()` or the claims as a setting.
fn is_identity(call: &Call) -> bool {
    let of_auth = call.name.schema.as_ref().is_some_and(|schema| *schema == "auth");
    (of_auth && matches!(call.name.name.as_str(), "uid" | "jwt" | "email"))
        || setting(call).is_some_and(|name| name.starts_with("request.jwt"))
}

/// The name that `current_setting` asks for.
fn setting(call: &Call) -> Option<&str> {
    match call.args.first()?.uncast() {
        Expr::Literal(Literal::String(name)) if call.name.name == "current_setting" => Some(name),
        _ => None,
    }
}

/// The key, or the first of a path such as `{user_metadata,role}`.
fn first_key(expr: &Expr) -> Option<&str> {
    match expr.uncast() {
        Expr::Literal(Literal::String(text)) => {
            let path = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
            path.split(',').next().map(|key| key.trim().trim_matches('"'))
        }
        Expr::Array(items) => first_key(items.first()?),
        _ => None,
    }
}

/// Where the claims of the request stand, if that is what an expression is. A variable of a
/// function counts: nothing else has such a key.
fn claims(expr: &Expr) -> Option<Span> {
    match expr.uncast() {
        Expr::Call(call) => {
            let jwt =
                call.name.name == "jwt" && call.name.schema.as_ref().is_some_and(|schema| *schema == "auth");
            (jwt || setting(call).is_some_and(|name| name == "request.jwt.claims")).then_some(call.span)
        }
        Expr::Column(column) => (column.target == Target::Variable).then_some(column.span),
        Expr::Coalesce(parts) | Expr::Other("nullif", parts) => parts.iter().find_map(claims),
        Expr::Sublink(Sublink { kind: SublinkKind::Scalar, query, .. }) => match &query.body {
            QueryBody::Select(select) => match select.targets.as_slice() {
                [only] if select.from.is_empty() => claims(&only.expr),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use crate::workload::Workload;

    #[test]
    fn what_a_view_asks_its_readers_ask() {
        let bench = Bench::new(
            "create table a (id int, user_id uuid);
             create function me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$;
             create view mine as select id from a where user_id = me();
             create view of_mine as select id from mine;
             create view marked as select id, user_id = me() as own from a;
             create function asks(wanted int) returns boolean language sql as
               $$ select exists (select 1 from of_mine where id = wanted) $$;
             create function asks_in_a_block(wanted int) returns boolean language plpgsql as
               $$ begin return wanted in (select id from mine); end $$;
             create function reads(wanted int) returns boolean language sql as
               $$ select exists (select 1 from marked where id = wanted) $$;",
        );
        let workload = Workload::of(&bench.catalog);
        let functions = bench.catalog.own_functions().filter(|function| function.name.name != "me");
        let asking: Vec<&str> = functions
            .filter(|function| workload.body_knows_caller(function.oid))
            .map(|function| function.name.name.as_str())
            .collect();
        assert_eq!(asking, ["asks", "asks_in_a_block"]);
    }

    #[test]
    fn views_are_bound_to_the_caller_by_their_conditions() {
        let bench = Bench::new(
            "create table a (id int, user_id uuid);
             create function me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$;
             create function mine(wanted uuid) returns boolean language sql stable as $$ select wanted = me() $$;
             create view filtered as select * from a where user_id = (select auth.uid());
             create view joined as select a.* from a join auth.users u on u.id = a.user_id and u.id = auth.uid();
             create view by_helper as select * from a where mine(user_id);
             create view by_claim as select * from a where user_id::text = current_setting('request.jwt.claim.sub');
             create view nested as with b as (select * from a where user_id = auth.uid()) select * from b;
             create view shown as select *, auth.uid() as me from a;
             create view by_role as select * from a where auth.role() = 'authenticated';
             create view half as select id from a where user_id = auth.uid() union all select id from a;",
        );
        let workload = Workload::of(&bench.catalog);
        let bound: Vec<&str> = bench
            .catalog
            .own_views()
            .filter(|view| view.query.as_ref().is_some_and(|query| workload.binds_caller(query)))
            .map(|view| view.name.name.as_str())
            .collect();
        assert_eq!(bound, ["filtered", "joined", "by_helper", "by_claim", "nested"]);
    }
}
