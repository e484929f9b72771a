//! Applying statements: one match, one line per kind.

pub(super) mod access_method;
mod alter_table;
mod cast;
mod collation;
mod comment;
mod constraint;
pub mod data_type;
mod default_privileges;
mod drop;
mod event_trigger;
pub(crate) mod extension;
mod function;
mod grant;
mod index;
mod managed;
mod mutable;
mod namespace;
mod owned;
mod owner;
mod partition;
mod policy;
mod publication;
mod query;
mod rename;
pub(crate) mod role;
pub(in crate::catalog) mod rows;
mod sequence;
mod server;
mod set_schema;
pub(crate) mod setting;
pub mod signature;
mod table;
mod target;
mod transaction;
mod trigger;
mod truncate;
mod user_type;
mod view;
mod written;

use crate::catalog::Catalog;
pub(super) use crate::catalog::apply::function::alike as function_alike;
pub(super) use crate::catalog::apply::table::new_name;
pub(super) use crate::catalog::apply::written::{is_list_of_values, rows as written_rows};
use crate::catalog::interpret;
pub use crate::catalog::misfit::Misfit;
use crate::catalog::origin::Origin;
use crate::catalog::table::Table;
use crate::sql::statement::{ObjectKind, Statement, StatementKind};

/// What comes of a statement.
pub type Applied = Result<(), Misfit>;

impl Catalog {
    /// Starts a file: what the last one set for its session is forgotten (`RESET ALL`), and so are
    /// its temporary tables.
    pub fn begin_file(&mut self) {
        self.session = self.session.reset();
        // A scan of all tables for each file would cost the square of a long history.
        let gone = std::mem::take(&mut self.temporary);
        // What depends on them is as temporary.
        let _ = self.drop_objects(gone, true, None);
    }

    /// Applies the statements of one file. What a transaction of the file takes back is left out.
    pub fn apply_file(&mut self, statements: &[Statement]) {
        self.begin_file();
        let known = self.tables.len();
        let kept = transaction::kept(statements);
        for (statement, _) in statements.iter().zip(kept).filter(|(_, kept)| *kept) {
            self.session.running.start.get_or_insert(statement.span);
            self.apply(statement);
        }
        self.tables.values_mut().skip(known).for_each(Table::shrink_parts);
    }

    /// Takes in the rows that a file changes, and nothing else of it.
    pub fn apply_rows(&mut self, statements: &[Statement]) {
        self.begin_file();
        for statement in statements {
            if let StatementKind::Change(change) = &statement.kind {
                // What does not fit is for those who run the file.
                let _ = rows::change(self, change, statement.span);
            }
        }
    }

    /// Applies a statement. What does not fit is recorded as a failure, or as a gap where it is not
    /// certain that PostgreSQL refuses it.
    pub fn apply(&mut self, statement: &Statement) {
        let expected = self.expectations(statement);
        let first = self.failures.len();
        let added = self.rows_to_hold(statement);
        self.note_rows(statement);
        self.forget_held(statement);
        if let Err(misfit) = self.try_apply(statement) {
            self.record_misfit(statement.span, misfit);
        }
        self.conclude(statement, expected, first);
        if self.failures.len() == first {
            self.note_held(statement, added);
        }
        if matches!(statement.kind, StatementKind::CreateTableAs(_)) {
            self.note_rows(statement);
        }
    }

    /// Applies a statement, or says why it cannot be.
    pub fn try_apply(&mut self, statement: &Statement) -> Applied {
        self.apply_in_place(statement).unwrap_or_else(|| self.apply_anew(statement))
    }

    /// Applies a statement beside all that there is.
    pub(super) fn apply_anew(&mut self, statement: &Statement) -> Applied {
        self.expect_own_ground(statement);
        let applied = match &statement.kind {
            // The relations of a query are looked up in another way.
            StatementKind::Query(_)
            | StatementKind::Call(_)
            | StatementKind::Change(_)
            | StatementKind::Do(_) => self.dispatch(statement),
            _ => self
                .expect_kinds(statement)
                .and_then(|()| self.dispatch(statement))
                .map_err(|misfit| self.blame_schema(misfit)),
        };
        self.note_references_of(statement);
        let unfit = std::mem::take(&mut self.unfit);
        let is_in_way = |misfit: &Misfit| misfit.beside.is_some_and(|place| self.is_of_failing(place));
        match applied {
            // To PostgreSQL it is not in the way, and the rest of the statement counts.
            Err(misfit) if self.attempts == 0 && is_in_way(&misfit) => {
                self.record_unfit(statement.span, unfit)?;
                Err(misfit)
            }
            Err(misfit) => Err(misfit),
            Ok(()) => self.record_unfit(statement.span, unfit).inspect_err(|_| self.take_back(statement)),
        }
    }

    fn dispatch(&mut self, statement: &Statement) -> Applied {
        let origin = Origin::Statement(statement.span);
        match &statement.kind {
            StatementKind::CreateSchema(create) => namespace::create(self, create, origin),
            StatementKind::CreateTable(create) => table::create(self, create, origin),
            StatementKind::CreateTableAs(create) => view::create_table_as(self, create, origin),
            StatementKind::CreateView(create) => view::create(self, create, origin),
            StatementKind::CreateIndex(create) => index::create(self, create, origin),
            StatementKind::CreatePolicy(create) => policy::create(self, create, origin),
            StatementKind::CreateFunction(create) => function::create(self, create, origin),
            StatementKind::CreateAggregate(create) => function::create_aggregate(self, create, origin),
            StatementKind::CreateTrigger(create) => trigger::create(self, create, origin),
            StatementKind::CreateEventTrigger(create) => event_trigger::create(self, create, origin),
            StatementKind::CreateRule(create) => trigger::create_rule(self, create),
            StatementKind::CreateSequence(create) => sequence::create(self, create, origin),
            StatementKind::CreateType(create) => user_type::create(self, create, origin),
            StatementKind::CreateRole(create) => role::create(self, create, origin),
            StatementKind::CreateExtension(create) => extension::create(self, create, origin),
            StatementKind::CreatePublication(publication) => publication::create(self, publication, origin),
            StatementKind::CreateCollation { name, if_not_exists } => {
                collation::create(self, name, *if_not_exists)
            }
            StatementKind::CreateServer { name, wrapper, if_not_exists } => {
                server::create(self, name, wrapper, *if_not_exists, origin)
            }

            StatementKind::AlterTable(alter) => alter_table::alter(self, alter, origin),
            StatementKind::AlterPolicy(alter) => policy::alter(self, alter, origin),
            StatementKind::AlterFunction(alter) => function::alter(self, alter, origin),
            StatementKind::AlterSequence(alter) => sequence::alter(self, alter, origin),
            StatementKind::AlterEnum(alter) => user_type::alter_enum(self, alter, origin),
            StatementKind::AlterDomain(alter) => user_type::alter_domain(self, alter, origin),
            StatementKind::AlterRole(alter) => role::alter(self, alter, origin),
            StatementKind::AlterRoleSet { role, change } => {
                role::alter_set(self, role.as_ref(), change, origin)
            }
            StatementKind::AlterDatabaseSet { change } => role::alter_database_set(self, change),
            StatementKind::AlterPublication(publication) => publication::alter(self, publication, origin),
            StatementKind::AlterEventTrigger { name, enabled } => {
                event_trigger::alter(self, &name.value, *enabled, origin)
            }
            StatementKind::AlterDefaultPrivileges(alter) => default_privileges::alter(self, alter, origin),
            StatementKind::Rename(rename) => rename::apply(self, rename, origin),
            StatementKind::SetSchema { object, if_exists, schema } => {
                set_schema::apply(self, object, *if_exists, schema, origin)
            }
            StatementKind::SetOwner { object, owner } => owner::set(self, object, owner, origin),
            StatementKind::Drop(drop) => drop::apply(self, drop, origin),
            StatementKind::DropOwned { roles, cascade } => owned::drop(self, roles, *cascade, origin),
            StatementKind::ReassignOwned { roles, to } => owned::reassign(self, roles, to, origin),

            StatementKind::Grant(grant) => grant::apply(self, grant, origin),
            StatementKind::GrantRole(grant) => role::grant(self, grant, origin),
            StatementKind::Comment { object, text } => comment::apply(self, object, text.as_deref()),

            StatementKind::Refresh { name, with_data } => view::refresh(self, name, *with_data),
            StatementKind::Truncate { tables, cascade } => truncate::apply(self, tables, *cascade),
            StatementKind::Set(change) => {
                self.session.set(change);
                Ok(())
            }
            StatementKind::SetLocal(change) => {
                self.session.set_local(change);
                Ok(())
            }
            StatementKind::Do(block) => interpret::run_do(self, block, statement.span),
            StatementKind::Query(query) => {
                self.expect_names_of_query(query, &[]);
                interpret::run_query(self, query, statement.span)
            }
            StatementKind::Call(expr) => interpret::run_call(self, expr, statement.span),
            StatementKind::Change(change) => {
                self.expect_names_of_change(change, &[]);
                rows::change(self, change, statement.span)
            }
            StatementKind::Transaction(change) => transaction::apply(self, change),
            StatementKind::Other(command) => {
                self.has_own_casts |=
                    ["CREATE CAST", "CREATE OPERATOR", "CREATE OPERATOR CLASS"].contains(command);
                transaction::expect_none(self, command)
            }
            StatementKind::Data(target) => {
                target.iter().for_each(|target| self.expect_target(target));
                Ok(())
            }
        }
    }
}

impl ObjectKind {
    /// The word for it in a message.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::Index => "index",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Routine => "routine",
            Self::Aggregate => "aggregate",
            Self::Schema => "schema",
            Self::Role => "role",
            Self::Extension => "extension",
            Self::Database => "database",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::EventTrigger => "event trigger",
            Self::ForeignServer => "foreign server",
            Self::ForeignDataWrapper => "foreign-data wrapper",
            Self::Language => "language",
            Self::Collation => "collation",
            Self::Policy => "policy",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Column => "column",
            Self::Constraint | Self::DomainConstraint => "constraint",
            Self::Attribute => "attribute",
            Self::Unmodelled(what) => what,
        }
    }
}
