use crate::access::{describe, reach};
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::policy::Policy;
use crate::diagnostic::{Identity, Severity};
use crate::rule::{CatalogCx, Check, Findings, Group, Options, declare_rule};
use crate::sql::expr::Expr;
use crate::sql::statement::PolicyCommand;

declare_rule! {
    /// Finds policies that open every private channel of Realtime.
    ///
    /// ## Why it matters
    ///
    /// Who may join a private channel, and send to it, is up to the policies of `realtime.messages`.
    /// One that asks neither for the channel (`realtime.topic()`) nor for the caller's place in it lets
    /// every signed-in user listen to the conversations of all others.
    ///
    /// ```sql,bad
    /// create policy listen on realtime.messages for select to authenticated using (true);
    /// ```
    ///
    /// ```sql,good
    /// create policy listen on realtime.messages for select to authenticated
    ///   using (realtime.topic() = 'user:' || (select auth.uid())::text);
    /// ```
    ///
    /// ## How to fix
    ///
    /// Name the channels, or look up in a table of your own whether the caller may join:
    /// `using (exists (select 1 from members where room = realtime.topic() and user_id = (select auth.uid())))`.
    "realtime-messages-open" {
        group: Group::Platform,
        severity: Severity::Warning,
        summary: "policy opens every private channel",
        sources: &[],
        options: Options::NONE,
        check: Check::Catalog(check),
    }
}

fn check(cx: &CatalogCx<'_>, out: &mut Findings) {
    let name = QName::new("realtime", "messages");
    let Some(table) = cx.catalog.table(&name) else { return };
    if cx.catalog.may_have_changed(&name, Aspect::Policies) {
        return;
    }
    let topic = table.column("topic").map(|column| column.attnum);
    let asks = |expr: &Expr| {
        let calls = expr.any(&|part| matches!(part, Expr::Call(call) if call.name.name == "topic"));
        // A function of the project may ask itself.
        let through_own = expr.any(&|part| {
            matches!(part, Expr::Call(call) if call.target.and_then(|oid| cx.workload.routines.get(&oid)).is_some())
        });
        calls || through_own || topic.is_some_and(|topic| expr.reads_column(table.oid, topic))
    };
    let own = table.policies.values().filter(|policy| policy.history.created.span().is_some());
    let mut told: Vec<(String, usize)> = Vec::new();
    for policy in own.filter(|policy| policy.permissive && !policy.expressions().any(asks)) {
        let mut listening = cx.catalog.table_access(table);
        listening.retain(|access| cx.catalog.policy_binds(policy, access.role));
        let commands = [(PolicyCommand::Select, "listen to"), (PolicyCommand::Insert, "send to")];
        let deeds: Vec<&str> = commands
            .into_iter()
            .filter(|(command, _)| reaches(policy, *command))
            .map(|(_, deed)| deed)
            .collect();
        let clause = policy.clauses().next();
        let (Some(clause), false, false) = (clause, listening.is_empty(), deeds.is_empty()) else { continue };
        let who = describe(&listening, "");
        let who = who.split(" can ").next().unwrap_or_default();
        let what =
            format!("{who} can {} every private channel of Realtime", crate::access::in_words(&deeds, "and"));
        let message = format!("policy {}: {what}", policy.name.delimited());
        // Another one that lets the same through is told with it.
        if let Some((_, at)) = told.iter().find(|(known, _)| *known == what) {
            out.list[*at].label(clause.span, format!("and by policy {}", policy.name.delimited()));
            continue;
        }
        told.push((what, out.list.len()));
        out.report(clause.span, Identity::part("policy", &name, policy.name.as_str()), message)
            .note("does not ask for the channel")
            .reach(reach(&cx.rights.passed_by(table, policy)))
            .help("name the channels: using (realtime.topic() like 'room:%'), or check in a table of your own that the user may join");
    }
}

/// Whether a policy lets some row of a command through.
fn reaches(policy: &Policy, command: PolicyCommand) -> bool {
    let mut gates = policy.gates(command).peekable();
    gates.peek().is_some() && gates.all(|clause| !crate::predicate::is_never_true(&clause.value))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::testing::check;

    #[test]
    fn channels_are_not_asked_for() {
        check(
            &RULE,
            "
             create policy listen on realtime.messages for select to authenticated using (true);
             --                                                                           ^^^^ warning: policy \"listen\": every signed-in user can listen to every private channel of Realtime
             create policy broadcast on realtime.messages for insert to authenticated with check (extension = 'broadcast');
             --                                                                                   ^^^^^^^^^^^^^^^^^^^^^^^ warning: can send to every private channel
             create policy either on realtime.messages using (auth.uid() is not null);
             --                                               ^^^^^^^^^^^^^^^^^^^^^^ warning: can listen to and send to every private channel
             ",
        );
    }

    #[test]
    fn named_channels_are_silent() {
        check(
            &RULE,
            "
             create table public.rooms (topic text, user_id uuid);
             create function public.may_join() returns boolean language sql as 'select realtime.topic() = ''a''';
             create policy a on realtime.messages for select using ((select realtime.topic()) = 'a');
             create policy b on realtime.messages for select using (exists (select 1 from public.rooms r where r.topic = realtime.topic()));
             create policy c on realtime.messages for select using (public.may_join());
             create policy d on realtime.messages for select using (topic like 'room:%');
             create policy e on realtime.messages for select to service_role using (true);
             create policy f on realtime.messages for select using (false);",
        );
    }
}
