use crate::access::{COMMANDS, in_words};
use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::role::{Role, Sequence};
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::fold_many;
use crate::sql::expr::{Expr, Literal};
use crate::sql::statement::{ObjectKind, PolicyCommand, Privilege};

declare_rule! {
    /// Finds tables whose policies let a role do something that no grant allows, and tables that a role may
    /// add rows to without the sequence that numbers them.
    ///
    /// ## Why it matters
    ///
    /// A policy chooses rows and gives no right to the table. Where new tables are not granted to the
    /// roles of the API by themselves (`auto_expose_new_tables = false`, and every schema but
    /// `public`), a request for such a table fails with `permission denied for table` however right
    /// its policies are.
    ///
    /// ```sql,bad
    /// -- explicit
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy own on public.todos for select to authenticated using (user_id = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// -- explicit
    /// create table public.todos (id bigint primary key, user_id uuid);
    /// alter table public.todos enable row level security;
    /// create policy own on public.todos for select to authenticated using (user_id = (select auth.uid()));
    /// grant select on public.todos to authenticated;
    /// ```
    ///
    /// A `serial` column takes its number from a sequence with rights of its own: INSERT fails with
    /// `permission denied for sequence` where the role has neither USAGE nor UPDATE on it and the request
    /// gives no number. Identity columns need no such grant.
    ///
    /// A policy for everybody needs a grant to one of the roles. Rights that the project revoked are
    /// not missed, nor are tables without policies, nor what a policy FOR ALL allows beyond what the role
    /// was granted of it.
    ///
    /// ## How to fix
    ///
    /// Grant what the policies are about: `grant select on public.todos to authenticated;`, and
    /// `grant usage on sequence api.todos_id_seq to authenticated;`
    "missing-data-api-grant" {
        group: Group::Api,
        severity: Severity::Warning,
        summary: "policies allow what no grant does",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let is_clear = |table: &&Table| {
        let aspects = [Aspect::Policies, Aspect::Grants];
        cx.catalog.is_exposed(&table.name.schema)
            && !aspects.iter().any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect))
    };
    let tables: Vec<&Table> = cx.catalog.own_tables().filter(is_clear).collect();
    for table in &tables {
        for (column, sequence) in table.numbered_columns(cx.catalog) {
            report_sequence(cx, table, column, sequence, out);
        }
    }
    let before = out.list.len();
    for table in tables {
        // Where tables are granted by themselves, what is not there was taken away.
        if is_granted_by_default(cx.catalog, table) {
            continue;
        }
        let missing: Vec<(&Role, Privileges)> = cx
            .catalog
            .api_roles()
            .map(|role| {
                let taken = cx.catalog.revoked_by_name(table.oid, role);
                (role, missing(cx.catalog, table, role).without(taken))
            })
            .filter(|(_, privileges)| !privileges.is_empty())
            .collect();
        if !missing.is_empty() {
            report(cx.catalog, table, &missing, out);
        }
    }
    fold_many(out, before, "tables", |count| {
        format!("policies of {count} tables are about what no grant allows: requests fail")
    });
}

fn is_granted_by_default(catalog: &Catalog, table: &Table) -> bool {
    let acl = catalog.initial_acl(ObjectKind::Table, &table.owner.value, &table.name.schema);
    let of_rows =
        |role: &Role| COMMANDS.iter().any(|(_, privilege)| catalog.can(&role.name, &acl, *privilege));
    catalog.api_roles().any(of_rows)
}

/// What policies for a role are about and the role may not do.
fn missing(catalog: &Catalog, table: &Table, role: &Role) -> Privileges {
    let holds = |privilege| catalog.can_on_any_column(&role.name, &table.acl, &table.columns, privilege);
    let holds_some = COMMANDS.into_iter().any(|(_, privilege)| holds(privilege));
    let grantable = COMMANDS.into_iter().filter(|(command, privilege)| {
        let wants = |policy: &Policy| {
            policy.permissive
                && policy.covers(*command)
                && !(holds_some && policy.command.value == PolicyCommand::All)
                && names(catalog, table, policy, role, *privilege)
                && policy.gates(*command).all(|clause| clause.value != Expr::Literal(Literal::Bool(false)))
        };
        table.policies.values().any(wants) && !holds(*privilege)
    });
    grantable.fold(Privileges::NONE, |sum, (_, privilege)| sum.union(Privileges::of(&[privilege])))
}

/// Whether a policy is for this role: by name, or for everybody where nobody has the right.
fn names(catalog: &Catalog, table: &Table, policy: &Policy, role: &Role, privilege: Privilege) -> bool {
    let holds = |role: &Role| catalog.can_on_any_column(&role.name, &table.acl, &table.columns, privilege);
    policy.roles.value.iter().any(|grantee| match grantee {
        Grantee::Role(name) => *name == role.name,
        Grantee::Public => role.name == "authenticated" && !catalog.api_roles().any(holds),
    })
}

/// Reports the roles that add rows and may not take a number for them; none where the right was taken away.
fn report_sequence(
    cx: &CatalogCx<'_>,
    table: &Table,
    column: &Column,
    sequence: &Sequence,
    out: &mut Findings,
) {
    let catalog = cx.catalog;
    let by_default = catalog.initial_acl(ObjectKind::Sequence, &sequence.owner, &sequence.name.schema);
    let numbers = |role: &Role, acl: &Acl| {
        [Privilege::Usage, Privilege::Update].iter().any(|privilege| catalog.can(&role.name, acl, *privilege))
    };
    let adds = |role: &Role| {
        cx.access(table, role, PolicyCommand::Insert).is_some_and(|cell| cell.reach != Reach::None)
    };
    let roles: Vec<&str> = catalog
        .api_roles()
        .filter(|role| adds(role) && !numbers(role, &sequence.acl) && !numbers(role, &by_default))
        .map(|role| role.name.as_str())
        .collect();
    let (false, Some(span)) = (roles.is_empty(), column.name_span.or(table.name_span)) else { return };
    if catalog.may_have_changed(&sequence.name, Aspect::Grants) {
        return;
    }
    let has = if roles.len() == 1 { "has" } else { "have" };
    let message = format!(
        "{} may add rows to {} and {has} no USAGE on {}: an INSERT that leaves {} out fails",
        in_words(&roles, "and"),
        table.name,
        sequence.name,
        column.name.quoted()
    );
    out.report(span, Identity::part("column", &table.name, column.name.as_str()), message)
        .note("takes its number from a sequence")
        .extent(&roles)
        .help(format!("grant usage on sequence {} to {};", sequence.name.quoted(), roles.join(", ")));
}

fn report(catalog: &Catalog, table: &Table, missing: &[(&Role, Privileges)], out: &mut Findings) {
    let Some(span) = table.name_span else { return };
    let name = &table.name;
    let words = |privileges: Privileges| -> Vec<&'static str> {
        privileges.iter().map(|privilege| privilege.keyword()).collect()
    };
    let each: Vec<String> = missing
        .iter()
        .map(|(role, privileges)| format!("{} has no {}", role.name, in_words(&words(*privileges), "or")))
        .collect();
    let message =
        format!("{} on {name}, which its policies are about: requests fail", in_words(&each, "and"));
    let mut help: Vec<String> = Vec::new();
    for (role, privileges) in missing {
        if !catalog.can_use_namespace(&role.name, &name.schema) {
            help.push(format!("grant usage on schema {} to {};", name.schema.quoted(), role.name.quoted()));
        }
        let rights = words(*privileges).join(", ").to_lowercase();
        help.push(format!("grant {rights} on {} to {};", name.quoted(), role.name.quoted()));
    }
    let found = out.report(span, Identity::new("table", name), message);
    found.note("granted to nobody by default");
    for (role, privileges) in missing {
        found.extent(privileges.iter().map(|privilege| format!("{} by {}", privilege.keyword(), role.name)));
    }
    found.label_each(table.policies.values().map(|policy| (policy.name_span, "this policy has no effect")));
    found.help(help.join(" "));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn what_was_taken_before_it_was_given_to_nobody_is_not_missed() {
        let table = "create table public.todos (id bigint primary key, user_id uuid);
             alter table public.todos enable row level security;
             create policy own on public.todos for select to authenticated using (user_id = auth.uid());";
        let closed =
            "alter default privileges in schema public revoke all on tables from anon, authenticated;";
        let found = |text: String| Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let taken = "revoke all privileges on all tables in schema public from anon, authenticated;";
        assert_eq!(found(format!("{table} {taken} {closed}")), []);
        assert_eq!(found(format!("{closed} {table}")).len(), 1);
    }

    #[test]
    fn policies_need_grants() {
        check(
            &RULE,
            "-- explicit
             create table public.todos (id bigint, user_id uuid);
             --           ^^^^^^^^^^^^ warning: authenticated has no SELECT or INSERT on public.todos, which its policies are about: requests fail
             alter table public.todos enable row level security;
             create policy own on public.todos for select to authenticated using (user_id = auth.uid());
             create policy add on public.todos for insert with check (user_id = auth.uid());
             create table public.granted (id bigint, user_id uuid);
             alter table public.granted enable row level security;
             create policy own on public.granted for select using (user_id = auth.uid());
             grant select on public.granted to authenticated;
             create table public.server (id bigint);
             alter table public.server enable row level security;
             create policy none on public.server using (false);
             create policy server on public.server to service_role using (true);",
        );
    }

    #[test]
    fn what_is_granted_of_a_policy_for_all_was_chosen() {
        check(
            &RULE,
            "-- explicit
             create table public.chosen (id bigint, user_id uuid);
             alter table public.chosen enable row level security;
             create policy own on public.chosen to authenticated using (user_id = auth.uid());
             grant select, insert on public.chosen to authenticated;
             create table public.named (id bigint, user_id uuid);
             --           ^^^^^^^^^^^^ warning: authenticated has no DELETE on public.named
             alter table public.named enable row level security;
             create policy own on public.named to authenticated using (user_id = auth.uid());
             create policy gone on public.named for delete to authenticated using (user_id = auth.uid());
             grant select, insert on public.named to authenticated;
             create table public.closed (id bigint, user_id uuid);
             --           ^^^^^^^^^^^^^ warning: authenticated has no SELECT, INSERT, UPDATE or DELETE on public.closed
             alter table public.closed enable row level security;
             create policy own on public.closed to authenticated using (user_id = auth.uid());",
        );
    }

    #[test]
    fn other_schemas_are_granted_to_nobody() {
        let text = "-- exposed: public, api
             create schema api;
             create table api.todos (id bigint, user_id uuid);
             alter table api.todos enable row level security;
             create policy own on api.todos for select to authenticated using (user_id = auth.uid());";
        let help = "grant usage on schema api to authenticated; grant select on api.todos to authenticated;";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    #[test]
    fn serial_columns_need_their_sequence() {
        check(
            &RULE,
            "-- exposed: api
             create schema api;
             grant usage on schema api to anon, authenticated;
             create table api.todos (id bigserial primary key, task text);
             --                      ^^ warning: authenticated may add rows to api.todos and has no USAGE on api.todos_id_seq: an INSERT that leaves id out fails
             grant insert, select on api.todos to authenticated;
             grant select on api.todos to anon;
             create table api.identities (id bigint generated by default as identity, task text);
             create table api.numbered (id serial, task text);
             create table api.own (id serial, task text);
             create table api.read_only (id serial, task text);
             create table api.closed (id serial, task text);
             alter table api.closed enable row level security;
             grant insert, select on api.identities, api.numbered, api.own, api.closed to authenticated;
             grant select on api.read_only to authenticated;
             grant usage on sequence api.numbered_id_seq to authenticated;
             alter table api.own alter column id drop default;",
        );
        let text = "-- exposed: api
             create schema api; grant usage on schema api to anon, authenticated;
             create table api.t (id serial); grant insert on api.t to anon, authenticated;";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(
            found[0].help.as_deref(),
            Some("grant usage on sequence api.t_id_seq to anon, authenticated;")
        );
    }

    /// `auto_expose_new_tables = false` leaves UPDATE on sequences, by which they give numbers, too.
    #[test]
    fn sequences_of_public_give_numbers_unless_they_are_closed() {
        let table = "create table public.t (id serial); grant insert on public.t to anon, authenticated;";
        for text in [
            table.to_string(),
            format!("-- explicit\n{table}"),
            format!("{table} revoke all on sequence public.t_id_seq from anon, authenticated;"),
        ] {
            assert_eq!(Bench::new(&text).run(&RULE, &RULE.options.defaults()), [], "{text}");
        }
    }

    #[test]
    fn what_was_revoked_is_not_missed() {
        let text = "create table todos (id bigint); alter table todos enable row level security;
             create policy p on todos for select to anon using (true); revoke all on todos from anon;";
        assert_eq!(Bench::new(text).run(&RULE, &RULE.options.defaults()), []);
    }
}
