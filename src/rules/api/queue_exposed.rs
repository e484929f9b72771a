use crate::access::{COMMANDS, deed, in_words};
use crate::catalog::gap::Aspect;
use crate::catalog::role::Role;
use crate::catalog::table::Table;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};

declare_rule! {
    /// Finds queues of `pgmq` that the Data API serves without row level security.
    ///
    /// ## Why it matters
    ///
    /// With `pgmq_public` among the schemas of the API, callers send and read messages through its
    /// functions, with their own rights on the table behind the queue. Where these are granted and
    /// row level security is off, every caller reads, takes and forges the messages of all.
    ///
    /// ```sql,bad
    /// -- exposed: public, pgmq_public
    /// create extension pgmq;
    /// select pgmq.create('mails');
    /// grant usage on schema pgmq to authenticated;
    /// grant select, insert, update, delete on pgmq.q_mails to authenticated;
    /// ```
    ///
    /// ```sql,good
    /// -- exposed: public, pgmq_public
    /// create extension pgmq;
    /// select pgmq.create('mails');
    /// alter table pgmq.q_mails enable row level security;
    /// grant usage on schema pgmq to authenticated;
    /// grant select, insert, update, delete on pgmq.q_mails to authenticated;
    /// ```
    ///
    /// ## How to fix
    ///
    /// `alter table pgmq.q_mails enable row level security;`, and a policy for each thing that callers
    /// may do with the queue.
    "queue-exposed" {
        group: Group::Api,
        severity: Severity::Error,
        summary: "queue is open to the Data API without row level security",
        sources: &["splinter:0019"],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    if !cx.catalog.is_exposed("pgmq_public") {
        return;
    }
    let is_queue = |table: &&Table| {
        table.name.schema == "pgmq" && table.name.name.len() > 2 && table.name.name.starts_with("q_")
    };
    for table in cx.catalog.tables.values().filter(is_queue) {
        let unclear = [Aspect::Rls, Aspect::Grants]
            .iter()
            .any(|aspect| cx.catalog.may_have_changed(&table.name, *aspect));
        let Some(span) = table.history.created.span().filter(|_| !table.rls.value && !unclear) else {
            continue;
        };
        let callers = cx.catalog.api_roles();
        let callers = callers.filter(|role| cx.catalog.can_use_namespace(&role.name, &table.name.schema));
        let held = |role: &Role| -> Vec<String> {
            let held = COMMANDS.iter().filter(|(_, one)| cx.catalog.can(&role.name, &table.acl, *one));
            held.map(|(_, one)| deed(&role.name, *one)).collect()
        };
        let callers: Vec<_> = callers.map(|role| (role.name.quoted(), held(role))).collect();
        let (roles, reach): (Vec<_>, Vec<_>) =
            callers.into_iter().filter(|(_, held)| !held.is_empty()).unzip();
        if roles.is_empty() {
            continue;
        }
        let queue = &table.name.name.as_str()[2..];
        let message = format!(
            "{} can reach every message of the queue {queue} through pgmq_public",
            in_words(&roles, "and")
        );
        out.report(span, Identity::new("table", &table.name), message)
            .note("row level security of its table is never enabled")
            .reach(reach.concat())
            .label_each(
                table.acl.entries.iter().filter_map(|entry| Some((entry.origin.span()?, "granted here"))),
            )
            .help(format!("alter table {} enable row level security;", table.name.quoted()));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn a_queue_needs_row_level_security() {
        check(
            &RULE,
            "-- exposed: public, pgmq_public
             create extension pgmq;
             select pgmq.create('Jobs');
          -- ^^^^^^^^^^^^^^^^^^^^^^^^^^ error: authenticated can reach every message of the queue jobs
             select pgmq.create('safe');
             select pgmq.create('server');
             alter table pgmq.q_safe enable row level security;
             grant usage on schema pgmq to authenticated;
             grant select on pgmq.q_jobs, pgmq.q_safe to authenticated;",
        );
    }

    #[test]
    fn what_the_api_does_not_serve_is_silent() {
        check(
            &RULE,
            "
             create extension pgmq;
             select pgmq.create('jobs');
             grant usage on schema pgmq to authenticated;
             grant select on pgmq.q_jobs to authenticated;",
        );
    }
}
