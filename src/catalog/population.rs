//! Which tables may hold rows by now: in a new project, those that no statement wrote to hold none.

use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::catalog::origin::Origin;
use crate::catalog::trigger::Trigger;
use crate::sql::expr::{CteBody, Expr, Literal, Oid, Query};
use crate::sql::name::ObjectName;
use crate::sql::plpgsql::BlockStatement;
use crate::sql::statement::{AlterAction, ChangeKind, DataChange, Statement, StatementKind, TriggerEvent};

/// The tables that may hold rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Population {
    written: FxHashSet<Oid>,
    /// Something ran that may have written anywhere.
    everywhere: bool,
}

impl Catalog {
    /// Whether a table certainly holds no rows in a new project.
    pub(super) fn is_empty_table(&self, oid: Oid) -> bool {
        let Some(table) = self.tables.get(&oid) else { return false };
        // Of the platform's tables, this one is known to start empty.
        let starts_empty = table.history.created != Origin::Platform
            || (&*table.name.schema, &*table.name.name) == ("auth", "users");
        starts_empty && !self.population.everywhere && !self.population.written.contains(&oid)
    }

    /// Takes note of the rows that a statement may write.
    pub(super) fn note_rows(&mut self, statement: &Statement) {
        if self.population.everywhere {
            return;
        }
        match &statement.kind {
            StatementKind::Change(change) => self.note_change(change),
            StatementKind::Data(Some(target)) => self.note_written(&target.table),
            StatementKind::Data(None) | StatementKind::Call(_) => self.population.everywhere = true,
            StatementKind::CreateTableAs(create) => self.note_written(&create.name),
            StatementKind::Query(query) => self.note_query(query),
            StatementKind::Set(change) | StatementKind::SetLocal(change) => {
                self.population.everywhere |= change.name == "session_replication_role";
            }
            // A partition brings its rows, and a foreign key may be switched off.
            StatementKind::AlterTable(alter) => {
                self.population.everywhere |= alter.actions.iter().any(|action| {
                    let action = &action.value;
                    matches!(
                        action,
                        AlterAction::EnableTrigger { .. }
                            | AlterAction::AttachPartition { .. }
                            | AlterAction::Inherit { .. }
                    )
                });
            }
            StatementKind::Do(block) => match &block.block {
                Some(body) => body.walk_blocks(&mut |block| {
                    let defaults =
                        block.declarations.iter().filter_map(|declaration| declaration.default.as_ref());
                    defaults
                        .filter_map(|default| default.value.as_ref())
                        .for_each(|expr| self.note_calls(expr));
                    let handled = block.handlers.iter().flat_map(|handler| &handler.body);
                    block.body.iter().chain(handled).for_each(|statement| self.note_block(statement));
                }),
                None => self.population.everywhere = true,
            },
            _ => {}
        }
    }

    fn note_block(&mut self, statement: &BlockStatement) {
        statement.walk(&mut |statement| {
            if let Some(inner) = statement.sql() {
                self.note_rows(inner);
            }
            let values = statement.fragments().into_iter().filter_map(|fragment| fragment.value.as_ref());
            values.for_each(|expr| self.note_calls(expr));
            if let Some(command) = statement.executed() {
                self.population.everywhere |= command.value.as_ref().is_none_or(may_write);
            }
        });
    }

    fn note_change(&mut self, change: &DataChange) {
        for cte in &change.ctes {
            if let CteBody::Change(change) = &cte.query {
                self.note_change(change);
            }
        }
        change.walk_queries(&mut |query| self.note_query(query));
        change.own_expressions().into_iter().for_each(|expr| self.note_calls(expr));
        // What triggers and rules write is not followed.
        self.population.everywhere |= self.sets_off(change);
        if matches!(change.kind, ChangeKind::Insert | ChangeKind::Merge) {
            self.note_written(&change.table.name);
        }
    }

    /// Whether a change of rows may set off a trigger or rule.
    pub(super) fn sets_off(&self, change: &DataChange) -> bool {
        let Some((name, _)) = self.resolve_relation(&change.table.name) else { return false };
        let Some(table) = self.table(&name) else { return true };
        let is_empty = self.is_empty_table(table.oid);
        let is_set_off = |trigger: &Trigger| {
            trigger.events.iter().any(|event| match (change.kind, event) {
                (ChangeKind::Insert, TriggerEvent::Insert) | (ChangeKind::Merge, _) => true,
                (ChangeKind::Insert, TriggerEvent::Update) => change.on_conflict && !is_empty,
                (ChangeKind::Update, TriggerEvent::Update) | (ChangeKind::Delete, TriggerEvent::Delete) => {
                    !is_empty || !trigger.for_each_row
                }
                _ => false,
            })
        };
        !table.rules.is_empty() || table.triggers.values().any(is_set_off)
    }

    fn note_query(&mut self, query: &Query) {
        query.walk_queries(&mut |query| {
            for cte in &query.ctes {
                if let CteBody::Change(change) = &cte.query {
                    self.note_change(change);
                }
            }
        });
        query.walk(&mut |expr| self.note_call(expr));
    }

    fn note_calls(&mut self, expr: &Expr) {
        expr.walk(&mut |part| self.note_call(part));
    }

    /// A function of the project may write anywhere.
    fn note_call(&mut self, expr: &Expr) {
        if let Expr::Call(call) = expr
            && let Some(name) = self.resolve_functions(&call.name)
        {
            let is_own =
                self.functions_named(&name).any(|function| function.history.created != Origin::Platform);
            self.population.everywhere |= is_own;
        }
    }

    fn note_written(&mut self, name: &ObjectName) {
        let Some((name, _)) = self.resolve_relation(name) else { return };
        match self.table(&name) {
            // What is written to a partition is in the whole, too.
            Some(table) if table.parents.is_empty() && table.children.is_empty() => {
                let oid = table.oid;
                self.population.written.insert(oid);
            }
            _ => self.population.everywhere = true,
        }
    }
}

/// How statements start that write no rows, whatever their words.
const DEFINITIONS: [&str; 9] = [
    "alter ",
    "comment ",
    "create index",
    "create policy",
    "create trigger",
    "create unique index",
    "drop ",
    "grant ",
    "revoke ",
];

/// Whether text that is put together may be a statement that writes rows: it may where nothing of it is
/// known.
fn may_write(command: &Expr) -> bool {
    let mut known = String::new();
    command.walk(&mut |part| {
        if let Expr::Literal(Literal::String(text)) = part {
            known.push_str(text);
        }
    });
    known.make_ascii_lowercase();
    let is_definition = DEFINITIONS.iter().any(|start| known.trim_start().starts_with(start));
    if is_definition && !known.contains([';', '$']) && !known.contains("disable trigger") {
        return false;
    }
    known.is_empty() || ["insert", "copy", "merge", "select", "call"].iter().any(|word| known.contains(word))
}

/// Whether text that is put together may change rows.
pub(super) fn may_touch_rows(command: &Expr) -> bool {
    let rewrites = |text: &str| ["update", "delete", "truncate"].iter().any(|word| text.contains(word));
    let says = |part: &Expr| matches!(part, Expr::Literal(Literal::String(text)) if rewrites(&text.to_ascii_lowercase()));
    may_write(command) || command.any(&says)
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    const TABLES: &str = "create table p (id int primary key); create table c (p int references p, u uuid references auth.users);";

    fn refused(text: &str) -> usize {
        Bench::new(&format!("{TABLES} {text};")).catalog.failures.len()
    }

    #[test]
    fn a_row_needs_the_one_that_it_refers_to() {
        for text in [
            "insert into c (p) values (1)",
            "insert into c (p) values (null), (1)",
            "insert into c (u) values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid)",
            "update p set id = 1; insert into c (p) select 1",
            "do $$ begin insert into c (p) values (1); end $$",
            "do $$ begin execute format('create policy %I on c for insert with check (true)', 'x'); end $$;
             insert into c (p) values (1)",
        ] {
            assert_eq!(refused(text), 1, "{text}");
        }
    }

    #[test]
    fn tables_that_may_hold_rows_may_hold_that_one() {
        let row = "insert into c (p) values (1)";
        for text in [
            "insert into p values (1)",
            "insert into p select 1 where false",
            "with x as (insert into p values (1) returning id) select * from x",
            "do $$ begin if random() > 0.5 then insert into p values (1); end if; end $$",
            "do $$ begin execute 'insert into p values (1)'; end $$",
            "create function f() returns int language sql as 'insert into p values (1) returning id'; select f()",
            "create function f() returns trigger language plpgsql as 'begin insert into p values (1); return new; end';
             create trigger x after insert on auth.users for each row execute function f(); insert into auth.users (id) values (gen_random_uuid())",
            "set session_replication_role = replica",
            "alter table c disable trigger all",
            "copy p from stdin",
        ] {
            assert_eq!(refused(&format!("{text}; {row}")), 0, "{text}");
        }
        for text in [
            "insert into c (p) values (null)",
            "insert into c (p) select 1 where false",
            "insert into c (p) select id from p",
            "insert into c (p) values ((select id from p))",
            "create function f() returns trigger language plpgsql as 'begin new.p := null; return new; end';
             create trigger x before insert on c for each row execute function f(); insert into c (p) values (1)",
            "alter table c drop constraint c_p_fkey; insert into c (p) values (1)",
            "alter table c alter constraint c_p_fkey deferrable initially deferred; insert into c (p) values (1)",
            "create table n (id int primary key, up int references n); insert into n values (1, 1)",
        ] {
            assert_eq!(refused(text), 0, "{text}");
        }
    }
}
