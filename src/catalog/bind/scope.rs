//! What a name in sight means: the FROM of a query and of those around it.

use crate::catalog::bind::Binder;
use crate::catalog::bind::result::{Output, OutputColumn};
use crate::catalog::bind::system::SystemRelation;
use crate::catalog::types::{Attribute, DataType, UserTypeKind};
use crate::sql::expr::{Alias, ColumnRef, Oid, Target};
use crate::sql::name::Ident;

/// One query's FROM, for looking names up.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub items: Vec<Item>,
    pub ctes: Vec<(Ident, Output)>,
    /// What `*` stands for.
    pub star: Output,
}

/// Something in FROM.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The name that it goes by.
    pub name: Ident,
    /// The schema, when it goes by a relation's own name.
    pub schema: Option<Ident>,
    pub source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A relation; the names are its columns' unless an alias renames some.
    Relation {
        oid: Oid,
        columns: Vec<(Ident, i16, Option<DataType>)>,
        complete: bool,
        /// Whether a function returns such rows.
        result: bool,
    },
    /// A system catalog, or a view of the information schema.
    System(SystemRelation, Vec<OutputColumn>),
    /// A sub-select.
    Derived(Output),
    /// A function, whose columns may be more than its alias names.
    Called(Output),
}

impl<'c> Binder<'c> {
    pub(super) fn push_relation(&mut self, relation: Oid, names: &[&str]) {
        let mut frame = Frame::default();
        if let Some((name, schema)) = self.catalog.relation_name(relation) {
            let source = self.relation_source(relation, &[], false);
            if names.is_empty() {
                frame.items.push(Item { name, schema: Some(schema), source });
            } else {
                frame.items.extend(names.iter().map(|name| Item {
                    name: (*name).into(),
                    schema: None,
                    source: source.clone(),
                }));
            }
        }
        self.frames.push(frame);
    }

    /// The columns of a relation. A `result` has them from a function; it may also be of a composite
    /// type.
    pub(super) fn relation_source(&self, oid: Oid, aliases: &[Ident], result: bool) -> Source {
        let renamed = aliases.iter().cloned().map(Some).chain(std::iter::repeat(None));
        if let Some(UserTypeKind::Composite { attributes }) =
            self.catalog.types.get(&oid).map(|one| &one.kind)
        {
            let column = |(attnum, (attribute, alias)): (i16, (&Attribute, Option<Ident>))| {
                (alias.unwrap_or_else(|| attribute.name.clone()), attnum, Some(attribute.data_type.clone()))
            };
            let columns = (1..).zip(attributes.iter().zip(renamed)).map(column).collect();
            return Source::Relation { oid, columns, complete: true, result };
        }
        let Some((columns, complete)) = self.catalog.columns_of(oid) else { return Source::Derived(None) };
        let columns = columns
            .iter()
            .zip(renamed)
            .map(|(column, alias)| {
                let data_type = Some(column.data_type.value.clone());
                (alias.unwrap_or_else(|| column.name.clone()), column.attnum, data_type)
            })
            .collect();
        Source::Relation { oid, columns, complete, result }
    }

    pub(super) fn find_cte(&self, name: &Ident) -> Option<Output> {
        let ctes = self.frames.iter().rev().flat_map(|frame| frame.ctes.iter().rev());
        ctes.filter(|(cte, _)| cte == name).map(|(_, output)| output.clone()).next()
    }

    pub(super) fn column(&self, column: &ColumnRef) -> Target {
        let path: Vec<&Ident> = column.path.iter().collect();
        match (path.as_slice(), column.star) {
            ([], _) => Target::Unknown,
            ([item], true) => self.row(None, item),
            ([schema, item], true) => self.row(Some(schema), item),
            ([name], false) => self.bare_column(name),
            ([item, name], false) => self.qualified_column(None, item, name),
            ([schema, item, name], false) => self.qualified_column(Some(schema), item, name),
            _ => Target::Unknown,
        }
    }

    pub(super) fn bare_column(&self, name: &Ident) -> Target {
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let depth = depth_of(depth);
            let mut hidden = false;
            for item in &frame.items {
                match &item.source {
                    Source::Relation { oid, columns, complete, result } => {
                        if let Some((_, attnum, _)) = columns.iter().find(|(column, ..)| column == name) {
                            return target(*oid, *attnum, *result, depth);
                        }
                        hidden |= !complete;
                    }
                    Source::System(_, columns)
                    | Source::Derived(Some(columns))
                    | Source::Called(Some(columns)) => {
                        if columns.iter().any(|column| column.name == *name) {
                            return Target::Derived { depth };
                        }
                    }
                    // A function's only column goes by the function's name.
                    Source::Derived(None) | Source::Called(None) if item.name == *name => {
                        return Target::Derived { depth };
                    }
                    Source::Derived(None) | Source::Called(None) => hidden = true,
                }
            }
            if hidden {
                let variable = self.variables.contains(name);
                return if variable { Target::Variable } else { Target::Unknown };
            }
            if let Some(item) = frame.items.iter().find(|item| item.name == *name) {
                return item.row(depth);
            }
        }
        if self.variables.contains(name) { Target::Variable } else { Target::Unknown }
    }

    pub(super) fn row(&self, schema: Option<&Ident>, name: &Ident) -> Target {
        let frames = self.frames.iter().rev().enumerate();
        let mut found = frames.flat_map(|(depth, frame)| frame.items.iter().map(move |item| (depth, item)));
        found
            .find(|(_, item)| item.is_called(schema, name))
            .map_or(Target::Unknown, |(depth, item)| item.row(depth_of(depth)))
    }

    pub(super) fn qualified_column(&self, schema: Option<&Ident>, item_name: &Ident, name: &Ident) -> Target {
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let depth = depth_of(depth);
            let Some(item) = frame.items.iter().find(|item| item.is_called(schema, item_name)) else {
                continue;
            };
            return match &item.source {
                Source::Relation { oid, columns, result, .. } => columns
                    .iter()
                    .find(|(column, ..)| column == name)
                    .map_or(Target::Unknown, |(_, attnum, _)| target(*oid, *attnum, *result, depth)),
                Source::System(_, columns) if columns.iter().all(|column| column.name != *name) => {
                    Target::Unknown
                }
                Source::System(..) | Source::Derived(_) | Source::Called(_) => Target::Derived { depth },
            };
        }
        if self.variables.contains(item_name) { Target::Variable } else { Target::Unknown }
    }
}

impl Source {
    pub(super) fn output(&self) -> Output {
        match self {
            Self::Relation { columns, complete: true, .. } => {
                let column = |(name, _, data_type): &(Ident, i16, Option<DataType>)| OutputColumn {
                    name: name.clone(),
                    data_type: data_type.clone(),
                };
                Some(columns.iter().map(column).collect())
            }
            Self::Relation { .. } => None,
            Self::System(_, columns) => Some(columns.clone()),
            Self::Derived(output) | Self::Called(output) => output.clone(),
        }
    }
}

impl Item {
    pub(super) fn is_called(&self, schema: Option<&Ident>, name: &Ident) -> bool {
        self.name == *name && schema.is_none_or(|schema| self.schema.as_ref().is_none_or(|own| own == schema))
    }

    pub(super) fn row(&self, depth: u16) -> Target {
        match &self.source {
            Source::Relation { oid, result: true, .. } => Target::Result { of: *oid, attnum: 0, depth },
            Source::Relation { oid, .. } => Target::Row { relation: *oid, depth },
            Source::System(..) | Source::Derived(_) | Source::Called(_) => Target::Derived { depth },
        }
    }
}

/// What `*` makes of a join: the columns of USING come first, and once.
pub(super) fn joined(
    left: Vec<OutputColumn>,
    right: Vec<OutputColumn>,
    using: &[Ident],
    natural: bool,
) -> Output {
    let has = |columns: &[OutputColumn], name: &Ident| columns.iter().any(|column| column.name == *name);
    let shared: Vec<Ident> = if natural {
        left.iter().map(|column| column.name.clone()).filter(|name| has(&right, name)).collect()
    } else {
        using.to_vec()
    };
    let mut output = Vec::new();
    for name in &shared {
        output.push(left.iter().find(|column| column.name == *name)?.clone());
    }
    output.extend(left.into_iter().chain(right).filter(|column| !shared.contains(&column.name)));
    Some(output)
}

pub(super) fn target(relation: Oid, attnum: i16, result: bool, depth: u16) -> Target {
    match result {
        true => Target::Result { of: relation, attnum, depth },
        false => Target::Column { relation, attnum, depth },
    }
}

pub(super) fn depth_of(frames: usize) -> u16 {
    u16::try_from(frames).unwrap_or(u16::MAX)
}

pub(super) fn rename_output(mut output: Output, alias: Option<&Alias>) -> Output {
    if let (Some(columns), Some(alias)) = (&mut output, alias) {
        columns.iter_mut().zip(&alias.columns).for_each(|(column, name)| column.name = name.clone());
    }
    output
}
