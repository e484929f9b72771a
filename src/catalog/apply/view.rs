//! Views, materialised views, and tables made from queries.

use indexmap::IndexMap;

use crate::catalog::apply::table::new_name;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::bind::{Binder, Output, OutputColumn};
use crate::catalog::gap::Aspect;
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
    let name = new_name(catalog, &statement.name, persistence);
    let mut options = statement.options.clone();
    options.extend(statement.check_option.map(|check| format!("check_option={check}")));
    let (query, output) = bind(catalog, &statement.query);
    let columns = columns(output.as_ref(), &statement.columns, origin);
    if let Some(Relation::View(oid)) = catalog.relation(&name).filter(|_| statement.or_replace) {
        let Some(view) = catalog.views.get_mut(&oid) else { return Ok(()) };
        // Columns keep their numbers; new ones come at the end. Options are those of the new
        // statement alone.
        let kept = view.columns.len().min(columns.len());
        view.columns.extend(columns.into_iter().skip(kept));
        view.columns_known = output.is_some();
        view.query = Some(query);
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

pub(super) fn create_table_as(catalog: &mut Catalog, statement: &CreateTableAs, origin: Origin) -> Applied {
    let name = new_name(catalog, &statement.name, statement.persistence);
    let kind = if statement.materialized { ObjectKind::MaterializedView } else { ObjectKind::Table };
    if !catalog.is_name_free(&name) {
        let there = catalog.relation(&name).is_some();
        return if statement.if_not_exists && there { Ok(()) } else { Err(Misfit::exists(kind, name)) };
    }
    let bound = statement.query.as_ref().map(|query| bind(catalog, query));
    let output = bound.as_ref().and_then(|(_, output)| output.as_ref());
    let columns = columns(output, &statement.columns, origin);
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
        populated: true,
        indexes: IndexMap::new(),
        triggers: IndexMap::new(),
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

fn number(columns: &mut [Column], last: &mut i16) {
    for column in columns.iter_mut().filter(|column| column.attnum == 0) {
        *last += 1;
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
    use crate::testing::{Bench, check_refused, check_shapes};

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
}
