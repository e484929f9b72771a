use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds `drop policy if exists` with a name that is almost that of a policy which stays.
    ///
    /// ## Why it matters
    ///
    /// A name with a typing error or in other letters drops nothing, and says so in a notice that
    /// nobody reads. The policy that was to go stays, and policies are joined with `or`: whatever the
    /// new one forbids, the old one still allows. A table that was closed in the review stays open.
    ///
    /// ```sql,bad
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Anyone can read notes" on public.notes for select using (true);
    /// drop policy if exists "anyone can read notes" on public.notes;
    /// create policy "Own notes" on public.notes for select using (owner = (select auth.uid()));
    /// ```
    ///
    /// ```sql,good
    /// create table public.notes (id bigint primary key, owner uuid);
    /// alter table public.notes enable row level security;
    /// create policy "Anyone can read notes" on public.notes for select using (true);
    /// drop policy if exists "Anyone can read notes" on public.notes;
    /// drop policy if exists "Own notes" on public.notes;
    /// create policy "Own notes" on public.notes for select using (owner = (select auth.uid()));
    /// ```
    ///
    /// Names are almost the same if they differ in capitals, blanks and signs, or by one letter more or
    /// less. A drop that guards the `create policy` of the same name is silent, and so is one of a
    /// policy that is dropped or renamed later. Without IF EXISTS PostgreSQL refuses the statement, which
    /// `unknown-object` tells.
    ///
    /// ## How to fix
    ///
    /// Drop the policy that is there, by the name that it has.
    "drop-policy-no-match" {
        group: Group::Migration,
        severity: Severity::Warning,
        summary: "a drop misses the policy that it means",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Policies]);
    for missed in &cx.catalog.missed_policies {
        let Some(table) = cx.catalog.tables.get(&missed.table).filter(|table| !doubts.concern(&table.name))
        else {
            continue;
        };
        let stays =
            table.policies.get(&missed.near).filter(|policy| policy.history.created == missed.near_made);
        let Some(policy) = stays.filter(|_| !table.policies.contains_key(&missed.name)) else { continue };
        let (wanted, near) = (missed.name.delimited(), policy.name.delimited());
        let message = format!(
            "{} has no policy {wanted} to drop: {near} stays, and what it allows stays allowed",
            table.name
        );
        let object = Identity::part("policy", &table.name, policy.name.to_string());
        out.report(missed.span, object, message)
            .note("drops nothing")
            .label(policy.name_span, "this policy stays")
            .help(format!("drop policy {near} on {};", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn names_that_are_almost_the_same_are_meant() {
        check(
            &RULE,
            "create table public.t (id int);
             create policy \"Users can view posts\" on public.t for select using (true);
             create policy open_all on public.t using (true);
             drop policy if exists \"users can view posts\" on public.t;
             --                    ^^^^^^^^^^^^^^^^^^^^^^ warning: public.t has no policy \"users can view posts\" to drop: \"Users can view posts\" stays
             drop policy if exists \"open-all\" on public.t;
             --                    ^^^^^^^^^^ warning: \"open_all\" stays
             drop policy if exists \"Users can view post\" on public.t;
             --                    ^^^^^^^^^^^^^^^^^^^^^ warning: \"Users can view posts\" stays",
        );
    }

    #[test]
    fn guards_and_other_names_are_silent() {
        check(
            &RULE,
            "create table public.t (id int);
             create policy \"Users can view posts\" on public.t for select using (true);
             create policy policy_1 on public.t for delete using (true);
             drop policy if exists \"Users can edit posts\" on public.t;
             drop policy if exists policy_2 on public.t;
             drop policy if exists \"users can view posts\" on public.t;
             create policy \"users can view posts\" on public.t for select using (id = 1);
             create policy \"Mine\" on public.t for update using (true);
             drop policy if exists \"mine\" on public.t;
             drop policy \"Mine\" on public.t;
             drop policy if exists \"x\" on public.t;",
        );
    }
}
