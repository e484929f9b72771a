use rustc_hash::FxHashMap;

use crate::access::opening::{Way, names_administrators};
use crate::access::{describe, reach};
use crate::catalog::acl::Grantee;
use crate::catalog::function::Function;
use crate::diagnostic::Identity;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;
use crate::sql::expr::Oid;

declare_rule! {
    /// Finds policies that are meant for the server, by their name or comment, and let everybody in.
    ///
    /// ## Why it matters
    ///
    /// `service_role` is above row level security: no policy has to let it through. A policy called
    /// "Service role can manage orders" with `using (true)` does nothing for the server. What it
    /// does is open the table to the roles that it is for, and without `to` these are all: whoever
    /// has the public API key can change every order.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, total numeric);
    /// alter table public.orders enable row level security;
    /// create policy "Service role can manage orders" on public.orders for all using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, total numeric);
    /// alter table public.orders enable row level security;
    /// create policy "Service role can manage orders" on public.orders to service_role using (true);
    /// ```
    ///
    /// Words such as `service`, `server`, `backend`, `system`, `cron`, `webhook`, `internal`, `admin`
    /// and `edge function` count, unless the name speaks of users, members, owners or the public as
    /// well.
    ///
    /// ## How to fix
    ///
    /// Drop the policy: the server needs none. A function or trigger that writes to the table with the rights of
    /// its caller does: make it `security definer` first, with a `search_path` of its own. For administrators who sign in, ask for their role:
    /// `to authenticated using ((select auth.jwt()) -> 'app_metadata' ->> 'role' = 'admin')`.
    "service-policy-open-to-public" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "a policy for the server lets everybody in",
        sources: &["splinter:0024"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// The tables that functions change with the rights of their callers, each with one of these.
fn writers<'a>(cx: &CatalogCx<'a>) -> FxHashMap<Oid, &'a Function> {
    let mut found = FxHashMap::default();
    for (function, routine) in cx.workload.run_as_callers(cx.catalog) {
        for table in routine.changes().into_iter().filter_map(|(_, change)| change.table.target) {
            found.entry(table).or_insert(function);
        }
    }
    found
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let writers = writers(cx);
    let before = out.list.len();
    for (table, policy) in cx.policies_in_force() {
        let Some(opened) = cx.rights.opening(Way::ForServer, table, policy) else { continue };
        let for_admins = names_administrators(policy);
        let meant_for = if for_admins { "administrators" } else { "the server" };
        let message = format!(
            "policy {} is meant for {meant_for} by its name: {}",
            policy.name.delimited(),
            describe(&opened.access, &table.name.to_string())
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(opened.clause.span, object, message);
        found.note("true for every row, whoever asks").reach(reach(&opened.access));
        found.label(policy.name_apart_from(opened.clause.span), "the policy is created here");
        if policy.roles.value != [Grantee::Public] {
            found.label(policy.roles.span, "and for these roles");
        }
        let (name, on) = (policy.name.quoted(), table.name.quoted());
        found.help(if for_admins {
            "ask in it whether the caller is one, as in (select auth.jwt()) -> 'app_metadata' ->> 'role' = 'admin'".into()
        } else {
            let drop = format!("drop policy {name} on {on}; -- if only the server is to use it: service_role is above policies and needs none");
            match writers.get(&table.oid) {
                Some(writer) => format!(
                    "{drop}; but first make {} security definer, which writes to the table with the rights of its caller",
                    writer.name
                ),
                None => drop,
            }
        });
    }
    fold_many(out, before, "policies", |count| {
        format!(
            "{count} policies are meant for the server or for administrators by their names, and are true for every row, \
             whoever asks"
        )
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLE: &str = "create table public.orders (id bigint, user_id uuid);\n\
                         alter table public.orders enable row level security;\n";

    #[test]
    fn the_name_or_the_comment_says_it() {
        check(
            &RULE,
            &format!(
                "{TABLE}
                 create policy \"System inserts orders\" on public.orders for insert with check (true);
                 --                                                                            ^^^^ error: policy \"System inserts orders\" is meant for the server by its name: anyone with the project's public API key can add rows to public.orders
                 create policy p on public.orders for select to authenticated using (true);
                 --                                                                  ^^^^ error: every signed-in user can read every row
                 comment on policy p on public.orders is 'for the edge function that sends mail';"
            ),
        );
    }

    #[test]
    fn what_writes_with_the_rights_of_its_caller_needs_the_policy() {
        let help = |security: &str| {
            let found = Bench::new(&format!(
                "{TABLE} create policy \"System inserts orders\" on public.orders for insert with check (true);
                 create function public.order_for(who uuid) returns void language sql {security} as
                   $$ insert into public.orders (user_id) values (who) $$;"
            ))
            .run(&RULE, &RULE.options.defaults());
            found[0].help.clone().unwrap_or_default()
        };
        assert!(help("").contains("first make public.order_for security definer"), "{}", help(""));
        assert!(help("security definer").ends_with("needs none"));
    }

    #[test]
    fn administrators_keep_their_policy() {
        let policy =
            "create policy \"Admins read\" on public.orders for select to authenticated using (true);";
        let found = Bench::new(&format!("{TABLE} {policy}")).run(&RULE, &RULE.options.defaults());
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert!(one.message.starts_with("policy \"Admins read\" is meant for administrators by its name"));
        assert!(
            one.help.as_ref().is_some_and(|help| help.starts_with("ask in it whether the caller is one"))
        );
    }

    #[test]
    fn who_acts_is_named_before_whom_it_is_about() {
        let policy =
            "create policy \"System notifies admins\" on public.orders for insert with check (true);";
        let found = Bench::new(&format!("{TABLE} {policy}")).run(&RULE, &RULE.options.defaults());
        assert!(
            found[0]
                .message
                .starts_with("policy \"System notifies admins\" is meant for the server by its name")
        );
    }

    #[test]
    fn what_lets_nobody_in_or_is_for_others_is_silent() {
        check(
            &RULE,
            &format!(
                "{TABLE}
                 create policy \"service 1\" on public.orders to service_role using (true);
                 create policy \"service 2\" on public.orders using (auth.role() = 'service_role');
                 create policy \"Service role and users read\" on public.orders for select using (true);
                 create policy \"admins\" on public.orders for delete using (user_id = auth.uid());"
            ),
        );
        check(
            &RULE,
            "create table public.internal_services (id bigint);
             alter table public.internal_services enable row level security;
             create policy \"read internal_services\" on public.internal_services for select using (true);
             create table public.\"orderServices\" (id bigint);
             alter table public.\"orderServices\" enable row level security;
             create policy \"Delete service\" on public.\"orderServices\" for delete to authenticated using (true);
             create policy \"Service roles\" on public.\"orderServices\" for insert with check (true);
             --                                                                             ^^^^ error: meant for the server by its name",
        );
    }
}
