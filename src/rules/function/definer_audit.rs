use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Lists the functions that run with their owner's rights.
    ///
    /// ## Why it matters
    ///
    /// Each of them is a door through row level security, and its body is the only lock. The list is one
    /// finding, for those who look through them at each review.
    ///
    /// ```sql,bad
    /// create function public.count_users() returns bigint language sql security definer
    ///   set search_path = '' as $$ select count(*) from auth.users $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.add(a int, b int) returns int language sql immutable
    ///   as $$ select a + b $$;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Nothing has to be fixed. Read what each function lets its callers do.
    "definer-audit" {
        group: Group::Function,
        severity: Severity::Info,
        summary: "functions that run with their owner's rights",
        sources: &["pgrls:SEC014"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let definers = cx.catalog.own_functions().filter(|function| function.security_definer.value);
    let before = out.list.len();
    for function in definers {
        let Some(place) = function.name_span else { continue };
        let message = format!("function {} runs with its owner's rights", function.name);
        out.report(place, Identity::new("function", &function.name), message);
    }
    let count = out.list.len() - before;
    if count > 1 {
        let message = format!("{count} functions run with their owner's rights");
        out.fold(before, "functions", message, |one| format!("so does {}", one.object));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn it_is_one_list() {
        check(
            &RULE,
            "
             create function public.a() returns int language sql security definer as $$ select 1 $$;
             --              ^^^^^^^^ info: 2 functions run with their owner's rights
             create function public.b() returns int language sql security definer as $$ select 1 $$;
             create function public.c() returns int language sql as $$ select 1 $$;",
        );
    }
}
