//! Views, materialised views, and tables made from queries.

use crate::map::IndexMap;
use rustc_hash::FxHashSet;

use crate::catalog::apply::table::new_name;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::bind::{Binder, Output, OutputColumn};
use crate::catalog::depend::References;
use crate::catalog::gap::Aspect;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::{Column, Table};
use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::Query;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{CreateTableAs, CreateView, ObjectKind, Persistence};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateView, origin: Origin) -> Applied {
    let persistence = if statement.temporary { Persistence::Temporary } else { Persistence::Permanent };
    catalog.expect_schema(&statement.name, persistence);
    let name = new_name(catalog, &statement.name, persistence);
    let mut options = statement.options.clone();
    options.extend(statement.check_option.map(|check| format!("check_option={check}")));
    let (query, output) = bind(catalog, &statement.query);
    let columns = columns(output.as_ref(), &statement.columns, origin);
    let mut columns_known = output.is_some();
    expect_columns(catalog, &statement.name, &query, (&columns, &statement.columns), columns_known);
    if let Some(found) = catalog.relation(&name).filter(|_| statement.or_replace)
        && let Some(misfit) = why_not_replace(catalog, found, &name, &query, output.is_some(), &columns)
    {
        let is_view = matches!(found, Relation::View(oid) if catalog.views.get(&oid).is_some_and(|view| !view.materialized));
        match is_view {
            // The rest of the history is written for the new columns, or still for the old ones.
            true => {
                catalog.unfit.push(misfit.at(statement.name.span));
                columns_known = false;
                if let Relation::View(oid) = found
                    && let Some(view) = catalog.views.get_mut(&oid)
                {
                    view.columns.clear();
                }
            }
            false => return Err(misfit.at(statement.name.span)),
        }
    }
    if let Some(Relation::View(oid)) = catalog.relation(&name).filter(|_| statement.or_replace) {
        let Some(view) = catalog.views.get_mut(&oid) else { return Ok(()) };
        // Columns keep their numbers; new ones come at the end. Options are those of the new
        // statement alone.
        let kept = view.columns.len().min(columns.len());
        view.columns.extend(columns.into_iter().skip(kept));
        view.columns_known = columns_known;
        view.query = Some(query);
        let was_invoker = view.history.last().span().filter(|_| view.security_invoker());
        view.was_invoker = was_invoker.or(view.was_invoker);
        view.options = options;
        view.name_span = Some(statement.name.span);
        view.history.touch(origin);
        number(&mut view.columns, &mut view.last_attnum);
        return Ok(());
    }
    if !catalog.is_name_free(&name) {
        return Err(Misfit::exists(ObjectKind::View, name));
    }
    let view = View {
        columns,
        columns_known: output.is_some(),
        query: Some(query),
        options,
        ..empty(catalog, name, statement.name.span, origin)
    };
    insert(catalog, view);
    Ok(())
}

/// What forbids that a view takes the place of what has its name (`checkViewColumns` in the server's
/// `view.c`). Types are best guesses, and not compared.
fn why_not_replace(
    catalog: &Catalog,
    found: Relation,
    name: &QName,
    query: &Query,
    is_known: bool,
    columns: &[Column],
) -> Option<Misfit> {
    let refused = |state, why: String| Some(Misfit::refused(state, why).about(name));
    let view = match found {
        Relation::View(oid) => catalog.views.get(&oid)?,
        _ => return refused(SqlState::WRONG_OBJECT_TYPE, format!("{name} is not a view")),
    };
    if view.materialized {
        let misfit = refused(SqlState::WRONG_OBJECT_TYPE, format!("{name} is a materialized view"));
        return misfit
            .map(|it| it.helped_by("drop it first: `create or replace` replaces plain views alone"));
    }
    let reads_doubtful = |query: &Query| reads_doubtful(catalog, query);
    let old_query = view.query.as_ref().filter(|_| view.extension.is_none())?;
    if !is_known || !view.columns_known || reads_doubtful(query) || reads_doubtful(old_query) {
        return None;
    }
    let state = SqlState::INVALID_TABLE_DEFINITION;
    let renamed = view.columns.iter().zip(columns).find(|(old, new)| old.name != new.name);
    let misfit = match renamed {
        Some((old, new)) => {
            let (old, new) = (old.name.quoted(), new.name.quoted());
            refused(state, format!("cannot replace view {name}: its column {old} would become {new}"))
        }
        None => {
            let gone = view.columns.get(columns.len())?.name.quoted();
            refused(state, format!("cannot replace view {name}: its column {gone} is not in the new query"))
        }
    };
    misfit.map(|it| {
        it.helped_by("drop the view first, or keep its columns as they are and add new ones behind them")
            .beside(view.history.last().span())
    })
}

/// Whether a query reads what statements that were not followed may have changed.
fn reads_doubtful(catalog: &Catalog, query: &Query) -> bool {
    let references = References::of_query(catalog, query);
    let relations = references.relations.iter().filter_map(|oid| catalog.relation_name(*oid));
    let functions = references.functions.iter().filter_map(|oid| catalog.functions.get(oid));
    let functions = functions.map(|function| function.name.name.clone());
    relations.map(|(name, _)| name).chain(functions).any(|name| catalog.is_in_doubt(&name))
}

/// Notes columns of a query that cannot be those of what is made of it, under the names that are given.
fn expect_columns(
    catalog: &mut Catalog,
    name: &ObjectName,
    query: &Query,
    (columns, given): (&[Column], &[Ident]),
    is_known: bool,
) {
    if !is_known || reads_doubtful(catalog, query) {
        return;
    }
    let mut seen = FxHashSet::default();
    let misfit = if given.len() > columns.len() {
        let why = format!("{name} gives names to more columns than its query has");
        Misfit::refused(SqlState::SYNTAX_ERROR, why)
    } else if let Some(twice) = columns.iter().find(|column| !seen.insert(&column.name)) {
        let why = format!("{name} would have two columns of the name {}", twice.name.quoted());
        Misfit::refused(SqlState::DUPLICATE_COLUMN, why)
            .helped_by("give one of them another name: select a.id, b.id as b_id")
    } else {
        return;
    };
    catalog.unfit.push(misfit.about(name).at(name.span));
}

pub(super) fn create_table_as(catalog: &mut Catalog, statement: &CreateTableAs, origin: Origin) -> Applied {
    catalog.expect_schema(&statement.name, statement.persistence);
    let name = new_name(catalog, &statement.name, statement.persistence);
    let kind = if statement.materialized { ObjectKind::MaterializedView } else { ObjectKind::Table };
    if !catalog.is_name_free(&name) {
        let there = catalog.relation(&name).is_some();
        return if statement.if_not_exists && there { Ok(()) } else { Err(Misfit::exists(kind, name)) };
    }
    let bound = statement.query.as_ref().map(|query| bind(catalog, query));
    let output = bound.as_ref().and_then(|(_, output)| output.as_ref());
    let columns = columns(output, &statement.columns, origin);
    if let Some((query, output)) = &bound {
        expect_columns(catalog, &statement.name, query, (&columns, &statement.columns), output.is_some());
    }
    if statement.materialized {
        let known = output.is_some();
        let query = bound.map(|(query, _)| query);
        let view = View {
            materialized: true,
            columns,
            columns_known: known,
            query,
            options: statement.options.clone(),
            populated: statement.with_data,
            ..empty(catalog, name, statement.name.span, origin)
        };
        insert(catalog, view);
        return Ok(());
    }
    if output.is_none() {
        let reason = format!("the columns of {name} come from a query that cannot be followed");
        catalog.record_unknown(statement.name.span, reason, Aspect::Shape, Some(name.clone()));
    }
    let oid = catalog.next_oid();
    let mut table = Table::empty(oid, name, catalog.session.role.clone(), origin);
    table.name_span = Some(statement.name.span);
    table.persistence = statement.persistence;
    table.options = statement.options.clone();
    table.acl = catalog.initial_acl(ObjectKind::Table, &table.owner.value, &table.name.schema);
    for column in columns {
        table.push_column(column);
    }
    catalog.insert_table(table);
    catalog.after_table_created(oid, origin);
    Ok(())
}

pub(super) fn refresh(catalog: &mut Catalog, name: &ObjectName, with_data: bool) -> Applied {
    let Some((_, Relation::View(oid))) = catalog.resolve_relation(name) else {
        return Err(Misfit::missing(ObjectKind::MaterializedView, name));
    };
    if let Some(view) = catalog.views.get_mut(&oid) {
        view.populated = with_data;
    }
    Ok(())
}

fn empty(catalog: &mut Catalog, name: QName, span: Span, origin: Origin) -> View {
    let owner = catalog.session.role.clone();
    let acl = catalog.initial_acl(ObjectKind::Table, &owner, &name.schema);
    View {
        oid: catalog.next_oid(),
        name,
        materialized: false,
        history: History::new(origin),
        name_span: Some(span),
        owner,
        columns: Vec::new(),
        columns_known: true,
        last_attnum: 0,
        query: None,
        options: Vec::new(),
        was_invoker: None,
        populated: true,
        indexes: IndexMap::default(),
        triggers: IndexMap::default(),
        rules: Vec::new(),
        acl,
        comment: None,
        extension: None,
    }
}

fn insert(catalog: &mut Catalog, mut view: View) {
    number(&mut view.columns, &mut view.last_attnum);
    catalog.insert_view(view);
}

/// A query returns at most 1,664 columns (manual, appendix K); those beyond need no number of their own.
fn number(columns: &mut [Column], last: &mut i16) {
    for column in columns.iter_mut().filter(|column| column.attnum == 0) {
        *last = last.saturating_add(1);
        column.attnum = *last;
    }
}

fn bind(catalog: &mut Catalog, query: &Query) -> (Query, Output) {
    let mut bound = query.clone();
    let mut binder = Binder::new(catalog);
    let output = binder.query(&mut bound);
    let unfit = binder.into_unfit();
    catalog.unfit.extend(unfit);
    (bound, output)
}

/// The columns of a query's result under the names that the statement gives.
fn columns(output: Option<&Vec<OutputColumn>>, names: &[Ident], origin: Origin) -> Vec<Column> {
    let unknown = || DataType { base: TypeRef::Unknown(String::new()), modifiers: Vec::new(), array: false };
    let Some(output) = output else {
        return names.iter().map(|name| Column::new(name.clone(), unknown(), origin)).collect();
    };
    output
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let name = names.get(at).unwrap_or(&column.name).clone();
            Column::new(name, column.data_type.clone().unwrap_or_else(unknown), origin)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::{Bench, check_noted, check_refused, check_shapes};

    #[test]
    fn columns_are_named_by_the_query_or_the_list() {
        let tables = "create table t (id int, name varchar(9)); create table u (id bigint);";
        check_shapes(&[
            (
                &format!(
                    "{tables} create view v as select t.*, count(*), u.id as other from t, u group by 1, 2, 4;"
                ),
                "v",
                &["1 id integer", "2 name character varying(9)", "3 count bigint", "4 other bigint"],
            ),
            (
                &format!("{tables} create view v (a, b) as select id, name from t;"),
                "v",
                &["1 a integer", "2 b character varying(9)"],
            ),
            (
                &format!("{tables} create view v as select id from t; alter table t rename id to key;"),
                "v",
                &["1 id integer"],
            ),
            (
                &format!(
                    "{tables} create view v as select id from t;
                          create or replace view v as select id, name from t;"
                ),
                "v",
                &["1 id integer", "2 name character varying(9)"],
            ),
            (
                &format!("{tables} create table c as select id, name from t;"),
                "c",
                &["1 id integer", "2 name character varying(9)"],
            ),
        ]);
    }

    #[test]
    fn a_new_definition_forgets_the_options() {
        let bench = Bench::new(
            "create view v with (security_invoker = true) as select 1 as a;
             create or replace view v as select 1 as a;",
        );
        assert!(!bench.catalog.view(&QName::new("public", "v")).expect("v is made").security_invoker());
    }

    #[test]
    fn materialised_views_hold_indexes_and_may_be_empty() {
        let bench = Bench::new("create materialized view v as select 1 as a with no data;");
        let populated =
            |bench: &Bench| bench.catalog.view(&QName::new("public", "v")).map(|view| view.populated);
        assert_eq!(populated(&bench), Some(false));
        let bench = Bench::new(
            "create materialized view v as select 1 as a with no data; refresh materialized view v;",
        );
        assert_eq!(populated(&bench), Some(true));
    }

    #[test]
    fn a_name_is_taken_once() {
        check_refused(
            "create table t (a int); create view v as select a from t;",
            &[
                ("create view t as select 1 as a;", "view public.t exists already"),
                ("create view v as select 1 as a;", "view public.v exists already"),
                ("drop table t;", "cannot drop table public.t because view public.v depends on it"),
            ],
        );
    }

    #[test]
    fn a_view_keeps_its_columns() {
        check_noted(
            "create table t (a int, b int, c int); create view v as select a, b from t;
             create materialized view m as select a from t;",
            &[
                ("create or replace view v as select a, b, c from t;", None),
                ("create or replace view v as select * from t;", None),
                (
                    "create or replace view v as select a, c from t;",
                    Some("cannot replace view public.v: its column b would become c"),
                ),
                (
                    "create or replace view v as select a from t;",
                    Some("cannot replace view public.v: its column b is not in the new query"),
                ),
                ("create or replace view v (a, b) as select b, c from t;", None),
                ("alter view v rename b to c; create or replace view v as select a, c from t;", None),
                ("create or replace view t as select 1 as a;", Some("public.t is not a view")),
                ("create or replace view m as select 1 as a;", Some("public.m is a materialized view")),
                ("drop view v; create or replace view v as select a, c from t;", None),
            ],
        );
    }
}
