//! Places as consumers count them, and paths as they look them up.

use super::Report;
use crate::source::{Position, STDIN, SourceFile, Span};

/// A span by lines and columns; `end` is the first position after it.
pub(super) struct Place<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) start: Position,
    pub(super) end: Position,
    span: Span,
}

impl Report {
    pub(super) fn place(&self, span: Span) -> Place<'_> {
        let file = self.sources.get(span.file);
        Place { file, start: file.position(span.start), end: file.position(span.end), span }
    }

    /// The path of a place as seen from the root of the repository.
    pub(super) fn path_in_repository(&self, place: &Place<'_>) -> String {
        from_root(&self.prefix, &place.file.path)
    }
}

impl Place<'_> {
    /// The columns of start and end, counted from one in bytes.
    pub(super) fn byte_columns(&self) -> [usize; 2] {
        [(self.span.start, self.start), (self.span.end, self.end)]
            .map(|(at, position)| (at as usize).saturating_sub(self.file.line(position.line).start) + 1)
    }
}

/// A path that is relative to a folder, relative to the root that the folder is seen from.
pub(crate) fn from_root(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') || path == STDIN {
        return path.to_string();
    }
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if !parts.is_empty() => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_root() {
        assert_eq!(from_root("", "supabase/seed.sql"), "supabase/seed.sql");
        assert_eq!(from_root("apps/web", "supabase/seed.sql"), "apps/web/supabase/seed.sql");
        assert_eq!(from_root("apps/web", "../../supabase/seed.sql"), "supabase/seed.sql");
        assert_eq!(from_root("apps", "../../x.sql"), "../x.sql");
        assert_eq!(from_root("apps", "/srv/x.sql"), "/srv/x.sql");
        assert_eq!(from_root("apps", STDIN), "<stdin>");
    }
}
