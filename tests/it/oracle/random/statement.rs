//! Writes random statements about the objects of a catalog.
//!
//! Most statements are about what is there, some about names that may or may not be; few names are
//! used, so that they collide. There are no rows and no temporary objects.

use proptest::prelude::RngExt;
use proptest::test_runner::TestRng;
use rls_lint::catalog::Catalog;
use rls_lint::catalog::function::{Function, FunctionKind};
use rls_lint::catalog::name::QName;
use rls_lint::catalog::origin::Origin;
use rls_lint::catalog::role::Sequence;
use rls_lint::catalog::table::{Column, ConstraintKind, Table, TableKind};
use rls_lint::catalog::types::{UserType, UserTypeKind};
use rls_lint::catalog::view::View;
use rls_lint::sql::name::Ident;

/// Fifty-eight bytes: with a suffix it must be cut.
const LONG: &str = "a_relation_whose_name_is_so_long_that_what_it_names_is_cut";
const RELATIONS: [&str; 9] = ["t", "u", "v", "items", "\"Odd name\"", "t_a_idx", "t_pkey", "u_a_seq", LONG];
const COLUMNS: [&str; 7] = ["a", "b", "c", "id", "t", "\"My col\"", "a_column_whose_name_is_long_enough_too"];
const NAMES: [&str; 8] = ["t_a_key", "t_pkey", "t_check", "t_a_idx", "own", "\"Every one\"", "n", LONG];
const SCHEMAS: [&str; 3] = ["public", "app", "\"Side\""];
const FUNCTIONS: [&str; 4] = ["f", "g", "touch", "\"Fn\""];
const TYPES: [&str; 4] = ["mood", "code", "pair", "\"Ty\""];
const ROLES: [&str; 2] = ["worker_a", "worker_b"];
const API_ROLES: [&str; 4] = ["anon", "authenticated", "service_role", "public"];

/// Types, and a value of each.
const BUILTIN: [(&str, &str); 14] = [
    ("int", "1"),
    ("int", "0"),
    ("integer", "2"),
    ("text", "'x'"),
    ("text", "''"),
    ("bigint", "7"),
    ("uuid", "gen_random_uuid()"),
    ("boolean", "false"),
    ("varchar(20)", "'y'"),
    ("numeric(8, 2)", "0.5"),
    ("timestamptz", "now()"),
    ("date", "current_date"),
    ("jsonb", "'{}'::jsonb"),
    ("text[]", "'{}'"),
];

pub(super) struct Writer<'w> {
    pub(super) rng: &'w mut TestRng,
    pub(super) catalog: &'w Catalog,
}

/// What a statement can be about by `schema.name`: the keyword, and the name.
type Named = (&'static str, String);

impl<'w> Writer<'w> {
    pub(super) fn statement(&mut self) -> String {
        match self.below(100) {
            0..6 => self.in_block(),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> String {
        let is_young = self.tables().len() < 2;
        match self.below(if is_young { 30 } else { 132 }) {
            0..14 => self.create_table(),
            14..16 => self.create_schema(),
            16..19 => self.create_type(),
            19..23 => self.create_function(),
            23..24 => self.create_sequence(),
            24..25 => self.create_role(),
            25..26 => self.settings(),
            26..30 => self.default_privileges(),
            30..58 => self.alter_table(),
            58..66 => self.create_index(),
            66..74 => self.create_view(),
            74..80 => self.policy(),
            80..84 => self.create_trigger(),
            84..91 => self.grant(),
            91..98 => self.rename(),
            98..105 => self.drop(),
            105..109 => self.alter_other(),
            109..113 => self.alter_type(),
            113..116 => self.alter_function(),
            116..119 => self.publication(),
            119..123 => self.comment(),
            123..126 => self.set_schema(),
            126..129 => self.owner(),
            129..130 => self.membership(),
            _ => self.rule(),
        }
    }

    // What there is

    fn tables(&self) -> Vec<&'w Table> {
        self.catalog.own_tables().collect()
    }

    fn views(&self) -> Vec<&'w View> {
        self.catalog.views.values().filter(|view| view.history.created != Origin::Platform).collect()
    }

    fn sequences(&self) -> Vec<&'w Sequence> {
        let all = self.catalog.sequences.values();
        all.filter(|sequence| sequence.history.created != Origin::Platform).collect()
    }

    fn functions(&self) -> Vec<&'w Function> {
        let all = self.catalog.functions.values();
        all.filter(|function| function.history.created != Origin::Platform).collect()
    }

    fn types(&self) -> Vec<&'w UserType> {
        let all = self.catalog.types.values();
        all.filter(|user_type| user_type.history.created != Origin::Platform).collect()
    }

    fn own_schemas(&self) -> Vec<&'w Ident> {
        let all = self.catalog.namespaces.values();
        all.filter(|schema| schema.history.created != Origin::Platform).map(|schema| &schema.name).collect()
    }

    fn own_roles(&self) -> Vec<String> {
        let all = self.catalog.roles.values();
        let own = all.filter(|role| role.history.created != Origin::Platform);
        own.map(|role| role.name.quoted()).collect()
    }

    // Choosing

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The text, in so many of a hundred cases.
    fn maybe<'t>(&mut self, percent: usize, text: &'t str) -> &'t str {
        if self.chance(percent) { text } else { "" }
    }

    fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| self.one(list))
    }

    /// Some of a list, in any order, at least one unless there is none.
    fn some<T: Clone>(&mut self, list: &[T], most: usize) -> Vec<T> {
        let mut rest = list.to_vec();
        let count = 1 + self.below(most);
        let mut chosen = Vec::new();
        while chosen.len() < count && !rest.is_empty() {
            let at = self.below(rest.len());
            chosen.push(rest.swap_remove(at));
        }
        chosen
    }

    fn if_exists(&mut self) -> &'static str {
        self.maybe(30, "if exists ")
    }

    fn if_not_exists(&mut self) -> &'static str {
        self.maybe(20, "if not exists ")
    }

    fn behavior(&mut self) -> &'static str {
        self.one(&["", "", " cascade", " restrict"])
    }

    // Names

    /// A name with its schema, or bare where that may mean the same.
    fn qualified(&mut self, name: &QName) -> String {
        let is_in_path = self.catalog.session.search_path.contains(&name.schema);
        if self.chance(if is_in_path { 60 } else { 5 }) { name.name.quoted() } else { name.quoted() }
    }

    /// A name that is made or that nothing may have.
    fn new_name(&mut self, names: &[&str]) -> String {
        let name = self.one(names);
        if self.chance(75) { name.to_string() } else { format!("{}.{name}", self.schema()) }
    }

    fn schema(&mut self) -> String {
        let own = self.own_schemas();
        match self.one_of(&own) {
            Some(schema) if self.chance(60) => schema.quoted(),
            _ if self.chance(80) => "public".to_string(),
            _ => self.one(&SCHEMAS).to_string(),
        }
    }

    fn table(&mut self) -> Option<&'w Table> {
        let tables = self.tables();
        self.one_of(&tables)
    }

    fn table_name(&mut self) -> String {
        match self.table() {
            Some(table) if self.chance(97) => self.qualified(&table.name),
            _ => self.new_name(&RELATIONS),
        }
    }

    fn columns_of(table: &Table) -> Vec<String> {
        table.columns.iter().map(|column| column.name.quoted()).collect()
    }

    fn column_of(&mut self, columns: &[String]) -> String {
        match self.one_of(columns) {
            Some(column) if self.chance(97) => column,
            _ => self.one(&COLUMNS).to_string(),
        }
    }

    fn role(&mut self) -> String {
        let own = self.own_roles();
        match self.one_of(&own) {
            Some(role) if self.chance(50) => role,
            _ if self.chance(90) => self.one(&API_ROLES[..3]).to_string(),
            _ => self.one(&ROLES).to_string(),
        }
    }

    fn grantee(&mut self) -> String {
        if self.chance(30) { "public".to_string() } else { self.role() }
    }

    /// An owner: postgres more often than not.
    fn owner_name(&mut self) -> String {
        if self.chance(50) { self.role() } else { self.one(&["postgres", "current_user"]).to_string() }
    }

    fn data_type(&mut self) -> (String, String) {
        let types = self.types();
        match self.one_of(&types) {
            Some(user_type) if self.chance(25) => {
                let array = self.maybe(15, "[]");
                (self.qualified(&user_type.name) + array, "null".to_string())
            }
            _ => {
                let (name, value) = self.one(&BUILTIN);
                (name.to_string(), value.to_string())
            }
        }
    }

    /// A function without arguments, as a call, perhaps one of a certain type.
    fn call(&mut self, of_type: Option<&str>) -> Option<String> {
        let functions = self.functions();
        let callable = |function: &&&Function| {
            let result = function.result(self.catalog).unwrap_or_default();
            let fits = of_type.is_none_or(|of_type| result == of_type);
            let is_plain = function.kind == FunctionKind::Function && !function.is_trigger();
            function.arguments.is_empty()
                && is_plain
                && fits
                && !result.starts_with("SETOF")
                && result != "void"
        };
        let callable: Vec<_> = functions.iter().filter(callable).copied().collect();
        let function = self.one_of(&callable)?;
        Some(format!("{}()", self.qualified(&function.name)))
    }

    /// A condition on some columns, whatever their types.
    fn condition(&mut self, columns: &[String]) -> String {
        let a = self.column_of(columns);
        let b = self.column_of(columns);
        match self.below(9) {
            0 => format!("{a} is not null"),
            1 => format!("{a} is null or {b} is not null"),
            2 => format!("length({a}::text) > 2"),
            3 => format!("{a}::text = {b}::text"),
            4 => format!("{a}::text <> '' and {b} is not null"),
            5 => "true".to_string(),
            6 => format!("coalesce({a}, {a}) is not null"),
            7 => match self.call(None) {
                Some(call) => format!("{a} is not null or {call} is null"),
                None => format!("not ({a} is null)"),
            },
            _ => format!("{a}::text is distinct from {b}::text"),
        }
    }

    /// The same, for policies: they may read other tables.
    fn predicate(&mut self, columns: &[String]) -> String {
        match self.below(4) {
            0 => {
                let Some(other) = self.table() else { return self.condition(columns) };
                let there = Self::columns_of(other);
                let (name, column) = (self.qualified(&other.name), self.column_of(&there));
                let here = self.column_of(columns);
                match self.below(3) {
                    0 => format!("exists (select from {name} o where o.{column} is not null)"),
                    1 => format!("{here} in (select {column} from {name})"),
                    _ => format!("{here}::text = (select max(x.{column}::text) from {name} as x)"),
                }
            }
            1 => "auth.uid() is not null".to_string(),
            _ => self.condition(columns),
        }
    }

    // Tables

    fn create_table(&mut self) -> String {
        let kind = self.one(&["table", "table", "table", "table", "unlogged table"]);
        let if_not_exists = self.if_not_exists();
        let name = self.new_name(&RELATIONS);
        let head = format!("create {kind} {if_not_exists}{name}");
        let other = self.table();
        match (self.below(12), other) {
            (0, Some(other)) => {
                let query = self.query(other);
                let with = self.maybe(30, " with no data");
                format!("{head} as {query}{with}")
            }
            (1, Some(other)) => {
                let like = self.like(&other.name);
                let more = self.one(&COLUMNS);
                if self.chance(50) {
                    format!("{head} ({like})")
                } else {
                    format!("{head} ({more} int, {like})")
                }
            }
            (2..4, Some(_)) => self.create_partition(&name),
            (4, Some(other)) => {
                let parent = self.qualified(&other.name);
                let (elements, _) = self.table_elements(2);
                let elements = self.one(&[elements, String::new()]);
                format!("{head} ({elements}) inherits ({parent})")
            }
            (5, _) => {
                let columns = self.some(&COLUMNS, 4);
                let key = columns[0];
                let mut elements: Vec<String> = Vec::new();
                for name in &columns {
                    let (data_type, value) = self.data_type();
                    let rest =
                        self.one(&[" not null".to_string(), format!(" default {value}"), String::new()]);
                    // Partitions have identities since PostgreSQL 17, so there are none.
                    elements.push(format!("{name} {data_type}{rest}"));
                }
                let names: Vec<String> = columns.iter().map(|name| name.to_string()).collect();
                elements.push(match self.below(5) {
                    0 => format!("primary key ({key})"),
                    1 => format!("unique ({})", names.join(", ")),
                    2 => format!("check ({})", self.condition(&names)),
                    _ => format!("unique nulls not distinct ({key})"),
                });
                let elements = elements.join(", ");
                let how = self.one(&["list", "range", "hash"]);
                format!("{head} ({elements}) partition by {how} ({key})")
            }
            (6, _) if self.chance(40) => match self.composite() {
                Some(composite) => format!("{head} of {}", self.qualified(&composite.name)),
                None => format!("{head} ()"),
            },
            _ => {
                let (elements, _) = self.table_elements(6);
                let options = self.maybe(8, " with (fillfactor = 70)");
                format!("{head} ({elements}){options}")
            }
        }
    }

    fn like(&mut self, other: &QName) -> String {
        let mut like = format!("like {}", self.qualified(other));
        for option in ["all", "defaults", "constraints", "indexes", "identity", "generated", "comments"] {
            like += &match self.below(4) {
                0 => format!(" including {option}"),
                1 if self.chance(20) => format!(" excluding {option}"),
                _ => String::new(),
            };
        }
        like
    }

    fn create_partition(&mut self, name: &str) -> String {
        let tables = self.tables();
        let partitioned: Vec<_> =
            tables.into_iter().filter(|table| table.kind == TableKind::Partitioned).collect();
        let Some(parent) = self.one_of(&partitioned) else {
            return format!("create table {name} (id int primary key, a text) partition by list (id)");
        };
        let parent_name = self.qualified(&parent.name);
        let bound = self.bound();
        let sub = self.maybe(15, " partition by list (a)");
        let elements = match self.below(6) {
            0 => {
                let columns = Self::columns_of(parent);
                let column = self.column_of(&columns);
                format!(" ({column} not null, check ({column} is not null))")
            }
            _ => String::new(),
        };
        format!("create table {name} partition of {parent_name}{elements} {bound}{sub}")
    }

    fn bound(&mut self) -> String {
        let n = self.below(5);
        match self.below(7) {
            0..3 => "default".to_string(),
            3..5 => format!("for values in ('{n}')"),
            5 => format!("for values from ('{n}') to ('{}')", n + 1),
            _ => format!("for values with (modulus 5, remainder {n})"),
        }
    }

    fn composite(&mut self) -> Option<&'w UserType> {
        let types = self.types();
        let composites: Vec<_> =
            types.into_iter().filter(|ty| matches!(ty.kind, UserTypeKind::Composite { .. })).collect();
        self.one_of(&composites)
    }

    /// Columns and constraints, and the names of the columns.
    fn table_elements(&mut self, most: usize) -> (String, Vec<String>) {
        let columns: Vec<String> = self.some(&COLUMNS, most).into_iter().map(str::to_string).collect();
        let mut elements: Vec<String> = Vec::new();
        let has = |elements: &[String], word: &str| elements.iter().any(|element| element.contains(word));
        for name in &columns {
            // Each may be there once.
            let key = if has(&elements, "primary key") { "unique" } else { "primary key" };
            let plain: Vec<String> = elements
                .iter()
                .zip(&columns)
                .filter(|(element, _)| !element.contains("generated"))
                .map(|(_, name)| name.clone())
                .collect();
            elements.push(self.column_definition(name, &plain).replace("primary key", key));
        }
        for _ in 0..self.below(3) {
            let constraint = self.table_constraint(&columns, None);
            // One of equal exclusion constraints is left out, and their operators are not kept.
            if !["primary key", "exclude"]
                .iter()
                .any(|once| constraint.contains(once) && has(&elements, once))
            {
                elements.push(constraint);
            }
        }
        (elements.join(", "), columns)
    }

    fn column_definition(&mut self, name: &str, columns: &[String]) -> String {
        let (data_type, value) = self.data_type();
        match self.below(14) {
            0 => return format!("{name} {}", self.one(&["serial", "bigserial", "smallserial"])),
            1 => {
                let how = self.one(&["always", "by default"]);
                let kind = self.one(&["int", "bigint"]);
                return format!("{name} {kind} generated {how} as identity");
            }
            2 if !columns.is_empty() => {
                let (column, other) = (self.column_of(columns), self.column_of(columns));
                let text = self.one(&["is null", "is not null"]);
                let column = if self.chance(80) { column } else { other };
                return format!("{name} boolean generated always as ({column} {text}) stored");
            }
            3 => {
                if let Some(reference) = self.reference_with_type() {
                    return format!("{name} {reference}");
                }
            }
            _ => {}
        }
        let mut definition = format!("{name} {data_type}");
        for kind in self.some(&[0, 1, 2, 3, 4, 5], 3) {
            if self.chance(50) {
                continue;
            }
            let named = self.maybe(15, "constraint n ");
            definition += &match kind {
                0 => " not null".to_string(),
                1 => format!(" default {value}"),
                2 => format!(" {named}primary key"),
                3 => format!(" {named}unique{}", self.maybe(20, " nulls not distinct")),
                4 => format!(" {named}check ({name} is not null)"),
                _ if definition.contains("default") => String::new(),
                _ => match self.call(Some(&data_type)) {
                    Some(call) => format!(" default {call}"),
                    None => String::new(),
                },
            };
        }
        definition
    }

    /// The type of a column that can be referenced, and the reference.
    fn reference_with_type(&mut self) -> Option<String> {
        if self.chance(20) {
            return Some("uuid references auth.users".to_string() + &self.actions());
        }
        let keys = self.keys();
        let (table, column): (&Table, &Column) = self.one_of(&keys)?;
        let name = self.qualified(&table.name);
        let actions = self.actions();
        let column_name = self.one(&[format!(" ({})", column.name.quoted()), String::new()]);
        Some(format!(
            "{} references {name}{column_name}{actions}",
            column.data_type.value.display(self.catalog)
        ))
    }

    fn actions(&mut self) -> String {
        let mut text = String::new();
        if self.chance(30) {
            text += self.one(&[
                " on delete cascade",
                " on delete set null",
                " on update restrict on delete no action",
            ]);
        }
        text + self.one(&["", "", "", "", " deferrable", " deferrable initially deferred"])
    }

    /// A constraint of a table, with or without a name.
    fn table_constraint(&mut self, columns: &[String], table: Option<&Table>) -> String {
        let name = match self.below(3) {
            0 => format!("constraint {} ", self.one(&NAMES)),
            _ => String::new(),
        };
        let some = self.some(columns, 3);
        let list = if some.is_empty() { "a".to_string() } else { some.join(", ") };
        let body = match self.below(10) {
            0..2 => format!("primary key ({list})"),
            2..4 => {
                let include = self.include(columns, 15);
                let nulls = self.maybe(10, " nulls not distinct");
                let deferrable = self.maybe(10, " deferrable initially deferred");
                format!("unique{nulls} ({list}){include}{deferrable}")
            }
            4..6 => format!("check ({})", self.condition(columns)) + self.maybe(8, " no inherit"),
            6 => format!("exclude using btree ({} with =)", self.column_of(columns)),
            _ => match table.and_then(|table| self.foreign_key(table)) {
                Some(key) => key,
                None => format!("check ({})", self.condition(columns)),
            },
        };
        name + &body
    }

    fn include(&mut self, columns: &[String], percent: usize) -> String {
        if self.chance(percent) { format!(" include ({})", self.column_of(columns)) } else { String::new() }
    }

    /// A foreign key from a column to one of the same type that is a key.
    fn foreign_key(&mut self, table: &Table) -> Option<String> {
        let mut pairs = Vec::new();
        for (other, key) in self.keys() {
            let same = |column: &&Column| column.data_type.value == key.data_type.value;
            pairs.extend(table.columns.iter().filter(same).map(|column| (column, other, key)));
        }
        let (column, other, key): (&Column, &Table, &Column) = self.one_of(&pairs)?;
        let target = self.qualified(&other.name);
        let there = self.one(&[format!(" ({})", key.name.quoted()), String::new()]);
        let actions = self.actions();
        Some(format!("foreign key ({}) references {target}{there}{actions}", column.name.quoted()))
    }

    /// The columns that are a key by themselves.
    fn keys(&self) -> Vec<(&'w Table, &'w Column)> {
        let mut keys = Vec::new();
        for table in self.tables() {
            let single = table.constraints.values().filter(|constraint| {
                let kind = &constraint.kind;
                let is_key =
                    matches!(kind, ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. });
                is_key && constraint.columns().len() == 1
            });
            let columns = single.filter_map(|constraint| table.column_at(constraint.columns()[0]));
            keys.extend(columns.map(|column| (table, column)));
        }
        keys
    }

    fn alter_table(&mut self) -> String {
        let Some(table) = self.table() else { return "alter table t add a int".to_string() };
        let name = if self.chance(97) { self.qualified(&table.name) } else { self.new_name(&RELATIONS) };
        let if_exists = self.maybe(10, "if exists ");
        let only = self.maybe(5, "only ");
        let count = if self.chance(80) { 1 } else { 2 + self.below(2) };
        if let Some(whole) = self
            .wider(table, TableKind::Partitioned)
            .filter(|whole| whole.columns.len() == table.columns.len())
            && table.parents.is_empty()
            && self.chance(20)
        {
            return format!(
                "alter table {} attach partition {name} {}",
                self.qualified(&whole.name),
                self.bound()
            );
        }
        let parts: Vec<String> = (0..count).map(|_| self.alteration(table)).collect();
        format!("alter table {if_exists}{only}{name} {}", parts.join(", "))
    }

    fn alteration(&mut self, table: &Table) -> String {
        let columns = Self::columns_of(table);
        let column = self.column_of(&columns);
        match self.below(52) {
            0..8 => {
                let new = self.one(&COLUMNS);
                let definition = self.column_definition(new, &columns);
                if table.kind == TableKind::Partitioned && definition.contains("identity") {
                    return format!("add column {new} int");
                }
                format!("add column {}{definition}", self.if_not_exists())
            }
            // Whether a child wrote its column itself is not kept.
            8..12 if table.children.is_empty() => {
                format!("drop column {}{column}{}", self.if_exists(), self.behavior())
            }
            12..16 => {
                let (data_type, _) = self.data_type();
                let to = if self.chance(60) { "text".to_string() } else { data_type };
                let using =
                    if self.chance(50) { format!(" using {column}::text::{to}") } else { String::new() };
                format!("alter column {column} type {to}{using}")
            }
            16..18 => format!("alter {column} set not null"),
            18..20 => format!("alter {column} drop not null"),
            20 => format!("alter {column} set default null"),
            21 => format!("alter {column} drop default"),
            // Partitions have identities since PostgreSQL 17.
            22 if table.kind != TableKind::Partitioned => {
                let how = self.one(&["always", "by default"]);
                format!("alter {column} add generated {how} as identity")
            }
            23 => format!("alter {column} drop identity {}", self.maybe(50, "if exists")),
            24 => format!("alter {column} drop expression {}", self.maybe(50, "if exists")),
            25 => format!("alter {column} set statistics 100"),
            26..32 => {
                let constraint = self.table_constraint(&columns, Some(table));
                format!("add {constraint}{}", self.maybe(10, " not valid"))
            }
            32..34 => match self.loose_index(table) {
                Some(index) => {
                    let named = if self.chance(40) {
                        format!("constraint {} ", self.one(&NAMES))
                    } else {
                        String::new()
                    };
                    let kind = self.one(&["unique", "primary key"]);
                    format!("add {named}{kind} using index {index}")
                }
                None => format!("add {}", self.table_constraint(&columns, Some(table))),
            },
            34..38 => match self.constraint_of(table) {
                Some(name) => format!("drop constraint {}{name}{}", self.if_exists(), self.behavior()),
                None => "force row level security".to_string(),
            },
            38 => match self.constraint_if(table, |kind| {
                matches!(kind, ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_))
            }) {
                Some(name) => format!("validate constraint {name}"),
                None => "no force row level security".to_string(),
            },
            39 => match self.constraint_if(table, |kind| matches!(kind, ConstraintKind::ForeignKey(_))) {
                Some(name) => format!(
                    "alter constraint {name} {}",
                    self.one(&["deferrable", "not deferrable", "initially deferred"])
                ),
                None => "disable row level security".to_string(),
            },
            40..43 => "enable row level security".to_string(),
            43 => self
                .one(&[
                    "disable row level security",
                    "force row level security",
                    "set unlogged",
                    "set logged",
                ])
                .to_string(),
            44 => match table.triggers.keys().next() {
                Some(trigger) => {
                    let how = self.one(&["disable", "enable", "enable always", "enable replica"]);
                    format!("{how} trigger {}", trigger.quoted())
                }
                None => "disable trigger all".to_string(),
            },
            45 => match self.loose_index(table) {
                Some(index) => format!("replica identity using index {index}"),
                None => format!("replica identity {}", self.one(&["full", "nothing", "default"])),
            },
            46 => self
                .one(&["set (fillfactor = 80)", "reset (fillfactor)", "set (autovacuum_enabled = off)"])
                .to_string(),
            47..49 => {
                let other = match self.wider(table, TableKind::Ordinary) {
                    Some(parent) if self.chance(90) => self.qualified(&parent.name),
                    _ => self.table_name(),
                };
                format!("{} {other}", self.one(&["inherit", "no inherit"]))
            }
            49..51 => {
                let parts = table.children.iter().filter_map(|oid| self.catalog.tables.get(oid));
                let parts: Vec<_> = parts.collect();
                match self.one_of(&parts) {
                    Some(part) if self.chance(70) => {
                        let (name, bound) = (self.qualified(&part.name), self.bound());
                        let attach = format!("attach partition {name} {bound}");
                        self.one(&[format!("detach partition {name}"), attach])
                    }
                    _ => format!("attach partition {} {}", self.table_name(), self.bound()),
                }
            }
            _ => match self.loose_index(table) {
                Some(index) => self.one(&[format!("cluster on {index}"), "set without cluster".to_string()]),
                None => format!("alter {column} set storage extended"),
            },
        }
    }

    fn constraint_of(&mut self, table: &Table) -> Option<String> {
        self.constraint_if(table, |_| true)
    }

    /// A constraint of a kind, now and then any name.
    fn constraint_if(
        &mut self,
        table: &Table,
        is_wanted: impl Fn(&ConstraintKind) -> bool,
    ) -> Option<String> {
        let wanted = table.constraints.values().filter(|constraint| is_wanted(&constraint.kind));
        let names: Vec<String> = wanted.map(|constraint| constraint.name.quoted()).collect();
        let known = self.one_of(&names);
        if self.chance(3) { Some(self.one(&NAMES).to_string()) } else { known }
    }

    /// Another table that has the same columns, or some of them.
    fn wider(&mut self, table: &Table, kind: TableKind) -> Option<&'w Table> {
        let tables = self.tables();
        let has = |column: &Column| {
            let same = table.column(&column.name);
            same.is_some_and(|same| same.data_type.value == column.data_type.value)
        };
        let fits =
            |other: &&&Table| other.kind == kind && other.oid != table.oid && other.columns.iter().all(has);
        let fitting: Vec<_> = tables.iter().filter(fits).copied().collect();
        self.one_of(&fitting)
    }

    /// An index that serves no constraint.
    fn loose_index(&mut self, table: &Table) -> Option<String> {
        let indexes: Vec<String> = table
            .indexes
            .values()
            .filter(|index| index.constraint.is_none())
            .map(|index| index.name.quoted())
            .collect();
        self.one_of(&indexes)
    }

    // What hangs on tables

    fn create_index(&mut self) -> String {
        let views: Vec<_> = self.views().into_iter().filter(|view| view.materialized).collect();
        let (on, columns) = match (self.one_of(&views), self.table()) {
            (Some(view), _) if self.chance(30) => (&view.name, view.columns.as_slice()),
            (_, Some(table)) => (&table.name, table.columns.as_slice()),
            _ => return "create index on t (a)".to_string(),
        };
        let columns: Vec<String> = columns.iter().map(|column| column.name.quoted()).collect();
        let on = self.qualified(on);
        let unique = self.maybe(30, "unique ");
        let name = if self.chance(40) {
            format!("{}{}", self.if_not_exists(), self.one(&NAMES))
        } else {
            String::new()
        };
        let only = self.maybe(8, "only ");
        let using = self.maybe(20, " using btree");
        if self.chance(8) {
            let column = self.column_of(&columns);
            let using = self.one(&["hash", "gin", "brin", "gist"]);
            return format!("create index on {on} using {using} ({column})");
        }
        let mut keys = Vec::new();
        for _ in 0..1 + self.below(3) {
            let column = self.column_of(&columns);
            keys.push(match self.below(8) {
                0 => format!("lower({column}::text)"),
                1 => format!("(coalesce({column}, {column}))"),
                2 => format!("({column} is null)"),
                3 => format!("{column} desc nulls last"),
                4 => format!("coalesce({column}, {column})"),
                _ => column,
            });
        }
        let include =
            if self.chance(10) { format!(" include ({})", self.column_of(&columns)) } else { String::new() };
        let filter = if self.chance(20) {
            format!(" where {} is not null", self.column_of(&columns))
        } else {
            String::new()
        };
        let nulls = self.maybe(5, " nulls not distinct");
        format!(
            "create {unique}index {name} on {only}{on}{using} ({}){include}{nulls}{filter}",
            keys.join(", ")
        )
    }

    /// A query over a table, and perhaps another one.
    fn query(&mut self, table: &'w Table) -> String {
        let columns = Self::columns_of(table);
        let name = self.qualified(&table.name);
        let some = self.some(&columns, 3);
        let list = if some.is_empty() { "1 as one".to_string() } else { some.join(", ") };
        let a = self.column_of(&columns);
        let other = self.view_or_table();
        match self.below(11) {
            0 => format!("select * from {name}"),
            1..4 => format!("select {list} from {name} where {}", self.condition(&columns)),
            4 => format!("select x.{a} as one, y.* from {name} as x cross join {other} as y"),
            5 => format!("select count(*) as many, max({a}::text) from {name} group by {a}"),
            6 => format!("with q as (select {list} from {name}) select * from q"),
            7 => format!("select {list} from {name} union all select {list} from {name}"),
            // No star in it: see the known differences.
            8 => format!("select s.{a} as \"Renamed\" from (select {a} from {name}) s"),
            9 => format!("select * from {other} z"),
            _ => format!("select {a} as first, exists (select from {other}) as found from {name} w"),
        }
    }

    fn view_or_table(&mut self) -> String {
        let views = self.views();
        match self.one_of(&views) {
            Some(view) if self.chance(50) => self.qualified(&view.name),
            _ => self.table_name(),
        }
    }

    fn create_view(&mut self) -> String {
        let Some(table) = self.table() else { return "create view v as select 1 as one".to_string() };
        let query = self.query(table);
        let views = self.views();
        match self.below(10) {
            0..3 => {
                let (not, name) = (self.if_not_exists(), self.new_name(&RELATIONS));
                let data = self.maybe(20, " with no data");
                format!("create materialized view {not}{name} as {query}{data}")
            }
            3 => match self.one_of(&views) {
                Some(view) => {
                    let name = self.qualified(&view.name);
                    let is_materialized = view.materialized && self.chance(80);
                    if is_materialized {
                        format!("refresh materialized view {name}{}", self.maybe(30, " with no data"))
                    } else {
                        let option = self.one(&[
                            "set (security_invoker = on)",
                            "set (security_barrier)",
                            "reset (security_invoker)",
                        ]);
                        format!("alter view {name} {option}")
                    }
                }
                None => format!("create view v as {query}"),
            },
            4..6 => {
                let name = match self.one_of(&views) {
                    Some(view) if self.chance(80) => self.qualified(&view.name),
                    _ => self.new_name(&RELATIONS),
                };
                format!("create or replace view {name} as {query}")
            }
            _ => {
                let name = self.new_name(&RELATIONS);
                let aliases = self.maybe(10, " (one)");
                let options = self.maybe(30, " with (security_invoker = true)");
                format!("create view {name}{aliases}{options} as {query}")
            }
        }
    }

    fn policy(&mut self) -> String {
        let Some(table) = self.table() else { return "drop policy if exists own on t".to_string() };
        let columns = Self::columns_of(table);
        let on = self.qualified(&table.name);
        let names: Vec<String> = table.policies.keys().map(|name| name.quoted()).collect();
        let existing = self.one_of(&names);
        let roles =
            if self.chance(60) { format!(" to {}, {}", self.grantee(), self.role()) } else { String::new() };
        match (self.below(8), existing) {
            (0, Some(name)) => format!("drop policy {}{name} on {on}", self.if_exists()),
            (1, Some(name)) => {
                let using = self.predicate(&columns);
                format!("alter policy {name} on {on}{roles} using ({using})")
            }
            (2, Some(name)) => format!("alter policy {name} on {on} rename to {}", self.one(&NAMES)),
            _ => {
                let name = self.one(&NAMES);
                let restrictive = self.one(&["", "", "", " as restrictive", " as permissive"]);
                let (using, check) = (self.predicate(&columns), self.predicate(&columns));
                let rest = match self.below(6) {
                    0 => format!("for select{roles} using ({using})"),
                    1 => format!("for insert{roles} with check ({check})"),
                    2 => format!("for update{roles} using ({using}) with check ({check})"),
                    3 => format!("for delete{roles} using ({using})"),
                    4 => format!("for all{roles} using ({using})"),
                    _ => format!("{roles} using ({using})"),
                };
                format!("create policy {name} on {on}{restrictive} {rest}")
            }
        }
    }

    fn create_trigger(&mut self) -> String {
        let functions: Vec<_> =
            self.functions().into_iter().filter(|function| function.is_trigger()).collect();
        let (Some(function), Some(table)) = (self.one_of(&functions), self.table()) else {
            return "create or replace function touch() returns trigger language plpgsql as 'begin return new; end'".to_string();
        };
        let columns = Self::columns_of(table);
        let (on, call) = (self.qualified(&table.name), self.qualified(&function.name));
        let name = self.one(&NAMES);
        let column = self.column_of(&columns);
        let event = match self.below(6) {
            0 => format!("update of {column}"),
            1 => "insert or update".to_string(),
            2 if self.chance(30) => "truncate".to_string(),
            3 => "delete".to_string(),
            _ => "insert".to_string(),
        };
        let level = self.one(&["row", "row", "statement"]);
        let when = if level == "row" && event != "truncate" && event != "delete" && self.chance(15) {
            format!(" when (new.{column} is not null)")
        } else {
            String::new()
        };
        if self.chance(10) {
            return format!(
                "create constraint trigger {name} after insert on {on} deferrable for each row execute function {call}()"
            );
        }
        let replace = self.maybe(15, "or replace ");
        let timing = self.one(&["before", "after"]);
        format!(
            "create {replace}trigger {name} {timing} {event} on {on} for each {level}{when} execute function {call}()"
        )
    }

    fn rule(&mut self) -> String {
        let on = self.table_name();
        let name = self.one(&NAMES);
        match self.below(3) {
            0 => format!("drop rule if exists {name} on {on}"),
            _ => format!("create or replace rule {name} as on delete to {on} do instead nothing"),
        }
    }

    // Everything else that is made

    fn create_schema(&mut self) -> String {
        let name = self.one(&SCHEMAS);
        match self.below(4) {
            0 => format!("create schema {name} authorization {}", self.role()),
            1 => format!(
                "create schema {name} create table t (a int primary key) create view v as select a from t"
            ),
            _ => format!("create schema {}{name}", self.if_not_exists()),
        }
    }

    fn create_type(&mut self) -> String {
        let name = self.new_name(&TYPES);
        let (data_type, _) = self.data_type();
        match self.below(4) {
            0 => format!("create type {name} as enum ('low', 'mid')"),
            1 => format!("create type {name} as (x {data_type}, y int)"),
            2 => {
                let rest = self.one(&[
                    "",
                    " not null",
                    " default null",
                    " check (value is not null)",
                    " constraint n check (value is not null)",
                ]);
                format!("create domain {name} as {data_type}{rest}")
            }
            _ => format!("create type {name} as enum ()"),
        }
    }

    fn create_sequence(&mut self) -> String {
        let name = self.new_name(&["u_a_seq", "s", "t_id_seq"]);
        let rest = self.one(&["", " start 5", " as int increment by 2", " minvalue 10"]);
        let owned = match self.table() {
            Some(table) if self.chance(30) => {
                let columns = Self::columns_of(table);
                format!(" owned by {}.{}", self.qualified(&table.name), self.column_of(&columns))
            }
            _ => String::new(),
        };
        format!("create sequence {}{name}{rest}{owned}", self.if_not_exists())
    }

    fn create_role(&mut self) -> String {
        let name = self.one(&ROLES);
        let rest = self.one(&[
            "",
            " login",
            " nologin noinherit",
            " with bypassrls",
            " in role authenticated",
            " role postgres",
        ]);
        self.one(&[
            format!("create role {name}{rest}"),
            format!("create role {name}"),
            format!("alter role {name} bypassrls"),
        ])
    }

    fn create_function(&mut self) -> String {
        let replace = self.maybe(35, "or replace ");
        let functions = self.functions();
        let name = match self.one_of(&functions) {
            Some(function) if self.chance(40) => self.qualified(&function.name),
            _ => self.new_name(&FUNCTIONS),
        };
        let mut arguments = Vec::new();
        for at in 0..[0, 0, 1, 2][self.below(4)] {
            let (data_type, _) = self.data_type();
            let mode = self.one(&["", "", "", "in ", "inout ", "out "]);
            let default = self.maybe(15, " default null");
            let argument = self.one(&[format!("p{at} "), format!("_{at} "), String::new()]);
            arguments.push(format!("{mode}{argument}{data_type}{default}"));
        }
        let has_out = arguments.iter().any(|argument: &String| argument.contains("out "));
        let arguments = arguments.join(", ");
        let mut attributes = String::new();
        for choice in [
            &[" security definer"] as &[&str],
            &[" stable", " immutable"],
            &[" set search_path = ''", " set search_path to public, pg_temp"],
            &[" strict"],
            &[" parallel safe"],
            &[" cost 10"],
        ] {
            let attribute = self.one(choice);
            attributes += self.maybe(15, attribute);
        }
        let table = self.table();
        match (self.below(10), table) {
            (0..2, _) => format!(
                "create {replace}function {name}() returns trigger language plpgsql{attributes} as $$ begin return new; end $$"
            ),
            (2, Some(table)) => {
                let row = self.qualified(&table.name);
                format!(
                    "create {replace}function {name}({arguments}) returns setof {row} language plpgsql{attributes} as $$ begin return; end $$"
                )
            }
            (3, Some(table)) => {
                let row = self.qualified(&table.name);
                format!(
                    "create {replace}function {name}(r {row}) returns text language sql{attributes} as $$ select 'x' $$"
                )
            }
            (4, _) => format!(
                "create {replace}function {name}({arguments}) returns table (one int, two text) language plpgsql{attributes} as $$ begin return; end $$"
            ),
            (5, _) => format!(
                "create {replace}procedure {name}({arguments}) language plpgsql as $$ begin null; end $$"
            ),
            (6, Some(table)) => {
                let row = self.qualified(&table.name);
                format!(
                    "create {replace}function {name}() returns bigint language sql{attributes} return (select count(*) from {row})"
                )
            }
            _ => {
                let (data_type, _) = self.data_type();
                let result = self.one(&[data_type, "text".to_string(), "void".to_string()]);
                let returns = if has_out { String::new() } else { format!("returns {result}") };
                format!(
                    "create {replace}function {name}({arguments}) {returns} language plpgsql{attributes} as $$ begin raise 'no'; end $$"
                )
            }
        }
    }

    fn signature(&mut self, function: &Function) -> String {
        let name = self.qualified(&function.name);
        if self.chance(15) { name } else { format!("{name}({})", function.identity_arguments(self.catalog)) }
    }

    fn alter_function(&mut self) -> String {
        let functions = self.functions();
        let Some(function) = self.one_of(&functions) else { return self.create_function() };
        let signature = self.signature(function);
        let change = self.one(&[
            "security definer",
            "security invoker",
            "set search_path = ''",
            "stable",
            "reset all",
            "strict",
            "immutable leakproof",
        ]);
        format!("alter function {signature} {change}")
    }

    fn publication(&mut self) -> String {
        let name = self.one(&["pub", "\"Pub\""]);
        let (one, two) = (self.table_name(), self.table_name());
        match self.below(9) {
            0 => format!("create publication {name} for all tables"),
            1 => format!("create publication {name}"),
            2 => format!("create publication {name} for table {one}, {two}"),
            3 => format!("alter publication {name} drop table {one}"),
            4 => format!("alter publication {name} set table {one}"),
            5 => format!("drop publication {}{name}", self.if_exists()),
            6 => format!("alter publication supabase_realtime add table {one}"),
            7 => format!("alter publication {name} rename to \"Other pub\""),
            _ => format!("alter publication {name} add table {one}"),
        }
    }

    fn settings(&mut self) -> String {
        let schema = self.schema();
        match self.below(5) {
            0 => format!("set search_path = {schema}, public"),
            1 => format!("set search_path to {schema}"),
            2 => "reset search_path".to_string(),
            3 => format!("select set_config('search_path', '{}', false)", schema.replace('"', "")),
            _ => format!("set local search_path = public, {schema}"),
        }
    }

    // Rights

    fn privileges(&mut self, known: &[&str]) -> String {
        if self.chance(35) { "all".to_string() } else { self.some(known, 3).join(", ") }
    }

    /// Something that can be granted: which privileges, and on what.
    fn grantable(&mut self) -> String {
        const TABLE: [&str; 7] =
            ["select", "insert", "update", "delete", "truncate", "references", "trigger"];
        let functions = self.functions();
        let sequences = self.sequences();
        let types = self.types();
        match self.below(13) {
            0..2 => {
                let Some(table) = self.table() else { return "usage on schema public".to_string() };
                let columns = Self::columns_of(table);
                let some = self.some(&columns, 2);
                let list = if some.is_empty() { "a".to_string() } else { some.join(", ") };
                let privilege = self.one(&["select", "update", "insert", "references", "all"]);
                format!("{privilege} ({list}) on {}", self.qualified(&table.name))
            }
            2 => format!("{} on all tables in schema {}", self.privileges(&TABLE), self.schema()),
            3 => format!(
                "{} on all sequences in schema {}",
                self.privileges(&["usage", "select", "update"]),
                self.schema()
            ),
            4 => format!(
                "execute on all {} in schema {}",
                self.one(&["functions", "routines", "procedures"]),
                self.schema()
            ),
            5 => format!("{} on schema {}", self.privileges(&["usage", "create"]), self.schema()),
            6..8 if !functions.is_empty() => {
                let function = self.one(&functions);
                let word = self.one(&["function", "routine"]);
                format!("{} on {word} {}", self.privileges(&["execute"]), self.signature(function))
            }
            8 if !sequences.is_empty() => {
                let sequence = self.one(&sequences);
                format!(
                    "{} on sequence {}",
                    self.privileges(&["usage", "select", "update"]),
                    self.qualified(&sequence.name)
                )
            }
            9 if !types.is_empty() => {
                let user_type = self.one(&types);
                format!("usage on type {}", self.qualified(&user_type.name))
            }
            10 => format!("{} on {}", self.privileges(&TABLE), self.view_or_table()),
            _ => format!("{} on table {}", self.privileges(&TABLE), self.table_name()),
        }
    }

    fn grant(&mut self) -> String {
        let what = self.grantable();
        let mut roles = vec![self.grantee()];
        if self.chance(25) {
            roles.push(self.grantee());
        }
        let roles = roles.join(", ");
        if self.chance(55) {
            format!("grant {what} to {roles}{}", self.maybe(12, " with grant option"))
        } else {
            format!(
                "revoke {}{what} from {roles}{}",
                self.maybe(12, "grant option for "),
                self.maybe(25, " cascade")
            )
        }
    }

    fn default_privileges(&mut self) -> String {
        let owner = if self.chance(25) { format!(" for role {}", self.owner_name()) } else { String::new() };
        let schema = if self.chance(60) { format!(" in schema {}", self.schema()) } else { String::new() };
        let (kind, known): (_, &[&str]) = self.one(&[
            ("tables", ["select", "insert", "update"].as_slice()),
            ("sequences", ["usage", "select"].as_slice()),
            ("functions", ["execute"].as_slice()),
            ("routines", ["execute"].as_slice()),
            ("types", ["usage"].as_slice()),
            ("schemas", ["usage", "create"].as_slice()),
        ]);
        let schema = if kind == "schemas" && self.chance(95) { String::new() } else { schema };
        let (privileges, role) = (self.privileges(known), self.grantee());
        let what = if self.chance(45) {
            format!("grant {privileges} on {kind} to {role}{}", self.maybe(10, " with grant option"))
        } else {
            format!("revoke {privileges} on {kind} from {role}")
        };
        format!("alter default privileges{owner}{schema} {what}")
    }

    fn membership(&mut self) -> String {
        let (role, member) = (self.role(), self.role());
        match self.below(3) {
            0 => format!("revoke {role} from {member}"),
            _ => format!("grant {role} to {member}{}", self.maybe(20, " with admin option")),
        }
    }

    // What is done to anything

    /// Something with a name in a schema, and the word for it in ALTER and DROP.
    fn object(&mut self) -> Option<Named> {
        let mut all: Vec<(&'static str, QName)> = Vec::new();
        all.extend(self.tables().iter().map(|table| ("table", table.name.clone())));
        all.extend(
            self.views().iter().map(|view| {
                (if view.materialized { "materialized view" } else { "view" }, view.name.clone())
            }),
        );
        all.extend(self.sequences().iter().map(|sequence| ("sequence", sequence.name.clone())));
        all.extend(self.types().iter().map(|user_type| {
            (
                if matches!(user_type.kind, UserTypeKind::Domain(_)) { "domain" } else { "type" },
                user_type.name.clone(),
            )
        }));
        for table in self.tables() {
            let on = |name: &Ident| QName { schema: table.name.schema.clone(), name: name.clone() };
            all.extend(table.indexes.keys().take(2).map(|name| ("index", on(name))));
        }
        let (mut kind, name) = self.one_of(&all)?;
        if self.chance(4) {
            kind = self.one(&[
                "table",
                "view",
                "sequence",
                "index",
                "type",
                "foreign table",
                "materialized view",
            ]);
        }
        let name = if self.chance(96) { self.qualified(&name) } else { self.new_name(&RELATIONS) };
        Some((kind, name))
    }

    /// A function, and the word for it.
    fn routine(&mut self) -> Option<Named> {
        let functions = self.functions();
        let function = self.one_of(&functions)?;
        let kind = match function.kind {
            _ if self.chance(15) => "routine",
            FunctionKind::Procedure => "procedure",
            _ => "function",
        };
        Some((kind, self.signature(function)))
    }

    fn rename(&mut self) -> String {
        let table = self.table();
        match (self.below(12), table) {
            (0..4, Some(table)) => {
                let columns = Self::columns_of(table);
                let (name, column) = (self.qualified(&table.name), self.column_of(&columns));
                format!(
                    "alter table {}{name} rename column {column} to {}",
                    self.maybe(5, "only "),
                    self.one(&COLUMNS)
                )
            }
            (4..6, Some(table)) => match self.constraint_of(table) {
                Some(constraint) => {
                    let name = self.qualified(&table.name);
                    format!("alter table {name} rename constraint {constraint} to {}", self.one(&NAMES))
                }
                None => {
                    format!("alter table {} rename to {}", self.qualified(&table.name), self.one(&RELATIONS))
                }
            },
            (6, Some(table)) => match table.triggers.keys().next() {
                Some(trigger) => {
                    let name = self.qualified(&table.name);
                    format!("alter trigger {} on {name} rename to {}", trigger.quoted(), self.one(&NAMES))
                }
                None => {
                    format!("alter table {} rename to {}", self.qualified(&table.name), self.one(&RELATIONS))
                }
            },
            (7, _) => {
                let views = self.views();
                let Some(view) = self.one_of(&views) else { return self.create_view() };
                let columns: Vec<String> = view.columns.iter().map(|column| column.name.quoted()).collect();
                let (name, column) = (self.qualified(&view.name), self.column_of(&columns));
                let kind = if view.materialized { "materialized view" } else { "view" };
                format!("alter {kind} {name} rename column {column} to {}", self.one(&COLUMNS))
            }
            (8, _) => match self.routine() {
                Some((kind, name)) => format!("alter {kind} {name} rename to {}", self.one(&FUNCTIONS)),
                None => self.create_function(),
            },
            (9, _) => {
                let own = self.own_schemas();
                let Some(schema) = self.one_of(&own) else { return self.create_schema() };
                format!("alter schema {} rename to {}", schema.quoted(), self.one(&SCHEMAS))
            }
            _ => match self.object() {
                Some((kind, name)) => {
                    let to = if ["type", "domain"].contains(&kind) {
                        self.one(&TYPES)
                    } else {
                        self.one(&RELATIONS)
                    };
                    format!("alter {kind} {name} rename to {to}")
                }
                None => self.create_table(),
            },
        }
    }

    fn set_schema(&mut self) -> String {
        let to = self.schema();
        let object = if self.chance(75) { self.object() } else { self.routine() };
        match object {
            Some((kind, name)) => format!("alter {kind} {name} set schema {to}"),
            None => self.create_schema(),
        }
    }

    fn owner(&mut self) -> String {
        let to = self.owner_name();
        let own = self.own_schemas();
        let object = match self.below(10) {
            0..6 => self.object(),
            6..9 => self.routine(),
            _ => self.one_of(&own).map(|schema| ("schema", schema.quoted())),
        };
        match object {
            Some((kind, name)) => format!("alter {kind} {name} owner to {to}"),
            None => self.create_schema(),
        }
    }

    fn drop(&mut self) -> String {
        let (if_exists, behavior) = (self.if_exists(), self.behavior());
        let table = self.table();
        match (self.below(14), table) {
            (0, Some(table)) if !table.triggers.is_empty() => {
                let triggers: Vec<String> = table.triggers.keys().map(|name| name.quoted()).collect();
                let trigger = self.one(&triggers);
                format!("drop trigger {if_exists}{trigger} on {}{behavior}", self.qualified(&table.name))
            }
            (1, _) if self.chance(50) => {
                let own = self.own_schemas();
                let Some(schema) = self.one_of(&own) else { return self.create_schema() };
                format!("drop schema {if_exists}{}{behavior}", schema.quoted())
            }
            (2, _) => {
                let own = self.own_roles();
                match self.one_of(&own) {
                    Some(role) => format!("drop role {if_exists}{role}"),
                    None => self.create_role(),
                }
            }
            (3..6, _) => match self.routine() {
                Some((kind, name)) => format!("drop {kind} {if_exists}{name}{behavior}"),
                None => self.create_function(),
            },
            (6, _) => {
                let (one, two) = (self.table_name(), self.table_name());
                format!("drop table {if_exists}{one}, {two}{behavior}")
            }
            _ => match self.object() {
                // A sequence does not lead to the default that takes from it.
                Some(("sequence", name)) => format!("drop sequence {if_exists}{name}"),
                Some((kind, name)) => format!("drop {kind} {if_exists}{name}{behavior}"),
                None => self.create_table(),
            },
        }
    }

    fn comment(&mut self) -> String {
        let text = self.one(&["'said'", "'it''s'", "null", "''"]);
        let table = self.table();
        match (self.below(6), table) {
            (0..2, Some(table)) => {
                let columns = Self::columns_of(table);
                let (name, column) = (self.qualified(&table.name), self.column_of(&columns));
                format!("comment on column {name}.{column} is {text}")
            }
            (2, Some(table)) => match self.constraint_of(table) {
                Some(constraint) => {
                    format!("comment on constraint {constraint} on {} is {text}", self.qualified(&table.name))
                }
                None => format!("comment on table {} is {text}", self.qualified(&table.name)),
            },
            (3, _) => match self.routine() {
                Some((kind, name)) => format!("comment on {kind} {name} is {text}"),
                None => "comment on schema public is 'ours'".to_string(),
            },
            _ => match self.object() {
                Some((kind, name)) => format!("comment on {kind} {name} is {text}"),
                None => "comment on schema public is 'ours'".to_string(),
            },
        }
    }

    fn alter_type(&mut self) -> String {
        let types = self.types();
        let Some(user_type) = self.one_of(&types) else { return self.create_type() };
        let name = self.qualified(&user_type.name);
        let (data_type, _) = self.data_type();
        let behavior = self.behavior();
        match (&user_type.kind, self.below(4)) {
            (UserTypeKind::Domain(_), 0) => format!("alter domain {name} set not null"),
            (UserTypeKind::Domain(_), 1) => {
                format!("alter domain {name} add constraint n check (value is not null)")
            }
            (UserTypeKind::Domain(_), 2) => {
                format!("alter domain {name} drop constraint {}n{behavior}", self.if_exists())
            }
            (UserTypeKind::Domain(_), _) => format!(
                "alter domain {name} {}",
                self.one(&["drop not null", "set default null", "drop default"])
            ),
            (UserTypeKind::Composite { .. }, 0) => format!("alter type {name} add attribute z {data_type}"),
            (UserTypeKind::Composite { .. }, 1) => {
                format!("alter type {name} drop attribute {}x", self.if_exists())
            }
            (UserTypeKind::Composite { .. }, 2) => format!("alter type {name} rename attribute x to w"),
            (UserTypeKind::Composite { .. }, _) => {
                format!("alter type {name} alter attribute y type {data_type}")
            }
            (_, 0) => format!("alter type {name} rename value 'low' to 'lowest'"),
            (_, 1) => format!("alter type {name} add value {}'high' after 'low'", self.if_not_exists()),
            (_, 2) => format!("alter type {name} add value {}'none' before 'mid'", self.if_not_exists()),
            _ => format!("alter type {name} add value {}'new'", self.if_not_exists()),
        }
    }

    fn alter_other(&mut self) -> String {
        let sequences = self.sequences();
        let table = self.table();
        match (self.one_of(&sequences), table) {
            (Some(sequence), _) if self.chance(40) => {
                let name = self.qualified(&sequence.name);
                let columns = table.map(Self::columns_of).unwrap_or_default();
                let column = self.column_of(&columns);
                match (self.below(4), table) {
                    (0, Some(table)) => {
                        format!("alter sequence {name} owned by {}.{column}", table.name.quoted())
                    }
                    (1, _) => format!("alter sequence {name} owned by none"),
                    (2, _) => format!("alter sequence {}{name} increment by 3", self.if_exists()),
                    _ => format!("alter sequence {name} as bigint"),
                }
            }
            (sequence, Some(table)) => {
                let columns = Self::columns_of(table);
                let (name, column) = (self.qualified(&table.name), self.column_of(&columns));
                let of_type = table.columns.iter().find(|known| known.name.quoted() == column);
                let of_type = of_type.map(|column| column.data_type.value.display(self.catalog));
                let value = match (sequence, self.call(of_type.as_deref())) {
                    (Some(sequence), _) if self.chance(50) => {
                        format!("nextval('{}')", sequence.name.quoted())
                    }
                    (_, Some(call)) => call,
                    _ => "null".to_string(),
                };
                format!("alter table {name} alter column {column} set default {value}")
            }
            _ => self.create_sequence(),
        }
    }

    // Blocks

    fn in_block(&mut self) -> String {
        let inner = self.plain();
        if inner.contains("$$") || inner.starts_with("set") || inner.starts_with("select") {
            return inner;
        }
        let (name, table) = (self.one(&NAMES).replace('"', ""), self.one(&RELATIONS).replace('"', ""));
        let guard = match self.below(8) {
            0 => format!("select 1 from pg_policies where policyname = '{name}'"),
            1 => format!("select 1 from pg_tables where schemaname = 'public' and tablename = '{table}'"),
            2 => format!(
                "select 1 from information_schema.columns where table_name = '{table}' and column_name = 'a'"
            ),
            3 => format!("select 1 from pg_constraint where conname = '{name}'"),
            4 => "select 1 from pg_type where typname = 'mood'".to_string(),
            5 => format!("select 1 from pg_indexes where indexname = '{name}'"),
            6 => format!(
                "select from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'public' and relname = '{table}'"
            ),
            _ => format!(
                "select 1 from information_schema.tables where table_schema = 'public' and table_name = '{table}'"
            ),
        };
        let not = self.maybe(50, "not ");
        match self.below(6) {
            0..2 => {
                let inner = self.duplicate();
                let conditions = "duplicate_object or duplicate_table or duplicate_column";
                let condition = self.one(&[conditions, "others"]);
                format!("do $$ begin {inner}; exception when {condition} then null; end $$")
            }
            2 => {
                let part = self.one(&[
                    "enable row level security",
                    "force row level security",
                    "disable row level security",
                ]);
                let list = "select schemaname, tablename from pg_tables where schemaname = 'public' order by tablename";
                let text = format!("'alter table %I.%I {part}', r.schemaname, r.tablename");
                format!(
                    "do $$ declare r record; begin for r in {list} loop execute format({text}); end loop; end $$"
                )
            }
            3 => format!("do $$ begin execute {}; end $$", literal(&inner)),
            _ => format!("do $$ begin if {not}exists ({guard}) then {inner}; end if; end $$"),
        }
    }

    /// What PostgreSQL refuses for one reason only, that the replay knows: a handler takes it.
    fn duplicate(&mut self) -> String {
        let table = self.table_name();
        match self.below(5) {
            0 => "create type public.mood as enum ('low', 'mid')".to_string(),
            1 => format!("alter table {table} add column c int"),
            2 => format!("create policy own on {table} using (true)"),
            3 => format!("alter table {table} add constraint n check (true)"),
            _ => format!("create table {} (a int)", self.one(&RELATIONS)),
        }
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
