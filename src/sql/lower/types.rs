//! Types, domains and sequences.

use pg_query::NodeEnum as N;
use pg_query::protobuf::{self as pb, Node};

use super::Cx;
use super::name::{definitions, items, qualified, string, strings, value};
use crate::sql::name::{Ident, ObjectName};
use crate::sql::statement::{
    AlterDomain, AlterEnum, AlterSequence, ColumnDef, CreateSequence, CreateType, CreateTypeKind,
    DomainChange, EnumChange, EnumNeighbour, OwnedBy, SequenceOptions, StatementKind,
};

impl Cx<'_> {
    pub(super) fn create_enum(&self, n: &pb::CreateEnumStmt) -> CreateType {
        CreateType { name: self.name_at(&n.type_name, 2), kind: CreateTypeKind::Enum(strings(&n.vals)) }
    }

    pub(super) fn create_range(&self, n: &pb::CreateRangeStmt) -> CreateType {
        CreateType { name: self.name_at(&n.type_name, 2), kind: CreateTypeKind::Range }
    }

    pub(super) fn create_composite(&self, n: &pb::CompositeTypeStmt) -> CreateType {
        let column = |node: &Node| match &node.node {
            Some(N::ColumnDef(column)) => Some(self.column_def(column)),
            _ => None,
        };
        let columns: Vec<ColumnDef> = n.coldeflist.iter().filter_map(column).collect();
        CreateType {
            name: self.optional_relation(n.typevar.as_ref()),
            kind: CreateTypeKind::Composite(columns),
        }
    }

    pub(super) fn create_domain(&self, n: &pb::CreateDomainStmt) -> CreateType {
        CreateType {
            name: self.name_at(&n.domainname, 2),
            kind: CreateTypeKind::Domain {
                base: self.optional_type(n.type_name.as_ref()),
                collation: self.collation(n.coll_clause.as_deref()),
                constraints: self.constraints(&n.constraints, None, self.tokens().list.len()),
            },
        }
    }

    pub(super) fn alter_enum(&self, n: &pb::AlterEnumStmt) -> AlterEnum {
        let neighbour = (!n.new_val_neighbor.is_empty())
            .then(|| EnumNeighbour { value: n.new_val_neighbor.clone(), after: n.new_val_is_after });
        let change = if n.old_val.is_empty() {
            let if_not_exists = n.skip_if_new_val_exists;
            EnumChange::Add { value: n.new_val.clone(), if_not_exists, neighbour }
        } else {
            EnumChange::Rename { from: n.old_val.clone(), to: n.new_val.clone() }
        };
        AlterEnum { name: self.name_at(&n.type_name, 2), change }
    }

    pub(super) fn alter_domain(&self, n: &pb::AlterDomainStmt) -> StatementKind {
        let change = match (n.subtype.as_str(), n.def.as_deref()) {
            ("T", Some(default)) => DomainChange::SetDefault(self.expr(default)),
            ("T", None) => DomainChange::DropDefault,
            ("N", _) => DomainChange::DropNotNull,
            ("O", _) => DomainChange::SetNotNull,
            ("X", _) => DomainChange::DropConstraint { name: Ident::new(&n.name), if_exists: n.missing_ok },
            ("V", _) => DomainChange::ValidateConstraint(Ident::new(&n.name)),
            ("C", Some(Node { node: Some(N::Constraint(constraint)) })) => {
                DomainChange::AddConstraint(self.table_constraint(constraint))
            }
            _ => return StatementKind::Other("ALTER DOMAIN"),
        };
        StatementKind::AlterDomain(AlterDomain { name: self.name_at(&n.type_name, 2), change })
    }

    pub(super) fn create_sequence(&self, n: &pb::CreateSeqStmt) -> CreateSequence {
        CreateSequence {
            name: self.optional_relation(n.sequence.as_ref()),
            if_not_exists: n.if_not_exists,
            persistence: super::table::persistence(
                n.sequence.as_ref().map_or("", |range| &range.relpersistence),
            ),
            options: self.sequence_options(definitions(&n.options)),
        }
    }

    pub(super) fn alter_sequence(&self, n: &pb::AlterSeqStmt) -> AlterSequence {
        AlterSequence {
            name: self.optional_relation(n.sequence.as_ref()),
            if_exists: n.missing_ok,
            options: self.sequence_options(definitions(&n.options)),
        }
    }

    pub(super) fn sequence_options<'n>(
        &self,
        list: impl Iterator<Item = &'n pb::DefElem>,
    ) -> SequenceOptions {
        let mut options = SequenceOptions::default();
        for option in list {
            let Some(argument) = option.arg.as_deref() else { continue };
            let number = || value(argument).and_then(|number| number.parse().ok());
            match option.defname.as_str() {
                "as" => options.data_type = self.type_node(argument),
                "start" => options.start = number(),
                "increment" => options.increment = number(),
                "minvalue" => options.minimum = number(),
                "maxvalue" => options.maximum = number(),
                "owned_by" => options.owned_by = Some(self.owned_by(items(argument), option.location)),
                "sequence_name" => {
                    let at = self.index(option.location) + 2;
                    options.sequence_name = Some(self.name_at(items(argument), at));
                }
                _ => {}
            }
        }
        options
    }

    fn owned_by(&self, parts: &[Node], location: i32) -> OwnedBy {
        let [table @ .., column] = parts else { return OwnedBy::None };
        if table.is_empty() {
            return OwnedBy::None;
        }
        let start = self.index(location) + 2;
        let tokens = self.tokens();
        let span = tokens.span(start, tokens.after_name(start).saturating_sub(2));
        let table: ObjectName = qualified(table, span);
        OwnedBy::Column { table, column: Ident::new(string(column)) }
    }
}
