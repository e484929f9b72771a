//! CREATE and ALTER PUBLICATION.

use crate::map::{IndexMap, IndexSet};

use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{History, Origin};
use crate::catalog::role::{Publication, PublishedTable};
use crate::catalog::table::TableKind;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{self, ObjectKind, PublicationAction};

pub(super) fn create(catalog: &mut Catalog, statement: &statement::Publication, origin: Origin) -> Applied {
    if catalog.publications.contains_key(&statement.name) {
        return Err(Misfit::exists(ObjectKind::Publication, &statement.name));
    }
    let members = members(catalog, statement, origin)?;
    let publication = Publication {
        name: statement.name.clone(),
        history: History::new(origin),
        owner: catalog.session.role.clone(),
        all_tables: statement.all_tables,
        tables: members.into_iter().map(|(oid, member)| (oid, member.table)).collect(),
        schemas: schemas(catalog, statement)?,
        via_root: statement.via_root.unwrap_or(false),
    };
    catalog.publications.insert(statement.name.clone(), publication);
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, statement: &statement::Publication, origin: Origin) -> Applied {
    let members = members(catalog, statement, origin);
    let schemas = schemas(catalog, statement);
    let tables = &catalog.tables;
    let Some(publication) = catalog.publications.get_mut(&statement.name) else {
        return Err(Misfit::missing(ObjectKind::Publication, &statement.name));
    };
    let (members, schemas) = (members?, schemas?);
    let refused = |why: &str| {
        Err(Misfit::refused(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("{why} publication {}", statement.name),
        ))
    };
    let said = !members.is_empty() || !schemas.is_empty();
    if publication.all_tables && said {
        return refused("tables cannot be added to or dropped from a FOR ALL TABLES");
    }
    let find = |is_there: bool, publication: &Publication| {
        let mut named = members.iter().filter(|(oid, _)| publication.tables.contains_key(*oid) == is_there);
        named.next().map(|(oid, member)| {
            let table =
                tables.get(oid).map_or_else(|| member.name.to_string(), |table| table.name.to_string());
            format!("{table} of publication {}", statement.name)
        })
    };
    match statement.action {
        PublicationAction::Add => {
            if let Some(member) = find(true, publication) {
                return Err(Misfit::exists(MEMBER, member));
            }
            publication.tables.extend(members.into_iter().map(|(oid, member)| (oid, member.table)));
            publication.schemas.extend(schemas);
        }
        PublicationAction::Drop => {
            if let Some(member) = find(false, publication) {
                return Err(Misfit::missing(MEMBER, member));
            }
            publication.tables.retain(|oid, _| !members.contains_key(oid));
            publication.schemas.retain(|schema| !schemas.contains(schema));
        }
        PublicationAction::Set if said => {
            publication.tables = members.into_iter().map(|(oid, member)| (oid, member.table)).collect();
            publication.schemas = schemas;
        }
        PublicationAction::Set | PublicationAction::Options => {}
    }
    publication.via_root = statement.via_root.unwrap_or(publication.via_root);
    publication.history.touch(origin);
    Ok(())
}

const MEMBER: ObjectKind = ObjectKind::Unmodelled("member");

/// A table that a statement means.
struct Member<'s> {
    /// As the statement calls it, or what it inherits from.
    name: &'s ObjectName,
    table: PublishedTable,
}

/// The tables of a statement, and without ONLY those that inherit from them. Partitions are
/// published with their whole.
fn members<'s>(
    catalog: &Catalog,
    statement: &'s statement::Publication,
    origin: Origin,
) -> Result<IndexMap<Oid, Member<'s>>, Misfit> {
    let mut members = IndexMap::default();
    for table in &statement.tables {
        let Some((_, Relation::Table(oid))) = catalog.resolve_relation(&table.name) else {
            return Err(Misfit::missing(ObjectKind::Table, &table.name));
        };
        let mut pending = vec![oid];
        while let Some(oid) = pending.pop() {
            let published = PublishedTable { has_filter: table.has_filter, origin };
            let member = Member { name: &table.name, table: published };
            if members.insert(oid, member).is_none() && !table.only {
                let children = catalog.tables.get(&oid).filter(|table| table.kind != TableKind::Partitioned);
                pending.extend(children.into_iter().flat_map(|table| table.children.iter().rev()));
            }
        }
    }
    Ok(members)
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
        assert_eq!(reasons, ["member public.a of publication supabase_realtime exists already"]);
        assert!(bench.catalog.publications["supabase_realtime"].tables.is_empty());
        let mine = &bench.catalog.publications["mine"];
        assert!(mine.tables.values().all(|table| table.has_filter) && mine.tables.len() == 1);
    }
}
