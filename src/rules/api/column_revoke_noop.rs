use crate::map::IndexMap;

use crate::access::{COMMANDS, Rights, in_words};
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::revocation::Left;
use crate::catalog::table::Column;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;

declare_rule! {
    /// Finds REVOKE statements on columns of a table that the role holds as a whole.
    ///
    /// ## Why it matters
    ///
    /// A right on a table covers all its columns, and a REVOKE that names columns takes nothing of
    /// it (PostgreSQL manual, GRANT). Supabase grants new tables of `public` as a whole. Who wants
    /// to keep users from making themselves administrators with
    /// `revoke update (is_admin) on profiles from authenticated` has changed nothing.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key, username text, is_admin boolean);
    /// revoke update (is_admin) on public.profiles from authenticated, anon;
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key, username text, is_admin boolean);
    /// revoke update on public.profiles from authenticated, anon;
    /// grant update (username) on public.profiles to authenticated;
    /// ```
    ///
    /// It is a warning where no policy lets the role do it today.
    ///
    /// ## How to fix
    ///
    /// Revoke it on the whole table, and grant it on the columns that the role may have.
    "column-revoke-noop" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "REVOKE of columns takes nothing from a grant on the table",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let mut groups: IndexMap<(Span, Oid), Vec<Left<'_>>> = IndexMap::default();
    for left in cx.catalog.left_by_revokes() {
        if left.column.is_some() {
            groups.entry((left.span, left.object)).or_default().push(left);
        }
    }
    for ((span, object), lefts) in groups {
        let Some((name, columns)) = relation(cx.catalog, object) else { continue };
        let unclear = cx.catalog.may_have_changed(name, Aspect::Grants);
        if cx.catalog.is_exposed(&name.schema) && !unclear {
            report(cx.rights, span, name, columns, &lefts, out);
        }
    }
}

fn relation(catalog: &Catalog, oid: Oid) -> Option<(&QName, &[Column])> {
    let table = catalog.tables.get(&oid).map(|table| (&table.name, table.columns.as_slice()));
    table.or_else(|| catalog.views.get(&oid).map(|view| (&view.name, view.columns.as_slice())))
}

fn report(
    rights: &Rights<'_>,
    span: Span,
    name: &QName,
    columns: &[Column],
    lefts: &[Left<'_>],
    out: &mut Findings,
) {
    let mut revoked: Vec<Ident> = Vec::new();
    let mut roles: Vec<Ident> = Vec::new();
    for left in lefts {
        let column = columns.iter().find(|column| Some(column.attnum) == left.column);
        revoked.extend(column.map(|column| column.name.clone()).filter(|name| !revoked.contains(name)));
        if !roles.contains(&left.role.name) {
            roles.push(left.role.name.clone());
        }
    }
    let held = lefts.iter().fold(lefts[0].privileges, |sum, left| sum.union(left.privileges));
    let words: Vec<&str> = held.iter().map(|privilege| privilege.keyword()).collect();
    let (who, names) = (in_words(&words_of(&roles), "and"), in_words(&words_of(&revoked), "and"));
    let hold = if roles.len() == 1 { "holds" } else { "hold" };
    let right = in_words(&words, "and");
    let message = format!(
        "{who} can still {right} {names} of {name}: {hold_it} {right} on the whole table, and a REVOKE of columns \
         takes nothing from that",
        hold_it = if roles.len() == 1 { format!("it {hold}") } else { format!("they {hold}") },
    );
    let reached = rights.of(name).iter().any(|row| {
        roles.contains(&row.role.name)
            && COMMANDS
                .iter()
                .zip(row.cells)
                .any(|((_, privilege), cell)| held.contains(*privilege) && cell.reach != Reach::None)
    });
    let others: Vec<String> = columns
        .iter()
        .filter(|column| !revoked.contains(&column.name))
        .map(|column| column.name.quoted())
        .collect();
    let through_public = lefts.iter().any(|left| left.through.contains(&Grantee::Public));
    let public = if through_public { "public, " } else { "" };
    let (right, to, on) = (words.join(", ").to_lowercase(), words_of(&roles).join(", "), name.quoted());
    let list = others.join(", ");
    let regrant: Vec<String> = words.iter().map(|word| format!("{} ({list})", word.to_lowercase())).collect();
    let found = out.report(span, Identity::new("table", name), message);
    found.note("this changes nothing").what(format!("{right} {}", words_of(&revoked).join(" ")));
    found.extent(words_of(&roles));
    let grants =
        lefts.iter().flat_map(|left| left.grants.iter().copied()).collect::<crate::map::IndexSet<_>>();
    found.label_each(grants.into_iter().map(|grant| (grant, "granted on the whole table here")));
    if !reached {
        found.severity(Severity::Warning);
    }
    found.help(format!(
        "revoke {right} on {on} from {public}{to}; grant {} on {on} to {to};",
        regrant.join(", ")
    ));
}

fn words_of(names: &[Ident]) -> Vec<String> {
    names.iter().map(Ident::quoted).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn the_grant_on_the_table_stays() {
        check(
            &RULE,
            "
             create table public.profiles (id uuid primary key, name text, role text);
             alter table public.profiles enable row level security;
             create policy own on public.profiles for all using (id = auth.uid());
             revoke update (role) on public.profiles from authenticated;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: authenticated can still UPDATE role of public.profiles: it holds UPDATE on the whole table
             create table public.closed (id uuid primary key, role text);
             alter table public.closed enable row level security;
             revoke update (role) on public.closed from authenticated;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: authenticated can still UPDATE role
             ",
        );
    }

    #[test]
    fn a_revoke_that_does_what_it_says_is_silent() {
        check(
            &RULE,
            "
             create table public.profiles (id uuid primary key, name text, role text);
             revoke update on public.profiles from anon, authenticated;
             grant update (name, role) on public.profiles to authenticated;
             revoke update (role) on public.profiles from authenticated;
             create table public.later (id uuid primary key, role text);
             revoke update (role) on public.later from anon, authenticated;
             revoke update on public.later from anon, authenticated;
             grant update (id) on public.later to authenticated;
             create table public.server (id int, note text);
             revoke select (note) on public.server from service_role;
             create schema private;
             create table private.t (a int);
             grant all on private.t to anon;
             revoke select (a) on private.t from anon;",
        );
    }

    #[test]
    fn the_help_grants_the_other_columns() {
        let help = |text: &str| Bench::new(text).run(&RULE, &RULE.options.defaults()).remove(0).help;
        let text = "create table profiles (id uuid primary key, name text, role text);
             revoke select (role), update (role) on profiles from anon, authenticated;";
        let expected = "revoke select, update on public.profiles from anon, authenticated; \
                        grant select (id, name), update (id, name) on public.profiles to anon, authenticated;";
        assert_eq!(help(text).as_deref(), Some(expected));
    }
}
