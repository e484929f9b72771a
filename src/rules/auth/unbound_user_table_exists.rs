use crate::access::reach;
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{is_plain, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::{Expr, FromItem, QueryBody, Sublink, SublinkKind, Target};
use crate::sql::name::Ident;

declare_rule! {
    /// Finds policies that ask whether there is such a user, and not whether the caller is it.
    ///
    /// ## Why it matters
    ///
    /// `exists (select 1 from profiles where role = 'admin')` is true for everybody as soon as there is one
    /// admin. The sub-select needs a condition that ties it to the caller, or to the row.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key references auth.users, role text);
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "admins" on public.reports
    ///   using (exists (select 1 from public.profiles where role = 'admin'));
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key references auth.users, role text);
    /// create table public.reports (id bigint primary key);
    /// alter table public.reports enable row level security;
    /// create policy "admins" on public.reports
    ///   using (exists (select 1 from public.profiles where role = 'admin' and id = (select auth.uid())));
    /// ```
    ///
    /// The row level security of the table that is asked counts: if it shows callers only their own rows, the
    /// condition is about them. `security definer` functions that a policy calls are followed.
    ///
    /// ## How to fix
    ///
    /// Add to the sub-select what ties its row to the caller: `and id = (select auth.uid())`.
    "unbound-user-table-exists" {
        group: Group::Auth,
        severity: Severity::Error,
        summary: "a policy asks whether anybody is an admin",
        sources: &["pgrls:SEC036"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for (table, policy) in cx.policies_of_requests() {
        let roles: Vec<&Role> =
            cx.catalog.api_roles().filter(|role| cx.catalog.policy_binds(policy, role)).collect();
        let seen = |asked: &Table| {
            let known = !cx.catalog.may_have_changed(&asked.name, Aspect::Policies)
                && !cx.catalog.may_have_changed(&asked.name, Aspect::Rls);
            known && roles.iter().any(|role| cx.catalog.reads_all_rows(asked, role))
        };
        let found = policy.clauses().find_map(|clause| {
            unbound(cx, &[&clause.value], &seen).or_else(|| through_helper(cx, &clause.value))
        });
        let Some(Asked { table: asked, span, helper }) = found else { continue };
        let by = helper.as_ref().map_or_else(String::new, |(name, _)| format!(" by {name}"));
        let message = format!(
            "policy {} on {} asks{by} whether {} has such a row at all, not whether it is the caller's: if there is one, \
             everybody passes",
            policy.name.delimited(),
            table.name,
            asked.name
        );
        let found = out.report(span, Identity::part("policy", &table.name, policy.name.as_str()), message);
        found.note("nothing ties it to the caller").reach(reach(&cx.rights.passed_by(table, policy)));
        if let Some((_, place)) = helper {
            found.label(place, "asked here");
        }
        let column = asked.owner_column(cx.catalog).map_or("id", |column| column.name.as_str());
        found.help(format!(
            "add: and {}.{} = (select auth.uid())",
            asked.name.name.quoted(),
            Ident::new(column).quoted()
        ));
        found.label(policy.name_apart_from(span), "the policy is created here");
    }
}

/// A question about users that is tied to nobody.
struct Asked<'a> {
    table: &'a Table,
    span: Span,
    /// The function that asks, and where it does.
    helper: Option<(QName, Span)>,
}

/// The first EXISTS over users, and users that those who ask see, that is tied neither to the caller
/// nor to a row around it.
fn unbound<'a>(cx: &CatalogCx<'a>, exprs: &[&Expr], seen: &dyn Fn(&Table) -> bool) -> Option<Asked<'a>> {
    let mut negated: Vec<Span> = Vec::new();
    let mut asked: Vec<&Sublink> = Vec::new();
    for expr in exprs {
        expr.walk(&mut |part| match part {
            // Whether there is nobody yet is a question of its own.
            Expr::Not(inner) => {
                if let Expr::Sublink(sublink) = &**inner {
                    negated.push(sublink.span);
                }
            }
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Exists => asked.push(sublink),
            _ => {}
        });
    }
    asked.retain(|sublink| !negated.contains(&sublink.span) && is_untied(sublink));
    asked.into_iter().find_map(|sublink| {
        let QueryBody::Select(select) = &sublink.query.body else { return None };
        let [FromItem::Relation { relation, .. }] = select.from.as_slice() else { return None };
        let table = cx.catalog.tables.get(&relation.target?)?;
        (holds_users(cx.catalog, table) && seen(table)).then_some(Asked {
            table,
            span: sublink.span,
            helper: None,
        })
    })
}

/// Whether a query depends on nothing but constants and the table that it reads.
fn is_untied(sublink: &Sublink) -> bool {
    let ties = |expr: &Expr| match expr {
        Expr::Column(column) => {
            !matches!(column.target, Target::Column { depth: 0, .. } | Target::Row { depth: 0, .. })
        }
        Expr::Call(call) => !is_plain(call) || told(expr).is_some(),
        Expr::Literal(_) | Expr::Op { .. } | Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::In { .. } => {
            false
        }
        Expr::IsNull { .. }
        | Expr::IsBool { .. }
        | Expr::Cast { .. }
        | Expr::Array(_)
        | Expr::OpArray { .. } => false,
        _ => true,
    };
    let query = &sublink.query;
    let mut tied = !query.ctes.is_empty();
    let filtered = matches!(&query.body, QueryBody::Select(select) if select.filter.is_some());
    query.walk(&mut |expr| tied |= ties(expr));
    filtered && !tied && !sublink.is_correlated()
}

fn holds_users(catalog: &Catalog, table: &Table) -> bool {
    let is_users = table.name.schema == "auth" && table.name.name == "users";
    is_users || table.owner_column(catalog).is_some()
}

/// The same in a function that a policy calls and that is above the policies of what it reads.
fn through_helper<'a>(cx: &CatalogCx<'a>, expr: &Expr) -> Option<Asked<'a>> {
    let mut calls = Vec::new();
    expr.walk(&mut |part| {
        if let Expr::Call(call) = part {
            calls.push(&**call);
        }
    });
    calls.into_iter().find_map(|call| {
        let function = cx.catalog.functions.get(&call.target?)?;
        let routine = cx.workload.routines.get(&function.oid)?;
        let doubt = cx.catalog.may_have_changed(&function.name, Aspect::Functions);
        if doubt
            || !function.security_definer.value
            || !routine.complete
            || function.inputs().next().is_some()
        {
            return None;
        }
        let mut parts = Vec::new();
        routine.walk(&mut |part| parts.push(part));
        if parts.iter().any(|part| told(part).is_some()) {
            return None;
        }
        let above = |table: &Table| cx.catalog.is_above_policies(&function.owner, table);
        let asked = unbound(cx, &parts, &above)?;
        Some(Asked { span: call.span, helper: Some((function.name.clone(), asked.span)), ..asked })
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.profiles (id uuid primary key references auth.users, role text);\n\
                          create table public.a (id bigint, owner uuid, email text);\n\
                          alter table public.a enable row level security;\n";

    fn policy(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn forms() {
        policy(
            "
             create table public.settings (name text, value text);
             create policy p1 on public.a using (exists (select 1 from public.profiles p where p.role = 'admin'));
             --                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: policy \"p1\" on public.a asks whether public.profiles has such a row at all
             create policy p2 on public.a using (exists (select 1 from public.profiles p where p.role = 'admin' and p.id = auth.uid()));
             create policy p3 on public.a using (exists (select 1 from public.profiles p where p.id = a.owner));
             create policy p4 on public.a using (not exists (select 1 from public.profiles p where p.role = 'admin'));
             create policy p5 on public.a using (exists (select 1 from public.settings where name = 'open' and value = 'yes'));
             create policy p6 on public.a using (exists (select 1 from public.profiles where role = current_setting('app.role', true)));
             create policy p7 on public.a using (exists (select 1 from auth.users u where u.email = 'x'));",
        );
    }

    #[test]
    fn row_level_security_ties_to_the_caller() {
        policy(
            "
             alter table public.profiles enable row level security;
             create policy own on public.profiles using (id = auth.uid());
             create policy p1 on public.a using (exists (select 1 from public.profiles where role = 'admin'));",
        );
    }

    #[test]
    fn definer_functions_are_followed() {
        policy(
            "
             alter table public.profiles enable row level security;
             create policy own on public.profiles using (id = auth.uid());
             create function public.is_admin() returns boolean language sql stable security definer set search_path = '' as $$
               select exists (select 1 from public.profiles where role = 'admin')
             $$;
             create function public.am_admin() returns boolean language sql stable security definer set search_path = '' as $$
               select exists (select 1 from public.profiles where role = 'admin' and id = auth.uid())
             $$;
             create policy p1 on public.a using ((select public.is_admin()));
             --                                          ^^^^^^^^^^^^^^^^^ error: asks by public.is_admin whether public.profiles has
             create policy p2 on public.a using (public.am_admin());",
        );
    }
}
