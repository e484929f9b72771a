//! GRANT and REVOKE on objects.

use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::function::FunctionKind;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::Column;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{Grant, GrantTarget, ObjectKind, ObjectRef, PrivilegeSpec};

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
    let change = Change { statement, grantees, origin };
    for target in &targets {
        change.check_columns(catalog, target)?;
    }
    for target in targets {
        change.make(catalog, &target);
    }
    Ok(())
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
            Target::Function(catalog.resolve_routine(object)?)
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
            Some(column) => Err(Misfit::missing(ObjectKind::Column, format!("{column} of {name}"))),
            None => Ok(()),
        }
    }

    fn make(&self, catalog: &mut Catalog, target: &Target) {
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
        let specs = self.statement.privileges.iter().filter(|spec| spec.columns.is_empty());
        let mut privileges =
            specs.map(|spec| spec_privileges(spec, kind)).fold(Privileges::NONE, Privileges::union);
        if self.statement.privileges.is_empty() {
            privileges = Privileges::all_on(kind);
        }
        history.touch(self.origin);
        self.change(acl, privileges.intersection(Privileges::all_on(kind)));
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
        let whole = self.statement.privileges.iter().filter(|spec| spec.columns.is_empty());
        let mut privileges = whole
            .map(|spec| spec_privileges(spec, ObjectKind::Column))
            .fold(Privileges::NONE, Privileges::union);
        if self.statement.privileges.is_empty() {
            privileges = Privileges::all_on(ObjectKind::Column);
        }
        for column in columns.iter_mut().filter(|column| !column.acl.entries.is_empty()) {
            self.change(&mut column.acl, privileges);
        }
    }

    fn change(&self, acl: &mut Acl, privileges: Privileges) {
        if privileges.is_empty() {
            return;
        }
        for grantee in &self.grantees {
            if self.statement.is_grant {
                acl.grant(grantee, privileges, self.statement.grant_option, self.origin);
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
