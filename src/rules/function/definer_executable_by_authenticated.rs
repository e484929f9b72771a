use crate::access::in_words;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::{UsedByRows, deeds, report_callable};

declare_rule! {
    /// Finds functions that run with their owner's rights, that every signed-in user can call, and that do not
    /// ask who calls.
    ///
    /// ## Why it matters
    ///
    /// A `security definer` function is above row level security. What it does for one user it does for
    /// every other, and with open sign-ups anybody is a user. Other roles that were granted to
    /// `authenticator` count as well.
    ///
    /// ```sql,bad
    /// create table public.scores (id bigint primary key, points int);
    /// alter table public.scores enable row level security;
    /// create function public.reset_scores() returns void language sql security definer
    ///   set search_path = '' as $$ update public.scores set points = 0 where true $$;
    /// revoke execute on function public.reset_scores() from public, anon;
    /// ```
    ///
    /// ```sql,good
    /// create table public.scores (id bigint primary key, points int);
    /// alter table public.scores enable row level security;
    /// create function public.reset_scores() returns void language sql security definer
    ///   set search_path = '' as $$ update public.scores set points = 0 where true $$;
    /// revoke execute on function public.reset_scores() from public, anon, authenticated;
    /// ```
    ///
    /// A function that everybody can call is `definer-executable-by-anon`.
    ///
    /// ## How to fix
    ///
    /// If only the server is to call it: `revoke execute on function … from authenticated;`. Else ask
    /// `(select auth.uid())` in its body, or make it `security invoker`.
    "definer-executable-by-authenticated" {
        group: Group::Function,
        severity: Severity::Info,
        summary: "every user can call a function with its owner's rights",
        sources: &["splinter:0029"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let used = UsedByRows::of(cx.catalog, cx.workload);
    for deed in deeds(cx, &used).iter().filter(|deed| !deed.callers.iter().any(|caller| caller == "anon")) {
        let who = if deed.callers.iter().any(|caller| caller == "authenticated") {
            "every signed-in user".to_string()
        } else {
            format!("a request with the role {}", in_words(&deed.callers, "or"))
        };
        report_callable(cx, deed, &who, out);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.orders (id bigint primary key, user_id uuid, total int);\n\
                          alter table public.orders enable row level security;\n";

    fn function(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a() returns void language sql security definer as $$ delete from public.orders $$;
             --              ^^^^^^^^ warning: every signed-in user can call function public.a, which writes to public.orders
             revoke execute on function public.a() from public, anon;
             create function public.b() returns void language sql security definer as $$ delete from public.orders $$;
             create role editor; grant editor to authenticator; grant usage on schema public to editor;
             create function public.c() returns void language sql security definer as $$ delete from public.orders $$;
             --              ^^^^^^^^ warning: a request with the role editor can call function public.c
             revoke execute on function public.c() from public, anon, authenticated;
             grant execute on function public.c() to editor;",
        );
    }
}
