use crate::access::authority::{Authority, is_guarded, may_set};
use crate::access::{Read, reach_of};
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::sensitive::words;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Link, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Expr, Target};
use crate::sql::statement::{PolicyCommand, Privilege, TriggerEvent};

declare_rule! {
    /// Finds policies that let callers add rows to groups that they are no member of.
    ///
    /// ## Why it matters
    ///
    /// Members alone read the messages of a chat. The policy for INSERT asks that the sender is the caller, and
    /// for nothing else: whoever is signed in can put a message into any chat whose id they know, and
    /// its members read it as one of theirs.
    ///
    /// ```sql,bad
    /// create table public.members (chat_id bigint, user_id uuid, primary key (chat_id, user_id));
    /// create table public.messages (id bigint primary key, chat_id bigint, sender_id uuid, body text);
    /// alter table public.messages enable row level security;
    /// create policy "Members read" on public.messages for select to authenticated
    ///   using (chat_id in (select m.chat_id from public.members m where m.user_id = (select auth.uid())));
    /// create policy "Users write" on public.messages for insert to authenticated
    ///   with check (sender_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (chat_id bigint, user_id uuid, primary key (chat_id, user_id));
    /// create table public.messages (id bigint primary key, chat_id bigint, sender_id uuid, body text);
    /// alter table public.messages enable row level security;
    /// create policy "Members read" on public.messages for select to authenticated
    ///   using (chat_id in (select m.chat_id from public.members m where m.user_id = (select auth.uid())));
    /// create policy "Members write" on public.messages for insert to authenticated
    ///   with check (
    ///     sender_id = (select auth.uid())
    ///     and chat_id in (select m.chat_id from public.members m where m.user_id = (select auth.uid()))
    ///   );
    /// ```
    ///
    /// Rows that their author can read without being a member, such as orders and applications, are meant for a
    /// group by others, and silent; so are tables that are called like requests, reports and the like, and columns
    /// that a trigger before INSERT sets or looks at. Memberships themselves are `membership-self-join`'s.
    ///
    /// ## How to fix
    ///
    /// Ask in WITH CHECK for the membership that the policy for SELECT asks for.
    "insert-scope-left-free" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a policy lets callers add rows to groups that they are no member of",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let authority = Authority::of(cx.catalog, cx.workload, cx.rights);
    for table in cx.tables_with_rls(&[Aspect::Policies, Aspect::Shape]) {
        let decides = authority.columns(table).next().is_some();
        if decides || is_from_outside(table) {
            continue;
        }
        for policy in table.policies.values() {
            report(cx, table, policy, out);
        }
    }
}

/// Whether a table is called like what comes to a group from others.
fn is_from_outside(table: &Table) -> bool {
    const OUTSIDE: &[&str] = &[
        "application",
        "booking",
        "complaint",
        "event",
        "feedback",
        "inquiry",
        "enquiry",
        "invitation",
        "invite",
        "lead",
        "log",
        "order",
        "report",
        "request",
        "review",
        "signup",
        "ticket",
        "view",
        "visit",
        "vote",
        "waitlist",
    ];
    words(&table.name.name).split('_').any(|word| OUTSIDE.contains(&word.trim_end_matches('s')))
}

fn report(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, out: &mut Findings) {
    let is_one = policy.permissive && policy.covers(PolicyCommand::Insert);
    let Some(clause) = policy.gates(PolicyCommand::Insert).last().filter(|_| is_one) else { return };
    let left = |role: &Role| free_scope(cx, table, policy, role);
    let roles: Vec<&Role> = cx.catalog.api_roles().filter(|role| left(role).is_some()).collect();
    let Some((reads, column)) = roles.first().and_then(|role| left(role)) else { return };
    let (column, name) = (column.name.quoted(), &table.name);
    let message = format!(
        "policy {} lets callers add rows to {name} with any {column}, also where they are no member, which policy {} asks \
         of those who read them",
        policy.name.delimited(),
        reads.name.delimited()
    );
    let found = out.report(clause.span, Identity::part("policy", name, policy.name.as_str()), message);
    found.note(format!("does not look at {column}")).reach(reach_of(roles, Privilege::Insert));
    found.label(reads.name_span, "this one asks for the membership");
    found.label(policy.name_apart_from(clause.span), "the policy is created here");
    found.help(format!(
        "ask in its WITH CHECK for the membership that policy {} asks for",
        reads.name.delimited()
    ));
}

/// The column by which members alone read the rows that a role adds by a policy without being asked for it, and
/// the policy that asks.
fn free_scope<'t>(
    cx: &CatalogCx<'_>,
    table: &'t Table,
    policy: &Policy,
    role: &Role,
) -> Option<(&'t Policy, &'t Column)> {
    if !cx.adds_own_rows(table, policy, role) {
        return None;
    }
    let (reads, scope) = members_only(cx, table, role)?;
    let checks = cx.asked_of_new_rows(table, policy, role);
    let is_free = |attnum: &i16| {
        may_set(cx.catalog, table, *attnum, &role.name, Privilege::Insert)
            && !policy.mentions(table, *attnum, &checks)
            && !is_guarded(cx.workload, table, *attnum, TriggerEvent::Insert)
    };
    // A second column may connect the row with the caller as well as the first.
    let free = scope.iter().all(is_free);
    Some((reads, table.column_at(*scope.first()?)?)).filter(|_| free)
}

/// A policy by which members alone read rows, and the columns that say of which group a row is; nothing where
/// some policy lets callers read their own rows, or goes by the row alone. That all may read those of some
/// groups is no reason to write to others.
fn members_only<'t>(cx: &CatalogCx<'_>, table: &'t Table, role: &Role) -> Option<(&'t Policy, Vec<i16>)> {
    let reading = table.policies.values().filter(|policy| {
        policy.permissive && policy.covers(PolicyCommand::Select) && cx.catalog.policy_binds(policy, role)
    });
    let mut found = None;
    for policy in reading {
        let using = policy.using.as_ref()?;
        let Read { conditions, node, reach } = cx.rights.clause(table, policy, using, role);
        let links = node.atoms().into_iter().map(|at| &conditions.atoms[at]);
        let mut scope = Vec::new();
        for atom in links {
            match &atom.link {
                Link::Own(_) | Link::Opaque => return None,
                Link::Tenant => scope.extend(columns_of(&atom.expr, table)),
                Link::Row if reach != Reach::Tenant => return None,
                Link::Row | Link::Caller | Link::Data => {}
            }
        }
        if !matches!(reach, Reach::None | Reach::Tenant | Reach::Some) {
            return None;
        }
        found = found.or_else(|| (reach == Reach::Tenant && !scope.is_empty()).then_some((policy, scope)));
    }
    found
}

/// The columns of a table's row that a condition reads.
fn columns_of(expr: &Expr, table: &Table) -> Vec<i16> {
    let mut list = Vec::new();
    expr.walk(&mut |part| {
        if let Expr::Column(column) = part
            && let Target::Column { relation, attnum, .. } = column.target
            && relation == table.oid
            && !list.contains(&attnum)
        {
            list.push(attnum);
        }
    });
    list
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table members (chat bigint, who uuid, role text, primary key (chat, who));
         alter table members enable row level security;
         create policy own on members for select using (who = auth.uid());
         create table messages (id bigint primary key, chat bigint, sender uuid, open boolean);
         alter table messages enable row level security;
         create function mine() returns setof bigint language sql stable security definer
           as $$ select chat from public.members where who = auth.uid() $$;
         create policy adds on messages for insert to authenticated with check (sender = auth.uid());\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn members_read_what_anybody_adds() {
        for reads in [
            "exists (select from members m where m.chat = messages.chat and m.who = auth.uid())",
            "chat in (select mine())",
            "chat in (select m.chat from members m where m.who = auth.uid()) and open",
        ] {
            check(
                &RULE,
                &format!(
                    "{}
             create policy adds on messages for insert to authenticated with check (sender = auth.uid());
             --                                                                     ^^^^^^^^^^^^^^^^^^^ warning: policy \"adds\" lets callers add rows to public.messages with any chat, also where they are no member, which policy \"reads\" asks of those who read them
             create policy reads on messages for select to authenticated using ({reads});",
                    TABLES.rsplit_once("create policy adds").map_or("", |(tables, _)| tables)
                ),
            );
        }
    }

    #[test]
    fn that_some_groups_are_open_opens_no_others() {
        let members = "exists (select from members m where m.chat = messages.chat and m.who = auth.uid())";
        check(
            &RULE,
            &format!(
                "{}
             create table chats (id bigint primary key, kind text);
             create policy adds on messages for insert to authenticated with check (sender = auth.uid());
             --                                                                     ^^^^^^^^^^^^^^^^^^^ warning: with any chat, also where they are no member
             create policy reads on messages for select using ({members});
             create policy general on messages for select using (exists (select from chats c where c.id = messages.chat and c.kind = 'open'));",
                TABLES.rsplit_once("create policy adds").map_or("", |(tables, _)| tables)
            ),
        );
    }

    #[test]
    fn who_reads_without_being_a_member_may_write_so() {
        let members = "exists (select from members m where m.chat = messages.chat and m.who = auth.uid())";
        policies(&format!(
            "create policy reads on messages for select using (sender = auth.uid() or {members});"
        ));
        policies(&format!(
            "create policy reads on messages for select using ({members});
             create policy own on messages for select using (sender = auth.uid());"
        ));
        policies(&format!("create policy reads on messages for select using (open or {members});"));
        policies("create policy reads on messages for select using (true);");
        policies("");
    }

    #[test]
    fn what_is_asked_or_set_elsewhere_is_silent() {
        let members = "exists (select from members m where m.chat = messages.chat and m.who = auth.uid())";
        let reads = format!("create policy reads on messages for select using ({members});");
        policies(&format!(
            "{reads} create policy fence on messages as restrictive for insert with check ({members});"
        ));
        policies(&format!(
            "{reads} create function stamp() returns trigger language plpgsql as $$ begin if new.chat is null then raise exception 'no'; end if; return new; end $$;
             create trigger stamp before insert on messages for each row execute function stamp();"
        ));
        policies(&format!("{reads} alter table messages rename to join_requests;"));
        policies(&format!(
            "{reads} revoke insert on messages from authenticated; grant insert (sender) on messages to authenticated;"
        ));
    }

    #[test]
    fn memberships_are_told_elsewhere() {
        policies(
            "create policy reads on members for select using (exists (select from members m where m.chat = members.chat and m.who = auth.uid()));
             create policy joins on members for insert to authenticated with check (who = auth.uid());",
        );
    }
}
