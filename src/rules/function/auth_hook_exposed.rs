use crate::access::{in_words, reach_of};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::function::{Function, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::map::IndexMap;
use crate::predicate::{Caller, Conditions, Reach};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds functions for authentication hooks that everybody can call, or that Auth cannot.
    ///
    /// ## Why it matters
    ///
    /// Auth calls a hook as `supabase_auth_admin`. It needs EXECUTE on the function and USAGE of its schema, or
    /// nobody can sign in. Others must not have it: who calls the hook that adds claims to a token learns what
    /// it would add for any user.
    ///
    /// ```sql,bad
    /// create function public.custom_access_token_hook(event jsonb) returns jsonb language plpgsql stable
    ///   as $$ begin return event; end $$;
    /// grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;
    /// ```
    ///
    /// ```sql,good
    /// create function public.custom_access_token_hook(event jsonb) returns jsonb language plpgsql stable
    ///   as $$ begin return event; end $$;
    /// grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;
    /// revoke execute on function public.custom_access_token_hook(jsonb) from public, anon, authenticated;
    /// ```
    ///
    /// With the rights of its caller a hook reads what `supabase_auth_admin` may: each table needs a grant, and a
    /// policy where it has row level security. Without the grant nobody can sign in, without the policy the
    /// hook finds no row.
    ///
    /// It is a warning where others can call a hook that has the rights of its caller: it tells them no more than
    /// they may read.
    ///
    /// A function is a hook if `config.toml` names it, or if it takes one `event jsonb`, returns `jsonb` and was
    /// granted to `supabase_auth_admin`.
    ///
    /// ## How to fix
    ///
    /// `grant execute on function … to supabase_auth_admin;`, `grant usage on schema … to
    /// supabase_auth_admin;` and `revoke execute on function … from public, anon, authenticated;`.
    "auth-hook-exposed" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "an authentication hook is not set up for whom it is",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let catalog = cx.catalog;
    let doubts = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    let auth = Ident::new("supabase_auth_admin");
    for function in catalog.own_functions().filter(|function| !doubts.concern(&function.name)) {
        let configured = catalog.api.auth_hooks.contains(&function.name);
        let granted = function.acl.granted(&Grantee::Role(auth.clone())).contains(Privilege::Execute);
        let Some(span) = function.name_span.filter(|_| configured || granted && takes_event(function)) else {
            continue;
        };
        let signature = function.signature(catalog);
        let object = Identity::new("function", &function.name);
        let callers: Vec<String> = catalog.callers(function).iter().map(|role| role.name.quoted()).collect();
        if !callers.is_empty() {
            let message = format!(
                "{} can call the authentication hook {}, which is for Auth alone",
                in_words(&callers, "and"),
                function.name
            );
            let found = out.report(span, object.clone(), message);
            // It reads no more than the caller may, and what it returns is no token.
            if !function.security_definer.value {
                found.severity(Severity::Warning);
            }
            found
                .what(format!("{signature} callers"))
                .reach(reach_of(catalog.callers(function), Privilege::Execute))
                .help(format!("revoke execute on function {signature} from public, anon, authenticated;"));
        }
        let schema = &function.name.schema;
        let lacks = if !catalog.can_execute(&auth, function) {
            Some(("EXECUTE on it", format!("grant execute on function {signature} to supabase_auth_admin;")))
        } else if !catalog.can_use_namespace(&auth, schema) {
            Some((
                "USAGE of its schema",
                format!("grant usage on schema {} to supabase_auth_admin;", schema.quoted()),
            ))
        } else {
            None
        };
        if let Some((right, help)) = lacks {
            let message = format!(
                "Auth cannot call the hook {}, and nobody can sign in: supabase_auth_admin lacks {right}",
                function.name
            );
            out.report(span, object, message).what(format!("{signature} auth")).help(help);
        } else if !function.security_definer.value {
            report_unread(cx, function, out);
        }
    }
}

/// Reports the tables that a hook with the rights of Auth reads, and that Auth may not read or sees no row of.
fn report_unread(cx: &CatalogCx<'_>, function: &Function, out: &mut Findings) {
    let catalog = cx.catalog;
    let routine = cx.workload.routines.get(&function.oid);
    let Some(routine) = routine.filter(|routine| routine.complete && !routine.catches_errors()) else {
        return;
    };
    let Some(auth) = catalog.roles.get("supabase_auth_admin") else { return };
    let mut read = IndexMap::default();
    routine.walk_relations(&mut |relation| {
        let own = relation.target.and_then(|oid| catalog.tables.get(&oid));
        if let Some(table) = own.filter(|table| table.history.created != Origin::Platform) {
            read.entry(table.oid).or_insert((table, relation.name.span));
        }
    });
    for (table, place) in read.into_values() {
        let unclear = [Aspect::Grants, Aspect::Rls, Aspect::Policies]
            .iter()
            .any(|aspect| catalog.may_have_changed(&table.name, *aspect));
        let may_read = catalog.can_on_any_column(&auth.name, &table.acl, &table.columns, Privilege::Select);
        let (severity, effect, help) = match (may_read, sees_rows(catalog, table, auth)) {
            _ if unclear => continue,
            (false, _) => (
                Severity::Error,
                "which Auth may not read: nobody can sign in",
                format!("grant select on {} to supabase_auth_admin;", table.name.quoted()),
            ),
            (true, false) => (
                Severity::Warning,
                "of which no policy lets Auth see rows: it finds none",
                format!(
                    "create policy \"Auth reads\" on {} for select to supabase_auth_admin using (true);",
                    table.name.quoted()
                ),
            ),
            (true, true) => continue,
        };
        let message = format!("the authentication hook {} reads {}, {effect}", function.name, table.name);
        let found = out.report(place, Identity::new("function", &function.name), message);
        found.severity(severity).what(format!("{} {}", function.signature(catalog), table.name)).help(help);
        found.label(function.name_span, "the hook is made here");
    }
}

/// Whether a policy may let Auth, whose requests have no token, see rows of a table.
fn sees_rows(catalog: &Catalog, table: &Table, auth: &Role) -> bool {
    let may_pass = |policy: &Policy| {
        let mut conditions = Conditions::new(Caller::Anonymous, catalog);
        policy.using.as_ref().is_some_and(|using| {
            let node = conditions.read(&using.value);
            conditions.reach(&node) != Reach::None
        })
    };
    !table.rls.value
        || catalog.is_above_policies(&auth.name, table)
        || table.policies.values().any(|policy| {
            policy.permissive
                && policy.covers(PolicyCommand::Select)
                && catalog.policy_binds(policy, auth)
                && may_pass(policy)
        })
}

/// `(event jsonb) returns jsonb`
fn takes_event(function: &Function) -> bool {
    let mut inputs = function.inputs();
    let event = inputs.next().is_some_and(|input| {
        input.data_type.is_builtin("jsonb") && input.name.as_ref().is_some_and(|name| *name == "event")
    });
    let gives = matches!(&function.returns, Returns::Type(data_type) if data_type.is_builtin("jsonb"));
    event && inputs.next().is_none() && gives
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn hooks_read_what_auth_may() {
        check(
            &RULE,
            "
             create table public.roles (user_id uuid, role text);
             alter table public.roles enable row level security;
             create policy own on public.roles for select using (user_id = auth.uid());
             create table public.plans (user_id uuid, plan text);
             grant select on public.roles to supabase_auth_admin;
             create function public.hook(event jsonb) returns jsonb language plpgsql as $$
             declare found text;
             begin
               select role into found from public.roles where user_id = (event ->> 'user_id')::uuid;
             --                            ^^^^^^^^^^^^ warning: the authentication hook public.hook reads public.roles, of which no policy lets Auth see rows
               select plan into found from public.plans;
             --                            ^^^^^^^^^^^^ error: reads public.plans, which Auth may not read: nobody can sign in
               return jsonb_set(event, '{claims,role}', to_jsonb(found));
             end $$;
             grant execute on function public.hook to supabase_auth_admin;
             revoke execute on function public.hook from public, anon, authenticated;",
        );
        check(
            &RULE,
            "
             create table public.roles (user_id uuid, role text);
             alter table public.roles enable row level security;
             create policy auth on public.roles for select to supabase_auth_admin using (true);
             grant select on public.roles to supabase_auth_admin;
             create table public.plans (user_id uuid, plan text);
             create function public.plan_of(who uuid) returns text language sql security definer as 'select plan from public.plans where user_id = who';
             create function public.hook(event jsonb) returns jsonb language plpgsql as $$
             declare found text;
             begin
               select role into found from public.roles where user_id = (event ->> 'user_id')::uuid;
               return jsonb_set(event, '{claims,plan}', to_jsonb(public.plan_of((event ->> 'user_id')::uuid)));
             end $$;
             grant execute on function public.hook to supabase_auth_admin;
             revoke execute on function public.hook from public, anon, authenticated;
             create function public.tolerant(event jsonb) returns jsonb language plpgsql as $$
             begin
               perform plan from public.plans;
               return event;
             exception when others then return event;
             end $$;
             grant execute on function public.tolerant to supabase_auth_admin;
             revoke execute on function public.tolerant from public, anon, authenticated;",
        );
    }

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create function public.a(event jsonb) returns jsonb language plpgsql as $$ begin return event; end $$;
             --              ^^^^^^^^ warning: anon and authenticated can call the authentication hook public.a
             grant execute on function public.a to supabase_auth_admin;
             create function public.e(event jsonb) returns jsonb language plpgsql security definer as $$ begin return event; end $$;
             --              ^^^^^^^^ error: anon and authenticated can call the authentication hook public.e
             grant execute on function public.e to supabase_auth_admin;
             create function public.b(event jsonb) returns jsonb language plpgsql as $$ begin return event; end $$;
             create schema hooks;
             create function hooks.c(event jsonb) returns jsonb language plpgsql as $$ begin return event; end $$;
             --              ^^^^^^^ error: Auth cannot call the hook hooks.c, and nobody can sign in: supabase_auth_admin lacks USAGE of its schema
             grant execute on function hooks.c to supabase_auth_admin;
             create function public.d(event jsonb) returns jsonb language plpgsql as $$ begin return event; end $$;
             grant execute on function public.d to supabase_auth_admin;
             revoke execute on function public.d from public, anon, authenticated;",
        );
    }
}
