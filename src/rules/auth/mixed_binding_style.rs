use crate::map::IndexMap;

use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::{Call, Expr, Oid};
use crate::sql::plpgsql::{BlockStatementKind, RaiseLevel};

declare_rule! {
    /// Finds tables whose policies tell who the caller is in different ways.
    ///
    /// ## Why it matters
    ///
    /// `auth.uid()`, `auth.jwt() ->> 'sub'` and a setting of the application's own may say different things of
    /// one request, and who reads one policy does not learn from the others. The same is true of a helper that
    /// fails where a setting is absent, beside a policy that reads the setting as null.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "read" on public.notes for select using (owner = (select auth.uid()));
    /// create policy "write" on public.notes for update
    ///   using (owner = (select auth.jwt() ->> 'sub')::uuid);
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "read" on public.notes for select using (owner = (select auth.uid()));
    /// create policy "write" on public.notes for update using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Tell the caller in one way throughout, best by `(select auth.uid())`.
    "mixed-binding-style" {
        group: Group::Auth,
        severity: Severity::Info,
        summary: "policies of one table tell the caller in several ways",
        sources: &["pgrls:SEC055"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut first: IndexMap<Oid, (&str, Span)> = IndexMap::default();
    let mut told: Vec<Oid> = Vec::new();
    for (table, policy) in cx.policies_of_requests() {
        for clause in policy.clauses() {
            for (style, part) in styles(cx, &clause.value) {
                let span = part.span().unwrap_or(clause.span);
                let (before, place) = *first.entry(table.oid).or_insert((style, span));
                if before == style || told.contains(&table.oid) {
                    continue;
                }
                told.push(table.oid);
                let message = format!(
                    "policy {} on {} takes the caller from {style}, and another takes it from {before}",
                    policy.name.delimited(),
                    table.name
                );
                out.report(span, Identity::new("table", &table.name), message)
                    .label(place, format!("{before} here"))
                    .help("tell the caller in one way, best by (select auth.uid())");
            }
        }
    }
}

/// How the parts of a condition tell the caller.
fn styles<'a>(cx: &CatalogCx<'_>, expr: &'a Expr) -> Vec<(&'static str, &'a Expr)> {
    let mut found = Vec::new();
    expr.walk(&mut |part| {
        let style = match part {
            Expr::Op { .. } if told(part) == Some(Told::Id) => Some("the claim `sub`"),
            Expr::Call(call) => match told(part) {
                Some(Told::Id) if call.name.name == "uid" => Some("auth.uid()"),
                Some(Told::Id) if call.name.name == "current_setting" => Some("the claim `sub`"),
                Some(Told::Setting(name)) if name.starts_with("app.") => Some("a setting that may be absent"),
                _ => is_strict_helper(cx, call).then_some("a helper that fails without its setting"),
            },
            _ => None,
        };
        found.extend(style.map(|style| (style, part)));
    });
    found
}

/// Whether a call reads a setting and raises an error.
fn is_strict_helper(cx: &CatalogCx<'_>, call: &Call) -> bool {
    let Some(routine) = call.target.and_then(|oid| cx.workload.routines.get(&oid)) else { return false };
    let (mut reads, mut raises) = (false, false);
    routine.walk(&mut |part| {
        reads |= matches!(told(part), Some(Told::Setting(name)) if name.starts_with("app."))
    });
    if let Some(block) = &routine.block {
        block.walk(&mut |statement| {
            raises |=
                matches!(statement.kind, BlockStatementKind::Raise { level: RaiseLevel::Exception, .. });
        });
    }
    reads && raises
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLE: &str = "create table public.a (id bigint primary key, owner uuid, org_id text, email text, ok boolean);\n\
                         alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLE}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create function public.require_tenant() returns text language plpgsql stable as $$
             begin
               if current_setting('app.tenant', true) is null then raise exception 'no tenant'; end if;
               return current_setting('app.tenant', true);
             end $$;
             create policy p1 on public.a for select using (owner = auth.uid());
             create policy p2 on public.a for update using (owner = (auth.jwt() ->> 'sub')::uuid);
             --                                                      ^^^^^^^^^^ info: policy \"p2\" on public.a takes the caller from the claim `sub`, and another takes it from auth.uid()
             create table public.b (id int, tenant text);
             alter table public.b enable row level security;
             create policy p1 on public.b for select using (tenant = (select public.require_tenant()));
             create policy p2 on public.b for update using (tenant = current_setting('app.tenant', true));
             --                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: a setting that may be absent
             create table public.c (id int, owner uuid, email text);
             alter table public.c enable row level security;
             create policy p1 on public.c for select using (owner = (select auth.uid()) or email = auth.email());
             create policy p2 on public.c for update using (owner = auth.uid());",
        );
    }
}
