//! What tells the projects of a run apart, for who reads its report.

use std::path::Path;

use crate::project::home_of;
use crate::report::from_root;
use crate::workspace::Replayed;

/// The folder of each project, as seen from the root of the repository; empty for the root.
pub(super) fn folders(projects: &[Replayed], prefix: &str) -> Vec<String> {
    let folder = |replayed: &Replayed| {
        let home = home_of(Path::new(&replayed.shown)).to_string_lossy().into_owned();
        let path = from_root(prefix, if home.is_empty() { "." } else { &home });
        if path == "." { String::new() } else { path }
    };
    projects.iter().map(folder).collect()
}

/// A key for each project, which it keeps when it moves: its `project_id`, else the name of its folder, and
/// only where several have the same the whole path. Empty where there is nothing to tell apart.
pub(super) fn keys(projects: &[Replayed], folders: &[String]) -> Vec<String> {
    if projects.len() < 2 {
        return vec![String::new(); projects.len()];
    }
    let name = |(replayed, folder): (&Replayed, &String)| match &replayed.project.config.project_id {
        Some(id) => id.clone(),
        None => folder.rsplit('/').next().unwrap_or_default().to_string(),
    };
    let names: Vec<String> = projects.iter().zip(folders).map(name).collect();
    let key = |(name, folder): (&String, &String)| match names.iter().filter(|other| *other == name).count() {
        1 => name.clone(),
        _ => folder.clone(),
    };
    names.iter().zip(folders).map(key).collect()
}

/// The nearest folder that holds all of these.
pub(super) fn common(folders: &[String]) -> String {
    let Some((first, others)) = folders.split_first() else { return String::new() };
    let mut shared: Vec<&str> = first.split('/').collect();
    for other in others {
        let same = shared.iter().zip(other.split('/')).take_while(|(one, other)| *one == other).count();
        shared.truncate(same);
    }
    shared.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_share_what_is_above_them() {
        let common =
            |folders: &[&str]| common(&folders.iter().map(|one| one.to_string()).collect::<Vec<_>>());
        assert_eq!(common(&[]), "");
        assert_eq!(common(&["apps/web"]), "apps/web");
        assert_eq!(common(&["apps/web", "apps/admin"]), "apps");
        assert_eq!(common(&["apps/web", "apps/web2"]), "apps");
        assert_eq!(common(&["apps/web", ""]), "");
    }
}
