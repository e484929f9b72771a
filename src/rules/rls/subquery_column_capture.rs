use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::workload::capture::{Capture, CaptureKind, captures};

declare_rule! {
    /// Finds columns in the sub-selects of policies that belong to another table than they seem to.
    ///
    /// ## Why it matters
    ///
    /// A name without a table means a column of the innermost FROM, if there is one of that name.
    /// `m.team_id = team_id` then compares the membership with itself, which is true for every row: whoever is
    /// in one team passes for all of them. It shows in no error, and `\d` prints it as
    /// `m.team_id = m.team_id`.
    ///
    /// ```sql,bad
    /// create table public.members (team_id bigint, user_id uuid);
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (exists (select 1 from public.members m where m.team_id = team_id and m.user_id = auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (team_id bigint, user_id uuid);
    /// create table public.documents (id bigint primary key, team_id bigint);
    /// alter table public.documents enable row level security;
    /// create policy "Members read" on public.documents for select to authenticated
    ///   using (exists (select 1 from public.members m where m.team_id = documents.team_id and m.user_id = auth.uid()));
    /// ```
    ///
    /// In policies of `storage.objects`, `storage.foldername(name)` is the trap where the other table has a
    /// column `name`. A comparison of two different columns of one row is a warning, unless a foreign key
    /// tells what was meant.
    ///
    /// ## How to fix
    ///
    /// Write the policy's table before the column: `documents.team_id`, `objects.name`.
    "subquery-column-capture" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "sub-select compares a column with itself",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.catalog.own_policies() {
        if cx.catalog.may_have_changed(&table.name, Aspect::Policies) {
            continue;
        }
        for capture in policy.expressions().flat_map(|expr| captures(cx.catalog, table, expr)) {
            let Some((inner, schema)) = cx.catalog.relation_name(capture.relation) else { continue };
            let inner = if schema == "public" {
                inner.quoted()
            } else {
                format!("{}.{}", schema.quoted(), inner.quoted())
            };
            let Capture { span, column, kind, certain, .. } = capture;
            let meant = format!("{}.{}", table.name.name.quoted(), column.quoted());
            let is = format!("{inner}.{}", column.quoted());
            let policy_name = policy.name.delimited();
            let message = match &kind {
                CaptureKind::Itself => format!(
                    "policy {policy_name} on {} compares {is} with itself, which is true for every row: no row of {} is \
                     asked about",
                    table.name, table.name
                ),
                CaptureKind::Other(other) => format!(
                    "policy {policy_name} on {} compares {inner}.{} with {is}, and not with {meant}",
                    table.name,
                    other.quoted()
                ),
                CaptureKind::File => format!(
                    "policy {policy_name} on {} takes {is} for the name of the file, which is {meant}",
                    table.name
                ),
            };
            let object = Identity::part("policy", &table.name, policy.name.as_str());
            let finding = out.report(span, object, message);
            finding.what(is.clone()).note(format!("this is {is}"));
            if !certain {
                finding.severity(Severity::Warning);
            }
            finding.label(policy.name_apart_from(span), "the policy is created here");
            if table.column(column.as_str()).is_some() {
                finding.help(format!("write {meant} if the row of {} is meant", table.name));
            } else {
                finding.help(format!("name the column of {} that is to be compared", table.name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table projects (id int primary key, name text, owner uuid);
         create table members (id int primary key, project_id int references projects, user_id uuid, inviter uuid);
         create table tasks (id int primary key, project_id int, user_id uuid);
         alter table projects enable row level security;
         alter table tasks enable row level security;\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn a_column_is_compared_with_itself() {
        policies(
            "
             create policy p on tasks using (exists (select 1 from members m where m.project_id = project_id));
             --                                                                                   ^^^^^^^^^^ error: policy \"p\" on public.tasks compares members.project_id with itself
             create policy q on tasks using (project_id in (select m.project_id from members m
               where project_id = m.project_id and m.user_id = auth.uid()));
             --      ^^^^^^^^^^ error: compares members.project_id with itself
             create policy r on tasks using (exists (select 1 from members m where m.user_id = m.user_id));
             --                                                                                ^^^^^^^^^ error: compares members.user_id with itself",
        );
    }

    #[test]
    fn another_column_of_the_same_row_is_a_warning_without_a_foreign_key() {
        policies(
            "
             create policy p on projects using (exists (select 1 from members m where m.project_id = id and m.user_id = auth.uid()));
             --                                                                                      ^^ error: policy \"p\" on public.projects compares members.project_id with members.id, and not with projects.id
             create policy q on projects using (exists (select 1 from members where project_id = id));
             --                                                                                  ^^ error: compares members.project_id
             create policy r on tasks using (exists (select 1 from members m where m.inviter = user_id));
             --                                                                                ^^^^^^^ warning: compares members.inviter with members.user_id, and not with tasks.user_id",
        );
    }

    #[test]
    fn files_have_a_name_of_their_own() {
        check(
            &RULE,
            "
             create table projects (id uuid primary key, name text, owner uuid);
             create policy p on storage.objects for select using (exists (select 1 from projects p
               where p.owner = auth.uid() and p.id::text = (storage.foldername(name))[1]));
             --                                                                ^^^^ error: policy \"p\" on storage.objects takes projects.name for the name of the file, which is objects.name
             create policy q on storage.objects for select using (exists (select 1 from projects p
               where p.owner = auth.uid() and p.id::text = (storage.foldername(objects.name))[1]));
             create policy r on storage.objects for select using ((storage.foldername(name))[1] in (
               select p.id::text from projects p where p.owner = auth.uid()));",
        );
    }

    #[test]
    fn what_is_meant_is_silent() {
        policies(
            "
             create policy p on tasks using (exists (select 1 from members m where m.project_id = tasks.project_id));
             create policy q on tasks using (exists (select 1 from members where user_id = auth.uid() and project_id = 1));
             create policy s on tasks using (exists (select 1 from tasks a, tasks b where a.project_id = b.project_id));
             create policy t on tasks using (project_id in (select project_id from members where user_id = auth.uid()));
             create policy u on tasks using (exists (select 1 from members where inviter = user_id));",
        );
    }
}
