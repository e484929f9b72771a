use crate::access::{COMMANDS, deed};
use crate::catalog::acl::Privileges;
use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Caller, Told, Truth, evaluate, is_true_without_identity, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Expr;
use crate::sql::statement::{Clause, PolicyCommand};

declare_rule! {
    /// Finds policies that let in those who are not signed in, and mean the others.
    ///
    /// ## Why it matters
    ///
    /// `auth.uid()` is null where nobody is signed in. `auth.uid() is null or …` then lets everybody with the
    /// project's public key through, and those who do sign in see less. Mostly `is not null` was meant, or
    /// a way in for the server, which needs none: `service_role` is above policies.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes for select
    ///   using (auth.uid() is null or owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes for select to authenticated
    ///   using (owner = (select auth.uid()));
    /// ```
    ///
    /// For INSERT it is a warning: forms that everybody may fill in are made that way. A policy for `anon`
    /// alone says what its TO clause says, and is left alone.
    ///
    /// ## How to fix
    ///
    /// Leave the condition out, or write `is not null` where that was meant, and name the role: `to
    /// authenticated`.
    "inverted-auth-check" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "a policy lets in those who are not signed in",
        sources: &["pgrls:SEC004"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_of_requests().filter(|(_, policy)| policy.permissive) {
        let Some((branch, clause)) = inverted(policy) else { continue };
        let others =
            cx.catalog.api_roles().any(|role| role.name != "anon" && cx.catalog.policy_binds(policy, role));
        if !others {
            continue;
        }
        let subject = format!("policy {} on {}", policy.name.delimited(), table.name);
        let reached = cx
            .catalog
            .table_access(table)
            .into_iter()
            .find(|access| access.role.name == "anon" && cx.catalog.policy_binds(policy, access.role));
        let opened = reached.map(|access| access.privileges.intersection(policy_privileges(policy)));
        let opened = opened.filter(|privileges| !privileges.is_empty());
        let deeds = opened.iter().flat_map(|privileges| privileges.iter());
        let message = match &opened {
            Some(_) => format!("{subject} lets everybody through who is not signed in"),
            None => format!("{subject} asks for callers who are not signed in, and is for none"),
        };
        let span = branch.span().unwrap_or(clause.span);
        let found = out.report(span, Identity::part("policy", &table.name, policy.name.as_str()), message);
        found
            .note("true where nobody is signed in")
            .reach(deeds.map(|privilege| deed("anon", privilege)))
            .label(policy.name_apart_from(span), "the policy is created here");
        found.help(
            "leave this condition out, or write `is not null` if that was meant; the server's service_role needs no policy",
        );
        if policy.command.value == PolicyCommand::Insert || opened.is_none() {
            found.severity(Severity::Warning);
        }
    }
}

fn policy_privileges(policy: &Policy) -> Privileges {
    let covered = COMMANDS.into_iter().filter(|(command, _)| policy.covers(*command));
    covered.fold(Privileges::NONE, |sum, (_, privilege)| sum.union(Privileges::of(&[privilege])))
}

/// The branch of a policy's condition that lets nobody but those through who are not signed in, and its
/// clause.
pub(in crate::rules) fn inverted(policy: &Policy) -> Option<(&Expr, &Clause)> {
    policy.clauses().find_map(|clause| {
        let branch = branches(&clause.value).into_iter().find(|branch| is_inverted(branch))?;
        Some((branch, clause))
    })
}

/// The alternatives of a condition.
fn branches(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Or(list) => list.iter().flat_map(branches).collect(),
        other => vec![other],
    }
}

/// Whether a condition asks who the caller is, and is true for nobody and for nobody else.
fn is_inverted(expr: &Expr) -> bool {
    expr.any(&|part| told(part).is_some_and(Told::identifies))
        && is_true_without_identity(expr)
        && evaluate(expr, Caller::SignedIn) == Some(Truth::False)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (auth.uid() is null);
             --                                  ^^^^^^^^^^ error: policy \"p1\" on public.a lets everybody through who is not signed in
             create policy p2 on public.a for update using (owner = auth.uid() or ((select auth.uid()) is null));
             --                                                                    ^^^^^^^^^^^^^^^^^^^ error: \"p2\"
             create policy p3 on public.a for insert with check (auth.uid() is null or owner = auth.uid());
             --                                                  ^^^^^^^^^^ warning: \"p3\"
             create policy p4 on public.a using (not (auth.uid() is not null));
             --                                       ^^^^^^^^^^ error: \"p4\"
             create policy p5 on public.a to authenticated using (auth.uid() is null or ok);
             --                                                   ^^^^^^^^^^ warning: \"p5\" on public.a asks for callers who are not signed in, and is for none
             create policy p6 on public.a to anon using (auth.uid() is null);
             create policy p7 on public.a using (auth.uid() is null and owner is null);
             create policy p8 on public.a using (auth.uid() is not null);
             create policy p9 on public.a as restrictive using (auth.uid() is null or owner = auth.uid());
             create policy p10 on public.a to service_role using (auth.uid() is null);",
        );
    }

    #[test]
    fn rights_decide() {
        policy(
            "revoke all on public.a from anon;
             create policy p1 on public.a using (auth.uid() is null or ok);
             --                                  ^^^^^^^^^^ warning: and is for none",
        );
    }
}
