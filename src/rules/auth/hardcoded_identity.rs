use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, names_principal, own_column, spots, text};

declare_rule! {
    /// Finds policies that name one user, address or tenant.
    ///
    /// ## Why it matters
    ///
    /// Whoever it is keeps the right until a migration takes it away, and the id is another one in each
    /// database: on a branch or a developer's machine the policy holds for nobody, or for somebody else.
    ///
    /// ```sql,bad
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "admin" on public.reports
    ///   using ((select auth.uid()) = '7d3a3cf0-6e4e-4b8e-9c4a-0e0f5d3b2a10');
    /// ```
    ///
    /// ```sql,good
    /// create table public.admins (user_id uuid primary key);
    /// alter table public.admins enable row level security;
    /// create policy "own" on public.admins for select using (user_id = (select auth.uid()));
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "admins" on public.reports
    ///   using (exists (select 1 from public.admins where user_id = (select auth.uid())));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Keep who it is in a table, and let the policy ask whether the caller is in it.
    "hardcoded-identity" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "a policy names one user, tenant or address",
        sources: &["pgrls:SEC021"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |table, _, part| {
        compared(part).into_iter().find_map(|(side, constant)| {
            let constant = text(constant).filter(|constant| !constant.is_empty())?;
            let whose = match told(side) {
                Some(Told::Id) => Some("user"),
                Some(Told::Email) => Some("email address"),
                _ => None,
            };
            let of_row = || {
                let column = own_column(table, side)?;
                let is_id = names_principal(&column.name) && is_uuid(constant);
                is_id.then_some("owner")
            };
            whose.or_else(of_row)
        })
    });
    for spot in found {
        let message = format!("{} names one {} for good", spot.subject(), spot.seen);
        spot.report(out, message)
            .note("a constant")
            .help("keep who it is in a table, and ask whether the caller is in it");
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
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
             create policy p1 on public.a using (auth.uid() = '7d3a3cf0-6e4e-4b8e-9c4a-0e0f5d3b2a10'::uuid);
             --                                  ^^^^^^^^^^ info: policy \"p1\" on public.a names one user
             create policy p2 on public.a using ((auth.jwt() ->> 'email') in ('a@example.com', 'b@example.com'));
             --                                   ^^^^^^^^^^ info: names one email address
             create policy p3 on public.a using (owner = '00000000-0000-0000-0000-000000000000');
             --                                  ^^^^^ info: names one owner
             create policy p4 on public.a using (org_id = 'public');
             create policy p5 on public.a using (email = 'x' and auth.uid() = owner and coalesce(auth.uid()::text, '') <> '');",
        );
    }
}
