use crate::map::IndexMap;

use crate::access::evaluation::{Evaluation, Object, Reached};
use crate::access::{Access, describe, reach};
use crate::catalog::acl::Privileges;
use crate::catalog::policy::Policy;
use crate::catalog::table::{Table, TableKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Oid;
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds policies that decide by a table which everybody can write.
    ///
    /// ## Why it matters
    ///
    /// A policy is as strong as what it reads. If row level security is off on a table of members, whoever
    /// holds the public API key adds a row to it, and passes each policy that asks for one.
    ///
    /// ```sql,bad
    /// create table public.members (team_id bigint, user_id uuid);
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (team_id bigint, user_id uuid);
    /// alter table public.members enable row level security;
    /// create policy "Users see their memberships" on public.members for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (team_id in (select m.team_id from public.members m where m.user_id = auth.uid()));
    /// ```
    ///
    /// Functions and views on the way are followed.
    ///
    /// ## How to fix
    ///
    /// Enable row level security on the table that is read, with policies for those who keep it.
    "policy-reads-unprotected-table" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "policy decides by a table that everybody can write",
        sources: &["pgrls:SEC025"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A place where a policy reads it.
struct Reading<'a> {
    table: &'a Table,
    policy: &'a Policy,
    reached: Reached<'a>,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let evaluation = Evaluation::new(cx.rights);
    let mut all: IndexMap<Oid, (&Table, Vec<Reading<'_>>)> = IndexMap::default();
    for (table, policy) in cx.catalog.own_policies() {
        for asked in evaluation.asked(table, policy) {
            for reached in asked.reached {
                let Object::Table(read) = reached.object else { continue };
                if read.rls.value || read.kind == TableKind::Foreign || evaluation.is_doubtful(&read.name) {
                    continue;
                }
                let (_, list) = all.entry(read.oid).or_insert((read, Vec::new()));
                if list.iter().all(|known| known.reached.span != reached.span) {
                    list.push(Reading { table, policy, reached });
                }
            }
        }
    }
    for (read, list) in all.values() {
        let mut writers = cx.catalog.table_access(read);
        let select = Privileges::of(&[Privilege::Select]);
        writers.iter_mut().for_each(|access| access.privileges = access.privileges.without(select));
        writers.retain(|access| !access.privileges.is_empty());
        if !writers.is_empty() {
            report(read, list, &writers, out);
        }
    }
}

fn report(read: &Table, list: &[Reading<'_>], writers: &[Access<'_>], out: &mut Findings) {
    let Some((first, others)) = list.split_first() else { return };
    let more = match others.len() {
        0 => String::new(),
        1 => " (and 1 more policy)".to_string(),
        count => format!(" (and {count} more)"),
    };
    let message = format!(
        "policy {} on {}{more} decides by {}, without row level security: {}",
        first.policy.name.delimited(),
        first.table.name,
        read.name,
        describe(writers, "it"),
    );
    let finding = out.report(first.reached.span, Identity::new("table", &read.name), message);
    finding.note("row level security is off here").reach(reach(writers));
    for step in &first.reached.through {
        finding.label(step.span, format!("{} reads it here", step.name));
    }
    finding.label(first.policy.name_apart_from(first.reached.span), "the policy is created here");
    finding.label(read.name_span, "the table is created here");
    finding.label_each(others.iter().map(|one| (one.reached.span, "read here, too")));
    finding.extent(list.iter().map(|one| one.policy.on(&one.table.name)));
    finding.help(format!(
        "alter table {} enable row level security; -- with a policy by which users still read what the policies ask for",
        read.name.quoted()
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_everybody_can_write_decides_nothing() {
        check(
            &RULE,
            "
             create table members (team int, who uuid);
             create table plans (id int);
             revoke insert, update, delete on plans from anon, authenticated;
             create function is_member(wanted int) returns boolean language sql stable security definer
               as $$ select exists (select 1 from public.members where team = wanted and who = auth.uid()) $$;
             create table docs (id int primary key, team int);
             alter table docs enable row level security;
             create policy p on docs for select using (is_member(team));
             --                                        ^^^^^^^^^^^^^^^ warning: policy \"p\" on public.docs (and 1 more policy) decides by public.members, without row level security: anyone with the project's public API key can change and delete every row of it, and add new ones
             create policy q on docs for update using (team in (select team from members where who = auth.uid()));
             create policy r on docs for delete using (exists (select 1 from plans));",
        );
    }
}
