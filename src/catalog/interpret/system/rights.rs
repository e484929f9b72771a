//! Roles, and what they may do.

use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::interpret::system::{Printed, Row, Wanted, row, yes_no};
use crate::catalog::interpret::value::{Object, Value};
use crate::catalog::role::Role;
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, ObjectKind, PolicyCommand, Privilege};

/// A role as policies keep it: PUBLIC is none.
fn role_oid(role: &Grantee) -> Value {
    match role {
        Grantee::Public => Value::Number(0),
        Grantee::Role(role) => Value::Object(Object::Role(role.clone())),
    }
}

/// Who is a member of which role.
pub(super) fn memberships(catalog: &Catalog) -> Vec<Row> {
    let of = |role: &Role| {
        let member = Value::Object(Object::Role(role.name.clone()));
        let all = role.member_of.keys().map(move |of| {
            row([("roleid", Value::Object(Object::Role(of.clone()))), ("member", member.clone())])
        });
        all.collect::<Vec<_>>()
    };
    catalog.roles.values().flat_map(of).collect()
}

pub(super) fn policies(catalog: &Catalog, wanted: &Wanted, printed: Option<&Printed>, raw: bool) -> Vec<Row> {
    let name = if raw { "polname" } else { "policyname" };
    let tables = wanted.tables(catalog, "tablename", "polrelid").into_iter();
    let all = tables
        .flat_map(|table| wanted.named(&table.policies, name).into_iter().map(move |policy| (table, policy)));
    all.map(|(table, policy)| {
        let names = policy.roles.value.iter().map(|role| match role {
            Grantee::Public => Value::text("public"),
            Grantee::Role(role) => Value::text(role),
        });
        let (long, short) = match policy.command.value {
            PolicyCommand::All => ("ALL", "*"),
            PolicyCommand::Select => ("SELECT", "r"),
            PolicyCommand::Insert => ("INSERT", "a"),
            PolicyCommand::Update => ("UPDATE", "w"),
            PolicyCommand::Delete => ("DELETE", "d"),
        };
        let clause = |clause: &Option<Clause>, is_check: bool| match (clause, printed) {
            (None, _) => Value::Null,
            (Some(_), None) => Value::Something,
            (Some(clause), Some(printed)) => {
                let print = || catalog.printed_expression(table.oid, &clause.value);
                let mut printed = printed.borrow_mut();
                let text = printed.entry((table.oid, policy.name.clone(), is_check));
                text.or_insert_with(|| print().map_or(Value::Something, Value::text)).clone()
            }
        };
        if raw {
            row([
                ("polname", Value::text(&policy.name)),
                ("polrelid", Value::Object(Object::Relation(table.oid))),
                ("polcmd", Value::text(short)),
                ("polpermissive", Value::Bool(policy.permissive)),
                ("polroles", Value::List(policy.roles.value.iter().map(role_oid).collect())),
                ("polqual", clause(&policy.using, false)),
                ("polwithcheck", clause(&policy.with_check, true)),
            ])
        } else {
            row([
                ("schemaname", Value::text(&table.name.schema)),
                ("tablename", Value::text(&table.name.name)),
                ("policyname", Value::text(&policy.name)),
                ("permissive", Value::text(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" })),
                ("roles", Value::List(names.collect())),
                ("cmd", Value::text(long)),
                ("qual", clause(&policy.using, false)),
                ("with_check", clause(&policy.with_check, true)),
            ])
        }
    })
    .collect()
}

/// What is granted on an object: null where nothing was ever granted or revoked, of which nothing is kept.
pub(super) fn acl(acl: &Acl, kind: ObjectKind, owner: &Ident) -> Value {
    let start = Acl::built_in(kind, owner);
    let or_null = acl.same_rights(&start);
    Value::Acl { items: acl_items(if or_null { &start } else { acl }), or_null }
}

/// The rows of `aclexplode()`. PUBLIC has the number 0.
pub(in crate::catalog::interpret) fn acl_items(acl: &Acl) -> Vec<Value> {
    let entries = acl.entries.iter().flat_map(|entry| {
        let told = entry.privileges.iter().filter(|privilege| *privilege != Privilege::Maintain);
        told.map(move |privilege| (entry, privilege))
    });
    let items = entries.map(|(entry, privilege)| {
        let grantee = match &entry.grantee {
            Grantee::Public => Value::Number(0),
            Grantee::Role(role) => Value::Object(Object::Role(role.clone())),
        };
        Value::Record(row([
            ("grantor", Value::Something),
            ("grantee", grantee),
            ("privilege_type", Value::text(privilege.keyword())),
            ("is_grantable", Value::Bool(entry.grantable.contains(privilege))),
        ]))
    });
    items.collect()
}

pub(super) fn roles(catalog: &Catalog, is_listed: fn(&Role) -> bool) -> Vec<Row> {
    let all = catalog.roles.values().filter(|role| is_listed(role));
    all.map(|role| {
        row([
            ("oid", Value::Object(Object::Role(role.name.clone()))),
            ("rolname", Value::text(&role.name)),
            ("usename", Value::text(&role.name)),
            ("rolsuper", Value::Bool(role.superuser)),
            ("rolbypassrls", Value::Bool(role.bypassrls)),
            ("rolcanlogin", Value::Bool(role.login)),
            ("rolinherit", Value::Bool(role.inherit)),
            ("rolcreaterole", Value::Bool(role.createrole)),
            ("rolcreatedb", Value::Bool(role.createdb)),
            ("rolreplication", Value::Bool(role.replication)),
        ])
    })
    .collect()
}

/// What roles may do with whole tables and views, a row for each privilege.
pub(super) fn table_grants(catalog: &Catalog, wanted: &Wanted) -> Vec<Row> {
    let tables = wanted.tables(catalog, "table_name", "").into_iter().map(|table| (&table.name, &table.acl));
    let views = wanted.views(catalog, "table_name").into_iter().filter(|view| !view.materialized);
    let all = tables.chain(views.map(|view| (&view.name, &view.acl)));
    all.flat_map(|(name, acl)| {
        let entries = acl.entries.iter().flat_map(|entry| {
            let told = entry.privileges.iter().filter(|privilege| *privilege != Privilege::Maintain);
            told.map(move |privilege| (entry, privilege))
        });
        entries.map(move |(entry, privilege)| {
            let grantee = match &entry.grantee {
                Grantee::Public => Value::text("PUBLIC"),
                Grantee::Role(role) => Value::text(role),
            };
            row([
                ("grantee", grantee),
                ("table_schema", Value::text(&name.schema)),
                ("table_name", Value::text(&name.name)),
                ("privilege_type", Value::text(privilege.keyword())),
                ("is_grantable", yes_no(entry.grantable.contains(privilege))),
            ])
        })
    })
    .collect()
}
