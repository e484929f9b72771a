use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, ConstraintKind, Table};
use crate::catalog::types::{TypeRef, UserTypeKind};
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::text;
use crate::rules::sign_up::{inserted, metadata_key, sign_up_triggers};
use crate::source::Span;
use crate::sql::expr::{Expr, Target};
use crate::sql::name::Ident;
use crate::sql::plpgsql::BlockStatementKind;
use crate::sql::statement::StatementKind;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds triggers that take a role, a plan or a tenant from what a user signs up with.
    ///
    /// ## Why it matters
    ///
    /// `supabase.auth.signUp({ …, options: { data: { role: 'admin' } } })`: the browser writes
    /// `raw_user_meta_data`, and a trigger that copies the key into `profiles.role` makes an admin of whoever
    /// asks.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key, role text);
    /// create function public.handle_new_user() returns trigger language plpgsql
    ///   security definer set search_path = '' as $$
    /// begin
    ///   insert into public.profiles (id, role) values (new.id, new.raw_user_meta_data ->> 'role');
    ///   return new;
    /// end $$;
    /// create trigger on_auth_user_created after insert on auth.users
    ///   for each row execute function public.handle_new_user();
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key, role text not null default 'member');
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
    /// A value that the function compares with a list first is left alone. Where the column's type or a
    /// CHECK allows no role of power, such as `buyer` and `seller`, choosing one is an info.
    ///
    /// ## How to fix
    ///
    /// Leave the column to its default, and let the server or an admin change it. Where users may
    /// choose, compare the value with a list of what they may choose.
    "signup-metadata-sets-role" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "whoever signs up chooses their own role",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    for (trigger, function, routine) in sign_up_triggers(cx) {
        let changes = routine.statements.iter().filter_map(|statement| match &statement.kind {
            StatementKind::Change(change) => Some(change),
            _ => None,
        });
        let mut chosen = Vec::new();
        for change in changes.filter(|_| !doubts.concern(&function.name)) {
            let table = change.table.target.and_then(|oid| cx.catalog.tables.get(&oid));
            let Some(table) = table else { continue };
            chosen.extend(inserted(change).into_iter().filter_map(|(name, value)| {
                let column = table.column(name).filter(|column| grants_power(&column.name))?;
                let (key, place) = chosen_key(routine, value)?;
                Some((table, column, key.to_string(), place))
            }));
        }
        let Some((table, column, key, place)) = chosen.first() else { continue };
        let message = format!(
            "whoever signs up chooses {} of {}: function {} takes it from raw_user_meta_data, which the browser sends",
            column.name.quoted(),
            table.name,
            function.name
        );
        let found = out.report(*place, Identity::new("function", &function.name), message);
        found
            .what(column.name.as_str())
            .note(format!("signUp({{ …, options: {{ data: {{ {key}: … }} }} }})"));
        found.help("leave the column to its default, and let an admin or the server change it; or take only listed values");
        found.label(trigger.name_span, "runs for each sign-up");
        let named = |(table, column, ..): &(&Table, &Column, String, Span)| {
            format!("{} of {}", column.name.quoted(), table.name)
        };
        found.extent(chosen.iter().map(named));
        if !may_hold_power(cx.catalog, table, column) {
            found.severity(Severity::Info);
        }
    }
}

/// Whether a column's name says what its user may do.
fn grants_power(column: &str) -> bool {
    const NAMES: &[&str] = &[
        "role",
        "roles",
        "user_role",
        "is_admin",
        "is_staff",
        "is_superuser",
        "admin",
        "permissions",
        "plan",
        "tier",
        "tenant_id",
        "org_id",
        "organization_id",
        "organisation_id",
        "credits",
        "is_verified",
        "verified",
    ];
    NAMES.contains(&column)
}

/// The key of the metadata that a value is, by itself, with a default, or by a variable; none where the
/// function compares it with a list.
fn chosen_key<'r>(routine: &'r Routine, value: &'r Expr) -> Option<(&'r str, Span)> {
    let (key, place) = match value.uncast() {
        Expr::Coalesce(list) => list.iter().find_map(|item| chosen_key(routine, item))?,
        Expr::Other("nullif", list) => chosen_key(routine, list.first()?)?,
        Expr::Column(column) if column.target == Target::Variable && column.path.len() == 1 => {
            let given = assigned(routine, &column.path[0])?;
            return given.iter().find_map(|value| match value.uncast() {
                Expr::Column(_) => None,
                value => chosen_key(routine, value),
            });
        }
        other => (metadata_key(other)?, other.span()?),
    };
    (!is_compared(routine, key)).then_some((key, place))
}

/// What a variable is given; none where its values are compared with anything.
fn assigned<'r>(routine: &'r Routine, name: &Ident) -> Option<Vec<&'r Expr>> {
    let block = routine.block.as_ref()?;
    let mut values = Vec::new();
    block.walk_blocks(&mut |block| {
        let declared = block.declarations.iter().filter(|declared| declared.name == *name);
        values.extend(declared.filter_map(|declared| declared.default.as_ref()?.value.as_ref()));
    });
    block.walk(&mut |statement| {
        if let BlockStatementKind::Assign { target, field: None, value } = &statement.kind
            && target == name
        {
            values.extend(&value.value);
        }
    });
    let is_it =
        |expr: &Expr| matches!(expr.uncast(), Expr::Column(column) if column.path.last() == Some(name));
    let mut compared = false;
    routine.walk(&mut |part| compared |= compares(part, &is_it));
    (!compared).then_some(values)
}

/// Whether the function compares a key of the metadata with anything.
fn is_compared(routine: &Routine, key: &str) -> bool {
    let mut compared = false;
    routine.walk(&mut |part| compared |= compares(part, &|expr| metadata_key(expr) == Some(key)));
    compared
}

fn compares(expr: &Expr, is_it: &dyn Fn(&Expr) -> bool) -> bool {
    match expr {
        Expr::In { expr, .. } => is_it(expr),
        Expr::OpArray { left, .. } => is_it(left),
        Expr::Op { op, left: Some(left), right } => {
            matches!(op.as_str(), "=" | "<>" | "!=") && (is_it(left) || is_it(right))
        }
        Expr::Case { operand: Some(operand), .. } => is_it(operand),
        _ => false,
    }
}

/// Whether a column may hold the name of a role that others obey: its type and CHECKs list none, or do
/// not list at all.
fn may_hold_power(catalog: &Catalog, table: &Table, column: &Column) -> bool {
    let Some(values) = listed_values(catalog, table, column) else { return true };
    const WORDS: &[&str] =
        &["admin", "owner", "super", "staff", "moderator", "manager", "root", "pro", "premium", "enterprise"];
    values.iter().any(|value| WORDS.iter().any(|word| value.to_lowercase().contains(word)))
}

/// The values that an enum or a CHECK lists.
fn listed_values(catalog: &Catalog, table: &Table, column: &Column) -> Option<Vec<String>> {
    if let TypeRef::User(oid) = &column.data_type.value.base
        && let Some(UserTypeKind::Enum { labels }) = catalog.types.get(oid).map(|known| &known.kind)
    {
        return Some(labels.clone());
    }
    let texts = |list: &[Expr]| -> Option<Vec<String>> {
        list.iter().map(|item| text(item).map(str::to_string)).collect()
    };
    table.constraints.values().find_map(|constraint| match &constraint.kind {
        ConstraintKind::Check { expr, columns } if *columns == [column.attnum] => match expr {
            Expr::In { list, negated: false, .. } => texts(list),
            Expr::OpArray { op, all: false, right, .. } if op == "=" => match right.uncast() {
                Expr::Array(list) => texts(list),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    fn trigger(text: &str) {
        check(
            &RULE,
            &format!(
                "create table public.profiles (id uuid primary key, role text, name text, kind text check (kind in ('buyer', 'seller')));
                 create type public.app_role as enum ('buyer', 'seller');
                 create table public.users (id uuid primary key, role public.app_role);
                 {text}
                 create trigger t after insert on auth.users for each row execute function public.f();"
            ),
        );
    }

    const HEAD: &str = "create function public.f() returns trigger language plpgsql security definer set search_path = '' as $$";

    #[test]
    fn forms() {
        trigger(&format!(
            "{HEAD}
             begin
               insert into public.profiles (id, name, role) values (new.id, new.raw_user_meta_data ->> 'name', coalesce(new.raw_user_meta_data ->> 'role', 'member'));
             --                                                                                                         ^^^^^^^^^^^^^^^^^^^^^^ error: whoever signs up chooses role of public.profiles
               return new;
             end $$;"
        ));
        trigger(&format!(
            "{HEAD}
             declare wanted text := new.raw_user_meta_data ->> 'role';
             --                     ^^^^^^^^^^^^^^^^^^^^^^ error: whoever signs up chooses role
             begin
               insert into public.profiles (id, role) values (new.id, wanted);
               return new;
             end $$;"
        ));
        trigger(&format!(
            "{HEAD}
             begin
               insert into public.users (id, role) values (new.id, (new.raw_user_meta_data ->> 'role')::public.app_role);
             --                                                     ^^^^^^^^^^^^^^^^^^^^^^ info: whoever signs up chooses role of public.users
               return new;
             end $$;"
        ));
    }

    #[test]
    fn lists_and_other_columns_are_fine() {
        trigger(&format!(
            "{HEAD}
             declare wanted text := new.raw_user_meta_data ->> 'role';
             begin
               if wanted not in ('buyer', 'seller') then wanted := 'buyer'; end if;
               insert into public.profiles (id, role) values (new.id, wanted);
               return new;
             end $$;"
        ));
        trigger(&format!(
            "{HEAD}
             begin
               insert into public.profiles (id, name, role) values (new.id, new.raw_user_meta_data ->> 'name',
                 case when new.raw_user_meta_data ->> 'role' = 'seller' then 'seller' else 'buyer' end);
               update public.profiles set role = new.raw_app_meta_data ->> 'role' where id = new.id;
               return new;
             end $$;"
        ));
    }
}
