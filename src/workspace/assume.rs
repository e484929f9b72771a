//! What a run takes for granted about a project, in one line.

use crate::catalog::platform::Exposure;
use crate::workspace::Replayed;

/// `public, graphql_public are exposed; new tables …; PostgreSQL 17`.
pub(super) fn line(replayed: &Replayed, projects: usize) -> String {
    let api = &replayed.catalog.api;
    let exposed = match api.schemas.as_slice() {
        [] => "the Data API is off".to_string(),
        [one] => format!("the Data API serves {one}"),
        many => {
            let names: Vec<_> = many.iter().map(|name| name.as_str()).collect();
            format!("the Data API serves {}", names.join(", "))
        }
    };
    let missing: Vec<_> = api
        .schemas
        .iter()
        .filter(|schema| !replayed.catalog.namespaces.contains_key(*schema))
        .map(|schema| schema.as_str())
        .collect();
    let exposed = match missing.as_slice() {
        [] => exposed,
        names => format!("{exposed} (no migration makes {})", names.join(", ")),
    };
    let config = &replayed.project.config;
    let granted = match config.exposure {
        Exposure::Exposed => "its roles get rights on every new table of public",
        Exposure::Explicit => "its roles get no rights without a grant",
    };
    let unread = match replayed.project.unread {
        0 => String::new(),
        1 => "; 1 declared schema file is not read, as the migrations count".to_string(),
        many => format!("; {many} declared schema files are not read, as the migrations count"),
    };
    let facts = format!("{exposed}; {granted}; PostgreSQL {}{unread}", config.major_version);
    match replayed.project.folder.parent().and_then(|folder| folder.file_name()) {
        Some(name) if projects > 1 => format!("{}: {facts}", name.to_string_lossy()),
        _ => facts,
    }
}
