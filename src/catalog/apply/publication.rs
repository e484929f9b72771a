//! CREATE and ALTER PUBLICATION.

use indexmap::{IndexMap, IndexSet};

use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{History, Origin};
use crate::catalog::role::{Publication, PublishedTable};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{self, ObjectKind, PublicationAction};

pub(super) fn create(catalog: &mut Catalog, statement: &statement::Publication, origin: Origin) -> Applied {
    if catalog.publications.contains_key(&statement.name) {
        return Err(Misfit::exists(ObjectKind::Publication, &statement.name));
    }
    let publication = Publication {
        name: statement.name.clone(),
        history: History::new(origin),
        owner: catalog.session.role.clone(),
        all_tables: statement.all_tables,
        tables: tables(catalog, statement, origin)?,
        schemas: schemas(catalog, statement)?,
    };
    catalog.publications.insert(statement.name.clone(), publication);
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, statement: &statement::Publication, origin: Origin) -> Applied {
    let tables = tables(catalog, statement, origin);
    let schemas = schemas(catalog, statement);
    let Some(publication) = catalog.publications.get_mut(&statement.name) else {
        return Err(Misfit::missing(ObjectKind::Publication, &statement.name));
    };
    let (tables, schemas) = (tables?, schemas?);
    let refused = |why: &str| {
        Err(Misfit::refused(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("{why} publication {}", statement.name),
        ))
    };
    let said = !tables.is_empty() || !schemas.is_empty();
    if publication.all_tables && said {
        return refused("tables cannot be added to or dropped from a FOR ALL TABLES");
    }
    match statement.action {
        PublicationAction::Add => {
            if let Some(at) = tables.keys().position(|oid| publication.tables.contains_key(oid)) {
                return Err(Misfit::exists(MEMBER, member(statement, at)));
            }
            publication.tables.extend(tables);
            publication.schemas.extend(schemas);
        }
        PublicationAction::Drop => {
            if let Some(at) = tables.keys().position(|oid| !publication.tables.contains_key(oid)) {
                return Err(Misfit::missing(MEMBER, member(statement, at)));
            }
            publication.tables.retain(|oid, _| !tables.contains_key(oid));
            publication.schemas.retain(|schema| !schemas.contains(schema));
        }
        PublicationAction::Set if said => {
            publication.tables = tables;
            publication.schemas = schemas;
        }
        PublicationAction::Set | PublicationAction::Options => {}
    }
    publication.history.touch(origin);
    Ok(())
}

const MEMBER: ObjectKind = ObjectKind::Unmodelled("member");

fn member(statement: &statement::Publication, at: usize) -> String {
    let table = statement.tables.get(at).map(|table| table.name.to_string()).unwrap_or_default();
    format!("{table} of publication {}", statement.name)
}

fn tables(
    catalog: &Catalog,
    statement: &statement::Publication,
    origin: Origin,
) -> Result<IndexMap<Oid, PublishedTable>, Misfit> {
    let published = |table: &statement::PublishedTable| match catalog.resolve_relation(&table.name) {
        Some((_, Relation::Table(oid))) => Ok((oid, PublishedTable { has_filter: table.has_filter, origin })),
        _ => Err(Misfit::missing(ObjectKind::Table, &table.name)),
    };
    statement.tables.iter().map(published).collect()
}

fn schemas(catalog: &Catalog, statement: &statement::Publication) -> Result<IndexSet<Ident>, Misfit> {
    let known = |schema: &Ident| match catalog.namespaces.contains_key(schema) {
        true => Ok(schema.clone()),
        false => Err(Misfit::missing(ObjectKind::Schema, schema)),
    };
    statement.schemas.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn tables_come_and_go() {
        let bench = Bench::new(
            "create table a (id int);
             create table b (id int);
             alter publication supabase_realtime add table a, b;
             alter publication supabase_realtime add table a;
             alter publication supabase_realtime drop table a;
             drop table b;
             create publication mine for table a where (id > 1);",
        );
        let reasons = bench.reasons();
        assert_eq!(reasons, ["member a of publication supabase_realtime exists already"]);
        assert!(bench.catalog.publications["supabase_realtime"].tables.is_empty());
        let mine = &bench.catalog.publications["mine"];
        assert!(mine.tables.values().all(|table| table.has_filter) && mine.tables.len() == 1);
    }
}
