//! What functions do with every row of a table, whoever calls them and with whatever.

use crate::catalog::Catalog;
use crate::catalog::function::{Function, Returns};
use crate::predicate::is_always_true;
use crate::sql::expr::{Expr, FromItem, Oid, Query, QueryBody, Target};
use crate::sql::plpgsql::{Block, BlockStatementKind};
use crate::sql::statement::{ChangeKind, DataChange, PolicyCommand, StatementKind};
use crate::workload::Workload;
use crate::workload::routine::Routine;

/// Something that is done with every row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outright {
    pub table: Oid,
    pub command: PolicyCommand,
    /// The columns that are given; nothing where that is all of them, or the rows are not given.
    pub columns: Option<Vec<i16>>,
}

impl Workload {
    /// What a function does with every row, for certain: its body was read as a whole, nothing in it depends on
    /// anything, and it calls nothing of the project, which might object. Only rows that are given one by one count
    /// as given.
    pub fn outright(&self, catalog: &Catalog, function: &Function) -> Vec<Outright> {
        let asks = self.body_knows_caller(function.oid) && !self.only_notes_caller(function.oid);
        let Some(routine) = self.routines.get(&function.oid).filter(|_| !asks) else { return Vec::new() };
        if !routine.runs_as_written() {
            return Vec::new();
        }
        let changes = routine.statements.iter().filter_map(|statement| match &statement.kind {
            StatementKind::Change(change) => changed(change),
            _ => None,
        });
        let rows = matches!(function.returns, Returns::SetOf(_) | Returns::Table);
        let given = routine.answers().into_iter().filter(|_| rows).filter_map(|query| given(catalog, query));
        let mut found: Vec<Outright> = Vec::new();
        for one in changes.chain(given).filter(|one| catalog.tables.contains_key(&one.table)) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }
}

impl Routine {
    /// Whether each of its statements runs with each call, and no error that it raises takes back what they did.
    fn runs_as_written(&self) -> bool {
        let mut calls = false;
        self.walk(&mut |part| {
            if let Expr::Call(call) = part {
                calls |= call.target.is_some()
                    || call.name.schema.as_ref().is_some_and(|schema| *schema != "pg_catalog");
            }
        });
        let may_stop = self
            .block
            .as_ref()
            .is_some_and(|block| self.raises() || self.catches_errors() || ends_early(block));
        self.complete && self.executed.is_empty() && !self.has_conditions() && !may_stop && !calls
    }

    /// The queries whose rows are its result.
    fn answers(&self) -> Vec<&Query> {
        let Some(block) = &self.block else {
            return match self.statements.last().map(|last| &last.kind) {
                Some(StatementKind::Query(query)) => vec![query],
                _ => Vec::new(),
            };
        };
        let mut answers = Vec::new();
        block.walk(&mut |statement| {
            if let BlockStatementKind::ReturnQuery(query) = &statement.kind {
                answers.extend(self.query_at(query));
            }
        });
        answers
    }
}

/// Whether something stands behind a RETURN.
fn ends_early(block: &Block) -> bool {
    let last = block.body.last().map(|last| last.span);
    let mut ends = false;
    block.walk(&mut |statement| {
        ends |= matches!(statement.kind, BlockStatementKind::Return(_)) && Some(statement.span) != last;
    });
    ends
}

/// What a statement does to every row of its table.
fn changed(change: &DataChange) -> Option<Outright> {
    let command = match change.kind {
        ChangeKind::Update => PolicyCommand::Update,
        ChangeKind::Delete => PolicyCommand::Delete,
        ChangeKind::Insert | ChangeKind::Merge => return None,
    };
    let is_plain = change.from.is_empty() && change.ctes.is_empty();
    // Without any WHERE it is refused in requests.
    let is_whole = is_plain && change.filter.as_ref().is_some_and(is_always_true);
    Some(Outright { table: change.table.target.filter(|_| is_whole)?, command, columns: None })
}

/// The one table of which a query gives each row.
fn given(catalog: &Catalog, query: &Query) -> Option<Outright> {
    let QueryBody::Select(select) = &query.body else { return None };
    let [FromItem::Relation { relation, .. }] = select.from.as_slice() else { return None };
    let table = catalog.tables.get(&relation.target?)?;
    let is_whole = select.filter.as_deref().is_none_or(is_always_true)
        && select.having.is_none()
        && select.group_by.is_empty()
        && !select.distinct
        && select.distinct_on.is_empty()
        && query.limits.is_empty()
        && query.ctes.is_empty()
        && !select
            .targets
            .iter()
            .any(|target| target.expr.any(&|part| matches!(part, Expr::Call(call) if call.aggregate)));
    let mut columns = Vec::new();
    for target in &select.targets {
        let Expr::Column(column) = target.expr.uncast() else { continue };
        match column.target {
            Target::Column { relation, attnum, .. } if relation == table.oid => columns.push(attnum),
            target if column.star || matches!(target, Target::Row { .. }) => {
                columns.extend(table.columns.iter().map(|column| column.attnum));
            }
            _ => {}
        }
    }
    columns.sort_unstable();
    columns.dedup();
    let is_all = table.columns.iter().all(|column| columns.contains(&column.attnum));
    (is_whole && !columns.is_empty()).then(|| Outright {
        table: table.oid,
        command: PolicyCommand::Select,
        columns: (!is_all).then_some(columns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// What `f` does with all rows.
    fn does(functions: &str) -> Vec<String> {
        let bench = Bench::new(&format!("create table a (id int, note text); {functions}"));
        let workload = Workload::of(&bench.catalog);
        let functions = bench.catalog.own_functions();
        let f = functions.into_iter().find(|function| function.name.name == "f").expect("there is f");
        let word = |one: Outright| format!("{:?} {:?}", one.command, one.columns);
        workload.outright(&bench.catalog, f).into_iter().map(word).collect()
    }

    fn sql(head: &str, body: &str) -> Vec<String> {
        does(&format!("create function f({head} language sql as $$ {body} $$;"))
    }

    fn block(head: &str, body: &str) -> Vec<String> {
        does(&format!("create function f({head} language plpgsql as $$ begin {body} end $$;"))
    }

    #[test]
    fn every_row_is_given() {
        assert_eq!(sql(") returns setof a", "select * from public.a"), ["Select None"]);
        assert_eq!(sql(") returns setof a", "select x.* from a x where true order by id"), ["Select None"]);
        assert_eq!(sql(") returns table (n text)", "select note from a"), ["Select Some([2])"]);
        assert_eq!(block(") returns setof a", "return query select id, note from a;"), ["Select None"]);
    }

    #[test]
    fn every_row_is_written() {
        assert_eq!(sql(") returns void", "delete from a where 1 = 1"), ["Delete None"]);
        assert_eq!(block(") returns void", "update a set note = '' where true;"), ["Update None"]);
        assert_eq!(block("n int) returns void", "delete from a where id = n or true;"), ["Delete None"]);
    }

    #[test]
    fn what_may_hold_rows_back() {
        let rows = |query| {
            [
                sql("n int) returns setof a", query),
                block("n int) returns setof a", &format!("return query {query};")),
            ]
            .concat()
        };
        for query in [
            "select * from a where id = n",
            "select * from a limit 1",
            "select * from a offset n",
            "select distinct * from a",
            "select distinct on (note) * from a",
            "select max(id), max(note) from a",
            "select id, max(note) from a group by id",
            "select * from a union select * from a where id = n",
            "select * from a except select * from a",
            "select x.* from a x join a y on x.id = y.id + 1",
            "with b as (select * from a limit 1) select * from b",
        ] {
            assert_eq!(rows(query), [""; 0], "{query}");
        }
        assert_eq!(sql(") returns a", "select * from a"), [""; 0]);
        assert_eq!(sql(") returns bigint", "select count(*) from a"), [""; 0]);
        for body in [
            "if n > 1 then delete from a where true; end if;",
            "if n > 1 then return; end if; delete from a where true;",
            "if auth.uid() is null then raise exception 'no'; end if; delete from a where true;",
            "delete from a where true; raise exception 'no';",
            "assert n = 3; delete from a where true;",
            "perform guard(); delete from a where true;",
            "execute 'select 1'; delete from a where true;",
            "for i in 1..n loop delete from a where true; end loop;",
            "delete from a using a b where a.id = b.id;",
            "delete from a where id = n;",
            // safeupdate refuses it.
            "delete from a;",
            "delete from a where auth.uid() is not null;",
            "return; delete from a where true;",
            "delete from a where true; exception when others then null;",
        ] {
            assert_eq!(block("n int) returns void", body), [""; 0], "{body}");
        }
        let guarded = "create function guard() returns bool language sql as $$ select true $$;";
        assert_eq!(
            does(&format!(
                "{guarded} create function f() returns setof a language sql as $$ select guard(); select * from a $$;"
            )),
            [""; 0]
        );
    }
}
