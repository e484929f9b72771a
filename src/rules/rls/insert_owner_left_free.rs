use crate::access::authority::{is_guarded, may_set};
use crate::access::{Access, Read, reach_of};
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::sensitive::words;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Link, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Expr, Literal};
use crate::sql::statement::{Clause, PolicyCommand, Privilege, TriggerEvent};

declare_rule! {
    /// Finds INSERT policies that leave the owner or sender of a row free, beside one that holds it to the
    /// caller.
    ///
    /// ## Why it matters
    ///
    /// Permissive policies are joined with `or`: a new row has to fit one of them. "Members write as
    /// themselves" asks for `sender_id = auth.uid()`, "members write in their rooms" asks for the room. A
    /// member of a room adds a message in the name of another one by the second policy, and the first
    /// one protects nobody.
    ///
    /// ```sql,bad
    /// create table public.members (room_id bigint, user_id uuid, primary key (room_id, user_id));
    /// create table public.messages (id bigint primary key, room_id bigint, sender_id uuid, body text);
    /// alter table public.messages enable row level security;
    /// create policy "As themselves" on public.messages for insert to authenticated
    ///   with check (sender_id = (select auth.uid()));
    /// create policy "In their rooms" on public.messages for insert to authenticated
    ///   with check (room_id in (select room_id from public.members where user_id = (select auth.uid())));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (room_id bigint, user_id uuid, primary key (room_id, user_id));
    /// create table public.messages (id bigint primary key, room_id bigint, sender_id uuid, body text);
    /// alter table public.messages enable row level security;
    /// create policy "As themselves in their rooms" on public.messages for insert to authenticated
    ///   with check (
    ///     sender_id = (select auth.uid())
    ///     and room_id in (select room_id from public.members where user_id = (select auth.uid()))
    ///   );
    /// ```
    ///
    /// A policy counts that chooses by other columns of the row alone, and where the column is called like
    /// an author (`sender_id`, `created_by`), one that asks for a membership as well. Policies for some
    /// members only, such as `role = 'admin'`, may let these add rows for others and are silent, as is
    /// a column that a trigger before INSERT sets or looks at. A policy that is true for every row is
    /// `broad-policy-defeats-scoped-policy`'s.
    ///
    /// ## How to fix
    ///
    /// Make them one policy, with both conditions joined by `and`.
    "insert-owner-left-free" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a second INSERT policy lets callers add rows in the name of others",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    // Policies on files are each about a bucket.
    let own = cx.tables_with_policies().filter(|table| table.history.created != Origin::Platform);
    for table in own {
        for free in table.policies.values() {
            report(cx, table, free, out);
        }
    }
}

fn report(cx: &CatalogCx<'_>, table: &Table, free: &Policy, out: &mut Findings) {
    let Some(check) = checked(free) else { return };
    let accesses = cx.catalog.table_access(table);
    let defeats = |access: &Access<'_>| {
        let bound = held_by_another(cx, table, free, access.role)?;
        leaves_free(cx, table, free, check, bound.1, access.role).then_some(bound)
    };
    let Some((holds, column)) = accesses.iter().find_map(defeats) else { return };
    let roles = accesses.iter().filter(|access| defeats(access).is_some()).map(|access| access.role);
    let message = format!(
        "policy {} lets callers add rows to {} with a {} of their choice, which {} holds to the caller: a new row has to \
         fit one of them only",
        free.name.delimited(),
        table.name,
        column.name.quoted(),
        holds.name.delimited()
    );
    let found = out.report(check.span, Identity::part("policy", &table.name, free.name.as_str()), message);
    found.note(format!("does not look at {}", column.name.quoted()));
    found.reach(reach_of(roles, Privilege::Insert));
    found.label(holds.name_span, "this one holds it to the caller");
    found.label(free.name_apart_from(check.span), "the policy is created here");
    found.help(format!("add to its WITH CHECK: and {} = (select auth.uid())", column.name.quoted()));
}

/// The expression that new rows have to fit by a policy of its own.
fn checked(policy: &Policy) -> Option<&Clause> {
    let is_one = policy.permissive && policy.covers(PolicyCommand::Insert);
    policy.gates(PolicyCommand::Insert).last().filter(|_| is_one)
}

/// Another policy for the role that holds new rows to the caller, and the column by which it does.
fn held_by_another<'t>(
    cx: &CatalogCx<'_>,
    table: &'t Table,
    policy: &Policy,
    role: &Role,
) -> Option<(&'t Policy, &'t Column)> {
    let others = table.policies.values().filter(|other| other.name != policy.name);
    others.filter(|other| cx.catalog.policy_binds(other, role)).find_map(|other| {
        let Read { conditions, node, reach } = cx.rights.clause(table, other, checked(other)?, role);
        let own = node.atoms().into_iter().find_map(|at| match &conditions.atoms[at].link {
            Link::Own(columns) => columns.first().copied(),
            _ => None,
        })?;
        (reach == Reach::Own).then_some((other, table.column_at(own)?))
    })
}

/// Whether a role adds rows by a policy whoever stands in a column.
fn leaves_free(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &Policy,
    check: &Clause,
    column: &Column,
    role: &Role,
) -> bool {
    let Read { conditions, node, reach } = cx.rights.clause(table, policy, check, role);
    let links = || node.atoms().into_iter().map(|at| &conditions.atoms[at].link);
    let by_row = || reach == Reach::Some && links().all(|link| *link == Link::Row);
    let by_membership = || {
        reach == Reach::Tenant
            && names_author(&column.name)
            && links().all(|link| matches!(link, Link::Row | Link::Tenant))
            && !cx.rights.followed(table, policy, check).any(&is_constant)
    };
    let cell = cx.access(table, role, PolicyCommand::Insert);
    cx.catalog.policy_binds(policy, role)
        && cell.is_some_and(|cell| matches!(cell.reach, Reach::Some | Reach::Tenant))
        && (by_row() || by_membership())
        && !policy.mentions(table, column.attnum, &[&check.value])
        && may_set(cx.catalog, table, column.attnum, &role.name, Privilege::Insert)
        && !is_guarded(cx.workload, table, column.attnum, TriggerEvent::Insert)
}

/// What tells members with a say from others: `role = 'admin'`, `and is_admin`.
fn is_constant(part: &Expr) -> bool {
    match part {
        Expr::Literal(Literal::String(_) | Literal::Number(_) | Literal::Bool(_)) => true,
        Expr::And(list) => list.iter().any(|one| matches!(one, Expr::Column(_))),
        _ => false,
    }
}

/// Whether a column says who wrote a row, and not for whom it is.
fn names_author(name: &str) -> bool {
    const AUTHORS: &[&str] = &[
        "sender",
        "author",
        "creator",
        "uploader",
        "reviewer",
        "reporter",
        "requester",
        "inviter",
        "poster",
    ];
    let words = words(name);
    words.ends_with("ed_by") || words.split('_').any(|word| AUTHORS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check_policies;

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, room_id bigint, user_id uuid, sender_id uuid, open boolean", text);
    }

    const MEMBERS: &str = "
             create table public.members (room_id bigint, user_id uuid, role text, is_admin boolean);";

    #[test]
    fn other_columns_alone_leave_it_free() {
        policies(
            "
             create policy own on public.a for insert to authenticated with check (user_id = auth.uid());
             create policy open on public.a for insert to authenticated with check (open);
             --                                                                     ^^^^ warning: policy \"open\" lets callers add rows to public.a with a user_id of their choice, which \"own\" holds to the caller",
        );
        policies(
            "
             create policy own on public.a to authenticated using (user_id = auth.uid());
             create policy open on public.a to authenticated using (open);
             --                                                     ^^^^ warning: which \"own\" holds to the caller",
        );
    }

    #[test]
    fn a_membership_says_nothing_about_who_writes() {
        policies(&format!(
            "{MEMBERS}
             create policy own on public.a for insert to authenticated with check (sender_id = auth.uid());
             create policy room on public.a for insert to authenticated with check (room_id in (select m.room_id from public.members m where m.user_id = auth.uid()));
             --                                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: with a sender_id of their choice",
        ));
    }

    #[test]
    fn who_may_act_for_others_is_silent() {
        let own =
            "create policy own on public.a for insert to authenticated with check (sender_id = auth.uid());";
        let second = |check: &str| {
            policies(&format!(
                "{MEMBERS} {own} create policy other on public.a for insert to authenticated with check ({check});"
            ));
        };
        second(
            "room_id in (select m.room_id from public.members m where m.user_id = auth.uid() and m.role = 'admin')",
        );
        second(
            "room_id in (select m.room_id from public.members m where m.user_id = auth.uid() and m.is_admin)",
        );
        second("exists (select from public.members m where m.user_id = auth.uid() and m.is_admin)");
        second("auth.jwt() ->> 'role' = 'admin'");
        second("open and sender_id is null");
        second("true");
        second("false");
        policies(&format!(
            "{own} create policy other on public.a for insert to anon with check (open);
             create policy fence on public.a as restrictive with check (sender_id = auth.uid());
             create policy more on public.a for insert to authenticated with check (open);"
        ));
    }

    #[test]
    fn for_whom_a_row_is_may_be_chosen_by_members() {
        policies(&format!(
            "{MEMBERS}
             create policy own on public.a for insert to authenticated with check (user_id = auth.uid());
             create policy room on public.a for insert to authenticated with check (room_id in (select m.room_id from public.members m where m.user_id = auth.uid()));"
        ));
    }

    #[test]
    fn buckets_do_not_meet() {
        policies(
            "
             create policy own on storage.objects for insert with check (bucket_id = 'a' and name = auth.uid()::text);
             create policy docs on storage.objects for insert to authenticated with check (bucket_id = 'b');",
        );
    }

    #[test]
    fn a_trigger_may_set_it() {
        policies(
            "
             create function public.stamp() returns trigger language plpgsql as $$ begin new.user_id := auth.uid(); return new; end $$;
             create trigger stamp before insert on public.a for each row execute function public.stamp();
             create policy own on public.a for insert to authenticated with check (user_id = auth.uid());
             create policy open on public.a for insert to authenticated with check (open);",
        );
    }
}
