use crate::access::{Files, in_words};
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::source::Span;
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds buckets that can be uploaded to, and where `upsert` fails.
    ///
    /// ## Why it matters
    ///
    /// An upload with `upsert: true` over a file that is there reads and changes its row: it takes
    /// policies for SELECT and UPDATE beside that for INSERT. Without them the first upload of an
    /// avatar works, and the second one fails with a violation of row level security.
    ///
    /// ```sql,bad
    /// insert into storage.buckets (id, name) values ('avatars', 'avatars');
    /// create policy add on storage.objects for insert to authenticated with check (bucket_id = 'avatars');
    /// ```
    ///
    /// ```sql,good
    /// insert into storage.buckets (id, name) values ('avatars', 'avatars');
    /// create policy add on storage.objects for insert to authenticated with check (bucket_id = 'avatars');
    /// create policy look on storage.objects for select to authenticated using (bucket_id = 'avatars');
    /// create policy change on storage.objects for update to authenticated using (bucket_id = 'avatars');
    /// ```
    ///
    /// Apps that never replace a file need none of this: there is one finding for all buckets.
    ///
    /// ## How to fix
    ///
    /// Add the policies that are missing, with the condition of the one for INSERT.
    "storage-upsert-incomplete" {
        group: Group::Platform,
        severity: Severity::Info,
        summary: "files of a bucket can be added and not replaced",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(files) = cx.rights.files() else { return };
    let before = out.list.len();
    let mut first = String::new();
    for bucket in cx.catalog.buckets.keys() {
        let adding: Vec<(&Role, Span, Vec<&str>)> = cx
            .catalog
            .api_roles()
            .filter_map(|role| {
                let (span, missing) = added(&files, bucket, role)?;
                Some((role, span, missing))
            })
            .collect();
        let Some((_, span, missing)) = adding.iter().find(|(_, _, missing)| !missing.is_empty()) else {
            continue;
        };
        let alike = adding.iter().filter(|(_, _, other)| other == missing);
        let roles: Vec<String> = alike.map(|(role, _, _)| role.name.quoted()).collect();
        let lacks = missing.clone();
        let who = if roles.len() == adding.len() { "callers".to_string() } else { in_words(&roles, "and") };
        let (span, missing) = (*span, in_words(missing, "and"));
        let message = format!(
            "{who} can upload to the bucket {bucket} and not with upsert: there is no policy for {missing}"
        );
        if first.is_empty() {
            first = format!("{missing} of {bucket}");
        }
        out.report(span, Identity::plain("bucket", bucket.to_string()), message)
            .note("lets files be added")
            .extent(&roles)
            .extent(lacks)
            .help(format!(
                "if the app replaces files, add policies for {missing} with the condition of this one"
            ));
    }
    let count = out.list.len() - before;
    if count > 1 {
        let message = format!(
            "callers can upload to {count} buckets and not with upsert: there is no policy for {first}"
        );
        out.fold(before, "buckets", message, |_| "and so does this");
    }
}

/// The policy that lets a role add files to a bucket, and the commands for which others are missing to
/// replace them.
fn added(files: &Files<'_>, bucket: &str, role: &Role) -> Option<(Span, Vec<&'static str>)> {
    let lets = |command: PolicyCommand| {
        let touches = move |policy: &&Policy| files.reach(policy, command, bucket, role) != Reach::None;
        files.policies().find(touches)
    };
    let adds = lets(PolicyCommand::Insert)?;
    let needed = [(PolicyCommand::Select, "SELECT"), (PolicyCommand::Update, "UPDATE")];
    let missing: Vec<_> =
        needed.into_iter().filter(|(command, _)| lets(*command).is_none()).map(|(_, word)| word).collect();
    Some((adds.name_span, missing))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn each_bucket_needs_its_policies() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name) values ('a', 'a'), ('b', 'b'), ('c', 'c');
             create policy add_a on storage.objects for insert to authenticated with check (bucket_id = 'a');
             --            ^^^^^ info: callers can upload to the bucket a and not with upsert: there is no policy for UPDATE
             create policy look on storage.objects for select using (bucket_id in ('a', 'b'));
             create policy all_b on storage.objects to authenticated using (bucket_id = 'b' and owner = auth.uid());
             create policy change_c on storage.objects for update using (bucket_id = 'c');",
        );
    }

    #[test]
    fn it_says_who_lacks_them_where_others_do_not() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name) values ('a', 'a');
             create policy add on storage.objects for insert with check (bucket_id = 'a');
             --            ^^^ info: anon can upload to the bucket a and not with upsert: there is no policy for UPDATE
             create policy look on storage.objects for select using (bucket_id = 'a');
             create policy change on storage.objects for update to authenticated using (bucket_id = 'a');",
        );
    }

    #[test]
    fn one_finding_for_all_buckets() {
        let text = "insert into storage.buckets (id, name) values ('a', 'a'), ('b', 'b');
             create policy add_a on storage.objects for insert with check (bucket_id = 'a');
             create policy add_b on storage.objects for insert with check (bucket_id = 'b');";
        let found = Bench::new(text).run(&RULE, &RULE.options.defaults());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].labels.len(), 1);
        let message = "callers can upload to 2 buckets and not with upsert: there is no policy for SELECT and UPDATE of a";
        assert_eq!(found[0].message, message);
    }
}
