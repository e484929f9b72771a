use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds policies for files that hold in every bucket.
    ///
    /// ## Why it matters
    ///
    /// `storage.objects` has the files of all buckets. A policy for uploads of avatars that does not
    /// name the bucket lets users upload to the bucket of contracts, too, and to each that comes
    /// later.
    ///
    /// ```sql,bad
    /// create policy "Users upload avatars" on storage.objects for insert to authenticated
    ///   with check (owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// ```sql,good
    /// create policy "Users upload avatars" on storage.objects for insert to authenticated
    ///   with check (bucket_id = 'avatars' and owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// It is an info where the policy shows, changes or deletes the caller's own files alone. Silent are
    /// policies that are true for every file, which `always-true-read-policy` and
    /// `always-true-write-policy` report, and those beside a restrictive policy that names buckets.
    ///
    /// ## How to fix
    ///
    /// Begin the condition with the bucket: `bucket_id = 'avatars' and …`.
    "storage-policy-without-bucket" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "policy for files holds in every bucket",
        sources: &["pgrls:SEC050"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const COMMANDS: [(PolicyCommand, &str); 4] = [
    (PolicyCommand::Insert, "upload to"),
    (PolicyCommand::Select, "read in"),
    (PolicyCommand::Update, "change files in"),
    (PolicyCommand::Delete, "delete files in"),
];

/// No bucket has this id.
const ANY: &str = "\u{0}";

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(files) = cx.rights.files() else { return };
    for policy in files.policies().filter(|policy| !files.asks_for_bucket(policy)) {
        let open = |command: PolicyCommand, role: &Role| {
            let reach = files.reach(policy, command, ANY, role);
            (reach != Reach::None && !files.opens_all(policy, command) && !files.is_fenced(command, role))
                .then_some(reach)
        };
        let reached: Vec<(PolicyCommand, &str, Reach)> = COMMANDS
            .into_iter()
            .filter_map(|(command, deed)| {
                let most = cx.catalog.api_roles().filter_map(|role| open(command, role)).max()?;
                Some((command, deed, most))
            })
            .collect();
        report(policy, &reached, out);
    }
}

fn report(policy: &Policy, reached: &[(PolicyCommand, &str, Reach)], out: &mut Findings) {
    let Some((command, _, _)) = reached.first() else { return };
    let Some(clause) = policy.gates(*command).next() else { return };
    let deeds: Vec<&str> = reached.iter().map(|(_, deed, _)| *deed).collect();
    let own =
        reached.iter().all(|(command, _, reach)| *reach == Reach::Own && *command != PolicyCommand::Insert);
    let deeds = crate::access::in_words(&deeds, "and");
    let whose = if own { ", as far as files are their own" } else { "" };
    let message = format!("policy {} lets callers {deeds} every bucket{whose}", policy.name.delimited());
    let name = crate::catalog::name::QName::new("storage", "objects");
    let found = out.report(clause.span, Identity::part("policy", &name, policy.name.as_str()), message);
    found
        .note("does not look at bucket_id")
        .help("begin the condition with the bucket: bucket_id = '…' and …");
    if own {
        found.severity(Severity::Info);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn buckets_are_not_named() {
        check(
            &RULE,
            "
             create policy upload on storage.objects for insert to authenticated with check (owner = auth.uid());
             --                                                                              ^^^^^^^^^^^^^^^^^^ warning: policy \"upload\" lets callers upload to every bucket
             create policy read on storage.objects for select using (auth.role() = 'authenticated');
             --                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"read\" lets callers read in every bucket
             create policy own on storage.objects for delete using (owner = auth.uid());
             --                                                     ^^^^^^^^^^^^^^^^^^ info: policy \"own\" lets callers delete files in every bucket, as far as files are their own
             ",
        );
    }

    #[test]
    fn named_buckets_and_what_others_say_are_silent() {
        check(
            &RULE,
            "
             create function may(bucket text) returns boolean language sql as 'select bucket = ''a''';
             create policy a on storage.objects for insert with check (bucket_id = 'a' and owner = auth.uid());
             create policy b on storage.objects for select using (may(bucket_id));
             create policy c on storage.objects for select using (bucket_id in (select id from storage.buckets where public));
             create policy d on storage.objects for select using (true);
             create policy e on storage.objects for select using (false);
             create policy f on storage.objects to service_role using (owner is not null);",
        );
        check(
            &RULE,
            "
             create policy upload on storage.objects for insert to authenticated with check (owner = auth.uid());
             create policy fence on storage.objects as restrictive for all using (bucket_id = 'a');",
        );
    }
}
