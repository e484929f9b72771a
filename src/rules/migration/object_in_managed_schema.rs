use crate::diagnostic::Severity;
use crate::rule::{Check, Group, Options, declare_rule};
use crate::rules::refusal;

declare_rule! {
    /// Finds objects that are made in the schemas of Supabase's services.
    ///
    /// ## Why it matters
    ///
    /// The schemas `auth`, `storage` and `realtime` are Supabase's own: since April 2025 a
    /// migration cannot make tables, functions or views there ("permission denied for schema
    /// auth"), and its whole file is rolled back.
    ///
    /// ```sql,bad
    /// create function auth.tenant_id() returns uuid language sql stable
    /// set search_path = '' as $$ select (auth.jwt() ->> 'tenant_id')::uuid $$;
    /// ```
    ///
    /// ```sql,good
    /// create schema private;
    /// create function private.tenant_id() returns uuid language sql stable
    /// set search_path = '' as $$ select (auth.jwt() ->> 'tenant_id')::uuid $$;
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make the object in a schema of your own, such as `private`, which the Data API does not
    /// serve, and change what calls it.
    "object-in-managed-schema" {
        group: Group::Migration,
        severity: Severity::Error,
        summary: "an object is made in a schema of Supabase itself",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(|cx, out| refusal::report(&RULE, cx, out)),
    }
}
