//! Extensions, and what the well-known ones bring.
//!
//! `known.txt` lists them: a line `# name place` per extension, then its members. A name without a
//! schema is in the extension's own. Support functions of types and operators are left out, and of
//! the largest extensions all that migrations hardly ever name.

use crate::catalog::acl::Acl;
use crate::catalog::apply::{Applied, Misfit, function};
use crate::catalog::function::{Argument, Function, FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::role::{Extension, Namespace, Sequence};
use crate::catalog::table::{Column, Table};
use crate::catalog::types::{Attribute, DataType, Domain, TypeRef, UserType, UserTypeKind};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::{ArgumentMode, CreateExtension, ObjectKind, Persistence, Volatility};

const KNOWN: &str = include_str!("extension/known.txt");

/// Which schema an extension goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one that is said, and later another.
    Relocatable,
    /// The one that is said, for good.
    Anywhere,
    /// Always this one, which is made with it.
    Fixed(&'static str),
}

#[derive(Clone, Copy, Debug)]
struct Known {
    place: Place,
    requires: &'static str,
    members: &'static str,
}

fn known(name: &str) -> Option<Known> {
    let blocks = KNOWN.split("\n# ").map(|block| block.trim_start_matches("# "));
    let (head, members) = blocks
        .map(|block| block.split_once('\n').unwrap_or((block, "")))
        .find(|(head, _)| head.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    let words = head[name.len()..].trim();
    let (place, requires) = words.split_once(" requires ").unwrap_or((words, ""));
    let place = match place.strip_prefix("in ") {
        Some(schema) => Place::Fixed(schema),
        None if place == "relocatable" => Place::Relocatable,
        None => Place::Anywhere,
    };
    Some(Known { place, requires, members })
}

/// Whether an extension can move to another schema; `None` where nobody knows.
pub(crate) fn is_relocatable(name: &Ident) -> Option<bool> {
    known(name).map(|known| known.place == Place::Relocatable)
}

pub(super) fn create(catalog: &mut Catalog, statement: &CreateExtension, origin: Origin) -> Applied {
    let name = &statement.name.value;
    if catalog.extensions.contains_key(name) {
        return match statement.if_not_exists {
            true => Ok(()),
            false => Err(Misfit::exists(ObjectKind::Extension, name)),
        };
    }
    let known = known(name);
    let schema = match (known.map(|known| known.place), &statement.schema) {
        (Some(Place::Fixed(schema)), _) => schema.into(),
        (_, Some(schema)) => schema.clone(),
        (_, None) => catalog.creation_schema(),
    };
    if !matches!(known, Some(Known { place: Place::Fixed(_), .. })) {
        catalog.require_namespace(&schema)?;
    }
    let required = known.map(|known| known.requires).unwrap_or_default();
    for other in required.split(',').filter(|other| !other.is_empty()) {
        if catalog.extensions.contains_key(other) {
            continue;
        }
        if !statement.cascade {
            return Err(Misfit::refused(
                SqlState::UNDEFINED_OBJECT,
                format!("required extension {other} is not installed"),
            )
            .helped_by("create that one first, or write `cascade`"));
        }
        let mut first = statement.clone();
        first.name.value = other.into();
        first.version = None;
        create(catalog, &first, origin)?;
    }
    install(catalog, name, &schema, statement.version.clone(), Some(statement.name.span), origin);
    if let Some(extension) = catalog.extensions.get_mut(name) {
        extension.schema_given = statement.schema.is_some();
    }
    if let Some(span) = origin.span().filter(|_| known.is_none()) {
        let reason = format!("what extension {name} brings is not known");
        catalog.record_unknown(span, reason, Aspect::Existence, None);
    }
    Ok(())
}

/// Adds an extension and its members. The platform's own arrive here, too.
pub(crate) fn install(
    catalog: &mut Catalog,
    name: &Ident,
    schema: &Ident,
    version: Option<String>,
    name_span: Option<Span>,
    origin: Origin,
) {
    let extension = Extension {
        name: name.clone(),
        schema: Tracked::new(schema.clone(), origin),
        schema_given: false,
        history: History::new(origin),
        name_span,
        version,
    };
    catalog.extensions.insert(name.clone(), extension);
    let Some(known) = known(name) else { return };
    // pgmq's members belong to postgres, so that making a queue can add to them.
    let owner = if *name == "pgmq" { "postgres" } else { "supabase_admin" };
    let installer = Installer { name, schema, owner: owner.into(), origin };
    if matches!(known.place, Place::Fixed(_)) {
        installer.add_namespace(catalog, schema, None);
    }
    for line in known.members.lines() {
        installer.add(catalog, line);
    }
    if *name == "pg_graphql" {
        set_graphql_entry(catalog, "sql", origin);
    }
}

/// The platform's event triggers keep `graphql_public.graphql` in step with `pg_graphql`: without
/// it, the function is a placeholder in PL/pgSQL.
pub(super) fn set_graphql_entry(catalog: &mut Catalog, language: &str, origin: Origin) {
    let entry = catalog.functions_named(&QName::new("graphql_public", "graphql")).next();
    let Some(entry) = entry.map(|entry| entry.oid) else { return };
    let role = catalog.session.role.clone();
    if let Some(entry) = catalog.functions.get_mut(&entry) {
        // The placeholder is made anew, by whoever drops the extension.
        if language == "plpgsql" {
            entry.acl = Acl::built_in(ObjectKind::Function, &role);
            entry.owner = role;
        }
        entry.language = language.into();
        entry.history.touch(origin);
    }
}

impl Catalog {
    /// The schema that something without a schema's name is made in.
    fn creation_schema(&self) -> Ident {
        let path = self.search_path().filter(|schema| *schema != "pg_catalog");
        path.into_iter()
            .find(|schema| self.namespaces.contains_key(schema))
            .unwrap_or_else(|| "public".into())
    }
}

struct Installer<'a> {
    name: &'a Ident,
    schema: &'a Ident,
    owner: Ident,
    origin: Origin,
}

impl Installer<'_> {
    /// Adds the member that a line describes.
    fn add(&self, catalog: &mut Catalog, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "schema" => self.add_namespace(catalog, &rest.into(), Some(self.name)),
            "type" => self.add_type(catalog, rest, UserTypeKind::Base),
            "range" => self.add_type(catalog, rest, UserTypeKind::Range),
            "enum" => {
                let (name, labels) = rest.split_once(' ').unwrap_or((rest, ""));
                let labels = labels.split(',').map(str::to_owned).collect();
                self.add_type(catalog, name, UserTypeKind::Enum { labels });
            }
            "domain" => {
                let (name, base) = rest.split_once(' ').unwrap_or((rest, "text"));
                let base = self.data_type(catalog, base);
                let domain = Domain { base, not_null: false, has_default: false, checks: Vec::new() };
                self.add_type(catalog, name, UserTypeKind::Domain(domain));
            }
            "composite" => {
                let (name, columns) = self.columns(catalog, rest);
                let attributes = columns
                    .into_iter()
                    .map(|(name, data_type)| Attribute { name, data_type, collation: None })
                    .collect();
                self.add_type(catalog, name, UserTypeKind::Composite { attributes });
            }
            "table" => self.add_table(catalog, rest),
            "view" => self.add_view(catalog, rest),
            "rule" => {
                let (view, rule) = rest.split_once(' ').unwrap_or((rest, ""));
                if let Some(Relation::View(oid)) = catalog.relation(&self.qname(view)) {
                    catalog.views.get_mut(&oid).into_iter().for_each(|view| view.rules.push(rule.into()));
                }
            }
            "sequence" => self.add_sequence(catalog, rest),
            "function" => self.add_function(catalog, FunctionKind::Function, rest),
            "procedure" => self.add_function(catalog, FunctionKind::Procedure, rest),
            "aggregate" => self.add_function(catalog, FunctionKind::Aggregate, rest),
            _ => {}
        }
    }

    fn qname(&self, name: &str) -> QName {
        match name.split_once('.') {
            Some((schema, name)) => QName::new(schema, name),
            None => QName::new(self.schema.clone(), name),
        }
    }

    /// A type by internal name, its own schema's before those of other extensions.
    fn data_type(&self, catalog: &Catalog, text: &str) -> DataType {
        let (name, array) = text.strip_suffix("[]").map_or((text, false), |name| (name, true));
        let name = self.qname(name);
        let builtin = catalog.type_in(&"pg_catalog".into(), &name.name).filter(|_| !text.contains('.'));
        let own = || catalog.type_in(&name.schema, &name.name);
        let found = builtin.or_else(own).unwrap_or_else(|| DataType {
            base: TypeRef::Unknown(name.quoted()),
            modifiers: Vec::new(),
            array: false,
        });
        DataType { array, ..found }
    }

    /// `name(column type, …)`
    fn columns<'t>(&self, catalog: &Catalog, text: &'t str) -> (&'t str, Vec<(Ident, DataType)>) {
        let (name, list) = text.split_once('(').unwrap_or((text, ""));
        let column = |column: &str| {
            let (name, data_type) = column.rsplit_once(' ').unwrap_or((column, "text"));
            (Ident::new(name), self.data_type(catalog, data_type))
        };
        (name, list.trim_end_matches(')').split(", ").filter(|part| !part.is_empty()).map(column).collect())
    }

    fn add_namespace(&self, catalog: &mut Catalog, name: &Ident, extension: Option<&Ident>) {
        if catalog.namespaces.contains_key(name) || *name == "pg_catalog" {
            return;
        }
        let namespace = Namespace {
            name: name.clone(),
            history: History::new(self.origin),
            owner: self.owner.clone(),
            acl: catalog.initial_acl(ObjectKind::Schema, &self.owner, name),
            comment: None,
            extension: extension.cloned(),
        };
        catalog.namespaces.insert(name.clone(), namespace);
    }

    fn add_type(&self, catalog: &mut Catalog, name: &str, kind: UserTypeKind) {
        let name = self.qname(name);
        if !catalog.is_name_free(&name) {
            return;
        }
        let user_type = UserType {
            oid: catalog.next_oid(),
            kind,
            history: History::new(self.origin),
            owner: self.owner.clone(),
            acl: catalog.initial_acl(ObjectKind::Type, &self.owner, &name.schema),
            comment: None,
            extension: Some(self.name.clone()),
            name,
        };
        catalog.insert_type(user_type);
    }

    fn add_table(&self, catalog: &mut Catalog, text: &str) {
        let (name, columns) = self.columns(catalog, text);
        let name = self.qname(name);
        if !catalog.is_name_free(&name) {
            return;
        }
        let acl = catalog.initial_acl(ObjectKind::Table, &self.owner, &name.schema);
        let mut table = Table::empty(catalog.next_oid(), name, self.owner.clone(), self.origin);
        table.acl = acl;
        table.extension = Some(self.name.clone());
        for (name, data_type) in columns {
            table.push_column(Column::new(name, data_type, self.origin));
        }
        catalog.insert_table(table);
    }

    fn add_view(&self, catalog: &mut Catalog, text: &str) {
        let (name, columns) = self.columns(catalog, text);
        let name = self.qname(name);
        if !catalog.is_name_free(&name) {
            return;
        }
        let numbered = |(attnum, (name, data_type)): (i16, (Ident, DataType))| Column {
            attnum,
            ..Column::new(name, data_type, self.origin)
        };
        let columns: Vec<Column> = (1..).zip(columns).map(numbered).collect();
        let view = View {
            oid: catalog.next_oid(),
            materialized: false,
            history: History::new(self.origin),
            name_span: None,
            owner: self.owner.clone(),
            last_attnum: columns.last().map_or(0, |column| column.attnum),
            columns,
            columns_known: true,
            query: None,
            was_invoker: None,
            options: Vec::new(),
            populated: true,
            indexes: Default::default(),
            triggers: Default::default(),
            rules: Vec::new(),
            acl: catalog.initial_acl(ObjectKind::View, &self.owner, &name.schema),
            comment: None,
            extension: Some(self.name.clone()),
            name,
        };
        catalog.insert_view(view);
    }

    fn add_sequence(&self, catalog: &mut Catalog, name: &str) {
        let name = self.qname(name);
        if !catalog.is_relation_name_free(&name) {
            return;
        }
        let sequence = Sequence {
            oid: catalog.next_oid(),
            history: History::new(self.origin),
            owner: self.owner.clone(),
            persistence: Persistence::Permanent,
            data_type: DataType::builtin("int8"),
            start: 1,
            increment: 1,
            owned_by: None,
            identity: false,
            acl: catalog.initial_acl(ObjectKind::Sequence, &self.owner, &name.schema),
            comment: None,
            extension: Some(self.name.clone()),
            name,
        };
        catalog.insert_sequence(sequence);
    }

    /// `vd name(argument type =, …) result`: volatility, `d` for SECURITY DEFINER, the signature; `=`
    /// stands for a default and `_` for no name.
    fn add_function(&self, catalog: &mut Catalog, kind: FunctionKind, text: &str) {
        let Some((flags, text)) = text.split_once(' ') else { return };
        let (Some((name, rest)), Some((_, result))) = (text.split_once('('), text.rsplit_once(") ")) else {
            return;
        };
        let list = rest.rsplit_once(") ").map_or("", |(list, _)| list);
        let arguments: Vec<Argument> = list
            .split(", ")
            .filter(|argument| !argument.is_empty())
            .map(|argument| self.argument(catalog, argument))
            .collect();
        let returns = match result.strip_prefix("setof ") {
            _ if kind == FunctionKind::Procedure => Returns::Nothing,
            Some(result) => Returns::SetOf(self.data_type(catalog, result)),
            None if result == "table" => Returns::Table,
            None => Returns::Type(self.data_type(catalog, result)),
        };
        let name = self.qname(name);
        let inputs = arguments.iter().filter(|argument| argument.is_input());
        let inputs: Vec<DataType> = inputs.map(|argument| argument.data_type.clone()).collect();
        if catalog.function_taking(&name, &inputs).is_some() {
            return;
        }
        let acl = catalog.initial_acl(ObjectKind::Function, &self.owner, &name.schema);
        let function = Function {
            oid: catalog.next_oid(),
            language: "c".into(),
            security_definer: Tracked::new(flags.contains('d'), self.origin),
            volatility: match flags.as_bytes().first() {
                Some(b'i') => Volatility::Immutable,
                Some(b's') => Volatility::Stable,
                _ => Volatility::Volatile,
            },
            owner: self.owner.clone(),
            acl,
            extension: Some(self.name.clone()),
            ..function::blank(catalog, name, kind, arguments, returns, self.origin)
        };
        catalog.insert_function(function);
    }

    fn argument(&self, catalog: &Catalog, text: &str) -> Argument {
        let (text, has_default) = text.strip_suffix(" =").map_or((text, false), |text| (text, true));
        let modes = [
            ("out ", ArgumentMode::Out),
            ("inout ", ArgumentMode::InOut),
            ("variadic ", ArgumentMode::Variadic),
            ("table ", ArgumentMode::Table),
        ];
        let moded = modes.iter().find_map(|(word, mode)| {
            let rest = text.strip_prefix(word).filter(|rest| rest.contains(' '))?;
            Some((rest, *mode))
        });
        let (text, mode) = moded.unwrap_or((text, ArgumentMode::In));
        let (name, data_type) = text.rsplit_once(' ').unwrap_or(("_", text));
        Argument {
            name: (name != "_").then(|| Ident::new(name)),
            mode,
            data_type: self.data_type(catalog, data_type),
            has_default,
            default: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn extensions_go_where_they_must() {
        let bench = Bench::new(
            "create extension if not exists vector;
             create extension pg_cron with schema extensions;
             create extension earthdistance with schema extensions;
             create extension earthdistance with schema extensions cascade;
             create extension moddatetime schema extensions;
             create extension citext schema missing;
             create table t (at timestamptz, v vector(3));
             create trigger m before update on t for each row
               execute function extensions.moddatetime(at);",
        );
        assert_eq!(bench.reasons().len(), 2);
        let schema = |name: &str| bench.catalog.extensions[name].schema.value.to_string();
        assert_eq!(schema("vector"), "public");
        assert_eq!(schema("pg_cron"), "pg_catalog");
        assert_eq!(schema("cube"), "extensions");
        assert!(bench.catalog.namespaces.contains_key("cron"));
        let table = bench.catalog.table(&QName::new("public", "t")).unwrap();
        assert!(table.triggers["m"].function.oid.is_some());
        assert!(matches!(table.columns[1].data_type.value.base, TypeRef::User(_)));
    }

    #[test]
    fn every_line_of_the_list_makes_something() {
        let heads: Vec<&str> = KNOWN.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        for head in heads {
            let name = Ident::new(head.split(' ').next().unwrap());
            let mut catalog = Catalog::default();
            let known = known(&name).unwrap();
            let schema = match known.place {
                Place::Fixed(schema) => Ident::new(schema),
                _ => "extensions".into(),
            };
            install(&mut catalog, &name, &schema, None, None, Origin::Platform);
            let made = catalog.functions.len()
                + catalog.types.len()
                + catalog.tables.len()
                + catalog.views.len()
                + catalog.sequences.len()
                + catalog.views.values().map(|view| view.rules.len()).sum::<usize>()
                + catalog.namespaces.values().filter(|namespace| namespace.extension.is_some()).count();
            assert_eq!(made, known.members.lines().count(), "{name}");
        }
    }
}
