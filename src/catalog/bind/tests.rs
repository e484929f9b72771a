use super::*;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::sql::expr::ColumnRef;
use crate::testing::Bench;

#[test]
fn every_clause_of_a_select_is_bound() {
    let bench = Bench::new(
        "create table t (a int, b int, c int);
         create view v as
           select distinct on (a) a, row_number() over w from t window w as (partition by b order by c);",
    );
    let view = bench.catalog.view(&QName::new("public", "v")).expect("the view is there");
    let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else { panic!() };
    let clauses: Vec<_> = select.windows.iter().chain(&select.distinct_on).collect();
    let bound = |expr: &&&Expr| matches!(expr, Expr::Column(column) if matches!(column.target, Target::Column { .. }));
    assert_eq!((clauses.len(), clauses.iter().filter(bound).count()), (3, 3));
}

const TABLES: &str = "create table orders (id int, customer int, note text);
    create table customers (id int, name text); create schema shop; create table shop.orders (id int, total int);";

fn target(catalog: &Catalog, column: &ColumnRef) -> String {
    let written: Vec<_> = column.path.iter().map(|part| part.as_str()).collect();
    let written = if column.star { format!("{}.*", written.join(".")) } else { written.join(".") };
    let name = |relation: Oid| match catalog.relation_name(relation) {
        Some((name, schema)) if schema == "public" => name.to_string(),
        Some((name, schema)) => format!("{schema}.{name}"),
        None => "?".to_string(),
    };
    let meaning = match column.target {
        Target::Unknown => "unknown".to_string(),
        Target::Column { relation, attnum, depth } => {
            let columns = catalog.columns_of(relation).map(|(columns, _)| columns).unwrap_or_default();
            let column = columns.iter().find(|column| column.attnum == attnum).expect("it is a column");
            format!("{}.{} at {depth}", name(relation), column.name)
        }
        Target::Row { relation, depth } => format!("row of {} at {depth}", name(relation)),
        Target::Derived { depth } => format!("derived at {depth}"),
        Target::Result { of, attnum, depth } => format!("result {}.{attnum} at {depth}", name(of)),
        Target::Variable => "variable".to_string(),
    };
    format!("{written}: {meaning}")
}

/// What the columns in a view's query mean, sorted.
fn in_view(query: &str) -> Vec<String> {
    let bench = Bench::new(&format!("{TABLES} create view v as {query};"));
    let view = bench.catalog.view(&QName::new("public", "v")).expect("v is made");
    let mut list = Vec::new();
    view.query.as_ref().expect("v has a query").walk(&mut |expr| {
        if let Expr::Column(column) = expr {
            list.push(target(&bench.catalog, column));
        }
    });
    list.sort();
    list.dedup();
    list
}

/// What the columns in a policy of `orders` mean, sorted.
fn in_policy(clause: &str) -> Vec<String> {
    let bench = Bench::new(&format!("{TABLES} create policy p on orders using ({clause});"));
    let table = bench.catalog.table(&QName::new("public", "orders")).expect("orders is made");
    let mut list = Vec::new();
    let expr = &table.policies["p"].using.as_ref().expect("p has a clause").value;
    expr.walk(&mut |part| {
        if let Expr::Column(column) = part {
            list.push(target(&bench.catalog, column));
        }
    });
    list.sort();
    list.dedup();
    list
}

#[test]
fn names_mean_the_innermost() {
    let cases: &[(&str, &[&str])] = &[
        ("note = 'x'", &["note: orders.note at 0"]),
        ("orders.note = 'x'", &["orders.note: orders.note at 0"]),
        ("public.orders.note = 'x'", &["public.orders.note: orders.note at 0"]),
        ("missing = 1", &["missing: unknown"]),
        (
            "exists (select 1 from customers c where c.id = customer)",
            &["c.id: customers.id at 0", "customer: orders.customer at 1"],
        ),
        (
            "exists (select 1 from customers c where c.id = id)",
            &["c.id: customers.id at 0", "id: customers.id at 0"],
        ),
        (
            "exists (select 1 from customers c where c.id = orders.id)",
            &["c.id: customers.id at 0", "orders.id: orders.id at 1"],
        ),
        (
            "customer in (select o.id from orders o where o.customer = orders.customer)",
            &[
                "customer: orders.customer at 0",
                "o.customer: orders.customer at 0",
                "o.id: orders.id at 0",
                "orders.customer: orders.customer at 1",
            ],
        ),
    ];
    for (clause, expected) in cases {
        assert_eq!(in_policy(clause), *expected, "{clause}");
    }
}

#[test]
fn ctes_hide_tables_and_lateral_sees_what_is_before_it() {
    let cases: &[(&str, &[&str])] = &[
        (
            "with orders as (select name from customers) select name from orders",
            &["name: customers.name at 0", "name: derived at 0"],
        ),
        (
            "with recursive up as (select id from orders union all select o.id from orders o, up
             where o.customer = up.id) select id from up",
            &[
                "id: derived at 0",
                "id: orders.id at 0",
                "o.customer: orders.customer at 0",
                "o.id: orders.id at 0",
                "up.id: derived at 0",
            ],
        ),
        (
            "select c.name, last.note from customers c, lateral (select note from orders
             where customer = c.id limit 1) last",
            &[
                "c.id: customers.id at 1",
                "c.name: customers.name at 0",
                "customer: orders.customer at 0",
                "last.note: derived at 0",
                "note: orders.note at 0",
            ],
        ),
        ("select s.total from shop.orders s join orders using (id)", &["s.total: shop.orders.total at 0"]),
        ("select o.a from orders as o (a)", &["o.a: orders.id at 0"]),
        ("select o from orders o", &["o: row of orders at 0"]),
        ("select o.* from orders o", &["o.*: row of orders at 0"]),
    ];
    for (query, expected) in cases {
        assert_eq!(in_view(query), *expected, "{query}");
    }
}

#[test]
fn results_have_the_names_and_types_that_postgresql_gives() {
    let cases: &[(&str, &[&str])] = &[
        ("select id, note n from orders", &["1 id integer", "2 n text"]),
        ("select * from customers", &["1 id integer", "2 name text"]),
        ("select coalesce(note, '') from orders", &["1 coalesce text"]),
        ("select id::text, case when true then note end from orders", &["1 id text", "2 case text"]),
        ("select exists (select 1), now()", &["1 exists boolean", "2 now timestamp with time zone"]),
        ("values (1, 'x')", &["1 column1 integer", "2 column2 text"]),
        ("select id from orders union all select id from customers", &["1 id integer"]),
        ("with c (a, b) as (select id, name from customers) select * from c", &["1 a integer", "2 b text"]),
        (
            "select c.*, o.note from customers c left join orders o on o.customer = c.id",
            &["1 id integer", "2 name text", "3 note text"],
        ),
        (
            "select * from customers join shop.orders using (id)",
            &["1 id integer", "2 name text", "3 total integer"],
        ),
        (
            "select * from (select 1 as one) x, customers natural join shop.orders",
            &["1 one integer", "2 id integer", "3 name text", "4 total integer"],
        ),
        (
            "select * from customers c join shop.orders s using (id) join orders o using (id)",
            &["1 id integer", "2 name text", "3 total integer", "4 customer integer", "5 note text"],
        ),
    ];
    for (query, expected) in cases {
        let bench = Bench::new(&format!("{TABLES} create view v as {query};"));
        assert_eq!(bench.shape("v"), *expected, "{query}");
    }
}

#[test]
fn what_is_bound_follows_renames() {
    let bench = Bench::new(&format!(
        "{TABLES} create policy p on orders using (exists (select 1 from customers where customers.id = customer));
         alter table customers rename to clients; alter table clients rename id to key;
         create table customers (id int);"
    ));
    let catalog = &bench.catalog;
    let table = catalog.table(&QName::new("public", "orders")).expect("orders is made");
    let mut list = Vec::new();
    table.policies["p"].using.as_ref().expect("p has a clause").value.walk(&mut |expr| {
        if let Expr::Column(column) = expr {
            list.push(target(catalog, column));
        }
    });
    assert_eq!(list, ["customers.id: clients.key at 0", "customer: orders.customer at 1"]);
}

#[test]
fn a_search_path_of_its_own_is_looked_along() {
    let bench = Bench::new(TABLES);
    let catalog = &bench.catalog;
    let view = Bench::new(&format!("{TABLES} create view v as select * from orders;"));
    let view = view.catalog.view(&QName::new("public", "v")).expect("v is made").query.clone();
    let names = |path: Option<Vec<Ident>>| {
        let mut query = view.clone().expect("v has a query");
        let output = Binder::new(catalog).with_search_path(path).query(&mut query);
        output.map(|columns| columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(names(None).expect("all is known"), ["id", "customer", "note"]);
    assert_eq!(names(Some(vec!["shop".into(), "public".into()])).expect("all is known"), ["id", "total"]);
    assert_eq!(names(Some(Vec::new())), None);
}

#[test]
fn variables_stand_behind_columns() {
    let bench = Bench::new(TABLES);
    let catalog = &bench.catalog;
    let oid = catalog.table(&QName::new("public", "orders")).expect("orders is made").oid;
    let bound = |name: &str| {
        let column = ColumnRef {
            path: vec![name.into()],
            star: false,
            span: crate::source::Span::new(crate::source::FileId(0), 0, 0),
            target: Target::Unknown,
        };
        let mut expr = Expr::Column(column);
        let variables = ["note".into(), "wanted".into()];
        Binder::for_relation(catalog, oid).with_variables(variables).expr(&mut expr);
        match expr {
            Expr::Column(column) => target(catalog, &column),
            _ => String::new(),
        }
    };
    assert_eq!(bound("note"), "note: orders.note at 0");
    assert_eq!(bound("wanted"), "wanted: variable");
    assert_eq!(bound("missing"), "missing: unknown");
}
#[test]
fn a_call_needs_one_function_that_takes_it() {
    let functions = "create function f(a int) returns int language sql as 'select 1';
         create function f(a text, b int default 1) returns int language sql as 'select 1';
         create function g() returns int language sql as 'select 1';
         create function g(a int default 1) returns int language sql as 'select 1';
         create function any_of(variadic a int[]) returns int language sql as 'select 1';
         create table t (a int);";
    let refused = |call: &str| {
        let bench = Bench::new(&format!("{functions} create view v as select {call} from t;"));
        bench.catalog.failures.iter().map(|failure| failure.misfit.sql_state()).collect::<Vec<_>>()
    };
    for call in ["f()", "f(1, 2, 3)", "f(a => 1, c => 2)", "public.g(1, 2)"] {
        assert_eq!(refused(call), [SqlState::UNDEFINED_FUNCTION], "{call}");
    }
    assert_eq!(refused("g()"), [SqlState::AMBIGUOUS_FUNCTION]);
    for call in ["f(1)", "f('x')", "f('x', 2)", "f(b => 1, a => 'x')", "g(1)", "any_of()", "any_of(1, 2)"] {
        assert_eq!(refused(call), [], "{call}");
    }
}
