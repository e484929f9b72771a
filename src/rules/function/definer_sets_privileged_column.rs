use rustc_hash::FxHashSet;

use crate::access::authority::{Authority, Decision, is_guarded};
use crate::access::{in_words, reach_of};
use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::table::{Column, ConstraintKind, Table};
use crate::catalog::types::{TypeRef, UserTypeKind};
use crate::diagnostic::{Identity, Severity};
use crate::predicate::{Told, told};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, own_column};
use crate::rules::rls::membership_self_join::leads_to_open_groups;
use crate::source::Span;
use crate::sql::expr::{Expr, Literal, QueryBody, Target};
use crate::sql::name::Ident;
use crate::sql::plpgsql::BlockStatementKind;
use crate::sql::statement::{ChangeKind, DataChange, Privilege, StatementKind, TriggerEvent};
use crate::workload::Workload;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds functions by which users choose their own role, or the team that they are in.
    ///
    /// ## Why it matters
    ///
    /// A `security definer` function is above row level security. If it writes into the caller's own row what the
    /// caller gives it, and policies decide by that column, `rpc('set_role', { new_role: 'admin' })` makes an admin of
    /// whoever asks.
    ///
    /// ```sql,bad
    /// create table public.profiles (id uuid primary key references auth.users, role text);
    /// alter table public.profiles enable row level security;
    /// create table public.reports (id bigint primary key, body text);
    /// alter table public.reports enable row level security;
    /// create policy "Admins read" on public.reports for select to authenticated
    ///   using (exists (select from public.profiles p where p.id = (select auth.uid()) and p.role = 'admin'));
    /// create function public.set_role(new_role text) returns void language sql security definer
    ///   set search_path = '' as $$ update public.profiles set role = new_role where id = (select auth.uid()) $$;
    /// ```
    ///
    /// ```sql,good
    /// create table public.profiles (id uuid primary key references auth.users, role text);
    /// alter table public.profiles enable row level security;
    /// create table public.reports (id bigint primary key, body text);
    /// alter table public.reports enable row level security;
    /// create policy "Admins read" on public.reports for select to authenticated
    ///   using (exists (select from public.profiles p where p.id = (select auth.uid()) and p.role = 'admin'));
    /// create function public.become_author() returns void language sql security definer
    ///   set search_path = '' as $$ update public.profiles set role = 'author' where id = (select auth.uid()) $$;
    /// ```
    ///
    /// Silent where the function does anything else with what it is given, asks more than who calls, or looks at
    /// other rows, and where a trigger looks at the column. It is a warning where the teams themselves are shown to
    /// everybody: to join them may be the point.
    ///
    /// ## How to fix
    ///
    /// Check in the function that the caller may choose it, as by an invitation or a list of values that is open to
    /// all; or keep the function from requests: `revoke execute on function … from public, anon, authenticated;`.
    "definer-sets-privileged-column" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "users choose by a function what they may do",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let authority = Authority::of(cx.catalog, cx.workload, cx.rights);
    let doubts = cx.catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    for function in cx.catalog.own_functions().filter(|function| function.security_definer.value) {
        let routine = cx.workload.routines.get(&function.oid).filter(|_| !doubts.concern(&function.name));
        let Some(routine) = routine.filter(|routine| asks_no_more(cx.catalog, routine)) else { continue };
        let body = Body { function, routine, callers: caller_variables(cx.workload, routine) };
        for (_, change) in routine.changes() {
            let table = change.table.target.and_then(|oid| cx.catalog.tables.get(&oid));
            let Some(table) = table.filter(|table| table.rls.value) else { continue };
            let chosen = chosen(cx, &authority, &body, table, change);
            if !chosen.is_empty() {
                report(cx, &body, table, change, &chosen, out);
            }
        }
    }
}

/// A function that is read as a whole.
struct Body<'a> {
    function: &'a Function,
    routine: &'a Routine,
    /// The variables that hold the caller's id.
    callers: FxHashSet<&'a Ident>,
}

/// A column that policies decide by, and that a parameter is written to.
struct Chosen<'a> {
    column: &'a Column,
    place: Span,
    decisions: &'a [Decision<'a>],
}

/// Whether a body asks nothing but who calls, looks at no rows but those that it writes, and runs as a whole.
fn asks_no_more(catalog: &Catalog, routine: &Routine) -> bool {
    let mut asks = !routine.complete || !routine.executed.is_empty();
    let changes = routine.changes();
    asks |= changes.iter().any(|(place, change)| {
        routine.is_conditional(*place) || !change.from.is_empty() || !change.ctes.is_empty()
    });
    let mut relations = 0;
    routine.walk_relations(&mut |_| relations += 1);
    asks |= relations > changes.len();
    routine.walk(&mut |part| {
        asks |= match told(part) {
            Some(Told::Id) | None => false,
            Some(_) => true,
        };
        if let Expr::Call(call) = part {
            let called = call.target.and_then(|oid| catalog.functions.get(&oid));
            asks |= called.is_some_and(|called| called.history.created.span().is_some());
        }
    });
    !asks
}

fn caller_variables<'a>(workload: &Workload, routine: &'a Routine) -> FxHashSet<&'a Ident> {
    let mut names = FxHashSet::default();
    let Some(block) = &routine.block else { return names };
    let is_caller = |value: Option<&Expr>| value.is_some_and(|value| workload.knows_caller(value));
    block.walk_blocks(&mut |block| {
        let declared = block.declarations.iter();
        let of_caller =
            declared.filter(|one| is_caller(one.default.as_ref().and_then(|one| one.value.as_ref())));
        names.extend(of_caller.map(|one| &one.name));
    });
    block.walk(&mut |statement| match &statement.kind {
        BlockStatementKind::Assign { target, field: None, value } if is_caller(value.value.as_ref()) => {
            names.insert(target);
        }
        BlockStatementKind::Sql { statement, into } => {
            if let ([variable], StatementKind::Query(query)) = (into.as_slice(), &statement.kind)
                && let QueryBody::Select(select) = &query.body
                && select.targets.iter().any(|target| is_caller(Some(&target.expr)))
            {
                names.insert(variable);
            }
        }
        _ => {}
    });
    names
}

impl Body<'_> {
    fn is_caller(&self, cx: &CatalogCx<'_>, expr: &Expr) -> bool {
        let is_held = matches!(expr.uncast(), Expr::Column(column) if column.target == Target::Variable
            && column.path.last().is_some_and(|name| self.callers.contains(name)));
        is_held || cx.workload.knows_caller(expr)
    }

    /// The parameter that a value is.
    fn parameter<'e>(&self, value: &'e Expr) -> Option<&'e Ident> {
        match value.uncast() {
            Expr::Column(column) if column.target == Target::Variable => {
                let name = column.path.last()?;
                let is_it = |given: &Ident| given == name;
                self.function.inputs().filter_map(|input| input.name.as_ref()).any(is_it).then_some(name)
            }
            Expr::Coalesce(parts) => self.parameter(parts.first()?),
            _ => None,
        }
    }

    /// How often the body names a variable.
    fn mentions(&self, name: &Ident) -> usize {
        let mut count = 0;
        self.routine.walk(&mut |part| {
            let is_it = matches!(part, Expr::Column(column) if column.target == Target::Variable
                && column.path.last() == Some(name));
            count += usize::from(is_it);
        });
        count
    }
}

/// What a change writes, column by column, if that is the caller's own row.
fn written<'c>(
    cx: &CatalogCx<'_>,
    body: &Body<'_>,
    table: &Table,
    change: &'c DataChange,
) -> Vec<(&'c Ident, &'c Expr)> {
    match change.kind {
        ChangeKind::Update => {
            let parts = match change.filter.as_ref() {
                Some(Expr::And(parts)) => parts.as_slice(),
                Some(one) => std::slice::from_ref(one),
                None => &[],
            };
            let is_own =
                |(one, other): (&Expr, &Expr)| own_column(table, one).is_some() && body.is_caller(cx, other);
            let is_own = parts.iter().flat_map(compared).any(is_own);
            let set = change.assignments.iter().map(|(name, value)| (name, value));
            set.filter(|_| is_own).collect()
        }
        ChangeKind::Insert if change.assignments.is_empty() => {
            let values = change.source.as_ref().and_then(|source| match &source.body {
                QueryBody::Values(rows) => {
                    rows.first().filter(|_| rows.len() == 1).map(|row| row.iter().collect())
                }
                QueryBody::Select(select) if select.from.is_empty() && select.filter.is_none() => {
                    Some(select.targets.iter().map(|target| &target.expr).collect::<Vec<_>>())
                }
                _ => None,
            });
            let pairs: Vec<_> = change.columns.iter().zip(values.unwrap_or_default()).collect();
            let is_own = pairs.iter().any(|(_, value)| body.is_caller(cx, value));
            if is_own { pairs } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

fn chosen<'a>(
    cx: &CatalogCx<'a>,
    authority: &'a Authority<'a>,
    body: &Body<'_>,
    table: &'a Table,
    change: &DataChange,
) -> Vec<Chosen<'a>> {
    let event = if change.kind == ChangeKind::Insert { TriggerEvent::Insert } else { TriggerEvent::Update };
    let mut found = Vec::new();
    for (name, value) in written(cx, body, table, change) {
        let Some((column, given)) = table.column(name).zip(body.parameter(value)) else { continue };
        let decisions = authority.columns(table).find(|(attnum, _)| *attnum == column.attnum);
        let Some((_, decisions)) = decisions else { continue };
        let is_free = body.mentions(given) == 1
            && !is_guarded(cx.workload, table, column.attnum, event)
            && !is_open_to_all(cx.catalog, table, column);
        if is_free {
            let place = value.span().unwrap_or(change.table.name.span);
            found.push(Chosen { column, place, decisions });
        }
    }
    found
}

/// Whether a column takes nothing but labels, and none of these is for few.
fn is_open_to_all(catalog: &Catalog, table: &Table, column: &Column) -> bool {
    const FOR_FEW: &[&str] =
        &["admin", "owner", "staff", "moderator", "manager", "super", "root", "system", "internal"];
    let of_type = match column.data_type.value.base {
        TypeRef::User(oid) => catalog.types.get(&oid).and_then(|known| match &known.kind {
            UserTypeKind::Enum { labels } => Some(labels.clone()),
            _ => None,
        }),
        _ => None,
    };
    let of_check = || {
        table.constraints.values().find_map(|constraint| match &constraint.kind {
            ConstraintKind::Check { expr, .. } => {
                let pairs = compared(expr);
                let own = pairs
                    .iter()
                    .filter(|(one, _)| own_column(table, one).is_some_and(|one| one.attnum == column.attnum));
                let labels: Option<Vec<String>> = own.map(|(_, other)| label(other)).collect();
                labels.filter(|labels| !labels.is_empty())
            }
            _ => None,
        })
    };
    let labels = of_type.or_else(of_check);
    labels.is_some_and(|labels| {
        !labels.iter().any(|label| FOR_FEW.iter().any(|word| label.to_lowercase().contains(word)))
    })
}

fn label(expr: &Expr) -> Option<String> {
    match expr.uncast() {
        Expr::Literal(Literal::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn report(
    cx: &CatalogCx<'_>,
    body: &Body<'_>,
    table: &Table,
    change: &DataChange,
    chosen: &[Chosen<'_>],
    out: &mut Findings,
) {
    // Who is not signed in has no row of their own.
    let callers: Vec<_> =
        cx.catalog.callers(body.function).into_iter().filter(|role| role.name != "anon").collect();
    let Some(first) = chosen.first().filter(|_| !callers.is_empty()) else { return };
    let Some(decision) = first.decisions.first() else { return };
    let who: Vec<_> = callers.iter().map(|role| role.name.quoted()).collect();
    let names: Vec<_> = chosen.iter().map(|one| one.column.name.quoted()).collect();
    let rows = match change.kind {
        ChangeKind::Insert => format!("in rows of {} that it adds for them", table.name),
        _ => format!("in their own row of {}", table.name),
    };
    let message = format!(
        "{} can choose {} {rows} by {} {}, and policy {} on {} decides by it",
        in_words(&who, "and"),
        in_words(&names, "and"),
        body.function.noun(),
        body.function.name,
        decision.policy.name.delimited(),
        decision.table.name,
    );
    let found = out.report(first.place, Identity::new("function", &body.function.name), message);
    let signature = body.function.signature(cx.catalog);
    found.note("what the caller gives").what(signature.clone()).reach(reach_of(callers, Privilege::Execute));
    found.label(body.function.security_definer.origin.span(), "runs with its owner's rights");
    let decisions = || chosen.iter().flat_map(|one| one.decisions);
    found.label_each(decisions().map(|one| {
        (one.span, format!("policy {} on {} decides by it", one.policy.name.delimited(), one.table.name))
    }));
    found.extent(names).extent(decisions().map(|one| &one.table.name));
    if chosen.iter().all(|one| leads_to_open_groups(cx, table, &one.column.name)) {
        found.severity(Severity::Warning);
    }
    found.help(format!(
        "check in the function that its caller may choose it, or keep it from requests: revoke execute on {} {signature} \
         from public, anon, authenticated;",
        body.function.noun()
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const TABLES: &str = "create table public.profiles (id uuid primary key, role text, name text);
         alter table public.profiles enable row level security;
         create table public.members (team int, who uuid, primary key (team, who));
         alter table public.members enable row level security;
         create table public.docs (id int primary key, team int);
         alter table public.docs enable row level security;
         create policy of_team on public.docs for select using (team in (select m.team from public.members m where m.who = auth.uid()));
         create policy of_admin on public.docs for delete using (
           exists (select 1 from public.profiles p where p.id = auth.uid() and p.role = 'admin'));\n";

    fn functions(text: &str) {
        check(&RULE, &format!("{TABLES}{text}"));
    }

    #[test]
    fn who_gives_themselves_a_role_or_a_team() {
        functions(
            "
             create function public.set_role(new_role text) returns void language sql security definer as $$
               update public.profiles set role = new_role where id = (select auth.uid())
             --                                  ^^^^^^^^ error: authenticated can choose role in their own row of public.profiles by function public.set_role, and policy \"of_admin\" on public.docs decides by it
             $$;
             create function public.join_team(p_team int) returns void language plpgsql security definer as $$
             declare v_user uuid := auth.uid();
             begin
               if v_user is null then raise exception 'sign in first'; end if;
               insert into public.members (team, who) values (p_team, v_user);
             --                                               ^^^^^^ error: authenticated can choose team in rows of public.members that it adds for them by function public.join_team
             end $$;",
        );
    }

    #[test]
    fn what_is_checked_is_silent() {
        for body in [
            "update public.profiles set name = new_role where id = auth.uid();",
            "update public.profiles set role = 'author' where id = auth.uid();",
            "if new_role not in ('author', 'reader') then raise exception 'no'; end if;
             update public.profiles set role = new_role where id = auth.uid();",
            "if exists (select 1 from public.docs) then raise exception 'no'; end if;
             update public.profiles set role = new_role where id = auth.uid();",
            "if auth.jwt() ->> 'email' is null then raise exception 'no'; end if;
             update public.profiles set role = new_role where id = auth.uid();",
            "perform public.guard(); update public.profiles set role = new_role where id = auth.uid();",
            "update public.profiles set role = new_role where name = 'x';",
        ] {
            functions(&format!(
                "create function public.guard() returns void language plpgsql as $$ begin raise exception 'no'; end $$;
                 create function public.f(new_role text) returns void language plpgsql security definer as $$
                 begin {body} end $$;"
            ));
        }
        let update = "$$ update public.profiles set role = new_role where id = auth.uid() $$";
        functions(&format!(
            "create function public.closed(new_role text) returns void language sql security definer as {update};
             revoke execute on function public.closed from public, anon, authenticated;
             create function public.as_caller(new_role text) returns void language sql as {update};"
        ));
        functions(&format!(
            "alter table public.profiles add check (role in ('buyer', 'seller'));
             create function public.open(new_role text) returns void language sql security definer as {update};"
        ));
        functions(&format!(
            "create function public.keep() returns trigger language plpgsql as $$ begin new.role := old.role; return new; end $$;
             create trigger keep before update on public.profiles for each row execute function public.keep();
             create function public.kept(new_role text) returns void language sql security definer as {update};"
        ));
    }
}
