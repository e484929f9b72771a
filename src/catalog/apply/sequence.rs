//! CREATE and ALTER SEQUENCE.

use crate::catalog::apply::table::new_name;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{History, Origin};
use crate::catalog::role::Sequence;
use crate::catalog::types::DataType;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{AlterSequence, CreateSequence, ObjectKind, OwnedBy, SequenceOptions};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateSequence, origin: Origin) -> Applied {
    catalog.expect_schema(&statement.name, statement.persistence);
    let name = new_name(catalog, &statement.name, statement.persistence);
    if !catalog.is_relation_name_free(&name) {
        return if statement.if_not_exists {
            Ok(())
        } else {
            Err(Misfit::exists(ObjectKind::Sequence, name))
        };
    }
    let options = &statement.options;
    let data_type = options.data_type.as_ref().map(|written| catalog.resolve_data_type(written));
    let data_type = data_type.unwrap_or_else(|| DataType::builtin("int8"));
    let owned_by = owner_column(catalog, options)?.flatten();
    let owner = catalog.session.role.clone();
    let sequence = Sequence {
        oid: catalog.next_oid(),
        history: History::new(origin),
        persistence: statement.persistence,
        start: start(options),
        increment: options.increment.unwrap_or(1),
        data_type,
        owned_by,
        identity: false,
        acl: catalog.initial_acl(ObjectKind::Sequence, &owner, &name.schema),
        owner,
        comment: None,
        extension: None,
        name,
    };
    catalog.insert_sequence(sequence);
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, statement: &AlterSequence, origin: Origin) -> Applied {
    let Some((_, Relation::Sequence(oid))) = catalog.resolve_relation(&statement.name) else {
        return if statement.if_exists {
            Ok(())
        } else {
            Err(Misfit::missing(ObjectKind::Sequence, &statement.name))
        };
    };
    let options = &statement.options;
    let data_type = options.data_type.as_ref().map(|written| catalog.resolve_data_type(written));
    let owned_by = owner_column(catalog, options)?;
    let Some(sequence) = catalog.sequences.get_mut(&oid) else { return Ok(()) };
    if sequence.identity && options.owned_by.is_some() {
        return Err(Misfit::refused(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot change ownership of identity sequence {}", sequence.name),
        ));
    }
    if let Some(data_type) = data_type {
        sequence.data_type = data_type;
    }
    if let Some(owned_by) = owned_by {
        sequence.owned_by = owned_by;
    }
    set_counting(sequence, options, origin);
    Ok(())
}

/// How a sequence counts from now on. What is not said stays as it is, the start included.
pub(super) fn set_counting(sequence: &mut Sequence, options: &SequenceOptions, origin: Origin) {
    sequence.start = options.start.unwrap_or(sequence.start);
    sequence.increment = options.increment.unwrap_or(sequence.increment);
    sequence.history.touch(origin);
}

/// The first value: as said, else the least of an ascending sequence and the greatest of a
/// descending one.
pub(super) fn start(options: &SequenceOptions) -> i64 {
    let descending = options.increment.is_some_and(|increment| increment < 0);
    options.start.unwrap_or(if descending {
        options.maximum.unwrap_or(-1)
    } else {
        options.minimum.unwrap_or(1)
    })
}

/// What OWNED BY says: nothing, NONE or a column.
fn owner_column(catalog: &Catalog, options: &SequenceOptions) -> Result<Option<Option<(Oid, i16)>>, Misfit> {
    match &options.owned_by {
        None => Ok(None),
        Some(OwnedBy::None) => Ok(Some(None)),
        Some(OwnedBy::Column { table, column }) => {
            table_column(catalog, table, column).map(|at| Some(Some(at)))
        }
    }
}

fn table_column(catalog: &Catalog, table: &ObjectName, column: &Ident) -> Result<(Oid, i16), Misfit> {
    let Some((_, Relation::Table(oid))) = catalog.resolve_relation(table) else {
        return Err(Misfit::missing(ObjectKind::Table, table));
    };
    let found = catalog.tables.get(&oid).and_then(|table| table.column(column));
    found
        .map(|column| (oid, column.attnum))
        .ok_or_else(|| Misfit::missing_part(ObjectKind::Column, column, table))
}

#[cfg(test)]
mod tests {
    use crate::catalog::Relation;
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn descending_sequences_start_at_their_greatest() {
        let bench = Bench::new(
            "create table t (id int);
             create sequence a;
             create sequence b as smallint increment -1;
             create sequence c minvalue 5;
             create sequence d increment by -2 maxvalue 40 owned by t.id;
             alter sequence c increment 7 owned by none;
             alter sequence if exists missing restart;",
        );
        assert_eq!(bench.catalog.gaps, []);
        let sequence = |name: &str| {
            let Some(Relation::Sequence(oid)) = bench.catalog.relation(&QName::new("public", name)) else {
                panic!("no sequence {name}")
            };
            let sequence = &bench.catalog.sequences[&oid];
            (sequence.start, sequence.increment, sequence.owned_by.is_some())
        };
        assert_eq!(sequence("a"), (1, 1, false));
        assert_eq!(sequence("b"), (-1, -1, false));
        assert_eq!(sequence("c"), (5, 7, false));
        assert_eq!(sequence("d"), (40, -2, true));
    }
}
