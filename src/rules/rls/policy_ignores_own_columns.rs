use crate::access::Read;
use crate::catalog::index::{Index, IndexKey};
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{ConstraintKind, ForeignKey, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Oid;
use crate::sql::statement::Clause;

declare_rule! {
    /// Finds policies that ask whether the caller is a member of any group, on tables whose rows
    /// belong to one.
    ///
    /// ## Why it matters
    ///
    /// `exists (select from members where user_id = auth.uid())` is true as soon as the caller is a
    /// member of some team. Without `members.team_id = documents.team_id` nothing ties that team to
    /// the row: whoever is in one team reads the documents of all teams.
    ///
    /// ```sql,bad
    /// create table public.teams (id bigint primary key);
    /// create table public.members (
    ///   team_id bigint references public.teams, user_id uuid, primary key (team_id, user_id)
    /// );
    /// create table public.documents (id bigint primary key, team_id bigint references public.teams);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (exists (select from public.members where user_id = (select auth.uid())));
    /// ```
    ///
    /// ```sql,good
    /// create table public.teams (id bigint primary key);
    /// create table public.members (
    ///   team_id bigint references public.teams, user_id uuid, primary key (team_id, user_id)
    /// );
    /// create table public.documents (id bigint primary key, team_id bigint references public.teams);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (team_id in (select team_id from public.members where user_id = (select auth.uid())));
    /// ```
    ///
    /// Policies for administrators read no column either and are silent: what they ask for says more
    /// than that there is a row, such as `role = 'admin'`, or is in a table without a group. A table of
    /// members has a key of the group and the user.
    ///
    /// ## How to fix
    ///
    /// Compare the group of the member with that of the row.
    "policy-ignores-own-columns" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a policy asks for a membership and not for the row's group",
        sources: &["pgrls:SEC005"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| policy.permissive) {
        let accesses = cx.catalog.table_access(table);
        let mut bound = accesses.iter().filter(|access| cx.catalog.policy_binds(policy, access.role));
        let Some((clause, members, group)) =
            bound.find_map(|access| unrelated(cx, table, policy, access.role))
        else {
            continue;
        };
        let message = format!(
            "policy {} on {} asks whether the caller is in {members}, and not for which {group}: a member of one reaches \
             the rows of all",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(clause.span, object, message);
        found.note("reads no column of the row");
        found.label(policy.name_apart_from(clause.span), "the policy is created here");
        found.help(format!("compare the {group} of {members} with that of the row in the sub-select"));
    }
}

/// A clause that lets through whoever has a row in a table of members, with the names of that table
/// and of what both it and this table belong to.
fn unrelated<'a>(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &'a Policy,
    role: &Role,
) -> Option<(&'a Clause, String, String)> {
    policy.clauses().find_map(|clause| {
        let Read { conditions, node, reach } = cx.rights.clause(table, policy, clause, role);
        let [only] = node.atoms()[..] else { return None };
        let members = cx.catalog.tables.get(&conditions.membership(only)?)?;
        let group = shared_group(cx, table, members)?;
        (reach == Reach::Some)
            .then(|| (clause, members.name.to_string(), cx.catalog.tables[&group].name.name.to_string()))
    })
}

/// What rows of both tables belong to: the table itself, or one that both refer to. Users are no
/// group.
fn shared_group(cx: &CatalogCx<'_>, table: &Table, members: &Table) -> Option<Oid> {
    let is_users = |oid: &Oid| {
        cx.catalog.tables.get(oid).is_none_or(|table| {
            let own_key = |(_, key): (_, &ForeignKey)| Some(key.columns.as_slice()) == table.primary_key();
            table.name.schema == "auth" || table.foreign_keys().any(own_key)
        })
    };
    // A membership is unique: the group and the user are a key together.
    let is_key = |attnum: i16| {
        let pair = |columns: &[i16]| columns.len() > 1 && columns.contains(&attnum);
        let keys = members.constraints.values().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns } => pair(columns),
            _ => false,
        });
        let unique = |index: &Index| {
            let columns: Vec<i16> = index.keys.iter().filter_map(IndexKey::attnum).collect();
            index.unique && pair(&columns)
        };
        keys || members.indexes.values().any(unique)
    };
    let of_pair = |key: &&ForeignKey| key.columns.iter().all(|attnum| is_key(*attnum));
    let keys = members.foreign_keys().map(|(_, key)| key).filter(of_pair);
    let groups = keys.map(|key| key.references).filter(|oid| !is_users(oid));
    let mut groups = groups.filter(|oid| *oid != members.oid);
    groups.find(|oid| *oid == table.oid || table.foreign_keys().any(|(_, key)| key.references == *oid))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.profiles (id uuid primary key references auth.users, role text);
        create table public.teams (id bigint primary key);
        create table public.members (team_id bigint references public.teams, user_id uuid references public.profiles, role text, unique (team_id, user_id));
        create table public.a (id bigint, team_id bigint references public.teams, author uuid references public.profiles);
        alter table public.a enable row level security; alter table public.teams enable row level security;";

    #[test]
    fn any_membership_is_not_that_of_the_row() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create policy p on public.a for select using (exists (select 1 from public.members m where m.user_id = auth.uid()));
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"p\" on public.a asks whether the caller is in public.members, and not for which teams
             create policy q on public.teams for select using (auth.uid() in (select user_id from public.members));
             --                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"q\" on public.teams"
            ),
        );
    }

    #[test]
    fn what_asks_for_more_or_for_no_group_is_silent() {
        check(
            &RULE,
            &format!(
                "{TABLES}
             create policy p on public.a for select using (exists (select 1 from public.members m where m.user_id = auth.uid() and m.team_id = a.team_id));
             create policy q on public.a for select using (exists (select 1 from public.members m where m.user_id = auth.uid() and m.role = 'admin'));
             create policy r on public.a for select using (exists (select 1 from public.profiles where id = auth.uid()));
             create policy s on public.a for select using (author = auth.uid());
             create table public.actions (team_id bigint references public.teams, moderator uuid);
             create policy u on public.a for select using (exists (select 1 from public.actions where moderator = auth.uid()));
             create table public.admins (user_id uuid primary key references auth.users);
             create policy t on public.a for select using (exists (select 1 from public.admins where user_id = auth.uid()));"
            ),
        );
    }
}
