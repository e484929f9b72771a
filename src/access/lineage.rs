//! Which columns of tables the values of a view come from.

use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::evaluation::DEPTH;
use crate::access::shown::shows_nothing;
use crate::catalog::Catalog;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::source::Span;
use crate::sql::expr::{
    Alias, Call, ColumnRef, CteBody, Expr, FromItem, Oid, Query, QueryBody, RelationRef, Select, SublinkKind,
    Target,
};
use crate::sql::name::Ident;

/// A column of a table that a view reads, or of a view whose query is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    pub table: Oid,
    pub attnum: i16,
    /// Whether what it holds can be read off the view, and not only what is computed from it.
    pub as_is: bool,
    /// Whether it is read with the rights of a view's owner, past those of the caller.
    pub as_owner: bool,
}

/// What values are made of.
#[derive(Clone, Debug)]
pub struct Made {
    pub of: BTreeSet<Value>,
    /// Whether that is all.
    pub is_known: bool,
}

/// A column of a result.
type Output = (Ident, Made);

/// What the views of a catalog are made of. Each adds to what those behind it are.
pub struct Lineage<'a> {
    catalog: &'a Catalog,
    /// By view, and whether a materialised view keeps what it shows; nothing where its columns cannot be told.
    views: FxHashMap<(Oid, bool), Option<Rc<Vec<Made>>>>,
    /// How many views are being read, one behind the other: those behind too many are not.
    depth: usize,
}

impl Made {
    fn nothing() -> Self {
        Self { of: BTreeSet::new(), is_known: true }
    }

    fn unknown() -> Self {
        Self { is_known: false, ..Self::nothing() }
    }

    fn add(&mut self, other: &Self) {
        self.of.extend(&other.of);
        self.is_known &= other.is_known;
    }

    fn of_each<'m>(parts: impl IntoIterator<Item = &'m Self>) -> Self {
        let mut all = Self::nothing();
        parts.into_iter().for_each(|part| all.add(part));
        all
    }

    fn computed(&self) -> Self {
        let computed = |value: &Value| Value { as_is: false, ..*value };
        Self { of: self.of.iter().map(computed).collect(), is_known: self.is_known }
    }
}

impl<'a> Lineage<'a> {
    pub fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, views: FxHashMap::default(), depth: 0 }
    }

    /// What the rows of a view are made of, through other views as well. What only chooses rows is left out, and
    /// so is what a function of the project reads.
    pub fn of(&mut self, view: &View) -> Made {
        match self.columns(view, view.materialized) {
            Some(columns) => Made::of_each(&*columns),
            None => Made::unknown(),
        }
    }

    /// What a view shows, past its callers' rights, that is for few: `email of public.people`.
    pub fn private(&mut self, view: &View) -> Vec<String> {
        let catalog = self.catalog;
        let words = |value: &Value| {
            let table = catalog.tables.get(&value.table).filter(|_| value.as_is && value.as_owner)?;
            let column = table.column_at(value.attnum).filter(|column| table.is_private(column))?;
            Some(format!("{} of {}", column.name.quoted(), table.name))
        };
        self.of(view).of.iter().filter_map(words).collect()
    }

    /// Whether a view shows a column, past its callers' rights, as it is.
    pub fn shows(&mut self, view: &View, relation: Oid, attnum: i16) -> bool {
        self.of(view).of.contains(&Value { table: relation, attnum, as_is: true, as_owner: true })
    }

    /// The tables that a view reads, through other views as well, for whatever purpose.
    pub fn tables(&self, view: &View) -> Vec<&'a Table> {
        let (mut tables, mut seen) = (Vec::new(), FxHashSet::from_iter([view.oid]));
        let mut pending: Vec<&Query> = view.query.iter().collect();
        while let Some(query) = pending.pop() {
            query.walk_relations(&mut |relation| {
                let Some(oid) = relation.target.filter(|oid| seen.insert(*oid)) else { return };
                tables.extend(self.catalog.tables.get(&oid));
                pending.extend(self.catalog.views.get(&oid).and_then(|view| view.query.as_ref()));
            });
        }
        tables
    }

    fn columns(&mut self, view: &View, stored: bool) -> Option<Rc<Vec<Made>>> {
        let key = (view.oid, stored);
        if let Some(known) = self.views.get(&key) {
            return known.clone();
        }
        // A view that leads back to itself shows nothing more.
        self.views.insert(key, None);
        let as_caller = view.security_invoker() && !stored;
        let query = view.query.as_ref().filter(|_| self.depth < DEPTH)?;
        self.depth += 1;
        let outputs = Reading { lineage: self, as_caller, stored }.query(query, &Scope::default());
        self.depth -= 1;
        let made = outputs.filter(|outputs| outputs.len() == view.columns.len());
        let empties = |made: Made| if shows_nothing(view) { Made::nothing() } else { made };
        let made = made.map(|outputs| Rc::new(outputs.into_iter().map(|(_, made)| empties(made)).collect()));
        self.views.insert(key, made.clone());
        made
    }
}

/// What a part of a query can name.
#[derive(Default)]
struct Scope<'s> {
    ctes: Vec<(Ident, Option<Vec<Output>>)>,
    items: Vec<Item>,
    outer: Option<&'s Self>,
}

/// Something in FROM that columns are taken from.
struct Item {
    name: Option<Ident>,
    columns: Option<Vec<Output>>,
}

impl<'s> Scope<'s> {
    fn below(outer: &'s Self) -> Self {
        Self { outer: Some(outer), ..Self::default() }
    }

    fn and_those_around(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    fn cte(&self, name: &Ident) -> Option<&Option<Vec<Output>>> {
        let mut ctes = self.and_those_around().flat_map(|scope| scope.ctes.iter().rev());
        ctes.find(|(known, _)| known == name).map(|(_, columns)| columns)
    }

    fn item(&self, name: &Ident) -> Option<&Item> {
        let mut items = self.and_those_around().flat_map(|scope| &scope.items);
        items.find(|item| item.name.as_ref() == Some(name))
    }

    /// What a column of a sub-select, a CTE or a function is made of.
    fn derived(&self, column: &ColumnRef) -> Made {
        let within = |item: &Item, name: &Ident| {
            let found = item.columns.iter().flatten().find(|(known, _)| known == name);
            found.map(|(_, made)| made.clone())
        };
        let found = match column.path.as_slice() {
            [name] => {
                let mut items = self.and_those_around().flat_map(|scope| &scope.items);
                items.find_map(|item| within(item, name))
            }
            [.., item, name] => self.item(item).and_then(|item| within(item, name)),
            [] => None,
        };
        found.unwrap_or_else(Made::unknown)
    }
}

/// The reading of one view's query.
struct Reading<'a, 'l> {
    lineage: &'l mut Lineage<'a>,
    as_caller: bool,
    stored: bool,
}

impl<'a> Reading<'a, '_> {
    /// The columns of a result; nothing where a `*` hides how many there are.
    fn query(&mut self, query: &Query, outer: &Scope<'_>) -> Option<Vec<Output>> {
        let mut scope = Scope::below(outer);
        for cte in &query.ctes {
            let CteBody::Query(inner) = &cte.query else {
                scope.ctes.push((cte.name.clone(), None));
                continue;
            };
            if let (true, QueryBody::SetOperation(start, _)) = (cte.recursive, &inner.body) {
                let start = self.query(start, &scope).map(|outputs| called(outputs, &cte.columns));
                scope.ctes.push((cte.name.clone(), start));
            }
            let outputs = self.query(inner, &scope).map(|outputs| called(outputs, &cte.columns));
            scope.ctes.push((cte.name.clone(), outputs));
        }
        match &query.body {
            QueryBody::Select(select) => self.select(select, scope),
            QueryBody::SetOperation(left, right) => {
                let (left, right) = (self.query(left, &scope)?, self.query(right, &scope)?);
                let both =
                    |((name, left), (_, right)): (Output, Output)| (name, Made::of_each([&left, &right]));
                (left.len() == right.len()).then(|| left.into_iter().zip(right).map(both).collect())
            }
            QueryBody::Values(rows) => {
                let count = rows.first().map_or(0, Vec::len);
                let column = |at: usize| {
                    let cells: Vec<_> = rows.iter().filter_map(|row| row.get(at)).collect();
                    let made: Vec<_> = cells.into_iter().map(|cell| self.made(cell, &scope)).collect();
                    (Ident::from(format!("column{}", at + 1).as_str()), Made::of_each(&made))
                };
                Some((0..count).map(column).collect())
            }
        }
    }

    fn select(&mut self, select: &Select, mut scope: Scope<'_>) -> Option<Vec<Output>> {
        let mut all = Some(Vec::new());
        for item in &select.from {
            let seen = self.item(item, &mut scope);
            all = all.zip(seen).map(|(all, seen)| [all, seen].concat());
        }
        let mut outputs = Vec::new();
        for target in &select.targets {
            match &target.expr {
                Expr::Column(column) if column.star => match column.path.last() {
                    None => outputs.extend(all.clone()?),
                    Some(name) => outputs.extend(scope.item(name)?.columns.clone()?),
                },
                expr => {
                    let name = target.alias.clone().unwrap_or_else(|| name(expr));
                    outputs.push((name, self.made(expr, &scope)));
                }
            }
        }
        Some(outputs)
    }

    /// Adds an item of FROM to what can be named; gives its columns as a `*` has them.
    fn item(&mut self, item: &FromItem, scope: &mut Scope<'_>) -> Option<Vec<Output>> {
        let (alias, name, columns) = match item {
            FromItem::Relation { relation, alias } => {
                (alias, Some(relation.name.name.clone()), self.relation(relation, scope))
            }
            FromItem::Query { query, alias, .. } => (alias, None, self.query(query, scope)),
            FromItem::Function { alias, .. } => (alias, None, None),
            FromItem::Join { left, right, using, natural, .. } => {
                let (left, right) = (self.item(left, scope), self.item(right, scope));
                let (left, right) = left.zip(right)?;
                let is_shared = |name: &Ident| {
                    let in_both =
                        || [&left, &right].iter().all(|side| side.iter().any(|(one, _)| one == name));
                    using.contains(name) || *natural && in_both()
                };
                // Columns that both sides share come first, and once.
                let (shared, rest): (Vec<_>, Vec<_>) =
                    left.iter().cloned().partition(|(name, _)| is_shared(name));
                let right = right.iter().filter(|(name, _)| !is_shared(name)).cloned();
                return Some(shared.into_iter().chain(rest).chain(right).collect());
            }
        };
        let (name, columns) = match alias {
            Some(Alias { name, columns: names }) => {
                (Some(name.clone()), columns.map(|outputs| called(outputs, names)))
            }
            None => (name, columns),
        };
        scope.items.push(Item { name, columns: columns.clone() });
        columns
    }

    fn relation(&mut self, relation: &RelationRef, scope: &Scope<'_>) -> Option<Vec<Output>> {
        match relation.target {
            Some(oid) => self.columns_of(oid, Some(relation.name.span)),
            None if relation.name.schema.is_none() => scope.cte(&relation.name.name)?.clone(),
            None => None,
        }
    }

    /// The columns of a table or view; of a table those that it had where it is named.
    fn columns_of(&mut self, relation: Oid, named: Option<Span>) -> Option<Vec<Output>> {
        let catalog: &'a Catalog = self.lineage.catalog;
        let columns = match (catalog.tables.get(&relation), catalog.views.get(&relation)) {
            (Some(table), _) => &table.columns,
            (_, Some(view)) if view.columns_known => &view.columns,
            _ => return None,
        };
        let was_there = |made: Option<Span>| made.zip(named).is_none_or(|(made, named)| made < named);
        let columns = columns.iter().filter(|column| was_there(column.origin.span()));
        Some(columns.map(|column| (column.name.clone(), self.column(relation, column.attnum))).collect())
    }

    fn column(&mut self, relation: Oid, attnum: i16) -> Made {
        let catalog: &'a Catalog = self.lineage.catalog;
        let is_closed = catalog.views.get(&relation).is_some_and(|view| view.query.is_none());
        if catalog.tables.contains_key(&relation) || is_closed {
            let own = Value { table: relation, attnum, as_is: true, as_owner: !self.as_caller };
            return Made { of: [own].into(), is_known: !is_closed };
        }
        let mut of_view = || {
            let inner = catalog.views.get(&relation)?;
            let columns = self.lineage.columns(inner, self.stored || inner.materialized)?;
            columns.get(inner.columns.iter().position(|column| column.attnum == attnum)?).cloned()
        };
        of_view().unwrap_or_else(Made::unknown)
    }

    fn row(&mut self, relation: Oid) -> Made {
        match self.columns_of(relation, None) {
            Some(columns) => Made::of_each(columns.iter().map(|(_, made)| made)),
            None => Made::unknown(),
        }
    }

    fn made(&mut self, expr: &Expr, scope: &Scope<'_>) -> Made {
        let mut of = |parts: &[&Expr]| {
            let made: Vec<_> = parts.iter().map(|part| self.made(part, scope)).collect();
            Made::of_each(&made)
        };
        match expr {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => self.column(relation, attnum),
                Target::Row { relation, .. } => self.row(relation),
                Target::Derived { .. } => scope.derived(column),
                Target::Variable => Made::nothing(),
                Target::Result { .. } | Target::Unknown => Made::unknown(),
            },
            Expr::Call(call) if call.name.name == "count" => Made::nothing(),
            Expr::Call(call) if !passes(call) => of(&expr.children()).computed(),
            Expr::Op { op, .. } if !matches!(op.as_str(), "||" | "->" | "->>" | "#>" | "#>>") => {
                of(&expr.children()).computed()
            }
            Expr::Case { arms, default, .. } => {
                let results: Vec<_> = arms.iter().map(|(_, then)| then).chain(default.as_deref()).collect();
                of(&results)
            }
            Expr::Field { expr, field: Some(field), .. } => match &**expr {
                Expr::Column(ColumnRef { target: Target::Row { relation, .. }, .. }) => {
                    let columns = self.columns_of(*relation, None);
                    let found = columns.into_iter().flatten().find(|(name, _)| name == field);
                    found.map_or_else(Made::unknown, |(_, made)| made)
                }
                subject => of(&[subject]),
            },
            Expr::Sublink(sublink) => match sublink.kind {
                SublinkKind::Scalar | SublinkKind::Array => match self.query(&sublink.query, scope) {
                    Some(outputs) => Made::of_each(outputs.iter().map(|(_, made)| made)),
                    None => Made::unknown(),
                },
                SublinkKind::Exists | SublinkKind::Any | SublinkKind::All => Made::nothing(),
            },
            Expr::Cast { .. }
            | Expr::Call(_)
            | Expr::Op { .. }
            | Expr::Coalesce(_)
            | Expr::Array(_)
            | Expr::Row(_)
            | Expr::Named { .. }
            | Expr::Field { .. } => of(&expr.children()),
            _ => of(&expr.children()).computed(),
        }
    }
}

/// Whether the arguments of a function can be read off its result.
fn passes(call: &Call) -> bool {
    let name = call.name.name.as_str();
    let packs = name.starts_with("json") || name.starts_with("to_json") || name == "row_to_json";
    packs && !name.ends_with("_length")
        || matches!(
            name,
            "array_agg"
                | "string_agg"
                | "min"
                | "max"
                | "concat"
                | "concat_ws"
                | "format"
                | "lower"
                | "upper"
                | "initcap"
                | "btrim"
                | "ltrim"
                | "rtrim"
        )
}

/// Results under the names that an alias gives to the first of them.
fn called(mut outputs: Vec<Output>, names: &[Ident]) -> Vec<Output> {
    outputs.iter_mut().zip(names).for_each(|((name, _), new)| name.clone_from(new));
    outputs
}

/// What a result is called that has no alias.
fn name(expr: &Expr) -> Ident {
    match expr {
        Expr::Column(column) => column.path.last().cloned(),
        Expr::Cast { expr, .. } => Some(name(expr)),
        Expr::Call(call) => Some(call.name.name.clone()),
        Expr::Field { field, .. } => field.clone(),
        _ => None,
    }
    .unwrap_or_else(|| Ident::from("?column?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    /// What `v` shows of the tables with an owner's rights: `b.x` as it is, `~b.x` computed, `?` where that is
    /// not all.
    fn shows(views: &str) -> String {
        let bench = Bench::new(&format!(
            "create table a (id int, x text); create table b (id int, x text, y text);
             create function f(text) returns text language sql as 'select $1';
             create function g() returns table (z text) language sql as 'select 1';
             {views}"
        ));
        let catalog = &bench.catalog;
        let view = catalog.view(&QName::new("public", "v")).expect("it is made");
        let made = Lineage::new(catalog).of(view);
        let named = |value: &Value| {
            let table = &catalog.tables[&value.table];
            let column = table.column_at(value.attnum).expect("it is there");
            format!("{}{}.{}", if value.as_is { "" } else { "~" }, table.name.name, column.name)
        };
        let unknown = (!made.is_known).then(|| "?".to_string());
        made.of.iter().filter(|value| value.as_owner).map(named).chain(unknown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_are_followed_to_tables() {
        for (query, expected) in [
            ("select id, x from a", "a.id a.x"),
            ("select * from a", "a.id a.x"),
            ("select b.* from a join b using (id)", "b.id b.x b.y"),
            ("select * from a join b using (id)", "a.id a.x b.x b.y"),
            ("select * from a natural join b", "a.id a.x b.y"),
            ("select a.id from a where exists (select from b where b.x = a.x)", "a.id"),
            ("select id from a order by x", "a.id"),
            ("select x::varchar as y, coalesce(x, 'none') from a", "a.x"),
            ("select length(x), x is null, f(x) from a", "~a.x"),
            ("select count(x) from a", ""),
            ("select max(x) from a", "a.x"),
            ("select id, jsonb_build_object('x', x) from a", "a.id a.x"),
            ("select case when x = '' then id end from a", "a.id"),
            ("select to_jsonb(a) from a", "a.id a.x"),
            ("select (b).y from b", "b.y"),
            ("select id, (select y from b where b.id = a.id) from a", "a.id b.y"),
            ("select array(select y from b) from a", "b.y"),
            ("select s.one from (select id as one, x as two from a) s", "a.id"),
            ("select s.p from (select id, x from a) s(p, q)", "a.id"),
            ("with s as (select id, x from a) select x from s", "a.x"),
            ("with s(p, q) as (select id, x from a) select s.* from s where q = ''", "a.id a.x"),
            ("with s as (select x from a), t as (select upper(x) as z from s) select z from t", "a.x"),
            (
                "with recursive s as (select id, x from a union all select b.id, s.x from b join s on s.id = b.id)
                 select id from s",
                "a.id b.id",
            ),
            ("select x from a union select y from b", "a.x b.y"),
            ("select s.y from a, lateral (select b.y from b where b.id = a.id) s", "b.y"),
            ("select 'x' as x, id from a", "a.id"),
            ("select v.w from a, lateral (values (a.x)) v(w)", "a.x"),
            ("select a.id, z from a, g()", "a.id ?"),
            ("select * from a, g()", "?"),
            ("select x from a where false", ""),
        ] {
            assert_eq!(shows(&format!("create view v as {query};")), expected, "{query}");
        }
    }

    #[test]
    fn rights_are_those_of_the_view_that_names_the_table() {
        let inner = "create view i as select id, x as s from a; create view c with (security_invoker) as select * from b;";
        for (view, expected) in [
            ("create view v with (security_invoker) as select * from a;", ""),
            ("create view v with (security_invoker) as select i.s, b.y from i, b;", "a.x"),
            ("create view v as select i.id, c.y from i, c;", "a.id"),
            ("create materialized view v as select i.id, c.y from i, c;", "a.id b.y"),
            ("create view v(p, q) as select * from i; alter table a add column late int;", "a.id a.x"),
            (
                "create view v as select to_jsonb(a) from a; alter table a add column late int;",
                "a.id a.x a.late",
            ),
        ] {
            assert_eq!(shows(&format!("{inner} {view}")), expected, "{view}");
        }
    }
}
