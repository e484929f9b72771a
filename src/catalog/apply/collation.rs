//! Collations of the project. Columns and index keys know theirs by name.

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::name::QName;
use crate::sql::name::ObjectName;
use crate::sql::statement::{ObjectKind, ObjectRef};

pub(super) fn create(catalog: &mut Catalog, name: &ObjectName, if_not_exists: bool) -> Applied {
    let name = catalog.creation_name(name);
    catalog.require_namespace(&name.schema)?;
    if catalog.collations.contains(&name) {
        return if if_not_exists { Ok(()) } else { Err(Misfit::exists(ObjectKind::Collation, name)) };
    }
    catalog.collations.insert(name);
    Ok(())
}

/// RENAME and SET SCHEMA: the name that a change of the old one gives.
pub(super) fn rename(
    catalog: &mut Catalog,
    object: &ObjectRef,
    new_name: impl Fn(&QName) -> QName,
) -> Applied {
    let Some(old) = catalog.resolve_collation(&object.name) else {
        return Err(Misfit::missing(ObjectKind::Collation, &object.name));
    };
    let new = new_name(&old);
    if catalog.collations.contains(&new) {
        return Err(Misfit::exists(ObjectKind::Collation, new));
    }
    catalog.rename_collation(&old, new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    #[test]
    fn columns_follow_their_collation() {
        let bench = Bench::new(
            "create schema s; create collation nocase (provider = icu, locale = 'und', deterministic = false);
             create table t (a text collate nocase, b text collate \"C\"); create index i on t (b collate nocase);
             alter collation nocase set schema s; alter collation s.nocase rename to loose;",
        );
        assert_eq!(bench.reasons(), [""; 0]);
        let table = bench.catalog.table(&QName::new("public", "t")).expect("it is made");
        let collations: Vec<_> = table.columns.iter().map(|column| column.collation.as_deref()).collect();
        assert_eq!(collations, [Some("s.loose"), Some("\"C\"")]);
        assert_eq!(table.indexes["i"].keys[0].collation.as_deref(), Some("s.loose"));
    }

    #[test]
    fn what_is_sorted_by_a_collation_needs_it() {
        let text = "create collation loose (locale = 'C'); create table t (a text collate loose, b text);
             create index i on t (b collate loose);";
        let bench = Bench::new(&format!("{text} drop collation loose;"));
        assert_eq!(
            bench.reasons()[0],
            "cannot drop collation public.loose because column public.t.a depends on it"
        );
        let bench = Bench::new(&format!("{text} drop collation loose cascade;"));
        let table = bench.catalog.table(&QName::new("public", "t")).expect("it stays");
        assert_eq!((table.columns.len(), table.indexes.len()), (1, 0));
    }
}
