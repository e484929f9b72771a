//! Storage: what policies say about the files of one bucket.

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::predicate::{Node, Reach};
use crate::sql::expr::{Expr, Literal};
use crate::sql::statement::PolicyCommand;

/// The table `storage.objects`, which has a row for each file.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    catalog: &'a Catalog,
    rights: &'a Rights<'a>,
    pub table: &'a Table,
    bucket_id: i16,
}

impl Rights<'_> {
    /// The table of files, unless the platform has none or its policies are not known.
    pub fn files(&self) -> Option<Files<'_>> {
        let name = QName::new("storage", "objects");
        let table = self.catalog.table(&name)?;
        let bucket_id = table.column("bucket_id")?.attnum;
        let known = !self.catalog.may_have_changed(&name, Aspect::Policies);
        known.then_some(Files { catalog: self.catalog, rights: self, table, bucket_id })
    }
}

impl<'a> Files<'a> {
    /// The policies of the project that let requests do something.
    pub fn policies(&self) -> impl Iterator<Item = &'a Policy> {
        let catalog = self.catalog;
        self.table
            .policies
            .values()
            .filter(move |policy| policy.permissive && catalog.policy_binds_requests(policy))
    }

    /// Whether a policy looks at the bucket of a file.
    pub fn asks_for_bucket(&self, policy: &Policy) -> bool {
        policy.expressions().any(|expr| expr.reads_column(self.table.oid, self.bucket_id))
    }

    /// Which files of a bucket a policy lets a role reach with a command, which is not ALL.
    pub fn reach(&self, policy: &Policy, command: PolicyCommand, bucket: &str, role: &Role) -> Reach {
        if !self.catalog.policy_binds(policy, role) {
            return Reach::None;
        }
        let bucket = Literal::String(bucket.to_string());
        let within = |expr: &Expr| expr.where_column_is(self.table.oid, self.bucket_id, &bucket);
        let gates: Vec<Expr> = policy.gates(command).map(|clause| within(&clause.value)).collect();
        if gates.is_empty() {
            return Reach::None;
        }
        let mut conditions = self.rights.conditions(role);
        let all = Node::all(gates.iter().map(|gate| conditions.read(gate)).collect::<Vec<_>>());
        conditions.reach(&all)
    }

    /// Whether a policy lets a command touch every file of every bucket.
    pub fn opens_all(&self, policy: &Policy, command: PolicyCommand) -> bool {
        let mut gates = policy.gates(command).peekable();
        let opens = |clause| self.rights.lets_all_through(self.table, policy, clause);
        gates.peek().is_some() && gates.all(opens)
    }

    /// Whether restrictive policies look at the bucket in a command of this role.
    pub fn is_fenced(&self, command: PolicyCommand, role: &Role) -> bool {
        self.table.policies.values().any(|policy| {
            !policy.permissive
                && policy.covers(command)
                && self.catalog.policy_binds(policy, role)
                && self.asks_for_bucket(policy)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::workload::Workload;

    #[test]
    fn a_policy_is_read_for_one_bucket() {
        let bench = Bench::new(
            "create policy one on storage.objects for select using (bucket_id = 'a');
             create policy turned on storage.objects for select using ('a'::text = bucket_id);
             create policy list on storage.objects for select using (bucket_id in ('a', 'b'));
             create policy many on storage.objects for select using (bucket_id = any (array['a', 'b']));
             create policy signed_in on storage.objects for select using (bucket_id = 'a' and auth.role() = 'authenticated');
             create policy own on storage.objects for select using (bucket_id = 'a' and owner = auth.uid());
             create policy anywhere on storage.objects for select using (owner = auth.uid());",
        );
        let catalog = &bench.catalog;
        let workload = Workload::of(catalog);
        let rights = Rights::new(catalog, &workload);
        let files = rights.files().expect("there are files");
        let reach = |policy: &str, bucket: &str, role: &str| {
            let policy = &files.table.policies[policy];
            files.reach(policy, PolicyCommand::Select, bucket, &catalog.roles[role])
        };
        for policy in ["one", "turned", "list", "many"] {
            assert_eq!(reach(policy, "a", "anon"), Reach::All, "{policy}");
            assert_eq!(reach(policy, "c", "anon"), Reach::None, "{policy}");
        }
        assert_eq!(reach("list", "b", "anon"), Reach::All);
        assert_eq!(reach("signed_in", "a", "authenticated"), Reach::All);
        assert_eq!(reach("signed_in", "a", "anon"), Reach::None);
        assert_eq!(reach("own", "a", "authenticated"), Reach::Own);
        assert_eq!(reach("anywhere", "c", "authenticated"), Reach::Own);
        assert!(files.asks_for_bucket(&files.table.policies["own"]));
        assert!(!files.asks_for_bucket(&files.table.policies["anywhere"]));
    }
}
