use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds functions of the project that are declared `leakproof`.
    ///
    /// ## Why it matters
    ///
    /// PostgreSQL calls leakproof functions before it has asked the policies. One that raises an error with
    /// its argument, logs it or stores it tells callers of rows that they may not see. Only superusers may
    /// declare it, and migrations on Supabase run as none.
    ///
    /// ```sql,bad
    /// create function public.same(a text, b text) returns boolean language sql immutable leakproof
    ///   as $$ select a = b $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.same(a text, b text) returns boolean language sql immutable
    ///   as $$ select a = b $$;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Leave `leakproof` out, or: `alter function … not leakproof;`.
    "leakproof-function" {
        group: Group::Function,
        severity: Severity::Warning,
        summary: "a function is declared leakproof",
        sources: &["pgrls:SEC017"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    for function in
        cx.catalog.own_functions().filter(|function| function.leakproof && !doubts.concern(&function.name))
    {
        let Some(span) = function.name_span else { continue };
        let message = format!(
            "{} {} is declared leakproof: it sees rows before policies are asked, and migrations may not declare it",
            function.noun(),
            function.name
        );
        let signature = function.signature(cx.catalog);
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.help(format!("alter {} {signature} not leakproof;", function.noun())).what(signature);
    }
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
             create function public.a() returns int language sql leakproof as $$ select 1 $$;
             --              ^^^^^^^^ warning: function public.a is declared leakproof
             create function public.b() returns int language sql leakproof as $$ select 1 $$;
             alter function public.b() not leakproof;",
        );
    }
}
