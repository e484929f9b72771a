//! What a run takes for granted about a project, in one line.

use crate::map::IndexMap;

use crate::catalog::platform::Exposure;
use crate::source::FileRole;
use crate::workspace::Replayed;

/// Of more projects than these that are alike only the number is told.
const MOST_NAMED: usize = 3;

/// `the Data API serves public; …; PostgreSQL 17`; of several projects each behind its name.
pub(super) fn lines(projects: &[Replayed]) -> Vec<String> {
    let mut alike: IndexMap<String, Vec<String>> = IndexMap::default();
    for replayed in projects {
        let home = replayed.project.folder.parent().and_then(|folder| folder.file_name());
        let name = home.map_or(String::new(), |name| name.to_string_lossy().into_owned());
        alike.entry(facts(replayed)).or_default().push(name);
    }
    let lines = alike.into_iter().flat_map(|(facts, names)| match names.len() {
        _ if projects.len() == 1 || names.contains(&String::new()) => vec![facts],
        count if count > MOST_NAMED => vec![format!("{count} projects: {facts}")],
        _ => names.iter().map(|name| format!("{name}: {facts}")).collect(),
    });
    lines.collect()
}

impl Replayed {
    /// The same of one project.
    pub fn assumed(&self) -> String {
        facts(self)
    }
}

fn facts(replayed: &Replayed) -> String {
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
    let aside = match replayed.project.aside.as_slice() {
        [] => String::new(),
        [one] => format!("; the project in {one} is not read, as it is put aside"),
        many => format!("; {} projects are not read, as they are put aside", many.len()),
    };
    let is_empty = !replayed.project.files.iter().any(|file| file.role == FileRole::Migration);
    let empty = match is_empty {
        true => "; no migrations are there, and those of another tool are read where their folder is named",
        false => "",
    };
    format!("{exposed}; {granted}; PostgreSQL {}{unread}{aside}{empty}", config.major_version)
}
