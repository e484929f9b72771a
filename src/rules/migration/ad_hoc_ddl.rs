use rustc_hash::FxHashSet;
use serde::Deserialize;

use crate::access::reach_of;
use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::diagnostic::{Diagnostic, Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::upkeep::Globs;
use crate::source::script::ExtensionScript;
use crate::source::{FileRole, Span};
use crate::sql::Migration;
use crate::sql::expr::{Expr, Literal};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::plpgsql::{Block, BlockStatementKind};
use crate::sql::statement::{AlterAction, ObjectKind, Persistence, Privilege, Statement, StatementKind};
use crate::workload::routine::Routine;

declare_rule! {
    /// Finds DDL that reaches a database outside of its migration history.
    ///
    /// ## Why it matters
    ///
    /// What a migration makes is the same in every database of the project. Other ways in are not:
    ///
    /// - **A seed.** It runs on a developer's machine and never in production, where the app then
    ///   fails for want of a table. Temporary objects, helpers in `pg_temp` or dropped again,
    ///   switching triggers off while rows are loaded, and webhooks, which call another address in
    ///   each environment, are fine.
    /// - **A function** that runs DDL when it is called. One that runs any text it is given, often
    ///   called `exec_sql`, hands the database to whoever may call it: through the Data API that is
    ///   a browser, which can send `drop table users`.
    /// - **A script**, such as `scripts/setup.sql`, that makes tables or views which no migration
    ///   makes. Whoever runs it has them, and nobody else does. Scripts are looked for in the
    ///   `supabase` folder, beside it, and in `scripts`, `sql`, `db` and `database` there; those
    ///   beside it count if they know something of the project's database. Those of an extension
    ///   (`name--1.0.sql`) are run by `create extension`.
    /// - **A file** in the migrations folder that the Supabase CLI does not run, because its name
    ///   is not `<digits>_<name>.sql`. The CLI says so in one line of output.
    /// - **A merged migration** that is edited, renamed or deleted, which `--base` and `--staged` tell: databases
    ///   that ran it keep what it was. Comments, line breaks and the case of key words may change.
    ///
    /// ```sql,bad
    /// create function public.exec_sql(query text) returns void language plpgsql security definer as $$
    /// begin
    ///   execute query;
    /// end $$;
    /// ```
    ///
    /// ```sql,bad
    /// -- file: seed.sql
    /// create table public.countries (code text primary key);
    /// ```
    ///
    /// ```sql,bad
    /// -- file: 20250101000000_countries.sql
    /// create table public.countries (code text primary key);
    /// -- file: scripts/setup.sql
    /// alter table public.countries enable row level security;
    /// create table public.currencies (code text primary key);
    /// ```
    ///
    /// ```sql,good
    /// -- file: 20250101000000_countries.sql
    /// create table public.countries (code text primary key);
    /// -- file: seed.sql
    /// insert into public.countries values ('fr'), ('de');
    /// ```
    ///
    /// ## How to fix
    ///
    /// Move the DDL to a new migration (`supabase migration new NAME`), give the file a name that
    /// the CLI takes, and drop functions that run any SQL; what they are called for becomes a
    /// function of its own, with parameters.
    ///
    /// ## Options
    ///
    /// - `seeds`: patterns of seed files that may hold DDL.
    /// - `scripts`: patterns of other files that may hold it.
    /// - `functions`: patterns of functions that may run it; by default those that look after
    ///   partitions or are called by cron, by their names.
    "ad-hoc-ddl" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "DDL that is not part of the migration history",
        sources: &[],
        options: Options::of::<AdHocDdl>(),
        check: Check::Catalog(check),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct AdHocDdl {
    seeds: Globs,
    scripts: Globs,
    functions: Globs,
}

impl Default for AdHocDdl {
    fn default() -> Self {
        Self {
            seeds: Globs::default(),
            scripts: Globs::default(),
            functions: Globs::of(&["*partition*", "cron_*", "*_cron", "*maintenance*"]),
        }
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let options: &AdHocDdl = cx.options();
    let seeds = || cx.files.iter().filter(|file| cx.sources.get(file.file).role == FileRole::Seed);
    // A later seed may drop what an earlier one made.
    let passing = passing_names(&seeds().flat_map(|seed| statements(seed)).collect::<Vec<_>>());
    for file in seeds() {
        let path = &cx.sources.get(file.file).path;
        if !options.seeds.match_text(path) {
            check_seed(cx, file, path, &passing, out);
        }
    }
    check_scripts(cx, options, out);
    for (oid, routine) in &cx.workload.routines {
        let Some(function) = cx.catalog.functions.get(oid) else { continue };
        if !options.functions.match_name(&function.name) && function.name.schema != "pg_temp" {
            check_function(cx, function, routine, out);
        }
    }
}

fn check_seed(
    cx: &CatalogCx<'_>,
    seed: &Migration,
    path: &str,
    passing: &FxHashSet<Ident>,
    out: &mut Findings,
) {
    let found: Vec<&Statement> = lasting_changes_but(passing, &statements(seed))
        .into_iter()
        .filter(|statement| !is_no_op(cx.catalog, &statement.kind))
        .collect();
    let Some((first, rest)) = found.split_first() else { return };
    let name = file_name(path);
    let message = match rest.len() {
        0 => format!("{name} changes the schema, which no other database than a developer's will see"),
        more => format!(
            "{name} changes the schema in {} statements, which no other database than a developer's will see",
            more + 1
        ),
    };
    let finding: &mut Diagnostic = out.report(first.span, Identity::plain("file", name), message);
    finding.note("not part of any migration").help("move it to a migration; a seed holds rows");
    if is_apart(cx.catalog, &found) || says_local(&cx.sources.get(seed.file).text) {
        finding.severity(Severity::Info);
    }
    finding.label_each(rest.iter().map(|statement| (statement.span, "and this")));
    finding.extent(found.iter().filter_map(|statement| target(&statement.kind)));
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a file says at its head that it is for a developer's database alone.
fn says_local(text: &str) -> bool {
    const FIRST_LINES: usize = 8;
    text.lines().take(FIRST_LINES).filter_map(|line| line.trim_start().strip_prefix("--")).any(|line| {
        let line = line.to_lowercase();
        let words: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric()).collect();
        let says = |word| words.contains(&word);
        says("local") && says("only")
            || (says("not") || says("never")) && (says("production") || says("remote"))
    })
}

/// Whether statements make schemas and fill no others: helpers of tests, which nothing else asks for.
fn is_apart(catalog: &Catalog, statements: &[&Statement]) -> bool {
    let own: Vec<&Ident> = statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::CreateSchema(create) => create.name.as_ref().map(|name| &name.value),
            _ => None,
        })
        .filter(|name| !catalog.namespaces.contains_key(*name))
        .collect();
    let of_own = |statement: &&Statement| match &statement.kind {
        StatementKind::CreateSchema(_) => true,
        kind => {
            target(kind).and_then(|name| name.schema.as_ref()).is_some_and(|schema| own.contains(&schema))
        }
    };
    !own.is_empty() && statements.iter().all(of_own)
}

/// More scripts than these are told as one.
const MANY: usize = 5;

fn check_scripts(cx: &CatalogCx<'_>, options: &AdHocDdl, out: &mut Findings) {
    let mut scripts: Vec<(&str, Vec<(Span, QName)>)> = Vec::new();
    for file in cx.files.iter().filter(|file| cx.sources.get(file.file).role == FileRole::Script) {
        let path = &cx.sources.get(file.file).path;
        if !options.scripts.match_text(path) && ExtensionScript::of(file_name(path)).is_none() {
            scripts.push((path, made_by_script(cx.catalog, file, path)));
        }
    }
    scripts.retain(|(_, made)| !made.is_empty());
    let before = out.list.len();
    scripts.iter().for_each(|(path, made)| report_script(path, made, out));
    if scripts.len() > MANY {
        let message = format!(
            "{} scripts make {} relations that no migration makes: only databases where somebody ran them have these",
            scripts.len(),
            scripts.iter().map(|(_, made)| made.len()).sum::<usize>()
        );
        if let Some(habit) = out.fold(before, "scripts", message, |one| format!("so does {}", one.object)) {
            habit.help("move what they make to a migration (`supabase migration new …`), or declare it in `[db.migrations] schema_paths`");
        }
    }
}

/// The relations that a script makes and no migration does, and where.
fn made_by_script(catalog: &Catalog, script: &Migration, path: &str) -> Vec<(Span, QName)> {
    let statements = statements(script);
    let in_project = path.split('/').any(|part| part == "supabase");
    if !in_project && !statements.iter().any(|statement| knows_project(catalog, &statement.kind)) {
        return Vec::new();
    }
    let made = lasting_changes(&statements).into_iter();
    made.filter_map(|statement| unknown_relation(catalog, &statement.kind)).collect()
}

fn report_script(path: &str, made: &[(Span, QName)], out: &mut Findings) {
    let Some(((first, name), rest)) = made.split_first() else { return };
    let more = match rest.len() {
        0 => String::new(),
        1 => " and one more relation".to_string(),
        more => format!(" and {more} more relations"),
    };
    let file = file_name(path);
    let message = format!(
        "{file} makes {name}{more}, which no migration makes: only databases where somebody ran it have it"
    );
    let finding = out.report(*first, Identity::plain("file", path), message);
    finding
        .severity(Severity::Warning)
        .note("not part of any migration")
        .help("move it to a migration (`supabase migration new …`), or remove the script");
    finding.label_each(rest.iter().map(|(span, _)| (*span, "and this")));
    finding.extent(made.iter().map(|(_, name)| name));
}

/// The relation that a statement makes and where it is named, if no migration makes or made it.
fn unknown_relation(catalog: &Catalog, kind: &StatementKind) -> Option<(Span, QName)> {
    let name = match kind {
        StatementKind::CreateTable(create) => &create.name,
        StatementKind::CreateTableAs(create) => &create.name,
        StatementKind::CreateView(create) => &create.name,
        _ => return None,
    };
    let schema = name.schema.clone().unwrap_or_else(|| "public".into());
    let full = QName { schema, name: name.name.clone() };
    // The table of migrations that ran is the CLI's.
    let is_known = full.schema == "supabase_migrations"
        || catalog.is_managed(&full.schema)
        || catalog.resolve_relation(name).is_some()
        || catalog.was_relation(&full)
        || catalog.may_have_changed(&full, Aspect::Existence);
    (!is_known).then_some((name.span, full))
}

/// Whether a statement speaks of what the project's database has: of one of its relations, or of
/// row level security.
fn knows_project(catalog: &Catalog, kind: &StatementKind) -> bool {
    let is_policy = matches!(kind, StatementKind::CreatePolicy(_));
    is_policy || target(kind).is_some_and(|name| catalog.resolve_relation(name).is_some())
}

/// The statements of a file, those in its DO blocks among them.
fn statements(seed: &Migration) -> Vec<&Statement> {
    let mut list = Vec::new();
    for statement in &seed.statements {
        match &statement.kind {
            StatementKind::Do(block) => {
                if let Some(block) = &block.block {
                    block.walk(&mut |inner| list.extend(inner.sql()));
                }
            }
            _ => list.push(statement),
        }
    }
    list
}

/// The statements that change the schema for longer than these statements run.
fn lasting_changes<'a>(statements: &[&'a Statement]) -> Vec<&'a Statement> {
    lasting_changes_but(&passing_names(statements), statements)
}

fn lasting_changes_but<'a>(passing: &FxHashSet<Ident>, statements: &[&'a Statement]) -> Vec<&'a Statement> {
    let is_lasting = |statement: &&Statement| {
        changes_schema(&statement.kind)
            && target(&statement.kind).is_none_or(|name| !passing.contains(&name.name))
    };
    statements.iter().copied().filter(is_lasting).collect()
}

/// Temporary relations, and what is made and dropped again.
fn passing_names(statements: &[&Statement]) -> FxHashSet<Ident> {
    let mut names = FxHashSet::default();
    let mut made: FxHashSet<&Ident> = FxHashSet::default();
    for statement in statements {
        match &statement.kind {
            StatementKind::Drop(drop) => {
                // What is on a table has the table's name here.
                let is_whole = |kind| {
                    use ObjectKind::{Column, Constraint, Policy, Rule, Trigger};
                    !matches!(kind, Policy | Trigger | Rule | Column | Constraint)
                };
                let whole = drop.objects.iter().filter(|object| is_whole(object.kind));
                let dropped = whole.map(|object| &object.name.name);
                names.extend(dropped.filter(|name| made.contains(name)).cloned());
            }
            kind => {
                if let Some(name) = target(kind) {
                    if is_temporary(kind) {
                        names.insert(name.name.clone());
                    }
                    made.insert(&name.name);
                }
            }
        }
    }
    names
}

fn is_temporary(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::CreateTable(create) => create.persistence == Persistence::Temporary,
        StatementKind::CreateTableAs(create) => create.persistence == Persistence::Temporary,
        StatementKind::CreateView(create) => create.temporary,
        StatementKind::CreateSequence(create) => create.persistence == Persistence::Temporary,
        _ => false,
    }
}

/// The object that a statement is about, where it has a name of its own or belongs to a relation.
fn target(kind: &StatementKind) -> Option<&ObjectName> {
    Some(match kind {
        StatementKind::CreateTable(create) => &create.name,
        StatementKind::CreateTableAs(create) => &create.name,
        StatementKind::CreateView(create) => &create.name,
        StatementKind::CreateSequence(create) => &create.name,
        StatementKind::CreateIndex(create) => &create.table,
        StatementKind::CreatePolicy(create) => &create.table,
        StatementKind::CreateFunction(create) => &create.name,
        StatementKind::CreateTrigger(create) => &create.table,
        StatementKind::CreateType(create) => &create.name,
        StatementKind::AlterTable(alter) => &alter.name,
        StatementKind::Rename(rename) => &rename.object.name,
        StatementKind::Comment { object, .. } => &object.name,
        StatementKind::Drop(drop) => &drop.objects.first()?.name,
        _ => return None,
    })
}

/// Whether a statement changes what the database looks like, for longer than its session.
fn changes_schema(kind: &StatementKind) -> bool {
    let in_pg_temp =
        target(kind).and_then(|name| name.schema.as_ref()).is_some_and(|schema| *schema == "pg_temp");
    let is_change = match kind {
        StatementKind::Set(_)
        | StatementKind::SetLocal(_)
        | StatementKind::Transaction(_)
        | StatementKind::Do(_)
        | StatementKind::Query(_)
        | StatementKind::Change(_)
        | StatementKind::Call(_)
        | StatementKind::Data(_)
        | StatementKind::Refresh { .. }
        | StatementKind::Truncate { .. }
        | StatementKind::Other(_)
        // Counting from another number changes no shape.
        | StatementKind::AlterSequence(_) => false,
        // The address and the key of a webhook are each environment's own.
        StatementKind::CreateTrigger(create) => {
            create.function.schema.as_ref().is_none_or(|schema| *schema != "supabase_functions")
        }
        // Triggers are switched off while rows are loaded.
        StatementKind::AlterTable(alter) => {
            alter.actions.iter().any(|action| !matches!(action.value, AlterAction::EnableTrigger { .. }))
        }
        _ => true,
    };
    is_change && !in_pg_temp && !is_temporary(kind)
}

/// Whether a statement finds everything as it wants it.
fn is_no_op(catalog: &Catalog, kind: &StatementKind) -> bool {
    match kind {
        StatementKind::CreateExtension(create) => {
            create.if_not_exists && catalog.extensions.contains_key(&create.name.value)
        }
        StatementKind::CreateTable(create) => {
            create.if_not_exists && catalog.resolve_relation(&create.name).is_some()
        }
        StatementKind::CreateSchema(create) => {
            create.if_not_exists
                && create.name.as_ref().is_some_and(|name| catalog.namespaces.contains_key(&name.value))
        }
        StatementKind::Drop(drop) => {
            let is_relation = |kind| {
                matches!(
                    kind,
                    ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence | ObjectKind::Index
                )
            };
            drop.if_exists
                && drop.objects.iter().all(|object| {
                    is_relation(object.kind) && catalog.resolve_relation(&object.name).is_none()
                })
        }
        _ => false,
    }
}

/// What a function runs that is not written down in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Executed {
    /// `create table`, `drop policy`: how the text starts.
    Ddl(String),
    /// A parameter, as it is given.
    Anything(String),
}

fn check_function(cx: &CatalogCx<'_>, function: &Function, routine: &Routine, out: &mut Findings) {
    let catalog = cx.catalog;
    let mut found: Vec<(Span, Executed)> = Vec::new();
    for statement in lasting_changes(&routine.statements.iter().collect::<Vec<_>>()) {
        found.push((statement.span, Executed::Ddl(String::new())));
    }
    for (span, text) in &routine.executed {
        let text = text.as_ref().and_then(|text| executed(text, function, routine.block.as_deref()));
        found.extend(text.map(|text| (*span, text)));
    }
    // The worst comes first.
    found.sort_by_key(|(span, executed)| (matches!(executed, Executed::Ddl(_)), *span));
    let switches_rls_on = |executed: &Executed| {
        matches!(executed, Executed::Ddl(words) if words.starts_with("alter table"))
            && is_event_trigger(function)
    };
    found.retain(|(_, executed)| !switches_rls_on(executed));
    let Some(((span, worst), rest)) = found.split_first() else { return };
    let mut callers = catalog.callers(function);
    // What a table is like is up to its owner: a caller's own rights do not reach that far.
    let is_powerless = matches!(worst, Executed::Ddl(_)) && !function.security_definer.value;
    // What asks who calls may turn them away.
    if is_powerless || cx.workload.body_knows_caller(function.oid) {
        callers.clear();
    }
    // What migrations call and requests cannot is a helper of theirs.
    if callers.is_empty() && catalog.callers(function).is_empty() && catalog.is_called_by_migrations(function)
    {
        return;
    }
    let who = callers.iter().map(|role| role.name.quoted()).collect::<Vec<_>>().join(" and ");
    let name = &function.name;
    let rights = if function.security_definer.value {
        format!("with the rights of {}", function.owner.quoted())
    } else {
        "with their own rights".to_string()
    };
    let message = match (worst, callers.is_empty()) {
        (Executed::Anything(parameter), false) => {
            format!(
                "{who} can run any SQL by function {name}, which executes what {parameter} holds, {rights}"
            )
        }
        (Executed::Anything(parameter), true) => {
            format!("function {name} executes whatever SQL {parameter} holds")
        }
        (Executed::Ddl(words), true) => {
            format!("function {name} changes the schema when it runs{}", by(words))
        }
        (Executed::Ddl(words), false) => {
            format!("{who} can change the schema by function {name}{}, {rights}", by(words))
        }
    };
    let finding = out.report(*span, identity(catalog, function), message);
    finding
        .note("runs outside of the migration history")
        .reach(reach_of(callers.iter().copied(), Privilege::Execute));
    let runs_anything = matches!(worst, Executed::Anything(_)).then_some("any SQL");
    let as_owner = function.security_definer.value.then_some("the rights of its owner");
    finding.extent(runs_anything.into_iter().chain(as_owner));
    if callers.is_empty() {
        finding.severity(Severity::Warning).help("put the change into a migration, and drop the function");
    } else {
        finding.help(format!(
            "drop the function, or keep it from the Data API: revoke execute on function {}({}) from public, anon, \
             authenticated;",
            name.quoted(),
            function.inputs().map(|argument| argument.data_type.display_bare(catalog)).collect::<Vec<_>>().join(", ")
        ));
    }
    finding.label(function.name_span, "in this function");
    finding.label_each(rest.iter().map(|(span, _)| (*span, "and here")));
}

fn by(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({} …)", words.to_uppercase()) }
}

fn identity(catalog: &Catalog, function: &Function) -> Identity {
    let arguments = function.identity_arguments(catalog);
    let name = QName::new(function.name.schema.clone(), format!("{}({arguments})", function.name.name));
    Identity::new("function", &name)
}

fn is_event_trigger(function: &Function) -> bool {
    use crate::catalog::function::Returns;
    matches!(&function.returns, Returns::Type(data_type) if data_type.is_builtin("event_trigger"))
}

/// What EXECUTE runs, followed through the variables that the text may come from.
fn executed(text: &Expr, function: &Function, block: Option<&Block>) -> Option<Executed> {
    match text {
        Expr::Literal(Literal::String(text)) => ddl(text),
        Expr::Op { op, left: Some(left), .. } if op == "||" => match executed(left, function, block)? {
            // A parameter with something behind it is a part of a statement.
            Executed::Anything(_) => None,
            found => Some(found),
        },
        Expr::Call(call) => {
            let first = call.args.first()?;
            match call.name.name.as_str() {
                "format" | "concat" => match executed(first, function, block)? {
                    Executed::Anything(_) => None,
                    found => Some(found),
                },
                "trim" | "btrim" | "ltrim" | "rtrim" | "replace" | "regexp_replace" => {
                    executed(first, function, block)
                }
                _ => None,
            }
        }
        Expr::Cast { expr, .. } => executed(expr, function, block),
        Expr::Param(_) => Some(Executed::Anything("a parameter".into())),
        Expr::Column(column) => {
            let name = column.path.last().filter(|_| !column.star)?;
            let is_own = match column.path.as_slice() {
                [_] => true,
                [qualifier, _] => *qualifier == function.name.name,
                _ => false,
            };
            let is_parameter = function.inputs().any(|argument| argument.name.as_ref() == Some(name));
            if is_own && is_parameter {
                return Some(Executed::Anything(name.quoted()));
            }
            block.filter(|_| is_own).and_then(|block| assigned(name, function, block))
        }
        _ => None,
    }
}

/// What a variable of the function may hold: of all its values the worst.
fn assigned(variable: &Ident, function: &Function, block: &Block) -> Option<Executed> {
    let mut values: Vec<&Expr> = Vec::new();
    block.walk_blocks(&mut |block| {
        let own = block.declarations.iter().filter(|declaration| declaration.name == *variable);
        values.extend(own.filter_map(|declaration| declaration.default.as_ref()?.value.as_ref()));
    });
    block.walk(&mut |statement| {
        if let BlockStatementKind::Assign { target, field: None, value } = &statement.kind
            && target == variable
        {
            values.extend(&value.value);
        }
    });
    // A value made from another variable is not followed further, so that no circle is.
    let found: Vec<Executed> =
        values.into_iter().filter_map(|value| executed(value, function, None)).collect();
    let anything = found.iter().find(|found| matches!(found, Executed::Anything(_)));
    anything.or(found.first()).cloned()
}

/// How a text starts, when it is DDL that outlives the session.
fn ddl(text: &str) -> Option<Executed> {
    let words: Vec<String> = text.split_whitespace().take(4).map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (verb, rest) = words.split_first()?;
    let is_verb = matches!(*verb, "create" | "alter" | "drop" | "grant" | "revoke" | "comment");
    let is_passing = match rest.first().copied().unwrap_or_default() {
        "temp" | "temporary" | "local" | "global" => true,
        "sequence" => *verb == "alter",
        _ => false,
    };
    let shown = match rest {
        ["or", "replace", object, ..] => format!("{verb} {object}"),
        [object, ..] if object.chars().all(|c| c.is_ascii_alphabetic()) => format!("{verb} {object}"),
        _ => (*verb).to_string(),
    };
    (is_verb && !is_passing).then_some(Executed::Ddl(shown))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{check, check_options};

    #[test]
    fn a_seed_is_one_finding() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: seed.sql
             insert into public.a values (1);
             create table public.b (id int);
--           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: seed.sql changes the schema in 2 statements
             alter table public.b enable row level security;",
        );
    }

    #[test]
    fn a_seed_that_says_it_is_local_is_told_softly() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: seed.sql
             -- LOCAL DEVELOPMENT ONLY
             create table public.b (id int);
--           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: seed.sql changes the schema",
        );
    }

    #[test]
    fn a_later_seed_may_clean_up() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: 1.seed.sql
             create function public.id_of(name text) returns int language sql as $$ select 1 $$;
             create function public.kept() returns int language sql as $$ select 1 $$;
--           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: 1.seed.sql changes the schema, which
             -- file: 9.seed.sql
             drop function if exists public.id_of(text);",
        );
        check(
            &RULE,
            "create table public.a (id int);
             -- file: 1.seed.sql
             create policy p on public.a using (true);
--           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: 1.seed.sql changes the schema, which
             -- file: 9.seed.sql
             drop policy q on public.a;
--           ^^^^^^^^^^^^^^^^^^^^^^^^^ error: 9.seed.sql changes the schema, which",
        );
    }

    #[test]
    fn helpers_in_a_schema_of_their_own_are_told_softly() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: seed.sql
             create schema tests;
--           ^^^^^^^^^^^^^^^^^^^ info: seed.sql changes the schema in 2 statements
             create function tests.reset() returns void language sql as $$ delete from public.a $$;",
        );
    }

    #[test]
    fn a_script_makes_what_no_migration_makes() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: scripts/setup.sql
             create policy p on public.a using (true);
             create table if not exists b (id int);
--                                      ^ warning: setup.sql makes public.b and one more relation, which no migration makes
             create view public.c as select 1;
             create temp table d (id int);
             -- file: supabase/snippets/report.sql
             create table public.e (id int);
--                        ^^^^^^^^ warning: report.sql makes public.e",
        );
    }

    #[test]
    fn scripts_may_repeat_migrations_and_serve_other_databases() {
        check(
            &RULE,
            "create table public.a (id int);
             create table public.old (id int);
             drop table public.old;
             create table public.before (id int);
             alter table public.before rename to after;
             -- file: supabase/schema.sql
             create table public.a (id int);
             create table old (id int);
             create table public.before (id int);
             -- file: scripts/report.sql
             select * from public.a; create table a (id int);
             -- file: db/warehouse.sql
             create table facts (id int);",
        );
    }

    #[test]
    fn a_script_may_make_what_a_block_may_have_made() {
        check(
            &RULE,
            "do $$ declare name text; begin
               select current_setting('app.table') into name;
               execute 'create table ' || name || ' (id int)';
             end $$;
             -- file: supabase/setup.sql
             create table public.a (id int);",
        );
    }

    #[test]
    fn a_seed_may_hold_what_passes() {
        check(
            &RULE,
            "create table public.a (id serial primary key);
             create extension if not exists pg_trgm;
             -- file: seed.sql
             begin;
             set session_replication_role = replica;
             alter table public.a disable trigger all;
             create temp table t (id int);
             create index on t (id);
             create function pg_temp.make(n int) returns int language sql as $$ select n $$;
             create or replace function public.helper() returns void language sql as $$ select 1 $$;
             select public.helper();
             drop function public.helper();
             create table if not exists public.a (id serial primary key);
             create extension if not exists pg_trgm;
             truncate public.a;
             insert into public.a values (1);
             select setval('public.a_id_seq', 100);
             alter sequence public.a_id_seq restart with 1000;
             alter table public.a enable trigger all;
             commit;
             analyze public.a;",
        );
    }

    #[test]
    fn many_scripts_are_one_finding() {
        let script = |number: u8| {
            format!("-- file: supabase/tables/{number}.sql\ncreate table public.t{number} (id int);\n")
        };
        let scripts: String = (2..=6).map(script).collect();
        check(
            &RULE,
            &format!(
                "create table public.a (id int);
                 -- file: supabase/tables/1.sql
                 create table public.t1 (id int);
                 --           ^^^^^^^^^ warning: 6 scripts make 6 relations that no migration makes
                 {scripts}"
            ),
        );
    }

    #[test]
    fn what_an_extension_or_the_cli_runs_is_no_script_of_the_project() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: supabase/roles--1.0.0.sql
             create table public.b (id int);
             -- file: supabase/roles--1.0.0--1.1.0.sql
             create table public.c (id int);
             -- file: supabase/seed_history.sql
             create table if not exists supabase_migrations.schema_migrations (version text);
             -- file: supabase/notes--old.sql
             create table public.d (id int);
             --           ^^^^^^^^ warning: notes--old.sql makes public.d",
        );
    }

    #[test]
    fn a_webhook_is_each_environments_own() {
        check(
            &RULE,
            "create table public.a (id int);
             -- file: seed.sql
             create trigger hook after insert on public.a for each row
               execute function supabase_functions.http_request('http://host.docker.internal:3000', 'POST', '{}', '{}', '5000');",
        );
    }

    #[test]
    fn a_seed_can_hide_it_in_a_block_and_be_exempt() {
        let text = "create table public.a (id int);
             -- file: seed.sql
             do $$ begin
               create policy p on public.a using (true);
             --^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: seed.sql changes the schema
             end $$;";
        check(&RULE, text);
        check_options(&RULE, "{seeds: ['*seed.sql']}", &text.replace('^', ""));
    }

    #[test]
    fn a_function_that_asks_who_calls_is_a_warning() {
        check(
            &RULE,
            "create function public.run(query text) returns void language plpgsql security definer as $$
begin
    if auth.role() <> 'service_role' then raise exception 'no'; end if;
    execute query;
--          ^^^^^ warning: function public.run executes whatever SQL query holds
end $$;",
        );
    }

    #[test]
    fn who_can_call_it_decides() {
        check(
            &RULE,
            "create function public.exec_sql(query text) returns void language plpgsql security definer as $$
             begin
               execute query;
--                     ^^^^^ error: anon and authenticated can run any SQL by function public.exec_sql, which executes what query holds, with the rights of postgres
             end $$;
             create function public.admin_sql(query text) returns json language plpgsql as $$
             declare result json;
             begin
               execute trim(query) into result;
--                     ^^^^^^^^^^^ warning: function public.admin_sql executes whatever SQL query holds
               return result;
             end $$;
             revoke execute on function public.admin_sql from public, anon, authenticated;",
        );
    }

    #[test]
    fn the_text_is_followed_through_variables_and_format() {
        check(
            &RULE,
            "create function public.add_tenant(name text) returns void language plpgsql security definer as $$
             declare command text;
             begin
               command := format('create schema %I', name);
               execute command;
--                     ^^^^^^^ error: anon and authenticated can change the schema by function public.add_tenant (CREATE SCHEMA …)
               execute 'grant usage on schema ' || quote_ident(name) || ' to authenticated';
             end $$;",
        );
    }

    #[test]
    fn ddl_that_is_written_out_counts_as_well() {
        check(
            &RULE,
            "create function public.reset() returns trigger language plpgsql as $$
             begin
               create table if not exists public.scratch (id int);
--             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: function public.reset changes the schema when it runs
               return null;
             end $$;",
        );
    }

    #[test]
    fn queries_partitions_temporary_tables_and_rls_on_are_fine() {
        check(
            &RULE,
            "create function public.count_of(t text) returns bigint language plpgsql as $$
             declare n bigint;
             begin
               execute format('select count(*) from %I', t) into n;
               execute 'insert into log values ($1)' using t;
               execute 'select * from ' || t;
               execute 'create temp table scratch as select 1';
               create temp table more (id int);
               drop table more;
               return n;
             end $$;
             create function public.create_next_partition() returns void language plpgsql as $$
             begin execute 'create table public.p2 partition of public.p default'; end $$;
             create function public.rls_auto_enable() returns event_trigger language plpgsql security definer as $$
             declare cmd record;
             begin
               for cmd in select * from pg_event_trigger_ddl_commands() loop
                 execute format('alter table if exists %s enable row level security', cmd.object_identity);
               end loop;
             end $$;
             create function public.refresh() returns void language sql security definer as $$
               refresh materialized view concurrently public.totals
             $$;
             create function pg_temp.run(command text) returns void language plpgsql as $$
             begin execute command; end $$;
             do $$ begin execute 'create table public.made (id int)'; end $$;",
        );
    }

    #[test]
    fn callers_with_their_own_rights_change_no_schema() {
        check(
            &RULE,
            "create function public.drop_all() returns void language plpgsql as $$
             begin
               execute 'drop policy if exists p on public.t';
             --        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: function public.drop_all changes the schema when it runs (DROP POLICY …)
             end $$;",
        );
    }
}
