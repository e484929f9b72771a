//! The rows of Supabase's advisors (splinter) that the migrated database would give, for dashboards
//! and scripts that read them.
//!
//! What a row says, its names and its key are splinter's own. Each of its lints is a function here
//! that asks the catalog what the lint's SQL asks the server. Where a lint is known to be wrong, the
//! row is left out: an absent clause lets nothing through, a trigger function cannot be called, a
//! wrapped call runs once. Three lints need a running server: `unused_index`, `table_bloat` and
//! `extension_versions_outdated`.

mod exposure;
mod policies;
mod tables;

use serde::Serialize;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::name::QName;
use crate::diagnostic::{Diagnostic, Identity};
use crate::rules::peers;
use crate::source::Span;
use crate::sql::name::Ident;
use crate::sql::statement::Privilege;
use crate::workload::Workload;

/// One row, with the columns that tell it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub level: &'static str,
    pub categories: [&'static str; 1],
    pub detail: String,
    pub metadata: Value,
    pub cache_key: String,
    /// Where the object is made.
    #[serde(skip)]
    pub place: Option<Span>,
    /// The object, as findings of rules name it.
    #[serde(skip)]
    pub object: Identity,
}

/// A lint: its name, level and category.
struct Lint {
    name: &'static str,
    level: &'static str,
    category: &'static str,
}

impl Lint {
    const fn new(name: &'static str, level: &'static str, category: &'static str) -> Self {
        Self { name, level, category }
    }

    /// A row; the key is the lint's name and what is told apart by.
    fn row(
        &self,
        key: &str,
        metadata: Value,
        detail: String,
        object: Identity,
        place: impl Into<Option<Span>>,
    ) -> Row {
        Row {
            name: self.name,
            level: self.level,
            categories: [self.category],
            detail: if UNESCAPED.contains(&self.name) { detail } else { detail.replace('`', "\\`") },
            metadata,
            cache_key: format!("{}_{key}", self.name),
            place: place.into(),
            object,
        }
    }
}

impl Row {
    /// Whether a finding tells the same of the same object.
    pub fn is_told_by(&self, finding: &Diagnostic) -> bool {
        finding.object == self.object
            && peers::id(&format!("splinter:{}", self.name))
                .is_some_and(|id| peers::covering(&id).any(|rule| rule.id == finding.rule))
    }
}

/// The lints of which splinter prints the backticks as they are: it has backslashes before those of the others.
const UNESCAPED: [&str; 8] = [
    "anon_security_definer_function_executable",
    "authenticated_security_definer_function_executable",
    "fkey_to_auth_unique",
    "pg_graphql_anon_table_exposed",
    "pg_graphql_authenticated_table_exposed",
    "public_bucket_allows_listing",
    "rls_policy_always_true",
    "sensitive_columns_exposed",
];

/// All rows, by lint and then by key.
pub fn rows(catalog: &Catalog, workload: &Workload) -> Vec<Row> {
    let mut rows = tables::rows(catalog);
    rows.extend(policies::rows(catalog, workload));
    rows.extend(exposure::rows(catalog));
    rows.sort_by(|one, other| (one.name, &one.cache_key).cmp(&(other.name, &other.cache_key)));
    rows
}

/// Schemas of Supabase and of extensions, which nearly every lint leaves out.
#[rustfmt::skip]
const SYSTEM: [&str; 26] = [
    "_timescaledb_cache", "_timescaledb_catalog", "_timescaledb_config", "_timescaledb_internal", "auth", "cron",
    "extensions", "graphql", "graphql_public", "information_schema", "net", "pgmq", "pgroonga", "pgsodium",
    "pgsodium_masks", "pgtle", "pgbouncer", "pg_catalog", "realtime", "repack", "storage", "supabase_functions",
    "supabase_migrations", "tiger", "topology", "vault",
];

fn is_system(schema: &Ident) -> bool {
    SYSTEM.contains(&schema.as_str())
}

/// Whether the Data API serves what is in a schema that is no system's.
fn is_served(catalog: &Catalog, name: &QName) -> bool {
    catalog.is_exposed(&name.schema) && !is_system(&name.schema)
}

/// The two roles of requests that the lints know.
const ROLES: [&str; 2] = ["anon", "authenticated"];

/// Whether one of them may read the whole of a relation.
fn is_readable(catalog: &Catalog, acl: &Acl) -> bool {
    ROLES.iter().any(|role| catalog.can(&Ident::new(role), acl, Privilege::Select))
}

/// An array of names as the server prints it: `{a,"b c"}`.
fn array_text(names: &[&str]) -> String {
    let element = |name: &&str| {
        let plain = !name.is_empty()
            && !name.eq_ignore_ascii_case("null")
            && !name.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}' | '"' | '\\'));
        if plain {
            (*name).to_string()
        } else {
            format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    format!("{{{}}}", names.iter().map(element).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// The rows of a text, each as its key and its detail.
    fn rows_of(text: &str) -> Vec<Row> {
        let bench = Bench::new(text);
        assert_eq!(bench.reasons(), [""; 0], "{text}");
        rows(&bench.catalog, &Workload::of(&bench.catalog))
    }

    /// The keys of the lints whose names begin so.
    fn keys(text: &str, lint: &str) -> Vec<String> {
        let rows = rows_of(text).into_iter().filter(|row| row.name.starts_with(lint));
        rows.map(|row| row.cache_key).collect()
    }

    #[test]
    fn a_row_is_as_splinter_prints_it() {
        let rows = rows_of("create table public.orders (id bigint primary key);");
        let row = rows.iter().find(|row| row.name == "rls_disabled_in_public").expect("it is found");
        assert_eq!(
            serde_json::to_value(row).expect("it is JSON"),
            serde_json::json!({
                "name": "rls_disabled_in_public", "level": "ERROR", "categories": ["SECURITY"],
                "detail": "Table \\`public.orders\\` is public, but RLS has not been enabled.",
                "metadata": {"schema": "public", "name": "orders", "type": "table"},
                "cache_key": "rls_disabled_in_public_public_orders",
            })
        );
    }

    #[test]
    fn arrays_are_quoted_as_the_server_does() {
        assert_eq!(array_text(&["a", "b c", "say \"x\"", "null", ""]), r#"{a,"b c","say \"x\"","null",""}"#);
    }

    #[test]
    fn keys_count_in_their_order_and_with_what_is_included() {
        let tables = "create table a (x int, y int, primary key (x, y));
             create table b (id int primary key, x int, y int, foreign key (y, x) references a (y, x),
               foreign key (x, y) references a);";
        let keys = |index: &str| keys(&format!("{tables}{index}"), "unindexed_foreign_keys");
        assert_eq!(keys("create index on b (x, y);"), ["unindexed_foreign_keys_public_b_b_y_x_fkey"]);
        assert_eq!(
            keys("create index on b (y) include (x);"),
            ["unindexed_foreign_keys_public_b_b_x_y_fkey"]
        );
        assert_eq!(keys("create index on b (x, y) where x > 1; create index on b (y, x);"), [""; 0]);
    }

    #[test]
    fn twins_are_one_row() {
        let text = "create table t (id int primary key, a int, b int);
             create index one on t (a); create index two on t (a); create index \"Three\" on t (a);
             create index four on t (a desc); create unique index five on t (a);
             create materialized view m as select a from t;
             create index m_one on m (a); create index m_two on m (a);";
        assert_eq!(
            keys(text, "duplicate_index"),
            ["duplicate_index_public_m_{m_one,m_two}", "duplicate_index_public_t_{Three,one,two}"]
        );
    }

    #[test]
    fn policies_are_told_by_role_and_command() {
        let text = "create table t (id int primary key); alter table t enable row level security;
             create policy a on t using (id = 1); create policy \"b c\" on t for select to anon using (id = 2);
             create policy d on t as restrictive using (id = 3);
             create table off (id int primary key);
             create policy a on off using (id = 1); create policy b on off using (id = 2);";
        assert_eq!(keys(text, "multiple_permissive"), ["multiple_permissive_policies_public_t_anon_SELECT"]);
        let rows = rows_of(text);
        let told = |name: &str| {
            rows.iter().filter(|row| row.name == name).map(|row| row.detail.clone()).collect::<Vec<_>>()
        };
        assert!(told("multiple_permissive_policies")[0].ends_with("Policies include \\`{a,\"b c\"}\\`"));
        assert!(told("policy_exists_rls_disabled")[0].ends_with("Policies include {a,b}."));
    }

    #[test]
    fn calls_outside_of_a_select_of_their_own_count() {
        let policy = |using: &str| {
            let text = format!(
                "create table t (id int primary key, owner uuid, team int); create table m (team int, who uuid);
                 alter table t enable row level security; create policy p on t using ({using});"
            );
            !keys(&text, "auth_rls_initplan").is_empty()
        };
        assert!(policy("owner = auth.uid()") && policy("current_setting('a.b') = 'x'"));
        assert!(policy("exists (select 1 from m where m.team = t.team and m.who = auth.uid())"));
        assert!(policy("team in (select m.team from m where m.who = auth.uid())"));
        assert!(!policy("owner = (select auth.uid())") && !policy("id = 1"));
    }

    #[test]
    fn constants_that_are_true_count_and_absent_clauses_do_not() {
        let rows_for = |policy: &str| {
            let text = format!(
                "create table t (id int primary key); alter table t enable row level security;
                 create policy p on t {policy};"
            );
            rows_of(&text).into_iter().find(|row| row.name == "rls_policy_always_true")
        };
        let row = rows_for("for all using (1 = 1)").expect("it is found");
        let expected = serde_json::json!({
            "schema": "public", "name": "t", "type": "table", "policy_name": "p", "command": "ALL",
            "roles": ["-"], "qual": "(1 = 1)", "with_check": null, "permissive_using": true,
            "permissive_with_check": true,
        });
        assert_eq!(row.metadata, expected);
        assert!(
            row.detail.contains("(both USING and WITH CHECK are always true)")
                && row.detail.ends_with("for -.")
        );
        assert!(rows_for("for update to anon using (id = 1) with check (true)").is_some());
        assert!(rows_for("for insert with check (true)").is_some());
        for silent in [
            "for select using (true)",
            "for insert",
            "for update",
            "to service_role using (true)",
            "as restrictive using (true)",
        ] {
            assert!(rows_for(silent).is_none(), "{silent}");
        }
    }

    #[test]
    fn functions_are_told_apart_by_their_bodies() {
        let text = "set check_function_bodies = false;
             create function f(a int) returns int language sql as $$select 1$$;
             create function g() returns int language sql set search_path = '' as 'select 1';
             create function private_f() returns int language sql as 'select ''x''::int';";
        assert_eq!(
            keys(text, "function_search_path"),
            [
                // md5sum of `select 1` and `select 'x'::int`
                "function_search_path_mutable_public_f_95adb6e77a0884d9e50232cb8c5c969d",
                "function_search_path_mutable_public_private_f_a923f59b60981bb746590eb382175502",
            ]
        );
    }

    #[test]
    fn definer_functions_are_told_by_role() {
        let text = "create function open(a int, b text default '') returns int language sql security definer as 'select 1';
             create function signed() returns int language sql security definer as 'select 1';
             revoke execute on function signed from public, anon;
             create function noted() returns trigger language plpgsql security definer as 'begin return new; end';
             create function plain() returns int language sql as 'select 1';";
        assert_eq!(
            [keys(text, "anon_security"), keys(text, "authenticated_security")].concat(),
            [
                "anon_security_definer_function_executable_public_open_a integer, b text",
                "authenticated_security_definer_function_executable_public_open_a integer, b text",
                "authenticated_security_definer_function_executable_public_signed_",
            ]
        );
    }

    #[test]
    fn views_and_graphql_go_by_grants() {
        let text =
            "create table t (id int primary key, a int); create view v as select id, email from auth.users;
             create view safe with (security_invoker = on) as select id from t;
             create materialized view m as select id from t;
             revoke select on t from anon; grant select (a) on t to anon; revoke all on v from anon;";
        assert_eq!(keys(text, "security_definer_view"), ["security_definer_view_public_v"]);
        assert_eq!(keys(text, "auth_users_exposed"), ["auth_users_exposed_public_v"]);
        assert_eq!(keys(text, "materialized_view_in_api"), ["materialized_view_in_api_public_m"]);
        let graphql = |role: &str| keys(text, &format!("pg_graphql_{role}")).len();
        assert_eq!((graphql("anon"), graphql("authenticated")), (3, 4), "all but v");
        assert_eq!(keys(&format!("{text} drop extension pg_graphql;"), "pg_graphql"), [""; 0]);
        assert_eq!(keys(&format!("-- explicit\n{text}"), "pg_graphql"), [""; 0]);
    }

    #[test]
    fn buckets_are_told_with_their_policies() {
        let text = "insert into storage.buckets (id, name, public) values ('pics', 'Pics', true), ('own', 'own', false);
             create policy a on storage.objects for select using (bucket_id = 'pics');
             create policy b on storage.objects for select to authenticated using (bucket_id = 'pics' and owner is not null);
             create policy c on storage.objects for select to anon using (true);
             create policy d on storage.objects for select using (bucket_id = 'own');";
        let rows = rows_of(text);
        let row = rows.iter().find(|row| row.name == "public_bucket_allows_listing").expect("it is found");
        assert_eq!(row.cache_key, "public_bucket_allows_listing_pics");
        assert_eq!(row.metadata["policy_names"], serde_json::json!(["a", "c"]));
        assert!(
            row.detail
                .starts_with("Public bucket `Pics` has 2 broad SELECT policies on `storage.objects` (a, c)")
        );
    }

    #[test]
    fn columns_are_told_by_type_and_name() {
        let text = "create table t (id int primary key, f regproc, g regclass, \"API-Key\" text, ssn text);
             create index f_index on t (f); create view v as select f from t;
             create type pair as (x regproc, y regclass);";
        assert_eq!(
            keys(text, "unsupported_reg_types"),
            [
                "unsupported_reg_types_public_f_index_f",
                "unsupported_reg_types_public_pair_x",
                "unsupported_reg_types_public_t_f",
                "unsupported_reg_types_public_v_f"
            ]
        );
        let rows = rows_of(text);
        let row = rows.iter().find(|row| row.name == "sensitive_columns_exposed").expect("it is found");
        assert_eq!(row.metadata["sensitive_columns"], serde_json::json!(["API-Key", "ssn"]));
        assert_eq!(row.metadata["matched_patterns"], serde_json::json!(["api_key", "ssn"]));
    }

    #[test]
    fn keys_of_auth_that_are_not_primary_are_told() {
        let text = "create table a (id int primary key, u uuid references auth.users);
             create table b (id int primary key, p text references auth.users (phone));";
        assert_eq!(keys(text, "fkey_to_auth_unique"), ["fkey_to_auth_unique_public_b_b_p_fkey"]);
    }

    #[test]
    fn queues_are_told_though_they_belong_to_the_extension() {
        let text = "-- exposed: public, pgmq_public
create extension pgmq; select pgmq.create('jobs'); select pgmq.create('mails'); select pgmq.create('closed');
grant select on pgmq.q_jobs, pgmq.q_mails to authenticated; alter table pgmq.q_mails enable row level security;";
        assert_eq!(keys(text, "insecure_queue"), ["rls_disabled_in_public_pgmq_q_jobs"]);
    }
}
