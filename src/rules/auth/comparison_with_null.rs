use crate::catalog::gap::Aspect;
use crate::diagnostic::Severity;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::spots;
use crate::sql::expr::{ColumnRef, Expr, Literal, Query, QueryBody, SublinkKind, Target};

declare_rule! {
    /// Finds comparisons with NULL in policies.
    ///
    /// ## Why it matters
    ///
    /// `x = null` is null whatever `x` is, and a policy takes null for false. `x not in (1, null)` is never
    /// true either, nor is `x not in (select y …)` when one `y` is null.
    ///
    /// ```sql,bad
    /// create table public.posts (id bigint primary key, deleted_at timestamptz);
    /// alter table public.posts enable row level security;
    /// create policy "live" on public.posts for select using (deleted_at = null);
    /// ```
    ///
    /// ```sql,good
    /// create table public.posts (id bigint primary key, deleted_at timestamptz);
    /// alter table public.posts enable row level security;
    /// create policy "live" on public.posts for select using (deleted_at is null);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write `is null` or `is not null`. Leave nulls out of the sub-select, or write `not exists`.
    "comparison-with-null" {
        group: Group::Auth,
        severity: Severity::Warning,
        summary: "a comparison with NULL is never true",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for spot in spots(cx, |_, _, part| wrong(cx, part)) {
        let (why, help) = match &spot.seen {
            Wrong::Operator(op) => (
                format!("compares with NULL by `{op}`, which is never true"),
                format!("write {}", if *op == "=" { "`is null`" } else { "`is not null`" }),
            ),
            Wrong::List => (
                "asks NOT IN a list with NULL, which is never true".to_string(),
                "take NULL off the list".to_string(),
            ),
            Wrong::Rows(column) => (
                format!("asks NOT IN rows whose {column} may be null: one null lets nothing through"),
                format!("leave the nulls out: … where {column} is not null, or write `not exists`"),
            ),
        };
        spot.report(out, format!("{} {why}", spot.subject())).help(help);
    }
}

enum Wrong<'a> {
    Operator(&'a str),
    List,
    /// The nullable column that a sub-select gives.
    Rows(String),
}

fn wrong<'a>(cx: &CatalogCx<'_>, expr: &'a Expr) -> Option<Wrong<'a>> {
    let is_null = |expr: &Expr| matches!(expr.uncast(), Expr::Literal(Literal::Null));
    match expr {
        Expr::Op { op, left: Some(left), right } if matches!(op.as_str(), "=" | "<>" | "!=") => {
            (is_null(left) || is_null(right)).then_some(Wrong::Operator(op))
        }
        Expr::In { list, negated: true, .. } => list.iter().any(is_null).then_some(Wrong::List),
        Expr::Not(inner) => match &**inner {
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Any && sublink.op == "=" => {
                nullable_result(cx, &sublink.query).map(Wrong::Rows)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The column of a table that is a query's only result, if it may be null and nothing asks for that.
fn nullable_result(cx: &CatalogCx<'_>, query: &Query) -> Option<String> {
    let QueryBody::Select(select) = &query.body else { return None };
    let [target] = select.targets.as_slice() else { return None };
    let Expr::Column(ColumnRef { target: Target::Column { relation, attnum, depth: 0 }, .. }) = &target.expr
    else {
        return None;
    };
    let table = cx.catalog.tables.get(relation)?;
    let column = table.column_at(*attnum)?;
    let asked = query.own_expressions().into_iter().skip(1).any(|expr| {
        expr.any(&|part| {
            matches!(part, Expr::Column(ColumnRef { target: Target::Column { attnum: asked, .. }, .. })
            if asked == attnum)
        })
    });
    let unsure = asked || column.not_null.value || cx.catalog.may_have_changed(&table.name, Aspect::Shape);
    (!unsure).then(|| column.name.quoted())
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
             create table public.m (team text, who uuid not null);
             create policy p1 on public.a using (org_id = null);
             --                                  ^^^^^^ warning: policy \"p1\" on public.a compares with NULL by `=`
             create policy p2 on public.a using (auth.uid() <> null::uuid);
             --                                  ^^^^^^^^^^ warning: by `<>`
             create policy p3 on public.a using (org_id not in ('a', null));
             --                                  ^^^^^^ warning: NOT IN a list with NULL
             create policy p4 on public.a using (org_id not in (select team from public.m));
             --                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: whose team may be null
             create policy p5 on public.a using (org_id not in (select team from public.m where team is not null));
             create policy p6 on public.a using (owner not in (select who from public.m));
             create policy p7 on public.a using (org_id is null or org_id in ('a', null) or org_id is distinct from null);",
        );
    }
}
