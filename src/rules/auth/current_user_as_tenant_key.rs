use crate::diagnostic::Severity;
use crate::predicate::unwrapped;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, own_column, spots};
use crate::sql::expr::Expr;

declare_rule! {
    /// Finds policies that compare a column with `current_user`.
    ///
    /// ## Why it matters
    ///
    /// All requests of signed-in users run as one role, `authenticated`. `owner = current_user` is therefore
    /// true for nobody, or for everybody at once; it never tells one user from another.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner text);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = current_user);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Compare the column with `(select auth.uid())`.
    "current-user-as-tenant-key" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a policy takes the database role for the user",
        sources: &["pgrls:SEC018"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |table, _, part| {
        let pairs = compared(part);
        let role = |expr: &Expr| match unwrapped(expr) {
            Expr::Session(word) if WORDS.contains(word) => Some(*word),
            _ => None,
        };
        pairs.into_iter().find_map(|(column, word)| Some((own_column(table, column)?, role(word)?)))
    });
    for spot in found {
        let (column, word) = spot.seen;
        let message = format!(
            "{} compares {} with {word}, which is the same role for all signed-in users",
            spot.subject(),
            column.name.quoted()
        );
        spot.report(out, message)
            .note("a role of the database, not a user")
            .help("compare it with (select auth.uid())");
    }
}

const WORDS: &[&str] = &["current_user", "session_user", "current_role", "user"];

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (org_id = current_user);
             --                                  ^^^^^^ warning: policy \"p1\" on public.a compares org_id with current_user
             create policy p2 on public.a using (session_user::text = org_id::text);
             --                                                       ^^^^^^ warning: session_user
             create policy p3 on public.a using ((select current_role) = org_id);
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: current_role
             create policy p4 on public.a using (current_user = 'authenticated');
             create policy p5 on public.a using (owner = auth.uid());",
        );
    }
}
