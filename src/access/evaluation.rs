//! What the server reads and calls when it evaluates a policy, and with whose rights.
//!
//! Policies run with the rights of the caller (PostgreSQL manual, section 5.8): they call functions as the
//! caller, and read as whoever reads the policy's table. A view reads as its owner, one with
//! `security_invoker` as the caller; a function with SECURITY DEFINER does all as its owner.

use std::cell::RefCell;
use std::rc::Rc;

use crate::map::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::source::Span;
use crate::sql::expr::{CteBody, Expr, FromItem, Oid, Query, QueryBody, RelationRef, Select};
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand, Privilege, StatementKind};
use crate::workload::Workload;
use crate::workload::identity::Through;
use crate::workload::routine::Routine;

/// Follows expressions to what they read and call.
pub struct Evaluation<'a> {
    catalog: &'a Catalog,
    workload: &'a Workload,
    rights: &'a Rights<'a>,
    /// Of functions and views that were gone through.
    steps: RefCell<FxHashMap<Oid, Rc<[Step<'a>]>>>,
}

/// Views and functions behind so many others are not followed.
pub(super) const DEPTH: usize = 32;

/// An object that is read or called.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    Table(&'a Table),
    View(&'a View),
    Function(&'a Function),
}

impl<'a> Object<'a> {
    pub fn oid(self) -> Oid {
        match self {
            Self::Table(table) => table.oid,
            Self::View(view) => view.oid,
            Self::Function(function) => function.oid,
        }
    }

    pub fn name(self) -> &'a QName {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
            Self::Function(function) => &function.name,
        }
    }
}

/// A role that reads, and the one that `current_user` names meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    pub role: Ident,
    pub caller: Ident,
}

impl Reader {
    /// Who asks by itself.
    pub fn caller(role: &Ident) -> Self {
        Self { role: role.clone(), caller: role.clone() }
    }
}

/// An object that an expression comes to.
#[derive(Clone, Debug)]
pub struct Reached<'a> {
    pub object: Object<'a>,
    pub reader: Reader,
    /// In the expression that was asked about.
    pub span: Span,
    /// The views and functions on the way.
    pub through: Vec<Through>,
    /// The last query that reads it: the expression's own, a view's or a function's.
    pub query: Option<&'a Query>,
    /// Whether a function on the way runs it as a statement of its own.
    pub called: bool,
    /// Whether it is come to whatever the row and the tables hold.
    pub certain: bool,
}

impl<'a> Evaluation<'a> {
    pub fn new(rights: &'a Rights<'a>) -> Self {
        let steps = RefCell::default();
        Self { catalog: rights.catalog, workload: rights.workload, rights, steps }
    }

    /// What an expression comes to when somebody evaluates it. Policies of the tables that it reads are
    /// not followed, nor functions that catch errors or cannot be read.
    pub fn reached(&self, expr: &'a Expr, reader: &Reader) -> Vec<Reached<'a>> {
        let mut walk = Walk { evaluation: self, seen: FxHashSet::default(), found: Vec::new() };
        let steps = Reading::steps(self.catalog, |reading| reading.expr(expr, true));
        let way = Way { reader: reader.clone(), first: None, through: Vec::new(), called: false };
        walk.go(&steps, &way, true);
        walk.found
    }

    /// The steps in the body of a function or view, read when they are first asked for.
    fn steps_of(&self, oid: Oid, read: impl FnOnce(&mut Reading<'a>)) -> Rc<[Step<'a>]> {
        let mut known = self.steps.borrow_mut();
        Rc::clone(known.entry(oid).or_insert_with(|| Reading::steps(self.catalog, read).into()))
    }

    /// The policies that have a say when a role does something with a table. Restrictive ones have none
    /// where no permissive one has.
    pub fn applied(&self, table: &'a Table, command: PolicyCommand, role: &Ident) -> Vec<&'a Policy> {
        let Some(role) = self.bound(table, role) else { return Vec::new() };
        let list: Vec<&Policy> =
            table.policies.values().filter(|policy| self.applies(policy, command, role)).collect();
        if list.iter().any(|policy| policy.permissive) { list } else { Vec::new() }
    }

    /// A role, where it is not above the policies of a table.
    fn bound(&self, table: &Table, role: &Ident) -> Option<&'a Role> {
        let role = self.catalog.roles.get(role)?;
        (table.rls.value && !self.catalog.is_above_policies(&role.name, table)).then_some(role)
    }

    fn applies(&self, policy: &Policy, command: PolicyCommand, role: &Role) -> bool {
        policy.gates(command).next().is_some() && self.catalog.policy_binds(policy, role)
    }

    /// Whether the server runs a policy for a role's command: it leaves out those beside one that is always
    /// true, and all where no permissive one lets anything through.
    fn runs(&self, table: &Table, policy: &Policy, command: PolicyCommand, role: &Role) -> bool {
        let applies = |other: &Policy| self.applies(other, command, role);
        applies(policy)
            && if policy.permissive {
                !self.rights.silencers(table, command).any(applies)
            } else {
                table.policies.values().any(|other| other.permissive && applies(other))
            }
    }

    /// Whether statements that were not followed may have changed what an evaluation comes to.
    pub fn is_doubtful(&self, name: &QName) -> bool {
        self.rights.is_doubtful(name)
    }
}

/// How something was come to.
#[derive(Clone)]
struct Way {
    reader: Reader,
    /// The place in the expression that was asked about.
    first: Option<Span>,
    through: Vec<Through>,
    called: bool,
}

impl Way {
    fn place(&self, here: Span) -> Span {
        self.first.unwrap_or(here)
    }

    /// The way on through an object that is named here.
    fn on(&self, here: Span, reader: Reader, called: bool) -> Self {
        Self {
            reader,
            first: Some(self.place(here)),
            through: self.through.clone(),
            called: self.called || called,
        }
    }

    fn step(&self, name: &QName, span: Span) -> Self {
        let mut way = self.clone();
        way.through.push(Through { name: name.clone(), span });
        way
    }
}

struct Walk<'e, 'a> {
    evaluation: &'e Evaluation<'a>,
    /// Views and functions that were gone through.
    seen: FxHashSet<(Oid, Reader)>,
    found: Vec<Reached<'a>>,
}

/// What the server comes to when it evaluates an expression or body, whoever asks.
#[derive(Clone, Copy)]
struct Step<'a> {
    to: Next<'a>,
    /// Whether it is come to whatever the row and the tables hold.
    certain: bool,
}

#[derive(Clone, Copy)]
enum Next<'a> {
    Function(&'a Function, Span),
    /// By a query's own FROM.
    Relation(&'a RelationRef, &'a Query),
}

/// Reads the steps of an expression or body.
struct Reading<'a> {
    catalog: &'a Catalog,
    steps: Vec<Step<'a>>,
}

impl<'a> Reading<'a> {
    fn steps(catalog: &'a Catalog, read: impl FnOnce(&mut Self)) -> Vec<Step<'a>> {
        let mut reading = Self { catalog, steps: Vec::new() };
        read(&mut reading);
        reading.steps
    }

    fn expr(&mut self, expr: &'a Expr, certain: bool) {
        match expr {
            Expr::Call(call) => {
                if let Some(function) = call.target.and_then(|oid| self.catalog.functions.get(&oid)) {
                    let skipped = function.strict && !call.args.is_empty();
                    let to = Next::Function(function, call.span);
                    self.steps.push(Step { to, certain: certain && !skipped });
                }
            }
            Expr::Sublink(sublink) => self.query(&sublink.query, certain),
            _ => {}
        }
        let mut at = 0;
        // The server puts what is cheap first, so that each part of an AND may decide before the others.
        let by_row = |expr: &&Expr| expr.any(&|part| matches!(part, Expr::Column(_)));
        let deciding = match expr {
            Expr::And(list) if certain => list.iter().filter(by_row).count(),
            _ => 0,
        };
        expr.each_child(&mut |child| {
            let always = match expr {
                Expr::Or(_) | Expr::Coalesce(_) | Expr::Case { .. } => at == 0,
                Expr::And(_) => deciding == 0 || deciding == 1 && by_row(&child),
                _ => true,
            };
            self.expr(child, certain && always);
            at += 1;
        });
    }

    fn query(&mut self, query: &'a Query, certain: bool) {
        for cte in &query.ctes {
            if let CteBody::Query(inner) = &cte.query {
                self.query(inner, false);
            }
        }
        let mut reads = false;
        match &query.body {
            QueryBody::SetOperation(left, right) => {
                self.query(left, certain);
                self.query(right, certain);
            }
            QueryBody::Select(select) => {
                reads = select.from.iter().any(|item| !matches!(item, FromItem::Function { .. }));
                self.from(query, select, certain);
            }
            QueryBody::Values(_) => {}
        }
        for expr in query.own_expressions() {
            self.expr(expr, certain && !reads);
        }
    }

    fn from(&mut self, query: &'a Query, select: &'a Select, certain: bool) {
        // The other side of a join is not looked at where the first one has no row.
        let certain =
            certain && matches!(select.from.as_slice(), [FromItem::Relation { .. } | FromItem::Query { .. }]);
        for item in &select.from {
            item.walk_relations(&mut |relation| {
                self.steps.push(Step { to: Next::Relation(relation, query), certain });
            });
            item.each_query(&mut |inner| self.query(inner, certain));
        }
    }

    fn routine(&mut self, routine: &'a Routine) {
        for statement in &routine.statements {
            if let StatementKind::Query(query) = &statement.kind {
                self.query(query, !routine.is_conditional(statement.span));
            }
        }
        for expr in &routine.expressions {
            let conditional = expr.place().is_none_or(|place| routine.is_conditional(place));
            self.expr(expr, !conditional);
        }
    }
}

impl<'a> Walk<'_, 'a> {
    fn go(&mut self, steps: &[Step<'a>], way: &Way, certain: bool) {
        for step in steps {
            let certain = certain && step.certain;
            match step.to {
                Next::Function(function, span) => self.function(function, span, way, certain),
                Next::Relation(relation, query) => self.relation(relation, query, way, certain),
            }
        }
    }

    fn relation(&mut self, relation: &RelationRef, query: &'a Query, way: &Way, certain: bool) {
        let catalog = self.evaluation.catalog;
        let Some(oid) = relation.target else { return };
        let span = relation.name.span;
        if let Some(table) = catalog.tables.get(&oid) {
            self.add(Object::Table(table), Some(query), way, span, certain);
        } else if let Some(view) = catalog.views.get(&oid) {
            self.add(Object::View(view), Some(query), way, span, certain);
            let caller = way.reader.caller.clone();
            let role = if view.security_invoker() { caller.clone() } else { view.owner.clone() };
            let reader = Reader { role, caller };
            if let Some(inner) =
                view.query.as_ref().filter(|_| !view.materialized && way.through.len() < DEPTH)
                && self.seen.insert((oid, reader.clone()))
            {
                let way = way.on(span, reader, false).step(&view.name, span);
                let steps = self.evaluation.steps_of(oid, |reading| reading.query(inner, true));
                self.go(&steps, &way, certain);
            }
        }
    }

    fn function(&mut self, function: &'a Function, span: Span, way: &Way, certain: bool) {
        self.add(Object::Function(function), None, way, span, certain);
        let caller = if function.security_definer.value { &function.owner } else { &way.reader.caller };
        let reader = Reader::caller(caller);
        let Some(routine) = self.evaluation.workload.routines.get(&function.oid) else { return };
        let sets_row_security = function.config.contains_key("row_security");
        let too_deep = way.through.len() >= DEPTH;
        if routine.catches_errors()
            || sets_row_security
            || too_deep
            || !self.seen.insert((function.oid, reader.clone()))
        {
            return;
        }
        let way = way.on(span, reader, true).step(&function.name, span);
        let steps = self.evaluation.steps_of(function.oid, |reading| reading.routine(routine));
        self.go(&steps, &way, certain);
    }

    fn add(&mut self, object: Object<'a>, query: Option<&'a Query>, way: &Way, span: Span, certain: bool) {
        let mut through = way.through.clone();
        // Each step tells where it goes on.
        let spans: Vec<Span> = through.iter().skip(1).map(|step| step.span).chain([span]).collect();
        through.iter_mut().zip(spans).for_each(|(step, span)| step.span = span);
        self.found.push(Reached {
            object,
            reader: way.reader.clone(),
            span: way.place(span),
            through,
            query,
            called: way.called,
            certain,
        });
    }
}

/// What a role comes to when a clause of a policy is evaluated for it.
pub struct Asked<'a> {
    pub role: &'a Ident,
    /// For which the server evaluates it.
    pub commands: Vec<PolicyCommand>,
    pub reached: Vec<Reached<'a>>,
}

impl<'a> Evaluation<'a> {
    /// What requests come to by a policy, role by role and clause by clause: where the role may do what the
    /// policy is for, and the server does not leave the policy out because all passes or nothing does. In
    /// functions only what is come to for certain counts.
    pub fn asked(&self, table: &'a Table, policy: &'a Policy) -> Vec<Asked<'a>> {
        if self.is_doubtful(&table.name) {
            return Vec::new();
        }
        let mut list = Vec::new();
        for access in self.catalog.table_access(table) {
            let Some(role) = self.bound(table, &access.role.name) else { continue };
            let runs = |command: &PolicyCommand| self.runs(table, policy, *command, role);
            let mut clauses: IndexMap<Span, (&'a Clause, Vec<PolicyCommand>)> = IndexMap::default();
            for command in access.commands().into_iter().filter(runs) {
                for clause in policy.gates(command) {
                    let (_, commands) = clauses.entry(clause.span).or_insert((clause, Vec::new()));
                    commands.push(command);
                }
            }
            let reader = Reader::caller(&access.role.name);
            for (clause, mut commands) in clauses.into_values() {
                if self.rights.constant(table, policy, clause).is_none() {
                    let mut reached = self.reached(&clause.value, &reader);
                    reached.retain(|one| !one.called || one.certain);
                    commands.dedup();
                    list.push(Asked { role: &access.role.name, commands, reached });
                }
            }
        }
        list
    }

    /// Whether the reader of a relation lacks SELECT on what is read of it.
    pub fn lacks_select(&self, reached: &Reached<'a>) -> bool {
        let oid = match reached.object {
            Object::Table(table) => table.oid,
            Object::View(view) => view.oid,
            Object::Function(_) => return false,
        };
        let lacks = |query| self.catalog.lacks_select(&reached.reader.role, oid, query);
        reached.query.and_then(lacks) == Some(true)
    }
}

impl Catalog {
    /// Whether a role has SELECT on all of a relation.
    pub fn can_read(&self, role: &Ident, object: Object<'_>) -> bool {
        match object {
            Object::Table(table) => self.can(role, &table.acl, Privilege::Select),
            Object::View(view) => self.can(role, &view.acl, Privilege::Select),
            Object::Function(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn a_long_chain_of_functions_is_followed_as_far_as_is_worth_it() {
        let mut sql = String::from(
            "create table a (id int, owner uuid); alter table a enable row level security;
             create function f0() returns boolean language sql stable as $$ select exists (select from a where owner = auth.uid()) $$;",
        );
        for at in 1..1_000 {
            let body = format!("select f{}()", at - 1);
            sql.push_str(&format!(
                "create function f{at}() returns boolean language sql stable as $$ {body} $$;"
            ));
        }
        sql.push_str("create policy near on a using (f20()); create policy far on a using (f999());");
        let bench = Bench::new(&sql);
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let evaluation = Evaluation::new(&rights);
        let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
        let reads_table = |policy: &str| {
            let using = table.policies[policy].using.as_ref().expect("it has a condition");
            let reached = evaluation.reached(&using.value, &Reader::caller(&"anon".into()));
            reached.iter().any(|one| matches!(one.object, Object::Table(_)))
        };
        assert!(reads_table("near") && !reads_table("far"));
        let far = table.policies["far"].using.as_ref().expect("it has a condition");
        assert!(workload.knows_caller(&far.value));
    }
}
