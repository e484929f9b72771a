use crate::catalog::gap::Aspect;
use crate::catalog::index::Index;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds indexes whose columns are the first ones of a longer index.
    ///
    /// ## Why it matters
    ///
    /// A B-tree over `(team, name)` finds rows by `team` alone as well. The shorter index costs disk
    /// and makes every insert and update slower: a table that takes a thousand rows a second writes
    /// a thousand entries more for nothing.
    ///
    /// ```sql,bad
    /// create table public.members (id bigint primary key, team bigint, name text);
    /// create index members_team on public.members (team);
    /// create index members_team_name on public.members (team, name);
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (id bigint primary key, team bigint, name text);
    /// create index members_name on public.members (name);
    /// create index members_team_name on public.members (team, name);
    /// ```
    ///
    /// Silent are unique indexes, those with a WHERE or INCLUDE of their own, other methods than
    /// B-trees, and the indexes of partitions. The rule is part of the rule-set `strict` only: a narrow
    /// index takes less memory than a wide one, which can matter for a table that is mostly read.
    ///
    /// ## How to fix
    ///
    /// Drop the shorter one: `drop index public.members_team;`.
    "redundant-prefix-index" {
        group: Group::Performance,
        severity: Severity::Info,
        summary: "a longer index begins with the same columns",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Indexes, Aspect::Shape]);
    for table in cx.catalog.own_tables().filter(|table| !doubts.concern(&table.name)) {
        for index in table.indexes.values() {
            let longer = table.indexes.values().find(|longer| index.is_prefix_of(longer));
            if let Some(longer) = longer.filter(|_| index.parent.is_none()) {
                report(table, index, longer, out);
            }
        }
    }
}

fn report(table: &Table, index: &Index, longer: &Index, out: &mut Findings) {
    let Some(span) = index.name_span.or(index.history.created.span()) else { return };
    let message = format!(
        "index {} finds nothing that {} of {} does not find as well: its columns are the first ones of it",
        index.name.quoted(),
        longer.name.quoted(),
        table.name
    );
    out.report(span, Identity::part("index", &table.name, index.name.to_string()), message)
        .note("every insert and update keeps both up to date")
        .label(
            longer.name_span.or(longer.history.created.span()),
            format!("{} is made here", longer.name.quoted()),
        )
        .help(format!("drop index {}.{};", table.name.schema.quoted(), index.name.quoted()));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn keys_count_as_longer_indexes() {
        check(
            &RULE,
            "create table public.m (team int, who int, note text, primary key (team, who), unique (note, who));
             create index m_team on public.m (team);
             --           ^^^^^^ info: index m_team finds nothing that m_pkey of public.m does not find
             create index m_note on public.m (note);
             --           ^^^^^^ info: m_note_who_key
             create index m_who on public.m (who);",
        );
    }

    #[test]
    fn whatever_tells_two_apart_counts() {
        check(
            &RULE,
            "create table public.t (a int, b int, c text);
             create unique index u on public.t (a);
             create index d on public.t (a desc);
             create index w on public.t (a) where b > 1;
             create index i on public.t (a) include (c);
             create index h on public.t using hash (a);
             create index p on public.t (c text_pattern_ops);
             create index partial on public.t (b, c) where c <> '';
             create index plain on public.t (b);
             create index ab on public.t (a, b);
             create index cb on public.t (c, b);",
        );
    }

    #[test]
    fn twins_are_another_rules_business() {
        check(
            &RULE,
            "create table public.t (a int, b int);
             create index one on public.t (a);
             create index two on public.t (a);
             create table public.p (a int, b int) partition by range (a);
             create table public.p1 partition of public.p for values from (1) to (2);
             create index p_a on public.p (a);
             --           ^^^ info: index p_a
             create index p_ab on public.p (a, b);",
        );
    }
}
