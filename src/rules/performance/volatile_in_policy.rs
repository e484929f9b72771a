use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Call, Expr};
use crate::workload::effect::is_volatile_call;

declare_rule! {
    /// Finds policies that call a function whose result changes from one call to the next.
    ///
    /// ## Why it matters
    ///
    /// `random()`, `clock_timestamp()`, `nextval()` and their like give another answer for each row.
    /// Whether a row is visible then changes within one query: a list shows a row that its count
    /// leaves out, and a user who asks often enough sees every row that `random() < 0.1` should
    /// hide. `nextval()` also writes, once for each row that is looked at, and no index can be used.
    ///
    /// ```sql,bad
    /// create table public.offers (id bigint primary key, ends_at timestamptz);
    /// alter table public.offers enable row level security;
    /// create policy "open offers" on public.offers for select using (ends_at > clock_timestamp());
    /// ```
    ///
    /// ```sql,good
    /// create table public.offers (id bigint primary key, ends_at timestamptz);
    /// alter table public.offers enable row level security;
    /// create policy "open offers" on public.offers for select using (ends_at > now());
    /// ```
    ///
    /// ## How to fix
    ///
    /// Use `now()`, which is the same for the whole transaction, in place of the clock. What is drawn
    /// by lot belongs into a column that is filled when the row is made.
    "volatile-in-policy" {
        group: Group::Performance,
        severity: Severity::Warning,
        summary: "a policy decides by what changes with each call",
        sources: &["pgrls:PERF002"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    for (table, policy) in cx.catalog.own_policies().filter(|(table, _)| !doubts.concern(&table.name)) {
        let mut calls: Vec<&Call> = Vec::new();
        for expr in policy.expressions() {
            expr.walk(&mut |part| match part {
                Expr::Call(call) if is_volatile_call(call) => calls.push(call),
                _ => {}
            });
        }
        let Some((first, others)) = calls.split_first() else { continue };
        let name = first.name.name.quoted();
        let message = format!(
            "policy {} of {} decides by {name}(), which gives another answer for each row",
            policy.name.delimited(),
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.to_string());
        let finding = out.report(first.span, object, message);
        finding.note("called anew for each row").help(match first.name.name.as_str() {
            "clock_timestamp" | "timeofday" => "use now(), which is the same for the whole transaction",
            _ => "keep the value in a column that is filled when the row is made, and compare with that",
        });
        finding.label_each(others.iter().map(|call| (call.span, "and here")));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn calls_count_wherever_they_stand() {
        check(
            &RULE,
            "create table public.t (id int, key uuid, at timestamptz);
             alter table public.t enable row level security;
             create policy a on public.t using (random() < 0.5 and at < clock_timestamp());
             --                                 ^^^^^^^^ warning: policy \"a\" of public.t decides by random()
             create policy b on public.t for insert with check (key = (select gen_random_uuid()));
             --                                                               ^^^^^^^^^^^^^^^^^ warning: gen_random_uuid()
             create policy c on public.t using (at < now() and id = private.random());",
        );
    }

    #[test]
    fn what_stands_in_the_end_counts() {
        check(
            &RULE,
            "create table public.t (id int);
             create policy a on public.t using (random() < 0.5);
             alter policy a on public.t using (id = 1);
             create policy b on storage.objects using (random() < 0.5);
             --                                        ^^^^^^^^ warning: storage.objects",
        );
    }
}
