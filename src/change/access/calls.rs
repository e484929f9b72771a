//! Who can call which function through the Data API, and with whose rights it runs.

use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::acl::Grantee;
use crate::catalog::function::Function;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Role;
use crate::change::access::Side;
use crate::change::{AccessChange, Class, Renamed, Subject};
use crate::map::IndexMap;
use crate::sql::statement::{FunctionBody, Privilege};
use crate::sql::token::Lexer;

/// How a function can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    name: QName,
    /// Whether it runs with its owner's rights.
    definer: bool,
    /// The roles of requests that can call it.
    callers: Vec<String>,
    /// Those of them that a GRANT lets, and not what new functions start with.
    granted: Vec<String>,
    /// What it does: the words of its body.
    deeds: Option<String>,
}

impl Calls {
    fn of(catalog: &Catalog, function: &Function) -> Self {
        let callers = catalog.callers(function);
        let is_granted = |role: &&&Role| {
            let entry = function.acl.entry(&role.grantee()).or_else(|| function.acl.entry(&Grantee::Public));
            entry.is_some_and(|entry| !entry.by_default.contains(Privilege::Execute))
        };
        let granted = callers.iter().filter(is_granted).map(|role| role.name.quoted()).collect();
        let callers = callers.iter().map(|role| role.name.quoted()).collect();
        let definer = function.security_definer.value;
        let deeds = match &function.body {
            Some(FunctionBody::Text(body)) if !function.is_trigger() => Some(words(&body.text)),
            _ => None,
        };
        Self { name: function.name.clone(), definer, callers, granted, deeds }
    }

    /// Whether another state of the function lets these roles do the same, and lets them for the same reason.
    fn is_same_to(&self, other: &Self, roles: &[String]) -> bool {
        let is_alike = |role: &String| {
            self.callers.contains(role) == other.callers.contains(role)
                && self.granted.contains(role) == other.granted.contains(role)
        };
        self.definer == other.definer && self.deeds == other.deeds && roles.iter().all(is_alike)
    }

    /// The callers that it has and another state of it has not.
    fn callers_beyond(&self, other: &Self) -> Vec<String> {
        self.callers.iter().filter(|role| !other.callers.contains(role)).cloned().collect()
    }

    /// How the function with this signature can be called; nothing where there is none.
    fn with_signature(catalog: &Catalog, signature: &str) -> Option<Self> {
        let function =
            catalog.functions.values().find(|function| function.signature(catalog) == signature)?;
        Some(Self::of(catalog, function))
    }

    /// Whether a function can be called by these roles alike in two catalogs, or is in neither.
    pub(super) fn are_same(signature: &str, roles: &[String], catalogs: [&Catalog; 2]) -> bool {
        match catalogs.map(|catalog| Self::with_signature(catalog, signature)) {
            [Some(one), Some(other)] => one.is_same_to(&other, roles),
            [one, other] => one.is_none() && other.is_none(),
        }
    }
}

/// A text without comments and line breaks.
fn words(text: &str) -> String {
    let tokens = Lexer::new(text).filter(|token| !token.is_comment());
    tokens.map(|token| token.text(text)).collect::<Vec<_>>().join(" ")
}

/// The project's functions by signature, as far as they are certain.
fn functions(catalog: &Catalog) -> IndexMap<String, Calls> {
    let doubts = catalog.doubts(&[Aspect::Functions, Aspect::Execute]);
    let own = catalog.own_functions().filter(|function| !doubts.concern(&function.name));
    own.map(|function| (function.signature(catalog), Calls::of(catalog, function))).collect()
}

/// What is different about who can call which function, with its signature. A new function that runs with
/// the rights of the caller opens nothing.
pub(super) fn compared(before: Side<'_>, after: Side<'_>, renamed: &Renamed) -> Vec<(String, AccessChange)> {
    let (was, is) = (functions(before.catalog), functions(after.catalog));
    let now_called = |(old, earlier): (&String, &Calls)| {
        let signature = renamed.signature(old);
        let is_told = |now: &&Calls| now.name != earlier.name && !earlier.callers.is_empty();
        let now = is.get(&signature).filter(is_told)?;
        let message = format!("{old} is now called {signature}");
        Some((signature, change(&now.name, Class::Breaking, earlier.callers.clone(), message)))
    };
    let mut found: Vec<_> = was.iter().filter_map(now_called).collect();
    let was: IndexMap<_, _> =
        was.into_iter().map(|(old, earlier)| (renamed.signature(&old), earlier)).collect();
    for (signature, now) in &is {
        let mut add = |class, roles: Vec<String>, message: String| {
            found.push((signature.clone(), change(&now.name, class, roles, message)));
        };
        let who = in_words(&now.callers, "and");
        let Some(earlier) = was.get(signature) else {
            let is_gap = before.catalog.may_have_changed(&now.name, Aspect::Functions);
            if now.definer && !now.callers.is_empty() && !is_gap {
                let message =
                    format!("{who} can call {signature}, which runs with its owner's rights (new function)");
                add(Class::Review, now.callers.clone(), message);
            }
            continue;
        };
        let (gained, lost) = (now.callers_beyond(earlier), earlier.callers_beyond(now));
        if !gained.is_empty() {
            let (class, whose) = match now.definer {
                true => (Class::Review, "its owner's"),
                false => (Class::Safe, "the caller's"),
            };
            let by = match earlier.callers.as_slice() {
                [] => "nobody".to_string(),
                callers => in_words(callers, "and"),
            };
            let who = in_words(&gained, "and");
            let message =
                format!("{who} can now call {signature}, which runs with {whose} rights (was: {by})");
            add(class, gained, message);
        }
        if !lost.is_empty() {
            let message = format!("{} can no longer call {signature}", in_words(&lost, "and"));
            add(Class::Breaking, lost, message);
        }
        let stayed: Vec<_> =
            now.callers.iter().filter(|role| earlier.callers.contains(role)).cloned().collect();
        if now.definer != earlier.definer && !stayed.is_empty() {
            let (class, whose, before) = match now.definer {
                true => (Class::Review, "its owner's", "the caller's"),
                false => (Class::Safe, "the caller's", "its owner's"),
            };
            let who = in_words(&stayed, "and");
            let message =
                format!("{signature}, which {who} can call, now runs with {whose} rights (was: {before})");
            add(class, stayed, message);
        } else if now.definer && now.deeds != earlier.deeds && !stayed.is_empty() {
            let who = in_words(&stayed, "and");
            let message =
                format!("{signature}, which {who} can call, does something else now with its owner's rights");
            add(Class::Review, stayed, message);
        }
    }
    let gone = was.into_iter().filter(|(signature, earlier)| {
        let is_there = is.contains_key(signature);
        let is_gap = || after.catalog.may_have_changed(&earlier.name, Aspect::Functions);
        !is_there && !earlier.callers.is_empty() && !is_gap()
    });
    found.extend(gone.map(|(signature, earlier)| {
        let who = in_words(&earlier.callers, "and");
        let message = format!("{signature} is gone: {who} could call it");
        (signature, change(&earlier.name, Class::Breaking, earlier.callers, message))
    }));
    found
}

fn change(name: &QName, class: Class, roles: Vec<String>, message: String) -> AccessChange {
    AccessChange { roles, ..AccessChange::new(Subject::Function, name.clone(), class, message) }
}
