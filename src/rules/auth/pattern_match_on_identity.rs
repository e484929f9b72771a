use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::spots;
use crate::sql::expr::Expr;

declare_rule! {
    /// Finds policies that take a value of the caller for a pattern.
    ///
    /// ## Why it matters
    ///
    /// On the right of LIKE, `%` and `_` stand for anything, and in regular expressions much more does. An
    /// address such as `a_b@example.com` then also matches `acb@example.com`, and where the user chooses the
    /// value, `%` matches all.
    ///
    /// The id of `auth.uid()` holds no such character: `name like auth.uid() || '/%'` is fine.
    ///
    /// ```sql,bad
    /// create table public.letters (id bigint primary key, sent_to text);
    /// alter table public.letters enable row level security;
    /// create policy "own" on public.letters for select using (sent_to like '%' || auth.email() || '%');
    /// ```
    ///
    /// ```sql,good
    /// create table public.letters (id bigint primary key, recipient uuid);
    /// alter table public.letters enable row level security;
    /// create policy "own" on public.letters for select using (recipient = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Compare with `=`, or look for the text itself: `starts_with(…)`, `position(… in …)`.
    "pattern-match-on-identity" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a value of the caller is taken for a pattern",
        sources: &["pgrls:SEC026"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, _, part| match part {
        Expr::Op { op, left: Some(_), right } if OPERATORS.contains(&op.as_str()) => {
            right.any(&|value| told(value).is_some_and(may_hold_wildcards)).then_some(())
        }
        _ => None,
    });
    for spot in found {
        let message = format!(
            "{} takes a value of the caller for a pattern: it can match rows of others",
            spot.subject()
        );
        spot.report(out, message)
            .note("wildcards in the value count")
            .help("compare with `=`, or look for the text itself: starts_with(…), position(…)");
    }
}

/// LIKE, ILIKE, SIMILAR TO and regular expressions.
const OPERATORS: &[&str] = &["~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*"];

fn may_hold_wildcards(told: Told<'_>) -> bool {
    match told {
        Told::Email => true,
        Told::Claim(key) => !matches!(key, "aal" | "session_id" | "is_anonymous" | "iat" | "exp"),
        Told::Setting(name) => name.contains('.'),
        Told::Id | Told::Role | Told::Token => false,
    }
}

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
             create policy p1 on public.a using (email like auth.email());
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"p1\" on public.a takes a value of the caller
             create policy p2 on public.a using (email ilike '%' || (select auth.jwt() ->> 'email'));
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: \"p2\"
             create policy p3 on public.a using (org_id ~ (auth.jwt() -> 'app_metadata' ->> 'org'));
             --                                  ^^^^^^^^^^^^^^^^^^^^ warning: \"p3\"
             create policy p4 on public.a using (org_id like auth.uid() || '/%');
             create policy p5 on public.a using (auth.email() like '%@example.com');
             create policy p6 on public.a using (email = auth.email() and org_id like 'x%');",
        );
    }
}
