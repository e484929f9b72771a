use crate::map::IndexMap;

use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::MANY;
use crate::rules::clauses::text;
use crate::source::Span;
use crate::sql::expr::Expr;

declare_rule! {
    /// Finds policies that believe a header or a cookie of the request.
    ///
    /// ## Why it matters
    ///
    /// Whoever sends the request writes them: `curl -H 'x-user-id: …'` is anybody. What the server vouches
    /// for are the claims of the token.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes
    ///   using (owner::text = current_setting('request.headers', true)::json ->> 'x-user-id');
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "own" on public.notes using (owner = (select auth.uid()));
    /// ```
    ///
    /// A header that carries a secret, such as `x-share-token`, proves that its sender has it: that is an info.
    /// Functions that a policy calls are followed; where these do more with a header than to give it or to compare it,
    /// that is an info as well.
    ///
    /// ## How to fix
    ///
    /// Ask for what the token says: `(select auth.uid())`, `(select auth.jwt() ->> 'key')`.
    "client-controlled-header-in-policy" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "a policy believes a header that the client writes",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut helpers: IndexMap<(QName, Span), Vec<Asking>> = IndexMap::default();
    let (mut believing, mut opened) = (Vec::new(), Vec::new());
    for (table, policy) in cx.policies_of_requests() {
        let used = policy.clauses().find_map(|clause| {
            let wanted = |part: &Expr| header(part).map(|_| part.span().unwrap_or(clause.span));
            cx.workload.first_use(cx.catalog, &clause.value, &wanted)
        });
        let Some(used) = used else { continue };
        if let Some(last) = used.through.last() {
            let is_believed = policy.clauses().any(|clause| {
                cx.rights
                    .followed(table, policy, clause)
                    .any(&|part| header(part).flatten().is_some_and(|name| !is_secret(name)))
            });
            let asking = Asking { place: used.span, policy: policy.on(&table.name), is_believed };
            helpers.entry((last.name.clone(), last.span)).or_default().push(asking);
            continue;
        }
        let reads_secret = |part: &Expr| header(part).flatten().is_some_and(is_secret);
        match policy.expressions().any(|expr| expr.any(&reads_secret)) {
            true => opened.push((table, policy, used.span)),
            false => believing.push((table, policy, used.span)),
        }
    }
    report(&believing, Severity::Error, out);
    report(&opened, Severity::Info, out);
    for ((name, span), policies) in helpers {
        let who = match policies.len() {
            1 => "a policy asks".to_string(),
            count => format!("{count} policies ask"),
        };
        let message = format!("{who} {name}, which believes a header that whoever sends the request writes");
        let found = out.report(span, Identity::new("function", &name), message);
        found.note("written by the client").help(HELP);
        if !policies.iter().any(|asking| asking.is_believed) {
            found.severity(Severity::Info);
        }
        found.label_each(policies.iter().map(|asking| (asking.place, "asked here")));
        found.extent(policies.iter().map(|asking| &asking.policy));
    }
}

/// A policy that asks a function which reads a header.
struct Asking {
    place: Span,
    policy: String,
    /// Whether the policy decides by what is in the header, and that is no secret.
    is_believed: bool,
}

/// Reports each policy by itself, or all as one where there are many.
fn report(policies: &[(&Table, &Policy, Span)], severity: Severity, out: &mut Findings) {
    let before = out.list.len();
    for (table, policy, place) in policies {
        let message = format!(
            "policy {} on {} believes a header, which whoever sends the request writes",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.as_str());
        let found = out.report(*place, object, message).severity(severity);
        found.note("written by the client").help(HELP);
        found.label(policy.name_apart_from(*place), "the policy is created here");
    }
    if policies.len() > MANY {
        let message =
            format!("{} policies believe a header, which whoever sends the request writes", policies.len());
        out.fold(before, "policies", message, |_| "so does this");
    }
}

const HELP: &str = "ask for claims of the token: (select auth.uid()), (select auth.jwt() ->> …); a header proves no more \
                    than that its sender knows what is in it";

/// The header that an expression reads, by its name where that is known.
#[expect(clippy::option_option, reason = "no header, one of an unknown name")]
fn header(expr: &Expr) -> Option<Option<&str>> {
    let setting = |expr| match told(expr) {
        Some(Told::Setting(name))
            if name.starts_with("request.header") || name.starts_with("request.cookie") =>
        {
            Some(name)
        }
        _ => None,
    };
    match expr {
        Expr::Op { op, left: Some(left), right } if matches!(op.as_str(), "->" | "->>") => {
            setting(left).map(|_| text(right))
        }
        Expr::Call(_) => setting(expr).map(|name| name.strip_prefix("request.header.")),
        _ => None,
    }
}

fn is_secret(header: &str) -> bool {
    let words = ["token", "key", "secret", "signature", "share", "invite", "code", "hash"];
    header.split(['-', '_']).any(|part| words.iter().any(|word| part.ends_with(word)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create policy p1 on public.a using (org_id = current_setting('request.headers', true)::json ->> 'x-org');
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a believes a header
             create policy p2 on public.a using (org_id = (select current_setting('request.header.x-tenant', true)));
             --                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: \"p2\"
             create policy p3 on public.a using (org_id = current_setting('request.headers', true)::json ->> 'x-share-token');
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: \"p3\"
             create policy p5 on public.a using (org_id = current_setting('request.headers', true)::json ->> 'appkey');
             --                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: \"p5\"
             create policy p4 on public.a using (org_id = current_setting('request.jwt.claims', true)::json ->> 'org');",
        );
    }

    #[test]
    fn many_are_told_as_one() {
        let mut text = String::new();
        for at in 0..12 {
            text.push_str(&format!(
                "create table public.t{at} (org text);
                 alter table public.t{at} enable row level security;
                 create policy p on public.t{at} using (org = current_setting('request.headers', true)::json ->> 'x-org');\n"
            ));
        }
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("12 policies believe a header"), "{}", found[0].message);
    }

    #[test]
    fn helpers_are_followed() {
        policy(
            "
             create function public.org() returns text language sql stable as $$
               select current_setting('request.headers', true)::json ->> 'x-org'
             --       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: 2 policies ask public.org, which believes a header
             $$;
             create policy p1 on public.a using (org_id = (select public.org()));
             create policy p2 on public.a for select using (org_id = public.org());",
        );
    }

    #[test]
    fn what_is_only_written_down_decides_nothing() {
        policy(
            "
             create function public.note(what text) returns void language plpgsql as $$
             begin
               raise log '% by %', what, current_setting('request.header.x-request-id', true);
             end $$;
             create function public.may(key bigint) returns boolean language plpgsql as $$
             begin
               perform public.note('asked');
               return key = 1;
             end $$;
             create policy p1 on public.a using (public.may(id));
             create function public.demand() returns void language plpgsql as $$
             begin
               if current_setting('request.header.x-org', true) is null then raise exception 'no'; end if;
             --   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: a policy asks public.demand
             end $$;
             create function public.strict(key bigint) returns boolean language plpgsql as $$
             begin
               perform public.demand();
               return key = 1;
             end $$;
             create policy p2 on public.a for select using (public.strict(id));",
        );
    }
}
