use crate::access::in_words;
use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds tables with policies that leave out INSERT, UPDATE or DELETE.
    ///
    /// ## Why it matters
    ///
    /// What no policy allows is refused: inserts fail, updates and deletes find no row and report no
    /// error. That is right for tables that the server writes, and a riddle where a policy was
    /// forgotten.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes for select using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Own notes" on public.notes using ((select auth.uid()) = user_id);
    /// ```
    ///
    /// It is off unless it is asked for: a table that is only read is an ordinary one.
    ///
    /// ## How to fix
    ///
    /// Add the policy, or revoke the privilege, which says that nobody is to have it:
    /// `revoke insert, update, delete on public.notes from anon, authenticated;`
    "no-write-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "no policy allows a command that is granted",
        sources: &["pgrls:SEC022"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const WRITES: [(PolicyCommand, &str); 3] =
    [(PolicyCommand::Insert, "INSERT"), (PolicyCommand::Update, "UPDATE"), (PolicyCommand::Delete, "DELETE")];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_policies().filter(|table| !table.is_partition) {
        let granted = cx.catalog.table_access(table);
        let lacks = |(command, _): &&(PolicyCommand, &str)| {
            let allows = |policy: &Policy| policy.permissive && policy.covers(*command);
            granted.iter().any(|access| access.commands().contains(command))
                && !table.policies.values().any(allows)
        };
        let missing: Vec<&str> = WRITES.iter().filter(lacks).map(|(_, word)| *word).collect();
        let Some(span) = table.name_span.filter(|_| !missing.is_empty()) else { continue };
        let message = format!(
            "no policy on {} allows {}, which the API roles are granted",
            table.name,
            in_words(&missing, "or")
        );
        let name = table.name.quoted();
        let found = out.report(span, Identity::new("table", &table.name), message);
        found.note("no policy for it").extent(&missing).help(format!(
            "revoke {} on {name} from anon, authenticated; -- if it is to be so; otherwise create a policy",
            missing.join(", ").to_lowercase()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_is_granted_and_not_allowed() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             --           ^^^^^^^^ info: no policy on public.a allows INSERT or DELETE, which the API roles are granted
             alter table public.a enable row level security;
             create policy p on public.a for update using (id > 0);
             create policy q on public.a as restrictive using (id > 0);
             create table public.b (id bigint);
             alter table public.b enable row level security;
             create policy p on public.b using (id > 0);
             create table public.c (id bigint);
             alter table public.c enable row level security;
             revoke insert, update, delete on public.c from anon, authenticated;
             create policy p on public.c for select using (id > 0);"
        );
    }
}
