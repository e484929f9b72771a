use crate::access::in_words;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::{UsedByRows, deeds, report_callable};

declare_rule! {
    /// Finds functions that run with their owner's rights, that every signed-in user can call, and that do not
    /// ask who calls.
    ///
    /// ## Why it matters
    ///
    /// A `security definer` function is above row level security. What it does for one user it does for
    /// every other, and with open sign-ups anybody is a user. Other roles that were granted to
    /// `authenticator` count as well.
    ///
    /// ```sql,bad
    /// create table public.scores (id bigint primary key, points int);
    /// alter table public.scores enable row level security;
    /// create function public.reset_scores() returns void language sql security definer
    ///   set search_path = '' as $$ update public.scores set points = 0 where true $$;
    /// revoke execute on function public.reset_scores() from public, anon;
    /// ```
    ///
    /// ```sql,good
    /// create table public.scores (id bigint primary key, points int);
    /// alter table public.scores enable row level security;
    /// create function public.reset_scores() returns void language sql security definer
    ///   set search_path = '' as $$ update public.scores set points = 0 where true $$;
    /// revoke execute on function public.reset_scores() from public, anon, authenticated;
    /// ```
    ///
    /// A function that only sees to it that somebody is signed in, as by `if auth.uid() is null then raise …`, does
    /// the same for everybody who is. A function that everybody can call is `definer-executable-by-anon`.
    ///
    /// ## How to fix
    ///
    /// If only the server is to call it: `revoke execute on function … from authenticated;`. Else ask
    /// `(select auth.uid())` in its body, or make it `security invoker`.
    "definer-executable-by-authenticated" {
        group: Group::Function,
        severity: Severity::Info,
        summary: "every user can call a function with its owner's rights",
        sources: &["splinter:0029"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let used = UsedByRows::of(cx.catalog, cx.workload);
    for deed in deeds(cx, &used).iter().filter(|deed| !deed.callers.iter().any(|caller| caller == "anon")) {
        let who = if deed.callers.iter().any(|caller| caller == "authenticated") {
            "every signed-in user".to_string()
        } else {
            format!("a request with the role {}", in_words(&deed.callers, "or"))
        };
        report_callable(cx, deed, &who, out);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.orders (id bigint primary key, user_id uuid, total int);\n\
                          alter table public.orders enable row level security;\n";

    fn function(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn to_be_signed_in_is_for_everybody() {
        function(
            "
             create function public.a(order_no bigint) returns void language plpgsql security definer as $$
             --              ^^^^^^^^ error: every signed-in user can call function public.a, which writes to public.orders with its owner's rights and only asks whether somebody is signed in
             begin
               if auth.uid() is null then raise exception 'no'; end if;
               delete from public.orders where id = order_no;
             end $$;
             create function public.b(order_no bigint) returns void language plpgsql security definer as $$
             --              ^^^^^^^^ error: and only asks whether somebody is signed in
             begin
               if (select auth.role()) <> 'authenticated' or order_no is null then raise exception 'no'; end if;
               delete from public.orders where id = order_no;
             end $$;
             create function public.c(order_no bigint) returns void language sql security definer as $$
             --              ^^^^^^^^ error: and only asks whether somebody is signed in
               delete from public.orders where id = order_no and auth.uid() is not null
             $$;",
        );
    }

    #[test]
    fn who_asks_for_more_is_left_alone() {
        let deletes = "delete from public.orders where id = order_no;";
        for asks in [
            "if auth.uid() is not null then raise exception 'for the server'; end if;",
            "if auth.role() = 'authenticated' then raise exception 'for the server'; end if;",
            "if auth.role() <> 'service_role' then raise exception 'for the server'; end if;",
            "if auth.uid() is null or not public.is_mine(order_no) then raise exception 'no'; end if;",
            "if auth.uid() is null then raise exception 'no'; end if; perform 1 from public.orders where user_id = auth.uid();",
            "if not public.is_boss() then raise exception 'no'; end if;",
            "if not public.is_boss(needed => 'all') then raise exception 'no'; end if;",
        ] {
            function(&format!(
                "create function public.is_mine(bigint) returns boolean language sql stable security definer as
                   $$ select exists (select 1 from public.orders where id = $1 and user_id = auth.uid()) $$;
                 create function public.is_boss(who uuid default auth.uid(), needed text default 'some') returns boolean language sql
                   stable security definer as $$ select who in (select user_id from public.orders where total > length(needed)) $$;
                 create function public.a(order_no bigint) returns void language plpgsql security definer as $$
                   begin {asks} {deletes} end $$;"
            ));
        }
        function(
            "
             create function public.is_boss(who uuid default auth.uid()) returns boolean language sql
               stable security definer as $$ select who in (select user_id from public.orders) $$;
             revoke execute on function public.is_boss(uuid) from public, anon, authenticated;
             create function public.a(order_no bigint, boss uuid) returns void language plpgsql security definer as $$
             --              ^^^^^^^^ error: never asks who calls
             begin if not public.is_boss(boss) then raise exception 'no'; end if; delete from public.orders where id = order_no; end $$;
             revoke execute on function public.a(bigint, uuid) from public, anon;",
        );
    }

    #[test]
    fn to_copy_rows_is_to_give_them_on() {
        function(
            "
             create function public.note(amount int) returns void language sql security definer as $$
             --              ^^^^^^^^^^^ info: every signed-in user can call function public.note
               insert into public.orders (total) values (amount)
             $$;
             revoke execute on function public.note(int) from public, anon;
             grant execute on function public.note(int) to authenticated;
             create function public.copy(template bigint, mine uuid) returns void language sql security definer as $$
             --              ^^^^^^^^^^^ warning: every signed-in user can call function public.copy
               insert into public.orders (user_id, total) select mine, total from public.orders where id = template
             $$;
             revoke execute on function public.copy(bigint, uuid) from public, anon;
             grant execute on function public.copy(bigint, uuid) to authenticated;",
        );
    }

    #[test]
    fn what_execute_made_is_read_as_closely() {
        function(
            "
             create function public.a(order_no bigint) returns void language plpgsql security definer as $$
             begin
               if auth.uid() is null or not exists (select 1 from public.orders where user_id = auth.uid()) then
                 raise exception 'no';
               end if;
               delete from public.orders where id = order_no;
             end $$;
             do $do$ begin execute pg_get_functiondef('public.a(bigint)'::regprocedure); end $do$;",
        );
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a() returns void language sql security definer as $$ delete from public.orders $$;
             --              ^^^^^^^^ warning: every signed-in user can call function public.a, which writes to public.orders
             revoke execute on function public.a() from public, anon;
             create function public.b() returns void language sql security definer as $$ delete from public.orders $$;
             create role editor; grant editor to authenticator; grant usage on schema public to editor;
             create function public.c() returns void language sql security definer as $$ delete from public.orders $$;
             --              ^^^^^^^^ warning: a request with the role editor can call function public.c
             revoke execute on function public.c() from public, anon, authenticated;
             grant execute on function public.c() to editor;",
        );
    }
}
