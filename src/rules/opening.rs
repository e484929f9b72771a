//! Which rule speaks of a policy that opens a table: the one that says most about it, and no other.

use crate::access::{Access, only};
use crate::catalog::policy::Policy;
use crate::catalog::sensitive::words as words_of;
use crate::catalog::table::Table;
use crate::predicate::{Caller, Conditions, Reach};
use crate::rule::CatalogCx;
use crate::sql::expr::Expr;
use crate::sql::statement::{Clause, PolicyCommand};

/// How a permissive policy opens a table to requests. The first that holds is the one.
#[derive(Debug)]
pub(super) enum Opening<'a> {
    /// Its name says that it is for the server. `service-policy-open-to-public`
    ForServer(Opened<'a>),
    /// It asks who is signed in, and is true when nobody is. `anonymous-read-leak`
    NobodySignedIn(Opened<'a>),
    /// `… or true`. `always-true-branch`
    TrueBranch(Opened<'a>),
    /// It chooses the rows that may be changed, and not what becomes of them.
    /// `with-check-true-scoped-using`
    LooseCheck(Opened<'a>),
    /// Another policy would hold the same command to rows of the caller.
    /// `broad-policy-defeats-scoped-policy`
    DefeatsScoped(Opened<'a>, Vec<&'a Policy>),
    /// It is true for every row. `always-true-write-policy`, `always-true-read-policy`
    Always(Opened<'a>),
    /// It is true for whoever is signed in. `authenticated-only-write-predicate`
    SignedIn(Opened<'a>),
}

/// What a policy opens, and the clause that does it.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) clause: &'a Clause,
    /// The commands that reach every row, by role.
    pub(super) access: Vec<Access<'a>>,
}

impl Opened<'_> {
    pub(super) fn writes(&self) -> bool {
        self.access.iter().any(Access::can_write)
    }

    /// Whether requests without a signed-in user can write.
    pub(super) fn anonymous_writes(&self) -> bool {
        self.access.iter().any(|access| access.role.name == "anon" && access.can_write())
    }
}

pub(super) const COMMANDS: [PolicyCommand; 4] =
    [PolicyCommand::Select, PolicyCommand::Insert, PolicyCommand::Update, PolicyCommand::Delete];

/// How a policy opens its table, if it does.
pub(super) fn of<'a>(cx: &CatalogCx<'a>, table: &'a Table, policy: &'a Policy) -> Option<Opening<'a>> {
    let always = |clause: &&Clause| cx.rights.lets_all_through(table, policy, clause);
    if let Some(clause) = loose_check(cx, table, policy) {
        let access = cx.rights.opened_by(table, policy, &COMMANDS);
        let opened = Opened { clause, access };
        let true_branch = has_true_branch(cx, &clause.value);
        return Some(if true_branch { Opening::TrueBranch(opened) } else { Opening::LooseCheck(opened) });
    }
    let access = cx.rights.opened_by(table, policy, &COMMANDS);
    let first = access.first()?;
    let all = |clause: &&Clause| cx.rights.clause(table, policy, clause, first.role).reach == Reach::All;
    let clause = policy.clauses().find(always).or_else(|| policy.clauses().find(all))?;
    let is_always = always(&clause);
    let opened = Opened { clause, access };
    if is_for_server(table, policy) {
        return Some(Opening::ForServer(opened));
    }
    if !is_always && opens_to_nobody(cx, &opened) {
        return Some(Opening::NobodySignedIn(opened));
    }
    if is_always && has_true_branch(cx, &clause.value) {
        return Some(Opening::TrueBranch(opened));
    }
    let scoped = defeated(cx, table, policy, &opened, is_always);
    Some(match (scoped.is_empty(), is_always) {
        (false, _) => Opening::DefeatsScoped(opened, scoped),
        (true, true) => Opening::Always(opened),
        (true, false) => Opening::SignedIn(opened),
    })
}

/// The WITH CHECK of a policy that looks at rows before a change and at none after it, where
/// requests can make one.
fn loose_check<'a>(cx: &CatalogCx<'a>, table: &'a Table, policy: &'a Policy) -> Option<&'a Clause> {
    let check = policy.with_check.as_ref().filter(|_| policy.using.is_some() && policy.permissive)?;
    let is_loose = |access: &Access<'_>| {
        let reach = cx.rights.policy(table, policy, access.role);
        let update = cx.access(table, access.role, PolicyCommand::Update);
        cx.catalog.policy_binds(policy, access.role)
            && reach.check == Some(Reach::All)
            && matches!(reach.using, Some(Reach::Own | Reach::Tenant | Reach::Some | Reach::Unknown))
            && update.is_some_and(|cell| cell.new_rows == Some(Reach::All) && cell.blind != Reach::None)
    };
    let covers = policy.covers(PolicyCommand::Update);
    (covers && cx.catalog.table_access(table).iter().any(is_loose)).then_some(check)
}

/// Whether it is open to requests without a user because they have none: not because it names
/// `anon`.
fn opens_to_nobody(cx: &CatalogCx<'_>, opened: &Opened<'_>) -> bool {
    let reads = |access: &Access<'_>| access.role.name == "anon" && access.reading().is_some();
    if !opened.access.iter().any(reads) {
        return false;
    }
    let mut by_role = Conditions::new(Caller::Role("anon"), cx.rights);
    let node = by_role.read(&opened.clause.value);
    !by_role.is_always(&node)
}

/// The policies beside it that hold to rows of the caller what it opens. Reading counts if only
/// signed-in users read everything: what is public is public on purpose.
fn defeated<'a>(
    cx: &CatalogCx<'a>,
    table: &'a Table,
    policy: &Policy,
    opened: &Opened<'_>,
    is_always: bool,
) -> Vec<&'a Policy> {
    let commands = COMMANDS.iter().copied().filter(|command| {
        policy.covers(*command) && !(*command == PolicyCommand::Select && (is_always || opened.writes()))
    });
    let commands: Vec<PolicyCommand> = commands.collect();
    let is_scoped = |other: &&Policy| {
        opened.access.iter().any(|access| {
            let holds = |command: &PolicyCommand| {
                let reach = cx.rights.policy(table, other, access.role).of(*command);
                let opens = access.privileges.intersection(only([*command].into_iter()));
                other.covers(*command) && !opens.is_empty() && matches!(reach, Reach::Own | Reach::Tenant)
            };
            cx.catalog.policy_binds(other, access.role) && commands.iter().any(holds)
        })
    };
    let others = table.policies.values().filter(|other| other.permissive && other.name != policy.name);
    others.filter(is_scoped).collect()
}

/// Whether a branch of an OR is true whoever asks while another one is a condition.
pub(super) fn has_true_branch(cx: &CatalogCx<'_>, expr: &Expr) -> bool {
    match expr {
        Expr::Or(list) => {
            let always = |part: &Expr| cx.rights.is_always_true(part);
            list.iter().any(|part| has_true_branch(cx, part))
                || list.iter().any(always) && !list.iter().all(always)
        }
        Expr::And(list) => list.iter().any(|part| has_true_branch(cx, part)),
        Expr::Not(inner) => has_true_branch(cx, inner),
        _ => false,
    }
}

/// Whether the name or comment of a policy says that it is for the server or its administrators,
/// and nothing says that it is for others as well.
pub(super) fn is_for_server(table: &Table, policy: &Policy) -> bool {
    const SERVER: &[&str] = &[
        "service",
        "servicerole",
        "backend",
        "server",
        "system",
        "webhook",
        "webhooks",
        "cron",
        "internal",
        "admin",
        "admins",
        "administrators",
    ];
    const OTHERS: &[&str] = &[
        "anon",
        "anonymous",
        "anybody",
        "anyone",
        "authenticated",
        "everybody",
        "everyone",
        "guest",
        "guests",
        "member",
        "members",
        "owner",
        "owners",
        "public",
        "publicly",
        "user",
        "users",
        "visitors",
    ];
    let name = policy.name.to_lowercase().replace(&table.name.name.to_lowercase(), " ");
    let text = format!("{name} {}", policy.comment.as_deref().unwrap_or_default().to_lowercase());
    let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
    let follow = |first: &str, second: &str| {
        words.windows(2).any(|pair| pair[0] == first && pair[1].trim_end_matches('s') == second)
    };
    // "Delete service" on the table of services speaks of its rows.
    let table_words = words_of(&table.name.name);
    let is_row = |word: &str| {
        table_words.split('_').any(|of_table| of_table.trim_end_matches('s') == word.trim_end_matches('s'))
    };
    let names_server = words.iter().any(|word| SERVER.contains(word) && !is_row(word));
    (names_server || follow("edge", "function") || follow("service", "role"))
        && !words.iter().any(|word| OTHERS.contains(word))
}

#[cfg(test)]
mod tests {
    use crate::rules::find;
    use crate::testing::Bench;

    /// Which of the rules about policies that let too much through speak of the last one.
    fn speak(policies: &str) -> Vec<&'static str> {
        let bench = Bench::new(&format!(
            "create table a (id bigint primary key, user_id uuid, open boolean);
             alter table a enable row level security;
             create policy seen on a for select using (true);
             {policies}"
        ));
        let ids = [
            "service-policy-open-to-public",
            "anonymous-read-leak",
            "always-true-branch",
            "with-check-true-scoped-using",
            "broad-policy-defeats-scoped-policy",
            "always-true-read-policy",
            "always-true-write-policy",
            "authenticated-only-write-predicate",
            "anon-write-policy",
            "with-check-drops-row-scope",
            "negated-identity-predicate",
            "policy-ignores-own-columns",
            "inverted-auth-check",
            "null-tolerant-identity",
        ];
        let rules = ids.into_iter().filter_map(find);
        let found = rules.flat_map(|rule| bench.run(rule, &rule.options.defaults()));
        let about_last = found.filter(|found| found.object.part.as_deref() == Some("p"));
        about_last.map(|found| found.rule).collect()
    }

    #[test]
    fn one_rule_speaks_of_a_policy() {
        let own = "create policy own on a using (user_id = auth.uid());";
        for (policies, rule) in [
            (
                "create policy p on a using (true); comment on policy p on a is 'for the backend';",
                "service-policy-open-to-public",
            ),
            (
                "create policy p on a for select using (coalesce(user_id = auth.uid(), true));",
                "anonymous-read-leak",
            ),
            (
                "create policy p on a for select using (auth.uid() is null or user_id = auth.uid());",
                "inverted-auth-check",
            ),
            ("create policy p on a using (user_id = auth.uid() or true);", "always-true-branch"),
            ("create policy p on a using (open) with check (open or true);", "always-true-branch"),
            (
                "create policy p on a using (user_id = auth.uid()) with check (true);",
                "with-check-true-scoped-using",
            ),
            (
                &format!("{own} create policy p on a for update using (true);"),
                "broad-policy-defeats-scoped-policy",
            ),
            (
                &format!("{own} create policy p on a using (auth.uid() is not null);"),
                "broad-policy-defeats-scoped-policy",
            ),
            (&format!("{own} create policy p on a for select using (true);"), "always-true-read-policy"),
            ("create policy p on a for delete using (true);", "always-true-write-policy"),
            ("create policy p on a using (auth.uid() is not null);", "authenticated-only-write-predicate"),
            ("create policy p on a for update using (open);", "anon-write-policy"),
            (
                "create policy p on a using (user_id = auth.uid()) with check (open);",
                "with-check-drops-row-scope",
            ),
            (
                "create policy p on a to authenticated using (user_id <> auth.uid());",
                "negated-identity-predicate",
            ),
        ] {
            assert_eq!(speak(policies), [rule], "{policies}");
        }
    }
}
