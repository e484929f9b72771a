use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds tables whose row level security does not bind their owner.
    ///
    /// ## Why it matters
    ///
    /// Without FORCE ROW LEVEL SECURITY whoever owns a table is above its policies, and so is each
    /// view and `security definer` function of the owner. On plain PostgreSQL, where the app often
    /// connects as the owner, that means that policies do nothing at all.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, user_id uuid);
    /// alter table public.notes enable row level security;
    /// alter table public.notes force row level security;
    /// ```
    ///
    /// It is off unless it is asked for: on Supabase the owner is `postgres`, which is above row
    /// level security whatever a table says, and no request has that role.
    ///
    /// ## How to fix
    ///
    /// `alter table public.notes force row level security;`
    "force-rls-missing" {
        group: Group::Rls,
        severity: Severity::Warning,
        summary: "row level security does not bind the owner",
        sources: &["pgrls:SEC002"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[crate::catalog::gap::Aspect::Rls]);
    let unforced = |table: &&crate::catalog::table::Table| {
        table.rls.value && !table.forced_rls.value && !doubts.concern(&table.name)
    };
    for table in cx.catalog.own_tables().filter(unforced) {
        let Some(span) = table.name_span else { continue };
        let message = format!(
            "row level security of {} does not bind its owner {}",
            table.name,
            table.owner.value.quoted()
        );
        out.report(span, Identity::new("table", &table.name), message)
            .note("no FORCE ROW LEVEL SECURITY")
            .label(table.rls.origin.span(), "row level security is enabled here")
            .help(format!("alter table {} force row level security;", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn the_last_statement_decides() {
        check(
            &RULE,
            "
             create table public.a (id bigint);
             --           ^^^^^^^^ warning: row level security of public.a does not bind its owner postgres
             alter table public.a enable row level security;
             alter table public.a force row level security;
             alter table public.a no force row level security;
             create table public.b (id bigint);
             alter table public.b enable row level security;
             alter table public.b force row level security;
             create table public.c (id bigint);",
        );
    }
}
