//! Types: enums, domains, composite types and ranges.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::apply::constraint::collation_name;
use crate::catalog::apply::table::is_kept_default;
use crate::catalog::apply::{Applied, Misfit, alter_table, function};
use crate::catalog::depend::Object;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::types::{Attribute, DataType, Domain, TypeRef, UserType, UserTypeKind};
use crate::source::Spanned;
use crate::sql::expr::{Expr, Literal, Oid};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    AlterAction, AlterDomain, AlterEnum, AlterTable, ArgumentMode, ColumnDef, ConstraintDef, ConstraintKind,
    CreateType, CreateTypeKind, DomainChange, EnumChange, ObjectKind, ObjectRef, TypeName,
};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateType, origin: Origin) -> Applied {
    let name = catalog.creation_name(&statement.name);
    catalog.require_namespace(&name.schema)?;
    if !catalog.is_name_free(&name) {
        return replace_shell(catalog, &name, &statement.kind);
    }
    let kind = match &statement.kind {
        CreateTypeKind::Enum(labels) => {
            let mut seen = FxHashSet::default();
            let twice = labels.iter().find(|label| !seen.insert(*label));
            catalog.unfit.extend(twice.map(|label| {
                let why = format!("the enum {name} has the value '{label}' twice");
                Misfit::refused(SqlState::UNIQUE_VIOLATION, why).about(&name).at(statement.name.span)
            }));
            UserTypeKind::Enum { labels: labels.clone() }
        }
        CreateTypeKind::Composite(columns) => {
            let mut seen = FxHashSet::default();
            let twice = columns.iter().find(|column| !seen.insert(&column.name));
            catalog.unfit.extend(twice.map(|column| {
                let why = format!("attribute {} of type {name} is written twice", column.name.quoted());
                Misfit::refused(SqlState::DUPLICATE_COLUMN, why).about(&name).at(column.name_span)
            }));
            columns.iter().flat_map(|one| &one.data_type).for_each(|written| catalog.expect_type(written));
            UserTypeKind::Composite {
                attributes: columns.iter().map(|one| attribute(catalog, one)).collect(),
            }
        }
        CreateTypeKind::Domain { base, constraints, .. } => {
            catalog.expect_type(base);
            let base = catalog.resolve_data_type(base);
            UserTypeKind::Domain(domain(catalog, &name, base, constraints))
        }
        CreateTypeKind::Range { .. } => UserTypeKind::Range,
        CreateTypeKind::Base => UserTypeKind::Base,
    };
    let owner = catalog.session.role.clone();
    let user_type = UserType {
        oid: catalog.next_oid(),
        kind,
        history: History::new(origin),
        acl: catalog.initial_acl(ObjectKind::Type, &owner, &name.schema),
        owner,
        comment: None,
        extension: None,
        name,
    };
    if let UserTypeKind::Domain(domain) = &user_type.kind {
        for check in &domain.checks {
            catalog.note_constraint_name(&user_type.name.schema, check);
        }
    }
    let oid = user_type.oid;
    catalog.insert_type(user_type);
    if let CreateTypeKind::Range { subtype, multirange } = &statement.kind {
        complete_range(catalog, oid, subtype, multirange.as_ref(), origin);
    }
    Ok(())
}

/// What comes with a range type: the functions that make its values, its multirange type and the
/// functions of that. Functions belong to whom the server was set up by.
fn complete_range(
    catalog: &mut Catalog,
    oid: Oid,
    subtype: &TypeName,
    multirange: Option<&ObjectName>,
    origin: Origin,
) {
    let Some(range) = catalog.types.get(&oid).cloned() else { return };
    let name = match multirange {
        Some(name) => catalog.creation_name(name),
        None => QName { schema: range.name.schema.clone(), name: multirange_name(&range.name.name) },
    };
    let subtype = catalog.resolve_data_type(subtype);
    let multirange = UserType {
        oid: catalog.next_oid(),
        name: name.clone(),
        kind: UserTypeKind::Multirange { range: oid },
        ..range.clone()
    };
    let (range_type, multirange_type) = (DataType::user(oid), DataType::user(multirange.oid));
    catalog.insert_type(multirange);
    let text = DataType::builtin("text");
    let several = DataType { array: true, ..range_type.clone() };
    let made = |list: &[&DataType]| list.iter().map(|one| (ArgumentMode::In, (*one).clone())).collect();
    for arguments in [made(&[&subtype, &subtype]), made(&[&subtype, &subtype, &text])] {
        function::create_constructor(catalog, &range.name, arguments, &range_type, false, origin);
    }
    // Also the functions of the multirange are made in the range's schema.
    let name = QName { schema: range.name.schema.clone(), name: name.name };
    for arguments in [made(&[]), made(&[&range_type]), vec![(ArgumentMode::Variadic, several)]] {
        function::create_constructor(catalog, &name, arguments, &multirange_type, true, origin);
    }
}

/// `price_range` makes `price_multirange`, any other name gets an ending (`makeMultirangeTypeName`
/// in the server's `typecmds.c`).
fn multirange_name(range: &Ident) -> Ident {
    match range.find("range") {
        Some(at) => Ident::new(format!("{}multi{}", &range[..at], &range[at..])),
        None => {
            let mut end = range.len().min(63 - "_multirange".len());
            while !range.is_char_boundary(end) {
                end -= 1;
            }
            Ident::new(format!("{}_multirange", &range[..end]))
        }
    }
}

/// A base type is made in two steps: a shell first, its input functions, then the type.
fn replace_shell(catalog: &Catalog, name: &QName, kind: &CreateTypeKind) -> Applied {
    let existing = catalog.type_names.get(name).and_then(|oid| catalog.types.get(oid));
    let is_shell = existing.is_some_and(|existing| existing.kind == UserTypeKind::Base);
    if is_shell && *kind == CreateTypeKind::Base {
        Ok(())
    } else {
        Err(Misfit::exists(ObjectKind::Type, name))
    }
}

fn attribute(catalog: &Catalog, column: &ColumnDef) -> Attribute {
    let written = column.data_type.as_ref();
    let data_type = written.map(|written| catalog.resolve_data_type(written));
    Attribute {
        name: column.name.clone(),
        data_type: data_type.unwrap_or_else(|| DataType::builtin("text")),
        collation: column.collation.as_ref().map(|name| collation_name(catalog, name)),
    }
}

fn domain(catalog: &Catalog, name: &QName, base: DataType, constraints: &[ConstraintDef]) -> Domain {
    let mut domain = Domain { base, not_null: false, has_default: false, checks: Vec::new() };
    for constraint in constraints {
        match &constraint.kind {
            ConstraintKind::NotNull { .. } => domain.not_null = true,
            ConstraintKind::Default(default) => {
                domain.has_default = is_kept_default(catalog, &domain.base, default)
            }
            ConstraintKind::Check(_) => {
                let check = check_name(catalog, name, constraint, &domain.checks);
                domain.checks.push(check);
            }
            _ => {}
        }
    }
    domain
}

/// The name of a domain's check: made up as `price_check` where none is given.
fn check_name(catalog: &Catalog, domain: &QName, definition: &ConstraintDef, taken: &[Ident]) -> Ident {
    match &definition.name {
        Some(name) => name.clone(),
        None => catalog.choose_constraint_name(&domain.schema, &domain.name, "", "check", taken),
    }
}

fn resolve(catalog: &Catalog, kind: ObjectKind, name: &ObjectName) -> Result<Oid, Misfit> {
    catalog.resolve_type(name).ok_or_else(|| Misfit::missing(kind, name))
}

pub(super) fn alter_enum(catalog: &mut Catalog, statement: &AlterEnum, origin: Origin) -> Applied {
    let oid = resolve(catalog, ObjectKind::Type, &statement.name)?;
    let Some(user_type) = catalog.types.get_mut(&oid) else { return Ok(()) };
    let name = user_type.name.clone();
    let created = user_type.history.created;
    let UserTypeKind::Enum { labels } = &mut user_type.kind else {
        return Err(Misfit::refused(SqlState::WRONG_OBJECT_TYPE, format!("{name} is not an enum")));
    };
    let place = |labels: &[String], value: &str| {
        let at = labels.iter().position(|label| label == value);
        at.ok_or_else(|| {
            Misfit::refused(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("\"{value}\" is not an existing label of the enum {name}"),
            )
        })
    };
    match &statement.change {
        EnumChange::Add { value, if_not_exists, neighbour } => {
            if labels.contains(value) {
                let exists = || {
                    Misfit::refused(
                        SqlState::DUPLICATE_OBJECT,
                        format!("enum label \"{value}\" of {name} exists already"),
                    )
                    .helped_by("leave it out, or write `add value if not exists`")
                };
                return if *if_not_exists { Ok(()) } else { Err(exists()) };
            }
            let at = match neighbour {
                Some(neighbour) => place(labels, &neighbour.value)? + usize::from(neighbour.after),
                None => labels.len(),
            };
            labels.insert(at, value.clone());
            if !catalog.session.makes(created) {
                catalog.session.running.new_labels.push((oid, value.clone(), origin.span()));
            }
        }
        EnumChange::Rename { from, to } => {
            let at = place(labels, from)?;
            if labels.contains(to) {
                return Err(Misfit::refused(
                    SqlState::DUPLICATE_OBJECT,
                    format!("enum label \"{to}\" of {name} exists already"),
                ));
            }
            labels[at].clone_from(to);
        }
    }
    user_type.history.touch(origin);
    Ok(())
}

impl Catalog {
    /// Notes a text that becomes a value of an enum which the running transaction adds: PostgreSQL
    /// refuses to use it before it is committed.
    pub(super) fn note_new_label(&mut self, data_type: &DataType, expr: &Expr) {
        let used = self.new_label(data_type, expr);
        self.unfit.extend(used);
    }

    /// Whether the running transaction adds values to enums.
    pub(in crate::catalog) fn has_new_labels(&self) -> bool {
        !self.session.running.new_labels.is_empty()
    }

    /// The misfit of a text that becomes such a value.
    pub(in crate::catalog) fn new_label(&self, data_type: &DataType, expr: &Expr) -> Option<Misfit> {
        let (TypeRef::User(oid), Expr::Literal(Literal::String(text))) = (&data_type.base, expr.uncast())
        else {
            return None;
        };
        let new =
            self.session.running.new_labels.iter().find(|(own, label, _)| own == oid && label == text)?;
        let name = &self.types.get(oid)?.name;
        let why = format!("the value '{text}' of the enum {name} is used in the transaction that adds it");
        let misfit = Misfit::refused(SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE, why);
        Some(misfit.beside(new.2))
    }
}

pub(super) fn alter_domain(catalog: &mut Catalog, statement: &AlterDomain, origin: Origin) -> Applied {
    let oid = resolve(catalog, ObjectKind::Domain, &statement.name)?;
    let Some(user_type) = catalog.types.get(&oid) else { return Ok(()) };
    let name = user_type.name.clone();
    let UserTypeKind::Domain(domain) = &user_type.kind else {
        return Err(Misfit::refused(SqlState::WRONG_OBJECT_TYPE, format!("{name} is not a domain")));
    };
    let mut domain = domain.clone();
    match &statement.change {
        DomainChange::SetDefault(default) => {
            domain.has_default = is_kept_default(catalog, &domain.base, default)
        }
        DomainChange::DropDefault => domain.has_default = false,
        DomainChange::SetNotNull => domain.not_null = true,
        DomainChange::DropNotNull => domain.not_null = false,
        DomainChange::AddConstraint(definition) => match definition.kind {
            ConstraintKind::NotNull { .. } => domain.not_null = true,
            ConstraintKind::Check(_) => {
                let check = check_name(catalog, &name, definition, &domain.checks);
                if domain.checks.contains(&check) {
                    return Err(Misfit::exists_part(ObjectKind::DomainConstraint, &check, &name));
                }
                catalog.note_constraint_name(&name.schema, &check);
                domain.checks.push(check);
            }
            _ => {}
        },
        DomainChange::DropConstraint { name: check, if_exists } => {
            let Some(at) = domain.checks.iter().position(|existing| existing == check) else {
                let missing = || Misfit::missing_part(ObjectKind::DomainConstraint, check, &name);
                return if *if_exists { Ok(()) } else { Err(missing()) };
            };
            domain.checks.remove(at);
        }
        DomainChange::ValidateConstraint(_) => {}
    }
    if let Some(user_type) = catalog.types.get_mut(&oid) {
        user_type.kind = UserTypeKind::Domain(domain);
        user_type.history.touch(origin);
    }
    Ok(())
}

/// ALTER TYPE … ADD, DROP and ALTER ATTRIBUTE, which share ALTER TABLE's grammar.
pub(super) fn alter_composite(catalog: &mut Catalog, statement: &AlterTable, origin: Origin) -> Applied {
    if let [Spanned { value: AlterAction::OwnerTo(role), .. }] = statement.actions.as_slice() {
        let object =
            ObjectRef { kind: statement.kind, name: statement.name.clone(), part: None, signature: None };
        return super::owner::set(catalog, &object, role, origin);
    }
    let oid = resolve(catalog, ObjectKind::Type, &statement.name)?;
    let typed = typed_tables(catalog, oid, statement.cascade)?;
    for action in &statement.actions {
        alter_attribute(catalog, oid, &action.value)?;
        for table in &typed {
            alter_table::follow_type(catalog, *table, &action.value, origin)?;
        }
    }
    if let Some(user_type) = catalog.types.get_mut(&oid) {
        user_type.history.touch(origin);
    }
    Ok(())
}

/// The tables of a type, which change with it. That takes CASCADE.
pub(super) fn typed_tables(catalog: &Catalog, oid: Oid, cascade: bool) -> Result<Vec<Oid>, Misfit> {
    let Some(name) = catalog.types.get(&oid).map(|user_type| &user_type.name) else { return Ok(Vec::new()) };
    let typed = catalog.tables.values().filter(|table| table.of_type.as_ref() == Some(name));
    let list: Vec<Oid> = typed.map(|table| table.oid).collect();
    match list.first() {
        Some(first) if !cascade => {
            let table = catalog.describe(&Object::Table(*first));
            Err(Misfit::refused(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot alter type {name} because it is the type of {table}"),
            ))
        }
        _ => Ok(list),
    }
}

fn alter_attribute(catalog: &mut Catalog, oid: Oid, action: &AlterAction) -> Applied {
    let added = match action {
        AlterAction::AddColumn { column, .. } => Some(attribute(catalog, column)),
        AlterAction::SetType { column, data_type, collation, .. } => Some(Attribute {
            name: column.clone(),
            data_type: catalog.resolve_data_type(data_type),
            collation: collation.as_ref().map(|name| collation_name(catalog, name)),
        }),
        _ => None,
    };
    let Some(user_type) = catalog.types.get_mut(&oid) else { return Ok(()) };
    let name = user_type.name.clone();
    let UserTypeKind::Composite { attributes } = &mut user_type.kind else {
        return Err(Misfit::refused(SqlState::WRONG_OBJECT_TYPE, format!("{name} is not a composite type")));
    };
    let missing = |attribute: &Ident| Misfit::missing_part(ObjectKind::Attribute, attribute, &name);
    let place = |attributes: &[Attribute], wanted: &Ident| {
        attributes.iter().position(|attribute| attribute.name == *wanted)
    };
    match (action, added) {
        (AlterAction::AddColumn { .. }, Some(attribute)) => {
            if place(attributes, &attribute.name).is_some() {
                return Err(Misfit::exists_part(ObjectKind::Attribute, &attribute.name, &name));
            }
            attributes.push(attribute);
        }
        (AlterAction::SetType { column, .. }, Some(attribute)) => {
            let at = place(attributes, column).ok_or_else(|| missing(column))?;
            attributes[at] = attribute;
        }
        (AlterAction::DropColumn { name: dropped, if_exists, .. }, _) => match place(attributes, dropped) {
            Some(at) => drop(attributes.remove(at)),
            None if *if_exists => {}
            None => return Err(missing(dropped)),
        },
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn kind(bench: &Bench, name: &str) -> UserTypeKind {
        let oid = bench.catalog.type_names[&QName::new("public", name)];
        bench.catalog.types[&oid].kind.clone()
    }

    #[test]
    fn enum_values_keep_their_order() {
        let bench = Bench::new(
            "create type mood as enum ('sad', 'happy');
             alter type mood add value 'ok' before 'happy';
             alter type mood add value if not exists 'ok';
             alter type mood add value 'great' after 'happy';
             alter type mood rename value 'sad' to 'low';
             alter type mood add value 'low';",
        );
        assert_eq!(bench.reasons().len(), 1);
        let labels = ["low", "ok", "happy", "great"].map(str::to_owned).to_vec();
        assert_eq!(kind(&bench, "mood"), UserTypeKind::Enum { labels });
    }

    #[test]
    fn domains_name_their_checks() {
        let bench = Bench::new(
            "create domain price as numeric(10,2) not null check (value > 0) check (value < 9);
             alter domain price add constraint small check (value < 5);
             alter domain price drop constraint price_check1;
             alter domain price drop not null;
             alter domain price set default 1;
             alter domain price rename constraint small to little;",
        );
        assert_eq!(bench.catalog.gaps, []);
        let UserTypeKind::Domain(domain) = kind(&bench, "price") else { panic!("no domain") };
        assert_eq!(domain.checks, ["price_check", "little"].map(Ident::from));
        assert!(!domain.not_null && domain.has_default);
        assert_eq!(domain.base.modifiers, [10, 2]);
    }

    #[test]
    fn attributes_of_composite_types_change() {
        let bench = Bench::new(
            "create type pair as (a int, b text);
             alter type pair add attribute c uuid;
             alter type pair drop attribute a;
             alter type pair alter attribute b type int;
             alter type pair rename attribute c to d;
             alter type pair rename to triple;",
        );
        assert_eq!(bench.catalog.gaps, []);
        let UserTypeKind::Composite { attributes } = kind(&bench, "triple") else { panic!("no composite") };
        let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
        assert_eq!(names, ["b", "d"]);
        assert!(attributes[0].data_type.is_builtin("int4"));
    }
}
