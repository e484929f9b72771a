//! One object of the catalog for a person: what it is, and which statement made it so.

use std::io::{self, Write};

use crate::catalog::acl::{Acl, Privileges};
use crate::catalog::function::{Function, Returns};
use crate::catalog::index::{Index, IndexKeyValue};
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::policy::Policy;
use crate::catalog::table::{Column, ConstraintKind, Table, TableKind};
use crate::catalog::trigger::Trigger;
use crate::catalog::types::{DataType, TypeRef};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::report::one_line;
use crate::source::{Sources, Span, secret};
use crate::sql::expr::Oid;
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand, Privilege};

/// Writes what is known about a name; false where nothing is called so.
pub(crate) fn render(
    catalog: &Catalog,
    sources: &Sources,
    name: &QName,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let mut page = Page { catalog, sources, out };
    let mut found = true;
    match catalog.relation(name) {
        Some(Relation::Table(oid)) => page.table(&catalog.tables[&oid])?,
        Some(Relation::View(oid)) => page.view(&catalog.views[&oid])?,
        Some(Relation::Sequence(oid)) => {
            let sequence = &catalog.sequences[&oid];
            page.heading("sequence", name, &sequence.history)?;
            page.fact("owner", sequence.owner.as_str(), Origin::Platform)?;
            page.grants(&sequence.acl)?;
        }
        Some(Relation::Index { on }) => page.index_alone(on, &name.name)?,
        Some(Relation::Composite(_)) | None => found = false,
    }
    for function in catalog.functions_named(name) {
        page.function(function)?;
        found = true;
    }
    let user_type = catalog.types.values().find(|user_type| user_type.name == *name);
    if let Some(user_type) = user_type.filter(|_| !found) {
        page.heading("type", name, &user_type.history)?;
        found = true;
    }
    page.gaps(name)?;
    Ok(found)
}

/// Writes what is known about a function.
pub(crate) fn render_function(
    catalog: &Catalog,
    sources: &Sources,
    function: &Function,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page { catalog, sources, out };
    page.function(function)?;
    page.gaps(&function.name)
}

/// Writes one line for each table that the project made.
pub(crate) fn render_overview(catalog: &Catalog, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { catalog, sources, out };
    let tables: Vec<_> = catalog.own_tables().collect();
    let names: Vec<_> = tables.iter().map(|table| table.name.quoted()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (table, name) in tables.iter().zip(&names) {
        let rls = if table.rls.value { "RLS on " } else { "RLS off" };
        let policies = match table.policies.len() {
            1 => "1 policy".to_string(),
            many => format!("{many} policies"),
        };
        let columns = super::counted(table.columns.len(), "column");
        let line = format!("{name:<width$}  {rls}  {columns:>10}  {policies}");
        page.line(0, &line, table.history.created)?;
    }
    Ok(())
}

struct Page<'a> {
    catalog: &'a Catalog,
    sources: &'a Sources,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn table(&mut self, table: &Table) -> io::Result<()> {
        let kind = match table.kind {
            TableKind::Ordinary => "table",
            TableKind::Partitioned => "partitioned table",
            TableKind::Foreign => "foreign table",
        };
        self.heading(kind, &table.name, &table.history)?;
        self.fact("owner", table.owner.value.as_str(), table.owner.origin)?;
        self.fact("row level security", on_off(table.rls.value), table.rls.origin)?;
        if table.forced_rls.value {
            self.fact("forced row level security", "on", table.forced_rls.origin)?;
        }
        for parent in &table.parents {
            let what = if table.is_partition { "partition of" } else { "inherits from" };
            let parent = self.relation_name(*parent);
            self.fact(what, &parent, Origin::Platform)?;
        }
        self.columns(&table.columns)?;
        self.constraints(table)?;
        self.indexes(table.indexes.values(), &table.columns)?;
        self.policies(table)?;
        self.triggers(table.triggers.values())?;
        self.grants(&table.acl)
    }

    fn view(&mut self, view: &View) -> io::Result<()> {
        let kind = if view.materialized { "materialized view" } else { "view" };
        self.heading(kind, &view.name, &view.history)?;
        self.fact("owner", view.owner.as_str(), Origin::Platform)?;
        if !view.materialized {
            let rights = if view.security_invoker() { "of who asks" } else { "of its owner" };
            self.fact("reads with the rights", rights, Origin::Platform)?;
        }
        self.columns(&view.columns)?;
        self.indexes(view.indexes.values(), &view.columns)?;
        self.triggers(view.triggers.values())?;
        self.grants(&view.acl)
    }

    fn function(&mut self, function: &Function) -> io::Result<()> {
        let arguments: Vec<_> = function
            .inputs()
            .map(|argument| {
                let data_type = self.data_type(&argument.data_type);
                match &argument.name {
                    Some(name) => format!("{} {data_type}", name.quoted()),
                    None => data_type,
                }
            })
            .collect();
        let signature = format!("{}({})", function.name.quoted(), arguments.join(", "));
        self.headline("function", &signature, &function.history)?;
        let returns = match &function.returns {
            Returns::Nothing => "nothing".to_string(),
            Returns::Type(data_type) => self.data_type(data_type),
            Returns::SetOf(data_type) => format!("setof {}", self.data_type(data_type)),
            Returns::Table => "a table".to_string(),
        };
        self.fact("returns", &returns, Origin::Platform)?;
        self.fact("language", function.language.as_str(), Origin::Platform)?;
        self.fact("owner", function.owner.as_str(), Origin::Platform)?;
        let security = if function.security_definer.value { "of its owner" } else { "of who calls" };
        self.fact("runs with the rights", security, function.security_definer.origin)?;
        for (name, value) in &function.config {
            self.fact(name.as_str(), &value.value, value.origin)?;
        }
        self.grants(&function.acl)
    }

    fn index_alone(&mut self, on: Oid, name: &Ident) -> io::Result<()> {
        let (indexes, columns) = match self.catalog.tables.get(&on) {
            Some(table) => (&table.indexes, &table.columns),
            None => match self.catalog.views.get(&on) {
                Some(view) => (&view.indexes, &view.columns),
                None => return Ok(()),
            },
        };
        let relation = self.relation_name(on);
        self.line(0, &format!("index on {relation}"), Origin::Platform)?;
        self.indexes(indexes.get(name).into_iter(), columns)
    }

    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        self.section("columns", columns.is_empty())?;
        let width = columns.iter().map(|column| column.name.quoted().chars().count()).max().unwrap_or(0);
        for column in columns {
            let mut line =
                format!("{:<width$}  {}", column.name.quoted(), self.data_type(&column.data_type.value));
            if column.not_null.value {
                line.push_str(" not null");
            }
            if let Some(default) = &column.default {
                match default.origin {
                    Origin::Statement(_) => line.push_str(" with a default"),
                    Origin::Platform => line.push_str(" with the platform's default"),
                }
            }
            match column.identity {
                Some(identity) if identity.always => line.push_str(" generated always as identity"),
                Some(_) => line.push_str(" generated by default as identity"),
                None if column.generated.is_some() => line.push_str(" generated"),
                None => {}
            }
            self.line(1, &line, column.origin)?;
        }
        Ok(())
    }

    fn constraints(&mut self, table: &Table) -> io::Result<()> {
        self.section("constraints", table.constraints.is_empty())?;
        for constraint in table.constraints.values() {
            let kind = match &constraint.kind {
                ConstraintKind::PrimaryKey { .. } => "primary key",
                ConstraintKind::Unique { .. } => "unique",
                ConstraintKind::ForeignKey(_) => "foreign key",
                ConstraintKind::Check { .. } => "check",
                ConstraintKind::Exclude { .. } => "exclude",
            };
            let columns = list(&table.column_names(constraint.columns()));
            let mut line = format!("{} {kind} ({columns})", constraint.name.quoted());
            if let ConstraintKind::ForeignKey(key) = &constraint.kind {
                line.push_str(&format!(" references {}", self.relation_name(key.references)));
                if let Some(target) = self.catalog.tables.get(&key.references) {
                    line.push_str(&format!(" ({})", list(&target.column_names(&key.referenced_columns))));
                }
            }
            self.line(1, &line, constraint.history.last())?;
        }
        Ok(())
    }

    fn indexes<'i>(
        &mut self,
        indexes: impl Iterator<Item = &'i Index>,
        columns: &[Column],
    ) -> io::Result<()> {
        let indexes: Vec<_> = indexes.collect();
        self.section("indexes", indexes.is_empty())?;
        let name_of = |attnum: i16| {
            let column = columns.iter().find(|column| column.attnum == attnum);
            column.map_or_else(|| attnum.to_string(), |column| column.name.quoted())
        };
        for index in indexes {
            let keys: Vec<_> = index
                .keys
                .iter()
                .map(|key| match &key.value {
                    IndexKeyValue::Column(attnum) => name_of(*attnum),
                    IndexKeyValue::Expr(_) => "(expression)".to_string(),
                })
                .collect();
            let unique = if index.unique { "unique " } else { "" };
            let mut line = format!("{} {unique}{} ({})", index.name.quoted(), index.method, keys.join(", "));
            if !index.include.is_empty() {
                let included: Vec<_> = index.include.iter().map(|attnum| name_of(*attnum)).collect();
                line.push_str(&format!(" include ({})", included.join(", ")));
            }
            if index.predicate.is_some() {
                line.push_str(" where …");
            }
            self.line(1, &line, index.history.last())?;
        }
        Ok(())
    }

    fn policies(&mut self, table: &Table) -> io::Result<()> {
        self.section("policies", table.policies.is_empty())?;
        for policy in table.policies.values() {
            self.policy(policy)?;
        }
        if !table.policies.is_empty() && !table.rls.value {
            self.line(1, "without effect: row level security is off", table.rls.origin)?;
        }
        Ok(())
    }

    fn policy(&mut self, policy: &Policy) -> io::Result<()> {
        let command = match policy.command.value {
            PolicyCommand::All => "all",
            PolicyCommand::Select => "select",
            PolicyCommand::Insert => "insert",
            PolicyCommand::Update => "update",
            PolicyCommand::Delete => "delete",
        };
        let kind = if policy.permissive { "" } else { " restrictive" };
        let roles: Vec<_> = policy.roles.value.iter().map(ToString::to_string).collect();
        let line = format!("{}{kind} for {command} to {}", policy.name.quoted(), roles.join(", "));
        self.line(1, &line, policy.history.created)?;
        for changed in &policy.history.changed {
            self.line(2, "changed", *changed)?;
        }
        self.clause("using", policy.using.as_ref())?;
        self.clause("with check", policy.with_check.as_ref())
    }

    fn clause(&mut self, name: &str, clause: Option<&Clause>) -> io::Result<()> {
        let Some(clause) = clause else { return Ok(()) };
        let text = self.sources.text(clause.span);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = secret::masked(&text);
        self.line(2, &format!("{name} ({text})"), Origin::Statement(clause.span))
    }

    fn triggers<'t>(&mut self, triggers: impl Iterator<Item = &'t Trigger>) -> io::Result<()> {
        let triggers: Vec<_> = triggers.collect();
        self.section("triggers", triggers.is_empty())?;
        for trigger in triggers {
            let state = if trigger.enabled == 'D' { ", disabled" } else { "" };
            let line = format!("{} calls {}{state}", trigger.name.quoted(), trigger.function.name.quoted());
            self.line(1, &line, trigger.history.last())?;
        }
        Ok(())
    }

    fn grants(&mut self, acl: &Acl) -> io::Result<()> {
        self.section("grants", acl.entries.is_empty())?;
        for entry in &acl.entries {
            let line = format!("{}: {}", entry.grantee, privileges(entry.privileges));
            self.line(1, &line, entry.origin)?;
        }
        Ok(())
    }

    /// What may have changed the object without the catalog knowing.
    fn gaps(&mut self, name: &QName) -> io::Result<()> {
        let gaps: Vec<_> = self
            .catalog
            .gaps
            .iter()
            .filter(|gap| gap.touches.iter().any(|touch| touch.concerns(name)))
            .collect();
        self.section("not known", gaps.is_empty())?;
        for gap in gaps {
            self.line(1, &gap.reason, Origin::Statement(gap.span))?;
        }
        Ok(())
    }

    fn heading(&mut self, kind: &str, name: &QName, history: &History) -> io::Result<()> {
        self.headline(kind, &name.quoted(), history)
    }

    fn headline(&mut self, kind: &str, name: &str, history: &History) -> io::Result<()> {
        writeln!(self.out, "{kind} {}", one_line(name))?;
        match history.created {
            Origin::Platform => writeln!(self.out, "  part of every Supabase project")?,
            created @ Origin::Statement(_) => self.line(1, "created", created)?,
        }
        history.changed.iter().try_for_each(|changed| self.line(1, "changed", *changed))
    }

    fn section(&mut self, name: &str, is_empty: bool) -> io::Result<()> {
        if is_empty { Ok(()) } else { writeln!(self.out, "{name}") }
    }

    fn fact(&mut self, name: &str, value: &str, origin: Origin) -> io::Result<()> {
        self.line(1, &format!("{name}: {value}"), origin)
    }

    /// A line, and where it comes from.
    fn line(&mut self, depth: usize, text: &str, origin: Origin) -> io::Result<()> {
        let indent = "  ".repeat(depth);
        write!(self.out, "{indent}{}", one_line(text))?;
        match origin {
            Origin::Statement(span) => writeln!(self.out, "  -- {}", self.place(span)),
            Origin::Platform => writeln!(self.out),
        }
    }

    fn place(&self, span: Span) -> String {
        let file = self.sources.get(span.file);
        format!("{}:{}", one_line(&file.path), file.position(span.start).line)
    }

    fn relation_name(&self, oid: Oid) -> String {
        let table = self.catalog.tables.get(&oid).map(|table| &table.name);
        let view = || self.catalog.views.get(&oid).map(|view| &view.name);
        table.or_else(view).map_or_else(|| "an unknown relation".to_string(), QName::quoted)
    }

    fn data_type(&self, data_type: &DataType) -> String {
        let base = match &data_type.base {
            TypeRef::Builtin(name) => builtin(name).to_string(),
            TypeRef::User(oid) => match self.catalog.types.get(oid) {
                Some(user_type) => user_type.name.quoted(),
                None => "an unknown type".to_string(),
            },
            TypeRef::Row(oid) => self.relation_name(*oid),
            TypeRef::Unknown(text) => text.clone(),
        };
        let spatial = data_type.spatial_modifier(self.catalog);
        let modifiers = match (spatial, data_type.modifiers.as_slice()) {
            (Some(words), _) => words,
            (None, []) => String::new(),
            (None, numbers) => {
                format!("({})", numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", "))
            }
        };
        format!("{base}{modifiers}{}", if data_type.array { "[]" } else { "" })
    }
}

/// The name that people write for a built-in type.
fn builtin(name: &str) -> &str {
    match name {
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bool" => "boolean",
        "bpchar" => "char",
        other => other,
    }
}

fn privileges(privileges: Privileges) -> String {
    let name = |privilege: Privilege| match privilege {
        Privilege::Select => "select",
        Privilege::Insert => "insert",
        Privilege::Update => "update",
        Privilege::Delete => "delete",
        Privilege::Truncate => "truncate",
        Privilege::References => "references",
        Privilege::Trigger => "trigger",
        Privilege::Maintain => "maintain",
        Privilege::Usage => "usage",
        Privilege::Execute => "execute",
        Privilege::Create => "create",
        Privilege::Connect => "connect",
        Privilege::Temporary => "temporary",
    };
    privileges.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn list(names: &[Ident]) -> String {
    names.iter().map(Ident::quoted).collect::<Vec<_>>().join(", ")
}

fn on_off(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}
