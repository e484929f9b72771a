//! Row level security policies.

use crate::catalog::acl::Grantee;
use crate::catalog::name::QName;
use crate::catalog::origin::{History, Origin};
use crate::catalog::table::Table;
use crate::source::{Span, Spanned};
use crate::sql::expr::{Expr, Literal, Oid, Target};
use crate::sql::name::Ident;
use crate::sql::statement::{Clause, PolicyCommand};

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: Ident,
    /// The names that it had before, and how many others had left each.
    pub former: Vec<(Ident, usize)>,
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
    /// How many doubts there were when a statement last showed that it is there.
    pub known_from: u32,
}

/// A DROP POLICY IF EXISTS that dropped nothing while a policy of almost the same name was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedPolicy {
    pub table: Oid,
    pub name: Ident,
    /// Where the name stands in the statement.
    pub span: Span,
    /// The policy that may be meant, and when it was made.
    pub near: Ident,
    pub near_made: Origin,
}

/// Whether two names differ in nothing but capitals, blanks and signs, or one letter more or less.
fn is_almost(one: &str, other: &str) -> bool {
    let bare = |name: &str| -> Vec<char> {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (mut shorter, mut longer) = (bare(one), bare(other));
    if shorter.len() > longer.len() {
        std::mem::swap(&mut shorter, &mut longer);
    }
    let same = shorter.iter().zip(&longer).take_while(|(one, other)| one == other).count();
    let extra_letter = longer.len() == shorter.len() + 1
        && longer[same].is_alphabetic()
        && longer[same + 1..] == shorter[same..];
    !shorter.is_empty() && (shorter == longer || extra_letter)
}

impl Table {
    /// The policy that a name, which none has, may mean.
    pub(super) fn policy_like(&self, name: &Ident) -> Option<&Policy> {
        self.policies.values().find(|policy| is_almost(&policy.name, name))
    }
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

    /// `policy "own"`
    pub fn in_words(&self) -> String {
        format!("policy {}", self.name.delimited())
    }

    /// `policy "own" on public.notes`
    pub fn on(&self, table: &QName) -> String {
        format!("{} on {table}", self.in_words())
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

    /// Whether a row can pass at most one of two policies in a command: both hold a text column of the
    /// table to a constant, each to its own.
    pub fn excludes(&self, other: &Self, table: &Table, command: PolicyCommand) -> bool {
        let held = |policy: &'_ Self| {
            let mut list = Vec::new();
            if let Some(clause) = policy.gates(command).next() {
                texts_held(&clause.value, table, &mut list);
            }
            list
        };
        let others = held(other);
        held(self)
            .iter()
            .any(|(own, text)| others.iter().any(|(attnum, other)| own == attnum && text != other))
    }
}

/// The columns of a table that a condition compares with a constant text, whatever else it asks.
fn texts_held(expr: &Expr, table: &Table, held: &mut Vec<(i16, String)>) {
    match expr {
        Expr::And(list) => list.iter().for_each(|part| texts_held(part, table, held)),
        Expr::Op { op, left: Some(left), right } if op == "=" => {
            let (left, right) = (as_text(left), as_text(right));
            let sides = [(left, right), (right, left)];
            for (column, constant) in sides {
                let (Expr::Column(column), Expr::Literal(Literal::String(text))) = (column, constant) else {
                    continue;
                };
                let Target::Column { relation, attnum, depth: 0 } = column.target else { continue };
                let data_type = table.column_at(attnum).map(|column| &column.data_type.value);
                let is_text = data_type.is_some_and(|it| it.is_builtin("text") || it.is_builtin("varchar"));
                if relation == table.oid && is_text {
                    held.push((attnum, text.clone()));
                }
            }
        }
        _ => {}
    }
}

/// The expression without casts to text: others, such as `citext`, bring their own `=`.
fn as_text(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr, to } if to.name.name == "text" || to.name.name == "varchar" => as_text(expr),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::sql::statement::PolicyCommand;
    use crate::testing::Bench;

    #[test]
    fn policies_for_different_texts_exclude_each_other() {
        let bench = Bench::new(
            "create extension citext with schema extensions;
             create table a (id int, kind text, name extensions.citext);
             create policy one on a for select using (kind = 'one' and id = 1);
             create policy two on a for select using (id = 2 and 'two'::text = kind);
             create policy also_two on a for select using ((kind)::text = 'two');
             create policy either on a for select using (kind = 'one' or id = 1);
             create policy name on a for select using (name = 'one');
             create policy other_name on a for select using (name = 'ONE');
             create policy cast_name on a for select using (kind::citext = 'ONE');",
        );
        let table = bench.catalog.table(&QName::new("public", "a")).expect("the table is there");
        let excludes = |one: &str, other: &str| {
            table.policies[one].excludes(&table.policies[other], table, PolicyCommand::Select)
        };
        assert!(excludes("one", "two") && excludes("one", "also_two"));
        for (one, other) in
            [("two", "also_two"), ("one", "either"), ("name", "other_name"), ("one", "cast_name")]
        {
            assert!(!excludes(one, other), "{one} and {other}");
        }
    }
}
