//! The matrix: which rows each role of requests reaches with each command, and what makes it so.

use crate::access::formulas::Part;
use crate::access::rights::Rights;
use crate::catalog::acl::{Acl, Grantee};
use crate::catalog::function::{FunctionKind, Returns};
use crate::catalog::gap::Aspect;
use crate::catalog::name::QName;
use crate::catalog::origin::Origin;
use crate::catalog::policy::Policy;
use crate::catalog::role::Role;
use crate::catalog::table::{Column, Table};
use crate::catalog::types::{DataType, TypeRef, UserTypeKind};
use crate::catalog::view::View;
use crate::catalog::{Catalog, Relation};
use crate::predicate::{Condition, Conditions, Facts, Gives, Link, Node, Reach, is_plain};
use crate::source::Span;
use crate::sql::expr::{Call, Expr, FromItem, Oid, Query, QueryBody, Target, walk_queries};
use crate::sql::name::Ident;
use crate::sql::statement::{PolicyCommand, Privilege, TypeName, Volatility};

/// What one role reaches in one relation with one command.
#[derive(Clone, Debug)]
pub struct Cell {
    pub command: PolicyCommand,
    /// With a statement that reads columns, as each request of the Data API with a filter does. For
    /// INSERT: the rows that can be added.
    pub reach: Reach,
    /// With a statement that reads no column, such as an UPDATE or DELETE without WHERE.
    pub blind: Reach,
    /// Of the new rows of an UPDATE.
    pub new_rows: Option<Reach>,
    /// Of added rows, with RETURNING.
    pub returned: Option<Reach>,
    /// Whether statements that were not followed may have changed it.
    pub is_doubtful: bool,
    /// What `reach` is at most, where these may have dropped policies and nothing else.
    pub at_most: Option<Reach>,
    /// The columns in which the caller's id or address stands, where `reach` is of own rows.
    pub owner_columns: Vec<Ident>,
    /// The privilege is on these columns only.
    pub columns: Option<Vec<Ident>>,
    /// Of [`Rights::explained`] alone.
    pub reasons: Vec<Reason>,
}

/// A part of what makes a cell as it is.
#[derive(Clone, Debug)]
pub struct Reason {
    pub text: String,
    /// Where it is said; the platform says the rest.
    pub origin: Origin,
    /// What it lets through by itself: of a policy, or of a view's condition.
    pub reach: Option<Reach>,
}

/// Reasons as they are found. Most who ask want none, and none is worded then.
#[derive(Default)]
struct Reasons {
    wanted: bool,
    list: Vec<Reason>,
}

impl Reasons {
    fn unwanted() -> Self {
        Self::default()
    }

    fn add<T: Into<String>>(&mut self, origin: Origin, text: impl FnOnce() -> T) {
        self.add_reach(origin, None, text);
    }

    fn add_reach<T: Into<String>>(&mut self, origin: Origin, reach: Option<Reach>, text: impl FnOnce() -> T) {
        if self.wanted {
            self.list.push(Reason { text: text().into(), origin, reach });
        }
    }
}

/// `SELECT`
fn word(command: PolicyCommand) -> String {
    format!("{command:?}").to_uppercase()
}

/// The conditions that a cell comes from.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// On the rows that are reached; for INSERT, on those that are added.
    pub rows: Condition,
    /// On the new rows of an UPDATE.
    pub new_rows: Option<Condition>,
}

/// A row of the matrix.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub role: &'a Role,
    /// SELECT, INSERT, UPDATE, DELETE.
    pub cells: &'a [Cell; 4],
}

/// A relation and the rows of the matrix that are about it.
#[derive(Clone, Debug)]
pub struct Relations<'a> {
    pub name: QName,
    pub rows: Vec<Row<'a>>,
}

impl Catalog {
    /// The tables and views that the matrix is about: the project's own that the API serves, and
    /// those of the platform that the project has policies for.
    pub fn relations_of_requests(&self) -> Vec<QName> {
        let own = self.own_tables().map(|table| &table.name);
        let own = own.chain(self.own_views().map(|view| &view.name));
        let mut names: Vec<QName> = own.filter(|name| self.is_exposed(&name.schema)).cloned().collect();
        let platform = |table: &&Table| {
            table.history.created == Origin::Platform
                && table.policies.values().any(|policy| policy.history.created != Origin::Platform)
        };
        names.extend(self.tables.values().filter(platform).map(|table| table.name.clone()));
        names
    }

    /// Whether a name is that of a table or view.
    pub fn is_relation_with_rows(&self, name: &QName) -> bool {
        matches!(self.relation(name), Some(Relation::Table(_) | Relation::View(_)))
    }
}

/// The commands of a request, with the privilege that each needs.
pub const COMMANDS: [(PolicyCommand, Privilege); 4] = [
    (PolicyCommand::Select, Privilege::Select),
    (PolicyCommand::Insert, Privilege::Insert),
    (PolicyCommand::Update, Privilege::Update),
    (PolicyCommand::Delete, Privilege::Delete),
];

/// What the catalog itself knows: the bodies of functions take a [`Workload`].
impl Facts for Catalog {
    fn is_not_null(&self, relation: Oid, attnum: i16) -> bool {
        let Some(table) = self.tables.get(&relation) else { return false };
        let known = |column: &Column| column.not_null.value && has_order(self, &column.data_type.value);
        table.column_at(attnum).is_some_and(known) && !self.may_have_changed(&table.name, Aspect::Shape)
    }

    fn is_exact(&self, relation: Oid, attnum: i16) -> bool {
        let Some(table) = self.tables.get(&relation) else { return false };
        // A collation of its own may take different texts for equal.
        let is_text = |column: &Column| match &column.data_type.value.base {
            _ if column.data_type.value.array || column.collation.is_some() => false,
            TypeRef::Builtin(name) => matches!(name.as_str(), "text" | "varchar"),
            base @ TypeRef::User(_) => is_enum(self, base),
            TypeRef::Row(_) | TypeRef::Unknown(_) => false,
        };
        table.column_at(attnum).is_some_and(is_text) && !self.may_have_changed(&table.name, Aspect::Shape)
    }

    fn is_ordered(&self, relation: Oid, attnum: i16) -> bool {
        let column = self.tables.get(&relation).and_then(|table| table.column_at(attnum));
        let column = column.or_else(|| self.views.get(&relation)?.column_at(attnum));
        column.is_some_and(|column| has_order(self, &column.data_type.value))
    }

    fn is_enum(&self, data_type: &TypeName) -> bool {
        let known = self.resolve_type_name(&data_type.name).filter(|_| data_type.dimensions == 0);
        known.is_some_and(|known| !known.array && is_enum(self, &known.base))
    }

    fn gives(&self, function: Oid) -> Gives {
        match self.functions.get(&function) {
            Some(function) if function.kind == FunctionKind::Function => match function.returns {
                Returns::SetOf(_) | Returns::Table => Gives::Rows,
                _ => Gives::Value,
            },
            _ => Gives::Unknown,
        }
    }

    fn is_stable(&self, call: &Call) -> bool {
        let declared = call.target.and_then(|oid| self.functions.get(&oid));
        match declared {
            Some(function) if !is_plain(call) => function.volatility != Volatility::Volatile,
            _ => is_plain(call) || call.name.name == "current_setting",
        }
    }
}

fn is_enum(catalog: &Catalog, base: &TypeRef) -> bool {
    let TypeRef::User(oid) = base else { return false };
    catalog.types.get(oid).is_some_and(|known| matches!(known.kind, UserTypeKind::Enum { .. }))
}

/// Whether the values of a type have an order, and none is null in parts.
fn has_order(catalog: &Catalog, data_type: &DataType) -> bool {
    match &data_type.base {
        TypeRef::Builtin(name) => {
            !matches!(name.as_str(), "json" | "xml" | "point" | "line" | "record" | "polygon" | "path")
        }
        TypeRef::User(oid) => match catalog.types.get(oid).map(|user_type| &user_type.kind) {
            Some(UserTypeKind::Enum { .. }) => true,
            Some(UserTypeKind::Domain(domain)) => has_order(catalog, &domain.base),
            _ => false,
        },
        TypeRef::Row(_) | TypeRef::Unknown(_) => false,
    }
}

/// The conditions of one command: on the rows that are there, and on new ones.
struct Gates {
    rows: Node,
    /// The same for a statement that reads no column.
    blind: Node,
    new: Option<Node>,
    /// With RETURNING.
    returned: Option<Node>,
}

/// Whose policies are asked for whom.
#[derive(Clone, Copy)]
struct Asked<'t> {
    table: &'t Table,
    role: &'t Role,
    /// Without permissive policies that may have been dropped: what the others let through is reached for certain.
    certain: bool,
}

/// What is not known of a cell.
enum Doubt {
    Anything,
    /// Which of its policies may be gone. There are no others.
    Gone,
}

impl Gates {
    /// No row passes.
    fn closed(command: PolicyCommand) -> Self {
        let new = (command == PolicyCommand::Update).then_some(Node::FALSE);
        Self { rows: Node::FALSE, blind: Node::FALSE, new, returned: Some(Node::FALSE) }
    }
}

impl<'a> Rights<'a> {
    /// What a role reaches in a table.
    pub(super) fn table(&self, table: &'a Table, role: &'a Role, command: PolicyCommand) -> Cell {
        let mut reasons = self.reasons();
        let mut conditions = self.conditions_on(table, &role.name);
        let Some((gates, columns)) = self.table_gates(table, role, command, &mut conditions, &mut reasons)
        else {
            return Cell::none(command, reasons);
        };
        let mut cell = self.cell_of(command, &conditions, &gates);
        match self.doubt_about(table, role, command) {
            Some(Doubt::Gone) => self.leave_certain(table, role, &mut cell, &mut reasons),
            Some(Doubt::Anything) => cell.doubt(&mut reasons),
            None => {}
        }
        let names = |at: &i16| table.column_at(*at).map(|column| column.name.clone());
        cell.owner_columns = owner_columns(&conditions, &gates, command).iter().filter_map(names).collect();
        cell.columns = columns;
        if !self.is_readable(table, role)
            && command != PolicyCommand::Select
            && command != PolicyCommand::Insert
        {
            let why = "without SELECT no statement can have a condition on columns";
            reasons.add(Origin::Platform, || why);
        }
        cell.reasons = reasons.list;
        cell
    }

    fn reasons(&self) -> Reasons {
        Reasons { wanted: self.explains, ..Reasons::default() }
    }

    fn is_readable(&self, table: &Table, role: &Role) -> bool {
        self.catalog.can_on_any_column(&role.name, &table.acl, &table.columns, Privilege::Select)
    }

    /// What a statement of a role must pass, and the columns that it has the privilege on where those
    /// are not all; nothing where it has none.
    fn table_gates(
        &self,
        table: &Table,
        role: &Role,
        command: PolicyCommand,
        conditions: &mut Conditions<'_>,
        reasons: &mut Reasons,
    ) -> Option<(Gates, Option<Vec<Ident>>)> {
        let columns = self.privilege(&table.name, &table.acl, &table.columns, role, command, reasons)?;
        let readable = self.is_readable(table, role);
        let asked = Asked { table, role, certain: false };
        Some((self.gates(asked, command, readable, conditions, reasons), columns))
    }

    /// What chooses the rows that a role reaches in a table or view with a command, and the new rows of
    /// an UPDATE. Nothing where no row is reached, or where that is not known.
    pub fn deciding(&self, relation: Oid, role: &'a Role, command: PolicyCommand) -> Option<Deciding> {
        let mut conditions = match self.catalog.tables.get(&relation) {
            Some(table) => self.conditions_on(table, &role.name),
            None => self.conditions(role),
        };
        let reasons = &mut Reasons::unwanted();
        let (name, gates) = match self.catalog.tables.get(&relation) {
            Some(table) => (&table.name, self.table_gates(table, role, command, &mut conditions, reasons)?.0),
            None => {
                let view = self.catalog.views.get(&relation)?;
                let (gates, _) = self.gates_of_view(view, role, command, &mut conditions, reasons)?;
                (&view.name, gates)
            }
        };
        let of = |node| Condition::new(&conditions, node);
        let deciding = Deciding { rows: of(gates.rows), new_rows: gates.new.map(of) };
        let is_doubtful = match self.catalog.tables.get(&relation) {
            Some(table) => self.doubt_about(table, role, command).is_some(),
            None => self.is_doubtful(name),
        };
        (!is_doubtful).then_some(deciding)
    }

    /// Which of the rows that a role sees one policy lets it change or delete.
    pub fn touched_of_seen(&self, table: &Table, policy: &Policy, role: &'a Role) -> Reach {
        let mut conditions = self.conditions_on(table, &role.name);
        let formulas = self.formulas(table, Some(&role.name));
        let at = table.policies.get_index_of(&policy.name);
        let touched = at.and_then(|at| formulas.get(at, Part::Using));
        let touched = touched.map_or(Node::FALSE, |formula| formula.node.clone());
        let (reasons, asked) = (&mut Reasons::unwanted(), Asked { table, role, certain: false });
        let seen = self.gate(asked, PolicyCommand::Select, "", Part::Using, &mut conditions, reasons);
        conditions.reach(&Node::all([touched, seen]))
    }

    /// Whether a view shows of a table only rows that the policies let a role read, by what its WHERE asks of
    /// them: `where published` beside `using (published or author = …)`.
    pub fn shows_what_is_readable(&self, view: &View, table: &Table, role: &'a Role) -> bool {
        let Some(QueryBody::Select(select)) = view.query.as_ref().map(|query| &query.body) else {
            return false;
        };
        let mut times = 0;
        view.query.iter().for_each(|query| {
            query.walk_relations(&mut |relation| times += usize::from(relation.target == Some(table.oid)));
        });
        let is_here = select.from.iter().any(|item| reads(item, table.oid));
        let (Some(filter), 1, true) = (&select.filter, times, is_here) else { return false };
        let mut conditions = self.conditions_on(table, &role.name);
        let parts: Vec<&Expr> = match &**filter {
            Expr::And(list) => list.iter().filter(|part| is_about(part, table.oid)).collect(),
            one => Some(one).into_iter().filter(|part| is_about(part, table.oid)).collect(),
        };
        let filters: Vec<Node> = parts.into_iter().map(|part| conditions.read(part)).collect();
        let (reasons, asked) = (&mut Reasons::unwanted(), Asked { table, role, certain: false });
        let seen = self.gate(asked, PolicyCommand::Select, "", Part::Using, &mut conditions, reasons);
        conditions.implies(&Node::all(filters), &seen)
    }

    /// Whether a role has the privilege for a command; the columns where it has it on some only.
    #[expect(clippy::option_option, reason = "no privilege, on the whole, on some columns")]
    fn privilege(
        &self,
        name: &QName,
        acl: &Acl,
        columns: &[Column],
        role: &Role,
        command: PolicyCommand,
        reasons: &mut Reasons,
    ) -> Option<Option<Vec<Ident>>> {
        let catalog = self.catalog;
        let privilege = COMMANDS.iter().find(|(one, _)| *one == command).map(|(_, privilege)| *privilege)?;
        let served =
            catalog.is_exposed(&name.schema) || name.schema == "storage" || name.schema == "realtime";
        if !served {
            let Some(passage) = self.passages(name, role, command).first().copied() else {
                reasons.add(Origin::Platform, || {
                    format!("the API does not serve the schema {}", name.schema.quoted())
                });
                return None;
            };
            let function = passage.function;
            reasons.add(function.history.last(), || format!("{} comes to it as its caller", function.name));
        }
        if !catalog.can_use_namespace(&role.name, &name.schema) {
            reasons.add(Origin::Platform, || format!("no USAGE on the schema {}", name.schema.quoted()));
            return None;
        }
        let roles = catalog.inherited_roles(&role.name);
        let holds = |grantee: &Grantee| match grantee {
            Grantee::Public => true,
            Grantee::Role(name) => roles.contains(name),
        };
        if catalog.can(&role.name, acl, privilege) {
            for entry in &acl.entries {
                if holds(&entry.grantee) && entry.privileges.contains(privilege) {
                    let granted = || format!("{} granted to {}", privilege.keyword(), entry.grantee);
                    reasons.add(entry.origin, granted);
                }
            }
            return Some(None);
        }
        let mut names = Vec::new();
        for column in columns {
            for entry in &column.acl.entries {
                if holds(&entry.grantee)
                    && entry.privileges.contains(privilege)
                    && !names.contains(&column.name)
                {
                    names.push(column.name.clone());
                    reasons.add(entry.origin, || {
                        let column = column.name.quoted();
                        format!("{} ({column}) granted to {}", privilege.keyword(), entry.grantee)
                    });
                }
            }
        }
        if names.is_empty() {
            reasons.add(Origin::Platform, || format!("{} is not granted", privilege.keyword()));
            return None;
        }
        Some(Some(names))
    }

    /// What a statement must pass to touch a row of a table (PostgreSQL manual, CREATE POLICY, table
    /// of policies applied by command type).
    fn gates(
        &self,
        asked: Asked<'_>,
        command: PolicyCommand,
        readable: bool,
        conditions: &mut Conditions<'_>,
        reasons: &mut Reasons,
    ) -> Gates {
        let Asked { table, role, .. } = asked;
        let open = !table.rls.value || self.catalog.is_above_policies(&role.name, table);
        let is_update = command == PolicyCommand::Update;
        if open {
            let origin = if table.rls.value { Origin::Platform } else { table.rls.origin };
            reasons.add_reach(origin, Some(Reach::All), || match table.rls.value {
                false => "row level security is off".to_string(),
                true => format!("policies do not bind {}", role.name.quoted()),
            });
            let rows = if readable || command == PolicyCommand::Insert { Node::TRUE } else { Node::FALSE };
            let new = is_update.then_some(Node::TRUE);
            let returned =
                (command == PolicyCommand::Insert).then_some(if readable { Node::TRUE } else { Node::FALSE });
            return Gates { rows, blind: Node::TRUE, new, returned };
        }
        reasons.add(table.rls.origin, || "row level security is on");
        let select = |conditions: &mut Conditions<'_>, reasons: &mut Reasons| {
            if readable {
                self.gate(asked, PolicyCommand::Select, "", Part::Using, conditions, reasons)
            } else {
                Node::FALSE
            }
        };
        match command {
            PolicyCommand::Insert => {
                let new = self.gate(asked, command, "", Part::Check, conditions, reasons);
                let returned = select(conditions, &mut Reasons::unwanted());
                let returned = Some(Node::all([new.clone(), returned]));
                Gates { rows: new.clone(), blind: new, new: None, returned }
            }
            PolicyCommand::Select => {
                let rows = select(conditions, reasons);
                Gates { blind: rows.clone(), rows, new: None, returned: None }
            }
            _ => {
                let blind = self.gate(asked, command, "", Part::Using, conditions, reasons);
                let visible = select(conditions, reasons);
                let rows = Node::all([blind.clone(), visible]);
                let new = is_update
                    .then(|| self.gate(asked, command, "new rows: ", Part::Check, conditions, reasons));
                Gates { rows, blind, new, returned: None }
            }
        }
    }

    /// The policies of one command together: permissive ones by OR, restrictive ones by AND. A policy
    /// without the expression that is asked for has no say.
    fn gate(
        &self,
        asked: Asked<'_>,
        command: PolicyCommand,
        about: &str,
        part: Part,
        conditions: &mut Conditions<'_>,
        reasons: &mut Reasons,
    ) -> Node {
        let Asked { table, role, certain } = asked;
        let (mut permissive, mut restrictive) = (Vec::new(), Vec::new());
        let mut denied = None;
        let formulas = self.formulas(table, conditions.caller_role());
        for (at, policy) in table.policies.values().enumerate() {
            let is_left_out = certain && policy.permissive && self.catalog.may_have_dropped(table, policy);
            if is_left_out || !policy.covers(command) || !self.catalog.policy_binds(policy, role) {
                continue;
            }
            let Some((clause, formula)) = part.of(policy).zip(formulas.get(at, part)) else { continue };
            denied = denied.or_else(|| self.denied(&clause.value, conditions.caller_role(), &role.name));
            reasons.add_reach(Origin::Statement(clause.span), Some(formula.reach), || {
                let kind = if policy.permissive { "policy" } else { "restrictive policy" };
                format!("{about}{kind} {} for {}", policy.name.quoted(), word(command))
            });
            for at in formula.node.atoms() {
                let atom = &conditions.atoms[at];
                let connects = matches!(atom.link, Link::Own(_) | Link::Tenant | Link::Opaque);
                if let (true, Some(span)) = (connects, formula.place(at)) {
                    reasons.add(Origin::Statement(span), || match atom.link {
                        Link::Own(_) => "  holds the row to the caller",
                        Link::Tenant => "  connects the row with the caller",
                        _ => "  cannot be read",
                    });
                }
            }
            let list = if policy.permissive { &mut permissive } else { &mut restrictive };
            list.push(formula.node.clone());
        }
        if permissive.is_empty() {
            let lacks = || format!("{about}no permissive policy for {}", word(command));
            reasons.add_reach(Origin::Platform, Some(Reach::None), lacks);
        }
        let node = Node::all(std::iter::once(Node::any(permissive)).chain(restrictive));
        // The statement fails before the first row, unless the part that needs the right is optimised
        // away.
        let Some(what) = denied else { return node };
        reasons.add(Origin::Platform, || format!("a policy needs {what}"));
        if conditions.is_always(&node) { conditions.unread(&Expr::Param(0)) } else { node }
    }

    /// What is lacking to evaluate an expression. Functions run with the rights of the caller, also
    /// in a view; tables are read with those of its owner.
    fn denied(&self, expr: &Expr, caller: Option<&str>, reader: &Ident) -> Option<String> {
        let mut lacks = None;
        expr.walk(&mut |part| {
            lacks = lacks.take().or_else(|| self.lacks_execute(part, caller));
        });
        walk_queries(expr, &mut |query| {
            lacks = lacks.take().or_else(|| self.lacks_select(query, reader));
        });
        lacks
    }

    fn lacks_execute(&self, part: &Expr, caller: Option<&str>) -> Option<String> {
        let Expr::Call(call) = part else { return None };
        let function = self.catalog.functions.get(&call.target?)?;
        let allowed = self.catalog.can_execute(&Ident::new(caller?), function);
        (!allowed).then(|| format!("EXECUTE on {}", function.name.quoted()))
    }

    /// Of the relations in a query's own FROM.
    fn lacks_select(&self, query: &Query, reader: &Ident) -> Option<String> {
        self.read_in(query).find_map(|(oid, name)| {
            // With SELECT on some columns only it may lack the one that is read.
            let lacks = self.catalog.lacks_select(reader, oid, query) != Some(false);
            lacks.then(|| format!("SELECT on what it reads of {}", name.quoted()))
        })
    }

    /// A relation in a query's own FROM of which the reader may not read what the query asks for: it fails.
    fn refused(&self, query: &Query, reader: &Ident) -> Option<&QName> {
        let lacks = |oid| self.catalog.lacks_select(reader, oid, query) == Some(true);
        let refused = self.read_in(query).find(|(oid, name)| lacks(*oid) && !self.is_doubtful(name));
        refused.map(|(_, name)| name)
    }

    /// The relations in a query's own FROM.
    fn read_in(&self, query: &Query) -> impl Iterator<Item = (Oid, &'a QName)> {
        let named = |oid| {
            let table = self.catalog.tables.get(&oid).map(|table| &table.name);
            Some((oid, table.or_else(|| Some(&self.catalog.views.get(&oid)?.name))?))
        };
        query.own_relations().into_iter().filter_map(|relation| relation.target).filter_map(named)
    }

    fn cell_of(&self, command: PolicyCommand, conditions: &Conditions<'_>, gates: &Gates) -> Cell {
        let new_rows = gates.new.as_ref().map(|node| conditions.reach(node));
        // A row that cannot become any other cannot be changed.
        let stuck = new_rows == Some(Reach::None);
        let reach = |node: &Node| if stuck { Reach::None } else { conditions.reach(node) };
        Cell {
            command,
            reach: reach(&gates.rows),
            blind: reach(&gates.blind),
            new_rows,
            returned: gates.returned.as_ref().map(|node| conditions.reach(node)),
            is_doubtful: false,
            at_most: None,
            owner_columns: Vec::new(),
            columns: None,
            reasons: Vec::new(),
        }
    }

    /// Whether statements that were not followed may have changed which rows of a relation are reached.
    pub(super) fn is_doubtful(&self, name: &QName) -> bool {
        let may_be_gone = |table: &Table| {
            table.policies.values().any(|policy| self.catalog.may_have_dropped(table, policy))
        };
        self.may_be_otherwise(name) || self.catalog.table(name).is_some_and(may_be_gone)
    }

    /// The same but for policies that may be gone.
    fn may_be_otherwise(&self, name: &QName) -> bool {
        let aspects =
            [Aspect::Rls, Aspect::Policies, Aspect::Grants, Aspect::Roles, Aspect::Functions, Aspect::Views];
        self.catalog.doubts(&aspects).but_for_dropped_policies().concern(name)
    }

    /// What is not known of a table's cell.
    fn doubt_about(&self, table: &Table, role: &Role, command: PolicyCommand) -> Option<Doubt> {
        let may_be_gone = |policy: &Policy| {
            (policy.covers(command) || policy.covers(PolicyCommand::Select))
                && self.catalog.policy_binds(policy, role)
                && self.catalog.may_have_dropped(table, policy)
        };
        if self.may_be_otherwise(&table.name) {
            return Some(Doubt::Anything);
        }
        (table.rls.value && table.policies.values().any(may_be_gone)).then_some(Doubt::Gone)
    }

    /// Takes back what policies may have let through that may be gone.
    fn leave_certain(&self, table: &'a Table, role: &'a Role, cell: &mut Cell, reasons: &mut Reasons) {
        let mut conditions = self.conditions_on(table, &role.name);
        let asked = Asked { table, role, certain: true };
        let unwanted = &mut Reasons::unwanted();
        let readable = self.is_readable(table, role);
        let gates = self.gates(asked, cell.command, readable, &mut conditions, unwanted);
        let certain = self.cell_of(cell.command, &conditions, &gates);
        let reach = cell.reach;
        cell.doubt(reasons);
        let is_fence = |policy: &Policy| !policy.permissive && self.catalog.may_have_dropped(table, policy);
        cell.at_most = (!table.policies.values().any(is_fence)).then_some(reach);
        let all = |certain: Reach| if certain == Reach::All { certain } else { Reach::Unknown };
        cell.reach = if cell.at_most == Some(Reach::None) { Reach::None } else { all(certain.reach) };
        cell.blind = all(certain.blind);
        cell.new_rows = certain.new_rows.map(all);
        cell.returned = certain.returned.map(all);
    }

    /// What a role reaches through a view.
    pub(super) fn view(&self, view: &'a View, role: &'a Role, command: PolicyCommand) -> Cell {
        let mut reasons = self.reasons();
        let mut conditions = self.conditions(role);
        let Some((gates, columns)) = self.gates_of_view(view, role, command, &mut conditions, &mut reasons)
        else {
            return Cell::none(command, reasons);
        };
        let mut cell = self.cell_of(command, &conditions, &gates);
        if self.is_doubtful(&view.name) {
            cell.doubt(&mut reasons);
        }
        cell.columns = columns;
        cell.reasons = reasons.list;
        cell
    }

    /// As [`Self::table_gates`], of a view.
    fn gates_of_view<'r>(
        &'r self,
        view: &View,
        role: &'r Role,
        command: PolicyCommand,
        conditions: &mut Conditions<'r>,
        reasons: &mut Reasons,
    ) -> Option<(Gates, Option<Vec<Ident>>)> {
        let columns = self.privilege(&view.name, &view.acl, &view.columns, role, command, reasons)?;
        if view.materialized && command == PolicyCommand::Select {
            let text = "a materialized view shows what its owner reads";
            reasons.add_reach(view.history.created, Some(Reach::All), || text);
            return Some((Gates { rows: Node::TRUE, blind: Node::TRUE, new: None, returned: None }, columns));
        }
        let readable =
            self.catalog.can_on_any_column(&role.name, &view.acl, &view.columns, Privilege::Select);
        let gates = self.view_gates(view, role, command, readable, 0, conditions, reasons);
        let gates = gates.unwrap_or_else(|| {
            let node = conditions.unread(&Expr::Param(0));
            reasons.add(view.history.last(), || "its query is not followed");
            let new = (command == PolicyCommand::Update).then(|| node.clone());
            let returned = (command == PolicyCommand::Insert).then(|| node.clone());
            Gates { rows: node.clone(), blind: node, new, returned }
        });
        Some((gates, columns))
    }

    /// The conditions of a view that shows rows of one relation as they are; of others only that they
    /// show everything, or nothing.
    #[expect(clippy::too_many_arguments, reason = "all of it decides")]
    fn view_gates<'r>(
        &'r self,
        view: &View,
        role: &'r Role,
        command: PolicyCommand,
        readable: bool,
        depth: u8,
        conditions: &mut Conditions<'r>,
        reasons: &mut Reasons,
    ) -> Option<Gates> {
        let query = view.query.as_ref()?;
        let writes = command != PolicyCommand::Select;
        let special = !view.rules.is_empty() || !view.triggers.is_empty();
        if depth > 4 || writes && special {
            return None;
        }
        if writes && !view.is_updatable() {
            reasons.add(view.history.last(), || "rows cannot be written through it");
            return Some(Gates::closed(command));
        }
        let reader = if view.security_invoker() { &role.name } else { &view.owner };
        // INSERT, and DELETE without a condition, read nothing.
        let reads = view.security_invoker() && command == PolicyCommand::Select;
        if let Some(name) = self.refused(query, reader).filter(|_| reads) {
            reasons.add(Origin::Platform, || {
                format!("{} may not read what it shows of {}", reader.quoted(), name.quoted())
            });
            return Some(Gates::closed(command));
        }
        let (oid, filter) = shown_relation(query)?;
        let how = if view.security_invoker() {
            "reads with the rights of the caller"
        } else {
            "reads with the rights of its owner"
        };
        reasons.add(view.history.last(), || how);
        let as_role = self.catalog.roles.get(reader)?;
        let can = |acl, columns: &[Column], privilege| {
            self.catalog.can_on_any_column(&as_role.name, acl, columns, privilege)
        };
        let privilege = COMMANDS.iter().find(|(one, _)| *one == command).map(|(_, privilege)| *privilege)?;
        let granted = match (self.catalog.tables.get(&oid), self.catalog.views.get(&oid)) {
            (Some(table), _) if writes => {
                let of_column = |column: &Column| {
                    shows(query, oid, column.attnum)
                        && self.catalog.can(&as_role.name, &column.acl, privilege)
                };
                self.catalog.can(&as_role.name, &table.acl, privilege) || table.columns.iter().any(of_column)
            }
            (Some(table), _) => can(&table.acl, &table.columns, privilege),
            (_, Some(view)) => can(&view.acl, &view.columns, privilege),
            _ => return None,
        };
        let base_readable = self.catalog.lacks_select(reader, oid, query) != Some(true);
        let base = self.catalog.tables.get(&oid).map(|table| &table.name);
        if base.is_some_and(|name| self.is_doubtful(name)) {
            return None;
        }
        if !base_readable {
            reasons.add(Origin::Platform, || format!("{} may not read what it shows", reader.quoted()));
        }
        if !granted {
            // The statement fails, whatever else the query needs.
            reasons.add(Origin::Platform, || {
                format!("{} lacks {} on what it shows", reader.quoted(), privilege.keyword())
            });
            return Some(Gates::closed(command));
        }
        let mut gates = match self.catalog.tables.get(&oid) {
            Some(table) => {
                *conditions = self.conditions_on(table, &role.name);
                let asked = Asked { table, role: as_role, certain: false };
                self.gates(asked, command, base_readable, conditions, reasons)
            }
            None => {
                let inner = self.catalog.views.get(&oid)?;
                // Below a view of another's rights, `security_invoker` asks for the caller's own again.
                let as_role = if inner.security_invoker() { role } else { as_role };
                if filter.is_some() || inner.materialized {
                    return None;
                }
                self.view_gates(inner, as_role, command, base_readable, depth + 1, conditions, reasons)?
            }
        };
        let mut lacks = None;
        query.walk(&mut |part| {
            lacks = lacks.take().or_else(|| self.lacks_execute(part, conditions.caller_role()));
        });
        query.walk_queries(&mut |inner| {
            let is_known = std::ptr::eq(inner, query) && !base_readable;
            lacks = lacks.take().or_else(|| self.lacks_select(inner, reader).filter(|_| !is_known));
        });
        if let Some(what) = lacks {
            reasons.add(view.history.last(), || format!("its query needs {what}"));
            // Where no row passes below, what the query needs makes no difference.
            let parts = [Some(&gates.rows), Some(&gates.blind), gates.new.as_ref(), gates.returned.as_ref()];
            let is_closed = parts.into_iter().flatten().all(|node| conditions.is_never(node));
            return is_closed.then_some(gates);
        }
        if let Some(filter) = filter {
            let node = conditions.read(filter);
            let reach = Some(conditions.reach(&node));
            reasons.add_reach(view.history.last(), reach, || "its WHERE");
            if command != PolicyCommand::Insert {
                gates.rows = Node::all([gates.rows, node.clone()]);
                // The view's own WHERE does not make PostgreSQL ask for the SELECT policies below.
                gates.blind = Node::all([gates.blind, node]);
            }
        }
        if !readable && command != PolicyCommand::Select && command != PolicyCommand::Insert {
            gates.rows = Node::FALSE;
        }
        Some(gates)
    }
}

/// Whether a query has a column of a relation among its results, as it is.
fn shows(query: &Query, relation: Oid, attnum: i16) -> bool {
    let QueryBody::Select(select) = &query.body else { return false };
    select.targets.iter().any(|target| match &target.expr {
        Expr::Column(column) if column.star => true,
        Expr::Column(column) => {
            matches!(column.target, Target::Column { relation: of, attnum: shown, .. } if of == relation && shown == attnum)
        }
        _ => false,
    })
}

/// Whether FROM has a relation, in a join as well, and not in a query of its own.
fn reads(item: &FromItem, relation: Oid) -> bool {
    match item {
        FromItem::Relation { relation: read, .. } => read.target == Some(relation),
        FromItem::Join { left, right, .. } => reads(left, relation) || reads(right, relation),
        _ => false,
    }
}

/// Whether a condition asks for columns of one relation alone.
fn is_about(part: &Expr, relation: Oid) -> bool {
    let is_other = |part: &Expr| match part {
        Expr::Column(column) => {
            !matches!(column.target, Target::Column { relation: read, depth: 0, .. } if read == relation)
        }
        Expr::Sublink(_) => true,
        _ => false,
    };
    !part.any(&is_other)
}

/// The one relation whose rows a query shows, and its condition.
fn shown_relation(query: &Query) -> Option<(Oid, Option<&Expr>)> {
    let QueryBody::Select(select) = &query.body else { return None };
    let gives_rows =
        |part: &Expr| matches!(part, Expr::Call(call) if call.target.is_some() || call.name.name == "unnest");
    let is_of_rows = |expr: &Expr| !expr.sums_up() && !expr.any_outside_queries(&gives_rows);
    let plain = query.ctes.is_empty()
        && query.limits.is_empty()
        && select.group_by.is_empty()
        && select.having.is_none()
        && select.targets.iter().all(|target| is_of_rows(&target.expr));
    match select.from.as_slice() {
        [FromItem::Relation { relation, .. }] if plain => Some((relation.target?, select.filter.as_deref())),
        _ => None,
    }
}

/// The columns that hold the row to the caller.
fn owner_columns(conditions: &Conditions<'_>, gates: &Gates, command: PolicyCommand) -> Vec<i16> {
    let node = if command == PolicyCommand::Insert { &gates.blind } else { &gates.rows };
    let mut found = Vec::new();
    for at in node.atoms() {
        if let Link::Own(columns) = &conditions.atoms[at].link {
            found.extend(columns.iter().copied());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl Cell {
    fn none(command: PolicyCommand, reasons: Reasons) -> Self {
        Self {
            command,
            reach: Reach::None,
            blind: Reach::None,
            new_rows: (command == PolicyCommand::Update).then_some(Reach::None),
            returned: (command == PolicyCommand::Insert).then_some(Reach::None),
            is_doubtful: false,
            at_most: None,
            owner_columns: Vec::new(),
            columns: None,
            reasons: reasons.list,
        }
    }

    /// Takes back what statements that could not be followed may have changed.
    fn doubt(&mut self, reasons: &mut Reasons) {
        self.reach = Reach::Unknown;
        self.blind = Reach::Unknown;
        self.new_rows = self.new_rows.map(|_| Reach::Unknown);
        self.returned = self.returned.map(|_| Reach::Unknown);
        self.is_doubtful = true;
        reasons.add(Origin::Platform, || "a statement that was not followed may have changed it");
    }

    /// The places that make it so.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        self.reasons.iter().filter_map(|reason| reason.origin.span())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::workload::Workload;

    /// What a role reaches in a relation: select, insert, update, delete.
    fn reached(sql: &str, role: &str, relation: &str) -> [&'static str; 4] {
        let bench = Bench::new(sql);
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::new(&bench.catalog, &workload);
        let rows = rights.of(&QName::new("public", relation));
        let row = rows.iter().find(|row| row.role.name == *role).expect("the role makes requests");
        row.cells.each_ref().map(|cell| cell.reach.word())
    }

    const NOTES: &str =
        "create table notes (id int primary key, owner uuid, team int, open boolean not null);
        create table members (who uuid, team int);
        alter table notes enable row level security;";

    fn check(cases: &[(&str, &str, [&str; 4])]) {
        for (sql, role, expected) in cases {
            assert_eq!(reached(&format!("{NOTES} {sql}"), role, "notes"), *expected, "{role}: {sql}");
        }
    }

    #[test]
    fn policies_of_each_command() {
        check(&[
            ("", "anon", ["none"; 4]),
            ("alter table notes disable row level security;", "anon", ["all rows"; 4]),
            ("create policy p on notes using (true);", "anon", ["all rows"; 4]),
            ("create policy p on notes using (owner = auth.uid());", "anon", ["none"; 4]),
            ("create policy p on notes using (owner = auth.uid());", "authenticated", ["own rows"; 4]),
            // Without a condition on columns a DELETE would do it, but a request has one.
            ("create policy p on notes for delete using (true);", "anon", ["none"; 4]),
            (
                "create policy p on notes for insert with check (true);",
                "anon",
                ["none", "all rows", "none", "none"],
            ),
            (
                "create policy p on notes for select using (open); create policy q on notes for update using (true);",
                "anon",
                ["some rows", "none", "some rows", "none"],
            ),
            (
                "create policy p on notes using (true);
                 create policy q on notes as restrictive to authenticated using (owner = auth.uid());",
                "authenticated",
                ["own rows"; 4],
            ),
            (
                "create policy p on notes for select using (open); create policy q on notes for select using (not open);",
                "anon",
                ["all rows", "none", "none", "none"],
            ),
            ("create policy p on notes to service_role using (true);", "authenticated", ["none"; 4]),
            ("create policy p on notes for update using (true) with check (false);", "anon", ["none"; 4]),
        ]);
    }

    #[test]
    fn privileges_come_first() {
        let open = "create policy p on notes using (true);";
        check(&[
            (&format!("{open} revoke all on notes from anon;"), "anon", ["none"; 4]),
            (
                &format!("{open} revoke all on notes from anon; grant select (id) on notes to public;"),
                "anon",
                ["all rows", "none", "none", "none"],
            ),
            (
                &format!("{open} revoke select on notes from anon;"),
                "anon",
                ["none", "all rows", "none", "none"],
            ),
            (&format!("{open} revoke usage on schema public from anon, public;"), "anon", ["none"; 4]),
        ]);
    }

    #[test]
    fn functions_are_followed() {
        let team = |body: &str| {
            format!(
                "create function f(wanted int) returns boolean {body}; create policy p on notes using (f(team));"
            )
        };
        for (body, expected) in [
            (
                "language sql stable as $$ select exists (select 1 from members m where m.team = $1 and m.who = auth.uid()) $$",
                "tenant rows",
            ),
            (
                "language plpgsql stable as $$ declare me uuid := auth.uid(); begin
                   if me is null then return false; end if;
                   return exists (select 1 from members where who = me and team = wanted); end $$",
                "tenant rows",
            ),
            ("language sql strict as $$ select true $$", "some rows"),
            ("language sql as $$ select true $$", "all rows"),
            ("language sql security definer as $$ select current_user = 'postgres' $$", "all rows"),
            (
                "language plpgsql as $$ begin for i in 1..2 loop return true; end loop; return false; end $$",
                "unknown",
            ),
        ] {
            let sql = format!("{NOTES} {}", team(body));
            assert_eq!(reached(&sql, "authenticated", "notes")[0], expected, "{body}");
        }
    }

    #[test]
    fn a_label_stands_in_for_the_role_of_nobody() {
        let roles = "create type kind as enum ('customer', 'admin');
            create table people (id uuid primary key, kind kind);
            create function kind_of_caller() returns kind language sql stable security definer as $$
              select coalesce((select kind from people where id = auth.uid()), 'customer'::kind) $$;
            create function is_admin() returns boolean language sql stable as $$
              select kind_of_caller() in ('admin') $$;
            create policy p on notes using (is_admin());";
        let text = roles.replace("as enum ('customer', 'admin')", "as (label text)");
        check(&[(roles, "anon", ["none"; 4]), (roles, "authenticated", ["some rows"; 4])]);
        check(&[(&text, "anon", ["some rows"; 4])]);
    }

    #[test]
    fn views_read_with_the_rights_of_their_owners_or_the_caller() {
        let own = "create policy p on notes using (owner = auth.uid());";
        for (view, expected) in [
            ("create view v as select * from notes;", ["all rows"; 4]),
            ("create view v with (security_invoker) as select * from notes;", ["own rows"; 4]),
            (
                "create view v as select * from notes where owner = auth.uid();",
                ["own rows", "all rows", "own rows", "own rows"],
            ),
            ("create materialized view v as select * from notes;", ["all rows", "none", "none", "none"]),
            (
                "create view v with (security_invoker) as select id, owner from notes;
                 revoke all on notes from authenticated; grant select, delete on notes to authenticated;
                 grant update (open) on notes to authenticated;",
                ["own rows", "none", "none", "own rows"],
            ),
            (
                "create view v as select id, (select jsonb_agg(x) from jsonb_array_elements('[]'::jsonb) x) from notes;",
                ["all rows"; 4],
            ),
            (
                "create view v with (security_invoker) as select id, (select count(*) from members m where m.team = notes.team) from notes;",
                ["own rows"; 4],
            ),
            (
                "create view v with (security_invoker) as select (select max(notes.id)) from notes;",
                ["unknown", "none", "none", "none"],
            ),
            (
                "create view v as select n.id from notes n join members m using (team);",
                ["unknown", "none", "none", "none"],
            ),
            (
                "create view v with (security_invoker) as select * from notes; revoke all on notes from authenticated;",
                ["none"; 4],
            ),
            (
                "create view v with (security_invoker) as select n.id from notes n join members m using (team);
                 revoke select on members from authenticated;",
                ["none"; 4],
            ),
        ] {
            let sql = format!("{NOTES} {own} {view}");
            assert_eq!(reached(&sql, "authenticated", "v"), expected, "{view}");
        }
    }

    #[test]
    fn what_was_not_followed_is_not_known() {
        let sql = format!("{NOTES} do $$ begin execute (select note from somewhere); end $$;");
        assert_eq!(reached(&sql, "anon", "notes")[0], "unknown");
    }

    #[test]
    fn each_reason_stands_in_its_own_policy() {
        let sql = format!(
            "{NOTES} create policy changes on notes for update using (owner = auth.uid() and open);
             create policy reads on notes for select using (auth.uid() = owner or open);"
        );
        let bench = Bench::new(&sql);
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::explained(&bench.catalog, &workload);
        let table = bench.catalog.table(&QName::new("public", "notes")).expect("the table is there");
        let role = &bench.catalog.roles["authenticated"];
        for (command, policies) in
            [(PolicyCommand::Select, &["reads"][..]), (PolicyCommand::Update, &["changes", "reads"])]
        {
            let cell = rights.cell(table.oid, role, command).expect("the role makes requests");
            let places = cell.reasons.iter().filter(|reason| reason.text.starts_with("  "));
            let within = |policy: &str, place: Span| {
                table.policies[policy].using.as_ref().is_some_and(|using| using.span.contains(place))
            };
            for place in places.filter_map(|reason| reason.origin.span()) {
                assert!(policies.iter().any(|policy| within(policy, place)), "{command:?}");
            }
        }
    }

    #[test]
    fn a_cell_tells_its_reasons() {
        let sql = format!(
            "{NOTES} create policy mine on notes for select to authenticated using (owner = auth.uid());"
        );
        let bench = Bench::new(&sql);
        let workload = Workload::of(&bench.catalog);
        let rights = Rights::explained(&bench.catalog, &workload);
        let rows = rights.of(&QName::new("public", "notes"));
        let cell = &rows.iter().find(|row| row.role.name == *"authenticated").expect("it is there").cells[0];
        assert_eq!(cell.owner_columns, ["owner".into()] as [Ident; 1]);
        let said: Vec<_> = cell.reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert_eq!(
            said,
            [
                "SELECT granted to authenticated",
                "row level security is on",
                "policy mine for SELECT",
                "  holds the row to the caller"
            ]
        );
        assert_eq!(cell.spans().count(), 3);
    }
}
