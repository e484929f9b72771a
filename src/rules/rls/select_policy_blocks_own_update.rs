use crate::access::authority::may_set;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Conditions, Node, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds policies for SELECT that keep users from deleting rows softly.
    ///
    /// ## Why it matters
    ///
    /// An UPDATE that looks for rows must leave them visible: PostgreSQL applies the policies for SELECT to the
    /// new row as well. Where they want `deleted_at is null`, setting `deleted_at` fails with
    /// `new row violates row-level security policy` (42501), although the policy for UPDATE allows it.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid, deleted_at timestamptz);
    /// alter table public.notes enable row level security;
    /// create policy "Users see their notes" on public.notes for select to authenticated
    ///   using (user_id = (select auth.uid()) and deleted_at is null);
    /// create policy "Users change their notes" on public.notes for update to authenticated
    ///   using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid, deleted_at timestamptz);
    /// alter table public.notes enable row level security;
    /// create policy "Users see their notes" on public.notes for select to authenticated
    ///   using (user_id = (select auth.uid()));
    /// create policy "Users change their notes" on public.notes for update to authenticated
    ///   using (user_id = (select auth.uid()));
    /// create view public.current_notes with (security_invoker = true) as
    ///   select * from public.notes where deleted_at is null;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Leave the condition to queries or a view with `security_invoker`, or delete in a function with SECURITY
    /// DEFINER that checks whose row it is.
    "select-policy-blocks-own-update" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "policy for SELECT keeps users from deleting softly",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.tables_with_rls(&[Aspect::Policies, Aspect::Shape, Aspect::Grants]) {
        for column in table.columns.iter().filter(|column| column.is_soft_delete()) {
            let blocking = cx.catalog.api_roles().find_map(|role| blocks(cx, table, column, role));
            if let Some((reads, changes)) = blocking {
                report(table, column, reads, changes, out);
            }
        }
    }
}

/// The policies for SELECT and UPDATE of which the one refuses what the other allows.
fn blocks<'t>(
    cx: &CatalogCx<'_>,
    table: &'t Table,
    column: &Column,
    role: &Role,
) -> Option<(&'t Policy, &'t Policy)> {
    let update = cx.access(table, role, PolicyCommand::Update)?;
    let possible = !matches!(update.reach, Reach::None | Reach::Unknown);
    if !possible || !may_set(cx.catalog, table, column.attnum, &role.name, Privilege::Update) {
        return None;
    }
    let mut conditions = cx.rights.conditions(role);
    let binds = |policy: &&Policy, command| policy.covers(command) && cx.catalog.policy_binds(policy, role);
    let reads: Vec<&Policy> =
        table.policies.values().filter(|policy| binds(policy, PolicyCommand::Select)).collect();
    let changes: Vec<&Policy> =
        table.policies.values().filter(|policy| binds(policy, PolicyCommand::Update)).collect();
    let seen =
        together(&mut conditions, &reads, &|policy| policy.using.as_ref().map(|clause| clause.value.clone()));
    let new = together(&mut conditions, &changes, &|policy| {
        policy.with_check.as_ref().or(policy.using.as_ref()).map(|clause| clause.value.clone())
    });
    let kept = conditions.read(&column.is_kept(table.oid));
    let needs = conditions.implies(&seen, &kept) && !conditions.implies(&new, &kept);
    let first = |list: &[&'t Policy]| list.iter().copied().find(|policy| policy.permissive);
    needs.then(|| first(&reads).zip(first(&changes))).flatten()
}

/// Permissive policies by OR, restrictive ones by AND.
fn together(
    conditions: &mut Conditions<'_>,
    policies: &[&Policy],
    clause: &dyn Fn(&Policy) -> Option<crate::sql::expr::Expr>,
) -> Node {
    let (mut permissive, mut restrictive) = (Vec::new(), Vec::new());
    for policy in policies {
        let Some(expr) = clause(policy) else { continue };
        let node = conditions.read(&expr);
        if policy.permissive { permissive.push(node) } else { restrictive.push(node) }
    }
    Node::all(std::iter::once(Node::any(permissive)).chain(restrictive))
}

fn report(table: &Table, column: &Column, reads: &Policy, changes: &Policy, out: &mut Findings) {
    let Some(clause) = &reads.using else { return };
    let message = format!(
        "setting {} in {} fails with \"new row violates row-level security policy\": policy {} for SELECT wants it \
         unset, also in the new row",
        column.name.quoted(),
        table.name,
        reads.name.delimited(),
    );
    let object = Identity::part("column", &table.name, column.name.as_str());
    let finding = out.report(clause.span, object, message);
    finding.note("must hold for the new row as well");
    finding.label(changes.name_span, "this policy allows the change");
    finding.label(column.name_span, "the column is created here");
    finding.help(
        "leave the condition to queries or to a view with `security_invoker`, or delete in a function with \
         `security definer` that checks whose row it is",
    );
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn the_new_row_must_be_seen() {
        check(
            &RULE,
            "
             create table a (id int primary key, owner uuid, deleted_at timestamptz);
             alter table a enable row level security;
             create policy see on a for select using (owner = auth.uid() and deleted_at is null);
             --                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: setting deleted_at in public.a fails with \"new row violates row-level security policy\": policy \"see\" for SELECT wants it unset
             create policy change on a for update using (owner = auth.uid());
             create table b (id int primary key, owner uuid, is_deleted boolean not null default false);
             alter table b enable row level security;
             create policy see on b for select using (is_deleted = false);
             --                                       ^^^^^^^^^^^^^^^^^^ warning: setting is_deleted in public.b
             create policy change on b for update using (owner = auth.uid());",
        );
    }

    #[test]
    fn what_can_be_set_is_silent() {
        let table = "create table a (id int primary key, owner uuid, deleted_at timestamptz);
             alter table a enable row level security;\n";
        for silent in [
            "create policy see on a for select using (deleted_at is null or owner = auth.uid());
             create policy change on a for update using (owner = auth.uid());",
            "create policy see on a for select using (deleted_at is null);
             create policy change on a for update using (owner = auth.uid() and deleted_at is null);",
            "create policy see on a for select using (deleted_at is null);
             create policy own on a for select using (owner = auth.uid());
             create policy change on a for update using (owner = auth.uid());",
            "create policy see on a for select using (deleted_at is null);",
            "create policy see on a for select using (deleted_at is null);
             create policy change on a for update using (owner = auth.uid());
             revoke update on a from anon, authenticated;",
        ] {
            check(&RULE, &format!("{table}{silent}"));
        }
    }
}
