//! Indexes.

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::origin::History;
use crate::source::Span;
use crate::sql::expr::{ColumnRef, Expr, Oid, Target};
use crate::sql::name::Ident;

#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub oid: Oid,
    pub name: Ident,
    pub history: History,
    /// Where its name stands in the statement that made it; else the statement.
    pub name_span: Option<Span>,
    pub method: Ident,
    pub unique: bool,
    pub primary: bool,
    /// False where a partitioned table's index lacks one of a partition (ON ONLY).
    pub valid: bool,
    pub nulls_not_distinct: bool,
    /// The constraint that it serves, by name.
    pub constraint: Option<Ident>,
    pub keys: Vec<IndexKey>,
    pub include: Vec<i16>,
    pub predicate: Option<Expr>,
    /// The index of the partitioned table that this one belongs to.
    pub parent: Option<Oid>,
    /// Columns that have been renamed since it was made, by the name they had: its copies are named by it.
    pub old_names: Vec<(i16, Ident)>,
    /// `name=value`
    pub options: Vec<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexKey {
    pub value: IndexKeyValue,
    /// As written, where it was.
    pub operator_class: Option<String>,
    pub collation: Option<String>,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IndexKeyValue {
    Column(i16),
    Expr(Expr),
}

impl IndexKey {
    pub fn column(attnum: i16) -> Self {
        Self {
            value: IndexKeyValue::Column(attnum),
            operator_class: None,
            collation: None,
            descending: false,
            nulls_first: false,
        }
    }

    pub fn attnum(&self) -> Option<i16> {
        match self.value {
            IndexKeyValue::Column(attnum) => Some(attnum),
            IndexKeyValue::Expr(_) => None,
        }
    }

    /// Whether it is an expression, and this one.
    pub fn is_expr(&self, expr: &Expr) -> bool {
        matches!(&self.value, IndexKeyValue::Expr(own) if own.same_as(expr))
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let same_value = match (&self.value, &other.value) {
            (IndexKeyValue::Expr(own), IndexKeyValue::Expr(other)) => own.same_as(other),
            (own, other) => own == other,
        };
        same_value
            && self.operator_class == other.operator_class
            && self.collation == other.collation
            && (self.descending, self.nulls_first) == (other.descending, other.nulls_first)
    }
}

/// A foreign key, by its table and name.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    pub table: &'a QName,
    pub name: &'a Ident,
}

impl Catalog {
    /// The foreign keys that need an index, by the index, which cannot be dropped while they are there.
    ///
    /// One that names columns needs the oldest index that is unique over them, one that names none that
    /// of the primary key (measured on PostgreSQL 15; `transformFkeyCheckAttrs`). What it names is not
    /// kept, so both are here.
    pub fn references_by_index(&self) -> FxHashMap<Oid, Vec<Reference<'_>>> {
        let mut needed: FxHashMap<Oid, Vec<Reference<'_>>> = FxHashMap::default();
        for table in self.tables.values() {
            for (constraint, key) in table.foreign_keys() {
                let Some(other) = self.tables.get(&key.references) else { continue };
                let serving =
                    || other.indexes.values().filter(|index| index.is_key_of(&key.referenced_columns));
                let oldest = serving().map(|index| index.oid).min();
                let primary = serving().find(|index| index.primary).map(|index| index.oid);
                for oid in oldest.into_iter().chain(primary.filter(|oid| oldest != Some(*oid))) {
                    let reference = Reference { table: &table.name, name: &constraint.name };
                    needed.entry(oid).or_default().push(reference);
                }
            }
        }
        needed
    }
}

impl Index {
    /// Takes note of the name that a column is about to lose.
    pub(crate) fn note_old_name(&mut self, attnum: i16, name: &Ident) {
        let is_its_own = self.columns().contains(&Some(attnum)) || self.include.contains(&attnum);
        if is_its_own && self.old_names.iter().all(|(known, _)| *known != attnum) {
            self.old_names.push((attnum, name.clone()));
        }
    }

    /// The key columns in order, `None` for expressions, INCLUDE left out.
    pub fn columns(&self) -> Vec<Option<i16>> {
        self.keys.iter().map(IndexKey::attnum).collect()
    }

    /// Whether a foreign key can refer to these columns, in any order, by it.
    pub fn is_key_of(&self, attnums: &[i16]) -> bool {
        self.unique && self.predicate.is_none() && self.keys.len() == attnums.len() && self.is_led_by(attnums)
    }

    /// Whether these columns are, in any order, its first ones.
    pub fn is_led_by(&self, attnums: &[i16]) -> bool {
        let leading = self.keys.get(..attnums.len());
        leading.is_some_and(|keys| {
            attnums.iter().all(|attnum| keys.iter().any(|key| key.attnum() == Some(*attnum)))
        })
    }

    /// Whether a look-up of a value by its first columns can use it. A partial index can when it
    /// leaves out nothing but nulls of its own columns: what equals a value is not null.
    pub fn serves_every_lookup(&self) -> bool {
        self.valid
            && self.method != "brin"
            && self.predicate.as_ref().is_none_or(|it| self.drops_only_nulls(it))
    }

    /// The same for a look-up that holds these columns to constants as well: what the index leaves
    /// out by them is taken to be what the look-up leaves out.
    pub fn serves_look_ups_with(&self, fixed: &[i16]) -> bool {
        let is_fixed = |part: &Expr| match part {
            Expr::Column(ColumnRef { target: Target::Column { attnum, .. }, .. }) => fixed.contains(attnum),
            Expr::Column(_) => false,
            _ => true,
        };
        let predicate_fits = |predicate: &Expr| !predicate.any(&|part| !is_fixed(part));
        self.serves_every_lookup()
            || self.valid && self.method != "brin" && self.predicate.as_ref().is_some_and(predicate_fits)
    }

    fn drops_only_nulls(&self, predicate: &Expr) -> bool {
        match predicate {
            Expr::And(list) => list.iter().all(|part| self.drops_only_nulls(part)),
            Expr::IsNull { expr, negated: true } => match &**expr {
                Expr::Column(ColumnRef { target: Target::Column { attnum, .. }, .. }) => {
                    self.keys.first().and_then(IndexKey::attnum) == Some(*attnum)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a longer B-tree begins with the keys of this one, which holds nothing else.
    pub fn is_prefix_of(&self, longer: &Self) -> bool {
        let plain = |index: &Self| index.method == "btree" && index.predicate.is_none();
        plain(self)
            && plain(longer)
            && longer.valid
            && !self.unique
            && self.include.is_empty()
            && self.keys.len() < longer.keys.len()
            && self.keys.iter().zip(&longer.keys).all(|(own, other)| own.is_same_as(other))
    }

    /// Whether both look rows up alike: by the same keys in the same order, for the same rows.
    pub fn finds_the_same_as(&self, other: &Self) -> bool {
        self.method == other.method
            && self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(|(own, other)| own.is_same_as(other))
            && match (&self.predicate, &other.predicate) {
                (Some(own), Some(other)) => own.same_as(other),
                (own, other) => own.is_none() && other.is_none(),
            }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_foreign_key_needs_the_oldest_key() {
        let bench = Bench::new(
            "create table t (a int not null, b int unique);
             create unique index t_old on t (a);
             create unique index t_new on t (a);
             create unique index t_some on t (a) where b > 1;
             alter table t add primary key (a);
             create table u (a int references t (a), b int, c int references u (b));",
        );
        let table = bench.catalog.own_tables().next().expect("there is a table");
        let needed = bench.catalog.references_by_index();
        let names: Vec<_> = table
            .indexes
            .values()
            .filter(|index| needed.contains_key(&index.oid))
            .map(|index| index.name.as_str())
            .collect();
        assert_eq!(names, ["t_old", "t_pkey"]);
    }

    #[test]
    fn an_index_serves_by_its_first_columns() {
        let bench = Bench::new(
            "create table t (a int, b int, c int, d int, e int, f int);
             create index on t (a, b) include (f);
             create index on t (c) where c is not null;
             create index on t (d) where a > 1;
             create index on t using brin (e);",
        );
        let table = bench.catalog.own_tables().next().expect("there is a table");
        assert!(table.has_index_led_by(&[1]) && table.has_index_led_by(&[2, 1]));
        assert!(!table.has_index_led_by(&[2]), "it is second");
        assert!(table.has_index_led_by(&[3]), "no row with a value is left out");
        assert!(!table.has_index_led_by(&[4]) && !table.has_index_led_by(&[5]), "partial, and brin");
        assert!(!table.has_index_led_by(&[1, 6]), "it is only included");
        assert!(table.has_index_led_by_one_of(&[2], &[1], &[1]), "a constant stands before it");
        assert!(table.has_index_led_by_one_of(&[4], &[1], &[1]), "the look-up leaves out the same rows");
        assert!(
            table.has_index_led_by_one_of(&[2, 1], &[], &[])
                && !table.has_index_led_by_one_of(&[2, 4], &[], &[])
        );
    }
}
