use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::predicate::Reach;
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds public buckets whose policies hold readers to their own files.
    ///
    /// ## Why it matters
    ///
    /// A policy that lets users read their own documents says that others must not. Files of a public
    /// bucket are served to whoever has the address, and no policy is asked: the address of a document
    /// that leaks, or that can be guessed from a user's id, is the document.
    ///
    /// ```sql,bad
    /// insert into storage.buckets (id, name, public) values ('documents', 'documents', true);
    /// create policy own on storage.objects for select to authenticated
    ///   using (bucket_id = 'documents' and owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// ```sql,good
    /// insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
    /// create policy own on storage.objects for select to authenticated
    ///   using (bucket_id = 'documents' and owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// Policies for writing alone, and `for all`, are silent: avatars are public, and changed by their
    /// owner. So are buckets that another policy opens to all readers. Beside policies by which users
    /// change or delete their own files it is an info: these need one for SELECT, whatever it protects.
    ///
    /// ## How to fix
    ///
    /// `update storage.buckets set public = false where id = 'documents';`, and let the app ask for
    /// signed addresses.
    "public-bucket-with-private-policies" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "public bucket serves files that policies keep private",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let Some(files) = cx.rights.files() else { return };
    let readers = || {
        let reads = |policy: &&Policy| policy.command.value == PolicyCommand::Select;
        files.policies().filter(reads)
    };
    for bucket in cx.catalog.buckets.values().filter(|bucket| bucket.public) {
        let reach = |policy: &Policy, command| {
            let of_role = |role| files.reach(policy, command, &bucket.id, role);
            cx.catalog.api_roles().map(of_role).max().unwrap_or(Reach::None)
        };
        let most = |policy: &Policy| reach(policy, PolicyCommand::Select);
        let is_open =
            files.policies().any(|policy| policy.covers(PolicyCommand::Select) && most(policy) == Reach::All);
        let private = |policy: &&Policy| {
            matches!(most(policy), Reach::Own | Reach::Tenant) && files.asks_for_bucket(policy)
        };
        let Some(policy) = readers().find(private).filter(|_| !is_open) else { continue };
        let Some(clause) = &policy.using else { continue };
        let message = format!(
            "policy {} holds readers of the bucket {} to some of its files, and the bucket is public: whoever has the address of a file gets it",
            policy.name.delimited(),
            bucket.id
        );
        let finding = out.report(clause.span, Identity::plain("bucket", bucket.id.as_str()), message);
        finding
            .note("is not asked when a file is served by its address")
            .label(bucket.origin.span(), "the bucket is made public here")
            .help(format!(
                "update storage.buckets set public = false where id = '{}';",
                bucket.id.replace('\'', "''")
            ));
        let changes = |other: &Policy| {
            matches!(other.command.value, PolicyCommand::Update | PolicyCommand::Delete)
                && matches!(reach(other, other.command.value), Reach::Own | Reach::Tenant)
        };
        if files.policies().any(changes) {
            finding
                .severity(Severity::Info)
                .note("is not asked when a file is served by its address, only when one is listed, replaced or deleted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn readers_are_held_to_their_files() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('docs', 'docs', true), ('avatars', 'avatars', true), ('closed', 'closed', false);
             create policy own on storage.objects for select using (bucket_id = 'docs' and owner = auth.uid());
             --                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: policy \"own\" holds readers of the bucket docs to some of its files, and the bucket is public
             create policy avatars on storage.objects using (bucket_id = 'avatars' and owner = auth.uid());
             create policy closed on storage.objects for select using (bucket_id = 'closed' and owner = auth.uid());",
        );
    }

    #[test]
    fn who_deletes_files_has_to_see_them() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('docs', 'docs', true);
             create policy own on storage.objects for select using (bucket_id = 'docs' and owner = auth.uid());
             --                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: policy \"own\" holds readers
             create policy remove on storage.objects for delete using (bucket_id = 'docs' and owner = auth.uid());",
        );
    }

    #[test]
    fn buckets_that_all_may_read_are_silent() {
        check(
            &RULE,
            "
             insert into storage.buckets (id, name, public) values ('docs', 'docs', true);
             create policy own on storage.objects for select using (bucket_id = 'docs' and owner = auth.uid());
             create policy everybody on storage.objects for select using (bucket_id = 'docs');",
        );
    }
}
