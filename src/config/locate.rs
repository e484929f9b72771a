//! Where a key stands in a YAML text.
//!
//! The YAML library gives values without places. A key is looked for after its parents', which finds
//! it in any file that a person would write; where it is not found, its parent's place stands in.

use std::ops::Range;

/// A place reached by going from key to key.
#[derive(Clone, Debug)]
pub(super) struct Locator<'a> {
    text: &'a str,
    at: Range<usize>,
}

impl<'a> Locator<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let first_line = text.find('\n').unwrap_or(text.len());
        Self { text, at: 0..first_line }
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The place itself, for what stands within it.
    pub(super) fn start(&self) -> Self {
        Self { text: self.text, at: self.at.start..self.at.start }
    }

    /// The next occurrence of this key.
    pub(super) fn key(&self, key: &str) -> Self {
        self.find(key, |after| after.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    }

    /// A key of the whole document: one at the start of a line, not one of the same name within another.
    pub(super) fn top_key(&self, key: &str) -> Self {
        let at_start = |place: &Self| place.column() == 0;
        self.keys(key).find(at_start).unwrap_or_else(|| self.key(key))
    }

    /// The next time that the map which has this key has it again.
    pub(super) fn again(&self, key: &str) -> Self {
        let same_map = |place: &Self| place.column() == self.column() || place.line() == self.line();
        self.keys(key).find(same_map).unwrap_or_else(|| self.key(key))
    }

    /// The occurrences of a key from here on.
    fn keys(&self, key: &str) -> impl Iterator<Item = Self> {
        let mut last = self.clone();
        std::iter::from_fn(move || {
            let next = last.key(key);
            let found = next.at != last.at;
            last = next.clone();
            found.then_some(next)
        })
    }

    fn line(&self) -> usize {
        self.text[..self.at.start].rfind('\n').map_or(0, |end| end + 1)
    }

    fn column(&self) -> usize {
        self.at.start - self.line()
    }

    /// The next occurrence of this value, bare or as quotes make it.
    pub(super) fn value(&self, value: &str) -> Self {
        let written = [value.to_string(), value.replace('\'', "''"), format!("{value:?}")];
        let mut places = written.iter().map(|text| self.find(text, |_| true));
        places.find(|place| place.at != self.at).unwrap_or_else(|| self.clone())
    }

    /// The n-th item of the list under this key, counted from zero.
    pub(super) fn item(&self, n: usize) -> Self {
        let mut indent = None;
        let mut seen = 0;
        for (start, line) in self.lines() {
            let trimmed = line.trim_start();
            let depth = line.len() - trimmed.len();
            if trimmed.starts_with("- ") && *indent.get_or_insert(depth) == depth {
                if seen == n {
                    return Self { text: self.text, at: start + depth..start + line.trim_end().len() };
                }
                seen += 1;
            }
        }
        self.clone()
    }

    fn find(&self, word: &str, follows: impl Fn(&str) -> bool) -> Self {
        let boundary = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '/');
        let from = self.rest();
        for (at, _) in self.text[from..].match_indices(word) {
            let (start, end) = (from + at, from + at + word.len());
            let line = self.text[from..start].rfind('\n').map_or(from, |newline| from + newline + 1);
            let before = &self.text[line..start];
            let after = code(self.text[end..].lines().next().unwrap_or_default());
            if !is_comment(before)
                && code(before).len() == before.len()
                && before.chars().next_back().is_none_or(boundary)
                && after.chars().next().is_none_or(boundary)
                && follows(after)
            {
                return Self { text: self.text, at: start..end };
            }
        }
        self.clone()
    }

    /// Where what has not been looked at begins. The first line counts from its start on, as nothing was
    /// found yet.
    fn rest(&self) -> usize {
        if self.at.start == 0 { 0 } else { self.at.end }
    }

    /// The rest of the text by lines, comments cut off, each with its offset.
    fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let mut start = self.rest();
        self.text[start..].split_inclusive('\n').map(move |line| {
            let at = start;
            start += line.len();
            (at, if is_comment(line) { "" } else { code(line) })
        })
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// What stands before a comment.
fn code(line: &str) -> &str {
    line.split(" #").next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# rules: none\nextends: [strict, \"./b.yaml\"]\nrules:\n  a-b: off\n  'b': off\noverrides:\n  \
                        - paths: [x]\n    rules: {b: off}\n  - paths: [y]\n    rules: {b: on}\n";

    fn found(locator: &Locator<'_>) -> (usize, String) {
        let line = TEXT[..locator.at.start].matches('\n').count() + 1;
        (line, TEXT[locator.at.clone()].to_string())
    }

    #[test]
    fn goes_from_key_to_key() {
        let top = Locator::new(TEXT);
        assert_eq!(found(&top.key("rules")), (3, "rules".into()));
        assert_eq!(found(&top.key("rules").key("b")), (5, "b".into()));
        assert_eq!(found(&top.key("overrides").item(1).key("rules").key("b")), (10, "b".into()));
        assert_eq!(found(&top.key("extends").value("./b.yaml")), (2, "./b.yaml".into()));
        assert_eq!(found(&top.key("rules").key("nowhere")), (3, "rules".into()));
    }
}
