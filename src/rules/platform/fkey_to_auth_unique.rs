use crate::access::in_words;
use crate::catalog::gap::Aspect;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds foreign keys to columns of the schema `auth` that are unique without being the primary
    /// key.
    ///
    /// ## Why it matters
    ///
    /// The tables of `auth` belong to Supabase, which changes them with each release and promises
    /// nothing but their primary keys. A foreign key to `auth.users (phone)` keeps the index behind it
    /// from being dropped: the upgrade of the project's Auth fails, and nobody can sign in.
    ///
    /// ```sql,bad
    /// create table public.callers (phone text references auth.users (phone));
    /// ```
    ///
    /// ```sql,good
    /// create table public.callers (user_id uuid references auth.users (id));
    /// ```
    ///
    /// ## How to fix
    ///
    /// Reference the primary key, and look the other column up through it.
    "fkey-to-auth-unique" {
        group: Group::Platform,
        severity: Severity::Error,
        summary: "foreign key keeps Supabase from changing Auth",
        sources: &["splinter:0021"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    for table in cx.catalog.own_tables() {
        if cx.catalog.may_have_changed(&table.name, Aspect::Shape) {
            continue;
        }
        for (constraint, key) in table.foreign_keys() {
            let parent = cx.catalog.tables.get(&key.references).filter(|parent| parent.name.schema == "auth");
            let Some(parent) = parent.filter(|parent| parent.primary_key() != Some(&*key.referenced_columns))
            else {
                continue;
            };
            let (Some(primary), Some(span)) = (parent.primary_key(), constraint.history.created.span())
            else {
                continue;
            };
            let columns: Vec<String> =
                parent.column_names(&key.referenced_columns).iter().map(|name| name.quoted()).collect();
            let primary: Vec<String> =
                parent.column_names(primary).iter().map(|name| name.quoted()).collect();
            let message = format!(
                "foreign key {} of {} holds on to {} of {}, which Supabase may change: upgrades of Auth then fail",
                constraint.name.quoted(),
                table.name,
                in_words(&columns, "and"),
                parent.name
            );
            out.report(span, Identity::part("constraint", &table.name, constraint.name.as_str()), message)
                .note("not the primary key")
                .help(format!(
                    "reference the primary key: references {} ({})",
                    parent.name.quoted(),
                    primary.join(", ")
                ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn keys_that_are_unique_alone() {
        check(
            &RULE,
            "
             create table public.callers (phone text references auth.users (phone));
             --                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: foreign key callers_phone_fkey of public.callers holds on to phone of auth.users
             create table public.profiles (id uuid references auth.users);
             create table public.others (id uuid references auth.users (id) on delete cascade);
             create table public.own (id uuid primary key, name text unique);
             create table public.names (name text references public.own (name));",
        );
    }
}
