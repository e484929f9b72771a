//! Policies, triggers and rules.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::raw::CmdType;
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{definitions, idents, items, letter, qualified, required, roles, strings};
use crate::source::{Span, Spanned};
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterPolicy, Clause, CreateEventTrigger, CreatePolicy, CreateRule, CreateTrigger, PolicyCommand,
    RoleName, StatementKind, TriggerEvent, TriggerTiming,
};

impl Cx<'_> {
    pub(super) fn create_policy(&self, n: &pg::CreatePolicyStmt) -> CreatePolicy {
        let tokens = self.tokens();
        let after = self.after_table(n.table());
        let name = Spanned { value: required(n.policy_name()), span: self.token_span(2) };
        let command = match n.cmd_name().unwrap_or_default() {
            "select" => PolicyCommand::Select,
            "insert" => PolicyCommand::Insert,
            "update" => PolicyCommand::Update,
            "delete" => PolicyCommand::Delete,
            _ => PolicyCommand::All,
        };
        // What is not said is said by the name.
        let command_span = tokens.find_word(after, "for").map_or(name.span, |at| self.token_span(at + 1));
        CreatePolicy {
            table: self.optional_relation(n.table()),
            permissive: n.permissive,
            command: Spanned { value: command, span: command_span },
            roles: self
                .role_list(n.roles(), after)
                .unwrap_or(Spanned { value: vec![RoleName::Public], span: name.span }),
            using: self.clause(n.qual(), after, &["using"]),
            with_check: self.clause(n.with_check(), after, &["with", "check"]),
            name,
        }
    }

    pub(super) fn alter_policy(&self, n: &pg::AlterPolicyStmt) -> AlterPolicy {
        let after = self.after_table(n.table());
        AlterPolicy {
            name: Spanned { value: required(n.policy_name()), span: self.token_span(2) },
            table: self.optional_relation(n.table()),
            roles: self.role_list(n.roles(), after),
            using: self.clause(n.qual(), after, &["using"]),
            with_check: self.clause(n.with_check(), after, &["with", "check"]),
        }
    }

    fn after_table(&self, table: Option<&pg::RangeVar>) -> usize {
        self.tokens().after_name(self.index(table.map_or(-1, |range| range.location)))
    }

    /// The roles after TO. Without TO the parser gives PUBLIC for a new policy.
    fn role_list(&self, nodes: &NodeList, after: usize) -> Option<Spanned<Vec<RoleName>>> {
        let tokens = self.tokens();
        let to = tokens.find_word(after, "to")?;
        let mut end = to + 1;
        while end < tokens.list.len() && !self.words_at(end, &["using"]) && !self.words_at(end, &["with"]) {
            end += 1;
        }
        Some(Spanned { value: roles(nodes), span: tokens.span(to + 1, end) })
    }

    /// An expression in parentheses after key words, and the place of what they hold.
    fn clause(&self, node: Node<'_>, after: usize, words: &[&str]) -> Option<Clause> {
        let value = self.optional_expr(node)?;
        let at = self.tokens().find(after, |_, at| self.words_at(at, words));
        let span = at.map_or_else(|| self.whole(), |at| self.inside(at + words.len()));
        Some(Spanned { value, span })
    }

    /// The tokens between a parenthesis and the one that closes it.
    pub(super) fn inside(&self, open: usize) -> Span {
        let tokens = self.tokens();
        tokens.span(open + 1, tokens.skip(open).saturating_sub(1))
    }

    pub(super) fn create_trigger(&self, n: &pg::CreateTrigStmt) -> CreateTrigger {
        let has = |bit: i16| n.events & bit != 0;
        let events = [
            (4, TriggerEvent::Insert),
            (16, TriggerEvent::Update),
            (8, TriggerEvent::Delete),
            (32, TriggerEvent::Truncate),
        ];
        CreateTrigger {
            name: Spanned { value: required(n.trigname()), span: self.name_after("trigger") },
            or_replace: n.replace,
            constraint: n.isconstraint,
            table: self.optional_relation(n.relation()),
            // The bits of pg_trigger.tgtype.
            timing: match n.timing {
                2 => TriggerTiming::Before,
                64 => TriggerTiming::InsteadOf,
                _ => TriggerTiming::After,
            },
            events: events.into_iter().filter(|(bit, _)| has(*bit)).map(|(_, event)| event).collect(),
            columns: idents(n.columns()),
            for_each_row: n.row,
            when: self.optional_expr(n.when_clause()),
            function: self.executed(n.funcname()),
            args: strings(n.args()),
        }
    }

    /// The span of the token after the first occurrence of a key word.
    pub(super) fn name_after(&self, word: &str) -> Span {
        self.tokens().find_word(0, word).map_or_else(|| self.whole(), |at| self.token_span(at + 1))
    }

    /// The function that a trigger calls: it stands after EXECUTE FUNCTION.
    fn executed(&self, parts: &NodeList) -> crate::sql::name::ObjectName {
        let execute = |at: usize| {
            self.words_at(at, &["execute", "function"]) || self.words_at(at, &["execute", "procedure"])
        };
        match self.tokens().find(0, |_, at| execute(at)) {
            Some(at) => self.name_at(parts, at + 2),
            None => qualified(parts.iter(), self.whole()),
        }
    }

    pub(super) fn create_event_trigger(&self, n: &pg::CreateEventTrigStmt) -> CreateEventTrigger {
        let tags = definitions(n.whenclause()).map(|filter| filter.arg());
        CreateEventTrigger {
            name: Spanned { value: required(n.trigname()), span: self.name_after("trigger") },
            event: required(n.eventname()),
            tags: tags.flat_map(|list| strings(items(list))).collect(),
            function: self.executed(n.funcname()),
        }
    }

    pub(super) fn alter_event_trigger(&self, n: &pg::AlterEventTrigStmt) -> StatementKind {
        StatementKind::AlterEventTrigger {
            name: Spanned { value: required(n.trigname()), span: self.name_after("trigger") },
            enabled: letter(n.tgenabled),
        }
    }

    pub(super) fn create_rule(&self, n: &pg::RuleStmt) -> CreateRule {
        CreateRule {
            name: required(n.rulename()),
            or_replace: n.replace,
            table: self.optional_relation(n.relation()),
            event: match n.event {
                CmdType::CMD_SELECT => PolicyCommand::Select,
                CmdType::CMD_INSERT => PolicyCommand::Insert,
                CmdType::CMD_UPDATE => PolicyCommand::Update,
                CmdType::CMD_DELETE => PolicyCommand::Delete,
                _ => PolicyCommand::All,
            },
            instead: n.instead,
        }
    }
}

/// The name in a node that holds nothing else.
pub(super) fn role_name(node: Node<'_>) -> Option<Ident> {
    match node {
        Node::AccessPriv(privilege) => Some(required(privilege.priv_name())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::{lower, under};

    #[test]
    fn a_policy_has_the_places_of_its_clauses() {
        let text = "create policy \"é x\" on a . b as restrictive for update to anon, \"Us\" \
                    using ((a = auth.uid()) ) with check (/* y */ true)";
        let policy = lowered!(CreatePolicy, text);
        assert_eq!(policy.name.value, "é x");
        assert_eq!(under(text, policy.name.span), "\"é x\"");
        assert_eq!(under(text, policy.table.span), "a . b");
        assert!(!policy.permissive);
        assert_eq!(policy.command.value, PolicyCommand::Update);
        assert_eq!(under(text, policy.command.span), "update");
        assert_eq!(policy.roles.value, [RoleName::Role("anon".into()), RoleName::Role("Us".into())]);
        assert_eq!(under(text, policy.roles.span), "anon, \"Us\"");
        assert_eq!(under(text, policy.using.unwrap().span), "(a = auth.uid())");
        assert_eq!(under(text, policy.with_check.unwrap().span), "true");
    }

    #[test]
    fn what_a_policy_does_not_say_is_at_its_name() {
        let text = "create policy p on t using (true)";
        let policy = lowered!(CreatePolicy, text);
        assert!(policy.permissive && policy.with_check.is_none());
        assert_eq!(policy.command.value, PolicyCommand::All);
        assert_eq!(under(text, policy.command.span), "p");
        assert_eq!(policy.roles.value, [RoleName::Public]);
        assert_eq!(under(text, policy.roles.span), "p");
    }

    #[test]
    fn an_altered_policy_tells_what_it_changes() {
        let text = "alter policy p on s.t to current_user, public with check (a > 1)";
        let policy = lowered!(AlterPolicy, text);
        assert_eq!(under(text, policy.name.span), "p");
        let roles = policy.roles.unwrap();
        assert_eq!(roles.value, [RoleName::Current, RoleName::Public]);
        assert_eq!(under(text, roles.span), "current_user, public");
        assert_eq!(under(text, policy.with_check.unwrap().span), "a > 1");
        assert!(policy.using.is_none());
    }

    #[test]
    fn a_trigger_is_read() {
        let text = "create or replace trigger t1 before insert or update of a, b on s.t for each row \
                    when (new.a is distinct from old.a) execute function s.f('x', 1)";
        let trigger = lowered!(CreateTrigger, text);
        assert_eq!(under(text, trigger.name.span), "t1");
        assert_eq!(under(text, trigger.table.span), "s.t");
        assert_eq!(under(text, trigger.function.span), "s.f");
        assert_eq!(trigger.function.to_string(), "s.f");
        assert_eq!(trigger.timing, TriggerTiming::Before);
        assert_eq!(trigger.events, [TriggerEvent::Insert, TriggerEvent::Update]);
        assert_eq!(trigger.columns, ["a", "b"].map(Ident::new));
        assert_eq!(trigger.args, ["x", "1"]);
        assert!(trigger.for_each_row && trigger.when.is_some() && trigger.or_replace);
        let trigger = lowered!(
            CreateTrigger,
            "create constraint trigger c after delete on t for each row execute procedure f()"
        );
        assert!(trigger.constraint && trigger.for_each_row);
        let trigger = lowered!(CreateTrigger, "create trigger c instead of insert on v execute function f()");
        assert_eq!(trigger.timing, TriggerTiming::InsteadOf);
    }

    #[test]
    fn event_triggers_and_rules_are_read() {
        let text =
            "create event trigger e on ddl_command_end when tag in ('CREATE TABLE') execute function f()";
        let trigger = lowered!(CreateEventTrigger, text);
        assert_eq!(under(text, trigger.name.span), "e");
        assert_eq!(
            (trigger.event.as_str(), &trigger.tags[..]),
            ("ddl_command_end", &["CREATE TABLE".into()][..])
        );
        let StatementKind::AlterEventTrigger { name, enabled } = lower("alter event trigger e disable")
        else {
            panic!()
        };
        assert_eq!((name.value.as_str(), enabled), ("e", 'D'));
        let rule = lowered!(CreateRule, "create rule r as on insert to t do instead nothing");
        assert!(rule.instead && rule.event == PolicyCommand::Insert && rule.table.name == "t");
    }
}
