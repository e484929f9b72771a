//! Columns that rows are looked up by, with the evidence.
//!
//! A look-up compares a bare column with a value that is known before the row is read: the caller's
//! id, a parameter, a column of another row that was found first. Comparisons with constants are
//! none, since such a column has few values as a rule.

use std::sync::Arc;

use crate::map::{IndexMap, IndexSet};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::table::Table;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, FromItem, Oid, Query, QueryBody, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange, StatementKind};
use crate::workload::routine::Routine;

/// One look-up: any of the columns could lead an index that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub table: Oid,
    /// Compared with values that are known before the row is read; each once, in order.
    pub columns: Vec<i16>,
    /// Held to a constant in the same place: they may stand before the others in an index.
    pub fixed: Vec<i16>,
    /// Mentioned by conditions that no value but constants decides, those of `fixed` among them: a
    /// partial index may leave out what they do.
    pub tested: Vec<i16>,
    pub evidence: Evidence,
}

/// Where a look-up is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The comparison's column.
    pub span: Span,
    pub source: Arc<EvidenceSource>,
}

/// From the strongest to the weakest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EvidenceSource {
    /// A policy on the table itself.
    Policy {
        table: QName,
        policy: Ident,
    },
    /// A sub-select in a policy of this or another table.
    PolicyQuery {
        table: QName,
        policy: Ident,
    },
    Function(QName),
    View(QName),
}

/// Every look-up in the catalog's policies, functions and views.
pub fn collect(catalog: &Catalog, routines: &IndexMap<Oid, Routine>) -> Vec<Filter> {
    let mut filters = Vec::new();
    for table in catalog.tables.values().filter(|table| table.rls.value) {
        for policy in table.policies.values() {
            let (name, policy_name) = (table.name.clone(), policy.name.clone());
            // A look-up by a policy needs its USING; WITH CHECK sees one row.
            if let Some(using) = &policy.using {
                let source = EvidenceSource::Policy { table: name.clone(), policy: policy_name.clone() };
                let source = Arc::new(source);
                add_groups(
                    groups(&[&using.value], &|column| column.relation == table.oid),
                    &source,
                    &mut filters,
                );
            }
            let source = Arc::new(EvidenceSource::PolicyQuery { table: name, policy: policy_name });
            for expr in policy.expressions() {
                crate::sql::expr::walk_queries(expr, &mut |query| add_query(query, &source, &mut filters));
            }
        }
    }
    for (oid, routine) in routines {
        let Some(function) = catalog.functions.get(oid) else { continue };
        let source = Arc::new(EvidenceSource::Function(function.name.clone()));
        for statement in &routine.statements {
            match &statement.kind {
                StatementKind::Query(query) => {
                    query.walk_queries(&mut |query| add_query(query, &source, &mut filters));
                }
                StatementKind::Change(change) => {
                    add_change(change, &source, &mut filters);
                    change.walk_queries(&mut |query| add_query(query, &source, &mut filters));
                }
                _ => {}
            }
        }
        for expr in &routine.expressions {
            crate::sql::expr::walk_queries(expr, &mut |query| add_query(query, &source, &mut filters));
        }
    }
    for view in catalog.views.values().filter(|view| view.history.created != Origin::Platform) {
        if let Some(query) = &view.query {
            let source = Arc::new(EvidenceSource::View(view.name.clone()));
            query.walk_queries(&mut |query| add_query(query, &source, &mut filters));
        }
    }
    filters
}

/// A column that a conjunct compares.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    table: Oid,
    attnum: i16,
    span: Span,
    by: By,
}

/// What a condition holds a column to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A value that is known before the row is read.
    Value,
    Constant,
    /// More than one value: `is not null`.
    Test,
}

/// A column that the query itself brings, in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    relation: Oid,
    attnum: i16,
    span: Span,
}

fn add_groups(groups: Vec<Vec<Lookup>>, source: &Arc<EvidenceSource>, filters: &mut Vec<Filter>) {
    for group in groups {
        let Some(first) = group.iter().find(|lookup| lookup.by == By::Value) else { continue };
        let listed = |wanted: &[By]| {
            let lookups = group.iter().filter(|lookup| wanted.contains(&lookup.by));
            let attnums: IndexSet<i16> = lookups.map(|lookup| lookup.attnum).collect();
            attnums.into_iter().collect()
        };
        let (columns, fixed) = (listed(&[By::Value]), listed(&[By::Constant]));
        let tested = listed(&[By::Constant, By::Test]);
        let evidence = Evidence { span: first.span, source: Arc::clone(source) };
        filters.push(Filter { table: first.table, columns, fixed, tested, evidence });
    }
}

fn add_query(query: &Query, source: &Arc<EvidenceSource>, filters: &mut Vec<Filter>) {
    let QueryBody::Select(select) = &query.body else { return };
    let mut tables = Vec::new();
    let mut conditions: Vec<&Expr> = Vec::new();
    for item in &select.from {
        tables_of(item, &mut tables, &mut conditions);
    }
    conditions.extend(select.filter.as_deref());
    add_tables(&tables, &conditions, source, filters);
}

fn add_change(change: &DataChange, source: &Arc<EvidenceSource>, filters: &mut Vec<Filter>) {
    let Some(table) = change.table.target else { return };
    if !matches!(change.kind, ChangeKind::Update | ChangeKind::Delete) {
        return;
    }
    let mut tables = vec![table];
    let mut conditions: Vec<&Expr> = Vec::new();
    for item in &change.from {
        tables_of(item, &mut tables, &mut conditions);
    }
    conditions.extend(&change.filter);
    add_tables(&tables, &conditions, source, filters);
}

/// The look-ups in each table of a query. Some need nothing but what is known before. A join is one
/// for the table that is read second, and there must be a first: one that itself was looked up, and
/// so on from table to table.
fn add_tables(tables: &[Oid], conditions: &[&Expr], source: &Arc<EvidenceSource>, filters: &mut Vec<Filter>) {
    // A table that stands twice: which one a column belongs to is not worth the risk.
    let (mut once, mut twice) = (FxHashSet::default(), FxHashSet::default());
    for table in tables {
        if !once.insert(*table) {
            twice.insert(*table);
        }
    }
    let mut direct: FxHashMap<Oid, Vec<Vec<Lookup>>> = FxHashMap::default();
    for table in tables.iter().filter(|table| !twice.contains(table)) {
        if direct.contains_key(table) {
            continue;
        }
        let found = groups(conditions, &|column| column.relation == *table);
        if !found.is_empty() {
            direct.insert(*table, found);
        }
    }
    let mut joins: FxHashMap<Oid, Vec<(Own, Own)>> = FxHashMap::default();
    flatten(conditions, &mut |conjunct| {
        if let Some((left, right)) = join(conjunct) {
            joins.entry(left.relation).or_default().push((left, right));
            joins.entry(right.relation).or_default().push((right, left));
        }
    });
    let looked_up: FxHashSet<Oid> = direct.keys().copied().collect();
    let mut reached = looked_up.clone();
    let mut pending: Vec<Oid> = tables.iter().copied().filter(|table| direct.contains_key(table)).collect();
    let mut found: Vec<(Oid, Vec<Lookup>)> = Vec::new();
    while let Some(first) = pending.pop() {
        for (_, second) in joins.get(&first).into_iter().flatten() {
            let table = second.relation;
            if !twice.contains(&table) && tables.contains(&table) && reached.insert(table) {
                let from_reached = joins.get(&table).into_iter().flatten();
                let mut lookups: Vec<Lookup> = from_reached
                    .filter(|(_, other)| other.relation == first)
                    .map(|(own, _)| Lookup { table, attnum: own.attnum, span: own.span, by: By::Value })
                    .collect();
                flatten(conditions, &mut |conjunct| {
                    lookups.extend(held(conjunct, &|column| column.relation == table));
                });
                found.push((table, lookups));
                pending.push(table);
            }
        }
    }
    for table in tables {
        let Some(groups) = direct.remove(table) else { continue };
        // Where another table was looked up, too, the join may be the better way to this one.
        let by_join = joins.get(table).into_iter().flatten();
        let by_join: Vec<Lookup> = by_join
            .filter(|(_, other)| looked_up.contains(&other.relation))
            .map(|(own, _)| Lookup { table: *table, attnum: own.attnum, span: own.span, by: By::Value })
            .collect();
        let groups = groups.into_iter().map(|group| [group, by_join.clone()].concat()).collect();
        add_groups(groups, source, filters);
    }
    add_groups(found.into_iter().map(|(_, lookups)| lookups).collect(), source, filters);
}

fn tables_of<'a>(item: &'a FromItem, tables: &mut Vec<Oid>, conditions: &mut Vec<&'a Expr>) {
    match item {
        FromItem::Relation { relation, .. } => tables.extend(relation.target),
        FromItem::Join { left, right, on, .. } => {
            tables_of(left, tables, conditions);
            tables_of(right, tables, conditions);
            conditions.extend(on.as_deref());
        }
        FromItem::Query { .. } | FromItem::Function { .. } => {}
    }
}

/// The look-ups that conditions allow: conjuncts make one, each branch of an OR its own. Where a
/// branch allows none, an index cannot help the OR.
fn groups(conditions: &[&Expr], wanted: &dyn Fn(&Own) -> bool) -> Vec<Vec<Lookup>> {
    let mut direct: Vec<Lookup> = Vec::new();
    let mut nested = Vec::new();
    flatten(conditions, &mut |conjunct| match conjunct {
        Expr::Or(list) => nested.push(of_branches(list, wanted)),
        other => direct.extend(lookup(other, wanted).or_else(|| held(other, wanted))),
    });
    if direct.iter().any(|lookup| lookup.by == By::Value) {
        return vec![direct];
    }
    let branches = nested.into_iter().find(|branches| !branches.is_empty()).unwrap_or_default();
    branches.into_iter().map(|branch| [branch, direct.clone()].concat()).collect()
}

fn of_branches(list: &[Expr], wanted: &dyn Fn(&Own) -> bool) -> Vec<Vec<Lookup>> {
    let branches: Vec<_> = list.iter().map(|branch| groups(&[branch], wanted)).collect();
    if branches.iter().any(Vec::is_empty) { Vec::new() } else { branches.into_iter().flatten().collect() }
}

fn flatten<'a>(list: &[&'a Expr], visit: &mut dyn FnMut(&'a Expr)) {
    for expr in list {
        match expr {
            Expr::And(inner) => flatten(&inner.iter().collect::<Vec<_>>(), visit),
            other => visit(other),
        }
    }
}

/// The columns that a comparison of two tables of the query joins by.
fn join(expr: &Expr) -> Option<(Own, Own)> {
    let Expr::Op { op, left: Some(left), right } = expr else { return None };
    let (left, right) = (own_column(left)?, own_column(right)?);
    (op == "=" && left.relation != right.relation).then_some((left, right))
}

/// The column that a comparison looks up, when its other side is known before the query runs.
fn lookup(expr: &Expr, wanted: &dyn Fn(&Own) -> bool) -> Option<Lookup> {
    let is_wanted = |expr: &Expr| own_column(expr).filter(wanted);
    let (own, other) = match expr {
        Expr::Op { op, left: Some(left), right } if op == "=" => match (is_wanted(left), is_wanted(right)) {
            (Some(own), None) => (own, &**right),
            (None, Some(own)) => (own, &**left),
            _ => return None,
        },
        Expr::OpArray { op, all: false, left, right } if op == "=" => (is_wanted(left)?, &**right),
        _ => return None,
    };
    let known = !reads_own_row(other) && !is_constant(other);
    known.then_some(Lookup { table: own.relation, attnum: own.attnum, span: own.span, by: By::Value })
}

/// A column that a condition compares with what is known before, but only within an expression:
/// `lower(email) = auth.email()`.
#[derive(Clone, Copy, Debug)]
pub struct WrappedLookup<'a> {
    pub attnum: i16,
    /// The column in the expression.
    pub span: Span,
    pub wrapped: &'a Expr,
}

/// Those of a table among the conjuncts of a condition; none where an index serves another conjunct.
pub fn wrapped_lookups<'a>(condition: &'a Expr, table: &Table) -> Vec<WrappedLookup<'a>> {
    let of_table = |column: &Own| column.relation == table.oid;
    let (mut found, mut served) = (Vec::new(), false);
    flatten(&[condition], &mut |conjunct| {
        served |= lookup(conjunct, &of_table).is_some_and(|it| table.has_index_led_by(&[it.attnum]));
        found.extend(wrapped_lookup(conjunct, table));
    });
    if served { Vec::new() } else { found }
}

fn wrapped_lookup<'a>(conjunct: &'a Expr, table: &Table) -> Option<WrappedLookup<'a>> {
    let Expr::Op { op, left: Some(left), right } = conjunct else { return None };
    let sides = [(&**left, &**right), (&**right, &**left)];
    sides.into_iter().filter(|_| op == "=").find_map(|(wrapped, other)| {
        let inner = match wrapped {
            Expr::Cast { expr, .. } => expr,
            Expr::Call(call) => call.args.first().filter(|_| call.args.len() == 1)?,
            _ => return None,
        };
        let own = own_column(inner).filter(|own| own.relation == table.oid)?;
        let data_type = &table.column_at(own.attnum)?.data_type.value;
        let is_text = ["text", "varchar", "bpchar"].iter().any(|name| data_type.is_builtin(name));
        // A cast between kinds of text changes nothing that an index minds.
        let is_relabel = is_text && matches!(wrapped, Expr::Cast { .. });
        let known = !reads_own_row(other) && !is_constant(other);
        (known && !is_relabel).then_some(WrappedLookup { attnum: own.attnum, span: own.span, wrapped })
    })
}

/// The column that a condition holds to a constant: `kind = 'x'`, `kind in ('x', 'y')`, `active`,
/// `deleted_at is null`; or only tests: `slug is not null`.
fn held(expr: &Expr, wanted: &dyn Fn(&Own) -> bool) -> Option<Lookup> {
    let column = match expr {
        Expr::Op { op, left: Some(left), right } if op == "=" => {
            if is_constant(right) {
                left
            } else {
                Some(right).filter(|_| is_constant(left))?
            }
        }
        Expr::OpArray { op, all: false, left, right } if op == "=" && is_constant(right) => left,
        Expr::In { expr, list, negated: false } if list.iter().all(is_constant) => expr,
        Expr::IsNull { expr, .. } | Expr::IsBool { expr, .. } | Expr::Not(expr) => expr,
        other => other,
    };
    let own = own_column(column.uncast()).filter(wanted)?;
    let by = if matches!(expr, Expr::IsNull { negated: true, .. }) { By::Test } else { By::Constant };
    Some(Lookup { table: own.relation, attnum: own.attnum, span: own.span, by })
}

/// Whether it reads a row of this query, or something that is not known.
fn reads_own_row(expr: &Expr) -> bool {
    let here = match expr {
        Expr::Column(ColumnRef { target, .. }) => match target {
            Target::Column { depth, .. }
            | Target::Row { depth, .. }
            | Target::Result { depth, .. }
            | Target::Derived { depth } => *depth == 0,
            Target::Unknown => true,
            Target::Variable => false,
        },
        Expr::Sublink(sublink) => sublink.is_correlated(),
        _ => false,
    };
    here || expr.children().into_iter().any(reads_own_row)
}

fn is_constant(expr: &Expr) -> bool {
    match expr.uncast() {
        Expr::Literal(_) => true,
        Expr::Array(list) => list.iter().all(is_constant),
        _ => false,
    }
}

/// A bare column of a relation that this query itself brings.
fn own_column(expr: &Expr) -> Option<Own> {
    match expr {
        Expr::Column(ColumnRef { target: Target::Column { relation, attnum, depth: 0 }, span, .. }) => {
            Some(Own { relation: *relation, attnum: *attnum, span: *span })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::workload::Workload;

    /// Each look-up as `table(columns)`.
    fn filters(text: &str) -> Vec<String> {
        let tables = "create table a (id int, b_id int, c_id int, owner uuid, kind text);
             create table b (id int, c_id int, owner uuid, slug text);
             create table c (id int, name text);
             alter table a enable row level security;\n";
        let bench = Bench::new(&format!("{tables}{text}"));
        let workload = Workload::of(&bench.catalog);
        let shown = |filter: &Filter| {
            let table = &bench.catalog.tables[&filter.table];
            let names: Vec<String> =
                table.column_names(&filter.columns).iter().map(ToString::to_string).collect();
            format!("{}({})", table.name.name, names.join(" "))
        };
        workload.filters.iter().map(shown).collect()
    }

    #[test]
    fn a_value_must_be_known_before_the_row() {
        assert_eq!(filters("create policy p on a using (owner = auth.uid())"), ["a(owner)"]);
        assert_eq!(
            filters("create policy p on a using ((select auth.uid()) = owner and b_id = any (mine()))"),
            ["a(owner b_id)"]
        );
        for silent in
            ["kind = 'x'", "id = b_id", "owner::text = auth.jwt() ->> 'sub'", "kind ilike auth.email()"]
        {
            assert_eq!(
                filters(&format!("create policy p on a using ({silent})")),
                Vec::<String>::new(),
                "{silent}"
            );
        }
    }

    #[test]
    fn an_or_needs_all_of_its_branches() {
        assert_eq!(
            filters("create policy p on a using (owner = auth.uid() or kind = 'x')"),
            Vec::<String>::new()
        );
        assert_eq!(
            filters("create policy p on a using (owner = auth.uid() or b_id = mine())"),
            ["a(owner)", "a(b_id)"]
        );
    }

    #[test]
    fn sub_selects_look_up_by_the_row_around_them() {
        let text = "create policy p on a using (exists (select 1 from b where b.id = b_id and b.owner = auth.uid()))";
        assert_eq!(filters(text), ["b(id owner)"]);
    }

    #[test]
    fn a_join_starts_from_a_table_that_was_looked_up() {
        let function = |query: &str| {
            filters(&format!("create function f(x uuid) returns setof a language sql as $$ {query} $$"))
        };
        assert_eq!(function("select a.* from a join b on a.b_id = b.id"), Vec::<String>::new());
        assert_eq!(
            function("select a.* from a join b on a.b_id = b.id where b.owner = x"),
            ["b(owner)", "a(b_id)"]
        );
        assert_eq!(
            function("select a.* from a join b on a.b_id = b.id join c on c.id = b.c_id where a.owner = x"),
            ["a(owner)", "b(id)", "c(id)"]
        );
        assert_eq!(
            function("select a.* from a join b on a.b_id = b.id where b.owner = x and a.owner = x"),
            ["a(owner b_id)", "b(owner id)"]
        );
    }

    #[test]
    fn changes_are_look_ups_too() {
        let text = "create function f(x int) returns void language plpgsql as $$
            begin update b set slug = '' where b.slug = x::text; delete from c where id = x; end $$";
        assert_eq!(filters(text), ["b(slug)", "c(id)"]);
    }
}
