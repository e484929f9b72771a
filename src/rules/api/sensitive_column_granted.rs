use crate::map::IndexMap;

use crate::access::in_words;
use crate::catalog::acl::{AclEntry, Grantee};
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds grants that name a sensitive column of a table of which every row can be read.
    ///
    /// ## Why it matters
    ///
    /// Grants on columns are how the public part of a table is published. One that names `email`
    /// beside `username` publishes the address of every member to anyone with the project's public
    /// API key.
    ///
    /// ```sql,bad
    /// create table public.members (id bigint primary key, username text, email text);
    /// revoke all on public.members from anon, authenticated;
    /// grant select (id, username, email) on public.members to anon;
    /// ```
    ///
    /// ```sql,good
    /// create table public.members (id bigint primary key, username text, email text);
    /// revoke all on public.members from anon, authenticated;
    /// grant select (id, username) on public.members to anon;
    /// ```
    ///
    /// Silent where policies hold the role to some rows: users read their own address. Grants on the
    /// whole table are for `sensitive-column-exposed` and `always-true-read-policy`.
    ///
    /// ## How to fix
    ///
    /// Take the column out: `revoke select (email) on public.members from anon;`
    "sensitive-column-granted" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "sensitive column is granted by name",
        sources: &["pgrls:SEC045"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let granted_by_name =
        |table: &&Table| table.sensitive_columns().any(|column| !column.acl.entries.is_empty());
    for table in cx.catalog.own_tables().filter(granted_by_name) {
        let exposed = cx.catalog.is_exposed(&table.name.schema);
        if exposed && !cx.catalog.may_have_changed(&table.name, Aspect::Grants) {
            of_table(cx, table, out);
        }
    }
}

fn of_table(cx: &CatalogCx<'_>, table: &Table, out: &mut Findings) {
    let open = |role: &&Role| {
        // What is granted on the whole table is for others to say, and so is a policy that is true.
        let opens = |policy: &Policy| {
            policy.command.value == PolicyCommand::Select
                && policy.using.as_ref().is_some_and(|using| cx.rights.lets_all_through(table, policy, using))
        };
        let said_elsewhere = cx.catalog.can(&role.name, &table.acl, Privilege::Select)
            || table.rls.value && table.policies.values().any(opens);
        !said_elsewhere
            && cx.access(table, role, PolicyCommand::Select).is_some_and(|cell| cell.reach == Reach::All)
    };
    let roles: Vec<&Role> = cx.catalog.api_roles().filter(open).collect();
    let mut grants: IndexMap<Span, (Vec<&Column>, Vec<String>)> = IndexMap::default();
    for column in table.sensitive_columns() {
        for entry in &column.acl.entries {
            let Some(span) = entry.origin.span().filter(|_| reads(cx, &roles, entry)) else { continue };
            let (columns, grantees) = grants.entry(span).or_default();
            if !columns.iter().any(|known| known.attnum == column.attnum) {
                columns.push(column);
            }
            if !grantees.contains(&entry.grantee.to_string()) {
                grantees.push(entry.grantee.to_string());
            }
        }
    }
    for (span, (columns, grantees)) in grants {
        let names: Vec<String> = columns.iter().map(|column| column.name.quoted()).collect();
        let whom = match grantees.iter().any(|grantee| grantee == "anon" || grantee == "public") {
            true => "anyone with the project's public API key".to_string(),
            false if grantees == ["authenticated"] => "every signed-in user".to_string(),
            false => format!("a request with the role {}", in_words(&grantees, "or")),
        };
        let message = format!("{whom} can read {} of every row of {}", in_words(&names, "and"), table.name);
        let found =
            out.report(span, Identity::part("column", &table.name, columns[0].name.as_str()), message);
        found.note("granted by name").what(names.join(" ")).extent(&grantees);
        found.label_each(columns.iter().filter_map(|column| Some((column.name_span?, "this can be read"))));
        found.help(format!(
            "revoke select ({}) on {} from {};",
            names.join(", "),
            table.name.quoted(),
            grantees.join(", ")
        ));
    }
}

/// Whether a grant lets one of these roles read.
fn reads(cx: &CatalogCx<'_>, roles: &[&Role], entry: &AclEntry) -> bool {
    let gives = |role: &&&Role| match &entry.grantee {
        Grantee::Public => true,
        Grantee::Role(name) => cx.catalog.inherits(&role.name, name),
    };
    entry.privileges.contains(Privilege::Select) && roles.iter().any(|role| gives(&role))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn grants_that_publish_everybodys() {
        check(
            &RULE,
            "
             create table public.members (id bigint, name text, email text, phone text);
             revoke all on public.members from anon, authenticated;
             grant select (id, email, phone) on public.members to anon;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: anyone with the project's public API key can read email and phone of every row of public.members
             create table public.staff (id bigint, email text, on_leave boolean);
             revoke all on public.staff from anon, authenticated;
             alter table public.staff enable row level security;
             create policy a on public.staff using (on_leave);
             create policy b on public.staff using (on_leave is not true);
             grant select (email) on public.staff to authenticated;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: every signed-in user can read email of every row of public.staff
             ",
        );
    }

    #[test]
    fn own_rows_and_public_columns_are_silent() {
        check(
            &RULE,
            "
             create table public.profiles (id uuid primary key, name text, email text);
             revoke all on public.profiles from anon, authenticated;
             alter table public.profiles enable row level security;
             create policy own on public.profiles for select using (id = (select auth.uid()));
             grant select (id, email) on public.profiles to authenticated;
             create table public.members (id bigint, name text, email text, tax_id uuid);
             revoke all on public.members from anon, authenticated;
             grant select (id, name, tax_id), update (email) on public.members to anon;
             grant select (email) on public.members to service_role;
             create table public.whole (id bigint, email text);
             grant select (email) on public.whole to anon;",
        );
    }
}
