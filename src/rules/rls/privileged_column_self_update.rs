use crate::access::authority::{Authority, Decision, is_filled_at_sign_up, is_guarded, may_set};
use crate::access::evaluation::Evaluation;
use crate::access::recursion::Recursion;
use crate::access::{Cell, in_words};
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::rls::membership_self_join;
use crate::sql::expr::Expr;
use crate::sql::statement::{Clause, PolicyCommand, Privilege, TriggerEvent};

declare_rule! {
    /// Finds columns such as `role` that users can change in their own row.
    ///
    /// ## Why it matters
    ///
    /// Row level security chooses rows, not columns. A policy that lets users change their own profile lets
    /// them change all of it: one request with `{"role": "admin"}` is enough. It is an error where policies
    /// decide by the column, and a warning where only its name says that it is not the user's to choose.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key references auth.users, name text, role text);
    /// alter table public.profiles enable row level security;
    /// create policy "Users change their profile" on public.profiles for update to authenticated
    ///   using (id = (select auth.uid()));
    /// create policy "Users read their profile" on public.profiles for select to authenticated
    ///   using (id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key references auth.users, name text, role text);
    /// alter table public.profiles enable row level security;
    /// create policy "Users change their profile" on public.profiles for update to authenticated
    ///   using (id = (select auth.uid()));
    /// create policy "Users read their profile" on public.profiles for select to authenticated
    ///   using (id = (select auth.uid()));
    /// revoke update on public.profiles from anon, authenticated;
    /// grant update (name) on public.profiles to authenticated;
    /// ```
    ///
    /// WITH CHECK sees the new row alone, so that it can hold a column to a constant but not to its old value.
    /// Triggers that look at the column before the change keep the rule silent. Policies of a table that leave the
    /// same columns to users are told once. A policy that lets users add the one row that is theirs leaves them the
    /// same choice, unless a trigger on `auth.users` makes that row for them and they cannot delete it; where
    /// policies decide by the column, it is `membership-self-join` that says so.
    ///
    /// ## How to fix
    ///
    /// Grant UPDATE and INSERT on the columns that users may write, and on no others; or keep the column in a table that
    /// users cannot write.
    "privileged-column-self-update" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "users can change what they may do",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// What users do not choose for themselves, in a table with one row for each of them.
const PRIVILEGED: &[&str] = &[
    "role",
    "roles",
    "user_role",
    "is_admin",
    "is_superadmin",
    "is_super_admin",
    "is_staff",
    "is_moderator",
    "admin",
    "permissions",
    "plan",
    "plan_id",
    "plan_name",
    "plan_tier",
    "plan_type",
    "tier",
    "is_premium",
    "is_pro",
    "premium",
    "premium_until",
    "subscription",
    "subscription_ends_at",
    "subscription_expires_at",
    "subscription_plan",
    "subscription_status",
    "subscription_tier",
    "subscription_type",
    "credits",
    "credit_balance",
    "token_balance",
    "wallet_balance",
    "coin_balance",
    "points_balance",
    "balance",
    "verified",
    "is_verified",
    "approved",
    "is_approved",
    "banned",
    "is_banned",
    "email_verified",
    "stripe_customer_id",
    "stripe_subscription_id",
];

/// What says in a table of subscriptions until when somebody has one.
const PAID: &[&str] =
    &["status", "expires_at", "current_period_end", "trial_end", "trial_ends_at", "valid_until"];

/// Whether the name of a column says that its value is not the user's to choose.
fn is_privileged(table: &Table, column: &str) -> bool {
    let sells = || {
        let mut words = table.name.name.split('_');
        words.any(|word| matches!(word, "subscription" | "subscriptions" | "entitlement" | "entitlements"))
    };
    PRIVILEGED.contains(&column) || column.ends_with("_credits") || PAID.contains(&column) && sells()
}

/// A column that users can change in their own rows.
struct Free<'a> {
    column: &'a Column,
    decisions: &'a [Decision<'a>],
}

/// Policies of a table that leave the same columns to users, the one that leaves them all first.
struct Leak<'a> {
    policies: Vec<&'a Policy>,
    free: Vec<Free<'a>>,
}

impl Leak<'_> {
    fn has_all_of(&self, free: &[Free<'_>]) -> bool {
        free.iter().all(|one| self.free.iter().any(|own| own.column.attnum == one.column.attnum))
    }

    fn is_within(&self, free: &[Free<'_>]) -> bool {
        self.free.iter().all(|own| free.iter().any(|one| own.column.attnum == one.column.attnum))
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let authority = Authority::of(cx.catalog, cx.workload, cx.rights);
    for table in cx.tables_with_rls(&[Aspect::Policies, Aspect::Shape, Aspect::Grants]) {
        let mut leaks: Vec<Leak<'_>> = Vec::new();
        for policy in
            table.policies.values().filter(|policy| policy.permissive && policy.covers(PolicyCommand::Update))
        {
            let mut free: Vec<Free<'_>> = Vec::new();
            for role in cx.catalog.api_roles() {
                for found in free_columns(cx, &authority, table, policy, role) {
                    if free.iter().all(|known| known.column.attnum != found.column.attnum) {
                        free.push(found);
                    }
                }
            }
            let taken = membership_self_join::chosen(cx, &authority, table, policy);
            // Whoever chooses them in new rows needs to change none.
            if free.iter().all(|one| taken.contains(&one.column.name)) {
                continue;
            }
            match leaks.iter_mut().find(|leak| leak.has_all_of(&free) || leak.is_within(&free)) {
                Some(leak) if leak.has_all_of(&free) => leak.policies.push(policy),
                Some(leak) => {
                    leak.policies.insert(0, policy);
                    leak.free = free;
                }
                None => leaks.push(Leak { policies: vec![policy], free }),
            }
        }
        leaks.iter().for_each(|leak| report(cx, table, leak, out));
        let mut told: Vec<i16> =
            leaks.iter().flat_map(|leak| &leak.free).map(|free| free.column.attnum).collect();
        for policy in
            table.policies.values().filter(|policy| policy.permissive && policy.covers(PolicyCommand::Insert))
        {
            let mut free = added_columns(cx, table, policy);
            let taken = membership_self_join::chosen(cx, &authority, table, policy);
            free.retain(|column| !told.contains(&column.attnum) && !taken.contains(&column.name));
            if !free.is_empty() {
                report_added(cx, table, policy, &free, out);
                told.extend(free.iter().map(|column| column.attnum));
            }
        }
    }
}

/// The columns named like what users do not choose that a policy leaves to who adds a row for themselves.
fn added_columns<'a>(cx: &CatalogCx<'_>, table: &'a Table, policy: &Policy) -> Vec<&'a Column> {
    let mut list: Vec<&Column> = Vec::new();
    for role in cx.catalog.api_roles().filter(|role| cx.adds_own_rows(table, policy, role)) {
        let Some(cell) = cx.access(table, role, PolicyCommand::Insert) else { continue };
        let owners: Vec<&Column> = cell.owner_columns.iter().filter_map(|name| table.column(name)).collect();
        let one_row_each = owners.iter().any(|owner| table.is_key(owner.attnum));
        // Whoever may delete the row that sign-up makes can add it anew.
        let deletes = || {
            let cell = cx.access(table, role, PolicyCommand::Delete);
            cell.is_some_and(|cell| matches!(cell.reach, Reach::Own | Reach::All))
        };
        if !one_row_each || is_filled_at_sign_up(cx.catalog, cx.workload, table) && !deletes() {
            continue;
        }
        let checks = cx.asked_of_new_rows(table, policy, role);
        let chosen = |column: &&Column| {
            is_privileged(table, &column.name)
                && owners.iter().all(|owner| owner.attnum != column.attnum)
                && may_set(cx.catalog, table, column.attnum, &role.name, Privilege::Insert)
                && !policy.mentions(table, column.attnum, &checks)
                && !is_guarded(cx.workload, table, column.attnum, TriggerEvent::Insert)
        };
        for column in table.columns.iter().filter(chosen) {
            if list.iter().all(|known| known.attnum != column.attnum) {
                list.push(column);
            }
        }
    }
    list
}

/// Whether policies of a table read it again, so that signed-in users can change no row that they look for.
fn reads_fail<'a>(cx: &CatalogCx<'a>, table: &'a Table) -> bool {
    let evaluation = Evaluation::new(cx.rights);
    let mut signed_in = cx.catalog.api_roles().filter(|role| role.name != "anon");
    signed_in.all(|role| !Recursion::new(&evaluation, &role.name).cycles(table, &[]).is_empty())
}

fn report_added(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, free: &[&Column], out: &mut Findings) {
    let Some(clause) = policy.gates(PolicyCommand::Insert).next() else { return };
    let names: Vec<String> = free.iter().map(|column| column.name.quoted()).collect();
    let message = format!(
        "policy {} lets users choose {} in the row of {} that they add for themselves",
        policy.name.delimited(),
        in_words(&names, "and"),
        table.name
    );
    let finding =
        out.report(clause.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    finding.note("asks whose row it is, and no more").extent(&names);
    finding.label(policy.name_apart_from(clause.span), "the policy is created here");
    for column in free.iter().take(3) {
        finding.label(column.name_span, format!("{} can be chosen", column.name.delimited()));
    }
    let on = table.name.quoted();
    let all_roles: Vec<String> = cx.catalog.api_roles().map(|role| role.name.quoted()).collect();
    finding.help(format!(
        "revoke insert on {on} from {}; grant insert (…) on {on} to authenticated; -- with the columns that are theirs; \
         the others keep their defaults",
        all_roles.join(", ")
    ));
}

fn free_columns<'a>(
    cx: &CatalogCx<'_>,
    authority: &'a Authority<'a>,
    table: &'a Table,
    policy: &Policy,
    role: &Role,
) -> Vec<Free<'a>> {
    let reach = cx.rights.policy(table, policy, role);
    let own = |cell: &Cell| match cell.reach {
        Reach::Own => reach.using == Some(Reach::Own),
        Reach::Some | Reach::Tenant => lets_own_through(cx, table, policy, role),
        _ => false,
    };
    let Some(cell) = cx
        .access(table, role, PolicyCommand::Update)
        .filter(|cell| cx.catalog.policy_binds(policy, role) && own(cell))
    else {
        return Vec::new();
    };
    let owners: Vec<i16> =
        cell.owner_columns.iter().filter_map(|name| table.column(name)).map(|column| column.attnum).collect();
    let one_row_each = owners.iter().any(|attnum| table.is_key(*attnum));
    let restrictive =
        table.policies.values().filter(|other| !other.permissive && cx.catalog.policy_binds(other, role));
    let checks: Vec<&Expr> = std::iter::once(policy)
        .chain(restrictive)
        .filter(|policy| policy.covers(PolicyCommand::Update))
        .filter_map(|policy| Some((policy, policy.with_check.as_ref().or(policy.using.as_ref())?)))
        .map(|(policy, clause)| cx.rights.followed(table, policy, clause))
        .collect();
    let mut list = Vec::new();
    for column in &table.columns {
        let decisions = authority.columns(table).find(|(attnum, _)| *attnum == column.attnum);
        let decisions = decisions.map(|(_, list)| list).unwrap_or_default();
        let is_named = one_row_each && is_privileged(table, &column.name);
        if decisions.is_empty() && !is_named || owners.contains(&column.attnum) {
            continue;
        }
        let changed = may_set(cx.catalog, table, column.attnum, &role.name, Privilege::Update)
            && !policy.mentions(table, column.attnum, &checks)
            && !is_guarded(cx.workload, table, column.attnum, TriggerEvent::Update);
        if changed {
            list.push(Free { column, decisions });
        }
    }
    list
}

/// Whether a policy lets callers change their own rows, beside what else it lets them change:
/// `id = auth.uid() or is_admin()`.
fn lets_own_through(cx: &CatalogCx<'_>, table: &Table, policy: &Policy, role: &Role) -> bool {
    let is_own = |expr: &Expr| {
        let mut conditions = cx.rights.conditions(role);
        let node = conditions.read(expr);
        matches!(conditions.reach(&node), Reach::Own | Reach::All)
    };
    let opens = |policy: &Policy, clause: &Clause| match cx.rights.followed(table, policy, clause) {
        Expr::Or(branches) => branches.iter().any(is_own),
        whole => is_own(whole),
    };
    let commands = [PolicyCommand::Select, PolicyCommand::Update];
    let others = || table.policies.values().filter(|other| cx.catalog.policy_binds(other, role));
    let fenced = others().any(|other| !other.permissive && commands.iter().any(|one| other.covers(*one)));
    let sees = others().any(|other| {
        let using = other.using.as_ref().filter(|_| other.covers(PolicyCommand::Select));
        other.permissive && using.is_some_and(|using| opens(other, using))
    });
    !fenced && sees && policy.using.is_some() && policy.clauses().all(|clause| opens(policy, clause))
}

fn report<'a>(cx: &CatalogCx<'a>, table: &'a Table, leak: &Leak<'_>, out: &mut Findings) {
    let Leak { policies, free } = leak;
    let Some((policy, others)) = policies.split_first() else { return };
    let Some(clause) = policy.gates(PolicyCommand::Update).next() else { return };
    let names: Vec<String> = free.iter().map(|one| one.column.name.quoted()).collect();
    let decisions: Vec<&Decision<'_>> = free.iter().flat_map(|one| one.decisions).collect();
    let named: Vec<String> = policies.iter().map(|policy| policy.name.delimited()).collect();
    let who = match others {
        [] => format!("policy {} lets", named[0]),
        _ => format!("policies {} let", in_words(&named, "and")),
    };
    let mut message =
        format!("{who} users change {} in their own row of {}", in_words(&names, "and"), table.name);
    if let Some(first) = decisions.first() {
        message.push_str(&format!(
            ", and policy {} on {} decides by it",
            first.policy.name.delimited(),
            first.table.name
        ));
    }
    if reads_fail(cx, table) {
        message.push_str(", once its queries no longer fail with infinite recursion");
    }
    let finding =
        out.report(clause.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    finding.note("chooses rows, not columns");
    finding.label(policy.name_apart_from(clause.span), "the policy is created here");
    let clauses = others.iter().filter_map(|other| other.gates(PolicyCommand::Update).next());
    finding.label_each(clauses.map(|clause| (clause.span, "and by this")));
    for one in free.iter().take(3) {
        finding.label(one.column.name_span, format!("{} can be changed", one.column.name.delimited()));
    }
    let say = |decision: &&Decision<'_>| {
        (
            decision.span,
            format!("policy {} on {} decides by it", decision.policy.name.delimited(), decision.table.name),
        )
    };
    finding.label_each(decisions.iter().map(say));
    finding.extent(names).extent(decisions.iter().map(|decision| &decision.table.name));
    if !decisions.is_empty() {
        finding.severity(Severity::Error);
    }
    let on = table.name.quoted();
    let all_roles: Vec<String> = cx.catalog.api_roles().map(|role| role.name.quoted()).collect();
    finding.help(format!(
        "revoke update on {on} from {}; grant update (…) on {on} to authenticated; -- with the columns that are theirs",
        all_roles.join(", ")
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLES: &str =
        "create table profiles (id uuid primary key, name text, role text, plan text, org int);
         alter table profiles enable row level security;
         create policy reads on profiles for select using (id = auth.uid());
         create table docs (id int primary key, org int, owner uuid, role text);
         alter table docs enable row level security;
         create policy docs_read on docs for select using (owner = auth.uid());\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn names_are_a_warning_and_decisions_an_error() {
        policies(
            "
             create policy change on profiles for update using (id = auth.uid());
             --                                                 ^^^^^^^^^^^^^^^ warning: policy \"change\" lets users change role and plan in their own row of public.profiles
             create policy docs_change on docs for update using (owner = auth.uid());",
        );
        policies(
            "
             create policy change on profiles for update using (id = auth.uid());
             --                                                 ^^^^^^^^^^^^^^^ error: lets users change role, plan and org in their own row of public.profiles, and policy \"by_org\" on public.docs decides by it
             create policy by_org on docs for delete using (org = (select p.org from profiles p where p.id = auth.uid()));",
        );
    }

    #[test]
    fn what_fails_today_is_said() {
        policies(
            "
             create policy change on profiles for update using (id = auth.uid());
             --                                                 ^^^^^^^^^^^^^^^ error: policy \"change\" lets users change role and plan in their own row of public.profiles, and policy \"boss\" on public.profiles decides by it, once its queries no longer fail with infinite recursion
             create policy boss on profiles for select using (exists (select 1 from profiles p where p.id = auth.uid() and p.role = 'boss'));",
        );
    }

    #[test]
    fn rows_that_users_add_count_as_well() {
        let wallets = "create table wallets (user_id uuid primary key, name text, balance int not null default 0, plan text);
             alter table wallets enable row level security;
             create policy reads on wallets for select using (user_id = auth.uid());\n";
        check(
            &RULE,
            &format!(
                "{wallets}
             create policy opens on wallets for insert with check (user_id = auth.uid());
             --                                                    ^^^^^^^^^^^^^^^^^^^^ warning: policy \"opens\" lets users choose balance and plan in the row of public.wallets that they add for themselves"
            ),
        );
        check(
            &RULE,
            &format!(
                "{wallets}
             create policy opens on wallets for insert with check (user_id = auth.uid() and balance = 0);
             --                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: lets users choose plan in the row"
            ),
        );
        let sign_up = "create function new_wallet() returns trigger language plpgsql security definer as $$
               begin insert into public.wallets (user_id) values (new.id); return new; end $$;
             create trigger t after insert on auth.users for each row execute function new_wallet();\n";
        for silent in [
            "revoke insert on wallets from anon, authenticated; grant insert (user_id, name) on wallets to authenticated;
             create policy opens on wallets for insert with check (user_id = auth.uid());",
            "create table purchases (id int primary key, user_id uuid, plan text);
             alter table purchases enable row level security;
             create policy buys on purchases for insert with check (user_id = auth.uid());",
            &format!("{sign_up} create policy opens on wallets for insert with check (user_id = auth.uid());"),
        ] {
            check(&RULE, &format!("{wallets}{silent}"));
        }
        check(
            &RULE,
            &format!(
                "{wallets}{sign_up}
             create policy closes on wallets for delete using (user_id = auth.uid());
             create policy opens on wallets for insert with check (user_id = auth.uid());
             --                                                    ^^^^^^^^^^^^^^^^^^^^ warning: lets users choose balance and plan in the row"
            ),
        );
        check(
            &RULE,
            &format!(
                "{wallets}
             create policy all_own on wallets using (user_id = auth.uid());
             --                                      ^^^^^^^^^^^^^^^^^^^^ warning: lets users change balance and plan in their own row"
            ),
        );
    }

    #[test]
    fn what_others_may_change_as_well_keeps_nobody_from_their_own() {
        policies(
            "
             create policy admins on profiles for select using (true);
             create policy change on profiles for update using (
               id = auth.uid() or exists (select 1 from profiles p where p.id = auth.uid() and p.role = 'admin'));
             --^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: lets users change role and plan in their own row of public.profiles, and policy \"change\" on public.profiles decides by it
             ",
        );
        policies(
            "
             create policy change on profiles for update using (id = auth.uid() or org = 1);
             create policy fence on profiles as restrictive for update using (org = 1);",
        );
        policies(
            "create policy change on profiles for update using (id = auth.uid() or org = 1) with check (org = 1);",
        );
    }

    #[test]
    fn policies_that_leave_the_same_are_told_once() {
        policies(
            "
             create policy a on profiles for update using (id = auth.uid() and org = 1) with check (id = auth.uid() and role = 'user');
             create policy b on profiles for update to authenticated using (id = auth.uid());
             --                                                             ^^^^^^^^^^^^^^^ warning: policies \"b\" and \"a\" let users change role and plan in their own row of public.profiles",
        );
    }

    #[test]
    fn what_can_be_chosen_in_new_rows_is_told_there() {
        policies(
            "
             create table members (team int, who uuid, primary key (team, who));
             alter table members enable row level security;
             create policy own on members using (who = auth.uid());
             create policy by_team on docs for delete using (org in (select m.team from members m where m.who = auth.uid()));",
        );
    }

    #[test]
    fn what_is_paid_for_is_not_the_users_to_choose() {
        policies(
            "
             create table user_subscriptions (user_id uuid primary key, plan_type text, status text, boost_credits int, note text);
             alter table user_subscriptions enable row level security;
             create policy reads on user_subscriptions for select using (user_id = auth.uid());
             create policy change on user_subscriptions for update using (user_id = auth.uid());
             --                                                           ^^^^^^^^^^^^^^^^^^^^ warning: lets users change plan_type, status and boost_credits in their own row
             create table user_tasks (user_id uuid primary key, status text);
             alter table user_tasks enable row level security;
             create policy reads on user_tasks for select using (user_id = auth.uid());
             create policy change on user_tasks for update using (user_id = auth.uid());",
        );
    }

    #[test]
    fn a_trigger_that_minds_other_columns_holds_none() {
        let count = |of: &str, body: &str| {
            let bench = Bench::new(&format!(
                "{TABLES} create policy change on profiles for update using (id = auth.uid());
                 create function guard() returns trigger language plpgsql as $$ begin {body} return new; end $$;
                 create trigger guard before update {of} on profiles for each row execute function guard();"
            ));
            bench.run(&RULE, &RULE.options.defaults()).len()
        };
        assert_eq!(count("", "if new.name = 'x' then raise exception 'no'; end if;"), 1);
        assert_eq!(count("of name", "raise exception 'no';"), 1);
        assert_eq!(count("", "if not is_admin() then raise exception 'no'; end if;"), 0);
    }

    #[test]
    fn what_holds_the_column_is_silent() {
        for held in [
            "create policy change on profiles for update using (id = auth.uid()) with check (id = auth.uid() and role = 'user' and plan = 'free');",
            "create policy change on profiles for update using (id = auth.uid());
             revoke update on profiles from anon, authenticated; grant update (name) on profiles to authenticated;",
            "create policy change on profiles for update using (id = auth.uid());
             create function guard() returns trigger language plpgsql as $$ begin
               new.role := old.role; new.plan := old.plan; return new; end $$;
             create trigger guard before update on profiles for each row execute function guard();",
            "create policy change on profiles for update to service_role using (id = auth.uid());",
            "create policy change on profiles for delete using (id = auth.uid());",
        ] {
            policies(held);
        }
    }
}
