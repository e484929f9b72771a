use crate::access::{Files, in_words, reach_of};
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::{PolicyCommand, Privilege};

declare_rule! {
    /// Finds public buckets of which callers can list the files.
    ///
    /// ## Why it matters
    ///
    /// The files of a public bucket are served by their address without any policy. A policy for
    /// SELECT adds nothing but the list of names: with it, anyone copies what was meant for those who
    /// know an address, such as invoices with random names.
    ///
    /// ```sql,bad
    /// insert into storage.buckets (id, name, public) values ('invoices', 'invoices', true);
    /// create policy "Invoices are public" on storage.objects for select using (bucket_id = 'invoices');
    /// ```
    ///
    /// ```sql,good
    /// insert into storage.buckets (id, name, public) values ('invoices', 'invoices', true);
    /// ```
    ///
    /// Buckets count from migrations, seeds and `config.toml`. A policy that is true for every bucket is
    /// for `always-true-read-policy`.
    ///
    /// ## How to fix
    ///
    /// Drop the policy, or hold it to the files of the caller:
    /// `using (bucket_id = 'invoices' and owner_id = (select auth.uid()::text))`. Who deletes or
    /// replaces files through the Storage API has to see them, and needs the second.
    "public-bucket-listing" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "files of a public bucket can be listed",
        sources: &["splinter:0025"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(files) = cx.rights.files() else { return };
    for bucket in cx.catalog.buckets.values().filter(|bucket| bucket.public) {
        let lists = |policy: &Policy| -> Vec<&Role> {
            let opens = |role: &&Role| {
                files.reach(policy, PolicyCommand::Select, &bucket.id, role) == Reach::All
                    && !files.is_fenced(PolicyCommand::Select, role)
            };
            cx.catalog.api_roles().filter(opens).collect()
        };
        let found = files.policies().filter(|policy| !files.opens_all(policy, PolicyCommand::Select));
        let Some((policy, roles)) =
            found.map(|policy| (policy, lists(policy))).find(|(_, roles)| !roles.is_empty())
        else {
            continue;
        };
        let Some(clause) = &policy.using else { continue };
        let whom = match roles.iter().any(|role| role.name == "anon") {
            true => "anyone with the project's public API key".to_string(),
            false if roles.iter().any(|role| role.name == "authenticated") => {
                "every signed-in user".to_string()
            }
            false => format!("a request with the role {}", in_words(&names(&roles), "or")),
        };
        let message = format!("{whom} can list the files of the public bucket {}", bucket.id);
        out.report(clause.span, Identity::plain("bucket", bucket.id.as_str()), message)
            .note("true for every file of it")
            .reach(reach_of(roles.iter().copied(), Privilege::Select))
            .label(bucket.origin.span(), "the bucket is made public here")
            .help(help(&files, policy, &bucket.id, &roles));
    }
}

/// Storage looks a file up before it deletes or replaces it, which takes SELECT as well.
fn help(files: &Files<'_>, policy: &Policy, bucket: &str, roles: &[&Role]) -> String {
    let name = policy.name.quoted();
    let changes = |role: &&Role| {
        let commands = [PolicyCommand::Update, PolicyCommand::Delete];
        let reaches = |command, other| files.reach(other, command, bucket, role) != Reach::None;
        commands
            .into_iter()
            .any(|command| files.policies().any(|other| other.covers(command) && reaches(command, other)))
    };
    match roles.iter().any(changes) {
        true => format!(
            "alter policy {name} on storage.objects using (bucket_id = '{}' and owner_id = (select auth.uid()::text)); -- \
             whoever deletes or replaces a file has to see it; all are served without it",
            bucket.replace('\'', "''")
        ),
        false => {
            format!(
                "drop policy {name} on storage.objects; -- files of a public bucket are served without it"
            )
        }
    }
}

fn names(roles: &[&Role]) -> Vec<String> {
    roles.iter().map(|role| role.name.quoted()).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::{Bench, check};

    #[test]
    fn any_form_of_the_condition_counts() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('a', 'a', true), ('b', 'b', true), ('c', 'c', true);
             create policy one on storage.objects for select using (bucket_id = 'a');
             --                                                     ^^^^^^^^^^^^^^^ warning: anyone with the project's public API key can list the files of the public bucket a
             create policy turned on storage.objects to authenticated using ('b'::text = bucket_id);
             --                                                              ^^^^^^^^^^^^^^^^^^^^^ warning: every signed-in user can list the files of the public bucket b
             create policy own on storage.objects for select using (bucket_id = 'c' and owner = auth.uid());",
        );
    }

    #[test]
    fn who_deletes_files_has_to_see_them() {
        let help = |more: &str| {
            let bench = Bench::new(&format!(
                "insert into storage.buckets (id, name, public) values ('a', 'a', true);
                 create policy one on storage.objects for select using (bucket_id = 'a');
                 create policy add on storage.objects for insert to authenticated with check (bucket_id = 'a');
                 {more}"
            ));
            let found = bench.run(&RULE, &RULE.options.defaults());
            found[0].help.clone().unwrap_or_default()
        };
        assert!(help("").starts_with("drop policy one on storage.objects;"));
        let deletes = "create policy own on storage.objects for delete using (bucket_id = 'a' and owner_id = auth.uid()::text);";
        assert!(help(deletes).starts_with(
            "alter policy one on storage.objects using (bucket_id = 'a' and owner_id = (select auth.uid()::text));"
        ));
    }

    #[test]
    fn private_buckets_and_other_commands_are_silent() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('a', 'a', false), ('b', 'b', true);
             create policy private on storage.objects for select using (bucket_id = 'a');
             create policy add on storage.objects for insert with check (bucket_id = 'b');
             create policy server on storage.objects for select to service_role using (bucket_id = 'b');
             create policy every on storage.objects for select using (true);",
        );
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('b', 'b', true);
             update storage.buckets set public = false where id = 'b';
             create policy one on storage.objects for select using (bucket_id = 'b');",
        );
    }
}
