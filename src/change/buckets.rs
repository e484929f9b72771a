//! Buckets whose files are served to whom they were not before.

use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::role::Bucket;
use crate::change::stops::Cause;
use crate::change::{AccessChange, Class, Subject};
use crate::diagnostic::Identity;
use crate::predicate::Reach;
use crate::rule::Findings;
use crate::sql::statement::PolicyCommand;

/// What a change does to buckets being public. Files of a public bucket are served by their address, and no
/// policy is asked (Supabase's guide to Storage, "Fundamentals of buckets"). Buckets that become public are
/// reported as well, if they were there before.
pub fn compare(before: &Catalog, after: &Catalog, out: &mut Findings) -> Vec<AccessChange> {
    let buckets = QName::new("storage", "buckets");
    if [before, after].iter().any(|catalog| catalog.may_have_changed(&buckets, Aspect::Existence)) {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for bucket in after.buckets.values() {
        let was = before.buckets.get(&bucket.id).map(|bucket| bucket.public);
        let Some((class, message)) = words(was, bucket) else { continue };
        if let (Class::Dangerous, Some(span)) = (class, bucket.origin.span()) {
            out.report(span, Identity::plain("bucket", bucket.id.as_str()), message.clone())
                .note("this makes it public")
                .help(format!(
                    "update storage.buckets set public = false where id = '{}'; -- and let the app ask for signed \
                     addresses; if it is meant: -- rls-lint: allow(policy-widened) why",
                    bucket.id.replace('\'', "''")
                ))
                .what("public");
        }
        let reach = |public| if public { Reach::All } else { Reach::Unknown };
        let name = QName::new("storage", bucket.id.as_str());
        changes.push(AccessChange {
            roles: ["anon", "authenticated"].map(String::from).into(),
            commands: vec![PolicyCommand::Select],
            before: was.map(reach),
            after: Some(reach(bucket.public)),
            cause: bucket.origin.span().map(Cause::at),
            ..AccessChange::new(Subject::Bucket, name, class, message)
        });
    }
    changes
}

fn words(was: Option<bool>, bucket: &Bucket) -> Option<(Class, String)> {
    let id = &bucket.id;
    let told = match (was, bucket.public) {
        (Some(false), true) => (
            Class::Dangerous,
            format!(
                "whoever has the address of a file in the bucket {id} can now read it (was: whom policies let)"
            ),
        ),
        (None, true) => (
            Class::Review,
            format!("whoever has the address of a file in the bucket {id} can read it (new bucket)"),
        ),
        (Some(true), false) => (
            Class::Breaking,
            format!(
                "files in the bucket {id} are no longer served by their address: whom policies let can read them (was: \
                 whoever has the address)"
            ),
        ),
        _ => return None,
    };
    Some(told)
}
