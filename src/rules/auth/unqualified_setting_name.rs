use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{setting, spots};

declare_rule! {
    /// Finds policies that read a setting which nobody can set.
    ///
    /// ## Why it matters
    ///
    /// Settings of an application have a prefix: `app.tenant`. PostgreSQL refuses to set `tenant`, which is
    /// none of its own, so that `current_setting('tenant', true)` is always null and no row passes.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, tenant text);
    /// alter table public.notes enable row level security;
    /// create policy "tenant" on public.notes using (tenant = (select current_setting('tenant_id', true)));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, tenant text);
    /// alter table public.notes enable row level security;
    /// create policy "tenant" on public.notes using (tenant = (select current_setting('app.tenant_id', true)));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give the setting a prefix where it is set and where it is read: `app.tenant_id`.
    "unqualified-setting-name" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "a setting without a prefix cannot be set",
        sources: &["pgrls:SEC024"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, _, part| {
        let (name, _) = setting(part)?;
        let of_application = !name.contains('.') && name.split('_').any(|word| WORDS.contains(&word));
        of_application.then_some(name)
    });
    for spot in found {
        let name = spot.seen;
        let message = format!("{} reads the setting {name}, which nobody can set", spot.subject());
        spot.report(out, message).help(format!("give it a prefix: app.{name}"));
    }
}

/// Words of settings that applications make up; none stands in a name of PostgreSQL's own.
const WORDS: &[&str] = &[
    "account",
    "app",
    "company",
    "customer",
    "email",
    "group",
    "jwt",
    "member",
    "org",
    "organisation",
    "organization",
    "owner",
    "project",
    "team",
    "tenant",
    "uid",
    "userid",
    "workspace",
    "id",
];

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
             create policy p1 on public.a using (org_id = current_setting('org_id', true));
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: policy \"p1\" on public.a reads the setting org_id, which
             create policy p2 on public.a using (org_id = current_setting('app.org_id', true));
             create policy p3 on public.a using (org_id = current_setting('role') or org_id = current_setting('TimeZone'));",
        );
    }
}
