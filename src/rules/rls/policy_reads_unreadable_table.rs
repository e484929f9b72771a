use crate::access::evaluation::{Evaluation, Object};
use crate::catalog::acl::Grantee;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::denied::{Denial, denials};

declare_rule! {
    /// Finds policies that read a table which the role of the request may not read.
    ///
    /// ## Why it matters
    ///
    /// A policy runs with the rights of the caller. A sub-select from a table without SELECT makes the whole
    /// statement fail with `permission denied for table` (42501). Most often that is `auth.users`, which no
    /// request may read.
    ///
    /// ```sql,bad
    /// create table public.reports (id bigint primary key, email text);
    /// alter table public.reports enable row level security;
    /// create policy "Own reports" on public.reports for select to authenticated
    ///   using (email = (select u.email from auth.users u where u.id = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.reports (id bigint primary key, user_id uuid);
    /// alter table public.reports enable row level security;
    /// create policy "Own reports" on public.reports for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// It is a warning where only requests without a signed-in user fail, and an info where these would be
    /// given no row anyway: they get an error in place of an empty list.
    ///
    /// ## How to fix
    ///
    /// Take from the token what it says: `(select auth.uid())`, `(select auth.jwt() ->> 'email')`. Read the
    /// rest in a function with SECURITY DEFINER, which has the rights of its owner, and answers for the caller
    /// alone.
    "policy-reads-unreadable-table" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "policy reads a table that the role may not read",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for denial in denials(cx, Evaluation::lacks_select) {
        report(cx, &denial, out);
    }
}

fn report(cx: &CatalogCx<'_>, denial: &Denial<'_>, out: &mut Findings) {
    let (table, policy, reached) = (denial.table(), denial.policy(), denial.reached());
    let read = reached.object.name();
    let kind = if matches!(reached.object, Object::View(_)) { "view" } else { "table" };
    let roles = denial.roles();
    let through: Vec<String> = reached.through.iter().map(|step| step.name.to_string()).collect();
    let through =
        if through.is_empty() { String::new() } else { format!(" through {}", through.join(" and ")) };
    let reader = reached.reader.role.quoted();
    let message = format!(
        "{} fail with \"permission denied for {kind} {}\": policy {} reads {read}{through} with the rights of {}{}",
        denial.requests(),
        read.name,
        policy.name.delimited(),
        if roles.contains(&reader) { "the request" } else { &reader },
        denial.more(),
    );
    let finding =
        out.report(reached.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    finding.what(read.to_string()).note("SELECT is not granted").severity(denial.severity(cx));
    denial.label(finding, "reads");
    let definer = "read it in a function with `security definer set search_path = ''` that answers for the caller alone";
    let others_read = cx.catalog.can_read(&"authenticated".into(), reached.object);
    let for_all = denial.policy().roles.value.contains(&Grantee::Public);
    finding.help(if denial.is_of_anonymous() && for_all && others_read {
        denial.keep_from_anonymous()
    } else if !denial.is_of_anonymous() && read.schema == "auth" && read.name == "users" {
        format!("take the id or address from the token, (select auth.uid()) or (select auth.jwt() ->> 'email'); else {definer}")
    } else {
        definer.to_string()
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create schema private;
         create table private.staff (id uuid, role text, secret text);
         create table a (id int primary key, owner uuid);
         alter table a enable row level security;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn sub_selects_need_select() {
        policies(
            "
             create policy p on a for select to authenticated using (owner in (select id from auth.users));
             --                                                                               ^^^^^^^^^^ error: requests of authenticated for rows of public.a fail with \"permission denied for table users\": policy \"p\" reads auth.users with the rights of the request
             create policy q on a for update using (exists (select 1 from private.staff s where s.id = auth.uid()));
             --                                                           ^^^^^^^^^^^^^ error: requests of anon and authenticated to change rows of public.a fail with \"permission denied for table staff\"",
        );
    }

    #[test]
    fn without_a_user_it_is_a_warning_where_rows_are_lost() {
        policies(
            "
             grant select on private.staff to authenticated;
             create policy q on a for insert with check (exists (select 1 from private.staff s where s.id = auth.uid()));
             --                                                                ^^^^^^^^^^^^^ info: requests of anon to add rows to public.a fail",
        );
        policies(
            "
             grant select on private.staff to authenticated;
             create policy o on a for select to anon using (exists (select 1 from private.staff s where s.role = 'open'));
             --                                                                   ^^^^^^^^^^^^^ warning: requests of anon for rows of public.a fail
             ",
        );
        policies(
            "
             grant select on private.staff to authenticated;
             create policy r on a for select using (owner is null or exists (select 1 from private.staff s where s.role = 'x'));
             --                                                                            ^^^^^^^^^^^^^ warning: requests of anon for rows of public.a fail",
        );
    }

    #[test]
    fn columns_count_that_are_read() {
        policies(
            "
             grant select (id, role) on private.staff to anon, authenticated;
             create policy p on a for select using (exists (select 1 from private.staff s where s.id = auth.uid()));
             create policy q on a for update using (exists (select * from private.staff s where s.id = auth.uid()));
             --                                                           ^^^^^^^^^^^^^ error: policy \"q\" reads private.staff with the rights of the request, and so does 1 more policy
             create policy r on a for delete using (exists (select from private.staff s where s.secret = 'x'));",
        );
    }

    #[test]
    fn views_and_functions_read_as_their_owner_or_as_the_caller() {
        policies(
            "
             create view by_owner as select * from private.staff;
             create view by_caller with (security_invoker) as select * from private.staff;
             create function as_owner() returns boolean language sql stable security definer
               as $$ select exists (select 1 from private.staff) $$;
             create function as_caller() returns boolean language sql stable
               as $$ select exists (select 1 from private.staff) $$;
             create policy p on a for select using (exists (select 1 from by_owner) and as_owner());
             create policy q on a for insert with check (exists (select 1 from by_caller));
             --                                                                ^^^^^^^^^ error: policy \"q\" reads private.staff through public.by_caller
             create policy r on a for update using (as_caller());
             --                                     ^^^^^^^^^^^ error: policy \"r\" reads private.staff through public.as_caller
             create table b (id int);
             alter table b enable row level security;
             create policy p on b using (id = 1 or as_caller());
             create view closed as select * from private.staff;
             revoke select on closed from authenticated;
             create policy s on a for delete to authenticated using (exists (select 1 from closed));
             --                                                                            ^^^^^^ error: permission denied for view closed",
        );
    }

    #[test]
    fn what_is_not_known_is_silent() {
        policies(
            "
             create policy p on a for select using (exists (select 1 from private.staff));
             do $$ begin execute 'grant select on private.staff to ' || current_setting('x.y'); end $$;",
        );
    }
}
