use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{setting, spots};
use crate::sql::expr::Expr;

declare_rule! {
    /// Finds policies that read `request.jwt.claim.sub` and its kin.
    ///
    /// ## Why it matters
    ///
    /// PostgREST used to make a setting of each claim. Since version 9 there is one, `request.jwt.claims`,
    /// with all of them as JSON; the old ones are null, and no row passes. What asks for both is fine.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes
    ///   using (owner = current_setting('request.jwt.claim.sub', true)::uuid);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Ask `(select auth.uid())` for the claim `sub`, and `(select auth.jwt() ->> 'key')` for others.
    "legacy-jwt-claim-setting" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a policy reads a setting that requests no longer have",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, policy, part| {
        let claim = setting(part)?.0.strip_prefix("request.jwt.claim.")?;
        let reads_both = |expr: &Expr| expr.any(&|part| told(part) == Some(Told::Token));
        (!policy.expressions().any(reads_both)).then_some(claim)
    });
    for spot in found {
        let claim = spot.seen;
        let message = format!(
            "{} reads request.jwt.claim.{claim}, which requests no longer set: it is null",
            spot.subject()
        );
        let instead = match claim {
            "sub" => "(select auth.uid())".to_string(),
            claim => format!("(select auth.jwt() ->> '{claim}')"),
        };
        spot.report(out, message).help(format!("ask for {instead}"));
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
             create policy p1 on public.a using (owner::text = current_setting('request.jwt.claim.sub', true));
             --                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"p1\" on public.a reads request.jwt.claim.sub
             create policy p2 on public.a using (owner::text = coalesce(current_setting('request.jwt.claim.sub', true),
               current_setting('request.jwt.claims', true)::json ->> 'sub'));
             create policy p3 on public.a using (owner::text = current_setting('request.jwt.claims', true)::json ->> 'sub');",
        );
    }
}
