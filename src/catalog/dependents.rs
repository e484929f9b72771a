//! Who may depend on whom: where a DROP has to look.
//!
//! For each object the holders that were seen to refer to it. An entry may be out of date; it only
//! narrows where [`crate::catalog::depend`] looks closer, so that a history with many drops costs
//! no scan of the whole catalog each.

use crate::map::IndexSet;
use rustc_hash::FxHashMap;

use crate::catalog::depend::{Object, References};
use crate::catalog::function::{Function, Returns};
use crate::catalog::index::IndexKeyValue;
use crate::catalog::table::{ConstraintKind, Table};
use crate::catalog::trigger::Trigger;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::{Expr, Oid, Query};
use crate::sql::name::ObjectName;
use crate::sql::statement::{FunctionBody, Statement, StatementKind};

#[derive(Clone, Debug, Default)]
pub(super) struct Dependents {
    /// The holders that refer to an object.
    holders: FxHashMap<Oid, Vec<Oid>>,
    /// Holders whose references are not read yet, or not since they changed.
    unread: IndexSet<Oid>,
}

/// Where to look for what depends on some objects.
pub(super) enum Candidates {
    Everywhere,
    Among(IndexSet<Oid>),
}

impl Catalog {
    /// Notes that an object is new, or may refer to others than before.
    pub(super) fn note_references(&mut self, holder: Oid) {
        self.dependents.unread.insert(holder);
    }

    /// Notes what a statement may have changed in references.
    pub(super) fn note_references_of(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::CreateView(create) => self.note_relation(&create.name),
            StatementKind::CreateIndex(create) => self.note_relation(&create.table),
            StatementKind::CreatePolicy(create) => self.note_relation(&create.table),
            StatementKind::CreateTrigger(create) => self.note_relation(&create.table),
            StatementKind::CreateFunction(create) => {
                let named: Vec<Oid> = match self.resolve_functions(&create.name) {
                    Some(name) => self.functions_named(&name).map(|function| function.oid).collect(),
                    None => Vec::new(),
                };
                self.dependents.unread.extend(named);
            }
            StatementKind::AlterTable(alter) => self.note_relation(&alter.name),
            StatementKind::AlterPolicy(alter) => self.note_relation(&alter.table),
            StatementKind::AlterSequence(alter) => self.note_relation(&alter.name),
            StatementKind::AlterDomain(alter) => {
                self.dependents.unread.extend(self.resolve_type(&alter.name))
            }
            _ => {}
        }
    }

    /// A relation, and the tables that inherit what is added to it.
    fn note_relation(&mut self, name: &ObjectName) {
        let Some((_, relation)) = self.resolve_relation(name) else { return };
        let (Relation::Table(oid)
        | Relation::View(oid)
        | Relation::Sequence(oid)
        | Relation::Composite(oid)
        | Relation::Index { on: oid }) = relation;
        let mut noted = vec![oid];
        while let Some(oid) = noted.pop() {
            self.note_references(oid);
            noted.extend(self.tables.get(&oid).into_iter().flat_map(|table| table.children.iter().copied()));
        }
    }

    /// Where to look for what depends on the doomed.
    pub(super) fn candidates(&mut self, doomed: &IndexSet<Object>) -> Candidates {
        self.read_references();
        let mut list = IndexSet::default();
        for object in doomed {
            let oid = match object {
                Object::Namespace(_) | Object::Extension(_) | Object::Server(_) | Object::Collation(_) => {
                    return Candidates::Everywhere;
                }
                Object::EventTrigger(_) | Object::Publication(_) => continue,
                Object::Table(oid)
                | Object::View(oid)
                | Object::Sequence(oid)
                | Object::Function(oid)
                | Object::Type(oid)
                | Object::Column(oid, _)
                | Object::Default(oid, _)
                | Object::Constraint(oid, _)
                | Object::Index(oid, _)
                | Object::Policy(oid, _)
                | Object::Trigger(oid, _)
                | Object::Rule(oid, _)
                | Object::Attribute(oid, _) => *oid,
            };
            list.insert(oid);
            // Nobody but a partition's copy depends on a trigger.
            if !matches!(object, Object::Trigger(..)) {
                list.extend(self.dependents.holders.get(&oid).into_iter().flatten().copied());
            }
            list.extend(self.tables.get(&oid).into_iter().flat_map(|table| table.children.iter().copied()));
        }
        Candidates::Among(list)
    }

    fn read_references(&mut self) {
        for holder in std::mem::take(&mut self.dependents.unread) {
            for key in self.keys_of(holder) {
                let holders = self.dependents.holders.entry(key).or_default();
                if key != holder && holders.last() != Some(&holder) {
                    holders.push(holder);
                }
            }
        }
    }

    /// Everything that a holder refers to.
    fn keys_of(&self, holder: Oid) -> IndexSet<Oid> {
        let mut keys = Keys { catalog: self, found: IndexSet::default() };
        if let Some(table) = self.tables.get(&holder) {
            keys.add_table(table);
        } else if let Some(view) = self.views.get(&holder) {
            view.query.iter().for_each(|query| keys.add_query(query));
            view.triggers.values().for_each(|trigger| keys.add_trigger(trigger));
        } else if let Some(sequence) = self.sequences.get(&holder) {
            keys.found.extend(sequence.owned_by.map(|(table, _)| table));
        } else if let Some(function) = self.functions.get(&holder) {
            keys.add_function(function);
        } else if let Some(user_type) = self.types.get(&holder) {
            match &user_type.kind {
                UserTypeKind::Domain(domain) => keys.add_type(&domain.base),
                UserTypeKind::Composite { attributes } => {
                    attributes.iter().for_each(|attribute| keys.add_type(&attribute.data_type));
                }
                UserTypeKind::Multirange { range } => drop(keys.found.insert(*range)),
                UserTypeKind::Enum { .. } | UserTypeKind::Range | UserTypeKind::Base => {}
            }
        }
        keys.found
    }
}

struct Keys<'a> {
    catalog: &'a Catalog,
    found: IndexSet<Oid>,
}

impl Keys<'_> {
    fn add_table(&mut self, table: &Table) {
        self.found.extend(&table.parents);
        let of_type = table.of_type.as_ref().and_then(|name| self.catalog.type_names.get(name));
        self.found.extend(of_type);
        for column in &table.columns {
            self.add_type(&column.data_type.value);
            column.generated.iter().for_each(|expr| self.add_expr(expr));
            column.default.iter().for_each(|default| self.add_expr(&default.value));
        }
        for constraint in table.constraints.values() {
            match &constraint.kind {
                ConstraintKind::ForeignKey(key) => drop(self.found.insert(key.references)),
                ConstraintKind::Check { expr, .. } => self.add_expr(expr),
                _ => {}
            }
        }
        for index in table.indexes.values() {
            index.predicate.iter().for_each(|expr| self.add_expr(expr));
            for key in &index.keys {
                if let IndexKeyValue::Expr(expr) = &key.value {
                    self.add_expr(expr);
                }
            }
        }
        for policy in table.policies.values() {
            policy.expressions().for_each(|expr| self.add_expr(expr));
        }
        table.triggers.values().for_each(|trigger| self.add_trigger(trigger));
    }

    fn add_trigger(&mut self, trigger: &Trigger) {
        self.found.extend(trigger.function.oid);
        trigger.when.iter().for_each(|when| self.add_expr(when));
    }

    fn add_function(&mut self, function: &Function) {
        if let Returns::Type(data_type) | Returns::SetOf(data_type) = &function.returns {
            self.add_type(data_type);
        }
        function.arguments.iter().for_each(|argument| self.add_type(&argument.data_type));
        self.found.extend(&function.parts);
        let Some(FunctionBody::Statements { statements, .. }) = &function.body else { return };
        for statement in statements {
            match &statement.kind {
                StatementKind::Query(query) => self.add_query(query),
                StatementKind::Call(expr) => self.add_expr(expr),
                StatementKind::Change(change) => {
                    self.found.extend(change.table.target);
                    change.own_expressions().into_iter().for_each(|expr| self.add_expr(expr));
                    change.source.iter().for_each(|source| self.add_query(source));
                }
                _ => {}
            }
        }
    }

    fn add_type(&mut self, data_type: &DataType) {
        match data_type.base {
            TypeRef::User(oid) | TypeRef::Row(oid) => drop(self.found.insert(oid)),
            TypeRef::Builtin(_) | TypeRef::Unknown(_) => {}
        }
    }

    fn add_expr(&mut self, expr: &Expr) {
        self.add(&References::of_expr(self.catalog, expr));
        expr.walk(&mut |part| self.add_part(part));
    }

    fn add_query(&mut self, query: &Query) {
        self.add(&References::of_query(self.catalog, query));
        query.walk(&mut |part| self.add_part(part));
    }

    fn add(&mut self, references: &References) {
        self.found.extend(&references.relations);
        self.found.extend(&references.functions);
    }

    /// Types of casts.
    fn add_part(&mut self, part: &Expr) {
        if let Expr::Cast { to, .. } = part {
            self.add_type(&self.catalog.resolve_data_type(to));
        }
    }
}
