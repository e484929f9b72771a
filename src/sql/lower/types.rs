//! Types, domains and sequences.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{definition, definitions, items, letter, qualified, required, strings, value};
use super::table::persistence;
use crate::sql::parser::{List, present};
use crate::sql::statement::{
    AlterDomain, AlterEnum, AlterSequence, ColumnDef, CreateSequence, CreateType, CreateTypeKind,
    DomainChange, EnumChange, EnumNeighbour, OwnedBy, SequenceOptions, StatementKind,
};

impl Cx<'_> {
    pub(super) fn create_enum(&self, n: &pg::CreateEnumStmt) -> CreateType {
        CreateType { name: self.name_at(n.type_name(), 2), kind: CreateTypeKind::Enum(strings(n.vals())) }
    }

    pub(super) fn create_range(&self, n: &pg::CreateRangeStmt) -> CreateType {
        let option = |name: &str| self.type_node(definition(n.params(), name)?.arg());
        let subtype = option("subtype").unwrap_or_else(|| self.optional_type(None));
        let multirange = option("multirange_type_name").map(|name| name.name);
        CreateType {
            name: self.name_at(n.type_name(), 2),
            kind: CreateTypeKind::Range { subtype, multirange },
        }
    }

    pub(super) fn create_composite(&self, n: &pg::CompositeTypeStmt) -> CreateType {
        let column = |node: Node<'_>| match node {
            Node::ColumnDef(column) => Some(self.column_def(column)),
            _ => None,
        };
        let columns: Vec<ColumnDef> = n.coldeflist().items().filter_map(column).collect();
        CreateType { name: self.optional_relation(n.typevar()), kind: CreateTypeKind::Composite(columns) }
    }

    pub(super) fn create_domain(&self, n: &pg::CreateDomainStmt) -> CreateType {
        CreateType {
            name: self.name_at(n.domainname(), 2),
            kind: CreateTypeKind::Domain {
                base: self.optional_type(n.type_name()),
                collation: self.collation(n.coll_clause()),
                constraints: self.constraints(n.constraints(), None, self.tokens().list.len()),
            },
        }
    }

    pub(super) fn alter_enum(&self, n: &pg::AlterEnumStmt) -> AlterEnum {
        let value = n.new_val().unwrap_or_default().to_owned();
        let change = match n.old_val() {
            Some(old) => EnumChange::Rename { from: old.to_owned(), to: value },
            None => EnumChange::Add {
                value,
                if_not_exists: n.skip_if_new_val_exists,
                neighbour: n
                    .new_val_neighbor()
                    .map(|value| EnumNeighbour { value: value.to_owned(), after: n.new_val_is_after }),
            },
        };
        AlterEnum { name: self.name_at(n.type_name(), 2), change }
    }

    pub(super) fn alter_domain(&self, n: &pg::AlterDomainStmt) -> StatementKind {
        let change = match (letter(n.subtype), n.def()) {
            ('T', Node::None) => DomainChange::DropDefault,
            ('T', default) => DomainChange::SetDefault(self.expr(default)),
            ('N', _) => DomainChange::DropNotNull,
            ('O', _) => DomainChange::SetNotNull,
            ('X', _) => DomainChange::DropConstraint { name: required(n.name()), if_exists: n.missing_ok },
            ('V', _) => DomainChange::ValidateConstraint(required(n.name())),
            ('C', Node::Constraint(constraint)) => {
                DomainChange::AddConstraint(Box::new(self.table_constraint(constraint)))
            }
            _ => return StatementKind::Other("ALTER DOMAIN"),
        };
        StatementKind::AlterDomain(Box::new(AlterDomain { name: self.name_at(n.type_name(), 2), change }))
    }

    pub(super) fn create_sequence(&self, n: &pg::CreateSeqStmt) -> CreateSequence {
        CreateSequence {
            name: self.optional_relation(n.sequence()),
            if_not_exists: n.if_not_exists,
            persistence: persistence(n.sequence()),
            options: self.sequence_options(definitions(n.options())),
        }
    }

    pub(super) fn alter_sequence(&self, n: &pg::AlterSeqStmt) -> AlterSequence {
        AlterSequence {
            name: self.optional_relation(n.sequence()),
            if_exists: n.missing_ok,
            options: self.sequence_options(definitions(n.options())),
        }
    }

    pub(super) fn sequence_options<'n>(
        &self,
        list: impl Iterator<Item = &'n pg::DefElem>,
    ) -> SequenceOptions {
        let mut options = SequenceOptions::default();
        for option in list {
            let Some(argument) = present(option.arg()) else { continue };
            let number = || value(argument).and_then(|number| number.parse().ok());
            match option.defname().unwrap_or_default() {
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

    fn owned_by(&self, parts: &NodeList, location: i32) -> OwnedBy {
        let mut parts = parts.iter();
        let (Some(column), 1..) = (parts.next_back(), parts.len()) else { return OwnedBy::None };
        let start = self.index(location) + 2;
        let tokens = self.tokens();
        let span = tokens.span(start, tokens.after_name(start).saturating_sub(2));
        OwnedBy::Column { table: qualified(parts, span), column: required(column.as_str()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;
    use crate::sql::statement::AlterAction;

    #[test]
    fn types_are_read() {
        let text = "create type s.\"Mood\" as enum ('a', 'b''c')";
        let created = lowered!(CreateType, text);
        assert_eq!(under(text, created.name.span), "s.\"Mood\"");
        assert_eq!(created.kind, CreateTypeKind::Enum(vec!["a".into(), "b'c".into()]));
        let text = "create type r as range (subtype = int, multirange_type_name = s.rs)";
        let CreateTypeKind::Range { subtype, multirange } = lowered!(CreateType, text).kind else { panic!() };
        assert_eq!(
            (subtype.name.to_string().as_str(), under(text, multirange.unwrap().span)),
            ("pg_catalog.int4", "s.rs")
        );
        let text = "create type c as (a int, b text collate \"C\")";
        let CreateTypeKind::Composite(columns) = lowered!(CreateType, text).kind else { panic!() };
        assert_eq!(under(text, columns[1].span), "b text collate \"C\"");
        let text =
            "create domain s.d as text collate \"C\" default 'x' not null constraint k check (value <> '')";
        let created = lowered!(CreateType, text);
        assert_eq!(under(text, created.name.span), "s.d");
        let CreateTypeKind::Domain { constraints, collation, .. } = created.kind else { panic!() };
        let places: Vec<_> = constraints.iter().map(|constraint| under(text, constraint.span)).collect();
        assert_eq!(places, ["default 'x'", "not null", "constraint k check (value <> '')"]);
        assert!(collation.is_some());
    }

    #[test]
    fn changes_of_types_are_read() {
        let text = "alter type s.m add value if not exists 'x' before 'y'";
        let altered = lowered!(AlterEnum, text);
        assert_eq!(under(text, altered.name.span), "s.m");
        let neighbour = Some(EnumNeighbour { value: "y".into(), after: false });
        assert_eq!(altered.change, EnumChange::Add { value: "x".into(), if_not_exists: true, neighbour });
        let renamed = lowered!(AlterEnum, "alter type m rename value 'a' to 'b'");
        assert_eq!(renamed.change, EnumChange::Rename { from: "a".into(), to: "b".into() });
        let change = |text: &str| lowered!(AlterDomain, text).change;
        assert!(matches!(change("alter domain d set default 1"), DomainChange::SetDefault(_)));
        assert_eq!(change("alter domain d drop default"), DomainChange::DropDefault);
        assert_eq!(change("alter domain d set not null"), DomainChange::SetNotNull);
        assert_eq!(change("alter domain d drop not null"), DomainChange::DropNotNull);
        assert!(matches!(change("alter domain d add constraint c check (value > 1) not valid"),
            DomainChange::AddConstraint(constraint) if constraint.not_valid));
        assert_eq!(
            change("alter domain d validate constraint c"),
            DomainChange::ValidateConstraint("c".into())
        );
        let drop = DomainChange::DropConstraint { name: "c".into(), if_exists: true };
        assert_eq!(change("alter domain s.d drop constraint if exists c"), drop);
    }

    #[test]
    fn sequences_are_read() {
        let text = "create sequence if not exists s.q as int start with 5 increment by -2 \
                    minvalue -9223372036854775808 no maxvalue owned by s.t.c";
        let sequence = lowered!(CreateSequence, text);
        assert_eq!(under(text, sequence.name.span), "s.q");
        let options = sequence.options;
        assert_eq!((options.start, options.increment), (Some(5), Some(-2)));
        assert_eq!((options.minimum, options.maximum), (Some(i64::MIN), None));
        let Some(OwnedBy::Column { table, column }) = options.owned_by else { panic!() };
        assert_eq!((under(text, table.span), column.as_str()), ("s.t", "c"));
        let altered = lowered!(AlterSequence, "alter sequence if exists q owned by none");
        assert!(altered.if_exists && altered.options.owned_by == Some(OwnedBy::None));
        let text = "alter table t alter a add generated always as identity (sequence name s.q start 1)";
        let action = lowered!(AlterTable, text).actions.remove(0).value;
        let AlterAction::AddIdentity { options, .. } = action else { panic!() };
        assert_eq!(under(text, options.sequence_name.unwrap().span), "s.q");
    }
}
