//! Row level security policies.

use crate::catalog::acl::Grantee;
use crate::catalog::origin::History;
use crate::source::{Span, Spanned};
use crate::sql::expr::Expr;
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand};

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: Ident,
    pub history: History,
    /// Where its name stands in the statement that made it.
    pub name_span: Span,
    pub command: Spanned<PolicyCommand>,
    pub permissive: bool,
    /// The TO clause; PUBLIC, at the statement's place, where it is absent.
    pub roles: Spanned<Vec<Grantee>>,
    pub using: Option<Clause>,
    pub with_check: Option<Clause>,
    pub comment: Option<String>,
}

impl Policy {
    /// USING and WITH CHECK, as far as they are there.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.using.iter().chain(&self.with_check)
    }

    /// The expressions of both.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.clauses().map(|clause| &clause.value)
    }

    /// Where its name stands, unless this place is in the same statement.
    pub fn name_apart_from(&self, place: Span) -> Option<Span> {
        let same = self.history.created.span().is_some_and(|statement| statement.contains(place));
        (!same).then_some(self.name_span)
    }

    /// Whether it is for requests without a signed-in user, by name or because it is for everybody.
    pub fn binds_anonymous(&self) -> bool {
        self.roles.value.iter().any(|grantee| match grantee {
            Grantee::Public => true,
            Grantee::Role(role) => *role == "anon",
        })
    }

    /// Whether it has a say in this command, which is not ALL.
    pub fn covers(&self, command: PolicyCommand) -> bool {
        self.command.value == PolicyCommand::All || self.command.value == command
    }
}
