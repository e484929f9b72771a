//! What a change forgets of views that it drops and makes anew, as generated diffs do.

use crate::map::IndexSet;
use rustc_hash::FxHashSet;

use crate::access::in_words;
use crate::catalog::Catalog;
use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::gap::Aspect;
use crate::catalog::view::View;
use crate::diagnostic::Identity;
use crate::rule::Findings;
use crate::source::FileId;

/// The rule about it.
pub const RULE: &str = "recreated-view-lost-settings";

/// Reports views that were there before, are made in a file of the change, and lack options or grants
/// that they had, or are open again to whom they were revoked from.
pub fn report(before: &Catalog, after: &Catalog, new: &FxHashSet<FileId>, out: &mut Findings) {
    for view in after.own_views() {
        let is_made = view.history.created.span().is_some_and(|span| new.contains(&span.file));
        let (true, Some(was), Some(span)) = (is_made, before.view(&view.name), view.name_span) else {
            continue;
        };
        let is_doubtful = |catalog: &Catalog| {
            let aspects = [Aspect::Views, Aspect::Grants];
            aspects.iter().any(|aspect| catalog.may_have_changed(&view.name, *aspect))
        };
        if is_doubtful(before) || is_doubtful(after) {
            continue;
        }
        let options = lost_options(was, view, after);
        let grants = granted_beyond(&was.acl, &view.acl, &was.owner);
        let regained = granted_beyond(&view.acl, &was.acl, &view.owner);
        let name = view.name.quoted();
        let (mut what, mut help) = (Vec::new(), Vec::new());
        if !options.is_empty() {
            what.push(format!("lacks {}", in_words(&options, "and")));
            help.push(format!("alter view {name} set ({});", options.join(", ")));
        }
        if !grants.is_empty() {
            let words: Vec<_> = grants.iter().map(|(words, who)| format!("{words} for {who}")).collect();
            what.push(format!("lacks {}", in_words(&words, "and")));
            help.extend(grants.iter().map(|(words, who)| format!("grant {words} on {name} to {who};")));
        }
        if !regained.is_empty() {
            let words: Vec<_> = regained.iter().map(|(words, who)| format!("{words} for {who}")).collect();
            what.push(format!("has {}, which was revoked", in_words(&words, "and")));
            help.extend(regained.iter().map(|(words, who)| format!("revoke {words} on {name} from {who};")));
        }
        if what.is_empty() {
            continue;
        }
        let message = format!("view {} is made anew and {}", view.name, in_words(&what, "and"));
        out.report(span, Identity::new("view", &view.name), message)
            .note("made anew here")
            .help(help.join("\n"));
    }
}

/// The options that a view had and says nothing about any more. That one which is served no longer asks
/// as the caller is told by another rule.
fn lost_options(was: &View, is: &View, catalog: &Catalog) -> Vec<String> {
    let key = |option: &String| option.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let says = |wanted: &str| is.options.iter().any(|option| key(option) == wanted);
    let counts = |option: &&String| match key(option).as_str() {
        "security_invoker" => was.security_invoker() && catalog.view_access(is).is_empty(),
        "security_barrier" => was.option_is_on("security_barrier"),
        key => key == "check_option",
    };
    let lost = was.options.iter().filter(counts).filter(|option| !says(&key(option)));
    lost.cloned().collect()
}

/// What the one list grants beyond the other, and to whom; the owner aside.
fn granted_beyond(one: &Acl, other: &Acl, owner: &crate::sql::name::Ident) -> Vec<(String, String)> {
    let grantees: IndexSet<&Grantee> = one.entries.iter().map(|entry| &entry.grantee).collect();
    let is_other = |grantee: &&&Grantee| !matches!(grantee, Grantee::Role(name) if name == owner);
    let mut found = Vec::new();
    for grantee in grantees.iter().filter(is_other) {
        let more = one.granted(grantee).without(other.granted(grantee));
        let words: Vec<_> = more.iter().map(|privilege| privilege.keyword().to_lowercase()).collect();
        if !words.is_empty() {
            found.push((words.join(", "), grantee.to_string()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;
    use crate::testing::Bench;

    fn told_of(first: &str, second: &str) -> Vec<String> {
        let tables = "create table notes (id int primary key); create schema private; create role reporting;";
        let first = format!("{tables} {first}");
        let base = Bench::new(&first);
        let head = Bench::new(&format!("{first}\n-- file: 2_change.sql\n{second}"));
        let new = [FileId(u32::try_from(base.sources.len()).expect("they are few"))].into_iter().collect();
        let mut out = Findings::new(rules::named(RULE));
        report(&base.catalog, &head.catalog, &new, &mut out);
        let said = |one: &crate::diagnostic::Diagnostic| {
            format!("{} | {}", one.message, one.help.as_deref().unwrap_or_default())
        };
        out.list.iter().map(said).collect()
    }

    #[test]
    fn what_is_forgotten_is_told() {
        let view = "create view private.v with (security_invoker = on) as select id from notes;
            grant select on private.v to reporting;";
        assert_eq!(
            told_of(view, "drop view private.v; create view private.v as select id from notes;"),
            ["view private.v is made anew and lacks security_invoker=on and lacks select for reporting | \
                 alter view private.v set (security_invoker=on);\ngrant select on private.v to reporting;"]
        );
        let closed = "create view v with (security_invoker) as select id from notes; revoke insert, delete on v from anon;";
        assert_eq!(
            told_of(closed, "drop view v; create view v with (security_invoker) as select id from notes;"),
            ["view public.v is made anew and has insert, delete for anon, which was revoked | \
                 revoke insert, delete on public.v from anon;"]
        );
    }

    #[test]
    fn what_is_kept_or_meant_is_silent() {
        let view =
            "create view v with (security_invoker = on) as select id from notes; revoke all on v from anon;";
        for change in [
            "create or replace view v with (security_invoker = on) as select id from notes;",
            "drop view v; create view v with (security_invoker = false) as select id from notes; revoke all on v from anon;",
            "drop view v;",
            "create view w as select id from notes;",
        ] {
            assert_eq!(told_of(view, change), [""; 0], "{change}");
        }
    }
}
