//! COMMENT ON.

use crate::catalog::apply::trigger::triggers_mut;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{ObjectKind, ObjectRef};

/// Sets a comment, or takes it away. An empty text is no comment.
pub(super) fn apply(catalog: &mut Catalog, object: &ObjectRef, text: Option<&str>) -> Applied {
    let missing = || Err(missing(object));
    let slot = match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => of_relation(catalog, object),
        ObjectKind::Type | ObjectKind::Domain => {
            let oid = catalog.resolve_type(&object.name);
            // The type of a table's rows, of which nothing else is known.
            let relation = catalog.resolve_relation(&object.name).map(|(_, relation)| relation);
            if oid.is_none() && matches!(relation, Some(Relation::Table(_) | Relation::View(_))) {
                return Ok(());
            }
            oid.and_then(|oid| catalog.types.get_mut(&oid)).map(|user_type| &mut user_type.comment)
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            let oid = catalog.resolve_routine(object)?;
            catalog.functions.get_mut(&oid).map(|function| &mut function.comment)
        }
        ObjectKind::Schema => {
            catalog.namespaces.get_mut(&object.name.name).map(|namespace| &mut namespace.comment)
        }
        ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Column | ObjectKind::Constraint => {
            of_part(catalog, object)
        }
        _ => return Ok(()),
    };
    match slot {
        Some(comment) => *comment = text.filter(|text| !text.is_empty()).map(str::to_owned),
        None => return missing(),
    }
    Ok(())
}

/// The misfit of an object that is not there, with its part.
pub(super) fn missing(object: &ObjectRef) -> Misfit {
    match &object.part {
        Some(part) => Misfit::missing_part(object.kind, &part.value, &object.name).at(part.span),
        None => Misfit::missing(object.kind, &object.name),
    }
}

fn of_relation<'c>(catalog: &'c mut Catalog, object: &ObjectRef) -> Option<&'c mut Option<String>> {
    let (name, relation) = catalog.resolve_relation(&object.name)?;
    match relation {
        Relation::Table(oid) => catalog.tables.get_mut(&oid).map(|table| &mut table.comment),
        Relation::View(oid) => catalog.views.get_mut(&oid).map(|view| &mut view.comment),
        Relation::Sequence(oid) => catalog.sequences.get_mut(&oid).map(|sequence| &mut sequence.comment),
        Relation::Composite(oid) => catalog.types.get_mut(&oid).map(|user_type| &mut user_type.comment),
        Relation::Index { on } => match catalog.tables.get_mut(&on) {
            Some(table) => table.indexes.get_mut(&name.name).map(|index| &mut index.comment),
            None => {
                let view = catalog.views.get_mut(&on)?;
                view.indexes.get_mut(&name.name).map(|index| &mut index.comment)
            }
        },
    }
}

fn of_part<'c>(catalog: &'c mut Catalog, object: &ObjectRef) -> Option<&'c mut Option<String>> {
    let part = &object.part.as_ref()?.value;
    let oid = match catalog.resolve_relation(&object.name)?.1 {
        Relation::Table(oid) | Relation::View(oid) => oid,
        _ => return None,
    };
    match object.kind {
        ObjectKind::Column => column_comment(catalog, oid, part),
        ObjectKind::Trigger => triggers_mut(catalog, oid)?.get_mut(part).map(|trigger| &mut trigger.comment),
        ObjectKind::Policy => {
            catalog.tables.get_mut(&oid)?.policies.get_mut(part).map(|policy| &mut policy.comment)
        }
        _ => {
            let constraints = &mut catalog.tables.get_mut(&oid)?.constraints;
            constraints.get_mut(part).map(|constraint| &mut constraint.comment)
        }
    }
}

fn column_comment<'c>(catalog: &'c mut Catalog, oid: Oid, name: &Ident) -> Option<&'c mut Option<String>> {
    let columns = match catalog.tables.get_mut(&oid) {
        Some(table) => &mut table.columns,
        None => &mut catalog.views.get_mut(&oid)?.columns,
    };
    columns.iter_mut().find(|column| column.name == *name).map(|column| &mut column.comment)
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn comments_reach_every_kind() {
        let bench = Bench::new(
            "create table t (id int primary key);
             create policy p on t using (true);
             create view v as select id from t;
             create function f(a int) returns int language sql as 'select 1';
             comment on table t is 'table';
             comment on column t.id is 'column';
             comment on column v.id is 'view column';
             comment on policy p on t is 'policy';
             comment on constraint t_pkey on t is 'constraint';
             comment on index t_pkey is 'index';
             comment on function f(int) is 'function';
             comment on schema public is 'schema';
             comment on table t is null;
             comment on table missing is 'x';",
        );
        assert_eq!(bench.reasons().len(), 1);
        let table = bench.catalog.table(&QName::new("public", "t")).unwrap();
        assert_eq!(table.comment, None);
        assert_eq!(table.columns[0].comment.as_deref(), Some("column"));
        assert_eq!(table.policies["p"].comment.as_deref(), Some("policy"));
        assert_eq!(table.constraints["t_pkey"].comment.as_deref(), Some("constraint"));
        assert_eq!(table.indexes["t_pkey"].comment.as_deref(), Some("index"));
        let view = bench.catalog.view(&QName::new("public", "v")).unwrap();
        assert_eq!(view.columns[0].comment.as_deref(), Some("view column"));
        assert_eq!(bench.catalog.namespaces["public"].comment.as_deref(), Some("schema"));
    }
}
