use crate::access::in_words;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::{Deed, UsedByRows, deeds, is_address, trusted_parameter};

declare_rule! {
    /// Finds functions that act for whoever the caller says that they are.
    ///
    /// ## Why it matters
    ///
    /// A `security definer` function is above row level security. If it takes a user's id as a parameter and
    /// never asks who calls, `rpc('get_orders', { user_id: '…' })` gives each caller the rows of any other.
    /// Where it writes as well, that is an error.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid not null);
    /// alter table public.orders enable row level security;
    /// create function public.cancel_orders(user_id uuid) returns void language sql security definer
    ///   set search_path = '' as $$ delete from public.orders o where o.user_id = cancel_orders.user_id $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, user_id uuid not null);
    /// alter table public.orders enable row level security;
    /// create function public.cancel_orders() returns void language sql security definer
    ///   set search_path = '' as $$ delete from public.orders o where o.user_id = (select auth.uid()) $$;
    /// ```
    ///
    /// Left alone are functions that ask for the caller anywhere, in a helper as well, those that only write an
    /// address down, as a form does, those that also take a secret such as an invitation's token, and those that policies call and that only answer yes or no.
    /// It is an info where a function only reads what is not named like an address or a secret and a GRANT names
    /// `anon`, and an error where it writes, other than rows of a log and what it computes from other rows.
    ///
    /// ## How to fix
    ///
    /// Ask `(select auth.uid())` instead of taking the id, or check it first. A function for the server
    /// alone is kept from requests: `revoke execute on function … from public, anon, authenticated;`.
    "definer-trusts-id-parameter" {
        group: Group::Function,
        severity: Severity::Warning,
        summary: "a function with its owner's rights believes whose id it is given",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let used = UsedByRows::of(cx.catalog, cx.workload);
    for deed in deeds(cx, &used) {
        let Some((parameter, span)) = trusted_parameter(cx, &deed) else { continue };
        let (function, who) = (deed.function, in_words(&deed.callers, "and"));
        let name = parameter.quoted();
        let what = match (deed.writes.is_empty(), deed.given.is_empty()) {
            (false, _) => "writes".to_string(),
            (true, false) => format!("gives {}", in_words(&deed.given, "and")),
            (true, true) => "reads".to_string(),
        };
        let message = format!(
            "{who} can call {} {} for any {name}: it {what} with its owner's rights and {}",
            function.noun(),
            function.name,
            deed.asks_in_words()
        );
        let found = out.report(span, Identity::new("function", &function.name), message);
        found
            .what(function.signature(cx.catalog))
            .note("whatever the caller says")
            .reach(deed.reach.iter().cloned())
            .extent(deed.extent());
        found.label(function.security_definer.origin.span(), "runs with its owner's rights");
        found.label_each(deed.writes.iter().map(|write| (*write, "writes here")));
        // Of strangers only what they write down tells who they are.
        let is_for_strangers = is_address(parameter) && deed.is_for_strangers();
        let is_form = is_for_strangers && deed.only_adds_or_renews();
        found.help(match deed.needed {
            _ if is_form => {
                "right for a form that visitors fill in, if it changes nothing of somebody who has been \
                             there before: on conflict do nothing"
                    .to_string()
            }
            _ if is_for_strangers => {
                "take a token that was sent to the address, and look for that".to_string()
            }
            false => format!(
                "ask (select auth.uid()) instead, or keep the function from the Data API: {}",
                deed.revoked(cx.catalog)
            ),
            true => "ask inside of the function who calls: (select auth.uid())".to_string(),
        });
        found.severity(severity(&deed, is_for_strangers));
    }
}

fn severity(deed: &Deed<'_>, is_for_strangers: bool) -> Severity {
    match (deed.writes.is_empty(), deed.answers()) {
        (false, _) if is_for_strangers => Severity::Warning,
        (false, _) if deed.only_logs() || deed.only_recomputes() => Severity::Warning,
        (false, _) => Severity::Error,
        // It tells no more than whether something is so.
        (true, true) => Severity::Info,
        // A GRANT to anon by name says that the answer is for everybody.
        (true, false) if deed.is_public_by_name() && deed.given.is_empty() => Severity::Info,
        (true, false) => Severity::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.orders (id bigint primary key, user_id uuid, total int, deleted_at timestamptz);\n\
                          alter table public.orders enable row level security;\n";

    fn function(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn what_a_trigger_calls_with_the_rights_of_its_user_is_made_definer_first() {
        let bench = crate::testing::Bench::new(
            "create table public.log (user_id uuid); alter table public.log enable row level security;
             create function public.note(p_user_id uuid) returns void language sql security definer as
               $$ delete from public.log where user_id = p_user_id $$;
             create function public.noting() returns trigger language plpgsql as
               $$ begin perform public.note(new.user_id); return new; end $$;",
        );
        let found = bench.run(&RULE, &RULE.options.defaults());
        let help = found[0].help.as_deref().unwrap_or_default();
        assert!(help.ends_with("first make public.noting security definer, too, which calls it with the rights of its own caller"), "{help}");
    }

    #[test]
    fn what_is_granted_to_anon_by_name_is_for_everybody() {
        function(
            "
             create function public.last(p_user_id uuid) returns bigint language sql security definer as $$
             --                          ^^^^^^^^^ info: anon and authenticated can call function public.last for any p_user_id: it reads
               select max(id) from public.orders where user_id = p_user_id
             $$;
             grant execute on function public.last(uuid) to anon, authenticated;
             create function public.wipe(p_user_id uuid) returns void language sql security definer as $$
             --                          ^^^^^^^^^ error: it writes
               delete from public.orders where user_id = p_user_id
             $$;
             grant execute on function public.wipe(uuid) to anon, authenticated;",
        );
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a(p_user_id uuid) returns setof public.orders language sql security definer as $$
             --                       ^^^^^^^^^ warning: anon and authenticated can call function public.a for any p_user_id: it reads
               select * from public.orders where user_id = p_user_id
             $$;
             create function public.b(uid uuid, amount int) returns void language plpgsql security definer as $$
             --                       ^^^ error: for any uid: it writes
             begin
               update public.orders set total = amount where user_id = uid;
             end $$;
             create function public.ban(user_id_to_ban uuid) returns void language sql security definer as $$
             --                         ^^^^^^^^^^^^^^ error: for any user_id_to_ban: it writes
               update public.orders set total = 0 where user_id = user_id_to_ban
             $$;
             create function public.drop_team(p_team_id uuid) returns void language sql security definer as $$
             --                               ^^^^^^^^^ error: for any p_team_id: it writes
               update public.orders set deleted_at = now() where user_id = p_team_id
             $$;
             create function public.c(p_user_id uuid) returns boolean language sql security definer as $$
             --                       ^^^^^^^^^ info: public.c for any p_user_id
               select exists (select 1 from public.orders where user_id = p_user_id)
             $$;",
        );
    }

    #[test]
    fn rows_of_a_log_change_little() {
        function(
            "
             create table public.error_log (id bigint, user_id uuid, said text);
             create function public.report(p_user_id uuid, said text) returns void language sql security definer as $$
             --                            ^^^^^^^^^ warning: for any p_user_id: it writes
               insert into public.error_log (user_id, said) values (p_user_id, said)
             $$;",
        );
    }

    #[test]
    fn an_address_that_is_only_written_down_says_nothing() {
        function(
            "
             create table public.letters (email text primary key, said text);
             create function public.write_to_us(p_email text, said text) returns void language plpgsql security definer as $$
             begin
               if exists (select 1 from public.letters where email = p_email) then raise exception 'again'; end if;
               insert into public.letters values (p_email, said);
             end $$;
             create function public.write_again(p_email text, said text) returns void language sql security definer as $$
             --                                 ^^^^^^^ error: for any p_email: it writes
               insert into public.letters values (p_email, said) on conflict (email) do update set said = excluded.said
             $$;
             create function public.subscribe(p_email text, said text) returns void language sql security definer as $$
             --                               ^^^^^^^ warning: for any p_email: it writes
               insert into public.letters values (p_email, said) on conflict (email) do update set said = excluded.said
             $$;
             revoke execute on function public.subscribe(text, text) from public, authenticated;
             grant execute on function public.subscribe(text, text) to anon;
             create function public.unsubscribe(p_email text) returns void language sql security definer as $$
             --                                 ^^^^^^^ warning: for any p_email: it writes
               delete from public.letters where email = p_email
             $$;
             revoke execute on function public.unsubscribe(text) from public, authenticated;
             grant execute on function public.unsubscribe(text) to anon;
             create function public.forget(p_email text) returns void language sql security definer as $$
             --                            ^^^^^^^ error: for any p_email: it writes
               delete from public.letters where email = p_email
             $$;
             create function public.charge(p_email text) returns void language plpgsql security definer as $$
             --                            ^^^^^^^ error: for any p_email: it writes
             declare found uuid;
             begin
               select id into found from auth.users where email = p_email;
               update public.orders set total = 1 where user_id = found;
             end $$;",
        );
    }

    #[test]
    fn what_is_computed_is_nobodys_to_choose() {
        function(
            "
             create function public.recount(p_user_id uuid) returns void language plpgsql security definer as $$
             --                             ^^^^^^^^^ warning: for any p_user_id: it writes
             declare counted int;
             begin
               select count(*) into counted from public.orders where user_id = p_user_id;
               update public.orders set total = counted where user_id = p_user_id;
             end $$;",
        );
    }

    #[test]
    fn what_a_view_asks_is_asked() {
        function(
            "
             create view public.mine as select id from public.orders where user_id = (select auth.uid());
             create function public.mine_of(organization_id bigint) returns setof public.orders language sql security definer as $$
               select o.* from public.orders o where o.id = mine_of.organization_id and o.id in (select id from public.mine)
             $$;",
        );
    }

    #[test]
    fn an_address_is_for_nobody() {
        function(
            "
             create function public.mail_of(this_user_id uuid) returns text language sql security definer as $$
             --                             ^^^^^^^^^^^^ warning: for any this_user_id: it gives email of auth.users with its owner's rights
               select u.email from auth.users u where u.id = this_user_id
             $$;
             grant execute on function public.mail_of(uuid) to anon, authenticated;
             create function public.allow(p_user_code text, p_user_id uuid) returns void language sql security definer as $$
             --                                             ^^^^^^^^^ error: for any p_user_id: it writes
               update public.orders set user_id = p_user_id where md5(id::text) = p_user_code
             $$;",
        );
    }

    #[test]
    fn who_acts_is_named_rather_than_whom_it_is_about() {
        function(
            "
             create function public.invite(p_email text, p_order bigint, p_invited_by uuid) returns void language plpgsql security definer as $$
             --                                                          ^^^^^^^^^^^^ error: for any p_invited_by: it writes
             begin
               if not exists (select from public.orders where id = p_order and user_id = p_invited_by) then raise exception 'no'; end if;
               insert into public.orders (total) values (length(p_email));
             end $$;
             create function public.befriend(p_owner_id uuid, p_friend_user_id uuid) returns void language sql security definer as $$
             --                              ^^^^^^^^^^ error: for any p_owner_id: it writes
               update public.orders set user_id = p_friend_user_id where user_id = p_owner_id
             $$;
             create function public.tag(p_friend_user_id uuid) returns void language sql security definer as $$
             --                         ^^^^^^^^^^^^^^^^ error: for any p_friend_user_id: it writes
               update public.orders set total = 0 where user_id = p_friend_user_id
             $$;",
        );
    }

    #[test]
    fn who_asks_or_proves_is_left_alone() {
        function(
            "
             create function public.is_me(wanted uuid) returns boolean language sql stable as $$ select wanted = auth.uid() $$;
             create function public.a(user_id uuid) returns void language plpgsql security definer as $$
             begin
               if not public.is_me(a.user_id) then raise exception 'no'; end if;
               delete from public.orders o where o.user_id = a.user_id;
             end $$;
             create function public.b(user_id uuid, invite_token text) returns void language sql security definer as $$
               delete from public.orders o where o.user_id = b.user_id and md5(b.invite_token) = 'x'
             $$;
             create function public.c(user_id uuid) returns void language sql as $$
               delete from public.orders o where o.user_id = c.user_id
             $$;
             create function public.d(user_id uuid) returns void language sql security definer as $$
               delete from public.orders o where o.user_id = d.user_id
             $$;
             revoke execute on function public.d(uuid) from public, anon, authenticated;
             create function public.e(user_id uuid) returns boolean language sql security definer as $$
               select exists (select 1 from public.orders o where o.user_id = e.user_id)
             $$;
             create policy p on public.orders using (public.e(user_id));
             create function public.f(user_id uuid) returns void language plpgsql security definer as $$
             begin
               execute format('delete from public.orders where user_id = %L', user_id);
             end $$;
             create function public.g(user_id uuid) returns void language plpgsql security definer as $$
             begin
               if current_setting('role') <> 'service_role' then raise exception 'no'; end if;
               delete from public.orders o where o.user_id = g.user_id;
             end $$;
             create function public.h(user_id uuid) returns void language plpgsql security definer as $$
             begin
               if not private.may(user_id) then raise exception 'no'; end if;
               delete from public.orders o where o.user_id = h.user_id;
             end $$;
             create function public.i(p_user_id uuid) returns bigint language sql security definer as $$
               with gone as (delete from public.orders where user_id = auth.uid() returning id)
               select count(*) from gone
             $$;",
        );
    }
}
