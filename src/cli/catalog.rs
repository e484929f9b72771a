//! `rls-lint catalog`

use std::io::{self, Write};
use std::path::Path;

use crate::catalog::Catalog;
use crate::catalog::function::Function;
use crate::catalog::name::QName;
use crate::cli::args::{CatalogArgs, ListFormat};
use crate::cli::{CLEAN, FAILED, choices, load, output};
use crate::nearest::nearest;
use crate::report::{self, object};
use crate::source::{FileId, FileRole, SourceFile};
use crate::sql;
use crate::sql::name::Ident;
use crate::sql::statement::{Statement, StatementKind};
use crate::sql::token::{Lexer, ident};
use crate::workspace::{Replayed, Workspace};

pub(super) fn run(args: &CatalogArgs) -> anyhow::Result<u8> {
    let (objects, paths): (Vec<_>, Vec<_>) = args.words.iter().cloned().partition(|word| is_object(word));
    let workspace = load(&args.project, &paths, choices(&args.project)?)?;
    let mut out = output();
    let mut missing = Vec::new();
    match args.format {
        ListFormat::Json => {
            anyhow::ensure!(
                objects.is_empty(),
                "--format json prints the whole catalog; leave the object out"
            );
            json(&workspace, &mut out)?;
        }
        ListFormat::Human if objects.is_empty() => {
            for replayed in &workspace.projects {
                object::render_overview(&replayed.catalog, &workspace.sources, &mut out)?;
            }
        }
        ListFormat::Human => {
            for word in objects.iter().filter_map(|word| word.to_str()) {
                if !describe(&workspace, word, &mut out)? {
                    missing.push(word);
                }
            }
        }
    }
    out.flush()?;
    let mut errors = io::stderr().lock();
    for word in &missing {
        writeln!(errors, "error: nothing is called {word}{}", hint(&workspace, word))?;
    }
    for problem in workspace.problems() {
        writeln!(errors, "error: {problem}")?;
    }
    Ok(if missing.is_empty() && !workspace.is_incomplete() { CLEAN } else { FAILED })
}

/// Whether a word names an object and no path: it has no slash, and no such file is there.
pub(super) fn is_object(word: &Path) -> bool {
    let text = word.to_string_lossy();
    let looks_so = !text.contains(['/', '\\', '*']) && !text.starts_with('.') && text != "-";
    looks_so && !text.ends_with(".sql") && !word.exists()
}

fn describe(workspace: &Workspace, word: &str, out: &mut impl Write) -> io::Result<bool> {
    for name in spellings(word) {
        let mut found = false;
        for Replayed { catalog, .. } in &workspace.projects {
            found |= object::render(catalog, &workspace.sources, &name, out)?;
        }
        if found {
            return Ok(true);
        }
    }
    let mut found = false;
    for Replayed { catalog, .. } in &workspace.projects {
        if let Some(function) = function_taking(catalog, word) {
            object::render_function(catalog, &workspace.sources, function, out)?;
            found = true;
        }
    }
    Ok(found)
}

/// Whether a word is the name of a function, with or without what it takes.
pub(super) fn is_function(workspace: &Workspace, word: &str) -> bool {
    workspace.projects.iter().any(|Replayed { catalog, .. }| {
        let is_named = |name: &QName| catalog.functions_named(name).next().is_some();
        spellings(word).iter().any(is_named) || function_taking(catalog, word).is_some()
    })
}

/// The function that a word such as `public.f(text)` means.
fn function_taking<'c>(catalog: &'c Catalog, word: &str) -> Option<&'c Function> {
    let text = format!("drop routine {word}");
    let migration = sql::parse(FileId(0), &SourceFile::new(word.into(), FileRole::Migration, text.into()));
    let [Statement { kind: StatementKind::Drop(drop), .. }] = migration.statements.as_slice() else {
        return None;
    };
    let [object] = drop.objects.as_slice() else { return None };
    catalog.functions.get(&catalog.resolve_routine(object).ok()?)
}

/// The names that a word may mean.
pub(super) fn spellings(word: &str) -> Vec<QName> {
    qualified(word).into_iter().chain([literal(word)]).collect()
}

/// Reads `schema.name` as SQL does, quotes and case included; a bare name is one of `public`.
fn qualified(word: &str) -> Option<QName> {
    let parts: Vec<Ident> = Lexer::new(word).filter_map(|token| ident(token, word)).collect();
    match parts.as_slice() {
        [schema, name] => Some(QName::new(schema.clone(), name.clone())),
        [name] => Some(QName::new("public", name.clone())),
        _ => None,
    }
}

/// Reads a name letter by letter: a shell may have taken the quotes away.
fn literal(word: &str) -> QName {
    let (schema, name) = word.split_once('.').unwrap_or(("public", word));
    QName::new(schema, name)
}

pub(super) fn hint(workspace: &Workspace, word: &str) -> String {
    let mut names = Vec::new();
    for Replayed { catalog, .. } in &workspace.projects {
        let tables = catalog.tables.values().map(|table| &table.name);
        let views = catalog.views.values().map(|view| &view.name);
        let relations = tables.chain(views).map(QName::quoted);
        let functions = catalog.functions.values().map(|function| match word.contains('(') {
            true => function.signature(catalog),
            false => function.name.quoted(),
        });
        for name in relations.chain(functions) {
            // Those of `public` can be asked for without it.
            names.extend(name.strip_prefix("public.").map(str::to_string));
            names.push(name);
        }
    }
    nearest(word, names.iter().map(String::as_str))
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default()
}

/// One catalog as it is; none, where none could be read; several as an object by the folders of their projects.
fn json(workspace: &Workspace, out: &mut impl Write) -> anyhow::Result<()> {
    let mut values: Vec<_> = workspace
        .projects
        .iter()
        .map(|replayed| (replayed.shown.clone(), report::catalog::to_json(&replayed.catalog)))
        .collect();
    match values.as_mut_slice() {
        [] => return Ok(()),
        [(_, one)] => serde_json::to_writer_pretty(&mut *out, one)?,
        _ => {
            let by_folder: serde_json::Map<_, _> = values.into_iter().collect();
            serde_json::to_writer_pretty(&mut *out, &by_folder)?;
        }
    }
    writeln!(out)?;
    Ok(())
}
