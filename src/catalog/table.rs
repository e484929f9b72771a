//! Tables, with all that hangs on them.

use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::index::{Index, IndexKey};
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin, Tracked};
use crate::catalog::policy::Policy;
use crate::catalog::role::Sequence;
use crate::catalog::trigger::Trigger;
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::source::{FileId, Span};
use crate::sql::expr::{ColumnRef, Expr, Literal, Oid, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{Persistence, ReferentialAction, ReplicaIdentity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Ordinary,
    Partitioned,
    Foreign,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub oid: Oid,
    pub name: QName,
    pub kind: TableKind,
    pub persistence: Persistence,
    pub history: History,
    /// Where its name stands in the statement that made it.
    pub name_span: Option<Span>,
    pub owner: Tracked<Ident>,
    /// In order of `attnum`; dropped ones are gone.
    pub columns: Vec<Column>,
    /// The highest `attnum` ever used.
    pub last_attnum: i16,
    pub constraints: IndexMap<Ident, Constraint>,
    pub indexes: IndexMap<Ident, Index>,
    pub policies: IndexMap<Ident, Policy>,
    pub triggers: IndexMap<Ident, Trigger>,
    /// Names of rewrite rules.
    pub rules: Vec<Ident>,
    pub acl: Acl,
    pub rls: Tracked<bool>,
    pub forced_rls: Tracked<bool>,
    /// What it inherits from, in order; for a partition its partitioned table.
    pub parents: Vec<Oid>,
    /// What inherits from it, partitions included.
    pub children: Vec<Oid>,
    pub is_partition: bool,
    /// The key of a partitioned table: `None` for an expression.
    pub partition_key: Option<Vec<Option<i16>>>,
    pub replica_identity: ReplicaIdentity,
    pub of_type: Option<QName>,
    /// `name=value`
    pub options: Vec<String>,
    /// Of a foreign table.
    pub server: Option<Ident>,
    pub comment: Option<String>,
    /// The extension that it belongs to.
    pub extension: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub attnum: i16,
    pub name: Ident,
    pub origin: Origin,
    /// Where its name stands in the statement that made it.
    pub name_span: Option<Span>,
    pub data_type: Tracked<DataType>,
    pub not_null: Tracked<bool>,
    pub default: Option<Box<Tracked<Expr>>>,
    /// GENERATED ALWAYS AS (…)
    pub generated: Option<Box<Expr>>,
    pub identity: Option<Identity>,
    /// As `regcollation::text` prints it, where it is not the type's own.
    pub collation: Option<String>,
    /// Whether a parent has it.
    pub inherited: bool,
    /// Whether the table itself was written with it, so that it stays where its parent's goes.
    pub local: bool,
    pub acl: Acl,
    pub comment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub always: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub name: Ident,
    pub kind: ConstraintKind,
    pub history: History,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub validated: Tracked<bool>,
    /// Whether a parent has it.
    pub inherited: bool,
    /// Whether the table itself was written with it.
    pub local: bool,
    pub no_inherit: bool,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// Its index has the constraint's name.
    PrimaryKey {
        columns: Vec<i16>,
    },
    Unique {
        columns: Vec<i16>,
    },
    ForeignKey(ForeignKey),
    /// The columns are those that the expression reads.
    Check {
        expr: Expr,
        columns: Vec<i16>,
    },
    Exclude {
        columns: Vec<i16>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    pub columns: Vec<i16>,
    pub references: Oid,
    pub referenced_columns: Vec<i16>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

impl Constraint {
    /// The columns of the table itself, in order.
    pub fn columns(&self) -> &[i16] {
        match &self.kind {
            ConstraintKind::PrimaryKey { columns }
            | ConstraintKind::Unique { columns }
            | ConstraintKind::Check { columns, .. }
            | ConstraintKind::Exclude { columns } => columns,
            ConstraintKind::ForeignKey(key) => &key.columns,
        }
    }

    /// Whether an index of the same name serves it.
    pub fn has_index(&self) -> bool {
        matches!(
            self.kind,
            ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::Unique { .. }
                | ConstraintKind::Exclude { .. }
        )
    }
}

impl Column {
    /// Whether it marks rows as deleted that stay in the table.
    pub fn is_soft_delete(&self) -> bool {
        let data_type = &self.data_type.value;
        match self.name.as_str() {
            "deleted_at" | "deletedAt" => {
                data_type.is_builtin("timestamptz") || data_type.is_builtin("timestamp")
            }
            "is_deleted" | "isDeleted" | "deleted" => data_type.is_builtin("bool"),
            _ => false,
        }
    }

    /// The condition that keeps rows which such a column does not mark.
    pub fn is_kept(&self, table: Oid) -> Expr {
        let column = Expr::Column(ColumnRef {
            path: vec![self.name.clone()],
            star: false,
            span: Span::new(FileId(0), 0, 0),
            target: Target::Column { relation: table, attnum: self.attnum, depth: 0 },
        });
        match self.data_type.value.is_builtin("bool") {
            true => Expr::IsBool { expr: Box::new(column), value: Some(true), negated: true },
            false => Expr::IsNull { expr: Box::new(column), negated: false },
        }
    }

    /// The same as SQL.
    pub fn kept_condition(&self) -> String {
        let name = self.name.quoted();
        if self.data_type.value.is_builtin("bool") {
            format!("{name} is not true")
        } else {
            format!("{name} is null")
        }
    }
}

impl Table {
    /// Where its constraint trigger is whose constraint has this name.
    pub fn constraint_trigger(&self, name: &Ident) -> Option<usize> {
        self.triggers.values().position(|trigger| trigger.constraint.as_ref() == Some(name))
    }

    /// Gives back the room that is kept for more constraints, indexes, policies and triggers. The
    /// file that makes a table makes most of them; columns are what later files add.
    pub(super) fn shrink_parts(&mut self) {
        self.constraints.shrink_to_fit();
        self.indexes.shrink_to_fit();
        self.policies.shrink_to_fit();
        self.triggers.shrink_to_fit();
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    pub fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name == *name)
    }

    /// Columns stand in order of `attnum`.
    pub fn column_at(&self, attnum: i16) -> Option<&Column> {
        self.columns.binary_search_by_key(&attnum, |column| column.attnum).ok().map(|at| &self.columns[at])
    }

    /// The names of columns; those that are gone are left out.
    pub fn column_names(&self, attnums: &[i16]) -> Vec<Ident> {
        attnums
            .iter()
            .filter_map(|attnum| self.column_at(*attnum))
            .map(|column| column.name.clone())
            .collect()
    }

    /// The primary key's columns, in order.
    pub fn primary_key(&self) -> Option<&[i16]> {
        self.constraints.values().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => Some(columns.as_slice()),
            _ => None,
        })
    }

    /// Whether no two rows have the same value in this column.
    pub fn is_key(&self, attnum: i16) -> bool {
        self.indexes.values().any(|index| {
            let keys: Vec<_> = index.keys.iter().map(IndexKey::attnum).collect();
            index.unique && index.predicate.is_none() && keys == [Some(attnum)]
        })
    }

    /// Whether a column leads a unique index without these others, so that one of them alone has its value.
    pub fn is_key_without(&self, attnum: i16, others: &[i16]) -> bool {
        self.indexes.values().any(|index| {
            let mut keys = index.keys.iter().map(IndexKey::attnum);
            let leads = keys.next() == Some(Some(attnum));
            index.unique && leads && !keys.any(|key| key.is_none_or(|key| others.contains(&key)))
        })
    }

    /// Whether an index finds rows by any one of these columns: it holds every row that the
    /// comparison could match, and leads with the column, or with `fixed` ones that a constant is
    /// known for before it. What it leaves out by `tested` ones the look-up leaves out, too.
    pub fn has_index_led_by_one_of(&self, attnums: &[i16], fixed: &[i16], tested: &[i16]) -> bool {
        let leads = |index: &Index| {
            let mut keys = index.keys.iter().map(IndexKey::attnum);
            let is_skipped = |key: &i16| fixed.contains(key) && !attnums.contains(key);
            let first = keys.find(|key| key.is_none_or(|key| !is_skipped(&key))).flatten();
            first.is_some_and(|first| attnums.contains(&first)) && index.serves_look_ups_with(tested)
        };
        // A partitioned table leaves out the partitions that cannot hold the value.
        let partitioned_by = self.partition_key.iter().flatten().next().copied().flatten();
        self.indexes.values().any(leads) || partitioned_by.is_some_and(|key| attnums.contains(&key))
    }

    /// Whether these columns are, in any order, the first ones of an index that holds every row.
    pub fn has_index_led_by(&self, attnums: &[i16]) -> bool {
        self.indexes.values().any(|index| index.is_led_by(attnums) && index.serves_every_lookup())
    }

    /// Whether its rows only connect others: each column is part of a key, and two or more are of
    /// foreign ones, or one and the rest of the primary key, as in `(post_id, tag)`.
    pub fn is_join_table(&self) -> bool {
        let mut keys: Vec<i16> = self.foreign_keys().flat_map(|(_, key)| &key.columns).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        let primary = self.primary_key().unwrap_or_default();
        let is_connection =
            keys.len() >= 2 || keys.len() == 1 && primary.len() > 1 && primary.len() == self.columns.len();
        is_connection
            && self
                .columns
                .iter()
                .all(|column| primary.contains(&column.attnum) || keys.contains(&column.attnum))
    }

    /// The column that says whose a row is, as far as names and foreign keys tell: its values are
    /// ids of users.
    pub fn owner_column(&self, catalog: &Catalog) -> Option<&Column> {
        const NAMES: [&str; 7] =
            ["user_id", "owner_id", "owner", "created_by", "author_id", "profile_id", "userId"];
        let by_name = |name: &&str| {
            let column = self.column(name).filter(|column| column.data_type.value.is_builtin("uuid"));
            column.is_some_and(|column| self.may_hold_users(catalog, column.attnum, 0))
        };
        let name = NAMES.iter().find(|name| by_name(name));
        let key_of_user = || {
            let is_own = self.name.name == "profiles" || self.name.name == "users";
            let column =
                self.column("id").filter(|column| is_own && column.data_type.value.is_builtin("uuid"));
            column.filter(|column| self.may_hold_users(catalog, column.attnum, 0))
        };
        name.and_then(|name| self.column(name)).or_else(key_of_user)
    }

    /// The columns that take their numbers from a sequence by a default, as `serial` ones do. What numbers an
    /// identity column has no rights of its own (measured: INSERT asks for USAGE or UPDATE on the first
    /// alone).
    pub fn numbered_columns<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = (&'a Column, &'a Sequence)> {
        self.columns.iter().filter_map(|column| {
            let Expr::Call(call) = &column.default.as_ref()?.value else { return None };
            let number = call.args.first().filter(|_| call.name.name == "nextval")?;
            let Expr::Literal(Literal::Relation(_, oid)) = number.uncast() else { return None };
            Some((column, catalog.sequences.get(oid)?))
        })
    }

    /// Whether a column's foreign keys, if it has any, lead to the ids of `auth.users`.
    fn may_hold_users(&self, catalog: &Catalog, attnum: i16, depth: u8) -> bool {
        self.foreign_keys().filter(|(_, key)| key.columns == [attnum]).all(|(_, key)| {
            let Some(target) = catalog.tables.get(&key.references) else { return false };
            if target.name.schema == "auth" {
                return target.name.name == "users";
            }
            let (users, [at]) = (&target.name.name, key.referenced_columns.as_slice()) else { return false };
            let leads_on = target.foreign_keys().any(|(_, key)| key.columns == [*at]);
            let known = leads_on || *users == "users" || *users == "profiles";
            known && depth < 4 && target.may_hold_users(catalog, *at, depth + 1)
        })
    }

    pub fn foreign_keys(&self) -> impl Iterator<Item = (&Constraint, &ForeignKey)> {
        self.constraints.values().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(key) => Some((constraint, key)),
            _ => None,
        })
    }
}

impl Catalog {
    /// Whether a column can hold a handful of values only, so that an index over it alone finds too
    /// many rows: a boolean, an enum, or what a CHECK limits to a list.
    pub fn has_few_values(&self, table: &Table, attnum: i16) -> bool {
        let Some(column) = table.column_at(attnum) else { return false };
        let mut data_type = &column.data_type.value;
        while let TypeRef::User(oid) = &data_type.base {
            match self.types.get(oid).map(|user_type| &user_type.kind) {
                Some(UserTypeKind::Enum { .. }) => return !data_type.array,
                Some(UserTypeKind::Domain(domain)) => data_type = &domain.base,
                _ => break,
            }
        }
        let is_column = |expr: &Expr| {
            matches!(expr.uncast(), Expr::Column(ColumnRef { target: Target::Column { attnum: read, .. }, .. })
                if *read == attnum)
        };
        let limits = |constraint: &Constraint| match &constraint.kind {
            ConstraintKind::Check { expr: Expr::In { expr, negated: false, .. }, .. } => is_column(expr),
            ConstraintKind::Check { expr: Expr::OpArray { op, all: false, left, .. }, .. } => {
                op == "=" && is_column(left)
            }
            _ => false,
        };
        data_type.is_builtin("bool") || table.constraints.values().any(limits)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn few_values_are_told_by_type_and_check() {
        let bench = Bench::new(
            "create type mood as enum ('sad', 'happy');
             create domain mine as mood;
             create table t (
               a boolean, b mood, c mine, d text check (d in ('x', 'y')), e text check (e = any (array['x', 'y'])),
               f mood[], g text check (g <> ''), h text
             );",
        );
        let table = bench.catalog.own_tables().next().expect("there is a table");
        let few: Vec<i16> = (1..=8).filter(|attnum| bench.catalog.has_few_values(table, *attnum)).collect();
        assert_eq!(few, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_owner_is_a_user() {
        let bench = Bench::new(
            "create table profiles (id uuid primary key references auth.users);
             create table members (id uuid primary key references profiles);
             create table organizations (id uuid primary key);
             create table a (user_id uuid);
             create table b (owner_id uuid references organizations, created_by uuid references members);
             create table c (owner_id uuid references organizations);
             create table d (user_id bigint, owner text);",
        );
        let owner = |name: &str| {
            let table = bench.catalog.own_tables().find(|table| table.name.name == *name);
            let column = table.and_then(|table| table.owner_column(&bench.catalog));
            column.map(|column| column.name.to_string())
        };
        let owners = ["profiles", "members", "organizations", "a", "b", "c", "d"].map(owner);
        let expected = [Some("id"), None, None, Some("user_id"), Some("created_by"), None, None];
        assert_eq!(owners.each_ref().map(Option::as_deref), expected);
    }

    #[test]
    fn a_join_table_holds_nothing_but_keys() {
        let bench = Bench::new(
            "create table a (id int primary key);
             create table pair (x int references a, y int references a, primary key (x, y));
             create table more (x int references a, y int references a, note text);
             create table own_id (id int primary key, x int references a, y int references a);
             create table one (id int primary key, x int references a);
             create table tagged (x int references a, tag text, primary key (x, tag));
             create table alone (id int primary key references a);
             create table codes (country text, code text, primary key (country, code));",
        );
        let joins = bench.catalog.own_tables().filter(|table| table.is_join_table());
        assert_eq!(
            joins.map(|table| table.name.name.to_string()).collect::<Vec<_>>(),
            ["pair", "own_id", "tagged"]
        );
    }
}
