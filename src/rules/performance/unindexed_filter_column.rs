use crate::map::{IndexMap, IndexSet};
use rustc_hash::{FxHashMap, FxHashSet};

use super::unindexed_foreign_key;
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::workload::filter::{Evidence, EvidenceSource, Filter};

declare_rule! {
    /// Finds columns that rows are looked up by and that lead no index.
    ///
    /// ## Why it matters
    ///
    /// A look-up compares a column with something that is known before the row is read: the
    /// caller's id in a policy, a parameter of a function, a column of a row that was found before.
    /// Without an index the whole table is read each time; in a policy that is each query of each
    /// user. With a million notes, a user who owns three waits for a million to be read.
    ///
    /// The evidence is what the migrations hold: policies, functions in SQL and PL/pgSQL, and
    /// views. A look-up is served when any of its columns leads an index, be it that of a key.
    /// Comparisons with constants, patterns and expressions over the column are no look-ups, nor is
    /// ORDER BY; booleans, enums and columns that a CHECK limits to a list hold too few values for
    /// an index to help. Foreign keys are the business of `unindexed-foreign-key`, and
    /// columns that are only compared within an expression that of `function-wrapped-policy-column`.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// create index on public.notes (owner);
    /// alter table public.notes enable row level security;
    /// create policy "own notes" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// `create index on public.notes (owner);`. A large table that is in use wants
    /// `create index concurrently`, in a migration of its own, so that writes go on meanwhile.
    "unindexed-filter-column" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "rows are looked up by a column that no index leads with",
        sources: &["pgrls:PERF003"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut by_table: FxHashMap<Oid, Vec<&Filter>> = FxHashMap::default();
    for filter in &cx.workload.filters {
        by_table.entry(filter.table).or_default().push(filter);
    }
    let doubts = cx.catalog.doubts(&[Aspect::Indexes, Aspect::Shape]);
    for table in cx.catalog.own_tables() {
        let Some(filters) = by_table.get(&table.oid) else { continue };
        if table.kind != TableKind::Foreign && !table.is_partition && !doubts.concern(&table.name) {
            for lookup in unserved(cx.catalog, table, filters) {
                report(table, &lookup, out);
            }
        }
    }
}

/// An index that is wanted, and by whom.
struct Wanted<'a> {
    columns: Vec<i16>,
    evidence: Vec<&'a Evidence>,
}

fn unserved<'a>(catalog: &Catalog, table: &Table, filters: &[&'a Filter]) -> Vec<Wanted<'a>> {
    let told_as_key: FxHashSet<i16> =
        unindexed_foreign_key::unserved(catalog, table).flat_map(|(_, key)| &key.columns).copied().collect();
    let mut groups: IndexMap<_, Vec<&Evidence>> = IndexMap::default();
    for filter in filters {
        groups.entry((&filter.columns, &filter.fixed, &filter.tested)).or_default().push(&filter.evidence);
    }
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    groups.sort_by(|one, _, other, _| one.0.len().cmp(&other.0.len()));
    for ((columns, fixed, tested), evidence) in groups {
        let is_told = columns.iter().any(|attnum| told_as_key.contains(attnum));
        if is_told || table.has_index_led_by_one_of(columns, fixed, tested) {
            continue;
        }
        let telling = columns
            .iter()
            .copied()
            .filter(|attnum| table.column_at(*attnum).is_some() && !catalog.has_few_values(table, *attnum));
        let telling: Vec<i16> = telling.collect();
        // An index that is wanted anyhow serves this look-up as well when it leads with one of its columns.
        match wanted.iter_mut().find(|other| telling.contains(&other.columns[0])) {
            Some(other) => other.evidence.extend(evidence),
            None if telling.is_empty() => {}
            None => wanted.push(Wanted { columns: telling, evidence }),
        }
    }
    wanted
}

fn report(table: &Table, wanted: &Wanted<'_>, out: &mut Findings) {
    let names = table.column_names(&wanted.columns);
    let mut evidence: IndexMap<&EvidenceSource, &Evidence> = IndexMap::default();
    for one in &wanted.evidence {
        evidence.entry(&*one.source).or_insert(one);
    }
    evidence.sort_by(|one, _, other, _| kind(one).cmp(&kind(other)));
    let column = table.column_at(wanted.columns[0]);
    let place = column.and_then(|column| column.name_span).or(table.name_span);
    let Some(span) = place.or(evidence.values().next().map(|evidence| evidence.span)) else { return };
    let what = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let quoted: Vec<String> = names.iter().map(Ident::quoted).collect();
    let (subject, it) = match names.as_slice() {
        [one] => (format!("{}.{}", table.name, one.quoted()), "it"),
        _ => (format!("any of {} of {}", quoted.join(", "), table.name), "them"),
    };
    let message = format!(
        "no index leads with {subject}, but {} by {it}: each time all of the table is read",
        look_ups(evidence.keys().copied())
    );
    let help = format!("create index on {} ({});", table.name.quoted(), quoted.join(", "));
    let finding = out.report(span, Identity::part("column", &table.name, what), message);
    finding
        .note(if names.len() == 1 { "has no index of its own" } else { "one index over all of them serves" })
        .help(help);
    finding.label_each(evidence.iter().map(|(source, evidence)| (evidence.span, label(source))));
}

/// Policies first, on the table itself or elsewhere; then functions; then views.
fn kind(source: &EvidenceSource) -> usize {
    match source {
        EvidenceSource::Policy { .. } | EvidenceSource::PolicyQuery { .. } => 0,
        EvidenceSource::Function(_) => 1,
        EvidenceSource::View(_) => 2,
    }
}

fn label(source: &EvidenceSource) -> String {
    match source {
        EvidenceSource::Policy { policy, .. } => format!("policy {} filters by it", policy.delimited()),
        EvidenceSource::PolicyQuery { table, policy } => {
            format!("policy {} of {table} looks rows up by it", policy.delimited())
        }
        EvidenceSource::Function(name) => format!("function {name} looks rows up by it"),
        EvidenceSource::View(name) => format!("view {name} looks rows up by it"),
    }
}

/// `2 policies and a function look rows up`.
fn look_ups<'a>(sources: impl Iterator<Item = &'a EvidenceSource>) -> String {
    let mut objects: IndexSet<(usize, String)> = IndexSet::default();
    for source in sources {
        let name = match source {
            EvidenceSource::Policy { table, policy } | EvidenceSource::PolicyQuery { table, policy } => {
                format!("{table}/{policy}")
            }
            EvidenceSource::Function(name) | EvidenceSource::View(name) => name.to_string(),
        };
        objects.insert((kind(source), name));
    }
    let nouns = [("a policy", "policies"), ("a function", "functions"), ("a view", "views")];
    let mut parts = Vec::new();
    for (at, (one, many)) in nouns.into_iter().enumerate() {
        match objects.iter().filter(|(kind, _)| *kind == at).count() {
            0 => {}
            1 => parts.push(one.to_string()),
            count => parts.push(format!("{count} {many}")),
        }
    }
    let verb = if objects.len() == 1 { "looks" } else { "look" };
    format!("{} {verb} rows up", parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn policies_sub_selects_functions_and_views_are_evidence() {
        check(
            &RULE,
            "create table public.notes (id bigint primary key, owner uuid, slug text, team bigint, hidden text);
             --                                   ^^^^^ warning: no index leads with public.notes.owner, but a policy and a view look rows up by it
             --                                               ^^^^ warning: public.notes.slug, but a function looks
             create table public.members (id bigint primary key, team bigint, member uuid);
             --                                                               ^^^^^^ warning: public.members.member, but a policy looks
             alter table public.notes enable row level security;
             create policy own on public.notes using (owner = auth.uid());
             create policy team on public.notes using (team in (
               select m.team from public.members m where m.member = auth.uid()));
             create function public.by_slug(wanted text) returns public.notes language plpgsql as $$
             declare found_note public.notes;
             begin
               select * into found_note from public.notes n where n.slug = wanted;
               return found_note;
             end $$;
             create view public.mine as select * from public.notes where owner = auth.uid();",
        );
    }

    #[test]
    fn any_leading_column_of_the_look_up_serves() {
        check(
            &RULE,
            "create table public.members (team bigint, member uuid, note text, primary key (team, member));
             create table public.docs (id bigint primary key, team bigint, author uuid unique, at date);
             alter table public.docs enable row level security;
             create policy team on public.docs using (exists (
               select 1 from public.members m where m.team = docs.team and m.member = auth.uid()));
             create policy own on public.docs using (author = auth.uid());
             create policy pair on public.docs using (author = auth.uid() and team = my_team());",
        );
    }

    #[test]
    fn few_values_patterns_expressions_and_constants_are_silent() {
        check(
            &RULE,
            "create type public.mood as enum ('a', 'b');
             create table public.t (id int primary key, done bool, mood public.mood, name text, kind text, owner uuid,
               state text check (state in ('x', 'y')));
             alter table public.t enable row level security;
             create policy a on public.t using (done = is_done());
             create policy b on public.t using (mood = current_mood());
             create policy c on public.t using (name ilike '%' || auth.email() || '%');
             create policy d on public.t using (lower(name) = auth.email());
             create policy e on public.t using (kind = 'public');
             create policy f on public.t using (owner::text = auth.jwt() ->> 'sub');
             create policy g on public.t using (state = current_state());
             create policy h on public.t using (owner = auth.uid() or kind = 'public');
             create policy i on public.t for insert with check (owner = auth.uid());",
        );
    }

    #[test]
    fn partial_and_expression_indexes_do_not_serve() {
        check(
            &RULE,
            "create table public.t (id int primary key, owner uuid, name text, done bool);
             --                            ^^^^^ warning: public.t.owner
             --                                        ^^^^ warning: public.t.name
             alter table public.t enable row level security;
             create index on public.t (owner) where not done;
             create index on public.t (lower(name));
             create policy a on public.t using (owner = auth.uid());
             create policy b on public.t using (name = auth.email());",
        );
    }

    #[test]
    fn what_is_held_to_a_constant_may_lead() {
        check(
            &RULE,
            "create table public.t (id int primary key, kind text, of uuid, owner uuid, gone timestamptz,
               unique (kind, of));
             alter table public.t enable row level security;
             create index on public.t (owner) where gone is null;
             create policy a on public.t using (kind = 'user' and of = auth.uid());
             create policy b on public.t using (owner = auth.uid() and gone is null);",
        );
    }

    #[test]
    fn a_test_beside_the_look_up_hides_no_index() {
        check(
            &RULE,
            "create table public.a (id uuid primary key, slug text unique, name text, gone timestamptz);
             create index on public.a (name) where gone is not null;
             create table public.b (id uuid primary key, kind text, slug text);
             --                                                     ^^^^ warning: no index leads with public.b.slug
             create index on public.b (kind, slug);
             create function public.g(slug text) returns uuid language plpgsql as $$
             begin
               perform 1 from public.a where a.slug is null and a.slug = g.slug;
               perform 1 from public.a where a.slug = 'x' and a.slug = g.slug;
               perform 1 from public.a where a.gone is not null and a.name = g.slug;
               perform 1 from public.b where b.kind is not null and b.slug = g.slug;
               return (select id from public.a where a.slug is not null and a.slug = g.slug);
             end $$;",
        );
    }

    #[test]
    fn what_a_join_holds_to_a_constant_may_lead() {
        check(
            &RULE,
            "create table public.projects (id bigint primary key, owner uuid);
             create index on public.projects (owner);
             create table public.votes (id bigint primary key, content_type text, content_id bigint);
             create index on public.votes (content_type, content_id);
             create table public.likes (id bigint primary key, content_type text, content_id bigint);
             --                                                                   ^^^^^^^^^^ warning: public.likes.content_id
             create index on public.likes (content_type, content_id);
             create function public.f(p uuid) returns bigint language sql stable as $$
               select count(v.id) from public.projects pr
               left join public.votes v on v.content_id = pr.id and v.content_type = 'projects'
               left join public.likes l on l.content_id = pr.id
               where pr.owner = p $$;",
        );
    }

    #[test]
    fn foreign_keys_are_not_told_twice() {
        check(
            &RULE,
            "create table public.t (id int primary key, owner uuid references auth.users);
             alter table public.t enable row level security;
             create policy a on public.t using (owner = auth.uid());",
        );
    }

    #[test]
    fn several_columns_want_one_index() {
        let text = "create table public.t (id int primary key, tenant uuid, owner uuid);
             --                            ^^^^^^ warning: any of tenant, owner of public.t, but a policy looks rows up by them
             alter table public.t enable row level security;
             create policy a on public.t using (tenant = my_tenant() and owner = auth.uid());";
        check(&RULE, text);
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found[0].help.as_deref(), Some("create index on public.t (tenant, owner);"));
        check(
            &RULE,
            "create table public.t (id int primary key, tenant uuid, owner uuid);
             --                                         ^^^^^ warning: public.t.owner, but 2 policies look
             alter table public.t enable row level security;
             create policy a on public.t using (tenant = my_tenant() and owner = auth.uid());
             create policy b on public.t using (owner = auth.uid());",
        );
    }

    #[test]
    fn views_platform_tables_and_policies_that_sleep_are_silent() {
        check(
            &RULE,
            "create table public.t (id int primary key, owner uuid);
             create policy a on public.t using (owner = auth.uid());
             create policy b on storage.objects using (owner_id = auth.uid()::text);
             create view public.v as select id from public.t;
             create function public.f(x int) returns setof public.v language sql as $$
               select * from public.v where id = x
             $$;
             create temp table s (owner uuid);",
        );
    }
}
