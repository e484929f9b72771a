use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::table::Table;
use crate::catalog::trigger::Trigger;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::sign_up::{inserted, metadata_key, sign_up_triggers};
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::{ChangeKind, DataChange, Persistence, Privilege, StatementKind, TriggerEvent};
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds triggers on tables of `auth` whose functions make signing up or signing in fail.
    ///
    /// ## Why it matters
    ///
    /// They run when Auth writes, as the role `supabase_auth_admin`, whose `search_path` is `auth`. A function
    /// with the caller's rights may not write to tables of the project, and one that says `profiles` without a
    /// schema does not find it. The user sees "Database error saving new user".
    ///
    /// A column that must not be null, filled from `raw_user_meta_data` as it comes, fails for each
    /// sign-up that leaves the key out: that is a warning.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key references auth.users on delete cascade);
    /// create function public.handle_new_user() returns trigger language plpgsql as $$
    /// begin
    ///   insert into public.profiles (id) values (new.id);
    ///   return new;
    /// end $$;
    /// create trigger on_auth_user_created after insert on auth.users
    ///   for each row execute function public.handle_new_user();
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key references auth.users on delete cascade);
    /// create function public.handle_new_user() returns trigger language plpgsql
    ///   security definer set search_path = '' as $$
    /// begin
    ///   insert into public.profiles (id) values (new.id);
    ///   return new;
    /// end $$;
    /// create trigger on_auth_user_created after insert on auth.users
    ///   for each row execute function public.handle_new_user();
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make the function `security definer set search_path = ''`, write every name with its schema, and
    /// give each column that must not be null a value: `coalesce(new.raw_user_meta_data ->> 'name',
    /// '')`.
    "auth-trigger-unsafe" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a trigger on auth.users makes signing up fail",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    for (trigger, function, routine) in sign_up_triggers(cx) {
        if doubts.concern(&function.name) {
            continue;
        }
        let flaws = flaws(cx, trigger, function, routine);
        let Some(flaw) = flaws.first() else { continue };
        let found = out.report(flaw.span, Identity::new("function", &function.name), flaw.message.as_str());
        found.what(trigger.name.as_str()).help(flaw.help.as_str()).severity(flaw.severity);
        found.extent(flaws.iter().map(|flaw| &flaw.about));
        found.label(trigger.name_span, "Auth runs it by this trigger");
    }
}

struct Flaw {
    /// The relation or column that it is about.
    about: String,
    span: Span,
    message: String,
    help: String,
    severity: Severity,
}

/// What makes it fail: names that are not found, at the first of them; else each of its writes.
fn flaws(cx: &CatalogCx<'_>, trigger: &Trigger, function: &Function, routine: &Routine) -> Vec<Flaw> {
    let signature = function.signature(cx.catalog);
    let subject = format!("function {}, which runs when Auth writes,", function.name);
    if !function.config.contains_key("search_path")
        && let Some((name, span)) = bare_relation(cx.catalog, routine)
    {
        return vec![Flaw {
            about: name.clone(),
            span,
            message: format!("{subject} does not find {name}: the search_path of Auth is its own schema"),
            help: format!(
                "write the schema before each name, and: alter function {signature} set search_path = '';"
            ),
            severity: Severity::Error,
        }];
    }
    let mut flaws = Vec::new();
    let auth = Ident::new("supabase_auth_admin");
    for statement in &routine.statements {
        let StatementKind::Change(change) = &statement.kind else { continue };
        let Some(table) = change.table.target.and_then(|oid| cx.catalog.tables.get(&oid)) else { continue };
        let doubtful = [Aspect::Grants, Aspect::Policies, Aspect::Shape]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect));
        if doubtful || table.history.created.span().is_none() {
            continue;
        }
        let privilege = match change.kind {
            ChangeKind::Insert => Privilege::Insert,
            ChangeKind::Update => Privilege::Update,
            ChangeKind::Delete => Privilege::Delete,
            ChangeKind::Merge => continue,
        };
        let may = cx.catalog.can_on_any_column(&auth, &table.acl, &table.columns, privilege);
        if !function.security_definer.value && !may {
            flaws.push(Flaw {
                about: table.name.to_string(),
                span: change.table.name.span,
                message: format!(
                    "{subject} may not write to {}: it has the rights of Auth, which has none there",
                    table.name
                ),
                help: format!("alter function {signature} security definer set search_path = '';"),
                severity: Severity::Error,
            });
        }
        if let Some((column, place)) = filled_from_metadata(change, table) {
            flaws.push(Flaw {
                about: format!("{} of {}", column.quoted(), table.name),
                span: place,
                message: format!(
                    "{subject} fails for each {} without this key: {} of {} must not be null",
                    if trigger.events.contains(&TriggerEvent::Insert) {
                        "sign-up"
                    } else {
                        "change of a user"
                    },
                    column.quoted(),
                    table.name
                ),
                help: "give it a default: coalesce(…, '')".to_string(),
                severity: Severity::Warning,
            });
        }
    }
    // What fails for all comes before what fails for some.
    flaws.sort_by_key(|flaw| std::cmp::Reverse(flaw.severity));
    flaws
}

/// A relation of the project that is named without its schema.
fn bare_relation(catalog: &Catalog, routine: &Routine) -> Option<(String, Span)> {
    let mut found = None;
    routine.walk_relations(&mut |relation| {
        let of_project = relation.target.and_then(|oid| catalog.tables.get(&oid)).filter(|table| {
            table.history.created.span().is_some()
                && table.name.schema != "auth"
                && table.persistence != Persistence::Temporary
        });
        if let Some(table) = of_project.filter(|_| relation.name.schema.is_none()) {
            found.get_or_insert((table.name.name.quoted(), relation.name.span));
        }
    });
    found
}

/// A column that must not be null and is given a key of the user's metadata as it comes.
fn filled_from_metadata<'t>(change: &DataChange, table: &'t Table) -> Option<(&'t Ident, Span)> {
    inserted(change).into_iter().find_map(|(name, value)| {
        let column = table.column(name).filter(|column| column.not_null.value)?;
        let value = value.uncast();
        metadata_key(value)?;
        Some((&column.name, value.span()?))
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.profiles (id uuid primary key, name text not null, age int);\n";

    fn trigger(text: &str) {
        check(
            &RULE,
            &format!(
                "{TABLES}{text}
                 create trigger t after insert on auth.users for each row execute function public.f();"
            ),
        );
    }

    #[test]
    fn rights() {
        trigger(
            "create function public.f() returns trigger language plpgsql as $$
             begin insert into public.profiles (id, name) values (new.id, 'x'); return new; end $$;
             --                ^^^^^^^^^^^^^^^ error: function public.f, which runs when Auth writes, may not write to public.profiles",
        );
        trigger(
            "create function public.f() returns trigger language plpgsql as $$
             begin insert into public.profiles (id, name) values (new.id, 'x'); return new; end $$;
             grant insert on public.profiles to supabase_auth_admin;",
        );
    }

    #[test]
    fn names() {
        trigger(
            "create function public.f() returns trigger language plpgsql security definer as $$
             begin insert into profiles (id, name) values (new.id, 'x'); return new; end $$;
             --                ^^^^^^^^ error: does not find profiles",
        );
        trigger(
            "create function public.f() returns trigger language plpgsql security definer set search_path = public as $$
             begin insert into profiles (id, name) values (new.id, 'x'); return new; end $$;",
        );
    }

    #[test]
    fn nulls() {
        trigger(
            "create function public.f() returns trigger language plpgsql security definer set search_path = '' as $$
             begin
               insert into public.profiles (id, name, age) values (new.id, new.raw_user_meta_data ->> 'name', (new.raw_user_meta_data ->> 'age')::int);
             --                                                            ^^^^^^^^^^^^^^^^^^^^^^ warning: fails for each sign-up without this key: name of public.profiles
               return new;
             end $$;",
        );
        trigger(
            "create function public.f() returns trigger language plpgsql security definer set search_path = '' as $$
             begin
               insert into public.profiles (id, name) values (new.id, coalesce(new.raw_user_meta_data ->> 'name', ''));
               return new;
             end $$;",
        );
        check(
            &RULE,
            &format!(
                "{TABLES}create function public.f() returns trigger language plpgsql security definer set search_path = '' as $$
                 begin
                   update public.profiles set name = new.raw_user_meta_data ->> 'name' where id = new.id;
                 --                                  ^^^^^^^^^^^^^^^^^^^^^^ warning: fails for each change of a user without this key
                   return new;
                 end $$;
                 create trigger t after update on auth.users for each row execute function public.f();"
            ),
        );
    }
}
