use crate::access::COMMANDS;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds restrictive policies that leave out a role which a permissive policy lets in.
    ///
    /// ## Why it matters
    ///
    /// A restrictive policy narrows what its own roles reach, and nothing for others. If it is for
    /// `authenticated` and the permissive policy beside it for everybody, the limit ends for whoever sends the
    /// request without a token.
    ///
    /// ```sql,bad
    /// create table public.records (id bigint primary key, open boolean);
    /// alter table public.records enable row level security;
    /// create policy "Open records" on public.records for select using (open);
    /// create policy "Second factor" on public.records as restrictive for select to authenticated
    ///   using ((select auth.jwt() ->> 'aal') = 'aal2');
    /// ```
    ///
    /// ```sql,good
    /// create table public.records (id bigint primary key, open boolean);
    /// alter table public.records enable row level security;
    /// create policy "Open records" on public.records for select to authenticated using (open);
    /// create policy "Second factor" on public.records as restrictive for select to authenticated
    ///   using ((select auth.jwt() ->> 'aal') = 'aal2');
    /// ```
    ///
    /// It is silent where the permissive policy lets nothing through for the other role.
    ///
    /// ## How to fix
    ///
    /// Name the same roles in both policies.
    "restrictive-role-gap" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "restrictive policy does not bind all whom a permissive one lets in",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, fence) in cx.catalog.own_policies().filter(|(table, _)| table.rls.value) {
        if fence.permissive || cx.catalog.may_have_changed(&table.name, Aspect::Policies) {
            continue;
        }
        let (inside, outside): (Vec<&Role>, Vec<&Role>) =
            cx.catalog.api_roles().partition(|role| cx.catalog.policy_binds(fence, role));
        let gap = |role| {
            let open =
                table.policies.values().find(|policy| lets_past(cx, table, fence, policy, &inside, role))?;
            Some((role, open))
        };
        let gaps: Vec<(&Role, &Policy)> = outside.into_iter().filter_map(gap).collect();
        let Some((role, open)) = gaps.first() else { continue };
        let message = format!(
            "restrictive policy {} on {} does not bind {}, whom policy {} lets in",
            fence.name.delimited(),
            table.name,
            role.name.quoted(),
            open.name.delimited(),
        );
        let object = Identity::part("policy", &table.name, fence.name.as_str());
        let finding = out.report(fence.roles.span, object, message);
        finding.extent(gaps.iter().map(|(role, _)| role.name.quoted()));
        finding.note("binds these roles alone").label(open.roles.span, "this policy is for more roles");
        let roles: Vec<String> = fence.roles.value.iter().map(ToString::to_string).collect();
        let on = table.name.quoted();
        finding.help(format!(
            "alter policy {} on {on} to {}; -- or have the restrictive one bind all: alter policy {} on {on} to public;",
            open.name.quoted(),
            roles.join(", "),
            fence.name.quoted()
        ));
    }
}

/// Whether a permissive policy is for roles that the restrictive one binds and for this one, which it lets
/// rows through for.
fn lets_past(
    cx: &CatalogCx<'_>,
    table: &Table,
    fence: &Policy,
    open: &Policy,
    inside: &[&Role],
    role: &Role,
) -> bool {
    let shared = open.permissive
        && cx.catalog.policy_binds(open, role)
        && inside.iter().any(|role| cx.catalog.policy_binds(open, role));
    shared
        && COMMANDS.iter().any(|(command, _)| {
            let passes = |reach| !matches!(reach, Reach::None | Reach::Unknown);
            open.covers(*command)
                && fence.covers(*command)
                && passes(cx.rights.policy(table, open, role).of(*command))
                && cx.rights.policy(table, fence, role).of(*command) != Reach::All
                && cx.access(table, role, *command).is_some_and(|cell| passes(cell.reach))
        })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn who_is_let_in_and_not_bound() {
        let table = "create table a (id int primary key, owner uuid, open boolean);
             alter table a enable row level security;\n";
        check(
            &RULE,
            &format!(
                "{table}
             create policy p on a for select using (open);
             create policy r on a as restrictive to authenticated using (auth.jwt() ->> 'aal' = 'aal2');
             --                                     ^^^^^^^^^^^^^ warning: restrictive policy \"r\" on public.a does not bind anon, whom policy \"p\" lets in"
            ),
        );
        for silent in [
            "create policy p on a for select using (owner = auth.uid());
             create policy r on a as restrictive to authenticated using (auth.jwt() ->> 'aal' = 'aal2');",
            "create policy p on a for select to anon using (open); create policy q on a for select to authenticated using (true);
             create policy r on a as restrictive to authenticated using (auth.jwt() ->> 'aal' = 'aal2');",
            "create policy p on a for select using (open);
             create policy r on a as restrictive for delete to authenticated using (auth.jwt() ->> 'aal' = 'aal2');",
            "create policy p on a for select using (open);
             create policy r on a as restrictive to authenticated using (auth.role() <> 'authenticated' or owner = auth.uid());",
        ] {
            check(&RULE, &format!("{table}{silent}"));
        }
    }
}
