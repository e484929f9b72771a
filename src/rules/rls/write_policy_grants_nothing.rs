use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds permissive policies without the clause that would let a row through.
    ///
    /// ## Why it matters
    ///
    /// A policy for INSERT without WITH CHECK does not allow everything: it allows nothing, and each
    /// insert is refused. One for UPDATE or DELETE without USING finds no row, and no error tells.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Users add notes" on public.notes for insert to authenticated;
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Users add notes" on public.notes for insert to authenticated
    ///   with check ((select auth.uid()) = user_id);
    /// ```
    ///
    /// An UPDATE policy without WITH CHECK is complete: USING holds for the new row as well.
    ///
    /// ## How to fix
    ///
    /// Add WITH CHECK for new rows, and USING for those that are there.
    "write-policy-grants-nothing" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "a policy lacks the clause that lets rows through",
        sources: &["splinter:0024", "pgrls:SEC006"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let before = out.list.len();
    for (table, policy) in cx.policies_in_force() {
        let (lacks, effect) = match (policy.command.value, &policy.using, &policy.with_check) {
            (PolicyCommand::Insert, _, None) => ("WITH CHECK", "each INSERT by it is refused"),
            (PolicyCommand::Update, None, _) => ("USING", "an UPDATE finds no row by it"),
            (PolicyCommand::Delete, None, _) => ("USING", "a DELETE finds no row by it"),
            (PolicyCommand::Select, None, _) => ("USING", "no row is read by it"),
            (PolicyCommand::All, None, None) => ("USING", "it lets no row through"),
            (PolicyCommand::All, None, Some(_)) => ("USING", "rows can be added, and none read or changed"),
            _ => continue,
        };
        if !policy.permissive || !cx.catalog.policy_binds_requests(policy) {
            continue;
        }
        let message =
            format!("policy {} on {} has no {lacks}: {effect}", policy.name.delimited(), table.name);
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(policy.name_span, object, message);
        found.note(format!("no {lacks}"));
        let (name, on) = (policy.name.quoted(), table.name.quoted());
        found.help(format!("alter policy {name} on {on} {} (…);", lacks.to_lowercase()));
    }
    fold_many(out, before, "policies", |count| {
        format!("{count} policies lack the clause that lets rows through")
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn each_command_has_its_clause() {
        check(
            &RULE,
            "create table public.a (id bigint, user_id uuid);
             alter table public.a enable row level security;
             create policy p1 on public.a for insert;
             --            ^^ warning: policy \"p1\" on public.a has no WITH CHECK: each INSERT by it is refused
             create policy p2 on public.a for update with check (user_id = auth.uid());
             --            ^^ warning: an UPDATE finds no row by it
             create policy p3 on public.a for delete;
             --            ^^ warning: a DELETE finds no row by it
             create policy p4 on public.a;
             --            ^^ warning: it lets no row through
             create policy p5 on public.a with check (user_id = auth.uid());
             --            ^^ warning: rows can be added, and none read or changed
             create policy p6 on public.a for update using (user_id = auth.uid());
             create policy p7 on public.a using (user_id = auth.uid());
             create policy p8 on public.a as restrictive for insert;
             create policy p9 on public.a for insert to service_role;
             create policy p10 on public.a for insert;
             alter policy p10 on public.a with check (user_id = auth.uid());",
        );
    }
}
