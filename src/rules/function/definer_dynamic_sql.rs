use crate::map::IndexMap;
use rustc_hash::FxHashSet;

use crate::access::{in_words, reach_of};
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::types::DataType;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::{Expr, Literal};
use crate::sql::name::Ident;
use crate::sql::plpgsql::BlockStatementKind;
use crate::sql::statement::Privilege;
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds `security definer` functions that put a parameter into the text of a statement.
    ///
    /// ## Why it matters
    ///
    /// `execute 'select … from ' || kind` runs whatever the parameter says, with the rights of the owner:
    /// `x; delete from …`. `format` with `%I` for names and `%L` for values quotes them, and USING
    /// passes values beside the text.
    ///
    /// ```sql,bad
    /// create function public.count_rows(kind text) returns bigint language plpgsql security definer
    ///   set search_path = '' as $$
    /// declare result bigint;
    /// begin
    ///   execute 'select count(*) from public.' || kind into result;
    ///   return result;
    /// end $$;
    /// ```
    ///
    /// ```sql,good
    /// create function public.count_rows(kind text) returns bigint language plpgsql security definer
    ///   set search_path = '' as $$
    /// declare result bigint;
    /// begin
    ///   execute format('select count(*) from public.%I', kind) into result;
    ///   return result;
    /// end $$;
    /// ```
    ///
    /// Numbers, uuids, dates and `regclass` hold no SQL and are left alone, and so are parameters that the body
    /// compares with a list of texts or with a pattern for the whole of it. Where no request can call the
    /// function it is a warning. A parameter that is run as it is, is `ad-hoc-ddl`.
    ///
    /// ## How to fix
    ///
    /// Use `format` with `%I` for names and `%L` for values, or pass values by `execute … using`.
    "definer-dynamic-sql" {
        group: Group::Function,
        severity: Severity::Error,
        summary: "a function with its owner's rights builds SQL from what it is given",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let doubts = cx.catalog.doubts(&[Aspect::Functions]);
    let definer = |function: &&Function| function.security_definer.value && !doubts.concern(&function.name);
    for function in cx.catalog.own_functions().filter(definer) {
        let Some(routine) = cx.workload.routines.get(&function.oid) else { continue };
        let taint = Taint::of(function, routine);
        let injected = routine.executed.iter().find_map(|(span, text)| {
            let parameter = taint.spliced(text.as_ref()?)?;
            Some((*span, parameter))
        });
        let Some((span, parameter)) = injected else { continue };
        let callers: Vec<String> =
            cx.catalog.callers(function).iter().map(|role| role.name.quoted()).collect();
        let who = if callers.is_empty() { "whoever calls it".to_string() } else { in_words(&callers, "and") };
        let message = format!(
            "{who} can run SQL of their own with the rights of {} by {} {}: it puts {} into a statement unquoted",
            function.owner.quoted(),
            function.noun(),
            function.name,
            parameter.quoted()
        );
        let found = out.report(span, Identity::new("function", &function.name), message);
        found.what(function.signature(cx.catalog)).note("runs as SQL");
        found.reach(reach_of(cx.catalog.callers(function), Privilege::Execute));
        found.label(function.name_span, "in this function");
        found.help(
            "format('… %I … %L', …) quotes names and values; `execute … using` passes values beside the text",
        );
        if callers.is_empty() {
            found.severity(Severity::Warning);
        }
    }
}

/// The parameters whose text is in a variable, by its name.
struct Taint<'a> {
    texts: IndexMap<&'a Ident, &'a Ident>,
}

impl<'a> Taint<'a> {
    fn of(function: &'a Function, routine: &'a Routine) -> Self {
        let checked = checked(routine);
        let names = function
            .inputs()
            .filter(|argument| holds_text(&argument.data_type))
            .filter_map(|argument| argument.name.as_ref())
            .filter(|name| !checked.contains(name));
        let mut taint = Self { texts: names.map(|name| (name, name)).collect() };
        let Some(block) = routine.block.as_ref().filter(|_| !taint.texts.is_empty()) else { return taint };
        let mut given: Vec<(&Ident, &Expr)> = Vec::new();
        block.walk_blocks(&mut |block| {
            let texts = block.declarations.iter().filter(|declared| is_text(&declared.data_type));
            given.extend(
                texts.filter_map(|declared| {
                    Some((&declared.name, declared.default.as_ref()?.value.as_ref()?))
                }),
            );
        });
        block.walk(&mut |statement| {
            if let BlockStatementKind::Assign { target, field: None, value } = &statement.kind {
                given.extend(value.value.as_ref().map(|value| (target, value)));
            }
        });
        // Each pass may learn of one more variable.
        for _ in 0..given.len().min(PASSES) {
            for (name, value) in &given {
                if let Some(parameter) = taint.raw(value).filter(|_| !taint.texts.contains_key(name)) {
                    taint.texts.insert(name, parameter);
                }
            }
        }
        taint
    }

    /// The parameter that a command has in it among other text.
    fn spliced(&self, command: &Expr) -> Option<&'a Ident> {
        let parameter = self.raw(command)?;
        match command.uncast() {
            Expr::Column(column) => column.path.last().filter(|name| *name != parameter).map(|_| parameter),
            _ => Some(parameter),
        }
    }

    /// The parameter whose text is in a value as it came.
    fn raw(&self, expr: &Expr) -> Option<&'a Ident> {
        match expr {
            Expr::Column(column) => match column.path.as_slice() {
                [name] => self.texts.get(name).copied(),
                _ => None,
            },
            Expr::Op { op, left, right } if op == "||" => {
                left.as_ref().and_then(|left| self.raw(left)).or_else(|| self.raw(right))
            }
            Expr::Cast { expr, to } => {
                KEEPS_TEXT.contains(&to.name.name.as_str()).then(|| self.raw(expr)).flatten()
            }
            Expr::Coalesce(list) | Expr::Other("nullif", list) => list.iter().find_map(|item| self.raw(item)),
            Expr::Case { arms, default, .. } => {
                arms.iter().map(|(_, then)| then).chain(default.as_deref()).find_map(|then| self.raw(then))
            }
            Expr::Call(call) if call.name.name == "format" => {
                let (template, args) = call.args.split_first()?;
                let Expr::Literal(Literal::String(template)) = template.uncast() else { return None };
                unquoted(template).into_iter().filter_map(|at| args.get(at)).find_map(|arg| self.raw(arg))
            }
            Expr::Call(call) if PASSES_TEXT.contains(&call.name.name.as_str()) => {
                call.args.iter().find_map(|arg| self.raw(arg))
            }
            _ => None,
        }
    }
}

/// The variables that a body asks what they hold: one of some texts, or what fits a pattern from its
/// beginning to its end.
fn checked(routine: &Routine) -> FxHashSet<&Ident> {
    let mut found = FxHashSet::default();
    let is_text = |expr: &Expr| matches!(expr.uncast(), Expr::Literal(Literal::String(_)));
    let is_whole = |expr: &Expr| {
        let Expr::Literal(Literal::String(pattern)) = expr.uncast() else { return false };
        pattern.starts_with('^') && pattern.ends_with('$')
    };
    routine.walk(&mut |part| {
        let subject = match part {
            Expr::In { expr, list, .. } if list.iter().all(is_text) => expr,
            Expr::OpArray { op, left, right, .. } if *op == "=" || *op == "<>" => {
                let is_list = match right.uncast() {
                    Expr::Array(items) => items.iter().all(is_text),
                    other => is_text(other),
                };
                if !is_list {
                    return;
                }
                left
            }
            Expr::Op { op, left: Some(left), right } if (*op == "~" || *op == "!~") && is_whole(right) => {
                left
            }
            _ => return,
        };
        if let Expr::Column(column) = subject.uncast()
            && let [name] = column.path.as_slice()
        {
            found.insert(name);
        }
    });
    found
}

const PASSES: usize = 8;

const KEEPS_TEXT: &[&str] = &["text", "varchar", "bpchar"];

/// Functions of PostgreSQL whose result holds their arguments' text.
const PASSES_TEXT: &[&str] =
    &["btrim", "concat", "concat_ws", "left", "lower", "ltrim", "replace", "right", "rtrim", "upper"];

fn holds_text(data_type: &DataType) -> bool {
    KEEPS_TEXT.iter().any(|name| data_type.is_builtin(name)) && !data_type.array
}

fn is_text(declared: &str) -> bool {
    KEEPS_TEXT.contains(&declared.trim().to_lowercase().as_str())
}

/// The arguments of `format` that it puts in as they are: by `%s`, or `%1$s`.
fn unquoted(template: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let numbered =
            rest[digits..].starts_with('$').then(|| rest[..digits].parse::<usize>().ok()).flatten();
        let at = numbered.map_or(next, |number| number.saturating_sub(1));
        let kind =
            rest.find(|letter: char| letter.is_ascii_alphabetic()).and_then(|at| rest[at..].chars().next());
        if kind == Some('s') {
            found.push(at);
        }
        next = at + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    fn function(text: &str) {
        check(&RULE, text);
    }

    #[test]
    fn forms() {
        function(
            "
             create function public.a(kind text) returns void language plpgsql security definer as $$
             begin execute 'delete from public.' || kind; end $$;
             --            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: anon and authenticated can run SQL of their own with the rights of postgres by function public.a: it puts kind into
             create function public.b(kind text, n int) returns void language plpgsql security definer as $$
             begin execute format('delete from public.%I where name = ''%s'' limit %s', 'x', lower(kind), n); end $$;
             --            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: puts kind into
             create function public.c(kind text) returns void language plpgsql security definer as $$
             declare command text;
             begin
               command := 'delete from public.x where kind = ' || kind;
               execute command;
             --        ^^^^^^^ error: puts kind into
             end $$;
             create function public.d(kind text) returns void language plpgsql security definer as $$
             begin execute 'delete from public.' || kind; end $$;
             --            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: whoever calls it
             revoke execute on function public.d(text) from public, anon, authenticated;",
        );
    }

    #[test]
    fn a_pattern_for_a_part_checks_nothing() {
        function(
            "
             create function public.a(kind text) returns void language plpgsql security definer as $$
             begin
               if kind !~ '^[a-z]' then raise exception 'no'; end if;
               execute 'delete from public.' || kind;
             --        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: puts kind into
             end $$;",
        );
    }

    #[test]
    fn what_is_quoted_or_holds_no_sql_is_silent() {
        function(
            "
             create function public.a(kind text) returns void language plpgsql security definer as $$
             begin
               execute format('delete from public.%I where name = %L and 100 %% 2 = 0', kind, kind);
               execute 'delete from public.' || quote_ident(kind) || ' where a = $1' using kind;
               execute format('select %2$L, %1$I', kind, kind);
             end $$;
             create function public.b(n int, t regclass, u uuid) returns void language plpgsql security definer as $$
             begin
               execute 'delete from ' || t || ' where id = ' || n::text;
               execute format('delete from %s where id = %s', t, u);
             end $$;
             create function public.c(kind text) returns void language plpgsql as $$
             begin execute 'delete from public.' || kind; end $$;
             create function public.d(kind text) returns void language plpgsql security definer as $$
             begin execute kind; end $$;
             create function public.f(kind text, name text, unit text) returns void language plpgsql security definer as $$
             begin
               if kind not in ('integer', 'text') then raise exception 'no'; end if;
               if name !~ '^cf_[a-z]{1,50}$' then raise exception 'no'; end if;
               if unit <> all (array['day', 'week']) then raise exception 'no'; end if;
               execute 'alter table public.x add column ' || name || ' ' || kind || ' default ' || unit;
             end $$;
             create function public.e(kind text) returns void language plpgsql security definer as $$
             declare safe text := quote_ident(kind);
             begin execute 'delete from public.' || safe; end $$;",
        );
    }
}
