//! CREATE and ALTER POLICY.

use crate::catalog::acl::Grantee;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::origin::{History, Origin};
use crate::catalog::policy::Policy;
use crate::catalog::{Catalog, Relation};
use crate::source::Spanned;
use crate::sql::expr::Oid;
use crate::sql::name::ObjectName;
use crate::sql::statement::{AlterPolicy, Clause, CreatePolicy, ObjectKind, PolicyCommand, RoleName};

pub(super) fn create(catalog: &mut Catalog, statement: &CreatePolicy, origin: Origin) -> Applied {
    let oid = table(catalog, &statement.table)?;
    expect_clauses(statement.command.value, statement.using.as_ref(), statement.with_check.as_ref())?;
    catalog.expect_roles(&statement.roles);
    let policy = Policy {
        former: Vec::new(),
        name: statement.name.value.clone(),
        history: History::new(origin),
        name_span: statement.name.span,
        command: statement.command.clone(),
        permissive: statement.permissive,
        roles: roles(catalog, &statement.roles),
        using: statement.using.as_ref().map(|clause| bind(catalog, oid, clause)),
        with_check: statement.with_check.as_ref().map(|clause| bind(catalog, oid, clause)),
        comment: None,
        known_from: catalog.touched.count(),
    };
    catalog.mark_unfit_policy();
    let Some(table) = catalog.tables.get_mut(&oid) else { return Ok(()) };
    if table.policies.contains_key(&policy.name) {
        let made = table.policies[&policy.name].history.created;
        return Err(Misfit::exists_part(ObjectKind::Policy, &policy.name, &table.name)
            .at(policy.name_span)
            .beside(made.span()));
    }
    table.policies.insert(policy.name.clone(), policy);
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, statement: &AlterPolicy, origin: Origin) -> Applied {
    let oid = table(catalog, &statement.table)?;
    let known = catalog.tables.get(&oid).and_then(|table| table.policies.get(&statement.name.value));
    if let Some(known) = known {
        expect_clauses(known.command.value, statement.using.as_ref(), statement.with_check.as_ref())?;
    }
    let using = statement.using.as_ref().map(|clause| bind(catalog, oid, clause));
    let with_check = statement.with_check.as_ref().map(|clause| bind(catalog, oid, clause));
    if let Some(names) = &statement.roles {
        catalog.expect_roles(names);
    }
    catalog.mark_unfit_policy();
    let roles = statement.roles.as_ref().map(|names| roles(catalog, names));
    let name = &statement.name.value;
    let known_from = catalog.touched.count();
    let Some(policy) = catalog.tables.get_mut(&oid).and_then(|table| table.policies.get_mut(name)) else {
        return Err(Misfit::missing_part(ObjectKind::Policy, name, &statement.table).at(statement.name.span));
    };
    policy.history.touch(origin);
    policy.known_from = known_from;
    policy.using = using.or(policy.using.take());
    policy.with_check = with_check.or(policy.with_check.take());
    if let Some(roles) = roles {
        policy.roles = roles;
    }
    Ok(())
}

/// A command has the clauses for the rows that it reads and for those that it writes.
fn expect_clauses(command: PolicyCommand, using: Option<&Clause>, with_check: Option<&Clause>) -> Applied {
    let refused = |clause: &Clause, why: &str| {
        let mut misfit = Misfit::refused(SqlState::SYNTAX_ERROR, why).at(clause.span);
        misfit.in_policy = true;
        Err(misfit)
    };
    match (command, using, with_check) {
        (PolicyCommand::Insert, Some(using), _) => {
            refused(using, "a policy for INSERT has WITH CHECK alone, and no USING")
        }
        (PolicyCommand::Select | PolicyCommand::Delete, _, Some(with_check)) => {
            refused(with_check, "a policy for SELECT or DELETE has USING alone, and no WITH CHECK")
        }
        _ => Ok(()),
    }
}

impl Catalog {
    /// Notes the roles of a policy that are not there. Those behind PUBLIC are not looked up.
    fn expect_roles(&mut self, names: &Spanned<Vec<RoleName>>) {
        for name in names.value.iter().take_while(|name| **name != RoleName::Public) {
            if let RoleName::Role(role) = name
                && !self.roles.contains_key(role)
            {
                self.unfit.push(Misfit::missing(ObjectKind::Role, role).at(names.span));
            }
        }
    }

    /// What was bound so far is a policy's.
    fn mark_unfit_policy(&mut self) {
        self.unfit.iter_mut().for_each(|misfit| misfit.in_policy = true);
    }
}

fn table(catalog: &Catalog, name: &ObjectName) -> Result<Oid, Misfit> {
    match catalog.resolve_relation(name) {
        Some((_, Relation::Table(oid))) => Ok(oid),
        _ => Err(Misfit::missing(ObjectKind::Table, name)),
    }
}

fn bind(catalog: &mut Catalog, oid: Oid, clause: &Clause) -> Clause {
    let value = super::constraint::bind(catalog, oid, &clause.value);
    let misfit = catalog.is_no_condition(&value).map(|misfit| misfit.at(clause.span));
    catalog.unfit.extend(misfit);
    Clause { value, ..clause.clone() }
}

fn roles(catalog: &Catalog, names: &Spanned<Vec<RoleName>>) -> Spanned<Vec<Grantee>> {
    let mut value: Vec<Grantee> = names.value.iter().map(|name| catalog.grantee(name)).collect();
    // Beside PUBLIC, other roles are ignored.
    if value.contains(&Grantee::Public) {
        value = vec![Grantee::Public];
    }
    Spanned { value, span: names.span }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_refused, check_shapes};

    #[test]
    fn policies_keep_what_is_not_altered() {
        check_shapes(&[
            (
                "create table t (a int); create policy p on t;
                 create policy q on t as restrictive for update to anon, authenticated using (true)
                   with check (a > 0);
                 create policy r on t for insert with check (true);",
                "t",
                &[
                    "1 a integer",
                    "policy p All to public",
                    "policy q restrictive Update to anon, authenticated using check",
                    "policy r Insert to public check",
                ],
            ),
            (
                "create table t (a int); create policy p on t for select using (true);
                 alter policy p on t to anon; alter policy p on t rename to q;",
                "t",
                &["1 a integer", "policy q Select to anon using"],
            ),
            (
                "create table t (a int); create policy p on t using (true);
                 alter policy p on t with check (a > 0); alter table t rename to u;",
                "u",
                &["1 a integer", "policy p All to public using check"],
            ),
        ]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check_refused(
            "create table t (a int); create policy p on t using (true);",
            &[
                ("create policy p on t using (true);", "policy \"p\" on public.t exists already"),
                (
                    "create policy q on t for insert using (true);",
                    "a policy for INSERT has WITH CHECK alone, and no USING",
                ),
                (
                    "create policy q on t for select with check (true);",
                    "a policy for SELECT or DELETE has USING alone, and no WITH CHECK",
                ),
                (
                    "create policy q on missing using (true);",
                    "table public.missing is not made by any statement before this one",
                ),
            ],
        );
    }
}
