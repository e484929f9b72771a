//! "Did you mean": the known word nearest to an unknown one.

/// The candidate that a typing error may have made this of.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = word.chars().count() / 3 + 1;
    let close = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    close.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

/// How many letters must be added, taken or replaced (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let ids = ["no-primary-key", "duplicate-index"];
        assert_eq!(nearest("no-primery-key", ids), Some("no-primary-key"));
        assert_eq!(nearest("duplicated-index", ids), Some("duplicate-index"));
        assert_eq!(nearest("something-else", ids), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
