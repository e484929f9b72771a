use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::diagnostic::{Identity, Severity};
use crate::map::IndexMap;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds triggers on tables with row level security whose function is above it and touches other rows.
    ///
    /// ## Why it matters
    ///
    /// Such a function runs for whoever writes a row, and reads and changes what the writer may not. That is
    /// often what it is for; it is worth a look at what a row that the caller made up can set off.
    ///
    /// ```sql,bad
    /// create table public.orders (id bigint primary key, user_id uuid, total int);
    /// alter table public.orders enable row level security;
    /// create table public.totals (user_id uuid primary key, total int);
    /// create function public.add_up() returns trigger language plpgsql security definer
    ///   set search_path = '' as $$
    /// begin
    ///   update public.totals set total = total + new.total where user_id = new.user_id;
    ///   return new;
    /// end $$;
    /// create trigger add_up after insert on public.orders for each row execute function public.add_up();
    /// ```
    ///
    /// ```sql,good
    /// create table public.orders (id bigint primary key, updated_at timestamptz);
    /// alter table public.orders enable row level security;
    /// create function public.touch() returns trigger language plpgsql as $$
    /// begin
    ///   new.updated_at := now();
    ///   return new;
    /// end $$;
    /// create trigger touch before update on public.orders for each row execute function public.touch();
    /// ```
    ///
    /// ## How to fix
    ///
    /// Read what the function does with values of the new row, and make it `security invoker` where the
    /// writer's own rights are enough.
    "definer-trigger-on-rls-table" {
        group: Group::Function,
        severity: Severity::Info,
        summary: "a trigger reaches rows that the policies hide",
        sources: &["pgrls:SEC013"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Rls, Aspect::Shape, Aspect::Functions]);
    for table in cx.catalog.own_tables().filter(|table| table.rls.value && !doubts.concern(&table.name)) {
        for trigger in table.triggers.values().filter(|trigger| trigger.enabled != 'D') {
            let function = trigger.function.oid.and_then(|oid| cx.catalog.functions.get(&oid));
            let Some(function) = function.filter(|function| function.security_definer.value) else {
                continue;
            };
            let Some(routine) = cx.workload.routines.get(&function.oid) else { continue };
            let tables = reached(cx.catalog, routine);
            let Some((reached, place)) = tables.first() else { continue };
            let Some(span) = trigger.name_span else { continue };
            let message = format!(
                "trigger {} on {} reaches rows of {reached} whatever the policies say: {} runs with its owner's rights",
                trigger.name.delimited(),
                table.name,
                function.name
            );
            let object = Identity::part("trigger", &table.name, trigger.name.as_str());
            let found = out.report(span, object, message).label(*place, "reached here");
            found.extent(tables.keys());
        }
    }
}

/// The tables of the project that a body reads or writes, with the first place of each.
fn reached(catalog: &Catalog, routine: &Routine) -> IndexMap<QName, Span> {
    let mut found = IndexMap::default();
    routine.walk_relations(&mut |relation| {
        let table = relation.target.and_then(|oid| catalog.tables.get(&oid));
        if let Some(table) = table.filter(|table| table.history.created.span().is_some()) {
            found.entry(table.name.clone()).or_insert(relation.name.span);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn forms() {
        check(
            &RULE,
            "
             create table public.a (id int);
             alter table public.a enable row level security;
             create table public.b (id int);
             create function public.f() returns trigger language plpgsql security definer as $$ begin delete from public.b; return new; end $$;
             create function public.g() returns trigger language plpgsql as $$ begin delete from public.b; return new; end $$;
             create function public.h() returns trigger language plpgsql security definer as $$ begin new.id := 1; return new; end $$;
             create trigger one after insert on public.a for each row execute function public.f();
             --             ^^^ info: trigger \"one\" on public.a reaches rows of public.b
             create trigger two after insert on public.a for each row execute function public.g();
             create trigger three before insert on public.a for each row execute function public.h();
             create trigger four after insert on public.b for each row execute function public.f();",
        );
    }
}
