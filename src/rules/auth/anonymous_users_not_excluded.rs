use crate::access::COMMANDS;
use crate::catalog::Catalog;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Caller, Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds policies that take anonymous users for members, where anonymous sign-ins are enabled.
    ///
    /// ## Why it matters
    ///
    /// Such users have an id and the role `authenticated`, and anybody can become one by a call. A policy
    /// that asks for no more than being signed in is then open to everybody. Rows that belong to the
    /// caller are fine. The claim `is_anonymous` tells them from others.
    ///
    /// ```sql,bad
    /// -- anonymous sign-ins
    /// create table public.posts (id bigint primary key);
    /// alter table public.posts enable row level security;
    /// create policy "write" on public.posts for insert to authenticated with check (true);
    /// ```
    ///
    /// ```sql,good
    /// -- anonymous sign-ins
    /// create table public.posts (id bigint primary key);
    /// alter table public.posts enable row level security;
    /// create policy "write" on public.posts for insert to authenticated with check (true);
    /// create policy "members" on public.posts as restrictive for insert to authenticated
    ///   with check ((select (auth.jwt() ->> 'is_anonymous')::boolean) is false);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add a restrictive policy that asks for the claim, as above, to tables that are for members.
    "anonymous-users-not-excluded" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "anonymous users pass for members",
        sources: &["splinter:0012"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    if !cx.catalog.api.anonymous_sign_ins {
        return;
    }
    let message = |subject: &str| {
        format!(
            "{subject} for no more than being signed in, and anonymous sign-ins are enabled: anybody can pass for a user"
        )
    };
    let policies = cx.policies_of_requests();
    let before = out.list.len();
    for (table, policy) in policies.filter(|(table, policy)| takes_anonymous(cx.catalog, table, policy)) {
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let subject = format!("policy {} on {} asks", policy.name.delimited(), table.name);
        out.report(policy.name_span, object, message(&subject)).help(
            "add a restrictive policy: using ((select (auth.jwt() ->> 'is_anonymous')::boolean) is false)",
        );
    }
    let count = out.list.len() - before;
    if count > 1 {
        out.fold(before, "policies", message(&format!("{count} policies ask")), |_| "and here");
    }
}

/// Whether a policy lets every signed-in user through to rows that those who are not do not reach.
fn takes_anonymous(catalog: &Catalog, table: &Table, policy: &Policy) -> bool {
    let asks = |policy: &Policy| {
        policy.expressions().any(|expr| expr.any(&|part| told(part) == Some(Told::Claim("is_anonymous"))))
    };
    let restricted = |command| {
        table.policies.values().any(|other| !other.permissive && other.covers(command) && asks(other))
    };
    let access = catalog.table_access(table);
    let reaches = |name: &str, privilege| {
        let role = access.iter().find(|access| access.role.name == *name);
        role.is_some_and(|access| {
            access.privileges.contains(privilege) && catalog.policy_binds(policy, access.role)
        })
    };
    let passes = |caller, command| {
        let mut gates = policy.gates(command).peekable();
        gates.peek().is_some() && gates.all(|clause| catalog.is_always_true_for(&clause.value, caller))
    };
    policy.permissive
        && COMMANDS.into_iter().any(|(command, privilege)| {
            reaches("authenticated", privilege)
                && passes(Caller::SignedIn, command)
                && !(reaches("anon", privilege) && passes(Caller::Anonymous, command))
                && !restricted(command)
        })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "-- anonymous sign-ins
             create table public.a (id bigint primary key, owner uuid);
             alter table public.a enable row level security;
             create policy p1 on public.a for select to authenticated using (true);
             --            ^^ info: 2 policies ask for no more than being signed in
             create policy p2 on public.a for update using (auth.uid() is not null) with check (true);
             create policy p3 on public.a for select using (true);
             create policy p4 on public.a for all to authenticated using (owner = auth.uid());
             create policy p5 on public.a for delete to authenticated
               using ((auth.jwt() ->> 'is_anonymous')::boolean is not true);",
        );
    }

    #[test]
    fn without_anonymous_sign_ins_there_is_nothing_to_say() {
        check(
            &RULE,
            "create table public.a (id bigint primary key);
             alter table public.a enable row level security;
             create policy p1 on public.a for select to authenticated using (true);",
        );
    }
}
