//! What the name of a file says of who runs it.

/// A script that CREATE EXTENSION or ALTER EXTENSION runs: `name--1.0.sql`, `name--1.0--1.1.sql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionScript<'n> {
    pub extension: &'n str,
    /// The version that it leads on from, if it is no first installation.
    pub from: Option<&'n str>,
    pub to: &'n str,
}

impl<'n> ExtensionScript<'n> {
    /// Reads the name of a file, without folders.
    pub fn of(name: &'n str) -> Option<Self> {
        let mut parts = name.strip_suffix(".sql")?.split("--");
        let extension = parts.next().filter(|name| !name.is_empty())?;
        let versions: Vec<&str> = parts.collect();
        let is_version = |part: &&str| part.starts_with(|letter: char| letter.is_ascii_digit());
        if !versions.iter().all(is_version) {
            return None;
        }
        match versions.as_slice() {
            [to] => Some(Self { extension, from: None, to }),
            [from, to] => Some(Self { extension, from: Some(from), to }),
            _ => None,
        }
    }

    /// The numbers of the version that it makes.
    pub fn version(&self) -> Vec<u64> {
        self.to.split(['.', '-']).map(|part| part.parse().unwrap_or_default()).collect()
    }
}
