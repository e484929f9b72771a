use crate::access::{in_words, reach_of};
use crate::catalog::acl::Grantee;
use crate::catalog::function::{Function, Returns};
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

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
        }
    }
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
