use crate::access::opening::{Opening, Way};
use crate::access::{Access, column_reach, describe, in_words, reach};
use crate::catalog::Catalog;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds policies that let every row be read.
    ///
    /// ## Why it matters
    ///
    /// For public content that is how it should be, and the finding is an info. But a policy that
    /// was opened to try something out, or that is for a list of names and shows addresses as well,
    /// hands the whole table to whoever has the public API key: one request,
    /// `/rest/v1/profiles?select=email`, and they are all copied.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key, username text, email text);
    /// alter table public.profiles enable row level security;
    /// create policy "Profiles are public" on public.profiles for select using (true);
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key, username text, email text);
    /// alter table public.profiles enable row level security;
    /// create policy "Users see their own profile" on public.profiles for select to authenticated
    ///   using ((select auth.uid()) = id);
    /// ```
    ///
    /// There is no finding when the name of the policy says that all may read (`public`,
    /// `everyone`, `anyone`, `anon`, `all users`). It is a warning whatever the name when the table
    /// is called `private`, `secret` or `internal`, or has columns that are nobody else's business
    /// by their names, such as `email`, `phone` or `access_token`, and the role may read them. It is an error
    /// where requests without a signed-in user read what lets them in somewhere: an invitation's `token`, an `api_key`.
    ///
    /// Many policies of tables in which nothing looks private are told once.
    ///
    /// ## How to fix
    ///
    /// Say in `using` whose rows may be read. RLS chooses rows, not columns; to publish some
    /// columns, grant those alone: `revoke select on public.profiles from anon, authenticated;` and
    /// `grant select (id, username) on public.profiles to anon, authenticated;`. If all of it is
    /// public, give the policy a name that says so.
    "always-true-read-policy" {
        group: Group::Rls,
        severity: Severity::Info,
        summary: "policy lets every row be read",
        sources: &["pgrls:SEC008", "pgrls:SEC049"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// A policy that opens reading.
struct Open<'a> {
    table: &'a Table,
    policy: &'a Policy,
    access: Vec<Access<'a>>,
    sensitive: Vec<&'a Column>,
    /// Whether strangers can read what opens a door.
    opens_a_door: bool,
    /// Whether the name of the table says that its rows are not for everybody.
    private: bool,
    /// Whether the table is that of files.
    files: bool,
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut plain = Vec::new();
    for (table, policy) in cx.policies_in_force() {
        // Of channels it is realtime-messages-open that speaks.
        let reads = policy.command.value == PolicyCommand::Select && table.name.schema != "realtime";
        let Some(Opening { access, .. }) = cx.rights.opening(Way::Always, table, policy).filter(|_| reads)
        else {
            continue;
        };
        let sensitive = sensitive_columns(cx.catalog, table, &access);
        let files = table.name.schema == "storage" && table.name.name == "objects";
        let opens_a_door = shows_strangers_a_key(cx.catalog, table, &access);
        let open = Open { table, policy, access, sensitive, opens_a_door, private: is_private(table), files };
        if !open.is_plain() {
            report(cx.catalog, &open, out);
        } else if !says_so(policy) {
            plain.push(open);
        }
    }
    let before = out.list.len();
    plain.iter().for_each(|open| report(cx.catalog, open, out));
    if plain.len() > MANY {
        fold(&plain, before, out);
    }
}

impl Open<'_> {
    /// Whether nothing says that the rows are not for everybody.
    fn is_plain(&self) -> bool {
        self.sensitive.is_empty() && !self.private && !self.files
    }

    /// Who reads all of it, and the sensitive columns that are named.
    fn whom(&self, catalog: &Catalog) -> String {
        let reads_named = |access: &&Access<'_>| {
            self.sensitive.iter().all(|column| reads(catalog, self.table, column, access.role))
        };
        let told: Vec<_> = self.access.iter().filter(reads_named).cloned().collect();
        describe(&told, &self.table.name.to_string())
    }
}

fn fold(opens: &[Open<'_>], before: usize, out: &mut Findings) {
    let first = &opens[0];
    let message = format!(
        "{} policies let callers read all of their tables, {} of {} the first of them",
        opens.len(),
        first.policy.name.delimited(),
        first.table.name
    );
    if let Some(habit) = out.fold(before, "policies", message, |one| one.message.clone()) {
        habit.help("right for public content; otherwise name the rows in USING: (select auth.uid()) = …");
    }
}

fn report(catalog: &Catalog, open: &Open<'_>, out: &mut Findings) {
    let Open { table, policy, sensitive, private, files, .. } = open;
    let (private, files) = (*private, *files);
    let Some(clause) = &policy.using else { return };
    let whom = open.whom(catalog);
    let mut message = format!("policy {}: {whom}", policy.name.delimited());
    if !sensitive.is_empty() {
        let (named, more) = sensitive.split_at(sensitive.len().min(3));
        let mut names: Vec<String> = named.iter().map(|column| column.name.quoted()).collect();
        if !more.is_empty() {
            names.push(format!("{} more", more.len()));
        }
        message.push_str(&format!(", with {}", in_words(&names, "and")));
    }
    let (name, on) = (policy.name.quoted(), table.name.quoted());
    let found = out.report(clause.span, Identity::part("policy", &table.name, policy.name.as_str()), message);
    found.reach(reach(&open.access));
    for access in &open.access {
        let read = table.sensitive_columns().filter(|column| reads(catalog, table, column, access.role));
        let names: Vec<String> = read.map(|column| column.name.quoted()).collect();
        found.reach(column_reach(std::slice::from_ref(access), names.iter()));
    }
    if files {
        found.severity(Severity::Warning);
        found.note("true for every file of every bucket, private ones included");
        found.help(format!("alter policy {name} on {on} using (bucket_id = '…');"));
        return;
    }
    found.note("true for every row");
    for column in sensitive.iter().take(3) {
        found.label(column.name_span, format!("{} can be read", column.name.quoted()));
    }
    let to = if policy.binds_anonymous() { "to authenticated " } else { "" };
    let own_rows = table.owner_column(catalog).map(|owner| {
        format!("alter policy {name} on {on} {to}using ((select auth.uid()) = {});", owner.name.quoted())
    });
    if sensitive.is_empty() && private {
        found.severity(Severity::Warning);
        found.help(own_rows.unwrap_or_else(|| format!("alter policy {name} on {on} {to}using (…);")));
    } else if sensitive.is_empty() {
        let otherwise = own_rows.unwrap_or_else(|| "name the rows in USING".to_string());
        found.help(format!("right for public content; otherwise {otherwise}"));
    } else {
        let narrowed = own_rows.unwrap_or_else(|| format!("alter policy {name} on {on} {to}using (…);"));
        found.severity(if open.opens_a_door { Severity::Error } else { Severity::Warning }).help(format!(
            "{narrowed} -- or revoke select on the table and grant it on the public columns alone",
        ));
    }
}

/// Whether the name of a table says that its rows are not for everybody.
fn is_private(table: &Table) -> bool {
    let name = table.name.name.to_lowercase();
    let mut words = name.split(|letter: char| !letter.is_alphanumeric());
    words.any(|word| matches!(word, "private" | "secret" | "secrets" | "internal" | "confidential"))
}

/// Whether the name of a policy says that it is for everybody: then nobody needs to be told.
fn says_so(policy: &Policy) -> bool {
    let name = policy.name.to_lowercase();
    let mut words = name.split(|letter: char| !letter.is_alphanumeric());
    let says_so = |word| {
        let known = ["everyone", "everybody", "anyone", "anybody", "anon", "anonymous", "public", "publicly"];
        known.contains(&word)
    };
    words.any(says_so) || name.contains("all users")
}

/// Whether one of the roles may read a column.
fn reads(catalog: &Catalog, table: &Table, column: &Column, role: &Role) -> bool {
    catalog.can_on_any_column(&role.name, &table.acl, std::slice::from_ref(column), Privilege::Select)
}

fn shows_strangers_a_key(catalog: &Catalog, table: &Table, opened: &[Access<'_>]) -> bool {
    let anonymous = opened.iter().find(|access| access.role.name == "anon");
    anonymous.is_some_and(|anonymous| {
        let mut keys = table.sensitive_columns().filter(|column| column.opens_a_door());
        keys.any(|column| reads(catalog, table, column, anonymous.role))
    })
}

/// The columns that a role may read and should not, of the first role that has any.
fn sensitive_columns<'a>(catalog: &Catalog, table: &'a Table, opened: &[Access<'_>]) -> Vec<&'a Column> {
    let of = |access: &Access<'_>| -> Vec<&'a Column> {
        table.sensitive_columns().filter(|column| reads(catalog, table, column, access.role)).collect()
    };
    opened.iter().map(of).find(|columns| !columns.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn public_content_is_an_info() {
        check(
            &RULE,
            "
             create table public.posts (id bigint, user_id uuid, author_id uuid, body text, email_count int);
             alter table public.posts enable row level security;
             create policy read on public.posts for select to anon, authenticated using (true);
             --                                                                          ^^^^ info: anyone with the project's public API key can read every row of public.posts",
        );
    }

    #[test]
    fn a_name_may_say_so() {
        check(
            &RULE,
            "
             create table public.posts (id bigint, body text);
             alter table public.posts enable row level security;
             create policy \"Posts are viewable by everyone\" on public.posts for select using (true);
             create policy posts_select_public on public.posts for select using (true);
             create policy \"Allow anonymous read access to posts\" on public.posts for select using (true);
             create policy \"anon and authenticated can read\" on public.posts for select using (true);
             create policy publication_read on public.posts for select using (true);
             --                                                               ^^^^ info: public.posts
             create table public.people (id bigint, email text);
             alter table public.people enable row level security;
             create policy public_read on public.people for select using (true);
             --                                                           ^^^^ warning: with email",
        );
    }

    #[test]
    fn sensitive_columns_are_a_warning() {
        check(
            &RULE,
            "
             create table public.people (id bigint, email text, phone text, api_key text, iban text);
             alter table public.people enable row level security;
             create policy read on public.people for select to authenticated using (1 = 1);
             --                                                                     ^^^^^ warning: every signed-in user can read every row of public.people, with email, phone, api_key and 1 more",
        );
    }

    #[test]
    fn keys_are_for_no_stranger() {
        check(
            &RULE,
            "
             create table public.invites (id bigint, token text, fcm_token text);
             alter table public.invites enable row level security;
             create policy anyone on public.invites for select using (true);
             --                                                       ^^^^ error: anyone with the project's public API key can read every row of public.invites, with token
             create table public.devices (id bigint, fcm_token text);
             alter table public.devices enable row level security;
             create policy anyone on public.devices for select using (true);
             --                                                       ^^^^ warning: anyone with the project's public API key can read every row of public.devices, with fcm_token
             create table public.closed (id bigint, token text);
             alter table public.closed enable row level security;
             create policy read on public.closed for select using (true);
             --                                                    ^^^^ warning: every signed-in user can read every row of public.closed, with token
             revoke select on public.closed from anon; grant select (id) on public.closed to anon;",
        );
    }

    #[test]
    fn a_table_may_be_private_by_its_name() {
        let text = "create table public.private_items (id bigint primary key, owner_id uuid references auth.users);
             alter table public.private_items enable row level security;
             create policy public_read on public.private_items for select to authenticated using (true);
             --                                                                                   ^^^^ warning: every signed-in user can read every row of public.private_items
             create table public.privately (id bigint primary key, owner_id uuid references auth.users);
             alter table public.privately enable row level security;
             create policy read on public.privately for select using (true);
             --                                                       ^^^^ info: public.privately";
        check(&RULE, text);
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        let own = "alter policy public_read on public.private_items using ((select auth.uid()) = owner_id);";
        assert_eq!(found[0].help.as_deref(), Some(own));
        let own = "right for public content; otherwise alter policy read on public.privately to authenticated using \
                   ((select auth.uid()) = owner_id);";
        assert_eq!(found[1].help.as_deref(), Some(own));
    }

    #[test]
    fn column_grants_hide_columns() {
        check(
            &RULE,
            "
             create table public.people (id bigint, username text, email text);
             alter table public.people enable row level security;
             revoke select on public.people from anon, authenticated;
             grant select (id, username) on public.people to anon, authenticated;
             create policy read on public.people for select using (true);
             --                                                    ^^^^ info: public.people
             create table public.users (id bigint, username text, email text);
             alter table public.users enable row level security;
             revoke select on public.users from anon, authenticated;
             grant select (id) on public.users to anon; grant select (id, email) on public.users to authenticated;
             create policy read on public.users for select using (true);
             --                                                   ^^^^ warning: every signed-in user can read every row of public.users, with email",
        );
    }

    #[test]
    fn what_opens_nothing_is_silent() {
        check(
            &RULE,
            "
             create table public.a (id bigint, email text);
             alter table public.a enable row level security;
             create policy one on public.a for select to service_role using (true);
             create policy two on public.a as restrictive for select using (true);
             create policy three on public.a for select using (auth.uid() is not null);
             create policy four on public.a for select;
             create table public.fenced (id bigint);
             alter table public.fenced enable row level security;
             create policy open on public.fenced for select using (true);
             create policy fence on public.fenced as restrictive using (id = 1);
             create table public.revoked (id bigint);
             alter table public.revoked enable row level security;
             create policy open on public.revoked for select using (true);
             revoke all on public.revoked from anon, authenticated;
             create table public.off (id bigint);
             create policy open on public.off for select using (true);",
        );
    }

    #[test]
    fn every_file_of_storage_is_a_warning() {
        check(
            &RULE,
            "
             create policy files on storage.objects for select to anon using (true);
             --                                                               ^^^^ warning: can read every row of storage.objects
             create policy channels on realtime.messages for select to authenticated using (true);
             create policy avatars on storage.objects for select using (bucket_id = 'avatars');",
        );
    }
}
