use crate::map::IndexMap;
use rustc_hash::FxHashMap;

use crate::access::{deed, in_words};
use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee, Privileges};
use crate::catalog::function::{Function, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::revocation::Left;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::deeds::UsedByRows;
use crate::source::Span;
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;

declare_rule! {
    /// Finds REVOKE statements after which the caller can still do what was revoked.
    ///
    /// ## Why it matters
    ///
    /// A right can come from several grants, and REVOKE takes one. Everybody may execute a new
    /// function, as PUBLIC, and Supabase grants what is new in `public` to `anon` and
    /// `authenticated` by name as well. Who revokes a function that deletes accounts from `public`
    /// alone leaves it to anyone with the project's public API key, and who revokes it from `anon`
    /// alone does, too.
    ///
    /// ```sql,bad
    /// create function public.wipe() returns void language sql security definer as 'select 1';
    /// revoke execute on function public.wipe() from public;
    /// ```
    ///
    /// ```sql,good
    /// create function public.wipe() returns void language sql security definer as 'select 1';
    /// revoke execute on function public.wipe() from public, anon, authenticated;
    /// ```
    ///
    /// What counts is the end of the history: a later REVOKE may take the rest. Silent are a REVOKE
    /// from PUBLIC beside one from `anon` or `authenticated` by name, whose author knows of both; what
    /// is granted again by name; functions that a policy, view, default, constraint or index calls for the
    /// role, which must stay executable; trigger functions, which nobody can call; and schemas that the API does not serve.
    ///
    /// It is a warning where something else decides what a caller can do: for functions without
    /// `security definer` and those that ask who calls, views with `security_invoker`, and tables with
    /// row level security; and for functions that only say whether something is so. So it is in a dump: the database that it was taken from need not have what
    /// Supabase grants new objects, and local stacks and preview branches do. Many statements with one
    /// reason are one finding, as a dump has them.
    ///
    /// ## How to fix
    ///
    /// Name PUBLIC and the roles in one statement, then grant to those who need it:
    /// `revoke execute on function public.wipe() from public, anon, authenticated;`
    "ineffective-revoke" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "revoked right is still held through another grant",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

/// More objects than these are counted.
const MOST_NAMED: usize = 3;

/// More statements than these with one reason are one finding.
const MOST_ALIKE: usize = 3;

/// What a REVOKE left on one object.
struct Finding<'a> {
    object: Revoked<'a>,
    lefts: Vec<Left<'a>>,
}

/// An object that was revoked.
struct Revoked<'a> {
    kind: &'static str,
    name: &'a QName,
    /// As GRANT takes it.
    target: String,
    acl: &'a Acl,
    /// Whether something else decides what a caller can do with it, or that is little.
    is_guarded: bool,
}

impl Finding<'_> {
    fn roles(&self) -> String {
        let roles: Vec<String> = self.lefts.iter().map(|left| left.role.name.to_string()).collect();
        in_words(&roles, "and")
    }
}

/// The findings of one statement.
type OfStatement<'a> = (Span, Vec<Finding<'a>>);

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let used = UsedByRows::by_role(cx);
    let mut statements: IndexMap<Span, IndexMap<Oid, Finding<'_>>> = IndexMap::default();
    for left in cx.catalog.left_by_revokes() {
        let Some(object) = revoked(cx, &left) else { continue };
        if matters(cx.catalog, &object, &left, &used) {
            let of_statement = statements.entry(left.span).or_default();
            let finding = of_statement.entry(left.object);
            finding.or_insert_with(|| Finding { object, lefts: Vec::new() }).lefts.push(left);
        }
    }
    let mut alike: IndexMap<(bool, &str, String, String), Vec<OfStatement<'_>>> = IndexMap::default();
    for (span, findings) in statements {
        let mut findings: Vec<_> = findings.into_values().collect();
        findings.sort_by_key(|finding| finding.object.is_guarded);
        let Some(first) = findings.first() else { continue };
        let key = (first.object.is_guarded, first.object.kind, first.roles(), why(&first.lefts));
        alike.entry(key).or_default().push((span, findings));
    }
    for mut group in alike.into_values() {
        group.sort_by_key(|(span, _)| *span);
        if group.len() > MOST_ALIKE {
            report_all(cx.catalog, group, out);
        } else {
            group.iter().for_each(|(span, findings)| report(cx.catalog, *span, findings, out));
        }
    }
}

/// One finding for many statements that fail for the same reason.
fn report_all(catalog: &Catalog, group: Vec<OfStatement<'_>>, out: &mut Findings) {
    let before = out.list.len();
    group.iter().for_each(|(span, findings)| report(catalog, *span, findings, out));
    let statements = group.len();
    let first = group.first().map(|(span, _)| *span);
    let all: Vec<Finding<'_>> = group.into_iter().flat_map(|(_, findings)| findings).collect();
    let mut words = Findings::new(&RULE);
    first.into_iter().for_each(|span| report(catalog, span, &all, &mut words));
    let Some(words) = words.list.pop() else { return };
    if let Some(habit) = out.fold(before, "revokes", words.message, |_| "nor does this") {
        habit.severity(words.severity).what(words.what);
        let more = format!(" -- and so for the others, {statements} statements in all");
        habit.help.iter_mut().for_each(|help| help.push_str(&more));
    }
}

/// The object, unless it is the platform's or nobody can ask for it.
fn revoked<'a>(cx: &CatalogCx<'a>, left: &Left<'_>) -> Option<Revoked<'a>> {
    let catalog = cx.catalog;
    let exposed = |name: &QName| catalog.is_exposed(&name.schema) && left.column.is_none();
    if let Some(function) = catalog.functions.get(&left.object) {
        let own = function.history.created != Origin::Platform && function.extension.is_none();
        return (own && exposed(&function.name) && !function.is_trigger()).then(|| Revoked {
            kind: "function",
            name: &function.name,
            target: format!("function {}", function.signature(catalog)),
            acl: &function.acl,
            is_guarded: !function.security_definer.value
                || cx.workload.body_knows_caller(function.oid)
                || answers(cx, function),
        });
    }
    if let Some(view) = catalog.own_views().find(|view| view.oid == left.object) {
        return exposed(&view.name).then(|| Revoked {
            kind: "view",
            name: &view.name,
            target: view.name.quoted(),
            acl: &view.acl,
            is_guarded: view.security_invoker(),
        });
    }
    let table = catalog.tables.get(&left.object)?;
    let own = table.history.created != Origin::Platform && table.extension.is_none();
    (own && exposed(&table.name)).then(|| Revoked {
        kind: "table",
        name: &table.name,
        target: table.name.quoted(),
        acl: &table.acl,
        is_guarded: table.rls.value,
    })
}

/// Whether a function does no more than to say whether something is so.
fn answers(cx: &CatalogCx<'_>, function: &Function) -> bool {
    matches!(&function.returns, Returns::Type(data_type) if data_type.is_builtin("bool"))
        && cx.workload.only_reads(cx.catalog, function.oid)
}

fn matters(
    catalog: &Catalog,
    object: &Revoked<'_>,
    left: &Left<'_>,
    used: &FxHashMap<&Ident, UsedByRows>,
) -> bool {
    let unclear = [Aspect::Grants, Aspect::Execute, Aspect::Functions, Aspect::Views, Aspect::Rls]
        .iter()
        .any(|aspect| catalog.may_have_changed(object.name, *aspect));
    let needed = used.get(&left.role.name).is_some_and(|used| used.contains(left.object));
    // Policies decide: taking PUBLIC's share, which tables never had, is a habit and no mistake.
    let habit = object.kind == "table" && object.is_guarded && *left.grantee == Grantee::Public;
    !unclear
        && !needed
        && !habit
        && !usable(left.privileges).is_empty()
        && catalog.can_use_namespace(&left.role.name, &object.name.schema)
}

/// The privileges that a request can use.
fn usable(privileges: Privileges) -> Privileges {
    privileges.intersection(Privileges::of(&[
        Privilege::Select,
        Privilege::Insert,
        Privilege::Update,
        Privilege::Delete,
        Privilege::Execute,
    ]))
}

fn report(catalog: &Catalog, span: Span, findings: &[Finding<'_>], out: &mut Findings) {
    let Some(Finding { object, lefts }) = findings.first() else { return };
    let who = findings[0].roles();
    let does = match object.kind {
        "function" => "can still call".to_string(),
        _ => format!("can still {} with", in_words(&deeds(lefts), "and")),
    };
    let names: Vec<String> = findings.iter().map(|finding| finding.object.name.to_string()).collect();
    let what = match names.split_at_checked(MOST_NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => in_words(&names, "and"),
    };
    let dumped = catalog.is_dumped(span);
    let place = if dumped { "in a database that is made from this dump " } else { "" };
    let message = format!("{place}{who} {does} {what}: {}", why(lefts));
    let severity = if object.is_guarded || dumped { Severity::Warning } else { Severity::Error };
    let found = out.report(span, Identity::new(object.kind, object.name), message);
    found.severity(severity).note("this does not take it away").what(format!("{} {who}", lefts[0].grantee));
    let grants: Vec<Span> = lefts.iter().flat_map(|left| left.grants.iter().copied()).collect();
    found.label_each(grants.into_iter().map(|grant| (grant, "granted here")));
    for left in lefts {
        found.reach(usable(left.privileges).iter().map(|privilege| deed(&left.role.name, privilege)));
    }
    found.extent(names);
    found.help(help(catalog, object, lefts));
}

/// What requests do with the rows of a table.
fn deeds(lefts: &[Left<'_>]) -> Vec<&'static str> {
    let held = lefts.iter().map(|left| left.privileges).fold(Privileges::NONE, Privileges::union);
    usable(held).iter().map(Privilege::keyword).collect()
}

fn why(lefts: &[Left<'_>]) -> String {
    let Left { grantee, role, through, .. } = &lefts[0];
    match through.iter().find(|through| **through != role.grantee()) {
        _ if **grantee == Grantee::Public => {
            let they_hold = if lefts.len() == 1 { "it holds" } else { "they hold" };
            format!("{they_hold} it by name, which a REVOKE from PUBLIC does not take")
        }
        Some(Grantee::Role(other)) => format!("{} has it as a member of {other}", role.name),
        _ if lefts.len() > 1 => "everybody (PUBLIC) may, which a REVOKE by name does not change".to_string(),
        _ => format!("everybody (PUBLIC) may, which a REVOKE from {} does not change", role.name),
    }
}

/// The REVOKE that takes it, and the grants that those need who are not meant.
fn help(catalog: &Catalog, object: &Revoked<'_>, lefts: &[Left<'_>]) -> String {
    let mut from: Vec<String> = vec!["public".into()];
    from.extend(lefts.iter().flat_map(|left| {
        let others = left.through.iter().filter(|through| **through != Grantee::Public);
        others.map(ToString::to_string).chain([left.role.name.quoted()])
    }));
    let mut seen = Vec::new();
    from.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    let rights = match object.kind {
        "function" => "execute".to_string(),
        _ => deeds(lefts).join(", ").to_lowercase(),
    };
    let help = format!("revoke {rights} on {} from {};", object.target, from.join(", "));
    // What others had through PUBLIC alone, they lose with it.
    let held = lefts.iter().map(|left| left.privileges).fold(Privileges::NONE, Privileges::union);
    let loses = |name: &str| {
        let by_public = object.acl.granted(&Grantee::Public).intersection(usable(held));
        let by_name = object.acl.granted(&Grantee::role(name));
        catalog.roles.contains_key(name)
            && !from.iter().any(|from| from == name)
            && !by_public.without(by_name).is_empty()
    };
    let losers: Vec<&str> =
        ["authenticated", "service_role"].into_iter().filter(|name| loses(name)).collect();
    match losers.as_slice() {
        [] => help,
        losers => format!("{help} grant {rights} on {} to {};", object.target, losers.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    const FUNCTION: &str =
        "create function public.f() returns int language sql security definer as 'select 1';";

    /// What is said about the revokes of `text`, after a function is made.
    fn said(text: &str) -> Vec<String> {
        let bench = Bench::new(&format!("{FUNCTION}\n{text}"));
        let found = bench.run(&RULE, &RULE.options.defaults());
        found.into_iter().map(|found| format!("{}: {}", found.severity, found.message)).collect()
    }

    fn help(text: &str) -> Option<String> {
        Bench::new(text).run(&RULE, &RULE.options.defaults()).remove(0).help
    }

    #[test]
    fn a_dump_speaks_of_another_database() {
        let text = "select pg_catalog.set_config('search_path', '', false);
             revoke all on function public.f() from public;";
        let message = "warning: in a database that is made from this dump anon and authenticated can still call \
                       public.f: they hold it by name, which a REVOKE from PUBLIC does not take";
        assert_eq!(said(text), [message]);
    }

    #[test]
    fn to_say_whether_something_is_so_is_little() {
        let function =
            "create function public.has(wanted int) returns boolean language sql stable security definer
            as $$ select exists (select 1 from pg_class where oid = wanted) $$;
            revoke all on function public.has(int) from public;";
        assert!(said(function)[0].starts_with("warning: anon and authenticated can still call public.has"));
    }

    #[test]
    fn who_grants_again_by_name_knew_what_was_closed() {
        let closed = "revoke execute on function public.f() from public, anon;";
        assert_eq!(said(closed), [""; 0]);
        assert_eq!(said(&format!("{closed} grant execute on function public.f() to anon;")), [""; 0]);
    }

    #[test]
    fn each_grant_is_taken_by_itself() {
        check(
            &RULE,
            "
             create function public.f() returns int language sql security definer as 'select 1';
             revoke execute on function public.f() from public;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: anon and authenticated can still call public.f: they hold it by name, which a REVOKE from PUBLIC does not take
             create function public.g() returns int language sql security definer as 'select 1';
             revoke all on function public.g() from anon;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: anon can still call public.g: everybody (PUBLIC) may, which a REVOKE from anon does not change
             create function public.h() returns int language sql as 'select 1';
             revoke all on function public.h() from public;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: can still call public.h
             create table public.t (id int);
             revoke select, insert on public.t from public;
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: anon and authenticated can still SELECT and INSERT with public.t
             ",
        );
    }

    #[test]
    fn the_end_of_the_history_counts() {
        let later = "revoke execute on function f() from anon;
             revoke execute on function f() from public, authenticated;";
        assert_eq!(said(later), [""; 0]);
        let elsewhere = "revoke execute on function f() from public;
             -- file: 2_later.sql
             revoke execute on function f() from anon, authenticated;";
        assert_eq!(said(elsewhere), [""; 0]);
        assert_eq!(said("revoke execute on function f() from anon; drop function f();"), [""; 0]);
    }

    #[test]
    fn who_closes_it_for_one_role_knows_of_the_other() {
        assert_eq!(said("revoke execute on function f() from public, anon;"), [""; 0]);
        let apart = "revoke all on function f() from public; revoke all on function f() from authenticated;";
        assert_eq!(said(apart), [""; 0]);
        let granted =
            "revoke all on function f() from public; grant execute on function f() to authenticated;";
        let said = said(granted);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("error: anon can still call public.f: it holds it by name"), "{said:?}");
    }

    #[test]
    fn a_grant_by_name_is_meant() {
        for text in [
            "grant all on function f() to anon, authenticated; revoke all on function f() from public;",
            "revoke all on function f() from anon, authenticated; revoke all on function f() from public;
             grant execute on function f() to anon;",
        ] {
            assert_eq!(said(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_nobody_can_ask_for_is_silent() {
        for text in [
            "create schema private; create function private.g() returns int language sql as 'select 1';
             revoke all on function private.g() from anon;",
            "create function g() returns trigger language plpgsql as 'begin return new; end';
             revoke all on function g() from public;",
            "create table t (id int); alter table t enable row level security; revoke all on t from public;",
            "create table t (id int); revoke truncate on all tables in schema public from public;",
        ] {
            assert_eq!(said(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_rows_are_made_of_stays_executable() {
        let revoke = "revoke execute on function public.f() from public;";
        for used in [
            "create view public.v with (security_invoker) as select public.f();",
            "create table public.t (id int default public.f());",
            "create table public.t (id int check (id > public.f()));",
            "create function public.g() returns int language sql as 'select public.f()';
             create view public.v as select public.g();",
        ] {
            assert_eq!(said(&format!("{used} {revoke}")), Vec::<String>::new(), "{used}");
        }
        let read_by_users = "create view public.v as select public.f(); revoke all on public.v from anon;";
        let found = said(&format!("{read_by_users} {revoke}"));
        assert!(found.len() == 1 && found[0].contains(": anon can still call public.f"), "{found:?}");
    }

    #[test]
    fn a_function_that_policies_call_stays_executable() {
        let text = "create table t (id int); alter table t enable row level security;
             create policy p on t using (f() = id);
             revoke execute on function f() from public; grant execute on function f() to authenticated;";
        assert_eq!(said(text), [""; 0]);
        let other = text.replace("on t using", "on t to authenticated using");
        assert_eq!(said(&other).len(), 1);
    }

    #[test]
    fn membership_gives_it_back() {
        let text = "create role staff; grant staff to authenticated; grant execute on function f() to staff;
             revoke execute on function f() from public, anon; revoke execute on function f() from authenticated;";
        let expected =
            "error: authenticated can still call public.f: authenticated has it as a member of staff";
        assert_eq!(said(text), [expected]);
    }

    #[test]
    fn a_statement_about_many_is_one_finding() {
        let text = "create function g() returns int language sql security definer as 'select 1';
             create function h() returns int language sql security definer as 'select 1';
             create function i() returns int language sql as 'select 1';
             revoke all on all functions in schema public from anon;";
        let said = said(text);
        assert_eq!(said.len(), 1);
        let start = "error: anon can still call public.f, public.g, public.h and 1 more";
        assert!(said[0].starts_with(start), "{said:?}");
    }

    #[test]
    fn many_statements_of_one_mistake_are_one_finding() {
        let mut text = String::new();
        for name in ["a", "b", "c", "d"] {
            text += &format!(
                "create function {name}() returns int language sql security definer as 'select 1';
                 revoke execute on function {name}() from public;\n"
            );
        }
        let found = Bench::new(&text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .message
                .starts_with("anon and authenticated can still call public.a, public.b, public.c and 1 more")
        );
        assert_eq!(found[0].labels.len(), 3);
        assert_eq!(found[0].object.kind, "project");
    }

    #[test]
    fn a_function_that_asks_who_calls_is_a_warning() {
        let text = "create function mine() returns int language sql security definer
               as 'select 1 where auth.uid() is not null';
             revoke execute on function mine() from public;";
        assert!(said(text)[0].starts_with("warning: "));
    }

    #[test]
    fn the_help_names_every_grant() {
        let explicit = format!("-- explicit\n{FUNCTION} revoke all on function f() from anon;");
        let expected = "revoke execute on function public.f() from public, anon; \
                        grant execute on function public.f() to authenticated, service_role;";
        assert_eq!(help(&explicit).as_deref(), Some(expected));
        let text = format!("{FUNCTION} revoke all on function f() from public;");
        let expected = "revoke execute on function public.f() from public, anon, authenticated;";
        assert_eq!(help(&text).as_deref(), Some(expected));
    }
}
