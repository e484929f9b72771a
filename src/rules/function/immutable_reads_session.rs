use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::told;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::Expr;
use crate::sql::statement::Volatility;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds functions that are declared `immutable` and depend on the caller or on tables.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL computes an immutable function once and keeps the result: in a plan that the next request
    /// uses again, in an index. A policy then compares with the id of whoever came first.
    ///
    /// ```sql,bad
    /// create function public.me() returns uuid language sql immutable as $$ select auth.uid() $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.me() returns uuid language sql stable as $$ select auth.uid() $$;
    /// ```
    ///
    /// Where no policy calls it, it is a warning.
    ///
    /// ## How to fix
    ///
    /// Declare it `stable`: it is then computed once for each statement.
    "immutable-reads-session" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a function that depends on the caller is declared immutable",
        sources: &["pgrls:SEC046"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    let immutable = |function: &&Function| {
        function.volatility == Volatility::Immutable && !doubts.concern(&function.name)
    };
    for function in cx.catalog.own_functions().filter(immutable) {
        let Some(routine) = cx.workload.routines.get(&function.oid) else { continue };
        let Some((what, place)) = reads(cx, routine) else { continue };
        let Some(span) = function.name_span else { continue };
        let caller = cx.policies_of_requests().find(|(_, policy)| {
            policy.expressions().any(|expr| {
                expr.any(&|part| matches!(part, Expr::Call(call) if call.target == Some(function.oid)))
            })
        });
        let harm = match caller {
            Some((table, policy)) => {
                format!(
                    "policy {} on {} may get the result of another caller",
                    policy.name.delimited(),
                    table.name
                )
            }
            None => "PostgreSQL may give one caller the result of another".to_string(),
        };
        let message =
            format!("{} {} is declared immutable and {what}: {harm}", function.noun(), function.name);
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.what(function.signature(cx.catalog)).label(place, "here");
        found.help(format!("alter {} {} stable;", function.noun(), function.signature(cx.catalog)));
        if caller.is_none() {
            found.severity(Severity::Warning);
        }
    }
}

/// What a body depends on besides its parameters, and where.
fn reads(cx: &CatalogCx<'_>, routine: &Routine) -> Option<(&'static str, Span)> {
    let mut found = None;
    routine.walk(&mut |part| {
        if told(part).is_some()
            && let Some(span) = part.span()
        {
            found.get_or_insert(("depends on who asks", span));
        }
    });
    routine.walk_relations(&mut |relation| {
        let stored = relation
            .target
            .is_some_and(|oid| cx.catalog.tables.contains_key(&oid) || cx.catalog.views.contains_key(&oid));
        if stored && relation.name.schema.as_ref().is_none_or(|schema| *schema != "pg_catalog") {
            found.get_or_insert(("reads a table", relation.name.span));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table public.a (id bigint, owner uuid);
             alter table public.a enable row level security;
             create function public.me() returns uuid language sql immutable as $$ select auth.uid() $$;
             --              ^^^^^^^^^ error: function public.me is declared immutable and depends on who asks: policy \"p\" on public.a
             create policy p on public.a using (owner = public.me());
             create function public.count_a() returns bigint language plpgsql immutable as $$
             --              ^^^^^^^^^^^^^^ warning: function public.count_a is declared immutable and reads a table
             begin return (select count(*) from public.a); end $$;
             create function public.add(a int, b int) returns int language sql immutable as $$ select a + b $$;
             create function public.mine() returns uuid language sql stable as $$ select auth.uid() $$;
             create function public.one() returns int language sql immutable as $$ select x from (values (1)) v(x) $$;",
        );
    }
}
