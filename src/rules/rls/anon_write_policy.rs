use crate::access::evaluation::{Evaluation, Object, Reader};
use crate::access::{Access, Read, deed, in_words, only};
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::auth::null_tolerant_identity::gives_orphans;
use crate::rules::clauses::is_for_visitors;
use crate::rules::rls::with_check_drops_row_scope::drops_scope;
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand};

declare_rule! {
    /// Finds policies by which requests without a signed-in user change, delete or add rows.
    ///
    /// ## Why it matters
    ///
    /// The public API key is in every copy of the app, so a condition that asks for no user lets
    /// everybody on the internet write: `using (status = 'draft')` lets them rewrite and delete each
    /// draft.
    ///
    /// ```sql,bad
    /// create table public.posts (id bigint primary key, author uuid, status text);
    /// alter table public.posts enable row level security;
    /// create policy "Drafts" on public.posts using (status = 'draft');
    /// ```
    ///
    /// ```sql,good
    /// create table public.posts (id bigint primary key, author uuid, status text);
    /// alter table public.posts enable row level security;
    /// create policy "Drafts" on public.posts to authenticated
    ///   using (status = 'draft' and author = (select auth.uid()));
    /// ```
    ///
    /// It is an error where rows that are there can be changed or deleted, and a warning where rows
    /// can be added alone, as contact forms need it. Policies that are true for every row are found
    /// by `always-true-write-policy`, and a condition that compares with a setting of the request,
    /// such as a token in a header, is not counted. Rows that belong to nobody are for
    /// `null-tolerant-identity`.
    ///
    /// ## How to fix
    ///
    /// Say `to authenticated`, and whose rows: `(select auth.uid()) = user_id`.
    "anon-write-policy" {
        group: Group::Rls,
        severity: Severity::Error,
        summary: "requests without a signed-in user can write",
        sources: &["pgrls:SEC039"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const WRITES: [(PolicyCommand, &str); 3] =
    [(PolicyCommand::Insert, "add"), (PolicyCommand::Update, "change"), (PolicyCommand::Delete, "delete")];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_in_force().filter(|(_, policy)| policy.permissive) {
        let accesses = cx.catalog.table_access(table);
        let Some(anonymous) = accesses.iter().find(|access| access.role.name == "anon") else { continue };
        let by_it = |(command, _): &&(PolicyCommand, &str)| {
            let reach = cx.rights.policy(table, policy, anonymous.role).of(*command);
            let together = cx.access(table, anonymous.role, *command).map(|cell| cell.reach);
            policy.covers(*command)
                && reach == Reach::Some
                && together == Some(Reach::Some)
                && (*command == PolicyCommand::Insert
                    || cx.rights.touched_of_seen(table, policy, anonymous.role) != Reach::None)
        };
        if !cx.catalog.policy_binds(policy, anonymous.role) {
            continue;
        }
        let written: Vec<_> = WRITES.iter().filter(by_it).collect();
        let Some((clause, last)) = clause(policy, written.last().copied()) else { continue };
        let is_told = cx.rights.way(table, policy).is_some()
            || drops_scope(cx, table, policy)
            || gives_orphans(cx, table, policy);
        if is_told
            || asks_for_more(cx, table, policy, clause, anonymous)
            || reads_nothing(cx, clause, anonymous)
        {
            continue;
        }
        report(table, policy, clause, &written, last, out);
    }
}

/// The clause that decides about a command.
fn clause<'a>(
    policy: &'a Policy,
    written: Option<&(PolicyCommand, &str)>,
) -> Option<(&'a Clause, PolicyCommand)> {
    let command = written?.0;
    let by_check = command == PolicyCommand::Insert;
    let check = policy.with_check.as_ref().filter(|_| by_check);
    check.or(policy.using.as_ref()).map(|clause| (clause, command))
}

/// Whether it depends on something else that the request brings.
fn asks_for_more(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &Policy,
    clause: &Clause,
    anonymous: &Access<'_>,
) -> bool {
    let Read { conditions, node, .. } = cx.rights.clause(table, policy, clause, anonymous.role);
    node.atoms().into_iter().any(|at| conditions.depends_on_caller(at))
}

/// Whether it reads a table that shows nothing to strangers, or by what else they bring: what it is then is not
/// looked into.
fn reads_nothing(cx: &CatalogCx<'_>, clause: &Clause, anonymous: &Access<'_>) -> bool {
    let stranger = Reader::caller(&Ident::new("anon"));
    let shows_nothing = |table: &Table| {
        let cell = cx.access(table, anonymous.role, PolicyCommand::Select);
        let may_show = |policy: &&Policy| {
            policy.permissive
                && policy.covers(PolicyCommand::Select)
                && cx.catalog.policy_binds(policy, anonymous.role)
        };
        let asks = |policy: &Policy| {
            policy.using.as_ref().is_none_or(|using| {
                let Read { conditions, node, .. } = cx.rights.clause(table, policy, using, anonymous.role);
                let atoms = node.atoms();
                !atoms.is_empty() && atoms.into_iter().all(|at| conditions.depends_on_caller(at))
            })
        };
        let shown = cell.filter(|cell| cell.reach != Reach::None);
        shown.is_none() || table.rls.value && table.policies.values().filter(may_show).all(asks)
    };
    Evaluation::new(cx.rights).reached(&clause.value, &stranger).iter().any(|reached| match reached.object {
        Object::Table(table) => reached.reader.role == "anon" && shows_nothing(table),
        _ => false,
    })
}

fn report(
    table: &Table,
    policy: &Policy,
    clause: &Clause,
    written: &[&(PolicyCommand, &str)],
    last: PolicyCommand,
    out: &mut Findings,
) {
    let verbs: Vec<&str> = written.iter().map(|(_, verb)| *verb).collect();
    let message = format!(
        "policy {}: anyone with the project's public API key can {} rows of {} that fit its condition",
        policy.name.delimited(),
        in_words(&verbs, "and"),
        table.name
    );
    let object = Identity::part("policy", &table.name, policy.name.as_str());
    let found = out.report(clause.span, object, message);
    let privileges = only(written.iter().map(|(command, _)| *command));
    found.reach(privileges.iter().map(|privilege| deed("anon", privilege)));
    if last == PolicyCommand::Insert {
        found.severity(Severity::Warning);
    }
    found.note("asks for no signed-in user");
    found.label(policy.name_apart_from(clause.span), "the policy is created here");
    let (name, on) = (policy.name.quoted(), table.name.quoted());
    let narrowed =
        format!("alter policy {name} on {on} to authenticated; -- and say in it whose rows they may be");
    found.help(match last == PolicyCommand::Insert && is_for_visitors(policy) {
        true => format!("right for a form that visitors fill in; otherwise: {narrowed}"),
        false => narrowed,
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check, check_policies};

    fn policies(text: &str) {
        check_policies(&RULE, "id bigint, user_id uuid, open boolean, token text", text);
    }

    #[test]
    fn a_file_is_deleted_by_who_sees_its_bucket() {
        let seen = "create policy seen on storage.objects for select using (bucket_id = 'avatars');";
        let cleanup = "create policy cleanup on storage.objects for delete using (bucket_id = 'mail');";
        let other = "create policy other on storage.objects for select using (bucket_id = 'mail');";
        let count = |sql: &str| Bench::new(sql).run(&RULE, &RULE.options.defaults()).len();
        assert_eq!(count(&format!("{seen} {cleanup}")), 0);
        assert_eq!(count(&format!("{seen} {cleanup} {other}")), 1);
    }

    #[test]
    fn the_table_that_is_asked_may_ask_for_more() {
        let list = "create table public.lists (id bigint, user_id uuid, open boolean);
             alter table public.lists enable row level security;";
        let item = "create policy p on public.a for insert with check (exists (select from public.lists l where l.id = a.id));";
        let own = "user_id = nullif(current_setting('app.user', true), '')::uuid";
        policies(&format!("{list} create policy own on public.lists using ({own}); {item}"));
        policies(&format!(
            "{list} create policy own on public.lists using (open or {own});
             {item}
             --                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: can add rows"
        ));
    }

    #[test]
    fn what_cannot_hold_for_strangers_asks_them_nothing() {
        let carts = "create table public.carts (id bigint, user_id uuid, session text);
             create policy seen on public.carts for select using (user_id = auth.uid() or session is not null);
             alter table public.carts enable row level security;";
        policies(&format!(
            "{carts}
             create policy p on public.a for insert with check (exists (select from public.carts c where c.id = a.id and (c.user_id = auth.uid() or c.session is not null)));
             --                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"p\": anyone with the project's public API key can add rows of public.a"
        ));
        policies(&format!(
            "{carts}
             create policy p on public.a for insert with check (exists (select from public.carts c
               where c.id = a.id and (c.user_id = auth.uid() or c.session = current_setting('app.session', true))));"
        ));
    }

    #[test]
    fn conditions_that_ask_for_nobody() {
        policies(
            "
             create policy read on public.a for select using (open);
             create policy p on public.a for update using (open);
             --                                            ^^^^ error: policy \"p\": anyone with the project's public API key can change rows of public.a that fit its condition
             create policy q on public.a for insert with check (open and token is null);
             --                                                 ^^^^^^^^^^^^^^^^^^^^^^ warning: can add rows",
        );
        policies(
            "
             create policy p on public.a to anon using (open or user_id = auth.uid());
             --                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: can add, change and delete rows",
        );
        check(
            &RULE,
            "
             create policy \"Anyone can upload\" on storage.objects for insert with check (bucket_id = 'avatars');
             --                                                                          ^^^^^^^^^^^^^^^^^^^^^ warning: can add rows of storage.objects",
        );
    }

    #[test]
    fn a_label_that_stands_in_for_no_user_is_no_other_label() {
        let count = |instead: &str| {
            let sql = format!(
                "create type public.kind as enum ('customer', 'admin');
                 create table public.users (id uuid primary key, kind public.kind not null default 'customer');
                 alter table public.users enable row level security; create table public.defaults (kind public.kind);
                 create table public.a (id int primary key); alter table public.a enable row level security;
                 create policy seen on public.a for select using (true);
                 create function public.is_admin() returns boolean language sql stable security definer as $$
                   select coalesce((select kind from public.users where id = auth.uid()), {instead}) = 'admin' $$;
                 create policy p on public.a for update using (public.is_admin());"
            );
            Bench::new(&sql).run(&RULE, &RULE.options.defaults()).len()
        };
        assert_eq!(count("'customer'::public.kind"), 0);
        assert_eq!(count("'customer'::kind"), 0);
        assert_eq!(count("(select kind from public.defaults limit 1)"), 1);
    }

    #[test]
    fn what_needs_a_user_or_opens_all_is_silent() {
        policies(
            "
             create policy p on public.a using (user_id = auth.uid());
             create policy q on public.a for insert with check (true);
             create policy r on public.a for insert with check (auth.uid() is not null and open);
             create policy s on public.a to authenticated using (open);
             create policy t on public.a for select using (open);
             create policy u on public.a using (token = current_setting('request.headers', true)::json ->> 'x-token');",
        );
        policies(
            "
             create policy p on public.a for insert with check (open);
             create policy fence on public.a as restrictive for insert with check (auth.uid() is not null);",
        );
        policies(
            "
             create table public.teams (id bigint primary key);
             alter table public.teams enable row level security;
             create policy seen on public.teams to authenticated using (true);
             create policy p on public.a using (exists (select 1 from public.teams where teams.id = a.id));",
        );
        policies(
            "
             revoke insert, update, delete on public.a from anon;
             create policy p on public.a using (open);",
        );
    }
}
