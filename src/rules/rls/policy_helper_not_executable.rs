use indexmap::IndexMap;

use crate::access::evaluation::{Evaluation, Object, Reached};
use crate::access::in_words;
use crate::catalog::function::Function;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

declare_rule! {
    /// Finds policies that call a function which the role of the request may not call.
    ///
    /// ## Why it matters
    ///
    /// A policy runs with the rights of the caller. Without EXECUTE on a function in it, the whole statement
    /// fails with `permission denied for function` (42501), also for rows that another policy allows:
    /// nobody sees an empty list, all see an error.
    ///
    /// ```sql,bad
    /// create function public.is_admin() returns boolean language sql stable security definer set search_path = ''
    ///   as $$ select true $$;
    /// revoke execute on function public.is_admin() from public, anon, authenticated;
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "Admins read" on public.reports for select to authenticated using (public.is_admin());
    /// ```
    ///
    /// ```sql,good
    /// create function public.is_admin() returns boolean language sql stable security definer set search_path = ''
    ///   as $$ select true $$;
    /// revoke execute on function public.is_admin() from public, anon;
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "Admins read" on public.reports for select to authenticated using (public.is_admin());
    /// ```
    ///
    /// It is a warning where only requests without a signed-in user fail.
    ///
    /// ## How to fix
    ///
    /// `grant execute on function public.is_admin() to authenticated;`, or name in TO the roles that may call
    /// it. USAGE on its schema is not needed: a schema that the Data API does not serve is the best place for
    /// a helper.
    "policy-helper-not-executable" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "policy calls a function that the role may not call",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A call in a policy that fails for some roles.
struct Refused<'a> {
    table: &'a Table,
    policy: &'a Policy,
    reached: Reached<'a>,
    roles: Vec<&'a Ident>,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let evaluation = Evaluation::new(cx.rights);
    let mut all: IndexMap<Oid, (&Function, Vec<Refused<'_>>)> = IndexMap::new();
    for (table, policy) in cx.catalog.own_policies() {
        for asked in evaluation.asked(table, policy) {
            for reached in asked.reached {
                let Object::Function(function) = reached.object else { continue };
                let fails = !cx.catalog.can_execute(&reached.reader.caller, function);
                if !fails || evaluation.is_doubtful(&function.name) {
                    continue;
                }
                let (_, list) = all.entry(function.oid).or_insert((function, Vec::new()));
                match list.iter_mut().find(|one| one.reached.span == reached.span) {
                    Some(one) => one.roles.push(asked.role),
                    None => list.push(Refused { table, policy, reached, roles: vec![asked.role] }),
                }
            }
        }
    }
    all.values().for_each(|(function, list)| report(cx, function, list, out));
}

fn report(cx: &CatalogCx<'_>, function: &Function, list: &[Refused<'_>], out: &mut Findings) {
    let Some((first, others)) = list.split_first() else { return };
    let mut roles: Vec<String> = list.iter().flat_map(|one| &one.roles).map(|role| role.quoted()).collect();
    roles.sort_unstable();
    roles.dedup();
    let (policy, on) = (&first.policy.name, &first.table.name);
    let more = match others.len() {
        0 => String::new(),
        1 => ", and so does 1 more policy".to_string(),
        count => format!(", and so do {count} more policies"),
    };
    let message = format!(
        "requests of {} for rows of {on} fail with \"permission denied for function {}\": policy {} calls it{more}",
        in_words(&roles, "and"),
        function.name.name,
        policy.delimited(),
    );
    let finding = out.report(first.reached.span, Identity::new("function", &function.name), message);
    let of_anonymous = roles == ["anon"];
    if of_anonymous {
        finding.severity(Severity::Warning);
    }
    finding.note("called with the rights of the request");
    for step in &first.reached.through {
        finding.label(step.span, format!("{} calls it here", step.name));
    }
    finding.label(first.policy.name_apart_from(first.reached.span), "the policy is created here");
    finding.label_each(others.iter().map(|one| (one.reached.span, "called here, too")));
    finding.label(function.name_span, "the function is created here");
    finding.help(if of_anonymous {
        format!(
            "keep requests without a user from the policy: alter policy {} on {} to authenticated;",
            policy.quoted(),
            on.quoted()
        )
    } else {
        format!("grant execute on function {} to {};", function.signature(cx.catalog), roles.join(", "))
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const HELPERS: &str = "create schema private;
         create function private.is_admin() returns boolean language sql stable security definer as $$ select true $$;
         create function private.of_team(wanted int) returns boolean language sql stable as $$ select private.is_admin() $$;
         create function private.of_owner(wanted int) returns boolean language sql stable security definer
           as $$ select private.is_admin() $$;
         create table a (id int primary key, owner uuid);
         alter table a enable row level security;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{HELPERS}{text}"));
    }

    #[test]
    fn execute_counts_and_usage_does_not() {
        policies("create policy p on a for select using (private.is_admin());");
        policies(
            "
             revoke execute on function private.is_admin() from public;
             grant execute on function private.is_admin() to anon;
             create policy p on a for select using (private.is_admin());
             --                                     ^^^^^^^^^^^^^^^^^^ error: requests of authenticated for rows of public.a fail with \"permission denied for function is_admin\": policy \"p\" calls it, and so does 1 more policy
             create policy q on a for update using (owner = auth.uid() or (select private.is_admin()));
             create policy r on a for delete to anon using (private.is_admin());",
        );
    }

    #[test]
    fn without_a_user_it_is_a_warning() {
        policies(
            "
             revoke execute on function private.is_admin() from public;
             grant execute on function private.is_admin() to authenticated;
             create policy p on a for select using (owner = auth.uid() and private.is_admin());
             --                                                            ^^^^^^^^^^^^^^^^^^ warning: requests of anon for rows of public.a fail",
        );
    }

    #[test]
    fn what_a_helper_calls_as_the_caller_counts() {
        policies(
            "
             revoke execute on function private.is_admin() from public;
             create policy p on a for select using (private.of_team(id));
             --                                     ^^^^^^^^^^^^^^^^^^^ error: fail with \"permission denied for function is_admin\"
             create table b (id int primary key);
             alter table b enable row level security;
             create policy q on b using (private.of_owner(id));
             create policy r on b for insert with check (id = 1 or private.of_team(id));",
        );
    }

    #[test]
    fn what_never_runs_is_silent() {
        policies(
            "
             revoke execute on function private.is_admin() from public;
             create policy p on a for select to service_role using (private.is_admin());
             create policy q on a for insert with check (true or private.is_admin());
             create policy r on a as restrictive for delete using (private.is_admin());
             create table b (id int primary key);
             create policy p on b using (private.is_admin());
             create table c (id int primary key);
             alter table c enable row level security;
             revoke all on c from anon, authenticated;
             create policy p on c using (private.is_admin());
             create table d (id int primary key);
             alter table d enable row level security;
             create policy p on d for select using (true);
             create policy q on d for select using (private.is_admin());",
        );
    }
}
