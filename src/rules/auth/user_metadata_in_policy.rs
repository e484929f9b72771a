use crate::access::reach;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::map::IndexMap;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::source::{Sources, Span};
use crate::workload::identity::Use;

declare_rule! {
    /// Finds policies that believe `user_metadata`.
    ///
    /// ## Why it matters
    ///
    /// Every signed-in user can write it: `supabase.auth.updateUser({ data: { role: 'admin' } })`
    /// in the console of the browser is enough. A policy that looks there for a role, a tenant or a
    /// plan gives it to whoever asks. The same data is the column `raw_user_meta_data` of
    /// `auth.users`.
    ///
    /// ```sql,bad
    /// create table public.settings (id bigint primary key);
    /// alter table public.settings enable row level security;
    /// create policy "Admins" on public.settings to authenticated
    ///   using ((select auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');
    /// ```
    ///
    /// ```sql,good
    /// create table public.settings (id bigint primary key);
    /// alter table public.settings enable row level security;
    /// create policy "Admins" on public.settings to authenticated
    ///   using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
    /// ```
    ///
    /// Functions that a policy calls are followed, and the columns of views that it reads.
    ///
    /// ## How to fix
    ///
    /// Keep roles and tenants where users cannot write: in `app_metadata`, which only the service
    /// key can change, or in a table of the project's own whose policies let nobody change their
    /// own row.
    "user-metadata-in-policy" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "policy trusts data that every user can change",
        sources: &["splinter:0015", "pgrls:SEC033"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    // By the place behind helpers: many policies may ask one.
    let mut helpers: IndexMap<(QName, Span), Vec<Trusting<'_>>> = IndexMap::default();
    for (table, policy) in cx.catalog.own_policies() {
        let unclear = cx.catalog.may_have_changed(&table.name, Aspect::Policies);
        if unclear || !cx.catalog.policy_binds_requests(policy) {
            continue;
        }
        let used = policy.clauses().find_map(|clause| {
            cx.workload.user_metadata(cx.catalog, &clause.value).map(|used| (clause.span, used))
        });
        let Some((clause, used)) = used else { continue };
        let helper = used.through.last().map(|step| (step.name.clone(), step.span));
        let trusting = Trusting { table, policy, clause, used };
        match helper {
            Some(helper) => helpers.entry(helper).or_default().push(trusting),
            None => trusting.report(cx, out),
        }
    }
    for ((helper, _), policies) in helpers {
        let before = out.list.len();
        policies.iter().for_each(|trusting| trusting.report(cx, out));
        if policies.len() > MANY {
            let message = format!(
                "{} policies trust user metadata through {helper}, which every signed-in user can change for themselves",
                policies.len()
            );
            out.fold(before, "policies", message, |_| "so does this");
        }
    }
}

/// A policy that decides by user metadata.
struct Trusting<'a> {
    table: &'a Table,
    policy: &'a Policy,
    clause: Span,
    used: Use,
}

impl Trusting<'_> {
    fn report(&self, cx: &CatalogCx<'_>, out: &mut Findings) {
        let Self { table, policy, clause, used } = self;
        let through = used.through.first().map_or_else(String::new, |step| format!(" through {}", step.name));
        let message = format!(
            "policy {} on {} trusts user metadata{through}, which every signed-in user can change for themselves",
            policy.name.delimited(),
            table.name
        );
        let span =
            if used.through.is_empty() { up_to_key(cx.sources, used.span, *clause) } else { used.span };
        let found = out.report(span, Identity::part("policy", &table.name, policy.name.as_str()), message);
        found.note(if used.through.is_empty() {
            "users write this themselves"
        } else {
            "reads user metadata"
        });
        found.reach(reach(&cx.rights.passed_by(table, policy)));
        for step in &used.through {
            found.label(step.span, format!("{} reads it here", step.name));
        }
        found.label(policy.name_apart_from(span), "the policy is created here");
        found.help(
            "keep the fact where users cannot write: in app_metadata (auth.jwt() -> 'app_metadata'), or in a table \
             of your own",
        );
    }
}

/// From the claims to the key `user_metadata` behind them, where that stands next to them.
fn up_to_key(sources: &Sources, from: Span, clause: Span) -> Span {
    const KEY: &str = "user_metadata'";
    let behind = Span { start: from.end, ..clause };
    if from.end > clause.end || from.file != clause.file {
        return from;
    }
    let text = sources.text(behind);
    match text.find(KEY) {
        Some(at) if at < 40 => Span { end: from.end + u32::try_from(at + KEY.len()).unwrap_or(0), ..from },
        _ => from,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint, org text);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn every_way_to_write_it() {
        policy(
            "
             create policy p1 on public.a using (auth.jwt() -> 'user_metadata' ->> 'org' = org);
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a trusts user metadata, which
             create policy p2 on public.a using ((select auth.jwt()) -> 'user_metadata' ->> 'org' = org);
             --                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p2\"
             create policy p3 on public.a using ((select ((auth.jwt()::jsonb -> 'user_metadata')::jsonb ->> 'org')) = org);
             --                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p3\"
             create policy p4 on public.a using (auth.jwt() #>> '{user_metadata,org}' = org);
             --                                  ^^^^^^^^^^ error: \"p4\"
             create policy p5 on public.a using (
               (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata' ->> 'org') = org);
             --        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p5\"
             create policy p6 on public.a for insert with check ((auth.jwt() -> 'user_metadata' ->> 'org') = org);
             --                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p6\"
             create policy p7 on public.a using (exists (
               select 1 from auth.users u where u.id = auth.uid() and u.raw_user_meta_data ->> 'role' = 'admin'));
             --                                                       ^^^^^^^^^^^^^^^^^^^^ error: \"p7\"
             create policy p8 on public.a using (jsonb_extract_path_text(auth.jwt(), 'user_metadata', 'org') = org);
             --                                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p8\"
             create policy p9 on public.a using ((auth.jwt())['user_metadata']['org'] = to_jsonb(org));
             --                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p9\"",
        );
    }

    #[test]
    fn what_users_cannot_write_is_silent() {
        policy(
            "
             create policy p1 on public.a using (auth.jwt() -> 'app_metadata' ->> 'org' = org);
             create policy p2 on public.a using (auth.jwt() -> 'app_metadata' -> 'user_metadata' ->> 'org' = org);
             create policy p3 on public.a using (exists (
               select 1 from auth.users u where u.id = auth.uid() and u.raw_app_meta_data ->> 'role' = 'admin'));
             create policy p4 on public.a using (org = 'user_metadata');
             create table public.b (id bigint, user_metadata jsonb, raw_user_meta_data jsonb);
             create policy p5 on public.b using (user_metadata ->> 'org' = 'x' and raw_user_meta_data is null);
             create policy p6 on public.a to service_role using (auth.jwt() -> 'user_metadata' ->> 'org' = org);
             create policy p7 on public.a using (auth.jwt() ->> 'email' = org);
             drop policy if exists p8 on public.a;",
        );
    }

    #[test]
    fn helpers_are_followed() {
        policy(
            "
             create function public.my_org() returns text language sql stable as $$
               select auth.jwt() -> 'user_metadata' ->> 'org'
             $$;
             create function public.is_admin() returns boolean language plpgsql security definer set search_path = '' as $$
             declare claims jsonb := auth.jwt();
             begin
               return claims -> 'user_metadata' ->> 'role' = 'admin';
             end $$;
             create function public.may_edit(wanted text) returns boolean language sql stable as $$
               select public.my_org() = wanted or exists (select 1 from auth.users where id = auth.uid() and email = wanted)
             $$;
             create function public.name_of_caller() returns text language sql stable security definer as $$
               select raw_app_meta_data ->> 'name' from auth.users where id = auth.uid()
             $$;
             create policy p1 on public.a using ((select public.my_org()) = org);
             --                                          ^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a trusts user metadata through public.my_org
             create policy p2 on public.a using (is_admin());
             --                                  ^^^^^^^^^^ error: through public.is_admin
             create policy p3 on public.a using (public.may_edit(org));
             --                                  ^^^^^^^^^^^^^^^^^^^^ error: through public.may_edit
             create policy p4 on public.a using (public.name_of_caller() = org);",
        );
    }

    #[test]
    fn what_chooses_among_the_callers_rows_is_no_trust() {
        let helper = |rest: &str| {
            format!(
                "create table public.members (org text, user_id uuid);
                 create function public.my_org() returns text language plpgsql stable security definer as $$
                 declare wanted text; found text;
                 begin
                   wanted := coalesce(auth.jwt() -> 'app_metadata' ->> 'org', auth.jwt() -> 'user_metadata' ->> 'org');
                   if wanted is not null then
                     select m.org into found from public.members m where m.user_id = auth.uid() and m.org = wanted;
                   end if;
                   {rest}
                 end $$;\n"
            )
        };
        policy(&format!(
            "{}create policy p on public.a using (org = (select public.my_org()));",
            helper("return found;")
        ));
        for trusting in [
            "return coalesce(found, wanted);",
            "return (select m.org from public.members m where m.org = wanted);",
        ] {
            policy(&format!(
                "{}create policy p on public.a using (org = (select public.my_org()));
--                                               ^^^^^^^^^^^^^^^ error: through public.my_org",
                helper(trusting)
            ));
        }
    }

    #[test]
    fn many_policies_of_one_helper_are_one_finding() {
        let policies: String = (2..=11)
            .map(|at| format!("create policy p{at} on public.a using (public.my_org() = org);\n"))
            .collect();
        policy(&format!(
            "create function public.my_org() returns text language sql stable as $$
               select auth.jwt() -> 'user_metadata' ->> 'org'
             $$;
             create policy p1 on public.a using (public.my_org() = org);
             --                                  ^^^^^^^^^^^^^^^ error: 11 policies trust user metadata through public.my_org
             {policies}"
        ));
    }

    #[test]
    fn a_replaced_helper_counts_as_it_is_now() {
        policy(
            "
             create function public.my_org() returns text language sql stable as $$
               select auth.jwt() -> 'user_metadata' ->> 'org'
             $$;
             create policy p1 on public.a using ((select public.my_org()) = org);
             create or replace function public.my_org() returns text language sql stable as $$
               select auth.jwt() -> 'app_metadata' ->> 'org'
             $$;",
        );
    }

    #[test]
    fn columns_of_views_are_followed() {
        policy(
            "
             create view public.members as
               select id, raw_user_meta_data ->> 'org' as org, email from auth.users;
             create policy p1 on public.a using (org in (select m.org from public.members m where m.id = auth.uid()));
             --                                                 ^^^^^ error: through public.members
             create policy p2 on public.a using (exists (select 1 from public.members m where m.id = auth.uid()));",
        );
    }

    #[test]
    fn policies_of_storage_count() {
        check(
            &RULE,
            "
             create policy p on storage.objects for delete to authenticated
               using (bucket_id = 'a' and (auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');
             --                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: on storage.objects",
        );
    }
}
