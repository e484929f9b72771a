use crate::access::{Regained, in_words, reach_of};
use crate::catalog::acl::Grantee;
use crate::catalog::function::Remade;
use crate::catalog::gap::Aspect;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::UsedByRows;
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds functions whose REVOKE was lost when they were dropped and made again.
    ///
    /// ## Why it matters
    ///
    /// A new function starts with the rights of one: everybody may call it, and by Supabase's default
    /// privileges `anon` and `authenticated` by name. What was revoked from the old one goes with it. A new
    /// overload is a function of its own, too; it is an info where it asks who calls.
    ///
    /// ```sql,bad
    /// create function public.purge() returns void language sql security definer set search_path = ''
    ///   as $$ delete from public.todos $$;
    /// revoke execute on function public.purge() from public, anon, authenticated;
    /// drop function public.purge();
    /// create function public.purge() returns void language sql security definer set search_path = ''
    ///   as $$ delete from public.todos where true $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.purge() returns void language sql security definer set search_path = ''
    ///   as $$ delete from public.todos $$;
    /// revoke execute on function public.purge() from public, anon, authenticated;
    /// create or replace function public.purge() returns void language sql security definer
    ///   set search_path = '' as $$ delete from public.todos where true $$;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Use `create or replace`, which keeps the rights, or revoke again after `create function`.
    "recreate-loses-revoke" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a function made anew can be called by everybody again",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    let used = UsedByRows::by_role(cx);
    for function in cx.catalog.own_functions().filter(|function| !doubts.concern(&function.name)) {
        let Some(Regained { loss, how, grantees, callers }) = cx.catalog.regained(function) else { continue };
        let needs = |role: &&Role| used.get(&role.name).is_some_and(|used| used.contains(function.oid));
        let (needing, callers): (Vec<&Role>, Vec<&Role>) = callers.into_iter().partition(needs);
        if callers.is_empty() {
            continue;
        }
        let Some(span) = function.name_span else { continue };
        let reach = reach_of(callers.iter().copied(), Privilege::Execute);
        let callers: Vec<String> = callers.iter().map(|role| role.name.quoted()).collect();
        let rights = if function.security_definer.value { " with its owner's rights" } else { "" };
        let why = match how {
            Remade::Dropped => "it was made again, and what was revoked from the old one is lost",
            Remade::Overloaded => "what was revoked from the other overload does not count for it",
        };
        let message = format!(
            "{} can call {} {}{rights}: {why}",
            in_words(&callers, "and"),
            function.noun(),
            function.name
        );
        let signature = function.signature(cx.catalog);
        let is_meant = |grantee: &&&Grantee| needing.iter().all(|role| ***grantee != role.grantee());
        let mut from: Vec<String> = grantees.iter().filter(is_meant).map(ToString::to_string).collect();
        // What everybody may, they may as well.
        if !grantees.contains(&&Grantee::Public)
            && function.acl.granted(&Grantee::Public).contains(Privilege::Execute)
        {
            from.insert(0, Grantee::Public.to_string());
        }
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.what(signature.clone()).reach(reach).label(loss.had.span(), "revoked here");
        if how == Remade::Dropped {
            found.label(loss.by.span(), "and dropped here");
        }
        let noun = function.noun();
        let mut help = format!("revoke execute on {noun} {signature} from {};", from.join(", "));
        if !needing.is_empty() {
            let to: Vec<String> = needing.iter().map(|role| role.name.quoted()).collect();
            help.push_str(&format!(
                " grant execute on {noun} {signature} to {}; -- a policy, view or default calls it",
                to.join(", ")
            ));
        }
        found.help(help);
        if !function.security_definer.value {
            found.severity(Severity::Warning);
        }
        // It tells callers only of themselves, as the other one was to.
        if how == Remade::Overloaded && cx.workload.body_knows_caller(function.oid) {
            found.severity(Severity::Info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn an_overload_that_asks_who_calls_is_an_info() {
        check(
            &RULE,
            "create table public.todos (user_id uuid);
             create function public.has(u uuid) returns boolean language sql security definer as
               $$ select exists (select from public.todos where user_id = u) $$;
             revoke execute on function public.has(uuid) from public, anon, authenticated;
             create function public.has() returns boolean language sql security definer as
             --              ^^^^^^^^^^ info: what was revoked from the other overload does not count for it
               $$ select exists (select from public.todos where user_id = auth.uid()) $$;
             create function public.has(t text) returns boolean language sql security definer as
             --              ^^^^^^^^^^ error: what was revoked from the other overload
               $$ select exists (select from public.todos) $$;",
        );
    }

    #[test]
    fn who_needs_it_keeps_it() {
        let function =
            "create function public.a() returns bool language sql security definer as $$ select true $$;";
        let revoked = "revoke all on function public.a() from public, anon, authenticated;";
        let table = "create table public.t (id int); alter table public.t enable row level security;";
        let found = |policy: &str| {
            let text = format!("{table} {function} {revoked} drop function public.a(); {function} {policy}");
            Bench::new(&text).run(&RULE, &RULE.options.defaults())
        };
        let found_for_users = found("create policy p on public.t to authenticated using (public.a());");
        assert!(found_for_users[0].message.starts_with("anon can call"), "{found_for_users:?}");
        let help = "revoke execute on function public.a() from public, anon; grant execute on function public.a() to \
                    authenticated; -- a policy, view or default calls it";
        assert_eq!(found_for_users[0].help.as_deref(), Some(help));
        assert_eq!(found("create policy p on public.t using (public.a());"), []);
    }

    #[test]
    fn what_everybody_may_is_taken_as_well() {
        let function =
            "create function public.a() returns int language sql security definer as $$ select 1 $$;";
        let text = format!(
            "{function} revoke all on function public.a() from anon, authenticated; drop function public.a(); {function}"
        );
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        let help = "revoke execute on function public.a() from public, anon, authenticated;";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create function public.a() returns int language sql security definer as $$ select 1 $$;
             revoke all on function public.a() from public, anon;
             drop function public.a();
             create function public.a() returns int language sql security definer as $$ select 2 $$;
             --              ^^^^^^^^ error: anon and authenticated can call function public.a with its owner's rights: it was made again
             create function public.b(int) returns int language sql as $$ select 1 $$;
             revoke all on function public.b(int) from public, anon;
             create function public.b(int, int) returns int language sql as $$ select 2 $$;
             --              ^^^^^^^^ warning: can call function public.b: what was revoked from the other overload
             create function public.c() returns int language sql security definer as $$ select 1 $$;
             revoke all on function public.c() from public, anon, authenticated;
             drop function public.c();
             create function public.c() returns int language sql security definer as $$ select 2 $$;
             revoke all on function public.c() from public, anon, authenticated;
             create function public.d() returns trigger language plpgsql security definer as $$ begin return new; end $$;
             revoke all on function public.d() from public, anon, authenticated;
             drop function public.d();
             create function public.d() returns trigger language plpgsql security definer as $$ begin return new; end $$;
             create schema private;
             create function private.e() returns int language sql security definer as $$ select 1 $$;
             revoke all on function private.e() from public;
             drop function private.e();
             create function private.e() returns int language sql security definer as $$ select 1 $$;
             create function public.f() returns int language sql security definer as $$ select 1 $$;
             drop function public.f();
             create function public.f() returns int language sql security definer as $$ select 1 $$;",
        );
    }

    #[test]
    fn what_is_granted_again_is_meant() {
        check(
            &RULE,
            "
             create function public.a(text) returns int language sql security definer as $$ select 1 $$;
             revoke all on function public.a(text) from public, anon;
             drop function public.a(text);
             create function public.a(text) returns int language sql security definer as $$ select 2 $$;
             revoke all on function public.a(text) from public;
             grant execute on function public.a(text) to anon, authenticated;
             create function public.b() returns int language sql security definer as $$ select 1 $$;
             revoke all on all functions in schema public from public, anon;
             create function public.b(int) returns int language sql security definer as $$ select 2 $$;
             grant all on function public.b(int) to anon, authenticated;",
        );
    }

    #[test]
    fn the_one_with_the_same_arguments_comes_first() {
        check(
            &RULE,
            "
             create function public.a() returns int language sql security definer as $$ select 1 $$;
             create function public.a(uuid) returns int language sql security definer as $$ select 1 $$;
             revoke all on function public.a(uuid) from public, anon, authenticated;
             drop function public.a();
             drop function public.a(uuid);
             create function public.a() returns int language sql security definer as $$ select 2 $$;",
        );
    }
}
