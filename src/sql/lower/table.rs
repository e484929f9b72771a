//! Tables: their columns and constraints.

use pg_raw_parse::raw::ConstrType;
use pg_raw_parse::{Node, nodes as pg};

use super::Cx;
use super::name::{definitions, idents, items, letter, optional, options, required};
use super::relation::index_method;
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::parser::List;
use crate::sql::statement::{
    ColumnDef, ConstraintDef, ConstraintKind, CreateTable, ForeignKey, IndexKey, LikeOptions, Persistence,
    ReferentialAction, TableElement,
};

pub(super) fn persistence(relation: Option<&pg::RangeVar>) -> Persistence {
    match relation.map(|range| letter(range.relpersistence)) {
        Some('t') => Persistence::Temporary,
        Some('u') => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

impl Cx<'_> {
    pub(super) fn create_table(&self, n: &pg::CreateStmt, server: Option<Ident>) -> CreateTable {
        let mut parents: Vec<_> =
            n.inh_relations().items().filter_map(|node| self.relation_node(node)).collect();
        let partition_of = n.partbound().and_then(|_| parents.pop());
        let of_type = n.of_typename().map(|name| self.type_name(name).name);
        CreateTable {
            name: self.optional_relation(n.relation()),
            if_not_exists: n.if_not_exists,
            persistence: persistence(n.relation()),
            elements: n.table_elts().items().filter_map(|node| self.table_element(node)).collect(),
            inherits: parents,
            partition_of,
            partition_key: n.partspec().map(|spec| spec.part_params().items().map(partition_key).collect()),
            of_type,
            options: options(n.options()),
            server,
        }
    }

    fn table_element(&self, node: Node<'_>) -> Option<TableElement> {
        Some(match node {
            Node::ColumnDef(n) => TableElement::Column(self.column_def(n)),
            Node::Constraint(n) => TableElement::Constraint(self.table_constraint(n)),
            Node::TableLikeClause(n) => TableElement::Like {
                source: self.optional_relation(n.relation()),
                options: like_options(n.options),
            },
            _ => return None,
        })
    }

    pub(super) fn column_def(&self, n: &pg::ColumnDef) -> ColumnDef {
        let tokens = self.tokens();
        let index = self.index(n.location);
        let end = tokens.item_end(index);
        ColumnDef {
            name: required(n.colname()),
            span: tokens.span(index, end),
            name_span: self.token_span(index),
            data_type: n.type_name().map(|name| self.type_name(name)),
            collation: self.collation(n.coll_clause()),
            constraints: self.column_constraints(n, end),
        }
    }

    pub(super) fn collation(&self, n: Option<&pg::CollateClause>) -> Option<crate::sql::name::ObjectName> {
        let n = n?;
        // The location is that of the key word.
        Some(self.name_at(n.collname(), self.index(n.location) + 1))
    }

    fn column_constraints(&self, n: &pg::ColumnDef, end: usize) -> Vec<ConstraintDef> {
        let collate = n.coll_clause().map(|clause| self.index(clause.location));
        self.constraints(n.constraints(), collate, end)
    }

    /// The constraints of a column or domain. DEFERRABLE and the like arrive as constraints of
    /// their own, after the one that they belong to.
    pub(super) fn constraints<'t>(
        &self,
        nodes: impl List<'t>,
        other: Option<usize>,
        end: usize,
    ) -> Vec<ConstraintDef> {
        let nodes = || {
            nodes.items().filter_map(|node| match node {
                Node::Constraint(constraint) => Some(constraint),
                _ => None,
            })
        };
        let starts: Vec<_> = nodes().filter(|n| !is_attribute(n)).map(|n| self.index(n.location)).collect();
        let mut list: Vec<ConstraintDef> = Vec::new();
        for n in nodes() {
            if let Some(last) = list.last_mut()
                && is_attribute(n)
            {
                apply_attribute(last, n.contype);
            } else if let Some(kind) = self.constraint_kind(n) {
                let start = self.index(n.location);
                let next = starts.iter().chain(&other).filter(|at| **at > start).min();
                list.push(self.constraint(n, kind, start, next.map_or(end, |next| *next)));
            }
        }
        list
    }

    /// A constraint that stands as an item of its own.
    pub(super) fn table_constraint(&self, n: &pg::Constraint) -> ConstraintDef {
        let start = self.index(n.location);
        let kind = self.constraint_kind(n).unwrap_or(ConstraintKind::Null);
        self.constraint(n, kind, start, self.tokens().item_end(start))
    }

    fn constraint(
        &self,
        n: &pg::Constraint,
        kind: ConstraintKind,
        start: usize,
        end: usize,
    ) -> ConstraintDef {
        ConstraintDef {
            name: optional(n.conname()),
            span: self.tokens().span(start, end),
            kind,
            deferrable: n.deferrable,
            initially_deferred: n.initdeferred,
            not_valid: n.skip_validation,
            no_inherit: n.is_no_inherit,
        }
    }

    fn constraint_kind(&self, n: &pg::Constraint) -> Option<ConstraintKind> {
        let raw = || self.optional_expr(n.raw_expr()).unwrap_or(Expr::NULL);
        Some(match n.contype {
            ConstrType::CONSTR_NULL => ConstraintKind::Null,
            ConstrType::CONSTR_NOTNULL => ConstraintKind::NotNull { column: idents(n.keys()).pop() },
            ConstrType::CONSTR_DEFAULT => ConstraintKind::Default(raw()),
            ConstrType::CONSTR_IDENTITY => ConstraintKind::Identity {
                always: letter(n.generated_when) == 'a',
                options: Box::new(self.sequence_options(definitions(n.options()))),
            },
            ConstrType::CONSTR_GENERATED => ConstraintKind::Generated(raw()),
            ConstrType::CONSTR_CHECK => ConstraintKind::Check(raw()),
            ConstrType::CONSTR_PRIMARY | ConstrType::CONSTR_UNIQUE => ConstraintKind::Unique {
                primary: n.contype == ConstrType::CONSTR_PRIMARY,
                columns: idents(n.keys()),
                include: idents(n.including()),
                nulls_not_distinct: n.nulls_not_distinct,
                using_index: optional(n.indexname()),
            },
            ConstrType::CONSTR_FOREIGN => ConstraintKind::ForeignKey(ForeignKey {
                columns: idents(n.fk_attrs()),
                references: self.optional_relation(n.pktable()),
                referenced_columns: idents(n.pk_attrs()),
                on_delete: referential_action(letter(n.fk_del_action)),
                on_update: referential_action(letter(n.fk_upd_action)),
            }),
            ConstrType::CONSTR_EXCLUSION => ConstraintKind::Exclude {
                method: index_method(n.access_method()),
                keys: n
                    .exclusions()
                    .items()
                    .filter_map(|pair| self.exclusion_key(n, items(pair).first()?))
                    .collect(),
                include: idents(n.including()),
                predicate: self.optional_expr(n.where_clause()),
            },
            _ => return None,
        })
    }

    fn exclusion_key(&self, n: &pg::Constraint, node: Node<'_>) -> Option<IndexKey> {
        self.index_key(node, self.index(n.location)..self.tokens().list.len())
    }
}

fn is_attribute(n: &pg::Constraint) -> bool {
    matches!(
        n.contype,
        ConstrType::CONSTR_ATTR_DEFERRABLE
            | ConstrType::CONSTR_ATTR_NOT_DEFERRABLE
            | ConstrType::CONSTR_ATTR_DEFERRED
            | ConstrType::CONSTR_ATTR_IMMEDIATE
            | ConstrType::CONSTR_ATTR_ENFORCED
            | ConstrType::CONSTR_ATTR_NOT_ENFORCED
    )
}

fn apply_attribute(constraint: &mut ConstraintDef, attribute: ConstrType::Type) {
    match attribute {
        ConstrType::CONSTR_ATTR_DEFERRABLE => constraint.deferrable = true,
        ConstrType::CONSTR_ATTR_NOT_DEFERRABLE => constraint.deferrable = false,
        // INITIALLY DEFERRED makes a constraint deferrable.
        ConstrType::CONSTR_ATTR_DEFERRED => {
            (constraint.deferrable, constraint.initially_deferred) = (true, true);
        }
        ConstrType::CONSTR_ATTR_IMMEDIATE => constraint.initially_deferred = false,
        ConstrType::CONSTR_ATTR_NOT_ENFORCED => constraint.not_valid = true,
        _ => {}
    }
}

fn referential_action(code: char) -> ReferentialAction {
    match code {
        'r' => ReferentialAction::Restrict,
        'c' => ReferentialAction::Cascade,
        'n' => ReferentialAction::SetNull,
        'd' => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

fn partition_key(node: Node<'_>) -> Option<Ident> {
    match node {
        Node::PartitionElem(element) => optional(element.name()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lower::testing::under;
    use crate::sql::statement::IndexKeyValue;

    fn columns(table: CreateTable) -> Vec<ColumnDef> {
        let column = |element| match element {
            TableElement::Column(column) => Some(column),
            _ => None,
        };
        table.elements.into_iter().filter_map(column).collect()
    }

    #[test]
    fn columns_and_constraints_have_places() {
        let text = "create table if not exists a.\"é\" (
            id bigint generated by default as identity (start 5) primary key,
            \"Owner\" uuid collate \"C\" not null default auth.uid() constraint fk1 references auth.users (id)
                on delete cascade deferrable initially deferred check (x > 1),
            price numeric(10, 2)[] unique,
            constraint u unique (a, b), foreign key (a) references o)";
        let table = lowered!(CreateTable, text);
        assert!(table.if_not_exists);
        assert_eq!(under(text, table.name.span), "a.\"é\"");
        let constraints: Vec<_> = table
            .elements
            .iter()
            .filter_map(|element| match element {
                TableElement::Constraint(constraint) => Some(under(text, constraint.span)),
                _ => None,
            })
            .collect();
        assert_eq!(constraints, ["constraint u unique (a, b)", "foreign key (a) references o"]);
        let columns = columns(*table);
        assert_eq!(
            under(text, columns[0].span),
            "id bigint generated by default as identity (start 5) primary key"
        );
        let ConstraintKind::Identity { always: false, options } = &columns[0].constraints[0].kind else {
            panic!()
        };
        assert_eq!(options.start, Some(5));
        assert_eq!(under(text, columns[1].name_span), "\"Owner\"");
        let places: Vec<_> = columns[1].constraints.iter().map(|c| under(text, c.span)).collect();
        assert_eq!(places[..2], ["not null", "default auth.uid()"]);
        assert!(
            places[2].starts_with("constraint fk1 references") && places[2].ends_with("initially deferred")
        );
        assert_eq!(places[3], "check (x > 1)");
        let key = &columns[1].constraints[2];
        assert!(key.deferrable && key.initially_deferred && key.name == Some("fk1".into()));
        let ConstraintKind::ForeignKey(key) = &key.kind else { panic!() };
        assert_eq!(under(text, key.references.span), "auth.users");
        assert_eq!((key.on_delete, key.on_update), (ReferentialAction::Cascade, ReferentialAction::NoAction));
        assert_eq!(under(text, columns[1].collation.as_ref().unwrap().span), "\"C\"");
        let price = columns[2].data_type.as_ref().unwrap();
        assert_eq!((&price.modifiers[..], price.dimensions), (&[10, 2][..], 1));
    }

    #[test]
    fn types_keep_their_words() {
        let text = "create table t (a serial, b timestamp (3) with time zone, c double precision not null, \
                    d public.mood, e integer, f text[][], g geography(point, 4326), h time without time zone)";
        let columns = columns(*lowered!(CreateTable, text));
        let of = |at: usize| columns[at].data_type.as_ref().unwrap();
        let names: Vec<_> = (0..8).map(|at| under(text, of(at).name.span)).collect();
        assert_eq!(
            names[0..4],
            ["serial", "timestamp (3) with time zone", "double precision", "public.mood"]
        );
        assert_eq!(names[7], "time without time zone");
        assert_eq!(of(0).name.to_string(), "serial");
        assert_eq!(of(4).name.to_string(), "pg_catalog.int4");
        assert_eq!(of(5).dimensions, 2);
        assert_eq!(of(6).modifiers, [4326 << 8 | 1 << 2]);
    }

    #[test]
    fn other_forms_of_a_table_are_read() {
        let table = lowered!(
            CreateTable,
            "create temp table t (like s.o including all excluding indexes) inherits (p)"
        );
        let TableElement::Like { source, options } = &table.elements[0] else { panic!() };
        assert!(source.to_string() == "s.o" && options.defaults && options.storage && !options.indexes);
        assert_eq!((table.persistence, table.inherits.len()), (Persistence::Temporary, 1));
        let table = lowered!(
            CreateTable,
            "create table t partition of s.p for values in (1) partition by hash (a, (b + 1))"
        );
        assert_eq!(table.partition_of.unwrap().to_string(), "s.p");
        assert_eq!(table.partition_key, Some(vec![Some("a".into()), None]));
        let table = lowered!(
            CreateTable,
            "create unlogged table t of ty with (fillfactor = 70, toast.autovacuum_enabled)"
        );
        assert_eq!(table.options, ["fillfactor=70", "toast.autovacuum_enabled=true"]);
        assert!(table.of_type.unwrap().name == "ty" && table.persistence == Persistence::Unlogged);
        let table = lowered!(CreateTable, "create foreign table t (a int) server s options (x 'y')");
        assert_eq!(table.server, Some("s".into()));
    }

    #[test]
    fn constraints_of_all_kinds_are_read() {
        let table = lowered!(
            CreateTable,
            "create table t (a int null, b int generated always as (a * 2) stored, \
            check (a > 0) no inherit, primary key (a) include (b), unique nulls not distinct (a), \
            exclude using gist (a with =, (b + 1) with &&) where (a > 1), not null a, \
            foreign key (a) references o (x) on update set null on delete restrict)"
        );
        let kinds: Vec<_> = table
            .elements
            .iter()
            .filter_map(|element| match element {
                TableElement::Constraint(constraint) => Some(&constraint.kind),
                _ => None,
            })
            .collect();
        assert!(matches!(kinds[0], ConstraintKind::Check(_)));
        assert!(
            matches!(kinds[1], ConstraintKind::Unique { primary: true, include, .. } if include.len() == 1)
        );
        assert!(matches!(kinds[2], ConstraintKind::Unique { primary: false, nulls_not_distinct: true, .. }));
        let ConstraintKind::Exclude { method, keys, predicate, .. } = kinds[3] else { panic!() };
        assert!(matches!(&keys[0].value, IndexKeyValue::Column(column) if column == "a"));
        assert!(matches!(&keys[1].value, IndexKeyValue::Expr(Expr::Op { .. })));
        assert!(method == "gist" && predicate.is_some());
        assert!(matches!(kinds[4], ConstraintKind::NotNull { column: Some(column) } if column == "a"));
        let ConstraintKind::ForeignKey(key) = kinds[5] else { panic!() };
        assert_eq!((key.on_update, key.on_delete), (ReferentialAction::SetNull, ReferentialAction::Restrict));
        let columns = columns(*table);
        assert_eq!(columns[0].constraints[0].kind, ConstraintKind::Null);
        assert!(matches!(columns[1].constraints[0].kind, ConstraintKind::Generated(_)));
    }
}
