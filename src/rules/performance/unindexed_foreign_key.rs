use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::index::Index;
use crate::catalog::table::{Constraint, ForeignKey, Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::ReferentialAction;

declare_rule! {
    /// Finds foreign keys that no index serves.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL indexes the key that is referenced, not the column that references it. Without an
    /// index of its own, each delete in the referenced table reads the whole referencing table, and
    /// so does each query from the one to the other: deleting one user can take minutes, and blocks
    /// whoever writes meanwhile.
    ///
    /// An index serves when the foreign key's columns are its first ones, in any order. Those of
    /// primary keys and unique constraints do as well; one with a WHERE clause does not, unless
    /// that only leaves out nulls, and neither does a column that is merely INCLUDEd. Where an
    /// index begins with some of several columns, only the rows that agree in these are read: that
    /// is information.
    ///
    /// ```sql,bad
    /// create table public.projects (id bigint primary key);
    /// create table public.tasks (
    ///   id bigint primary key,
    ///   project_id bigint references public.projects (id)
    /// );
    /// ```
    ///
    /// ```sql,good
    /// create table public.projects (id bigint primary key);
    /// create table public.tasks (
    ///   id bigint primary key,
    ///   project_id bigint references public.projects (id)
    /// );
    /// create index on public.tasks (project_id);
    /// ```
    ///
    /// Many of them are told once, at the first.
    ///
    /// ## How to fix
    ///
    /// `create index on public.tasks (project_id);`. A large table that is in use wants
    /// `create index concurrently`, in a migration of its own, so that writes go on meanwhile.
    "unindexed-foreign-key" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "no index serves a foreign key",
        sources: &["splinter:0001"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A foreign key that no index serves, or none all of it.
struct Unserved<'a> {
    table: &'a Table,
    constraint: &'a Constraint,
    key: &'a ForeignKey,
    /// The index that serves most of its columns, and these.
    narrowing: Option<(&'a Index, Vec<i16>)>,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Indexes, Aspect::Shape]);
    let mut found = Vec::new();
    for table in cx.catalog.own_tables().filter(|table| !doubts.concern(&table.name)) {
        let mut seen = FxHashSet::default();
        for (constraint, key) in unserved(cx.catalog, table) {
            let mut columns = key.columns.clone();
            columns.sort_unstable();
            // Two foreign keys over the same columns want one index.
            if seen.insert(columns) {
                found.push(Unserved { table, constraint, key, narrowing: narrowing(table, key) });
            }
        }
    }
    let (bare, narrowed): (Vec<_>, Vec<_>) = found.into_iter().partition(|key| key.narrowing.is_none());
    let before = out.list.len();
    bare.iter().for_each(|key| report(cx.catalog, key, out));
    if bare.len() > MANY {
        fold(&bare, before, out);
    }
    narrowed.iter().for_each(|key| report(cx.catalog, key, out));
}

fn fold(keys: &[Unserved<'_>], before: usize, out: &mut Findings) {
    let message = format!(
        "no index serves {} foreign keys, {} the first of them: deleting a row that they refer to reads all of \
         their table",
        keys.len(),
        keys[0].columns()
    );
    if let Some(habit) = out.fold(before, "foreign keys", message, |one| one.message.clone()) {
        habit.help(format!("for each of them, as for the first: {}", keys[0].index()));
    }
}

impl Unserved<'_> {
    fn place(&self) -> Option<Span> {
        self.constraint.history.created.span().or(self.table.name_span)
    }

    /// `public.tasks.project_id`, `public.tasks.(a, b)`
    fn columns(&self) -> String {
        let columns = match self.table.column_names(&self.key.columns).as_slice() {
            [one] => one.quoted(),
            many => format!("({})", list(many)),
        };
        format!("{}.{columns}", self.table.name)
    }

    /// The statement that makes an index for it.
    fn index(&self) -> String {
        let columns = list(&self.table.column_names(&self.key.columns));
        format!("create index on {} ({columns});", self.table.name.quoted())
    }
}

fn list(names: &[Ident]) -> String {
    names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", ")
}

/// The foreign keys of a table that no index serves. Those that a partition has from its
/// partitioned table are told there.
pub(super) fn unserved<'a>(
    catalog: &'a Catalog,
    table: &'a Table,
) -> impl Iterator<Item = (&'a Constraint, &'a ForeignKey)> {
    table.foreign_keys().filter(|(constraint, key)| {
        let told_above = table.is_partition && constraint.inherited;
        !told_above && table.kind != TableKind::Foreign && !is_served(catalog, table, &key.columns)
    })
}

/// Whether an index of the table serves, or one of each of its partitions.
fn is_served(catalog: &Catalog, table: &Table, columns: &[i16]) -> bool {
    if table.has_index_led_by(columns) {
        return true;
    }
    let names = table.column_names(columns);
    let served_in = |partition: &Table| {
        let own: Vec<i16> =
            names.iter().filter_map(|name| partition.column(name)).map(|column| column.attnum).collect();
        is_served(catalog, partition, &own)
    };
    table.kind == TableKind::Partitioned
        && !table.children.is_empty()
        && table.children.iter().filter_map(|child| catalog.tables.get(child)).all(served_in)
}

fn report(catalog: &Catalog, unserved: &Unserved<'_>, out: &mut Findings) {
    let Unserved { table, constraint, key, narrowing } = unserved;
    let Some(span) = unserved.place() else { return };
    let referenced = catalog
        .tables
        .get(&key.references)
        .map_or_else(|| "the other table".into(), |to| to.name.to_string());
    let (which, read) = match narrowing {
        None => ("the foreign key", format!("all of {}", table.name.name.quoted())),
        Some((_, columns)) => {
            let same = list(&table.column_names(columns));
            (
                "all of the foreign key",
                format!("every row of {} with the same {same}", table.name.name.quoted()),
            )
        }
    };
    let message = format!(
        "no index serves {which} {}: deleting a row of {referenced} reads {read}",
        unserved.columns()
    );
    let note = match key.on_delete {
        ReferentialAction::Cascade => "each deleted row is searched for here, to delete what refers to it",
        ReferentialAction::SetNull | ReferentialAction::SetDefault => {
            "each deleted row is searched for here, to let go of it"
        }
        ReferentialAction::NoAction | ReferentialAction::Restrict => {
            "each deleted row is searched for here, to see that nothing refers to it"
        }
    };
    let finding =
        out.report(span, Identity::part("constraint", &table.name, constraint.name.to_string()), message);
    finding.note(note).help(unserved.index());
    if let Some((index, _)) = narrowing {
        finding.severity(Severity::Info).label(index.name_span, "this index serves a part of it");
        return;
    }
    let useless = table.indexes.values().find(|index| index.is_led_by(&key.columns));
    if let Some(index) = useless {
        let why = if index.predicate.is_some() {
            "this index leaves out some of the rows"
        } else if index.valid {
            "this index only narrows the search"
        } else {
            "this index is not valid: not every partition has its part"
        };
        finding.label(index.name_span, why);
    }
}

/// The index that serves most of a foreign key's columns, if not all of them, and these.
fn narrowing<'a>(table: &'a Table, key: &ForeignKey) -> Option<(&'a Index, Vec<i16>)> {
    let served = |index: &Index| -> Vec<i16> {
        let leading = index.columns().into_iter().map_while(|column| column);
        leading.take_while(|column| key.columns.contains(column)).collect()
    };
    let indexes = table.indexes.values().filter(|index| index.serves_every_lookup());
    let served = indexes.map(|index| (index, served(index))).filter(|(_, columns)| !columns.is_empty());
    served.max_by_key(|(_, columns)| columns.len())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn the_columns_lead_an_index_in_any_order() {
        check(
            &RULE,
            "create table public.a (x int, y int, primary key (x, y));
             create table public.b (p int, q int, r int, foreign key (p, q) references public.a (x, y));
             create index on public.b (q, p, r);
             create table public.c (p int, q int, r int, foreign key (p, q) references public.a (x, y));
             --                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: no index serves all of the foreign key public.c.(p, q): deleting a row of public.a reads every row of c with the same p
             create index on public.c (p, r, q);
             create table public.d (p int, q int, r int, foreign key (p, q) references public.a (x, y));
             --                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: the foreign key public.d.(p, q): deleting a row of public.a reads all of d
             create index on public.d (r, p, q);",
        );
    }

    #[test]
    fn many_are_one_finding() {
        let table = |number: u8| {
            format!("create table public.t{number} (id int, a_id int references public.a (id));\n")
        };
        let tables: String = (2..=11).map(table).collect();
        check(
            &RULE,
            &format!(
                "create table public.a (id int primary key);
                 create table public.t1 (id int, a_id int references public.a (id));
                 --                                       ^^^^^^^^^^^^^^^^^^^^^^^^ warning: no index serves 11 foreign keys, public.t1.a_id the first of them
                 {tables}"
            ),
        );
    }

    #[test]
    fn keys_serve_and_included_columns_do_not() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (a_id int references public.a, n int, primary key (a_id, n));
             create table public.c (a_id int unique references public.a);
             create table public.d (n int, a_id int references public.a, primary key (n, a_id));
             --                                     ^^^^^^^^^^^^^^^^^^^ warning: deleting a row of public.a reads all of d
             create table public.e (n int, a_id int references public.a);
             --                                     ^^^^^^^^^^^^^^^^^^^ warning: public.e.a_id
             create index on public.e (n) include (a_id);",
        );
    }

    #[test]
    fn a_partial_index_serves_when_it_leaves_out_nulls_only() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (gone bool, a_id int references public.a, c_id int references public.a);
             --                                         ^^^^^^^^^^^^^^^^^^^ warning: public.b.a_id
             create index on public.b (a_id) where not gone;
             create index on public.b (c_id) where c_id is not null;",
        );
    }

    #[test]
    fn a_partitioned_table_is_told_once_unless_each_partition_is_served() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.p (a_id int references public.a, at date) partition by range (at);
             --                              ^^^^^^^^^^^^^^^^^^^ warning: public.p.a_id
             create table public.p1 partition of public.p for values from ('2025-01-01') to ('2026-01-01');
             create table public.p2 partition of public.p for values from ('2026-01-01') to ('2027-01-01');
             create index on public.p2 (a_id);
             create table public.q (a_id int references public.a, at date) partition by range (at);
             create table public.q1 partition of public.q for values from ('2025-01-01') to ('2026-01-01');
             create index on public.q1 (a_id);
             create table public.r (a_id int references public.a, at date) partition by range (at);
             --                              ^^^^^^^^^^^^^^^^^^^ warning: public.r.a_id
             create table public.r1 partition of public.r for values from ('2025-01-01') to ('2026-01-01');
             create index r_a on only public.r (a_id);",
        );
    }

    #[test]
    fn two_foreign_keys_over_one_column_are_one_finding() {
        check(
            &RULE,
            "create table public.profiles (id uuid primary key references auth.users);
             create table public.notes (author uuid references auth.users references public.profiles);
             --                                     ^^^^^^^^^^^^^^^^^^^^^ warning: public.notes.author",
        );
    }

    #[test]
    fn later_statements_count() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (a_id int references public.a);
             --                              ^^^^^^^^^^^^^^^^^^^ warning: public.b.a_id
             create index b_a on public.b (a_id);
             drop index b_a;
             create table public.c (a_id int references public.a);
             alter table public.c rename column a_id to owner_id;
             create index on public.c (owner_id);
             create temp table d (a_id int);",
        );
    }

    #[test]
    fn sql_put_together_for_another_table_does_not_matter() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (a_id int references public.a);
             --                              ^^^^^^^^^^^^^^^^^^^ warning: public.b.a_id
             do $$ begin
               execute 'alter table public.a drop constraint ' || current_setting('my.constraint');
             end $$;",
        );
    }

    #[test]
    fn what_a_loop_may_have_indexed_is_left_alone() {
        check(
            &RULE,
            "create table public.a (id int primary key);
             create table public.b (a_id int references public.a);
             do $$ begin
               execute 'create index on ' || current_setting('my.table') || ' (a_id)';
             end $$;",
        );
    }
}
