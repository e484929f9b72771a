//! Conditions on the end of an email address: whose the caller says to be by the domain.

use crate::predicate::unwrapped;
use crate::sql::expr::{Expr, Literal};

/// What a condition wants an address to end in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// `acme.com`; none where something else than the condition names it.
    pub name: Option<String>,
    /// An address of another domain that passes as well.
    pub lookalike: Option<String>,
}

/// The domains of which an address may be for a condition to hold, if that is what it asks:
/// `address like '%@acme.com'`, `split_part(address, '@', 2) = 'acme.com'`.
pub fn wanted_domains(condition: &Expr, is_address: &dyn Fn(&Expr) -> bool) -> Vec<Domain> {
    let of_texts = |value: &Expr, texts: &[Expr], pattern: bool| -> Vec<Domain> {
        let domain = |text: &Expr| match (text_of(text), pattern) {
            (Some(text), true) if is_address(value) => of_pattern(text),
            (text, false) => of_part(value, text, is_address),
            _ => None,
        };
        texts.iter().filter_map(domain).collect()
    };
    match condition {
        Expr::Op { op, left: Some(left), right } => match op.as_str() {
            "~~" | "~~*" => of_texts(left, std::slice::from_ref(right), true),
            "=" => {
                let found = of_texts(left, std::slice::from_ref(right), false);
                if found.is_empty() { of_texts(right, std::slice::from_ref(left), false) } else { found }
            }
            "~" | "~*" if is_address(left) => text_of(right).and_then(of_regex).into_iter().collect(),
            ">" | "<>" | "!=" => of_search(left, is_address).into_iter().collect(),
            _ => Vec::new(),
        },
        Expr::In { expr, list, negated: false } => of_texts(expr, list, false),
        Expr::OpArray { op, all: false, left, right } => match (op.as_str(), right.uncast()) {
            ("=", Expr::Array(items)) => of_texts(left, items, false),
            ("~~" | "~~*", Expr::Array(items)) => of_texts(left, items, true),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A part of an address beside what it is to be: `split_part(address, '@', 2)`, `right(address, 9)`.
fn of_part(part: &Expr, wanted: Option<&str>, is_address: &dyn Fn(&Expr) -> bool) -> Option<Domain> {
    let Expr::Call(call) = unwrapped(part) else { return None };
    let name = call.name.name.as_str();
    let [address, rest @ ..] = call.args.as_slice() else { return None };
    if matches!(name, "lower" | "upper" | "btrim") {
        return of_part(address, wanted, is_address);
    }
    if !is_address(address) {
        return None;
    }
    let is_first = |part: &Expr| matches!(unwrapped(part), Expr::Literal(Literal::Number(at)) if *at == *"1");
    let splits = || {
        rest.first().and_then(text_of).is_some_and(|text| text.contains('@')) && !rest.iter().any(is_first)
    };
    match (name, wanted) {
        ("right", Some(wanted)) => of_end(wanted, false),
        ("split_part" | "substring", None) if splits() => Some(Domain { name: None, lookalike: None }),
        ("split_part" | "substring", Some(wanted)) if splits() && is_domain(wanted) => {
            Some(Domain { name: Some(wanted.to_string()), lookalike: None })
        }
        _ => None,
    }
}

/// `position('@acme.com' in address) > 0`, wherever it is found.
fn of_search(call: &Expr, is_address: &dyn Fn(&Expr) -> bool) -> Option<Domain> {
    let Expr::Call(call) = unwrapped(call) else { return None };
    match (call.name.name.as_str(), call.args.as_slice()) {
        ("position" | "strpos", [address, wanted]) if is_address(address) => of_end(text_of(wanted)?, true),
        _ => None,
    }
}

fn of_pattern(pattern: &str) -> Option<Domain> {
    let end = pattern.trim_start_matches('%');
    let (end, more_follows) = match end.strip_suffix('%') {
        Some(end) => (end, true),
        None => (end, false),
    };
    of_end(end, more_follows).filter(|_| pattern.starts_with(['%', '_']))
}

fn of_regex(pattern: &str) -> Option<Domain> {
    let (end, more_follows) = match pattern.strip_suffix('$') {
        Some(end) => (end, false),
        None => (pattern, true),
    };
    of_end(&end.replace("\\.", ".").replace("\\@", "@"), more_follows)
}

/// What ends in this text, or holds it where more may follow.
fn of_end(end: &str, more_follows: bool) -> Option<Domain> {
    let (name, is_whole) = match end.rsplit_once('@') {
        Some((_, name)) => (name, true),
        // A domain below it is its owner's.
        None => (end.strip_prefix('.').unwrap_or(end), end.starts_with('.')),
    };
    let lookalike = match (more_follows, is_whole) {
        (true, _) => {
            Some(format!("someone@{}{name}.example.org", if end.starts_with('.') { "x." } else { "" }))
        }
        (false, false) => Some(format!("someone@not{name}")),
        (false, true) => None,
    };
    is_domain(name).then(|| Domain { name: Some(name.to_string()), lookalike })
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

fn text_of(expr: &Expr) -> Option<&str> {
    match unwrapped(expr) {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicate::{Told, told};
    use crate::testing::Bench;

    /// The domains that a condition wants, each with an address of another one that passes.
    fn wanted(condition: &str) -> Vec<String> {
        let bench = Bench::new(&format!(
            "create table t (domain text); alter table t enable row level security;
             create policy p on t for select using ({condition});"
        ));
        let table = bench.catalog.tables.values().find(|table| table.name.name == "t").expect("it is made");
        let using = table.policies[0].using.as_ref().expect("it has one");
        let domains = wanted_domains(&using.value, &|expr| told(expr) == Some(Told::Email));
        let words = |domain: Domain| {
            let name = domain.name.unwrap_or_else(|| "?".into());
            domain.lookalike.map_or(name.clone(), |other| format!("{name} or {other}"))
        };
        domains.into_iter().map(words).collect()
    }

    #[test]
    fn the_end_of_an_address() {
        for (condition, expected) in [
            ("auth.email() like '%@acme.com'", "acme.com"),
            ("lower(auth.jwt() ->> 'email') ilike '%@Acme.com'", "Acme.com"),
            ("auth.email() like '%.acme.com'", "acme.com"),
            ("auth.email() like '%acme.com'", "acme.com or someone@notacme.com"),
            ("auth.email() like '%@acme.com%'", "acme.com or someone@acme.com.example.org"),
            ("auth.email() ~ '@acme\\.com$'", "acme.com"),
            ("auth.email() ~* '^[^@]+@acme\\.com$'", "acme.com"),
            ("auth.email() ~ '@acme\\.com'", "acme.com or someone@acme.com.example.org"),
            ("split_part((select auth.email()), '@', 2) = 'acme.com'", "acme.com"),
            ("'acme.com' = lower(split_part(auth.email(), '@', 2))", "acme.com"),
            ("split_part(auth.email(), '@', 2) = domain", "?"),
            ("substring(auth.email() from '@(.*)$') = 'acme.com'", "acme.com"),
            ("right(auth.email(), 9) = '@acme.com'", "acme.com"),
            ("right(auth.email(), 8) = 'acme.com'", "acme.com or someone@notacme.com"),
            ("position('@acme.com' in auth.email()) > 0", "acme.com or someone@acme.com.example.org"),
        ] {
            assert_eq!(wanted(condition), [expected], "{condition}");
        }
        let several = "split_part(auth.email(), '@', 2) in ('acme.com', 'acme.org')";
        assert_eq!(wanted(several), ["acme.com", "acme.org"]);
        let several = "auth.email() like any (array['%@acme.com', '%@acme.org'])";
        assert_eq!(wanted(several), ["acme.com", "acme.org"]);
    }

    #[test]
    fn other_questions() {
        for condition in [
            "auth.email() = 'boss@acme.com'",
            "auth.email() like 'admin%'",
            "auth.email() not like '%@acme.com'",
            "split_part(auth.email(), '@', 1) = 'the.boss'",
            "split_part(domain, '@', 2) = 'acme.com'",
            "domain like '%@acme.com'",
            "auth.jwt() ->> 'role' like '%.com'",
        ] {
            assert_eq!(wanted(condition), [""; 0], "{condition}");
        }
    }
}
