use crate::map::IndexMap;
use rustc_hash::FxHashMap;

use crate::catalog::gap::Aspect;
use crate::catalog::index::{Index, Reference};
use crate::catalog::name::QName;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::ReplicaIdentity;

declare_rule! {
    /// Finds indexes that find nothing which another one does not find as well.
    ///
    /// ## Why it matters
    ///
    /// Each index costs disk and makes every insert and update slower: on a table that is written
    /// all day, a second copy of an index can be the largest part of the work. Two that have the
    /// same method, keys, order, INCLUDE and WHERE do one index's work; so do a plain index and the
    /// unique one that stands behind a primary key or unique constraint over the same columns.
    ///
    /// ```sql,bad
    /// create table public.users (id bigint primary key, email text not null unique);
    /// create index users_email on public.users (email);
    /// ```
    ///
    /// ```sql,good
    /// create table public.users (id bigint primary key, email text not null unique, name text);
    /// create index users_name on public.users (name, email);
    /// ```
    ///
    /// Many of them are told once, at the first.
    ///
    /// ## How to fix
    ///
    /// Drop the one that serves no constraint: `drop index public.users_email;`. An index that a foreign
    /// key needs cannot go; where both are needed, the foreign key has to be made again.
    "duplicate-index" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "two indexes do the same work",
        sources: &["splinter:0009"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// An index that can go, and the one that does its work.
struct Twin<'a> {
    relation: &'a QName,
    index: &'a Index,
    kept: &'a Index,
    /// The foreign keys that need the one that is easier to drop, where they need the other as well.
    needed_by: Vec<Reference<'a>>,
    dropped: &'a Index,
}

/// The indexes of a table or materialised view.
struct Indexed<'a> {
    name: &'a QName,
    indexes: &'a IndexMap<Ident, Index>,
    /// Whether one of the unique ones tells rows apart in replication.
    identifies: bool,
}

type Needed<'a> = FxHashMap<Oid, Vec<Reference<'a>>>;

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Indexes, Aspect::Shape]);
    let tables = cx.catalog.own_tables().map(|table| Indexed {
        name: &table.name,
        indexes: &table.indexes,
        identifies: table.replica_identity == ReplicaIdentity::Index,
    });
    let views = cx.catalog.views.values();
    let views = views.map(|view| Indexed { name: &view.name, indexes: &view.indexes, identifies: false });
    let certain = tables.chain(views).filter(|relation| !doubts.concern(relation.name));
    let needed = cx.catalog.references_by_index();
    let twins: Vec<Twin<'_>> = certain.flat_map(|relation| twins(&relation, &needed)).collect();
    let before = out.list.len();
    twins.iter().for_each(|twin| report(twin, out));
    if twins.len() > MANY {
        fold(&twins, before, out);
    }
}

fn twins<'a>(relation: &Indexed<'a>, needed: &Needed<'a>) -> Vec<Twin<'a>> {
    // Those with the same columns are few: only they are compared with each other.
    let mut alike: FxHashMap<Vec<Option<i16>>, Vec<&'a Index>> = FxHashMap::default();
    let mut in_order: Vec<&Index> = relation.indexes.values().collect();
    in_order.sort_by_key(|index| index.oid);
    for index in &in_order {
        alike.entry(index.columns()).or_default().push(index);
    }
    let superfluous = |index: &'a Index| {
        // It is not known which of them identifies rows.
        if relation.identifies && index.unique {
            return None;
        }
        let mut twins = alike.get(&index.columns()).into_iter().flatten().copied();
        let kept = twins.find(|twin| twin.oid != index.oid && is_superfluous(index, twin))?;
        Some(Twin::new(relation.name, index, kept, needed))
    };
    in_order.into_iter().filter_map(superfluous).collect()
}

/// Whether an index can go while the other one stays. Of two that are equal it is the later one, and never
/// that of the primary key.
/// The part of a partitioned table's index cannot go alone.
fn is_superfluous(index: &Index, kept: &Index) -> bool {
    let included = index.include.iter().all(|attnum| kept.include.contains(attnum));
    let covered = index.parent.is_none() && included && index.finds_the_same_as(kept);
    if index.unique && kept.unique {
        covered
            && index.include.len() == kept.include.len()
            && index.nulls_not_distinct == kept.nulls_not_distinct
            && !index.primary
            && (kept.primary || kept.oid < index.oid)
    } else if kept.unique {
        covered
    } else {
        covered && !index.unique && index.include.len() == kept.include.len() && kept.oid < index.oid
    }
}

impl<'a> Twin<'a> {
    fn new(relation: &'a QName, index: &'a Index, kept: &'a Index, needed: &Needed<'a>) -> Self {
        // What serves a constraint goes with it, so of two equal ones the other is easier to drop.
        let (easier, other) = if index.constraint.is_some() && kept.constraint.is_none() {
            (kept, index)
        } else {
            (index, kept)
        };
        let is_needed = |index: &Index| needed.contains_key(&index.oid);
        let can_go_instead = other.unique == easier.unique && !other.primary && !is_needed(other);
        if is_needed(easier) && can_go_instead {
            return Self { relation, index, kept, needed_by: Vec::new(), dropped: other };
        }
        let needed_by = needed.get(&easier.oid).cloned().unwrap_or_default();
        Self { relation, index, kept, needed_by, dropped: easier }
    }

    fn place(&self) -> Option<Span> {
        self.index.name_span.or(self.index.history.created.span())
    }

    /// `index t_a repeats a`
    fn repeats(&self) -> String {
        format!("index {} repeats {}", self.index.name.quoted(), self.kept.name.quoted())
    }

    /// The statements that leave one of the two.
    fn drop(&self) -> String {
        let table = self.relation;
        let drop = match &self.dropped.constraint {
            Some(constraint) => drop_constraint(table, constraint),
            None => {
                let name = QName { schema: table.schema.clone(), name: self.dropped.name.clone() };
                format!("drop index {};", name.quoted())
            }
        };
        if self.needed_by.is_empty() {
            return drop;
        }
        let before = self.needed_by.iter().map(|reference| drop_constraint(reference.table, reference.name));
        let all: Vec<String> = before.chain([drop]).collect();
        format!("{} -- then make the foreign keys again, which will use the other index", all.join(" "))
    }
}

fn drop_constraint(table: &QName, name: &Ident) -> String {
    format!("alter table {} drop constraint {};", table.quoted(), name.quoted())
}

fn fold(twins: &[Twin<'_>], before: usize, out: &mut Findings) {
    let message = format!(
        "{} indexes repeat others, {} of {} the first of them",
        twins.len(),
        twins[0].index.name.quoted(),
        twins[0].relation
    );
    if let Some(habit) = out.fold(before, "indexes", message, |one| one.message.clone()) {
        habit.help(format!("for each of them, as for the first: {}", twins[0].drop()));
    }
}

fn report(twin: &Twin<'_>, out: &mut Findings) {
    let Some(span) = twin.place() else { return };
    let (table, index, kept) = (twin.relation, twin.index, twin.kept);
    let role = match (kept.primary, &kept.constraint) {
        (true, _) => "the index of the primary key of",
        (false, Some(_)) if kept.unique => "the index of a unique constraint of",
        (false, Some(_)) => "the index of an exclusion constraint of",
        (false, None) if kept.unique => "a unique index of",
        (false, None) => "another index of",
    };
    let message = format!("{}, {role} {table}", twin.repeats());
    out.report(span, Identity::part("index", table, index.name.to_string()), message)
        .note("every insert and update keeps both up to date")
        .label(kept.name_span.or(kept.history.created.span()), format!("{} is made here", kept.name.quoted()))
        .help(twin.drop());
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    /// What is advised about the only finding.
    fn help(text: &str) -> String {
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        finding.help.clone().expect("there is advice")
    }

    #[test]
    fn an_index_that_a_foreign_key_needs_is_not_to_be_dropped() {
        let two = "create table public.t (a int); create unique index t_old on public.t (a);";
        let refers = "create table public.u (a int references public.t (a));";
        let new = "create unique index t_new on public.t (a);";
        let key = "alter table public.t add constraint t_key unique (a);";
        for (text, expected) in [
            (format!("{two} {new} {refers}"), "drop index public.t_new;"),
            (format!("{two} {key}"), "drop index public.t_old;"),
            (format!("{two} {key} {refers}"), "alter table public.t drop constraint t_key;"),
            (format!("{two} {refers} {key}"), "alter table public.t drop constraint t_key;"),
            (
                format!("{two} {refers} alter table public.t add primary key (a);"),
                "alter table public.u drop constraint u_a_fkey; drop index public.t_old; -- then make the foreign \
                 keys again, which will use the other index",
            ),
        ] {
            assert_eq!(help(&text), expected, "{text}");
        }
    }

    #[test]
    fn an_index_that_may_identify_rows_stays() {
        check(
            &RULE,
            "create table public.t (a int not null);
             create unique index t_a on public.t (a);
             create unique index t_b on public.t (a);
             create index t_c on public.t (a);
             --           ^^^ warning: index t_c repeats t_a
             alter table public.t replica identity using index t_b;",
        );
    }

    #[test]
    fn names_do_not_matter() {
        check(
            &RULE,
            "create table public.t (a int, email text);
             create index a on public.t (a);
             create index t_a on public.t (a);
             --           ^^^ warning: index t_a repeats a
             create index on public.t (lower(email));
             create index on public.t (lower( t.email ));
           --^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: another index of public.t",
        );
    }

    #[test]
    fn many_are_one_finding() {
        let table = |number: u8| {
            format!(
                "create table public.t{number} (id int primary key); create index i{number} on public.t{number} (id);\n"
            )
        };
        let tables: String = (2..=11).map(table).collect();
        check(
            &RULE,
            &format!(
                "
                 create table public.t1 (id int primary key); create index i1 on public.t1 (id);
                 --                                                        ^^ warning: 11 indexes repeat others, i1 of public.t1 the first of them
                 {tables}"
            ),
        );
    }

    #[test]
    fn an_exclusion_constraint_has_an_index_as_well() {
        check(
            &RULE,
            "create extension btree_gist;
             create table public.t (a int, during tstzrange, constraint apart exclude using gist (a with =, during with &&));
             create index i on public.t using gist (a, during);
             --           ^ warning: index i repeats apart, the index of an exclusion constraint of public.t",
        );
    }

    #[test]
    fn whatever_tells_two_apart_counts() {
        check(
            &RULE,
            "create table public.t (a int, b int, c text);
             create index on public.t (a);
             create index on public.t using hash (a);
             create index on public.t (a desc);
             create index on public.t (a, b);
             create index on public.t (b, a);
             create index on public.t (b) include (a);
             create index on public.t (b);
             create index on public.t (a) where b > 1;
             create index on public.t (a) where b > 2;
             create index on public.t (c);
             create index on public.t (c text_pattern_ops);
             create index on public.t (c collate \"C\");",
        );
    }

    #[test]
    fn a_key_makes_a_plain_index_superfluous() {
        check(
            &RULE,
            "create table public.t (id int primary key, a int, b int, unique (a, b));
             create index t_id on public.t (id);
             --           ^^^^ warning: the primary key of public.t
             create index t_ab on public.t (a, b);
             --           ^^^^ warning: a unique constraint of public.t
             create index t_id_a on public.t (id) include (a);
             create index t_a on public.t (a);",
        );
    }

    #[test]
    fn an_index_that_came_before_the_key_is_the_one_to_go() {
        check(
            &RULE,
            "create table public.t (a int);
             create index t_a on public.t (a);
             --           ^^^ warning: index t_a repeats t_a_key
             alter table public.t add constraint t_a_key unique (a);",
        );
    }

    #[test]
    fn a_unique_constraint_over_the_primary_key_is_a_twin() {
        check(
            &RULE,
            "create table public.t (id int primary key);
             alter table public.t add constraint t_id unique (id);
             --                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: index t_id repeats t_pkey
             create table public.u (id int);
             create unique index u_id on public.u (id);
             alter table public.u add primary key using index u_id;
             create table public.v (id int, constraint v_id unique (id));
             --                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: index v_id repeats v_key, the index of the primary key of public.v
             alter table public.v add constraint v_key primary key (id);",
        );
    }

    #[test]
    fn partitions_follow_their_table() {
        check(
            &RULE,
            "create table public.p (a int) partition by range (a);
             create table public.p1 partition of public.p for values from (1) to (2);
             create index p_a on public.p (a);
             create index p_b on public.p (a);
             --           ^^^ warning: index p_b",
        );
    }

    #[test]
    fn materialised_views_have_indexes_too() {
        check(
            &RULE,
            "create table public.t (a int);
             create materialized view public.m as select a from public.t;
             create index m_a on public.m (a);
             create index m_b on public.m (a);
             --           ^^^ warning: index m_b repeats m_a
             create index t_a on public.t (a);
             drop index public.t_a;
             create index t_b on public.t (a);",
        );
    }
}
