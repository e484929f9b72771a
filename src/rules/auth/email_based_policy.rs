use crate::diagnostic::Severity;
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, report_each, spots, text};

declare_rule! {
    /// Finds policies that go by the caller's email address.
    ///
    /// ## Why it matters
    ///
    /// An address is not an identity. Who changes it loses their rows, who gets it later takes them over,
    /// and where addresses are not confirmed anybody can sign up with one that is not theirs. In another
    /// spelling it is another text. `auth.uid()` never changes.
    ///
    /// ```sql,bad
    /// create table public.invoices (id bigint primary key, customer_email text);
    /// alter table public.invoices enable row level security;
    /// create policy "own" on public.invoices for select to authenticated
    ///   using (customer_email = (select auth.email()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.invoices (id bigint primary key, customer_id uuid not null);
    /// alter table public.invoices enable row level security;
    /// create policy "own" on public.invoices for select to authenticated
    ///   using (customer_id = (select auth.uid()));
    /// ```
    ///
    /// An address beside `auth.uid()`, as in a table of invitations that is joined to members, is left to
    /// its author; so is an address that is written into the policy, which is `hardcoded-identity`.
    ///
    /// ## How to fix
    ///
    /// Keep the id of the user in the row, and compare it with `(select auth.uid())`. Invitations by
    /// address can be turned into memberships by id when they are accepted.
    "email-based-policy" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a policy goes by an email address",
        sources: &["pgrls:SEC034"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let found = spots(cx, |_, policy, part| {
        let by_address = compared(part).into_iter().any(|(address, other)| {
            told(address) == Some(Told::Email) && text(other).is_none() && told(other).is_none()
        });
        let by_id = || policy.expressions().any(|expr| expr.any(&|part| told(part) == Some(Told::Id)));
        (by_address && !by_id()).then_some(())
    });
    report_each(
        out,
        &found,
        |spot| {
            format!(
                "{} tells callers by their email address, which can change and be taken by others",
                spot.subject()
            )
        },
        |count| {
            format!(
                "{count} policies tell callers by their email address, which can change and be taken by others"
            )
        },
        |finding| {
            finding.help("keep the user's id in the row, and compare it with (select auth.uid())");
        },
    );
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
             create policy p1 on public.a using (email = auth.email());
             --                                  ^^^^^^^^^^^^^^^^^^^^ warning: policy \"p1\" on public.a tells callers by their email
             create policy p2 on public.a using (lower(email) = lower((select auth.jwt()) ->> 'email'));
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: \"p2\"
             create policy p3 on public.a using (exists (select 1 from auth.users u where u.email = a.email and u.id = auth.uid()));
             create policy p4 on public.a using (auth.email() = 'boss@example.com');
             create policy p5 on public.a using (owner = auth.uid() or email = auth.email());
             create policy p6 on public.a using (auth.email() is not null);",
        );
    }
}
