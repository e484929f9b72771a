use crate::access::authority::may_set;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds tables with soft deletion whose policies show deleted rows.
    ///
    /// ## Why it matters
    ///
    /// A row with `deleted_at` is gone for the app, and not for the Data API: whoever leaves the filter out of
    /// the request reads it. That matters where others than the owner may read.
    ///
    /// ```sql,bad
    /// create table public.posts (id bigint primary key, title text, deleted_at timestamptz);
    /// alter table public.posts enable row level security;
    /// create policy "Posts are public" on public.posts for select using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.posts (id bigint primary key, title text, deleted_at timestamptz);
    /// alter table public.posts enable row level security;
    /// create policy "Posts are public" on public.posts for select using (deleted_at is null);
    /// ```
    ///
    /// Rows that only their owner reads are left alone, and so are tables of which some policy for SELECT asks
    /// for the column. Rows of a team count: all of it reads what one of them deleted.
    ///
    /// ## How to fix
    ///
    /// Ask for the column in the policies for those who may not see what is deleted. Whoever marks rows by an
    /// UPDATE of their own must still see the marked row: then read by a view that asks for the column, or mark rows
    /// in a function.
    "soft-delete-visible" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "policies show rows that are deleted softly",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let before = out.list.len();
    for table in cx.tables_with_rls(&[Aspect::Policies]) {
        let Some(column) = table.columns.iter().find(|column| column.is_soft_delete()) else { continue };
        let asks = |policy: &Policy| {
            let using = policy.using.as_ref().map(|clause| cx.rights.followed(table, policy, clause));
            policy.mentions(table, column.attnum, using.as_slice())
        };
        let reads: Vec<&Policy> =
            table.policies.values().filter(|policy| policy.covers(PolicyCommand::Select)).collect();
        if reads.iter().any(|policy| asks(policy)) {
            continue;
        }
        let shows = |policy: &Policy, wanted: Reach| {
            policy.permissive
                && cx.catalog.api_roles().any(|role| {
                    cx.catalog.policy_binds(policy, role)
                        && cx.rights.policy(table, policy, role).using == Some(wanted)
                        && cx
                            .access(table, role, PolicyCommand::Select)
                            .is_some_and(|cell| cell.reach == wanted)
                })
        };
        let shown = [(Reach::All, ""), (Reach::Tenant, " to all of the group that they belong to")];
        let found = shown.into_iter().find_map(|(reach, whom)| {
            let policy = reads.iter().find(|policy| shows(policy, reach))?;
            Some((policy, policy.using.as_ref()?, whom))
        });
        let Some((policy, clause, whom)) = found else { continue };
        let message = format!(
            "policy {} on {} shows rows that {} marks as deleted{whom}",
            policy.name.delimited(),
            table.name,
            column.name.quoted(),
        );
        let finding =
            out.report(clause.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
        finding.note("true for deleted rows, too").label(column.name_span, "the column is created here");
        let marks = |role: &Role| {
            let cell = cx.access(table, role, PolicyCommand::Update);
            cell.is_some_and(|cell| cell.reach != Reach::None)
                && may_set(cx.catalog, table, column.attnum, &role.name, Privilege::Update)
        };
        let kept = column.kept_condition();
        // The new row has to pass the policies for SELECT as well, where a request reads the row that it changes.
        finding.help(if cx.catalog.api_roles().any(marks) {
            format!(
                "read kept rows by a view with `security_invoker` that asks `where {kept}`; in the policy itself this \
                 would refuse requests that mark a row as deleted, unless a function with `security definer` does so"
            )
        } else {
            format!("add `and {kept}` to the condition")
        });
    }
    fold_many(out, before, "policies", |count| {
        format!("policies of {count} tables show rows that are marked as deleted")
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn what_others_read_counts() {
        check(
            &RULE,
            "
             create table a (id int primary key, owner uuid, deleted_at timestamptz);
             alter table a enable row level security;
             create policy see on a for select using (true);
             --                                       ^^^^ info: policy \"see\" on public.a shows rows that deleted_at marks as deleted
             create table b (id int primary key, owner uuid, is_deleted boolean);
             alter table b enable row level security;
             create policy own on b for select using (owner = auth.uid());
             create table c (id int primary key, is_deleted boolean);
             alter table c enable row level security;
             create policy see on c for select using (true);
             create policy kept on c as restrictive for select using (not is_deleted);
             create table members (team int, who uuid, primary key (team, who));
             alter table members enable row level security;
             create policy own on members for select using (who = auth.uid());
             create table e (id int primary key, team int, deleted_at timestamptz);
             alter table e enable row level security;
             create policy team on e for select using (team in (select m.team from members m where m.who = auth.uid()));
             --                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: policy \"team\" on public.e shows rows that deleted_at marks as deleted to all of the group that they belong to
             create table d (id int primary key, deleted text);
             alter table d enable row level security;
             create policy see on d for select using (true);",
        );
    }

    #[test]
    fn what_is_advised_lets_rows_be_marked() {
        let help = |more: &str| {
            let bench = crate::testing::Bench::new(&format!(
                "create table a (id int primary key, owner uuid, deleted_at timestamptz);
                 alter table a enable row level security;
                 create policy see on a for select using (true); {more}"
            ));
            bench.run(&RULE, &RULE.options.defaults())[0].help.clone().unwrap_or_default()
        };
        assert_eq!(help(""), "add `and deleted_at is null` to the condition");
        let marks = help("create policy change on a for update using (owner = auth.uid());");
        assert!(marks.starts_with("read kept rows by a view with `security_invoker`"), "{marks}");
    }
}
