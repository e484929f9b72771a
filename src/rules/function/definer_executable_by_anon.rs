use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::{UsedByRows, deeds, report_callable};

declare_rule! {
    /// Finds functions that run with their owner's rights, and that everybody can call who has the public key.
    ///
    /// ## Why it matters
    ///
    /// A `security definer` function is above row level security, and a new function can be called by
    /// everybody until that is revoked. One that never asks who calls does for strangers what it does for
    /// users: `curl …/rest/v1/rpc/reset_scores`.
    ///
    /// ```sql,bad
    /// create table public.scores (id bigint primary key, points int);
    /// alter table public.scores enable row level security;
    /// create function public.reset_scores() returns void language sql security definer
    ///   set search_path = '' as $$ update public.scores set points = 0 where true $$;
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
    /// Left alone are functions that ask for the caller, also in a helper, other than to write down who did it
    /// (`approved_by = auth.uid()`), and those that reach no more than
    /// the caller does anyway. Trigger functions cannot be called. What a policy, a view or a default calls
    /// must stay callable. Functions that a REVOKE was to close and did not are `ineffective-revoke`'s.
    ///
    /// It is an error where a parameter chooses the rows that are changed or deleted, and where the function gives
    /// secrets of the vault, or password hashes and login tokens of `auth.users`. Where a GRANT names the callers, it is one if they can know which rows there are: by a
    /// number, or because the ids are shown to them; and an info if PUBLIC was kept from it and rows are only added, as a form does, and not copied from rows that a parameter chooses. To count
    /// views or votes (`set views = views + 1`) is a warning. It is an info where the function only reads,
    /// unless its result holds columns that are named like an address or a secret, or it has parameters and uses
    /// the vault, or gives every row of a table with row level security and no GRANT names the callers. Where those
    /// rows are somebody's and all of their columns are given, or those that are named like an address or a secret,
    /// that is an error; chosen columns of them are most often there to answer the public. Where the caller has to
    /// know a token or a code, it is an info, and reading is left alone.
    ///
    /// ## How to fix
    ///
    /// If only the server is to call it: `revoke execute on function … from public, anon,
    /// authenticated;`. What calls it with the rights of its own caller has to be `security definer` first. Else ask `(select auth.uid())` in its body, or make it `security invoker`. Do
    /// not revoke what a policy, a view or a default calls.
    "definer-executable-by-anon" {
        group: Group::Function,
        severity: Severity::Warning,
        summary: "everybody can call a function with its owner's rights",
        sources: &["splinter:0028", "pgrls:SEC042"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let used = UsedByRows::of(cx.catalog, cx.workload);
    for deed in deeds(cx, &used).iter().filter(|deed| deed.callers.iter().any(|caller| caller == "anon")) {
        report_callable(cx, deed, "anyone with the project's public API key", out);
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
    fn what_lets_in_is_no_answer() {
        check(
            &RULE,
            "
             create function public.logins() returns setof auth.users language sql security definer as
             --              ^^^^^^^^^^^^^ error: which gives email, encrypted_password, confirmation_token
               $$ select * from auth.users $$;
             create function public.mails() returns setof text language sql security definer as
             --              ^^^^^^^^^^^^ error: which gives email of auth.users
               $$ select email from auth.users $$;
             create function public.mail() returns text language sql security definer as
             --              ^^^^^^^^^^^ warning: which gives email of auth.users
               $$ select email from auth.users where role = 'boss' $$;",
        );
    }

    #[test]
    fn a_range_that_the_caller_gives_chooses_rows() {
        check(
            &RULE,
            "create table public.stats (id bigint primary key, week date);
             alter table public.stats enable row level security;
             create function public.clear(first date, last date) returns void language plpgsql security definer as $$
             --              ^^^^^^^^^^^^ error: public.clear, which writes to public.stats
             begin delete from public.stats where week >= first and week <= last; end $$;
             create function public.tidy(n int) returns void language plpgsql security definer as $$
             --              ^^^^^^^^^^^ warning: public.tidy
             begin delete from public.stats where week < now() - interval '1 year'; end $$;",
        );
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a() returns void language sql security definer as $$ delete from public.orders $$;
             --              ^^^^^^^^ warning: anyone with the project's public API key can call function public.a, which writes to public.orders
             create function public.b() returns bigint language plpgsql security definer as $$
             --              ^^^^^^^^ info: which reads public.orders
             begin return (select count(*) from public.orders); end $$;
             create function public.c() returns void language sql security definer as $$ delete from public.orders where user_id = auth.uid() $$;
             create function public.d() returns trigger language plpgsql security definer as $$ begin delete from public.orders; return new; end $$;
             create function public.i() returns void language plpgsql security definer as $$
             declare me uuid := auth.uid();
             begin delete from public.orders where user_id = me; end $$;
             create function public.e() returns void language sql security definer as $$ delete from public.orders $$;
             revoke execute on function public.e() from public, anon;
             create function public.f() returns int language sql security definer as $$ select 1 $$;
             create schema private;
             create function private.g() returns void language sql security definer as $$ delete from public.orders $$;
             create function public.h(user_id uuid) returns void language sql security definer as $$ delete from public.orders o where o.user_id = h.user_id $$;",
        );
    }

    #[test]
    fn who_gives_every_row_gives_more_than_an_answer() {
        function(
            "
             create function public.a() returns setof public.orders language sql security definer as $$
             --              ^^^^^^^^ error: public.a, which gives all rows of public.orders with its owner's rights
               select * from public.orders
             $$;
             create function public.totals() returns table (user_id uuid, total int) language sql security definer as $$
             --              ^^^^^^^^^^^^^ warning: public.totals, which gives all rows of public.orders
               select user_id, total from public.orders
             $$;
             create function public.b() returns jsonb language plpgsql security definer as $$
             --              ^^^^^^^^ warning: public.b, which gives all rows of public.orders
             begin return (select jsonb_agg(o.total) from public.orders o); end $$;
             create function public.c() returns setof public.orders language sql security definer as $$
             --              ^^^^^^^^ info: public.c, which reads public.orders
               select * from public.orders where total > 100
             $$;
             create function public.d() returns setof public.orders language sql security definer as $$
             --              ^^^^^^^^ info: public.d, which gives all rows of public.orders
               select * from public.orders
             $$;
             grant execute on function public.d() to anon, authenticated;",
        );
    }

    #[test]
    fn who_chooses_the_rows_does_more() {
        function(
            "
             create function public.a(order_no bigint, amount int) returns void language sql security definer as $$
             --              ^^^^^^^^ error: anyone with the project's public API key can call function public.a, which writes
               update public.orders set total = amount where id = order_no
             $$;
             create function public.b(order_no bigint) returns void language plpgsql security definer as $$
             --              ^^^^^^^^ error: public.b
             begin delete from public.orders where id = order_no; end $$;
             create function public.c(amount int) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.c
               insert into public.orders (total) values (amount)
             $$;
             create function public.d(order_no bigint) returns void language sql security definer as $$
             --              ^^^^^^^^ error: public.d
               delete from public.orders where id = order_no
             $$;
             grant execute on function public.d(bigint) to anon, authenticated;
             create function public.e(order_no bigint) returns bigint language sql security definer as $$
             --              ^^^^^^^^ error: public.e
               with gone as (delete from public.orders where id = order_no returning id) select count(*) from gone
             $$;",
        );
    }

    #[test]
    fn who_is_let_by_name_has_to_know_the_rows() {
        function(
            "
             create table public.shops (id uuid primary key, credit int, views int);
             alter table public.shops enable row level security;
             create table public.visits (id uuid primary key, shop_id uuid references public.shops, note text);
             alter table public.visits enable row level security;
             create function public.a(visit uuid, said text) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.a
               update public.visits set note = said where id = visit
             $$;
             create function public.b(shop uuid) returns void language sql security definer as $$
             --              ^^^^^^^^ error: public.b
               delete from public.visits where shop_id = shop
             $$;
             create policy \"all\" on public.shops for select using (true);
             create function public.c(shop uuid) returns void language sql security definer as $$
             --              ^^^^^^^^ error: public.c
               update public.shops set credit = credit + 1 where id = shop
             $$;
             create function public.d(shop uuid) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.d
               update public.shops set views = coalesce(views, 0) + 1 where id = shop
             $$;
             create function public.e(shop uuid, said text) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.e
               insert into public.visits (shop_id, note) values (shop, said)
             $$;
             create function public.f(shop uuid) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.f
               update public.shops set credit = (select count(*) from public.visits where shop_id = shop) where id = shop
             $$;
             create function public.g(age interval) returns void language sql security definer as $$
             --              ^^^^^^^^ warning: public.g
               delete from public.orders where now() - age > to_timestamp(total)
             $$;
             create function public.h(shop uuid, said text) returns void language sql security definer as $$
             --              ^^^^^^^^ info: public.h
               insert into public.visits (shop_id, note) values (shop, said)
             $$;
             revoke execute on function public.h(uuid, text) from public;
             grant execute on all functions in schema public to anon, authenticated;",
        );
    }

    #[test]
    fn who_has_to_know_a_secret_does_less() {
        function(
            "
             create function public.a(invite_token text) returns void language sql security definer as $$
             --              ^^^^^^^^ info: public.a, which writes to public.orders
               update public.orders set total = 0 where md5(id::text) = invite_token
             $$;
             create function public.b(invite_token text) returns bigint language sql security definer as $$
               select total from public.orders where md5(id::text) = invite_token
             $$;",
        );
    }

    #[test]
    fn secrets_are_more_than_rows() {
        function(
            "
             create table public.cron_secrets (key text primary key, value text);
             alter table public.cron_secrets enable row level security;
             create function public.get(which text) returns text language sql security definer as $$
             --              ^^^^^^^^^^ warning: which reads public.cron_secrets
               select value from public.cron_secrets where key = which
             $$;
             create function public.has(which text) returns boolean language sql security definer as $$
             --              ^^^^^^^^^^ info: which reads public.cron_secrets
               select exists (select 1 from public.cron_secrets where key = which)
             $$;",
        );
    }

    #[test]
    fn addresses_are_more_than_rows() {
        function(
            "
             create function public.a(user_ids uuid[]) returns table (mail text) language plpgsql security definer as $$
             --              ^^^^^^^^ warning: which gives email of auth.users with its owner's rights and never asks who calls
             begin return query select email::text from auth.users where id = any (user_ids); end $$;
             create function public.b(mail text) returns uuid language sql security definer as $$
             --              ^^^^^^^^ info: which reads auth.users
               select id from auth.users where email = mail
             $$;",
        );
    }

    #[test]
    fn the_vault_is_kept() {
        function(
            "
             create extension pg_net;
             create function public.get_secret(secret_name text) returns text language plpgsql security definer as $$
             --              ^^^^^^^^^^^^^^^^^ error: which gives decrypted_secret of vault.decrypted_secrets
             declare found text;
             begin select decrypted_secret into found from vault.decrypted_secrets where name = secret_name; return found; end $$;
             create function public.project_url() returns text language sql security definer as $$
               select decrypted_secret from vault.decrypted_secrets where name = 'project_url'
             $$;
             create function public.run(job text) returns bigint language sql security definer as $$
             --              ^^^^^^^^^^ warning: which reads vault.decrypted_secrets
               select net.http_post('https://a.example/' || job, headers := jsonb_build_object('key',
                 (select decrypted_secret from vault.decrypted_secrets where name = 'service_role_key')))
             $$;
             create function public.run_all() returns bigint language sql security definer as $$
             --              ^^^^^^^^^^^^^^ info: which reads vault.decrypted_secrets
               select net.http_post('https://a.example/all', headers := jsonb_build_object('key',
                 (select decrypted_secret from vault.decrypted_secrets where name = 'service_role_key')))
             $$;",
        );
    }

    #[test]
    fn to_note_who_calls_is_not_to_ask() {
        function(
            "
             create table public.requests (id bigint primary key, state text, approved_by uuid);
             alter table public.requests enable row level security;
             create function public.approve(request bigint) returns void language sql security definer as $$
             --              ^^^^^^^^^^^^^^ error: which writes to public.requests with its owner's rights and only notes who calls
               update public.requests set state = 'approved', approved_by = (select auth.uid()) where id = request
             $$;
             create function public.ask_for(state text) returns void language sql security definer as $$
               insert into public.requests (state, approved_by) values (state, auth.uid())
             $$;
             create function public.take_back(request bigint) returns void language plpgsql security definer as $$
             begin
               if auth.uid() is null then raise exception 'no'; end if;
               update public.requests set state = 'open', approved_by = auth.uid() where id = request;
             end $$;",
        );
    }

    #[test]
    fn many_tables_are_counted() {
        function(
            "
             create table public.t1 (id int); create table public.t2 (id int); create table public.t3 (id int); create table public.t4 (id int);
             create function public.a() returns void language sql security definer as $$
             --              ^^^^^^^^ warning: writes to public.orders, public.t1, public.t2 and 2 more with
               delete from public.orders; delete from public.t1; delete from public.t2; delete from public.t3; delete from public.t4
             $$;",
        );
    }

    #[test]
    fn codes_of_countries_are_no_secrets() {
        function(
            "
             create function public.a(country_code text) returns void language sql security definer as $$
             --              ^^^^^^^^ error: public.a, which writes
               update public.orders set total = 0 where md5(id::text) = country_code
             $$;
             create function public.b(token_id bigint) returns void language sql security definer as $$
             --              ^^^^^^^^ error: public.b, which writes
               delete from public.orders where id = token_id
             $$;
             create function public.c(p_api_key_hash text) returns void language sql security definer as $$
             --              ^^^^^^^^ info: public.c, which writes
               delete from public.orders where md5(id::text) = p_api_key_hash
             $$;",
        );
    }

    #[test]
    fn what_was_to_be_closed_is_told_by_others() {
        function(
            "
             create function public.a() returns void language sql security definer as $$ delete from public.orders $$;
             revoke execute on function public.a() from public;
             create function public.b() returns void language sql security definer as $$ delete from public.orders $$;
             revoke execute on function public.b() from public, anon, authenticated;
             drop function public.b();
             create function public.b() returns void language sql security definer as $$ delete from public.orders $$;",
        );
    }

    #[test]
    fn what_policies_call_is_not_to_be_revoked() {
        function(
            "
             create function public.has_orders() returns boolean language sql stable security definer as $$
               select exists (select 1 from public.orders)
             $$;
             create policy p on public.orders using (public.has_orders());",
        );
    }
}
