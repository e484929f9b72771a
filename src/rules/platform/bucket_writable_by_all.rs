use std::collections::BTreeSet;

use crate::access::{Files, in_words, reach_of};
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::diagnostic::Identity;
use crate::diagnostic::Severity;
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::rules::clauses::{compared, own_column, text};
use crate::rules::fold_many;
use crate::sql::statement::{Clause, PolicyCommand, Privilege};

declare_rule! {
    /// Finds buckets whose files every signed-in user can replace or delete.
    ///
    /// ## Why it matters
    ///
    /// `using (bucket_id = 'documents')` asks for the bucket and not for whose file it is. Whoever signs up can
    /// list the bucket and delete the documents of all others, or put other files in their place.
    ///
    /// ```sql,bad
    /// insert into storage.buckets (id, name) values ('documents', 'documents');
    /// create policy "Signed-in users read" on storage.objects for select to authenticated
    ///   using (bucket_id = 'documents');
    /// create policy "Signed-in users delete" on storage.objects for delete to authenticated
    ///   using (bucket_id = 'documents');
    /// ```
    ///
    /// ```sql,good
    /// insert into storage.buckets (id, name) values ('documents', 'documents');
    /// create policy "Signed-in users read" on storage.objects for select to authenticated
    ///   using (bucket_id = 'documents');
    /// create policy "Signed-in users delete their own" on storage.objects for delete to authenticated
    ///   using (bucket_id = 'documents' and owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// Where all users are staff that work on the same files, that is how it is meant; then allow it.
    ///
    /// A file can be replaced or deleted by who sees it: where no policy for SELECT shows a role all files of the
    /// bucket, the rule is silent. What requests without a signed-in user can do is `anon-write-policy`'s.
    ///
    /// ## How to fix
    ///
    /// Ask for the owner, or for a folder that is called like the user:
    /// `bucket_id = 'documents' and (storage.foldername(name))[1] = (select auth.uid()::text)`.
    "bucket-writable-by-all" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "every signed-in user can replace or delete the files of a bucket",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

const CHANGES: [(PolicyCommand, Privilege, &str); 2] = [
    (PolicyCommand::Update, Privilege::Update, "replace"),
    (PolicyCommand::Delete, Privilege::Delete, "delete"),
];

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let (Some(files), Some(signed_in)) = (cx.rights.files(), cx.catalog.roles.get("authenticated")) else {
        return;
    };
    let named = files.policies().flat_map(|policy| named_buckets(&files, policy));
    let buckets: BTreeSet<String> = cx.catalog.buckets.keys().cloned().chain(named).collect();
    let before = out.list.len();
    for bucket in &buckets {
        report(cx, &files, bucket, signed_in, out);
    }
    fold_many(out, before, "buckets", |count| {
        format!("every signed-in user can replace or delete the files of {count} buckets")
    });
}

/// The buckets that a policy names.
fn named_buckets(files: &Files<'_>, policy: &Policy) -> Vec<String> {
    let mut list = Vec::new();
    for expr in policy.expressions() {
        expr.walk(&mut |part| {
            let of_bucket = compared(part).into_iter().filter(|(column, _)| {
                own_column(files.table, column).is_some_and(|column| column.name == "bucket_id")
            });
            list.extend(of_bucket.filter_map(|(_, name)| text(name)).map(str::to_string));
        });
    }
    list
}

fn report(cx: &CatalogCx<'_>, files: &Files<'_>, bucket: &str, role: &Role, out: &mut Findings) {
    let opens = |policy: &Policy, command: PolicyCommand, role: &Role| {
        files.reach(policy, command, bucket, role) == Reach::All
    };
    let shows_all = files.policies().any(|policy| opens(policy, PolicyCommand::Select, role));
    if !shows_all || files.is_fenced(PolicyCommand::Select, role) {
        return;
    }
    let is_open_to_all = |policy: &Policy, command: PolicyCommand| {
        let anonymous = cx.catalog.roles.get("anon");
        files.opens_all(policy, command) || anonymous.is_some_and(|anon| opens(policy, command, anon))
    };
    let mut found: Vec<(&Policy, &Clause)> = Vec::new();
    let mut deeds = Vec::new();
    for (command, privilege, verb) in
        CHANGES.into_iter().filter(|(command, ..)| !files.is_fenced(*command, role))
    {
        let by = files
            .policies()
            .filter(|policy| opens(policy, command, role) && !is_open_to_all(policy, command))
            .filter_map(|policy| Some((policy, policy.gates(command).next()?)));
        let before = found.len();
        found.extend(by);
        if found.len() > before {
            deeds.push((privilege, verb));
        }
    }
    let Some((first, clause)) = found.first() else { return };
    let verbs: Vec<&str> = deeds.iter().map(|(_, verb)| *verb).collect();
    let message =
        format!("every signed-in user can {} each file of the bucket {bucket}", in_words(&verbs, "and"));
    let finding = out.report(clause.span, Identity::plain("bucket", bucket), message);
    finding.note("asks for no more than the bucket");
    for (privilege, _) in deeds {
        finding.reach(reach_of([role], privilege));
    }
    finding.label(first.name_apart_from(clause.span), "the policy is created here");
    finding.label_each(
        found[1..]
            .iter()
            .filter(|(policy, _)| policy.name != first.name)
            .map(|(policy, _)| (policy.name_span, format!("and by policy {}", policy.name.delimited()))),
    );
    finding.help(format!(
        "right where all users are staff, and nobody else can sign up; otherwise alter policy {} on storage.objects using (bucket_id = '{}' and owner_id = (select auth.uid()::text));",
        first.name.quoted(),
        bucket.replace('\'', "''")
    ));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    const READ: &str = "create policy reads on storage.objects for select to authenticated using (bucket_id in ('a', 'b'));\n";

    fn policies(text: &str) {
        check(&RULE, &format!("{READ}{text}"));
    }

    #[test]
    fn asking_for_the_bucket_is_asking_for_nobody() {
        policies(
            "
             create policy changes on storage.objects for update to authenticated using (bucket_id = 'a');
             --                                                                          ^^^^^^^^^^^^^^^ warning: every signed-in user can replace and delete each file of the bucket a
             create policy gone on storage.objects for delete using (bucket_id = 'a' and auth.role() = 'authenticated');
             create policy all_of_b on storage.objects to authenticated using (bucket_id = 'b') with check (bucket_id = 'b');
             --                                                                ^^^^^^^^^^^^^^^ warning: replace and delete each file of the bucket b",
        );
    }

    #[test]
    fn what_is_held_to_somebody_or_not_seen_is_silent() {
        policies(
            "
             create policy own on storage.objects for delete to authenticated using (bucket_id = 'a' and owner = auth.uid());
             create policy adds on storage.objects for insert to authenticated with check (bucket_id = 'a');
             create policy unseen on storage.objects for delete to authenticated using (bucket_id = 'c');
             create policy told on storage.objects for delete using (bucket_id = 'b');
             create policy server on storage.objects for delete to service_role using (bucket_id = 'b');",
        );
        policies(
            "
             create policy gone on storage.objects for delete to authenticated using (bucket_id = 'a');
             create policy fence on storage.objects as restrictive for delete to authenticated using (bucket_id <> 'a' or owner = auth.uid());",
        );
    }
}
