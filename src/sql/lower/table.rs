//! Tables: their columns and constraints.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, ConstrType, Node};

use super::Cx;
use super::name::{definitions, idents, items, optional, options};
use super::query::index_column;
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{
    ColumnDef, ConstraintDef, ConstraintKind, CreateTable, ForeignKey, LikeOptions, Persistence,
    ReferentialAction, StatementKind, TableElement,
};

pub(super) fn persistence(code: &str) -> Persistence {
    match code {
        "t" => Persistence::Temporary,
        "u" => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

impl Cx<'_> {
    pub(super) fn create_foreign_table(&self, n: &pb::CreateForeignTableStmt) -> StatementKind {
        match &n.base_stmt {
            Some(base) => {
                StatementKind::CreateTable(Box::new(self.create_table(base, optional(&n.servername))))
            }
            None => StatementKind::Other("CREATE FOREIGN TABLE"),
        }
    }

    pub(super) fn create_table(&self, n: &pb::CreateStmt, server: Option<Ident>) -> CreateTable {
        let mut parents: Vec<_> =
            n.inh_relations.iter().filter_map(|node| self.relation_node(node)).collect();
        let partition_of = n.partbound.as_ref().and_then(|_| parents.pop());
        let of_type = n.of_typename.as_ref().map(|name| self.type_name(name).name);
        CreateTable {
            name: self.optional_relation(n.relation.as_ref()),
            if_not_exists: n.if_not_exists,
            persistence: persistence(n.relation.as_ref().map_or("", |range| &range.relpersistence)),
            elements: n.table_elts.iter().filter_map(|node| self.table_element(node)).collect(),
            inherits: parents,
            partition_of,
            partition_key: n
                .partspec
                .as_ref()
                .map(|spec| spec.part_params.iter().map(partition_key).collect()),
            of_type,
            options: options(&n.options),
            server,
        }
    }

    fn table_element(&self, node: &Node) -> Option<TableElement> {
        Some(match node.node.as_ref()? {
            N::ColumnDef(n) => TableElement::Column(self.column_def(n)),
            N::Constraint(n) => TableElement::Constraint(self.table_constraint(n)),
            N::TableLikeClause(n) => TableElement::Like {
                source: self.optional_relation(n.relation.as_ref()),
                options: like_options(n.options),
            },
            _ => return None,
        })
    }

    pub(super) fn column_def(&self, n: &pb::ColumnDef) -> ColumnDef {
        let tokens = self.tokens();
        let index = self.index(n.location);
        let end = tokens.item_end(index);
        ColumnDef {
            name: Ident::new(&n.colname),
            span: tokens.span(index, end),
            name_span: self.token_span(index),
            data_type: n.type_name.as_ref().map(|name| self.type_name(name)),
            collation: self.collation(n.coll_clause.as_deref()),
            constraints: self.column_constraints(n, end),
        }
    }

    pub(super) fn collation(&self, n: Option<&pb::CollateClause>) -> Option<crate::sql::name::ObjectName> {
        let n = n?;
        // The location is that of the key word.
        Some(self.name_at(&n.collname, self.index(n.location) + 1))
    }

    fn column_constraints(&self, n: &pb::ColumnDef, end: usize) -> Vec<ConstraintDef> {
        let collate = n.coll_clause.as_ref().map(|clause| self.index(clause.location));
        self.constraints(&n.constraints, collate, end)
    }

    /// The constraints of a column or domain. DEFERRABLE and the like arrive as constraints of
    /// their own, after the one that they belong to.
    pub(super) fn constraints(&self, nodes: &[Node], other: Option<usize>, end: usize) -> Vec<ConstraintDef> {
        let nodes = || {
            nodes.iter().filter_map(|node| match &node.node {
                Some(N::Constraint(constraint)) => Some(&**constraint),
                _ => None,
            })
        };
        let starts: Vec<_> = nodes().filter(|n| !is_attribute(n)).map(|n| self.index(n.location)).collect();
        let mut list: Vec<ConstraintDef> = Vec::new();
        for n in nodes() {
            if let Some(last) = list.last_mut()
                && is_attribute(n)
            {
                apply_attribute(last, n.contype());
            } else if let Some(kind) = self.constraint_kind(n) {
                let start = self.index(n.location);
                let next = starts.iter().chain(&other).filter(|at| **at > start).min();
                list.push(self.constraint(n, kind, start, next.map_or(end, |next| *next)));
            }
        }
        list
    }

    /// A constraint that stands as an item of its own.
    pub(super) fn table_constraint(&self, n: &pb::Constraint) -> ConstraintDef {
        let start = self.index(n.location);
        let kind = self.constraint_kind(n).unwrap_or(ConstraintKind::Null);
        self.constraint(n, kind, start, self.tokens().item_end(start))
    }

    fn constraint(
        &self,
        n: &pb::Constraint,
        kind: ConstraintKind,
        start: usize,
        end: usize,
    ) -> ConstraintDef {
        ConstraintDef {
            name: optional(&n.conname),
            span: self.tokens().span(start, end),
            kind,
            deferrable: n.deferrable,
            initially_deferred: n.initdeferred,
            not_valid: n.skip_validation,
            no_inherit: n.is_no_inherit,
        }
    }

    fn constraint_kind(&self, n: &pb::Constraint) -> Option<ConstraintKind> {
        let raw = || self.optional_expr(&n.raw_expr).unwrap_or(Expr::NULL);
        Some(match n.contype() {
            ConstrType::ConstrNull => ConstraintKind::Null,
            ConstrType::ConstrNotnull => ConstraintKind::NotNull { column: idents(&n.keys).pop() },
            ConstrType::ConstrDefault => ConstraintKind::Default(raw()),
            ConstrType::ConstrIdentity => ConstraintKind::Identity {
                always: n.generated_when == "a",
                options: self.sequence_options(definitions(&n.options)),
            },
            ConstrType::ConstrGenerated => ConstraintKind::Generated(raw()),
            ConstrType::ConstrCheck => ConstraintKind::Check(raw()),
            ConstrType::ConstrPrimary | ConstrType::ConstrUnique => ConstraintKind::Unique {
                primary: n.contype() == ConstrType::ConstrPrimary,
                columns: idents(&n.keys),
                include: idents(&n.including),
                nulls_not_distinct: n.nulls_not_distinct,
                using_index: optional(&n.indexname),
            },
            ConstrType::ConstrForeign => ConstraintKind::ForeignKey(ForeignKey {
                columns: idents(&n.fk_attrs),
                references: self.optional_relation(n.pktable.as_ref()),
                referenced_columns: idents(&n.pk_attrs),
                on_delete: referential_action(&n.fk_del_action),
                on_update: referential_action(&n.fk_upd_action),
            }),
            ConstrType::ConstrExclusion => ConstraintKind::Exclude {
                method: Ident::new(if n.access_method.is_empty() { "btree" } else { &n.access_method }),
                keys: n.exclusions.iter().map(|pair| items(pair).first().and_then(index_column)).collect(),
                include: idents(&n.including),
                predicate: self.optional_expr(&n.where_clause),
            },
            _ => return None,
        })
    }
}

fn is_attribute(n: &pb::Constraint) -> bool {
    matches!(
        n.contype(),
        ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced
    )
}

fn apply_attribute(constraint: &mut ConstraintDef, attribute: ConstrType) {
    match attribute {
        ConstrType::ConstrAttrDeferrable => constraint.deferrable = true,
        ConstrType::ConstrAttrNotDeferrable => constraint.deferrable = false,
        // INITIALLY DEFERRED makes a constraint deferrable.
        ConstrType::ConstrAttrDeferred => {
            (constraint.deferrable, constraint.initially_deferred) = (true, true);
        }
        ConstrType::ConstrAttrImmediate => constraint.initially_deferred = false,
        ConstrType::ConstrAttrNotEnforced => constraint.not_valid = true,
        _ => {}
    }
}

fn referential_action(code: &str) -> ReferentialAction {
    match code {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

fn partition_key(node: &Node) -> Option<Ident> {
    match &node.node {
        Some(N::PartitionElem(element)) => optional(&element.name),
        _ => None,
    }
}

/// The bits of `TableLikeOption` in PostgreSQL's parsenodes.h.
fn like_options(bits: u32) -> LikeOptions {
    let has = |bit: u32| bits & (1 << bit) != 0;
    LikeOptions {
        comments: has(0),
        compression: has(1),
        constraints: has(2),
        defaults: has(3),
        generated: has(4),
        identity: has(5),
        indexes: has(6),
        statistics: has(7),
        storage: has(8),
    }
}
