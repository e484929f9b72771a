use crate::map::IndexSet;

use crate::access::{Access, Shown, describe, in_words, reach};
use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::catalog::view::View;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Expr, QueryBody, RelationRef, Target};

declare_rule! {
    /// Finds views that show `auth.users` to the Data API.
    ///
    /// ## Why it matters
    ///
    /// The platform keeps that table away from the API: it holds everybody's email address, phone
    /// number and password hash. A view reads it with the rights of its owner and passes it on; a
    /// materialised view even keeps a copy. Whoever takes the public API key out of the web page
    /// and asks for `/rest/v1/members` has the address of every user, which is all that a phishing
    /// campaign needs.
    ///
    /// ```sql,bad
    /// create view public.members as select id, email from auth.users;
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key references auth.users, username text);
    /// alter table public.profiles enable row level security;
    /// ```
    ///
    /// Views on such views are followed. It is a warning when the view shows ids and creation times
    /// alone, or none of the columns; an info when it shows callers nothing but their own row.
    ///
    /// ## How to fix
    ///
    /// Copy what may be public, such as a name and an avatar, into a table of your own with row
    /// level security, filled by a trigger on `auth.users`, and drop the view. If only the server
    /// needs the view, take it from the API:
    /// `revoke all on public.members from anon, authenticated;`.
    "auth-users-exposed" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "view shows the users of the project",
        sources: &["splinter:0002", "pgrls:SEC052"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for view in cx.catalog.own_views() {
        let unclear = [Aspect::Views, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&view.name, *aspect));
        let of_users =
            |shown: &Shown<'_>| shown.table.name.schema == "auth" && shown.table.name.name == "users";
        let (mut readers, mut users) = (Vec::new(), None);
        for access in cx.catalog.view_access(view).iter().filter_map(Access::reading) {
            if let Some(shown) = cx.rights.shown_to(access.role, view).into_iter().find(of_users) {
                users = Some(shown);
                readers.push(access);
            }
        }
        if let Some(shown) = users.filter(|_| !unclear) {
            report(cx, view, &readers, shown, out);
        }
    }
}

fn report(cx: &CatalogCx<'_>, view: &View, readers: &[Access<'_>], shown: Shown<'_>, out: &mut Findings) {
    let Some(span) = view.name_span else { return };
    let kind = if view.materialized { "materialised view" } else { "view" };
    let columns = columns_shown(shown.view, shown.table);
    let harmless = |column: &String| matches!(column.as_str(), "id" | "created_at");
    let bound = view.query.as_ref().is_some_and(|query| cx.workload.binds_caller(query))
        || shown.view.query.as_ref().is_some_and(|query| cx.workload.binds_caller(query));
    let private: Vec<_> = columns.iter().filter(|column| !harmless(column)).collect();
    let what = match private.as_slice() {
        [] => "no more than ids and times of auth.users".to_string(),
        [.., _] if private.len() > 4 => "most columns of auth.users".to_string(),
        _ => format!("{} of auth.users", in_words(&private, "and")),
    };
    let bound = bound && !view.materialized;
    let message = if bound {
        format!("{kind} {} shows callers {what}, of their own row", view.name)
    } else {
        format!("{}, with {what}", describe(readers, &format!("{kind} {}", view.name)))
    };
    let found = out.report(span, Identity::new("view", &view.name), message);
    if bound {
        found.severity(Severity::Info);
    } else if private.is_empty() {
        found.severity(Severity::Warning);
    }
    found.extent(&private);
    found.reach(reach(readers)).note("served by the Data API").label(shown.span, "auth.users is read here");
    if shown.view.oid != view.oid {
        found.label(shown.view.name_span, format!("{} passes it on", shown.view.name));
    }
    let sql_kind = if view.materialized { "materialized view" } else { "view" };
    found.help(format!(
        "copy what may be public into a table of your own, and drop {sql_kind} {}; or: revoke all on {} from anon, \
         authenticated;",
        view.name.quoted(),
        view.name.quoted()
    ));
}

/// The columns of a table that a view's result is made of.
fn columns_shown(view: &View, table: &Table) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let all = || table.columns.iter().map(|column| column.name.to_string());
    let Some(query) = &view.query else { return names };
    query.walk_queries(&mut |query| {
        let QueryBody::Select(select) = &query.body else { return };
        let mut from_table = false;
        let mut look = |relation: &RelationRef| from_table |= relation.target == Some(table.oid);
        select.from.iter().for_each(|item| item.walk_relations(&mut look));
        for target in &select.targets {
            target.expr.walk(&mut |part| {
                let Expr::Column(column) = part else { return };
                match column.target {
                    Target::Column { relation, attnum, .. } if relation == table.oid => {
                        names.extend(table.column_at(attnum).map(|column| column.name.to_string()));
                    }
                    Target::Row { relation, .. } if relation == table.oid => names.extend(all()),
                    _ if column.star && column.path.is_empty() && from_table => names.extend(all()),
                    _ => {}
                }
            });
        }
    });
    names.into_iter().collect::<IndexSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn columns_are_named() {
        check(
            &RULE,
            "
             create view public.members as select id, email from auth.users;
             --          ^^^^^^^^^^^^^^ error: anyone with the project's public API key can read every row of view public.members, with email of auth.users
             create view public.everything as select * from auth.users;
             --          ^^^^^^^^^^^^^^^^^ error: with most columns of auth.users
             create table public.profiles (id uuid, name text);
             create view public.joined as
             --          ^^^^^^^^^^^^^ error: with email and phone of auth.users
               select p.name, u.email, u.phone from public.profiles p join auth.users u on u.id = p.id;
             create view public.number as select count(*) from auth.users;
             --          ^^^^^^^^^^^^^ warning: with no more than ids and times of auth.users",
        );
    }

    #[test]
    fn rights_decide() {
        check(
            &RULE,
            "
             create view public.as_caller with (security_invoker = true) as select email from auth.users;
             create view public.revoked as select email from auth.users;
             revoke all on public.revoked from anon, authenticated;
             create schema private;
             create view private.members as select email from auth.users;
             create view public.for_users as select email from auth.users;
             --          ^^^^^^^^^^^^^^^^ error: every signed-in user can read every row
             revoke all on public.for_users from anon;
             create view public.mine as select email from auth.users where id = auth.uid();
             --          ^^^^^^^^^^^ info: shows callers email of auth.users, of their own row",
        );
    }

    #[test]
    fn views_on_views_and_stored_ones_are_followed() {
        check(
            &RULE,
            "
             create schema private;
             create view private.members as select id, email from auth.users;
             create view public.directory as select email from private.members;
             --          ^^^^^^^^^^^^^^^^ error: view public.directory, with email of auth.users
             create materialized view public.stored as select email from auth.users;
             --                       ^^^^^^^^^^^^^ error: materialised view public.stored
             create view private.as_caller with (security_invoker = true) as select email from auth.users;
             create view public.over as select email from private.as_caller;
             create view public.invoking with (security_invoker = true) as select email from private.members;
             --          ^^^^^^^^^^^^^^^ error: every signed-in user can read every row of view public.invoking
             grant select on private.members to authenticated;",
        );
    }

    #[test]
    fn reading_it_in_a_function_is_another_matter() {
        check(
            &RULE,
            "
             create table public.users (id uuid, email text);
             create view public.v as select email from public.users;",
        );
    }
}
