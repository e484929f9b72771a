use crate::access::evaluation::{Evaluation, Object, Reached};
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::denied::{Denial, denials};

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
    /// It is a warning where only requests without a signed-in user fail, and an info where these would be
    /// given no row anyway: they get an error in place of an empty list.
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

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let fails = |_: &Evaluation<'_>, reached: &Reached<'_>| {
        called(reached).is_some_and(|function| {
            !cx.catalog.can_execute(&reached.reader.caller, function)
                && !cx.catalog.may_have_changed(&function.name, Aspect::Execute)
        })
    };
    for denial in denials(cx, fails) {
        if let Some(function) = called(denial.reached()) {
            report(cx, function, &denial, out);
        }
    }
}

fn called<'a>(reached: &Reached<'a>) -> Option<&'a Function> {
    match reached.object {
        Object::Function(function) => Some(function),
        Object::Table(_) | Object::View(_) => None,
    }
}

fn report(cx: &CatalogCx<'_>, function: &Function, denial: &Denial<'_>, out: &mut Findings) {
    let message = format!(
        "{} fail with \"permission denied for function {}\": policy {} calls it{}",
        denial.requests(),
        function.name.name,
        denial.policy().name.delimited(),
        denial.more(),
    );
    let roles = denial.roles().join(", ");
    let finding = out.report(denial.reached().span, Identity::new("function", &function.name), message);
    finding.what(roles.clone()).note("called with the rights of the request").severity(denial.severity(cx));
    denial.label(finding, "calls");
    finding.label(function.name_span, "the function is created here");
    finding.help(if denial.is_of_anonymous() {
        denial.keep_from_anonymous()
    } else {
        format!("grant execute on function {} to {roles};", function.signature(cx.catalog))
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
    fn without_a_user_it_is_a_warning_where_rows_are_lost() {
        let granted = "revoke execute on function private.is_admin() from public;
             grant execute on function private.is_admin() to authenticated;";
        policies(&format!(
            "{granted}
             create policy p on a for select using (owner = auth.uid() and private.is_admin());
             --                                                            ^^^^^^^^^^^^^^^^^^ info: requests of anon for rows of public.a fail
            "
        ));
        policies(&format!(
            "{granted}
             create policy p on a for delete using (owner is null or private.is_admin());
             --                                                      ^^^^^^^^^^^^^^^^^^ warning: requests of anon to delete rows of public.a fail
             create policy q on a for select using (owner is null);
            "
        ));
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
