//! What belongs to Supabase's own services: migrations run as `postgres`, who does not own it.
//!
//! The tables of `auth`, `storage` and `realtime` belong to roles that `postgres` is no member of.
//! Supabase's servers let it make policies and triggers on them, and nothing else; nor may it make
//! objects in these schemas (Supabase, April 2025). The catalog takes such statements in all the
//! same: databases of before have them.

use crate::catalog::Catalog;
use crate::catalog::misfit::Misfit;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{ObjectKind, ObjectRef, Statement, StatementKind};

const SCHEMAS: [&str; 3] = ["auth", "realtime", "storage"];

impl Catalog {
    /// Notes what a statement may not do to objects of Supabase's services.
    pub(super) fn expect_own_ground(&mut self, statement: &Statement) {
        if self.session.role != "postgres" {
            return;
        }
        match &statement.kind {
            StatementKind::CreateTable(create)
                if (!create.if_not_exists || self.resolve_relation(&create.name).is_none()) =>
            {
                self.expect_own_schema(&create.name);
            }
            StatementKind::CreateTableAs(create) => self.expect_own_schema(&create.name),
            StatementKind::CreateView(create) => self.expect_own_schema(&create.name),
            StatementKind::CreateFunction(create) => self.expect_own_schema(&create.name),
            StatementKind::CreateType(create) => self.expect_own_schema(&create.name),
            StatementKind::CreateSequence(create) => self.expect_own_schema(&create.name),
            StatementKind::CreateIndex(create) => self.expect_own_table(&create.table),
            StatementKind::AlterTable(alter) => self.expect_own_table(&alter.name),
            StatementKind::Rename(rename) => self.expect_own_object(&rename.object),
            StatementKind::SetSchema { object, .. }
            | StatementKind::SetOwner { object, .. }
            | StatementKind::Comment { object, .. } => self.expect_own_object(object),
            StatementKind::Drop(drop) => {
                let tables = drop.objects.iter().filter(|object| object.kind == ObjectKind::Table);
                tables.for_each(|object| self.expect_own_table(&object.name));
            }
            _ => {}
        }
    }

    fn expect_own_schema(&mut self, name: &ObjectName) {
        if let Some(schema) = name.schema.as_ref().filter(|schema| is_service(schema)) {
            self.unfit.push(Misfit::not_allowed(ObjectKind::Schema, schema).at(name.span));
        }
    }

    fn expect_own_object(&mut self, object: &ObjectRef) {
        // Policies may be renamed and triggers dropped; a comment on one is its table's owner's.
        let is_of_table =
            matches!(object.kind, ObjectKind::Table | ObjectKind::Column | ObjectKind::Constraint);
        if is_of_table {
            self.expect_own_table(&object.name);
        }
    }

    fn expect_own_table(&mut self, name: &ObjectName) {
        let Some((found, _)) = self.resolve_relation(name) else { return };
        if self.is_of_service(&found) {
            self.unfit.push(Misfit::not_allowed(ObjectKind::Table, &found).at(name.span));
        }
    }

    /// Whether a table came with the platform and belongs to one of its services.
    fn is_of_service(&self, name: &QName) -> bool {
        is_service(&name.schema)
            && self.table(name).is_some_and(|table| table.history.created == Origin::Platform)
    }
}

fn is_service(schema: &Ident) -> bool {
    SCHEMAS.iter().any(|service| schema == service)
}
