//! ALTER TABLE and its kin.

use pg_raw_parse::raw::{AlterTableType as T, DropBehavior};
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{definition, definitions, items, letter, options, required, role, value};
use super::object::object_kind;
use crate::source::{Span, Spanned};
use crate::sql::parser::List;
use crate::sql::statement::{AlterAction, AlterTable, ConstraintKind, ReplicaIdentity, RoleName};

impl Cx<'_> {
    pub(super) fn alter_table(&self, n: &pg::AlterTableStmt) -> AlterTable {
        let spans = self.action_spans(n);
        let commands = n.cmds().items().filter_map(|node| match node {
            Node::AlterTableCmd(command) => Some(command),
            _ => None,
        });
        let action = |(at, command): (usize, &pg::AlterTableCmd)| Spanned {
            value: self.action(command),
            span: spans.get(at).copied().unwrap_or_else(|| self.whole()),
        };
        AlterTable {
            kind: object_kind(n.objtype),
            name: self.optional_relation(n.relation()),
            if_exists: n.missing_ok,
            only: n.relation().is_some_and(|range| !range.inh),
            cascade: commands.clone().any(|command| command.behavior == DropBehavior::DROP_CASCADE),
            actions: commands.enumerate().map(action).collect(),
        }
    }

    /// The actions' places: what stands between commas after the name.
    fn action_spans(&self, n: &pg::AlterTableStmt) -> Vec<Span> {
        let tokens = self.tokens();
        let mut at = tokens.after_name(self.index(n.relation().map_or(-1, |range| range.location)));
        // `ONLY (name)`, `name *`
        let star = |at: usize| tokens.list.get(at).is_some_and(|token| token.text(self.code.text) == "*");
        while tokens.is(at, ')') || star(at) {
            at += 1;
        }
        let mut spans = Vec::with_capacity(n.cmds().len());
        while at < tokens.list.len() {
            let end = tokens.item_end(at);
            spans.push(tokens.span(at, end));
            at = end + 1;
        }
        spans
    }

    fn action(&self, n: &pg::AlterTableCmd) -> AlterAction {
        let name = || required(n.name());
        let if_exists = n.missing_ok;
        let cascade = n.behavior == DropBehavior::DROP_CASCADE;
        let definition = n.def();
        let relation = || self.relation_node(definition);
        match n.subtype {
            T::AT_AddColumn | T::AT_AddColumnToView => match definition {
                Node::ColumnDef(column) => {
                    AlterAction::AddColumn { column: self.column_def(column), if_not_exists: n.missing_ok }
                }
                _ => AlterAction::Other("ADD COLUMN"),
            },
            T::AT_DropColumn => AlterAction::DropColumn { name: name(), if_exists, cascade },
            T::AT_ColumnDefault => match definition {
                Node::None => AlterAction::DropDefault { column: name() },
                default => AlterAction::SetDefault { column: name(), default: self.expr(default) },
            },
            T::AT_SetNotNull => AlterAction::SetNotNull { column: name() },
            T::AT_DropNotNull => AlterAction::DropNotNull { column: name() },
            T::AT_AlterColumnType => self.set_type(n),
            T::AT_AddIdentity => match self.constraint_node(definition) {
                Some(ConstraintKind::Identity { always, options }) => {
                    AlterAction::AddIdentity { column: name(), always, options }
                }
                _ => AlterAction::Other("ADD IDENTITY"),
            },
            T::AT_SetIdentity => AlterAction::SetIdentity {
                column: name(),
                always: generated(definition),
                options: self.sequence_options(definitions(items(definition))),
            },
            T::AT_DropIdentity => AlterAction::DropIdentity { column: name(), if_exists },
            T::AT_DropExpression => AlterAction::DropExpression { column: name(), if_exists },
            T::AT_SetExpression => AlterAction::SetExpression { column: name() },
            T::AT_AddConstraint => match definition {
                Node::Constraint(constraint) => AlterAction::AddConstraint(self.table_constraint(constraint)),
                _ => AlterAction::Other("ADD CONSTRAINT"),
            },
            T::AT_DropConstraint => AlterAction::DropConstraint { name: name(), if_exists, cascade },
            T::AT_ValidateConstraint => AlterAction::ValidateConstraint { name: name() },
            T::AT_AlterConstraint => match definition {
                Node::ATAlterConstraint(constraint) => AlterAction::AlterConstraint {
                    name: required(constraint.conname()),
                    deferrable: constraint.deferrable,
                    initially_deferred: constraint.initdeferred,
                },
                _ => AlterAction::Other("ALTER CONSTRAINT"),
            },
            T::AT_EnableRowSecurity => AlterAction::EnableRls,
            T::AT_DisableRowSecurity => AlterAction::DisableRls,
            T::AT_ForceRowSecurity => AlterAction::ForceRls,
            T::AT_NoForceRowSecurity => AlterAction::NoForceRls,
            T::AT_AttachPartition => match self.partition(definition) {
                Some(partition) => AlterAction::AttachPartition { partition },
                None => AlterAction::Other("ATTACH PARTITION"),
            },
            T::AT_DetachPartition | T::AT_DetachPartitionFinalize => match self.partition(definition) {
                Some(partition) => AlterAction::DetachPartition { partition },
                None => AlterAction::Other("DETACH PARTITION"),
            },
            T::AT_AddInherit => {
                relation().map_or(AlterAction::Other("INHERIT"), |parent| AlterAction::Inherit { parent })
            }
            T::AT_DropInherit => relation()
                .map_or(AlterAction::Other("NO INHERIT"), |parent| AlterAction::NoInherit { parent }),
            T::AT_AddOf => match self.type_node(definition) {
                Some(of) => AlterAction::OfType { name: of.name },
                None => AlterAction::Other("OF"),
            },
            T::AT_DropOf => AlterAction::NotOf,
            T::AT_SetRelOptions | T::AT_ReplaceRelOptions => {
                AlterAction::SetOptions(options(items(definition)))
            }
            T::AT_ResetRelOptions => {
                let options = definitions(items(definition));
                AlterAction::ResetOptions(options.map(|option| required(option.defname())).collect())
            }
            T::AT_SetLogged => AlterAction::SetLogged(true),
            T::AT_SetUnLogged => AlterAction::SetLogged(false),
            T::AT_ReplicaIdentity => replica_identity(definition),
            T::AT_EnableTrig => AlterAction::EnableTrigger { name: Some(name()), enabled: 'O' },
            T::AT_EnableAlwaysTrig => AlterAction::EnableTrigger { name: Some(name()), enabled: 'A' },
            T::AT_EnableReplicaTrig => AlterAction::EnableTrigger { name: Some(name()), enabled: 'R' },
            T::AT_DisableTrig => AlterAction::EnableTrigger { name: Some(name()), enabled: 'D' },
            T::AT_EnableTrigAll | T::AT_EnableTrigUser => {
                AlterAction::EnableTrigger { name: None, enabled: 'O' }
            }
            T::AT_DisableTrigAll | T::AT_DisableTrigUser => {
                AlterAction::EnableTrigger { name: None, enabled: 'D' }
            }
            T::AT_ChangeOwner => AlterAction::OwnerTo(n.newowner().map_or(RoleName::Current, role)),
            other => AlterAction::Other(unmodelled(other)),
        }
    }

    fn set_type(&self, n: &pg::AlterTableCmd) -> AlterAction {
        let Node::ColumnDef(column) = n.def() else {
            return AlterAction::Other("SET DATA TYPE");
        };
        AlterAction::SetType {
            column: required(n.name()),
            data_type: self.optional_type(column.type_name()),
            collation: self.collation(column.coll_clause()),
            using: self.optional_expr(column.raw_default()),
        }
    }

    fn constraint_node(&self, node: Node<'_>) -> Option<ConstraintKind> {
        match node {
            Node::Constraint(constraint) => Some(self.table_constraint(constraint).kind),
            _ => None,
        }
    }

    fn partition(&self, node: Node<'_>) -> Option<crate::sql::name::ObjectName> {
        match node {
            Node::PartitionCmd(command) => Some(self.relation(command.name()?)),
            _ => None,
        }
    }
}

/// What SET GENERATED says: the option holds a character as a number.
fn generated(node: Node<'_>) -> Option<bool> {
    let option = definition(items(node), "generated")?;
    Some(value(option.arg())? == u32::from('a').to_string())
}

fn replica_identity(node: Node<'_>) -> AlterAction {
    let kind = match node {
        Node::ReplicaIdentityStmt(identity) => letter(identity.identity_type),
        _ => 'd',
    };
    AlterAction::ReplicaIdentity {
        kind: match kind {
            'n' => ReplicaIdentity::Nothing,
            'f' => ReplicaIdentity::Full,
            'i' => ReplicaIdentity::Index,
            _ => ReplicaIdentity::Default,
        },
    }
}

fn unmodelled(kind: T::Type) -> &'static str {
    match kind {
        T::AT_SetStatistics => "SET STATISTICS",
        T::AT_SetOptions | T::AT_ResetOptions => "SET COLUMN OPTIONS",
        T::AT_SetStorage => "SET STORAGE",
        T::AT_SetCompression => "SET COMPRESSION",
        T::AT_ClusterOn => "CLUSTER ON",
        T::AT_DropCluster => "SET WITHOUT CLUSTER",
        T::AT_DropOids => "SET WITHOUT OIDS",
        T::AT_SetAccessMethod => "SET ACCESS METHOD",
        T::AT_SetTableSpace => "SET TABLESPACE",
        T::AT_GenericOptions | T::AT_AlterColumnGenericOptions => "OPTIONS",
        T::AT_EnableRule | T::AT_EnableAlwaysRule | T::AT_EnableReplicaRule => "ENABLE RULE",
        T::AT_DisableRule => "DISABLE RULE",
        _ => "ALTER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;
    use crate::sql::name::Ident;
    use crate::sql::statement::SequenceOptions;

    fn actions(text: &str) -> Vec<(AlterAction, &str)> {
        let table = lowered!(AlterTable, text);
        table.actions.into_iter().map(|action| (action.value, under(text, action.span))).collect()
    }

    #[test]
    fn actions_stand_between_commas() {
        let text = "alter table if exists only a.\"é\" add column if not exists b numeric(10, 2) default array[1, 2], \
                    drop column c cascade, alter d type text using lower(d, 'x'), enable row level security, \
                    add constraint k foreign key (a, b) references o not valid, owner to postgres";
        let table = lowered!(AlterTable, text);
        assert!(table.if_exists && table.only);
        assert_eq!(under(text, table.name.span), "a.\"é\"");
        let actions = actions(text);
        let places: Vec<_> = actions.iter().map(|(_, place)| *place).collect();
        assert_eq!(
            places,
            [
                "add column if not exists b numeric(10, 2) default array[1, 2]",
                "drop column c cascade",
                "alter d type text using lower(d, 'x')",
                "enable row level security",
                "add constraint k foreign key (a, b) references o not valid",
                "owner to postgres",
            ]
        );
        let AlterAction::AddColumn { column, if_not_exists: true } = &actions[0].0 else { panic!() };
        assert_eq!(under(text, column.span), "b numeric(10, 2) default array[1, 2]");
        assert!(matches!(&actions[1].0, AlterAction::DropColumn { cascade: true, .. }));
        assert!(matches!(&actions[2].0, AlterAction::SetType { using: Some(_), .. }));
        assert_eq!(actions[3].0, AlterAction::EnableRls);
        let AlterAction::AddConstraint(constraint) = &actions[4].0 else { panic!() };
        assert!(constraint.not_valid);
        assert_eq!(under(text, constraint.span), "constraint k foreign key (a, b) references o not valid");
        assert_eq!(actions[5].0, AlterAction::OwnerTo(RoleName::Role("postgres".into())));
    }

    #[test]
    fn actions_of_all_kinds_are_read() {
        use AlterAction as A;
        let column: Ident = "a".into();
        let expect: Vec<(&str, A)> = vec![
            ("alter a drop default", A::DropDefault { column: column.clone() }),
            ("alter a set not null", A::SetNotNull { column: column.clone() }),
            ("alter a drop not null", A::DropNotNull { column: column.clone() }),
            (
                "alter a set generated always",
                A::SetIdentity {
                    column: column.clone(),
                    always: Some(true),
                    options: SequenceOptions::default(),
                },
            ),
            (
                "alter a set increment 2",
                A::SetIdentity {
                    column: column.clone(),
                    always: None,
                    options: SequenceOptions { increment: Some(2), ..SequenceOptions::default() },
                },
            ),
            ("alter a drop identity if exists", A::DropIdentity { column: column.clone(), if_exists: true }),
            ("alter a drop expression", A::DropExpression { column: column.clone(), if_exists: false }),
            ("alter a set expression as (b)", A::SetExpression { column: column.clone() }),
            ("validate constraint a", A::ValidateConstraint { name: column.clone() }),
            ("disable row level security", A::DisableRls),
            ("force row level security", A::ForceRls),
            ("no force row level security", A::NoForceRls),
            ("not of", A::NotOf),
            ("set (security_invoker = on)", A::SetOptions(vec!["security_invoker=on".into()])),
            ("reset (fillfactor)", A::ResetOptions(vec!["fillfactor".into()])),
            ("set logged", A::SetLogged(true)),
            ("replica identity full", A::ReplicaIdentity { kind: ReplicaIdentity::Full }),
            ("disable trigger a", A::EnableTrigger { name: Some(column.clone()), enabled: 'D' }),
            ("enable trigger all", A::EnableTrigger { name: None, enabled: 'O' }),
            ("alter a set statistics 5", A::Other("SET STATISTICS")),
            (
                "drop constraint if exists a",
                A::DropConstraint { name: column.clone(), if_exists: true, cascade: false },
            ),
            (
                "alter constraint a deferrable initially deferred",
                A::AlterConstraint { name: column, deferrable: true, initially_deferred: true },
            ),
        ];
        for (action, wanted) in expect {
            let text = format!("alter table t {action}");
            assert_eq!(actions(&text), [(wanted, action)]);
        }
    }

    #[test]
    fn actions_that_name_relations_have_their_places() {
        let name_of = |text: &str| {
            let name = match actions(text).remove(0).0 {
                AlterAction::AttachPartition { partition } | AlterAction::DetachPartition { partition } => {
                    partition
                }
                AlterAction::Inherit { parent } | AlterAction::NoInherit { parent } => parent,
                AlterAction::OfType { name } => name,
                other => panic!("{other:?}"),
            };
            under(text, name.span).to_owned()
        };
        assert_eq!(name_of("alter table t attach partition s.p for values from (1, 2) to (3, 4)"), "s.p");
        assert_eq!(name_of("alter table t detach partition s.p concurrently"), "s.p");
        assert_eq!(name_of("alter table t inherit s.p"), "s.p");
        assert_eq!(name_of("alter table t no inherit s.p"), "s.p");
        assert_eq!(name_of("alter table t of s.p"), "s.p");
    }

    #[test]
    fn other_kinds_are_altered_too() {
        use crate::sql::statement::ObjectKind;
        let kind = |text: &str| lowered!(AlterTable, text).kind;
        assert_eq!(kind("alter view v set (security_invoker = true)"), ObjectKind::View);
        assert_eq!(kind("alter sequence s owner to x"), ObjectKind::Sequence);
        assert_eq!(kind("alter index i set (fillfactor = 5)"), ObjectKind::Index);
        assert_eq!(kind("alter materialized view v owner to x"), ObjectKind::MaterializedView);
        assert_eq!(kind("alter type t add attribute a int"), ObjectKind::Type);
        assert!(matches!(
            &actions("alter table t alter a add generated always as identity (start 3)")[0].0,
            AlterAction::AddIdentity { always: true, options, .. } if options.start == Some(3)
        ));
        assert_eq!(actions("alter table only (t) force row level security")[0].1, "force row level security");
    }
}
