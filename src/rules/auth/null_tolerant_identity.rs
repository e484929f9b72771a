use crate::access::reach;
use crate::catalog::gap::Aspect;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::Severity;
use crate::predicate::{Told, told, unwrapped};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, own_column, spots};
use crate::sql::expr::Expr;
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds policies in which a missing identity, or a missing owner, passes for one.
    ///
    /// ## Why it matters
    ///
    /// Where nobody is signed in `auth.uid()` is null. `owner is not distinct from auth.uid()` is true for
    /// them wherever `owner` is null, and `coalesce(auth.uid(), owner) = owner` for every row.
    ///
    /// `owner is null or owner = auth.uid()` gives the rows without an owner to everybody. To read them
    /// that may be meant, and is an info; to change or delete them it is a warning, and an error where that
    /// needs no signed-in user.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner is not distinct from (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid not null);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Compare with `=`, which is never true of null, and declare the column `not null`. Rows for
    /// everybody are better marked by a column of their own.
    "null-tolerant-identity" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "a missing identity passes for one",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |table, policy, part| {
        let tolerance = tolerance(cx, table, part).filter(|_| policy.permissive)?;
        let of_nobody = matches!(tolerance, Tolerance::SameNull(_) | Tolerance::Instead(_));
        let reached = !of_nobody
            || cx
                .catalog
                .table_access(table)
                .iter()
                .any(|access| access.role.name == "anon" && cx.catalog.policy_binds(policy, access.role));
        // What a row must look like after a change gives nobody those that USING keeps from them.
        let of_new_row = policy.using.as_ref().is_some_and(|using| !contains(&using.value, part));
        // Rows of no team are content for all as often as not.
        let for_reading = policy.command.value == PolicyCommand::Select;
        match tolerance {
            Tolerance::Orphans { .. } if of_new_row || asks_elsewhere(cx, policy, part) => return None,
            Tolerance::Orphans { of_group: true, .. } if for_reading => return None,
            _ => {}
        }
        let known = !cx.catalog.may_have_changed(&table.name, Aspect::Shape);
        (reached && known).then_some(tolerance)
    });
    for spot in found {
        let (severity, why) = match &spot.seen {
            Tolerance::SameNull(column) => (
                Severity::Error,
                format!("lets callers who are not signed in through where {column} is null"),
            ),
            Tolerance::Instead(column) => (
                Severity::Error,
                format!(
                    "takes {column} of the row for the caller where nobody is signed in: every row passes"
                ),
            ),
            Tolerance::Orphans { column, to_strangers, of_group } => {
                let (mut severity, whom) = of_orphans(cx, spot.table, spot.policy, *to_strangers);
                if *of_group {
                    severity = severity.min(Severity::Warning);
                }
                let why = match spot.policy.command.value {
                    PolicyCommand::Insert => {
                        let comma = if whom.contains(',') { "," } else { "" };
                        format!("lets {whom}{comma} add rows without {column}")
                    }
                    _ => format!("gives the rows without {column} to {whom}"),
                };
                (severity, why)
            }
        };
        let found = spot.report(out, format!("{} {why}", spot.subject()));
        found.reach(reach(&cx.rights.passed_by(spot.table, spot.policy)));
        found.severity(severity).help(match &spot.seen {
            Tolerance::Orphans { .. } => {
                "if that is not meant, ask for the owner alone, and declare the column not null"
            }
            _ => "compare with `=`, which is never true of null",
        });
    }
}

/// Whether what holds together with a part of a policy's condition asks who the caller is.
fn asks_elsewhere(cx: &CatalogCx<'_>, policy: &Policy, part: &Expr) -> bool {
    policy.expressions().filter(|expr| contains(expr, part)).any(|expr| match expr {
        Expr::And(conjuncts) => {
            conjuncts.iter().any(|one| !contains(one, part) && cx.workload.knows_caller(one))
        }
        _ => false,
    })
}

fn contains(expr: &Expr, part: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| found |= std::ptr::eq(inner, part));
    found
}

/// How bad it is that rows of nobody are everybody's, and whose they are: strangers who change them are
/// the worst.
fn of_orphans(
    cx: &CatalogCx<'_>,
    table: &Table,
    policy: &Policy,
    to_strangers: bool,
) -> (Severity, &'static str) {
    let access = cx.catalog.table_access(table);
    let of = |role: &str| access.iter().find(|access| access.role.name == role);
    let anonymous = of("anon").filter(|access| to_strangers && cx.catalog.policy_binds(policy, access.role));
    let can = |command: PolicyCommand| {
        policy.covers(command) && anonymous.is_some_and(|access| access.commands().contains(&command))
    };
    let severity = match policy.command.value {
        PolicyCommand::Select => Severity::Info,
        _ if can(PolicyCommand::Update) || can(PolicyCommand::Delete) => Severity::Error,
        _ => Severity::Warning,
    };
    let whom = if anonymous.is_some() { "every caller, signed in or not" } else { "every signed-in caller" };
    (severity, whom)
}

/// Whether rows of nobody are everybody's by a policy.
pub(in crate::rules) fn gives_orphans(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let gives = |part: &Expr| matches!(tolerance(cx, table, part), Some(Tolerance::Orphans { .. }));
    policy.expressions().any(|expr| expr.any(&gives))
}

/// Whether the row itself passes for the caller where nobody is signed in.
pub(in crate::rules) fn takes_row_for_caller(cx: &CatalogCx<'_>, table: &Table, policy: &Policy) -> bool {
    let takes = |part: &Expr| matches!(tolerance(cx, table, part), Some(Tolerance::Instead(_)));
    policy.expressions().any(|expr| expr.any(&takes))
}

/// What passes for an identity, and the column that it is compared with.
enum Tolerance {
    /// IS NOT DISTINCT FROM: null is like null.
    SameNull(String),
    /// `coalesce(auth.uid(), owner)`
    Instead(String),
    /// `owner is null or owner = auth.uid()`, or `coalesce(owner, auth.uid())`; only the first lets callers
    /// through who are not signed in.
    Orphans {
        column: String,
        to_strangers: bool,
        /// Whether a function is asked about the column, as about a team.
        of_group: bool,
    },
}

fn tolerance(cx: &CatalogCx<'_>, table: &Table, expr: &Expr) -> Option<Tolerance> {
    let is_id = |expr: &Expr| told(expr).is_some_and(Told::identifies);
    let nullable = |expr: &Expr| own_column(table, expr).filter(|column| !column.not_null.value);
    let pairs = compared(expr);
    let of_pair = |(left, right): (&Expr, &Expr)| match (expr, unwrapped(left)) {
        (Expr::Distinct { negated: true, .. }, _) if is_id(left) => {
            Some(Tolerance::SameNull(nullable(right)?.name.quoted()))
        }
        (Expr::Op { op, .. }, Expr::Coalesce(list)) if op == "=" => match list.as_slice() {
            [who, instead] if is_id(who) => {
                let column = own_column(table, instead)?;
                (own_column(table, right)?.attnum == column.attnum)
                    .then(|| Tolerance::Instead(column.name.quoted()))
            }
            [column, who] if is_id(who) && is_id(right) => Some(Tolerance::Orphans {
                column: nullable(column)?.name.quoted(),
                to_strangers: false,
                of_group: false,
            }),
            _ => None,
        },
        _ => None,
    };
    if let Expr::Or(list) = expr {
        let asked_null = list.iter().find_map(|branch| match branch {
            Expr::IsNull { expr, negated: false } => nullable(expr),
            _ => None,
        })?;
        let asked_owner = |(side, who): (&Expr, &Expr)| {
            told(who) == Some(Told::Id)
                && own_column(table, side).is_some_and(|own| own.attnum == asked_null.attnum)
        };
        // `team_id is null or is_member(team_id)`
        let asks_helper = |branch: &Expr| {
            matches!(branch, Expr::Call(call) if call.args.iter().any(|arg| {
                own_column(table, arg).is_some_and(|own| own.attnum == asked_null.attnum)
            })) && cx.workload.knows_caller(branch)
        };
        let is_owners = list.iter().any(|branch| compared(branch).into_iter().any(asked_owner));
        let of_group = !is_owners && list.iter().any(asks_helper);
        let column = asked_null.name.quoted();
        return (is_owners || of_group).then_some(Tolerance::Orphans {
            column,
            to_strangers: true,
            of_group,
        });
    }
    pairs.into_iter().find_map(of_pair)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, author uuid not null, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (owner is not distinct from auth.uid());
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a lets callers who are not signed in through where owner is null
             create policy p2 on public.a using (coalesce((select auth.uid()), author) = author);
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: takes author of the row
             create policy p3 on public.a using (coalesce(owner, auth.uid()) = auth.uid());
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: gives the rows without owner to every signed-in caller
             create policy p4 on public.a for select using (owner is null or owner = (select auth.uid()));
             --                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: rows without owner
             create policy p5 on public.a for delete using (ok and (owner = auth.uid() or owner is null));
             --                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: gives the rows without owner to every caller, signed in or not
             create policy p9 on public.a for update to authenticated using (org_id = auth.jwt() ->> 'org')
               with check (owner is null or owner = auth.uid());
             create function is_member(org text) returns boolean language sql stable security definer as $$
               select exists (select 1 from public.a m where m.org_id = org and m.owner = auth.uid()) $$;
             create policy p11 on public.a for update using (author = auth.uid() and (owner is null or owner = auth.uid()));
             create policy p10 on public.a for insert with check (org_id is null or is_member(org_id));
             --                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: lets every caller, signed in or not, add rows without org_id
             create policy p6 on public.a using (author is not distinct from auth.uid());
             create policy p7 on public.a using (author = auth.uid() or author is null);
             create policy p8 on public.a to authenticated using (owner is not distinct from auth.uid());
             create policy p9 on public.a as restrictive using (owner is null or owner = auth.uid());
             create policy p10 on public.a using (coalesce(auth.jwt() ->> 'email', '') = email);
             create policy p11 on public.a using (org_id is null or owner = auth.uid());",
        );
    }
}
