//! Dumps list what is granted in the database that they were taken from. Made from one, another database gives
//! more: what new objects start with comes on top. What is true of the second alone says so.

use crate::access::deed;
use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::table::Column;
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

const PRIVILEGES: [Privilege; 5] =
    [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete, Privilege::Execute];

/// Where a finding is about, and what is granted there.
struct Granted<'a> {
    created: Origin,
    acl: &'a Acl,
    columns: &'a [Column],
}

/// Says of findings that hold for databases made from a dump, and not for the one it was taken from, that they
/// do. What is about such databases alone is a warning.
pub(crate) fn qualify(catalog: &Catalog, list: &mut [Diagnostic]) {
    for found in list {
        qualify(catalog, &mut found.instances);
        let granted = granted(catalog, &found.object, &found.what);
        if granted.is_empty() || found.message.starts_with("in a database") {
            continue;
        }
        let roles = catalog.api_roles().map(|role| &role.name);
        let deeds: Vec<bool> = roles
            .flat_map(|role| PRIVILEGES.map(|privilege| (role, privilege)))
            .filter(|(role, privilege)| does(found, &deed(role, *privilege)))
            .map(|(role, privilege)| granted.iter().all(|object| object.lists_not(catalog, role, privilege)))
            .collect();
        if deeds.contains(&true) {
            found.message = format!("in a database that is made from this dump, {}", found.message);
        }
        if !deeds.is_empty() && !deeds.contains(&false) {
            found.severity = found.severity.min(Severity::Warning);
        }
    }
}

/// Whether a finding is about this, or about this on a column.
fn does(found: &Diagnostic, deed: &str) -> bool {
    let is_it =
        |one: &String| one.strip_prefix(deed).is_some_and(|rest| rest.is_empty() || rest.starts_with('('));
    found.reach.iter().any(is_it)
}

fn granted<'a>(catalog: &'a Catalog, object: &Identity, what: &str) -> Vec<Granted<'a>> {
    let Some(schema) = &object.schema else { return Vec::new() };
    let name = QName::new(schema.as_str(), object.name.as_str());
    if object.kind == "function" {
        let named = catalog.functions_named(&name);
        let is_meant = |function: &&Function| what.is_empty() || function.signature(catalog) == what;
        let granted = |function: &'a Function| Granted {
            created: function.history.created,
            acl: &function.acl,
            columns: &[],
        };
        return named.filter(is_meant).map(granted).collect();
    }
    let table = catalog.table(&name).map(|table| Granted {
        created: table.history.created,
        acl: &table.acl,
        columns: &table.columns,
    });
    let view = catalog.view(&name).map(|view| Granted {
        created: view.history.created,
        acl: &view.acl,
        columns: &view.columns,
    });
    table.into_iter().chain(view).collect()
}

impl Granted<'_> {
    /// Whether a role holds a privilege only because new objects are granted to it, and the dump that makes
    /// the object says nothing of it.
    fn lists_not(&self, catalog: &Catalog, role: &Ident, privilege: Privilege) -> bool {
        let Origin::Statement(place) = self.created else { return false };
        let holders = [Grantee::Public, Grantee::Role(role.clone())];
        let is_listed = |acl: &Acl| {
            holders.iter().filter_map(|holder| acl.entry(holder)).any(|entry| {
                // What everybody starts with is no grant of the platform's, and dumps leave it out.
                let told = match entry.grantee {
                    Grantee::Public => entry.privileges,
                    Grantee::Role(_) => entry.privileges.without(entry.by_default),
                };
                told.contains(privilege)
            })
        };
        catalog.is_dumped_with_grants(place)
            && !is_listed(self.acl)
            && !self.columns.iter().any(|column| is_listed(&column.acl))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::api::definer_view_exposed::RULE;
    use crate::rules::function::definer_executable_by_anon;
    use crate::testing::check;

    const START: &str = "select pg_catalog.set_config('search_path', '', false);
                         create table public.orders (id bigint, user_id uuid);
                         alter table public.orders enable row level security;
                         create policy own on public.orders for select using (user_id = auth.uid());\n";

    fn dump(text: &str) {
        check(&RULE, &format!("{START}{text}"));
    }

    #[test]
    fn what_a_dump_does_not_grant_is_open_where_it_is_run() {
        dump(
            "
             create view public.sums as select distinct id from public.orders;
             --          ^^^^^^^^^^^ warning: in a database that is made from this dump, anyone with the project's public API key can read every row of view public.sums
             create view public.told as select distinct id from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read
             create view public.half as select distinct id from public.orders;
             --          ^^^^^^^^^^^ error: in a database that is made from this dump, anyone
             grant all on public.sums to service_role;
             grant all on public.told to anon, authenticated, service_role;
             grant all on public.half to authenticated, service_role;",
        );
    }

    #[test]
    fn a_dump_without_grants_says_nothing_of_them() {
        dump(
            "
             create view public.sums as select distinct id from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read",
        );
    }

    #[test]
    fn what_later_files_grant_and_make_counts() {
        dump(
            "
             create view public.sums as select distinct id from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read
             grant all on public.orders to service_role;
             -- file: 2.sql
             grant select on all tables in schema public to anon, authenticated;
             create view public.late as select distinct id from public.orders;
             --          ^^^^^^^^^^^ error: anyone with the project's public API key can read",
        );
    }

    /// That the second is open where the dump is run is for `ineffective-revoke` to say.
    #[test]
    fn everybody_may_call_what_a_dump_says_nothing_of() {
        check(
            &definer_executable_by_anon::RULE,
            &format!(
                "{START}
                 create function public.wipe() returns void language sql security definer as $$ delete from public.orders $$;
                 --              ^^^^^^^^^^^ warning: anyone with the project's public API key can call
                 create function public.clear() returns void language sql security definer as $$ delete from public.orders $$;
                 grant all on table public.orders to service_role;
                 revoke all on function public.clear() from public;
                 grant all on function public.clear() to service_role;"
            ),
        );
    }
}
