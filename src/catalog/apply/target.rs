//! What can be done to which kinds of relation. PostgreSQL refuses the rest as a wrong object type; all
//! is as measured on a server, where `ATSimplePermissions` of its `tablecmds.c` decides most of it.

use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::catalog::name::QName;
use crate::catalog::table::TableKind;
use crate::catalog::{Catalog, Relation};
use crate::sql::name::ObjectName;
use crate::sql::statement::{
    AlterAction, AlterTable, CreateTrigger, GrantTarget, ObjectKind, Statement, StatementKind, TriggerEvent,
    TriggerTiming,
};

/// A kind of relation, as one of a set.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kinds(u16);

impl Kinds {
    const TABLE: Self = Self(1);
    const PARTITIONED: Self = Self(1 << 1);
    const VIEW: Self = Self(1 << 2);
    const MATERIALIZED: Self = Self(1 << 3);
    const SEQUENCE: Self = Self(1 << 4);
    const INDEX: Self = Self(1 << 5);
    const COMPOSITE: Self = Self(1 << 6);
    const FOREIGN: Self = Self(1 << 7);

    const TABLES: Self = Self::TABLE.and(Self::PARTITIONED);
    const ALL_TABLES: Self = Self::TABLES.and(Self::FOREIGN);
    const STORED: Self = Self::TABLES.and(Self::MATERIALIZED);
    const WITH_ROWS: Self = Self::ALL_TABLES.and(Self::VIEW).and(Self::MATERIALIZED);
    const NAMED: Self = Self::WITH_ROWS.and(Self::SEQUENCE).and(Self::INDEX);
    const ANY: Self = Self::NAMED.and(Self::COMPOSITE);

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn holds(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }

    /// What a keyword names.
    fn of_keyword(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Table => Self::TABLES,
            ObjectKind::View => Self::VIEW,
            ObjectKind::MaterializedView => Self::MATERIALIZED,
            ObjectKind::Sequence => Self::SEQUENCE,
            ObjectKind::Index => Self::INDEX,
            ObjectKind::ForeignTable => Self::FOREIGN,
            _ => Self::ANY,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::PARTITIONED => "a partitioned table",
            Self::VIEW => "a view",
            Self::MATERIALIZED => "a materialized view",
            Self::SEQUENCE => "a sequence",
            Self::INDEX => "an index",
            Self::COMPOSITE => "a composite type",
            Self::FOREIGN => "a foreign table",
            _ => "a table",
        }
    }
}

/// What is done to a relation: its words, and the kinds that it can be done to.
type Deed<'s> = (&'s ObjectName, &'static str, Kinds);

impl Catalog {
    /// Whether what a statement is about is of a kind that it can be done to.
    pub(super) fn expect_kinds(&self, statement: &Statement) -> Applied {
        for (name, deed, kinds) in deeds(&statement.kind) {
            let Some((found, relation)) = self.resolve_relation(name) else { continue };
            let Some(kind) = self.kind_of(relation).filter(|kind| !kinds.holds(*kind)) else { continue };
            return Err(wrong_kind(&found, kind, deed).at(name.span));
        }
        Ok(())
    }

    fn kind_of(&self, relation: Relation) -> Option<Kinds> {
        Some(match relation {
            Relation::Table(oid) => match self.tables.get(&oid)?.kind {
                TableKind::Ordinary => Kinds::TABLE,
                TableKind::Partitioned => Kinds::PARTITIONED,
                TableKind::Foreign => Kinds::FOREIGN,
            },
            Relation::View(oid) if self.views.get(&oid)?.materialized => Kinds::MATERIALIZED,
            Relation::View(_) => Kinds::VIEW,
            Relation::Sequence(_) => Kinds::SEQUENCE,
            Relation::Index { .. } => Kinds::INDEX,
            Relation::Composite(_) => Kinds::COMPOSITE,
        })
    }
}

fn wrong_kind(name: &QName, kind: Kinds, deed: &str) -> Misfit {
    let why = format!("{name} is {}, and {deed} does not work on it", kind.noun());
    let misfit = Misfit::refused(SqlState::WRONG_OBJECT_TYPE, why).about(name);
    match (deed, kind) {
        (ROW_SECURITY | POLICY, Kinds::VIEW) => misfit.helped_by(
            "protect the tables that it reads; a view with `security_invoker` follows their policies",
        ),
        ("ADD COLUMN" | "DROP COLUMN", Kinds::VIEW) => {
            misfit.helped_by("write its query anew with `create or replace view`, or drop it first")
        }
        _ => misfit,
    }
}

const ROW_SECURITY: &str = "ROW LEVEL SECURITY";
const POLICY: &str = "CREATE POLICY";

fn deeds(kind: &StatementKind) -> Vec<Deed<'_>> {
    use StatementKind as S;
    match kind {
        S::AlterTable(alter) if alter.kind != ObjectKind::Type => of_alter(alter),
        S::AlterSequence(alter) => vec![(&alter.name, "ALTER SEQUENCE", Kinds::SEQUENCE)],
        S::Rename(rename) if rename.object.part.is_none() && is_relation(rename.object.kind) => {
            let kinds = match rename.object.kind {
                // These rename anything.
                ObjectKind::Table | ObjectKind::Index => Kinds::NAMED,
                kind => Kinds::of_keyword(kind),
            };
            vec![(&rename.object.name, "RENAME", kinds)]
        }
        S::Rename(rename) if rename.object.kind == ObjectKind::Column => {
            vec![(
                &rename.object.name,
                "RENAME COLUMN",
                Kinds::WITH_ROWS.and(Kinds::COMPOSITE).and(Kinds::INDEX),
            )]
        }
        S::SetSchema { object, .. } if is_relation(object.kind) => {
            let kinds = match object.kind {
                ObjectKind::Table => Kinds::WITH_ROWS.and(Kinds::SEQUENCE),
                kind => Kinds::of_keyword(kind),
            };
            vec![(&object.name, "SET SCHEMA", kinds)]
        }
        S::Comment { object, .. } if is_relation(object.kind) => {
            vec![(&object.name, comment_on(object.kind), Kinds::of_keyword(object.kind))]
        }
        S::Grant(grant) => match &grant.target {
            GrantTarget::Objects(objects) => objects
                .iter()
                .filter_map(|object| match object.kind {
                    ObjectKind::Table => {
                        Some((&object.name, "GRANT … ON TABLE", Kinds::WITH_ROWS.and(Kinds::SEQUENCE)))
                    }
                    ObjectKind::Sequence => Some((&object.name, "GRANT … ON SEQUENCE", Kinds::SEQUENCE)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
        S::CreateIndex(create) => vec![(&create.table, "CREATE INDEX", Kinds::STORED)],
        S::CreatePolicy(create) => vec![(&create.table, POLICY, Kinds::TABLES)],
        S::AlterPolicy(alter) => vec![(&alter.table, "ALTER POLICY", Kinds::TABLES)],
        S::CreateTrigger(create) => vec![of_trigger(create)],
        S::Refresh { name, .. } => {
            vec![(name, "REFRESH MATERIALIZED VIEW", Kinds::TABLES.and(Kinds::MATERIALIZED))]
        }
        S::Truncate { tables, .. } => {
            tables.iter().map(|name| (name, "TRUNCATE", Kinds::ALL_TABLES)).collect()
        }
        S::CreateTable(create) => {
            let inherited = create.inherits.iter();
            let inherited = inherited.map(|name| (name, "INHERITS", Kinds::TABLE.and(Kinds::FOREIGN)));
            let whole = create.partition_of.iter();
            let whole = whole.map(|name| (name, "PARTITION OF", Kinds::ALL_TABLES));
            inherited.chain(whole).collect()
        }
        _ => Vec::new(),
    }
}

/// ALTER TABLE, and ALTER VIEW and others, which do the same to one kind alone.
fn of_alter(alter: &AlterTable) -> Vec<Deed<'_>> {
    let named = Kinds::of_keyword(alter.kind);
    let keyword = alter.kind != ObjectKind::Table;
    let deed = |action: &AlterAction| {
        let (words, kinds) = of_action(action);
        let kinds = if keyword { Kinds(kinds.0 & named.0) } else { kinds };
        (&alter.name, words, kinds)
    };
    alter.actions.iter().map(|action| deed(&action.value)).collect()
}

/// The words of an action and what ALTER TABLE does it to.
fn of_action(action: &AlterAction) -> (&'static str, Kinds) {
    use AlterAction as A;
    let with_default = Kinds::ALL_TABLES.and(Kinds::VIEW);
    let optional = Kinds::TABLES.and(Kinds::VIEW).and(Kinds::MATERIALIZED).and(Kinds::INDEX);
    let placed = Kinds::STORED.and(Kinds::INDEX);
    match action {
        A::AddColumn { .. } => ("ADD COLUMN", Kinds::ALL_TABLES),
        A::DropColumn { .. } => ("DROP COLUMN", Kinds::ALL_TABLES),
        A::SetDefault { .. } => ("SET DEFAULT", with_default),
        A::DropDefault { .. } => ("DROP DEFAULT", with_default),
        A::SetNotNull { .. } => ("SET NOT NULL", Kinds::ALL_TABLES),
        A::DropNotNull { .. } => ("DROP NOT NULL", Kinds::ALL_TABLES),
        A::SetType { .. } => ("ALTER COLUMN … TYPE", Kinds::ALL_TABLES),
        A::AddIdentity { .. } => ("ADD GENERATED … AS IDENTITY", with_default),
        A::SetIdentity { .. } => ("SET GENERATED", with_default),
        A::DropIdentity { .. } => ("DROP IDENTITY", with_default),
        A::DropExpression { .. } => ("DROP EXPRESSION", Kinds::ALL_TABLES),
        A::SetExpression { .. } => ("SET EXPRESSION", Kinds::ALL_TABLES),
        A::AddConstraint(_) => ("ADD CONSTRAINT", Kinds::ALL_TABLES),
        A::DropConstraint { .. } => ("DROP CONSTRAINT", Kinds::ALL_TABLES),
        A::ValidateConstraint { .. } => ("VALIDATE CONSTRAINT", Kinds::ALL_TABLES),
        A::AlterConstraint { .. } => ("ALTER CONSTRAINT", Kinds::TABLES),
        A::EnableRls | A::DisableRls | A::ForceRls | A::NoForceRls => (ROW_SECURITY, Kinds::TABLES),
        A::AttachPartition { .. } => ("ATTACH PARTITION", Kinds::TABLES.and(Kinds::INDEX)),
        A::DetachPartition { .. } => ("DETACH PARTITION", Kinds::TABLES),
        A::Inherit { .. } => ("INHERIT", Kinds::TABLE.and(Kinds::FOREIGN)),
        A::NoInherit { .. } => ("NO INHERIT", Kinds::ALL_TABLES),
        A::OfType { .. } => ("OF", Kinds::TABLES),
        A::NotOf => ("NOT OF", Kinds::TABLES),
        A::SetOptions(_) => ("SET (…)", optional),
        A::ResetOptions(_) => ("RESET (…)", optional),
        A::SetLogged(_) => ("SET LOGGED or UNLOGGED", Kinds::TABLES.and(Kinds::SEQUENCE)),
        A::ReplicaIdentity { .. } => ("REPLICA IDENTITY", Kinds::STORED),
        A::EnableTrigger { .. } => ("ENABLE or DISABLE TRIGGER", Kinds::ALL_TABLES),
        A::OwnerTo(_) => ("OWNER TO", Kinds::NAMED),
        A::Other("SET STATISTICS") => ("SET STATISTICS", placed.and(Kinds::FOREIGN)),
        A::Other("SET COLUMN OPTIONS") => ("ALTER COLUMN … SET (…)", Kinds::STORED.and(Kinds::FOREIGN)),
        A::Other("SET STORAGE") => ("SET STORAGE", Kinds::STORED.and(Kinds::FOREIGN)),
        A::Other("SET COMPRESSION") => ("SET COMPRESSION", Kinds::STORED),
        A::Other("CLUSTER ON") => ("CLUSTER ON", Kinds::STORED),
        A::Other("SET WITHOUT CLUSTER") => ("SET WITHOUT CLUSTER", Kinds::STORED),
        A::Other("SET WITHOUT OIDS") => ("SET WITHOUT OIDS", Kinds::ALL_TABLES),
        A::Other("SET TABLESPACE") => ("SET TABLESPACE", placed),
        A::Other("SET ACCESS METHOD") => ("SET ACCESS METHOD", Kinds::STORED),
        A::Other("ENABLE RULE" | "DISABLE RULE") => ("ENABLE or DISABLE RULE", Kinds::TABLES),
        A::Other("OPTIONS") => ("OPTIONS", Kinds::FOREIGN),
        A::Other(words) => (words, Kinds::ANY),
    }
}

fn of_trigger(create: &CreateTrigger) -> Deed<'_> {
    let (words, kinds) = match create.timing {
        TriggerTiming::InsteadOf => ("CREATE TRIGGER … INSTEAD OF", Kinds::VIEW),
        _ if create.constraint => ("CREATE CONSTRAINT TRIGGER", Kinds::TABLES),
        _ if create.events.contains(&TriggerEvent::Truncate) => ("CREATE TRIGGER … TRUNCATE", Kinds::TABLES),
        _ if create.for_each_row => ("CREATE TRIGGER … FOR EACH ROW", Kinds::ALL_TABLES),
        _ => ("CREATE TRIGGER", Kinds::ALL_TABLES.and(Kinds::VIEW)),
    };
    (&create.table, words, kinds)
}

fn comment_on(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::View => "COMMENT ON VIEW",
        ObjectKind::MaterializedView => "COMMENT ON MATERIALIZED VIEW",
        ObjectKind::ForeignTable => "COMMENT ON FOREIGN TABLE",
        ObjectKind::Sequence => "COMMENT ON SEQUENCE",
        ObjectKind::Index => "COMMENT ON INDEX",
        _ => "COMMENT ON TABLE",
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    use ObjectKind as K;
    matches!(kind, K::Table | K::View | K::MaterializedView | K::ForeignTable | K::Sequence | K::Index)
}
