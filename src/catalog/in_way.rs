//! What statements that fail were to make gives way to what later ones make of the same name: to
//! PostgreSQL it is not there.

use crate::catalog::apply::{Applied, function_alike, new_name};
use crate::catalog::depend::Object;
use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::catalog::table::{Column, ConstraintKind, Table};
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    AlterAction, ConstraintDef, ConstraintKind as Written, ObjectKind, Persistence, Rename, Statement,
    StatementKind,
};

impl Catalog {
    /// Applies a statement in the place of what only statements that fail have made; nothing where there is
    /// nothing of the kind. A form that PostgreSQL refuses as well is told, and all is as before.
    pub(super) fn apply_in_place(&mut self, statement: &Statement) -> Option<Applied> {
        let mut alike = if self.has_failing() { self.alike(&statement.kind) } else { Vec::new() };
        // A function is replaced where it stands: what was granted and revoked stays.
        alike.retain(|object| !matches!(object, Object::Function(_)) && self.is_never_made(object));
        if alike.is_empty() || self.blamed_for(statement).is_some() || !self.may_be_copied() {
            return None;
        }
        let before = self.clone();
        self.remove_all(alike);
        let applied = self.apply_anew(statement);
        if applied.is_err() || self.failures.len() > before.failures.len() {
            let failures = std::mem::take(&mut self.failures);
            self.go_back_to(before);
            self.failures = failures;
        }
        Some(applied)
    }

    /// Takes away what a statement made before it failed.
    pub(super) fn take_back(&mut self, statement: &Statement) {
        let mut alike = self.alike(&statement.kind);
        alike.retain(|object| self.maker_of(object).is_some_and(|maker| statement.span.contains(maker)));
        self.remove_all(alike);
    }

    /// Removes objects, and what needs them, as if none had ever been there: columns leave no number.
    fn remove_all(&mut self, objects: Vec<Object>) {
        let mut columns: Vec<(Oid, i16)> = Vec::new();
        columns.extend(objects.iter().filter_map(|object| match object {
            Object::Column(table, attnum) => Some((*table, *attnum)),
            _ => None,
        }));
        // CASCADE meets no obstacle.
        let _ = self.drop_objects(objects, true, None);
        columns.sort_unstable_by_key(|(_, attnum)| std::cmp::Reverse(*attnum));
        for (table, attnum) in columns {
            if let Some(table) = self.tables.get_mut(&table).filter(|table| table.last_attnum == attnum) {
                table.last_attnum -= 1;
            }
        }
    }

    /// What may have the names of what a statement makes.
    fn alike(&self, kind: &StatementKind) -> Vec<Object> {
        let permanent = Persistence::Permanent;
        match kind {
            StatementKind::CreateTable(create) => self.named(&create.name, create.persistence),
            StatementKind::CreateTableAs(create) => self.named(&create.name, create.persistence),
            StatementKind::CreateSequence(create) => self.named(&create.name, create.persistence),
            StatementKind::CreateType(create) => self.named(&create.name, permanent),
            StatementKind::CreateView(create) if create.temporary => {
                self.named(&create.name, Persistence::Temporary)
            }
            StatementKind::CreateView(create) => self.named(&create.name, permanent),
            StatementKind::CreateIndex(create) => {
                match (&create.name, self.resolve_relation(&create.table)) {
                    (Some(name), Some((table, _))) => {
                        let name = QName { schema: table.schema, name: name.clone() };
                        self.relation_named(&name).into_iter().collect()
                    }
                    _ => Vec::new(),
                }
            }
            StatementKind::CreateFunction(create) => {
                function_alike(self, create).map(Object::Function).into_iter().collect()
            }
            StatementKind::CreatePolicy(create) => {
                let policy = |table| Object::Policy(table, create.name.value.clone());
                self.table_or_view(&create.table).map(policy).into_iter().collect()
            }
            StatementKind::CreateTrigger(create) => {
                let trigger = |table| Object::Trigger(table, create.name.value.clone());
                self.table_or_view(&create.table).map(trigger).into_iter().collect()
            }
            StatementKind::CreateEventTrigger(create) => {
                vec![Object::EventTrigger(create.name.value.clone())]
            }
            StatementKind::CreatePublication(create) => vec![Object::Publication(create.name.clone())],
            StatementKind::AlterTable(alter) => {
                let table = self.table_or_view(&alter.name).and_then(|oid| self.tables.get(&oid));
                let actions = alter.actions.iter().map(|action| &action.value);
                let added = |table| actions.flat_map(|action| self.added_alike(table, action)).collect();
                table.map(added).unwrap_or_default()
            }
            StatementKind::Rename(rename) => self.renamed_alike(rename),
            _ => Vec::new(),
        }
    }

    /// The relations and types of the name of something new.
    fn named(&self, name: &ObjectName, persistence: Persistence) -> Vec<Object> {
        let name = new_name(self, name, persistence);
        let type_named = self.type_names.get(&name).map(|oid| Object::Type(*oid));
        self.relation_named(&name).into_iter().chain(type_named).collect()
    }

    pub(super) fn relation_named(&self, name: &QName) -> Option<Object> {
        Some(match self.relation(name)? {
            Relation::Table(oid) => Object::Table(oid),
            Relation::View(oid) => Object::View(oid),
            Relation::Sequence(oid) => Object::Sequence(oid),
            Relation::Index { on } => Object::Index(on, name.name.clone()),
            Relation::Composite(oid) => Object::Type(oid),
        })
    }

    fn table_or_view(&self, name: &ObjectName) -> Option<Oid> {
        match self.resolve_relation(name) {
            Some((_, Relation::Table(oid) | Relation::View(oid))) => Some(oid),
            _ => None,
        }
    }

    /// What may be in the way of a column or constraint that is added.
    fn added_alike(&self, table: &Table, action: &AlterAction) -> Vec<Object> {
        match action {
            AlterAction::AddColumn { column, .. } => {
                let own = column.constraints.iter().flat_map(|own| self.constraint_alike(table, own));
                self.columns_beside(table, &column.name).chain(own).collect()
            }
            AlterAction::AddConstraint(definition) => self.constraint_alike(table, definition),
            _ => Vec::new(),
        }
    }

    /// The column of a name, with those that the same failing statement made.
    fn columns_beside<'t>(&self, table: &'t Table, name: &Ident) -> impl Iterator<Item = Object> + use<'t> {
        let named = table.column(name);
        let failing = named.and_then(|named| self.failing_around(named.origin.span()?));
        let is_beside = move |column: &&Column| {
            let origin = column.origin.span();
            named.is_some_and(|named| named.attnum == column.attnum)
                || failing.zip(origin).is_some_and(|(failing, origin)| failing.contains(origin))
        };
        table.columns.iter().filter(is_beside).map(|column| Object::Column(table.oid, column.attnum))
    }

    /// A constraint or index of the same name, or another primary key.
    fn constraint_alike(&self, table: &Table, definition: &ConstraintDef) -> Vec<Object> {
        let is_key = matches!(definition.kind, Written::Unique { primary: true, .. });
        let is_old_key = |kind: &ConstraintKind| matches!(kind, ConstraintKind::PrimaryKey { .. });
        let in_way = table
            .constraints
            .values()
            .filter(|old| definition.name.as_ref() == Some(&old.name) || is_key && is_old_key(&old.kind));
        let constraints = in_way.map(|old| Object::Constraint(table.oid, old.name.clone()));
        let name = definition.name.clone();
        let name = name.map(|name| QName { schema: table.name.schema.clone(), name });
        let index = name.and_then(|name| self.relation_named(&name));
        constraints.chain(index).collect()
    }

    fn renamed_alike(&self, rename: &Rename) -> Vec<Object> {
        let to = &rename.to;
        let Some((name, relation)) = self.resolve_relation(&rename.object.name) else { return Vec::new() };
        let (Relation::Table(oid) | Relation::View(oid)) = relation else { return Vec::new() };
        let alike = match rename.object.kind {
            ObjectKind::Column => {
                let columns = self.columns_of(oid).map(|(columns, _)| columns).unwrap_or_default();
                let column = columns.iter().find(|column| column.name == *to);
                column.map(|column| Object::Column(oid, column.attnum))
            }
            ObjectKind::Policy => Some(Object::Policy(oid, to.clone())),
            ObjectKind::Trigger => Some(Object::Trigger(oid, to.clone())),
            ObjectKind::Constraint => Some(Object::Constraint(oid, to.clone())),
            _ => self.relation_named(&QName { schema: name.schema, name: to.clone() }),
        };
        alike.into_iter().collect()
    }

    /// Whether only a statement that fails made an object: to PostgreSQL it is not there.
    pub(super) fn is_never_made(&self, object: &Object) -> bool {
        self.has_failing() && self.maker_of(object).is_some_and(|maker| self.is_of_failing(maker))
    }

    /// The statement that made an object, or the part of it that did.
    fn maker_of(&self, object: &Object) -> Option<Span> {
        let table = |oid| self.tables.get(oid);
        let view = |oid| self.views.get(oid);
        let history: Option<&History> = match object {
            Object::Table(oid) => table(oid).map(|table| &table.history),
            Object::View(oid) => view(oid).map(|view| &view.history),
            Object::Sequence(oid) => self.sequences.get(oid).map(|sequence| &sequence.history),
            Object::Function(oid) => self.functions.get(oid).map(|function| &function.history),
            Object::Type(oid) => self.types.get(oid).map(|user_type| &user_type.history),
            Object::EventTrigger(name) => self.event_triggers.get(name).map(|trigger| &trigger.history),
            Object::Publication(name) => self.publications.get(name).map(|publication| &publication.history),
            Object::Column(oid, attnum) => {
                return table(oid)?.column_at(*attnum)?.origin.span();
            }
            Object::Constraint(oid, name) => {
                table(oid).and_then(|table| table.constraints.get(name)).map(|constraint| &constraint.history)
            }
            Object::Index(on, name) => {
                let indexes = table(on).map(|table| &table.indexes);
                let indexes = indexes.or_else(|| view(on).map(|view| &view.indexes));
                indexes.and_then(|indexes| indexes.get(name)).map(|index| &index.history)
            }
            Object::Policy(oid, name) => {
                table(oid).and_then(|table| table.policies.get(name)).map(|policy| &policy.history)
            }
            Object::Trigger(oid, name) => {
                let triggers = table(oid).map(|table| &table.triggers);
                let triggers = triggers.or_else(|| view(oid).map(|view| &view.triggers));
                triggers.and_then(|triggers| triggers.get(name)).map(|trigger| &trigger.history)
            }
            _ => None,
        };
        history.and_then(|history| history.created.span())
    }
}
