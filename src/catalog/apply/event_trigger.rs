//! Event triggers, and what those do that switch row level security on.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::function::Returns;
use crate::catalog::gap::{Aspect, Touch, Whose};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::trigger::EventTrigger;
use crate::sql::expr::{Expr, FromItem, Literal, Query, QueryBody, SublinkKind};
use crate::sql::name::Ident;
use crate::sql::plpgsql::{BlockStatement, BlockStatementKind, Fragment, LoopHead};
use crate::sql::statement::{CreateEventTrigger, FunctionBody, ObjectKind, StatementKind};

pub(super) fn create(catalog: &mut Catalog, statement: &CreateEventTrigger, origin: Origin) -> Applied {
    let name = &statement.name.value;
    if catalog.event_triggers.contains_key(name) {
        return Err(Misfit::exists(ObjectKind::EventTrigger, name));
    }
    let function = catalog.resolve_trigger_function(&statement.function);
    if let Some(found) = function.oid.and_then(|oid| catalog.functions.get(&oid))
        && !matches!(&found.returns, Returns::Type(result) if result.is_builtin("event_trigger"))
        && !catalog.is_in_doubt(&found.name.name)
    {
        let why = format!("function {}() does not return event_trigger", found.name);
        let misfit = Misfit::refused(SqlState::INVALID_OBJECT_DEFINITION, why).about(&found.name);
        let misfit = misfit.at(statement.function.span).beside(found.history.last().span());
        catalog.unfit.push(misfit.helped_by("make it with `returns event_trigger`"));
    }
    let trigger = EventTrigger {
        name: name.clone(),
        history: History::new(origin),
        event: statement.event.clone(),
        tags: statement.tags.clone(),
        function,
        owner: catalog.session.role.clone(),
        enabled: 'O',
    };
    let probe = QName::new("public", "probe");
    let unclear = catalog.enables_rls(&trigger, &probe, "CREATE TABLE") == Some(None);
    catalog.event_triggers.insert(name.clone(), trigger);
    if let Some(span) = origin.span().filter(|_| unclear) {
        let reason = format!("event trigger {name} may switch on row level security for new tables");
        let touch = Touch { aspect: Aspect::Rls, whose: Whose::AllToCome };
        catalog.record_gap(span, reason, vec![touch]);
    }
    Ok(())
}

pub(super) fn alter(catalog: &mut Catalog, name: &Ident, enabled: char, origin: Origin) -> Applied {
    let Some(trigger) = catalog.event_triggers.get_mut(name) else {
        return Err(Misfit::missing(ObjectKind::EventTrigger, name));
    };
    trigger.enabled = enabled;
    trigger.history.touch(origin);
    Ok(())
}

impl Catalog {
    /// The event trigger that switches on row level security for a table that is being made.
    pub fn auto_enables_rls(&self, table: &QName) -> Option<Origin> {
        let enables = |trigger: &&EventTrigger| {
            self.enables_rls(trigger, table, "CREATE TABLE").flatten() == Some(true)
        };
        self.event_triggers.values().find(enables).map(|trigger| trigger.history.created)
    }

    /// Whether an event trigger enables row level security on a table after this command: `None`
    /// where it has nothing to do with it, `Some(None)` where its body does not tell.
    fn enables_rls(&self, trigger: &EventTrigger, table: &QName, tag: &str) -> Option<Option<bool>> {
        let fires = trigger.event == "ddl_command_end"
            && matches!(trigger.enabled, 'O' | 'A')
            && (trigger.tags.is_empty()
                || trigger.tags.iter().any(|wanted| wanted.eq_ignore_ascii_case(tag)));
        let function = self.functions.get(&trigger.function.oid?)?;
        let Some(FunctionBody::Text(body)) = function.body.as_ref().filter(|_| fires) else { return None };
        if function.language != "plpgsql" || !mentions_rls(&body.text) {
            return None;
        }
        let mut run =
            Run { table, tag, variables: BTreeMap::new(), records: Vec::new(), enables: Some(false) };
        run.statements(&body.block().body, Some(true));
        Some(run.enables)
    }
}

fn mentions_rls(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    words.join(" ").contains("enable row level security")
}

/// The value of an expression, as far as it can be told.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Null,
    Unknown,
}

/// One run of an event trigger's function, after a table was made. Truth has three values; `None`
/// is what cannot be told.
struct Run<'a> {
    table: &'a QName,
    tag: &'a str,
    variables: BTreeMap<Ident, Value>,
    /// Variables that hold a row of `pg_event_trigger_ddl_commands()`.
    records: Vec<Ident>,
    enables: Option<bool>,
}

impl Run<'_> {
    /// Runs statements that are reached if `path`, and tells whether their end is.
    fn statements(&mut self, body: &[BlockStatement], path: Option<bool>) -> Option<bool> {
        let mut path = path;
        for statement in body {
            if path == Some(false) {
                break;
            }
            path = self.statement(&statement.kind, path);
        }
        path
    }

    fn statement(&mut self, kind: &BlockStatementKind, path: Option<bool>) -> Option<bool> {
        match kind {
            BlockStatementKind::Block(block) => self.statements(&block.body, path),
            BlockStatementKind::If { arms, otherwise } => self.choice(arms, otherwise, path),
            BlockStatementKind::Loop { head, body } => {
                let reached = and(path, self.head(head));
                self.statements(body, reached);
                path
            }
            BlockStatementKind::Execute { command, .. } => {
                let text = command.value.as_ref().is_some_and(|command| {
                    command.any(
                        &|part| matches!(part, Expr::Literal(Literal::String(text)) if mentions_rls(text)),
                    )
                });
                if text {
                    self.enables = or(self.enables, path);
                }
                path
            }
            BlockStatementKind::Assign { target, field: None, value } => {
                let value = value.value.as_ref().map_or(Value::Unknown, |value| self.value(value));
                self.variables.insert(target.clone(), value);
                path
            }
            BlockStatementKind::Sql { statement, into } => {
                if let StatementKind::Query(query) = &statement.kind {
                    self.receive(query, into);
                }
                path
            }
            BlockStatementKind::Exit { condition, .. } => {
                let leaves = condition.as_ref().map_or(Some(true), |condition| self.condition(condition));
                and(path, not(leaves))
            }
            BlockStatementKind::Return(_) => Some(false),
            BlockStatementKind::Case { .. } | BlockStatementKind::Unparsed => self.unclear(path),
            _ => path,
        }
    }

    /// What cannot be followed may enable it or leave.
    fn unclear(&mut self, path: Option<bool>) -> Option<bool> {
        self.enables = or(self.enables, None);
        and(path, None)
    }

    fn choice(
        &mut self,
        arms: &[(Fragment, Vec<BlockStatement>)],
        otherwise: &[BlockStatement],
        path: Option<bool>,
    ) -> Option<bool> {
        let mut rest = path;
        let mut after = Some(false);
        for (condition, body) in arms {
            let holds = self.condition(condition);
            let taken = and(rest, holds);
            after = or(after, self.statements(body, taken));
            rest = and(rest, not(holds));
        }
        or(after, self.statements(otherwise, rest))
    }

    /// Whether a loop's body is run for the table.
    fn head(&mut self, head: &LoopHead) -> Option<bool> {
        let LoopHead::Query { variables, query } = head else { return None };
        let StatementKind::Query(query) = &query.kind else { return None };
        self.receive(query, variables)
    }

    /// Puts a row of the commands into variables, and tells whether there is one.
    fn receive(&mut self, query: &Query, into: &[Ident]) -> Option<bool> {
        let QueryBody::Select(select) = &query.body else { return None };
        if !reads_commands(&select.from) {
            self.variables.extend(into.iter().map(|name| (name.clone(), Value::Unknown)));
            return None;
        }
        match into {
            [record] if select.targets.len() != 1 || is_star(&select.targets[0].expr) => {
                self.records.push(record.clone());
            }
            [record] => {
                self.records.push(record.clone());
                let value = self.value(&select.targets[0].expr);
                self.variables.insert(record.clone(), value);
            }
            _ => {
                for (name, target) in into.iter().zip(&select.targets) {
                    let value = self.value(&target.expr);
                    self.variables.insert(name.clone(), value);
                }
            }
        }
        select.filter.as_ref().map_or(Some(true), |filter| self.truth(filter))
    }

    fn condition(&self, condition: &Fragment) -> Option<bool> {
        condition.value.as_ref().and_then(|condition| self.truth(condition))
    }

    fn truth(&self, expr: &Expr) -> Option<bool> {
        match expr {
            Expr::And(list) => all(list.iter().map(|part| self.truth(part))),
            Expr::Or(list) => any(list.iter().map(|part| self.truth(part))),
            Expr::Not(inner) => not(self.truth(inner)),
            Expr::Literal(Literal::Bool(value)) => Some(*value),
            Expr::Cast { expr, .. } => self.truth(expr),
            Expr::IsNull { expr, negated } => match self.value(expr) {
                Value::Unknown => None,
                value => Some((value == Value::Null) != *negated),
            },
            Expr::IsBool { expr, value: Some(value), negated } => {
                self.truth(expr).map(|truth| (truth == *value) != *negated)
            }
            Expr::Column(column) if column.path.last().is_some_and(|name| *name == "in_extension") => {
                Some(false)
            }
            Expr::Op { op, left: Some(left), right } => self.compare(op, left, right),
            Expr::In { expr, list, negated } => {
                let found = any(list.iter().map(|item| self.compare("=", expr, item)));
                if *negated { not(found) } else { found }
            }
            Expr::OpArray { op, all: every, left, right } => {
                let Expr::Array(list) = right.uncast() else { return None };
                let each = list.iter().map(|item| self.compare(op, left, item));
                if *every { all(each) } else { any(each) }
            }
            Expr::Sublink(sublink) if sublink.kind == SublinkKind::Exists => match &sublink.query.body {
                QueryBody::Select(select) if reads_commands(&select.from) => {
                    select.filter.as_ref().map_or(Some(true), |filter| self.truth(filter))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn compare(&self, op: &str, left: &Expr, right: &Expr) -> Option<bool> {
        let (Value::Text(left), Value::Text(right)) = (self.value(left), self.value(right)) else {
            return None;
        };
        let lower = |text: &str| text.to_lowercase();
        match op {
            "=" => Some(left == right),
            "<>" | "!=" => Some(left != right),
            "~~" => Some(is_like(&left, &right)),
            "!~~" => Some(!is_like(&left, &right)),
            "~~*" => Some(is_like(&lower(&left), &lower(&right))),
            "!~~*" => Some(!is_like(&lower(&left), &lower(&right))),
            _ => None,
        }
    }

    fn value(&self, expr: &Expr) -> Value {
        match expr {
            Expr::Literal(Literal::String(text)) => Value::Text(text.clone()),
            Expr::Literal(Literal::Null) => Value::Null,
            Expr::Cast { expr, .. } => self.value(expr),
            Expr::Column(column) => match column.path.as_slice() {
                [name] => self.variables.get(name).cloned().unwrap_or_else(|| self.field(name)),
                [record, name] if self.records.contains(record) => self.field(name),
                // The table's alias in the query itself.
                [record, name] if !self.variables.contains_key(record) => self.field(name),
                _ => Value::Unknown,
            },
            Expr::Call(call) => match (call.name.name.as_str(), call.args.as_slice()) {
                ("lower", [text]) => match self.value(text) {
                    Value::Text(text) => Value::Text(text.to_lowercase()),
                    value => value,
                },
                ("split_part", [text, Expr::Literal(Literal::String(separator)), part]) => {
                    match (self.value(text), part) {
                        (Value::Text(text), Expr::Literal(Literal::Number(part))) => {
                            let at = part.parse::<usize>().unwrap_or(0).saturating_sub(1);
                            Value::Text(text.split(separator.as_str()).nth(at).unwrap_or("").to_owned())
                        }
                        _ => Value::Unknown,
                    }
                }
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// A column of `pg_event_trigger_ddl_commands()`, or one of the trigger's own variables.
    fn field(&self, name: &Ident) -> Value {
        Value::Text(match name.as_str() {
            "schema_name" => self.table.schema.to_string(),
            "object_identity" => self.table.quoted(),
            "object_type" => "table".into(),
            "command_tag" | "tg_tag" => self.tag.into(),
            "tg_event" => "ddl_command_end".into(),
            _ => return Value::Unknown,
        })
    }
}

fn is_star(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.star)
}

fn reads_commands(from: &[FromItem]) -> bool {
    let is_commands =
        |expr: &Expr| matches!(expr, Expr::Call(call) if call.name.name == "pg_event_trigger_ddl_commands");
    matches!(from, [FromItem::Function { calls, .. }] if calls.iter().any(is_commands))
}

fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    not(and(not(one), not(other)))
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts.reduce(and).unwrap_or(Some(true))
}

fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts.reduce(or).unwrap_or(Some(false))
}

fn not(truth: Option<bool>) -> Option<bool> {
    truth.map(|truth| !truth)
}

/// LIKE with `%` and `_`, and `\` before either.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| is_like(&text[at..], rest.as_str()))
        }
        Some(wanted) => {
            let literal = if wanted == '\\' { rest.next() } else { None };
            let mut chars = text.chars();
            chars.next().is_some_and(|first| match literal {
                Some(literal) => first == literal,
                None => wanted == '_' || first == wanted,
            }) && is_like(chars.as_str(), rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// The event trigger of Supabase's guide to row level security.
    const GUIDE: &str = "
create or replace function rls_auto_enable() returns event_trigger language plpgsql
security definer set search_path = pg_catalog as $$
declare
  cmd record;
begin
  for cmd in
    select * from pg_event_trigger_ddl_commands()
    where command_tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
      and object_type in ('table', 'partitioned table')
  loop
    if cmd.schema_name is not null and cmd.schema_name in ('public')
       and cmd.schema_name not in ('pg_catalog', 'information_schema')
       and cmd.schema_name not like 'pg_toast%' then
      begin
        execute format('alter table if exists %s enable row level security', cmd.object_identity);
        raise log 'enabled on %', cmd.object_identity;
      exception
        when others then raise log 'failed on %', cmd.object_identity;
      end;
    else
      raise log 'skipped %', cmd.object_identity;
    end if;
  end loop;
end;
$$;
create event trigger ensure_rls on ddl_command_end
  when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') execute function rls_auto_enable();
";

    fn rls(text: &str, table: &QName) -> bool {
        let bench = Bench::new(text);
        bench.catalog.table(table).unwrap().rls.value
    }

    #[test]
    fn the_guides_trigger_is_understood() {
        let later = "create table t (id int); create schema other; create table other.t (id int);";
        let text = format!("create table before (id int);{GUIDE}{later}");
        let bench = Bench::new(&text);
        assert_eq!(bench.catalog.gaps, []);
        let rls =
            |schema: &str, name: &str| bench.catalog.table(&QName::new(schema, name)).unwrap().rls.value;
        assert!(rls("public", "t"));
        assert!(!rls("public", "before") && !rls("other", "t"));
        let disabled = format!("{GUIDE} alter event trigger ensure_rls disable; create table t (id int);");
        assert!(!super::tests::rls(&disabled, &QName::new("public", "t")));
    }

    #[test]
    fn leaving_early_is_understood() {
        let text = "
create function f() returns event_trigger language plpgsql as $$
declare r record;
begin
  for r in select * from pg_event_trigger_ddl_commands() loop
    continue when r.schema_name <> 'public';
    execute 'ALTER TABLE ' || r.object_identity || ' ENABLE ROW LEVEL SECURITY';
  end loop;
end $$;
create event trigger e on ddl_command_end execute function f();
create schema other; create table other.t (id int); create table t (id int);";
        assert!(rls(text, &QName::new("public", "t")));
        assert!(!rls(text, &QName::new("other", "t")));
    }

    #[test]
    fn what_is_not_understood_leaves_a_gap() {
        let bench = Bench::new(
            "create function f() returns event_trigger language plpgsql as $$
             declare r record;
             begin
               for r in select * from pg_event_trigger_ddl_commands() loop
                 if is_wanted(r.objid) then
                   execute format('alter table %s enable row level security', r.object_identity);
                 end if;
               end loop;
             end $$;
             create event trigger e on ddl_command_end execute function f();",
        );
        assert!(bench.catalog.may_have_changed(&QName::new("public", "t"), Aspect::Rls));
    }

    #[test]
    fn like_matches_whole_texts() {
        assert!(is_like("pg_toast_1", "pg\\_toast%") && is_like("abc", "a_c") && !is_like("abcd", "a_c"));
    }
}
