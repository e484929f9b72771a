//! GRANT and REVOKE on objects.

use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::function::FunctionKind;
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::Column;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{Grant, GrantTarget, ObjectKind, ObjectRef, PrivilegeSpec, RoleName};

/// What a statement does to the grants of each object that it names.
struct Change<'a> {
    statement: &'a Grant,
    grantees: Vec<Grantee>,
    origin: Origin,
}

/// An object that can be granted on.
#[derive(Clone)]
enum Target {
    Relation(Relation),
    Function(Oid),
    Type(Oid),
    Namespace(Ident),
}

pub(super) fn apply(catalog: &mut Catalog, statement: &Grant, origin: Origin) -> Applied {
    if let Origin::Statement(place) = origin {
        catalog.granting.insert(place.file);
    }
    catalog.require_roles(&statement.grantees)?;
    let grantees = statement.grantees.iter().map(|role| catalog.grantee(role)).collect();
    let targets = match &statement.target {
        GrantTarget::Objects(objects) => {
            let targets: Result<Vec<_>, _> = objects.iter().map(|object| target(catalog, object)).collect();
            targets?.into_iter().flatten().collect()
        }
        GrantTarget::AllInSchemas { kind, schemas } => {
            schemas.iter().try_for_each(|schema| catalog.require_namespace(schema))?;
            all_in(catalog, *kind, schemas)
        }
    };
    let to_public = statement.is_grant && statement.grantees.contains(&RoleName::Public);
    // Nobody asks where there is nothing to grant on.
    if to_public && statement.grant_option && !targets.is_empty() {
        let why = "grant options can only be granted to roles, and PUBLIC is none";
        catalog.unfit.push(Misfit::refused(SqlState::INVALID_GRANT_OPERATION, why));
    }
    if let GrantTarget::Objects(objects) = &statement.target {
        let misfit = objects.iter().find_map(|object| unfit_privilege(catalog, statement, object));
        catalog.unfit.extend(misfit);
    }
    let change = Change { statement, grantees, origin };
    for target in &targets {
        change.check_columns(catalog, target)?;
    }
    for target in targets {
        change.make(catalog, &target);
    }
    Ok(())
}

/// A privilege that an object of this kind does not have.
fn unfit_privilege(catalog: &Catalog, statement: &Grant, object: &ObjectRef) -> Option<Misfit> {
    let (found, kind) = match (object.kind, catalog.resolve_relation(&object.name)) {
        (ObjectKind::Table, Some((name, Relation::Table(_) | Relation::View(_)))) => {
            (name, ObjectKind::Table)
        }
        (ObjectKind::Sequence, Some((name, Relation::Sequence(_)))) => (name, ObjectKind::Sequence),
        (kind @ (ObjectKind::Function | ObjectKind::Procedure), _) => {
            (catalog.resolve_functions(&object.name)?, kind)
        }
        _ => return None,
    };
    let is_unfit = |spec: &PrivilegeSpec| {
        let kind = if spec.columns.is_empty() { kind } else { ObjectKind::Column };
        spec.privilege.filter(|privilege| !Privileges::all_on(kind).contains(*privilege))
    };
    let privilege = statement.privileges.iter().find_map(is_unfit)?;
    let why = format!("{} is no privilege of a {}: {found}", privilege.keyword(), kind.noun());
    let misfit = Misfit::refused(SqlState::INVALID_GRANT_OPERATION, why).about(&found);
    Some(misfit.at(object.name.span))
}

/// The object, or `None` for one of a kind that the catalog has no grants of.
fn target(catalog: &Catalog, object: &ObjectRef) -> Result<Option<Target>, Misfit> {
    let missing = || Misfit::missing(object.kind, &object.name);
    Ok(Some(match object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence => {
            let (_, relation) = catalog.resolve_relation(&object.name).ok_or_else(missing)?;
            Target::Relation(relation)
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            match catalog.resolve_routine(object) {
                Ok(oid) => Target::Function(oid),
                Err(_) if is_support_function(catalog, object) => return Ok(None),
                Err(misfit) => return Err(misfit),
            }
        }
        ObjectKind::Type | ObjectKind::Domain => match catalog.resolve_type(&object.name) {
            Some(oid) => Target::Type(oid),
            None => return Ok(None),
        },
        ObjectKind::Schema => {
            catalog.require_namespace(&object.name.name)?;
            Target::Namespace(object.name.name.clone())
        }
        _ => return Ok(None),
    }))
}

/// Whether a function that the catalog lacks can be one of those that an extension's types and
/// operators work with: they take what only C code can, or the extension's types. Dumps grant on
/// them where an extension is in an exposed schema.
fn is_support_function(catalog: &Catalog, object: &ObjectRef) -> bool {
    let in_extension =
        object.name.schema.as_ref().is_some_and(|schema| {
            catalog.extensions.values().any(|extension| extension.schema.value == *schema)
        });
    let arguments = object.signature.as_ref().and_then(|signature| signature.arguments.as_ref());
    let is_of_extension = |name: &ObjectName| {
        let known = catalog.resolve_type(name).and_then(|oid| catalog.types.get(&oid));
        matches!(name.name.as_str(), "internal" | "cstring")
            || known.is_some_and(|known| known.extension.is_some())
    };
    in_extension
        && arguments.is_some_and(|list| list.iter().any(|(_, data_type)| is_of_extension(&data_type.name)))
}

/// ON ALL … IN SCHEMA: what there is at this point. TABLES means views and foreign tables, too.
fn all_in(catalog: &Catalog, kind: ObjectKind, schemas: &[Ident]) -> Vec<Target> {
    let here = |schema: &Ident| schemas.contains(schema);
    match kind {
        ObjectKind::Table => {
            let tables = catalog.tables.values().filter(|table| here(&table.name.schema));
            let views = catalog.views.values().filter(|view| here(&view.name.schema));
            let tables = tables.map(|table| Relation::Table(table.oid));
            tables.chain(views.map(|view| Relation::View(view.oid))).map(Target::Relation).collect()
        }
        ObjectKind::Sequence => {
            let sequences = catalog.sequences.values().filter(|sequence| here(&sequence.name.schema));
            sequences.map(|sequence| Target::Relation(Relation::Sequence(sequence.oid))).collect()
        }
        _ => {
            let wanted = |found: FunctionKind| match kind {
                ObjectKind::Function => found != FunctionKind::Procedure,
                ObjectKind::Procedure => found == FunctionKind::Procedure,
                _ => true,
            };
            let functions = catalog.functions.values();
            functions
                .filter(|function| here(&function.name.schema) && wanted(function.kind))
                .map(|function| Target::Function(function.oid))
                .collect()
        }
    }
}

impl Change<'_> {
    /// Refuses the statement where a column that it names is not there.
    fn check_columns(&self, catalog: &Catalog, target: &Target) -> Applied {
        let Target::Relation(relation) = target else { return Ok(()) };
        let (name, columns, known) = match relation {
            Relation::Table(oid) => match catalog.tables.get(oid) {
                Some(table) => (&table.name, &table.columns, true),
                None => return Ok(()),
            },
            Relation::View(oid) => match catalog.views.get(oid) {
                Some(view) => (&view.name, &view.columns, view.columns_known),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        let named = self.statement.privileges.iter().flat_map(|spec| &spec.columns);
        match named.into_iter().find(|named| known && !columns.iter().any(|column| column.name == **named)) {
            Some(column) => Err(Misfit::missing_part(ObjectKind::Column, column, name)),
            None => Ok(()),
        }
    }

    fn make(&self, catalog: &mut Catalog, target: &Target) {
        self.change_acls(catalog, target);
        if let (false, false, Some(span)) =
            (self.statement.is_grant, self.statement.grant_option, self.origin.span())
        {
            self.note_what_is_left(catalog, target, span);
        }
    }

    /// Notes which of the privileges that REVOKE names are still held afterwards.
    fn note_what_is_left(&self, catalog: &mut Catalog, target: &Target, span: Span) {
        let (object, kind) = match target {
            Target::Relation(Relation::Table(oid) | Relation::View(oid)) => (*oid, ObjectKind::Table),
            Target::Function(oid) => (*oid, ObjectKind::Function),
            _ => return,
        };
        let whole = self.whole_privileges(kind);
        for grantee in &self.grantees {
            if !whole.is_empty() {
                catalog.note_revocation(object, None, grantee, whole, span);
            }
            for spec in &self.statement.privileges {
                let privileges = spec_privileges(spec, ObjectKind::Column);
                for name in &spec.columns {
                    if let Some(attnum) = catalog.attnum(object, name) {
                        catalog.note_revocation(object, Some(attnum), grantee, privileges, span);
                    }
                }
            }
        }
    }

    fn change_acls(&self, catalog: &mut Catalog, target: &Target) {
        match target {
            Target::Relation(Relation::Table(oid)) => {
                if let Some(table) = catalog.tables.get_mut(oid) {
                    self.whole(&mut table.acl, &mut table.history, ObjectKind::Table);
                    self.columns(&mut table.columns);
                }
            }
            Target::Relation(Relation::View(oid)) => {
                if let Some(view) = catalog.views.get_mut(oid) {
                    self.whole(&mut view.acl, &mut view.history, ObjectKind::Table);
                    self.columns(&mut view.columns);
                }
            }
            Target::Relation(Relation::Sequence(oid)) => {
                if let Some(sequence) = catalog.sequences.get_mut(oid) {
                    self.whole(&mut sequence.acl, &mut sequence.history, ObjectKind::Sequence);
                }
            }
            Target::Relation(Relation::Index { .. } | Relation::Composite(_)) => {}
            Target::Function(oid) => {
                if let Some(function) = catalog.functions.get_mut(oid) {
                    self.whole(&mut function.acl, &mut function.history, ObjectKind::Function);
                    if !self.statement.is_grant {
                        function.revoked = Some(self.origin);
                    }
                }
            }
            Target::Type(oid) => {
                if let Some(user_type) = catalog.types.get_mut(oid) {
                    self.whole(&mut user_type.acl, &mut user_type.history, ObjectKind::Type);
                }
            }
            Target::Namespace(name) => {
                if let Some(namespace) = catalog.namespaces.get_mut(name) {
                    self.whole(&mut namespace.acl, &mut namespace.history, ObjectKind::Schema);
                }
            }
        }
    }

    /// The part of the statement that is about whole objects.
    fn whole(&self, acl: &mut Acl, history: &mut History, kind: ObjectKind) {
        history.touch(self.origin);
        self.change(acl, self.whole_privileges(kind));
    }

    /// The privileges that the statement names without columns.
    fn whole_privileges(&self, kind: ObjectKind) -> Privileges {
        if self.statement.privileges.is_empty() {
            return Privileges::all_on(kind);
        }
        let specs = self.statement.privileges.iter().filter(|spec| spec.columns.is_empty());
        specs.map(|spec| spec_privileges(spec, kind)).fold(Privileges::NONE, Privileges::union)
    }

    /// The part that names columns, and what REVOKE on the whole table takes from each column.
    fn columns(&self, columns: &mut [Column]) {
        for spec in &self.statement.privileges {
            let privileges = spec_privileges(spec, ObjectKind::Column);
            for column in columns.iter_mut().filter(|column| spec.columns.contains(&column.name)) {
                self.change(&mut column.acl, privileges);
            }
        }
        if self.statement.is_grant {
            return;
        }
        let privileges = self.whole_privileges(ObjectKind::Column);
        for column in columns.iter_mut().filter(|column| !column.acl.entries.is_empty()) {
            self.change(&mut column.acl, privileges);
        }
    }

    /// Whether the statement names each object and each privilege.
    fn names_both(&self) -> bool {
        matches!(self.statement.target, GrantTarget::Objects(_)) && !self.statement.privileges.is_empty()
    }

    fn change(&self, acl: &mut Acl, privileges: Privileges) {
        if privileges.is_empty() {
            return;
        }
        for grantee in &self.grantees {
            if self.statement.is_grant {
                acl.grant(grantee, privileges, self.statement.grant_option, self.origin);
                if self.names_both() {
                    acl.grant_names(grantee, privileges);
                }
            } else {
                acl.revoke(grantee, privileges, self.statement.grant_option);
            }
        }
    }
}

/// The privileges that an item of the list names, as far as the kind of object has them.
fn spec_privileges(spec: &PrivilegeSpec, kind: ObjectKind) -> Privileges {
    let all = Privileges::all_on(kind);
    spec.privilege.map_or(all, |privilege| Privileges::of(&[privilege]).intersection(all))
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::catalog::acl::Grantee;
    use crate::catalog::name::QName;
    use crate::catalog::table::Table;
    use crate::sql::statement::Privilege;
    use crate::testing::Bench;

    fn replay(text: &str) -> Catalog {
        Bench::new(text).catalog
    }

    fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
        catalog.table(&QName::new("public", name)).expect("the test makes it")
    }

    fn has(table: &Table, role: &str, privilege: Privilege) -> bool {
        table.acl.granted(&Grantee::role(role)).contains(privilege)
    }

    #[test]
    fn new_tables_are_open_until_revoked() {
        let catalog = replay("create table t (a int); revoke insert, update on t from anon;");
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
        assert!(!has(table(&catalog, "t"), "anon", Privilege::Insert));
        assert!(has(table(&catalog, "t"), "authenticated", Privilege::Insert));
        let catalog = replay("-- explicit\ncreate table t (a int); grant select on t to anon;");
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
        assert!(!has(table(&catalog, "t"), "authenticated", Privilege::Select));
    }

    #[test]
    fn everything_in_a_schema_is_what_is_there() {
        let text = "create table t (a int); create view v as select 1 as a; create sequence s;
            revoke all on all tables in schema public from anon; create table later (a int);";
        let catalog = replay(text);
        assert!(!has(table(&catalog, "t"), "anon", Privilege::Select));
        assert!(has(table(&catalog, "later"), "anon", Privilege::Select));
        let view = catalog.view(&QName::new("public", "v")).expect("v is made");
        assert!(view.acl.granted(&Grantee::role("anon")).is_empty());
        let sequence = catalog.sequences.values().find(|sequence| sequence.name.name == "s");
        let sequence = sequence.expect("s is made");
        assert!(sequence.acl.granted(&Grantee::role("anon")).contains(Privilege::Usage));
    }

    #[test]
    fn columns_fall_with_the_table_and_not_the_other_way_round() {
        let start =
            "create table t (a int, b int); revoke all on t from anon; grant select (a) on t to anon;";
        let can_read_a = |catalog: &Catalog| {
            let column = table(catalog, "t").column("a").map(|column| column.acl.clone());
            column.is_some_and(|acl| acl.granted(&Grantee::role("anon")).contains(Privilege::Select))
        };
        let catalog = replay(start);
        assert!(can_read_a(&catalog));
        assert!(!has(table(&catalog, "t"), "anon", Privilege::Select));
        assert!(!can_read_a(&replay(&format!("{start} revoke select on t from anon;"))));
        let catalog = replay("create table t (a int); revoke select (a) on t from anon;");
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
    }

    #[test]
    fn a_named_grant_survives_a_revoke_from_public() {
        let catalog = replay(
            "create function f() returns int language sql as 'select 1';
             revoke execute on function f() from public;",
        );
        let function = catalog.functions_named(&QName::new("public", "f")).next().expect("f is made");
        assert!(function.acl.granted(&Grantee::Public).is_empty());
        assert!(catalog.can_execute(&"anon".into(), function));
    }

    #[test]
    fn an_unknown_name_refuses_the_whole_statement() {
        let catalog = replay("create table t (a int); revoke all on t from anon, nobody;");
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
        assert_eq!(catalog.failures.len(), 1);
        let catalog = replay("create table t (a int); revoke select on t, missing from anon;");
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
        let catalog = replay("create table t (a int); grant select (missing) on t to anon;");
        assert_eq!(catalog.failures.len(), 1);
    }

    #[test]
    fn an_extension_has_functions_that_are_not_listed() {
        let catalog = replay(
            "create extension pg_trgm schema public;
             grant all on function public.gin_extract_value_trgm(text, internal) to anon;
             grant all on function public.gtrgm_out(public.gtrgm) to anon;",
        );
        assert_eq!(catalog.gaps, []);
        let catalog = replay(
            "create extension pg_trgm schema public; grant all on function public.missing(text) to anon;",
        );
        assert_eq!(catalog.gaps.len(), 1);
    }

    #[test]
    fn on_nothing_everybody_may_have_the_option() {
        let catalog = replay(
            "create schema side; set search_path = public, public; create function touch() returns int return 1;
             grant execute on all functions in schema side to public with grant option;
             alter function touch rename to touched;",
        );
        assert_eq!((catalog.failures.len(), catalog.gaps.len()), (0, 0));
    }

    #[test]
    fn the_option_to_grant_goes_alone() {
        let catalog = replay(
            "create table t (a int); grant select on t to anon with grant option;
             revoke grant option for select on t from anon;",
        );
        assert!(has(table(&catalog, "t"), "anon", Privilege::Select));
        let entry = table(&catalog, "t").acl.entry(&Grantee::role("anon")).expect("anon is listed");
        assert!(entry.grantable.is_empty());
    }
}
