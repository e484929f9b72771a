//! Every rule, by name.

mod clauses;
mod deeds;
mod denied;
pub(crate) mod dumped;
mod graphql;
mod mend;
pub(crate) mod peers;
mod refusal;
mod sign_up;
mod upkeep;
mod vault;

pub use refusal::RULES as REFUSALS;

use crate::rule::{Findings, Rule};

/// More findings of a kind than these are told once, as a habit of the project: one for each would hide
/// the others.
const MANY: usize = 10;

/// Tells as one habit of the project's `objects` what was reported since there were `before` findings, if that
/// is much and equally severe; `many` words it of their number.
fn fold_many(out: &mut Findings, before: usize, objects: &str, many: impl FnOnce(usize) -> String) {
    let told = &mut out.list[before..];
    told.sort_by_key(|one| one.span);
    if told.len() > MANY && told.iter().all(|one| one.severity == told[0].severity) {
        let message = many(told.len());
        out.fold(before, objects, message, |one| one.message.clone());
    }
}

/// Lists the rules: `group { file, … }` declares the modules and the slice.
macro_rules! rules {
    ($($group:ident { $($rule:ident),+ $(,)? })+) => {
        $(mod $group { $(pub(super) mod $rule;)+ })+
        /// All rules, in the order of this list.
        pub static ALL: &[&Rule] = &[$($(&$group::$rule::RULE),+),+];
    };
}

rules! {
    api {
        auth_users_exposed,
        column_revoke_noop,
        default_privilege_revoke_noop,
        default_privileges_to_public,
        definer_view_exposed,
        extension_in_public,
        fk_existence_oracle,
        foreign_table_exposed,
        graphql_visible_to_anon,
        graphql_visible_to_authenticated,
        ineffective_revoke,
        internal_schema_exposed,
        materialized_view_exposed,
        missing_data_api_grant,
        queue_exposed,
        recreated_view_lost_settings,
        replaced_view_lost_security_invoker,
        sensitive_column_exposed,
        sensitive_column_granted,
        truncate_or_all_granted_to_api_role,
        unique_existence_oracle,
        view_calls_definer_function,
        view_not_security_barrier,
    }
    auth {
        anonymous_users_not_excluded,
        client_controlled_header_in_policy,
        comparison_with_null,
        current_setting_without_missing_ok,
        current_user_as_tenant_key,
        deprecated_auth_role_check,
        email_based_policy,
        hardcoded_identity,
        inverted_auth_check,
        jwt_type_mismatch,
        legacy_jwt_claim_setting,
        mfa_check_not_restrictive,
        mixed_binding_style,
        null_tolerant_identity,
        nullable_identity_column,
        pattern_match_on_identity,
        unbound_user_table_exists,
        unknown_auth_role_value,
        unqualified_setting_name,
        user_metadata_in_policy,
    }
    function {
        auth_hook_exposed,
        auth_trigger_unsafe,
        definer_audit,
        definer_dynamic_sql,
        definer_executable_by_anon,
        definer_executable_by_authenticated,
        definer_pg_temp_shadowing,
        definer_trigger_on_rls_table,
        definer_sets_privileged_column,
        definer_trusts_id_parameter,
        empty_search_path_unqualified_ref,
        function_search_path_mutable,
        immutable_reads_session,
        leakproof_function,
        recreate_loses_revoke,
        replace_drops_function_settings,
        signup_metadata_sets_role,
    }
    rls {
        always_true_branch,
        always_true_read_policy,
        always_true_write_policy,
        anon_write_policy,
        anonymous_read_leak,
        authenticated_only_write_predicate,
        broad_policy_defeats_scoped_policy,
        constant_false_policy,
        duplicate_policy,
        force_rls_missing,
        membership_self_join,
        negated_identity_predicate,
        no_restrictive_floor,
        no_write_policy,
        only_restrictive_policies,
        placeholder_policy_name,
        policies_without_rls,
        policy_clause_command_mismatch,
        policy_for_bypassrls_role,
        policy_helper_not_executable,
        policy_ignores_own_columns,
        policy_reads_unreadable_table,
        policy_recursion,
        policy_role_unknown,
        policy_unknown_column,
        policy_widened,
        policy_without_to_clause,
        principal_column_unscoped,
        privileged_column_self_update,
        restrictive_policy_noop,
        rls_disabled_on_exposed_table,
        rls_without_policies,
        service_policy_open_to_public,
        with_check_drops_row_scope,
        with_check_true_scoped_using,
        write_policy_grants_nothing,
        update_delete_without_select_policy,
        subquery_column_capture,
        soft_delete_visible,
        select_policy_blocks_own_update,
        self_referencing_update_check,
        untested_policy,
        restrictive_role_gap,
        policy_reads_unprotected_table,
        insert_owner_left_free,
        insert_scope_left_free,
        insert_without_select_policy,
    }
    convention {
        missing_created_at,
        missing_foreign_key,
        missing_updated_at,
        non_uuid_primary_key,
        set_null_on_not_null,
        timestamp_without_default,
        updated_at_not_maintained,
    }
    migration {
        ad_hoc_ddl,
        drop_policy_no_match,
        enum_value_used_in_same_file,
        extension_version_pinned,
        managed_table_alter,
        migration_fails,
        migration_order,
        non_transactional_statement,
        not_analysed,
        object_in_managed_schema,
        policy_already_exists,
        syntax_error,
        unknown_object,
        unsupported_policy_syntax,
        unsupported_reg_type,
        unused_suppression,
        stale_baseline,
        suppression_without_reason,
    }
    platform {
        bucket_writable_by_all,
        bypassrls_role,
        fkey_to_auth_unique,
        public_bucket_listing,
        public_bucket_with_private_policies,
        realtime_delete_not_filtered,
        realtime_messages_open,
        realtime_table_without_rls,
        role_reaches_bypassrls,
        role_reaches_owner,
        secret_in_migration,
        storage_policy_without_bucket,
        storage_upsert_incomplete,
    }
    performance {
        auth_call_per_row,
        duplicate_index,
        function_wrapped_policy_column,
        multiple_permissive_policies,
        no_primary_key,
        policy_helper_per_row,
        policy_helper_volatile_default,
        policy_join_direction,
        redundant_prefix_index,
        unindexed_filter_column,
        unindexed_foreign_key,
        volatile_in_policy,
    }
}

/// All rules, by group and then by name.
pub fn by_group() -> Vec<&'static Rule> {
    let mut sorted = ALL.to_vec();
    sorted.sort_by_key(|rule| (rule.group, rule.id));
    sorted
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

/// A rule that another part of the program reports for.
pub(crate) fn named(id: &str) -> &'static Rule {
    find(id).expect("the rule is in the list")
}

#[cfg(test)]
mod tests {
    use crate::rules::find;
    use crate::testing::Bench;

    /// Which of the rules about policies that let too much through speak of the last one.
    fn speak(policies: &str) -> Vec<&'static str> {
        let bench = Bench::new(&format!(
            "create table a (id bigint primary key, user_id uuid, open boolean);
             alter table a enable row level security;
             create policy seen on a for select using (true);
             {policies}"
        ));
        let ids = [
            "service-policy-open-to-public",
            "anonymous-read-leak",
            "always-true-branch",
            "with-check-true-scoped-using",
            "broad-policy-defeats-scoped-policy",
            "always-true-read-policy",
            "always-true-write-policy",
            "authenticated-only-write-predicate",
            "anon-write-policy",
            "with-check-drops-row-scope",
            "negated-identity-predicate",
            "policy-ignores-own-columns",
            "inverted-auth-check",
            "null-tolerant-identity",
        ];
        let rules = ids.into_iter().filter_map(find);
        let found = rules.flat_map(|rule| bench.run(rule, &rule.options.defaults()));
        let about_last = found.filter(|found| found.object.part.as_deref() == Some("p"));
        about_last.map(|found| found.rule).collect()
    }

    #[test]
    fn one_rule_speaks_of_a_policy() {
        let own = "create policy own on a using (user_id = auth.uid());";
        for (policies, rule) in [
            (
                "create policy p on a using (true); comment on policy p on a is 'for the backend';",
                "service-policy-open-to-public",
            ),
            (
                "create policy p on a for select using (coalesce(user_id = auth.uid(), true));",
                "anonymous-read-leak",
            ),
            (
                "create policy p on a for select using (auth.uid() is null or user_id = auth.uid());",
                "inverted-auth-check",
            ),
            ("create policy p on a using (user_id = auth.uid() or true);", "always-true-branch"),
            ("create policy p on a using (open) with check (open or true);", "always-true-branch"),
            (
                "create policy p on a using (user_id = auth.uid()) with check (true);",
                "with-check-true-scoped-using",
            ),
            (
                &format!("{own} create policy p on a for update using (true);"),
                "broad-policy-defeats-scoped-policy",
            ),
            (
                &format!("{own} create policy p on a using (auth.uid() is not null);"),
                "broad-policy-defeats-scoped-policy",
            ),
            (&format!("{own} create policy p on a for select using (true);"), "always-true-read-policy"),
            ("create policy p on a for delete using (true);", "always-true-write-policy"),
            ("create policy p on a using (auth.uid() is not null);", "authenticated-only-write-predicate"),
            ("create policy p on a for update using (open);", "anon-write-policy"),
            (
                "create policy p on a using (user_id = auth.uid()) with check (open);",
                "with-check-drops-row-scope",
            ),
            (
                "create policy p on a to authenticated using (user_id <> auth.uid());",
                "negated-identity-predicate",
            ),
        ] {
            assert_eq!(speak(policies), [rule], "{policies}");
        }
    }
}
