//! Names of tables and views inside the words of findings.

use std::borrow::Cow;
use std::ops::Range;

/// A text with other names for relations: `called` gives the new one for each full name as SQL writes it.
/// Names of functions stay, and so does what stands in quotes.
pub fn with_names<'t>(text: &'t str, called: &dyn Fn(&str) -> Option<String>) -> Cow<'t, str> {
    let mut changed = String::new();
    let mut done = 0;
    for name in places(text) {
        if let Some(new) = called(&text[name.clone()]) {
            changed.push_str(&text[done..name.start]);
            changed.push_str(&new);
            done = name.end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    changed.push_str(&text[done..]);
    Cow::Owned(changed)
}

/// The full names in a text that may be those of relations.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    places(text).into_iter().map(|place| &text[place])
}

fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = at + word(&text[at..]);
        let second = text[end..].strip_prefix('.').filter(|_| end > at).map_or(0, word);
        if second == 0 {
            at = end + text[end..].chars().next().map_or(0, char::len_utf8);
            continue;
        }
        let name = at..end + 1 + second;
        at = name.end;
        if !text[at..].starts_with('(') {
            places.push(name);
        }
    }
    places
}

/// The length of the name that a text starts with; zero where it starts with none.
fn word(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let Some(quoted) = text.strip_prefix('"') else {
        return text.find(|c| !is_part(c)).unwrap_or(text.len());
    };
    let mut rest = quoted;
    while let Some(at) = rest.find('"') {
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(more) => rest = more,
            None => return text.len() - rest.len(),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_replaced_at_once() {
        let called = |name: &str| match name {
            "public.a" => Some("public.b".to_string()),
            "public.b" => Some("app.\"A b\"".to_string()),
            "public.\"C\"\"d\"" => Some("public.c".to_string()),
            _ => None,
        };
        for (text, expected) in [
            ("public.a", "public.b"),
            ("public.a, public.b", "public.b, app.\"A b\""),
            ("policy own on public.a", "policy own on public.b"),
            ("public.a.id public.ab xpublic.a", "public.b.id public.ab xpublic.a"),
            ("public.\"C\"\"d\" é.a", "public.c é.a"),
            ("policy \"public.a\"", "policy \"public.a\""),
            ("public.a(public.a)", "public.a(public.b)"),
            ("\"open public.a", "\"open public.a"),
            ("", ""),
        ] {
            assert_eq!(with_names(text, &called), expected);
        }
    }
}
