use crate::map::IndexMap;

use crate::access::evaluation::{Evaluation, Object};
use crate::access::in_words;
use crate::access::recursion::{Cycle, Hop, Recursion};
use crate::catalog::Catalog;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds policies that lead back to their own table, so that every query fails.
    ///
    /// ## Why it matters
    ///
    /// To read a table, PostgreSQL applies the policies of what its policies read. A policy that reads its
    /// own table, directly or through those of other tables, has no end: the query fails with
    /// `infinite recursion detected in policy` (42P17), or with `stack depth limit exceeded` (54001)
    /// where a function is on the way.
    ///
    /// ```sql,bad
    /// create table public.members (team_id bigint, user_id uuid, primary key (team_id, user_id));
    /// alter table public.members enable row level security;
    /// create policy "Members see their team" on public.members for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (team_id bigint, user_id uuid, primary key (team_id, user_id));
    /// alter table public.members enable row level security;
    /// create schema private;
    /// create function private.my_teams() returns setof bigint
    ///   language sql stable security definer set search_path = ''
    ///   as $$ select team_id from public.members where user_id = auth.uid() $$;
    /// create policy "Members see their team" on public.members for select to authenticated
    ///   using (team_id in (select private.my_teams()));
    /// ```
    ///
    /// A policy for INSERT, UPDATE or DELETE may read its own table, but only while no policy for SELECT on
    /// it has a sub-select: `(select auth.uid())` is one, and makes the statement fail. A function counts
    /// when it is called for certain: behind an OR, the first part may spare it.
    ///
    /// ## How to fix
    ///
    /// Let a function with SECURITY DEFINER read the table: it has the rights of its owner, whom policies do
    /// not bind. Keep it in a schema that the Data API does not serve, set its `search_path`, and have it
    /// answer for the caller alone.
    "policy-recursion" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "policy leads back to its own table: queries fail",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A cycle, and the roles whose requests fail for it.
struct Found<'a> {
    cycle: Cycle<'a>,
    roles: Vec<String>,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let evaluation = Evaluation::new(cx.rights);
    let mut all: IndexMap<_, Found<'_>> = IndexMap::default();
    for role in cx.catalog.api_roles() {
        let mut recursion = Recursion::new(&evaluation, &role.name);
        for table in cx.catalog.tables.values().filter(|table| table.rls.value) {
            let access = cx.catalog.table_access(table);
            let Some(access) = access.iter().find(|access| access.role.name == role.name) else { continue };
            for cycle in recursion.cycles(table, &access.commands()) {
                if is_doubtful(&evaluation, &cycle) {
                    continue;
                }
                let key = (cycle.called, format!("{:?}", cycle.command), cycle.key());
                let found = all.entry(key).or_insert(Found { cycle, roles: Vec::new() });
                let role = role.name.quoted();
                if !found.roles.contains(&role) {
                    found.roles.push(role);
                }
            }
        }
    }
    all.values().for_each(|found| report(cx.catalog, found, out));
}

fn is_doubtful(evaluation: &Evaluation<'_>, cycle: &Cycle<'_>) -> bool {
    cycle.hops.iter().any(|hop| {
        evaluation.is_doubtful(&hop.table.name)
            || hop.reached.through.iter().any(|step| evaluation.is_doubtful(&step.name))
    })
}

fn report(catalog: &Catalog, found: &Found<'_>, out: &mut Findings) {
    let cycle = &found.cycle;
    let mut hops: Vec<&Hop<'_>> = cycle.hops.iter().collect();
    if cycle.command == PolicyCommand::Select {
        // The statement that came last closed it.
        let last = (0..hops.len()).max_by_key(|at| hops[*at].reached.span).unwrap_or_default();
        hops.rotate_left(last);
    }
    let Some((first, others)) = hops.split_first() else { return };
    let table = &first.table.name;
    let deed = match cycle.command {
        PolicyCommand::Insert => "INSERT into",
        PolicyCommand::Update => "UPDATE of",
        PolicyCommand::Delete => "DELETE from",
        _ => "query of",
    };
    let error =
        if cycle.called { "stack depth limit exceeded" } else { "infinite recursion detected in policy" };
    let mut message = format!(
        "each {deed} {table} by {} fails with \"{error}\": policy {} reads {}",
        in_words(&found.roles, "and"),
        first.policy.name.delimited(),
        goal(first),
    );
    for hop in others {
        message.push_str(&format!(", whose policy {} reads {}", hop.policy.name.delimited(), goal(hop)));
    }
    match cycle.closed_by {
        Some(policy) => {
            let name = policy.name.delimited();
            message.push_str(&format!(", whose policy {name} for SELECT has a sub-select of its own"));
        }
        None => message.push_str(" again"),
    }
    let object = Identity::part("policy", table, first.policy.name.as_str());
    let state = if cycle.called { "54001" } else { "42P17" };
    let finding = out.report(first.reached.span, object, message);
    finding.note(format!("PostgreSQL's error {state}")).extent(&found.roles);
    if cycle.command != PolicyCommand::Select {
        finding.what(format!("{:?}", cycle.command).to_lowercase());
    }
    for (at, hop) in hops.iter().enumerate() {
        if at > 0 {
            finding.label(hop.reached.span, format!("policy {} reads it here", hop.policy.name.delimited()));
        }
        for step in &hop.reached.through {
            finding.label(step.span, format!("{} reads on here", step.name));
        }
    }
    finding.label(cycle.closed_by.map(|policy| policy.name_span), "this policy has a sub-select, too");
    let function = hops.iter().flat_map(|hop| &hop.reached.through).find_map(|step| {
        catalog.functions_named(&step.name).find(|function| !function.security_definer.value)
    });
    finding.help(match function.filter(|_| cycle.called) {
        Some(function) => format!(
            "alter function {} security definer; -- it then reads as its owner, whom policies do not bind; pin its \
             search_path, too",
            function.signature(catalog)
        ),
        None => "read it in a function with `security definer set search_path = ''`: policies do not bind its owner"
            .to_string(),
    });
}

/// What a hop comes to, and through what.
fn goal(hop: &Hop<'_>) -> String {
    let name = match hop.reached.object {
        Object::Table(table) if table.oid == hop.table.oid => "its own table".to_string(),
        object => object.name().to_string(),
    };
    let ways: Vec<String> = hop.reached.through.iter().map(|step| step.name.to_string()).collect();
    if ways.is_empty() { name } else { format!("{name} through {}", ways.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLES: &str = "create table a (id int primary key, owner uuid, team int);
         create table b (id int primary key, a int, owner uuid);
         alter table a enable row level security;
         alter table b enable row level security;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn a_policy_reads_its_own_table() {
        policies(
            "
             create policy p on a for select to authenticated using (exists (select 1 from a x where x.team = a.team));
             --                                                                            ^ error: each query of public.a by authenticated fails with \"infinite recursion detected in policy\": policy \"p\" reads its own table again
             create policy q on b using (id in (select id from public.b));
             --                                                ^^^^^^^^ error: each query of public.b by anon and authenticated fails",
        );
    }

    #[test]
    fn policies_of_two_tables_read_each_other() {
        policies(
            "
             create policy p on a for select using (owner = auth.uid() or id in (select b.a from b));
             create policy q on b for select using (exists (select 1 from a where a.id = b.a));
             --                                                           ^ error: each query of public.b by anon and authenticated fails with \"infinite recursion detected in policy\": policy \"q\" reads public.a, whose policy \"p\" reads public.b again",
        );
    }

    #[test]
    fn a_long_chain_is_followed_to_its_end() {
        let mut sql = String::new();
        for at in 0..60 {
            let condition = match at {
                0 => "true".to_string(),
                _ => format!("up in (select id from t{})", at - 1),
            };
            sql.push_str(&format!(
                "create table t{at} (id int primary key, up int);
                 alter table t{at} enable row level security;
                 create policy p on t{at} for select to authenticated using ({condition});\n"
            ));
        }
        sql.push_str("alter policy p on t0 using (up in (select id from t59));");
        let closed = Bench::new(&sql);
        let found = closed.run(&RULE, &RULE.options.defaults());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message.matches(", whose policy").count(), 59);
        let open = Bench::new(&format!("{sql} alter policy p on t30 using (true);"));
        assert!(open.run(&RULE, &RULE.options.defaults()).is_empty());
    }

    #[test]
    fn what_does_not_lead_back_is_silent() {
        policies(
            "
             create policy p on a for select to authenticated using (exists (select 1 from b where b.a = a.id));
             create policy q on b for select to anon using (exists (select 1 from a where a.id = b.a));
             create table c (id int);
             create policy r on c using (exists (select 1 from c));
             create policy s on a for update using (exists (select 1 from b where b.a = a.id));",
        );
        policies(
            "
             create policy p on a for select to authenticated using (exists (select 1 from b where b.a = a.id));
             create policy q on b as restrictive for select to authenticated using (exists (select 1 from a where a.id = b.a));",
        );
        policies(
            "
             create policy p on a for select to service_role using (exists (select 1 from a x where x.team = a.team));
             do $$ begin execute 'alter table ' || (select name from b) || ' disable row level security'; end $$;
             create policy q on b for select using (exists (select 1 from b));",
        );
    }

    #[test]
    fn a_sub_select_for_reading_closes_the_cycle_of_a_command_that_writes() {
        policies(
            "
             create policy p on a for insert with check (exists (select 1 from a x where x.team = a.team));
             create policy q on a for select using (owner = auth.uid());
             create policy r on b for insert with check (exists (select 1 from b x where x.a = b.a));
             --                                                                ^ error: each INSERT into public.b by anon and authenticated fails with \"infinite recursion detected in policy\": policy \"r\" reads its own table, whose policy \"s\" for SELECT has a sub-select of its own
             create policy s on b for select using (owner = (select auth.uid()));",
        );
        policies(
            "
             create policy p on a for delete using (exists (select 1 from b where b.a = a.id));
             --                                                           ^ error: each DELETE from public.a by authenticated fails with \"infinite recursion detected in policy\": policy \"p\" reads public.b, whose policy \"q\" reads public.a, whose policy \"r\" for SELECT
             create policy q on b for select to authenticated using (exists (select 1 from a where a.id = b.a));
             create policy r on a for select using (owner = (select auth.uid()));",
        );
    }

    #[test]
    fn views_with_the_rights_of_the_caller_are_gone_through() {
        policies(
            "
             create view by_owner as select * from a;
             create view by_caller with (security_invoker) as select * from b;
             create policy p on a for select using (exists (select 1 from by_owner));
             create policy q on b for select using (exists (select 1 from by_caller));
             --                                                           ^^^^^^^^^ error: reads its own table through public.by_caller again",
        );
        policies(
            "
             create role plain;
             create view by_owner as select * from a;
             alter view by_owner owner to plain;
             create policy p on a for select using (exists (select 1 from by_owner));
             --                                                           ^^^^^^^^ error: reads its own table through public.by_owner again",
        );
    }

    #[test]
    fn functions_are_gone_through_where_they_are_called_for_certain() {
        let helper = |rights: &str, condition: &str| {
            format!(
                "create function is_admin() returns boolean language sql stable {rights} as $$
                   select exists (select 1 from public.a where owner = auth.uid() and team = 1) $$;
                 create function loud() returns boolean language plpgsql stable as $$ begin
                   return public.is_admin(); exception when others then return false; end $$;
                 create policy p on a for select using ({condition});\n"
            )
        };
        for condition in [
            "is_admin()",
            "(select is_admin())",
            "is_admin() or owner = auth.uid()",
            "auth.uid() is not null and is_admin()",
        ] {
            let start = "                 create policy p on a for select using (".len()
                + condition.find("is_admin").unwrap_or(0);
            let carets = format!(
                "--{}^^^^^^^^^^ error: each query of public.a by anon and authenticated fails with \"stack depth limit exceeded\": policy \"p\" reads its own table through public.is_admin again",
                " ".repeat(start - 2)
            );
            policies(&(helper("", condition) + &carets));
        }
        for condition in [
            "owner = auth.uid() or is_admin()",
            "team = 2 and is_admin()",
            "loud()",
            "case when owner = auth.uid() then true else is_admin() end",
        ] {
            policies(&helper("", condition));
        }
        policies(&helper("security definer", "is_admin()"));
        policies(&(helper("", "is_admin()") + "create policy q on a for select using (owner = auth.uid());"));
    }
}
