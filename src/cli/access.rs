//! `rls-lint access`

use std::io::{self, Write};

use crate::access::{Relations, Rights};
use crate::cli::args::{AccessArgs, AccessFormat};
use crate::cli::catalog::{hint, is_function, is_object, spellings};
use crate::cli::{CLEAN, FAILED, choices, load, output};
use crate::report::access as report;
use crate::workload::Workload;

pub(super) fn run(args: &AccessArgs) -> anyhow::Result<u8> {
    let (objects, paths): (Vec<_>, Vec<_>) = args.words.iter().cloned().partition(|word| is_object(word));
    let workspace = load(&args.project, &paths, choices(&args.project)?)?;
    let mut out = output();
    let mut missing: Vec<&str> = objects.iter().filter_map(|word| word.to_str()).collect();
    let mut matrices = Vec::new();
    for replayed in &workspace.projects {
        let catalog = &replayed.catalog;
        let workload = Workload::of(catalog);
        let rights = Rights::explained(catalog, &workload);
        let names = if objects.is_empty() {
            catalog.relations_of_requests()
        } else {
            let words = objects.iter().filter_map(|word| word.to_str());
            let mut names = Vec::new();
            for word in words {
                let found = spellings(word).into_iter().find(|name| catalog.is_relation_with_rows(name));
                if let Some(name) = found {
                    missing.retain(|other| *other != word);
                    names.push(name);
                }
            }
            names
        };
        let relations: Vec<_> = names
            .iter()
            .map(|name| Relations { name: name.clone(), rows: rights.of(name).to_vec() })
            .collect();
        matrices.push(report::Matrix::new(&replayed.shown, &relations, &workspace.sources));
    }
    match args.format {
        AccessFormat::Json => report::render_json(&matrices, &mut out)?,
        AccessFormat::Markdown => report::render_markdown(&matrices, &mut out)?,
        AccessFormat::Human if objects.is_empty() => report::render_table(&matrices, &mut out)?,
        AccessFormat::Human => report::render_reasons(&matrices, &mut out)?,
    }
    out.flush()?;
    let mut errors = io::stderr().lock();
    for word in &missing {
        if is_function(&workspace, word) {
            writeln!(
                errors,
                "error: {word} is a function, which has no rows; `rls-lint catalog '{word}'` tells who may execute it"
            )?;
        } else {
            writeln!(errors, "error: no table or view is called {word}{}", hint(&workspace, word))?;
        }
    }
    for problem in workspace.problems() {
        writeln!(errors, "error: {problem}")?;
    }
    Ok(if missing.is_empty() && !workspace.is_incomplete() { CLEAN } else { FAILED })
}
