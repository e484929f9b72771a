//! Objects in and out of the catalog, and the names that they take up.
//!
//! A relation's name is taken by tables, views, sequences, indexes and composite types alike; all
//! of these but sequences and indexes also take a type's name. Dependencies are not looked at:
//! what falls with an object is for the statement to say.

use crate::map::IndexMap;

use crate::catalog::depend::Object;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::index::Index;
use crate::catalog::name::QName;
use crate::catalog::role::Sequence;
use crate::catalog::table::{Constraint, Table};
use crate::catalog::types::{UserType, UserTypeKind};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

impl Catalog {
    /// Adds a table under its name, and the names of its indexes.
    pub fn insert_table(&mut self, table: Table) {
        self.note_references(table.oid);
        self.register_indexes(table.oid, &table.name.schema, &table.indexes);
        for name in table.constraints.keys() {
            self.constraint_names.insert(QName { schema: table.name.schema.clone(), name: name.clone() });
        }
        if table.name.schema == "pg_temp" {
            self.temporary.push(Object::Table(table.oid));
        }
        self.touched.make(&table.name, &[Aspect::Existence]);
        self.relations.insert(table.name.clone(), Relation::Table(table.oid));
        self.tables.insert(table.oid, table);
    }

    /// Adds a view under its name, and the names of its indexes.
    pub fn insert_view(&mut self, view: View) {
        self.note_references(view.oid);
        self.register_indexes(view.oid, &view.name.schema, &view.indexes);
        if view.name.schema == "pg_temp" {
            self.temporary.push(Object::View(view.oid));
        }
        self.touched.make(&view.name, &[Aspect::Existence, Aspect::Views]);
        self.relations.insert(view.name.clone(), Relation::View(view.oid));
        self.views.insert(view.oid, view);
    }

    pub fn insert_sequence(&mut self, sequence: Sequence) {
        self.note_references(sequence.oid);
        self.relations.insert(sequence.name.clone(), Relation::Sequence(sequence.oid));
        self.sequences.insert(sequence.oid, sequence);
    }

    /// Adds a type; a composite one is a relation, too.
    pub fn insert_type(&mut self, user_type: UserType) {
        self.note_references(user_type.oid);
        if matches!(user_type.kind, UserTypeKind::Composite { .. }) {
            self.relations.insert(user_type.name.clone(), Relation::Composite(user_type.oid));
        }
        if let UserTypeKind::Domain(domain) = &user_type.kind {
            for check in &domain.checks {
                self.note_constraint_name(&user_type.name.schema, check);
            }
        }
        self.type_names.insert(user_type.name.clone(), user_type.oid);
        self.types.insert(user_type.oid, user_type);
    }

    /// Adds a function beside those of the same name. The caller has looked for one with the same
    /// arguments.
    pub fn insert_function(&mut self, function: Function) {
        self.note_references(function.oid);
        if !self.function_names.contains_key(&function.name) {
            self.touched.make(&function.name, &[Aspect::Existence, Aspect::Functions]);
        }
        self.function_names.entry(function.name.clone()).or_default().push(function.oid);
        self.functions.insert(function.oid, function);
    }

    /// Takes a table out, with the names of its indexes. Its sequences stay.
    pub fn remove_table(&mut self, oid: Oid) -> Option<Table> {
        let table = self.tables.swap_remove(&oid)?;
        self.touched.forget(&table.name);
        self.relations.remove(&table.name);
        self.former_relations.entry(table.name.clone()).or_default();
        self.unregister_indexes(&table.name.schema, &table.indexes);
        Some(table)
    }

    /// Takes a view out, with the names of its indexes.
    pub fn remove_view(&mut self, oid: Oid) -> Option<View> {
        let view = self.views.swap_remove(&oid)?;
        self.touched.forget(&view.name);
        self.relations.remove(&view.name);
        self.former_relations.entry(view.name.clone()).or_default();
        self.unregister_indexes(&view.name.schema, &view.indexes);
        Some(view)
    }

    pub fn remove_sequence(&mut self, oid: Oid) -> Option<Sequence> {
        let sequence = self.sequences.swap_remove(&oid)?;
        self.relations.remove(&sequence.name);
        Some(sequence)
    }

    pub fn remove_type(&mut self, oid: Oid) -> Option<UserType> {
        let user_type = self.types.swap_remove(&oid)?;
        self.type_names.remove(&user_type.name);
        if matches!(user_type.kind, UserTypeKind::Composite { .. }) {
            self.relations.remove(&user_type.name);
        }
        Some(user_type)
    }

    pub fn remove_function(&mut self, oid: Oid) -> Option<Function> {
        let function = self.functions.swap_remove(&oid)?;
        self.forget_function_name(&function.name, oid);
        Some(function)
    }

    /// Takes the name of an index on a table or a materialised view; the index itself stands there.
    pub fn register_index(&mut self, on: Oid, schema: &Ident, name: &Ident) {
        let name = QName { schema: schema.clone(), name: name.clone() };
        self.relations.insert(name, Relation::Index { on });
    }

    pub fn unregister_index(&mut self, schema: &Ident, name: &Ident) {
        self.relations.remove(&QName { schema: schema.clone(), name: name.clone() });
    }

    /// Gives a relation of any kind another name or schema, and says whether there was one.
    ///
    /// The indexes of a table follow it into another schema; its sequences do not. The constraint
    /// that an index serves takes the index's new name.
    pub fn rename_relation(&mut self, old: &QName, new: QName) -> bool {
        let Some(relation) = self.relations.remove(old) else { return false };
        self.touched.rename(old, &new);
        if let Relation::Table(oid) | Relation::View(oid) = relation {
            self.former_relations.entry(old.clone()).or_default().insert(oid);
        }
        match relation {
            Relation::Table(oid) => {
                if let Some(table) = self.tables.get_mut(&oid) {
                    table.name = new.clone();
                    let indexes: Vec<Ident> = table.indexes.keys().cloned().collect();
                    for name in table.constraints.keys() {
                        self.constraint_names
                            .insert(QName { schema: new.schema.clone(), name: name.clone() });
                    }
                    self.move_indexes(oid, &indexes, &old.schema, &new.schema);
                }
            }
            Relation::View(oid) => {
                if let Some(view) = self.views.get_mut(&oid) {
                    view.name = new.clone();
                    let indexes: Vec<Ident> = view.indexes.keys().cloned().collect();
                    self.move_indexes(oid, &indexes, &old.schema, &new.schema);
                }
            }
            Relation::Sequence(oid) => {
                if let Some(sequence) = self.sequences.get_mut(&oid) {
                    sequence.name = new.clone();
                }
            }
            Relation::Composite(oid) => {
                self.type_names.remove(old);
                self.type_names.insert(new.clone(), oid);
                if let Some(user_type) = self.types.get_mut(&oid) {
                    user_type.name = new.clone();
                }
            }
            Relation::Index { on } => self.rename_index_on(on, &old.name, &new.name),
        }
        self.relations.insert(new, relation);
        true
    }

    /// Gives a type another name or schema.
    pub fn rename_type(&mut self, oid: Oid, new: QName) {
        let Some(user_type) = self.types.get_mut(&oid) else { return };
        let old = std::mem::replace(&mut user_type.name, new.clone());
        self.type_names.remove(&old);
        self.type_names.insert(new.clone(), oid);
        if self.relations.get(&old) == Some(&Relation::Composite(oid)) {
            self.relations.remove(&old);
            self.relations.insert(new, Relation::Composite(oid));
        }
    }

    /// Gives a collation another name or schema.
    pub fn rename_collation(&mut self, old: &QName, new: QName) {
        if !self.collations.swap_remove(old) {
            return;
        }
        let (from, to) = (old.quoted(), new.quoted());
        self.collations.insert(new);
        let tables = self.tables.values_mut();
        let named = tables.flat_map(|table| {
            let columns = table.columns.iter_mut().map(|column| &mut column.collation);
            let keys = table.indexes.values_mut().flat_map(|index| &mut index.keys);
            columns.chain(keys.map(|key| &mut key.collation))
        });
        for collation in named.filter(|collation| collation.as_deref() == Some(from.as_str())) {
            *collation = Some(to.clone());
        }
        for user_type in self.types.values_mut() {
            let UserTypeKind::Composite { attributes } = &mut user_type.kind else { continue };
            let named = attributes.iter_mut().map(|attribute| &mut attribute.collation);
            for collation in named.filter(|collation| collation.as_deref() == Some(from.as_str())) {
                *collation = Some(to.clone());
            }
        }
    }

    /// Gives a function another name or schema.
    pub fn rename_function(&mut self, oid: Oid, new: QName) {
        let Some(function) = self.functions.get_mut(&oid) else { return };
        let old = std::mem::replace(&mut function.name, new.clone());
        self.forget_function_name(&old, oid);
        self.former_functions.leave(oid, old);
        self.function_names.entry(new).or_default().push(oid);
    }

    /// Gives a schema another name, with all that is in it.
    pub fn rename_namespace(&mut self, old: &Ident, new: &Ident) {
        if let Some(at) = self.namespaces.get_index_of(old) {
            rename_key(&mut self.namespaces, at, new.clone());
            self.namespaces[at].name = new.clone();
        }
        let tables = self.tables.values_mut().map(|table| &mut table.name);
        let views = self.views.values_mut().map(|view| &mut view.name);
        let sequences = self.sequences.values_mut().map(|sequence| &mut sequence.name);
        let functions = self.functions.values_mut().map(|function| &mut function.name);
        let types = self.types.values_mut().map(|user_type| &mut user_type.name);
        let names = tables.chain(views).chain(sequences).chain(functions).chain(types);
        for name in names.filter(|name| name.schema == *old) {
            name.schema = new.clone();
        }
        for (name, relation) in self.relations.iter().filter(|(name, _)| name.schema == *old) {
            if let Relation::Table(oid) | Relation::View(oid) = relation {
                self.former_relations.entry(name.clone()).or_default().insert(*oid);
            }
        }
        move_names(&mut self.relations, old, new);
        move_names(&mut self.type_names, old, new);
        move_names(&mut self.function_names, old, new);
        let given = std::mem::take(&mut self.constraint_names).into_iter();
        self.constraint_names = given
            .map(|name| if name.schema == *old { QName { schema: new.clone(), ..name } } else { name })
            .collect();
        for extension in self.extensions.values_mut().filter(|extension| extension.schema.value == *old) {
            extension.schema.value = new.clone();
        }
        let collations: Vec<QName> =
            self.collations.iter().filter(|name| name.schema == *old).cloned().collect();
        for name in collations {
            let moved = QName { schema: new.clone(), name: name.name.clone() };
            self.rename_collation(&name, moved);
        }
        let defaults = self.default_privileges.iter_mut().filter_map(|row| row.schema.as_mut());
        for schema in defaults.filter(|schema| *schema == old) {
            *schema = new.clone();
        }
        for publication in self.publications.values_mut() {
            if publication.schemas.swap_remove(old) {
                publication.schemas.insert(new.clone());
            }
        }
    }

    /// Whether a table, view or type can have this name: no relation and no type does.
    pub fn is_name_free(&self, name: &QName) -> bool {
        self.is_relation_name_free(name) && !self.type_names.contains_key(name)
    }

    /// Whether a sequence or an index can have this name: they have no type of the name.
    pub fn is_relation_name_free(&self, name: &QName) -> bool {
        !self.relations.contains_key(name)
    }

    /// Makes up a name for an index or a sequence that was given none, as `ChooseRelationName` in
    /// the server's `indexcmds.c`: `orders_total_idx`, then `orders_total_idx1`.
    pub fn choose_relation_name(&self, schema: &Ident, first: &str, second: &str, label: &str) -> Ident {
        self.choose_name(first, second, label, |name| {
            self.is_relation_name_free(&QName { schema: schema.clone(), name: name.clone() })
        })
    }

    /// Makes up a name for a constraint that comes with an index, which takes the same name.
    pub fn choose_index_constraint_name(
        &self,
        schema: &Ident,
        first: &str,
        second: &str,
        label: &str,
    ) -> Ident {
        self.choose_name(first, second, label, |name| {
            self.is_relation_name_free(&QName { schema: schema.clone(), name: name.clone() })
                && !self.constraint_exists(schema, name)
        })
    }

    /// Makes up a name for a constraint without an index. It is unique in the whole schema, and
    /// differs from `taken`: constraints of the same statement that are not in the catalog yet.
    pub fn choose_constraint_name(
        &self,
        schema: &Ident,
        first: &str,
        second: &str,
        label: &str,
        taken: &[Ident],
    ) -> Ident {
        self.choose_name(first, second, label, |name| {
            !taken.contains(name) && !self.constraint_exists(schema, name)
        })
    }

    /// `first_second_label`, with a number at its end where that is not free. An empty part is
    /// left out.
    fn choose_name(&self, first: &str, second: &str, label: &str, is_free: impl Fn(&Ident) -> bool) -> Ident {
        let mut name = Ident::new(object_name(first, second, label));
        let mut pass = 0;
        while !is_free(&name) {
            pass += 1;
            name = Ident::new(object_name(first, second, &format!("{label}{pass}")));
        }
        name
    }

    /// Whether a constraint on any table or domain of the schema has this name. The scan is for
    /// names that were given before, which is rare: made-up ones begin with the table's.
    fn constraint_exists(&self, schema: &Ident, name: &Ident) -> bool {
        if !self.constraint_names.contains(&QName { schema: schema.clone(), name: name.clone() }) {
            return false;
        }
        let on_table = |table: &Table| {
            let is_named =
                || table.constraints.contains_key(name) || table.constraint_trigger(name).is_some();
            table.name.schema == *schema && is_named()
        };
        let on_type = |user_type: &UserType| match &user_type.kind {
            UserTypeKind::Domain(domain) => user_type.name.schema == *schema && domain.checks.contains(name),
            _ => false,
        };
        self.tables.values().any(on_table) || self.types.values().any(on_type)
    }

    /// Whether some constraint, in whatever schema, may have this name: false is certain.
    pub(crate) fn may_have_constraint(&self, name: &str) -> bool {
        let name = Ident::new(name);
        let names = self.namespaces.keys().map(|schema| QName { schema: schema.clone(), name: name.clone() });
        names.into_iter().any(|qname| self.constraint_names.contains(&qname))
    }

    /// Adds a constraint to a table. Its index, where it has one, is added apart.
    pub fn insert_constraint(&mut self, on: Oid, constraint: Constraint) {
        let Some(table) = self.tables.get_mut(&on) else { return };
        let name = constraint.name.clone();
        self.constraint_names.insert(QName { schema: table.name.schema.clone(), name: name.clone() });
        table.constraints.insert(name, constraint);
    }

    /// Takes a constraint off a table. Its index is left.
    pub fn remove_constraint(&mut self, on: Oid, name: &Ident) -> Option<Constraint> {
        self.tables.get_mut(&on)?.constraints.swap_remove(name)
    }

    /// Remembers that a constraint of this name was made in the schema.
    pub fn note_constraint_name(&mut self, schema: &Ident, name: &Ident) {
        self.constraint_names.insert(QName { schema: schema.clone(), name: name.clone() });
    }

    fn register_indexes(&mut self, on: Oid, schema: &Ident, indexes: &IndexMap<Ident, Index>) {
        for name in indexes.keys() {
            self.register_index(on, schema, name);
        }
    }

    fn unregister_indexes(&mut self, schema: &Ident, indexes: &IndexMap<Ident, Index>) {
        for name in indexes.keys() {
            self.unregister_index(schema, name);
        }
    }

    fn move_indexes(&mut self, on: Oid, names: &[Ident], from: &Ident, to: &Ident) {
        if from != to {
            for name in names {
                self.unregister_index(from, name);
                self.register_index(on, to, name);
            }
        }
    }

    fn rename_index_on(&mut self, on: Oid, old: &Ident, new: &Ident) {
        let indexes = match (self.tables.get_mut(&on), self.views.get_mut(&on)) {
            (Some(table), _) => &mut table.indexes,
            (None, Some(view)) => &mut view.indexes,
            (None, None) => return,
        };
        let Some(at) = indexes.get_index_of(old) else { return };
        rename_key(indexes, at, new.clone());
        let index = &mut indexes[at];
        index.name = new.clone();
        let Some(constraint) = index.constraint.as_mut() else { return };
        let served = std::mem::replace(constraint, new.clone());
        let Some(table) = self.tables.get_mut(&on) else { return };
        if let Some(at) = table.constraints.get_index_of(&served) {
            rename_key(&mut table.constraints, at, new.clone());
            table.constraints[at].name = new.clone();
            let schema = table.name.schema.clone();
            self.note_constraint_name(&schema, new);
        }
    }

    fn forget_function_name(&mut self, name: &QName, oid: Oid) {
        if let Some(overloads) = self.function_names.get_mut(name) {
            overloads.retain(|overload| *overload != oid);
            if overloads.is_empty() {
                self.function_names.remove(name);
            }
        }
    }
}

/// Gives an entry another key, and leaves it where it stands.
pub(crate) fn rename_key<T>(map: &mut IndexMap<Ident, T>, at: usize, new: Ident) {
    let Some((_, value)) = map.swap_remove_index(at) else { return };
    let (last, replaced) = map.insert_full(new, value);
    if replaced.is_none() {
        map.swap_indices(at, last);
    }
}

fn move_names<T>(names: &mut rustc_hash::FxHashMap<QName, T>, old: &Ident, new: &Ident) {
    let moved: Vec<(QName, T)> = names.extract_if(|name, _| name.schema == *old).collect();
    names.extend(
        moved.into_iter().map(|(name, value)| (QName { schema: new.clone(), name: name.name }, value)),
    );
}

/// The columns' part of a made-up name: `a_b`, as `ChooseIndexNameAddition` joins them. It stops
/// adding where the name is full.
pub fn columns_part<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut part = String::new();
    for column in columns {
        if !part.is_empty() {
            part.push('_');
        }
        part.push_str(column);
        if part.len() > NAME_LENGTH {
            break;
        }
    }
    part
}

/// The length in bytes that names are cut to.
const NAME_LENGTH: usize = 63;

/// Joins the parts of a made-up name with `_`, as `makeObjectName` in the server's `indexcmds.c`:
/// where that is too long, the longer of the first two parts is cut.
fn object_name(first: &str, second: &str, label: &str) -> String {
    let overhead = usize::from(!second.is_empty()) + label.len() + usize::from(!label.is_empty());
    let room = NAME_LENGTH.saturating_sub(overhead);
    let (mut head, mut middle) = (first.len(), second.len());
    while head + middle > room {
        if head > middle {
            head -= 1;
        } else {
            middle -= 1;
        }
    }
    let mut name = cut(first, head).to_string();
    for part in [cut(second, middle), label] {
        if !part.is_empty() {
            name.push('_');
            name.push_str(part);
        }
    }
    name
}

fn cut(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_cut_the_longer_part() {
        assert_eq!(object_name("orders", "", "pkey"), "orders_pkey");
        assert_eq!(object_name("orders", "total", "check1"), "orders_total_check1");
        let long = object_name(&"t".repeat(60), "column", "fkey");
        assert_eq!(long.len(), 63);
        assert!(long.ends_with("t_column_fkey"));
        let both = object_name(&"t".repeat(60), &"c".repeat(60), "idx");
        assert_eq!(both, format!("{}_{}_idx", "t".repeat(29), "c".repeat(29)));
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut catalog = Catalog::default();
        let public = Ident::new("public");
        assert_eq!(catalog.choose_relation_name(&public, "t", "a", "idx"), "t_a_idx");
        catalog.register_index(Oid(1), &public, &"t_a_idx".into());
        assert_eq!(catalog.choose_relation_name(&public, "t", "a", "idx"), "t_a_idx1");
        catalog.register_index(Oid(1), &public, &"t_a_idx1".into());
        assert_eq!(catalog.choose_relation_name(&public, "t", "a", "idx"), "t_a_idx2");
        assert_eq!(catalog.choose_relation_name(&"other".into(), "t", "a", "idx"), "t_a_idx");
    }

    #[test]
    fn columns_stop_where_the_name_is_full() {
        assert_eq!(columns_part(["a", "b"]), "a_b");
        let long = "x".repeat(63);
        assert_eq!(columns_part([long.as_str(), "b", "c"]), format!("{long}_b"));
    }
}
