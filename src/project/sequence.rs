//! The order of files that no name and no setting puts in one.

use std::path::PathBuf;

use rustc_hash::FxHashMap;

use crate::map::IndexSet;

use crate::source::{FileId, FileRole, SourceFile};
use crate::sql;
use crate::sql::expr::Expr;
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    AlterAction, ConstraintDef, ConstraintKind, CreateTable, Statement, StatementKind, TableElement,
};

/// What the statements of a file make, and what they need, by bare names.
#[derive(Default)]
struct Needs {
    made: IndexSet<Ident>,
    needed: IndexSet<Ident>,
}

/// Puts each file behind those that make what it needs, as far as there is such an order; else they stay as they
/// are.
pub(super) fn by_need(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let needs: Vec<Needs> = files.iter().map(read).collect();
    let mut makers: FxHashMap<&Ident, usize> = FxHashMap::default();
    for (at, file) in needs.iter().enumerate() {
        for name in &file.made {
            makers.entry(name).or_insert(at);
        }
    }
    let before = |file: &Needs| -> IndexSet<usize> {
        let missing = file.needed.iter().filter(|name| !file.made.contains(*name));
        missing.filter_map(|name| makers.get(name)).copied().collect()
    };
    let mut waiting: Vec<(usize, IndexSet<usize>)> = needs.iter().map(before).enumerate().collect();
    let mut ordered = Vec::with_capacity(files.len());
    while !waiting.is_empty() {
        let next = waiting.iter().position(|(_, before)| before.is_empty()).unwrap_or_default();
        let (done, _) = waiting.remove(next);
        for (_, before) in &mut waiting {
            before.swap_remove(&done);
        }
        ordered.push(files[done].clone());
    }
    ordered
}

/// Reads what a file makes and needs; nothing where it cannot be read, which is told later.
fn read(path: &PathBuf) -> Needs {
    let Ok(bytes) = std::fs::read(path) else { return Needs::default() };
    let source = SourceFile::new(String::new(), FileRole::Migration, bytes);
    let read = || {
        let mut needs = Needs::default();
        let migration = sql::parse(FileId(0), &source);
        migration.statements.iter().for_each(|statement| needs.statement(statement));
        needs
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(sql::STACK_SIZE).spawn_scoped(scope, read);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
    })
}

impl Needs {
    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::CreateTable(create) => self.table(create),
            StatementKind::CreateTableAs(create) => {
                self.makes(&create.name);
                create.query.iter().for_each(|query| query.walk_relations(&mut |one| self.needs(&one.name)));
            }
            StatementKind::CreateView(create) => {
                self.makes(&create.name);
                create.query.walk_relations(&mut |one| self.needs(&one.name));
                create.query.walk(&mut |part| self.calls(part));
            }
            StatementKind::CreateType(create) => self.makes(&create.name),
            StatementKind::CreateFunction(create) => self.makes(&create.name),
            StatementKind::CreateSequence(create) => self.makes(&create.name),
            StatementKind::CreateIndex(create) => self.needs(&create.table),
            StatementKind::CreatePolicy(create) => {
                self.needs(&create.table);
                for clause in create.using.iter().chain(&create.with_check) {
                    clause.value.walk(&mut |part| self.calls(part));
                }
            }
            StatementKind::CreateTrigger(create) => {
                self.needs(&create.table);
                self.needs(&create.function);
            }
            StatementKind::AlterTable(alter) => {
                self.needs(&alter.name);
                for action in &alter.actions {
                    if let AlterAction::AddConstraint(constraint) = &action.value {
                        self.constraint(constraint);
                    }
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, create: &CreateTable) {
        self.makes(&create.name);
        create.inherits.iter().chain(&create.partition_of).for_each(|name| self.needs(name));
        for element in &create.elements {
            match element {
                TableElement::Column(column) => {
                    column.data_type.iter().for_each(|data_type| self.needs(&data_type.name));
                    column.constraints.iter().for_each(|constraint| self.constraint(constraint));
                }
                TableElement::Constraint(constraint) => self.constraint(constraint),
                TableElement::Like { source, .. } => self.needs(source),
            }
        }
    }

    fn constraint(&mut self, constraint: &ConstraintDef) {
        match &constraint.kind {
            ConstraintKind::ForeignKey(key) => self.needs(&key.references),
            ConstraintKind::Default(expr) | ConstraintKind::Generated(expr) | ConstraintKind::Check(expr) => {
                expr.walk(&mut |part| self.calls(part));
            }
            _ => {}
        }
    }

    fn calls(&mut self, part: &Expr) {
        if let Expr::Call(call) = part {
            self.needs(&call.name);
        }
    }

    fn makes(&mut self, name: &ObjectName) {
        self.made.insert(name.name.clone());
    }

    /// What the platform's schemas hold is there before.
    fn needs(&mut self, name: &ObjectName) {
        let of_platform =
            |schema: &Ident| matches!(schema.as_str(), "auth" | "storage" | "extensions" | "pg_catalog");
        if !name.schema.as_ref().is_some_and(of_platform) {
            self.needed.insert(name.name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_follow_what_they_need() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("a file is written");
            folder.path().join(name)
        };
        let files = vec![
            write("a.sql", "create table a (id int references public.c, mood mood);"),
            write("b.sql", "create policy p on c using (may()); select 1"),
            write("c.sql", "create table c (id int primary key, owner uuid references auth.users);"),
            write("d.sql", "create function may() returns boolean language sql as 'select true';"),
            write("e.sql", "create type mood as enum ('x');"),
            write("users.sql", "create table users (id int);"),
        ];
        let ordered = by_need(files);
        let names: Vec<_> = ordered.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
        assert_eq!(names, ["c", "d", "b", "e", "a", "users"]);
    }

    #[test]
    fn what_needs_each_other_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let files: Vec<PathBuf> = [("a", "b"), ("b", "a")]
            .iter()
            .map(|(own, other)| {
                let path = folder.path().join(format!("{own}.sql"));
                std::fs::write(&path, format!("create table {own} (id int references {other});"))
                    .expect("a file is written");
                path
            })
            .collect();
        assert_eq!(by_need(files.clone()), files);
        assert_eq!(by_need(vec![folder.path().join("gone.sql")]).len(), 1);
    }
}
