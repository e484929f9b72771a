use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{setting, spots};

declare_rule! {
    /// Finds policies that fail where a setting is absent.
    ///
    /// ## Why it matters
    ///
    /// `current_setting('app.tenant')` raises an error where nothing has set it: in the SQL editor, in a
    /// background job, in a test. With `true` as second argument it is null there, and no row passes.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, tenant text);
    /// alter table public.notes enable row level security;
    /// create policy "tenant" on public.notes using (tenant = (select current_setting('app.tenant')));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, tenant text);
    /// alter table public.notes enable row level security;
    /// create policy "tenant" on public.notes using (tenant = (select current_setting('app.tenant', true)));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write `current_setting('app.tenant', true)`.
    "current-setting-without-missing-ok" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "a policy fails where a setting is absent",
        sources: &["pgrls:SEC019"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, _, part| {
        let (name, may_be_missing) = setting(part)?;
        (name.contains('.') && !may_be_missing).then_some(name)
    });
    for spot in found {
        let name = spot.seen;
        let message = format!("{} fails with an error where nothing has set {name}", spot.subject());
        spot.report(out, message).help(format!("current_setting('{name}', true) is null there"));
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
             create policy p1 on public.a using (org_id = current_setting('app.org'));
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^ info: policy \"p1\" on public.a fails with an error where nothing has set app.org
             create policy p2 on public.a using (org_id = current_setting('request.jwt.claims')::json ->> 'org');
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: request.jwt.claims
             create policy p3 on public.a using (org_id = current_setting('app.org', true));
             create policy p4 on public.a using (org_id = current_setting('role'));
             create policy p5 on public.a using (org_id = current_setting(email));",
        );
    }
}
