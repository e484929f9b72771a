use crate::map::IndexMap;

use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
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
        let mut told: IndexMap<String, usize> = IndexMap::default();
        for capture in policy.expressions().flat_map(|expr| captures(cx.catalog, table, expr)) {
            let Some(message) = message(cx.catalog, table, policy, &capture) else { continue };
            let span = capture.span;
            if let Some(before) = told.get(&message) {
                out.list[*before].label(span, "and here");
                continue;
            }
            told.insert(message.clone(), out.list.len());
            let object = Identity::part("policy", &table.name, policy.name.as_str());
            let is = shown(cx.catalog, &capture).unwrap_or_default();
            let of =
                cx.catalog.relation_name(capture.relation).map(|(name, schema)| QName::new(schema, name));
            let column = capture.column.quoted();
            let finding = out.report(span, object, message);
            finding
                .what(of.map_or(column.clone(), |of| format!("{of}.{column}")))
                .note(format!("this is {is}"));
            if !capture.certain {
                finding.severity(Severity::Warning);
            }
            finding.label(policy.name_apart_from(span), "the policy is created here");
            finding.help(help(table, &capture));
        }
    }
}

/// The column that a name means, as SQL writes it.
fn shown(catalog: &Catalog, capture: &Capture) -> Option<String> {
    let (inner, schema) = catalog.relation_name(capture.relation)?;
    let inner = match schema == "public" {
        true => inner.quoted(),
        false => format!("{}.{}", schema.quoted(), inner.quoted()),
    };
    Some(format!("{inner}.{}", capture.column.quoted()))
}

/// The column that seems to be meant.
fn meant(table: &Table, capture: &Capture) -> String {
    format!("{}.{}", table.name.name.quoted(), capture.column.quoted())
}

fn message(catalog: &Catalog, table: &Table, policy: &Policy, capture: &Capture) -> Option<String> {
    let (is, meant) = (shown(catalog, capture)?, meant(table, capture));
    let inner = &is[..is.len() - capture.column.quoted().len() - 1];
    let subject = format!("policy {} on {}", policy.name.delimited(), table.name);
    Some(match &capture.kind {
        CaptureKind::Itself if capture.relation == table.oid => format!(
            "{subject} compares {is} with itself, which is true for every row, and never looks at that of its own row"
        ),
        // What else the sub-select asks of the row is not said to be missing.
        CaptureKind::Itself if table.column(capture.column.as_str()).is_some() => format!(
            "{subject} compares {is} with itself, which is true for every row, and never looks at {meant}"
        ),
        CaptureKind::Itself => {
            format!("{subject} compares {is} with itself, which is true for every row")
        }
        CaptureKind::Other(other) => {
            format!("{subject} compares {inner}.{} with {is}, and not with {meant}", other.quoted())
        }
        CaptureKind::File => format!("{subject} takes {is} for the name of the file, which is {meant}"),
    })
}

fn help(table: &Table, capture: &Capture) -> String {
    if table.column(capture.column.as_str()).is_none() {
        return format!("name the column of {} that is to be compared", table.name);
    }
    let meant = meant(table, capture);
    if capture.relation == table.oid && !capture.has_alias {
        let (name, column) = (table.name.name.quoted(), capture.column.quoted());
        return format!(
            "{name} in the sub-select hides the row of the policy: give it another name, as in `from {name} other where other.{column} = {meant}`"
        );
    }
    format!("write {meant} if the row of {} is meant", table.name)
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
             --                                                                                   ^^^^^^^^^^ error: policy \"p\" on public.tasks compares members.project_id with itself, which is true for every row, and never looks at tasks.project_id
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
    fn a_policy_is_told_once_and_what_would_help() {
        let bench = crate::testing::Bench::new(
            "create table profiles (id int, user_id uuid, admin boolean);
             alter table profiles enable row level security;
             create policy p on profiles for update using (auth.uid() = user_id)
               with check (admin = (select admin from profiles where user_id = user_id) and id = (select id from profiles where user_id = user_id));
             create policy q on profiles for select using (exists (select 1 from profiles p where p.user_id = user_id));",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        assert!(
            found[0].message.ends_with(
                "compares profiles.user_id with itself, which is true for every row, and never looks at that of its own row"
            ),
            "{}",
            found[0].message
        );
        let helps: Vec<&str> = found.iter().filter_map(|one| one.help.as_deref()).collect();
        assert_eq!(
            helps,
            [
                "profiles in the sub-select hides the row of the policy: give it another name, as in `from profiles other where other.user_id = profiles.user_id`",
                "write profiles.user_id if the row of public.profiles is meant",
            ]
        );
        assert!(found[0].labels.iter().any(|label| label.text == "and here"));
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
