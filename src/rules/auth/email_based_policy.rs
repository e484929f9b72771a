use crate::access::in_words;
use crate::diagnostic::Severity;
use crate::predicate::{Domain, Reach, Told, told, wanted_domains};
use crate::rule::{CatalogCx, Check, Condition, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{Spot, compared, report_each, spots, text};
use crate::rules::fold_many;
use crate::source::Span;
use crate::sql::expr::{Expr, Target};

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
    /// The domain of an address says who somebody is only while addresses have to be confirmed, which a project
    /// sets outside of its migrations: that is an info, and a warning where `config.toml` has it off. Whoever asks
    /// for the end of an address without the `@` lets `someone@notacme.com` in for `acme.com`: that is a warning.
    ///
    /// ```sql,bad
    /// create table public.reports (id bigint primary key, title text);
    /// alter table public.reports enable row level security;
    /// create policy "Staff" on public.reports for select to authenticated
    ///   using ((select auth.jwt() ->> 'email') like '%acme.com');
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
    let before = out.list.len();
    let (loose, whole): (Vec<_>, Vec<_>) =
        by_domain(cx).into_iter().partition(|spot| spot.seen.iter().any(|domain| domain.lookalike.is_some()));
    loose.iter().for_each(|spot| report_loose(spot, out));
    fold_many(out, before, "policies", |count| {
        format!("{count} policies take addresses of other domains than they name")
    });
    let before = out.list.len();
    whole.iter().for_each(|spot| report_domain(cx, spot, out));
    fold_many(out, before, "policies", |count| {
        format!("{count} policies go by the domain of an address: {}", unconfirmed(cx))
    });
}

/// The policies that let rows through for an address of some domain, which are not the caller's own.
fn by_domain<'a>(cx: &CatalogCx<'a>) -> Vec<Spot<'a, Vec<Domain>>> {
    let mut found: Vec<Spot<'a, Vec<Domain>>> = Vec::new();
    for Condition { table, policy, clause, .. } in cx.conditions.iter().filter(|one| one.policy.permissive) {
        let whole = cx.rights.followed(table, policy, clause);
        let by_id = whole.any(&|part| told(part) == Some(Told::Id));
        // That of the user whom a function looks up.
        let is_looked_up = |expr: &Expr| match expr {
            Expr::Column(column) => match column.target {
                Target::Column { relation, attnum, .. } => {
                    cx.catalog.tables.get(&relation).is_some_and(|users| {
                        users.name.schema == "auth"
                            && users.name.name == "users"
                            && users.column_at(attnum).is_some_and(|column| column.name == "email")
                    })
                }
                _ => false,
            },
            _ => false,
        };
        let is_address = |expr: &Expr| {
            told(expr) == Some(Told::Email)
                || by_id && expr.any_outside_queries(&is_looked_up) && told(expr).is_none()
        };
        let mut wanted: Vec<(Option<Span>, Vec<Domain>)> = Vec::new();
        whole.walk(&mut |part| {
            let domains = wanted_domains(part, &is_address);
            if !domains.is_empty() {
                wanted.push((part.span(), domains));
            }
        });
        let Some((place, seen)) = wanted.into_iter().next() else { continue };
        let lets_others_in = |role| {
            let reach = cx.rights.policy(table, policy, role);
            let of_others =
                |reach: Option<Reach>| reach.is_some_and(|reach| !matches!(reach, Reach::None | Reach::Own));
            cx.catalog.policy_binds(policy, role) && (of_others(reach.using) || of_others(reach.check))
        };
        if found.last().is_some_and(|spot| std::ptr::eq(spot.policy, *policy))
            || !cx.catalog.api_roles().any(lets_others_in)
        {
            continue;
        }
        let place = place.filter(|place| clause.span.contains(*place)).unwrap_or(clause.span);
        found.push(Spot { table, policy, seen, places: vec![place] });
    }
    found
}

fn report_loose(spot: &Spot<'_, Vec<Domain>>, out: &mut Findings) {
    let Some(Domain { name: Some(name), lookalike: Some(other) }) =
        spot.seen.iter().find(|domain| domain.lookalike.is_some())
    else {
        return;
    };
    let message = format!("{} is to let addresses of {name} in, and lets {other} in as well", spot.subject());
    spot.report(out, message).help(format!(
        "compare the domain as a whole: split_part((select auth.jwt() ->> 'email'), '@', 2) = '{name}'"
    ));
}

fn report_domain(cx: &CatalogCx<'_>, spot: &Spot<'_, Vec<Domain>>, out: &mut Findings) {
    let names: Vec<String> = spot.seen.iter().filter_map(|domain| domain.name.clone()).collect();
    let of =
        if names.is_empty() { "the domain that a row names".to_string() } else { in_words(&names, "or") };
    let message = format!("{} lets in whoever has an address of {of}: {}", spot.subject(), unconfirmed(cx));
    let found = spot.report(out, message);
    if cx.catalog.api.confirmed_addresses != Some(false) {
        found.severity(Severity::Info);
    }
    found.help(
        "have addresses confirmed ([auth.email] enable_confirmations = true, and \"Confirm email\" in the dashboard), or \
         keep the ids of those who may in a table, and look for (select auth.uid()) there",
    );
}

/// When an address is no proof.
fn unconfirmed(cx: &CatalogCx<'_>) -> &'static str {
    match cx.catalog.api.confirmed_addresses {
        Some(false) => {
            "where addresses are not confirmed, as config.toml has it, that is anybody who signs up"
        }
        _ => "where addresses are not confirmed, that is anybody who signs up",
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
    fn domains() {
        policy(
            "
             create policy p1 on public.a using (auth.email() like '%@acme.com');
             --                                  ^^^^^^^^^^^^ info: policy \"p1\" on public.a lets in whoever has an address of acme.com: where addresses are not confirmed, that is anybody who signs up
             create policy p2 on public.a using (auth.email() like '%acme.com');
             --                                  ^^^^^^^^^^^^ warning: policy \"p2\" on public.a is to let addresses of acme.com in, and lets someone@notacme.com in as well
             create policy p3 on public.a using (split_part(auth.email(), '@', 2) = org_id);
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: an address of the domain that a row names
             create function is_staff() returns boolean language sql stable security definer set search_path = '' as
               $$ select exists (select 1 from auth.users where id = auth.uid() and email like '%@acme.com') $$;
             create policy p4 on public.a for delete using (public.is_staff());
             --                                             ^^^^^^^^^^^^^^^^^ info: an address of acme.com
             create policy p5 on public.a using (owner = auth.uid() and auth.email() like '%@acme.com');
             create policy p6 on public.a as restrictive using (auth.email() like '%@acme.com');
             create policy p7 on public.a using (email like '%@acme.com');",
        );
        policy(
            "
-- unconfirmed addresses
             create policy p1 on public.a using (ok and split_part(auth.jwt() ->> 'email', '@', 2) in ('acme.com', 'acme.org'));
             --                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: an address of acme.com or acme.org: where addresses are not confirmed, as config.toml has it, that is anybody who signs up",
        );
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
